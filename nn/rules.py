"""Update rules of the optimizers: each serves a float and an array alike.

A rule is a plain function ``rule(p, g, state, lr, step, *settings) -> (p, state)`` of a parameter, its gradient, a
tuple of state variables, the learning rate and the number of the step (from 1). It is written with ``+=`` and ``*=``:
a float gets a new value, while a NumPy array is changed in place, without a copy of the parameters. The gradient is
never changed.
"""

from __future__ import annotations

import math
from typing import Any


def _root(x: Any) -> Any:
    return math.sqrt(x) if isinstance(x, float) else x**0.5  # NumPy computes x ** 0.5 as sqrt


def sgd(p: Any, g: Any, state: tuple[Any, ...], lr: float, step: int, momentum: float, weight_decay: float) -> Any:
    """W ← W − αG; with momentum V ← βV + G, W ← W − αV. Weight decay adds λW to G."""
    if weight_decay:
        g = g + weight_decay * p
    if momentum:
        (v,) = state
        v *= momentum
        v += g
        p -= lr * v
        return p, (v,)
    p -= lr * g
    return p, state


def adagrad(p: Any, g: Any, state: tuple[Any, ...], lr: float, step: int, eps: float, weight_decay: float) -> Any:
    """S ← S + G², W ← W − αG / (√S + ε)."""
    if weight_decay:
        g = g + weight_decay * p
    (s,) = state
    s += g * g
    p -= lr * g / (_root(s) + eps)
    return p, (s,)


def rmsprop(
    p: Any, g: Any, state: tuple[Any, ...], lr: float, step: int, decay: float, eps: float, weight_decay: float
) -> Any:
    """S ← ρS + (1 − ρ)G², W ← W − αG / (√S + ε)."""
    if weight_decay:
        g = g + weight_decay * p
    (s,) = state
    s *= decay
    s += (1.0 - decay) * g * g
    p -= lr * g / (_root(s) + eps)
    return p, (s,)


def adam(
    p: Any, g: Any, state: tuple[Any, ...], lr: float, step: int, beta1: float, beta2: float, eps: float,
    weight_decay: float,
) -> Any:  # fmt: skip
    """M ← β₁M + (1 − β₁)G, S ← β₂S + (1 − β₂)G², W ← W − α·M̂ / (√Ŝ + ε), M̂ = M/(1 − β₁ᵏ), Ŝ = S/(1 − β₂ᵏ)."""
    if weight_decay:
        g = g + weight_decay * p
    m, s = state
    m *= beta1
    m += (1.0 - beta1) * g
    s *= beta2
    s += (1.0 - beta2) * g * g
    p -= (lr / (1.0 - beta1**step)) * m / (_root(s / (1.0 - beta2**step)) + eps)
    return p, (m, s)
