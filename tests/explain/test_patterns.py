"""Sums of terms that differ in indices alone become one indexed sum."""

from __future__ import annotations

from typing import Any

import pytest
from explaining import constant, plain, product, sym

from autograd.explain.patterns import folded_sum, pattern
from autograd.notation.expression import Expression, number, operation


@pytest.mark.parametrize("plain_number", [number, constant])
def test_terms_whose_numbers_follow_no_index_stay_as_they_are(plain_number: Any) -> None:
    terms = [product(plain_number(2.0 + i), sym("x", i)) for i in (1, 2)]
    assert pattern(terms) is None
    assert plain(folded_sum(terms)) == "3 · x₁ + 4 · x₂"


def test_numbers_of_samples_are_found_in_whatever_order_they_stand() -> None:
    targets = {1: 0.0, 2: 1.0, 3: 0.0}
    before = [product(operation("sub", constant(y), number(1)), sym("x", 1, sample=n)) for n, y in targets.items()]
    found = pattern(before)
    assert found is not None and plain(found[0]) == "(y⁽ⁿ⁾ − 1) · x⁽ⁿ⁾₁" and found[1] == {(1, 2, 3): "n"}
    twice = [*before, product(operation("sub", constant(5.0), number(1)), sym("x", 1, sample=3))]
    assert pattern(twice) is None  # one sample cannot have two targets


def test_what_differs_in_more_than_indices_has_no_pattern() -> None:
    def summed(high: int) -> Expression:
        return Expression("indexed", (sym("x", "i"), *[sym("x", j + 1) for j in range(high)]), ("i", 1, high))

    alike = pattern([product(summed(2), sym("y", 1)), product(summed(2), sym("y", 2))])
    assert alike is not None and plain(alike[0]) == "Σᵢ₌₁² xᵢ · yⱼ"
    assert pattern([product(summed(2), sym("y", 1)), product(summed(3), sym("y", 2))]) is None
    assert pattern([sym("x", "i"), sym("x", 2)]) is None
    assert pattern([sym("x", 1), sym("x", 1, sample=2)]) is None
    assert pattern([sym("x", 1), operation("sin", sym("x", 2))]) is None
    assert pattern([product(sym("x", 1)), product(sym("x", 2), sym("y"))]) is None


def test_a_long_sum_without_a_pattern_loses_its_middle_and_keeps_its_value() -> None:
    terms = [operation(f, sym("x", i + 1)) for i, f in enumerate(["sin", "cos", "tan", "exp", "tanh", "cosh", "sinh"])]
    short = folded_sum(terms)
    assert plain(short) == "sin(x₁) + cos(x₂) + tan(x₃) + ⋯ + sinh(x₇)"
    assert short.evaluate() == pytest.approx(sum(term.evaluate() for term in terms), rel=1e-15)
    assert "⋯" not in plain(folded_sum(terms[:6]))
