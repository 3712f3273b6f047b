"""The compiled engine: one sample's graph is traced once, and runs as a few array instructions over batches."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd.compiler import Program, compile
from autograd.compiler.batch import Batch
from autograd.compiler.program import StepError
from autograd.modes import ACTIVE

from .engines import Rows
from .lists import Floats
from .losses import Loss
from .module import Module
from .optimizers import Optimizer

MOMENT = 0.05
"""Seconds after which a training looks up: it can be interrupted, and shows how far it is."""
SHARE = 0.05
"""Verifying takes no more of the time of a training than this, except after callbacks."""


class CompiledEngine:
    """See `nn.engines.Engine`. Parameters live in the program's flat array, the optimizer's first.

    Raises:
        Exception: whatever tracing raises for a model or a loss that cannot be compiled.
        TraceError: the program and the eager model disagree on a sample (see `autograd.compiler.witness`).
    """

    name = "compiled"

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats, dtype: str = "float64"
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.parameters = [*dict.fromkeys([*optimizer.parameters, *model.parameters()])]
        self._program: Program = compile(
            lambda x, y: loss(model(x), y), inputs=(X.shape[1:], y.shape[1:]), parameters=self.parameters, dtype=dtype
        )
        self._predictor: Program | None = None
        self._many = 1  # steps that take a moment
        self._program.witness.floats = True
        self._all = Batch(self._program.shapes, [X, y])
        began = time.perf_counter()
        self._program.witness.first(self._all, 2)
        self._began, self._checking, self._turn = time.perf_counter(), 0.0, 0
        self._last = (self._began - began) / min(self._program.witness.most, len(X))  # what one more will take

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """See `nn.engines.Engine.step`."""
        return self._program.step(X, y, self.optimizer, rows=rows)

    def steps(self, X: Floats, y: Floats, rows: Rows, size: int) -> Iterator[Sequence[float]]:
        """See `nn.engines.Engine.steps`; about as many at a time as take `MOMENT`."""
        samples = len(X) if rows is None else len(rows)
        by_one = self._one_at_a_time()
        start, many = 0, 1 if by_one else self._many
        while start < samples:
            end, began = start + many * size, time.perf_counter()
            chosen = rows[start:end] if rows is not None else None if end >= samples else np.arange(start, end)
            try:
                losses = self._many_steps(X, y, chosen, size)
            except StepError as error:
                yield error.losses.tolist()
                raise error.__cause__ or error from None
            took = time.perf_counter() - began
            yield losses.tolist()
            start = end
            if not by_one:
                many = self._many = max(1, min(2 * many, int(len(losses) * MOMENT / max(took, 1e-9))))

    def _one_at_a_time(self) -> bool:
        """Whether each step is made by Python."""
        return bool(ACTIVE) or self.optimizer.many_steps(self._program.theta, self._program.gradient, 0) is None

    def _many_steps(self, X: Floats, y: Floats, rows: Rows, size: int) -> Floats:
        """Steps through the samples of these numbers; the losses.

        Raises:
            StepError: as `Program.epoch`.
        """
        return self._program.epoch(X, y, self.optimizer, order=rows, batch_size=size)

    def evaluate(self, X: Floats, y: Floats) -> float:
        """See `nn.engines.Engine.evaluate`."""
        return float(np.mean(self._program(X, y)))

    def _predicting(self, X: Floats) -> Program:
        """A program of the model alone."""
        predictor = compile(
            self.model, inputs=(X.shape[1:],), parameters=self.parameters, dtype=str(self._program.dtype)
        )
        predictor.witness.floats = True
        return predictor

    def predict(self, X: Floats) -> Floats:
        """See `nn.engines.Engine.predict`."""
        if self._predictor is None:
            self._predictor = self._predicting(X)
        self._predictor.theta[:] = self._program.theta
        return np.asarray(self._predictor(X), dtype=np.float64)

    def verify(self, always: bool = False) -> bool:
        """See `nn.engines.Engine.verify`. Looks at one sample, each time at another one."""
        began = time.perf_counter()
        witness = self._program.witness
        if not (always and witness.small) and self._checking + self._last > SHARE * (began - self._began):
            return False
        self._turn = (self._turn + int(0.618 * self._all.samples) + 1) % self._all.samples
        witness.compare(self._all, [self._turn])
        self._last = time.perf_counter() - began
        self._checking += self._last
        return True

    def sync(self) -> None:
        """See `nn.engines.Engine.sync`."""
        self._program.push()

    def reload(self) -> None:
        """See `nn.engines.Engine.reload`."""
        self._program.pull()

    def data(self) -> Floats:
        """See `nn.engines.Engine.data`."""
        return np.array(self._program.theta, dtype=np.float64)

    def finite(self) -> bool:
        """See `nn.engines.Engine.finite`."""
        return bool(np.isfinite(self._program.theta).all())

    def gradient(self) -> Floats:
        """See `nn.engines.Engine.gradient`."""
        return np.array(self._program.gradient, dtype=np.float64)

    def snapshot(self) -> Any:
        """See `nn.engines.Engine.snapshot`."""
        return self.data(), [np.array(s) for s in self.optimizer.state], self.optimizer.steps

    def restore(self, snapshot: Any) -> None:
        """See `nn.engines.Engine.restore`."""
        self._program.theta[:], state, self.optimizer.steps = snapshot
        self.optimizer.state = [np.array(s) for s in state]
        self.sync()
