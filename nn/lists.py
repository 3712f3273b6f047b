"""Arrays where NumPy is missing: `ListArray`, on Python's lists, does what `nn` asks of NumPy's, under the same names.

So training, metrics and data sets are written once, and run in a browser too. It is for small data; where NumPy is
installed, `array` makes NumPy's arrays.
"""

from __future__ import annotations

import math
import operator
import reprlib
import sys
from array import array as packed
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, compress
from typing import Any, NamedTuple

from autograd.floats import IEEE_FUNCTIONS

try:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
except ImportError:
    np = None  # type: ignore[assignment]
    ArrayLike = NDArray = Floats = Any  # type: ignore[assignment]

__all__ = ["ArrayLike", "Floats", "ListArray", "NDArray", "array", "buffer", "firsts", "np"]


def array(data: Any) -> Any:
    """Numbers, or rows of them, as NumPy's array, or as a `ListArray` where NumPy is missing.

    Raises:
        ValueError: the rows differ in length.
    """
    return ListArray(data) if np is None else np.asarray(data)


def firsts(data: Any, most: int) -> list[int]:
    """Where each different entry (or row) of an array is found first, in the order of the entries; ``most`` of them."""
    if not isinstance(data, ListArray):
        _, places = np.unique(data, axis=None if data.ndim == 1 else 0, return_index=True)
        return places[:most].tolist()  # type: ignore[no-any-return]
    found: dict[Any, int] = {}
    for i, entry in enumerate(data.tolist()):
        found.setdefault(tuple(entry) if isinstance(entry, list) else entry, i)
    return [found[entry] for entry in sorted(found)[:most]]


def buffer(data: Any) -> Any:
    """The bytes of an array of floats, row after row: the same bytes with and without NumPy."""
    return packed("d", data.flat) if isinstance(data, ListArray) else np.ascontiguousarray(data).data


class Kind(NamedTuple):
    """What the entries of a `ListArray` are, in NumPy's words."""

    kind: str
    name: str
    str: str


_ENDS = "<" if sys.byteorder == "little" else ">"
_BOOL, _INT, _FLOAT = Kind("b", "bool", "|b1"), Kind("i", "int64", f"{_ENDS}i8"), Kind("f", "float64", f"{_ENDS}f8")
_TEXT, _OBJECT = Kind("U", "str", "U"), Kind("O", "object", "O")
_TYPES: dict[str, Callable[[Any], Any]] = {"float64": float, "int64": int, "bool": bool}


def _both(f: Callable[[Any, Any], Any]) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """A method for an operator, and the one for swapped sides."""

    def method(self: ListArray, other: Any) -> ListArray:
        other = other if isinstance(other, ListArray) else ListArray(other)
        return ListArray(_each(f, self._data, self.ndim, other._data, other.ndim))

    return method, lambda self, other: method(ListArray(other), self)


class ListArray:
    """Numbers as nested lists, with as much of a NumPy array as `nn` and short programs use.

    Operators and comparisons go entry by entry, and a row goes with each row of a table. ``a[rows]`` takes a slice, a
    list of numbers or a list of bools; ``a[:, 1]`` is a column.

    Args:
        data: a number, or lists of numbers nested to any depth.

    Raises:
        ValueError: the rows differ in length.

    Example:
        >>> a = ListArray([[1.0, 2.0], [3.0, 5.0]])
        >>> a - a.mean(axis=0)
        ListArray([[-1.0, -1.5], [1.0, 1.5]])
        >>> a[a[:, 0] > 2], a.shape
        (ListArray([[3.0, 5.0]]), (2, 2))
    """

    __slots__ = ("_data", "shape")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: Any) -> None:
        self._data = _listed(data)
        self.shape: tuple[int, ...] = _shape(self._data)

    # ---- what it is

    @property
    def ndim(self) -> int:
        """How deep the lists are nested."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return math.prod(self.shape)

    @property
    def flat(self) -> Iterator[Any]:
        """The entries, row after row."""
        entries: Any = [self._data]
        for _ in self.shape:
            entries = chain.from_iterable(entries)
        return iter(entries)

    @property
    def dtype(self) -> Kind:
        """What the entries are: of one kind, or the kind that holds all of them."""
        types = {*map(type, self.flat)}
        if not types or (float in types and types <= {bool, int, float}):
            return _FLOAT
        if types <= {bool, int}:
            return _INT if int in types else _BOOL
        return _TEXT if str in types and types <= {bool, int, float, str} else _OBJECT

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single number")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"{self.size} entries are not one truth; use .any() or .all()")
        return bool(next(self.flat))

    def __repr__(self) -> str:
        return f"ListArray({reprlib.repr(self._data)})"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a ListArray has no .{name}: where NumPy is missing it stands for an array, and does a part of its work"
        )

    def tolist(self) -> Any:
        """The nested lists, as a copy."""
        return _listed(self._data)

    def astype(self, dtype: str, copy: bool = True) -> ListArray:
        """The entries as ``"float64"``, ``"int64"`` or ``"bool"``."""
        return self._map(_TYPES[dtype]) if copy or self.dtype.name != dtype else self

    # ---- parts

    def _places(self, index: Any) -> Sequence[int]:
        if isinstance(index, slice):
            return range(len(self))[index]
        chosen = _listed(index)
        if {*map(type, chosen)} != {bool}:
            return chosen  # type: ignore[no-any-return]
        if len(chosen) != len(self):
            raise IndexError(f"{len(chosen)} bools do not choose among {len(self)} entries")
        return [*compress(range(len(self)), chosen)]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):
            rows, column = index
            part = self[rows]
            if column is None:
                return ListArray([[entry] for entry in part._data])
            return part[column] if hasattr(rows, "__index__") else ListArray([row[column] for row in part._data])
        if hasattr(index, "__index__"):
            return self._data[index] if self.ndim == 1 else ListArray(self._data[index])
        part = ListArray([self._data[i] for i in self._places(index)])
        part.shape = len(part), *self.shape[1:]  # which no rows at all do not show
        return part

    def __setitem__(self, index: Any, entry: Any) -> None:
        for i in self._places([index] if hasattr(index, "__index__") else index):
            self._data[i] = entry

    # ---- entry by entry

    def _map(self, f: Callable[[Any], Any]) -> ListArray:
        return ListArray(_each(lambda x, _: f(x), self._data, self.ndim, None, 0))

    __add__, __radd__ = _both(operator.add)
    __sub__, __rsub__ = _both(operator.sub)
    __mul__, __rmul__ = _both(operator.mul)
    __truediv__, __rtruediv__ = _both(IEEE_FUNCTIONS["divide"])
    __pow__, __rpow__ = _both(IEEE_FUNCTIONS["pow"])
    __and__, __rand__ = _both(operator.and_)
    __or__, __ror__ = _both(operator.or_)
    __lt__, __gt__ = _both(operator.lt)
    __le__, __ge__ = _both(operator.le)
    __eq__, __ne__ = _both(operator.eq)[0], _both(operator.ne)[0]

    def __neg__(self) -> ListArray:
        return self._map(operator.neg)

    def __abs__(self) -> ListArray:
        return self._map(abs)

    def __invert__(self) -> ListArray:
        return self._map(lambda x: not x if isinstance(x, bool) else ~x)

    def round(self) -> ListArray:
        """Whole numbers; halves to the even one."""
        return self._map(IEEE_FUNCTIONS["round"])

    # ---- all entries, or a line of them

    def _over(self, f: Callable[[list[Any]], Any], axis: int | None) -> Any:
        """f of all entries; with ``axis=0`` of each column of a table, with ``axis=1`` of each row."""
        if axis is None or self.ndim == 1:
            return f([*self.flat])
        return ListArray([f(list(line)) for line in (zip(*self._data) if axis == 0 else self._data)])

    def any(self, axis: int | None = None) -> Any:
        """Whether one is true."""
        return self._over(any, axis)

    def all(self, axis: int | None = None) -> Any:
        """Whether all are true."""
        return self._over(all, axis)

    def sum(self, axis: int | None = None) -> Any:
        """The sum."""
        return self._over(sum, axis)

    def mean(self, axis: int | None = None) -> Any:
        """The mean."""
        return self._over(_mean, axis)

    def std(self, axis: int | None = None) -> Any:
        """The standard deviation, with n in the denominator."""
        return self._over(_deviation, axis)

    def argmax(self, axis: int | None = None) -> Any:
        """Where the largest entry stands, the first of them; a nan counts as largest."""
        return self._over(_where_largest, axis)

    def max(self, axis: int | None = None) -> Any:
        """The largest entry; nan if there is one."""
        return self._over(lambda xs: xs[_where_largest(xs)], axis)

    def min(self, axis: int | None = None) -> Any:
        """The smallest entry; nan if there is one."""
        return self._over(lambda xs: xs[_where_largest([-x for x in xs])], axis)


def _listed(data: Any) -> Any:
    """Lists of lists, whatever kind of sequences they were; a copy."""
    if isinstance(data, (list, tuple, range)):
        return [_listed(entry) for entry in data]
    return data.tolist() if hasattr(data, "tolist") else data


def _shape(data: Any) -> tuple[int, ...]:
    if not isinstance(data, list):
        return ()
    shapes = {_shape(entry) for entry in data} or {()}
    if len(shapes) > 1:
        raise ValueError("the rows differ in length")
    return len(data), *shapes.pop()


def _each(f: Callable[[Any, Any], Any], a: Any, a_depth: int, b: Any, b_depth: int) -> Any:
    """f of the entries of two nested lists; what is nested less, or has length 1, is used again and again."""
    if a_depth > b_depth:
        return [_each(f, p, a_depth - 1, b, b_depth) for p in a]
    if b_depth > a_depth:
        return [_each(f, a, a_depth, q, b_depth - 1) for q in b]
    if not a_depth:
        return f(a, b)
    a, b = a * len(b) if len(a) == 1 else a, b * len(a) if len(b) == 1 else b
    if len(a) != len(b):
        raise ValueError(f"{len(a)} entries do not go with {len(b)}")
    return [_each(f, p, a_depth - 1, q, b_depth - 1) for p, q in zip(a, b)]


def _mean(xs: list[Any]) -> float:
    return float(sum(xs) / len(xs))


def _deviation(xs: list[Any]) -> float:
    mean = _mean(xs)
    return math.sqrt(_mean([(x - mean) ** 2 for x in xs]))


def _where_largest(xs: list[Any]) -> int:
    return max(range(len(xs)), key=lambda i: (xs[i] != xs[i], xs[i]))
