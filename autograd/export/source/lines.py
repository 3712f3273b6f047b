"""Lines of Python: statements that are broken where they are too long, numbers, lists, definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WIDTH = 88
"""What PEP 8's checkers take by default; longer statements are broken."""

SIGNED = ("+ ", "- ", "* ", "/ ", "@ ")
_OPENS = {")": "(", "]": "[", "}": "{"}


def number(value: float, whole: bool = True, digits: int = 17) -> str:
    """A number as Python reads it, without the end of a whole one where that does not matter."""
    if value != value or abs(value) == float("inf"):
        return f'float("{value}")'
    if whole and value == int(value) and abs(value) < 1e6 and not np.signbit(value):
        return str(int(value))
    return repr(float(value) if digits >= 17 else float(f"{value:.{digits}g}"))


def is_number(text: str) -> bool:
    """Whether a text is a number alone."""
    return text.lstrip("-").replace(".", "").replace("e-", "").isdigit()


def listed(numbers: Any, digits: int = 17) -> str:
    """Numbers in nested lists."""
    if np.ndim(numbers):
        return f"[{', '.join(listed(x, digits) for x in numbers)}]"
    return number(float(numbers), False, digits)


def shaped(shape: Sequence[object]) -> str:
    """A shape as Python writes it."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def definition(name: str, arguments: Sequence[str], text: str, *body: str, above: str = "") -> str:
    """A function of a few lines; the last one is what it returns."""
    inside = [line for each in (*body[:-1], f"return {body[-1]}") for line in wrapped(each, 4)]
    head = [above] if above else []
    return "\n".join([*head, f"def {name}({', '.join(arguments)}):", *filled(f'"""{text}"""', 4), *inside])


def dictionary(start: str, entries: dict[str, str], indent: int) -> list[str]:
    """A statement that begins like that and ends with a dictionary of these texts."""
    pad = " " * indent
    if not entries:
        return [f"{pad}{start}{{}}"]
    lines = [f"{pad}{start}{{"]
    for key, text in entries.items():
        lines += with_comma(wrapped(f'"{key}": {text}', indent + 4, WIDTH - 1))
    return [*lines, f"{pad}}}"]


def wrapped(line: str, indent: int, width: int = WIDTH) -> list[str]:
    """A statement in lines that are not too long: broken inside brackets, which are added where there are none."""
    pad = " " * indent
    if len(line) + indent <= width:
        return [pad + line]
    head, body = "", line
    for sign in ("return ", "assert ", " += ", " = ", ": "):
        cut = _outermost(line, sign)[:1] if sign[0] == " " or sign == ": " else [0] * line.startswith(sign)
        if cut and cut[0] < width // 2:
            head, body = line[: cut[0] + len(sign)], line[cut[0] + len(sign) :]
            break
    opening = _opening(body)
    if opening is None:
        return [f"{pad}{head}(", *_broken(body, indent + 4, width), f"{pad})"]
    inside = _broken(body[opening + 1 : -1], indent + 4, width)
    return [f"{pad}{head}{body[: opening + 1]}", *inside, f"{pad}{body[-1]}"]


def _opening(text: str) -> int | None:
    """Where the bracket opens that closes at the end, if a call or a list is all of the text."""
    depth, first = 0, None
    for place, sign in enumerate(text):
        if sign in "([{":
            if depth == 0:
                if first is not None or not all(x.isalnum() or x in "._" for x in text[:place].removeprefix("-")):
                    return None
                first = place
            depth += 1
        elif sign in _OPENS:
            depth -= 1
    return first if text[-1:] in _OPENS else None


def _broken(text: str, indent: int, width: int) -> list[str]:
    """What stands inside brackets, broken at its outermost commas or signs, and deeper where that does not do."""
    pad = " " * indent
    if len(text) + indent <= width:
        return [pad + text]
    commas = _outermost(text, ", ")
    cuts = [place + 1 for place in commas]
    cuts = cuts or sorted(_outermost(text, " + ") + _outermost(text, " - "))
    cuts = cuts or sorted(_outermost(text, " * ") + _outermost(text, " / ") + _outermost(text, " @ "))
    if not cuts:
        return wrapped(text, indent, width) if _opening(text) is not None else filled(text, indent, width)
    pieces = [text[begin:end].strip() for begin, end in zip([0, *cuts], [*cuts, len(text)])]
    deep = bool(commas) and not all(is_number(piece.strip(",")) for piece in pieces)
    lines: list[str] = []
    for piece in pieces:
        if lines and not deep and len(lines[-1]) + 1 + len(piece) < width:  # a comma may follow
            lines[-1] += f" {piece}"
        elif len(piece) + indent <= width:
            lines.append(pad + piece)
        else:
            sign = piece[:2] if piece[:2] in SIGNED else ""
            inner = wrapped(piece.removesuffix(",")[len(sign) :], indent, width - 1 - len(sign))
            inner[0] = pad + sign + inner[0].strip()
            lines += with_comma(inner) if piece.endswith(",") else inner
    return with_comma(lines) if commas and len(lines) > 1 else lines


def with_comma(lines: list[str]) -> list[str]:
    """The lines of an entry of several, with a comma at the end."""
    return lines if lines[-1].endswith(",") else [*lines[:-1], lines[-1] + ","]


def _outermost(text: str, sign: str) -> list[int]:
    """Where a sign stands outside all brackets."""
    depth, found = 0, []
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and text.startswith(sign, place):
            found.append(place)
    return found


def filled(text: str, indent: int, width: int = WIDTH) -> list[str]:
    """Words in lines."""
    lines = [" " * indent]
    for word in text.split(" "):
        line = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if len(line) > width and lines[-1].strip():
            lines.append(" " * indent + word)
        else:
            lines[-1] = line
    return lines
