"""Where the label of an edge stands: on its own curve, clear of boxes and of other labels.

Where there is no room for all, the strongest are placed and the others left out: of labels on a heap none can be read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from math import hypot

Point = tuple[float, float]
Size = tuple[float, float]
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

_CELL = 64.0
NEAR = 96.0
"""On a long edge the label stands within this distance of an end, in points: the eye finds its operation there."""
LONG = 100
"""Points of an edge so long that its curves are almost straight."""
MOST = 600
"""Of more labels than this, the weakest are left out at once: nobody reads so many, and each takes its time."""


class _Grid:
    """Rectangles in square cells, so that a collision is found without asking all of them."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[Rectangle]] = {}

    def _around(self, box: Rectangle) -> Iterable[tuple[int, int]]:
        left, top, right, bottom = (int(edge // _CELL) for edge in box)
        return ((i, j) for i in range(left, right + 1) for j in range(top, bottom + 1))

    def add(self, box: Rectangle) -> None:
        for cell in self._around(box):
            self.cells.setdefault(cell, []).append(box)

    def overlap(self, box: Rectangle) -> float:
        """The area of the box that is covered; where boxes meet in several cells they count as often."""
        left, top, right, bottom = box
        return sum(
            max(min(right, r) - max(left, x), 0.0) * max(min(bottom, b) - max(top, y), 0.0)
            for cell in self._around(box)
            for x, y, r, b in self.cells.get(cell, ())
        )


def place_labels(
    routes: Sequence[Sequence[Point]],
    sizes: Sequence[Size],
    ends: Sequence[tuple[int, int]],
    boxes: Iterable[Rectangle],
    strengths: Sequence[float] | None = None,
) -> list[Point | None]:
    """A center for each label; None for one that has no room or is empty.

    Args:
        routes: cubic Bézier chains, from tail to head.
        sizes: width and height of the labels; (0, 0) for none.
        ends: the tail and the head of each edge: where many edges part, labels stand nearer to the heads, and
            where many meet, nearer to the tails.
        boxes: what labels must not cover.
        strengths: how much each label matters. The strongest choose first, and what would then cover another label
            or a box is left out. If None, every label gets a place, in the order of the edges, where it covers least.
    """
    grid = _Grid()
    for box in boxes:
        grid.add(box)
    leaving = Counter(tail for tail, _ in ends)
    entering = Counter(head for _, head in ends)
    turn = [e for e, (wide, _) in enumerate(sizes) if wide]
    if strengths is not None:
        turn = sorted(turn, key=lambda e: -strengths[e])[:MOST]
    placed: list[Point | None] = [None] * len(routes)
    for e in turn:
        (wide, high), (tail, head) = sizes[e], ends[e]
        line, lengths = _polyline(routes[e])
        best, least = None, float("inf")
        for distance in _candidates(lengths[-1], leaving[tail] - entering[head]):
            x, y = _along(line, lengths, distance)
            covered = grid.overlap((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))
            if covered < least:
                best, least = (x, y), covered
            if not covered:
                break
        if best is not None and (strengths is None or not least):
            x, y = placed[e] = best
            grid.add((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))
    return placed


def _candidates(total: float, fan: int) -> list[float]:
    """Distances along an edge to be tried in turn."""
    middle = 0.5 if fan == 0 else 0.62 if fan > 0 else 0.38
    if total > 2.5 * NEAR:  # next to the end where edges are apart
        near = [NEAR * (0.6 + 0.2 * i) for i in range(6)]
        return [total - d for d in near] + near if fan >= 0 else near + [total - d for d in near]
    steps = [0.0, 0.08, -0.08, 0.16, -0.16, 0.24, -0.24, 0.32, -0.32]
    return [total * min(max(middle + step, 0.12), 0.86) for step in steps]


def _polyline(route: Sequence[Point]) -> tuple[list[Point], list[float]]:
    """A chain of cubics as short straight pieces, and the length of the way to each of their ends."""
    pieces = 8 if len(route) < LONG else 2
    line, lengths = [route[0]], [0.0]
    for i in range(0, len(route) - 3, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = route[i : i + 4]
        for n in range(1, pieces + 1):
            t = n / pieces
            s = 1 - t
            a, b, c, d = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
            x, y = a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy
            lengths.append(lengths[-1] + hypot(x - line[-1][0], y - line[-1][1]))
            line.append((x, y))
    return line, lengths


def _along(line: list[Point], lengths: list[float], distance: float) -> Point:
    i = min(max(bisect_left(lengths, distance), 1), len(line) - 1)
    step = lengths[i] - lengths[i - 1]
    t = (distance - lengths[i - 1]) / step if step else 0.0
    (ax, ay), (bx, by) = line[i - 1], line[i]
    return ax + (bx - ax) * t, ay + (by - ay) * t
