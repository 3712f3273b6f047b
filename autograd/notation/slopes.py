"""Local derivatives as expressions: the formulas of the operation table, with this graph's operands put in.

A `where` in a formula is resolved at the present data, so that relu′ reads 1 or 0 and the power rule reads n·xⁿ⁻¹.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .. import ops
from ..graph import describe
from ..value import Value
from .expression import Expression, number, operation, times

EDITED = "Was a .data edited after the graph was made? Then call autograd.graph.forward(root)."


class DerivationError(RuntimeError):
    """A line of a derivation and the recorded graph disagree: the graph was edited, or an operation's rule is wrong."""


class Condition(NamedTuple):
    """A comparison that holds, such as z > 0."""

    left: Expression
    sign: str
    right: Expression


_SIGNS = {ast.Lt: ("<", "≥"), ast.LtE: ("≤", ">"), ast.Gt: (">", "≤"), ast.GtE: ("≥", "<")}
_OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: lambda x, y: x < y,
    ast.LtE: lambda x, y: x <= y,
    ast.Gt: lambda x, y: x > y,
    ast.GtE: lambda x, y: x >= y,
}


def slope(
    node: Value,
    position: int,
    write: Callable[[Value], Expression],
    share: Callable[[Value, float], Expression | None] = lambda node, x: None,
    taken: list[Condition] | None = None,
) -> Expression:
    """∂ node / ∂ its operand at ``position``.

    Args:
        node: an operation.
        position: which operand.
        write: the expression of a node.
        share: the name of exp(x) / Σ exp, if it has one (ŷ behind a softmax), from x and its number.
        taken: a list for the conditions that chose a branch of the formula. With it a slope with a kink is the branch
            taken, such as 1; without it, a sign such as relu′(z) or [x < y].
    """
    parents = node.parents
    expected = node.local_derivatives[position]
    if node.op == "mean":
        return operation("div", number(1), number(len(parents)))
    if node.op == "dot":
        half = len(parents) // 2
        return write(parents[position + half if position < half else position - half])
    if node.op in ("log_sum_exp", "softmax", "log_softmax"):
        return _shared(node, position, write, share)
    if node.op == "mul":
        return write(parents[1 - position])
    if taken is None and node.op in ("relu", "leaky_relu", "elu") and position == 0:
        return Expression("prime", (write(parents[0]),), node.op, expected)
    if taken is None and node.op == "abs":
        return Expression("applied", (write(parents[0]),), "sign", expected)
    if taken is None and node.op in ("maximum", "minimum") and expected != 0.5:
        pair = write(parents[1 - position]), write(parents[position])
        return operation("less", *(pair if node.op == "maximum" else pair[::-1]))
    op = ops.TABLE[node.op]
    scope = dict(zip(op.arguments, parents))
    exponent = parents[1] if node.op == "pow" and parents[1].op == "constant" else None  # 3·x², not 3·x³⁻¹

    def spelled(operand: Value) -> Expression:
        return number(operand.data) if operand is exponent else write(operand)

    for text in (op.textbook[position], op.derivatives[position]):  # a saturated sigmoid needs the latter
        if text:
            tree = ops.parse(op, text, derivative=True)
            if close(_Reader(scope, node, lambda operand: number(operand.data)).of(tree).evaluate(), expected):
                return _Reader(scope, node, spelled, taken).of(tree)
    raise DerivationError(
        f"the recorded derivative {expected!r} of {describe(node)} is not what {op.derivatives[position]!r} gives. "
        f"{EDITED}"
    )


def close(x: float, y: float, scale: float = 0.0) -> bool:
    """Equal to rounding; nan equals nan, and infinities equal themselves."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return x == y or (x != x and y != y)
    return abs(x - y) <= 1e-9 * max(abs(x), abs(y), scale) + 1e-300


def _shared(
    node: Value,
    position: int,
    write: Callable[[Value], Expression],
    share: Callable[[Value, float], Expression | None],
) -> Expression:
    """The derivatives of log Σ exp, softmax and its logarithm, in shares exp(x) / Σ exp."""
    if node.op == "log_sum_exp" and len(node.parents) == 1:
        return number(1)
    if node.op == "softmax" and position == 0:
        out = write(node)
        return times(out, operation("sub", number(1), out))
    below = Expression("sum", tuple(operation("exp", write(parent)) for parent in node.parents))
    amount = ops.shares([parent.data for parent in node.parents])[position]
    part = share(node.parents[position], amount) or operation(
        "div", operation("exp", write(node.parents[position])), below
    )
    if node.op == "log_sum_exp":
        return part
    if node.op == "log_softmax":
        return operation("sub", number(1), part) if position == 0 else operation("neg", part)
    return operation("neg", times(write(node), part))


def textbook(op: ops.Op, argument: Expression, out: Expression, result: Value) -> Expression:
    """The derivative of a function of one number, in terms of its argument and its value."""
    names = {result.parents[0]: argument, result: out}
    scope = dict(zip(op.arguments, result.parents))
    tree = ops.read_derivative(op, 0)
    return _Reader(scope, result, lambda node: names.get(node) or number(node.data)).of(tree)


class _Reader(NamedTuple):
    """Reads derivative formulas of a node as expressions, constants folded and branches chosen.

    Attributes:
        scope: the operands by the names of the arguments.
        node: the node.
        write: the expression of an operand or of the node.
        taken: where the conditions of the branches chosen are noted, if anywhere.
    """

    scope: Mapping[str, Value]
    node: Value
    write: Callable[[Value], Expression]
    taken: list[Condition] | None = None

    def of(self, tree: ast.expr) -> Expression:
        """The expression of a formula."""
        if isinstance(tree, ast.Constant):
            assert isinstance(tree.value, (int, float))
            return number(tree.value)
        if isinstance(tree, ast.Name):
            if tree.id in ("inf", "nan"):
                return number(float(tree.id))
            return self.write(self.node if tree.id == "out" else self.scope[tree.id])
        if isinstance(tree, ast.UnaryOp):
            inner = self.of(tree.operand)
            return simplified("neg", [inner]) if isinstance(tree.op, ast.USub) else inner
        if isinstance(tree, ast.BinOp):
            return simplified(_OPERATORS[type(tree.op)], [self.of(tree.left), self.of(tree.right)])
        if isinstance(tree, ast.Compare):
            left, right = self.of(tree.left).evaluate(), self.of(tree.comparators[0]).evaluate()
            return number(float(_COMPARISONS[type(tree.ops[0])](left, right)))
        assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
        if tree.func.id == "where":
            condition, chosen, otherwise = tree.args
            holds = bool(self.of(condition).evaluate())
            if self.taken is not None and isinstance(condition, ast.Compare) and isinstance(condition.left, ast.Name):
                sides = self.of(condition.left), self.of(condition.comparators[0])
                self.taken.extend(_conditions(condition, *sides, holds))
            return self.of(chosen if holds else otherwise)
        return simplified(tree.func.id, [self.of(argument) for argument in tree.args])


def _conditions(compare: ast.Compare, left: Expression, right: Expression, holds: bool) -> list[Condition]:
    """What the numbers say about a comparison; nothing if one of them is nan, or too long to be said."""
    x, y = left.evaluate(), right.evaluate()
    if x != x or y != y or not isinstance(compare.comparators[0], (ast.Name, ast.Constant)):
        return []
    return [Condition(left, "=" if x == y and not holds else _SIGNS[type(compare.ops[0])][not holds], right)]


def simplified(head: str, parts: Sequence[Expression]) -> Expression:
    """An operation without factors of one or zero, terms of zero, powers of one; with squares, and numbers computed."""
    values = [part.datum if part.head == "number" else None for part in parts]
    if all(value is not None for value in values):
        return number(operation(head, *parts).evaluate())
    if head == "mul" and 0.0 in values:
        return number(0)
    if head == "mul" and parts[0] == parts[1]:
        return operation("pow", parts[0], number(2))
    if head == "mul":
        return times(*(part for part in parts if part.head != "number" or part.datum != 1))
    if head == "neg":
        return times(number(-1), parts[0])
    if head == "pow" and values[1] == 0:
        return number(1)
    if (head == "pow" and values[1] == 1) or (head in ("add", "sub") and values[1] == 0):
        return parts[0]
    return operation(head, *parts)
