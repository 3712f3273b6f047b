"""The compiled engine: one sample's graph is traced once, and runs as a few array instructions over batches."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from autograd.compiler import Program, compile
from autograd.compiler.batch import Batch
from autograd.compiler.witness import SAMPLES

from .engines import Rows
from .inputs import Floats
from .losses import Loss
from .module import Module
from .optimizers import Optimizer

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
        self._program.witness.floats = True
        self._all = Batch(self._program.shapes, [X, y])
        began = time.perf_counter()
        self._program.witness.first(self._all, 2)
        self._began, self._checking, self._turn = time.perf_counter(), 0.0, 0
        samples = SAMPLES if self._program.witness.small else 1
        self._last = (self._began - began) / min(samples, len(X))  # what looking at one more will take

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """See `nn.engines.Engine.step`."""
        return self._program.step(X, y, self.optimizer, rows=rows)

    def evaluate(self, X: Floats, y: Floats) -> float:
        """See `nn.engines.Engine.evaluate`."""
        return float(np.mean(self._program(X, y)))

    def predict(self, X: Floats) -> Floats:
        """See `nn.engines.Engine.predict`."""
        if self._predictor is None:
            self._predictor = compile(
                self.model, inputs=(X.shape[1:],), parameters=self.parameters, dtype=str(self._program.dtype)
            )
            self._predictor.witness.floats = True
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

    def snapshot(self) -> Any:
        """See `nn.engines.Engine.snapshot`."""
        return self.data(), [np.array(s) for s in self.optimizer.state], self.optimizer.steps

    def restore(self, snapshot: Any) -> None:
        """See `nn.engines.Engine.restore`."""
        self._program.theta[:], state, self.optimizer.steps = snapshot
        self.optimizer.state = [np.array(s) for s in state]
        self.sync()
