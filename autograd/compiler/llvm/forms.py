"""Forms: what a kernel does, apart from where its numbers lie.

Rows that follow one another and walk through the same loops become one kernel, whose intermediate results stay in
registers. Kernels of the same form are written once, however often a program repeats them: an unrolled loop of 200
steps has as many kernels as one step.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..lower import Lowered
from ..machine import NAMES
from ..rows import ASSIGN, I_VALUE, LISTS, ROW, S_ADJOINT, S_SCRATCH, S_VALUE, View, value_space
from ..trace import Ints

SAMPLES = -1
"""The length of the loop over the samples of a block, which is known when the kernel is called."""
LONGEST = 40
"""Rows that one kernel takes at most."""

OPERANDS = {
    **dict.fromkeys(
        ("add", "sub", "mul", "div", "pow", "less", "less_equal", "product_to", "step_to", "contract", "atan2", "hypot",
         "mod", "share_slopes", "log_share_slopes"), 2),
    "where": 3,
}  # fmt: skip
"""How many operands an instruction reads, if not one."""
UPDATES = ("add_to", "sub_to", "product_to", "step_to", "contract")
LISTED = ("gather", "scatter")


class Literal(NamedTuple):
    """A number that is known, by its bits (of a double), so that nan equals itself and −0 is not 0."""

    bits: int

    @property
    def number(self) -> float:
        """The number."""
        found: float = struct.unpack("<d", struct.pack("<q", self.bits))[0]
        return found


class Place(NamedTuple):
    """Numbers that a kernel reads or writes: an argument of the kernel, and the steps in numbers along the loops."""

    argument: int
    steps: tuple[int, ...]


class Line(NamedTuple):
    """One instruction of a kernel."""

    name: str
    update: int
    target: Place
    operands: tuple[Place | Literal, ...]
    stored: bool
    """Whether somebody reads the target later, from memory."""


class Form(NamedTuple):
    """Loops, the last one innermost, and what happens in them."""

    lengths: tuple[int, ...]
    lines: tuple[Line, ...]


@dataclass
class Row:
    """A row of the vector machine (see `rows`), with its loops."""

    name: str
    update: int
    batched: bool
    lengths: tuple[int, ...]
    target: View
    operands: tuple[View, ...]
    aux: int
    literals: tuple[Literal | None, ...] = ()

    @property
    def summed(self) -> bool:
        """Whether several values meet in one number of the target."""
        if self.batched and self.target.space <= S_SCRATCH:
            return True
        return any(n > 1 and not step for n, step in zip(self.lengths, self.target.steps))

    @property
    def elementwise(self) -> bool:
        """Whether each number of the target is made of the operands' numbers at the same place alone."""
        return self.name not in (*LISTS, *LISTED, "contract") and not self.summed


def rows_of(table: Ints, constants: dict[int, float]) -> list[Row]:
    """The rows of a table (n, ROW)."""
    found = []
    for row in table.tolist():
        name, lengths = NAMES[row[0]], tuple(row[3:7])
        views = [View(row[at], row[at + 1], tuple(row[at + 2 : at + 6])) for at in range(8, ROW, 6)]
        operands = tuple(views[1 : 1 + OPERANDS.get(name, 1)])
        literals = tuple(_literal(view, lengths, constants) for view in operands)
        made = Row(name, row[1], bool(row[2]), lengths, views[0], operands, row[7], literals)
        if made.name == "contract" and not made.summed:
            made.name = "product_to"
        if made.summed and all(x is not None and x.number == 0 for x in literals):
            made.batched = False  # a sum of zeros is 0 whatever the number of samples
        if made.summed or name in (*LISTS, *LISTED):
            made.literals = (None,) * len(operands)
        found.append(made)
    return found


def _literal(view: View, lengths: tuple[int, ...], constants: dict[int, float]) -> Literal | None:
    if view.space != S_VALUE or view.offset not in constants:
        return None
    if any(step and n > 1 for step, n in zip(view.steps, lengths)):
        return None
    return Literal(struct.unpack("<q", struct.pack("<d", constants[view.offset]))[0])


# ---- kernels ----------------------------------------------------------------------------------------------------


def _span(view: View, lengths: Sequence[int]) -> tuple[int, int, int]:
    """Space, first slot and the one after the last that a view can reach."""
    low = high = view.offset
    for step, n in zip(view.steps, lengths):
        if step > 0:
            high += step * (n - 1)
        elif step < 0:
            low += step * (n - 1)
    return view.space, low, high + 1


def _dense(view: View, lengths: Sequence[int]) -> bool:
    """Whether a view goes through all slots of its span."""
    _, low, high = _span(view, lengths)
    reached = 1
    for step, n in sorted(zip(view.steps, lengths)):
        if n > 1 and step:
            if step != reached:
                return False
            reached *= n
    return reached == high - low


def _meet(x: tuple[int, int, int], y: tuple[int, int, int]) -> bool:
    return x[0] == y[0] and x[1] < y[2] and y[1] < x[2]


class Group:
    """Rows that become one kernel.

    Attributes:
        rows: in order.
        stored: for each row, whether its target is written to memory.
    """

    def __init__(self, row: Row) -> None:
        self.rows = [row]
        self.lengths, self.batched = row.lengths, row.batched
        self.stored = [True]
        self._reads: dict[View, tuple[int, int, int]] = {}
        self._writes: dict[View, tuple[int, int, int]] = {}
        self._note(row)

    def _note(self, row: Row) -> None:
        for view, literal in zip(row.operands, row.literals):
            if literal is None and view not in self._reads:
                self._reads[view] = _span(view, self.lengths)
        span = _span(row.target, self.lengths)
        self._writes[row.target] = span
        if row.update != ASSIGN:
            self._reads[row.target] = span

    def take(self, row: Row) -> bool:
        """Add a row, if it can be computed in the same pass."""
        if len(self.rows) >= LONGEST or row.batched != self.batched or not row.elementwise:
            return False
        if row.lengths != self.lengths:
            moved = _along(row, self.lengths)
            if moved is None:
                return False
            row = moved
        target = _span(row.target, self.lengths)
        for view, literal in zip(row.operands, row.literals):
            if literal is None and view not in self._writes:
                span = _span(view, self.lengths)
                if any(_meet(span, other) for other in self._writes.values()):
                    return False
        for others in (self._reads, self._writes):
            if any(_meet(target, other) and view != row.target for view, other in others.items()):
                return False
        self.rows.append(row)
        self.stored.append(True)
        self._note(row)
        return True


def _along(row: Row, lengths: tuple[int, ...]) -> Row | None:
    """A row with one loop, along the loops of a group that are as long together; None if it has more."""
    own = [i for i, n in enumerate(row.lengths) if n > 1]
    count = 1
    for n in lengths:
        count *= n
    if len(own) != 1 or row.lengths[own[0]] != count:
        return None

    def moved(view: View) -> View:
        step, steps = view.steps[own[0]], []
        for n in reversed(lengths):
            steps.append(step if n > 1 else 0)
            step *= n
        return View(view.space, view.offset, tuple(reversed(steps)))

    operands = tuple(map(moved, row.operands))
    return Row(row.name, row.update, row.batched, lengths, moved(row.target), operands, row.aux, row.literals)


def grouped(rows: Iterable[Row]) -> list[Group]:
    """Rows in groups, in order."""
    groups: list[Group] = []
    for row in rows:
        if not (groups and row.elementwise and groups[-1].rows[0].elementwise and groups[-1].take(row)):
            groups.append(Group(row))
    return groups


def economize(parts: Sequence[list[Group]], lowered: Lowered) -> None:
    """Note which targets nobody reads from memory after their group, and drop rows that nobody reads at all.

    What is read from outside stays: results, gradients, and all that samples share.
    """
    needed: dict[int, NDArray[np.bool_]] = {space: np.zeros(size, bool) for space, size in lowered.sizes.items()}
    needed[S_VALUE][:] = True
    needed[S_ADJOINT][: lowered.n_parameters] = True
    for space in range(I_VALUE, max(lowered.sizes) + 1):
        needed[space][:] = True
    needed[max(lowered.sizes) + 1] = np.ones(2, bool)  # adjoints and weights of lanes
    needed[value_space(lowered.outputs.region)][lowered.outputs.slots] = True
    for groups in reversed(parts):
        for group in reversed(groups):
            _note_needs(group, needed, lowered.aux)
        groups[:] = [group for group in groups if group.rows]


def _note_needs(group: Group, needed: dict[int, NDArray[np.bool_]], lists: Ints) -> None:
    """From the last row to the first; ``wanted`` are views that later rows of the group read."""
    wanted: set[View] = set()
    overwritten: set[View] = set()
    kept: list[tuple[Row, bool]] = []
    for row in reversed(group.rows):
        space, low, high = _reach(row, row.target, lists)
        stored = row.target not in overwritten and bool(needed[space][low:high].any())
        if not stored and row.target not in wanted:
            continue
        kept.append((row, stored))
        overwritten.add(row.target)
        wanted.discard(row.target)
        if row.update != ASSIGN:
            wanted.add(row.target)
        elif row.elementwise and _dense(row.target, row.lengths):
            needed[space][low:high] = False
        wanted.update(view for view, literal in zip(row.operands, row.literals) if literal is None)
    for row, _ in kept:
        for view in (row.target, *row.operands):
            if view in wanted:
                space, low, high = _reach(row, view, lists)
                needed[space][low:high] = True
    group.rows = [row for row, _ in reversed(kept)]
    group.stored = [stored for _, stored in reversed(kept)]


def _reach(row: Row, view: View, lists: Ints) -> tuple[int, int, int]:
    """`_span`; what gather reads and scatter writes lies where a list says."""
    listed = row.operands[0] if row.name == "gather" else row.target
    if row.name not in LISTED or view is not listed:
        return _span(view, row.lengths)
    chosen = lists[row.aux : row.aux + row.lengths[0]] * view.steps[0] + view.offset
    return view.space, int(chosen.min()), int(chosen.max()) + 1


# ---- from slots to addresses ------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A kernel at work.

    Attributes:
        form: what it does.
        arguments: where its numbers begin, in numbers from the beginning of memory; for gather and scatter, last,
            where their list begins.
    """

    form: Form
    arguments: tuple[int, ...]


def called(group: Group, spaces: Ints, wide: bool) -> Call:
    """A group as a call of a kernel.

    Args:
        group: of rows.
        spaces: for each space its address, and how far the next slot and the next sample are (`Layout.spaces`).
        wide: whether there is a loop over samples; else there is one sample.
    """
    first = group.rows[0]
    views = [view for row in group.rows for view in (row.target, *row.operands)]
    lengths = list(first.lengths)
    steps = [[step * int(spaces[view.space, 1]) for step in view.steps] for view in views]
    if wide and first.batched:
        lengths.append(SAMPLES)
        for view, along in zip(views, steps):
            along.append(int(spaces[view.space, 2]))
    loops = [(n, tuple(along[i] for along in steps)) for i, n in enumerate(lengths)]
    if first.name not in (*LISTS, *LISTED):
        loops = merged([loop for loop in loops if loop[0] != 1])
    arguments: dict[int, int] = {}
    places = []
    for number, view in enumerate(views):
        address = int(spaces[view.space, 0]) + view.offset * int(spaces[view.space, 1])
        argument = arguments.setdefault(address, len(arguments)) if not _known(group, number) else -1
        places.append(Place(argument, tuple(loop[1][number] for loop in loops)))
    lines, at = [], 0
    for row, stored in zip(group.rows, group.stored):
        target, *operands = places[at : at + 1 + len(row.operands)]
        known = tuple(literal or place for literal, place in zip(row.literals, operands))
        lines.append(Line(row.name, row.update, target, known, stored))
        at += 1 + len(row.operands)
    listed = (first.aux,) if first.name in LISTED else ()
    return Call(Form(tuple(loop[0] for loop in loops), tuple(lines)), (*arguments, *listed))


def _known(group: Group, number: int) -> bool:
    """Whether the view of that number is a literal."""
    for row in group.rows:
        if number <= len(row.operands):
            return number > 0 and row.literals[number - 1] is not None
        number -= 1 + len(row.operands)
    raise IndexError


Loop = tuple[int, tuple[int, ...]]


def merged(loops: Sequence[Loop]) -> list[Loop]:
    """Loops, outer ones first, with neighbors made one where one step after the other goes through both."""
    found: list[Loop] = []
    for n, steps in loops:
        if found and n != SAMPLES and found[-1][1] == tuple(step * n for step in steps):
            found[-1] = (found[-1][0] * n, steps)
        else:
            found.append((n, steps))
    return found
