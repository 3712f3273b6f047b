"""At which operations digits were lost: computed numbers next to exact ones, node by node."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..graph import topological
from ..ops import TABLE
from ..value import Value
from .certificate import ALL_DIGITS, Loss
from .replay import Replay

SUMS = ("add", "sub", "dot", "mean")
NOTABLE = 1.0
"""Digits that an operation must lose to be named."""
SMALLEST_NORMAL = 2.2250738585072014e-308
SHARE = 0.01
"""The part of the root's error that must have passed through a node for it to be named."""


def digits_right(computed: float, true: Any) -> float:
    """How many significant decimal digits of a float are right, 0 to 15.95."""
    if true != true or computed != computed:
        return ALL_DIGITS if computed != computed and true != true else 0.0
    if computed == true:
        return ALL_DIGITS
    if not true or math.isinf(computed) or abs(true) == math.inf:
        return 0.0
    error = abs(computed - true) / abs(true)
    logarithm = math.log10(error) if error > 1e-300 else -300.0
    return min(ALL_DIGITS, max(0.0, -logarithm))


class Comparison:
    """A graph with its computed and its exact numbers.

    Args:
        order: the nodes, root last.
        adjoints: the computed d root / d node.
        true: the exact numbers.
    """

    def __init__(self, order: Sequence[Value], adjoints: Mapping[Value, float], true: Replay) -> None:
        self.adjoints = adjoints
        self.true = true
        self.zero = true.adjoints[order[-1]] * 0
        self.digits = {node: digits_right(node.data, true.values[node]) for node in order}
        self.uses: dict[Value, list[tuple[Value, int]]] = {node: [] for node in order}
        for node in order:
            for position, parent in enumerate(node.parents):
                self.uses[parent].append((node, position))

    def value_digits(self, node: Value) -> float:
        """How many digits of a node's value are right."""
        return self.digits[node]

    def gradient_digits(self, node: Value) -> float:
        """How many digits of d root / d node are right."""
        return digits_right(self.adjoints[node], self.true.adjoints.get(node, self.zero))

    # ---- values ---------------------------------------------------------------------------------------------------

    def value_losses(self, root: Value) -> list[Loss]:
        """The operations through which the error of a node's value came and which lost digits, the worst first.

        How much of the error passed through an operation: its own error times the slope from there to the node.
        """
        order = topological(root)
        influence: dict[Value, float] = {root: 1.0}
        for node in reversed(order):
            if node in influence:
                for parent, slope in zip(node.parents, node.local_derivatives):
                    share = influence[node] * abs(slope)
                    if share > 0:
                        influence[parent] = influence.get(parent, 0.0) + share
        whole = self._error(root)
        found = []
        for node in order:
            if node.parents and (loss := self._loss(node)) is not None:
                passed = self._error(node) * influence.get(node, 0.0)
                if node is root or not passed < SHARE * whole:
                    found.append(loss)
        return sorted(found, key=lambda loss: loss.after - loss.before)

    def _error(self, node: Value) -> float:
        error = float(abs(node.data - self.true.values[node]))
        return error if error == error else math.inf

    def _loss(self, node: Value) -> Loss | None:
        before = min((self.digits[parent] for parent in self._that_matter(node)), default=ALL_DIGITS)
        after = self.digits[node]
        if before - after < NOTABLE:
            return None
        return Loss(node, before, after, self._reason(node))

    def _that_matter(self, node: Value) -> list[Value]:
        return [parent for parent, slope in zip(node.parents, node.local_derivatives) if slope]

    def _reason(self, node: Value) -> str:
        true = self.true.values[node]
        if not math.isfinite(node.data):
            beyond = abs(true) > 1.7976931348623157e308
            return f"overflow: the number is {_brief(true)}" if beyond else f"{node.data} where there is {_brief(true)}"
        if true != true or abs(true) == math.inf:
            return f"exact arithmetic gives {_brief(true)}: no real number, or one beyond 1e30000"
        if 0 < abs(true) < SMALLEST_NORMAL:
            return f"underflow: the number is {_brief(true)}, and floats below 2.2e-308 have fewer digits, or none"
        if TABLE[node.op].kinks and self._other_branch(node):
            return "exact arithmetic takes the other branch: the operands are on the other side of the kink"
        operands = [self.true.values[parent] for parent in node.parents]
        largest = max((abs(s * x) for s, x in zip(self._slopes(node), operands)), default=self.zero)
        condition = float(largest / abs(true)) if true else math.inf
        if node.op in SUMS:
            kept = f"terms of size {_brief(largest)} leave {_brief(true)}"
            return f"cancellation: {kept}, so that rounding errors of the terms count {condition:.1e} times as much"
        if condition > 10:
            return f"ill-conditioned: relative errors of its operand count {condition:.1e} times as much in it"
        return "the rounding of the operation itself"

    def _other_branch(self, node: Value) -> bool:
        return any(
            abs(slope - true) > 1e-3 * (abs(slope) + abs(true))
            for slope, true in zip(node.local_derivatives, self._slopes(node))
        )

    def _slopes(self, node: Value) -> list[Any]:
        known: list[Any] = self.true.slopes.get(node) or list(node.local_derivatives)
        return known

    # ---- gradients ------------------------------------------------------------------------------------------------

    def gradient_losses(self, leaf: Value) -> list[Loss]:
        """Where the gradient of a node lost its digits: followed back along the path that carries the largest error."""
        found: list[Loss] = []
        node = leaf
        while True:  # the gradient of the root by the root is exact, so that this ends there at the latest
            paths = []
            for consumer, position in self.uses[node]:
                adjoint, slope = self.adjoints[consumer], consumer.local_derivatives[position]
                computed = adjoint * slope if adjoint and slope else 0.0
                true_slope = self._slopes(consumer)[position]
                true_adjoint = self.true.adjoints.get(consumer, self.zero)
                true = true_adjoint * true_slope if true_adjoint and true_slope else self.zero
                error = abs(computed - true)
                paths.append((error if error == error else math.inf, computed, true, slope, true_slope, consumer))
            _, computed, true, slope, true_slope, consumer = max(paths, key=lambda path: path[0])
            before, after = digits_right(computed, true), self.gradient_digits(node)
            if before - after >= NOTABLE:
                size, rest = _brief(max(abs(path[2]) for path in paths)), self.true.adjoints.get(node, self.zero)
                reason = f"cancellation: {len(paths)} paths of size up to {size} leave {_brief(rest)}"
                found.append(Loss(node, before, after, reason, "gradient"))
            of_slope, of_adjoint = digits_right(slope, true_slope), self.gradient_digits(consumer)
            if of_slope < min(of_adjoint, ALL_DIGITS - NOTABLE):
                found += self._slope_losses(consumer, of_slope)
                break
            if min(of_slope, of_adjoint) - before >= NOTABLE:
                beyond = "underflow" if abs(true) < 1 else "overflow"
                reason = f"{beyond}: the gradient here times the slope of the operation is {_brief(true)}"
                found.append(Loss(consumer, min(of_slope, of_adjoint), before, reason, "gradient"))
                break
            if of_adjoint > ALL_DIGITS - NOTABLE:
                break
            node = consumer
        return found

    def _slope_losses(self, node: Value, right: float) -> list[Loss]:
        """Why a recorded slope is not right: its operands were not, or it depends on them too strongly."""
        operands = [*node.parents, node]
        worst = min(operands, key=lambda operand: self.digits[operand])
        inherited = self.value_losses(worst) if self.digits[worst] < ALL_DIGITS - NOTABLE else []
        if self.digits[worst] - right >= NOTABLE:
            reason = "ill-conditioned: the slope of this operation changes fast with its operands"
            inherited.append(Loss(node, self.digits[worst], right, reason, "gradient"))
        return inherited


def _brief(x: Any) -> str:
    return str(x.context.nstr(x, 3)) if hasattr(x, "context") else f"{x:.3g}"
