"""Mistakes in a matrix formula: the wrong right sides that learners write for a right one.

`repairs` goes the other way, from a false line to the mistake in it, and both speak of `MISCONCEPTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..notation.names import Name
from .layer_names import LayerNames
from .terms import Term, places, transposed

REREAD = {
    "sign": "which of the two is subtracted, and where a minus comes from",
    "transpose": "of a product A B the gradients are ∂L/∂A = G Bᵀ and ∂L/∂B = Aᵀ G, with G = ∂L/∂(A B)",
    "wrong order": "A B is not B A: the columns of the first factor meet the rows of the second",
    "⊙ for a matrix product": "W x mixes the entries of x, so that its gradient is a matrix product",
    "matrix product for ⊙": "φ works entry by entry, so that its derivative multiplies entry by entry (⊙)",
    "dropped activation derivative": "∂L/∂z = φ′(z) ⊙ ∂L/∂a",
    "function for its derivative": "∂L/∂z = φ′(z) ⊙ ∂L/∂a, with the derivative of φ",
    "wrong layer": "which layer's quantities stand on both sides of the step",
    "wrong quantity": "what is the net input z of a layer, and what its activation a",
    "constant factor": "d(c·f)/dx = c·df/dx, and the power rule",
    "dropped factor": "the chain rule: each step on the way has a factor",
    "extra factor": "the chain rule: each step on the way has one factor, and no more",
    "dropped term": "the derivative of the loss by the network's output",
}
"""What to read again, by the name of the mistake."""


class Mistaken(NamedTuple):
    """A wrong formula.

    Attributes:
        name: the mistake's (see `MISCONCEPTIONS`).
        note: what is wrong in this formula; empty where the name says it all.
        term: the formula.
    """

    name: str
    note: str
    term: Term


def mistaken(right: Term, layers: Sequence[LayerNames]) -> Iterator[Mistaken]:
    """A right side with one mistake in it, in every way; some are right after all, or have shapes that do not fit."""
    families = _families(layers)
    for part, put in places(right, names=True):
        for name, note, wrong in _at(part, families):
            yield Mistaken(name, note, put(wrong))
    yield Mistaken("sign", "the whole has the other sign", Term("neg", (right,)))
    if not _with_number(right):
        yield Mistaken("constant factor", "nothing gives the 2", Term("dot", (Term("number", datum=2.0), right)))
    if right.head == "sum":
        out = layers[-1].out
        once_more = Term("odot", (right, Term("name", datum=out)))
        yield Mistaken("extra factor", f"{out.plain()} does not belong here", once_more)


def _families(layers: Sequence[LayerNames]) -> list[list[Name]]:
    """Names that stand for the same kind of quantity in one layer and another."""
    activations = [layers[0].below, *(layer.a for layer in layers[:-1])]
    return [[layer.W for layer in layers], [layer.z for layer in layers], activations]


def _at(part: Term, families: list[list[Name]]) -> Iterator[Mistaken]:
    if part.head == "name":
        yield from _other_names(part, families)
    elif part.head == "transpose":
        yield Mistaken("transpose", f"the transpose of {part.parts[0].plain()} is missing", part.parts[0])
    elif part.head == "dot" and len(part.parts) == 2:
        yield from _product(part)
    elif part.head == "odot":
        yield from _entries(part)
    elif part.head in ("slope", "gate"):
        yield _function(part)
    elif part.head == "sum" and len(part.parts) == 2 and part.parts[1].head == "neg":
        first, second = part.parts
        turned = Term("sum", (second.parts[0], Term("neg", (first,))))
        yield Mistaken("sign", "the difference is turned round", turned)
        yield Mistaken("dropped term", f"{second.parts[0].plain()} is missing", first)


def _other_names(part: Term, families: list[list[Name]]) -> Iterator[Mistaken]:
    assert isinstance(part.datum, Name)
    name = part.datum
    for family in families:
        for other in family if name in family else ():
            if other != name:
                note = f"{other.plain()} stands where {name.plain()} belongs"
                yield Mistaken("wrong layer", note, Term("name", datum=other))
    _, nets, activations = families
    for pair in zip(nets, activations[1:]):
        if name in pair:
            other = pair[pair.index(name) - 1]
            note = f"{other.plain()} stands where {name.plain()} belongs"
            yield Mistaken("wrong quantity", note, Term("name", datum=other))


def _product(part: Term) -> Iterator[Mistaken]:
    first, second = part.parts
    if _with_number(part):
        yield Mistaken("constant factor", f"the factor {first.plain()} is missing", second)
        return
    yield Mistaken("wrong order", "", Term("dot", (second, first)))
    turned = Term("dot", (transposed(second), transposed(first)))
    yield Mistaken("transpose", "this is the transpose of the product", turned)
    if first.head == "name":
        yield Mistaken("transpose", f"{first.plain()} is transposed", Term("dot", (transposed(first), second)))
    bare = tuple(factor.parts[0] if factor.head == "transpose" else factor for factor in part.parts)
    yield Mistaken("⊙ for a matrix product", "", Term("odot", bare))
    for kept, lost in ((first, second), (second, first)):
        yield Mistaken("dropped factor", f"{lost.plain()} is missing", kept)


def _entries(part: Term) -> Iterator[Mistaken]:
    first, second = part.parts
    for pair in ((first, second), (transposed(first), second), (first, transposed(second))):
        yield Mistaken("matrix product for ⊙", "", Term("dot", pair))
    for kept, lost in ((first, second), (second, first)):
        name = "dropped activation derivative" if lost.head in ("slope", "gate") else "dropped factor"
        yield Mistaken(name, f"{lost.plain()} is missing", kept)


def _function(part: Term) -> Mistaken:
    word = "relu" if part.head == "gate" else part.datum
    call = Term("call", part.parts[:1], word)
    return Mistaken("function for its derivative", f"{call.plain()} stands where {part.plain()} belongs", call)


def _with_number(term: Term) -> bool:
    """Whether it is a number times something."""
    return term.head == "dot" and term.parts[0].head == "number"
