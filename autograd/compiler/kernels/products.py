"""Contractions: o += Σ a·b along five loops, in tiles where the numbers lie side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine import AND_ADD, AND_RELU, AND_STEP, UNSEEN
from .tiles import (
    WIDTH,
    ask,
    begin,
    grow,
    grow_dots,
    grow_sums,
    lanes,
    past_line,
    plus,
    plus_number,
    put,
    put_sums,
    rectify,
    stepped,
)
from .vectors import careful_product_to, compiled, inlined, product_to

_ADD, _RELU, _STEP, _UNSEEN = (np.uint64(n) for n in (AND_ADD, AND_RELU, AND_STEP, UNSEEN))
_ZERO, _ONE, _TWO, _FOUR, _EIGHT, _WIDTH = (np.uint64(n) for n in (0, 1, 2, 4, 8, WIDTH))
_NEAR, _SHORT, _BESIDE = np.uint64(640), np.uint64(24), np.uint64(8)
"""How many vectors of lanes the nearest cache holds along with other things; how many a dot product needs to be worth
its beginning and its end; and how many vectors b are used while they are there."""


@inlined
def _finish(t, M, o, ro, add, then, c, rc, lane, to, n):  # type: ignore[no-untyped-def]
    """Write a tile, and what follows from it while it is in registers. See `machine.THEN`."""
    if add:
        t = plus(t, M, o + lane, ro, n)
    what = then % _UNSEEN
    if what in (_ADD, _RELU):
        t = plus_number(t, M, c, rc, n)
    if what == then:
        put(t, M, o + lane, ro, n)
    if what == _RELU:
        put(rectify(t, M, c, rc, n), M, to + lane, ro, n)
    elif what == _STEP:
        put(stepped(t, M, c + lane, rc, n), M, to + lane, ro, n)


@compiled
def _first_line(M, b, mask, n):  # type: ignore[no-untyped-def]
    """How many numbers of a listed vector precede those that fill whole lines of the cache.

    The program's own vectors begin with a line; a vector across two lines takes twice as long to load. What is added up
    for a number of the target, and in which order, is the same.
    """
    return min(n, (lanes(M) - past_line(M, b)) & (lanes(M) - _ONE)) & mask


def _column(width: int) -> Any:
    """A column of tiles: m rows of numbers a times vectors b, o[r] = Σₖ a[r, k]·b[k], ``width`` vectors wide."""

    def tile_of(height: int) -> Any:
        empty = begin(height, width)

        @inlined
        def tile(  # type: ignore[no-untyped-def]
            M, L, o, ro, a, ra, ka, b, kb, mask, depth, lane, n, add, then, c, rc, to
        ):
            t = empty(M)
            for k in range(depth):
                t = grow(t, M, a + k * ka, ra, b + k * kb + L[(k + _ONE) & mask] + lane, n)
            _finish(t, M, o, ro, add, then, c, rc, lane, to, n)

        return tile

    one, two, four, tall = map(tile_of, (1, 2, 4, 4 if width > 1 else 8))
    height = _FOUR if width > 1 else _EIGHT

    @compiled
    def column(  # type: ignore[no-untyped-def]
        M, L, o, ro, a, ra, ka, b, kb, mask, m, depth, lane, n, add, then, c, rc, to
    ):
        for _ in range(m // height):
            tall(M, L, o, ro, a, ra, ka, b, kb, mask, depth, lane, n, add, then, c, rc, to)
            o, a, c, to = o + height * ro, a + height * ra, c + height * rc, to + height * ro
        if height > _FOUR and m & _FOUR:
            four(M, L, o, ro, a, ra, ka, b, kb, mask, depth, lane, n, add, then, c, rc, to)
            o, a, c, to = o + _FOUR * ro, a + _FOUR * ra, c + _FOUR * rc, to + _FOUR * ro
        if m & _TWO:
            two(M, L, o, ro, a, ra, ka, b, kb, mask, depth, lane, n, add, then, c, rc, to)
            o, a, c, to = o + _TWO * ro, a + _TWO * ra, c + _TWO * rc, to + _TWO * ro
        if m & _ONE:
            one(M, L, o, ro, a, ra, ka, b, kb, mask, depth, lane, n, add, then, c, rc, to)

    return column


_wide, _narrow = _column(WIDTH), _column(1)


@compiled
def _numbers(M, L, o, ro, a, ra, ka, b, kb, mask, m, depth, n, add, then, c, rc, to):  # type: ignore[no-untyped-def]
    """m rows of numbers times the same vectors, which a column of tiles reads once from afar."""
    count = lanes(M)
    lane = _first_line(M, b + L[mask & _ONE], mask, n)
    if lane:
        _narrow(M, L, o, ro, a, ra, ka, b, kb, mask, m, depth, _ZERO, lane, add, then, c, rc, to)
    for _ in range((n - lane) // (_WIDTH * count)):
        _wide(M, L, o, ro, a, ra, ka, b, kb, mask, m, depth, lane, None, add, then, c, rc, to)
        lane += _WIDTH * count
    while lane < n:
        _narrow(M, L, o, ro, a, ra, ka, b, kb, mask, m, depth, lane, n - lane, add, then, c, rc, to)
        lane += count


def _dots_by(height: int) -> Any:
    """Dot products of ``height`` vectors a with q vectors b: o[r, c] = Σₖ a[r, k]·b[c, k]."""

    def tile_of(width: int) -> Any:
        empty = begin(height, width)

        @inlined
        def tile(M, L, o, ro, co, a, ra, b, rb, mask, j, n, add, asking):  # type: ignore[no-untyped-def]
            count = lanes(M)
            whole = n // count * count
            t = empty(M)
            for k in range(_ZERO, whole, count):
                if asking:
                    ask(t, M, b + k, L, j + _BESIDE)
                t = grow_dots(t, M, a + k, ra, b + k, rb, L, mask, j, None)
            if whole < n:
                t = grow_dots(t, M, a + whole, ra, b + whole, rb, L, mask, j, n - whole)
            put_sums(t, M, o, ro, co, add)

        return tile

    narrow, wide = tile_of(1), tile_of(WIDTH)

    @inlined
    def dots(M, L, o, ro, co, a, ra, b, rb, mask, j, q, n, add, asking):  # type: ignore[no-untyped-def]
        for _ in range(q // _WIDTH):
            wide(M, L, o, ro, co, a, ra, b, rb, mask, j, n, add, asking)
            o, b, j = o + _WIDTH * co, b + _WIDTH * rb, j + _WIDTH
        for _ in range(q % _WIDTH):
            narrow(M, L, o, ro, co, a, ra, b, rb, mask, j, n, add, asking)
            o, b, j = o + co, b + rb, j + _ONE

    return dots


_dots_1, _dots_2, _dots_4 = map(_dots_by, (1, 2, 4))


@compiled
def _some_dots(M, L, o, ro, co, a, ra, b, rb, mask, m, j, q, n, add):  # type: ignore[no-untyped-def]
    """m vectors a with q vectors b that stay in the nearest cache."""
    asking = mask != 0  # listed vectors lie far away: the next ones are asked for while these are read at first
    for _ in range(m // _FOUR):
        _dots_4(M, L, o, ro, co, a, ra, b, rb, mask, j, q, n, add, asking)
        o, a = o + _FOUR * ro, a + _FOUR * ra
        asking = False
    if m & _TWO:
        _dots_2(M, L, o, ro, co, a, ra, b, rb, mask, j, q, n, add, asking)
        o, a = o + _TWO * ro, a + _TWO * ra
    if m & _ONE:
        _dots_1(M, L, o, ro, co, a, ra, b, rb, mask, j, q, n, add, asking)


@compiled
def _dots(M, L, o, ro, co, a, ra, b, rb, mask, m, q, n, add):  # type: ignore[no-untyped-def]
    """m vectors a with q vectors b: a piece of some b with the same piece of all a, which stays near too if it can.

    Where listed vectors lie must not matter to a single bit, so that a sum begins with their first number and not with
    the first line of the cache, though that would be quicker.
    """
    piece = _NEAR // (m + _BESIDE)
    if piece < _SHORT:
        piece = _NEAR // (_FOUR + _BESIDE)
    piece *= lanes(M)
    done = _ZERO
    while done < n:
        length = min(n - done, piece)
        for j in range(_ZERO, q, _BESIDE):
            some = min(q - j, _BESIDE)
            _some_dots(M, L, o + j * co, ro, co, a + done, ra, b + done + j * rb, rb, mask, m, j, some, length, add)
        done += length
        add = True


def _sums_of(height: int) -> Any:
    """Sums of some vectors: o[r] = Σₖ a[r, k]."""
    empty = begin(height, 1)

    @compiled
    def sums(M, o, ro, a, ra, n, add):  # type: ignore[no-untyped-def]
        count = lanes(M)
        whole = n // count * count
        t = empty(M)
        for k in range(_ZERO, whole, count):
            t = grow_sums(t, M, a + k, ra, None)
        if whole < n:
            t = grow_sums(t, M, a + whole, ra, n - whole)
        put_sums(t, M, o, ro, ro, add)

    return sums


_sums_1, _sums_4 = map(_sums_of, (1, 4))


@compiled
def sums(M, o, ro, a, ra, m, n, add):  # type: ignore[no-untyped-def]
    """The sums of m vectors of n numbers each."""
    i = _ZERO
    for _ in range(m // _FOUR):
        _sums_4(M, o + i * ro, ro, a + i * ra, ra, n, add)
        i += _FOUR
    while i < m:
        _sums_1(M, o + i * ro, ro, a + i * ra, ra, n, add)
        i += _ONE


@compiled
def clear(M, P, at):  # type: ignore[no-untyped-def]
    """Zero a row's target."""
    for i in range(P[at + 2] if P[at + 9] else _ONE):
        for j in range(P[at + 3] if P[at + 10] else _ONE):
            for k in range(P[at + 4] if P[at + 11] else _ONE):
                for q in range(P[at + 5] if P[at + 12] else _ONE):
                    o = P[at + 8] + i * P[at + 9] + j * P[at + 10] + k * P[at + 11] + q * P[at + 12]
                    for r in range(P[at + 6] if P[at + 13] else _ONE):
                        M[o + r * P[at + 13]] = 0.0


@compiled
def contract(M, L, P, at, assign, careful):  # type: ignore[no-untyped-def]
    """o (+)= Σ a·b along five loops, the last over vectors; the two before it make tiles if they can.

    L lists places in memory after a 0. The mask is 0, or all ones if vector k of b begins at place k.
    """
    n0, n1, n2, n3, n4 = P[at + 2], P[at + 3], P[at + 4], P[at + 5], P[at + 6]
    o2, a2, b2 = P[at + 11], P[at + 17], P[at + 23]
    o3, a3, b3 = P[at + 12], P[at + 18], P[at + 24]
    so, sa, sb = P[at + 13], P[at + 19], P[at + 25]
    numbers = so == 1 and sa == 0 and sb == 1 and (o3 == 0 or n3 == 1) and not careful
    dots = so == 0 and sa == 1 and sb == 1 and b3 == 0 and (o3 != 0 or n3 == 1) and not careful
    # a tile's rows (or the columns of dots) are the loop before, if each has a target of its own
    tiled = n2 == 1 or (o2 != 0 and (b2 == 0 if numbers else a2 == 0))
    m = n2 if tiled else _ONE
    mask = P[at + 34]
    add = not assign
    if assign:
        again = (n0 > 1 and P[at + 9] == 0) or (n1 > 1 and P[at + 10] == 0) or (n2 > 1 and o2 == 0)
        if again or not (numbers or dots):
            clear(M, P, at)
            add = True
    for i in range(n0):
        for j in range(n1):
            for k in range(n2 // m):
                o = P[at + 8] + i * P[at + 9] + j * P[at + 10] + k * o2
                a = P[at + 14] + i * P[at + 15] + j * P[at + 16] + k * a2
                b = P[at + 20] + i * P[at + 21] + j * P[at + 22] + k * b2
                if numbers:
                    then, to, c, rc = P[at + 32], P[at + 33], P[at + 26], P[at + 29]
                    _numbers(M, L, o, o2, a, a2, a3, b, b3, mask, m, n3, n4, add, then, c, rc, to)
                elif dots:
                    _dots(M, L, o, o3, o2, a, a3, b, b2, mask, n3, m, n4, add)
                else:
                    for p in range(m):
                        oo, aa, bb = o + p * o2, a + p * a2, b + p * b2
                        for q in range(n3):
                            place = L[((q if so else p) + _ONE) & mask]
                            if careful:
                                careful_product_to(M, oo + q * o3, so, aa + q * a3, sa, bb + q * b3 + place, sb, n4)
                            else:
                                product_to(M, oo + q * o3, so, aa + q * a3, sa, bb + q * b3 + place, sb, n4)
