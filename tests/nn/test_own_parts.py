"""A model computes what its `__call__` says, whoever wrote it, whatever the number of samples and the engine."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd import Value, grad
from nn import predictor


def differing(model: nn.Module, width: int, rows: int = 300) -> float:
    """How far `evaluate` and `predict` of few and of many rows are from calls of the model."""
    X = np.random.default_rng(7).normal(size=(rows, width))
    called = np.array([nn.module.plain(model(row)) for row in X.tolist()])
    answers = [
        np.array([model.evaluate(row) for row in X.tolist()]),
        model.predict(X),
        model.predict(X, engine="eager"),
        np.concatenate([model.predict(X[:1]), model.predict(X[1:])]),
    ]
    return max(float(abs(answer - called).max()) for answer in answers)


class CalledNeuron(nn.Neuron):
    def __call__(self, x):
        return super().__call__(x) + 3.0


class FiringNeuron(nn.Neuron):
    def fire(self, x):
        return super().fire(x) * 2.0


class FloatsNeuron(nn.Neuron):
    def fire_floats(self, x):
        raise AssertionError("what a call computes is what counts")


class CalledLayer(nn.Layer):
    def __call__(self, x):
        outputs = super().__call__(x)
        return [a + 10.0 for a in outputs] if isinstance(outputs, list) else outputs + 10.0


class FiringLayer(nn.Layer):
    def fire(self, x):
        return [2.0 * a for a in super().fire(x)]


class WrongEvaluate(nn.Layer):
    def evaluate(self, x):
        return [0.0] * self.nout


class Plain(nn.Module):
    """A layer that is not a subclass of `nn.Layer`, and returns a tuple."""

    def __init__(self):
        self.scale = Value(0.5)

    def __call__(self, x):
        return tuple(self.scale * entry for entry in x)


class CalledMLP(nn.MLP):
    def __call__(self, x):
        return 100.0 + super().__call__(x)


def with_neuron(kind):
    model = nn.MLP(2, [3, 1], "tanh", seed=1)
    model.layers[0].neurons[1] = kind(2, "tanh", seed=5)
    return model


def with_layer(make):
    model = nn.MLP(2, [2, 1], "tanh", seed=1)
    model.layers[0] = make()
    return model


def softmax_layer():
    layer = nn.Layer(2, 3, "softmax", seed=2)
    layer.neurons[2] = CalledNeuron(2, "linear", seed=4)
    return layer


MODELS = {
    "neuron called": lambda: CalledNeuron(2, "tanh", seed=1),
    "neuron fired": lambda: FiringNeuron(2, "tanh", seed=1),
    "layer called": lambda: CalledLayer(2, 2, "tanh", seed=1),
    "layer fired": lambda: FiringLayer(2, 2, "softmax", seed=1),
    "mlp called": lambda: CalledMLP(2, [3, 1], "tanh", seed=1),
    "neuron called in mlp": lambda: with_neuron(CalledNeuron),
    "neuron fired in mlp": lambda: with_neuron(FiringNeuron),
    "neuron with its own floats in mlp": lambda: with_neuron(FloatsNeuron),
    "layer called in mlp": lambda: with_layer(lambda: CalledLayer(2, 2, "tanh", seed=3)),
    "layer fired in mlp": lambda: with_layer(lambda: FiringLayer(2, 2, "tanh", seed=3)),
    "layer with its own evaluate in mlp": lambda: with_layer(lambda: WrongEvaluate(2, 2, "tanh", seed=3)),
    "module in mlp": lambda: with_more(Plain()),
    "neuron in a layer of softmax": softmax_layer,
}


def with_more(part):
    model = nn.MLP(2, [2, 1], "tanh", seed=1)
    model.layers.insert(1, part)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_every_way_is_a_call(name):
    assert differing(MODELS[name](), 2) < 1e-12


def test_an_own_evaluate_is_for_its_callers_alone():
    layer = WrongEvaluate(2, 2, "tanh", seed=3)
    called = [a.data for a in layer([0.5, -1.0])]
    assert layer.predict([[0.5, -1.0]])[0] == pytest.approx(called, rel=1e-14)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_training_with_own_parts_judges_by_calls(engine):
    X = np.random.default_rng(3).normal(size=(6, 2))
    y = np.array([100.0, 103.0, 99.0, 104.0, 98.0, 100.0])
    model = CalledMLP(2, [3, 1], "tanh", seed=1)
    history = nn.fit(
        model, nn.mse_loss, X, y, nn.SGD(model.parameters(), lr=0.01), epochs=2, progress=False, engine=engine,
        validation=(X, y), metrics=["mean_absolute_error"],
    )  # fmt: skip
    outputs = [model(row).data for row in X.tolist()]
    assert history.validation_loss[-1] == pytest.approx(np.mean((np.array(outputs) - y) ** 2) / 2, rel=1e-12)
    assert history.metrics["validation_mean_absolute_error"][-1] == pytest.approx(np.mean(abs(outputs - y)), rel=1e-12)


def test_trace_calls_own_parts():
    model = with_layer(lambda: CalledLayer(2, 2, "tanh", seed=3))
    assert nn.trace(model, [0.5, -1.0]).data == model([0.5, -1.0]).data
    assert nn.trace(CalledMLP(2, [1], seed=0), [0.5, -1.0]).data > 90


class Slope(nn.Module):
    """u'(x) of a small network u: a model that differentiates inside its call."""

    def __init__(self):
        self.net = nn.MLP(1, [3, 1], "tanh", seed=2)

    def __call__(self, x):
        x = x if isinstance(x[0], Value) else [Value(x[0])]
        return grad(self.net(x), x, create_graph=True)[0]


def test_a_model_may_differentiate_inside_its_call():
    model = Slope()
    called = model([0.3]).data
    assert called != 0.0 and model.evaluate([0.3]) == called and model.predict([[0.3]])[0] == called


# ---- the program that predict keeps


def test_a_kept_program_knows_the_order_of_the_layers_and_their_repeats():
    model = nn.MLP(1, [2, 2, 1], "tanh", seed=3)
    rows = np.linspace(-1, 1, 300)
    model.predict(rows)
    assert model in predictor._PROGRAMS
    model.layers.insert(1, model.layers[1])
    assert differing(model, 1) < 1e-12
    model = nn.MLP(2, [2, 2, 2, 1], "tanh", seed=3)
    model.predict(np.ones((300, 2)))
    model.layers[0], model.layers[1] = model.layers[1], model.layers[0]
    assert differing(model, 2) < 1e-12
    model.layers[2].neurons.reverse()
    assert differing(model, 2) < 1e-12


@pytest.mark.parametrize("change", ["activation", "weight", "bias", "class"])
def test_a_kept_program_is_not_used_after_a_change(change):
    model = nn.MLP(2, [3, 1], "tanh", seed=3)
    model.predict(np.ones((300, 2)))
    neuron = model.layers[0].neurons[0]
    if change == "activation":
        model.layers[0].neurons[0] = nn.Neuron(2, "relu", seed=1)
    elif change == "weight":
        neuron.weights[1] = neuron.weights[0] * 2.0  # computed, and so not a parameter
    elif change == "bias":
        neuron.bias = None
    else:
        neuron.__class__ = CalledNeuron
    assert differing(model, 2) < 1e-12


def test_an_activation_that_reads_a_variable_is_computed_anew():
    shift = [2.0]
    model = nn.MLP(2, [3, 1], activation=lambda z: z + shift[0], seed=3)
    rows = np.ones((300, 2))
    model.predict(rows)
    shift[0] = -2.0
    assert model.predict(rows)[0] == pytest.approx(model([1.0, 1.0]).data, rel=1e-12)
    assert model not in predictor._PROGRAMS


def test_a_model_without_a_hash_predicts():
    class Equal(nn.Module):
        def __init__(self):
            self.w = Value(2.0)

        __hash__ = None  # as a dataclass has it

        def __call__(self, x):
            return self.w * x[0]

    np.testing.assert_array_equal(Equal().predict(np.ones((300, 1))), np.full(300, 2.0))
