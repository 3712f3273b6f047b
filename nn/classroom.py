"""`class_report`: what a class handed in, judged: who made which mistake, and which item tells students apart.

A hand-in is a JSON file of one student:

    {"student": "Ada",
     "answers": {
       "1": ["network: 4-5-3 relu softmax", "inputs: 5 2 3.5 1", "target: 1", "letters: lecture A", "",
             "∂L/∂W² = (oˢ − y) hˢᵀ"],
       "2": {"topic": "paths", "level": 1, "seed": 3, "choice": "b"}}}

An answer is the text of a file for ``tracegrad grade`` (one string, or a list of lines; see `nn.hand_in`), or the
letter that was chosen in an exercise of `autograd.practice`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd import practice
from autograd.answer import Answer, Part
from autograd.cli import CommandError
from autograd.explain.repairs import MISCONCEPTIONS
from autograd.notation.tables import Table
from autograd.text import counted, number, visible

from .hand_in import grade

MOST_BYTES = 1_000_000
"""The largest hand-in that is read: a whole course fits into it."""

COLUMNS = 14
"""How many mistakes stand beside each other: on paper a wider table would be cut."""

TRANSPOSE, UNNAMED = "transpose", "no mistake of the list"


@dataclass(frozen=True)
class Graded:
    """One answer of one student.

    Attributes:
        right: whether it is right; None if it could not be read.
        mistakes: the names of the mistakes in it, each once.
        note: why it could not be read, or only in part.
    """

    right: bool | None
    mistakes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, repr=False)
class ClassReport(Answer):
    """The hand-ins of a class, judged. Made by `class_report`.

    Attributes:
        students: name -> item -> how the answer was judged, in the order of the names.
        about: mistake -> a sentence that says what it is; the most frequent first.
        skipped: the files that are no hand-ins, each with the reason.
    """

    students: dict[str, dict[str, Graded]]
    about: dict[str, str]
    skipped: dict[str, str]

    @property
    def items(self) -> list[str]:
        """The items that anybody answered, in the order of their names; 2 comes before 10."""
        return sorted({item for answers in self.students.values() for item in answers}, key=_natural)

    def made(self, student: str, mistake: str) -> list[str]:
        """The items in which a student made a mistake."""
        answers = self.students[student]
        return [item for item in self.items if item in answers and mistake in answers[item].mistakes]

    def separation(self, item: str) -> float | None:
        """How well an item tells strong students from weak ones, from −1 to 1.

        The corrected item-total correlation: over the students whose answer was read, Pearson's correlation of the item
        (1 for right, 0 for wrong) with the share of their other answers that are right. The item itself is left out of
        that share, since it would correlate with itself (S. Henrysson, Correction of item-total correlations in item
        analysis, Psychometrika 28, 1963, pages 211 to 218).

        Returns:
            None where everybody did the same, or fewer than three students answered this item and another one.
        """
        pairs = []
        for answers in self.students.values():
            rest = [graded.right for other, graded in answers.items() if other != item and graded.right is not None]
            right = answers[item].right if item in answers else None
            if right is not None and rest:
                pairs.append((float(right), sum(rest) / len(rest)))
        items, shares = zip(*pairs) if len(pairs) > 2 else ((), ())
        if len({*items}) < 2 or len({*shares}) < 2:
            return None
        return statistics.correlation(items, shares)

    @property
    def best(self) -> str | None:
        """The item that separates students best; None if there is no such number for any item."""
        found = {item: r for item in self.items if (r := self.separation(item)) is not None}
        return max(found, key=lambda item: found[item]) if found else None

    # ---- shown

    def _heading(self) -> str:
        return "Class report"

    def _content(self) -> list[Part]:
        parts: list[Part] = [f"{counted(len(self.students), 'student')}, {counted(len(self.items), 'item')}."]
        if self.students:
            parts += [self._items(), *self._mistakes()]
        notes = [
            visible(f"* {student}, {item}: {graded.note}")
            for student, answers in self.students.items()
            for item, graded in answers.items()
            if graded.note
        ]
        if notes:
            parts += ["Not read, and so neither right nor wrong:", "\n".join(notes)]
        if self.skipped:
            skipped = [visible(f"* {file}: {why}") for file, why in self.skipped.items()]
            parts += ["Files that were skipped:", "\n".join(skipped)]
        return parts

    def _items(self) -> Table:
        rows, best = [], self.best
        for item in self.items:
            graded = [answers[item].right for answers in self.students.values() if item in answers]
            counts = [graded.count(True), graded.count(False), graded.count(None), len(self.students) - len(graded)]
            told = self.separation(item)
            separation = "–" if told is None else number(told, 2)
            rows.append((item, *map(str, counts), separation, "separates best" if item == best else ""))
        heads = ("item", "right", "wrong", "not read", "missing", "separation", "")
        note = (
            "Separation: the correlation of an item with the share of a student's other answers that are right "
            "(corrected item-total correlation, Henrysson 1963): 1 where only the strong get it right, 0 where that "
            "says nothing; – where everybody did the same."
        )
        return Table(heads, rows, (1, 2, 3, 4, 5), "Items", note=note)

    def _mistakes(self) -> list[Part]:
        if not self.about:
            return ["Nobody made a mistake."]
        letters = {mistake: _letters(place) for place, mistake in enumerate(self.about)}
        key = [
            (letter, mistake, str(sum(bool(self.made(who, mistake)) for who in self.students)), self.about[mistake])
            for mistake, letter in letters.items()
        ]
        return [
            Table(("", "mistake", "students", "what is done wrongly"), key, (2,), "Mistakes", limit=120),
            *(self._who([*letters.items()][first : first + COLUMNS]) for first in range(0, len(letters), COLUMNS)),
        ]

    def _who(self, letters: Sequence[tuple[str, str]]) -> Table:
        """Students × some of the mistakes, which are named by letters."""
        rows = [
            (student, f"{self._right(student)} of {len(self.items)}",
             *(", ".join(self.made(student, mistake)) or "·" for mistake, _ in letters))
            for student in self.students
        ]  # fmt: skip
        heads = ("student", "right", *(letter for _, letter in letters))
        return Table(heads, rows, (), "Who made which: the items in which it was made")

    def _right(self, student: str) -> int:
        return sum(graded.right is True for graded in self.students[student].values())

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".csv": self.csv, ".pdf": self._pdf}

    def csv(self) -> str:
        """Students × mistakes for a spreadsheet: in each cell the items in which the student made the mistake."""
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(map(_cell, ("student", "right", "wrong", "not read", "missing", *self.about)))
        for student, answers in self.students.items():
            found = [graded.right for graded in answers.values()]
            counts = [sum(right is True for right in found), sum(right is False for right in found), found.count(None)]
            made = ["; ".join(self.made(student, mistake)) for mistake in self.about]
            writer.writerow(map(_cell, (student, *counts, len(self.items) - len(found), *made)))
        return written.getvalue()


def class_report(folder: str | os.PathLike[str]) -> ClassReport:
    """Judge the hand-ins in a folder: a table of students and mistakes, and the item that separates students best.

    Each file ``*.json`` is the hand-in of one student (see `nn.classroom` for its form). A derivation is judged as by
    `autograd.check_derivation`: the line that is wrong in itself counts, lines that follow from it do not. A file that
    is no hand-in is skipped and named; an answer that cannot be read counts neither as right nor as wrong, and the
    other answers of that student count as ever.

    Args:
        folder: where the files are; folders in it are not entered.

    Raises:
        NotADirectoryError: there is no such folder.

    Example:
        >>> import json, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> task = ["graph: (w*x - y)**2", "values: w=2 x=-1 y=1", "root: e"]
        >>> for student, line in (("Ada", "de/dw = 2 (w x - y) x"), ("Ben", "de/dw = -2 (w x - y) x")):
        ...     answers = {"1": [*task, line]}
        ...     _ = (folder / f"{student}.json").write_text(json.dumps({"student": student, "answers": answers}))
        >>> report = class_report(folder)
        >>> report.made("Ada", "sign"), report.made("Ben", "sign")
        ([], ['1'])
    """
    place = Path(folder)
    if not place.is_dir():
        raise NotADirectoryError(
            f"{str(place)!r} is no folder; name the one with the hand-ins, a JSON file for each student"
        )
    students: dict[str, dict[str, Graded]] = {}
    about: dict[str, str] = {}
    skipped: dict[str, str] = {}
    files: dict[str, str] = {}
    for path in sorted(place.iterdir(), key=lambda path: _natural(path.name)):
        if path.name.startswith(".") or path.is_dir():
            continue
        try:
            student, answers = _read(path)
            if student in files:
                raise _ForeignError(f"{student} handed in {files[student]} already; only that is counted")
        except _ForeignError as problem:
            skipped[path.name] = str(problem)
            continue
        files[student] = path.name
        students[student] = {item: _judged(answer, about) for item, answer in answers.items()}
    counts = Counter(
        mistake
        for answers in students.values()
        for mistake in {name for graded in answers.values() for name in graded.mistakes}
    )
    order = sorted(about, key=lambda mistake: (-counts[mistake], mistake))
    return ClassReport(
        {student: students[student] for student in sorted(students, key=_natural)},
        {mistake: about[mistake] for mistake in order},
        skipped,
    )


class _ForeignError(Exception):
    """A file is no hand-in; the message says why."""


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """The student and the answers in a file."""
    if path.suffix.lower() != ".json":
        raise _ForeignError("it is not a .json file")
    if not path.is_file():
        raise _ForeignError("it is no regular file")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _ForeignError(f"it is larger than {MOST_BYTES:,} bytes")
        found = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except OSError as problem:
        raise _ForeignError(f"it cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise _ForeignError("it is not text in UTF-8") from None
    except (ValueError, RecursionError) as problem:
        raise _ForeignError(f"it is not JSON: {str(problem) or 'too deeply nested'}") from None
    student = found.get("student") if isinstance(found, dict) else None
    answers = found.get("answers") if isinstance(found, dict) else None
    if not isinstance(student, str) or not student.strip() or not isinstance(answers, dict):
        raise _ForeignError('it is not of the form {"student": "Ada", "answers": {"1": …}}')
    return " ".join(student.split()), answers


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name may stand twice: one of the two answers would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _ForeignError(f"{twice!r} stands in it twice")
    return found


def _judged(answer: Any, about: dict[str, str]) -> Graded:
    """One answer, judged; what its mistakes are goes into ``about``."""
    try:
        if isinstance(answer, dict):
            return _chosen(answer, about)
        lines = answer if isinstance(answer, list) else [answer]
        if not all(isinstance(line, str) for line in lines):
            raise CommandError("an answer is text, a list of lines, or topic, level, seed and choice of an exercise")
        return _derived("\n".join(lines), about)
    except (CommandError, ValueError, TypeError, OverflowError, RuntimeError) as problem:  # the task is refused
        return Graded(None, note=" ".join(str(problem).split()))


def _derived(text: str, about: dict[str, str]) -> Graded:
    graded = grade(text)
    mistakes = []
    for line in graded.lines:
        if line.verdict == "false":
            name = line.misconception or UNNAMED
            about.setdefault(name, MISCONCEPTIONS.get(name, line.note if line.misconception else "the line is false"))
            mistakes.append(name)
        elif line.verdict == "transpose":
            about.setdefault(TRANSPOSE, MISCONCEPTIONS[TRANSPOSE])
            mistakes.append(TRANSPOSE)
    unread = [line for line in graded.lines if line.verdict == "not read"]
    note = f"line {unread[0].line}: {unread[0].note}" if unread else ""
    if not graded.lines:
        note = "there is no equation in it"
    right = False if mistakes else None if note else True
    return Graded(right, tuple(dict.fromkeys(mistakes)), note)


def _chosen(answer: dict[str, Any], about: dict[str, str]) -> Graded:
    if not {"topic", "choice"} <= answer.keys():
        raise CommandError('an exercise is answered as {"topic": "paths", "level": 1, "seed": 3, "choice": "b"}')
    level, seed = answer.get("level", 1), answer.get("seed", 0)
    if not isinstance(level, int) or not isinstance(seed, int):
        raise CommandError("level and seed of an exercise are whole numbers")
    exercise = practice(str(answer["topic"]), level, seed)
    option = exercise.option(str(answer["choice"]))
    if not option.mistake:
        return Graded(True)
    about.setdefault(option.mistake, option.why.partition(" Read again: ")[0])
    return Graded(False, (option.mistake,))


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts 2 before 10."""
    words = re.findall(r"[0-9]{1,18}|[^0-9]", name.casefold())
    return [(word[0] not in "0123456789", int(word) if word[0] in "0123456789" else 0, word) for word in words]


def _letters(place: int) -> str:
    """A, B, …, Z, AA, …"""
    return (_letters(place // 26 - 1) if place > 25 else "") + chr(65 + place % 26)


def _cell(content: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(content)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
