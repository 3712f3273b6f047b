"""How far a computed value and a computed gradient can be trusted: running error analysis (Higham 2002, §3.3)."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from functools import cache
from types import FunctionType

from .. import formulas, ops
from ..adjoints import adjoints
from ..elementary import ON_VALUES
from ..graph import topological
from ..value import Value
from .differences import UNDERFLOW, UNIT_ROUNDOFF


def operation_noise(op: ops.Op, operands: Sequence[float], stored: Sequence[float]) -> float:
    """Bound of the rounding error of an operation's value.

    Four ulp for a built-in function; the sum of the terms for a list; and for a formula of several steps, such as a
    user registers, what a running error analysis of the formula's own graph gives (``log(1 + exp(x))`` at x = −30 is
    a number of size 1e-13 that is known to 1e-16, not to 1e-29).
    """
    value = op.evaluate(*operands)[0]
    noise = 8 * UNIT_ROUNDOFF * abs(value) + UNDERFLOW
    if op.takes_list:
        return noise + 2 * UNIT_ROUNDOFF * sum(abs(x * s) for x, s in zip(operands, stored) if math.isfinite(x * s))
    graph = _formula_graph(op, operands)
    return max(noise, value_noise(graph)) if graph is not None else noise


def _formula_graph(op: ops.Op, operands: Sequence[float]) -> Value | None:
    """The formula of an operation as a graph of simpler ones; None where it is a single step."""
    tree = ops.parse(op, op.formula)
    on_values = {name: function for name, function in ON_VALUES.items() if name != op.name}
    variables = {name: Value(x) for name, x in zip(op.arguments, operands)}
    try:
        result = formulas.interpret(tree, on_values, {**variables, "inf": math.inf, "nan": math.nan}, Value)
    except (KeyError, TypeError):  # it calls itself (a basic function) or a function that exists on floats only
        return None
    return result if isinstance(result, Value) and any(p.parents for p in result.parents) else None


@cache
def _composite(op: ops.Op) -> bool:
    """Whether the formula of an operation rounds more than once: it has steps, or a function of ours that has."""
    if op.takes_list:
        return True
    steps = [n for n in ast.walk(ops.parse(op, op.formula)) if isinstance(n, (ast.BinOp, ast.Call))]
    choices = sum(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "where" for n in steps)
    names = [n.func.id for n in steps if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    own = any(isinstance(ops.FLOAT_FUNCTIONS.get(name), FunctionType) for name in names)
    return own or len(steps) - choices > 1


def value_noise(root: Value) -> float:
    """First-order bound of the rounding error of a computed root: Σ noise of node · |∂root/∂node|."""
    order = [node for node in topological(root) if node.parents]
    total = 0.0
    for node, adjoint in zip(order, adjoints(root, 1.0, order)):
        if adjoint:
            noise = 2 * UNIT_ROUNDOFF * abs(node.data) + UNDERFLOW
            op = ops.TABLE.get(node.op)
            if op is not None and _composite(op):
                noise = operation_noise(op, [parent.data for parent in node.parents], node.local_derivatives)
            share = noise * abs(adjoint)
            total += share if math.isfinite(share) else 0.0
    return total


def gradient_noise(root: Value, leaves: Sequence[Value]) -> list[float]:
    """First-order bound of the rounding error of ∂root/∂leaf by the chain rule, one per leaf.

    A local derivative is right to 4 ulp, a product and a sum to half of one; so each edge adds 10u·|adjoint·slope|, and
    passes on the error of the adjoint it comes from. Where large paths cancel, this is what the sum has lost.
    """
    order = topological(root)
    adjoint = dict(zip(order, adjoints(root, 1.0, order)))
    error = dict.fromkeys(order, 0.0)
    for node in reversed(order):
        passed = error[node] + 10 * UNIT_ROUNDOFF * abs(adjoint[node])
        for parent, derivative in zip(node.parents, node.local_derivatives):
            share = passed * abs(derivative) + UNDERFLOW
            if math.isfinite(share):
                error[parent] += share
    return [error.get(leaf, 0.0) for leaf in leaves]
