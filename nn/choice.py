"""Which engine trains: the one that was asked for, or the compiled one wherever it can."""

from __future__ import annotations

import warnings

from autograd.packages import needed

from .engines import EagerEngine, Engine
from .inputs import TRAINING, Devices, engine_name
from .lists import Floats, np
from .losses import Loss
from .module import Module
from .optimizers import Optimizer


def choose(
    engine: str, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats, dtype: str = "float64",
    devices: Devices = None,
) -> Engine:  # fmt: skip
    """The engine of that name; ``"auto"`` is the compiled one where model, loss and installation allow it.

    Args:
        engine: one of `nn.inputs.TRAINING`.
        model: the model.
        loss: of one sample.
        optimizer: for the model's parameters.
        X: samples like those to come (n, features).
        y: their targets.
        dtype: of the numbers; the eager engine computes in float64.
        devices: of the engine of JAX.

    Raises:
        ValueError: the eager engine was asked for float32, or another one than that of JAX for devices.
        ImportError: the engine that was asked for needs JAX, or NumPy, which is not installed.
        Exception: with ``"compiled"`` or ``"jax"``, whatever tracing raises for a model or a loss that cannot be
            compiled.
        MemoryError: the program does not fit into the memory; ``"eager"`` needs little.
    """
    if engine_name(engine, TRAINING) != "jax" and devices is not None:
        raise ValueError(f"devices are those of engine='jax'; engine={engine!r} trains on the CPU")
    if engine == "eager" or (engine == "auto" and np is None):
        if dtype != "float64":
            raise ValueError("the eager engine computes in float64: dtype='float32' needs another one")
        return EagerEngine(model, loss, optimizer)
    needed("numpy", f"engine={engine!r}")
    if engine == "jax":
        from .jax_engine import JaxEngine

        return JaxEngine(model, loss, optimizer, X, y, dtype, devices)
    from .compiled import CompiledEngine

    try:
        return CompiledEngine(model, loss, optimizer, X, y, dtype)
    except MemoryError:  # one sample at a time would need less, and take hours: that is for the caller to choose
        raise
    except Exception as error:
        if engine == "compiled":
            raise
        warnings.warn(
            f"the model is trained sample by sample in float64, which is slow, since it cannot be compiled: {error} "
            "(engine='eager' does so without this warning)",
            RuntimeWarning,
            stacklevel=4,
        )
        return EagerEngine(model, loss, optimizer)
