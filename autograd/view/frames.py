"""Backpropagation as a sequence of frames: which number changes, from what to what, and why.

The frames come from the engine itself: values from the table of operations, gradients from `backward.begin` and
`backward.propagate`, the two steps that `Value.backward` is made of. `propagate` is called with one edge at a
time, in the order in which it would take them, so that every addition can be seen and the sums are the same to
the last bit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

from .. import backward, ops
from ..graph import refuse_freed, topological
from ..notation.naming import UserNames
from ..value import Value, real
from .narration import Frame, Narrator, TangentNarrator


def steps(
    root: Value,
    free_graph: bool = False,
    update: float | None = None,
    parameters: Iterable[Value] | None = None,
    constants: bool = False,
    names: UserNames | None = None,
    along: Value | None = None,
) -> Iterator[Frame]:
    """The frames of the forward pass and then of the backward pass from ``root``, one at a time.

    Only looks: the passes run on a copy of the graph, from gradients of zero, so no ``.data``, ``.grad`` or parent of
    yours changes, whatever is freed or updated, and whether or not you take all the frames. Leaves have the data they
    have now; what was edited since the graph was made is computed again, as by `graph.forward`. The adjoints at the
    end are what ``root.backward()`` then leaves in ``.grad`` if it was zero.

    Args:
        root: a Value.
        free_graph: show how ``backward(free_graph=True)`` frees each adjoint as soon as it has been passed on.
        update: a learning rate η: each parameter takes the step w ← w − η ∂L/∂w as soon as its gradient is complete.
        parameters: the leaves that ``update`` moves; all leaves if None.
        constants: also show what flows to plain numbers such as the 2 in ``x**2``. The engine computes it, but nobody
            needs it.
        names: letters of your own: a mapping from a Value, or from a label, to a name in the label language.
        along: a leaf: show forward mode, in which the derivative of every node by that leaf is found, from the leaf to
            the root, instead of the backward pass. The last frame says how many products each mode takes.

    Raises:
        TypeError: ``root`` is not a Value, or ``update`` not a real number.
        ValueError: a parameter, or ``along``, is not a leaf of the graph, ``parameters`` came without ``update``, or
            ``along`` came with ``update`` or ``free_graph``, which are the backward pass's.
        RuntimeError: the graph was freed by an earlier ``backward(free_graph=True)``.

    Example:
        >>> x = Value(3.0, "x")
        >>> for frame in steps(x * x + x):
        ...     print(frame)
           0  We are given x = 3; all other values are computed from it.
           1  v₁ = x · x = 3 · 3 = 9.
           2  L = v₁ + x = 9 + 3 = 12.
           3  The backward pass starts here: ∂L/∂L = 1, since L changes exactly as much as itself.
           4  ∂L/∂v₁ gains ∂L/∂L · 1 = 1 · 1 = 1.
           5  ∂L/∂x gains ∂L/∂L · 1 = 1 · 1 = 1; this is the first of the 3 uses of x.
           6  ∂L/∂x gains ∂L/∂v₁ · x = 1 · 3 = 3; this is the second use of x, so it is added: 1 + 3 = 4.
           7  ∂L/∂x gains ∂L/∂v₁ · x = 1 · 3 = 3; this is the third use of x, so it is added: 4 + 3 = 7.
           8  Done: ∂L/∂x = 7.
    """
    given = topological(root)
    if not isinstance(root, Value):
        raise TypeError(f"steps takes one root, a Value; got a {type(root).__name__}")
    rate = None if update is None else real(update, "steps(update=…)")
    if parameters is not None and rate is None:
        raise ValueError("parameters are there to be updated: give a learning rate too, as in update=0.1")
    leaves = {node: k for k, node in enumerate(given) if not node.parents and node.op != "constant"}
    chosen = leaves if parameters is None else {}
    for parameter in parameters or ():
        if parameter not in leaves:
            raise ValueError(f"{parameter!r} is not a leaf of this graph, so a step of it cannot be shown")
        chosen[parameter] = leaves[parameter]
    if along is not None and along not in leaves:
        raise ValueError(f"along={along!r} is not a leaf of this graph; forward mode starts from one")
    if along is not None and (rate is not None or free_graph):
        raise ValueError("update and free_graph belong to the backward pass; with along=… there is none")
    refuse_freed(given)
    twin = copy.deepcopy(root)
    twin.zero_grad()
    order = topological(twin)
    say = Narrator(given, order, names) if along is None else TangentNarrator(given, order, names, leaves[along])
    return _Recorder(say, free_graph, rate, set(chosen.values()), constants).frames()


class _Recorder:
    """Runs both passes on a copy of a graph and has each change narrated."""

    def __init__(
        self, narrator: Narrator, free_graph: bool, rate: float | None, updated: set[int], constants: bool
    ) -> None:
        self.narrator, self.order = narrator, narrator.order
        self.free_graph, self.rate, self.updated, self.constants = free_graph, rate, updated, constants
        self.pending = list(self.narrator.uses)  # edges whose share of the adjoint has not arrived yet

    def frames(self) -> Iterator[Frame]:
        """Forward, then backward, or the tangents."""
        say = self.narrator
        yield say.start()
        for k, node in enumerate(self.order):
            if node.parents:
                op = ops.TABLE[node.op]
                node.data, node.local_derivatives = op.evaluate(*[parent.data for parent in node.parents])
                yield say.computed(k, node)
        if isinstance(say, TangentNarrator):
            yield from tangents(say)
            return
        todo = backward.begin(self.order[-1], 1.0)
        yield say.seed()
        if len(self.order) == 1 and self.rate is not None and self.updated:
            yield self._update(0, self.rate)
        while todo:
            yield from self._handed_on(todo.pop())
        yield say.end()

    def _handed_on(self, node: Value) -> Iterator[Frame]:
        say = self.narrator
        k = say.at[node]
        shown = [parent for parent in node.parents if self.constants or parent.op != "constant"]
        if shown and not node.grad:
            yield say.carries_nothing(k, node, shown)
        for position, parent in enumerate(node.parents):
            before = parent.grad
            edge = Value(node.data)  # the node with this one operand
            edge.grad, edge.parents, edge.local_derivatives = node.grad, (parent,), (node.local_derivatives[position],)
            backward.propagate(edge)
            self.pending[say.at[parent]] -= 1
            if node.grad and (self.constants or parent.op != "constant"):
                yield say.gain(k, node, position, before)
        for target in dict.fromkeys(say.at[parent] for parent in node.parents):
            if self.rate is not None and target in self.updated and not self.pending[target]:
                yield self._update(target, self.rate)
        if self.free_graph and node.parents:
            node.parents = node.local_derivatives = ()
            yield say.free(k)

    def _update(self, k: int, rate: float) -> Frame:
        parameter = self.order[k]
        before = parameter.data
        parameter.data = before - rate * parameter.grad
        return self.narrator.update(k, rate, before)


def tangents(say: TangentNarrator) -> Iterator[Frame]:
    """Forward mode's frames: each node's tangent, kept in the copy's ``.grad``, is the sum of slope · tangent."""
    for node in say.order:
        node.grad = 0.0
    say.order[say.leaf].grad = 1.0
    yield say.seed()
    for k, node in enumerate(say.order):
        for position, (parent, derivative) in enumerate(zip(node.parents, node.local_derivatives)):
            if say.moves(say.at[parent]):
                before = node.grad
                if parent.grad and derivative:
                    node.grad += derivative * parent.grad
                yield say.gain(k, node, position, before)
    yield say.end()
