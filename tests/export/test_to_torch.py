"""Programs as modules of PyTorch: values and derivatives of the first and second order, beside ours."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiling import attention

import autograd
import nn
from autograd import Value
from autograd.operation import TABLE
from autograd.value import apply

torch = pytest.importorskip("torch")

RANDOM = np.random.default_rng(1)
POINTWISE = [op.name for op in TABLE.values() if not op.takes_list]


def gradient_of(module: Any, program: autograd.compiler.Program) -> np.ndarray:
    """The gradients of a module's parameters, in the program's order."""
    named = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    return np.asarray(program.flatten(named))


def beside(program: autograd.compiler.Program, *arrays: np.ndarray, run: Callable[[Any], Any] = lambda m: m) -> None:
    """Compare loss and gradient."""
    loss, gradient = program.value_and_grad(*arrays)
    module = program.to_torch()
    theirs = run(module)(*map(torch.as_tensor, arrays))
    theirs.backward()
    assert abs(loss - theirs.item()) <= 1e-12 * max(1.0, abs(loss))
    off = np.abs(gradient - gradient_of(module, program)).max(initial=0.0)
    assert off <= 1e-12 * np.abs(gradient).max(initial=1.0)


def network(activation: str = "tanh") -> autograd.compiler.Program:
    """A small network and its loss."""
    model = nn.MLP(3, [5, 4, 1], activation=activation, seed=1)
    theta = model.parameters()
    return autograd.compile(
        lambda x, y: (model(x) - y) ** 2 + 1e-3 * autograd.dot(theta, theta), inputs=[(3,), ()], parameters=theta
    )


X, Y = RANDOM.normal(size=(7, 3)), RANDOM.normal(size=7)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus", "gelu", "elu"])
def test_networks(activation: str) -> None:
    beside(network(activation), X, Y)


def test_all_operations_at_once() -> None:
    leaves = [Value(x, label=f"w{i}") for i, x in enumerate((0.3, 0.6, 0.8))]

    def everything(x: Value) -> Value:
        terms = []
        for name in POINTWISE:
            operands = [a * x for a in leaves[: len(TABLE[name].arguments)]]
            if name == "acosh":
                operands = [operands[0] + 2.0]
            terms.append(apply(TABLE[name], tuple(operands)))
        lists = autograd.softmax(leaves)[1] + autograd.log_softmax(terms)[0] + autograd.log_sum_exp(terms)
        return autograd.mean(terms) + lists

    beside(autograd.compile(everything, inputs=[()], parameters=leaves), RANDOM.uniform(0.5, 1.0, 6))


@pytest.mark.parametrize("name", POINTWISE)
def test_every_operation_to_the_second_order(name: str) -> None:
    operation = importlib.import_module("autograd.export.torch").Torch().operations[name]
    count = len(TABLE[name].arguments)
    for point in ((0.3, 1.7, 2.0), (0.8, 0.4, 0.9), (1.6, 2.5, 3.0)):
        leaves = [Value(x) for x in point[:count]]
        node = apply(TABLE[name], tuple(leaves))
        if not math.isfinite(node.data):
            continue  # outside the domain
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point[:count]]
        out = operation(*tensors)
        assert out.item() == pytest.approx(node.data, rel=1e-12, abs=1e-300)
        slopes = autograd.grad(node, leaves, create_graph=True)
        theirs = torch.autograd.grad(out, tensors, create_graph=True, materialize_grads=True)
        assert [x.item() for x in theirs] == pytest.approx([s.data for s in slopes], rel=1e-11, abs=1e-14)
        for slope, own in zip(theirs, slopes):
            if slope.requires_grad:
                second = torch.autograd.grad(slope, tensors, retain_graph=True, materialize_grads=True)
                wanted = autograd.grad(own, leaves)
                assert [x.item() for x in second] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "point"),
    [("softplus", 0.0), ("sigmoid", -800.0), ("tanh", 25.0), ("relu", 0.0), ("abs", 0.0), ("leaky_relu", 0.0)],
)
def test_slopes_at_kinks_and_in_tails_are_those_of_the_table(name: str, point: float) -> None:
    w = Value(1.0)
    program = autograd.compile(
        lambda x: apply(TABLE[name], (w * x + w - 1.0, *map(Value, TABLE[name].defaults.values()))),
        inputs=[()], parameters=[w],
    )  # fmt: skip
    beside(program, np.array([point]))


def test_a_tie_gives_half_of_the_slope_to_each() -> None:
    a, b = Value(1.0), Value(1.0)
    program = autograd.compile(autograd.maximum(a, b), parameters=[a, b])
    module = program.to_torch()
    module().backward()
    assert gradient_of(module, program).tolist() == [0.5, 0.5]


def test_loops_and_sequences() -> None:
    many = [Value(0.02 * i - 0.3, label=f"c{i}") for i in range(30)]

    def recurrent(x: Any) -> Any:
        state: list[Any] = [0.0] * 3
        for entry in x:
            state = [(autograd.dot(many[3 * i : 3 * i + 3], state) + many[9 + i] * entry).tanh() for i in range(3)]
        return sum(state)

    def horner(x: Any) -> Any:
        total = many[0]
        for coefficient in many[1:]:
            total = total * x + coefficient
        return total

    beside(autograd.compile(recurrent, inputs=[(25,)], parameters=many), RANDOM.normal(size=(4, 25)))
    beside(autograd.compile(horner, inputs=[()], parameters=many), RANDOM.normal(size=4))


def test_products_of_arguments() -> None:
    beside(attention(), RANDOM.normal(size=(5, 4, 3)), RANDOM.normal(size=(5, 4, 3)))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # PyTorch's compiler does it
def test_the_compiler_of_pytorch_reads_the_whole_module() -> None:
    for activation in ("relu", "gelu"):
        beside(network(activation), X, Y, run=lambda m: torch.compile(m, fullgraph=True, backend="aot_eager"))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # PyTorch does it
@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_module_takes_batches_of_any_size(strict: bool) -> None:
    module, size = network().to_torch(), torch.export.Dim("B", min=1)
    given = torch.as_tensor(X), torch.as_tensor(Y)
    exported = torch.export.export(module, given, dynamic_shapes={"batch": ({0: size}, {0: size})}, strict=strict)
    assert dict(exported.module().named_parameters()).keys() == dict(module.named_parameters()).keys()
    for rows in (slice(None), slice(2, 3), [0, 1, 1, 2, 3, 4, 5, 6, 0, 1]):
        some = [array[rows] for array in given]
        assert exported.module()(*some).item() == pytest.approx(module(*some).item(), rel=1e-14)


def test_an_operation_of_ones_own() -> None:
    autograd.register("bend", "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
    try:
        w = Value(0.7)
        beside(autograd.compile(lambda x: (w * x).bend(), inputs=[()], parameters=[w]), RANDOM.normal(size=5))
    finally:
        autograd.unregister("bend")


def test_state_each_sample_and_single_precision() -> None:
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    program = autograd.compile(model, inputs=[(2,)], parameters=model.parameters())
    module = program.to_torch("none")
    assert {name: tuple(x.shape) for name, x in module.state_dict().items()} == {
        "W1": (3, 2), "b1": (3,), "W2": (2, 3), "b2": (2,)
    }  # fmt: skip
    assert np.array_equal(module.W1.detach(), program.unflatten(program.theta)["W1"])
    points = RANDOM.normal(size=(4, 2))
    assert np.allclose(module(points).detach(), program(points), rtol=1e-14)
    found = module.float()(points)
    assert found.dtype == torch.float32
    assert np.allclose(found.detach(), program(points), rtol=1e-5)
    program.theta = 2 * program.theta
    other = program.to_torch("none")
    other.load_state_dict(module.double().state_dict())
    assert np.allclose(other(points).detach(), found.detach(), rtol=1e-5)


def test_without_parameters_and_without_arguments() -> None:
    square = autograd.compile(lambda x: x * x, inputs=[()]).to_torch()
    assert square([1.0, 3.0]).item() == 5.0
    constant = autograd.compile(lambda x: Value(2.0) * 3.0, inputs=[()]).to_torch("none")
    assert constant([1.0, 2.0]).tolist() == [6.0, 6.0]


@pytest.mark.parametrize("labels", [("a.b", "a_b"), ("forward", "training"), ("none", "x"), ("a_b_1", "a.b")])
def test_each_parameter_has_a_name_of_its_own(labels: tuple[str, str]) -> None:
    w = [Value(2.0, label=labels[0]), Value(5.0, label=labels[1])]
    program = autograd.compile(lambda x: (w[0] * x + w[1]) ** 2, inputs=[()], parameters=w)
    module = program.to_torch()
    loss = module(Y)
    loss.backward()
    wanted, gradient = program.value_and_grad(Y)
    assert loss.item() == pytest.approx(wanted, rel=1e-12)
    assert [x.grad.item() for x in module.parameters()] == pytest.approx(gradient.tolist(), rel=1e-12)


def test_refusals() -> None:
    w = Value(1.0)
    program = autograd.compile(lambda x, y: w * x[0] * y, inputs=[(2,), ()], parameters=[w])
    module = program.to_torch()
    with pytest.raises(ValueError, match="reduce is 'mean' or 'none', not 'sum'"):
        program.to_torch("sum")
    with pytest.raises(ValueError, match="takes 2 arrays and got 1"):
        module(X)
    with pytest.raises(ValueError, match=r"array 1 has the shape \(7, 3\); give \(B, 2\), where B ≥ 1"):
        module(X, Y)
    with pytest.raises(ValueError, match="array 2 has the shape"):
        module(X[:, :2], 1.0)
    with pytest.raises(ValueError, match="the arrays hold 7, 6 samples; give as many each"):
        module(X[:, :2], Y[:6])
    with pytest.raises(TypeError, match="array 1 holds complex numbers"):
        module(X[:, :2] * 1j, Y)
