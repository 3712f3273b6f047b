"""The words of libraries that differentiate for themselves: one sample, which they map over all samples.

What they differentiate wrongly brings the slopes of the table along: at kinks and in tails, where a formula that is
right for the value gives nan, or the slope of one side.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...compiler.rows import formula_of, literal
from ...compiler.trace import Ints
from ...ops import Op
from .words import ATOM, PRODUCT, Words, Written, bracket

PLAIN = frozenset({"gaussian", "normal_pdf", "gelu", "silu", "softplus", "head"})
"""Whose formulas any library differentiates as the table does."""


class Mapped(Words):
    """See `Words`.

    Attributes:
        functions: what the library calls functions of the table, and those that formulas call.
        wrong: those of them whose slopes are not the table's.
        formulas: of what the library does not have, in place of those of `words.FORMULAS`.
        lists: what it calls operations on lists, and its argument for the axis.
    """

    functions: ClassVar[Mapping[str, str]] = {}
    wrong: frozenset[str] = frozenset()
    formulas: ClassVar[Mapping[str, str]] = {}
    lists: ClassVar[Mapping[str, str]] = {}
    axis = "axis"

    def native(self, name: str) -> str | None:
        """See `Words`."""
        return None if name in self.wrong else self.functions.get(name)

    def value(self, name: str, op: Op | None) -> str:
        """See `Words`."""
        arguments = op.arguments if op else ("x",)
        if name in self.functions:
            return f"{self.functions[name]}({', '.join(arguments)})"
        if name in self.formulas:
            return self.formula(ast.parse(self.formulas[name], mode="eval").body, {x: (x, ATOM) for x in arguments})[0]
        return super().value(name, op)

    def define(self, name: str, op: Op | None) -> str:
        """See `Words`."""
        if op is None or name in PLAIN:
            return super().define(name, op)
        names = {x: (x, ATOM) for x in (*op.arguments, "out")}
        products = []
        for text in op.derivatives:
            tree = formula_of(op, text, True)
            slope = bracket(self.formula(tree, names), PRODUCT + 1)
            number = literal(tree)
            products.append("None" if number == 0 else "d" if number == 1 else f"d * {slope}")
        return self.with_slopes(name, op, self.value(name, op), products)

    def with_slopes(self, name: str, op: Op, value: str, products: Sequence[str]) -> str:
        """A function with derivatives of its own: ``d``, a change or an adjoint, times each slope, or None for 0."""
        raise NotImplementedError

    def places(self, places: Ints) -> str:
        """See `Words`."""
        return f"{self.array_of}({super().places(places)})"

    def over_list(self, op: str, entries: Written, axis: int) -> Written:
        """See `Words`."""
        return f"{self.lists[op]}({entries[0]}, {self.axis}=-1)", ATOM

    def summed(self) -> str:
        """See `Words`."""
        return "(spread(*gradient[name].shape) * gradient[name]).sum()"
