"""Which engine runs: the one in C, where it was built, or the one in Python, which is its specification.

`in_c` stands above what the engine in C does too. With it, ``Value``, ``topological`` and the reverse pass are C; the
text below the decorator says, in Python, what they do, and runs where there is no C: without a compiler, on PyPy, on
builds without the interpreter's lock, in a second interpreter of a process, and with ``TRACEGRAD_PURE=1`` in the
environment. Numbers are the same to the last bit.
"""

from __future__ import annotations

import importlib
import os
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from .ops import TABLE

_HERE = Path(__file__).parent
_T = TypeVar("_T")


def fingerprint() -> str:
    """Of all that the engine in C is made from: its text, the text that writes its methods, the built-in table."""
    table = [(op.name, op.formula, op.derivatives, op.arguments, op.defaults, op.aliases) for op in TABLE.values()]
    texts = [(_HERE / name).read_bytes() for name in ("_native.c", "c_methods.py")]
    return f"{zlib.crc32(b''.join([*texts, repr(table).encode()])):08x}"


def _load() -> tuple[ModuleType | None, str]:
    """The module in C, and why there is none."""
    if os.environ.get("TRACEGRAD_PURE", "0") not in ("", "0"):
        return None, "TRACEGRAD_PURE is set"
    try:
        built = importlib.import_module("autograd._native")
    except ImportError as error:
        there = [*_HERE.glob("_native.*.so"), *_HERE.glob("_native*.pyd")]
        return None, str(error) if there else "it was not built; a C compiler and pip install build it"
    if fingerprint() != built.FINGERPRINT:
        return None, "it was built from other sources than these; pip install -e . builds it again"
    return built, ""


_native, reason = _load()
engine = "native" if _native else "python"
"""Which engine runs: ``"native"`` (C) or ``"python"``; `reason` says why it is not C."""


def of_lists() -> dict[str, Any]:
    """C's functions of lists by name. Each gives None for all but lists of one length of Values and plain numbers."""
    names = [op.name for op in TABLE.values() if op.takes_list]
    return {} if _native is None else {f"{name}_in_c": getattr(_native, name) for name in names}


def in_c(specification: _T) -> _T:
    """What the engine in C has under this name, else the specification itself.

    A class lends its C counterpart all that this one has not got.
    """
    if _native is None:
        return specification
    found: Any = getattr(_native, specification.__name__)  # type: ignore[attr-defined]
    if isinstance(specification, type):
        found.__name__ = specification.__name__  # without the module, as messages of Python's have it
        for name, member in vars(specification).items():
            if name == "__doc__" or name not in vars(found):
                setattr(found, name, member)
    return found  # type: ignore[no-any-return]


def connect(**functions: Any) -> None:
    """Give the engine in C the Python functions to which it leaves what happens rarely."""
    if _native is not None:
        _native.connect(**functions)
