"""What programs seldom need: long sums, sliced operands, shared matrices, many batch sizes, operations of one's own."""

from __future__ import annotations

import gc
import importlib.util
import math
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, compile
from autograd.compiler import numpy_backend
from autograd.compiler.equations import _subscript
from autograd.compiler.lens import LensError
from autograd.compiler.pack import _rows

BACKENDS = ["numpy"] + (["numba"] if importlib.util.find_spec("numba") else [])
backends = pytest.mark.parametrize("backend", BACKENDS)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def weights(count: int) -> list[Value]:
    return [Value(0.3 * i - 0.7, f"w{i + 1}") for i in range(count)]


def mean(outputs: Any) -> Any:
    """A loss of whatever a function returns: the sum of its results, each with a factor of its own."""
    listed = outputs if isinstance(outputs, list) else [outputs]
    return sum(y * (1.0 + 0.25 * i) for i, y in enumerate(listed))


def same(f: Any, shape: tuple[int, ...], parameters: list[Value], backend: str, samples: int = 5) -> Any:
    """Compiled values, gradients by parameters and by inputs are those of the eager engine; the program of ``f``."""
    batch = rng().normal(size=(samples, *shape))
    program = compile(f, [shape], parameters, backend=backend)
    eager, slopes, by_inputs = [], [0.0] * len(parameters), []
    for sample in batch:
        given = [Value(x) for x in np.atleast_1d(sample).tolist()]
        y = f(given if shape else given[0])
        eager.append([v.data for v in y] if isinstance(y, list) else y.data)
        found = autograd.grad(mean(y), [*parameters, *given])
        slopes = [a + b / samples for a, b in zip(slopes, found)]
        by_inputs.append(found[len(parameters) :])
    np.testing.assert_allclose(program(batch), eager, rtol=1e-13, atol=1e-15)
    loss = compile(lambda x: mean(f(x)), [shape], parameters, backend=backend)
    np.testing.assert_allclose(loss.value_and_grad(batch)[1], slopes, rtol=1e-12, atol=1e-15)
    inputs = loss.value_and_grad(batch, wrt="inputs", per_sample=True)[1][0]
    np.testing.assert_allclose(inputs.reshape(samples, -1), by_inputs, rtol=1e-12, atol=1e-15)
    return program


def text(program: Any) -> str:
    return "\n".join(" ".join(line.rsplit("   ", 1)[0].split()) for line in str(program).splitlines()[1:])


# ---- sums of many terms ---------------------------------------------------------------------------------------------


@backends
def test_a_sum_of_many_terms_reads_them_as_one_matrix(backend: str) -> None:
    w = weights(12)

    def f(x: Any) -> Any:
        terms = [(a * b).tanh() for a, b in zip(w, x)]
        return sum(terms[:9], Value(0.5)) - sum(a.exp() for a in terms[9:]) + sum(a.sin() for a in w)

    assert text(same(f, (12,), w, backend)).splitlines() == [
        "t1[12] = tanh(w[12] · x[12])", "t2 = sum(sin(w[12]))",
        "loss = sum(t1.1:9[9]) + sum((0.5, t2)[2]) − sum(exp(t1.10:12[3]))",
    ]  # fmt: skip


def test_parameters_and_numbers_in_one_operand_are_both_named() -> None:
    w = weights(9)
    program = compile(lambda x: x * sum(w[:8], Value(0.5)), [()], w, backend="numpy")
    assert text(program).splitlines() == ["t1 = sum([(w, 0.5)[9]])", "loss = t1 · x"]


@backends
def test_a_mean_of_many_terms_and_several_long_sums_at_once(backend: str) -> None:
    w = weights(10)
    program = same(lambda x: autograd.mean([(a * b).tanh() for a, b in zip(w, x)]), (10,), w, backend)
    assert text(program) == "loss = (sum(tanh(w[10] · x[10]))) / 10"
    same(lambda x: [sum((a * b).sin() for b in x) for a in w], (11,), w, backend)


@backends
def test_a_sum_of_negative_terms_only(backend: str) -> None:
    program = same(lambda x: (-x[0] - x[1].tanh()).exp(), (2,), [], backend)
    assert text(program) == "loss = exp(−tanh(x.2) − x.1)"
    same(lambda x: [-x[0] - x[1], -x[1] - x[2]], (3,), [], backend)


# ---- operands -------------------------------------------------------------------------------------------------------


@backends
def test_equal_numbers_times_inputs_are_a_matrix_product_too(backend: str) -> None:
    same(lambda x: 2 * x[0] + 2 * x[1] + 2 * x[2], (3,), [], backend)
    same(lambda x: [2 * x[0] + 2 * x[1], 2 * x[2] + 2 * x[3]], (4,), [], backend)


@backends
def test_one_vector_meets_every_column_of_each_sample(backend: str) -> None:
    """Columns and samples lie in a row, so that two loops of the product are one."""
    w = weights(3)

    def f(x: Any) -> Any:
        t = [v.tanh() for v in x]
        return [sum((w[k] * t[4 * k + j] for k in range(3)), 0.0) for j in range(4)]

    program = same(f, (12,), w, backend)
    batch = rng().normal(size=(6, 12))
    expected = np.einsum("k,skj->sj", [v.data for v in w], np.tanh(batch).reshape(6, 3, 4))
    np.testing.assert_allclose(program(batch), expected, rtol=1e-14)


@backends
def test_operands_out_of_order_are_collected_once(backend: str) -> None:
    w = weights(4)
    order = (3, 0, 2, 1, 1, 3)

    def f(x: Any) -> Any:
        out = [x[i].tanh() * w[j] for i, j in zip(order, (2, 0, 0, 3, 1, 1))]
        return [*out, autograd.log_sum_exp([x[i] for i in order]), autograd.softmax([x[i] for i in order])[2]]

    same(f, (4,), w, backend)
    pairs = [(0, 2), (1, 0), (2, 3), (3, 3), (3, 0), (2, 1)]

    def twice(x: Any) -> Any:
        return [op(x[i], w[j]) for op in (autograd.maximum, lambda a, b: a / b) for i, j in pairs]

    instructions = same(twice, (4,), w, backend)._packed.instructions
    # one per operand, for both operations
    assert sum(step.op == "copy" and step.shape == (6,) for step in instructions) == 2


@backends
def test_slices_and_several_sources_in_one_operand(backend: str) -> None:
    w = weights(3)

    def f(x: Any) -> Any:
        a, b = [(v * u).tanh() for v, u in zip(w, x)], [(v + u).exp() for v, u in zip(w, x)]
        return [autograd.log_sum_exp([*a, *b]), autograd.log_sum_exp(a[1:]), a[0] * b[2], autograd.log_sum_exp(b[::2])]

    same(f, (3,), w, backend)


@backends
def test_a_list_of_parameters_beside_one_of_inputs(backend: str) -> None:
    w = weights(4)
    same(lambda x: autograd.log_sum_exp(w[:3]) * x[0] + autograd.log_sum_exp(x) * w[3], (3,), w, backend)


def test_rows_with_the_same_hash_are_told_apart() -> None:
    a, b = (np.random.default_rng(1).integers(1, 2**62, size=2, dtype=np.int64) | 1).tolist()
    with np.errstate(over="ignore"):
        assert _rows(np.array([[b, 0], [0, a], [b, 0], [1, 2]])).tolist() in ([2, 0, 2, 1], [1, 0, 1, 2])


# ---- the equations --------------------------------------------------------------------------------------------------


def test_what_a_slice_is_called() -> None:
    assert [_subscript(np.array(slots)) for slots in ([2], [3, 1, 2], [0, 2])] == [".3", ".2:4", ".…"]


def test_several_results_slices_and_labels_in_the_equations() -> None:
    w = weights(2)

    def f(x: Any) -> Any:
        a, b = [(v * u).tanh() for v, u in zip(w, x)], [u.exp() for u in x]
        return [autograd.log_sum_exp([*a, *b]), w[0] * x[0].sin(), autograd.log_sum_exp(b[1:])]

    assert text(compile(f, [(3,)], w, backend="numpy")).splitlines() == [
        "t1[3] = exp(x[3])", "t2[2] = tanh(w[2] · x.1:2[2])", "t3 = w1 · sin(x.1)", "t4 = log_sum_exp(t1.2:3[2])",
        "t5[5] = [(t1, t2)[5]]", "t6 = log_sum_exp(t5[5])", "out[3] = [(t3, t4, t6)[3]]",
    ]  # fmt: skip
    assert text(compile(lambda x: [x * w[0], (x * w[1]).tanh()], [()], w, backend="numpy")).splitlines() == [
        "out1[2] = w[2] · x", "out2 = tanh(out1.2)",
    ]  # fmt: skip


def test_a_long_listing_leaves_out_the_middle() -> None:
    def f(x: Any) -> Any:
        results = []
        for _ in range(45):
            results += [x.sin(), x.sin().exp()]
            x = results[-1] * 0.5
        return results

    program = compile(f, [()], backend="numpy")
    lines = str(program).splitlines()
    assert program.stats.equations == 91 and len(lines) == 62 and lines[41] == "  … 31 more …"
    assert [line.split()[0] for line in (lines[1], lines[40], lines[42], lines[60])] == ["t1", "t40", "t72", "t90"]
    assert all(len(line) < 130 for line in lines) and "t21,…   0 scalars" in lines[-1]


# ---- operations of one's own ----------------------------------------------------------------------------------------


@backends
@pytest.mark.parametrize(
    ("formula", "slopes"),
    [("x", ["1"]), ("y", ["0", "1"]), ("x - (y - 2)", ["1", "-1"]), ("-x", ["-1"]), ("+x", ["1"]), ("2", ["0"])],
)
def test_operations_with_simple_formulas_and_slopes(backend: str, formula: str, slopes: list[str]) -> None:
    arguments = ["x", "y"][: len(slopes)]
    op = autograd.register("a_simple_one", formula, slopes, arguments=arguments)
    w = weights(2)
    same(lambda x: op(*[v * x for v in w][: len(slopes)]) * op(*w[: len(slopes)]), (), w, backend)
    autograd.unregister("a_simple_one")


# ---- tracing --------------------------------------------------------------------------------------------------------


def test_the_first_power_costs_nothing() -> None:
    program = same(lambda x: (x**1) * (x * x) ** 1.0, (), [], "numpy")
    assert text(program) == "loss = x · (x · x)"


def test_garbage_collection_stays_off_if_it_was_off() -> None:
    assert gc.isenabled()
    gc.disable()
    try:
        compile(lambda x: x * 2, [()], backend="numpy")
        assert not gc.isenabled()
    finally:
        gc.enable()
    compile(lambda x: x * 2, [()], backend="numpy")
    assert gc.isenabled()


class Nameless:
    """A callable that `inspect` knows no signature of."""

    __signature__ = "unknown"

    def __call__(self, x: Any, y: Any) -> Any:
        return x[0] * y - x[1]


def test_arguments_without_names_are_numbered() -> None:
    program = compile(Nameless(), [(2,), ()], backend="numpy")
    assert str(program).startswith("inputs x1[2], x2; ")
    assert program([[2.0, 3.0]], [4.0]).tolist() == [5.0]


@pytest.mark.parametrize("shape", [(0,), (2, 0), (-1,)])
def test_an_argument_without_numbers_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"positive entries; got \(.*\)$"):
        compile(lambda x: Value(1.0), [shape])


# ---- running --------------------------------------------------------------------------------------------------------


@backends
def test_many_batch_sizes_do_not_pile_up(backend: str) -> None:
    w = weights(2)
    program = compile(lambda x: (x[0] * w[0] + x[1] * w[1]).tanh(), [(2,)], w, backend=backend)
    batch = rng().normal(size=(40, 2))
    expected = np.tanh(batch @ [v.data for v in w])
    for size in [*range(1, 41), *range(1, 41)]:
        np.testing.assert_allclose(program(batch[:size]), expected[:size], rtol=1e-14)
        assert len(program._machine.views) <= 30 and len(program._machine.linked) <= 30


@pytest.mark.parametrize("assign", [True, False])
@pytest.mark.parametrize("extra", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_large_products_with_exact_zeros_are_made_in_pieces(
    monkeypatch: pytest.MonkeyPatch, extra: tuple[int, ...], assign: bool
) -> None:
    """Whatever the pieces are, down to a single product, the sums are the same."""
    shape = (3, 7, 5)
    a = rng().integers(-2, 3, size=shape).astype(float)
    b = rng().integers(-2, 3, size=(1, 7, 1)).astype(float)
    b[0, 3], b[0, 4] = math.nan, math.inf
    before = rng().integers(-9, 9, size=tuple(1 if axis in extra else n for axis, n in enumerate(shape))).astype(float)
    with np.errstate(invalid="ignore"):
        product = np.where((a == 0) | (b == 0), 0.0, a * b)
        expected = product.sum(axis=extra, keepdims=True) + (0.0 if assign else before)
        for piece in (1, 2, 5, 16, 34, 105):
            monkeypatch.setattr(numpy_backend, "PIECE", piece)
            out = before.copy()
            numpy_backend._careful_contract(extra, assign, a, b, out)
            np.testing.assert_array_equal(out, expected)


def test_a_zero_carries_nothing_through_a_large_matrix_product() -> None:
    w = [Value(1.0 + i % 3) for i in range(40)]
    program = compile(lambda x: sum((a * b for a, b in zip(w, x)), 0.0) ** 2, [(40,)], w, backend="numpy")
    batch = rng().integers(-2, 3, size=(110_000, 40)).astype(float)
    batch[77], batch[78] = 0.0, 0.0
    batch[77, 3] = math.inf  # its slope is infinite, and that of the others 0 · ∞
    loss, gradient = program.value_and_grad(batch)
    finite = np.delete(batch, 77, axis=0)
    expected = 2 * (finite @ [v.data for v in w]) @ finite / len(batch)
    assert loss == math.inf and gradient[3] == math.inf
    np.testing.assert_allclose(np.delete(gradient, 3), np.delete(expected, 3), rtol=1e-12)


def test_an_optimizer_may_be_named_or_stand_last() -> None:
    class Descent:
        def step_arrays(self, theta: Any, gradient: Any) -> None:
            theta -= 0.1 * gradient

    def program() -> Any:
        return compile(lambda x: (x * w) ** 2, [()], [w], backend="numpy")

    w = Value(2.0)
    named, last = program(), program()
    assert named.step([3.0], optimizer=Descent()) == last.step([3.0], Descent()) == 36.0
    assert named.theta.tolist() == last.theta.tolist() == [pytest.approx(2.0 - 0.1 * 36.0)]


# ---- the lens -------------------------------------------------------------------------------------------------------


def test_a_function_that_depends_on_outside_data_is_noticed_by_the_lens() -> None:
    signs = [1.0]

    def f(x: Any) -> Any:
        return x.tanh() if signs[0] > 0 else x.exp()

    program = compile(f, [()], backend="numpy")
    program([0.5])
    program.lens(0)
    signs[0] = -1.0
    with pytest.raises(LensError, match="does it depend on outside data"):
        program.lens(0)


@backends
def test_the_lens_of_a_function_that_compares(backend: str) -> None:
    w = Value(0.5, "w")

    def f(x: Any, y: Any) -> Any:
        return autograd.where(x * w < y, (x * w).exp(), autograd.where(w >= x, y, y * w))

    program = compile(f, [(), ()], [w], backend=backend)
    batch = np.array([1.0, 3.0, -2.0]), np.array([2.0, -1.0, -3.0])
    values, slopes = program.value_and_grad(*batch, per_sample=True)
    for i in range(3):
        assert program.lens(i).data == pytest.approx(values[i], rel=1e-15)
        assert w.grad == pytest.approx(slopes[i][0], rel=1e-15)
    logarithm = compile(lambda x: autograd.where(x > 2, x, (x * w).log()), [()], [w], backend=backend)
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match=r"sample 1 of the batch: .*log\("):
        logarithm.value_and_grad([3.0, -1.0])


def test_anomalies_of_predictions_and_losses_out_of_range_without_one_sample_at_fault() -> None:
    w = Value(1e200)
    prediction = compile(lambda x: [(x * w).log(), x], [()], [w], backend="numpy")
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match=r"sample 1 of the batch: .*log"):
        prediction(np.array([1.0, -1.0]))
    loss = compile(lambda x: x * w * 1e108, [()], [w], backend="numpy")
    with autograd.detect_anomaly():  # each is finite, their sum is not
        assert loss.value_and_grad(np.array([1.5, 1.5]))[0] == math.inf
