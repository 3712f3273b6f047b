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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile, ops
from autograd.compiler import machine, numba_backend, rows
from autograd.value import apply

OURS = ("autograd.compiler.kernels", "nn.loops")
BYTES = 16
"""Of a vector here, as on a processor without AVX: two doubles, so that tiny programs reach every tail."""


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# ---- what LLVM does ---------------------------------------------------------------------------------------------

Tile = np.ndarray[Any, Any]  # height × width vectors: (height, width, lanes)


def begin(M: Any, *, height: int, width: int) -> Tile:
    return np.zeros((height, width, BYTES // M.itemsize), M.dtype)


def load(M: Any, at: Any, lanes: int, n: Any) -> Any:
    """The vector at an address; lanes from n on are 0, and nothing is read for them."""
    count = lanes if n is None else min(int(n), lanes)
    vector = np.zeros(lanes, M.dtype)
    assert int(at) + count <= M.size, "a vector reaches beyond the memory"
    vector[:count] = M[at : at + count]
    return vector


def grow(tile: Tile, M: Any, a: Any, ra: Any, b: Any, n: Any) -> Tile:
    height, width, lanes = tile.shape
    columns = np.stack([load(M, b + c * lanes, lanes, n) for c in range(width)])
    return tile + np.stack([M[a + r * ra] * columns for r in range(height)])


def grow_dots(tile: Tile, M: Any, a: Any, ra: Any, b: Any, rb: Any, L: Any, listed: Any, j: Any, n: Any) -> Tile:
    height, width, lanes = tile.shape
    columns = np.stack([load(M, b + c * rb + L[(j + c + 1) & listed], lanes, n) for c in range(width)])
    return tile + np.stack([load(M, a + r * ra, lanes, n) * columns for r in range(height)])


def ask(tile: Tile, M: Any, b: Any, L: Any, j: Any) -> None:
    """No address is too far to be asked for, but the list of them must be long enough."""
    assert int(j) + tile.shape[1] < L.size, "a place beyond the list is looked up"


def grow_sums(tile: Tile, M: Any, a: Any, ra: Any, n: Any) -> Tile:
    height, width, lanes = tile.shape
    assert width == 1
    return tile + np.stack([load(M, a + r * ra, lanes, n)[None] for r in range(height)])


CHANGES: dict[str, Callable[..., Any]] = {
    "_plus": lambda x, M, row, lane, n: load(M, row + lane, len(x), n) + x,
    "_plus_number": lambda x, M, row, lane, n: M[row] + x,
    "_rectified": lambda x, M, row, lane, n: np.where(x <= 0, x.dtype.type(0), x),
    "_stepped": lambda x, M, row, lane, n: np.where(load(M, row + lane, len(x), n) <= 0, x.dtype.type(0), x),
}


def changed(tile: Tile, M: Any, c: Any, rc: Any, n: Any, *, change: Any) -> Tile:
    height, width, lanes = tile.shape
    f = CHANGES[change.__name__]
    rows = [[f(tile[r, i], M, c + r * rc, i * lanes, n) for i in range(width)] for r in range(height)]
    return np.array(rows, M.dtype)


def put(tile: Tile, M: Any, o: Any, ro: Any, n: Any) -> None:
    height, width, lanes = tile.shape
    count = lanes if n is None else min(int(n), lanes)
    for r, i in np.ndindex(height, width):
        at = o + r * ro + i * lanes
        assert int(at) + count <= M.size, "a vector reaches beyond the memory"
        M[at : at + count] = tile[r, i, :count]


def put_sums(tile: Tile, M: Any, o: Any, ro: Any, co: Any, add: Any) -> None:
    for (r, c), total in np.ndenumerate(tile.sum(axis=2)):
        at = o + r * ro + c * co
        M[at] = M[at] + total if add else total


INTRINSICS: dict[str, Callable[..., Any]] = {
    "select": lambda condition, x, y: x if condition else y,
    "_prefetch": lambda array, index: None,
    "pointer": lambda array: array.reshape(-1),
    "zero": lambda M: M.dtype.type(0),
    "lanes": lambda M: np.uint64(BYTES // M.itemsize),
    "past_line": lambda M, i: np.uint64((M.ctypes.data + int(i) * M.itemsize) % BYTES // M.itemsize),
    "begin": begin, "grow": grow, "grow_dots": grow_dots, "grow_sums": grow_sums, "ask": ask,
    "changed": changed, "put": put, "put_sums": put_sums,
}  # fmt: skip
"""What each intrinsic does, by its name."""


def intrinsic(function: Any) -> Any:
    """`numba.extending.intrinsic`; one that another function makes is told what it is made with, by name."""
    made_with = inspect.getclosurevars(function).nonlocals
    return functools.partial(INTRINSICS[function.__name__], **made_with)


def undecorated(*functions: Any, **options: Any) -> Any:
    """`numba.njit` that compiles nothing."""
    return functions[0] if functions else lambda function: function


def absent() -> dict[str, types.ModuleType]:
    """Numba and llvmlite, as far as the kernels name them."""
    contents: dict[str, dict[str, Any]] = {
        "numba": {"njit": undecorated, "typeof": type},
        "numba.types": {"Type": object},
        "numba.extending": {"intrinsic": intrinsic, "register_model": lambda kind: lambda model: model},
        "numba.core": {},
        "numba.core.datamodel": {"models": types.SimpleNamespace(PrimitiveModel=object)},
        "llvmlite": {"ir": None},
        "llvmlite.binding": {"get_host_cpu_features": dict},
    }
    modules = {name: types.ModuleType(name) for name in contents}
    for name, module in modules.items():
        vars(module).update(contents[name])
        package, _, attribute = name.rpartition(".")
        if package:
            setattr(modules[package], attribute, module)
    return modules


@functools.cache
def modules() -> dict[str, types.ModuleType]:
    """The package of kernels, and the loops of the optimizers, loaded with a numba that compiles nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in absent().items():
            patch.setitem(sys.modules, name, module)
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
    if int(np.__version__[0]) < 2:
        pytest.skip("NumPy 1 makes floats of unsigned addresses")
    assert modules()[OURS[0]].tiles.BYTES == BYTES
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
        program.witness.known = 2  # it has samples read where they lie, outside the memory that is looked after here
        if block:
            program._machine.layout.block = block
        found.append(program(*batch))
        if program._single:
            found += program.value_and_grad(*batch)
            found += program.value_and_grad(*batch, wrt="inputs")[1] if shapes else []
            samples = min(len(batch[0]) if batch else 1, program._machine.layout.block)
            program._last.fill(program._machine, 0, samples, careful=True)
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
    """Of inputs, of parameters, of both in either order, several at once and with constants."""
    op = ops.TABLE[name]
    count = len(op.arguments)

    def of(*nodes: Any) -> Value:
        chosen = [nodes[i % len(nodes)] for i in range(count)]
        return apply(op, tuple(1.0 + x for x in chosen) if name == "acosh" else tuple(chosen))  # a number from 1 upward

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
    """As they do next to a large matrix product, so that what is added to their gradients stands far apart."""
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
    same(plain, autograd.log_softmax, [(2,)], [], [lists])
    same(
        plain,
        lambda x: autograd.dot(autograd.log_softmax(w), autograd.log_softmax(x)),
        [(3,)],
        w,
        [rng().normal(size=(4, 3))],
    )
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


def test_where_rows_begin(plain: Any) -> None:
    """As this many numbers from the memory onward, also before it; spare samples are the last one again."""
    numbers = np.arange(200.0)
    memory, X = numbers[100:150], numbers[10:60].reshape(10, 5)
    chosen, places = np.array([7, 0, 9]), np.zeros(8, np.uint64)
    assert plain.place_rows(X, chosen, memory, places, 4)
    np.testing.assert_array_equal(numbers[100 + places[1:5].astype(np.int64)], X[[7, 0, 9, 9], 0])
    assert places[0] == 0 and not places[5:].any()
    between = np.frombuffer(numbers.tobytes()[:84], np.uint8)[4:].view(float).reshape(2, 5)
    if between.ctypes.data % 8:
        assert not plain.place_rows(between, np.arange(2), memory, places, 2)


def test_samples_that_are_listed(plain: Any) -> None:
    """A classifier whose inputs are long: samples times a few weights, and adjoints times samples, at listed places."""
    model = nn.MLP(260, [16, 2], seed=1)
    X, y = np.asfortranarray(rng().normal(size=(5, 260))), np.eye(2)[rng().integers(0, 2, 5)]

    def f(x: Any, t: Any) -> Any:
        return nn.cross_entropy(model(x), t)

    assert compile(f, [(260,), (2,)], model.parameters(), backend="numba")._machine.streamed == 0
    same(plain, f, [(260,), (2,)], model.parameters(), [X, y])
    same(plain, f, [(260,), (2,)], model.parameters(), [X, y], block=3)


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
        found.append(theta.copy())
        gradient[200] = math.inf
        with pytest.raises(FloatingPointError, match="parameter w201 is inf; nothing was changed"):
            optimizer.step_arrays(theta, gradient)
        np.testing.assert_array_equal(theta, found[-1])
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
    """Step 0 stays at a number (a target then takes the sum), 1 goes to the neighbor, 3 further on."""
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


# ---- contractions, as plain Python and as machine code --------------------------------------------------------------

REACH = 12_000
"""Numbers in the memory of the contractions below: targets in the first quarter, operands in the second and third, what
follows a product in the last."""
QUARTERS = range(0, REACH, REACH // 4)


@pytest.fixture(params=["plain", "compiled"])
def run(request: pytest.FixtureRequest) -> Any:
    """The loop over rows, by the interpreter and by the processor."""
    if request.param == "plain":
        return request.getfixturevalue("plain")._run
    pytest.importorskip("numba")
    from autograd.compiler import kernels

    return kernels.ready(np.zeros(1))


def compare(
    run: Any, lengths: Any, steps: Any, *, shift: int = 0, assign: bool = False, careful: bool = False,
    places: Any = None, then: int = 0, c_row: int = 1, odd: Any = None,
) -> None:  # fmt: skip
    """Run one contraction on whole numbers and compare every number in memory with what its definition says."""
    memory = machine._aligned(REACH, np.dtype(float))
    memory[:] = rng().integers(-3, 4, size=REACH)
    if odd is not None:
        memory[::7] = odd
    starts = [quarter + shift + i for i, quarter in enumerate(QUARTERS)]  # not all at the beginning of a line
    row = np.zeros((1, machine.COLUMNS), np.int64)
    row[0, 0], row[0, 1], row[0, 2:7] = rows.MACHINE["contract"], rows.ASSIGN if assign else rows.ADD, lengths
    for column, start, step in zip((8, 14, 20), starts, steps):
        row[0, column], row[0, column + 1 : column + 6] = start, step
    row[0, 26], row[0, 29], row[0, 32], row[0, 33] = starts[3], c_row, then, starts[3] + REACH // 8
    listed = np.zeros(lengths[2 if steps[0][4] == 0 else 3] + 32, np.uint64)
    if places is not None:
        row[0, 34], listed[1 : 1 + len(places)] = -1, places

    index = np.indices(lengths)
    o, a, b = (start + np.tensordot(step, index, 1) for start, step in zip(starts, steps))
    if places is not None:
        b = b + np.asarray(places)[index[2 if steps[0][4] == 0 else 3]]
    expected = memory.copy()
    if assign:
        expected[o] = 0
    with np.errstate(all="ignore"):
        x, y = memory[a], memory[b]
        np.add.at(expected, o, np.where((x == 0) | (y == 0), 0, x * y) if careful else x * y)
    if then:
        i, k = np.indices((lengths[2], lengths[4]))
        at, to = starts[0] + i * steps[0][2] + k, starts[3] + REACH // 8 + i * steps[0][2] + k
        if then % machine.UNSEEN == machine.AND_STEP:
            follows = np.where(memory[starts[3] + i * c_row + k] <= 0, 0, expected[at])
        else:
            expected[at] += memory[starts[3] + i * c_row]
            follows = np.where(expected[at] <= 0, 0, expected[at])
        if then > machine.AND_ADD:
            expected[to] = follows
        if then > machine.UNSEEN:
            expected[at] = memory[at]
    run(row.astype(np.uint64), memory, listed, True, 0 if careful else 1)
    np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        ((200, 60, 9, 0, 1), (300, 90, 17, 2, 0), (400, 100, 0, 7, 1)),  # numbers times vectors, which are shared
        ((200, 60, 9, 0, 1), (300, 90, 17, 2, 0), (400, 100, 31, 7, 1)),
        ((200, 0, 9, 0, 1), (300, 90, 17, 2, 0), (400, 100, 0, 7, 1)),
        ((200, 60, 9, 1, 0), (300, 90, 0, 11, 1), (400, 100, 31, 0, 1)),  # dots with vectors that are shared
        ((200, 60, 9, 1, 0), (300, 90, 23, 11, 1), (400, 100, 31, 0, 1)),
        ((0, 60, 9, 1, 0), (300, 90, 0, 11, 1), (400, 100, 31, 0, 1)),
        ((200, 60, 0, 1, 0), (300, 90, 23, 11, 1), (400, 100, 31, 0, 1)),
        ((200, 60, 9, 2, 3), (300, 90, 23, 11, 5), (400, 100, 31, 3, 2)),
        ((0, 0, 0, 0, 0), (300, 90, 23, 11, 5), (400, 100, 31, 3, 2)),
    ],
)
def test_contractions_along_five_loops(
    run: Any, steps: tuple[tuple[int, ...], ...], assign: bool, careful: bool
) -> None:
    compare(run, (2, 3, 5, 7, 4), steps, assign=assign, careful=careful)


shared = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
lists = st.one_of(st.none(), st.permutations(range(20)))


@shared
@given(
    rows=st.integers(1, 17), depth=st.integers(1, 9), n=st.integers(1, 70), shift=st.integers(0, 7),
    assign=st.booleans(), order=lists, then=st.sampled_from([0, 0, 1, 2, 3, 2 + 4, 3 + 4]),
)  # fmt: skip
def test_numbers_times_vectors(
    run: Any, rows: int, depth: int, n: int, shift: int, assign: bool, order: Any, then: int
) -> None:
    """Tiles of every height, ends of every length, vectors side by side or listed, and what follows a product."""
    steps = (0, 0, n + 2, 0, 1), (0, 0, depth + 1, 1, 0), (0, 0, 0, 0 if order else n + 1, 1)
    places = None if order is None else [(n + 3) * i for i in order[:depth]]
    c_row = n if then % 4 == 3 else 2
    compare(run, (1, 1, rows, depth, n), steps, shift=shift, assign=assign, places=places, then=then, c_row=c_row)


@shared
@given(
    rows=st.integers(1, 9), columns=st.integers(1, 11), n=st.integers(1, 70), shift=st.integers(0, 7),
    assign=st.booleans(), order=lists, apart=st.booleans(),
)  # fmt: skip
def test_dot_products(
    run: Any, rows: int, columns: int, n: int, shift: int, assign: bool, order: Any, apart: bool
) -> None:
    """The sums side by side or apart, of vectors that begin anywhere in a line, in a row or listed."""
    o = (2 * rows + 1, 2) if apart else (1, columns + 1)
    steps = (0, 0, *o, 0), (0, 0, 0, n + 1, 1), (0, 0, 0 if order else n, 0, 1)
    places = None if order is None else [(n + 3) * i for i in order[:columns]]
    compare(run, (1, 1, columns, rows, n), steps, shift=shift, assign=assign, places=places)


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize(("rows", "columns", "n"), [(43, 2, 60), (1, 1, 2900), (7, 5, 400), (3, 4, 512), (20, 1, 140)])
def test_long_dot_products_in_pieces(run: Any, rows: int, columns: int, n: int, assign: bool) -> None:
    """More vectors than the nearest cache holds are cut into pieces, whose sums are added up."""
    for shift in (0, 3):
        steps = (0, 0, rows, 1, 0), (0, 0, 0, n, 1), (0, 0, n + 1, 0, 1)
        compare(run, (1, 1, columns, rows, n), steps, shift=shift, assign=assign)
        places = [(n + 3) * i for i in reversed(range(columns))]
        steps = (0, 0, rows, 1, 0), (0, 0, 0, n, 1), (0, 0, 0, 0, 1)
        compare(run, (1, 1, columns, rows, n), steps, shift=shift, assign=assign, places=places)


@pytest.mark.parametrize("odd", [math.inf, math.nan])
def test_listed_vectors_with_care(run: Any, odd: float) -> None:
    """An exact zero carries nothing, wherever the vectors lie."""
    for order in ([2, 0, 1], [0], [3, 3, 1, 0, 2]):
        places, n = [13 * i for i in order], 9
        numbers = (0, 0, n, 0, 1), (0, 0, 8, 1, 0), (0, 0, 0, 0, 1)
        compare(run, (1, 1, 4, len(order), n), numbers, assign=True, careful=True, places=places, odd=odd)
        dots = (0, 0, 4, 1, 0), (0, 0, 0, n, 1), (0, 0, 0, 0, 1)
        compare(run, (1, 1, len(order), 4, n), dots, assign=True, careful=True, places=places, odd=odd)


@shared
@given(m=st.integers(1, 9), n=st.integers(1, 40), to=st.integers(1, 3), shift=st.integers(0, 7), assign=st.booleans())
def test_sums_of_vectors(run: Any, m: int, n: int, to: int, shift: int, assign: bool) -> None:
    """Four at once and one by one, written or added, with ends of every length."""
    memory = machine._aligned(600, np.dtype(float))
    memory[:] = rng().integers(-3, 4, size=600)
    row = np.zeros((1, machine.COLUMNS), np.int64)
    row[0, 0], row[0, 1] = rows.MACHINE["add_to"], rows.ASSIGN if assign else rows.ADD
    row[0, 2:7], row[0, 8:14], row[0, 14:20] = (1, 1, 1, m, n), (1, 0, 0, 0, to, 0), (50 + shift, 0, 0, 0, n + 1, 1)
    expected = memory.copy()
    for i in range(m):
        start = 50 + shift + i * (n + 1)
        expected[1 + i * to] = (0 if assign else expected[1 + i * to]) + memory[start : start + n].sum()
    run(row.astype(np.uint64), memory, np.zeros(1, np.uint64), True, 1)
    np.testing.assert_array_equal(memory, expected)


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
