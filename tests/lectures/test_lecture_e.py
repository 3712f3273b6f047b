"""Lecture E, neural networks on MNIST: the softmax classifier, the ReLU network, optimizers, one scalar at a time."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value
from nn import reference

FOLDER = Path(os.environ.get("TRACEGRAD_MNIST") or Path(__file__).parents[3] / "shared" / "data" / "mnist")
needs_mnist = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the four files of MNIST are not here; name their folder in TRACEGRAD_MNIST"
)


@pytest.fixture(scope="module")
def mnist():
    return nn.datasets.mnist(FOLDER, dtype="float32")


def with_ones(X):
    """The images with the feature of ones: 784 numbers become 785."""
    return np.hstack([X, np.ones((len(X), 1), X.dtype)])


def softmax_classifier(features, classes=10, seed=0):
    return nn.MLP(features, [classes], bias=False, init="zeros", seed=seed)


# ---- the softmax classifier -------------------------------------------------------------------------------------


@given(st.integers(0, 100))
def test_its_gradient_is_prediction_minus_truth_times_input(seed):
    """∇_W of −Σ yᵢ log fᵢ with f = SoftMax(Wx) is (f − y) xᵀ, and its mean over a batch."""
    rng = np.random.default_rng(seed)
    model = softmax_classifier(6, 4)
    for p in model.parameters():
        p.data = float(rng.normal())
    X, y = with_ones(rng.random((5, 5))), rng.integers(4, size=5)
    (W, _, _), *_ = reference.matrices(model)
    expected, cost = np.zeros_like(W), 0.0
    for x, label in zip(X, y):
        z = W @ x
        f = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        expected += np.outer(f - np.eye(4)[label], x) / 5
        cost -= math.log(f[label]) / 5
    loss = nn.cross_entropy([model(x) for x in X.tolist()], y.tolist())
    assert loss.data == pytest.approx(cost, rel=1e-12)
    np.testing.assert_allclose(autograd.grad(loss, model.parameters()), expected.ravel(), rtol=1e-10, atol=1e-15)
    # one-hot rows say the same as class numbers
    hot = nn.cross_entropy([model(x) for x in X.tolist()], np.eye(4)[y].tolist())
    assert hot.data == loss.data


def test_the_feature_of_ones_is_a_bias():
    rng = np.random.default_rng(0)
    ones = softmax_classifier(4, 3)
    bias = nn.MLP(3, [3], init="zeros")
    for a, b in zip(ones.parameters(), bias.parameters()):
        a.data = b.data = float(rng.normal())
    x = rng.normal(size=3).tolist()
    assert ones.evaluate([*x, 1.0]) == pytest.approx(bias.evaluate(x), rel=1e-14)
    a, b = (nn.cross_entropy(m(v), 1) for m, v in ((ones, [*x, 1.0]), (bias, x)))
    assert autograd.grad(a, ones.parameters()) == pytest.approx(autograd.grad(b, bias.parameters()), rel=1e-13)


def test_at_first_every_class_is_equally_likely():
    model = softmax_classifier(785)
    assert len(model.parameters()) == 7850
    loss = nn.cross_entropy(model([0.5] * 784 + [1.0]), 3)
    assert loss.data == pytest.approx(math.log(10), rel=1e-14)


def test_the_largest_net_input_is_the_largest_probability():
    z = [0.3, -1.0, 2.5, 2.4]
    assert np.argmax(z) == np.argmax(autograd.softmax(z)) == 2


# ---- architecture -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("d1", "d2"), [(1, 1), (3, 2), (16, 8), (40, 20)])
def test_the_number_of_parameters(d1, d2):
    without = nn.MLP(785, [d1, d2, 10], bias=False, init="zeros")
    assert len(without.parameters()) == 785 * d1 + d1 * d2 + 10 * d2
    practical = nn.MLP(784, [d1, d2, 10], init="zeros")
    assert len(practical.parameters()) == 784 * d1 + d1 * d2 + 10 * d2 + (d1 + d2 + 10)


@given(st.integers(0, 50))
def test_why_bother_using_relu(seed):
    """Without it the layers compose into one matrix with the same outputs; with it no matrix gives them."""
    rng = np.random.default_rng(seed)
    linear = nn.MLP(5, [8, 6, 3], activation="linear", bias=False, seed=seed)
    W1, W2, W3 = (W for W, _, _ in reference.matrices(linear))
    X = rng.normal(size=(20, 5))
    np.testing.assert_allclose(linear.predict(X), X @ (W3 @ W2 @ W1).T, rtol=1e-10, atol=1e-13)

    bent = nn.MLP(5, [8, 6, 3], activation="relu", bias=False, seed=seed)
    outputs = bent.predict(X)
    best, *_ = np.linalg.lstsq(X, outputs, rcond=None)
    assert np.abs(X @ best - outputs).max() > 1e-3 * np.abs(outputs).max()
    x = X[0]
    assert not np.allclose(bent.predict([x])[0], -bent.predict([-x])[0]), "a linear map would be odd"


@pytest.mark.parametrize(
    ("task", "output", "loss", "target", "holds"),
    [
        ("many classes", "softmax", nn.cross_entropy, 1, lambda out: abs(sum(out) - 1) < 1e-12 and min(out) > 0),
        ("two classes", "sigmoid", nn.mse_loss, [1.0, 0.0], lambda out: all(0 < o < 1 for o in out)),
        ("two classes, ±1", "tanh", nn.mse_loss, [1.0, -1.0], lambda out: all(-1 < o < 1 for o in out)),
        ("regression", "linear", nn.l1_loss, [3.5, -7.0], lambda out: min(out) < 0 < max(out)),
        ("positive labels", "relu", nn.mse_loss, [0.0, 2.0], lambda out: min(out) >= 0),
    ],
)
def test_which_output_for_which_task(task, output, loss, target, holds):
    model = nn.MLP(3, [4, 2], activation="relu", output=output, seed=4)
    outputs = [model.evaluate(x) for x in np.random.default_rng(0).normal(size=(20, 3)).tolist()]
    flat = outputs if output == "softmax" else [[v for out in outputs for v in out]]
    assert all(holds(out) for out in flat), task
    if output != "softmax":  # cross_entropy wants logits: softmax is in it
        assert math.isfinite(loss(model([1.0, 2.0, 3.0]), target).data)


def test_a_node_per_entry_and_an_edge_per_matrix_entry():
    picture = nn.draw_network(nn.MLP(785, [16, 8, 10], bias=False, init="zeros"), max_nodes=10)
    assert "785 inputs" in picture.svg() and "⋮" in picture.svg()


# ---- optimizers -------------------------------------------------------------------------------------------------


def run(optimizer, steps=5):
    """The path of two parameters under L = ½(3p² + q²) + pq."""
    p, q = optimizer.parameters
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (3.0 * p * p + q * q) + p * q).backward()
        optimizer.step()
        path.append([p.data, q.data])
    return path


def gradient(w):
    return np.array([[3.0, 1.0], [1.0, 1.0]]) @ w


def pair():
    return [Value(1.0, "p"), Value(-2.0, "q")]


def test_momentum_is_the_lectures():
    """V ← βV + G, W ← W − αV."""
    W, V, expected = np.array([1.0, -2.0]), np.zeros(2), []
    for _ in range(5):
        V = 0.9 * V + gradient(W)
        W = W - 0.1 * V
        expected.append(W)
    np.testing.assert_allclose(run(nn.SGD(pair(), lr=0.1, momentum=0.9)), expected, rtol=1e-12)


def test_adagrad_and_rmsprop():
    W, S, adagrad = np.array([1.0, -2.0]), np.zeros(2), []
    for _ in range(5):
        S = S + gradient(W) ** 2
        W = W - 0.5 * gradient(W) / (np.sqrt(S) + 1e-10)
        adagrad.append(W)
    np.testing.assert_allclose(run(nn.AdaGrad(pair(), lr=0.5)), adagrad, rtol=1e-10)
    W, S, rmsprop = np.array([1.0, -2.0]), np.zeros(2), []
    for _ in range(5):
        S = 0.9 * S + 0.1 * gradient(W) ** 2
        W = W - 0.05 * gradient(W) / (np.sqrt(S) + 1e-8)
        rmsprop.append(W)
    np.testing.assert_allclose(run(nn.RMSprop(pair(), lr=0.05, decay=0.9)), rmsprop, rtol=1e-10)


# ---- the scalar network, step by step ---------------------------------------------------------------------------


def scalar_network(x=1.5, y=1.0, w=(0.8, -1.2, 0.5)):
    w0, w1, w2 = (Value(v, f"w{i}") for i, v in enumerate(w))
    z1 = w0 * Value(x, "x")
    x1 = z1.relu()
    z2 = w1 * x1
    x2 = z2.relu()
    z3 = w2 * x2
    L = 0.5 * (z3 - y) ** 2
    for label, node in {"z1": z1, "x1": x1, "z2": z2, "x2": x2, "z3": z3, "L": L}.items():
        node.label = label
    return w0, w1, w2, z1, x1, z2, x2, z3, L


@given(st.tuples(*[st.floats(0.1, 2.0)] * 3), st.floats(0.1, 3.0), st.floats(-2, 2), st.integers(0, 2))
def test_each_derivative_of_the_scalar_network(w, x, y, negative):
    w = tuple(-v if k == negative else v for k, v in enumerate(w))  # sometimes a relu is off
    w0, w1, w2, z1, x1, z2, x2, z3, L = scalar_network(x, y, w)
    L.backward()
    dz3 = z3.data - y
    dx2 = dz3 * w2.data
    dz2 = dx2 * (z2.data > 0)
    dx1 = dz2 * w1.data
    dz1 = dx1 * (z1.data > 0)
    expected = {z3: dz3, w2: dz3 * x2.data, x2: dx2, z2: dz2, w1: dz2 * x1.data, x1: dx1, z1: dz1, w0: dz1 * x}
    for node, value in expected.items():
        assert node.grad == pytest.approx(value, rel=1e-10, abs=1e-300), node.label


def test_memory_is_freed_as_the_pass_goes():
    w0, w1, w2, *inner, L = scalar_network(w=(0.8, 1.2, 0.5))
    expected = autograd.grad(L, [w0, w1, w2])
    L.backward(free_graph=True)
    assert [w.grad for w in (w0, w1, w2)] == expected
    assert all(node.parents == () for node in (*inner, L))


def test_the_stepper_shows_updates_and_frees_in_the_lectures_order():
    """∂L/∂z3; ∂L/∂w2, update w2; ∂L/∂x2; free ∂L/∂z3; … down to w0."""
    w0, w1, w2, *_, L = scalar_network(w=(0.8, 1.2, 0.5))
    gradients = dict(zip((w0, w1, w2), autograd.grad(L, [w0, w1, w2])))
    frames = list(autograd.steps(L, free_graph=True, update=0.1, parameters=[w0, w1, w2]))
    shown = [(f.kind, f.value.label) for f in frames if f.kind in ("update", "free") and f.value.label]
    assert [label for kind, label in shown if kind == "update"] == ["w2", "w1", "w0"]
    assert [label for kind, label in shown if kind == "free"] == ["L", "z3", "x2", "z2", "x1", "z1"]
    assert shown.index(("update", "w2")) < shown.index(("free", "z3")) < shown.index(("update", "w1"))
    for frame in frames:
        if frame.kind == "update":
            assert frame.after == frame.before - 0.1 * gradients[frame.value]
    assert w2.data == 0.5 and L.parents, "the frames are of a copy; your graph is as it was"


# ---- the real images --------------------------------------------------------------------------------------------


@needs_mnist
def test_the_data(mnist):
    train, test = mnist
    assert train.X.shape == (60_000, 784) and test.X.shape == (10_000, 784)
    assert train.X.min() == 0.0 and train.X.max() == 1.0
    assert sorted(set(train.y.tolist())) == list(range(10))


@needs_mnist
def test_one_real_image_against_the_closed_form(mnist):
    train, _ = mnist
    rng = np.random.default_rng(0)
    x, y = with_ones(train.X[:1]).astype(float)[0], int(train.y[0])
    model = softmax_classifier(785)
    for p in model.parameters():
        p.data = 0.01 * float(rng.normal())
    r = reference.backpropagation(model, x, y, nn.cross_entropy)
    root = nn.cross_entropy(model(x.tolist()), y)
    np.testing.assert_allclose(r.flat(), autograd.grad(root, model.parameters()), rtol=1e-10, atol=1e-14)


@needs_mnist
def test_the_softmax_classifier_beats_the_lecture(mnist):
    """The lecture reports 84.64 % on the training set and 83.58 % on the test images."""
    train, test = mnist
    model = softmax_classifier(785)
    optimizer = nn.SGD(model.parameters(), lr=nn.schedules.cosine(0.1, 5 * 480), momentum=0.9)
    X = with_ones(train.X)
    history = nn.fit(model, nn.cross_entropy, X, train.y, optimizer, epochs=5, batch_size=125, progress=False)
    assert history.engine == "compiled"
    assert nn.metrics.accuracy(model.predict(X), train.y) > 0.8464
    assert nn.metrics.accuracy(model.predict(with_ones(test.X)), test.y) >= 0.92


@needs_mnist
def test_the_relu_network_reaches_97_percent(mnist):
    train, test = mnist
    model = nn.MLP(785, [64, 32, 10], activation="relu", seed=0)
    optimizer = nn.SGD(model.parameters(), lr=nn.schedules.cosine(0.15, 4 * 240), momentum=0.9)
    nn.fit(model, nn.cross_entropy, with_ones(train.X), train.y, optimizer, epochs=4, batch_size=250, progress=False)
    assert nn.metrics.accuracy(model.predict(with_ones(test.X)), test.y) >= 0.97


@needs_mnist
def test_batch_sizes_and_optimizers_compared(mnist):
    """At the same learning rate and number of epochs smaller batches go further; momentum goes further than none."""
    train, _ = mnist
    X, y = with_ones(train.X[:1000]), train.y[:1000]

    def last_loss(batch_size, make):
        model = softmax_classifier(785)
        history = nn.fit(model, nn.cross_entropy, X, y, make(model.parameters()), epochs=2, batch_size=batch_size,
                         progress=False)  # fmt: skip
        assert len(history.batch_loss) == 2 * math.ceil(1000 / batch_size)
        return history.loss[-1]

    by_batch = [last_loss(M, lambda p: nn.SGD(p, lr=0.02)) for M in (1, 16, 32, 64, 1000)]
    assert by_batch == sorted(by_batch)
    plain = by_batch[2]
    for rule in (
        lambda p: nn.SGD(p, lr=0.02, momentum=0.9), lambda p: nn.AdaGrad(p, lr=0.02),
        lambda p: nn.RMSprop(p, lr=0.001),
    ):  # fmt: skip
        assert last_loss(32, rule) < plain


def test_the_full_gradient_of_a_network_stays_far_behind():
    """Six exact steps against six epochs of noisy ones, on the same network and the same ten classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(10, size=1000)
    X = rng.normal(size=(10, 20))[y] + rng.normal(0, 0.5, (1000, 20))
    reached = {}
    for size in (None, 32):
        model = nn.MLP(20, [32, 16, 10], "relu", seed=0)
        optimizer = nn.SGD(model.parameters(), lr=0.05, momentum=0.9)
        nn.fit(model, nn.cross_entropy, X, y, optimizer, epochs=6, batch_size=size, progress=False)
        reached[size] = nn.metrics.accuracy(model.predict(X), y)
    assert reached[None] < reached[32] - 0.3, reached
