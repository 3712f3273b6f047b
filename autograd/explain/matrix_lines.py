"""An equation between vectors and matrices, as signs and names: in text, LaTeX and MathML."""

from __future__ import annotations

import re
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


class Factor(NamedTuple):
    """A factor of a product.

    Attributes:
        tokens: what it consists of.
        sign: what stands before it: empty, or ``"⊙"``.
    """

    tokens: tuple[Token, ...]
    sign: str


_PIECES = re.compile(r" (?:[⊙−/>] )?|[()\[\]]|[^ ()\[\]]+")


def factors(tokens: Sequence[Token]) -> list[Factor]:
    """The factors of one side of an equation; a difference or a quotient is one."""
    found: list[Factor] = []
    current: list[Token] = []
    depth, sign = 0, ""
    for piece in _pieces(tokens):
        if piece in (" ", " ⊙ ") and not depth:
            found.append(Factor(tuple(current), sign))
            current, sign = [], str(piece).strip()
            continue
        depth += (piece in ("(", "[")) - (piece in (")", "]"))
        current.append(piece)
    return [*found, Factor(tuple(current), sign)]


def _pieces(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, their signs one by one."""
    return [
        piece for token in tokens for piece in (_PIECES.findall(token) if isinstance(token, str) else [token])
    ]  # fmt: skip


def mathml(tokens: Sequence[Token]) -> str:
    """Some tokens as presentation MathML without the enclosing ``<math>``."""
    return "".join(_mathml_sign(piece) if isinstance(piece, str) else _mathml_name(piece) for piece in _pieces(tokens))


def _mathml_sign(piece: str) -> str:
    sign = piece.strip()
    if not sign:
        return '<mspace width="0.2em"/>'
    if sign in "([":
        return f"<mrow><mo>{sign}</mo>"
    if sign in ")]":
        return f"<mo>{sign}</mo></mrow>"
    if sign == "φ′":
        return '<mi>φ</mi><mo lspace="0" rspace="0">′</mo>'
    tag = "mn" if sign.isdecimal() else "mi" if sign.isalpha() else "mo"
    return f"<{tag}>{sign.replace('>', '&gt;')}</{tag}>"


def _mathml_name(token: Token) -> str:
    if isinstance(token, Slope):
        top, of = token.top.mathml(), token.of.mathml()
        return f"<mfrac><mrow><mo>∂</mo>{top}</mrow><mrow><mo>∂</mo>{of}</mrow></mfrac>"
    if isinstance(token, Turned):
        inner = mathml([token.of])
        if isinstance(token.of, Slope):
            inner = f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"
        return f"<msup>{inner}<mtext>T</mtext></msup>"
    assert isinstance(token, Name)
    return token.mathml()


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
