"""The table of operations: every mathematical fact about an operation stands here, once.

An entry states the value, one derivative per argument, the LaTeX form, and where the operation has a kink or an edge
of its domain, all as text in the language of `autograd.formulas`. The eager methods of `Value`, the derivative
graph of higher orders, the array kernels of the compiler, the LaTeX printer, the gradient check and the tests read
the same entry. Adding an entry adds the operation everywhere.

Derivative formulas are chosen to be as accurate as the value itself. Where a textbook writes something shorter, the
comment beside the entry gives the argument at which the textbook form loses its digits.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from . import formulas

KINDS = ("arithmetic", "elementary", "activation", "choice", "comparison")
"""What an operation can be: sums, products and quotients of its arguments; a function of a pocket calculator or of
statistics; a function that neurons apply; one of its arguments, chosen by size; 1 or 0."""

Slopes = tuple[float, ...]
Evaluate = Callable[..., tuple[float, Slopes]]

inf, nan = math.inf, math.nan


class Op:
    """One operation: its value, its derivatives and how it is written.

    Attributes:
        name: what `Value.op` shows, and the name of the method and function (``"tanh"``).
        formula: the value in terms of the arguments.
        derivatives: one formula per argument, in terms of the arguments and ``out``, the value.
        textbook: the same as books write them, where `derivatives` has a longer form that keeps more digits, else
            ``""``. Only for reading: no number is computed from it.
        arguments: names of the arguments in order. A name that starts with ``*`` stands for a list of Values;
            its derivative formula gives a list of the same length.
        defaults: values of trailing arguments that may be left out.
        kind: what the operation is: one of `KINDS`. Whether it takes a list is `takes_list`.
        latex: how the operation is printed, with ``$x`` for an argument (``r"\\tanh $x"``).
        word: what readers call it where programs say otherwise (``"arcsin"`` for asin); by default its name.
        symbol: the infix or prefix sign, if it has one (``"+"``).
        method: the name of the method on `Value` (``"__add__"``; by default its own name; ``""`` for none).
        kinks: expressions of the arguments that are zero where the derivative jumps.
        domain: expressions of the arguments that are negative outside the domain and zero on its edge.
        text: one sentence for the docstring.
    """

    __slots__ = (
        "name", "formula", "derivatives", "textbook", "arguments", "defaults", "kind", "latex", "word", "symbol",
        "method", "kinks", "domain", "text", "_evaluate", "_parsed",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        formula: str,
        derivatives: Sequence[str],
        latex: str,
        *,
        textbook: Sequence[str] = (),
        arguments: Sequence[str] = ("x",),
        defaults: Mapping[str, float] | None = None,
        kind: str = "elementary",
        word: str = "",
        symbol: str = "",
        method: str | None = None,
        kinks: Sequence[str] = (),
        domain: Sequence[str] = (),
        text: str = "",
    ) -> None:
        self.name = name
        self.formula = formula
        self.derivatives = tuple(derivatives)
        self.textbook = tuple(textbook) or ("",) * len(self.derivatives)
        self.arguments = tuple(arguments)
        self.defaults = dict(defaults or {})
        self.kind = kind
        self.latex = latex
        self.word = word or name
        self.symbol = symbol
        self.method = name if method is None else method
        self.kinks = tuple(kinks)
        self.domain = tuple(domain)
        self.text = text
        self._evaluate: Evaluate | None = None
        self._parsed: tuple[ast.expr, list[ast.expr]] | None = None

    def evaluate(self, *parents: float) -> tuple[float, Slopes]:
        """The value and the local derivatives, one per parent, on floats. Never raises for a float."""
        if self._evaluate is None:
            self._evaluate = _evaluator(self)
        return self._evaluate(*parents)

    @property
    def takes_list(self) -> bool:
        """Whether an argument is a list of Values (dot, mean, log_sum_exp, softmax)."""
        return any(name.startswith("*") for name in self.arguments)

    def bind(self, parents: Sequence[object]) -> tuple[object, ...]:
        """The arguments of the formula from a flat sequence of parents: ``(x, *xs)`` becomes ``x, [xs…]``."""
        lists = sum(name.startswith("*") for name in self.arguments)
        if not lists:
            return tuple(parents)
        length = (len(parents) - len(self.arguments) + lists) // lists
        bound: list[object] = []
        position = 0
        for name in self.arguments:
            if name.startswith("*"):
                bound.append(list(parents[position : position + length]))
                position += length
            else:
                bound.append(parents[position])
                position += 1
        return tuple(bound)

    def __repr__(self) -> str:
        return f"Op({self.name}: {self.formula}; d = {', '.join(self.derivatives)})"


# ---- floats with IEEE 754 results -------------------------------------------------------------------------------


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
    if any(x != x for x in xs):
        return [nan] * len(xs)
    if largest in (inf, -inf):
        weights = [1.0 if x == largest else 0.0 for x in xs]
    else:
        weights = [exp_difference(x, largest) for x in xs]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def log_sum_exp(xs: Sequence[float]) -> float:
    """log Σ exp(xᵢ), shifted by the largest; log1p keeps what the smaller entries add (``[0, -40]``)."""
    if any(x != x for x in xs):
        return nan
    top = max(range(len(xs)), key=xs.__getitem__)
    largest = xs[top]
    if largest in (inf, -inf):
        return largest
    return largest + math.log1p(math.fsum(exp_difference(x, largest) for i, x in enumerate(xs) if i != top))


def _pole(x: float) -> float:
    return -inf if x in (0.0, -1.0) else nan  # log at 0, log1p at −1; elsewhere outside the domain


FLOAT_FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf, "pow": math.pow, "abs": abs,
    "head": head, "standard_normal_cdf": standard_normal_cdf,
}  # fmt: skip
"""What a formula may call, for floats; some raise where IEEE 754 has a value."""

IEEE_FUNCTIONS: dict[str, Callable[..., float]] = FLOAT_FUNCTIONS | {
    "exp": _ieee(math.exp, lambda x: inf),
    "expm1": _ieee(math.expm1, lambda x: inf),
    "cosh": _ieee(math.cosh, lambda x: inf),
    "sinh": _ieee(math.sinh, lambda x: math.copysign(inf, x)),
    "log": _ieee(math.log, lambda x: _pole(x) if x == 0 else nan),
    "log1p": _ieee(math.log1p, lambda x: _pole(x) if x == -1 else nan),
    **{name: _ieee(FLOAT_FUNCTIONS[name], lambda x: nan) for name in ("sqrt", "sin", "cos", "tan", "asin", "acos")},
    "pow": _power,
    "divide": _divide,
}
"""The same functions, none of which raises."""

_CONSTANTS = {"inf": inf, "nan": nan}
_LIST_FUNCTIONS = {"shares": shares, "log_sum_exp": log_sum_exp}
FAULTS = (ArithmeticError, ValueError)
"""What fast float arithmetic raises where IEEE 754 has a value."""


# ---- reading an entry for floats --------------------------------------------------------------------------------


TABLE: dict[str, Op] = {}
"""The operations by name."""


def known_functions(derivative: bool = False) -> set[str]:
    """The functions that a formula may call; a derivative keeps to operations, which work on Values too."""
    operations = {name for name, op in TABLE.items() if not op.takes_list and op.method == name}
    operations |= {"abs", "pow", "where"}
    return operations if derivative else operations | set(FLOAT_FUNCTIONS)


def parse(op: Op, text: str, derivative: bool = False) -> ast.expr:
    """A formula of an operation as a checked syntax tree.

    Raises:
        FormulaError: the formula uses something else than the arguments, ``out`` (derivatives only), ``inf``,
            ``nan`` and known functions.
    """
    names = {*op.arguments, *_CONSTANTS, *(["out"] if derivative else [])}
    return formulas.parse(text, known_functions(derivative), names)


def read_derivative(op: Op, position: int) -> ast.expr:
    """The derivative by one argument as a reader should see it: the form of the books where there is one."""
    return parse(op, op.textbook[position] or op.derivatives[position], derivative=True)


def _trees(op: Op) -> tuple[ast.expr, list[ast.expr]]:
    if op._parsed is None:
        op._parsed = parse(op, op.formula), [parse(op, text, derivative=True) for text in op.derivatives]
    return op._parsed


def float_source(op: Op, ieee: bool = False) -> tuple[str, list[str]]:
    """Python source of the value and of each derivative on floats, in terms of the arguments and ``out``."""
    if op.takes_list:
        return op.formula, list(op.derivatives)
    value, derivatives = _trees(op)
    return formulas.for_floats(value, ieee), [formulas.for_floats(tree, ieee) for tree in derivatives]


def may_raise(op: Op) -> bool:
    """Whether the fast float form of the value or of a derivative of an operation on numbers can raise."""
    value, derivatives = _trees(op)
    return any(map(formulas.may_raise, [value, *derivatives]))


def namespace(ieee: bool = False) -> dict[str, object]:
    """What the float form of a formula refers to."""
    return {**(IEEE_FUNCTIONS if ieee else FLOAT_FUNCTIONS), **_CONSTANTS, **_LIST_FUNCTIONS}


def slopes_source(op: Op, derivatives: Sequence[str]) -> str:
    """Python source of the tuple of local derivatives, one per parent."""
    return tuple_source([f"*{d}" if name.startswith("*") else d for name, d in zip(op.arguments, derivatives)])


def tuple_source(entries: Sequence[str]) -> str:
    """Python source of a tuple, one entry a line where it is long."""
    if sum(map(len, entries)) > 90:
        return "(\n" + "".join(f"            {entry},\n" for entry in entries) + "        )"
    return f"({entries[0]},)" if len(entries) == 1 else f"({', '.join(entries)})"


def _evaluator(op: Op) -> Evaluate:
    names = [name.lstrip("*") for name in op.arguments]
    bodies: list[Callable[..., tuple[float, Slopes]]] = []
    for ieee in (False, True):
        value, derivatives = float_source(op, ieee)
        source = (
            f"def evaluate({', '.join(names)}):\n    out = {value}\n    return out, {slopes_source(op, derivatives)}\n"
        )
        scope = namespace(ieee)
        exec(compile(source, f"<operation {op.name}>", "exec"), scope)
        bodies.append(scope["evaluate"])  # type: ignore[arg-type]
    fast, exact = bodies
    has_list = op.takes_list

    def evaluate(*parents: float) -> tuple[float, Slopes]:
        arguments = op.bind(parents) if has_list else parents
        try:
            return fast(*arguments)
        except FAULTS:
            return exact(*arguments)

    return evaluate


def check(op: Op) -> None:
    """Refuse an operation whose formulas are not in the language, or call a function wrongly (FormulaError)."""
    if op.kind not in KINDS:
        raise ValueError(f"{op.name}: an operation is of one of the kinds {', '.join(KINDS)}, not {op.kind!r}")
    _trees(op)
    for text in (*op.kinks, *op.domain):
        parse(op, text)
    for text in filter(None, op.textbook):
        parse(op, text, derivative=True)
    try:
        op.evaluate(*[0.5] * len(op.arguments))
    except TypeError as error:
        raise formulas.FormulaError(f"{op.name}: {error}") from None


def enter(op: Op) -> None:
    """Put an operation into the table; formulas entered later can call it on floats."""
    TABLE[op.name] = op
    if not op.takes_list and op.method == op.name and op.name not in FLOAT_FUNCTIONS and op.name != "where":
        for ieee, functions in ((False, FLOAT_FUNCTIONS), (True, IEEE_FUNCTIONS)):
            source = formulas.for_floats(parse(op, op.formula), ieee)
            functions[op.name] = eval(f"lambda {', '.join(op.arguments)}: {source}", namespace(ieee))


# ---- the table --------------------------------------------------------------------------------------------------

_XY = ("x", "y")
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
        method="__truediv__",
        domain=("abs(y)",), text="The quotient.")
    yield arithmetic("neg", "-x", ("-1",), "-$x", symbol="−", method="__neg__", text="The opposite.")
    yield elementary("abs", "abs(x)", ("where(x > 0, 1, where(x < 0, -1, 0))",), r"\left|$x\right|", method="__abs__",
        kinks=("x",), text="The absolute value; its slope at 0 is taken as 0.")
    # y·x^(y−1) loses digits to the rounding of y − 1 when y < 1/2 (170 ulp at x = 1e300, y = 0.1), and the sign of
    # (−1)^(y−1) when y > 2^53; y·out/x does not. For other y it would, where out overflows or underflows.
    yield elementary("pow", "pow(x, y)",
        ("where((y >= 0.5) * (y <= 1e15), y * pow(x, y - 1), where(abs(y) <= 0, 0,"
              " where((abs(x) > 0) * (abs(x) < inf), y * (out / x), y * pow(x, y - 1))))",
              "where(x > 0, out * log(x), where(x >= 0, where(y < 0, -inf, 0), nan))"),
        "{$x}^{$y}", textbook=("y * pow(x, y - 1)", ""), arguments=_XY, symbol="^", method="__pow__",
        domain=("x",), text="The power x**y; nan for a negative x and a y that is not an integer.")
    # Exponentials and logarithms
    yield elementary("exp", "exp(x)", ("out",), "e^{$x}", text="The exponential.")
    yield elementary("expm1", "expm1(x)", ("exp(x)",), r"\left(e^{$x} - 1\right)", text="exp(x) − 1, accurate near 0.")
    yield elementary("log", "log(x)", ("1 / x",), r"\log $x", domain=("x",), text="The natural logarithm.")
    yield elementary("log1p", "log1p(x)", ("1 / (1 + x)",), r"\log\left(1 + $x\right)", domain=("1 + x",),
        text="log(1 + x), accurate near 0.")
    yield elementary("sqrt", "sqrt(x)", ("0.5 / out",), r"\sqrt{$x}", textbook=("1 / (2 * out)",), domain=("x",),
        text="The square root.")
    # Trigonometric and hyperbolic functions
    yield elementary("sin", "sin(x)", ("cos(x)",), r"\sin $x", text="The sine of x radians.")
    yield elementary("cos", "cos(x)", ("-sin(x)",), r"\cos $x", text="The cosine of x radians.")
    yield elementary("tan", "tan(x)", ("1 + out * out",), r"\tan $x", text="The tangent of x radians.")
    # 1 − x² loses digits near ±1; (1 − x)(1 + x) does not
    yield elementary("asin", "asin(x)", ("1 / sqrt((1 - x) * (1 + x))",), r"\arcsin $x",
        textbook=("1 / sqrt(1 - x * x)",), domain=("1 - x", "1 + x"),
        word="arcsin", text="The inverse sine, in radians.")
    yield elementary("acos", "acos(x)", ("-1 / sqrt((1 - x) * (1 + x))",), r"\arccos $x",
        textbook=("-1 / sqrt(1 - x * x)",), domain=("1 - x", "1 + x"),
        word="arccos", text="The inverse cosine, in radians.")
    yield elementary("atan", "atan(x)", ("1 / (1 + x * x)",), r"\arctan $x", word="arctan",
        text="The inverse tangent, in radians.")
    yield elementary("sinh", "sinh(x)", ("cosh(x)",), r"\sinh $x", text="The hyperbolic sine.")
    yield elementary("cosh", "cosh(x)", ("sinh(x)",), r"\cosh $x", text="The hyperbolic cosine.")
    # 1 − out² has no digit left from x = 19 on, where out rounds to 1; for e = exp(−2|x|), 1 + |out| is 2 / (1 + e)
    yield activation("tanh", "tanh(x)",
        ("where(abs(x) < 0.7, 1 - out * out, exp(-2 * abs(x)) * ((1 + abs(out)) * (1 + abs(out))))",),
        r"\tanh $x", textbook=("1 - out * out",), text="The hyperbolic tangent.")
    # Activations
    # out · (1 − out) is 0 at x = 40, where the slope is 4.2e-18
    # and exp(−x) overflows at x = −710, where the value is 4.9e-309 and silu still −3.5e-306
    yield activation("sigmoid", "where(x < -40, exp(x), 1 / (1 + exp(-x)))", ("out * sigmoid(-x)",),
        r"\sigma\left($x\right)",
        textbook=("out * (1 - out)",), word="σ", text="The logistic function 1 / (1 + exp(−x)).")
    yield activation("softplus", "where(x > 0, x, 0) + log1p(exp(-abs(x)))", ("sigmoid(x)",),
        r"\log\left(1 + e^{$x}\right)", text="log(1 + exp(x)), which does not overflow.")
    yield activation("silu", "x * sigmoid(x)", ("sigmoid(x) * (1 + x * sigmoid(-x))",),
        r"\operatorname{silu}\left($x\right)",
        text="x · sigmoid(x), also called swish.")
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
        " * exp(0.5 * (head(x) - x) * (head(x) + x)))",
        ("where(abs(x) > 40, 0, -x * out)",), r"\varphi\left($x\right)",
        text="exp(−x²/2)/√(2π), the density of the standard normal law.")
    yield elementary("erf", "erf(x)", ("1.1283791670955126 * gaussian(x)",), r"\operatorname{erf}\left($x\right)",
        text="The error function.")
    yield elementary("normal_cdf", "standard_normal_cdf(x)", ("normal_pdf(x)",),
        r"\Phi\left($x\right)", word="Φ", text="Φ(x), the distribution function of the standard normal law.")
    yield activation("gelu", "x * normal_cdf(x)", ("normal_cdf(x) + x * normal_pdf(x)",),
        r"\operatorname{gelu}\left($x\right)", text="x · Φ(x), exact (Hendrycks and Gimpel 2016).")
    # Choices. With a nan on either side the sum hands it on.
    half = "where({0} > {1}, 1, where({0} < {1}, 0, 0.5))"
    yield choice("maximum", "where(x >= y, x, where(x < y, y, x + y))", (half.format("x", "y"), half.format("y", "x")),
        r"\max\left($x, $y\right)", arguments=_XY, kinks=("x - y",),
        word="max", text="The larger of two; a tie gives one half of the slope to each.")
    yield choice("minimum", "where(x <= y, x, where(x > y, y, x + y))", (half.format("y", "x"), half.format("x", "y")),
        r"\min\left($x, $y\right)", arguments=_XY, kinks=("x - y",),
        word="min", text="The smaller of two; a tie gives one half of the slope to each.")
    yield choice("where", "where(condition, x, y)", ("0", "where(condition, 1, 0)", "where(condition, 0, 1)"),
        r"\left($x \text{ if } $condition \text{ else } $y\right)", arguments=("condition", "x", "y"),
        kinks=("condition",), text="x where the condition is not zero, else y; the other one gets no gradient.")
    yield comparison("less", "where(x < y, 1, 0)", ("0", "0"), r"\left[$x < $y\right]", arguments=_XY, symbol="<",
        method="", kinks=("x - y",), text="1 where x < y, else 0.")
    yield comparison("less_equal", "where(x <= y, 1, 0)", ("0", "0"), r"\left[$x \le $y\right]", arguments=_XY,
        symbol="≤",
        method="", kinks=("x - y",), text="1 where x <= y, else 0.")
    # x · y is not above inf where it is a nan. What it is worth: see `autograd.backward`
    vanishing = "where(x * y <= inf, {0}, where(abs(x) <= 0, 0, where(abs(y) <= 0, 0, {0})))"
    yield arithmetic("chain", vanishing.format("x * y"), (vanishing.format("y"), vanishing.format("x")),
        r"$x \cdot $y", textbook=("y", "x"), arguments=_XY, symbol="×", method="",
        text="The product of an adjoint and a slope in a traced derivative: 0 where x · y is 0 · inf or 0 · nan.")
    yield arithmetic("identity", "x", ("1",), "$x", method="", text="The same number as a node of its own.")
    # Over lists
    yield arithmetic("dot", "sum(x * y for x, y in zip(xs, ys))", ("ys", "xs"), r"\left\langle $xs, $ys \right\rangle",
        arguments=("*xs", "*ys"), text="The sum of products Σ xᵢ·yᵢ of two lists.")
    yield arithmetic("mean", "sum(xs) / len(xs)", ("[1 / len(xs)] * len(xs)",), r"\operatorname{mean}\left($xs\right)",
        arguments=("*xs",), text="The arithmetic mean of a list.")
    # exp(xᵢ − out) would give 1 instead of 1/n for n equal huge entries
    yield elementary("log_sum_exp", "log_sum_exp(xs)", ("shares(xs)",), r"\log \sum \exp\left($xs\right)",
        arguments=("*xs",),
        word="log Σ exp", text="log Σ exp(xᵢ), which neither overflows nor loses the small terms.")
    # out · (1 − out) has no digit left where out rounds to 1; the sum of the other shares does
    yield activation("softmax", "shares([x, *xs])[0]", ("out * sum(shares([x, *xs])[1:])",
        "[-out * s for s in shares([x, *xs])[1:]]"), r"\operatorname{softmax}\left($x; $xs\right)",
        arguments=("x", "*xs"), text="exp(x) / (exp(x) + Σ exp(xₖ)), the share of x among x and the others.")


# fmt: on

for _op in _entries():
    enter(_op)
