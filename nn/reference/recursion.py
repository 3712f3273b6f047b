"""The learning phase of an MLP: the recursion of the B vectors, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .costs import Activation, Array, Loss, activate, column, cost, through
from .quantities import Quantities


def matrices(model: Any) -> list[tuple[Array, Array | None, Activation]]:
    """W (outputs × inputs), b (a column, or None) and the activation of each layer of an MLP."""
    layers: list[tuple[Array, Array | None, Activation]] = []
    for layer in model.layers:
        weights = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
        biases = [neuron.bias for neuron in layer.neurons if neuron.bias is not None]
        layers.append((weights, column([b.data for b in biases]) if biases else None, layer.activation))
    return layers


@dataclass(repr=False)
class Backpropagation(Quantities):
    """Every quantity of the algorithm, by layer: ``B[2]`` belongs to layer 2, ``alpha[0]`` is the input.

    Attributes:
        alpha: activations αʲ, columns (n_j, 1), j = 0..L.
        zeta: net inputs ζʲ.
        slope: Φ'(ζʲ), a column, or the Jacobian (n_j, n_j) of softmax.
        omega: weights Ωʲ, (n_{j−1}, n_j).
        beta: biases βʲ; empty for a network without biases.
        B: the derivative of the cost with respect to ζʲ.
        P: the derivative of the cost with respect to αʲ⁻¹, a row (1, n_{j−1}).
        gradient_W: ∇_{Wʲ}E, (n_{j−1}, n_j).
        gradient_b: ∇_{bʲ}E; empty for a network without biases.
        cost: the cost of the sample.
    """

    alpha: dict[int, Array] = field(default_factory=dict)
    zeta: dict[int, Array] = field(default_factory=dict)
    slope: dict[int, Array] = field(default_factory=dict)
    omega: dict[int, Array] = field(default_factory=dict)
    beta: dict[int, Array] = field(default_factory=dict)
    B: dict[int, Array] = field(default_factory=dict)
    P: dict[int, Array] = field(default_factory=dict)
    gradient_W: dict[int, Array] = field(default_factory=dict)
    gradient_b: dict[int, Array] = field(default_factory=dict)
    cost: float = 0.0

    def flat(self) -> Array:
        """All gradients in one array, in the order of ``model.parameters()``: neuron by neuron, the bias last."""
        blocks = [
            np.vstack([self.gradient_W[j], self.gradient_b[j].T]) if j in self.gradient_b else self.gradient_W[j]
            for j in self.gradient_W
        ]
        return np.concatenate([block.T.ravel() for block in blocks])


def backpropagation(model: Any, x: ArrayLike, y: Any, loss: Loss) -> Backpropagation:
    """The learning phase of an MLP for one sample, as the lecture derives it.

    Forward: α⁰ = x, ζʲ = Ωʲᵀαʲ⁻¹ + βʲ, αʲ = Φ(ζʲ). Backward:
    Bᴸ = Φ'(ζᴸ) ⊙ ∇C(αᴸ, y), Bʲ = Φ'(ζʲ) ⊙ (Ωʲ⁺¹ Bʲ⁺¹), Pʲ = [Ωʲ Bʲ]ᵀ, ∇_{Wʲ}E = αʲ⁻¹ (Bʲ)ᵀ, ∇_{bʲ}E = Bʲ.

    Args:
        model: an `nn.MLP`, or anything with ``layers[j].neurons[k].weights``.
        x: the n₀ inputs of one sample.
        y: its target.
        loss: see `cost`.

    Raises:
        ValueError: x or y does not fit the network; an activation or a cost is not known.
    """
    layers = matrices(model)
    L = len(layers)
    r = Backpropagation()
    phi: dict[int, Activation] = {}
    for j, (W, b, activation) in enumerate(layers, 1):
        r.omega[j], phi[j] = W.T, activation
        if b is not None:
            r.beta[j] = b
    r.alpha[0] = column(x)
    if len(r.alpha[0]) != len(r.omega[1]):
        raise ValueError(f"the network takes {len(r.omega[1])} inputs; x has {len(r.alpha[0])}")

    for j in range(1, L + 1):
        r.zeta[j] = r.omega[j].T @ r.alpha[j - 1] + r.beta.get(j, 0.0)
        r.alpha[j], r.slope[j] = activate(phi[j], r.zeta[j])
    r.cost, gradient_C = cost(loss, r.alpha[L], y)

    r.B[L] = through(r.slope[L], gradient_C)
    for j in range(L - 1, 0, -1):
        r.B[j] = through(r.slope[j], r.omega[j + 1] @ r.B[j + 1])
    for j in range(1, L + 1):
        r.P[j] = (r.omega[j] @ r.B[j]).T
        r.gradient_W[j] = r.alpha[j - 1] @ r.B[j].T
        if j in r.beta:
            r.gradient_b[j] = r.B[j]
    return r
