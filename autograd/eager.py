"""The methods of `Value`, written out from the table of operations as straight-line Python.

A generic ``apply(operation, operands)`` would cost more than the arithmetic it performs. So each entry of the table
is turned once, at import, into the method that a careful person would have typed. The text is registered with
`linecache`: tracebacks quote it, a debugger steps into it, `inspect.getsource` shows it.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from typing import Any

from .ops import Op, float_source, may_raise, tuple_source


def source(op: Op) -> str:
    """The text of the method for one operation on scalars."""
    others = op.arguments[1:]
    signature = ", ".join(
        ["self", *(f"{name}={op.defaults[name]}" if name in op.defaults else name for name in others)]
    )
    lines = [f"def {op.method}({signature}):", f"    {f'{op.text} Formula: {op.formula}.'!r}"]
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
    two_nodes, two_slopes = [*nodes, None], [*slopes, None]  # a single operand leaves the second slot empty
    more = f"({tuple_source(nodes[2:])}, {tuple_source(slopes[2:])})" if nodes[2:] else None
    lines += [
        "    if ACTIVE:",
        f"        return watched({op.name!r}, {tuple_source(nodes)}, out, {together})",
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
    if op.symbol and others:
        reflected = "__r" + op.method[2:]
        lines += [
            f"def {reflected}(self, other):",
            f"    {f'{op.text} Reached when the left operand is a plain number.'!r}",
            "    left = operand(other)",
            f"    return NotImplemented if left is NotImplemented else left.{op.method}(self)",
        ]
    return "\n".join(lines) + "\n"


def write_methods(operations: Iterable[Op], scope: dict[str, Any], file: str) -> dict[str, Any]:
    """Compile the methods of some operations; ``scope`` is what their text refers to, ``file`` names the text."""
    text = "\n\n".join(source(op) for op in operations)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    methods: dict[str, Any] = {}
    exec(compile(text, file, "exec"), scope, methods)
    return methods
