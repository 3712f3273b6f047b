"""Exercises: one right option, certified; wrong ones that are what named mistakes give; hints that keep the secret."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from counts import EVERY

import autograd
from autograd import practice
from autograd.explain import Exercise
from autograd.explain.exercises import TOPICS
from autograd.explain.mistakes import ALL
from autograd.explain.slips import SLIPS

NAMES = {mistake.name for mistake in (*SLIPS, *ALL)}


def sound(exercise: Exercise) -> None:
    """Four different options, of which one is the gradient; the others have a name; no hint says the number."""
    texts = [option.text for option in exercise.options]
    assert len(set(texts)) == 4
    [gradient] = autograd.grad(exercise.root, [exercise.leaf])
    claims = [text.replace("−", "-") for text in texts]
    right = [bool(autograd.diagnose(exercise.root, exercise.leaf, claim)) for claim in claims]
    assert right == [not option.mistake for option in exercise.options] and sum(right) == 1
    assert float(claims[right.index(True)]) == pytest.approx(gradient, rel=1e-3)
    assert all(option.mistake in NAMES and option.why for option in exercise.options if option.mistake)
    assert exercise.hints and not any(exercise.answer.text in hint for hint in exercise.hints)
    assert "∂L/∂" in exercise.task


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("topic", TOPICS)
def test_exercises_are_sound(topic: str, level: int) -> None:
    for seed in range(5):
        sound(practice(topic, level, seed))
    assert practice(topic, level, 1).task == practice(topic, level, 1).task != practice(topic, level, 2).task


@pytest.mark.slow
def test_many_exercises() -> None:
    for seed in range(0, 100, EVERY):
        for topic in TOPICS:
            for level in (1, 2, 3):
                sound(practice(topic, level, seed))


@pytest.mark.parametrize("topic", TOPICS)
def test_the_right_number_is_certified(topic: str) -> None:
    exercise = practice(topic, 2, 7)
    row = autograd.certify(exercise.root, [exercise.leaf]).rows[-1]
    assert float(exercise.answer.text.replace("−", "-")) == pytest.approx(float(row.computed), rel=1e-3)


def test_a_choice_is_answered_with_the_mistake() -> None:
    exercise = practice("network", 2, 0)
    said = [exercise.choose(letter) for letter in "abcd"]
    assert sum(text.startswith("Right: ") for text in said) == 1
    assert all("Read again" in text for text in said if not text.startswith("Right"))
    with pytest.raises(ValueError, match="the options are a to d, not 'e'"):
        exercise.choose("e")
    with pytest.raises(ValueError, match=r"no topic is called 'sums'; there are: chain rule, paths"):
        practice("sums")
    with pytest.raises(ValueError, match="the level is 1, 2 or 3, not 4"):
        practice("paths", 4)


def test_forms() -> None:
    exercise = practice("paths", 1, 3)
    quiz = ElementTree.fromstring(exercise.moodle().encode())
    fractions = [answer.get("fraction") for answer in quiz.iter("answer")]
    assert sorted(fractions) == ["0", "0", "0", "100"]
    page = exercise.html()
    assert page.count("<details>") == 2 and page.index("Hints") < page.index("Answers")
    text = str(exercise)
    assert all(f"{letter}) {option.text}" in text for letter, option in zip("abcd", exercise.options))
    assert exercise.answer.mistake == "" and "right" not in text
