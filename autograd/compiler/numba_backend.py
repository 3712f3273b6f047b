"""The machine as one compiled loop (see `kernels`), with NumPy for the rows in which NumPy is faster.

Those are large matrix products, which go to BLAS, and long vectors of functions such as tanh, for which NumPy has
vector instructions and a compiler only the scalar library function.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .lower import Lowered
from .machine import BACKWARD, OP, OPERANDS, UPDATE, Array, address
from .numpy_backend import Call, Loop, NumpyMachine, merged
from .rows import ADD, ASSIGN, ASSIGN_FIRST, FUNCTIONS, I_VALUE, MACHINE
from .trace import Ints

CACHE = 1 << 20
"""Bytes of batched numbers that a block of samples should not exceed much: about a second-level cache."""
BLOCK = 256
"""Samples that a block has at least, however many numbers each takes: reading a row costs as much as 50 additions."""
LARGE = 4096
"""From so many products per sample on, a matrix product is worth a call of BLAS."""
LONG = 1024
"""From so many numbers on, a function is worth a call of NumPy."""
FAR = 64
"""From so many numbers in a row on, copying rows waits for memory, and asking ahead for the next row pays."""
_SLOW = {MACHINE[name] for name in FUNCTIONS} - {
    MACHINE[name] for name in ("exp", "sqrt", "erf", "head", "standard_normal_cdf")
}


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
        per_sample = np.dtype(dtype).itemsize * sum(n for n in lowered.sizes.values())
        super().__init__(lowered, dtype, 1 << 27 if self.large else max(CACHE, BLOCK * per_sample))
        self._compiled, self._take = kernels.ready(self.memory), kernels.take_rows
        self.aux = lowered.aux.astype(np.uint64)

    def run(self, parts: tuple[str, ...], samples: int, first: bool = True, careful: bool = False) -> None:
        """See `NumpyMachine.run`; without calls of NumPy there are no warnings to silence."""
        calls = self.linked.get((parts, samples, first, careful))
        if calls is None or len(calls) != 1:
            super().run(parts, samples, first, careful)
        else:
            ((function, arguments),) = calls
            function(*arguments)

    def take(self, array: Array, rows: Ints, target: Array) -> None:
        """See `Machine.take`."""
        if array.flags.c_contiguous and array.shape[1] >= FAR:
            self._take(array.reshape(-1), rows, target.reshape(-1), array.shape[1])
        else:
            super().take(array, rows, target)

    def _link(self, parts: tuple[str, ...], samples: int, first: bool, careful: bool) -> list[Call]:
        calls: list[Call] = []
        pending: list[Ints] = []
        backward = 0  # how many of the pending rows belong to the forward parts

        def flush() -> None:
            nonlocal backward
            count = sum(map(len, pending))
            if count:
                rows = np.concatenate(pending).astype(np.uint64)
                calls.append((self._compiled, (rows, self.memory, self.aux, first, backward if careful else count)))
            pending.clear()
            backward = 0

        for part in parts:
            rows = address(self.tables[part], self.layout, samples)
            elsewhere = np.flatnonzero(self._for_numpy(rows))
            start = 0
            for n in [*elsewhere.tolist(), len(rows)]:
                piece = _ordered(rows[start:n])
                pending.append(piece)
                backward += len(piece) if part not in BACKWARD else 0
                if n < len(rows):
                    flush()
                    row = rows[n].tolist()
                    if row[UPDATE] == ASSIGN_FIRST:
                        row[UPDATE] = ASSIGN if first else ADD
                    self._calls(row, calls, careful and part in BACKWARD)
                start = n + 1
        flush()
        return calls

    def _for_numpy(self, rows: Ints) -> Array:
        size = rows[:, 2:7].prod(axis=1)
        products = (rows[:, OP] == MACHINE["contract"]) & (size >= 16 * LARGE)
        chosen: Array = (products & self.large) | (np.isin(rows[:, OP], list(_SLOW)) & (size >= LONG))
        return chosen


def _ordered(rows: Ints) -> Ints:
    """Contractions with their loops in the order in which they run fastest.

    Innermost a vector: numbers that lie side by side in the target, or that a long dot product is over. Then a loop
    that sums such vectors, or that does many such products with one vector; then the rest.
    """
    for n in np.flatnonzero(rows[:, OP] == MACHINE["contract"]).tolist():
        row = rows[n].tolist()
        loops = [(row[2 + i], *(row[at + 1 + i] for at in range(OPERANDS, OPERANDS + 24, 6))) for i in range(5)]
        loops = merged([loop for loop in loops if loop[0] > 1])
        vector = max(loops, key=_suits, default=None)
        rest = [loop for loop in loops if loop is not vector]
        dots = vector is not None and vector[1] == 0
        fitting = [loop for loop in rest if (loop[1] and not (loop[2] and loop[3]) if dots else not loop[1])]
        summing = max(fitting, key=lambda loop: loop[0], default=None)
        rest = [loop for loop in rest if loop is not summing]
        idle = (1, 0, 0, 0, 0)
        order = [*[idle] * (3 - len(rest)), *rest, summing or idle, vector or idle]
        # a number is expected on the left, and so is the vector that changes among products
        swap = order[3][3] != 0 if dots else order[4][1:4] == (1, 1, 0)
        if order[:2] == [idle, idle] and all(loop[1] or loop[0] == 1 for loop in order):
            row[OP] = MACHINE["product_to"]  # nothing is summed
        for i, loop in enumerate(order):
            row[2 + i] = loop[0]
            for operand in range(4):
                row[OPERANDS + 6 * operand + 1 + i] = loop[1 + operand]
        a, b = slice(OPERANDS + 6, OPERANDS + 12), slice(OPERANDS + 12, OPERANDS + 18)
        if swap:
            row[a], row[b] = row[b], row[a]
        rows[n] = row
    return rows


def _suits(loop: Loop) -> tuple[bool, int]:
    _, o, a, b, _ = loop
    side_by_side = (o == 1 and a in (0, 1) and b in (0, 1)) or (o == 0 and a == 1 and b == 1)
    return side_by_side, loop[0]
