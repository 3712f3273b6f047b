"""A program of the playground at work: it runs what was typed and says what that made, message by message.

It runs in the browser's Python, and in any other: it needs nothing of the page but a function that takes messages.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import linecache
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from autograd import Value
from autograd.answer import Answer
from autograd.graph import topological
from autograd.page import document
from autograd.text import xml
from autograd.view import draw
from autograd.view.stepper import stepper

FILE = "<your program>"
MOST_STEPPED = 60
"""Nodes of a graph that is shown as a stepper; a larger one is drawn."""
MOST_TEXT = 200_000
"""Letters that a program may print."""


class TooMuchTextError(Exception):
    """A program prints without end."""


class _Printed(io.TextIOBase):
    """Standard output: text goes to the page at each end of a line."""

    def __init__(self, post: Callable[[str], None]) -> None:
        self._post, self._line, self._left = post, "", MOST_TEXT

    def write(self, text: str) -> int:
        self._left -= len(text)
        if self._left < 0:
            raise TooMuchTextError(f"the program printed more than {MOST_TEXT:,} letters, and was stopped")
        *lines, self._line = (self._line + text).split("\n")
        if lines:
            self._post("\n".join(lines) + "\n")
        return len(text)

    def flush(self) -> None:
        if self._line:
            self._post(self._line)
        self._line = ""


class Session:
    """Runs programs.

    Args:
        post: takes each message, JSON with a ``kind``: ``"text"`` (printed), ``"page"`` (a whole HTML document, with a
            title), ``"slider"`` (a number that can be dragged), ``"error"`` (text, and the line of the program),
            ``"done"``.
    """

    def __init__(self, post: Callable[[str], Any]) -> None:
        self._send = post
        self._moved: dict[str, float] = {}

    def _post(self, kind: str, **content: Any) -> None:
        self._send(json.dumps({"kind": kind, **content}, allow_nan=False))

    def run(self, program: str, moved: Mapping[str, float] | str = "{}") -> None:
        """Run a program; what its last line gives is shown, as in a notebook.

        Args:
            program: Python. Beside its own imports it finds ``show`` and ``slider``.
            moved: numbers of sliders that were dragged, by name; or the same as JSON.
        """
        self._moved = dict(json.loads(moved) if isinstance(moved, str) else moved)
        out, printed = sys.stdout, _Printed(lambda text: self._post("text", text=text))
        linecache.cache[FILE] = len(program), None, program.splitlines(keepends=True), FILE  # for tracebacks
        sys.stdout = printed
        try:
            self._execute(program)
        except BaseException as error:  # SystemExit and KeyboardInterrupt are the program's own too
            printed._left = MOST_TEXT
            printed.flush()
            self._post("error", **_described(error))
        finally:
            printed.flush()
            sys.stdout = out
            self._post("done")

    def _execute(self, program: str) -> None:
        names: dict[str, Any] = {
            "__name__": "__main__", "__builtins__": builtins, "show": self.show, "slider": self.slider,
        }  # fmt: skip
        tree = ast.parse(program, FILE)
        last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if last is not None:
            tree.body.pop()
        exec(compile(tree, FILE, "exec"), names)
        if last is not None:
            self.show(eval(compile(ast.Expression(last.value), FILE, "eval"), names))

    def show(self, *things: Any) -> None:
        """Show results, one below the other.

        A graph is shown as a stepper, or as a drawing if it is large; an answer as in a notebook; the rest as text.
        """
        for thing in things:
            if isinstance(thing, Value) and thing.parents:
                thing = stepper(thing) if len(topological(thing)) <= MOST_STEPPED else draw(thing)
            if isinstance(thing, Answer):
                sys.stdout.flush()  # what was printed comes first
                title = getattr(thing, "title", "") or thing._heading()
                body = f'<main class="whole"><h1>{xml(title)}</h1>\n{thing.html()}</main>'
                self._post("page", title=title, html=document(title, body))
            elif thing is not None:
                print(repr(thing))

    def slider(self, name: str, value: float, low: float | None = None, high: float | None = None) -> Value:
        """A leaf that can be dragged on the page, which runs the program again with the number chosen there.

        Args:
            name: its label.
            value: where it begins.
            low: the least number of the slider; by default as far below ``value`` as is sensible.
            high: the largest.
        """
        reach = max(1.0, 2 * abs(value))
        low, high = (value - reach if low is None else low), (value + reach if high is None else high)
        now = min(max(float(self._moved.get(name, value)), low), high)
        self._post("slider", name=name, value=now, low=low, high=high)
        return Value(now, name)


def _described(error: BaseException) -> dict[str, Any]:
    """An error as Python tells it, from the program's own lines; and the last of these."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    line = frames[-1].lineno if frames else None
    if isinstance(error, SyntaxError) and error.filename == FILE:
        line = error.lineno
    told = traceback.format_exception_only(type(error), error)
    where = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return {"text": "".join([*where, *told]), "line": line}
