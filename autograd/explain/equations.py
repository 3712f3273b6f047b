"""The equations of a derivation, and how several of them become lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..notation.expression import Expression, fold, multiply, number, times
from ..notation.names import Name
from ..value import Value
from .lines import Line
from .patterns import Letters, folded_sum

MAX_ROWS = 3
"""How many equations that have no pattern are written."""


@dataclass(frozen=True)
class Equation:
    """The derivative with respect to one quantity: how it is written, in stages, and what it depends on.

    ``parts`` are the factors of the product, or if it is ``summed`` over several uses the terms, each as a derivative
    by name and as it is computed.
    """

    target: Value
    left: Expression
    stages: tuple[Expression, ...]
    value: float
    then: tuple[Value, ...]
    parts: tuple[tuple[Expression, Expression], ...] = ()
    summed: bool = False


def grouped(equations: Sequence[Equation], names: dict[Value, Name]) -> list[list[Equation]]:
    """Equations grouped by the kind of quantity: all z of a layer together."""
    groups: dict[object, list[Equation]] = {}
    for equation in equations:
        name = names[equation.target]
        groups.setdefault((name.base, name.upper, len(name.lower)), []).append(equation)
    return list(groups.values())


def together(slopes: Sequence[Expression]) -> Expression:
    """The sum over several ways between two quantities; x + x is 2·x."""
    counts = (
        {slope: slopes.count(slope) for slope in dict.fromkeys(slopes)}
        if len(slopes) < 50
        else dict.fromkeys(slopes, 1)
    )
    return folded_sum([times(number(count), slope) for slope, count in counts.items()])


def stage_lines(section: str, left: Expression, stages: Sequence[Expression], condition: str = "") -> list[Line]:
    """An equation that goes through stages, a line for each."""
    return [Line(section, None if i else left, stage, "" if i else condition) for i, stage in enumerate(stages)]


def more_lines(section: str, lines: int) -> list[Line]:
    """The line that stands for those that are not written; none if all are."""
    hidden = lines - rows_shown(lines)
    return [Line(section, None, Expression("dots"), f"{hidden} more like these")] if hidden else []


def rows_shown(rows: int) -> int:
    """How many of some rows are written: all, or the first few."""
    return rows if rows <= MAX_ROWS + 1 else MAX_ROWS


def outer_index(rows: int) -> str:
    """The letter to keep free for the index of several equations alike: z²ᵢ = Σⱼ w²ᵢⱼ·a¹ⱼ."""
    return "i" if rows > 1 else ""


def ranges_of(letters: Letters) -> str:
    """What index letters run through: ``i = 1, 2, 3; j = 1, …, 9``."""
    ranges = []
    for values, letter in letters.items():
        found = sorted(set(values), key=lambda value: (isinstance(value, str), value))
        whole = found == list(range(int(found[0]), int(found[0]) + len(found)))
        shown = [str(index) for index in found]
        if len(shown) > 3:
            shown = [*shown[: 1 if whole else 5], "…", shown[-1]]
        ranges.append(f"{letter} = {', '.join(shown)}")
    return "; ".join(ranges)


def magnitude(expression: Expression) -> float:
    """The size of the largest term of a sum: what its rounding errors are relative to."""

    def size(node: Expression, parts: list[float]) -> float:
        if node.head in ("sum", "add", "sub"):
            return sum(parts)
        if node.head == "indexed":
            return sum(parts[1:])
        if node.head in ("product", "mul"):
            return multiply(parts)
        if node.head == "neg":
            return parts[0]
        return abs(node.evaluate()) if node.parts else abs(node.value)

    return fold(expression, size)


def replaced(expression: Expression, old: Expression, new: Expression) -> Expression:
    """The expression with another part in the place of one."""
    return fold(
        expression,
        lambda node, parts: new if node == old else Expression(node.head, tuple(parts), node.datum, node.value),
    )
