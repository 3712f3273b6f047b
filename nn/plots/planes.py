"""Functions of two numbers: what a network decides over the plane, and the landscape of a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..search import Function, evaluate
from .style import COLOURS, MARKERS, Axes, axes, diverging, styles


def decision_boundary(
    model: Any, X: ArrayLike, y: ArrayLike, *, threshold: float = 0.0, steps: int = 200,
    features: Sequence[str] = ("x₁", "x₂"), classes: Sequence[str] | None = None, title: str = "", ax: Axes = None,
) -> Axes:  # fmt: skip
    """Which class a network of two inputs gives to every point of the plane, with the samples on top.

    Args:
        model: a network (its ``predict`` is called), or a function from (N, 2) to (N,) or (N, n) numbers.
        X: (N, 2) samples.
        y: N labels, of any two values for a network of one output, 0..n−1 for one of n outputs.
        threshold: the output at which one class turns into the other: 0 for scores and logits, ½ for a sigmoid.
        steps: the grid has steps × steps points.
        features: the names of the axes, with units.
        classes: the names of the classes.
        title: a heading.
        ax: where to draw.

    Raises:
        ValueError: X does not have two columns.
    """
    X, y = np.asarray(X, float), np.asarray(y).ravel()
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"a decision boundary is drawn over two inputs; X has the shape {X.shape}")
    ax = axes(ax, 5.4, 4.4)
    margin = 0.15 * np.ptp(X, axis=0) + 1e-9
    spans = [np.linspace(low, high, steps) for low, high in zip(X.min(0) - margin, X.max(0) + margin)]
    grid = np.stack([part.ravel() for part in np.meshgrid(*spans)], axis=1)
    predict = getattr(model, "predict", model)
    scores = np.asarray(predict(grid), float).reshape(len(grid), -1)
    labels = np.unique(y)
    if scores.shape[1] == 1:
        field = scores.reshape(steps, steps) - threshold
        reach = np.abs(field).max() or 1.0
        filled = ax.contourf(*spans, field + threshold, levels=np.linspace(-reach, reach, 21) + threshold,
                             cmap=diverging(), alpha=0.55)  # fmt: skip
        ax.figure.colorbar(
            filled,
            ax=ax,
            label="output of the network",
            format=lambda level, _: f"{0.0 if abs(level) < 1e-6 * reach else level:.2g}",
        )
        if field.min() < 0 < field.max():
            ax.contour(*spans, field, levels=[0.0], colors="black", linewidths=1.6)
        colors = [COLOURS[1], COLOURS[0]]  # the lower label on the side of the lower outputs
    else:
        tints = [COLOURS[k % len(COLOURS)] for k in range(scores.shape[1])]
        for k, tint in enumerate(tints):
            lead = (scores[:, k] - np.delete(scores, k, axis=1).max(1)).reshape(steps, steps)
            if lead.max() > 0:
                ax.contourf(*spans, lead, levels=[0.0, lead.max()], colors=[tint], alpha=0.3)
            if lead.min() < 0 < lead.max():
                ax.contour(*spans, lead, levels=[0.0], colors="black", linewidths=0.8)
        colors = tints
    for k, label in enumerate(labels):
        name = classes[k] if classes is not None else f"class {label:g}"
        place = k if scores.shape[1] == 1 else int(label)
        ax.scatter(*X[y == label].T, s=26, color=colors[place % len(colors)], marker=MARKERS[k % len(MARKERS)],
                   edgecolor="black", linewidth=0.6, label=name)  # fmt: skip
    ax.set(xlabel=features[0], ylabel=features[1], title=title)
    ax.legend(loc="best", framealpha=0.9)
    return ax


def loss_surface(
    f: Function, xlim: tuple[float, float], ylim: tuple[float, float], *, paths: Mapping[str, Any] | None = None,
    steps: int = 61, three_d: bool = False, labels: Sequence[str] = ("w₁₁", "w₁₂", "E"), title: str = "",
    ax: Axes = None,
) -> Axes:  # fmt: skip
    """A function of two numbers as a contour map, or as a surface in space, with descent paths on it.

    Args:
        f: a function of two numbers, or of a list of two.
        xlim: the range of the first number.
        ylim: the range of the second.
        paths: name -> `nn.Descent` or list of points.
        steps: the grid has steps × steps points.
        three_d: draw a surface; ``ax`` must then be three-dimensional.
        labels: the names of the two numbers and of f.
        title: a heading.
        ax: where to draw.
    """
    ax = axes(ax, 6.2, 4.8, **({"projection": "3d"} if three_d else {}))
    xs, ys = np.linspace(*xlim, steps), np.linspace(*ylim, steps)
    heights = np.array([[evaluate(f, [x, y]) for x in xs.tolist()] for y in ys.tolist()])
    if three_d:
        ax.plot_surface(*np.meshgrid(xs, ys), heights, cmap="cividis", alpha=0.75, rcount=steps, ccount=steps, lw=0)
        ax.set(zlabel=labels[2])
        ax.view_init(elev=40, azim=-70)
    else:
        filled = ax.contourf(xs, ys, heights, levels=24, cmap="cividis")
        ax.contour(xs, ys, heights, levels=12, colors="white", linewidths=0.4, alpha=0.6)
        ax.figure.colorbar(filled, ax=ax, label=labels[2], format="%.3g")
        ax.set(xlim=xlim, ylim=ylim)
    on_dark = ("#FFFFFF", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442")
    for (name, path), color, (_, dash, marker) in zip((paths or {}).items(), cycle(on_dark), styles()):
        points = np.asarray(getattr(path, "path", path), float)
        inside = (points >= [xlim[0], ylim[0]]).all(1) & (points <= [xlim[1], ylim[1]]).all(1)
        if three_d:  # a line in space is not cut off at the edge of the axes
            points = points[: len(points) if inside.all() else int(np.argmin(inside))]
        few = len(points) <= 60
        line = {"color": "black" if three_d and color == "#FFFFFF" else color, "zorder": 5 if three_d else 3}
        dots = {"marker": marker, "markeredgecolor": "black", "markeredgewidth": 0.5, **line}
        along = _on_surface(f, points) if three_d else points
        ax.plot(*along.T, linestyle=dash if three_d else "-", lw=1.6, label=name, **line)
        marked = points if few else points[-1:]
        ax.plot(*(_heights(f, marked) if three_d else marked).T, linestyle="", ms=4 if few else 7, **dots)
    ax.set(xlabel=labels[0], ylabel=labels[1], title=title)
    if paths:
        ax.legend(loc="upper left", fontsize=9, **({} if three_d else {"facecolor": "#555555", "labelcolor": "white"}))
    return ax


def _heights(f: Function, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([points, [evaluate(f, point) for point in points.tolist()]])


def _on_surface(f: Function, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The path with ten points per step, so that its line lies on the surface instead of cutting through it."""
    if len(points) < 2:
        return _heights(f, points)
    shares = np.linspace(0, 1, 10, endpoint=False)[:, None]
    steps = [start + shares * (end - start) for start, end in pairwise(points)]
    return _heights(f, np.vstack([*steps, points[-1:]]))
