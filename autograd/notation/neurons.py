"""Finding neurons and samples in a graph that was made by ordinary Python.

Nothing in a graph says "neuron". But weights carry labels (``layers.1.neurons.0.weights.2``, or w²₁₃), and a sum of
products with the weights of one neuron is its net input z; the function applied to z is its activation a. A neuron
that was evaluated for several samples has several z.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from ..graph import refuse_freed, topological
from ..ops import TABLE
from ..text import number
from ..value import Value
from .names import Name, name_of

ARITHMETIC = frozenset({"add", "sub", "mul", "div", "neg", "identity", "mean", "dot"})
"""Operations that only carry numbers on: between two named quantities they are not worth a name."""
_NO_ACTIVATION = ARITHMETIC | {"pow", "where", "less", "less_equal", "log_sum_exp", "softmax", "log", "log1p", "abs"}
Key = tuple[int, int]


class Neuron(NamedTuple):
    """One evaluation of one neuron.

    Attributes:
        layer: from 1; 0 if the labels name no layer.
        number: in its layer, from 1; 0 if the labels name none.
        sample: which evaluation of this neuron, from 1.
        z: the net input.
        a: the activation; z itself where no function follows.
    """

    layer: int
    number: int
    sample: int
    z: Value
    a: Value

    def name(self, letter: str, several: bool = True) -> Name:
        """z or a with the neuron's indices, and the sample's number if there are several."""
        return Name(
            letter,
            (self.layer,) if self.layer else (),
            (self.number,) if self.number else (),
            self.sample if several else None,
        )


class Structure:
    """What is known about the nodes of a graph: their neurons, samples and names."""

    def __init__(self, root: Value, order: Sequence[Value] | None = None) -> None:
        self.root = root
        self.order = topological(root) if order is None else order
        self.labels: dict[Value, Name] = {node: name_of(node.label) for node in self.order if node.label}
        self.neurons: list[Neuron] = []
        self.of: dict[Value, Neuron] = {}
        """The neuron whose z or a a node is."""
        self.owner: dict[Value, Key] = {}
        """The neuron (layer, number) of each weight, and of each node of its sum of products."""
        self.inputs: dict[Value, Name] = {}
        """Names of the unlabelled numbers that weights multiply, one per sample."""
        self._find()

    @cached_property
    def several(self) -> bool:
        """Whether some neuron was evaluated more than once."""
        return any(neuron.sample > 1 for neuron in self.neurons)

    def _find(self) -> None:
        weights = {node: key for node, name in self.labels.items() if not node.parents and (key := _key(name))}
        self.owner = dict(weights)
        uses = dict.fromkeys(weights, 0)
        tops: dict[Value, Key] = {}
        users: dict[Value, list[Value]] = {}
        for node in self.order if weights else ():
            for parent in node.parents:
                if parent in tops:
                    users.setdefault(parent, []).append(node)
            key = self._term(node, weights, uses) if node.op in ("mul", "dot") else self._partial_sum(node, weights)
            if key is not None:
                self.owner[node] = tops[node] = key
                for parent in node.parents:
                    tops.pop(parent, None)
        counts: dict[Key, int] = {}
        for z, key in tops.items():
            counts[key] = counts.get(key, 0) + 1
            applied = users.get(z, [])
            own = [user for user in applied if user.parents[0] is z and user.op == "softmax"]
            if len(applied) == 1 and applied[0].parents[0] is z and applied[0].op not in _NO_ACTIVATION:
                own = applied
            neuron = Neuron(*key, counts[key], z, own[0] if own else z)
            self.neurons.append(neuron)
            self.of[neuron.a] = self.of[z] = neuron

    def _term(self, node: Value, weights: Mapping[Value, Key], uses: dict[Value, int]) -> Key | None:
        """The neuron of a product (or dot) of its weights with anything else; unlabelled inputs get names."""
        half = len(node.parents) // 2
        xs, ys = node.parents[:half], node.parents[half:]
        if xs[0] not in weights:
            xs, ys = ys, xs
        if any(w not in weights for w in xs) or ys[0] in weights or len({weights[w] for w in xs}) > 1:
            return None
        for weight, x in zip(xs, ys):
            uses[weight] += 1
            if not x.parents and not x.label:
                self.inputs[x] = Name("x", (), self.labels[weight].lower[-1:], uses[weight])
        return weights[xs[0]]

    def _partial_sum(self, node: Value, weights: Mapping[Value, Key]) -> Key | None:
        """The neuron whose products (and bias) an addition adds up."""
        if node.op != "add":
            return None
        found: set[Key] = set()
        for parent in node.parents:
            if parent in self.owner and (parent.parents or self.labels[parent].base == "b"):
                found.add(self.owner[parent])
            elif not (parent.op == "constant" and parent.data == 0):
                return None
        return found.pop() if len(found) == 1 else None

    @cached_property
    def last(self) -> int:
        """The number of the last layer."""
        return max((neuron.layer for neuron in self.neurons), default=0)

    @cached_property
    def softmax(self) -> bool:
        """Whether a softmax follows the last layer; then ŷ is its result, and not the net input."""
        return any(neuron.a.op == "softmax" for neuron in self.neurons)

    @cached_property
    def outputs(self) -> int:
        """The number of neurons in the last layer."""
        return len({neuron.number for neuron in self.neurons if neuron.layer == self.last})

    def name(self, node: Value) -> Name | None:
        """The name of a node: its label, z, a or ŷ of a neuron, or an input x; None for anything else."""
        label = self.labels.get(node)
        if node in self.of and (label is None or label.base in ("z", "a")):
            neuron = self.of[node]
            if node is neuron.a and neuron.layer == self.last and not (self.softmax and node is neuron.z):
                index = (neuron.number,) if self.outputs > 1 else ()
                return Name("ŷ", (), index, neuron.sample if self.several else None)
            return neuron.name("z" if node is neuron.z else "a", self.several)
        if label is not None:
            return label
        if node in self.inputs:
            return self.inputs[node] if self.several else self.inputs[node].of_sample(None)
        return None

    def word(self, node: Value) -> str:
        """A short text for a node that may have no name: the sign or the name of its operation, or its number."""
        name = self.name(node)
        if name is not None:
            return name.plain()
        if not node.parents:
            return number(node.data)
        op = TABLE.get(node.op)
        return (op.symbol if op else "") or node.op


def _key(name: Name) -> Key | None:
    """(layer, neuron) of the name of a weight or bias, 0 where the name does not say; None for other names."""
    if not all(isinstance(index, int) for index in (*name.upper, *name.lower)) or len(name.upper) > 1:
        return None
    indices = {"w": 2, "b": 1}.get(name.base)
    if indices is None or len(name.lower) != indices:
        return None
    return (int(name.upper[0]) if name.upper else 0), int(name.lower[0])


def depending(order: Sequence[Value], source: Value) -> list[Value]:
    """The nodes of a topological order that depend on ``source``, itself first."""
    found = {source}
    listed = [source]
    for node in order:
        if node.parents and node not in found and not found.isdisjoint(node.parents):
            found.add(node)
            listed.append(node)
    return listed


def require(root: object, leaf: object, order: Sequence[Value]) -> None:
    """Refuse a leaf that the root does not depend on, and a graph that was freed.

    Raises:
        RuntimeError: the graph was freed by ``backward(free_graph=True)``.
        ValueError: the leaf is not in the graph; the message names leaves that are.
        TypeError: the leaf is not a Value.
    """
    refuse_freed(order)
    if not isinstance(leaf, Value):
        raise TypeError(f"the second argument is a node of the graph (a Value), not {type(leaf).__name__}")
    if not any(node is leaf for node in order):
        there = [node.label for node in order if not node.parents and node.label][:6]
        hint = f" Its labelled leaves are {', '.join(there)}{', …' if len(there) == 6 else ''}." if there else ""
        whole = getattr(root, "label", "") or "the root"
        raise ValueError(
            f"{leaf.label or 'this Value'} (data {leaf.data!r}) is not in the graph of {whole}, "
            f"so the derivative is 0.{hint} Was the result computed with another copy of it, or with its .data?"
        )
