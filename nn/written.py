"""One update of one weight, written out with its numbers: the rules of `nn.rules` as a textbook has them.

A rule is a list of `Line`, each a text with places for numbers and the formulas of the numbers that it makes known. So
Python and the page of `nn.watch` write the same lines.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from autograd.text import number

from .clipping import clip
from .optimizers import SGD, AdaGrad, Adam, Optimizer, RMSprop

DIGITS = 6


class Line(NamedTuple):
    """One line of an update.

    Attributes:
        text: what is written; ``{x}`` is the number x, and ``({x})`` the same as a factor: in parentheses only if it
            is negative.
        formulas: name -> how it is computed from names that are known, with ``sqrt``: Python, and JavaScript too.
    """

    text: str
    formulas: dict[str, str]


def rule_of(optimizer: Optimizer) -> list[Line]:
    """The lines of an update after that of w and G; of an optimizer that is none of `nn`'s, what can be said.

    Known are w and G, ``clipped``, the learning rate ``alpha``, the number ``t`` of the step, the settings by name, and
    the state variables as `variables_of` calls them.
    """
    kind, of = type(optimizer), optimizer.settings
    if kind not in RULES:
        return [Line(f"the learning rate is {{alpha}}; the rule of {kind.__name__} is its own", {})]
    decay = Line("G ← G + λ·w = {clipped} + {weight_decay} · ({w}) = {g}", {"g": "clipped + weight_decay * w"})
    first = decay if of["weight_decay"] else Line("", {"g": "clipped"})
    return [first, *(PLAIN if kind is SGD and not of["momentum"] else RULES[kind])]


def variables_of(optimizer: Optimizer) -> list[str]:
    """What the state variables are called that the lines of an update read."""
    if type(optimizer) is SGD:
        return ["V"] if optimizer.settings["momentum"] else []
    return {AdaGrad: ["S"], RMSprop: ["S"], Adam: ["M", "S"]}.get(type(optimizer), [])


PLAIN = [Line("w ← w − α·G = {w} − {alpha} · ({g}) = {after}", {"after": "w - alpha * g"})]
"""`SGD` without momentum."""

_BY_ROOT = Line(
    "w ← w − α·G / (√S + ε) = {w} − {alpha} · ({g}) / ({root} + {eps}) = {after}",
    {"root": "sqrt(squares)", "after": "w - alpha * g / (root + eps)"},
)

RULES: dict[type[Optimizer], list[Line]] = {
    SGD: [
        Line("V ← β·V + G = {momentum} · ({V}) + ({g}) = {velocity}", {"velocity": "momentum * V + g"}),
        Line("w ← w − α·V = {w} − {alpha} · ({velocity}) = {after}", {"after": "w - alpha * velocity"}),
    ],
    AdaGrad: [Line("S ← S + G² = {S} + ({g})² = {squares}", {"squares": "S + g * g"}), _BY_ROOT],
    RMSprop: [
        Line(
            "S ← ρ·S + (1 − ρ)·G² = {decay} · {S} + {rest} · ({g})² = {squares}",
            {"rest": "1.0 - decay", "squares": "decay * S + (1.0 - decay) * g * g"},
        ),
        _BY_ROOT,
    ],
    Adam: [
        Line(
            "M ← β₁·M + (1 − β₁)·G = {beta1} · ({M}) + {rest1} · ({g}) = {mean}",
            {"rest1": "1.0 - beta1", "mean": "beta1 * M + (1.0 - beta1) * g"},
        ),
        Line(
            "S ← β₂·S + (1 − β₂)·G² = {beta2} · {S} + {rest2} · ({g})² = {squares}",
            {"rest2": "1.0 - beta2", "squares": "beta2 * S + (1.0 - beta2) * g * g"},
        ),
        Line(
            "M̂ = M / (1 − β₁^{t}) = {m_hat}, Ŝ = S / (1 − β₂^{t}) = {s_hat}",
            {"m_hat": "mean / (1.0 - beta1 ** t)", "s_hat": "squares / (1.0 - beta2 ** t)"},
        ),
        Line(
            "w ← w − α·M̂ / (√Ŝ + ε) = {w} − {alpha} · ({m_hat}) / ({root} + {eps}) = {after}",
            {"root": "sqrt(s_hat)", "after": "w - alpha * m_hat / (root + eps)"},
        ),
    ],
}


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
    clipped = clip(gradients, optimizer.clip_value, optimizer.clip_norm)[i]
    known = {"w": w, "G": gradients[i], "clipped": clipped, "alpha": rate, "t": float(step), **optimizer.settings}
    known |= zip(variables_of(optimizer), state)
    lines = [FIRST, *([CLIPPED] if clipped != gradients[i] else []), *rule_of(optimizer)]
    texts = []
    for line in lines:
        for name, formula in line.formulas.items():
            known[name] = eval(formula, {"sqrt": math.sqrt}, known)
        texts.append(_filled(line.text, known))
    return list(filter(None, texts))


FIRST = Line("w = {w}, G = {G}", {})
CLIPPED = Line("G clipped: {G} becomes {clipped}", {})


def _filled(text: str, known: dict[str, float]) -> str:
    def factor(found: re.Match[str]) -> str:
        shown = number(float(known[found[1]]), DIGITS)
        return f"({shown})" if math.copysign(1.0, known[found[1]]) < 0 else shown

    text = re.sub(r"\(\{(\w+)\}\)", factor, text)
    return re.sub(r"\{(\w+)\}", lambda found: number(float(known[found[1]]), DIGITS), text)
