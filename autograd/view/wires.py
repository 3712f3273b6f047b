"""The wires of a picture: edges between its boxes, those of folded nodes together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import text
from .picture import Wire
from .scale import Scale

if TYPE_CHECKING:
    from ..value import Value


def wires(
    order: list[Value],
    index: dict[Value, int],
    place: list[int],
    results: dict[int, int],
    scale: Scale | None,
    marked: set[tuple[int, int]],
) -> list[Wire]:
    """The wires between boxes.

    On each stands the derivative of the result of its head by that of its tail, so that the chain rule holds in a
    folded picture too: where the head is a neuron, that is the weight times the slope of the activation. A wire into a
    box of several results, or out of one, bears the number of its edges if these are several.

    Args:
        order, index: the nodes in topological order, and the position of each.
        place: for each node, the position of its box.
        results: for a box that is one formula, the position of its result.
        scale: of the gradients; None where they are not known.
        marked: the edges (k, position) to be highlighted.
    """
    inside = _inside(order, index, place, results)
    members = [0] * (max(place, default=-1) + 1)
    for at in place:
        members[at] += 1
    made: list[Wire] = []
    together: dict[tuple[int, int], Wire] = {}
    for k, node in enumerate(order):
        for position, parent in enumerate(node.parents):
            tail, head = place[index[parent]], place[k]
            if tail == head:
                continue  # inside a group
            folded = members[tail] > 1 or members[head] > 1
            if folded and (tail, head) in together:
                together[tail, head].edges.append((k, position))
                continue
            wire = Wire(f"edge-{k}-{position}", tail, head, [(k, position)])
            made.append(wire)
            if folded:
                together[tail, head] = wire
    joined = 0
    for wire in made:
        several = len(wire.edges) > 1
        if several:
            wire.id = f"wire-{joined}"
            joined += 1
        single = all(members[end] == 1 or end in results for end in (wire.tail, wire.head))
        _describe(wire, order, inside, single, scale)
        if not marked.isdisjoint(wire.edges):
            wire.marked, wire.strength = True, math.inf
    return made


def _describe(wire: Wire, order: list[Value], inside: list[float], single: bool, scale: Scale | None) -> None:
    k, position = wire.edges[0]
    several = len(wire.edges) > 1
    if order[k].parents[position].op == "constant" and not several:
        wire.constant = True
        wire.tooltip = f"constant operand {position + 1} of {len(order[k].parents)}"
        return
    slope = sum(_product(inside[k], order[k].local_derivatives[position]) for k, position in wire.edges)
    flow = sum(_product(order[k].grad, order[k].local_derivatives[position]) for k, position in wire.edges)
    if several:
        wire.tooltip = f"{len(wire.edges)} edges"
    if single or not several:
        wire.label = text.number(slope)
        wire.tooltip += f", together {slope!r}" if several else f"local derivative {slope!r}"
        if not several and inside[k] == 1:
            wire.tooltip += f", operand {position + 1} of {len(order[k].parents)}"
    else:
        wire.label = wire.tooltip
    if scale is not None:
        wire.level = scale.level(flow)
        wire.tooltip += f"; it carries {flow!r} of the gradient"
    strength = abs(slope if scale is None else flow)
    wire.strength = strength if strength == strength else math.inf


def _product(adjoint: float, slope: float) -> float:
    return adjoint * slope if adjoint and slope else 0.0


def _inside(order: list[Value], index: dict[Value, int], place: list[int], results: dict[int, int]) -> list[float]:
    """The derivative of the result of a node's box by the node; 1 where the box has no single result."""
    inside = [0.0 if at in results else 1.0 for at in place]
    for k in results.values():
        inside[k] = 1.0
    for k in range(len(order) - 1, -1, -1):
        if place[k] in results:
            for parent, slope in zip(order[k].parents, order[k].local_derivatives):
                if place[index[parent]] == place[k]:
                    inside[index[parent]] += _product(inside[k], slope)
    return inside
