"""Kernels: the text of a form. Elementwise rows are one pass; sums and products keep tiles of sums in registers.

A kernel is ``void kernel(ptr arguments, i64 samples, i1 first)``: where its numbers begin, as pointers; how many
samples the block has, rounded up to whole vectors; whether it is the first block, so that sums over samples start
afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..rows import ADD, ASSIGN, ASSIGN_FIRST, LISTS
from .emit import Index, Module, Type, Vector
from .forms import LISTED, SAMPLES, UPDATES, Form, Line, Literal, Place
from .functions import called

Indices = Sequence[Index]


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
        return self.module.at(self.base(place), self.element, *zip(indices, place.steps), (ahead, 1))

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

    def nest(self, loops: Sequence[int], body: Callable[[dict[int, Index]], None]) -> None:
        """Loops of the form, by number, around a body that takes the index of each."""

        def inside(depth: int, indices: dict[int, Index]) -> None:
            if depth == len(loops):
                body(indices)
                return
            loop = loops[depth]
            self.module.loop(
                self.length(self.form.lengths[loop]), lambda i: inside(depth + 1, {**indices, loop: i}),
                step=self.lanes if self.form.lengths[loop] == SAMPLES else 1,
            )  # fmt: skip

        inside(0, {})


def chain(kernel: Kernel) -> None:
    """Elementwise rows in one pass."""
    form, lengths = kernel.form, kernel.form.lengths
    along = _vectors_along(form)
    loops = [i for i in range(len(lengths)) if i != along]

    def innermost(indices: dict[int, Index]) -> None:
        if along is None:
            _pass(kernel, [indices[i] for i in range(len(lengths))], kernel.single, None)
            return

        def vector(kind: Type) -> Callable[[Index], None]:
            def body(index: Index) -> None:
                _pass(kernel, [{**indices, along: index}[i] for i in range(len(lengths))], kind, along)

            return body

        if lengths[along] == SAMPLES:
            kernel.module.loop(kernel.samples, vector(kernel.vector), step=kernel.lanes)
            return
        rest = lengths[along] % kernel.lanes
        kernel.module.loop(lengths[along] - rest, vector(kernel.vector), step=kernel.lanes)
        if rest:
            vector(Type(kernel.element, rest))(lengths[along] - rest)

    kernel.nest(loops, innermost)


def _vectors_along(form: Form) -> int | None:
    """The loop that vectors lie along: that of the samples, or the longest through neighbors; None if there is none."""
    places = [place for line in form.lines for place in (line.target, *line.operands) if isinstance(place, Place)]
    if SAMPLES in form.lengths:
        return form.lengths.index(SAMPLES)
    fitting = [
        i for i, n in enumerate(form.lengths)
        if n > 1 and all(place.steps[i] in (0, 1) for place in places)
        and all(line.target.steps[i] == 1 for line in form.lines)
    ]  # fmt: skip
    return max(fitting, key=lambda i: form.lengths[i], default=None)


def _pass(kernel: Kernel, indices: Indices, kind: Type, along: int | None) -> None:
    """The lines of an elementwise form for one vector."""
    known: dict[Place, Vector] = {}
    last = {line.target: line for line in kernel.form.lines}

    def value(operand: Place | Literal) -> Vector | float:
        if isinstance(operand, Literal):
            return operand.number
        if operand not in known:
            known[operand] = kernel.read(operand, indices, kind, along)
        return known[operand]

    for line in kernel.form.lines:
        like = Vector(kernel.module, kind, "")
        operands = [value(operand) for operand in line.operands]
        if line.name in UPDATES:
            result = term(line.name, [like.like(x) for x in operands])
            if line.update == ADD:
                result = like.like(value(line.target)) + result
            elif line.update == ASSIGN_FIRST:
                before = like.like(value(line.target))
                before = kernel.module.line(f"select i1 %first, {kind} zeroinitializer, {kind} {before.name}", kind)
                result = before + result
        else:
            result = called(line.name, like, operands)
        known[line.target] = result
        if line.stored and last[line.target] is line:
            kernel.module.store(result, kernel.address(line.target, indices))


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


def write(module: Module, name: str, form: Form, element: str, lanes: int, registers: int, width: int) -> None:
    """Add the kernel of a form to a module, under a name."""
    from . import lists, sums

    kernel = Kernel(module, form, element, lanes, registers, width)
    first = form.lines[0]
    places = [place for line in form.lines for place in (line.target, *line.operands) if isinstance(place, Place)]
    arguments = 1 + max(place.argument for place in places) + (first.name in LISTED)

    def body() -> None:
        for i in range(arguments):
            module.argument(f"%p{i}", i)
        if first.name in LISTS:
            lists.over_lists(kernel)
        elif first.name in LISTED:
            lists.listed(kernel, f"%p{arguments - 1}")
        elif kernel.form.lines[0].name == "contract" or sums.summed(form):
            sums.total(kernel)
        else:
            chain(kernel)

    module.function(name, ["ptr %arguments", "i64 %samples", "i1 %first"], body)
