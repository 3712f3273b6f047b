"""Colors and line widths of pictures.

One hue from white to blue in even steps of lightness: it survives gray print and every kind of color blindness, and
dark text stays readable on all of it. Line widths repeat what the shade says.
"""

from __future__ import annotations

from .picture import Box, Wire

INK, PALE, PAPER, MARK = "#263238", "#5b6b73", "#ffffff", "#c04a00"
"""Text and outlines; captions; background; what is highlighted or not finite (vermilion)."""

_FILL = ("#ffffff", "#e4eff9", "#c3dcf0", "#96c4e6", "#64a5d8")
_LINE = ("#b0bec5", "#90b2cc", "#5f97c2", "#2f74ad", "#0b4f8a")


def ramp(stops: tuple[str, ...], level: float) -> str:
    """The color at a level from 0 to 1 on the way through some colors."""
    at = min(max(level, 0.0), 1.0) * (len(stops) - 1)
    i = min(int(at), len(stops) - 2)
    low, high = (tuple(int(stop[j : j + 2], 16) for j in (1, 3, 5)) for stop in stops[i : i + 2])
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in zip(low, high))


def shade(level: float) -> str:
    """The fill for a level from 0 to 1."""
    return ramp(_FILL, level)


def fill(box: Box) -> str:
    """The fill of a box: white where no gradient is known."""
    return shade(box.level or 0.0)


def stroke_width(box: Box) -> float:
    """The width of a box's outline in points."""
    return 3.0 if box.marked else 2.4 if box.bad else 1.0 + 1.4 * (box.level or 0.0)


def edge_colour(wire: Wire) -> str:
    """The color of a wire: darker where more gradient flows."""
    if wire.marked:
        return MARK
    return "#78909c" if wire.level is None else ramp(_LINE, wire.level)


def edge_width(wire: Wire) -> float:
    """The width of a wire in points."""
    return 3.4 if wire.marked else 1.1 if wire.level is None else 0.9 + 2.1 * wire.level
