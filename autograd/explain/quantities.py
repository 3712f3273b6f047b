"""The quantities of a graph at several points: what the names of a student's line stand for, as numbers and matrices.

A graph is copied, and the numbers of its leaves are drawn anew, so that a line is true only if it is true at each
point. Scalars with indices are vectors and matrices too: w²₁₁, w²₁₂, … are W².
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from .. import graph
from ..functions import softmax  # type: ignore[attr-defined,unused-ignore]
from ..notation.names import Index, Name
from ..notation.naming import UserNames, names_of
from ..ops import TABLE
from ..value import Value
from .engines import RIGHT
from .reading import NotReadError
from .terms import Term
from .variables import SHARES

POINTS = 5
"""At how many points a line is tested: the given one and others drawn at random."""
_CLOSE = 1e-9

Array = Any
Group = tuple[str, tuple[Index, ...]]


class AmbiguousError(NotReadError):
    """A letter that can stand for several quantities."""

    def __init__(self, name: Name, meant: list[Name]) -> None:
        super().__init__(f"{name.base} can be {', '.join(other.plain() for other in meant)}: say which")
        self.name, self.meant = name, meant


class Quantities:
    """The named scalars, vectors and matrices of a graph, at one point after the other.

    Attributes:
        names: the names that are known, with their nodes.
        groups: the scalars of each vector and matrix by their lower indices.
        given: what the student or the caller defined, by name: its value at each point.
        point: which point is looked at.
    """

    def __init__(self, root: Value, names: UserNames | None, y: Any, seed: int) -> None:
        import numpy as np

        self.np = np
        self.root: Value
        self.names: dict[Name, list[Value]] = {}
        self.given: dict[Name, list[Array]] = {}
        self.point = 0
        original = names_of(root, names)
        order = list(original.order)
        self.root, self._order = copy.deepcopy((root, order))
        copies = dict(zip(order, self._order))
        self._activation: dict[Value, str] = {}
        for node in order:
            name = original[node]
            if original.given(node) is not None or node is root:
                self.names.setdefault(replace_sample(name), []).append(copies[node])
        self.letter = original[root]
        for neuron in original.structure.neurons:
            self._activation[copies[neuron.z]] = neuron.a.op if neuron.a is not neuron.z else "linear"
        self._kinds = {kind for kind in self._activation.values() if kind not in ("linear", "softmax")}
        self._shares(original, copies)
        for node in self._order:  # σ(x) of a node that is no neuron
            if node.op in TABLE and len(node.parents) == 1:
                self._activation.setdefault(node.parents[0], node.op)
        self.groups: dict[Group, dict[tuple[Index, ...], list[Value]]] = {}
        for name, nodes in self.names.items():
            kept = tuple(i for i in name.lower if isinstance(i, int))
            if kept:  # W_I12 belongs to W_I
                marks = tuple(i for i in name.lower if isinstance(i, str))
                self.groups.setdefault((name.base, name.upper + marks), {})[kept] = nodes
        self._saved: list[dict[Value, float]] = []
        self._slopes: dict[tuple[int, Value], dict[Value, float]] = {}
        self._draw(random.Random(seed))
        self._inputs([copies[node] for node in original.structure.inputs_of_first_layer()])
        self._labels(y)

    def _shares(self, original: Any, copies: dict[Value, Value]) -> None:
        """The outputs of a softmax that the graph does not hold, since the loss reads one of them alone."""
        for user in [node for node in original.order if node.op in SHARES]:
            outputs = sorted(user.parents, key=original.order.index)
            named = [original.share(parent) for parent in outputs]
            if any(name is None for name in named):
                named = [
                    Name("s", (), name.lower) if (name := original.given(parent)) and name.lower else None
                    for parent in outputs
                ]
                if any(name is None or name in self.names for name in named):
                    continue
            for name, share in zip(named, softmax([copies[parent] for parent in outputs])):
                self.names.setdefault(replace_sample(name), [share])
                self._order.append(share)

    # ---- points

    def _draw(self, draws: random.Random) -> None:
        leaves = [node for node in self._order if not node.parents and node.op != "constant"]
        start = [leaf.data for leaf in leaves]
        everything = [self.root, *(node for node in self._order if node.parents)]
        spread, tries, most = 1.0, 0, 0
        while len(self._saved) < POINTS:
            tries += 1
            first = not self._saved
            for leaf, number in zip(leaves, start):
                leaf.data = number if first else number + spread * draws.gauss(0, 1)
            graph.forward(everything)
            finite = all(math.isfinite(node.data) for node in self._order)
            if not finite and not first and spread > 1e-6:
                spread *= 0.3
                continue
            alive = sum(slope != 0 for slope in RIGHT.run(self.root).values())
            most = alive if first else most
            if alive < most and tries < 40 and len(self._saved) < 3:
                continue  # where units are off, many lines say nothing; but gates show themselves there alone
            self._saved.append({node: node.data for node in self._order})
        self.go(0)

    def go(self, point: int) -> None:
        """Look at another point."""
        self.point = point
        for node, number in self._saved[point].items():
            if not node.parents and node.op != "constant":
                node.data = number
        graph.forward([self.root, *(node for node in self._order if node.parents)])

    def _inputs(self, nodes: list[Value]) -> None:
        """x: what the first layer reads, for inputs whose names have no letter in common, as age and height."""
        if len(nodes) > 1 and not self.known(Name("x")):
            columns = [self.np.array([[saved[node]] for node in nodes]) for saved in self._saved]
            self.given[Name("x")] = columns

    def _labels(self, y: Any) -> None:
        """y: as it was given, or as the loss shows it: softmax minus slope for classes, the number beside ŷ else."""
        np, name = self.np, Name("y")
        self.size = max((len(group) for (_, _), group in self.groups.items()), default=1)
        if name in self.names:
            return
        if y is not None:
            whole = isinstance(y, int) and not isinstance(y, bool) and self._outputs()
            array = np.eye(len(self._outputs()))[[y]].T if whole else np.asarray(y, float)
            value = array.reshape(-1, 1) if array.ndim else float(array)
            self.given[name] = [value] * POINTS
            return
        outputs = self._outputs()
        if outputs:
            found = []
            for point in range(POINTS):
                self.go(point)
                slopes = self.slopes(self.root)
                rest = [share.data - slopes.get(share.parents[0], 0.0) for share in outputs]
                found.append(np.array(rest).reshape(-1, 1))
            if all(np.allclose(array, found[0], atol=1e-9) for array in found) and abs(found[0].sum() - 1) < 1e-9:
                self.given[name] = [np.round(found[0], 12)] * POINTS
            self.go(0)
            return
        for node in self._order:  # −log behind a sigmoid: y is σ(z) − ∂L/∂z
            if node.op == "sigmoid" and self._activation.get(node.parents[0]) == "sigmoid":
                found = []
                for point in range(POINTS):
                    self.go(point)
                    found.append(node.data - self.slopes(self.root).get(node.parents[0], 0.0))
                self.go(0)
                if all(abs(number - label) < 1e-9 for label in (round(found[0]),) for number in found):
                    self.given[name] = [float(round(found[0]))] * POINTS
                    return
        beside = {
            one: other.data
            for node in self._order
            if node.op == "sub"
            for one, other in (node.parents, node.parents[::-1])
            if other.op == "constant" and (one in self._activation or (one.op in TABLE and one.parents))
        }
        if len(set(beside.values())) == 1:
            self.given[name] = [next(iter(beside.values()))] * POINTS
        for group in self.groups.values():  # one number for each output
            nodes = [found[0] for _, found in sorted(group.items(), key=lambda pair: pair[0])]
            if len(nodes) > 1 and all(node in beside for node in nodes):
                self.given[name] = [np.array([[beside[node]] for node in nodes])] * POINTS

    def _outputs(self) -> list[Value]:
        """The shares of the softmax, in the order of the classes; empty if there is none."""
        shares = [(name.lower, nodes[0]) for name, nodes in self.names.items() if nodes[0].op == "softmax"]
        return [node for _, node in sorted(shares, key=lambda pair: [(isinstance(i, str), i) for i in pair[0]])]

    # ---- derivatives

    def slopes(self, top: Value) -> dict[Value, float]:
        """∂ top / ∂ every node, at this point."""
        key = self.point, top
        if key not in self._slopes:
            self._slopes[key] = RIGHT.run(top)
        return self._slopes[key]

    def partial(self, above: Name, below: Name) -> Array:
        """∂a/∂b: like b if a is a scalar, the Jacobian (rows: a) if both are vectors."""
        tops, unders = self.nodes(above), self.nodes(below)
        rows = self.np.array(
            [[sum(self.slopes(top).get(node, 0.0) for node in under) for _, under in unders] for _, (top, *_) in tops]
        )
        if len(tops) == 1 and not self.is_group(above):
            return self.shaped(below, unders, rows[0])
        if not self.is_group(below):
            return self.shaped(above, tops, rows[:, 0])
        if any(len(index) > 1 for index, _ in (*tops, *unders)) and self.matrix(below):
            raise NotReadError(f"∂{above.plain()}/∂{below.plain()} has more than two dimensions")
        return rows if rows.size > 1 else float(rows[0, 0])

    # ---- names

    def nodes(self, name: Name) -> list[tuple[tuple[Index, ...], list[Value]]]:
        """The scalars that a name stands for, with their lower indices."""
        for form in forms(name):
            if form in self.names:
                return [(form.lower, self.names[form])]
        for form in forms(name):
            if _whole(form) and (group := self.group(form)) is not None:
                return sorted(group.items(), key=lambda item: [(isinstance(i, str), i) for i in item[0]])
        raise NotReadError(f"{name_text(name)} is not a quantity of this graph")

    def group(self, name: Name) -> dict[tuple[Index, ...], list[Value]] | None:
        """The scalars of a vector or matrix: W² or w² for w²₁₁ …; a letter alone if it is the only one."""
        bases = [name.base, name.base.lower(), name.base.upper()] if len(name.base) == 1 else [name.base]
        upper = name.upper + name.lower
        for base in bases:
            if (base, upper) in self.groups:
                return self.groups[base, upper]
        if not upper:
            found = [group for (base, _), group in self.groups.items() if base in bases]
            if len(found) > 1:
                raise AmbiguousError(name, [Name(b, u) for (b, u) in self.groups if b in bases])
            if found:
                return found[0]
        return None

    def is_group(self, name: Name) -> bool:
        """Whether a name stands for a vector or a matrix."""
        return not any(form in self.names for form in forms(name))

    def matrix(self, name: Name) -> bool:
        """Whether a name stands for a matrix."""
        return self.is_group(name) and any(len(index) > 1 for index, _ in self.nodes(name))

    def shaped(self, name: Name, nodes: list[tuple[tuple[Index, ...], Any]], numbers: Array) -> Array:
        """The numbers of a name's scalars as a number, a column or a matrix."""
        if not self.is_group(name):
            return float(numbers[0])
        indices = [index for index, _ in nodes]
        if len(numbers) == 1:
            return float(numbers[0])
        if all(len(index) == 1 for index in indices):
            return self.np.array(numbers, float).reshape(-1, 1)
        lower = [index[-2:] for index in indices]
        rows, columns = (list(dict.fromkeys(sorted(index[k] for index in lower))) for k in (0, 1))
        if len(rows) * len(columns) != len(lower):
            raise NotReadError(f"{name.plain()} is not a whole matrix in this graph")
        filled = self.np.empty((len(rows), len(columns)))
        for (row, column), number in zip(lower, numbers):
            filled[rows.index(row), columns.index(column)] = number
        return filled

    def known(self, name: Name) -> bool:
        """Whether a name stands for something."""
        if any(form in self.given for form in (name, *forms(name))):
            return True
        try:
            return bool(self.nodes(name))
        except NotReadError:
            return False

    def value(self, name: Name) -> Array:
        """What a name stands for at this point."""
        for form in (name, *forms(name)):
            if form in self.given:
                return self.given[form][self.point]
        for form in forms(name):  # y₂ of a vector y
            vector = self.given.get(Name(form.base, form.upper)) if len(form.lower) == 1 else None
            if vector is not None and isinstance(form.lower[0], int):
                column = vector[self.point]
                if not isinstance(column, float) and 0 < form.lower[0] <= len(column):
                    return float(column[form.lower[0] - 1, 0])
        nodes = self.nodes(name)
        return self.shaped(name, nodes, [found[0].data for _, found in nodes])

    # ---- functions

    def net_input(self, layer: Any) -> Name:
        """The net inputs of the layer with this upper index, at which its φ′ is taken."""
        found = {Name(name.base, name.upper) for name, nodes in self.names.items()
                 if name.upper == layer and self.function_of(nodes[0]) not in ("", "linear")}  # fmt: skip
        if len(found) != 1:
            raise NotReadError(f"{Name('φ′', layer).plain()} names no layer here: write φ′ of its net input")
        return found.pop()

    def everything(self) -> Iterator[tuple[str, list[Array]]]:
        """Each named quantity, each part of the graph and each entry of what was defined: in words, at all points."""
        for name, values in self.given.items():
            yield name.plain(), values
            if not isinstance(values[0], float):
                for i in range(len(values[0])):
                    yield Name(name.base, name.upper, (i + 1,)).plain(), [float(value[i, 0]) for value in values]
        for name in (*self.names, *(Name(base, upper) for base, upper in self.groups)):
            values = []
            for point in range(POINTS):
                self.go(point)
                try:
                    values.append(self.value(name))
                except NotReadError:
                    break
            else:
                yield name.plain(), values
        for node in self._order:
            if node.parents:
                yield "a term", [saved[node] for saved in self._saved]

    def function_of(self, node: Value) -> str:
        """The function that is applied to a node, by the name of its operation; empty if none is."""
        return self._activation.get(node, "")

    def function(self, word: str, argument: Term) -> Callable[[float], tuple[float, float]]:
        """φ and φ′ of one number; which function φ is, its argument says."""
        kind = word
        if word == "φ":
            kinds: set[str] = set()
            if argument.datum in self.given:
                pass
            elif argument.head == "name" and isinstance(argument.datum, Name):
                kinds = {self._activation.get(found[0], "") for _, found in self.nodes(argument.datum)} - {""}
            kinds = kinds or self._kinds
            if len(kinds) != 1:
                raise NotReadError("which function φ is here cannot be seen from its argument")
            (kind,) = kinds
        if kind == "linear":
            return lambda x: (x, 1.0)
        op = TABLE.get(kind)
        if op is None or op.takes_list or len(op.arguments) - len(op.defaults) != 1:
            raise NotReadError(f"{word} is not a function of one number")
        defaults = tuple(op.defaults.values())

        def both(x: float) -> tuple[float, float]:
            value, slopes = op.evaluate(x, *defaults)
            return value, slopes[0]

        return both


def forms(name: Name) -> list[Name]:
    """The names that a written name can be: W2 is W², w₂ or w²; w11 is w₁₁."""
    if not (name.lower and isinstance(name.lower[0], str) and name.lower[0].startswith("#")):
        return [name] if not name.upper or name.lower else [name, Name(name.base, (), name.upper)]
    digits, rest = name.lower[0][1:], name.lower[1:]
    single = tuple(map(int, digits))
    return [Name(name.base, name.upper, (*single, *rest)), Name(name.base, (int(digits),), rest),
            Name(name.base, name.upper, (int(digits), *rest))]  # fmt: skip


def _whole(name: Name) -> bool:
    """Whether a name can be that of a vector or a matrix: it has no number below, as W² and W_I."""
    return all(isinstance(i, str) and i.isupper() for i in name.lower)


def name_text(name: Name) -> str:
    """A name as the student wrote it."""
    return name.plain().replace("_{#", "").replace("#", "").replace("}", "")


def replace_sample(name: Name) -> Name:
    """The name of a quantity; of several samples only the first can be spoken of."""
    return Name(name.base, name.upper, name.lower) if name.sample in (None, 1) else name
