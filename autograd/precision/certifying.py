"""`certify`: how many digits of a value and of its gradients are right, and where the others were lost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from .. import graph
from ..adjoints import adjoints
from ..notation.naming import Names, UserNames, names_of
from ..ops import TABLE
from ..value import Value, apply
from .certificate import ALL_DIGITS, Certificate, Row
from .intervals import enclosing
from .losses import Comparison
from .meanings import exact
from .replay import Replay, replay

DOUBLINGS = 3
SETTLED = 20
"""A number is settled when two precisions, one twice the other, agree to this many digits."""


def certify(
    root: Value,
    leaves: Iterable[Value] | None = None,
    *,
    digits: int = 50,
    intervals: bool = True,
    curve: bool = False,
    names: UserNames | None = None,
) -> Certificate:
    """How many digits of a value and of its gradients are right, and at which operations the others were lost.

    The recorded graph is evaluated again, forward and in reverse, in mpmath: the leaves are taken to be exactly the
    floats that they are, and each operation what it means in mathematics. That is done at ``digits`` and at twice as
    many digits, and again with more of them until both agree to 20 digits. Interval arithmetic encloses the exact
    numbers where it can, which proves them. What is judged is arithmetic, not rules: that the derivatives of an
    operation are those of its formula is what `gradcheck` checks.

    Args:
        root: the root of a graph.
        leaves: gradients with respect to these nodes are certified; by default all leaves.
        digits: of the first replay, at least 30.
        intervals: enclose the numbers too, which takes about as long as the rest.
        names: letters of your own: a mapping from a Value, or from a label, to a name in the label language.
        curve: put the errors of finite differences next to each gradient (`autograd.check.error_curve`).

    Returns:
        A `Certificate`: ``.value`` and ``.gradients`` (name, computed, exact, digits, enclosure, losses),
        ``.losses``, ``.worst``; printed, a table.

    Raises:
        ImportError: mpmath is not installed.
        TypeError: root is not a Value, or leaves is not a list of Values.
        ValueError: a leaf is not in the graph, data was edited after the graph was built, or digits is below 30.
        RuntimeError: the graph was freed.

    Example:
        >>> from autograd import Value, certify
        >>> x = Value(1e-12, "x")
        >>> certificate = certify((1 + x) - 1)
        >>> round(certificate.value.digits), certificate.losses[0].node.op
        (4, 'sub')
    """
    order = graph.topological(root)
    graph.refuse_freed(order)
    wanted = _wanted(order, leaves, names_of(root, names, order))
    if digits < 30:
        raise ValueError(f"a certificate needs at least 30 digits, not {digits}")
    exact(digits)  # without mpmath this is where it ends
    _refuse_stale(order)
    settled, precision = _settled(order, digits)
    enclosed = replay(order, enclosing(precision)) if intervals else Replay({}, {}, {})
    gradients = dict(zip(order, adjoints(root, 1.0, order)))
    comparison = Comparison(order, gradients, settled)
    rows = []
    zero = settled.adjoints[root] * 0
    for name, node in wanted.items():
        true = settled.adjoints.get(node, zero)
        known = enclosed.adjoints.get(node) if intervals else None
        right = comparison.gradient_digits(node)
        losses = comparison.gradient_losses(node) if right < ALL_DIGITS - 1 else []
        rows.append(Row(name, gradients[node], true, right, _ends(known), losses))
    right = comparison.value_digits(root)
    losses = comparison.value_losses(root) if right < ALL_DIGITS - 1 else []
    known = enclosed.values.get(root)
    value = Row("value", root.data, settled.values[root], right, _ends(known), losses)
    curves = {name: _curve(order, node) for name, node in wanted.items()} if curve else {}
    return Certificate(value, rows, precision, curves)


def _wanted(order: Sequence[Value], leaves: Iterable[Value] | None, names: Names) -> dict[str, Value]:
    """The nodes to differentiate by, each under its derivative's name."""
    if isinstance(leaves, Value):
        raise TypeError("certify takes a list of leaves: write [x] for one")
    listed = [n for n in order if not n.parents and n.op != "constant"] if leaves is None else list(leaves)
    known = set(order)
    named: dict[str, Value] = {}
    for i, leaf in enumerate(dict.fromkeys(listed), 1):
        if not isinstance(leaf, Value):
            raise TypeError(f"certify takes Values as leaves; the list holds a {type(leaf).__name__}")
        if leaf not in known:
            raise ValueError(f"{leaf!r} is not in the graph of the root")
        name = f"∂{names.text(order[-1])}/∂{names.text(leaf)}"
        named[name if name not in named else f"{name} ({i})"] = leaf  # by two constants of the same number
    return named


def _refuse_stale(order: Iterable[Value]) -> None:
    for node in order:
        if node.parents:
            data = TABLE[node.op].evaluate(*[parent.data for parent in node.parents])[0]
            if data != node.data and (data == data or node.data == node.data):
                raise ValueError(
                    f"{graph.describe(node)} does not follow from its operands anymore: data was edited after the "
                    "graph was built. Call autograd.graph.forward(root) first."
                )


def _settled(order: Sequence[Value], digits: int) -> tuple[Replay, int]:
    """A replay whose numbers do not change when the precision is doubled, and its precision."""
    last = replay(order, exact(digits))
    for _ in range(DOUBLINGS):
        digits *= 2
        coarse, last = last, replay(order, exact(digits))
        unsettled = [
            (table, node)
            for table, earlier in ((last.values, coarse.values), (last.adjoints, coarse.adjoints))
            for node, number in table.items()
            if not _agree(earlier.get(node, 0), number)
        ]
        if not unsettled:
            break
    for table, node in unsettled:  # if all of 400 digits cancel it is 0, and what was divided by it is unknown
        table[node] = table[node] * (0 if abs(table[node]) < 1 else math.nan)
    return last, digits


def _agree(coarse: Any, fine: Any) -> bool:
    if coarse == fine or fine != fine:
        return True
    return bool(abs(coarse - fine) <= abs(fine) * fine.context.mpf(10) ** -SETTLED)


def _ends(interval: Any) -> tuple[Any, Any] | None:
    return None if interval is None else (interval.low, interval.high)


def _curve(order: Sequence[Value], leaf: Value) -> list[tuple[float, float, float]]:
    from ..check import error_curve

    moved = {leaf}
    for node in order:
        if not moved.isdisjoint(node.parents):
            moved.add(node)

    def f(x: Value) -> Value:
        made = {leaf: x}
        for node in order:
            if node in moved and node is not leaf:
                made[node] = apply(TABLE[node.op], tuple(made.get(parent, parent) for parent in node.parents))
        return made.get(order[-1], order[-1])

    return error_curve(f, leaf.data) if math.isfinite(leaf.data) else []
