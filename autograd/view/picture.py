"""What a drawing shows, before any layout: boxes with their texts, wires with their slopes, shades.

The DOT text and the built-in SVG are two printers of the same `Picture`, so they cannot say different things.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from .. import text
from ..ops import TABLE

if TYPE_CHECKING:
    from ..notation.naming import Names
    from ..value import Value

FONT, SMALL = 12.0, 10.0
"""Font sizes in points: labels and numbers; captions, local derivatives."""


class Box:
    """A node, or a folded group of nodes.

    Attributes:
        id: ``node-<k>`` with k the position in topological order, or ``group-<j>``.
        kind: ``operation``, ``parameter``, ``input``, ``leaf``, ``constant`` or ``group``.
        title: the name, shortened; may be empty.
        sign: what stands in the circle of an operation (``×``, ``tanh``).
        rows: (caption, number) pairs, numbers aligned.
        level: |gradient| on the scale from 0 (nothing) to 1 (the largest); None where it is not known.
        bad: the gradient or the value is nan or infinite.
        tooltip: the whole label and all digits.
        nodes: positions, in topological order, of the nodes that it stands for.
        marked: whether the reader asked to highlight it.
    """

    __slots__ = ("bad", "id", "kind", "level", "marked", "nodes", "rows", "sign", "size", "title", "tooltip")

    def __init__(self, id: str, kind: str, nodes: list[int]) -> None:
        self.id = id
        self.kind = kind
        self.nodes = nodes
        self.title = self.sign = self.tooltip = ""
        self.rows: list[tuple[str, str]] = []
        self.level: float | None = None
        self.bad = self.marked = False
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


class Grouping(NamedTuple):
    """Which nodes are folded: a name per group, and for each node the group it is in, or −1."""

    names: list[str]
    of: list[int]


def ran_backward(order: list[Value]) -> bool:
    """Whether a reverse pass has gone through this graph: its root or an interior node has a gradient."""
    return order[-1].grad != 0 or any(node.grad != 0 for node in order if node.parents)


def picture(
    order: list[Value],
    names: Names,
    parameters: set[Value],
    grouping: Grouping | None = None,
    marked: set[Value] = frozenset(),  # type: ignore[assignment]
    marked_edges: set[tuple[int, int]] = frozenset(),  # type: ignore[assignment]
    notes: Iterable[str] = (),
) -> Picture:
    """The picture of a graph given in topological order."""
    known = ran_backward(order)
    scale = Scale(order if known else [])
    kinds = _kinds(order, parameters)
    index = {node: k for k, node in enumerate(order)}
    boxes: list[Box] = []
    place: list[int] = []  # for each node, the position of its box
    folded = _fold(order, grouping, scale, known, boxes) if grouping else [-1] * len(order)
    for k, node in enumerate(order):
        if folded[k] < 0:
            place.append(len(boxes))
            boxes.append(_box(k, node, names, kinds[k], scale, known))
        else:
            place.append(folded[k])
        if node in marked:
            boxes[place[k]].marked = True
    wires = _wires(order, index, place, scale, known, marked_edges)
    remarks = [*([] if known else ["no backward() yet: gradients are not known"]), *notes]
    freed = sum(1 for node in order if node.op and node.op != "constant" and not node.parents)
    if freed:
        remarks.append(f"the graph below {freed} node{'s' * (freed > 1)} was freed by backward(free_graph=True)")
    return Picture(boxes, wires, scale.largest, scale.decades, remarks, _seen(boxes), len(order))


class Scale:
    """Maps |gradient| to 0…1: logarithmic over the one to four decades that the gradients span, 0 for exactly 0."""

    def __init__(self, order: Iterable[Value]) -> None:
        sizes = [abs(node.grad) for node in order if node.op != "constant"]
        sizes = [size for size in sizes if 0 < size < math.inf]
        self.largest = _round_up(max(sizes)) if sizes else 0.0
        span = math.log10(self.largest) - math.log10(min(sizes)) if sizes else 0.0
        self.decades = min(max(math.ceil(span), 1), 4)

    def level(self, gradient: float) -> float:
        """The level of a gradient; nan and infinite ones are at the top."""
        size = abs(gradient)
        if size == 0 or not self.largest:
            return 0.0
        if not size < self.largest:
            return 1.0
        return max(1 + (math.log10(size) - math.log10(self.largest)) / self.decades, 0.0) * 0.9 + 0.1


def _round_up(x: float) -> float:
    """The next of 1, 2 and 5 times a power of ten, for a scale that reads well."""
    power = math.floor(math.log10(x))
    steps = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next((step for step in steps if x <= step * (1 + 1e-12) and step < math.inf), x)


_NAMES = ("weight", "bias")
"""Labels that, like those with a dot (``weights.0``), say that a leaf is a parameter."""


def _is_parameter(label: str) -> bool:
    return label in _NAMES or "." in label.strip(".")


def _kinds(order: list[Value], parameters: set[Value]) -> list[str]:
    chosen = parameters or {n for n in order if not n.op and _is_parameter(str(n.label))}
    other = "input" if chosen else "leaf"
    kinds = []
    for node in order:
        if node.op == "constant":
            kinds.append("constant")
        elif node.op:
            kinds.append("operation")
        else:
            kinds.append("parameter" if node in chosen else other)
    return kinds


_ORDER = ("operation", "parameter", "input", "leaf", "constant", "group")


def _seen(boxes: list[Box]) -> list[str]:
    present = {box.kind for box in boxes}
    return [kind for kind in _ORDER if kind in present]


def sign(name: str) -> str:
    """What stands for an operation in a picture."""
    op = TABLE.get(name)
    return op.symbol if op and op.symbol and name != "neg" else text.shortened(op.word if op else name, 14)


def _box(k: int, node: Value, names: Names, kind: str, scale: Scale, known: bool) -> Box:
    box = Box(f"node-{k}", kind, [k])
    name = names.given(node) if kind == "constant" else names[node]
    box.title = text.shortened(name.plain(), 30) if name else ""
    if kind == "constant":
        box.rows = [("", text.number(node.data))]
        box.tooltip = f"constant {node.data!r}"
        box.bad = not math.isfinite(node.data)
        _measure(box)
        return box
    captions, numbers = ["value"], [node.data]
    if known or node.grad:
        captions.append("grad")
        numbers.append(node.grad)
    box.rows = list(zip(captions, text.aligned([text.number(x) for x in numbers])))
    box.bad = not all(map(math.isfinite, numbers))
    if kind == "operation":
        box.sign = sign(node.op)
    if known:
        box.level = scale.level(node.grad)
    place = f" ({node.source[0].replace(chr(92), '/').rpartition('/')[2]}:{node.source[1]})" if node.source else ""
    gradient = f", grad {node.grad!r}" if known or node.grad else ", no backward() yet"
    box.tooltip = f"{node.label or names.text(node)}: {node.op or kind}, value {node.data!r}{gradient}{place}"
    _measure(box)
    return box


BADGE = 26.0
"""Height of the circle with an operation's sign, in points."""


def badge_width(box: Box) -> float:
    """The width of the rounded shape that holds an operation's sign, in points."""
    return max(BADGE, text.width(box.sign, FONT, bold=True) + 14) if box.sign else 0.0


CAPTION = 34.0


def _measure(box: Box) -> None:
    """The size in points that a box needs for its texts."""
    title = text.width(box.title, FONT, bold=True)
    rows = max((text.mono_width(value, FONT) + (CAPTION if name else 0) for name, value in box.rows), default=0)
    lines = len(box.rows) + bool(box.title)
    pad = 10 if box.kind == "constant" else 18
    long_captions = max((text.width(name, SMALL) + 6 - CAPTION for name, _ in box.rows), default=0)
    box.size = (
        max(title, rows + max(long_captions, 0)) + pad + badge_width(box),
        lines * 15.0 + (7 if box.kind == "constant" else 10),
    )


def _fold(
    order: list[Value], grouping: Grouping, scale: Scale, known: bool, boxes: list[Box]
) -> list[int]:  # for each node, the position of its group's box, or −1
    members: list[list[int]] = [[] for _ in grouping.names]
    for k, group in enumerate(grouping.of):
        if group >= 0:
            members[group].append(k)
    for j, (name, nodes) in enumerate(zip(grouping.names, members)):
        boxes.append(_group(j, name, [order[k] for k in nodes], nodes, scale, known))
    return grouping.of


def _group(j: int, name: str, nodes: list[Value], indices: list[int], scale: Scale, known: bool) -> Box:
    box = Box(f"group-{j}", "group", indices)
    box.title = text.shortened(text.visible(name), 32)
    leaves = [node for node in nodes if not node.parents and not node.op]
    owned = all(_is_parameter(str(node.label)) for node in leaves)
    rows = [("nodes", str(len(nodes)))]
    if leaves:
        rows.append(("parameters" if owned else "leaves", str(len(leaves))))
    if known and leaves:
        gradients = [node.grad for node in leaves]
        norm, total = math.hypot(*gradients), sum(gradients)
        rows += [("‖grad‖", text.number(norm)), ("Σ grad", text.number(total))]
        box.level = scale.level(norm)
        box.bad = not math.isfinite(norm)
    box.rows = list(zip([row[0] for row in rows], text.aligned([row[1] for row in rows])))
    box.tooltip = f"{name}: " + ", ".join(f"{caption} {value}" for caption, value in rows)
    _measure(box)
    return box


def _wires(
    order: list[Value],
    index: dict[Value, int],
    place: list[int],
    scale: Scale,
    known: bool,
    marked: set[tuple[int, int]],
) -> list[Wire]:
    wires: list[Wire] = []
    single: dict[tuple[int, int], Wire] = {}
    folded = [False] * (max(place, default=-1) + 1)
    counted = [0] * len(folded)
    for at in place:
        counted[at] += 1
        folded[at] = counted[at] > 1
    for k, node in enumerate(order):
        slopes = node.local_derivatives
        for position, parent in enumerate(node.parents):
            tail, head = place[index[parent]], place[k]
            if tail == head:
                continue  # inside a group
            together = single.get((tail, head)) if folded[tail] or folded[head] else None
            if together is not None:
                together.edges.append((k, position))
                continue
            wire = Wire(f"edge-{k}-{position}", tail, head, [(k, position)])
            wires.append(wire)
            if folded[tail] or folded[head]:
                single[tail, head] = wire
            if parent.op == "constant":
                wire.constant = True
                wire.tooltip = f"constant operand {position + 1} of {len(node.parents)}"
                continue
            slope = slopes[position]
            wire.label = text.number(slope)
            wire.tooltip = f"local derivative {slope!r}, operand {position + 1} of {len(node.parents)}"
            flow = slope
            if known:
                flow = node.grad * slope if node.grad and slope else 0.0
                wire.level = scale.level(flow)
                wire.tooltip += f"; it carries {flow!r} of the gradient"
            wire.strength = abs(flow) if flow == flow else math.inf
    joined = 0
    for wire in wires:
        if not marked.isdisjoint(wire.edges):
            wire.marked, wire.strength = True, math.inf
        if len(wire.edges) > 1:
            wire.id = f"wire-{joined}"
            joined += 1
            wire.label = f"{len(wire.edges)} edges"
            wire.tooltip = f"{len(wire.edges)} edges"
            wire.constant = False
            wire.level = 0.0 if known else None
    return wires
