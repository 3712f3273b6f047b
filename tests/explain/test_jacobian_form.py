"""δ = V V δ and δ = φ′(z) ⊙ (Wᵀ δ): layers' Jacobians and the recursion, found in the graph and equal to NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from explaining import layers
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, check_derivation, derivation

SLOPES = {
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "relu": lambda z: (z > 0).astype(float),
    "linear": np.ones_like,
}
FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: z * (z > 0),
    "linear": np.array,
}


def network(sizes: list[int], activations: list[str], bias: bool = True, seed: int = 4) -> nn.MLP:
    return layers(sizes, activations[:-1], activations[-1], bias, seed)


def squares(model: nn.MLP, inputs: list[float]) -> Value:
    out = nn.trace(model, inputs)
    outputs = out if isinstance(out, list) else [out]
    return sum(((p - 0.3 * i) ** 2 for i, p in enumerate(outputs, 1)), Value(0.0))


def jacobians(model: nn.MLP, activations: list[str], inputs: list[float]) -> list[np.ndarray]:
    """(∂aˡ/∂aˡ⁻¹)ᵀ of each layer, with NumPy alone."""
    a, found = np.array(inputs), []
    for layer, activation in zip(model.layers, activations):
        W = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
        z = W @ a + [0.0 if neuron.bias is None else neuron.bias.data for neuron in layer.neurons]
        found.append(W.T @ np.diag(SLOPES[activation](z)))
        a = FUNCTIONS[activation](z)
    return found


def raised(number: int) -> str:
    return "⁰¹²³⁴⁵⁶"[number]


LAYER = st.tuples(st.integers(1, 4), st.sampled_from(["tanh", "sigmoid", "relu", "linear"]))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.lists(LAYER, min_size=3, max_size=6), st.booleans(), st.integers(0, 99))
def test_deep_networks_are_products_of_their_layers_jacobians(
    inputs: int, layers: list[tuple[int, str]], bias: bool, seed: int
) -> None:
    sizes, activations = [inputs, *(size for size, _ in layers)], [activation for _, activation in layers]
    model, x = network(sizes, activations, bias, seed), [0.5, -1.0, 0.8, 0.3][:inputs]
    root = squares(model, x)
    found = derivation(root, names="lecture C", form="jacobians")
    lines = {line.called.plain(): line for line in found.lines if line.called}
    last = len(layers)
    plain = [line.plain() for line in found.lines]
    for l in range(1, last):  # noqa: E741
        product = " ".join(f"V{raised(k)}" for k in range(l + 1, last + 1))
        letter = "z" if activations[l - 1] == "linear" else "a"  # where no function follows, a is z
        assert f"δ{raised(l)} = ∂e/∂{letter}{raised(l)} = {product} δ{raised(last)}" in plain
        V = f"W{raised(l + 1)}ᵀ" + (f" Diag({_slope(activations[l], l + 1)})" if activations[l] != "linear" else "")
        assert lines[f"V{raised(l + 1)}"].plain().endswith(f" = {V}")
    assert max(line.error for line in found.lines) < 1e-12
    assert len([line for line in plain if line.startswith("∂e/∂W")]) == last
    assert len([line for line in plain if line.startswith("∂e/∂b")]) == last * bias
    # the product, with NumPy, against the engine
    delta = np.array([2 * (p - 0.3 * i) for i, p in enumerate(_outputs(model, x), 1)])
    factors = jacobians(model, activations, x)
    for V, neurons in zip(factors[::-1], [layer.neurons for layer in model.layers][::-1]):
        delta, above = V @ delta, delta
        assert [1, *V.shape][-2:] == [len(neurons[0].weights), len(above)]
    assert np.allclose(delta, _input_gradient(model, x), rtol=1e-12, atol=1e-14)


def _slope(activation: str, layer: int) -> str:
    return f"1[z{raised(layer)} > 0]" if activation == "relu" else f"φ′(z{raised(layer)})"


def _outputs(model: nn.MLP, x: list[float]) -> list[float]:
    out = model(x)
    return [p.data for p in (out if isinstance(out, list) else [out])]


def _input_gradient(model: nn.MLP, x: list[float]) -> list[float]:
    entries = [Value(number) for number in x]
    squares_of = model(entries)
    outputs = squares_of if isinstance(squares_of, list) else [squares_of]
    sum(((p - 0.3 * i) ** 2 for i, p in enumerate(outputs, 1)), Value(0.0)).backward()
    return [entry.grad for entry in entries]


def deep() -> Value:
    return squares(network([3, 3, 3, 3, 2], ["sigmoid", "tanh", "sigmoid", "sigmoid"]), [0.5, -1.0, 0.8])


def test_lecture_c_as_the_lecture_writes_it() -> None:
    model = network([2, 2, 2, 1], ["sigmoid"] * 3, bias=False)
    root = (nn.trace(model, [0.5, -1.0]) - 1.0) ** 2
    found = derivation(root, names="lecture C", form="jacobians")
    assert [(line.plain(), line.shape) for line in found.lines] == [
        ("δ³ = ∂e/∂ŷ = 2(ŷ − y)", "1"),
        ("∂e/∂W³ = Diag(φ′(z³)) δ³ a²ᵀ", "2"),
        ("V³ = ∂ŷ/∂a² = W³ᵀ Diag(φ′(z³))", "2"),
        ("δ² = ∂e/∂a² = V³ δ³", "2"),
        ("∂e/∂W² = Diag(φ′(z²)) δ² a¹ᵀ", "2×2"),
        ("V² = (∂a²/∂a¹)ᵀ = W²ᵀ Diag(φ′(z²))", "2×2"),
        ("δ¹ = ∂e/∂a¹ = V² V³ δ³", "2"),
        ("∂e/∂W¹ = Diag(φ′(z¹)) δ¹ xᵀ", "2×2"),
    ]
    V = r"V^{3} &= \frac{\partial \hat{y}}{\partial a^{2}} = {W^{3}}^{\top} \operatorname{Diag}(\varphi'(z^{3}))"
    assert V in found.latex()
    layer = derivation(root, model.layers[1].parameters(), "lecture C", form="jacobians")
    assert [line.plain() for line in layer.lines] == [found.lines[i].plain() for i in (0, 2, 3, 4)]


@pytest.mark.parametrize(("lecture", "lines"), [
    ("B", ["B² = ∂C/∂ζ² = φ′(ζ²) ⊙ (ρ̂ − ρ)", "∂C/∂Ω² = α¹ B²ᵀ", "∂C/∂β² = B²",
           "B¹ = ∂C/∂ζ¹ = φ′(ζ¹) ⊙ (Ω² B²)", "∂C/∂Ω¹ = x B¹ᵀ", "∂C/∂β¹ = B¹"]),
    ("D", ["δ_O = ∂L/∂z_O = φ′(z_O) ⊙ (ŷ − ρ)", "∂L/∂W_O = h δ_Oᵀ", "∂L/∂b_O = δ_O",
           "δ_I = ∂L/∂z_I = φ′(z_I) ⊙ (W_O δ_O)", "∂L/∂W_I = x δ_Iᵀ", "∂L/∂b_I = δ_I"]),
])  # fmt: skip
def test_the_recursion_of_lectures_b_and_d(lecture: str, lines: list[str]) -> None:
    root = nn.mse_loss(nn.trace(network([2, 3, 1], ["tanh", "sigmoid"]), [0.5, -1.0]), Value(0.75, "rho"))
    found = derivation(root, names=f"lecture {lecture}", form="deltas")
    assert [line.plain() for line in found.lines] == lines
    assert max(line.error for line in found.lines) < 1e-12


@pytest.mark.parametrize("form", ["deltas", "jacobians"])
@pytest.mark.parametrize("output", ["softmax", "linear"])
def test_softmax_outputs(form: str, output: str) -> None:
    model = network([3, 4, 4, 3], ["relu", "relu", output], bias=False)
    out = nn.trace(model, [0.5, -1.0, 0.8])
    root = nn.log_loss(out, 2) if output == "softmax" else nn.cross_entropy(out, 2)
    found = derivation(root, names="lecture E", form=form)  # type: ignore[call-overload]
    assert found.lines[0].plain() == "δ⁽³⁾ = ∂L/∂z⁽³⁾ = f − y"
    if form == "jacobians":
        assert "δ⁽¹⁾ = ∂L/∂x⁽¹⁾ = V⁽¹⁾ V⁽²⁾ δ⁽³⁾" in [line.plain() for line in found.lines]
    assert max(line.error for line in found.lines) < 1e-12


def test_the_jacobian_of_a_softmax_is_no_diagonal() -> None:
    root = squares(network([2, 3, 2], ["tanh", "softmax"]), [0.5, -1.0])
    plain = [line.plain() for line in derivation(root, form="jacobians").lines]
    assert "V² = (∂ŷ/∂a¹)ᵀ = W²ᵀ (Diag(ŷ) − ŷ ŷᵀ)" in plain
    assert "∂L/∂z² = (Diag(ŷ) − ŷ ŷᵀ) ∂L/∂ŷ" in [line.plain() for line in derivation(root, form="matrix").lines]


def transposed(model: nn.MLP) -> dict[object, str]:
    """Letters of a user's own, weights as inputs × outputs."""
    names: dict[object, str] = {}
    for letters, layer in zip(("Uc", "Td", "Se"), model.layers):
        for j, neuron in enumerate(layer.neurons, 1):
            names |= {w: f"{letters[0]}_{{{i},{j}}}" for i, w in enumerate(neuron.weights, 1)}
            names[neuron.bias] = f"{letters[1]}_{j}"
    return names


def test_a_users_own_letters_with_weights_as_inputs_times_outputs() -> None:
    model = network([2, 3, 3, 2], ["tanh", "tanh", "linear"])
    found = derivation(squares(model, [0.5, -1.0]), names=transposed(model), form="jacobians")
    plain = [line.plain() for line in found.lines]
    assert plain[0].startswith("δ³ = ∂L/∂ŷ") and "V³ = (∂ŷ/∂a²)ᵀ = S" in plain
    assert "V² = (∂a²/∂a¹)ᵀ = T Diag(φ′(z²))" in plain and "∂L/∂U = x δ¹ᵀ Diag(φ′(z¹))" in plain


def test_words_for_letters() -> None:
    model = network([2, 3, 1], ["tanh", "linear"])
    names = {w: f"weights[{j},{i}]" for j, neuron in enumerate(model.layers[0].neurons, 1)
             for i, w in enumerate(neuron.weights, 1)}  # fmt: skip
    names |= {neuron.bias: f"bias[{j}]" for j, neuron in enumerate(model.layers[0].neurons, 1)}
    found = derivation(squares(model, [0.5, -1.0]), names=names, form="jacobians")
    plain = [line.plain() for line in found.lines]
    assert "∂L/∂weights = Diag(φ′(z¹)) δ¹ xᵀ" in plain and "∂L/∂bias = Diag(φ′(z¹)) δ¹" in plain
    assert found.annotated("∂L/∂weights").equations[0][0].words == "how L changes with the weights of layer 1"
    with pytest.raises(ValueError, match=r"is no entry of a matrix: .* two indices"):
        derivation(squares(model, [0.5, -1.0]), names=dict.fromkeys(names, "alpha_beta"), form="deltas")


def test_letters_that_the_graph_uses_are_left_to_it() -> None:
    model = network([2, 3, 3, 1], ["tanh", "tanh", "linear"])
    names = {w: f"V_{{{j},{i}}}" for j, neuron in enumerate(model.layers[1].neurons, 1)
             for i, w in enumerate(neuron.weights, 1)}  # fmt: skip
    plain = [line.plain() for line in derivation(squares(model, [0.5, -1.0]), names=names, form="jacobians").lines]
    assert "J² = (∂a²/∂a¹)ᵀ = Vᵀ Diag(φ′(z²))" in plain


@pytest.mark.parametrize("labels", [("u1", "u2"), ("age", "height")])
def test_inputs_of_any_name(labels: tuple[str, str]) -> None:
    x = [Value(number, label) for number, label in zip((0.5, -1.0), labels)]
    out = network([2, 3, 1], ["tanh", "linear"])(x)
    root = (out - 1.0) ** 2
    below = "u" if labels[0] == "u1" else "x"
    for form, delta in (("matrix", "∂L/∂z¹"), ("deltas", "δ¹"), ("jacobians", "Diag(φ′(z¹)) δ¹")):
        found = derivation(root, form=form)  # type: ignore[call-overload]
        assert f"∂L/∂W¹ = {delta} {below}ᵀ" in [line.plain() for line in found.lines]
        assert check_derivation("\n".join(line.plain() for line in found.lines), root)


def test_a_loss_without_a_form_still_has_its_layers() -> None:
    root = abs(nn.trace(network([2, 3, 1], ["tanh", "linear"]), [0.5, -1.0]) - 1.0)
    found = derivation(root, form="jacobians")
    assert found.lines[0].plain() == "δ² = ∂L/∂ŷ" and found.lines[0].error == 0
    assert "δ¹ = ∂L/∂a¹ = V² δ²" in [line.plain() for line in found.lines]


@pytest.mark.parametrize("form", ["deltas", "jacobians"])
def test_the_grader_accepts_what_is_written(form: str) -> None:
    root = deep()
    found = derivation(root, names="lecture C", form=form)  # type: ignore[call-overload]
    text = "\n".join(line.plain() for line in found.lines)
    assert check_derivation(text, root, "lecture C")
    assert check_derivation(found.latex(), root, "lecture C"), "shapes beside the equations are no factors"


RIGHT = "∂e/∂a¹ = W²ᵀ Diag(φ'(z²)) W³ᵀ Diag(φ'(z³)) ∂e/∂a³"


@pytest.mark.parametrize("line", [
    RIGHT,
    "∂e/∂a¹ = W²ᵀ diag(φ'(z²)) W³ᵀ diag(φ'(z³)) W⁴ᵀ diag(φ'(z⁴)) ∂e/∂ŷ",
    "de/da1 = W2^T diag(f'(z2)) W3^T diag(f'(z3)) de/da3",
    r"\frac{\partial e}{\partial a^1} = {W^2}^\top \operatorname{diag}\left(\varphi'(z^2)\right) {W^3}^{\top} "
    r"\operatorname{Diag}(\varphi'(z^3)) \frac{\partial e}{\partial a^3}",
    "(∂a²/∂a¹)ᵀ = W²ᵀ Diag(φ'(z²))",
    "∂a²/∂a¹ = Diag(φ'(z²)) W²",
    "∂e/∂a¹ = W²ᵀ Diag(φ²') W³ᵀ Diag(φ'³) ∂e/∂a³",
    r"\nabla_{W^2} e = \mathrm{Diag}(\varphi^{2\prime}) \frac{\partial e}{\partial a^2} {a^1}^\top",
    "∂e/∂z² = φ²' ⊙ ∂e/∂a²",
])  # fmt: skip
def test_right_products_are_accepted(line: str) -> None:
    assert check_derivation(line, deep(), "lecture C")


@pytest.mark.parametrize(("old", "new", "verdict", "name"), [
    ("W²ᵀ", "W²", "transpose", ""),
    ("W²ᵀ Diag(φ'(z²)) W³ᵀ Diag(φ'(z³))", "W³ᵀ Diag(φ'(z³)) W²ᵀ Diag(φ'(z²))", "false", "wrong order"),
    ("W²ᵀ Diag(φ'(z²))", "Diag(φ'(z²)) W²ᵀ", "false", "wrong order"),
    ("Diag(φ'(z²))", "φ'(z²)", "false", "Diag forgotten"),
    (" Diag(φ'(z²))", "", "false", "dropped activation derivative"),
    (" Diag(φ'(z³))", "", "false", "dropped activation derivative"),
    ("φ'(z²)", "φ(z²)", "false", "function for its derivative"),
    ("φ'(z²)", "φ'(z¹)", "false", "wrong layer"),
    ("φ'(z²)", "φ³'", "false", "wrong layer"),
    ("φ'(z²)", "φ⁹'", "not read", ""),
    ("∂e/∂a³", "∂e/∂a²", "false", "wrong layer"),
    ("= ", "= −", "false", "sign"),
])  # fmt: skip
def test_planted_mistakes_in_products_are_named(old: str, new: str, verdict: str, name: str) -> None:
    wrong = RIGHT.replace(old, new, 1)
    graded = check_derivation(f"{RIGHT}\n{wrong}", deep(), "lecture C")
    assert [line.verdict for line in graded.lines] == ["true", verdict], str(graded)
    assert graded.lines[1].misconception == name
    assert verdict != "transpose" or "transpose" in graded.lines[1].note


def test_a_jacobian_named_with_a_mistake_is_found_at_its_own_line() -> None:
    text = "V2 = (∂a²/∂a¹)ᵀ = W²ᵀ\nV3 = (∂a³/∂a²)ᵀ = W³ᵀ Diag(φ'(z³))\n∂e/∂a¹ = V3 V2 ∂e/∂a³\n∂e/∂a¹ = V2 V3 ∂e/∂a³"
    graded = check_derivation(text, deep(), "lecture C")
    assert [line.verdict for line in graded.lines] == ["false", "definition", "false", "true"]
    assert [line.misconception for line in graded.lines] == ["dropped activation derivative", "", "wrong order", ""]


def test_misconceptions_have_sentences() -> None:
    assert {"Diag forgotten", "wrong order"} <= set(autograd.explain.repairs.MISCONCEPTIONS)
