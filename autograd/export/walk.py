"""One walk through an array program, whichever library runs its instructions.

Where each operand lies is worked out once (`Walk`), for the arrays that the walk makes; what an instruction does is
said by a `Vocabulary`. A walk is for one sample: libraries have their own way to map a function over a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..compiler.pack import INPUT, SHARED, Operand, Packed, affine
from ..compiler.trace import ALONG_LISTS, Array, Ints
from . import loops


class Vocabulary(Protocol):
    """What a library calls things."""

    arrays: Any
    """Its counterpart of ``numpy``: matmul, concatenate, broadcast_to, transpose."""

    def constants(self, numbers: Array, like: Any) -> Any:
        """Numbers as an array of the dtype of ``like``."""

    def apply(self, op: str, operands: Sequence[Any]) -> Any:
        """An operation of the table, entry by entry."""

    def over_list(self, op: str, entries: Any) -> Any:
        """log_sum_exp, softmax or log_softmax along the last axis."""

    def repeat(
        self, body: Callable[[list[Any], list[Any]], list[Any]], state: list[Any], moving: list[Any], times: int
    ) -> list[Any]:
        """The state after so many times ``state = body(state, rows)``; ``rows`` are the next of ``moving``.

        A target without loops gets the body that many times over.
        """
        for n in range(times):
            state = body(state, [rows[n] for rows in moving])
        return state


def unused(stem: str, taken: set[str]) -> str:
    """``stem`` or, where that is taken, ``stem_1``, ``stem_2``, …; it is taken from now on."""
    name = next(name for n in count() if (name := f"{stem}_{n}" if n else stem) not in taken)
    taken.add(name)
    return name


def refuse_misfits(given: Sequence[tuple[int, ...]], shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse arrays of other shapes than (B, *shape of one sample): a library may read beyond them, or not all of them.

    Args:
        given: the shapes of the arrays of a call.
        shapes: of one sample, as many.

    Raises:
        ValueError: a shape is another one, or the arrays hold different numbers of samples.
    """
    for number, (shape, sample) in enumerate(zip(given, shapes), 1):
        if shape[1:] != sample or not shape or not shape[0]:
            wanted = ", ".join(["B", *map(str, sample)])
            raise ValueError(f"array {number} has the shape {shape}; give ({wanted}), where B ≥ 1 is the batch size")
    if any(shape[0] != given[0][0] for shape in given):  # not by a set: the compiler of PyTorch would fix the size
        raise ValueError(f"the arrays hold {', '.join(str(shape[0]) for shape in given)} samples; give as many each")


class Rows(NamedTuple):
    """The same stretch of each of some rows that follow one another in a flat array: weights between biases."""

    first: int
    number: int
    length: int
    columns: slice

    def of(self, array: Any) -> Any:
        """The stretches, (number, columns); slices instead of a list of places, which libraries read more slowly."""
        rows = array[self.first : self.first + self.number * self.length].reshape((self.number, self.length))
        return rows[:, self.columns]


@dataclass
class Source:
    """Part of an array that the walk has made, flat.

    Attributes:
        array: its number.
        chosen: a slice of it, rows in it, places in it, or None for all of it.
    """

    array: int
    chosen: slice | Rows | Ints | None

    def of(self, made: Mapping[int, Any]) -> Any:
        """The numbers, given the arrays that were made so far."""
        array = made[self.array]
        if self.chosen is None:
            return array
        return self.chosen.of(array).reshape(-1) if isinstance(self.chosen, Rows) else array[self.chosen]


@dataclass
class Reading:
    """How an operand is put together: sources one after the other, a choice among them, a form, an order of axes.

    Attributes:
        sources: what is read.
        chosen: places in the sources if they are not read as they stand.
        form: the shape before axes are moved; axes along which the operand repeats are 1 long.
        axes: the order of axes, or None.
        shape: the operand's shape.
    """

    sources: list[Source]
    chosen: Ints | None
    form: tuple[int, ...]
    axes: tuple[int, ...] | None
    shape: tuple[int, ...]

    def of(self, made: Mapping[int, Any], arrays: Any, repeated: bool = True) -> Any:
        """The operand, given the arrays that were made so far."""
        parts = [source.of(made) for source in self.sources]
        found = parts[0] if len(parts) == 1 else arrays.concatenate(parts)
        if self.chosen is not None:
            found = found[self.chosen]
        found = found.reshape(self.form)
        if self.axes is not None:
            found = arrays.transpose(found, self.axes)
        return arrays.broadcast_to(found, self.shape) if repeated and found.shape != self.shape else found


class Walk:
    """The plan of a program: which arrays there are, and how each instruction reads them.

    Arrays are numbered: first those of the parameters, then the constants, then the arguments, all of them flat, the
    rest is what the instructions make, in order.

    Args:
        packed: the program.
        parameters: places in the flat parameters of each array that holds some of them; without it one array has all.
    """

    def __init__(self, packed: Packed, parameters: Sequence[Ints] | None = None) -> None:
        self.instructions = packed.instructions
        self.owner = {region: np.full(size, -1, np.int64) for region, size in packed.sizes.items()}
        self.place = {region: np.zeros(size, np.int64) for region, size in packed.sizes.items()}
        self.sizes: list[int] = []
        for places in parameters or [np.arange(packed.n_parameters)]:
            self._made(SHARED, places.ravel())
        slots = np.array(sorted(packed.constants), np.int64)
        self._made(SHARED, slots)
        self.numbers = np.array([packed.constants[slot] for slot in slots.tolist()])
        self.arguments = sorted(region for region in packed.sizes if region >= INPUT)
        for region in self.arguments:
            self._made(region, np.arange(packed.sizes[region]))
        self.begin = len(self.sizes)
        self.readings: list[list[Reading]] = []
        for step in packed.instructions:
            self.readings.append([self._reading(operand) for operand in step.operands])
            self._made(step.region, np.arange(step.start, step.start + step.size))
        self.outputs = self._reading(packed.outputs)
        self.loop = loops.find(self)

    @property
    def length(self) -> int:
        """The number of instructions, where those of a loop count once."""
        return len(self.instructions) - (self.loop.period * (self.loop.times - 1) if self.loop else 0)

    def _made(self, region: int, slots: Ints) -> None:
        """Note where the numbers of the next array lie."""
        self.owner[region][slots] = len(self.sizes)
        self.place[region][slots] = np.arange(len(slots))
        self.sizes.append(len(slots))

    def _reading(self, operand: Operand) -> Reading:
        slots = operand.slots
        shape = slots.shape
        if slots.size == 1:  # the fast way for what does not pack
            slot = slots.reshape(1)
            source = self._source(int(self.owner[operand.region][slot[0]]), self.place[operand.region][slot])
            return Reading([source], None, shape, None, shape)
        for axis in range(slots.ndim):  # what repeats along an axis is read once
            first = slots.take([0], axis)
            if slots.shape[axis] > 1 and (slots == first).all():
                slots = first
        form, axes = slots.shape, None
        steps = affine(slots)
        if steps is not None and slots.ndim > 1:  # read it in the order in which it lies
            order = sorted(range(slots.ndim), key=lambda axis: -steps[axis])
            if order != list(range(slots.ndim)):
                slots, axes = slots.transpose(order), tuple(int(axis) for axis in np.argsort(order))
                form = slots.shape
        flat = slots.ravel()
        owner, place = self.owner[operand.region][flat], self.place[operand.region][flat]
        cuts = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(flat)]
        runs = [slice(a, b) for a, b in pairwise(cuts)]
        if len({int(owner[run.start]) for run in runs}) == len(runs):
            return Reading([self._source(int(owner[r.start]), place[r]) for r in runs], None, form, axes, shape)
        numbers = list(dict.fromkeys(owner.tolist()))  # mixed: all of each, then a choice
        begins = dict(zip(numbers, accumulate((self.sizes[number] for number in numbers), initial=0)))
        chosen = place + np.array([begins[number] for number in owner.tolist()])
        return Reading([Source(number, None) for number in numbers], chosen, form, axes, shape)

    def _source(self, number: int, place: Ints) -> Source:
        first, step = int(place[0]), int(place[1] - place[0]) if len(place) > 1 else 1
        if step < 1 or (np.diff(place) != step).any():
            return Source(number, _rows(place, self.sizes[number]) or place)
        last = int(place[-1])
        if step == 1 and len(place) == self.sizes[number]:
            return Source(number, None)
        return Source(number, slice(first, last + 1, step if step > 1 else None))

    def run(self, parameters: Sequence[Any], arguments: Sequence[Any], words: Vocabulary) -> Any:
        """The results for one sample, (n,).

        Args:
            parameters: the arrays that hold them, each flat.
            arguments: of one sample, each flat.
            words: of the library whose arrays these are.
        """
        made = dict(enumerate([*parameters, words.constants(self.numbers, parameters[0]), *arguments]))
        end, loop = len(self.instructions), self.loop
        if loop is None:
            self._run(made, range(end), self.readings, words)
        else:
            self._run(made, range(loop.first), self.readings, words)
            self._repeat(made, loop, words)
            self._run(made, range(loop.end, end), self.readings[loop.end :], words)
        return self.outputs.of(made, words.arrays).reshape(-1)

    def _repeat(self, made: dict[int, Any], loop: loops.Loop, words: Vocabulary) -> None:
        """Run a loop, and note what its last iteration has made."""
        start = self.begin + loop.first
        before = [start - loop.period + j for j in loop.carried]

        def body(state: list[Any], rows: list[Any]) -> list[Any]:
            inside = made | dict(zip(before, state)) | {-1 - n: row for n, row in enumerate(rows)}
            self._run(inside, range(loop.first, loop.first + loop.period), loop.readings, words)
            return [inside[start + j] for j in loop.carried]

        moving = [made[array][places] for array, places in loop.moving]
        state = words.repeat(body, [made[number] for number in before], moving, loop.times)
        last = start + loop.period * (loop.times - 1)
        made.update(zip([last + j for j in loop.carried], state))

    def _run(
        self, made: dict[int, Any], positions: range, all_readings: Sequence[Sequence[Reading]], words: Vocabulary
    ) -> None:
        """Run some instructions."""
        xp = words.arrays
        for position, readings in zip(positions, all_readings):
            step = self.instructions[position]
            if step.op == "dot":
                a, b = (reading.of(made, xp, repeated=False) for reading in readings)
                result = self._products(xp, a, b, step.shape, readings[0].shape[2])
            elif step.op == "copy":
                result = xp.concatenate([reading.of(made, xp).reshape(-1) for reading in readings])
            elif step.op == "sum":
                result = self._sum(xp, [reading.of(made, xp) for reading in readings], step.signs)
            elif step.op in ALONG_LISTS:
                result = words.over_list(step.op, readings[0].of(made, xp))
            else:
                result = words.apply(step.op, [reading.of(made, xp) for reading in readings])
            made[self.begin + position] = result.reshape(-1)

    @staticmethod
    def _products(xp: Any, a: Any, b: Any, shape: tuple[int, ...], k: int) -> Any:
        """Σₖ a[g, i, k] b[g, j, k], where axes along which an operand repeats can be 1 long."""
        g, i, j = shape
        a, b = (xp.broadcast_to(x, (x.shape[0], x.shape[1], k)) if x.shape[2] != k else x for x in (a, b))
        if a.shape[0] == b.shape[0] == 1:
            result = xp.matmul(a[0], xp.transpose(b[0]))
        else:
            result = xp.matmul(a, xp.transpose(b, (0, 2, 1)))
        result = result.reshape((-1, *result.shape[-2:]))
        return xp.broadcast_to(result, (g, i, j))

    @staticmethod
    def _sum(xp: Any, terms: Sequence[Any], signs: Sequence[int]) -> Any:
        total: Any = None
        for sign, term in zip(signs, terms):
            part = term.sum(-1) if term.ndim == 2 else term
            if total is None:
                total = part if sign > 0 else -part
            else:
                total = total + part if sign > 0 else total - part
        return total


def _rows(place: Ints, size: int) -> Rows | None:
    """Places as rows of an array that long, if they are that."""
    jumps = np.flatnonzero(np.diff(place) != 1) + 1
    width = int(jumps[0])
    count, rest = divmod(len(place), width)
    first, length = int(place[0]), int(place[width] - place[0])
    if rest or length < width or not np.array_equal(place, _stretches(first, count, length, width)):
        return None
    back = max(0, first + count * length - size)  # the last row would end beyond the array: begin earlier
    return Rows(first - back, count, length, slice(back, back + width)) if first >= back else None


def _stretches(first: int, count: int, length: int, width: int) -> Ints:
    """Places of the first numbers of each row."""
    return (first + length * np.arange(count)[:, None] + np.arange(width)).ravel()
