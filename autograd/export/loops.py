"""Loops found again: a stretch of instructions that repeats, each time reading what the time before has made.

An unrolled loop, such as 200 steps of Runge and Kutta, is thousands of instructions that repeat with a short period.
Libraries that compile would need minutes for them; as a loop they need the time of one step. The period is found by
hashing windows of 1, 2, 4, … instructions, each from two of half its length (Karp, Miller and Rosenberg 1972), so that
the work grows with n log n.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..compiler.trace import Ints

if TYPE_CHECKING:
    from .walk import Reading, Source, Walk

FEWEST = 4
"""Stretches that repeat less often stay as they are."""


@dataclass
class Loop:
    """Instructions ``first`` to ``first + period``, ``times`` times.

    Attributes:
        first: the first instruction.
        period: the number of instructions in one iteration.
        times: the number of iterations.
        carried: instructions of an iteration, from 0, whose results the next iteration or what follows reads.
        moving: array and places (times, k) of what is read elsewhere each time: an entry of a sequence.
        readings: of one iteration; what moves has the array numbers −1, −2, …
    """

    first: int
    period: int
    times: int
    carried: list[int]
    moving: list[tuple[int, Ints]]
    readings: list[list[Reading]]

    @property
    def end(self) -> int:
        """The first instruction after the loop."""
        return self.first + self.period * self.times


def find(walk: Walk) -> Loop | None:
    """The loop that saves most instructions, or None."""
    keys = _keys(walk)
    n, best = len(keys), None
    for period in _periods(keys):
        same = keys[:-period] == keys[period:]
        edges = np.flatnonzero(np.diff(np.concatenate(([0], same, [0])).astype(np.int64)))
        begin, end = max(zip(edges[::2].tolist(), edges[1::2].tolist()), key=lambda run: run[1] - run[0])
        for first in (begin, begin + period, begin + 2 * period):  # the first iterations may read what none has made
            times = min(end + period, n) - first
            for count in (times // period, times // period - 1):
                if count < FEWEST or (best is not None and count * period <= best.times * best.period):
                    continue
                best = _loop(walk, first, period, count) or best
    return best


def _keys(walk: Walk) -> Ints:
    """A number for each instruction, which instructions of one form share, wherever they read."""
    seen: dict[object, int] = {}
    found = []
    for step, readings in zip(walk.instructions, walk.readings):
        form = tuple(
            (r.form, r.axes, r.shape, r.chosen is None, tuple(min(s.array, walk.begin) for s in r.sources))
            for r in readings
        )
        found.append(seen.setdefault((step.op, step.shape, step.signs, form), len(seen)))
    return np.array(found, np.int64)


def _periods(keys: Ints) -> list[int]:
    """Distances at which equal windows follow one another most often, one for each length of window."""
    found: dict[int, None] = {}
    names, width = keys, 1
    while len(names) > FEWEST:
        last: dict[int, int] = {}
        counts: Counter[int] = Counter()
        for place, name in enumerate(names.tolist()):
            if name in last:
                counts[place - last[name]] += 1
            last[name] = place
        found.update(dict.fromkeys(period for period, _ in counts.most_common(1)))
        if not counts:
            break
        pairs = names[:-width] * (int(names.max()) + 1) + names[width:]
        names, width = np.unique(pairs, return_inverse=True)[1].ravel(), 2 * width
    return [period for period in sorted(found) if period * FEWEST <= len(keys)]


def _loop(walk: Walk, first: int, period: int, times: int) -> Loop | None:
    """The loop there, if every iteration reads from the same places, and nothing after it reads an earlier one."""
    before, carried = walk.begin + first - period, set()
    moving: list[tuple[int, Ints]] = []
    readings = []
    for j in range(period):
        rows = [walk.readings[first + j + r * period] for r in range(times)]
        mine = []
        for iterations in zip(*rows):
            model = iterations[0]
            if any(len(r.sources) != len(model.sources) for r in iterations):
                return None
            if model.chosen is not None and any(not np.array_equal(r.chosen, model.chosen) for r in iterations):
                return None
            sources = []
            for each in zip(*(r.sources for r in iterations)):
                source = _source(walk, each, before, period, moving)
                if source is None:
                    return None
                if before <= source.array < before + period:
                    carried.add(source.array - before)
                sources.append(source)
            mine.append(replace(model, sources=sources))
        readings.append(mine)
    start, last = before + period, before + times * period
    for reading in [*(r for rs in walk.readings[first + times * period :] for r in rs), walk.outputs]:
        for source in reading.sources:
            if start <= source.array < last:
                return None
            if last <= source.array < last + period:
                carried.add(source.array - last)
    if any(before + j < walk.begin or walk.sizes[before + j] != walk.sizes[start + j] for j in carried):
        return None
    return Loop(first, period, times, sorted(carried), moving, readings)


def _source(
    walk: Walk, each: Sequence[Source], before: int, period: int, moving: list[tuple[int, Ints]]
) -> Source | None:
    """What the iterations read as a source of the first one, or None if there is no rule in it."""
    model = each[0]
    fixed = all(source.array == model.array for source in each)
    if not fixed and any(source.array != model.array + r * period for r, source in enumerate(each)):
        return None
    if fixed == (model.array >= before):  # reads one iteration for ever, or one further back than the last
        return None
    if all(_alike(model, source) for source in each):
        return model
    places = [source.of({source.array: np.arange(walk.sizes[source.array])}) for source in each]
    if any(len(row) != len(places[0]) for row in places):
        return None
    if all(np.array_equal(row, places[0]) for row in places):
        return model
    if not fixed:
        return None
    moving.append((model.array, np.array(places)))
    return replace(model, array=-len(moving), chosen=None)


def _alike(a: Source, b: Source) -> bool:
    """Whether two sources choose the same places, as far as is seen at once."""
    if isinstance(a.chosen, np.ndarray) or isinstance(b.chosen, np.ndarray):
        return a.chosen is b.chosen
    return a.chosen == b.chosen
