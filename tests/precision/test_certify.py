"""Certificates of precision: known cancellations, named; everything that is right, left alone."""

from __future__ import annotations

import doctest
import math
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, certify, ops
from autograd.notation.naming import names_of
from autograd.precision.certificate import ALL_DIGITS
from autograd.precision.intervals import Field, UndecidedError, enclosing
from autograd.precision.losses import digits_right
from autograd.precision.meanings import exact
from autograd.precision.replay import replay
from autograd.value import apply

pytest.importorskip("mpmath")
from mpmath import mp, mpf

from benchmarks.programs import exact as exact_answers
from benchmarks.programs import obstacle, random_program
from benchmarks.reference import draw, is_smooth, slope, value_of

nan, inf = math.nan, math.inf


def lost(certificate: Any) -> list[tuple[str, str]]:
    return [(loss.node.op, loss.reason.partition(":")[0]) for loss in certificate.losses]


# ---- known losses -------------------------------------------------------------------------------------------------


def test_one_plus_x_minus_one() -> None:
    x = Value(1e-12, "x")
    certificate = certify((1 + x) - 1)
    assert certificate.value.exact == mpf(1e-12) and 3.9 < certificate.value.digits < 4.2
    assert certificate.gradients[0].digits == ALL_DIGITS
    [loss] = certificate.losses
    assert loss.node.op == "sub" and loss.before == ALL_DIGITS and loss.after == certificate.value.digits
    assert loss.reason.startswith("cancellation: terms of size 1.0 leave 1.0e-12")
    assert certify((1 + Value(1e-20)) - 1).value.digits == 0
    assert certify((1 + Value(0.5)) - 1).losses == []  # exact in binary


def test_the_difference_of_near_squares() -> None:
    a, b = Value(1 + 1e-9, "a"), Value(1.0, "b")
    certificate = certify(a * a - b * b)
    assert lost(certificate) == [("sub", "cancellation")] and 8 < certificate.value.digits < 10
    assert certify((a - b) * (a + b)).losses == []


def test_rumps_polynomial() -> None:
    a, b = Value(77617.0, "a"), Value(33096.0, "b")
    certificate = certify(333.75 * b**6 + a**2 * (11 * a**2 * b**2 - b**6 - 121 * b**4 - 2) + 5.5 * b**8 + a / (2 * b))
    assert mp.nstr(certificate.value.exact, 18) == "-0.827396059946821368"  # Loh and Walster 2002
    assert certificate.value.digits == 0 and lost(certificate)[0] == ("add", "cancellation")
    low, high = certificate.value.enclosure
    assert low <= certificate.value.exact <= high and high - low < 1e-60


def test_softmax_naively_and_stably() -> None:
    xs = [Value(800.0, "x0"), Value(801.0, "x1")]
    naive = certify(xs[0].exp() / (xs[0].exp() + xs[1].exp()))
    assert naive.value.digits == 0 and ("exp", "overflow") in lost(naive)
    assert all(row.digits == 0 for row in naive.gradients)
    stable = certify(autograd.softmax(xs)[0])
    assert stable.losses == [] and stable.worst.digits > 15
    assert naive.value.exact == pytest.approx(float(stable.value.exact), rel=1e-15)
    underflow = certify(autograd.log(Value(-800.0).exp()))
    assert lost(underflow) == [("exp", "underflow")] and underflow.value.exact == -800


def test_an_ill_conditioned_function_is_told_from_a_cancellation() -> None:
    x = Value(0.1, "x")
    certificate = certify(autograd.sin(x * 1e10))
    assert lost(certificate) == [("sin", "ill-conditioned")] and "1." in certificate.losses[0].reason
    one = certify(autograd.log(Value(1.0, "x") + 1e-13))
    assert lost(one) == [("log", "ill-conditioned")]


def test_exact_arithmetic_on_the_other_side_of_a_kink() -> None:
    certificate = certify(autograd.relu((Value(0.1) + 0.2) - 0.3))  # 5.6e-17 in floats, 2.8e-17 in the exact sum
    assert lost(certificate) == [("sub", "cancellation")]
    x = Value(1.0, "x")
    certificate = certify(autograd.relu(((x + 1e-17) - 1) - 5e-18))
    assert ("relu", "exact arithmetic takes the other branch") in lost(certificate)
    assert certificate.gradients[0].exact == 1 and certificate.gradients[0].computed == 0


def test_gradients_lose_digits_of_their_own() -> None:
    x = Value(1e-9, "x")
    certificate = certify((x + 1).log() - x)  # the slope is 1/(1+x) − 1
    assert certificate.gradients[0].digits < 9
    assert ("x" in str(certificate)) and any(loss.where == "gradient" for loss in certificate.losses)
    assert any("paths" in loss.reason for loss in certificate.losses)
    y = Value(1e-12, "y")
    through = certify((((1 + y) - 1) * 3) ** 2)  # the slope of the square inherits the loss
    assert ("sub", "cancellation") in lost(through) and through.gradients[0].digits < 5


def test_products_beyond_the_range_of_floats() -> None:
    small = certify(Value(1e-200, "x") * 1e-200 * 1e-200)
    assert lost(small)[0] == ("mul", "underflow") and small.value.digits == 0
    [loss] = small.gradients[0].losses
    assert loss.where == "gradient" and loss.reason.startswith("underflow: the gradient here times the slope")
    [loss] = certify(Value(1e-290, "x") * 1e200 * 1e200).gradients[0].losses
    assert loss.reason.startswith("overflow") and "1.0e+400" in loss.reason
    subnormal = certify(Value(1e-300, "x") * 1e-20)
    assert lost(subnormal) == [("mul", "underflow")] and 0 < subnormal.value.digits < 5


def test_what_passes_through_an_operation_without_harm_is_not_named() -> None:
    x = Value(1e-12, "x")
    certificate = certify(((1 + x) - 1) + 5.0)
    assert certificate.value.digits > 15 and certificate.losses == []


def test_the_source_line_and_the_curve_are_shown() -> None:
    x = Value(0.5, "x")
    with autograd.record_source():
        y = (1e9 + x) - 1e9
        z = (y * 1e-9 + 1).log() * x
    text = str(certify(z, curve=True))
    assert "Errors of finite differences for ∂L/∂x" in text and "best central difference" in text
    with autograd.record_source():
        sharp = (1 + Value(1e-12)) - 1
    assert "test_certify.py" in str(certify(sharp)) and "(1 + Value(1e-12)) - 1" in str(certify(sharp))


def test_zero_that_no_number_of_digits_shows() -> None:
    x = Value(3.0, "x")
    certificate = certify(autograd.log(x * x) - 2 * autograd.log(x) + 1)
    assert certificate.value.exact == 1 and certificate.value.digits > 15
    unknown = certify(1 / (autograd.sin(x) * autograd.sin(x) + autograd.cos(x) * autograd.cos(x) - 1))
    assert not mp.isfinite(unknown.value.exact) and unknown.value.digits == 0
    gradient = certificate.gradients[0]
    assert gradient.exact == 0 and gradient.computed == 0 and gradient.digits == ALL_DIGITS


# ---- the interface ------------------------------------------------------------------------------------------------


def test_refusals() -> None:
    x = Value(2.0, "x")
    y = x * 3
    with pytest.raises(TypeError, match=r"write \[x\]"):
        certify(y, x)
    with pytest.raises(TypeError, match="holds a float"):
        certify(y, [2.0])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="given by its root"):
        certify(2.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not in the graph"):
        certify(y, [Value(1.0)])
    with pytest.raises(ValueError, match="at least 30 digits"):
        certify(y, digits=10)
    x.data = 3.0
    with pytest.raises(ValueError, match=r"graph\.forward"):
        certify(y)
    autograd.graph.forward(y)
    assert certify(y).value.computed == 9
    y.backward(free_graph=True)
    with pytest.raises(RuntimeError, match="freed"):
        certify(y)


def test_without_mpmath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(ImportError, match=r"pip install mpmath$"):
        certify(Value(1.0) + 1)


def test_names_constants_and_graphs_of_one_node() -> None:
    a, b = Value(1.0), Value(2.0, "b")
    other = Value(3.0, "b")
    assert [row.name for row in certify(a * b * other).gradients] == ["∂L/∂v₁", "∂L/∂b⁽¹⁾", "∂L/∂b⁽²⁾"]
    alone = certify(a)
    assert alone.value.digits == alone.gradients[0].digits == ALL_DIGITS and alone.gradients[0].exact == 1
    inner = a * b
    assert [row.name for row in certify(inner.exp(), [inner]).gradients] == ["∂L/∂v₂"]
    assert certify(a * b, intervals=False).value.enclosure is None


def test_the_precision_of_mpmath_is_left_alone() -> None:
    before = mp.dps
    certify(Value(1.0).exp())
    assert mp.dps == before


def test_numbers_that_are_none() -> None:
    certificate = certify(autograd.log(Value(-1.0, "x")) + 1)
    assert certificate.value.digits == ALL_DIGITS and certificate.value.computed != certificate.value.computed
    pole = certify(1 / Value(0.0, "x"))
    assert pole.value.exact == inf and pole.value.digits == ALL_DIGITS
    assert certify(Value(nan) * 2).value.digits == ALL_DIGITS
    str(certificate), str(pole)


def test_numbers_out_of_reach_take_no_time() -> None:
    tower = autograd.sin(Value(30.0, "x").exp().exp().exp())
    certificate = certify(tower)
    assert certificate.value.exact != certificate.value.exact and certificate.value.enclosure is None
    large = certify(autograd.log(autograd.log(Value(10.0, "x").exp().exp())))  # exp(exp(10)) is 1e9566
    assert large.value.exact == 10 and large.value.computed == inf and large.value.digits == 0
    assert "overflow: the number is" in str(large)


def test_a_dead_branch_poisons_nothing() -> None:
    x = Value(0.0, "x")
    certificate = certify(autograd.where(x > 0, autograd.sqrt(x), x + 1))
    assert certificate.gradients[0].exact == certificate.gradients[0].computed == 1


def test_registered_operations_are_evaluated_from_their_formula() -> None:
    third = autograd.register("third_of", "x * 2 / 6 * relu(1)", "1 / 3")
    certificate = certify(third(Value(1.0, "x")))
    assert certificate.value.exact == pytest.approx(1 / 3) and certificate.value.exact * 3 == pytest.approx(
        1, abs=1e-40
    )
    assert certificate.value.digits > 15 and certificate.gradients[0].digits > 15


def test_relative_errors() -> None:
    row = certify((1 + Value(1e-12)) - 1).value
    assert row.error == pytest.approx(8.89e-5, rel=1e-3)
    assert row._replace(exact=mpf(0)).error == inf and row._replace(computed=nan, exact=mp.nan).error == 0


def test_signs_on_intervals() -> None:
    other = autograd.register("other_sign", "-x + +x - -x", "1")
    row = certify(other(Value(0.1, "x"))).value
    assert row.enclosure == (row.exact, row.exact) == (0.1, 0.1)


def test_outside_of_a_domain_nothing_is_enclosed() -> None:
    for y in (autograd.sqrt(Value(-1.0)), autograd.asin(Value(2.0)), autograd.log(Value(0.0))):
        certificate = certify(y)
        assert certificate.value.enclosure is None and certificate.value.digits == ALL_DIGITS


def test_many_losses_are_cut_in_print() -> None:
    losing = [(1 + Value(1e-12 * i, f"x{i}")) - 1 for i in range(3, 15)]
    text = str(certify(sum(losing, Value(0.0))))
    assert "and at 4 more; certificate.losses lists them" in text


def test_digits_right() -> None:
    assert digits_right(1.0, mpf(1)) == ALL_DIGITS == digits_right(nan, mp.nan)
    assert digits_right(1.001, mpf(1)) == pytest.approx(3, abs=0.01)
    assert digits_right(0.0, mpf(1)) == digits_right(inf, mpf(1)) == digits_right(nan, mpf(1)) == 0
    assert digits_right(-1.0, mpf(1)) == digits_right(1e-300, mpf(0)) == 0


# ---- every operation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(ops.TABLE))
def test_exact_slopes_and_enclosures_of_every_operation(name: str) -> None:
    """Exact slopes are those that the values have, and intervals hold the values and the slopes."""
    op, rng = ops.TABLE[name], random.Random(name)
    arithmetic, certain = exact(50), enclosing(40)
    enclosed = tested = 0
    while tested < 12:
        count = len(op.arguments) if not op.takes_list else 2 * len(op.arguments)
        point = [draw(rng) if rng.random() < 0.3 else rng.uniform(-3, 3) for _ in range(count)]
        exact_point = list(map(mpf, point))
        true = value_of(op)(*exact_point)
        if isinstance(true, mp.mpc) or not abs(true) < 1e300 or not is_smooth(op, exact_point):
            continue
        tested += 1
        node = apply(op, tuple(map(Value, point)))
        known = replay([*dict.fromkeys(node.parents), node], arithmetic)
        held = replay([*dict.fromkeys(node.parents), node], certain)
        assert abs(known.values[node] - true) <= abs(true) * mpf(10) ** -30
        if held.values[node] is not None:
            enclosed += 1
            floor = mpf(10) ** -400
            assert held.values[node].low - floor <= true <= held.values[node].high + floor
        for position, parent in enumerate(node.parents):
            at = slope(value_of(op), exact_point, position)
            if isinstance(at, mp.mpc):
                continue
            got = known.slopes[node][position]
            assert abs(got - at) <= abs(at) * mpf(10) ** -25 + mpf(10) ** -400, (point, position)
            interval = held.slopes[node][position]
            if interval is not None:
                assert interval.low <= at + abs(at) * mpf(10) ** -45 + mpf(10) ** -400
                assert interval.high >= at - abs(at) * mpf(10) ** -45 - mpf(10) ** -400
            assert parent in known.adjoints or got == 0
    assert enclosed >= 6


def test_intervals_say_when_they_do_not_know() -> None:
    field = Field(30)
    third = field.interval(1.0) / 3
    around_zero = third * 3 - 1
    assert third.low < third.high and around_zero.holds_zero() and abs(around_zero).low == 0
    for undecided in (
        lambda: around_zero < 0, lambda: bool(around_zero), lambda: 1 / around_zero,
        lambda: enclosing(30).value(ops.TABLE["log"])(around_zero),
    ):  # fmt: skip
        with pytest.raises(UndecidedError):
            undecided()
    assert third < 1 and third >= 0 and not third > 1 and third <= third + 1
    # a thick interval is enclosed whole
    thick = field.hull(field.interval(-1.0), field.interval(2.0))
    values = enclosing(30)
    for name, low, high in (("abs", 0, 2), ("relu", 0, 2), ("pow", 0, 4), ("gaussian", math.exp(-4), 1)):
        operands = (thick, field.interval(2.0)) if name == "pow" else (thick,)
        result = values.value(ops.TABLE[name])(*operands)
        assert result.low <= low + 1e-15 and result.high >= high - 1e-15, name


# ---- random programs ----------------------------------------------------------------------------------------------


def test_the_example_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "reliability.md"
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8") == (0, 3)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_random_programs(rng: Any) -> None:
    program = random_program(rng, longest=10)
    if obstacle(program) or (true := exact_answers(program)) is None:
        return
    inputs = [Value(x, f"x{i}") for i, x in enumerate(program.inputs)]
    root = program.on_values(inputs)
    certificate = certify(root)
    rows = {row.name: row for row in certificate.rows}
    called = names_of(root)
    expected = {f"∂{called.text(root)}/∂{called.text(x)}": g for x, g in zip(inputs, true.gradient) if x in called}
    assert rows.keys() == {"value", *expected}
    for name, number in {"value": true.value, **expected}.items():
        row = rows[name]
        assert abs(row.exact - number) <= abs(number) * mpf(10) ** -15 + mpf(10) ** -140, (program, name)
        assert 0 <= row.digits <= ALL_DIGITS
        if row.enclosure is not None:
            low, high = row.enclosure
            margin = abs(number) * mpf(10) ** -45 + mpf(10) ** -140
            assert low - margin <= number <= high + margin, (program, name)
        if row.digits < ALL_DIGITS - 6 and name == "value":
            assert row.losses
    str(certificate)


# ---- why digits were lost ------------------------------------------------------------------------------------------


def reasons(root: Value, *leaves: Value) -> list[tuple[str, str, str]]:
    """Of each loss: value or gradient, the operation, and why."""
    certificate = certify(root, list(leaves) or None)
    return [(loss.where, loss.node.op, loss.reason) for loss in certificate.losses]


def test_a_number_where_exact_arithmetic_has_none() -> None:
    asin = autograd.asin(Value(1.0, "x") + 1e-20)  # computed at 1, exact just outside of the domain
    assert reasons(asin)[0] == (
        "value", "asin", "exact arithmetic gives nan: no real number, or one beyond 1e30000",
    )  # fmt: skip


def test_a_rounding_inside_an_operation() -> None:
    sloppy = autograd.register("sloppy", "(x + 1e8) - 1e8", "1")
    assert reasons(sloppy(Value(0.3, "x"))) == [("value", "sloppy", "the rounding of the operation itself")]


def test_a_slope_that_is_lost_where_the_value_is_right() -> None:
    a, p = Value(1e7, "a"), Value(2 * math.pi, "p")
    certificate = certify(autograd.cos(a * p), [a])
    assert certificate.value.digits == ALL_DIGITS and certificate.gradients[0].digits == 0
    changes = "ill-conditioned: the slope of this operation changes fast with its operands"
    assert [(loss.where, loss.node.op, loss.reason) for loss in certificate.losses] == [("gradient", "cos", changes)]


def test_what_cancels_at_any_precision_is_zero() -> None:
    x = Value(3.0, "x")
    zero = autograd.sqrt(x) ** 2 - 3
    certificate = certify(zero)
    assert certificate.value.exact == 0 and certificate.precision == 400 and zero.data != 0
    assert certificate.gradients[0].exact == 1
    unknown = certify(1 / zero).value
    assert not mp.isfinite(unknown.exact) and unknown.digits == 0


@pytest.mark.parametrize("unbounded", [Value(inf), 1 / Value(0.0), autograd.log(Value(0.0))])
def test_a_gradient_of_zero_below_an_infinite_root(unbounded: Value) -> None:
    x = Value(0.1, "x")
    row = certify(unbounded + x * 0.0, [x]).gradients[0]
    assert row.computed == row.exact == 0 and row.digits == ALL_DIGITS and row.losses == []


# ---- operations of one's own ---------------------------------------------------------------------------------------


def test_registered_operations_that_call_others() -> None:
    autograd.register("one_more_square", "x * x + 1", "2 * x")
    outer = autograd.register("third_of_it", "one_more_square(x) / 3", "2 * x / 3")
    row = certify(outer(Value(0.1, "x"))).value
    exact_x = mpf(0.1)
    assert abs(row.exact - (exact_x**2 + 1) / 3) < mpf(10) ** -45 and row.enclosure is not None
    assert row.enclosure[0] <= row.exact <= row.enclosure[1]


def test_comparisons_as_formulas() -> None:
    below = autograd.register("below_two", "x < 2", "x < 1")
    for x, slope_there in ((0.5, 1), (1.5, 0)):
        row = certify(below(Value(x, "x")) * 3)
        assert (row.value.exact, row.gradients[0].exact) == (3, 3 * slope_there)
        assert row.value.digits == row.gradients[0].digits == ALL_DIGITS


# ---- intervals -----------------------------------------------------------------------------------------------------


def test_intervals_outside_of_a_domain_or_out_of_reach_are_undecided() -> None:
    field = Field(30)
    for name, operands in (("mpi_log", (-1.0,)), ("mpi_sqrt", (-2.0,)), ("mpi_div", (1.0, 0.0)), ("mpi_exp", (1e6,))):
        with pytest.raises(UndecidedError):
            field.make(name, *operands)
    exp = field.monotone(field.fine.exp)
    low, high = (mpf(end) for end in (exp(field.interval(5e4)).low, exp(field.interval(5e4)).high))
    assert low < mp.exp(mpf(50_000)) < high
    for x, message in ((1e5, "out of reach"), (inf, "outside of the domain")):
        with pytest.raises(UndecidedError, match=message):
            exp(field.interval(x))


def test_a_vertical_slope_has_no_enclosure() -> None:
    row = certify(autograd.sqrt(Value(0.0, "x")) + 1)
    assert row.value.enclosure == (1, 1) and row.gradients[0].enclosure is None and row.gradients[0].exact == inf
