"""Modules, neurons, layers and MLPs: parameters and their names, shapes, floats as well as graphs, labels."""

import copy
import math
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, graph
from nn.activations import OF_LAYERS, Activation, names
from nn.module import plain


class Mixed(nn.Module):
    def __init__(self):
        self.w = Value(1.0)
        self.listed = [Value(2.0), (Value(3.0), {"k": Value(4.0)})]
        self.array = np.array([[Value(5.0)], [Value(6.0)]], dtype=object)
        self.inner = nn.Neuron(1, "linear", seed=0)
        self.shared = self.w
        self.computed = self.w * 2
        self._private = Value(7.0)
        self.text, self.none, self.number = "w", None, 3.0

    def __call__(self, x):
        return self.w * x


# ---- parameters -------------------------------------------------------------------------------------------------


def test_names_are_the_paths_of_attributes():
    model = Mixed()
    assert [name for name, _ in model.named_parameters()] == [
        "w", "listed.0", "listed.1.0", "listed.1.1.k", "array.0.0", "array.1.0", "inner.weights.0", "inner.bias",
    ]  # fmt: skip
    assert model.parameters() == [value for _, value in model.named_parameters()]
    assert [name for name, _ in model.named_modules()] == ["", "inner"]


def test_containers_that_hold_themselves_end():
    model = Mixed()
    model.listed.append(model.listed)
    model.inner.outer = model
    assert len(model.parameters()) == 8


def test_two_parameters_of_one_name_are_refused():
    model = Mixed()
    model.listed = {1: Value(1.0), "1": Value(2.0)}
    with pytest.raises(ValueError, match=r"two parameters are named 'listed\.1'"):
        model.parameters()


def test_a_typo_is_an_attribute_error():
    for module in (Mixed(), nn.MLP(1, [1]), nn.Layer(1, 2), nn.Neuron(1)):
        with pytest.raises(AttributeError):
            module.wieghts


def test_zero_grad_and_labels():
    model = Mixed()
    model(3.0).backward()
    assert model.w.grad == 3.0
    model.zero_grad()
    assert model.w.grad == 0.0
    model.label_parameters()
    assert model.listed[1][1]["k"].label == "listed.1.1.k"


def test_a_module_without_call_says_what_to_do():
    class Silent(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Silent does not say how it computes: define __call__"):
        Silent()(1.0)
    assert repr(Silent()) == "Silent(): 0 parameters"


def test_state_goes_out_and_in():
    one, two = nn.MLP(2, [3, 1], seed=1), nn.MLP(2, [3, 1], seed=2)
    state = one.state_dict()
    assert one([1.0, 2.0]).data != two([1.0, 2.0]).data
    two.load_state_dict(state)
    assert two.state_dict() == state and one([1.0, 2.0]).data == two([1.0, 2.0]).data
    assert all(type(x) is float for x in state.values())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s.pop("layers.0.neurons.0.bias"), ValueError, r"missing: layers\.0\.neurons\.0\.bias"),
        (lambda s: s.update(extra=1.0), ValueError, "unexpected: extra"),
        (lambda s: s.update({"layers.0.neurons.0.bias": math.nan}), ValueError, "nan or infinite parameters: layers.0"),
        (lambda s: s.update({"layers.1.neurons.0.bias": math.inf}), ValueError, "nothing was loaded"),
        (lambda s: s.update({"layers.0.neurons.0.bias": "1"}), TypeError, r"parameter layers\.0\.neurons\.0\.bias"),
        (lambda s: s.update({"layers.0.neurons.0.bias": True}), TypeError, r"parameter layers\.0\.neurons\.0\.bias"),
        (lambda s: s.update({"layers.0.neurons.0.bias": 1j}), TypeError, r"parameter layers\.0\.neurons\.0\.bias"),
    ],
)
def test_a_wrong_state_changes_nothing(change, error, message):
    model = nn.MLP(2, [2, 1], seed=0)
    before, state = model.state_dict(), nn.MLP(2, [2, 1], seed=1).state_dict()
    change(state)
    with pytest.raises(error, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


def test_a_state_that_is_no_dict():
    with pytest.raises(TypeError, match="takes a dict of name: number, not list"):
        nn.MLP(1, [1]).load_state_dict([1.0, 2.0])


def test_integers_and_numpy_numbers_load_as_floats():
    model = nn.MLP(1, [1], seed=0)
    model.load_state_dict({"layers.0.neurons.0.weights.0": 2, "layers.0.neurons.0.bias": np.float32(0.5)})
    assert model.state_dict() == {"layers.0.neurons.0.weights.0": 2.0, "layers.0.neurons.0.bias": 0.5}


def test_copies_and_pickles_are_independent():
    model = nn.MLP(2, [2, 1], "tanh", seed=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.state_dict() == model.state_dict() and other([1, 2]).data == model([1, 2]).data
        other.parameters()[0].data += 1
        assert other.state_dict() != model.state_dict()


# ---- neurons, layers, networks ----------------------------------------------------------------------------------


def test_the_number_of_parameters_and_the_labels():
    model = nn.MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    assert model.layers[0].neurons[3].weights[1].label == "layers.0.neurons.3.weights.1"
    assert all(value.label == name for name, value in model.named_parameters())
    assert len(nn.MLP(785, [16, 8, 10], bias=False).parameters()) == 785 * 16 + 16 * 8 + 8 * 10


def test_a_neuron_is_plain_products_and_sums():
    neuron = nn.Neuron(3, "tanh", seed=1)
    neuron.bias.data = 0.25
    x = [Value(0.5), Value(-1.0), Value(2.0)]
    out = neuron(x)
    z = neuron.weights[0].data * 0.5 + neuron.weights[1].data * -1.0 + neuron.weights[2].data * 2.0 + 0.25
    assert out.data == math.tanh(z)
    assert [node.op for node in graph.topological(out) if node.parents] == [
        "mul", "mul", "add", "mul", "add", "add", "tanh",
    ]  # fmt: skip
    out.backward()
    slope = 1 / math.cosh(z) ** 2
    assert neuron.weights[1].grad == pytest.approx(-slope, rel=1e-14)
    assert x[1].grad == pytest.approx(slope * neuron.weights[1].data, rel=1e-14)
    assert neuron.bias.grad == pytest.approx(slope, rel=1e-14)


def test_the_graph_of_moons_has_the_size_that_is_promised():
    model = nn.MLP(2, [16, 16, 1], seed=0)
    losses = [nn.hinge_loss(model(x), 1.0) for x in nn.datasets.moons(100, seed=0).X]
    assert 60_000 < graph.counts(autograd.mean(losses)).nodes < 75_000


def test_one_neuron_gives_a_value_and_several_a_list():
    assert isinstance(nn.MLP(2, [3, 1])([1, 2]), Value)
    assert isinstance(nn.Layer(2, 1)([1, 2]), Value)
    assert isinstance(nn.MLP(1, [1])(0.5), Value)
    for model in (nn.MLP(2, [3]), nn.Layer(2, 3)):
        out = model((1.0, np.float64(2.0)))
        assert isinstance(out, list) and len(out) == 3


@pytest.mark.parametrize("model", [nn.MLP(2, [3, 1]), nn.Layer(2, 3), nn.Neuron(2)])
@pytest.mark.parametrize("compute", ["__call__", "evaluate"])
def test_samples_that_do_not_fit(model, compute):
    compute = getattr(model, compute)
    for x in ([1.0], [1.0, 2.0, 3.0], 1.0, [], np.ones(3)):
        with pytest.raises(ValueError, match="takes 2 inputs and got"):
            compute(x)
    with pytest.raises(TypeError, match="takes one sample, a list of 2 numbers or Values; got str"):
        compute("ab")
    with pytest.raises(TypeError):
        compute([1.0, "b"])
    with pytest.raises(TypeError):
        compute([[1.0], [2.0]])


@pytest.mark.parametrize("name", names())
@given(data=st.data())
@settings(max_examples=8)
def test_floats_equal_the_graph(name, data):
    seed = data.draw(st.integers(0, 10**6))
    x = data.draw(st.lists(st.floats(-3, 3), min_size=2, max_size=2))
    model = nn.MLP(2, [3, 2], "tanh" if name in OF_LAYERS else name, name, seed=seed)
    slow, fast = [out.data for out in model(x)], model.evaluate(x)
    assert fast == pytest.approx(slow, rel=1e-12, abs=1e-15, nan_ok=True)
    assert model.predict([x]).tolist()[0] == pytest.approx(slow, rel=1e-12, abs=1e-15, nan_ok=True)


def test_overflow_in_floats_is_infinite_as_in_the_graph():
    neuron = nn.Neuron(1, "exp", init="zeros", bias=False)
    neuron.weights[0].data = 1e3
    assert neuron.evaluate([1.0]) == neuron([1.0]).data == math.inf


def test_predict_gives_arrays():
    assert nn.MLP(2, [4, 1]).predict([[1, 2], [3, 4], [5, 6]]).shape == (3,)
    assert nn.MLP(2, [4, 3]).predict(np.ones((5, 2), dtype=int)).shape == (5, 3)
    assert nn.Layer(1, 2).predict([1.0, 2.0]).shape == (2, 2)
    assert nn.Neuron(2).predict([[1.0, 2.0]]).shape == (1,)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "n ≥ 1 samples"),
        (np.ones((2, 3, 4)), ValueError, "flatten images with"),
        ([[1.0], [1.0, 2.0]], ValueError, "rows differ in length"),
        ([["a", "b"]], TypeError, "must hold real numbers; it holds"),
        ([[1j, 2.0]], TypeError, "complex"),
        ([[1.0, 2.0, 3.0]], ValueError, "takes 2 inputs and got 3"),
    ],
)
def test_predict_refuses(X, error, message):
    with pytest.raises(error, match=message):
        nn.MLP(2, [1]).predict(X)


def test_predict_refuses_an_unknown_engine():
    with pytest.raises(ValueError, match="unknown engine 'warp'; known: auto, eager"):
        nn.MLP(2, [1]).predict([[1, 2]], engine="warp")


def test_modules_of_the_readers_own_predict_too():
    class Line(nn.Module):
        def __init__(self):
            self.slope = Value(2.0)

        def __call__(self, x):
            return self.slope * x[0] + 1.0

    line = Line()
    assert line.predict([[1.0], [2.0]]).tolist() == [3.0, 5.0]
    assert line.evaluate([4.0]) == 9.0


# ---- choices ----------------------------------------------------------------------------------------------------


def test_activations_by_function_and_by_list():
    assert nn.MLP(1, [2, 1], autograd.tanh).layers[0].activation == "tanh"
    square = nn.MLP(1, [2, 1], lambda z: z * z, seed=3)
    assert square.evaluate([2.0]) == pytest.approx(square([2.0]).data, rel=1e-15)
    method = nn.MLP(1, [1], output=lambda z: z.leaky_relu(0.2), bias=False, init=lambda *_: -1.0)
    assert method.evaluate([1.0]) == method([1.0]).data == -0.2
    assert [layer.activation for layer in nn.MLP(1, [2, 2, 1], ["relu", "sin"], "sigmoid").layers] == [
        "relu", "sin", "sigmoid",
    ]  # fmt: skip
    assert [layer.activation for layer in nn.MLP(1, [2, 1], ["relu", "sin"]).layers] == ["relu", "sin"]


def test_an_operation_registered_later_is_an_activation():
    softsign = autograd.register("softsign_of_nn", "x / (1 + abs(x))", "1 / ((1 + abs(x)) * (1 + abs(x)))")
    model = nn.MLP(1, [1], output=softsign, init=lambda *_: 1.0)
    assert model.layers[0].activation == "softsign_of_nn"
    assert model([3.0]).data == model.evaluate([3.0]) == 0.75


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: nn.MLP(2, [1], output="rleu"),
            ValueError,
            "unknown activation 'rleu'; known: linear, softmax, log_softmax, exp",
        ),
        (lambda: nn.MLP(2, [1], output="maximum"), ValueError, "unknown activation 'maximum'"),
        (lambda: nn.MLP(2, [2, 1], activation=3), TypeError, "an activation is a name"),
        (lambda: nn.Neuron(2, 3), TypeError, "an activation is a name or a function, not int"),
        (lambda: nn.Neuron(2, "softmax"), ValueError, "give it to a Layer"),
        (lambda: nn.Layer(2, 1, "softmax"), ValueError, "softmax of one neuron is always 1"),
        (lambda: nn.MLP(2, [2, 1], ["relu"] * 3), ValueError, "2 layers take 1 hidden activations and an output"),
        (lambda: nn.MLP(2, [2, 1], ["relu", "relu"], "tanh"), ValueError, "got 2 and output='tanh'"),
        (lambda: nn.MLP(0, [1]), ValueError, "number of inputs must be an integer of at least 1, not 0"),
        (lambda: nn.MLP(2.0, [1]), ValueError, "number of inputs must be an integer"),
        (lambda: nn.MLP(True, [1]), ValueError, "number of inputs must be an integer"),
        (lambda: nn.MLP(2, [3, -1]), ValueError, "a number of neurons must be an integer of at least 1, not -1"),
        (lambda: nn.MLP(2, []), ValueError, "nouts is a list"),
        (lambda: nn.MLP(2, 3), ValueError, r"nouts is a list with the number of neurons of each layer, as \[16"),
        (lambda: nn.MLP(2, [1], init="hee"), ValueError, "unknown initialization 'hee'; known: auto, uniform"),
        (lambda: nn.MLP(2, [1], seed="a"), TypeError, "integer"),
    ],
)
def test_wrong_choices(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_seed_makes_weights_reproducible():
    assert nn.MLP(2, [3, 1], seed=5).state_dict() == nn.MLP(2, [3, 1], seed=np.int64(5)).state_dict()
    assert nn.MLP(2, [3, 1], seed=5).state_dict() != nn.MLP(2, [3, 1], seed=6).state_dict()
    assert nn.MLP(2, [3, 1]).state_dict() != nn.MLP(2, [3, 1]).state_dict()
    state = random.getstate()
    nn.MLP(2, [3, 1])
    assert random.getstate() == state  # the global source is left alone


@pytest.mark.parametrize(
    ("init", "variance"),
    [("uniform", 1 / 3), ("xavier", 2 / (100 + 50)), ("he", 2 / 100), ("zeros", 0.0), (lambda *_: 0.5, 0.25)],
)
def test_initial_weights_have_their_variance(init, variance):
    layer = nn.Layer(100, 50, init=init, seed=0)
    weights = [w.data for neuron in layer.neurons for w in neuron.weights]
    assert sum(w * w for w in weights) / len(weights) == pytest.approx(variance, rel=0.05)
    assert all(neuron.bias.data == 0.0 for neuron in layer.neurons)


def test_automatic_initial_weights_suit_the_activation():
    def spread(activation):
        return np.var([p.data for p in nn.Layer(100, 50, activation, bias=False, seed=0).parameters()])

    assert spread("relu") == pytest.approx(2 / 100, rel=0.05)
    assert spread("tanh") == pytest.approx(2 / 150, rel=0.05)


def test_what_they_look_like():
    assert repr(nn.Neuron(2)) == "Neuron(2, 'relu'): 3 parameters"
    assert repr(nn.Layer(2, 3, "tanh", bias=False)) == "Layer(2, 3, 'tanh'): 6 parameters"
    assert repr(nn.MLP(2, [16, 16, 1])) == "MLP(2, [16, 16, 1], activation='relu', output='linear'): 337 parameters"
    assert repr(nn.MLP(2, [1])) == "MLP(2, [1], output='linear'): 3 parameters"
    assert "activation=['relu', 'sin'], output=<lambda>" in repr(nn.MLP(2, [1, 1, 1], ["relu", "sin"], lambda z: z))
    assert repr(Mixed()) == "Mixed(w, listed.0, listed.1.0, listed.1.1.k, array.0.0 and 3 more): 8 parameters"
    assert nn.Neuron(1, bias=False).bias is None and repr(nn.Neuron(1, bias=False)).endswith("1 parameter")
    assert pickle.loads(pickle.dumps(Activation("relu"))).on_float(2.0) == 2.0


def test_outputs_in_nested_lists_become_floats():
    assert plain([[Value(1.0), 2], (Value(-3.0),)]) == [[1.0, 2], [-3.0]]


# ---- labels -----------------------------------------------------------------------------------------------------


def test_trace_labels_inputs_net_inputs_and_activations():
    model = nn.MLP(2, [2, 2], "sigmoid", "softmax", seed=0)
    outputs = nn.trace(model, [1.0, -1.0])
    assert [out.data for out in outputs] == pytest.approx([out.data for out in model([1.0, -1.0])], rel=1e-15)
    labels = {node.label for node in graph.topological(outputs)}
    assert {"x1", "x2", "layers.0.neurons.1.z", "layers.0.neurons.1.a", "layers.1.neurons.0.z"} <= labels
    assert [out.label for out in outputs] == ["layers.1.neurons.0.a", "layers.1.neurons.1.a"]
    assert not any(node.label.endswith(".z") for node in graph.topological(model([1.0, -1.0])))


def test_trace_keeps_given_labels_and_takes_names():
    model = nn.MLP(2, [1], seed=0)
    x = Value(1.0, "width")
    output = nn.trace(model, [x, 2.0], names=["a", "b"])
    assert {n.label for n in graph.leaves(output)} >= {"width", "b"}
    assert output.label == "layers.0.neurons.0.z"  # linear: the activation is the net input
    with pytest.raises(ValueError, match="2 inputs and 1 names"):
        nn.trace(model, [1.0, 2.0], names=["a"])
    with pytest.raises(ValueError, match="takes 2 inputs and got 3"):
        nn.trace(model, np.ones(3))
    assert nn.trace(nn.Neuron(1, "tanh"), [1.0]).label == "a"


@pytest.mark.parametrize(
    ("label", "latex"),
    [
        ("layers.0.neurons.3.weights.1", "w^{1}_{42}"),
        ("layers.2.neurons.0.bias", "b^{3}_{1}"),
        ("layers.0.neurons.1.z", "z^{1}_{2}"),
        ("layers.11.neurons.9.a", "a^{12}_{10}"),
        ("neurons.3.weights.1", "w_{42}"),
        ("weights.0", "w_{1}"),
        ("bias", "b"),
        ("x12", "x_{12}"),
        ("y", "y"),
    ],
)
def test_latex_names(label, latex):
    assert nn.latex_name(label) == latex


# ---- imports ----------------------------------------------------------------------------------------------------


def test_importing_nn_needs_no_heavy_package():
    code = (
        "import sys, nn; nn.SGD(nn.MLP(2, [1]).parameters(), 0.1);"
        "print([m for m in ('numpy', 'matplotlib', 'tqdm', 'llvmlite') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_another_package_named_autograd_is_named_as_the_cause(tmp_path):
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").write_text("numpy = None\n")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import nn, nn.doctor; nn.MLP"
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "ImportError: nn needs tracegrad's package autograd" in run.stderr and "HIPS autograd" in run.stderr
