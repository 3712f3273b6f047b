"""Which nodes of a large graph stand together in one box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .picture import Grouping

if TYPE_CHECKING:
    from ..value import Value


def grouping(order: list[Value], fold: str | None, max_nodes: int) -> tuple[Grouping | None, list[str]]:
    """The groups for a drawing and what to say about them below it; None if every node has a box of its own."""
    return None, []
