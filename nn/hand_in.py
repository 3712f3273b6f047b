"""A student's file for ``tracegrad grade``: what it is about, in a few lines at its head, and then the derivation.

    network: 4-5-3 relu softmax
    inputs: 5.0 2.0 3.5 1.0
    target: 1
    letters: lecture A

    ∂L/∂oᵃ = oˢ − onehot(y)
    ∂L/∂W² = (oˢ − y) hˢᵀ

An expression takes the place of a network: ``graph: (w*x - y)**2``, ``values: w=2 x=-1 y=1``, ``root: e``.
"""

from __future__ import annotations

import re
from typing import Any

from autograd import Value, check_derivation
from autograd.cli import CommandError, build
from autograd.explain import GradedDerivation

from . import losses
from .layers import MLP, trace

_HEADS = ("network", "inputs", "target", "loss", "letters", "graph", "values", "root", "seed")
_HEAD = re.compile(rf"\s*({'|'.join(_HEADS)})\s*:\s*(.*?)\s*$")


def grade(text: str) -> GradedDerivation:
    """Judge the derivation in the text of a file.

    Raises:
        CommandError: the head of the file does not say what it is about.
    """
    lines = text.split("\n")
    head: dict[str, str] = {}
    kept = []
    for line in lines:
        found = _HEAD.match(line)
        if found:
            head[found[1]] = found[2]
        kept.append("" if found else line)  # lines keep their numbers
    if ("network" in head) == ("graph" in head):
        raise CommandError("the file begins with one line 'network: 4-5-3 relu softmax' or 'graph: (w*x - y)**2'")
    root = _network(head) if "network" in head else build(head["graph"], head.get("values", "").split())
    if "root" in head:
        root.label = head["root"]
    return check_derivation("\n".join(kept), root, head.get("letters"))


def _network(head: dict[str, str]) -> Value:
    words = head["network"].split()
    try:
        sizes = [int(size) for size in words[0].split("-")]
        inputs = [float(number) for number in head.get("inputs", "").split()]
        target = [float(number) for number in head.get("target", "").split()]
    except ValueError as problem:
        raise CommandError(f"the head of the file has something else where a number belongs: {problem}") from None
    if len(sizes) < 2 or not 2 <= len(words) <= 4:
        raise CommandError("a network is written as 'network: 4-5-3 relu softmax', 'no-bias' behind it for one without")
    if len(inputs) != sizes[0] or not target:
        raise CommandError(f"the network needs 'inputs: …' with {sizes[0]} numbers, and 'target: …'")
    output = words[2] if len(words) > 2 and words[2] != "no-bias" else "linear"
    model = MLP(sizes[0], sizes[1:], words[1], output, bias="no-bias" not in words, seed=int(head.get("seed", "0")))
    for layer in model.layers:  # biases start at 0; give them values, so that a line about them says something
        for j, neuron in enumerate(layer.neurons):
            if neuron.bias is not None:
                neuron.bias.data = 0.1 * (j + 1)
    root: Value = _loss(head, output)(trace(model, inputs), target)
    return root


def _loss(head: dict[str, str], output: str) -> Any:
    name = head.get("loss", "log_loss" if output == "softmax" else "mse_loss")
    if name == "squared_error":
        return lambda out, y: sum(((p - t) ** 2 for p, t in zip(_listed(out), y)), 0.0)
    loss = getattr(losses, name, None) if name.endswith(("_loss", "_entropy")) else None
    if loss is None:
        raise CommandError(f"{name!r} is not a loss: mse_loss, log_loss, cross_entropy, squared_error, …")

    def of(out: Any, y: list[float]) -> Any:
        if len(y) == 1:
            return loss(out, int(y[0]) if isinstance(out, list) else y[0])
        return loss(out, y)

    return of


def _listed(out: Any) -> list[Any]:
    return out if isinstance(out, list) else [out]
