"""What the operations mean, in mpmath at 50 digits: the reference of the tests and of the fuzzer.

Values are those of `autograd.precision.meanings`; slopes are measured on them, independently of every derivative
formula.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpc, mpf

from autograd.ops import Op
from autograd.precision.meanings import Arithmetic, meanings

mp.dps = 50

VALUES: dict[str, Callable[..., Any]] = meanings(mp)


def signed_zero(op: Op, point: Sequence[float]) -> Any:
    """The value where it depends on the sign of a zero, which mpmath's numbers do not have; None elsewhere.

    Of the finite values of the table this is atan2 alone, on its branch cut and at the origin: C99, F.9.1.4.
    """
    if op.name != "atan2" or point[0] != 0:
        return None
    y, x = point
    return (mp.pi if math.copysign(1.0, x) < 0 else mpf(0)) * math.copysign(1.0, y)


def from_formula(op: Op, text: str) -> Callable[..., Any]:
    """A formula of an operation as a function on mpmath numbers; other operations in it come from their entries."""
    return Arithmetic(mpf, VALUES, {}).formula(op, text)


def value_of(op: Op) -> Callable[..., Any]:
    """The value of an operation on mpmath numbers, one argument per parent."""
    return VALUES[op.name] if op.name in VALUES else from_formula(op, op.formula)


DIGITS = 1050
"""Enough for every point: for sigmoid'(745), whose value is 1 to 324 digits, for cos(1e-300), which is 1 to 600 digits,
and for 1e-320 among the terms of a sum of size 1e308."""


def digits_at(point: Sequence[Any]) -> int:
    """The digits that a slope at this point takes, by the exponents of its arguments.

    These are 60 for the step, 60 for the slope and 30 to spare; those that separate a tiny argument from 1 and from the
    largest one; and those of a tail, which no operation makes thinner than exp(-x²) or than the smallest float. Too few
    would show as an error of a right rule: it takes a right slope to agree with 50 digits.
    """
    sizes = [float(mp.log10(abs(x))) for x in point if x and mp.isfinite(x)] or [0.0]
    tiny, large = max(0.0, -min(sizes)), max(0.0, *sizes)
    tail = min(330.0, 10 ** min(2 * large, 3) / math.log(10))
    return int(min(DIGITS, 150 + tiny + max(tiny, large) + tail))


def step(point: Sequence[Any], position: int) -> Any:
    """1e-60 of the argument; of the largest one if it is 0; at most 1e-60."""
    return mpf(10) ** -60 * min(1, abs(point[position]) or max(map(abs, point)) or 1)


def slope(f: Callable[..., Any], point: Sequence[Any], position: int) -> Any:
    """∂f/∂(argument at position) to more than 50 digits, by a central difference at as many digits as it takes.

    The truncation error is of the order of the square of the step, 120 digits below what is measured; next to poles
    and to the edges of a domain, which floats approach to 1e-16, it still is 88 digits below.
    """
    with mp.workdps(digits_at(point)):
        x, h = mpf(point[position]), step(point, position)
        left, right = (f(*point[:position], moved, *point[position + 1 :]) for moved in (x - h, x + h))
        return (right - left) / (2 * h)


# ---- arguments and errors -----------------------------------------------------------------------------------------

SMALLEST_NORMAL, LARGEST = 2.2250738585072014e-308, 1.7976931348623157e308

# Where the terms of a sum cancel, a relative error of the sum says nothing: it is measured against the size of the
# terms. So for sums over lists, and for the derivatives of gelu and silu, which pass through zero near −0.75 and −1.28.
SIZE_OF_VALUE: dict[str, Callable[..., Any]] = {
    "dot": lambda *xs: mp.fsum(abs(x * y) for x, y in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :])),
    "mean": lambda *xs: mp.fsum(map(abs, xs)) / len(xs),
    "log_sum_exp": lambda *xs: abs(max(xs)) + abs(VALUES["log_sum_exp"](*xs) - max(xs)),
}
SIZE_OF_SLOPE: dict[str, Callable[..., Any]] = {
    "gelu": lambda x: VALUES["normal_cdf"](x) + abs(x) * mp.npdf(x),
    "silu": lambda x: (1 + abs(x) / (1 + mp.exp(x))) / (1 + mp.exp(-x)),
}


def draw(rng: random.Random) -> float:
    """An argument: of ordinary size, saturated, a small integer, or of any magnitude at all."""
    sign = rng.choice((-1.0, 1.0))
    return rng.choice(
        (
            lambda: rng.uniform(-3, 3),
            lambda: rng.uniform(-40, 40),
            lambda: rng.uniform(-750, 750),
            lambda: float(rng.randint(-5, 5)),
            lambda: sign * 10 ** rng.uniform(-20, 20),
            lambda: sign * 10 ** rng.uniform(-323, 308),
        )
    )()


def error(got: float, exact: Any, size: Any = None) -> float:
    """The distance in ulp of ``size``, by default of the exact number; nothing below the smallest normal number."""
    if got != got:
        return math.inf
    if math.isinf(got):
        return 0.0 if abs(exact) > mpf(LARGEST) * (1 - mpf(2) ** -52) and (exact > 0) == (got > 0) else math.inf
    distance = abs(mpf(got) - exact)
    return (
        0.0 if distance <= SMALLEST_NORMAL else float(distance / math.ulp(float(abs(exact) if size is None else size)))
    )


def is_smooth(op: Op, point: Sequence[Any]) -> bool:
    """Whether the point is clear of kinks and of the edge of the domain."""
    bound = op.bind(point)
    near = 2 * max(step(point, position) for position in range(len(point)))
    try:
        return all(abs(from_formula(op, text)(*bound)) > near for text in (*op.kinks, *op.domain))
    except ZeroDivisionError:  # a quotient in the formula of a kink: mod by 0
        return False


def errors_at(
    op: Op, point: Sequence[float], value: float, slopes: Sequence[float]
) -> tuple[float, list[float]] | None:
    """The errors in ulp of an operation's value and of its slopes; None at a pole, or where a part of a sum overflows.

    Slopes next to a kink or an edge, or of a value that overflows, have no error; where there is no real number, a nan
    is right.
    """
    reference, exact_point = value_of(op), list(map(mpf, point))
    try:
        exact = signed_zero(op, point)
        exact = reference(*exact_point) if exact is None else exact
    except ZeroDivisionError:
        return None
    if isinstance(exact, mpc) and exact.imag:
        return (0.0 if value != value else math.inf), []
    size = SIZE_OF_VALUE[op.name](*exact_point) if op.name in SIZE_OF_VALUE else None
    if size is not None and size > LARGEST / 2:
        return None
    of_value = error(value, mp.re(exact), size)
    if not abs(mp.re(exact)) <= LARGEST or not is_smooth(op, exact_point):
        return of_value, []
    size = SIZE_OF_SLOPE[op.name](*exact_point) if op.name in SIZE_OF_SLOPE else None
    of_slopes = []
    for position, got in enumerate(slopes):
        exact_slope = slope(reference, exact_point, position)
        if isinstance(exact_slope, mpc):  # (-2) ** y is real at integers alone: no slope there
            of_slopes.append(0.0 if got != got else math.inf)
        else:
            of_slopes.append(error(got, exact_slope, size))
    return of_value, of_slopes
