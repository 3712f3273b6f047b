"""The operations of the table at work: methods of `Value`, and functions of Values, of numbers and of lists of both."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import eager, hints
from .floats import CONSTANTS, IEEE_FUNCTIONS, namespace
from .modes import ACTIVE
from .native import engine, of_lists
from .operation import TABLE, Op
from .ops import FAULTS, FLOAT_FUNCTIONS
from .reals import real
from .value import Number, Value, argument, made, operand, renumbered, watched

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""The function of each operation that has one, by name."""

METHODS: dict[str, Callable[..., Any]] = {}
"""The methods as they are written in Python. Of the built-in ones, `Value` has C's own where the engine in C runs."""


# ---- what the written text refers to ----------------------------------------------------------------------------


def operands(name: str, *lists: Iterable[Number]) -> tuple[Any, ...]:
    """The arguments of a function of lists: all entries as Values (None if all are plain numbers), then their data.

    Raises:
        TypeError: an argument is not a list of Values and real numbers.
        ValueError: a list is empty, or the lists differ in length.
    """
    columns = [_entries(name, xs) for xs in lists]
    lengths = [*map(len, columns)]
    if min(lengths) != max(lengths):
        raise ValueError(f"{name} takes two lists of the same length; got {lengths[0]} and {lengths[1]}")
    nodes = columns[0] if len(columns) == 1 else [x for column in columns for x in column]
    values = [issubclass(kind, Value) for kind in {*map(type, nodes)}]
    if not any(values):
        return None, *[[real(x, name) for x in column] for column in columns]
    if not all(values):
        nodes = [argument(x, name) for x in nodes]
    data = [*map(_DATA, nodes)]
    if len(columns) == 1:
        return tuple(nodes), data
    return tuple(nodes), *[data[i : i + lengths[0]] for i in range(0, len(data), lengths[0])]


_DATA = vars(Value)["data"].__get__
"""Reads a node's number where a property would be asked first whether it may be read."""


def _entries(name: str, xs: Iterable[Number]) -> list[Any]:
    if isinstance(xs, Value) or not isinstance(xs, Iterable):
        raise TypeError(f"{name} takes a list of numbers, not {type(xs).__name__}")
    entries = list(xs)
    if not entries:
        raise ValueError(f"{name} of an empty list has no value")
    return entries


_scope: dict[str, Any] = {
    **namespace(), "Any": Any, "Iterable": Iterable, "Number": Number,
    "ACTIVE": ACTIVE, "FAULTS": FAULTS, "FLOAT_FUNCTIONS": FLOAT_FUNCTIONS,
    "IEEE_FUNCTIONS": IEEE_FUNCTIONS, "TABLE": TABLE, "Value": Value, "argument": argument, "made": made,
    "new": object.__new__, "operand": operand, "operands": operands, "renumbered": renumbered, "watched": watched,
    **of_lists(),
}  # fmt: skip

RESERVED = {*_scope, "out", "self", "node"} - FLOAT_FUNCTIONS.keys()
"""Names that the text of a method uses for something else than an operation or an argument."""


# ---- what formulas refer to on Values ---------------------------------------------------------------------------


def _either(on_values: Callable[[Any, Any], Any], on_floats: str) -> Callable[[Any, Any], Any]:
    """An operator between Values, and between plain numbers with the results of IEEE 754."""

    def apply_one(x: Any, y: Any) -> Any:
        chosen = on_values if isinstance(x, Value) or isinstance(y, Value) else IEEE_FUNCTIONS[on_floats]
        return chosen(x, y)

    return apply_one


ON_VALUES: dict[str, Any] = {
    "pow": _either(operator.pow, "pow"), "divide": _either(operator.truediv, "divide"), "abs": abs, **CONSTANTS,
}  # fmt: skip
"""What a formula refers to when it is evaluated on Values: `FUNCTIONS`, and what operators do."""


def on_values(name: str) -> Callable[..., Any]:
    """The function of a scalar operation, as formulas call it (``pow`` and ``abs`` included)."""
    function: Callable[..., Any] = ON_VALUES[name]
    return function


# ---- installing -------------------------------------------------------------------------------------------------


def install(operations: Sequence[Op], place: str) -> None:
    """Write the methods and the functions of some operations; tracebacks name their text by ``place``."""
    _scope.update(namespace())
    slots = engine == "python" or not place  # a user's own operation is written in Python in both engines
    with_method = [op for op in operations if op.method and not op.takes_list]
    for name, method in eager.write(
        [eager.method_source(op, slots) for op in with_method], _scope, f"<autograd methods{place}>"
    ).items():
        method.__qualname__ = f"Value.{method.__name__}"
        method.__module__ = Value.__module__
        METHODS[name] = method
        if name not in vars(Value) or isinstance(vars(Value)[name], hints.Hint):
            setattr(Value, name, method)
    texts = [eager.function_source(op, f"{op.name}_in_c" in _scope) for op in operations if op.has_function]
    for name, function in eager.write(texts, _scope, f"<autograd functions{place}>").items():
        function.__module__ = "autograd.functions"
        FUNCTIONS[name] = ON_VALUES[name] = function


def uninstall(name: str) -> None:
    """Take back what `install` did for one operation without other names."""
    del FUNCTIONS[name], METHODS[name], ON_VALUES[name]
    delattr(Value, name)
    if name in hints.OF_VALUE:
        setattr(Value, name, hints.Hint(name, hints.OF_VALUE[name]))


install([*TABLE.values()], "")
ON_VALUES["shares"], ON_VALUES["log_shares"] = FUNCTIONS["softmax"], FUNCTIONS["log_softmax"]
ON_VALUES["rest"] = lambda shares: sum(shares[1:])


def _choose(condition: Any, chosen: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """``where`` of which only the side is evaluated that a known condition chooses."""
    if isinstance(condition, Value):
        return FUNCTIONS["where"](condition, chosen(), otherwise())
    return chosen() if condition else otherwise()


ON_VALUES["choose"] = _choose
