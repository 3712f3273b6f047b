"""The methods of `Value` in C, written from the table: ``methods.h``, which ``_native.c`` includes.

``python -m autograd.c_methods FILE`` writes it when the engine in C is built. It is not kept in the repository: it
would be a second copy of the table, and to write it takes the standard library alone.

A formula becomes an expression of doubles. C arithmetic gives what IEEE 754 says and never raises, so there is one
form, not two as in Python. Functions of C's own library that Python's `math` calls are called directly; all others
that formulas end at are called in Python, so that the bits are the same.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from .native import fingerprint
from .operation import Op, parse
from .ops import TABLE

LIBRARY = {
    **{name: name for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "pow", "erf", "floor", "ceil")},
    **{name: name for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "abs": "fabs",
    "round": "rint",
}
"""Functions of formulas that are C's, by their names there."""

WRITTEN = {"exp2", "head"}
"""Those that ``_native.c`` has itself."""

SLOTS = {
    "__add__": "add", "__sub__": "subtract", "__mul__": "multiply", "__truediv__": "true_divide", "__pow__": "power",
    "__mod__": "remainder", "__neg__": "negative", "__abs__": "absolute",
}  # fmt: skip
"""Operators, by the names that C gives them."""

_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.USub: "-", ast.UAdd: "+",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


def for_c(node: ast.expr) -> str:
    """A parsed formula as an expression of doubles."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, (int, float))
        return repr(float(node.value))
    if isinstance(node, ast.Name):
        return {"inf": "INFINITY", "nan": "NAN"}.get(node.id, node.id)
    if isinstance(node, ast.UnaryOp):
        return f"({_SIGNS[type(node.op)]}{for_c(node.operand)})"
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
        return f"({for_c(node.left)} {_SIGNS[type(node.op)]} {for_c(node.right)})"
    if isinstance(node, ast.BinOp):
        return f"pow({for_c(node.left)}, {for_c(node.right)})"
    if isinstance(node, ast.Compare):
        return f"({for_c(node.left)} {_SIGNS[type(node.ops[0])]} {for_c(node.comparators[0])})"
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    name, arguments = node.func.id, [for_c(argument) for argument in node.args]
    if name == "where":
        test = arguments[0] if isinstance(node.args[0], ast.Compare) else f"({arguments[0]} != 0)"
        return f"({test} ? {arguments[1]} : {arguments[2]})"
    return f"{LIBRARY.get(name, f'f_{name}')}({', '.join(arguments)})"


def _called(tree: ast.expr) -> set[str]:
    """The functions that a formula calls and C has not."""
    found = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return found - LIBRARY.keys() - WRITTEN - {"where"}


def _formulas(op: Op) -> list[ast.expr]:
    return [parse(op, op.formula), *[parse(op, text, derivative=True) for text in op.derivatives]]


def _is_given(op: Op) -> bool:
    """Whether a function that formulas call is given in Python, and not by a formula."""
    return op.formula == f"{op.name}({', '.join(op.arguments)})"


def by_python(operations: list[Op]) -> dict[str, int]:
    """The functions that are called in Python, and how many arguments they take."""
    found: dict[str, int] = {}
    for op in operations:
        for tree in _formulas(op):
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    name = node.func.id
                    if name in _called(tree) and (name not in TABLE or _is_given(TABLE[name])):
                        found[name] = len(node.args)
    return found


def _needed(operations: list[Op]) -> set[str]:
    """The functions that formulas call."""
    return set().union(*[_called(tree) for op in operations for tree in _formulas(op)])


def _may_fail(op: Op, python: dict[str, int], derivatives: bool = True) -> bool:
    """Whether Python is called for an operation, which an interrupt can end."""
    called = set().union(*map(_called, _formulas(op) if derivatives else _formulas(op)[:1]))
    return any(name in python or _may_fail(TABLE[name], python, derivatives=False) for name in called)


def header() -> str:
    """The text of ``methods.h``."""
    operations = [op for op in TABLE.values() if op.method and not op.takes_list]
    python = by_python(operations)
    parts = [
        "/* Written from the table of operations by autograd/c_methods.py. */",
        f'#define FINGERPRINT "{fingerprint()}"',
        "\n".join(f"static PyObject *op_{op.name};" for op in operations),
        "\n".join(_names(operations)),
        "\n".join(_python_functions(python)),
        *["\n".join(_function(op)) for op in operations if op.name in _needed(operations) - python.keys()],
        *["\n".join(_method(op, _may_fail(op, python))) for op in operations],
        "#define METHODS " + " ".join(entry for op in operations for entry in _entries(op)),
        "#define OPERATORS " + " ".join(entry for op in operations for entry in _operators(op)),
    ]
    return "\n\n".join(parts) + "\n"


def _names(operations: list[Op]) -> Iterator[str]:
    yield "static int name_operations(void)\n{"
    yield from (f'    if (!(op_{op.name} = PyUnicode_InternFromString("{op.name}"))) return 0;' for op in operations)
    yield "    return 1;\n}"


def _python_functions(python: dict[str, int]) -> Iterator[str]:
    for name, count in python.items():
        names = [f"x{i}" for i in range(count)]
        yield f"static PyObject *python_{name};"
        yield f"static double f_{name}({', '.join(f'double {x}' for x in names)})\n{{"
        yield f'    return by_python(python_{name}, Py_BuildValue("({"d" * count})", {", ".join(names)}));\n}}'
    yield "static int find_functions(PyObject *functions)\n{"
    yield from (f'    python_{name} = PyMapping_GetItemString(functions, "{name}");' for name in python)
    yield "    return !PyErr_Occurred();\n}"


def _function(op: Op) -> Iterator[str]:
    """An operation that formulas call, as a function of doubles."""
    yield f"static double f_{op.name}({', '.join(f'double {name}' for name in op.arguments)})"
    yield f"{{\n    return {for_c(parse(op, op.formula))};\n}}"


def _method(op: Op, may_fail: bool) -> Iterator[str]:
    """What computes the node, and what Python calls."""
    count, others = len(op.arguments), op.arguments[1:]
    value, *derivatives = map(for_c, _formulas(op))
    yield f"static inline PyObject *compute_{op.name}(Node **of)\n{{"
    yield from (f"    const double {name} = of[{i}]->data;" for i, name in enumerate(op.arguments))
    yield f"    const double out = {value};"
    yield f"    const double slopes[] = {{{', '.join(derivatives)}}};"
    yield "".join(f"    (void){name};" for name in op.arguments)
    if may_fail:
        yield f"    if (PyErr_Occurred())\n        return dropped(of, {count});"
    yield f"    return made(op_{op.name}, out, {count}, of, slopes);\n}}"
    if others and not SLOTS.keys().isdisjoint((op.method, *op.aliases)):
        third = ", PyObject *modulus" if op.name == "pow" else ""
        refused = "if (modulus != Py_None)\n        return Py_NewRef(Py_NotImplemented);\n    " if third else ""
        yield f"static PyObject *operator_{op.name}(PyObject *left, PyObject *right{third})"
        yield f"{{\n    {refused}return binary(left, right, compute_{op.name});\n}}"
    if not others:
        head, rest = ("operator", "") if op.method in SLOTS else ("method", ", PyObject *none")
        yield f"static PyObject *{head}_{op.name}(PyObject *self{rest})"
        yield f"{{\n    return unary(self, compute_{op.name});\n}}"
    elif not op.symbol:
        known = ", ".join(f'{{"{name}", {op.defaults.get(name, "NAN")}}}' for name in others)
        yield f"static PyObject *method_{op.name}(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)"
        yield f"{{\n    static const Parameter known[] = {{{known}}};"
        yield f"    return called(self, args, n, names, op_{op.name}, known, {len(others)}, compute_{op.name});\n}}"


def _entries(op: Op) -> Iterator[str]:
    """What stands in the table of methods, under all names."""
    names = [name for name in (op.method, *op.aliases) if name not in SLOTS]
    several = op.arguments[1:]
    flags = "METH_FASTCALL | METH_KEYWORDS" if several else "METH_NOARGS"
    shown = ", ".join(["$self", *(f"{n}={op.defaults[n]}" if n in op.defaults else n for n in several)])
    text = f"{op.text} Formula: {op.formula}.".replace("\\", "\\\\").replace('"', '\\"')
    for name in names:
        doc = f"{name}({shown})\\n--\\n\\n{text}"
        yield f'{{"{name}", (PyCFunction)(void (*)(void))method_{op.name}, {flags}, "{doc}"}},'


def _operators(op: Op) -> Iterator[str]:
    for name in (op.method, *op.aliases):
        if name in SLOTS:
            yield f"{{Py_nb_{SLOTS[name]}, operator_{op.name}}},"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(header(), encoding="utf-8")
