"""The methods of `Value` and the functions of `autograd`, written out from the table as straight-line Python.

A generic ``apply(operation, operands)`` would cost more than the arithmetic it performs. So each entry of the table
is turned once, at import, into the method and the function that a careful person would have typed. The text is
registered with `linecache`: tracebacks quote it, a debugger steps into it, `inspect.getsource` shows it.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from typing import Any

from .operation import Op, evaluated_once, float_source, may_raise, slopes_source, tuple_source


def parameters(op: Op) -> list[str]:
    """The names of the function's parameters."""
    return ["xs"] if op.gives_list else [name.lstrip("*") for name in op.arguments]


def typed(op: Op, names: Iterable[str]) -> str:
    """Parameters with their types and defaults."""
    kind = "Iterable[Number]" if op.takes_list else "Number | bool" if op.name == "where" else "Number"
    return ", ".join(f"{n}: {kind} = {op.defaults[n]}" if n in op.defaults else f"{n}: {kind}" for n in names)


def method_source(op: Op, slots: bool = True) -> str:
    """The text of the method for one operation on scalars, and of its other names.

    With ``slots`` it fills those of the node itself, as fast as Python can; nodes of C are made by `value.made`.
    """
    others = op.arguments[1:]
    lines = [
        f"def {op.method}({', '.join(filter(None, ['self', typed(op, others)]))}) -> Value:",
        quoted(f"{op.text} Formula: {op.formula}."),
    ]
    for name in others:
        lines.append(f"    if type({name}) is not Value:")
        if op.symbol:  # an operator lets the other type try
            lines += [
                f"        {name} = operand({name})",
                f"        if {name} is NotImplemented:",
                "            return NotImplemented",
            ]
        else:
            lines.append(f"        {name} = argument({name}, {op.name!r})")
    nodes = ["self", *(f"{name}_node" for name in others)]
    lines += [f"    {node} = {name}" for name, node in zip(others, nodes[1:])]
    lines += [f"    {name} = {node}.data" for name, node in zip(op.arguments, nodes)]
    value, derivatives = float_source(op)
    slopes = [f"{name}_slope" for name in op.arguments]
    together = tuple_source(slopes)
    body = [f"out = {value}", *(f"{slope} = {derivative}" for slope, derivative in zip(slopes, derivatives))]
    if may_raise(op):  # where IEEE 754 has a value
        lines += ["    try:", *(f"        {line}" for line in body), "    except FAULTS:"]
        lines.append(f"        out, {together} = TABLE[{op.name!r}].evaluate({', '.join(op.arguments)})")
    else:
        lines += [f"    {line}" for line in body]
    lines += (
        _making(op, nodes, slopes)
        if slots
        else [f"    return made({op.name!r}, {tuple_source(nodes)}, out, {together})"]
    )
    if op.symbol and others:
        lines += _reflected(op, op.method)
    for alias in op.aliases:
        if alias.startswith("__") and others:
            lines += [
                f"def {alias}(self, other: Number) -> Value:",
                quoted(op.text),
                "    right = operand(other)",
                f"    return NotImplemented if right is NotImplemented else self.{op.method}(right)",
                *_reflected(op, alias),
            ]
        else:
            lines.append(f"{alias} = {op.method}")
    return "\n".join(lines) + "\n"


def _making(op: Op, nodes: list[str], slopes: list[str]) -> list[str]:
    two_nodes, two_slopes = [*nodes, None], [*slopes, None]  # a single operand leaves the second slot empty
    more = f"({tuple_source(nodes[2:])}, {tuple_source(slopes[2:])})" if nodes[2:] else None
    return [
        "    if type(out) is not float:",
        f"        return renumbered({op.name!r}, {tuple_source(nodes)})",
        "    if ACTIVE:",
        f"        return watched({op.name!r}, {tuple_source(nodes)}, out, {tuple_source(slopes)})",
        "    node = new(Value)",
        "    node.data = out",
        "    node.grad = 0.0",
        f"    node.op = {op.name!r}",
        '    node.label = ""',
        "    node.source = None",
        f"    node._first, node._second = {two_nodes[0]}, {two_nodes[1]}",
        f"    node._first_slope, node._second_slope = {two_slopes[0]}, {two_slopes[1]}",
        f"    node._others = {more}",
        "    return node",
    ]


def _reflected(op: Op, operator: str) -> list[str]:
    return [
        f"def {reflected(operator)}(self, other: float) -> Value:",
        quoted(f"{op.text} Reached when the left operand is a plain number."),
        "    left = operand(other)",
        f"    return NotImplemented if left is NotImplemented else left.{op.method}(self)",
    ]


def reflected(operator: str) -> str:
    """``"__radd__"`` for ``"__add__"``."""
    return "__r" + operator[2:]


def function_source(op: Op, in_c: bool = False) -> str:
    """The text of the function for one operation: on Values it extends the graph, on plain numbers it gives a float.

    With ``in_c`` a function of lists asks C first.
    """
    if op.takes_list:
        return _list_source(op, _asking_c(op) if in_c else [])
    lines = [f"def {op.name}({typed(op, op.arguments)}) -> Number:", quoted(docstring(op))]
    first, *others = op.arguments
    lines += [f"    if isinstance({first}, Value):", f"        return {first}.{op.method}({', '.join(others)})"]
    if others:
        lines += [
            f"    if {' or '.join(f'isinstance({name}, Value)' for name in others)}:",
            f"        return argument({first}, {op.name!r}).{op.method}({', '.join(others)})",
        ]
    for name in op.arguments:
        lines += [f"    if type({name}) is not float:", f"        {name} = argument({name}, {op.name!r}).data"]
    call = f"[{op.name!r}]({', '.join(op.arguments)})"
    if may_raise(op):
        lines += ["    try:", f"        return FLOAT_FUNCTIONS{call}"]
        lines += ["    except FAULTS:", f"        return IEEE_FUNCTIONS{call}"]
    else:
        lines.append(f"    return FLOAT_FUNCTIONS{call}")
    return "\n".join(lines) + "\n"


def _asking_c(op: Op) -> list[str]:
    call = f"{op.name}_in_c({', '.join(parameters(op))})"
    return [f"    if (made_in_c := {call}) is not None:", "        return made_in_c"]


def _list_source(op: Op, first: list[str]) -> str:
    """The text of a function of lists: it makes one node, or one for each entry of the list."""
    names = parameters(op)
    gives = "list[Any]" if op.gives_list else "Any"
    lines = [f"def {op.name}({typed(op, names)}) -> {gives}:", quoted(docstring(op)), *first]
    lines.append(f"    nodes, {', '.join(names)} = operands({op.name!r}, {', '.join(names)})")
    if not op.gives_list:
        lines += [
            f"    out = {op.formula}",
            "    if nodes is None:",
            "        return out",
            f"    return made({op.name!r}, nodes, out, {slopes_source(op, op.derivatives)})",
        ]
        return "\n".join(lines) + "\n"
    whole, value, derivatives = evaluated_once(op)
    lines += [f"    {name}_all = {name}(xs)" for name in whole]
    lines += ["    results = []", "    for i, x in enumerate(xs):"]
    lines += [f"        {name}_here = [{name}_all[i], *{name}_all[:i], *{name}_all[i + 1 :]]" for name in whole]
    lines += [
        f"        out = {value}",
        "        if nodes is not None:",
        "            parents = (nodes[i], *nodes[:i], *nodes[i + 1 :])",
        f"            out = made({op.name!r}, parents, out, {slopes_source(op, derivatives)})",
        "        results.append(out)",
        "    return results",
    ]
    return "\n".join(lines) + "\n"


def docstring(op: Op) -> str:
    """What `help` says about the function."""
    derivatives = "; ".join(op.derivatives)
    head = f"{op.text}\n\nValue: {op.formula}\nDerivative: {derivatives}  (`out` is the value)\n\n"
    *names, last = parameters(op)
    several = f"{', '.join(names)} and {last} are" if names else f"{last} is"
    if not op.takes_list:
        numbers = "Values or real numbers" if names else "a Value or a real number"
        return f"{head}{several} {numbers}. A Value gives a Value, numbers alone give a float."
    lists = "lists of the same length n ≥ 1" if names else "a list of n ≥ 1 entries"
    gives = "a list of n nodes, each" if op.gives_list else "one node"
    return (
        f"{head}{several} {lists}, Values or real numbers. Values give {gives} with {'2n' if names else 'n'} parents, "
        f"numbers alone give {'floats' if op.gives_list else 'a float'}.\n\n"
        f"Raises:\n    ValueError: a list is empty{', or the lists differ in length' if names else ''}."
    )


def quoted(text: str) -> str:
    """A docstring as it is written in the text of a function."""
    indented = text.replace("\n", "\n    ").replace("\n    \n", "\n\n")
    end = "\n    " if "\n" in text else ""
    return f'    """{indented}{end}"""'


def write(texts: Iterable[str], scope: dict[str, Any], file: str) -> dict[str, Any]:
    """Compile methods or functions; ``scope`` is what their text refers to, ``file`` names the text."""
    text = "\n\n".join(texts)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    written: dict[str, Any] = {}
    exec(compile(text, file, "exec"), scope, written)
    return written
