"""Finding neurons and samples in a graph that was made by ordinary Python.

Nothing in a graph says "neuron". But weights have names (``layers.1.neurons.0.weights.2``, or w²₁₃), and a sum of
products with the weights of one neuron is its net input z; the function applied to z is its activation a. A neuron
that was evaluated for several samples has several z.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from ..ops import TABLE
from ..value import Value
from .names import PRIME, Name


def kind(node: Value) -> str:
    """What the operation of a node is (`autograd.ops.KINDS`); empty for a leaf and for what is not in the table."""
    op = TABLE.get(node.op)
    return op.kind if op else ""


class Key(NamedTuple):
    """A neuron, in all its evaluations.

    Attributes:
        network: 0; further networks of the same graph count on.
        layer: from 1; 0 if the names of its weights do not say.
        number: in its layer, from 1.
    """

    network: int
    layer: int
    number: int

    def name(self, letter: str, sample: int | None = None) -> Name:
        """A letter with the neuron's indices."""
        return Name(letter, (self.layer,) if self.layer else (), (self.number,), sample).primed(self.network)


class Neuron(NamedTuple):
    """One evaluation of one neuron.

    Attributes:
        key: which neuron.
        sample: which evaluation of this neuron, from 1.
        z: the net input.
        a: the activation; z itself where no function follows.
    """

    key: Key
    sample: int
    z: Value
    a: Value

    @property
    def layer(self) -> int:
        """The number of its layer, from 1; 0 if the names of its weights do not say."""
        return self.key.layer

    @property
    def number(self) -> int:
        """Its number in the layer, from 1."""
        return self.key.number


class Structure:
    """The neurons of a graph, and the names that follow from them.

    Args:
        order: the nodes of the graph in topological order.
        labels: the names of the nodes that have one.
    """

    def __init__(self, order: Sequence[Value], labels: Mapping[Value, Name]) -> None:
        self.root = order[-1]
        self.order, self.labels = order, labels
        self.neurons: list[Neuron] = []
        self.of: dict[Value, Neuron] = {}
        """The neuron whose z or a a node is."""
        self.owner: dict[Value, Key] = {}
        """The neuron of each weight, and of each node of its sum of products."""
        self.inputs: dict[Value, Name] = {}
        """Names of the unlabeled numbers that weights multiply, one per sample."""
        self._entering: dict[Value, Value] = {}  # what weights multiply, with the first of them
        self._find()

    @cached_property
    def several(self) -> bool:
        """Whether some neuron was evaluated more than once."""
        return any(neuron.sample > 1 for neuron in self.neurons)

    def _find(self) -> None:
        weights = {node: key for node, name in self.labels.items() if not node.parents and (key := _key(name))}
        self.owner = dict(weights)
        sizes = dict.fromkeys(weights, 1)  # how many weights and biases a sum has taken up
        tops: dict[Value, Key] = {}
        users: dict[Value, list[Value]] = {}
        for node in self.order if weights else ():
            parents = node.parents
            for parent in parents:
                if parent in tops:
                    users.setdefault(parent, []).append(node)
            if node.op in ("mul", "dot"):
                key = self._term(parents, weights)
                size = len(parents) // 2
            else:
                key = self._partial_sum(parents) if node.op == "add" else None
                size = sum(sizes.get(parent, 0) for parent in parents)
            if key is not None:
                self.owner[node] = tops[node] = key
                sizes[node] = size
                for parent in parents:
                    if tops.get(parent) == key:  # a part of the same sum, and not a linear neuron that this one reads
                        del tops[parent]
        whole = Counter(weights.values())
        counts: Counter[Key] = Counter()
        for z, key in tops.items():
            if sizes[z] < whole[key]:  # weight decay, say
                for node in [*self._sum(z)]:
                    del self.owner[node]
                continue
            counts[key] += 1
            for node in self._sum(z):
                if node.op != "add":
                    self._name_inputs(node.parents, weights, counts[key])
            self.neurons.append(Neuron(key, counts[key], z, z))
        between_layers = {x.op for x in self._entering if kind(x) not in ("arithmetic", "comparison")}
        for i, neuron in enumerate(self.neurons):
            applied = [user for user in users.get(neuron.z, ()) if user.parents[0] is neuron.z]
            own = [user for user in applied if user.op == "softmax"]
            alone = len(users.get(neuron.z, ())) == len(applied) == 1
            if alone and applied[0].op != "log_softmax":  # it, or a logarithm, belongs to the loss
                own = applied if kind(applied[0]) == "activation" or applied[0].op in between_layers else own
            if own:
                neuron = self.neurons[i] = neuron._replace(a=own[0])
            self.of[neuron.a] = self.of[neuron.z] = neuron

    def _sum(self, z: Value) -> Iterator[Value]:
        """The nodes of a sum of products: additions and products."""
        stack = [z]
        while stack:
            node = stack.pop()
            yield node
            if node.op == "add":
                stack += [parent for parent in node.parents if parent.parents and parent in self.owner]

    def _term(self, factors: Sequence[Value], weights: Mapping[Value, Key]) -> Key | None:
        """The neuron of a product (or dot) of its weights with anything but its own weights."""
        xs, ys = _sides(factors, weights)
        key = weights.get(xs[0])
        if key is None or ys[0] in weights or self.owner.get(ys[0]) == key:
            return None
        return key if len(xs) == 1 or all(weights.get(weight) == key for weight in xs) else None

    def _name_inputs(self, factors: Sequence[Value], weights: Mapping[Value, Key], sample: int) -> None:
        """Names for unlabeled numbers that weights multiply."""
        for weight, x in zip(*_sides(factors, weights)):
            self._entering.setdefault(x, weight)
            if not x.parents and x not in self.labels:
                self.inputs[x] = Name("x", (), self.labels[weight].lower[-1:], sample).primed(weights[weight].network)

    def _partial_sum(self, terms: Sequence[Value]) -> Key | None:
        """The neuron whose products (and bias) an addition adds up."""
        found: Key | None = None
        for term in terms:
            key = self.owner.get(term)
            if key is None or not (term.parents or self.labels[term].base.rstrip(PRIME) == "b"):
                if term.op == "constant" and term.data == 0:
                    continue
                return None
            if found is not None and key != found:
                return None
            found = key
        return found

    def inputs_of_first_layer(self) -> list[Value]:
        """What the weights of one neuron of the first layer multiply, in their order; empty without neurons."""
        key = min((neuron.key for neuron in self.neurons), key=lambda key: (key.layer, key), default=None)
        read = {self.labels[weight].lower: x for x, weight in self._entering.items() if self.owner[weight] == key}
        return [read[lower] for lower in sorted(read, key=lambda lower: lower[1:])]

    @cached_property
    def last(self) -> dict[int, int]:
        """The number of the last layer of each network."""
        return {neuron.key.network: neuron.layer for neuron in sorted(self.neurons, key=lambda n: n.layer)}

    @cached_property
    def _softmax(self) -> set[int]:
        """The networks that end with a softmax; their ŷ is its result, and not the net input."""
        return {neuron.key.network for neuron in self.neurons if neuron.a.op == "softmax"}

    @cached_property
    def _outputs(self) -> dict[int, int]:
        """The number of neurons in the last layer of each network."""
        return {
            network: len({n.number for n in self.neurons if n.key.network == network and n.layer == last})
            for network, last in self.last.items()
        }

    def output(self, neuron: Neuron) -> Name | None:
        """ŷ of a neuron of the last layer; None for others."""
        key = neuron.key
        if key.layer != self.last[key.network] or neuron.a in self._entering:
            return None
        index = (key.number,) if self._outputs[key.network] > 1 else ()
        return Name("ŷ", (), index, neuron.sample if self.several else None).primed(key.network)

    def share(self, node: Value) -> Name | None:
        """ŷ of the neuron whose net input a softmax takes; None for other nodes."""
        neuron = self.of.get(node)
        if neuron is None or neuron.z is not node or neuron.key.network not in self._softmax:
            return None
        return self.output(neuron)

    def inputs_named(self) -> dict[Value, Name]:
        """x of the unlabeled numbers that weights multiply."""
        if self.several:
            return dict(self.inputs)
        return {node: name.of_sample(None) for node, name in self.inputs.items()}

    def name(self, node: Value) -> Name:
        """z, a or ŷ of the neuron that a node belongs to."""
        neuron = self.of[node]
        if node is neuron.a and not (node is neuron.z and neuron.key.network in self._softmax):
            output = self.output(neuron)
            if output is not None:
                return output
        return neuron.key.name("z" if node is neuron.z else "a", neuron.sample if self.several else None)


def _sides(factors: Sequence[Value], weights: Mapping[Value, Key]) -> tuple[Sequence[Value], Sequence[Value]]:
    """The two lists of a product or dot, the weights first."""
    half = len(factors) // 2
    xs, ys = factors[:half], factors[half:]
    return (xs, ys) if xs[0] in weights else (ys, xs)


def _key(name: Name) -> Key | None:
    """The neuron that a weight or bias belongs to by its name; None for other names."""
    if not all(isinstance(index, int) for index in (*name.upper, *name.lower)) or len(name.upper) > 1:
        return None
    letter = name.base.rstrip(PRIME)
    indices = {"w": 2, "b": 1}.get(letter)
    if indices is None or len(name.lower) != indices:
        return None
    return Key(len(name.base) - len(letter), int(name.upper[0]) if name.upper else 0, int(name.lower[0]))
