"""Operations of the user's own: an entry of the table, made and taken back while the program runs."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from . import formulas
from .elementary import FUNCTIONS, RESERVED, install, uninstall
from .operation import TABLE, Op, check, enter, known_functions, withdraw
from .value import Value


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
        ValueError: a name is taken or not an identifier, or the number of derivatives is not that of arguments.
        TypeError: the derivatives are a dictionary.
        FormulaError: a formula is not in the language of `autograd.formulas`. Nothing is registered then.

    Example:
        >>> import autograd
        >>> softsign = autograd.register("softsign", "x / (1 + abs(x))", "1 / ((1 + abs(x)) * (1 + abs(x)))")
        >>> x = autograd.Value(3.0)
        >>> softsign(x).data
        0.75
        >>> autograd.unregister("softsign")  # as if nothing had happened
    """
    if arguments is None:
        tree = formulas.parse(formula, known_functions())
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
    op = Op(name, formula, listed, printed, arguments=arguments, kind=kind, kinks=kinks, domain=domain, text=text)
    check(op)
    if name in TABLE and repr(TABLE[name]) == repr(op):
        return FUNCTIONS[name]
    taken = {*known_functions(), *TABLE, *RESERVED}
    if not name.isidentifier() or keyword.iskeyword(name) or name in taken or hasattr(Value, name):
        raise ValueError(f"{name!r} cannot name a new operation: it is taken, or not a Python identifier")
    enter(op)
    install([op], f" of {name}")
    _REGISTERED.add(name)
    return FUNCTIONS[name]


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
    withdraw(name)
    uninstall(name)
