"""Gradients brought into bounds: all of them by one factor, or each on its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from autograd import Value
from autograd.value import real

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def clip_grad_norm(parameters: Iterable[Value], limit: float) -> float:
    """Scale all gradients by one factor so that their Euclidean norm is at most ``limit``; returns the norm before."""
    listed, limit = movable(parameters, "clip_grad_norm"), bound(limit, "the limit")
    norm = math.hypot(*(p.grad for p in listed))
    factor = _shrink(norm, limit)
    for p in listed:
        p.grad *= factor
    return norm


def clip_grad_value(parameters: Iterable[Value], limit: float) -> None:
    """Bring every gradient into [−limit, limit]."""
    listed, limit = movable(parameters, "clip_grad_value"), bound(limit, "the limit")
    for p in listed:
        p.grad = _clipped(p.grad, limit)


def movable(parameters: Iterable[Value], taker: str) -> list[Value]:
    """The parameters as a list.

    Raises:
        ValueError: there are none, one is there twice, or one was computed from others.
        TypeError: they are not Values.
    """
    if isinstance(parameters, Value) or not isinstance(parameters, Iterable):
        hint = "model.parameters()" if hasattr(parameters, "parameters") else "a list of Values"
        raise TypeError(f"{taker} takes {hint}, not {type(parameters).__name__}")
    listed = list(parameters)
    seen: set[int] = set()
    for i, p in enumerate(listed):
        if not isinstance(p, Value):
            raise TypeError(f"{taker} takes Values, such as model.parameters(); entry {i} is a {type(p).__name__}")
        if p.op:
            raise ValueError(f"parameter {i} was computed by {p.op!r}; an optimizer changes leaves only")
        if id(p) in seen:
            raise ValueError(f"parameter {p.label or i} is in the list twice, and would be moved twice per step")
        seen.add(id(p))
    if not listed:
        raise ValueError(f"{taker} got no parameters")
    return listed


def bound(limit: float, name: str) -> float:
    """A positive number to clip at.

    Raises:
        ValueError: it is not positive, or infinite.
    """
    checked = real(limit, name)
    if not 0.0 < checked < math.inf:
        raise ValueError(f"{name} must be a positive number, not {limit!r}")
    return checked


def clip(gradients: list[float], value: float | None, norm: float | None) -> list[float]:
    """Gradients of which each is at most ``value``, and whose norm then is at most ``norm``."""
    if value is not None:
        gradients = [_clipped(g, value) for g in gradients]
    factor = 1.0 if norm is None else _shrink(math.hypot(*gradients), norm)
    return [g * factor for g in gradients] if factor != 1.0 else gradients


def clip_array(gradients: NDArray[np.float64], value: float | None, norm: float | None) -> NDArray[np.float64]:
    """The same for an array of finite numbers, which is left as it is."""
    import numpy as np

    if value is not None:
        gradients = np.clip(gradients, -value, value)
    factor = 1.0 if norm is None else _shrink(_norm(gradients), norm)
    return gradients * factor if factor != 1.0 else gradients


def clip_pure(xp: Any, gradients: Any, value: float | None, norm: float | None) -> Any:
    """The same for an array of another library, without a look at its numbers: they may not be known yet.

    Args:
        xp: the library's counterpart of ``numpy``.
        gradients: an array of it.
        value, norm: as for `clip`.
    """
    if value is not None:
        gradients = xp.clip(gradients, -value, value)
    if norm is not None:
        largest = xp.maximum(abs(gradients).max(), 1.0)  # of which squares do not overflow
        size = largest * ((gradients / largest) ** 2).sum() ** 0.5
        gradients = xp.where(size <= norm, gradients, gradients * (norm / size))
    return gradients


def _norm(gradients: NDArray[np.float64]) -> float:
    import numpy as np

    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(gradients))
    return norm if norm != math.inf else math.hypot(*gradients.tolist())  # where squares overflow, hypot's do not


def _clipped(g: float, limit: float) -> float:
    return min(max(g, -limit), limit)


def _shrink(norm: float, limit: float) -> float:
    return 1.0 if norm <= limit else limit / norm
