"""How a function of numbers is called at a point: ``f(x1, x2)`` or ``f([x1, x2])``, whichever it takes.

One rule, wherever a function meets a point ``xs``: if there is more than one x, and the function has one required
positional parameter, it takes the list; otherwise it is called as ``f(*xs)``. ``xs=[[x]]`` is a list in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple


class Point(NamedTuple):
    """Where a function is evaluated.

    Attributes:
        numbers: the entries of the point.
        call: the function, called with Values (or floats) in their place, given as a list.
        names: what the function calls them; ``""`` where that is not known.
    """

    numbers: list[Any]
    call: Callable[[Sequence[Any]], Any]
    names: list[str]


class Form(NamedTuple):
    """The positional parameters of a function: their names, how many have no default, whether there is a ``*rest``.

    ``shown`` is the whole signature as text.
    """

    names: list[str]
    required: int
    rest: bool
    shown: str

    def takes(self, count: int) -> bool:
        """Whether it can be called with this many arguments."""
        return self.required <= count and (self.rest or count <= len(self.names))


def form(f: Callable[..., Any]) -> Form | None:
    """The positional parameters of a function; None if it does not tell."""
    import inspect  # takes a sixth of the time in which the engine is imported

    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return None
    parameters = signature.parameters.values()
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return Form([p.name for p in places], sum(p.default is p.empty for p in places), rest, str(signature))


def entries(xs: Any, asker: str) -> tuple[list[Any], bool]:
    """The entries of a point, and whether it is written as ``[[x]]``, which says that the function takes a list.

    Raises:
        TypeError: it is not a list of numbers or Values; ``asker`` is the function that the message is about.
    """
    if hasattr(xs, "tolist"):
        xs = xs.tolist()
    if isinstance(xs, (str, bytes, dict, set)) or not isinstance(xs, Iterable):
        one = hasattr(xs, "local_derivatives") or isinstance(xs, (int, float))
        advice = ": write [x] for one" if one else f", not {type(xs).__name__}"
        raise TypeError(f"{asker} takes a list of numbers or Values{advice}")
    listed = list(xs)
    if len(listed) == 1 and isinstance(listed[0], (list, tuple)):
        return list(listed[0]), True
    return listed, False


def point(f: Callable[..., Any], xs: Any, asker: str) -> Point:
    """How a function is called at a point.

    Raises:
        TypeError: the function cannot take this many numbers.
    """
    numbers, listed = entries(xs, asker)
    count, known = len(numbers), form(f)
    if listed or (known is not None and known.required == 1 and not known.rest and count > 1):
        name = known.names[0] if known is not None and known.names else "x"
        return Point(numbers, lambda values: f(list(values)), [f"{name}[{i}]" for i in range(count)])
    if known is None:
        return Point(numbers, lambda values: f(*values), [""] * count)
    if not known.takes(count):
        raise TypeError(
            f"{asker}: the function takes {known.shown}, and the point has {count} "
            f"number{'' if count == 1 else 's'}; it is called as f(x1, x2, …), or as f([x1, x2, …]) if it has one "
            "parameter without a default"
        )
    names = [*known.names[:count], *[""] * (count - len(known.names))]
    return Point(numbers, _alone(f) if count == 1 else lambda values: f(*values), names)


def _alone(f: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    """A call with one number, which explains what happens to a function that wanted a list."""

    def call(values: Sequence[Any]) -> Any:
        try:
            return f(*values)
        except TypeError as error:
            if "'Value' object is not" in str(error):
                raise TypeError(f"{error}: the function got one number; if it takes a list, write [[x]]") from error
            raise

    return call


def like(f: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    """A function that takes either form of its arguments: as they are given if it can, else gathered or spread."""
    known = form(f)

    def call(arguments: Sequence[Any]) -> Any:
        if known is not None and not known.takes(len(arguments)):
            if known.required == 1 and len(arguments) > 1:
                return f(list(arguments))
            if len(arguments) == 1 and isinstance(arguments[0], list) and known.takes(len(arguments[0])):
                return f(*arguments[0])
        return f(*arguments)

    return call
