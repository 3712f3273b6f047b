"""Equations with a brace under each factor and an arrow from it to what the factor is, as one SVG picture.

The last factor's label stands highest, and each label begins to the right of its arrow: so no label meets another
one, an arrow or an equation, however many factors there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..notation.typeset import FONT, Box, matrix, row, typeset
from ..text import SPACE, number, width, xml

SIZE, LABEL, DIGITS = 24.0, 14.0, 13.0
WIDEST = 330.0
"""How wide a line of a label may be."""
MOST = 8
"""A matrix is written out if it has no more rows or columns."""
_MARGIN, _LINE, _GAP = 20.0, 19.0, 10.0
_HUES = ("#00578a", "#9c3a00", "#00614a", "#7d2e68", "#5b4a00", "#45459a")
_DARK_HUES = ("#7cc0f0", "#ffa46b", "#5fd0ad", "#e79bd0", "#d9c25a", "#b3b0ff")
_INK, _PALE, _PAPER = "#1f2a30", "#4c5b63", "#ffffff"
_DARK = f""".paper{{fill:#14191d}}.ink{{fill:#e8eef1}}.pale{{fill:#a3b2ba}}
{"".join(f".h{i}{{fill:{hue}}}.s{i}{{stroke:{hue}}}" for i, hue in enumerate(_DARK_HUES))}"""


@dataclass(frozen=True)
class Piece:
    """A part of an equation with its label.

    Attributes:
        mathml, plain: the part, as presentation MathML and as text.
        words: what it is; empty for a part without a label, such as a sign.
        shape: ``"3×5"``; empty for none.
        numbers: its number, or the rows of its matrix; None for none.
    """

    mathml: str
    plain: str
    words: str = ""
    shape: str = ""
    numbers: float | Sequence[Sequence[float]] | None = None

    def written(self) -> str:
        """The numbers as text: ``[0.5, −1]ᵀ`` for a column; empty if there are none or too many."""
        if self.numbers is None:
            return ""
        if isinstance(self.numbers, (int, float)):
            return number(float(self.numbers))
        rows = [[number(x) for x in line] for line in self.numbers]
        if max(len(rows), len(rows[0])) > MOST:
            return ""
        if len(rows[0]) == 1:
            return f"[{', '.join(line[0] for line in rows)}]ᵀ"
        return f"[{'; '.join(', '.join(line) for line in rows)}]"


def sign(text: str) -> Piece:
    """What stands between two parts: an equals sign, ⊙, ·, or a little space."""
    space = '<mspace width="0.28em"/>'
    return Piece(f"{space}<mo>{text}</mo>{space}", f" {text} ") if text else Piece('<mspace width="0.35em"/>', " ")


def picture(equations: Sequence[Sequence[Piece]], title: str, description: str) -> str:
    """The text of an SVG file, an equation below the other."""
    blocks = []
    y, wide = _MARGIN, 0.0
    for equation in equations:
        drawn, room, high = _block(equation, y)
        blocks.append(drawn)
        wide, y = max(wide, room), y + high + 2 * _GAP
    wide += 2 * _MARGIN
    high = y - 2 * _GAP + _MARGIN
    body = "\n".join(blocks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" role="img">'
        f"<title>{xml(title)}</title><desc>{xml(description)}</desc>\n"
        f"<style>@media (prefers-color-scheme: dark){{{_DARK}}}</style>\n"
        f'<rect class="paper" width="100%" height="100%" rx="8" fill="{_PAPER}"/>\n'
        f'<g font-family="Helvetica, Arial, DejaVu Sans, sans-serif" fill="{_INK}">\n{body}\n</g>\n</svg>\n'
    )


def _block(equation: Sequence[Piece], top: float) -> tuple[str, float, float]:
    """One equation and its labels below it: the elements, how far they reach to the right, and their height."""
    boxes = [typeset(part.mathml, SIZE) for part in equation]
    whole = row(boxes)
    baseline = top + whole.up
    drawn: list[str] = []
    labeled: list[tuple[Piece, float, Box, int]] = []
    x = _MARGIN
    for part, box in zip(equation, boxes):
        hue = len(labeled) % len(_HUES)
        color = f'class="h{hue}" fill="{_HUES[hue]}"' if part.words else f'class="ink" fill="{_INK}"'
        drawn.append(f'<g {color} font-family="{FONT}">{box.svg(x, baseline)}</g>')
        if part.words:
            labeled.append((part, x, box, hue))
        x += box.width
    right = x
    y = baseline + whole.down + 5
    below = y + 14
    for part, start, box, hue in reversed(labeled):
        middle = start + box.width / 2
        label, room, high = _label(part, middle + 26, below)
        drawn += [_brace(start, start + box.width, y, hue), _arrow(middle, y + 7, middle + 22, below + 9, hue), label]
        right, below = max(right, room), below + high + _GAP
    return f'<g class="equation">{"".join(drawn)}</g>', right - _MARGIN, below - _GAP - top


def _brace(left: float, right: float, y: float, hue: int) -> str:
    """A curly brace that opens upward; its tip is 7 pixels below its ends."""
    middle, bend = (left + right) / 2, min(5.0, (right - left) / 4)
    return (
        f'<path class="brace s{hue}" fill="none" stroke="{_HUES[hue]}" stroke-width="1.5" d="M{left:.1f} {y:.1f}'
        f"q0 3.5 {bend:.1f} 3.5H{middle - bend:.1f}q{bend:.1f} 0 {bend:.1f} 3.5q0 -3.5 {bend:.1f} -3.5"
        f'H{right - bend:.1f}q{bend:.1f} 0 {bend:.1f} -3.5"/>'
    )


def _arrow(x: float, top: float, tip: float, y: float, hue: int) -> str:
    """Down from a brace, around a corner, and to a label."""
    return (
        f'<path class="arrow s{hue}" fill="none" stroke="{_HUES[hue]}" stroke-width="1.5" '
        f'd="M{x:.1f} {top:.1f}V{y - 6:.1f}q0 6 6 6H{tip - 5:.1f}"/>'
        f'<path class="h{hue}" fill="{_HUES[hue]}" d="M{tip:.1f} {y:.1f}l-7 -3.6v7.2z"/>'
    )


def _label(part: Piece, x: float, top: float) -> tuple[str, float, float]:
    """The words, shape and numbers of a part: the elements, how far they reach to the right, and their height."""
    lines = wrapped(part.words, WIDEST)
    drawn = [
        f'<text class="label ink" fill="{_INK}" x="{x:.1f}" y="{top + 14 + _LINE * i:.1f}" font-size="{LABEL:g}">'
        f"{xml(line)}</text>"
        for i, line in enumerate(lines)
    ]
    right = x + max(width(line, LABEL) for line in lines)
    high = _LINE * len(lines)
    shown = _numbers(part)
    if not part.shape and shown is None:
        return "".join(drawn), right, high
    at = x
    tall = shown.up + shown.down if shown else _LINE
    middle = top + high + 3 + tall / 2
    if part.shape:
        text = part.shape + (":" if shown else "")
        drawn.append(
            f'<text class="shape pale" fill="{_PALE}" x="{x:.1f}" y="{middle + 4.6:.1f}" font-size="{DIGITS:g}">'
            f"{xml(text)}</text>"
        )
        at += width(text, DIGITS) + 8
    if shown is not None:
        place = shown.svg(at, middle + (shown.up - shown.down) / 2)
        drawn.append(f'<g class="numbers ink" fill="{_INK}" font-family="{FONT}">{place}</g>')
        at += shown.width
    return "".join(drawn), max(right, at), high + 3 + tall


def _numbers(part: Piece) -> Box | None:
    """The numbers of a part: a number as such, a column lying down, a matrix in rows."""
    numbers = part.numbers
    if numbers is None or not part.written():
        return None
    if isinstance(numbers, (int, float)):
        return typeset(f"<mtext>{number(float(numbers))}</mtext>", DIGITS + 1)
    rows = [[number(x, 3) for x in line] for line in numbers]
    if len(rows[0]) > 1:
        return matrix(rows, DIGITS)
    return row([matrix([[line[0] for line in rows]], DIGITS), typeset("<mtext>T</mtext>", 12.0).raised(7.0)], 2.0)


def wrapped(text: str, most: float) -> list[str]:
    """Text in lines no wider than ``most``, broken between words, but not before a number: layer 2."""
    lines = [""]
    for word in re.sub(r" (?=\d)", SPACE, text).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, LABEL) > most:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
