"""Random orders and errors for data: NumPy's generator, or Python's where NumPy is missing.

The two draw different numbers from the same seed, and each draws the same ones every time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from .lists import ListArray, np

GENERATOR = "Python's random" if np is None else "NumPy"
"""What draws, as a checkpoint remembers it."""


def draws(seed: int | Sequence[int] | None) -> Any:
    """A generator: of `permutation`, `integers` and `normal`, as NumPy's are called.

    Args:
        seed: a number, or several; None draws one.
    """
    return _Draws(seed) if np is None else np.random.default_rng(seed)


class _Draws:
    """NumPy's names on Python's generator."""

    def __init__(self, seed: int | Sequence[int] | None) -> None:
        self._random = random.Random(None if seed is None else repr(seed))

    def permutation(self, n: int) -> ListArray:
        return ListArray(self._random.sample(range(n), n))

    def integers(self, n: int, size: int) -> ListArray:
        return ListArray([self._random.randrange(n) for _ in range(size)])

    def normal(self, mean: float, deviation: float, shape: tuple[int, int]) -> ListArray:
        rows, columns = shape
        return ListArray([[self._random.gauss(mean, deviation) for _ in range(columns)] for _ in range(rows)])
