"""What a prediction is worth: functions of the outputs of all samples and their targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[NDArray[Any], NDArray[Any]], float]


def classes(outputs: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """The predicted class of each sample: the largest of (n, k) outputs, or 1 where one of (n,) exceeds a threshold."""
    array = np.asarray(outputs)
    return np.asarray(array.argmax(axis=1) if array.ndim == 2 else array > threshold, dtype=np.int64)


def labels(targets: ArrayLike) -> NDArray[np.int64]:
    """Targets as class numbers: of one-hot rows the place of the 1, of labels −1 and +1 the numbers 0 and 1."""
    array = np.asarray(targets)
    if array.ndim == 2:
        return np.asarray(array.argmax(axis=1), dtype=np.int64)
    return np.asarray(array > 0 if (array < 0).any() else array, dtype=np.int64)


def accuracy(outputs: ArrayLike, targets: ArrayLike, threshold: float | None = None) -> float:
    """The fraction of samples whose class is predicted right.

    Args:
        outputs: (n, k) scores, of which the largest wins; or (n,), where more than ``threshold`` means class 1.
        targets: n class numbers, n labels −1 or +1, or (n, k) one-hot rows.
        threshold: by default 0 for labels −1 and +1, and 0.5 for 0 and 1 (for logits give 0).

    Raises:
        ValueError: there are no samples, or their numbers differ.
    """
    given, array = np.asarray(targets), np.asarray(outputs)
    _same_length(array, given)
    limit = threshold if threshold is not None else 0.0 if given.ndim == 1 and (given < 0).any() else 0.5
    return float(np.mean(classes(array, limit) == labels(given)))


def confusion_matrix(outputs: ArrayLike, targets: ArrayLike, threshold: float | None = None) -> NDArray[np.int64]:
    """Entry (i, j): the number of samples of class i that were predicted as class j. Arguments as for `accuracy`."""
    given, array = np.asarray(targets), np.asarray(outputs)
    _same_length(array, given)
    limit = threshold if threshold is not None else 0.0 if given.ndim == 1 and (given < 0).any() else 0.5
    right, predicted = labels(given), classes(array, limit)
    size = array.shape[1] if array.ndim == 2 else 2
    table = np.zeros((size, size), dtype=np.int64)
    np.add.at(table, (right, predicted), 1)
    return table


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The mean of (ŷ − y)²."""
    return float(np.mean(_errors(outputs, targets) ** 2))


def mean_absolute_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """The mean of |ŷ − y|."""
    return float(np.mean(abs(_errors(outputs, targets))))


def r_squared(outputs: ArrayLike, targets: ArrayLike) -> float:
    """1 − Σ(ŷ − y)² / Σ(y − ȳ)²: 1 for a perfect prediction, 0 for the mean; nan for targets that are all equal."""
    given = np.asarray(targets, dtype=np.float64)
    spread = float(np.sum((given - given.mean(axis=0)) ** 2))
    return 1.0 - float(np.sum(_errors(outputs, given) ** 2)) / spread if spread else float("nan")


def _errors(outputs: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    predicted, given = np.asarray(outputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if predicted.shape != given.shape or not given.size:
        raise ValueError(f"outputs of shape {predicted.shape} cannot be compared with targets of shape {given.shape}")
    errors: NDArray[np.float64] = predicted - given
    return errors


def _same_length(outputs: NDArray[Any], targets: NDArray[Any]) -> None:
    if len(outputs) != len(targets) or not len(targets):
        raise ValueError(f"{len(outputs)} outputs and {len(targets)} targets")


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "r_squared": r_squared,
}
"""The metrics that `fit` knows by name."""
