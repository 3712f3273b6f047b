"""Which misconception makes a false line: the one whose repair makes it true at every point.

A false line is repaired in every way that a documented mistake allows: a sign is turned, a function becomes its
derivative, ⊙ becomes a matrix product, an index or a layer is changed, a factor or a path is put back. If the line is
then true wherever it is tested, that was the mistake; if nothing repairs it, none is named.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..graph import topological
from ..notation.names import Name
from ..value import Value
from .evaluating import ShapeError, evaluate, letters_of, scalar
from .misconceptions import diagnose
from .paths import depending
from .quantities import POINTS, Quantities, name_text
from .reading import NotReadError
from .terms import Term, places

Array = Any

MISCONCEPTIONS = {
    "sign": "a sign is turned",
    "transpose": "a transpose is missing or too much",
    "function for its derivative": "a function stands where its derivative belongs, or the other way around",
    "⊙ for a matrix product": "⊙ multiplies entry by entry where the matrix product is meant",
    "matrix product for ⊙": "a matrix product stands where entries are multiplied one by one (⊙)",
    "Diag forgotten": "a vector stands in a product of matrices where Diag(v) belongs, the matrix with it as diagonal",
    "wrong order": "the factors of a product of matrices stand in another order",
    "wrong index": "an index is another one",
    "wrong layer": "a quantity of another layer stands here",
    "wrong quantity": "another quantity belongs here",
    "dropped activation derivative": "the inner derivative φ′(z) of an activation is missing",
    "inner derivative forgotten": "the chain rule stopped early: an inner derivative is missing",
    "forgotten path": "only some of the paths are added: sum over all uses of a quantity",
    "constant factor": "a constant factor is lost or added",
    "dropped factor": "a factor is missing",
    "extra factor": "a factor stands here that does not belong",
    "dropped term": "a term is missing",
    "extra term": "a term stands here that does not belong",
}
"""The misconceptions by name, each with a sentence. Those of `autograd.diagnose` come on top."""


class Repair(NamedTuple):
    """What was wrong, and what belongs there."""

    name: str
    note: str


Judge = Callable[[Term], bool]


def repair(left: Term, right: Term, known: Quantities, letters: dict[str, int]) -> Repair | None:
    """The mistake in a false line, or None if no repair makes it true."""

    def numbers(term: Term) -> list[Array] | None:
        """The values at all points."""
        found = []
        for point in range(POINTS):
            known.go(point)
            try:
                found.append(evaluate(term, known, letters))
            except (NotReadError, ShapeError, OverflowError, ZeroDivisionError):
                return None
        return found

    truth = numbers(left)
    if truth is None:
        return None

    def holds(term: Term) -> bool:
        if term == left:
            return False
        for point in range(POINTS):
            known.go(point)
            try:
                if not same(evaluate(term, known, letters), truth[point], known):
                    return False
            except (NotReadError, ShapeError, OverflowError, ZeroDivisionError):
                return False
        return True

    for search in (_signs, _functions, _products, _diagonals, _orders, _names, _activations, _names_in_derivatives):
        for name, note, candidate in search(right, known):
            if holds(candidate):
                return Repair(name, note)
    values = numbers(right)
    if values is not None:
        found = _by_ratio(left, truth, values, known)
        if found:
            return found
    for search in (_left_out, _put_in):
        for name, note, candidate in search(right, known):
            if holds(candidate):
                return Repair(name, note)
    return _terms(truth, values, known) if values is not None else None


def same(a: Array, b: Array, known: Quantities, tolerance: float = 1e-8) -> bool:
    """Equal shapes and numbers."""
    if scalar(a) != scalar(b):
        return False
    if not scalar(a) and a.shape != b.shape:
        return False
    scale = float(known.np.max(known.np.abs(b)))
    return bool(known.np.all(known.np.abs(a - b) <= tolerance * scale + 1e-13))


Found = Iterator[tuple[str, str, Term]]


def _signs(right: Term, known: Quantities) -> Found:
    yield "sign", "the whole right side has the other sign", Term("neg", (right,))
    for part, put in places(right):
        if part.head == "sum":
            for i, term in enumerate(part.parts):
                turned = term.parts[0] if term.head == "neg" else Term("neg", (term,))
                yield "sign", "one term has the other sign", put(part.with_part(i, turned))
            yield "sign", "the difference is turned", put(Term("neg", (part,)))
        if part.head == "neg":
            yield "sign", "a minus is too much", put(part.parts[0])


def _functions(right: Term, known: Quantities) -> Found:
    for part, put in places(right):
        if part.head in ("call", "slope") and part.datum not in ("onehot", "diag", "softmax"):
            head = "slope" if part.head == "call" else "call"
            wanted = "the derivative" if head == "slope" else "the function itself"
            yield "function for its derivative", f"{wanted} belongs here", put(Term(head, part.parts, part.datum))


def _products(right: Term, known: Quantities) -> Found:
    for part, put in places(right):
        if part.head not in ("odot", "dot"):
            continue
        name = "⊙ for a matrix product" if part.head == "odot" else "matrix product for ⊙"
        other = "dot" if part.head == "odot" else "odot"
        for cut in range(1, len(part.parts)):
            halves = [_of(part.head, part.parts[:cut]), _of(part.head, part.parts[cut:])]
            yield name, "", put(Term(other, tuple(halves)))
            if other == "dot":
                first, second = halves
                yield name, "", put(Term("dot", (first, Term("transpose", (second,)))))
                yield name, "", put(Term("dot", (Term("transpose", (first,)), second)))
                yield name, "", put(Term("dot", (second, Term("transpose", (first,)))))
            else:
                bare = halves[1].parts[0] if halves[1].head == "transpose" else halves[1]
                yield name, "", put(Term("odot", (halves[0], bare)))


def _diagonals(right: Term, known: Quantities) -> Found:
    """Diag(v) in the place of v."""
    for part, put in places(right):
        if part.head in ("slope", "gate", "name", "call") and part.datum != "diag":
            yield "Diag forgotten", "", put(_diagonal(part))


def _diagonal(term: Term) -> Term:
    return Term("call", (term,), "diag")


def _orders(right: Term, known: Quantities) -> Found:
    """The factors of a product in another order: every order of a few, two exchanged of many."""
    for part, put in places(right):
        if part.head != "dot":
            continue
        count = len(part.parts)
        if count <= 5:
            orders = [list(order) for order in itertools.permutations(range(count))]
        else:
            orders = [_exchanged(count, i, j) for i, j in itertools.combinations(range(count), 2)]
        for order in orders:
            yield "wrong order", "", put(Term("dot", tuple(part.parts[i] for i in order)))


def _exchanged(count: int, i: int, j: int) -> list[int]:
    order = list(range(count))
    order[i], order[j] = j, i
    return order


def _of(head: str, parts: tuple[Term, ...]) -> Term:
    return parts[0] if len(parts) == 1 else Term(head, parts)


def _names_in_derivatives(right: Term, known: Quantities) -> Found:
    yield from _names(right, known, inside=True)


def _names(right: Term, known: Quantities, inside: bool = False) -> Found:
    later: list[tuple[str, str, Term]] = []
    for part, put in places(right, names=inside):
        name = part.datum
        if part.head != "name" or not isinstance(name, Name):
            continue
        groups = (
            [Name(base, upper) for base, upper in known.groups] if known.known(name) and known.is_group(name) else []
        )
        scalars = [other for other in known.names if len(known.names) < 400] if not groups else []
        if letters_of(part):  # w²ᵢ₁: the 1 can be wrong
            scalars = [
                Name(name.base, name.upper, (*name.lower[:place], number, *name.lower[place + 1 :]))
                for place, index in enumerate(name.lower)
                if isinstance(index, int)
                for number in range(1, 10)
            ]
        for other in (*groups, *scalars):
            if other == name:
                continue
            note = f"{name_text(other)} belongs in the place of {name_text(name)}"
            candidate = put(Term("name", (), other))
            if other.base.lower() == name.base.lower():
                yield ("wrong index" if other.upper == name.upper else "wrong layer"), note, candidate
            else:
                later.append(("wrong quantity", note, candidate))
    yield from later


def _activations(right: Term, known: Quantities) -> Found:
    """φ′(z) put back as a factor, at every place."""
    nets = {name for name, nodes in known.names.items() if known.function_of(nodes[0]) not in ("", "linear", "softmax")}
    groups = {Name(n.base, n.upper, tuple(i for i in n.lower if isinstance(i, str))) for n in nets if n.lower}
    for part, put in places(right):
        if part.head == "number" or (part.head == "transpose" and part is not right):
            continue
        for net in (*nets, *groups):
            slope = Term("slope", (Term("name", (), net),), "φ")
            note = f"φ′({net.plain()}) is missing"
            head = "odot" if net in groups else "dot"
            if net in groups and (part.head == "dot" or part is right):
                factors = part.parts if part.head == "dot" else (part,)
                for i in range(len(factors) + 1):
                    chain = (*factors[:i], _diagonal(slope), *factors[i:])
                    yield "dropped activation derivative", note, put(Term("dot", chain))
            yield "dropped activation derivative", note, put(Term(head, (part, slope)))
            if part.head == "dot" and net in groups:
                for i, factor in enumerate(part.parts):
                    yield "dropped activation derivative", note, put(part.with_part(i, Term("odot", (factor, slope))))


def _left_out(right: Term, known: Quantities) -> Found:
    """A factor or a term that is too much, left out."""
    for part, put in places(right):
        if part.head in ("dot", "odot", "sum") and len(part.parts) > 1:
            for i in range(len(part.parts)):
                rest = _of(part.head, part.parts[:i] + part.parts[i + 1 :])
                yield ("extra term" if part.head == "sum" else "extra factor"), "", put(rest)
        if part.head == "over":
            yield "extra factor", "", put(part.parts[0])
        if part.head == "power":
            yield "extra factor", "", put(part.parts[0])


def _put_in(right: Term, known: Quantities) -> Found:
    """A vector, a matrix or its transpose that is missing, put back on either side or by ⊙."""
    for base, upper in known.groups:
        name = Name(base, upper)
        whole = Term("name", (), name)
        note = f"{name.plain()} is missing"
        for factor in (whole, Term("transpose", (whole,))):
            for part, put in places(right):
                if part.head in ("number",):
                    continue
                yield "dropped factor", note, put(Term("dot", (part, factor)))
                yield "dropped factor", note, put(Term("dot", (factor, part)))
        yield "dropped factor", note, Term("odot", (right, whole))


def _by_ratio(left: Term, truth: list[Array], values: list[Array], known: Quantities) -> Repair | None:
    """What true / written is at every point: a known derivative, a share of the paths, a number, a quantity."""
    np = known.np
    ratios: list[float] = []
    for a, b in zip(truth, values):
        if np.shape(a) != np.shape(b) or not np.all(np.asarray(b, float)):
            return None
        share = np.asarray(a, float) / np.asarray(b, float)
        if np.ptp(share) > 1e-8 * abs(share).max():
            return None
        ratios.append(float(share.ravel()[0]))

    def alike(numbers: list[float]) -> bool:
        return all(abs(r - n) <= 1e-8 * abs(r) for r, n in zip(ratios, numbers))

    constant = alike([ratios[0]] * POINTS)
    top = _node(left.parts[0], known) if left.head == "partial" else None
    leaf = _node(left.parts[1], known) if left.head == "partial" else None
    if top is not None and leaf is not None and not constant:
        found = _along(top, leaf, known, alike)
        if found:
            return found
    if top is not None and leaf is not None and scalar(values[0]):
        found = _diagnosed(top, leaf, values, known)
        if found:
            return found
    if constant:
        return Repair("constant factor", f"the right side is {1 / ratios[0]:.6g} times what it should be")
    for name, nodes in known.names.items():
        numbers = []
        for point in range(POINTS):
            known.go(point)
            numbers.append(nodes[0].data)
        if alike(numbers):
            return Repair("dropped factor", f"{name.plain()} is missing")
        if all(numbers) and alike([1 / number for number in numbers]):
            return Repair("extra factor", f"{name.plain()} does not belong here")
    return None


def _node(term: Term, known: Quantities) -> Value | None:
    name = term.datum
    if not isinstance(name, Name) or not known.known(name) or known.is_group(name):
        return None
    return known.nodes(name)[0][1][0]


def _along(top: Value, leaf: Value, known: Quantities, alike: Callable[[list[float]], bool]) -> Repair | None:
    """A local derivative on the way that is missing, or paths that were not added."""
    between = depending(topological(top), leaf)
    inside = set(between)
    users: dict[Value, list[tuple[Value, int]]] = {}
    for node in between:
        for position, parent in enumerate(node.parents):
            if parent in inside:
                users.setdefault(parent, []).append((node, position))
    local: dict[tuple[Value, int], list[float]] = {}
    parts: dict[tuple[Value, int], list[float]] = {}
    for point in range(POINTS):
        known.go(point)
        slopes = known.slopes(top)
        for uses in users.values():
            for node, position in uses:
                d = node.local_derivatives[position]
                local.setdefault((node, position), []).append(d)
                parts.setdefault((node, position), []).append(slopes.get(node, 0.0) * d)
    for (node, _), numbers in local.items():
        if node.op not in ("add", "sub", "neg", "mul", "dot") and alike(numbers):
            return Repair("inner derivative forgotten", f"the derivative of {node.op} is missing")
    for uses in users.values():
        if 1 < len(uses) <= 8:
            for size in range(1, len(uses)):
                for chosen in itertools.combinations(uses, size):
                    shares = []
                    for point in range(POINTS):
                        some = sum(parts[use][point] for use in chosen)
                        whole = sum(parts[use][point] for use in uses)
                        shares.append(whole / some if some else float("nan"))
                    if alike(shares):
                        return Repair("forgotten path", f"{size} of {len(uses)} paths are added")
    return None


def _diagnosed(top: Value, leaf: Value, values: list[Array], known: Quantities) -> Repair | None:
    """A mistake of `autograd.diagnose` that gives these numbers at two points."""
    names: list[dict[str, str]] = []  # the mistake and what it is
    for point in range(2):
        known.go(point)
        try:
            found = diagnose(top, leaf, float(values[point]), tolerance=1e-9 * max(1.0, abs(float(values[point]))))
        except (ValueError, TypeError, RuntimeError):
            return None
        names.append({match.mutant.name: match.mutant.mistake for match in found.matches})
    both = [name for name in names[0] if name in names[1]]
    return Repair(both[0], names[0][both[0]]) if both else None


def _terms(truth: list[Array], values: list[Array], known: Quantities) -> Repair | None:
    """A named quantity that is missing as a term, or that is too much."""
    np = known.np
    if any(np.shape(a) != np.shape(b) for a, b in zip(truth, values)):
        return None
    rest = [a - b for a, b in zip(truth, values)]
    for words, numbers in known.everything():
        for sign in (1, -1):
            if all(np.shape(r) == np.shape(n) and same(sign * n, r, known) for r, n in zip(rest, numbers)):
                return Repair("dropped term", f"{'−' if sign < 0 else ''}{words} is missing")
    return None
