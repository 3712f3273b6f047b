"""The lens: the scalar graph of one sample, whose every number equals the one that the machine computed.

So the fast path stays as inspectable as the slow one: the graph can be drawn, stepped through, explained, checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import graph, modes
from ..adjoints import symbolic_derivatives
from ..modes import AnomalyError
from ..ops import TABLE
from ..placeholder import hidden
from ..value import Value, constant, describe
from .batch import Batch
from .pack import INPUT
from .rows import adjoint_space, value_space
from .trace import flatten, numbered, placeholders, read

if TYPE_CHECKING:
    from .program import Program


class LensError(AssertionError):
    """The scalar graph of a sample and the compiled program disagree: a defect, worth a report with the function."""


def scalar_graph(program: Program, sample: list[Any]) -> Value | list[Value]:
    """The graph of one sample, gradients filled; the machine's numbers were checked along it, operation by operation.

    Raises:
        LensError: a number of the machine is not what its operation makes of the machine's own operands, to rounding.
    """
    roots, inputs = build(program, sample)
    for node in graph.topological(roots):
        node.grad = 0.0
    for parameter in program.parameters:
        parameter.grad = 0.0
    if program._single:
        roots[0].backward()
    index: dict[Value, int] = {}
    scalars = read(roots, inputs, program.parameters, index)
    if not scalars.same(program._scalars):
        raise LensError("the function built another graph than when it was traced: does it depend on outside data?")
    judge(program, sample, {i: node for node, i in index.items()})
    return roots[0] if program._single else roots


def judge(program: Program, sample: list[Any], nodes: dict[int, Value]) -> None:
    """Check every number of a program for one sample; ``nodes`` are the Values that it can be named by.

    Raises:
        LensError: one is wrong.
    """
    _Check(program, sample, nodes).run()


def build(program: Program, sample: list[Any]) -> tuple[list[Value], list[list[Value]]]:
    """Run the compiled function on Values (or recompute the compiled graph) with the program's parameters."""
    for parameter, data in zip(program.parameters, program.theta.tolist()):
        parameter.data = data
    source = program._source
    if not callable(source):
        roots = [source] if isinstance(source, Value) else flatten(list(source))
        graph.forward(roots)
        return roots, []
    # placeholders with numbers, so that every line does what it did when the function was traced
    arguments = [placeholders(entry.shape, name) for entry, name in zip(sample, program._names)]
    inputs = [flatten(argument) for argument in arguments]
    for node, number in zip(flatten(inputs), [x for entry in sample for x in entry.ravel().tolist()]):
        node.data = number
    with hidden(program.parameters), modes.changed(tracing=True, record=True, source=True):
        roots = flattened(source(*arguments))
    for node in [*flatten(inputs), *graph.topological(roots)]:
        if node._traced:
            node.__class__ = Value
    return roots, inputs


def arguments_of(program: Program, sample: list[Any]) -> list[Any]:
    """One sample as Values and lists of Values, labelled by the names of the function's arguments."""
    return [_values(entry.tolist(), name) for entry, name in zip(sample, program._names)]


def flattened(result: Any) -> list[Value]:
    """What a function returned, as a flat list of Values."""
    entries = flatten(result.tolist() if hasattr(result, "tolist") else result)
    return [x if isinstance(x, Value) else Value(x) for x in entries]


def _values(entry: Any, name: str) -> Any:
    if not isinstance(entry, list):
        return Value(entry, name)
    return [_values(x, numbered(name, i)) for i, x in enumerate(entry)]


class _Check:
    """Whether each number of the machine is what its operation makes of the machine's own operands.

    So rounding is judged where it happens: that an ill-conditioned function blows it up later, or that a comparison
    falls on the other side for it, is not held against the program. Numbers that have no slot, as the products inside
    a dot, are computed here, and what they add to the allowance is kept in ``size``.
    """

    def __init__(self, program: Program, sample: list[Any], nodes: dict[int, Value]) -> None:
        self.program, self.nodes, self.scalars = program, nodes, program._scalars
        self.given = [x for entry in sample for x in entry.ravel().tolist()] + program.theta.tolist()
        self.tolerance = 1e-12 if program.dtype == np.float64 else 1e-4
        self.tiny, self.huge = float(np.finfo(program.dtype).tiny), float(np.finfo(program.dtype).max)
        batch = Batch(program.shapes, [entry[None] for entry in sample])
        # an exact zero carries nothing also where no gradient of a parameter shows it
        machine = program._machine.inspected(batch, program._single)
        self.memory, self.spaces, self.valid = machine.memory, machine.layout.spaces(1), machine.lowered.valid
        self.slopes: list[tuple[float, ...]] = []

    def run(self) -> None:
        """Check all numbers.

        Raises:
            LensError: one is wrong.
        """
        self._values()
        if self.program._single:
            self._gradients()

    def _number(self, space: int, slot: int) -> float:
        return float(self.memory[self.spaces[space, 0] + slot * self.spaces[space, 1]])

    def _place(self, i: int) -> tuple[int, int]:
        return int(self.program._packed.region_of[i]), int(self.program._packed.slot_of[i])

    def _parents(self, i: int) -> list[int]:
        parents: list[int] = self.scalars.parents[self.scalars.start[i] : self.scalars.start[i + 1]].tolist()
        return parents

    def _values(self) -> None:
        value: list[float] = []
        size: list[float] = []
        with np.errstate(over="ignore"):
            leaves = np.array([*self.given, *self.scalars.data[len(self.given) :].tolist()]).astype(self.program.dtype)
        for i, op in enumerate(self.scalars.op):
            parents = self._parents(i)
            if not parents:
                value.append(float(leaves[i]))
                size.append(abs(value[i]))
                self.slopes.append(())
                continue
            operands = [value[p] for p in parents]
            if op == "sum":
                number, slopes = sum(operands), (1.0,) * len(operands)
            else:
                number, slopes = TABLE[op].evaluate(*operands)
            scale = abs(number) + sum(abs(d) * size[p] for p, d in zip(parents, slopes) if d and size[p])
            region, slot = self._place(i)
            if slot >= 0 and region < INPUT:
                found = self._number(value_space(region), slot)
                self._agree(i, "value", number, found, self.tolerance * scale + self.tiny)
                if found != number and op in TABLE and any("out" in text for text in TABLE[op].derivatives):
                    slopes = _slopes(op, operands, found)
                number, scale = found, abs(found)
            value.append(number)
            size.append(scale)
            self.slopes.append(slopes)

    def _gradients(self) -> None:
        count = len(self.slopes)
        adjoint, size, floor = [0.0] * count, [0.0] * count, [0.0] * count
        adjoint[self.scalars.roots[0]] = size[self.scalars.roots[0]] = 1.0
        first: dict[tuple[int, int], int] = {}  # a softmax of the same entries in another order has the same slot
        for i in range(count):
            if self._place(i)[1] >= 0:
                first.setdefault(self._place(i), i)
        for i in range(count - 1, -1, -1):
            region, slot = self._place(i)
            same = first.get((region, slot), i)
            if same != i:
                for sums in (adjoint, size, floor):
                    sums[same] += sums[i]
                continue
            valid = self.valid.get(region)
            if slot >= 0 and valid is not None and valid[slot]:
                found = self._number(adjoint_space(region), slot)
                self._agree(i, "gradient", adjoint[i], found, self.tolerance * size[i] + self.tiny * (1 + floor[i]))
                adjoint[i], size[i] = found, abs(found)
            if adjoint[i] or size[i]:
                for p, slope in zip(self._parents(i), self.slopes[i]):
                    if slope:
                        adjoint[p] += adjoint[i] * slope if adjoint[i] else 0.0
                        size[p] += size[i] * abs(slope)
                    floor[p] += size[i]  # times a slope that underflowed

    def _agree(self, i: int, what: str, scalar: float, compiled: float, allowed: float) -> None:
        same = scalar == compiled or (scalar != scalar and compiled != compiled)
        if same or not abs(allowed) <= self.huge or abs(scalar - compiled) <= allowed:
            return
        node = self.nodes.get(i)
        name = f"a {self.scalars.op[i]} inside a dot or a mean" if node is None else describe(node)
        raise LensError(f"the {what} of {name} is {scalar!r} in the graph and {compiled!r} in the program")


def _slopes(op: str, operands: list[float], out: float) -> tuple[float, ...]:
    """The local derivatives of an operation whose value came out as ``out``."""
    node = constant(out)
    node.op, node.parents = op, tuple(map(constant, operands))
    return tuple(slope.data if isinstance(slope, Value) else slope for slope in symbolic_derivatives(node))


def explain_anomaly(program: Program, batch: Batch) -> None:
    """Raise AnomalyError for the first sample whose loss or gradient is not finite.

    The scalar graph of that sample says which operation, which operands and which source line it was.
    """
    for i in range(batch.samples):
        try:
            with modes.detect_anomaly():
                roots, _ = build(program, batch.sample(i))
                if program._single:
                    roots[0].backward()
        except AnomalyError as error:
            row = "" if batch.rows is None else f", row {batch.rows[i]} of the data"
            place = f"sample {i} of the batch{row}: " if batch.arrays else ""
            raise AnomalyError(f"{place}{error}") from None
