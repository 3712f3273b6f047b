"""The function under test: how it is called at other points, and how everything is put back afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

from .. import calling, graph, modes
from ..functional import grad
from ..notation.names import Name, name_of
from ..notation.naming import UserNames, names_of
from ..value import Number, Value, real
from .many_points import replay, replay_together
from .rounding import value_noise

WORK = 300_000
"""Node evaluations at which the recorded graph stands for the function, if it is shown to be the same."""


class Operation(NamedTuple):
    """What one node does at some point."""

    op: str
    operands: list[float]
    value: float


class Subject:
    """A scalar function of leaves, given by a Python function or by the root of a graph.

    Attributes:
        leaves: the inputs as Values, whose ``.data`` is edited while `at` evaluates.
        labels: what the table calls them.
        root: the graph recorded at the point, with source lines where the function was called for it.
        fixed: whether the root was given, and not computed again by each call.
        calls: how often the function was called.
    """

    def __init__(self, f: Callable[..., Any] | Value, inputs: Iterable[Number], names: UserNames | None = None) -> None:
        inputs = inputs.tolist() if hasattr(inputs, "tolist") else inputs
        inputs = list(inputs) if isinstance(inputs, Iterator) else inputs  # it is read twice
        given = _inputs(inputs)
        self.leaves = [x if isinstance(x, Value) else Value(x) for x in given]
        self.point = [leaf.data for leaf in self.leaves]
        self.calls = 0
        self._grads = [leaf.grad for leaf in self.leaves]
        arguments = ["" for _ in given]
        self._f: Callable[[], Any]
        if isinstance(f, Value):
            self._give(f)
        else:
            self._f, arguments = _callable(f, inputs, self.leaves)
            first = self.call(source=True)
            self.root = _one_value(first)
            again = self.call()
            if again is first and first.parents:  # a function that hands out a graph built before
                self._give(first)
            else:
                self.fixed = False
                _same_twice(first, again)
        self.labels = self._called(arguments, names)

    def _give(self, root: Value) -> None:
        """Take a graph as the function; it is copied, so that evaluating it elsewhere never touches the original."""
        for i, leaf in enumerate(self.leaves):
            if leaf.parents or leaf.op not in ("", "constant"):
                raise ValueError(f"input {i} is the result of {leaf.op!r}; the inputs of a built graph are its leaves")
        self.root, self.fixed = root, True
        memo: dict[int, Any] = {}
        copy = root.__deepcopy__(memo)
        self.originals = self.leaves
        self.leaves = [memo[id(x)] if id(x) in memo else Value(x.data, x.label) for x in self.leaves]

        def evaluate() -> Value:
            graph.forward(copy)
            return copy

        self._f = evaluate

    def _called(self, arguments: Sequence[str], names: UserNames | None) -> list[str]:
        """What the inputs are called: as in every view of the graph; what has no label, as the argument of f."""
        own: dict[Any, str | Name] = {} if isinstance(names, str) else dict(names or {})
        positions = [Name(f"inputs[{i}]") for i in range(len(self.leaves))]
        if not self.fixed:
            for leaf, argument, position in zip(self.leaves, arguments, positions):
                if not leaf.label:
                    own.setdefault(leaf, argument or position)
        called = names_of(self.root, names if isinstance(names, str) else own)
        return [
            (called[leaf] if leaf in called else name_of(leaf.label or argument or position.base)).plain()
            for leaf, argument, position in zip(self.recorded, arguments, positions)
        ]

    @property
    def recorded(self) -> list[Value]:
        """The inputs as they are in ``root``."""
        return self.originals if self.fixed else self.leaves

    def call(self, source: bool = False) -> Any:
        """The function's result at the present data, recorded, whatever context the caller has open."""
        self.calls += 1
        with _plain(source):
            return self._f()

    @contextmanager
    def at(self, index: int, number: float) -> Iterator[None]:
        """One input moved."""
        leaf = self.leaves[index]
        before, leaf.data = leaf.data, number
        try:
            yield
        finally:
            leaf.data = before

    def restore(self) -> None:
        """Put back data and gradients of the inputs."""
        for leaf, number, gradient in zip(self.leaves, self.point, self._grads):
            leaf.data, leaf.grad = number, gradient

    def values(self, requests: Sequence[tuple[int, float]]) -> list[float]:
        """The function's values with one input moved each; nan where plain Python mathematics refuses the number."""
        found = []
        for index, number in requests:
            with self.at(index, number):
                found.append(self._value())
        return found

    def _value(self) -> float:
        try:
            return _number(self.call())
        except (ArithmeticError, ValueError):
            return math.nan

    def slopes_nearby(self, index: int) -> Iterator[float]:
        """The analytic derivative by one input where it, or one of the first others, is an ulp or two away."""
        for moved in dict.fromkeys([index, *range(min(8, len(self.leaves)))]):
            number = self.point[moved]
            for ulps in (-2, -1, 1, 2):
                with self.at(moved, number + ulps * math.ulp(number)):
                    y = self.call()
                    if isinstance(y, Value):
                        yield grad(y, [self.leaves[index]])[0]

    def operations(self, index: int, number: float) -> list[Operation]:
        """Every operation that the function carries out with one input moved."""
        with self.at(index, number):
            try:
                y = self.call()
            except (ArithmeticError, ValueError):
                return []
            order = graph.topological(y) if isinstance(y, Value) else []
            return [Operation(node.op, [p.data for p in node.parents], node.data) for node in order]

    def evaluator(self, points: int) -> Callable[[Sequence[tuple[int, float]]], Sequence[float]]:
        """How to evaluate about ``points`` points: by calls, or by replaying the recorded graph if that is the same.

        The graph does not know a Python ``if``, nor a number taken out of a Value. So before it may stand for a
        function, all inputs are moved at once, by steps of many sizes, and both must give the same number.
        """
        nodes = len(graph.topological(self.root))
        if nodes * points > WORK and (self.fixed or self._follows_graph()):
            return lambda requests: replay(self.root, self.recorded, requests)
        return self.values

    def _follows_graph(self) -> bool:
        import numpy as np

        steps = [0.25, -0.01, 1e-4, -1e-6, 1e-8]
        signs = [1 - 2 * (i % 3 % 2) for i in range(len(self.leaves))]
        arrays = {
            leaf: np.array([x + sign * step * (abs(x) or 1.0) for step in steps])
            for leaf, x, sign in zip(self.leaves, self.point, signs)
        }
        expected = replay_together(self.root, arrays, len(steps))
        found = []
        for k in range(len(steps)):
            for leaf in self.leaves:
                leaf.data = float(arrays[leaf][k])
            found.append(self._value())
        for leaf, x in zip(self.leaves, self.point):
            leaf.data = x
        noise = 64 * value_noise(self.root)
        same = [abs(a - b) <= noise + 1e-10 * max(abs(a), abs(b)) for a, b in zip(expected, found) if a == a or b == b]
        return len(same) > len(steps) // 2 and all(same)


def _plain(source: bool) -> AbstractContextManager[None]:
    wanted = modes.Mode(source=source)
    return nullcontext() if modes.current() == wanted else modes.changed(**wanted._asdict())


def _inputs(inputs: Iterable[Number]) -> list[Value | float]:
    given = [x if isinstance(x, Value) else real(x, "gradcheck") for x in calling.entries(inputs, "gradcheck")[0]]
    if not given:
        raise ValueError("gradcheck got no inputs; with respect to what shall it check?")
    for i, x in enumerate(given):
        number = x.data if isinstance(x, Value) else x
        if not math.isfinite(number):
            name = x.label if isinstance(x, Value) and x.label else f"inputs[{i}]"
            raise ValueError(f"{name} is {number}: there is no neighborhood in which to measure a slope")
    return given


def _callable(f: Any, inputs: Any, leaves: Sequence[Value]) -> tuple[Callable[[], Any], list[str]]:
    """A call without arguments, and the names that f gives to its inputs."""
    if not callable(f):
        raise TypeError(f"gradcheck takes a function or the root of a graph, not {type(f).__name__}")
    known = calling.form(f)
    if known is not None and not known.names and not known.rest:
        if not all(isinstance(x, Value) for x in inputs):
            raise TypeError(
                "the function takes no arguments, so the inputs must be the Values that it reads (the parameters of a "
                "network), not numbers"
            )
        return f, ["" for _ in leaves]
    point = calling.point(f, inputs, "gradcheck")
    return lambda: point.call(leaves), point.names


def _one_value(y: Any) -> Value:
    if isinstance(y, Value):
        return y
    if isinstance(y, (list, tuple)) or getattr(y, "shape", ()) != ():
        raise TypeError(f"the function returns a {type(y).__name__}; check one output at a time: lambda *xs: f(*xs)[0]")
    advice = "a function may have forgotten its return statement" if y is None else "is it computed from the inputs?"
    raise TypeError(f"the function must return one Value, not {type(y).__name__} ({str(y)[:40]}): {advice}")


def _number(y: Any) -> float:
    return y.data if isinstance(y, Value) else real(y, "the result of the checked function")


def _same_twice(first: Value, again: Any) -> None:
    a, b = first.data, _number(again)
    if a != b and (a == a or b == b):
        raise ValueError(
            f"the function gave {a!r} and then {b!r} at the same point, so its slope cannot be measured. Does it draw "
            "random numbers, take the next batch, or change its inputs? Fix the seed inside it, or the batch"
        )
