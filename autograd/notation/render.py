"""Writing expression trees: formula text, Unicode, LaTeX and MathML, all with the same precedence rules.

`render` decides where parentheses and minus signs go; a `Style` says how each thing looks. An operand that starts
with a minus sign is put in parentheses unless it comes first, as on paper: ``x - (-3)``, and ``x + (-3)`` is written
``x - 3`` (the same number to the last bit).
"""

from __future__ import annotations

import functools

from .expression import Expression, fold
from .styles import ATOM, COMPARISON, PREFIX, PRODUCT, SCRIPT, SIGN, SUM, Piece, Style

_COMPARISONS = {"less": "<", "less_equal": "<="}


def render(expression: Expression, style: Style) -> str:
    """The expression written in a style."""

    def wrap(piece: Piece, least: int, first: bool = False, last: bool = True) -> str:
        fits = piece.binding >= least and (first or piece.positive is None) and (last or not piece.open)
        return piece.text if fits else style.group(piece.text)

    def added(left: Piece, right: Piece, sign: str = "+") -> Piece:
        first = wrap(left, SUM, True)
        if sign == "+" and right.positive is not None and right.binding > SUM:
            return Piece(style.join(first, "-", right.positive), SUM, None)
        loose = style.on_paper and sign == "+"  # on paper a + (b − c) is a + b − c; in a program it may round
        return Piece(style.join(first, sign, wrap(right, SUM if loose else PRODUCT)), SUM, None)

    def product(factors: list[Piece], binding: int = PRODUCT) -> Piece:
        *before, last = factors
        least = PRODUCT if style.on_paper else SIGN
        texts = [wrap(factor, least if i else PRODUCT, not i, last=False) for i, factor in enumerate(before)]
        texts.append(wrap(last, least if before else PRODUCT, not before))
        positive = factors[0].positive if factors[0].binding >= PRODUCT and texts[0] == factors[0].text else None
        opposite = None if positive is None else style.product([positive, *texts[1:]])
        return Piece(style.product(texts), binding, opposite, last.open)

    def combine(node: Expression, parts: list[Piece]) -> Piece:
        head = node.head
        if head in ("number", "constant"):
            return style.number(node.datum)
        if head == "symbol":
            scripts = style.on_paper and (node.datum.upper or node.datum.sample is not None)
            return Piece(style.name(node.datum), SCRIPT if scripts else ATOM)  # (w²₁₁)³, not w²₁₁³
        if head == "relation":
            texts = [part.text for part in parts]
            return Piece(functools.reduce(lambda x, y: style.join(x, node.datum, y), texts), COMPARISON)
        if head == "dots":
            return Piece(style.dots(), ATOM)
        if head == "partial":
            return Piece(style.partial(*node.datum), ATOM)
        if head in ("applied", "prime"):
            return Piece(style.function(node.datum, parts[0].text, head == "prime"), ATOM)
        if head == "indexed":
            letter, low, high = node.datum
            return Piece(style.indexed(letter, low, high, wrap(parts[0], PRODUCT, True)), PRODUCT)
        if head in ("add", "sum"):
            result = parts[0]
            for part in parts[1:]:
                result = added(result, part)
            return result
        if head == "sub":
            return added(parts[0], parts[1], "-")
        if head in ("mul", "product"):
            return product(parts)
        if head == "div":
            if style.tall_fractions:
                return Piece(style.quotient(parts[0].text, parts[1].text), PREFIX)
            over = wrap(parts[1], SIGN)
            positive = parts[0].positive if parts[0].binding >= PRODUCT else None
            text = style.quotient(wrap(parts[0], PRODUCT, True), over)
            return Piece(text, PRODUCT, None if positive is None else style.quotient(positive, over))
        if head == "neg":
            inner = wrap(parts[0], PRODUCT)
            return Piece(style.minus(inner), min(SIGN, max(parts[0].binding, PRODUCT)), inner, parts[0].open)
        if head == "pow":
            exponent = parts[1].text if style.on_paper else wrap(parts[1], SIGN, True)
            return style.power(wrap(parts[0], ATOM), exponent)
        if head in _COMPARISONS:
            return style.comparison(_COMPARISONS[head], *(wrap(part, SUM, True) for part in parts))
        return style.call(head, parts)

    return fold(expression, combine).text
