"""The table of operations: every mathematical fact about an operation is stated here, once.

An entry states the value, one derivative per argument, the LaTeX form, and where the operation has a kink or an edge
of its domain, all as text in the language of `autograd.formulas`. The eager methods of `Value`, the derivative
graph of higher orders, the array kernels of the compiler, the LaTeX printer, the gradient check and the tests read
the same entry. Adding an entry adds the operation everywhere.

Derivative formulas are chosen to be as accurate as the value itself. Where a textbook writes something shorter, the
comment next to the entry gives the argument at which the textbook form loses its digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .floats import FAULTS, FLOAT_FUNCTIONS, IEEE_FUNCTIONS, inf, log_sum_exp, namespace, nan, shares
from .operation import (
    KINDS,
    TABLE,
    Op,
    UnknownOperationError,
    check,
    enter,
    float_source,
    known_functions,
    may_raise,
    parse,
    read_derivative,
)  # fmt: skip

__all__ = [
    "FAULTS", "FLOAT_FUNCTIONS", "IEEE_FUNCTIONS", "KINDS", "TABLE", "Op",
    "UnknownOperationError", "check", "enter", "float_source", "inf",
    "known_functions", "log_sum_exp", "may_raise", "namespace", "nan", "parse", "read_derivative", "shares",
]  # fmt: skip

_XY = ("x", "y")
_UP = "(y - 1 + 1.1102230246251565e-16)"
_SLOPE_OF_HYPOT = "where(out <= 0, 0, where(out < 1e-290, 1e300 * {0} / hypot(1e300 * x, 1e300 * y), {0} / out))"
_SLOPE_OF_ATAN2 = (
    "where(abs(x) + abs(y) < 1e-290,"
    " 1e300 * (1e300 * {0} / hypot(1e300 * x, 1e300 * y) / hypot(1e300 * x, 1e300 * y)),"
    " {0} / hypot(x, y) / hypot(x, y))"
)


def _steps(x: str) -> str:
    """Zero where ``x`` is a whole number, next to zero on both of its sides, and of another sign on each."""
    return f"({x} - floor({x})) * (1 - ({x} - floor({x}))) * (0.5 - mod(floor({x}), 2))"


arithmetic, elementary, activation, choice, comparison = (partial(Op, kind=kind) for kind in KINDS)


# fmt: off
def _entries() -> Iterator[Op]:
    # Arithmetic
    yield arithmetic("add", "x + y", ("1", "1"), "$x + $y", arguments=_XY, symbol="+", method="__add__",
        text="The sum.")
    yield arithmetic("sub", "x - y", ("1", "-1"), "$x - $y", arguments=_XY, symbol="−", method="__sub__",
        text="The difference.")
    yield arithmetic("mul", "x * y", ("y", "x"), r"$x \cdot $y", arguments=_XY, symbol="×", method="__mul__",
        text="The product.")
    # −x/y² would overflow in y² at y = 1e200
    yield arithmetic("div", "x / y", ("1 / y", "-out / y"), r"\frac{$x}{$y}", arguments=_XY, symbol="÷",
        method="__truediv__", domain=("abs(y)",), text="The quotient.")
    yield arithmetic("neg", "-x", ("-1",), "-$x", symbol="−", method="__neg__", text="The opposite.")
    yield elementary("abs", "abs(x)", ("where(x > 0, 1, where(x < 0, -1, 0))",), r"\left|$x\right|", method="__abs__",
        kinks=("x",), text="The absolute value; its slope at 0 is taken as 0.")
    # y·x^(y−1) loses digits to the rounding of y − 1 when y < 1/2 (170 ulp at x = 1e300, y = 0.1), and the sign of
    # (−1)^(y−1) when y > 2^53; y·out/x does not. For other y it would, where out overflows or underflows. For
    # 0 < y < 1/2 its own slope would be inf − inf at x = 1e-300; so y − 1 is taken in two parts, both negative.
    yield elementary("pow", "pow(x, y)",
        ("where((y >= 0.5) * (y <= 1e15), y * pow(x, y - 1), where(abs(y) <= 0, 0,"
         f" where((y > 0) * (y < 1), y * pow(x, {_UP}) * pow(x, y - (1 + {_UP})),"
         " where((abs(x) > 0) * (abs(x) < inf), y * (out / x), y * pow(x, y - 1)))))",
         "where(x > 0, out * log(x), where(x >= 0, where(y < 0, -inf, 0), nan))"), "{$x}^{$y}",
        textbook=("y * pow(x, y - 1)", ""), arguments=_XY, symbol="^", method="__pow__", domain=("x",),
        text="The power x**y; nan for a negative x and a y that is not an integer.")
    yield arithmetic("square", "x * x", ("2 * x",), "{$x}^2", text="The square.")
    yield arithmetic("reciprocal", "1 / x", ("-out * out",), r"\frac{1}{$x}", domain=("abs(x)",),
        text="The reciprocal 1/x.")
    # (x − out)/y would overflow where x and y are beyond 9e307 and of different signs
    yield elementary("mod", "mod(x, y)", ("1", "-round(x / y - out / y)"), r"\left($x \bmod $y\right)",
        textbook=("", "-floor(x / y)"), arguments=_XY, aliases=("__mod__",), kinks=(_steps("x / y"),),
        domain=("abs(y)",), text="What is left of x after subtracting y·⌊x/y⌋; it has the sign of y.")
    # Exponentials and logarithms
    yield elementary("exp", "exp(x)", ("out",), "e^{$x}", text="The exponential.")
    yield elementary("expm1", "expm1(x)", ("exp(x)",), r"\left(e^{$x} - 1\right)",
        text="exp(x) − 1, accurate near 0.")
    yield elementary("log", "log(x)", ("1 / x",), r"\log $x", domain=("x",), text="The natural logarithm.")
    yield elementary("log1p", "log1p(x)", ("1 / (1 + x)",), r"\log\left(1 + $x\right)", domain=("1 + x",),
        text="log(1 + x), accurate near 0.")
    yield elementary("sqrt", "sqrt(x)", ("0.5 / out",), r"\sqrt{$x}", textbook=("1 / (2 * out)",), domain=("x",),
        text="The square root.")
    yield elementary("log2", "log2(x)", ("1.4426950408889634 / x",), r"\log_2 $x", textbook=("1 / (x * log(2))",),
        domain=("x",), text="The logarithm to the base 2.")
    yield elementary("log10", "log10(x)", ("0.4342944819032518 / x",), r"\log_{10} $x",
        textbook=("1 / (x * log(10))",), domain=("x",), text="The logarithm to the base 10.")
    yield elementary("exp2", "exp2(x)", ("0.6931471805599453 * out",), "2^{$x}", textbook=("out * log(2)",),
        text="2 to the power x.")
    yield elementary("cbrt", "cbrt(x)", ("1 / (3 * out * out)",), r"\sqrt[3]{$x}", kinks=("x",),
        text="The cube root, of negative numbers too.")
    # the slopes would lose the digits that a root below the smallest normal float has not got
    yield elementary("hypot", "hypot(x, y)", (_SLOPE_OF_HYPOT.format("x"), _SLOPE_OF_HYPOT.format("y")),
        r"\sqrt{{$x}^2 + {$y}^2}", textbook=("x / out", "y / out"), arguments=_XY, kinks=("abs(x) + abs(y)",),
        text="√(x² + y²), which does not overflow before its value does; its slopes at (0, 0) are taken as 0.")
    # Steps
    yield elementary("floor", "floor(x)", ("0",), r"\left\lfloor{$x}\right\rfloor", aliases=("__floor__",),
        kinks=(_steps("x"),), text="The largest whole number that is not above x; its slope is 0.")
    yield elementary("ceil", "ceil(x)", ("0",), r"\left\lceil{$x}\right\rceil", aliases=("__ceil__",),
        kinks=(_steps("x"),), text="The smallest whole number that is not below x; its slope is 0.")
    yield elementary("round", "round(x)", ("0",), r"\operatorname{round}\left($x\right)",
        aliases=("rint", "__round__"), kinks=(_steps("(x + 0.5)"),),
        text="The nearest whole number, the even one of two; its slope is 0.")
    yield elementary("sign", "where(x > 0, 1, where(x < 0, -1, x))", ("0",), r"\operatorname{sgn}\left($x\right)",
        word="sgn", kinks=("x",), text="1, 0 or −1, as x is positive, 0 or negative; its slope is 0.")
    # Trigonometric and hyperbolic functions
    yield elementary("sin", "sin(x)", ("cos(x)",), r"\sin $x", text="The sine of x radians.")
    yield elementary("cos", "cos(x)", ("-sin(x)",), r"\cos $x", text="The cosine of x radians.")
    yield elementary("tan", "tan(x)", ("1 + out * out",), r"\tan $x", text="The tangent of x radians.")
    # 1 − x² loses digits near ±1; (1 − x)(1 + x) does not
    yield elementary("asin", "asin(x)", ("1 / sqrt((1 - x) * (1 + x))",), r"\arcsin $x",
        textbook=("1 / sqrt(1 - x * x)",), domain=("1 - x", "1 + x"), word="arcsin", aliases=("arcsin",),
        text="The inverse sine, in radians.")
    yield elementary("acos", "acos(x)", ("-1 / sqrt((1 - x) * (1 + x))",), r"\arccos $x",
        textbook=("-1 / sqrt(1 - x * x)",), domain=("1 - x", "1 + x"), word="arccos", aliases=("arccos",),
        text="The inverse cosine, in radians.")
    # 1 + x² overflows at 1.4e154, where the slope is 5.1e-309; from 1e8 upward the 1 is less than its rounding
    yield elementary("atan", "atan(x)", ("where(abs(x) < 1e8, 1 / (1 + x * x), 1 / x / x)",), r"\arctan $x",
        textbook=("1 / (1 + x * x)",), word="arctan", aliases=("arctan",), text="The inverse tangent, in radians.")
    # x² + y² would overflow at 1e200 and lose digits at 1e-160
    yield elementary("atan2", "atan2(y, x)", (_SLOPE_OF_ATAN2.format("x"), f"-({_SLOPE_OF_ATAN2.format('y')})"),
        r"\operatorname{atan2}\left($y, $x\right)", textbook=("x / (x * x + y * y)", "-y / (x * x + y * y)"),
        arguments=("y", "x"), aliases=("arctan2",), kinks=("where(x <= 0, y, 1)",),
        text="The angle of the point (x, y), in radians from −π to π.")
    yield elementary("sinh", "sinh(x)", ("cosh(x)",), r"\sinh $x", text="The hyperbolic sine.")
    yield elementary("cosh", "cosh(x)", ("sinh(x)",), r"\cosh $x", text="The hyperbolic cosine.")
    # 1 + x² and x² − 1 would overflow at 1e200
    yield elementary("asinh", "asinh(x)", ("1 / hypot(1, x)",), r"\operatorname{arsinh} $x",
        textbook=("1 / sqrt(x * x + 1)",), word="arsinh", aliases=("arcsinh",), text="The inverse hyperbolic sine.")
    yield elementary("acosh", "acosh(x)", ("1 / (sqrt(x - 1) * sqrt(x + 1))",), r"\operatorname{arcosh} $x",
        textbook=("1 / sqrt(x * x - 1)",), word="arcosh", aliases=("arccosh",), domain=("x - 1",),
        text="The inverse hyperbolic cosine.")
    yield elementary("atanh", "atanh(x)", ("1 / ((1 - x) * (1 + x))",), r"\operatorname{artanh} $x",
        textbook=("1 / (1 - x * x)",), word="artanh", aliases=("arctanh",), domain=("1 - x", "1 + x"),
        text="The inverse hyperbolic tangent.")
    # 1 − out² has no correct digit from x = 19 up, where out rounds to 1; for e = exp(−2|x|), 1 + |out| is 2 / (1 + e)
    yield activation("tanh", "tanh(x)",
        ("where(abs(x) < 0.7, 1 - out * out, exp(-2 * abs(x)) * ((1 + abs(out)) * (1 + abs(out))))",), r"\tanh $x",
        textbook=("1 - out * out",), text="The hyperbolic tangent.")
    # Activations
    # out · (1 − out) is 0 at x = 40, where the slope is 4.2e-18
    # and exp(−x) overflows at x = −710, where the value is 4.9e-309 and silu still −3.5e-306
    yield activation("sigmoid", "where(x < -40, exp(x), 1 / (1 + exp(-x)))", ("out * sigmoid(-x)",),
        r"\sigma\left($x\right)", textbook=("out * (1 - out)",), word="σ",
        text="The logistic function 1 / (1 + exp(−x)).")
    yield activation("softplus", "where(x > 0, x, 0) + log1p(exp(-abs(x)))", ("sigmoid(x)",),
        r"\log\left(1 + e^{$x}\right)", text="log(1 + exp(x)), which does not overflow.")
    yield activation("log_sigmoid", "-softplus(-x)", ("sigmoid(-x)",), r"\log \sigma\left($x\right)", word="log σ",
        text="log(sigmoid(x)), which does not underflow.")
    yield activation("silu", "x * sigmoid(x)", ("sigmoid(x) * (1 + x * sigmoid(-x))",),
        r"\operatorname{silu}\left($x\right)", text="x · sigmoid(x), also called swish.")
    # not x > 0: a nan must come out as nan
    yield activation("relu", "where(x <= 0, 0, x)", ("where(x <= 0, 0, 1)",), r"\operatorname{relu}\left($x\right)",
        kinks=("x",), text="max(0, x); its slope at 0 is taken as 0.")
    yield activation("leaky_relu", "where(x > 0, x, slope * x)", ("where(x > 0, 1, slope)", "where(x > 0, 0, x)"),
        r"\operatorname{lrelu}_{$slope}\left($x\right)", arguments=("x", "slope"), defaults={"slope": 0.01},
        kinks=("x",), text="x for positive x, else slope · x; its slope at 0 is `slope`.")
    yield activation("elu", "where(x > 0, x, alpha * expm1(x))",
        ("where(x > 0, 1, alpha * exp(x))", "where(x > 0, 0, expm1(x))"),
        r"\operatorname{elu}_{$alpha}\left($x\right)", arguments=("x", "alpha"), defaults={"alpha": 1.0},
        kinks=("x",), text="x for positive x, else alpha · (exp(x) − 1); its slope at 0 is alpha.")
    # The bell curves, with x² split: rounding x² costs x²·ε (450 ulp of exp(−x²/2) at x = 30). Beyond 40 both are 0.
    yield elementary("gaussian",
        "where(abs(x) > 40, 0, exp(-head(x) * head(x)) * exp((head(x) - x) * (head(x) + x)))",
        ("where(abs(x) > 40, 0, -2 * x * out)",), "e^{-{$x}^2}", text="exp(−x²).")
    yield elementary("normal_pdf",
        "where(abs(x) > 40, 0, 0.3989422804014327 * exp(-0.5 * head(x) * head(x))"
         " * exp(0.5 * (head(x) - x) * (head(x) + x)))", ("where(abs(x) > 40, 0, -x * out)",),
        r"\varphi\left($x\right)", text="exp(−x²/2)/√(2π), the density of the standard normal law.")
    yield elementary("erf", "erf(x)", ("1.1283791670955126 * gaussian(x)",), r"\operatorname{erf}\left($x\right)",
        text="The error function.")
    yield elementary("normal_cdf", "standard_normal_cdf(x)", ("normal_pdf(x)",), r"\Phi\left($x\right)", word="Φ",
        text="Φ(x), the distribution function of the standard normal law.")
    yield activation("gelu", "x * normal_cdf(x)", ("normal_cdf(x) + x * normal_pdf(x)",),
        r"\operatorname{gelu}\left($x\right)", text="x · Φ(x), exact (Hendrycks and Gimpel 2016).")
    # Choices. A nan on either side gets through in the sum.
    half = "where({0} > {1}, 1, where({0} < {1}, 0, 0.5))"
    yield choice("maximum", "where(x >= y, x, where(x < y, y, x + y))",
        (half.format("x", "y"), half.format("y", "x")), r"\max\left($x, $y\right)", arguments=_XY, kinks=("x - y",),
        word="max", text="The larger of two; a tie gives one half of the slope to each.")
    yield choice("minimum", "where(x <= y, x, where(x > y, y, x + y))",
        (half.format("y", "x"), half.format("x", "y")), r"\min\left($x, $y\right)", arguments=_XY, kinks=("x - y",),
        word="min", text="The smaller of two; a tie gives one half of the slope to each.")
    # where all three are equal, x and lo move nothing: hi holds them down
    raised, below = half.replace("0.5", "where(lo < hi, 0.5, 0)"), half.format("hi", "maximum(x, lo)")
    yield choice("clip", "minimum(maximum(x, lo), hi)",
        (f"{raised.format('x', 'lo')} * {below}", f"{raised.format('lo', 'x')} * {below}",
         half.format("maximum(x, lo)", "hi")), r"\operatorname{clip}\left($x, $lo, $hi\right)",
        arguments=("x", "lo", "hi"), kinks=("where(lo < hi, x - lo, 1)", "maximum(x, lo) - hi"),
        text="x, but not below lo and not above hi; at either edge one half of the slope to each.")
    yield choice("where", "where(condition, x, y)", ("0", "where(condition, 1, 0)", "where(condition, 0, 1)"),
        r"\left($x \text{ if } $condition \text{ else } $y\right)", arguments=("condition", "x", "y"),
        kinks=("condition",), text="x where the condition is not zero, else y; the other one gets no gradient.")
    yield comparison("less", "where(x < y, 1, 0)", ("0", "0"), r"\left[$x < $y\right]", arguments=_XY, symbol="<",
        method="", kinks=("x - y",), text="1 where x < y, else 0.")
    yield comparison("less_equal", "where(x <= y, 1, 0)", ("0", "0"), r"\left[$x \le $y\right]", arguments=_XY,
        symbol="≤", method="", kinks=("x - y",), text="1 where x <= y, else 0.")
    # x · y is not above inf where it is a nan. What it is worth: see `autograd.backward`
    vanishing = "where(x * y <= inf, {0}, where(abs(x) <= 0, 0, where(abs(y) <= 0, 0, {0})))"
    yield arithmetic("chain", vanishing.format("x * y"), (vanishing.format("y"), vanishing.format("x")),
        r"$x \cdot $y", textbook=("y", "x"), arguments=_XY, symbol="×", method="",
        text="The product of an adjoint and a slope in a traced derivative: 0 where x · y is 0 · inf or 0 · nan.")
    yield arithmetic("identity", "x", ("1",), "$x", method="", text="The same number as a node of its own.")
    # Over lists
    yield arithmetic("dot", "sum([x * y for x, y in zip(xs, ys)])", ("ys", "xs"),
        r"\left\langle $xs, $ys \right\rangle", arguments=("*xs", "*ys"),
        text="The sum of products Σ xᵢ·yᵢ of two lists.")
    yield arithmetic("mean", "sum(xs) / len(xs)", ("[1 / len(xs)] * len(xs)",),
        r"\operatorname{mean}\left($xs\right)", arguments=("*xs",), text="The arithmetic mean of a list.")
    # exp(xᵢ − out) would give 1 instead of 1/n for n equal huge entries
    yield elementary("log_sum_exp", "log_sum_exp(xs)", ("shares(xs)",), r"\log \sum \exp\left($xs\right)",
        arguments=("*xs",), word="log Σ exp",
        text="log Σ exp(xᵢ), which neither overflows nor loses the small terms.")
    # 1 − out has no digit left where out rounds to 1; the sum of the other shares does
    yield activation("softmax", "shares([x, *xs])[0]",
        ("out * rest(shares([x, *xs]))", "[-out * s for s in shares([x, *xs])[1:]]"),
        r"\operatorname{softmax}\left($x; $xs\right)", arguments=("x", "*xs"),
        text="exp(x) / (exp(x) + Σ exp(xₖ)), the share of x among x and the others.")
    yield activation("log_softmax", "log_shares([x, *xs])[0]",
        ("rest(shares([x, *xs]))", "[-s for s in shares([x, *xs])[1:]]"),
        r"\log \operatorname{softmax}\left($x; $xs\right)", arguments=("x", "*xs"),
        text="log of softmax, which neither underflows nor loses the digits of a share close to 1.")


# fmt: on

for _op in _entries():
    enter(_op)
