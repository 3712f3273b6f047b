"""What a prediction is worth: functions of the outputs of all samples and their targets."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

from .inputs import numbered, unmasked
from .lists import ArrayLike, Floats, NDArray, array, np

Metric = Callable[[Any, Any], float]
"""A function of the outputs and the targets of all samples, both arrays."""


def classes(outputs: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """The predicted class of each sample: the largest of (n, k) outputs, or 1 where one of n exceeds a threshold.

    One output per sample is an array (n,) or (n, 1). An output that is nan predicts no class, which is written −1.
    """
    scores = _column(outputs, "outputs")
    undefined = scores != scores
    if scores.ndim == 1:
        found = (scores > threshold).astype("int64")
    else:
        found, undefined = scores.argmax(axis=1), undefined.any(axis=1)
    found[undefined] = -1
    return found


def labels(targets: ArrayLike) -> NDArray[np.int64]:
    """Targets as class numbers: of one-hot rows the place of the 1, of labels −1 and +1 the numbers 0 and 1.

    Raises:
        TypeError: the labels are not numbers.
        ValueError: a label is none of these (0.7, say, or nan).
    """
    given = numbered(_column(targets, "targets"))
    if given.ndim == 2:
        return given.argmax(axis=1)  # type: ignore[no-any-return]
    if _signed(given):
        given = given > 0
    wrong = given[~((given >= 0) & (given == given.round()))] if given.dtype.kind != "b" else given[:0]
    if len(wrong):
        raise ValueError(f"labels are the classes 0, 1, 2, …, or −1 and +1, or one-hot rows; one of them is {wrong[0]}")
    return given.astype("int64")


def _column(data: ArrayLike, name: str) -> NDArray[Any]:
    """An array (n,) or (n, k) with k > 1: a single column is one number per sample."""
    given = unmasked(data, name)
    return given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given


def _signed(targets: NDArray[Any]) -> bool:
    """Whether labels are −1 and +1."""
    minus = targets == -1
    return targets.dtype.kind != "b" and bool(minus.any() and (minus | (targets == 1)).all())


def _threshold(outputs: ArrayLike, targets: ArrayLike, threshold: float | None) -> float:
    """Where class 1 begins; see `accuracy`."""
    scores, given = _column(outputs, "outputs"), _column(targets, "targets")
    if threshold is not None or scores.ndim == 2:
        return float(threshold or 0.0)
    if given.ndim == 1 and _signed(given):
        return 0.0
    if not ((scores < 0) | (scores > 1)).any():
        return 0.5
    warnings.warn(
        "outputs outside 0…1 are not probabilities; they are taken for logits, of which more than 0 means class 1. "
        "Say what they are: accuracy(…, threshold=0.0) for logits, threshold=0.5 for estimates of labels 0 and 1",
        UserWarning,
        stacklevel=3,
    )
    return 0.0


def accuracy(outputs: ArrayLike, targets: ArrayLike, threshold: float | None = None) -> float:
    """The fraction of samples whose class is predicted right.

    Args:
        outputs: (n, k) scores, of which the largest wins; or n numbers, (n,) or (n, 1), where more than ``threshold``
            means class 1. What is nan is wrong.
        targets: n class numbers, n labels −1 or +1, or (n, k) one-hot rows.
        threshold: where class 1 begins. By default 0 for labels −1 and +1; for labels 0 and 1 it is 0.5 if all outputs
            are in 0…1, as probabilities are, and else 0, with a warning: logits and estimates of the labels look alike,
            so say which you have. (`nn.fit` knows it from the loss: there, class 1 begins where both labels cost the
            same.)

    Raises:
        ValueError: there are no samples, their numbers differ, or a target is not a class.
    """
    _same_length(outputs, targets)
    limit = _threshold(outputs, targets, threshold)
    return float((classes(outputs, limit) == labels(targets)).mean())


def confusion_matrix(outputs: ArrayLike, targets: ArrayLike, threshold: float | None = None) -> NDArray[np.int64]:
    """Entry (i, j): the number of samples of class i that were predicted as class j. Arguments as for `accuracy`.

    Raises:
        ValueError: as for `accuracy`; or an output is nan, and so of no class.
    """
    _same_length(outputs, targets)
    right, predicted = labels(targets), classes(outputs, _threshold(outputs, targets, threshold))
    scores = _column(outputs, "outputs")
    size = scores.shape[1] if scores.ndim == 2 else 2
    if (predicted < 0).any():
        raise ValueError(
            f"{(predicted < 0).sum()} outputs are nan: they are of no class and have no place in the table"
        )
    if right.max() >= size:
        raise ValueError(f"a target is of class {right.max()}, and the outputs know the classes 0 to {size - 1}")
    counts = Counter(zip(right.tolist(), predicted.tolist()))
    table = array([[counts[i, j] for j in range(size)] for i in range(size)])
    return table.astype("int64", copy=False)  # type: ignore[no-any-return]


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The mean of (ŷ − y)²."""
    return float((_errors(outputs, targets) ** 2).mean())


def mean_absolute_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The mean of |ŷ − y|."""
    return float(abs(_errors(outputs, targets)).mean())


def r_squared(outputs: ArrayLike, targets: ArrayLike) -> float:
    """1 − Σ(ŷ − y)² / Σ(y − ȳ)²: 1 for a perfect prediction, 0 for the mean; nan for targets that are all equal."""
    given = unmasked(targets, "targets").astype("float64", copy=False)
    spread = float(((given - given.mean(axis=0)) ** 2).sum())
    return 1.0 - float((_errors(outputs, given) ** 2).sum()) / spread if spread else float("nan")


def _errors(outputs: ArrayLike, targets: ArrayLike) -> Floats:
    predicted = unmasked(outputs, "outputs").astype("float64", copy=False)
    given = unmasked(targets, "targets").astype("float64", copy=False)
    if predicted.shape != given.shape or not given.size:
        raise ValueError(f"outputs of shape {predicted.shape} cannot be compared with targets of shape {given.shape}")
    return predicted - given  # type: ignore[no-any-return]


def _same_length(outputs: ArrayLike, targets: ArrayLike) -> None:
    shapes = unmasked(outputs, "outputs").shape, unmasked(targets, "targets").shape
    if not all(shapes) or shapes[0][0] != shapes[1][0] or not shapes[1][0]:
        counts = [shape[0] if shape else "a single number as" for shape in shapes]
        raise ValueError(f"{counts[0]} outputs and {counts[1]} targets")


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "r_squared": r_squared,
}
"""The metrics that `fit` knows by name."""
