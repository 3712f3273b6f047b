"""Which nodes of a large graph stand together in one box.

Layers and neurons are found from the labels of the parameters: ``layers.0.neurons.3.weights.1`` is the parameter
``weights.1`` of neuron ``layers.0.neurons.3`` of layer ``layers.0``. An operation belongs to the same group if it
takes one of the group's parameters, adds up results of the group, or is the function applied to such a sum. So the
weighted sum and the activation of a neuron are in, and the loss is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..notation.names import PRIME
from ..notation.neurons import Key
from ..ops import TABLE
from ..text import number
from .picture import Grouping

if TYPE_CHECKING:
    from ..notation.naming import Names
    from ..value import Value

FEW = 24
"""Up to this many operations outside all layers are still drawn one by one in a folded drawing."""


def grouping(order: list[Value], fold: str | None, max_nodes: int, called: Names) -> tuple[Grouping | None, list[str]]:
    """The groups for a drawing and what to say about them below it; None if every node has a box of its own."""
    notes: list[str] = []
    many = len(order) > max_nodes
    names: list[str] = []
    of = [-1] * len(order)
    if fold or many:
        names, of = _by_label(order, fold or "layer", called)
        if names:
            _gather_others(order, names, of)
            names, of = _without_cycles(order, names, of)
            notes.append(f"{len(order)} nodes, folded by {fold or 'layer'}")
        elif fold:
            notes.append(f"nothing to fold by {fold}: no parameter has a label such as layers.0.neurons.3.weights.1")
    if _boxes(of) > max_nodes:
        names, of, hidden = _nearest(order, names, of, max_nodes)
        notes.append(f"{hidden} of {len(order)} nodes, those farthest from the root, are in one box (max_nodes=)")
    return (Grouping(names, of) if names else None), notes


def _boxes(of: list[int]) -> int:
    return sum(group < 0 for group in of) + len({group for group in of if group >= 0})


def prefix(label: str, fold: str) -> str:
    """The layer or the neuron that a parameter's label names; empty if it names none."""
    parts = label.split(".")
    names = [i for i, part in enumerate(parts) if not part.isdigit()]
    trunk = parts[: names[-1]] if names else []
    counted = [i for i, part in enumerate(trunk) if part.isdigit()]
    wanted = 0 if fold == "layer" else 1
    return ".".join(trunk[: counted[wanted] + 1] if len(counted) > wanted else trunk)


def _by_label(order: list[Value], fold: str, called: Names) -> tuple[list[str], list[int]]:
    numbered: dict[str, int] = {}
    index = {node: k for k, node in enumerate(order)}
    of = [-1] * len(order)
    summing = [False] * len(order)  # still part of the weighted sum, so that a function of it belongs to it too
    for k, node in enumerate(order):
        if node.op == "constant":
            continue
        name = prefix(str(node.label), fold) if node.parents or not node.op else ""
        if name:
            of[k], summing[k] = numbered.setdefault(name, len(numbered)), node.op == "add"
        if name or not node.parents:
            continue
        parents = [index[parent] for parent in node.parents if parent.op != "constant"]
        own = {of[p] for p in parents if not order[p].parents and of[p] >= 0}
        groups = {of[p] for p in parents}
        if len(own) == 1:
            of[k], summing[k] = own.pop(), True
        elif len(groups) == 1 and not own and all(summing[p] for p in parents):
            op = TABLE.get(node.op)
            starts_a_sum = node.op == "add" and any(parent.data == 0 for parent in node.parents if len(parents) == 1)
            if len(parents) > 1 and node.op == "add":
                of[k], summing[k] = groups.pop(), True
            elif starts_a_sum or (op is not None and not op.symbol):
                of[k], summing[k] = groups.pop(), starts_a_sum
    _take_constants(order, index, of)
    return _titles(order, list(numbered), of, fold, called), of


def _titles(order: list[Value], trunks: list[str], of: list[int], fold: str, called: Names) -> list[str]:
    """``layer 1`` and ``neuron a¹₃`` for the groups that are such, else what their labels have in common."""
    owners: list[set[Key]] = [set() for _ in trunks]
    for node, group in zip(order, of):
        if group >= 0 and not node.parents and node in called.structure.owner:
            owners[group].add(called.structure.owner[node])
    titles = []
    for trunk, keys in zip(trunks, owners):
        layers = {key[:2] for key in keys}
        if fold == "neuron" and len(keys) == 1 and ".neurons." in f".{trunk}":
            trunk = f"neuron {called.of_neuron(*keys)}"
        elif fold == "layer" and len(layers) == 1 and ".layers." in f".{trunk}":
            network, layer = layers.pop()
            trunk = f"layer {layer}{PRIME * network}"
        titles.append(trunk)
    return titles


def _take_constants(order: list[Value], index: dict[Value, int], of: list[int]) -> None:
    """A constant that only one group uses goes into it."""
    users: dict[int, set[int]] = {}
    for k, node in enumerate(order):
        for parent in node.parents:
            if parent.op == "constant":
                users.setdefault(index[parent], set()).add(of[k])
    for k, groups in users.items():
        if len(groups) == 1:
            of[k] = groups.pop()


def _gather_others(order: list[Value], names: list[str], of: list[int]) -> None:
    """Where many nodes are in no layer: one box for those before all layers and one for those after, except the root.

    What lies between two layers stays as it is, since a box for it would be before and after the same layer.
    """
    others = [k for k in range(len(order) - 1) if of[k] < 0]
    if len(others) <= FEW:
        return
    index = {node: k for k, node in enumerate(order)}
    after, before = [False] * len(order), [False] * len(order)
    for k, node in enumerate(order):
        after[k] = of[k] >= 0 or any(after[index[parent]] for parent in node.parents)
    for k in range(len(order) - 1, -1, -1):
        for parent in order[k].parents:
            before[index[parent]] |= of[k] >= 0 or before[k]
    for name, chosen in (
        ("inputs", [k for k in others if not after[k] and before[k]]),
        ("other operations", [k for k in others if not before[k]]),
    ):
        if len(chosen) > 1:
            for k in chosen:
                of[k] = len(names)
            names.append(name)


def _without_cycles(order: list[Value], names: list[str], of: list[int]) -> tuple[list[str], list[int]]:
    """Groups that depend on each other (a network that uses a layer again) are merged, with what lies between."""
    box, after = _quotient(order, of)
    component = _components(after)
    members: dict[int, list[int]] = {}
    for k, b in enumerate(box):
        members.setdefault(component[b], []).append(k)
    merged_names: list[str] = []
    merged = [-1] * len(order)
    for nodes in members.values():
        if len(nodes) == 1:
            continue
        titles = sorted({names[of[k]] for k in nodes if of[k] >= 0})
        for k in nodes:
            merged[k] = len(merged_names)
        merged_names.append(" + ".join(titles))
    return merged_names, merged


def _quotient(order: list[Value], of: list[int]) -> tuple[list[int], list[list[int]]]:
    """The box of each node, and for each box those that use it."""
    groups: dict[int, int] = {}
    box = []
    count = 0
    for group in of:
        if group < 0 or group not in groups:
            if group >= 0:
                groups[group] = count
            box.append(count)
            count += 1
        else:
            box.append(groups[group])
    index = dict(zip(order, box))
    after: list[list[int]] = [[] for _ in range(count)]
    for node, b in zip(order, box):
        for parent in node.parents:
            if index[parent] != b:
                after[index[parent]].append(b)
    return box, after


def _components(after: list[list[int]]) -> list[int]:
    """The strongly connected component of each box (Tarjan 1972, with a stack of its own)."""
    count = len(after)
    number, low, component = [0] * count, [0] * count, [-1] * count
    open_boxes: list[int] = []
    counter = found = 0
    for start in range(count):
        if number[start]:
            continue
        work = [(start, 0)]
        while work:
            b, step = work.pop()
            if step == 0:
                counter += 1
                number[b] = low[b] = counter
                open_boxes.append(b)
            else:
                low[b] = min(low[b], low[after[b][step - 1]])
            for s in range(step, len(after[b])):
                c = after[b][s]
                if not number[c]:
                    work += [(b, s + 1), (c, 0)]
                    break
                if component[c] < 0:
                    low[b] = min(low[b], number[c])
            else:
                if low[b] == number[b]:
                    while component[b] < 0:
                        component[open_boxes.pop()] = found
                    found += 1
    return component


def _nearest(order: list[Value], names: list[str], of: list[int], max_nodes: int) -> tuple[list[str], list[int], int]:
    """Keep the boxes nearest to the root by longest path, and put all others into one: nothing kept feeds it."""
    box, after = _quotient(order, of)
    waiting = [len(users) for users in after]
    before: list[list[int]] = [[] for _ in after]
    for b, users in enumerate(after):
        for user in users:
            before[user].append(b)
    kept: list[int] = []
    ready = [b for b, users in enumerate(after) if not users][::-1]
    while ready and len(kept) + 1 < max_nodes:
        later: list[int] = []
        kept += ready
        for b in ready:
            for c in before[b]:
                waiting[c] -= 1
                if not waiting[c]:
                    later.append(c)
        ready = sorted(later, reverse=True)
    shown = set(kept[: max(max_nodes - 1, 1)])
    used = sorted({of[k] for k, b in enumerate(box) if b in shown and of[k] >= 0})
    renamed = {group: j for j, group in enumerate(used)}
    hidden = sum(b not in shown for b in box)
    new_names = [*(names[group] for group in used), f"… {number(hidden)} more nodes"]
    new_of = [renamed.get(of[k], -1) if b in shown else len(used) for k, b in enumerate(box)]
    return new_names, new_of, hidden
