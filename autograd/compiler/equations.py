"""A packed program as a reader would write it: textbook equations, statistics, a picture of its instructions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..answer import Answer, Part
from ..notation.tables import beside
from ..ops import TABLE
from .labels import layer_array, stem
from .pack import BATCHED, INPUT, SHARED, Instruction, Operand, Packed
from .trace import SHARES, takes_list

if TYPE_CHECKING:
    from ..export.loops import Loop
    from .program import Program


SHORTEST = 12
"""In a program of fewer instructions nobody looks for a loop."""


@dataclass(repr=False)
class Stats(Answer):
    """The size of a compiled program and what compiling it cost.

    Attributes:
        scalar_nodes: Values that the function made for one sample.
        instructions: array instructions that they became.
        equations: lines that ``print(program)`` shows: instructions that only feed the next one are written into it.
        rows: instructions of the vector machine, forward and reverse.
        bytes: memory for the largest batch so far (shared numbers and one block of samples).
        seconds: by stage.
        backend: ``"numpy"`` or ``"llvm"``.
        dtype: ``"float64"`` or ``"float32"``.
    """

    scalar_nodes: int
    instructions: int
    equations: int
    rows: int
    bytes: int
    seconds: dict[str, float]
    backend: str
    dtype: str

    def _heading(self) -> str:
        return "Size of a compiled program"

    def _content(self) -> list[Part]:
        times = ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in self.seconds.items())
        return [
            f"{self.scalar_nodes:,} scalar nodes became {self.instructions:,} array instructions "
            f"({self.rows:,} machine rows, {self.bytes:,} bytes; {self.backend}, {self.dtype})",
            f"{times}; in all {sum(self.seconds.values()) * 1e3:.1f} ms",
        ]


@dataclass
class Equation:
    """One line: ``name = text``, with the equations it reads, and how many scalar nodes it stands for.

    Without a name it says how often the lines that follow it, which are ``inside``, are repeated. ``scalars`` is None
    for a line that computes nothing.
    """

    name: str
    text: str
    batched: bool
    scalars: int | None
    reads: list[str] = field(default_factory=list)
    inside: bool = False

    def __str__(self) -> str:
        return ("  " if self.inside else "") + (f"{self.name} = {self.text}" if self.name else self.text)


def equations(program: Program, rolled: bool = False) -> list[Equation]:
    """The equations of a program, in the order in which they are computed; with ``rolled`` those of a loop once."""
    packed = program._packed
    loop = None
    if rolled and len(packed.instructions) >= SHORTEST:
        from ..export.walk import Walk

        loop = Walk(packed).loop
    return _Writer(packed, [p.label for p in program.parameters], program._names, loop).lines()


def listing(program: Program) -> str:
    """What ``print(program)`` shows."""
    lines = equations(program, rolled=True)
    shapes = ["×".join(map(str, shape)) for shape in program.shapes]
    inputs = ", ".join(f"{name}[{shape}]" if shape else name for name, shape in zip(program._names, shapes))
    stats = program.stats
    head = (
        f"{f'inputs {inputs}; ' if inputs else ''}{len(program.parameters):,} parameters; "
        f"{stats.scalar_nodes:,} scalar nodes became {stats.instructions:,} instructions "
        f"({stats.backend}, {stats.dtype})"
    )
    shown = lines if len(lines) <= 80 else [*lines[:40], *lines[-20:]]
    texts = [str(line) if len(str(line)) < 110 else str(line)[:107] + "…" for line in shown]
    notes = [
        f"{line.scalars:,} scalar{'s' * (line.scalars != 1)}{'' if line.batched or not inputs else ', once per batch'}"
        if line.scalars is not None else ""
        for line in shown
    ]  # fmt: skip
    rows = [f"  {row}" for row in beside(texts, notes)]
    if len(shown) < len(lines):
        rows.insert(40, f"  … {len(lines) - len(shown):,} more …")
    return "\n".join([head, *rows])


class _Writer:
    """Gives names to blocks of slots and writes each instruction in terms of them."""

    def __init__(self, packed: Packed, labels: Sequence[str], inputs: Sequence[str], loop: Loop | None) -> None:
        self.packed = packed
        self.labels = labels
        self.inputs = inputs
        self.loop = loop
        self.made: dict[tuple[int, int], Instruction] = {}  # by region and first slot
        self.owner: dict[int, Any] = {}  # per region, for each slot the position of the instruction that makes it
        for region, size in packed.sizes.items():
            self.owner[region] = np.full(size, -1)
        self.readers: dict[int, list[int]] = {}
        for position, step in enumerate(packed.instructions):
            for operand in step.operands:
                for i in set(self.owner[operand.region][operand.slots.ravel()].tolist()) - {-1}:
                    self.readers.setdefault(i, []).append(position)
            self.owner[step.region][step.start : step.start + step.size] = position
        self.results = set(self.owner[packed.outputs.region][packed.outputs.slots.ravel()].tolist()) - {-1}
        self.text: dict[int, tuple[str, int]] = {}  # the text of an instruction, and how tightly it binds
        self.weight = [step.scalars for step in packed.instructions]
        self.reads: dict[int, list[str]] = {}
        self.name: dict[int, str] = {}
        self.counts = {"h": 0, "t": 0}

    def lines(self) -> list[Equation]:
        """One equation per instruction that is not written into another one; those of a loop once."""
        found: list[Equation] = []
        loop = self.loop
        first, after, end = (loop.first, loop.first + loop.period, loop.end) if loop else (0, 0, 0)
        for position, step in enumerate(self.packed.instructions):
            if loop and position == first:
                found.append(Equation("", f"repeat {loop.times:,} times:", True, None))
            if loop and position == after:
                found += self._handed_on(loop)
            if not after <= position < end:
                self._line(position, step, found, first <= position < after)
        return found

    def _line(self, position: int, step: Instruction, found: list[Equation], inside: bool) -> None:
        """Append the equation of an instruction, or keep its text for the one that it is written into."""
        self.reads[position] = []
        text, binds = self._write(position, step)
        if self._inlined(position, step):
            self.text[position] = text, binds
            return
        name = self.name[position] = self._named(position, text, inside)
        shown = name + (f"[{step.size}]" if step.size > 1 else "")
        batched = step.region == BATCHED
        found.append(Equation(shown, text, batched, self.weight[position], self.reads[position], inside))

    def _named(self, position: int, text: str, inside: bool) -> str:
        """The name of what an instruction makes."""
        if position in self.results:
            return self._result(position)
        state = self._state(position) if inside else None
        if state is not None and not self._still_read(state, position):
            return self.name[state]
        letter = "h" if "@" in text and "W" in text else "t"
        self.counts[letter] += 1
        return f"{letter}{self.counts[letter]}"

    def _result(self, position: int) -> str:
        name = "loss" if self.packed.outputs.slots.size == 1 else "out"
        return name + (str(sorted(self.results).index(position) + 1) if len(self.results) > 1 else "")

    # -- loops ----------------------------------------------------------------------------------------------------

    def _state(self, position: int) -> int | None:
        """The instruction before the loop whose result this one, of its first iteration, takes the place of."""
        loop = self.loop
        return position - loop.period if loop and position - loop.first in loop.carried else None

    def _still_read(self, state: int, position: int) -> bool:
        """Whether a line of the iteration that is written later than an instruction reads the state before it."""
        assert self.loop is not None
        for reader in self.readers.get(state, []):
            while reader in self.text:  # it is written into another one
                (reader,) = self.readers[reader]
            if position < reader < self.loop.first + self.loop.period:
                return True
        return False

    def _handed_on(self, loop: Loop) -> list[Equation]:
        """What an iteration hands to the next under another name, and the results that the last one makes."""
        last = loop.end - loop.period
        changed = []
        for j in loop.carried:
            before, new = self.name[loop.first - loop.period + j], self.name[loop.first + j]
            self.name[last + j] = before
            changed += [(before, new)] if before != new else []
        found = []
        if changed:
            before, new = (", ".join(names) for names in zip(*changed))
            found.append(Equation(before, new, True, None, inside=True))
        made = [i for i in sorted(self.results) if last <= i < loop.end]
        return [*found, *(Equation(self._result(i), self.name[i], True, None) for i in made)]

    def _inlined(self, position: int, step: Instruction) -> bool:
        """Whether an instruction is written where it is used: by one other instruction, as a whole, and shortly."""
        readers = self.readers.get(position, [])
        if position in self.results or len(readers) != 1:
            return False
        if self.loop is not None:
            iteration, place = divmod(position - self.loop.first, self.loop.period)
            if iteration in (-1, 0) and place in self.loop.carried:
                return False  # an iteration hands it to the next
        reader = self.packed.instructions[readers[0]]
        whole = np.arange(step.start, step.start + step.size)
        mine = [o for o in reader.operands if o.region == step.region and np.isin(o.slots, whole).any()]
        used_whole = len(mine) == 1 and np.array_equal(mine[0].slots.ravel(), whole)
        if reader.op == "dot" or (takes_list(reader.op) if reader.op in TABLE else False):
            return False
        return used_whole and step.region == reader.region and step.op not in SHARES and self._length(position) < 80

    def _length(self, position: int) -> int:
        step = self.packed.instructions[position]
        return sum(len(self.text[i][0]) for o in step.operands for i in self._makers(o) if i in self.text)

    def _makers(self, operand: Operand) -> list[int]:
        return sorted(set(self.owner_before(operand)) - {-1})

    def owner_before(self, operand: Operand) -> list[int]:
        owners: list[int] = self.owner[operand.region][operand.slots.ravel()].tolist()
        return owners

    # -- instructions ---------------------------------------------------------------------------------------------

    def _write(self, position: int, step: Instruction) -> tuple[str, int]:
        if step.op == "dot":
            return self._dot(position, step)
        if step.op == "sum":
            return self._sum(position, step)
        operands = [self._operand(position, operand) for operand in step.operands]
        if step.op == "copy":
            return "[" + ", ".join(text for text, _ in operands) + "]", 9
        op = TABLE.get(step.op)  # none if it was unregistered: a program that refuses to run can still be read
        if op is not None and op.symbol and len(operands) == 2:
            binds = 1 if step.op in ("less", "less_equal") else 3
            sign = {"mul": "·", "div": "/"}.get(step.op, op.symbol)
            left, right = _bracket(operands[0], binds), _bracket(operands[1], binds + 1)
            return f"{left} {sign} {right}", binds
        return f"{step.op}({', '.join(text for text, _ in operands)})", 9

    def _sum(self, position: int, step: Instruction) -> tuple[str, int]:
        text = ""
        for n, (sign, operand) in enumerate(zip(step.signs, step.operands)):
            if len(step.operands) > 1 and self._zero(operand):
                continue  # it is there for the sign of a zero
            if n == 0 and step.in_place:
                before = [i for i, other in enumerate(self.packed.instructions[:position])
                          if (other.region, other.start, other.shape and other.size) ==
                          (step.region, step.start, step.size)][-1]  # fmt: skip
                part = self._within(position, before) if before in self.text else (self.name[before], 9)
            elif operand.slots.ndim == 2:
                part = f"sum({self._operand(position, operand)[0]})", 9
            else:
                part = self._operand(position, operand)
            written = _bracket(part, 2 if sign == 1 else 3)
            text += (" + " if sign == 1 else " − ") + written if text else ("−" if sign < 0 else "") + written
        return text, 2

    def _zero(self, operand: Operand) -> bool:
        numbers = self.packed.constants if operand.region == SHARED else {}
        return all(numbers.get(slot) == 0 for slot in operand.slots.ravel().tolist())

    def _dot(self, position: int, step: Instruction) -> tuple[str, int]:
        g, i, j = step.shape
        left, right = step.operands
        k = left.slots.shape[2]
        stack = f"{g}×" if g > 1 else ""
        a = self._named_vector(position, left, f"{stack}{i}×{k}" if i > 1 or j > 1 else f"{stack}{k}")
        if i == j == 1:
            b = self._named_vector(position, right, f"{stack}{k}")
            if right.region >= INPUT or "W" in a:
                return f"{self._shape(a, f'{stack}1×{k}')} @ {b}", 3
            return f"{a} · {b}", 3
        if j == 1:
            return f"{a} @ {self._named_vector(position, right, f'{stack}{k}')}", 3
        return f"{a} @ {self._named_vector(position, right, f'{stack}{j}×{k}')}ᵀ", 3

    @staticmethod
    def _shape(text: str, shape: str) -> str:
        return re.sub(r"\[[^\]]*\]$", f"[{shape}]", text)

    # -- operands -------------------------------------------------------------------------------------------------

    def _named_vector(self, position: int, operand: Operand, shape: str) -> str:
        return f"{self._base(position, operand)}[{shape}]"

    def _operand(self, position: int, operand: Operand) -> tuple[str, int]:
        makers = self._makers(operand)
        if len(makers) == 1 and makers[0] in self.text:
            return self._within(position, makers[0])
        n = operand.slots.size
        base = self._base(position, operand)
        distinct = len(np.unique(operand.slots))
        return (base if n == 1 or distinct == 1 else f"{base}[{distinct}]"), 9

    def _within(self, position: int, maker: int) -> tuple[str, int]:
        """The text of an instruction that is written into this one."""
        self.weight[position] += self.weight[maker]
        self.reads[position] += self.reads[maker]
        return self.text[maker]

    def _base(self, position: int, operand: Operand) -> str:
        """The name of what an operand reads, without its shape; ``next(x)`` if each iteration reads further along."""
        loop = self.loop
        if loop is None or not loop.first <= position < loop.first + loop.period:
            return self._called(position, operand)
        operands = self.packed.instructions[position].operands
        number = next(n for n, other in enumerate(operands) if other is operand)
        if all(source.array >= 0 for source in loop.readings[position - loop.first][number].sources):
            return self._called(position, operand)
        all_of_them = [self.packed.instructions[i].operands[number] for i in range(position, loop.end, loop.period)]
        slots = np.concatenate([other.slots.ravel() for other in all_of_them])
        return f"next({_PART.sub('', self._called(position, Operand(operand.region, slots)))})"

    def _called(self, position: int, operand: Operand) -> str:
        """The name of what an operand reads."""
        slots = operand.slots.ravel()
        if operand.region >= INPUT:
            name = self.inputs[operand.region - INPUT]
            self.reads[position].append(name)
            whole = len(np.unique(slots)) == self.packed.sizes[operand.region]
            return name if whole else f"{name}{_subscript(slots)}"
        parts = []
        if operand.region == SHARED:
            given = slots[slots < self.packed.n_parameters]
            if given.size:
                labels = [self.labels[s] for s in np.unique(given).tolist()]
                parts.append(_parameters(labels, given, self.packed.n_parameters))
            numbers = {self.packed.constants[s] for s in slots.tolist() if s in self.packed.constants}
            if numbers:
                parts.append(f"{numbers.pop():.6g}".replace("-", "−") if len(numbers) == 1 else "C")
        makers = self._makers(operand)
        self.reads[position] += [self.name[i] for i in makers]
        if len(makers) == 1 and not parts:
            step = self.packed.instructions[makers[0]]
            read = np.unique(slots)
            return self.name[makers[0]] + ("" if len(read) == step.size else _subscript(read - step.start))
        parts += [self.name[i] for i in makers]
        return parts[0] if len(parts) == 1 else "(" + ", ".join(parts) + ")"


_PART = re.compile(r"\.[\d:…]+$")


def _subscript(slots: Any) -> str:
    """``.3`` for one entry of a vector, ``.2:5`` for a run of them."""
    first, last = int(slots.min()), int(slots.max())
    if first == last:
        return f".{first + 1}"
    return f".{first + 1}:{last + 1}" if len(np.unique(slots)) == last - first + 1 else ".…"


def _bracket(part: tuple[str, int], least: int) -> str:
    text, binds = part
    return text if binds >= least else f"({text})"


def _parameters(labels: list[str], slots: Any, count: int) -> str:
    """A name for some parameters from their labels: W1 for the weights of the first layer, b1 for its biases."""
    arrays = {layer_array(label) for label in labels}
    if len(arrays) == 1 and (array := arrays.pop()) is not None:
        return array
    if len(labels) == 1 and labels[0]:
        return labels[0]
    stems = {stem(label) for label in labels}
    return (stems.pop() if len(stems) == 1 else "") or ("θ" if len(labels) == count else f"θ{_subscript(slots)}")


def picture(program: Program) -> Any:
    """A drawing with one box per equation and input."""
    from ..view import Drawing
    from ..view.picture import Box, Picture, Wire, measure

    lines = equations(program)
    boxes: list[Box] = []
    place: dict[str, int] = {}
    shapes = {name: "×".join(map(str, shape)) for name, shape in zip(program._names, program.shapes)}
    for name in program._names:
        place[name] = len(boxes)
        box = Box(f"node-{len(boxes)}", "input", [len(boxes)])
        box.title = f"{name}[{shapes[name]}]" if shapes[name] else name
        box.rows = [("", "input")]
        boxes.append(box)
    for line in lines:
        place[line.name.partition("[")[0]] = len(boxes)
        box = Box(f"node-{len(boxes)}", "group", [len(boxes)])
        box.title = line.name
        box.rows = [("", line.text if len(line.text) < 60 else line.text[:59] + "…")]
        box.rows.append(("", f"{line.scalars:,} scalar node{'s' * (line.scalars != 1)}"))
        boxes.append(box)
    for box in boxes:
        box.tooltip = f"{box.title}: {'; '.join(text for _, text in box.rows)}"
        measure(box)
    wires = [
        Wire(f"edge-{place[line.name.partition('[')[0]]}-{n}", place[source], place[line.name.partition("[")[0]], [])
        for line in lines
        for n, source in enumerate(dict.fromkeys(line.reads))
    ]
    notes = [f"{program.stats.scalar_nodes:,} scalar nodes in {len(lines)} equations"]
    kinds = sorted({box.kind for box in boxes})
    return Drawing(Picture(boxes, wires, 0.0, 0, notes, kinds, len(boxes)), "LR", "auto", "svg", False, 10.0)
