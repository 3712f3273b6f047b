"""Trace: a function of Values, or a graph that exists, becomes flat arrays of scalar nodes.

The function runs once, on placeholders. What it builds is read node by node, parents first, and this is the only pass
that sees Values. On the way constants are folded and common subexpressions shared (hash-consing: a node is its
operation and its operands, so that an equal one is the same one).
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import modes
from ..graph import topological
from ..modes import TraceError
from ..ops import TABLE
from ..placeholder import Placeholder, hidden
from ..value import Value, real

Ints = NDArray[np.int64]
Array = NDArray[Any]
Shape = tuple[int, ...]

LEAVES = ("input", "parameter", "constant")
NARY = ("sum",)
"""Operations that only the compiler knows: the sum of any number of terms."""
SHARES = {"softmax": "shares", "log_softmax": "log_shares"}
"""Operations that give a number for each entry of a list, and the instruction of the machine that gives all of them."""
ALONG_LISTS = frozenset({"log_sum_exp", *SHARES})
"""Operations on lists that stay one instruction; the others (dot, mean, …) become sums and products."""


def arity(name: str) -> int:
    """How many arguments an operation of the table takes."""
    return len(TABLE[name].arguments)


@cache
def takes_list(name: str) -> bool:
    """Whether an operation of the table takes a list; asked for every node."""
    return TABLE[name].takes_list


class FormError(AssertionError):
    """A pass of the compiler made a form that breaks its own rules: a defect of the compiler, never of its user."""


def require(holds: Any, message: str) -> None:
    """Refuse a broken form."""
    if not holds:
        raise FormError(f"{message}; please report the function that was compiled")


@dataclass
class Scalars:
    """The scalar graph of one sample as flat arrays, parents before children.

    Node ids 0 … n_inputs−1 are inputs, the next n_parameters ones parameters; the rest follows in topological order.

    Attributes:
        op: the name of each node's operation: one of `LEAVES`, `NARY` or the operation table.
        start: node i has the parents ``parents[start[i]:start[i + 1]]``.
        data: the number of a constant, nan elsewhere.
        batched: whether the node depends on an input, and so differs from sample to sample.
        level: the length of the longest path from a leaf.
        roots: the ids of the results.
        arguments: which argument of the function each input belongs to.
        traced: the number of Values that the function made.
    """

    op: list[str]
    start: Ints
    parents: Ints
    data: NDArray[np.float64]
    batched: NDArray[np.bool_]
    level: Ints
    roots: list[int]
    arguments: list[int]
    n_parameters: int
    traced: int

    @property
    def n_inputs(self) -> int:
        """How many scalar inputs one sample has."""
        return len(self.arguments)

    def same(self, other: Scalars) -> bool:
        """Whether this is the very same computation, constants included."""
        return self.roots == other.roots and self.difference(other) == max(len(self.op), len(other.op))

    def difference(self, other: Scalars) -> int:
        """The id of the first node that the other graph does not have; the number of nodes if it has all."""
        if self.op == other.op and np.array_equal(self.parents, other.parents):
            mine, theirs = (np.where(np.isnan(x.data), np.nan, x.data).tobytes() for x in (self, other))
            if mine == theirs and np.array_equal(self.start, other.start):
                return len(self.op)

        def node(scalars: Scalars, i: int) -> tuple[Any, ...]:
            parents = scalars.parents[scalars.start[i] : scalars.start[i + 1]].tolist()
            return scalars.op[i], parents, repr(float(scalars.data[i]))

        common = min(len(self.op), len(other.op))
        return next((i for i in range(common) if node(self, i) != node(other, i)), common)

    def check(self) -> None:
        """Refuse a form in which a parent follows its child, an arity is wrong or an operation is unknown."""
        count = len(self.op)
        require(len(self.start) == count + 1 and self.start[-1] == len(self.parents), "parents are misaligned")
        require(len(self.data) == len(self.batched) == len(self.level) == count, "arrays differ in length")
        child = np.repeat(np.arange(count), np.diff(self.start))
        require(np.all((self.parents >= 0) & (self.parents < child)), "a parent follows its child")
        require(np.all(self.level[self.parents] < self.level[child]), "levels do not increase")
        require(np.all(self.batched[child] | ~self.batched[self.parents]), "a shared node depends on an input")
        arities = np.diff(self.start)
        codes = {name: code for code, name in enumerate(dict.fromkeys(self.op))}
        code = np.fromiter(map(codes.__getitem__, self.op), np.int64, count)
        for name in codes:
            mine = arities[code == codes[name]]
            if name in LEAVES:
                require(not mine.any(), f"a leaf ({name}) has parents")
            elif name not in NARY and not TABLE[name].takes_list:
                require(np.all(mine == len(TABLE[name].arguments)), f"{name} has the wrong number of parents")
        leaves = ["input"] * self.n_inputs + ["parameter"] * self.n_parameters
        require(self.op[: len(leaves)] == leaves, "inputs and parameters do not come first")
        require(self.roots and all(0 <= root < count for root in self.roots), "a root is missing")


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection: it would look at every new node again and again, and there is nothing to collect."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def placeholders(shape: Shape, name: str) -> Any:
    """The Values that stand for one sample of an argument: one for ``()``, a list for ``(n,)`` and so on."""
    if not shape:
        return Placeholder(name)
    return [placeholders(shape[1:], numbered(name, i)) for i in range(shape[0])]


def numbered(name: str, i: int) -> str:
    """The label of entry i of an argument."""
    return f"{name}{'_' if name[-1].isdigit() else ''}{i + 1}"


def flatten(nested: Any) -> list[Any]:
    """The entries of nested lists, in order."""
    if not isinstance(nested, (list, tuple)):
        return [nested]
    return [entry for part in nested for entry in flatten(part)]


def trace(
    f: Callable[..., Any], shapes: Sequence[Shape], names: Sequence[str], parameters: Sequence[Value]
) -> tuple[Scalars, bool, list[Value]]:
    """Run ``f`` on placeholders and read what it built.

    Returns:
        the graph; whether f returned one Value rather than a list; the placeholders.

    Raises:
        TraceError: Python control flow or ``float()`` depends on an input or a comparison.
        TypeError: f returns something else than Values and numbers.
    """
    with undisturbed():
        arguments = [placeholders(shape, name) for shape, name in zip(shapes, names)]
        with hidden(parameters), modes.changed(tracing=True, record=True, anomaly=False):
            result = f(*arguments)
        inputs = [flatten(argument) for argument in arguments]
        scalars = read(_results(result), inputs, parameters)
    return scalars, isinstance(result, Value) or not isinstance(result, (list, tuple)), flatten(inputs)


def _results(result: Any) -> list[Value]:
    entries = flatten(result.tolist() if hasattr(result, "tolist") else result)
    if not entries:
        raise TypeError("the compiled function returned an empty list; return a Value (a loss) or a list of Values")
    return [x if isinstance(x, Value) else Value(real(x, "the result of the compiled function")) for x in entries]


def read(
    roots: Sequence[Value],
    inputs: Sequence[Sequence[Value]],
    parameters: Sequence[Value],
    index: dict[Value, int] | None = None,
) -> Scalars:
    """The graph of some roots as flat arrays. Leaves that are neither inputs nor parameters are constants.

    Which id each Value got is written to ``index``. The same function leads to the same ids, whatever its inputs are.
    """
    index = {} if index is None else index
    arguments: list[int] = []
    for number, argument in enumerate(inputs):
        for node in argument:
            index[node] = len(index)
            arguments.append(number)
    first = len(index)
    for node in parameters:
        index[node] = len(index)
    leaves = len(index)
    op = ["input"] * first + ["parameter"] * len(parameters)
    batched = [True] * first + [False] * len(parameters)
    level = [0] * leaves
    args: list[tuple[int, ...]] = [()] * leaves
    data: dict[int, float] = {}
    known: dict[Any, int] = {}
    pairs: dict[str, dict[tuple[int, int], int]] = {"add": {}, "mul": {}}

    def make(name: str, parents: tuple[int, ...]) -> int:
        key = (name, parents)
        found = known.get(key)
        if found is None:
            found = known[key] = len(op)
            op.append(name)
            args.append(parents)
            batched.append(True in [batched[p] for p in parents])
            level.append(1 + max([level[p] for p in parents]))
        return found

    def constant(number: float) -> int:
        key = (number, math.copysign(1.0, number)) if number == number else "nan"
        found = known.get(key)
        if found is None:
            found = known[key] = len(op)
            data[found] = number
            op.append("constant")
            args.append(())
            batched.append(False)
            level.append(0)
        return found

    def commuting(name: str, a: int, b: int) -> int:
        """A sum or product of two, operands in a fixed order, what is shared first; most nodes are one of these."""
        if a > b:
            a, b = b, a
        if batched[a] and not batched[b]:
            a, b = b, a
        if name == "mul" and known.get((1.0, 1.0)) in (a, b):  # the constant
            return b if a == known[1.0, 1.0] else a
        pair, before = (a, b), pairs[name]
        found = before.get(pair)
        if found is None:
            found = before[pair] = len(op)
            op.append(name)
            args.append(pair)
            batched.append(batched[b] or batched[a])
            la, lb = level[a], level[b]
            level.append(la + 1 if la > lb else lb + 1)
        return found

    order = topological(roots)
    for node in order:
        if node in index:
            continue
        name, parents = node.op, node.parents
        if (name == "mul" or name == "add") and parents:  # noqa: PLR1714  # quicker than to look it up among them
            left, right = index[parents[0]], index[parents[1]]
            if left not in data or right not in data:
                index[node] = commuting(name, left, right)
                continue
        if not parents:
            if name not in ("", "constant"):
                raise RuntimeError(
                    f"the part of the graph below a {name} node was freed by backward(free_graph=True); "
                    "compute the expression again before compiling it"
                )
            if node._traced is not None:
                raise TraceError("the compiled function returns something that was computed while another was traced")
            index[node] = constant(node.data)
            continue
        ids = tuple([index[p] for p in parents])
        if data and all(map(data.__contains__, ids)):
            index[node] = constant(TABLE[name].evaluate(*[data[i] for i in ids])[0])
        elif name == "identity":
            index[node] = ids[0]
        elif name == "pow" and data.get(ids[1]) == 2.0:  # x·x: the same number and slope, and many times faster
            index[node] = commuting("mul", ids[0], ids[0])
        elif name == "pow" and data.get(ids[1]) == 1.0:
            index[node] = ids[0]
        elif name == "mean":  # it begins at +0.0, as Python's sum does: `simplify` sees what that is worth
            index[node] = make("div", (make("sum", (*ids, constant(0.0))), constant(float(len(ids)))))
        elif name == "dot":
            half = len(ids) // 2
            index[node] = make("sum", (*map(commuting, repeat("mul"), ids[:half], ids[half:]), constant(0.0)))
        else:
            index[node] = make(name, ids)

    count = len(op)
    numbers = np.full(count, np.nan)
    numbers[list(data.keys())] = list(data.values())
    lengths = np.fromiter(map(len, args), np.int64, count)
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    scalars = Scalars(
        op, start, np.fromiter(chain.from_iterable(args), np.int64, int(start[-1])), numbers,
        np.array(batched, bool), np.array(level, np.int64), [index[root] for root in roots], arguments,
        len(parameters), len(order),
    )  # fmt: skip
    scalars.check()
    return scalars
