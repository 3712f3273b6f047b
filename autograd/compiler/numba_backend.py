"""The machine as one compiled loop (see `kernels`), with NumPy for the rows in which NumPy is faster.

Those are large matrix products, which go to BLAS, and long vectors of functions such as tanh, for which NumPy has
vector instructions and a compiler only the scalar library function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .arrange import check, economical, fused, listed, ordered
from .lower import Lowered
from .machine import AUX, BACKWARD, CACHE, LINE, LISTED, OP, UPDATE, Array, address
from .numpy_backend import Call, NumpyMachine
from .pack import BATCHED
from .rows import ADD, ASSIGN, ASSIGN_FIRST, B_VALUE, FOR_NUMPY, FUNCTIONS, I_VALUE, MACHINE, S_SCRATCH
from .trace import Ints

BLOCK = 256
"""Samples that a block has at least, however many numbers each takes: reading a row costs as much as 50 additions."""
LARGE = 4096
"""From this many products per sample upward, a matrix product is worth a call of BLAS."""
LONG = 1024
"""From this many numbers upward, a function is worth a call of NumPy."""
THIN = 128
"""So few vectors times many are quicker in tiles: BLAS would need a copy of the samples, and packs them once more."""
FAR = 64
"""From this many numbers in a row upward, copying rows waits for memory, and asking ahead for the next row pays."""
_SLOW = {MACHINE[name] for name in FUNCTIONS} - {
    MACHINE[name] for name in ("exp", "sqrt", "erf", "head", "standard_normal_cdf")
}
_UNKNOWN = [MACHINE[name] for name in FOR_NUMPY]


class NumbaMachine(NumpyMachine):
    """Runs the rows of a lowered program; without large products, in blocks of samples that stay in the cache."""

    name = "numba"

    def __init__(self, lowered: Lowered, dtype: Any) -> None:
        from . import kernels

        rows = lowered.forward[1]
        products = rows[rows[:, 0] == MACHINE["contract"], 3:7].prod(axis=1)
        self.large = bool((products >= LARGE).any())
        # a matrix product reads samples as they come; vector instructions want each input's numbers side by side
        self.by_sample = self.large and max((n for s, n in lowered.sizes.items() if s >= I_VALUE), default=0) >= 64
        self.lanes = LINE // np.dtype(dtype).itemsize
        per_sample = np.dtype(dtype).itemsize * sum(n for n in lowered.sizes.values())
        super().__init__(lowered, dtype, 1 << 27 if self.large else max(CACHE, BLOCK * per_sample))
        self._compiled, self._take, self._place = kernels.ready(self.memory), kernels.take_rows, kernels.place_rows
        self.streamed = _streamed(self.tables, lowered) if self.by_sample else -1
        listed = self.layout.width(self.layout.block) + 8 if self.streamed >= 0 else 0
        # a 0, the places of samples (and room to ask ahead), and the slots that gather and scatter refer to
        self.places = np.concatenate([np.zeros(1 + listed, np.uint64), lowered.aux.astype(np.uint64)])
        self.slots = 1 + listed

    def bound(self, *key: Any) -> Callable[[], None]:
        """See `NumpyMachine.bound`; without calls of NumPy there are no warnings to silence."""
        calls = self.calls(*key)
        return partial(calls[0][0], *calls[0][1]) if len(calls) == 1 else super().bound(*key)

    def take(self, array: Array, rows: Ints, target: Array) -> None:
        """See `Machine.take`."""
        if array.flags.c_contiguous and array.shape[1] >= FAR:
            self._take(array.reshape(-1), rows, target.reshape(-1), array.shape[1])
        else:
            super().take(array, rows, target)

    def place(self, array: Array, rows: Ints | None, samples: int) -> bool:
        """See `Machine.place`: lists how far from the machine's memory each sample begins."""
        if array.dtype != self.dtype or not array.flags.c_contiguous:
            return False
        if rows is None:
            rows = np.arange(samples)
        return bool(self._place(array, rows, self.memory, self.places, self.layout.width(samples)))

    def _stream(self, samples: int) -> tuple[int, int, int]:
        """Where the streamed argument begins and ends in memory, and how long a sample of it is."""
        space = I_VALUE + 2 * self.streamed
        begin, width = int(self.layout.spaces(samples)[space, 0]), self.layout.sizes[space]
        return begin, begin + width * self.layout.width(samples), width

    def _private(self, samples: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where the batched values and adjoints begin and end, arguments left out, and where the results do."""
        spaces, outputs, width = self.layout.spaces(samples), self.lowered.outputs, self.layout.width(samples)
        begin, first, last = int(spaces[B_VALUE, 0]), int(outputs.slots.min()), int(outputs.slots.max())
        results = (begin + first * width, begin + (last + 1) * width) if outputs.region == BATCHED else (0, 0)
        return (begin, int(spaces[I_VALUE, 0])), results

    def _link(self, parts: tuple[str, ...], samples: int, first: bool, careful: bool) -> list[Call]:
        calls: list[Call] = []
        pending: list[Ints] = []
        backward = 0  # how many of the pending rows belong to the forward parts

        def flush(whole: bool = False) -> None:
            nonlocal backward
            count = sum(map(len, pending))
            if count:
                rows = np.concatenate(pending)
                if whole and not careful and samples >= self.lanes:
                    rows = economical(rows, *self._private(samples))
                check(rows, len(self.memory))
                rows = rows.astype(np.uint64)
                calls.append((self._compiled, (rows, self.memory, self.places, first, backward if careful else count)))
            pending.clear()
            backward = 0

        for part in parts:
            rows = address(self.tables[part], self.layout, samples)
            rows[:, AUX] += self.slots
            if self.streamed >= 0:
                rows = listed(rows, *self._stream(samples))
            elsewhere = np.flatnonzero(self._for_numpy(rows))
            start = 0
            for n in [*elsewhere.tolist(), len(rows)]:
                piece = ordered(rows[start:n])
                if not (careful and part in BACKWARD):
                    piece = fused(piece)
                pending.append(piece)
                backward += len(piece) if part not in BACKWARD else 0
                if n < len(rows):
                    flush()
                    row = rows[n].tolist()
                    row[AUX] -= self.slots
                    if row[UPDATE] == ASSIGN_FIRST:
                        row[UPDATE] = ASSIGN if first else ADD
                    self._calls(row, calls, careful and part in BACKWARD)
                start = n + 1
        flush(whole=not calls)
        return calls

    def _for_numpy(self, rows: Ints) -> Array:
        size = rows[:, 2:7].prod(axis=1)
        products = (rows[:, OP] == MACHINE["contract"]) & (size >= 32 * LARGE) & (rows[:, LISTED] == 0)
        products &= (rows[:, 2:7] > 1).sum(axis=1) > 1  # no dot product of two vectors
        chosen: Array = (products & self.large) | (np.isin(rows[:, OP], list(_SLOW)) & (size >= LONG))
        chosen |= np.isin(rows[:, OP], _UNKNOWN)
        return chosen


def _streamed(tables: dict[str, Ints], lowered: Lowered) -> int:
    """The number of the argument whose samples can be read where the caller keeps them; −1 if there is none.

    A sample of it is long, and only thin products read it: each sample times a few vectors, or all times a few numbers.
    """
    rows = np.concatenate(list(tables.values()))
    for number, space in enumerate(range(I_VALUE, max(lowered.sizes) + 1, 2)):
        uses = rows[:, 8:32:6] == space
        reading = np.flatnonzero(uses.any(axis=1))
        if lowered.sizes[space] >= FAR and len(reading) and all(_thin(rows[n], uses[n]) for n in reading.tolist()):
            return number
    return -1


def _thin(row: Ints, uses: Array) -> bool:
    if row[0] != MACHINE["contract"] or uses.tolist() not in ([False, True, False, False], [False, False, True, False]):
        return False
    own, other = (14, 20) if uses[1] else (20, 14)
    if row[8] > S_SCRATCH and row[other] > S_SCRATCH:  # each sample meets a vector of its own: nothing is read twice
        return False
    loops = [(row[3 + i], row[10 + i], row[own + 2 + i], row[other + 2 + i]) for i in range(4) if row[3 + i] > 1]
    along = [loop for loop in loops if loop[2]]
    few = math.prod(int(loop[0]) for loop in loops if not loop[2])
    return len(along) == 1 and along[0][1:] in ((0, 1, 1), (1, 1, 0)) and few <= THIN
