"""An exercise: a question, options of which one is right, hints; as page, on paper, for Moodle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import escape

from ..answer import STYLE, Answer, Part
from ..notation.naming import UserNames
from ..paper import SIZES, pdf
from ..text import xml
from ..value import Value

LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Option:
    """One answer to choose from.

    Attributes:
        text: the number or the formula, as it is shown.
        mistake: the name of the mistake that gives it; empty for the right answer.
        why: what is done wrongly, in a sentence, and what to read again.
    """

    text: str
    mistake: str = ""
    why: str = ""


class Question(NamedTuple):
    """What a topic makes an exercise of.

    Attributes:
        root: the graph.
        wanted: the derivative that is asked for: ``"∂L/∂w"``.
        given: what is known about the graph, in words and formulas.
        right: the right answer.
        wrong: the answers of mistakes, all different from each other and from the right one.
        hints: sentences that help on the way and do not give the answer away.
        leaf: what to differentiate by; None where that is a vector or a matrix.
        names: the letters in which the answers speak of the graph.
    """

    root: Value
    wanted: str
    given: str
    right: str
    wrong: list[Option]
    hints: Iterable[str]
    leaf: Value | None = None
    names: UserNames | None = None


@dataclass(frozen=True, repr=False)
class Exercise(Answer):
    """A question with one right answer. Made by `practice`.

    Attributes:
        topic: what it practices.
        root: the graph.
        wanted: the derivative that is asked for: ``"∂L/∂w"``, or ``"∂L/∂W¹"``.
        task: the question.
        options: the answers, in random order; exactly one has no ``mistake``.
        hints: sentences that help on the way and do not give the answer away.
        leaf: what to differentiate by; None where that is a vector or a matrix.
        names: the letters in which formulas speak of the graph, as `autograd.check_derivation` takes them.
    """

    topic: str
    root: Value
    wanted: str
    task: str
    options: tuple[Option, ...]
    hints: tuple[str, ...]
    leaf: Value | None = None
    names: UserNames | None = None

    @property
    def answer(self) -> Option:
        """The right option."""
        return next(option for option in self.options if not option.mistake)

    def option(self, letter: str) -> Option:
        """The option of a letter, ``"a"`` to ``"d"``.

        Raises:
            ValueError: there is no such option.
        """
        letters = LETTERS[: len(self.options)]
        if len(letter.strip()) != 1 or letter.strip().lower() not in letters:
            raise ValueError(f"the options are a to {letters[-1]}, not {letter!r}")
        return self.options[letters.index(letter.strip().lower())]

    def choose(self, letter: str) -> str:
        """What there is to say about the option of a letter, ``"a"`` to ``"d"``.

        Raises:
            ValueError: there is no such option.
        """
        option = self.option(letter)
        return f"Right: {option.text}." if not option.mistake else f"Not {option.text}: {option.why}"

    def _heading(self) -> str:
        return f"Exercise: {self.topic}"

    def _content(self) -> list[Part]:
        rows = [f"{letter}) {option.text}" for letter, option in zip(LETTERS, self.options)]
        return [self.task, *rows, *(f"Hint: {hint}" for hint in self.hints)]

    def html(self) -> str:
        """The question, the hints and the key, which are folded away until they are clicked."""
        return (
            f'<div class="tracegrad-answer">{self._question()}'
            f"<details><summary>Hints</summary>{self._advice()}</details>"
            f"<details><summary>Answers</summary>{self._key()}</details></div>"
        )

    def _question(self) -> str:
        rows = "".join(f"<li>{xml(option.text)}</li>" for option in self.options)
        return f'<p>{xml(self.task)}</p><ol type="a">{rows}</ol>'

    def _advice(self) -> str:
        return f"<ul>{''.join(f'<li>{xml(hint)}</li>' for hint in self.hints)}</ul>"

    def _key(self) -> str:
        rows = [f"<b>{xml(option.text)}</b> – {xml(option.why or 'right')}" for option in self.options]
        return f'<ol type="a">{"".join(f"<li>{row}</li>" for row in rows)}</ol>'

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".pdf": self._pdf, ".xml": self.moodle}

    def _pdf(self) -> bytes:
        return Sheet((self,), self._heading())._pdf()

    def moodle(self) -> str:
        """The exercise as a file that Moodle imports (XML, a multiple choice question with feedback)."""
        return Sheet((self,), "Exercise").moodle()


@dataclass(frozen=True, repr=False)
class Sheet(Answer):
    """Exercises to hand out: the questions first, the hints and the answers on pages of their own.

    Saved as ``.pdf`` it is printed by a browser that is installed (Chromium, Chrome or Edge); ``.html`` can be printed
    by hand, with or without what is folded away; ``.xml`` is for Moodle.

    Attributes:
        exercises: in order.
        title: what stands at the top.
        paper: ``"A4"`` or ``"letter"``.

    Raises:
        ValueError: there is no such paper, or there is no exercise.

    Example:
        >>> from autograd import practice
        >>> sheet = Sheet([practice("paths", 1, seed) for seed in range(6)], "Exercises 3", paper="letter")
        >>> len(sheet.exercises)
        6
    """

    exercises: Sequence[Exercise]
    title: str = "Exercises"
    paper: str = "A4"

    def __post_init__(self) -> None:
        if self.paper not in SIZES:
            raise ValueError(f"the paper is {' or '.join(map(repr, SIZES))}, not {self.paper!r}")
        if not self.exercises:
            raise ValueError("a sheet needs exercises: Sheet([practice('paths', 1, seed) for seed in range(6)])")

    def _heading(self) -> str:
        return self.title

    def _content(self) -> list[Part]:
        return ["\n\n".join(f"{n}. {exercise}" for n, exercise in enumerate(self.exercises, 1))]

    def html(self) -> str:
        """The questions, and then hints and answers, which are folded away; where they are open, they are printed."""

        def numbered(items: Iterable[str]) -> str:
            return f"<ol>{''.join(f'<li>{item}</li>' for item in items)}</ol>"

        return (
            f'{_STYLE}<div class="tracegrad-answer tracegrad-sheet">'
            f"{numbered(exercise._question() for exercise in self.exercises)}"
            f"<details><summary>Hints</summary>{numbered(each._advice() for each in self.exercises)}</details>"
            f"<details><summary>Answers</summary>{numbered(each._key() for each in self.exercises)}</details>"
            "</div>"
        )

    def _document(self, paper: str = "") -> str:
        page = super()._document(self.paper)
        return page.replace("<details>", "<details open>") if paper else page

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".pdf": self._pdf, ".xml": self.moodle}

    def _pdf(self) -> bytes:
        return pdf(self._document(self.paper))

    def moodle(self) -> str:
        """The exercises as a file that Moodle imports (XML, multiple choice questions with feedback)."""
        questions = "\n".join(_moodle(each, f"{self.title}, {n}") for n, each in enumerate(self.exercises, 1))
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>{questions}</quiz>\n'


def _moodle(exercise: Exercise, name: str) -> str:
    answers = "\n".join(
        f'<answer fraction="{0 if option.mistake else 100}" format="plain_text"><text>{escape(option.text)}</text>'
        f"<feedback><text>{escape(option.why or 'Right.')}</text></feedback></answer>"
        for option in exercise.options
    )
    hints = "\n".join(f"<hint><text>{escape(hint)}</text></hint>" for hint in exercise.hints)
    return (
        f'<question type="multichoice">\n<name><text>{escape(f"{name}: {exercise.topic}")}</text></name>\n'
        f'<questiontext format="plain_text"><text>{escape(exercise.task)}</text></questiontext>\n'
        f"<single>true</single><shuffleanswers>1</shuffleanswers>\n{answers}\n{hints}\n</question>"
    )


_STYLE = f"""{STYLE}<style>
.tracegrad-sheet ol{{padding-left:2.4em}}
.tracegrad-sheet>ol>li,.tracegrad-sheet>details>ol>li{{break-inside:avoid;margin:0 0 1.4em;max-width:none}}
.tracegrad-sheet>ol>li::marker,.tracegrad-sheet>details>ol>li::marker{{font-weight:600}}
.tracegrad-sheet summary{{font-size:1.2rem;font-weight:600;margin:.8em 0;break-after:avoid}}
@media print{{
.tracegrad-sheet details{{break-before:page}}
.tracegrad-sheet details:not([open]){{display:none}}
.tracegrad-sheet summary{{list-style:none}}
}}
</style>"""
"""Exercises stay whole on paper; hints and answers begin new pages."""
