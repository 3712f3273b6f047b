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


def unmasked(data: ArrayLike, name: str) -> NDArray[Any]:
    """Data as an array.

    Raises:
        ValueError: the rows differ in length, or entries are masked: a mask would be lost, and what is under it used.
    """
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(
            f"{name} has {np.sum(data.mask):,} masked entries, which cannot be used: leave those samples out, or put "
            "numbers in their place (data.filled(0.0))"
        )
    try:
        return np.asarray(data)
    except ValueError:
        raise ValueError(f"{name} must be a rectangular array: its rows differ in length") from None


def numbered(labels: NDArray[Any]) -> NDArray[Any]:
    """Class labels that are numbers.

    Raises:
        TypeError: they are names, or something else.
    """
    labels = _unboxed(labels)
    if labels.dtype.kind not in "iufb":
        raise TypeError(f"class labels are numbers 0, 1, 2, …, not {_kind(labels)}{_ADVICE.get(labels.dtype.kind, '')}")
    return labels


def real_array(data: ArrayLike, name: str) -> Floats:
    """Numbers as an array of float64 (float32 stays so).

    Raises:
        ValueError: the rows differ in length, or entries are masked.
        TypeError: the entries are not real numbers.
    """
    array = _unboxed(unmasked(data, name))
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} must hold real numbers; it holds {_kind(array)}{_ADVICE.get(array.dtype.kind, '')}")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


_ADVICE = dict.fromkeys("US", ": names, numbers = np.unique(y, return_inverse=True) numbers class names")


def _unboxed(array: NDArray[Any]) -> NDArray[Any]:
    """An array of Python objects, all of them real numbers, as floats (a table's column can be one); others as is."""
    boxed = array.dtype == object and all(map(_is_real, array.flat))
    return array.astype(np.float64) if boxed else array


def _is_real(entry: Any) -> bool:
    return isinstance(entry, (int, float, np.integer, np.floating)) and not isinstance(entry, bool)


def _kind(array: NDArray[Any]) -> str:
    if array.dtype.kind in "US":
        return "text"
    if array.dtype != object:
        return str(array.dtype)
    place, entry = next((i, entry) for i, entry in np.ndenumerate(array) if not _is_real(entry))
    return f"{type(entry).__name__} ({entry!r:.40}) in place {', '.join(map(str, place))}"


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
