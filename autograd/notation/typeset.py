"""Formulas set in type for an SVG picture, which can hold no MathML: the MathML of a formula as boxes of glyphs.

Widths are those of Times, whose widths Liberation Serif, Nimbus Roman and Times New Roman share; another font is
squeezed or stretched to them, so that nothing runs into its neighbor.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree

from ..text import width, xml

FONT = "Times New Roman, Times, Liberation Serif, Nimbus Roman, STIX Two Text, serif"
SMALLEST = 12.0
"""The least size of an index, in pixels."""

_ITALIC = {c: share for share, signs in {
    0.28: "fijltι", 0.33: "I", 0.36: "τ", 0.39: "rszγε", 0.44: "cekvxyJνχζλξ", 0.5: "abdghnopquSβημπδυκρ∂θσ",
    0.56: "LTYZαφΓ", 0.61: "ABEFPRVXΔΣΛψ", 0.67: "wCKNΞ", 0.73: "mDGHOQUΘΠΩωΨ", 0.83: "MWΦ",
}.items() for c in signs}  # fmt: skip
_UPRIGHT = {c: share for share, signs in {
    0.2: "|", 0.25: "·., ′", 0.28: "ijlt", 0.33: "fr()[]", 0.39: "s", 0.44: "acez", 0.5: "bdghknopquvxy0123456789∂",
    0.57: "+−=<>≤≥S", 0.72: "wD∑", 0.78: "m⊙", 0.62: "T",
}.items() for c in signs}  # fmt: skip
_SPACED = "=+−<>≤≥⊙←≈"
_ACCENTS = {"^": "\u0302", "¯": "\u0304", "~": "\u0303"}


class Mark(NamedTuple):
    """A run of glyphs, or a filled bar where there is no text.

    Attributes:
        x, y: the left end of the baseline, or the upper left corner of a bar; y grows downward.
        width: how wide it is.
        size: of the font; how high a bar is.
        text: the glyphs.
        italic: whether they are slanted, as letters for quantities are.
    """

    x: float
    y: float
    width: float
    size: float
    text: str = ""
    italic: bool = False


@dataclass(frozen=True)
class Box:
    """Something set in type, its baseline at y = 0.

    Attributes:
        width, up, down: how far it reaches to the right, above the baseline and below it.
        marks: what is drawn.
    """

    width: float
    up: float
    down: float
    marks: tuple[Mark, ...]

    def moved(self, x: float, y: float = 0.0) -> Iterable[Mark]:
        """Its marks elsewhere."""
        return (mark._replace(x=mark.x + x, y=mark.y + y) for mark in self.marks)

    def raised(self, by: float) -> Box:
        """The same, higher."""
        return Box(self.width, self.up + by, self.down - by, tuple(self.moved(0.0, -by)))

    def svg(self, x: float, y: float) -> str:
        """Its elements with the left end of the baseline at a point, in the color of what they are put into."""
        return "".join(map(_element, self.moved(x, y)))


def _element(mark: Mark) -> str:
    if not mark.text:
        return f'<rect x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}" height="{mark.size:.2f}"/>'
    style = ' font-style="italic"' if mark.italic else ""
    return (
        f'<text class="math" x="{mark.x:.2f}" y="{mark.y:.2f}" font-size="{mark.size:.1f}"{style} '
        f'textLength="{mark.width:.2f}" lengthAdjust="spacingAndGlyphs">{xml(mark.text)}</text>'
    )


def typeset(mathml: str, size: float) -> Box:
    """A formula in MathML, without ``<math>`` around it, set in a size.

    Example:
        >>> box = typeset("<msup><mi>x</mi><mn>2</mn></msup>", 20)
        >>> [(mark.text, mark.size) for mark in box.marks]
        [('x', 20), ('2', 14.0)]
    """
    return _set(ElementTree.fromstring(f"<mrow>{mathml}</mrow>"), size)


def row(boxes: Sequence[Box], gap: float = 0.0) -> Box:
    """Boxes side by side on one baseline."""
    marks: list[Mark] = []
    x = 0.0
    for box in boxes:
        marks += box.moved(x)
        x += box.width + gap
    up, down = (max((getattr(box, way) for box in boxes), default=0.0) for way in ("up", "down"))
    return Box(max(x - gap, 0.0), up, down, tuple(marks))


def matrix(rows: Sequence[Sequence[str]], size: float) -> Box:
    """Numbers in brackets, in columns that end at the same place; its middle stands where that of a line would."""
    cells = [[_glyphs(text, size, italic=False) for text in line] for line in rows]
    columns = [max(line[j].width for line in cells) for j in range(len(cells[0]))]
    line_height, gap, edge = 1.25 * size, 0.7 * size, 0.42 * size
    high = line_height * len(cells)
    top = -high / 2 - 0.28 * size
    marks: list[Mark] = []
    x = 0.0
    for j, column in enumerate(columns):
        x += gap if j else edge
        for i, line in enumerate(cells):
            marks += line[j].moved(x + column - line[j].width, top + line_height * (i + 0.75))
        x += column
    x += edge
    thick, foot = 1.2, 0.3 * size
    for side, inward in ((0.0, 0.0), (x - thick, x - foot)):
        ends = (Mark(inward, y, foot, thick) for y in (top, top + high - thick))
        marks += [Mark(side, top, thick, high), *ends]
    return Box(x, -top, top + high, tuple(marks))


# ---- elements


def _set(element: ElementTree.Element, size: float) -> Box:
    tag, parts = element.tag, list(element)
    if tag in ("mi", "mn", "mo", "mtext"):
        text = (element.text or "").replace("\u2061", "")
        return _glyphs(text, size, tag == "mi" and len(unicodedata.normalize("NFC", text)) <= 2 and text != "∞")
    if tag == "mspace":
        return _space(float(element.get("width", "0em").removesuffix("em")) * size)
    if tag == "mover":
        letter, accent = parts
        text = unicodedata.normalize("NFC", (letter.text or "") + _ACCENTS.get(accent.text or "", ""))
        return _glyphs(text, size, italic=True)
    if tag in ("msub", "msup", "msubsup"):
        base, *scripts = parts
        below = scripts[0] if tag != "msup" else None
        above = scripts[-1] if tag != "msub" else None
        return _scripts(base, below, above, size)
    if tag == "mfrac":
        over, under = (_set(part, max(0.85 * size, SMALLEST)) for part in parts)
        return _fraction(over, under, size)
    if tag == "munderover":
        sign, *limits = parts
        return _limits(_set(sign, 1.3 * size), *(_set(part, max(0.6 * size, SMALLEST)) for part in limits))
    if tag == "msqrt":
        inner = _row(parts, size)
        root = _stretched("√", inner, size)
        bar = Mark(root.width, -inner.up - 3, inner.width, 1.2)
        return Box(root.width + inner.width, inner.up + 4, inner.down, (*root.marks, *inner.moved(root.width), bar))
    return _row(parts, size)


def _glyphs(text: str, size: float, italic: bool) -> Box:
    """One run of glyphs."""
    known = _ITALIC if italic else _UPRIGHT
    wide = 0.0
    for c in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(c):
            wide += size * known[c] if c in known else width(c, size)
    mark = Mark(0.0, 0.0, wide, size, text, italic)
    return Box(wide, 0.72 * size, 0.22 * size, (mark,) if text.strip() else ())


def _row(parts: Sequence[ElementTree.Element], size: float) -> Box:
    """Elements side by side: space around operators, parentheses as high as what stands between them."""
    signs = [(part.text or "").strip() if part.tag == "mo" else "" for part in parts]
    boxes = [_set(part, size) for part in parts]
    inside = row([box for box, sign in zip(boxes, signs) if sign not in ("(", ")", "[", "]")])
    placed: list[Box] = []
    for i, (box, sign) in enumerate(zip(boxes, signs)):
        space = 0.0
        if sign and sign in "()[]":
            box = _stretched(sign, inside, size)
        elif sign and sign in _SPACED:
            space = 0.24 * size if i else 0.0
        elif sign == "·":
            space = 0.18 * size
        elif sign == ",":
            placed += [box, _space(0.25 * size)]
            continue
        placed += [_space(space), box, _space(space)] if space else [box]
    return row(placed)


def _space(wide: float) -> Box:
    return Box(wide, 0.0, 0.0, ())


def _stretched(sign: str, inside: Box, size: float) -> Box:
    """A parenthesis that is as high as what it stands beside."""
    high = inside.up + inside.down
    if high <= 1.25 * size:
        return _glyphs(sign, size, italic=False)
    larger = min(high / 0.95, 2.6 * size)
    box = _glyphs(sign, larger, italic=False)
    middle = (inside.down - inside.up) / 2
    drop = middle + 0.25 * larger
    squeezed = 0.75 * box.width  # it grows in height more than in width
    marks = tuple(mark._replace(y=mark.y + drop, width=squeezed) for mark in box.marks)
    return Box(squeezed, inside.up, inside.down, marks)


def _scripts(
    base: ElementTree.Element, below: ElementTree.Element | None, above: ElementTree.Element | None, size: float
) -> Box:
    middle = _set(base, size)
    tall = middle.up > 0.9 * size and base.tag not in ("msup", "msubsup")  # a fraction in parentheses
    small = max(0.7 * size, SMALLEST)
    marks = list(middle.marks)
    wide, up, down = 0.0, middle.up, middle.down
    for part, sign in ((below, 1), (above, -1)):
        if part is None:
            continue
        script = _set(part, small)
        shift = 0.22 * size if sign > 0 else -(middle.up - 0.45 * small if tall else 0.42 * size)
        marks += script.moved(middle.width + 0.04 * size, shift)
        wide = max(wide, script.width + 0.08 * size)
        up, down = max(up, script.up - shift), max(down, script.down + shift)
    return Box(middle.width + wide, up, down, tuple(marks))


def _fraction(above: Box, below: Box, size: float) -> Box:
    axis, gap, thick = 0.28 * size, 0.1 * size, max(0.055 * size, 1.0)
    wide = max(above.width, below.width) + 0.2 * size
    raised, lowered = -axis - gap - above.down, -axis + gap + below.up
    marks = [*above.moved((wide - above.width) / 2, raised), *below.moved((wide - below.width) / 2, lowered)]
    side = 0.06 * size
    bar = Mark(side, -axis - thick / 2, wide, thick)
    return Box(
        wide + 2 * side, above.up - raised, below.down + lowered, (*(m._replace(x=m.x + side) for m in marks), bar)
    )


def _limits(sign: Box, below: Box, above: Box) -> Box:
    wide = max(sign.width, below.width, above.width)
    raised, lowered = -sign.up - above.down, sign.down + below.up
    marks = [box.moved((wide - box.width) / 2, y) for box, y in ((sign, 0.0), (below, lowered), (above, raised))]
    return Box(wide, above.up - raised, below.down + lowered, tuple(mark for some in marks for mark in some))
