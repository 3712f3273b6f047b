"""`from_arrays`: a network of weights that are there as arrays."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from ..activations import Spec
from ..layers import MLP, per_layer
from .chain import Chain


def from_arrays(
    weights: Sequence[ArrayLike],
    biases: Sequence[ArrayLike | None] | None = None,
    activations: Spec | Sequence[Spec] = "relu",
    output: Spec = "linear",
) -> MLP:
    """A network of weights and biases that are there as arrays: of another program, of a file, of a paper.

    Args:
        weights: for each layer W, of shape (neurons, inputs): a row for each neuron, as in z = W x + b and as PyTorch
            keeps them. Where a column belongs to a neuron (scikit-learn, Keras), give ``W.T``.
        biases: for each layer b, of shape (neurons,), or None; None for a network without biases.
        activations: of the hidden layers, as in `MLP`: a name, a formula in x such as ``"leaky_relu(x, 0.2)"``, a
            function, or a list with one for each.
        output: the activation of the last layer.

    Returns:
        An `MLP` whose parameters are these numbers, as float64.

    Raises:
        ValueError: shapes do not fit each other, a number is nan or infinite, or an activation does not exist.
        TypeError: an array does not hold real numbers.

    Example:
        >>> model = from_arrays([[[1.0, -1.0], [0.5, 0.5]], [[2.0, 1.0]]], [[0.0, 0.1], [0.25]], "tanh")
        >>> model
        MLP(2, [2, 1], activation='tanh', output='linear'): 9 parameters
        >>> model.predict([[0.5, 0.5]]).round(6)
        array([0.78705])
    """
    if not len(weights):
        raise ValueError("from_arrays takes a list with the weights of each layer, and this one is empty")
    given = [None] * len(weights) if biases is None else list(biases)
    if len(given) != len(weights):
        raise ValueError(
            f"there are weights of {len(weights)} layers and biases of {len(given)}; None stands for no bias"
        )
    chosen = per_layer(activations, output, len(weights))
    chain = Chain()
    for number, (W, b) in enumerate(zip(weights, given), 1):
        chain.affine(W, b, f"layer {number}")
    return chain.network("from_arrays", chosen)
