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
    return mp.ncdf(x) if abs(x) < 50 else mpf(x > 0)  # at 50 it is 1e-545 away from 0 or 1


def _log_sum_exp(*xs: Any) -> Any:
    *others, top = sorted(xs)
    return top + mp.log1p(mp.fsum(mp.exp(x - top) for x in others))


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


DIGITS = 1050
"""Enough for sigmoid'(745), whose value is 1 to 324 digits, for cos(1e-300), which is 1 to 600 digits, and for 1e-320
among the terms of a sum of size 1e308."""


def step(point: Sequence[Any], position: int) -> Any:
    """1e-60 of the argument; of the largest one if it is 0; at most 1e-60."""
    return mpf(10) ** -60 * min(1, abs(point[position]) or max(map(abs, point)) or 1)


def slope(f: Callable[..., Any], point: Sequence[Any], position: int) -> Any:
    """∂f/∂(argument at position) to more than 50 digits, by a central difference at 1050 digits.

    The truncation error is of the order of the square of the step, 120 digits below what is measured; next to poles
    and to the edges of a domain, which floats approach to 1e-16, it still is 88 digits below.
    """
    with mp.workdps(DIGITS):
        x, h = mpf(point[position]), step(point, position)
        left, right = (f(*point[:position], moved, *point[position + 1 :]) for moved in (x - h, x + h))
        return (right - left) / (2 * h)
