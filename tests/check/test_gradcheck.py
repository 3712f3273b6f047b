"""The gradient check, itself checked: it is shown wrong rules, right ones at awkward points, and hostile input."""

from __future__ import annotations

import inspect
import itertools
import math
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from exactly import mpmath
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import GradcheckError, UndecidedError, Value, gradcheck, ops
from autograd.check import check_edges, error_curve
from autograd.check.differences import measure, measurement, slope
from autograd.check.edges import on_edge
from autograd.check.many_points import replay
from autograd.check.subject import Subject
from autograd.value import apply


@pytest.fixture
def register() -> Callable[..., Any]:
    """`autograd.register`; what it adds is taken back after the test (see conftest.py)."""
    return autograd.register


def failed(f: Any, inputs: Any, **options: Any) -> Any:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, inputs, **options)
    report = caught.value.report
    assert not report.ok
    refuted = {"wrong", "lost", "stale"} & set(verdicts(report)) or report.edges.wrong or report.edges.stale
    assert report.outcome == ("failed" if refuted else "cannot say")
    assert (type(caught.value) is UndecidedError) == (report.outcome == "cannot say")
    assert str(caught.value) == f"\n{report}"
    return report


def verdicts(report: Any) -> list[str]:
    return [row.verdict for row in report.rows]


# ---- finite differences: the measured error is honest -----------------------------------------------------------

FUNCTIONS: dict[str, tuple[Callable[[float], float], str | Callable[[Any], Any], tuple[float, float]]] = {
    "sin": (math.sin, "sin", (-1e8, 1e8)),
    "cube": (lambda x: x * x * x, lambda x: x**3, (-1e8, 1e8)),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x, (-1e8, 1e8)),
    "log": (math.log, "log", (1e-300, 1e300)),
    "sqrt": (math.sqrt, "sqrt", (1e-300, 1e300)),
    "exp": (ops.IEEE_FUNCTIONS["exp"], "exp", (-700, 709)),
    "tanh": (math.tanh, "tanh", (-1e3, 1e3)),
    "erf": (math.erf, "erf", (-1e3, 1e3)),
    "atan": (math.atan, "atan", (-1e8, 1e8)),
}


def sizes(low: float, high: float) -> Any:
    """Numbers of every magnitude from 1e-8 up, of both signs, inside (low, high)."""
    magnitude = st.floats(-8, 8).map(lambda e: 10.0**e)
    signed = st.tuples(magnitude, st.sampled_from([-1.0, 1.0])).map(lambda pair: pair[0] * pair[1])
    return signed.filter(lambda x: low < x < high)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from(sorted(FUNCTIONS)).flatmap(lambda n: st.tuples(st.just(n), sizes(*FUNCTIONS[n][2]))))
def test_the_measured_error_covers_the_true_one(case: tuple[str, float]) -> None:
    name, x = case
    f, exact, _ = FUNCTIONS[name]

    def total(t: float) -> float:
        try:
            return f(t)
        except (ValueError, ZeroDivisionError):
            return math.nan

    if isinstance(exact, str):
        exact = getattr(mpmath, exact)
    with mpmath.workdps(50):
        derivative = float(mpmath.diff(exact, mpmath.mpf(x), h=mpmath.mpf(x) * mpmath.mpf(10) ** -15))
    found = slope(total, x)
    assert not found.obstacle
    assert abs(found.slope - derivative) <= found.uncertainty + 1e-15 * abs(derivative)
    scale = max(abs(derivative), abs(total(x)) / max(1.0, abs(x)))
    assert found.uncertainty <= 1e-8 * scale, "and it is small enough to be worth something"


@pytest.mark.parametrize(
    ("f", "x", "noise", "derivative"),
    [
        (lambda x: (x + 1e10) - 1e10, 1.0, 2e-6, 1.0),
        (lambda x: math.log(1 + math.exp(x)), -20.0, 3e-16, math.exp(-20)),
        (lambda x: 1000 + 1e-9 * x, 1.0, 3e-13, 1e-9),
        (lambda x: math.sin(1e6 * x), 1.0, 1e-10, 1e6 * math.cos(1e6)),
        (lambda x: x, 1.7e308, None, 1.0),
        (lambda x: x, 1e-320, None, 1.0),
        (lambda x: x * x, 1e154, None, 2e154),
        (lambda x: max(x, 0.0), 1e-9, None, 1.0),
        (lambda x: max(x, 0.0), -1e-9, None, 0.0),
        (lambda x: x * abs(x), 0.0, None, 0.0),
    ],
)
def test_noise_tiny_scales_and_near_kinks_are_measured(f: Any, x: float, noise: Any, derivative: float) -> None:
    found = slope(f, x, noise)
    assert not found.obstacle
    assert abs(found.slope - derivative) <= found.uncertainty
    assert found.uncertainty <= max(0.04 * abs(derivative), 1e-12)


def test_an_oscillation_is_not_strode_over() -> None:
    found = slope(math.sin, 1e8)
    assert found.step < 0.1
    assert found.slope == pytest.approx(math.cos(1e8), rel=1e-10)


def test_a_contradicted_slope_is_looked_at_down_to_the_spacing_of_floats() -> None:
    def steps(expected: float) -> list[float]:
        asked: list[float] = []

        def values(requests: list[tuple[int, float]]) -> list[float]:
            asked.extend(x for _, x in requests)
            return [math.exp(x) for _, x in requests]

        [found] = measure([measurement(1.0, math.e, 1e-15, expected)], values)
        assert found.slope == pytest.approx(math.e, rel=1e-10)
        return [abs(x - 1.0) for x in asked]

    assert min(steps(math.e)) > 1e-6
    assert min(steps(math.e * 1.0001)) == math.ulp(1.0)


def test_one_sided_slopes_at_the_edge_of_a_domain() -> None:
    power = ops.IEEE_FUNCTIONS["pow"]
    assert slope(lambda x: x + power(x, 2.5), 0.0).slope == pytest.approx(1.0, rel=1e-8)
    for root in (ops.IEEE_FUNCTIONS["sqrt"], lambda x: math.copysign(abs(x) ** 0.3, x)):
        assert slope(root, 0.0).slope == math.inf
    assert slope(ops.IEEE_FUNCTIONS["acos"], 1.0).slope == -math.inf


@pytest.mark.parametrize(
    ("f", "x", "obstacle"),
    [
        (abs, 0.0, "kink"),
        (lambda x: max(x, 0.0), 0.0, "kink"),
        (lambda x: float(x > 1), 1.0, "kink"),
        (lambda x: 1.0 if x == 3 else math.nan, 3.0, "edge"),
        (lambda x: math.nan, 3.0, "edge"),
        (lambda x: 1.0 if x == int(x) else math.nan, 100.0, "edge"),
        (lambda x: math.inf, 3.0, "overflow"),
        (lambda x: 1.0 if x == 3 else math.inf, 3.0, "overflow"),
    ],
)
def test_what_cannot_be_measured_is_named(f: Any, x: float, obstacle: str) -> None:
    assert slope(f, x).obstacle == obstacle


def test_slopes_on_both_sides_of_a_kink() -> None:
    found = slope(lambda x: 3 * x if x > 0 else -2 * x, 0.0)
    assert (found.left, found.right) == (pytest.approx(-2), pytest.approx(3))


# ---- right rules pass -------------------------------------------------------------------------------------------


def operands(op: ops.Op) -> int:
    return len(op.arguments) + 2 * sum(name.startswith("*") for name in op.arguments)


# a step passes many periods of a modulo by a tiny number, and −1/x² overflows long before 1/x does
MEASURABLE = {"mod": 0.1, "reciprocal": 1e-150}


@pytest.mark.parametrize("name", [name for name in ops.TABLE if name not in MEASURABLE])
@settings(max_examples=25)
@given(data=st.data())
def test_every_operation_passes_at_every_size(name: str, data: Any) -> None:
    op = ops.TABLE[name]
    number = st.one_of(st.floats(-3, 3), sizes(-1e9, 1e9), st.integers(-3, 3).map(float))
    xs = [Value(data.draw(number)) for _ in range(operands(op))]
    y = apply(op, tuple(xs))
    report = gradcheck(y, xs, raise_exception=False)
    assert not report.edges.wrong
    assert report.edges.stale is None
    # steps are relative: one can lead from the largest entry of a softmax to another, which looks like a kink
    ordered = sorted(abs(x.data) for x in xs)
    close = any(a > 100 and b - a < 0.01 * b for a, b in itertools.pairwise(ordered))
    kinks = bool(op.kinks) or (op.takes_list and close)
    allowed = {"ok", *(["kink"] if kinks else []), *(["edge"] if op.domain else []), "overflow"}
    if any(0 < abs(x.data) < 1e-290 for x in xs):
        allowed |= {"round-off"}  # a slope of 5e-324 is smaller than the rounding of a difference of zeros
    beside = [op.evaluate(*[x.data * (1 + shift) for x in xs])[0] for shift in (-1e-12, 1e-12)]
    if op.kinks and any(abs(value - y.data) > 0.5 for value in beside):
        allowed |= {"round-off"}  # no step fits between the point and a jump
    if name == "atan2" and min(abs(x.data) for x in xs) < 1e-12 * max(abs(x.data) for x in xs):
        allowed |= {"round-off", "truncation"}  # π and π/2 hide a slope as small as this, and the turn between them
    assert set(verdicts(report)) <= allowed
    inside = not on_edge(op, [x.data for x in xs])
    if inside and math.isfinite(y.data) and all(map(math.isfinite, y.local_derivatives)) and not kinks:
        assert report.ok or "round-off" in verdicts(report)


@pytest.mark.parametrize(("name", "least"), MEASURABLE.items())
@settings(max_examples=25)
@given(data=st.data())
def test_operations_pass_where_a_step_fits(name: str, least: float, data: Any) -> None:
    op = ops.TABLE[name]
    xs = [Value(data.draw(st.sampled_from([-1, 1])) * data.draw(st.floats(least, 1e9))) for _ in range(operands(op))]
    report = gradcheck(apply(op, tuple(xs)), xs, raise_exception=False)
    assert not report.edges.wrong and set(verdicts(report)) <= {"ok", *(["kink", "round-off"] if op.kinks else [])}


@settings(max_examples=20)
@given(st.sampled_from([n for n, op in ops.TABLE.items() if not op.kinks and not op.takes_list]), st.data())
def test_second_derivatives_of_operations_pass(name: str, data: Any) -> None:
    op = ops.TABLE[name]
    least = 1.0 if name == "acosh" else 0.0  # where its domain begins
    points = [least + data.draw(st.floats(0.05, 0.95)) for _ in op.arguments]
    report = gradcheck(lambda *xs: apply(op, xs), points, order=2)
    assert [row.order for row in report.rows] == [1] * len(points) + [2] * len(points) ** 2


def random_expression(seed: int) -> tuple[Callable[..., Value], list[float]]:
    """A random program over all operations with sharing, and a point."""
    rng = random.Random(seed)
    names = [n for n in ops.TABLE if n not in ("less", "less_equal")]
    names += ["add", "mul", "sub", "tanh", "sin"] * 4
    point = [rng.choice([rng.uniform(-2, 2), 10 ** rng.uniform(-8, 3)]) for _ in range(rng.randint(1, 4))]
    plan = []
    for step in range(rng.randint(3, 25)):
        op = ops.TABLE[rng.choice(names)]
        known = len(point) + step
        plan.append((op, [rng.randrange(max(0, known - 6), known) for _ in range(operands(op))]))

    def f(*xs: Value) -> Value:
        nodes = list(xs)
        for op, chosen in plan:
            nodes.append(apply(op, tuple(nodes[i] for i in chosen)))
        return nodes[-1]

    return f, point


@pytest.mark.slow
@settings(max_examples=250)
@given(st.integers(0, 10**6))
def test_random_right_expressions_are_never_called_wrong(seed: int) -> None:
    f, point = random_expression(seed)
    report = gradcheck(f, point, raise_exception=False)
    assert not report.edges.wrong, report
    assert report.edges.stale is None
    assert not {"wrong", "lost", "stale"} & set(verdicts(report)), report


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_random_right_expressions_of_second_order(seed: int) -> None:
    f, point = random_expression(seed)
    report = gradcheck(f, point, order=2, raise_exception=False)
    assert not report.edges.wrong, report
    assert not {"wrong", "lost", "stale"} & set(verdicts(report)), report


@pytest.mark.slow
def test_most_random_expressions_are_confirmed() -> None:
    rows = [row for seed in range(200) for row in gradcheck(*random_expression(seed), raise_exception=False).rows]
    assert sum(row.verdict == "ok" for row in rows) > 0.75 * len(rows)


@pytest.mark.parametrize("x", [1e-8, 1e-4, 1.0, 30.0, 1e4, 1e8, -1e-8, -1.0, -1e8])
def test_inputs_of_every_size(x: float) -> None:
    for f in (
        lambda v: v.sin(),
        lambda v: v**3,
        lambda v: 1 / v,
        lambda v: abs(v).sqrt(),
        lambda v: abs(v).log(),
        lambda v: v.erf(),
        lambda v: v.sigmoid(),
        lambda v: (v + 1.0) ** 2,
        lambda v: v.atan() * v.cos(),
    ):
        assert gradcheck(f, [x]).ok


def test_a_jump_next_to_a_tiny_operand_accuses_nobody() -> None:
    """atan2(y, x) jumps from −π/2 to π/2 between y = −10⁻²²⁴ and 10⁻²²⁴, and no step is small enough to see how."""
    for y, x in ((9.09116983977359e-224, 3.5852228577093095e-298), (1e-200, 1e-250), (-3e-180, 2e-200)):
        root = autograd.atan2(Value(y), Value(x))
        report = gradcheck(root, [*root.parents], raise_exception=False)
        assert not report.edges.wrong and "wrong" not in verdicts(report), report


# ---- wrong rules are caught and named ---------------------------------------------------------------------------


def line_of(function: Any, offset: int = 0) -> str:
    return f"{__file__}:{inspect.getsourcelines(function)[1] + offset}"


def test_a_wrong_factor_is_named_with_its_line(register: Any) -> None:
    cubed = register("cubed", "x * x * x", "3.0003 * x * x")

    def f(x: Value, y: Value) -> Value:
        z = x * y
        w = cubed(z)
        return w.tanh() + x

    report = failed(f, [0.7, 0.9])
    assert verdicts(report) == ["wrong", "wrong"]
    assert {edge.node.op for edge in report.edges.wrong} == {"cubed"}
    text = str(report)
    assert line_of(f, 2) in text
    assert "w = cubed(z)" in text
    assert "stored / numeric = 1.0001" in text
    assert "input" in text and "analytic" in text and "numeric" in text


@pytest.mark.parametrize("x", [1e-8, 1e-3, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("factor", ["1.0001", "0.9999", "-1", "2", "1.0000001"])
def test_a_wrong_factor_at_every_size(register: Any, x: float, factor: str) -> None:
    wrong = register("wrongly_squared", "x * x", f"{factor} * 2 * x")
    report = failed(wrong, [x])
    assert verdicts(report) == ["wrong"]
    assert [edge.node.op for edge in report.edges.wrong] == ["wrongly_squared"]


def test_what_kind_of_wrong(register: Any) -> None:
    sign = register("sign_error", "x * y", ["-y", "x"])
    assert "the sign is wrong" in str(failed(sign, [2.0, 3.0]))
    swapped = register("swapped", "x * y", ["x", "y"])
    report = failed(swapped, [2.0, 3.0])
    assert "swapped" in report.edges.wrong[0].hint
    assert "operand 2 (y)" in report.edges.wrong[0].hint
    dropped = register("dropped_term", "x * exp(x)", "exp(x)")
    assert failed(dropped, [1.5]).edges.wrong[0].node.op == "dropped_term"
    missing = register("missing", "x * y", ["y", "0"])
    assert "does not matter" in failed(missing, [2.0, 3.0]).edges.wrong[0].hint
    not_a_number = register("not_a_number", "x * x", "nan")
    assert "nan" in failed(not_a_number, [2.0]).edges.wrong[0].hint


def test_a_wrong_rule_that_the_whole_function_hides(register: Any) -> None:
    wrong = register("hidden", "x * x", "3 * x")
    report = failed(lambda x, y: wrong(x) * 0.0 + y, [2.0, 3.0])
    assert verdicts(report) == ["ok", "ok"]
    assert report.edges.wrong[0].node.op == "hidden"
    assert "0 of 2 rows, 1 wrong edge)" in str(report)


def test_the_first_of_several_wrong_operations_is_named(register: Any) -> None:
    first = register("first_wrong", "x * x", "x")
    second = register("second_wrong", "x + 1", "2")
    report = failed(lambda x: second(first(x)), [2.0])
    assert [edge.node.op for edge in report.edges.wrong] == ["first_wrong", "second_wrong"]
    assert "First wrong operation: first_wrong" in str(report)
    assert "Also wrong: second_wrong" in str(report)


def test_a_rule_wrong_in_second_order_only(register: Any) -> None:
    frozen = register("frozen", "x", "0")
    cubed = register("cubed", "x * x * x", "3 * x * frozen(x)")
    assert frozen(2.0) == 2.0
    assert gradcheck(cubed, [2.0]).ok
    report = failed(cubed, [2.0], order=2)
    assert verdicts(report) == ["ok", "wrong"]
    assert report.rows[1].analytic == pytest.approx(6.0)
    assert report.rows[1].numeric == pytest.approx(12.0)
    assert report.edges.wrong[0].node.op == "frozen"


def test_second_derivatives_along_a_direction(register: Any) -> None:
    def f(*xs: Value) -> Value:
        return autograd.log_sum_exp([x * (k + 1) for k, x in enumerate(xs)]) + (xs[0] * xs[9]).sin()

    point = [0.1 * k - 0.4 for k in range(10)]
    report = gradcheck(f, point, order=2)
    assert len(report.rows) == 20
    assert report.rows[10].label.endswith("along v")
    register("frozen", "x", "0")
    cubed = register("cubed", "x * x * x", "3 * x * frozen(x)")
    report = failed(lambda *xs: f(*xs) + cubed(xs[3]), point, order=2)
    assert [row.verdict for row in report.rows].index("wrong") == 13


def test_wrong_stored_slopes_of_a_built_graph() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    product = a * b
    y = product.tanh() + a
    product.local_derivatives = (2.0, 3.0)
    report = failed(y, [a, b])
    assert report.edges.wrong[0].node is product
    product.local_derivatives = (3.0,)
    assert "1 local derivatives for 2 operands" in str(failed(y, [a, b]))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([1 + 1e-4, 1 - 1e-4, -1.0, 2.0, 0.0]))
def test_one_wrong_edge_of_a_random_graph_is_the_one_named(seed: int, factor: float) -> None:
    f, point = random_expression(seed)
    xs = [Value(x) for x in point]
    y = f(*xs)
    order = autograd.graph.topological(y)
    clean = check_edges(order)
    rng = random.Random(seed)
    node = rng.choice([node for node in order if node.parents])
    slot = rng.randrange(len(node.parents))
    slopes = list(node.local_derivatives)
    right = slopes[slot]
    value = recomputed(node)
    visible = abs(right) * max(1.0, abs(node.parents[slot].data)) > 1e-6 * (abs(value) + 1e-300)
    kinked = bool(ops.TABLE[node.op].kinks) or bool(ops.TABLE[node.op].domain)
    visible &= abs(node.parents[slot].data) < 1e8  # between neighboring floats of 1e265 a sine makes many turns
    slopes[slot] = right * factor
    node.local_derivatives = tuple(slopes)
    found = check_edges(order)
    if math.isfinite(right) and math.isfinite(value) and right and visible and not kinked and abs(value) < 1e8:
        assert [(e.node, e.position) for e in found.wrong] == [(node, slot)]
    assert not clean.wrong


def recomputed(node: Value) -> float:
    return ops.TABLE[node.op].evaluate(*[p.data for p in node.parents])[0]


# ---- kinds of mismatch ------------------------------------------------------------------------------------------


def test_a_kink_is_a_kink_and_not_a_wrong_rule() -> None:
    def f(x: Value) -> Value:
        return (x - 1.0).relu() * 3.0

    report = failed(f, [1.0])
    assert verdicts(report) == ["kink"]
    assert not report.edges.wrong
    text = str(report)
    assert "Move the point" in text
    assert "relu(0.0)" in text and line_of(f, 1) in text
    assert "slopes 0 and 3" in text
    assert verdicts(failed(lambda x: 2.0 * abs(x), [0.0])) == ["kink"]
    assert gradcheck(f, [1.0 + 1e-6]).ok
    assert gradcheck(f, [1.0 - 1e-6]).ok


def test_a_kink_too_near_to_be_told_from_the_point() -> None:
    """The slope jumps by 1e-7 at a distance of 1e-9: smaller steps drown in the rounding of 1, larger ones cross it."""
    report = failed(lambda x: x.exp() + 1e-7 * abs(x - 1e-9), [0.0])
    assert verdicts(report) == ["kink"]
    assert "inside the step, at __abs__" in str(report) or "inside the step, at abs(" in str(report)


def test_a_wrong_slope_at_a_kink_is_wrong(register: Any) -> None:
    wrong = register("leaning", "where(x > 0, x, 0)", "5", kinks=["x"])
    report = failed(wrong, [0.0])
    assert verdicts(report) == ["wrong"]
    assert report.edges.wrong


def test_a_branch_of_python_code_is_a_kink() -> None:
    report = failed(lambda x: x * 2.0 if x > 1 else 3.0 - x, [1.0])
    assert verdicts(report) == ["kink"]
    assert "a branch of the Python code" in str(report)


def test_the_edge_of_a_domain() -> None:
    assert verdicts(failed(lambda x: x.log(), [0.0])) == ["edge"]
    report = failed(lambda x, y: (x - 2.0).log() + y, [1.0, 1.0])
    assert verdicts(report) == ["edge", "edge"]
    assert "log(-1.0) = nan" in str(report)
    assert "Move the point inside" in str(report)
    assert gradcheck(lambda x: (x * 0.0).sqrt(), [1.0]).ok


def test_a_vertical_tangent_at_the_edge_is_right() -> None:
    assert gradcheck(lambda x: x.sqrt(), [0.0]).rows[0].analytic == math.inf
    assert gradcheck(lambda x: x.asin(), [1.0]).ok
    assert gradcheck(lambda x: x**1.5, [0.0]).ok


def test_one_float_from_the_edge_no_step_fits() -> None:
    for x in (1.0 - 2.0**-53, 1.0 - 2.0**-52):
        report = gradcheck(lambda v: v.asin(), [x], raise_exception=False)
        assert not report.edges.wrong
        assert set(verdicts(report)) <= {"ok", "edge", "truncation", "round-off"}
    assert gradcheck(lambda v: v.asin(), [1.0 - 1e-12]).ok
    assert gradcheck(lambda v: v.log(), [1e-300]).ok


def test_overflow() -> None:
    report = failed(lambda x: x.exp() * 2.0, [1000.0])
    assert verdicts(report) == ["overflow"]
    assert "exp(x = 1000.0) = inf" in str(report) or "exp(1000.0) = inf" in str(report)
    assert gradcheck(lambda x: x.exp(), [709.0]).ok


def test_round_off_hides_a_slope() -> None:
    report = failed(lambda x: (x + 1e16) - 1e16, [1.0])
    assert verdicts(report) == ["round-off"]
    assert "Nothing is said against the rule" in str(report)
    assert verdicts(failed(lambda x: x.sin(), [1e300])) in (["round-off"], ["truncation"])
    assert gradcheck(lambda x: (x + 1e10) - 1e10, [1.0]).rows[0].uncertainty > 1e-6


def test_an_analytic_slope_that_lost_its_digits() -> None:
    def f(x: Value) -> Value:
        d = x * 1e-6
        return (x / d + d) * d

    assert gradcheck(f, [0.3]).ok


def test_a_saturated_slope_says_that_it_cannot_be_seen() -> None:
    report = gradcheck(lambda x: x.sigmoid(), [40.0])
    assert report.ok
    assert "too small to be seen" in report.rows[0].note


def test_a_gradient_lost_outside_the_graph() -> None:
    report = failed(lambda x, y: x * x.data + y, [2.0, 1.0])
    assert verdicts(report) == ["lost", "ok"]
    assert not report.edges.wrong
    assert ".data" in str(report)
    outside = Value(5.0)
    early = outside * outside
    assert verdicts(failed(lambda: early + outside.data * outside, [outside])) == ["lost"]


# ---- forms of a call --------------------------------------------------------------------------------------------


def test_a_function_of_numbers_names_its_inputs() -> None:
    report = gradcheck(lambda alpha, beta: alpha * beta, [2, 3.5])
    assert [row.label for row in report.rows] == ["α", "β"]
    assert [row.analytic for row in report.rows] == [3.5, 2.0]
    assert report.value == 7.0
    assert report.worst in report.rows
    assert [row.label for row in gradcheck(lambda *xs: xs[0] * xs[1], [2.0, 3.0]).rows] == ["inputs[0]", "inputs[1]"]


def test_values_are_moved_in_place_and_put_back() -> None:
    w, x = Value(0.3, "w"), Value(-1.7, "x")
    w.grad, x.grad = 5.0, -3.0

    def loss() -> Value:
        y = (w * x).tanh()
        y.backward()
        return y

    report = gradcheck(loss, [w, x])
    assert [row.label for row in report.rows] == ["w", "x"]
    assert (w.data, x.data, w.grad, x.grad) == (0.3, -1.7, 5.0, -3.0)


def test_values_are_put_back_after_an_error() -> None:
    w = Value(0.3)
    seen = itertools.count()

    def loss() -> Value:
        if next(seen) > 5:
            raise RuntimeError("out of patience")
        return w * w

    with pytest.raises(RuntimeError, match="out of patience"):
        gradcheck(loss, [w])
    assert w.data == 0.3


def test_a_built_graph_is_not_touched() -> None:
    a, b, unused = Value(2.0, "a"), Value(0.0, "b"), Value(1.0, "unused")
    y = a * b + a.sin()
    y.backward()
    before = [(n.data, n.grad, n.local_derivatives) for n in autograd.graph.topological(y)]
    report = gradcheck(y, [a, b, unused], order=2)
    assert [(n.data, n.grad, n.local_derivatives) for n in autograd.graph.topological(y)] == before
    assert report.rows[2].note == "the function does not use it"
    assert gradcheck(lambda: y, [a, b]).ok, "a function that hands out a built graph is checked as that graph"


def test_a_stale_graph_says_so() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = a * b + a.sin()
    a.data = 2.5
    report = failed(y, [a, b])
    assert report.edges.stale is not None
    assert set(verdicts(report)) == {"stale"}
    assert "graph.forward(root)" in str(report)
    assert not report.edges.wrong
    autograd.graph.forward(y)
    assert gradcheck(y, [a, b]).ok


def test_an_unused_input_passes_with_a_note() -> None:
    report = gradcheck(lambda x, y: x * 2.0, [1.0, 2.0])
    assert (report.rows[1].analytic, report.rows[1].numeric) == (0.0, 0.0)
    assert report.rows[1].note == "the function does not use it"
    assert gradcheck(lambda x: x, [1.0]).ok
    assert gradcheck(lambda x, y: y - y, [1.0, 2.0]).ok


def test_other_contexts_do_not_disturb() -> None:
    with autograd.no_grad():
        assert gradcheck(lambda x: x.tanh(), [0.5]).ok
    with autograd.detect_anomaly():
        assert gradcheck(lambda x: x.sqrt(), [1e-9]).ok


def test_a_function_may_refuse_points_with_pythons_errors() -> None:
    def f(x: Value) -> Value:
        if x.data <= 0:
            raise ValueError("positive numbers only")
        return x.log()

    assert gradcheck(f, [1e-3]).ok


def test_a_built_in_function_has_no_signature_and_works() -> None:
    report = gradcheck(max, [2.0, 3.0])
    assert [row.analytic for row in report.rows] == [0.0, 1.0]
    assert gradcheck(lambda *xs: autograd.dot(xs, xs), [2.0, -3.0], order=2).ok


def test_a_function_that_stops_existing_beside_the_point() -> None:
    def f(x: Value) -> Value:
        if x.data != 1.0:
            raise ArithmeticError("only at one")
        return x * 2.0

    assert verdicts(failed(f, [1.0])) == ["edge"]
    assert verdicts(failed(f, [1.0], order=2)) == ["edge", "edge"]
    power = failed(lambda x, y: (x * 1.0) ** y, [-2.0, 3.0])
    assert verdicts(power) == ["ok", "edge"]
    assert "next to the point" in power.rows[1].note


def test_which_entry_of_a_list_is_wrong() -> None:
    xs = [Value(0.5), Value(0.7), Value(-0.3), Value(2.0)]
    y = autograd.dot(xs[:2], xs[2:])
    y.local_derivatives = (-0.3, 2.0, 0.7, 0.5)
    report = failed(y, xs)
    assert [edge.argument for edge in report.edges.wrong] == ["ys[0]", "ys[1]"]
    assert "operand 4 (ys[1])" in report.edges.wrong[0].hint


def test_nested_derivatives_can_be_checked() -> None:
    def slope_of_square(x: Value) -> Value:
        [g] = autograd.grad(x * x * x, [x], create_graph=True)
        return g

    assert gradcheck(slope_of_square, [2.0], order=2).ok


# ---- large graphs are replayed on arrays ------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(ops.TABLE))
def test_the_replay_of_every_operation_equals_the_operation(name: str) -> None:
    op, rng = ops.TABLE[name], random.Random(name)
    for _ in range(10):
        xs = [Value(rng.choice([rng.uniform(-2, 2), rng.uniform(-800, 800), 0.0])) for _ in range(operands(op))]
        y = apply(op, tuple(xs))
        asked = [(i, rng.choice([rng.uniform(-2, 2), rng.uniform(-800, 800), 0.0])) for i in range(len(xs))] * 2
        for (index, number), found in zip(asked, replay(y, xs, asked)):
            numbers = [number if i == index else x.data for i, x in enumerate(xs)]
            assert found == pytest.approx(op.evaluate(*numbers)[0], rel=1e-13, nan_ok=True)


def network(width: int) -> tuple[list[Value], Callable[[], Value]]:
    rng = random.Random(width)
    inputs = [[rng.uniform(-1, 1) for _ in range(3)] for _ in range(6)]
    first = [[Value(rng.uniform(-1, 1)) for _ in range(4)] for _ in range(width)]
    second = [Value(rng.uniform(-1, 1)) for _ in range(width + 1)]

    def loss() -> Value:
        total = Value(0.0)
        for x in inputs:
            hidden = [(sum(w * v for w, v in zip(row, x)) + row[3]).tanh() for row in first]
            total = total + (sum(w * h for w, h in zip(second, hidden)) + second[width] - x[0]) ** 2
        return total / 6.0

    return [*itertools.chain(*first), *second], loss


def test_every_parameter_of_a_network_with_few_calls() -> None:
    parameters, loss = network(40)
    report = gradcheck(loss, parameters)
    assert len(report.rows) == 201
    assert report.calls < 20
    assert report.worst.error <= report.worst.uncertainty + 1e-8
    assert "more rows" in str(report)
    assert len(report.table().splitlines()) == 203


def test_a_replay_gives_what_calls_give() -> None:
    parameters, loss = network(5)
    subject = Subject(loss, parameters)
    asked = [(i, p.data + 0.01) for i, p in enumerate(parameters)]
    assert replay(subject.root, subject.recorded, asked) == pytest.approx(subject.values(asked), rel=1e-13)


def test_one_leaf_given_as_two_inputs() -> None:
    x, y = Value(2.0), Value(5.0)
    assert replay(x * x + y, [x, x, y], [(0, 3.0), (1, 4.0), (2, 7.0), (0, 1.0)]) == [14.0, 21.0, 11.0, 6.0]


def test_slopes_nearby_are_those_of_graphs() -> None:
    """Where the function returns a plain number there is no slope; it is left out, not taken for 0."""
    x = Value(1.0)
    subject = Subject(lambda v: v * 3.0 if v.data >= 1.0 else 7.0, [x])
    assert list(subject.slopes_nearby(0)) == [3.0, 3.0]
    assert x.data == 1.0


def test_a_large_function_that_leaves_its_graph_is_called_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.check.subject.WORK", 1000)
    parameters, loss = network(3)
    assert gradcheck(loss, parameters).calls < 20

    def detached() -> Value:
        return loss() + parameters[0].data * parameters[1]

    report = failed(detached, parameters)
    assert report.calls > 16 * len(parameters)
    assert [row.verdict for row in report.rows] == ["lost", *["ok"] * (len(parameters) - 1)]


# ---- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "inputs", "error", "message"),
    [
        (lambda x: x, [], ValueError, "no inputs"),
        (lambda x: x, [math.nan], ValueError, "is nan"),
        (lambda x: x, [Value(math.inf, "w")], ValueError, "w is inf"),
        (lambda x: x, 3.0, TypeError, r"write \[x\]"),
        (lambda x: x, Value(3.0), TypeError, r"write \[x\]"),
        (lambda x: x, None, TypeError, "list of numbers"),
        (lambda x: x, "3", TypeError, "list of numbers"),
        (lambda x: x, ["3"], TypeError, "convert text"),
        (lambda x: x, [True], TypeError, "not bool"),
        (lambda x: x, [1j], TypeError, "complex"),
        (lambda x: x, [[1.0]], TypeError, "one output at a time"),
        (lambda x: 3.0, [1.0], TypeError, "must return one Value"),
        (lambda x: None, [1.0], TypeError, "return statement"),
        (lambda x: [x, x], [1.0], TypeError, "one output at a time"),
        (
            lambda x, y: x,
            [1.0],
            TypeError,
            r"takes \(x, y\), and the point has 1 number; it is called as f\(x1, x2, …\)",
        ),
        (lambda: Value(1.0), [1.0], TypeError, "takes no arguments"),
        (3.0, [1.0], TypeError, "a function or the root"),
        (Value(2.0) * 3.0, [Value(2.0) * 1.0], ValueError, "leaves"),
    ],
)
def test_bad_input(f: Any, inputs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        gradcheck(f, inputs)


@pytest.mark.parametrize(
    "options", [{"order": 3}, {"order": True}, {"atol": -1.0}, {"rtol": math.nan}, {"atol": math.inf}]
)
def test_bad_options(options: Any) -> None:
    with pytest.raises(ValueError, match=r"order is 1 or 2|atol and rtol"):
        gradcheck(lambda x: x, [1.0], **options)


def test_a_function_that_changes_between_calls() -> None:
    rng = random.Random(0)
    with pytest.raises(ValueError, match="Fix the seed"):
        gradcheck(lambda x: x * rng.random(), [1.0])
    seen = itertools.count()
    with pytest.raises(ValueError, match="in the end"):
        gradcheck(lambda x: x * (1.0 if next(seen) < 4 else 2.0), [1.0], raise_exception=False)


def test_atol_and_rtol_are_what_the_caller_ignores(register: Any) -> None:
    wrong = register("slightly_off", "x * x", "2.002 * x")
    report = gradcheck(wrong, [1.0], rtol=0.01, raise_exception=False)
    assert verdicts(report) == ["ok"]
    assert report.edges.wrong, "an edge is right or wrong whatever the caller ignores"


def test_an_unregistered_operation_is_refused() -> None:
    x = Value(1.0)
    y = x * 2.0
    y.op = "unheard_of"
    with pytest.raises(ValueError, match="'unheard_of' is not in the table"):
        gradcheck(y, [x])


# ---- the report -------------------------------------------------------------------------------------------------


def test_the_table_is_aligned() -> None:
    report = gradcheck(lambda short, a_longer_name: short * a_longer_name.exp(), [2.0, -1.0])
    lines = report.table().splitlines()
    assert len(lines) == 4 and set(lines.pop(1)) == {"─"}
    end = lines[0].index("verdict")
    assert [line[end : end + 2] for line in lines] == ["ve", "ok", "ok"]
    assert repr(report) == str(report)
    assert str(report).startswith("gradcheck passed: 2 first derivatives, 3 edges, f = 0.735758882")


def test_the_message_is_the_report() -> None:
    assert issubclass(GradcheckError, AssertionError)
    assert issubclass(UndecidedError, GradcheckError)
    with pytest.raises(UndecidedError, match=r"gradcheck CANNOT SAY \(1 of 1 rows not measurable here\)"):
        gradcheck(abs, [0.0])
    with pytest.raises(GradcheckError, match=r"gradcheck FAILED \(1 of 2 rows, 1 of 2 rows not measurable here\)"):
        gradcheck(lambda x, y: x * x.data + abs(y), [3.0, 0.0])


# ---- three outcomes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x * x if x > 1 else 2 * x, 1.0),  # the graphs on both sides have other operations, and values
        (lambda x: x * x if x >= 1 else 2 * x, 1.0),
        (lambda x: x * x if x > 2 else 3 * x, 2.0),
        (lambda x: x * 2 if x > 1 else x * 3, 1.0),
        (lambda x: x * 1.0 + (1.0 if x > 1 else 0.0), 1.0),
        (lambda x: x.relu(), 0.0),
        (lambda x: abs(x) * 3, 0.0),
        (lambda x: autograd.maximum(x, 2.0), 2.0),
        (lambda x: x.relu() - (-x).relu(), 0.0),  # this is x: smooth, but its slope at the kink is a choice
        (lambda x: autograd.clip(x, x, x), 3.0),
        (lambda x: x.log(), 0.0),
        (lambda x: (x - 1.0) ** 0.5 * x.log(), 0.0),
        (lambda x: (x + 1e16) - 1e16, 1.0),
        (lambda x: x.exp() * 2.0, 1000.0),
    ],
)
def test_a_right_rule_at_an_awkward_point_is_not_accused(f: Any, x: float) -> None:
    for order in (1, 2):
        report = gradcheck(f, [x], order=order, raise_exception=False)
        assert report.outcome == "cannot say" and not report.ok, report
        assert "CANNOT SAY" in str(report) and "FAILED" not in str(report)
        assert "Nothing is said against the rule" in str(report)


def test_kinks_at_every_float_accuse_nobody() -> None:
    for name in ("ceil", "floor", "round"):
        assert not gradcheck(getattr(autograd, name), [1.27e82], raise_exception=False).edges.wrong


def test_a_jump_says_that_it_is_one() -> None:
    report = gradcheck(lambda x: x * x if x > 1 else 2 * x, [1.0], raise_exception=False)
    assert verdicts(report) == ["kink"] and report.rows[0].analytic == 2.0
    assert "the function jumps here: a branch of the Python code changes" in report.rows[0].note


def test_twenty_inputs_on_a_branch_are_not_accused() -> None:
    def f(*xs: Value) -> Value:
        return sum(x * x if x > 1 else 3 * x - 2 for x in xs)

    report = gradcheck(f, [1.0] * 20, raise_exception=False)
    assert report.outcome == "cannot say" and set(verdicts(report)) == {"kink"}


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x - x.data**2,
        lambda x: x - x.data,
        lambda x: (x - Value(x.data)) * 5.0,
        lambda x: x + (round(x.data) - x.data),  # the straight-through estimator of rounding
        lambda x: x + (math.copysign(1.0, x.data) - x.data),
        lambda x: x.sin() - math.sin(x.data),
        lambda x: x / x.data,
        lambda x: x * 0.0 + math.sin(x.data),
        lambda x: x + 1e-6 * x.data,
    ],
)
@pytest.mark.parametrize("x", [3.0, 0.3, -1e-3, 1e5 + 0.3])
def test_a_dependence_lost_behind_the_graph_is_named_also_where_it_cancels(f: Any, x: float) -> None:
    report = failed(f, [x])
    assert verdicts(report) == ["lost"], report


def test_outcomes_for_a_grader() -> None:
    assert gradcheck(lambda x: x.tanh(), [0.5]).outcome == "passed"
    outcomes = {
        gradcheck(f, [1.0], raise_exception=False).outcome
        for f in (lambda x: x * x, lambda x: x * x.data, lambda x: abs(x - 1))
    }
    assert outcomes == {"passed", "failed", "cannot say"}


def test_error_curve_is_a_u() -> None:
    curve = error_curve(lambda x: x.exp(), 1.0)
    steps, forward, central = zip(*curve)
    assert steps[0] == pytest.approx(1e-16) and steps[-1] == 1.0
    assert 1e-9 < steps[forward.index(min(forward))] < 1e-6
    assert 1e-7 < steps[central.index(min(central))] < 1e-4
    assert min(central) < 1e-9 < min(forward) * 100
    assert [h for h, _, _ in error_curve(lambda x: x.sin(), 2.0, [0.1, 0.01])] == [0.1, 0.01]
    [(_, one, two)] = error_curve(lambda x: x * x, 3.0, [0.5])
    assert (one, two) == (0.5, 0.0)
    with pytest.raises(ValueError, match="positive"):
        error_curve(lambda x: x, 1.0, [0.0])


def test_importing_autograd_does_not_import_the_check() -> None:
    code = (
        "import sys, autograd; assert 'autograd.check' not in sys.modules; assert 'gradcheck' in dir(autograd); "
        "autograd.gradcheck(lambda x: x * x, [3.0]); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with pytest.raises(AttributeError, match="no attribute 'gradchek'"):
        autograd.gradchek  # type: ignore[attr-defined]


def test_a_slope_that_cancellation_hides_is_not_confirmed() -> None:
    report = failed(lambda x: (x + 1e17) - 1e17, [1.0])
    assert verdicts(report) == ["round-off"]
    assert gradcheck(lambda x: x.sigmoid(), [40.0]).ok and gradcheck(lambda x: x.relu(), [-4.0]).ok
