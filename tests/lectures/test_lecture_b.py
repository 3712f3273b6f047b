"""Lecture B: the costs, the three kinds of descent, and the derivation of the backpropagation rules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tame import TAME

import autograd
import nn
from autograd import Value, graph
from nn import activations, reference

# on numbers of any size these overflow or leave their domain; `test_every_activation` takes them one layer deep
SIGNED = ("logistic_loss", "hinge_loss")
LOSSES = [name for name in reference.COSTS if name != "squared_error"]


def target(loss, width, rng):
    if loss in SIGNED:
        return rng.choice([-1.0, 1.0], width).tolist()
    if loss == "binary_cross_entropy":
        return rng.choice([0.0, 1.0], width).tolist()
    if loss in ("cross_entropy", "nll_loss", "log_loss"):
        return int(rng.integers(width))
    return rng.normal(size=width).tolist()


def in_list(y):
    return y if isinstance(y, list) and len(y) > 1 else y[0] if isinstance(y, list) else y


def randomised(model, rng):
    for p in model.parameters():
        p.data = float(rng.normal()) * 0.7
    return model


def log_softmax(z):
    total = autograd.log_sum_exp(z)
    return [entry - total for entry in z]


@st.composite
def networks(draw):
    loss = draw(st.sampled_from(LOSSES))
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=7))  # up to 6 layers
    if loss in ("cross_entropy", "nll_loss", "log_loss"):
        widths[-1] = max(widths[-1], 2)
    names = draw(st.lists(st.sampled_from(TAME), min_size=len(widths) - 1, max_size=len(widths) - 1))
    seed, bias = draw(st.integers(0, 10_000)), draw(st.booleans())
    rng = np.random.default_rng(seed)
    model = randomised(nn.MLP(widths[0], widths[1:], names[:-1], names[-1], bias=bias), rng)
    if loss == "log_loss":  # its predictions are probabilities
        model = randomised(nn.MLP(widths[0], widths[1:], names[:-1], "softmax", bias=bias), rng)
    if loss == "nll_loss":  # its predictions are logarithms of probabilities
        model = randomised(nn.MLP(widths[0], widths[1:], names[:-1], lambda z: -z.softplus(), bias=bias), rng)
    return model, rng.normal(size=widths[0]), target(loss, widths[-1], rng), loss


@settings(max_examples=150)
@given(networks())
def test_the_recursion_equals_the_engine(case):
    model, x, y, loss = case
    r = reference.backpropagation(model, x, y, loss)
    root = getattr(nn, loss)(model(x.tolist()), in_list(y))
    assert root.data == pytest.approx(r.cost, rel=1e-10, abs=1e-12)
    engine = np.array(autograd.grad(root, model.parameters()))
    np.testing.assert_allclose(r.flat(), engine, rtol=1e-10, atol=1e-13 * (1 + np.abs(engine).max()))


@pytest.mark.parametrize("name", [n for n in activations.names() if n not in activations.OF_LAYERS])
def test_the_recursion_with_every_activation(name):
    model = nn.MLP(2, [3, 1], activation=name, seed=1)
    for p in model.parameters():
        p.data = abs(p.data) * 0.3 + 0.01  # inside the domain of log, sqrt, asin and acos
    r = reference.backpropagation(model, [0.5, 0.25], 0.3, "mse_loss")
    engine = autograd.grad(nn.mse_loss(model([0.5, 0.25]), 0.3), model.parameters())
    np.testing.assert_allclose(r.flat(), engine, rtol=1e-10)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_adjoints_of_the_net_inputs_are_the_B_vectors(loss):
    rng = np.random.default_rng(5)
    output = {"nll_loss": lambda z: -z.softplus(), "log_loss": "softmax"}.get(loss, "linear")
    model = randomised(nn.MLP(3, [4, 4, 2], "tanh", output), rng)
    x, y = rng.normal(size=3), target(loss, 2, rng)
    r = reference.backpropagation(model, x, y, loss)
    root = getattr(nn, loss)(nn.trace(model, x.tolist()), y)
    root.backward()
    node = {v.label: v.grad for v in graph.topological(root)}
    # a log-probability that the cost does not read is not in its graph: its adjoint is 0
    for j in (1, 2, 3):
        for k in range(len(r.B[j])):
            assert node.get(f"layers.{j - 1}.neurons.{k}.z", 0.0) == pytest.approx(r.B[j][k, 0], rel=1e-10, abs=1e-14)
    for j in (2, 3):  # Pʲ = [Ωʲ Bʲ]ᵀ is what arrives at the activations below
        for i in range(r.P[j].shape[1]):
            assert node[f"layers.{j - 2}.neurons.{i}.a"] == pytest.approx(r.P[j][0, i], rel=1e-10, abs=1e-14)


def test_names_and_shapes_are_the_lectures():
    model = nn.MLP(3, [4, 2], activation="sigmoid", seed=0)
    r = reference.backpropagation(model, [1.0, 2.0, 3.0], [0.0, 1.0], "mse_loss")
    assert [r.omega[j].shape for j in (1, 2)] == [(3, 4), (4, 2)]  # Ωʲ ∈ R^(n_{j−1} × n_j)
    np.testing.assert_array_equal(r.B[2], r.slope[2] * (r.alpha[2] - np.array([[0.0], [1.0]])) / 2)
    np.testing.assert_array_equal(r.B[1], r.slope[1] * (r.omega[2] @ r.B[2]))
    np.testing.assert_array_equal(r.P[2], (r.omega[2] @ r.B[2]).T)
    for j in (1, 2):
        np.testing.assert_array_equal(r.gradient_W[j], r.alpha[j - 1] @ r.B[j].T)
        np.testing.assert_array_equal(r.gradient_b[j], r.B[j])


def test_a_single_neuron():
    """h = Φ(wᵀa + b): ∂h/∂a = Φ'(ζ)wᵀ, ∂h/∂w = Φ'(ζ)aᵀ, ∂h/∂b = Φ'(ζ)."""
    neuron = nn.Neuron(3, activation="tanh", seed=0)
    a = [Value(0.3), Value(-1.0), Value(2.0)]
    neuron.bias.data = 0.25
    h = neuron(a)
    zeta = sum(w.data * v.data for w, v in zip(neuron.weights, a)) + 0.25
    slope = 1 / math.cosh(zeta) ** 2
    assert autograd.grad(h, a) == pytest.approx([slope * w.data for w in neuron.weights], rel=1e-13)
    assert autograd.grad(h, neuron.weights) == pytest.approx([slope * v.data for v in a], rel=1e-13)
    assert autograd.grad(h, [neuron.bias]) == pytest.approx([slope], rel=1e-13)


def test_softmax_layer_and_a_cost_of_ones_own():
    model = randomised(nn.MLP(2, [3, 3], "sigmoid", "softmax"), np.random.default_rng(1))

    def nll(prediction, y):
        return -prediction[y].log()

    r = reference.backpropagation(model, [0.5, -0.5], 2, nll)
    engine = autograd.grad(nll(model([0.5, -0.5]), 2), model.parameters())
    np.testing.assert_allclose(r.flat(), engine, rtol=1e-10, atol=1e-14)


# ---- the five costs ---------------------------------------------------------------------------------------------

NUMBERS = st.floats(-20, 20)


def d(cost, prediction, y):
    p = Value(prediction)
    return autograd.grad(cost(p, y), [p])[0]


@given(NUMBERS, NUMBERS)
def test_squared_absolute_and_huber(p, y):
    assert nn.mse_loss(p, y) == pytest.approx((y - p) ** 2 / 2, rel=1e-14)
    assert d(nn.mse_loss, p, y) == pytest.approx(p - y, rel=1e-10)
    assert nn.l1_loss(p, y) == abs(y - p)
    assert d(nn.l1_loss, p, y) == np.sign(p - y)
    for delta in (0.5, 1.0, 3.0):
        error = abs(y - p)
        expected = error**2 / 2 if error <= delta else delta * (error - delta / 2)
        assert nn.huber_loss(p, y, delta=delta) == pytest.approx(expected, rel=1e-13)
        slope = d(lambda q, t, delta=delta: nn.huber_loss(q, t, delta=delta), p, y)
        assert slope == pytest.approx(min(max(p - y, -delta), delta), rel=1e-10)


@given(NUMBERS, st.sampled_from([-1.0, 1.0]))
def test_logistic_and_hinge(p, y):
    assert nn.logistic_loss(p, y) == pytest.approx(math.log1p(math.exp(-y * p)), rel=1e-12)
    assert d(nn.logistic_loss, p, y) == pytest.approx(-y / (1 + math.exp(y * p)), rel=1e-10)
    assert nn.hinge_loss(p, y) == pytest.approx(max(0.0, 1 - y * p), rel=1e-14)
    assert d(nn.hinge_loss, p, y) == (-y if y * p < 1 else 0.0)


def test_the_printed_hinge_would_not_be_a_cost():
    """The slide's max(0, y − ŷ) charges nothing for a wrong ŷ = 5 when y = −1; the standard form charges 6."""
    assert max(0.0, -1.0 - 5.0) == 0.0
    assert nn.hinge_loss(5.0, -1.0) == 6.0


def test_robust_regression():
    """One wild outlier moves the least-squares line far, and the L1 and Huber lines little."""
    xs = [0.0, 1.0, 2.0, 3.0, 4.0]
    ys = [1.0, 3.0, 5.0, 7.0, 59.0]  # y = 2x + 1, the last one off by 50

    def slope_found(loss):
        line = nn.MLP(1, [1], init="zeros")
        optimizer = nn.SGD(line.parameters(), lr=nn.schedules.inverse_time(0.1, 0.01))
        for _ in range(1500):
            line.zero_grad()
            loss([line([x]) for x in xs], ys).backward()
            optimizer.step()
        return line.layers[0].neurons[0].weights[0].data

    assert slope_found(nn.mse_loss) == pytest.approx(12.0, rel=1e-3)  # least squares: 2 + 50·Σ(x−x̄)…/Σ(x−x̄)²
    assert slope_found(nn.l1_loss) == pytest.approx(2.0, abs=0.25)
    assert slope_found(nn.huber_loss) < 3.0


# ---- gradient, stochastic and mini-batch descent ----------------------------------------------------------------


def problem():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    return randomised(nn.MLP(2, [3, 1], activation="tanh"), rng), X, y


def sample_gradient(model, x, y):
    return np.array(autograd.grad(nn.mse_loss(model(x.tolist()), float(y)), model.parameters()))


def test_the_stochastic_gradient_is_unbiased():
    """E = (1/N) Σ C: over a uniformly drawn sample, and over a uniformly drawn batch, the mean gradient is ∇E."""
    from itertools import combinations

    model, X, y = problem()
    whole = nn.mse_loss([model(x) for x in X.tolist()], y.tolist())
    gradient = np.array(autograd.grad(whole, model.parameters()))
    per_sample = np.array([sample_gradient(model, *pair) for pair in zip(X, y)])
    np.testing.assert_allclose(per_sample.mean(0), gradient, rtol=1e-10, atol=1e-15)
    batches = [per_sample[list(chosen)].mean(0) for chosen in combinations(range(12), 3)]
    assert len(batches) == math.comb(12, 3)
    np.testing.assert_allclose(np.mean(batches, axis=0), gradient, rtol=1e-10, atol=1e-15)
    # and a batch of M scatters less than one sample, by (N − M) / (M (N − 1)) without replacement
    spread = ((per_sample - gradient) ** 2).sum(1).mean()
    batch_spread = np.mean([((b - gradient) ** 2).sum() for b in batches])
    assert batch_spread == pytest.approx(spread * (12 - 3) / (3 * 11), rel=1e-10)


def test_drawn_samples_average_to_the_gradient():
    """The same by drawing: after K draws the mean is within a few standard errors of ∇E."""
    model, X, y = problem()
    per_sample = np.array([sample_gradient(model, *pair) for pair in zip(X, y)])
    draws = np.random.default_rng(1).integers(0, 12, 20_000)
    standard_error = per_sample.std(0) / math.sqrt(len(draws))
    assert (np.abs(per_sample[draws].mean(0) - per_sample.mean(0)) < 5 * standard_error + 1e-15).all()


@pytest.mark.parametrize(("method", "batch_size"), [("gradient", 12), ("stochastic", 1), ("mini-batch", 4)])
def test_updates_per_epoch_and_gradients_per_update(method, batch_size):
    """The lecture's table, counted: gradient 1 × N, stochastic N × 1, mini-batch N/M × M."""
    model, X, y = problem()
    updates, calls = [], []

    class Counted(nn.SGD):
        def step(self):
            updates.append(len(calls))
            super().step()

    def loss(prediction, target):
        calls.append(1)
        return nn.mse_loss(prediction, target)

    optimizer = Counted(model.parameters(), lr=0.01)
    nn.fit(model, loss, X, y, optimizer, epochs=2, batch_size=batch_size, seed=0, engine="eager", progress=False)
    assert len(updates) == 2 * (12 // batch_size)
    gradients = np.diff(updates).tolist()
    assert gradients == [batch_size] * len(gradients), "one gradient per sample of the batch"


def test_one_step_of_each_kind_is_the_formula():
    model, X, y = problem()
    for batch in ([3], [0, 5, 7], list(range(12))):
        optimizer = nn.SGD(model.parameters(), lr=0.05)
        before = np.array([p.data for p in model.parameters()])
        step = np.mean([sample_gradient(model, X[i], y[i]) for i in batch], axis=0)
        model.zero_grad()
        nn.mse_loss([model(X[i].tolist()) for i in batch], [float(y[i]) for i in batch]).backward()
        optimizer.step()
        after = np.array([p.data for p in model.parameters()])
        np.testing.assert_allclose(after, before - 0.05 * step, rtol=1e-12, atol=1e-15)


# ---- bad input --------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused():
    model = nn.MLP(2, [3, 2], activation="tanh", seed=0)
    with pytest.raises(ValueError, match="takes 2 inputs; x has 3"):
        reference.backpropagation(model, [1.0, 2.0, 3.0], [0.0, 0.0], "mse_loss")
    with pytest.raises(ValueError, match="2 outputs; the target has 1"):
        reference.backpropagation(model, [1.0, 2.0], 0.0, "mse_loss")
    with pytest.raises(ValueError, match="no cost is called 'mse'; known costs: mse_loss"):
        reference.backpropagation(model, [1.0, 2.0], [0.0, 0.0], "mse")
    with pytest.raises(ValueError, match="'dot' is not an activation"):
        reference.activate("dot", reference.column([1.0]))


def test_the_jacobian_of_layers_is_the_product_of_their_jacobians():
    """J_h = J_g J_f for h = g ∘ f, layer by layer, with J = Diag(Φ')W."""
    model = randomised(nn.MLP(3, [4, 3, 2], "tanh", "sigmoid", seed=2), np.random.default_rng(3))
    x = [0.5, -1.0, 0.3]
    r = reference.backpropagation(model, x, [0.0, 1.0], "mse_loss")
    product, a = np.eye(3), x
    for j, layer in enumerate(model.layers, 1):
        J = np.array(autograd.jacobian(layer, a))
        np.testing.assert_allclose(J, r.slope[j] * r.omega[j].T, rtol=1e-10)
        product, a = J @ product, [v.data for v in layer(a)]
    np.testing.assert_allclose(np.array(autograd.jacobian(model, x)), product, rtol=1e-10)
