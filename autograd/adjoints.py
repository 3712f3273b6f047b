"""Derivatives of nodes by others, as numbers or as graphs that can be differentiated again.

`adjoints` is the reverse pass of `autograd.backward` with results of its own: it touches no ``.grad``. `tangents` goes
the other way, from the inputs to the results: the chain rule with the same local derivatives, multiplied in the other
order (Griewank and Walther 2008, chapter 3). With Values instead of floats both need each local derivative as a Value
too: the table's formula, evaluated on the graph's own nodes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from . import formulas
from .elementary import ON_VALUES
from .graph import refuse_freed, refuse_traced, topological, update_edited
from .modes import ACTIVE, current
from .native import in_c
from .operation import Op, evaluated_once, parse, slopes_source
from .ops import TABLE
from .value import Transient, Value, apply, constant, no_graph, operand

T = TypeVar("T", float, Value)


def adjoints(root: Value, seed: T, wanted: Sequence[Value]) -> list[T]:
    """d root / d node for each wanted node, times ``seed``; touches no ``.grad``.

    With a float as seed the recorded local derivatives are multiplied; with a Value the derivative formulas are
    evaluated on the graph's own nodes, so the results are differentiable again; a graph whose ``.data`` were edited is
    recomputed first, with a warning. Zero where nothing depends.

    Raises:
        RuntimeError: the graph was freed, or the root was computed inside `no_grad`.
    """
    if isinstance(seed, float):
        refuse_traced(root, "a derivative without create_graph")
        _refuse_unrecorded(root, wanted)
        return recorded(root, seed, wanted)
    order = topological(root)
    refuse_freed(order)
    update_edited(root, order)
    _refuse_unrecorded(root, wanted)
    total = _handed_on(root, seed, order, set(wanted))
    return [total[node] if node in total else constant(0.0) for node in wanted]


@in_c
def recorded(root: Value, seed: float, wanted: Sequence[Value]) -> list[float]:
    """`adjoints` by the recorded local derivatives."""
    order = topological(root)
    refuse_freed(order)
    total = _handed_on(root, seed, order, set(wanted))
    return [total.get(node, 0.0) for node in wanted]


def _handed_on(root: Value, seed: float | Value, order: list[Value], keep: set[Value]) -> dict[Value, Any]:
    """The adjoints of the nodes in ``keep`` on which the root depends."""
    local, times = _chain_rule(seed)
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
    return total


Local = Callable[[Value], Sequence[Any]]


def _chain_rule(seed: float | Value) -> tuple[Local, Callable[[Any, Any], Any]]:
    """The local derivatives of a node, and their product with an adjoint or a tangent; None if it carries nothing."""
    return (_recorded, _product) if isinstance(seed, float) else (symbolic_derivatives, _graph_product)


def tangents(roots: Sequence[Value], directions: Mapping[Value, T]) -> list[T | None]:
    """The derivative of each root along a direction, in one forward pass; None where nothing depends.

    Args:
        roots: nodes of a graph.
        directions: how fast each node that varies moves. All are floats, and the recorded local derivatives are
            multiplied; or Values, and the results are differentiable again.

    Raises:
        RuntimeError: as `adjoints`.
    """
    graph = any(isinstance(direction, Value) for direction in directions.values())
    local, times = _chain_rule(constant(0.0) if graph else 0.0)
    return _pushed(roots, directions, local, times, lambda a, b: a + b, graph)


def tangent_rows(roots: Sequence[Value], wanted: Sequence[Value]) -> list[list[float]]:
    """What `adjoint_rows` gives, from one forward pass in which each node has a list of tangents, one for each input.

    Raises:
        RuntimeError: as `adjoints`.
    """
    zeros, times, plus = _arithmetic()
    units: dict[Value, Any] = {}
    for place, node in enumerate(wanted):
        units.setdefault(node, zeros(len(wanted)))[place] = 1.0
    with _quiet():
        rows = _pushed(roots, units, _recorded, lambda row, slope: times(row, slope) if slope else None, plus, False)
    return [[0.0] * len(wanted) if row is None else [float(x) + 0.0 for x in row] for row in rows]


def _pushed(
    roots: Sequence[Value], directions: Mapping[Value, Any], local: Local, times: Callable[[Any, Any], Any],
    plus: Callable[[Any, Any], Any], graph: bool,
) -> list[Any]:  # fmt: skip
    """Tangents from the inputs to the roots; each of a node's own direction and of those of its operands."""
    order = topological(roots)
    refuse_freed(order)
    for root in roots:
        _refuse_unrecorded(root, directions)
        if not graph:
            refuse_traced(root, "a derivative without create_graph")
    if graph:
        update_edited(roots, order)
    found: dict[Value, Any] = dict(directions)
    for node in order:
        if found.keys().isdisjoint(node.parents):
            continue
        for parent, derivative in zip(node.parents, local(node)):
            if parent in found:
                part = times(found[parent], derivative)
                if part is not None:
                    found[node] = plus(found[node], part) if node in found else part
    return [found.get(root) for root in roots]


def _refuse_unrecorded(root: Value, wanted: Iterable[Value]) -> None:
    if isinstance(root, Transient) and root not in {*wanted}:
        raise no_graph(root)


def adjoint_rows(roots: Sequence[Value], wanted: Sequence[Value]) -> list[list[float]]:
    """d root / d node, a row for each root with an entry for each wanted node; touches no ``.grad``.

    The numbers are those of `adjoints` for each root, up to the order of sums. Many roots take one reverse pass
    together, in which each node has a list of adjoints; so their common graph is put in order once, and read once.
    The lists are arrays where NumPy was imported already, with the same bits.

    Raises:
        RuntimeError: as `adjoints`.
    """
    if len(roots) < 2:
        return [adjoints(root, 1.0, wanted) for root in roots]
    groups = [roots[first : first + _TOGETHER] for first in range(0, len(roots), _TOGETHER)]
    with _quiet():
        return [row for group in groups for row in _together(group, wanted)]


def _quiet() -> AbstractContextManager[Any]:
    """Arrays overflow without a warning, as floats do."""
    return sys.modules["numpy"].errstate(all="ignore") if "numpy" in sys.modules else nullcontext()


_TOGETHER = 256
"""Roots that share a reverse pass: 2 kB or more for each node that waits for its turn."""


def _together(roots: Sequence[Value], wanted: Sequence[Value]) -> list[list[float]]:
    order = topological(roots)
    refuse_freed(order)
    keep = set(wanted)
    for root in roots:
        refuse_traced(root, "a derivative without create_graph")
        _refuse_unrecorded(root, keep)
    needed = _depending_on(order, keep)
    zeros, times, plus = _arithmetic()
    total: dict[Value, Any] = {}
    for place, root in enumerate(roots):
        total.setdefault(root, zeros(len(roots)))[place] = 1.0
    while order:
        node = order.pop()
        if node not in total or not node.parents:
            continue
        adjoint = total[node] if node in keep else total.pop(node)
        for parent, derivative in zip(node.parents, node.local_derivatives):
            if derivative and parent in needed:
                contribution = times(adjoint, derivative)
                total[parent] = plus(total[parent], contribution) if parent in total else contribution
    columns = [list(total[node]) if node in total else [0.0] * len(roots) for node in wanted]
    return [[float(column[place]) + 0.0 for column in columns] for place in range(len(roots))]


def _arithmetic() -> tuple[Callable[[int], Any], Callable[[Any, float], Any], Callable[[Any, Any], Any]]:
    """Zeros, a row of adjoints times a derivative, and the sum of two rows: of lists, or of NumPy's arrays.

    A product with an exact zero carries nothing, as in `adjoints`.
    """
    np: Any = sys.modules.get("numpy")  # not imported for this: that takes longer than many a Hessian
    if np is None:
        return (
            lambda count: [0.0] * count,
            lambda row, slope: [x * slope if x else 0.0 for x in row],
            lambda a, b: [x + y for x, y in zip(a, b)],
        )

    def times(row: Any, slope: float) -> Any:
        product = row * slope
        if not math.isfinite(slope):
            product[row == 0] = 0.0
        return product

    return np.zeros, times, np.add


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


# ---- derivative formulas on Values ------------------------------------------------------------------------------

_RULES: dict[Op, Callable[..., list[Any]]] = {}


def symbolic_derivatives(node: Value) -> list[Any]:
    """The local derivatives of a node by the table's formulas on Values: what a second derivative passes through.

    A formula that does not depend on its arguments gives a float.
    """
    op = TABLE[node.op]
    if op not in _RULES:
        _RULES[op] = _rule(op)
    constants = [parent.data if parent.op == "constant" else parent for parent in node.parents]
    return _RULES[op](node, *op.bind(constants))


def _rule(op: Op) -> Callable[..., list[Any]]:
    derivatives: Sequence[str] = op.derivatives
    lines = [f"def rule(out, {', '.join(name.lstrip('*') for name in op.arguments)}):"]
    if op.gives_list:
        whole, _, derivatives = evaluated_once(op)
        lines += [f"    {name}_here = {name}([x, *xs])" for name in whole]
    elif not op.takes_list:
        trees = (parse(op, text, derivative=True) for text in op.derivatives)
        derivatives = [formulas.for_floats(tree, ieee=True, lazy=False) for tree in trees]
    lines.append(f"    return [*{slopes_source(op, derivatives)}]")
    found: dict[str, Any] = {}
    exec("\n".join(lines), ON_VALUES, found)
    rule: Callable[..., list[Any]] = found["rule"]
    return rule
