"""Random programs over all operations of the table, and their exact values and derivatives.

The exact ones come from mpmath at 300 to 1050 digits: the value by evaluating the program, derivatives by central
differences of it. No derivative formula takes part in that.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mpmath import mp, mpf

import autograd
from autograd import Value
from autograd.check.rounding import value_noise
from autograd.ops import TABLE, Op
from autograd.value import apply, constant

from .reference import DIGITS, VALUES, draw, from_formula

Step = tuple[str, tuple[int, ...]]


class Program(NamedTuple):
    """A straight-line program: inputs, then constants, then one number per step; the last one is the result.

    Attributes:
        inputs: the point at which it is differentiated.
        constants: plain numbers.
        steps: (operation, positions of its operands).
        order: how often the result is differentiated, by all inputs at once, inside the program.
        samples: how large a batch of the same point the compiled engines are given.
    """

    inputs: tuple[float, ...]
    constants: tuple[float, ...]
    steps: tuple[Step, ...]
    order: int = 0
    samples: int = 1

    def run(self, inputs: Sequence[Any], number: Callable[[float], Any], call: Callable[[str, list[Any]], Any]) -> Any:
        """The result, with ``number`` making numbers of constants and ``call`` applying operations."""
        return self.all(inputs, number, call)[-1]

    def all(
        self, inputs: Sequence[Any], number: Callable[[float], Any], call: Callable[[str, list[Any]], Any]
    ) -> list[Any]:
        """Every number that appears."""
        known = [*inputs, *map(number, self.constants)]
        for name, operands in self.steps:
            known.append(call(name, [known[i] for i in operands]))
        return known

    def floats(self) -> list[float]:
        """Every number that appears, in floating point."""
        return self.all(self.inputs, float, lambda name, xs: TABLE[name].evaluate(*xs)[0])

    def on_values(self, inputs: Sequence[Value]) -> Value:
        """The graph; of the derivative along `direction`, as often as ``order`` says."""
        result: Value = self.run(inputs, constant, lambda name, xs: apply(TABLE[name], tuple(xs)))
        for _ in range(self.order):
            slopes = autograd.grad(result, inputs, create_graph=True)
            result = sum((slope * weight for slope, weight in zip(slopes, direction(self))), constant(0.0))
        return result

    def pruned(self, length: int) -> Program:
        """The first steps, without what their result does not need (inputs stay)."""
        first = len(self.inputs) + len(self.constants)
        needed, stack = set(range(first)), [first + length - 1]
        while stack:
            place = stack.pop()
            if place not in needed:
                needed.add(place)
                stack += self.steps[place - first][1]
        places = {old: new for new, old in enumerate(sorted(needed))}
        kept = [self.steps[place - first] for place in sorted(needed) if place >= first]
        return self._replace(steps=tuple((name, tuple(places[i] for i in operands)) for name, operands in kept))


def random_program(rng: random.Random, longest: int = 24) -> Program:
    """A program of up to ``longest`` steps; most of those that leave the range or a domain are drawn again."""
    ordinary = rng.random() < 0.7
    number = (lambda: rng.uniform(-3, 3)) if ordinary else (lambda: draw(rng))
    inputs = [number() for _ in range(rng.randint(1, 4))]
    constants = [rng.choice((number(), float(rng.randint(-3, 3)), 0.5)) for _ in range(rng.randint(0, 2))]
    data, steps = [*inputs, *constants], []
    names, wanted = list(TABLE), rng.randint(1, longest)
    for _ in range(20 * wanted):
        op = TABLE[rng.choice(names)]
        lists = sum(name.startswith("*") for name in op.arguments)
        count = len(op.arguments) - lists + lists * rng.randint(1, 4)
        operands = tuple(_operand(rng, len(data)) for _ in range(count))
        value = op.evaluate(*[data[i] for i in operands])[0]
        if steps and rng.random() < 0.1:  # what was computed before, once more
            (name, operands), value = rng.choice(list(zip(steps, data[-len(steps) :])))
            op = TABLE[name]
        if abs(value) < 1e30 or rng.random() < 0.01:
            data.append(value)
            steps.append((op.name, operands))
            if len(steps) == wanted:
                break
    return Program(tuple(inputs), tuple(constants), tuple(steps or [("identity", (0,))]))


def _operand(rng: random.Random, known: int) -> int:
    """The position of an operand: the latest ones more often, so that most of a program takes part in its result."""
    return rng.randrange(max(0, known - 3), known) if rng.random() < 0.6 else rng.randrange(known)


NEAR = 1e-6
"""Closer to a kink or to the edge of a domain, rounding may fall on the other side."""


def obstacle(program: Program) -> str:
    """Why a program has no derivative that rounding leaves alone: "" or kink, edge, range."""
    data = program.floats()
    if not all(math.isfinite(x) and abs(x) < 1e150 for x in data):
        return "range"
    written = range(len(program.inputs), len(program.inputs) + len(program.constants))  # known exactly
    for name, operands in program.steps:
        op, point = TABLE[name], [data[i] for i in operands]
        if all(i in written for i in operands):
            continue
        size = NEAR * max(1.0, *map(abs, point))
        if any(abs(at) <= size for at in _expressions(op, op.kinks, point)):
            return "kink"
        edges = [] if name == "div" else _expressions(op, op.domain, point)
        if name == "pow" and point[0] < 0 and operands[1] in written:
            continue  # a fixed exponent; whether it is an integer, the value has shown
        computed = operands[-1] >= len(program.inputs) + len(program.constants)
        if name == "pow" and computed and min(abs(point[1]), abs(point[1] - 1)) <= NEAR:
            return "edge"  # the factor y·(y − 1) of second derivatives is 0 for a y that rounding made 0 or 1
        pole = (name == "div" and abs(point[1]) <= 1e-150) or (name == "tan" and abs(math.cos(point[0])) <= size)
        if pole or any(at <= size for at in edges):
            return "edge"
    return ""


def _expressions(op: Op, texts: Sequence[str], point: Sequence[float]) -> list[float]:
    return [float(_EXPRESSIONS(op, text)(*op.bind(list(map(mpf, point))))) for text in texts]


def _cached() -> Callable[[Op, str], Callable[..., Any]]:
    known: dict[tuple[str, str], Callable[..., Any]] = {}

    def expression(op: Op, text: str) -> Callable[..., Any]:
        if (op.name, text) not in known:
            known[op.name, text] = from_formula(op, text)
        return known[op.name, text]

    return expression


_EXPRESSIONS = _cached()


class Answers(NamedTuple):
    """What a program gives: its value, its gradient, and the Hessian times a direction; exact ones to ``floor``."""

    value: Any
    gradient: list[Any]
    curvature: list[Any]
    floor: float = 0.0


def direction(program: Program) -> list[float]:
    """The vector that the Hessian is multiplied with."""
    return [(-1) ** i * (1 + i / 8) for i in range(len(program.inputs))]


def exact(program: Program) -> Answers | None:
    """The exact answers; None where they are not real numbers, or where derivatives are taken inside the program."""
    if program.order:
        return None
    data = program.floats()
    ordinary = all(x == 0 or 1e-30 < abs(x) < 100 for x in data)
    with mp.workdps(300 if ordinary else DIGITS):
        point = list(map(mpf, program.inputs))

        def at(*moves: tuple[list[Any], Any]) -> Any:
            moved = [x + sum(v[i] * h for v, h in moves) for i, x in enumerate(point)]
            value = program.run(moved, mpf, lambda name, xs: VALUES[name](*xs))
            if isinstance(value, mp.mpc) or not mp.isfinite(value):
                raise ValueError("not real")
            return value

        try:
            axes = [[mpf(i == j) for j in range(len(point))] for i in range(len(point))]
            if any(0 < abs(x) < 1e-100 for x in program.inputs):
                raise ValueError("no step is small enough next to this input and large enough next to 1")
            steps = [mpf(10) ** (-60 if ordinary else -150) * min(1, abs(x) or 1) for x in point]
            along = list(map(mpf, direction(program)))
            h = min(steps)
            value = at()
            gradient = [(at((axis, s)) - at((axis, -s))) / (2 * s) for axis, s in zip(axes, steps)]
            curvature = [
                (at((axis, s), (along, h)) - at((axis, s), (along, -h))
                 - at((axis, -s), (along, h)) + at((axis, -s), (along, -h))) / (4 * s * h)
                for axis, s in zip(axes, steps)
            ]  # fmt: skip
        except (ValueError, ZeroDivisionError, TypeError, OverflowError):
            return None
        return Answers(value, gradient, curvature, 1e-100 if ordinary else 1e-250 * max(1.0, *map(abs, data)))


TINY = 1e-300
"""An error below it is one of underflow."""


def eager(program: Program) -> tuple[Answers, Answers]:
    """The answers of the eager engine, and first-order bounds of what rounding can make of each.

    The bounds are those of `autograd.check.rounding`, taken on the graphs of the derivatives themselves.
    """
    inputs = list(map(Value, program.inputs))
    root = program.on_values(inputs)
    root.backward()
    slopes = autograd.grad(root, inputs, create_graph=True)
    if program.order:
        first = Answers(root.data, [x.grad for x in inputs], [])
        return first, Answers(value_noise(root), list(map(value_noise, slopes)), [])
    along = autograd.dot(slopes, direction(program))
    curvature = autograd.grad(along, inputs, create_graph=True)
    got = Answers(root.data, [x.grad for x in inputs], [c.data for c in curvature])
    bounds = Answers(value_noise(root), list(map(value_noise, slopes)), list(map(value_noise, curvature)))
    return got, bounds


def sizes(program: Program) -> tuple[float, list[float]]:
    """The size of the terms of the value, and of the terms of each slope, before anything cancels.

    The compiler writes nested sums as one and so adds in another order: x + (y − y) may lose an x that is small next to
    y. Its errors are relative to these sizes.
    """
    inputs = list(map(Value, program.inputs))
    root = program.on_values(inputs)
    order = autograd.graph.topological(root)
    size: dict[Value, float] = {}
    for node in order:
        size[node] = abs(node.data) + sum(abs(d) * size[p] for p, d in zip(node.parents, node.local_derivatives) if d)
    influence = dict.fromkeys([*order, *inputs], 0.0)
    influence[root] = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.local_derivatives):
            if slope and influence[node]:
                influence[parent] += influence[node] * abs(slope)
    return size[root], [influence[x] for x in inputs]
