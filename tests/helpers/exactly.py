"""mpmath, the reference of many tests. A test that asks for it where it is not installed skips."""

from typing import Any

import pytest


class Mpmath:
    """The package, or one of its contexts, looked up when it is used."""

    def __init__(self, *path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "pytest")):  # what pytest asks of everything in a module
            raise AttributeError(name)
        found = pytest.importorskip("mpmath", reason="the exact numbers come from mpmath")
        for part in self._path:
            found = getattr(found, part)
        return getattr(found, name)


mpmath, mp = Mpmath(), Mpmath("mp")


def mpf(number: Any) -> Any:
    return mp.mpf(number)
