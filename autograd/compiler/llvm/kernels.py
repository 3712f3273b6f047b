"""Kernels: the text of a form. Elementwise rows are one pass; see `sums` and `lists` for the others."""

from __future__ import annotations

from collections.abc import Callable

from ..rows import ADD, ASSIGN_FIRST, LISTED, LISTS
from . import lists, sums
from .emit import Index, Module, Type, Vector
from .forms import OPEN, SAMPLES, UPDATES, Form, Literal, Place
from .functions import called
from .kernel import Indices, Kernel, term


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
    if SAMPLES in form.lengths:
        return form.lengths.index(SAMPLES)
    fitting = [
        i for i, n in enumerate(form.lengths)
        if n > 1 and all(place.steps[i] in (0, 1) for place in form.places)
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


def write(module: Module, name: str, form: Form, element: str, lanes: int, registers: int, width: int) -> None:
    """Add the kernel of a form to a module, under a name."""
    kernel = Kernel(module, form, element, lanes, registers, width)
    first = form.lines[0]
    arguments = 1 + max(place.argument for place in form.places)
    opened = [i for i, n in enumerate(form.lengths) if n == OPEN]
    numbers = [kernel.open_length(i) for i in opened]
    numbers += [kernel.open_step(place, i) for place in form.places for i in opened]

    def body() -> None:
        for i in range(arguments + (first.name in LISTED)):
            module.argument(f"%p{i}", i)
        for i, number in enumerate(numbers, arguments):
            module.argument(number, i, "i64")
        if first.name in LISTS:
            lists.over_lists(kernel)
        elif first.name in LISTED:
            lists.listed(kernel, f"%p{arguments}")
        elif kernel.form.lines[0].name == "contract" or sums.summed(form):
            sums.total(kernel)
        else:
            chain(kernel)

    module.function(name, ["ptr %arguments", "i64 %samples", "i1 %first"], body)
