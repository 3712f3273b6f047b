"""Rows: the instructions of the vector machine, and where the numbers lie that they work on."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from .. import formulas, ops
from ..arrays import basic
from ..ops import Op
from .pack import INPUT
from .trace import Ints

ARITHMETIC = (
    "copy", "add_to", "sub_to", "product_to", "step_to", "add", "sub", "mul", "div", "neg", "abs", "pow", "less",
    "less_equal", "where", "relu",
)  # fmt: skip
LISTS = ("log_sum_exp", "shares", "share_slopes", "log_shares", "log_share_slopes")
LISTED = ("gather", "scatter")
STRUCTURED = ("contract", *LISTED, *LISTS)
FUNCTIONS = tuple(sorted(set(ops.FLOAT_FUNCTIONS) & {
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf",
    "head", "standard_normal_cdf", "sigmoid", "softplus",
}))  # fmt: skip
FOR_NUMPY = tuple(name for name in ops.FLOAT_FUNCTIONS if basic(name) and name not in {*ARITHMETIC, *FUNCTIONS})
"""Functions that the table has and the compiled loop does not: NumPy runs their rows in every back end."""
MACHINE = frozenset((*ARITHMETIC, *STRUCTURED, *FUNCTIONS, *FOR_NUMPY))
"""The machine's instructions. Some update a target: ``product_to`` adds a·b to it, ``step_to`` a where not b ≤ 0."""

ASSIGN, ADD, ASSIGN_FIRST = 0, 1, 2
"""How a target is updated: overwritten, added to, or overwritten by the first block of samples and then added to."""

# Spaces: where a number lies. Values, adjoints and scratch of each region.
S_VALUE, S_ADJOINT, S_SCRATCH, B_VALUE, B_ADJOINT, B_SCRATCH, I_VALUE = range(7)


def value_space(region: int) -> int:
    """The space of the values of a region."""
    return (S_VALUE, B_VALUE)[region] if region < INPUT else I_VALUE + 2 * (region - INPUT)


def adjoint_space(region: int) -> int:
    """The space of the adjoints of a region."""
    return value_space(region) + 1


class View(NamedTuple):
    """Numbers of one space: first slot, and the steps in slots along up to four loops."""

    space: int
    offset: int
    steps: tuple[int, ...]


AXES = 4
"""Loops of a row at most."""


class Kind:
    """What a row does, apart from where its numbers begin; rows that do the same share one.

    Attributes:
        name: the instruction, one of `MACHINE`.
        update: ASSIGN, ADD or ASSIGN_FIRST.
        batched: whether it runs for each sample of a block.
        lengths: of its `AXES` loops.
        views: the target, and the operands: what they are if they begin at slot 0.
        reaches: for each view, how far before and behind its first slot it goes.
        summed: whether several values meet in one number of the target.
        elementwise: whether each number of the target is made of the operands' numbers at the same place alone.
    """

    __slots__ = ("batched", "elementwise", "lengths", "name", "reaches", "summed", "update", "views")

    def __init__(
        self, name: str, update: int, batched: bool, lengths: tuple[int, ...], views: tuple[View, ...]
    ) -> None:
        self.name, self.update, self.batched, self.lengths, self.views = name, update, batched, lengths, views
        self.reaches = tuple(reach(view.steps, lengths) for view in views)
        over = any(n > 1 and not step for n, step in zip(lengths, views[0].steps))
        self.summed = over or (batched and views[0].space <= S_SCRATCH)
        self.elementwise = name not in STRUCTURED and not self.summed


def reach(steps: Sequence[int], lengths: Sequence[int]) -> tuple[int, int]:
    """How far before and behind its first number a walk with these steps goes."""
    ways = [step * (n - 1) for step, n in zip(steps, lengths)]
    return sum(way for way in ways if way < 0), sum(way for way in ways if way > 0)


class Row(NamedTuple):
    """One instruction of the machine: what it does, the first slot of each view, and where its list of slots begins."""

    kind: Kind
    starts: tuple[int, ...]
    aux: int = 0


class Kinds:
    """The kinds of rows of a program, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Kind] = {}

    def find(
        self, name: str, update: int, batched: bool, loops: Sequence[int], views: Sequence[tuple[int, tuple[int, ...]]]
    ) -> Kind:
        """The kind with these loops and views, each a space and its steps; what they lack is 1 and 0."""
        key = (name, update, batched, tuple(loops), *views)
        if key not in self._found:
            padded = [View(space, 0, (*steps, *(0,) * (AXES - len(steps)))) for space, steps in views]
            lengths = (*loops, *(1,) * (AXES - len(loops)))
            self._found[key] = Kind(name, update, batched, lengths, tuple(padded))
        return self._found[key]


class Code:
    """Rows of one part of a program."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.rows: list[Row] = []

    def add(self, name: str, update: int, batched: bool, loops: Sequence[int], *views: View, aux: int = 0) -> None:
        """Append a row."""
        kind = self.kinds.find(name, update, batched, loops, [(view.space, view.steps) for view in views])
        self.rows.append(Row(kind, tuple([view.offset for view in views]), aux))


class Template(NamedTuple):
    """Rows that serve all instructions that differ in their slots alone.

    Attributes:
        rows: each a kind, and for each of its views the first slot, or the number of the operand that it begins with
            (−1 for the result), whichever is not None.
    """

    rows: tuple[tuple[Kind, tuple[tuple[int | None, int], ...]], ...]

    @classmethod
    def of(cls, rows: Sequence[Row], starts: dict[tuple[int, int], int]) -> Template:
        """From the rows of one instruction; ``starts`` gives the operand that begins at a slot of a space."""
        found = []
        for kind, begins, _ in rows:
            places = [(starts.get((view.space, start)), start) for view, start in zip(kind.views, begins)]
            found.append((kind, tuple(places)))
        return cls(tuple(found))

    def rows_at(self, starts: Sequence[int]) -> list[Row]:
        """The rows of an instruction whose operands begin at these slots, its result (last) at the last."""
        return [
            Row(kind, tuple([start if number is None else starts[number] for number, start in places]))
            for kind, places in self.rows
        ]


def steps_of(slots: Ints) -> tuple[int, ...]:
    """The steps from the first slot to its neighbors along each axis; 0 along an axis of length 1."""
    first = (0,) * slots.ndim
    if slots.size == 1:
        return first
    return tuple(
        int(slots[tuple(int(a == axis) for a in range(slots.ndim))] - slots[first]) if length > 1 else 0
        for axis, length in enumerate(slots.shape)
    )


@lru_cache(maxsize=1024)
def formula_of(op: Op, text: str, derivative: bool = False) -> ast.expr:
    """A formula of an operation as a tree; long programs ask for the same one many times."""
    return ops.parse(op, text, derivative)


# ---- reading formulas -------------------------------------------------------------------------------------------


def literal(tree: ast.expr) -> float | None:
    """The number that a formula is, if it is one."""
    if isinstance(tree, ast.Constant):
        return float(tree.value)  # type: ignore[arg-type]
    if isinstance(tree, ast.Name) and tree.id in ("inf", "nan"):
        return ops.inf if tree.id == "inf" else ops.nan
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        number = literal(tree.operand)
        return None if number is None else -number
    return None


def _choice(tree: ast.expr) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """(x, a, b) if the formula is ``where(x <= 0, a, b)``."""
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "where"):
        return None
    condition, chosen, otherwise = tree.args
    if not (isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.LtE)):
        return None
    return (condition.left, chosen, otherwise) if literal(condition.comparators[0]) == 0 else None


def rectified(tree: ast.expr) -> bool:
    """Whether a formula is ``where(x <= 0, 0, x)``."""
    choice = _choice(tree)
    return choice is not None and literal(choice[1]) == 0 and formulas.same(choice[0], choice[2])


def stepped(tree: ast.expr) -> bool:
    """Whether a formula is ``where(x <= 0, 0, 1)``."""
    choice = _choice(tree)
    return choice is not None and literal(choice[1]) == 0 and literal(choice[2]) == 1
