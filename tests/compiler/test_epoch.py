"""`Program.epoch` does what its steps do one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Value
from autograd.compiler import Program, compile
from tests.helpers.compiling import BACKENDS, backends

RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((37, 3)), RNG.standard_normal(37)


def made(backend: str, optimizer: Any = nn.Adam) -> tuple[Program, Any]:
    model = nn.MLP(3, [4, 1], "tanh", seed=2)
    program = compile(lambda x, t: nn.mse_loss(model(x), t), [(3,), ()], model.parameters(), backend=backend)
    return program, optimizer(model.parameters(), 0.01)


PAIRS = {backend: (made(backend), made(backend)) for backend in BACKENDS}


@pytest.mark.slow
@backends
@given(size=st.integers(1, 40), order=st.none() | st.lists(st.integers(0, 36), min_size=1, max_size=60))
def test_an_epoch_is_its_steps(backend, size, order):
    (whole, by_epoch), (single, by_step) = PAIRS[backend]
    losses = whole.epoch(X, Y, by_epoch, order=order, batch_size=size)
    rows = np.arange(37) if order is None else order
    expected = [single.step(X, Y, by_step, rows=rows[n : n + size]) for n in range(0, len(rows), size)]
    assert losses.tolist() == expected and losses.dtype == np.float64
    assert whole.theta.tolist() == single.theta.tolist() and by_epoch.steps == by_step.steps


@backends
def test_without_a_batch_size_it_is_one_step(backend):
    (whole, by_epoch), (single, by_step) = made(backend), made(backend)
    assert whole.epoch(X, Y, optimizer=by_epoch).tolist() == [single.step(X, Y, by_step)]


@backends
def test_the_lens_looks_at_a_sample_of_the_last_batch(backend):
    program, optimizer = made(backend)
    program.epoch(X, Y, optimizer, order=np.arange(37)[::-1], batch_size=10)
    with pytest.raises(IndexError, match="the last batch has 7 samples"):
        program.lens(7)
    root = program.lens(6)  # sample 0 came last
    assert root.data == pytest.approx(program(X, Y)[0], rel=1e-12)


@backends
def test_the_batch_of_a_bad_gradient_is_named_and_the_steps_before_it_stay(backend):
    w = Value(1.0, "w")
    program = compile(lambda x: (w - x).log(), [()], [w], backend=backend)
    optimizer = nn.SGD([w], 0.1)
    with pytest.raises(FloatingPointError, match="in batch 2: the gradient of parameter w is"):
        program.epoch(np.array([0.0, 0.0, 0.9, 0.0]), optimizer, batch_size=2)
    assert program.theta.tolist() == [0.9] and optimizer.steps == 1


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "8"])
def test_a_batch_size_is_a_positive_integer(size):
    program, optimizer = made("numpy")
    with pytest.raises(ValueError, match="batch_size is a whole number of at least 1, or None"):
        program.epoch(X, Y, optimizer, batch_size=size)


def test_a_wrong_order_is_refused_before_the_first_step():
    program, optimizer = made("numpy")
    for order, error in [([0, 37], IndexError), ([-1], IndexError), ([0.5], TypeError), ([], ValueError)]:
        with pytest.raises(error):
            program.epoch(X, Y, optimizer, order=order, batch_size=1)
    with pytest.raises(TypeError, match="needs an optimizer"):
        program.epoch(X, Y)
    assert optimizer.steps == 0
