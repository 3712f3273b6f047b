"""What `nn.fit` was given, checked before the first parameter moves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd import Value, graph, no_grad
from autograd.modes import changed

from . import metrics
from .datasets import one_hot
from .inputs import finite, real_array, samples
from .losses import Loss, binary_cross_entropy
from .module import Module
from .optimizers import Optimizer


def pair(validation: Any) -> tuple[ArrayLike, ArrayLike]:
    """Samples and targets to validate with."""
    if len(validation) != 2:
        raise ValueError(f"validation is (X, y) or a fraction; got {len(validation)} parts")
    return validation[0], validation[1]


class Prepared:
    """Samples and targets, checked against a model and a loss."""

    def __init__(self, model: Module, loss: Loss, X: ArrayLike, y: ArrayLike, kind: str) -> None:
        self.X = samples(X, f"{kind}X")
        self.given = np.asarray(y)
        if self.given.ndim == 0 or len(self.given) != len(self.X):
            count = len(self.given) if self.given.ndim else "one"
            raise ValueError(f"{len(self.X)} {kind}samples and {count} {kind}targets")
        finite(self.X, f"{kind}X")
        with no_grad():
            output = model(self.X[0].tolist())
        several = len(output) if isinstance(output, (list, tuple)) else 0
        if several > 1 and self.given.ndim == 1:
            self.y = one_hot(self.given, several)
        else:
            self.y = real_array(self.given, f"{kind}y")
            if self.y.ndim > 2:
                raise ValueError(f"{kind}y must be one number or one row per sample; its shape is {self.y.shape}")
            finite(self.y if self.y.ndim > 1 else self.y[:, None], f"{kind}y")
            if self.y.ndim == 2 and self.y.shape[1] == 1 and not several:
                self.y = self.y[:, 0]
        self._try(loss, output, kind)

    def _try(self, loss: Loss, output: Any, kind: str) -> None:
        """The loss of every different target (up to 1,000), so that a wrong label is found before training."""
        flat = self.given.ndim == 1
        _, places = np.unique(self.given if flat else self.y, axis=None if flat else 0, return_index=True)
        for place in places[:1000].tolist():
            target = self.y[place].tolist()
            with changed(record=False, anomaly=False):  # this output may not go with this target
                try:
                    result = loss(output, target)
                except (ValueError, TypeError) as error:
                    raise type(error)(f"{kind}sample {place}: {error}") from error
            if not isinstance(result, Value):
                raise TypeError(
                    f"the loss of one sample must be one Value that depends on the model's output; "
                    f"it is a {type(result).__name__}"
                )

    def check(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        """Refuse an optimizer that was made for another model: it would train nothing, silently."""
        moving = {*optimizer.parameters}
        if moving.isdisjoint(model.parameters()):
            root = loss(model(self.X[0].tolist()), self.y[0].tolist())
            if moving.isdisjoint(graph.leaves(root)):
                raise ValueError("the loss depends on none of the optimizer's parameters; was it made for this model?")


def metric_of(metric: str | metrics.Metric, loss: Loss) -> tuple[str, metrics.Metric]:
    """A metric with its name; accuracy knows the losses whose outputs are logits."""
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric not in metrics.METRICS:
        raise ValueError(f"unknown metric {metric!r}; known: {', '.join(metrics.METRICS)}, or a function")
    if metric == "accuracy" and loss is binary_cross_entropy:  # outputs are logits: 0 is one half
        return metric, lambda outputs, targets: metrics.accuracy(outputs, targets, threshold=0.0)
    return metric, metrics.METRICS[metric]
