"""`formula`: what it prints parses and evaluates to the same number; names; LaTeX and MathML."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from explaining import evaluate, graphs, moons_loss, network, plain, sym
from hypothesis import given, settings

import autograd
import nn
from autograd import Value, compile, formula, formulas, ops
from autograd.elementary import on_values
from autograd.explain import latex_name, name_of
from autograd.explain.written import Formula
from autograd.notation.expression import Expression, clipped, number, operation, symbol, times, total
from autograd.notation.names import Name
from autograd.notation.render import render
from autograd.notation.styles import Latex, Plain, Style
from autograd.ops import known_functions

a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(0.5, "c")


def same(x: float, y: float) -> bool:
    return x == y or (x != x and y != y)


@pytest.mark.parametrize(
    ("root", "text", "plain", "latex"),
    [
        ((a + b) * c, "(a + b) * c", "(a + b) · c", r"\left(a + b\right) \cdot c"),
        (a - (b - c), "a - (b - c)", "a − (b − c)", r"a - \left(b - c\right)"),
        (a + (b - c), "a + (b - c)", "a + b − c", "a + b - c"),
        (a * (b * c), "a * (b * c)", "a · b · c", r"a \cdot b \cdot c"),
        (a / (b / c), "a / (b / c)", "a / (b / c)", r"\frac{a}{\frac{b}{c}}"),
        (a / (b * c), "a / (b * c)", "a / (b · c)", r"\frac{a}{b \cdot c}"),
        (a * b / c, "a * b / c", "a · b / c", r"\frac{a \cdot b}{c}"),
        (-((a + b) ** 2), "-(a + b) ** 2", "−(a + b)²", r"-\left(a + b\right)^{2}"),
        ((-a) ** 2, "(-a) ** 2", "(−a)²", r"\left(-a\right)^{2}"),
        ((a**c) ** b, "(a ** c) ** b", "(aᶜ)ᵇ", r"\left(a^{c}\right)^{b}"),
        (a ** (b * c), "a ** (b * c)", "a^(b · c)", r"a^{b \cdot c}"),
        (a**-b, "a ** -b", "a⁻ᵇ", "a^{-b}"),
        (a + -3.0, "a - 3", "a − 3", "a - 3"),
        (a + (-b), "a - b", "a − b", "a - b"),
        (a - (-b), "a - (-b)", "a − (−b)", r"a - \left(-b\right)"),
        (a * -3.0, "a * (-3)", "a · (−3)", r"a \cdot \left(-3\right)"),
        (-3.0 * a + b, "-3 * a + b", "−3 · a + b", r"-3 \cdot a + b"),
        (b + -3.0 * a, "b - 3 * a", "b − 3 · a", r"b - 3 \cdot a"),
        (a.__neg__().__neg__(), "-(-a)", "−(−a)", r"-\left(-a\right)"),
        (-(a * b), "-a * b", "−a · b", r"-a \cdot b"),
        ((a * b + c).tanh() * 2, "tanh(a * b + c) * 2", "tanh(a · b + c) · 2",
         r"\tanh \left(a \cdot b + c\right) \cdot 2"),
        (a.tanh().log(), "log(tanh(a))", "log(tanh(a))", r"\log \left(\tanh a\right)"),
        (a.exp() ** 2, "exp(a) ** 2", "exp(a)²", r"\left(e^{a}\right)^{2}"),
        (a.sqrt() + abs(b), "sqrt(a) + abs(b)", "√(a) + |b|", r"\sqrt{a} + \left|b\right|"),
        (autograd.sigmoid(a), "sigmoid(a)", "σ(a)", r"\sigma\left(a\right)"),
        (autograd.maximum(a, b - c), "maximum(a, b - c)", "max(a, b − c)", r"\max\left(a, b - c\right)"),
        (a * 1e-12, "a * 1e-12", "a · 10⁻¹²", r"a \cdot 10^{-12}"),
        (a * 1.5e-12, "a * 1.5e-12", "a · 1.5·10⁻¹²", r"a \cdot 1.5 \cdot 10^{-12}"),
        (a * 0.1 + 1 / 3, f"a * 0.1 + {1 / 3!r}", "a · 0.1 + 0.333333", r"a \cdot 0.1 + 0.333333"),
        (sum([a, b, c]), "a + b + c", "a + b + c", "a + b + c"),
        (autograd.mean([a * b, c]), "(a * b + c) / 2", "(a · b + c) / 2", r"\frac{a \cdot b + c}{2}"),
        (autograd.dot([a, b], [c, 2.0]), "a * c + b * 2", "a · c + b · 2", r"a \cdot c + b \cdot 2"),
        (autograd.log_sum_exp([a, b]), "log(exp(a) + exp(b))", "log(exp(a) + exp(b))",
         r"\log \left(e^{a} + e^{b}\right)"),
        (autograd.softmax([a, b])[0], "exp(a) / (exp(a) + exp(b))", "exp(a) / (exp(a) + exp(b))",
         r"\frac{e^{a}}{e^{a} + e^{b}}"),
        (a * math.inf, "a * inf", "a · ∞", r"a \cdot \infty"),
        (a * -math.inf, "a * (-inf)", "a · (−∞)", r"a \cdot \left(-\infty\right)"),
        (a * math.nan, "a * nan", "a · nan", r"a \cdot \mathrm{nan}"),
        (a, "a", "a", "a"),
        (Value(2.5), "2.5", "2.5", "2.5"),
        (autograd.where(a, b, c), "where(a, b, c)", "where(a, b, c)", r"\left(b \text{ if } a \text{ else } c\right)"),
    ],
)  # fmt: skip
def test_precedence(root: Value, text: str, plain: str, latex: str) -> None:
    written = autograd.formula(root)
    assert (written.text, written.plain(), written.latex()) == (text, plain, latex)
    assert same(written.evaluate(), root.data) or written.evaluate() == pytest.approx(root.data, rel=1e-15)
    ElementTree.fromstring(written.mathml())


def parsed(written: Formula) -> float:
    """The number that the text denotes, read by the language of formulas."""
    scope: dict[str, Any] = {name: Value(leaf.data) for name, leaf in written.variables.items()}
    scope |= {"inf": Value(math.inf), "nan": Value(math.nan)}
    known = {name: on_values(name) for name in known_functions(derivative=True)}
    for line in written.text.split("\n"):
        name, separator, body = line.partition(" = ")
        result = formulas.interpret(formulas.parse(body if separator else line, known), known, scope, Value)
        result = result if isinstance(result, Value) else Value(float(result))
        if separator:
            scope[name] = result
    return float(result.data)


@given(graphs(most=20))
@settings(max_examples=150)
def test_the_text_evaluates_to_the_same_number(graph: tuple[Value, list[Value]]) -> None:
    root, _ = graph
    for shared in (False, True):
        written = autograd.formula(root, shared=shared, max_operations=10_000)
        value = written.evaluate()
        try:
            assert same(parsed(written), value) or parsed(written) == pytest.approx(value, rel=1e-12, abs=1e-12)
        except formulas.FormulaError as refusal:  # longer than the language allows, with everything written out
            assert "allowed" in str(refusal) or "deeper" in str(refusal)
        listed = {"dot", "mean", "log_sum_exp", "softmax"}
        if listed.isdisjoint(node.op for node in autograd.graph.topological(root)):
            assert same(value, root.data)  # to the last bit
        assert value == pytest.approx(root.data, rel=1e-9, abs=1e-9)
        ElementTree.fromstring(f"<div>{written.mathml()}</div>")
        assert written.latex().count("{") == written.latex().count("}")


@given(graphs(most=8))
@settings(max_examples=60)
def test_every_pair_of_parentheses_is_needed(graph: tuple[Value, list[Value]]) -> None:
    root, _ = graph
    text = autograd.formula(root, max_operations=60).text
    if len(text) > 300:
        return
    tree = formulas.ast.dump(formulas.parse(text, ops.known_functions()))
    for start, sign in enumerate(text):
        if sign != "(" or (start and (text[start - 1].isalnum() or text[start - 1] == "_")) or text[start + 1] == "-":
            continue  # a call; a negative operand
        depth, end = 1, start
        while depth:
            end += 1
            depth += {"(": 1, ")": -1}.get(text[end], 0)
        bare = text[:start] + " " + text[start + 1 : end] + " " + text[end + 1 :]
        assert formulas.ast.dump(formulas.parse(bare, ops.known_functions())) != tree, bare


def test_registered_operation() -> None:
    swap: Any = autograd.register("formula_test_ratio", "x / (1 + abs(y))", ["1 / (1 + abs(y))", "0 * x"])
    written = autograd.formula(swap(a + b, c))
    assert written.text == "formula_test_ratio(a + b, c)"
    assert written.evaluate() == swap(a + b, c).data
    assert r"\operatorname{formula test ratio}\left(a + b, c\right)" in written.latex()


def test_names() -> None:
    net = network([2, 2])
    root = evaluate(net, [Value(1.0, "x1"), Value(2.0, "x[2]")])[0]
    written = autograd.formula(root)
    assert written.text == "w1_1_1 * x1 + w1_1_2 * x2 + b1_1"
    assert written.latex() == r"w^{1}_{11} \cdot x_{1} + w^{1}_{12} \cdot x_{2} + b^{1}_{1}"
    assert written.evaluate(x1=3.0) == pytest.approx(root.data + 2.0 * net[0][0][0][0].data)
    assert list(written.variables) == ["w1_1_1", "x1", "w1_1_2", "x2", "b1_1"]
    with pytest.raises(TypeError, match="no variable 'y'; the variables are w1_1_1"):
        written.evaluate(y=1.0)
    clash = autograd.formula(
        Value(1.0, "x1") + Value(2.0, "x_1") * Value(3.0, "exp") - Value(4.0, "lambda") * Value(5.0, "inf")
    )
    assert clash.evaluate() == 1.0 + 6.0 - 20.0
    assert len(clash.variables) == 5
    scripts = autograd.formula(Value(3.0, "w²₁₁") ** 3)
    assert (scripts.plain(), scripts.latex()) == ("(w²₁₁)³", r"\left(w^{2}_{11}\right)^{3}")


@pytest.mark.parametrize(
    ("label", "plain", "latex", "identifier"),
    [
        ("layers.0.neurons.3.weights.1", "w¹₄₂", "w^{1}_{42}", "w1_4_2"),
        ("layers.10.neurons.13.bias", "b¹¹₁₄", "b^{11}_{14}", "b11_14"),
        ("layers.1.neurons.11.weights.0", "w²₁₂,₁", "w^{2}_{12,1}", "w2_12_1"),
        ("encoder.layers.1.neurons.0.z", "z²₁", "z^{2}_{1}", "z2_1"),
        ("neurons.2.weights.0", "w₃₁", "w_{31}", "w_3_1"),
        ("weights.1", "w₂", "w_{2}", "w2"),
        ("bias", "b", "b", "b"),
        ("w^{2}_{11}", "w²₁₁", "w^{2}_{11}", "w2_1_1"),
        ("w_11^2", "w²₁₁", "w^{2}_{11}", "w2_1_1"),
        ("x[3][1]", "x₃₁", "x_{31}", "x_3_1"),
        ("y_hat", "ŷ", r"\hat{y}", "ŷ"),
        ("alpha", "α", r"\alpha", "α"),
        ("theta_1", "θ₁", r"\theta_{1}", "θ1"),
        ("loss", "loss", r"\mathrm{loss}", "loss"),
        ("learning_rate", "learning_rate", r"\text{learning\_rate}", "learning_rate"),
        ("50 % \\ {x}", "50 % \\ {x}", r"\text{50 \% \textbackslash{} \{x\}}", "_50______x_"),
        ("h_A", "h_A", "h_{A}", "hA"),
        ("w'^2_11", "w′²₁₁", "w'^{2}_{11}", "w_2_1_1"),
        ("w^2_{3,12}", "w²₃,₁₂", "w^{2}_{3,12}", "w2_3_12"),
    ],
)
def test_labels(label: str, plain: str, latex: str, identifier: str) -> None:
    name = name_of(label)
    assert (name.plain(), name.latex(), name.identifier()) == (plain, latex, identifier)
    ElementTree.fromstring(name.mathml())


def test_indices_are_separated_where_one_has_two_digits() -> None:
    assert latex_name("layers.0.neurons.3.weights.1") == "w^{1}_{42}" == nn.latex_name("layers.0.neurons.3.weights.1")
    assert latex_name("layers.0.neurons.3.weights.11") == "w^{1}_{4,12}"
    written = autograd.formula(Value(2.0, "layers.0.neurons.3.weights.1") + 2.0)
    assert (written.latex(), written.latex(commas=True)) == (r"w^{1}_{42} + 2", r"w^{1}_{4,2} + 2")


def test_hostile_labels() -> None:
    written = autograd.formula(Value(1.0, "<img onerror=alert(1)>") * Value(2.0, "</math><script>"))
    page = written._repr_html_()
    assert "<img" not in page and "<script" not in page
    assert written.evaluate() == 2.0


def test_shared_parts_get_names() -> None:
    h = (a * b + c).tanh()
    h.label = "h"
    part = h * h + a
    written = autograd.formula(part * part + part, shared=True)
    assert str(written) == "h = tanh(a * b + c)\nv4 = h * h + a\nv4 * v4 + v4"
    assert written.evaluate() == (part * part + part).data
    assert written.latex().startswith("\\begin{aligned}\nh &= \\tanh")
    assert written.mathml().count("<math") == 3
    shown = written.display()
    assert shown._repr_latex_() == f"$${written.latex()}$$" and repr(shown) == written.plain()


def test_large_expressions_are_cut() -> None:
    weights = [Value(i / 7, f"w{i}") for i in range(300)]
    written = autograd.formula(sum(w * w for w in weights) / 300)
    assert written.text == "(w0 * w0 + w1 * w1 + w2 * w2 + ... + w299 * w299) / 300"
    assert not written.complete and written.operations - written.hidden < 150
    assert "behind dots" in str(written) and "behind dots" in written._repr_html_()
    with pytest.raises(ValueError, match="max_operations"):
        written.evaluate()
    mean = autograd.formula(autograd.mean(weights) * 2.0, max_operations=10)
    assert mean.text == "(w0 + w1 + w2 + ... + w299) / 300 * 2"
    nested = Value(0.5, "x")
    for weight in weights:
        nested = (nested * weight).tanh() + weight
    assert len(autograd.formula(nested, max_operations=20).text) < 400
    _, loss = moons_loss(20)
    assert len(autograd.formula(loss).text) < 5_000
    chain = a
    for _ in range(100_000):
        chain = chain + 1.0
    assert autograd.formula(chain).text == "a + 1 + 1 + ... + 1"
    labelled = (a * b).exp()
    labelled.label = "deep"
    assert "deep" in autograd.formula(labelled * (labelled + a) * b * c, max_operations=2).text


def test_bad_input() -> None:
    with pytest.raises(TypeError, match=r"a graph is given by its root"):
        autograd.formula(2.0)  # type: ignore[arg-type]


def test_a_long_formula_evaluates_its_own_text() -> None:
    a = Value(2.0, "a")
    long = autograd.formula(sum((Value(1.0, f"a_rather_long_name_{i}") for i in range(600)), a), max_operations=1000)
    assert len(long.text) > formulas.MAX_LENGTH and long.evaluate() == 602.0 and long.evaluate(a=5.0) == 605.0
    deep = a
    for i in range(3000):
        deep = (deep * 0.5 + float(i)).sin()
    written = autograd.formula(deep, max_operations=100_000)
    assert written.complete and written.evaluate() == deep.data
    shared = autograd.formula(deep * deep, shared=True, max_operations=100_000)
    assert shared.evaluate() == deep.data**2
    with pytest.raises(TypeError, match=r"real numbers|convert text"):
        long.evaluate(a="5")  # type: ignore[arg-type]


def test_trees_simplify_and_clip() -> None:
    x = symbol(name_of("x"), 3.0)
    assert times(number(1), x) == x and times(number(-1), x) == operation("neg", x)
    assert render(times(operation("neg", x), operation("neg", x)), Plain()) == "x · x"
    assert total([]) == number(0) and times() == number(1)
    long = total([times(number(i + 2), x) for i in range(40)])
    cut = clipped(long)
    assert cut.evaluate() == long.evaluate() and "⋯" in render(cut, Plain())
    deep: Expression = x
    for _ in range(500):
        deep = operation("tanh", operation("add", deep, x))
    cut = clipped(deep)
    assert cut.evaluate() == deep.evaluate() and len(render(cut, Latex())) < 3000


OPERATIONS: list[Callable[..., Value]] = [
    getattr(autograd, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "sigmoid", "softplus", "silu", "relu", "leaky_relu", "elu", "erf", "gelu")
]  # fmt: skip


@pytest.mark.parametrize("function", OPERATIONS)
def test_every_function_is_written(function: Callable[..., Value]) -> None:
    x = Value(0.25, "x")
    written = autograd.formula(function(x * 2.0) * 3.0)
    assert written.evaluate() == (function(x * 2.0) * 3.0).data
    assert "$" not in written.latex() and "x" in written.latex()
    ElementTree.fromstring(written.mathml())


def test_comparisons_in_formula_text_and_on_paper() -> None:
    less, at_most = (operation(op, sym("x"), sym("y")) for op in ("less", "less_equal"))
    assert [render(e, Style()) for e in (less, at_most)] == ["x < y", "x <= y"]
    assert [plain(e) for e in (less, at_most)] == ["[x < y]", "[x ≤ y]"]
    program = compile(lambda x: autograd.where(x * 2 < 1, x, 3.0), [()], backend="numpy")
    program([0.25])
    assert str(formula(program.lens(0))) == "where(x * 2 < 1, x, 3)"


def test_the_sample_of_a_name_in_mathml() -> None:
    assert Name("x", (), (1,), 2).mathml() == (
        '<msubsup><mi>x</mi><mrow><mn>1</mn></mrow><mrow><mo stretchy="false">(</mo><mn>2</mn>'
        '<mo stretchy="false">)</mo></mrow></msubsup>'
    )


def test_an_operation_that_was_taken_back_has_no_formula() -> None:
    op = autograd.register("soon_gone", "x * x", "2 * x")
    root = op(Value(2.0, "x")) + 1.0
    autograd.unregister("soon_gone")
    with pytest.raises(TypeError, match=r"soon_gone\(.*\) .* is not an operation of the table, so it has no formula"):
        formula(root)


@pytest.mark.parametrize(
    ("make", "latex"),
    [
        (lambda x, y: x.log() * y, r"\left(\log x\right) \cdot y"),
        (lambda x, y: y * x.log(), r"y \cdot \log x"),
        (lambda x, y: y * x.log() * x, r"\left(y \cdot \log x\right) \cdot x"),
        (lambda x, y: -(x.log() * y), r"-\left(\log x\right) \cdot y"),
        (lambda x, y: x.sin() + y, r"\sin x + y"),
        (lambda x, y: (x + y).log() * y, r"\log \left(x + y\right) \cdot y"),
        (lambda x, y: x.exp() * y, r"e^{x} \cdot y"),
    ],
)
def test_a_function_does_not_swallow_the_next_factor(make: Any, latex: str) -> None:
    assert formula(make(Value(2.0, "x"), Value(3.0, "y"))).latex() == latex
