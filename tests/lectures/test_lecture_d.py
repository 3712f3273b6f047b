"""Lecture D, two layers by hand: δ_O, δ_I and the four gradients, for any pair of activations and any loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tame import TAME

import autograd
import nn
from autograd import Value
from nn import reference

LOSSES = ["mse_loss", "l1_loss", "huber_loss", "logistic_loss", "hinge_loss", "binary_cross_entropy"]


def draw_target(loss, C, rng):
    if loss in ("logistic_loss", "hinge_loss"):
        return rng.choice([-1.0, 1.0], C).tolist()
    if loss == "binary_cross_entropy":
        return rng.choice([0.0, 1.0], C).tolist()
    return rng.normal(size=C).tolist()


def apply(name, z):
    return z if name == "linear" else getattr(autograd, name)(z)


@given(st.sampled_from(TAME), st.sampled_from(TAME), st.sampled_from(LOSSES), st.integers(0, 1000))
def test_deltas_and_gradients(g, f, loss, seed):
    rng = np.random.default_rng(seed)
    D, H, C = rng.integers(1, 5, 3)
    W_I, b_I = rng.normal(size=(D, H)), rng.normal(size=H)
    W_O, b_O = rng.normal(size=(H, C)), rng.normal(size=C)
    x, y = rng.normal(size=D), draw_target(loss, C, rng)
    hand = reference.two_layers(W_I, b_I, W_O, b_O, x, y, g=g, f=f, loss=loss)

    wI, wO = ([[Value(w) for w in row] for row in W.tolist()] for W in (W_I, W_O))
    bI, bO = ([Value(v) for v in b.tolist()] for b in (b_I, b_O))
    zI = [sum((wI[d][h] * x[d] for d in range(D)), bI[h]) for h in range(H)]
    h = [apply(g, z) for z in zI]
    zO = [sum((wO[k][c] * h[k] for k in range(H)), bO[c]) for c in range(C)]
    out = [apply(f, z) for z in zO]
    L = getattr(nn, loss)(out, y)
    L.backward()

    def same(values, expected):
        got = np.array([v.grad for v in values])
        np.testing.assert_allclose(got, np.ravel(expected), rtol=1e-10, atol=1e-13 * (1 + np.abs(expected).max()))

    assert L.data == pytest.approx(hand.L, rel=1e-12, abs=1e-13)
    same(zO, hand.delta_O)
    same(zI, hand.delta_I)
    same([w for row in wO for w in row], hand.gradient_W_O)
    same(bO, hand.gradient_b_O)
    same([w for row in wI for w in row], hand.gradient_W_I)
    same(bI, hand.gradient_b_I)
    # the shapes that the lecture gives them
    assert hand.gradient_W_O.shape == (H, C) and hand.gradient_W_I.shape == (D, H)
    np.testing.assert_array_equal(hand.gradient_b_O, hand.delta_O)
    np.testing.assert_array_equal(hand.gradient_b_I, hand.delta_I)


def test_softmax_output_with_cross_entropy_on_probabilities():
    """f = softmax mixes the outputs: f' is a matrix, and δ_O comes out as ŷ − y."""
    rng = np.random.default_rng(0)
    W_I, W_O = rng.normal(size=(3, 4)), rng.normal(size=(4, 3))
    onehot = np.array([0.0, 1.0, 0.0])

    def nll(prediction, target):
        return -sum(t * p.log() for p, t in zip(prediction, target) if t)

    hand = reference.two_layers(W_I, np.zeros(4), W_O, np.zeros(3), rng.normal(size=3), onehot.tolist(), g="tanh",
                                f="softmax", loss=nll)  # fmt: skip
    np.testing.assert_allclose(hand.delta_O.ravel(), hand.y_hat.ravel() - onehot, rtol=1e-12, atol=1e-15)


def test_a_function_of_ones_own_as_activation():
    def square(z):
        return z * z

    hand = reference.two_layers([[2.0]], [1.0], [[3.0]], [0.5], [1.0], 10.0, g=square, f="linear", loss="mse_loss")
    # h = (2·1 + 1)² = 9, ŷ = 27.5, δ_O = 17.5, δ_I = 3 · 17.5 · 2 · 3
    assert hand.h.item() == 9.0 and hand.y_hat.item() == 27.5
    assert hand.delta_O.item() == 17.5 and hand.delta_I.item() == 315.0
    assert hand.gradient_W_O.item() == 157.5 and hand.gradient_W_I.item() == 315.0


def test_the_comparison_would_notice_a_wrong_factor():
    rng = np.random.default_rng(1)
    model = nn.MLP(2, [3, 2], activation="tanh", seed=0)
    x, y = rng.normal(size=2), [0.5, -0.5]
    form = reference.backpropagation(model, x, y, "mse_loss")
    loss = nn.mse_loss(model(x.tolist()), y)
    engine = np.array(autograd.grad(loss, model.parameters()))
    np.testing.assert_allclose(form.flat(), engine, rtol=1e-10)
    form.gradient_W[1] *= 1 + 1e-9
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(form.flat(), engine, rtol=1e-10)
