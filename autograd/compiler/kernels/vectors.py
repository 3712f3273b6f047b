"""What numba compiles for one vector of numbers in the machine's memory, and for several at once.

IEEE 754 holds: nan and infinities pass, nothing is assumed to be finite. Only the order of sums is free. Addresses are
unsigned, since numba would otherwise ask of each one whether it counts from the end, and vectorise nothing.
"""

from __future__ import annotations

import inspect
import math
import types
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba import types as numba_types
from numba.extending import intrinsic

_INNER = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # not to be called by Python
compiled = njit(**_INNER)
summing = njit(fastmath={"reassoc", "contract"}, **_INNER)


def translated(function: Callable[..., Any], **names: Any) -> Any:
    """A Python function for numba: the same code, with compiled functions in place of those it calls."""
    scope = {**function.__globals__, **names}
    return compiled(types.FunctionType(function.__code__, scope, function.__name__))


class Cached:
    """A function that numba compiles once per machine; once per process where its cache cannot be written.

    Args:
        function: to be compiled.
        sources: modules whose code goes into it. Numba's cache looks at the function's own file only, and would go on
            to use machine code made of an older version of the others; so their checksum is part of the name.
    """

    def __init__(self, function: Callable[..., Any], *sources: types.ModuleType) -> None:
        self.function = function
        checksum = 0
        for module in sources:
            with suppress(OSError):  # installed without its source
                checksum = zlib.crc32(inspect.getsource(module).encode(), checksum)
        function.__qualname__ += f"_{checksum:08x}"
        try:
            self.compiled = njit(error_model="numpy", cache=True)(function)
        except RuntimeError:  # there is no directory for the cache
            self.compiled = njit(error_model="numpy")(function)

    def __call__(self, *arguments: Any) -> Any:
        """Call it; the cache is written before the function begins."""
        try:
            return self.compiled(*arguments)
        except OSError:  # the cache cannot be written after all (a full disk, say)
            self.compiled = njit(error_model="numpy")(self.function)
            return self.compiled(*arguments)


# ---- one vector: addresses o, a, b, c, steps so, sa, sb, sc, and a length n -----------------------------------------


def binary(f: Any) -> Any:
    """A function of two numbers on vectors: o = f(a, b)."""

    @compiled
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


def unary(f: Any) -> Any:
    """A function of one number on vectors: o = f(a)."""

    @compiled
    def run(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
        if so == 1 and sa == 1:
            for k in range(n):
                M[o + k] = f(M[a + k])
        else:
            for k in range(n):
                M[o + k * so] = f(M[a + k * sa])

    return run


add = binary(compiled(lambda x, y: x + y))
sub = binary(compiled(lambda x, y: x - y))
mul = binary(compiled(lambda x, y: x * y))
div = binary(compiled(lambda x, y: x / y))
copy = unary(compiled(lambda x: x))


@summing
def total(M, a, sa, n):  # type: ignore[no-untyped-def]
    """Σ a."""
    s = M.dtype.type(0)
    if sa == 1:
        for k in range(n):
            s += M[a + k]
    else:
        for k in range(n):
            s += M[a + k * sa]
    return s


@summing
def dot(M, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    """Σ a·b."""
    s = M.dtype.type(0)
    if sa == 1 and sb == 1:
        for k in range(n):
            s += M[a + k] * M[b + k]
    else:
        for k in range(n):
            s += M[a + k * sa] * M[b + k * sb]
    return s


@compiled
def careful(x, y):  # type: ignore[no-untyped-def]
    """A product in which an exact zero carries nothing, not even nan."""
    return x * y if x != 0 and y != 0 else x * 0 if x == 0 else y * 0


@compiled
def add_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    """o += a; a sum if o does not move."""
    if so == 0:
        M[o] += total(M, a, sa, n)
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


@compiled
def sub_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    """o −= a."""
    if so == 0:
        M[o] -= total(M, a, sa, n)
    elif so == 1 and sa == 1:
        for k in range(n):
            M[o + k] -= M[a + k]
    else:
        for k in range(n):
            M[o + k * so] -= M[a + k * sa]


@summing
def product_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    """o += a·b."""
    if so == 0:
        M[o] += dot(M, a, sa, b, sb, n)
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


@compiled
def careful_product_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    """o += a·b, where an exact zero carries nothing."""
    for k in range(n):
        x, y = M[a + k * sa], M[b + k * sb]
        if x != 0 and y != 0:
            M[o + k * so] += x * y


@compiled
def step_to(M, o, so, a, sa, b, sb, n):  # type: ignore[no-untyped-def]
    """o += a where b is positive or nan."""
    if so == 1 and sa == 1 and sb == 1:
        for k in range(n):
            M[o + k] += 0.0 if M[b + k] <= 0 else M[a + k]
    else:
        for k in range(n):
            M[o + k * so] += 0.0 if M[b + k * sb] <= 0 else M[a + k * sa]


step = binary(compiled(lambda x, y: 0.0 if y <= 0 else x))
rectified = unary(compiled(lambda x: 0.0 if x <= 0 else x))


@summing
def four(M, o, n, a, ra, b, rb):  # type: ignore[no-untyped-def]
    """o += Σ over four: number a times vector b."""
    v0, v1, v2, v3 = M[a], M[a + ra], M[a + ra + ra], M[a + ra + ra + ra]
    b1 = b + rb
    b2 = b1 + rb
    b3 = b2 + rb
    for k in range(n):
        M[o + k] += v0 * M[b + k] + v1 * M[b1 + k] + v2 * M[b2 + k] + v3 * M[b3 + k]


@summing
def two(M, o, n, a, ra, b, rb):  # type: ignore[no-untyped-def]
    """o += Σ over two: number a times vector b."""
    v0, v1 = M[a], M[a + ra]
    b1 = b + rb
    for k in range(n):
        M[o + k] += v0 * M[b + k] + v1 * M[b1 + k]


@summing
def four_by_four(M, o, ro, n, a, qa, ra, b, rb):  # type: ignore[no-untyped-def]
    """Four times `four`, with the same vectors b: each is loaded once for sixteen products."""
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


@summing
def four_dots(M, o, ro, n, a, ra, b):  # type: ignore[no-untyped-def]
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


@summing
def four_by_four_dots(M, o, qo, ro, n, a, ra, b, rb):  # type: ignore[no-untyped-def]
    """Four times `four_dots`, with the same vectors a."""
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


# ---- exp --------------------------------------------------------------------------------------------------------

_PER_LOG2, _LOG2_HIGH, _LOG2_LOW = 1.4426950408889634, 0.693147180369123816490, 1.90821492927058770002e-10


@intrinsic
def select(typing_context, condition, x, y):  # type: ignore[no-untyped-def]
    """``x if condition else y`` for two floats as an instruction; of a branch, LLVM does not always make one."""
    return x(condition, x, y), lambda context, builder, signature, arguments: builder.select(*arguments)


@njit(fastmath={"contract"}, **_INNER)
def exp(x):  # type: ignore[no-untyped-def]
    """e^x to 1 ulp, without a branch or a call, so that a loop over it becomes vector instructions.

    x = k·log 2 + r with |r| ≤ ½ log 2 (log 2 in two parts: Cody and Waite 1980), Taylor's series to r¹³, and 2ᵏ made of
    exponent bits, in two factors since the result may be subnormal.
    """
    given = x = np.float64(x)
    x = select(x > -746.0, x, -746.0)
    x = select(x < 710.0, x, 710.0)
    k = math.floor(x * _PER_LOG2 + 0.5)
    high, low = x - k * _LOG2_HIGH, k * _LOG2_LOW
    r = high - low
    rest = (high - r) - low  # what rounding took from r
    p = 1 / 6227020800
    p = p * r + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = (p * r * r + rest + r) + 1.0
    half = math.floor(k * 0.5)
    one, other = (np.int64(half) + 1023) << 52, (np.int64(k - half) + 1023) << 52
    power = p * np.int64(one).view(np.float64) * np.int64(other).view(np.float64)
    return select(given == given, power, given)


@compiled
def exp_difference(x, y):  # type: ignore[no-untyped-def]
    """exp(x − y) for x ≤ y, with the rounding error of the difference put back. See `ops.exp_difference`."""
    difference = x - y
    part = difference - x
    error = (x - (difference - part)) - (y + part)
    power = exp(difference) * (1.0 + error)
    return select(difference < -746.0, 0.0, power)  # x may be −∞, and then the error is nan


@compiled
def _sqrt(x):  # type: ignore[no-untyped-def]
    return math.sqrt(x)


exponential, square_root = unary(exp), unary(_sqrt)


# ---- rows of an array -------------------------------------------------------------------------------------------


@intrinsic
def _prefetch(typing_context, M, i):  # type: ignore[no-untyped-def]
    """Ask for the number M[i] before it is needed (LLVM's ``llvm.prefetch`` for reading, into every cache)."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(function, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return numba_types.void(M, i), generate


def take(X, rows, out, width):  # type: ignore[no-untyped-def]
    """out = X[rows] for flat arrays of rows of ``width`` numbers.

    The rows lie far apart in memory, so the one after next is asked for while a row is copied: by a third faster.
    """
    width = np.uint64(width)
    line = np.uint64(64 // X.itemsize)
    whole = width // line * line
    for i in range(rows.size):
        ahead = np.uint64(rows[min(i + 2, rows.size - 1)]) * width
        source, target = np.uint64(rows[i]) * width, np.uint64(i) * width
        for j in range(np.uint64(0), whole, line):
            _prefetch(X, ahead + j)
            for k in range(line):
                out[target + j + k] = X[source + j + k]
        for j in range(whole, width):
            out[target + j] = X[source + j]
