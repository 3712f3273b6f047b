"""Watch a training: a page that goes through the recorded steps, `nn.watch`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources

from autograd import text
from autograd.answer import Answer, Part
from autograd.page import document, script_json
from autograd.view import scene

from ..history import History
from ..recording import Recording
from .ledger import bars
from .model import Model
from .steps import kept, of_steps, rule

SCRIPTS = ("numbers", "planes", "curves", "network", "weight", "watch")
"""The parts of the page's script, each after those that it uses; what makes elements is `autograd.view`'s."""


class WatchedTraining(Answer):
    """The page of one training, or of two side by side, which a notebook shows and `save` writes.

    Attributes:
        recordings: what is shown.
        names: what they are called on the page.
    """

    def __init__(self, recordings: Sequence[Recording], names: Sequence[str]) -> None:
        self.recordings, self.names = list(recordings), list(names)

    @property
    def title(self) -> str:
        """What the page shows, in a few words."""
        return "Two trainings, step by step" if len(self.recordings) > 1 else "A training, step by step"

    def _heading(self) -> str:
        return self.title

    def _content(self) -> list[Part]:
        parts: list[Part] = []
        for name, recording in zip(self.names, self.recordings):
            parts += [text.visible(name), *recording._content()]
        return parts

    def _brief(self) -> str:
        shown = "; ".join(recording._brief() for recording in self.recordings)
        return f"WatchedTraining({shown}); shown in a notebook, or in a browser after .save('watch.html')"

    def html(self) -> str:
        """The page as a fragment of HTML, to be put anywhere; where scripts are not allowed, tables of the losses."""
        runs = [_run(name, recording) for name, recording in zip(self.names, self.recordings)]
        script = "\n".join([scene.asset("elements.js"), *(asset(f"{part}.js") for part in SCRIPTS)])
        key = hashlib.sha256("".join(runs).encode("utf-8")).hexdigest()[:12]
        return (
            f"<style>{asset('watch.css')}</style>\n"
            f'<div class="tracegrad-watch tracegrad-{key}">{super().html()}</div>\n'
            f'<script>(() => {{\n"use strict";\n{script}\n'
            f'tracegradWatchStart("{key}", {script_json(self.title)}, [{", ".join(runs)}]);\n}})();</script>'
        )

    def page(self) -> str:
        """A whole HTML document that works without a network and lets nothing but its own script run."""
        return document(self.title, f'<main class="whole"><h1>{self.title}</h1>\n{self.html()}</main>')


def asset(name: str) -> str:
    """The text of a file of the page."""
    return resources.files(__package__).joinpath("page").joinpath(name).read_text(encoding="utf-8")


def _run(name: str, recording: Recording) -> str:
    """One recording as an object of JavaScript: its numbers, its model, and its update rule."""
    model, steps = Model(recording), kept(recording)
    data = {
        "name": text.visible(name), **of_steps(recording, steps), **model.data(), **bars(recording),
    }  # fmt: skip
    return f"{{data: {script_json(data)}, model: {model.program()}, rule: {rule(recording.optimizer)}}}"


def watch(
    training: History | Recording, other: History | Recording | None = None, names: Sequence[str] | None = None
) -> WatchedTraining:
    """A page to watch a training on: go through its steps, and see what each of them did.

    It shows the loss, what the network decides (or the curve that it fits), the activation of each neuron over the
    plane of two inputs, any weight before and after a step with the update rule written out, which sample has moved it,
    and the neurons that do not learn. All numbers are the recorded ones. Long trainings of large networks are shown in
    some of their steps; the page says which.

    Args:
        training: what ``nn.fit(…, record=True)`` gave.
        other: another training of a network with as many inputs, to be shown beside it on the same axes.
        names: what each of them is called; by default the update rule and the learning rate.

    Raises:
        TypeError: something else was given.
        ValueError: nothing was recorded, the networks have different numbers of inputs, or there are not as many names
            as trainings.

    Example:
        >>> import nn
        >>> model = nn.MLP(2, [4, 1], "tanh", seed=1)
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> history = nn.fit(
        ...     model, nn.binary_cross_entropy, X, y, nn.SGD(model.parameters(), lr=0.5), epochs=50, record=True,
        ...     progress=False,
        ... )
        >>> watch(history)
        WatchedTraining(Recording(50 steps of SGD in 50 epochs, 17 parameters)); shown in a notebook, or in a browser \
after .save('watch.html')
    """
    recordings = [_recording(each) for each in (training, other) if each is not None]
    if len({recording.X.shape[1:] for recording in recordings}) > 1:
        shapes = " and ".join(str(recording.X.shape[1:]) for recording in recordings)
        raise ValueError(f"two trainings are compared on the same axes, but their samples have the shapes {shapes}")
    called = [_called(recording) for recording in recordings] if names is None else [*map(str, names)]
    if isinstance(names, str) or len(called) != len(recordings):
        raise ValueError(f"names lists {len(recordings)} names, one for each training; got {names!r}")
    if len({*called}) < len(called):
        called = [f"{name} ({k})" for k, name in enumerate(called, start=1)]
    return WatchedTraining(recordings, called)


def _recording(training: object) -> Recording:
    found = training.recording if isinstance(training, History) else training
    if isinstance(training, History) and found is None:
        raise ValueError("this training was not recorded: train with nn.fit(…, record=True)")
    if not isinstance(found, Recording):
        raise TypeError(f"watch takes what nn.fit(…, record=True) returned, not {type(training).__name__}")
    if not found.steps:
        raise ValueError("there is nothing to watch: no step was recorded")
    return found


def _called(recording: Recording) -> str:
    return f"{type(recording.optimizer).__name__}, learning rate {text.number(recording.steps[0].rate)}"
