"""What stands for a number while a function is traced for the compiler: nobody may look at it.

Inputs are placeholders, whatever is computed from one is one too (`value.watched` sees to that), and the program's
parameters are while the trace lasts. Whatever would need the number (`.data`, ``float``, ``int``, a format, a hash, a
copy) is a `TraceError` that names the user's line; ``<`` and ``==`` give 0/1 nodes, whose truth value is an error. The
engine's own methods read nan.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import modes
from .graph import place
from .modes import TraceError
from .value import Value


class _Engine(dict[str, bool]):
    """Whether a file belongs to the engine, which may read what nobody else may."""

    def __missing__(self, file: str) -> bool:
        self[file] = file.startswith(("<autograd", "<operation", *modes._PACKAGES[:1]))
        return self[file]


_ENGINE = _Engine()


def _looked_at(what: str) -> TraceError:
    return TraceError(
        f"line {place(modes.user_line())}: the traced function {what} an input or a parameter, or a number computed "
        "from them, which is not known while the function is traced. Compute with Values and autograd's functions, "
        "and branch with autograd.where."
    )


def _guarded(name: str) -> Any:
    slot: Any = vars(Value)[name]
    read, write, frame = slot.__get__, slot.__set__, sys._getframe  # each node is read twice

    def getter(self: Placeholder) -> Any:
        if _ENGINE[frame(1).f_code.co_filename] or not self._hidden():
            return read(self)
        raise _looked_at(f"looked at .{name} of")

    def setter(self: Placeholder, value: Any) -> None:
        if not _ENGINE[frame(1).f_code.co_filename] and self._hidden():
            raise _looked_at(f"set .{name} of")
        write(self, value)

    return property(getter, setter)


def _refusing(what: str, otherwise: str = "") -> Any:
    def refuse(self: Placeholder, *arguments: Any) -> Any:
        if self._hidden():
            raise _looked_at(what)
        return getattr(Value, otherwise)(self, *arguments)

    return refuse


class Placeholder(Value):
    """An input, or a number that depends on one: it has a place in the graph, and no number."""

    __slots__ = ()
    _lasting = False  # kept by a model, it is not a parameter

    def __init__(self, label: str) -> None:
        super().__init__(math.nan, label)

    def _hidden(self) -> bool:
        return True

    data = _guarded("data")
    grad = _guarded("grad")
    local_derivatives = _guarded("local_derivatives")

    def __repr__(self) -> str:
        return f"Placeholder({self.label or self.op!r})"

    def __format__(self, spec: str) -> str:
        if spec and self._hidden():
            raise _looked_at("formatted")
        return super().__format__(spec)

    __float__ = _refusing("turned into a float", "__float__")
    __int__ = __index__ = __trunc__ = _refusing("turned into an integer", "__float__")
    __copy__ = _refusing("copied", "__copy__")
    __deepcopy__ = _refusing("copied", "__deepcopy__")
    __reduce_ex__ = _refusing("pickled", "__reduce_ex__")


Placeholder._traced = Placeholder


class TracedParameter(Placeholder):
    """A parameter while a function is traced: in other threads it is what it always was."""

    __slots__ = ()
    _lasting = True

    def _hidden(self) -> bool:
        return modes.current().tracing

    def __repr__(self) -> str:
        return super().__repr__() if self._hidden() else Value.__repr__(self)


def _hash(self: Placeholder) -> int:
    file = sys._getframe(1).f_code.co_filename
    if not _ENGINE[file] and type(self) is Placeholder:
        raise _looked_at("looked up in a set or a dict")
    return object.__hash__(self)


_LOCK = threading.Lock()
_TRACES: list[object] = []  # that are under way, in any thread


@contextmanager
def hidden(parameters: Sequence[Value]) -> Iterator[None]:
    """While the block lasts, nobody but the engine sees a number of a placeholder or of these parameters.

    A hash is watched only then: the compiler, which puts all nodes into dictionaries afterwards, would pay for it.
    """
    mine = [parameter for parameter in parameters if type(parameter) is Value]
    with _LOCK:
        _TRACES.append(mine)
        Placeholder.__hash__ = _hash  # type: ignore[assignment,method-assign]
        for parameter in mine:
            parameter.__class__ = TracedParameter
    try:
        yield
    finally:
        with _LOCK:
            _TRACES.pop()
            if not _TRACES:
                Placeholder.__hash__ = object.__hash__  # type: ignore[assignment,method-assign]
            for parameter in mine:
                parameter.__class__ = Value
