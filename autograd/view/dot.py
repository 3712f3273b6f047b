"""A picture as DOT text: the form that tests compare and that any Graphviz turns into a file."""

from __future__ import annotations

import json
from typing import Any

from ..text import dot_text, mono_width, number
from .labels import Point, place_labels
from .layout import Layout
from .palette import INK, MARK, PALE, edge_colour, edge_width, fill, stroke_width
from .picture import SMALL, Box, Picture, Wire

MANY = 16
"""Of more boxes of neurons than this, each takes as little room as it can."""

_SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}


def source(picture: Picture, rankdir: str = "LR") -> str:
    """The DOT text of a picture: deterministic, every label escaped, records and plain labels only."""
    lines = [
        "digraph {",
        f'  graph [rankdir={rankdir} nslimit=1 ranksep=0.45 nodesep=0.2 bgcolor="white" fontname="sans-serif" '
        f'fontsize=10 fontcolor="{PALE}" labeljust=l label="{_caption(picture)}"]',
        f'  node [shape=record fontname="monospace" fontsize=11 margin="0.1,0.04" width=0.1 height=0.1 '
        f'color="{INK}" fillcolor="#ffffff"]',
        '  edge [fontname="monospace" fontsize=9 arrowsize=0.6]',
    ]
    lines += [_node(i, box, rankdir) for i, box in enumerate(picture.boxes)]
    lines += [_edge(wire) for wire in picture.wires]
    return "\n".join(lines) + "\n}\n"


def _caption(picture: Picture) -> str:
    parts = [dot_text(note) for note in picture.notes]
    parts.append("on an edge: the local derivative; left of a value: the operation")
    if picture.largest:
        low = number(picture.largest / 10**picture.decades)
        parts.append(f"fill: |grad| from white ({low} and less) to blue ({number(picture.largest)})")
    if any(box.marked or box.bad for box in picture.boxes):
        parts.append("vermilion outline: highlighted, nan or infinite")
    return "".join(f"{part}\\l" for part in parts)


def _node(i: int, box: Box, rankdir: str) -> str:
    lines = [dot_text(f"{caption:<6}".replace(" ", "\u00a0") + value, True) for caption, value in box.rows]
    if box.kind == "group":
        column = max(len(caption) for caption, _ in box.rows) + 1
        lines = [dot_text(caption.ljust(column, "\u00a0") + value, True) for caption, value in box.rows]
    if box.kind == "constant":
        lines = [dot_text(value, True) for _, value in box.rows]
    body = "".join(f"{line}\\l" for line in lines) if box.kind != "constant" else lines[0]
    title = dot_text(box.title, record=True)
    column_text = f"{title}|{body}" if title else body
    if box.sign:
        label = f"{dot_text(box.sign, record=True)}|{{{column_text}}}"
    else:
        label = f"{{{column_text}}}"
    if rankdir in ("LR", "RL"):  # a record turns with the direction of the ranks
        label = f"{{{label}}}"
    style = {"constant": "dashed,rounded", "operation": "filled,rounded"}.get(box.kind, "filled")
    attributes = f'id="{box.id}" class="{box.kind}" style="{style}" label="{label}" '
    attributes += f'tooltip="{dot_text(box.tooltip)}" fillcolor="{fill(box)}" penwidth={stroke_width(box):.2f}'
    if box.marked or box.bad:
        attributes += f' color="{MARK}"'
    return f"  n{i} [{attributes}]"


def _edge(wire: Wire) -> str:
    attributes = f'id="{wire.id}" tooltip="{dot_text(wire.tooltip)}" color="{edge_colour(wire)}"'
    attributes += f" penwidth={edge_width(wire):.2f}"
    if wire.label:
        attributes += f' label="{dot_text(wire.label)}"'
    if wire.constant:
        attributes += " style=dashed"
    return f"  n{wire.tail} -> n{wire.head} [{attributes}]"


# ---- Graphviz as a layout engine: sizes in, places out ------------------------------------------------------------


def label_size(wire: Wire) -> tuple[float, float]:
    """The room in points that the label of a wire needs."""
    return (mono_width(wire.label, SMALL) + 4, SMALL + 2) if wire.label else (0.0, 0.0)


def gaps(picture: Picture) -> tuple[float, float]:
    """The least distances in points between boxes of a rank, and between ranks beside the room for labels.

    Many low boxes stand closer, so that a layer of them fits on a slide.
    """
    return (7.0, 22.0) if sum(box.beside for box in picture.boxes) > MANY else (14.4, 34.0)


def skeleton(picture: Picture, rankdir: str, spread: float = 0.0) -> str:
    """DOT text that asks only for places: boxes of fixed size, room for labels (and ``spread``) between the ranks.

    The labels themselves are placed afterwards: Graphviz would give each a node of its own, and detours to edges.
    """
    tail, head = _SIDES[rankdir]
    across = rankdir in ("TB", "BT")
    room = max((label_size(wire)[across] for wire in picture.wires), default=0.0)
    near, far = gaps(picture)
    lines = [
        f"digraph {{ graph [rankdir={rankdir} nslimit=1 ranksep={(room + far + spread) / 72:.3f} "
        f"nodesep={near / 72:.3f}]",
        '  node [shape=box fixedsize=true label="" margin=0]',
        f"  edge [dir=none tailport={tail} headport={head}]",
    ]
    for i, box in enumerate(picture.boxes):
        lines.append(f"  n{i} [width={box.size[0] / 72:.4f} height={box.size[1] / 72:.4f}]")
    for e, wire in enumerate(picture.wires):
        lines.append(f"  n{wire.tail} -> n{wire.head} [id={e}]")
    return "\n".join(lines) + "\n}\n"


def spread(picture: Picture, layout: Layout, rankdir: str) -> float:
    """How much wider the gaps between ranks should be, in points, for the steepest edge not to stand upright.

    All gaps are equal in Graphviz, so a picture of many ranks would only become long: 0 there.
    """
    across = rankdir in ("LR", "RL")
    places = layout.positions
    if len({round(place[not across]) for place in places.values()}) > 8:
        return 0.0
    rise = max((abs(places[w.tail][across] - places[w.head][across]) for w in picture.wires), default=0.0)
    return min(0.12 * rise, 70.0)


def read_layout(output: bytes, picture: Picture) -> Layout:
    """The places that Graphviz chose, from its ``json0`` output.

    Raises:
        ValueError: the output is not what Graphviz writes for a `skeleton`.
    """
    try:
        found: dict[str, Any] = json.loads(output)
        _, _, right, top = map(float, found["bb"].split(","))

        def point(text: str) -> Point:
            x, y = map(float, text.split(","))
            return x, top - y

        positions = {int(node["name"][1:]): point(node["pos"]) for node in found.get("objects", [])}
        routes: list[list[Point]] = [[] for _ in picture.wires]
        for edge in found.get("edges", []):
            e = int(edge["id"])
            routes[e] = [point(pair) for pair in edge["pos"].split()]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"Graphviz gave no usable layout ({type(error).__name__}: {error})") from None
    if len(positions) != len(picture.boxes) or not all(routes):
        raise ValueError("Graphviz left out some nodes or edges")
    sizes = [label_size(wire) for wire in picture.wires]
    ends = [(wire.tail, wire.head) for wire in picture.wires]
    boxes = []
    for i, box in enumerate(picture.boxes):
        (x, y), (wide, high) = positions[i], box.size
        boxes.append((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))
    strengths = [wire.strength for wire in picture.wires]
    return Layout(positions, routes, place_labels(routes, sizes, ends, boxes, strengths), (right, top))
