"""Trained models come in: they compute what they did, to 1e-12, and can be explained, drawn, saved and trained."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from coming_in import agree, explained
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value
from nn.activations import Activation, composed

# ---- activations by formula -------------------------------------------------------------------------------------


@given(st.floats(-50, 50))
@pytest.mark.parametrize("formula", ["leaky_relu(x, 0.2)", "x * tanh(softplus(x))", "where(x > 1, x, 0)", "1 / x"])
def test_a_formula_is_an_activation(formula, x):
    activation = Activation(formula)
    here = Value(x)
    out = activation.on_value(here)
    assert out.data == activation.on_float(x)
    assert autograd.gradcheck(activation.on_value, [x], raise_exception=False).outcome != "failed"


def test_a_formula_is_a_part_of_the_model(tmp_path):
    model = nn.MLP(2, [3, 1], "leaky_relu(x, 0.2)", bias=[False, True], seed=1)
    assert repr(model) == "MLP(2, [3, 1], activation='leaky_relu(x, 0.2)', output='linear'): 10 parameters"
    X = np.array([[0.3, -0.5], [1.0, 2.0]])
    before = model.predict(X)
    assert nn.load(nn.save(model, tmp_path / "m.json") or tmp_path / "m.json").predict(X).tolist() == before.tolist()
    assert model._structure() == model._structure() is not None
    np.testing.assert_allclose(model.predict(X, "compiled"), before, rtol=1e-15)
    explained(model, [0.3, -0.5])
    with pytest.raises(ValueError, match=r"2 layers take one bias=… for all, or a list of 2"):
        nn.MLP(2, [3, 1], bias=[True])


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("3 + 1", "it does not depend on x"),
        ("y + 1", "unknown name 'y'"),
        ("relu(x, 1, 2)", "positional argument"),
        ("x.data", "'x.data' is not allowed here"),
        ("__import__('os')", "unknown function '__import__'"),
    ],
)
def test_what_is_no_formula_is_refused(formula, why):
    with pytest.raises(ValueError, match="is no formula in x") as refused:
        nn.MLP(1, [1], output=formula)
    assert why in str(refused.value)


def test_composed_activations():
    assert composed("tanh", "relu") == "tanh(relu(x))"
    assert composed("x * sigmoid(x)", "x + 1") == "(x + 1) * sigmoid(x + 1)"
    assert composed("linear", "tanh") == "tanh(x)"


def test_log_softmax_is_an_activation_of_a_layer():
    model, twin = (nn.MLP(2, [3, 3], "tanh", output, seed=1) for output in ("log_softmax", "linear"))
    x = [0.1, -0.4]
    losses = nn.nll_loss(model(x), 1), nn.cross_entropy(twin(x), 1)
    slopes = [autograd.grad(loss, m.parameters()) for loss, m in zip(losses, (model, twin))]
    np.testing.assert_allclose(*slopes, rtol=1e-12)
    recursion = nn.reference.backpropagation(model, x, [0.0, 1.0, 0.0], "nll_loss")
    np.testing.assert_allclose(recursion.flat(), slopes[0], rtol=1e-12)
    with pytest.raises(ValueError, match="log_softmax of one neuron is always 0; use activation='log_sigmoid'"):
        nn.Layer(2, 1, "log_softmax")
    with pytest.raises(ValueError, match="log_softmax compares the outputs of a layer: give it to a Layer"):
        nn.Neuron(2, "log_softmax")


# ---- arrays -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(0, 2**32 - 1))
def test_arrays_come_in(sizes, seed):
    random = np.random.default_rng(seed)
    weights = [random.normal(size=(after, before)) for before, after in pairwise(sizes)]
    biases = [random.normal(size=len(W)) if random.random() < 0.7 else None for W in weights]
    model = nn.from_arrays(weights, biases, "tanh")
    X = random.normal(size=(3, sizes[0]))
    out = X
    for number, (W, b) in enumerate(zip(weights, biases), 1):
        out = out @ W.T + (0 if b is None else b)
        out = np.tanh(out) if number < len(weights) else out
    agree(model, X, out)
    assert len(model.parameters()) == sum(W.size + (0 if b is None else b.size) for W, b in zip(weights, biases))


def test_what_arrays_become():
    model = nn.from_arrays([[[1, -1], [0.5, 0.5]], [[2, 1]]], [[0, 0.1], None], ["tanh"], "sigmoid")
    assert model.layers[1].neurons[0].bias is None and model.layers[0].neurons[1].bias.data == 0.1
    assert model.state_dict()["layers.0.neurons.1.weights.0"] == 0.5
    explained(model, [0.5, 0.25])
    own = nn.from_arrays([[[1.0]]], activations=[lambda v: v * v])
    assert own.evaluate([3.0]) == 9.0


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (([],), ValueError, "a list with the weights of each layer, and this one is empty"),
        (([np.ones((2, 3))], [None, None]), ValueError, "weights of 1 layers and biases of 2"),
        (([np.ones(3)],), ValueError, "the weights of layer 1 must have a row for each neuron; their shape is (3,)"),
        (([np.ones((2, 3))], [np.ones(3)]), ValueError, "layer 1 has 2 neurons, and its biases have the shape (3,)"),
        (
            ([np.ones((2, 3)), np.ones((2, 4))],),
            ValueError,
            "layer 2 reads 4 numbers, and 2 come out of what is before",
        ),
        (([np.ones((2, 3)), np.ones((2, 1))],), ValueError, "a row belongs to a neuron: give W.T"),
        (([[[1.0, math.nan]]],), ValueError, "the weights of layer 1 hold nan at 0, 1; every number must be finite"),
        (([[[1.0]]], [[math.inf]]), ValueError, "the biases of layer 1 hold inf at 0"),
        (([[["a"]]],), TypeError, "the weights of layer 1 must hold real numbers; it holds text"),
        (([[[1.0]]], None, [], "rleu"), ValueError, "unknown activation 'rleu'"),
        (([[[1.0]]], None, ["tanh", "tanh"]), ValueError, "1 layers take 0 hidden activations"),
        (([[[1.0]]], None, "tanh", "softmax"), ValueError, "softmax of one neuron is always 1"),
    ],
)
def test_arrays_that_are_refused(arguments, kind, message):
    with pytest.raises(kind) as refused:
        nn.from_arrays(*arguments)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("read", "package"), [("from_torch", "torch"), ("from_sklearn", "scikit-learn"), ("from_onnx", "onnx")]
)
def test_a_missing_package_is_named(read, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, {"scikit-learn": "sklearn"}.get(package, package), None)
    with pytest.raises(ImportError, match=f"{read} needs the package {package}: pip install {package}"):
        getattr(nn, read)(None)
