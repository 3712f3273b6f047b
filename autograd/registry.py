"""Operations of the user's own: an entry of the table, made and taken back while the program runs."""

from __future__ import annotations

import builtins
import gc
import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from . import formulas
from .elementary import FUNCTIONS, RESERVED, install, uninstall
from .operation import REGISTERED, TABLE, UNREGISTERED, Op, check, enter, known_functions, withdraw
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
        name: a Python identifier that no operation has yet, in the form that Python gives to identifiers (NFKC: the
            micro sign is the letter mu); it does not begin with an underscore. To register the very same operation
            again is allowed, as when a notebook cell runs twice; to change one, `unregister` it first.
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
    name = formulas.identifier(name)
    if arguments is None:
        tree = formulas.parse(formula, known_functions())
        arguments = [n for n in formulas.names_in(tree) if n not in ("inf", "nan")]
    arguments = [formulas.identifier(argument) for argument in arguments]
    reserved = {*RESERVED, *(f"{a}_{part}" for a in arguments for part in ("node", "slope"))}
    for argument_name in arguments:
        if not _free(argument_name) or argument_name in reserved or arguments.count(argument_name) > 1:
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
    if not _free(name) or name in taken or hasattr(Value, name):
        raise ValueError(
            f"{name!r} cannot name a new operation: it is taken (perhaps by Python), not a Python identifier, or "
            "begins with an underscore"
        )
    if _withdrawn.pop(name, repr(op)) != repr(op):
        _part(name)
    enter(op)
    install([op], f" of {name}")
    REGISTERED.add(name)
    return FUNCTIONS[name]


_withdrawn: dict[str, str] = {}
"""What an operation that was taken back looked like."""


def _free(name: str) -> bool:
    """Whether generated code can use a name: an identifier without a leading underscore, none of Python's own."""
    python = keyword.iskeyword(name) or hasattr(builtins, name)
    return name.isidentifier() and not python and not name.startswith("_")


def _part(name: str) -> None:
    """Take the name away from nodes made with an older formula, so that none of them is read with the new one."""
    for thing in gc.get_objects():
        if issubclass(type(thing), Value) and thing.op == name:
            thing.op = name + UNREGISTERED


def registered() -> list[str]:
    """The names of the operations that `register` added, sorted."""
    return sorted(REGISTERED)


def unregister(name: str) -> None:
    """Take back a `register`, for instance to correct a formula.

    Existing nodes keep their value and recorded derivatives, so that `backward` works. Whatever needs the formula
    (`graph.forward`, second derivatives, checks, explanations) refuses them with an `UnknownOperationError`, unless
    the very same operation is registered again: no node is ever read with a formula that it was not made with. A
    compiled program that uses the operation refuses to run until then.

    Raises:
        ValueError: no operation of that name was registered; the built-in ones stay.
    """
    name = formulas.identifier(name)
    if name not in REGISTERED:
        raise ValueError(f"{name!r} was not registered; registered are: {', '.join(registered()) or 'none'}")
    REGISTERED.discard(name)
    _withdrawn[name] = repr(TABLE[name])
    withdraw(name)
    uninstall(name)
