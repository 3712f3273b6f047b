"""`practice`: exercises on random graphs whose wrong options are what named mistakes give."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from .exercises import Exercise, Option, Question
from .formula_exercises import formula_question
from .number_exercises import GRAPHS, number_question

TOPICS: dict[str, Callable[[random.Random, int], Question | None]] = {
    **{topic: partial(number_question, topic) for topic in GRAPHS},
    "matrix form": formula_question,
}
"""What can be practiced: topic -> what draws a question of a level, or None where it was a bad draw."""

WRONG = 3
"""How many wrong options an exercise has."""
MOST_TRIES = 400


def practice(topic: str, level: int = 1, seed: int = 0) -> Exercise:
    """An exercise: a random graph, a gradient to find, and options of which one is right.

    The wrong options are what mistakes of learners give on this very graph, so that a wrong choice says which mistake
    it was. They are numbers (see `autograd.diagnose`), or formulas of vectors and matrices for ``"matrix form"`` (see
    `autograd.check_derivation`). The same topic, level and seed make the same exercise.

    Args:
        topic: ``"chain rule"``, ``"paths"`` (a variable used several times), ``"softmax"`` (and the sigmoid),
            ``"network"``, or ``"matrix form"`` (the derivatives by the vectors and matrices of a network).
        level: 1 to 3; longer, or deeper.
        seed: a whole number.

    Raises:
        ValueError: there is no such topic or level.

    Example:
        >>> exercise = practice("paths", level=1, seed=3)
        >>> len(exercise.options), exercise.answer.mistake
        (4, '')
        >>> exercise = practice("matrix form", level=2, seed=1)
        >>> print(exercise.wanted, "=", exercise.answer.text)
        ∂e/∂z¹ = φ′(z¹) ⊙ ∂e/∂a¹
    """
    if topic not in TOPICS:
        raise ValueError(f"no topic is called {topic!r}; there are: {', '.join(TOPICS)}")
    if level not in (1, 2, 3):
        raise ValueError(f"the level is 1, 2 or 3, not {level!r}")
    draws = random.Random(f"{topic} {level} {seed}")
    for _ in range(MOST_TRIES):
        question = TOPICS[topic](draws, level)
        if question is None or len(question.wrong) < WRONG:
            continue
        options = [Option(question.right), *draws.sample(question.wrong, WRONG)]
        draws.shuffle(options)
        return Exercise(
            topic, question.root, question.wanted, f"{question.given} What is {question.wanted}?", tuple(options),
            tuple(question.hints), question.leaf, question.names,
        )  # fmt: skip
    raise RuntimeError(f"no exercise was found for {topic!r}, level {level}, seed {seed}; try another seed")
