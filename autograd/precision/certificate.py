"""What `certify` found: rows, losses, the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..answer import Answer, Part
from ..graph import describe
from ..notation.tables import Table
from ..value import Value

ALL_DIGITS = 53 * math.log10(2)
"""The 15.95 digits that a float64 holds."""


class Loss(NamedTuple):
    """An operation at which digits were lost.

    Attributes:
        node: the node.
        before: how many digits of its least exact operand are right (of a sum of paths: of its least exact path).
        after: how many digits of the result are right.
        reason: cancellation, or what else it was, in words.
        where: ``"value"``, or ``"gradient"`` if it happened in the reverse pass.
    """

    node: Value
    before: float
    after: float
    reason: str
    where: str = "value"

    def __str__(self) -> str:
        subject = describe(self.node) if self.where == "value" else f"the gradient of {describe(self.node)}"
        return f"{self.before:4.1f} → {self.after:4.1f} digits at {subject}\n      {self.reason}"


class Row(NamedTuple):
    """One number: as computed, and as it is.

    Attributes:
        name: ``"value"``, or ``"∂L/∂x"``.
        computed: the float.
        exact: the exact number, an `mpmath.mpf`.
        digits: how many significant decimal digits of ``computed`` are right, 0 to 15.95.
        enclosure: two numbers of mpmath between which the exact one lies for certain; None where intervals say
            nothing.
        losses: where digits were lost on the way, the worst first.
    """

    name: str
    computed: float
    exact: Any
    digits: float
    enclosure: tuple[Any, Any] | None
    losses: list[Loss]

    @property
    def error(self) -> float:
        """The relative error; infinite where the exact number is 0 and this is not."""
        if self.computed == self.exact or (self.computed != self.computed and self.exact != self.exact):
            return 0.0
        return float(abs(self.computed - self.exact) / abs(self.exact)) if self.exact else math.inf


class Certificate(Answer):
    """The result of `certify`; ``str(certificate)`` is a table.

    Attributes:
        value: the `Row` of the root.
        gradients: one `Row` per leaf.
        precision: the number of decimal digits of the replay that settled all numbers.
        curves: for each leaf, if asked for, the errors of finite differences: (step, forward, central).
    """

    def __init__(
        self,
        value: Row,
        gradients: Sequence[Row],
        precision: int,
        curves: Mapping[str, list[tuple[float, float, float]]],
    ) -> None:
        self.value = value
        self.gradients = list(gradients)
        self.precision = precision
        self.curves = dict(curves)

    @property
    def rows(self) -> list[Row]:
        """All rows, the value first."""
        return [self.value, *self.gradients]

    @property
    def worst(self) -> Row:
        """The row with the fewest right digits."""
        return min(self.rows, key=lambda row: row.digits)

    @property
    def losses(self) -> list[Loss]:
        """Where digits were lost, each operation once, the worst first."""
        found: dict[tuple[Value, str], Loss] = {}
        for row in self.rows:
            for loss in row.losses:
                found.setdefault((loss.node, loss.where), loss)
        return sorted(found.values(), key=lambda loss: loss.after - loss.before)

    def _heading(self) -> str:
        return "How many digits are right"

    def _content(self) -> list[Part]:
        least = min((row.digits for row in self.gradients), default=ALL_DIGITS)
        head = (
            f"certificate at {self.precision} digits: {self.value.digits:.1f} of {ALL_DIGITS:.1f} digits of the value "
            f"are right, at least {least:.1f} of each gradient"
        )
        cells = [
            (row.name, f"{row.computed!r}", _exact(row.exact), f"{row.digits:.1f}", _enclosure(row))
            for row in self.rows
        ]
        parts: list[Part] = [head, Table(("", "computed", "exact", "digits", "enclosed"), cells, (1, 2, 3))]
        losses = self.losses
        if losses:
            parts.append("Digits were lost:")
            parts += [f"  {loss}" for loss in losses[:SHOWN]]
            if len(losses) > SHOWN:
                parts.append(f"  … and at {len(losses) - SHOWN} more; certificate.losses lists them")
        else:
            parts.append("No operation lost digits that matter.")
        for row in self.gradients:
            if row.name in self.curves:
                parts += _curve(row, self.curves[row.name])
        return parts


SHOWN = 8


def _exact(x: Any) -> str:
    return str(x.context.nstr(x, 20))


def _enclosure(row: Row) -> str:
    if row.enclosure is None:
        return "no"
    low, high = row.enclosure
    width = high - low
    return "exactly" if not width else f"within {low.context.nstr(width, 1)}"


def _curve(row: Row, curve: list[tuple[float, float, float]]) -> list[Part]:
    """The U-curve as text: one line per decade of the step, and the best of it."""
    lines = [(f"{h:.0e}", f"{forward:.1e}", f"{central:.1e}") for h, forward, central in curve[::4]]
    heads = ("step", "forward difference", "central difference")
    h, _, least = min(curve, key=lambda entry: entry[2] if entry[2] == entry[2] else math.inf)
    own = float(abs(row.computed - row.exact))
    return [
        Table(heads, lines, (0, 1, 2), f"Errors of finite differences for {row.name}:"),
        f"The best central difference, at step {h:.0e}, is off by {least:.1e}; the gradient of the graph by {own:.1e}.",
    ]
