"""How an operation of a graph is written on paper: lists are written out, everything else is itself."""

from __future__ import annotations

from collections.abc import Sequence

from .expression import Expression, fold, number, operation, times, total


def spelled(head: str, parts: Sequence[Expression]) -> Expression:
    """An operation of the table applied to its operands.

    A dot is a sum of products, a mean a quotient, log_sum_exp a logarithm of a sum, a softmax a quotient of
    exponentials. An identity is what it hands on, and so is a sum that begins with the zero of Python's ``sum``.
    """
    first, *rest = parts
    if head == "identity":
        return first
    if head == "add" and first.head in ("number", "constant") and first.datum == 0:
        return rest[0]
    if head == "dot":
        half = len(parts) // 2
        return total([times(x, y) for x, y in zip(parts[:half], parts[half:])])
    if head == "mean":
        return operation("div", total(parts), number(len(parts)))
    if head == "log_sum_exp":
        return operation("log", total([operation("exp", part) for part in parts]))
    if head in ("softmax", "log_softmax"):
        shares = [operation("exp", part) for part in parts]
        share = operation("div", shares[0], total(shares))
        return share if head == "softmax" else operation("log", share)
    return operation(head, *parts)


def in_numbers(expression: Expression) -> Expression:
    """The same expression with a number for every symbol, derivative and function of a symbol."""

    def combine(node: Expression, parts: list[Expression]) -> Expression:
        if node.head in ("symbol", "constant", "partial", "prime", "applied"):
            return number(node.value)
        if node.head == "indexed":
            return total(_few(parts[1:]))
        if node.head == "dots":
            return node
        return Expression(node.head, tuple(parts), node.datum, node.value)

    return fold(expression, combine)


def _few(terms: Sequence[Expression]) -> list[Expression]:
    if len(terms) <= 4:
        return list(terms)
    rest = sum(term.evaluate() for term in terms[2:-1])
    return [*terms[:2], Expression("dots", value=rest), terms[-1]]


def short(expression: Expression, terms: int = 5) -> Expression:
    """The expression with the middle of each long sum left out: a + b + c + ⋯ + z."""

    def combine(node: Expression, parts: list[Expression]) -> Expression:
        if node.head == "sum" and len(parts) > terms:
            parts = [*parts[: terms - 2], Expression("dots"), parts[-1]]
        return node if not parts else Expression(node.head, tuple(parts), node.datum, node.value)

    return fold(expression, combine)
