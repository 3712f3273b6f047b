"""A compiled program is the eager program, or it is refused: functions that look, draw, remember and change."""

from __future__ import annotations

import copy
import math
import pickle
import random
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import witness
from autograd.compiler.lens import LensError
from autograd.modes import TraceError

HERE = __file__
BATCH = np.linspace(-2.0, 2.0, 9)


# ---- what a placeholder refuses -----------------------------------------------------------------------------------

W = Value(2.0, "w")
LOOKS: dict[str, Callable[[Any], Any]] = {
    ".data of an input": lambda x: x * 3 if x.data > 0 else x,
    ".data of what was computed": lambda x: x * 3 if (x * W).data > 0 else x,
    ".data of a parameter": lambda x: x * W.data,
    ".grad": lambda x: x * W.grad,
    "local_derivatives": lambda x: x * (x * W).local_derivatives[0],
    "set": lambda x: setattr(W, "data", 1.0) or x * W,
    "float": lambda x: x * float(x),
    "int": lambda x: x * int(x),
    "trunc": lambda x: x * math.trunc(x * W),
    "if": lambda x: x if x * W else x * 2,
    "not": lambda x: x if not x * W else x * 2,
    "==": lambda x: x * 2 if x == 1.0 else x,
    "== of what was computed": lambda x: x * 2 if x * W == 1.0 else x,
    "!=": lambda x: x * 2 if x != x else x,
    "in a tuple": lambda x: x * 2 if x in (1.0, 2.0) else x,
    "in a list of Values": lambda x: x * 2 if x * W in [W, x] else x,
    "list.index": lambda x: x * [1.0, 2.0].index(x),
    "list.count": lambda x: x * [1.0, 2.0].count(x),
    "a look-up": lambda x: x * {1.0: 2.0}.get(x * 1.0, 3.0),
    "a set": lambda x: x * 2 if x in {1.0, 2.0} else x,
    "a format": lambda x: x * float(f"{x * W:.2f}"),
    "max": lambda x: max(x, W),
    "sorted": lambda x: sorted([x, W])[0],
    "pickle": lambda x: x * len(pickle.dumps(x)),
    "copy": lambda x: copy.copy(x * W),
    "deepcopy": copy.deepcopy,
    "backward": lambda x: (x * W).backward() or x,
    "a gradient as a number": lambda x: x * autograd.grad(x * W, [x])[0],
    "a Hessian": lambda x: x * autograd.hessian(x * x * W, [x])[0][0],
    "forward": lambda x: x * autograd.graph.forward(x * W),
}


@pytest.mark.parametrize("name", LOOKS)
def test_nobody_looks_at_a_placeholder(name: str) -> None:
    with pytest.raises(TraceError) as caught:
        compile(LOOKS[name], [()], [W], backend="numpy")
    if name not in ("copy", "deepcopy"):  # their line is one of `copy`
        assert HERE in str(caught.value)
    assert type(W) is Value and (W.data, W.grad) == (2.0, 0.0)


def test_no_grad_inside_is_refused() -> None:
    def f(x: Any) -> Any:
        with autograd.no_grad():
            scale = x * W
        return x * scale

    with pytest.raises(TraceError, match="inside no_grad"):
        compile(f, [()], [W])


def test_text_without_a_number_is_given() -> None:
    shown: list[str] = []

    def f(x: Any) -> Any:
        shown.append(f"{x} {x!r} {x * W}")
        return x * W

    compile(f, [()], [W])
    assert set(shown) == {"Placeholder('x') Placeholder('x') Placeholder('mul')"}
    assert {W: 1}[W] == 1


def test_a_parameter_is_itself_in_another_thread() -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append((W.data, f"{W:.1f}", repr(W), {W: 1}[W], W == 2.0, copy.copy(W).data))

    def f(x: Any) -> Any:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return x * W

    compile(f, [()], [W])
    assert seen[0] == (2.0, "2.0", repr(W), 1, True, 2.0)


def test_a_comparison_is_a_node_that_where_takes() -> None:
    def f(x: Any) -> Any:
        return autograd.where(x == 1.0, W * 5.0, x) + autograd.where(x != W, x * 2.0, 7.0)

    program = compile(f, [()], [W])
    for x in (1.0, 2.0, 3.0, math.nan):
        assert program([x])[0] == pytest.approx(f(Value(x)).data, nan_ok=True)
        program.lens(0)


# ---- what a placeholder cannot refuse -----------------------------------------------------------------------------


class Hidden:
    """A function of one number that is not the same computation each time, or not for each sample."""

    def __init__(self, kind: str, limit: float) -> None:
        self.kind, self.limit, self.calls = kind, limit, 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        h = (x * W).tanh() if isinstance(x, Value) else autograd.tanh(x * W)
        if self.kind == "global random numbers":
            return h * random.random()
        if self.kind == "rare dropout":
            return h * 0.0 if np.random.rand() < 1e-9 else h
        if self.kind == "a generator of its own":
            return h + GENERATOR.random()
        if self.kind == "a counter":
            return h * float(self.calls)
        raise AssertionError


GENERATOR = random.Random(3)


@pytest.mark.parametrize("kind", ["global random numbers", "rare dropout", "a generator of its own", "a counter"])
def test_what_is_another_computation_each_time_is_refused(kind: str) -> None:
    with pytest.raises(TraceError, match=r"computes something else each time|draws random numbers"):
        compile(Hidden(kind, 0.0), [()], [W])


def test_a_closure_that_changed_before_the_first_gradient_is_noticed() -> None:
    factor = [1.0]

    def f(x: Any) -> Any:
        return x * W * factor[0]

    program = compile(f, [()], [W], backend="numpy")
    program(BATCH)
    factor[0] = 3.0
    with pytest.raises(
        TraceError, match=r"(?s)the compiled program is not the function.*They part at line .*factor\[0\]"
    ):
        program.value_and_grad(BATCH)
    factor[0] = 1.0
    assert program.value_and_grad(BATCH)[1][0] == pytest.approx(BATCH.mean())


def test_a_function_that_asks_for_the_type_is_noticed() -> None:
    program = compile(lambda x: x * W if type(x) is not Value else x * W * 2.0, [()], [W], backend="numpy")
    with pytest.raises(TraceError, match="not the function"):
        program(BATCH)


def test_another_gradient_of_the_same_value_is_noticed() -> None:
    free = [False]

    def f(x: Any) -> Any:
        return x * (Value(2.0) if free[0] else W)

    program = compile(f, [()], [W], backend="numpy")
    free[0] = True
    program(BATCH)  # the values are right
    with pytest.raises(TraceError, match="another gradient"):
        program.step(BATCH, nn.SGD([W], lr=0.1))
    assert W.data == 2.0 and program.theta[0] == 2.0


def test_rounding_is_not_held_against_a_program() -> None:
    """Sums are taken in another order: a unit is on the other side of a kink, and a difference of large numbers off."""
    a, b, c = Value(0.1), Value(0.2), Value(-0.3)

    def f(x: list[Any]) -> Any:
        z = a * x[0] + b * x[1] + c * x[2]
        return z.relu() + ((x[0] * 1e9 + z) - x[0] * 1e9) * 1e-3

    for dtype in ("float64", "float32"):
        program = compile(f, [(3,)], [a, b, c], backend="numpy", dtype=dtype)
        program.value_and_grad(np.array([[1.0, 1.0, 1.0], [3.0, 0.0, 1.0], [1.0, 2.5, 2.0]]))
        assert program.witness.known == 2


def test_a_wrong_machine_is_a_defect() -> None:
    program = compile(lambda x: (x * W).relu() * x, [()], [W], backend="numpy")
    kind = next(row.kind for row in program._machine.rows["forward"] if row.kind.name == "relu")
    kind.name = "copy"
    with pytest.raises(LensError, match="relu"):
        program([-1.0])


def test_the_parameters_keep_their_numbers_and_gradients() -> None:
    program = compile(lambda x: x * W, [()], [W], backend="numpy")
    W.grad, program.theta[0] = 0.25, 5.0
    try:
        assert program.value_and_grad([3.0])[0] == 15.0
        assert (W.data, W.grad) == (2.0, 0.25)
    finally:
        W.grad = 0.0


def test_samples_worth_a_look() -> None:
    X = np.zeros((40, 2))
    X[7, 0], X[11, 1] = 5.0, -6.0
    y = np.zeros(40)
    y[[20, 30]] = 1.0, 2.0
    batch = witness.Batch([(2,), ()], [X, y])
    found = witness.chosen(batch, 16)
    assert found[:3] == [0, 20, 30] and {7, 11} <= set(found) and len(set(found)) == 16
    assert witness.chosen(batch, 1) == [0]
    assert set(witness.chosen(witness.Batch([(2,), ()], [X, y], [30, 7]), 16)) == {0, 1}


KINDS = ["plain", "data", "equal", "in", "less", "where", "dict", "type", "state", "closure", "format", "rounded"]


class Searched(nn.Module):
    """A random model that may look at its numbers, keep state, and read what changes."""

    def __init__(self, steps: list[tuple[str, float]]) -> None:
        self.a, self.b = Value(0.8), Value(-0.3)
        self._steps, self._calls, self._scale = steps, 0, 1.0

    def __call__(self, x: Any) -> Any:
        h, given = x[0] * self.a, x[0]
        self._calls += 1
        for kind, limit in self._steps:
            if kind == "plain":
                h = (h + self.b * limit).tanh() * 1.5
            elif kind == "data":
                h = h * 2.0 if h.data > limit else h
            elif kind == "equal":
                h = h * 3.0 if given == limit else h
            elif kind == "in":
                h = h - 1.0 if given in (limit, 2.0) else h
            elif kind == "less":
                h = self.b * h if h < limit else h
            elif kind == "where":
                h = autograd.where(h < limit, h * self.b, h)
            elif kind == "dict":
                h = h * {limit: 4.0}.get(given, 1.0)
            elif kind == "type":
                h = h * 2.0 if type(given) is float and given > limit else h
            elif kind == "state":
                h = h * (2.0 if self._calls % 3 == 0 else 1.0)
            elif kind == "closure":
                h = h * self._scale
            elif kind == "format":
                h = h * float(f"{given:.0f}")
            elif kind == "rounded":
                h = h + round(given)
        return h


STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([-1.0, 0.0, 0.5, 1.0])), min_size=1, max_size=5)
ROWS = st.lists(st.sampled_from([-2.0, -1.0, -0.25, 0.0, 0.5, 1.0, 2.0]), min_size=2, max_size=8)


def values(model: Searched, rows: list[float]) -> list[float]:
    return [model([x]).data for x in rows]


@settings(max_examples=150)
@given(steps=STEPS, rows=ROWS)
def test_compile_gives_what_the_function_gives_or_an_error(steps: Any, rows: list[float]) -> None:
    if any(kind in ("dict", "type") for kind, _ in steps):
        return  # on Values, which compile's contract is about, they do nothing
    model = Searched(steps)
    try:
        program = compile(model, [(1,)], model.parameters(), backend="numpy")
        found = program(np.array(rows)[:, None])
    except TraceError:
        return
    assert "state" not in [kind for kind, _ in steps]
    expected = [model([Value(x)]).data for x in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=60)
@given(steps=STEPS, rows=ROWS, change=st.booleans())
def test_fit_and_predict_give_what_the_eager_engine_gives(steps: Any, rows: list[float], change: bool) -> None:
    def changed(epoch: nn.Epoch) -> None:
        if change:
            epoch.model._scale += 1.0

    results: dict[str, list[float] | None] = {}
    X, y = np.array(rows)[:, None], np.array(rows) * 0.5
    for engine in ("eager", "auto", "compiled"):
        model = Searched(steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                optimizer = nn.SGD(model.parameters(), lr=0.05)
                history = nn.fit(
                    model, nn.mse_loss, X, y, optimizer, epochs=3, progress=False, engine=engine, callbacks=[changed]
                )
            except TraceError:
                results[engine] = None
                continue
        results[engine] = [*history.loss, *model.predict(X, engine="auto" if engine == "compiled" else engine).tolist()]
    if "state" in [kind for kind, _ in steps]:
        assert results["compiled"] is None  # what a counter gives depends on how often an engine calls
        return
    assert results["eager"] is not None and results["auto"] is not None
    for found in (results["auto"], results["compiled"]):
        if found is not None:
            np.testing.assert_allclose(found, results["eager"], rtol=1e-9, atol=1e-12)


# ---- training -------------------------------------------------------------------------------------------------------


def test_a_callback_that_changes_the_loss_ends_the_compiled_engine() -> None:
    weight = [1.0]

    def loss(out: Any, target: Any) -> Any:
        return nn.mse_loss(out, target) * weight[0]

    def heavier(epoch: nn.Epoch) -> None:
        weight[0] = 1.0 + epoch.number // 2

    def run(engine: str) -> nn.History:
        weight[0] = 1.0
        model = nn.MLP(1, [3, 1], activation="tanh", seed=0)
        optimizer = nn.Adam(model.parameters(), lr=0.01)
        return nn.fit(
            model, loss, BATCH[:, None], BATCH**2, optimizer, epochs=5, batch_size=4, progress=False, engine=engine,
            callbacks=[heavier], early_stopping=nn.EarlyStopping(9),
        )  # fmt: skip

    eager = run("eager")
    with pytest.warns(RuntimeWarning, match="a callback changed what the model or the loss computes.*They part at"):
        auto = run("auto")
    assert auto.loss == pytest.approx(eager.loss, rel=1e-9) and auto.engine == "eager"
    with pytest.raises(TraceError, match="not the function"):
        run("compiled")


def test_a_difference_that_no_callback_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.compiled.SHARE", math.inf)
    model, scale = nn.MLP(1, [1], seed=0), [1.0]
    rates = iter([0.1] * 3)

    def rate(step: int) -> float:
        if step > 2:
            scale[0] = 2.0  # from outside, in the midst of an epoch
        return next(rates, 0.1)

    def loss(out: Any, target: Any) -> Any:
        return nn.mse_loss(out, target) * scale[0]

    with pytest.raises(TraceError, match="not the function"):
        nn.fit(model, loss, BATCH[:, None], BATCH, nn.SGD(model.parameters(), lr=rate), epochs=9, progress=False)


def test_a_large_program_is_compared_on_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "LARGE", 10)
    calls: list[Any] = []

    def f(x: Any) -> Any:
        calls.append(type(x))
        return ((x * W).tanh() * W).tanh() * (x + W).exp() * (x - W).sigmoid()

    program = compile(f, [()], [W], backend="numpy")
    program.value_and_grad(BATCH)
    program.value_and_grad(BATCH)
    assert len(calls) == 2 and calls[1] is Value
