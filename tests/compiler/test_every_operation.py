"""Each operation of the table, compiled by each back end, gives what the eager engine gives."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.compiler.rows import FOR_NUMPY
from autograd.ops import TABLE, Op
from autograd.value import apply


def parameters_of(op: Op, rng: random.Random) -> list[Value]:
    """Parameters inside the domain, clear of its edge and of kinks."""
    count = 4 if op.takes_list else len(op.arguments)
    low = 1.2 if op.name == "acosh" else 0.1
    return [Value(rng.uniform(low, low + 0.7), f"w{i}") for i in range(count)]


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("name", list(TABLE))
def test_a_compiled_operation_is_the_eager_one(name: str, backend: str) -> None:
    pytest.importorskip({"llvm": "llvmlite"}.get(backend, backend))
    op, rng = TABLE[name], random.Random(name)
    w = parameters_of(op, rng)

    def f(x: Any) -> Value:
        return apply(op, tuple(weight * x for weight in w)) * x

    samples = [rng.uniform(1.0, 1.1) for _ in range(5)]
    program = autograd.compile(f, inputs=[()], parameters=w, backend=backend)
    loss, gradient = program.value_and_grad(np.array(samples))
    expected = autograd.mean([f(Value(x)) for x in samples])
    assert program.backend == backend
    assert math.isclose(loss, expected.data, rel_tol=1e-13)
    assert gradient.tolist() == pytest.approx(autograd.grad(expected, w), rel=1e-12, abs=1e-15)


EDGES = {
    "log2": [0.0, -1.0, 8.0], "log10": [0.0, 1e-300], "exp2": [2000.0, -2000.0], "cbrt": [0.0, -27.0],
    "floor": [-0.5, 2.0], "ceil": [-0.5, 2.0], "round": [0.5, 1.5, 2.5, -0.5], "sign": [0.0, -3.0, math.nan],
    "asinh": [-1e200, 1e-300], "acosh": [1.0, 0.5], "atanh": [1.0, -1.0, 2.0], "reciprocal": [0.0, 1e-200],
    "log_sigmoid": [-800.0, 40.0],
}  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("name", EDGES)
def test_edges_too(name: str, backend: str) -> None:
    pytest.importorskip({"llvm": "llvmlite"}.get(backend, backend))
    program = autograd.compile(lambda x: apply(TABLE[name], (x,)), inputs=[()], backend=backend)
    expected = [TABLE[name].evaluate(x)[0] for x in EDGES[name]]
    np.testing.assert_allclose(program(np.array(EDGES[name])), expected, rtol=1e-13)


def test_a_share_close_to_one_keeps_the_digits_of_its_logarithm() -> None:
    w = [Value(0.0, "a"), Value(-40.0, "b"), Value(-50.0, "c")]
    program = autograd.compile(lambda: autograd.log_softmax(w)[0], inputs=[], parameters=w, backend="numpy")
    loss, gradient = program.value_and_grad()
    eager = autograd.log_softmax(w)[0]
    assert loss == pytest.approx(eager.data, rel=1e-13) and eager.data == pytest.approx(-4.2485471e-18, rel=1e-6)
    assert gradient.tolist() == pytest.approx(autograd.grad(eager, w), rel=1e-13)


def test_what_the_compiled_loop_does_not_know_numpy_runs() -> None:
    assert {"log2", "cbrt", "atan2", "mod", "floor"} <= {*FOR_NUMPY} and not {"exp", "tanh", "erf"} & {*FOR_NUMPY}


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("y", [0.1, 0.5, 3.0, -2.0, 0.0, -0.0, math.inf, -math.inf, math.nan])
def test_of_a_power_with_a_known_exponent_one_case_is_left(y: float, backend: str) -> None:
    pytest.importorskip({"llvm": "llvmlite"}.get(backend, backend))
    points = [0.0, -0.0, 1e-300, 0.7, 1e300, math.inf, -1.5, math.nan]
    known = autograd.compile(lambda x: x**y, [()], backend=backend)
    given = autograd.compile(lambda x, y: x**y, [(), ()], backend=backend)
    arrays = np.array(points), np.full(len(points), y)
    for program, arguments in ((known, arrays[:1]), (given, arrays)):
        found = program.value_and_grad(*arguments, wrt="inputs", per_sample=True)
        expected = [TABLE["pow"].evaluate(x, y) for x in points]
        np.testing.assert_allclose(found[0], [value for value, _ in expected], rtol=1e-14)
        np.testing.assert_allclose(found[1][0], [slopes[0] for _, slopes in expected], rtol=1e-14)
    w, v = Value(0.7), Value(y)
    rows = autograd.compile(lambda: w**y, [], parameters=[w], backend=backend).stats.rows
    assert rows < 20 < autograd.compile(lambda: w**v, [], parameters=[w, v], backend=backend).stats.rows
