"""The picture of a network as SVG text, written with the standard library alone.

The colors are Okabe and Ito's blue and vermillion, which every kind of color vision tells apart; negative entries
are dashed as well, so that a gray print says the same.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

from autograd.notation.names import Name, joined
from autograd.text import minus, number, xml
from autograd.text import width as width_of
from autograd.view.palette import ramp

POSITIVE, NEGATIVE, NOT_FINITE, INK = "#0072B2", "#D55E00", "#CC79A7", "#222222"
_ID = "\0"  # stands for an id that is made from the picture itself; no text can hold it
RADIUS, PITCH, FONT = 17.0, 40.0, 'font-family="Helvetica, Arial, DejaVu Sans, sans-serif"'


class Column(NamedTuple):
    """One layer as it is drawn: its entries, which of them are shown, and what is written under them.

    Attributes:
        size: how many entries it has.
        shown: which of them are drawn.
        caption: lines below.
        symbols: the name of each entry, as in every view of a graph: x₁, a¹₂, ŷ.
        values: the number of each entry, for one sample.
        names: what the entries mean, such as the features and the classes.
    """

    size: int
    shown: list[int]
    caption: list[str]
    symbols: list[Name]
    values: list[float] | None
    names: list[str] | None


class Edge(NamedTuple):
    """One entry of a layer's matrix (``source`` is None for an entry of its bias)."""

    layer: int
    source: int | None
    target: int
    number: float
    text: str


def render(columns: Sequence[Column], edges: Sequence[Edge], color: str, heading: str, note: str) -> str:
    """The text of the SVG file: columns from left to right, edges below nodes, the legend at the foot."""
    bias_layers = {edge.layer for edge in edges if edge.source is None}
    rows = max(map(_rows, columns))
    bias_row = max(_rows(column) + 2 * (index in bias_layers) for index, column in enumerate(columns)) > rows
    left = 40 + RADIUS + 6.2 * max(map(len, columns[0].names or [""]))
    right = 40 + RADIUS + 6.2 * max(map(len, columns[-1].names or [""]))
    top, tall = 58.0 if note else 44.0, rows * PITCH
    spacing = min(230.0, max(150.0, 0.42 * tall))
    titles = 24 + max(width_of(heading, 16, bold=True), width_of(note, 12))
    width = max(left + right + spacing * (len(columns) - 1), titles, 360.0)
    left += (width - left - right - spacing * (len(columns) - 1)) / 2
    base = top + tall + bias_row * PITCH
    height = base + 122 + 16 * (columns[0].values is not None)

    places: list[dict[int | None, tuple[float, float]]] = []
    gaps: list[tuple[float, float] | None] = []
    for index, column in enumerate(columns):
        where, gap = _places(column, left + index * spacing, top + tall / 2, index in bias_layers)
        places.append(where)
        gaps.append(gap)

    finite = [abs(edge.number) for edge in edges if math.isfinite(edge.number)]
    largest = max(finite, default=0.0)
    parts = [text_at(width / 2, 26, heading, 16, weight="bold")] if heading else []
    if note:
        parts.append(text_at(width / 2, 46, note, 12, fill=NEGATIVE))
    for edge in sorted(edges, key=lambda e: abs(e.number) if math.isfinite(e.number) else math.inf):
        parts.append(_line(places[edge.layer][edge.source], places[edge.layer + 1][edge.target], edge, largest))
    for index, column in enumerate(columns):
        parts += _nodes(column, places[index], gaps[index], index == 0)
        for line, words in enumerate(column.caption):
            weight = "normal" if line else "bold"
            parts.append(text_at(left + index * spacing, base + 20 + 15 * line, words, 12, weight=weight))
    parts += _legend(width / 2, base + 84, largest, color)
    if columns[0].values is not None:
        parts.append(text_at(width / 2, base + 125, "node: activation, tinted by its share of the layer's largest", 11))
    body = "\n".join(parts)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" {FONT} fill="{INK}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
    return svg.replace(_ID, "scale-" + hashlib.sha256(svg.encode()).hexdigest()[:8])  # ids unique in a page


def _rows(column: Column) -> int:
    return len(column.shown) + 2 * (len(column.shown) < column.size)


def _places(
    column: Column, x: float, middle: float, bias: bool
) -> tuple[dict[int | None, tuple[float, float]], tuple[float, float] | None]:
    """Where each shown entry stands, the constant 1 under key None, and the gap where entries are left out."""
    rows = _rows(column)
    y = middle - (rows - 1) * PITCH / 2  # the neurons are centered, the constant is below them
    where: dict[int | None, tuple[float, float]] = {}
    gap = None
    for before, entry in zip([-1, *column.shown], column.shown):
        if entry != before + 1:
            gap = (x, y + PITCH / 2)
            y += 2 * PITCH
        where[entry] = (x, y)
        y += PITCH
    if bias:
        where[None] = (x, y)
    return where, gap


def _nodes(
    column: Column,
    places: dict[int | None, tuple[float, float]],
    gap: tuple[float, float] | None,
    names_left: bool,
) -> list[str]:
    parts: list[str] = []
    finite = [abs(v) for v in column.values or [] if math.isfinite(v)]
    largest = max(finite, default=0.0)
    for entry, (x, y) in places.items():
        if entry is None:
            parts.append(
                f'<rect x="{x - 11:.1f}" y="{y - 11:.1f}" width="22" height="22" rx="3" fill="#eeeeee" '
                f'stroke="{INK}" stroke-width="1"><title>the constant 1: its edges are the biases</title></rect>'
            )
            parts.append(text_at(x, y + 4, "1", 12))
            continue
        value = column.values[entry] if column.values else None
        fill = "white" if value is None else _tint(value, largest)
        name = column.names[entry] if column.names else ""
        symbol = column.symbols[entry]
        tip = symbol.plain() + (f" ({name})" if name else "")
        tip += f" = {number(value, 6)}" if value is not None else ""
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{fill}" stroke="{INK}" stroke-width="1.2">'
            f"<title>{xml(tip)}</title></circle>"
        )
        if value is None:
            above, below = joined(symbol.upper), joined(symbol.lower)
            raised = f'<tspan dy="-5" font-size="8">{above}</tspan>' if above else ""
            lowered = f'<tspan dy="{9 if raised else 4}" font-size="8">{below}</tspan>' if below else ""
            parts.append(text_at(x, y + 4, f"<tspan>{symbol.base}</tspan>{raised}{lowered}", 12, raw=True))
        else:
            parts.append(text_at(x, y + 3.8, short(value), 10.5))
        if name:
            offset, anchor = (-RADIUS - 8, "end") if names_left else (RADIUS + 8, "start")
            parts.append(text_at(x + offset, y + 4, name, 12, anchor=anchor))
    if gap:
        parts.append(text_at(gap[0], gap[1] - 6, "⋮", 22))
        parts.append(text_at(gap[0], gap[1] + 15, column.caption[1], 11, halo=True))
    return parts


def _line(start: tuple[float, float], end: tuple[float, float], edge: Edge, largest: float) -> str:
    share = abs(edge.number) / largest if largest and math.isfinite(edge.number) else 0.0
    stroke, dash = _hue(edge.number), ' stroke-dasharray="5 3"' if edge.number < 0 else ""
    if not math.isfinite(edge.number):
        share = 1.0
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke="{stroke}" '
        f'stroke-width="{0.5 + 2.5 * share:.2f}" stroke-opacity="{0.12 + 0.83 * share:.2f}"{dash}>'
        f"<title>{xml(edge.text)}</title></line>"
    )


def _legend(x: float, y: float, largest: float, color: str) -> list[str]:
    half = 90
    words = {"weight": "weight (edge)", "gradient": "gradient of the weight (edge)"}[color]
    return [
        f'<linearGradient id="{_ID}">'
        f'<stop offset="0" stop-color="{NEGATIVE}"/><stop offset="0.5" stop-color="white"/>'
        f'<stop offset="1" stop-color="{POSITIVE}"/></linearGradient>',
        f'<rect x="{x - half}" y="{y}" width="{2 * half}" height="9" fill="url(#{_ID})" stroke="#888888"/>',
        text_at(x - half - 6, y + 9, short(-largest, 3), 11, anchor="end"),
        text_at(x + half + 6, y + 9, short(largest, 3), 11, anchor="start"),
        text_at(x, y + 25, f"{words}; dashed: negative; thickness: size", 11),
    ]


def _hue(x: float) -> str:
    if not math.isfinite(x):
        return NOT_FINITE
    return NEGATIVE if x < 0 else POSITIVE if x > 0 else "#888888"


def _tint(x: float, largest: float) -> str:
    """A light mixture of white and the hue, dark text staying readable on it."""
    if not math.isfinite(x):
        return NOT_FINITE
    share = 0.6 * abs(x) / largest if largest else 0.0
    return ramp(("#ffffff", _hue(x)), share)


def short(x: float, digits: int = 2) -> str:
    """A number in few characters, with a true minus sign."""
    size = abs(x)
    if not 0 < size < math.inf:
        return number(x)
    if 0.005 <= size < 9.995:
        text = f"{x:.{digits}f}"
    elif 9.995 <= size < 9999.5:
        text = f"{x:.1f}" if size < 99.95 else f"{x:.0f}"
    else:
        mantissa, exponent = f"{x:.0e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return minus(text)


def text_at(
    x: float, y: float, text: str, size: float, *, anchor: str = "middle", weight: str = "normal", fill: str = INK,
    raw: bool = False, halo: bool = False,
) -> str:  # fmt: skip
    """A line of text; ``raw`` text holds elements of SVG already."""
    halo_style = ' stroke="white" stroke-width="4" paint-order="stroke" stroke-linejoin="round"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{fill}"{halo_style}>{text if raw else xml(text)}</text>'
    )
