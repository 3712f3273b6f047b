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
from .narration import Frame, Narrator


def steps(
    root: Value,
    free_graph: bool = False,
    update: float | None = None,
    parameters: Iterable[Value] | None = None,
    constants: bool = False,
    names: UserNames | None = None,
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

    Raises:
        TypeError: ``root`` is not a Value, or ``update`` not a real number.
        ValueError: a parameter is not a leaf of the graph, or ``parameters`` came without ``update``.
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
    refuse_freed(given)
    twin = copy.deepcopy(root)
    twin.zero_grad()
    return _Recorder(given, topological(twin), free_graph, rate, set(chosen.values()), constants, names).frames()


class _Recorder:
    """Runs both passes on a copy of a graph and has each change narrated."""

    def __init__(
        self,
        given: list[Value],
        order: list[Value],
        free_graph: bool,
        rate: float | None,
        updated: set[int],
        constants: bool,
        names: UserNames | None,
    ) -> None:
        self.order = order
        self.free_graph, self.rate, self.updated, self.constants = free_graph, rate, updated, constants
        self.narrator = Narrator(given, order, names)
        self.pending = list(self.narrator.uses)  # edges whose share of the adjoint has not arrived yet

    def frames(self) -> Iterator[Frame]:
        """Forward, then backward."""
        say = self.narrator
        yield say.start()
        for k, node in enumerate(self.order):
            if node.parents:
                op = ops.TABLE[node.op]
                node.data, node.local_derivatives = op.evaluate(*[parent.data for parent in node.parents])
                yield say.computed(k, node)
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
