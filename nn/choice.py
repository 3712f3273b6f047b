"""Which engine trains: the one that was asked for, or the compiled one wherever it can."""

from __future__ import annotations

import warnings

from .compiled import CompiledEngine
from .engines import EagerEngine, Engine
from .inputs import Floats, engine_name
from .losses import Loss
from .module import Module
from .optimizers import Optimizer


def choose(engine: str, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats) -> Engine:
    """The engine of that name; ``"auto"`` is the compiled one unless model or loss cannot be compiled.

    Args:
        engine: one of `nn.inputs.ENGINES`.
        model: the model.
        loss: of one sample.
        optimizer: for the model's parameters.
        X: samples like those to come (n, features).
        y: their targets.

    Raises:
        Exception: with ``"compiled"``, whatever tracing raises for a model or a loss that cannot be compiled.
        MemoryError: the program does not fit into the memory; ``"eager"`` needs little.
    """
    if engine_name(engine) == "eager":
        return EagerEngine(model, loss, optimizer)
    try:
        return CompiledEngine(model, loss, optimizer, X, y)
    except MemoryError:  # one sample at a time would need less, and take hours: that is for the caller to choose
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
