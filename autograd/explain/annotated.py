"""A derivation as a lecturer draws it: under each factor a brace, and an arrow to what the factor is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..answer import Answer
from ..convert import convert
from ..notation.expression import Expression, times, total
from ..notation.render import render
from ..notation.styles import MathML, Plain
from ..text import image
from .callouts import Piece, picture, sign

MOST_TERMS, MOST_FACTORS = 5, 12
"""The most terms of a sum over uses, and factors of a product, that are labeled one by one."""


class AnnotatedDerivation(Answer):
    """Equations with what each factor is, its shape and its numbers. Made by ``.annotated()`` of a derivation.

    Shows itself in a notebook; `svg` gives the text of the picture, `save` writes it: .svg, .png, .pdf (these two
    through a converter, see `autograd.convert`), .html or .txt.

    Attributes:
        equations: each as its parts, from left to right.
    """

    def __init__(self, equations: Sequence[Sequence[Piece]], title: str) -> None:
        self.equations = tuple(tuple(equation) for equation in equations)
        self._title = title

    def __str__(self) -> str:
        """Each equation, and below it a line for each part that has a label."""
        blocks = []
        for equation in self.equations:
            lines = ["".join(part.plain for part in equation)]
            labeled = [part for part in equation if part.words]
            longest = max((len(part.plain) for part in labeled), default=0)
            for part in labeled:
                facts = ", ".join(filter(None, (part.words, part.shape, part.written())))
                lines.append(f"  {part.plain:{longest}}  {facts}")
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def _heading(self) -> str:
        return self._title

    def _described(self) -> str:
        """The text on one line, for who hears the picture instead of seeing it."""
        return "; ".join(" ".join(line.split()) for line in str(self).splitlines() if line)

    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return picture(self.equations, self._title, self._described())

    def html(self) -> str:
        """The picture as an HTML image, which shows in untrusted notebooks too; its text says the same."""
        return f'<div style="overflow-x:auto">{image(self.svg().encode(), self._described())}</div>'

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {
            ".svg": self.svg,
            ".png": lambda: convert(self.svg(), "png"),
            ".pdf": lambda: convert(self.svg(), "pdf"),
            **super()._forms(),
        }


def chain_rule(
    left: Expression, parts: Sequence[tuple[Expression, Expression]], value: float, several: bool, numbers: bool
) -> list[Piece]:
    """One equation of the chain rule.

    Args:
        left: the derivative.
        parts: its factors, or with ``several`` uses its terms: each as a derivative by name and as it is computed.
        value: of the derivative.
        several: whether the quantity is used several times.
        numbers: whether to write numbers.
    """
    top, of = left.datum
    whole = _part(left, f"how {top.plain()} changes with {of.plain()}", numbers)
    if not parts:
        return [whole, sign("="), _part(Expression("number", (), value, value), "", False)]
    if several and len(parts) > MOST_TERMS:
        slopes = total([slope for _, slope in parts])
        return [whole, sign("="), _part(Expression("dots", (), None, slopes.evaluate()),
                                         f"the sum over all {len(parts)} uses of {of.plain()}", numbers)]  # fmt: skip
    found = [whole]
    left_out = range(MOST_FACTORS // 2, len(parts) - 3) if len(parts) > MOST_FACTORS else range(0)
    for i, (partial, slope) in enumerate(parts):
        if i in left_out[1:]:
            continue
        found.append(sign("=" if not i else "+" if several else "·"))
        if i in left_out:
            middle = times(*(parts[k][1] for k in left_out)).evaluate()
            found.append(_part(Expression("dots", (), None, middle), f"{len(left_out)} factors more", numbers))
            continue
        loose = slope.head in ("sum", "add", "sub", "neg", "indexed") or (slope.head == "number" and slope.value < 0)
        grouped = loose and (bool(i) if several else len(parts) > 1)
        found.append(_part(slope, _use(partial) if several else _way(partial, slope), numbers, grouped))
    return found


def _way(partial: Expression, slope: Expression) -> str:
    """Which edge a factor belongs to."""
    top, of = partial.datum
    if slope == partial:
        return f"how {top.plain()} changes with {of.plain()}: see below"
    return f"∂{top.plain()}/∂{of.plain()}: along the edge {of.plain()} → {top.plain()}"


def _use(partial: Expression) -> str:
    """Which of several uses a term belongs to: ∂e/∂z · ∂z/∂a is by way of z."""
    first = partial.parts[0] if partial.parts else partial
    return f"by way of {first.datum[1].plain()}" if first.head == "partial" else "where it is used directly"


def _part(expression: Expression, words: str, numbers: bool, grouped: bool = False) -> Piece:
    written, text = render(expression, MathML()), render(expression, Plain())
    if grouped:
        written, text = MathML().group(written), Plain().group(text)
    return Piece(written, text, words, "", expression.evaluate() if numbers and words else None)
