"""From a graph to its picture: a box for each node or group of nodes, with their texts; `wires` has the edges."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import text
from ..ops import TABLE
from .picture import SUMS, Box, Grouping, Picture, measure
from .scale import Scale
from .wires import wires

if TYPE_CHECKING:
    from ..notation.names import Name
    from ..notation.naming import Names
    from ..value import Value


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
    folded = _fold(order, names, grouping, scale, known, boxes) if grouping else [-1] * len(order)
    for k, node in enumerate(order):
        if folded[k] < 0:
            place.append(len(boxes))
            boxes.append(_box(k, node, names, kinds[k], scale, known))
        else:
            place.append(folded[k])
        if node in marked:
            boxes[place[k]].marked = True
    results = grouping.results if grouping else {}  # groups come first, so a group's number is its box's position
    found = wires(order, index, place, results, scale if known else None, marked_edges)
    remarks = [*([] if known else ["no backward() yet: gradients are not known"]), *notes]
    freed = sum(1 for node in order if node.op and node.op != "constant" and not node.parents)
    if freed:
        remarks.append(f"the graph below {freed} node{'s' * (freed > 1)} was freed by backward(free_graph=True)")
    return Picture(boxes, found, scale.largest, scale.decades, remarks, _seen(boxes), len(order))


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
    if name:
        _call(box, name)
    if kind == "constant":
        box.rows = [("", text.number(node.data))]
        box.tooltip = f"constant {node.data!r}"
        box.bad = not math.isfinite(node.data)
        measure(box)
        return box
    _show(box, node, scale, known)
    if kind == "operation":
        box.sign = sign(node.op)
    place = f" ({node.source[0].replace(chr(92), '/').rpartition('/')[2]}:{node.source[1]})" if node.source else ""
    gradient = f", grad {node.grad!r}" if known or node.grad else ", no backward() yet"
    box.tooltip = f"{node.label or names.text(node)}: {node.op or kind}, value {node.data!r}{gradient}{place}"
    measure(box)
    return box


def _call(box: Box, name: Name) -> None:
    box.title = text.shortened(name.plain(), 30)
    box.latex = name.latex() if box.title == name.plain() else ""


def _show(box: Box, node: Value, scale: Scale, known: bool) -> None:
    """The value of a node and, as far as it is known, its gradient."""
    captions, numbers = ["value"], [node.data]
    if known or node.grad:
        captions.append("grad")
        numbers.append(node.grad)
    box.rows = list(zip(captions, text.aligned([text.number(x) for x in numbers])))
    box.bad = not all(map(math.isfinite, numbers))
    if known:
        box.level = scale.level(node.grad)


def _fold(
    order: list[Value], names: Names, grouping: Grouping, scale: Scale, known: bool, boxes: list[Box]
) -> list[int]:  # for each node, the position of its group's box, or −1
    members: list[list[int]] = [[] for _ in grouping.names]
    for k, group in enumerate(grouping.of):
        if group >= 0:
            members[group].append(k)
    for j, (name, nodes) in enumerate(zip(grouping.names, members)):
        box = _group(j, name, [order[k] for k in nodes], nodes, scale, known)
        if j in grouping.results:
            result = order[grouping.results[j]]
            _call(box, names[result])
            box.sign = "Σ" if result.op in SUMS else ""
            box.beside = True
            _show(box, result, scale, known)
        measure(box)
        boxes.append(box)
    column = [box for box in boxes if box.beside and not box.sign]
    widest = max((box.size[0] for box in column), default=0.0)
    for box in column:  # those of a layer stand one below the other
        box.size = (widest, box.size[1])
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
    return box
