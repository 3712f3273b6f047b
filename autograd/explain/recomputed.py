"""Wrong numbers in a right derivation: results rounded on the way, a calculator set to degrees.

Each is an engine whose local derivatives come from numbers of its own forward pass, not from those recorded.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from .. import formulas
from ..graph import topological
from ..ops import TABLE, namespace, read_derivative
from ..value import Value
from .engines import Mutant
from .slips import is_function

MOST_NODES = 500
"""Larger graphs are not computed by hand."""


class Recomputed(Mutant, ABC):
    """An engine with a forward pass of its own."""

    def prepare(self, root: Value) -> None:
        """Compute every node again."""
        self.slopes: dict[Value, Sequence[float]] = {}
        numbers: dict[Value, float] = {}
        for node in topological(root):
            if node.parents and node.op in TABLE:
                operands = [numbers[parent] for parent in node.parents]
                numbers[node], self.slopes[node] = self.step(node, operands)
            else:
                numbers[node], self.slopes[node] = node.data, node.local_derivatives

    def release(self) -> None:
        """Let go of the graph."""
        self.slopes = {}

    @abstractmethod
    def step(self, node: Value, operands: Sequence[float]) -> tuple[float, Sequence[float]]:
        """Value and local derivatives at these operands."""

    def derivatives(self, node: Value) -> Sequence[float]:
        """Those of the own forward pass."""
        return self.slopes[node]


class Degrees(Recomputed):
    """A calculator that takes angles for degrees, in values and in derivatives."""

    name = "degrees instead of radians"
    mistake = "sines and cosines were computed with a calculator set to degrees"
    reread = "angles are in radians"

    def step(self, node: Value, operands: Sequence[float]) -> tuple[float, Sequence[float]]:
        """Sine, cosine and tangent of degrees, with the derivatives of those of radians."""
        if node.op in ("sin", "cos", "tan"):
            operands = [math.radians(operands[0])]
        return TABLE[node.op].evaluate(*operands)


class Rounded(Recomputed):
    """Intermediate results rounded to a few digits.

    Args:
        digits: how many.
        significant: whether they are significant digits, not decimals.
        which: ``"shown"``: the results that a picture shows are used, each rounded for itself; ``"steps"``: each
            result is computed from rounded ones; ``"functions"``: the same, but sums and products are kept exact.
        products: whether slopes and gradients are rounded too.
    """

    name = "rounded on the way"
    reread = "round the result, not the numbers that it is computed from"

    def __init__(self, digits: int, significant: bool, which: str, products: bool) -> None:
        self.digits, self.significant, self.which, self.products = digits, significant, which, products
        unit = f"significant digit{'s' * (digits > 1)}" if significant else f"decimal{'s' * (digits > 1)}"
        self.mistake = f"intermediate results were rounded to {digits} {unit}, and that shows in the result"

    def rounded(self, x: float) -> float:
        """A number as the learner writes it down."""
        return float(f"{x:.{self.digits - 1}e}") if self.significant else round(x, self.digits)

    def step(self, node: Value, operands: Sequence[float]) -> tuple[float, Sequence[float]]:
        """The derivatives of the books, at rounded operands and a rounded value."""
        op = TABLE[node.op]
        if self.which == "shown":
            operands = [self.rounded(parent.data) if parent.parents else parent.data for parent in node.parents]
        value, slopes = op.evaluate(*operands)
        if self.which != "functions" or is_function(node):
            value = self.rounded(value)
        if not op.takes_list:
            scope = {**dict(zip(op.arguments, operands)), "out": value, "inf": math.inf, "nan": math.nan}
            known: dict[str, Any] = {**namespace(ieee=True), "where": lambda c, x, y: x if c else y}
            try:
                trees = [read_derivative(op, place) for place in range(len(operands))]
                slopes = tuple(float(formulas.interpret(tree, known, scope)) for tree in trees)
            except (ArithmeticError, TypeError, ValueError):
                pass  # a rounded 0 in a denominator: the derivatives of the table stand
        return value, [self.rounded(slope) for slope in slopes] if self.products else slopes

    def contribution(self, adjoint: float, derivative: float) -> float:
        """What one edge passes on, rounded if products are."""
        product = super().contribution(adjoint, derivative)
        return self.rounded(product) if self.products else product


def roundings() -> Iterator[Rounded]:
    """Every way to round that is tried, the finest first."""
    for digits in range(6, 0, -1):
        for significant in (False, True):
            for which in ("shown", "steps", "functions"):
                for products in (False, True):
                    yield Rounded(digits, significant, which, products)
