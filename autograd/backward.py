"""The reverse pass: the chain rule, applied to each node once, children before parents.

For a root L and a node v with children c: dL/dv = Σ_c dL/dc · dc/dv. `backward` does this with numbers and leaves
the results in ``.grad``; `adjoints` does it with numbers or with Values (then the derivative is itself a graph, and
can be differentiated again) and leaves nothing behind.

One rule holds wherever derivatives are multiplied here: *a product with an exact zero carries nothing*, even if the
other factor is infinite or nan. So a vertical slope or a nan in the branch that `where` did not select, or behind a
dead relu, does not poison the rest (IEEE 754 alone would give 0 · ∞ = nan).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from .functions import symbolic_derivatives
from .graph import describe, refuse_freed, topological
from .modes import ACTIVE, AnomalyError, current
from .ops import TABLE
from .value import Value, apply, constant, operand, real


def backward(root: Value, gradient: float, free_graph: bool) -> None:
    """See `Value.backward`.

    Raises:
        TypeError: ``gradient`` is not a real number.
        RuntimeError: the graph was freed by an earlier ``backward(free_graph=True)``.
        AnomalyError: inside `detect_anomaly`, a gradient is nan or infinite.
    """
    order = begin(root, real(gradient, "backward(gradient=…)"))
    nodes = _released(order) if free_graph else reversed(order)
    if ACTIVE and current().anomaly:
        for node in nodes:
            _checked(node)
    else:
        sweep(nodes)


def _released(order: list[Value]) -> Iterator[Value]:
    """The nodes from the last to the first; each is let go when the next one is asked for."""
    while order:
        node = order.pop()
        yield node
        node.parents = node.local_derivatives = ()


def begin(root: Value, seed: float) -> list[Value]:
    """Ready the graph for a pass: interior gradients cleared, the root seeded; its nodes, to be taken from the end.

    Raises:
        RuntimeError: the graph was freed by an earlier ``backward(free_graph=True)``.
    """
    order = topological(root)
    refuse_freed(order)
    for node in order:
        if node._first is not None:
            node.grad = 0.0
    root.grad += seed
    return order


def sweep(nodes: Iterable[Value]) -> None:
    """Hand each node's gradient on to its parents: parent.grad += node.grad · d node / d parent."""
    for node in nodes:
        adjoint = node.grad
        if adjoint:
            if node._first_slope:
                node._first.grad += adjoint * node._first_slope
            if node._second_slope:
                node._second.grad += adjoint * node._second_slope
            if node._others:
                for parent, derivative in zip(*node._others):
                    if derivative:
                        parent.grad += adjoint * derivative


def propagate(node: Value) -> None:
    """One step of `sweep`."""
    sweep((node,))


def _checked(node: Value) -> None:
    if not math.isfinite(node.grad) and node.op != "constant":
        raise AnomalyError(f"the gradient {node.grad} reached {describe(node)}")
    for position, (parent, derivative) in enumerate(zip(node.parents, node.local_derivatives)):
        if node.grad and derivative and parent.op != "constant" and not math.isfinite(node.grad * derivative):
            raise AnomalyError(
                f"the gradient {node.grad * derivative} appeared on the way from {describe(node)} to its operand "
                f"{position + 1}: gradient {node.grad!r} times local derivative {derivative!r}"
            )
    propagate(node)


T = TypeVar("T", float, Value)


def adjoints(root: Value, seed: T, wanted: Sequence[Value]) -> list[T]:
    """d root / d node for each wanted node, times ``seed``; touches no ``.grad``.

    With a float as seed the recorded local derivatives are multiplied; with a Value the derivative formulas are
    evaluated on the graph's own nodes, so the results are differentiable again. Zero where nothing depends.
    """
    local: Callable[[Value], Sequence[Any]]
    local, times = (_recorded, _product) if isinstance(seed, float) else (symbolic_derivatives, _graph_product)
    order = topological(root)
    refuse_freed(order)
    keep = set(wanted)
    needed = _depending_on(order, keep)
    total: dict[Value, Any] = {root: seed}
    while order:
        node = order.pop()
        if node not in total or not node.parents:
            continue
        adjoint = total[node] if node in keep else total.pop(node)
        for parent, derivative in zip(node.parents, local(node)):
            if parent in needed:
                contribution = times(adjoint, derivative)
                if contribution is not None:
                    total[parent] = total[parent] + contribution if parent in total else contribution
    return [total[node] if node in total else 0.0 if isinstance(seed, float) else constant(0.0) for node in wanted]


def _depending_on(order: list[Value], sources: set[Value]) -> set[Value]:
    needed = set(sources)
    for node in order:
        if node._first in needed or node._second in needed or (node._others and not needed.isdisjoint(node._others[0])):
            needed.add(node)
    return needed


def _recorded(node: Value) -> Sequence[float]:
    return node.local_derivatives


def _product(adjoint: float, derivative: float) -> float | None:
    return adjoint * derivative if adjoint and derivative else None


def _graph_product(adjoint: Value, derivative: Value | float) -> Value | None:
    if not isinstance(derivative, Value):
        if derivative == 0:
            return None
        if derivative in (1, -1):
            return adjoint if derivative == 1 else -adjoint
    if ACTIVE and current().tracing:
        return _traced_product(adjoint, operand(derivative))
    product = adjoint * derivative
    slope = derivative.data if isinstance(derivative, Value) else derivative
    if product.data != product.data and (adjoint.data == 0 or slope == 0):
        return None
    return product


def _traced_product(adjoint: Value, derivative: Value) -> Value:
    """The product while a function is traced: it finds out when the program runs whether it carries nothing."""
    if any(x.op == "constant" and x.data and math.isfinite(x.data) for x in (adjoint, derivative)):
        return adjoint * derivative
    return apply(TABLE["chain"], (adjoint, derivative))
