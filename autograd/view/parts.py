"""What a box and a wire are made of and where each part stands: SVG and TikZ are two ways to write it down."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from ..text import SPACE, mono_width
from .labels import Point
from .palette import edge_width
from .picture import BADGE, FONT, LINE, Box, Wire, badge_width, title_width

NUMBERS = ("data", "grad", "fact")
"""The roles of words that are numbers."""


class Rectangle(NamedTuple):
    """A rectangle by its left top corner; ``role`` is ``sheet``, ``box``, ``band`` or ``badge``."""

    role: str
    left: float
    top: float
    wide: float
    high: float
    corner: float


class Words(NamedTuple):
    """A line of text at a base line; ``role`` is ``sign``, ``label``, ``caption``, ``data``, ``grad`` or ``fact``.

    ``chunks`` are (anchor, text) pairs around ``x``: a number is written from its point to both sides, so that neither
    the widths of a font nor spaces matter, which not every renderer keeps.
    """

    role: str
    x: float
    y: float
    chunks: tuple[tuple[str, str], ...]


def box_parts(box: Box, x: float, y: float, rankdir: str) -> tuple[list[Rectangle], list[Words]]:
    """The parts of a box with its center at a point, from the back to the front."""
    wide, high = box.size
    badge, mirrored, constant = badge_width(box), rankdir == "RL", box.kind == "constant"
    left, top = x - wide / 2, y - high / 2
    out = BADGE / 2 if badge else 0.0  # how far the sign stands out of the card
    card = left if mirrored else left + out
    corner = {"operation": 8, "input": high / 2.6, "constant": high / 2}.get(box.kind, 1.5)
    rectangles: list[Rectangle] = []
    words: list[Words] = []
    if box.kind == "group":
        for d in (3,) if box.beside else (5, 2.5):
            rectangles.append(Rectangle("sheet", card + d, top + d, wide - out, high, 0))
    rectangles.append(Rectangle("box", card, top, wide - out, high, corner))
    if box.kind == "parameter":
        rectangles.append(Rectangle("band", card, top, 4.5, high, 0))
    if badge:
        at = left + wide - badge if mirrored else left
        rectangles.append(Rectangle("badge", at, y - BADGE / 2, badge, BADGE, BADGE / 2))
        words.append(Words("sign", at + badge / 2, y + 4.3, (("middle", box.sign),)))
    start = x if constant else left + (9 if mirrored or not badge else badge + 7)
    end = left + wide - (badge + 7 if mirrored and badge else 9)
    line = top + (high - LINE * (len(box.rows) + (bool(box.title) and not box.beside))) / 2 + 11.5
    if box.title:
        anchor = "middle" if constant else "start"
        words.append(Words("label", start, y + 4.5 if box.beside else line, ((anchor, box.title),)))
        start += title_width(box)
        line += 0 if box.beside else LINE
    return rectangles, words + _rows(box, start, end, line)


def _rows(box: Box, start: float, end: float, line: float) -> list[Words]:
    values = [value.strip(SPACE) for _, value in box.rows]
    heads = [re.split(r"[.e]", value)[0] for value in values]
    tails = [value[len(head) :] for value, head in zip(values, heads)]
    point = end - max([mono_width(tail, FONT) for tail in tails], default=0.0)
    words = []
    for (caption, _), value, head, tail in zip(box.rows, values, heads, tails):
        role = {"value": "data", "": "data", "grad": "grad"}.get(caption, "fact")
        if caption:
            words.append(Words("caption", start, line, (("start", caption),)))
            words.append(Words(role, point, line, (("end", head), *([("start", tail)] if tail else []))))
        else:
            words.append(Words(role, start, line, (("middle" if box.kind == "constant" else "start", value),)))
        line += LINE
    return words


def arrow(wire: Wire, route: list[Point]) -> tuple[list[Point], list[Point]]:
    """The curve of a wire, which ends where its arrow begins, and the three corners of the arrow, the tip first."""
    tip, before = route[-1], next((p for p in reversed(route[:-1]) if p != route[-1]), route[0])
    angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
    thick = edge_width(wire)
    reach, half = 5.5 + thick, 2.2 + thick * 0.7
    back = (tip[0] - reach * math.cos(angle), tip[1] - reach * math.sin(angle))
    side = (half * math.sin(angle), -half * math.cos(angle))
    corners = [tip, (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1])]
    return [*route[:-1], back], corners
