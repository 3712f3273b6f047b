"""Differential fuzzing: random programs by every engine, judged by mpmath.

``python -m benchmarks.fuzz --minutes 10 --seed 1``. Each round draws

- four programs of up to 24 operations. The eager engine gives value, gradient and second derivatives, the compiler's
  NumPy and LLVM back ends and, where installed, PyTorch and JAX give value and gradient. The exact answers come from
  mpmath, at 300 to 1050 digits and without any derivative formula. An error is counted in units of the first-order
  bound of what rounding can do to that program; more than one unit is wrong. Some programs take derivatives inside, to
  third order; there the eager engine is the judge. Batches have many sizes, and the lens looks at a sample of each;
- one operation at many points: errors in ulp of its value and of its slopes.

Whatever is wrong in an engine of ours is shortened and saved as a script that shows it again.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mpmath import mp, mpf

from autograd.ops import TABLE, Op

from . import contestants
from .programs import TINY, Answers, Program, eager, exact, obstacle, random_program, sizes
from .reference import LARGEST, draw, errors_at

ROOT = Path(__file__).parent.parent
PARTS = ("value", "gradient", "second order")
LIMITS = {"eager": 4.0, "NumPy": 4503.0, "LLVM": 4503.0}
"""More ulp than this is a failure of an engine of ours, at one operation; for the compiler that is 1e-12."""
REORDERED = 2.0**-47
"""64 roundings of the terms of a sum."""
TWICE = 2.0**-100
"""64 products of two roundings of the terms, of which a first-order bound knows nothing: a slope that cancels to a
rounding error instead of 0, times another such slope."""
PROGRAMS = 4
"""Programs in a round, in addition to one operation."""
INSIDE = 0.3
"""The share of programs that take derivatives inside, to third order; engines of ours are compared with each other."""
SAMPLES = (1, 1, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257)
"""Sizes of batches, around those at which a compiled program takes another way."""
JAX_EVERY = 6
"""Rounds in which JAX takes part: it needs a quarter of a second for a program, as much as the others for a hundred."""


class Wrong(NamedTuple):
    """One answer that is wrong: who gave it, what it is, and what is right."""

    who: str
    part: str
    got: float
    right: float
    units: float

    def __str__(self) -> str:
        return f"{self.who}: {self.part} {self.got!r}, exact {self.right!r} ({self.units:.3g} units of rounding)"


def units(got: float, right: Any, bound: float, floor: float = TINY) -> float:
    """The error in units of what rounding explains (or of how well the exact number is known).

    Infinite for a nan or an infinity where there is a number.
    """
    if not math.isfinite(got):
        return 0.0 if abs(right) > LARGEST / 2 and (right > 0) == (got > 0) and got == got else math.inf
    if not math.isfinite(bound):
        return 0.0  # rounding may have done anything
    return float(abs(mpf(got) - right) / (mpf(bound) + floor + abs(right) * mpf(10) ** -40))


def answers(program: Program, skip: Sequence[str] = ()) -> tuple[Answers | None, dict[str, Any], Answers | None]:
    """The exact answers, those of every engine (or the exception it raised), and the bounds of rounding."""
    given: dict[str, Any] = {}
    bounds = None
    try:
        got, bounds = eager(program)
        given["eager"] = [("value", got.value), ("gradient", got.gradient), ("second order", got.curvature)]
    except Exception as fault:
        given["eager"] = fault
    for name, run in {**contestants.OWN, **contestants.PEERS}.items():
        if name not in skip and not (program.order and name in contestants.PEERS):
            try:
                value, gradient = run(program)
                given[name] = [("value", value), ("gradient", gradient)]
            except Exception as fault:
                given[name] = fault
    right = exact(program)
    if program.order and not isinstance(given["eager"], Exception):  # the other engines are compared with it
        right = Answers(*(dict(given["eager"])[part] for part in PARTS), TINY)
    return right, given, bounds


def judge(program: Program, skip: Sequence[str] = ()) -> tuple[list[Wrong], dict[tuple[str, str], float]]:
    """What is wrong, and the largest error of each engine and part in units of rounding."""
    right, given, bounds = answers(program, skip)
    wrong: list[Wrong] = []
    largest: dict[tuple[str, str], float] = {}
    terms = sizes(program) if bounds is not None else None
    for who, parts in given.items():
        if isinstance(parts, Exception):
            wrong.append(Wrong(who, f"raised {type(parts).__name__}: {parts}"[:200], math.nan, math.nan, math.inf))
            continue
        if right is None or bounds is None:
            continue
        for part, got in parts:
            place = PARTS.index(part)
            allowed = bounds[place]
            if terms is not None and place < len(terms):
                allowed = wider(allowed, terms[place], REORDERED if who in contestants.OWN else TWICE)
            listed = zip(*([x] if part == "value" else x for x in (got, right[place], allowed)))
            for number, truth, bound in listed:
                if not math.isfinite(truth):  # of the eager engine
                    error = 0.0 if kind(number) == kind(truth) or not math.isfinite(bound) else math.inf
                else:
                    error = units(number, truth, bound, right.floor)
                largest[who, part] = max(largest.get((who, part), 0.0), error if error < math.inf else 0.0)
                if error > 1:
                    wrong.append(Wrong(who, part, number, float(truth), error))
    return wrong, largest


def wider(bounds: Any, terms: Any, share: float) -> Any:
    """Bounds of rounding, and a share of the size of the terms of a sum, which may be added in another order."""
    if isinstance(bounds, list):
        return [wider(bound, term, share) for bound, term in zip(bounds, terms)]
    return bounds + share * terms


def kind(x: float) -> str:
    """A number's place among the special ones."""
    return "nan" if x != x else repr(x) if math.isinf(x) else "finite"


def judge_range(program: Program) -> list[Wrong]:
    """Where numbers overflow or leave a domain: value and gradient are nan or infinite alike in our engines."""
    value, gradient = contestants.eager_pairs(program)
    wrong = []
    for who, run in contestants.OWN.items():
        got, slopes = run(program)
        for part, theirs, ours in [("value", got, value), *zip(["gradient"] * len(slopes), slopes, gradient)]:
            if kind(theirs) != kind(ours):
                wrong.append(Wrong(who, part, theirs, ours, math.inf))
    return wrong


def shortened(program: Program, who: str) -> Program:
    """The shortest beginning of a program at which an engine still is wrong."""
    skip = [name for name in contestants.PEERS if name != who]
    for length in range(1, len(program.steps)):
        candidate = program.pruned(length)
        reason = obstacle(candidate)
        found = judge(candidate, skip)[0] if not reason else judge_range(candidate) if reason == "range" else []
        if any(entry.who == who for entry in found):
            return candidate
    return program.pruned(len(program.steps))


def show(program: Program) -> None:
    """Print a program, every engine's answers and the exact ones."""
    data = program.floats()
    first = len(data) - len(program.steps)
    for place, number in enumerate(data):
        name, operands = program.steps[place - first] if place >= first else ("", ())
        made = f"{name}({', '.join(f'n{i}' for i in operands)})" if name else (
            "input" if place < len(program.inputs) else "constant")  # fmt: skip
        print(f"n{place} = {made} = {number!r}")
    print(f"obstacle to judging it: {obstacle(program) or 'none'}")
    right, given, bounds = answers(program)
    for who, parts in given.items():
        for part, got in parts if not isinstance(parts, Exception) else [("raised", repr(parts))]:
            print(f"{who:8} {part:12} {got}")
    if right is not None and bounds is not None:
        for part, truth, bound in zip(PARTS, right, bounds):
            shown = [mp.nstr(x, 20) for x in (truth if isinstance(truth, list) else [truth])]
            print(f"{'exact':8} {part:12} {shown}; rounding explains {bound}")


def save(folder: Path, program: Program, reasons: Sequence[Wrong]) -> Path:
    """Write a script that shows a failure again."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = "_".join(name for name, _ in program.steps[-3:])
    place = folder / f"{reasons[0].who}_{stem}_{abs(hash(program)) % 10**6:06}.py".replace(" ", "")
    comments = "\n".join(f"# {reason}".replace("\n", " ") for reason in reasons)
    text = f'"""Found by benchmarks.fuzz."""\n{comments}\nimport sys\n\nsys.path.insert(0, {str(ROOT)!r})\n'
    text += "from math import inf, nan\n\nfrom benchmarks.fuzz import show\nfrom benchmarks.programs import Program\n\n"
    place.write_text(text + f"show({program!r})\n", encoding="utf-8")
    return place


# ---- one operation ------------------------------------------------------------------------------------------------


class Ulps(NamedTuple):
    """The largest error of an operation by an engine, in ulp, and where."""

    error: float
    point: tuple[float, ...]


def points_for(op: Op, rng: random.Random, count: int = 16) -> list[list[float]]:
    """Arguments of any kind and size, the same number in each."""
    lists = sum(name.startswith("*") for name in op.arguments)
    length = len(op.arguments) - lists + lists * rng.randint(1, 4)
    points = []
    while len(points) < count:
        scale = rng.choice((0.01, 1.0, 100.0)) if lists and rng.random() < 0.8 else 0.0
        point = [scale * rng.uniform(-7, 7) if scale else draw(rng) for _ in range(length)]
        # alpha · exp(x) with a larger alpha would need digits of exp(x) below the smallest normal number
        if op.name != "elu" or abs(point[1]) <= 1e15:
            points.append(point)
    return points


def operation_errors(op: Op, points: list[list[float]], skip: Sequence[str] = ()) -> dict[tuple[str, str], Ulps]:
    """The largest errors in ulp of one operation, by engine and part."""
    largest: dict[tuple[str, str], Ulps] = {}
    for who, run in contestants.OPERATIONS.items():
        if who in skip:
            continue
        values, slopes = run(op.name, points)
        for point, value, row in zip(points, values, slopes):
            found = errors_at(op, point, value, row)
            if found is None:
                continue
            for part, error in (("value", found[0]), ("gradient", max(found[1], default=0.0))):
                if error > largest.get((who, part), Ulps(-1.0, ())).error:
                    largest[who, part] = Ulps(error, tuple(point))
    return largest


# ---- the run ------------------------------------------------------------------------------------------------------


class Record:
    """What a run has found so far."""

    def __init__(self) -> None:
        self.programs = self.judged = self.answers = self.points = 0
        self.skipped: Counter[str] = Counter()
        self.worst: dict[tuple[str, str], float] = {}
        self.wrong: Counter[tuple[str, str]] = Counter()
        self.guilty: dict[str, Counter[str]] = {}
        self.ulps: dict[tuple[str, str, str], Ulps] = {}
        self.saved: list[Path] = []

    def table(self) -> str:
        """The findings as Markdown."""
        skips = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.skipped.items())) or "none"
        lines = [
            f"{self.programs:,} programs, {self.judged:,} judged by mpmath ({skips}); {self.answers:,} answers; "
            f"{self.points:,} points of single operations; {len(self.saved)} failures of ours saved.",
            "",
            "| engine | answer | largest error (units of rounding) | wrong answers | operations that were wrong |",
            "|---|---|---|---|---|",
        ]
        for (who, part), error in sorted(self.worst.items()):
            guilty = ", ".join(f"{name} {n}" for name, n in self.guilty.get(who, Counter()).most_common(8))
            lines.append(f"| {who} | {part} | {error:.3g} | {self.wrong[who, part]:,} | {guilty} |")
        engines = list(contestants.OPERATIONS)
        lines += ["", "| operation | " + " | ".join(engines) + " |", "|---" * (len(engines) + 1) + "|"]
        for name in TABLE:
            cells = []
            for who in engines:
                pair = [self.ulps.get((name, who, part)) for part in ("value", "gradient")]
                cells.append(" / ".join("–" if ulp is None else short(ulp.error) for ulp in pair))
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return "\n".join(lines)


def short(error: float) -> str:
    """A number of ulp: one decimal for a small one, its size for a large one."""
    return f"{error:.1f}" if error < 100 else "∞" if error == math.inf else f"{error:.0e}"


def one_program(rng: random.Random, record: Record, failures: Path | None, skip: Sequence[str] = ()) -> None:
    """Draw a program, judge it, keep what was found."""
    program = random_program(rng)
    if rng.random() < INSIDE:
        program = program.pruned(min(len(program.steps), 8))._replace(order=rng.randint(1, 3))
    program = program._replace(samples=rng.choice(SAMPLES))
    record.programs += 1
    reason = obstacle(program)
    if reason:
        record.skipped[reason] += 1
        wrong = judge_range(program) if reason == "range" else []
    else:
        wrong, largest = judge(program, skip)
        record.judged += bool(largest)
        record.answers += sum(len(program.inputs) if part != "value" else 1 for _, part in largest)
        for key, error in largest.items():
            record.worst[key] = max(record.worst.get(key, 0.0), error)
    for who in {entry.who for entry in wrong}:
        mine = [entry for entry in wrong if entry.who == who]
        record.wrong.update({(who, part): 1 for part in {entry.part for entry in mine}})
        small = shortened(program, who)
        record.guilty.setdefault(who, Counter())[small.steps[-1][0]] += 1
        if who not in contestants.PEERS:
            place = save(failures, small, mine) if failures is not None else Path(repr(small))
            record.saved.append(place)
            print(f"WRONG {mine[0]}\n      {place}", flush=True)


def one_operation(rng: random.Random, record: Record, failures: Path | None, skip: Sequence[str] = ()) -> None:
    """Draw an operation and arguments, keep its errors."""
    op = TABLE[rng.choice(list(TABLE))]
    points = points_for(op, rng)
    record.points += len(points)
    for (who, part), found in operation_errors(op, points, skip).items():
        known = record.ulps.get((op.name, who, part))
        if known is None or found.error > known.error:
            record.ulps[op.name, who, part] = found
            if found.error > LIMITS.get(who, math.inf) and (known is None or known.error <= LIMITS[who]):
                operands = tuple(range(len(found.point)))
                wrong = Wrong(who, part, math.nan, math.nan, found.error)
                program = Program(found.point, (), ((op.name, operands),))
                place = save(failures, program, [wrong]) if failures is not None else Path(repr(program))
                record.saved.append(place)
                print(
                    f"WRONG {who} {op.name}{found.point}: {part} off by {found.error:.3g} ulp\n      {place}",
                    flush=True,
                )


def fuzz(seconds: float, seed: int, failures: Path | None, rounds: int | None = None) -> Record:
    """Fuzz for a time, or for a number of rounds; a seed gives the same programs again."""
    rng, record = random.Random(seed), Record()
    end, done = time.monotonic() + seconds, 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="torch|jax")
        while time.monotonic() < end and done != rounds:
            for i in range(PROGRAMS):
                one_program(rng, record, failures, [] if i == 0 and done % JAX_EVERY == 0 else ["JAX"])
            one_operation(rng, record, failures, [] if done % 4 == 0 else ["JAX"])
            done += 1
    return record


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other programs (default: %(default)s)")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="where reproducers are saved")
    options = parser.parse_args(arguments)
    record = fuzz(60 * options.minutes, options.seed, options.failures)
    print(f"seed {options.seed}, {options.minutes:g} minutes: {record.table()}")
    return 1 if record.saved else 0


if __name__ == "__main__":
    sys.exit(main())
