"""`practice`: exercises on random graphs whose wrong options are what named mistakes give."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..answer import Answer, Part
from ..elementary import FUNCTIONS
from ..graph import topological
from ..notation.names import name_of
from ..text import number, xml
from ..value import Value
from .claims import read
from .engines import RIGHT
from .mistakes import ALL
from .paths import depending
from .slip_search import SlipSearch
from .slips import SLIPS
from .written import formula

LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Option:
    """One answer to choose from.

    Attributes:
        text: the number as it is shown.
        mistake: the name of the mistake that gives it; empty for the right answer.
        why: what is done wrongly, in a sentence, and what to read again.
    """

    text: str
    mistake: str = ""
    why: str = ""


@dataclass(frozen=True, repr=False)
class Exercise(Answer):
    """A question with one right answer. Made by `practice`.

    Attributes:
        topic: what it practices.
        root: the graph.
        leaf: what to differentiate by.
        task: the question.
        options: the answers, in random order; exactly one has no ``mistake``.
        hints: sentences that help on the way and do not give the number away.
    """

    topic: str
    root: Value
    leaf: Value
    task: str
    options: tuple[Option, ...]
    hints: tuple[str, ...]

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


Maker = Callable[[random.Random, int], tuple[Value, Value]]


def _small(draws: random.Random) -> float:
    """A number that is easy on paper."""
    return draws.choice([-3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0])


def _chain_rule(draws: random.Random, level: int) -> tuple[Value, Value]:
    """Functions inside each other."""
    x = Value(_small(draws), "x")
    node = x
    for _ in range(level + 1):
        a = _small(draws)
        node = draws.choice([a * node, node + a, node**2, a * node + 1.0])
        name = draws.choice(["tanh", "sigmoid", "sin", "exp", "pow3"])
        node = node**3 if name == "pow3" else FUNCTIONS[name](node)
    return node, x


def _paths(draws: random.Random, level: int) -> tuple[Value, Value]:
    """A variable that is used several times."""
    x, y = Value(_small(draws), "x"), Value(_small(draws), "y")
    terms = [x * y, x**2, FUNCTIONS[draws.choice(["sin", "tanh"])](x), x * (x + y), (x - y) ** 2, y / (x**2 + 1.0)]
    chosen = draws.sample(terms, min(level + 1, len(terms)))
    root = chosen[0]
    for term in chosen[1:]:
        root = root * term if draws.random() < 0.4 else root + term
    return root, x


def _softmax(draws: random.Random, level: int) -> tuple[Value, Value]:
    """−log behind a softmax, or cross-entropy behind a sigmoid."""
    w, x = Value(_small(draws), "w"), Value(_small(draws), "x")
    if level == 1 or draws.random() < 0.4:
        p = FUNCTIONS["sigmoid"](w * x + _small(draws))
        return -(p.log() if draws.random() < 0.5 else (1.0 - p).log()), w
    o = [w * x, Value(_small(draws), "o2"), *([Value(_small(draws), "o3")] if level > 2 else [])]
    return -FUNCTIONS["softmax"](o)[draws.randrange(len(o))].log(), w


def _network(draws: random.Random, level: int) -> tuple[Value, Value]:
    """A 2-2-1 network without biases, and a squared error."""
    function = FUNCTIONS[draws.choice(["tanh", "sigmoid"])]
    x = [Value(_small(draws), f"x{i}") for i in (1, 2)]
    w1 = [[Value(_small(draws) / 2, f"w^1_{k}{i}") for i in (1, 2)] for k in (1, 2)]
    w2 = [Value(_small(draws) / 2, f"w^2_1{k}") for k in (1, 2)]
    a = [function(row[0] * x[0] + row[1] * x[1]) for row in w1]
    root = 0.5 * (w2[0] * a[0] + w2[1] * a[1] - _small(draws)) ** 2
    leaf = draws.choice(w2) if level == 1 else draws.choice(w1[0]) if level == 2 else draws.choice(x)
    return root, leaf


TOPICS: dict[str, Maker] = {
    "chain rule": _chain_rule, "paths": _paths, "softmax": _softmax, "network": _network,
}  # fmt: skip
"""What can be practiced."""

MOST_TRIES = 400


def practice(topic: str, level: int = 1, seed: int = 0) -> Exercise:
    """An exercise: a random graph, a gradient to find, and options of which one is right.

    The wrong options are what mistakes of learners give on this very graph, so that a wrong choice says which mistake
    it was (see `autograd.diagnose`). The same topic, level and seed make the same exercise.

    Args:
        topic: ``"chain rule"``, ``"paths"`` (a variable used several times), ``"softmax"`` (and the sigmoid), or
            ``"network"``.
        level: 1 to 3; longer, or deeper.
        seed: a whole number.

    Raises:
        ValueError: there is no such topic or level.

    Example:
        >>> exercise = practice("paths", level=1, seed=3)
        >>> len(exercise.options), exercise.answer.mistake
        (4, '')
    """
    if topic not in TOPICS:
        raise ValueError(f"no topic is called {topic!r}; there are: {', '.join(TOPICS)}")
    if level not in (1, 2, 3):
        raise ValueError(f"the level is 1, 2 or 3, not {level!r}")
    draws = random.Random(f"{topic} {level} {seed}")
    for _ in range(MOST_TRIES):
        root, leaf = TOPICS[topic](draws, level)
        value = RIGHT.run(root).get(leaf, 0.0)
        if not 0.01 <= abs(value) <= 100 or not all(math.isfinite(node.data) for node in topological(root)):
            continue
        wrong = _wrong(root, leaf, value)
        if len(wrong) < 3:
            continue
        options = [Option(number(value)), *draws.sample(wrong, 3)]
        draws.shuffle(options)
        given = {node: node.data for node in topological(root) if node.label and not node.parents}
        numbers = ", ".join(f"{_plain(node.label)} = {number(data)}" for node, data in given.items())
        written = formula(root)
        task = f"L = {written.plain()} with {numbers}. What is ∂L/∂{_plain(leaf.label)}?"
        return Exercise(topic, root, leaf, task, tuple(options), tuple(_hints(root, leaf)))
    raise RuntimeError(f"no exercise was found for {topic!r}, level {level}, seed {seed}; try another seed")


def _plain(label: str) -> str:
    return name_of(label).plain()


def _wrong(root: Value, leaf: Value, value: float) -> list[Option]:
    """What mistakes give, each number once and none that could pass for the right one."""
    found: dict[str, Option] = {}
    numbers = [value]
    for (name, mistake, reread), wrong in _mistaken(root, leaf):
        if not 0.001 <= abs(wrong) < 1e4 or any(abs(wrong - other) <= 0.02 * abs(other) for other in numbers):
            continue
        text = number(wrong)
        if read(text.replace("−", "-")).agrees(value):  # 1 for 1.407 is right, to one digit
            continue
        numbers.append(wrong)
        found[text] = Option(text, name, f"{mistake}. Read again: {reread}.")
    return list(found.values())


def _mistaken(root: Value, leaf: Value) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Each mistake made everywhere on the graph, with the gradient that it gives."""
    between = depending(topological(root), leaf)
    search = SlipSearch(between, RIGHT.run(root), read(0.0, 1.0), "", str, False)
    for slip in SLIPS:
        yield (slip.name, slip.mistake, slip.reread), search.everywhere(slip)
    for engine in ALL:
        yield (engine.name, engine.mistake, engine.reread), engine.gradient(root, leaf).get(leaf, 0.0)


def _hints(root: Value, leaf: Value) -> Iterator[str]:
    between = depending(topological(root), leaf)
    uses = sum(parent is leaf for node in between for parent in node.parents)
    name = _plain(leaf.label)
    if uses > 1:
        yield f"{name} is used more than once: each use has a share in the gradient."
    else:
        yield f"{name} is used once: what is computed from it first?"
    functions = list(dict.fromkeys(node.op for node in between[1:] if node.op not in ("add", "sub", "mul", "neg")))
    if functions:
        yield f"Write down the derivatives of {', '.join(functions)} first, each at its own argument."
    yield "Compute forward and write every value down; then go backward from L, one operation after the other."
