"""What a program shares with its caller: threads that use one program, arrays that change in place, rows, theta."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile

BACKENDS = ["numpy"] + (["llvm"] if importlib.util.find_spec("llvmlite") else [])
backends = pytest.mark.parametrize("backend", BACKENDS)


def network(backend: str) -> Any:
    model = nn.MLP(3, [12, 1], activation="tanh", seed=2)
    return compile(lambda x, y: (model(x) - y) ** 2, inputs=[(3,), ()], parameters=model.parameters(), backend=backend)


def data(seed: int, samples: int) -> tuple[Any, Any]:
    source = np.random.default_rng(seed)
    return source.normal(size=(samples, 3)), source.normal(size=samples)


def in_threads(count: int, act: Any) -> None:
    """``act(i)`` in a thread of its own for each i."""
    threads = [threading.Thread(target=act, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- threads --------------------------------------------------------------------------------------------------------


@backends
def test_threads_that_share_a_program_get_their_own_answers(backend: str) -> None:
    program = network(backend)
    questions = [data(i, 200 + 30 * i) for i in range(8)]

    def answers(X: Any, y: Any) -> list[Any]:
        return [
            program(X, y), *program.value_and_grad(X, y), *program.value_and_grad(X[:9], y[:9], per_sample=True),
            *program.value_and_grad(X, y, wrt="inputs")[1],
        ]  # fmt: skip

    expected = [answers(*question) for question in questions]
    wrong: list[int] = []

    def ask(i: int) -> None:
        for _ in range(25):
            for found, right in zip(answers(*questions[i]), expected[i]):
                if not np.array_equal(found, right):
                    wrong.append(i)

    in_threads(8, ask)
    assert not wrong


@backends
def test_steps_of_several_threads_are_whole_steps(backend: str) -> None:
    w = Value(0.0)
    program = compile(lambda x: (w - x) * (w - x), inputs=[()], parameters=[w], backend=backend)

    class Count:
        def step_arrays(self, theta: Any, gradient: Any) -> None:
            theta += 1.0

    def step(i: int) -> None:
        for _ in range(300):
            program.step([1.0, 2.0], Count())

    in_threads(6, step)
    assert program.theta.tolist() == [1800.0]


def test_predictions_of_one_model_in_many_threads() -> None:
    model = nn.MLP(3, [12, 1], activation="tanh", seed=2)
    inputs = [data(i, 500)[0] for i in range(8)]
    expected = [model.predict(X) for X in inputs]
    wrong: list[int] = []

    def ask(i: int) -> None:
        wrong.extend(i for _ in range(40) if not np.array_equal(model.predict(inputs[i]), expected[i]))

    in_threads(8, ask)
    assert not wrong


# ---- arrays that change in place ------------------------------------------------------------------------------------


@backends
def test_an_array_that_changed_in_place_is_looked_at_again(backend: str) -> None:
    w = Value(2.0)
    program = compile(lambda x: x * w, inputs=[()], parameters=[w], backend=backend)
    x = np.arange(1.0, 33.0)
    assert program(x).tolist() == (2.0 * x).tolist()
    x[:] = 5.0
    assert program(x).tolist() == [10.0] * 32
    x.resize(7, refcheck=False)
    assert program(x).tolist() == [10.0] * 7
    x.resize(5000, refcheck=False)  # its memory moved, and what it was is free
    x[:] = np.arange(5000)
    assert np.array_equal(program(x), 2.0 * np.arange(5000))
    x = x.astype(np.float32)
    assert np.array_equal(program(x), 2.0 * np.arange(5000))


@backends
def test_an_array_that_no_longer_fits_is_refused(backend: str) -> None:
    program = network(backend)
    X, y = data(0, 40)
    program(X, y)
    y.resize(39, refcheck=False)
    with pytest.raises(ValueError, match="different numbers of samples"):
        program(X, y)


def test_the_lens_looks_at_the_rows_of_the_step_even_if_their_list_was_shuffled() -> None:
    w = Value(1.0)
    program = compile(lambda x: x * w, inputs=[()], parameters=[w])
    rows = np.array([2, 0, 1])
    program.step(np.array([10.0, 20.0, 30.0]), optimizer=nn.SGD([w], lr=0.0), rows=rows)
    rows[:] = 0
    assert [program.lens(i).data for i in range(3)] == [30.0, 10.0, 20.0]


# ---- theta and copies -----------------------------------------------------------------------------------------------


@backends
def test_numbers_assigned_to_theta_are_the_parameters(backend: str) -> None:
    w, b = Value(1.0), Value(0.0)
    program = compile(lambda x: x * w + b, inputs=[()], parameters=[w, b], backend=backend)
    program.theta = [3.0, 1.0]
    assert program([2.0]).tolist() == [7.0]
    program.theta = program.theta * 2.0
    assert program([2.0]).tolist() == [14.0]
    program.theta += 1.0
    assert program([2.0]).tolist() == [17.0]
    with pytest.raises(ValueError, match=r"theta holds 2 parameters; got numbers of shape \(3,\)"):
        program.theta = [1.0, 2.0, 3.0]
    assert program([2.0]).tolist() == [17.0]


def test_a_program_says_why_it_is_not_copied() -> None:
    w = Value(1.0)
    program = autograd.compile(lambda x: x * w, inputs=[()], parameters=[w])
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"a program is not copied or pickled.*compile again"):
            attempt(program)
