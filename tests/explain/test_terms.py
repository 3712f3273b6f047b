"""Formulas as trees: the text of a tree reads as the same tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.explain.reading import read
from autograd.explain.terms import Term
from autograd.notation.names import Name

NAMES = [
    Name("W", (2,)),
    Name("a", (1,)),
    Name("x"),
    Name("ŷ"),
    Name("h", ("s",)),
    Name("z", (), ("I",)),
    Name("δ", (3,)),
]


def name(given: Name) -> Term:
    return Term("name", datum=given)


def products(parts: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    """Of any number of factors; a factor in front is no product of the same kind, since that would be one product."""
    return st.sampled_from(["dot", "odot"]).flatmap(
        lambda head: st.tuples(parts.filter(lambda part: part.head != head), parts).map(lambda two: Term(head, two))
    )


TERMS = st.recursive(
    st.one_of(
        st.sampled_from(NAMES).map(name),
        st.sampled_from([2.0, 0.5, 3.0]).map(lambda number: Term("number", datum=number)),
        st.sampled_from(NAMES).map(lambda of: Term("partial", (name(Name("L")), name(of)))),
        st.sampled_from(NAMES).map(lambda of: Term("gate", (name(of), Term("number", datum=0.0)), ">")),
    ),
    lambda parts: st.one_of(
        products(parts),
        st.tuples(parts, parts).map(lambda two: Term("over", two)),
        st.lists(parts, min_size=2, max_size=3).map(lambda terms: Term("sum", tuple(terms))),
        parts.map(lambda part: Term("neg", (part,))),
        parts.map(lambda part: Term("transpose", (part,))),
        parts.map(lambda part: Term("slope", (part,), "φ")),
        parts.map(lambda part: Term("call", (part,), "tanh")),
        st.tuples(parts, st.just(Term("number", datum=2.0))).map(lambda two: Term("power", two)),
    ),
    max_leaves=12,
)


@given(TERMS)
def test_the_text_of_a_term_reads_as_the_term(term: Term) -> None:
    assert read(term.plain()) == [term], term.plain()


@pytest.mark.parametrize(
    "text", ["(W²ᵀ δ²) ⊙ 1[z¹ > 0]", "−(ŷ − y) / 2", "Σ_i (a + b)", "x (∂L/∂z¹)ᵀ", "(W²)ᵀᵀ", "2^(-x)"]
)
def test_texts(text: str) -> None:
    [term] = read(text)
    assert read(term.plain()) == [term]
