"""An exercise: a question, options of which one is right, hints; as page, on paper, for Moodle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import escape

from ..answer import Answer, Part
from ..notation.naming import UserNames
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
        hints = "".join(f"<li>{xml(hint)}</li>" for hint in self.hints)
        key = "".join(
            f"<li>{xml(option.text)}: {xml(option.why or 'right')}</li>" for option in self.options
        )  # fmt: skip
        rows = "".join(f"<li>{xml(option.text)}</li>" for option in self.options)
        return (
            f'<div class="tracegrad-answer"><p>{xml(self.task)}</p><ol type="a">{rows}</ol>'
            f"<details><summary>Hints</summary><ul>{hints}</ul></details>"
            f'<details><summary>Answers</summary><ol type="a">{key}</ol></details></div>'
        )

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".xml": self.moodle}

    def moodle(self) -> str:
        """The exercise as a file that Moodle imports (XML, a multiple choice question with feedback)."""
        answers = "\n".join(
            f'<answer fraction="{0 if option.mistake else 100}" format="plain_text"><text>{escape(option.text)}</text>'
            f"<feedback><text>{escape(option.why or 'Right.')}</text></feedback></answer>"
            for option in self.options
        )
        hints = "\n".join(f"<hint><text>{escape(hint)}</text></hint>" for hint in self.hints)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<quiz><question type="multichoice">\n'
            f"<name><text>{escape(self._heading())}</text></name>\n"
            f'<questiontext format="plain_text"><text>{escape(self.task)}</text></questiontext>\n'
            f"<single>true</single><shuffleanswers>1</shuffleanswers>\n{answers}\n{hints}\n</question></quiz>\n"
        )
