"""The numbers that a file is compared with when it is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiler.batch import Batch
from ...compiler.numpy_backend import NumpyMachine
from ...compiler.trace import Array
from .forward import Forward
from .words import GOLDEN, Words

if TYPE_CHECKING:
    from ...compiler.program import Program

MOST_PARAMETERS, MOST_INPUTS = 40, 40
"""More numbers than these would hide the program; evenly spread ones stand in for them."""

SAMPLES = 3
SHOWN = 11
"""Digits of what is compared; parameters have all of theirs."""


class Check:
    """What a file is compared with: loss and gradient of a few samples, computed in float64.

    Attributes:
        parameters, arrays: as text, by name: the program's own, and the first samples that it ran on last, or numbers
            that are spread evenly.
        value: the loss or the results, as text.
        gradient: by name, as text.
        summed: whether each is one number, the sum of the derivatives with evenly spread weights.
        digits: how closely numbers agree, as arguments of the comparison.
        spreads: whether the file needs the function that spreads numbers evenly.
    """

    def __init__(self, program: Program, forward: Forward, words: Words) -> None:
        self.words, self.spreads = words, False
        theta = program.theta.astype(np.float64)
        self.summed = theta.size > MOST_PARAMETERS
        arrays = self._arrays(program, forward)
        self.parameters: dict[str, str] = {}
        for (name, chosen), node in zip(forward.places.items(), forward.parameters.values()):
            if self.summed and chosen.size > 1:
                theta[chosen] = spread(chosen.shape) - 0.5
                self.parameters[name] = f"{self._spread(chosen.shape)} - 0.5"
            else:
                self.parameters[name] = words.array(theta[chosen].reshape(node.shape))
        machine, batch = NumpyMachine(program._lowered, np.dtype(np.float64)), Batch(program.shapes, arrays)
        machine.memory[: theta.size] = theta
        self.gradient: dict[str, str] = {}
        if not (program._single and theta.size):
            results = machine.evaluate(batch)
            results = results[:, 0] if program._single else results
            self.value = words.array(results if program.shapes else results[0], SHOWN)
            self.digits = _digits(results)
            return
        loss, gradient = program._differentiate(machine, batch)
        self.value, self.digits = words.array(np.array(loss), SHOWN), _digits(np.array([loss, *gradient]))
        for (name, chosen), node in zip(forward.places.items(), forward.parameters.values()):
            slopes = gradient[chosen]
            shown = (spread(chosen.shape) * slopes).sum() if self.summed else slopes.reshape(node.shape)
            self.gradient[name] = words.array(shown, SHOWN)
        self.spreads |= self.summed

    def _arrays(self, program: Program, forward: Forward) -> list[Array]:
        """The samples; their texts are noted."""
        last = program._last
        samples = SAMPLES if last is None else min(SAMPLES, last.samples)
        self.arrays: dict[str, str] = {}
        found = []
        for n, (node, shape) in enumerate(zip(forward.inputs, program.shapes)):
            form = (samples, *shape)
            if samples * node.size > MOST_INPUTS:
                found.append(spread(form))
                self.arrays[node.stem] = self._spread(form)
            else:
                given = np.round(spread(form, n), 2) if last is None else np.asarray(last.arrays[n], float)[:samples]
                found.append(given)
                self.arrays[node.stem] = self.words.array(given)
        return found

    def _spread(self, shape: Sequence[int]) -> str:
        self.spreads = True
        return f"spread({', '.join(map(str, shape))})"


def _digits(numbers: Array) -> str:
    largest = np.abs(numbers[np.isfinite(numbers)]).max(initial=0.0) or 1.0
    return f"rtol=1e-9, atol={1e-9 * largest:.0e}"


def spread(shape: Sequence[int], begin: int = 0) -> Any:
    """Numbers between 0 and 1, evenly spread, the same on every machine (multiples of the golden ratio)."""
    return (np.arange(1 + begin, int(np.prod(shape)) + 1 + begin) * GOLDEN % 1).reshape(tuple(shape))
