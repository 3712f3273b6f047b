"""Rows that do several things while numbers are in registers, and keep less in memory: they compute the same.

Random networks are compared with the eager engine, and the rows of a small one are looked at.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import FormError, arrange, numba_backend
from autograd.compiler.machine import AND_ADD, AND_RELU, AND_STEP, COLUMNS, OP, OPERANDS, THEN, UNSEEN, UPDATE
from autograd.compiler.rows import ADD, ASSIGN, MACHINE

NUMBA = importlib.util.find_spec("numba") is not None
BACKENDS = ["numpy", *(["numba"] if NUMBA else [])]
numba = pytest.mark.skipif(not NUMBA, reason="numba is not installed")
Vector = list[Any]
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": Value.relu, "tanh": Value.tanh, "identity": lambda v: v}


class Network:
    """Layers of every kind, one after the other; `hidden` is every value on the way.

    Args:
        width: of the input.
        layers: width, activation and kind of each.
    """

    def __init__(self, width: int, layers: list[tuple[int, str, str]]) -> None:
        self.layers, self.width, self.parameters = layers, width, list[Value]()
        self.random = np.random.default_rng(len(layers) + width)
        sizes = [width]
        self.weights: list[tuple[list[list[Value]], list[Value], list[list[Value]]]] = []
        for n, _, _ in layers:
            weights = [self.made(sizes[-1]) for _ in range(n)], self.made(n), [self.made(sizes[-1]) for _ in range(n)]
            self.weights.append(weights)
            sizes.append(n)

    def made(self, n: int) -> list[Value]:
        made = [Value(x, f"w{len(self.parameters) + i}") for i, x in enumerate(self.random.normal(0, 0.6, n).tolist())]
        self.parameters += made
        return made

    def hidden(self, x: Vector) -> Vector:
        h, found = list(x), Vector()
        for (n, activation, kind), (W, b, V) in zip(self.layers, self.weights):
            before, act = h, ACTIVATIONS[activation]
            z = [autograd.dot(row, h) + c for row, c in zip(W, b)]
            h = [act(v) for v in z]
            if kind == "residual":
                h = [v + before[i % len(before)] for i, v in enumerate(h)]
            elif kind == "seen":  # what comes before the activation is used as well
                h = [v * u for v, u in zip(h, z)]
            elif kind == "two layers":  # both with the same bias
                beside = [autograd.dot(row, before) + c for row, c in zip(V, b)]
                h = [v - act(u) for v, u in zip(h, beside)]
            elif kind == "again":  # the activation is read by two later layers
                other = [autograd.dot(row[: len(h)], h[: len(row)]) for row in V]
                h = [v + u.relu() for v, u in zip(h, other)]
            found += [*z, *h]
            assert len(h) == n
        return found

    def loss(self, x: Vector, t: Any) -> Any:
        last = self.hidden(x)[-self.layers[-1][0] :]
        return autograd.mean([(v - t) ** 2 for v in last])


kinds = st.sampled_from(["plain", "plain", "residual", "seen", "two layers", "again"])
layer = st.tuples(st.integers(1, 20), st.sampled_from(["relu", "relu", "tanh", "identity"]), kinds)
networks = st.builds(Network, st.integers(1, 20), st.lists(layer, min_size=1, max_size=3))
batches = st.sampled_from([1, 2, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 63, 64, 65, 70])


def data(width: int, samples: int) -> tuple[Any, Any]:
    random = np.random.default_rng(samples)
    return random.normal(size=(samples, width)), random.normal(size=samples)


def close(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Equal, measured by the largest number."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-3)


def eagerly(network: Network, X: Any, y: Any) -> tuple[float, Any, Any]:
    """The mean loss, and its gradients by parameters and by inputs."""
    for p in network.parameters:
        p.grad = 0.0
    total, slopes = 0.0, []
    for sample, t in zip(X.tolist(), y.tolist()):
        x = [Value(v) for v in sample]
        loss = network.loss(x, t)
        loss.backward(1.0 / len(y))
        total += loss.data / len(y)
        slopes.append([v.grad for v in x])
    return total, [p.grad for p in network.parameters], slopes


@pytest.mark.slow
@settings(max_examples=60)
@given(network=networks, samples=batches, block=st.integers(1, 40), chosen=st.integers(0, 69))
def test_random_networks_are_those_of_the_eager_engine(network: Network, samples: int, block: int, chosen: int) -> None:
    """Whole and in blocks, by parameters and by inputs, and after a look at one sample."""
    X, y = data(network.width, samples)
    loss, gradient, slopes = eagerly(network, X, y)
    for backend in BACKENDS:
        program = compile(network.loss, [(network.width,), ()], network.parameters, backend=backend)
        value, found = program.value_and_grad(X, y)
        close(value, loss)
        close(found, gradient)
        close(program.value_and_grad(X, y, wrt="inputs")[1][0], slopes)
        close(program(X, y).mean(), loss)
        program.value_and_grad(X, y)
        program.lens(chosen % samples)
        again = program.value_and_grad(X, y)
        assert again[0] == value and np.array_equal(again[1], found)
        program._machine.layout.block = program._by_inputs.layout.block = block
        X, y = X.copy(), y.copy()
        value, found = program.value_and_grad(X, y)
        close(value, loss)
        close(found, gradient)
        close(program.value_and_grad(X, y, wrt="inputs")[1][0], slopes)


@settings(max_examples=25)
@given(network=networks, samples=batches)
def test_every_hidden_value_can_be_a_result(network: Network, samples: int) -> None:
    """A function that returns what comes before and after each activation gets both."""
    X, _ = data(network.width, samples)
    expected = [[v.data for v in network.hidden([Value(x) for x in sample])] for sample in X.tolist()]
    for backend in BACKENDS:
        close(compile(network.hidden, [(network.width,)], network.parameters, backend=backend)(X), expected)


@pytest.mark.slow
@settings(max_examples=25)
@given(network=networks, samples=batches)
def test_random_networks_in_single_precision(network: Network, samples: int) -> None:
    X, y = data(network.width, samples)
    shapes = [(network.width,), ()]
    exact = compile(network.loss, shapes, network.parameters, backend="numpy")
    loss, gradient = exact.value_and_grad(X, y)
    slopes = exact.value_and_grad(X, y, wrt="inputs")[1][0]
    for backend in BACKENDS:
        program = compile(network.loss, shapes, network.parameters, backend=backend, dtype="float32")
        value, found = program.value_and_grad(X, y)
        assert value == pytest.approx(loss, rel=1e-4, abs=1e-6)
        close(found, gradient, 1e-4)
        close(program.value_and_grad(X, y, wrt="inputs")[1][0], slopes, 1e-4)


# ---- what is kept in memory -----------------------------------------------------------------------------------------


def arranged(f: Any, parameters: list[Value], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any]:
    """The rows of loss and gradient of a batch of 100, before and after what is not needed is dropped; and results."""
    seen = []

    def watched(rows: Any, *places: Any) -> Any:
        seen.append((rows.copy(), economical(rows, *places), places))
        return seen[-1][1]

    economical = numba_backend.economical
    monkeypatch.setattr(numba_backend, "economical", watched)
    X, y = data(2, 100)
    program = compile(f, [(2,), ()], parameters, backend="numba")
    value, gradient = program.value_and_grad(X, y)
    expected = compile(f, [(2,), ()], parameters, backend="numpy").value_and_grad(X, y)
    close(value, expected[0])
    close(gradient, expected[1])
    return seen[-1]


def what(rows: Any) -> list[int]:
    """What follows the products of some rows."""
    return [n for n in rows[:, THEN].tolist() if n]


@numba
def test_a_small_network_keeps_one_array_for_each_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what comes before a rectifier is kept nor what its slope multiplies, and the adjoint takes its place."""
    model = nn.MLP(2, [16, 16, 1], seed=1)
    before, after, _ = arranged(lambda x, t: nn.mse_loss(model(x), t), model.parameters(), monkeypatch)
    assert what(before) == [AND_RELU, AND_RELU, AND_ADD, AND_STEP, AND_STEP]
    assert what(after) == [AND_RELU + UNSEEN, AND_RELU + UNSEEN, AND_ADD, AND_STEP + UNSEEN, AND_STEP + UNSEEN]
    h1, h2 = after[after[:, THEN] == AND_RELU + UNSEEN, THEN + 1].tolist()
    steps = after[after[:, THEN] == AND_STEP + UNSEEN]
    assert steps[:, THEN + 1].tolist() == [h2, h1]  # where the adjoint goes to
    assert steps[:, OPERANDS + 18].tolist() == [h2, h1]  # what tells where the unit was active
    moved = set(before[before[:, THEN] == AND_STEP, THEN + 1].tolist())
    read = [OPERANDS + 6, OPERANDS + 12, OPERANDS + 18]
    assert moved & set(before[:, read].ravel().tolist()) and not moved & set(after[:, read].ravel().tolist())


@numba
@pytest.mark.parametrize("reads", ["z", "h", "z and h"])
def test_what_is_read_elsewhere_is_kept(reads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before a rectifier stays in memory if its number is asked for, and its adjoint gets another place."""
    random = np.random.default_rng(0)
    W = [[Value(x) for x in row] for row in random.normal(size=(16, 2)).tolist()]
    b, v = ([Value(x) for x in random.normal(size=16).tolist()] for _ in range(2))

    def f(x: Any, t: Any) -> Any:
        z = [autograd.dot(row, x) + c for row, c in zip(W, b)]
        h = [u.relu() for u in z]
        extra = {"z": z, "h": h, "z and h": [p * q for p, q in zip(z, h)]}[reads]
        return autograd.dot(v, h) * t + autograd.mean([u.exp() * u for u in extra])

    _, after, _ = arranged(f, [*chain(*W), *b, *v], monkeypatch)
    relu = after[after[:, THEN] % UNSEEN == AND_RELU]
    assert len(relu) == 1
    assert (relu[0, THEN] == AND_RELU) == (reads != "h")


@numba
@pytest.mark.parametrize("chosen", ["z", "h", "both"])
def test_a_result_is_kept(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    W = [[Value(x) for x in row] for row in random.normal(size=(16, 2)).tolist()]
    b = [Value(x) for x in random.normal(size=16).tolist()]
    seen = []
    economical = numba_backend.economical
    monkeypatch.setattr(numba_backend, "economical", lambda *given: seen.append(economical(*given)) or seen[-1])

    def f(x: Any) -> Any:
        z = [autograd.dot(row, x) + c for row, c in zip(W, b)]
        h = [u.relu() for u in z]
        return {"z": [*z, autograd.dot(b, h)], "h": h, "both": z + h}[chosen]

    X, _ = data(2, 100)
    program = compile(f, [(2,)], [*chain(*W), *b], backend="numba")
    close(program(X), compile(f, [(2,)], [*chain(*W), *b], backend="numpy")(X))
    (relu,) = (rows for rows in seen[-1].tolist() if rows[THEN] % UNSEEN == AND_RELU)
    assert (relu[THEN] == AND_RELU + UNSEEN) == (chosen == "h")


@numba
def test_the_loss_can_be_a_rectified_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the result, so its adjoint must not take its place."""
    random = np.random.default_rng(0)
    W = [[Value(x) for x in row] for row in random.normal(size=(8, 2)).tolist()]
    v, b = [Value(x) for x in random.normal(size=8).tolist()], Value(0.3)

    def f(x: Any, t: Any) -> Any:
        return (autograd.dot(v, [autograd.dot(row, x).relu() for row in W]) + b).relu()

    arranged(f, [*chain(*W), *v, b], monkeypatch)
    X, y = data(2, 100)
    program = compile(f, [(2,), ()], [*chain(*W), *v, b], backend="numba")
    assert program.value_and_grad(X, y)[0] == pytest.approx(program(X, y).mean(), rel=1e-14)


@numba
def test_a_place_is_given_away_only_if_nobody_looks_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more row, or a result, that reads or writes a number of a layer keeps what it needs and no more."""
    model = nn.MLP(2, [16, 16, 1], seed=1)
    before, _, (private, results) = arranged(lambda x, t: nn.mse_loss(model(x), t), model.parameters(), monkeypatch)
    size = 16 * 104  # z lies before h, and where the adjoint goes to before what is handed to h
    relu, step = (before[before[:, THEN] == what] for what in (AND_RELU, AND_STEP))
    (z, _), (h, _), (passed, _) = relu[:, OPERANDS].tolist(), relu[:, THEN + 1].tolist(), step[::-1, THEN + 1].tolist()
    handed, first = int(step[1, OPERANDS]), int(np.flatnonzero(before[:, THEN] == AND_STEP)[1])  # of the first layer

    def changed(rows: Any, results: Any = results) -> list[bool]:
        """Whether the first layer drops z, drops what is handed to h, and gives h's place away."""
        rows = arrange.economical(rows, private, results)
        (r,) = np.flatnonzero((rows[:, THEN] % UNSEEN == AND_RELU) & (rows[:, OPERANDS] == z))
        (s,) = np.flatnonzero((rows[:, THEN] % UNSEEN == AND_STEP) & (rows[:, OPERANDS] == handed))
        assert rows[s, OPERANDS + 18] == (h if rows[r, THEN] > UNSEEN else z)
        return [rows[r, THEN] > UNSEEN, rows[s, THEN] > UNSEEN, rows[s, THEN + 1] != passed]

    def with_row(place: int, reads: int, writes: int = private[1] - 500, length: int = 5, update: int = ASSIGN) -> Any:
        row = np.zeros_like(before[0])
        row[OP], row[UPDATE], row[2:7] = MACHINE["add_to"], update, (1, 1, 1, 1, length)
        row[OPERANDS], row[OPERANDS + 5], row[OPERANDS + 6], row[OPERANDS + 11] = writes, 1, reads, 1
        return np.insert(before, place, row, axis=0)

    end, elsewhere = len(before), private[0] - 600
    assert changed(before) == changed(with_row(end, elsewhere)) == [True, True, True]
    assert changed(with_row(end, z + size - 1)) == changed(with_row(end, z - 4)) == [False, True, False]
    assert changed(with_row(end, h + size - 1)) == changed(with_row(end, h)) == [True, True, False]
    assert changed(with_row(first, h)) == [True, True, True]  # earlier than the step
    assert changed(with_row(first, passed + 7)) == [True, True, False]  # what was there before it
    assert changed(with_row(end, passed + size - 5)) == [True, True, True]  # it moves with the rest
    assert changed(with_row(end, passed + size - 4)) == [True, False, False]  # and something behind it
    assert changed(with_row(end, handed + 3)) == [True, False, True]
    assert changed(with_row(end, elsewhere, h + 3)) == [True, True, False]
    assert changed(with_row(end, elsewhere, passed + 3)) == [True, True, False]
    assert changed(with_row(end, elsewhere, handed + 3, update=ADD)) == [True, False, True]
    for place, expected in ((z, [False, True, False]), (h, [True, True, False]), (handed, [True, False, True])):
        assert changed(before, (place + size - 1, place + size)) == expected
    for place, expected in ((z - 1, [True, True, True]), (h, [True, True, False]), (passed, [True, True, False])):
        assert changed(before, (place, place + 1)) == expected
    for name in ("gather", "scatter"):  # it may read anything
        rows = with_row(end, elsewhere)
        rows[-1, OP] = MACHINE[name]
        assert changed(rows) == [False, False, False]


@settings(max_examples=20)
@given(samples=batches, widths=st.lists(st.integers(1, 17), min_size=3, max_size=3), shared=st.booleans())
def test_a_layer_that_two_others_read(samples: int, widths: list[int], shared: bool) -> None:
    """Its adjoint is the sum of two products, of which the second is added before the rectifier's slope is applied."""
    random = np.random.default_rng(sum(widths))
    first, second, third = (
        [[Value(x) for x in row] for row in random.normal(size=shape).tolist()]
        for shape in ((widths[0], 3), (widths[1], widths[0]), (widths[2], widths[0]))
    )
    b, c = ([Value(x) for x in random.normal(size=n).tolist()] for n in widths[:2])

    def f(x: Any, t: Any) -> Any:
        h = [(autograd.dot(row, x) + u).relu() for row, u in zip(first, b)]
        left = [(autograd.dot(row, h) + u).relu() for row, u in zip(second, c)]
        right = [(autograd.dot(row, h) + (c[0] if shared else 0.1)).relu() for row in third]
        return autograd.mean([*left, *right]) * t

    parameters = [*chain(*first, *second, *third), *b, *c]
    X, y = data(3, samples)
    for p in parameters:
        p.grad = 0.0
    for sample, t in zip(X.tolist(), y.tolist()):
        f([Value(v) for v in sample], t).backward(1.0 / samples)
    for backend in BACKENDS:
        program = compile(f, [(3,), ()], parameters, backend=backend)
        close(program.value_and_grad(X, y)[1], [p.grad for p in parameters])


# ---- listed samples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("dots", [False, True])
def test_listed_samples_stand_on_the_right(swapped: bool, dots: bool) -> None:
    """In either order: samples times 4 weights of length 70, or 4 adjoints times samples."""
    begin, width, samples = 1000, 70, 9
    row = np.zeros((2, COLUMNS), np.int64)
    row[:, OP], row[1, OP] = MACHINE["contract"], MACHINE["add"]
    row[:, 2:7] = (1, 1, 4, width, samples) if dots else (1, 1, 4, samples, width)
    o, a, b = ((9, 0, 1), (70, 1, 0), (0, 1, 70)) if dots else ((70, 0, 1), (9, 1, 0), (0, 70, 1))
    for at, start, steps in zip((8, 14, 20), (5, 500, begin), (o, *((b, a) if swapped else (a, b)))):
        row[:, at], row[:, at + 3 : at + 6] = start, steps
    if swapped:
        row[:, 14], row[:, 20] = begin, 500
    found = arrange.listed(row.copy(), begin, begin + samples * width, width)
    assert np.array_equal(found[1], row[1])  # no product
    expected = (1, 1, samples, 4, width) if dots else (1, 1, 4, samples, width)
    assert found[0, 2:7].tolist() == list(expected)
    assert found[0, 34] == -1 and found[0, 14] == 500 and found[0, 20] == 0
    assert found[0, 23:26].tolist() == [0, 0, 1]
    assert found[0, 17:20].tolist() == ([0, 70, 1] if dots else [9, 1, 0])
    assert found[0, 11:14].tolist() == ([1, 9, 0] if dots else [70, 0, 1])


BROKEN = {
    "an empty loop": (slice(2, 3), 0, "a loop is empty"),
    "a target behind the end": (OPERANDS, 10**6, "outside the memory"),
    "an operand before the beginning": (OPERANDS + 6, -1, "outside the memory"),
    "a step too far": (OPERANDS + 12 + 5, 10**6, "outside the memory"),
    "a step back too far": (OPERANDS + 12 + 5, -(10**6), "outside the memory"),
    "an outcome behind the end": (THEN + 1, 10**6, "passes on outside the memory"),
    "an unknown follower": (THEN, UNSEEN + AND_ADD, "what follows a product"),
}


@numba
@pytest.mark.parametrize(("column", "number", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_rows_are_refused(column: Any, number: int, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would read or write what is not theirs, and a crash says less than an error."""
    seen = []
    check = arrange.check
    monkeypatch.setattr(
        numba_backend, "check", lambda rows, size: seen.append((rows.copy(), size)) or check(rows, size)
    )
    model = nn.MLP(2, [16, 16, 1], seed=1)
    X, y = data(2, 100)
    program = compile(lambda x, t: nn.mse_loss(model(x), t[0]), [(2,), (1,)], model.parameters(), backend="numba")
    program.value_and_grad(X, y[:, :1] if y.ndim == 2 else y[:, None])
    rows, size = seen[-1]
    check(rows, size)
    (r,) = np.flatnonzero(rows[:, THEN] % UNSEEN == AND_RELU)[:1]
    rows[r, column] = number
    with pytest.raises(FormError, match=message):
        check(rows, size)
