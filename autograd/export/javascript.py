"""A program as JavaScript: one line for each scalar node, in the words of the same table.

Pages compute with it what they show, such as the outputs of a network at every point of a plane. Sums and products are
those of the eager engine, in its order, so they have its bits; a browser's own functions (exp, tanh, …) differ from C's
by an ulp or so.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from importlib import resources

from .. import formulas
from ..compiler.trace import Scalars
from ..ops import TABLE

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_OVER_LISTS = {
    "sum": "sum([{}])", "log_sum_exp": "log_sum_exp([{}])", "softmax": "shares([{}])[0]",
    "log_softmax": "log_shares([{}])[0]",
}  # fmt: skip
"""Operations that take all their operands as one list."""
_OWN = {"erf", "exp2", "head", "mod", "pow", "round", "standard_normal_cdf"}
"""Functions of floats that are in ``functions.js``: JavaScript's Math has all the others, by the same names."""


def source(scalars: Scalars) -> str:
    """The expression of a JavaScript function ``(p, x, out)``.

    It takes the parameters and one sample, both flat, and writes the results into ``out``.

    Args:
        scalars: the graph of one sample.

    Example:
        >>> from autograd import Value
        >>> from autograd.compiler.trace import trace
        >>> scalars, *_ = trace(lambda x, w=Value(0.5): (w * x).relu(), [()], ["x"], [])
        >>> print(source(scalars).partition("/* The program */\\n")[2])
        const $relu = ($x) => (($x <= 0.0) ? 0.0 : $x);
        return (p, x, out) => {
        const n2 = 0.5 * x[0];
        const n3 = $relu(n2);
        out[0] = n3;
        };
        })()
    """
    names: list[str] = []
    lines: list[str] = []
    for i, op in enumerate(scalars.op):
        operands = [names[p] for p in scalars.parents[scalars.start[i] : scalars.start[i + 1]].tolist()]
        if op == "input":
            names.append(f"x[{i}]")
        elif op == "parameter":
            names.append(f"p[{i - scalars.n_inputs}]")
        elif op == "constant":
            names.append(_number(float(scalars.data[i])))
        else:
            names.append(f"n{i}")
            lines.append(f"const n{i} = {_operation(op, operands)};")
    lines += [f"out[{k}] = {names[root]};" for k, root in enumerate(scalars.roots)]
    library = resources.files(__package__).joinpath("functions.js").read_text(encoding="utf-8")
    made = [library, "/* The program */", *_definitions({*scalars.op}), "return (p, x, out) => {", *lines, "};"]
    return "\n".join(["(() => {", *made, "})()"])


def _operation(op: str, operands: list[str]) -> str:
    if op in _SIGNS:
        return f" {_SIGNS[op]} ".join(operands)
    return _OVER_LISTS.get(op, f"${op}({{}})").format(", ".join(operands))


def _definitions(names: Collection[str]) -> list[str]:
    """The operations of a program as functions, and those of the table that their formulas call."""
    found: dict[str, str] = {}
    pending = sorted(name for name in names if name in TABLE and name not in _SIGNS and name not in _OVER_LISTS)
    while pending:
        name = pending.pop()
        if name not in found:
            op = TABLE[name]
            tree = ast.parse(op.formula, mode="eval").body
            arguments = ", ".join(f"${argument}" for argument in op.arguments)
            found[name] = f"const ${name} = ({arguments}) => {expression(tree)};"
            pending += sorted(set(filter(_is_operation, _called(tree))))
    return [*found.values()]


def _called(tree: ast.expr) -> list[str]:
    return [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def _is_operation(function: str) -> bool:
    """Whether what a formula calls has a formula of its own, rather than being a function of floats."""
    op = TABLE.get(function)
    return op is not None and op.formula != f"{function}({', '.join(op.arguments)})"


def expression(tree: ast.expr) -> str:
    """A formula of the table as an expression of JavaScript; its variables get a ``$`` before their names.

    Example:
        >>> expression(ast.parse("where(x > 0, x, slope * x)", mode="eval").body)
        '(($x > 0.0) ? $x : ($slope * $x))'
    """
    if isinstance(tree, ast.Constant):
        assert isinstance(tree.value, (int, float))
        return _number(float(tree.value))
    if isinstance(tree, ast.Name):
        return {"inf": "Infinity", "nan": "NaN"}.get(tree.id, f"${tree.id}")
    parts = [expression(part) for part in formulas.operands(tree)]
    if isinstance(tree, ast.UnaryOp):
        return f"({'-' if isinstance(tree.op, ast.USub) else '+'}{parts[0]})"
    if isinstance(tree, ast.Compare):
        return f"({parts[0]} {formulas.RELATIONS[type(tree.ops[0])]} {parts[1]})"
    if isinstance(tree, ast.BinOp):
        if isinstance(tree.op, ast.Pow):
            return f"pow({parts[0]}, {parts[1]})"
        return f"({parts[0]} {formulas.SIGNS[type(tree.op)][0]} {parts[1]})"
    assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
    function = tree.func.id
    if function == "where":
        condition = parts[0] if isinstance(tree.args[0], ast.Compare) else f"({parts[0]} !== 0)"
        return f"({condition} ? {parts[1]} : {parts[2]})"
    before = "$" if _is_operation(function) else "" if function in _OWN else "Math."
    return f"{before}{function}({', '.join(parts)})"


def _number(x: float) -> str:
    text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(x), repr(x))
    return f"({text})" if text.startswith("-") else text
