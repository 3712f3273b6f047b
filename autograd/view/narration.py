"""What a frame says: one sentence and one formula for each change that a pass makes.

`Narrator` tells of the reverse pass, in which the derivative of the root by each node grows; `TangentNarrator` of
forward mode, in which the derivative of each node by one leaf grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..notation.expression import Expression, operation, relation, symbol
from ..notation.expression import number as literal
from ..notation.names import Name
from ..notation.naming import UserNames, names_of
from ..notation.render import render
from ..notation.slopes import Condition, DerivationError, slope
from ..notation.spelling import in_numbers, short, spelled
from ..notation.styles import Compact
from ..text import number
from ..value import Value

Kind = Literal["start", "value", "seed", "gain", "nothing", "update", "free", "end"]

Phase = Literal["forward", "backward", "tangents"]


@dataclass(frozen=True)
class Frame:
    """One step of the forward or of the backward pass, or of forward mode's pass of tangents.

    Attributes:
        index: its place among the frames, from 0.
        phase: ``"forward"``, then ``"backward"``, or ``"tangents"`` in forward mode.
        kind: ``"start"`` (the leaves are given), ``"value"`` (a node is computed), ``"seed"`` (∂L/∂L = 1), ``"gain"``
            (an adjoint, or a tangent, grows along an edge), ``"nothing"`` (a zero that carries nothing), ``"update"``
            (a parameter takes a step), ``"free"`` (an adjoint leaves memory), ``"end"``.
        node: the position in ``graph.topological(root)`` of the node whose value, adjoint or tangent changes; None
            for ``"start"`` and ``"end"``.
        edge: (position of the consumer, which operand of it) for a gain along an edge, else None.
        value: the node itself, from the graph that was given.
        subject: what changes, in words: ``"z1"``, ``"∂L/∂w2"``.
        before: the number before the step; None if there was none.
        after: the number after the step; None if it is gone.
        sentence: what happens, in one plain sentence.
        rule: the local derivative that a gain uses (``∂z/∂w = x``), as a formula; None elsewhere.
        symbols: the step as a formula with names; None where there is nothing to compute.
        numbers: the same formula with numbers.
    """

    index: int
    phase: Phase
    kind: Kind
    node: int | None
    edge: tuple[int, int] | None
    value: Value | None
    subject: str
    before: float | None
    after: float | None
    sentence: str
    rule: Expression | None
    symbols: Expression | None
    numbers: Expression | None

    @property
    def formula(self) -> str:
        """The formula on one line: with symbols, then with numbers."""
        return " = ".join(line(tree) for tree in (self.symbols, self.numbers) if tree is not None)

    def __str__(self) -> str:
        return f"{self.index:4}  {self.sentence}"


class Narrator:
    """Puts the changes to one graph into words, and counts them and the uses along which an adjoint grows.

    Args:
        given: the nodes of the reader's graph, in topological order.
        order: the nodes that are computed with, in the same order.
        names: letters of the reader's own.
    """

    second: Phase = "backward"
    """The pass that follows the forward one."""

    def __init__(self, given: Sequence[Value], order: Sequence[Value], names: UserNames | None = None) -> None:
        self.given, self.order = given, order
        self.at = {node: k for k, node in enumerate(order)}
        self.called = names_of(given[-1], names, given)
        self.names = [self.called.text(node) for node in given]
        self.root = self.names[-1]
        self.uses = [0] * len(order)  # edges along which the adjoint of each node comes
        for node in order:
            for parent in node.parents:
                self.uses[self.at[parent]] += 1
        self.arrived = [0] * len(order)
        self.leaves = [k for k, node in enumerate(order) if not node.parents and node.op != "constant"]
        self.count = 0

    def _frame(
        self,
        kind: Kind,
        node: int | None,
        subject: str,
        before: float | None,
        after: float | None,
        sentence: str,
        symbols: Expression | None = None,
        numbers: Expression | None = None,
        rule: Expression | None = None,
        edge: tuple[int, int] | None = None,
    ) -> Frame:
        index = self.count
        self.count += 1
        phase: Phase = "forward" if kind in ("start", "value") else self.second
        value = None if node is None else self.given[node]
        return Frame(
            index, phase, kind, node, edge, value, subject, before, after, sentence, rule, symbols, numbers
        )  # fmt: skip

    def _adjoint(self, k: int) -> str:
        return f"∂{self.root}/∂{self.names[k]}"

    def _partial(self, k: int, of: int = -1) -> Expression:
        """∂L/∂node, or the derivative of another node than L."""
        return Expression("partial", (), (self._name(of), self._name(k)), self.order[k].grad)

    def _name(self, k: int) -> Name:
        return self.called[self.given[k]]

    def symbol(self, node: Value) -> Expression:
        """A node in a formula: its name; a constant without one is its number."""
        k = self.at[node]
        if node.op == "constant" and self.called.given(self.given[k]) is None:
            return literal(node.data)
        return symbol(self._name(k), node.data)

    def operation(self, node: Value) -> Expression:
        """What a node is computed from, by name."""
        return short(spelled(node.op, [self.symbol(parent) for parent in node.parents]))

    def start(self) -> Frame:
        """The leaves, as they are given."""
        if not self.leaves:
            return self._frame("start", None, "", None, None, "All numbers here are constants.")
        given = _listed([f"{self.names[k]} = {number(self.order[k].data)}" for k in self.leaves])
        them = "it" if len(self.leaves) == 1 else "them"
        rest = f"; all other values are computed from {them}" if len(self.leaves) < len(self.order) else ""
        return self._frame("start", None, "", None, None, f"We are given {given}{rest}.")

    def computed(self, k: int, node: Value) -> Frame:
        """A node gets its value from its operands."""
        symbols = self.operation(node)
        numbers = in_numbers(symbols)
        name, result = self.names[k], literal(node.data)
        parts = [name, line(symbols), line(numbers), line(result)]
        sentence = " = ".join(dict.fromkeys(parts)) + self._remark(node)
        return self._frame(
            "value", k, name, None, node.data, sentence,
            relation(self.symbol(node), symbols), relation(numbers, result),
        )  # fmt: skip

    def _remark(self, node: Value) -> str:
        """A full stop, or what a nan or an infinity means where it first appears."""
        clean = all(parent.data - parent.data == 0 for parent in node.parents)
        if node.data != node.data and clean:
            return f": {node.op} has no real value here, and all that depends on it is nan (not a number)."
        if node.data - node.data != 0 and clean:
            return ": the result is infinite."
        return "."

    def seed(self) -> Frame:
        """The backward pass starts at the root."""
        adjoint = self._adjoint(len(self.order) - 1)
        sentence = f"The backward pass starts here: {adjoint} = 1, since {self.root} changes exactly as much as itself."
        top = len(self.order) - 1
        return self._frame("seed", top, adjoint, 0.0, self.order[-1].grad, sentence, self._partial(top), literal(1.0))

    def carries_nothing(self, k: int, node: Value, parents: list[Value]) -> Frame:
        """A zero adjoint reaches none of the operands."""
        targets = _listed(list(dict.fromkeys(self.names[self.at[parent]] for parent in parents)))
        sentence = f"{self._adjoint(k)} is 0, so {self.names[k]} carries nothing to {targets}."
        return self._frame("nothing", k, self._adjoint(k), node.grad, node.grad, sentence)

    def gain(self, k: int, node: Value, position: int, before: float) -> Frame:
        """The adjoint of an operand has grown from ``before`` to its ``grad`` by what came along one edge."""
        target = self.at[node.parents[position]]
        if node.local_derivatives[position]:
            self.arrived[target] += 1
        nth, uses, name = self.arrived[target], self.uses[target], self.names[target]
        which = f"this is the first of the {uses} uses of {name}" if uses > 1 else ""
        if nth > 1:
            which = f"this is the {_ordinal(nth)} use of {name}, so it is added"
        final = node is self.order[-1]  # ∂L/∂L · ∂L/∂x would define ∂L/∂x by itself
        return self._grown(target, self._partial(target), (k, position), self._partial(k), before, which, nth, final)

    def _grown(
        self, target: int, grows: Expression, edge: tuple[int, int], outer: Expression, before: float, which: str,
        nth: int, final: bool,
    ) -> Frame:  # fmt: skip
        """A derivative has grown by the product of another one and of the local derivative of an edge.

        Args:
            target: the node that it is noted at.
            grows: what grew, with its number now.
            edge: whose local derivative it is.
            outer: the derivative that it is multiplied by.
            before: the number before.
            which: a remark on the place among all that are added.
            nth: that place, from 1.
            final: whether to write the local derivative out in any case.
        """
        k, position = edge
        node = self.order[k]
        subject, derivative, known = line(grows), node.local_derivatives[position], outer.value
        local = Expression("partial", (), (self._name(k), self._name(self.at[node.parents[position]])), derivative)
        slope, why = self._slope(node, position)
        rule = relation(local, *_distinct(slope, literal(derivative)))
        after = self.order[target].grad
        if not derivative:
            because = f" {why.partition(' 0 ')[2]}" if why else " here"
            source = self.names[self._source(edge)]
            sentence = f"{subject} gains nothing from {source}: the local derivative is 0{because}."
            return self._frame("nothing", target, subject, before, after, sentence, rule=rule, edge=edge)
        factor = slope if final or len(line(slope)) <= 40 else local
        gained = known * derivative
        product = operation("mul", literal(known), literal(derivative))
        gain = f"{subject} gains {line(operation('mul', outer, factor))} = {line(product)} = {number(gained)}"
        if nth > 1:
            plus = number(gained) if gained >= 0 else f"({number(gained)})"
            which = f"{which}: {number(before)} + {plus} = {number(after)}"
        sentence = f"{gain}{'; ' * bool(which)}{which}."
        if why:
            sentence = f"{sentence[:-1]} ({why})."
        symbols, numbers = operation("mul", outer, factor if final else local), product
        if nth > 1:
            symbols = operation("add", grows, symbols)
            numbers = operation("add", literal(before), numbers)
        return self._frame(
            "gain", target, subject, before, after, sentence,
            relation(grows, symbols, sign="←" if which else "="), relation(numbers, literal(after)), rule, edge,
        )  # fmt: skip

    def _source(self, edge: tuple[int, int]) -> int:
        """The node that an edge brings something from."""
        return edge[0]

    def _slope(self, node: Value, position: int) -> tuple[Expression, str]:
        """The derivative formula with names, and why a branch of it was taken."""
        taken: list[Condition] = []
        try:
            found = short(slope(node, position, self.symbol, taken=taken))
        except DerivationError:  # a formula that means another number than it gives, such as 0 · ∞
            return literal(node.local_derivatives[position]), ""
        if not taken:
            return found, ""
        left, sign, right = taken[-1]
        return found, f"the slope is {number(node.local_derivatives[position])} since {line(left)} {sign} {line(right)}"

    def free(self, k: int) -> Frame:
        """A node's adjoint leaves memory."""
        adjoint = self._adjoint(k)
        sentence = f"{adjoint} is freed from memory: it has been handed on, and nothing needs it anymore."
        return self._frame("free", k, adjoint, self.order[k].grad, None, sentence)

    def update(self, k: int, rate: float, before: float) -> Frame:
        """A parameter has moved from ``before`` against its gradient."""
        node, name = self.order[k], self.names[k]
        step = operation("mul", symbol(Name("η"), rate), self._partial(k))
        moved = operation("sub", symbol(self._name(k), before), step)
        symbols = relation(symbol(self._name(k), before), moved, sign="←")
        numbers = relation(in_numbers(moved), literal(node.data))
        sentence = f"{name} takes its step: {line(symbols)} = {line(numbers)}."
        return self._frame("update", k, name, before, node.data, sentence, symbols, numbers)

    def end(self) -> Frame:
        """All gradients of the leaves."""
        found = _listed([f"{self._adjoint(k)} = {number(self.order[k].grad)}" for k in self.leaves])
        return self._frame("end", None, "", None, None, f"Done: {found}." if found else "Done: there are no leaves.")


class TangentNarrator(Narrator):
    """Tells of forward mode: how fast each node moves when one leaf does.

    Args:
        given, order, names: as for `Narrator`.
        leaf: the position of the leaf.
    """

    second = "tangents"

    def __init__(self, given: Sequence[Value], order: Sequence[Value], names: UserNames | None, leaf: int) -> None:
        super().__init__(given, order, names)
        self.leaf = leaf
        mine = {k: 1 << n for n, k in enumerate(self.leaves)}
        self._moved_by: list[int] = []  # for each node a bit for each leaf that it depends on
        for k, node in enumerate(order):
            bits = mine.get(k, 0)
            for parent in node.parents:
                bits |= self._moved_by[self.at[parent]]
            self._moved_by.append(bits)
        self._edges = [self._moved_by[self.at[parent]] for node in order for parent in node.parents]
        self._bit = mine[leaf]

    def moves(self, k: int) -> bool:
        """Whether a node depends on the leaf."""
        return bool(self._moved_by[k] & self._bit)

    @property
    def products(self) -> int:
        """How many products of local derivatives the pass makes: one for each edge on a path from the leaf."""
        return sum(bool(bits & self._bit) for bits in self._edges)

    def _tangent(self, k: int) -> Expression:
        return Expression("partial", (), (self._name(k), self._name(self.leaf)), self.order[k].grad)

    def _source(self, edge: tuple[int, int]) -> int:
        return self.at[self.order[edge[0]].parents[edge[1]]]

    def seed(self) -> Frame:
        """The pass starts at the leaf."""
        name, tangent = self.names[self.leaf], self._tangent(self.leaf)
        sentence = (
            f"Forward mode starts here: {line(tangent)} = 1, since {name} changes exactly as much as itself, "
            "and no other leaf moves."
        )
        after = self.order[self.leaf].grad
        return self._frame("seed", self.leaf, line(tangent), 0.0, after, sentence, tangent, literal(1.0))

    def gain(self, k: int, node: Value, position: int, before: float) -> Frame:
        """The tangent of a node has grown from ``before`` to its ``grad`` by what came along one edge."""
        source = self.at[node.parents[position]]
        if node.local_derivatives[position]:
            self.arrived[k] += 1
        ways = sum(self.moves(self.at[parent]) for parent in node.parents)
        nth, name, leaf = self.arrived[k], self.names[k], self.names[self.leaf]
        which = f"this is the first of the {ways} operands of {name} that move with {leaf}" if ways > 1 else ""
        if nth > 1:
            which = f"this is the {_ordinal(nth)} operand of {name} that moves, so it is added"
        return self._grown(
            k, self._tangent(k), (k, position), self._tangent(source), before, which, nth, source == self.leaf
        )

    def end(self) -> Frame:
        """The derivative of the root, and what all leaves cost in both modes."""
        root = len(self.order) - 1
        forward, reverse = sum(bits.bit_count() for bits in self._edges), sum(map(bool, self._edges))
        cost = ""
        if len(self.leaves) > 1:
            cost = (
                f" This took {_times(self.products)}. For all {len(self.leaves)} leaves forward mode takes {forward}, "
                f"one pass for each, and reverse mode {reverse}, in one pass."
            )
        tangent = line(self._tangent(root))
        return self._frame("end", None, "", None, None, f"Done: {tangent} = {number(self.order[root].grad)}.{cost}")


def _times(count: int) -> str:
    return f"{count} multiplication{'s' * (count != 1)}"


_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def _ordinal(n: int) -> str:
    if n < len(_ORDINALS):
        return _ORDINALS[n]
    return f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _listed(parts: list[str], most: int = 6) -> str:
    if len(parts) > most:
        return f"{', '.join(parts[: most - 1])} and {len(parts) - most + 1} more"
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def line(expression: Expression) -> str:
    """An expression on one line of Unicode text."""
    return render(expression, Compact())


def _distinct(*trees: Expression) -> list[Expression]:
    """The trees that read differently from the one before."""
    return [tree for tree, last in zip(trees, (None, *trees)) if last is None or line(tree) != line(last)]
