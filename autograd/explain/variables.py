"""The quantities that a derivation names, and the local derivatives between them.

A graph has a node for each product and each sum; a lecturer names z, a, ŷ and e. The nodes between two named
quantities are taken together: their local derivatives are multiplied into one, such as ∂e/∂ŷ = 2·(ŷ − y).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..notation.expression import Expression, clipped, number, operation, symbol, times, total
from ..notation.names import Name
from ..notation.naming import Names
from ..notation.neurons import kind
from ..notation.slopes import slope
from ..notation.spelling import spelled
from ..ops import TABLE
from ..value import Value
from .paths import depending
from .patterns import folded

_LARGEST = 3000
"""The nodes of the largest expression that is written out (before it is folded and clipped)."""
_LONGEST = 8
"""The factors between two named quantities; after as many a name is put in."""


class Edge(NamedTuple):
    """∂ user / ∂ quantity, along one way between them."""

    user: Value
    slope: Expression


class Variables:
    """The named quantities between a leaf and a root.

    Attributes:
        names: of each node on a path that is worth a line of its own.
        edges: for each named quantity, its users and the derivatives of these with respect to it.
        letter: how an activation is written: φ if the network has one, otherwise its own name.
        shares: the shares exp(x) / Σ exp that slopes mention and that are no nodes of the way, with what they are.
    """

    def __init__(self, root: Value, leaf: Value, called: Names) -> None:
        self.root, self.leaf, self.called = root, leaf, called
        self.structure = structure = called.structure
        self.between: Sequence[Value] = depending(structure.order, leaf)
        self.activations = {n.a: n for n in structure.neurons if n.a is not n.z and n.a.op != "softmax"}
        kinds = {node.op for node in self.activations}
        self.letter = {kind: "φ" if len(kinds) == 1 else {"sigmoid": "σ"}.get(kind, kind) for kind in kinds}
        self.names = {node: called[node] for node in self._notable()}
        self._used: dict[Name, Value] = {}
        self.edges = self._edges()
        self._written: dict[Value, Expression] = {}
        self._primes = {
            Expression("prime", (self.expression(node.parents[0]),), self.letter[node.op]): node
            for node in self.activations
            if node.op == "sigmoid" and self._named(node)
        }

    # ---- which nodes are worth a line ----

    def _notable(self) -> list[Value]:
        """The ends, what has a name of its own, what is used twice, and, outside networks, functions and what they
        are applied to; after a long product whatever comes next."""
        called, inside = self.called, set(self.between)
        uses = dict.fromkeys(self.between, 0)
        for node in self.between:
            for parent in node.parents:
                if parent in inside:
                    uses[parent] += 1
        notable: set[Value] = set()
        factors = dict.fromkeys(self.between, 0)  # since the last notable quantity
        for node in self.between:
            function = not called.structure.neurons and kind(node) not in ("", "arithmetic") and node.op != "pow"
            ends = node is self.root or node is self.leaf
            if ends or called.given(node) or uses[node] > 1 or function or _most(factors, node) > _LONGEST:
                notable.add(node)
            if function and node is not self.leaf:
                notable.update(parent for parent in node.parents if parent in inside and parent.parents)
            if node not in notable:
                factors[node] = _most(factors, node)
        return [node for node in self.between if node in notable]

    # ---- expressions ----

    def expression(self, node: Value) -> Expression:
        """A node as it appears in an equation: its name, or what it is computed from down to named nodes."""
        return symbol(self.called[node], node.data) if self._named(node) else self.definition(node)

    def definition(self, node: Value, avoid: str = "") -> Expression:
        """What a node is computed from, down to named nodes; sums are folded, what is too long becomes dots."""
        if node not in self._written:
            self._written[node] = clipped(folded(self._tree(node), avoid))
        return self._written[node]

    def _tree(self, top: Value) -> Expression:
        region: dict[Value, None] = {}
        level = [top]
        while level and len(region) < _LARGEST:
            region.update(dict.fromkeys(level))
            level = [p for node in level for p in node.parents if p not in region and not self._named(p)]
        built: dict[Value, Expression] = {}
        stack = [top]
        while stack:
            node = stack[-1]
            waiting = [p for p in node.parents if p in region and p not in built]
            if waiting and node not in built:
                stack.extend(waiting)
                continue
            stack.pop()
            if node not in built:
                parts = [built[p] if p in region else self._end(p) for p in node.parents]
                built[node] = self._operation(node, parts) if node.parents else self._end(node)
        return built[top]

    def _named(self, node: Value) -> bool:
        return node in self.names or self.called.given(node) is not None

    def _end(self, node: Value) -> Expression:
        if self._named(node):
            return symbol(self.called[node], node.data)
        return Expression("dots" if node.parents else "constant", (), node.data, node.data)

    def _operation(self, node: Value, parts: list[Expression]) -> Expression:
        if node in self.activations:
            return Expression("applied", (parts[0],), self.letter[node.op], TABLE[node.op].evaluate(*_data(node))[0])
        if node.op in ("add", "mul"):
            kept = [p for p in parts if not (node.op == "add" and p.head == "constant" and p.datum == 0)] or parts
            return total(kept) if node.op == "add" else Expression("product", _factors(kept))
        return spelled(node.op, parts)

    # ---- local derivatives between named quantities ----

    def _edges(self) -> dict[Value, list[Edge]]:
        inside = set(self.between)
        edges: dict[Value, list[Edge]] = {}
        self._written = {}
        for user in reversed(self.between):
            if user not in self.names or user is self.leaf:
                continue
            pending: list[tuple[Value, Expression]] = [(user, number(1))]
            while pending:
                node, above = pending.pop()
                for position, parent in enumerate(node.parents):
                    if parent not in inside:
                        continue
                    below = times(above, self._slope(node, position))
                    if parent in self.names:
                        edges.setdefault(parent, []).append(Edge(user, below))
                    else:
                        pending.append((parent, below))
        return {node: found[::-1] for node, found in edges.items()}

    def _slope(self, node: Value, position: int) -> Expression:
        if node.op in ("add", "identity"):
            return number(1)
        if node.op in ("sub", "neg"):
            return number(-1 if node.op == "neg" or position else 1)
        if node in self.activations and position == 0:
            local = TABLE[node.op].evaluate(*_data(node))[1][0]
            return Expression("prime", (self.expression(node.parents[0]),), self.letter[node.op], local)
        return slope(node, position, self.expression, self._share)

    def _share(self, node: Value, amount: float) -> Expression | None:
        """The name of exp(x) / Σ exp: ŷ if x is the net input that a softmax takes, s for another x with an index."""
        name = self.called.share(node)
        if name is None:
            named = self.called.given(node)
            if named is None or not named.lower or any(name.base == "s" for name in self.called.values()):
                return None
            name = Name("s", (), named.lower, named.sample)
        if name not in self.names.values():
            self._used[name] = node
        return symbol(name, amount)

    @property
    def shares(self) -> dict[Name, Expression]:
        """See the class."""
        found = {}
        for name, node in self._used.items():
            user = next(n for n in self.structure.order if n.op in SHARES and node in n.parents)
            below = total([operation("exp", self.expression(parent)) for parent in user.parents])
            found[name] = folded(operation("div", operation("exp", self.expression(node)), below))
        return found

    def inner(self, prime: Expression) -> Expression | None:
        """φ′(z) in terms of the name of φ(z): ŷ·(1 − ŷ) of a sigmoid."""
        node = self._primes.get(prime)
        if node is None:
            return None
        out = symbol(self.called[node], node.data)
        return times(out, operation("sub", number(1), out))


SHARES = frozenset({"log_sum_exp", "softmax", "log_softmax"})


_UNIT = frozenset({"add", "sub", "neg", "identity"})


def _most(factors: dict[Value, int], node: Value) -> int:
    """The most factors on a way from a named quantity to this node."""
    return max((factors.get(parent, 0) for parent in node.parents), default=0) + (node.op not in _UNIT)


def _data(node: Value) -> list[float]:
    return [parent.data for parent in node.parents]


def _factors(parts: Sequence[Expression]) -> tuple[Expression, ...]:
    return tuple(q for p in parts for q in (p.parts if p.head == "product" else (p,)))
