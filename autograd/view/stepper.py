"""The stepper: the frames of both passes as an interactive picture, in a notebook, as one file, or as text.

The page holds one static picture (an ``<img>`` whose address is the SVG itself), which a script replaces by the
controls. So an untrusted notebook, from which scripts are removed, still shows the graph with its numbers.
"""

from __future__ import annotations

import copy
import hashlib
import math
import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from .. import text
from ..answer import Answer
from ..graph import forward, refuse_freed, topological
from ..notation.expression import Expression
from ..notation.names import LOWERED, RAISED
from ..notation.naming import UserNames, names_of
from ..notation.render import render
from ..notation.styles import MathML, math_element
from ..page import document, script_json
from ..value import Value
from . import scene
from .frames import steps, tangents
from .narration import Frame, Narrator, TangentNarrator, line

if TYPE_CHECKING:
    from .widget import StepperWidget

MOST_NODES = 3000
MOST_LETTERS = 20
MOST_TANGENTS = 600
"""Frames of forward mode that a page holds at most, for as many leaves as there is room for."""


class Stepper(Answer):
    """Frames to look at: the last expression of a notebook cell shows it; `save`, `print` and `widget` do the rest.

    Attributes:
        root: the Value whose passes are shown.
        frames: all frames, a list of `Frame`.
    """

    def __init__(
        self,
        root: Value,
        free_graph: bool = False,
        update: float | None = None,
        parameters: Iterable[Value] | None = None,
        max_nodes: int = MOST_NODES,
        names: UserNames | None = None,
    ) -> None:
        self.root = root
        self._options: dict[str, Any] = {
            "free_graph": free_graph,
            "update": update,
            "parameters": None if parameters is None else list(parameters),
            "names": names,
        }
        self.order = topological(root)
        if len(self.order) > max_nodes:
            raise ValueError(
                f"this graph has {len(self.order):,} nodes; the stepper takes up to max_nodes={max_nodes:,}. "
                "Step through the loss of a single sample, or take frames as you need them from autograd.steps(root)."
            )
        self._called = names_of(root, names, self.order)
        self.names = [self._called.text(node) for node in self.order]
        self._short = [text.shortened(name, MOST_LETTERS) for name in self.names]
        self.frames: list[Frame] = []
        self._forward: dict[Value, list[Frame]] | None = None
        refuse_freed(self.order)
        self._twin = topological(copy.deepcopy(root))  # what is shown stays as it was when the frames were made
        self.refresh()

    def refresh(self) -> None:
        """Run both passes again, after leaves were edited."""
        self.frames = list(steps(self.root, **self._options))
        self._forward = None
        for node, twin in zip(self.order, self._twin):
            twin.data = node.data
        forward(self._twin[-1])

    @property
    def forward(self) -> dict[Value, list[Frame]]:
        """For each leaf that the page can show forward mode from, its frames after the values; made when asked for."""
        if self._forward is None:
            self._forward, room = {}, MOST_TANGENTS
            for k, leaf in enumerate(self.order):
                if not leaf.parents and leaf.op != "constant":
                    say = TangentNarrator(self.order, self._twin, self._called, k)
                    room -= say.products + 2
                    if room < 0:
                        break
                    self._forward[leaf] = list(tangents(say))
        return self._forward

    @property
    def title(self) -> str:
        """What the stepper shows, in a few words."""
        return f"Backpropagation through {self.names[-1]}, step by step"

    # ---- as text

    def _brief(self) -> str:
        return (
            f"Stepper({self.names[-1]}: {len(self.order)} nodes, {len(self.frames)} steps); "
            "shown in a notebook, or by .print(), or in a browser after .save('steps.html')"
        )

    def __str__(self) -> str:
        width = len(str(len(self.frames) - 1))
        lines: list[str] = []
        phase = ""
        for frame in self.frames:
            if frame.phase != phase:
                phase = frame.phase
                lines += [*([""] if lines else []), f"{phase.capitalize()} pass"]
            lines.append(f"  {frame.index:{width}}  {frame.sentence}")
        return "\n".join(lines)

    def print(self, file: TextIO | None = None) -> None:
        """Print every frame as a line of text. A terminal that has no ∂ or · gets d and *."""
        out = sys.stdout if file is None else file
        print(_for_encoding(str(self), getattr(out, "encoding", None) or "utf-8"), file=out)

    # ---- as a page

    def data(self) -> dict[str, Any]:
        """Everything the page shows, ready for JSON: nodes and frames; nan and infinities are strings."""
        nodes = []
        narrator = Narrator(self.order, self._twin, self._called)
        at = {node: k for k, node in enumerate(self._twin)}
        for node, name, short in zip(self._twin, self.names, self._short):
            kind = "constant" if node.op == "constant" else "operation" if node.parents else "leaf"
            how = "given"
            if kind == "operation":
                how = line(narrator.operation(node))
            nodes.append(
                {"name": name, "short": short, "label": text.visible(str(node.label)) or name, "kind": kind, "how": how,
                 "data": _json(node.data), "text": text.number(node.data),
                 "parents": [at[parent] for parent in node.parents],
                 "slopes": [text.number(slope) for slope in node.local_derivatives]}
            )  # fmt: skip
        names = dict(zip(self.order, self.names))
        forward = [{"leaf": names[leaf], "frames": _for_page(frames)} for leaf, frames in self.forward.items()]
        return {
            "title": self.title, "root": self.names[-1], "nodes": nodes, "frames": _for_page(self.frames),
            "forward": forward,
        }  # fmt: skip

    def svg(self) -> str:
        """The graph with all values and gradients of the last frame, as a stand-alone SVG."""
        values, gradients = [node.data for node in self._twin], [0.0] * len(self._twin)
        for frame in self.frames:
            if frame.node is not None and frame.after is not None:
                (values if frame.kind in ("value", "update") else gradients)[frame.node] = frame.after
        return scene.svg(self._twin, values, gradients, self._short, self.title)

    def html(self) -> str:
        """The stepper as a fragment of HTML, to be put anywhere into a page or a notebook; needs nothing else."""
        picture = text.image(self.svg().encode("utf-8"), self._described())
        data = script_json(self.data())
        key = hashlib.sha256((picture + data).encode("utf-8")).hexdigest()[:12]
        style = scene.asset("picture.css") + scene.asset("stepper.css")
        return (
            f"<style>{style}</style>\n"
            f'<div class="tracegrad-stepper tracegrad-{key}">{picture}</div>\n'
            f'<script>(() => {{\n"use strict";\n{scene.asset("elements.js")}{scene.asset("stepper.js")}\n'
            f'tracegradStart("{key}", {data});\n}})();</script>'
        )

    def _described(self) -> str:
        return f"{self.title}. {self.frames[-1].sentence}"

    def page(self) -> str:
        """A whole HTML document that works without a network and lets nothing but its own script run."""
        return document(self.title, f'<main class="whole"><h1>{text.xml(self.title)}</h1>\n{self.html()}</main>')

    def widget(self) -> StepperWidget:
        """The stepper as a Jupyter widget, whose leaves can be dragged: the graph is recomputed in Python.

        Raises:
            ImportError: anywidget is not installed.
        """
        from .widget import StepperWidget

        return StepperWidget(self)


def stepper(
    root: Value,
    free_graph: bool = False,
    update: float | None = None,
    parameters: Iterable[Value] | None = None,
    max_nodes: int = MOST_NODES,
    names: UserNames | None = None,
) -> Stepper:
    """Step through the forward and the backward pass of a graph, in a notebook, a browser or a terminal.

    Args:
        root: a Value, such as a loss.
        free_graph: show how each adjoint is let go of once it was handed on.
        update: a learning rate: show the step that each parameter takes.
        parameters: the leaves that are updated; all if None.
        max_nodes: refuse larger graphs, whose page would be slow.
        names: letters of your own: a mapping from a Value, or from a label, to a name in the label language.

    Raises:
        TypeError, ValueError, RuntimeError: as `steps`.
        ValueError: the graph has more than ``max_nodes`` nodes.

    Example:
        >>> w, x = Value(0.5, "w"), Value(2.0, "x")
        >>> stepper((w * x).tanh()).print()
        Forward pass
          0  We are given w = 0.5 and x = 2; all other values are computed from them.
          1  v₁ = w · x = 0.5 · 2 = 1.
          2  L = tanh(v₁) = tanh(1) = 0.7616.
        <BLANKLINE>
        Backward pass
          3  The backward pass starts here: ∂L/∂L = 1, since L changes exactly as much as itself.
          4  ∂L/∂v₁ gains ∂L/∂L · (1 − L²) = 1 · 0.42 = 0.42.
          5  ∂L/∂w gains ∂L/∂v₁ · x = 0.42 · 2 = 0.8399.
          6  ∂L/∂x gains ∂L/∂v₁ · w = 0.42 · 0.5 = 0.21.
          7  Done: ∂L/∂w = 0.8399 and ∂L/∂x = 0.21.
    """
    return Stepper(root, free_graph, update, parameters, max_nodes, names)


# ---- text that enters a page or a terminal ----------------------------------------------------------------------


def _for_page(frames: Iterable[Frame]) -> list[dict[str, Any]]:
    return [
        {"phase": f.phase, "kind": f.kind, "node": f.node, "edge": f.edge, "before": _json(f.before),
         "after": _json(f.after), "text": "" if f.after is None else text.number(f.after), "sentence": f.sentence,
         "rule": _mathml(f.rule), "symbols": _mathml(f.symbols), "numbers": _mathml(f.numbers)}
        for f in frames
    ]  # fmt: skip


def _mathml(formula: Expression | None) -> str | None:
    return None if formula is None else math_element(render(formula, MathML()))


def _json(x: float | None) -> float | str | None:
    return x if x is None or math.isfinite(x) else "nan" if x != x else "inf" if x > 0 else "-inf"


_PLAIN = str.maketrans(
    {"∂": "d", "·": "*", "−": "-", "←": "<-", "…": "...", "×": "x", "η": "lr", "√": "sqrt", "σ": "sigmoid", "∞": "inf",
     "≤": "<=", "≥": ">=", "Σ": "sum", "′": "'", "Φ": "Phi"}
)  # fmt: skip
_RAISED, _LOWERED = (re.compile(f"[{''.join(table.values()).replace(',', '')}]+") for table in (RAISED, LOWERED))


def _for_encoding(written: str, encoding: str) -> str:
    try:
        written.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        written = _RAISED.sub(lambda found: "^" + unicodedata.normalize("NFKC", found[0]), written)
        written = _LOWERED.sub(lambda found: "_" + unicodedata.normalize("NFKC", found[0]), written)
        return written.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")
    return written
