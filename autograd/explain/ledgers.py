"""`ledger`: a gradient as a sum over chain-rule paths, the largest by name, the rest exactly accounted for."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

from ..answer import Answer, Part
from ..graph import edit_note, refuse_freed, topological
from ..notation.naming import Names, UserNames, names_of
from ..notation.neurons import Structure, kind
from ..notation.tables import Table, column
from ..text import counted, minus, number
from ..value import Value
from .contributions import Contribution, contribution
from .groups import Groups, split
from .paths import Group, Path, depending, require, sweep


class Ledger(Answer):
    """Where a gradient comes from: the entries sum to it. Made by `ledger`.

    Attributes:
        root, leaf: the quantity differentiated, and with respect to what.
        total: d root / d leaf, as ``root.backward()`` computes it.
        paths: the k paths of the largest absolute product, largest first (`Path`); ``autograd.draw(root,
            highlight=ledger.paths)`` shows them.
        remainder: what all other paths add up to; ``sum of paths + remainder == total``.
        count: the number of paths, an exact integer however large.
        live: how many of them carry something else than an exact zero.
        absolute: the sum of the absolute values of all paths.
    """

    def __init__(self, root: Value, leaf: Value, k: int, letters: UserNames | None = None) -> None:
        order = topological(root)
        require(root, leaf, order)
        self._letters = letters
        self.root, self.leaf = root, leaf
        self._order = order
        self._between = depending(order, leaf)
        sums = sweep(self._between, root, k)
        self.paths: tuple[Path, ...] = sums.best
        self.total, self.absolute, self.count, self.live = sums.total, sums.absolute, sums.number, sums.live
        self._adjoints = sums.adjoints
        self._edited = edit_note(root, order)
        listed = [path.product for path in self.paths]
        finite = all(map(math.isfinite, listed))
        self.remainder = (
            0.0 if len(listed) == self.count else self.total - (math.fsum(listed) if finite else sum(listed))
        )

    @property
    def cancellation(self) -> float:
        """Σ|path| / |Σ path|: 1 if all paths pull the same way, large if large parts nearly cancel."""
        if not self.absolute:
            return 1.0
        return self.absolute / abs(self.total) if self.total else math.inf

    @cached_property
    def names(self) -> Names:
        """The name of each node."""
        return names_of(self.root, self._letters, self._order)

    @property
    def structure(self) -> Structure:
        """The neurons found in the graph."""
        return self.names.structure

    @cached_property
    def contribution(self) -> Contribution:
        """What the node as a whole contributes to the root; its text is one sentence (see `contribution`)."""
        return contribution(self.root, self.leaf, self._letters)

    def by(self, kind: str | Callable[[Value], Group | None]) -> Groups:
        """All paths in groups whose sums add up to the total. Exact, and linear in the nodes.

        Args:
            kind: how a path finds its group:

                - ``"sample"``: by the term of the loss it comes through. The loss is a sum or mean, perhaps times
                  a number, perhaps with other terms such as weight decay; of the sums at the top of the graph the
                  one with most terms counts as the sum over samples, numbered in the order of addition (of evaluation,
                  if neurons are found; terms of one evaluation are one sample). A term with a label is called by
                  it. Where the loss is not such a sum, by the evaluation of the neuron that the
                  leaf enters.
                - ``"neuron"``: by the first neuron after the leaf's own: for a weight, which neurons of the next
                  layer carry its effect on. Neurons are found by the labels of their weights; without any, by the
                  first labeled intermediate result, else by the first function.
                - ``"layer"``: by the layer in which the path enters the network; weight decay enters none.
                - ``"line"``: by the source line of the operation that first uses the leaf, if the graph was made
                  inside `autograd.record_source`.
                - a function of a node: by the first node after the leaf for which it does not return None.

        Raises:
            ValueError: an unknown kind.
        """
        refuse_freed(self._order)
        entries = split(kind, self.names, self._between, self._adjoints)
        word = kind if isinstance(kind, str) else "group"
        return Groups(word, f"{self._gradient()} by {word}", entries, self.total)

    # ---- words ----

    def _gradient(self) -> str:
        return f"∂{self.names.text(self.root)}/∂{self.names.text(self.leaf)}"

    def sample(self, path: Path) -> int | None:
        """Which evaluation of the network a path runs through, from 1; None if it meets no neuron."""
        return next((self.structure.of[node].sample for node in path.nodes if node in self.structure.of), None)

    def describe(self, path: Path) -> str:
        """A path in words, from the leaf to the root: named nodes and functions; sums and products are passed over."""
        names = self.names
        words = [names.text(path.nodes[0])]
        inner = path.nodes[1:-1]
        notable = [n for n in inner if names.given(n) or kind(n) != "arithmetic"]
        for node in notable or (inner if len(inner) <= 6 else ()):
            name = names.given(node)  # the sample has a column of its own
            words.append(name.of_sample(None).plain() if node in self.structure.of and name else names.in_words(node))
        if len(path.nodes) > 1:
            words.append(names.text(path.nodes[-1]))
        return " → ".join(words)

    def _heading(self) -> str:
        return f"Where {self._gradient()} comes from"

    def _content(self) -> list[Part]:
        products = [path.product for path in self.paths]
        others = self.count - len(products)
        numbers = column([*products, *([self.remainder] if others else []), self.total])
        rows: list[list[str] | None] = [
            [str(i), text, self._share(path.product), str(self.sample(path) or ""), self.describe(path)]
            for i, (path, text) in enumerate(zip(self.paths, numbers), 1)
        ]
        if others:
            rest = "the other path" if others == 1 else f"all {others:,} other paths together"
            rows.append(["", numbers[-2], self._share(self.remainder), "", rest])
        rows += [None, ["", numbers[-1], "", "", f"= {self._gradient()}"]]
        heads = ["", "product", "share", "sample", "path"]
        if not self.structure.several:
            heads, rows = [*heads[:3], heads[4]], [row and [*row[:3], row[4]] for row in rows]
        bars = [*products, *([self.remainder] if others else [])]
        return [Table(heads, rows, range(len(heads) - 1), self._caption(), bars, limit=88), *self._edited]

    def _share(self, x: float) -> str:
        share = 100 * x / self.total if self.total else math.nan
        return minus(f"{share:.1f} %") if abs(share) < 1e6 else ""

    def _caption(self) -> str:
        return f"{self._gradient()} = {number(self.total, 6)}: {self._note()}"

    def _note(self) -> str:
        zero = self.count - self.live
        dead = (f", {zero:,} of them exactly 0" if self.count > 1 else ", exactly 0") if zero else ""
        note = counted(self.count, "path") + dead
        if not math.isfinite(self.total):
            return note + "; the gradient is not finite: autograd.detect_anomaly() finds where that began"
        if self.count > 1:
            note += f"; cancellation Σ|path| / |Σ path| = {number(self.cancellation)}"
        return note


def ledger(root: Value, leaf: Value, k: int = 10, names: UserNames | None = None) -> Ledger:
    """The chain-rule paths that make up d root / d leaf.

    Each path contributes the product of the local derivatives along it; the gradient is the sum over all paths. The k
    largest are found by dynamic programming over the graph, without listing the others; what those add up to is
    computed exactly. A product with an exact zero is zero (see `autograd.backward`). Local derivatives are those
    recorded when the graph was made; no ``.grad`` is read or changed.

    Args:
        root: what is differentiated.
        leaf: any node that root depends on: a leaf, or an activation or net input in between.
        k: how many paths to name, at least 0.
        names: letters of your own (see `autograd.notation.names_of`).

    Raises:
        TypeError: root or leaf is not a Value.
        ValueError: root does not depend on leaf, or k is negative.

    Example:
        >>> x = Value(3.0, "x")
        >>> y = x * x + x.sin()
        >>> entries = ledger(y, x)
        >>> [round(path.product, 4) for path in entries.paths], entries.count
        ([3.0, 3.0, -0.99], 3)
        >>> round(entries.total, 4), round(entries.cancellation, 4)
        (5.01, 1.3952)
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"the root is {type(root).__name__}: {str(root)[:40]}; a plain number has no paths. Compute it from Values."
        )
    if isinstance(k, bool) or not isinstance(k, int) or k < 0:
        raise ValueError(f"k is the number of paths to name, an integer of at least 0; got {k!r}")
    return Ledger(root, leaf, k, names)
