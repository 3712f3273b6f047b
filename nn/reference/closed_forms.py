"""The Iris network, two layers by hand, the general form with its bounds, and the paths of a 2-2-2-1 network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd.ops import log_sum_exp

from .costs import Activation, Array, Loss, activate, column, cost, through
from .quantities import Quantities
from .recursion import matrices


@dataclass(repr=False)
class IrisGradients(Quantities):
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


@dataclass(repr=False)
class TwoLayers(Quantities):
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


@dataclass(repr=False)
class GeneralForm(Quantities):
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
