r"""What a student writes, read as a tree: text, Unicode or LaTeX, scalars or matrices.

The grammar is a short list, and nothing is ever handed to Python: numbers, names with indices (``w^2_{11}``, ``w²₁₁``,
``W2``), derivatives (``∂e/∂w²₁₁``, ``dL/dW2``, ``\frac{\partial e}{\partial w^2_{11}}``, ``∇_{W^2} L``), the operations
+ − · * × / @ ⊙, powers, transposes (``^T``, ``⊤``), functions and their derivatives (``φ'(z)``, ``σ'(z)``, ``exp``,
``log``, ``softmax``), ``onehot(y)``, ``1[h > 0]``, ``Diag(v)`` and ``Σ_i``. Everything else is refused with a sentence
that names it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NoReturn

from ..notation.names import GREEK, LOWERED, RAISED, Index, Name
from .terms import Term

LONGEST = 2_000
"""The characters of the longest line that is read."""
DEEPEST = 40
"""How deeply parentheses may be nested."""


class NotReadError(ValueError):
    """A line that is not in the grammar; the message says what was not understood."""


FUNCTIONS = {
    "exp": "exp", "log": "log", "ln": "log", "tanh": "tanh", "sigmoid": "sigmoid", "σ": "sigmoid", "relu": "relu",
    "softmax": "softmax", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "diag": "diag", "onehot": "onehot", "φ": "φ",
    "softplus": "softplus", "abs": "abs", "g": "φ", "f": "φ",
}  # fmt: skip
"""Words that stand for functions, in small letters; φ is whatever function the network has."""

_WORDS = {
    r"\partial": "∂", r"\cdot": "·", r"\odot": "⊙", r"\circ": "⊙", r"\times": "·", r"\top": "⊤", r"\intercal": "⊤",
    r"\nabla": "∇", r"\sum": "Σ", r"\varphi": "φ", r"\phi": "φ", r"\Phi": "φ", r"\prime": "'", r"\mathbb{1}": "1",
    r"\mathbf{1}": "1", r"\ell": "l", r"\leq": "≤", r"\geq": "≥", r"\le": "≤", r"\ge": "≥", r"\ln": "log",
}  # fmt: skip
_DROPPED = re.compile(r"\\(?:left|right|bigl|bigr|Bigl|Bigr|big|Big|displaystyle|,|;|!|:|quad|qquad| )|[$&]|\\\\")
_STYLED = re.compile(r"\\(?:mathrm|operatorname|text|mathbf|mathit|boldsymbol|bm)\s*\{([^{}]*)\}")
_ACCENT = re.compile(r"\\(hat|bar|tilde)\s*(?:\{\s*([A-Za-z])\s*\}|([A-Za-z]))")
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
_SIGNS = str.maketrans({"−": "-", "–": "-", "⋅": "·", "×": "·", "∘": "⊙", "∑": "Σ", "′": "'", "’": "'", "ϕ": "φ",
                        "ϵ": "ε", "Φ": "φ", "𝟙": "1", "½": "0.5", "𝜕": "∂", "⟙": "⊤", "ᵀ": "⊤", "@": "·",
                        "*": "·"})  # fmt: skip


def normal(text: str) -> str:
    """A line without LaTeX's layout: one sign for each operation, scripts as ``^{…}`` and ``_{…}``.

    >>> normal(r"\\frac{\\partial e}{\\partial w^2_{11}} = \\varphi'(z^2_1) \\cdot a^1_1")
    "(∂ e)/(∂ w^2_{11}) = φ '(z^2_1) · a^1_1"
    """
    if len(text) > LONGEST:
        raise NotReadError(f"the line has {len(text):,} characters; {LONGEST:,} are read")
    text = _STYLED.sub(r" \1 ", text)
    for _ in range(3):
        text = _ACCENT.sub(lambda m: unicodedata.normalize("NFC", (m[2] or m[3]) + _ACCENTS[m[1]]), text)
    text = _DROPPED.sub(" ", text)
    text = _fractions(text)
    for word in sorted(_WORDS, key=len, reverse=True):
        text = re.sub(re.escape(word) + (r"(?![A-Za-z])" if word[-1].isalpha() else ""), f"{_WORDS[word]} ", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], m[1]) + " ", text)
    text = unicodedata.normalize("NFC", text).translate(_SIGNS).replace("**", "^")
    for table, sign in ((RAISED, "^"), (LOWERED, "_")):
        back = {script: plain for plain, script in table.items() if script != ","}
        run = re.compile("[" + "".join(map(re.escape, back)) + "](?:,?[" + "".join(map(re.escape, back)) + "])*")
        text = run.sub(lambda found, b=back, s=sign: f"{s}{{{''.join(b.get(c, c) for c in found[0])}}}", text)  # type: ignore[misc]
    text = re.sub(r"\^\s*\{\s*([^{}]*?)\s*(?:T|⊤)\s*\}", lambda m: (f"^{{{m[1]}}}" if m[1] else "") + "⊤", text)
    return " ".join(re.sub(r"\^\s*(?:T\b|⊤)", "⊤", text).split())


def _fractions(text: str) -> str:
    r"""``\frac{a}{b}`` as ``(a)/(b)``, from the innermost out."""
    for _ in range(LONGEST):
        found = re.search(r"\\[dt]?frac\s*", text)
        if not found:
            return text
        above, at = _group(text, found.end())
        below, end = _group(text, at)
        text = f"{text[: found.start()]}({above})/({below}){text[end:]}"
    raise NotReadError("too many fractions")


def _group(text: str, start: int) -> tuple[str, int]:
    while start < len(text) and text[start].isspace():
        start += 1
    if start >= len(text):
        raise NotReadError(r"a \frac lacks a part")
    if text[start] != "{":
        return text[start], start + 1
    depth = 0
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start + 1 : end], end + 1
    raise NotReadError("a brace { is not closed")


_SCRIPT = r"(?:\{\s*([^{}]*?)\s*\}|(\([^()]*\)|[ijkmn]{2}(?![A-Za-z])|[A-Za-z]\d+|\d+[ijkmn]?|[A-Za-z]))"
_NAME = re.compile(rf"([^\W\d_][\u0302\u0303\u0304]?)(['ʹ]*)((?:\s*[\^_]\s*{_SCRIPT})*)")
_WORD = re.compile(r"[^\W\d_]+")
_PRIMES = re.compile(r"\s*\^?\s*\{?\s*'+\s*\}?|\^\{?\w+(?:'\}?|\}?')")
_OF_LAYER = re.compile(r"\s*\^\s*\{?\s*(\w+|\(\w+\))\s*(?:'\s*\}|\}?\s*')|\s*'\s*\^\s*\{?\s*(\w+|\(\w+\))\s*\}?")
_PIECE = re.compile(rf"\s*([\^_])\s*{_SCRIPT}")
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+")


def indices_of(text: str) -> tuple[Index, ...]:
    """``11`` as 1 and 1, ``1,12`` as 1 and 12, ``i1`` as i and 1, ``I12`` as I, 1 and 2, ``a`` as a."""
    parts = text.replace(" ", "").split(",") if "," in text else re.findall(r"\(\w+\)|\w", text.replace(" ", ""))
    return tuple(int(part) if part.isdecimal() else part for part in parts if part)


def read(text: str) -> list[Term]:
    """The sides of ``a = b = c``.

    Raises:
        NotReadError: something is not in the grammar.
    """
    reader = _Reader(normal(text))
    sides = [] if reader.take("=") else [reader.sum()]
    if not sides:
        sides.append(reader.sum())
    while reader.take("="):
        sides.append(reader.sum())
    reader.end()
    return sides


class _Reader:
    """Recursive descent over one line."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    # ---- characters

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def peek(self) -> str:
        self.skip()
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self, sign: str) -> bool:
        self.skip()
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def need(self, sign: str) -> None:
        if not self.take(sign):
            self.fail(f"{sign!r} is missing")

    def fail(self, why: str = "") -> NoReturn:
        rest = self.text[self.at : self.at + 20].strip()
        raise NotReadError(why + (f" before {rest!r}" if rest else " at the end") if why else f"{rest!r} is not read")

    def end(self) -> None:
        if self.peek():
            self.fail()

    # ---- sums, products, powers

    def sum(self) -> Term:
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotReadError(f"more than {DEEPEST} parentheses inside each other")
        terms = [self.product()]
        while self.peek() in ("+", "-"):
            minus = self.take("-") or not self.take("+")
            part = self.product()
            terms.append(Term("neg", (part,)) if minus else part)
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Term("sum", tuple(terms))

    def product(self) -> Term:
        if self.take("-"):
            return Term("neg", (self.product(),))
        self.take("+")
        left = self.power()
        while True:
            if self.take("⊙"):
                left = _join("odot", left, self.signed())
            elif self.take("/"):
                left = Term("over", (left, self.signed()))
            elif self.take("·") or self.starts():
                left = _join("dot", left, self.signed())
            else:
                return left

    def signed(self) -> Term:
        return Term("neg", (self.signed(),)) if self.take("-") else self.power()

    def starts(self) -> bool:
        """Whether a factor follows without a sign."""
        sign = self.peek()
        return bool(sign) and (sign.isalnum() or sign in "({∂∇Σ" or bool(_NAME.match(self.text, self.at)))

    def power(self) -> Term:
        base = self.atom()
        while True:
            if self.take("⊤"):
                base = Term("transpose", (base,))
            elif self.take("^"):
                base = Term("power", (base, self.exponent()))
            else:
                return base

    def exponent(self) -> Term:
        if self.take("{"):
            inner = self.sum()
            self.need("}")
            return inner
        return self.signed()

    # ---- atoms

    def atom(self) -> Term:
        sign = self.peek()
        if sign == "(":
            return self.bracketed("(", ")")
        if sign in "[{":
            return self.bracketed(sign, "]" if sign == "[" else "}") if sign else self.fail("something")
        if sign == "Σ":
            return self.sigma()
        if sign == "∂":
            return self.partial()
        if sign == "∇":
            self.take("∇")
            return self.nabla()
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            if number[0] == "1" and self.peek() == "[":
                return self.gate()
            return Term("number", (), float(number[0]))
        return self.named()

    def bracketed(self, opening: str, closing: str) -> Term:
        self.need(opening)
        if opening == "(" and self.peek() in ("∂", "d"):  # (∂ e)/(∂ w), as a \frac
            before = self.at
            try:
                return self.fraction(before)
            except NotReadError:
                self.at = before
        inner = self.sum()
        self.need(closing)
        return inner

    def fraction(self, before: int) -> Term:
        above = self.differential()
        self.need(")")
        self.need("/")
        self.need("(")
        below = self.differential()
        self.need(")")
        return Term("partial", (above, below))

    def differential(self) -> Term:
        if not self.take("∂"):
            self.need("d")
        return self.quantity()

    def partial(self) -> Term:
        above = self.differential()
        self.need("/")
        wrapped = self.take("(")
        below = self.differential()
        if wrapped:
            self.need(")")
        return Term("partial", (above, below))

    def nabla(self) -> Term:
        if self.take("_"):
            braces = self.take("{")
            below = self.quantity()
            if braces:
                self.need("}")
            return Term("partial", (self.quantity(), below))
        self.fail("∇ needs what the derivative is with respect to, as in ∇_{W^2} L,")

    def gate(self) -> Term:
        self.need("[")
        left = self.sum()
        sign = next((sign for sign in ("≥", "≤", ">=", "<=", ">", "<") if self.take(sign)), "")
        if not sign:
            self.fail("a comparison such as > 0 is missing")
        right = self.sum()
        self.need("]")
        return Term("gate", (left, right), {"≥": ">=", "≤": "<="}.get(sign, sign))

    def sigma(self) -> Term:
        self.need("Σ")
        self.skip()
        scripts = re.match(r"(?:\s*[\^_]\s*(?:\{[^{}]*\}|\w))+", self.text[self.at :])
        found = re.search(r"_\s*\{?\s*([a-z])", scripts[0]) if scripts else None
        if not scripts or not found:
            self.fail("Σ needs its index, as in Σ_i,")
        self.at += scripts.end()
        return Term("sigma", (self.product(),), found[1])

    def quantity(self) -> Term:
        """A name in a derivative."""
        wrapped = self.take("(")
        found = self.name()
        if wrapped:
            self.need(")")
        return found

    def named(self) -> Term:
        derivative = re.match(r"d(?=[^\W\d_])", self.text[self.at :])
        if derivative and re.match(r"d\S+?\s*/\s*d[^\W\d_]", self.text[self.at :]):
            return self.partial()
        word = _WORD.match(self.text, self.at)
        if word is None:
            self.fail()
        known = FUNCTIONS.get(word[0].lower() if len(word[0]) > 1 else word[0])
        if known:
            after = self.text[word.end() :]
            layer = _OF_LAYER.match(after) if word[0] in ("φ", "σ") else None
            if layer and not re.match(r"\s*\(", after[layer.end() :]):  # Diag(φ²′): at that layer's net input
                self.at = word.end() + layer.end()
                return Term("slopes", (), indices_of(layer[1] or layer[2]))
            index = re.match(r"\s*_(?:\{([^{}]*)\}|(\w))", after) if known in ("softmax", "onehot") else None
            rest = after[index.end() :] if index else after
            primes = (
                re.match(r"\s*\^?\s*\{?\s*'+\s*\}?|\^\{?\w+'\}?|\^\{?\w+\}?'", rest) if known != "softmax" else None
            )
            if (word[0] != "f" or primes) and re.match(r"\s*[(\[]", rest[primes.end() :] if primes else rest):
                self.at = len(self.text) - len(rest) + (primes.end() if primes else 0)
                argument = self.bracketed(self.peek(), ")" if self.peek() == "(" else "]")
                if primes:  # σ′(z)
                    return Term("slope", (argument,), known)
                return Term("call", (argument,), known)
            if known in ("exp", "log", "tanh", "sin", "cos", "sigmoid", "relu") and not primes and self.applies(rest):
                self.at = word.end()
                return Term("call", (self.power(),), known)
        return self.name()

    @staticmethod
    def applies(rest: str) -> bool:
        """Whether a function stands before its argument without parentheses: log ŷ."""
        return bool(re.match(r"\s+[^\W_]", rest))

    def name(self) -> Term:
        self.skip()
        found = _NAME.match(self.text, self.at)
        if found is None:
            self.fail("a name is missing")
        base, primes, scripts = found[1], found[2], found[3]
        if len(base) == 1 and not scripts:  # W2, z1, w11: digits right behind the letter
            digits = re.match(r"\d+", self.text[found.end(1) :])
            if digits and not primes:
                end = found.end(1) + digits.end()
                again = re.match(rf"((?:\s*[\^_]\s*{_SCRIPT})*)", self.text[end:])
                self.at = end + (again.end() if again else 0)
                _, more = _scripts(again[1] if again else "")
                return Term("name", (), Name(base, (), (f"#{digits[0]}", *more)))
        word = _WORD.match(self.text, self.at)
        greek = GREEK.get(word[0]) if word else None
        if word and greek and len(word[0]) > 1:
            self.text = self.text[: self.at] + greek + self.text[word.end() :]
            return self.name()
        self.at = found.end()
        above, below = _scripts(scripts)
        return Term("name", (), Name(base, above, below).primed(len(primes)))


def _scripts(text: str) -> tuple[tuple[Index, ...], tuple[Index, ...]]:
    above: tuple[Index, ...] = ()
    below: tuple[Index, ...] = ()
    for sign, braced, bare in _PIECE.findall(text):
        found = indices_of(braced or bare)
        if sign == "^":
            above += found
        else:
            below += found
    return above, below


def _join(head: str, left: Term, right: Term) -> Term:
    """A product of any number of factors of one kind, in order."""
    parts = left.parts if left.head == head else (left,)
    return Term(head, (*parts, right))
