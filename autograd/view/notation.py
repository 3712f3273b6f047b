"""How mathematics is written in the stepper: names of nodes, numbers, and formulas as small trees.

A formula is a nested list that JSON can carry: ``["frac", a, b]``, ``["sup", base, exponent]``, ``["sqrt", x]``,
``["row", …]`` and the atoms ``["name", "w2"]``, ``["num", "0.5"]``, ``["fun", "tanh"]``, ``["op", "·"]`` (spaced),
``["sign", "("]`` (not spaced) and ``["part", "L", "w2"]`` for ∂L/∂w2. `line` writes it on one line; the page turns the
same tree into MathML, element by element, so that a label is never read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..notation.names import RAISED, Name, joined
from ..notation.styles import WORDS
from ..text import number

Tree = list[Any]

MOST_TERMS = 5

# ---- names and numbers ------------------------------------------------------------------------------------------


def symbol(name: Name) -> list[str]:
    """A name in three parts, as formulas write it: the letter, what stands above and what below it."""
    above = joined(name.upper) + (f"({name.sample})" if name.sample is not None else "")
    return [name.base, above, joined(name.lower)]


# ---- building trees ---------------------------------------------------------------------------------------------


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
            return _tight(tree[1]) + "".join(map(RAISED.__getitem__, exponent))
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
    return call(WORDS.get(op.name, op.name), parents)
