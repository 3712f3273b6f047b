"""Contexts: no_grad, detect_anomaly, record_source, tracing; nested, left by an exception, and in threads."""

from __future__ import annotations

import inspect
import math
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import autograd
from autograd import AnomalyError, TraceError, Value, detect_anomaly, graph, modes, no_grad, record_source

HERE = __file__


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Any:
    assert modes.ACTIVE == []
    yield
    assert modes.ACTIVE == [] and modes.current() == modes.Mode()


# ---- no_grad ------------------------------------------------------------------------------------------------------


def test_no_grad_keeps_no_parents() -> None:
    w = Value(2.0)
    with no_grad():
        results = [w * 3.0, 3.0 - w, w.tanh(), autograd.mean([w, w]), *autograd.softmax([w, 1.0]), -w, w**2]
    assert [r.parents for r in results] == [()] * 8 and {r.op for r in results} == {""}
    assert results[0].data == 6.0
    (results[0] * w).backward()
    assert w.grad == 6.0 and results[0].grad == 2.0


def test_no_grad_decorates() -> None:
    @no_grad()
    def predict(w: Value) -> Value:
        return w * 3

    assert predict(Value(2.0)).parents == () == predict(Value(3.0)).parents
    assert (Value(2.0) * 3).parents


def test_contexts_nest_and_end_with_an_exception() -> None:
    w = Value(2.0)
    with no_grad():
        with record_source(), no_grad():
            assert (w * 2).parents == () and (w * 2).source is None
        with pytest.raises(ZeroDivisionError), detect_anomaly():
            raise ZeroDivisionError
        assert (w * 2).parents == ()
    with record_source():
        with no_grad():
            pass
        assert (w * 2).source is not None
    assert (w * 2).source is None and (w * 2).parents


# ---- detect_anomaly -----------------------------------------------------------------------------------------------


def test_the_first_infinity_is_named_with_operation_operands_label_and_line() -> None:
    x = Value(0.0, "price")
    with detect_anomaly():
        y = x * 2.0
        with pytest.raises(AnomalyError) as caught:
            at = line() + 1
            y.log() + 1.0
    message = str(caught.value)
    assert message.startswith("the value -inf appeared in log(0.0) = -inf, made at ")
    assert f"{HERE}:{at}" in message and "y.log() + 1.0" in message
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"log\(price = 0\.0\)"):
        x.log()
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"the value nan appeared in sqrt\(-1\.0\) = nan"):
        Value(-1.0).sqrt()


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x / 0.0,
        lambda x: 1e308 * (x * 10.0),
        lambda x: (x * 1e4).exp(),
        lambda x: (-x) ** 0.5,
        lambda x: autograd.mean([x, math.inf]),
        lambda x: autograd.dot([x], [math.nan]),
        lambda x: autograd.maximum(x, math.nan),
    ],
)
def test_every_kind_of_operation_is_watched(make: Callable[[Value], Value]) -> None:
    assert not math.isfinite(make(Value(1.0)).data)
    with detect_anomaly(), pytest.raises(AnomalyError):
        make(Value(1.0))
    with no_grad(), detect_anomaly(), pytest.raises(AnomalyError):
        make(Value(1.0))
    with detect_anomaly(), no_grad(), pytest.raises(AnomalyError):
        make(Value(1.0))


def test_a_gradient_that_becomes_infinite_is_named_at_its_edge() -> None:
    x = Value(0.0, "x")
    with detect_anomaly():
        at = line() + 1
        root = x.sqrt() * 3.0
        root.label = "loss"
        with pytest.raises(AnomalyError) as caught:
            root.backward()
    message = str(caught.value)
    assert "the gradient inf appeared on the way from sqrt(x = 0.0) = 0.0, made at " in message
    assert f"{HERE}:{at}" in message and message.endswith("operand 1: gradient 3.0 times local derivative inf")
    x, big = Value(1.0), Value(1e200)
    for factor in (x, abs(x), x.tanh()):  # finite gradients and derivatives, and a product that overflows
        product = factor * big * big
        with detect_anomaly(), pytest.raises(AnomalyError, match="the gradient inf appeared on the way from mul"):
            product.backward()
    for node, name in ((x, "the leaf"), (abs(x), "abs"), (x.tanh(), "tanh")):
        with detect_anomaly(), pytest.raises(AnomalyError, match=f"the gradient nan reached {name}"):
            node.backward(math.nan)


def test_sums_of_gradients_are_watched() -> None:
    x = Value(0.5, "x")
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"the gradient inf reached the leaf x = 0\.5"):
        (x * 1e308 + x * 1e308).backward()


def test_what_carries_nothing_is_no_anomaly() -> None:
    x = Value(0.0)
    root = autograd.where(x > 0, x.log(), x * 3)
    with detect_anomaly():
        root.backward()
        (Value(2.0) ** 3 + (-2.0) * Value(1.0)).backward()
        base = Value(-2.0)
        (base**3).backward()  # the exponent is a plain number: its slope, nan, concerns nobody
    assert x.grad == 3.0 and base.grad == 12.0


def test_forward_is_watched_too() -> None:
    x = Value(1.0, "x")
    y = x.log()
    x.data = 0.0
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"the value -inf appeared in log\(x = 0\.0\)"):
        graph.forward(y)
    assert graph.forward(y) == -math.inf
    with record_source():  # another context is open; infinities are allowed
        assert graph.forward(y) == -math.inf
        y.backward()
    assert x.grad == math.inf


# ---- record_source ------------------------------------------------------------------------------------------------


def test_each_node_remembers_the_line_of_the_user() -> None:
    x = Value(2.0)
    with record_source():
        at = line() + 1
        a = x * 3.0
        b = autograd.tanh(a)
        c = autograd.softmax([a, b])[0]
        d = sum([a, b], start=c)
    assert [n.source for n in (a, b, c, d)] == [(HERE, at + i) for i in range(4)]
    assert x.source is None and (x * 2).source is None


def test_lines_inside_the_library_are_passed_over() -> None:
    from autograd import value_and_grad

    x = Value(2.0)
    with record_source():
        at = line() + 1
        _, slope = value_and_grad(lambda y: y * y)(x)
    assert slope.source == (HERE, at)


def test_a_user_who_asks_gets_the_line_of_the_question() -> None:
    assert modes.user_line() == (HERE, line())


def test_the_line_of_a_program_made_of_this_package_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "_PACKAGES", ("",))  # every file counts as one of the package
    frame: Any = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
    assert modes.user_line() == (frame.f_code.co_filename, frame.f_lineno)


# ---- tracing ------------------------------------------------------------------------------------------------------


def test_while_tracing_comparisons_are_nodes_and_truth_is_an_error() -> None:
    x, y = Value(1.0), Value(2.0)
    with modes.changed(tracing=True):
        for node, op, parents, data in (
            (x < y, "less", (x, y), 1.0),
            (x <= y, "less_equal", (x, y), 1.0),
            (x > y, "less", (y, x), 0.0),
            (x >= y, "less_equal", (y, x), 0.0),
        ):
            assert isinstance(node, Value)
            assert (node.op, node.parents, node.data) == (op, parents, data)
        assert autograd.where(x < 5, x, y).data == 1.0
        for control in (lambda: x if x > y else y, lambda: max(x, y), lambda: not x, lambda: x and y):
            with pytest.raises(TraceError, match=r"where\(condition, a, b\).*autograd\.maximum") as caught:
                control()
            assert HERE in str(caught.value)
    assert (x < y) is True and autograd.where(x < y, x, y) is not None


@pytest.mark.parametrize("context", [no_grad, record_source, detect_anomaly])
def test_in_all_other_contexts_comparisons_are_bools(context: Callable[[], Any]) -> None:
    x, y = Value(1.0), Value(2.0)
    with context():
        assert (x < y) is True and (x >= y) is False and bool(x) is True


def test_a_traced_comparison_has_no_slope() -> None:
    x, y = Value(1.0), Value(2.0)
    with modes.changed(tracing=True):
        root = autograd.where(x < y, x * 3, y)
    root.backward()
    assert (x.grad, y.grad) == (3.0, 0.0)
    x.data = 5.0
    assert graph.forward(root) == 2.0  # the traced condition is recomputed


def test_a_traced_derivative_keeps_both_branches() -> None:
    x = Value(2.0)
    with modes.changed(tracing=True):
        [slope] = autograd.grad(abs(x), [x], create_graph=True)
    assert slope.data == 1.0
    x.data = -3.0
    assert graph.forward(slope) == -1.0


# ---- threads ------------------------------------------------------------------------------------------------------


def test_contexts_belong_to_their_thread() -> None:
    inside, done = threading.Event(), threading.Event()
    seen: list[Any] = []

    def other() -> None:
        inside.wait(10)
        node = Value(2.0) * 3.0
        seen.append((node.parents != (), node.source, (Value(0.0).log()).data))
        with no_grad():
            seen.append((Value(2.0) * 3.0).parents)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with detect_anomaly(), no_grad():
        inside.set()
        assert done.wait(10)
        assert (Value(2.0) * 3.0).parents == ()
    thread.join()
    assert seen == [(True, None, -math.inf), ()]


def test_many_threads_with_different_contexts() -> None:
    wrong: list[int] = []

    def work(i: int) -> None:
        context = (no_grad, record_source, detect_anomaly)[i % 3]
        for _ in range(50):
            with context():
                node = Value(1.0) * 2.0
            if (node.parents == ()) != (i % 3 == 0) or (node.source is None) != (i % 3 == 0):
                wrong.append(i)
            if not (Value(1.0) * 2.0).parents:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(120)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
