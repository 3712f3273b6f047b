"""The lectures' closed forms of backpropagation, in plain NumPy and in matrix form.

Nothing here builds a graph: each function writes a lecture's equations down line by line, and returns every quantity
in them under its own name. The tests compare the engine with them entry by entry; a reader compares them with the
slide. Only the activations (value and slope) come from the operation table, where they are stated once, and a cost
that has no closed form here is differentiated by the engine with respect to the network's outputs alone.

Vectors are columns, of shape (n, 1), so that ``a @ B.T`` reads as on paper. Weights stand as each lecture has them:
``W`` maps by ``W @ x`` (outputs × inputs); Ω and the matrices of `two_layers` are its transpose (inputs × outputs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Value, grad, value_and_grad
from autograd.ops import TABLE, log_sum_exp

Array = NDArray[np.float64]
Activation = str | Callable[[Any], Any]
Loss = str | Callable[..., Any]


def column(x: ArrayLike) -> Array:
    """A vector of n numbers, a single number or a column as a column of shape (n, 1)."""
    return np.asarray(x, dtype=float).reshape(-1, 1)


# ---- activations and costs --------------------------------------------------------------------------------------


def activate(activation: Activation, z: Array) -> tuple[Array, Array]:
    """Φ(z) and Φ'(z) of a column.

    Args:
        activation: an operation of the table that takes one number, ``"linear"``, ``"softmax"``, or a function of
            one Value.
        z: net inputs, (n, 1).

    Returns:
        The outputs, (n, 1), and the slopes: (n, 1) for a function that works entry by entry, and the symmetric
        Jacobian (n, n) for softmax, where every output depends on every input.

    Raises:
        ValueError: no activation has this name.
    """
    if activation == "softmax":
        s = np.exp(z - z.max())
        s /= s.sum()
        return s, np.diagflat(s) - s @ s.T
    if activation in ("linear", "identity", "none", None):
        return z.copy(), np.ones_like(z)
    if callable(activation):
        pairs = [value_and_grad(activation)(entry) for entry in z.ravel().tolist()]
    else:
        op = TABLE.get(activation)
        if op is None or op.takes_list or len(op.arguments) - len(op.defaults) != 1:
            raise ValueError(
                f"{activation!r} is no activation: the operation table has no function of one number so called"
            )
        evaluated = (op.evaluate(entry, *op.defaults.values()) for entry in z.ravel().tolist())
        pairs = [(value, slopes[0]) for value, slopes in evaluated]
    return column([value for value, _ in pairs]), column([slope for _, slope in pairs])


def through(slope: Array, upstream: Array) -> Array:
    """Φ'(z) ⊙ upstream; for softmax, whose Φ' is a matrix, the product with it."""
    return slope * upstream if slope.shape[1] == 1 else slope.T @ upstream


def squared(prediction: Array, target: Array) -> tuple[float, Array]:
    """½ Σ (y − ŷ)² and its gradient ŷ − y."""
    error = prediction - target
    return 0.5 * float((error**2).sum()), error


def squared_error(prediction: Array, target: Array) -> tuple[float, Array]:
    """Σ (ŷ − y)² and its gradient 2(ŷ − y): the e of the lecture on optimisation, without the ½."""
    error = prediction - target
    return float((error**2).sum()), 2 * error


def absolute(prediction: Array, target: Array) -> tuple[float, Array]:
    """Σ |y − ŷ| and its gradient, the sign of ŷ − y."""
    error = prediction - target
    return float(np.abs(error).sum()), np.sign(error)


def huber(prediction: Array, target: Array, delta: float = 1.0) -> tuple[float, Array]:
    """Σ ½(y − ŷ)² where |y − ŷ| ≤ δ, else δ(|y − ŷ| − δ/2), and its gradient, ŷ − y cut off at ±δ."""
    error = prediction - target
    size = np.abs(error)
    cost = np.where(size <= delta, error**2 / 2, delta * (size - delta / 2))
    return float(cost.sum()), np.clip(error, -delta, delta)


def logistic(prediction: Array, target: Array) -> tuple[float, Array]:
    """Σ log(1 + exp(−y·ŷ)), labels ±1, and its gradient −y / (1 + exp(y·ŷ))."""
    margin = target * prediction
    return float(np.logaddexp(0.0, -margin).sum()), -target * np.exp(-np.logaddexp(0.0, margin))


def hinge(prediction: Array, target: Array) -> tuple[float, Array]:
    """Σ max(0, 1 − y·ŷ), labels ±1, and its gradient −y where the margin is below 1."""
    room = 1 - target * prediction
    return float(np.maximum(room, 0.0).sum()), np.where(room > 0, -target, 0.0)


def negative_log_likelihood(prediction: Array, target: Array) -> tuple[float, Array]:
    """−Σ yᵢ log ŷᵢ of class probabilities with a one-hot y, and its gradient −y / ŷ."""
    hot = target != 0
    cost = -float((target[hot] * np.log(prediction[hot])).sum())
    return cost, np.divide(-target, prediction, out=np.zeros_like(prediction), where=hot)


def cross_entropy(prediction: Array, target: Array) -> tuple[float, Array]:
    """−Σ yᵢ log Softmaxᵢ(o) of net outputs o with a one-hot y, and its gradient Softmax(o) − y."""
    share, _ = activate("softmax", prediction)
    cost = log_sum_exp(prediction.ravel().tolist()) - float((target * prediction).sum())
    return cost, share * target.sum() - target


COSTS: dict[str, Callable[[Array, Array], tuple[float, Array]]] = {
    "squared": squared,
    "squared_error": squared_error,
    "absolute": absolute,
    "huber": huber,
    "logistic": logistic,
    "hinge": hinge,
    "nll": negative_log_likelihood,
    "cross_entropy": cross_entropy,
}
"""The individual costs by name: (prediction, target) -> (cost, gradient with respect to the prediction)."""


def cost(loss: Loss, prediction: Array, target: Any) -> tuple[float, Array]:
    """The cost of one sample and ∇C, its gradient with respect to the prediction, a column.

    Args:
        loss: a name in `COSTS`, or any function ``(prediction, target) -> Value``; the prediction is handed to it as
            a network gives it: a list of Values, or one Value if there is one output.
        prediction: the network's outputs, (n, 1).
        target: a number, a list of n numbers, or for a cost over classes the index of the class.

    Raises:
        ValueError: no cost has this name, or the target does not fit the prediction.
    """
    if callable(loss):
        leaves = [Value(entry) for entry in prediction.ravel().tolist()]
        root = loss(leaves if len(leaves) > 1 else leaves[0], target)
        return root.data, column(grad(root, leaves))
    if loss not in COSTS:
        raise ValueError(f"no cost is called {loss!r}; known costs: {', '.join(COSTS)}, or any function of Values")
    if loss in ("nll", "cross_entropy") and np.ndim(target) == 0:
        target = np.eye(len(prediction))[int(target)]
    wanted = column(target)
    if wanted.shape != prediction.shape:
        raise ValueError(f"the network has {len(prediction)} outputs; the target has {len(wanted)}")
    return COSTS[loss](prediction, wanted)


# ---- reading a model --------------------------------------------------------------------------------------------


def matrices(model: Any) -> list[tuple[Array, Array | None, Activation]]:
    """W (outputs × inputs), b (a column, or None) and the activation of each layer of an MLP."""
    layers: list[tuple[Array, Array | None, Activation]] = []
    for layer in model.layers:
        weights = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
        biases = [neuron.bias for neuron in layer.neurons if neuron.bias is not None]
        layers.append((weights, column([b.data for b in biases]) if biases else None, layer.activation))
    return layers


@dataclass
class Backpropagation:
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


# ---- the other lectures -----------------------------------------------------------------------------------------


@dataclass
class IrisGradients:
    """hᵃ, hˢ, oᵃ, oˢ, L and the derivatives of L, under the names of the lecture (``d_oa`` is ∂L/∂oᵃ)."""

    ha: Array
    hs: Array
    oa: Array
    os: Array
    L: float
    d_oa: Array
    d_W2: Array
    d_b2: Array
    d_hs: Array
    d_ha: Array
    d_W1: Array
    d_b1: Array


def iris_network(W1: ArrayLike, b1: ArrayLike, W2: ArrayLike, b2: ArrayLike, x: ArrayLike, y: int) -> IrisGradients:
    """One hidden ReLU layer and softmax, L = −log oˢ_y: forward pass and closed forms.

    Args:
        W1: (h, 4) for the flowers, with b1 of h entries.
        W2: (3, h), with b2 of 3 entries.
        x: the inputs.
        y: the index of the class.
    """
    W1, W2, x = np.asarray(W1, float), np.asarray(W2, float), column(x)
    ha = W1 @ x + column(b1)
    hs = np.maximum(ha, 0.0)
    oa = W2 @ hs + column(b2)
    os = np.exp(oa - oa.max()) / np.exp(oa - oa.max()).sum()
    L = log_sum_exp(oa.ravel().tolist()) - float(oa[y, 0])  # −log oˢ_y, without the rounding of oˢ to 0

    onehot = column(np.eye(len(oa))[y])
    d_oa = os - onehot
    d_W2 = d_oa @ hs.T
    d_b2 = d_oa
    d_hs = W2.T @ d_oa
    d_ha = d_hs * (ha > 0)
    d_W1 = d_ha @ x.T
    d_b1 = d_ha
    return IrisGradients(ha, hs, oa, os, L, d_oa, d_W2, d_b2, d_hs, d_ha, d_W1, d_b1)


@dataclass
class TwoLayers:
    """What the two-layer network computes and the six results by hand; weights are inputs × outputs."""

    z_I: Array
    h: Array
    z_O: Array
    y_hat: Array
    L: float
    delta_O: Array
    gradient_W_O: Array
    gradient_b_O: Array
    delta_I: Array
    gradient_W_I: Array
    gradient_b_I: Array


def two_layers(
    W_I: ArrayLike, b_I: ArrayLike, W_O: ArrayLike, b_O: ArrayLike, x: ArrayLike, y: Any, *,
    g: Activation, f: Activation, loss: Loss,
) -> TwoLayers:  # fmt: skip
    """h = g(W_Iᵀx + b_I), ŷ = f(W_Oᵀh + b_O), and δ_O, δ_I with the four gradients.

    Args:
        W_I: (D, H), with b_I of H entries.
        W_O: (H, C), with b_O of C entries.
        x: D inputs.
        y: the target.
        g: the activation of the hidden layer (see `activate`).
        f: the activation of the output.
        loss: see `cost`.
    """
    W_I, W_O, x = np.asarray(W_I, float), np.asarray(W_O, float), column(x)
    z_I = W_I.T @ x + column(b_I)
    h, g_slope = activate(g, z_I)
    z_O = W_O.T @ h + column(b_O)
    y_hat, f_slope = activate(f, z_O)
    L, d_y = cost(loss, y_hat, y)

    delta_O = through(f_slope, d_y)
    delta_I = through(g_slope, W_O @ delta_O)
    return TwoLayers(z_I, h, z_O, y_hat, L, delta_O, h @ delta_O.T, delta_O, delta_I, x @ delta_I.T, delta_I)


@dataclass
class GeneralForm:
    """∇_{Wˡ}e = Diag(φˡ') δˡ (aˡ⁻¹)ᵀ by layer l = 1..L, and the bounds on its size.

    Attributes:
        a: activations, columns; ``a[0]`` is the input.
        diag: Diag(φˡ'), (n_l, n_l) (the Jacobian for softmax).
        V: Vˡ = (Wˡ)ᵀ Diag(φˡ'), (n_{l−1}, n_l); l = 2..L.
        delta: δˡ = ∂e/∂aˡ = Vˡ⁺¹…Vᴸ δᴸ, a column.
        gradient_W: ∇_{Wˡ}e, (n_l, n_{l−1}).
        gradient_b: ∇_{bˡ}e = Diag(φˡ') δˡ, a column.
        norm: ‖∇_{Wˡ}e‖₂, the largest singular value.
        bound: ‖Diag(φˡ')‖₂ ‖Vˡ⁺¹…Vᴸδᴸ‖₂ ‖aˡ⁻¹‖₂.
        product_bound: the same with ‖Vˡ⁺¹‖₂ … ‖Vᴸ‖₂ ‖δᴸ‖₂ in the middle: what depth does, factor by factor.
        cost: e.
    """

    a: dict[int, Array]
    diag: dict[int, Array]
    V: dict[int, Array]
    delta: dict[int, Array]
    gradient_W: dict[int, Array]
    gradient_b: dict[int, Array]
    norm: dict[int, float]
    bound: dict[int, float]
    product_bound: dict[int, float]
    cost: float


def general_form(model: Any, x: ArrayLike, y: Any, loss: Loss = "squared_error") -> GeneralForm:
    """The gradient of each layer as one product of matrices, for one sample (see `backpropagation` for the arguments).

    The gradient vanishes or explodes with depth as the factors ‖Vˡ‖₂ are below or above 1.
    """
    layers = dict(enumerate(matrices(model), 1))
    L = len(layers)
    a, diag, V = {0: column(x)}, {}, {}
    for l, (W, b, activation) in layers.items():  # noqa: E741 (the lecture's index)
        z = W @ a[l - 1] + (0.0 if b is None else b)
        a[l], slope = activate(activation, z)
        diag[l] = np.diagflat(slope) if slope.shape[1] == 1 else slope
        V[l] = W.T @ diag[l]
    e, delta_L = cost(loss, a[L], y)

    form = GeneralForm(a, diag, V, {L: delta_L}, {}, {}, {}, {}, {}, e)
    product = _norm(delta_L)
    for l in range(L, 0, -1):  # noqa: E741
        if l < L:
            form.delta[l] = V[l + 1] @ form.delta[l + 1]
            product *= _norm(V[l + 1])
        form.gradient_b[l] = diag[l] @ form.delta[l]
        form.gradient_W[l] = form.gradient_b[l] @ a[l - 1].T
        form.norm[l] = _norm(form.gradient_W[l])
        outer = _norm(diag[l]) * _norm(a[l - 1])
        form.bound[l] = outer * _norm(form.delta[l])
        form.product_bound[l] = outer * product
    return form


def _norm(matrix: Array) -> float:
    return float(np.linalg.norm(matrix, 2)) if np.isfinite(matrix).all() else float("nan")


def paths_2221(
    W1: ArrayLike, W2: ArrayLike, W3: ArrayLike, x: ArrayLike, y: float, activation: Activation = "sigmoid"
) -> tuple[float, Array, Array, Array]:
    """e = (ŷ − y)² of a 2-2-2-1 network without biases, and its gradients, each weight's chain rule written out.

    Args:
        W1: (2, 2), entry ij from input j to neuron i; W2 likewise.
        W3: (1, 2).
        x: two inputs.
        y: the target.
        activation: φ of every layer.

    Returns:
        e, ∇_{W¹}e, ∇_{W²}e and ∇_{W³}e, in the shapes of the weights.
    """
    w1, w2, w3 = (np.asarray(W, float).tolist() for W in (W1, W2, W3))
    a0 = column(x).ravel().tolist()

    def layer(w: list[list[float]], a: Sequence[float]) -> tuple[list[float], list[float]]:
        pairs = [activate(activation, column(sum(wij * aj for wij, aj in zip(row, a)))) for row in w]
        return [p.item() for p, _ in pairs], [slope.item() for _, slope in pairs]

    a1, phi1 = layer(w1, a0)
    a2, phi2 = layer(w2, a1)
    (y_hat,), (phi3,) = layer(w3, a2)
    de = 2 * (y_hat - y)  # ∂e/∂ŷ
    g3 = [[de * phi3 * a2[0], de * phi3 * a2[1]]]
    # for w²ᵢⱼ one path: ∂e/∂ŷ · φ'(z³₁) · w³₁ᵢ · φ'(z²ᵢ) · a¹ⱼ
    g2 = [[de * phi3 * w3[0][i] * phi2[i] * a1[j] for j in range(2)] for i in range(2)]
    # into a¹ᵢ two paths meet: ∂e/∂a¹ᵢ = Σₖ ∂e/∂z²ₖ · w²ₖᵢ
    de_da1 = [sum(de * phi3 * w3[0][k] * phi2[k] * w2[k][i] for k in range(2)) for i in range(2)]
    g1 = [[de_da1[i] * phi1[i] * a0[j] for j in range(2)] for i in range(2)]
    return (y_hat - y) ** 2, np.array(g1), np.array(g2), np.array(g3)
