"""`diagnose`: which documented mistake produces a wrong gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ..answer import Answer, Part
from ..graph import describe, topological
from ..notation.expression import operation, symbol
from ..notation.neurons import Structure, depending, require
from ..notation.render import render
from ..notation.styles import Plain
from ..ops import TABLE
from ..text import number as shown
from ..value import Value, real
from .engines import RIGHT, Adjoints, Mutant
from .mistakes import ALL, ForgottenUse, UpdatedWeights
from .written import formula


@dataclass(frozen=True)
class Match:
    """A mistake that produces the claimed number.

    Attributes:
        mutant: the wrong engine.
        value: the gradient that it gives.
        node: the first node, from the root on, whose gradient it gets wrong.
        right, wrong: the gradient of that node in the right pass and in the wrong one.
        text: all this in words.
    """

    mutant: Mutant
    value: float
    node: Value
    right: float
    wrong: float
    text: str


@dataclass(frozen=True, repr=False)
class Diagnosis(Answer):
    """What `diagnose` found; ``str`` of it says so in words.

    Attributes:
        claimed: the number that was claimed.
        value: the right gradient.
        right: whether the two agree to the digits given.
        matches: the mistakes that produce the claimed number, the nearest first; empty if none does.
        tried: how many mistakes were tried.
        text: the answer in words.
    """

    claimed: float
    value: float
    right: bool
    matches: tuple[Match, ...]
    tried: int
    text: str

    def _content(self) -> list[Part]:
        return [self.text]


def diagnose(
    root: Value,
    leaf: Value,
    claimed: float | str,
    *,
    lr: float | None = None,
    tolerance: float | None = None,
    reveal: bool = True,
) -> Diagnosis:
    """Whether a gradient computed by hand is right, and if not, which common mistake produces it.

    Wrong engines (`autograd.mutants`), each with one documented mistake of learners, run on this very graph. Those that
    give the claimed number are named, with the first node at which their pass leaves the right one, and what
    to read again. No ``.grad`` is read or changed.

    Args:
        root: what is differentiated.
        leaf: with respect to what.
        claimed: the number found by hand; as text (``"-0.30"``) its last zero counts as a digit.
        lr: the learning rate, if weights may have been updated too early.
        tolerance: how far the numbers may be apart; by default half a unit of the last digit claimed (at least one
            decimal is taken to be meant, and 0 is meant exactly).
        reveal: whether the text gives the right gradient; without it a wrong claim gets hints alone, for exercises.

    Raises:
        TypeError: root or leaf is not a Value, or claimed is no number.
        ValueError: root does not depend on leaf, or claimed is text that is no number.

    Example:
        >>> x = Value(3.0, "x")
        >>> print(diagnose(x * x, x, 3.0))
        The gradient with respect to x is 6, not 3.
        3 mistakes produce 3:
        * overwrite: a gradient was assigned (=) where it must be added (+=), so only the last use of a value counts.
          The passes part at x: its gradient is 6 in the right pass and 3 in this one.
          Read again: a value used twice gets the sum over its uses (the multivariable chain rule).
        * first path only: only one path was followed: the second use of a value was forgotten.
          The passes part at x: its gradient is 6 in the right pass and 3 in this one.
          Read again: sum over all paths from the result to the value.
        * a use forgotten: the use of x in x · x was forgotten.
          The passes part at x: its gradient is 6 in the right pass and 3 in this one.
          Read again: sum over all uses of a value.
        >>> print(diagnose(x * x, x, 9.0, reveal=False).text.split("\\n")[0])
        The gradient with respect to x is not 9.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"the root is {type(root).__name__}: {str(root)[:40]}; only a Value computed from others has gradients"
        )
    order = topological(root)
    require(root, leaf, order)
    number, within = _claim(claimed)
    within = within if tolerance is None else abs(real(tolerance, "tolerance"))
    structure = Structure(root, order)
    truth = RIGHT.run(root)
    value = truth.get(leaf, 0.0)
    name = _word(structure, leaf, "this value")
    if _agrees(value, number, within):
        exact = _agrees(value, number, 0.0)
        text = f"That is right: the gradient with respect to {name} is {shown(value, 6)}" + (
            "." if exact else f", and {shown(number, 6)} agrees with it to the digits given."
        )
        return Diagnosis(number, value, True, (), 0, text)
    engines = [*ALL, *([UpdatedWeights(lr)] if lr is not None else [])]
    found: list[Match] = []
    for engine in engines:
        wrong = engine.gradient(root, leaf)
        result = wrong.get(leaf, 0.0)
        if _agrees(result, number, within) and not _agrees(result, value, 0.0):
            found.append(_match(engine, result, truth, wrong, depending(order, leaf), structure, reveal))
    found += _forgotten(structure, depending(order, leaf), truth, number, within, reveal)
    found.sort(key=lambda match: abs(match.value - number))
    right = f"{shown(value, 6)}, not {shown(number, 6)}" if reveal else f"not {shown(number, 6)}"
    head = f"The gradient with respect to {name} is {right}."
    return Diagnosis(
        number,
        value,
        False,
        tuple(found),
        len(engines) + 1,
        _text(head, found, number, value if reveal else 0.0, len(engines) + 1, lr),
    )


def _forgotten(
    structure: Structure, between: Sequence[Value], truth: Adjoints, claimed: float, within: float, reveal: bool
) -> list[Match]:
    """The uses of a value without which the gradient is the claimed number; none if more than three would do.

    Leaving out the use of p in c takes ∂root/∂c · ∂c/∂p · ∂p/∂leaf away, so that all uses are tried in linear time.
    """
    leaf, value = between[0], truth.get(between[0], 0.0)
    slopes, uses = {leaf: 1.0}, dict.fromkeys(between, 0)
    found: list[tuple[Value, int]] = []
    for node in between[1:]:
        slopes[node] = 0.0
        for parent, slope in zip(node.parents, node.local_derivatives):
            if parent in slopes and parent is not node:
                uses[parent] += 1
                slopes[node] += slopes[parent] * slope if slopes[parent] and slope else 0.0
    for node in between[1:]:
        for position, (parent, slope) in enumerate(zip(node.parents, node.local_derivatives)):
            if uses.get(parent, 0) > 1:
                factors = (truth.get(node, 0.0), slope, slopes[parent])
                share = 0.0 if 0.0 in factors else math.prod(factors)
                known = any(user is node and node.parents[i] is parent for user, i in found)  # x·x uses x twice
                if share and _agrees(value - share, claimed, within) and not known:
                    found.append((node, position))
    matches: list[Match] = []
    for node, position in found if len(found) <= 3 else ():
        parent = node.parents[position]
        mistake = f"the use of {_place(structure, parent)} in {_place(structure, node, False)} was forgotten"
        engine = ForgottenUse(node, position, mistake)
        wrong = engine.run(between[-1])
        matches.append(_match(engine, wrong.get(leaf, 0.0), truth, wrong, between, structure, reveal))
    return matches


def _claim(claimed: float | str) -> tuple[float, float]:
    """The number and half a unit of its last digit."""
    text = claimed.strip().replace("−", "-") if isinstance(claimed, str) else repr(real(claimed, "a claimed gradient"))
    try:
        digits = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{claimed!r} is not a number; write the gradient as 0.25 or '0.25'") from None
    number = float(digits)
    exponent = digits.as_tuple().exponent
    if number == 0 or not isinstance(exponent, int):
        return number, 0.0
    return number, 0.5 * 10.0 ** min(exponent, -1)


def _agrees(x: float, claimed: float, within: float) -> bool:
    if not (math.isfinite(x) and math.isfinite(claimed)):
        return x == claimed or (x != x and claimed != claimed)
    return abs(x - claimed) <= within + 1e-9 * max(abs(x), abs(claimed))


def _word(structure: Structure, node: Value, fallback: str) -> str:
    name = structure.name(node)
    return name.plain() if name is not None else fallback


def _place(structure: Structure, node: Value, named: bool = True) -> str:
    """A node by its name, or by what it is computed from."""
    name = structure.name(node) if named or not node.parents else None
    if name is not None:
        return name.plain()
    parts = [structure.name(parent) for parent in node.parents]
    if node.op in TABLE and parts and all(parts):
        symbols = [symbol(part, parent.data) for part, parent in zip(parts, node.parents) if part]
        if not TABLE[node.op].takes_list:
            return render(operation(node.op, *symbols), Plain())
    written = formula(node, max_operations=6)
    return written.plain(4) if written.complete else describe(node)


def _match(
    engine: Mutant, value: float, truth: Adjoints, wrong: Adjoints, order: Sequence[Value], structure: Structure,
    reveal: bool,
) -> Match:  # fmt: skip
    parted = (node for node in reversed(order) if not _agrees(wrong.get(node, 0.0), truth.get(node, 0.0), 0.0))
    node = next(parted, order[0])  # from the root downwards; the leaf comes first in the order
    right, other = truth.get(node, 0.0), wrong.get(node, 0.0)
    place = _place(structure, node)
    numbers = (
        f": its gradient is {shown(right, 6)} in the right pass and {shown(other, 6)} in this one" if reveal else ""
    )
    text = f"* {engine.name}: {engine.mistake}.\n  The passes part at {place}{numbers}.\n  Read again: {engine.reread}."
    return Match(engine, value, node, right, other, text)


def _text(head: str, found: Sequence[Match], number: float, value: float, tried: int, lr: float | None) -> str:
    claim = shown(number, 6)
    if not found:
        ratio = number / value if value and math.isfinite(number / value) else math.nan
        known = {
            -1.0: "its opposite",
            2.0: "twice as much",
            0.5: "half of it",
            -2.0: "−2 times as much",
            -0.5: "−½ of it",
        }
        hint = next((f" {claim} is {word}." for r, word in known.items() if abs(ratio - r) < 1e-3), "")
        more = "" if lr is not None else " (With lr=… weights that were updated too early are tried as well.)"
        slip = f"None of the {tried} mistakes tried gives {claim} here: it may be a slip, or two mistakes at once."
        return f"{head}{hint}\n{slip}{more}"
    count = "1 mistake produces" if len(found) == 1 else f"{len(found)} mistakes produce"
    return "\n".join([head, f"{count} {claim}:", *(match.text for match in found)])
