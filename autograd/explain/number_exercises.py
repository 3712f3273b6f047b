"""Exercises whose answer is a number: a gradient of a random graph, beside those that named mistakes give there."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from ..elementary import FUNCTIONS
from ..graph import topological
from ..notation.names import name_of
from ..text import number
from ..value import Value
from .claims import read
from .engines import RIGHT
from .exercises import Option, Question
from .mistakes import ALL
from .paths import depending
from .slip_search import SlipSearch
from .slips import SLIPS
from .written import formula


def _small(draws: random.Random) -> float:
    """A number that is easy on paper."""
    return draws.choice([-3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0])


def _chain_rule(draws: random.Random, level: int) -> tuple[Value, Value]:
    """Functions inside each other."""
    x = Value(_small(draws), "x")
    node = x
    for _ in range(level + 1):
        a = _small(draws)
        node = draws.choice([a * node, node + a, node**2, a * node + 1.0])
        name = draws.choice(["tanh", "sigmoid", "sin", "exp", "pow3"])
        node = node**3 if name == "pow3" else FUNCTIONS[name](node)
    return node, x


def _paths(draws: random.Random, level: int) -> tuple[Value, Value]:
    """A variable that is used several times."""
    x, y = Value(_small(draws), "x"), Value(_small(draws), "y")
    terms = [x * y, x**2, FUNCTIONS[draws.choice(["sin", "tanh"])](x), x * (x + y), (x - y) ** 2, y / (x**2 + 1.0)]
    chosen = draws.sample(terms, min(level + 1, len(terms)))
    root = chosen[0]
    for term in chosen[1:]:
        root = root * term if draws.random() < 0.4 else root + term
    return root, x


def _softmax(draws: random.Random, level: int) -> tuple[Value, Value]:
    """−log behind a softmax, or cross-entropy behind a sigmoid."""
    w, x = Value(_small(draws), "w"), Value(_small(draws), "x")
    if level == 1 or draws.random() < 0.4:
        p = FUNCTIONS["sigmoid"](w * x + _small(draws))
        return -(p.log() if draws.random() < 0.5 else (1.0 - p).log()), w
    o = [w * x, Value(_small(draws), "o2"), *([Value(_small(draws), "o3")] if level > 2 else [])]
    return -FUNCTIONS["softmax"](o)[draws.randrange(len(o))].log(), w


def _network(draws: random.Random, level: int) -> tuple[Value, Value]:
    """A 2-2-1 network without biases, and a squared error."""
    function = FUNCTIONS[draws.choice(["tanh", "sigmoid"])]
    x = [Value(_small(draws), f"x{i}") for i in (1, 2)]
    w1 = [[Value(_small(draws) / 2, f"w^1_{k}{i}") for i in (1, 2)] for k in (1, 2)]
    w2 = [Value(_small(draws) / 2, f"w^2_1{k}") for k in (1, 2)]
    a = [function(row[0] * x[0] + row[1] * x[1]) for row in w1]
    root = 0.5 * (w2[0] * a[0] + w2[1] * a[1] - _small(draws)) ** 2
    leaf = draws.choice(w2) if level == 1 else draws.choice(w1[0]) if level == 2 else draws.choice(x)
    return root, leaf


GRAPHS: dict[str, Callable[[random.Random, int], tuple[Value, Value]]] = {
    "chain rule": _chain_rule, "paths": _paths, "softmax": _softmax, "network": _network,
}  # fmt: skip
"""Random graphs by topic, of a level, each with the leaf to differentiate by."""


def number_question(topic: str, draws: random.Random, level: int) -> Question | None:
    """A question on a graph of a topic; None where the numbers are no good for paper, so that another is drawn."""
    root, leaf = GRAPHS[topic](draws, level)
    value = RIGHT.run(root).get(leaf, 0.0)
    if not 0.01 <= abs(value) <= 100 or not all(math.isfinite(node.data) for node in topological(root)):
        return None
    numbers = ", ".join(
        f"{_plain(node.label)} = {number(node.data)}" for node in topological(root) if node.label and not node.parents
    )
    return Question(
        root, f"∂L/∂{_plain(leaf.label)}", f"L = {formula(root).plain()} with {numbers}.", number(value),
        _wrong(root, leaf, value), _hints(root, leaf), leaf,
    )  # fmt: skip


def _plain(label: str) -> str:
    return name_of(label).plain()


def _wrong(root: Value, leaf: Value, value: float) -> list[Option]:
    """What mistakes give, each number once and none that could pass for the right one."""
    found: dict[str, Option] = {}
    numbers = [value]
    for (name, mistake, reread), wrong in _mistaken(root, leaf):
        if not 0.001 <= abs(wrong) < 1e4 or any(abs(wrong - other) <= 0.02 * abs(other) for other in numbers):
            continue
        text = number(wrong)
        if read(text.replace("−", "-")).agrees(value):  # 1 for 1.407 is right, to one digit
            continue
        numbers.append(wrong)
        found[text] = Option(text, name, f"{mistake}. Read again: {reread}.")
    return list(found.values())


def _mistaken(root: Value, leaf: Value) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Each mistake made everywhere on the graph, with the gradient that it gives."""
    between = depending(topological(root), leaf)
    search = SlipSearch(between, RIGHT.run(root), read(0.0, 1.0), "", str, False)
    for slip in SLIPS:
        yield (slip.name, slip.mistake, slip.reread), search.everywhere(slip)
    for engine in ALL:
        yield (engine.name, engine.mistake, engine.reread), engine.gradient(root, leaf).get(leaf, 0.0)


def _hints(root: Value, leaf: Value) -> Iterator[str]:
    between = depending(topological(root), leaf)
    uses = sum(parent is leaf for node in between for parent in node.parents)
    name = _plain(leaf.label)
    if uses > 1:
        yield f"{name} is used more than once: each use has a share in the gradient."
    else:
        yield f"{name} is used once: what is computed from it first?"
    functions = list(dict.fromkeys(node.op for node in between[1:] if node.op not in ("add", "sub", "mul", "neg")))
    if functions:
        yield f"Write down the derivatives of {', '.join(functions)} first, each at its own argument."
    yield "Compute forward and write every value down; then go backward from L, one operation after the other."
