"""The fast back end: a program as a table of calls to kernels, each written for its shape.

A block of samples stays in the nearest cache where it can, from its inputs to what it adds to the gradient. A batch of
one sample, and what has no samples at all, runs in a form of its own, with vectors along the features.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batch import Batch
from ..lower import Lowered
from ..machine import Array, Layout, Machine
from ..numpy_backend import NumpyMachine
from ..rows import B_ADJOINT, B_SCRATCH, B_VALUE, I_VALUE, S_VALUE, View
from ..trace import Ints, require
from . import driver
from .driver import INPUT, RESULT, Job
from .emit import DOUBLE, FLOAT, Module
from .forms import LISTED, Call, Form, Group, Row, called, economize, grouped, rows_of
from .kernels import write
from .target import Code, host

NEAR = 1 << 15
"""Bytes that a block of samples should take: most of the nearest cache of today's CPUs. No bit depends on the cache of
the CPU at hand."""
WIDEST = 8
"""Vectors of samples in a block at most."""


class LlvmMachine(Machine):
    """Runs the rows of a lowered program as kernels.

    Args:
        lowered: the program.
        dtype: float64 or float32.
    """

    name = "llvm"
    by_sample = False

    def __init__(self, lowered: Lowered, dtype: Any) -> None:
        self.kind = DOUBLE if np.dtype(dtype) == np.float64 else FLOAT
        lanes, item = self.kind.lanes, np.dtype(dtype).itemsize
        sizes = lowered.sizes
        near = sum(sizes[s] for s in (B_VALUE, B_ADJOINT, B_SCRATCH))
        near += sum(n for space, n in sizes.items() if space >= I_VALUE and (space - I_VALUE) % 2 == 0)
        self.width = lanes * min(WIDEST, max(1, NEAR // max(1, near * item * lanes)))
        super().__init__(lowered, dtype, self.width)
        self._variants: dict[bool, _Variant] = {}
        self._careful: NumpyMachine | None = None

    def _variant(self, samples: int) -> _Variant:
        wide = samples > 1
        if wide not in self._variants:
            self._variants[wide] = _Variant(self, self.width if wide else 1)
        return self._variants[wide]

    def evaluate(self, batch: Batch) -> Array:
        """See `Machine.evaluate`."""
        results = np.empty((batch.samples, self.lowered.outputs.slots.size), self.dtype)
        self._variant(batch.samples).run(batch, False, results, ())
        return results

    def differentiate(
        self, batch: Batch, careful: bool, results: Array | None = None, adjoints: Sequence[Array] = ()
    ) -> None:
        """See `Machine.differentiate`; the careful rule is NumPy's."""
        if not careful:
            self._variant(batch.samples).run(batch, True, results, adjoints)
            return
        machine = self.reference()
        machine.differentiate(batch, True, results, adjoints)
        self.gradient[:] = machine.gradient
        for i in range(2):
            self.sums[i] = machine.sums[i]

    def reference(self) -> NumpyMachine:
        """NumPy's machine for the same program, with the same parameters."""
        if self._careful is None:
            self._careful = NumpyMachine(self.lowered, self.dtype)
        count = self.lowered.n_parameters
        self._careful.memory[:count] = self.memory[:count]
        return self._careful

    def inspected(self, batch: Batch, differentiate: bool) -> Machine:
        """See `Machine.inspected`."""
        if not differentiate:
            self.evaluate(batch)
            return self
        self.differentiate(batch, False)
        if np.isfinite(self.memory[: self.layout.total(1)]).all():
            return self
        return self.reference().inspected(batch, True)


class _Variant:
    """A program for blocks of a width, or for one sample at a time."""

    def __init__(self, machine: LlvmMachine, width: int) -> None:
        self.machine, self.width = machine, width
        lowered, item = machine.lowered, machine.dtype.itemsize
        self.spaces = machine.layout.spaces(width)
        base, kind = machine.memory.ctypes.data, machine.kind
        self._lanes = np.zeros(2 * width + 8, machine.dtype)  # the adjoint of each lane's result, and weights
        lane_space = len(self.spaces)
        address = (self._lanes.ctypes.data - base) // item
        self.spaces = np.concatenate([self.spaces, [[address, width, 1]]])
        parts = [rows_of(table, lowered.constants) for table in (*lowered.forward, *lowered.reverse)]
        if width > 1:
            parts = [[_weighed(row, lowered, lane_space) for row in rows] for rows in parts]
        groups = [grouped(rows) for rows in parts]
        if width > 1:
            economize(groups, lowered)
        calls = [[called(group, self.spaces, width > 1) for group in part] for part in groups]
        self._check(calls, groups)
        self._link(calls)

    def _check(self, calls: list[list[Call]], groups: list[list[Group]]) -> None:
        """Refuse calls that would reach outside the memory."""
        size = len(self.machine.memory)
        lanes = range(int(self.spaces[-1, 0]), int(self.spaces[-1, 0]) + 2 * self.width)
        for part, found in zip(calls, groups):
            for call, group in zip(part, found):
                for line in call.form.lines:
                    for place in (line.target, *line.operands):
                        if len(place) != 2:
                            continue
                        at = call.arguments[place.argument]
                        steps = [
                            step * ((self.width if n < 0 else n) - 1) for n, step in zip(call.form.lengths, place.steps)
                        ]
                        low, high = at + sum(min(0, s) for s in steps), at + sum(max(0, s) for s in steps)
                        inside = 0 <= low <= high < size or low in lanes and high in lanes
                        require(inside or line.name in LISTED, f"{line.name} reaches outside the memory")

    def _link(self, calls: list[list[Call]]) -> None:
        machine, kind = self.machine, self.machine.kind
        target = host()
        names: dict[Form, str] = {}
        module = Module(target.has_fma)
        for part in calls:
            for call in part:
                if call.form not in names:
                    names[call.form] = f"tracegrad_{len(names)}"
                    write(
                        module, names[call.form], call.form, kind.element, kind.lanes, target.registers, self.width
                    )  # fmt: skip
        self._code = target.compiled(module.text())
        addresses = {form: self._code.address(name) for form, name in names.items()}
        base, item = machine.memory.ctypes.data, machine.dtype.itemsize
        self._lists = np.ascontiguousarray(machine.lowered.aux, np.int64)
        self._tables = []
        job = np.zeros(Job.SIZE, np.int64)
        for number, part in enumerate(calls):
            flat: list[int] = []
            starts = []
            for call in part:
                starts.append(len(flat))
                listed = call.form.lines[0].name in LISTED
                numbers = call.arguments[:-1] if listed else call.arguments
                flat += [base + item * at for at in numbers]
                if listed:
                    flat.append(self._lists.ctypes.data + 8 * call.arguments[-1])
            arguments = np.array([*flat, 0], np.int64)
            table = np.array(
                [[addresses[call.form], arguments.ctypes.data + 8 * start] for call, start in zip(part, starts)], np.int64
            ).reshape(-1)
            self._tables += [arguments, table]
            job[Job.CALLS + 2 * number : Job.CALLS + 2 * number + 2] = table.ctypes.data, len(part)
        self._counts = [len(part) for part in calls]
        lowered = machine.lowered
        job[Job.WIDTH] = self.width
        job[Job.SEED] = base + item * lowered.seed
        job[Job.SEEDS] = self._lanes.ctypes.data
        spaces = range(I_VALUE, max(lowered.sizes) + 1, 2)
        self._inputs = np.zeros((len(spaces) or 1, INPUT), np.int64)
        for n, space in enumerate(spaces):
            self._inputs[n] = 0, lowered.sizes[space], base + item * int(self.spaces[space, 0])
        job[Job.INPUTS] = self._inputs.ctypes.data
        self._results = np.zeros((len(spaces) + 1, RESULT), np.int64)
        job[Job.RESULTS] = self._results.ctypes.data
        self._job, self._address = job, job.ctypes.data
        self._run = _driver(kind.element, kind.lanes, item, self.width > 1)

    def run(self, batch: Batch, differentiate: bool, results: Array | None, adjoints: Sequence[Array]) -> None:
        """Compute values, and the gradient if asked for; copy results (B, n) and adjoints of arguments (B, n) out."""
        machine, job = self.machine, self._job
        samples = batch.samples
        arrays, rows = batch.arrays, batch.rows
        if not all(array.dtype == machine.dtype and array.flags.c_contiguous for array in arrays):
            if rows is not None:
                arrays, rows = [array[rows] for array in arrays], None
            arrays = [np.ascontiguousarray(array, machine.dtype) for array in arrays]
        for n, array in enumerate(arrays):
            self._inputs[n, 0] = array.ctypes.data
        job[Job.N_INPUTS] = len(arrays)
        job[Job.ROWS] = 0 if rows is None else rows.ctypes.data
        job[Job.BEGIN], job[Job.END] = 0, samples
        machine.memory[machine.lowered.seed] = 1.0 / samples
        job[Job.CALLS + 5], job[Job.CALLS + 7] = self._counts[2:] if differentiate else (0, 0)
        job[Job.N_RESULTS] = self._copied_out(results, adjoints)
        self._run(self._address)

    def _copied_out(self, results: Array | None, adjoints: Sequence[Array]) -> int:
        machine, count = self.machine, 0
        base, item = machine.memory.ctypes.data, machine.dtype.itemsize
        if results is not None:
            outputs = machine.lowered.outputs
            space = (S_VALUE, B_VALUE)[outputs.region] if outputs.region < 2 else I_VALUE + 2 * (outputs.region - 2)
            start, slot, sample = self.spaces[space].tolist()
            strides = outputs.strides
            assert strides is not None
            at = base + item * (start + int(outputs.slots.flat[0]) * slot)
            self._results[0] = results.ctypes.data, results.shape[1], at, strides[0] * slot, sample
            count = 1
        for n, array in enumerate(adjoints):
            start, slot, sample = self.spaces[I_VALUE + 1 + 2 * n].tolist()
            numbers = array.size // len(array) if len(array) else 0
            if numbers:
                self._results[count] = array.ctypes.data, numbers, base + item * start, slot, sample
                count += 1
        return count


def _weighed(row: Row, lowered: Lowered, lanes: int) -> Row:
    """A row that begins the reverse pass or sums the losses, so that spare lanes count nothing."""
    if not row.batched:
        return row
    seed = View(S_VALUE, lowered.seed, (0, 0, 0, 0))
    if row.target.space == S_VALUE and row.target.offset == lowered.total:
        weights = View(lanes, 1, (0, 0, 0, 0))
        return Row("step_to", row.update, True, row.lengths, row.target, (*row.operands, weights), 0, (None, None))
    operands = tuple(View(lanes, 0, (0, 0, 0, 0)) if view == seed else view for view in row.operands)
    return Row(row.name, row.update, True, row.lengths, row.target, operands, row.aux, row.literals)


@functools.cache
def _driver(element: str, lanes: int, item: int, wide: bool) -> Any:
    code: Code = _drivers(element, lanes, item)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("tracegrad_run_wide" if wide else "tracegrad_run_single"))
    function.code = code  # type: ignore[attr-defined]
    return function


@functools.cache
def _drivers(element: str, lanes: int, item: int) -> Code:
    return host().compiled(driver.text(element, lanes, item))
