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


def _translated(function: Callable[..., Any], **names: Any) -> Any:
    """A Python function of `ops` for numba: the same code, with compiled functions in place of those it calls."""
    scope = {**function.__globals__, **names}
    return _compiled(types.FunctionType(function.__code__, scope, function.__name__))


head = _translated(ops.head)
standard_normal_cdf = _translated(ops.standard_normal_cdf, head=head)


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
_relu = _binary(_compiled(lambda x, y: y if x <= 0 else x))


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
def _add_to(M, sign, o, so, a, sa, n):  # type: ignore[no-untyped-def]
    if so == 0:
        M[o] += sign * _total(M, a, sa, n)
    elif so == 1 and sa == 1:
        for k in range(n):
            M[o + k] += sign * M[a + k]
    elif so == 1 and sa == 0:
        v = sign * M[a]
        for k in range(n):
            M[o + k] += v
    else:
        for k in range(n):
            M[o + k * so] += sign * M[a + k * sa]


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


@_compiled
def _step(M, o, a, b, n):  # type: ignore[no-untyped-def]
    for k in range(n):
        M[o + k] = 0.0 if M[b + k] <= 0 else M[a + k]


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


# ---- rows -------------------------------------------------------------------------------------------------------


@_compiled
def _contract(M, row, careful):  # type: ignore[no-untyped-def]
    """o += Σ a·b along five loops. The last is a vector; the one before it takes several vectors at once if it can."""
    n0, n1, n2, n3, n4 = row[2], row[3], row[4], row[5], row[6]
    o3, a3, b3 = row[12], row[18], row[24]
    so, sa, sb = row[13], row[19], row[25]
    numbers = so == 1 and sa == 0 and sb == 1 and o3 == 0 and not careful  # a number times a vector
    dots = so == 0 and sa == 1 and sb == 1 and b3 == 0 and not careful  # several vectors times one
    fours = n3 // _FOUR if numbers or dots else _ZERO
    twos = (n3 - _FOUR * fours) // _TWO if numbers else _ZERO
    done = _FOUR * fours + _TWO * twos
    for i in range(n0):
        for j in range(n1):
            for k in range(n2):
                o = row[8] + i * row[9] + j * row[10] + k * row[11]
                a = row[14] + i * row[15] + j * row[16] + k * row[17]
                b = row[20] + i * row[21] + j * row[22] + k * row[23]
                for q in range(fours):
                    if dots:
                        _four_dots(M, o + _FOUR * q * o3, o3, n4, a + _FOUR * q * a3, a3, b)
                    else:
                        _four(M, o, n4, a + _FOUR * q * a3, a3, b + _FOUR * q * b3, b3)
                if twos:
                    _two(M, o, n4, a + _FOUR * fours * a3, a3, b + _FOUR * fours * b3, b3)
                for r in range(done, n3):
                    if careful:
                        _careful_product_to(M, o + r * o3, so, a + r * a3, sa, b + r * b3, sb, n4)
                    else:
                        _product_to(M, o + r * o3, so, a + r * a3, sa, b + r * b3, sb, n4)


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


@_compiled
def _vector(op, update, careful, M, o, so, a, sa, b, sb, c, sc, n):  # type: ignore[no-untyped-def]
    """One vector of an arithmetic row; targets that are to be overwritten were cleared unless ``update`` is 0 here."""
    if op == _ADD_TO:
        if update == 0:
            _copy(M, o, so, a, sa, a, sa, n)
        else:
            _add_to(M, 1.0, o, so, a, sa, n)
    elif op == _SUB_TO:
        _add_to(M, -1.0, o, so, a, sa, n)
    elif op == _PRODUCT_TO:
        if careful:
            _careful_product_to(M, o, so, a, sa, b, sb, n)
        elif update == 0:
            _mul(M, o, so, a, sa, b, sb, n)
        else:
            _product_to(M, o, so, a, sa, b, sb, n)
    elif op == _STEP_TO:
        if update == 0:
            _step(M, o, a, b, n)
        else:
            _step_to(M, o, so, a, sa, b, sb, n)
    elif op == _ADD:
        _add(M, o, so, a, sa, b, sb, n)
    elif op == _SUB:
        _sub(M, o, so, a, sa, b, sb, n)
    elif op == _MUL:
        _mul(M, o, so, a, sa, b, sb, n)
    elif op == _DIV:
        _div(M, o, so, a, sa, b, sb, n)
    elif op == _COPY:
        _copy(M, o, so, a, sa, a, sa, n)
    elif op == _RELU:
        for k in range(n):
            x = M[a + k * sa]
            M[o + k * so] = 0.0 if x <= 0 else x
    elif op in (_POW, _LESS, _LESS_EQUAL, _WHERE):
        for k in range(n):
            M[o + k * so] = _rare(op, M[a + k * sa], M[b + k * sb], M[c + k * sc])
    else:
        for k in range(n):
            M[o + k * so] = _unary(op, M[a + k * sa])


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
        else:
            if update == 0 and op in (_ADD_TO, _SUB_TO, _PRODUCT_TO, _STEP_TO):
                summed = (row[13] == 0 and row[6] > 1) or (row[12] == 0 and row[5] > 1) or (row[11] == 0 and row[4] > 1)
                plain = row[13] == 1 and row[19] == 1 and (op == _ADD_TO or (op == _STEP_TO and row[25] == 1))
                plain = plain or (op == _PRODUCT_TO and not careful)
                if summed or not plain:
                    _clear(M, row)
                    update = _ONE
            n = row[6]
            for i in range(row[4]):
                for j in range(row[5]):
                    _vector(
                        op, update, careful, M, row[8] + i * row[11] + j * row[12], row[13],
                        row[14] + i * row[17] + j * row[18], row[19], row[20] + i * row[23] + j * row[24], row[25],
                        row[26] + i * row[29] + j * row[30], row[31], n,
                    )  # fmt: skip


def _cached() -> Any:
    try:
        return njit(error_model="numpy", cache=True)(_run)
    except RuntimeError:  # there is no directory that numba can write its cache to
        return _compiled(_run)


_best = [_cached()]


def ready(memory: Any) -> Any:
    """The loop `_run`, compiled for this type of memory or loaded from numba's cache."""
    nothing = np.zeros((0, 32), np.uint64), memory, np.zeros(1, np.uint64), True, 0
    try:
        _best[0](*nothing)
    except OSError:  # the cache cannot be written after all (a full disk, say)
        _best[0] = _compiled(_run)
        _best[0](*nothing)
    return _best[0]
