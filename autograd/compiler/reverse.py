"""The reverse pass: each instruction hands slope times adjoint to its operands, from last to first.

An adjoint that is met first is assigned, later ones are added, so that nothing needs to be cleared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import TABLE, Op
from .pack import BATCHED, SHARED, Instruction, Operand
from .rows import (
    ADD,
    ASSIGN,
    ASSIGN_FIRST,
    S_ADJOINT,
    S_VALUE,
    Code,
    View,
    adjoint_space,
    formula_of,
    literal,
    stepped,
    value_space,
)
from .steps import Step
from .trace import ALONG_LISTS, Ints


class Reverse:
    """The rows of the reverse pass: instructions from last to first.

    Attributes:
        home: regions whose adjoints lie in another region: those of the parameters if each sample has its own.
    """

    def __init__(self, lowering: Any, wrt: Sequence[int], each: bool = False) -> None:
        self.lowering = lowering
        packed = lowering.packed
        self.home = {SHARED: max(packed.sizes) + 1} if each else {}
        self.code = Code(lowering.kinds), Code(lowering.kinds)
        size = {**packed.sizes, SHARED: lowering.n_shared}
        self.needed = {region: np.zeros(n, bool) for region, n in size.items()}
        self.written = {region: np.zeros(n, bool) for region, n in size.items()}
        if wrt:
            for region in wrt:
                self.needed[region][:] = True
        else:
            self.needed[SHARED][: packed.n_parameters] = True
        for step in packed.instructions:
            if any(self.needed[operand.region][operand.slots].any() for operand in step.operands):
                self.needed[step.region][step.start : step.start + step.size] = True
        self._seed(packed.outputs)
        for region, code in ((BATCHED, self.code[0]), (SHARED, self.code[1])):
            for step in reversed(packed.instructions):
                block = slice(step.start, step.start + step.size)
                if step.region == region and self.needed[region][block].any() and self.written[region][block].any():
                    worker = Step(lowering, code, step)
                    self._clear(worker, region, np.arange(block.start, block.stop))
                    self._reverse(worker)
        rest = Step(lowering, self.code[1], Instruction("copy", SHARED, 0, (1,), []))
        if not wrt and not each:
            self._clear(rest, SHARED, np.arange(packed.n_parameters))
            gradient, square = View(S_ADJOINT, 0, (1,)), View(S_VALUE, lowering.square, ())
            if packed.n_parameters:
                rest.row("contract", square, gradient, gradient, loops=(packed.n_parameters,))
        rest = Step(lowering, self.code[0], Instruction("copy", BATCHED, 0, (1,), []))
        for region in wrt:
            self._clear(rest, region, np.arange(len(self.written[region])))
        if each:
            self._clear(rest, SHARED, np.arange(packed.n_parameters))

    def _seed(self, outputs: Operand) -> None:
        """Rows that sum the losses, and that begin with dL/dL = 1: 1/B for each sample's share in the mean."""
        shared = outputs.region == SHARED
        code = self.code[1] if shared else self.code[0]
        loss = View(value_space(outputs.region), int(outputs.slots.flat[0]), ())
        total = View(S_VALUE, self.lowering.total, ())
        code.add("add_to", ASSIGN if shared else ASSIGN_FIRST, not shared, (1, 1), total, loss)
        if not self.needed[outputs.region][outputs.slots].all():
            return
        whole = shared or SHARED in self.home  # the loss itself, not a share in the mean
        seed = self.lowering.constant(1.0) if whole else View(S_VALUE, self.lowering.seed, ())
        target = View(adjoint_space(outputs.region), int(outputs.slots.flat[0]), ())
        code.add("copy", ASSIGN, not shared, (1, 1), target, seed)
        self.written[outputs.region][outputs.slots] = True

    def _clear(self, worker: Step, region: int, slots: Ints) -> None:
        """Zero the adjoints among ``slots`` that nothing was handed to."""
        missing = slots[~self.written[region][slots]]
        if not missing.size:
            return
        update = ASSIGN_FIRST if self._summed(region, worker) else ASSIGN
        ends = [*np.flatnonzero(missing[1:] - missing[:-1] != 1).tolist(), len(missing) - 1]
        begin = 0
        for end in ends:
            target = View(self._space(region), int(missing[begin]), (0, 1))
            loops = 1, end + 1 - begin
            worker.row("add_to", target, self.lowering.constant(0.0), update=update, loops=loops)
            begin = end + 1
        self.written[region][missing] = True

    def _update(self, worker: Step, operand: Operand) -> int:
        """How to update the adjoints of an operand, which count as written from now on."""
        touched = operand.slots.ravel() if operand.slots.size == 1 else np.unique(operand.slots)
        written = self.written[operand.region]
        fresh = not written[touched].any()
        if not fresh:
            self._clear(worker, operand.region, touched)
            return ADD
        written[touched] = True
        return ASSIGN_FIRST if self._summed(operand.region, worker) else ASSIGN

    def _space(self, region: int) -> int:
        """Where the adjoints of what is read from a region lie."""
        return adjoint_space(self.home.get(region, region))

    def _summed(self, region: int, worker: Step) -> bool:
        """Whether the adjoints of a region are sums over the samples."""
        return region == SHARED and worker.batched and SHARED not in self.home

    def _wanted(self, operand: Operand) -> bool:
        return bool(self.needed[operand.region][operand.slots].any())

    def _reverse(self, worker: Step) -> None:
        step = worker.step
        if step.op == "dot":
            self._dot(worker)
        elif step.op == "sum":
            for n, (sgn, operand, loops, out) in enumerate(worker.terms()):
                if self._wanted(operand) and not (n == 0 and step.in_place):
                    target = worker.operand(operand, loops, self._space(operand.region))
                    adjoint = out._replace(space=adjoint_space(step.region))
                    update = self._update(worker, operand)
                    worker.row("add_to" if sgn == 1 else "sub_to", target, adjoint, update=update, loops=loops)
        elif step.op == "copy":
            self._copy(worker)
        elif step.op in ALONG_LISTS:
            self._list(worker)
        else:
            self._plain(worker, TABLE[step.op])

    def _dot(self, worker: Step) -> None:
        g, i, j = worker.step.shape
        left, right = worker.step.operands
        loops = (g, i, j, left.slots.shape[2])
        adjoint, a, b = worker.contraction(adjoint_space(worker.step.region))
        for operand, own, other in ((left, a, b), (right, b, a)):
            if self._wanted(operand):
                target = own._replace(space=self._space(operand.region))
                worker.row("contract", target, adjoint, other, update=self._update(worker, operand), loops=loops)

    def _copy(self, worker: Step) -> None:
        space = adjoint_space(worker.step.region)
        for operand, start, loops in worker.parts():
            if not self._wanted(operand):
                continue
            regular = bool(loops) and len(np.unique(operand.slots)) == len(operand.slots)
            if regular:
                target = worker.operand(operand, loops, self._space(operand.region))
                update = self._update(worker, operand)
                worker.row("add_to", target, View(space, start, (loops[1], 1)), update=update, loops=loops)
            else:
                self._clear(worker, operand.region, np.unique(operand.slots))
                target = View(self._space(operand.region), 0, (1,))
                worker.code.add("scatter", ADD, worker.batched, (len(operand.slots),), target, View(space, start, (1,)),
                                aux=worker.listed(operand.slots))  # fmt: skip

    def _list(self, worker: Step) -> None:
        step = worker.step
        operand = step.operands[0]  # wanted, or the instruction were not
        source = worker.operand(operand, worker.loops)
        slopes = worker.temporary()
        adjoint = worker.out(adjoint_space(step.region))
        target = source._replace(space=self._space(operand.region))
        if step.op == "log_sum_exp":
            worker.row("shares", slopes, source)
            worker.row("product_to", target, adjoint, slopes, update=self._update(worker, operand))
        else:
            shares = worker.out()
            if step.op == "log_softmax":
                shares = worker.temporary()
                worker.row("shares", shares, source)
            worker.row("share_slopes" if step.op == "softmax" else "log_share_slopes", slopes, adjoint, shares)
            worker.row("add_to", target, slopes, update=self._update(worker, operand))

    def _plain(self, worker: Step, op: Op) -> None:
        slopes = [formula_of(op, text, True) for text in op.derivatives]
        updates = [
            self._update(worker, operand) if literal(slope) != 0 and self._wanted(operand) else None
            for slope, operand in zip(slopes, worker.step.operands)
        ]

        def write() -> None:
            operands = worker.step.operands
            views = dict(zip(op.arguments, [worker.operand(operand, worker.loops) for operand in operands]))
            views["out"] = worker.out()
            adjoint = worker.out(adjoint_space(worker.step.region))
            for slope, operand, update in zip(slopes, operands, updates):
                if update is None:
                    continue
                target = worker.operand(operand, worker.loops, self._space(operand.region))
                number = literal(slope)
                if number in (1.0, -1.0):
                    worker.row("add_to" if number == 1 else "sub_to", target, adjoint, update=update)
                elif stepped(slope):
                    condition = slope.args[0].left  # type: ignore[attr-defined]
                    worker.row("step_to", target, adjoint, worker.evaluate(condition, views), update=update)
                else:
                    worker.row("product_to", target, adjoint, worker.evaluate(slope, views), update=update)

        worker.templated(("reverse", bool(self.home), *updates), write, self._space)
