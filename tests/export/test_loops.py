"""Unrolled loops that are found again, and what is not one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from unrolled import LOOPS, a, b, horner, many

import autograd
from autograd import Value
from autograd.export.loops import Loop
from autograd.export.walk import Walk

RANDOM = np.random.default_rng(1)


def loop(function: Callable[..., Any], shapes: list[tuple[int, ...]], leaves: list[Value]) -> Loop | None:
    """What is found in a function."""
    return Walk(autograd.compile(function, inputs=shapes, parameters=leaves)._packed).loop


@pytest.mark.parametrize(("function", "shapes", "leaves"), LOOPS)
def test_loops_are_found_and_give_the_same_in_jax(
    function: Callable[..., Any], shapes: list[tuple[int, ...]], leaves: list[Value]
) -> None:
    program = autograd.compile(function, inputs=shapes, parameters=leaves)
    walk = Walk(program._packed)
    assert walk.loop is not None
    assert walk.length < len(walk.instructions) / 3
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    arrays = [RANDOM.normal(size=(4, *shape)) for shape in shapes]
    loss, gradient = program.value_and_grad(*arrays)
    theirs, slopes = jax.jit(jax.value_and_grad(program.to_jax(most=150)))(program.theta, *arrays)
    assert float(theirs) == pytest.approx(loss, rel=1e-12)
    assert np.abs(np.asarray(slopes) - gradient).max() <= 1e-12 * np.abs(gradient).max()


def test_sizes_of_a_loop() -> None:
    found = loop(horner, [()], many)
    assert found is not None
    assert (found.period, found.times, found.carried, len(found.moving)) == (2, 27, [1], 1)


def test_what_is_read_from_outside_or_from_further_back_is_no_loop() -> None:
    def kept(x: Any) -> Any:
        states = [x]
        for _ in range(20):
            states.append((a * states[-1] + b).sin())
        return autograd.log_sum_exp(states)

    places = [int(RANDOM.integers(0, n + 2)) for n in range(40)]

    def from_anywhere(x: Any) -> Any:
        states = [x, a * x]
        for n in range(40):
            states.append((states[-1] * states[places[n]]).sin())
        return states[-1]

    assert loop(kept, [()], [a, b]) is None
    assert loop(from_anywhere, [()], [a]) is None
    pytest.importorskip("jax")
    program = autograd.compile(from_anywhere, inputs=[()], parameters=[a])
    with pytest.raises(ValueError, match="No loop was found"):
        program.to_jax(most=50)


def test_what_is_constant_in_a_loop_is_read_as_it_is() -> None:
    def growth(x: Any) -> Any:
        rate = (a * x).exp()
        for _ in range(10):
            x = (x * rate + b).tanh()
        return x * rate

    found = loop(growth, [()], [a, b])
    assert found is not None
    assert found.times >= 8
    assert not found.moving
