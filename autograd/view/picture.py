"""What a drawing shows, before any layout: boxes with their texts, wires with their slopes, shades.

The DOT text and the built-in SVG are two printers of the same `Picture`, so they cannot say different things.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

from .. import text

FONT, SMALL = 13.0, 12.0
"""Font sizes in the picture's points, 96 to the inch: labels and numbers; captions, local derivatives.

On a slide of 1280 × 720 such points, 12 of them are 9 points of a printer.
"""


class Box:
    """A node, or a folded group of nodes.

    Attributes:
        id: ``node-<k>`` with k the position in topological order, or ``group-<j>``.
        kind: ``operation``, ``parameter``, ``input``, ``leaf``, ``constant`` or ``group``.
        title: the name, shortened; may be empty.
        latex: the name as a formula in LaTeX; empty where the title is no name.
        sign: what stands in the circle of an operation (``×``, ``tanh``).
        rows: (caption, number) pairs, numbers aligned.
        beside: the title stands to the left of the rows, so that the box is low; else above them.
        level: |gradient| on the scale from 0 (nothing) to 1 (the largest); None where it is not known.
        bad: the gradient or the value is nan or infinite.
        tooltip: the whole label and all digits.
        nodes: positions, in topological order, of the nodes that it stands for.
        marked: whether the reader asked to highlight it.
    """

    __slots__ = (
        "bad", "beside", "id", "kind", "latex", "level", "marked", "nodes", "rows", "sign", "size", "title", "tooltip"
    )  # fmt: skip

    def __init__(self, id: str, kind: str, nodes: list[int]) -> None:
        self.id = id
        self.kind = kind
        self.nodes = nodes
        self.title = self.latex = self.sign = self.tooltip = ""
        self.rows: list[tuple[str, str]] = []
        self.level: float | None = None
        self.bad = self.beside = self.marked = False
        self.size = (0.0, 0.0)


class Wire:
    """An edge from an operand to the operation that uses it, or all edges between two folded groups.

    Attributes:
        id: ``edge-<k>-<position>``, or ``wire-<j>`` for several edges together.
        tail, head: positions in `Picture.boxes`.
        label: the local derivative, or the number of edges; empty for a constant.
        level: |gradient that flows along it| on the scale from 0 to 1; None where it is not known.
        strength: how much its label matters where there is no room for all: |gradient that flows along it|, or the
            |local derivative| where no gradient is known; infinite if it is highlighted.
        edges: the (k, position) pairs that it stands for.
    """

    __slots__ = ("constant", "edges", "head", "id", "label", "level", "marked", "strength", "tail", "tooltip")

    def __init__(self, id: str, tail: int, head: int, edges: list[tuple[int, int]]) -> None:
        self.id = id
        self.tail = tail
        self.head = head
        self.edges = edges
        self.label = self.tooltip = ""
        self.level: float | None = None
        self.strength = 0.0
        self.constant = self.marked = False

    def moved(self, tail: int, head: int) -> Wire:
        """The same wire between boxes at other positions."""
        twin = copy.copy(self)
        twin.tail, twin.head = tail, head
        return twin


class Picture(NamedTuple):
    """All that a printer needs.

    Attributes:
        boxes, wires: in drawing order: groups first, then nodes as in the topological order.
        largest: the |gradient| that level 1 stands for, a round number; 0.0 where no gradient is known.
        decades: how many powers of ten the scale of shades spans.
        notes: sentences below the picture.
        kinds: the kinds of box that appear.
        nodes: how many nodes the graph has.
    """

    boxes: list[Box]
    wires: list[Wire]
    largest: float
    decades: int
    notes: list[str]
    kinds: list[str]
    nodes: int


SUMS = ("add", "sub", "dot", "sum")
"""Operations that add up."""


class Grouping(NamedTuple):
    """Which nodes are folded.

    Attributes:
        names: a name per group.
        of: for each node the group it is in, or −1.
        results: for a group that is one formula, such as a neuron, the position of its result: the box shows it.
    """

    names: list[str]
    of: list[int]
    results: dict[int, int]


BADGE = 26.0
"""Height of the circle with an operation's sign, in points."""


def badge_width(box: Box) -> float:
    """The width of the rounded shape that holds an operation's sign, in points."""
    return max(BADGE, text.width(box.sign, FONT, bold=True) + 14) if box.sign else 0.0


LINE, CAPTION = 15.0, 37.0
"""The height of a line, and the room for a caption, in points."""


def title_width(box: Box) -> float:
    """The room in points for a title that stands beside the rows."""
    return text.width(box.title, FONT, bold=True) + 7 if box.beside and box.title else 0.0


def measure(box: Box) -> None:
    """The size in points that a box needs for its texts."""
    title = text.width(box.title, FONT, bold=True)
    rows = max((text.mono_width(value, FONT) + (CAPTION if name else 0) for name, value in box.rows), default=0)
    rows += max([0.0, *(text.width(name, SMALL) + 6 - CAPTION for name, _ in box.rows)])
    lines = len(box.rows) + (bool(box.title) and not box.beside)
    pad = 10 if box.kind == "constant" else 18
    wide = title_width(box) + rows if box.beside else max(title, rows)
    high = lines * LINE + (7 if box.kind == "constant" else 3 if box.beside else 10)
    box.size = (wide + pad + badge_width(box), max(high, BADGE) if box.sign or box.beside else high)
