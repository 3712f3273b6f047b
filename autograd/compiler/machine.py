"""The memory of a lowered program, and its rows as addresses for a given number of samples.

All numbers of a program lie in one flat array: first what is shared (parameters foremost), then, for a block of B
samples, one row of B numbers per batched slot. So an adjoint is a fixed distance from its value, nothing is allocated
while a program runs, and a compiled loop needs a single pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .batch import Batch
from .lower import Lowered
from .rows import B_ADJOINT, B_SCRATCH, B_VALUE, I_VALUE, S_SCRATCH, Kind
from .trace import Array

LINE = 64
"""Bytes of a cache line."""
CACHE = 1 << 20
"""Bytes of batched numbers that a block of samples should not exceed much: about a second-level cache."""
PARTS = ("shared", "forward", "reverse", "finish")
"""What a program consists of: the values of what is shared, for each block of samples values and adjoints, and finally
the adjoints of what is shared. `Machine.run` runs parts for a block of samples; ``first`` says that it is the first
block of the batch, and ``careful`` that in the backward parts a product with an exact zero carries nothing.
"""
BACKWARD = ("reverse", "finish")


class Layout:
    """Where each space lies in memory for blocks of B samples.

    Args:
        lowered: the program.
        by_sample: inputs are stored sample by sample, as in the arrays they come from (NumPy), rather than slot by slot
            (kernels).
        item: bytes per number.
        block: samples that run at a time at most.
    """

    def __init__(self, lowered: Lowered, by_sample: bool, item: int, block: int) -> None:
        self.sizes, self.by_sample, self.block = lowered.sizes, by_sample, block
        line = LINE // item
        self.shared = -(-sum(lowered.sizes[space] for space in range(S_SCRATCH + 1)) // line) * line
        self.per_sample = per_sample(lowered)

    def spaces(self, samples: int) -> Array:
        """For each space: its address, and how far the next slot and the next sample are."""
        table = np.zeros((max(self.sizes) + 1, 3), np.int64)
        address = 0
        for space in (0, 1, S_SCRATCH):
            table[space] = address, 1, 0
            address += self.sizes[space]
        address = self.shared
        for space in (B_VALUE, B_ADJOINT, B_SCRATCH, *range(I_VALUE, max(self.sizes) + 1)):
            size = self.sizes.get(space, 0)
            by_sample = self.by_sample and space >= I_VALUE
            table[space] = (address, 1, size) if by_sample else (address, samples, 1)
            address += size * samples
        return table

    def blocks(self, samples: int) -> list[tuple[int, int]]:
        """The blocks that a batch is cut into, by their first sample and the one after the last."""
        return [(begin, min(begin + self.block, samples)) for begin in range(0, samples, self.block)]

    def total(self, samples: int) -> int:
        """Numbers in memory for a block of that many samples."""
        return self.shared + self.per_sample * samples


def per_sample(lowered: Lowered) -> int:
    """How many numbers a program has for each sample."""
    return sum(size for space, size in lowered.sizes.items() if space > S_SCRATCH)


class Loop(NamedTuple):
    """A loop: how often it runs, and the step of each view in numbers in memory."""

    length: int
    steps: tuple[int, ...]


def loops_of(kind: Kind, spaces: Sequence[Sequence[int]], samples: int | None) -> list[Loop]:
    """The loops of a kind of rows, outer ones first; if ``samples`` are given, the last one runs over them."""
    loops = [
        Loop(n, tuple(view.steps[i] * spaces[view.space][1] for view in kind.views))
        for i, n in enumerate(kind.lengths)
    ]  # fmt: skip
    if samples is not None:
        along = tuple(spaces[view.space][2] if kind.batched else 0 for view in kind.views)
        loops.append(Loop(samples if kind.batched else 1, along))
    return loops


def merged(loops: Sequence[Loop]) -> list[Loop]:
    """Loops without those that run once, and neighbors made one where one step after the other goes through both.

    A length that is not known yet (negative) is never part of a product.
    """
    found: list[Loop] = []
    for n, steps in loops:
        if n == 1:
            continue
        if found and n > 0 and found[-1].steps == tuple([step * n for step in steps]):
            found[-1] = Loop(found[-1].length * n, steps)
        else:
            found.append(Loop(n, steps))
    return found


def aligned(count: int, dtype: Any) -> Array:
    """Zeros that start at a cache line: a vector of the processor then lies in one line, not across two."""
    spare = np.zeros(count + LINE // dtype.itemsize, dtype)
    first = -spare.ctypes.data % LINE // dtype.itemsize
    return spare[first : first + count]


class Machine:
    """The memory of a lowered program, and what every machine does with it.

    Args:
        lowered: the program.
        dtype: of all numbers.
        block: samples that run at a time at most.

    Attributes:
        gradient: the adjoints of the parameters.
        sums: the sum of the losses, and the squared norm of the gradient.
    """

    name = ""
    by_sample = True

    def __init__(self, lowered: Lowered, dtype: Any, block: int) -> None:
        self.lowered = lowered
        self.dtype = np.dtype(dtype)
        self.layout = Layout(lowered, self.by_sample, self.dtype.itemsize, block)
        # untouched pages take no memory, so room for the largest block is free until it is used
        self.memory = aligned(self.layout.total(self.layout.block), self.dtype)
        self.memory[list(lowered.constants)] = list(lowered.constants.values())
        first = self.layout.sizes[0]
        self.gradient = self.memory[first : first + lowered.n_parameters]
        self.sums = self.memory.data[lowered.total : lowered.total + 2]  # quicker to read than an array

    def evaluate(self, batch: Batch) -> Array:
        """The results for each sample of a batch, (B, n)."""
        raise NotImplementedError

    def differentiate(
        self, batch: Batch, careful: bool, results: Array | None = None, adjoints: Sequence[Array] = ()
    ) -> None:
        """Leave the sum of the losses in `sums` and the gradient of their mean in `gradient`.

        Args:
            batch: the samples.
            careful: a product with an exact zero carries nothing.
            results: where to leave the results of each sample, (B, n).
            adjoints: one array per argument, (B, n), for the adjoints of its first n numbers.
        """
        raise NotImplementedError

    def train(self, batch: Batch, size: int, update: Any, arrays: Sequence[Array], told: Array) -> Array:
        """Make training steps without Python, for machines that can; the mean loss of each that was made.

        Those that cannot make none.
        """
        return np.zeros(0)

    def inspected(self, batch: Batch, differentiate: bool) -> Machine:
        """A machine whose memory, laid out for one sample, holds all numbers of that sample.

        An exact zero carries nothing if there is a nan or an infinity among them.
        """
        raise NotImplementedError
