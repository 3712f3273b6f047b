"""The operations as functions: on Values they extend the graph, on plain numbers they return a float."""

from __future__ import annotations

import keyword
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, overload

from . import formulas, ops
from .value import RESERVED, Number, Value, apply, argument, install, real


class Unary(Protocol):
    """A function of one number."""

    @overload
    def __call__(self, x: Value) -> Value: ...
    @overload
    def __call__(self, x: float) -> float: ...


class Parametric(Protocol):
    """A function of one number with a parameter that has a default."""

    @overload
    def __call__(self, x: Value, parameter: Number = ..., /) -> Value: ...
    @overload
    def __call__(self, x: float, parameter: float = ..., /) -> float: ...


class Binary(Protocol):
    """A function of two numbers."""

    @overload
    def __call__(self, x: Value, y: Number, /) -> Value: ...
    @overload
    def __call__(self, x: Number, y: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: float, /) -> float: ...


def _on_floats(op: ops.Op, numbers: Sequence[float]) -> float:
    if op.name == "where":
        return numbers[1] if numbers[0] else numbers[2]
    try:
        return ops.FLOAT_FUNCTIONS[op.name](*numbers)
    except ops.FAULTS:
        return ops.IEEE_FUNCTIONS[op.name](*numbers)


def _function(name: str) -> Any:
    """The function of a scalar operation: the method if any argument is a Value, else the bare number."""
    op = ops.TABLE[name]
    least, most = len(op.arguments) - len(op.defaults), len(op.arguments)

    def function(*arguments: Number, **named: Number) -> Number:
        for missing in op.arguments[len(arguments) :]:
            if missing not in named:
                break
            arguments += (named.pop(missing),)
        if named or not least <= len(arguments) <= most:
            by_name = f" and {', '.join(named)} by name" if named else ""
            raise TypeError(f"{name}({', '.join(op.arguments)}) got {len(arguments)} arguments by position{by_name}")
        if any(isinstance(x, Value) for x in arguments):
            first, *rest = (argument(x, name) for x in arguments)
            result: Value = getattr(first, op.method)(*rest)
            return result
        numbers = [argument(x, name).data if type(x) is not float else x for x in arguments]
        return _on_floats(op, [*numbers, *(op.defaults[a] for a in op.arguments[len(numbers) :])])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{op.text}\n\nFormula: {op.formula}; derivative: {'; '.join(op.derivatives)} (`out` is the value).\n"
        f"Arguments ({', '.join(op.arguments)}) are Values or real numbers; a Value gives a Value, numbers a float."
    )
    return function


exp: Unary = _function("exp")
expm1: Unary = _function("expm1")
log: Unary = _function("log")
log1p: Unary = _function("log1p")
sqrt: Unary = _function("sqrt")
sin: Unary = _function("sin")
cos: Unary = _function("cos")
tan: Unary = _function("tan")
asin: Unary = _function("asin")
acos: Unary = _function("acos")
atan: Unary = _function("atan")
sinh: Unary = _function("sinh")
cosh: Unary = _function("cosh")
tanh: Unary = _function("tanh")
sigmoid: Unary = _function("sigmoid")
softplus: Unary = _function("softplus")
silu: Unary = _function("silu")
relu: Unary = _function("relu")
leaky_relu: Parametric = _function("leaky_relu")
elu: Parametric = _function("elu")
gaussian: Unary = _function("gaussian")
normal_pdf: Unary = _function("normal_pdf")
erf: Unary = _function("erf")
normal_cdf: Unary = _function("normal_cdf")
gelu: Unary = _function("gelu")
maximum: Binary = _function("maximum")
minimum: Binary = _function("minimum")
where: Callable[[Number | bool, Number, Number], Any] = _function("where")


def _over_list(name: str, *lists: Iterable[Number]) -> Any:
    """An operation over lists; the lists are copied, and numbers alone give a float."""
    op = ops.TABLE[name]
    entries = [x for entries in lists for x in entries]
    if not any(isinstance(x, Value) for x in entries):
        return op.evaluate(*[real(x, name) for x in entries])[0]
    return apply(op, tuple(argument(x, name) for x in entries))


def _entries(xs: Iterable[Number], name: str) -> list[Number]:
    if isinstance(xs, Value) or not isinstance(xs, Iterable):
        raise TypeError(f"{name} takes a list of numbers, not {type(xs).__name__}")
    entries = list(xs)
    if not entries:
        raise ValueError(f"{name} of an empty list has no value")
    return entries


def dot(xs: Iterable[Number], ys: Iterable[Number]) -> Any:
    """Σ xᵢ·yᵢ of two lists of the same length n ≥ 1, as one node with 2n parents.

    Raises:
        ValueError: the lists are empty or differ in length.
    """
    left, right = _entries(xs, "dot"), _entries(ys, "dot")
    if len(left) != len(right):
        raise ValueError(f"dot takes two lists of the same length; got {len(left)} and {len(right)}")
    return _over_list("dot", left, right)


def mean(xs: Iterable[Number]) -> Any:
    """The arithmetic mean of a list of n ≥ 1 numbers. Raises ValueError for an empty list."""
    return _over_list("mean", _entries(xs, "mean"))


def log_sum_exp(xs: Iterable[Number]) -> Any:
    """log Σ exp(xᵢ) of n ≥ 1 numbers, shifted by the largest so that nothing overflows.

    Of n equal numbers, however huge, the slopes are exactly 1/n. Raises ValueError for an empty list.
    """
    return _over_list("log_sum_exp", _entries(xs, "log_sum_exp"))


def softmax(xs: Iterable[Number]) -> list[Any]:
    """exp(xᵢ) / Σₖ exp(xₖ) for each of n ≥ 1 numbers; stable. Raises ValueError for an empty list."""
    entries = _entries(xs, "softmax")
    return [_over_list("softmax", [x], entries[:i], entries[i + 1 :]) for i, x in enumerate(entries)]


# ---- derivative formulas on Values ------------------------------------------------------------------------------


def _either(on_values: Callable[[Any, Any], Any], on_floats: str) -> Callable[[Any, Any], Any]:
    """An operator between Values, and between plain numbers with the results of IEEE 754."""

    def apply_one(x: Any, y: Any) -> Any:
        chosen = on_values if isinstance(x, Value) or isinstance(y, Value) else ops.IEEE_FUNCTIONS[on_floats]
        return chosen(x, y)

    return apply_one


_ON_VALUES: dict[str, Any] = {
    **{name: value for name, value in globals().items() if name in ops.TABLE},
    "pow": _either(operator.pow, "pow"), "divide": _either(operator.truediv, "divide"), "abs": abs,
    "shares": softmax, "inf": ops.inf, "nan": ops.nan,
}  # fmt: skip
_RULES: dict[str, Callable[..., list[Any]]] = {}


def on_values(name: str) -> Callable[..., Any]:
    """The function of a scalar operation, as formulas call it (``pow`` and ``abs`` included)."""
    function: Callable[..., Any] = _ON_VALUES[name]
    return function


def symbolic_derivatives(node: Value) -> list[Any]:
    """The local derivatives of a node by the table's formulas on Values: what a second derivative passes through.

    A formula that does not depend on its arguments gives a float.
    """
    op = ops.TABLE[node.op]
    if op.name not in _RULES:
        names = [name.lstrip("*") for name in op.arguments]
        derivatives = op.derivatives
        if not op.takes_list:
            trees = (ops.parse(op, text, derivative=True) for text in op.derivatives)
            derivatives = tuple(formulas.for_floats(tree, ieee=True, lazy=False) for tree in trees)
        text = f"lambda out, {', '.join(names)}: [*{ops.slopes_source(op, derivatives)}]"
        _RULES[op.name] = eval(text, _ON_VALUES)
    constants = [parent.data if parent.op == "constant" else parent for parent in node.parents]
    return _RULES[op.name](node, *op.bind(constants))


def register(
    name: str,
    formula: str,
    derivatives: str | Sequence[str],
    latex: str = "",
    *,
    arguments: Sequence[str] | None = None,
    kind: str = "elementary",
    kinks: Sequence[str] = (),
    domain: Sequence[str] = (),
    text: str = "",
) -> Any:
    """Add an operation of your own: a method of `Value`, and the function that this returns.

    It works eagerly, in second order, in drawings, in the gradient check and compiled, like the built-in ones.

    Args:
        name: a Python identifier that no operation has yet. To register the very same operation again is allowed,
            as when a notebook cell runs twice; to change one, `unregister` it first.
        formula: the value, as an expression of the arguments, such as ``"x / sqrt(1 + x * x)"``.
        derivatives: one formula per argument, in terms of the arguments and ``out``.
        latex: how to print it, with ``$x`` for an argument; by default the name in upright letters.
        arguments: the order of the arguments; by default that of their first appearance in the formula.
        kind: what the operation is, one of `autograd.ops.KINDS`; explanations treat an ``"activation"`` as such.
        kinks: expressions that are zero where a derivative jumps.
        domain: expressions that are negative outside the domain.
        text: one sentence for the docstring.

    Raises:
        ValueError: a name is taken or no identifier, or the number of derivatives is not that of arguments.
        TypeError: the derivatives are a dictionary.
        FormulaError: a formula is not in the language of `autograd.formulas`. Nothing is registered then.

    Example:
        >>> import autograd
        >>> softsign = autograd.register("softsign", "x / (1 + abs(x))", "1 / ((1 + abs(x)) * (1 + abs(x)))")
        >>> x = autograd.Value(3.0)
        >>> softsign(x).data
        0.75
        >>> autograd.unregister("softsign")  # as if nothing had been
    """
    if arguments is None:
        tree = formulas.parse(formula, ops.known_functions())
        arguments = [n for n in formulas.names_in(tree) if n not in ("inf", "nan")]
    reserved = {*RESERVED, *(f"{a}_{part}" for a in arguments for part in ("node", "slope"))}
    for argument_name in arguments:
        if not argument_name.isidentifier() or argument_name in reserved or list(arguments).count(argument_name) > 1:
            raise ValueError(f"{argument_name!r} cannot name an argument: it has another meaning, or stands twice")
    if isinstance(derivatives, Mapping):
        raise TypeError(f"{name}: derivatives are a list of formulas, one per argument in the order {arguments}")
    listed = [derivatives] if isinstance(derivatives, str) else list(derivatives)
    if not arguments or len(listed) != len(arguments):
        raise ValueError(
            f"{name} has the arguments ({', '.join(arguments)}) and {len(listed)} derivatives; give one for each"
        )
    signs = ", ".join(f"${a}" for a in arguments)
    printed = latex or rf"\operatorname{{{name.replace('_', ' ')}}}\left({signs}\right)"
    op = ops.Op(name, formula, listed, printed, arguments=arguments, kind=kind, kinks=kinks, domain=domain, text=text)
    ops.check(op)
    if name in ops.TABLE and repr(ops.TABLE[name]) == repr(op):
        return _ON_VALUES[name]
    taken = {*ops.known_functions(), *ops.TABLE, *RESERVED}
    if not name.isidentifier() or keyword.iskeyword(name) or name in taken or hasattr(Value, name):
        raise ValueError(f"{name!r} cannot name a new operation: it is taken, or no Python identifier")
    ops.enter(op)
    install([op], f"<autograd operation {name}>")
    _ON_VALUES[name] = _function(name)
    _REGISTERED.add(name)
    return _ON_VALUES[name]


_REGISTERED: set[str] = set()


def registered() -> list[str]:
    """The names of the operations that `register` added, sorted."""
    return sorted(_REGISTERED)


def unregister(name: str) -> None:
    """Take back a `register`, for instance to correct a formula. Existing nodes keep their recorded derivatives.

    Raises:
        ValueError: no operation of that name was registered; the built-in ones stay.
    """
    if name not in _REGISTERED:
        raise ValueError(f"{name!r} was not registered; registered are: {', '.join(registered()) or 'none'}")
    _REGISTERED.discard(name)
    for table in (ops.TABLE, ops.FLOAT_FUNCTIONS, ops.IEEE_FUNCTIONS, _ON_VALUES, _RULES):
        table.pop(name, None)
    delattr(Value, name)
