"""What a neuron, or any node, contributes to the root, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..adjoints import adjoints
from ..answer import Answer, Part
from ..graph import refuse_freed, topological
from ..notation.naming import Names, UserNames, names_of
from ..ops import TABLE
from ..text import number
from ..value import Value
from .paths import require


@dataclass(frozen=True, repr=False)
class Contribution(Answer):
    """The effect of a node, or of a neuron in all its evaluations, on the root. Made by `contribution`.

    Attributes:
        name: what it is called.
        value: its present value (for several evaluations, their mean).
        adjoint: d root / d node (for several, the sum): how the root changes if all of them grow by a little.
        first_order: Σ value · adjoint: the part of the root that passes through it, to first order; its negative
            estimates the change of the root if the node were held at 0.
        without: the root with the node held at 0, computed again on a copy of the numbers.
        root: the root as it is.
        evaluations: how many nodes this speaks of.
    """

    name: str
    root_name: str
    value: float
    adjoint: float
    first_order: float
    without: float
    root: float
    evaluations: int

    @property
    def exact(self) -> float:
        """root − root without the node: what it really contributes, all orders together."""
        return self.root - self.without

    def _heading(self) -> str:
        return f"Contribution of {self.name} to {self.root_name}"

    def _content(self) -> list[Part]:
        many = f" (sum over {self.evaluations} samples)" if self.evaluations > 1 else ""
        value = f"its {'mean ' if many else ''}value is {number(self.value)}"
        change = self.without - self.root
        direction = f"{'raise' if change > 0 else 'lower'}" if change else "leave"
        to = f"{self.root_name} as it is"
        if change:
            to = f"{self.root_name} from {number(self.root, 6)} to {number(self.without, 6)}"
        return [
            f"{self.name}: {value}, ∂{self.root_name}/∂{self.name} = {number(self.adjoint)}{many}, so to first order "
            f"it contributes {number(self.first_order)} to {self.root_name}; holding it at 0 would {direction} {to}."
        ]


def contribution(root: Value, which: Any, names: UserNames | None = None) -> Contribution:
    """How much a neuron or a node contributes to the root.

    Two answers, which agree if the root is linear in the node. *To first order*: value times adjoint, summed over
    the evaluations; the adjoint is the sum over all chain-rule paths, and for a net input it is the entry of the
    vector B (or δ) of the textbooks. *Exactly*: the root as it is, minus the root with the node held at 0
    (everything after it computed again, as if the neuron were cut out; no Value is changed).

    Args:
        root: the error, or any other result.
        which: a node; a list of nodes; the label of a neuron (``"layers.0.neurons.3"``); or a neuron, that is, an
            object with ``parameters()`` that carry such labels. A neuron stands for its activation in every sample.
        names: letters of your own (see `autograd.notation.names_of`).

    Raises:
        ValueError: root does not depend on it, or no such neuron was found.
    """
    if not isinstance(root, Value):
        raise TypeError(f"the root is {type(root).__name__}; contributions are to a Value computed from others")
    order = topological(root)
    refuse_freed(order)
    called = names_of(root, names, order)
    nodes, name = _nodes(called, which)
    there = set(order)
    for node in nodes:
        if node not in there:
            require(root, node, order)
    slopes = adjoints(root, 1.0, nodes)
    held = set(nodes)
    data: dict[Value, float] = dict.fromkeys(nodes, 0.0)
    for node in order:
        if node.parents and node not in held and not data.keys().isdisjoint(node.parents):
            data[node] = TABLE[node.op].evaluate(*[data.get(parent, parent.data) for parent in node.parents])[0]
    return Contribution(
        name,
        called.text(root),
        sum(node.data for node in nodes) / len(nodes),
        sum(slopes),
        sum(node.data * slope for node, slope in zip(nodes, slopes) if node.data and slope),
        data[root],
        root.data,
        len(nodes),
    )


def _nodes(names: Names, which: Any) -> tuple[list[Value], str]:
    structure = names.structure
    if isinstance(which, Value):
        return [which], names.in_words(which) if which in names else "this value"
    if hasattr(which, "parameters"):
        keys = {structure.owner.get(parameter) for parameter in which.parameters()}
        shown = type(which).__name__
    elif isinstance(which, str):
        keys = {structure.owner[n] for n in structure.labels if n in structure.owner and _inside(n.label, which)}
        shown = which
    elif isinstance(which, Iterable):
        nodes = list(which)
        if nodes and all(isinstance(node, Value) for node in nodes):
            alone = len(nodes) == 1 and nodes[0] in names
            return nodes, names.in_words(nodes[0]) if alone else f"{len(nodes)} nodes"
        raise TypeError("a contribution is that of a node, a list of nodes, a neuron, or the label of a neuron")
    else:
        raise TypeError(f"a contribution is that of a node, a list of nodes or a neuron, not {type(which).__name__}")
    found = [neuron for neuron in structure.neurons if neuron.key in keys]
    if not found or len({neuron.key for neuron in found}) > 1:
        known = ", ".join(sorted({names.of_neuron(n.key) for n in structure.neurons})[:8]) or "none"
        raise ValueError(f"{shown} is not one neuron of this graph; the neurons found by their labels are: {known}")
    return [neuron.a for neuron in found], names.of_neuron(found[0].key)


def _inside(label: str, neuron: str) -> bool:
    return label.startswith(neuron.rstrip(".") + ".")
