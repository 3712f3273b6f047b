"""The operations as functions: on Values they extend the graph, on plain numbers they return a float.

Each entry of the table that is not an operator has a function here, written by `autograd.eager`. What type checkers
and editors see of them is in ``functions.pyi``, which `autograd.stubs` generates from the table.
"""

from __future__ import annotations

from .elementary import FUNCTIONS

globals().update(FUNCTIONS)
__all__ = sorted(FUNCTIONS)  # noqa: PLE0605 (the table says what there is)
