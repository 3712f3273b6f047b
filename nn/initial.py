"""Initial weights: uniform, Xavier, He, zeros, or a function of the reader's own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from operator import index
from typing import Union

from .activations import RECTIFIERS, Activation

Draw = Callable[[int, int, random.Random], float]
"""An initial weight from the number of inputs, the number of outputs and a source of random numbers."""

Init = Union[str, Draw]
Seed = Union[int, random.Random, None]

INITIALIZATIONS: dict[str, Draw] = {
    "uniform": lambda nin, nout, random: random.uniform(-1.0, 1.0),
    "xavier": lambda nin, nout, random: random.uniform(-1.0, 1.0) * math.sqrt(6.0 / (nin + nout)),
    "he": lambda nin, nout, random: random.gauss(0.0, 1.0) * math.sqrt(2.0 / nin),
    "zeros": lambda nin, nout, random: 0.0,
}
"""Initial weights by name: uniform on (−1, 1); Xavier (Glorot and Bengio 2010), uniform with variance
2/(nin + nout); He (He et al. 2015), normal with variance 2/nin; all zero. Biases start at zero."""


def generator(seed: Seed) -> random.Random:
    """The random numbers that a seed stands for; None draws a seed."""
    if isinstance(seed, random.Random):
        return seed
    return random.Random(None if seed is None else index(seed))


def drawing(init: Init, activation: Activation) -> Draw:
    """The function that draws initial weights; ``"auto"`` depends on the activation.

    Raises:
        ValueError: there is no initialization of this name.
    """
    if callable(init):
        return init
    if init == "auto":
        init = "he" if activation.name in RECTIFIERS else "xavier"
    if init not in INITIALIZATIONS:
        raise ValueError(f"unknown initialization {init!r}; known: auto, {', '.join(INITIALIZATIONS)}, or a function")
    return INITIALIZATIONS[init]
