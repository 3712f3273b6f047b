"""Graphs for the tests of `autograd.explain`: small networks made by hand, and random graphs with sharing."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

import autograd
import nn
from autograd import Value
from autograd.notation.expression import Expression, symbol
from autograd.notation.names import Name
from autograd.notation.render import render
from autograd.notation.styles import Plain


def layers(sizes: Sequence[int], activation: str | list[str], output: str, bias: bool = True, seed: int = 4) -> nn.MLP:
    """A network whose biases are not 0."""
    model = nn.MLP(sizes[0], sizes[1:], activation, output, bias=bias, seed=seed)
    for layer in model.layers:
        for j, neuron in enumerate(layer.neurons):
            if neuron.bias is not None:
                neuron.bias.data = 0.1 * (j + 1)
    return model


Network = list[list[tuple[list[Value], "Value | None"]]]


def network(sizes: Sequence[int], bias: bool = True, seed: int = 0) -> Network:
    """Weights labeled as `nn` does, made by hand: layers of (weights, bias)."""
    source = random.Random(seed)

    def weight(label: str) -> Value:
        return Value(source.uniform(-1.0, 1.0), label)

    return [
        [
            (
                [weight(f"layers.{layer}.neurons.{i}.weights.{j}") for j in range(nin)],
                weight(f"layers.{layer}.neurons.{i}.bias") if bias else None,
            )
            for i in range(nout)
        ]
        for layer, (nin, nout) in enumerate(itertools.pairwise(sizes))
    ]


def evaluate(net: Network, x: Sequence[Any], activation: str = "tanh", output: str = "") -> list[Value]:
    """The outputs of a network for one sample."""
    entries: list[Any] = list(x)
    for depth, layer in enumerate(net):
        function = activation if depth < len(net) - 1 else output
        outputs = []
        for weights, bias in layer:
            z = weights[0] * entries[0]
            for weight, entry in zip(weights[1:], entries[1:]):
                z = z + weight * entry
            if bias is not None:
                z = z + bias
            outputs.append(getattr(z, function)() if function else z)
        entries = outputs
    return entries


def moons_loss(samples: int, seed: int = 1, decay: float = 1e-4) -> tuple[Network, Value]:
    """The hinge loss with weight decay of a 2-16-16-1 network over some samples."""
    source, net = random.Random(seed), network([2, 16, 16, 1])
    losses = []
    for _ in range(samples):
        [score] = evaluate(net, [source.gauss(0, 1), source.gauss(0, 1)], "relu")
        losses.append((1 - source.choice([-1.0, 1.0]) * score).relu())
    weights = [weight for layer in net for entries, _ in layer for weight in entries]
    loss = sum(losses) * (1 / samples) + sum(weight * weight for weight in weights) * decay
    loss.label = "L"
    return net, loss


UNARY = ["tanh", "sigmoid", "exp", "sin", "relu", "abs", "neg", "square", "softplus", "root"]
BINARY = ["add", "sub", "mul", "div", "maximum", "mean", "log_sum_exp", "dot", "softmax"]


@st.composite
def graphs(draw: st.DrawFn, most: int = 25) -> tuple[Value, list[Value]]:
    """A root and its leaves: a random expression with sharing over three leaves; numbers stay moderate."""
    data = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) or 0.5)
    leaves = [Value(draw(data), label) for label in ("x", "w", "layers.0.neurons.0.weights.1")]
    nodes = list(leaves)
    for _ in range(draw(st.integers(1, most))):
        x, y = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        nodes.append(combined(draw(st.sampled_from(UNARY + BINARY)), x, y))
    return nodes[-1], leaves


def combined(kind: str, x: Value, y: Value) -> Value:
    """One more node; what grows is squashed, and what has poles is kept away from them."""
    results: dict[str, Any] = {
        "abs": lambda: abs(x), "neg": lambda: -x, "square": lambda: (x * 0.5) ** 2, "exp": lambda: x.tanh().exp(),
        "root": lambda: (x * x + 1.0) ** 0.5, "add": lambda: x + y, "sub": lambda: x - y, "mul": lambda: x * y.sin(),
        "div": lambda: x / (y * y + 1.0), "maximum": lambda: autograd.maximum(x, y),
        "mean": lambda: autograd.mean([x, y, 2.0]), "log_sum_exp": lambda: autograd.log_sum_exp([x.tanh(), y.tanh()]),
        "dot": lambda: autograd.dot([x, y], [y.tanh(), 0.25]),
        "softmax": lambda: autograd.softmax([x.tanh(), y.tanh(), 0.0])[1],
    }  # fmt: skip
    return results[kind]() if kind in results else getattr(x, kind)()


# ---- expressions written by hand ------------------------------------------------------------------------------------


def plain(expression: Expression) -> str:
    return render(expression, Plain())


def sym(base: str, *lower: Any, sample: Any = None, value: float = 1.0) -> Expression:
    return symbol(Name(base, (), lower, sample), value)


def constant(x: float) -> Expression:
    return Expression("constant", (), x, x)


def product(*factors: Expression) -> Expression:
    return Expression("product", factors)
