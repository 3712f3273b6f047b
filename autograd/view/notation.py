"""How mathematics is written in the stepper: names of nodes, numbers, and formulas as small trees.

A formula is a nested list that JSON can carry: ``["frac", a, b]``, ``["sup", base, exponent]``, ``["sqrt", x]``,
``["row", …]`` and the atoms ``["name", "w2"]``, ``["num", "0.5"]``, ``["fun", "tanh"]``, ``["op", "·"]`` (spaced),
``["sign", "("]`` (not spaced) and ``["part", "L", "w2"]`` for ∂L/∂w2. `line` writes it on one line; the page turns the
same tree into MathML, element by element, so that a label is never read as markup.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from .. import formulas, ops
from ..value import Value
from .text import number, shortened, visible

Tree = list[Any]
Put = Callable[[str], Tree]

LONGEST_NAME = 48
MOST_TERMS = 5
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

# ---- names and numbers ------------------------------------------------------------------------------------------


def names(order: Sequence[Value]) -> list[str]:
    """A name for each node of a graph in topological order, no two alike.

    A label is kept (on one line, shortened in the middle past 48 characters). A constant is called by its number.
    The root is L if it has no label; other nodes without one are v1, v2, … in the order in which they are computed.
    A label that several nodes bear is numbered: x, x′2, x′3.
    """
    labels = [shortened(visible(str(node.label)).strip(), LONGEST_NAME) for node in order]
    taken = set(labels)
    fresh = (name for name in (f"v{i}" for i in itertools.count(1)) if name not in taken)
    found: list[str] = []
    seen: dict[str, int] = {}
    for node, label in zip(order, labels):
        if label:
            seen[label] = copies = seen.get(label, 0) + 1
            while copies > 1 and f"{label}′{copies}" in taken:
                seen[label] = copies = copies + 1
            label = label if copies == 1 else f"{label}′{copies}"
            taken.add(label)
        elif node.op == "constant":
            label = number(node.data)
        elif node is order[-1] and "L" not in taken:
            label = "L"
        else:
            label = next(fresh)
        found.append(label)
    return found


# ---- building trees ---------------------------------------------------------------------------------------------


def name(node: Value, label: str) -> Tree:
    """The name of a node; a constant without a label is written as its number."""
    return num(node.data) if node.op == "constant" and not node.label else ["name", label]


def num(x: float) -> Tree:
    """A number."""
    return ["num", number(x)]


def partial(of: str, by: str) -> Tree:
    """∂of/∂by."""
    return ["part", of, by]


def row(*parts: Tree | str) -> Tree:
    """Parts in a row; a string is a spaced operator."""
    return ["row", *(["op", part] if isinstance(part, str) else part for part in parts)]


def factor(tree: Tree) -> Tree:
    """The tree as it stands after a sign: in parentheses if it begins with one, or is a sum."""
    loose = tree[0] == "num" and tree[1][:1] == "−"
    if tree[0] == "row":
        loose = tree[1] == ["sign", "−"] or any(part in (["op", "+"], ["op", "−"]) for part in tree[1:])
    return bracket(tree) if loose else tree


def bracket(tree: Tree) -> Tree:
    """The tree in parentheses."""
    return ["row", ["sign", "("], tree, ["sign", ")"]]


def call(function: str, arguments: Sequence[Tree]) -> Tree:
    """function(a, b, …)."""
    parts: Tree = []
    for position, argument in enumerate(_shortened(list(arguments))):
        parts += [["sign", ", "], argument] if position else [argument]
    return ["row", ["fun", function], ["sign", "("], *parts, ["sign", ")"]]


def _shortened(parts: list[Tree]) -> list[Tree]:
    return parts if len(parts) <= MOST_TERMS else [*parts[: MOST_TERMS - 2], ["name", "…"], parts[-1]]


def total(parts: Sequence[Tree]) -> Tree:
    """a + b + …, long sums shortened in the middle."""
    result: Tree = ["row"]
    for position, part in enumerate(_shortened(list(parts))):
        result += [["op", "+"], factor(part)] if position else [part]
    return result if len(result) > 2 else result[1]


def line(tree: Tree) -> str:
    """A tree on one line of Unicode text."""
    kind = tree[0]
    if kind in ("name", "num", "fun", "sign"):
        return str(tree[1])
    if kind == "op":
        return f" {tree[1]} "
    if kind == "part":
        return f"∂{tree[1]}/∂{tree[2]}"
    if kind == "frac":
        return f"{_tight(tree[1], sign=True)} / {_tight(tree[2])}"
    if kind == "sup":
        exponent = line(tree[2])
        if re.fullmatch(r"\d{1,3}", exponent):
            return _tight(tree[1]) + exponent.translate(_RAISED)
        return f"{_tight(tree[1])}^{_tight(tree[2])}"
    if kind == "sqrt":
        return f"√{_tight(tree[1])}"
    if kind == "abs":
        return f"|{line(tree[1])}|"
    product = ["op", "·"] in tree
    return "".join([f"({line(part)})" if part[0] == "frac" and product else line(part) for part in tree[1:]])


def _tight(tree: Tree, sign: bool = False) -> str:
    """Text that stands as one factor; with ``sign`` it may begin with one."""
    inner = line(tree)
    called = tree[0] == "row" and tree[1][0] == "fun" and tree[-1] == ["sign", ")"]
    bracketed = tree[0] == "row" and tree[1] == ["sign", "("] and tree[-1] == ["sign", ")"]
    opposite = sign and (tree[0] == "num" or (tree[0] == "row" and len(tree) == 3 and tree[1] == ["sign", "−"]))
    loose = tree[0] == "frac" or (tree[0] == "row" and not called and not bracketed) or inner[:1] == "−"
    loose = loose and not opposite
    return f"({inner})" if loose else inner


# ---- operations -------------------------------------------------------------------------------------------------

FUNCTIONS = {"maximum": "max", "minimum": "min", "sigmoid": "σ", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
              "normal_cdf": "Φ", "log_sum_exp": "log Σ exp"}  # fmt: skip


def value(op: ops.Op, parents: Sequence[Tree]) -> Tree:
    """An operation applied to its operands, as a reader writes it: ``w · x``, ``max(0, z)``, ``e^z``."""
    if op.name in ("mul", "add", "sub", "less", "less_equal"):
        sign = "·" if op.name == "mul" else op.symbol
        return row(parents[0], sign, factor(parents[1]))
    if op.name == "div":
        return ["frac", *parents]
    if op.name == "pow":
        return ["sup", factor(parents[0]), parents[1]]
    if op.name == "neg":
        return ["row", ["sign", "−"], factor(parents[0])]
    if op.name == "exp":
        return ["sup", ["name", "e"], parents[0]]
    if op.name in ("sqrt", "abs"):
        return [op.name, parents[0]]
    if op.name == "relu":
        return call("max", [["num", "0"], parents[0]])
    if op.name == "identity":
        return parents[0]
    if op.name == "dot":
        half = len(parents) // 2
        return total([row(x, "·", factor(y)) for x, y in zip(parents[:half], parents[half:])])
    if op.name == "mean":
        return ["frac", total(parents), ["num", str(len(parents))]]
    return call(FUNCTIONS.get(op.name, op.name), parents)


TEXTBOOK = {
    "tanh": ("1 - out * out",),
    "sigmoid": ("out * (1 - out)",),
    "asin": ("1 / sqrt(1 - x * x)",),
    "acos": ("-1 / sqrt(1 - x * x)",),
    "sqrt": ("1 / (2 * out)",),
    "pow": ("y * pow(x, y - 1)",),
}
"""Derivatives as books write them, where the table has an equal form that rounds better. Only the writing differs: the
numbers beside it are the engine's."""


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
            formula = [*TEXTBOOK.get(op.name, ()), *op.derivatives[len(TEXTBOOK.get(op.name, ())) :]][position]
            tree = self._settle(ops.parse(op, formula, derivative=True), known)
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
            if ast.dump(left) == ast.dump(right):
                return ast.BinOp(left, ast.Pow(), ast.Constant(2))
        if isinstance(tree.op, ast.Pow) and isinstance(right, ast.Constant) and right.value == 1:
            return left
    return tree


def _written(tree: ast.expr, put: Put) -> Tree:
    if isinstance(tree, ast.Name):
        return num(math.inf if tree.id == "inf" else math.nan) if tree.id in ("inf", "nan") else put(tree.id)
    if isinstance(tree, ast.Constant):
        return num(float(tree.value))  # type: ignore[arg-type]
    if isinstance(tree, ast.UnaryOp):
        operand = _written(tree.operand, put)
        return ["row", ["sign", "−"], factor(operand)] if isinstance(tree.op, ast.USub) else operand
    if isinstance(tree, ast.BinOp):
        left, right = _written(tree.left, put), _written(tree.right, put)
        if isinstance(tree.op, ast.Div):
            return ["frac", left, right]
        if isinstance(tree.op, ast.Pow):
            return ["sup", left if left[0] in ("name", "num") and factor(left) is left else bracket(left), right]
        if isinstance(tree.op, ast.Mult):
            return row(factor(left) if left[0] == "row" else left, "·", factor(right))
        return row(left, "+" if isinstance(tree.op, ast.Add) else "−", factor(right))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        arguments = [_written(argument, put) for argument in tree.args]
        op = ops.TABLE.get(tree.func.id)
        return value(op, arguments) if op is not None else call(tree.func.id, arguments)
    assert isinstance(tree, ast.Compare)
    sign = {ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥"}[type(tree.ops[0])]
    return row(_written(tree.left, put), sign, _written(tree.comparators[0], put))
