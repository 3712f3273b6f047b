"""Programs of vectors of every size give the same by every back end; a sample of `benchmarks.structures`."""

from __future__ import annotations

import pytest

from benchmarks import structures
from tests.helpers.compiling import BACKENDS

OTHERS = [backend for backend in BACKENDS if backend != "numpy"]


@pytest.mark.slow
@pytest.mark.skipif(not OTHERS, reason="there is NumPy alone")
@pytest.mark.parametrize("seed", range(16))
def test_back_ends_agree(seed: int) -> None:
    assert structures.check(seed, OTHERS) == []


def test_a_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = structures.answers
    monkeypatch.setattr(
        structures, "answers", lambda program, arrays: {
            name: array * (1 + 1e-9 * (program.dtype == "float32")) for name, array in right(program, arrays).items()
        },
    )  # fmt: skip
    monkeypatch.setattr(structures, "TOLERANCE", {"float64": 1e-11, "float32": 1e-11})
    found = structures.check(3, ["numpy"])
    assert found and all(" float32, " in line for line in found)
