"""Derivations in matrices: found in the graph, in the letters and the layout of each lecture, equal to the engine."""

from __future__ import annotations

import pytest
from explaining import layers as network

import autograd
import nn
from autograd import Value, derivation

INPUTS = [0.5, -1.0, 0.8, 0.3]


def test_lecture_a_as_the_lecture_writes_it() -> None:
    model = network([4, 5, 3], "relu", "softmax")
    root = nn.log_loss(nn.trace(model, INPUTS), 1)
    found = derivation(root, names="lecture A", form="matrix")
    assert [(line.plain(), line.shape) for line in found.lines] == [
        ("∂L/∂oᵃ = oˢ − y", "3"),
        ("∂L/∂W² = (oˢ − y) hˢᵀ", "3×5"),
        ("∂L/∂b² = ∂L/∂oᵃ", "3"),
        ("∂L/∂hˢ = W²ᵀ ∂L/∂oᵃ", "5"),
        ("∂L/∂hᵃ = ∂L/∂hˢ ⊙ 1[hᵃ > 0]", "5"),
        ("∂L/∂W¹ = ∂L/∂hᵃ xᵀ", "5×4"),
        ("∂L/∂b¹ = ∂L/∂hᵃ", "5"),
    ]
    assert max(line.error for line in found.lines) < 1e-12
    assert [r"\frac{\partial", r"L}{\partial", r"W^{2}}", r"&=", r"(", r"o^{s}", r"−", r"y", r")", r"{h^{s}}^{\top}"][
        0
    ] in found.latex()
    graded = autograd.check_derivation("\n".join(line.plain() for line in found.lines), root, "lecture A")
    assert graded, "what it writes is what the grader accepts"
    layer = derivation(root, model.layers[1].parameters(), "lecture A", form="matrix")
    assert [line.plain() for line in layer.lines] == [line.plain() for line in found.lines[:3]]


def test_down_to_a_layer() -> None:
    model = nn.MLP(2, [3, 2], "tanh", seed=1)
    loss = nn.mse_loss(nn.trace(model, [0.5, -1.0]), [1.0, 0.0])
    found = autograd.derivation(loss, model.layers[1], form="matrix")
    assert str(found) == str(autograd.derivation(loss, model.layers[1].parameters(), form="matrix"))
    assert [line.plain().split(" = ")[0] for line in found.lines][-2:] == ["∂L/∂W²", "∂L/∂b²"]


def test_weights_as_inputs_times_outputs() -> None:
    root = nn.mse_loss(nn.trace(network([2, 3, 1], "tanh", "sigmoid"), INPUTS[:2]), Value(0.75, "rho"))
    lines = [line.plain() for line in derivation(root, names="lecture B", form="matrix").lines]
    assert lines == [
        "∂C/∂ρ̂ = ρ̂ − ρ", "∂C/∂ζ² = φ′(ζ²) ⊙ ∂C/∂ρ̂", "∂C/∂Ω² = α¹ (∂C/∂ζ²)ᵀ", "∂C/∂β² = ∂C/∂ζ²", "∂C/∂α¹ = Ω² ∂C/∂ζ²",
        "∂C/∂ζ¹ = φ′(ζ¹) ⊙ ∂C/∂α¹", "∂C/∂Ω¹ = x (∂C/∂ζ¹)ᵀ", "∂C/∂β¹ = ∂C/∂ζ¹",
    ]  # fmt: skip


@pytest.mark.parametrize(("loss", "output", "first"), [
    ("cross_entropy", "linear", "∂L/∂z⁽²⁾ = f − y"), ("log_loss", "softmax", "∂L/∂z⁽²⁾ = f − y"),
    ("mse_loss", "tanh", "∂L/∂f = (f − y) / 3"),
])  # fmt: skip
def test_other_losses(loss: str, output: str, first: str) -> None:
    out = nn.trace(network([3, 4, 3], "sigmoid", output, bias=False), INPUTS[:3])
    target = [Value(0.5, f"y{i}") for i in (1, 2, 3)] if loss == "mse_loss" else 2
    found = derivation(getattr(nn, loss)(out, target), names="lecture E", form="matrix")
    assert found.lines[0].plain() == first
    assert len(found.lines) >= 5 and max(line.error for line in found.lines) < 1e-12


def test_letters_of_a_softmax_on_a_network_without_one() -> None:
    out = nn.trace(network([2, 3, 2], "tanh", "linear"), INPUTS[:2])
    root = 0.5 * sum(((p - Value(0.3, f"y{i}")) ** 2 for i, p in enumerate(out, 1)), Value(0.0))
    lines = [line.plain() for line in derivation(root, names="lecture A", form="matrix").lines]
    assert lines[:2] == ["∂L/∂oᵃ = oᵃ − y", "∂L/∂W² = (oᵃ − y) hˢᵀ"]


def test_biases_of_zero_and_plain_targets() -> None:
    root = nn.mse_loss(nn.trace(nn.MLP(2, [3, 2], "tanh", "sigmoid", seed=1), INPUTS[:2]), [1.0, 0.0])
    lines = [line.plain() for line in derivation(root, form="matrix").lines]
    assert lines[0] == "∂L/∂ŷ = (ŷ − y) / 2" and "∂L/∂b² = ∂L/∂z²" in lines and "∂L/∂b¹ = ∂L/∂z¹" in lines


def test_sigmoid_and_minus_log() -> None:
    root = nn.log_loss(nn.trace(network([2, 3, 1], "tanh", "sigmoid"), INPUTS[:2]), 1)
    assert derivation(root, form="matrix").lines[0].plain() == "∂L/∂z² = ŷ − y"


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "softplus", "gelu"])
def test_any_depth_and_activation(activation: str) -> None:
    model = network([3, 4, 2, 3, 2], activation, activation)
    out = nn.trace(model, INPUTS[:3])
    root = sum(((p - Value(0.3 * i, f"y{i}")) ** 2 for i, p in enumerate(out, 1)), 0.0)
    assert isinstance(root, Value)
    found = derivation(root, names="lecture C", form="matrix")
    plain = [line.plain() for line in found.lines]
    for l in (1, 2, 3, 4):  # noqa: E741
        below = f"a{'⁰¹²³'[l - 1]}ᵀ" if l > 1 else "xᵀ"
        layer = "⁰¹²³⁴"[l]
        assert f"∂e/∂W{layer} = ∂e/∂z{layer} {below}" in plain
    assert max(line.error for line in found.lines) < 1e-12
    shapes = {line.plain(): line.shape for line in found.lines}
    assert shapes["∂e/∂a¹ = W²ᵀ ∂e/∂z²"] == "4" and shapes["∂e/∂W² = ∂e/∂z² a¹ᵀ"] == "2×4"
    assert [row.split()[-1] for row in str(found).splitlines()] == list(shapes.values())


def test_what_has_no_matrix_form() -> None:
    x = Value(2.0, "x")
    with pytest.raises(ValueError, match="needs a network of one sample in the graph"):
        derivation(x * x, form="matrix")
    with pytest.raises(ValueError, match="form is 'scalar', 'matrix', 'deltas', 'jacobians', not 'vector'"):
        derivation(x * x, x, form="vector")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="needs what to differentiate by"):
        derivation(x * x)  # type: ignore[call-overload]
