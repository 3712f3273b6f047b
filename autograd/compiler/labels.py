"""The arrays that parameters belong to, by their labels: W1 and b1 for the first layer of a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np

from .trace import Ints

_LAYER = re.compile(r"(?:(?:.*\.)?layers\.(\d+)\.(?:.*\.)?|neurons\.\d+\.)(weight|bias)")


def layer_array(label: str) -> str | None:
    """``W1`` for the weights of the first layer, ``b1`` for its biases; None for what is in no layer."""
    match = _LAYER.match(label)
    if match is None:
        return None
    return f"{'W' if match[2] == 'weight' else 'b'}{int(match[1] or 0) + 1}"  # a layer alone is the first


def stem(label: str) -> str:
    """A label without the numbers at its end."""
    return label.rstrip("0123456789_.[], ")


def parameter_places(labels: Sequence[str]) -> dict[str, Ints]:
    """Places of parameters in the flat array by name.

    Labels such as ``layers.0.neurons.2.weights.1`` and ``layers.0.neurons.2.bias`` make ``W1`` (neurons × weights) and
    ``b1`` (neurons,), after the name of the network if it has one; others are vectors by the stem of their labels, and
    what has no label is ``theta``.
    """
    rows: dict[str, dict[str | None, list[int]]] = {}
    for place, label in enumerate(labels):
        name, row = _array_and_row(label)
        rows.setdefault(name, {}).setdefault(row, []).append(place)
    found: dict[str, Ints] = {}
    for name, places in rows.items():
        matrix = None not in places and len({len(row) for row in places.values()}) == 1
        found[name] = np.array([*places.values()] if matrix else sorted(chain.from_iterable(places.values())), np.int64)
    return found


def _array_and_row(label: str) -> tuple[str, str | None]:
    """The name of the array of a parameter, and of its row there, if that is a matrix."""
    alone = label == "bias" or label.startswith("weights.")  # of a neuron that stands for itself
    array = layer_array(f"neurons.0.{label}" if alone else label)
    if array is None:
        return stem(label) or "theta", None
    row = label.rpartition("weights.")[0] if array.startswith("W") else None
    return label.rpartition("layers.")[0] + array, row
