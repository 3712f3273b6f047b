"""What a frame says: one sentence and one formula for each change that a pass makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .. import ops
from ..notation.naming import UserNames, names_of
from ..text import number
from ..value import Value
from . import notation
from .notation import Tree
from .slopes import Slope

Kind = Literal["start", "value", "seed", "gain", "nothing", "update", "free", "end"]


@dataclass(frozen=True)
class Frame:
    """One step of the forward or of the backward pass.

    Attributes:
        index: its place among the frames, from 0.
        phase: ``"forward"`` or ``"backward"``.
        kind: ``"start"`` (the leaves are given), ``"value"`` (a node is computed), ``"seed"`` (∂L/∂L = 1), ``"gain"``
            (an adjoint grows along an edge), ``"nothing"`` (a zero that carries nothing), ``"update"`` (a parameter
            takes a step), ``"free"`` (an adjoint leaves memory), ``"end"``.
        node: the position in ``graph.topological(root)`` of the node whose value or adjoint changes; None for
            ``"start"`` and ``"end"``.
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
    phase: Literal["forward", "backward"]
    kind: Kind
    node: int | None
    edge: tuple[int, int] | None
    value: Value | None
    subject: str
    before: float | None
    after: float | None
    sentence: str
    rule: Tree | None
    symbols: Tree | None
    numbers: Tree | None

    @property
    def formula(self) -> str:
        """The formula on one line: with symbols, then with numbers."""
        return "" if self.symbols is None else f"{notation.line(self.symbols)} = {notation.line(self.numbers or [])}"

    def __str__(self) -> str:
        return f"{self.index:4}  {self.sentence}"


class Narrator:
    """Puts the changes to one graph into words, and counts them and the uses along which an adjoint grows.

    Args:
        given: the nodes of the reader's graph, in topological order.
        order: the nodes that are computed with, in the same order.
        names: letters of the reader's own.
    """

    def __init__(self, given: Sequence[Value], order: Sequence[Value], names: UserNames | None = None) -> None:
        self.given, self.order = given, order
        self.at = {node: k for k, node in enumerate(order)}
        called = names_of(given[-1], names, given)
        self.names = [called.text(node) for node in given]
        self.numbers = [node.op == "constant" and not called.given(node) for node in given]
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
        symbols: Tree | None = None,
        numbers: Tree | None = None,
        rule: Tree | None = None,
        edge: tuple[int, int] | None = None,
    ) -> Frame:
        index = self.count
        self.count += 1
        phase: Literal["forward", "backward"] = "forward" if kind in ("start", "value") else "backward"
        value = None if node is None else self.given[node]
        return Frame(
            index, phase, kind, node, edge, value, subject, before, after, sentence, rule, symbols, numbers
        )  # fmt: skip

    def _adjoint(self, k: int) -> str:
        return f"∂{self.root}/∂{self.names[k]}"

    def _name(self, node: Value) -> Tree:
        k = self.at[node]
        return notation.num(node.data) if self.numbers[k] else ["name", self.names[k]]

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
        op = ops.TABLE[node.op]
        symbols = notation.value(op, [self._name(parent) for parent in node.parents])
        numbers = notation.value(op, [notation.num(parent.data) for parent in node.parents])
        name, result = self.names[k], number(node.data)
        parts = [name, notation.line(symbols), notation.line(numbers), result]
        sentence = " = ".join(dict.fromkeys(parts)) + self._remark(node)
        return self._frame(
            "value", k, name, None, node.data, sentence,
            notation.row(["name", name], "=", symbols), notation.row(numbers, "=", notation.num(node.data)),
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
        one = notation.num(1.0)
        root = self.order[-1]
        return self._frame(
            "seed", len(self.order) - 1, adjoint, 0.0, root.grad, sentence, notation.partial(self.root, self.root), one
        )

    def carries_nothing(self, k: int, node: Value, parents: list[Value]) -> Frame:
        """A zero adjoint reaches none of the operands."""
        targets = _listed(list(dict.fromkeys(self.names[self.at[parent]] for parent in parents)))
        sentence = f"{self._adjoint(k)} is 0, so {self.names[k]} carries nothing to {targets}."
        return self._frame("nothing", k, self._adjoint(k), node.grad, node.grad, sentence)

    def gain(self, k: int, node: Value, position: int, before: float) -> Frame:
        """The adjoint of an operand has grown from ``before`` to its ``grad`` by what came along one edge."""
        parent = node.parents[position]
        target = self.at[parent]
        subject = self._adjoint(target)
        derivative = node.local_derivatives[position]
        local = notation.partial(self.names[k], self.names[target])
        outer = notation.partial(self.root, self.names[k])
        slope, why = self._slope(node, position)
        rule = notation.row(local, "=", *_equal(slope, notation.num(derivative)))
        if not derivative:
            because = f" {why.partition(' 0 ')[2]}" if why else " here"
            sentence = f"{subject} gains nothing from {self.names[k]}: the local derivative is 0{because}."
            return self._frame("nothing", target, subject, before, parent.grad, sentence, rule=rule, edge=(k, position))
        self.arrived[target] += 1
        nth, uses = self.arrived[target], self.uses[target]
        final = slope is not None and node is self.order[-1]  # ∂L/∂L · ∂L/∂x would define ∂L/∂x by itself
        factor = slope if slope is not None and (final or len(notation.line(slope)) <= 40) else local
        product = notation.row(notation.num(node.grad), "·", notation.factor(notation.num(derivative)))
        gained = node.grad * derivative
        gain = f"{subject} gains {notation.line(notation.row(outer, '·', notation.factor(factor)))}"
        gain += f" = {notation.line(product)} = {number(gained)}"
        if nth > 1:
            addition = notation.row(notation.num(before), "+", notation.factor(notation.num(gained)))
            which = f"this is the {_ordinal(nth)} use of {self.names[target]}, so it is added"
            sentence = f"{gain}; {which}: {notation.line(addition)} = {number(parent.grad)}."
        else:
            which = f"; this is the first of the {uses} uses of {self.names[target]}" if uses > 1 else ""
            sentence = f"{gain}{which}."
        if why:
            sentence = f"{sentence[:-1]} ({why})."
        total, terms = notation.row(outer, "·", notation.factor(factor) if final else local), product
        if nth > 1:
            total = notation.row(notation.partial(self.root, self.names[target]), "+", *total[1:])
            terms = notation.row(notation.num(before), "+", notation.factor(notation.num(node.grad)), "·", *product[3:])
        symbols = notation.row(notation.partial(self.root, self.names[target]), "←" if uses > 1 else "=", total)
        numbers = notation.row(terms, "=", notation.num(parent.grad))
        return self._frame(
            "gain", target, subject, before, parent.grad, sentence, symbols, numbers, rule, (k, position)
        )  # fmt: skip

    def _slope(self, node: Value, position: int) -> tuple[Tree | None, str]:
        """The derivative formula with names, and why a branch of it was taken."""
        op = ops.TABLE[node.op]
        slope = Slope(node, position)
        of = dict(zip(op.arguments, node.parents)) | {"out": node}
        tree = slope.tree(lambda argument: self._name(of[argument]), lambda k: self._name(node.parents[k]))
        if slope.reason is None:
            return tree, ""
        left, sign, right = slope.reason
        shown = self.names[self.at[of[right]]] if right in of else right
        reason = f"{self.names[self.at[of[left]]]} {sign} {shown}"
        return tree, f"the slope is {number(node.local_derivatives[position])} since {reason}"

    def free(self, k: int) -> Frame:
        """A node's adjoint leaves memory."""
        adjoint = self._adjoint(k)
        sentence = f"{adjoint} is freed from memory: it has been handed on, and nothing needs it anymore."
        return self._frame("free", k, adjoint, self.order[k].grad, None, sentence)

    def update(self, k: int, rate: float, before: float) -> Frame:
        """A parameter has moved from ``before`` against its gradient."""
        node, name = self.order[k], self.names[k]
        symbols = notation.row(
            ["name", name], "←", ["name", name], "−", ["name", "η"], "·", notation.partial(self.root, name)
        )  # fmt: skip
        product = notation.row(notation.num(rate), "·", notation.factor(notation.num(node.grad)))
        numbers = notation.row(notation.num(before), "−", *product[1:], "=", notation.num(node.data))
        sentence = f"{name} takes its step: {notation.line(symbols)} = {notation.line(numbers)}."
        return self._frame("update", k, name, before, node.data, sentence, symbols, numbers)

    def end(self) -> Frame:
        """All gradients of the leaves."""
        found = _listed([f"{self._adjoint(k)} = {number(self.order[k].grad)}" for k in self.leaves])
        return self._frame("end", None, "", None, None, f"Done: {found}." if found else "Done: there are no leaves.")


_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def _ordinal(n: int) -> str:
    if n < len(_ORDINALS):
        return _ORDINALS[n]
    return f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _listed(parts: list[str], most: int = 6) -> str:
    if len(parts) > most:
        return f"{', '.join(parts[: most - 1])} and {len(parts) - most + 1} more"
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _equal(*trees: Tree | None) -> list[Tree | str]:
    """``a = b``, once where both read alike."""
    parts: list[Tree | str] = []
    last = ""
    for tree in trees:
        if tree is not None and notation.line(tree) != last:
            last = notation.line(tree)
            parts += ["=", tree] if parts else [tree]
    return parts
