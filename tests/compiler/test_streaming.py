"""Samples that a program reads where the caller keeps them, batches that are given again, and spare samples."""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import Program

NUMBA = importlib.util.find_spec("numba") is not None
BACKENDS = ["numpy", *(["numba"] if NUMBA else [])]
backends = pytest.mark.parametrize("backend", BACKENDS)
numba = pytest.mark.skipif(not NUMBA, reason="numba is not installed")
SIZES: dict[str, list[int]] = {"one layer": [420, 10], "two layers": [260, 16, 3]}
sizes = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


@functools.cache
def traced(size: tuple[int, ...]) -> tuple[Program, list[float]]:
    """The classifier as a program, to make others of without looking at its scalars again; and its parameters."""
    model = nn.MLP(size[0], [*size[1:]], seed=1)
    shapes = [(size[0],), (size[-1],)]
    program = compile(lambda x, t: nn.cross_entropy(model(x), t), shapes, model.parameters(), backend="numpy")
    return program, program.theta.tolist()


def classifier(size: list[int], backend: str = "numba", dtype: str = "float64") -> Any:
    """A new program, with memory of its own."""
    first, theta = traced(tuple(size))
    for parameter, data in zip(first.parameters, theta):
        parameter.data = data
    return made_of(first, dtype, backend)


def made_of(first: Program, dtype: str, backend: str) -> Program:
    """A program like another one, without a witness: the tests compare more than it would, and look at memory."""
    program = Program(
        first._scalars, first._packed, first.parameters, first.shapes, True, dtype, backend, first._source, {},
        first._names,
    )  # fmt: skip
    program.witness.known = 2
    return program


def data(size: list[int], samples: int = 21, seed: int = 0) -> tuple[Any, Any]:
    """Small whole numbers, which every type of array holds exactly, and classes."""
    rng = np.random.default_rng(seed)
    return rng.integers(-2, 3, size=(samples, size[0])).astype(float), np.eye(size[-1])[
        rng.integers(0, size[-1], samples)
    ]


def close(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Equal, measured by the largest number."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def shifted(X: Any) -> Any:
    """The same array, one number after the beginning of another."""
    spare = np.empty(X.size + 1)
    spare[1:] = X.reshape(-1)
    return spare[1:].reshape(X.shape)


def between(X: Any) -> Any:
    """The same array, four bytes after a place where a number can begin."""
    room = np.empty(X.nbytes + 4, np.uint8)
    room[4:] = np.frombuffer(X.tobytes(), np.uint8)
    return room[4:].view(float).reshape(X.shape)


def wider(X: Any) -> Any:
    room = np.full((2 * X.shape[0], 3 * X.shape[1]), math.nan)
    room[::2, ::3] = X
    return room[::2, ::3]


def readonly(X: Any) -> Any:
    X = X.copy()
    X.flags.writeable = False
    return X


FORMS: dict[str, Callable[[Any], Any]] = {
    "C": np.array, "Fortran": np.asfortranarray, "every other row": lambda X: np.repeat(X, 2, 0)[::2],
    "strided": wider, "backwards": lambda X: X[::-1].copy()[::-1], "float32": lambda X: X.astype(np.float32),
    "int64": lambda X: X.astype(int), "int8": lambda X: X.astype(np.int8), "one number later": shifted,
    "between two numbers": between, "read-only": readonly, "other bytes": lambda X: X.astype(">f8"),
}  # fmt: skip
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


# ---- one step -------------------------------------------------------------------------------------------------------


@numba
@sizes
def test_long_samples_are_read_where_they_lie(size: list[int]) -> None:
    """Nothing is copied from an array of the program's own kind."""
    X, y = data(size)
    program = classifier(size)
    assert program._machine.streamed == 0
    program.value_and_grad(X, y)
    inputs, targets = program._machine.inputs(len(X))
    assert not inputs.any() and np.array_equal(targets, y)
    program.value_and_grad(np.asfortranarray(X), y)
    assert np.array_equal(program._machine.inputs(len(X))[0], X)


@numba
@pytest.mark.parametrize("kind", ["many weights", "also by numbers", "also with itself"])
def test_what_other_rows_read_is_copied(kind: str) -> None:
    """Only thin products of one argument are worth reading it where it lies."""
    model, w = nn.MLP(260, [129 if kind == "many weights" else 16, 3], seed=1), Value(0.5, "v")

    def f(x: Any, t: Any) -> Any:
        loss = nn.cross_entropy(model(x), t)
        beside = {"many weights": w, "also by numbers": w * x[0].sin(), "also with itself": autograd.dot(x, x) * w}
        return loss + beside[kind]

    X, y = data([260, 3])
    programs = [compile(f, [(260,), (3,)], [*model.parameters(), w], backend=backend) for backend in BACKENDS]
    assert programs[1]._machine.by_sample and [p._machine.streamed for p in programs] == [-1, -1]
    results = [p.value_and_grad(X, y) for p in programs]
    close(results[1][0], results[0][0])
    close(results[1][1], results[0][1])


@backends
@sizes
@forms
def test_every_kind_of_array_gives_the_same(backend: str, size: list[int], form: Any) -> None:
    """Whole, by rows and in blocks; values, gradients by parameters and by inputs, and a step."""
    X, y = data(size)
    reference, program = classifier(size, "numpy"), classifier(size, backend)
    given = form(X)
    loss, gradient = reference.value_and_grad(X, y)
    for _ in range(2):
        found = program.value_and_grad(given, y)
        close(found[0], loss)
        close(found[1], gradient)
    close(program(given, y), reference(X, y))
    close(program.value_and_grad(given, y, wrt="inputs")[1][0], reference.value_and_grad(X, y, wrt="inputs")[1][0])
    rows = [20, 3, 3, 0, 7, 11, 1, 2, 19]
    for chosen in (None, rows, rows[:1], None):
        steps = [p.step(A, y, nn.SGD(p.parameters, 0.1), rows=chosen) for p, A in ((reference, X), (program, given))]
        close(steps[1], steps[0])
        close(program.theta, reference.theta)
    blocks = classifier(size, backend)
    blocks._machine.layout.block = 8
    found = blocks.value_and_grad(given, y)
    close(found[0], loss)
    close(found[1], gradient)


@numba
@sizes
@forms
def test_single_precision(size: list[int], form: Any) -> None:
    X, y = data(size)
    loss, gradient = classifier(size, "numpy").value_and_grad(X, y)
    program = classifier(size, dtype="float32")
    assert program._machine.streamed == 0
    for rows in (None, np.arange(21)):
        program.step(form(X), y, nn.SGD(program.parameters, 0.0), rows=rows)
        close(program.gradient, gradient, 1e-5)
    assert program.value_and_grad(form(X), y)[0] == pytest.approx(loss, rel=1e-6)


@settings(max_examples=25)
@given(
    width=st.sampled_from([256, 257, 263, 270]), samples=st.integers(1, 40), shift=st.integers(0, 9),
    classes=st.sampled_from([2, 3, 16]),
)  # fmt: skip
def test_any_length_and_place(width: int, samples: int, shift: int, classes: int) -> None:
    """Samples that begin anywhere in a line of the cache, and end anywhere."""
    size = [width, 16, classes]
    X, y = data(size, samples)
    room = np.full(X.size + shift + 9, math.nan)  # what lies beside the array is not read into a sum
    given = room[shift : shift + X.size].reshape(X.shape)
    given[...] = X
    loss, gradient = classifier(size, "numpy").value_and_grad(X, y)
    for backend in BACKENDS:
        found = classifier(size, backend).value_and_grad(given, y)
        close(found[0], loss)
        close(found[1], gradient)


# ---- several steps --------------------------------------------------------------------------------------------------


@backends
def test_numbers_changed_in_place_are_seen(backend: str) -> None:
    """Of the inputs and of the targets, whole and by rows, small programs and large ones."""
    for size in (*SIZES.values(), [2, 16, 3]):
        X, y = data(size)
        program = classifier(size, backend)
        optimizer = nn.SGD(program.parameters, 0.0)
        for step, rows in enumerate([None, None, [3, 1, 20], [3, 1, 20], [0], None]):
            X[step :: step + 2] *= -1.5
            y[step], y[-1 - step] = y[-1 - step].copy(), y[step].copy()
            chosen = slice(None) if rows is None else rows
            expected = classifier(size, backend).value_and_grad(X[chosen].copy(), y[chosen].copy())
            close(program.step(X, y, optimizer, rows=rows), expected[0])
            close(program.gradient, expected[1])


@backends
def test_lists_are_always_read_anew(backend: str) -> None:
    X, y = (array.tolist() for array in data([2, 16, 3]))
    program = classifier([2, 16, 3], backend)
    for step in range(4):
        X[step][1], y[step] = 7.0 + step, [0.0, 1.0, 0.0]
        expected = classifier([2, 16, 3], backend).value_and_grad(np.array(X), np.array(y))
        loss = program.step(X, y, nn.SGD(program.parameters, 0.0), rows=None)
        assert loss == expected[0] and np.array_equal(program.gradient, expected[1])


@backends
@pytest.mark.parametrize("size", [*SIZES.values(), [2, 16, 3]])
def test_two_programs_on_one_array(backend: str, size: list[int]) -> None:
    """Neither disturbs the other; each trains as if it were alone."""
    X, y = data(size)
    found = []
    for together in (False, True):
        programs = [classifier(size, backend) for _ in range(2)]
        optimizers = [nn.SGD(p.parameters, rate) for p, rate in zip(programs, (0.1, 0.01))]
        order = [0, 1, 0, 1, 0, 1] if together else [0, 0, 0, 1, 1, 1]
        for which in order:
            programs[which].step(X, y, optimizers[which])
        found.append([p.theta.copy() for p in programs])
    assert np.array_equal(found[0], found[1])


@backends
@pytest.mark.parametrize("size", [*SIZES.values(), [2, 16, 3]])
@pytest.mark.parametrize("rows", [None, [4, 0, 20, 3, 8, 1, 2, 9, 11]])
def test_what_happens_between_two_steps_does_not_matter(backend: str, size: list[int], rows: Any) -> None:
    """A call, gradients of each sample and by inputs, the lens, a refused batch, another batch: the steps stay."""
    X, y = data(size)
    found = []
    for disturbed in (False, True):
        program = classifier(size, backend)
        optimizer = nn.SGD(program.parameters, 0.1, momentum=0.9)
        for step in range(7):
            program.step(X, y, optimizer, rows=rows)
            if disturbed:
                if step == 0:
                    program(X, y)
                elif step == 1:
                    program.value_and_grad(X[:5], y[:5], per_sample=True)
                elif step == 2:
                    program.lens(1)
                elif step == 3:
                    program.value_and_grad(X, y, wrt="inputs")
                elif step == 4:
                    with pytest.raises(ValueError, match="must have the shape"):
                        program(X, y[:, :-1])
                else:
                    program.value_and_grad(X[::-1] * math.pi, y[::-1])
        found.append(program.theta.copy())
    assert np.array_equal(*found)


@backends
@sizes
def test_each_sample_alone(backend: str, size: list[int]) -> None:
    """Its gradients, and the lens on it, agree with those of a batch of one."""
    X, y = data(size, 6)
    program = classifier(size, backend)
    losses, slopes = program.value_and_grad(X, y, per_sample=True)
    for i in range(6):
        loss, gradient = classifier(size, "numpy").value_and_grad(X[i : i + 1], y[i : i + 1])
        close(losses[i], loss)
        close(slopes[i], gradient)
    assert program.lens(2).data == pytest.approx(losses[2], rel=1e-12)


@backends
@sizes
def test_arrays_that_come_and_go(backend: str, size: list[int]) -> None:
    """A new array in each step, where the last one was: it is read, not the old one."""
    program, reference = classifier(size, backend), classifier(size, "numpy")
    optimizers = [nn.SGD(p.parameters, 0.1) for p in (program, reference)]
    for step in range(6):
        X, y = data(size, 21 - step % 2, seed=step)
        losses = [p.step(X, y, o) for p, o in zip((program, reference), optimizers)]
        close(*losses)
        del X, y
    close(program.theta, reference.theta)


@backends
@sizes
def test_where_samples_lie_does_not_matter_to_a_bit(backend: str, size: list[int]) -> None:
    """A run gives the same numbers again, wherever the system puts the arrays; and so does a copy."""
    X, y = data(size, 21)
    program = classifier(size, backend)
    loss, gradient = program.value_and_grad(np.asfortranarray(X), y)  # copied by the program
    for shift in range(9):
        moved = np.empty(X.size + shift)[shift:].reshape(X.shape)
        moved[...] = X
        found = program.value_and_grad(moved, y)
        assert found[0] == loss and np.array_equal(found[1], gradient)


@backends
@sizes
def test_an_array_that_takes_another_form_is_refused(backend: str, size: list[int]) -> None:
    X, y = data(size, 20)
    program = classifier(size, backend)
    optimizer = nn.SGD(program.parameters, 0.1)
    program.step(X, y, optimizer)
    theta = program.theta.copy()
    X.resize((10, 2 * size[0]), refcheck=False)  # in place
    for rows in (None, [0, 1]):
        with pytest.raises(ValueError, match="argument 1 must have the shape"):
            program.step(X, y, optimizer, rows=rows)
    assert np.array_equal(program.theta, theta)
    X.resize((20, size[0]), refcheck=False)
    again = classifier(size, backend)
    program.theta[:] = again.theta
    assert program.step(X, y, optimizer) == again.step(X.copy(), y.copy(), nn.SGD(again.parameters, 0.1))


@backends
def test_a_step_that_cannot_be_made(backend: str) -> None:
    """Of no samples at all, or down no loss."""
    w = Value(1.0, "w")
    optimizer = nn.SGD([w], 0.1)
    program = compile(lambda x: w * x, [()], [w], backend=backend)
    with pytest.raises(ValueError, match="the batch is empty"):
        program.step(np.zeros(0), optimizer)
    several = compile(lambda x: [w * x, w + x], [()], [w], backend=backend)
    with pytest.raises(TypeError, match="compile the loss, not the prediction"):
        several.step(np.ones(3), optimizer)
    assert program.theta.tolist() == several.theta.tolist() == [1.0]


# ---- nan and infinity -----------------------------------------------------------------------------------------------


@numba
@sizes
@pytest.mark.parametrize("form", [np.array, np.asfortranarray, shifted], ids=["C", "Fortran", "one number later"])
@pytest.mark.parametrize("odd", [math.nan, -math.inf, 1e308])
def test_with_care_as_numpy(size: list[int], form: Any, odd: float) -> None:
    """A weight that is not finite, or a gradient that is not: the second, careful run gives what NumPy gives."""
    X, y = data(size)
    for place in (3, -1):  # a weight of the first layer, a bias of the last
        results = []
        for backend in ("numpy", "numba"):
            program = classifier(size, backend)
            program.theta[place] = odd
            results.append(program.value_and_grad(form(X), y))
            close_or_odd(program.value_and_grad(form(X), y)[1], results[-1][1])
        close_or_odd(results[1][0], results[0][0])
        close_or_odd(results[1][1], results[0][1])


def close_or_odd(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


@numba
def test_samples_that_are_not_finite() -> None:
    for size in SIZES.values():
        for odd in (math.nan, math.inf, 1e308):
            X, y = data(size)
            X[4, 7], X[9, 0], X[20, -1] = odd, 0.0, -odd
            for rows in (None, [0, 4, 1, 20], [1, 2, 3]):
                chosen = slice(None) if rows is None else rows
                results = [classifier(size, backend).value_and_grad(X[chosen], y[chosen]) for backend in BACKENDS]
                close_or_odd(results[1][0], results[0][0])
                close_or_odd(results[1][1], results[0][1])
                program = classifier(size)
                program.value_and_grad(X, y)
                close_or_odd(program.value_and_grad(X[chosen], y[chosen])[1], results[0][1])


SPARE: dict[str, Any] = {
    "classifier": ([2, 16, 3], lambda model: lambda x, t: nn.cross_entropy(model(x), t)),
    "regression": ([3, 16, 16, 2], lambda model: lambda x, t: sum(v * v for v in [a - b for a, b in zip(model(x), t)])),
    "long": ([260, 16, 3], lambda model: lambda x, t: nn.cross_entropy(model(x), t)),
    "dense": ([64, 64, 3], lambda model: lambda x, t: nn.cross_entropy(model(x), t)),
    "poles": ([3, 4, 3], lambda model: lambda x, t: sum(autograd.log(v.exp() / u) for v, u in zip(model(x), x)) * t[0]),
}


@backends
@pytest.mark.parametrize("kind", SPARE)
@pytest.mark.parametrize("odd", [math.nan, 1e308])
def test_spare_samples_never_leak(backend: str, kind: str, odd: float) -> None:
    """What an earlier, longer batch left beyond the last sample changes no bit."""
    size, made = SPARE[kind]
    model = nn.MLP(size[0], size[1:], seed=1)
    random = np.random.default_rng(0)
    X, y = random.uniform(0.5, 1.5, (100, size[0])), np.eye(size[-1])[random.integers(0, size[-1], 100)]
    wrong = X.copy()
    wrong[96:] = odd

    first = compile(made(model), [(size[0],), (size[-1],)], model.parameters(), backend="numpy")

    def fresh() -> Any:
        return made_of(first, "float64", backend)

    program = fresh()
    for samples in (97, 98, 9, 1):
        program.value_and_grad(wrong, y)
        program(wrong, y)
        found, expected = (p.value_and_grad(X[:samples], y[:samples]) for p in (program, fresh()))
        assert found[0] == expected[0] and math.isfinite(found[0])
        assert np.array_equal(found[1], expected[1])
        assert np.array_equal(program(X[:samples], y[:samples]), fresh()(X[:samples], y[:samples]))
        program.value_and_grad(wrong, y, wrt="inputs")
        slopes = [p.value_and_grad(X[:samples], y[:samples], wrt="inputs")[1][0] for p in (program, fresh())]
        assert np.array_equal(*slopes)


# ---- machine code ---------------------------------------------------------------------------------------------------


@numba
def test_without_machine_code_the_dispatcher_serves() -> None:
    """Where numba does not tell its machine code, or has none for such arguments."""
    from autograd.compiler.kernels.vectors import Cached

    def double(x: float) -> float:
        return x * 2

    cached = Cached(double)
    assert cached.code(2.0) is cached.compiled  # not called yet
    assert cached(2.0) == 4.0
    code = cached.code(2.0)
    assert code is not cached.compiled and code(3.0) == 6.0
    assert cached.code(2) is cached.compiled
    cached.compiled = double
    assert cached.code(2.0) is double


# ---- arguments that meet each other ---------------------------------------------------------------------------------

TERMS: dict[str, Callable[..., Any]] = {
    "two arguments": lambda x, z, w: autograd.dot(x, z),
    "an argument and itself": lambda x, z, w: autograd.dot(x, x),
    "parts": lambda x, z, w: sum(autograd.dot(x[i : i + 9], z[:9]) ** 2 for i in range(0, 60, 10)),
    "one number each": lambda x, z, w: sum(a * b * c for a, b, c in zip(x, z, w)),
    "parameters": lambda x, z, w: autograd.dot(x, w) * autograd.dot(z, w),
    "one that reads another": lambda x, z, w: autograd.dot([a * c for a, c in zip(x, w)], z),
}


@numba
@settings(max_examples=12)
@given(
    terms=st.lists(st.sampled_from([*TERMS]), min_size=1, max_size=3), n=st.sampled_from([64, 70, 128]),
    samples=st.sampled_from([1, 7, 8, 9, 17, 40]), large=st.booleans(), dtype=st.sampled_from(["float64", "float32"]),
)  # fmt: skip
def test_long_arguments_in_any_product(terms: list[str], n: int, samples: int, large: bool, dtype: str) -> None:
    """A product in which each sample meets a vector of its own is not read as one in which all meet the same."""
    rng = np.random.default_rng(0)
    X, Z, U = (rng.integers(-2, 3, size=(samples, k)).astype(float) for k in (n, n, 64))
    model = nn.MLP(64, [64, 1], "tanh", seed=1) if large else nn.MLP(64, [1], seed=1)
    w = [Value(x) for x in rng.normal(size=n).tolist()]

    def f(x: Any, z: Any, u: Any) -> Any:
        return sum(TERMS[term](x, z, w) for term in terms) + model(u)

    shapes, parameters = [(n,), (n,), (64,)], [*w, *model.parameters()]
    first = compile(f, shapes, parameters, backend="numpy")
    reference, program = made_of(first, "float64", "numpy"), made_of(first, dtype, "numba")
    rel = 1e-12 if dtype == "float64" else 1e-3
    close(program(X, Z, U), reference(X, Z, U), rel)
    close(program.value_and_grad(X, Z, U)[1], reference.value_and_grad(X, Z, U)[1], rel)
    slopes = [p.value_and_grad(X, Z, U, wrt="inputs")[1] for p in (program, reference)]
    for own, other in zip(*slopes):
        close(own, other, rel)
