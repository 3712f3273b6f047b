"""How the ledger groups paths: by sample, by neuron, by layer, by source line."""

from __future__ import annotations

import linecache
import math
import os.path
from collections.abc import Callable, Iterator, Sequence
from operator import is_
from typing import NamedTuple

from ..answer import Answer, Part
from ..notation.naming import Names
from ..notation.neurons import Key, Structure, kind
from ..notation.tables import Table, column
from ..value import Value
from .paths import Group, grouped, grouped_from_root

SHOWN = 12


class Entry(NamedTuple):
    """One group of paths: its name, the sum of their products, and how many they are."""

    name: str
    total: float
    paths: int


class Groups(Answer, Sequence[Entry]):
    """A gradient split into groups that sum to it, the largest first; ``groups["sample 3"]`` is one total."""

    def __init__(self, kind: str, title: str, entries: Sequence[Entry], total: float, count: str = "paths") -> None:
        self.kind, self.title, self.total, self._heads = kind, title, total, (kind, "sum", count)
        self.entries = sorted(entries, key=lambda entry: -abs(entry.total) if entry.total == entry.total else -math.inf)

    def __getitem__(self, item: int | slice | str) -> Entry | Sequence[Entry] | float:  # type: ignore[override]
        if not isinstance(item, str):
            return self.entries[item]
        for entry in self.entries:
            if entry.name == item:
                return entry.total
        raise KeyError(f"no group {item!r}; there are {', '.join(entry.name for entry in self.entries[:SHOWN])}")

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def _heading(self) -> str:
        return f"Parts of a gradient, by {self.kind}"

    def _content(self) -> list[Part]:
        shown, rest = self.entries[:SHOWN], self.entries[SHOWN:]
        if rest:
            name = f"{len(rest)} more"
            shown = [*shown, Entry(name, math.fsum(e.total for e in rest), sum(e.paths for e in rest))]
        numbers = [entry.total for entry in shown]
        texts = column([*numbers, self.total])
        rows: list[list[str] | None] = [[e.name, text, f"{e.paths:,}"] for e, text in zip(shown, texts)]
        rows += [None, ["total", texts[-1], f"{sum(e.paths for e in self.entries):,}"]]
        return [Table(self._heads, rows, (1, 2), self.title, numbers)]


def split(
    by: str | Callable[[Value], Group | None],
    names: Names,
    between: Sequence[Value],
    adjoints: dict[Value, float],
) -> list[Entry]:
    """The groups of a ledger; see `autograd.explain.Ledger.by`."""
    structure = names.structure
    if callable(by):
        totals = grouped(between, adjoints, by)
        return [Entry("no group" if key is None else str(key), *sums) for key, sums in totals.items()]
    if by == "sample":
        return _by_sample(names, between, adjoints)
    if by == "line":
        totals = grouped(between, adjoints, lambda node: node.source)
        return [Entry(_line(key), *sums) for key, sums in totals.items()]
    if by == "neuron":
        return _by_neuron(names, between, adjoints)
    if by == "layer":

        def layer(node: Value) -> Group | None:
            return structure.owner[node].layer if node in structure.owner and node in structure.of else None

        totals = grouped(between, adjoints, layer)
        return [Entry("outside the layers" if key is None else f"layer {key}", *sums) for key, sums in totals.items()]
    raise ValueError(f"a ledger groups by 'sample', 'neuron', 'layer', 'line' or a function of a node; not by {by!r}")


def _line(source: object) -> str:
    if not isinstance(source, tuple):
        return "no line recorded (make the graph inside autograd.record_source())"
    file, number = source
    return f"{os.path.basename(file)}:{number}  {linecache.getline(file, number).strip()}".rstrip()


def _by_neuron(names: Names, between: Sequence[Value], adjoints: dict[Value, float]) -> list[Entry]:
    structure = names.structure
    leaf, root = between[0], between[-1]
    own = structure.owner.get(leaf) or (structure.of[leaf].key if leaf in structure.of else None)

    def neuron(node: Value) -> Key | None:
        found = structure.of.get(node)
        return None if found is None or found.key == own else found.key

    totals = grouped(between, adjoints, neuron)
    here = "its own neuron only" if own else "no neuron"
    if set(totals) == {None}:  # no network: labeled intermediate results, else functions
        inner = [node for node in between[1:] if node is not root]
        words = {node: names.text(node) for node in inner if names.given(node)}
        words = words or {node: names.in_words(node) for node in inner if kind(node) != "arithmetic"}
        totals = grouped(between, adjoints, words.get)
        here = "its own neuron only" if own else "directly"
        return [Entry(here if key is None else str(key), *sums) for key, sums in totals.items()]
    return [
        Entry(f"neuron {names.of_neuron(key)}" if isinstance(key, Key) else here, *sums) for key, sums in totals.items()
    ]


def _by_sample(names: Names, between: Sequence[Value], adjoints: dict[Value, float]) -> list[Entry]:
    structure = names.structure
    found = samples(names, set(between))
    if len(found) < 2 and structure.several:

        def evaluation(node: Value) -> Group | None:
            return structure.of[node].sample if node in structure.of else None

        totals = grouped(between, adjoints, evaluation)
        return [Entry("no sample" if key is None else f"sample {key}", *sums) for key, sums in totals.items()]
    totals = grouped_from_root(between, dict(found))
    return [
        Entry("sample 1" if key is None and len(totals) == 1 else str(key or "directly"), *s)
        for key, s in totals.items()
    ]


def samples(names: Names, inside: set[Value]) -> dict[Value, str]:
    """The terms of the loss and what they are called: ``sample 1``, … in the sum (or mean) that has most of them.

    A loss is a sum or a mean of one term per sample, perhaps times a number, perhaps with other terms (weight
    decay). Among the sums at the top of the graph, at most three deep, the one with most terms that are in
    ``inside`` is the sum over samples. A term with a label is called by it; other terms are ``term 1``, …. Terms that
    depend on the same evaluation of a network (the entries of a vector's squared error) are one sample.
    """
    structure = names.structure
    sums: list[tuple[list[Value], list[Value]]] = []  # terms, and the terms of outer sums that lead here
    pending: list[tuple[Value, list[Value]]] = [(structure.root, [])]
    while pending:
        node, outer = pending.pop(0)
        terms = _terms(node, structure)
        if len(terms) > 1:
            sums.append((terms, outer))
            pending += [(term, [*outer, term]) for term in terms if len(outer) < 2]
    if not sums:
        return {}
    main, outer = max(sums, key=lambda found: sum(term in inside for term in found[0]))
    called: dict[Value, str] = {}
    for terms, leading in sums:
        if len(leading) < len(outer) and all(map(is_, leading, outer)):
            for i, term in enumerate(terms, 1):
                if term is not outer[len(leading)]:
                    called[term] = _own(names, term) or f"term {i}"
    for i, term in enumerate(main, 1):
        sample = _evaluation(term, structure) if structure.neurons else i
        called[term] = _own(names, term) or (f"sample {sample}" if sample else f"term {i}")
    return called


def _own(names: Names, term: Value) -> str:
    """The name of a term of the loss by its label; empty if it has none."""
    return names.text(term) if term in names.labels and term not in names.structure.of else ""


def _evaluation(term: Value, structure: Structure) -> int | None:
    """Which evaluation of the network a term of the loss depends on; None if on none, or on several."""
    found: set[int] = set()
    stack, seen = [term], {term}
    while stack and len(found) < 2:
        node = stack.pop()
        if node in structure.of:
            found.add(structure.of[node].sample)
        else:
            stack += [parent for parent in node.parents if parent not in seen]
            seen.update(node.parents)
    return found.pop() if len(found) == 1 else None


def _terms(node: Value, structure: Structure) -> list[Value]:
    """The terms of a sum or mean, perhaps times numbers; a neuron's net input is not such a sum."""
    while True:
        inner = [parent for parent in node.parents if parent.op != "constant"]
        if node.op == "mean":
            return list(node.parents)
        if (
            node.op not in ("mul", "div", "neg", "identity")
            or len(inner) != 1
            or (inner[0] is node.parents[-1] and node.op == "div")
        ):
            break
        node = inner[0]
    terms: list[Value] = []
    top = node
    while node.op == "add" and node not in structure.owner and (node is top or not node.label):
        terms.append(node.parents[1])
        node = node.parents[0]
    if terms and not (node.op == "constant" and node.data == 0):
        terms.append(node)
    return terms[::-1]
