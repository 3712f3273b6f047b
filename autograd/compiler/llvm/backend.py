"""The fast back end: a program as a table of calls to kernels, each written for its shape.

A block of samples stays in the nearest cache where it can, from its inputs to what it adds to the gradient. A batch of
one sample, and what has no samples at all, runs in a form of its own, with vectors along the features.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..batch import Batch
from ..lower import Lowered
from ..machine import Machine
from ..numpy_backend import NumpyMachine
from ..pack import SHARED
from ..rows import AXES, B_ADJOINT, B_SCRATCH, B_VALUE, I_VALUE, S_VALUE, View
from ..trace import Array, Ints, require, undisturbed
from . import driver
from .driver import INPUT, Job, Steps
from .emit import DOUBLE, FLOAT, Module, Type
from .forms import Call, Calls, Form, Group, Known, changed_kind, economize, grouped, known
from .kernels import write
from .parts import cores, cut, least_of, run_all
from .place import Place
from .target import Code, address_of, host
from .updates import Update

NEAR, MIDDLE = 1 << 15, 1 << 19
"""Bytes that a block of samples should take: most of the first cache of today's CPUs, or half of the second. No bit
depends on the caches of the CPU at hand."""


def width_of(lowered: Lowered, lanes: int, item: int) -> int:
    """Samples in a block, whole vectors of them.

    They fit in the nearest cache. But a block also reads the parameters and adds to their gradient: where these are
    many, it is so wide that they are no more than the samples' own numbers.
    """
    sizes = lowered.sizes
    own = sum(sizes[space] for space in (B_VALUE, B_ADJOINT, B_SCRATCH))
    own += sum(size for space, size in sizes.items() if space >= I_VALUE and (space - I_VALUE) % 2 == 0)
    own = max(1, own)
    near, middle = NEAR // (own * item * lanes), MIDDLE // (own * item * lanes)
    many = lowered.n_parameters // (own * lanes)
    vectors: int = max(1, min(WIDEST, max(near, min(many, middle))))
    return lanes * int(2 ** round(math.log2(vectors)))  # batches are often powers of 2


WIDEST = 8
"""Vectors of samples in a block at most."""


class LlvmMachine(Machine):
    """Runs the rows of a lowered program as kernels.

    Args:
        lowered: the program.
        dtype: float64 or float32.
        threads: that run a batch at most; None for one on each core.
    """

    name = "llvm"
    by_sample = False

    def __init__(self, lowered: Lowered, dtype: Any, threads: int | None = None) -> None:
        self.kind = DOUBLE if np.dtype(dtype) == np.float64 else FLOAT
        self.threads = threads
        self.width = width_of(lowered, self.kind.lanes, np.dtype(dtype).itemsize)
        super().__init__(lowered, dtype, self.width)
        self._variants: dict[bool, _Variant] = {}
        self._careful: NumpyMachine | None = None

    def _variant(self, samples: int) -> _Variant:
        wide = samples > 1
        if wide not in self._variants:
            width = self.width if wide else 1
            with undisturbed():
                self._variants[wide] = _Variant(
                    self.lowered, self.memory, self.layout.spaces(width), self.kind, width, self.threads
                )
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

    def train(self, batch: Batch, size: int, update: Update, arrays: Sequence[Array], told: Array) -> Array:
        """Make training steps, until a gradient is not finite.

        Args:
            batch: the samples, in the order in which they are taken.
            size: samples in a step; in the last one there may be fewer.
            update: moves the parameters.
            arrays: what it works on: parameters, gradients, state (`updates.Update.fits`).
            told: for each step, what it is told, (steps, n) of the dtype.

        Returns:
            the mean loss of each step that was made.
        """
        return self._variant(size).train(batch, size, update, arrays, told)

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


_BEGIN, _END, _ROWS, _N_RESULTS = map(int, (Job.BEGIN, Job.END, Job.ROWS, Job.N_RESULTS))
_SHARED, _REVERSE, _FINISH = Job.CALLS + 1, Job.CALLS + 5, Job.CALLS + 7
_SAMPLES, _BATCH, _LOSSES, _UPDATE = map(int, (Steps.SAMPLES, Steps.BATCH, Steps.LOSSES, Steps.UPDATE))
_NUMBERS, _TOLD, _DONE = map(int, (Steps.NUMBERS, Steps.TOLD, Steps.DONE))
_ARGUMENTS, _SHARED_LOSS = map(int, (Steps.ARGUMENTS, Steps.SHARED))


class _Variant:
    """A program for blocks of a width, or for one sample at a time."""

    def __init__(
        self, lowered: Lowered, memory: Array, spaces: Ints, kind: Type, width: int, threads: int | None
    ) -> None:
        self.threads = threads
        self.lowered, self.memory, self.spaces, self.kind, self.width = lowered, memory, spaces, kind, width
        base, item = memory.ctypes.data, memory.itemsize
        self._lanes = np.zeros(2 * width + 8, memory.dtype)  # the adjoint of each lane's result, and weights
        lane_space = len(self.spaces)
        address = (self._lanes.ctypes.data - base) // item
        self.spaces = np.concatenate([self.spaces, [[address, width, 1]]])
        parts = [known(rows, lowered) for rows in (*lowered.forward, *lowered.reverse)]
        if width > 1:
            parts = [[_weighed(row, lowered, lane_space) for row in rows] for rows in parts]
        groups = [grouped(rows, lowered.kinds) for rows in parts]
        if width > 1:
            economize(groups, lowered)
        calls = _called(groups, Calls(self.spaces, width > 1))
        self._check(calls)
        self.forms = [[call.form for call in part] for part in calls]
        self._link(calls)

    def _check(self, calls: list[list[Call]]) -> None:
        """Refuse calls that would reach outside the memory."""
        size, lanes = len(self.memory), int(self.spaces[-1, 0])
        reaches: dict[tuple[Form, tuple[int, ...]], list[tuple[int, int]]] = {}
        for call in (call for part in calls for call in part):
            key = call.form, call.numbers
            if key not in reaches:
                reaches[key] = call.reaches(self.width)
            for at, (before, behind) in zip(call.arguments, reaches[key]):
                among_lanes = lanes <= at + before and at + behind < lanes + 2 * self.width
                inside = among_lanes or 0 <= at + before <= at + behind < size
                require(inside, f"{call.form.lines[0].name} reaches outside the memory")

    def _link(self, calls: list[list[Call]]) -> None:
        kind, lowered, memory = self.kind, self.lowered, self.memory
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
        self.kernels = len(names)
        self._code = target.compiled(module.text())
        addresses = {form: self._code.address(name) for form, name in names.items()}
        self._lists = np.ascontiguousarray(lowered.aux, np.int64)
        self._place = Place.of(
            lowered, calls, addresses, self.spaces, self._lists, memory, self._lanes, self.width
        )  # fmt: skip
        self._places: list[Place] = []
        self._least = least_of(lowered, self.width)
        self._counts = [len(part) for part in calls]
        item = memory.itemsize
        self._seed: Any = memory.data[lowered.seed : lowered.seed + 1]
        self._run = _driver(kind.element, kind.lanes, item, self.width > 1)
        self._train = _driver(kind.element, kind.lanes, item, self.width > 1, True)
        steps = np.zeros(Steps.SIZE, np.int64)
        steps[Steps.JOB], steps[Steps.SUMS] = self._place.address, memory[lowered.total :].ctypes.data
        steps[Steps.SHARED], steps[Steps.PARAMETERS] = lowered.outputs.region == SHARED, lowered.n_parameters
        self._steps, self._steps_address = steps.data, steps.ctypes.data

    def run(self, batch: Batch, differentiate: bool, results: Array | None, adjoints: Sequence[Array]) -> None:
        """Compute values, and the gradient if asked for; copy results (B, n) and adjoints of arguments (B, n) out."""
        kept = self._read_from(batch)
        self._place.job[_N_RESULTS] = self._copied_out(results, adjoints) if results is not None or adjoints else 0
        self._pass(0, batch.samples, differentiate)
        del kept

    def _pass(self, begin: int, end: int, differentiate: bool) -> None:
        """Values, and the gradient if asked for, from one sample to the one before another."""
        job, run, address = self._place.job, self._run, self._place.address
        shared, _, reverse, finish = self._counts
        if not differentiate:
            reverse = finish = 0
        job[_SHARED], job[_REVERSE], job[_FINISH] = shared, reverse, finish
        self._seed[0] = 1.0 / (end - begin)
        if not self._in_parts(end - begin):
            job[_BEGIN], job[_END] = begin, end
            run(address)
            return
        job[_BEGIN], job[_END], job[_FINISH] = 0, 0, 0
        run(address)  # what is shared
        job[_SHARED] = 0
        parts = cut(end - begin, self.width, self._least)
        left, found = deque(enumerate(parts)), self._place.sums(len(parts))

        def work(place: Place) -> None:
            place.follow(self._place)
            while left:
                try:
                    number, (first, last) = left.popleft()
                except IndexError:  # another thread was quicker
                    return
                place.job[_BEGIN], place.job[_END] = begin + first, begin + last
                run(place.address)
                if differentiate:
                    place.give(found[number])

        places = self._several(min(self.threads or cores(), len(parts)))
        run_all([partial(work, place) for place in places])
        if differentiate:
            self._place.take(found)
            job[_BEGIN], job[_END], job[_FINISH] = 0, 0, finish
            run(address)

    def _in_parts(self, samples: int) -> bool:
        return samples >= 2 * self._least

    def _several(self, count: int) -> list[Place]:
        """So many places for parts; what they write is in no cache line that another one reads."""
        while len(self._places) < count:
            self._places.append(self._place.another())
        return self._places[:count]

    def train(self, batch: Batch, size: int, update: Update, arrays: Sequence[Array], told: Array) -> Array:
        """See `LlvmMachine.train`."""
        kept, losses, steps = self._read_from(batch), np.zeros(len(told)), self._steps
        addresses = np.array([address_of(array) for array in arrays], np.int64)
        job = self._place.job
        job[_N_RESULTS] = 0
        if self._in_parts(size):
            return self._train_in_parts(batch.samples, size, update, addresses, told, losses)
        steps[_SAMPLES], steps[_BATCH], steps[_DONE], steps[_LOSSES] = batch.samples, size, 0, address_of(losses)
        steps[_UPDATE], steps[_ARGUMENTS] = update.address, address_of(addresses)
        steps[_NUMBERS], steps[_TOLD] = address_of(told), told.shape[1]
        job[_SHARED], job[_REVERSE], job[_FINISH] = self._counts[0], *self._counts[2:]
        self._train(self._steps_address)
        del kept
        return losses[: steps[_DONE]]

    def _train_in_parts(
        self, samples: int, size: int, update: Update, addresses: Ints, told: Array, losses: Array
    ) -> Array:
        """What the driver does for steps of one part."""
        sums = self.memory.data[self.lowered.total : self.lowered.total + 2]
        for n, numbers in enumerate(told):
            begin, end = n * size, min((n + 1) * size, samples)
            self._pass(begin, end, True)
            if not math.isfinite(sums[1]):
                return losses[:n]
            losses[n] = sums[0] / (1 if self._steps[_SHARED_LOSS] else end - begin)
            update.move(addresses, numbers, self.lowered.n_parameters)
        return losses

    def _read_from(self, batch: Batch) -> Any:
        """Say where the samples are; what is returned must live while they are read."""
        arrays, rows, dtype = batch.arrays, batch.rows, self.memory.dtype
        for array in arrays:
            if array.dtype != dtype or not array.flags.c_contiguous:
                if rows is not None:
                    arrays, rows = [array[rows] for array in arrays], None
                arrays = [np.ascontiguousarray(array, dtype) for array in arrays]
                break
        place = 0
        for array in arrays:
            self._place.inputs[place] = address_of(array)
            place += INPUT
        self._place.job[_ROWS] = 0 if rows is None else address_of(rows)
        return arrays, rows

    def _copied_out(self, results: Array | None, adjoints: Sequence[Array]) -> int:
        count, base, item = 0, self.memory.ctypes.data, self.memory.itemsize
        if results is not None:
            outputs = self.lowered.outputs
            space = (S_VALUE, B_VALUE)[outputs.region] if outputs.region < 2 else I_VALUE + 2 * (outputs.region - 2)
            start, slot, sample = self.spaces[space].tolist()
            strides = outputs.strides
            assert strides is not None
            at = base + item * (start + int(outputs.slots.flat[0]) * slot)
            self._place.results[0] = results.ctypes.data, results.shape[1], at, strides[0] * slot, sample
            count = 1
        for n, array in enumerate(adjoints):
            start, slot, sample = self.spaces[I_VALUE + 1 + 2 * n].tolist()
            numbers = array.size // len(array) if len(array) else 0
            if numbers:
                self._place.results[count] = array.ctypes.data, numbers, base + item * start, slot, sample
                count += 1
        return count


MOST_FORMS = 400
"""Forms that are written for a program alone; one with more takes those that serve many rows.

Measured on irregular graphs of 500 to 9,000 operations, batches of 1 and 100, both dtypes: code of its own takes 2 to 7
ms a form to write, and makes a step up to twice as fast. Networks and transformers have some 250 forms.
"""
SHORT = 32
"""Numbers in a row that need no vectors along it."""


def _called(parts: list[list[Group]], calls: Calls) -> list[list[Call]]:
    """Groups as calls. Where hardly two groups are alike, each of their short rows is a call of an open form."""
    fused = []
    forms: set[Form] = set()
    for part in parts:
        fused.append([calls.fused(group) for group in part])
        forms.update(call.form for call in fused[-1])
    if len(forms) <= MOST_FORMS:
        return fused
    found: list[list[Call]] = []
    for part, whole in zip(parts, fused):
        found.append([])
        for group, call in zip(part, whole):
            kind = group.rows[0].kind
            if kind.elementwise and (calls.wide or math.prod(kind.lengths) <= SHORT):
                found[-1] += [calls.opened(row) for row in group.rows]
            else:
                found[-1].append(call)
    return found


def _weighed(row: Known, lowered: Lowered, lanes: int) -> Known:
    """A row that begins the reverse pass or sums the losses, so that spare lanes count nothing."""
    kind, starts = row.kind, row.starts
    if not kind.batched:
        return row
    still = (0,) * AXES
    if kind.views[0].space == S_VALUE and starts[0] == lowered.total:
        views = [*kind.views, View(lanes, 0, still)]
        changed = changed_kind(kind, lowered.kinds, name="step_to", views=views)
        return Known(changed, (*starts, 1), row.aux, (*row.literals, None))
    seeds = [
        view.space == S_VALUE and view.steps == still and start == lowered.seed
        for view, start in zip(kind.views, starts)
    ]  # fmt: skip
    if not any(seeds[1:]):
        return row
    views = [View(lanes, 0, still) if seed else view for view, seed in zip(kind.views, seeds)]
    return Known(
        changed_kind(kind, lowered.kinds, views=views),
        tuple(0 if seed else start for seed, start in zip(seeds, starts)), row.aux, (None,) * len(row.literals),
    )  # fmt: skip


@functools.cache
def _driver(element: str, lanes: int, item: int, wide: bool, steps: bool = False) -> Any:
    code: Code = _drivers(element, lanes, item)
    name = f"tracegrad_{'steps_of_' * steps}run_{'wide' if wide else 'single'}"
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address(name))
    function.code = code  # type: ignore[attr-defined]
    return function


@functools.cache
def _drivers(element: str, lanes: int, item: int) -> Code:
    return host().compiled(driver.text(element, lanes, item))
