"""Rows: the instructions of the vector machine, and where the numbers lie that they work on."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

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
STRUCTURED = ("contract", "gather", "scatter", *LISTS)
FUNCTIONS = tuple(sorted(set(ops.FLOAT_FUNCTIONS) & {
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf",
    "head", "standard_normal_cdf", "sigmoid", "softplus",
}))  # fmt: skip
FOR_NUMPY = tuple(name for name in ops.FLOAT_FUNCTIONS if basic(name) and name not in {*ARITHMETIC, *FUNCTIONS})
"""Functions that the table has and the compiled loop does not: NumPy runs their rows in every back end."""
MACHINE = {name: code for code, name in enumerate((*ARITHMETIC, *STRUCTURED, *FUNCTIONS, *FOR_NUMPY))}
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


NOTHING = View(S_VALUE, 0, (0, 0, 0, 0))
ROW = 32
"""Columns of a row: instruction, update, batched, 4 loop lengths, aux, and 4 operands of (space, offset, 4 steps)."""


@dataclass
class Code:
    """Rows of one part of a program."""

    rows: list[list[int]] = field(default_factory=list)

    def add(self, name: str, update: int, batched: bool, loops: Sequence[int], *views: View, aux: int = 0) -> None:
        """Append a row."""
        lengths = [*loops, 1, 1, 1, 1][:4]
        row = [MACHINE[name], update, int(batched), *lengths, aux]
        for view in (*views, NOTHING, NOTHING, NOTHING, NOTHING)[:4]:
            row += [view.space, view.offset, *view.steps, *(0,) * (4 - len(view.steps))]
        self.rows.append(row)

    def table(self) -> Ints:
        """The rows as an array (n, ROW)."""
        return np.array(self.rows, np.int64).reshape(-1, ROW)


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
