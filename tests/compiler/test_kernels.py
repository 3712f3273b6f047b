"""What runs compiled programs: rows of arrays, vector instructions of our own, rules of optimizers as loops."""

from __future__ import annotations

import importlib.util
import math
import types
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, ops
from autograd.compiler import compile
from autograd.value import apply
from nn import rules

NUMBA = importlib.util.find_spec("numba") is not None
BACKENDS = ["numpy", *(["numba"] if NUMBA else [])]
numba = pytest.mark.skipif(not NUMBA, reason="numba is not installed")
inf, nan = math.inf, math.nan


def trained(backend: str, width: int, dtype: str, feed: Any) -> tuple[list[float], Any, Any]:
    """Five steps of a small network on some samples each; ``feed`` makes the arguments of a step."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, width)), rng.standard_normal(40)
    model = nn.MLP(width, [3, 1], seed=1)
    program = compile(
        lambda x, t: nn.mse_loss(model(x), t), [(width,), ()], model.parameters(), backend=backend, dtype=dtype
    )
    optimizer = nn.SGD(model.parameters(), 0.01, momentum=0.9)
    losses = [feed(program, X, y, rng.permutation(40)[:7], optimizer) for _ in range(5)]
    return losses, program.theta.copy(), program


def on_rows(program: Any, X: Any, y: Any, rows: Any, optimizer: Any) -> float:
    return float(program.step(X, y, optimizer, rows=rows))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("width", [3, 70, 130])
def test_a_step_on_rows_is_a_step_on_a_copy_of_them(backend: str, dtype: str, width: int) -> None:
    expected, theta, _ = trained(
        backend, width, dtype, lambda program, X, y, rows, o: program.step(X[rows], y[rows], o)
    )
    for change in (np.asarray, np.asfortranarray, lambda X: X.astype(dtype), lambda X: np.repeat(X, 2, 0)[::2]):

        def feed(program: Any, X: Any, y: Any, rows: Any, optimizer: Any, change: Any = change) -> float:
            return on_rows(program, change(X), y, rows.astype(np.uint8), optimizer)

        losses, found, _ = trained(backend, width, dtype, feed)
        assert losses == expected
        assert np.array_equal(found, theta)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_in_blocks(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = trained(backend, 70, "float64", on_rows)

    def in_blocks(program: Any, X: Any, y: Any, rows: Any, optimizer: Any) -> float:
        program._machine.layout.block = 3
        return on_rows(program, X, y, rows, optimizer)

    losses, theta, _ = trained(backend, 70, "float64", in_blocks)
    assert losses == pytest.approx(expected[0], rel=1e-13)
    assert theta == pytest.approx(expected[1], rel=1e-12)


def test_the_lens_looks_at_a_chosen_row() -> None:
    _, _, program = trained("numpy", 3, "float64", on_rows)
    X = np.arange(12.0).reshape(4, 3)
    program.step(X, np.zeros(4), nn.SGD(program.parameters, 0.0), rows=[2, 0])
    root = program.lens(0)
    assert {leaf.data for leaf in autograd.graph.leaves(root)} >= {6.0, 7.0, 8.0}
    with pytest.raises(IndexError, match="2 samples"):
        program.lens(2)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([0, 4], IndexError, "there is no row 4: the arrays hold 4 samples"),
        ([-1], IndexError, "there is no row -1"),
        ([0.0], TypeError, "flat list of sample numbers, not float64"),
        ([True, False, True, True], TypeError, "not bool"),
        ([[0], [1]], TypeError, r"of shape \(2, 1\)"),
        ([], ValueError, "the batch is empty"),
    ],
)
def test_rows_that_are_none(rows: Any, error: type[Exception], message: str) -> None:
    w = Value(1.0, "w")
    program = compile(lambda x: w * x[0], [(2,)], [w], backend="numpy")
    with pytest.raises(error, match=message):
        program.step(np.ones((4, 2)), nn.SGD([w], 0.1), rows=rows)
    assert program.theta.tolist() == [1.0]


# ---- the rules of the optimizers ----------------------------------------------------------------------------------

OPTIMIZERS = [
    lambda p: nn.SGD(p, 0.01),
    lambda p: nn.SGD(p, 0.01, momentum=0.9, weight_decay=0.1),
    lambda p: nn.AdaGrad(p, 0.01, weight_decay=0.1),
    lambda p: nn.RMSprop(p, 0.01, weight_decay=0.1),
    lambda p: nn.Adam(p, 0.01, weight_decay=0.1),
]


class Watched:
    """A loop that notes how it was called: as a function that looks at types, or as machine code for known arrays."""

    def __init__(self, loop: Any) -> None:
        self.loop, self.calls = loop, list[str]()

    def __call__(self, *arguments: Any) -> bool:
        self.calls.append("loop")
        return bool(self.loop(*arguments))

    def code(self, *arguments: Any) -> Any:
        code = self.loop.code(*arguments)
        assert code is not self.loop.compiled and code is self.loop.code(*arguments)

        def run(*later: Any) -> bool:
            self.calls.append("code")
            return bool(code(*later))

        return run


@numba
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_rule_as_a_loop_gives_the_same_bits(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the loop at first, then by its machine code, and by the loop again once an array is another one."""
    from nn import loops

    rng = np.random.default_rng(1)
    start, parameters = rng.standard_normal(300), [Value(0.0) for _ in range(300)]
    gradients = rng.standard_normal((4, 300)) * 10.0 ** rng.integers(-9, 9, (4, 300))
    found = []
    for compiled in (False, True):
        optimizer, theta, gradient = make(parameters), start.copy(), np.zeros(300)
        watched = Watched(loops.LOOPS[type(optimizer).rule])
        monkeypatch.setattr(loops, "LOOPS", {type(optimizer).rule: watched} if compiled else {})
        for gradient[:] in gradients[:3]:
            optimizer.step_arrays(theta, gradient)
        optimizer.step_arrays(theta, gradients[3])
        monkeypatch.undo()
        assert watched.calls == (["loop", "code", "code", "loop"] if compiled else [])
        found.append([theta, *optimizer.state])
    for a, b in zip(*found):
        assert np.array_equal(a, b)
    assert set(loops.LOOPS) == {rules.sgd, rules.adagrad, rules.rmsprop, rules.adam}


@numba
def test_machine_code_is_kept_for_these_sources_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler.kernels import vectors

    text = ["a = 1\n"]
    monkeypatch.setattr(vectors.inspect, "getsource", lambda module: text[0])
    names = set()
    for text[0] in ("a = 1\n", "a = 2\n", "a = 1\n"):

        def double(x: float) -> float:
            return x * 2

        vectors.Cached(double, types.ModuleType("a"))
        names.add(double.__qualname__)
    assert len(names) == 2

    def gone(module: Any) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr(vectors.inspect, "getsource", gone)
    assert vectors.Cached(lambda x: x * 2, types.ModuleType("a"))(2.0) == 4.0


# ---- functions ----------------------------------------------------------------------------------------------------


@numba
def test_exp_is_within_one_unit_in_the_last_place() -> None:
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(2)
    points = np.concatenate([rng.uniform(-745, 709, 2000), rng.uniform(-1, 1, 500), 10 ** rng.uniform(-300, 2.8, 500)])
    program = compile(autograd.exp, [()], [], backend="numba")
    worst = 0.0
    with mpmath.workdps(40):
        for x, y in zip(points.tolist(), program(points).tolist()):
            exact = mpmath.exp(mpmath.mpf(x))
            worst = max(worst, float(abs(mpmath.mpf(y) - exact) / math.ulp(float(exact))))
    assert worst < 1.0
    special = np.array(
        [0.0, -0.0, inf, -inf, nan, 709.782712893384, 709.7827128933841, -745.13, -745.14, 1e300, -1e300]
    )
    largest = math.exp(709.782712893384)
    assert program(special) == pytest.approx(
        [1.0, 1.0, inf, 0.0, nan, largest, inf, 5e-324, 0.0, inf, 0.0], rel=1e-15, abs=0, nan_ok=True
    )


LISTS = [
    [0.0, -inf], [-inf, -inf], [inf, 0.0], [inf, inf], [inf, -inf], [nan, 1.0], [1.0, nan], [nan, inf], [3.0, 582.0],
    [582.3, 3.1], [1.0, 1.0], [-0.0, -0.0], [1e308, -1e308], [-745.2, 0.0], [1e-20, 0.0], [0.0, -40.0], [500.1, 499.3],
]  # fmt: skip


MORE_LISTS = [
    [0.0], [-inf], [inf], [nan], [inf, inf, 0.0], [-inf, -inf, -inf], [0.0, -40.0, -50.0], [3.0, 582.0, 582.0],
    [0.1, -700.3, 4.4, -31.7], [1e308, -1e308, 7.0],
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("case", [*LISTS, *MORE_LISTS], ids=str)
def test_shares_and_their_slopes_are_those_of_the_eager_engine(name: str, case: list[float], backend: str) -> None:
    operation, count = ops.TABLE[name], len(case)
    w = [Value(x) for x in case]
    first = compile(lambda: apply(operation, tuple(w)), [], w, backend=backend)
    weighted = compile(lambda: autograd.dot(getattr(autograd, name)(w), range(1, count + 1)), [], w, backend=backend)
    value, gradient = first.value_and_grad()
    expected, slopes = operation.evaluate(*case)
    np.testing.assert_allclose([value, *gradient], [expected, *slopes], rtol=1e-15, atol=1e-320)
    rows = [operation.evaluate(case[i], *case[:i], *case[i + 1 :])[1] for i in range(count)]
    columns = [[row[0] if i == k else row[1 + k - (k > i)] for i, row in enumerate(rows)] for k in range(count)]
    terms = np.array(columns) * np.arange(1, count + 1)
    found, size = weighted.value_and_grad()[1], np.abs(terms).sum(axis=1)
    close = np.abs(found - terms.sum(axis=1)) <= 8e-16 * size
    assert (close | np.isnan(found) & np.isnan(size)).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("exponent", [0.5, -0.5, 0.0, 1.0, 2.0, 3.0, -1.0, inf, -inf])
def test_a_power_with_one_exponent_for_all_keeps_ieee(exponent: float, backend: str) -> None:
    points = [0.0, -0.0, inf, -inf, nan, 4.0, -4.0, 0.25]
    found = np.ravel(compile(lambda x: [x**exponent], [()], [], backend=backend)(points))
    for x, number in zip(points, found.tolist()):
        expected = ops.TABLE["pow"].evaluate(x, exponent)[0]
        assert repr(number) == repr(float(expected)), (x, exponent)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("y", [0.0, -0.0])
def test_sums_of_lists_and_the_branch_cut_know_the_sign_of_a_zero(y: float, backend: str) -> None:
    """dot and mean begin at +0.0, as Python's sum; atan2 is ±π on its cut, by the sign of the zero (C99, F.10.1.4)."""

    def f(y: Value, x: Value) -> list[Value]:
        results = [y, autograd.mean([y]), autograd.mean([y, y]), autograd.dot([y], [1]), autograd.dot([y, y], [2, x]),
                   -y, 0.0 - y, y * x, y / x, abs(y), y.sign(), y.floor(), y % x, y.sqrt()]  # fmt: skip
        return [autograd.atan2(result, x) for result in results] + [1.0 / result for result in results]

    expected = [result.data for result in f(Value(y), Value(-1.0))]
    found = compile(f, [(), ()], [], backend=backend)([y] * 3, [-1.0] * 3)
    assert np.array(found).tolist() == [expected] * 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operation", [autograd.softmax, autograd.log_softmax])
def test_a_scattered_slope_is_summed_over_samples_as_exactly_as_others(operation: Any, backend: str) -> None:
    w = Value(0.3, "w")  # three times in one list, so that its slopes come from a list of places
    program = compile(lambda x: operation([w, w, x[0], x[1], w])[0], [(2,)], [w], backend=backend)
    expected = autograd.grad(operation([w, w, Value(0.1), Value(1.7), w])[0], [w])[0]
    found = program.value_and_grad(np.tile([0.1, 1.7], (2000, 1)))[1][0]
    assert abs(found - expected) <= 16 * math.ulp(expected)  # one after the other: 250 ulp


@pytest.mark.parametrize("backend", BACKENDS)
def test_lists_are_as_exact_as_in_the_eager_engine(backend: str) -> None:
    shares = compile(autograd.softmax, [(2,)], [], backend=backend)(np.array(LISTS))
    total = compile(autograd.log_sum_exp, [(2,)], [], backend=backend)
    slopes = total.value_and_grad(np.array(LISTS), wrt="inputs", per_sample=True)[1][0]
    for case, found, value, slope in zip(LISTS, shares, total(np.array(LISTS)), slopes):
        for a, b in zip([*found, value], [*ops.shares(case), ops.log_sum_exp(case)]):
            assert a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 4 * math.ulp(b), case
        if all(map(math.isfinite, case)):
            assert slope == pytest.approx(ops.shares(case), rel=1e-15, abs=1e-320), case


def test_an_anomaly_names_the_row_of_the_data() -> None:
    w = Value(1.0, "w")
    program = compile(lambda x: autograd.log(w * x), [()], [w], backend="numpy")
    where = r"sample 1 of the batch, row 3 of the data: .*log\("
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match=where):
        program.step(np.array([1.0, 2.0, 3.0, 0.0]), nn.SGD([w], 0.1), rows=[2, 3])
    assert w.data == 1.0 and program.theta.tolist() == [1.0]
