"""Numbers over epochs and over depth: losses, accuracies, gradient norms; activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograd import value_and_grad

from ..activations import OF_LAYERS, Activation, Spec
from .style import Axes, axes, pyplot, styles


def curves(
    series: Mapping[str, Sequence[float]], *, ylabel: str, xlabel: str = "epoch", log: bool = False, start: int = 1,
    title: str = "", ax: Axes = None,
) -> Axes:  # fmt: skip
    """One line per named sequence of numbers, over 1, 2, … (or from ``start``).

    Args:
        series: name -> numbers; an empty one is left out.
        ylabel: what the numbers are, with their unit.
        xlabel: what is counted.
        log: a logarithmic vertical axis.
        start: the first count.
        title: a heading.
        ax: where to draw.
    """
    ax = axes(ax)
    shown = {name: list(numbers) for name, numbers in series.items() if len(numbers)}
    for (name, numbers), (color, dash, marker) in zip(shown.items(), styles()):
        few = len(numbers) <= 30
        steps = range(start, start + len(numbers))
        ax.plot(steps, numbers, color=color, linestyle=dash, marker=marker if few else None, ms=4, label=name)
    if log:
        ax.set_yscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    if shown:
        ax.legend(framealpha=0.8, edgecolor="none")
    return ax


def activation(
    *functions: Spec, xlim: tuple[float, float] = (-6.0, 6.0), slope: bool = True, title: str = "", ax: Axes = None
) -> Axes:
    """Activations φ as thick lines and their derivatives φ', which the engine computes, as thin ones.

    Args:
        functions: names (``"sigmoid"``, ``"tanh"``, ``"relu"``, …) or functions of one Value.
        xlim: the range of z.
        slope: draw φ' too.
        title: a heading.
        ax: where to draw.

    Raises:
        ValueError: there is no activation of this name, or it is softmax, which is no function of one number.
    """
    kinds = [Activation(function) for function in functions]
    for kind in kinds:
        if kind.name in OF_LAYERS:
            raise ValueError(f"{kind.name} depends on all entries of a layer, so it has no curve over one number")
    ax = axes(ax)
    z = np.linspace(*xlim, 601)
    for kind, (color, dash, _) in zip(kinds, styles()):
        values, slopes = np.array([value_and_grad(kind.on_value)(entry) for entry in z.tolist()]).T
        ax.plot(z, values, color=color, linestyle=dash, lw=2, label=f"{kind.name}")
        if slope:
            ax.plot(z, slopes, color=color, linestyle=dash, lw=0.9, label=f"{kind.name}′")
    ax.set(xlabel="z", ylabel="φ(z), φ′(z)" if slope else "φ(z)", title=title)
    ax.grid(alpha=0.3)
    ax.legend(framealpha=0.8, edgecolor="none")
    return ax


def loss_curve(history: Any, *, log: bool = False, ax: Axes = None) -> Axes:
    """The mean loss per epoch on the training set, and on the validation set where there is one."""
    return curves(_measured(history, "loss"), ylabel="mean loss", log=log, ax=ax)


def accuracy_curve(history: Any, *, ax: Axes = None) -> Axes:
    """The share of right answers per epoch.

    Raises:
        ValueError: the training did not measure it.
    """
    shares = _measured(history, "accuracy")
    if not any(shares.values()):
        raise ValueError("this history holds no accuracy; train with metrics=['accuracy']")
    percent = {name: [100 * share for share in numbers] for name, numbers in shares.items()}
    return curves(percent, ylabel="accuracy (%)", ax=ax)


def _measured(history: Any, name: str) -> dict[str, list[float]]:
    """The training and the validation column of that name, as far as they were recorded."""
    columns = history if isinstance(history, Mapping) else history.columns()
    return {
        kind: list(columns.get(key, ())) for kind, key in (("training", name), ("validation", f"validation_{name}"))
    }


def gradient_flow(flows: Mapping[str, Any] | Any, *, bound: bool = True, title: str = "", ax: Axes = None) -> Axes:
    """‖∇_W‖₂ of each layer over depth, one line per network, with its product bound as a dotted line.

    Args:
        flows: a `nn.GradientFlow`, or name -> one.
        bound: draw the lecture's bound too.
        title: a heading.
        ax: where to draw.
    """
    named = flows if isinstance(flows, Mapping) else {"": flows}
    ax = axes(ax)
    for (name, flow), (color, dash, marker) in zip(named.items(), styles()):
        layers = range(1, len(flow.norms) + 1)
        ax.plot(layers, flow.norms, color=color, linestyle=dash, marker=marker, ms=5, label=name or "gradient")
        if bound:
            words = f"{name}, bound" if name else "bound"
            ax.plot(layers, flow.bounds, color=color, linestyle=":", marker=marker, mfc="none", ms=5, label=words)
    ax.set_yscale("log")
    ax.set(xlabel="layer (1 is next to the input)", ylabel="‖∇W‖₂", title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize=8)
    return ax


def gradient_flow_over_training(flows: Sequence[Any], *, title: str = "", ax: Axes = None) -> Axes:
    """‖∇_W‖₂ over the epochs, one line per layer, from a list of `nn.GradientFlow`, the first before training."""
    ax = axes(ax)
    depth = len(flows[0].norms)
    colors = pyplot().get_cmap("cividis")(np.linspace(0, 0.85, depth))
    for layer, (color, (_, dash, _marker)) in enumerate(zip(colors, styles())):
        ax.plot([flow.norms[layer] for flow in flows], color=color, linestyle=dash, label=f"layer {layer + 1}")
    ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="‖∇W‖₂", title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
