"""What type checkers and editors see of the table: ``functions.pyi`` and ``methods.pyi``, generated from it.

``python -m autograd.stubs`` writes both; a test compares them with what this module generates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .eager import docstring, quoted, reflected
from .ops import TABLE, Op

_NOTE = "# Generated from the table of operations by `python -m autograd.stubs`. Do not edit."


def functions() -> str:
    """The text of ``functions.pyi``."""
    listed = [op for op in TABLE.values() if op.has_function]
    lines = [_NOTE, "from collections.abc import Iterable", "from typing import Any, overload", ""]
    lines += ["from .value import Number, Value", "", "__all__ = ["]
    lines += [*(f'    "{name}",' for name in sorted(op.name for op in listed)), "]", ""]
    for op in listed:
        lines += _function(op)
    return "\n".join(lines) + "\n"


def _function(op: Op) -> Iterator[str]:
    body = f"\n{quoted(docstring(op))}\n    ..."
    names = [name.lstrip("*") for name in op.arguments]
    if op.takes_list:
        names = names[-1:] if op.gives_list else names
        gives = "list[Any]" if op.gives_list else "Any"
        yield f"def {op.name}({', '.join(f'{name}: Iterable[Number]' for name in names)}) -> {gives}:{body}"
        return
    for kinds, gives in _kinds(op):
        listed = [
            f"{name}: {kind} = {op.defaults[name]}" if name in op.defaults and kind != "Value" else f"{name}: {kind}"
            for name, kind in zip(names, kinds)
        ]
        yield f"@overload\ndef {op.name}({', '.join(listed)}) -> {gives}:{body}"
        body = " ..."


def _kinds(op: Op) -> Iterator[tuple[Sequence[str], str]]:
    """The types of the arguments and of the result: a Value among the arguments gives a Value, numbers a float."""
    first = ["Number | bool"] if op.name == "where" else []  # what a comparison gives
    rest = len(op.arguments) - len(first)
    for position in range(-len(first), rest):
        kinds = [*first, *["float"] * max(position, 0), *["Number"] * (rest - max(position, 0))]
        kinds[position + len(first)] = "Value"
        yield kinds, "Value"
    yield [*(["float | bool"] if first else []), *["float"] * rest], "float"


def methods() -> str:
    """The text of ``methods.pyi``."""
    lines = [_NOTE, "from .value import Number, Value", "", "class Methods:"]
    for op in TABLE.values():
        if op.method and not op.takes_list:
            lines += _method(op)
    return "\n".join(lines) + "\n"


def _method(op: Op) -> Iterator[str]:
    others = [
        f"{name}: Number = {op.defaults[name]}" if name in op.defaults else f"{name}: Number"
        for name in op.arguments[1:]
    ]
    for name in (op.method, *op.aliases):
        if name.startswith("__") and others:
            yield f"    def {name}(self, other: Number) -> Value: ..."
            yield f"    def {reflected(name)}(self, other: float) -> Value: ..."
        elif name.startswith("__"):
            yield f"    def {name}(self) -> Value: ..."
        else:
            text = f"{op.text} Formula: {op.formula}."
            yield f'    def {name}({", ".join(["self", *others])}) -> Value:\n        """{text}"""\n        ...'


STUBS = {"functions.pyi": functions, "methods.pyi": methods}


if __name__ == "__main__":
    for name, text in STUBS.items():
        (Path(__file__).parent / name).write_text(text(), encoding="utf-8")
