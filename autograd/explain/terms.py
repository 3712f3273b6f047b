"""The tree of a formula that a student wrote: what `reading` makes of text, and the text of a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..notation.names import Name
from ..text import MINUS


@dataclass(frozen=True)
class Term:
    """A node of what a student wrote.

    Attributes:
        head: ``number``, ``name``, ``partial`` (of, with respect to), ``sum``, ``neg``, ``dot`` (· or nothing between),
            ``odot``, ``over``, ``power``, ``transpose``, ``call``, ``slope`` (φ′), ``slopes`` (those of a layer, φ²′),
            ``gate`` (1[a > b]), ``sigma`` (Σ).
        parts: what it is made of.
        datum: a number, a `Name`, the word of a function, the index of a layer, the letter of Σ or the sign of a
            comparison.
    """

    head: str
    parts: tuple[Term, ...] = ()
    datum: object = None

    def with_part(self, place: int, part: Term) -> Term:
        """The same with another part."""
        return replace(self, parts=(*self.parts[:place], part, *self.parts[place + 1 :]))

    def plain(self) -> str:
        """Unicode text, which `autograd.explain.reading.read` reads as this term again.

        >>> net, error = Term("name", datum=Name("z", (1,))), Term("name", datum=Name("δ", (2,)))
        >>> weights = Term("transpose", (Term("name", datum=Name("W", (2,))),))
        >>> Term("odot", (Term("slope", (net,), "φ"), Term("dot", (weights, error)))).plain()
        'φ′(z¹) ⊙ (W²ᵀ δ²)'
        """
        texts = [part.plain() for part in self.parts]
        if self.head == "number":
            assert isinstance(self.datum, float)
            return str(self.datum).removesuffix(".0")
        if self.head == "name":
            assert isinstance(self.datum, Name)
            return self.datum.plain()
        if self.head == "partial":
            return f"∂{texts[0]}/∂{texts[1]}"
        if self.head in ("call", "slope"):
            return f"{self.datum}{'′' if self.head == 'slope' else ''}({texts[0]})"
        if self.head == "slopes":
            assert isinstance(self.datum, tuple)
            return Name("φ", self.datum).plain() + "′"
        if self.head == "gate":
            return f"1[{texts[0]} {self.datum} {texts[1]}]"
        if self.head == "transpose":
            return f"{texts[0]}ᵀ" if self.parts[0].head in ("name", "transpose") else f"({texts[0]})ᵀ"
        wrapped = [f"({text})" if part.head in _BINDING[self.head] else text for part, text in zip(self.parts, texts)]
        if self.head == "sum":
            return wrapped[0] + "".join(
                f" {MINUS} {text[1:]}" if part.head == "neg" else f" + {text}"
                for part, text in zip(self.parts[1:], wrapped[1:])
            )
        if self.head == "sigma":
            return f"Σ_{self.datum} {wrapped[0]}"
        return _BETWEEN[self.head].join(wrapped) if len(wrapped) > 1 else MINUS + wrapped[0]


_PRODUCTS = ("dot", "odot", "over")
_BINDING = {
    "sum": ("sum",), "neg": ("sum", "neg"), "sigma": ("sum", "neg"),
    "power": (*_PRODUCTS, "sum", "neg", "sigma", "name", "partial", "transpose", "power"),
    **dict.fromkeys(_PRODUCTS, (*_PRODUCTS, "sum", "neg", "sigma")),
}  # fmt: skip
"""What stands in parentheses inside of what."""
_BETWEEN = {"dot": " ", "odot": " ⊙ ", "over": " / ", "power": "^"}


def places(term: Term, names: bool = False) -> Iterator[tuple[Term, Callable[[Term], Term]]]:
    """Every part of a term, each with what puts another one in its place; ``names``: those in derivatives too."""
    yield term, lambda new: new
    for i, part in enumerate(term.parts if names or term.head != "partial" else ()):
        for inner, put in places(part, names):
            yield inner, lambda new, i=i, put=put: term.with_part(i, put(new))  # type: ignore[misc]


def transposed(term: Term) -> Term:
    """Aᵀ for A, and A for Aᵀ."""
    return term.parts[0] if term.head == "transpose" else Term("transpose", (term,))
