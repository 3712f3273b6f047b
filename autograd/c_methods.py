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
from typing import Any

from .native import fingerprint
from .operation import Op, evaluated_once, parse
from .ops import TABLE

LIBRARY = {
    **{name: name for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "pow", "erf", "floor", "ceil")},
    **{name: name for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "abs": "fabs",
    "round": "rint",
}
"""Functions of formulas that are C's, by their names there."""

WRITTEN = {"exp2", "head", "rest"}
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
    lists = [op for op in TABLE.values() if op.takes_list]
    of_lists = sorted({name for op in lists for name in _list_functions(op)})
    parts = [
        "/* Written from the table of operations by autograd/c_methods.py. */",
        f'#define FINGERPRINT "{fingerprint()}"',
        "\n".join(f"static PyObject *op_{op.name};" for op in [*operations, *lists]),
        "\n".join(_names([*operations, *lists])),
        "\n".join(_python_functions(python, of_lists)),
        *["\n".join(_function(op)) for op in operations if op.name in _needed(operations) - python.keys()],
        *["\n".join(_method(op, _may_fail(op, python))) for op in operations],
        *["\n".join(_list_function(op)) for op in lists],
        "#define LISTS " + " ".join(map(_list_entry, lists)),
        "#define METHODS " + " ".join(entry for op in operations for entry in _entries(op)),
        "#define OPERATORS " + " ".join(entry for op in operations for entry in _operators(op)),
    ]
    return "\n\n".join(parts) + "\n"


def _names(operations: list[Op]) -> Iterator[str]:
    yield "static int name_operations(void)\n{"
    yield from (f'    if (!(op_{op.name} = PyUnicode_InternFromString("{op.name}"))) return 0;' for op in operations)
    yield "    return 1;\n}"


def _python_functions(python: dict[str, int], of_lists: list[str]) -> Iterator[str]:
    yield from (f"static PyObject *python_{name};" for name in of_lists)
    yield "static inline double f_rest(const double *shares, uint32_t n, uint32_t i)"
    yield "{\n    return shares[i] < 0.5 ? 1.0 - shares[i] : number_of_list(python_rest, shares, n, i);\n}"
    for name, count in python.items():
        names = [f"x{i}" for i in range(count)]
        yield f"static PyObject *python_{name};"
        yield f"static double f_{name}({', '.join(f'double {x}' for x in names)})\n{{"
        yield f'    return by_python(python_{name}, Py_BuildValue("({"d" * count})", {", ".join(names)}));\n}}'
    yield "static int find_functions(PyObject *functions)\n{"
    yield from (f'    python_{name} = PyMapping_GetItemString(functions, "{name}");' for name in [*python, *of_lists])
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


# ---- functions of lists -------------------------------------------------------------------------------------------

GIVE_LISTS = {"shares", "log_shares"}
"""Functions of a list that give a list."""


def _list_functions(op: Op) -> set[str]:
    """The functions of lists that the formulas of an operation call: they are called in Python."""
    found: set[str] = set()
    for text in (op.formula, *op.derivatives):
        calls = [node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        found |= {function.id for function in calls if isinstance(function, ast.Name)}
    return found - {"len", "zip"}


class _Entry(ast.NodeTransformer):
    """Turns a formula of lists into one of numbers: in the place of a list stands its entry number k.

    Attributes:
        before: C that has to be done before a loop over k.
    """

    def __init__(self, lists: list[str]) -> None:
        self.entries: dict[str, ast.expr] = {name: ast.Name(f"{name}[k]") for name in lists}
        self.before: list[str] = []

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.entries.get(node.id, node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """``all[0]`` is that of the entry number i, and ``all[1:]`` are those of all others."""
        assert isinstance(node.value, ast.Name)
        return ast.Name(f"{node.value.id}[{'i' if isinstance(node.slice, ast.Constant) else 'k'}]")

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        (loop,) = node.generators
        variables = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
        lists = loop.iter.args if isinstance(loop.iter, ast.Call) else [loop.iter]
        for variable, entries in zip(variables, lists):
            assert isinstance(variable, ast.Name)
            self.entries[variable.id] = self.visit(entries)
        return self.visit(node.elt)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """``[x] * len(xs)`` is x at each place."""
        return self.visit(node.left.elts[0]) if isinstance(node.left, ast.List) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        name, (entries,) = node.func.id, node.args
        if name == "len":
            return ast.Name("(double)n")
        if name == "rest":
            assert isinstance(entries, ast.Name)
            return ast.Name(f"f_rest({entries.id}, n, i)")
        self.before.append(_each("in.first[k]", for_c(self.visit(entries))))
        if name in GIVE_LISTS:
            self.before.append(f"    list_of_list(python_{name}, in.first, n, in.second);")
            return ast.Name("in.second[k]")
        self.before.append(f"    const double all_{name} = number_of_list(python_{name}, in.first, n, 0);")
        return ast.Name(f"all_{name}")


def _each(left: str, right: str) -> str:
    return f"    for (uint32_t k = 0; k < n; k++)\n        {left} = {right};"


def _list_function(op: Op) -> Iterator[str]:
    """What makes the node of lists, or a list of nodes; Python's None where Python has to see to it."""
    names = [name.lstrip("*") for name in op.arguments if not op.gives_list or name.startswith("*")]
    yield f"static PyObject *list_{op.name}(PyObject *module, PyObject *const *lists, Py_ssize_t given)\n{{"
    yield f"    Lists in;\n    if (!taken(&in, lists, given, {len(names)}))"
    yield "        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);"
    yield "    const uint32_t n = in.length;"
    yield from (f"    const double *const {name} = in.data + {i} * n;" for i, name in enumerate(names))
    yield from _many_nodes(op) if op.gives_list else _one_node(op, names)
    yield "}"


def _list_entry(op: Op) -> str:
    return f'{{"{op.name}", (PyCFunction)(void (*)(void))list_{op.name}, METH_FASTCALL, NULL}},'


def _one_node(op: Op, names: list[str]) -> Iterator[str]:
    texts = [op.formula, *op.derivatives]
    for place, text in enumerate(texts):
        entry = _Entry(names)
        formula = for_c(entry.visit(ast.parse(text, mode="eval").body))
        yield from entry.before
        yield _each(f"in.slopes[{place - 1} * n + k]", formula) if place else f"    const double out = {formula};"
    yield f"    return made_of_lists(op_{op.name}, out, &in);"


def _many_nodes(op: Op) -> Iterator[str]:
    whole, value, derivatives = evaluated_once(op)
    for place, name in zip(("first", "second"), whole):
        yield f"    const double *const {name}_here = in.{place};"
        yield f"    list_of_list(python_{name}, xs, n, in.{place});"
    out, first, others = (for_c(_Entry([]).visit(ast.parse(text, mode="eval").body)) for text in (value, *derivatives))
    yield "    PyObject *nodes = PyErr_Occurred() ? NULL : PyList_New(n);"
    yield "    for (uint32_t i = 0; nodes && i < n; i++) {"
    yield f"        const double out = {out};\n        uint32_t at = 1;\n        in.slopes[0] = {first};"
    yield "        for (uint32_t k = 0; k < n; k++)\n            if (k != i)"
    yield f"                in.slopes[at++] = {others};"
    yield f"        if (PyErr_Occurred() || !made_of_entry(nodes, i, op_{op.name}, out, &in))"
    yield "            Py_CLEAR(nodes);\n    }\n    let_go(&in);\n    return nodes;"


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
