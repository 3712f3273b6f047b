"""An exact zero carries nothing, also through large products that are made in pieces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from compiling import backends, rng, text

from autograd import Value, compile
from autograd.compiler import numpy_backend


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


SUMS: dict[str, Any] = {
    "0 − x": lambda x, w: 0.0 - x,
    "x + 0": lambda x, w: x + 0.0,
    "x − 0": lambda x, w: x - 0.0,
    "−0 − x": lambda x, w: -0.0 - x,
    "a sum of one": lambda x, w: sum([x * w]),
    "a sum of many": lambda x, w: sum([x * i for i in range(1, 12)]) + sum([(x * i).tanh() for i in range(12)]),
    "a difference": lambda x, w: 0.0 - (x * w + x.sin()),
}


@backends
@pytest.mark.parametrize("name", SUMS)
def test_the_sign_of_a_zero(name: str, backend: str) -> None:
    """A pole shows it: 1 / (0.0 − x) is +inf at 0.0."""
    w = Value(1.0)
    program = compile(lambda x: 1.0 / SUMS[name](x, w), [()], [w], backend=backend)
    for x in (0.0, -0.0):
        assert program([x])[0] == (1.0 / SUMS[name](Value(x), w)).data
    assert "0 −" not in text(program) and "+ 0" not in text(program)


def test_a_zero_that_changes_nothing_is_not_added() -> None:
    w = [Value(1.0), Value(2.0)]
    for f in (lambda x: sum(a * b for a, b in zip(w, x)) + 0.0, lambda x: sum([x[0], 1.0, x[1], -0.0])):
        program = compile(f, [(2,)], w, backend="numpy")
        assert 0.0 not in program._packed.constants.values()
