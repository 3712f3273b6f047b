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
from numba import njit, typeof
from numba import types as numba_types
from numba.extending import intrinsic

_INNER = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # not to be called by Python
compiled = njit(**_INNER)
inlined = njit(forceinline=True, **_INNER)
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

    def code(self, *arguments: Any) -> Any:
        """The machine code for arguments of the types with which it was called before.

        Called directly it does not look at types, which takes numba longer than a small program; so whoever calls
        it must give it those types, or read what is not a number.
        """
        try:
            return self.compiled.get_overload(tuple(map(typeof, arguments)))
        except (AttributeError, KeyError):  # another numba, or none
            return self.compiled


# ---- memory ---------------------------------------------------------------------------------------------------------


@intrinsic
def pointer(typing_context, array):  # type: ignore[no-untyped-def]
    """The numbers of an array, which its owner keeps: to count references would take longer than many a row."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return context.make_array(array)(context, builder, arguments[0]).data

    return numba_types.CPointer(array.dtype)(array), generate


@intrinsic
def zero(typing_context, M):  # type: ignore[no-untyped-def]
    """0, as one of the numbers in the memory M."""
    return M.dtype(M), lambda context, builder, signature, arguments: context.get_constant(M.dtype, 0.0)


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
negated = unary(compiled(lambda x: -x))


@summing
def total(M, a, sa, n):  # type: ignore[no-untyped-def]
    """Σ a."""
    s = zero(M)
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
    s = zero(M)
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
    """exp(x − y) for x ≤ y, with the rounding error of the difference put back. See `floats.exp_difference`."""
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


def write_prefetch(builder: Any, place: Any, locality: int) -> None:
    """LLVM's ``llvm.prefetch`` for reading: into every cache with locality 3, but for the nearest with 2."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
    builder.call(function, [builder.bitcast(place, byte), number(0), number(locality), number(1)])


@intrinsic
def _prefetch(typing_context, M, i):  # type: ignore[no-untyped-def]
    """Ask for the number M[i] before it is needed."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        write_prefetch(builder, builder.gep(array.data, [arguments[1]]), 3)
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


def place(X, rows, memory, places, width):  # type: ignore[no-untyped-def]
    """Where rows of X begin, in numbers from the memory: places[1 : 1 + B], and once more the last for spare ones.

    False if X lies between the places of numbers.
    """
    distance = np.int64(X.ctypes.data) - np.int64(memory.ctypes.data)
    if distance % X.itemsize != 0:
        return False
    step = X.size // X.shape[0]
    for i in range(width):
        row = rows[min(i, rows.size - 1)]
        places[1 + i] = np.uint64(distance // X.itemsize + row * step)
    return True
