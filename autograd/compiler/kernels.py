"""The machine as one compiled loop: numba reads the rows that `machine` addresses and runs them.

The loop is the same for every program, so that it is compiled once and then comes from numba's cache on disk; a new
program, however long, needs no compilation at all. A vector instruction over a block of samples takes longer than
reading its row, as in every vector machine.

IEEE 754 holds: nan and infinities pass, nothing is assumed to be finite. Only the order of sums is free. Addresses are
unsigned, since numba would otherwise ask of each one whether it counts from the end, and vectorise nothing.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from .. import ops
from .rows import MACHINE

_ADD_TO, _SUB_TO, _PRODUCT_TO, _STEP_TO = (MACHINE[n] for n in ("add_to", "sub_to", "product_to", "step_to"))
_COPY, _ADD, _SUB, _MUL, _DIV = (MACHINE[n] for n in ("copy", "add", "sub", "mul", "div"))
_NEG, _ABS, _POW, _LESS, _LESS_EQUAL = (MACHINE[n] for n in ("neg", "abs", "pow", "less", "less_equal"))
_WHERE, _RELU, _CONTRACT, _GATHER, _SCATTER = (MACHINE[n] for n in ("where", "relu", "contract", "gather", "scatter"))
_LOG_SUM_EXP, _SHARES, _SHARE_SLOPES = (MACHINE[n] for n in ("log_sum_exp", "shares", "share_slopes"))
_EXP, _EXPM1, _LOG, _LOG1P, _SQRT = (MACHINE[n] for n in ("exp", "expm1", "log", "log1p", "sqrt"))
_SIN, _COS, _TAN, _ASIN, _ACOS, _ATAN = (MACHINE[n] for n in ("sin", "cos", "tan", "asin", "acos", "atan"))
_SINH, _COSH, _TANH, _ERF = (MACHINE[n] for n in ("sinh", "cosh", "tanh", "erf"))
_HEAD, _NORMAL_CDF = MACHINE["head"], MACHINE["standard_normal_cdf"]

_unsigned = np.uint64
_ZERO, _ONE, _TWO, _FOUR = _unsigned(0), _unsigned(1), _unsigned(2), _unsigned(4)

_compiled = njit(error_model="numpy")
_summing = njit(error_model="numpy", fastmath={"reassoc", "contract"})


def translated(function: Callable[..., Any], **names: Any) -> Any:
    """A Python function for numba: the same code, with compiled functions in place of those it calls."""
    scope = {**function.__globals__, **names}
    return _compiled(types.FunctionType(function.__code__, scope, function.__name__))


head = translated(ops.head)
standard_normal_cdf = translated(ops.standard_normal_cdf, head=head)


# ---- one vector: addresses o, a, b, c, steps so, sa, sb, sc, and a length n -----------------------------------------


def _binary(f: Any) -> Any:
    @_compiled
    def run(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
        if so == 1 and sa == 1 and sb == 1:
            for k in range(n):
                M[o + k] = f(M[a + k], M[b + k])
        elif so == 1 and sa == 1 and sb == 0:
            v = M[b]
            for k in range(n):
                M[o + k] = f(M[a + k], v)
        elif so == 1 and sa == 0 and sb == 1:
            v = M[a]
            for k in range(n):
                M[o + k] = f(v, M[b + k])
        else:
            for k in range(n):
                M[o + k * so] = f(M[a + k * sa], M[b + k * sb])

    return run


_add = _binary(_compiled(lambda x, y: x + y))
_sub = _binary(_compiled(lambda x, y: x - y))
_mul = _binary(_compiled(lambda x, y: x * y))
_div = _binary(_compiled(lambda x, y: x / y))
_copy = _binary(_compiled(lambda x, y: x))


@_compiled
def _unary(op, x):  # type: ignore[no-untyped-def]
    if op == _EXP:
        return math.exp(x)
    if op == _EXPM1:
        return math.expm1(x)
    if op == _LOG:
        return math.log(x)
    if op == _LOG1P:
        return math.log1p(x)
    if op == _SQRT:
        return math.sqrt(x)
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


@_compiled
def _rare(op, x, y, z):  # type: ignore[no-untyped-def]
    """Operations whose vectors are not worth a loop of their own."""
    if op == _POW:
        return math.pow(x, y)
    if op == _LESS:
        return 1.0 if x < y else 0.0
    if op == _LESS_EQUAL:
        return 1.0 if x <= y else 0.0
    return y if x != 0 else z


@_summing
def _total(M, a, sa, n):  # type: ignore[no-untyped-def]
    s = M.dtype.type(0)
    if sa == 1:
        for k in range(n):
            s += M[a + k]
    else:
        for k in range(n):
            s += M[a + k * sa]
    return s


@_summing
def _dot(M, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    s = M.dtype.type(0)
    if sa == 1 and sb == 1:
        for k in range(n):
            s += M[a + k] * M[b + k]
    else:
        for k in range(n):
            s += M[a + k * sa] * M[b + k * sb]
    return s


@_compiled
def _careful(x, y):  # type: ignore[no-untyped-def]
    """A product in which an exact zero carries nothing, not even nan."""
    return x * y if x != 0 and y != 0 else x * 0 if x == 0 else y * 0


@_compiled
def _add_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    if so == 0:
        M[o] += _total(M, a, sa, n)
    elif so == 1 and sa == 1:
        for k in range(n):
            M[o + k] += M[a + k]
    elif so == 1 and sa == 0:
        v = M[a]
        for k in range(n):
            M[o + k] += v
    else:
        for k in range(n):
            M[o + k * so] += M[a + k * sa]


@_compiled
def _sub_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    if so == 0:
        M[o] -= _total(M, a, sa, n)
    elif so == 1 and sa == 1:
        for k in range(n):
            M[o + k] -= M[a + k]
    else:
        for k in range(n):
            M[o + k * so] -= M[a + k * sa]


@_summing
def _product_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    if so == 0:
        M[o] += _dot(M, a, sa, b, sb, n)
    elif so == 1 and sa == 1 and sb == 1:
        for k in range(n):
            M[o + k] += M[a + k] * M[b + k]
    elif so == 1 and sa == 1 and sb == 0:
        v = M[b]
        for k in range(n):
            M[o + k] += M[a + k] * v
    elif so == 1 and sa == 0 and sb == 1:
        v = M[a]
        for k in range(n):
            M[o + k] += M[b + k] * v
    else:
        for k in range(n):
            M[o + k * so] += M[a + k * sa] * M[b + k * sb]


@_compiled
def _careful_product_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    for k in range(n):
        x, y = M[a + k * sa], M[b + k * sb]
        if x != 0 and y != 0:
            M[o + k * so] += x * y


@_compiled
def _step_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    if so == 1 and sa == 1 and sb == 1:
        for k in range(n):
            M[o + k] += 0.0 if M[b + k] <= 0 else M[a + k]
    else:
        for k in range(n):
            M[o + k * so] += 0.0 if M[b + k * sb] <= 0 else M[a + k * sa]


_step = _binary(_compiled(lambda x, y: 0.0 if y <= 0 else x))
_rectified = _binary(_compiled(lambda x, y: 0.0 if x <= 0 else x))


@_summing
def _four(M, o, n, a, ra, b, rb):  # type: ignore[no-untyped-def]
    """o += Σ over four: number a times vector b."""
    v0, v1, v2, v3 = M[a], M[a + ra], M[a + ra + ra], M[a + ra + ra + ra]
    b1 = b + rb
    b2 = b1 + rb
    b3 = b2 + rb
    for k in range(n):
        M[o + k] += v0 * M[b + k] + v1 * M[b1 + k] + v2 * M[b2 + k] + v3 * M[b3 + k]


@_summing
def _two(M, o, n, a, ra, b, rb):  # type: ignore[no-untyped-def]
    v0, v1 = M[a], M[a + ra]
    b1 = b + rb
    for k in range(n):
        M[o + k] += v0 * M[b + k] + v1 * M[b1 + k]


@_summing
def _four_by_four(M, o, ro, n, a, qa, ra, b, rb):  # type: ignore[no-untyped-def]
    """Four times `_four`, with the same vectors b: each is loaded once for sixteen products."""
    o1, o2, o3 = o + ro, o + ro + ro, o + ro + ro + ro
    a1, a2, a3 = a + qa, a + qa + qa, a + qa + qa + qa
    b1, b2, b3 = b + rb, b + rb + rb, b + rb + rb + rb
    r2, r3 = ra + ra, ra + ra + ra
    v00, v01, v02, v03 = M[a], M[a + ra], M[a + r2], M[a + r3]
    v10, v11, v12, v13 = M[a1], M[a1 + ra], M[a1 + r2], M[a1 + r3]
    v20, v21, v22, v23 = M[a2], M[a2 + ra], M[a2 + r2], M[a2 + r3]
    v30, v31, v32, v33 = M[a3], M[a3 + ra], M[a3 + r2], M[a3 + r3]
    for k in range(n):
        x0, x1, x2, x3 = M[b + k], M[b1 + k], M[b2 + k], M[b3 + k]
        s0 = M[o + k] + v00 * x0 + v01 * x1 + v02 * x2 + v03 * x3
        s1 = M[o1 + k] + v10 * x0 + v11 * x1 + v12 * x2 + v13 * x3
        s2 = M[o2 + k] + v20 * x0 + v21 * x1 + v22 * x2 + v23 * x3
        s3 = M[o3 + k] + v30 * x0 + v31 * x1 + v32 * x2 + v33 * x3
        M[o + k] = s0
        M[o1 + k] = s1
        M[o2 + k] = s2
        M[o3 + k] = s3


@_summing
def _four_dots(M, o, ro, n, a, ra, b):  # type: ignore[no-untyped-def]
    """Four sums: of each of four vectors a times one vector b."""
    s0 = s1 = s2 = s3 = M.dtype.type(0)
    a1 = a + ra
    a2 = a1 + ra
    a3 = a2 + ra
    for k in range(n):
        v = M[b + k]
        s0 += M[a + k] * v
        s1 += M[a1 + k] * v
        s2 += M[a2 + k] * v
        s3 += M[a3 + k] * v
    M[o] += s0
    M[o + ro] += s1
    M[o + ro + ro] += s2
    M[o + ro + ro + ro] += s3


@_summing
def _four_by_four_dots(M, o, qo, ro, n, a, ra, b, rb):  # type: ignore[no-untyped-def]
    """Four times `_four_dots`, with the same vectors a."""
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = M.dtype.type(0)
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = M.dtype.type(0)
    a1, a2, a3 = a + ra, a + ra + ra, a + ra + ra + ra
    b1, b2, b3 = b + rb, b + rb + rb, b + rb + rb + rb
    for k in range(n):
        x0, x1, x2, x3 = M[a + k], M[a1 + k], M[a2 + k], M[a3 + k]
        y0, y1, y2, y3 = M[b + k], M[b1 + k], M[b2 + k], M[b3 + k]
        s00 += x0 * y0
        s01 += x1 * y0
        s02 += x2 * y0
        s03 += x3 * y0
        s10 += x0 * y1
        s11 += x1 * y1
        s12 += x2 * y1
        s13 += x3 * y1
        s20 += x0 * y2
        s21 += x1 * y2
        s22 += x2 * y2
        s23 += x3 * y2
        s30 += x0 * y3
        s31 += x1 * y3
        s32 += x2 * y3
        s33 += x3 * y3
    r2, r3 = ro + ro, ro + ro + ro
    o1, o2, o3 = o + qo, o + qo + qo, o + qo + qo + qo
    M[o] += s00
    M[o + ro] += s01
    M[o + r2] += s02
    M[o + r3] += s03
    M[o1] += s10
    M[o1 + ro] += s11
    M[o1 + r2] += s12
    M[o1 + r3] += s13
    M[o2] += s20
    M[o2 + ro] += s21
    M[o2 + r2] += s22
    M[o2 + r3] += s23
    M[o3] += s30
    M[o3 + ro] += s31
    M[o3 + r2] += s32
    M[o3 + r3] += s33


# ---- rows -------------------------------------------------------------------------------------------------------


@_compiled
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
                        _four_by_four_dots(M, op + _FOUR * q * o3, o2, o3, n4, ap + _FOUR * q * a3, a3, bp, b2)
                    else:
                        _four_by_four(M, op, o2, n4, ap + _FOUR * q * a3, a2, a3, bp + _FOUR * q * b3, b3)
            for k in range(n2):
                oo, aa, bb = o + k * o2, a + k * a2, b + k * b2
                if k >= _FOUR * squares:
                    for q in range(fours):
                        if dots:
                            _four_dots(M, oo + _FOUR * q * o3, o3, n4, aa + _FOUR * q * a3, a3, bb)
                        else:
                            _four(M, oo, n4, aa + _FOUR * q * a3, a3, bb + _FOUR * q * b3, b3)
                if twos:
                    _two(M, oo, n4, aa + _FOUR * fours * a3, a3, bb + _FOUR * fours * b3, b3)
                for r in range(done, n3):
                    if careful:
                        _careful_product_to(M, oo + r * o3, so, aa + r * a3, sa, bb + r * b3, sb, n4)
                    else:
                        _product_to(M, oo + r * o3, so, aa + r * a3, sa, bb + r * b3, sb, n4)


@_compiled
def _clear(M, row):  # type: ignore[no-untyped-def]
    for i in range(row[2] if row[9] else _ONE):
        for j in range(row[3] if row[10] else _ONE):
            for k in range(row[4] if row[11] else _ONE):
                for q in range(row[5] if row[12] else _ONE):
                    o = row[8] + i * row[9] + j * row[10] + k * row[11] + q * row[12]
                    for r in range(row[6] if row[13] else _ONE):
                        M[o + r * row[13]] = 0.0


@_compiled
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


@_compiled
def _over_list(M, row, careful):  # type: ignore[no-untyped-def]
    """log_sum_exp, shares and share_slopes of r numbers, for each of n lists and each sample. See `ops`."""
    op, n, r, samples = row[0], row[2], row[3], row[6]
    for i in range(n):
        for k in range(samples):
            o = row[8] + i * row[9] + k * row[13]
            a = row[14] + i * row[15] + k * row[19]
            so, sa = row[10], row[16]
            if op == _SHARE_SLOPES:
                b = row[20] + i * row[21] + k * row[25]
                _share_slopes(M, o, so, a, sa, b, row[22], r, careful)
                continue
            top, largest, missing = _ZERO, M[a], False
            for j in range(r):
                x = M[a + j * sa]
                missing = missing or x != x
                if x > largest:
                    top, largest = j, x
            if missing:
                largest = M[a] * np.nan
            if op == _LOG_SUM_EXP:
                s = M[a] * 0 if not missing and not np.isinf(M[a]) else largest * 0
                if np.isinf(largest) or missing:
                    M[o] = largest
                else:
                    for j in range(r):
                        if j != top:
                            s += math.exp(M[a + j * sa] - largest)
                    M[o] = largest + math.log1p(s)
                continue
            s = 0.0
            for j in range(r):
                x = M[a + j * sa]
                w = math.exp(x - largest)
                if np.isinf(largest):
                    w = 1.0 if x == largest else 0.0
                M[o + j * so] = w
                s += w
            for j in range(r):
                M[o + j * so] /= s


@_compiled
def _share_slopes(M, o, so, g, sg, s, ss, r, careful):  # type: ignore[no-untyped-def]
    for k in range(r):
        total = 0.0
        others = 0.0
        for j in range(r):
            if j != k:
                if careful:
                    others += M[s + j * ss]
                    total += _careful(M[g + j * sg], -M[s + j * ss] * M[s + k * ss])
                else:
                    total += M[s + j * ss] * (M[g + k * sg] - M[g + j * sg])
        if careful:
            M[o + k * so] = total + _careful(M[g + k * sg], M[s + k * ss] * others)
        else:
            M[o + k * so] = total * M[s + k * ss]


def _on_rows(kernel: Any) -> Any:
    """A kernel for one vector, run on each vector of a row."""

    @_compiled
    def run(M, row):  # type: ignore[no-untyped-def]
        m, n, length = row[4], row[5], row[6]
        o, o1, o2, so = row[8], row[11], row[12], row[13]
        a, a1, a2, sa = row[14], row[17], row[18], row[19]
        b, b1, b2, sb = row[20], row[23], row[24], row[25]
        for i in range(m):
            for j in range(n):
                kernel(M, o + i * o1 + j * o2, so, a + i * a1 + j * a2, sa, b + i * b1 + j * b2, sb, length)

    return run


_add_rows, _sub_rows, _mul_rows, _div_rows, _copy_rows = map(_on_rows, (_add, _sub, _mul, _div, _copy))
_add_to_rows, _sub_to_rows, _product_to_rows = map(_on_rows, (_add_to, _sub_to, _product_to))
_careful_rows, _step_rows, _step_to_rows = map(_on_rows, (_careful_product_to, _step, _step_to))
_relu_rows = _on_rows(_rectified)


@_compiled
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


@_compiled
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
            _over_list(M, row, careful)
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
        else:
            _other_rows(M, row)


class Cached:
    """A function that numba compiles once per machine; once per process where its cache cannot be written."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        try:
            self.compiled = njit(error_model="numpy", cache=True)(function)
        except RuntimeError:  # there is no directory for the cache
            self.compiled = _compiled(function)

    def __call__(self, *arguments: Any) -> Any:
        """Call it; the cache is written before the function begins."""
        try:
            return self.compiled(*arguments)
        except OSError:  # the cache cannot be written after all (a full disk, say)
            self.compiled = _compiled(self.function)
            return self.compiled(*arguments)


_loop = Cached(_run)


def ready(memory: Any) -> Any:
    """The loop `_run`, compiled for this type of memory or loaded from numba's cache."""
    _loop(np.zeros((0, 32), np.uint64), memory, np.zeros(1, np.uint64), True, 0)
    return _loop.compiled
