"""The curves of a layered layout, from the places of nodes and bends."""

from __future__ import annotations

from .labels import Point


def straighten(
    chains: list[list[int]],
    real: int,
    order: list[list[int]],
    rank: list[int],
    cross: list[float],
    breadth: list[float],
    starts: list[float],
    ends: list[float],
) -> None:
    """Leave out the bends of long edges that a smooth curve can do without; the chains are shortened in place.

    Between two remaining points the curve may run anywhere within the corridors that the boxes next to the bends
    leave free, at both edges of each rank that it passes.
    """
    corridor: dict[int, tuple[float, float]] = {}
    for row in order:
        floor = -1e9
        for i in row:
            if i < real:
                floor = cross[i] + breadth[i] / 2 + 3
            else:
                corridor[i] = (floor, 1e9)
        ceiling = 1e9
        for i in reversed(row):
            if i < real:
                ceiling = cross[i] - breadth[i] / 2 - 3
            else:
                corridor[i] = (corridor[i][0], ceiling)

    def clear(chain: list[int], a: int, b: int) -> bool:
        x0, x1 = ends[rank[chain[a]]], starts[rank[chain[b]]]
        y0, y1 = cross[chain[a]], cross[chain[b]]
        for i in chain[a + 1 : b]:
            low, high = corridor[i]
            for x in (starts[rank[i]], ends[rank[i]]):
                if not low <= y0 + (y1 - y0) * _rise((x - x0) / (x1 - x0)) <= high:
                    return False
        return True

    for chain in chains:
        if len(chain) <= 2 or len(chain) > 80:
            continue
        kept, a = [chain[0]], 0
        while a < len(chain) - 1:
            b = len(chain) - 1
            while b > a + 1 and not clear(chain, a, b):
                b -= 1
            kept.append(chain[b])
            a = b
        chain[:] = kept


def _rise(u: float) -> float:
    """How far across a curve with level ends is after the part ``u`` of its way along (see `routes`).

    With control points at half the way, along(t) = 1.5·t·(1−t) + t³ and across(t) = 3t² − 2t³; bisection finds t.
    """
    low, high = 0.0, 1.0
    for _ in range(12):
        t = (low + high) / 2
        if 1.5 * t * (1 - t) + t * t * t < u:
            low = t
        else:
            high = t
    return t * t * (3 - 2 * t)


def routes(
    chains: list[list[int]],
    real: int,
    rank: list[int],
    cross: list[float],
    extent: list[float],
    starts: list[float],
    ends: list[float],
) -> tuple[list[list[Point]], float, float]:
    """Curves that leave and enter ranks at right angles, and run straight where they pass through one.

    Returns:
        The Bézier chain of each edge, and the least and the largest place along the rank that a curve which is bent
        away from its twin may reach.
    """
    repeats: dict[tuple[int, int], int] = {}
    for chain in chains:
        if len(chain) == 2:
            key = (chain[0], chain[1])
            repeats[key] = repeats.get(key, 0) + 1
    met: dict[tuple[int, int], int] = {}
    found = []
    low = high = 0.0
    for chain in chains:
        tail, head = chain[0], chain[-1]
        bow = 0.0
        if len(chain) == 2 and repeats[tail, head] > 1:
            j = met[tail, head] = met.get((tail, head), -1) + 1
            bow = 26.0 * (j - (repeats[tail, head] - 1) / 2)
            low = min(low, cross[tail] + bow, cross[head] + bow)
            high = max(high, cross[tail] + bow, cross[head] + bow)
        x, y = (starts[rank[tail]] + ends[rank[tail]] + extent[tail]) / 2, cross[tail]
        route = [(x, y)]
        if ends[rank[tail]] > x:  # past wider neighbors
            route += [(x, y), (ends[rank[tail]], y), (ends[rank[tail]], y)]
            x = ends[rank[tail]]
        for i in chain[1:]:
            target = starts[rank[i]]
            bend = (target - x) / 2
            route += [(x + bend, y + bow), (target - bend, cross[i] + bow), (target, cross[i])]
            x, y = target, cross[i]
            beyond = ends[rank[i]] if i >= real else (starts[rank[i]] + ends[rank[i]] - extent[i]) / 2
            if beyond > x:
                route += [(x, y), (beyond, y), (beyond, y)]
                x = beyond
        found.append(route)
    return found, low, high
