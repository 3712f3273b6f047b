"""What the operations mean, in exact mathematics: their values at as many digits as are asked for.

Written down independently of the formulas in the table of operations, and without their care for rounding: at 50
digits ``1 / (1 + exp(-x))`` is all that a sigmoid needs. The tests, the fuzzer and `certify` compare the table with
this. An operation without an entry (one that a user registered) is evaluated from its own formula.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from .. import formulas, ops
from ..ops import TABLE, Op

Meaning = Callable[..., Any]


def load_mpmath() -> Any:
    """The package mpmath.

    Raises:
        ImportError: it is not installed; the message says how to get it.
    """
    try:
        import mpmath
    except ImportError:
        raise ImportError("exact arithmetic needs the package mpmath: pip install mpmath") from None
    return mpmath


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.known: dict[int, Any] = {}


_contexts = _Contexts()


def context(digits: int) -> Any:
    """This thread's mpmath context of this many decimal digits.

    It is kept: a context consists of a thousand objects in cycles, which `gc.disable()` would never give back.
    """
    known = _contexts.known
    if digits not in known:
        known[digits] = load_mpmath().MPContext()
        known[digits].dps = digits
    return known[digits]


def meanings(mp: Any) -> dict[str, Meaning]:
    """The operations by name as functions of numbers of an mpmath context, one argument per parent.

    Args:
        mp: a context (`mpmath.mp`, or one's own `mpmath.MPContext`), whose precision holds.
    """
    number = mp.mpf

    def power(x: Any, y: Any) -> Any:
        return number(1) if y == 0 else mp.power(x, y)

    def mod(x: Any, y: Any) -> Any:
        if y == 0:  # mpmath gives back a small x without looking at what it divides by
            raise ZeroDivisionError("modulo by zero")
        return x % y

    def normal_cdf(x: Any) -> Any:
        return mp.ncdf(x) if abs(x) < 100 else number(x > 0)  # at 100 it is 1e-2174 away from 0 or 1

    def log_sum_exp(*xs: Any) -> Any:
        *others, top = sorted(xs)
        return top + mp.log1p(mp.fsum(mp.exp(x - top) for x in others))

    def softmax(x: Any, *others: Any) -> Any:
        return 1 / mp.fsum(mp.exp(other - x) for other in (x, *others))

    def dot(*entries: Any) -> Any:
        half = len(entries) // 2
        return mp.fsum(x * y for x, y in zip(entries[:half], entries[half:]))

    return {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "neg": lambda x: -x,
        "abs": abs,
        "square": lambda x: x * x,
        "reciprocal": lambda x: 1 / x,
        "mod": mod,
        "pow": power,
        "exp": mp.exp,
        "expm1": mp.expm1,
        "log": mp.log,
        "log1p": mp.log1p,
        "sqrt": mp.sqrt,
        "log2": lambda x: mp.log(x) / mp.log(2),
        "log10": mp.log10,
        "exp2": lambda x: mp.power(2, x),
        "cbrt": lambda x: mp.cbrt(x) if x > 0 else -mp.cbrt(-x),
        "hypot": mp.hypot,
        "floor": mp.floor,
        "ceil": mp.ceil,
        "round": mp.nint,
        "sign": mp.sign,
        "sin": mp.sin,
        "cos": mp.cos,
        "tan": mp.tan,
        "asin": mp.asin,
        "acos": mp.acos,
        "atan": mp.atan,
        "atan2": mp.atan2,
        "sinh": mp.sinh,
        "cosh": mp.cosh,
        "tanh": mp.tanh,
        "asinh": mp.asinh,
        "acosh": mp.acosh,
        "atanh": mp.atanh,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: mp.log1p(mp.exp(x)),
        "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
        "silu": lambda x: x / (1 + mp.exp(-x)),
        "relu": lambda x: max(x, number(0)),
        "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
        "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
        "erf": lambda x: 2 * normal_cdf(mp.sqrt(2) * x) - 1 if abs(x) > 1 else mp.erf(x),
        "gaussian": lambda x: mp.exp(-x * x),
        "normal_pdf": mp.npdf,
        "normal_cdf": normal_cdf,
        "gelu": lambda x: x * normal_cdf(x),
        "maximum": max,
        "minimum": min,
        "clip": lambda x, lo, hi: min(max(x, lo), hi),
        "where": lambda condition, x, y: x if condition != 0 else y,
        "less": lambda x, y: number(x < y),
        "less_equal": lambda x, y: number(x <= y),
        "chain": lambda x, y: x * y if x and y else number(0),
        "identity": lambda x: x,
        "dot": dot,
        "mean": lambda *xs: mp.fsum(xs) / len(xs),
        "log_sum_exp": log_sum_exp,
        "softmax": softmax,
        "log_softmax": lambda x, *others: -mp.log1p(mp.fsum(mp.exp(other - x) for other in others)),
    }


def slope_meanings(mp: Any, values: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Derivatives that the table states for floats only: a function of (out, arguments) that gives one per parent.

    All others follow from the formulas in the table, which are exact when they are evaluated on exact numbers.
    """

    def log_sum_exp(out: Any, *xs: Any) -> list[Any]:
        return [mp.exp(x - out) for x in xs]

    def softmax(out: Any, x: Any, *others: Any) -> list[Any]:
        shares = [out * mp.exp(other - x) for other in others]
        return [out * mp.fsum(shares), *(-out * share for share in shares)]

    def log_softmax(out: Any, x: Any, *others: Any) -> list[Any]:
        shares = [mp.exp(other - x + out) for other in others]
        return [mp.fsum(shares), *(-share for share in shares)]

    return {
        "log2": lambda out, x: [1 / (x * mp.log(2))],
        "log10": lambda out, x: [1 / (x * mp.log(10))],
        "exp2": lambda out, x: [out * mp.log(2)],
        "gaussian": lambda out, x: [-2 * x * out],
        "normal_pdf": lambda out, x: [-x * out],
        "erf": lambda out, x: [2 / mp.sqrt(mp.pi) * values["gaussian"](x)],
        "dot": lambda out, *xs: [*xs[len(xs) // 2 :], *xs[: len(xs) // 2]],
        "mean": lambda out, *xs: [mp.mpf(1) / len(xs)] * len(xs),
        "log_sum_exp": log_sum_exp,
        "softmax": softmax,
        "log_softmax": log_softmax,
    }


def compiled(tree: ast.expr, arguments: str, functions: Mapping[str, Any], number: Callable[[float], Any]) -> Meaning:
    """A parsed formula as a function on numbers of any kind.

    A literal becomes ``number(literal)``, the float that it is, and of ``where`` one side is evaluated.
    """
    code = _code(f"lambda {arguments}: {formulas.for_floats(tree)}")
    function: Meaning = eval(code, {"number": number, **functions})
    return function


class _Literals(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Call(ast.Name("number", ast.Load()), [node], [])


@lru_cache(maxsize=1024)
def _code(source: str) -> CodeType:
    exact = _Literals().visit(ast.parse(source, mode="eval"))
    return compile(ast.fix_missing_locations(exact), "<formula>", "eval")


class Arithmetic:
    """A kind of numbers, with the operations and their derivatives on them.

    Attributes:
        number: makes a number of a float, exactly.
    """

    def __init__(
        self,
        number: Callable[[float], Any],
        values: Mapping[str, Meaning],
        slopes: Mapping[str, Meaning],
    ) -> None:
        self.number = number
        self._values, self._slopes = dict(values), dict(slopes)
        self._functions = {
            **{name: f for name, f in values.items() if name not in TABLE or not TABLE[name].takes_list},
            "standard_normal_cdf": values["normal_cdf"],
            "head": lambda x: x,  # a part of x that rounding needs; in exact arithmetic any part will do
            "inf": number(ops.inf),
            "nan": number(ops.nan),
        }

    def value(self, op: Op) -> Meaning:
        """The value of an operation, a function of its arguments, one per parent."""
        if op.name not in self._values:
            self._values[op.name] = self.formula(op, op.formula)
        return self._values[op.name]

    def slopes(self, op: Op) -> Meaning:
        """The derivatives of an operation, a function of its value and its arguments that gives one per parent."""
        if op.name not in self._slopes:
            rules = [self.formula(op, text, ("out", *op.arguments)) for text in op.derivatives]
            self._slopes[op.name] = lambda *known: [rule(*known) for rule in rules]
        return self._slopes[op.name]

    def formula(self, op: Op, text: str, arguments: tuple[str, ...] = ()) -> Meaning:
        """A formula of an operation; other operations in it have their own meanings."""
        tree = formulas.parse(text, ops.known_functions())
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for name in called & TABLE.keys() - self._functions.keys():  # registered since
            self._functions[name] = self.value(TABLE[name])
        return compiled(tree, ", ".join(arguments or op.arguments), self._functions, self.number)


def exact(digits: int) -> Arithmetic:
    """Arithmetic with the given number of decimal digits."""
    mp = context(digits)
    values = meanings(mp)
    return Arithmetic(mp.mpf, values, slope_meanings(mp, values))
