"""Addressed rows in the form in which compiled loops run them fastest. What they compute stays the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from .machine import AND_ADD, AND_RELU, AND_STEP, LISTED, OP, OPERANDS, THEN, UNSEEN, UPDATE
from .numpy_backend import Loop, merged
from .rows import ADD, ASSIGN, ASSIGN_FIRST, MACHINE
from .trace import Ints, require

_IDLE = (1, 0, 0, 0, 0)
_C, _C_ROW = OPERANDS + 18, OPERANDS + 21  # operand c of a fused row, and its step from row to row
_SCATTERED = [MACHINE["gather"], MACHINE["scatter"]]
_FOLLOWING = [0, AND_ADD, AND_RELU, AND_STEP, AND_RELU + UNSEEN, AND_STEP + UNSEEN]


def ordered(rows: Ints) -> Ints:
    """Contractions with their loops in the order in which they run fastest.

    Innermost a vector: numbers that lie side by side in the target, or that a long dot product is over. Then a loop
    that sums such vectors, or that does many such products with one vector; then the rest.
    """
    for n in np.flatnonzero((rows[:, OP] == MACHINE["contract"]) & (rows[:, LISTED] == 0)).tolist():
        row = rows[n].tolist()
        loops = merged(_loops(row))
        vector = max(loops, key=_suits, default=None)
        rest = [loop for loop in loops if loop is not vector]
        dots = vector is not None and vector[1] == 0
        fitting = [loop for loop in rest if (loop[1] and not (loop[2] and loop[3]) if dots else not loop[1])]
        summing = max(fitting, key=lambda loop: loop[0], default=None)
        rest = [loop for loop in rest if loop is not summing]
        order = [*[_IDLE] * (3 - len(rest)), *rest, summing or _IDLE, vector or _IDLE]
        # a number is expected on the left, and so is the vector that changes among products
        swap = order[3][3] != 0 if dots else order[4][1:4] == (1, 1, 0)
        tile = order[2][0] > 1 and 0 in order[4][2:4]  # numbers times one vector
        if order[:2] == [_IDLE, _IDLE] and all(loop[1] or loop[0] == 1 for loop in order) and not tile:
            row[OP] = MACHINE["product_to"]  # nothing is summed
        _set_loops(row, order)
        a, b = slice(OPERANDS + 6, OPERANDS + 12), slice(OPERANDS + 12, OPERANDS + 18)
        if swap:
            row[a], row[b] = row[b], row[a]
        rows[n] = row
    return rows


def fused(rows: Ints) -> Ints:
    """Rows in which what follows a product of numbers and vectors is done before its numbers leave the registers.

    A bias is added, the rectifier applied, or the adjoint passed on where the unit was active: see `machine.THEN`.
    """
    if not (rows[:-1, OP] == MACHINE["contract"]).any():
        return rows
    kept: list[list[int]] = []
    for row in rows.tolist():
        follows = _follows(kept[-1], row) if kept else None
        if follows:
            kept[-1][THEN], kept[-1][THEN + 1], kept[-1][_C], kept[-1][_C_ROW] = follows
        else:
            kept.append(row)
    return np.array(kept, np.int64).reshape(-1, rows.shape[1])


def _follows(product: list[int], row: list[int]) -> tuple[int, int, int, int] | None:
    """How a row can follow a product at once: what it does, where to, operand c, and c's step from row to row."""
    if product[OP] != MACHINE["contract"] or product[2:4] != [1, 1]:
        return None
    begin, m, n = product[OPERANDS], product[4], product[6]
    numbers = [product[OPERANDS + 6 * i + 5] for i in range(3)] == [1, 0, 1] and (product[5] == 1 or product[12] == 0)
    dense = m == 1 or (product[11] == n and product[23] == 0)  # its rows lie one after the other
    if not (numbers and dense):
        return None
    steps = [row[OPERANDS + 6 * i + 5] for i in range(3)]
    if product[THEN] == 0 and row[:2] == [MACHINE["add_to"], ADD] and row[2:7] == [1, 1, 1, m, n]:
        same = row[OPERANDS] == begin and steps[:2] == [1, 0] and (m == 1 or row[12] == n)
        return (AND_ADD, 0, row[14], row[18]) if same else None
    if row[2:7] != [1, 1, 1, 1, m * n] or row[14] != begin:
        return None
    if product[THEN] == AND_ADD and row[OP] == MACHINE["relu"] and steps[:2] == [1, 1]:
        return AND_RELU, row[OPERANDS], product[_C], product[_C_ROW]
    if product[THEN] == 0 and row[:2] == [MACHINE["step_to"], ASSIGN] and steps == [1, 1, 1]:
        return AND_STEP, row[OPERANDS], row[20], n
    return None


def economical(rows: Ints, private: tuple[int, int], results: tuple[int, int]) -> Ints:
    """Rows of a whole run that keep less in memory between two addresses, where nobody looks after it but at results.

    Of a layer z = W·x + b, h = relu(z), only h is kept: the reverse pass asks where z is positive, and h is positive at
    the same places. What is handed to h is not kept either, only what z gets of it; and that takes the place of h
    when nothing reads h anymore. So a small network stays in the nearest cache.
    """
    if not (rows[:, THEN] >= AND_RELU).any() or np.isin(rows[:, OP], _SCATTERED).any():
        return rows

    def unseen(at: int, size: int) -> bool:
        return private[0] <= at < private[1] and not (at < results[1] and results[0] < at + size)

    rows = rows.copy()
    sizes = rows[:, 4] * rows[:, 6]
    for r in np.flatnonzero(rows[:, THEN] == AND_RELU).tolist():
        z, h, size = rows[r, OPERANDS], rows[r, THEN + 1], sizes[r]
        asking = (rows[:, THEN] == AND_STEP) & (rows[:, _C] == z) & (sizes == size)
        reading = _meets(*_reads(rows), z, size).any(axis=1)
        if unseen(z, size) and (reading == asking).all():
            rows[asking, _C] = h
            rows[r, THEN] += UNSEEN
    for r in np.flatnonzero(rows[:, THEN] == AND_STEP).tolist():
        handed, passed, h, size = rows[r, OPERANDS], rows[r, THEN + 1], rows[r, _C], sizes[r]
        low, high = _reads(rows)
        if unseen(handed, size) and not _meets(low, high, handed, size).any():
            rows[r, THEN] += UNSEEN
        later = np.arange(len(rows)) > r
        using = _meets(low, high, passed, size)
        inside = (low >= passed) & (high < passed + size)
        used = _meets(low, high, h, size).any(axis=1)
        for place in (h, passed):
            used |= _meets(*_reach(rows, 0), place, size)
        if (
            not used[later].any()
            and not using[~later].any()
            and (using <= inside).all()
            and unseen(h, size)
            and unseen(passed, size)
        ):
            rows[r, THEN + 1] = h
            rows[:, OPERANDS + 6 : OPERANDS + 24 : 6] += np.where(using[:, :3], h - passed, 0)
    return rows


def _reach(rows: Ints, operand: int) -> tuple[Ints, Ints]:
    """The first and last addresses of an operand (0 is the target) of each row."""
    at = OPERANDS + 6 * operand
    reach = (rows[:, 2:7] - 1) * rows[:, at + 1 : at + 6]
    return rows[:, at] + np.minimum(reach, 0).sum(axis=1), rows[:, at] + np.maximum(reach, 0).sum(axis=1)


def _reads(rows: Ints) -> tuple[Ints, Ints]:
    """The first and last addresses that each row reads: of its three operands, and of a target that is added to."""
    low, high = (np.stack(found, axis=1) for found in zip(*(_reach(rows, i) for i in (1, 2, 3, 0))))
    stepping = rows[:, THEN] % UNSEEN == AND_STEP
    high[stepping, 2] = low[stepping, 2] + rows[stepping, 4] * rows[stepping, 6] - 1
    assigned = (rows[:, UPDATE] == ASSIGN) | (rows[:, UPDATE] == ASSIGN_FIRST)
    high[assigned, 3] = low[assigned, 3] - 1  # nothing
    return low, high


def check(rows: Ints, size: int) -> None:
    """Refuse rows that would read or write outside a memory of that size (FormError)."""
    require(bool((rows[:, 2:7] >= 1).all()), "a loop is empty")
    require(bool(np.isin(rows[:, THEN], _FOLLOWING).all()), "it is unknown what follows a product")
    elsewhere = np.isin(rows[:, OP], _SCATTERED)
    for operand in range(4):
        low, high = _reach(rows, operand)
        free = (rows[:, LISTED] != 0) & (operand == 2) | elsewhere & (operand < 2)  # places come from a list
        require(bool(((low >= 0) & (high < size) | free).all()), "a row reaches outside the memory")
    last = rows[:, THEN + 1] + rows[:, 4] * rows[:, 6]
    further = rows[:, THEN] % UNSEEN >= AND_RELU
    require(bool(((rows[:, THEN + 1] >= 0) & (last <= size) | ~further).all()), "a row passes on outside the memory")


def _meets(low: Ints, high: Ints, begin: int, size: int) -> Any:
    return (low < begin + size) & (high >= begin) & (low <= high)


def listed(rows: Ints, begin: int, end: int, width: int) -> Ints:
    """Rows whose operand between two addresses is read at listed places, one for each sample of a width.

    It is expected on the right. The loop over samples is the second before a dot product, the third before the vectors
    that numbers are multiplied with.
    """
    for n in np.flatnonzero(rows[:, OP] == MACHINE["contract"]).tolist():
        row = rows[n].tolist()
        there = [begin <= row[at] < end for at in (14, 20)]
        if any(there):
            if there[0]:
                row[14:20], row[20:26] = row[20:26], row[14:20]
            loops = _loops(row)
            vector = next(loop for loop in loops if loop[3] == 1)
            samples = next((loop for loop in loops if loop[3] == width), _IDLE)
            rest = merged([loop for loop in loops if loop not in (vector, samples)])
            few = rest.pop() if rest else _IDLE
            inner = [samples, few] if vector[1] == 0 else [few, samples]
            _set_loops(row, [*[_IDLE] * (2 - len(rest)), *rest, *inner, vector])
            row[20], row[LISTED] = row[20] - begin, -1
            row[23], row[24] = 0, 0  # a step would come on top of the place
            rows[n] = row
    return rows


def _loops(row: list[int]) -> list[Loop]:
    """The loops of a row that are longer than 1: length, and steps of the operands."""
    loops = [(row[2 + i], *(row[at + 1 + i] for at in range(OPERANDS, OPERANDS + 24, 6))) for i in range(5)]
    return [loop for loop in loops if loop[0] > 1]


def _set_loops(row: list[int], loops: list[Loop]) -> None:
    for i, loop in enumerate(loops):
        row[2 + i] = loop[0]
        for operand in range(4):
            row[OPERANDS + 6 * operand + 1 + i] = loop[1 + operand]


def _suits(loop: Loop) -> tuple[bool, int]:
    _, o, a, b, _ = loop
    side_by_side = (o == 1 and a in (0, 1) and b in (0, 1)) or (o == 0 and a == 1 and b == 1)
    return side_by_side, loop[0]
