"""Folding expressions that differ only in indices: w₁·x₁ + w₂·x₂ + w₃·x₃ is Σᵢ wᵢ·xᵢ.

The terms are compared node by node. Where names differ in an index, the index becomes a letter; two indices that
run through the same values get the same letter. Terms that differ in anything else have no pattern.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..notation.expression import Expression, fold, total
from ..notation.names import Index, Name

LETTERS = "ijkmpqrst"
Letters = dict[tuple[Index, ...], str]


class _DifferError(Exception):
    """The expressions have no common pattern."""


def pattern(instances: Sequence[Expression], avoid: str = "") -> tuple[Expression, Letters] | None:
    """What the instances have in common, and the values that each letter takes; None if they differ in more."""
    used = {*avoid} | {
        str(i) for e in instances[:1] for name in _names(e) for i in (*name.upper, *name.lower, name.sample)
    }
    letters: Letters = {}
    for _ in range(2):  # a plain number can be that of a sample only when the letter of samples is known
        try:
            return _unify(instances, letters, used), letters
        except _UnknownNumberError:
            continue
        except _DifferError:
            return None
    return None


class _UnknownNumberError(_DifferError):
    """Plain numbers differ, and no index was found yet that they could follow."""


def _names(expression: Expression) -> list[Name]:
    found: list[Name] = []

    def visit(node: Expression, parts: list[None]) -> None:
        data = node.datum if isinstance(node.datum, tuple) else (node.datum,)
        found.extend(datum for datum in data if isinstance(datum, Name))
        if node.head == "indexed":
            found.append(Name("", (), (node.datum[0],)))

    fold(expression, visit)
    return found


def _unify(instances: Sequence[Expression], letters: Letters, used: set[str]) -> Expression:
    first = instances[0]
    if all(instance is first for instance in instances):
        return first
    if any(e.head != first.head for e in instances):
        raise _DifferError
    if first.head == "indexed":  # their patterns; the terms that they stand for do not print
        if any(e.datum != first.datum for e in instances):
            raise _DifferError
        return Expression("indexed", (_unify([e.parts[0] for e in instances], letters, used),), first.datum)
    if any(len(e.parts) != len(first.parts) for e in instances):
        raise _DifferError
    parts = tuple(_parts(list(zip(*(e.parts for e in instances))), letters, used))
    data = [e.datum for e in instances]
    if all(datum == data[0] for datum in data):
        return replace(first, parts=parts)
    if first.head == "constant":
        return Expression("symbol", (), _numbered(data, letters, used), first.value)
    if isinstance(data[0], Name):
        return replace(first, parts=parts, datum=_name(data, letters, used))
    if isinstance(data[0], tuple) and all(isinstance(entry, Name) for entry in data[0]):
        return replace(first, parts=parts, datum=tuple(_name(names, letters, used) for names in zip(*data)))
    raise _DifferError


def _parts(columns: Sequence[Sequence[Expression]], letters: Letters, used: set[str]) -> list[Expression]:
    """The patterns of the operands; those of plain numbers come last, when the letters are known."""
    found: dict[int, Expression] = {}
    for i in sorted(range(len(columns)), key=lambda i: columns[i][0].head == "constant"):
        with suppress(_UnknownNumberError):  # the other operands may find the letter
            found[i] = _unify(columns[i], letters, used)
    if len(found) < len(columns):
        raise _UnknownNumberError
    return [found[i] for i in range(len(columns))]


def _name(names: Sequence[Name], letters: Letters, used: set[str]) -> Name:
    first = names[0]
    if any(
        (n.base, len(n.upper), len(n.lower), n.sample is None)
        != (first.base, len(first.upper), len(first.lower), first.sample is None)
        for n in names
    ):
        raise _DifferError
    upper = tuple(_index(column, letters, used) for column in zip(*(n.upper for n in names)))
    lower = tuple(_index(column, letters, used) for column in zip(*(n.lower for n in names)))
    sample = None if first.sample is None else _index([n.sample or 0 for n in names], letters, used, "n")
    return Name(first.base, upper, lower, sample)


def _index(values: Sequence[Index], letters: Letters, used: set[str], preferred: str = "") -> Index:
    if all(value == values[0] for value in values):
        return values[0]
    if any(isinstance(value, str) for value in values):
        raise _DifferError
    key = tuple(values)
    if key not in letters:
        letters[key] = next(x for x in [*preferred, *LETTERS, "u", "v"] if x not in used)
        used.add(letters[key])
    return letters[key]


def _numbered(data: Sequence[Any], letters: Letters, used: set[str]) -> Name:
    """Plain numbers that differ from sample to sample: the target y of the sample."""
    for values, letter in letters.items():
        by_index: dict[Index, float] = {}
        if letter == "n" and all(by_index.setdefault(i, x) == x for i, x in zip(values, data)):
            return Name("y", (), (), letter)
    raise _UnknownNumberError


def folded_sum(terms: Sequence[Expression], avoid: str = "") -> Expression:
    """The sum of some terms; terms with a common pattern and consecutive indices as Σ, its letter not in ``avoid``."""
    kinds: dict[object, list[Expression]] = {}
    for term in terms:
        kinds.setdefault(_kind(term), []).append(term)
    return total([part for alike in kinds.values() for part in _folded(alike, avoid)])


def folded(expression: Expression, avoid: str = "") -> Expression:
    """The expression with every sum in it folded."""

    def combine(node: Expression, parts: list[Expression]) -> Expression:
        if node.head == "sum":
            return folded_sum(parts, avoid)
        return node if not parts else Expression(node.head, tuple(parts), node.datum, node.value)

    return fold(expression, combine)


def _kind(term: Expression) -> object:
    return tuple((name.base, name.upper, len(name.lower)) for name in _names(term)[:4])


def _folded(terms: list[Expression], avoid: str) -> list[Expression]:
    found = pattern(terms, avoid) if len(terms) > 1 else None
    if found is not None:
        body, letters = found
        ranges = [(letter, sorted(map(int, set(values)))) for values, letter in letters.items()]
        whole = all(values == list(range(values[0], values[0] + len(values))) for _, values in ranges)
        grid = math.prod(len(values) for _, values in ranges)
        if ranges and whole and grid == len(terms) == len(set(zip(*letters))):
            for letter, values in reversed(ranges[1:]):
                body = Expression("indexed", (body,), (letter, values[0], values[-1]))
            letter, values = ranges[0]
            return [Expression("indexed", (body, *terms), (letter, values[0], values[-1]))]
    if len(terms) <= 6:
        return terms
    rest = sum(term.evaluate() for term in terms[3:-1])
    return [*terms[:3], Expression("dots", value=rest), terms[-1]]
