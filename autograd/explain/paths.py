"""The sums over all chain-rule paths from a root to a node, without listing the paths.

A path from the root to a leaf contributes the product of the local derivatives along it, and the gradient is the sum
over all paths. There can be exponentially many. But the best k of them at a node are among the best k at each of its
consumers, so one reverse sweep finds them (k-best dynamic programming), together with the number of paths, their
sum and the sum of their absolute values.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ..graph import refuse_freed
from ..value import Value

Group = Hashable


def depending(order: Sequence[Value], source: Value) -> list[Value]:
    """The nodes of a topological order that depend on ``source``, itself first."""
    found = {source}
    listed = [source]
    for node in order:
        if node.parents and node not in found and not found.isdisjoint(node.parents):
            found.add(node)
            listed.append(node)
    return listed


def require(root: object, leaf: Any, order: Sequence[Value]) -> None:
    """Refuse a leaf that the root does not depend on, and a graph that was freed.

    Raises:
        RuntimeError: the graph was freed by ``backward(free_graph=True)``.
        ValueError: the leaf is not in the graph; the message names leaves that are.
        TypeError: the leaf is not a Value.
    """
    refuse_freed(order)
    if not isinstance(leaf, Value):
        raise TypeError(f"the second argument is a node of the graph (a Value), not {type(leaf).__name__}")
    if not any(node is leaf for node in order):
        there = [node.label for node in order if not node.parents and node.label][:6]
        hint = f" Its labeled leaves are {', '.join(there)}{', …' if len(there) == 6 else ''}." if there else ""
        whole = getattr(root, "label", "") or "the root"
        raise ValueError(
            f"{leaf.label or 'this Value'} (value {leaf.data!r}) is not in the graph of {whole}, "
            f"so the derivative is 0.{hint} Was the result computed with another copy of it, or with its .data?"
        )


class Path(NamedTuple):
    """One path of the chain rule.

    Attributes:
        nodes: from the leaf to the root.
        positions: which operand of ``nodes[i + 1]`` the node ``nodes[i]`` is on this path.
        product: the product of the local derivatives along the path.
    """

    nodes: tuple[Value, ...]
    positions: tuple[int, ...]
    product: float

    @property
    def derivatives(self) -> tuple[float, ...]:
        """∂ nodes[i + 1] / ∂ nodes[i] for each step."""
        return tuple(node.local_derivatives[i] for node, i in zip(self.nodes[1:], self.positions))


class Sums(NamedTuple):
    """What one reverse sweep finds.

    Attributes:
        total: the sum over all paths, computed as the reverse pass does.
        absolute: the sum of the absolute values.
        number: how many paths there are.
        live: how many of these carry something else than an exact zero.
        best: the k paths of the largest absolute product, largest first.
        adjoints: d root / d node for the nodes between.
    """

    total: float
    absolute: float
    number: int
    live: int
    best: tuple[Path, ...]
    adjoints: dict[Value, float]


_size = itemgetter(0)


def sweep(between: Sequence[Value], root: Value, k: int) -> Sums:
    """Sum over the paths from ``root`` to ``between[0]``; ``between`` is as `depending` gives it.

    Linear in the nodes and edges between, times k at worst. A product with an exact zero is zero, as in the reverse
    pass; a nan counts as the largest.
    """
    leaf, inside = between[0], set(between)
    adjoints, absolute = {root: 1.0}, {root: 1.0}
    counts, live = {root: 1}, {root: 1}
    # an entry: size of the product, product, node, operand position in the consumer, the consumer's entry
    best: dict[Value, list[Any]] = {root: [(1.0, 1.0, root, 0, None)]}
    for node in reversed(between):
        if node is leaf or node not in best:
            continue
        entries = best.pop(node)
        if len(entries) > k:
            entries = heapq.nlargest(k, entries, key=_size)
        adjoint, size, count, alive = adjoints[node], absolute[node], counts.pop(node), live.pop(node)
        for position, (parent, slope) in enumerate(zip(node.parents, node.local_derivatives)):
            if parent not in inside:
                continue
            if slope:
                handed = [_step(entry, slope, parent, position) for entry in entries]
            else:
                handed = [(0.0, 0.0, parent, position, entry) for entry in entries]
            adjoints[parent] = adjoints.get(parent, 0.0) + (adjoint * slope if adjoint and slope else 0.0)
            absolute[parent] = absolute.get(parent, 0.0) + (size * abs(slope) if size and slope else 0.0)
            counts[parent] = counts.get(parent, 0) + count
            live[parent] = live.get(parent, 0) + (alive if slope else 0)
            if parent in best:
                best[parent] += handed
            else:
                best[parent] = handed
    found = heapq.nlargest(k, best[leaf], key=_size)
    return Sums(adjoints[leaf], absolute[leaf], counts[leaf], live[leaf], tuple(map(_path, found)), adjoints)


def _step(entry: Any, slope: float, parent: Value, position: int) -> Any:
    product = entry[1] * slope if entry[1] else 0.0
    size = abs(product)
    return (size if size == size else math.inf, product, parent, position, entry)


def _path(entry: Any) -> Path:
    product, nodes, positions = entry[1], [], []
    while entry is not None:
        nodes.append(entry[2])
        positions.append(entry[3])
        entry = entry[4]
    return Path(tuple(nodes), tuple(positions[:-1]), product)


def grouped(
    between: Sequence[Value], adjoints: dict[Value, float], group: Callable[[Value], Group | None]
) -> dict[Group | None, tuple[float, int]]:
    """The sum and the number of the paths of each group, in linear time.

    A path belongs to the group of the first node after the leaf for which ``group`` gives one; to None if none does.
    """
    leaf, inside = between[0], set(between)
    root = between[-1]
    counts = {root: 1}  # paths from the root down to a node
    for node in reversed(between):
        for parent in node.parents if node is not leaf else ():
            if parent in inside:
                counts[parent] = counts.get(parent, 0) + counts[node]
    totals: dict[Group | None, tuple[float, int]] = {}
    slopes, ways = {leaf: 1.0}, {leaf: 1}  # over the paths from the leaf that have met no group yet
    for node in between:
        if node is not leaf:
            slope, way = 0.0, 0
            for parent, derivative in zip(node.parents, node.local_derivatives):
                if parent in ways:
                    slope += slopes[parent] * derivative if slopes[parent] and derivative else 0.0
                    way += ways[parent]
            if not way:
                continue
            slopes[node], ways[node] = slope, way
        key = group(node) if node is not leaf else None
        if key is not None or node is root:
            adjoint = adjoints.get(node, 0.0)
            total, number = totals.get(key, (0.0, 0))
            product = adjoint * slopes[node] if adjoint and slopes[node] else 0.0
            totals[key] = (total + product, number + ways[node] * counts.get(node, 0))
            del slopes[node], ways[node]
    return totals


def grouped_from_root(between: Sequence[Value], groups: dict[Value, Group]) -> dict[Group | None, tuple[float, int]]:
    """The same for the first grouped node that a path meets on its way down from the root."""
    leaf, inside = between[0], set(between)
    slopes, ways = {leaf: 1.0}, {leaf: 1}
    for node in between[1:]:
        inner = [(p, d) for p, d in zip(node.parents, node.local_derivatives) if p in inside]
        slopes[node] = sum(slopes[p] * d for p, d in inner if d and slopes[p])
        ways[node] = sum(ways[p] for p, _ in inner)
    totals: dict[Group | None, tuple[float, int]] = {}
    handed, counts = {between[-1]: 1.0}, {between[-1]: 1}
    for node in reversed(between):
        if node not in counts:
            continue
        if node in groups or node is leaf:
            total, number = totals.get(groups.get(node), (0.0, 0))
            product = handed[node] * slopes[node] if handed[node] and slopes[node] else 0.0
            totals[groups.get(node)] = (total + product, number + counts[node] * ways[node])
            continue
        for parent, slope in zip(node.parents, node.local_derivatives):
            if parent in inside:
                product = handed[node] * slope if handed[node] and slope else 0.0
                handed[parent] = handed.get(parent, 0.0) + product
                counts[parent] = counts.get(parent, 0) + counts[node]
    return totals
