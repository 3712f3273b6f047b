"""Descent on any function of a few numbers: exact line search, step rules, and the reason for which it stopped.

For networks there are the optimizers and `nn.fit`; this module is the optimization lecture's view of the same thing,
a function f: Rⁿ → R with its gradient from the engine, and it keeps the whole path for the pictures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from autograd import calling, value_and_grad
from autograd.answer import Answer, Part
from autograd.notation.tables import Table, column, spread
from autograd.value import real

from .search import Function, at_point, line_search

StepRule = Union[float, Callable[[int], float], Literal["exact"]]
Projection = Callable[[list[float]], Sequence[float]]
Feasible = Union[Projection, Sequence[tuple[Union[float, None], Union[float, None]]]]


@dataclass(repr=False)
class Descent(Answer):
    """A finished descent. Made by `descend`.

    Attributes:
        x: the last point.
        value: f there.
        gradient_norm: ‖∇f‖₂ there; on a feasible set ‖x − P(x − ∇f(x))‖₂, which is 0 where no step inside leads down.
        iterations: the number of steps taken.
        stopped: which rule ended it: ``"gradient"`` (‖∇f‖₂ ≤ tolerance), ``"iterations"`` (the limit),
            ``"no decrease"`` (the line search found no lower point: the accuracy of f is exhausted), ``"unbounded"``
            (f fell along the whole line, or toward a level it never reaches), or ``"not finite"``.
        reason: the same as a sentence with its numbers.
        path: the points x⁰, x¹, …
        values: f at each of them, as far as measured (a stochastic descent measures once per pass).
        norms: ‖∇f‖₂, measured with the values.
        steps: the step lengths αᵏ or γₖ.
        measure: what the norms are, in symbols.
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
    measure: str = "‖∇f‖₂"

    def _heading(self) -> str:
        return "Descent"

    def _content(self) -> list[Part]:
        every = len(self.values) == len(self.path)  # else it was measured once per pass
        shown = spread(len(self.values))
        columns = {
            "step" if every else "measured": [str(i) for i in shown],
            "f": column([self.values[i] for i in shown], 7, sign=False),
            self.measure: column([self.norms[i] for i in shown], sign=False),
        }
        if every and len(self.steps) == len(self.path) - 1:
            columns["step length"] = [*column([self.steps[i] for i in shown[:-1]], sign=False), ""]
        return [self._brief(), Table(list(columns), list(zip(*columns.values())), range(len(columns)))]

    def _brief(self) -> str:
        point = ", ".join(f"{entry:.6g}" for entry in self.x)
        return f"Descent(x=[{point}], f={self.value:.6g}, {self.reason})"


def descend(
    f: Function | Sequence[Function],
    x: Iterable[Any],
    *,
    step: StepRule = "exact",
    direction: Callable[[list[float], list[float]], Sequence[float]] | None = None,
    feasible: Feasible | None = None,
    batch_size: int | None = None,
    replacement: bool = False,
    scale: Literal["sum", "unbiased"] = "sum",
    seed: int = 0,
    tolerance: float = 1e-6,
    limit: int = 1000,
) -> Descent:
    """Minimize f from x by gradient, stochastic or mini-batch descent: xᵏ⁺¹ = xᵏ − αᵏ gᵏ.

    With a direction d, xᵏ⁺¹ = xᵏ + αᵏ d(xᵏ, gᵏ). On a feasible set, each new point is projected onto it: projected
    gradient descent (Bertsekas, Nonlinear Programming, section 2.3).

    Args:
        f: a function of n numbers, or of a list of n > 1 numbers; or N such functions, one per sample, whose sum is
            minimized.
        x: the starting point, a list of n numbers (``[[x]]`` if f takes a list of one).
        step: ``"exact"`` for αᵏ = argmin f(xᵏ − αgᵏ), a number, or a function of k, such as
            ``nn.schedules.inverse_time()`` for γₖ = 1/(k + 1).
        direction: a function of the point and the gradient there (of the drawn terms, if a step takes a few) that
            gives d, n numbers; by default −g. It may remember what it was given, as momentum and conjugate gradients
            do. An exact line search needs ⟨∇f, d⟩ < 0.
        feasible: the set to which x is confined: one pair (low, high) for each number, with None for no bound, or the
            projection P, a function that takes a point to the nearest one of the set. The step rule must then be a
            number or a function of k. The start is projected too.
        batch_size: M, the number of terms, drawn at random, whose gradient a step takes. None for all of them: gradient
            descent. The step rule must be a number or a function of k if M is given.
        replacement: whether each term is drawn from all of them, independently of the others, so that one step may
            take a term twice. Steps are independent of one another in any case.
        scale: what a step takes of the drawn terms. ``"sum"``: the gradient of their sum, the lecture's iteration
            xᵏ⁺¹ = xᵏ − γₖ∇fᵢ(xᵏ) for M = 1. ``"unbiased"``: N/M times that, whose mean over the draws is ∇f.
        seed: for the draws.
        tolerance: stop when ‖∇f‖₂ is at most this.
        limit: stop after this many steps.

    Raises:
        ValueError: the batch size, the step rule, the scale, the direction or the feasible set does not fit the
            problem.
        TypeError: f is not a function (or list of functions) of n numbers.

    Example:
        >>> found = descend(lambda x: (x[0] - 1) ** 2 + 10 * (x[1] + 2) ** 2, [0.0, 0.0])
        >>> found.stopped, [round(entry, 5) for entry in found.x]
        ('gradient', [1.0, -2.0])
        >>> bowl = lambda x: (x[0] - 3) ** 2 + (x[1] + 2) ** 2
        >>> descend(bowl, [0.0, 0.0], step=0.25, feasible=[(0, 1), (None, None)]).x[0]
        1.0
    """
    x = list(x) if isinstance(x, Iterator) else x  # it is read more than once
    if not callable(f) and not isinstance(f, Iterable):
        raise TypeError(f"descend takes a function of numbers, or a list of them, not {type(f).__name__}")
    terms = None if callable(f) else [at_point(term, x, "descend")[1] for term in f]
    whole: Function = at_point(f, x, "descend")[1] if callable(f) else lambda w: sum(term(w) for term in terms or [])
    if scale not in ("sum", "unbiased"):
        raise ValueError(f"scale is 'sum' or 'unbiased', not {scale!r}")
    if batch_size is not None:
        if terms is None or not 1 <= batch_size <= len(terms):
            raise ValueError(f"batch_size {batch_size} needs a list of at least as many functions, one per sample")
        if step == "exact":
            raise ValueError("an exact line search needs the whole sum; give a number, or nn.schedules.inverse_time()")
    elif replacement:
        raise ValueError("replacement=True says how terms are drawn; give batch_size too, such as batch_size=1")
    if feasible is not None and step == "exact":
        raise ValueError("an exact line search would leave the feasible set; give a number, such as step=0.1")
    if direction is not None and not callable(direction):
        raise TypeError(f"direction is a function of the point and the gradient, not {type(direction).__name__}")
    if isinstance(step, str) and step != "exact":
        raise ValueError(f"step is 'exact', a number or a function of k; got {step!r}")
    draws = random.Random(seed)
    gradient_of = value_and_grad(whole)
    point = [real(entry, "descend") for entry in calling.entries(x, "descend")[0]]
    project = _projection(feasible, len(point))
    point = project(point) if project else point
    run = Descent(point, path=[point])
    if project:
        run.measure = "‖x − P(x − ∇f)‖₂"
    measure_every = 1 if terms is None or batch_size is None else max(1, len(terms) // batch_size)
    gradient: list[float] = []
    unbounded = False
    while True:
        k = run.iterations
        if k % measure_every == 0 or k == limit:
            run.value, gradient = gradient_of(run.x)
            norm = run.gradient_norm = math.hypot(*gradient)
            if project and math.isfinite(norm):
                run.gradient_norm = math.dist(run.x, project([entry - g for entry, g in zip(run.x, gradient)]))
            run.values.append(run.value)
            run.norms.append(run.gradient_norm)
            if not math.isfinite(run.value + norm):
                return _stop(run, "not finite", f"f = {run.value}, ‖∇f‖₂ = {norm}: try a smaller step")
            if run.gradient_norm <= tolerance:
                return _stop(run, "gradient", f"{run.measure} = {run.gradient_norm:.3g} ≤ tolerance {tolerance:.3g}")
            if unbounded:
                return _stop(run, "unbounded", f"f has no minimum along the last line; f = {run.value:.3g}")
            if k == limit:
                return _stop(run, "iterations", f"the limit; {run.measure} = {run.gradient_norm:.3g} > {tolerance:.3g}")
        estimate = gradient
        if batch_size is not None and terms is not None:
            drawn = draws.choices(terms, k=batch_size) if replacement else draws.sample(terms, batch_size)
            estimate = _gradient(drawn, run.x)
            if scale == "unbiased":
                estimate = [len(terms) / batch_size * g for g in estimate]
        way = (
            [-g for g in estimate]
            if direction is None
            else _point(direction(run.x[:], estimate[:]), "direction", run.x)
        )
        if step == "exact":
            resolved = run.gradient_norm**2 > 0  # the slope along d, which can be too small for a float
            found = line_search(whole, [run.x], way) if resolved else None
            if found is None or not found.value < run.value:
                return _stop(run, "no decrease", f"f cannot be resolved finer; ‖∇f‖₂ = {run.gradient_norm:.3g}")
            length, unbounded = found.alpha, not found.enclosed
        else:
            length = step(k) if callable(step) else float(step)
        run.x = [entry + length * d for entry, d in zip(run.x, way)]
        run.x = project(run.x) if project else run.x
        run.path.append(run.x)
        run.steps.append(length)
        run.iterations += 1


def _stop(run: Descent, rule: str, numbers: str) -> Descent:
    run.stopped = rule
    run.reason = f"stopped by '{rule}' after {run.iterations} steps: {numbers}"
    return run


def _gradient(batch: Sequence[Function], x: list[float]) -> list[float]:
    gradient: list[float] = value_and_grad(lambda w: sum(term(w) for term in batch))(x)[1]
    return gradient


def _point(numbers: Any, what: str, like: Sequence[float]) -> list[float]:
    """What a function of the user's gave, as a list of n floats."""
    point = [real(entry, "descend") for entry in numbers] if isinstance(numbers, Iterable) else []
    if len(point) != len(like):
        given = f"{len(point)} numbers" if isinstance(numbers, Iterable) else type(numbers).__name__
        raise ValueError(f"{what} gave {given}; it must give a list of {len(like)}, one for each entry of x")
    return point


def _projection(feasible: Feasible | None, n: int) -> Callable[[list[float]], list[float]] | None:
    if feasible is None:
        return None
    if callable(feasible):
        onto = feasible
        return lambda x: _point(onto(x[:]), "the projection", x)
    pairs = [tuple(pair) if isinstance(pair, Iterable) else () for pair in feasible]
    if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"feasible takes {n} pairs (low, high), one for each entry of x, or a projection")
    bounds = [
        (-math.inf if low is None else real(low, "descend"), math.inf if high is None else real(high, "descend"))
        for low, high in pairs
    ]
    for i, (low, high) in enumerate(bounds):
        if not low <= high:
            raise ValueError(f"no number lies between the bounds {low:g} and {high:g} of x[{i}]: the set is empty")
    return lambda x: [min(max(entry, low), high) for entry, (low, high) in zip(x, bounds)]
