"""What a term that a student wrote is worth at a point: numbers, columns and matrices, with their shapes checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce
from typing import Any

from ..notation.names import Name
from .quantities import Quantities
from .reading import NotReadError
from .terms import Term

Array = Any
Letters = Mapping[str, int]


class ShapeError(ValueError):
    """A product or a sum of things whose shapes do not fit."""


def evaluate(term: Term, known: Quantities, letters: Letters | None = None) -> Array:
    """A float, or a matrix (a vector is a column).

    Raises:
        NotReadError: a name or a function means nothing here.
        ShapeError: shapes do not fit.
    """
    np, letters = known.np, letters or {}
    head, parts = term.head, term.parts
    if head == "number":
        return term.datum
    if head == "name":
        name = indexed(term.datum, letters)
        below = Name(name.base, (), name.lower)
        if len(name.upper) == 1 and isinstance(name.upper[0], int) and not known.known(name) and known.known(below):
            return _power(known.value(below), name.upper[0])  # x² of a quantity x
        return known.value(name)
    if head == "partial":
        return known.partial(*(indexed(part.datum, letters) for part in parts))
    if head == "sigma":
        return _sigma(term, known, letters)
    if head in ("call", "slope"):
        return _applied(term, known, letters)
    values = [evaluate(part, known, letters) for part in parts]
    if head == "neg":
        return -values[0]
    if head == "transpose":
        return values[0] if scalar(values[0]) else values[0].T
    if head in ("sum", "odot"):
        return reduce(partial(_together, sign="+" if head == "sum" else "⊙"), values)
    if head == "gate":
        left, right = values
        compare = {">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal}[str(term.datum)]
        result = compare(left, right)
        return float(result) if scalar(left) else result.astype(float)
    if head == "over":
        if not scalar(values[1]) and not scalar(values[0]) and values[0].shape != values[1].shape:
            raise ShapeError("a matrix is divided by another")
        with np.errstate(all="ignore"):
            return np.divide(values[0], values[1]) if not scalar(values[0]) or not scalar(values[1]) else _over(*values)
    if head == "power":
        return _power(*values)
    return reduce(multiplied, values)


def with_arguments(term: Term, known: Quantities) -> Term:
    """The term with φ²′ as φ′(z²): the slopes of a layer have its net input as their argument.

    Raises:
        NotReadError: no layer has that index.
    """
    if term.head == "slopes":
        return Term("slope", (Term("name", (), known.net_input(term.datum)),), "φ")
    return Term(term.head, tuple(with_arguments(part, known) for part in term.parts), term.datum)


def multiplied(left: Array, right: Array) -> Array:
    """The product of numbers, or of matrices whose shapes fit."""
    if scalar(left) or scalar(right):
        return left * right
    if left.shape[1] == right.shape[0]:
        product = left @ right
        return float(product[0, 0]) if product.shape == (1, 1) else product
    raise ShapeError(f"{_size(left)} times {_size(right)} does not fit")


def scalar(value: Array) -> bool:
    """Whether it is a number."""
    return isinstance(value, (int, float))


def _power(base: Array, exponent: Array) -> float:
    if not scalar(base) or not scalar(exponent):
        raise NotReadError("a power of a vector")
    power = float(base) ** float(exponent) if base or exponent >= 0 else float("nan")
    return power if isinstance(power, float) else float("nan")


def _over(left: float, right: float) -> float:
    return left / right if right else float("nan")


def _together(left: Array, right: Array, sign: str) -> Array:
    if not scalar(left) and not scalar(right) and left.shape != right.shape:
        raise ShapeError(f"{_size(left)} {sign} {_size(right)} does not fit")
    if sign == "+" and scalar(left) != scalar(right) and 1 not in (getattr(left, "size", 2), getattr(right, "size", 2)):
        one = left if scalar(left) else right
        if one != 1:  # 1 − v is usual for a vector v
            raise ShapeError("a number is added to a vector")
    return left + right if sign == "+" else left * right


def _size(value: Array) -> str:
    return "×".join(map(str, value.shape))


def indexed(name: Any, letters: Letters) -> Name:
    """A name with numbers for its index letters."""
    assert isinstance(name, Name)
    if not letters:
        return name
    return Name(name.base, name.upper, tuple(letters.get(i, i) if isinstance(i, str) else i for i in name.lower))


def letters_of(term: Term) -> set[str]:
    """The small letters that stand as lower indices in a term, without those of its Σ."""
    found: set[str] = set()
    if isinstance(term.datum, Name):
        found = {i for i in term.datum.lower if isinstance(i, str) and len(i) == 1 and i.islower()}
    for part in term.parts:
        found |= letters_of(part)
    return found - {term.datum} if term.head == "sigma" else found


def ranges(term: Term, letter: str, known: Quantities, letters: Letters) -> list[int]:
    """The numbers that an index letter can take: those for which every name with it exists."""
    found: set[int] | None = None

    def visit(node: Term) -> None:
        nonlocal found
        name = node.datum
        if node.head in ("name",) and isinstance(name, Name) and letter in name.lower:
            place = name.lower.index(letter)
            fixed = indexed(name, letters)
            numbers = {
                other.lower[place]
                for other in known.names
                if (other.base, other.upper, len(other.lower)) == (name.base, name.upper, len(name.lower))
                and all(
                    a == b or (isinstance(a, str) and a.islower()) for a, b in zip(fixed.lower, other.lower)
                )
                and isinstance(other.lower[place], int)
            }  # fmt: skip
            vector = known.given.get(Name(name.base, name.upper))
            if vector is not None and not scalar(vector[0]):
                numbers = set(range(1, len(vector[0]) + 1))
            found = numbers if found is None else found & numbers  # type: ignore[assignment]
        for part in node.parts:
            visit(part)

    visit(term)
    return sorted(found or ())


def _sigma(term: Term, known: Quantities, letters: Letters) -> Array:
    letter = str(term.datum)
    numbers = ranges(term.parts[0], letter, known, letters)
    if not numbers:
        raise NotReadError(f"nothing in the sum has the index {letter}")
    total = None
    for number in numbers:
        value = evaluate(term.parts[0], known, {**letters, letter: number})
        total = value if total is None else _together(total, value, "+")
    return total


def _applied(term: Term, known: Quantities, letters: Letters) -> Array:
    np, word, (argument,) = known.np, str(term.datum), term.parts
    value = evaluate(argument, known, letters)
    if word == "onehot":
        return value
    if word == "softmax":
        if scalar(value):
            raise NotReadError("softmax of one number")
        share = np.exp(value - value.max())
        return share / share.sum()
    if word == "diag":
        return np.diag(value.ravel()) if not scalar(value) else value
    named = argument
    if argument.head == "name" and letters:
        named = Term("name", (), indexed(argument.datum, letters))
    both = known.function(word, named)
    which = 1 if term.head == "slope" else 0
    if scalar(value):
        return both(float(value))[which]
    return np.array([[both(float(x))[which] for x in row] for row in value])
