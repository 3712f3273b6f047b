# ruff: noqa: D102 (a method of a style writes what it is named after; `render` decides when)
"""How things look in formula text, Unicode, LaTeX and MathML: `autograd.notation.render` puts them together."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import NamedTuple

from ..ops import TABLE
from ..text import MINUS, minus, number, rounded, xml
from .names import LOWERED, RAISED, Index, Name, escape_latex

COMPARISON, SUM, PRODUCT, SIGN, PREFIX, POWER, SCRIPT, ATOM = range(1, 9)


def word(head: str) -> str:
    """What readers call a function: arcsin for asin."""
    return TABLE[head].word if head in TABLE else head


class Piece(NamedTuple):
    """Something written.

    Attributes:
        text: how it is written.
        binding: how tightly its parts are bound together.
        positive: if it starts with a minus sign, the text without it.
        open: whether it ends with the argument of a function that nothing encloses, so that ``\\log x`` times y must
            not be written ``\\log x \\cdot y``.
    """

    text: str
    binding: int
    positive: str | None = None
    open: bool = False


@dataclass
class Style:
    """The formula language of `autograd.formulas`, exact to the last digit; other notations derive from it.

    Attributes:
        identifiers: what to call a name whose own identifier is another one's or a reserved word.
    """

    identifiers: Mapping[Name, str] = field(default_factory=dict, kw_only=True)

    tall_fractions = False
    on_paper = False
    times = " * "

    def comparison(self, sign: str, x: str, y: str) -> Piece:
        return Piece(f"{x} {sign} {y}", COMPARISON)

    def number(self, x: float) -> Piece:
        text = str(int(x)) if x.is_integer() and abs(x) < 1e15 and (x or math.copysign(1, x) > 0) else repr(x)
        return _signed(text, ATOM)

    def name(self, name: Name) -> str:
        return self.identifiers.get(name) or name.identifier()

    def group(self, text: str) -> str:
        return f"({text})"

    def join(self, left: str, sign: str, right: str) -> str:
        return f"{left} {sign} {right}"

    def minus(self, text: str) -> str:
        return f"-{text}"

    def product(self, factors: Sequence[str]) -> str:
        return self.times.join(factors)

    def quotient(self, x: str, y: str) -> str:
        return f"{x} / {y}"

    def power(self, base: str, exponent: str) -> Piece:
        return Piece(f"{base} ** {exponent}", POWER)

    def call(self, head: str, arguments: Sequence[Piece]) -> Piece:
        return Piece(f"{head}({', '.join(argument.text for argument in arguments)})", ATOM)

    def dots(self) -> str:
        return "..."

    def partial(self, top: Name, bottom: Name) -> str:
        return f"∂{self.name(top)}/∂{self.name(bottom)}"

    def function(self, letter: str, argument: str, prime: bool) -> str:
        return f"{letter}{'′' if prime else ''}({argument})"

    def indexed(self, letter: str, low: Index, high: Index, body: str) -> str:
        below = "".join(LOWERED.get(sign, sign) for sign in f"{letter}={low}")
        above = "".join(RAISED.get(sign, sign) for sign in str(high))
        return f"Σ{below}{above} {body}"


@dataclass
class Plain(Style):
    """Unicode for a terminal, numbers with some significant digits."""

    digits: int = 4
    times = " · "

    def comparison(self, sign: str, x: str, y: str) -> Piece:
        """1 if it holds, else 0, in Iverson's brackets."""
        return Piece(f"[{x} {sign.replace('<=', '≤')} {y}]", ATOM)

    def number(self, x: float) -> Piece:
        mantissa, exponent = rounded(x, self.digits)
        if exponent is None:
            return _signed(mantissa, ATOM)
        return _signed(f"{_times_ten(mantissa)}10{''.join(RAISED[sign] for sign in str(exponent))}", SIGN)

    def name(self, name: Name) -> str:
        return name.plain()

    def minus(self, text: str) -> str:
        return f"−{text}"

    def join(self, left: str, sign: str, right: str) -> str:
        return f"{left} {sign.replace('-', '−')} {right}"

    def power(self, base: str, exponent: str) -> Piece:
        if set(exponent.replace("−", "-")) <= set(RAISED):
            return Piece(base + "".join(RAISED[sign] for sign in exponent.replace("−", "-")), POWER)
        return Piece(f"{base}^{exponent if re.fullmatch('[A-Za-z0-9]+', exponent) else self.group(exponent)}", POWER)

    on_paper = True

    def call(self, head: str, arguments: Sequence[Piece]) -> Piece:
        if head == "abs":
            return Piece(f"|{arguments[0].text}|", ATOM)
        return super().call({"sqrt": "√"}.get(head) or word(head), arguments)

    def dots(self) -> str:
        return "⋯"


@dataclass
class Compact(Plain):
    """Unicode with numbers as tables and boxes show them: 1.5e−7."""

    def number(self, x: float) -> Piece:
        return _signed(number(x, self.digits), ATOM)


@dataclass
class Latex(Plain):
    """LaTeX for mathematics mode."""

    commas: bool = False
    tall_fractions = True
    times = r" \cdot "

    def comparison(self, sign: str, x: str, y: str) -> Piece:
        return Piece(rf"\left[{x} " + (sign if sign == "<" else r"\le") + rf" {y}\right]", ATOM)

    def number(self, x: float) -> Piece:
        if not math.isfinite(x):
            return _signed(r"\mathrm{nan}" if x != x else r"\infty" if x > 0 else r"-\infty", ATOM)
        mantissa, exponent = rounded(x, self.digits)
        mantissa = mantissa.replace(MINUS, "-")
        if exponent is None:
            return _signed(mantissa, ATOM)
        return _signed(_times_ten(mantissa, r" \cdot ") + f"10^{{{exponent}}}", SIGN)

    def name(self, name: Name) -> str:
        return name.latex(self.commas)

    def group(self, text: str) -> str:
        return rf"\left({text}\right)"

    def join(self, left: str, sign: str, right: str) -> str:
        return f"{left} {sign} {right}"

    def minus(self, text: str) -> str:
        return f"-{text}"

    def quotient(self, x: str, y: str) -> str:
        return rf"\frac{{{x}}}{{{y}}}"

    def power(self, base: str, exponent: str) -> Piece:
        return Piece(f"{base}^{{{exponent}}}", POWER)

    def call(self, head: str, arguments: Sequence[Piece]) -> Piece:
        """The template of the operation; an argument that nothing in it encloses gets parentheses if it needs them."""
        op = TABLE[head]
        filled: dict[str, str] = {}
        for name, argument in zip(op.arguments, arguments):
            enclosed = all(
                re.search(r"(?:\{|\\left[(|\[]|, )\$" + name + r"(?:\}(?!\^)|\\right[)|\]]|, )", op.latex) is not None
                for _ in re.finditer(r"\$" + name + r"\b", op.latex)
            )
            filled[name] = argument.text if enclosed or argument.binding >= SCRIPT else self.group(argument.text)
        text = Template(op.latex).substitute(filled)
        closed = text.endswith((r"\right)", r"\right|", r"\right]")) or text.startswith(r"\sqrt{")
        if closed or text.startswith("e^"):
            return Piece(text, ATOM if closed else POWER)
        return Piece(text, PREFIX, open=True)

    def dots(self) -> str:
        return r"\cdots"

    def partial(self, top: Name, bottom: Name) -> str:
        return rf"\frac{{\partial {self.name(top)}}}{{\partial {self.name(bottom)}}}"

    def function(self, letter: str, argument: str, prime: bool) -> str:
        word = {"φ": r"\varphi", "σ": r"\sigma"}.get(letter, rf"\operatorname{{{escape_latex(letter)}}}")
        return word + ("'" if prime else "") + (self.group(argument) if "\\frac" in argument else f"({argument})")

    def indexed(self, letter: str, low: Index, high: Index, body: str) -> str:
        return rf"\sum_{{{letter}={low}}}^{{{high}}} {body}"


@dataclass
class MathML(Plain):
    """Presentation MathML, which browsers draw without a library; wrap it in ``<math>``."""

    tall_fractions = True

    def comparison(self, sign: str, x: str, y: str) -> Piece:
        sign = "&lt;" if sign == "<" else "≤"
        return Piece(f"<mrow><mo>[</mo>{x}<mo>{sign}</mo>{y}<mo>]</mo></mrow>", ATOM)

    def number(self, x: float) -> Piece:
        if not math.isfinite(x):
            text = "<mi>nan</mi>" if x != x else "<mi>∞</mi>"
            return Piece(self.minus(text), SIGN, text) if x < 0 else Piece(text, ATOM)
        mantissa, exponent = rounded(abs(x), self.digits)
        text, binding = f"<mn>{mantissa}</mn>", ATOM
        if exponent is not None:
            power = f"<msup><mn>10</mn><mn>{minus(str(exponent))}</mn></msup>"
            text, binding = power if mantissa == "1" else f"{text}<mo>·</mo>{power}", SIGN
        return Piece(self.minus(text), binding, text) if x < 0 else Piece(text, binding)

    def name(self, name: Name) -> str:
        return name.mathml()

    def group(self, text: str) -> str:
        return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"

    def join(self, left: str, sign: str, right: str) -> str:
        return f"{left}<mo>{sign.replace('-', '−')}</mo>{right}"

    def minus(self, text: str) -> str:
        return f"<mrow><mo>−</mo>{text}</mrow>"  # first in a row of its own, so that it is a sign

    def product(self, factors: Sequence[str]) -> str:
        return "<mo>·</mo>".join(factors)

    def quotient(self, x: str, y: str) -> str:
        return f"<mfrac><mrow>{x}</mrow><mrow>{y}</mrow></mfrac>"

    def power(self, base: str, exponent: str) -> Piece:
        return Piece(f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>", POWER)

    def call(self, head: str, arguments: Sequence[Piece]) -> Piece:
        inner = "<mo>,</mo>".join(argument.text for argument in arguments)
        if head == "exp":
            return self.power("<mi>e</mi>", inner)
        if head == "sqrt":
            return Piece(f"<msqrt>{inner}</msqrt>", ATOM)
        if head == "abs":
            return Piece(f"<mrow><mo>|</mo>{inner}<mo>|</mo></mrow>", ATOM)
        return Piece(f"<mrow><mi>{xml(word(head))}</mi><mo>&#x2061;</mo>{self.group(inner)}</mrow>", ATOM)

    def dots(self) -> str:
        return "<mo>⋯</mo>"

    def partial(self, top: Name, bottom: Name) -> str:
        return self.quotient(f"<mo>∂</mo>{top.mathml()}", f"<mo>∂</mo>{bottom.mathml()}")

    def function(self, letter: str, argument: str, prime: bool) -> str:
        word = f"<mi>{xml(letter)}</mi>"
        sign = '<mo lspace="0" rspace="0">′</mo>' if prime else ""
        return f"<mrow>{word}{sign}{self.group(argument)}</mrow>"

    def indexed(self, letter: str, low: Index, high: Index, body: str) -> str:
        below = f"<mrow><mi>{letter}</mi><mo>=</mo><mn>{low}</mn></mrow>"
        return f"<munderover><mo>∑</mo>{below}<mn>{high}</mn></munderover><mrow>{body}</mrow>"


def math_element(body: str) -> str:
    """MathML as a browser takes it."""
    return f'<math displaystyle="true"><mrow>{body}</mrow></math>'


def _times_ten(mantissa: str, sign: str = "·") -> str:
    return mantissa[:-1] if mantissa in ("1", "-1", "−1") else mantissa + sign


def _signed(text: str, binding: int) -> Piece:
    return Piece(text, min(binding, SIGN), text[1:]) if text[:1] in ("-", MINUS) else Piece(text, binding)
