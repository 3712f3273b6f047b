"""A recorded graph evaluated again, forward and in reverse, in another arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..ops import TABLE, nan
from ..value import Value
from .intervals import Interval, out_of_reach
from .meanings import Arithmetic

FAULTS = (ArithmeticError, ValueError, TypeError)
"""What mpmath raises outside of a domain (TypeError where a complex number meets a comparison), and UndecidedError."""


class Replay(NamedTuple):
    """The numbers of a graph in another arithmetic; None where it has none.

    Attributes:
        values: of each node.
        slopes: the local derivatives of each node, one per parent.
        adjoints: d root / d node, for each node that the root depends on through slopes that are not zero.
    """

    values: dict[Value, Any]
    slopes: dict[Value, list[Any]]
    adjoints: dict[Value, Any]


def replay(order: Sequence[Value], arithmetic: Arithmetic) -> Replay:
    """Evaluate a graph, given in topological order with the root last.

    The leaves are the floats that they are. Numbers beyond 1e30000 are nan: to go on with them, to the sine of
    exp(exp(30)) for instance, would take longer than anybody waits. The reverse
    pass keeps the rule that a product with an exact zero carries nothing.

    Args:
        order: the nodes.
        arithmetic: `meanings.exact` or `intervals.enclosing`.
    """
    values: dict[Value, Any] = {}
    for node in order:
        if node.parents:
            values[node] = _value(node, [values[parent] for parent in node.parents], arithmetic)
        else:
            values[node] = arithmetic.number(node.data)
    slopes: dict[Value, list[Any]] = {}
    adjoints: dict[Value, Any] = {order[-1]: arithmetic.number(1.0)}
    for node in reversed(order):
        if node in adjoints and node.parents:
            slopes[node] = _slopes(node, values, arithmetic)
            _hand_on(node, slopes[node], adjoints)
    return Replay(values, slopes, adjoints)


def _value(node: Value, operands: list[Any], arithmetic: Arithmetic) -> Any:
    if any(x is None for x in operands):
        return None
    op = TABLE[node.op]
    try:
        result = arithmetic.value(op)(*operands)
    except FAULTS:
        if isinstance(operands[0], Interval):
            return None
        # a pole, or the edge of a domain: what IEEE 754 says there
        return arithmetic.number(op.evaluate(*map(float, operands))[0])
    return _real(result, arithmetic)


def _slopes(node: Value, values: dict[Value, Any], arithmetic: Arithmetic) -> list[Any]:
    operands = [values[parent] for parent in node.parents]
    if any(x is None for x in operands) or values[node] is None:
        return [None] * len(operands)
    op = TABLE[node.op]
    try:
        return [_real(slope, arithmetic) for slope in arithmetic.slopes(op)(values[node], *operands)]
    except FAULTS:
        if isinstance(operands[0], Interval):
            return [None] * len(operands)
        return [arithmetic.number(slope) for slope in op.evaluate(*map(float, operands))[1]]


def _real(x: Any, arithmetic: Arithmetic) -> Any:
    if isinstance(x, Interval):
        return x if x.low - x.low == 0 == x.high - x.high else None
    if isinstance(x, (int, float)):
        return arithmetic.number(x)
    if hasattr(x, "_mpc_"):
        x = x.real if x.imag == 0 else arithmetic.number(nan)
    return arithmetic.number(nan) if out_of_reach(x._mpf_) else x


def is_zero(x: Any) -> bool:
    """Whether a number is exactly zero."""
    if isinstance(x, Interval):
        return bool(x.low == 0 == x.high)
    return bool(x == 0)


def _hand_on(node: Value, slopes: list[Any], adjoints: dict[Value, Any]) -> None:
    adjoint = adjoints[node]
    if adjoint is not None and is_zero(adjoint):
        return
    for parent, slope in zip(node.parents, slopes):
        if slope is not None and is_zero(slope):
            continue
        known = adjoints.get(parent, 0)
        if adjoint is None or slope is None or known is None:
            adjoints[parent] = None
        else:
            product = adjoint * slope
            adjoints[parent] = product + known if parent in adjoints else product
