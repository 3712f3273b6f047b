"""A placed picture as SVG: self-contained, escaped, the same structure whichever engine chose the places.

No style sheet, no script, no reference to anything outside, and no id besides those that `drawing` promises; so a
picture can be put inside any page, several times.
"""

from __future__ import annotations

from ..text import mono_width, number, width, xml
from .labels import Point, Size
from .layout import Layout
from .palette import INK, MARK, PALE, PAPER, edge_colour, edge_width, fill, shade, stroke_width
from .parts import NUMBERS, Rectangle, Words, arrow, box_parts
from .picture import FONT, SMALL, Box, Picture, Wire

SANS, MONO = "Helvetica, Arial, sans-serif", "Menlo, Consolas, DejaVu Sans Mono, monospace"
MARGIN = 14.0
LEAST = 360.0
"""The width that a legend gets at least."""


def render(picture: Picture, layout: Layout, rankdir: str, prefix: str = "", legend: bool = True) -> str:
    """The SVG text of a picture; ``prefix`` is put before every id."""
    place, routes, labels, (wide, high) = layout
    key = _legend(picture, labels, wide)[0] if legend else ""
    total_width, total_height = size(picture, layout, legend)
    shift = (total_width - 2 * MARGIN - wide) / 2
    prefix = xml(prefix)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width:.0f}" height="{total_height:.0f}" '
        f'viewBox="0 0 {total_width:.0f} {total_height:.0f}" role="img" aria-label="computational graph of '
        f'{picture.nodes} nodes" font-family="{SANS}" font-size="{FONT:g}" fill="{INK}">',
        f'<rect class="paper" width="100%" height="100%" rx="8" fill="{PAPER}"/>',
        f'<g class="graph" transform="translate({MARGIN + shift:.1f} {MARGIN:g})">',
    ]
    parts += [_wire(w, route, prefix) for w, route in zip(picture.wires, routes)]
    parts += [_slope(w, at) for w, at in zip(picture.wires, labels) if at]
    parts += [_box(box, *place[i], prefix, rankdir) for i, box in enumerate(picture.boxes)]
    parts.append("</g>")
    if legend:
        parts.append(f'<g class="legend" transform="translate({MARGIN:g} {high + 1.6 * MARGIN:.1f})">{key}</g>')
    parts.append("</svg>\n")
    return "\n".join(parts)


def size(picture: Picture, layout: Layout, legend: bool = True) -> Size:
    """The width and height of the whole picture in points."""
    wide, high = layout.size
    least = LEAST if legend else 0.0
    if legend:
        high += _legend(picture, layout.labels, wide)[1]
        least = max([least, *(width(note, FONT) for note in _notes(picture, layout.labels, wide))])
    return max(wide, least) + 2 * MARGIN, high + 2 * MARGIN


def _notes(picture: Picture, labels: list[Point | None], wide: float) -> list[str]:
    """What stands below the picture: in one line if there is room for it."""
    notes = picture.notes[:]
    labeled, shown = sum(bool(wire.label) for wire in picture.wires), sum(at is not None for at in labels)
    if shown < labeled:
        notes.append(
            f"the {shown} strongest of {labeled} local derivatives are written; each edge's tooltip has its own"
        )
    line = "; ".join(notes)
    return [line] if notes and width(line, FONT) <= max(wide, LEAST) else notes


def _wire(wire: Wire, route: list[Point], prefix: str) -> str:
    (start, *rest), (tip, left, right) = arrow(wire, route)
    curve = f"M{start[0]:.1f} {start[1]:.1f}C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in rest)
    head = f"M{tip[0]:.1f} {tip[1]:.1f}L{left[0]:.1f} {left[1]:.1f} {right[0]:.1f} {right[1]:.1f}Z"
    colour = edge_colour(wire)
    dashes = ' stroke-dasharray="4 3"' if wire.constant else ""
    marked = " marked" if wire.marked else ""
    return (
        f'<g class="edge{marked}" id="{prefix}{wire.id}"><title>{xml(wire.tooltip)}</title><path class="line" '
        f'd="{curve}" fill="none" stroke="{colour}" stroke-width="{edge_width(wire):.2f}"{dashes}/>'
        f'<path class="head" d="{head}" fill="{colour}"/></g>'
    )


def _slope(wire: Wire, at: Point) -> str:
    room = mono_width(wire.label, SMALL) + 2
    return (
        f'<rect x="{at[0] - room / 2:.1f}" y="{at[1] - 6.5:.1f}" width="{room:.1f}" height="13" rx="3" fill="{PAPER}" '
        f'fill-opacity="0.85"/><text class="slope" data-edge="{wire.id}" x="{at[0]:.1f}" y="{at[1] + 4.2:.1f}" '
        f'text-anchor="middle" font-family="{MONO}" font-size="{SMALL:g}">{xml(wire.label)}</text>'
    )


def _box(box: Box, x: float, y: float, prefix: str, rankdir: str) -> str:
    rectangles, words = box_parts(box, x, y, rankdir)
    marked = " marked" if box.marked else ""
    several = f' data-nodes="{ranges(box.nodes)}"' if box.kind == "group" else ""
    head = f'<g class="node {box.kind}{marked}" id="{prefix}{box.id}"{several}><title>{xml(box.tooltip)}</title>'
    return head + "".join([*(_rectangle(box, part) for part in rectangles), *map(_words, words)]) + "</g>"


def _rectangle(box: Box, part: Rectangle) -> str:
    outline = MARK if box.marked or box.bad else INK
    dashes = ' stroke-dasharray="3 2"' if box.kind == "constant" or box.bad else ""
    style = {
        "sheet": f'fill="{PAPER}" stroke="{INK}" stroke-width="0.8"',
        "box": f'fill="{fill(box)}" stroke="{outline}" stroke-width="{stroke_width(box):.2f}"{dashes}',
        "band": f'fill="{outline}"',
        "badge": f'fill="{MARK if box.marked else INK}"',
    }[part.role]
    return (
        f'<rect class="{part.role}" x="{part.left:.1f}" y="{part.top:.1f}" width="{part.wide:.1f}" '
        f'height="{part.high:.1f}" rx="{part.corner:.1f}" {style}/>'
    )


_STYLES = {
    "sign": f'font-weight="bold" fill="{PAPER}"',
    "label": 'font-weight="bold"',
    "caption": f'font-size="{SMALL:g}" fill="{PALE}"',
}


def _words(words: Words) -> str:
    style = _STYLES.get(words.role, f'font-family="{MONO}"')
    chunks = [(f'x="{words.x:.1f}" text-anchor="{anchor}"', xml(text)) for anchor, text in words.chunks]
    head = f'<text class="{words.role}" y="{words.y:.1f}" {style}'
    if words.role not in NUMBERS:
        return "".join(f"{head} {place}>{text}</text>" for place, text in chunks)
    return f"{head}>" + "".join(f"<tspan {place}>{text}</tspan>" for place, text in chunks) + "</text>"


def ranges(numbers: list[int]) -> str:
    """Increasing whole numbers in short: ``1-3 7``."""
    found: list[list[int]] = []
    for n in numbers:
        if found and found[-1][1] == n - 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return " ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in found)


_SHAPES = {
    "operation": '<rect x="8" y="0.5" width="20" height="12" rx="4" fill="none" stroke="{ink}"/>'
    '<rect y="0.5" width="14" height="12" rx="6" fill="{ink}"/>',
    "parameter": '<rect x="0.5" y="0.5" width="27" height="12" fill="none" stroke="{ink}"/>'
    '<rect x="0.5" y="0.5" width="4" height="12" fill="{ink}"/>',
    "input": '<rect x="0.5" y="0.5" width="27" height="12" rx="5" fill="none" stroke="{ink}"/>',
    "leaf": '<rect x="0.5" y="0.5" width="27" height="12" fill="none" stroke="{ink}"/>',
    "constant": '<rect x="0.5" y="0.5" width="27" height="12" rx="6" fill="none" stroke="{ink}" '
    'stroke-dasharray="3 2"/>',
    "group": '<rect x="4" y="3" width="24" height="10" fill="none" stroke="{ink}"/>'
    '<rect x="0.5" y="0.5" width="24" height="10" fill="{paper}" stroke="{ink}"/>',
}
_NAMES = {"operation": "operation and its value", "group": "folded nodes", "leaf": "leaf"}


def _legend(picture: Picture, labels: list[Point | None], wide: float) -> tuple[str, float]:
    """What the shapes, shades and lines mean, in lines no wider than ``wide``; with its height."""
    wide = max(wide, LEAST)
    items = [
        (_SHAPES[kind].format(ink=INK, paper=PAPER), 34.0, _NAMES.get(kind, kind))
        for kind in picture.kinds
        if kind in _SHAPES
    ]
    if picture.wires:
        line = f'<path d="M0 6.5H22" stroke="{edge_colour(picture.wires[0]) if not picture.largest else shade(1)}"'
        line += f' stroke-width="2"/><path d="M28 6.5L21 3V10Z" fill="{shade(1) if picture.largest else PALE}"/>'
        words = "local derivative; darker: more gradient flows" if picture.largest else "local derivative"
        items.append((line, 34.0, words))
    if picture.largest:
        low, high = number(picture.largest / 10**picture.decades), number(picture.largest)
        bar = "".join(
            f'<rect x="{i * 12 + 0.5:g}" y="0.5" width="12" height="12" fill="{shade((i + 1) / 6)}" stroke="{PALE}" '
            'stroke-width="0.5"/>'
            for i in range(6)
        )
        items.insert(0, (bar, 80.0, f"|grad| {low} … {high}"))
    for shown, dashes, words in (
        (any(box.marked for box in picture.boxes), "", "highlighted"),
        (any(box.bad for box in picture.boxes), ' stroke-dasharray="3 2"', "nan or infinite"),
    ):
        if shown:
            outline = f'fill="none" stroke="{MARK}" stroke-width="2.4"{dashes}'
            items.append((f'<rect x="1" y="1" width="26" height="11" rx="3" {outline}/>', 34.0, words))
    parts, x, y = [], 0.0, 0.0
    for shape, indent, words in items:
        room = indent + width(words, SMALL) + 18
        if x and x + room > wide:
            x, y = 0.0, y + 19
        parts.append(
            f'<g transform="translate({x:.1f} {y:.1f})">{shape}'
            f'<text x="{indent:g}" y="10" font-size="{SMALL:g}" fill="{PALE}">{xml(words)}</text></g>'
        )
        x += room
    for note in _notes(picture, labels, wide):
        y += 19 if parts else 0
        parts.append(f'<text class="note" y="{y + 10:.1f}" font-size="{FONT:g}">{xml(note)}</text>')
    return "".join(parts), y + 16 + MARGIN * 0.6
