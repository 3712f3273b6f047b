"""Colors, dashes and markers that everybody can tell apart, and the Axes to draw into."""

from __future__ import annotations

from itertools import cycle
from typing import Any

Axes = Any
"""A `matplotlib.axes.Axes`."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A900")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 2)), (0, (3, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def pyplot() -> Any:
    """`matplotlib.pyplot`, or an error that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install matplotlib") from error
    return plt


def axes(ax: Axes, width: float = 5.6, height: float = 4.0, **subplot: Any) -> Axes:
    """``ax``, or that of a new figure of this size in inches."""
    if ax is not None:
        return ax
    figure = pyplot().figure(figsize=(width, height), layout="constrained")
    return figure.add_subplot(**subplot)


def styles() -> Any:
    """Color, dash and marker for one line after the other, without an end."""
    return zip(cycle(COLOURS), cycle(DASHES), cycle(MARKERS))


def diverging() -> Any:
    """Vermillion for negative, white for zero, blue for positive: the colors of the network diagram."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [COLOURS[1], "white", COLOURS[0]])
