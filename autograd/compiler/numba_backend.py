"""The machine as one compiled loop (see `kernels`): a whole block of samples per call."""

from __future__ import annotations

from typing import Any

import numpy as np

from .lower import MACHINE, Lowered
from .machine import BACKWARD, OP, OPERANDS, Machine, address
from .trace import Ints

CACHE = 1 << 20
"""Bytes of batched numbers that a block of samples should not exceed much: about a second-level cache."""


class NumbaMachine(Machine):
    """Runs the rows of a lowered program in blocks of samples that stay in the cache."""

    name = "numba"
    by_sample = False

    def __init__(self, lowered: Lowered, dtype: Any, limit: int = CACHE) -> None:
        from . import kernels

        per_sample = np.dtype(dtype).itemsize * sum(lowered.sizes.values())
        super().__init__(lowered, dtype, max(limit, 64 * per_sample))
        self._run = kernels.run
        self.aux = lowered.aux.astype(np.uint64)
        self.rows: dict[tuple[tuple[str, ...], int], tuple[Any, int]] = {}

    def run(self, parts: tuple[str, ...], samples: int, first: bool = True, careful: bool = False) -> None:
        """Run some of `machine.PARTS` for a block of samples; see there."""
        key = (parts, samples)
        linked = self.rows.get(key)
        if linked is None:
            if len(self.rows) > 24:
                self.rows.clear()
            tables = [_ordered(address(self.tables[part], self.layout, samples)) for part in parts]
            backward = sum(len(table) for part, table in zip(parts, tables) if part not in BACKWARD)
            linked = self.rows[key] = np.concatenate(tables).astype(np.uint64), backward
        rows, backward = linked
        if len(rows):
            self._run(rows, self.memory, self.aux, first, backward if careful else len(rows))


def _ordered(rows: Ints) -> Ints:
    """Contractions with their loops in the order in which they run fastest.

    Innermost a vector: numbers that lie side by side in the target, or that a long dot product is over. Then a loop
    that sums such vectors, or that does many such products with one vector; then the rest.
    """
    for n in np.flatnonzero(rows[:, OP] == MACHINE["contract"]).tolist():
        row = rows[n].tolist()
        loops = [(row[2 + i], *(row[at + 1 + i] for at in range(OPERANDS, OPERANDS + 24, 6))) for i in range(5)]
        loops = _merged([loop for loop in loops if loop[0] > 1])
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
        for i, loop in enumerate(order):
            row[2 + i] = loop[0]
            for operand in range(4):
                row[OPERANDS + 6 * operand + 1 + i] = loop[1 + operand]
        a, b = slice(OPERANDS + 6, OPERANDS + 12), slice(OPERANDS + 12, OPERANDS + 18)
        if swap:
            row[a], row[b] = row[b], row[a]
        rows[n] = row
    return rows


Loop = tuple[int, ...]  # length, then the steps of the target and the operands


def _suits(loop: Loop) -> tuple[bool, int]:
    _, o, a, b, _ = loop
    side_by_side = (o == 1 and a in (0, 1) and b in (0, 1)) or (o == 0 and a == 1 and b == 1)
    return side_by_side, loop[0]


def _merged(loops: list[Loop]) -> list[Loop]:
    """Loops with those made one whose steps allow it."""
    result: list[Loop] = []
    for loop in sorted(loops, key=lambda loop: [-abs(step) for step in loop[1:]]):
        if result and all(result[-1][i] == loop[i] * loop[0] for i in (1, 2, 3)):
            result[-1] = (result[-1][0] * loop[0], *loop[1:])
        else:
            result.append(loop)
    return result
