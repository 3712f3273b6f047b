"""What the operations mean, in mpmath: the reference of the tests, written down independently of the table.

An operation that has no entry here (one that was added to the table later) is evaluated from its own formula text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpf

from autograd import formulas, ops
from autograd.ops import TABLE, Op

mp.dps = 50


def _pow(x: Any, y: Any) -> Any:
    return mp.mpf(1) if y == 0 else mp.power(x, y)


def _normal_cdf(x: Any) -> Any:
    return mp.ncdf(x) if abs(x) < 100 else mpf(x > 0)  # at 100 it is 1e-2174 away from 0 or 1


def _log_sum_exp(*xs: Any) -> Any:
    top = max(xs)
    return top + mp.log(mp.fsum(mp.exp(x - top) for x in xs))


def _softmax(x: Any, *others: Any) -> Any:
    return 1 / mp.fsum(mp.exp(other - x) for other in (x, *others))


def _dot(*entries: Any) -> Any:
    half = len(entries) // 2
    return mp.fsum(x * y for x, y in zip(entries[:half], entries[half:]))


VALUES: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "abs": abs,
    "pow": _pow,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "relu": lambda x: max(x, mpf(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "erf": lambda x: 2 * _normal_cdf(mp.sqrt(2) * x) - 1 if abs(x) > 1 else mp.erf(x),
    "gaussian": lambda x: mp.exp(-x * x),
    "normal_pdf": mp.npdf,
    "normal_cdf": _normal_cdf,
    "gelu": lambda x: x * _normal_cdf(x),
    "maximum": max,
    "minimum": min,
    "where": lambda condition, x, y: x if condition != 0 else y,
    "less": lambda x, y: mpf(x < y),
    "less_equal": lambda x, y: mpf(x <= y),
    "identity": lambda x: x,
    "dot": _dot,
    "mean": lambda *xs: mp.fsum(xs) / len(xs),
    "log_sum_exp": _log_sum_exp,
    "softmax": _softmax,
}

IN_FORMULAS = {
    **{name: VALUES[name] for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos")},
    **{name: VALUES[name] for name in ("atan", "sinh", "cosh", "tanh", "erf", "abs", "pow")},
    "standard_normal_cdf": _normal_cdf,
    "head": lambda x: x,  # a part of x that rounding needs; in exact arithmetic any part will do
    "inf": mp.inf,
    "nan": mp.nan,
}


def from_formula(op: Op, text: str) -> Callable[..., Any]:
    """A formula of an operation as a function on mpmath numbers; other operations in it come from their entries."""
    others = {name: value for name, value in VALUES.items() if name in TABLE and not TABLE[name].takes_list}
    source = formulas.for_floats(ops.parse(op, text))
    function: Callable[..., Any] = eval(f"lambda {', '.join(op.arguments)}: {source}", {**others, **IN_FORMULAS})
    return function


def value_of(op: Op) -> Callable[..., Any]:
    """The value of an operation on mpmath numbers, one argument per parent."""
    return VALUES[op.name] if op.name in VALUES else from_formula(op, op.formula)


DIGITS = 900
"""Enough for sigmoid'(745), whose value is 1 to 324 digits, for sin(1e308), and for cos(1e-300), which is 1
to 600 digits."""


def slope(f: Callable[..., Any], point: Sequence[Any], position: int) -> Any:
    """∂f/∂(argument at position) to more than 50 digits, by a central difference at 900 digits.

    The step is 1e-120 of the argument (or of 1, if that is less), so that the truncation error, of the order of its
    square, is far below what is measured, next to poles and edges of the domain too.
    """
    with mp.workdps(DIGITS):
        x = mpf(point[position])
        step = mpf(10) ** -120 * (min(abs(x), 1) if x else 1)
        left, right = (f(*point[:position], x + sign * step, *point[position + 1 :]) for sign in (-1, 1))
        return (right - left) / (2 * step)
