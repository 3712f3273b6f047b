"""Derivative formulas of the table as a reader writes them at one point: conditions settled, constants folded."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable

from .. import formulas, ops
from ..value import Value
from . import notation
from .notation import Tree

Put = Callable[[str], Tree]


class Slope:
    """The derivative formula of one operand at one point: `tree(put)` writes it with names or with numbers.

    A ``where`` whose condition is settled by the numbers is written as the branch taken, and ``reason`` says why:
    the slope of a relu is "1, since z > 0".
    """

    def __init__(self, node: Value, position: int) -> None:
        self.reason: tuple[str, str, str] | None = None
        self._partner: int | None = None
        self._tree: ast.expr | None = None
        op = ops.TABLE[node.op]
        if op.name == "dot":
            half = len(node.parents) // 2
            self._partner = position + half if position < half else position - half
        elif not op.takes_list:
            known = {n: p.data for n, p in zip(op.arguments, node.parents)} | {"out": node.data}
            fixed = {n: p.data for n, p in zip(op.arguments, node.parents) if p.op == "constant" and not p.label}
            tree = self._settle(ops.read_derivative(op, position), known)
            self._tree = _simplified(tree, fixed)

    def tree(self, put: Put, partner: Callable[[int], Tree]) -> Tree | None:
        """The formula; ``put`` writes an argument or ``out``, ``partner`` the operand at a position. None: too long."""
        if self._partner is not None:
            return partner(self._partner)
        return None if self._tree is None else _written(self._tree, put)

    def _settle(self, tree: ast.expr, known: dict[str, float]) -> ast.expr:
        while isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "where":
            condition, chosen, otherwise = tree.args
            holds = _number_of(condition, known)
            if holds is None:
                break
            tree = chosen if holds else otherwise
            self._explain(condition, bool(holds), known)
        return tree

    def _explain(self, condition: ast.expr, holds: bool, known: dict[str, float]) -> None:
        signs = {ast.Lt: ("<", "≥"), ast.LtE: ("≤", ">"), ast.Gt: (">", "≤"), ast.GtE: ("≥", "<")}
        if isinstance(condition, ast.Compare) and isinstance(condition.left, ast.Name):
            left, right = condition.left.id, condition.comparators[0]
            both = [known[left], _number_of(right, known)]
            if isinstance(right, (ast.Name, ast.Constant)) and all(x == x for x in both):
                sign = "=" if both[0] == both[1] and not holds else signs[type(condition.ops[0])][not holds]
                self.reason = (left, sign, ast.unparse(right))


def _number_of(tree: ast.expr, known: dict[str, float]) -> float | None:
    functions = {**ops.IEEE_FUNCTIONS, "where": lambda c, x, y: x if c else y}
    try:
        found = formulas.interpret(tree, functions, {"inf": math.inf, "nan": math.nan, **known})
    except (ArithmeticError, ValueError, KeyError):
        return None
    return None if isinstance(found, complex) else float(found)


def _simplified(tree: ast.expr, fixed: dict[str, float]) -> ast.expr:
    """Constants put in and folded; 1 · a, a^1 and a · a written shorter."""
    if isinstance(tree, ast.Name):
        return ast.Constant(fixed[tree.id]) if tree.id in fixed else tree
    if isinstance(tree, ast.Constant):
        return tree
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        arguments = [_simplified(argument, fixed) for argument in tree.args]
        tree = ast.Call(tree.func, arguments, [])
        if tree.func.id == "pow":  # type: ignore[attr-defined]
            tree = ast.BinOp(arguments[0], ast.Pow(), arguments[1])
    elif isinstance(tree, ast.UnaryOp):
        tree = ast.UnaryOp(tree.op, _simplified(tree.operand, fixed))
    elif isinstance(tree, ast.BinOp):
        tree = ast.BinOp(_simplified(tree.left, fixed), tree.op, _simplified(tree.right, fixed))
    else:
        return tree
    return _shorter(tree)


def _shorter(tree: ast.expr) -> ast.expr:
    parts = [tree.left, tree.right] if isinstance(tree, ast.BinOp) else [getattr(tree, "operand", tree)]
    if all(isinstance(part, ast.Constant) for part in parts) and not isinstance(tree, ast.Call):
        folded = _number_of(tree, {})
        if folded is not None and math.isfinite(folded):
            return ast.Constant(folded)
    if isinstance(tree, ast.BinOp):
        left, right = tree.left, tree.right
        if isinstance(tree.op, ast.Mult):
            if isinstance(left, ast.Constant) and left.value == 1:
                return right
            if isinstance(right, ast.Constant) and right.value == 1:
                return left
            if formulas.same(left, right):
                return ast.BinOp(left, ast.Pow(), ast.Constant(2))
        if isinstance(tree.op, ast.Pow) and isinstance(right, ast.Constant) and right.value == 1:
            return left
    return tree


def _written(tree: ast.expr, put: Put) -> Tree:
    if isinstance(tree, ast.Name):
        return notation.num(math.inf if tree.id == "inf" else math.nan) if tree.id in ("inf", "nan") else put(tree.id)
    if isinstance(tree, ast.Constant):
        return notation.num(float(tree.value))  # type: ignore[arg-type]
    if isinstance(tree, ast.UnaryOp):
        operand = _written(tree.operand, put)
        return ["row", ["sign", "−"], notation.factor(operand)] if isinstance(tree.op, ast.USub) else operand
    if isinstance(tree, ast.BinOp):
        left, right = _written(tree.left, put), _written(tree.right, put)
        if isinstance(tree.op, ast.Div):
            return ["frac", left, right]
        if isinstance(tree.op, ast.Pow):
            return [
                "sup",
                left if left[0] in ("name", "num") and notation.factor(left) is left else notation.bracket(left),
                right,
            ]
        if isinstance(tree.op, ast.Mult):
            return notation.row(notation.factor(left) if left[0] == "row" else left, "·", notation.factor(right))
        return notation.row(left, "+" if isinstance(tree.op, ast.Add) else "−", notation.factor(right))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        arguments = [_written(argument, put) for argument in tree.args]
        op = ops.TABLE.get(tree.func.id)
        return notation.value(op, arguments) if op is not None else notation.call(tree.func.id, arguments)
    assert isinstance(tree, ast.Compare)
    sign = {ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥"}[type(tree.ops[0])]
    return notation.row(_written(tree.left, put), sign, _written(tree.comparators[0], put))
