"""What a readable program is made of: arrays of one sample, each of which says how it is computed from others.

An array has the axes of one sample, and may differ from sample to sample (``batched``). Nothing here knows in which
library the program will be written, nor whether it computes all samples at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.trace import Ints

SHAPING = frozenset({"given", "number", "constant", "index", "swap", "reshape", "column", "spread"})
"""What computes nothing: it is written where it is read."""


@dataclass(eq=False)
class Node:
    """An array.

    Attributes:
        op: what it is: ``given`` (by name), ``number``, ``constant`` (numbers), a way to read another array (``index``,
            ``swap`` for the other order of two axes, ``reshape``, ``take``, ``column``, ``spread``, ``join``),
            ``apply`` (an operation of the table), ``slope`` (one of its derivatives), ``sum`` (of terms with signs),
            ``total`` (along axes), ``product`` (as `numpy.einsum`), an operation on lists, ``collect`` (of adjoints),
            or ``full`` (one number everywhere).
        operands: the arrays that it is computed from.
        shape: of one sample.
        batched: whether it differs from sample to sample.
        data: what else is to be known.
        stem: its name, for what is given from outside.
        twin: the array whose adjoint it is, or that it computes once more; of a row, where that is taken from.
        adjoint: whether it is the adjoint of its twin.
    """

    op: str
    operands: tuple[Node, ...] = ()
    shape: tuple[int, ...] = ()
    batched: bool = False
    data: Any = None
    stem: str = ""
    twin: Node | None = None
    adjoint: bool = False

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return math.prod(self.shape)


@dataclass(eq=False)
class Loop:
    """A stretch that repeats.

    Attributes:
        times: how often.
        state: names inside for what one iteration hands to the next; after the loop they stand for the last ones.
        initial: what they are before the first iteration.
        rows: names inside for the entries of what moves along.
        moving: the arrays whose rows these are.
        body: what an iteration computes.
        after: what it hands on.
        sums: names of arrays to which the iterations add (adjoints of what they all read).
        reverse: on the way there, the loop back.
        carried: on the way back, names of the adjoints of the state.
        collected: on the way back, adjoints of the rows, and the name of the array of all of them.
        again: on the way back, from the last state to the first, the loop of the way there.
    """

    times: int
    state: list[Node]
    initial: list[Node]
    rows: list[Node]
    moving: list[Node]
    body: list[Node | Loop] = field(default_factory=list)
    after: list[Node] = field(default_factory=list)
    sums: list[Node] = field(default_factory=list)
    reverse: Loop | None = None
    carried: list[Node] = field(default_factory=list)
    collected: list[tuple[Node, Node]] = field(default_factory=list)
    again: Loop | None = None


class Maker:
    """Makes arrays, and keeps them in order."""

    def __init__(self) -> None:
        self.block: list[Node | Loop] = []

    def make(
        self, op: str, operands: Sequence[Node], shape: Sequence[int], data: Any = None, batched: bool | None = None
    ) -> Node:
        """One more array."""
        if batched is None:
            batched = any(x.batched for x in operands)
        node = Node(op, tuple(operands), tuple(shape), batched, data)
        self.block.append(node)
        return node

    # -- reading ------------------------------------------------------------------------------------------------------

    def view(self, array: Node, places: Ints) -> tuple[Node, float]:
        """Some places of an array in a form, and how hard that is to read.

        Axes along which the places repeat are 1 long in what is returned, and left out at the front.
        """
        if array.op == "number":
            return array, 0
        if array.op in ("swap", "reshape", "column") and array.operands[0].size == array.size:
            (source,) = array.operands
            order = np.arange(array.size).reshape(source.shape)
            return self.view(source, (order.T if array.op == "swap" else order).ravel()[places])
        if places.shape == array.shape and np.array_equal(places.ravel(), np.arange(array.size)):
            return array, 0
        for axis in range(places.ndim):
            first = places.take([0], axis)
            if places.shape[axis] > 1 and (places == first).all():
                places = first
        while places.ndim and places.shape[0] == 1:
            places = places[0]
        if array.size == 1:
            return array, 0
        if array.op == "join" and not any(piece.shape for piece in array.operands):
            if places.size == 1:
                return array.operands[int(places)], 0
            if places.ndim == 1 and places.size < array.size:
                return self.make("join", [array.operands[i] for i in places.tolist()], places.shape), 6
        if places.ndim == 2 and places.shape[1] == 1:
            column, cost = self.view(array, places[:, 0])
            return self.make("column", [column], places.shape), cost
        if places.shape == array.shape and np.array_equal(places.ravel(), np.arange(array.size)):
            return array, 0
        indexed = self._indexed(array, places)
        if indexed is not None:
            return indexed, 1
        flat = places.ravel()
        if np.array_equal(flat, np.arange(flat[0], flat[0] + flat.size)):
            source = array
            if flat.size < array.size:
                source = self.flat(array)
                source = self.make("index", [source], (flat.size,), (slice(int(flat[0]), int(flat[-1]) + 1),))
            return self.make("reshape", [source], places.shape), 3
        rows = self._rows(array, places)
        if rows is not None:
            return rows, 4
        return self.make("take", [self.flat(array)], places.shape, places), 10

    def _rows(self, array: Node, places: Ints) -> Node | None:
        """Places as columns of some rows: the weights of a layer in a flat array, between its biases."""
        if places.ndim != 2:
            return None
        first, length, (number, width) = int(places[0, 0]), int(places[1, 0] - places[0, 0]), places.shape
        if length < width or (places != first + length * np.arange(number)[:, None] + np.arange(width)).any():
            return None
        back = max(0, first + number * length - array.size)  # the last row would end beyond the array: begin earlier
        if back > first or back + width > length:
            return None
        source, end = self.flat(array), first - back + number * length
        if end - first + back < array.size:
            source = self.make("index", [source], (number * length,), (slice(first - back, end),))
        matrix = self.make("reshape", [source], (number, length))
        columns = slice(back or None, back + width if back + width < length else None)
        return self.make("index", [matrix], places.shape, (slice(None), columns))

    def flat(self, array: Node) -> Node:
        """All numbers of an array in one axis."""
        return array if len(array.shape) == 1 else self.make("reshape", [array], (array.size,))

    def _indexed(self, array: Node, places: Ints) -> Node | None:
        """Places as an index of an array, if they are one."""
        steps = [math.prod(array.shape[axis + 1 :]) for axis in range(len(array.shape))]
        start = [int(i) for i in np.unravel_index(int(places.flat[0]), array.shape)]
        key: list[Any] = list(start)
        order = []
        for axis, length in enumerate(places.shape):
            jump = int(places.take(1, axis).flat[0] - places.flat[0])
            found = [a for a, step in enumerate(steps) if jump > 0 and jump % step == 0 and a not in order]
            found = [a for a in found if start[a] + jump // steps[a] * (length - 1) < array.shape[a]]
            if not found:
                return None
            a = found[0]
            step = jump // steps[a]
            end = start[a] + step * (length - 1) + 1
            whole = (start[a], step, length) == (0, 1, array.shape[a])
            key[a] = slice(None) if whole else slice(start[a] or None, None if end == array.shape[a] else end, step)
            order.append(a)
        numbers = np.arange(array.size).reshape(array.shape)[tuple(key)]
        swapped = order != sorted(order)
        if swapped and len(order) != 2:
            return None
        if not np.array_equal(numbers.T if swapped else numbers, places):
            return None
        shape = numbers.shape
        whole = all(entry == slice(None) for entry in key)
        result = array if whole else self.make("index", [array], shape, tuple(key))
        return self.make("swap", [result], shape[::-1]) if swapped else result
