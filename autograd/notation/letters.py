"""The letters of the five lectures for a network's weights, biases, net inputs, activations and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .names import Index, Name

Indices = tuple[Index, ...]


class Letters(NamedTuple):
    """How a lecture writes a network; all count from 1.

    Attributes:
        weight: from layer, neuron and input.
        bias: from layer and neuron.
        z: the net input, from layer and neuron.
        a: the activation of a hidden neuron, likewise.
        output: from the index, which is empty if there is one output.
        root: the letter of an unlabeled root.
        layers: the number of layers that the lecture has letters for; 0 for any.
        softmax: whether the output's letter is that of a softmax, so that logits keep that of a net input.
        adjoint: the letter of the derivative by a layer.
    """

    weight: Callable[[int, int, int], Name]
    bias: Callable[[int, int], Name]
    z: Callable[[int, int], Name]
    a: Callable[[int, int], Name]
    output: Callable[[Indices], Name]
    root: str
    layers: int = 0
    softmax: bool = False
    adjoint: str = "δ"


def _h_or_o(layer: int) -> str:
    return "ho"[layer - 1]


def _place(layer: int) -> str:
    return "IO"[layer - 1]


LECTURES = {
    "lecture A": Letters(  # hᵃ = W¹x + b¹, hˢ = ReLU(hᵃ), oᵃ = W²hˢ + b², oˢ = Softmax(oᵃ)
        weight=lambda layer, neuron, i: Name("W", (layer,), (neuron, i)),
        bias=lambda layer, neuron: Name("b", (layer,), (neuron,)),
        z=lambda layer, neuron: Name(_h_or_o(layer), ("a",), (neuron,)),
        a=lambda layer, neuron: Name(_h_or_o(layer), ("s",), (neuron,)),
        output=lambda index: Name("o", ("s",), index),
        root="L",
        layers=2,
        softmax=True,
    ),
    "lecture B": Letters(  # weights stand as inputs × outputs
        weight=lambda layer, neuron, i: Name("Ω", (layer,), (i, neuron)),
        bias=lambda layer, neuron: Name("β", (layer,), (neuron,)),
        z=lambda layer, neuron: Name("ζ", (layer,), (neuron,)),
        a=lambda layer, neuron: Name("α", (layer,), (neuron,)),
        output=lambda index: Name("ρ̂", (), index),
        root="C",
        adjoint="B",
    ),
    "lecture C": Letters(
        weight=lambda layer, neuron, i: Name("w", (layer,), (neuron, i)),
        bias=lambda layer, neuron: Name("b", (layer,), (neuron,)),
        z=lambda layer, neuron: Name("z", (layer,), (neuron,)),
        a=lambda layer, neuron: Name("a", (layer,), (neuron,)),
        output=lambda index: Name("ŷ", (), index),
        root="e",
    ),
    "lecture D": Letters(  # weights stand as inputs × outputs
        weight=lambda layer, neuron, i: Name("W", (), (_place(layer), i, neuron)),
        bias=lambda layer, neuron: Name("b", (), (_place(layer), neuron)),
        z=lambda layer, neuron: Name("z", (), (_place(layer), neuron)),
        a=lambda layer, neuron: Name("h", (), (neuron,)),
        output=lambda index: Name("ŷ", (), index),
        root="L",
        layers=2,
    ),
    "lecture E": Letters(  # z⁽¹⁾ = W⁽⁰⁾x, x⁽¹⁾ = ReLU(z⁽¹⁾), …, f = SoftMax(z⁽³⁾): the weights count from 0
        weight=lambda layer, neuron, i: Name("w", (f"({layer - 1})",), (neuron, i)),
        bias=lambda layer, neuron: Name("b", (f"({layer - 1})",), (neuron,)),
        z=lambda layer, neuron: Name("z", (f"({layer})",), (neuron,)),
        a=lambda layer, neuron: Name("x", (f"({layer})",), (neuron,)),
        output=lambda index: Name("f", (), index),
        root="L",
        softmax=True,
    ),
}
"""By the text that ``names=`` takes."""
