"""An equation between vectors and matrices, as signs and names: in text, LaTeX and MathML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Union

from ..notation.names import Name


class Slope(NamedTuple):
    """∂top/∂of. Of two vectors it is the Jacobian, with a row for each entry of the first."""

    top: Name
    of: Name


class Turned(NamedTuple):
    """A transpose."""

    of: Union[Name, Slope]


Token = Union[str, Name, Slope, Turned]
"""A part of an equation: a name, a derivative, a transpose of one, or signs between them."""

_LATEX = {" ⊙ ": r" \odot ", "−": "-", "φ′(": r"\varphi'(", "Diag(": r"\operatorname{Diag}("}


@dataclass(frozen=True)
class MatrixLine:
    """One equation.

    Attributes:
        left, right: its sides, in signs and names. The right side is empty if the line only gives the left one a name.
        shape: that of both sides: ``"5×4"``, or ``"5"`` for a vector of 5 entries, ``"1"`` for a number.
        error: how far the right side, computed with NumPy, is from the engine's gradient at the worst of the points,
            relative to its largest entry (or to 1, if that is more).
        called: a short name for the left side, which lines below use: δ², V³.
    """

    left: Slope | Turned
    right: tuple[Token, ...]
    shape: str
    error: float
    called: Name | None = None

    def sides(self) -> list[tuple[Token, ...]]:
        """What stands between the equals signs."""
        called: list[tuple[Token, ...]] = [(self.called,)] if self.called is not None else []
        return [*called, (self.left,), *([self.right] if self.right else [])]

    def plain(self) -> str:
        """Unicode text."""
        return " = ".join(map(plain, self.sides()))

    def latex(self) -> str:
        """LaTeX, without the shape."""
        first, *rest = map(_latex, self.sides())
        return f"{first} &= {' = '.join(rest)}"


def plain(tokens: Sequence[Token]) -> str:
    """Some tokens as Unicode text."""
    return "".join(map(_plain_token, tokens))


def _plain_token(token: Token) -> str:
    if isinstance(token, Slope):
        return f"∂{token.top.plain()}/∂{token.of.plain()}"
    if isinstance(token, Turned):
        return f"{plain([token.of])}ᵀ" if isinstance(token.of, Name) else f"({plain([token.of])})ᵀ"
    return token.plain() if isinstance(token, Name) else token


def _latex(tokens: Sequence[Token]) -> str:
    return "".join(map(_latex_token, tokens))


def _latex_token(token: Token) -> str:
    if isinstance(token, Slope):
        return rf"\frac{{\partial {token.top.latex()}}}{{\partial {token.of.latex()}}}"
    if isinstance(token, Turned):
        inner = _latex([token.of])
        return rf"{{{inner}}}^{{\top}}" if isinstance(token.of, Name) else rf"\left({inner}\right)^{{\top}}"
    if isinstance(token, Name):
        return token.latex()
    for sign, latex in _LATEX.items():
        token = token.replace(sign, latex)
    return token
