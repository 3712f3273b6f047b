"""The witness: whether a program gives what the function that it was compiled from gives, run eagerly.

A trace sees one run of the function. `traced` looks whether a second run builds the same graph and whether random
numbers were drawn; `Witness` compares samples of the data with the eager engine, one by one and as a batch. Numbers
that agree to rounding are enough. If a sample does not agree, its graph says why: either it is another graph than the
one that was traced (the function looked at a number, drew one, or something that it depends on has changed), which is
an error that names the line; or it is the same one and rounding was blown up on the way, which the lens's check of each
operation confirms.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from .. import graph, modes
from ..functional import grad
from ..modes import TraceError
from ..value import Value
from .batch import Batch
from .lens import LensError, arguments_of, build, flattened, judge
from .trace import Scalars, Shape, read, trace

if TYPE_CHECKING:
    from .program import Program

LARGE = 20_000
"""At this many scalar nodes and more, a second trace and many samples would take too long: one sample is compared."""
SAMPLES = 16
OPERANDS = 640_000
"""Operands of operations that the samples compared at first have together at most: the eager engine takes about a
microsecond for each."""
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


def traced(
    f: Callable[..., Any], shapes: Sequence[Shape], names: Sequence[str], parameters: Sequence[Value]
) -> tuple[Scalars, bool]:
    """The graph of a function, and whether it returns one Value; a small one is traced twice.

    Raises:
        TraceError: two runs differ, or both draw random numbers; or as in `trace.trace`.
    """
    before = _random_state()
    scalars, single, _ = trace(f, shapes, names, parameters)
    if scalars.traced >= LARGE:
        return scalars, single
    between = _random_state()
    again = trace(f, shapes, names, parameters)[0]
    if not again.same(scalars):
        raise TraceError(
            "the traced function computes something else each time it is called: it uses random numbers, or something "
            "that it changes itself. A program would repeat one of these computations; give what changes as an input"
        )
    if before != between != _random_state():  # twice, since another thread may draw a number now and then
        raise TraceError(
            "the traced function draws random numbers, and a program would repeat what it did with those of one run; "
            "draw them outside and give them as an input"
        )
    return scalars, single


def _random_state() -> tuple[Any, bytes]:
    return random.getstate(), pickle.dumps(np.random.get_state(legacy=False))


class Witness:
    """Compares a program with the eager engine.

    Attributes:
        most: how many samples are compared at first.
        floats: whether the eager function is called with floats, as `nn` does, or with Values.
        known: what was compared so far: 0 nothing, 1 values, 2 values and gradient.
    """

    def __init__(self, program: Program) -> None:
        self._program = ref(program)  # whose witness this is: a graph of objects without a cycle is freed at once
        self.floats = False
        self.known = 0 if callable(program._source) else 2
        self.small = program._scalars.traced < LARGE
        self.most = max(1, min(SAMPLES, OPERANDS // max(1, len(program._scalars.parents)))) if self.small else 1

    @property
    def program(self) -> Program:
        """The program, which lives as long as somebody asks its witness."""
        program = self._program()
        assert program is not None
        return program

    def first(self, batch: Batch, level: int) -> None:
        """Compare samples of the first batch, once: values (level 1), or values and gradient (level 2).

        Raises:
            TraceError: the program is not the function; the message says where they part.
            LensError: a number is wrong by more than rounding, a defect of the compiler.
        """
        if self.known < level:
            self.compare(batch, chosen(batch, self.most), gradient=level == 2)
            self.known = level

    def compare(self, batch: Batch, rows: Sequence[int], gradient: bool = False) -> None:
        """Compare some samples of a batch; raises as `first`."""
        with self.program._lock:
            self._compare(batch, rows, gradient)

    def _compare(self, batch: Batch, rows: Sequence[int], gradient: bool) -> None:
        program, tolerance = self.program, TOLERANCE[str(self.program.dtype)]
        found: list[tuple[list[float], list[float]]] = []
        alike = True
        with _numbers_of(program):
            for row in rows:
                # one sample alone may have machine code of its own; the same sample twice has that of the batch
                one = batch.some([row, row] if batch.samples > 1 else [row])
                compiled, by_parameter = self._compiled(one, gradient)
                compiled = compiled[: len(compiled) // one.samples or 1]
                found.append((compiled, by_parameter))
                sample = one.sample(0)
                expected, own = self._eager(sample, gradient)
                if _differ(compiled, expected, tolerance) or _differ(by_parameter, own, tolerance, _largest(own)):
                    self._explain(sample, compiled, expected, own)
                    alike = False
            if alike and len(rows) > 1:
                self._together(batch.some(rows), found, gradient)

    def _compiled(self, batch: Batch, gradient: bool) -> tuple[list[float], list[float]]:
        """The values of some samples, one after the other, or their mean loss and its gradient."""
        program = self.program
        if not gradient:
            return program._machine.evaluate(batch).ravel().tolist(), []
        value, slopes = program._differentiate(program._machine, batch)
        return [float(value)], np.array(slopes).tolist()

    def _together(self, batch: Batch, found: list[tuple[list[float], list[float]]], gradient: bool) -> None:
        """Compare the samples as one batch with what they gave one by one, which is what the eager engine gives.

        Raises:
            LensError: a number differs by more than the order of a sum can make it.
        """
        program, tolerance = self.program, 100 * TOLERANCE[str(self.program.dtype)]
        alone = [np.array(column, np.float64) for column in zip(*found)]
        compiled = self._compiled(batch, gradient)
        for own, each in zip(compiled, alone):
            largest = _largest(each.ravel().tolist())
            if largest * len(found) > np.finfo(program.dtype).max:
                continue  # a sum may overflow
            with np.errstate(invalid="ignore"):
                expected = (each.mean(axis=0) if gradient else each).ravel().tolist()
            pairs = [pair for pair in zip(own, expected) if _differ(pair[:1], pair[1:], tolerance, largest)]
            if pairs:
                raise LensError(
                    f"{len(found)} samples give {pairs[0][0]!r} as a batch where they give {pairs[0][1]!r} one by one: "
                    "a defect of the compiler, worth a report with the function"
                )

    def _eager(self, sample: list[Any], gradient: bool) -> tuple[list[float], list[float]]:
        program = self.program
        arguments = [x.tolist() for x in sample] if self.floats else arguments_of(program, sample)
        with modes.changed(record=True, anomaly=False, source=False, tracing=False):
            results = flattened(program._source(*arguments))
            slopes = grad(results[0], program.parameters) if gradient else []
        return [result.data for result in results], slopes

    def _explain(self, sample: list[Any], compiled: list[float], eager: list[float], slopes: list[float]) -> None:
        """Raise unless rounding explains the difference."""
        program = self.program
        with modes.changed(anomaly=False):
            roots, inputs = build(program, sample)
        index: dict[Value, int] = {}
        scalars = read(roots, inputs, program.parameters, index)
        if not scalars.same(program._scalars):
            line = _line(scalars, program._scalars, index)
            raise TraceError(_differing(sample, compiled, eager) + line)
        own = grad(roots[0], program.parameters) if slopes else []
        size = _size(roots)  # derivatives inside are summed in another order while comparisons are nodes
        others = _differ([root.data for root in roots], eager, 1e-9, size)
        if math.isfinite(size) and (others or _differ(own, slopes, 1e-9, max(size, _largest(slopes)))):
            raise TraceError(_differing(sample, compiled, eager) + " It asks whether it is being traced, it seems")
        judge(program, sample, {i: node for node, i in index.items()})


def chosen(batch: Batch, most: int) -> list[int]:
    """Samples worth a look: one of each label, then those with the largest and the smallest entries, in turn."""
    if not batch.arrays:
        return [0]
    looked = range(batch.samples)[:5000]
    columns = [np.array([array.reshape(len(array), -1)[i] for i in batch.places(looked)]) for array in batch.arrays]
    found: list[int] = []
    if len(columns) > 1:
        found += np.sort(np.unique(columns[-1], axis=0, return_index=True)[1]).tolist()
    entries = np.concatenate(columns, axis=1)
    pairs = zip(np.argsort(-entries.max(axis=1)).tolist(), np.argsort(entries.min(axis=1)).tolist())
    found = found[:most] + [i for pair in pairs for i in pair]
    return list(dict.fromkeys(found))[:most]


@contextmanager
def _numbers_of(program: Program) -> Iterator[None]:
    """The parameters' Values hold the program's numbers for a while."""
    before = [parameter.data for parameter in program.parameters]
    try:
        for parameter, data in zip(program.parameters, program.theta.tolist()):
            parameter.data = data
        yield
    finally:
        for parameter, data in zip(program.parameters, before):
            parameter.data = data


def _largest(numbers: Sequence[float]) -> float:
    return max((abs(x) for x in numbers if math.isfinite(x)), default=0.0)


def _size(roots: Sequence[Value]) -> float:
    """How large the terms are that the results are the sums of: rounding is relative to them."""
    size: dict[Value, float] = {}
    for node in graph.topological(roots):
        pairs = zip(node.parents, node.local_derivatives)
        size[node] = abs(node.data) + sum(abs(d) * size[p] for p, d in pairs if d and size[p])
    return max(size[root] for root in roots)


def _differ(compiled: Sequence[float], eager: Sequence[float], tolerance: float, scale: float = 0.0) -> bool:
    """Whether two lists of numbers differ by more than rounding relative to each, or to a scale."""
    if len(compiled) != len(eager):
        return True
    return any(
        not (a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(abs(b), scale) < math.inf)
        for a, b in zip(compiled, eager)
    )


def _differing(sample: list[Any], compiled: list[float], eager: list[float]) -> str:
    given = ", ".join(str(entry.tolist())[:60] for entry in sample)
    got = "the same value and another gradient" if compiled == eager else f"{compiled} and not {eager}"
    return (
        f"the compiled program is not the function: for the sample ({given}) it gives {str(got)[:160]}. "
        "The function does not do the same for all samples, or something that it depends on has changed."
    )


def _line(scalars: Scalars, known: Scalars, index: dict[Value, int]) -> str:
    """Where the first node was made that the traced graph does not have, if that can be told."""
    first = scalars.difference(known)
    made = {i: node.source for node, i in reversed(index.items()) if i >= first and node.source is not None}
    if not made:
        return ""
    return f" They part at line {graph.place(made[min(made)])}"
