"""The last steps of a line: what divides and multiplies is canceled, and what is left is multiplied out.

−1/ŷ · ŷ · (1 − ŷ) is ŷ − 1, the slope of −log behind a softmax; (−y/ŷ + (1 − y)/(1 − ŷ)) · ŷ · (1 − ŷ) is ŷ − y.
Only the factors that take part in a division are touched: the a of (ŷ − 1)·a stays outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..notation.expression import Expression, fold, number, operation, times, total

_LARGEST = 40
"""The most terms that are multiplied out."""


class _Term(NamedTuple):
    """A number times some factors, over others."""

    coefficient: float
    above: tuple[Expression, ...]
    below: tuple[Expression, ...]

    def times(self, other: _Term) -> _Term:
        return _Term(self.coefficient * other.coefficient, self.above + other.above, self.below + other.below)

    def canceled(self) -> _Term:
        above, below = Counter(self.above), Counter(self.below)
        return _Term(self.coefficient, tuple((above - below).elements()), tuple((below - above).elements()))

    def expression(self) -> Expression:
        product = times(*self.above)
        if self.below:
            product = operation("div", product, times(*self.below))
        return times(number(self.coefficient), product)


def canceled(expression: Expression, inner: Callable[[Expression], Expression | None]) -> list[Expression]:
    """Further forms of a product, each simpler than the one before; none if nothing cancels.

    Args:
        expression: the product.
        inner: φ′(z) in terms of the value φ(z), if that has a name: ŷ·(1 − ŷ) for a sigmoid.
    """
    factors = list(_factors(fold(expression, _ones)))
    if any(_mirrored(factor) != factor for factor in factors):  # the slope of softplus(−o), in σ(o)
        factors = [_mirrored(factor) for factor in factors]
        return [times(*factors), *_divided(factors, {f for f in factors if f.head in ("sub", "sum", "add")})]
    opened = [part for factor in factors for part in _factors(inner(factor) or factor)]
    below = {part for factor in opened for part in _denominators(factor)}
    if not below.isdisjoint(opened):
        stages = [times(*opened)] if len(opened) > len(factors) else []
        return stages + _divided(opened, below)
    return _counted(factors)


def _ones(node: Expression, parts: list[Expression]) -> Expression:
    """The 1 of 1 − y, which is data of the graph, as the number that it is."""
    if node.head == "constant" and node.datum == 1:
        return number(1)
    return Expression(node.head, tuple(parts), node.datum, node.value)


def _mirrored(expression: Expression) -> Expression:
    """The expression with 1 − σ(x) for σ(−x)."""

    def turn(node: Expression, parts: list[Expression]) -> Expression:
        if node.head == "sigmoid" and parts[0].head == "neg":
            return operation("sub", number(1), operation("sigmoid", *parts[0].parts))
        return Expression(node.head, tuple(parts), node.datum, node.value)

    return fold(expression, turn)


def _divided(factors: Sequence[Expression], below: set[Expression]) -> list[Expression]:
    core = [factor for factor in factors if factor in below or any(_denominators(factor)) or factor.head == "number"]
    rest = [factor for factor in factors if factor not in core]
    terms = [term.canceled() for term in _terms(times(*core), whole=False)]
    if len(terms) > _LARGEST:
        return []
    if len(terms) == 1 and not terms[0].below and terms[0].coefficient < 0:  # −(1 − ŷ)·a is (ŷ − 1)·a
        turned = next((factor for factor in (*terms[0].above, *rest) if factor.head == "sub"), None)
        if turned is not None:
            kept = [factor for factor in (*terms[0].above, *rest) if factor is not turned]
            back = operation("sub", *reversed(turned.parts))
            return [times(terms[0].expression(), *rest), times(number(-terms[0].coefficient), back, *kept)]
    shorter = total([term.expression() for term in terms])
    opened = [term.canceled() for part in (shorter,) for term in _terms(part, whole=True)]
    return [times(shorter, *rest), *([times(_collected(opened), *rest)] if 1 < len(opened) <= _LARGEST else [])]


def _counted(factors: Sequence[Expression]) -> list[Expression]:
    """The plain numbers of a product as one, if that is a plain one too: ½ · 2 · (ŷ − y)."""
    numbers = [factor for factor in factors if factor.head in ("number", "constant")]
    product = 1.0
    for factor in numbers:
        product *= factor.value
    if sum(abs(factor.value) != 1.0 for factor in numbers) < 2 or not (4 * product).is_integer():
        return []
    return [times(number(product), *(factor for factor in factors if factor not in numbers))]


def _collected(terms: Sequence[_Term]) -> Expression:
    """Terms with the same factors as one; those that are added first, then those that are subtracted."""
    sums: dict[tuple[frozenset[tuple[Expression, int]], ...], tuple[float, _Term]] = {}
    for term in terms:
        key = frozenset(Counter(term.above).items()), frozenset(Counter(term.below).items())
        before = sums[key][0] if key in sums else 0.0
        sums[key] = before + term.coefficient, term
    left = [term._replace(coefficient=size) for size, term in sums.values() if size]
    added = [term.expression() for term in left if term.coefficient > 0]
    found = total(added)
    for term in left:
        if term.coefficient < 0:
            part = term._replace(coefficient=-term.coefficient).expression()
            found = operation("sub", found, part) if added else operation("neg", part)
            added = added or [found]
    return found


def _factors(expression: Expression) -> Iterator[Expression]:
    if expression.head in ("product", "mul"):
        for part in expression.parts:
            yield from _factors(part)
    elif expression.head == "neg":
        yield number(-1)
        yield from _factors(expression.parts[0])
    else:
        yield expression


_OPEN = ("sum", "add", "sub", "neg", "product", "mul", "div")


def _denominators(expression: Expression) -> Iterator[Expression]:
    """What the parts of an expression are divided by."""
    if expression.head == "div" and expression.parts[1].head not in ("number", "constant"):
        yield from _factors(expression.parts[1])
    if expression.head in _OPEN:
        for part in expression.parts:
            yield from _denominators(part)


def _terms(expression: Expression, whole: bool) -> list[_Term]:
    """The expression as a sum of terms; ``whole`` says that sums without a division are multiplied out too."""
    head, parts = expression.head, expression.parts
    if head == "number":
        return [_Term(expression.value, (), ())]
    if head == "neg":
        return [term._replace(coefficient=-term.coefficient) for term in _terms(parts[0], whole)]
    if head in ("sum", "add", "sub") and (whole or any(_denominators(expression))):
        signs = [-1.0 if head == "sub" and i else 1.0 for i in range(len(parts))]
        return [
            term._replace(coefficient=sign * term.coefficient)
            for sign, part in zip(signs, parts)
            for term in _terms(part, whole)
        ]
    if head in ("product", "mul"):
        terms = [_Term(1.0, (), ())]
        for part in parts:
            terms = [term.times(other) for term in terms for other in _terms(part, whole)][: _LARGEST + 1]
        return terms
    if head == "div":
        below = _Term(1.0, (), tuple(_factors(parts[1])))
        return [term.times(below) for term in _terms(parts[0], whole)]
    return [_Term(1.0, (expression,), ())]
