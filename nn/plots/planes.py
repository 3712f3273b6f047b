"""Functions of two numbers: what a network decides over the plane, and the landscape of a loss."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Value, graph
from autograd.notation.naming import names_of

from ..losses import Loss
from ..module import Module
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
    f: Function | Value | Module, xlim: tuple[float, float] | Sequence[Value], ylim: tuple[float, float] | None = None,
    *, data: tuple[ArrayLike, ArrayLike] | None = None, loss: Loss | None = None, reach: float = 3.0,
    paths: Mapping[str, Any] | None = None, steps: int = 61, three_d: bool = False,
    labels: Sequence[str] | None = None, title: str = "", ax: Axes = None,
) -> Axes:  # fmt: skip
    """A function of two numbers as a contour map, or as a surface in space, with descent paths on it.

    The numbers can be two weights of a graph or of a network, all others being held: ``loss_surface(L, [w1, w2])``,
    ``loss_surface(model, [w1, w2], data=(X, y), loss=nn.mse_loss)``. A cross then marks where they are.

    Args:
        f: a function of two numbers, or of a list of two; a Value, the root of a graph; or a model.
        xlim: the range of the first number, or the two weights.
        ylim: the range of the second number.
        data: for a model, the samples and the targets over which the loss is averaged.
        loss: for a model, a function of its output and a target.
        reach: how far to either side of the present weights the map goes.
        paths: name -> `nn.Descent` or list of points.
        steps: the grid has steps × steps points.
        three_d: draw a surface; ``ax`` must then be three-dimensional.
        labels: the names of the two numbers and of f.
        title: a heading.
        ax: where to draw.

    Raises:
        TypeError: the weights are not two Values, a model comes without data and loss, or a function without ylim.
        ValueError: the graph does not depend on one of the weights.

    Example:
        >>> w, b = Value(0.5, "w"), Value(0.0, "b")
        >>> ax = loss_surface((Value(2.0) * w + b - 1.0) ** 2, [w, b], steps=5)
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('w', 'b')
    """
    here: list[float] = []
    names: Sequence[str] = ("w₁₁", "w₁₂", "E")
    ranges: Any = (xlim, ylim)
    if isinstance(f, (Value, Module)):
        f, here, names = _of_two_weights(f, xlim, data, loss)
        ranges = [(entry - reach, entry + reach) for entry in here]
    elif ylim is None:
        raise TypeError("the surface of a function needs the ranges of both numbers: loss_surface(f, xlim, ylim)")
    low, high = zip(*ranges)
    labels = names if labels is None else labels
    ax = axes(ax, 6.2, 4.8, **({"projection": "3d"} if three_d else {}))
    xs, ys = (np.linspace(start, end, steps) for start, end in ranges)
    heights = np.array([[evaluate(f, [x, y]) for x in xs.tolist()] for y in ys.tolist()])
    if three_d:
        ax.plot_surface(*np.meshgrid(xs, ys), heights, cmap="cividis", alpha=0.75, rcount=steps, ccount=steps, lw=0)
        ax.set(zlabel=labels[2])
        ax.view_init(elev=40, azim=-70)
    else:
        filled = ax.contourf(xs, ys, heights, levels=24, cmap="cividis")
        ax.contour(xs, ys, heights, levels=12, colors="white", linewidths=0.4, alpha=0.6)
        ax.figure.colorbar(filled, ax=ax, label=labels[2], format="%.3g")
        ax.set(xlim=ranges[0], ylim=ranges[1])
    on_dark = ("#FFFFFF", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442")
    for (name, path), color, (_, dash, marker) in zip((paths or {}).items(), cycle(on_dark), styles()):
        points = np.asarray(getattr(path, "path", path), float)
        inside = ((points >= low) & (points <= high)).all(1)
        if three_d:  # a line in space is not cut off at the edge of the axes
            points = points[: len(points) if inside.all() else int(np.argmin(inside))]
        few = len(points) <= 60
        line = {"color": "black" if three_d and color == "#FFFFFF" else color, "zorder": 5 if three_d else 3}
        dots = {"marker": marker, "markeredgecolor": "black", "markeredgewidth": 0.5, **line}
        along = _on_surface(f, points) if three_d else points
        ax.plot(*along.T, linestyle=dash if three_d else "-", lw=1.6, label=name, **line)
        marked = points if few else points[-1:]
        ax.plot(*(_heights(f, marked) if three_d else marked).T, linestyle="", ms=4 if few else 7, **dots)
    if here:
        ax.plot(*([*here, evaluate(f, here)] if three_d else here), "x", color="#D55E00", ms=9, mew=2.5, zorder=6)
    ax.set(xlabel=labels[0], ylabel=labels[1], title=title)
    if paths:
        ax.legend(loc="upper left", fontsize=9, **({} if three_d else {"facecolor": "#555555", "labelcolor": "white"}))
    return ax


def _of_two_weights(
    f: Value | Module, weights: Any, data: tuple[ArrayLike, ArrayLike] | None, loss: Loss | None
) -> tuple[Function, list[float], Sequence[str]]:
    """A graph (or a model's mean loss) as a function of two of its leaves, where they are, and what all are called."""
    pair = list(weights)
    if len(pair) != 2 or not all(isinstance(weight, Value) for weight in pair):
        raise TypeError("the surface of a graph or a model is drawn over two of its weights: loss_surface(L, [w1, w2])")
    if isinstance(f, Value):
        root = f
    else:
        if data is None or loss is None:
            raise TypeError("a model has no loss of its own: loss_surface(model, [w1, w2], data=(X, y), loss=…)")
        X, y = (np.asarray(part).tolist() for part in data)
        costs = [loss(f(x), target) for x, target in zip(X, y)]
        root = sum(costs[1:], costs[0]) / len(costs)
        root.label = "E"
    missing = {*pair} - {*graph.topological(root)}
    if missing:
        raise ValueError(f"the loss does not depend on {next(iter(missing))!r}")

    names = names_of(root)
    own, moved = copy.deepcopy((root, pair))  # the caller's graph stays as it is

    def at(point: Sequence[Value]) -> float:
        for weight, entry in zip(moved, point):
            weight.data = entry.data
        graph.forward(own)
        return own.data

    return at, [weight.data for weight in pair], [names.text(node) for node in (*pair, root)]


def _heights(f: Function, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([points, [evaluate(f, point) for point in points.tolist()]])


def _on_surface(f: Function, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The path with ten points per step, so that its line lies on the surface instead of cutting through it."""
    if len(points) < 2:
        return _heights(f, points)
    shares = np.linspace(0, 1, 10, endpoint=False)[:, None]
    steps = [start + shares * (end - start) for start, end in pairwise(points)]
    return _heights(f, np.vstack([*steps, points[-1:]]))
