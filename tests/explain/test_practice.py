"""Exercises: one right option, certified; wrong ones that are what named mistakes give; hints that keep the secret."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from counts import EVERY

import autograd
from autograd import practice
from autograd.explain import Exercise, Sheet
from autograd.explain.mistakes import ALL
from autograd.explain.number_exercises import GRAPHS
from autograd.explain.practicing import TOPICS
from autograd.explain.repairs import MISCONCEPTIONS
from autograd.explain.slips import SLIPS
from benchmarks.practice import faults

NAMES = {*(mistake.name for mistake in (*SLIPS, *ALL)), *MISCONCEPTIONS}


def sound(exercise: Exercise) -> None:
    """What the benchmark asks of an exercise, and that its mistakes are known by name; a number is the gradient."""
    assert [*faults(exercise)] == []
    assert all(option.mistake in NAMES for option in exercise.options if option.mistake)
    if exercise.leaf is not None:
        [gradient] = autograd.grad(exercise.root, [exercise.leaf])
        assert float(exercise.answer.text.replace("−", "-")) == pytest.approx(gradient, rel=1e-3)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("topic", TOPICS)
def test_exercises_are_sound(topic: str, level: int) -> None:
    for seed in range(5):
        sound(practice(topic, level, seed))
    assert practice(topic, level, 1).task == practice(topic, level, 1).task != practice(topic, level, 2).task


@pytest.mark.slow
def test_many_exercises() -> None:
    for topic in TOPICS:
        for seed in range(0, 100, EVERY if topic in GRAPHS else 3 * EVERY):  # grading a formula takes 0.2 s
            for level in (1, 2, 3):
                sound(practice(topic, level, seed))


def test_faults_are_seen() -> None:
    for topic in ("paths", "matrix form"):
        exercise = practice(topic, 1, 3)
        right, wrong = exercise.answer, next(option for option in exercise.options if option.mistake)
        others = tuple(option for option in exercise.options if option not in (right, wrong))
        swapped = (replace(right, text=wrong.text), replace(wrong, text=right.text))
        assert len([*faults(replace(exercise, options=(*swapped, *others)))]) == 2
        assert "the options are" in next(faults(replace(exercise, options=(right, wrong, wrong, *others[1:]))))
        assert "the hints are" in next(faults(replace(exercise, hints=(f"It is {right.text}.",))))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_formulas_of_a_network(level: int) -> None:
    for seed in range(8):
        exercise = practice("matrix form", level, seed)
        mistakes = {option.mistake for option in exercise.options if option.mistake}
        assert len(mistakes) == 3, "three different ones"
        equations = exercise.task.partition(": ")[2].partition(". φ")[0].split(", ")
        said = autograd.check_derivation("\n".join(equations[:-1]), exercise.root, exercise.names)
        assert said, f"the forward pass of the task is that of the graph: {said}"
        if level == 3:
            assert "∂" not in exercise.answer.text, "steps in one"


def test_a_formula_of_shapes_that_do_not_fit_says_so() -> None:
    reasons = [o.why for seed in range(12) for o in practice("matrix form", 1, seed).options]
    assert any("does not fit." in why for why in reasons)


@pytest.mark.parametrize("topic", GRAPHS)
def test_the_right_number_is_certified(topic: str) -> None:
    exercise = practice(topic, 2, 7)
    assert exercise.leaf is not None
    row = autograd.certify(exercise.root, [exercise.leaf]).rows[-1]
    assert float(exercise.answer.text.replace("−", "-")) == pytest.approx(float(row.computed), rel=1e-3)


@pytest.mark.parametrize("topic", ["network", "matrix form"])
def test_a_choice_is_answered_with_the_mistake(topic: str) -> None:
    exercise = practice(topic, 2, 0)
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


def test_a_sheet() -> None:
    exercises = [practice("paths", 1, 3), practice("matrix form", 2, 1)]
    sheet = Sheet(exercises, "Week 3")
    names = [name.text for name in ElementTree.fromstring(sheet.moodle().encode()).findall("question/name/text")]
    assert names == ["Week 3, 1: paths", "Week 3, 2: matrix form"]
    assert str(sheet).startswith("1. L = ") and "\n2. A network of " in str(sheet)
    page = sheet.html()
    assert all(exercise.answer.text in page[page.index("Answers") :] for exercise in exercises)
    with pytest.raises(ValueError, match="the paper is 'A4' or 'letter', not 'A3'"):
        Sheet(exercises, paper="A3")
    with pytest.raises(ValueError, match="a sheet needs exercises"):
        Sheet([])
