"""The samples that a program runs on: arrays checked against the shapes it was compiled for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .trace import Array, Ints, Shape


class Batch:
    """One array per argument with a row per sample, or some of their rows.

    Args:
        shapes: the form of one sample of each argument.
        arrays: as many arrays, (B, *shape) each.
        rows: numbers of the rows to take, in this order, (B′,); None takes all.

    Attributes:
        samples: how many there are; 1 for a program without arguments.

    Raises:
        ValueError: a shape is wrong, batch sizes differ, the batch is empty, or entries are masked.
        TypeError: an array does not hold real numbers, or ``rows`` no integers.
        IndexError: a row does not exist.
    """

    __slots__ = ("_dtypes", "_forms", "arrays", "rows", "samples")

    def __init__(self, shapes: Sequence[Shape], arrays: Sequence[Any], rows: Any = None) -> None:
        if len(arrays) != len(shapes):
            wanted = ", ".join(map(_form, shapes))
            raise ValueError(f"the program takes {len(shapes)} arrays ({wanted}) and got {len(arrays)}")
        checked: list[Array] = [_unmasked(number, array) for number, array in enumerate(arrays, start=1)]
        for number, (array, shape) in enumerate(zip(checked, shapes), start=1):
            if array.dtype.kind not in "fiu" or array.shape[1:] != shape or array.ndim != len(shape) + 1:
                raise _misfit(number, array, shape)
        for array in checked:
            if len(array) != len(checked[0]):
                raise ValueError(f"the arrays hold different numbers of samples: {list(map(len, checked))}")
        self._take(checked, rows)

    def _take(self, arrays: list[Array], rows: Any) -> None:
        self.arrays = arrays
        self._forms, self._dtypes = [array.shape for array in arrays], [array.dtype for array in arrays]
        self.samples = len(arrays[0]) if arrays else 1
        self.rows: Ints | None = None
        if rows is not None and arrays:
            self.rows = _rows(rows, self.samples)
            self.samples = len(self.rows)
        if not self.samples:
            raise ValueError("the batch is empty: a mean over no samples has no value")

    def again(self, arrays: Sequence[Any], rows: Any = None) -> Batch | None:
        """A batch of the same array objects, which need no second look (their numbers may be others); or None."""
        if len(arrays) != len(self.arrays):
            return None
        for array, own, form, dtype in zip(arrays, self.arrays, self._forms, self._dtypes):
            if array is not own or own.shape != form or own.dtype is not dtype:  # an array can change in place
                return None
        if rows is None and self.rows is None:
            return self
        batch = object.__new__(Batch)
        batch._take(self.arrays, rows)
        return batch

    def part(self, begin: int, end: int) -> Batch:
        """Some neighboring samples of this batch, as a batch."""
        if not begin and end >= self.samples:
            return self
        part = object.__new__(Batch)
        part.arrays, part._forms, part._dtypes = self.arrays, self._forms, self._dtypes
        if self.rows is None:
            part._take([array[begin:end] for array in self.arrays], None)
        else:
            part.rows, part.samples = self.rows[begin:end], min(end, self.samples) - begin
        return part

    def places(self, samples: Sequence[int]) -> list[int]:
        """Where in the arrays some samples are."""
        return [int(i if self.rows is None else self.rows[i]) for i in samples]

    def sample(self, i: int) -> list[Array]:
        """The arguments of one sample."""
        return [array[i if self.rows is None else self.rows[i]] for array in self.arrays]

    def some(self, samples: Sequence[int]) -> Batch:
        """A batch of some samples, in arrays of their own."""
        some = object.__new__(Batch)
        some._take([array[self.places(samples)] for array in self.arrays], None)
        return some


def _unmasked(number: int, array: Any) -> Array:
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise ValueError(
            f"array {number} has masked entries, which cannot be used: leave those samples out, or put numbers in "
            "their place (data.filled(0.0))"
        )
    return np.asarray(array)


def _rows(rows: Any, samples: int) -> Ints:
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or (chosen.dtype.kind not in "iu" and chosen.size):
        raise TypeError(f"rows must be a flat list of sample numbers, not {chosen.dtype} of shape {chosen.shape}")
    chosen = chosen.astype(np.int64, copy=False)
    if chosen.size and chosen.view(np.uint64).max() >= samples:  # a negative number is a huge one there
        wrong = chosen[(chosen < 0) | (chosen >= samples)][0]
        raise IndexError(f"there is no row {wrong}: the arrays hold {samples} samples, counted from 0")
    own: Ints = chosen.copy()  # the caller may shuffle the list in place before `lens` looks at it
    return own


def _misfit(number: int, array: Array, shape: Shape) -> Exception:
    if array.dtype.kind not in "fiu":
        advice = "use array.astype(float)" if array.dtype.kind == "b" else "convert it first"
        return TypeError(f"argument {number} must be an array of real numbers, not of {array.dtype}: {advice}")
    hint = "; for one sample write array[None]" if array.shape == shape else ""
    return ValueError(f"argument {number} must have the shape {_form(shape)}, not {array.shape}{hint}")


def _form(shape: Shape) -> str:
    return "(B" + "".join(f", {n}" for n in shape) + ("," if not shape else "") + ")"
