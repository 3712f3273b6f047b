"""Exercises whose answer is a formula: the gradient by a vector or matrix of a random network.

The right one is a line of `derivation(…, form="matrix")`; each other one is that line with a mistake in it, and differs
from it and from the others at the random points at which `autograd.check_derivation` tests what students write.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from ..elementary import FUNCTIONS
from ..notation.names import Name
from ..notation.naming import names_of
from ..value import Value
from .evaluating import ShapeError, evaluate
from .exercises import Option, Question
from .formula_mistakes import REREAD, mistaken
from .layer_names import LayerNames, layers_of
from .matrix_form import MatrixDerivation
from .quantities import POINTS, Quantities
from .reading import NotReadError, read
from .repairs import MISCONCEPTIONS, same
from .terms import Term, places

TWO_LAYERS, ANY_DEPTH = ("lecture A", "lecture C", "lecture D"), ("lecture B", "lecture C")
"""The letters that are practiced; those of lectures B and D have weights as inputs × outputs."""

At = list[Any]
"""What a formula is at each point; a `ShapeError` where it is nothing."""


def formula_question(draws: random.Random, level: int) -> Question:
    """A step of backpropagation: at the output (level 1), in a hidden layer (2), or several steps at once (3)."""
    depth = 3 if level == 3 and draws.random() < 0.4 else 2
    names = draws.choice(ANY_DEPTH if depth > 2 else TWO_LAYERS)
    sizes = [draws.randint(2, 4) for _ in range(depth + 1)]
    hidden, output = draws.choice(["tanh", "sigmoid", "relu"]), draws.choice(["softmax", "sigmoid", "linear"])
    scale = 1.0 if output == "softmax" else draws.choice([0.5, 1.0])
    root = _loss(draws, _network(draws, sizes, hidden, output), output, scale)

    layers = layers_of(names_of(root, names))
    lines = MatrixDerivation(root, [], names).lines
    steps = {left: right for line in lines for left, right in [read(line.plain())]}
    left = draws.choice([step for step in steps if _asked(step, layers, level)])
    right = _in_one(steps[left], steps) if level == 3 else steps[left]
    known = Quantities(root, names, None, 0)
    return Question(
        root, left.plain(), _given(known, layers, sizes, (hidden, output), scale), right.plain(),
        _one_of_each(_wrong(left, right, known, layers), draws), _hints(left, known, layers), names=names,
    )  # fmt: skip


# ---- networks


def _network(draws: random.Random, sizes: Sequence[int], hidden: str, output: str) -> list[Value]:
    """The outputs of a random network with biases."""

    def value(label: str) -> Value:
        return Value(round(draws.gauss(0, 0.7), 2), label)

    below = [value(f"x{i}") for i in range(1, sizes[0] + 1)]
    for layer, size in enumerate(sizes[1:], 1):
        z = []
        for k in range(1, size + 1):
            weights = [value(f"w^{layer}_{{{k},{i}}}") for i in range(1, len(below) + 1)]
            z.append(sum((w * a for w, a in zip(weights, below)), value(f"b^{layer}_{k}")))
        function = hidden if layer < len(sizes) - 1 else output
        if function == "softmax":
            return list(FUNCTIONS["softmax"](z))
        below = z if function == "linear" else [FUNCTIONS[function](node) for node in z]
    return below


def _loss(draws: random.Random, outputs: list[Value], output: str, scale: float) -> Value:
    """−log of the share of a class, or ``scale`` times the squared distance."""
    if output == "softmax":
        return -outputs[draws.randrange(len(outputs))].log()
    targets = [Value(round(draws.random(), 2), f"y{i}") for i in range(1, len(outputs) + 1)]
    return scale * sum(((out - y) ** 2 for out, y in zip(outputs, targets)), Value(0.0))


def _given(
    known: Quantities, layers: Sequence[LayerNames], sizes: Sequence[int], functions: tuple[str, str], scale: float
) -> str:
    """The forward pass in the letters of the exercise."""
    hidden, output = functions
    steps = []
    for place, layer in enumerate(layers):
        steps.append(f"{layer.z.plain()} = {_net(layer, known).plain()}")
        if layer.out != layer.z:
            function = hidden if place < len(layers) - 1 else output
            steps.append(f"{layer.out.plain()} = {function}({layer.z.plain()})")
    out = layers[-1].out
    loss = f"{'½ ' if scale < 1 else ''}‖{out.plain()} − y‖²"
    if output == "softmax":
        loss = f"−Σᵢ yᵢ log {Name(out.base, out.upper, ('i',)).plain()} with a one-hot y"
    return (
        f"A network of {', '.join(map(str, sizes))} nodes: {', '.join(steps)}, {known.letter.plain()} = {loss}. "
        "φ is the function of a layer."
    )


def _net(layer: LayerNames, known: Quantities) -> Term:
    """W x + b or Wᵀ x + b: whichever is the net input of a layer."""
    W, below, b = (Term("name", datum=name) for name in (layer.W, layer.below, layer.b))
    forms = [Term("sum", (Term("dot", (weights, below)), b)) for weights in (W, Term("transpose", (W,)))]
    z = Term("name", datum=layer.z)
    return next(form for form in forms if _equal(_at_points(form, known), _at_points(z, known), known))


# ---- right and wrong answers


def _asked(left: Term, layers: Sequence[LayerNames], level: int) -> bool:
    """Whether a level asks for this derivative; that by a bias is no question, since it is that by z."""
    of = left.parts[1].datum
    if level == 1:
        return of in (layers[-1].W, layers[-1].z, layers[-2].a)
    return any(of in (layer.W, layer.z, layer.a) for layer in layers[:-1])


def _in_one(term: Term, steps: dict[Term, Term]) -> Term:
    """The formula without the derivatives of other lines: these lines are put in their places."""
    for part, put in places(term):
        if part in steps:
            return _in_one(put(steps[part]), steps)
    return term


def _one_of_each(options: list[Option], draws: random.Random) -> list[Option]:
    """One formula for each mistake."""
    by_mistake: dict[str, list[Option]] = {}
    for option in options:
        by_mistake.setdefault(option.mistake, []).append(option)
    return [draws.choice(same_mistake) for same_mistake in by_mistake.values()]


def _wrong(left: Term, right: Term, known: Quantities, layers: Sequence[LayerNames]) -> list[Option]:
    """Formulas of mistakes; each is wrong at some point, and no two are the same at all of them."""
    found: dict[str, Option] = {}
    met = [_at_points(right, known)]
    for name, note, term in mistaken(right, layers):
        text = term.plain()
        if text in found or any(part == left for part, _ in places(term)):
            continue
        try:
            value = _at_points(term, known)
        except (NotReadError, OverflowError, ZeroDivisionError):
            continue
        if any(_equal(value, other, known) for other in met):
            continue
        met.append(value)
        here = "; ".join(filter(None, (note, str(value[0]) if isinstance(value[0], ShapeError) else "")))
        why = f"{MISCONCEPTIONS[name]}. Read again: {REREAD[name]}." + (f" Here: {here}." if here else "")
        found[text] = Option(text, name, why)
    return list(found.values())


def _at_points(term: Term, known: Quantities) -> At:
    values: At = []
    for point in range(POINTS):
        known.go(point)
        try:
            values.append(evaluate(term, known))
        except ShapeError as problem:
            return [problem]
    return values


def _equal(a: At, b: At, known: Quantities) -> bool:
    if isinstance(a[0], ShapeError) or isinstance(b[0], ShapeError):
        return False
    return all(same(x, y, known) for x, y in zip(a, b))


def _hints(left: Term, known: Quantities, layers: Sequence[LayerNames]) -> Iterator[str]:
    of = left.parts[1]
    name = of.datum
    known.go(0)
    shape = "×".join(str(size) for size in evaluate(of, known).shape if size > 1)
    yield f"{left.plain()} has the shape of {of.plain()}, which is {shape}: which of the answers can have it?"
    for place, layer in enumerate(layers):
        if name == layer.W:
            yield f"{of.plain()} is used once: in {layer.z.plain()} = {_net(layer, known).plain()}."
        elif name == layer.z != layer.out:
            yield f"{layer.out.plain()} is computed from {of.plain()}: entry by entry, or all entries together?"
        elif name == layer.a and place + 1 < len(layers):
            above = layers[place + 1]
            yield f"Each entry of {of.plain()} is used by all entries of {above.z.plain()}: the shares add up."
    yield "Write one entry of the derivative as a sum over its uses, and then read it as a product of matrices."
