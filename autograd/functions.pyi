# Generated from the table of operations by `python -m autograd.stubs`. Do not edit.
from collections.abc import Iterable
from typing import Any, overload

from .value import Number, Value

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "dot",
    "elu",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "gaussian",
    "gelu",
    "hypot",
    "leaky_relu",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_sigmoid",
    "log_softmax",
    "log_sum_exp",
    "maximum",
    "mean",
    "minimum",
    "mod",
    "normal_cdf",
    "normal_pdf",
    "reciprocal",
    "relu",
    "round",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "where",
]

@overload
def square(x: Value) -> Value:
    """The square.

    Value: x * x
    Derivative: 2 * x  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def square(x: float) -> float: ...
@overload
def reciprocal(x: Value) -> Value:
    """The reciprocal 1/x.

    Value: 1 / x
    Derivative: -out * out  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def reciprocal(x: float) -> float: ...
@overload
def mod(x: Value, y: Number) -> Value:
    """What is left of x after subtracting y·⌊x/y⌋; it has the sign of y.

    Value: mod(x, y)
    Derivative: 1; -round(x / y - out / y)  (`out` is the value)

    x and y are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def mod(x: float, y: Value) -> Value: ...
@overload
def mod(x: float, y: float) -> float: ...
@overload
def exp(x: Value) -> Value:
    """The exponential.

    Value: exp(x)
    Derivative: out  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def exp(x: float) -> float: ...
@overload
def expm1(x: Value) -> Value:
    """exp(x) − 1, accurate near 0.

    Value: expm1(x)
    Derivative: exp(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def expm1(x: float) -> float: ...
@overload
def log(x: Value) -> Value:
    """The natural logarithm.

    Value: log(x)
    Derivative: 1 / x  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def log(x: float) -> float: ...
@overload
def log1p(x: Value) -> Value:
    """log(1 + x), accurate near 0.

    Value: log1p(x)
    Derivative: 1 / (1 + x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def log1p(x: float) -> float: ...
@overload
def sqrt(x: Value) -> Value:
    """The square root.

    Value: sqrt(x)
    Derivative: 0.5 / out  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def sqrt(x: float) -> float: ...
@overload
def log2(x: Value) -> Value:
    """The logarithm to the base 2.

    Value: log2(x)
    Derivative: 1.4426950408889634 / x  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def log2(x: float) -> float: ...
@overload
def log10(x: Value) -> Value:
    """The logarithm to the base 10.

    Value: log10(x)
    Derivative: 0.4342944819032518 / x  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def log10(x: float) -> float: ...
@overload
def exp2(x: Value) -> Value:
    """2 to the power x.

    Value: exp2(x)
    Derivative: 0.6931471805599453 * out  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def exp2(x: float) -> float: ...
@overload
def cbrt(x: Value) -> Value:
    """The cube root, of negative numbers too.

    Value: cbrt(x)
    Derivative: 1 / (3 * out * out)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def cbrt(x: float) -> float: ...
@overload
def hypot(x: Value, y: Number) -> Value:
    """√(x² + y²), which does not overflow before its value does; its slopes at (0, 0) are taken as 0.

    Value: hypot(x, y)
    Derivative: where(out <= 0, 0, where(out < 1e-290, 1e300 * x / hypot(1e300 * x, 1e300 * y), x / out)); where(out <= 0, 0, where(out < 1e-290, 1e300 * y / hypot(1e300 * x, 1e300 * y), y / out))  (`out` is the value)

    x and y are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def hypot(x: float, y: Value) -> Value: ...
@overload
def hypot(x: float, y: float) -> float: ...
@overload
def floor(x: Value) -> Value:
    """The largest whole number that is not above x; its slope is 0.

    Value: floor(x)
    Derivative: 0  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def floor(x: float) -> float: ...
@overload
def ceil(x: Value) -> Value:
    """The smallest whole number that is not below x; its slope is 0.

    Value: ceil(x)
    Derivative: 0  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def ceil(x: float) -> float: ...
@overload
def round(x: Value) -> Value:
    """The nearest whole number, the even one of two; its slope is 0.

    Value: round(x)
    Derivative: 0  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def round(x: float) -> float: ...
@overload
def sign(x: Value) -> Value:
    """1, 0 or −1, as x is positive, 0 or negative; its slope is 0.

    Value: where(x > 0, 1, where(x < 0, -1, x))
    Derivative: 0  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def sign(x: float) -> float: ...
@overload
def sin(x: Value) -> Value:
    """The sine of x radians.

    Value: sin(x)
    Derivative: cos(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def sin(x: float) -> float: ...
@overload
def cos(x: Value) -> Value:
    """The cosine of x radians.

    Value: cos(x)
    Derivative: -sin(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def cos(x: float) -> float: ...
@overload
def tan(x: Value) -> Value:
    """The tangent of x radians.

    Value: tan(x)
    Derivative: 1 + out * out  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def tan(x: float) -> float: ...
@overload
def asin(x: Value) -> Value:
    """The inverse sine, in radians.

    Value: asin(x)
    Derivative: 1 / sqrt((1 - x) * (1 + x))  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def asin(x: float) -> float: ...
@overload
def acos(x: Value) -> Value:
    """The inverse cosine, in radians.

    Value: acos(x)
    Derivative: -1 / sqrt((1 - x) * (1 + x))  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def acos(x: float) -> float: ...
@overload
def atan(x: Value) -> Value:
    """The inverse tangent, in radians.

    Value: atan(x)
    Derivative: where(abs(x) < 1e8, 1 / (1 + x * x), 1 / x / x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def atan(x: float) -> float: ...
@overload
def atan2(y: Value, x: Number) -> Value:
    """The angle of the point (x, y), in radians from −π to π.

    Value: atan2(y, x)
    Derivative: where(abs(x) + abs(y) < 1e-290, 1e300 * (1e300 * x / hypot(1e300 * x, 1e300 * y) / hypot(1e300 * x, 1e300 * y)), x / hypot(x, y) / hypot(x, y)); -(where(abs(x) + abs(y) < 1e-290, 1e300 * (1e300 * y / hypot(1e300 * x, 1e300 * y) / hypot(1e300 * x, 1e300 * y)), y / hypot(x, y) / hypot(x, y)))  (`out` is the value)

    y and x are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def atan2(y: float, x: Value) -> Value: ...
@overload
def atan2(y: float, x: float) -> float: ...
@overload
def sinh(x: Value) -> Value:
    """The hyperbolic sine.

    Value: sinh(x)
    Derivative: cosh(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def sinh(x: float) -> float: ...
@overload
def cosh(x: Value) -> Value:
    """The hyperbolic cosine.

    Value: cosh(x)
    Derivative: sinh(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def cosh(x: float) -> float: ...
@overload
def asinh(x: Value) -> Value:
    """The inverse hyperbolic sine.

    Value: asinh(x)
    Derivative: 1 / hypot(1, x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def asinh(x: float) -> float: ...
@overload
def acosh(x: Value) -> Value:
    """The inverse hyperbolic cosine.

    Value: acosh(x)
    Derivative: 1 / (sqrt(x - 1) * sqrt(x + 1))  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def acosh(x: float) -> float: ...
@overload
def atanh(x: Value) -> Value:
    """The inverse hyperbolic tangent.

    Value: atanh(x)
    Derivative: 1 / ((1 - x) * (1 + x))  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def atanh(x: float) -> float: ...
@overload
def tanh(x: Value) -> Value:
    """The hyperbolic tangent.

    Value: tanh(x)
    Derivative: where(abs(x) < 0.7, 1 - out * out, exp(-2 * abs(x)) * ((1 + abs(out)) * (1 + abs(out))))  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def tanh(x: float) -> float: ...
@overload
def sigmoid(x: Value) -> Value:
    """The logistic function 1 / (1 + exp(−x)).

    Value: where(x < -40, exp(x), 1 / (1 + exp(-x)))
    Derivative: out * sigmoid(-x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def sigmoid(x: float) -> float: ...
@overload
def softplus(x: Value) -> Value:
    """log(1 + exp(x)), which does not overflow.

    Value: where(x > 0, x, 0) + log1p(exp(-abs(x)))
    Derivative: sigmoid(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def softplus(x: float) -> float: ...
@overload
def log_sigmoid(x: Value) -> Value:
    """log(sigmoid(x)), which does not underflow.

    Value: -softplus(-x)
    Derivative: sigmoid(-x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def log_sigmoid(x: float) -> float: ...
@overload
def silu(x: Value) -> Value:
    """x · sigmoid(x), also called swish.

    Value: x * sigmoid(x)
    Derivative: sigmoid(x) * (1 + x * sigmoid(-x))  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def silu(x: float) -> float: ...
@overload
def relu(x: Value) -> Value:
    """max(0, x); its slope at 0 is taken as 0.

    Value: where(x <= 0, 0, x)
    Derivative: where(x <= 0, 0, 1)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def relu(x: float) -> float: ...
@overload
def leaky_relu(x: Value, slope: Number = 0.01) -> Value:
    """x for positive x, else slope · x; its slope at 0 is `slope`.

    Value: where(x > 0, x, slope * x)
    Derivative: where(x > 0, 1, slope); where(x > 0, 0, x)  (`out` is the value)

    x and slope are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def leaky_relu(x: float, slope: Value) -> Value: ...
@overload
def leaky_relu(x: float, slope: float = 0.01) -> float: ...
@overload
def elu(x: Value, alpha: Number = 1.0) -> Value:
    """x for positive x, else alpha · (exp(x) − 1); its slope at 0 is alpha.

    Value: where(x > 0, x, alpha * expm1(x))
    Derivative: where(x > 0, 1, alpha * exp(x)); where(x > 0, 0, expm1(x))  (`out` is the value)

    x and alpha are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def elu(x: float, alpha: Value) -> Value: ...
@overload
def elu(x: float, alpha: float = 1.0) -> float: ...
@overload
def gaussian(x: Value) -> Value:
    """exp(−x²).

    Value: where(abs(x) > 40, 0, exp(-head(x) * head(x)) * exp((head(x) - x) * (head(x) + x)))
    Derivative: where(abs(x) > 40, 0, -2 * x * out)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def gaussian(x: float) -> float: ...
@overload
def normal_pdf(x: Value) -> Value:
    """exp(−x²/2)/√(2π), the density of the standard normal law.

    Value: where(abs(x) > 40, 0, 0.3989422804014327 * exp(-0.5 * head(x) * head(x)) * exp(0.5 * (head(x) - x) * (head(x) + x)))
    Derivative: where(abs(x) > 40, 0, -x * out)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def normal_pdf(x: float) -> float: ...
@overload
def erf(x: Value) -> Value:
    """The error function.

    Value: erf(x)
    Derivative: 1.1283791670955126 * gaussian(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def erf(x: float) -> float: ...
@overload
def normal_cdf(x: Value) -> Value:
    """Φ(x), the distribution function of the standard normal law.

    Value: standard_normal_cdf(x)
    Derivative: normal_pdf(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def normal_cdf(x: float) -> float: ...
@overload
def gelu(x: Value) -> Value:
    """x · Φ(x), exact (Hendrycks and Gimpel 2016).

    Value: x * normal_cdf(x)
    Derivative: normal_cdf(x) + x * normal_pdf(x)  (`out` is the value)

    x is a Value or a real number. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def gelu(x: float) -> float: ...
@overload
def maximum(x: Value, y: Number) -> Value:
    """The larger of two; a tie gives one half of the slope to each.

    Value: where(x >= y, x, where(x < y, y, x + y))
    Derivative: where(x > y, 1, where(x < y, 0, 0.5)); where(y > x, 1, where(y < x, 0, 0.5))  (`out` is the value)

    x and y are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def maximum(x: float, y: Value) -> Value: ...
@overload
def maximum(x: float, y: float) -> float: ...
@overload
def minimum(x: Value, y: Number) -> Value:
    """The smaller of two; a tie gives one half of the slope to each.

    Value: where(x <= y, x, where(x > y, y, x + y))
    Derivative: where(y > x, 1, where(y < x, 0, 0.5)); where(x > y, 1, where(x < y, 0, 0.5))  (`out` is the value)

    x and y are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def minimum(x: float, y: Value) -> Value: ...
@overload
def minimum(x: float, y: float) -> float: ...
@overload
def clip(x: Value, lo: Number, hi: Number) -> Value:
    """x, but not below lo and not above hi; at either edge one half of the slope to each.

    Value: minimum(maximum(x, lo), hi)
    Derivative: where(x > lo, 1, where(x < lo, 0, where(lo < hi, 0.5, 0))) * where(hi > maximum(x, lo), 1, where(hi < maximum(x, lo), 0, 0.5)); where(lo > x, 1, where(lo < x, 0, where(lo < hi, 0.5, 0))) * where(hi > maximum(x, lo), 1, where(hi < maximum(x, lo), 0, 0.5)); where(maximum(x, lo) > hi, 1, where(maximum(x, lo) < hi, 0, 0.5))  (`out` is the value)

    x, lo and hi are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def clip(x: float, lo: Value, hi: Number) -> Value: ...
@overload
def clip(x: float, lo: float, hi: Value) -> Value: ...
@overload
def clip(x: float, lo: float, hi: float) -> float: ...
@overload
def where(condition: Value, x: Number, y: Number) -> Value:
    """x where the condition is not zero, else y; the other one gets no gradient.

    Value: where(condition, x, y)
    Derivative: 0; where(condition, 1, 0); where(condition, 0, 1)  (`out` is the value)

    condition, x and y are Values or real numbers. A Value gives a Value, numbers alone give a float.
    """
    ...
@overload
def where(condition: Number | bool, x: Value, y: Number) -> Value: ...
@overload
def where(condition: Number | bool, x: float, y: Value) -> Value: ...
@overload
def where(condition: float | bool, x: float, y: float) -> float: ...
def dot(xs: Iterable[Number], ys: Iterable[Number]) -> Any:
    """The sum of products Σ xᵢ·yᵢ of two lists.

    Value: sum([x * y for x, y in zip(xs, ys)])
    Derivative: ys; xs  (`out` is the value)

    xs and ys are lists of the same length n ≥ 1, Values or real numbers. Values give one node with 2n parents, numbers alone give a float.

    Raises:
        ValueError: a list is empty, or the lists differ in length.
    """
    ...
def mean(xs: Iterable[Number]) -> Any:
    """The arithmetic mean of a list.

    Value: sum(xs) / len(xs)
    Derivative: [1 / len(xs)] * len(xs)  (`out` is the value)

    xs is a list of n ≥ 1 entries, Values or real numbers. Values give one node with n parents, numbers alone give a float.

    Raises:
        ValueError: a list is empty.
    """
    ...
def log_sum_exp(xs: Iterable[Number]) -> Any:
    """log Σ exp(xᵢ), which neither overflows nor loses the small terms.

    Value: log_sum_exp(xs)
    Derivative: shares(xs)  (`out` is the value)

    xs is a list of n ≥ 1 entries, Values or real numbers. Values give one node with n parents, numbers alone give a float.

    Raises:
        ValueError: a list is empty.
    """
    ...
def softmax(xs: Iterable[Number]) -> list[Any]:
    """exp(x) / (exp(x) + Σ exp(xₖ)), the share of x among x and the others.

    Value: shares([x, *xs])[0]
    Derivative: out * rest(shares([x, *xs])); [-out * s for s in shares([x, *xs])[1:]]  (`out` is the value)

    xs is a list of n ≥ 1 entries, Values or real numbers. Values give a list of n nodes, each with n parents, numbers alone give floats.

    Raises:
        ValueError: a list is empty.
    """
    ...
def log_softmax(xs: Iterable[Number]) -> list[Any]:
    """log of softmax, which neither underflows nor loses the digits of a share close to 1.

    Value: log_shares([x, *xs])[0]
    Derivative: rest(shares([x, *xs])); [-s for s in shares([x, *xs])[1:]]  (`out` is the value)

    xs is a list of n ≥ 1 entries, Values or real numbers. Values give a list of n nodes, each with n parents, numbers alone give floats.

    Raises:
        ValueError: a list is empty.
    """
    ...
