"""The memory of a lowered program, and its rows as addresses for a given number of samples.

All numbers of a program lie in one flat array: first what is shared (parameters foremost), then, for a block of B
samples, one row of B numbers per batched slot. So an adjoint is a fixed distance from its value, nothing is allocated
while a program runs, and a compiled loop needs a single pointer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lower import Lowered
from .rows import B_ADJOINT, B_SCRATCH, B_VALUE, I_VALUE, MACHINE, ROW, S_SCRATCH, STRUCTURED, value_space
from .trace import Ints

Array = NDArray[Any]

OP, UPDATE, LENGTHS, AUX, OPERANDS, THEN, LISTED = 0, 1, slice(2, 7), 7, 8, 32, 34
LINE = 64
"""Bytes of a cache line."""
CACHE = 1 << 20
"""Bytes of batched numbers that a block of samples should not exceed much: about a second-level cache."""
COLUMNS = 35
"""Columns of an addressed row: instruction, update, 5 loop lengths (the last over samples), aux, 4 operands of an
address and 5 steps; and for compiled loops what follows a product before its numbers leave the registers, with the
address that the outcome goes to, and whether the samples of an operand lie at listed places."""
AND_ADD, AND_RELU, AND_STEP, UNSEEN = 1, 2, 3, 4
"""What follows a product (column `THEN`): operand c is added; and relu of that goes to the address in the next column;
or what goes there is the product where c is positive or nan, and 0 elsewhere. `UNSEEN` is added to the latter two where
the product itself need not be written."""

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
            (numba).
        item: bytes per number.
        limit: bytes that batched numbers may take; a batch that needs more runs in blocks.
        lanes: the numbers of a slot take room for a multiple of this many samples, so that each slot begins with a
            cache line. What differs from sample to sample is computed for the spare ones too; no sum takes them in.
    """

    def __init__(self, lowered: Lowered, by_sample: bool, item: int, limit: int, lanes: int) -> None:
        self.sizes = lowered.sizes
        self.by_sample, self.lanes = by_sample, lanes
        line = LINE // item
        self.shared = -(-sum(lowered.sizes[space] for space in range(S_SCRATCH + 1)) // line) * line
        self.per_sample = sum(size for space, size in self.sizes.items() if space > S_SCRATCH)
        self.block = max(1, limit // max(1, item * self.per_sample))

    def spaces(self, samples: int) -> Array:
        """For each space: its address, and how far the next slot and the next sample are."""
        samples = self.width(samples)
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

    def width(self, samples: int) -> int:
        """This many samples and the spare ones; a few have none, since more would be computed for nothing."""
        return -(-samples // self.lanes) * self.lanes if samples >= self.lanes else samples

    def total(self, samples: int) -> int:
        """Numbers in memory for a block of that many samples."""
        return self.shared + self.per_sample * self.width(samples)


def address(table: Ints, layout: Layout, samples: int) -> Ints:
    """Rows with spaces and slots as rows with addresses and steps; loops that can be one are one."""
    spaces = layout.spaces(samples)
    out = np.zeros((len(table), COLUMNS), np.int64)
    if not len(table):
        return out
    batched = table[:, 2] == 1
    out[:, OP], out[:, UPDATE], out[:, AUX] = table[:, 0], table[:, 1], table[:, 7]
    out[:, 2:6] = table[:, 3:7]
    summed = table[:, 8] <= S_SCRATCH  # the target is shared
    out[:, 6] = np.where(batched, np.where(summed, samples, layout.width(samples)), 1)
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
    """The memory of a lowered program, and how to reach what goes in and comes out.

    Args:
        lowered: the program.
        dtype: of all numbers.
        limit: bytes for batched numbers before a batch runs in blocks.

    Attributes:
        gradient: the adjoints of the parameters.
        sums: the sum of the losses, and the squared norm of the gradient.
    """

    name = ""
    by_sample = True
    lanes = 1
    streamed = -1
    """The number of the argument that is read where it lies (see `place`), −1 for none."""

    def __init__(self, lowered: Lowered, dtype: Any, limit: int) -> None:
        self.lowered = lowered
        self.dtype = np.dtype(dtype)
        self.layout = Layout(lowered, self.by_sample, self.dtype.itemsize, limit, self.lanes)
        # untouched pages take no memory, so room for the largest block is free until it is used
        self.memory = _aligned(self.layout.total(self.layout.block), self.dtype)
        self.memory[list(lowered.constants)] = list(lowered.constants.values())
        self.tables = dict(zip(PARTS, (*lowered.forward, *lowered.reverse)))
        self.views: dict[tuple[str, int], Any] = {}
        first = self.layout.sizes[0]
        self.gradient = self.memory[first : first + lowered.n_parameters]
        self.sums = self.memory.data[lowered.total : lowered.total + 2]  # quicker to read than an array

    def inputs(self, samples: int) -> list[Array]:
        """The input arguments of a block of samples, to be filled: (B, n) each."""
        return self._arguments(samples, 0)

    def input_adjoints(self, samples: int) -> list[Array]:
        """The adjoints of the inputs, in the form of `inputs`."""
        return self._arguments(samples, 1)

    def _arguments(self, samples: int, offset: int) -> list[Array]:
        key = ("adjoints" if offset else "inputs", samples)
        if key not in self.views:
            if len(self.views) > 24:  # every batch size has views of its own
                self.views.clear()
            spaces = self.layout.spaces(samples)
            found = []
            for space in range(I_VALUE + offset, max(self.layout.sizes) + 1, 2):
                n, start, width = self.layout.sizes[space], int(spaces[space, 0]), self.layout.width(samples)
                shape = (width, n) if self.by_sample else (n, width)
                whole = self.memory[start : start + n * width].reshape(shape)
                found.append(whole[:samples] if self.by_sample else whole[:, :samples])
            self.views[key] = found
        arguments: list[Array] = self.views[key]
        return arguments

    def place(self, array: Array, rows: Ints | None, samples: int) -> bool:
        """Have the streamed argument read in some rows of an array, or in all; False if it has to be copied."""
        return False

    def take(self, array: Array, rows: Ints, target: Array) -> None:
        """Copy rows of an array, which are known to exist, to a target of the same dtype."""
        array.take(rows, 0, target, "clip")  # "raise" would copy twice

    def outputs(self, samples: int) -> Array:
        """The results of a block of samples, (B, n)."""
        key = ("outputs", samples)
        if key not in self.views:
            outputs = self.lowered.outputs
            start, slot, sample = self.layout.spaces(samples)[value_space(outputs.region)].tolist()
            strides = outputs.strides
            assert strides is not None
            at = start + int(outputs.slots.flat[0]) * slot
            item = self.dtype.itemsize
            shape = samples, outputs.slots.size
            steps = sample * item, strides[0] * slot * item
            self.views[key] = np.ndarray(shape, self.dtype, self.memory, at * item, steps)
        found: Array = self.views[key]
        return found


NAMES = tuple(MACHINE)
