"""Compiled code on disk, so that a program that was compiled once is there at once the next time.

A file is its content's digest and the content: what is damaged, cut short or of another kind is compiled again and
written anew. A file is written under another name first and then renamed, so that two processes can share the folder.
Where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path

KEPT = 1000
"""Files that the folder holds at most; the ones that were not used for longest go first."""


def folder() -> Path | None:
    """Where the code is kept: the folder ``TRACEGRAD_CACHE``, else one of the user's; None if that is empty."""
    chosen = os.environ.get("TRACEGRAD_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "tracegrad") if os.path.isabs(base) else None


def read(name: str) -> bytes | None:
    """What was written under a name; None if it is not there, or not whole."""
    where = folder()
    if where is None:
        return None
    try:
        path = where / f"{name}.o"
        found = path.read_bytes()
        digest, content = found[:32], found[32:]
        if hashlib.sha256(content).digest() != digest:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return content
    except OSError:
        return None


def write(name: str, content: bytes) -> None:
    """Keep something under a name, if that is possible."""
    where = folder()
    if where is None:
        return
    try:
        where.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=where, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.replace(temporary, where / f"{name}.o")
        except OSError:
            os.unlink(temporary)
            raise
        _tidy(where)
    except OSError:
        return


def _tidy(where: Path) -> None:
    files = list(where.glob("*.o"))
    if len(files) > KEPT:
        for path in sorted(files, key=lambda path: path.stat().st_mtime)[: len(files) - KEPT * 9 // 10]:
            with contextlib.suppress(OSError):
                path.unlink()
