"""`names_of`: which name each node of a graph has, in every view the same.

1. What the user says: an entry of ``names=``, else the label.
2. What the labels of weights reveal: z, a and ŷ of neurons, and the inputs x that the weights multiply.
3. A constant is called by its number.
4. The root is L, or the next of a few letters if L is taken.
5. All other nodes are v₁, v₂, … in the order in which they are computed.

Several nodes that would have the same name are numbered: x⁽¹⁾, x⁽²⁾.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Union

from ..graph import topological
from ..ops import TABLE
from ..text import number, visible
from ..value import Value
from .letters import LECTURES, Letters
from .names import PRIME, Name, name_of, place_of
from .neurons import Key, Structure

ROOT = ("L", "E", "J", "C", "f", "g")
"""The letters of an unlabeled root, in the order of preference."""

UserNames = Union[str, Mapping[Any, Union[str, Name]]]
"""A user's own letters: a Value or a label, and the name that it stands for, as text in the label language; or those of
a lecture, ``"lecture A"`` to ``"lecture E"``."""


class Names(Mapping[Value, Name]):
    """The name of each node of a graph. Made by `names_of`.

    Attributes:
        order: the nodes in topological order.
        labels: the names of the nodes that have a label or an entry in ``names=``.
        structure: the neurons found in the graph.
    """

    def __init__(
        self,
        root: Value | Iterable[Value],
        letters: UserNames | None = None,
        order: Sequence[Value] | None = None,
    ) -> None:
        self.order = topological(root) if order is None else order
        self._style = _style(letters)
        own = _own_names(self.order, letters)
        networks: dict[str, int] = {}
        dotted: dict[Value, Name] = {}
        plain: dict[Value, Name] = {}
        for node in self.order:
            label = visible(str(node.label)).strip() if node.label else ""
            place = place_of(label) if label else None
            if place:
                dotted[node] = place.name().primed(networks.setdefault(place.network, len(networks)))
            elif label:
                plain[node] = name_of(label)
        self.labels = dotted | plain | own
        self.structure = Structure(self.order, plain | own | dotted)
        if self._style:
            self._check_layers(self._style)
            for node, name in {**plain, **dotted}.items():
                found = _parameter(name, self._style)
                if found is not None and node in self.structure.owner and not node.parents:
                    self.labels[node] = found
        named = self.structure.inputs_named() | self.labels
        roles = {node: self._role(node) for node in self.structure.of if node not in own and node not in plain}
        if {name.base for name in named.values()}.isdisjoint(name.base for name in roles.values()):
            self._given = _apart(named) | roles  # roles differ among each other
        else:
            self._given = _apart(named | roles)
        rest = [node for node in self.order if node not in self._given and node.op != "constant"]
        self._root: Value | None = None
        if isinstance(root, Value) and root in rest[-1:]:
            self._root = rest.pop()
            taken = set(self._given.values())
            preferred = (self._style.root, *ROOT) if self._style else ROOT
            self._letter = next((name for name in map(Name, preferred) if name not in taken), Name(ROOT[0]).primed(1))
        taken_v = {name.lower for name in self._given.values() if name.base == "v" and not name.upper}
        free = (i for i in itertools.count(1) if (i,) not in taken_v)
        self._numbers = dict(zip(rest, free))

    def __getitem__(self, node: Value) -> Name:
        name = self._given.get(node)
        if name is not None:
            return name
        if node is self._root:
            return self._letter
        if node in self._numbers:
            return Name("v", (), (self._numbers[node],))
        if node.op == "constant":
            return Name(number(node.data))
        raise KeyError(node)

    def __iter__(self) -> Iterator[Value]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)

    def given(self, node: Value) -> Name | None:
        """The name that the user or the node's role gives it; None for what is called by a number, L or v."""
        return self._given.get(node)

    def _check_layers(self, style: Letters) -> None:
        """Refuse a network that the lecture has no letters for."""
        deepest = max((neuron.layer for neuron in self.structure.neurons), default=0)
        if style.layers and deepest > style.layers:
            raise ValueError(
                f"this lecture writes networks of {style.layers} layers, and this one has {deepest}: take the letters "
                "of lecture B, C or E, or a mapping of your own"
            )

    def _role(self, node: Value) -> Name:
        """z, a or ŷ of the neuron that a node belongs to, in the lecture's letters."""
        name = self.structure.name(node)
        if self._style is None:
            return name
        neuron = self.structure.of[node]
        if self._style.softmax and node is neuron.z and name.base.startswith("ŷ"):  # logits
            name = replace(neuron.key.name("z"), sample=name.sample)
        return self._styled(name, neuron.key)

    def share(self, node: Value) -> Name | None:
        """The output of the neuron whose net input a softmax takes; None for other nodes."""
        name = self.structure.share(node)
        neuron = self.structure.of.get(node)
        if name is None and self._style and self._style.softmax and neuron and node is neuron.z is neuron.a:
            name = self.structure.output(neuron)
        return name if name is None or self._style is None or neuron is None else self._styled(name, neuron.key)

    def _styled(self, name: Name, key: Key) -> Name:
        style, letter = self._style, name.base.rstrip(PRIME)
        assert style is not None
        if letter == "ŷ":
            found = style.output(name.lower)
        else:
            found = (style.z if letter == "z" else style.a)(max(key.layer, 1), key.number)
        return found.of_sample(name.sample).primed(len(name.base) - len(letter))

    @property
    def adjoint(self) -> str:
        """The letter of the derivative by a layer: B in lecture B, δ else."""
        return self._style.adjoint if self._style else "δ"

    def text(self, node: Value) -> str:
        """The name as Unicode text."""
        return self[node].plain()

    def of_neuron(self, key: Key) -> str:
        """The name of a neuron's activation, in whichever sample."""
        activation = next((neuron.a for neuron in self.structure.neurons if neuron.key == key), None)
        name = self[activation] if activation is not None else key.name("a")
        return name.of_sample(None).plain()

    def in_words(self, node: Value) -> str:
        """The name, after which an operation that only has a number is described: ``v₂ (sin)``."""
        if node not in self._numbers or not node.parents:
            return self.text(node)
        op = TABLE.get(node.op)
        return f"{self.text(node)} ({(op.symbol if op else '') or node.op})"


def names_of(
    root: Value | Iterable[Value], names: UserNames | None = None, order: Sequence[Value] | None = None
) -> Names:
    """The name of each node of a graph, as all views write it.

    Args:
        root: the root of the graph, or several.
        names: letters of your own: a mapping from a Value, or from a label, to text in the label language; or the text
            ``"lecture A"`` to ``"lecture E"`` for those of a lecture.
        order: the nodes in topological order, where they are known already.

    Raises:
        TypeError: ``names`` is not such a mapping.
        ValueError: there is no such lecture, or it does not write networks as deep.

    Example:
        >>> w, x = Value(0.5, "w1"), Value(2.0, "x")
        >>> loss = (w * x).tanh()
        >>> [name.plain() for name in names_of(loss).values()]
        ['w₁', 'x', 'v₁', 'L']
        >>> [name.latex() for name in names_of(loss, names={"w1": "omega", loss: "y_hat"}).values()]
        ['\\\\omega', 'x', 'v_{1}', '\\\\hat{y}']
    """
    return names if isinstance(names, Names) and root in names else Names(root, names, order)


def _style(letters: UserNames | None) -> Letters | None:
    if not isinstance(letters, str):
        return None
    if letters not in LECTURES:
        raise ValueError(
            f"names= knows the letters of {', '.join(LECTURES)}, not of {letters!r}; or it takes a mapping"
        )
    return LECTURES[letters]


def _parameter(name: Name, style: Letters) -> Name | None:
    """A weight or bias, w²₁₃ or b²₁, in a lecture's letters; None for another name."""
    letter, layer = name.base.rstrip(PRIME), name.upper[0] if name.upper else 1
    indices = [*name.lower, layer]
    if not all(isinstance(index, int) for index in indices):
        return None
    lower = [int(index) for index in name.lower]
    if letter == "w" and len(lower) == 2:
        return style.weight(int(layer), *lower).primed(len(name.base) - len(letter))
    if letter == "b" and len(lower) == 1:
        return style.bias(int(layer), *lower).primed(len(name.base) - len(letter))
    return None


def _own_names(order: Iterable[Value], letters: UserNames | None) -> dict[Value, Name]:
    """The names that the user gives by ``names=``."""
    if letters is None or isinstance(letters, str):
        return {}
    if not isinstance(letters, Mapping):
        raise TypeError(f"names= is a mapping from Values or labels to names, not {type(letters).__name__}")
    for key, text in letters.items():
        if not isinstance(key, (Value, str)) or not isinstance(text, (str, Name)) or not str(text).strip():
            raise TypeError(
                f"names= maps a Value or a label to the text of a name, as in {{w: 'w^2_11', 'x1': 'xi'}}; "
                f"got {key!r}: {text!r}"
            )
    found = {node: letters.get(node) or letters.get(str(node.label)) for node in order}
    return {node: name_of(text) if isinstance(text, str) else text for node, text in found.items() if text}


def _apart(names: Mapping[Value, Name]) -> dict[Value, Name]:
    """The names with numbers where several nodes have the same one.

    Constants of the same name and number are one quantity: each neuron that reads the input x₁ = 0.5 has a constant
    of its own for it.
    """
    bearers: dict[Name, dict[object, list[Value]]] = {}
    for node, name in names.items():
        quantity: object = node.data if node.op == "constant" else node
        bearers.setdefault(name, {}).setdefault(quantity, []).append(node)
    texts: dict[str, list[Name]] = {}
    for name in bearers:
        texts.setdefault(name.plain(), []).append(name)
    found = dict(names)
    if len(texts) == len(bearers) and all(len(quantities) == 1 for quantities in bearers.values()):
        return found
    taken = set(texts)
    for alike in texts.values():
        quantities = [(name, nodes) for name in alike for nodes in bearers[name].values()]
        count = 0
        for name, nodes in quantities if len(quantities) > 1 else ():
            numbered = name
            while numbered.plain() in taken:
                count += 1
                numbered = name.of_sample(count) if name.sample is None else name.primed(count)
            taken.add(numbered.plain())
            found.update(dict.fromkeys(nodes, numbered))
    return found
