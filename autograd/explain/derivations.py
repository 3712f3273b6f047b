"""`derivation`: the chain rule of one gradient written out, symbols first and then numbers, as on a blackboard.

Every line is evaluated again when it is made and compared with the reverse pass; a line that disagrees is never
printed but raises `DerivationError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from ..adjoints import adjoints
from ..graph import topological
from ..notation.expression import Expression, clipped, number, symbol, times, total
from ..notation.names import Name
from ..notation.naming import UserNames, names_of
from ..notation.render import render
from ..notation.slopes import EDITED, DerivationError, close, textbook
from ..notation.spelling import in_numbers
from ..notation.styles import Plain
from ..ops import TABLE
from ..value import Value
from .cancelling import canceled
from .equations import (
    MAX_ROWS,
    Equation,
    grouped,
    magnitude,
    more_lines,
    outer_index,
    ranges_of,
    replaced,
    rows_shown,
    stage_lines,
    together,
)
from .lines import Line, Lines
from .paths import require
from .patterns import folded_sum, pattern
from .variables import Variables

if TYPE_CHECKING:
    from .annotated import AnnotatedDerivation
    from .matrix_form import MatrixDerivation


class Derivation(Lines):
    """The chain rule of d root / d leaf, line by line. Made by `derivation`.

    Attributes:
        lines: the lines, in sections ("Forward", "Chain rule", "Numbers").
        value: the derivative.
    """

    def __init__(self, root: Value, leaf: Value, names: UserNames | None = None) -> None:
        order = topological(root)
        require(root, leaf, order)
        self.root, self.leaf = root, leaf
        self._variables = Variables(root, leaf, names_of(root, names, order))
        nodes = list(self._variables.names)
        self._adjoints = dict(zip(nodes, adjoints(root, 1.0, nodes)))
        self.value = self._adjoints[leaf]
        self.lines: list[Line] = []
        self._equations = generations = list(self._generations())
        self._forward()
        self._rule(generations)
        self._numbers(generations)

    def _heading(self) -> str:
        return f"Derivation of {render(self._partial(self.leaf), Plain())}"

    def annotated(self, *, numbers: bool = True) -> AnnotatedDerivation:
        """The chain rule as a picture: under each local derivative a brace, and an arrow to the edge it belongs to.

        Args:
            numbers: whether to write the numbers too.

        Example:
            >>> w, x = Value(0.5, "w"), Value(2.0, "x")
            >>> e = (w * x - 3.0).tanh()
            >>> e.label = "e"
            >>> print(derivation(e, w).annotated())
            ∂e/∂w = (1 − e²) · x
              ∂e/∂w     how e changes with w, 0.1413
              (1 − e²)  ∂e/∂v₂: along the edge v₂ → e, 0.07065
              x         ∂v₂/∂w: along the edge w → v₂, 2
        """
        from .annotated import AnnotatedDerivation, chain_rule

        names = self._variables.names
        equations = [
            chain_rule(equation.left, equation.parts, equation.value, equation.summed, numbers)
            for generation in self._equations
            for alike in grouped(generation, names)
            for equation in alike[: rows_shown(len(alike))]
        ]
        return AnnotatedDerivation(equations, self._heading())

    # ---- equations ----

    def _partial(self, node: Value) -> Expression:
        names = self._variables.names
        return Expression("partial", (), (names[self.root], names[node]), self._adjoints[node])

    def _generations(self) -> Iterator[list[Equation]]:
        """Equations from the leaf to the root: first that of the leaf, then those of what it depends on, and so on."""
        if self.leaf is self.root:
            yield [Equation(self.leaf, self._partial(self.leaf), (number(1),), 1.0, ())]
            return
        done: set[Value] = set()
        targets = [self.leaf]
        while targets:
            self._avoid = outer_index(len(targets))
            equations = [self._equation(target) for target in targets]
            yield equations
            done.update(targets)
            targets = list(dict.fromkeys(t for e in equations for t in e.then if t not in done))

    def _users(self, node: Value) -> dict[Value, Expression]:
        """The quantities that a quantity enters directly, each with its derivative with respect to it."""
        users: dict[Value, list[Expression]] = {}
        for edge in self._variables.edges[node]:
            users.setdefault(edge.user, []).append(edge.slope)
        return {user: together(slopes) for user, slopes in users.items()}

    def _local(self, user: Value, node: Value, slope: Expression) -> Expression:
        names = self._variables.names
        return Expression("partial", (), (names[user], names[node]), slope.evaluate())

    def _equation(self, target: Value) -> Equation:
        users = self._users(target)
        if len(users) > 1:
            return self._over_users(target, users)
        partials: list[Expression] = []
        slopes: list[Expression] = []
        node = target
        while len(users) == 1:
            [(user, slope)] = users.items()
            partials.append(self._local(user, node, slope))
            slopes.append(slope)
            node = user
            users = {} if node is self.root else self._users(node)
        partials.reverse()
        slopes.reverse()
        if node is self.root:  # the loss stays ∂e/∂ŷ for one line, as in the lectures
            stages = [partials, [partials[0], *slopes[1:]], slopes]
            return self._checked(target, stages, (), zip(partials, slopes))
        above = self._partial(node)
        parts = zip([above, *partials], [above, *slopes])
        return self._checked(target, [[above, *partials], [above, *slopes]], (node,), parts)

    def _over_users(self, target: Value, users: dict[Value, Expression]) -> Equation:
        partials: list[Expression] = []
        slopes: list[Expression] = []
        for user, slope in users.items():
            if user is self.root:  # not ∂e/∂w again, which is the sum of all of these
                partials.append(slope)
                slopes.append(slope)
            else:
                partials.append(times(self._partial(user), self._local(user, target, slope)))
                slopes.append(times(self._partial(user), slope))
        folded = folded_sum(slopes, self._avoid)
        stages = [[folded]]
        if folded.head == "indexed" or len(slopes) <= MAX_ROWS:
            stages.insert(0, [folded_sum(partials, self._avoid) if folded.head == "indexed" else total(partials)])
        if folded.head == "indexed" and len(slopes) <= MAX_ROWS:
            stages.append([total(slopes)])
        then = tuple(user for user in users if user is not self.root)
        return replace(self._checked(target, stages, then, zip(partials, slopes)), summed=True)

    def _checked(
        self,
        target: Value,
        products: Sequence[Sequence[Expression]],
        then: tuple[Value, ...],
        parts: Iterable[tuple[Expression, Expression]],
    ) -> Equation:
        """The equation whose right side is written as one product after the other; each must have the right value."""
        left, value = self._partial(target), self._adjoints[target]
        stages: list[Expression] = []
        written = [times(*factors) for factors in products]
        written += canceled(written[-1], self._variables.inner)
        for stage in map(clipped, written):
            self._check(stage, value, written)
            if stage != left and stage not in stages:
                stages.append(stage)
        return Equation(target, left, tuple(stages), value, then, tuple(parts))

    def _check(self, expression: Expression, expected: float, alike: Sequence[Expression]) -> None:
        """Refuse a line with another value; the terms of ``alike``, forms of the same line, say how exact it can be."""
        found = expression.evaluate()
        if not close(found, expected) and not close(found, expected, max(map(magnitude, alike))):
            if not math.isfinite(expected) or not math.isfinite(found):
                return  # an infinity met a zero or another infinity: the table shows what came of it
            raise DerivationError(
                f"a line of the derivation, {render(expression, Plain())}, evaluates to {found!r}, but the graph gives "
                f"{expected!r}. {EDITED}"
            )

    # ---- lines ----

    def _forward(self) -> None:
        """What the named quantities are computed from."""
        written: dict[Value, list[Line]] = {}
        groups: dict[object, list[Value]] = {}
        for node, name in self._variables.names.items():
            if node.parents:
                groups.setdefault((name.base, name.upper, len(name.lower)), []).append(node)
        least = 2 if self._variables.structure.neurons else 3
        for nodes in groups.values():
            rows = []
            for node in nodes:
                right = self._variables.definition(node, outer_index(len(nodes)))
                self._check(right, node.data, [right])
                rows.append((symbol(self._variables.names[node], node.data), (right,)))
            lines = self._written("Forward", rows, least)
            place = {nodes[0]: lines}
            if len(lines) == len(nodes):  # not folded: each in its place
                place = {node: [line] for node, line in zip(nodes, lines)}
            written.update(place)
        self.lines += [line for node in self._variables.names for line in written.get(node, ())]
        shares = [(symbol(name, right.evaluate()), (right,)) for name, right in self._variables.shares.items()]
        self.lines += self._written("Forward", shares)
        for kind, letter in self._variables.letter.items():
            neuron = next(n for n in self._variables.structure.neurons if n.a.op == kind)
            z, function = symbol(Name("z"), neuron.z.data), symbol(Name(f"{letter}(z)"), neuron.a.data)
            prime = textbook(TABLE[kind], z, function, neuron.a)
            applied = Expression("applied", (z,), letter, neuron.a.data)
            spelled = replaced(prime, function, applied)
            local = neuron.a.local_derivatives[0]
            if not TABLE[kind].kinks and close(spelled.evaluate(), local):
                left = Expression("prime", (z,), letter, local)
                self.lines.append(Line("Forward", left, spelled, f"{letter} is {kind}"))
            else:
                rest = [number(parent.data) for parent in neuron.a.parents[1:]]
                self.lines.append(Line("Forward", applied, Expression(kind, (z, *rest))))

    def _rule(self, generations: Sequence[Sequence[Equation]]) -> None:
        for equations in generations:
            for alike in grouped(equations, self._variables.names):
                self.lines += self._written("Chain rule", [(e.left, e.stages) for e in alike])

    def _numbers(self, generations: Sequence[Sequence[Equation]]) -> None:
        for equations in reversed(generations):
            for alike in grouped(equations, self._variables.names):
                for equation in alike[: rows_shown(len(alike))]:
                    written = in_numbers(equation.stages[-1])
                    self.lines.append(Line("Numbers", equation.left, written))
                    if written.head != "number":
                        self.lines.append(Line("Numbers", None, number(equation.value)))
                self.lines += more_lines("Numbers", len(alike))

    @staticmethod
    def _written(section: str, rows: Sequence[tuple[Expression, Sequence[Expression]]], least: int = 2) -> list[Line]:
        """Lines of one equation, or of several (``least`` or more) that differ in indices only as one with letters."""
        found = None
        if len(rows) >= least:
            found = pattern([Expression("row", (left, *stages)) for left, stages in rows])
        if found is not None and math.prod(len(set(values)) for values in found[1]) == len(rows):
            row, letters = found
            return stage_lines(section, row.parts[0], row.parts[1:], ranges_of(letters))
        lines = [line for left, stages in rows[: rows_shown(len(rows))] for line in stage_lines(section, left, stages)]
        return lines + more_lines(section, len(rows))


class HasParameters(Protocol):
    """A layer, or a whole network."""

    def parameters(self) -> Iterable[Value]:
        """The Values that it learns."""


@overload
def derivation(
    root: Value, leaf: Value, names: UserNames | None = None, form: Literal["scalar"] = "scalar"
) -> Derivation: ...


@overload
def derivation(
    root: Value,
    leaf: Value | Iterable[Value] | HasParameters | None = None,
    names: UserNames | None = None,
    *,
    form: Literal["matrix", "deltas", "jacobians"],
) -> MatrixDerivation: ...


def derivation(
    root: Value,
    leaf: Value | Iterable[Value] | HasParameters | None = None,
    names: UserNames | None = None,
    form: Literal["scalar", "matrix", "deltas", "jacobians"] = "scalar",
) -> Derivation | MatrixDerivation:
    """The chain rule of d root / d leaf written out line by line: symbols first, then numbers.

    Quantities have the names that all views give them (see `autograd.notation.names_of`): those of their labels; z, a
    and ŷ of neurons, which are found by the labels of the weights (``layers.1.neurons.0.weights.0`` is w²₁₁; layers,
    neurons and inputs count from 1); L for the root; v₁, v₂, … for what else is worth a line. Where a quantity is used
    several times, the sum over its uses is written, folded into Σ if they differ in an index only; equal rules for
    several neurons or samples fold into one with letters.

    ``print`` shows it as text, a notebook as MathML; `Derivation.latex` gives LaTeX and `Derivation.display` an
    object that a notebook typesets.

    Three forms write a network's gradient in vectors and matrices, with shapes: ``"matrix"`` one partial derivative
    after the other, ∂L/∂W² = (oˢ − y) hˢᵀ; ``"deltas"`` the recursion δ¹ = φ′(z¹) ⊙ (W²ᵀ δ²) of the derivatives by net
    inputs; ``"jacobians"`` those by activations as products of the layers' Jacobians, δ¹ = V² V³ δ³ with
    V² = W²ᵀ Diag(φ′(z²)). Each line is found in the graph of scalars, computed with NumPy and compared with the engine
    (`explain.matrix_search`). Letters that the graph uses itself are left to it.

    Args:
        root: what is differentiated.
        leaf: with respect to what. In matrices, a layer (of `nn`) or some parameters; all if it is left out.
        names: letters of your own: a mapping from a Value, or from a label, to a name in the label language; or those
            of a lecture, ``"lecture A"`` to ``"lecture E"``.
        form: ``"scalar"``, ``"matrix"``, ``"deltas"`` or ``"jacobians"``.

    Raises:
        TypeError: root or leaf is not a Value.
        ValueError: root does not depend on leaf; there is no such form, or no network for a matrix form.
        DerivationError: the numbers of the graph contradict each other, because a ``.data`` was edited or because
            an operation's derivative is wrong.

    Example:
        >>> w, x = Value(0.5, "w"), Value(2.0, "x")
        >>> e = (w * x - 3.0) ** 2
        >>> e.label = "e"
        >>> print(derivation(e, w))
        Forward
          e = (w · x − 3)²
        <BLANKLINE>
        Chain rule
          ∂e/∂w = 2 · (w · x − 3) · x
        <BLANKLINE>
        Numbers
          ∂e/∂w = 2 · (0.5 · 2 − 3) · 2
                = −8
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"the root is {type(root).__name__}: {str(root)[:40]}; only a Value computed from others has a derivation"
        )
    if form != "scalar":
        from .matrix_form import FORMS, MatrixDerivation

        if form not in FORMS:
            raise ValueError(f"form is 'scalar', {', '.join(map(repr, FORMS))}, not {form!r}")
        wanted: Any = leaf
        if hasattr(wanted, "parameters"):
            wanted = wanted.parameters()
        leaves = [] if wanted is None else [wanted] if isinstance(wanted, Value) else [*wanted]
        return MatrixDerivation(root, leaves, names, form)
    if leaf is None:
        raise TypeError("derivation(root, leaf) needs what to differentiate by; form='matrix' does without")
    return Derivation(root, leaf, names)  # type: ignore[arg-type]
