"""The lens: the graph of one sample, with the numbers of the program; anomalies are traced with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from compiling import X, Y, backends, moons

import autograd
import nn
from autograd import Value, compile, graph, softmax
from autograd.compiler.lens import LensError
from autograd.ops import TABLE
from autograd.value import apply


@backends
def test_the_lens_shows_the_graph_of_a_sample(backend: str) -> None:
    program = moons(backend=backend)
    losses = program(X, Y)
    root = program.lens(3)
    assert root.data == pytest.approx(losses[3], rel=1e-13)
    own = program.value_and_grad(X, Y, per_sample=True)[1][3]
    assert [p.grad for p in program.parameters] == pytest.approx(own, rel=1e-10, abs=1e-14)
    assert {"x1", "x2", "y"} <= {leaf.label for leaf in graph.leaves(root)}
    assert program.lens(X[3], Y[3]).data == root.data
    assert program.lens(-4).data == root.data
    with pytest.raises(IndexError, match="no sample 7"):
        program.lens(7)
    with pytest.raises(IndexError, match="run the program first"):
        moons(backend=backend).lens(0)
    program.theta[:] = 0.5
    assert program.lens(X[0], Y[0]).data == pytest.approx(program(X[:1], Y[:1])[0])
    assert program.parameters[0].data == 0.5


def test_the_lens_notices_a_wrong_program() -> None:
    program = moons(backend="numpy")
    program(X, Y)
    kind = next(row.kind for row in program._machine.rows["forward"] if row.kind.name == "relu")
    kind.name = "copy"
    with pytest.raises(LensError, match=r"the value of relu\(.* is .* in the graph and .* in the program"):
        program.lens(2)


def test_the_lens_of_a_prediction_and_of_a_graph() -> None:
    model = nn.MLP(2, [3, 2], "tanh", seed=1)
    program = compile(lambda x: autograd.softmax(model(x)), [(2,)], model.parameters(), backend="numpy")
    out = program(X)
    assert [root.data for root in program.lens(1)] == pytest.approx(out[1], rel=1e-13)
    root = model([Value(0.5), Value(-0.5)])[0]
    assert compile(root, parameters=model.parameters(), backend="numpy").lens() is root


@backends
def test_an_anomaly_is_traced_to_sample_operation_and_line(backend: str) -> None:
    w = Value(2.0, "w")

    def f(x: Any) -> Any:
        return (x * w).log()

    program = compile(f, [()], [w], backend=backend)
    batch = np.array([1.0, 2.0, -1.0, 3.0])
    assert math.isnan(program.value_and_grad(batch)[0])
    for run in (program, program.value_and_grad):
        with (
            autograd.detect_anomaly(),
            pytest.raises(autograd.AnomalyError, match=r"sample 2 of the batch: .*log\(") as c,
        ):
            run(batch)
        assert __file__ in str(c.value) and "return (x * w).log()" in str(c.value)
    with autograd.detect_anomaly():
        program.value_and_grad(batch[:2])


def test_a_function_that_depends_on_outside_data_is_noticed_by_the_lens() -> None:
    signs = [1.0]

    def f(x: Any) -> Any:
        return x.tanh() if signs[0] > 0 else x.exp()

    program = compile(f, [()], backend="numpy")
    program([0.5])
    program.lens(0)
    signs[0] = -1.0
    with pytest.raises(LensError, match="does it depend on outside data"):
        program.lens(0)


@backends
def test_the_lens_of_a_function_that_compares(backend: str) -> None:
    w = Value(0.5, "w")

    def f(x: Any, y: Any) -> Any:
        return autograd.where(x * w < y, (x * w).exp(), autograd.where(w >= x, y, y * w))

    program = compile(f, [(), ()], [w], backend=backend)
    batch = np.array([1.0, 3.0, -2.0]), np.array([2.0, -1.0, -3.0])
    values, slopes = program.value_and_grad(*batch, per_sample=True)
    for i in range(3):
        assert program.lens(i).data == pytest.approx(values[i], rel=1e-15)
        assert w.grad == pytest.approx(slopes[i][0], rel=1e-15)
    logarithm = compile(lambda x: autograd.where(x > 2, x, (x * w).log()), [()], [w], backend=backend)
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match=r"sample 1 of the batch: .*log\("):
        logarithm.value_and_grad([3.0, -1.0])


def test_anomalies_of_predictions_and_losses_out_of_range_without_one_sample_at_fault() -> None:
    w = Value(1e200)
    prediction = compile(lambda x: [(x * w).log(), x], [()], [w], backend="numpy")
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match=r"sample 1 of the batch: .*log"):
        prediction(np.array([1.0, -1.0]))
    loss = compile(lambda x: x * w * 1e108, [()], [w], backend="numpy")
    with autograd.detect_anomaly():  # each is finite, their sum is not
        assert loss.value_and_grad(np.array([1.5, 1.5]))[0] == math.inf


def share(*entries: Any) -> Any:
    return apply(TABLE["softmax"], entries)


A, B = Value(0.3, "a"), Value(0.7, "b")
SHARED: dict[str, Any] = {
    "a product alone and inside a dot": lambda x: autograd.dot([A, B], x) + (A * x[0]).tanh(),
    "a product alone and inside a mean": lambda x: autograd.mean([A * x[0], B * x[1]]) * (A * x[0]),
    "an entry twice in a softmax": lambda x: sum(softmax([x[0], x[0], A])[i] * (i + 1.0) for i in range(3)),
    "shares of the same entries": lambda x: softmax([x[0], x[0] * A])[1] * softmax([x[0] * A, x[0]])[0],
    "a share written in two orders": lambda x: share(x[0], x[1], A) * 2.0 + share(x[0], A, x[1]).tanh() * B,
    "an entry twice in a log_sum_exp": lambda x: autograd.log_sum_exp([x[0], x[0], A]),
    "cancellation": lambda x: ((x[0] * 1e4 + A) - x[0] * 1e4) * B,
    "a number that float32 does not have": lambda x: (x[0] * 30.0).gaussian() * A + B,
    "a comparison within rounding": lambda x: autograd.where(x[0] * 0.1 * 3.0 < x[0] * 0.3, A, B * x[1]),
    "a dead end with a pole": lambda x: autograd.where(x[0].asin() < 2, A, B),
}  # fmt: skip


@backends
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", SHARED)
def test_the_lens_accepts_right_programs(name: str, dtype: str, backend: str) -> None:
    program = compile(SHARED[name], [(2,)], [A, B], backend=backend, dtype=dtype)
    program(np.array([[1.2, 0.4], [0.3, -2.0]]))
    for i in range(2):
        program.lens(i)


def test_the_lens_notices_another_constant() -> None:
    factor = [2.0]
    program = compile(lambda x: x * factor[0], [()], backend="numpy")
    program([1.0])
    factor[0] = 3.0
    with pytest.raises(LensError, match="another graph"):
        program.lens(0)
