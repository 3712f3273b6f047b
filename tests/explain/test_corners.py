"""Explanations of what graphs seldom hold: cancelled gradients, numbers of samples, operations of one's own."""

from __future__ import annotations

import math
from typing import Any

import pytest

import autograd
from autograd import Value, compile, derivation, diagnose, formula, grad, ledger
from autograd.explain import TrainingLedger, contribution
from autograd.explain.derivations import _magnitude
from autograd.explain.mistakes import UpdatedWeights, _Replaced
from autograd.explain.patterns import folded_sum, pattern
from autograd.notation.expression import Expression, number, operation, symbol
from autograd.notation.names import Name
from autograd.notation.neurons import Structure
from autograd.notation.render import render
from autograd.notation.slopes import DerivationError, simplified
from autograd.notation.styles import Plain, Style
from autograd.ops import TABLE
from autograd.value import apply


def plain(expression: Expression) -> str:
    return render(expression, Plain())


def sym(base: str, *lower: Any, sample: Any = None, value: float = 1.0) -> Expression:
    return symbol(Name(base, (), lower, sample), value)


def constant(x: float) -> Expression:
    return Expression("constant", (), x, x)


def product(*factors: Expression) -> Expression:
    return Expression("product", factors)


# ---- patterns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain_number", [number, constant])
def test_terms_whose_numbers_follow_no_index_stay_as_they_are(plain_number: Any) -> None:
    terms = [product(plain_number(2.0 + i), sym("x", i)) for i in (1, 2)]
    assert pattern(terms) is None
    assert plain(folded_sum(terms)) == "3 · x₁ + 4 · x₂"


def test_numbers_of_samples_are_found_in_whatever_order_they_stand() -> None:
    targets = {1: 0.0, 2: 1.0, 3: 0.0}
    before = [product(operation("sub", constant(y), number(1)), sym("x", 1, sample=n)) for n, y in targets.items()]
    found = pattern(before)
    assert found is not None and plain(found[0]) == "(y⁽ⁿ⁾ − 1) · x⁽ⁿ⁾₁" and found[1] == {(1, 2, 3): "n"}
    twice = [*before, product(operation("sub", constant(5.0), number(1)), sym("x", 1, sample=3))]
    assert pattern(twice) is None  # one sample cannot have two targets


def test_what_differs_in_more_than_indices_has_no_pattern() -> None:
    def summed(high: int) -> Expression:
        return Expression("indexed", (sym("x", "i"), *[sym("x", j + 1) for j in range(high)]), ("i", 1, high))

    alike = pattern([product(summed(2), sym("y", 1)), product(summed(2), sym("y", 2))])
    assert alike is not None and plain(alike[0]) == "Σᵢ₌₁² xᵢ · yⱼ"
    assert pattern([product(summed(2), sym("y", 1)), product(summed(3), sym("y", 2))]) is None
    assert pattern([sym("x", "i"), sym("x", 2)]) is None
    assert pattern([sym("x", 1), sym("x", 1, sample=2)]) is None
    assert pattern([sym("x", 1), operation("sin", sym("x", 2))]) is None
    assert pattern([product(sym("x", 1)), product(sym("x", 2), sym("y"))]) is None


def test_a_long_sum_without_a_pattern_loses_its_middle_and_keeps_its_value() -> None:
    terms = [operation(f, sym("x", i + 1)) for i, f in enumerate(["sin", "cos", "tan", "exp", "tanh", "cosh", "sinh"])]
    short = folded_sum(terms)
    assert plain(short) == "sin(x₁) + cos(x₂) + tan(x₃) + ⋯ + sinh(x₇)"
    assert short.evaluate() == pytest.approx(sum(term.evaluate() for term in terms), rel=1e-15)
    assert "⋯" not in plain(folded_sum(terms[:6]))


# ---- notation -------------------------------------------------------------------------------------------------------


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


# ---- derivations ----------------------------------------------------------------------------------------------------


def last_line(root: Value, leaf: Value) -> str:
    return str(derivation(root, leaf)).splitlines()[-1].strip()


def test_a_gradient_that_cancels_is_not_called_a_mistake() -> None:
    """Sums in another order differ as much as rounding explains, also where a line shows ∂y/∂w alone."""
    a, b, w = Value(1e17, "a"), Value(1e17, "b"), Value(1.0, "w")
    root = (w * a - w * b) + w
    assert grad(root, [w]) == [0.0]  # 1 − 10¹⁷ + 10¹⁷ in the order of the reverse pass
    assert "∂y/∂w = a − b + 1" in str(derivation(root, w)) and last_line(root, w) == "= 0"
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
        assert _magnitude(expression) == size


def test_what_came_of_an_infinity_is_shown_and_not_refused() -> None:
    x, y = Value(0.0, "x"), Value(0.0, "y")
    assert last_line(y * x.log(), x) == "= 0"  # an exact zero carries nothing
    z = Value(3.0, "z")
    root = (x.log() + (1.0 / x)) * z
    assert math.isnan(grad(root, [x])[0]) and last_line(root, x).endswith("nan")


def test_lists_of_one_entry() -> None:
    x = Value(0.5, "x")
    assert str(derivation(autograd.log_sum_exp([x]), x)).count("∂y/∂x = 1\n") == 1
    assert last_line(autograd.log_sum_exp([x]), x) == "∂y/∂x = 1"
    assert last_line(autograd.softmax([x])[0], x) == "= 0"


def test_slopes_of_ones_own_with_nan_and_needless_factors() -> None:
    op = autograd.register("half_known", "x", "where(x < 0, nan, 1 + 0 * x) * x**0")
    x, y = Value(0.5, "x"), Value(-2.0, "y")
    assert last_line(op(x) * y, x) == "∂f/∂x = −2" and "= ∂f/∂u\n" in str(derivation(op(x) * y, x))
    assert last_line(op(y) * x, y) == "= nan"


def test_an_identity_is_not_written() -> None:
    x, y = Value(0.5, "x"), Value(-2.0, "y")
    root = apply(TABLE["identity"], (x * y,)).tanh()
    assert str(formula(root)) == "tanh(x * y)"
    assert "z = x · y\n  f = tanh(z)" in str(derivation(root, x))
    assert derivation(root, x).value == grad(root, [x])[0]


def test_an_operation_that_was_taken_back_has_no_formula() -> None:
    op = autograd.register("soon_gone", "x * x", "2 * x")
    root = op(Value(2.0, "x")) + 1.0
    autograd.unregister("soon_gone")
    with pytest.raises(TypeError, match=r"soon_gone\(.*\) .* is not an operation of the table, so it has no formula"):
        formula(root)


# ---- ledgers and groups ---------------------------------------------------------------------------------------------


def test_paths_without_neurons_are_grouped_by_labels_else_by_functions() -> None:
    w, x, y = Value(2.0, "w"), Value(0.5, "x"), Value(-2.0, "y")
    a, b = (w * x).tanh(), (w * y).exp()
    functions = ledger(a * b, w).by("neuron")
    assert {entry.name for entry in functions} == {"tanh no. 1", "exp no. 2"} and len(functions) == 2
    a.label, b.label = "a", "b"
    root = a * b + 0.5 * w
    labelled = ledger(root, w).by("neuron")
    slope_of_a, slope_of_b = (1 - a.data**2) * 0.5 * b.data, b.data * -2.0 * a.data
    assert {e.name: (pytest.approx(e.total), e.paths) for e in labelled} == {
        "a": (slope_of_a, 1), "b": (slope_of_b, 1), "directly": (0.5, 1),
    }  # fmt: skip
    assert len(labelled) == 3 and labelled["b"] == pytest.approx(slope_of_b)


def test_a_ledger_knows_what_its_node_contributes() -> None:
    w, x = Value(2.0, "w"), Value(0.5, "x")
    root = w * x + 3.0
    found = ledger(root, w).contribution
    assert str(found) == str(contribution(root, w)) and "from 4 to 3" in str(found)
    with pytest.raises(ValueError, match=r"other \(data 3.0\) is not in the graph of the root"):
        contribution(root, Value(3.0, "other"))


def test_labels_with_letters_for_indices_name_no_neuron() -> None:
    w, x, b = Value(2.0, "w_ij"), Value(0.5, "x"), Value(1.0, "b_i")
    assert Structure(w * x + b).neurons == []
    w.label, b.label = "w_{1,2}", "b_1"
    assert len(Structure(w * x + b).neurons) == 1


def test_terms_that_no_weight_enters_move_nothing() -> None:
    w, x, free = Value(2.0, "w"), Value(3.0, "x"), Value(1.5, "free")
    loss = (w * x - 1.0) ** 2 + free.exp() + w * 0.25
    record = TrainingLedger([w], lr=0.1)
    record.step(loss)
    w.data -= 0.1 * grad(loss, [w])[0]
    assert [move.sample for move in record.moves()] == ["sample 1", "sample 3"]
    assert [move.amount for move in record.moves()] == pytest.approx([-0.1 * 2 * 5 * 3, -0.025])
    assert record.residual() == pytest.approx(0, abs=1e-15)


# ---- wrong engines --------------------------------------------------------------------------------------------------


def test_a_mutant_leaves_anomaly_detection_to_the_right_engine() -> None:
    overwrite = next(mutant for mutant in autograd.mutants if mutant.name == "overwrite")
    x = Value(3.0, "x")
    with overwrite:
        (x * x).backward()
        assert x.grad == 3.0
        x.grad = 0.0
        with autograd.detect_anomaly():
            (x * x).backward()
        assert x.grad == 6.0


def test_a_use_inside_a_list_is_named_by_its_formula() -> None:
    x, y = Value(0.5, "x"), Value(1.5, "y")
    found = str(diagnose(autograd.log_sum_exp([x, x]) * y, x, 0.75))
    assert "the use of x in log(exp(x) + exp(x)) was forgotten" in found


def test_weights_updated_too_early_end_even_if_no_update_is_consistent() -> None:
    """n = w − 2·α·n has no limit for α = ½: after an even number of rounds the weight is back where it began."""
    w = Value(4.0, "w")
    engine = UpdatedWeights(0.5)
    assert engine.run(w * w)[w] == 8.0 and engine.new[w] == 4.0
    assert UpdatedWeights(0.125).run(w * w)[w] == pytest.approx(2 * 4.0 / 1.25, rel=1e-15)


def test_a_mistake_must_say_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="abstract"):
        _Replaced()  # type: ignore[abstract]
