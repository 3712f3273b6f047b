"""Intervals that are certain to hold the exact number: outward-rounded arithmetic at any precision.

The ends are numbers of mpmath with directed rounding, so the enclosures are as certain as mpmath's elementary functions
(monotone ones that it does not have on intervals, such as atan, erf and Φ, are taken at both ends with 20 digits to
spare, and widened by one unit of the third digit beyond those kept). A comparison that the intervals do not decide
raises `UndecidedError`, and so does a step out of the domain: then there is no enclosure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .meanings import Arithmetic, Meaning, context, load_mpmath

GUARD = 20
HUGE = 100_000
"""Binary digits before the point, 1e30103, from which a number counts as out of reach."""


def out_of_reach(raw: Any) -> bool:
    """Whether a raw number of mpmath.libmp (sign, mantissa, exponent, bits) is larger than that."""
    _, mantissa, exponent, bits = raw
    return bool(mantissa and exponent + bits > HUGE)


class UndecidedError(ArithmeticError):
    """The intervals overlap, or reach out of the domain: at this precision nothing certain can be said."""


class Interval:
    """All numbers between two ends."""

    __slots__ = ("ends", "field")

    def __init__(self, ends: Any, field: Field) -> None:
        self.ends = ends  # two raw numbers of mpmath.libmp
        self.field = field

    def __neg__(self) -> Interval:
        return self.field.make("mpi_neg", self)

    def __pos__(self) -> Interval:
        return self

    def __abs__(self) -> Interval:
        return self.field.make("mpi_abs", self)

    def __add__(self, other: Interval | int) -> Interval:
        return self.field.make("mpi_add", self, other)

    def __sub__(self, other: Interval | int) -> Interval:
        return self.field.make("mpi_sub", self, other)

    def __mul__(self, other: Interval | int) -> Interval:
        return self.field.make("mpi_mul", self, other)

    def __truediv__(self, other: Interval | int) -> Interval:
        divisor = self.field.interval(other)
        if divisor.holds_zero():
            raise UndecidedError("division by an interval that holds 0")
        return self.field.make("mpi_div", self, divisor)

    def __rmul__(self, other: int) -> Interval:
        return self.field.interval(other) * self

    def __rtruediv__(self, other: int) -> Interval:
        return self.field.interval(other) / self

    def __lt__(self, other: Interval | int) -> bool:
        theirs = self.field.interval(other)
        if self.high < theirs.low:
            return True
        if self.low >= theirs.high:
            return False
        raise UndecidedError("the comparison is closer than the precision")

    def __le__(self, other: Interval | int) -> bool:
        return not self.field.interval(other) < self

    def __gt__(self, other: Interval | int) -> bool:
        return self.field.interval(other) < self

    def __ge__(self, other: Interval | int) -> bool:
        return not self < other

    @property
    def low(self) -> Any:
        """The lower end, as a number of mpmath."""
        return self.field.mp.make_mpf(self.ends[0])

    @property
    def high(self) -> Any:
        """The upper end."""
        return self.field.mp.make_mpf(self.ends[1])

    def holds_zero(self) -> bool:
        """Whether 0 lies in it."""
        return bool(self.low <= 0 <= self.high)

    def is_zero(self) -> bool:
        """Whether it is exactly 0. An interval around 0 is undecided."""
        if self.holds_zero() and self.low != self.high:
            raise UndecidedError("whether this is 0 is closer than the precision")
        return self.holds_zero()

    def __bool__(self) -> bool:
        return not self.is_zero()


class Field:
    """Makes and combines intervals at one precision."""

    def __init__(self, digits: int) -> None:
        mpmath = load_mpmath()
        self.libmp = mpmath.libmp
        self.mp = context(digits)
        self.bits: int = self.mp.prec
        self.fine = context(digits + GUARD)

    def interval(self, x: Interval | float) -> Interval:
        """A float as an interval of length 0."""
        if isinstance(x, Interval):
            return x
        raw = self.libmp.from_float(float(x))
        return Interval((raw, raw), self)

    def make(self, name: str, *operands: Interval | float) -> Interval:
        """A function of `mpmath.libmp` on intervals."""
        raw = [self.interval(x).ends for x in operands]
        try:
            ends = getattr(self.libmp, name)(*raw, self.bits)
        except (ValueError, ZeroDivisionError, OverflowError, self.libmp.ComplexResult) as fault:
            raise UndecidedError(str(fault)) from None
        result = Interval(ends, self)
        if any(out_of_reach(end) or not self.mp.isfinite(self.mp.make_mpf(end)) for end in ends):
            raise UndecidedError("an end is infinite, or out of reach")
        return result

    def monotone(self, function: Callable[[Any], Any], falling: bool = False) -> Callable[[Interval], Interval]:
        """A monotone function from its values at both ends, widened by more than the error of mpmath."""

        def apply(x: Interval) -> Interval:
            ends = [function(self.fine.make_mpf(end)) for end in x.ends]
            if falling:
                ends.reverse()
            if any(not isinstance(end, self.fine.mpf) or not self.fine.isfinite(end) for end in ends):
                raise UndecidedError("outside of the domain")
            if any(out_of_reach(end._mpf_) for end in ends):
                raise UndecidedError("out of reach")
            margin = self.fine.mpf(10) ** -(self.mp.dps + 3)
            low, high = (end + side * abs(end) * margin for end, side in zip(ends, (-1, 1)))
            down, up = self.libmp.round_floor, self.libmp.round_ceiling
            return Interval(
                (self.libmp.mpf_pos(low._mpf_, self.bits, down), self.libmp.mpf_pos(high._mpf_, self.bits, up)), self
            )

        return apply

    def hull(self, *parts: Interval) -> Interval:
        """The shortest interval that holds all."""
        low, high = min(part.low for part in parts), max(part.high for part in parts)
        return Interval((low._mpf_, high._mpf_), self)


def enclosing(digits: int) -> Arithmetic:
    """Arithmetic on intervals whose ends have the given number of decimal digits."""
    field = Field(digits)
    values = _meanings(field)
    return Arithmetic(field.interval, values, _slopes(field, values))


def _meanings(field: Field) -> dict[str, Meaning]:
    fine, one = field.fine, field.interval(1.0)

    def from_library(name: str) -> Callable[[Interval], Interval]:
        return lambda x: field.make(name, x)

    exp, logarithm, root = from_library("mpi_exp"), from_library("mpi_log"), from_library("mpi_sqrt")

    def log(x: Interval) -> Interval:
        if not x > 0:
            raise UndecidedError("log outside of its domain")
        return logarithm(x)

    def sqrt(x: Interval) -> Interval:
        if x.low < 0:
            raise UndecidedError("sqrt outside of its domain")
        return root(x)

    def power(x: Interval, y: Interval) -> Interval:
        if y.low == y.high == int(y.low):
            n = int(y.low)
            if abs(n) < 1000:
                whole = Interval(field.libmp.mpi_pow_int(x.ends, abs(n), field.bits), field)
                return whole if n >= 0 else one / whole
        return exp(y * log(x))

    def square(x: Interval) -> Interval:
        return power(x, field.interval(2.0))

    def sigmoid(x: Interval) -> Interval:
        return one / (one + exp(-x))

    def cosh(x: Interval) -> Interval:
        return (exp(x) + exp(-x)) / 2

    def larger(x: Interval, y: Interval) -> Interval:
        return field.hull(*([x] if x.low >= y.high else [y] if y.low >= x.high else [x, y]))

    def smaller(x: Interval, y: Interval) -> Interval:
        return -larger(-x, -y)

    def relu(x: Interval) -> Interval:
        return larger(x, field.interval(0.0))

    def total(xs: Sequence[Interval]) -> Interval:
        result = field.interval(0.0)
        for x in xs:
            result = result + x
        return result

    def normal_pdf(x: Interval) -> Interval:
        return exp(-square(x) / 2) / sqrt(2 * pi)

    def log_sum_exp(*xs: Interval) -> Interval:
        top = max(xs, key=lambda x: x.high)
        return top + log(total([exp(x - top) if x is not top else one for x in xs]))

    def step(rounding: Callable[[Any], Any]) -> Callable[[Interval], Interval]:
        return lambda x: Interval((rounding(x.low)._mpf_, rounding(x.high)._mpf_), field)  # whole numbers are exact

    def cbrt(x: Any) -> Any:
        return fine.cbrt(x) if x > 0 else -fine.cbrt(-x)

    def atan2(y: Interval, x: Interval) -> Interval:
        if x > 0:
            return atan(y / x)
        if y.is_zero():
            return pi if x < 0 else field.interval(0.0)
        return pi / 2 - atan(x / y) if y > 0 else -(pi / 2) - atan(x / y)

    pi = Interval((field.libmp.mpf_pi(field.bits, "f"), field.libmp.mpf_pi(field.bits, "c")), field)
    atan, floor = field.monotone(fine.atan), step(field.mp.floor)
    normal_cdf = field.monotone(fine.ncdf)
    log1p, expm1 = field.monotone(fine.log1p), field.monotone(fine.expm1)
    return {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: square(x) if x is y else x * y,
        "div": lambda x, y: x / y,
        "neg": lambda x: -x,
        "abs": abs,
        "square": square,
        "reciprocal": lambda x: one / x,
        "mod": lambda x, y: x - y * floor(x / y),
        "pow": power,
        "exp": exp,
        "expm1": expm1,
        "log": log,
        "log1p": log1p,
        "sqrt": sqrt,
        "log2": field.monotone(lambda x: fine.log(x) / fine.log(2)),
        "log10": field.monotone(fine.log10),
        "exp2": field.monotone(lambda x: fine.power(2, x)),
        "cbrt": field.monotone(cbrt),
        "hypot": lambda x, y: sqrt(square(x) + square(y)),
        "floor": floor,
        "ceil": step(field.mp.ceil),
        "round": step(field.mp.nint),
        "sign": step(field.mp.sign),
        "sin": from_library("mpi_sin"),
        "cos": from_library("mpi_cos"),
        "tan": from_library("mpi_tan"),
        "asin": field.monotone(fine.asin),
        "acos": field.monotone(fine.acos, falling=True),
        "atan": atan,
        "atan2": atan2,
        "sinh": field.monotone(fine.sinh),
        "cosh": cosh,
        "tanh": field.monotone(fine.tanh),
        "asinh": field.monotone(fine.asinh),
        "acosh": field.monotone(fine.acosh),
        "atanh": field.monotone(fine.atanh),
        "sigmoid": sigmoid,
        "softplus": lambda x: log1p(exp(x)),
        "log_sigmoid": lambda x: -log1p(exp(-x)),
        "silu": lambda x: x * sigmoid(x),
        "relu": relu,
        "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
        "elu": lambda x, alpha: x if x > 0 else alpha * expm1(x),
        "erf": field.monotone(fine.erf),
        "gaussian": lambda x: exp(-square(x)),
        "normal_pdf": normal_pdf,
        "normal_cdf": normal_cdf,
        "gelu": lambda x: x * normal_cdf(x),
        "maximum": larger,
        "minimum": smaller,
        "clip": lambda x, lo, hi: smaller(larger(x, lo), hi),
        "where": lambda condition, x, y: x if condition else y,
        "less": lambda x, y: field.interval(float(x < y)),
        "less_equal": lambda x, y: field.interval(float(x <= y)),
        "chain": lambda x, y: x * y,
        "identity": lambda x: x,
        "dot": lambda *xs: total([x * y for x, y in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :])]),
        "mean": lambda *xs: total(xs) / len(xs),
        "log_sum_exp": log_sum_exp,
        "softmax": lambda x, *others: one / (one + total([exp(other - x) for other in others])),
        "log_softmax": lambda x, *others: -log1p(total([exp(other - x) for other in others])),
    }


def _slopes(field: Field, values: dict[str, Meaning]) -> dict[str, Meaning]:
    one, exp = field.interval(1.0), values["exp"]

    def softmax(out: Interval, x: Interval, *others: Interval) -> list[Interval]:
        shares = [out * exp(other - x) for other in others]
        rest = field.interval(0.0)
        for share in shares:
            rest = rest + share
        return [out * rest, *(-out * share for share in shares)]

    def log_softmax(out: Interval, x: Interval, *others: Interval) -> list[Interval]:
        shares = [exp(other - x + out) for other in others]
        return [sum(shares, field.interval(0.0)), *(-share for share in shares)]

    log_2, log_10 = values["log"](field.interval(2.0)), values["log"](field.interval(10.0))
    return {
        "log2": lambda out, x: [one / (x * log_2)],
        "log10": lambda out, x: [one / (x * log_10)],
        "exp2": lambda out, x: [out * log_2],
        "gaussian": lambda out, x: [-2 * x * out],
        "normal_pdf": lambda out, x: [-x * out],
        "erf": lambda out, x: [values["normal_pdf"](x * values["sqrt"](2 * one)) * values["sqrt"](8 * one)],
        "dot": lambda out, *xs: [*xs[len(xs) // 2 :], *xs[: len(xs) // 2]],
        "mean": lambda out, *xs: [one / len(xs)] * len(xs),
        "log_sum_exp": lambda out, *xs: [exp(x - out) for x in xs],
        "softmax": softmax,
        "log_softmax": log_softmax,
    }
