"""Signs of trouble in a training: neurons that are dead, saturated or alike, and a loss that explodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd import Value
from autograd.adjoints import adjoints
from autograd.graph import topological
from autograd.text import counted, number

from .layers import Neuron, naming
from .module import Module

FLAT = 0.01
"""A slope below this share of the activation's slope at 0 is that of a saturated neuron."""
MOST_SAMPLES = 200
EXPLODED = 10.0
"""A loss that is this many times the first one did not grow by the chance of a batch."""


class Sign(NamedTuple):
    """One sign of trouble.

    Attributes:
        kind: ``"dead"``, ``"saturated"``, ``"alike"`` or ``"exploding"``.
        where: the neuron's path, such as ``layers.0.neurons.2``, or ``"loss"``.
        hint: what it means and what helps, a sentence.
    """

    kind: str
    where: str
    hint: str


def of_neurons(model: Module, X: Sequence[list[float]]) -> list[Sign]:
    """The neurons of a model that do not learn, judged on some samples (evenly chosen, `MOST_SAMPLES` at most)."""
    stride = -(-len(X) // MOST_SAMPLES)
    neurons = {path: module for path, module in model.named_modules() if isinstance(module, Neuron)}
    slopes: dict[str, list[float]] = {path: [] for path in neurons}
    outputs: set[str] = set()  # which may be sure of every sample: that is what training wants
    with naming(model):
        traced = [model(x) for x in X[::stride]]
    for output in traced:
        roots = list(output) if isinstance(output, (list, tuple)) else [output]
        labeled = {node.label: node for root in roots for node in topological(root) if node.label}
        for path, found in slopes.items():
            prefix = f"{path}." if path else ""
            z, a = labeled.get(f"{prefix}z"), labeled.get(f"{prefix}a")
            if z is not None and a is not None:
                found.append(abs(adjoints(a, 1.0, [z])[0]))
                if a in {*roots}:
                    outputs.add(path)
    judged = [_of_slopes(path, neuron, slopes[path], path in outputs) for path, neuron in neurons.items()]
    return [sign for sign in judged if sign is not None] + _alike(neurons)


def of_losses(losses: Sequence[float], rate: float) -> list[Sign]:
    """Whether the loss explodes; ``rate`` is the learning rate."""
    if not losses or (math.isfinite(losses[-1]) and losses[-1] <= EXPLODED * abs(losses[0])):
        return []
    course = f"from {number(losses[0])} to {number(losses[-1])} in {counted(len(losses), 'step')}"
    return [
        Sign(
            "exploding", "loss",
            f"The loss went {course}. A step that is too long lands higher on the other side, where the gradient is "
            f"larger still: the learning rate {number(rate)} is too high. Take a tenth of it, scale the inputs, or "
            "clip the gradient.",
        )
    ]  # fmt: skip


def _of_slopes(path: str, neuron: Neuron, slopes: list[float], output: bool) -> Sign | None:
    if not slopes:
        return None
    if not any(slopes):
        return Sign(
            "dead", path,
            "Its activation has slope 0 for every sample, so no gradient reaches its weights and it cannot recover. A "
            "smaller learning rate, He initialization or leaky_relu keep neurons alive.",
        )  # fmt: skip
    zero = Value(0.0)
    usual = abs(adjoints(neuron._activation.on_value(zero), 1.0, [zero])[0])
    if not output and max(slopes) < FLAT * usual:
        return Sign(
            "saturated", path,
            "Its activation is flat for every sample, so hardly any gradient reaches its weights. Smaller initial "
            "weights, scaled inputs or a smaller learning rate keep net inputs near 0.",
        )  # fmt: skip
    return None


def _alike(neurons: dict[str, Neuron]) -> list[Sign]:
    """Neurons of one layer with the same weights, which get the same gradients and stay alike."""
    seen: dict[Any, str] = {}
    found = []
    for path, neuron in neurons.items():
        layer = path.rpartition(".")[0]
        first = seen.setdefault((layer, tuple(p.data for p in neuron.parameters())), path)
        if layer and first != path:
            hint = (
                f"It has the same weights as {first}. If all that follows treats them alike, as after zero "
                "initialization, their gradients are the same too, and they stay one neuron. Draw weights at random."
            )
            found.append(Sign("alike", path, hint))
    return found
