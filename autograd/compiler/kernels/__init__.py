"""The machine as one compiled loop: numba reads the rows that `machine` addresses and runs them.

The loop is the same for every program, so that it is compiled once and then comes from numba's cache on disk; a new
program, however long, needs no compilation at all. A vector instruction over a block of samples takes longer than
reading its row, as in every vector machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import floats
from .. import machine, rows
from ..machine import COLUMNS
from ..rows import MACHINE
from . import lists, products, tiles, vectors
from .lists import over_lists
from .products import clear, contract, sums
from .vectors import (
    Cached,
    add,
    add_to,
    careful_product_to,
    compiled,
    copy,
    div,
    exponential,
    mul,
    negated,
    place,
    pointer,
    product_to,
    rectified,
    square_root,
    step,
    step_to,
    sub,
    sub_to,
    take,
    translated,
)

_ADD_TO, _SUB_TO, _PRODUCT_TO, _STEP_TO = (MACHINE[n] for n in ("add_to", "sub_to", "product_to", "step_to"))
_COPY, _ADD, _SUB, _MUL, _DIV = (MACHINE[n] for n in ("copy", "add", "sub", "mul", "div"))
_NEG, _ABS, _POW, _LESS, _LESS_EQUAL = (MACHINE[n] for n in ("neg", "abs", "pow", "less", "less_equal"))
_WHERE, _RELU, _CONTRACT, _GATHER, _SCATTER = (MACHINE[n] for n in ("where", "relu", "contract", "gather", "scatter"))
_LISTS = tuple(MACHINE[n] for n in rows.LISTS)
_EXP, _EXPM1, _LOG, _LOG1P, _SQRT = (MACHINE[n] for n in ("exp", "expm1", "log", "log1p", "sqrt"))
_SIN, _COS, _TAN, _ASIN, _ACOS, _ATAN = (MACHINE[n] for n in ("sin", "cos", "tan", "asin", "acos", "atan"))
_SINH, _COSH, _TANH, _ERF = (MACHINE[n] for n in ("sinh", "cosh", "tanh", "erf"))
_HEAD, _NORMAL_CDF = MACHINE["head"], MACHINE["standard_normal_cdf"]

_ZERO, _ONE = np.uint64(0), np.uint64(1)

head = translated(floats.head)
standard_normal_cdf = translated(floats.standard_normal_cdf, head=head)


@compiled
def _unary(op, x):  # type: ignore[no-untyped-def]
    if op == _EXPM1:
        return math.expm1(x)
    if op == _LOG:
        return math.log(x)
    if op == _LOG1P:
        return math.log1p(x)
    if op == _SIN:
        return math.sin(x)
    if op == _COS:
        return math.cos(x)
    if op == _TAN:
        return math.tan(x)
    if op == _ASIN:
        return math.asin(x)
    if op == _ACOS:
        return math.acos(x)
    if op == _ATAN:
        return math.atan(x)
    if op == _SINH:
        return math.sinh(x)
    if op == _COSH:
        return math.cosh(x)
    if op == _TANH:
        return math.tanh(x)
    if op == _ERF:
        return math.erf(x)
    if op == _HEAD:
        return head(x)
    if op == _NORMAL_CDF:
        return standard_normal_cdf(x)
    if op == _NEG:
        return -x
    return abs(x)


@compiled
def _rare(op, x, y, z):  # type: ignore[no-untyped-def]
    """Operations whose vectors are not worth a loop of their own."""
    if op == _POW:
        return math.pow(x, y)
    if op == _LESS:
        return 1.0 if x < y else 0.0
    if op == _LESS_EQUAL:
        return 1.0 if x <= y else 0.0
    return y if x != 0 else z


# ---- rows -------------------------------------------------------------------------------------------------------


@compiled
def _listed(M, L, P, at, gather):  # type: ignore[no-untyped-def]
    for i in range(P[at + 2]):
        there = L[P[at + 7] + i]
        if gather:
            o, a = P[at + 8] + i * P[at + 9], P[at + 14] + there * P[at + 15]
            for k in range(P[at + 6]):
                M[o + k * P[at + 13]] = M[a + k * P[at + 19]]
        else:
            o, a = P[at + 8] + there * P[at + 9], P[at + 14] + i * P[at + 15]
            add_to(M, o, P[at + 13], a, P[at + 19], a, P[at + 19], P[at + 6])


def _on_rows(kernel: Any) -> Any:
    """A kernel for one vector, run on each vector of a row."""

    @compiled
    def run(M, P, at):  # type: ignore[no-untyped-def]
        m, n, length = P[at + 4], P[at + 5], P[at + 6]
        o, o1, o2, so = P[at + 8], P[at + 11], P[at + 12], P[at + 13]
        a, a1, a2, sa = P[at + 14], P[at + 17], P[at + 18], P[at + 19]
        b, b1, b2, sb = P[at + 20], P[at + 23], P[at + 24], P[at + 25]
        for i in range(m):
            for j in range(n):
                kernel(M, o + i * o1 + j * o2, so, a + i * a1 + j * a2, sa, b + i * b1 + j * b2, sb, length)

    return run


_add_rows, _sub_rows, _mul_rows, _div_rows, _copy_rows = map(_on_rows, (add, sub, mul, div, copy))
_negated_rows = _on_rows(negated)
_add_to_rows, _sub_to_rows, _product_to_rows = map(_on_rows, (add_to, sub_to, product_to))
_careful_rows, _step_rows, _step_to_rows = map(_on_rows, (careful_product_to, step, step_to))
_relu_rows, _exp_rows, _sqrt_rows = map(_on_rows, (rectified, exponential, square_root))


@compiled
def _other_rows(M, P, at):  # type: ignore[no-untyped-def]
    op = P[at]
    so, sa, sb, sc = P[at + 13], P[at + 19], P[at + 25], P[at + 31]
    for i in range(P[at + 4]):
        for j in range(P[at + 5]):
            o, a = P[at + 8] + i * P[at + 11] + j * P[at + 12], P[at + 14] + i * P[at + 17] + j * P[at + 18]
            b, c = P[at + 20] + i * P[at + 23] + j * P[at + 24], P[at + 26] + i * P[at + 29] + j * P[at + 30]
            if op in (_POW, _LESS, _LESS_EQUAL, _WHERE):
                for k in range(P[at + 6]):
                    M[o + k * so] = _rare(op, M[a + k * sa], M[b + k * sb], M[c + k * sc])
            else:
                for k in range(P[at + 6]):
                    M[o + k * so] = _unary(op, M[a + k * sa])


@compiled
def _accumulate(M, P, at, assign, careful):  # type: ignore[no-untyped-def]
    """The rows that add to their target, or are the first to write to it."""
    op = P[at]
    if op == _ADD_TO and P[at + 13] == 0 and P[at + 19] == 1 and P[at + 4] == 1 and (P[at + 12] != 0 or P[at + 5] == 1):
        sums(M, P[at + 8], P[at + 12], P[at + 14], P[at + 18], P[at + 5], P[at + 6], not assign)
        return
    if assign:
        summed = (
            (P[at + 13] == 0 and P[at + 6] > 1)
            or (P[at + 12] == 0 and P[at + 5] > 1)
            or (P[at + 11] == 0 and P[at + 4] > 1)
        )
        if op == _SUB_TO and not summed:
            _negated_rows(M, P, at)
            return
        if summed or op == _SUB_TO or (op == _PRODUCT_TO and careful):
            clear(M, P, at)
            assign = False
    if op == _ADD_TO:
        if assign:
            _copy_rows(M, P, at)
        else:
            _add_to_rows(M, P, at)
    elif op == _SUB_TO:
        _sub_to_rows(M, P, at)
    elif op == _STEP_TO:
        if assign:
            _step_rows(M, P, at)
        else:
            _step_to_rows(M, P, at)
    elif careful:
        _careful_rows(M, P, at)
    elif assign:
        _mul_rows(M, P, at)
    else:
        _product_to_rows(M, P, at)


def _run(rows, memory, places, first, careful_from):  # type: ignore[no-untyped-def]
    """Run rows (see `machine.COLUMNS`) on the memory.

    Args:
        rows: (n, COLUMNS) addresses, as unsigned integers.
        memory: all numbers of the program.
        places: a 0, where listed samples begin, and the slots that gather and scatter refer to.
        first: whether this is the first block of samples, so that sums over samples start afresh.
        careful_from: the row from which a product with an exact zero carries nothing.
    """
    M, P, L = pointer(memory), pointer(rows), pointer(places)
    for r in range(rows.shape[0]):
        at = r * COLUMNS
        careful = r >= careful_from
        op, update = P[at], P[at + 1]
        if update == 2:
            update = _ZERO if first else _ONE
        if op == _CONTRACT:
            contract(M, L, P, at, update == 0, careful)
        elif op in (_GATHER, _SCATTER):
            _listed(M, L, P, at, op == _GATHER)
        elif op in _LISTS:
            over_lists(M, P, at, careful)
        elif op in (_ADD_TO, _SUB_TO, _PRODUCT_TO, _STEP_TO):
            _accumulate(M, P, at, update == 0, careful)
        elif op == _ADD:
            _add_rows(M, P, at)
        elif op == _SUB:
            _sub_rows(M, P, at)
        elif op == _MUL:
            _mul_rows(M, P, at)
        elif op == _DIV:
            _div_rows(M, P, at)
        elif op == _COPY:
            _copy_rows(M, P, at)
        elif op == _RELU:
            _relu_rows(M, P, at)
        elif op == _EXP:
            _exp_rows(M, P, at)
        elif op == _SQRT:
            _sqrt_rows(M, P, at)
        else:
            _other_rows(M, P, at)


take_rows, place_rows = Cached(take, vectors), Cached(place, vectors)
_loop = Cached(_run, floats, machine, rows, lists, vectors, tiles, products)


def ready(memory: Any) -> Any:
    """The loop `_run`, compiled for this type of memory or loaded from numba's cache."""
    arguments = np.zeros((0, COLUMNS), np.uint64), memory, np.zeros(1, np.uint64), True, 0
    _loop(*arguments)
    return _loop.code(*arguments)
