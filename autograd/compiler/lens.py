"""The lens: the scalar graph of one sample, whose every number equals the one that the machine computed.

So the fast path stays as inspectable as the slow one: the graph can be drawn, stepped through, explained, checked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import graph, modes
from ..modes import AnomalyError
from ..value import Value, describe
from .batch import Batch
from .pack import INPUT, SHARED
from .rows import adjoint_space, value_space
from .trace import flatten, read

if TYPE_CHECKING:
    from .program import Program


class LensError(AssertionError):
    """The scalar graph of a sample and the compiled program disagree: a defect, worth a report with the function."""


def scalar_graph(program: Program, sample: list[Any]) -> Value | list[Value]:
    """The graph of one sample, gradients filled, compared with the machine's numbers.

    Raises:
        LensError: a value or gradient differs by more than 1e-12 of the terms that it is the sum of.
    """
    roots, inputs = build(program, sample)
    for node in graph.topological(roots):
        node.grad = 0.0
    for parameter in program.parameters:
        parameter.grad = 0.0
    if program._single:
        roots[0].backward()
    _compare(program, roots, inputs, sample)
    return roots[0] if program._single else roots


def build(program: Program, sample: list[Any]) -> tuple[list[Value], list[list[Value]]]:
    """Run the compiled function on Values (or recompute the compiled graph) with the program's parameters."""
    from .api import argument_names

    for parameter, data in zip(program.parameters, program.theta.tolist()):
        parameter.data = data
    source = program._source
    if not callable(source):
        roots = [source] if isinstance(source, Value) else flatten(list(source))
        graph.forward(roots)
        return roots, []
    names = argument_names(source, len(sample))
    arguments = [_values(entry.tolist(), name) for entry, name in zip(sample, names)]
    with modes.changed(tracing=True, record=True, source=True):  # comparisons are nodes, as in the program
        result = source(*arguments)
    found = flatten(result.tolist() if hasattr(result, "tolist") else result)
    return [x if isinstance(x, Value) else Value(x) for x in found], [flatten(argument) for argument in arguments]


def _values(entry: Any, name: str) -> Any:
    if not isinstance(entry, list):
        return Value(entry, name)
    return [_values(x, f"{name}{'_' if name[-1].isdigit() else ''}{i + 1}") for i, x in enumerate(entry)]


def _compare(program: Program, roots: list[Value], inputs: list[list[Value]], sample: list[Any]) -> None:
    index: dict[Value, int] = {}
    scalars = read(roots, inputs, program.parameters, index)
    if scalars.op != program._scalars.op:
        raise LensError("the function built another graph than when it was traced: does it depend on outside data?")
    batch = Batch(program.shapes, [entry[None] for entry in sample])
    machine = program._machine
    if program._single:
        program._differentiate(machine, batch)
    else:
        program._evaluate(machine, batch)
    order = graph.topological(roots)
    size, influence = _magnitudes(order, roots)
    tolerance = 1e-12 if program.dtype == np.float64 else 1e-4
    packed, spaces = program._packed, machine.layout.spaces(1)

    def number(space: int, slot: int) -> float:
        return float(machine.memory[spaces[space, 0] + slot * spaces[space, 1]])

    same: dict[int, list[Value]] = {}  # Values that are one node of the program: equal subexpressions
    for node in order:
        i = index[node]
        region, slot = int(packed.region_of[i]), int(packed.slot_of[i])
        if region < INPUT and slot >= 0 and node.parents:
            _agree(node, "value", node.data, number(value_space(region), slot), tolerance * size[node])
            if all(index[parent] != i for parent in node.parents):  # else it only hands on its parent
                same.setdefault(i, []).append(node)
    for i, nodes in same.items():
        region, slot = int(packed.region_of[i]), int(packed.slot_of[i])
        valid = machine.lowered.valid.get(region)
        if valid is not None and valid[slot]:
            allowed = tolerance * sum(influence[node] for node in nodes)
            gradient = sum(node.grad for node in nodes)
            _agree(nodes[0], "gradient", gradient, number(adjoint_space(region), slot), allowed)
    if program._single:
        for slot, node in enumerate(program.parameters):
            slope = number(adjoint_space(SHARED), slot)
            _agree(node, "gradient", node.grad, slope, tolerance * influence.get(node, 0.0))


def _magnitudes(order: list[Value], roots: list[Value]) -> tuple[dict[Value, float], dict[Value, float]]:
    """How large the terms are that a value, and a gradient, is the sum of: rounding errors are relative to these."""
    size: dict[Value, float] = {}
    for node in order:
        size[node] = abs(node.data) + sum(abs(d) * size[p] for p, d in zip(node.parents, node.local_derivatives))
    influence = dict.fromkeys(order, 0.0)
    for root in roots:
        influence[root] += 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.local_derivatives):
            influence[parent] += influence[node] * abs(slope)
    return size, influence


def _agree(node: Value, what: str, scalar: float, compiled: float, allowed: float) -> None:
    if scalar == compiled or (scalar != scalar and compiled != compiled) or not math.isfinite(allowed):
        return
    if not abs(scalar - compiled) <= allowed + 1e-300:
        raise LensError(f"the {what} of {describe(node)} is {scalar!r} in the graph and {compiled!r} in the program")


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
