"""Misconceptions: wrong engines are recognised by the numbers they give, and our own tests notice every one of them."""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from explaining import evaluate, graphs, network
from hypothesis import given, settings

import autograd
from autograd import Value, diagnose, mutants, text
from autograd.explain.engines import RIGHT
from autograd.explain.mistakes import Replaced, UpdatedWeights
from benchmarks import students

X = 0.75


def names(root: Value, leaf: Value, claimed: float | str, lr: float | None = None) -> set[str]:
    return {match.mutant.name for match in diagnose(root, leaf, claimed, lr=lr).matches}


def x_of(f: Callable[[Value], Value], at: float = X) -> tuple[Value, Value]:
    x = Value(at, "x")
    return f(x), x


@pytest.mark.parametrize(
    ("f", "claimed", "mistake"),
    [  # what a learner's sheet of paper would show, computed here by hand
        (lambda x: x.sin() + x * x, math.cos(X), "overwrite"),
        (lambda x: x * x + x.sin(), math.cos(X), "first path only"),
        (lambda x: x * x + x.sin(), 2 * X, "a use forgotten"),
        (lambda x: x * x + x.sin(), X + math.cos(X), "a use forgotten"),
        (lambda x: x * 2.0 + x * 2.0, 2.0, "overwrite"),
        (lambda x: (x * 3.0).sin(), 3.0, "local derivative only"),
        (lambda x: (x * 3.0).tanh() * 5.0, 15.0, "dropped activation derivative"),
        (lambda x: (x * 3.0).tanh(), 3.0 * math.tanh(3 * X), "value instead of derivative"),
        (lambda x: (x * 3.0).tanh(), 3.0 / math.cosh(math.tanh(3 * X)) ** 2, "derivative at the output"),
        (lambda x: (x * 3.0).tanh(), 3.0 * (1 - (3 * X) ** 2), "1 − z² for 1 − a²"),
        (lambda x: (x * 3.0).sigmoid(), 3.0 * 3 * X * (1 - 3 * X), "1 − z² for 1 − a²"),
        (lambda x: x * 3.0, X, "swapped factors"),
        (lambda x: x / 3.0, -X / 9, "swapped quotient"),
        (lambda x: 3.0 / x, 3.0 / X**2, "sign of a denominator"),
        (lambda x: 5.0 - x * 2.0, 2.0, "sign of a subtraction"),
        (lambda x: (1.0 - x) ** 2, 2 * (1 - X), "difference the wrong way round"),
        (lambda x: x**3, X**2, "power rule without the factor"),
        (lambda x: x**3, 3 * X**3, "power rule without lowering"),
        (lambda x: autograd.mean([x * 2.0, x * 3.0]), 5.0, "1/N forgotten"),
        (lambda x: (x * 2.0 + x * 3.0) / 2, 5.0, "1/N forgotten"),
        (lambda x: 0.5 * (x - 3.0) ** 2, 2 * (X - 3), "1/N forgotten"),
        (lambda x: x * 4.0, 8.0, "no zero_grad"),
    ],
)
def test_a_mistake_is_recognised(f: Callable[[Value], Value], claimed: float, mistake: str) -> None:
    root, x = x_of(f)
    found = diagnose(root, x, claimed)
    assert not found.right and mistake in {match.mutant.name for match in found.matches}
    assert found.value == pytest.approx(autograd.grad(root, [x])[0])
    assert mistake in str(found) and "Read again: " in str(found) and "part at" in str(found)


def test_order_and_stale_gradients() -> None:
    x = Value(2.0, "x")
    u = x * 3.0
    v = u * u  # used by w and by the root: depth first, it hands on before w's share has arrived
    w = v * 5.0
    root = v * 7.0 + w
    truth = 12 * 2.0 * 3.0 * 3.0 * 2.0
    assert diagnose(root, x, truth).right
    depth_first = 7 * 2.0 * 3.0 * 3.0 * 2.0
    assert "no topological order" in names(root, x, depth_first)
    level = root + u  # u is met on an early level
    wrong = mutants["level by level"].gradient(level, x)[x]
    assert "level by level" in names(level, x, wrong)
    chain = (x * 3.0).sin() * 2.0  # every gradient in between counts once more at each step down
    assert "stale interior gradients" in names(chain, x, 3 * 2.0 * math.cos(6.0) * 3.0)


def test_a_forgotten_use_is_named() -> None:
    x, w = Value(X, "x"), Value(0.5, "w")
    u = x * w
    u.label = "u"
    y = u.sin() + u.exp() * 2.0
    claimed = 2 * math.exp(X * 0.5) * 0.5
    assert "* a use forgotten: the use of u in sin(u) was forgotten." in str(diagnose(y, x, claimed))
    many = sum(x * w for _ in range(6))  # each of the six could have been forgotten: no use is named
    assert "a use forgotten" not in names(many, x, 5 * 0.5)


def test_updated_weights_need_the_learning_rate() -> None:
    w1, w2, x, y = Value(0.5, "w1"), Value(-1.5, "w2"), 2.0, 1.0
    h = w1 * x
    e = (w2 * h - y) ** 2
    error = -1.5 * 1.0 - y
    updated = -1.5 - 0.1 * 2 * error * 1.0
    claimed = 2 * error * updated * x
    assert names(e, w1, claimed, lr=0.1) == {"updated weights"}
    alone = diagnose(e, w1, claimed)
    assert not alone.matches and "lr=" in str(alone)


def test_the_place_where_the_passes_part() -> None:
    net = network([1, 2, 1])
    root = (evaluate(net, [2.0])[0] - 1.0) ** 2
    leaf = net[0][0][0][0]
    wrong = mutants["dropped activation derivative"].gradient(root, leaf)
    [match] = [m for m in diagnose(root, leaf, wrong[leaf]).matches if m.mutant.name == "dropped activation derivative"]
    assert "The passes part at z¹₁" in match.text
    assert match.right == pytest.approx(RIGHT.run(root)[match.node]) and match.wrong == wrong[match.node]
    unnamed, x = x_of(lambda x: (x * 3.0 + 1.0).tanh())
    assert "part at x · 3 + 1: its gradient" in str(diagnose(unnamed, x, 3.0))


def test_right_to_the_digits_given() -> None:
    root, x = x_of(lambda x: x.sin())
    exact = math.cos(X)  # 0.7316888…
    assert diagnose(root, x, exact).right and "digits given" not in str(diagnose(root, x, exact))
    rounded = {0.7317: 4, 0.73: 2, "0.732": 3, "0.7": 1, " 0.73169 ": 5, "7.3e-1": 2, "1": 1, 1: 1}
    for claimed, digits in rounded.items():
        found = diagnose(root, x, claimed)
        unit = "digit" if digits == 1 else "digits"
        assert found.right and found and found.digits == digits
        assert f"That is right to the {digits} {unit} given: the gradient with respect to x is 0.7316" in str(found)
    for wrong in (0.7318, 0.74, "0.730", 1.0, "1.0", 2, 0.0, 0, "0"):
        found = diagnose(root, x, wrong)
        assert not found.right and not found
    assert "That is right to within 0.01: " in str(diagnose(root, x, 0.74, tolerance=0.01))
    minus, x = x_of(lambda x: -x.sin())
    assert diagnose(minus, x, "−0.73").right
    zero, x = x_of(lambda x: x * 0.001)
    assert not diagnose(zero, x, 0.0).right  # 0 is meant exactly


def test_a_claim_carries_its_digits() -> None:
    """14 is 14.2749 to two digits; 14.0 is not, since it says that a 0 follows."""
    x = Value(2.5, "x")
    y = x**3 * 0.7613280000000001
    assert diagnose(y, x, 14.2749).right
    for claimed in ("14", 14, "14.27", "1.4e1", 14.3, "14.275", "+14.3", np.float32(14.2749), np.float64(14.2749)):
        assert diagnose(y, x, claimed), claimed
    for claimed in ("15", 15, "14.0", 14.0, "14.28", "1.5e1", "13", "14.2748", np.float32(14.2748)):
        assert not diagnose(y, x, claimed), claimed
    assert "right to the 2 digits given: the gradient with respect to x is 14.2749." in str(diagnose(y, x, "14"))
    assert "is 14.2749, not 15 (to the 2 digits given)." in str(diagnose(y, x, "15"))
    assert "is 14.2749, not 200." in str(diagnose(y, x, 200))
    assert "is 14.2749, not 14.274901 (to the 8 digits given)." in str(diagnose(y, x, 14.274901))
    many, x = x_of(lambda x: x.sin())  # so many digits are shown that the two differ
    assert "is 0.731688869, not 0.73168887." in str(diagnose(many, x, 0.73168887, tolerance=1e-10))
    small, x = x_of(lambda x: x * 0.003)
    assert diagnose(small, x, "0.00") and not diagnose(small, x, "0.000") and not diagnose(small, x, "0")
    assert not diagnose(small, x, 0.0) and not diagnose(small, x, 0)  # 0 is meant exactly
    for huge in ("1e999", "-1e999", "1e-999", 10**300):
        assert not diagnose(small, x, huge)


@pytest.mark.parametrize("mistake", students.MISTAKES, ids=lambda mistake: mistake.name)
def test_plain_mistakes_are_named(mistake: students.Mistake) -> None:
    """Worked out by hand in plain Python; `python -m benchmarks diagnose` asks more of them."""
    rng = random.Random(mistake.name)
    told = 0
    while told < 3:
        exercise = students.wrong_answer(rng, mistake)
        found = diagnose(*exercise)
        if found:  # right to the digits given, by chance
            continue
        told += 1
        assert {match.mutant.name for match in found.matches} & set(mistake.named), (exercise.answer, str(found))
        hidden = str(diagnose(*exercise, reveal=False))
        assert "with respect to x is not" in hidden and "Read again" in hidden
        numbers = {text.number(match.right, 6) for match in found.matches} - {"0", "1", "−1", "2"}
        assert not any(f" {number}" in hidden.split("\n", 1)[1] for number in numbers if len(number) > 5)


@pytest.mark.parametrize("name", students.WHOLE)
def test_mistakes_about_the_whole_answer_are_named(name: str) -> None:
    rng = random.Random(name)
    for _ in range(6):
        found = diagnose(*(exercise := students.wrong_whole(rng, name)))
        assert found or name in {match.mutant.name for match in found.matches}, (exercise.answer, str(found))


def test_right_answers_are_not_accused() -> None:
    rng = random.Random(12)
    exercises = [exercise for _ in range(600) if (exercise := students.right_answer(rng))]
    assert len(exercises) > 200
    for exercise in exercises:
        assert diagnose(*exercise), (exercise.answer, str(diagnose(*exercise)))


def test_a_mistake_in_one_of_two_places_is_named_there() -> None:
    x = Value(X, "x")
    y = x.cos() * 3.0 + (x * x).cos()
    claimed = -3 * math.sin(X) + 2 * X * math.sin(X * X)  # the sign is wrong in the second cosine alone
    [match] = [m for m in diagnose(y, x, claimed).matches if m.mutant.name == "sign of a sine or cosine"]
    assert "The two ways part at cos(x · x)" in match.text and match.wrong == -match.right
    everywhere = diagnose(y, x, 3 * math.sin(X) + 2 * X * math.sin(X * X))
    assert "sign of a sine or cosine" in {m.mutant.name for m in everywhere.matches}


def test_the_step_of_the_descent_is_not_the_gradient() -> None:
    w = Value(X, "w")
    assert "update instead of gradient" in names((w * 3.0).sin(), w, X - 0.1 * 3 * math.cos(3 * X), lr=0.1)


def test_no_graph_is_kept() -> None:
    x = Value(X, "x")
    y = autograd.mean([x * 2.0, (x * 3.0).sin()]) / 2.0
    diagnose(y, x, 123.0, lr=0.1)
    y.label = "kept"
    del y
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is Value and o.label == "kept"]


def test_none_of_these() -> None:
    root, x = x_of(lambda x: x.sin() * 3.0)
    found = diagnose(root, x, 123.4)
    assert not found.right and found.matches == () and found.tried > len(mutants) + 30
    assert f"None of the {found.tried} mistakes" in str(found) and "may be a slip" in str(found)
    assert "the opposite of the gradient" in str(diagnose(root, x, -3 * math.cos(X)))
    assert "is twice as much" in str(diagnose(x + 1.0, x, 2.0)) or diagnose(x + 1.0, x, 2.0).matches
    assert "<p>" in found._repr_html_() and repr(found) == str(found)


def test_ties_are_told() -> None:
    root, x = x_of(lambda x: x * x)
    found = diagnose(root, x, X)
    assert {match.mutant.name for match in found.matches} >= {"overwrite", "first path only"}
    assert f"{len(found.matches)} mistakes produce" in str(found) and found._repr_html_().count("<li") == len(
        found.matches
    )


def test_no_gradient_is_touched() -> None:
    root, x = x_of(lambda x: x * x)
    x.grad = 5.0
    diagnose(root, x, 1.0)
    assert (x.grad, root.grad) == (5.0, 0.0)


def test_bad_input() -> None:
    root, x = x_of(lambda x: x * x)
    with pytest.raises(TypeError, match="only a Value computed from others"):
        diagnose(2.0, x, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not in the graph"):
        diagnose(root, Value(1.0), 1.0)
    with pytest.raises(ValueError, match="'a lot' is not a number"):
        diagnose(root, x, "a lot")
    with pytest.raises(TypeError, match="a claimed gradient"):
        diagnose(root, x, None)  # type: ignore[arg-type]
    assert diagnose(x, x, 1.0).right  # a graph of one node
    nan, x = x_of(lambda x: x * math.nan)
    assert diagnose(nan, x, math.nan).right and not diagnose(nan, x, 1.0).right
    infinite, x = x_of(lambda x: x.sqrt(), 0.0)
    assert diagnose(infinite, x, math.inf).right
    hostile = Value(2.0, "<script>")
    assert "<script>" not in diagnose(hostile * hostile, hostile, 2.0)._repr_html_()


@given(graphs())
@settings(max_examples=50)
def test_the_engine_without_a_mistake_is_the_engine(graph: tuple[Value, list[Value]]) -> None:
    root, _ = graph
    found = RIGHT.run(root)
    root.backward()
    for node in autograd.graph.topological(root):
        assert found.get(node, 0.0) == pytest.approx(node.grad, rel=1e-12, abs=1e-15, nan_ok=True)


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
        Replaced()  # type: ignore[abstract]


# ---- grading: a small suite of core tests, which must notice every wrong engine -----------------------------------


def sum_over_uses() -> None:
    x = Value(3.0)
    (x * x + x.sin()).backward()
    assert x.grad == pytest.approx(6.0 + math.cos(3.0))


def shared_results() -> None:
    x = Value(2.0)
    u = x * 3.0
    v = u * u
    (v * 7.0 + v * 5.0 + u).backward()
    assert x.grad == 12 * 36.0 + 3.0


def second_pass() -> None:
    x = Value(0.5)
    y = (x * 3.0).sin() * 2.0
    for passes in (1, 2):
        y.backward()
        assert x.grad == pytest.approx(passes * 6.0 * math.cos(1.5))
    y.zero_grad()
    y.backward()
    assert x.grad == pytest.approx(6.0 * math.cos(1.5))


def functions() -> None:
    for name, slope in {"tanh": 1 / math.cosh(1.2) ** 2, "sigmoid": 0.2 / 1, "relu": 1.0, "exp": math.exp(1.2)}.items():
        x = Value(0.4)
        (getattr(x * 3.0, name)() * 2.0).backward()
        exact = slope if name != "sigmoid" else math.exp(-1.2) / (1 + math.exp(-1.2)) ** 2
        assert x.grad == pytest.approx(6.0 * exact)


def rules() -> None:
    x, y = Value(3.0), Value(4.0)
    assert autograd.grad(x / y - x**3, [x, y]) == pytest.approx([0.25 - 27.0, -3 / 16])
    assert autograd.grad(5.0 - x * y, [x, y]) == [-4.0, -3.0]


def averages() -> None:
    x = Value(3.0)
    assert autograd.grad(autograd.mean([x * 2.0, x * 4.0]), [x]) == [3.0]
    assert autograd.grad((x * 2.0 + x * 4.0) / 2, [x]) == [3.0]


CORE = [sum_over_uses, shared_results, second_pass, functions, rules, averages]


def test_our_core_tests_notice_every_wrong_engine() -> None:
    grade = mutants.grade(CORE)
    assert grade.survived == (), str(grade)
    assert grade.score == 1.0 and f"{len(mutants)} of {len(mutants)} mutants killed" in str(grade)


def test_a_weak_test_is_graded_as_weak() -> None:
    def weak() -> None:
        x = Value(3.0)
        (x + 1.0).backward()
        assert x.grad == 1.0

    grade = mutants.grade(weak)
    assert grade.score < 0.2 and "survived  overwrite" in str(grade) and repr(grade) == str(grade)

    def broken() -> None:
        raise AssertionError

    with pytest.raises(RuntimeError, match="broken fails with the right engine already"):
        mutants.grade([weak, broken])


@pytest.mark.parametrize("mutant", mutants, ids=lambda mutant: mutant.name)
def test_a_mutant_goes_away(mutant: autograd.explain.Mutant) -> None:
    x = Value(3.0)
    y = (x * x).tanh()
    with mutant, mutants["overwrite"]:
        pass
    with pytest.raises(ZeroDivisionError), mutant:
        y.backward()
        1 / 0
    y.zero_grad()
    y.backward()
    assert x.grad == autograd.grad(y, [x])[0] == pytest.approx(6.0 / math.cosh(9.0) ** 2)
    assert mutant.mistake in repr(mutant)


def test_mutants_behave_like_an_engine() -> None:
    x = Value(3.0, "x")
    y = x * x
    with mutants["swapped factors"]:
        [second] = autograd.grad(y, [x], create_graph=True)  # derivatives that are graphs stay right
        assert second.data == 6.0
        with pytest.raises(autograd.AnomalyError), autograd.detect_anomaly():
            (x * math.inf).backward()
        y.backward(2.0, free_graph=True)
        assert x.grad == 12.0 and y.parents == ()
        with pytest.raises(RuntimeError, match="freed"):
            y.backward()


def test_mutants_are_a_sequence() -> None:
    assert len(mutants) >= 9 and mutants[0] in mutants and len(mutants[:3]) == 3
    assert all(m.name and m.mistake and m.reread for m in mutants)
    assert "overwrite: a gradient was assigned" in repr(mutants)
    with pytest.raises(KeyError, match="there are: overwrite"):
        mutants["typo"]


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
