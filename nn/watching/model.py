"""The network as the page holds it: samples, neurons in their layers, and the program that computes their outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.trace import Scalars
from autograd.compiler.witness import traced
from autograd.export import javascript
from autograd.graph import topological
from autograd.modes import TraceError
from autograd.notation.names import Name
from autograd.text import visible

from ..layers import Neuron, trace
from ..prepared import boundary
from ..recording import Recording
from .steps import packed, spaced

MOST_INPUTS = 16
MOST_NODES = 6000
"""A network with more scalar nodes is too slow to be computed at each point of a plane."""
MOST_SAMPLES = 500
"""Of more samples some are drawn."""


class Model:
    """A recorded network, to be written into a page."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.inputs = int(np.prod(recording.X.shape[1:]))
        self.neurons = {p: m for p, m in recording.model.named_modules() if isinstance(m, Neuron)}
        self.places: list[str] = []  # the neurons whose outputs the program gives, before the network's own
        self.scalars: Scalars | None = None
        self.missing = ""
        if not 1 <= self.inputs <= MOST_INPUTS or recording.X.ndim != 2:
            self.missing = f"The network has {self.inputs} inputs, too many to show what it computes over a plane."
            return
        try:
            self.scalars, _ = traced(self._outputs, [(self.inputs,)], ["x"], recording.parameters)
        except (TraceError, TypeError, ValueError):  # which would name a line of the user's file
            self.missing = (
                "What the network computes over a plane cannot be shown, since it looks at its own numbers while it "
                "computes: autograd.compile(model, …) says where."
            )
            return
        if len(self.scalars.op) > MOST_NODES:
            self.scalars, self.missing = None, "The network is too large to show what it computes over a plane."

    def _outputs(self, x: Any) -> list[Any]:
        """Of each neuron its activation, then the network's outputs."""
        output = trace(self.recording.model, x)
        roots = list(output) if isinstance(output, (list, tuple)) else [output]
        labeled = {node.label: node for node in topological(roots) if node.label}
        prefixes = {path: f"{path}." if path else "" for path in self.neurons}
        found = {path: labeled.get(f"{at}a", labeled.get(f"{at}z")) for path, at in prefixes.items()}
        self.places = [path for path, node in found.items() if node is not None]
        return [*(found[path] for path in self.places), *roots]

    def program(self) -> str:
        """The expression of a JavaScript function from parameters and a sample to all outputs, or ``null``."""
        return "null" if self.scalars is None else javascript.source(self.scalars)

    def data(self) -> dict[str, Any]:
        """Samples and layers, ready for JSON."""
        X, y = self.recording.X, self.recording.y
        shown = spaced(len(X), MOST_SAMPLES)
        small = self.inputs <= MOST_INPUTS
        labels = y.argmax(axis=1) if _one_hot(y) else y.reshape(len(y), -1)[:, 0]
        return {
            "inputs": self.inputs, "missing": visible(self.missing), "samples": len(X),
            "X": packed(X[shown] if small else []), "y": packed(labels[shown]), "shown": shown if small else [],
            "means": [float(mean) for mean in X.mean(axis=0)] if small and X.ndim == 2 else [],
            "outputs": self._width,
            "classes": self._classes(labels), "threshold": self._threshold(labels), "layers": self._layers(),
        }  # fmt: skip

    def _classes(self, labels: Any) -> list[float]:
        """The labels, if these are classes rather than numbers."""
        found = np.unique(labels).tolist()
        several = self._width > 1 and all(label in range(self._width) for label in found)
        return found if several or self._threshold(labels) is not None else []

    def _threshold(self, labels: Any) -> float | None:
        """The output above which a network of one output says the second class."""
        two = self._width == 1 and len(np.unique(labels)) == 2
        return boundary(self.recording.loss, labels) if two else None

    @property
    def _width(self) -> int:
        """How many outputs the network has, as far as that is known."""
        return len(self.scalars.roots) - len(self.places) if self.scalars else 0

    def _layers(self) -> list[list[dict[str, Any]]]:
        """The neurons by layer, of each its name, where its output is, and its parameters by number."""
        number = {parameter: i for i, parameter in enumerate(self.recording.parameters)}
        layers: dict[str, list[dict[str, Any]]] = {}
        for path, neuron in self.neurons.items():
            layer = layers.setdefault(path.rpartition(".neurons.")[0], [])
            layer.append(
                {"path": visible(path), "at": self.places.index(path) if path in self.places else -1,
                 "weights": [number[w] for w in neuron.weights if w in number],
                 "bias": number.get(neuron.bias, -1) if neuron.bias is not None else -1}
            )  # fmt: skip
        for depth, layer in enumerate(layers.values(), start=1):
            for j, entry in enumerate(layer, start=1):
                last = depth == len(layers)
                name = Name("ŷ", (), (j,) if len(layer) > 1 else ()) if last else Name("a", (depth,), (j,))
                entry["name"] = name.plain()
        return [*layers.values()]


def _one_hot(y: Any) -> bool:
    return y.ndim == 2 and y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())
