"""Exercises of `autograd.practice`: one option right, the others wrong and different, no hint that gives it away.

``python -m benchmarks practice --count 10000 --seed 0``
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import autograd
from autograd.explain import Exercise, Option
from autograd.explain.practicing import TOPICS


def is_right(exercise: Exercise, option: Option) -> bool:
    """What the grader says of an option: of a number `autograd.diagnose`, of a formula `autograd.check_derivation`."""
    if exercise.leaf is not None:
        return bool(autograd.diagnose(exercise.root, exercise.leaf, option.text.replace("−", "-")))
    line = f"{exercise.wanted} = {option.text}"
    [judged] = autograd.check_derivation(line, exercise.root, exercise.names).lines
    if judged.verdict == "not read":
        raise ValueError(f"the grader cannot read {line}: {judged.note}")
    return judged.verdict == "true"


def faults(exercise: Exercise) -> Iterator[str]:
    """What is wrong with an exercise."""
    texts = [option.text for option in exercise.options]
    if len(set(texts)) != 4:
        yield f"the options are {texts}"
    if [not option.mistake for option in exercise.options].count(True) != 1:
        yield "not exactly one option is called right"
    for option in exercise.options:
        if is_right(exercise, option) == bool(option.mistake):
            yield f"{option.text} is called {option.mistake or 'right'}, and the grader says something else"
        if option.mistake and not option.why:
            yield f"{option.text} is wrong without a reason"
    if not exercise.hints or any(exercise.answer.text in hint for hint in exercise.hints):
        yield f"the hints are {exercise.hints}"
    if exercise.wanted not in exercise.task:
        yield f"{exercise.wanted} is not asked for"


def main(arguments: Sequence[str] = ()) -> int:
    """Print the counts; the exit status is 1 if an exercise has a fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks practice", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="exercises (default: %(default)s)")
    parser.add_argument("--topic", choices=[*TOPICS], action="append", help="only this topic; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    options = parser.parse_args(arguments)
    topics = options.topic or TOPICS
    kinds = ((topic, level, seed) for seed in itertools.count(options.seed) for topic in topics for level in (1, 2, 3))
    made, mistakes, wrong = Counter[str](), Counter[str](), 0
    for topic, level, seed in itertools.islice(kinds, options.count):
        exercise = autograd.practice(topic, level, seed)
        made[topic] += 1
        mistakes.update(option.mistake for option in exercise.options if option.mistake)
        for fault in faults(exercise):
            wrong += 1
            print(f"{topic}, level {level}, seed {seed}: {fault}")
    print(f"exercises: {made.total():,} ({', '.join(f'{n:,} {topic}' for topic, n in made.items())}), faults: {wrong}")
    print("wrong options:", ", ".join(f"{name} {n:,}" for name, n in mistakes.most_common()))
    return 1 if wrong else 0
