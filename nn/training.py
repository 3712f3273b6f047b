"""`fit`: training by mini-batches, the same call and the same numbers whichever engine computes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from autograd import files
from autograd.modes import current
from autograd.packages import needed

from . import metrics
from .checkpoint import read
from .counts import whole
from .datasets import split
from .history import EarlyStopping, History
from .inputs import Devices
from .lists import ArrayLike
from .losses import Loss
from .module import Module
from .optimizers import Optimizer
from .prepared import Prepared, metric_of, pair
from .run import Callback, Run


def fit(
    model: Module,
    loss: Loss,
    X: ArrayLike,
    y: ArrayLike,
    optimizer: Optimizer,
    epochs: int = 100,
    batch_size: int | None = None,
    seed: int | None = 0,
    *,
    validation: float | tuple[ArrayLike, ArrayLike] | None = None,
    metrics: Sequence[str | metrics.Metric] = (),
    callbacks: Iterable[Callback] = (),
    early_stopping: EarlyStopping | int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    shuffle: bool = True,
    replacement: bool = False,
    progress: bool = True,
    engine: str = "auto",
    dtype: str = "float64",
    devices: Devices = None,
    record: bool | int = False,
) -> History:
    """Train a model: the batch loss is the mean of ``loss(model(x), target)`` over the batch's samples.

    Everything is checked before the first parameter moves. Ctrl-C ends training after the batch in progress; the
    history so far is returned, and the parameters stay. If a loss or a gradient becomes nan or infinite, training
    stops with a warning and the model gets the last parameters back whose loss was finite.

    The compiled engine traces the model's and the loss's Python code once, and compares it with the program on some
    samples before training, now and then in between and after callbacks. If they differ, ``"auto"`` warns and goes on
    eagerly where a callback made the difference, and else there is a TraceError: see `autograd.compiler`.

    Args:
        model: any Module that takes one sample.
        loss: a function of the model's output and the target of one sample, such as `nn.cross_entropy`.
        X: n samples, (n, features); n numbers are samples of one feature.
        y: n targets: numbers, rows of numbers, or class labels; integer labels are encoded one-hot if the model has
            several outputs.
        optimizer: made for the model's parameters.
        epochs: how many times all samples are used, in all (a resumed run counts those before).
        batch_size: samples per step; None for all. The last batch of an epoch can be smaller.
        seed: the order of the samples in epoch e depends on (seed, e) alone; None draws a seed. Where NumPy is missing,
            Python's ``random`` draws, and the order is another one.
        validation: (X, y) of samples that do not train, or the fraction of the samples to put aside.
        metrics: names from `nn.metrics` or functions (outputs, targets) → number; a function's ``__name__`` is the
            column's name. Targets come as they were given, labels not encoded.
        callbacks: each is called with an `Epoch` after every epoch; one that returns True ends training.
        early_stopping: an `EarlyStopping`, or a number of epochs for its patience.
        checkpoint: a file that is rewritten after every ``checkpoint_every`` epochs and at the end of the last.
        resume: go on from ``checkpoint`` if that file exists, with the same losses as a run without interruption.
        shuffle: whether each epoch draws a new order.
        replacement: draw each of the n samples of an epoch from all of them, independently, as the theory of
            stochastic descent has it: an epoch then uses some samples several times, and others not at all.
        progress: whether to show a progress bar; none is shown where tqdm is missing.
        engine: ``"auto"``; ``"eager"``; ``"compiled"``, which needs NumPy (without it, ``"auto"`` is eager); or
            ``"jax"``, which trains on the GPUs or other devices of JAX, and is never chosen automatically
            (``pip install 'tracegrad[jax]'``; JAX's settings stay as they are).
        dtype: ``"float64"`` or ``"float32"``: of the numbers of the engines but the eager one; samples and targets are
            rounded to it. float32 is faster for large models. The model's Values hold float64 in any case.
        devices: with ``engine="jax"``, among how many of `jax.local_devices()` the samples of each batch are split, or
            a list of devices; None for all. The sums of a batch are added in an order that depends on it.
        record: whether to keep the exact numbers of every step as ``history.recording`` (a `Recording`; `nn.watch`
            shows it). Where that would be too much, every n-th epoch is recorded; a number n asks for that. It needs
            NumPy.

    Returns:
        The `History`; its ``stopped`` says why training ended.

    Raises:
        ValueError: data are empty, contain nan or infinity, or differ in length; a label or a size does not fit.
        TypeError: data are not real numbers, or the loss does not give a Value.
        ImportError: NumPy, or JAX, is not installed, and an argument needs it.
        OSError: the checkpoint cannot be written; the parameters are kept.
        AnomalyError: inside `autograd.detect_anomaly`, with epoch and batch; the last good parameters are kept.
    """
    _check_kinds(model, loss, optimizer, metrics, callbacks)
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype is 'float64' or 'float32', not {dtype!r}")
    if dtype == "float32":
        needed("numpy", "dtype='float32'")
    if not current().record:
        raise RuntimeError("fit inside no_grad cannot learn, since nothing records how the loss came about")
    if isinstance(validation, (tuple, list)):
        held = Prepared(model, loss, *pair(validation), "validation ", dtype)
    elif validation is not None:
        X, y, *aside = split(X, y, validation, seed or 0)
        held = Prepared(model, loss, aside[0], aside[1], "validation ", dtype)
    else:
        held = None
    data = Prepared(model, loss, X, y, "", dtype)
    data.check(model, loss, optimizer)
    size = len(data.X) if batch_size is None else whole(batch_size, "batch_size")
    if size > len(data.X):
        raise ValueError(f"batch_size is {size} and there are {len(data.X)} samples; batch_size=None takes all at once")
    if replacement and not shuffle:
        raise ValueError("replacement=True draws samples at random, which shuffle=False forbids; leave one of them out")
    epochs, drawn = whole(epochs, "epochs", least=0), seed is None
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "big")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the name of the checkpoint file: checkpoint='run.json'")
    order = "independent" if replacement else "shuffled" if shuffle else "as given"
    run = Run(model, loss, optimizer, data, held, size, whole(seed, "seed", least=0), order, engine, dtype, devices)
    run.metrics = [metric_of(m, loss, data) for m in metrics]
    run.callbacks = [*callbacks]
    if early_stopping is not None:
        run.rule = EarlyStopping(early_stopping) if isinstance(early_stopping, int) else early_stopping
        run.watched = run.rule.column(run.columns())
    columns = run.columns()
    if len({*columns}) < len(columns):
        raise ValueError(f"two columns of the history would have the same name: {', '.join(columns)}")
    if record is not False:
        needed("numpy", f"record={record!r}")
        from .recorder import recorder

        run.recording = recorder(record, model, loss, optimizer, data.X, data.y, size, epochs)
    run.checkpoint = None if checkpoint is None else Path(checkpoint)
    run.every = whole(checkpoint_every, "checkpoint_every")
    if run.checkpoint is not None and not {*optimizer.parameters} <= {*model.parameters()}:
        raise ValueError("a checkpoint holds the model's parameters, and the optimizer moves others too")
    if run.checkpoint is not None:
        files.check_folder(run.checkpoint.parent)
    if run.checkpoint is not None and resume and run.checkpoint.exists():
        run.load(read(run.checkpoint), any_seed=drawn)
    return run.train(epochs, progress)


def _check_kinds(model: Any, loss: Any, optimizer: Any, metrics: Any, callbacks: Any) -> None:
    """Name the argument that something else stands in the place of."""
    order = "the order is fit(model, loss, X, y, optimizer)"
    if not isinstance(model, Module):
        raise TypeError(f"fit trains an nn.Module, and the model is a {type(model).__name__}; {order}")
    if not callable(loss):
        raise TypeError(
            f"the loss is a function of output and target, such as nn.mse_loss, not {type(loss).__name__}; {order}"
        )
    if not isinstance(optimizer, Optimizer):
        given = f"the class {optimizer.__name__}" if isinstance(optimizer, type) else type(optimizer).__name__
        raise TypeError(
            f"the optimizer is made of parameters, nn.SGD(model.parameters(), lr=0.1), not {given}; {order}"
        )
    for name, given, example in (("metrics", metrics, "['accuracy']"), ("callbacks", callbacks, "[f]")):
        if callable(given) or isinstance(given, str) or not isinstance(given, Iterable):
            raise TypeError(f"{name} is a list, such as {example}, not {type(given).__name__}")
