"""Programs as functions of JAX: values and derivatives of the first and second order, beside ours."""

from __future__ import annotations

import math

import numpy as np
import processes
import pytest
from compiling import attention

import autograd
import nn
from autograd import Value
from autograd.export.jax import Jax
from autograd.operation import TABLE
from autograd.value import apply

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

RANDOM = np.random.default_rng(1)


def beside(program: autograd.compiler.Program, *arrays: np.ndarray) -> None:
    """Compare loss and gradient."""
    loss, gradient = program.value_and_grad(*arrays)
    theirs, slopes = jax.jit(jax.value_and_grad(program.to_jax()))(program.theta, *arrays)
    size = np.abs(gradient).max(initial=1.0)
    assert abs(loss - float(theirs)) <= 1e-12 * max(1.0, abs(loss))
    assert np.abs(gradient - np.asarray(slopes)).max(initial=0.0) <= 1e-12 * size


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus", "gelu", "elu"])
def test_networks(activation: str) -> None:
    model = nn.MLP(3, [5, 4, 1], activation=activation, seed=1)
    theta = model.parameters()
    program = autograd.compile(
        lambda x, y: (model(x) - y) ** 2 + 1e-3 * autograd.dot(theta, theta), inputs=[(3,), ()], parameters=theta
    )
    beside(program, RANDOM.normal(size=(7, 3)), RANDOM.normal(size=7))


def test_classifiers() -> None:
    model = nn.MLP(4, [6, 3], activation="tanh", seed=1)
    program = autograd.compile(
        lambda x, y: nn.cross_entropy(model(x), y), inputs=[(4,), (3,)], parameters=model.parameters()
    )
    beside(program, RANDOM.normal(size=(9, 4)), np.eye(3)[RANDOM.integers(0, 3, 9)])
    shares = autograd.compile(
        lambda x: autograd.softmax(model(x))[0] - autograd.log_softmax(model(x))[1], inputs=[(4,)],
        parameters=model.parameters(),
    )  # fmt: skip
    beside(shares, RANDOM.normal(size=(9, 4)))


def test_products_of_arguments_and_shared_weights() -> None:
    beside(attention(), RANDOM.normal(size=(5, 4, 3)), RANDOM.normal(size=(5, 4, 3)))


def test_a_recurrence_and_a_graph() -> None:
    a, b = Value(0.9), Value(-0.3)

    def steps(x: Value) -> Value:
        for _ in range(6):
            x = (a * x + b).sin() + x
        return x * x

    beside(autograd.compile(steps, inputs=[()], parameters=[a, b]), RANDOM.normal(size=11))
    beside(autograd.compile((a * b).tanh() + a**3, parameters=[a, b]))


UNARY = [op.name for op in TABLE.values() if len(op.arguments) == 1 and not op.takes_list]
BINARY = [op.name for op in TABLE.values() if len(op.arguments) == 2 and not op.takes_list]


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_every_operation_to_the_second_order(name: str) -> None:
    """Values and slopes at ordinary points, and the slopes of the slopes, beside the eager engine's."""
    function, numbers = Jax().operations[name], range(len(TABLE[name].arguments))
    first = jax.grad(function, argnums=tuple(numbers))
    second = jax.jacobian(first, argnums=tuple(numbers))
    for point in ((0.3, 1.7), (0.8, 0.4), (1.6, 2.5)):
        point = point[: len(numbers)]
        leaves = [Value(x) for x in point]
        node = apply(TABLE[name], tuple(leaves))
        if not math.isfinite(node.data):
            continue  # outside the domain
        assert float(function(*point)) == pytest.approx(node.data, rel=1e-12, abs=1e-300)
        slopes = autograd.grad(node, leaves, create_graph=True)
        assert np.array(first(*point)) == pytest.approx([slope.data for slope in slopes], rel=1e-11, abs=1e-14)
        rows = [autograd.grad(slope, leaves) for slope in slopes]
        assert np.array(second(*point)) == pytest.approx(np.array(rows), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "point", "slope"),
    [
        ("softplus", (0.0,), 0.5), ("sigmoid", (-800.0,), 0.0), ("tanh", (25.0,), 4 * math.exp(-50)),
        ("maximum", (1.0, 1.0), None), ("relu", (0.0,), 0.0), ("abs", (0.0,), 0.0),
    ],
)  # fmt: skip
def test_slopes_at_kinks_and_in_tails_are_those_of_the_table(
    name: str, point: tuple[float, ...], slope: float | None
) -> None:
    leaves = [Value(x) for x in point]
    own = autograd.grad(apply(TABLE[name], tuple(leaves)), leaves)
    theirs = jax.grad(Jax().operations[name])(*point)
    assert float(theirs) == pytest.approx(own[0], rel=1e-14)
    if slope is not None:
        assert own[0] == pytest.approx(slope, rel=1e-14)


def test_an_operation_of_ones_own() -> None:
    autograd.register("bend", "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
    try:
        w = Value(0.7)
        program = autograd.compile(lambda x: (w * x).bend(), inputs=[()], parameters=[w])
        beside(program, RANDOM.normal(size=5))
    finally:
        autograd.unregister("bend")


def test_each_sample_and_single_precision() -> None:
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    program = autograd.compile(model, inputs=[(2,)], parameters=model.parameters())
    X = RANDOM.normal(size=(4, 2))
    assert np.allclose(program.to_jax("none")(program.theta, X), program(X), rtol=1e-14)
    found = program.to_jax("none")(program.theta.astype("float32"), X)
    assert found.dtype == "float32"
    assert np.allclose(found, program(X), rtol=1e-5)
    loss = autograd.compile(lambda x, y: (model(x)[0] - y) ** 2, inputs=[(2,), ()], parameters=model.parameters())
    y = RANDOM.normal(size=4)
    each = jax.vmap(jax.grad(loss.to_jax()), (None, 0, 0))(loss.theta, X[:, None], y[:, None])
    assert np.allclose(each, loss.value_and_grad(X, y, per_sample=True)[1], rtol=1e-12, atol=1e-14)
    assert np.allclose(jax.hessian(loss.to_jax())(loss.theta, X, y), loss.hessian(X, y), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", ["as made", "backwards", "biases first", "some"])
def test_parameters_in_any_order(order: str) -> None:
    model = nn.MLP(3, [4, 1], activation="tanh", seed=1)
    made = model.parameters()
    biases = [neuron.bias for layer in model.layers for neuron in layer.neurons]
    parameters = {
        "as made": made, "backwards": made[::-1], "biases first": biases + [p for p in made if p not in biases],
        "some": made[2:9],
    }[order]  # fmt: skip
    program = autograd.compile(lambda x, y: (model(x) - y) ** 2, inputs=[(3,), ()], parameters=parameters)
    beside(program, RANDOM.normal(size=(7, 3)), RANDOM.normal(size=7))


def test_gradients_of_layers_are_concatenated_not_added_up() -> None:
    model = nn.MLP(3, [5, 4, 1], activation="tanh", seed=1)
    program = autograd.compile(lambda x, y: (model(x) - y) ** 2, inputs=[(3,), ()], parameters=model.parameters())
    given = program.theta, RANDOM.normal(size=(7, 3)), RANDOM.normal(size=7)
    text = jax.jit(jax.grad(program.to_jax())).lower(*given).as_text()
    assert "stablehlo.concatenate" in text and "stablehlo.pad" not in text


SPLIT = """
import sys
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
if len(sys.argv) > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{sys.argv[2]}", num_processes=2, process_id=int(sys.argv[1]))
import autograd, nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec
model = nn.MLP(3, [8, 1], activation="tanh", seed=1)
program = autograd.compile(lambda x, y: (model(x) - y) ** 2, inputs=[(3,), ()], parameters=model.parameters())
rng = np.random.default_rng(1)
X, y = rng.normal(size=(64, 3)), rng.normal(size=64)
size = 64 // jax.process_count()  # each process holds its own part of the samples
mine = slice(size * jax.process_index(), size * (jax.process_index() + 1))
mesh = Mesh(np.array(jax.devices()), ("samples",))
split, whole = NamedSharding(mesh, PartitionSpec("samples")), NamedSharding(mesh, PartitionSpec())
given = [jax.make_array_from_process_local_data(split, array[mine]) for array in (X, y)]
given = jax.make_array_from_process_local_data(whole, program.theta), *given
step = jax.jit(jax.value_and_grad(program.to_jax()), out_shardings=(whole, whole))
loss, gradient = step(*given)
own, slopes = program.value_and_grad(X, y)
assert abs(own - float(loss)) < 1e-12 and np.abs(slopes - np.asarray(gradient)).max() < 1e-12
text = step.lower(*given).compile().as_text()
added = text.count(" all-reduce(") + text.count("all-reduce-start(")
print(jax.process_count(), "processes", jax.device_count(), "devices", added, "all-reduce")
"""


def test_eight_devices_give_the_same_and_add_up_once() -> None:
    flags = "--xla_force_host_platform_device_count=8"
    found = processes.printed(SPLIT, XLA_FLAGS=flags, JAX_PLATFORMS="cpu")
    assert found == "1 processes 8 devices 1 all-reduce"


def test_two_processes_give_the_same() -> None:
    found = processes.two(SPLIT, XLA_FLAGS="--xla_force_host_platform_device_count=1", JAX_PLATFORMS="cpu")
    assert found == ["2 processes 2 devices 1 all-reduce"] * 2


def test_named_parameters_go_there_and_back() -> None:
    model = nn.MLP(2, [3, 1], seed=1)
    program = autograd.compile(model, inputs=[(2,)], parameters=model.parameters())
    named = program.unflatten(jax.numpy.asarray(program.theta))
    assert np.array_equal(program.flatten(named), program.theta)
    assert np.array_equal(named["W1"], [[w.data for w in neuron.weights] for neuron in model.layers[0].neurons])


def test_refusals() -> None:
    w = Value(1.0)
    program = autograd.compile(lambda x: w * x, inputs=[()], parameters=[w])
    with pytest.raises(ValueError, match="reduce is 'mean' or 'none', not 'sum'"):
        program.to_jax("sum")
    with pytest.raises(ValueError, match="has 1 instructions, and XLA would need minutes for more than 0"):
        program.to_jax(most=0)
    with pytest.raises(ValueError, match="theta holds 1 parameters; got the shape"):
        program.to_jax()(np.zeros(2), [1.0])
    with pytest.raises(ValueError, match="takes 1 arrays after theta and got 2"):
        program.to_jax()(np.zeros(1), [1.0], [2.0])
    pair = autograd.compile(lambda x, y: w * x[0] * y, inputs=[(2,), ()], parameters=[w]).to_jax()
    for shape, others in (((7, 3), 7), ((7, 1), 7), ((7, 2, 1), 7), ((0, 2), 0), ((2,), 2), ((), 1)):
        with pytest.raises(ValueError, match=r"array 1 has the shape .*; give \(B, 2\), where B ≥ 1"):
            pair(np.ones(1), np.zeros(shape), np.zeros(others))
    with pytest.raises(ValueError, match="the arrays hold 7, 6 samples; give as many each"):
        pair(np.ones(1), np.zeros((7, 2)), np.zeros(6))
