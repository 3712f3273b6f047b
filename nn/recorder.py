"""What records the steps of `fit`: which epochs, and what is kept of each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .engines import Engine, Rows
from .lists import Floats
from .losses import Loss
from .module import Module
from .optimizers import Optimizer
from .recording import Recording, Step

MOST_NUMBERS = 4_000_000
"""A recording holds about this many numbers at most (32 MB), unless it is told how many epochs to leave out."""


def recorder(
    record: bool | int, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats, size: int, epochs: int
) -> Recording:
    """An empty recording.

    Args:
        record: True, or a number n from 1 up to record every n-th epoch.
        model, loss, optimizer: what is trained.
        X, y: the samples and targets of an epoch.
        size: samples in a batch.
        epochs: how many are to be trained.

    Raises:
        ValueError: ``record`` is no such number, or one epoch is too much to record.
    """
    known = {p: name for name, p in model.named_parameters()}
    parameters = [*dict.fromkeys([*optimizer.parameters, *model.parameters()])]
    names = [known.get(p) or p.label or f"parameter {i}" for i, p in enumerate(parameters)]
    if record is True:
        steps = -(-len(X) // size)
        each = steps * len(parameters) * (2 + len(optimizer.variables)) + len(X)
        fitting = MOST_NUMBERS // each
        if fitting < 2 and epochs > fitting:
            raise ValueError(
                f"record=True keeps {each:,} numbers an epoch here, too many for a recording of {MOST_NUMBERS:,}; "
                "take a larger batch_size or fewer samples, or say record=n to record every n-th epoch all the same"
            )
        every = 1 if epochs <= fitting else -(-(epochs - 1) // (fitting - 1))
    elif isinstance(record, int) and record >= 1:
        every = record
    else:
        raise ValueError(f"record is True, False or a number n of at least 1, for every n-th epoch; not {record!r}")
    own_X, own_y = _frozen(X, X.dtype), _frozen(y, y.dtype)  # the caller may go on to change theirs
    return Recording(names, parameters, model, loss, optimizer, own_X, own_y, every)


def recorded(
    recording: Recording, engine: Engine, X: Floats, y: Floats, order: Rows, size: int, epoch: int
) -> Iterator[Sequence[float]]:
    """What ``engine.steps(X, y, order, size)`` does and yields, one by one, each step into the recording."""
    rows = np.arange(len(X)) if order is None else order
    optimizer = recording.optimizer
    before, state = _frozen(engine.data()), _state(optimizer)
    for batch, start in enumerate(range(0, len(rows), size), start=1):
        rate, chosen = optimizer.rate, _frozen(rows[start : start + size], np.int64)
        loss = engine.step(X, y, None if len(chosen) == len(X) and order is None else chosen)
        after, state_after = _frozen(engine.data()), _state(optimizer)
        recording.steps.append(
            Step(epoch, batch, optimizer.steps, chosen, rate, float(loss), before, _frozen(engine.gradient()), after,
                 state, state_after)
        )  # fmt: skip
        yield [loss]
        before, state = after, state_after


def _frozen(numbers: Any, dtype: Any = np.float64) -> Any:
    """A copy that cannot be written to."""
    array = np.array(numbers, dtype=dtype)
    array.flags.writeable = False
    return array


def _state(optimizer: Optimizer) -> Any:
    return _frozen(list(map(np.asarray, optimizer.state))).reshape(len(optimizer.state), len(optimizer.parameters))
