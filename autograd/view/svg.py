"""A placed picture as SVG: self-contained, escaped, the same structure whichever engine chose the places.

No style sheet, no script, no reference to anything outside, and no id besides those that `drawing` promises; so a
picture can be put inside any page, several times.
"""

from __future__ import annotations

import math

from ..text import mono_width, number, width, xml
from .labels import Point
from .layout import Layout
from .palette import INK, MARK, PALE, PAPER, edge_colour, edge_width, fill, shade, stroke_width
from .picture import BADGE, FONT, SMALL, Box, Picture, Wire, badge_width

SANS, MONO = "Helvetica, Arial, sans-serif", "Menlo, Consolas, DejaVu Sans Mono, monospace"
MARGIN = 14.0
LINE = 15.0


def render(picture: Picture, layout: Layout, rankdir: str, prefix: str = "", legend: bool = True) -> str:
    """The SVG text of a picture; ``prefix`` is put before every id."""
    place, routes, labels, (wide, high) = layout
    notes = [*picture.notes, *_left_out(picture, labels)]
    key, key_height = _legend(picture, notes, max(wide, 360.0)) if legend else ("", 0.0)
    least = max((width(note, SMALL + 1) for note in notes), default=0.0)
    total_width = max(wide, least, 360.0 if legend else 0.0) + 2 * MARGIN
    total_height = high + key_height + 2 * MARGIN
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


def _left_out(picture: Picture, labels: list[Point | None]) -> list[str]:
    """What to say if there was not room for all labels."""
    all_of_them, shown = sum(bool(wire.label) for wire in picture.wires), sum(at is not None for at in labels)
    if shown == all_of_them:
        return []
    return [f"the {shown} strongest of {all_of_them} local derivatives are written; each edge's tooltip has its own"]


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
        f'<rect x="{at[0] - room / 2:.1f}" y="{at[1] - 5.5:.1f}" width="{room:.1f}" height="11" rx="3" fill="{PAPER}" '
        f'opacity="0.85"/><text class="slope" data-edge="{wire.id}" x="{at[0]:.1f}" y="{at[1] + 3.5:.1f}" '
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
            for d in (5, 2.5)
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
    line = top + (high - LINE * (len(box.rows) + bool(box.title))) / 2 + 11.5
    if box.kind == "constant":
        start = end = x
    if box.title:
        anchor = ' text-anchor="middle"' if box.kind == "constant" else ""
        parts.append(
            f'<text class="label" x="{start:.1f}" y="{line:.1f}" font-weight="bold"{anchor}>{xml(box.title)}</text>'
        )
        line += LINE
    for caption, value in box.rows:
        name = {"value": "data", "": "data", "grad": "grad"}.get(caption, "fact")
        if caption:
            parts.append(
                f'<text x="{start:.1f}" y="{line:.1f}" font-size="{SMALL:g}" fill="{PALE}">{xml(caption)}</text>'
            )
        anchor = "end" if caption else "middle" if box.kind == "constant" else "start"
        parts.append(
            f'<text class="{name}" x="{end if caption else start:.1f}" y="{line:.1f}" text-anchor="{anchor}" '
            f'font-family="{MONO}">{xml(value)}</text>'
        )
        line += LINE
    return "".join(parts) + "</g>"


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


def _legend(picture: Picture, notes: list[str], wide: float) -> tuple[str, float]:
    """What the shapes, shades and lines mean, in lines no wider than ``wide``; with its height."""
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
    for note in notes:
        y += 19 if parts else 0
        parts.append(f'<text class="note" y="{y + 10:.1f}" font-size="{SMALL + 1:g}">{xml(note)}</text>')
    return "".join(parts), y + 16 + MARGIN * 0.6
