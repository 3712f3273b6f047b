"""`Chain`: weights, scalings and activations in a row, from which a network is made when all are there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..activations import OF_LAYERS, Spec, composed
from ..inputs import real_array
from ..layers import MLP
from ..lists import Floats

TANH_GELU = "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"
MISH = "x * tanh(softplus(x))"
SOFTSIGN = "x / (1 + abs(x))"


class Chain:
    """What a network does to a vector, step by step.

    A scaling (a batch normalization with fixed statistics, a standardized input) goes into the weights beside it:
    those before it if no activation is between, else those after it.

    Args:
        width: how many numbers a sample has, if that is known before the first weights.

    Attributes:
        layers: weights, biases and activations so far; None for an activation that has not come yet.
        pending: factors and offsets that the next weights take in.
    """

    def __init__(self, width: int | None = None) -> None:
        self._width = width
        self.layers: list[tuple[Floats, Floats | None, str | None]] = []
        self.pending: tuple[Floats, Floats] | None = None

    @property
    def width(self) -> int | None:
        """How many numbers come out so far; None if that is not known yet."""
        if self.layers:
            return len(self.layers[-1][0])
        return len(self.pending[0]) if self.pending else self._width

    def affine(self, weights: ArrayLike, biases: ArrayLike | None, place: str) -> None:
        """z = W a + b.

        Args:
            weights: W, (outputs, inputs): a row for each neuron.
            biases: b, (outputs,), or None.
            place: what messages call this layer.

        Raises:
            ValueError: a shape does not fit, or a number is nan or infinite.
            TypeError: the entries are not real numbers.
        """
        W = _finite(weights, f"the weights of {place}")
        b = None if biases is None else _finite(biases, f"the biases of {place}")
        if W.ndim != 2 or not W.size:
            raise ValueError(f"the weights of {place} must have a row for each neuron; their shape is {W.shape}")
        if b is not None and b.shape != W.shape[:1]:
            raise ValueError(f"{place} has {len(W)} neurons, and its biases have the shape {b.shape}")
        if self.width not in (None, W.shape[1]):
            turned = "; a row belongs to a neuron: give W.T" if self.width == len(W) else ""
            raise ValueError(
                f"{place} reads {W.shape[1]} numbers, and {self.width} come out of what is before it{turned}"
            )
        if self.pending is not None:
            factors, offsets = self.pending
            b = W @ offsets if b is None else b + W @ offsets
            W, self.pending = W * factors, None
        self.layers.append((W, b, None))

    def scale(self, factors: ArrayLike, offsets: ArrayLike, place: str) -> None:
        """y = s·a + t, entry by entry; ``factors`` and ``offsets`` are vectors as long as a.

        Raises:
            ValueError: a length does not fit, or a number is nan or infinite.
        """
        s, t = (
            _finite(numbers, f"the {what} of {place}") for numbers, what in ((factors, "factors"), (offsets, "offsets"))
        )
        if s.ndim != 1 or s.shape != t.shape or self.width not in (None, len(s)):
            raise ValueError(f"{place} scales {len(s)} numbers, and {self.width} come out of what is before it")
        if self.pending is not None:
            self.pending = s * self.pending[0], s * self.pending[1] + t
        elif self.layers and self.layers[-1][2] is None:
            W, b, _ = self.layers[-1]
            self.layers[-1] = s[:, None] * W, t if b is None else s * b + t, None
        else:
            self.pending = s, t

    def activate(self, activation: str, place: str) -> None:
        """φ, by the name or the formula of an activation (see `nn.Layer`); ``"linear"`` changes nothing.

        Raises:
            ValueError: it comes before all weights, so that nobody knows of how many numbers.
        """
        if activation == "linear":
            return
        self._settle()
        if not self.layers:
            if self.width is None:
                raise ValueError(
                    f"{place} comes before the first weights: apply it to the samples, and leave it out here"
                )
            self.layers.append((np.eye(self.width), None, None))
        W, b, before = self.layers[-1]
        if before is None:
            self.layers[-1] = W, b, activation
        elif not {before, activation}.isdisjoint(OF_LAYERS):  # of a whole layer: it gets one, of weights 1
            self.layers.append((np.eye(len(W)), None, activation))
        else:
            self.layers[-1] = W, b, composed(activation, before)

    def _settle(self) -> None:
        """A scaling that no weights can take in becomes a layer of its own."""
        if self.pending is not None:
            (factors, offsets), self.pending = self.pending, None
            self.layers.append((np.diagflat(factors), offsets, None))

    def network(self, source: str, activations: Sequence[Spec] | None = None) -> MLP:
        """The network of all that came.

        Args:
            source: where it comes from, for messages.
            activations: of each layer, in place of those that came.

        Raises:
            ValueError: there are no weights, or an activation does not suit its layer.
        """
        self._settle()
        if not self.layers:
            raise ValueError(f"{source} has no weights")
        activations = activations or [activation or "linear" for _, _, activation in self.layers]
        nouts = [len(W) for W, _, _ in self.layers]
        has_bias = [b is not None for _, b, _ in self.layers]
        model = MLP(self.layers[0][0].shape[1], nouts, activations, bias=has_bias, init="zeros")
        rows = [W if b is None else np.column_stack([W, b]) for W, b, _ in self.layers]  # a neuron's numbers in each
        for parameter, number in zip(model.parameters(), np.concatenate([*map(np.ravel, rows)]).tolist()):
            parameter.data = number
        return model


def _finite(numbers: ArrayLike, name: str) -> Floats:
    array = real_array(numbers, name).astype(np.float64)
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise ValueError(f"{name} hold {array[place]} at {', '.join(map(str, place))}; every number must be finite")
    return array
