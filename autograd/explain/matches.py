"""A mistake that gives a claimed number, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

from ..value import Value
from .engines import Mutant
from .slips import Slip


@dataclass(frozen=True)
class Match:
    """A mistake that produces the claimed number.

    Attributes:
        mutant: the wrong engine, or the `autograd.explain.slips.Slip` on paper.
        value: the gradient that it gives.
        node: where it parts from the right way: the first node, from the root downward, whose gradient an engine gets
            wrong; the first node, from the leaf upward, whose derivative by the leaf a slip gets wrong.
        right, wrong: that number in the right way and in the wrong one.
        text: all this in words.
    """

    mutant: Mutant | Slip
    value: float
    node: Value
    right: float
    wrong: float
    text: str


def item(mistake: Mutant | Slip, place: str) -> str:
    """The lines that tell a mistake: what it is, where it happens, what to read."""
    lines = [f"* {mistake.name}: {mistake.mistake}.", place and f"  {place}.", f"  Read again: {mistake.reread}."]
    return "\n".join(filter(None, lines))
