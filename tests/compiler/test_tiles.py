"""Products of matrices in tiles, compiled for vectors shorter than those of AVX-512.

With the vectors of this processor they run in every other test of the compiler.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
FEATURES: dict[int, dict[str, bool]] = {16: {}, 32: {"avx": True}}
"""What a processor says of itself, by the bytes of its vectors."""


@pytest.fixture(scope="module", params=FEATURES)
def compiled(request: pytest.FixtureRequest) -> tuple[int, Callable[..., None]]:
    """A contraction by one row, compiled for a processor with such vectors, whatever this one has."""
    import llvmlite.binding
    from numba import njit

    from autograd.compiler import kernels

    names = [f"{kernels.__name__}.{name}" for name in ("tiles", "products")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: FEATURES[request.param])
        for name in names:
            patch.delitem(sys.modules, name)
        for attribute in ("tiles", "products"):
            patch.setattr(kernels, attribute, None)
        tiles, products = map(importlib.import_module, names)
    assert isinstance(tiles, types.ModuleType) and request.param == tiles.BYTES
    pointer, contract, sums = kernels.pointer, products.contract, products.sums

    @njit(error_model="numpy")
    def run(memory: Any, places: Any, row: Any, assign: bool, summing: bool) -> None:
        if summing:
            sums(pointer(memory), row[8], row[12], row[14], row[18], row[5], row[6], not assign)
        else:
            contract(pointer(memory), pointer(places), pointer(row), 0, assign, False)

    return request.param, run


def row_of(lengths: Any, operands: Any, then: Any = (0, 0), c: Any = (0, 0), listed: bool = False) -> Any:
    """An addressed row of the loops i, k and a vector; operands are an address and three steps each."""
    row = np.zeros(35, np.int64)
    row[2:7] = 1, 1, *lengths
    for n, (start, *steps) in enumerate(operands):
        row[8 + 6 * n] = start
        row[11 + 6 * n : 14 + 6 * n] = steps
    row[26], row[29] = c
    row[32:34] = then
    row[34] = -1 if listed else 0
    return row.view(np.uint64)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [1, 7, 16, 37, 104])
def test_numbers_times_vectors(compiled: Any, samples: int) -> None:
    """Every height of a tile, whole vectors and the rest of one, and all that may follow."""
    _, run = compiled
    rng = np.random.default_rng(samples)
    no_places = np.zeros(1, np.uint64)
    for m, depth in ((1, 3), (2, 1), (3, 5), (7, 4), (15, 2), (21, 6)):
        memory = rng.standard_normal(20_000)
        W, bias = memory[: m * depth].reshape(m, depth), memory[500 : 500 + m]
        x = memory[1000 : 1000 + depth * samples].reshape(depth, samples)
        start, other, before = 5000, 10_000, memory[5000 : 5000 + m * samples].reshape(m, samples).copy()
        mask = memory[15_000 : 15_000 + m * samples].reshape(m, samples)
        mask[rng.random(mask.shape) < 0.1] = np.nan
        for assign in (True, False):
            product = W @ x + (0 if assign else before)
            for then, c, kept, passed in (
                (0, (0, 0), product, None),
                (1, (500, 1), product + bias[:, None], None),
                (2, (500, 1), product + bias[:, None], np.maximum(product + bias[:, None], 0)),
                (6, (500, 1), None, np.maximum(product + bias[:, None], 0)),
                (3, (15_000, samples), product, np.where(mask <= 0, 0, product)),
                (7, (15_000, samples), None, np.where(mask <= 0, 0, product)),
            ):
                found = memory.copy()
                operands = [(start, samples, 0, 1), (0, depth, 1, 0), (1000, 0, samples, 1)]
                run(found, no_places, row_of((m, depth, samples), operands, (then, other), c), assign, False)
                expected = memory.copy()
                if kept is not None:
                    expected[start : start + m * samples] = kept.ravel()
                if passed is not None:
                    expected[other : other + m * samples] = passed.ravel()
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("length", [1, 6, 16, 100, 1500])
def test_dot_products(compiled: Any, length: int) -> None:
    """Every height and width, targets side by side and apart, vectors longer than a piece; and sums of vectors."""
    _, run = compiled
    rng = np.random.default_rng(length)
    for m, q in ((1, 1), (2, 4), (3, 5), (7, 9), (8, 2)):
        memory = rng.standard_normal(40_000)
        a = memory[10_000 : 10_000 + m * length].reshape(m, length)
        b = memory[25_000 : 25_000 + q * length].reshape(q, length)
        for row_step, column_step in ((q + 3, 1), (1, m + 2)):
            place = np.add.outer(row_step * np.arange(m), column_step * np.arange(q))
            for assign in (True, False):
                found, expected = memory.copy(), memory.copy()
                operands = [(0, column_step, row_step, 0), (10_000, 0, length, 1), (25_000, length, 0, 1)]
                run(found, np.zeros(1, np.uint64), row_of((q, m, length), operands), assign, False)
                expected[place] = a @ b.T + (0 if assign else memory[place])
                np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
        for assign in (True, False):
            found, expected = memory.copy(), memory.copy()
            operands = [(0, 0, 3, 0), (10_000, 0, length, 1)]
            run(found, np.zeros(1, np.uint64), row_of((1, m, length), operands), assign, True)
            expected[0 : 3 * m : 3] = a.sum(1) + (0 if assign else memory[0 : 3 * m : 3])
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shift", range(8))
def test_listed_samples(compiled: Any, shift: int) -> None:
    """Samples that lie anywhere, also beyond the memory and across lines of the cache, in both forms of a product."""
    _, run = compiled
    rng = np.random.default_rng(shift)
    width, samples, classes = 70, 9, 5
    memory, data = rng.standard_normal(5000), rng.standard_normal(20 * width + shift)[shift:].reshape(20, width)
    rows = rng.permutation(20)[:samples]
    places = np.zeros(1 + samples + 8, np.int64)
    places[1 : 1 + samples] = (data.ctypes.data - memory.ctypes.data) // 8 + rows * width
    W = memory[: classes * width].reshape(classes, width)
    scores = row_of((samples, classes, width), [(1000, 1, samples, 0), (0, 0, width, 1), (0, 0, 0, 1)], listed=True)
    found = memory.copy()
    run(found, shifted(places, memory, found), scores, True, False)
    np.testing.assert_allclose(found[1000 : 1000 + classes * samples].reshape(classes, samples), W @ data[rows].T)
    adjoint = memory[2000 : 2000 + classes * samples].reshape(classes, samples)
    slopes = row_of((classes, samples, width), [(3000, width, 0, 1), (2000, samples, 1, 0), (0, 0, 0, 1)], listed=True)
    found = memory.copy()
    run(found, shifted(places, memory, found), slopes, True, False)
    np.testing.assert_allclose(found[3000 : 3000 + classes * width].reshape(classes, width), adjoint @ data[rows])


def shifted(places: Any, memory: Any, copy: Any) -> Any:
    """Places as they are seen from a copy of the memory."""
    moved = places.copy()
    moved[1:] += (memory.ctypes.data - copy.ctypes.data) // 8
    return moved.view(np.uint64)
