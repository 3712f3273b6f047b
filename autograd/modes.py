"""Contexts that change what making a node does: no recording, anomaly detection, source lines, tracing.

The state is context-local (`contextvars`): another thread or task never sees it. `ACTIVE` lists the contexts that
are open in any thread, so that a method of `Value` learns with one truth test that none is, and pays nothing more.
"""

from __future__ import annotations

import os.path
import sys
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class Mode(NamedTuple):
    """What holds in the current context."""

    record: bool = True  # nodes keep their parents
    anomaly: bool = False  # the first nan or infinity is an error
    source: bool = False  # nodes remember the line that made them
    tracing: bool = False  # comparisons make nodes, and a truth value is an error
    duals: int = 0  # the number of the block whose dual numbers make dual numbers; 0 outside


class AnomalyError(ArithmeticError):
    """A value or gradient became nan or infinite inside `detect_anomaly`."""


class TraceError(TypeError):
    """Python control flow depends on a value that is only a placeholder while a function is traced."""


ACTIVE: list[Mode] = []
_MODE: ContextVar[Mode] = ContextVar("autograd_mode", default=Mode())  # noqa: B039 (a NamedTuple does not change)
current = _MODE.get


@contextmanager
def changed(**fields: Any) -> Iterator[None]:
    """The current mode with some fields changed, until the block ends."""
    mode = current()._replace(**fields)
    token = _MODE.set(mode)
    ACTIVE.append(mode)
    try:
        yield
    finally:
        ACTIVE.remove(mode)
        _MODE.reset(token)


class _Block(ContextDecorator):
    """A changed mode that can be entered any number of times, and decorates with or without parentheses."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields
        self._open: list[Any] = []

    @classmethod
    def of(cls, f: Any, **fields: Any) -> Any:
        """The context, or a function inside it."""
        if f is not None and not callable(f):
            raise TypeError(f"a context takes no argument, except a function to decorate; got a {type(f).__name__}")
        return cls(**fields) if f is None else cls(**fields)(f)

    def _recreate_cm(self) -> _Block:
        return _Block(**self._fields)  # each call of a decorated function, in any thread, has one of its own

    def __enter__(self) -> None:
        self._open.append(changed(**self._fields))
        self._open[-1].__enter__()

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


def no_grad(f: Any = None) -> Any:
    """A context (and a decorator) in which results keep no parents: cheap forward passes.

    To differentiate such a result is an error, and a `Module` that keeps one has no parameter more.

    Example:
        >>> from autograd import Value, no_grad
        >>> w = Value(2.0)
        >>> with no_grad():
        ...     y = w * 3.0
        >>> y.parents
        ()
    """
    return _Block.of(f, record=False)


def detect_anomaly(f: Any = None) -> Any:
    """A context in which the first nan or infinity, forward or backward, raises `AnomalyError`.

    The message names the operation, its operands, its label and the source line that made it.
    """
    return _Block.of(f, anomaly=True, source=True)


def record_source(f: Any = None) -> Any:
    """A context in which each node remembers the line that made it, as ``node.source = (file name, line)``."""
    return _Block.of(f, source=True)


_PACKAGES = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name, "") for name in ("autograd", "nn")
)


def user_line() -> tuple[str, int]:
    """File name and line of the innermost caller outside `autograd` and `nn`."""
    frame = sys._getframe()
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGES) and not file.startswith("<autograd"):
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
