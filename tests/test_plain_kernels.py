"""The kernels as plain Python: what numba compiles, run by the interpreter and compared with the NumPy backend.

Machine code cannot be looked into. Here each line of it runs on tiny programs, on every kind of row, so that coverage
says which lines no program reaches, and a mistake shows as a wrong number and not as a crash of the process.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import math
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile, ops
from autograd.compiler import numba_backend
from autograd.value import apply

pytestmark = pytest.mark.skipif(int(np.__version__[0]) < 2, reason="NumPy 1 makes floats of unsigned addresses")
OURS = ("autograd.compiler.kernels", "nn.loops")
INTRINSICS: dict[str, Callable[..., Any]] = {
    "select": lambda condition, x, y: x if condition else y,
    "_prefetch": lambda array, index: None,
}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def undecorated(*functions: Any, **options: Any) -> Any:
    """`numba.njit` that compiles nothing."""
    return functions[0] if functions else lambda function: function


@functools.cache
def modules() -> dict[str, types.ModuleType]:
    """The package of kernels, and the loops of the optimizers, loaded with a numba that compiles nothing."""
    numba, extending, llvmlite = (types.ModuleType(name) for name in ("numba", "numba.extending", "llvmlite"))
    numba.njit, numba.types = undecorated, None  # type: ignore[attr-defined]
    extending.intrinsic = lambda function: INTRINSICS[function.__name__]  # type: ignore[attr-defined]
    llvmlite.ir = None  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        for module in (numba, extending, llvmlite):
            patch.setitem(sys.modules, module.__name__, module)
        for place, name in ((autograd.compiler, "kernels"), (nn, "loops")):
            patch.setattr(place, name, None, raising=False)  # so that what is there now comes back
        compiled = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(OURS)}
        try:
            for name in OURS:
                importlib.import_module(name)
            return {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(OURS)}
        finally:
            sys.modules.update(compiled)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Programs and optimizers run the kernels as plain Python."""
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)
        if name in OURS:
            place, _, attribute = name.rpartition(".")
            monkeypatch.setattr(sys.modules[place], attribute, module, raising=False)
    with np.errstate(all="ignore"):
        yield modules()[OURS[0]]


def weights(count: int) -> list[Value]:
    return [Value(0.3 + 0.05 * i, f"w{i + 1}") for i in range(count)]


def same(plain: Any, f: Any, shapes: list[Any], parameters: list[Value], batch: list[Any], block: int = 0) -> None:
    """Values and gradients, by parameters and by inputs, with and without the rule of zeros, are those of NumPy."""
    results: list[list[Any]] = []
    for backend in ("numpy", "numba"):
        found: list[Any] = []
        program = compile(f, shapes, parameters, backend=backend)
        if block:
            program._machine.layout.block = block
        found.append(program(*batch))
        if program._single:
            found += program.value_and_grad(*batch)
            found += program.value_and_grad(*batch, wrt="inputs")[1] if shapes else []
            samples = min(len(batch[0]) if batch else 1, program._machine.layout.block)
            program._machine.run(("shared", "forward", "reverse", "finish"), samples, True, True)  # with care
            found.append(program._machine.gradient.copy())
        if backend == "numba":
            assert inspect.isfunction(program._machine._compiled), "the kernels are those of the interpreter"
        results.append(found)
    for expected, got in zip(*results):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


# ---- operations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(name for name, op in ops.TABLE.items() if not op.takes_list))
def test_operations(plain: Any, name: str) -> None:
    """Of inputs, of parameters, of both in either order, several at once and beside constants."""
    op = ops.TABLE[name]
    count = len(op.arguments)

    def of(*nodes: Any) -> Value:
        return apply(op, tuple(nodes[i % len(nodes)] for i in range(count)))

    w, half, quarter = weights(3), Value(0.5), Value(0.25)
    X = rng().uniform(0.1, 0.9, size=(4, 3))
    same(plain, lambda x: [of(x[0], w[0]), of(w[1], x[1]), of(x[2], x[0])], [(3,)], w, [X])
    same(plain, lambda x: sum((of(a, b) * of(b, a) for a, b in zip(x, w)), of(*w)), [(3,)], w, [X])
    same(plain, lambda x: of(x, half) * of(quarter, x) + of(w[0], w[1]), [()], w, [X[:, 0]], block=3)


def test_comparisons_and_choices(plain: Any) -> None:
    w = weights(2)

    def f(x: Any) -> Any:
        chosen = [autograd.where(a < b, a * w[0], b) for a, b in itertools.pairwise(x)]
        return sum(chosen) + autograd.where(w[0] <= w[1], w[0], x[0]) + sum(v.relu() * v for v in x)

    same(plain, f, [(4,)], w, [rng().normal(size=(5, 4))])


# ---- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("width", [3, 9])
def test_networks(plain: Any, activation: str, width: int) -> None:
    """Matrix products by vectors: in fours, in pairs, one by one and four by four, as numbers and as dots."""
    model = nn.MLP(width, [width, 7, 1], activation, seed=1)
    X, y = rng().normal(size=(6, width)), rng().normal(size=6)
    same(plain, lambda x, t: nn.mse_loss(model(x), t), [(width,), ()], model.parameters(), [X, y])
    same(plain, lambda x, t: nn.mse_loss(model(x), t), [(width,), ()], model.parameters(), [X, y], block=4)


def test_inputs_that_lie_sample_by_sample(plain: Any) -> None:
    """As they do beside a large matrix product, so that what is added to their gradients stands far apart."""
    width = 64
    layer = nn.MLP(width, [width], "tanh", output="tanh", seed=1)
    w = weights(1)[0]

    def f(x: Any) -> Any:
        beside = sum(a * b + a.sin() * w for a, b in itertools.pairwise(x))
        return sum(layer(x)) + beside + x[3] * w - x[5] + x[7]

    assert compile(f, [(width,)], backend="numba")._machine.by_sample
    same(plain, f, [(width,)], [w], [rng().normal(size=(3, width))])


def test_products_of_parameters(plain: Any) -> None:
    """What is shared by the batch: one number each, and sums over samples in the reverse pass."""
    a, b = weights(40), weights(40)[::-1]

    def f(x: Any) -> Any:
        rows = [autograd.dot(a[5 * i : 5 * i + 5], b[:5]) for i in range(8)]
        return autograd.dot(rows, [x * (1.0 + i) for i in range(8)]) + sum(v.exp() for v in a[:3]) - sum(b[:11])

    same(plain, f, [()], [*a, *b], [rng().normal(size=3)])
    same(plain, lambda: autograd.dot(a, b) - a[0].relu() + sum(v.sqrt() for v in b), [], [*a, *b], [])


def test_sums_and_operands_in_any_order(plain: Any) -> None:
    w = weights(4)
    order = (3, 0, 2, 1, 1, 3)

    def f(x: Any) -> Any:
        mixed = [x[i].tanh() * w[j] for i, j in zip(order, (2, 0, 0, 3, 1, 1))]
        return sum(mixed) - x[0] - x[1] + autograd.log_sum_exp([x[i] for i in order]) + autograd.mean(mixed)

    same(plain, f, [(4,)], w, [rng().normal(size=(5, 4))])
    same(plain, lambda x: [-x[0] - x[1], x[2] - w[0], w[1] - x[3], -w[2]], [(4,)], w, [rng().normal(size=(5, 4))])


def test_lists(plain: Any) -> None:
    w = weights(3)

    def f(x: Any) -> Any:
        shared, batched = autograd.softmax(w), autograd.softmax([a * b for a, b in zip(x, w)])
        return autograd.dot(shared, batched) + autograd.log_sum_exp(w) * autograd.log_sum_exp(x)

    same(plain, f, [(3,)], w, [rng().normal(size=(4, 3))])
    lists = np.array([[0.0, -math.inf], [math.inf, math.inf], [math.nan, 1.0], [3.0, 582.0], [1.0, 1.0]])
    same(plain, autograd.softmax, [(2,)], [], [lists])
    same(plain, lambda x: [autograd.log_sum_exp(x)], [(2,)], [], [lists])


def test_a_zero_carries_nothing(plain: Any) -> None:
    w = [Value(math.inf), Value(2.0), Value(0.0)]
    X = np.array([[0.0, 1.0, 2.0], [0.0, 0.5, 0.0]])
    program = compile(lambda x: autograd.dot(w, x) ** 2 + w[1] * w[2] * x[1], [(3,)], w, backend="numba")
    loss, gradient = program.value_and_grad(X)
    expected = compile(lambda x: autograd.dot(w, x) ** 2 + w[1] * w[2] * x[1], [(3,)], w, backend="numpy")
    np.testing.assert_array_equal(gradient, expected.value_and_grad(X)[1])
    assert not math.isfinite(loss)


def test_exp_at_the_ends_of_its_range(plain: Any) -> None:
    xs = np.array([0.0, -0.0, 1.0, -745.13, -745.14, 709.78, 709.79, math.inf, -math.inf, math.nan])
    program = compile(autograd.exp, [()], [], backend="numba")
    np.testing.assert_allclose(program(xs), np.exp(xs), rtol=1e-15)


@pytest.mark.parametrize("width", [numba_backend.FAR, numba_backend.FAR + 5])
def test_rows_of_an_array(plain: Any, width: int) -> None:
    X, out = rng().normal(size=(9, width)), np.zeros((4, width))
    rows = np.array([7, 0, 8, 3])
    plain.take_rows(X.reshape(-1), rows, out.reshape(-1), width)
    np.testing.assert_array_equal(out, X[rows])


@pytest.mark.parametrize("make", [nn.SGD, nn.AdaGrad, nn.RMSprop, nn.Adam])
def test_rules_of_optimizers(plain: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loops = importlib.import_module("nn.loops")
    assert inspect.isfunction(loops.LOOPS[make.rule].compiled)
    found = []
    for table in (loops.LOOPS, {}):  # without a loop, the rule on whole arrays
        monkeypatch.setattr(loops, "LOOPS", table)
        optimizer, theta = make(weights(256), 0.1, weight_decay=0.01), np.linspace(-1, 1, 256)
        for gradient in rng().normal(size=(3, 256)):
            optimizer.step_arrays(theta, gradient)
        found.append(theta)
    np.testing.assert_array_equal(*found)
    assert np.abs(found[0] - np.linspace(-1, 1, 256)).min() > 0


# ---- vectors --------------------------------------------------------------------------------------------------------

VECTORS: dict[str, Callable[[float, float, float], float]] = {
    "add": lambda o, a, b: a + b, "sub": lambda o, a, b: a - b, "mul": lambda o, a, b: a * b,
    "div": lambda o, a, b: a / b, "copy": lambda o, a, b: a, "step": lambda o, a, b: 0.0 if b <= 0 else a,
    "rectified": lambda o, a, b: 0.0 if a <= 0 else a, "exponential": lambda o, a, b: math.exp(a),
    "square_root": lambda o, a, b: math.sqrt(abs(a)), "add_to": lambda o, a, b: o + a, "sub_to": lambda o, a, b: o - a,
    "product_to": lambda o, a, b: o + a * b, "careful_product_to": lambda o, a, b: o + a * b,
    "step_to": lambda o, a, b: o + (0.0 if b <= 0 else a),
}  # fmt: skip
"""What each kernel does to a number o of its target, given numbers a and b."""


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_with_every_step(plain: Any, name: str) -> None:
    """Step 0 stays at a number (a target then takes the sum), 1 goes to the neighbour, 3 further on."""
    kernel, count = getattr(plain.vectors, name), 5
    memory = rng().integers(-3, 4, size=60).astype(float)
    memory[40:] = [x or 0.5 for x in memory[40:]]  # nothing is divided by 0
    if name == "square_root":
        memory = np.abs(memory)
    for so, sa, sb in itertools.product((0, 1, 3) if name.endswith("_to") else (1, 3), (0, 1, 3), (0, 1, 3)):
        expected, found = memory.copy(), memory.copy()
        for k in range(count):
            expected[k * so] = VECTORS[name](expected[k * so], memory[20 + k * sa], memory[40 + k * sb])
        kernel(found, *(np.uint64(n) for n in (0, so, 20, sa, 40, sb, count)))
        np.testing.assert_allclose(found, expected, rtol=1e-15, err_msg=f"steps {so}, {sa}, {sb}")


def test_a_careful_product(plain: Any) -> None:
    for x, y in itertools.product((0.0, -0.0, 2.0, math.inf, -math.inf, math.nan), repeat=2):
        found, exact = plain.vectors.careful(x, y), x * y
        assert found == 0 if 0 in (x, y) else found == exact or (found != found and exact != exact), (x, y)
    memory = np.array([1.0, 0.0, math.nan, math.inf, 0.0, 2.0, 3.0])
    plain.vectors.careful_product_to(memory, *map(np.uint64, (0, 0, 1, 1, 4, 1, 2)))  # 0·0 + nan·2
    assert math.isnan(memory[0])
    memory[0] = 1.0
    plain.vectors.careful_product_to(memory, *map(np.uint64, (0, 0, 3, 1, 4, 1, 1)))  # ∞·0
    assert memory[0] == 1.0


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        ((200, 60, 9, 0, 1), (300, 90, 17, 2, 0), (400, 100, 0, 7, 1)),  # numbers times vectors, which are shared
        ((200, 60, 9, 0, 1), (300, 90, 17, 2, 0), (400, 100, 31, 7, 1)),
        ((200, 60, 9, 1, 0), (300, 90, 0, 11, 1), (400, 100, 31, 0, 1)),  # dots with vectors that are shared
        ((200, 60, 9, 1, 0), (300, 90, 23, 11, 1), (400, 100, 31, 0, 1)),
        ((200, 60, 9, 2, 3), (300, 90, 23, 11, 5), (400, 100, 31, 3, 2)),
        ((0, 0, 0, 0, 0), (300, 90, 23, 11, 5), (400, 100, 31, 3, 2)),
    ],
)
def test_contractions_along_five_loops(plain: Any, steps: tuple[tuple[int, ...], ...], careful: bool) -> None:
    lengths, starts = (2, 3, 5, 7, 4), (5, 1000, 3000)
    expected = rng().integers(-3, 4, size=5000).astype(float)
    found = expected.copy()
    for place in np.ndindex(lengths):
        o, a, b = (start + int(np.dot(place, step)) for start, step in zip(starts, steps))
        expected[o] += expected[a] * expected[b]
    row = np.zeros(32, np.uint64)
    row[2:7] = lengths
    for column, start, step in zip((8, 14, 20), starts, steps):
        row[column], row[column + 1 : column + 6] = start, step
    plain._contract(found, row, careful)
    np.testing.assert_array_equal(found, expected)


# ---- instructions of our own ---------------------------------------------------------------------------------------


def test_the_intrinsics_compile() -> None:
    """What LLVM is told: a choice without a branch, and a number asked for ahead."""
    numba = pytest.importorskip("numba")
    from autograd.compiler.kernels import vectors

    @numba.njit
    def chosen(xs: Any) -> Any:
        vectors._prefetch(xs, np.uint64(1))
        return vectors.select(xs[0] > xs[1], xs[0], xs[1])

    assert chosen(np.array([2.0, 3.0])) == 3.0 and chosen(np.array([4.0, 3.0])) == 4.0
