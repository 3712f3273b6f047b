"""Finite differences that know how far they can be trusted.

The slope of f at x is measured on a ladder of steps h, each a quarter of the one before, from max(1, |x|)/4 down.
Every rung gives a central quotient A(h) = (f(x+h) − f(x−h)) / 2h. Its error has two parts that pull in opposite
directions:

- *truncation*, f'''(x)·h²/6 + …, which falls with h. Three neighboring rungs cancel its h² and h⁴ terms
  (Richardson 1911), and the change that the last cancellation made bounds what is left (Ridders 1982). That holds
  for a series in h². Quotients that shrink more slowly (|x|^1.5 at 0) are bounded by the sum of a geometric series,
  and those that do not shrink at all are not an estimate;
- *round-off*, σ/h, which grows as h falls, where σ bounds the error of one computed f. The caller knows σ from a
  running error analysis of the graph: Σ over nodes of 2u·|node|·|∂f/∂node|, u = 2⁻⁵³ (Higham 2002, §3.3).

Which rungs to believe is decided from fine to coarse (Lepski 1990): a coarser estimate replaces a finer one if it is
more precise *and* lies within the errors of both. A step that strides over an oscillation (sin at 1e8, h = 1e6
converges beautifully, to 0), a kink or an edge contradicts the finer rungs and is never reached. If the error comes
out above 1e-6, or the result contradicts the slope that was expected, the ladder is continued downwards, to the
spacing of floats if need be, before anything is called wrong.

Other checkers use one step for all inputs and one tolerance for all slopes; then h = 1e-6 says nothing at x = 1e-8 or
x = 1e8, a tolerance of 1e-3 hides a wrong factor, and one of 1e-8 condemns right rules.

Where f(x+h) or f(x−h) does not exist, rungs are dropped; where one side does not exist at all, the quotients are
one-sided. The steps are powers of two, and quotients divide by the difference of the floats really used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

UNIT_ROUNDOFF = 2.0**-53
UNDERFLOW = 2.0**-1074  # the spacing of the smallest floats
RUNGS = 8  # per descent
DESCENTS = 4


class Estimate(NamedTuple):
    """A measured slope."""

    slope: float  # nan if nothing could be measured, ±inf for a vertical tangent
    truncation: float  # bound of the error from the size of the step
    rounding: float  # bound of the error from the rounding of f
    step: float  # the smallest step it rests on
    left: float  # one-sided slopes; they differ at a kink
    right: float
    scale: float  # |f| / max(1, |x|) nearby: what a slope of ordinary size would be
    obstacle: str  # "" or why it is not a measurement: kink, edge, overflow, truncation, round-off
    noisy: bool = False  # f scatters more than its rounding explains: the floats near x lie too far apart for it

    @property
    def uncertainty(self) -> float:
        """Bound of the whole error."""
        return self.truncation + self.rounding

    @property
    def reach(self) -> float:
        """The largest of the three steps that it rests on."""
        return 16 * self.step

    def agrees(self, slope: float, atol: float, rtol: float) -> bool:
        """Whether a slope lies within the measured error (plus what the caller grants)."""
        if math.isinf(slope) or math.isinf(self.slope):
            return slope == self.slope
        return abs(slope - self.slope) <= self.uncertainty + atol + rtol * max(abs(slope), abs(self.slope))


NOTHING = Estimate(math.nan, math.inf, math.inf, math.nan, math.nan, math.nan, 0.0, "edge")
"""The estimate where the function does not exist."""


class _Rung(NamedTuple):
    step: float
    right: float  # x + step, as a float
    left: float
    above: float  # f there
    below: float


class _Candidate(NamedTuple):
    slope: float
    truncation: float
    rounding: float
    noisy: bool
    coarse: _Rung
    fine: _Rung

    @property
    def uncertainty(self) -> float:
        return self.truncation + self.rounding


Measurement = Generator[list[float], list[float], Estimate]
"""Yields points, wants the values of f there, returns an `Estimate`; this way many of them can be served at once."""


def measurement(
    x: float, value: float, noise: float, expected: float | None = None, atol: float = 0.0, rtol: float = 1e-8
) -> Measurement:
    """Measure the slope of a function at ``x``.

    Args:
        x: the point, finite.
        value: f(x).
        noise: bound σ of the rounding error of f near x.
        expected: the slope that somebody claims; the ladder goes on for as long as it contradicts.
        atol: absolute difference that is not a contradiction.
        rtol: relative difference that is not a contradiction.
    """
    if not math.isfinite(value):
        return NOTHING if value != value else NOTHING._replace(obstacle="overflow")
    rungs: list[_Rung] = []
    estimate = NOTHING
    steps = _ladder(x)
    for _ in range(DESCENTS):
        steps = [h for h in steps if h >= max(math.ulp(x), 4 * UNDERFLOW) and math.isfinite(abs(x) + h)]
        if not steps:
            break
        values = yield [x + h for h in steps] + [x - h for h in steps]
        rungs += map(_Rung, steps, [x + h for h in steps], [x - h for h in steps], values, values[len(steps) :])
        estimate = _estimate(x, value, noise, rungs)
        precise = estimate.uncertainty <= 1e-6 * max(abs(estimate.slope), estimate.scale)
        settled = precise and math.isfinite(estimate.slope) and not estimate.obstacle
        if settled and (expected is None or estimate.agrees(expected, atol, rtol)):
            break
        steps = [steps[-1] * 4.0 ** -(k + 1) for k in range(RUNGS)]
    return estimate


def _ladder(x: float) -> list[float]:
    """Steps from max(1, |x|)/4 to min(1, |x|)·2⁻¹⁶; a ladder of extreme length leaves out its middle."""
    size = abs(x) or 1.0
    top, bottom = math.frexp(max(1.0, size))[1] - 3, math.frexp(min(1.0, size))[1] - 17
    exponents = [*range(top, bottom - 1, -2)]
    if len(exponents) > 4 * RUNGS:
        exponents = exponents[: 2 * RUNGS] + exponents[-2 * RUNGS :]
    return [math.ldexp(1.0, e) for e in exponents]


def _estimate(x: float, value: float, noise: float, rungs: Sequence[_Rung]) -> Estimate:
    # (−1)^y exists at every whole y and nowhere between: what is undefined nearer to x is not measured from afar
    hole = min((r.step for r in rungs if r.above != r.above and r.below != r.below), default=math.inf)
    rungs = [r for r in rungs if r.step < hole]
    both = [r for r in rungs if math.isfinite(r.above) and math.isfinite(r.below)]
    quotients = [(r.above * 0.5 - r.below * 0.5) / ((r.right - r.left) * 0.5) for r in both]
    best = _select(_candidates(both, quotients, noise, base=16.0, weight=1.1))
    if best is not None:
        return _finished(x, value, noise, best, both, quotients, one_sided=False)
    for side in ("above", "below"):
        there = [r for r in rungs if math.isfinite(getattr(r, side))]
        points = [(r.right, r.above) if side == "above" else (r.left, r.below) for r in there]
        quotients = [(f - value) / (point - x) for point, f in points]
        best = _select(_candidates(there, quotients, noise, base=4.0, weight=3.0))
        if best is not None:
            return _finished(x, value, noise, best, there, quotients, one_sided=True)
    infinite = any(math.isinf(r.above) or math.isinf(r.below) for r in rungs)
    return NOTHING._replace(obstacle="overflow") if infinite else NOTHING


def _candidates(
    rungs: Sequence[_Rung], quotients: Sequence[float], noise: float, base: float, weight: float
) -> list[_Candidate]:
    """Extrapolated slopes from three (or two) neighboring rungs, coarse to fine.

    A step divided by 4 divides the leading error term by ``base`` and the next one by its square (central: 16, 256;
    one-sided: 4, 16).
    """
    found = []
    for i in range(len(rungs) - 1):
        if rungs[i + 1].step * 4 != rungs[i].step:
            continue
        three = i + 2 < len(rungs) and rungs[i + 2].step * 16 == rungs[i].step
        fine = rungs[i + 2 if three else i + 1]
        sigma = noise + UNDERFLOW + 2 * UNIT_ROUNDOFF * max(map(_size, rungs[i + 1 : i + 3]))
        rounding = weight * sigma / fine.step
        first = quotients[i + 1] - quotients[i]
        slope = quotients[i + 1] + first / (base - 1)
        truncation = abs(slope - quotients[i + 1])
        if three:
            second = quotients[i + 2] - quotients[i + 1]
            coarser, finer = slope, quotients[i + 2] + second / (base - 1)
            slope = finer + (finer - coarser) / (base * base - 1)
            truncation = max(2 * abs(slope - finer), abs(slope - coarser) / 32)
            ratio = abs(first / second) if second else math.inf
            if ratio < 0.75 * base:  # no series in h² (or h), so no cancellation is to be trusted …
                tail = 1 / (ratio - 1) if ratio > 1 else math.inf  # … but a geometric one has a known sum
                truncation = max(truncation, abs(second) * (max(1.0, tail) if abs(second) > 2 * rounding else 1.0))
        if math.isfinite(slope):
            found.append(_Candidate(slope, truncation, rounding, False, rungs[i], fine))
    # What scatter the finest estimates show is noise too, whether the caller knew of it or not.
    finest = found[-4:]
    scatter = max((abs(a.slope - b.slope) * b.fine.step for a, b in pairwise(finest)), default=0.0)
    noisy = bool(finest) and scatter > 64 * max(c.rounding * c.fine.step for c in finest)
    return [
        c._replace(rounding=max(c.rounding, scatter / c.fine.step), noisy=noisy)
        for c in found
        if math.isfinite(c.uncertainty)
    ]


def _size(rung: _Rung) -> float:
    return max((abs(f) for f in (rung.above, rung.below) if math.isfinite(f)), default=0.0)


def _select(candidates: Sequence[_Candidate]) -> _Candidate | None:
    """From fine to coarse, for as long as the coarser ones do not contradict the finer."""
    best: _Candidate | None = None
    for candidate in reversed(candidates):
        if best is None:
            best = candidate
        elif abs(candidate.slope - best.slope) > candidate.uncertainty + best.uncertainty:
            break
        elif candidate.uncertainty < best.uncertainty:
            best = candidate
    return best


def _finished(
    x: float,
    value: float,
    noise: float,
    best: _Candidate,
    rungs: Sequence[_Rung],
    quotients: Sequence[float],
    one_sided: bool,
) -> Estimate:
    slope, fine, coarse = best.slope, best.fine, best.coarse
    size = max(1.0, abs(x))
    scale = max([abs(value), *(_size(r) for r in rungs if r.step <= size / 32)]) / size
    left = right = slope
    measured = best.uncertainty <= max(1e-2 * abs(slope), 1e-6 * scale)
    obstacle = "" if measured else "truncation" if best.truncation > best.rounding else "round-off"
    if not one_sided and not best.noisy:
        # f(x+h) − 2f(x) + f(x−h) is h·jump at a kink, and h²·f'' (a sixteenth of that per rung pair) elsewhere
        jump, before = (((r.above - value) - (value - r.below)) / r.step for r in (fine, coarse))
        doubt = 4 * (noise + 2 * UNIT_ROUNDOFF * _size(fine)) / fine.step
        large = abs(jump) > max(2 * doubt, 16 * best.uncertainty, 1e-4 * abs(slope))
        if large and jump * before > 0 and abs(jump) > 0.5 * abs(before):
            left, right, obstacle = slope - jump / 2, slope + jump / 2, "kink"
            if 0 < abs(x) < fine.step:  # it lies near x, perhaps at 0, and nothing is known of the slope at x itself
                best = best._replace(truncation=math.inf)
    last = [abs(q) for q in quotients[-5:]]
    signs = {math.copysign(1.0, q) for q in quotients[-5:]}
    moving = last[-1] * rungs[-1].step > 8 * (noise + UNDERFLOW)
    if not measured and moving and len(last) == 5 and len(signs) == 1:
        growth = [b / a if a else 0.0 for a, b in pairwise(last)]
        # like h**(p−1), they never stop rising: 0 < p < 1, or p = 0 and f itself jumps
        if all(g > 1.2 for g in growth):
            vertical = signs.pop() * math.inf
            jumps = all(g > 3.5 for g in growth)
            return Estimate(vertical, 0.0, 0.0, fine.step, vertical, vertical, scale, "kink" if jumps else "")
    return Estimate(slope, best.truncation, best.rounding, fine.step, left, right, scale, obstacle, best.noisy)


def measure(
    measurements: Iterable[Measurement], evaluate: Callable[[list[tuple[int, float]]], Sequence[float]]
) -> list[Estimate]:
    """Carry out several measurements side by side.

    Args:
        measurements: one per function.
        evaluate: values for a list of (index of the measurement, point).
    """
    running = dict(enumerate(measurements))
    results: dict[int, Estimate] = {}
    answers: dict[int, list[float] | None] = dict.fromkeys(running)
    while running:
        requests: list[tuple[int, float]] = []
        lengths: dict[int, int] = {}
        for i, m in [*running.items()]:
            try:
                answer = answers[i]
                points = next(m) if answer is None else m.send(answer)
            except StopIteration as stop:
                results[i] = stop.value
                del running[i]
            else:
                requests += [(i, point) for point in points]
                lengths[i] = len(points)
        values = evaluate(requests) if requests else []
        position = 0
        for i, length in lengths.items():
            answers[i] = [*values[position : position + length]]
            position += length
    return [results[i] for i in sorted(results)]


def slope(f: Callable[[float], float], x: float, noise: float | None = None, expected: float | None = None) -> Estimate:
    """The slope of a function of floats at x; ``noise`` bounds the rounding error of f (by default 4 ulp)."""
    value = f(x)
    sigma = 8 * UNIT_ROUNDOFF * abs(value) if noise is None else noise
    return measure([measurement(x, value, sigma, expected)], lambda requests: [f(p) for _, p in requests])[0]
