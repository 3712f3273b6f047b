"""Whole numbers, checked and in words."""

from __future__ import annotations

from typing import Any


def whole(n: Any, name: str, least: int = 1) -> int:
    """An integer of at least ``least``.

    Raises:
        ValueError: ``n`` is not one.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__") or n.__index__() < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {n!r}")
    return int(n.__index__())


def in_words(parameters: int) -> str:
    """A number of parameters in words: ``"1,337 parameters"``."""
    return f"{parameters:,} parameter" + ("" if parameters == 1 else "s")
