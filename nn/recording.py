"""`Recording`: every number of the steps that a training made, to be read, replayed and written out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from autograd import Value
from autograd.answer import Answer, Part
from autograd.copies import renew
from autograd.explain import TrainingLedger
from autograd.notation.tables import Table, column, spread
from autograd.text import counted, visible

from .lists import Floats
from .losses import Loss
from .module import Module
from .optimizers import SGD, Optimizer
from .signs import Sign, of_losses, of_neurons
from .written import written


@dataclass(frozen=True, eq=False)
class Step:
    """One optimizer step. Arrays cannot be written to.

    Attributes:
        epoch: the epoch, from 1.
        batch: the batch of the epoch, from 1.
        number: the optimizer's count of steps, from 1.
        rows: the numbers of the batch's samples, (B,), in their order; repeats are possible.
        rate: the learning rate.
        loss: the mean loss of the batch, before the step.
        before, after: all parameters, (parameters,).
        gradient: of the batch loss, (parameters,), before clipping and weight decay.
        state, state_after: the optimizer's variables, (variables, moved parameters).
    """

    epoch: int
    batch: int
    number: int
    rows: np.ndarray[Any, np.dtype[np.int64]]
    rate: float
    loss: float
    before: Floats
    gradient: Floats
    after: Floats
    state: Floats
    state_after: Floats


class Recording(Answer):
    """What ``nn.fit(…, record=True)`` saw, as ``history.recording``: each step's exact numbers, before and after.

    Large networks are recorded in every n-th epoch and in the last one planned; ``every`` says which n. Within a
    recorded epoch no step is left out.

    Attributes:
        names: of the parameters, in the order of the arrays: those that the optimizer moves come first.
        parameters: the Values themselves.
        model, loss, optimizer: what was trained.
        X, y: the samples and targets as the engine took them, to which the ``rows`` of a step belong.
        steps: a list of `Step`.
        every: the first epoch and each ``every``-th after it are recorded.

    Example:
        >>> import nn
        >>> model = nn.MLP(2, [2, 1], "tanh", seed=1)
        >>> optimizer = nn.SGD(model.parameters(), lr=0.1)
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]
        >>> history = nn.fit(model, nn.mse_loss, X, y, optimizer, epochs=3, record=True, progress=False)
        >>> step = history.recording.steps[0]
        >>> step.loss == history.batch_loss[0]
        True
        >>> print(history.recording.written(step, "layers.1.neurons.0.bias"))
        w = 0, G = −0.502142
        w ← w − α·G = 0 − 0.1 · (−0.502142) = 0.0502142
    """

    def __init__(
        self, names: list[str], parameters: list[Value], model: Module, loss: Loss, optimizer: Optimizer, X: Floats,
        y: Floats, every: int = 1,
    ) -> None:  # fmt: skip
        self.names, self.parameters, self.every = names, parameters, every
        self.model, self.loss, self.optimizer, self.X, self.y = model, loss, optimizer, X, y
        self.steps: list[Step] = []

    @property
    def epochs(self) -> list[int]:
        """The epochs that were recorded, from 1."""
        return [*dict.fromkeys(step.epoch for step in self.steps)]

    def path(self, name: str) -> Floats:
        """A parameter before each recorded step and after the last one, (steps + 1,).

        Raises:
            KeyError: no parameter has that name.
        """
        i = self._place(name)
        return np.array([*(step.before[i] for step in self.steps), *(step.after[i] for step in self.steps[-1:])])

    @contextmanager
    def at(self, step: Step) -> Iterator[Module]:
        """The model with its parameters before a step; afterwards it has its present ones again."""
        present = [parameter.data for parameter in self.parameters]
        try:
            self._put(step.before.tolist())
            yield self.model
        finally:
            self._put(present)

    def _put(self, data: list[float]) -> None:
        for parameter, x in zip(self.parameters, data):
            parameter.data = x
        renew(self.parameters)

    def restore(self, step: Step) -> None:
        """Put the model and the optimizer where they were before a step; the same step then gives the same bits."""
        self._put(step.before.tolist())
        self.optimizer.state = [row.tolist() for row in step.state]
        self.optimizer.steps = step.number - 1

    def signs(self, step: Step) -> list[Sign]:
        """What goes wrong before a step: neurons that are dead, saturated or alike, and a loss that explodes.

        Neurons are judged on all samples, or on some if they are many.
        """
        losses = [each.loss for each in self.steps if each.number <= step.number]
        with self.at(step) as model:
            return of_losses(losses, step.rate) + of_neurons(model, self.X.tolist())

    def ledger(self) -> TrainingLedger:
        """Which sample moved each weight, and when: see `autograd.explain.TrainingLedger`.

        Samples are called by their rows: ``sample 0`` is the first of the data. The ledger belongs to the model as it
        is; its residual shows what moved it otherwise (a callback, clipping, a later training).

        Raises:
            TypeError: the optimizer is not `nn.SGD`, whose steps alone split into samples.
            ValueError: steps are missing, since some epochs were left out.
        """
        if type(self.optimizer) is not SGD:
            kind = type(self.optimizer).__name__
            raise TypeError(f"the steps of {kind} do not split into samples; a ledger follows nn.SGD")
        if any(two.number != one.number + 1 for one, two in pairwise(self.steps)):
            raise ValueError(f"a ledger needs every step, and epochs are missing (every={self.every}): fit(record=1)")
        if not self.steps:
            raise ValueError("a ledger needs steps, and none was recorded")
        rates = [step.rate for step in self.steps]
        with self.at(self.steps[0]):
            settings = self.optimizer.settings
            made = TrainingLedger(
                self.optimizer.parameters, rates.__getitem__, settings["momentum"], settings["weight_decay"]
            )
        for step in self.steps:
            with self.at(step) as model:
                made.step_by_samples([
                    (f"sample {row}", self.loss(model(self.X[row].tolist()), self.y[row].tolist()))
                    for row in step.rows.tolist()
                ])  # fmt: skip
        return made

    def written(self, step: Step, name: str) -> str:
        """The update rule with the numbers of one parameter: what a step did, one line after the other.

        Numbers are rounded to six digits; those of the `Step` are exact.

        Raises:
            KeyError: no parameter has that name.
        """
        i = self._place(name)
        moved = len(self.optimizer.parameters)
        if i >= moved:
            return f"the optimizer does not move {name}"
        state = [row[i] for row in step.state]
        gradients = step.gradient[:moved].tolist()
        return "\n".join(written(self.optimizer, step.rate, step.number, step.before[i], gradients, i, state))

    def _place(self, name: str) -> int:
        if name not in self.names:
            shown = ", ".join(self.names[:3])
            raise KeyError(f"no parameter is called {name!r}; the {len(self.names)} names are {shown}, …")
        return self.names.index(name)

    def _heading(self) -> str:
        return "Recorded training"

    def _content(self) -> list[Part]:
        steps = [self.steps[i] for i in spread(len(self.steps), set())]
        if not steps:
            return [self._brief()]
        heads = ["epoch", "batch", "learning rate", "loss", "‖gradient‖"]
        cells = [
            [str(step.epoch) for step in steps],
            [str(step.batch) for step in steps],
            column([step.rate for step in steps], sign=False),
            column([step.loss for step in steps], sign=False),
            column([math.hypot(*step.gradient.tolist()) for step in steps], sign=False),
        ]
        return [self._brief(), Table(heads, list(zip(*cells)), range(len(heads)))]

    def _brief(self) -> str:
        kind = visible(type(self.optimizer).__name__)
        sampled = f", every {self.every} epochs" if self.every > 1 else ""
        return (
            f"Recording({counted(len(self.steps), 'step')} of {kind} in {counted(len(self.epochs), 'epoch')}{sampled}, "
            f"{counted(len(self.names), 'parameter')})"
        )
