"""Programs as files of source: what they compute beside the programs, and how they look."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiling import attention
from hypothesis import given, settings
from hypothesis import strategies as st
from unrolled import LOOPS

import autograd
import nn
from autograd import Value
from autograd.compiler import Program
from autograd.export.source.forward import Forward
from autograd.ops import TABLE
from autograd.value import apply
from benchmarks import structures

RANDOM = np.random.default_rng(1)
# JAX takes too long to compile what is made by the dozen
INSTALLED = [name for name in ("numpy", "torch") if importlib.util.find_spec(name)]
POINTWISE = [op.name for op in TABLE.values() if not op.takes_list]


def run(text: str) -> dict[str, Any]:
    """The functions of a file, after its own check."""
    scope: dict[str, Any] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        if "import numpy" in text:
            warnings.simplefilter("error")
        exec(compile(text, "source.py", "exec"), scope)
    return scope


def differentiated(program: Program, target: str, text: str, arrays: Sequence[np.ndarray]) -> tuple[float, Any]:
    """Loss and gradient by a file."""
    scope = run(text)
    if target == "numpy":
        return scope["loss_and_gradient"](parameters(program), *arrays)
    if target == "jax":
        jax = scope["jax"]
        named = {name: jax.numpy.asarray(x) for name, x in parameters(program).items()}
        loss, gradient = jax.jit(jax.value_and_grad(scope["loss"]))(named, *map(jax.numpy.asarray, arrays))
    else:
        torch = scope["torch"]
        named = {name: torch.as_tensor(x) for name, x in parameters(program).items()}
        gradient, loss = torch.func.grad_and_value(scope["loss"])(named, *map(torch.as_tensor, arrays))
    return float(loss), {name: np.asarray(x) for name, x in gradient.items()}


@pytest.fixture(params=["numpy", "jax", "torch"])
def target(request: pytest.FixtureRequest) -> str:
    """Each library that is installed."""
    pytest.importorskip(request.param)
    return str(request.param)


def parameters(program: Program) -> dict[str, Any]:
    """By name, in the shapes of a file."""
    forms = {name: node.shape for name, node in Forward(program, set()).parameters.items()}
    return {name: array.reshape(forms[name]) for name, array in program.unflatten(program.theta).items()}


def beside(program: Program, target: str, *arrays: np.ndarray, close: float = 1e-12) -> str:
    """Compare loss and gradient of a file; its text."""
    text = program.to_source(target)
    assert text == program.to_source(target)
    assert max(map(len, text.splitlines())) <= 88
    loss, gradient = differentiated(program, target, text, arrays)
    own, slopes = program.value_and_grad(*arrays)
    shapes = {name: array.shape for name, array in program.unflatten(program.theta).items()}
    found = program.flatten({name: np.reshape(gradient[name], shape) for name, shape in shapes.items()})
    assert abs(loss - own) <= close * max(1.0, abs(own))
    assert np.abs(found - slopes).max(initial=0.0) <= close * np.abs(slopes).max(initial=1.0)
    return text


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus", "gelu", "elu", "silu", "leaky_relu"])
def test_networks(activation: str, target: str) -> None:
    model = nn.MLP(3, [5, 4, 1], activation=activation, seed=1)
    theta = model.parameters()
    program = autograd.compile(
        lambda x, y: (model(x) - y) ** 2 + 1e-3 * autograd.dot(theta, theta), inputs=[(3,), ()], parameters=theta
    )
    text = beside(program, target, RANDOM.normal(size=(3, 3)), RANDOM.normal(size=3))
    if target == "numpy":
        assert "    z1 = W1 @ x + b1[:, None]\n" in text
        assert "    d_h1 = W2.T @ d_z2\n" in text
    else:
        assert "(W1 @ x + b1" in text


def test_classifiers_and_a_perceptron(target: str) -> None:
    model = nn.MLP(4, [6, 3], activation="tanh", seed=1)
    program = autograd.compile(
        lambda x, y: nn.cross_entropy(model(x), y), inputs=[(4,), (3,)], parameters=model.parameters()
    )
    beside(program, target, RANDOM.normal(size=(3, 4)), np.eye(3)[RANDOM.integers(0, 3, 3)])
    shares = autograd.compile(
        lambda x: autograd.softmax(model(x))[0] - autograd.log_softmax(model(x))[1], inputs=[(4,)],
        parameters=model.parameters(),
    )  # fmt: skip
    beside(shares, target, RANDOM.normal(size=(3, 4)))
    neuron = nn.MLP(3, [1], seed=2)
    for loss in (nn.hinge_loss, nn.binary_cross_entropy):
        program = autograd.compile(
            lambda x, y, loss=loss: loss(neuron(x), y), inputs=[(3,), ()], parameters=neuron.parameters()
        )
        beside(program, target, RANDOM.normal(size=(3, 3)), RANDOM.integers(0, 2, 3).astype(float))


def test_products_of_arguments_and_a_formula(target: str) -> None:
    beside(attention(), target, RANDOM.normal(size=(3, 4, 3)), RANDOM.normal(size=(3, 4, 3)))
    sigma, r = Value(0.2, label="sigma"), Value(0.05, label="r")

    def call(s: Value, k: Value, t: Value) -> Value:
        d1 = (autograd.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * autograd.sqrt(t))
        d2 = d1 - sigma * autograd.sqrt(t)
        return s * autograd.normal_cdf(d1) - k * autograd.exp(-r * t) * autograd.normal_cdf(d2)

    program = autograd.compile(call, inputs=[(), (), ()], parameters=[sigma, r])
    beside(program, target, *RANDOM.uniform(0.5, 2.0, size=(3, 3)))


@pytest.mark.parametrize(("function", "shapes", "leaves"), LOOPS)
def test_loops_are_for_loops(
    function: Callable[..., Any], shapes: Sequence[tuple[int, ...]], leaves: Sequence[Value], target: str
) -> None:
    program = autograd.compile(function, inputs=shapes, parameters=leaves)
    text = beside(program, target, *[RANDOM.normal(size=(3, *shape)) for shape in shapes])
    loops = text.partition("if __name__")[0]
    assert loops.count("    for ") == {"numpy": 2, "jax": 0, "torch": 1}[target]  # for the gradient there is a way back
    assert loops.count("jax.lax.scan(") == (target == "jax")


@pytest.mark.parametrize("target", INSTALLED)
def test_each_operation(target: str) -> None:
    for name in POINTWISE:
        count = len(TABLE[name].arguments)
        w = [Value(x, label=f"{'abc'[i]}") for i, x in enumerate((0.6, 0.4, 0.9)[:count])]
        program = autograd.compile(lambda x, name=name, w=w: apply(TABLE[name], tuple(v * x for v in w)) * x, [()], w)
        points = np.array([0.7, 1.1, 2.5]) if name == "acosh" else np.array([0.7, 1.1, 1.3])
        with np.errstate(invalid="ignore"):
            loss, gradient = program.value_and_grad(points)
        if np.isfinite(loss) and np.isfinite(gradient).all():
            beside(program, target, points)


def test_all_operations_at_once(target: str) -> None:
    w = [Value(0.5 + 0.1 * i, label=f"w{i}") for i in range(3)]

    def everything(x: Any) -> Any:
        arguments = [w[i] * x for i in range(3)]
        results = [apply(TABLE[name], tuple(arguments[: len(TABLE[name].arguments)])) for name in POINTWISE]
        results[POINTWISE.index("acosh")] = autograd.acosh(1.5 + w[0] * x)
        lists = [autograd.log_sum_exp(arguments), autograd.mean(arguments), autograd.dot(arguments, arguments)]
        return sum([*results, *lists, *autograd.softmax(arguments)[:1], *autograd.log_softmax(arguments)[1:]])

    beside(autograd.compile(everything, [()], w), target, np.array([0.7, 1.1, 1.3]))


def test_slopes_at_kinks_and_in_tails_are_those_of_the_table(target: str) -> None:
    w, v = Value(0.0, label="w"), Value(0.0, label="v")
    edges = {
        "softplus": [0.0, 40.0], "sigmoid": [-700.0, 40.0], "tanh": [25.0], "relu": [0.0], "abs": [0.0], "elu": [0.0],
        "leaky_relu": [0.0], "log_sigmoid": [-700.0], "hypot": [0.0], "pow": [0.0], "maximum": [1.0],
    }  # fmt: skip
    for name, points in edges.items():
        second = [v] if len(TABLE[name].arguments) == 2 and not TABLE[name].defaults else []

        def function(x: Value, name: str = name, second: Sequence[Value] = tuple(second)) -> Value:
            others = [*(u + x for u in second), *map(Value, TABLE[name].defaults.values())]
            return apply(TABLE[name], (w + x, *others)) + w

        program = autograd.compile(function, inputs=[()], parameters=[w, *second])
        for point in points:
            with np.errstate(all="ignore"):  # np.where computes both sides
                _, gradient = differentiated(program, target, program.to_source(target), [np.array([point])])
            found = [float(gradient[u.label]) for u in (w, *second)]
            slopes = program.value_and_grad(np.array([point]))[1]
            assert found == pytest.approx(slopes, rel=1e-12, abs=1e-20 if target == "numpy" else 1e-15), name
    w = Value(1.0, label="w")
    ties = autograd.compile(lambda x: autograd.maximum(w * x, x) + autograd.clip(w * x, 1.0, 2.0), [()], [w])
    beside(ties, target, np.array([1.0, 2.0, -3.0]))


def evaluated(program: Program, target: str, *arrays: np.ndarray) -> np.ndarray:
    """Results by a file."""
    scope = run(program.to_source(target))
    convert = scope["torch"].as_tensor if target == "torch" else scope["jnp" if target == "jax" else "np"].asarray
    named = {name: convert(x) for name, x in parameters(program).items()}
    return np.asarray(scope["values"](*([named] if named else []), *map(convert, arrays)))


def test_results_without_a_gradient(target: str) -> None:
    model, X = nn.MLP(3, [5, 2], activation="tanh", seed=1), RANDOM.normal(size=(3, 3))
    graph = autograd.compile(autograd.dot(model.parameters(), model.parameters()), parameters=model.parameters())
    beside(graph, target)
    for function, leaves in (
        (model, model.parameters()), (lambda x: model(x)[0], model.parameters()),
        (lambda x: (x[0] * x[1]).sin() + x[2], []), (lambda x: [x[0] + x[1], Value(3.0), x[2]], []),
        (lambda x: Value(2.0) * 3.0, []),
    ):  # fmt: skip
        program = autograd.compile(function, inputs=[(3,)], parameters=leaves)
        if leaves and program._single:
            beside(program, target, X)
        else:
            assert np.allclose(evaluated(program, target, X), program(X), rtol=1e-13)
    constants = autograd.compile([Value(1.0) * 2.0, Value(3.0) * 1.0])
    assert evaluated(constants, target).tolist() == [2.0, 3.0]


def test_an_operation_of_ones_own_and_names_that_python_does_not_take(target: str) -> None:
    autograd.register("bend", "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
    try:
        leaves = [Value(x, label=label) for x, label in ((0.7, "lambda"), (0.3, "np"), (1.2, "a b"), (0.1, "sin"))]
        program = autograd.compile(
            lambda sin, W1: (leaves[0] * sin).bend() + leaves[1] * W1 * leaves[2].sin() + leaves[3], [(), ()], leaves
        )
        text = beside(program, target, *RANDOM.normal(size=(2, 3)))
        assert ("class Bend(" if target == "torch" else "def bend(x):") in text
        assert 'lambda_ = parameters["lambda"]' in text
    finally:
        autograd.unregister("bend")


def test_the_file_is_written_checked_and_clean(tmp_path: Path) -> None:
    model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
    program = autograd.compile(
        lambda x, y: nn.binary_cross_entropy(model(x), y), inputs=[(2,), ()], parameters=model.parameters()
    )
    program.value_and_grad(RANDOM.normal(size=(5, 2)), np.array([0.0, 1.0, 1.0, 0.0, 1.0]))
    text = program.to_source("numpy", tmp_path / "moons.py")
    assert (tmp_path / "moons.py").read_text(encoding="utf-8") == text
    ran = subprocess.run([sys.executable, tmp_path / "moons.py"], capture_output=True, text=True, check=False)
    assert ran.stdout == "Loss and gradient are those of the program.\n", ran.stderr
    single = autograd.compile(model, inputs=[(2,)], parameters=model.parameters(), dtype="float32")
    run(single.to_source("numpy"))
    wrong = text.replace("d_z1 = d_h1 *", "d_z1 = 1.001 * d_h1 *")
    assert wrong != text
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        run(wrong)


def test_refusals(tmp_path: Path) -> None:
    w = Value(1.0)
    program = autograd.compile(lambda x: w * x, inputs=[()], parameters=[w])
    with pytest.raises(ValueError, match="target is one of 'numpy'"):
        program.to_source("fortran")
    with pytest.raises(ValueError, match="No loop was found"):
        program.to_source("numpy", most=0)
    with pytest.raises(OSError, match="nothing was saved"):
        program.to_source("numpy", tmp_path / "missing" / "file.py")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("seed", range(24))
def test_vectors_and_matrices_of_every_size(seed: int) -> None:
    draw, random = structures.Draw(seed), np.random.default_rng(seed)
    arrays = [random.integers(-3, 4, size=(3, *shape)) / 2 for shape in draw.shapes]
    draw(*[structures._of(array[0]) for array in arrays])  # the parameters are made at the first call
    if not draw.parameters:
        return
    program = autograd.compile(draw, inputs=draw.shapes, parameters=draw.parameters, backend="numpy")
    beside(program, "numpy", *arrays, close=structures.TOLERANCE["float64"])


TAME = ["sin", "tanh", "sigmoid", "softplus", "relu", "gaussian", "atan", "mul", "add", "sub", "maximum", "neg"]


@st.composite
def programs(draw: Any) -> tuple[Callable[..., Value], list[Value], np.ndarray]:
    """A function of three inputs and some parameters that stays small, the parameters, and a batch."""
    w = [Value(x, label=f"w{i}") for i, x in enumerate(draw(st.lists(st.integers(-9, 9), min_size=1, max_size=4)))]
    for v in w:
        v.data = v.data / 10 + 0.03
    steps = []
    for position in range(draw(st.integers(1, 9))):
        operand = st.integers(0, 2 + len(w) + position)
        if draw(st.booleans()):
            name = draw(st.sampled_from(TAME))
            steps.append((name, [draw(operand) for _ in TABLE[name].arguments]))
        else:
            name = draw(st.sampled_from(["dot", "mean", "log_sum_exp", "softmax", "log_softmax"]))
            steps.append((name, draw(st.lists(operand, min_size=2, max_size=5))))

    def function(x: list[Value]) -> Value:
        nodes: list[Any] = [*x, *w]
        for name, places in steps:
            operands = [nodes[i] for i in places]
            if name in TAME:
                nodes.append(apply(TABLE[name], tuple(operands)))
            elif name == "dot":
                nodes.append(autograd.dot(operands, operands[::-1]) * 0.2)
            else:
                result = getattr(autograd, name)(operands)
                nodes.append(result[-1] if isinstance(result, list) else result)
        return nodes[-1] + nodes[len(nodes) // 2]

    batch = np.array(draw(st.lists(st.integers(-20, 20), min_size=6, max_size=6))).reshape(2, 3) / 10
    return function, w, batch


@given(drawn=programs(), target=st.sampled_from(INSTALLED))
@settings(max_examples=40, deadline=None)
def test_random_programs(drawn: tuple[Callable[..., Value], list[Value], np.ndarray], target: str) -> None:
    function, w, batch = drawn
    beside(autograd.compile(function, inputs=[(3,)], parameters=w), target, batch)
