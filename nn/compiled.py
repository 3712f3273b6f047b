"""The compiled engine: one sample's graph is traced once, and runs as a few array instructions over batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from autograd.compiler import Program, compile
from autograd.modes import changed

from .layers import MLP, Layer, Neuron
from .module import Module, plain

if TYPE_CHECKING:
    from .engines import Loss, Rows
    from .optimizers import Optimizer

Floats = NDArray[np.float64]


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
        self._frozen = len(self.parameters) > len(optimizer.parameters)
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
        if not self._frozen:
            return self._program.step(X, y, self.optimizer, rows=rows)
        if rows is not None:
            X, y = X[rows], y[rows]
        loss, gradient = self._program.value_and_grad(X, y)
        moving = len(self.optimizer.parameters)
        self.optimizer.step_arrays(self._program.theta[:moving], gradient[:moving])
        return float(loss)

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


_PREDICTORS: WeakKeyDictionary[Module, tuple[Any, Program]] = WeakKeyDictionary()
WORTHWHILE = 256
"""From so many samples on, compiling takes less time than computing the samples one by one."""


def predictor(model: Module, samples: int, width: int, asked: bool) -> Program | None:
    """A program that computes the model's outputs with its present parameters, or None if eager work is better.

    The programs of networks made of this package's own layers are kept, since what they depend on is known.

    Args:
        model: the model.
        samples: how many samples are to be computed.
        width: the number of features.
        asked: whether the caller insists; then whatever tracing raises is raised.
    """
    own = type(model) in (MLP, Layer, Neuron)
    known, program = _PREDICTORS.get(model, (None, None))
    if own and known is not None and known == _structure(model, width):
        assert program is not None
        program.pull()
        return program
    if not asked and samples < WORTHWHILE:
        return None
    alive = ref(model)  # the program must not keep its model alive, whose entry in the dictionary it is

    def output(x: Any) -> Any:
        owner = alive()
        assert owner is not None
        return owner(x)

    try:
        program = compile(output, inputs=((width,),), parameters=model.parameters())
    except Exception:
        if asked:
            raise
        return None
    if own:
        _PREDICTORS[model] = _structure(model, width), program
    return program


def _structure(model: Module, width: int) -> Any:
    """Everything but the parameters' data that a program of these layers depends on."""
    parts = [part for _, part in model.named_modules() if isinstance(part, (Layer, Neuron))]
    return width, [part.activation for part in parts], [id(p) for p in model.parameters()]
