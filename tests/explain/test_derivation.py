"""Derivations: the lectures' chain rule, line by line, each line checked against the engine."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from explaining import Network, evaluate, graphs, moons_loss, network, plain, product, sym
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, derivation, formula, grad
from autograd.explain import Derivation, DerivationError
from autograd.explain.equations import magnitude
from autograd.notation.expression import Expression, number, operation
from autograd.notation.slopes import simplified
from autograd.ops import TABLE
from autograd.value import apply


def lecture_c(activation: str = "sigmoid") -> tuple[Network, Value]:
    """The 2-2-2-1 network without biases of lecture C, and its error for one sample."""
    net = network([2, 2, 2, 1], bias=False, seed=3)
    x, y = [Value(0.5, "x1"), Value(-1.5, "x2")], Value(1.0, "y")
    e = (evaluate(net, x, activation, activation)[0] - y) ** 2
    e.label = "e"
    return net, e


def section(derivation: Derivation, name: str) -> str:
    """The text of one section."""
    return str(derivation).split(name + "\n")[1].split("\n\n")[0]


def reevaluates(derivation: Derivation) -> None:
    """Every line without an index denotes the number of its left side."""
    left = math.nan
    for line in derivation.lines:
        if line.left is not None:
            left = line.left.evaluate()
        if not line.condition and line.right.head != "dots":
            assert line.right.evaluate() == pytest.approx(left, rel=1e-9, abs=1e-12, nan_ok=True)


def test_lecture_c_second_layer() -> None:
    net, e = lecture_c()
    weight = net[1][0][0][0]
    found = autograd.derivation(e, weight)
    assert section(found, "Chain rule") == (
        "  ∂e/∂w²₁₁ = ∂e/∂ŷ · ∂ŷ/∂z³₁ · ∂z³₁/∂a²₁ · ∂a²₁/∂z²₁ · ∂z²₁/∂w²₁₁\n"
        "           = ∂e/∂ŷ · φ′(z³₁) · w³₁₁ · φ′(z²₁) · a¹₁\n"
        "           = 2 · (ŷ − y) · φ′(z³₁) · w³₁₁ · φ′(z²₁) · a¹₁"
    )
    assert "φ′(z) = φ(z) · (1 − φ(z))    (φ is sigmoid)" in section(found, "Forward")
    assert "e = (ŷ − y)²" in section(found, "Forward")
    assert (
        r" &= \frac{\partial e}{\partial \hat{y}} \cdot \varphi'(z^{3}_{1}) \cdot w^{3}_{11} \cdot "
        r"\varphi'(z^{2}_{1}) \cdot a^{1}_{1} \\"
    ) in found.latex()
    e.backward()
    assert found.value == pytest.approx(weight.grad, rel=1e-12)
    reevaluates(found)


def test_lecture_c_first_layer() -> None:
    net, e = lecture_c()
    found = autograd.derivation(e, net[0][0][0][0])
    assert section(found, "Chain rule") == (
        "  ∂e/∂w¹₁₁ = ∂e/∂a¹₁ · ∂a¹₁/∂z¹₁ · ∂z¹₁/∂w¹₁₁\n"
        "           = ∂e/∂a¹₁ · φ′(z¹₁) · x₁\n"
        "  ∂e/∂a¹₁ = Σᵢ₌₁² ∂e/∂z²ᵢ · ∂z²ᵢ/∂a¹₁\n"
        "          = Σᵢ₌₁² ∂e/∂z²ᵢ · w²ᵢ₁\n"
        "          = ∂e/∂z²₁ · w²₁₁ + ∂e/∂z²₂ · w²₂₁\n"
        "  ∂e/∂z²ᵢ = ∂e/∂ŷ · ∂ŷ/∂z³₁ · ∂z³₁/∂a²ᵢ · ∂a²ᵢ/∂z²ᵢ    (i = 1, 2)\n"
        "          = ∂e/∂ŷ · φ′(z³₁) · w³₁ᵢ · φ′(z²ᵢ)\n"
        "          = 2 · (ŷ − y) · φ′(z³₁) · w³₁ᵢ · φ′(z²ᵢ)"
    )
    assert "z²ᵢ = Σⱼ₌₁² w²ᵢⱼ · a¹ⱼ    (i = 1, 2)" in section(found, "Forward")
    assert r"\sum_{i=1}^{2} \frac{\partial e}{\partial z^{2}_{i}} \cdot w^{2}_{i1}" in found.latex()
    reevaluates(found)


def test_lecture_c_with_nn() -> None:
    model = nn.MLP(2, [2, 2, 1], activation="sigmoid", output="sigmoid", bias=False, seed=1)
    for output in (model([0.5, -1.5]), nn.trace(model, [0.5, -1.5])):
        e = (output - 1.0) ** 2
        e.label = "e"
        second = section(autograd.derivation(e, model.layers[1].neurons[0].weights[0]), "Chain rule")
        assert "= ∂e/∂ŷ · φ′(z³₁) · w³₁₁ · φ′(z²₁) · a¹₁" in second
        first = section(autograd.derivation(e, model.layers[0].neurons[1].weights[1]), "Chain rule")
        assert "∂e/∂w¹₂₂ = ∂e/∂a¹₂ · ∂a¹₂/∂z¹₂ · ∂z¹₂/∂w¹₂₂\n" in first and "= ∂e/∂a¹₂ · φ′(z¹₂) · x₂" in first
        assert "∂e/∂a¹₂ = Σᵢ₌₁² ∂e/∂z²ᵢ · ∂z²ᵢ/∂a¹₂\n" in first and "= Σᵢ₌₁² ∂e/∂z²ᵢ · w²ᵢ₂" in first


def test_a_bias_and_other_labels() -> None:
    w, x, b = Value(2.0, "w"), Value(-1.0, "x"), Value(0.5, "b")
    y = (w * x + b).tanh()
    assert str(autograd.derivation(y, w)) == (
        "Forward\n"
        "  v₂ = w · x + b\n"
        "  L = tanh(v₂)\n\n"
        "Chain rule\n"
        "  ∂L/∂w = ∂L/∂v₂ · ∂v₂/∂w\n"
        "        = ∂L/∂v₂ · x\n"
        "        = (1 − L²) · x\n\n"
        "Numbers\n"
        "  ∂L/∂w = (1 − (−0.9051)²) · (−1)\n"
        "        = −0.1807"
    )
    assert "∂L/∂b = ∂L/∂v₂ · ∂v₂/∂b\n        = ∂L/∂v₂\n        = 1 − L²" in str(autograd.derivation(y, b))
    net = network([1, 1])
    assert "w¹₁₁ · x₁ + b¹₁" in str(autograd.derivation(evaluate(net, [2.0], output="tanh")[0], net[0][0][1]))
    labels = [Value(0.3, "w²₁₁"), Value(0.4, "w²₁₂")]  # the lectures' own signs
    z = labels[0] * Value(1.0, "a¹₁") + labels[1] * Value(2.0, "a¹₂")
    assert "∂ŷ/∂w²₁₂ = ∂ŷ/∂z²₁ · ∂z²₁/∂w²₁₂" in str(autograd.derivation(z.tanh(), labels[1]))


def test_without_a_network_intermediate_results_get_names() -> None:
    x = Value(-1.0, "x")
    found = autograd.derivation((x**2).sin() * x.exp(), x)
    assert section(found, "Forward") == "  v₁ = x²\n  v₂ = sin(v₁)\n  v₃ = exp(x)\n  L = v₂ · v₃"
    assert "= ∂L/∂v₁ · 2 · x + ∂L/∂v₃ · v₃" in str(found)
    direct = autograd.derivation(autograd.mean([x * 3.0, x.exp()]), x)
    assert "∂L/∂x = ∂L/∂v₂ · ∂v₂/∂x + 1 / 2 · 3\n        = ∂L/∂v₂ · v₂ + 1 / 2 · 3" in str(direct)
    unlabeled = Value(3.0)
    assert "∂L/∂v₁ = 2 · v₁" in str(autograd.derivation(unlabeled * unlabeled, unlabeled))
    taken = Value(2.0, "L")
    assert "∂E/∂L = 3" in str(autograd.derivation(taken * 3.0 + Value(1.0, "y"), taken))
    alike = Value(2.0, "w")
    assert "L = w⁽¹⁾ · w⁽¹⁾ + w⁽²⁾" in str(autograd.derivation(alike * alike + Value(1.0, "w"), alike))


def test_lecture_e_by_its_labels() -> None:
    w0, w1, x, y = (Value(v, label) for v, label in zip((0.5, 1.2, 2.0, 1.0), ("w0", "w1", "x", "y")))
    z1 = w0 * x
    x1 = z1.relu()
    z2 = w1 * x1
    loss = 0.5 * (z2 - y) ** 2
    for node, label in ((z1, "z1"), (x1, "x1"), (z2, "z2"), (loss, "L")):
        node.label = label
    found = autograd.derivation(loss, w0)
    lines = "  z₁ = w₀ · x\n  x₁ = relu(z₁)\n  z₂ = w₁ · x₁\n  L = 0.5 · (z₂ − y)²"
    assert section(found, "Forward") == lines
    assert "= 0.5 · 2 · (z₂ − y) · w₁ · relu′(z₁) · x" in str(found)


def test_samples_fold() -> None:
    net = network([2, 3, 1], seed=3)
    targets = (1.0, -1.0, 1.0, 0.5)
    losses = [(evaluate(net, [0.1 * n, 0.3 - n])[0] - y) ** 2 for n, y in enumerate(targets, 1)]
    loss = sum(losses) / len(targets)
    found = autograd.derivation(loss, net[0][1][0][0])
    assert "L = Σₙ₌₁⁴ (ŷ⁽ⁿ⁾ − y⁽ⁿ⁾)² / 4" in str(found)
    assert "∂L/∂w¹₂₁ = Σₙ₌₁⁴ ∂L/∂z¹⁽ⁿ⁾₂ · ∂z¹⁽ⁿ⁾₂/∂w¹₂₁\n           = Σₙ₌₁⁴ ∂L/∂z¹⁽ⁿ⁾₂ · x⁽ⁿ⁾₁" in str(found)
    assert "= 1 / 4 · 2 · (ŷ⁽ⁿ⁾ − y⁽ⁿ⁾) · w²₁₂ · φ′(z¹⁽ⁿ⁾₂)" in str(found)
    assert "n = 1, …, 4" in str(found) and r"n = 1, \dots, 4" in found.latex()
    reevaluates(found)


def test_softmax_and_cross_entropy() -> None:
    net = network([2, 3, 3], seed=2)
    logits = evaluate(net, [0.5, -1.0])
    stable = autograd.log_sum_exp(logits) - logits[1]
    named = -autograd.softmax(logits)[1].log()
    for loss in (stable, named):
        loss.label = "L"
        for layer in (0, 1):
            weight = net[layer][0][0][1]
            found = autograd.derivation(loss, weight)
            assert found.value == pytest.approx(autograd.grad(loss, [weight])[0], rel=1e-12)
            reevaluates(found)
    assert "L = log(Σᵢ₌₁³ exp(ŷᵢ)) − ŷ₂" in str(autograd.derivation(stable, net[0][0][0][0]))
    assert "ŷ₂ · (1 − ŷ₂)" in str(autograd.derivation(named, net[0][0][0][0]))


def is_xml(found: autograd.explain.Derivation) -> None:
    """Its HTML, without style sheets, is well-formed."""
    ElementTree.fromstring(re.sub("<style>.*?</style>", "", found.html(), flags=re.DOTALL).replace("&#x2061;", ""))


@pytest.mark.parametrize(
    "activation", ["tanh", "sigmoid", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sin"]
)
def test_every_activation(activation: str) -> None:
    net, e = lecture_c(activation)
    for layer in net:
        found = autograd.derivation(e, layer[0][0][0])
        assert "φ′(z³₁)" in str(found)
        reevaluates(found)
        is_xml(found)


def test_mixed_activations_keep_their_names() -> None:
    net = network([2, 2, 1], seed=1)
    text = str(autograd.derivation((evaluate(net, [1.0, 2.0], "tanh", "sigmoid")[0] - 1.0) ** 2, net[0][0][0][0]))
    assert "σ′(z²₁)" in text and "tanh′(z¹₁)" in text and "σ is sigmoid" in text


@given(graphs())
@settings(max_examples=100)
def test_every_line_reevaluates(graph: tuple[Value, list[Value]]) -> None:
    root, leaves = graph
    there = set(autograd.graph.leaves(root))
    for leaf in leaves:
        if leaf in there:
            found = autograd.derivation(root, leaf)
            assert found.value == pytest.approx(autograd.grad(root, [leaf])[0], rel=1e-12, abs=1e-15)
            reevaluates(found)
            assert found.latex().count("{") == found.latex().count("}")
            is_xml(found)


def test_a_whole_batch() -> None:
    net, loss = moons_loss(20)
    found = autograd.derivation(loss, net[0][3][0][1])
    text = str(found)
    assert "∂L/∂a¹⁽ⁿ⁾₄ = Σⱼ₌₁¹⁶ ∂L/∂z²⁽ⁿ⁾ⱼ · ∂z²⁽ⁿ⁾ⱼ/∂a¹⁽ⁿ⁾₄    (n = 1, …, 20)" in text
    assert "Σₙ₌₁²⁰ relu(1 − y⁽ⁿ⁾ · ŷ⁽ⁿ⁾)" in text and "Σᵢ₌₁¹⁶ Σⱼ₌₁¹⁶ w²ᵢⱼ · w²ᵢⱼ" in text
    assert len(text) < 8_000 and "more like these" in text
    reevaluates(found)


def test_long_chains() -> None:
    x = Value(1.0, "x")
    product = x
    for i in range(3_000):
        product = product * Value(1.0 + 1e-4 * (i % 7 - 3), f"c{i}")
    found = autograd.derivation(product, x)
    assert len(str(found)) < 5_000
    reevaluates(found)
    deep = x
    for _ in range(2_000):
        deep = deep.sin()
    reevaluates(autograd.derivation(deep, x))


def test_showing() -> None:
    _, e = lecture_c()
    weight = autograd.graph.leaves(e)[0]
    found = autograd.derivation(e, weight)
    assert repr(found) == str(found)
    assert not hasattr(found, "_repr_latex_")  # HTML outranks it: LaTeX has an object of its own
    shown = found.display()
    assert shown._repr_latex_().startswith("$$\\begin{aligned}") and repr(shown) == found.plain()
    assert found.latex().startswith("\\begin{align*}") and found.latex(digits=2) != found.latex()
    assert "<math" in found._repr_html_()
    hostile = Value(2.0, "<script>alert(1)</script>")
    assert "<script>" not in autograd.derivation(hostile * hostile, hostile)._repr_html_()


def test_contradictions_are_not_printed() -> None:
    w = Value(2.0, "w")
    y = (w * 3.0).tanh()
    w.data = 0.1  # edited, and the graph not computed again
    with pytest.raises(DerivationError, match=r"graph.forward\(root\)"):
        autograd.derivation(y, w)
    autograd.graph.forward(y)
    reevaluates(autograd.derivation(y, w))
    y.local_derivatives = (0.5,)  # an operation whose rule is wrong
    with pytest.raises(DerivationError, match=r"the recorded derivative 0.5 of tanh\("):
        autograd.derivation(y, w)


def test_bad_input() -> None:
    x = Value(3.0, "x")
    alone = autograd.derivation(x, x)
    assert alone.value == 1.0 and "∂x/∂x = 1" in str(alone)
    with pytest.raises(TypeError, match="only a Value computed from others"):
        autograd.derivation(3.0, x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not in the graph"):
        autograd.derivation(x * 2.0, Value(1.0))
    nan = autograd.derivation(Value(math.nan, "n") * x, x)
    assert math.isnan(nan.value) and "nan" in str(nan) and "nan" in nan._repr_html_()
    steep = autograd.derivation((x - 3.0).sqrt(), x)
    assert steep.value == math.inf and "∞" in str(steep)


def last_line(root: Value, leaf: Value) -> str:
    return str(derivation(root, leaf)).splitlines()[-1].strip()


@pytest.mark.parametrize(
    ("head", "parts", "text"),
    [
        ("mul", (sym("x"), number(0)), "0"), ("mul", (number(0), sym("x")), "0"), ("mul", (sym("x"), sym("x")), "x²"),
        ("mul", (number(1), sym("x")), "x"), ("pow", (sym("x"), number(0)), "1"), ("pow", (sym("x"), number(1)), "x"),
        ("add", (sym("x"), number(0)), "x"), ("sub", (sym("x"), number(0)), "x"), ("neg", (sym("x"),), "−x"),
        ("sub", (number(0), sym("x")), "0 − x"), ("add", (number(2), number(3)), "5"),
    ],
)  # fmt: skip
def test_operations_are_simplified(head: str, parts: tuple[Expression, ...], text: str) -> None:
    assert plain(simplified(head, parts)) == text


def test_a_gradient_that_cancels_is_not_called_a_mistake() -> None:
    """Sums in another order differ as much as rounding explains, also where a line shows ∂L/∂w alone."""
    a, b, w = Value(1e17, "a"), Value(1e17, "b"), Value(1.0, "w")
    root = (w * a - w * b) + w
    assert grad(root, [w]) == [0.0]  # 1 − 10¹⁷ + 10¹⁷ in the order of the reverse pass
    assert "∂L/∂w = a − b + 1" in str(derivation(root, w)) and last_line(root, w) == "= 0"
    b.data = 2e17
    with pytest.raises(DerivationError, match="data edited"):
        derivation(root, w)


def test_the_size_of_the_terms_of_an_expression() -> None:
    x, y = sym("x", value=3.0), sym("y", value=-4.0)
    indexed = Expression("indexed", (sym("z", "i"), x, y), ("i", 1, 2))
    for expression, size in (
        (operation("add", x, y), 7.0), (operation("sub", x, operation("neg", y)), 7.0), (product(x, y), 12.0),
        (operation("mul", x, operation("add", x, y)), 21.0), (indexed, 7.0), (Expression("sum", (x, y, x)), 10.0),
        (operation("exp", operation("sub", x, x)), 1.0), (product(number(0.0), x), 0.0),
    ):  # fmt: skip
        assert magnitude(expression) == size


def test_what_came_of_an_infinity_is_shown_and_not_refused() -> None:
    x, y = Value(0.0, "x"), Value(0.0, "y")
    assert last_line(y * x.log(), x) == "= 0"  # an exact zero carries nothing
    z = Value(3.0, "z")
    root = (x.log() + (1.0 / x)) * z
    assert math.isnan(grad(root, [x])[0]) and last_line(root, x).endswith("nan")


def test_lists_of_one_entry() -> None:
    x = Value(0.5, "x")
    assert str(derivation(autograd.log_sum_exp([x]), x)).count("∂L/∂x = 1\n") == 1
    assert last_line(autograd.log_sum_exp([x]), x) == "∂L/∂x = 1"
    assert last_line(autograd.softmax([x])[0], x) == "= 0"


def test_slopes_of_ones_own_with_nan_and_needless_factors() -> None:
    op = autograd.register("half_known", "x", "where(x < 0, nan, 1 + 0 * x) * x**0")
    x, y = Value(0.5, "x"), Value(-2.0, "y")
    assert last_line(op(x) * y, x) == "∂L/∂x = −2" and "= ∂L/∂v₁\n" in str(derivation(op(x) * y, x))
    assert last_line(op(y) * x, y) == "= nan"


def test_an_identity_is_not_written() -> None:
    x, y = Value(0.5, "x"), Value(-2.0, "y")
    root = apply(TABLE["identity"], (x * y,)).tanh()
    assert str(formula(root)) == "tanh(x * y)"
    assert "v₂ = x · y\n  L = tanh(v₂)" in str(derivation(root, x))
    assert derivation(root, x).value == grad(root, [x])[0]


@given(st.floats(-9.0, 9.0), st.sampled_from(["tanh", "sigmoid", "gelu", "softplus"]))
def test_what_is_printed_in_numbers_is_true(x: float, name: str) -> None:
    leaf = Value(x, "x")
    root = getattr(leaf, name)()
    found = derivation((root - 1.0) ** 2, leaf)
    for line in found.lines:
        if line.of_numbers:
            digits = found._enough(4)
            assert line.holds(digits) and (digits == 4 or not all(other.holds(4) for other in found.lines))


def test_numbers_that_nearly_cancel_get_more_digits() -> None:
    w = Value(0.99999, "w")
    lines = str(derivation((w * 5.0).tanh(), w)).splitlines()
    assert lines[-2:] == ["  ∂L/∂w = (1 − 0.999909²) · 5", "        = 9.08007·10⁻⁴"]
    a = Value(1.00001, "a")
    assert "2 · (1.00001 − 1)" in str(derivation((a - 1.0) ** 2, a))


def ends(found: autograd.explain.Derivation, *stages: str) -> None:
    """The last forms of the line that ends the chain rule."""
    rule = [line.strip() for line in str(found).split("Numbers")[0].splitlines() if line.strip()]
    assert [line.partition("= ")[2] for line in rule[-len(stages) :]] == list(stages), str(found)
    reevaluates(found)


def logits_of(net: Network, x: list[float]) -> list[Value]:
    return list(evaluate(net, x))


def test_softmax_and_minus_log_end_at_softmax_minus_one_hot() -> None:
    net = network([2, 3, 3], seed=2)
    loss = -autograd.softmax(logits_of(net, [0.5, -1.0]))[1].log()
    right = autograd.derivation(loss, net[1][1][0][0])
    ends(right, "−1 / ŷ₂ · ŷ₂ · (1 − ŷ₂) · a¹₁", "−(1 − ŷ₂) · a¹₁", "(ŷ₂ − 1) · a¹₁")
    other = autograd.derivation(loss, net[1][0][0][0])
    ends(other, "1 / ŷ₂ · ŷ₂ · ŷ₁ · a¹₁", "ŷ₁ · a¹₁")
    assert "ŷ₁ = exp(z²₁) / (Σᵢ₌₁³ exp(z²ᵢ))" in str(other), "what a line mentions is defined above it"
    bare = [Value(x, f"o{i}") for i, x in enumerate((1.0, 2.0, 0.5), 1)]
    shares = autograd.softmax(bare)
    shares[1].label = "s2"
    ends(autograd.derivation(-shares[1].log(), bare[1]), "−1 / s₂ · s₂ · (1 − s₂)", "−(1 − s₂)", "s₂ − 1")


def test_log_sum_exp_has_shares_as_slopes() -> None:
    o = [Value(x, f"o{i}") for i, x in enumerate((1.0, 2.0, 0.5), 1)]
    found = autograd.derivation(autograd.log_sum_exp(o), o[1])
    ends(found, "s₂")
    assert "s₂ = exp(o₂) / (Σᵢ₌₁³ exp(oᵢ))" in str(found)
    assert "= ∂L/∂v₁ · s₂ − 1" in str(autograd.derivation(autograd.log_sum_exp(o) - o[1], o[1]))
    taken = [Value(1.0, "s1"), Value(2.0, "s2")]  # the letter is the user's
    assert "= exp(s₂) / (exp(s₁) + exp(s₂))" in str(autograd.derivation(autograd.log_sum_exp(taken), taken[1]))


@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
def test_sigmoid_and_binary_cross_entropy_end_at_the_difference(y: float) -> None:
    net, target = network([2, 2, 1], seed=1), Value(y, "y")
    p = evaluate(net, [1.0, 2.0], "tanh", "sigmoid")[0]
    weight = net[1][0][0][0]
    loss = -(target * p.log() + (1 - target) * (1 - p).log())
    ends(autograd.derivation(loss, weight), "(−y · (1 − ŷ) + (1 − y) · ŷ) · a¹₁", "(ŷ − y) · a¹₁")
    if y in (0.0, 1.0):
        loss = -(p if y else 1 - p).log()
        ends(autograd.derivation(loss, weight), "(ŷ − 1) · a¹₁" if y else "ŷ · a¹₁")
    o = evaluate(net, [1.0, 2.0], "tanh", "")[0]
    loss = target * (-o).softplus() + (1 - target) * o.softplus()
    ends(autograd.derivation(loss, weight), "(−y · (1 − σ(ŷ)) + (1 − y) · σ(ŷ)) · a¹₁", "(σ(ŷ) − y) · a¹₁")


def test_the_half_of_a_squared_error_meets_its_two() -> None:
    net = network([2, 2, 1], seed=1)
    loss = 0.5 * (evaluate(net, [1.0, 2.0], "tanh", "")[0] - 1.0) ** 2
    ends(autograd.derivation(loss, net[1][0][0][0]), "0.5 · 2 · (ŷ − 1) · a¹₁", "(ŷ − 1) · a¹₁")
