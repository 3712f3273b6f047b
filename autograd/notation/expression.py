"""Expression trees: what `formula` and `derivation` print, and what they evaluate to check what they print.

A tree is made of `Expression` nodes. Their heads are the operations of `autograd.ops.TABLE` and a few signs that
only occur on paper: an n-ary ``sum`` and ``product``, a derivative ``partial``, φ(z) and φ′(z) as ``applied`` and
``prime``, an indexed Σ, and dots where something was left out. Trees are walked by `fold`, which does not recurse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..ops import TABLE
from .names import Name

T = TypeVar("T")


@dataclass(frozen=True)
class Expression:
    """A node of an expression tree.

    Attributes:
        head: the name of an operation, or ``"number"``, ``"constant"`` (a number that is data of the graph),
            ``"symbol"``, ``"partial"``, ``"applied"``, ``"prime"``, ``"sum"``, ``"product"``, ``"indexed"``,
            ``"dots"``, and at the top of a tree ``"relation"``: a = b = c.
        parts: the operands. An indexed sum has its pattern first and then the terms it stands for.
        datum: what else the head needs: a `Name`, the two of a derivative, the letter of a function or of an
            index with its range.
        value: the number of a head without operands, and of φ(z) and φ′(z); it is taken from the engine.
    """

    head: str
    parts: tuple[Expression, ...] = ()
    datum: Any = None
    value: float = field(default=math.nan, compare=False)

    def evaluate(self) -> float:
        """The number that this expression denotes, with IEEE 754 results; computed once for each part."""
        stack = [self]
        while stack:
            node = stack[-1]
            pending = [part for part in node.parts if "_number" not in part.__dict__]
            if pending:
                stack.extend(pending)
            else:
                node.__dict__["_number"] = _evaluate(node, [part.__dict__["_number"] for part in node.parts])
                stack.pop()
        return float(self.__dict__["_number"])


def number(x: float) -> Expression:
    """A literal."""
    return Expression("number", (), float(x), float(x))


def symbol(name: Name, value: float) -> Expression:
    """A variable with its present value."""
    return Expression("symbol", (), name, value)


def operation(head: str, *parts: Expression) -> Expression:
    """An operation of the table."""
    return Expression(head, parts)


def relation(*parts: Expression, sign: str = "=") -> Expression:
    """``a = b = c``, or with another sign between: ``w ← w − 1``."""
    return Expression("relation", parts, sign)


def total(terms: Sequence[Expression]) -> Expression:
    """The sum of some terms; of one, the term itself."""
    flat = [part for term in terms for part in (term.parts if term.head == "sum" else (term,))]
    return flat[0] if len(flat) == 1 else Expression("sum", tuple(flat)) if flat else number(0)


def times(*factors: Expression) -> Expression:
    """The product of some factors, without ones; −1 becomes a sign."""
    flat = [part for factor in factors for part in (factor.parts if factor.head == "product" else (factor,))]
    negative = False
    kept: list[Expression] = []
    for part in flat:
        while part.head == "neg":
            negative, part = not negative, part.parts[0]
        if part.head == "number" and part.datum in (1.0, -1.0):
            negative ^= part.datum < 0
        else:
            kept += part.parts if part.head == "product" else (part,)
    product = kept[0] if len(kept) == 1 else Expression("product", tuple(kept)) if kept else number(1)
    return operation("neg", product) if negative else product


def fold(root: Expression, combine: Callable[[Expression, list[T]], T]) -> T:
    """``combine(node, results of its parts)`` from the leaves up; a part that occurs twice is combined once."""
    if not root.parts:
        return combine(root, [])
    results: dict[int, T] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        pending = [part for part in node.parts if id(part) not in results]
        if pending:
            stack.extend(reversed(pending))
        else:
            results[id(node)] = combine(node, [results[id(part)] for part in node.parts])
            stack.pop()
    return results[id(root)]


def _evaluate(node: Expression, parts: list[float]) -> float:
    if node.head == "sum":
        return math.fsum(parts) if all(map(math.isfinite, parts)) else sum(parts)
    if node.head == "product":
        return multiply(parts)
    if node.head == "indexed":
        return sum(parts[1:])
    if node.head in TABLE:
        return TABLE[node.head].evaluate(*parts)[0]
    return node.value


def multiply(factors: Sequence[float]) -> float:
    """A product in which an exact zero carries nothing (see `autograd.backward`)."""
    return 0.0 if any(factor == 0 for factor in factors) else math.prod(factors)


def rounded(expression: Expression, digits: int) -> Expression:
    """The expression with its numbers as they are printed, with some significant digits."""

    def combine(node: Expression, parts: list[Expression]) -> Expression:
        if node.head in ("number", "constant"):
            return number(float(f"{node.datum:.{digits - 1}e}"))
        return Expression(node.head, tuple(parts), node.datum, node.value)

    return fold(expression, combine)


def clipped(expression: Expression, nodes: int = 60, operands: int = 12) -> Expression:
    """What fits on a line: long sums and products lose their middle, deep trees their lower parts, to dots.

    Dots keep the value of what they stand for, so that the expression still evaluates to the same number.
    """
    if expression.parts and len(expression.parts) > operands and expression.head in ("sum", "product"):
        middle = Expression(expression.head, expression.parts[operands // 2 : -2])
        dots = Expression("dots", value=middle.evaluate())
        expression = Expression(expression.head, (*expression.parts[: operands // 2], dots, *expression.parts[-2:]))
    level, kept, whole = [expression], 1, set[int]()
    while level:
        below: list[Expression] = []
        for node in level:
            shown = node.parts[:1] if node.head == "indexed" else node.parts
            if kept + len(shown) <= nodes:
                kept += len(shown)
                whole.add(id(node))
                below += shown
        level = below
    stack = [expression]
    built: dict[int, Expression] = {}
    while stack:
        node = stack[-1]
        inside = node.parts if id(node) in whole and node.head != "indexed" else ()
        waiting = [part for part in inside if id(part) not in built]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if node.parts and id(node) not in whole:
            built[id(node)] = Expression("dots", value=node.evaluate())
        elif all(built[id(part)] is part for part in inside):
            built[id(node)] = node
        else:
            parts = tuple(built[id(part)] for part in inside)
            built[id(node)] = Expression(node.head, parts, node.datum, node.value)
    return built[id(expression)]
