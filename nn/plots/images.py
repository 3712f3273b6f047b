"""Vectors as images, and how often one class is taken for another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import Axes, axes, diverging

Array = NDArray[Any]


def images(
    rows: ArrayLike, captions: Sequence[str], *, shape: tuple[int, int] | None = None, per_row: int = 5,
    signed: bool = False, title: str = "", label: str = "", ax: Axes = None,
) -> Axes:  # fmt: skip
    """Vectors as images, side by side in one Axes, each with a caption above it.

    Args:
        rows: (k, pixels).
        captions: k texts.
        shape: height and width of an image; a square by default.
        per_row: how many stand side by side.
        signed: colors around zero, with a scale; else gray from 0 to the largest.
        title: a heading.
        label: the name of the scale.
        ax: where to draw.

    Raises:
        ValueError: the number of pixels or of captions does not fit.
    """
    rows = np.asarray(rows, float)
    count, pixels = rows.shape
    side = math.isqrt(pixels)
    height, width = shape or (side, side)
    if height * width != pixels or len(captions) != count:
        raise ValueError(
            f"{count} rows of {pixels} pixels with {len(captions)} captions do not make images of {height}×{width}; "
            "give shape=(height, width), without any feature of ones"
        )
    per_row = min(per_row, count)
    lines = -(-count // per_row)
    text_lines = max(caption.count("\n") for caption in captions) + 1
    gap = 1 + math.ceil(0.19 * text_lines * (width + 2))  # a line of text is about a fifth of an image's width
    mosaic = np.full((lines * (height + gap), per_row * (width + 2)), np.nan)
    ax = axes(ax, 1.25 * per_row + 0.8 * signed, 1.25 * lines * (height + gap) / (width + 2) + 0.3)
    for k, row in enumerate(rows):
        top, left = (k // per_row) * (height + gap) + gap, (k % per_row) * (width + 2) + 1
        mosaic[top : top + height, left : left + width] = row.reshape(height, width)
        ax.text(left + width / 2 - 0.5, top - 1, captions[k], ha="center", va="bottom", fontsize=9)
    largest = float(np.nanmax(np.abs(rows))) or 1.0
    scale = {"cmap": diverging(), "vmin": -largest, "vmax": largest} if signed else {"cmap": "gray_r", "vmin": 0}
    shown = ax.imshow(mosaic, interpolation="nearest", **scale)
    if signed:
        ax.figure.colorbar(shown, ax=ax, label=label, shrink=0.8)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def weight_images(
    weights: ArrayLike, *, names: Sequence[str] | None = None, shape: tuple[int, int] | None = None, per_row: int = 5,
    title: str = "", ax: Axes = None,
) -> Axes:  # fmt: skip
    """The weight vector of each output as an image of its inputs: where a pixel speaks for the class (blue) or against.

    Args:
        weights: (classes, pixels), such as the rows of W; a last column that is the feature of ones must be cut off.
        names: the classes; 0, 1, … by default.
        shape: height and width; a square by default.
        per_row: images side by side.
        title: a heading.
        ax: where to draw.
    """
    rows = np.asarray(weights, float)
    captions = [str(k) for k in range(len(rows))] if names is None else names
    return images(rows, captions, shape=shape, per_row=per_row, signed=True, title=title, label="weight", ax=ax)


def confusion_matrix(
    counts: ArrayLike, *, names: Sequence[str] | None = None, title: str = "", ax: Axes = None
) -> Axes:
    """The confusion matrix as numbers on colors; a row adds up to all samples of its class.

    Args:
        counts: (classes, classes), the truth in rows: what `nn.metrics.confusion_matrix` gives.
        names: the classes; 0, 1, … by default.
        title: a heading.
        ax: where to draw.

    Raises:
        ValueError: the table is not square, or the number of names does not fit.
    """
    counts = np.asarray(counts)
    size = len(counts)
    if counts.shape != (size, size) or (names is not None and len(names) != size):
        raise ValueError(f"a confusion matrix is square, with a name for each row; got the shape {counts.shape}")
    ticks = list(names) if names is not None else [str(k) for k in range(size)]
    longest = max(map(len, ticks))
    ax = axes(ax, 0.45 * size + 2.4 + 0.08 * longest, 0.42 * size + 1.6)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    shown = ax.imshow(100 * share, cmap="Blues", vmin=0, vmax=100)
    for i, j in np.ndindex(size, size):
        color = "white" if share[i, j] > 0.55 else "black"
        weight = "bold" if i == j else "normal"
        if counts[i, j]:
            ax.text(j, i, f"{counts[i, j]}", ha="center", va="center", color=color, fontsize=8, fontweight=weight)
    turned = longest > 3
    ax.set_xticks(range(size), ticks, rotation=30 if turned else 0, ha="right" if turned else "center")
    ax.set_yticks(range(size), ticks)
    ax.set(xlabel="predicted class", ylabel="true class", title=title)
    ax.figure.colorbar(shown, ax=ax, label="share of the true class (%)", shrink=0.85)
    return ax


def worst_mistakes(
    X: ArrayLike, truth: ArrayLike, probabilities: ArrayLike, *, count: int = 10, shape: tuple[int, int] | None = None,
    names: Sequence[str] | None = None, per_row: int = 5, title: str = "", ax: Axes = None,
) -> Axes:  # fmt: skip
    """The images that the network got wrong with the greatest confidence.

    Args:
        X: (N, pixels).
        truth: N class indices.
        probabilities: (N, classes), rows that add up to 1.
        count: how many to show.
        shape: height and width; a square by default.
        names: the classes; 0, 1, … by default.
        per_row: images side by side.
        title: a heading.
        ax: where to draw.

    Raises:
        ValueError: there is no mistake to show.
    """
    truth, probabilities = np.asarray(truth, int).ravel(), np.asarray(probabilities, float)
    order = mistakes(truth, probabilities)[:count]
    if not len(order):
        raise ValueError("every sample was classified correctly: there is no mistake to show")
    called = names if names is not None else [str(k) for k in range(probabilities.shape[1])]
    taken = probabilities.argmax(1)
    captions = [f"{called[truth[i]]} as {called[taken[i]]}\n{100 * probabilities[i, taken[i]]:.1f} %" for i in order]
    return images(np.asarray(X, float)[order], captions, shape=shape, per_row=per_row, title=title, ax=ax)


def mistakes(truth: ArrayLike, probabilities: ArrayLike) -> Array:
    """The indices of the wrongly classified samples, the most confident mistake first."""
    truth, probabilities = np.asarray(truth, int).ravel(), np.asarray(probabilities, float)
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    return wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")]
