"""A layered layout of directed acyclic graphs in the standard library: a picture always appears.

The steps are those of Sugiyama, Tagawa and Toda (1981): ranks by longest path, bends where an edge passes through a
rank, barycentre sweeps against crossings, then coordinates. Each step is linear in nodes and edges, apart from
sorting within a rank: 10,000 nodes take a fraction of a second, where an exact layout takes minutes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from operator import add
from typing import Any, NamedTuple

from . import routing
from .labels import Point, Size, place_labels

SMALL = 1500
"""Up to this many nodes or edges, the finer steps are taken, whose cost grows faster."""


class Layout(NamedTuple):
    """Where everything goes; y grows downwards, the corner is (0, 0).

    Attributes:
        positions: the center of each node.
        routes: for each edge its cubic Bézier chain ``[p0, c, c, p1, c, c, p2, …]``, from tail to head.
        labels: for each edge the center of its label; None where there is none, or no room for it.
        size: width and height of the whole.
    """

    positions: dict[Any, Point]
    routes: list[list[Point]]
    labels: list[Point | None]
    size: Size


def layered(
    nodes: Sequence[Hashable],
    edges: Sequence[tuple[Hashable, Hashable]],
    sizes: Mapping[Any, Size],
    rankdir: str = "LR",
    labels: Sequence[Size] | None = None,
    gap: float = 14.0,
    rank_gap: float = 34.0,
    strengths: Sequence[float] | None = None,
) -> Layout:
    """Place the nodes of a directed acyclic graph on ranks, without overlaps and with few crossings.

    Args:
        nodes: distinct keys; their order decides where nothing else does.
        edges: (tail, head) pairs; repeats are drawn side by side.
        sizes: width and height of each node.
        rankdir: the direction of the edges: ``LR``, ``RL``, ``TB`` or ``BT``.
        labels: width and height of the label of each edge, (0, 0) for none.
        gap: the least distance between neighbors on a rank.
        rank_gap: the least distance between ranks, in addition to the room for labels.
        strengths: how much the label of each edge matters: where they would collide, the strongest stay. If None, all
            labels are placed.

    Raises:
        ValueError: the edges form a cycle, or ``rankdir`` is none of the four.
        KeyError: an edge names a node that is not listed.
    """
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"rankdir is LR, RL, TB or BT (left to right, …, bottom to top), not {rankdir!r}")
    index = {node: i for i, node in enumerate(nodes)}
    pairs = [(index[tail], index[head]) for tail, head in edges]
    swap = rankdir in ("TB", "BT")
    extent = [sizes[node][swap] for node in nodes]  # along the edges
    breadth = [sizes[node][not swap] for node in nodes]  # along the rank
    label_sizes = [(size[swap], size[not swap]) for size in labels] if labels else [(0.0, 0.0)] * len(pairs)

    rank = _ranks(len(nodes), pairs)
    chains = _bend(rank, pairs, breadth, extent)
    down, up = _neighbours(len(rank), chains)
    order = _ordered(rank, down, up)
    cross = _coordinates(order, down, up, breadth, gap, real=len(nodes))
    starts, ends = _rank_places(order, extent, rank, cross, chains, label_sizes, rank_gap)
    if len(rank) <= SMALL:
        routing.straighten(chains, len(nodes), order, rank, cross, breadth, starts, ends)
    routes, low, high = routing.routes(chains, len(nodes), rank, cross, extent, starts, ends)
    flow = [((starts[rank[i]] + ends[rank[i]]) / 2, cross[i]) for i in range(len(nodes))]
    covered = [
        (f - e / 2, c - b / 2, f + e / 2, c + b / 2) for (f, c), e, b in zip(flow, extent, breadth[: len(nodes)])
    ]
    spots = place_labels(routes, label_sizes, pairs, covered, strengths)

    total = ends[-1] if ends else 0.0
    high = max([high, *map(add, cross, [b / 2 for b in breadth])])

    def place(points: list[Point]) -> list[Point]:
        if rankdir == "LR":
            return [(f, c - low) for f, c in points] if low else points
        if rankdir == "RL":
            return [(total - f, c - low) for f, c in points]
        if rankdir == "TB":
            return [(c - low, f) for f, c in points]
        return [(c - low, total - f) for f, c in points]

    centres = place(flow)
    return Layout(
        dict(zip(nodes, centres)),
        [place(route) for route in routes],
        [spot and place([spot])[0] for spot in spots],
        (high - low, total) if swap else (total, high - low),
    )


def _ranks(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from the sources; then each source moves up to its first consumer."""
    after: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for tail, head in pairs:
        after[tail].append(head)
        waiting[head] += 1
    sources = ready = [i for i in range(count) if not waiting[i]]
    rank = [0] * count
    seen = 0
    while ready:
        later = []
        seen += len(ready)
        for i in ready:
            for j in after[i]:
                if rank[j] <= rank[i]:
                    rank[j] = rank[i] + 1
                waiting[j] -= 1
                if not waiting[j]:
                    later.append(j)
        ready = later
    if seen != count:
        raise ValueError("a layered layout needs a graph without cycles")
    for i in sources:
        if after[i]:
            rank[i] = min(map(rank.__getitem__, after[i])) - 1
    return rank


def _bend(
    rank: list[int], pairs: Sequence[tuple[int, int]], breadth: list[float], extent: list[float]
) -> list[list[int]]:
    """Each edge as a chain of nodes on successive ranks; the bends are appended to the lists as thin nodes.

    Edges so long that all their bends would outnumber the nodes a few times stay without bends: longest first.
    """
    spans = sorted([rank[head] - rank[tail] - 1 for tail, head in pairs])
    budget = 2 * len(rank) + 200 if len(rank) <= SMALL else len(rank) // 2
    limit = 0
    for span in spans:
        budget -= span
        if budget < 0:
            break
        limit = span
    chains = []
    for tail, head in pairs:
        chain = [tail]
        if 0 < rank[head] - rank[tail] - 1 <= limit:
            for r in range(rank[tail] + 1, rank[head]):
                chain.append(len(rank))
                rank.append(r)
                breadth.append(2.0)
                extent.append(0.0)
        chain.append(head)
        chains.append(chain)
    return chains


def _neighbours(count: int, chains: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    down: list[list[int]] = [[] for _ in range(count)]
    up: list[list[int]] = [[] for _ in range(count)]
    for chain in chains:
        previous = chain[0]
        for i in chain[1:]:
            down[previous].append(i)
            up[i].append(previous)
            previous = i
    return down, up


def _ordered(rank: list[int], down: list[list[int]], up: list[list[int]]) -> list[list[int]]:
    """The nodes of each rank in an order with few crossings: barycentre sweeps, the best one kept."""
    order: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for i, r in enumerate(rank):
        order[r].append(i)
    position = [0.0] * len(rank)
    for row in order:
        _number(row, position)
    small = len(rank) <= SMALL
    best, fewest = [row[:] for row in order], crossings(order, down, position) if small else 0
    for sweep in range(24 if small else 4):
        if small and not fewest:
            break
        rows, side = (order, up) if sweep % 2 == 0 else (order[::-1], down)
        for row in rows:
            for i in row:
                near = side[i]
                if near:
                    position[i] = sum([position[j] for j in near]) / len(near)
            row.sort(key=position.__getitem__)
            _number(row, position)
        if small:
            now = crossings(order, down, position)
            if now < fewest:
                best, fewest = [row[:] for row in order], now
    return best if small else order


def _number(row: list[int], position: list[float]) -> None:
    shift = (len(row) - 1) / 2  # centered, so that ranks of different lengths compare
    for p, i in enumerate(row):
        position[i] = p - shift


def crossings(order: list[list[int]], down: list[list[int]], position: list[float]) -> int:
    """How many pairs of edges between neighboring ranks cross, by counting inversions (Barth et al. 2002)."""
    total = 0
    for row in order:
        targets = [position[j] for i in row for j in sorted(down[i], key=position.__getitem__)]
        sorted_targets: list[float] = []
        for target in targets:
            at = bisect_right(sorted_targets, target)
            total += len(sorted_targets) - at
            sorted_targets.insert(at, target)
    return total


def _coordinates(
    order: list[list[int]], down: list[list[int]], up: list[list[int]], breadth: list[float], gap: float, real: int
) -> list[float]:
    """Places along the rank: toward the mean of the neighbors, as far as those on the same rank allow."""
    cross = [0.0] * len(breadth)
    rows = []
    for row in order:
        offsets, at, previous = [], 0.0, 0.0
        for p, i in enumerate(row):
            half = breadth[i] / 2
            at += previous + half + (gap if p else 0.0)
            previous = half
            offsets.append(at)
        for i, offset in zip(row, offsets):
            cross[i] = offset - (at + previous) / 2
        rows.append((row, offsets))
    passes = 10 if len(breadth) <= SMALL else 3
    for sweep in range(passes):
        last = sweep >= passes - 2
        for row, offsets in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for i in row:
                near = up[i] + down[i] if last else up[i] if sweep % 2 == 0 else down[i]
                wanted.append(sum([cross[j] for j in near]) / len(near) if near else cross[i])
            weights = [1.0 if i < real else 4.0 for i in row]  # a bend that gives way makes a kink
            for i, place in zip(row, spaced(wanted, offsets, weights)):
                cross[i] = place
    low = min((c - b / 2 for c, b in zip(cross, breadth)), default=0.0)
    return [c - low for c in cross]


def spaced(wanted: Sequence[float], offsets: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and the least distances.

    ``offsets`` are the places in the tightest packing. This is isotonic regression by pooling adjacent violators.
    """
    means: list[float] = []
    masses: list[float] = []
    counts: list[int] = []
    for p, (place, offset) in enumerate(zip(wanted, offsets)):
        mean, mass, count = place - offset, weights[p] if weights else 1.0, 1
        while means and means[-1] > mean:
            other = masses.pop()
            mean = (mean * mass + means.pop() * other) / (mass + other)
            mass += other
            count += counts.pop()
        means.append(mean)
        masses.append(mass)
        counts.append(count)
    pooled = [mean for mean, count in zip(means, counts) for _ in range(count)]
    return [mean + offset for mean, offset in zip(pooled, offsets)]


def _rank_places(
    order: list[list[int]],
    extent: list[float],
    rank: list[int],
    cross: list[float],
    chains: list[list[int]],
    labels: Sequence[Size],
    rank_gap: float,
) -> tuple[list[float], list[float]]:
    """Where each rank starts and ends along the edges, with room for labels and for steep edges between them."""
    room = [0.0] * len(order)
    steep = [0.0] * len(order)
    for chain, (length, _) in zip(chains, labels):
        r = rank[chain[-1]]
        room[r] = max(room[r], length)
        for i, j in pairwise(chain):
            steep[rank[j]] = max(steep[rank[j]], abs(cross[i] - cross[j]))
    room = [label + min(0.12 * rise, 70.0) for label, rise in zip(room, steep)]
    starts, ends, at = [], [], 0.0
    for r, row in enumerate(order):
        at += rank_gap + room[r] if r else 0.0
        starts.append(at)
        at += max((extent[i] for i in row), default=0.0)
        ends.append(at)
    return starts, ends
