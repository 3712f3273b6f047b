"""One training: its epochs, what ends it, and its checkpoints."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd import AnomalyError
from autograd.copies import renew
from autograd.modes import TraceError

from . import metrics
from .checkpoint import Checkpoint, CheckpointError, fitting, save
from .choice import choose
from .draws import GENERATOR, draws
from .engines import EagerEngine, Rows
from .history import AT_END, EarlyStopping, History, Watch
from .inputs import Devices
from .interaction import Interrupt, progress_bar
from .losses import Loss
from .module import Module
from .optimizers import Optimizer
from .prepared import Prepared

if TYPE_CHECKING:
    from .recording import Recording


class Epoch(NamedTuple):
    """What a callback is shown after each epoch.

    Attributes:
        number: the epoch, counted from 1.
        model: with its parameters up to date.
        optimizer: the optimizer.
        history: everything recorded so far.
    """

    number: int
    model: Module
    optimizer: Optimizer
    history: History


Callback = Callable[[Epoch], Any]


class _NotFiniteError(Exception):
    """A loss or a gradient is nan or infinite."""


class Run:
    """One training: what it works with, and how far it is."""

    metrics: list[tuple[str, metrics.Metric]]
    callbacks: list[Callback]
    rule: EarlyStopping | None = None
    watched: str = ""
    checkpoint: Path | None
    every: int
    recording: Recording | None = None
    planned: int = 0

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, data: Prepared, held: Prepared | None, size: int,
        seed: int, order: str, engine: str, dtype: str, devices: Devices = None,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.data, self.held = model, optimizer, data, held
        self.size, self.seed, self.order = size, seed, order
        self.loss, self.asked, self.dtype = loss, engine, dtype
        self.engine = choose(engine, model, loss, optimizer, data.X, data.y, dtype, devices)
        self.history = History(seed=seed, engine=self.engine.name)
        self.watch: Watch | None = None
        self.best: Any = None  # the data of the engine's parameters in the best epoch
        self.good: Any = None  # a snapshot with which the loss was finite
        self.saved = 0  # the epoch of the checkpoint

    def columns(self) -> list[str]:
        """The names of the columns that the history will have."""
        names = [name for name, _ in self.metrics]
        held = ["validation_loss", *(f"validation_{name}" for name in names)] if self.held is not None else []
        at_end = [AT_END] if self.watched == AT_END else []
        return ["loss", *names, *held, *at_end, "learning_rate", "seconds"]

    # ---- epochs

    def train(self, epochs: int, progress: bool) -> History:
        """Run the epochs that are left; see `fit`."""
        history, steps = self.history, -(-len(self.data.X) // self.size)
        history.stopped, history.recording, self.planned = "", self.recording, epochs
        if self.rule is not None:
            self.watch = self.rule.watch(self.watched, history)
        self.good = self.engine.snapshot()
        with Interrupt() as interrupt, progress_bar(epochs * steps, history.epochs * steps, progress) as bar:
            try:
                while history.epochs < epochs and not self._exhausted() and not history.stopped:
                    bar.set_description(f"epoch {history.epochs + 1}/{epochs}", refresh=False)
                    self._epoch(bar, interrupt)
                if self.checkpoint is not None and self.saved != history.epochs:
                    self.save()
            except _NotFiniteError as error:
                self._give_up(str(error))
            except KeyboardInterrupt:
                history.stopped = f"interrupted after {history.epochs} epochs"
            finally:
                self._publish()
        if not history.stopped:
            history.stopped = self._exhausted() or f"all {epochs} epochs done"
        if self.rule is not None and self.rule.restore_best and self.best is not None:
            for parameter, data in zip(self.engine.parameters, self.best):
                parameter.data = float(data)
            self.engine.reload()
            renew(self.engine.parameters)
        return history

    def _publish(self) -> None:
        """Bring the model up to date, and all programs that have parameters of it."""
        self.engine.sync()
        renew(self.engine.parameters)

    def _epoch(self, bar: Any, interrupt: Interrupt) -> None:
        began, total, history = time.perf_counter(), 0.0, self.history
        order, n = self._order(history.epochs), len(self.data.X)
        before = self.engine.snapshot()
        batch = 0
        interrupt.check()
        for losses in self._losses(order):
            for loss in losses:
                if not math.isfinite(loss):
                    raise _NotFiniteError(f"{self._place(batch + 1)} the loss became {loss}")
                self.good = before  # the loss was finite with these parameters
                history.batch_loss.append(loss)
                total += loss * min(self.size, n - batch * self.size)
                batch += 1
            bar.update(len(losses))
            interrupt.check()
        self._check_parameters()
        judged = self._judged("", self.data)
        if self.held is not None:
            held_loss = self.engine.evaluate(self.held.X, self.held.y)
            judged |= self._judged("validation_", self.held)
            history.validation_loss.append(held_loss)
        if self.watched == AT_END:
            judged[AT_END] = self.engine.evaluate(self.data.X, self.data.y)
        history.loss.append(total / n)
        history.learning_rate.append(self.optimizer.last_rate)
        for name, value in judged.items():
            history.metrics.setdefault(name, []).append(value)
        history.seconds.append(time.perf_counter() - began)
        if not bar.disable:
            bar.set_postfix_str(self._summary(), refresh=False)
        self._after(history.epochs)

    def _order(self, epoch: int) -> Rows:
        """The order of the samples in an epoch; None to take them as they stand."""
        if not self._is_drawn():
            return None
        n, generator = len(self.data.X), draws([self.seed, epoch])
        order: Rows = generator.permutation(n) if self.order == "shuffled" else generator.integers(n, size=n)
        return order

    def _is_drawn(self) -> bool:
        """Whether the order of the samples is random and makes a difference."""
        return self.order == "independent" or (self.order == "shuffled" and self.size < len(self.data.X))

    def _losses(self, order: Rows) -> Iterator[Sequence[float]]:
        """The losses of an epoch's steps as they are made; what ends them says where."""
        made = 0
        try:
            for losses in self._steps(order):
                yield losses
                made += len(losses)
        except AnomalyError as error:
            self.engine.restore(self.good)
            raise AnomalyError(f"{self._place(made + 1)}: {error}") from error
        except FloatingPointError as error:
            raise _NotFiniteError(f"{self._place(made + 1)}: {error}") from None

    def _steps(self, order: Rows) -> Iterator[Sequence[float]]:
        """The engine's steps of an epoch, recorded if this epoch is."""
        epoch, data = self.history.epochs + 1, self.data
        if self.recording is None or ((epoch - 1) % self.recording.every and epoch != self.planned):
            return self.engine.steps(data.X, data.y, order, self.size)
        from .recorder import recorded

        return recorded(self.recording, self.engine, data.X, data.y, order, self.size, epoch)

    def _place(self, batch: int) -> str:
        return f"in epoch {self.history.epochs + 1}, batch {batch}"

    def _check_parameters(self) -> None:
        if self.engine.finite():
            return
        self.engine.sync()
        own = [*self.model.named_parameters()]
        others = [(p.label or "of the optimizer", p) for p in self.optimizer.parameters]
        name, wrong = next((name, p.data) for name, p in own + others if not math.isfinite(p.data))
        raise _NotFiniteError(f"at the end of epoch {self.history.epochs + 1} parameter {name} was {wrong}")

    def _judged(self, prefix: str, data: Prepared) -> dict[str, float]:
        outputs = self.engine.predict(data.X) if self.metrics else data.y
        return {prefix + name: float(metric(outputs, data.given)) for name, metric in self.metrics}

    def _summary(self) -> str:
        columns = self.history.columns()
        shown = [name for name in columns if name not in ("learning_rate", "seconds")]
        return ", ".join(f"{name.replace('_', ' ')} {columns[name][-1]:.4g}" for name in shown)

    def _after(self, epoch: int) -> None:
        """Best parameters, callbacks, checkpoint."""
        if self.watch is not None and self.watch.improved(self.history):
            self.history.best_epoch, self.best = epoch, self.engine.data()
        if self.checkpoint is not None and epoch % self.every == 0:
            self.save()
        if not self.callbacks:
            self.engine.verify()
            return
        sure = self.engine.verify(always=True)
        self._publish()
        try:
            stop = [callback(Epoch(epoch, self.model, self.optimizer, self.history)) for callback in self.callbacks]
        finally:
            self.engine.reload()  # a callback may have edited parameters
        self._see(sure)
        if any(answer is True for answer in stop):
            self.history.stopped = f"a callback ended it after {epoch} epochs"

    def _see(self, sure: bool) -> None:
        """Notice that a callback changed what the model or the loss computes; ``sure`` if it was verified before.

        Raises:
            TraceError: the program is not the model any more, and which steps it spoiled is not known, or an engine was
                insisted on.
        """
        try:
            self.engine.verify(always=True)
        except TraceError as error:
            if self.asked != "auto" or not sure:
                raise
            warnings.warn(
                f"a callback changed what the model or the loss computes; training goes on sample by sample. {error}",
                RuntimeWarning,
                stacklevel=7,
            )
            self._go_eager()

    def _go_eager(self) -> None:
        """Let the eager engine go on from here."""
        self.engine.sync()
        known = self.engine.parameters
        self.engine = EagerEngine(self.model, self.loss, self.optimizer)
        if self.best is not None:
            best = dict(zip(known, self.best))
            self.best = [float(best[parameter]) for parameter in self.engine.parameters]
        self.good = self.engine.snapshot()
        self.history.engine = self.engine.name

    def _exhausted(self) -> str:
        """Why early stopping ends training, if it does."""
        if self.rule is None or self.watch is None or self.history.epochs - self.watch.best < self.rule.patience:
            return ""
        return f"{self.watch.name} did not improve for {self.rule.patience} epochs"

    def _give_up(self, reason: str) -> None:
        rate = self.optimizer.rate
        self.engine.restore(self.good)
        self.history.stopped = reason
        warnings.warn(
            f"training stopped: {reason}. The model has its last good parameters. Try a smaller learning rate (now "
            f"{rate:g}), clip_norm=1.0 in the optimizer, or scaled inputs (nn.datasets.Standardizer); inside "
            "autograd.detect_anomaly() fit names the operation where it began.",
            RuntimeWarning,
            stacklevel=4,
        )

    # ---- checkpoints

    def save(self) -> None:
        """Everything that a later run needs to go on exactly."""
        assert self.checkpoint is not None
        self.engine.sync()
        best = None
        if self.best is not None:
            data = dict(zip(self.engine.parameters, map(float, self.best)))
            best = {name: data[parameter] for name, parameter in self.model.named_parameters()}
        training = {"history": self.history.to_dict(), **self._identity(), "best": best}
        save(self.model, self.checkpoint, self.optimizer, training=training)
        self.saved = self.history.epochs

    def _identity(self) -> dict[str, Any]:
        """What makes a run this one and no other: resumed with anything else, its losses would not be its own."""
        return {
            "samples": len(self.data.X), "batch_size": self.size, "seed": self.seed,
            "shuffle": self.order != "as given", "replacement": self.order == "independent",
            "order": f"drawn by {GENERATOR}" if self._is_drawn() else "as given",
            "loss": getattr(self.loss, "__name__", type(self.loss).__name__), "dtype": self.dtype,
            "data": self.data.fingerprint(),
        }  # fmt: skip

    def load(self, saved: Checkpoint, any_seed: bool) -> None:
        """Go on from a checkpoint; nothing changes if it does not fit. With ``any_seed`` its seed is taken over.

        Raises:
            CheckpointError: the run was another one, or the file does not hold the state of a run.
        """
        try:
            self._load(saved, any_seed)
        except CheckpointError:
            raise
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise CheckpointError(f"{self.checkpoint} cannot be resumed: {error}") from None

    def _load(self, saved: Checkpoint, any_seed: bool) -> None:
        training = saved.training
        if training is None or saved.optimizer is None:
            raise CheckpointError(f"{self.checkpoint} holds a model but no training to resume")
        if any_seed and type(training.get("seed")) is int and training["seed"] >= 0:
            self.seed = training["seed"]
        own = self._identity()
        training.setdefault("dtype", "float64")  # which files of earlier versions do not name, nor
        training.setdefault("replacement", False)
        training.setdefault("order", "drawn by NumPy" if self._is_drawn() else "as given")
        if training.get("samples") != own["samples"] or training["dtype"] != self.dtype:
            del own["data"]  # it differs in any case, and the number of samples, or the dtype, says more
        older = ("loss", "data")  # which files of earlier versions do not name
        differing = [f"{name} was {training.get(name)}, is {x}" for name, x in own.items()
                     if training.get(name) != x and not (name in older and name not in training)]  # fmt: skip
        if differing:
            raise CheckpointError(
                f"the run saved in {self.checkpoint} was another one: {'; '.join(differing)}. To train its model on "
                "something else, nn.load(path, model, optimizer) and fit without resume"
            )
        history = History.from_dict(training.get("history", {}))
        if history.epochs and {*history.columns()} != {*self.columns()}:
            raise CheckpointError(
                f"the run saved in {self.checkpoint} recorded {', '.join(history.columns())}; "
                f"this one records {', '.join(self.columns())}"
            )
        best = training.get("best")
        fitting(saved, self.model)
        if best is not None:
            self.model.checked_state(best)
        self.optimizer.load_state_dict(saved.optimizer)
        self.model.load_state_dict(saved.parameters)
        self.engine.reload()
        self.history, self.saved = history, history.epochs
        self.history.engine = self.engine.name
        if best is not None:
            names = {parameter: name for name, parameter in self.model.named_parameters()}
            self.best = [float(best[names[parameter]]) for parameter in self.engine.parameters]
