"""`diagnose`: which documented mistake produces a wrong gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..answer import Answer, Part
from ..graph import edit_note, topological
from ..notation.expression import Expression, operation, symbol
from ..notation.naming import Names, UserNames, names_of
from ..notation.render import render
from ..notation.styles import Plain
from ..ops import TABLE
from ..text import number as shown
from ..value import Value
from .claims import Claim, read, same
from .engines import RIGHT, Adjoints, Mutant
from .matches import Match, item
from .mistakes import ALL, ForgottenUse, UpdatedWeights
from .paths import depending, require
from .recomputed import MOST_NODES, Degrees, roundings
from .slip_search import WHOLES, SlipSearch
from .slips import SLIPS
from .written import formula


@dataclass(frozen=True, repr=False)
class Diagnosis(Answer):
    """What `diagnose` found; ``str`` of it says so in words.

    A diagnosis is true, ``if diagnose(…):``, if the claim is right.

    Attributes:
        claimed: the number that was claimed.
        value: the right gradient.
        right: whether the two agree to the digits given.
        digits: how many significant digits the claim has; "1" for 0.73 is right, to one digit.
        matches: the mistakes that produce the claimed number: wrong everywhere first, then in one place, then by
            rounding; empty if none does.
        tried: how many kinds of mistakes were tried.
        text: the answer in words.
    """

    claimed: float
    value: float
    right: bool
    digits: int
    matches: tuple[Match, ...]
    tried: int
    text: str

    def __bool__(self) -> bool:
        return self.right

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
    names: UserNames | None = None,
) -> Diagnosis:
    """Whether a gradient computed by hand is right, and if not, which common mistake produces it.

    Mistakes of learners, each documented, are made on this very graph: wrong engines (`autograd.mutants`), and slips in
    differentiating by hand (`autograd.explain.slips`), everywhere and in each single place. All that give the claimed
    number are named, with the node at which they part from the right way, and what to read again. A claim that is the
    gradient rounded to the digits given is right. No ``.grad`` is read or changed.

    Args:
        root: what is differentiated.
        leaf: with respect to what.
        claimed: the number found by hand. It carries its digits: ``"14"`` or 14 is right for 14.27, ``"14.3"`` and 14.3
            too, 14.0 is not. As text (``"-0.30"``, ``"1.4e1"``) its last zero counts as a digit.
        lr: the learning rate, if weights may have been updated too early.
        tolerance: how far the numbers may be apart; by default half a unit of the last digit claimed. (0 is meant
            exactly; ``"0.00"`` is not.)
        reveal: whether the text gives the right gradient; without it a wrong claim gets hints alone, for exercises.
        names: letters of your own (see `autograd.notation.names_of`).

    Raises:
        TypeError: root or leaf is not a Value, or claimed is not a number.
        ValueError: root does not depend on leaf, or claimed is text that is not a number.

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
    claim = read(claimed, tolerance)
    called = names_of(root, names, order)
    truth = RIGHT.run(root)
    value = truth.get(leaf, 0.0)
    name = called.text(leaf)
    if claim.agrees(value):
        to = "" if same(value, claim.number) else f" {claim.exactness}"
        right = f"That is right{to}: the gradient with respect to {name} is {shown(value, max(6, claim.digits))}."
        text = "\n".join([right, *edit_note(root, order)])
        return Diagnosis(claim.number, value, True, claim.digits, (), 0, text)
    between = depending(order, leaf)
    engines = [*ALL, Degrees(), *([UpdatedWeights(lr)] if lr is not None else [])]
    found: list[Match] = []
    for engine in engines if claim.number == claim.number else ():
        wrong = engine.gradient(root, leaf)
        if claim.agrees(wrong.get(leaf, 0.0)) and not same(wrong.get(leaf, 0.0), value):
            found.append(_match(engine, wrong[leaf], truth, wrong, between, called, reveal))
    found += _forgotten(called, between, truth, claim, reveal)
    slips = SlipSearch(between, truth, claim, name, lambda node: _place(called, node), reveal)
    found += slips.matches({match.mutant.name for match in found})
    found += slips.wholes(order, lr)
    if len(order) <= MOST_NODES:
        for rounded in roundings():
            wrong = rounded.run(root)
            if claim.agrees(wrong.get(leaf, 0.0)):
                found.append(_match(rounded, wrong[leaf], truth, wrong, between, called, reveal))
                break
    tried = len(engines) + 1 + len(SLIPS) + len(WHOLES) + 1
    text = "\n".join([_text(name, claim, value, found, tried, lr, reveal), *edit_note(root, order)])
    return Diagnosis(claim.number, value, False, claim.digits, tuple(found), tried, text)


def _forgotten(names: Names, between: Sequence[Value], truth: Adjoints, claim: Claim, reveal: bool) -> list[Match]:
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
                if share and claim.agrees(value - share) and not known:
                    found.append((node, position))
    matches: list[Match] = []
    for node, position in found if len(found) <= 3 else ():
        parent = node.parents[position]
        mistake = f"the use of {_place(names, parent)} in {_place(names, node, False)} was forgotten"
        engine = ForgottenUse(node, position, mistake)
        wrong = engine.run(between[-1])
        matches.append(_match(engine, wrong.get(leaf, 0.0), truth, wrong, between, names, reveal))
    return matches


def _place(names: Names, node: Value, named: bool = True) -> str:
    """A node by its name, or by what it is computed from."""
    if not node.parents or (named and names.given(node)):
        return names.text(node)
    parents = [
        symbol(names[p], p.data) if p.op != "constant" else Expression("constant", (), p.data, p.data)
        for p in node.parents
    ]
    step = render(operation(node.op, *parents), Plain()) if not TABLE[node.op].takes_list else ""
    if step and all(names.given(parent) or not parent.parents for parent in node.parents):
        return step
    written = formula(node, max_operations=6, names=names)
    if written.complete:
        return written.plain(4)
    return f"{names.text(node)} = {step}" if step else names.in_words(node)


def _match(
    engine: Mutant, value: float, truth: Adjoints, wrong: Adjoints, order: Sequence[Value], names: Names,
    reveal: bool,
) -> Match:  # fmt: skip
    parted = (node for node in reversed(order) if not same(wrong.get(node, 0.0), truth.get(node, 0.0)))
    node = next(parted, order[0])  # from the root downward; the leaf comes first in the order
    right, other = truth.get(node, 0.0), wrong.get(node, 0.0)
    numbers = (
        f": its gradient is {shown(right, 6)} in the right pass and {shown(other, 6)} in this one" if reveal else ""
    )
    text = f"The passes part at {_place(names, node)}{numbers}"
    return Match(engine, value, node, right, other, item(engine, text))


_RATIOS = {2.0: "twice as much", 0.5: "half of it", -2.0: "−2 times as much", -0.5: "−½ of it"}


def _text(
    name: str, claim: Claim, value: float, found: Sequence[Match], tried: int, lr: float | None, reveal: bool
) -> str:
    number, digits = claim.number, max(6, claim.digits)
    while shown(value, digits) == shown(number, digits) and digits < 17:
        digits += 1  # two different numbers are printed as such
    written = shown(number, digits)
    near = number != 0 and abs(number - value) <= 4 * claim.within and float(f"{value:.{claim.digits - 1}e}") != value
    given = f" ({claim.exactness})" if near and reveal else ""
    right = f"{shown(value, digits)}, not {written}" if reveal else f"not {written}"
    head = f"The gradient with respect to {name} is {right}{given}."
    if found:
        count = "1 mistake produces" if len(found) == 1 else f"{len(found)} mistakes produce"
        return "\n".join([head, f"{count} {written}:", *(match.text for match in found)])
    ratio = number / value if reveal and value and math.isfinite(number / value) else math.nan
    hint = next((f" {written} is {word}." for r, word in _RATIOS.items() if abs(ratio - r) < 1e-3), "")
    if reveal and not hint and abs(number - value) <= 0.02 * abs(value):
        hint = f" {written} is close: were numbers rounded on the way?"
    more = "" if lr is not None else " (With lr=… weights that were updated too early are tried as well.)"
    slip = f"None of the {tried} mistakes tried gives {written} here: it may be a slip, or two mistakes at once."
    return f"{head}{hint}\n{slip}{more}"
