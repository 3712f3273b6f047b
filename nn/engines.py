"""What `nn.fit` asks of an engine, and the eager one. Every engine does the same work and gives the same numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from autograd import Value

from .lists import Floats, NDArray, np
from .losses import Loss
from .module import Module, plain
from .optimizers import Optimizer
from .predictor import one_by_one

Rows: TypeAlias = "NDArray[np.int64] | range | None"


class Engine(Protocol):
    """What `fit` asks of an engine. A batch is X (B, features) and y (B,) or (B, outputs), arrays of floats.

    An engine may keep the parameters in arrays of its own while it trains; `sync` and `reload` carry them to and from
    the model's Values and the optimizer. Its ``parameters`` are the optimizer's, then the model's others.
    """

    name: str
    parameters: list[Value]

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """One optimizer step on a batch (or on the samples of these numbers); returns the mean loss before the step."""

    def steps(self, X: Floats, y: Floats, rows: Rows, size: int) -> Iterator[Sequence[float]]:
        """Steps through the samples of these numbers (None: all as they stand), a batch of that size at a time.

        Yields the mean losses of the steps made since it was asked last; as many as take a moment.
        """

    def evaluate(self, X: Floats, y: Floats) -> float:
        """The mean loss; nothing changes."""

    def predict(self, X: Floats) -> Floats:
        """The outputs, (B,) or (B, outputs)."""

    def verify(self, always: bool = False) -> bool:
        """Whether it was verified just now that the engine computes what the model's and the loss's Python code does.

        That can be left out where it would take too long, unless ``always`` is given and the model is small.

        Raises:
            TraceError: it does not.
        """

    def sync(self) -> None:
        """Bring the model's Values up to date."""

    def reload(self) -> None:
        """Take the parameters from the model's Values, which were changed from outside."""

    def data(self) -> Any:
        """A copy of the parameters' data as they are now, in the order of ``parameters``: a list or an array."""

    def finite(self) -> bool:
        """Whether all parameters are finite."""

    def gradient(self) -> Any:
        """A copy of the gradients of the last step, as they were before clipping, in the order of ``parameters``."""

    def snapshot(self) -> Any:
        """Parameters and optimizer state as they are now, to `restore` later."""

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot, and bring the model's Values up to date."""


class EagerEngine:
    """One graph per sample, freed as soon as its gradients are added: every number passes through a Value."""

    name = "eager"

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.parameters = [*dict.fromkeys([*optimizer.parameters, *model.parameters()])]

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """The gradient of the mean loss is summed sample by sample; then the optimizer makes its step."""
        if rows is not None:
            X, y = X[rows], y[rows]
        for parameter in self.parameters:
            parameter.grad = 0.0
        total, share = 0.0, 1.0 / len(X)
        for row, target in zip(X.tolist(), y.tolist()):
            loss = self.loss(self.model(row), target)
            loss.backward(share)
            total += loss.data
        self.optimizer.step()
        return total / len(X)

    def steps(self, X: Floats, y: Floats, rows: Rows, size: int) -> Iterator[Sequence[float]]:
        """See `Engine.steps`; one by one."""
        chosen = range(len(X)) if rows is None else rows
        for start in range(0, len(chosen), size):
            yield [self.step(X, y, chosen[start : start + size])]

    def evaluate(self, X: Floats, y: Floats) -> float:
        """Sample by sample, as in a step."""
        losses = [plain(self.loss(self.model(row), target)) for row, target in zip(X.tolist(), y.tolist())]
        return float(sum(losses) / len(X))

    def predict(self, X: Floats) -> Floats:
        """Sample by sample."""
        return one_by_one(self.model, X)

    def verify(self, always: bool = False) -> bool:
        """The engine is that code."""
        return True

    def sync(self) -> None:
        """The Values are the parameters: nothing to do."""

    def reload(self) -> None:
        """The Values are the parameters: nothing to do."""

    def data(self) -> Any:
        """See `Engine.data`."""
        return [p.data for p in self.parameters]

    def finite(self) -> bool:
        """See `Engine.finite`."""
        return all(math.isfinite(p.data) for p in self.parameters)

    def gradient(self) -> Any:
        """See `Engine.gradient`."""
        return [p.grad for p in self.parameters]

    def snapshot(self) -> Any:
        """See `Engine.snapshot`."""
        return self.data(), [list(s) for s in self.optimizer.state], self.optimizer.steps

    def restore(self, snapshot: Any) -> None:
        """See `Engine.restore`."""
        data, state, self.optimizer.steps = snapshot
        for parameter, x in zip(self.parameters, data):
            parameter.data = x
        self.optimizer.state = [list(s) for s in state]
