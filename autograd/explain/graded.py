"""`check_derivation`: a student's derivation judged line by line, at random points, each mistake by its name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..answer import Answer, Part
from ..notation.names import Name
from ..notation.naming import UserNames
from ..notation.tables import Table
from ..value import Value
from .evaluating import ShapeError, evaluate, letters_of, ranges, scalar, with_arguments
from .quantities import POINTS, AmbiguousError, Quantities, name_text
from .reading import NotReadError, normal, read
from .repairs import MISCONCEPTIONS, repair, same
from .terms import Term, places, transposed

MOST_LINES = 400
"""The most lines of one derivation."""

SIGNS = {"true": "✓", "transpose": "✓ᵀ", "false": "✗", "follows": "↳", "definition": ":=", "not read": "?"}
"""How a verdict is shown."""


@dataclass(frozen=True)
class Judged:
    """One side of an equation, judged.

    Attributes:
        line: the number of the line in the text, from 1.
        text: what the student wrote.
        verdict: ``"true"``; ``"transpose"``: true if something is transposed; ``"false"``; ``"follows"``: wrong only
            because of the line before, from which it follows; ``"definition"`` of a name of the student's own;
            ``"not read"``.
        misconception: the name of the mistake that makes the line false; empty if none was found.
        note: a sentence.
    """

    line: int
    text: str
    verdict: str
    misconception: str = ""
    note: str = ""


@dataclass(frozen=True, repr=False)
class GradedDerivation(Answer):
    """A derivation, judged. Made by `check_derivation`. It is true, ``if check_derivation(…):``, if no line is false
    and every line was read.

    Attributes:
        lines: the lines with their verdicts, in order.
    """

    lines: tuple[Judged, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.lines) and all(line.verdict in ("true", "definition") for line in self.lines)

    @property
    def first_false(self) -> Judged | None:
        """The first line that is wrong in itself; None if there is none."""
        return next((line for line in self.lines if line.verdict == "false"), None)

    def to_dict(self) -> dict[str, Any]:
        """For a teacher's script, as JSON takes it."""
        rows = [
            {"line": j.line, "text": j.text, "verdict": j.verdict, "misconception": j.misconception, "note": j.note}
            for j in self.lines
        ]
        return {"right": bool(self), "first_false": self.first_false.line if self.first_false else None, "lines": rows}

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".pdf": self._pdf}

    def _heading(self) -> str:
        return "Derivation, graded"

    def _content(self) -> list[Part]:
        if not self.lines:
            return ["There is no equation in the text."]
        rows = [
            (str(j.line), SIGNS[j.verdict], j.text, "; ".join(filter(None, (j.misconception, j.note))))
            for j in self.lines
        ]
        return [self._summary(), Table(("line", "", "written", "what is to be said"), rows, (0,))]

    def _summary(self) -> str:
        first, unread = self.first_false, sum(j.verdict == "not read" for j in self.lines)
        if first is not None:
            why = f": {MISCONCEPTIONS.get(first.misconception, first.misconception)}" if first.misconception else ""
            said = f"The first false line is line {first.line}{why}."
        elif any(j.verdict == "transpose" for j in self.lines):
            said = "No line is false, but a transpose is missing or too much."
        elif unread:
            said = "No line that could be read is false."
        else:
            said = "Every line is true."
        return said + (f" {unread} could not be read." if unread else "")


def check_derivation(
    text: str, root: Value, names: UserNames | None = None, *, y: Any = None, seed: int = 0
) -> GradedDerivation:
    r"""Judge a derivation that was typed as text, in Unicode or in LaTeX, line by line.

    Each line is an equation, ``∂e/∂w²₁₁ = ∂e/∂ŷ · φ'(z³₁) · …``; a line that begins with = goes on with the one before.
    Scalars with indices can be spoken of as vectors (columns) and matrices: W² is all of w²₁₁, w²₁₂ …. Names are those
    of every view of the graph. A line is tested at the present numbers and at random ones. Of a false line the mistake
    is named whose repair makes it true; lines that follow from a false one are not blamed, and what cannot be read is
    not called wrong.

    Args:
        text: the lines.
        root: the graph that they speak of.
        names: letters: a mapping, or ``"lecture A"`` to ``"lecture E"`` (see `autograd.notation.names_of`).
        y: what y and onehot(y) are: a number, a list, or a class counted from 0. By default what the loss shows.
        seed: for the random points.

    Raises:
        TypeError: root is not a Value, or text is not text.
        ValueError: the text has more than 400 lines.

    Example:
        >>> w, x = Value(0.5, "w"), Value(2.0, "x")
        >>> e = (w * x - 3.0) ** 2
        >>> e.label = "e"
        >>> print(check_derivation("de/dw = -2 (w x - 3) x", e))
        The first false line is line 1: a sign is turned.
        line     written                 what is to be said
        ──────────────────────────────────────────────────────────────────────────────
           1  ✗  de/dw = -2 (w x - 3) x  sign; the whole right side has the other sign
    """
    if not isinstance(text, str):
        raise TypeError(f"check_derivation reads text, not {type(text).__name__}")
    if not isinstance(root, Value):
        raise TypeError(f"the root is {type(root).__name__}: {str(root)[:40]}; only a Value has derivatives")
    if text.count("\n") >= MOST_LINES:
        raise ValueError(f"the text has {text.count(chr(10)) + 1} lines; {MOST_LINES} are read")
    return GradedDerivation(tuple(_Grader(Quantities(root, names, y, seed)).judged(text)))


class _Grader:
    """Judges lines in order, since a line can go on with the one before, or use what one before defined."""

    def __init__(self, known: Quantities) -> None:
        self.known = known
        self.left: Term | None = None
        self.previous: Term | None = None
        self.wrong = False  # whether the side before is false

    def judged(self, text: str) -> Iterator[Judged]:
        for number, line in enumerate(re.sub(r"\\\\\s*", "\n", text).split("\n"), 1):
            line = line.partition("&&")[0]  # a further column of an align block holds a remark, such as the shape
            bare = re.sub(r"\s{2,}\(.*\)\s*$", "", line).strip()
            if bare.count("=") == 0 or bare.startswith("#"):
                if re.search(r"[∂/]|\\frac", bare) and not bare.startswith("#"):
                    yield Judged(number, bare, "not read", note="there is no equation on this line")
                continue
            yield self._line(number, bare)

    def _line(self, number: int, text: str) -> Judged:
        try:
            sides = [with_arguments(side, self.known) for side in read(text)]
            if not normal(text).lstrip("& ").startswith("="):
                self.left, self.previous, self.wrong = sides[0], sides[0], False
                sides = sides[1:]
                if self.left.head == "name" and not letters_of(self.left) and not self._known(self.left):
                    return self._definition(number, text, sides)
                if self.left.head in ("slope", "call") and self.left.parts[0].head == "name":
                    return self._law(number, text, sides)
            if self.left is None:
                raise NotReadError("there is no line before that it goes on with")
            verdicts = []
            for side in sides:
                verdicts.append(self._side(number, text, side))
                self.previous = side
            return self._worst(verdicts)
        except NotReadError as problem:
            self.wrong = False
            return Judged(number, text, "not read", note=f"I could not read this: {problem}")
        except (ShapeError, OverflowError, ZeroDivisionError) as problem:
            return Judged(number, text, "not read", note=f"I could not read this: {problem}")

    def _definition(self, number: int, text: str, sides: list[Term]) -> Judged:
        assert self.left is not None
        name = self.left.datum
        assert isinstance(name, Name)
        if letters_of(self.left):
            raise NotReadError(f"{name.plain()} is not a quantity of this graph")
        values = self._values(sides[0], {})
        self.known.given[name] = values
        self.previous = sides[0]
        for side in sides[1:]:
            judged = self._side(number, text, side)
            if judged.verdict != "true":
                return judged
        return Judged(number, text, "definition", note=f"taken as what {name_text(name)} means")

    def _known(self, term: Term) -> bool:
        assert isinstance(term.datum, Name)
        return self.known.known(term.datum)

    def _law(self, number: int, text: str, sides: list[Term]) -> Judged:
        """φ′(z) = φ(z)·(1 − φ(z)): for every number z, whatever z is else."""
        assert self.left is not None
        name = self.left.parts[0].datum
        assert isinstance(name, Name)
        if name.lower or name.upper or not self.known.is_group(name):
            return self._worst([self._side(number, text, side) for side in sides])
        before = self.known.given.get(name)
        self.known.given[name] = [0.3, -0.7, 1.1, -1.9, 0.05][:POINTS]
        try:
            return self._worst([self._side(number, text, side) for side in sides])
        finally:
            self.known.given.pop(name)
            if before is not None:
                self.known.given[name] = before

    @staticmethod
    def _worst(verdicts: list[Judged]) -> Judged:
        worst = ("false", "not read", "transpose", "follows", "true")
        return min(verdicts, key=lambda judged: worst.index(judged.verdict))

    def _values(self, term: Term, letters: dict[str, int]) -> list[Any]:
        found = []
        for point in range(POINTS):
            self.known.go(point)
            found.append(evaluate(term, self.known, letters))
        return found

    def _side(self, number: int, text: str, side: Term) -> Judged:
        """Whether the left side equals this one, for all values of the indices that are letters."""
        assert self.left is not None
        free = sorted(letters_of(self.left))
        if letters_of(side) - set(free):
            extra = ", ".join(sorted(letters_of(side) - set(free)))
            raise NotReadError(f"the index {extra} stands on the right side alone")
        spans = [ranges(self.left, letter, self.known, {}) for letter in free]
        if any(not span for span in spans):
            raise NotReadError("no quantity has the indices of the left side")
        side = self._unambiguous(side, dict(zip(free, (span[0] for span in spans))))
        worst: Judged | None = None
        for chosen in itertools.islice(itertools.product(*spans), 24):
            judged = self._at(number, text, side, dict(zip(free, chosen)))
            if judged.verdict != "true":
                worst = judged
                break
        self.wrong = worst is not None and worst.verdict in ("false", "follows")
        return worst or Judged(number, text, "true")

    def _unambiguous(self, side: Term, letters: dict[str, int]) -> Term:
        """A letter that can mean several quantities, read so that the line is true, if one reading does that."""
        assert self.left is not None
        readings = [side]
        for _ in range(4):
            try:
                evaluate(readings[0], self.known, letters)
                break
            except AmbiguousError as problem:
                readings = [_named(reading, problem.name, other) for reading in readings for other in problem.meant][
                    :32
                ]
                question = problem
            except ShapeError:
                break
        if len(readings) == 1:
            return side
        true = [reading for reading in readings if self._equal(reading, letters)]
        if not true:  # none is true: the line is false, however it is read
            true = [reading for reading in readings if repair(self.left, reading, self.known, letters)]
        if not true:
            raise question
        return true[0]

    def _equal(self, side: Term, letters: dict[str, int]) -> bool:
        assert self.left is not None
        try:
            left, right = self._values(self.left, letters), self._values(side, letters)
        except (NotReadError, ShapeError, OverflowError, ZeroDivisionError):
            return False
        return all(same(b, a, self.known) for a, b in zip(left, right))

    def _at(self, number: int, text: str, side: Term, letters: dict[str, int]) -> Judged:
        assert self.left is not None and self.previous is not None
        left = self._values(self.left, letters)
        if not all(self.known.np.all(self.known.np.isfinite(value)) for value in left):
            raise NotReadError("the left side is infinite or not a number here")
        try:
            right = self._values(side, letters)
        except (ShapeError, OverflowError, ZeroDivisionError) as problem:
            turned = self._transposed(side, letters)
            if turned:
                return Judged(number, text, "transpose", note=turned)
            return self._false(number, text, side, letters, str(problem))
        if all(same(b, a, self.known) for a, b in zip(left, right)):
            return Judged(number, text, "true")
        if _has_numbers(side) and all(same(b, a, self.known, 2e-3) for a, b in zip(left, right)):
            return Judged(number, text, "true", note="but for rounding")
        if (_has_decimals(side) or _only_numbers(side)) and _close(left[0], right[0], self.known):
            return Judged(number, text, "true", note="with the numbers of this graph")
        if not all(self.known.np.all(self.known.np.isfinite(value)) for value in right):
            raise NotReadError("the right side is infinite or not a number here")
        if self.wrong:
            try:
                before = self._values(self.previous, letters)
                if all(same(b, a, self.known) for a, b in zip(before, right)):
                    return Judged(number, text, "follows", note="it follows from the line before")
            except (NotReadError, ShapeError):
                pass
        turned = self._transposed(side, letters)
        if turned:
            return Judged(number, text, "transpose", note=turned)
        return self._false(number, text, side, letters, "")

    def _false(self, number: int, text: str, side: Term, letters: dict[str, int], shapes: str) -> Judged:
        assert self.left is not None
        if _only_numbers(side) and scalar(evaluate(self.left, self.known, letters)):
            return self._number(number, text, side, letters)
        found = repair(self.left, side, self.known, letters)
        note = "; ".join(filter(None, ((found.note if found else ""), shapes)))
        return Judged(number, text, "false", found.name if found else "", note)

    def _number(self, number: int, text: str, side: Term, letters: dict[str, int]) -> Judged:
        self.known.go(0)
        left, right = evaluate(self.left, self.known, letters), evaluate(side, self.known, letters)  # type: ignore[arg-type]
        if abs(left - right) <= 0.2 * abs(left):
            return Judged(number, text, "not read", note="the numbers differ by what rounding on the way may have done")
        return Judged(number, text, "false", note=f"the numbers of this graph give {left:.6g}")

    def _transposed(self, side: Term, letters: dict[str, int]) -> str:
        """How the line becomes true by transposing; empty if it does not."""
        if self._equal(Term("transpose", (side,)), letters):
            return "the right side is to be transposed"
        heads = ("name", "partial", "transpose", "call", "slope", "sum", "odot")
        for part, put in [(part, put) for part, put in places(side) if part.head in heads][:8]:
            if self._equal(put(transposed(part)), letters):
                return "a factor is to be transposed" if part.head != "transpose" else "a transpose is too much"
        for part, put in places(side):  # the order of two factors, as in x δ for δ xᵀ
            if part.head == "dot" and len(part.parts) == 2:
                first, second = part.parts
                for a, b in itertools.product((first, transposed(first)), (second, transposed(second))):
                    for order in ((a, b), (b, a)):
                        if self._equal(put(Term("dot", order)), letters):
                            return "the factors fit only with other transposes, or in the other order"
        return ""


def _named(term: Term, old: Name, new: Name) -> Term:
    if term.head == "name" and term.datum == old:
        return Term("name", (), new)
    return Term(term.head, tuple(_named(part, old, new) for part in term.parts), term.datum)


def _has_decimals(term: Term) -> bool:
    return any(part.head == "number" and not float(part.datum).is_integer() for part, _ in places(term))  # type: ignore[arg-type]


def _has_numbers(term: Term) -> bool:
    return any(part.head == "number" for part, _ in places(term))


def _only_numbers(term: Term) -> bool:
    return not any(part.head in ("name", "partial") for part, _ in places(term))


def _close(a: Any, b: Any, known: Quantities) -> bool:
    if scalar(a) != scalar(b) or (not scalar(a) and a.shape != b.shape):
        return False
    return same(b, a, known, 0.01)
