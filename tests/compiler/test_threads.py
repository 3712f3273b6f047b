"""A batch in parts: the number of threads does not change a bit, and nothing else either."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import signal
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile
from tests.helpers.compiling import RNG, attention, moons, rng, weights

parts = pytest.importorskip("autograd.compiler.llvm.parts")


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that are worth their while take milliseconds; here two blocks are enough."""
    monkeypatch.setattr(parts, "WORK", 1)
    monkeypatch.setattr(parts, "PER_ADJOINT", 0)


@functools.cache
def network(**options: Any) -> tuple[Any, Any]:
    """A program that every kind of call is made of, and its parameters."""
    model = nn.MLP(3, [5, 2], "tanh", seed=1)
    shared = weights(4)

    def loss(x: Any, t: Any) -> Any:
        scale = autograd.softmax(shared)[1]  # computed once for all samples
        return nn.mse_loss(model(x), [t, t * scale]) + autograd.log_sum_exp([t * w for w in shared])

    parameters = [*model.parameters(), *shared]
    return compile(loss, [(3,), ()], parameters, **options), parameters


def everything(program: Any, parameters: Any, X: Any, y: Any) -> list[Any]:
    """All that a program computes, as bytes."""
    program.pull()
    optimizer = nn.Adam(parameters, 0.01)
    found = [
        program(X, y), *program.value_and_grad(X, y), *program.value_and_grad(X, y, per_sample=True),
        *program.value_and_grad(X, y, wrt="inputs")[1], *program.value_and_grad(X, y, wrt="inputs", per_sample=True)[1],
        program.epoch(X, y, optimizer, order=np.arange(len(X))[::-1], batch_size=-(-len(X) * 3 // 5)),
        program.step(X, y, optimizer), program.theta, program.hvp(np.arange(len(parameters)), X, y),
    ]  # fmt: skip
    return [np.asarray(array).tobytes() for array in found]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("samples", [2, 64, 129, 1000])
def test_the_number_of_threads_does_not_change_a_bit(dtype, samples):
    X, y = RNG.normal(size=(samples, 3)).astype(dtype), RNG.normal(size=samples).astype(dtype)
    one, *others = [everything(*network(dtype=dtype, threads=n), X, y) for n in (1, 2, 16)]
    assert all(other == one for other in others)


@pytest.mark.parametrize("samples", [65, 1000])
def test_parts_compute_what_the_reference_does(samples):
    X, y = rng().normal(size=(samples, 3)), rng().normal(size=samples)
    (program, _), (reference, _) = network(threads=3), network(backend="numpy")
    for options in ({}, {"per_sample": True}):
        for ours, theirs in zip(program.value_and_grad(X, y, **options), reference.value_and_grad(X, y, **options)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    for ours, theirs in zip(*(p.value_and_grad(X, y, wrt="inputs")[1] for p in (program, reference))):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    assert program._machine._variants[True]._places  # there were parts


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_epoch_in_parts_is_its_steps(dtype):
    X, y = rng().normal(size=(700, 3)).astype(dtype), rng().normal(size=700).astype(dtype)
    program, parameters = network(dtype=dtype, threads=2)
    found = []
    for by_epoch in (True, False):
        program.pull()
        optimizer = nn.Adam(parameters, 0.01)
        batches = [slice(n, n + 300) for n in (0, 300, 600)]
        losses = (
            program.epoch(X, y, optimizer, batch_size=300).tolist() if by_epoch else
            [program.step(X[rows], y[rows], optimizer) for rows in batches]
        )  # fmt: skip
        found.append((losses, program.theta.tolist()))
    assert found[0] == found[1]


@given(samples=st.integers(1, 5000), width=st.sampled_from([4, 8, 32, 64]), more=st.integers(0, 6000))
def test_parts_are_whole_blocks_and_cover_the_batch(samples, width, more):
    found = parts.cut(samples, width, width + more)
    assert found[0][0] == 0 and found[-1][1] == samples and len(found) <= parts.MOST
    assert all(a[1] == b[0] and a[1] % width == 0 for a, b in itertools.pairwise(found))
    assert all(begin < end for begin, end in found)


def test_a_gradient_that_is_not_finite_ends_an_epoch_in_the_same_place():
    w = Value(1.0, "w")
    X = np.full(600, 0.5)
    X[450] = 1.0  # w − x is 0 there
    losses = []
    for threads in (1, 4):
        w.data = 1.0
        program = compile(lambda x: (w - x).log(), [()], [w], threads=threads)
        with pytest.raises(FloatingPointError, match="in batch 3"):
            program.epoch(X, nn.SGD([w], 0.0), batch_size=200)
        losses.append(program.theta.tolist())
    assert losses[0] == losses[1]


def test_lists_and_products_of_arguments_in_parts():
    batch = rng().normal(size=(100, 4, 3)), rng().normal(size=(100, 4, 3))
    whole = attention().value_and_grad(*batch)
    for threads in (1, 2):
        program = attention(threads=threads)
        assert np.allclose(program.value_and_grad(*batch)[1], whole[1], rtol=1e-12)


def test_programs_that_run_side_by_side_share_the_threads():
    X, y = rng().normal(size=(500, 2)), np.sign(rng().normal(size=500))
    expected = moons(threads=1).value_and_grad(X, y)[1].tolist()
    programs, found = [moons(threads=3) for _ in range(4)], []

    def many(program: Any) -> None:
        found.extend(program.value_and_grad(X, y)[1].tolist() for _ in range(20))

    threads = [threading.Thread(target=many, args=(program,)) for program in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80 and all(gradient == expected for gradient in found)


def _in_a_child(program: Any, X: Any, y: Any, answers: Any) -> None:
    answers.put(program.value_and_grad(X, y)[1].tolist())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own():
    X, y = rng().normal(size=(500, 2)), np.sign(rng().normal(size=500))
    program = moons(threads=3)
    expected = program.value_and_grad(X, y)[1].tolist()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(program, X, y, answers))
    child.start()
    assert answers.get(timeout=60) == expected
    child.join()


def test_an_interrupt_waits_for_the_parts_that_run():
    started, done = threading.Event(), []

    def interrupted() -> None:
        started.wait()
        signal.raise_signal(signal.SIGINT)

    def other() -> None:
        started.set()
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        parts.run_all([interrupted, other])
    assert done == [True]


@pytest.mark.parametrize("threads", [0, -1, 2.0, True, "2"])
def test_threads_are_a_positive_integer(threads):
    with pytest.raises(ValueError, match="threads is a whole number of at least 1, or None for one on each core"):
        moons(threads=threads)
