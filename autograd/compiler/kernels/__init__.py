"""The machine as one compiled loop: numba reads the rows that `machine` addresses and runs them.

The loop is the same for every program, so that it is compiled once and then comes from numba's cache on disk; a new
program, however long, needs no compilation at all. A vector instruction over a block of samples takes longer than
reading its row, as in every vector machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from .. import rows
from ..rows import MACHINE
from . import lists, vectors
from .lists import over_lists
from .vectors import (
    Cached,
    add,
    add_to,
    careful_product_to,
    compiled,
    copy,
    div,
    exponential,
    four,
    four_by_four,
    four_by_four_dots,
    four_dots,
    mul,
    product_to,
    rectified,
    square_root,
    step,
    step_to,
    sub,
    sub_to,
    take,
    translated,
    two,
)

_ADD_TO, _SUB_TO, _PRODUCT_TO, _STEP_TO = (MACHINE[n] for n in ("add_to", "sub_to", "product_to", "step_to"))
_COPY, _ADD, _SUB, _MUL, _DIV = (MACHINE[n] for n in ("copy", "add", "sub", "mul", "div"))
_NEG, _ABS, _POW, _LESS, _LESS_EQUAL = (MACHINE[n] for n in ("neg", "abs", "pow", "less", "less_equal"))
_WHERE, _RELU, _CONTRACT, _GATHER, _SCATTER = (MACHINE[n] for n in ("where", "relu", "contract", "gather", "scatter"))
_LOG_SUM_EXP, _SHARES, _SHARE_SLOPES = (MACHINE[n] for n in ("log_sum_exp", "shares", "share_slopes"))
_EXP, _EXPM1, _LOG, _LOG1P, _SQRT = (MACHINE[n] for n in ("exp", "expm1", "log", "log1p", "sqrt"))
_SIN, _COS, _TAN, _ASIN, _ACOS, _ATAN = (MACHINE[n] for n in ("sin", "cos", "tan", "asin", "acos", "atan"))
_SINH, _COSH, _TANH, _ERF = (MACHINE[n] for n in ("sinh", "cosh", "tanh", "erf"))
_HEAD, _NORMAL_CDF = MACHINE["head"], MACHINE["standard_normal_cdf"]

_ZERO, _ONE, _TWO, _FOUR = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(4)

head = translated(ops.head)
standard_normal_cdf = translated(ops.standard_normal_cdf, head=head)


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
def _contract(M, row, careful):  # type: ignore[no-untyped-def]
    """o += Σ a·b along five loops. The last is a vector; the two before it take four vectors at once if they can."""
    n0, n1, n2, n3, n4 = row[2], row[3], row[4], row[5], row[6]
    o2, a2, b2 = row[11], row[17], row[23]
    o3, a3, b3 = row[12], row[18], row[24]
    so, sa, sb = row[13], row[19], row[25]
    numbers = so == 1 and sa == 0 and sb == 1 and o3 == 0 and not careful  # a number times a vector
    dots = so == 0 and sa == 1 and sb == 1 and b3 == 0 and not careful  # several vectors times one
    fours = n3 // _FOUR if numbers or dots else _ZERO
    twos = (n3 - _FOUR * fours) // _TWO if numbers else _ZERO
    done = _FOUR * fours + _TWO * twos
    squares = n2 // _FOUR if fours and ((numbers and b2 == 0) or (dots and a2 == 0)) else _ZERO
    for i in range(n0):
        for j in range(n1):
            o = row[8] + i * row[9] + j * row[10]
            a = row[14] + i * row[15] + j * row[16]
            b = row[20] + i * row[21] + j * row[22]
            for p in range(squares):
                op, ap, bp = o + _FOUR * p * o2, a + _FOUR * p * a2, b + _FOUR * p * b2
                for q in range(fours):
                    if dots:
                        four_by_four_dots(M, op + _FOUR * q * o3, o2, o3, n4, ap + _FOUR * q * a3, a3, bp, b2)
                    else:
                        four_by_four(M, op, o2, n4, ap + _FOUR * q * a3, a2, a3, bp + _FOUR * q * b3, b3)
            for k in range(n2):
                oo, aa, bb = o + k * o2, a + k * a2, b + k * b2
                if k >= _FOUR * squares:
                    for q in range(fours):
                        if dots:
                            four_dots(M, oo + _FOUR * q * o3, o3, n4, aa + _FOUR * q * a3, a3, bb)
                        else:
                            four(M, oo, n4, aa + _FOUR * q * a3, a3, bb + _FOUR * q * b3, b3)
                if twos:
                    two(M, oo, n4, aa + _FOUR * fours * a3, a3, bb + _FOUR * fours * b3, b3)
                for r in range(done, n3):
                    if careful:
                        careful_product_to(M, oo + r * o3, so, aa + r * a3, sa, bb + r * b3, sb, n4)
                    else:
                        product_to(M, oo + r * o3, so, aa + r * a3, sa, bb + r * b3, sb, n4)


@compiled
def _clear(M, row):  # type: ignore[no-untyped-def]
    for i in range(row[2] if row[9] else _ONE):
        for j in range(row[3] if row[10] else _ONE):
            for k in range(row[4] if row[11] else _ONE):
                for q in range(row[5] if row[12] else _ONE):
                    o = row[8] + i * row[9] + j * row[10] + k * row[11] + q * row[12]
                    for r in range(row[6] if row[13] else _ONE):
                        M[o + r * row[13]] = 0.0


@compiled
def _listed(M, aux, row, gather):  # type: ignore[no-untyped-def]
    for i in range(row[2]):
        there = aux[row[7] + i]
        if gather:
            o, a = row[8] + i * row[9], row[14] + there * row[15]
            for k in range(row[6]):
                M[o + k * row[13]] = M[a + k * row[19]]
        else:
            o, a = row[8] + there * row[9], row[14] + i * row[15]
            for k in range(row[6]):
                M[o + k * row[13]] += M[a + k * row[19]]


def _on_rows(kernel: Any) -> Any:
    """A kernel for one vector, run on each vector of a row."""

    @compiled
    def run(M, row):  # type: ignore[no-untyped-def]
        m, n, length = row[4], row[5], row[6]
        o, o1, o2, so = row[8], row[11], row[12], row[13]
        a, a1, a2, sa = row[14], row[17], row[18], row[19]
        b, b1, b2, sb = row[20], row[23], row[24], row[25]
        for i in range(m):
            for j in range(n):
                kernel(M, o + i * o1 + j * o2, so, a + i * a1 + j * a2, sa, b + i * b1 + j * b2, sb, length)

    return run


_add_rows, _sub_rows, _mul_rows, _div_rows, _copy_rows = map(_on_rows, (add, sub, mul, div, copy))
_add_to_rows, _sub_to_rows, _product_to_rows = map(_on_rows, (add_to, sub_to, product_to))
_careful_rows, _step_rows, _step_to_rows = map(_on_rows, (careful_product_to, step, step_to))
_relu_rows, _exp_rows, _sqrt_rows = map(_on_rows, (rectified, exponential, square_root))


@compiled
def _other_rows(M, row):  # type: ignore[no-untyped-def]
    op = row[0]
    so, sa, sb, sc = row[13], row[19], row[25], row[31]
    for i in range(row[4]):
        for j in range(row[5]):
            o, a = row[8] + i * row[11] + j * row[12], row[14] + i * row[17] + j * row[18]
            b, c = row[20] + i * row[23] + j * row[24], row[26] + i * row[29] + j * row[30]
            if op in (_POW, _LESS, _LESS_EQUAL, _WHERE):
                for k in range(row[6]):
                    M[o + k * so] = _rare(op, M[a + k * sa], M[b + k * sb], M[c + k * sc])
            else:
                for k in range(row[6]):
                    M[o + k * so] = _unary(op, M[a + k * sa])


@compiled
def _accumulate(M, row, assign, careful):  # type: ignore[no-untyped-def]
    """The rows that add to their target, or are the first to write to it."""
    op = row[0]
    if assign:
        summed = (row[13] == 0 and row[6] > 1) or (row[12] == 0 and row[5] > 1) or (row[11] == 0 and row[4] > 1)
        if summed or op == _SUB_TO or (op == _PRODUCT_TO and careful):
            _clear(M, row)
            assign = False
    if op == _ADD_TO:
        if assign:
            _copy_rows(M, row)
        else:
            _add_to_rows(M, row)
    elif op == _SUB_TO:
        _sub_to_rows(M, row)
    elif op == _STEP_TO:
        if assign:
            _step_rows(M, row)
        else:
            _step_to_rows(M, row)
    elif careful:
        _careful_rows(M, row)
    elif assign:
        _mul_rows(M, row)
    else:
        _product_to_rows(M, row)


def _run(rows, M, aux, first, careful_from):  # type: ignore[no-untyped-def]
    """Run rows (see `machine.COLUMNS`) on the memory M.

    Args:
        rows: (n, 32) addresses, as unsigned integers.
        M: memory.
        aux: the slots that gather and scatter refer to.
        first: whether this is the first block of samples, so that sums over samples start afresh.
        careful_from: the row from which on a product with an exact zero carries nothing.
    """
    for r in range(rows.shape[0]):
        row = rows[r]
        careful = r >= careful_from
        op, update = row[0], row[1]
        if update == 2:
            update = _ZERO if first else _ONE
        if op == _CONTRACT:
            if update == 0:
                _clear(M, row)
            _contract(M, row, careful)
        elif op in (_GATHER, _SCATTER):
            _listed(M, aux, row, op == _GATHER)
        elif op in (_LOG_SUM_EXP, _SHARES, _SHARE_SLOPES):
            over_lists(M, row, careful)
        elif op in (_ADD_TO, _SUB_TO, _PRODUCT_TO, _STEP_TO):
            _accumulate(M, row, update == 0, careful)
        elif op == _ADD:
            _add_rows(M, row)
        elif op == _SUB:
            _sub_rows(M, row)
        elif op == _MUL:
            _mul_rows(M, row)
        elif op == _DIV:
            _div_rows(M, row)
        elif op == _COPY:
            _copy_rows(M, row)
        elif op == _RELU:
            _relu_rows(M, row)
        elif op == _EXP:
            _exp_rows(M, row)
        elif op == _SQRT:
            _sqrt_rows(M, row)
        else:
            _other_rows(M, row)


take_rows = Cached(take, vectors)
_loop = Cached(_run, ops, rows, lists, vectors)


def ready(memory: Any) -> Any:
    """The loop `_run`, compiled for this type of memory or loaded from numba's cache."""
    _loop(np.zeros((0, 32), np.uint64), memory, np.zeros(1, np.uint64), True, 0)
    return _loop.compiled
