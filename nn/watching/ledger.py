"""Which samples have moved each weight, and when: the training ledger, summed up for bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.text import visible

from ..recording import Recording
from .steps import packed, spaced

MOST_ENTRIES = 2_000_000
"""A ledger with more entries (steps times samples times weights) is left out of the page."""
SAMPLES, TIMES = 8, 30
"""For each weight, the samples that moved it most, and the stretches of the training in which they did."""


def bars(recording: Recording) -> dict[str, Any]:
    """For each weight the samples that moved it most, how far in all, and in each stretch; ready for JSON."""
    every = recording.steps
    parameters = recording.optimizer.parameters
    entries = sum(len(step.rows) for step in every) * len(parameters)
    if entries > MOST_ENTRIES:
        return _none(f"The ledger of this training has {entries:,} entries, too many to show: see recording.ledger().")
    try:
        ledger = recording.ledger()
    except (TypeError, ValueError) as problem:
        return _none(f"No ledger: {problem}.")
    starts = spaced(len(every), TIMES)
    stretch = (np.searchsorted(starts, np.arange(len(every)), "right") - 1).tolist()
    samples: dict[str, Any] = {}  # of each, (stretches, weights)
    for step, sample, amounts in ledger.entries():
        if sample not in samples:
            samples[sample] = np.zeros((len(starts), len(parameters)))
        samples[sample][stretch[step]] += amounts
    names, when = [*samples], np.stack([*samples.values()])
    totals = when.sum(axis=1)
    moved = every[-1].after - every[0].before
    found = []
    for i in range(len(parameters)):
        most = np.argsort(-np.abs(totals[:, i]), kind="stable")[:SAMPLES]
        found.append({
            "of": len(names), "samples": [visible(names[k]) for k in most],
            "sums": packed([moved[i], np.delete(totals[:, i], most).sum()]),  # of all, and of the samples left out
            "totals": packed(totals[most, i]), "when": packed(when[most, :, i]),
        })  # fmt: skip
    return {"ledger": found, "ledgerMissing": "", "ledgerFrom": [every[start].number for start in starts]}


def _none(reason: str) -> dict[str, Any]:
    return {"ledger": [], "ledgerMissing": visible(reason), "ledgerFrom": []}
