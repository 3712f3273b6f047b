"""The reverse pass, written out: each array hands slope times adjoint to what it was computed from."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ... import formulas
from ...compiler.rows import formula_of, literal
from ...ops import TABLE
from .forward import Forward
from .nodes import Loop, Node
from .words import fold


class Reverse:
    """The gradient of the mean of a program's results.

    Args:
        forward: the program; the arrays of the reverse pass are made after its own.
    """

    def __init__(self, forward: Forward) -> None:
        self.forward, self.make = forward, forward.make
        self.given: dict[Node, list[tuple[Any, Node]]] = {}  # what each array was handed: where to, and how much
        self.wanted = set(forward.parameters.values())
        steps = list(forward.block)
        self._look(steps)
        loss = forward.result
        self.seed = self.make("full", [loss], loss.shape, "seed")
        if loss in self.wanted:
            self._hand(loss, self.seed)
        self._sweep(steps)
        self.gradient = {name: self._adjoint(node) for name, node in forward.parameters.items()}

    def _look(self, steps: Sequence[Node | Loop]) -> None:
        """Note which arrays depend on parameters."""
        for step in steps:
            if isinstance(step, Node):
                if any(x in self.wanted for x in step.operands):
                    self.wanted.add(step)
                continue
            pairs = [*zip(step.state, step.initial), *zip(step.rows, step.moving)]
            self.wanted.update(inside for inside, outside in pairs if outside in self.wanted)
            before = -1
            while before != len(self.wanted):  # what one iteration makes depend on parameters, the next one reads
                before = len(self.wanted)
                self._look(step.body)
                self.wanted.update(s for s, x in zip(step.state, step.after) if x in self.wanted)

    def _hand(self, node: Node, adjoint: Node, key: Any = None) -> None:
        self.given.setdefault(node, []).append((key, adjoint))

    def _adjoint(self, node: Node, named: bool = True) -> Node | None:
        """What an array was handed in all; it has a name of its own unless it is one of several parts of that."""
        handed = self.given.get(node, [])
        if not handed:
            return None
        if len(handed) == 1 and handed[0][0] is None:
            ((_, adjoint),) = handed
        elif all(key is None for key, _ in handed):
            signs = [-1 if _negated(x) else 1 for _, x in handed]
            terms = [(sign, x.operands[0] if sign < 0 else x) for sign, (_, x) in zip(signs, handed)]
            terms.sort(key=lambda term: -term[0])
            adjoint = self.make("sum", [x for _, x in terms], node.shape, tuple(s for s, _ in terms), node.batched)
        else:
            handed = sorted(handed, key=lambda each: each[0] is not None)
            adjoint = self.make("collect", [node, *(x for _, x in handed)], node.shape, [k for k, _ in handed],
                                node.batched)  # fmt: skip
        if named and adjoint.twin is None:
            adjoint.twin, adjoint.adjoint = node, True
        return adjoint

    def _sweep(self, steps: Sequence[Node | Loop]) -> None:
        for step in reversed(steps):
            if isinstance(step, Loop):
                self._back(step)
            elif step in self.wanted:
                adjoint = self._adjoint(step)
                if adjoint is not None:
                    getattr(self, f"_{step.op}", self._list)(step, adjoint)

    def _reduced(self, adjoint: Node, like: Node) -> Node:
        """An adjoint summed along the axes, and over the samples, along which an operand repeats."""
        more = len(adjoint.shape) - len(like.shape)
        axes = tuple(n for n, length in enumerate(adjoint.shape) if n < more or like.shape[n - more] != length)
        over = adjoint.batched and not like.batched
        if not axes and not over:
            return adjoint
        if _negated(adjoint):
            return self._minus(self._reduced(adjoint.operands[0], like))
        left = tuple(n for axis, n in enumerate(adjoint.shape) if axis not in axes)
        return self.make("total", [adjoint], left, (axes, over), adjoint.batched and not over)

    # -- ways to read -------------------------------------------------------------------------------------------------

    def _index(self, node: Node, adjoint: Node) -> None:
        self._hand(node.operands[0], adjoint, node.data)

    def _take(self, node: Node, adjoint: Node) -> None:
        self._hand(node.operands[0], adjoint, node.data)

    def _swap(self, node: Node, adjoint: Node) -> None:
        self._hand(node.operands[0], self.make("swap", [adjoint], adjoint.shape[::-1]))

    def _reshape(self, node: Node, adjoint: Node) -> None:
        source = node.operands[0]
        self._hand(source, self.make("reshape", [adjoint], source.shape))

    def _column(self, node: Node, adjoint: Node) -> None:  # summed already: see `_reduced`
        source = node.operands[0]
        whole = adjoint.shape == node.shape
        self._hand(source, self.make("reshape", [adjoint], source.shape) if whole else adjoint)

    def _spread(self, node: Node, adjoint: Node) -> None:
        self._hand(node.operands[0], self._reduced(adjoint, node.operands[0]))

    def _join(self, node: Node, adjoint: Node) -> None:
        begin = 0
        for piece in node.operands:
            end = begin + piece.size
            if piece in self.wanted:
                key = (begin,) if not piece.shape else (slice(begin or None, end if end < node.size else None),)
                part = self.make("index", [adjoint], (piece.size,) if piece.shape else (), key)
                if len(piece.shape) > 1:
                    part = self.make("reshape", [part], piece.shape)
                self._hand(piece, self._reduced(part, piece))
            begin = end

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def _minus(self, adjoint: Node) -> Node:
        if _negated(adjoint):
            return adjoint.operands[0]
        return self.make("apply", [adjoint], adjoint.shape, "neg")

    def _times(self, slope: Node, adjoint: Node, shape: tuple[int, ...]) -> Node:
        if _negated(adjoint):
            return self._minus(self._times(slope, adjoint.operands[0], shape))
        batched = adjoint.batched
        if adjoint.op == "spread" and slope.shape == shape and slope.batched == batched:
            (adjoint,) = adjoint.operands  # the product repeats it
        pair = [slope, adjoint] if slope.op == "number" else [adjoint, slope]
        return self.make("apply", pair, shape, "mul", batched)

    def _apply(self, node: Node, adjoint: Node) -> None:
        op = TABLE[node.data]
        if node.data == "mul" and node.operands[0] is node.operands[1]:
            twice = self._times(Node("number", data=2.0), adjoint, node.shape)
            self._hand(node.operands[0], self._times(node.operands[0], twice, node.shape))
            return
        known = {name: x.data for name, x in zip(op.arguments, node.operands) if x.op == "number"}
        for position, operand in enumerate(node.operands):
            if operand not in self.wanted:
                continue
            tree = fold(formula_of(op, op.derivatives[position], True), known)
            number = literal(tree)
            parts = dict(zip((*op.arguments, "out"), (*node.operands, node)))
            if number == 0:
                continue
            if number == 1:
                handed = adjoint
            elif number == -1:
                handed = self._minus(adjoint)
            elif number is not None:
                handed = self._times(Node("number", data=number), adjoint, node.shape)
            elif isinstance(tree, ast.Name):
                handed = self._times(parts[tree.id], adjoint, node.shape)
            elif op.name == "div" and position == 0:
                handed = self.make("apply", [adjoint, parts["y"]], node.shape, "div")
            else:
                names = [name for name in parts if name in formulas.names_in(tree)]
                slope = Node(
                    "slope", tuple(parts[name] for name in names), node.shape, node.batched,
                    (node.data, position, names, known),
                )  # fmt: skip
                self.forward.block.append(slope)
                handed = self._times(slope, adjoint, node.shape)
            self._hand(operand, self._reduced(handed, operand))

    def _sum(self, node: Node, adjoint: Node) -> None:
        for sign, operand in zip(node.data, node.operands):
            if operand in self.wanted:
                handed = adjoint if sign > 0 else self._minus(adjoint)
                self._hand(operand, self._reduced(handed, operand))

    def _total(self, node: Node, adjoint: Node) -> None:
        source = node.operands[0]
        (axis,), _ = node.data
        if axis and len(source.shape) > 1 and adjoint.shape:
            adjoint = self.make("column", [adjoint], (*adjoint.shape, 1))
        self._hand(source, self.make("spread", [adjoint], source.shape, batched=source.batched))

    def _product(self, node: Node, adjoint: Node) -> None:
        (a, b), (of_a, of_b, of_out) = node.operands, node.data
        if a is b and of_a == of_b:
            if a in self.wanted:
                adjoint = self._times(Node("number", data=2.0), adjoint, adjoint.shape)
                data = (of_out, of_a, of_a)
                self._hand(a, self.make("product", [adjoint, a], a.shape, data, a.batched))
            return
        for mine, letters, other, others in ((a, of_a, b, of_b), (b, of_b, a, of_a)):
            if mine in self.wanted:
                data = (of_out, others, letters)
                minus = _negated(adjoint)
                pair = [adjoint.operands[0] if minus else adjoint, other]
                handed = self.make("product", pair, mine.shape, data, mine.batched)
                self._hand(mine, self._minus(handed) if minus else handed)

    def _list(self, node: Node, adjoint: Node) -> None:
        source = node.operands[0]
        axis = len(source.shape) - 1
        if node.op == "log_sum_exp":
            shares = self.make("softmax", [source], source.shape)
            if axis:
                adjoint = self.make("column", [adjoint], (*adjoint.shape, 1))
            self._hand(source, self.make("apply", [adjoint, shares], source.shape, "mul"))
            return
        shares = node if node.op == "softmax" else self.make("softmax", [source], source.shape)
        summed = self.make("apply", [node, adjoint], source.shape, "mul") if node.op == "softmax" else adjoint
        total = self.make("total", [summed], source.shape[:-1], ((axis,), False))
        if axis:
            total = self.make("column", [total], (*total.shape, 1))
        if node.op == "softmax":
            centered = self.make("sum", [adjoint, total], source.shape, (1, -1))
            self._hand(source, self.make("apply", [shares, centered], source.shape, "mul"))
        else:
            part = self.make("apply", [shares, total], source.shape, "mul")
            self._hand(source, self.make("sum", [adjoint, part], source.shape, (1, -1)))

    # -- loops --------------------------------------------------------------------------------------------------------

    def _back(self, loop: Loop) -> None:
        """The way back through a loop: each iteration is computed once more from its state, then reversed."""
        if not any(s in self.wanted and s in self.given for s in loop.state):
            return
        forward = self.forward
        active = [n for n, s in enumerate(loop.state) if s in self.wanted]
        states = [loop.state[n] for n in active]
        initial = [self._adjoint_or_zero(s) for s in states]
        again = [Node("given", (), s.shape, s.batched) for s in loop.state]  # the last ones may still be read
        rows = [Node("given", (), row.shape, row.batched, twin=row) for row in loop.rows]
        back = loop.reverse = Loop(loop.times, again, initial, rows, loop.moving, again=loop)
        self.wanted.update(mine for mine, row in zip(rows, loop.rows) if row in self.wanted)
        self.wanted.update(again[n] for n in active)
        back.carried = [Node("given", (), s.shape, s.batched, twin=s, adjoint=True) for s in states]
        outer, handed = forward.block, self.given
        forward.block, self.given = back.body, {}
        after = forward.iteration(forward.made_before, back)
        self._pair(loop.body, back.body)
        self._look(back.body)
        steps = list(back.body)
        for n, adjoint in zip(active, back.carried):
            if after[n] in self.wanted:
                self._hand(after[n], adjoint)
        self._sweep(steps)
        inside = {*steps, *again, *rows}
        back.after = [self._adjoint_or_zero(again[n]) for n in active]
        for row, sequence in zip(rows, loop.moving):
            part = self._adjoint(row, False)
            if part is not None:
                whole = Node("given", (), sequence.shape, sequence.batched, twin=sequence, adjoint=True)
                back.collected.append((part, whole))
        for node in list(self.given):
            part = None if node in inside else self._adjoint(node, False)
            if part is not None:
                back.sums.append(Node("given", (part,), node.shape, node.batched, twin=node, adjoint=True))
        forward.block, self.given = outer, handed
        forward.block.append(back)
        for whole in [*back.sums, *(x for _, x in back.collected)]:
            assert whole.twin is not None
            self._hand(whole.twin, whole)
        for n, s in zip(active, back.carried):
            if loop.initial[n] in self.wanted:
                self._hand(loop.initial[n], s)

    def _adjoint_or_zero(self, state: Node) -> Node:
        return self._adjoint(state, False) or self.make("full", [state], state.shape, 0.0, state.batched)

    @staticmethod
    def _pair(first: Sequence[Node | Loop], second: Sequence[Node | Loop]) -> None:
        """Let what is computed once more have the names that it had."""
        for one, other in zip(first, second, strict=True):
            if isinstance(one, Node) and isinstance(other, Node):
                other.twin = one


def _negated(node: Node) -> bool:
    return node.op == "apply" and node.data == "neg"
