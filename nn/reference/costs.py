"""Activations and costs with their derivatives, on columns of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Value, grad, value_and_grad
from autograd.ops import TABLE, log_sum_exp

from .. import activations, losses

Array = NDArray[np.float64]
Activation = Union[str, Callable[[Any], Any]]
Loss = Union[str, Callable[..., Any]]


def column(x: ArrayLike) -> Array:
    """A vector of n numbers, a single number or a column as a column of shape (n, 1)."""
    return np.asarray(x, dtype=float).reshape(-1, 1)


def activate(activation: Activation, z: Array) -> tuple[Array, Array]:
    """Φ(z) and Φ'(z) of a column.

    Args:
        activation: an operation of the table that takes one number, ``"linear"``, ``"softmax"``, a formula in x,
            or a function of one Value.
        z: net inputs, (n, 1).

    Returns:
        The outputs, (n, 1), and the slopes: (n, 1) for a function that works entry by entry, and the
        Jacobian (n, n) for softmax (for log_softmax it is not symmetric), where every output depends on every input.

    Raises:
        ValueError: there is no activation of this name.
    """
    if activation == "softmax":
        s = np.exp(z - z.max())
        s /= s.sum()
        return s, np.diagflat(s) - s @ s.T
    if activation == "log_softmax":
        s, _ = activate("softmax", z)
        return z - log_sum_exp(z.ravel().tolist()), np.eye(len(z)) - s.T
    if activation in ("linear", "identity", "none", None):
        return z.copy(), np.ones_like(z)
    if isinstance(activation, str) and not activation.isidentifier():
        activation = activations.Activation(activation).on_value
    if callable(activation):
        pairs = [value_and_grad(activation)(entry) for entry in z.ravel().tolist()]
    else:
        op = TABLE.get(activation)
        if op is None or op.takes_list or len(op.arguments) - len(op.defaults) != 1:
            raise ValueError(f"{activation!r} is not an activation: no operation of one number has this name")
        evaluated = (op.evaluate(entry, *op.defaults.values()) for entry in z.ravel().tolist())
        pairs = [(value, slopes[0]) for value, slopes in evaluated]
    return column([value for value, _ in pairs]), column([slope for _, slope in pairs])


def through(slope: Array, upstream: Array) -> Array:
    """Φ'(z) ⊙ upstream; for softmax, whose Φ' is a matrix, the product with it."""
    return slope * upstream if slope.shape[1] == 1 else slope.T @ upstream


def mse_loss(prediction: Array, target: Array) -> tuple[float, Array]:
    """½(y − ŷ)², and its derivative ŷ − y; averaged over the entries, as are all of these."""
    error = prediction - target
    return float((error**2).mean()) / 2, error / len(error)


def l1_loss(prediction: Array, target: Array) -> tuple[float, Array]:
    """|y − ŷ|, and its derivative, the sign of ŷ − y."""
    error = prediction - target
    return float(np.abs(error).mean()), np.sign(error) / len(error)


def huber_loss(prediction: Array, target: Array, delta: float = 1.0) -> tuple[float, Array]:
    """½(y − ŷ)² where |y − ŷ| ≤ δ, else δ(|y − ŷ| − δ/2), and its derivative, ŷ − y cut off at ±δ."""
    error = prediction - target
    size = np.abs(error)
    costs = np.where(size <= delta, error**2 / 2, delta * (size - delta / 2))
    return float(costs.mean()), np.clip(error, -delta, delta) / len(error)


def logistic_loss(prediction: Array, target: Array) -> tuple[float, Array]:
    """log(1 + exp(−y·ŷ)), labels ±1, and its derivative −y / (1 + exp(y·ŷ))."""
    margin = target * prediction
    return float(np.logaddexp(0.0, -margin).mean()), -target * np.exp(-np.logaddexp(0.0, margin)) / len(margin)


def hinge_loss(prediction: Array, target: Array) -> tuple[float, Array]:
    """max(0, 1 − y·ŷ), labels ±1, and its derivative, −y where the margin y·ŷ is below 1."""
    room = 1 - target * prediction
    return float(np.maximum(room, 0.0).mean()), np.where(room > 0, -target, 0.0) / len(room)


def binary_cross_entropy(prediction: Array, target: Array) -> tuple[float, Array]:
    """−y log σ(o) − (1 − y) log(1 − σ(o)) of logits o, and its derivative σ(o) − y."""
    costs = target * np.logaddexp(0.0, -prediction) + (1 - target) * np.logaddexp(0.0, prediction)
    slopes = (1 - target) * np.exp(-np.logaddexp(0.0, -prediction)) - target * np.exp(-np.logaddexp(0.0, prediction))
    return float(costs.mean()), slopes / len(slopes)


def cross_entropy(prediction: Array, target: Array) -> tuple[float, Array]:
    """−Σ yᵢ log Softmaxᵢ(o) of logits o with a one-hot y, and its derivative Softmax(o) − y."""
    share, _ = activate("softmax", prediction)
    return log_sum_exp(prediction.ravel().tolist()) - float((target * prediction).sum()), share - target


def nll_loss(prediction: Array, target: Array) -> tuple[float, Array]:
    """−Σ yᵢ pᵢ of the logarithms p of probabilities with a one-hot y, and its derivative −y."""
    return -float((target * prediction).sum()), -target


def log_loss(prediction: Array, target: Array) -> tuple[float, Array]:
    """−Σ yᵢ log fᵢ of probabilities f with a one-hot y, and its derivative −y/f; of one, −y/f + (1 − y)/(1 − f)."""
    if len(prediction) == 1:
        share, other = target * np.log(prediction), (1 - target) * np.log(1 - prediction)
        return -float((share + other).sum()), (1 - target) / (1 - prediction) - target / prediction
    return -float((target * np.log(prediction)).sum()), -target / prediction


def squared_error(prediction: Array, target: Array) -> tuple[float, Array]:
    """Σ (ŷ − y)², and its derivative 2(ŷ − y): the e of the lecture on optimization, without the ½."""
    error = prediction - target
    return float((error**2).sum()), 2 * error


COSTS: dict[str, Callable[[Array, Array], tuple[float, Array]]] = {
    function.__name__: function
    for function in (
        mse_loss, l1_loss, huber_loss, logistic_loss, hinge_loss, binary_cross_entropy, cross_entropy, nll_loss,
        log_loss, squared_error,
    )
}  # fmt: skip
"""The individual costs by the names they have in `nn`: (prediction, target) -> (cost, ∇C); all are columns."""


def cost(loss: Loss, prediction: Array, target: Any) -> tuple[float, Array]:
    """The cost of one sample and ∇C, its gradient with respect to the prediction, a column.

    Args:
        loss: a loss of `nn` or its name (a key of `COSTS`), or any other function ``(prediction, target) -> Value``,
            which gets the prediction as a network gives it: a list of Values, or one Value if there is one output.
        prediction: the network's outputs, (n, 1).
        target: a number, a list of n numbers, or for a cost over classes the index of the class.

    Raises:
        ValueError: no cost has this name, or the target does not fit the prediction.
    """
    if callable(loss) and loss is getattr(losses, getattr(loss, "__name__", ""), None):
        loss = loss.__name__
    if callable(loss):
        leaves = [Value(entry) for entry in prediction.ravel().tolist()]
        root = loss(leaves if len(leaves) > 1 else leaves[0], target)
        return root.data, column(grad(root, leaves))
    if loss not in COSTS:
        raise ValueError(f"no cost is called {loss!r}; known costs: {', '.join(COSTS)}, or any function of Values")
    if loss in ("nll_loss", "cross_entropy", "log_loss") and np.ndim(target) == 0:
        target = np.eye(len(prediction))[int(target)]
    wanted = column(target)
    if wanted.shape != prediction.shape:
        raise ValueError(f"the network has {len(prediction)} outputs; the target has {len(wanted)}")
    return COSTS[loss](prediction, wanted)
