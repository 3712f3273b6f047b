"""One graph evaluated at many points at once: what makes checking every parameter of a network quick.

Changing one leaf at a time, at a score of points each, means thousands of evaluations of the same graph. Here each
node is evaluated once, on an array with one entry per point, by the formula in the table of operations,
read in a namespace of NumPy functions. The user's graph is not touched.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from .. import arrays, formulas, ops
from ..graph import topological
from ..value import Value

COLUMNS = 4096
"""Points evaluated together: enough to make Python's share small, few enough to stay in the processor's cache."""


def replay(root: Value, inputs: Sequence[Value], requests: Sequence[tuple[int, float]]) -> list[float]:
    """The root's value for each request (index of an input, number to put there), every other leaf as it is."""
    import numpy as np

    values: list[float] = []
    for start in range(0, len(requests), COLUMNS):
        part = requests[start : start + COLUMNS]
        columns: dict[int, list[int]] = {}
        for column, (index, _) in enumerate(part):
            columns.setdefault(index, []).append(column)
        numbers = np.array([number for _, number in part])
        leaves = {}
        for index, mine in columns.items():
            leaf = inputs[index]
            if leaf not in leaves:
                leaves[leaf] = np.full(len(part), leaf.data)
            leaves[leaf][mine] = numbers[mine]
        values += replay_together(root, leaves, len(part))
    return values


def replay_together(root: Value, leaves: Mapping[Value, Any], count: int) -> list[float]:
    """The root's value at ``count`` points, given arrays of that length for some leaves."""
    import numpy as np

    order = topological(root)
    known: dict[Value, Any] = dict(leaves)
    steps = []
    moved = set(leaves)
    for node in order:
        if node not in moved and not moved.isdisjoint(node.parents):
            moved.add(node)
            steps.append(node)
    last_use = {parent: node for node in steps for parent in node.parents}
    with np.errstate(all="ignore"):
        for node in steps:
            known[node] = _on_arrays(node.op)(*[known.get(parent, parent.data) for parent in node.parents])
            for parent in node.parents:
                if last_use[parent] is node and parent is not root:
                    known.pop(parent, None)  # arrays are released as soon as nothing needs them
    values: list[float] = (known.get(root, root.data) + np.zeros(count)).tolist()
    return values


def _on_arrays(name: str) -> Callable[..., Any]:
    return _array_function(name, ops.TABLE[name])


@cache
def _array_function(name: str, op: ops.Op) -> Callable[..., Any]:
    """The value of an operation on arrays, from its formula."""
    names = [argument.lstrip("*") for argument in op.arguments]
    if op.takes_list:
        body = eval(f"lambda {', '.join(names)}: {op.formula}", _namespace(None))
        return lambda *operands: body(*op.bind(operands))
    tree = formulas.parse(op.formula, ops.known_functions())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {op.formula}", _namespace(frozenset(called)))
    return function


def _namespace(called: frozenset[str] | None) -> dict[str, Any]:
    import numpy as np

    def log_sum_exp(xs: list[Any]) -> Any:
        largest, smaller = _exponentials(xs)
        return largest + np.log1p(smaller.sum(axis=0))

    def shares(xs: list[Any]) -> Any:
        table = np.stack(np.broadcast_arrays(*xs))
        weights = np.exp(table - table.max(axis=0))
        return weights / weights.sum(axis=0)

    def log_shares(xs: list[Any]) -> Any:
        table = np.stack(np.broadcast_arrays(*xs))
        return table - log_sum_exp(xs)

    def _exponentials(xs: list[Any]) -> tuple[Any, Any]:
        table = np.stack(np.broadcast_arrays(*xs))
        largest = table.max(axis=0)
        weights = np.exp(table - largest)
        np.put_along_axis(weights, table.argmax(axis=0)[None], 0.0, axis=0)
        return largest, weights

    known: dict[str, Any] = {
        "inf": ops.inf, "nan": ops.nan, "log_sum_exp": log_sum_exp, "log_shares": log_shares, "shares": shares,
        "where": np.where, "sum": sum, "len": len, "zip": zip, "abs": np.abs, "pow": np.power,
    }  # fmt: skip
    for name in called or ():
        if name not in known and arrays.basic(name):
            known[name] = arrays.ufunc(name) or np.vectorize(ops.IEEE_FUNCTIONS[name], otypes=[float])
        elif name not in known:
            known[name] = _on_arrays(name)
    return known
