"""Lower: array instructions become rows of a small vector machine, forward and reverse.

The machine knows some twenty arithmetic instructions on strided arrays, a contraction, and the functions of the
formula language. What an operation of the table means is read from its formulas, here and nowhere else: an operation
that a user registered is lowered like a built-in one, and no code is generated.

The reverse pass follows the rule of `autograd.backward`: each instruction hands slope times adjoint to its operands.
An adjoint that is met first is assigned, later ones are added, so that nothing needs to be cleared.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import ops
from ..ops import TABLE, Op
from .pack import BATCHED, INPUT, SHARED, Instruction, Operand, Packed, affine, common_loops
from .trace import Ints, require, takes_list

ARITHMETIC = (
    "copy", "add_to", "sub_to", "product_to", "step_to", "add", "sub", "mul", "div", "neg", "abs", "pow", "less",
    "less_equal", "where", "relu",
)  # fmt: skip
STRUCTURED = ("contract", "gather", "scatter", "log_sum_exp", "shares", "share_slopes")
FUNCTIONS = tuple(sorted(set(ops.FLOAT_FUNCTIONS) & {
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf",
    "head", "standard_normal_cdf",
}))  # fmt: skip
MACHINE = {name: code for code, name in enumerate((*ARITHMETIC, *STRUCTURED, *FUNCTIONS))}
"""The machine's instructions. Some update a target: ``product_to`` adds a·b to it, ``step_to`` a where not b ≤ 0."""

ASSIGN, ADD, ASSIGN_FIRST = 0, 1, 2
"""How a target is updated: overwritten, added to, or overwritten by the first block of samples and then added to."""

# Spaces: where a number lies. Values, adjoints and scratch of each region.
S_VALUE, S_ADJOINT, S_SCRATCH, B_VALUE, B_ADJOINT, B_SCRATCH, I_VALUE = range(7)


def value_space(region: int) -> int:
    return (S_VALUE, B_VALUE)[region] if region < INPUT else I_VALUE + 2 * (region - INPUT)


def adjoint_space(region: int) -> int:
    return value_space(region) + 1


class View(NamedTuple):
    """Numbers of one space: first slot, and the steps in slots along up to four loops."""

    space: int
    offset: int
    steps: tuple[int, ...]


NOTHING = View(S_VALUE, 0, (0, 0, 0, 0))
ROW = 32
"""Columns of a row: instruction, update, batched, 4 loop lengths, aux, and 4 operands of (space, offset, 4 steps)."""


@dataclass
class Code:
    """Rows of one part of a program."""

    rows: list[list[int]] = field(default_factory=list)

    def add(self, name: str, update: int, batched: bool, loops: Sequence[int], *views: View, aux: int = 0) -> None:
        """Append a row."""
        lengths = [*loops, 1, 1, 1, 1][:4]
        row = [MACHINE[name], update, int(batched), *lengths, aux]
        for view in (*views, NOTHING, NOTHING, NOTHING, NOTHING)[:4]:
            row += [view.space, view.offset, *view.steps, *(0,) * (4 - len(view.steps))]
        self.rows.append(row)

    def table(self) -> Ints:
        """The rows as an array (n, ROW)."""
        return np.array(self.rows, np.int64).reshape(-1, ROW)


@dataclass
class Lowered:
    """A program of the machine.

    Attributes:
        forward: rows that compute what is shared, and rows that compute what differs from sample to sample.
        reverse: rows that run per block of samples, and rows that finish the shared part after the last block.
        constants: numbers by shared slot.
        sizes: slots per space.
        aux: lists of slots that gather and scatter refer to.
        outputs: the results.
        n_parameters: they are the first shared slots.
        seed: the shared slot of the adjoint of the mean loss, 1/B.
        total: the shared slot of the sum of the losses.
        valid: per region, the slots whose adjoints the reverse pass leaves behind.
    """

    forward: tuple[Ints, Ints]
    reverse: tuple[Ints, Ints]
    constants: dict[int, float]
    sizes: dict[int, int]
    aux: Ints
    outputs: Operand
    n_parameters: int
    seed: int
    total: int
    valid: dict[int, NDArray[np.bool_]]

    def check(self) -> None:
        """Refuse rows that refer to what is not there."""
        for table in (*self.forward, *self.reverse):
            require(table.ndim == 2 and table.shape[1] == ROW, "a row has the wrong length")
            require(np.all((table[:, 0] >= 0) & (table[:, 0] < len(MACHINE))), "an instruction is unknown")
            require(np.all(table[:, 3:7] >= 1), "a loop is empty")
            for first in range(8, ROW, 6):
                space, offset, steps = table[:, first], table[:, first + 1], table[:, first + 2 : first + 6]
                size = np.array([self.sizes.get(s, 0) for s in range(max(self.sizes) + 1)])
                require(np.all((space >= 0) & (space < len(size))), "a space is unknown")
                reach = offset + np.maximum(steps * (table[:, 3:7] - 1), 0).sum(axis=1)
                low = offset + np.minimum(steps * (table[:, 3:7] - 1), 0).sum(axis=1)
                listed = np.isin(table[:, 0], [MACHINE["gather"], MACHINE["scatter"]])
                require(np.all((low >= 0) & ((reach < size[space]) | listed)), "a row reaches outside its space")


class Lowering:
    """Makes the rows of a packed program; the reverse pass for a choice of what to differentiate by."""

    def __init__(self, packed: Packed) -> None:
        self.packed = packed
        self.constants = dict(packed.constants)
        self.n_shared = packed.sizes[SHARED]
        self.slot_of_constant = {(c, np.signbit(c)): slot for slot, c in self.constants.items()}
        self.aux: list[int] = []
        self.scratch = {S_SCRATCH: 1, B_SCRATCH: 1}
        self.seed, self.total = self.n_shared, self.n_shared + 1
        self.n_shared += 2

    def lower(self, wrt: Sequence[int] = (), differentiate: bool = True) -> Lowered:
        """Rows for the values, and for the derivatives by the parameters or by the inputs of the regions ``wrt``."""
        shared, batched = Code(), Code()
        for step in self.packed.instructions:
            _Step(self, shared if step.region == SHARED else batched, step).forward()
        reverse, valid = (Code(), Code()), {}
        if differentiate:
            worker = _Reverse(self, wrt)
            reverse = worker.code
            valid = {region: worker.needed[region] & worker.written[region] for region in worker.needed}
        sizes = {
            S_VALUE: self.n_shared, S_ADJOINT: self.n_shared, B_VALUE: self.packed.sizes[BATCHED],
            B_ADJOINT: self.packed.sizes[BATCHED], **self.scratch,
        }  # fmt: skip
        for region, size in self.packed.sizes.items():
            if region >= INPUT:
                sizes[value_space(region)] = sizes[adjoint_space(region)] = size
        lowered = Lowered(
            (shared.table(), batched.table()), (reverse[0].table(), reverse[1].table()), self.constants, sizes,
            np.array([*self.aux, 0], np.int64), self.packed.outputs, self.packed.n_parameters, self.seed, self.total,
            valid,
        )  # fmt: skip
        lowered.check()
        return lowered

    def constant(self, number: float) -> View:
        """The slot of a number."""
        key = (number, np.signbit(number))
        if number != number or key not in self.slot_of_constant:
            self.slot_of_constant[key] = self.n_shared
            self.constants[self.n_shared] = number
            self.n_shared += 1
        return View(S_VALUE, self.slot_of_constant[key], ())


class _Step:
    """The rows of one instruction."""

    def __init__(self, lowering: Lowering, code: Code, step: Instruction) -> None:
        self.lowering, self.code, self.step = lowering, code, step
        self.batched = step.region == BATCHED
        self.used = 0  # scratch slots in use
        self.known: dict[tuple[object, ...], View] = {}
        self.loops: tuple[int, ...] = (1, step.size)
        flat = [operand.slots for operand in step.operands]
        self.plain = step.op not in ("dot", "sum", "copy") and not takes_list(step.op)
        if self.plain:
            inner = common_loops(flat)
            self.loops = (step.size // inner, inner)
        elif step.op in ("log_sum_exp", "softmax"):
            self.loops = flat[0].shape

    def row(self, name: str, *views: View, update: int = ASSIGN, loops: Sequence[int] | None = None) -> None:
        self.code.add(name, update, self.batched, self.loops if loops is None else loops, *views)

    def out(self, space: int | None = None) -> View:
        chosen = value_space(self.step.region) if space is None else space
        if self.step.op == "log_sum_exp":
            return View(chosen, self.step.start, (1, 0))
        return View(chosen, self.step.start, (self.loops[1], 1))

    def operand(self, operand: Operand, loops: tuple[int, ...], space: int | None = None) -> View:
        slots = operand.slots.reshape(loops)
        chosen = value_space(operand.region) if space is None else space
        return View(chosen, int(slots.flat[0]), steps_of(slots))

    def temporary(self) -> View:
        space = B_SCRATCH if self.batched else S_SCRATCH
        view = View(space, self.used, (self.loops[1], 1))
        self.used += self.loops[0] * self.loops[1]
        self.lowering.scratch[space] = max(self.lowering.scratch[space], self.used)
        return view

    # -- values ---------------------------------------------------------------------------------------------------

    def forward(self) -> None:
        step = self.step
        if step.op == "dot":
            g, i, j = step.shape
            k = step.operands[0].slots.shape[2]
            out, a, b = self.contraction()
            self.row("contract", out, a, b, loops=(g, i, j, k))
        elif step.op == "sum":
            self._sum()
        elif step.op == "copy":
            self._copy()
        elif step.op in ("log_sum_exp", "softmax"):
            name = "shares" if step.op == "softmax" else step.op
            self.row(name, self.out(), self.operand(step.operands[0], self.loops))
        else:
            op = TABLE[step.op]
            views = dict(zip(op.arguments, [self.operand(operand, self.loops) for operand in step.operands]))
            self.evaluate(formula_of(op, op.formula), views, self.out())

    def contraction(self, space: int | None = None) -> tuple[View, View, View]:
        """The result and the two operands of a dot as views along the loops g, i, j, k."""
        _, i, j = self.step.shape
        left, right = self.step.operands
        a, b = self.operand(left, left.slots.shape), self.operand(right, right.slots.shape)
        chosen = value_space(self.step.region) if space is None else space
        out = View(chosen, self.step.start, (i * j, j, 1, 0))
        return out, a._replace(steps=(*a.steps[:2], 0, a.steps[2])), b._replace(steps=(b.steps[0], 0, *b.steps[1:]))

    def terms(self) -> list[tuple[int, Operand, tuple[int, ...], View]]:
        """The terms of a sum: sign, operand, loops, and the result seen along them."""
        found = []
        for sgn, operand in zip(self.step.signs, self.step.operands):
            if operand.slots.ndim == 1:
                inner = common_loops([operand.slots])
                loops: tuple[int, ...] = (self.step.size // inner, inner)
                out = View(value_space(self.step.region), self.step.start, (inner, 1))
            else:
                loops = operand.slots.shape
                out = View(value_space(self.step.region), self.step.start, (1, 0))
            found.append((sgn, operand, loops, out))
        return found

    def _sum(self) -> None:
        terms = self.terms()
        rest = terms[1:] if self.step.in_place else terms
        loops: tuple[int, ...]
        begun = self.step.in_place
        if not begun and len(terms) > 1 and all(operand.slots.ndim == 1 for _, operand, _, _ in terms[:2]):
            (sign_a, a, _, _), (sign_b, b, _, _), *others = terms
            inner = common_loops([a.slots, b.slots])
            loops = (self.step.size // inner, inner)
            if sign_a == 1 and all(affine(operand.slots.reshape(loops)) for operand in (a, b)):
                views = [self.operand(operand, loops) for operand in (a, b)]
                self.row("add" if sign_b == 1 else "sub", self.out()._replace(steps=(inner, 1)), *views, loops=loops)
                rest, begun = others, True
        for sgn, operand, loops, out in rest:
            view = self.operand(operand, loops)
            name = "add_to" if sgn == 1 else "sub_to"
            self.row(name, out, view, update=ADD if begun else ASSIGN, loops=loops)
            begun = True

    def parts(self) -> list[tuple[Operand, int, tuple[int, ...]]]:
        """The parts of a copy: source, first slot of the target, and loops that walk through the source, if any do."""
        found: list[tuple[Operand, int, tuple[int, ...]]] = []
        start = self.step.start
        for operand in self.step.operands:
            inner = common_loops([operand.slots])
            loops: tuple[int, ...] = (len(operand.slots) // inner, inner)
            found.append((operand, start, loops if affine(operand.slots.reshape(loops)) else ()))
            start += len(operand.slots)
        return found

    def listed(self, slots: Ints) -> int:
        first = len(self.lowering.aux)
        self.lowering.aux += slots.tolist()
        return first

    def _copy(self) -> None:
        space = value_space(self.step.region)
        for operand, start, loops in self.parts():
            if loops:
                self.row("copy", View(space, start, (loops[1], 1)), self.operand(operand, loops), loops=loops)
            else:
                source = View(value_space(operand.region), 0, (1,))
                self.code.add("gather", ASSIGN, self.batched, (len(operand.slots),), View(space, start, (1,)), source,
                              aux=self.listed(operand.slots))  # fmt: skip

    # -- formulas -------------------------------------------------------------------------------------------------

    def evaluate(self, tree: ast.expr, views: dict[str, View], target: View | None = None) -> View:
        """Rows that evaluate a formula; its value as a view (``target`` if given)."""
        result = self._evaluate(tree, views, target)
        if target is not None and result != target:
            self.row("copy", target, result)
            return target
        return result

    def _evaluate(self, tree: ast.expr, views: dict[str, View], target: View | None = None) -> View:
        number = literal(tree)
        if number is not None:
            return self.lowering.constant(number)
        if isinstance(tree, ast.Name):
            return views[tree.id]
        if isinstance(tree, ast.UnaryOp):
            return self._make("neg", [tree.operand], views, target) if isinstance(tree.op, ast.USub) else \
                self._evaluate(tree.operand, views, target)  # fmt: skip
        if isinstance(tree, ast.BinOp):
            names = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
            return self._make(names[type(tree.op)], [tree.left, tree.right], views, target)
        if isinstance(tree, ast.Compare):
            pair = [tree.left, tree.comparators[0]]
            if isinstance(tree.ops[0], (ast.Gt, ast.GtE)):
                pair.reverse()
            strict = isinstance(tree.ops[0], (ast.Lt, ast.Gt))
            return self._make("less" if strict else "less_equal", pair, views, target)
        assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
        name = tree.func.id
        if name == "where" and rectified(tree):
            return self._make("relu", [tree.args[2]], views, target)
        if name in MACHINE and name not in STRUCTURED:
            return self._make(name, tree.args, views, target)
        op = TABLE[name]
        arguments = [self._evaluate(argument, views) for argument in tree.args]
        arguments += [self.lowering.constant(op.defaults[a]) for a in op.arguments[len(arguments) :]]
        return self._evaluate(formula_of(op, op.formula), dict(zip(op.arguments, arguments)), target)

    def _make(self, name: str, trees: Sequence[ast.expr], views: dict[str, View], target: View | None) -> View:
        operands = [self._evaluate(tree, views) for tree in trees]
        key = (name, *operands)
        if key not in self.known:
            result = self.temporary() if target is None else target
            self.row(name, result, *operands)
            self.known[key] = result
        return self.known[key]


class _Reverse:
    """The rows of the reverse pass: instructions from last to first."""

    def __init__(self, lowering: Lowering, wrt: Sequence[int]) -> None:
        self.lowering = lowering
        packed = lowering.packed
        self.code = Code(), Code()
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
                    worker = _Step(lowering, code, step)
                    self._clear(worker, region, np.arange(block.start, block.stop))
                    self._reverse(worker)
        rest = _Step(lowering, self.code[1], Instruction("copy", SHARED, 0, (1,), []))
        if not wrt:
            self._clear(rest, SHARED, np.arange(packed.n_parameters))
        rest = _Step(lowering, self.code[0], Instruction("copy", BATCHED, 0, (1,), []))
        for region in wrt:
            self._clear(rest, region, np.arange(len(self.written[region])))

    def _seed(self, outputs: Operand) -> None:
        """Rows that sum the losses, and that begin with dL/dL = 1: 1/B for each sample's share in the mean."""
        shared = outputs.region == SHARED
        code = self.code[1] if shared else self.code[0]
        loss = View(value_space(outputs.region), int(outputs.slots.flat[0]), ())
        total = View(S_VALUE, self.lowering.total, ())
        code.add("add_to", ASSIGN if shared else ASSIGN_FIRST, not shared, (1, 1), total, loss)
        if not self.needed[outputs.region][outputs.slots].all():
            return
        seed = self.lowering.constant(1.0) if shared else View(S_VALUE, self.lowering.seed, ())
        target = View(adjoint_space(outputs.region), int(outputs.slots.flat[0]), ())
        code.add("copy", ASSIGN, not shared, (1, 1), target, seed)
        self.written[outputs.region][outputs.slots] = True

    def _clear(self, worker: _Step, region: int, slots: Ints) -> None:
        """Zero the adjoints among ``slots`` that nothing was handed to."""
        missing = slots[~self.written[region][slots]]
        if not missing.size:
            return
        for run in np.split(missing, np.flatnonzero(np.diff(missing) != 1) + 1):
            target = View(adjoint_space(region), int(run[0]), (0, 1))
            update = ASSIGN_FIRST if region == SHARED and worker.batched else ASSIGN
            worker.row("add_to", target, self.lowering.constant(0.0), update=update, loops=(1, len(run)))
        self.written[region][missing] = True

    def _update(self, worker: _Step, operand: Operand) -> int:
        """How to update the adjoints of an operand, which count as handed to from now on."""
        touched = operand.slots.ravel() if operand.slots.size == 1 else np.unique(operand.slots)
        written = self.written[operand.region]
        fresh = not written[touched].any()
        if not fresh:
            self._clear(worker, operand.region, touched)
            return ADD
        written[touched] = True
        return ASSIGN_FIRST if operand.region == SHARED and worker.batched else ASSIGN

    def _wanted(self, operand: Operand) -> bool:
        return bool(self.needed[operand.region][operand.slots].any())

    def _reverse(self, worker: _Step) -> None:
        step = worker.step
        if step.op == "dot":
            self._dot(worker)
        elif step.op == "sum":
            for n, (sgn, operand, loops, out) in enumerate(worker.terms()):
                if self._wanted(operand) and not (n == 0 and step.in_place):
                    target = worker.operand(operand, loops, adjoint_space(operand.region))
                    adjoint = out._replace(space=adjoint_space(step.region))
                    update = self._update(worker, operand)
                    worker.row("add_to" if sgn == 1 else "sub_to", target, adjoint, update=update, loops=loops)
        elif step.op == "copy":
            self._copy(worker)
        elif step.op in ("log_sum_exp", "softmax"):
            self._list(worker)
        else:
            self._plain(worker, TABLE[step.op])

    def _dot(self, worker: _Step) -> None:
        g, i, j = worker.step.shape
        left, right = worker.step.operands
        loops = (g, i, j, left.slots.shape[2])
        adjoint, a, b = worker.contraction(adjoint_space(worker.step.region))
        for operand, own, other in ((left, a, b), (right, b, a)):
            if self._wanted(operand):
                target = own._replace(space=adjoint_space(operand.region))
                worker.row("contract", target, adjoint, other, update=self._update(worker, operand), loops=loops)

    def _copy(self, worker: _Step) -> None:
        space = adjoint_space(worker.step.region)
        for operand, start, loops in worker.parts():
            if not self._wanted(operand):
                continue
            regular = bool(loops) and len(np.unique(operand.slots)) == len(operand.slots)
            if regular:
                target = worker.operand(operand, loops, adjoint_space(operand.region))
                update = self._update(worker, operand)
                worker.row("add_to", target, View(space, start, (loops[1], 1)), update=update, loops=loops)
            else:
                self._clear(worker, operand.region, np.unique(operand.slots))
                target = View(adjoint_space(operand.region), 0, (1,))
                worker.code.add("scatter", ADD, worker.batched, (len(operand.slots),), target, View(space, start, (1,)),
                                aux=worker.listed(operand.slots))  # fmt: skip

    def _list(self, worker: _Step) -> None:
        step = worker.step
        operand = step.operands[0]
        if not self._wanted(operand):
            return
        source = worker.operand(operand, worker.loops)
        slopes = worker.temporary()
        adjoint = worker.out(adjoint_space(step.region))
        target = source._replace(space=adjoint_space(operand.region))
        if step.op == "log_sum_exp":
            worker.row("shares", slopes, source)
            worker.row("product_to", target, adjoint, slopes, update=self._update(worker, operand))
        else:
            worker.row("share_slopes", slopes, adjoint, worker.out())
            worker.row("add_to", target, slopes, update=self._update(worker, operand))

    def _plain(self, worker: _Step, op: Op) -> None:
        step = worker.step
        views = dict(zip(op.arguments, [worker.operand(operand, worker.loops) for operand in step.operands]))
        views["out"] = worker.out()
        adjoint = worker.out(adjoint_space(step.region))
        for text, operand in zip(op.derivatives, step.operands):
            if not self._wanted(operand):
                continue
            tree = formula_of(op, text, True)
            number = literal(tree)
            if number == 0:
                continue
            target = worker.operand(operand, worker.loops, adjoint_space(operand.region))
            if number in (1.0, -1.0):
                name = "add_to" if number == 1 else "sub_to"
                worker.row(name, target, adjoint, update=self._update(worker, operand))
            elif stepped(tree):
                condition = tree.args[0].left  # type: ignore[attr-defined]
                x = worker.evaluate(condition, views)
                worker.row("step_to", target, adjoint, x, update=self._update(worker, operand))
            else:
                slope = worker.evaluate(tree, views)
                worker.row("product_to", target, adjoint, slope, update=self._update(worker, operand))


def steps_of(slots: Ints) -> tuple[int, ...]:
    """The steps from the first slot to its neighbours along each axis; 0 along an axis of length 1."""
    first = (0,) * slots.ndim
    if slots.size == 1:
        return first
    return tuple(
        int(slots[tuple(int(a == axis) for a in range(slots.ndim))] - slots[first]) if length > 1 else 0
        for axis, length in enumerate(slots.shape)
    )


@lru_cache(maxsize=1024)
def formula_of(op: Op, text: str, derivative: bool = False) -> ast.expr:
    """A formula of an operation as a tree; long programs ask for the same one many times."""
    return ops.parse(op, text, derivative)


# ---- reading formulas -------------------------------------------------------------------------------------------


def literal(tree: ast.expr) -> float | None:
    """The number that a formula is, if it is one."""
    if isinstance(tree, ast.Constant):
        return float(tree.value)  # type: ignore[arg-type]
    if isinstance(tree, ast.Name) and tree.id in ("inf", "nan"):
        return ops.inf if tree.id == "inf" else ops.nan
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        number = literal(tree.operand)
        return None if number is None else -number
    return None


def _choice(tree: ast.expr) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """(x, a, b) if the formula is ``where(x <= 0, a, b)``."""
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "where"):
        return None
    condition, chosen, otherwise = tree.args
    if not (isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.LtE)):
        return None
    return (condition.left, chosen, otherwise) if literal(condition.comparators[0]) == 0 else None


def rectified(tree: ast.expr) -> bool:
    """Whether a formula is ``where(x <= 0, 0, x)``."""
    choice = _choice(tree)
    return choice is not None and literal(choice[1]) == 0 and ast.dump(choice[0]) == ast.dump(choice[2])


def stepped(tree: ast.expr) -> bool:
    """Whether a formula is ``where(x <= 0, 0, 1)``."""
    choice = _choice(tree)
    return choice is not None and literal(choice[1]) == 0 and literal(choice[2]) == 1


__all__ = ["Code", "Lowered", "Lowering", "MACHINE", "View", "NDArray"]
