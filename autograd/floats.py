"""The functions that formulas may call, on floats: with the results of IEEE 754, and to the last digits.

Python raises where IEEE 754 has a value (``1 / 0``, ``math.exp(1000)``, ``math.log(-1)``). So each function stands
here twice: as it is, for speed, and with its exceptions replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

inf, nan = math.inf, math.nan
FAULTS = (ArithmeticError, ValueError)
"""What fast float arithmetic raises where IEEE 754 has a value."""


def _ieee(function: Callable[[float], float], overflow: Callable[[float], float]) -> Callable[[float], float]:
    """``function`` with its exceptions replaced by the values that IEEE 754 gives."""

    def safe(x: float) -> float:
        try:
            return function(x)
        except (OverflowError, ValueError):
            return overflow(x)

    return safe


def _divide(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0 or x != x else math.copysign(inf, x) * math.copysign(1.0, y)


def _power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0 and math.fmod(y, 2.0) != 0 else inf
    except ValueError:  # 0 ** negative is a pole; a negative base with a non-integer exponent is not real
        if x == 0:
            odd = y > -inf and math.fmod(y, 2.0) == -1.0  # up to Python 3.10, 0 ** -inf comes here too
            return math.copysign(inf, x) if odd else inf
        return nan


_SPLIT = 134217729.0  # 2**27 + 1
_ROOT_HALF, _ROOT_HALF_LOW = 0.7071067811865476, -4.833646656726457e-17  # together 1/√2 to 32 digits


def head(x: float) -> float:
    """The leading 26 bits of x (Veltkamp 1968), for |x| < 1e150: ``head(x) * head(x)`` is exact."""
    scaled = _SPLIT * x
    return scaled - (scaled - x)


def standard_normal_cdf(x: float) -> float:
    """Φ(x) = erfc(−x/√2)/2, to a few ulp in the far left tail too.

    Rounding −x/√2 costs a relative error of x²·ε there (200 ulp at x = −20). So the rounding error of the product
    is computed exactly (Dekker 1971) and put back to first order.
    """
    if not abs(x) < 1e3:  # Φ is 0 or 1 there to the last bit; a nan passes through
        return x if x != x else (0.0 if x < 0 else 1.0)
    product = -x * _ROOT_HALF
    high, root_high = head(-x), head(_ROOT_HALF)
    low, root_low = -x - high, _ROOT_HALF - root_high
    error = ((high * root_high - product) + high * root_low + low * root_high) + low * root_low
    error -= x * _ROOT_HALF_LOW
    return 0.5 * math.erfc(product) - error * math.exp(-product * product) * 0.5641895835477563


def exp_difference(x: float, y: float) -> float:
    """exp(x − y) for x ≤ y, y finite.

    Rounding x − y alone costs up to |x − y|·ε (450 ulp at x = 3, y = 582); the rounding error of the difference is
    found exactly (Knuth's two-sum) and put back to first order.
    """
    difference = x - y
    if difference < -746.0:  # less than half of the smallest float
        return 0.0
    part = difference - x
    error = (x - (difference - part)) - (y + part)
    return math.exp(difference) * (1.0 + error)


def shares(xs: Sequence[float]) -> list[float]:
    """exp(xᵢ) / Σₖ exp(xₖ), shifted by the largest; entries that equal an infinite largest share equally."""
    largest = max(xs)
    if any(map(math.isnan, xs)):
        return [nan] * len(xs)
    if largest in (inf, -inf):
        weights = [1.0 if x == largest else 0.0 for x in xs]
    else:
        weights = [exp_difference(x, largest) for x in xs]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _smaller(xs: Sequence[float], largest: float) -> float:
    """Σ exp(xᵢ − largest) over all entries but one of those that are the largest."""
    top = xs.index(largest)
    return math.fsum([exp_difference(x, largest) for x in [*xs[:top], *xs[top + 1 :]]])


def log_sum_exp(xs: Sequence[float]) -> float:
    """log Σ exp(xᵢ), shifted by the largest; log1p keeps what the smaller entries add (``[0, -40]``)."""
    if any(map(math.isnan, xs)):
        return nan
    largest = max(xs)
    if largest in (inf, -inf):
        return largest
    return largest + math.log1p(_smaller(xs, largest))


def log_shares(xs: Sequence[float]) -> list[float]:
    """log of `shares`: (xᵢ − largest) − log1p(what the smaller entries add); both terms are ≤ 0, so none cancels."""
    if any(map(math.isnan, xs)):
        return [nan] * len(xs)
    largest = max(xs)
    if largest in (inf, -inf):
        return [-math.log(xs.count(largest)) if x == largest else -inf for x in xs]
    others = math.log1p(_smaller(xs, largest))
    return [(x - largest) - others for x in xs]


def rest(shares: Sequence[float]) -> float:
    """1 − the first share. Where that share rounds to 1, the sum of the others keeps the digits."""
    return 1.0 - shares[0] if shares[0] < 0.5 else math.fsum(shares[1:])


def cbrt(x: float) -> float:
    """The cube root; x^(1/3) and one Newton step, which makes an error of 1e-14 one of 1 ulp."""
    if x == 0 or not abs(x) < inf:
        return x
    root = math.copysign(math.pow(abs(x), 1 / 3), x)
    return root - (root - x / (root * root)) / 3


def exp2(x: float) -> float:
    """2 to the power x (`math.exp2` came with Python 3.11)."""
    return math.pow(2.0, x)


def _whole(rounding: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding to whole numbers that keeps infinities, nan and the sign of a zero."""

    def rounded(x: float) -> float:
        return math.copysign(float(rounding(x)), x) if abs(x) < 4503599627370496.0 else x  # from 2^52 all are whole

    return rounded


floor, ceil, round_half_even = _whole(math.floor), _whole(math.ceil), _whole(round)


def mod(x: float, y: float) -> float:
    """x − y·⌊x/y⌋, which has the sign of y (Python's and NumPy's modulo)."""
    return x % y


FLOAT_FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf, "pow": math.pow, "abs": abs,
    "log2": math.log2, "log10": math.log10, "exp2": exp2, "cbrt": cbrt, "asinh": math.asinh, "acosh": math.acosh,
    "atanh": math.atanh, "atan2": math.atan2, "hypot": math.hypot, "floor": floor, "ceil": ceil,
    "round": round_half_even, "mod": mod, "head": head, "standard_normal_cdf": standard_normal_cdf,
}  # fmt: skip
"""What a formula may call, for floats; some raise where IEEE 754 has a value."""

IEEE_FUNCTIONS: dict[str, Callable[..., float]] = FLOAT_FUNCTIONS | {
    "exp": _ieee(math.exp, lambda x: inf),
    "expm1": _ieee(math.expm1, lambda x: inf),
    "cosh": _ieee(math.cosh, lambda x: inf),
    "sinh": _ieee(math.sinh, lambda x: math.copysign(inf, x)),
    "exp2": _ieee(exp2, lambda x: inf),
    **{name: _ieee(FLOAT_FUNCTIONS[name], lambda x: -inf if x == 0 else nan) for name in ("log", "log2", "log10")},
    "log1p": _ieee(math.log1p, lambda x: -inf if x == -1 else nan),
    "atanh": _ieee(math.atanh, lambda x: math.copysign(inf, x) if abs(x) == 1 else nan),
    **{
        name: _ieee(FLOAT_FUNCTIONS[name], lambda x: nan)
        for name in ("sqrt", "sin", "cos", "tan", "asin", "acos", "acosh")
    },
    "mod": lambda x, y: nan if y == 0 else x % y,
    "pow": _power,
    "divide": _divide,
}
"""The same functions, none of which raises."""

CONSTANTS = {"inf": inf, "nan": nan}
LIST_FUNCTIONS = {"shares": shares, "log_shares": log_shares, "rest": rest, "log_sum_exp": log_sum_exp}


def namespace(ieee: bool = False) -> dict[str, object]:
    """What the float form of a formula refers to."""
    return {**(IEEE_FUNCTIONS if ieee else FLOAT_FUNCTIONS), **CONSTANTS, **LIST_FUNCTIONS}
