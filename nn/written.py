"""One update of one weight, written out with its numbers: the rules of `nn.rules` as a textbook has them."""

from __future__ import annotations

import math

from autograd.text import number

from .clipping import clip
from .optimizers import SGD, AdaGrad, Adam, Optimizer, RMSprop

DIGITS = 6


def written(
    optimizer: Optimizer, rate: float, step: int, w: float, gradients: list[float], i: int, state: list[float]
) -> list[str]:
    """The lines of one step of parameter i.

    Args:
        optimizer: one of `nn`'s; of another one the lines hold only the gradient and the learning rate.
        rate: the learning rate.
        step: the number of the step, from 1.
        w: the parameter before the step.
        gradients: of all parameters that the optimizer moves: clipping by norm looks at all of them.
        i: which of them.
        state: the parameter's state variables before the step.
    """
    g, kind, of = gradients[i], type(optimizer), optimizer.settings
    lines = [f"w = {_n(w)}, G = {_n(g)}"]
    clipped = clip(gradients, optimizer.clip_value, optimizer.clip_norm)[i]
    if clipped != g:
        lines.append(f"G clipped: {_n(g)} becomes {_n(clipped)}")
        g = clipped
    if kind not in (SGD, AdaGrad, RMSprop, Adam):
        return [*lines, f"the learning rate is {_n(rate)}; the rule of {kind.__name__} is its own"]
    if decay := of["weight_decay"]:
        total = g + decay * w
        lines.append(f"G ← G + λ·w = {_n(g)} + {_n(decay)} · {_p(w)} = {_n(total)}")
        g = total
    if kind is SGD:
        return lines + _sgd(of["momentum"], rate, w, g, state)
    if kind is Adam:
        return lines + _adam(of["beta1"], of["beta2"], of["eps"], rate, step, w, g, state)
    (s,), eps = state, of["eps"]
    if kind is AdaGrad:
        squares = s + g * g
        lines.append(f"S ← S + G² = {_n(s)} + {_p(g)}² = {_n(squares)}")
    else:
        rho = of["decay"]
        squares = rho * s + (1.0 - rho) * g * g
        lines.append(f"S ← ρ·S + (1 − ρ)·G² = {_n(rho)} · {_n(s)} + {_n(1.0 - rho)} · {_p(g)}² = {_n(squares)}")
    after = w - rate * g / (math.sqrt(squares) + eps)
    lines.append(
        f"w ← w − α·G / (√S + ε) = {_n(w)} − {_n(rate)} · {_p(g)} / ({_n(math.sqrt(squares))} + {_n(eps)}) "
        f"= {_n(after)}"
    )
    return lines


def _sgd(beta: float, rate: float, w: float, g: float, state: list[float]) -> list[str]:
    if not beta:
        return [f"w ← w − α·G = {_n(w)} − {_n(rate)} · {_p(g)} = {_n(w - rate * g)}"]
    (v,) = state
    velocity = beta * v + g
    return [
        f"V ← β·V + G = {_n(beta)} · {_p(v)} + {_p(g)} = {_n(velocity)}",
        f"w ← w − α·V = {_n(w)} − {_n(rate)} · {_p(velocity)} = {_n(w - rate * velocity)}",
    ]


def _adam(
    beta1: float, beta2: float, eps: float, rate: float, step: int, w: float, g: float, state: list[float]
) -> list[str]:
    m, s = state
    mean, squares = beta1 * m + (1.0 - beta1) * g, beta2 * s + (1.0 - beta2) * g * g
    m_hat, s_hat = mean / (1.0 - beta1**step), squares / (1.0 - beta2**step)
    after = w - rate * m_hat / (math.sqrt(s_hat) + eps)
    return [
        f"M ← β₁·M + (1 − β₁)·G = {_n(beta1)} · {_p(m)} + {_n(1.0 - beta1)} · {_p(g)} = {_n(mean)}",
        f"S ← β₂·S + (1 − β₂)·G² = {_n(beta2)} · {_n(s)} + {_n(1.0 - beta2)} · {_p(g)}² = {_n(squares)}",
        f"M̂ = M / (1 − β₁^{step}) = {_n(m_hat)}, Ŝ = S / (1 − β₂^{step}) = {_n(s_hat)}",
        f"w ← w − α·M̂ / (√Ŝ + ε) = {_n(w)} − {_n(rate)} · {_p(m_hat)} / ({_n(math.sqrt(s_hat))} + {_n(eps)}) "
        f"= {_n(after)}",
    ]


def _n(x: float) -> str:
    return number(float(x), DIGITS)


def _p(x: float) -> str:
    """A number as a factor: a negative one in parentheses."""
    return f"({_n(x)})" if math.copysign(1.0, x) < 0 else _n(x)
