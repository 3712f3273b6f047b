"""The reverse pass: the chain rule, applied to each node once, children before parents.

For a root L and a node v with children c: dL/dv = Σ_c dL/dc · dc/dv. `backward` does this with numbers and leaves
the results in ``.grad``. It needs the slots of a node only, so it stands under `Value`; `autograd.adjoints` does the
same with Values, and leaves nothing behind.

One rule holds wherever derivatives are multiplied here: *a product with an exact zero carries nothing*, even if the
other factor is infinite or nan. So a vertical slope or a nan in the branch that `where` did not select, or behind a
dead relu, does not poison the rest (IEEE 754 alone would give 0 · ∞ = nan).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .graph import describe, refuse_freed, refuse_traced, topological
from .modes import ACTIVE, AnomalyError, current
from .native import in_c

if TYPE_CHECKING:
    from .value import Value


def backward(root: Value, gradient: float, free_graph: bool) -> None:
    """See `Value.backward`."""
    refuse_traced(root, "backward")
    if ACTIVE and current().anomaly:
        for node in _nodes(root, gradient, free_graph):
            _checked(node)
    else:
        run(root, gradient, free_graph)


@in_c
def run(root: Value, gradient: float, free_graph: bool) -> None:
    """The reverse pass without a look at what it finds."""
    sweep(_nodes(root, gradient, free_graph))


def _nodes(root: Value, gradient: float, free_graph: bool) -> Iterator[Value]:
    """The nodes of a graph that is ready for a pass, root first."""
    order = begin(root, gradient)
    return _released(order) if free_graph else reversed(order)


def _released(order: list[Value]) -> Iterator[Value]:
    """The nodes from the last to the first; each is let go when the next one is asked for."""
    while order:
        node = order.pop()
        yield node
        node._link((), ())


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
