"""The recorded steps as the page holds them: their numbers bit by bit, and the update rule that they follow."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from autograd.notation.naming import names_of
from autograd.page import script_json
from autograd.text import counted, visible

from ..optimizers import Optimizer
from ..recording import Recording, Step
from ..signs import MOST_SAMPLES
from ..written import CLIPPED, FIRST, rule_of, variables_of

MOST_NUMBERS = 400_000
"""A page holds about so many numbers of the steps (4.3 MB); of longer recordings it shows some steps."""
NAME = 6
"""The names of a parameter take as much room as so many numbers."""
MOST_JUDGED, MOST_WORK = 50, 1_000_000
"""In so many steps, evenly chosen, it is looked for neurons that do not learn; in fewer, or none, of a large network.
The work is steps times weights times samples."""


def packed(numbers: Any) -> str:
    """Floats as base64 of their bytes, lowest first: no digit is lost, and it is shorter than text."""
    return base64.b64encode(np.ascontiguousarray(numbers, "<f8").tobytes()).decode("ascii")


def kept(recording: Recording) -> list[Step]:
    """The steps that the page holds: all, or those of evenly chosen epochs, or evenly chosen ones."""
    steps = recording.steps
    optimizer = recording.optimizer
    each = 2 * len(recording.names) + len(variables_of(optimizer)) * len(optimizer.parameters) + 2
    room = max(MOST_NUMBERS - NAME * len(recording.names), 0) // each
    if len(steps) <= room:
        return steps
    epochs = recording.epochs
    fitting = room * len(epochs) // len(steps)
    if fitting < 2:  # not even two epochs
        return [steps[i] for i in spaced(len(steps), max(room, 2))]
    chosen = {epochs[i] for i in spaced(len(epochs), fitting)}
    return [step for step in steps if step.epoch in chosen]


def spaced(count: int, wanted: int) -> list[int]:
    """``wanted`` of the numbers below ``count``, evenly, the first and the last among them; all if there are fewer."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int)).tolist()  # type: ignore[no-any-return]


def of_steps(recording: Recording, steps: Sequence[Step]) -> dict[str, Any]:
    """The numbers of some steps, ready for JSON."""
    optimizer = recording.optimizer
    called, variables = names_of(recording.parameters), variables_of(optimizer)
    ends = {
        str(k): packed(one.after)
        for k, (one, two) in enumerate(pairwise([*steps, None]))
        if one is not None and (two is None or one.after.tobytes() != two.before.tobytes())
    }
    batches = {epoch: sum(step.epoch == epoch for step in recording.steps) for epoch in recording.epochs}
    return {
        "names": [visible(name) for name in recording.names],
        "symbols": [called.text(parameter) for parameter in recording.parameters],
        "moved": len(optimizer.parameters),
        "settings": dict(optimizer.settings), "clipValue": optimizer.clip_value, "clipNorm": optimizer.clip_norm,
        "variables": variables,
        "epoch": [step.epoch for step in steps], "batch": [step.batch for step in steps],
        "batches": [batches[step.epoch] for step in steps], "number": [step.number for step in steps],
        "rate": packed([step.rate for step in steps]), "loss": packed([step.loss for step in steps]),
        "before": packed([step.before for step in steps]), "gradient": packed([step.gradient for step in steps]),
        "state": packed([step.state[: len(variables)] for step in steps]), "after": ends,
        "allTimes": packed([step.epoch - 1 + (step.batch - 1) / batches[step.epoch] for step in recording.steps]),
        "allLosses": packed([step.loss for step in recording.steps]),
        "omitted": _omitted(recording, steps), **_signs(recording, steps),
    }  # fmt: skip


def _omitted(recording: Recording, steps: Sequence[Step]) -> str:
    """What the page leaves out, as a sentence."""
    parts = []
    if recording.every > 1:
        parts.append(f"Every {recording.every} epochs were recorded.")
    if len(steps) < len(recording.steps):
        parts.append(
            f"The page holds {counted(len(steps), 'step')} of the {len(recording.steps):,} that were recorded."
        )
    return " ".join(parts)


def _signs(recording: Recording, steps: Sequence[Step]) -> dict[str, Any]:
    """What goes wrong before some of the steps: hints, and for each such step kind, neuron and hint."""
    hints: dict[str, int] = {}
    work = len(recording.names) * min(len(recording.X), MOST_SAMPLES)
    judged = spaced(len(steps), min(MOST_JUDGED, MOST_WORK // work))
    found = [
        [[kind, visible(where), hints.setdefault(hint, len(hints))] for kind, where, hint in recording.signs(steps[k])]
        for k in judged
    ]
    return {"judged": judged, "signs": found, "hints": [visible(hint) for hint in hints]}


def rule(optimizer: Optimizer) -> str:
    """The lines of an update as an array of JavaScript: of each its text, and its formulas as functions by name."""
    lines = []
    for line in (FIRST, CLIPPED, *rule_of(optimizer)):
        functions = [f"[{script_json(name)}, (s) => {_of(formula)}]" for name, formula in line.formulas.items()]
        lines.append(f"[{script_json(visible(line.text))}, [{', '.join(functions)}]]")
    return f"[{', '.join(lines)}]"


def _of(formula: str) -> str:
    """A formula whose names are looked up in an object ``s``."""
    return re.sub(r"(?<![.\w])(?!sqrt\b)[A-Za-z]\w*", r"s.\g<0>", formula)
