"""The rows of one array instruction: its value, and the views that the reverse pass needs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Protocol

from .. import formulas
from ..floats import CONSTANTS, namespace
from ..ops import TABLE
from .pack import BATCHED, SHARED, Instruction, Operand, affine, common_loops
from .rows import (
    ADD,
    ASSIGN,
    B_SCRATCH,
    MACHINE,
    S_SCRATCH,
    S_VALUE,
    STRUCTURED,
    Code,
    Template,
    View,
    adjoint_space,
    formula_of,
    literal,
    rectified,
    steps_of,
    value_space,
)  # fmt: skip
from .trace import ALONG_LISTS, SHARES, Ints, takes_list


class Context(Protocol):
    """What the steps of a program share: constants, lists of slots, and the size of the scratch spaces."""

    aux: list[int]
    constants: dict[int, float]
    scratch: dict[int, int]
    templates: dict[tuple[object, ...], Template]

    def constant(self, number: float) -> View:
        """The slot of a number."""


class Step:
    """The rows of one instruction."""

    def __init__(self, lowering: Context, code: Code, step: Instruction) -> None:
        self.lowering, self.code, self.step = lowering, code, step
        self.batched = step.region == BATCHED
        self.used = 0  # scratch slots in use
        self.known: dict[tuple[object, ...], View] = {}
        self.loops: tuple[int, ...] = (1, step.size)
        flat = [operand.slots for operand in step.operands]
        self.plain = step.op not in ("dot", "sum", "copy") and not takes_list(step.op)
        if self.plain:
            inner = common_loops(flat)
            self.loops = (step.size // inner, inner)
        elif step.op in ALONG_LISTS:
            self.loops = flat[0].shape

    def row(self, name: str, *views: View, update: int = ASSIGN, loops: Sequence[int] | None = None) -> None:
        """Append a row, along the instruction's own loops if none are given."""
        self.code.add(name, update, self.batched, self.loops if loops is None else loops, *views)

    def out(self, space: int | None = None) -> View:
        """The result (or its adjoint, by the space) as a view."""
        chosen = value_space(self.step.region) if space is None else space
        if self.step.op == "log_sum_exp":
            return View(chosen, self.step.start, (1, 0))
        return View(chosen, self.step.start, (self.loops[1], 1))

    def operand(self, operand: Operand, loops: tuple[int, ...], space: int | None = None) -> View:
        """An operand (or its adjoint, by the space) as a view along some loops."""
        slots = operand.slots.reshape(loops)
        chosen = value_space(operand.region) if space is None else space
        return View(chosen, int(slots.flat[0]), steps_of(slots))

    def temporary(self) -> View:
        """Scratch for one more intermediate result of this instruction."""
        space = B_SCRATCH if self.batched else S_SCRATCH
        view = View(space, self.used, (self.loops[1], 1))
        self.used += self.loops[0] * self.loops[1]
        self.lowering.scratch[space] = max(self.lowering.scratch[space], self.used)
        return view

    # -- values ---------------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """The rows that compute the instruction's value."""
        step = self.step
        if step.op == "dot":
            g, i, j = step.shape
            k = step.operands[0].slots.shape[2]
            out, a, b = self.contraction()
            self.row("contract", out, a, b, loops=(g, i, j, k))
        elif step.op == "sum":
            self._sum()
        elif step.op == "copy":
            self._copy()
        elif step.op in ALONG_LISTS:
            name = SHARES.get(step.op, step.op)
            self.row(name, self.out(), self.operand(step.operands[0], self.loops))
        else:
            self.templated((), self._plain)

    def _plain(self) -> None:
        op = TABLE[self.step.op]
        views = dict(zip(op.arguments, [self.operand(operand, self.loops) for operand in self.step.operands]))
        self.evaluate(formula_of(op, op.formula), views, self.out())

    def templated(
        self, differing: tuple[object, ...], write: Callable[[], None], adjoints: Callable[[int], int] = adjoint_space
    ) -> None:
        """Rows of a plain operation, that ``write`` appends: those of an earlier instruction, if only slots differ.

        Args:
            differing: what the rows depend on besides the operation and its operands.
            write: appends them.
            adjoints: the space of the adjoints of what is read from a region.
        """
        step, code, constants = self.step, self.code, self.lowering.constants
        starts = [*(int(operand.slots.flat[0]) for operand in step.operands), step.start]
        regions = [*(operand.region for operand in step.operands), step.region]
        places = list(zip(regions, starts))
        numbers = [start if region == SHARED and start in constants else -1 for region, start in places]
        alike = [places.index(place) for place in places]
        steps = [steps_of(operand.slots.reshape(self.loops)) for operand in step.operands]
        key = (step.op, self.loops, *regions, *numbers, *alike, *steps, *differing)
        template = self.lowering.templates.get(key)
        if template is None:
            begin = len(code.rows)
            write()
            spaces = {
                (space, place[1]): i - len(places)
                for i, place in reversed(list(enumerate(places)))
                for space in (value_space(place[0]), adjoints(place[0]), adjoint_space(place[0]))
            }
            self.lowering.templates[key] = Template.of(code.rows[begin:], spaces)
        else:
            code.rows += template.rows_at(starts)

    def contraction(self, space: int | None = None) -> tuple[View, View, View]:
        """The result and the two operands of a dot as views along the loops g, i, j, k."""
        _, i, j = self.step.shape
        left, right = self.step.operands
        a, b = self.operand(left, left.slots.shape), self.operand(right, right.slots.shape)
        chosen = value_space(self.step.region) if space is None else space
        out = View(chosen, self.step.start, (i * j, j, 1, 0))
        return out, a._replace(steps=(*a.steps[:2], 0, a.steps[2])), b._replace(steps=(b.steps[0], 0, *b.steps[1:]))

    def terms(self) -> list[tuple[int, Operand, tuple[int, ...], View]]:
        """The terms of a sum: sign, operand, loops, and the result seen along them."""
        found = []
        for sgn, operand in zip(self.step.signs, self.step.operands):
            if operand.slots.ndim == 1:
                inner = common_loops([operand.slots])
                loops: tuple[int, ...] = (self.step.size // inner, inner)
                out = View(value_space(self.step.region), self.step.start, (inner, 1))
            else:
                loops = operand.slots.shape
                out = View(value_space(self.step.region), self.step.start, (1, 0))
            found.append((sgn, operand, loops, out))
        return found

    def _sum(self) -> None:
        terms = self.terms()
        rest = terms[1:] if self.step.in_place else terms
        loops: tuple[int, ...]
        begun = self.step.in_place
        if not begun and len(terms) > 1 and all(operand.slots.ndim == 1 for _, operand, _, _ in terms[:2]):
            (sign_a, a, _, _), (sign_b, b, _, _), *others = terms
            inner = common_loops([a.slots, b.slots])
            loops = (self.step.size // inner, inner)
            if sign_a == 1 and all(affine(operand.slots.reshape(loops)) for operand in (a, b)):
                views = [self.operand(operand, loops) for operand in (a, b)]
                self.row("add" if sign_b == 1 else "sub", self.out()._replace(steps=(inner, 1)), *views, loops=loops)
                rest, begun = others, True
        for sgn, operand, loops, out in rest:
            view = self.operand(operand, loops)
            name = "add_to" if sgn == 1 else "sub_to"
            self.row(name, out, view, update=ADD if begun else ASSIGN, loops=loops)
            begun = True

    def parts(self) -> list[tuple[Operand, int, tuple[int, ...]]]:
        """The parts of a copy: source, first slot of the target, and loops that walk through the source, if any do."""
        found: list[tuple[Operand, int, tuple[int, ...]]] = []
        start = self.step.start
        for operand in self.step.operands:
            inner = common_loops([operand.slots])
            loops: tuple[int, ...] = (len(operand.slots) // inner, inner)
            found.append((operand, start, loops if affine(operand.slots.reshape(loops)) else ()))
            start += len(operand.slots)
        return found

    def listed(self, slots: Ints) -> int:
        """Where the list of these slots begins that gather and scatter refer to."""
        first = len(self.lowering.aux)
        self.lowering.aux += slots.tolist()
        return first

    def _copy(self) -> None:
        space = value_space(self.step.region)
        for operand, start, loops in self.parts():
            if loops:
                self.row("copy", View(space, start, (loops[1], 1)), self.operand(operand, loops), loops=loops)
            else:
                source = View(value_space(operand.region), 0, (1,))
                self.code.add("gather", ASSIGN, self.batched, (len(operand.slots),), View(space, start, (1,)), source,
                              aux=self.listed(operand.slots))  # fmt: skip

    # -- formulas -------------------------------------------------------------------------------------------------

    def evaluate(self, tree: ast.expr, views: dict[str, View], target: View | None = None) -> View:
        """Rows that evaluate a formula; its value as a view (``target`` if given)."""
        result = self._evaluate(tree, views, target)
        if target is not None and result != target:
            self.row("copy", target, result)
            return target
        return result

    def _evaluate(self, tree: ast.expr, views: dict[str, View], target: View | None = None) -> View:
        number = literal(tree)
        if number is not None:
            return self.lowering.constant(number)
        if isinstance(tree, ast.Name):
            return views[tree.id]
        if isinstance(tree, ast.UnaryOp):
            return self._make("neg", [tree.operand], views, target) if isinstance(tree.op, ast.USub) else \
                self._evaluate(tree.operand, views, target)  # fmt: skip
        if isinstance(tree, ast.BinOp):
            names = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
            return self._make(names[type(tree.op)], [tree.left, tree.right], views, target)
        if isinstance(tree, ast.Compare):
            pair = [tree.left, tree.comparators[0]]
            if isinstance(tree.ops[0], (ast.Gt, ast.GtE)):
                pair.reverse()
            strict = isinstance(tree.ops[0], (ast.Lt, ast.Gt))
            return self._make("less" if strict else "less_equal", pair, views, target)
        assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
        name = tree.func.id
        if name == "where" and rectified(tree):
            return self._make("relu", [tree.args[2]], views, target)
        chosen = self._number(tree.args[0], views) if name == "where" else None
        if chosen is not None:  # of a power with a known exponent, one case is left
            return self._evaluate(tree.args[1 if chosen else 2], views, target)
        if name in MACHINE and name not in STRUCTURED:
            return self._make(name, tree.args, views, target)
        op = TABLE[name]
        arguments = [self._evaluate(argument, views) for argument in tree.args]
        arguments += [self.lowering.constant(op.defaults[a]) for a in op.arguments[len(arguments) :]]
        return self._evaluate(formula_of(op, op.formula), dict(zip(op.arguments, arguments)), target)

    def _number(self, tree: ast.expr, views: dict[str, View]) -> float | None:
        """What a formula comes to whose arguments are all known numbers, each the same along the loops."""
        numbers: dict[str, object] = {}
        for name in set(formulas.names_in(tree)) - CONSTANTS.keys():
            view = views[name]
            if view.space != S_VALUE or any(view.steps) or view.offset not in self.lowering.constants:
                return None
            numbers[name] = self.lowering.constants[view.offset]
        number: float = eval(formulas.for_floats(tree, ieee=True), namespace(ieee=True), numbers)
        return number

    def _make(self, name: str, trees: Sequence[ast.expr], views: dict[str, View], target: View | None) -> View:
        operands = [self._evaluate(tree, views) for tree in trees]
        key = (name, *operands)
        if key not in self.known:
            result = self.temporary() if target is None else target
            self.row(name, result, *operands)
            self.known[key] = result
        return self.known[key]
