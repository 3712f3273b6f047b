"""Which nodes of a large graph stand together in one box.

Sums are found from the operations. Layers and neurons are found from the labels of the parameters:
``layers.0.neurons.3.weights.1`` is the parameter ``weights.1`` of neuron ``layers.0.neurons.3`` of layer ``layers.0``.
An operation belongs to the same group if it takes one of the group's parameters, adds up results of the group, or is
the function applied to such a sum. So the weighted sum and the activation of a neuron are in, and the loss is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..notation.names import PRIME
from ..notation.neurons import Key
from ..ops import TABLE
from .picture import SUMS, Grouping
from .quotient import nearest, without_cycles

if TYPE_CHECKING:
    from ..notation.naming import Names
    from ..value import Value

FEW = 24
"""Up to this many operations outside all layers are still drawn one by one in a folded drawing."""

FOLDS = ("sum", "neuron", "layer")
"""The ways to fold, from the finest to the coarsest."""


def grouping(
    order: list[Value], fold: str | None, max_nodes: int, called: Names, tail: bool = False
) -> tuple[Grouping | None, list[str]]:
    """The groups for a drawing and what to say about them below it; None if every node has a box of its own.

    With ``tail``, what is computed from the last neurons, such as the loss, is one formula too.
    """
    notes: list[str] = []
    many = len(order) > max_nodes
    names: list[str] = []
    of = [-1] * len(order)
    formulas: set[str] = set()
    if fold == "sum":
        names, of = sums(order, called)
        formulas = set(names)
        notes.append(
            f"{len(order)} nodes, sums folded" if names else "nothing to fold: there is no sum of several terms"
        )
    elif fold or many:
        names, of, formulas = _by_label(order, fold or "layer", called)
        if names:
            if tail:
                formulas |= _gather_tail(order, names, of, called)
            _gather_others(order, names, of)
            names, of = without_cycles(order, names, of)
            notes.append(f"{len(order)} nodes, folded by {fold or 'layer'}")
        elif fold:
            notes.append(f"nothing to fold by {fold}: no parameter has a label such as layers.0.neurons.3.weights.1")
    if boxes(of) > max_nodes:
        folded = bool(names)
        names, of, hidden = nearest(order, names, of, max_nodes)
        what = f"{hidden} more boxes" if folded else f"{hidden} of {len(order)} nodes"
        notes.append(f"{what}, those farthest from the root, are in one (max_nodes=)")
    return (Grouping(names, of, _results(order, names, of, formulas)) if names else None), notes


def choices(order: list[Value], max_nodes: int, called: Names) -> Iterator[tuple[Grouping | None, list[str]]]:
    """The groupings that leave no more than ``max_nodes`` boxes, from the finest to the coarsest.

    If there is none, the one that comes nearest to it, with the boxes farthest from the root in one.
    """
    fewest, best = len(order), ""
    for fold, tail in (("sum", False), ("neuron", False), ("neuron", True), ("layer", False)):
        made, notes = grouping(order, fold, len(order), called, tail)
        if made is None:
            continue
        left = boxes(made.of)
        if left <= max_nodes:
            yield made, notes
        if left < fewest:
            fewest, best = left, fold
    if fewest > max_nodes:
        yield grouping(order, best or None, max_nodes, called)


def boxes(of: list[int]) -> int:
    """How many boxes a drawing with these groups has."""
    return sum(group < 0 for group in of) + len({group for group in of if group >= 0})


def sums(order: list[Value], called: Names) -> tuple[list[str], list[int]]:
    """A group for each sum of several terms: the additions one after the other, and the products that they add.

    Only what is used once is folded, so that a group has one result, and only what the user did not name.
    """
    uses = Counter(parent for node in order for parent in node.parents)
    index = {node: k for k, node in enumerate(order)}
    of = [-1] * len(order)
    found: list[int] = []  # the result of each group
    for k in range(len(order) - 1, -1, -1):
        node = order[k]
        if node.op not in SUMS:
            continue
        inner = [p for p in node.parents if uses[p] == 1 and not p.label and (p.op == "mul" or p.op in SUMS)]
        if of[k] < 0 and inner:
            of[k] = len(found)
            found.append(k)
        for parent in inner:
            of[index[parent]] = of[k]
    _take_constants(order, index, of)
    return [f"sum {called.text(order[k])}" for k in found], of


def _results(order: list[Value], names: list[str], of: list[int], formulas: set[str]) -> dict[int, int]:
    """The result of each group that is one formula and has one."""
    index = {node: k for k, node in enumerate(order)}
    leaving: dict[int, set[int]] = {}
    used = {index[parent]: set[int]() for node in order for parent in node.parents}
    for k, node in enumerate(order):
        for parent in node.parents:
            used[index[parent]].add(of[k])
    for k, group in enumerate(of):
        if group >= 0 and names[group] in formulas and (k not in used or used[k] != {group}):
            leaving.setdefault(group, set()).add(k)
    return {group: nodes.pop() for group, nodes in leaving.items() if len(nodes) == 1}


def prefix(label: str, fold: str) -> str:
    """The layer or the neuron that a parameter's label names; empty if it names none."""
    parts = label.split(".")
    names = [i for i, part in enumerate(parts) if not part.isdigit()]
    trunk = parts[: names[-1]] if names else []
    counted = [i for i, part in enumerate(trunk) if part.isdigit()]
    wanted = 0 if fold == "layer" else 1
    return ".".join(trunk[: counted[wanted] + 1] if len(counted) > wanted else trunk)


def _by_label(order: list[Value], fold: str, called: Names) -> tuple[list[str], list[int], set[str]]:
    """The groups that the labels name, and the names of those that are neurons."""
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
    titles, neurons = _titles(order, list(numbered), of, fold, called)
    return titles, of, neurons


def _titles(
    order: list[Value], trunks: list[str], of: list[int], fold: str, called: Names
) -> tuple[list[str], set[str]]:
    """``layer 1`` and ``neuron a¹₃`` for the groups that are such, else what their labels have in common."""
    owners: list[set[Key]] = [set() for _ in trunks]
    for node, group in zip(order, of):
        if group >= 0 and not node.parents and node in called.structure.owner:
            owners[group].add(called.structure.owner[node])
    titles, neurons = [], set()
    for trunk, keys in zip(trunks, owners):
        layers = {key[:2] for key in keys}
        if fold == "neuron" and len(keys) == 1 and ".neurons." in f".{trunk}":
            trunk = f"neuron {called.of_neuron(*keys)}"
            neurons.add(trunk)
        elif fold == "layer" and len(layers) == 1 and ".layers." in f".{trunk}":
            network, layer = layers.pop()
            trunk = f"layer {layer}{PRIME * network}"
        titles.append(trunk)
    return titles, neurons


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


def _gather_tail(order: list[Value], names: list[str], of: list[int], called: Names) -> set[str]:
    """A group for the root and all that feeds nothing else; empty if that is the root alone."""
    index = {node: k for k, node in enumerate(order)}
    before = [group >= 0 for group in of]
    for k in range(len(order) - 1, -1, -1):
        if before[k]:
            for parent in order[k].parents:
                before[index[parent]] = True
    chosen = [k for k in range(len(order)) if not before[k]]
    if len(chosen) < 2:
        return set()
    for k in chosen:
        of[k] = len(names)
    names.append(f"operations of {called.text(order[-1])}")
    return {names[-1]}
