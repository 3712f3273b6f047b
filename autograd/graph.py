"""Walking a graph. Everything that needs an order, the leaves or the consumers of nodes asks here.

A graph is given by its root (or by several): the nodes it depends on, through ``node.parents``. No function here
recurses, so depth is limited by memory alone.
"""

from __future__ import annotations

import linecache
import math
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from .modes import ACTIVE, AnomalyError, TraceError, current, user_line
from .native import in_c
from .ops import TABLE

if TYPE_CHECKING:
    from .value import Value


def topological(root: Value | Iterable[Value]) -> list[Value]:
    """All nodes that ``root`` (or any of several roots) depends on, parents before children, root last.

    The order is the one in which a reader would evaluate the expression: depth first, first argument first
    (Cormen et al., Introduction to Algorithms, "Topological sort"). Linear in nodes and edges.
    """
    return ordered(_roots(root))


@in_c
def ordered(roots: list[Value]) -> list[Value]:
    """`topological` of a list of roots."""
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Value | None] = [*reversed(roots)]
    while stack:
        node = stack.pop()
        if node is None:  # everything below the next entry has been listed
            order.append(stack.pop())  # type: ignore[arg-type]
            continue
        while node not in seen:
            seen.add(node)
            if node._first is None:
                order.append(node)
                break
            stack.append(node)
            stack.append(None)
            if node._others:
                stack.extend(reversed(node._others[0]))
            second = node._second
            if second is not None and second not in seen:
                stack.append(second)
            node = node._first
    return order


def refuse_freed(order: Iterable[Value]) -> None:
    """Raise RuntimeError if a part of the graph has been let go by ``backward(free_graph=True)``."""
    for node in order:
        if node._first is None and node.op and node.op != "constant":
            raise RuntimeError(
                f"the part of the graph below a {node.op} node was freed by backward(free_graph=True); "
                "compute the expression again before using its graph"
            )


def edited(root: Value | Iterable[Value], order: Iterable[Value] | None = None) -> Value | None:
    """The first node that is not what its operation gives now, because a ``.data`` was edited since; None if all are.

    ``backward()`` goes by what was recorded when the graph was made. `forward` brings a graph up to date. ``order`` is
    the topological order of the graph, where it is known already.
    """
    if ACTIVE and current().tracing:  # placeholders have no numbers
        return None
    for node in topological(root) if order is None else order:
        if node.parents and node.op in TABLE:
            data, slopes = TABLE[node.op].evaluate(*[parent.data for parent in node.parents])
            if not _alike(data, node.data) or not all(map(_alike, slopes, node.local_derivatives)):
                return node
    return None


def _alike(x: float, y: float) -> bool:
    """Equal up to what C libraries differ in, as a graph can come from another machine; nan is like nan."""
    return x == y or abs(x - y) <= 1e-12 * abs(x) or (x != x and y != y)


def update_edited(root: Value | Iterable[Value], order: Iterable[Value] | None = None) -> None:
    """`forward`, with a warning, if a ``.data`` was edited: second derivatives would mix the old point and the new."""
    node = edited(root, order)
    if node is not None:
        message = (
            f"a .data was edited after the graph was made ({describe(node)} is not what its operands give now), so the "
            "graph is recomputed with the data that its leaves have now. Call autograd.graph.forward(root) to do so "
            "without this warning"
        )
        forward(root)
        warnings.warn_explicit(message, RuntimeWarning, *user_line())


def edit_note(root: Value | Iterable[Value], order: Iterable[Value] | None = None) -> list[str]:
    """What a view says below numbers of which a ``.data`` was edited; nothing for a graph that is up to date."""
    if edited(root, order) is None:
        return []
    return ["A .data was edited after this graph was made; graph.forward(root) recomputes the rest."]


def refuse_traced(root: Value, what: str) -> None:
    """Raise TraceError if a number is asked for that is not known while a function is traced for the compiler."""
    if ACTIVE and current().tracing and root._traced is not None:
        raise TraceError(
            f"line {place(user_line())}: {what} gives numbers, which are not known while the function is traced. "
            "Inside a compiled function write grad(y, xs, create_graph=True), which gives Values."
        )


def _roots(root: Value | Iterable[Value]) -> list[Value]:
    roots = [root] if hasattr(root, "parents") else list(root) if isinstance(root, Iterable) else [root]
    for node in roots:
        if not hasattr(node, "parents"):
            raise TypeError(
                f"a graph is given by its root, a Value; got {type(node).__name__}: {str(node)[:60]!r}. "
                "Was the result computed from plain numbers only?"
            )
    return roots  # type: ignore[return-value]


def leaves(root: Value | Iterable[Value], constants: bool = False) -> list[Value]:
    """The Values that a user made, in topological order; with ``constants`` also the plain numbers they met."""
    return [n for n in topological(root) if not n.parents and (constants or n.op != "constant")]


def consumers(root: Value | Iterable[Value]) -> dict[Value, list[tuple[Value, int]]]:
    """For each node, the nodes that use it and as which argument, in topological order.

    ``x * x`` uses ``x`` twice: ``{x: [(product, 0), (product, 1)], product: []}``.
    """
    order = topological(root)
    uses: dict[Value, list[tuple[Value, int]]] = {node: [] for node in order}
    for node in order:
        for position, parent in enumerate(node.parents):
            uses[parent].append((node, position))
    return uses


def forward(root: Value | Iterable[Value]) -> float | list[float]:
    """Recompute data and local derivatives of every node after leaves were edited; returns the root's data.

    "What if w were 0.3?": ``w.data = 0.3; graph.forward(loss)``. Gradients are left as they are until the next
    `backward()`. A Python ``if`` or comparison of the original program is not run again.

    Raises:
        RuntimeError: the graph was freed by ``backward(free_graph=True)``.
        AnomalyError: inside `detect_anomaly`, a value is nan or infinite.
    """
    roots = _roots(root)
    refuse_traced(roots[0], "forward")
    order = topological(roots)
    refuse_freed(order)
    watching = ACTIVE and current().anomaly
    for node in order:
        if node.parents:
            node.data, node.local_derivatives = TABLE[node.op].evaluate(*[parent.data for parent in node.parents])
            if watching and not math.isfinite(node.data):
                raise AnomalyError(f"the value {node.data} appeared in {describe(node)}")
    return roots[0].data if hasattr(root, "parents") else [node.data for node in roots]


def describe(node: Value) -> str:
    """A node in words: operation, operands, label and source line."""
    if not node.parents:
        return f"the leaf {node.label or 'without a label'} = {node.data!r}"
    operands = ", ".join(f"{p.label} = {p.data!r}" if p.label else repr(p.data) for p in node.parents[:6])
    more = ", …" if len(node.parents) > 6 else ""
    label = f" (label {node.label!r})" if node.label else ""
    made = f", made at {place(node.source)}" if node.source else ""
    return f"{node.op}({operands}{more}) = {node.data!r}{label}{made}"


def place(source: tuple[str, int]) -> str:
    """A source line in words: file, number and text."""
    text = linecache.getline(*source).strip()
    return f"{source[0]}:{source[1]}" + (f": {text}" if text else "")


class Counts(NamedTuple):
    """The size of a graph."""

    nodes: int
    edges: int
    leaves: int
    constants: int
    operations: int
    depth: int


def counts(root: Value | Iterable[Value]) -> Counts:
    """The number of nodes, edges, leaves, constants and operations, and the length of the longest path."""
    order = topological(root)
    depth: dict[Value, int] = {}
    for node in order:
        depth[node] = 1 + max(map(depth.__getitem__, node.parents)) if node.parents else 0
    constants = sum(node.op == "constant" for node in order)
    operations = sum(bool(node.parents) for node in order)
    edges = sum(len(node.parents) for node in order)
    return Counts(
        len(order), edges, len(order) - constants - operations, constants, operations, max(depth.values(), default=0)
    )
