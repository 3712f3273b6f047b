"""The language in which mathematics is written here: Python expressions over a short list of functions.

The operation table, operations registered by a user and the `tracegrad` command all state formulas as text
such as ``"out * sigmoid(-x)"``. `parse` accepts arithmetic, ordering comparisons and calls of known functions,
and nothing else: no attribute, subscript, keyword, lambda or name that was not announced. What it accepts
can be read in several ways without being written twice:

- as it stands, in a namespace of functions on Values or of NumPy functions;
- `for_floats`: as a fast expression on floats, ``where`` being Python's lazy ``a if c else b``;
- `for_floats(..., ieee=True)`: the same with every operation that Python would turn into an exception
  (``1 / 0``, ``exp(1000)``, ``log(-1)``) replaced by one that returns what IEEE 754 says;
- `interpret`: evaluated node by node, never handed to Python's own evaluator (text from a command line).
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

MAX_LENGTH = 10_000
MAX_DEPTH = 200
LARGEST = 1.7976931348623157e308

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: lambda a: -a, ast.UAdd: lambda a: a}


def identifier(name: str) -> str:
    """A name as Python reads it: ``ｅxp`` (full-width letters) is ``exp``, the micro sign is the Greek letter mu."""
    if not isinstance(name, str):
        raise TypeError(f"a name is text, not {type(name).__name__}")
    return unicodedata.normalize("NFKC", name)


class FormulaError(ValueError):
    """A formula that is not in the language. The message shows the place."""


def parse(text: str, functions: Collection[str], names: Collection[str] | None = None) -> ast.expr:
    """The syntax tree of a formula, checked against the language.

    Args:
        text: the formula, such as ``"tanh(w * x + b)"``.
        functions: the functions that may be called.
        names: the names that may stand as variables; None allows every name that is not a function.

    Raises:
        FormulaError: the text is not an expression, is too long or too deep, or uses something else than numbers,
            known names, ``+ - * / **``, ``< <= > >=``, parentheses and calls of known functions.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text):,} characters; {MAX_LENGTH:,} are allowed")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
        column = error.offset - 1 if isinstance(error, SyntaxError) and error.offset else None
        deep = isinstance(error, (RecursionError, MemoryError)) or "too many nested" in str(error)
        raise _refusal(text.strip(), line, column, _DEEP if deep else _NOT_ONE) from None
    _check(tree, text.strip(), functions, names)
    return tree


_WRITTEN = {
    "^": "**", "²": "**2", "³": "**3", "×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "√": "sqrt(x)",
    "≤": "<=", "≥": ">=",
}  # fmt: skip
"""Signs of mathematics that are written otherwise here."""


def _refusal(text: str, line: int, column: int | None, reason: str) -> FormulaError:
    """The error, with the line concerned and a pointer below the column (both counted in characters)."""
    lines = _lines(text)
    shown = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in lines[min(line, len(lines)) - 1])
    before = shown[:column]
    if column is not None and len(shown) > 100:  # the neighborhood of the place
        start = max(0, column - 60)
        before = ("… " if start else "") + shown[start:column]
        shown = before + shown[column : column + 40] + (" …" if column + 40 < len(shown) else "")
    elif len(shown) > 100:
        shown = shown[:100] + " …"
    found = next((sign for sign in _WRITTEN if sign in text), None)
    advice = f"; write {_WRITTEN[found]} for {found}" if found and reason in (_NOT_ONE, _POWER) else ""
    pointer = f"\n    {_blank(before)}^" if column is not None and line <= len(lines) else ""
    return FormulaError(f"{reason}{advice}\n    {shown}{pointer}")


_DEEP = (
    f"the formula nests deeper than {MAX_DEPTH} levels; each + of a sum is a level, so bracket long sums in parts, "
    "(a + b) + (c + d)"
)
_NOT_ONE, _POWER = "this is not an expression", "^ is not a power here"


def _lines(text: str) -> list[str]:
    """The lines as Python's parser counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _blank(text: str) -> str:
    """Spaces as wide as a text in a terminal: characters of East Asia take two columns, accents none."""
    widths = [
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    ]
    return "".join("\t" if c == "\t" else " " * width for c, width in zip(text, widths))


def _quoted(node: ast.expr, text: str) -> str:
    """A part of a formula as it was written; `ast.unparse` would recurse into what is nested a thousand deep."""
    part = " ".join((ast.get_source_segment(text, node) or text).split())
    return part if len(part) <= 60 else part[:57] + "..."


def _check(tree: ast.expr, text: str, functions: Collection[str], names: Collection[str] | None) -> None:
    pending: list[tuple[ast.expr, int]] = [(tree, 1)]
    lines = _lines(text)
    while pending:
        node, depth = pending.pop()

        def refuse(reason: str, node: ast.expr = node) -> FormulaError:
            before = lines[node.lineno - 1].encode()[: node.col_offset].decode()  # `ast` counts bytes
            return _refusal(text, node.lineno, len(before), reason)

        children: list[ast.expr] = []
        if depth > MAX_DEPTH:
            raise refuse(_DEEP)
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, (int, float)) or isinstance(node.value, bool):
                raise refuse(f"{node.value!r} is not a real number")
            if node.value > LARGEST:
                raise refuse("this number is beyond 1.8e308, the largest float")
        elif isinstance(node, ast.Name):
            if node.id in functions:
                raise refuse(f"{node.id!r} is a function; give it an argument, as in {node.id}(x)")
            if "·" in node.id:  # a letter to Python, but a product to everybody else
                raise refuse("write * for ·")
            if names is not None and node.id not in names:
                known = ", ".join(sorted(names)) or "none"
                raise refuse(f"unknown name {node.id!r}; known names: {known}")
        elif isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in functions:
                name = node.func.id if isinstance(node.func, ast.Name) else _quoted(node.func, text)
                raise refuse(f"unknown function {name!r}; {meant(name, functions)}")
            if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
                raise refuse(f"{node.func.id} takes its arguments by position")
            if node.func.id == "where" and len(node.args) != 3:
                raise refuse("where takes three arguments: where(condition, chosen, otherwise)")
            children = node.args
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            children = [node.left, node.right]
        elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            children = [node.operand]
        elif isinstance(node, ast.Compare):
            if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARE:
                raise refuse("comparisons are <, <=, > or >=, one at a time")
            children = [node.left, *node.comparators]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            raise refuse(_POWER)
        else:
            raise refuse(f"{_quoted(node, text)!r} is not allowed here; use numbers, names, + - * / ** and functions")
        pending.extend((child, depth + 1) for child in children)


_ALIASES = {
    "ln": "log", "max": "maximum", "min": "minimum", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "sgn": "sign", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "fabs": "abs", "power": "pow",
    "logistic": "sigmoid",
    "σ": "sigmoid", "sig": "sigmoid", "lg": "log10", "ld": "log2", "tg": "tan", "ReLU": "relu", "swish": "silu",
}  # fmt: skip
"""What functions are called elsewhere."""


def meant(name: str, functions: Collection[str]) -> str:
    """Which function a name may stand for, or which there are."""
    from difflib import get_close_matches  # 6 ms, for an error only

    close = get_close_matches(name.lower(), functions, n=1)
    guess = _ALIASES.get(name, close[0] if close else "")
    return f"did you mean {guess}?" if guess in functions else f"known functions: {', '.join(sorted(functions))}"


def names_in(tree: ast.expr) -> list[str]:
    """The variables of a parsed formula, in the order of their first appearance."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in found))


def interpret(
    tree: ast.expr,
    functions: Mapping[str, Callable[..., Any]],
    values: Mapping[str, Any],
    number: Callable[[float], Any] = float,
) -> Any:
    """The value of a parsed formula, found by walking its tree (its depth is bounded by `parse`).

    Literals are turned into ``number(literal)``; a Value there gives IEEE results for ``1 / 0`` and ``9 ** 9 ** 9``.
    """
    if isinstance(tree, ast.Constant):
        assert isinstance(tree.value, (int, float))
        return number(tree.value)
    if isinstance(tree, ast.Name):
        return values[tree.id]
    parts = [interpret(part, functions, values, number) for part in operands(tree)]
    if isinstance(tree, ast.UnaryOp):
        return _UNARY[type(tree.op)](*parts)
    if isinstance(tree, ast.BinOp):
        return _BINARY[type(tree.op)](*parts)
    if isinstance(tree, ast.Compare):
        return _COMPARE[type(tree.ops[0])](*parts)
    assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
    return functions[tree.func.id](*parts)


def operands(tree: ast.expr) -> list[ast.expr]:
    """The operands of an operation or a call."""
    if isinstance(tree, ast.UnaryOp):
        return [tree.operand]
    if isinstance(tree, ast.BinOp):
        return [tree.left, tree.right]
    if isinstance(tree, ast.Compare):
        return [tree.left, *tree.comparators]
    return tree.args if isinstance(tree, ast.Call) else []


SIGNS = {ast.Add: ("+", 2), ast.Sub: ("-", 2), ast.Mult: ("*", 3), ast.Div: ("/", 3)}
RELATIONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def for_floats(tree: ast.expr, ieee: bool = False, lazy: bool = True) -> str:
    """Python source of a parsed formula on floats.

    Args:
        tree: the formula.
        ieee: divisions are calls of ``divide``, so that no operation in it raises.
        lazy: ``where`` is Python's ``if``; else a call of ``choose``, whose sides are functions of nothing.
    """
    return _float_form(tree, ieee, lazy)[0]


def _float_form(node: ast.expr, ieee: bool, lazy: bool) -> tuple[str, int]:
    """The source of a part, and how tightly its outermost sign binds."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, (int, float))
        return repr(float(node.value)), 5
    if isinstance(node, ast.Name):
        return node.id, 5
    forms = [_float_form(part, ieee, lazy) for part in operands(node)]
    texts = [text for text, _ in forms]

    def part(index: int, least: int) -> str:
        text, binding = forms[index]
        return text if binding >= least else f"({text})"

    if isinstance(node, ast.UnaryOp):
        return ("-" if isinstance(node.op, ast.USub) else "+") + part(0, 4), 4
    if isinstance(node, ast.Compare):
        return f"{part(0, 2)} {RELATIONS[type(node.ops[0])]} {part(1, 2)}", 1
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow):  # Python's ** would turn (-8) ** (1/3) into a complex number
            return f"pow({texts[0]}, {texts[1]})", 5
        if ieee and isinstance(node.op, ast.Div):
            return f"divide({texts[0]}, {texts[1]})", 5
        sign, binding = SIGNS[type(node.op)]
        return f"{part(0, binding)} {sign} {part(1, binding + 1)}", binding
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if node.func.id == "where" and lazy:
        return f"{part(1, 1)} if {part(0, 1)} else {texts[2]}", 0
    if node.func.id == "where":
        return f"choose({texts[0]}, lambda: {part(1, 1)}, lambda: {part(2, 1)})", 5
    return f"{node.func.id}({', '.join(texts)})", 5


def same(first: ast.expr, second: ast.expr) -> bool:
    """Whether two formulas are the same, sign by sign. (`ast.dump` would leave a reference cycle behind.)"""
    return for_floats(first) == for_floats(second)


def may_raise(tree: ast.expr) -> bool:
    """Whether the fast form on floats can raise (a division, a power, a function of `math`)."""
    return any(
        (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Pow)))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in ("where", "abs"))
        for node in ast.walk(tree)
    )
