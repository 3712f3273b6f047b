"""What happened during training: `History`, and the rule for stopping early."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograd import files
from autograd.answer import Answer, Part
from autograd.notation.tables import Table, column, spread
from autograd.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .recording import Recording


AT_END = "training_loss"
"""The column of the loss over all samples at the end of an epoch, which early stopping watches."""


@dataclass(repr=False)
class History(Answer):
    """The course of a training, one entry per epoch in each list.

    Attributes:
        loss: the mean loss over the epoch's samples, each taken just before the step that used it.
        validation_loss: the loss on the validation samples after the epoch; empty without them.
        metrics: by name; those of the validation samples are called ``validation_…``. If early stopping watches the
            training loss, ``training_loss`` is here: the loss with the parameters at the end of the epoch.
        learning_rate: of the epoch's last step.
        seconds: how long the epoch took.
        batch_loss: the loss of every batch of this run (a resumed run starts its own list).
        seed: what the order of the samples was drawn from.
        engine: which engine computed.
        stopped: why training ended.
        best_epoch: the epoch (from 1) that early stopping judged best, if it was asked to judge.
        recording: the numbers of every step of this run, if ``fit`` was asked to record them.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    batch_loss: list[float] = field(default_factory=list)
    seed: int = 0
    engine: str = ""
    stopped: str = ""
    best_epoch: int | None = None
    recording: Recording | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.loss)

    def columns(self) -> dict[str, list[float]]:
        """The lists with one entry per epoch, by name."""
        validation = {"validation_loss": self.validation_loss} if self.validation_loss else {}
        return {"loss": self.loss, **validation, **self.metrics,
                "learning_rate": self.learning_rate, "seconds": self.seconds}  # fmt: skip

    def csv(self) -> str:
        """One line per epoch, with a header; numbers in full precision."""
        columns, text = self.columns(), io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *columns])
        writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*columns.values()), start=1))
        return text.getvalue()

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write what `csv` gives to a file, whatever its suffix.

        Raises:
            OSError: the file cannot be written; an older one stays as it was.
        """
        files.write(path, self.csv().encode())

    def plot(self, ax: Axes | None = None, columns: Sequence[str] = ("loss", "validation_loss")) -> Axes:
        """Draw columns over the epochs; needs matplotlib.

        Args:
            ax: where to draw; by default a new figure.
            columns: names from `columns`; those that were not recorded are left out.

        Raises:
            ValueError: none of the columns was recorded.
        """
        from .plots.style import pyplot

        recorded = {name: values for name, values in self.columns().items() if name in columns and values}
        if not recorded:
            raise ValueError(f"nothing to draw: recorded are {', '.join(n for n, v in self.columns().items() if v)}")
        if ax is None:
            _, ax = pyplot().subplots()
        styles = [("#0072b2", "-"), ("#d55e00", "--"), ("#009e73", "-."), ("#cc79a7", ":")]  # Okabe and Ito 2008
        for (name, values), (color, style) in zip(recorded.items(), styles * len(recorded)):
            marker = "o" if len(values) == 1 else None
            label = name.replace("_", " ")
            ax.plot(range(1, len(values) + 1), values, style, color=color, marker=marker, label=label)
        if self.best_epoch is not None and self.best_epoch <= self.epochs:
            ax.axvline(self.best_epoch, color="0.6", linewidth=1, zorder=0)
            ax.annotate("best", (self.best_epoch, 1.0), (2, -10), xycoords=("data", "axes fraction"),
                        textcoords="offset points", color="0.4", fontsize="small")  # fmt: skip
        ax.set_xlabel("epoch")
        if len(recorded) > 1:
            ax.legend(facecolor="white", edgecolor="none")
        else:
            ax.set_ylabel(next(iter(recorded)).replace("_", " "))
        ax.spines[["top", "right"]].set_visible(False)
        return ax

    def to_dict(self) -> dict[str, Any]:
        """The history for a checkpoint: JSON types only, without ``batch_loss``; nan and infinity as text."""
        return {
            "loss": _texts(self.loss), "validation_loss": _texts(self.validation_loss),
            "metrics": {name: _texts(values) for name, values in self.metrics.items()},
            "learning_rate": _texts(self.learning_rate), "seconds": _texts(self.seconds),
            "seed": self.seed, "engine": self.engine, "stopped": self.stopped, "best_epoch": self.best_epoch,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> History:
        """A history from what `to_dict` gave.

        Raises:
            ValueError: something is missing or of the wrong type.
        """
        lists = ("loss", "validation_loss", "learning_rate", "seconds")
        try:
            columns: dict[str, Any] = {name: _numbers(saved[name]) for name in lists}
            history = cls(
                **columns,
                metrics={str(name): _numbers(values) for name, values in saved["metrics"].items()},
                seed=int(saved["seed"]), engine=str(saved["engine"]), stopped=str(saved["stopped"]),
                best_epoch=None if saved["best_epoch"] is None else int(saved["best_epoch"]),
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the saved history is not complete: {error!r}") from None
        lengths = {name: len(values) for name, values in history.columns().items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the saved history has columns of different lengths: {lengths}")
        return history

    def _heading(self) -> str:
        return "Training history"

    def _content(self) -> list[Part]:
        # without the seconds: the text of the same training is the same on every machine
        columns = {n: values for n, values in self.columns().items() if n != "seconds" and len(values) == self.epochs}
        shown = spread(self.epochs, {(self.best_epoch or 1) - 1})
        cells = [column([values[i] for i in shown], sign=False) for values in columns.values()]
        heads = ["epoch", *(name.replace("_", " ") for name in columns)]
        return [
            self._brief(),
            *([Table(heads, list(zip([str(i + 1) for i in shown], *cells)), range(len(heads)))] if shown else []),
        ]

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".csv": self.csv, ".json": lambda: json.dumps(self.to_dict(), indent=1)}

    def _brief(self) -> str:
        final = f", loss {self.loss[0]:.4g} → {self.loss[-1]:.4g}" if self.loss else ""
        last = "".join(f", {visible(name)} {values[-1]:.4g}" for name, values in self.metrics.items() if values)
        return f"History({self.epochs} epochs{final}{last}; {self.stopped or 'running'})"


def _texts(values: list[float]) -> list[float | str]:
    return [x if math.isfinite(x) else str(x) for x in values]


def _numbers(values: list[Any]) -> list[float]:
    return [float(x) for x in values]


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when a column of the history has not improved for a while.

    Attributes:
        patience: how many epochs without improvement are borne.
        min_delta: the least change that counts as improvement.
        monitor: the column; by default the validation loss, or the training loss if there are no validation samples.
            Columns named loss or error improve downwards, all others upwards.
        restore_best: give the model the parameters of its best epoch at the end.

    The column ``loss`` is a mean over the epoch's batches, while the parameters move: no parameters have that loss. So
    the training loss is measured once more at the end of each epoch, in the column ``training_loss``, and that is what
    is watched, also for ``monitor="loss"``. The parameters that are given back have the least entry of it.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = ""
    restore_best: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.patience, bool) or not isinstance(self.patience, int) or self.patience < 1:
            raise ValueError(f"patience is a number of epochs of at least 1, not {self.patience!r}")
        if not 0.0 <= self.min_delta < math.inf:
            raise ValueError(f"min_delta must be a number of at least 0, not {self.min_delta!r}")

    def column(self, recorded: Collection[str]) -> str:
        """The name of the watched column, given those that a training records.

        Raises:
            ValueError: it is not among them.
        """
        name = self.monitor or ("validation_loss" if "validation_loss" in recorded else "loss")
        if name == "loss":
            return AT_END
        if name not in recorded:
            raise ValueError(f"early stopping watches {name!r}; recorded are {', '.join(recorded)}")
        return name

    def watch(self, name: str, history: History) -> Watch:
        """What follows the watched column; it has already seen the history's epochs."""
        watch = Watch(name, 1.0 if name.endswith(("loss", "error")) else -1.0, self.min_delta)
        for _ in range(history.epochs):
            watch.improved(history)
        return watch


@dataclass
class Watch:
    """Follows one column of a history and knows its best epoch so far (from 1; 0 before the first)."""

    name: str
    sign: float
    min_delta: float
    least: float = math.inf
    best: int = 0
    seen: int = 0

    def improved(self, history: History) -> bool:
        """Look at the next epoch: is it better than all before? A nan never is."""
        value = self.sign * history.columns()[self.name][self.seen]
        self.seen += 1
        better = value < self.least - self.min_delta or (self.best == 0 and value == value)
        if better:
            self.least, self.best = value, self.seen
        return better
