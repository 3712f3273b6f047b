"""SymPy both ways: what the operations of the table are called there, and an expression of SymPy's as a function here.

The direction to SymPy is what `Formula.sympy` reads: `to_sympy`. Exact forms are used where the table keeps digits:
``sigmoid`` is 1/(1 + exp(−x)) there, since SymPy does not round.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import formulas, ops
from .elementary import FUNCTIONS
from .packages import needed
from .value import Value


def _vocabulary(sp: Any) -> dict[str, Callable[..., Any]]:
    """The operations of the table whose exact form is not their formula there."""
    half, root2 = sp.Rational(1, 2), sp.sqrt(2)

    def pieces(condition: Any, chosen: Any, otherwise: Any) -> Any:
        return sp.Piecewise((chosen, condition), (otherwise, True))

    def normal_cdf(x: Any) -> Any:
        return half * (1 + sp.erf(x / root2))

    return {
        "abs": sp.Abs, "pow": lambda x, y: x**y, "square": lambda x: x**2, "mod": sp.Mod,
        "exp": sp.exp, "expm1": lambda x: sp.exp(x) - 1, "log": sp.log, "log1p": lambda x: sp.log(1 + x),
        "sqrt": sp.sqrt, "log2": lambda x: sp.log(x) / sp.log(2), "log10": lambda x: sp.log(x) / sp.log(10),
        "exp2": lambda x: sp.Integer(2) ** x, "cbrt": lambda x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3),
        "hypot": lambda x, y: sp.sqrt(x**2 + y**2), "floor": sp.floor, "ceil": sp.ceiling, "sign": sp.sign,
        "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "asin": sp.asin, "acos": sp.acos, "atan": sp.atan,
        "atan2": sp.atan2, "sinh": sp.sinh, "cosh": sp.cosh, "asinh": sp.asinh, "acosh": sp.acosh, "atanh": sp.atanh,
        "tanh": sp.tanh, "sigmoid": lambda x: 1 / (1 + sp.exp(-x)), "softplus": lambda x: sp.log(1 + sp.exp(x)),
        "log_sigmoid": lambda x: -sp.log(1 + sp.exp(-x)), "silu": lambda x: x / (1 + sp.exp(-x)),
        "relu": lambda x: sp.Max(0, x), "leaky_relu": lambda x, slope: pieces(x > 0, x, slope * x),
        "elu": lambda x, alpha: pieces(x > 0, x, alpha * (sp.exp(x) - 1)), "gaussian": lambda x: sp.exp(-(x**2)),
        "normal_pdf": lambda x: sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi), "erf": sp.erf, "normal_cdf": normal_cdf,
        "gelu": lambda x: x * normal_cdf(x), "maximum": sp.Max, "minimum": sp.Min,
        "clip": lambda x, lo, hi: sp.Min(sp.Max(x, lo), hi),
        "where": lambda condition, x, y: pieces(sp.Ne(condition, 0), x, y),
        "less": lambda x, y: pieces(x < y, 1, 0), "less_equal": lambda x, y: pieces(x <= y, 1, 0),
        "chain": operator.mul,
    }  # fmt: skip


def to_sympy(name: str, operands: Sequence[Any]) -> Any:
    """An operation of the table on expressions of SymPy's.

    Args:
        name: the operation; one that a user registered is read from its formula.
        operands: its operands, as they stand.

    Raises:
        ValueError: SymPy has no such function.
        ImportError: SymPy is not installed.
    """
    sp = needed("sympy", "sympy()")
    known = _vocabulary(sp)
    if name in known:
        return known[name](*operands)
    op = ops.TABLE[name]
    try:
        tree = ops.parse(op, op.formula)
        return formulas.interpret(tree, known, dict(zip(op.arguments, operands)), functools.partial(number, sp=sp))
    except (KeyError, SyntaxError, formulas.FormulaError):
        raise ValueError(f"SymPy has no function that rounds or computes as the operation {name!r} does") from None


def number(x: float, sp: Any) -> Any:
    """A number of SymPy's: whole numbers as integers, others with their 53 bits."""
    if math.isfinite(x):
        return sp.Integer(int(x)) if x == int(x) and abs(x) < 2**53 else sp.Float(x)
    return sp.nan if x != x else sp.oo if x > 0 else -sp.oo


def from_sympy(expression: Any, symbols: Any) -> Callable[..., Any]:
    """An expression of SymPy's as a function of Values, with every derivative.

    Args:
        expression: the expression, or a list or Matrix of them.
        symbols: its symbols, in the order in which the function takes their numbers.

    Returns:
        A function of numbers or Values that gives a Value, or a list of them. `autograd.compile` takes it too.

    Raises:
        ValueError: a symbol is not among ``symbols``, or a part of the expression has no counterpart here.
        TypeError: this is no expression.
        ImportError: SymPy is not installed.

    Example:
        >>> sympy = __import__("pytest").importorskip("sympy")
        >>> x, y = sympy.symbols("x y")
        >>> f = from_sympy(sympy.sin(x) * y**2, [x, y])
        >>> f(0.0, 3.0).data
        0.0
    """
    sp = needed("sympy", "from_sympy")
    order = [symbols] if isinstance(symbols, sp.Symbol) else list(symbols)
    several = not isinstance(expression, sp.Basic) or isinstance(expression, sp.MatrixBase)
    roots = list(_entries(expression, sp)) if several else [expression]
    unknown = sorted(set().union(*(root.free_symbols for root in roots)) - {*order}, key=str)
    if unknown:
        raise ValueError(f"the symbols {', '.join(map(str, unknown))} of the expression are not among those given")
    steps: dict[Any, tuple[Callable[..., Any], tuple[Any, ...]]] = {}  # parts before what they are parts of
    for root in roots:
        for part in sp.postorder_traversal(root):
            if part not in steps and part not in order and not isinstance(part, sp.Tuple):
                steps[part] = _meaning(part, sp)

    def function(*values: Any) -> Any:
        if len(values) != len(order):
            raise TypeError(f"the function takes {len(order)} numbers, {', '.join(map(str, order))}; got {len(values)}")
        known: dict[Any, Any] = dict(zip(order, values))
        for part, (compute, operands) in steps.items():
            known[part] = compute(*[known[operand] for operand in operands])
        found = [out if isinstance(out, Value) else Value(out) for out in (known[root] for root in roots)]
        return found if several else found[0]

    return function


def _entries(expressions: Any, sp: Any) -> Iterable[Any]:
    try:
        entries = [sp.sympify(each) for each in expressions]
    except (TypeError, sp.SympifyError):
        raise TypeError(f"from_sympy takes an expression of SymPy's, not {type(expressions).__name__}") from None
    return entries


def _meaning(part: Any, sp: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """How a part is computed from its operands."""
    if part.is_Number or part.is_NumberSymbol:
        if part.is_comparable or part in (sp.oo, -sp.oo, sp.nan):
            x = float(part)
            return lambda: x, ()
    elif part in (sp.true, sp.false):
        x = float(bool(part))
        return lambda: x, ()
    elif isinstance(part, sp.Pow):
        base, exponent = part.args
        if exponent == -1:
            return lambda x: 1.0 / x, (base,)
        if abs(exponent) == sp.Rational(1, 2):
            root = FUNCTIONS["sqrt"]
            return (root if exponent > 0 else lambda x: 1.0 / root(x)), (base,)
        return (FUNCTIONS["exp"], (exponent,)) if base == sp.E else (lambda x, y: _value(x) ** y, part.args)
    elif isinstance(part, sp.Piecewise):
        return _piecewise, tuple(each for pair in part.args for each in pair.args)
    else:
        kind = _known(sp).get(part.func)
        if kind is not None:
            return kind, part.args
    advice = "; .doit() first" if isinstance(part, (sp.Derivative, sp.Integral, sp.Sum)) else ""
    raise ValueError(f"{part} cannot come in: there is no operation here for SymPy's {part.func.__name__}{advice}")


def _value(x: Any) -> Any:
    return x if isinstance(x, Value) else Value(x)


def _piecewise(*pairs: Any) -> Any:
    """The first of (value, condition) whose condition holds; nan if there is none."""
    out: Any = math.nan
    for value, condition in zip(pairs[-2::-2], pairs[-1::-2]):
        if isinstance(condition, Value):
            out = FUNCTIONS["where"](condition, value, out)
        elif condition:
            out = value
    return out


def _holds(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def holds(x: Any, y: Any) -> Any:
        found = compare(x, y)
        return found if isinstance(found, Value) else float(found)

    return holds


_SAME = (
    "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "atan2", "erf", "floor", "sign",
)  # fmt: skip
"""Functions that are called alike."""


def _known(sp: Any) -> dict[Any, Callable[..., Any]]:
    """What SymPy's functions are here. Conditions are numbers, 1 or 0."""
    less, less_equal = _holds(operator.lt), _holds(operator.le)
    unequal = _holds(lambda x, y: 1.0 - (1.0 - (x < y)) * (1.0 - (x > y)))

    def total(*terms: Any) -> Any:
        return functools.reduce(operator.add, terms)

    def product(*factors: Any) -> Any:
        if isinstance(factors[0], float) and factors[0] == -1.0:
            return -functools.reduce(operator.mul, factors[1:])
        return functools.reduce(operator.mul, factors)

    same = {getattr(sp, name): FUNCTIONS[name] for name in _SAME}
    return {
        **same, sp.ceiling: FUNCTIONS["ceil"], sp.Add: total, sp.Mul: product, sp.Abs: lambda x: abs(_value(x)),
        sp.Mod: lambda x, y: _value(x) % y, sp.erfc: lambda x: 1.0 - FUNCTIONS["erf"](x),
        sp.sec: lambda x: 1.0 / FUNCTIONS["cos"](x), sp.csc: lambda x: 1.0 / FUNCTIONS["sin"](x),
        sp.cot: lambda x: 1.0 / FUNCTIONS["tan"](x),
        sp.Max: lambda *xs: functools.reduce(FUNCTIONS["maximum"], xs),
        sp.Min: lambda *xs: functools.reduce(FUNCTIONS["minimum"], xs),
        sp.StrictLessThan: less, sp.LessThan: less_equal, sp.StrictGreaterThan: lambda x, y: less(y, x),
        sp.GreaterThan: lambda x, y: less_equal(y, x), sp.Ne: unequal, sp.Eq: lambda x, y: 1.0 - unequal(x, y),
        sp.And: product, sp.Or: lambda *cs: 1.0 - product(*(1.0 - c for c in cs)), sp.Not: lambda c: 1.0 - c,
    }  # fmt: skip
