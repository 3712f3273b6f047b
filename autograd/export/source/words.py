"""What operations are called in a library, and the functions that a file has to bring along for them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from ... import formulas
from ...compiler.rows import formula_of, literal, stepped
from ...floats import CONSTANTS, namespace
from ...ops import TABLE, Op
from .lines import definition, listed, number

Written = tuple[str, int]
"""Text, and how tightly its outermost sign binds."""

RELATION, SUM, DOT, PRODUCT, SIGN, POWER, ATOM = 1, 2, 3, 4, 5, 6, 9
INFIX = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT)}
SIGNS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
GOLDEN = 0.6180339887498949
SPREAD = "Numbers between 0 and 1, evenly spread: parameters and samples to try."
LONGEST_FORMULA = 30
"""A slope of more signs than this is a function of its own."""

FORMULAS = {
    "square": "x * x", "reciprocal": "1 / x", "sigmoid": "exp(-logaddexp(0.0, -x))", "relu": "maximum(x, 0.0)",
    "log_sigmoid": "-logaddexp(0.0, -x)", "softplus": "logaddexp(0.0, x)", "gaussian": "exp(-x * x)",
    "normal_pdf": "0.3989422804014327 * exp(-0.5 * x * x)", "elu": "where(x > 0, x, alpha * expm1(minimum(x, 0.0)))",
    "head": "134217729.0 * x - (134217729.0 * x - x)",
}  # fmt: skip
"""What the table states with more care for the last digits of a scalar than a reader of arrays wants to see."""


class Words:
    """The words of a library.

    Attributes:
        module: its short name.
        library: its name.
        array_of: its function that makes an array of a list.
        columns: whether all samples are computed at once, as columns; else one is, and the library maps that over all.
        scans: its function that repeats a step, if loops are not loops of Python.
        maps: its function that maps a function over samples, and the argument that says over which axes.
        helpers: functions that the file needs, by name.
        imports: what the file imports.
        constants: statements that follow these.
    """

    module = ""
    library = ""
    array_of = ""
    columns = False
    scans = ""
    maps = "", ""

    def __init__(self) -> None:
        self.helpers: dict[str, str] = {}
        self.imports: list[str] = []
        self.constants: list[str] = []

    def array(self, numbers: Any, digits: int = 17) -> str:
        """Numbers as an array."""
        return f"{self.array_of}({listed(numbers, digits)})"

    def places(self, places: Any) -> str:
        """Whole numbers that choose entries."""
        return str(places.tolist())

    # -- operations ---------------------------------------------------------------------------------------------------

    def native(self, name: str) -> str | None:
        """What the library calls a function whose value and slopes are those of the table; None if it has none."""
        raise NotImplementedError

    def given(self, name: str, texts: Sequence[str]) -> list[str]:
        """Arguments of a function: numbers are no whole ones there."""
        return [f"{text}.0" if text.lstrip("-").isdigit() else text for text in texts]

    def call(self, name: str, operands: Sequence[Written]) -> Written:
        """A function of some operands."""
        if name in TABLE:
            op = TABLE[name]
            missing = [op.defaults[argument] for argument in op.arguments[len(operands) :]]
            operands = [*operands, *((number(x), ATOM) for x in missing)]
        texts = [text for text, _ in operands]
        if name == "mul" and operands[0] == operands[1]:
            name = "square"
        if name in INFIX:
            sign, binds = INFIX[name]
            right = POWER if binds == PRODUCT else DOT  # brackets stay: the order of a sum may matter
            return f"{bracket(operands[0], binds)} {sign} {bracket(operands[1], right)}", binds
        if name == "neg":
            return f"-{bracket(operands[0], POWER)}", SIGN
        if name == "identity":
            return operands[0]
        if name in ("less", "less_equal"):
            left, right_side = (bracket(x, SUM) for x in operands)
            return f"{self.module}.where({left} {'<' if name == 'less' else '<='} {right_side}, 1.0, 0.0)", ATOM
        if name == "where":
            return f"{self.module}.where({bracket(operands[0], SUM)} != 0, {texts[1]}, {texts[2]})", ATOM
        if name == "square" or (name == "pow" and texts[1].isdigit()):
            return f"{bracket(operands[0], ATOM)}**{'2' if name == 'square' else texts[1]}", POWER
        if name == "reciprocal":
            return f"1 / {bracket(operands[0], POWER)}", PRODUCT
        native = self.native(name)
        if native is None:
            native = self.helper(name)
        return f"{native}({', '.join(self.given(name, texts))})", ATOM

    def helper(self, name: str) -> str:
        """Bring along a function of the table; what to call it."""
        if name not in self.helpers:
            self.helpers[name] = ""  # its slopes may call it
            self.helpers[name] = self.define(name, TABLE.get(name))
        return name

    def define(self, name: str, op: Op | None) -> str:
        """The definition of a function of the table, or of one that its formulas call."""
        arguments = op.arguments if op else ("x",)
        return definition(name, arguments, sentence(op), self.value(name, op))

    def value(self, name: str, op: Op | None) -> str:
        """The formula of a function, of its arguments."""
        text = FORMULAS.get(name) or (op.formula if op else "")
        arguments = op.arguments if op else ("x",)
        return self.formula(ast.parse(text, mode="eval").body, {x: (x, ATOM) for x in arguments})[0]

    # -- slopes -------------------------------------------------------------------------------------------------------

    def slope(self, name: str, position: int, operands: Mapping[str, Written], known: Mapping[str, float]) -> Written:
        """A derivative of an operation.

        Args:
            name: of the operation.
            position: of the argument.
            operands: arguments and the value (``out``) that it depends on.
            known: arguments that are numbers.
        """
        op = TABLE[name]
        tree = formula_of(op, op.derivatives[position], True)
        if stepped(tree):
            return f"{bracket(operands[op.arguments[position]], SUM)} > 0", RELATION
        folded = fold(tree, known)
        if len(text := ast.unparse(folded)) <= LONGEST_FORMULA and "where" not in text:
            return self.formula(folded, operands)
        several = sum(literal(formula_of(op, other, True)) is None for other in op.derivatives) > 1
        helper = f"{name}_slope" + (f"_{op.arguments[position]}" if several else "")
        names = [x for x in (*op.arguments, "out") if x in formulas.names_in(tree)]
        if helper not in self.helpers:
            about = f"The derivative of {name} by {op.arguments[position]}"
            textbook = op.textbook[position]
            about += f": {textbook}, without its loss of digits." if textbook else "."
            self.helpers[helper] = ""
            body = self.formula(tree, {x: (x, ATOM) for x in names})[0]
            self.helpers[helper] = definition(helper, names, about, body)
        texts = {x: (number(known[x], False), ATOM) for x in known} | dict(operands)
        return f"{helper}({', '.join(texts[x][0] for x in names)})", ATOM

    # -- formulas -----------------------------------------------------------------------------------------------------

    def formula(self, tree: ast.expr, names: Mapping[str, Written]) -> Written:
        """A formula of the table, with these texts for its names."""
        if isinstance(tree, ast.Constant):
            return number(float(tree.value)), ATOM  # type: ignore[arg-type]
        if isinstance(tree, ast.Name):
            return names.get(tree.id, (f"{self.module}.{tree.id}", ATOM))
        if isinstance(tree, ast.UnaryOp):
            inner = self.formula(tree.operand, names)
            return (f"-{bracket(inner, POWER)}", SIGN) if isinstance(tree.op, ast.USub) else inner
        if isinstance(tree, ast.BinOp):
            return self.call(SIGNS[type(tree.op)], [self.formula(tree.left, names), self.formula(tree.right, names)])
        if isinstance(tree, ast.Compare):
            left, right = (bracket(self.formula(x, names), SUM) for x in (tree.left, tree.comparators[0]))
            return f"{left} {SIGNS[type(tree.ops[0])]} {right}", RELATION
        assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
        parts = [self.formula(x, names) for x in tree.args]
        if tree.func.id == "where" and not isinstance(tree.args[0], ast.Name):
            return f"{self.module}.where({self.condition(tree.args[0], names)}, {parts[1][0]}, {parts[2][0]})", ATOM
        return self.call(tree.func.id, parts)

    def condition(self, tree: ast.expr, names: Mapping[str, Written]) -> str:
        """A comparison, or two of them that both hold, which formulas write as a product."""
        if isinstance(tree, ast.BinOp):
            left, right = (self.formula(side, names)[0] for side in (tree.left, tree.right))
            return f"({left}) & ({right})"
        return self.formula(tree, names)[0]

    # -- lists --------------------------------------------------------------------------------------------------------

    def over_list(self, op: str, entries: Written, axis: int) -> Written:
        """softmax, log_softmax or log_sum_exp along the last axis of one sample, which has that number."""
        raise NotImplementedError

    # -- the check ----------------------------------------------------------------------------------------------------

    def before(self) -> list[str]:
        """What is set before anything is computed."""
        return []

    def spread(self) -> str:
        """The function that spreads numbers evenly."""
        raise NotImplementedError

    def close(self, found: str, wanted: str, digits: str) -> str:
        """The statement that compares two arrays."""
        raise NotImplementedError

    def differentiated(self, arguments: str) -> str:
        """The statement that computes the ``value`` of the loss and its ``gradient``."""
        raise NotImplementedError

    def summed(self) -> str:
        """The sum of the derivatives of one name with evenly spread weights."""
        raise NotImplementedError


def bracket(written: Written, least: int) -> str:
    """The text, in brackets if its sign binds less tightly."""
    text, binds = written
    return text if binds >= least else f"({text})"


def sentence(op: Op | None) -> str:
    """The first sentence about an operation, in signs that every editor shows."""
    text = op.text if op else "The leading 26 bits of x (Veltkamp 1968)."
    return text.partition(";")[0].rstrip(".").translate({0x2212: "-"}) + "."


def fold(tree: ast.expr, known: Mapping[str, float]) -> ast.expr:
    """A formula with the numbers that are known put in, and the choices made that they decide."""

    def value(part: ast.expr) -> float | None:
        if set(formulas.names_in(part)) <= known.keys() | CONSTANTS.keys():
            return float(eval(formulas.for_floats(part, ieee=True), namespace(ieee=True), dict(known)))
        return None

    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "where":
        chosen = value(tree.args[0])
        if chosen is not None:
            return fold(tree.args[1 if chosen else 2], known)
    found = value(tree) if not isinstance(tree, (ast.Constant, ast.Compare)) else None
    if found is not None and abs(found) < float("inf"):
        return ast.parse(repr(found), mode="eval").body
    if isinstance(tree, ast.BinOp):
        return ast.BinOp(fold(tree.left, known), tree.op, fold(tree.right, known))
    if isinstance(tree, ast.UnaryOp):
        return ast.UnaryOp(tree.op, fold(tree.operand, known))
    if isinstance(tree, ast.Call):
        return ast.Call(tree.func, [fold(x, known) for x in tree.args], [])
    return tree
