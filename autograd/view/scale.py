"""The scale of shades: how large a gradient is among those of its graph."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..value import Value


class Scale:
    """Maps |gradient| to 0…1: logarithmic over the one to four decades that the gradients span, 0 for exactly 0."""

    def __init__(self, order: Iterable[Value]) -> None:
        sizes = [abs(node.grad) for node in order if node.op != "constant"]
        sizes = [size for size in sizes if 0 < size < math.inf]
        self.largest = _round_up(max(sizes)) if sizes else 0.0
        span = math.log10(self.largest) - math.log10(min(sizes)) if sizes else 0.0
        self.decades = min(max(math.ceil(span), 1), 4)

    def level(self, gradient: float) -> float:
        """The level of a gradient; nan and infinite ones are at the top."""
        size = abs(gradient)
        if size == 0 or not self.largest:
            return 0.0
        if not size < self.largest:
            return 1.0
        return max(1 + (math.log10(size) - math.log10(self.largest)) / self.decades, 0.0) * 0.9 + 0.1


def _round_up(x: float) -> float:
    """The next of 1, 2 and 5 times a power of ten, for a scale that reads well."""
    power = math.floor(math.log10(x))
    steps = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next((step for step in steps if x <= step * (1 + 1e-12) and step < math.inf), x)
