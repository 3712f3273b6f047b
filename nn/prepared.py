"""What `nn.fit` was given, checked before the first parameter moves."""

from __future__ import annotations

import hashlib
import math
import warnings
from typing import Any

from autograd import Value, graph
from autograd.modes import changed

from . import metrics
from .datasets import one_hot
from .inputs import finite, real_array, samples, unmasked
from .lists import ArrayLike, Floats, buffer, firsts, np
from .losses import Loss, applied_twice
from .module import Module, all_values, plain
from .optimizers import Optimizer


def pair(validation: Any) -> tuple[ArrayLike, ArrayLike]:
    """Samples and targets to validate with."""
    if len(validation) != 2:
        raise ValueError(f"validation is (X, y) or a fraction; got {len(validation)} parts")
    return validation[0], validation[1]


class Prepared:
    """Samples and targets, checked against a model and a loss."""

    def __init__(self, model: Module, loss: Loss, X: ArrayLike, y: ArrayLike, kind: str, dtype: str) -> None:
        self.X = _rounded(samples(X, f"{kind}X"), dtype)
        self.given = unmasked(y, f"{kind}y")
        if self.given.ndim == 0 or len(self.given) != len(self.X):
            count = len(self.given) if self.given.ndim else "one"
            raise ValueError(f"{len(self.X)} {kind}samples and {count} {kind}targets")
        as_it = " as float32" if dtype == "float32" else ""
        finite(self.X, f"{kind}X{as_it}")
        output = model(self.X[0].tolist())
        several = len(output) if isinstance(output, (list, tuple)) else 0
        if several > 1 and self.given.ndim == 1:
            self.y = one_hot(self.given, several)
        else:
            self.y = real_array(self.given, f"{kind}y")
            if self.y.ndim > 2:
                raise ValueError(f"{kind}y must be one number or one row per sample; its shape is {self.y.shape}")
            self.y = _rounded(self.y, dtype)
            finite(self.y if self.y.ndim > 1 else self.y[:, None], f"{kind}y{as_it}")
            if self.y.ndim == 2 and self.y.shape[1] == 1 and not several:
                self.y = self.y[:, 0]
        self.leaves = self._try(loss, output, kind)

    def target(self, i: int) -> Any:
        """The target of sample i, as Python's numbers."""
        return self.y[i : i + 1].tolist()[0]

    def _try(self, loss: Loss, output: Any, kind: str) -> list[Value]:
        """The leaves that the loss depends on.

        The loss of every different target (up to 1,000), so that a wrong label is found before training."""
        places = firsts(self.given if self.given.ndim == 1 else self.y, 1000)
        for place in places:
            target = self.target(place)
            with changed(anomaly=False):  # this output may not go with this target
                try:
                    result = loss(output, target)
                except (ValueError, TypeError) as error:
                    raise type(error)(f"{kind}sample {place}: {error}") from error
            if not isinstance(result, Value):
                raise TypeError(
                    f"the loss of one sample must be one Value that depends on the model's output; "
                    f"it is a {type(result).__name__}"
                )
            if place == places[0]:
                order = graph.topological(result)
                _refuse_twice(order, output)
                leaves = [node for node in order if not node.parents and node.op != "constant"]
        return leaves

    def fingerprint(self) -> str:
        """A number in text that is another one for other samples or targets."""
        digest = hashlib.sha256()
        for array in (self.X, self.y):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(buffer(array))
        return digest.hexdigest()[:16]

    def check(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        """Refuse an optimizer that was made for another model, which would train nothing; name what stays as it is."""
        moving = {*optimizer.parameters}
        if moving.isdisjoint(self.leaves) and moving.isdisjoint(model.parameters()):
            raise ValueError("the loss depends on none of the optimizer's parameters; was it made for this model?")
        strange = {*self.leaves} - moving - all_values(model)
        if strange:  # a leaf that is made again each time is a number of the computation, not a hidden parameter
            strange &= {*graph.leaves(loss(model(self.X[0].tolist()), self.target(0)))}
        if strange:
            found = [leaf for leaf in self.leaves if leaf in strange]
            name = f"{found[0].label!r} = {found[0].data!r}" if found[0].label else repr(found[0])
            more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
            warnings.warn(
                f"the loss depends on {name}{more}, a Value that is not among the parameters of the model or of the "
                "optimizer: it stays as it is, and is not saved. If it is to be trained, keep it as an attribute of a "
                "Module, or there in a list, tuple, deque, dict or dataclass (plain objects, partials and closures are "
                "not looked into). If not, use a plain number, or an attribute whose name starts with an underscore",
                UserWarning,
                stacklevel=3,
            )


def _rounded(array: Floats, dtype: str) -> Floats:
    """Numbers in float32 if that is asked for; one that is too large becomes infinite."""
    if dtype != "float32":
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


AGAIN = {"softmax": ("log_sum_exp", "softmax"), "sigmoid": ("softplus", "sigmoid")}
"""What a loss that takes logits does to them, if the model's outputs went through a function already."""


_LOGITS = {name for names in AGAIN.values() for name in names}


def _refuse_twice(nodes: list[Value], output: Any) -> None:
    """Refuse a loss (its graph) that applies the function which the outputs come out of: it would train, and look
    right."""
    outputs = {*output} if isinstance(output, (list, tuple)) else {output}
    for node in nodes:
        for operand in node.parents if node.op in _LOGITS else ():
            p = operand.parents[0] if operand.op == "neg" else operand
            if p in outputs and node.op in AGAIN.get(p.op, ()):
                raise ValueError(applied_twice(p.op))


def metric_of(metric: str | metrics.Metric, loss: Loss, data: Prepared) -> tuple[str, metrics.Metric]:
    """A metric with its name; accuracy learns from the loss where class 1 begins."""
    if metric is metrics.accuracy:
        metric = "accuracy"
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric not in metrics.METRICS:
        raise ValueError(f"unknown metric {metric!r}; known: {', '.join(metrics.METRICS)}, or a function")
    if metric == "accuracy" and data.y.ndim == 1:
        threshold = boundary(loss, data.y)
        return metric, lambda outputs, targets: metrics.accuracy(outputs, targets, threshold)
    return metric, metrics.METRICS[metric]


def boundary(loss: Loss, y: Floats) -> float | None:
    """The output at which both labels cost the same: 0 for logits, ½ for estimates of the labels 0 and 1.

    So a loss is understood however it is wrapped. None if the targets are not such labels, or if it is somewhere else.
    """
    for labels in ((0.0, 1.0), (-1.0, 1.0)):
        for output in (0.0, 0.5) if ((y == labels[0]) | (y == 1.0)).all() else ():
            try:
                first, second = (plain(loss(Value(output), label)) for label in labels)
                if math.isclose(first, second, rel_tol=1e-12, abs_tol=1e-15):
                    return output
            except Exception:  # a loss that refuses these labels
                break
    return None
