"""What diagnose knows: right answers that it accuses, plain mistakes that it does not name.

``python -m benchmarks diagnose --right 10000 --each 40 --seed 0``
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from autograd import diagnose

from . import students


class Recall(NamedTuple):
    """How often a mistake was named."""

    name: str
    asked: int
    named: int
    candidates: int  # how many mistakes were listed, all together


def accused(count: int, seed: int) -> tuple[int, list[str]]:
    """Right answers generated, and a line for each that was called wrong."""
    rng = random.Random(seed)
    asked, lines = 0, []
    while asked < count:
        exercise = students.right_answer(rng)
        if exercise is None:
            continue
        asked += 1
        found = diagnose(*exercise)
        if not found:
            lines.append(f"{exercise.answer!r} for {found.value!r}")
    return asked, lines


def recalls(each: int, seed: int) -> Iterator[Recall]:
    """Each plain mistake in ``each`` exercises. An answer that is also right to its digits is asked anew."""
    for name in [*students.MISTAKES, *students.WHOLE]:
        rng = random.Random(f"{seed} {name if isinstance(name, str) else name.name}")
        asked = named = candidates = 0
        while asked < each:
            if isinstance(name, str):
                exercise, wanted = students.wrong_whole(rng, name), (name,)
            else:
                exercise, wanted = students.wrong_answer(rng, name), name.named
            found = diagnose(*exercise)
            if found:
                continue
            asked += 1
            candidates += len(found.matches)
            named += any(match.mutant.name in wanted for match in found.matches)
        yield Recall(name if isinstance(name, str) else name.name, asked, named, candidates)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the counts; the exit status is 1 if a right answer was accused or a mistake not named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks diagnose", description=__doc__)
    parser.add_argument("--right", type=int, default=10_000, help="right answers (default: %(default)s)")
    parser.add_argument("--each", type=int, default=40, help="exercises per mistake (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    asked, lines = accused(options.right, options.seed)
    print(f"right answers: {asked:,}, accused: {len(lines)}", *lines[:20], sep="\n    ")
    print(f"\n{'mistake':40} asked  named  mistakes listed")
    total = named = 0
    for recall in recalls(options.each, options.seed):
        total, named = total + recall.asked, named + recall.named
        print(f"{recall.name:40} {recall.asked:5}  {recall.named:5}  {recall.candidates / recall.asked:15.1f}")
    print(f"\nnamed: {named:,} of {total:,} answers with a mistake, {100 * named / total:.1f} %")
    return 1 if lines or named < total else 0
