"""Where a program runs: its memory, and a job that says where everything is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..lower import Lowered
from ..machine import aligned
from ..rows import I_VALUE, LISTED, S_ADJOINT, S_VALUE
from ..trace import Array, Ints
from .driver import INPUT, RESULT, Job
from .forms import Call, Form


class Place:
    """Memory that a program runs in, and all that refers to it.

    Args:
        lowered: the program.
        memory: all numbers, as `machine.Layout` has them.
        lanes: the adjoint of each lane's result, and its weight.
        arguments: of all calls, for each of the parts of the program.
        calls: kernels and the addresses of their arguments, likewise.
        sources: of the inputs (`driver.INPUT` each).
        results: what is copied out (`driver.RESULT` each).
        job: see `driver.Job`.

    Attributes:
        address: of the job.
        inputs: the numbers of ``sources`` in a row.
    """

    def __init__(
        self, lowered: Lowered, memory: Array, lanes: Array, arguments: list[Ints], calls: list[Ints], sources: Ints,
        results: Ints, job: Ints,
    ) -> None:  # fmt: skip
        self.lowered, self.memory, self.lanes, self.arguments, self.calls = lowered, memory, lanes, arguments, calls
        self.sources, self.results, self._whole = sources, results, job
        self.job, self.address, self.inputs = job.data, job.ctypes.data, sources.reshape(-1).data  # quicker than arrays
        self._written = _written(lowered, memory, lanes)
        self._adjoints = memory[lowered.sizes[S_VALUE] :][: lowered.sizes[S_ADJOINT]]
        self._total = memory[lowered.total :][:1]

    @classmethod
    def of(
        cls, lowered: Lowered, calls: Sequence[Sequence[Call]], kernels: Mapping[Form, int], spaces: Ints, lists: Ints,
        memory: Array, lanes: Array, width: int,
    ) -> Place:  # fmt: skip
        """The place of a whole batch.

        Args:
            lowered: the program.
            calls: for each of its parts.
            kernels: where their code is.
            spaces: see `machine.Layout.spaces`.
            lists: of slots.
            memory: the program's.
            lanes: two numbers for each sample of a block.
            width: samples in a block.
        """
        base, item = memory.ctypes.data, memory.itemsize
        job, arguments, tables = np.zeros(Job.SIZE, np.int64), list[Ints](), list[Ints]()
        for number, part in enumerate(calls):
            flat: list[int] = []
            starts = []
            for call in part:
                starts.append(len(flat))
                flat += [base + item * at for at in call.arguments]
                listed = call.form.lines[0].name in LISTED
                flat += [lists.ctypes.data + 8 * at for at in call.numbers] if listed else call.numbers
            own = np.array([*flat, 0], np.int64)
            pairs = [[kernels[call.form], own.ctypes.data + 8 * start] for call, start in zip(part, starts)]
            arguments.append(own)
            tables.append(np.array(pairs, np.int64).reshape(-1))
            job[Job.CALLS + 2 * number : Job.CALLS + 2 * number + 2] = tables[-1].ctypes.data, len(part)
        filled = [space for space in range(I_VALUE, max(lowered.sizes) + 1, 2) if lowered.sizes[space]]
        sources, results = np.zeros((len(filled) + 1, INPUT), np.int64), np.zeros((len(filled) + 1, RESULT), np.int64)
        for n, space in enumerate(filled):
            sources[n] = 0, lowered.sizes[space], base + item * int(spaces[space, 0])
        job[Job.WIDTH], job[Job.N_INPUTS] = width, len(filled)
        job[Job.SEED], job[Job.SEEDS] = base + item * lowered.seed, lanes.ctypes.data
        job[Job.INPUTS], job[Job.RESULTS] = sources.ctypes.data, results.ctypes.data
        return cls(lowered, memory, lanes, arguments, tables, sources, results, job)

    def another(self) -> Place:
        """A place for a part of a batch: what is written there is its own, and shared values are those of this one."""
        memory, lanes = aligned(len(self.memory), self.memory.dtype), np.zeros_like(self.lanes)
        pairs = [*zip(self._written, _written(self.lowered, memory, lanes))]
        arguments = [_moved(numbers, pairs) for numbers in self.arguments]
        sources, results = _moved(self.sources, pairs), _moved(self.results, pairs)
        pairs += [*zip(self.arguments, arguments), (self.sources, sources), (self.results, results)]
        calls = [_moved(numbers, pairs) for numbers in self.calls]
        pairs += zip(self.calls, calls)
        return Place(self.lowered, memory, lanes, arguments, calls, sources, results, _moved(self._whole, pairs))

    def follow(self, other: Place) -> None:
        """Do the same as another place, with the same arrays."""
        self.sources[:, 0] = other.sources[:, 0]
        for field in (Job.ROWS, Job.N_RESULTS, *range(Job.CALLS + 1, Job.SIZE, 2)):
            self.job[field] = other.job[field]
        if other.job[Job.N_RESULTS]:
            self.results[:] = _moved(other.results, zip(other._written, self._written))

    def sums(self, parts: int) -> Array:
        """Room for what each part of a batch adds to the losses and to the adjoints of what is shared."""
        return np.empty((parts, 1 + len(self._adjoints)), self.memory.dtype)

    def give(self, sums: Array) -> None:
        """Write down what the part of the batch that ran here adds."""
        sums[0], sums[1:] = self._total[0], self._adjoints

    def take(self, sums: Array) -> None:
        """Add what the parts found, in their order."""
        whole = sums[0]
        for part in sums[1:]:
            whole += part
        self._total[0], self._adjoints[:] = whole[0], whole[1:]


def _written(lowered: Lowered, memory: Array, lanes: Array) -> list[Array]:
    """What blocks of samples write: everything but shared values, of which the sum of the losses is one."""
    return [memory[lowered.sizes[S_VALUE] :], memory[lowered.total :][:1], lanes]


def _moved(numbers: Ints, pairs: Iterable[tuple[Array, Array]]) -> Ints:
    """Numbers of which each that is an address in an array becomes that in another; no count is as large as one."""
    moved: Ints = numbers.copy()
    for old, new in pairs:
        begin = old.ctypes.data
        moved[(begin <= numbers) & (numbers < begin + old.nbytes)] += new.ctypes.data - begin
    return moved
