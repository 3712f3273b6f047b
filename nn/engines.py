"""How `nn.fit` and `Module.predict` compute. Every engine does the same work and gives the same numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Value, no_grad

from .module import Module, plain

if TYPE_CHECKING:
    from .optimizers import Optimizer

Loss = Callable[[Any, Any], Any]
"""The loss of one sample from the model's output and the target."""

Floats = NDArray[np.float64]
Rows = Union[NDArray[np.int64], None]


class Engine(Protocol):
    """What `fit` asks of an engine. A batch is X (B, features) and y (B,) or (B, outputs), arrays of floats.

    An engine may keep the parameters in arrays of its own while it trains; `sync` and `reload` carry them to and from
    the model's Values and the optimizer.
    """

    name: str
    parameters: list[Value]

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """One optimizer step on a batch (or on the samples of these numbers); returns the mean loss before the step."""

    def evaluate(self, X: Floats, y: Floats) -> float:
        """The mean loss; nothing changes."""

    def predict(self, X: Floats) -> Floats:
        """The outputs, (B,) or (B, outputs)."""

    def sync(self) -> None:
        """Bring the model's Values up to date."""

    def reload(self) -> None:
        """Take the parameters from the model's Values, which were changed from outside."""

    def data(self) -> Any:
        """A copy of the parameters' data as they are now, in the order of ``parameters``: a list or an array."""

    def snapshot(self) -> Any:
        """Parameters and optimizer state as they are now, to `restore` later."""

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot, and bring the model's Values up to date."""


class EagerEngine:
    """One graph per sample, freed as soon as its gradients are added: every number passes through a Value."""

    name = "eager"

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.parameters = [*dict.fromkeys([*model.parameters(), *optimizer.parameters])]

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

    def evaluate(self, X: Floats, y: Floats) -> float:
        """The loss on predictions computed with plain floats."""
        with no_grad():
            losses = [self.loss(_wrapped(out), t) for out, t in zip(self.predict(X).tolist(), y.tolist())]
        return float(sum(plain(loss) for loss in losses) / len(X))

    def predict(self, X: Floats) -> Floats:
        """Sample by sample with plain floats."""
        return np.array([self.model.evaluate(row) for row in X.tolist()], dtype=np.float64)

    def sync(self) -> None:
        """The Values are the parameters: nothing to do."""

    def reload(self) -> None:
        """The Values are the parameters: nothing to do."""

    def data(self) -> Any:
        """See `Engine.data`."""
        return [p.data for p in self.parameters]

    def snapshot(self) -> Any:
        """See `Engine.snapshot`."""
        return self.data(), [list(s) for s in self.optimizer.state], self.optimizer.steps

    def restore(self, snapshot: Any) -> None:
        """See `Engine.restore`."""
        data, state, self.optimizer.steps = snapshot
        for parameter, x in zip(self.parameters, data):
            parameter.data = x
        self.optimizer.state = [list(s) for s in state]


def _wrapped(output: Any) -> Any:
    return [Value(entry) for entry in output] if isinstance(output, list) else Value(output)


ENGINES = ("auto", "eager", "compiled")


def _known(engine: str) -> str:
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; known: {', '.join(ENGINES)}")
    return engine


def make(engine: str, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats) -> Engine:
    """The engine of that name; ``"auto"`` is the compiled one unless model or loss cannot be compiled.

    Args:
        engine: one of `ENGINES`.
        model: the model.
        loss: of one sample.
        optimizer: for the model's parameters.
        X: samples like those to come (n, features).
        y: their targets.

    Raises:
        Exception: with ``"compiled"``, whatever tracing raises for a model or a loss that cannot be compiled.
        MemoryError: the program does not fit into the memory; ``"eager"`` needs little.
    """
    if _known(engine) == "eager":
        return EagerEngine(model, loss, optimizer)
    from .compiled import CompiledEngine

    try:
        return CompiledEngine(model, loss, optimizer, X, y)
    except MemoryError:  # the samples one by one would need less, and take hours: that is the reader's choice
        raise
    except Exception as error:
        if engine == "compiled":
            raise
        warnings.warn(
            f"the model is trained sample by sample, which is slow, since it cannot be compiled: {error} "
            "(engine='eager' does so without this warning)",
            RuntimeWarning,
            stacklevel=4,
        )
        return EagerEngine(model, loss, optimizer)


def samples(X: ArrayLike, name: str = "X") -> Floats:
    """Samples as an array (n, features) of float64 (float32 stays so); one number per sample makes one feature.

    Raises:
        ValueError: there is no sample, the rows differ in length, or there are more than two dimensions.
        TypeError: the entries are no real numbers.
    """
    array = real_array(X, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f"{name} must be n ≥ 1 samples as rows of features, of shape (n, features); its shape is {array.shape}"
            + ("; flatten images with X.reshape(len(X), -1)" if array.ndim > 2 and array.size else "")
        )
    return array


def real_array(data: ArrayLike, name: str) -> Floats:
    """Numbers as an array of float64 (float32 stays so); refuses what is not rectangular or not real."""
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(f"{name} must be a rectangular array: its rows differ in length") from None
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} must hold real numbers; it holds {_kind(array)}")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _kind(array: NDArray[Any]) -> str:
    return type(array.flat[0]).__name__ if array.dtype == object and array.size else str(array.dtype)


def predict(model: Module, X: ArrayLike, engine: str = "auto") -> Floats:
    """See `Module.predict`."""
    rows = samples(X)
    if _known(engine) != "eager":
        from .compiled import predictor

        program = predictor(model, len(rows), rows.shape[1], asked=engine == "compiled")
        if program is not None:
            return np.asarray(program(rows), dtype=np.float64)
    return np.array([model.evaluate(row) for row in rows.tolist()], dtype=np.float64)
