"""A claimed gradient: the number, and how exactly it was given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ..text import number as shown
from ..value import real


@dataclass(frozen=True)
class Claim:
    """A number found by hand.

    Attributes:
        number: the number itself.
        within: half a unit of its last digit: how far from it the exact number may be.
        digits: how many significant digits were given.
        exactness: both in words: "to the 2 digits given", or "to within 0.01".
    """

    number: float
    within: float
    digits: int
    exactness: str

    def agrees(self, x: float) -> bool:
        """Whether ``x``, rounded to the digits given, is the claimed number."""
        return same(x, self.number, self.within)


def read(claimed: Any, tolerance: float | None = None) -> Claim:
    """The claim that a text or a number makes.

    A text carries its digits: ``"14"`` two, ``"14.30"`` four, ``"1.4e1"`` two. So does the shortest text of a number:
    14 two, 14.3 three; a float has one decimal at least. Zero has no digit that could have been rounded: it is meant
    exactly, unless a text gives decimals (``"0.00"``).

    Args:
        claimed: the text or the number.
        tolerance: takes the place of half a unit of the last digit.

    Raises:
        TypeError: claimed is neither text nor a real number.
        ValueError: the text is not a number.
    """
    if isinstance(claimed, str):
        text, least = claimed.strip().replace("−", "-"), 0
    else:
        number = real(claimed, "a claimed gradient")
        text, least = (str(claimed), 0) if isinstance(claimed, int) else (_shortest(claimed, number), -1)
    try:
        decimal = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{claimed!r} is not a number; write the gradient as 0.25 or '0.25'") from None
    _, digits, exponent = decimal.as_tuple()
    number, within = float(decimal), 0.0
    if isinstance(exponent, int) and math.isfinite(number):
        meant = exponent if isinstance(claimed, str) else min(exponent, least)
        rounded = number != 0 or (isinstance(claimed, str) and exponent < 0)
        within = 0.5 * 10.0**meant if rounded else 0.0
    count = max(1, len("".join(map(str, digits)).lstrip("0")))
    exactness = f"to the {count} digit{'s' * (count > 1)} given"
    if tolerance is not None:
        within = abs(real(tolerance, "tolerance"))
        exactness = f"to within {shown(within)}"
    return Claim(number, within, count, exactness)


def _shortest(claimed: Any, number: float) -> str:
    """The shortest text that gives this number back: of a float32 the seven digits that it holds, not seventeen."""
    text = str(claimed)
    try:
        return text if float(text) == number or type(claimed).__name__ == "float32" else repr(number)
    except ValueError:
        return repr(number)


def same(x: float, y: float, within: float = 0.0) -> bool:
    """Equal to nine digits, or to ``within``; nan equals nan, and infinities equal themselves."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return x == y or (x != x and y != y)
    return abs(x - y) <= within + 1e-9 * max(abs(x), abs(y))
