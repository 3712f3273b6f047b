"""What a caller gives, checked: samples, arrays of numbers, the name of an engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Union

from .lists import ArrayLike, Floats, NDArray, array, np

ENGINES = ("auto", "eager", "compiled")
TRAINING = (*ENGINES, "jax")

Devices = Union[int, Sequence[Any], None]
"""How many of JAX's devices, or which; None for all."""


def engine_name(engine: str, known: Sequence[str] = ENGINES) -> str:
    """The name of an engine, if there is one called so.

    Raises:
        ValueError: there is none.
    """
    if engine not in known:
        raise ValueError(f"unknown engine {engine!r}; known: {', '.join(known)}")
    return engine


def samples(X: ArrayLike, name: str = "X") -> Floats:
    """Samples as an array (n, features) of float64 (float32 stays so); one number per sample makes one feature.

    Raises:
        ValueError: there is no sample, the rows differ in length, or there are more than two dimensions.
        TypeError: the entries are not real numbers.
    """
    rows = real_array(X, name)
    if rows.ndim == 1 and rows.size:
        rows = rows[:, None]
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"{name} must be n ≥ 1 samples as rows of features, of shape (n, features); its shape is {rows.shape}"
            + ("; flatten images with X.reshape(len(X), -1)" if rows.ndim > 2 and rows.size else "")
        )
    return rows


def unmasked(data: ArrayLike, name: str) -> NDArray[Any]:
    """Data as an array.

    Raises:
        ValueError: the rows differ in length, or entries are masked: a mask would be lost, and what is under it used.
    """
    if np is not None and isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(
            f"{name} has {np.sum(data.mask):,} masked entries, which cannot be used: leave those samples out, or put "
            "numbers in their place (data.filled(0.0))"
        )
    try:
        return array(data)  # type: ignore[no-any-return]
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
    given = _unboxed(unmasked(data, name))
    if given.dtype.kind not in "iufb":
        raise TypeError(f"{name} must hold real numbers; it holds {_kind(given)}{_ADVICE.get(given.dtype.kind, '')}")
    return given if given.dtype.name == "float32" else given.astype("float64", copy=False)


_NUMBERING = (
    "names = sorted({*y}); numbers = [names.index(name) for name in y]"
    if np is None
    else "names, numbers = np.unique(y, return_inverse=True)"
)
_ADVICE = dict.fromkeys("US", f": {_NUMBERING} numbers class names")


def _unboxed(given: NDArray[Any]) -> NDArray[Any]:
    """An array of Python objects, all of them real numbers, as floats (a table's column can be one); others as is."""
    boxed = given.dtype.kind == "O" and all(map(_is_real, given.flat))
    return given.astype("float64") if boxed else given


def _is_real(entry: Any) -> bool:
    if isinstance(entry, (int, float)):
        return not isinstance(entry, bool)
    return np is not None and isinstance(entry, (np.integer, np.floating))


def _kind(given: NDArray[Any]) -> str:
    if given.dtype.kind in "US":
        return "text"
    if given.dtype.kind != "O":
        return str(given.dtype)
    places = product(*map(range, given.shape))
    place, entry = next((i, entry) for i, entry in zip(places, given.flat) if not _is_real(entry))
    return f"{type(entry).__name__} ({entry!r:.40}) in place {', '.join(map(str, place))}"


def finite(rows: Floats, name: str) -> None:
    """Refuse nan and infinity in an array of shape (n, columns).

    Raises:
        ValueError: one is there; the message says where.
    """
    wrong = ~((rows > -math.inf) & (rows < math.inf))
    if wrong.any():
        sample = int(wrong.any(axis=1).argmax())
        column, others = int(wrong[sample].argmax()), int(wrong.sum()) - 1
        more = f" (and {others:,} more)" if others else ""
        raise ValueError(f"{name} has {rows[sample, column]} in sample {sample}, column {column}{more}")
