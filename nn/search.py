"""The search for a minimum of a function f: Rⁿ → R along a line: a bracket around it, then Brent's method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from autograd import Value, calling, value_and_grad
from autograd.answer import Answer, Part
from autograd.text import number
from autograd.value import real

Function = Callable[..., Any]
"""A function of n numbers: f(x1, x2, …), or f([x1, x2, …]); `autograd.calling` has the rule."""

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
    x: Iterable[Any],
    direction: Sequence[float] | None = None,
    *,
    tolerance: float = 1e-8,
    first: float | None = None,
    longest: float | None = None,
) -> LineSearch:
    """argmin of f(x + αd) over α > 0, by bracketing and Brent's method (Brent 1973, chapter 5).

    Args:
        f: a function of n numbers, or of a list of n > 1 numbers.
        x: the point, a list of n numbers (``[[x]]`` if f takes a list of one).
        direction: d; by default −∇f(x), the direction of steepest descent.
        tolerance: the relative accuracy of α. Values of f alone cannot resolve α below about 1e-8 (√ε).
        first: the first step that is tried; by default one that moves x by a tenth of ‖x‖ (or of 1, if that is more).
        longest: the longest step that is tried; by default 10¹³ times that.

    Raises:
        ValueError: d is not a descent direction: f'(x; d) = ⟨∇f(x), d⟩ ≥ 0; or a number is out of range.
    """
    start, f = at_point(f, x, "line_search")
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
        return _number(f, [entry + alpha * step for entry, step in zip(start, d)])

    low, middle, high = _bracket(phi, float(value), first, longest)
    if high is None:
        return LineSearch(middle[0], middle[1], (low[0], middle[0]), evaluations, False)
    enclosed = high[1] > middle[1]
    best = _brent(phi, low[0], middle, high[0], tolerance) if enclosed else middle
    return LineSearch(*best, (low[0], high[0]), evaluations, enclosed)


def descent_range(f: Function, x: Iterable[Any], direction: Sequence[float] | None = None) -> float:
    """The ε of the descent proposition: f(x + αd) < f(x) for all 0 < α < ε, and f(x + εd) = f(x) again.

    Along a descent direction such an ε > 0 exists; infinity if f stays below f(x) as far as floats go. It is found by
    steps that grow by 5 % and then by halving, so a rise above f(x) that is narrower than that can be missed.

    Args:
        f: a function of n numbers, or of a list of n > 1 numbers.
        x: the point, a list of n numbers (``[[x]]`` if f takes a list of one).
        direction: d; by default −∇f(x).

    Raises:
        ValueError: d is not a descent direction: f'(x; d) = ⟨∇f(x), d⟩ ≥ 0; or no float along d is below f(x).

    Example:
        >>> round(descent_range(lambda x: x**2, [1.0], [-1.0]), 9)  # from 1 through the minimum to −1
        2.0
    """
    start, f = at_point(f, x, "descent_range")
    first = line_search(f, [start], direction)
    d = [-g for g in value_and_grad(f)(start)[1]] if direction is None else [float(entry) for entry in direction]
    value = _number(f, start)

    def below(alpha: float) -> bool:
        return _number(f, [entry + alpha * step for entry, step in zip(start, d)]) < value

    inside = first.alpha
    while inside > 0 and not below(inside):
        inside /= 2
    if not inside:
        raise ValueError("no float along the direction has a smaller f: the accuracy of f is exhausted")
    inside *= 1e-6 if below(1e-6 * inside) else 1.0  # the scan starts close to x
    while below(outside := 1.05 * inside):
        inside = outside
        if outside > _HUGE:
            return math.inf
    while inside < (middle := 0.5 * (inside + outside)) < outside:
        inside, outside = (middle, outside) if below(middle) else (inside, middle)
    return outside


def evaluate(f: Function, x: Iterable[Any]) -> float:
    """f(x) as a float; no graph is kept."""
    numbers, f = at_point(f, x, "evaluate")
    return _number(f, numbers)


def _number(f: Callable[[list[Any]], Any], x: Sequence[float]) -> float:
    result = f([Value(entry) for entry in x])
    return float(result.data if isinstance(result, Value) else result)


def at_point(f: Function, x: Any, asker: str) -> tuple[list[float], Callable[[list[Any]], Any]]:
    """A point as floats, and the function as one of a list."""
    if not callable(f):
        raise TypeError(f"{asker} takes a function of numbers, not {type(f).__name__}")
    numbers, call, _ = calling.point(f, x, asker)
    return [real(entry, asker) for entry in numbers], call


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


def directional_derivative(f: Function, x: Iterable[Any], d: Sequence[float]) -> float:
    """f'(x; d) = ⟨∇f(x), d⟩, the slope of f at x along d. Negative along a descent direction."""
    point, f = at_point(f, x, "directional_derivative")
    _, gradient = value_and_grad(f)(point)
    return _inner(gradient, d)


def _inner(a: Iterable[float], b: Iterable[float]) -> float:
    return math.fsum(p * q for p, q in zip(a, b))
