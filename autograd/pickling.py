"""Copies and pickles of graphs, node by node in topological order, so that depth does not matter.

It needs the slots of a node only, and is below `Value`, which calls it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .graph import topological
from .operation import REGISTERED, TABLE, UNREGISTERED

if TYPE_CHECKING:
    from .value import Value


def copied(node: Value) -> Value:
    """Another node with the same parents, for `copy.copy`."""
    return _restore((), type(node), *_fields(node))


def deeply_copied(root: Value, memo: dict[int, Any]) -> Value:
    """A graph of its own, for `copy.deepcopy`."""
    for node in topological(root):
        if id(node) not in memo:
            parents = tuple(memo[id(parent)] for parent in node.parents)
            memo[id(node)] = _restore((), type(node), parents, *_fields(node)[1:])
    copy: Value = memo[id(root)]
    return copy


def reduced(node: Value) -> tuple[Any, ...]:
    """What `pickle` writes for a node: its ancestors first, so that no parent is met within its child."""
    stated = (REGISTERED and node.op in REGISTERED and repr(TABLE[node.op])) or None
    announced: set[Value] = getattr(_progress, "announced", set())
    if node in announced:  # its parents have been pickled already
        announced.discard(node)
        return _restore, ((), type(node), *_fields(node), stated)
    ancestors = topological(node)[:-1]
    return _restore, ((*ancestors, _Announcement(ancestors)), type(node), *_fields(node), stated)


def _fields(node: Value) -> tuple[Any, ...]:
    return node.parents, node.data, node.grad, node.op, node.local_derivatives, node.label, node.source


_progress = threading.local()  # which nodes the pickle in progress has announced ahead of their consumer


class _Announcement:
    """Stands after the ancestors in a pickle; it ends when it is reached, or when the pickle fails before that."""

    def __init__(self, ancestors: list[Value]) -> None:
        self.announced = _progress.announced = set(ancestors)

    def __reduce__(self) -> tuple[Any, ...]:
        self.announced.clear()
        return tuple, ()

    def __del__(self) -> None:
        self.announced.clear()


def _restore(
    ancestors: tuple[object, ...],  # announced, so that the parents exist by now
    kind: type[Value],
    parents: tuple[Value, ...],
    data: float,
    grad: float,
    op: str,
    local_derivatives: tuple[float, ...],
    label: str,
    source: tuple[str, int] | None,
    stated: str | None = None,  # what a user's own operation looked like
) -> Value:
    node = object.__new__(kind)
    if stated is not None and op in TABLE and repr(TABLE[op]) != stated:
        op += UNREGISTERED
    node.data, node.grad, node.op, node.label, node.source = data, grad, op, label, source
    node._link(parents, local_derivatives)
    return node
