"""The memory of a lowered program, and its rows as addresses for a given number of samples.

All numbers of a program lie in one flat array: first what is shared (parameters foremost), then, for a block of B
samples, one row of B numbers per batched slot. So an adjoint is a fixed distance from its value, nothing is allocated
while a program runs, and a compiled loop needs a single pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .batch import Batch
from .lower import Lowered
from .rows import B_ADJOINT, B_SCRATCH, B_VALUE, I_VALUE, MACHINE, ROW, S_SCRATCH, STRUCTURED
from .trace import Array, Ints

OP, UPDATE, LENGTHS, AUX, OPERANDS = 0, 1, slice(2, 7), 7, 8
LINE = 64
"""Bytes of a cache line."""
CACHE = 1 << 20
"""Bytes of batched numbers that a block of samples should not exceed much: about a second-level cache."""
COLUMNS = 32
"""Columns of an addressed row: instruction, update, 5 loop lengths (the last over samples), aux, 4 operands of an
address and 5 steps."""

_STRUCTURED = np.array([MACHINE[name] for name in STRUCTURED])


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


def address(table: Ints, layout: Layout, samples: int) -> Ints:
    """Rows with spaces and slots as rows with addresses and steps; loops that can be one are one."""
    spaces = layout.spaces(samples)
    out = np.zeros((len(table), COLUMNS), np.int64)
    if not len(table):
        return out
    batched = table[:, 2] == 1
    out[:, OP], out[:, UPDATE], out[:, AUX] = table[:, 0], table[:, 1], table[:, 7]
    out[:, 2:6] = table[:, 3:7]
    out[:, 6] = np.where(batched, samples, 1)
    for n, first in enumerate(range(8, ROW, 6)):
        start, slot, sample = spaces[table[:, first]].T
        to = OPERANDS + 6 * n
        out[:, to] = start + table[:, first + 1] * slot
        out[:, to + 1 : to + 5] = table[:, first + 2 : first + 6] * slot[:, None]
        out[:, to + 5] = np.where(batched, sample, 0)
    _merge(out, ~np.isin(out[:, OP], _STRUCTURED))
    return out


def _merge(rows: Ints, mine: Array) -> None:
    """Make inner loops of arithmetic rows as long as can be, in place: loops 0, 1 and the samples become 2, 3, 4."""
    lengths = rows[:, 2:7]
    steps = np.stack([rows[:, OPERANDS + 6 * n + 1 : OPERANDS + 6 * n + 6] for n in range(4)], axis=1)  # (rows, 4, 5)
    loops = [(lengths[:, i].copy(), steps[:, :, i].copy()) for i in (0, 1, 4)]
    for outer in (1, 0, 1):
        (n_out, s_out), (n_in, s_in) = loops[outer], loops[outer + 1]
        fits = (s_out == s_in * n_in[:, None]).all(axis=1)
        merged = mine & (fits | (n_in == 1) | (n_out == 1))
        step = np.where((n_in == 1)[:, None], s_out, s_in)
        loops[outer + 1] = np.where(merged, n_out * n_in, n_in), np.where(merged[:, None], step, s_in)
        loops[outer] = np.where(merged, 1, n_out), np.where(merged[:, None], 0, s_out)
    for place, (length, step) in zip((2, 3, 4), loops):
        rows[:, 2 + place] = np.where(mine, length, lengths[:, place])
        for n in range(4):
            column = rows[:, OPERANDS + 6 * n + 1 + place]
            column[:] = np.where(mine, step[:, n], column)
    for place in (0, 1):
        rows[mine, 2 + place] = 1
        for n in range(4):
            rows[mine, OPERANDS + 6 * n + 1 + place] = 0


def _aligned(count: int, dtype: Any) -> Array:
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
        self.memory = _aligned(self.layout.total(self.layout.block), self.dtype)
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


NAMES = tuple(MACHINE)
