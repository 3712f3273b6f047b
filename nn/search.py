"""Descent on any function of a few numbers: exact line search, step rules, and the reason for which it stopped.

For networks there are the optimizers and `nn.fit`; this module is the optimization lecture's view of the same thing,
a function f: Rⁿ → R with its gradient from the engine, and it keeps the whole path for the pictures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Union

from autograd import Value, no_grad, value_and_grad
from autograd.answer import Answer, Part
from autograd.notation.tables import Table, column, spread
from autograd.text import number

Function = Callable[[list[Any]], Any]
StepRule = Union[float, Callable[[int], float], Literal["exact"]]

_GOLDEN = (3 - math.sqrt(5)) / 2  # 0.38, the smaller part of a golden section
_HUGE = 1e300  # steps stay below it, so that they can be halved and added without becoming infinite


class _Step(NamedTuple):
    alpha: float
    value: float
    bracket: tuple[float, float]
    evaluations: int
    enclosed: bool


class LineSearch(Answer, _Step):
    """The best step found along a direction. Made by `line_search`.

    Attributes:
        alpha: the step.
        value: f(x + alpha·d).
        bracket: the interval in which the minimum was enclosed.
        evaluations: how often f was evaluated.
        enclosed: False if f kept falling up to the longest step, or fell to a level from which it does not rise
            again; ``alpha`` is then the best step seen, not a minimum.
    """

    __slots__ = ()

    def _heading(self) -> str:
        return "Line search"

    def _content(self) -> list[Part]:
        low, high = map(number, self.bracket)
        found = f"a minimum between {low} and {high}" if self.enclosed else f"still falling at {high}: not a minimum"
        return [f"α = {number(self.alpha, 6)}, f = {number(self.value, 6)}; {found}; {self.evaluations} evaluations"]


def line_search(
    f: Function,
    x: Sequence[float],
    direction: Sequence[float] | None = None,
    *,
    tolerance: float = 1e-8,
    first: float | None = None,
    longest: float | None = None,
) -> LineSearch:
    """argmin of f(x + αd) over α > 0, by bracketing and Brent's method (Brent 1973, chapter 5).

    Args:
        f: a function of a list of numbers.
        x: the point.
        direction: d; by default −∇f(x), the direction of steepest descent.
        tolerance: the relative accuracy of α. Values of f alone cannot resolve α below about 1e-8 (√ε).
        first: the first step that is tried; by default one that moves x by a tenth of ‖x‖ (or of 1, if that is more).
        longest: the longest step that is tried; by default 10¹³ times that.

    Raises:
        ValueError: d is not a descent direction: f'(x; d) = ⟨∇f(x), d⟩ ≥ 0; or a number is out of range.
    """
    start = [float(entry) for entry in x]
    value, gradient = value_and_grad(f)(start)
    d = [-g for g in gradient] if direction is None else [float(entry) for entry in direction]
    slope = _inner(gradient, d)
    if not slope < 0:
        raise ValueError(f"not a descent direction: f'(x; d) = ⟨∇f(x), d⟩ = {slope:.3g}, which is not negative")
    natural = min(0.1 * max(1.0, math.hypot(*start)) / math.hypot(*d), _HUGE * 1e-13)
    first = natural if first is None else first
    longest = min(max(first, 1e13 * natural) if longest is None else longest, _HUGE)
    if not (tolerance > 0 and 0 < first <= longest):
        raise ValueError(f"need tolerance > 0 and 0 < first ≤ longest; got {tolerance}, {first}, {longest}")
    evaluations = 1

    def phi(alpha: float) -> float:
        nonlocal evaluations
        evaluations += 1
        return evaluate(f, [entry + alpha * step for entry, step in zip(start, d)])

    low, middle, high = _bracket(phi, float(value), first, longest)
    if high is None:
        return LineSearch(middle[0], middle[1], (low[0], middle[0]), evaluations, False)
    enclosed = high[1] > middle[1]
    best = _brent(phi, low[0], middle, high[0], tolerance) if enclosed else middle
    return LineSearch(*best, (low[0], high[0]), evaluations, enclosed)


def evaluate(f: Function, x: Sequence[float]) -> float:
    """f(x) as a float; no graph is kept."""
    with no_grad():
        result = f([Value(entry) for entry in x])
    return float(result.data if isinstance(result, Value) else result)


Point = tuple[float, float]


def _bracket(
    phi: Callable[[float], float], at_zero: float, first: float, longest: float
) -> tuple[Point, Point, Point | None]:
    """Points a < b < c with φ(b) < φ(a), φ(b) ≤ φ(c); c is None if φ falls up to the longest step or a wall of nan."""
    a, b = (0.0, at_zero), (first, phi(first))
    c, wall = a, math.inf
    while not b[1] < at_zero:  # too far: shrink until the step goes down
        if math.isnan(b[1]):
            wall = b[0]
        c, shorter = b, 0.25 * b[0]
        if shorter < 1e-18 * first or shorter == 0.0:  # no float along d is below f(x)
            return a, a, c
        b = (shorter, phi(shorter))
    if c[0] > b[0] and not math.isnan(c[1]):
        return a, b, c
    while True:
        longer = min(b[0] + (b[0] - a[0]) / _GOLDEN, longest, 0.5 * (b[0] + wall))
        if longer <= b[0] * (1 + 1e-15):
            return a, b, None
        c = (longer, phi(longer))
        if math.isnan(c[1]):
            wall = longer
        elif c[1] < b[1]:
            a, b = b, c
        else:
            return a, b, c


def _brent(phi: Callable[[float], float], a: float, middle: Point, b: float, tolerance: float) -> Point:
    """The minimum inside (a, b): parabolas through the three best points, golden sections where they mislead."""
    x, fx = w, fw = v, fv = middle
    step = previous = b - a
    for _ in range(200):
        center = 0.5 * (a + b)
        small = tolerance * abs(x) + 1e-300
        if abs(x - center) <= 2 * small - 0.5 * (b - a):
            break
        r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
        p, q = (x - v) * q - (x - w) * r, 2 * (q - r)
        p, q = (-p, q) if q > 0 else (p, -q)
        # the parabola is trusted if it lands inside and moves less than half of the step before last
        if abs(p) < abs(0.5 * q * previous) and q * (a - x) < p < q * (b - x):
            previous, step = step, p / q
            if min(x + step - a, b - x - step) < 2 * small:
                step = math.copysign(small, center - x)
        else:
            previous = (a if x >= center else b) - x
            step = _GOLDEN * previous
        u = x + (step if abs(step) >= small else math.copysign(small, step))
        fu = phi(u)
        if fu <= fx:
            a, b = (x, b) if u >= x else (a, x)
            v, fv, w, fw, x, fx = w, fw, x, fx, u, fu
        else:
            a, b = (a, u) if u >= x else (u, b)
            if fu <= fw or w == x:
                v, fv, w, fw = w, fw, u, fu
            elif fu <= fv or v in (x, w):
                v, fv = u, fu
    return x, fx


def directional_derivative(f: Function, x: Sequence[float], d: Sequence[float]) -> float:
    """f'(x; d) = ⟨∇f(x), d⟩, the slope of f at x along d. Negative along a descent direction."""
    _, gradient = value_and_grad(f)([float(entry) for entry in x])
    return _inner(gradient, d)


@dataclass(repr=False)
class Descent(Answer):
    """A finished descent. Made by `descend`.

    Attributes:
        x: the last point.
        value: f there.
        gradient_norm: ‖∇f‖₂ there.
        iterations: the number of steps taken.
        stopped: which rule ended it: ``"gradient"`` (‖∇f‖₂ ≤ tolerance), ``"iterations"`` (the limit),
            ``"no decrease"`` (the line search found no lower point: the accuracy of f is exhausted), ``"unbounded"``
            (f fell along the whole line, or toward a level it never reaches), or ``"not finite"``.
        reason: the same as a sentence with its numbers.
        path: the points x⁰, x¹, …
        values: f at each of them, as far as measured (a stochastic descent measures once per pass).
        norms: ‖∇f‖₂, measured with the values.
        steps: the step lengths αᵏ or γₖ.
    """

    x: list[float]
    value: float = math.nan
    gradient_norm: float = math.nan
    iterations: int = 0
    stopped: str = ""
    reason: str = ""
    path: list[list[float]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)

    def _heading(self) -> str:
        return "Descent"

    def _content(self) -> list[Part]:
        every = len(self.values) == len(self.path)  # else it was measured once per pass
        shown = spread(len(self.values))
        columns = {
            "step" if every else "measured": [str(i) for i in shown],
            "f": column([self.values[i] for i in shown], 7, sign=False),
            "‖∇f‖₂": column([self.norms[i] for i in shown], sign=False),
        }
        if every and len(self.steps) == len(self.path) - 1:
            columns["step length"] = [*column([self.steps[i] for i in shown[:-1]], sign=False), ""]
        return [self._brief(), Table(list(columns), list(zip(*columns.values())), range(len(columns)))]

    def _brief(self) -> str:
        point = ", ".join(f"{entry:.6g}" for entry in self.x)
        return f"Descent(x=[{point}], f={self.value:.6g}, {self.reason})"


def descend(
    f: Function | Sequence[Function],
    x: Iterable[float],
    *,
    step: StepRule = "exact",
    batch_size: int | None = None,
    seed: int = 0,
    tolerance: float = 1e-6,
    limit: int = 1000,
) -> Descent:
    """Minimize f from x by gradient, stochastic or mini-batch descent: xᵏ⁺¹ = xᵏ − αᵏ gᵏ.

    Args:
        f: a function of a list of n numbers; or N functions, one per sample, whose sum is minimized.
        x: the starting point.
        step: ``"exact"`` for αᵏ = argmin f(xᵏ − αgᵏ), a number, or a function of k, such as
            ``nn.schedules.inverse_time()`` for γₖ = 1/(k + 1).
        batch_size: M, the number of terms, drawn at random without replacement, from which a step estimates the
            gradient, as N/M times their sum (unbiased). None for all of them: gradient descent. The step rule must
            then be a number or a function of k.
        seed: for the draws.
        tolerance: stop when ‖∇f‖₂ is at most this.
        limit: stop after this many steps.

    Raises:
        ValueError: the batch size or the step rule does not fit the problem.

    Example:
        >>> found = descend(lambda x: (x[0] - 1) ** 2 + 10 * (x[1] + 2) ** 2, [0.0, 0.0])
        >>> found.stopped, [round(entry, 5) for entry in found.x]
        ('gradient', [1.0, -2.0])
    """
    terms = None if callable(f) else list(f)
    whole: Function = f if callable(f) else lambda w: sum(term(w) for term in terms or [])
    if batch_size is not None:
        if terms is None or not 1 <= batch_size <= len(terms):
            raise ValueError(f"batch_size {batch_size} needs a list of at least as many functions, one per sample")
        if step == "exact":
            raise ValueError("an exact line search needs the whole sum; give a number, or nn.schedules.inverse_time()")
    if isinstance(step, str) and step != "exact":
        raise ValueError(f"step is 'exact', a number or a function of k; got {step!r}")
    draws = random.Random(seed)
    gradient_of = value_and_grad(whole)
    point = [float(entry) for entry in x]
    run = Descent(point, path=[point])
    measure_every = 1 if terms is None or batch_size is None else max(1, len(terms) // batch_size)
    gradient: list[float] = []
    unbounded = False
    while True:
        k = run.iterations
        if k % measure_every == 0 or k == limit:
            run.value, gradient = gradient_of(run.x)
            run.gradient_norm = math.hypot(*gradient)
            run.values.append(run.value)
            run.norms.append(run.gradient_norm)
            if not math.isfinite(run.value + run.gradient_norm):
                return _stop(run, "not finite", f"f = {run.value}, ‖∇f‖₂ = {run.gradient_norm}: try a smaller step")
            if run.gradient_norm <= tolerance:
                return _stop(run, "gradient", f"‖∇f‖₂ = {run.gradient_norm:.3g} ≤ tolerance {tolerance:.3g}")
            if unbounded:
                return _stop(run, "unbounded", f"f has no minimum along the last line; f = {run.value:.3g}")
            if k == limit:
                return _stop(run, "iterations", f"the limit; ‖∇f‖₂ = {run.gradient_norm:.3g} > {tolerance:.3g}")
        estimate = gradient
        if batch_size is not None and terms is not None:
            estimate = _estimate(draws.sample(terms, batch_size), len(terms), run.x)
        if step == "exact":
            resolved = run.gradient_norm**2 > 0  # the slope along −∇f, which can be too small for a float
            found = line_search(whole, run.x, [-g for g in gradient]) if resolved else None
            if found is None or not found.value < run.value:
                return _stop(run, "no decrease", f"f cannot be resolved finer; ‖∇f‖₂ = {run.gradient_norm:.3g}")
            length, unbounded = found.alpha, not found.enclosed
        else:
            length = step(k) if callable(step) else float(step)
        run.x = [entry - length * g for entry, g in zip(run.x, estimate)]
        run.path.append(run.x)
        run.steps.append(length)
        run.iterations += 1


def _stop(run: Descent, rule: str, numbers: str) -> Descent:
    run.stopped = rule
    run.reason = f"stopped by '{rule}' after {run.iterations} steps: {numbers}"
    return run


def _estimate(batch: Sequence[Function], size: int, x: list[float]) -> list[float]:
    _, gradient = value_and_grad(lambda w: sum(term(w) for term in batch))(x)
    return [size / len(batch) * g for g in gradient]


def _inner(a: Iterable[float], b: Iterable[float]) -> float:
    return math.fsum(p * q for p, q in zip(a, b))
