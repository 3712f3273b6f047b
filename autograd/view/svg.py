"""A placed picture as SVG: self-contained, escaped, the same structure whichever engine chose the places.

No style sheet, no script, no reference to anything outside, and no id besides those that `drawing` promises; so a
picture can be put inside any page, several times.
"""

from __future__ import annotations

import math
import re

from ..text import SPACE, mono_width, number, width, xml
from .labels import Point, Size
from .layout import Layout
from .palette import INK, MARK, PALE, PAPER, edge_colour, edge_width, fill, shade, stroke_width
from .picture import BADGE, FONT, LINE, SMALL, Box, Picture, Wire, badge_width, title_width

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
    heads = [badge_width(box) > 0 for box in picture.boxes]
    parts += [_wire(w, route, prefix, heads[w.head]) for w, route in zip(picture.wires, routes)]
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


def _wire(wire: Wire, route: list[Point], prefix: str, badge: bool) -> str:
    (x0, y0), *rest = route
    tip, before = route[-1], next((p for p in reversed(route[:-1]) if p != route[-1]), route[0])
    angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
    thick = edge_width(wire)
    reach, half = 5.5 + thick, 2.2 + thick * 0.7
    back = (tip[0] - reach * math.cos(angle), tip[1] - reach * math.sin(angle))
    side = (half * math.sin(angle), -half * math.cos(angle))
    curve = f"M{x0:.1f} {y0:.1f}C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in [*rest[:-1], back])
    arrow = (
        f"M{tip[0]:.1f} {tip[1]:.1f}L{back[0] + side[0]:.1f} {back[1] + side[1]:.1f} "
        f"{back[0] - side[0]:.1f} {back[1] - side[1]:.1f}Z"
    )
    colour = edge_colour(wire)
    dashes = ' stroke-dasharray="4 3"' if wire.constant else ""
    marked = " marked" if wire.marked else ""
    return (
        f'<g class="edge{marked}" id="{prefix}{wire.id}"><title>{xml(wire.tooltip)}</title>'
        f'<path class="line" d="{curve}" fill="none" stroke="{colour}" stroke-width="{thick:.2f}"{dashes}/>'
        f'<path class="head" d="{arrow}" fill="{colour}"/></g>'
    )


def _slope(wire: Wire, at: Point) -> str:
    room = mono_width(wire.label, SMALL) + 2
    return (
        f'<rect x="{at[0] - room / 2:.1f}" y="{at[1] - 6.5:.1f}" width="{room:.1f}" height="13" rx="3" fill="{PAPER}" '
        f'fill-opacity="0.85"/><text class="slope" data-edge="{wire.id}" x="{at[0]:.1f}" y="{at[1] + 4.2:.1f}" '
        f'text-anchor="middle" font-family="{MONO}" font-size="{SMALL:g}">{xml(wire.label)}</text>'
    )


def _box(box: Box, x: float, y: float, prefix: str, rankdir: str) -> str:
    wide, high = box.size
    badge = badge_width(box)
    mirrored = rankdir == "RL"
    left, top = x - wide / 2, y - high / 2
    out = BADGE / 2 if badge else 0.0  # how far the sign stands out of the card
    card = left if mirrored else left + out
    card_width = wide - out
    outline = MARK if box.marked or box.bad else INK
    stroke = f'stroke="{outline}" stroke-width="{stroke_width(box):.2f}"'
    dashes = ' stroke-dasharray="3 2"' if box.kind == "constant" or box.bad else ""
    corner = {"operation": 8, "input": high / 2.6, "constant": high / 2}.get(box.kind, 1.5)
    marked = " marked" if box.marked else ""
    several = f' data-nodes="{ranges(box.nodes)}"' if box.kind == "group" else ""
    parts = [f'<g class="node {box.kind}{marked}" id="{prefix}{box.id}"{several}><title>{xml(box.tooltip)}</title>']
    if box.kind == "group":  # sheets behind the front one
        parts += [
            f'<rect x="{card + d:.1f}" y="{top + d:.1f}" width="{card_width:.1f}" height="{high:.1f}" fill="{PAPER}" '
            f'stroke="{INK}" stroke-width="0.8"/>'
            for d in ((3,) if box.beside else (5, 2.5))
        ]
    parts.append(
        f'<rect class="box" x="{card:.1f}" y="{top:.1f}" width="{card_width:.1f}" height="{high:.1f}" '
        f'rx="{corner:.1f}" fill="{fill(box)}" {stroke}{dashes}/>'
    )
    if box.kind == "parameter":
        parts.append(f'<rect x="{card:.1f}" y="{top:.1f}" width="4.5" height="{high:.1f}" fill="{outline}"/>')
    if badge:
        at = left + wide - badge if mirrored else left
        parts.append(
            f'<rect class="badge" x="{at:.1f}" y="{y - BADGE / 2:.1f}" width="{badge:.1f}" height="{BADGE:g}" '
            f'rx="{BADGE / 2:g}" fill="{MARK if box.marked else INK}"/>'
            f'<text class="sign" x="{at + badge / 2:.1f}" y="{y + 4.3:.1f}" text-anchor="middle" font-weight="bold" '
            f'fill="{PAPER}">{xml(box.sign)}</text>'
        )
    start = left + (9 if mirrored or not badge else badge + 7)
    end = left + wide - (badge + 7 if mirrored and badge else 9)
    line = top + (high - LINE * (len(box.rows) + (bool(box.title) and not box.beside))) / 2 + 11.5
    if box.kind == "constant":
        start = end = x
    if box.title:
        anchor = ' text-anchor="middle"' if box.kind == "constant" else ""
        base = y + 4.5 if box.beside else line
        parts.append(
            f'<text class="label" x="{start:.1f}" y="{base:.1f}" font-weight="bold"{anchor}>{xml(box.title)}</text>'
        )
        start += title_width(box)
        line += 0 if box.beside else LINE
    parts += _rows(box, start, end, line)
    return "".join(parts) + "</g>"


def _rows(box: Box, start: float, end: float, line: float) -> list[str]:
    """The numbers of a box, their points one below the other.

    A number is written from its point to both sides, so that neither the widths of a font nor spaces matter, which
    not every renderer keeps.
    """
    parts = []
    values = [value.strip(SPACE) for _, value in box.rows]
    heads = [re.split(r"[.e]", value)[0] for value in values]
    point = end - max([mono_width(value[len(head) :], FONT) for value, head in zip(values, heads)], default=0.0)
    for (caption, _), value, head in zip(box.rows, values, heads):
        name = {"value": "data", "": "data", "grad": "grad"}.get(caption, "fact")
        written = f'<text class="{name}" y="{line:.1f}" font-family="{MONO}"'
        if caption:
            parts.append(
                f'<text x="{start:.1f}" y="{line:.1f}" font-size="{SMALL:g}" fill="{PALE}">{xml(caption)}</text>'
            )
            at = f'x="{point:.1f}" text-anchor'
            tail = value[len(head) :]
            after = f'<tspan {at}="start">{xml(tail)}</tspan>' if tail else ""
            parts.append(f'{written}><tspan {at}="end">{xml(head)}</tspan>{after}</text>')
        else:
            anchor = "middle" if box.kind == "constant" else "start"
            parts.append(f'{written} x="{start:.1f}" text-anchor="{anchor}">{xml(value)}</text>')
        line += LINE
    return parts


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
