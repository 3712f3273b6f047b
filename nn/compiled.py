"""The compiled engine: one sample's graph is traced once, and runs as a few array instructions over batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler import Program, compile
from autograd.modes import changed

from .engines import Rows
from .inputs import Floats
from .losses import Loss
from .module import Module, plain
from .optimizers import Optimizer


class CompiledEngine:
    """See `nn.engines.Engine`. Parameters live in the program's flat array, the optimizer's first.

    Raises:
        Exception: whatever tracing raises for a model or a loss that cannot be compiled.
        ValueError: the program and the eager model disagree on a sample: the model's Python code is not the same
            computation each time (random numbers, say).
    """

    name = "compiled"

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats) -> None:
        self.model, self.optimizer = model, optimizer
        self.parameters = [*dict.fromkeys([*optimizer.parameters, *model.parameters()])]
        self._program: Program = compile(
            lambda x, y: loss(model(x), y), inputs=(X.shape[1:], y.shape[1:]), parameters=self.parameters
        )
        self._predictor: Program | None = None
        with changed(record=False, anomaly=False):
            eager = plain(loss(model(X[0].tolist()), y[0].tolist()))
            compiled = float(self._program(X[:1], y[:1])[0])
        if not np.isclose(eager, compiled, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise ValueError(
                f"the compiled loss of sample 0 is {compiled!r} and the eager one {eager!r}: the model or the loss "
                "does not compute the same thing each time it is called (random numbers?)"
            )

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """See `nn.engines.Engine.step`."""
        return self._program.step(X, y, self.optimizer, rows=rows)

    def evaluate(self, X: Floats, y: Floats) -> float:
        """See `nn.engines.Engine.evaluate`."""
        return float(np.mean(self._program(X, y)))

    def predict(self, X: Floats) -> Floats:
        """See `nn.engines.Engine.predict`."""
        if self._predictor is None:
            self._predictor = compile(self.model, inputs=(X.shape[1:],), parameters=self.parameters)
        self._predictor.theta[:] = self._program.theta
        return np.asarray(self._predictor(X), dtype=np.float64)

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
