"""Learning-rate schedules: plain functions of the step, which counts optimizer steps from 0.

Each of these makes one, to be given as ``lr``: ``nn.SGD(parameters, lr=nn.schedules.cosine(0.1, steps=1000))``. Any
function of an integer that returns a number serves as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from autograd.value import real

Schedule = Callable[[int], float]


def _checked(schedule: str, positive: bool = True, **numbers: float) -> None:
    for name, x in numbers.items():
        value = real(x, f"{schedule}({name}=…)")
        if not math.isfinite(value) or value < 0 or (positive and value == 0):
            raise ValueError(f"{schedule}: {name} must be {'positive' if positive else 'at least 0'}, not {x!r}")


def constant(lr: float) -> Schedule:
    """α at every step."""
    _checked("constant", lr=lr)
    return lambda step: lr


def step(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """α · factor^⌊k / every⌋: multiplied by ``factor`` each time ``every`` steps are done."""
    _checked("step", lr=lr, every=every, factor=factor)
    return lambda step: lr * float(factor) ** (step // every)


def exponential(lr: float, decay: float) -> Schedule:
    """α · decay^k."""
    _checked("exponential", lr=lr, decay=decay)
    return lambda step: lr * float(decay) ** step


def cosine(lr: float, steps: int, minimum: float = 0.0) -> Schedule:
    """From α down to ``minimum`` along half a cosine in ``steps`` steps, then constant (Loshchilov and Hutter 2017)."""
    _checked("cosine", lr=lr, steps=steps)
    _checked("cosine", positive=False, minimum=minimum)
    return lambda step: minimum + (lr - minimum) * (1.0 + math.cos(math.pi * min(step, steps) / steps)) / 2.0


def inverse_time(lr: float = 1.0, decay: float = 1.0) -> Schedule:
    """α / (1 + decay · k); by default γₖ = 1/(k + 1), for which Σγₖ = ∞ and Σγₖ² < ∞ (Robbins and Monro 1951)."""
    _checked("inverse_time", lr=lr, decay=decay)
    return lambda step: lr / (1.0 + decay * step)
