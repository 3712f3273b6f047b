"""Wrong engines: each is the reverse pass with one step done as learners do it wrongly.

`Engine` is the reverse pass cut into its steps. A `Mutant` overrides one of them and documents the mistake. They
serve two ends: `autograd.diagnose` asks which of them produces a wrong hand-computed gradient, and
`autograd.mutants` grades tests: a test suite is good if it fails under every one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import adjoints, functional
from ..graph import refuse_freed, topological
from ..modes import ACTIVE, current
from ..value import Value, real

Adjoints = dict[Value, float]


class Engine:
    """The reverse pass of `autograd.backward`, one overridable method per step.

    Attributes:
        name: a short name.
        mistake: what is done wrongly, in a sentence.
        reread: what to read again.
        clears_interior: whether a pass starts the gradients between root and leaves at zero.
        zeroes_leaves: whether a learner who makes several passes sets those of the leaves to zero in between.
        passes: how many passes it takes for the mistake to show.
    """

    name = "right"
    mistake = "nothing"
    reread = ""
    clears_interior = True
    zeroes_leaves = True
    passes = 1

    def order(self, root: Value) -> Iterable[Value]:
        """The nodes in the order in which they hand their gradient on."""
        return reversed(topological(root))

    def derivatives(self, node: Value) -> Sequence[float]:
        """∂ node / ∂ operand for each operand."""
        return node.local_derivatives

    def contribution(self, adjoint: float, derivative: float) -> float:
        """What one edge hands to the operand."""
        return adjoint * derivative if adjoint and derivative else 0.0

    def accumulate(self, before: float | None, contribution: float) -> float:
        """The operand's gradient after a contribution; ``before`` is None for the first one."""
        return (before or 0.0) + contribution

    def prepare(self, root: Value) -> None:
        """Called before a pass."""

    def release(self) -> None:
        """Called after a pass, to release what `prepare` kept of the graph."""

    def run(self, root: Value, seed: float = 1.0, start: Adjoints | None = None) -> Adjoints:
        """One pass: the gradients of all nodes. ``start`` holds gradients left over from an earlier pass."""
        self.prepare(root)
        order = list(self.order(root))
        adjoints: Adjoints = {}
        for node, left in (start or {}).items():
            if left and not (node.parents and self.clears_interior):
                adjoints[node] = left
        adjoints[root] = seed + (0.0 if root.parents else adjoints.get(root, 0.0))
        for node in order:
            adjoint = adjoints.get(node, 0.0)
            if not node.parents:
                continue
            for parent, derivative in zip(node.parents, self.derivatives(node)):
                adjoints[parent] = self.accumulate(adjoints.get(parent), self.contribution(adjoint, derivative))
        self.release()
        return adjoints

    def gradient(self, root: Value, leaf: Value) -> Adjoints:
        """The gradients as a learner sees them, after as many passes as it takes for the mistake to show."""
        adjoints = self.run(root)
        for _ in range(self.passes - 1):
            kept = {node: left for node, left in adjoints.items() if node.parents or not self.zeroes_leaves}
            adjoints = self.run(root, start=kept)
        return adjoints


RIGHT = Engine()


class Mutant(Engine):
    """An engine with one mistake. ``with mutant:`` puts it in the place of the right one (see `Mutants.grade`)."""

    def __enter__(self) -> Mutant:
        _installed.append(_install(self))
        return self

    def __exit__(self, *exception: object) -> None:
        for module, name, original in _installed.pop():
            setattr(module, name, original)

    def __repr__(self) -> str:
        return f"<mutant {self.name}: {self.mistake}>"


_installed: list[list[tuple[Any, str, Any]]] = []


def _install(engine: Engine) -> list[tuple[Any, str, Any]]:
    """Make `Value.backward`, `Value.zero_grad` and `autograd.grad` behave as the engine does, for the whole process."""
    right_backward, right_adjoints = Value.backward, adjoints.adjoints

    def backward(root: Value, gradient: float = 1.0, free_graph: bool = False) -> None:
        if ACTIVE and current().anomaly:
            return right_backward(root, gradient, free_graph)
        seed, order = real(gradient, "backward(gradient=…)"), topological(root)
        refuse_freed(order)
        found = engine.run(root, seed, {node: node.grad for node in order})
        for node in order:
            node.grad = found.get(node, 0.0)
            if free_graph:
                node.parents = node.local_derivatives = ()
        return None

    def adjoints_of(root: Value, seed: Any, wanted: Sequence[Value]) -> Any:
        if not isinstance(seed, float):  # derivatives that are graphs again
            return right_adjoints(root, seed, wanted)
        found = engine.run(root, seed)
        return [found.get(node, 0.0) for node in wanted]

    changes: list[tuple[Any, str, Any]] = [(Value, "backward", backward), (functional, "adjoints", adjoints_of)]
    if not engine.zeroes_leaves:
        changes.append((Value, "zero_grad", lambda self: None))
    originals = [(place, name, getattr(place, name)) for place, name, _ in changes]
    for place, name, changed in changes:
        setattr(place, name, changed)
    return originals
