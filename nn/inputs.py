"""What a caller gives, checked: samples, arrays of numbers, the name of an engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ENGINES = ("auto", "eager", "compiled")


def engine_name(engine: str) -> str:
    """The name of an engine, if there is one called so.

    Raises:
        ValueError: there is none.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; known: {', '.join(ENGINES)}")
    return engine


def samples(X: ArrayLike, name: str = "X") -> Floats:
    """Samples as an array (n, features) of float64 (float32 stays so); one number per sample makes one feature.

    Raises:
        ValueError: there is no sample, the rows differ in length, or there are more than two dimensions.
        TypeError: the entries are not real numbers.
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
    """Numbers as an array of float64 (float32 stays so).

    Raises:
        ValueError: the rows differ in length.
        TypeError: the entries are not real numbers.
    """
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(f"{name} must be a rectangular array: its rows differ in length") from None
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} must hold real numbers; it holds {_kind(array)}")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _kind(array: NDArray[Any]) -> str:
    return type(array.flat[0]).__name__ if array.dtype == object and array.size else str(array.dtype)


def finite(array: Floats, name: str) -> None:
    """Refuse nan and infinity in an array of shape (n, columns).

    Raises:
        ValueError: one is there; the message says where.
    """
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        sample, column = wrong[0].tolist()
        more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
        raise ValueError(f"{name} has {array[sample, column]} in sample {sample}, column {column}{more}")
