"""What the text of a kernel is written with: its loops, and where its numbers are.

A kernel is ``void kernel(ptr arguments, i64 samples, i1 first)``: where its numbers begin, as pointers; how many
samples the block has, rounded up to whole vectors; whether it is the first block, so that sums over samples start
afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..rows import ADD, ASSIGN
from .emit import Index, Module, Type, Vector
from .forms import OPEN, SAMPLES, Form, Line, Place

Indices = Sequence[Index]
Found = dict[int, Index]
"""The index of a loop, by the loop's number."""


class Kernel:
    """What the text of one kernel is written with.

    Args:
        module: to which it is added.
        form: what the kernel does.
        element: ``"double"`` or ``"float"``.
        lanes: numbers in a vector.
        registers: vectors that the CPU can hold.
        width: samples that a block has room for.
    """

    def __init__(self, module: Module, form: Form, element: str, lanes: int, registers: int, width: int) -> None:
        self.module, self.form, self.element, self.lanes, self.registers = module, form, element, lanes, registers
        self.width = width
        self.vector, self.single = Type(element, lanes), Type(element, 1)
        self.samples: Index = lanes if width == lanes else "%samples"

    def length(self, n: int) -> Index:
        """The length of a loop."""
        return self.samples if n == SAMPLES else n

    def base(self, place: Place) -> str:
        """The pointer to a place."""
        return f"%p{place.argument}"

    def address(self, place: Place, indices: Indices, ahead: int = 0) -> str:
        """Where the numbers of a place are for given indices of the loops."""
        steps = [
            self.open_step(place, i) if n == OPEN else step
            for i, (n, step) in enumerate(zip(self.form.lengths, place.steps))
        ]  # fmt: skip
        return self.module.at(self.base(place), self.element, *zip(indices, steps), (ahead, 1))

    @staticmethod
    def open_length(loop: int) -> str:
        """The length of an open loop."""
        return f"%length{loop}"

    @staticmethod
    def open_step(place: Place, loop: int) -> str:
        """The step of a place along an open loop."""
        return f"%step{place.argument}_{loop}"

    def read(self, place: Place, indices: Indices, kind: Type, along: int | None) -> Vector:
        """Numbers of a place: neighbors along a loop, or one number for all lanes."""
        address = self.address(place, indices)
        if kind.lanes > 1 and (along is None or place.steps[along] == 0):
            return self.module.load_everywhere(kind, address)
        return self.module.load(kind, address)

    def begun(self, update: int, kind: Type, address: str) -> Vector | None:
        """What a target that is added to holds before; None if nothing."""
        if update == ASSIGN:
            return None
        before = self.module.load(kind, address)
        if update == ADD:
            return before
        return self.module.line(f"select i1 %first, {kind} zeroinitializer, {kind} {before.name}", kind)

    def update(self, line: Line, value: Vector, address: str) -> None:
        """Write a value to a target, or add it."""
        before = self.begun(line.update, value.type, address)
        self.module.store(value if before is None else before + value, address)

    def nest(self, loops: Sequence[int], body: Callable[[Found], None], indices: Found | None = None) -> None:
        """Loops of the form, by number, around a body that takes the index of each."""
        found = indices or {}
        if not loops:
            body(found)
            return
        loop, *rest = loops
        length = self.form.lengths[loop]
        end = self.open_length(loop) if length == OPEN else self.length(length)
        step = self.lanes if length == SAMPLES else 1
        self.module.loop(end, lambda i: self.nest(rest, body, {**found, loop: i}), step=step)


def term(name: str, operands: Sequence[Vector]) -> Vector:
    """What a row adds to its target."""
    a = operands[0]
    if name == "add_to":
        return a
    if name == "sub_to":
        return -a
    if name in ("product_to", "contract"):
        return a * operands[1]
    return a.module.where(operands[1] <= 0.0, a.like(0.0), a)
