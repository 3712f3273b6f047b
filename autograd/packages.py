"""Optional packages: each is imported by what needs it, and its absence is an error that says how to install it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def needed(module: str, by: str, package: str = "") -> Any:
    """An optional module.

    Args:
        module: its name.
        by: what needs it, for the message.
        package: what ``pip`` installs it as, where that is called otherwise.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = package or module.partition(".")[0]
        raise ImportError(f"{by} needs the package {package}: pip install {package}") from error
