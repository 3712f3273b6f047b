"""Derivatives inside a traced function: every operation, to third order, by every back end, at kinks and infinities."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from compiling import BACKENDS, backends
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile, grad, ops
from autograd.value import apply

BUILT_IN = sorted(ops.TABLE)
POINTS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, 1e-200, -1e200]) | st.floats(-3, 3)


def slope(y: Value, x: Value) -> Value:
    return grad(y, [x], create_graph=True)[0]


def count_of(name: str) -> int:
    return sum(3 if argument.startswith("*") else 1 for argument in ops.TABLE[name].arguments)


def derivative(name: str, order: int, xs: list[Value]) -> Value:
    """A combination of all derivatives of an operation of that order."""
    y = apply(ops.TABLE[name], tuple(xs))
    for _ in range(order):
        slopes = grad(y, xs, create_graph=True)
        y = slopes[0]
        for factor, further in enumerate(slopes[1:], start=2):
            y = y + further * float(factor)
    return y


@cache
def programs(name: str, order: int, backend: str) -> tuple[Any, Any, Value]:
    """The derivative as a function of inputs; and with the first argument as a parameter, which is returned too."""
    count, first = count_of(name), Value(0.3)

    def mixed(*rest: list[Value]) -> Value:
        return derivative(name, order, [first, *(rest[0] if rest else [])])

    by_inputs = compile(lambda xs: derivative(name, order, xs), [(count,)], backend=backend)
    shapes = [(count - 1,)] if count > 1 else []
    return by_inputs, compile(mixed, shapes, [first], backend=backend), first


def same(compiled: float, eager: float, size: float) -> bool:
    if not math.isfinite(eager) or not math.isfinite(compiled):
        return compiled == eager or (compiled != compiled and eager != eager)
    return abs(compiled - eager) <= 1e-9 * size or not math.isfinite(size)


def terms(root: Value, leaves: list[Value]) -> tuple[float, list[float]]:
    """How large the terms are that a value and its slopes are the sums of: rounding is relative to them."""
    order = autograd.graph.topological(root)
    size: dict[Value, float] = {}
    for node in order:
        size[node] = abs(node.data) + sum(abs(d) * size[p] for p, d in zip(node.parents, node.local_derivatives) if d)
    influence = dict.fromkeys([*order, *leaves], 0.0)
    influence[root] = 1.0
    for node in reversed(order):
        for parent, d in zip(node.parents, node.local_derivatives):
            influence[parent] += influence[node] * abs(d) if d and influence[node] else 0.0
    return size[root], [influence[x] for x in leaves]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", BUILT_IN)
@settings(max_examples=6)
@given(data=st.data())
def test_every_operation_to_third_order(name: str, order: int, data: Any) -> None:
    count = count_of(name)
    batch = data.draw(st.lists(st.lists(POINTS, min_size=count, max_size=count), min_size=2, max_size=6))
    expected = []
    for point in batch:
        xs = list(map(Value, point))
        y = derivative(name, order, xs)
        expected.append((y.data, grad(y, xs), *terms(y, xs)))
    for backend in BACKENDS:
        inputs, mixed, _ = programs(name, order, backend)
        values, slopes = inputs.value_and_grad(batch, wrt="inputs", per_sample=True)
        for i, (value, gradient, size, sizes) in enumerate(expected):
            assert same(values[i], value, size), (batch[i], values[i], value)
            for compiled, eager, allowed in zip(slopes[0][i].tolist(), gradient, sizes):
                assert same(compiled, eager, allowed), (batch[i], slopes[0][i], gradient)
            mixed.theta[0] = batch[i][0]
            found, by_parameter = mixed.value_and_grad(*([[batch[i][1:]]] if count > 1 else []))
            assert same(found, value, size) and same(by_parameter[0], gradient[0], sizes[0]), (batch[i], by_parameter)


# ---- whole functions ------------------------------------------------------------------------------------------------


@backends
def test_the_second_derivative_of_a_network(backend: str) -> None:
    w = Value(0.7)

    def f(x: Value) -> Value:
        return slope(slope((w * x).tanh(), x), x)

    program = compile(f, [()], [w], backend=backend)
    assert program([0.4])[0] == pytest.approx(-0.24752828135843127, rel=1e-14)
    x = Value(0.4)
    assert program.value_and_grad([0.4])[1][0] == pytest.approx(grad(f(x), [w])[0], rel=1e-14)
    program.lens(0)


@backends
def test_a_derivative_through_where_drops_the_other_branch(backend: str) -> None:
    """log(x − 2) is nan below 2, and its slope at 2 infinite."""
    w = Value(1.5)

    def f(x: Value) -> Value:
        return slope(autograd.where(x < 2, x * x * w, (x - 2).log() * x), x)

    program = compile(f, [()], [w], backend=backend)
    points = [0.4, 2.0, 2.5, 1.0]
    values, slopes = program.value_and_grad(points, wrt="inputs", per_sample=True)
    by_parameter = program.value_and_grad(points, per_sample=True)[1]
    for i, point in enumerate(points):
        x = Value(point)
        y = f(x)
        assert values[i] == pytest.approx(y.data, nan_ok=True)
        assert [slopes[0][i], by_parameter[i, 0]] == pytest.approx(grad(y, [x, w]), nan_ok=True)
        program.lens(i)


def test_a_fit_with_a_differential_equation_in_its_loss_is_the_eager_one() -> None:
    """y″ = −y with a network for y: the loss holds second derivatives of the network by its input."""

    class Oscillator(nn.Module):
        def __init__(self) -> None:
            self.net = nn.MLP(1, [4, 1], activation="tanh", seed=2)

        def __call__(self, x: Any) -> Any:
            t = x[0] if isinstance(x[0], Value) else Value(x[0])
            y = self.net([t])
            return slope(slope(y, t), t) + y

    X = np.linspace(0.0, 1.5, 8)[:, None]
    losses = {}
    for engine in ("eager", "compiled"):
        model = Oscillator()
        optimizer = nn.Adam(model.parameters(), lr=0.01)
        history = nn.fit(
            model, nn.mse_loss, X, np.zeros(8), optimizer, epochs=12, batch_size=4, progress=False, engine=engine
        )
        losses[engine] = history.loss
    assert losses["compiled"] == pytest.approx(losses["eager"], rel=1e-9)
    assert losses["eager"][-1] < losses["eager"][0]
