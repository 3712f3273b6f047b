"""Every edge of a recorded graph against finite differences of its own operation.

An edge is one operand of one node; its stored local derivative claims how fast the operation's value moves with that
operand. The claim is compared with the value formula alone (`Op.evaluate` at the recorded operands), so a wrong
derivative formula is found where it stands, however deep, and whatever the rest of the graph makes of it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from .. import formulas, ops
from ..answer import Answer, Part
from ..graph import describe
from ..text import counted
from ..value import Value
from .differences import NOTHING, UNIT_ROUNDOFF, Estimate, slope
from .rounding import operation_noise


class Edge(NamedTuple):
    """An edge whose stored local derivative is not the slope of its operation."""

    node: Value
    position: int  # which operand
    argument: str  # what the table calls it
    stored: float
    numeric: float
    uncertainty: float
    hint: str

    def __str__(self) -> str:
        return (
            f"{describe(self.node)}\n    ∂/∂{self.argument} (operand {self.position + 1} = "
            f"{self.node.parents[self.position].data!r}): stored {self.stored!r}, finite differences "
            f"{self.numeric:.12g} ± {self.uncertainty:.1g}{': ' + self.hint if self.hint else ''}"
        )


class _Findings(NamedTuple):
    checked: int
    wrong: list[Edge]
    unmeasured: Counter[str]
    stale: Value | None


class EdgeReport(Answer, _Findings):
    """What the edges of a graph are worth. Made by `check_edges`.

    Attributes:
        checked: how many edges were compared; constants and unmeasurable ones are not counted.
        wrong: those whose local derivative is wrong, in topological order.
        unmeasured: why edges could not be measured (kink, edge, overflow, …) -> how many.
        stale: the first node that does not hold the value of its operation at its operands.
    """

    __slots__ = ()

    def _heading(self) -> str:
        return "Edges of a graph"

    def _content(self) -> list[Part]:
        parts: list[Part] = [
            f"{counted(self.checked, 'edge')} compared with finite differences, {len(self.wrong)} wrong"
        ]
        parts += [f"* {edge}" for edge in self.wrong]
        return parts + self.remarks()

    def remarks(self) -> list[Part]:
        """What could not be compared, in words."""
        parts: list[Part] = []
        if self.stale is not None:
            parts.append(f"The first node that does not follow from its operands: {describe(self.stale)}")
        if self.unmeasured:
            counts = ", ".join(f"{count} ({kind})" for kind, count in sorted(self.unmeasured.items()))
            parts.append(f"Edges at which nothing can be measured: {counts}")
        return parts


def check_edges(order: Sequence[Value], rtol: float = 1e-8) -> EdgeReport:
    """Check every edge between the nodes of a graph.

    An edge from a constant needs no slope. Where an operation has a kink the stored slope must lie between the two
    one-sided ones. Nodes with the same operation, operands and slopes are checked once.

    Args:
        order: the nodes, parents before children.
        rtol: relative difference that is taken for rounding of the stored slope.
    """
    known: dict[tuple[Any, ...], list[tuple[int, Estimate, str]]] = {}
    report = EdgeReport(0, [], Counter(), None)
    checked, stale = 0, None
    for node in order:
        if not node.parents:
            continue
        operands = tuple([parent.data for parent in node.parents])
        free = tuple([parent.op != "constant" for parent in node.parents])
        key = (node.op, operands, node.local_derivatives, node.data, free)
        if key not in known:
            fresh = _same(_operation(node).evaluate(*operands)[0], node.data)
            stale = node if stale is None and not fresh else stale
            slopes = node.local_derivatives
            known[key] = _suspects(_operation(node), operands, slopes, free, rtol) if fresh else []
        for position, estimate, verdict in known[key]:
            if verdict == "wrong":
                stored = _claim(node.local_derivatives, position)
                hint = _hint(_operation(node), operands, node.local_derivatives, position, estimate)
                name = argument_name(_operation(node), position, len(operands))
                edge = Edge(node, position, name, stored, estimate.slope, estimate.uncertainty, hint)
                report.wrong.append(edge)
            elif verdict != "kink":
                report.unmeasured[verdict] += 1
                checked -= 1
        checked += sum(free)
    return report._replace(checked=checked, stale=stale)


def _operation(node: Value) -> ops.Op:
    if node.op not in ops.TABLE:
        raise ValueError(f"the operation {node.op!r} is not in the table; register it before checking its graph")
    return ops.TABLE[node.op]


def _claim(stored: Sequence[float], position: int) -> float:
    return stored[position] if position < len(stored) else math.nan


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= 8 * UNIT_ROUNDOFF * abs(b)


def _suspects(
    op: ops.Op, operands: tuple[float, ...], stored: tuple[float, ...], free: tuple[bool, ...], rtol: float
) -> list[tuple[int, Estimate, str]]:
    """The edges of one node that are not plainly right: (operand, what was measured, verdict)."""
    found = []
    for i, x in enumerate(operands):
        if not free[i]:
            continue

        def value(t: float, i: int = i) -> float:
            return op.evaluate(*operands[:i], t, *operands[i + 1 :])[0]

        claim = _claim(stored, i)
        if _plainly_right(value, x, claim, rtol):
            continue
        estimate = NOTHING
        if all(map(math.isfinite, operands)):
            estimate = slope(value, x, operation_noise(op, operands, stored), claim)
        verdict = _verdict(estimate, claim, rtol)
        if verdict == "wrong" and on_edge(op, operands):
            verdict = "edge"
        elif verdict == "wrong" and on_kink(op, operands, i):
            # kinks too close for a step between them: at 1e82 ceil has one at every float
            verdict = "kink" if not estimate.obstacle else "wrong"
        elif verdict == "wrong" and _reaches_kink(op, operands, i, estimate.reach):
            verdict = "kink"
        if verdict:
            found.append((i, estimate, verdict))
    return found


def _reaches_kink(op: ops.Op, operands: tuple[float, ...], position: int, reach: float) -> bool:
    """Whether a kink of an operation lies among the operands that a measurement looked at."""
    sides = [(*operands[:position], operands[position] + d, *operands[position + 1 :]) for d in (-reach, reach)]
    return crosses_kink(op, *sides)


def _plainly_right(value: Callable[[float], float], x: float, claim: float, rtol: float) -> bool:
    """Whether one central difference settles it. Agreement to all of ``rtol`` on the first try is not an accident."""
    step = 2.0**-10 if abs(x) < 1 else math.ldexp(1.0, math.frexp(x)[1] - 11)
    above, below = value(x + step), value(x - step)
    doubt = 8 * UNIT_ROUNDOFF * max(abs(above), abs(below)) / step
    if claim == 0 and above != below:
        return False
    return abs((above - below) / ((x + step) - (x - step)) - claim) <= rtol * abs(claim) + min(doubt, 1e-6 * abs(claim))


def _verdict(estimate: Estimate, claim: float, rtol: float) -> str:
    if estimate.obstacle == "kink":
        low, high = sorted((estimate.left, estimate.right))
        doubt = estimate.uncertainty + rtol * max(abs(low), abs(high))
        between = low - doubt <= claim <= high + doubt
        return "kink" if between or math.isinf(estimate.slope) else "wrong"
    if estimate.agrees(claim, 0.0, rtol):
        return "" if not estimate.obstacle else estimate.obstacle
    return estimate.obstacle or ("round-off" if estimate.noisy else "wrong")


def argument_name(op: ops.Op, position: int, count: int) -> str:
    """What the table calls an operand: ``y``, or ``xs[2]`` for an entry of a list."""
    names: list[str] = []
    for name, entry in zip(op.arguments, op.bind(range(count))):
        names += [f"{name[1:]}[{i}]" for i in range(len(entry))] if isinstance(entry, list) else [name]
    return names[position]


def _hint(op: ops.Op, operands: tuple[float, ...], stored: tuple[float, ...], position: int, found: Estimate) -> str:
    """Which common mistake the numbers look like."""
    if len(stored) != len(operands):
        return f"there are {len(stored)} local derivatives for {len(operands)} operands"
    claim, doubt = stored[position], found.uncertainty + 1e-6 * abs(found.slope)
    if claim != claim:
        return "the rule gives nan where the operation is smooth"
    if claim == 0:
        return "the rule says that this operand does not matter"
    if abs(claim + found.slope) <= doubt:
        return "the sign is wrong"
    for other, x in enumerate(operands):
        if other == position or not math.isfinite(x):
            continue

        def value(t: float, other: int = other) -> float:
            return op.evaluate(*operands[:other], t, *operands[other + 1 :])[0]

        if abs(claim - slope(value, x).slope) <= doubt:
            name = argument_name(op, other, len(operands))
            return f"that is the slope of operand {other + 1} ({name}): are the derivatives swapped?"
    return f"stored / numeric = {claim / found.slope:.8g}" if found.slope else "the operation does not move"


# ---- kinks and edges of the domain ------------------------------------------------------------------------------


@cache
def _landmarks(op: ops.Op) -> tuple[list[Any], list[Any]]:
    def compiled(texts: Sequence[str]) -> list[Any]:
        scope = ops.namespace(ieee=True)
        sources = [formulas.for_floats(ops.parse(op, text), ieee=True) for text in texts]
        return [eval(f"lambda {', '.join(op.arguments)}: {source}", scope) for source in sources]

    return compiled(op.kinks), compiled(op.domain)


def on_kink(op: ops.Op, operands: Sequence[float], position: int | None = None) -> bool:
    """Whether operands are on a kink of an operation; with ``position``, on one that concerns that operand."""
    named = zip(op.kinks, _landmarks(op)[0])
    concerned = [
        kink
        for text, kink in named
        if position is None or op.arguments[position] in formulas.names_in(ops.parse(op, text))
    ]
    return any(kink(*operands) == 0 for kink in concerned)


def kinked_node(order: Sequence[Value]) -> Value | None:
    """The first node that is on a kink, so that its slope is a choice."""
    on = (node for node in order if node.parents and ops.TABLE[node.op].kinks)
    return next((node for node in on if on_kink(ops.TABLE[node.op], [p.data for p in node.parents])), None)


def crosses_kink(op: ops.Op, before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether an operation passes a kink of its own between two sets of operands."""
    pairs = [(float(kink(*before)), float(kink(*after))) for kink in _landmarks(op)[0]]
    return any(a * b <= 0 and a != b for a, b in pairs)


def leaves_domain(op: ops.Op, operands: Sequence[float]) -> bool:
    """Whether operands are on or outside the edge of an operation's domain."""
    return any(not edge(*operands) > 0 for edge in _landmarks(op)[1])


def on_edge(op: ops.Op, operands: Sequence[float]) -> bool:
    """Whether operands are on the edge of an operation's domain, or so few floats from it that no step fits."""
    few = 32 * UNIT_ROUNDOFF * max(map(abs, operands))
    return any(abs(edge(*operands)) <= few for edge in _landmarks(op)[1])
