"""What packs into one array instruction: long sums, operands collected from several places."""

from __future__ import annotations

from typing import Any

import numpy as np
from compiling import backends, rng, same, text, weights

import autograd
from autograd import Value, compile
from autograd.compiler.pack import _rows

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
