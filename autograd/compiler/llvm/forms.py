"""Forms: what a kernel does, apart from where its numbers lie.

Rows that follow one another and walk through the same loops become one kernel, whose intermediate results stay in
registers. Kernels of the same form are written once, however often a program repeats them: an unrolled loop of 200
steps has as many kernels as one step.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..lower import Lowered
from ..machine import Loop, loops_of, merged
from ..rows import (
    ASSIGN,
    AXES,
    I_VALUE,
    LISTED,
    LISTS,
    S_ADJOINT,
    S_VALUE,
    Kind,
    Kinds,
    Row,
    View,
    reach,
    value_space,
)  # fmt: skip
from ..trace import Ints

SAMPLES = -1
"""The length of the loop over the samples of a block, which is known when the kernel is called."""
OPEN = -2
"""The length of a loop that is known when the kernel is called, as are its steps (0 in the form)."""
LONGEST = 40
"""Rows that one kernel takes at most."""

UPDATES = ("add_to", "sub_to", "product_to", "step_to", "contract")


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

    @property
    def places(self) -> list[Place]:
        """What the lines write and read, in order."""
        every = [operand for line in self.lines for operand in (line.target, *line.operands)]
        return [operand for operand in every if isinstance(operand, Place)]


Span = tuple[int, int, int]
"""A space, the first slot that is reached in it, and the one after the last."""


class Known(NamedTuple):
    """A row, and which of its operands are known numbers."""

    kind: Kind
    starts: tuple[int, ...]
    aux: int
    literals: tuple[Literal | None, ...]

    def span(self, view: int) -> Span:
        """What a view reaches."""
        before, behind = self.kind.reaches[view]
        start = self.starts[view]
        return self.kind.views[view].space, start + before, start + behind + 1


def known(rows: Sequence[Row], lowered: Lowered) -> list[Known]:
    """Rows with their literals."""
    literals = {
        slot: Literal(struct.unpack("<q", struct.pack("<d", number))[0]) for slot, number in lowered.constants.items()
    }
    usual: dict[Kind, tuple[Kind, list[bool]]] = {}  # the kind to use, and which operands may be literals
    found = []
    for kind, starts, aux in rows:
        if kind not in usual:
            usual[kind] = _usual(kind, lowered.kinds)
        kind, constant = usual[kind]
        numbers = tuple([literals.get(start) if may else None for may, start in zip(constant, starts[1:])])
        if kind.batched and kind.summed and all(number is not None and number.number == 0 for number in numbers):
            kind = changed_kind(kind, lowered.kinds, batched=False)  # a sum of zeros is 0, however many samples
        found.append(Known(kind, starts, aux, (None,) * len(numbers) if kind.summed else numbers))
    return found


def changed_kind(
    kind: Kind, kinds: Kinds, name: str = "", batched: bool | None = None, lengths: tuple[int, ...] = (),
    views: Sequence[View] = (),
) -> Kind:  # fmt: skip
    """A kind that differs in what is given."""
    return kinds.find(
        name or kind.name, kind.update, kind.batched if batched is None else batched, lengths or kind.lengths,
        [(view.space, view.steps) for view in views or kind.views],
    )  # fmt: skip


def _usual(kind: Kind, kinds: Kinds) -> tuple[Kind, list[bool]]:
    """A kind, a product instead of a contraction that sums nothing; and which operands are one shared number each."""
    if kind.name == "contract" and not kind.summed:
        kind = changed_kind(kind, kinds, name="product_to")
    listed = kind.name in (*LISTS, *LISTED)
    return kind, [
        not listed and view.space == S_VALUE and reach == (0, 0)
        for view, reach in zip(kind.views[1:], kind.reaches[1:])
    ]


# ---- kernels ----------------------------------------------------------------------------------------------------


def _dense(kind: Kind) -> bool:
    """Whether the target of a kind is every slot that it reaches."""
    before, behind = kind.reaches[0]
    reached = 1
    for step, n in sorted(zip(kind.views[0].steps, kind.lengths)):
        if n > 1 and step:
            if step != reached:
                return False
            reached *= n
    return reached == behind - before + 1


Seen = tuple[int, int, tuple[int, ...]]
"""A view: its space, its first slot, and its steps."""


def _seen(row: Known, view: int) -> Seen:
    space, _, steps = row.kind.views[view]
    return space, row.starts[view], steps


def _meet(x: Span, spans: Iterable[Span]) -> bool:
    space, low, high = x
    for other, first, end in spans:  # noqa: SIM110
        if first < high and low < end and other == space:
            return True
    return False


class Group:
    """Rows that become one kernel.

    Attributes:
        rows: in order.
        stored: for each row, whether its target is written to memory.
    """

    def __init__(self, row: Known) -> None:
        self.rows = [row]
        self.lengths, self.batched = row.kind.lengths, row.kind.batched
        self.stored = [True]
        self._reads: dict[Seen, Span] = {}
        self._writes: dict[Seen, Span] = {}
        self._note(row)

    def _note(self, row: Known) -> None:
        for view, literal in enumerate(row.literals, 1):
            if literal is None:
                self._reads[_seen(row, view)] = row.span(view)
        target = _seen(row, 0)
        self._writes[target] = row.span(0)
        if row.kind.update != ASSIGN:
            self._reads[target] = self._writes[target]

    def take(self, row: Known, kinds: Kinds) -> bool:
        """Add a row, if it can be computed in the same pass."""
        if len(self.rows) >= LONGEST or row.kind.batched != self.batched or not row.kind.elementwise:
            return False
        if row.kind.lengths != self.lengths:
            moved = _along(row.kind, self.lengths, kinds)
            if moved is None:
                return False
            row = row._replace(kind=moved)
        for view, literal in enumerate(row.literals, 1):
            if (
                literal is None
                and _seen(row, view) not in self._writes
                and _meet(row.span(view), self._writes.values())
            ):
                return False
        target, span = _seen(row, 0), row.span(0)
        for others in (self._reads, self._writes):
            alike = others.pop(target, None)
            met = _meet(span, others.values())
            if alike is not None:
                others[target] = alike
            if met:
                return False
        self.rows.append(row)
        self.stored.append(True)
        self._note(row)
        return True


def _along(kind: Kind, lengths: tuple[int, ...], kinds: Kinds) -> Kind | None:
    """A kind with one loop, along the loops of a group that are as long together; None if it has more."""
    own = [i for i, n in enumerate(kind.lengths) if n > 1]
    if len(own) != 1 or kind.lengths[own[0]] != math.prod(lengths):
        return None

    def moved(view: View) -> View:
        step, steps = view.steps[own[0]], []
        for n in reversed(lengths):
            steps.append(step if n > 1 else 0)
            step *= n
        return view._replace(steps=tuple(reversed(steps)))

    return changed_kind(kind, kinds, lengths=lengths, views=[moved(view) for view in kind.views])


def grouped(rows: Iterable[Known], kinds: Kinds) -> list[Group]:
    """Rows in groups, in order."""
    groups: list[Group] = []
    open_ = False  # whether the last group may take more
    for row in rows:
        if not (open_ and row.kind.elementwise and groups[-1].take(row, kinds)):
            groups.append(Group(row))
            open_ = row.kind.elementwise
    return groups


def economize(parts: Sequence[list[Group]], lowered: Lowered) -> None:
    """Note which targets nobody reads from memory after their group, and drop rows that nobody reads at all.

    What is read from outside stays: results, gradients, and all that samples share.
    """
    last = max(lowered.sizes)
    needed = {space: bytearray(size) for space, size in lowered.sizes.items()}
    for space in (S_VALUE, *range(I_VALUE, last + 1)):
        needed[space] = bytearray(b"\1" * lowered.sizes[space])
    needed[S_ADJOINT][: lowered.n_parameters] = b"\1" * lowered.n_parameters
    needed[last + 1] = bytearray(b"\1\1")  # adjoints and weights of lanes
    for slot in lowered.outputs.slots.ravel().tolist():
        needed[value_space(lowered.outputs.region)][slot] = 1
    for groups in reversed(parts):
        for group in reversed(groups):
            _note_needs(group, needed, lowered.aux)
        groups[:] = [group for group in groups if group.rows]


def _note_needs(group: Group, needed: dict[int, bytearray], lists: Ints) -> None:
    """From the last row to the first; ``wanted`` are views that later rows of the group read."""
    wanted: set[Seen] = set()
    overwritten: set[Seen] = set()
    kept: list[tuple[Known, bool]] = []
    for row in reversed(group.rows):
        target, (space, low, high) = _seen(row, 0), _reach(row, 0, lists)
        stored = target not in overwritten and needed[space].find(1, low, high) >= 0
        if not stored and target not in wanted:
            continue
        kept.append((row, stored))
        overwritten.add(target)
        wanted.discard(target)
        if row.kind.update != ASSIGN:
            wanted.add(target)
        elif row.kind.elementwise and _dense(row.kind):
            needed[space][low:high] = bytes(high - low)
        wanted.update(_seen(row, view) for view, literal in enumerate(row.literals, 1) if literal is None)
    for row, _ in kept:
        for view in range(len(row.starts)):
            if _seen(row, view) in wanted:
                space, low, high = _reach(row, view, lists)
                needed[space][low:high] = b"\1" * (high - low)
    group.rows = [row for row, _ in reversed(kept)]
    group.stored = [stored for _, stored in reversed(kept)]


def _reach(row: Known, view: int, lists: Ints) -> Span:
    """`Known.span`; what gather reads and scatter writes lies where a list says."""
    if row.kind.name not in LISTED or view != (row.kind.name == "gather"):
        return row.span(view)
    space, _, steps = row.kind.views[view]
    chosen = lists[row.aux : row.aux + row.kind.lengths[0]] * steps[0] + row.starts[view]
    return space, int(chosen.min()), int(chosen.max()) + 1


# ---- from slots to addresses ------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A kernel at work.

    Attributes:
        form: what it does.
        arguments: where its numbers begin, in numbers from the beginning of memory.
        numbers: what an open form is called with besides; for gather and scatter, where their list begins.
    """

    form: Form
    arguments: tuple[int, ...]
    numbers: tuple[int, ...] = ()

    def reaches(self, width: int) -> list[tuple[int, int]]:
        """For each argument, how far before and behind it numbers are read or written in a block of that width.

        Lists of slots are left out: they were checked when the program was made.
        """
        found = [(0, 0)] * len(self.arguments)
        if self.form.lines[0].name in LISTED:
            return found
        lengths = [width if n == SAMPLES else n for n in self.form.lengths]
        opened = [i for i, n in enumerate(lengths) if n == OPEN]
        numbers = iter(self.numbers)
        for i in opened:
            lengths[i] = next(numbers)
        for place in self.form.places:
            steps = list(place.steps)
            for i in opened:
                steps[i] = next(numbers)
            before, behind = reach(steps, lengths)
            low, high = found[place.argument]
            found[place.argument] = min(before, low), max(behind, high)
        return found


class Calls:
    """Makes calls of groups, for blocks of samples or for one sample.

    Args:
        spaces: for each space its address, and how far the next slot and the next sample are (`Layout.spaces`).
        wide: whether there is a loop over samples; else there is one sample.
    """

    def __init__(self, spaces: Ints, wide: bool) -> None:
        self._spaces: list[list[int]] = spaces.tolist()
        self.wide, self._samples = wide, SAMPLES if wide else None
        self._forms: dict[tuple[object, ...], Form] = {}
        self._open: dict[Kind, tuple[Form, tuple[int, ...]]] = {}
        self._bases: dict[Kind, list[tuple[int, int]]] = {}

    def fused(self, group: Group) -> Call:
        """A group as one call."""
        arguments: dict[int, int] = {}
        key: list[object] = [*group.stored]
        for row in group.rows:
            key += row.kind, row.literals
            for (base, slot), start, literal in zip(self._based(row.kind), row.starts, (None, *row.literals)):
                if literal is None:
                    key.append(arguments.setdefault(base + start * slot, len(arguments)))
        identity = tuple(key)
        if identity not in self._forms:
            self._forms[identity] = self._form(group, arguments)
        first = group.rows[0]
        return Call(self._forms[identity], tuple(arguments), (first.aux,) if first.kind.name in LISTED else ())

    def _based(self, kind: Kind) -> list[tuple[int, int]]:
        """For each view the address of slot 0, and how far the next slot is."""
        if kind not in self._bases:
            self._bases[kind] = [tuple(self._spaces[view.space][:2]) for view in kind.views]  # type: ignore[misc]
        return self._bases[kind]

    def _form(self, group: Group, arguments: dict[int, int]) -> Form:
        rows = group.rows
        every = [loops_of(row.kind, self._spaces, self._samples) for row in rows]
        loops = [Loop(same[0].length, sum((loop.steps for loop in same), ())) for same in zip(*every)]
        if rows[0].kind.name not in (*LISTS, *LISTED):
            loops = merged(loops)
        elif not rows[0].kind.batched:
            loops = loops[:AXES]
        lines, at = [], 0
        for row, stored in zip(rows, group.stored):
            places: list[Place | Literal] = []
            for (base, slot), start, literal in zip(self._based(row.kind), row.starts, (None, *row.literals)):
                steps = tuple(loop.steps[at] for loop in loops)
                places.append(literal or Place(arguments[base + start * slot], steps))
                at += 1
            target, *operands = places
            assert isinstance(target, Place)
            lines.append(Line(row.kind.name, row.kind.update, target, tuple(operands), stored))
        return Form(tuple(loop.length for loop in loops), tuple(lines))

    def opened(self, row: Known) -> Call:
        """An elementwise row as a call of an open form, which serves rows of any lengths and steps."""
        if row.kind not in self._open:
            self._open[row.kind] = self._open_form(row.kind)
        form, numbers = self._open[row.kind]
        arguments = tuple([base + start * slot for (base, slot), start in zip(self._based(row.kind), row.starts)])
        exponent = row.literals[-1] if row.kind.name == "pow" else None  # a known one is not left to the C library
        if exponent is not None:
            (line,) = form.lines
            form = form._replace(lines=(line._replace(operands=(*line.operands[:-1], exponent)),))
            arguments = arguments[:-1]
        return Call(form, arguments, numbers)

    def _open_form(self, kind: Kind) -> tuple[Form, tuple[int, ...]]:
        """The form, and the numbers that it is called with."""
        loops = merged(loops_of(kind, self._spaces, self._samples))
        inner = loops[-1:] if kind.batched and self._samples else []  # over samples
        outer = loops[: len(loops) - len(inner)]
        numbers = [loop.length for loop in outer]
        places = []
        for view in range(len(kind.views)):
            numbers += [loop.steps[view] for loop in outer]
            places.append(Place(view, (*[0 for _ in outer], *[loop.steps[view] for loop in inner])))
        line = Line(kind.name, kind.update, places[0], tuple(places[1:]), stored=True)
        return Form((*[OPEN for _ in outer], *[loop.length for loop in inner]), (line,)), tuple(numbers)
