"""Lecture A, backpropagation on Iris: the engine's gradients are the closed forms, entry by entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, graph
from nn import reference


def same(got, expected):
    """Entry by entry to 1e-10 relative; atol stands for the rounding of entries that cancel to almost nothing."""
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)


def grads(values):
    return np.array([[v.grad for v in row] for row in values])


def network(hidden, seed):
    model = nn.MLP(4, [hidden, 3], activation="relu", output="linear", seed=seed)
    for layer in model.layers:  # biases start at 0; the lecture's do not
        for j, neuron in enumerate(layer.neurons):
            neuron.bias.data = 0.1 * (j - 1)
    return model


def layer_matrices(model):
    (W1, b1, _), (W2, b2, _) = reference.matrices(model)
    return W1, b1, W2, b2


def test_the_flowers():
    flowers = nn.datasets.iris()
    assert flowers.X.shape == (150, 4)
    assert list(flowers.class_names) == ["setosa", "versicolor", "virginica"]
    assert [name.split(" (")[0] for name in flowers.feature_names] == [
        "sepal length", "sepal width", "petal length", "petal width"]  # fmt: skip
    assert np.bincount(flowers.y).tolist() == [50, 50, 50]


@given(st.integers(0, 149), st.integers(1, 10), st.integers(0, 20))
def test_every_gradient_equals_its_closed_form(flower, hidden, seed):
    flowers = nn.datasets.iris()
    x, y = flowers.X[flower].tolist(), int(flowers.y[flower])
    model = network(hidden, seed)
    form = reference.iris_network(*layer_matrices(model), x, y)

    # the forward pass, equation by equation, on Values
    first, second = model.layers
    ha = [sum((w * v for w, v in zip(n.weights, x)), n.bias) for n in first.neurons]
    hs = [h.relu() for h in ha]
    oa = [sum((w * h for w, h in zip(n.weights, hs)), n.bias) for n in second.neurons]
    os = autograd.softmax(oa)
    L = -os[y].log()
    same([v.data for v in ha], form.ha.ravel())
    same([v.data for v in hs], form.hs.ravel())
    same([v.data for v in oa], form.oa.ravel())
    same([v.data for v in os], form.os.ravel())
    assert L.data == pytest.approx(form.L, rel=1e-10, abs=1e-13)

    L.backward()
    onehot = np.eye(3)[y]
    same([v.grad for v in oa], form.os.ravel() - onehot)
    same([v.grad for v in oa], form.d_oa.ravel())
    same([v.grad for v in hs], form.d_hs.ravel())
    same([v.grad for v in ha], form.d_ha.ravel())
    same(grads([n.weights for n in second.neurons]), form.d_W2)
    same([n.bias.grad for n in second.neurons], form.d_b2.ravel())
    same(grads([n.weights for n in first.neurons]), form.d_W1)
    same([n.bias.grad for n in first.neurons], form.d_b1.ravel())

    # and so does the library's own loss on the logits
    fused = nn.cross_entropy(model(x), y)
    assert fused.data == pytest.approx(form.L, rel=1e-12, abs=1e-13)
    same(autograd.grad(fused, second.neurons[0].weights), form.d_W2[0])


def test_the_gate_is_the_net_input_not_the_output_layer():
    """The slide prints oᵃ in ∂L/∂hᵃ = ∂L/∂hˢ ⊙ 1[hᵃ > 0]; only hᵃ has the right length and gives the gradient."""
    flowers = nn.datasets.iris()
    model = network(6, 3)
    form = reference.iris_network(*layer_matrices(model), flowers.X[60], 1)
    assert 0 < (form.ha > 0).sum() < 6, "some neurons must be off for this to say anything"
    np.testing.assert_array_equal(form.d_ha, form.d_hs * (form.ha > 0))
    loss = nn.cross_entropy(model(flowers.X[60].tolist()), 1)
    off = int(np.flatnonzero(form.ha.ravel() <= 0)[0])
    assert autograd.grad(loss, model.layers[0].neurons[off].weights) == [0.0] * 4


def test_softmax_is_a_distribution():
    os = autograd.softmax([Value(1.0), Value(-2.0), Value(0.5)])
    assert sum(v.data for v in os) == pytest.approx(1.0, rel=1e-15)
    exps = np.exp([1.0, -2.0, 0.5])
    same([v.data for v in os], exps / exps.sum())


def test_the_update_and_the_direction_of_greatest_increase():
    """θ ← θ − η∇L lowers the loss, and no unit direction raises it faster than the gradient's."""
    flowers = nn.datasets.iris()
    x, y = flowers.X[100].tolist(), int(flowers.y[100])
    model = network(5, 2)
    parameters = model.parameters()
    before = [p.data for p in parameters]
    loss = nn.cross_entropy(model(x), y)
    gradient = np.array(autograd.grad(loss, parameters))

    optimizer = nn.SGD(parameters, lr=1e-3)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    np.testing.assert_array_equal([p.data for p in parameters], np.array(before) - 1e-3 * gradient)
    assert nn.cross_entropy(model(x), y).data < loss.data

    steepest = np.linalg.norm(gradient)
    rng = np.random.default_rng(0)
    for d in rng.normal(size=(50, len(gradient))):
        assert gradient @ (d / np.linalg.norm(d)) <= steepest
    assert gradient @ (gradient / steepest) == pytest.approx(steepest, rel=1e-14)


def test_the_adjoints_are_found_in_the_graph_by_name():
    flowers = nn.datasets.iris()
    model = network(5, 1)
    root = nn.cross_entropy(nn.trace(model, flowers.X[10].tolist()), 0)
    root.backward()
    form = reference.iris_network(*layer_matrices(model), flowers.X[10], 0)
    by_label = {node.label: node for node in graph.topological(root)}
    for j, expected in enumerate(form.d_ha.ravel()):
        assert by_label[f"layers.0.neurons.{j}.z"].grad == pytest.approx(expected, rel=1e-10, abs=1e-15)
    for j, expected in enumerate(form.d_oa.ravel()):
        assert by_label[f"layers.1.neurons.{j}.z"].grad == pytest.approx(expected, rel=1e-10, abs=1e-15)


def test_training_lowers_the_loss_and_predicts():
    flowers = nn.datasets.iris()
    part = nn.datasets.split(flowers.X, flowers.y, 0.2, seed=1, stratify=True)
    scale = nn.datasets.Standardizer(part.X_train)
    model = nn.MLP(4, [8, 3], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.05, momentum=0.9)
    history = nn.fit(model, nn.cross_entropy, scale(part.X_train), part.y_train, optimizer, epochs=30, batch_size=16,
                     seed=0, progress=False)  # fmt: skip
    assert history.loss[-1] < 0.3 * history.loss[0]
    predicted = model.predict(scale(part.X_test)).argmax(1)
    assert (predicted == part.y_test).mean() >= 0.93


def test_a_softmax_layer_and_minus_the_log_likelihood_train_as_the_logits_do():
    flowers = nn.datasets.iris()
    X = (flowers.X - flowers.X.mean(0)) / flowers.X.std(0)
    runs = []
    for output, loss in (("softmax", nn.log_loss), ("linear", nn.cross_entropy)):
        model = nn.MLP(4, [5, 3], activation="relu", output=output, seed=4)
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        runs.append(nn.fit(model, loss, X, flowers.y, optimizer, epochs=10, batch_size=15, progress=False).loss)
    same(*runs)


def test_descent_on_the_loss_is_ascent_on_the_log_likelihood():
    """θ + η∇ log p(y) = θ − η∇L, and of all unit directions the gradient's has the largest slope."""
    model, flower = network(5, 1), nn.datasets.iris().X[60].tolist()
    log_p = autograd.softmax(model(flower))[1].log()
    up = np.array(autograd.grad(log_p, model.parameters()))
    down = np.array(autograd.grad(nn.cross_entropy(model(flower), 1), model.parameters()))
    same(up, -down)
    f = lambda w: (w[0] - 1) ** 2 + w[0] * w[1]  # noqa: E731
    _, g = autograd.value_and_grad(f)([0.5, 2.0])
    circle = np.linspace(0, 2 * np.pi, 721)[:-1]
    slopes = [nn.directional_derivative(f, [0.5, 2.0], [np.cos(t), np.sin(t)]) for t in circle]
    assert circle[np.argmax(slopes)] == pytest.approx(np.arctan2(g[1], g[0]) % (2 * np.pi), abs=0.005)
    assert max(slopes) == pytest.approx(np.hypot(*g), rel=1e-4)
