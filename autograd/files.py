"""Writing a file so that it appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Put ``data`` where ``path`` says: beside its final place, flushed to the disk, then renamed.

    A crash, a full disk or a power cut leaves the old file or the new one, never a mixture; a link stays a link.

    Raises:
        OSError: the file cannot be written; what stood there before is unharmed.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        _fill(temporary, data)
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise _explained(error, path) from error
        raise
    with suppress(OSError):  # the new name reaches the disk too, where folders can be flushed
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Learn before the work, not after it, whether files can be written into a folder.

    Raises:
        OSError: they cannot; the message says why.
    """
    probe = Path(folder, f".{secrets.token_hex(4)}.tmp")
    try:
        _fill(probe, b"")
        os.unlink(probe)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}: nothing can be saved here", str(folder)) from error


def _fill(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _explained(error: OSError, path: str | os.PathLike[str]) -> OSError:
    reason = f"{error.strerror or error}: nothing was saved, and what stood there before is unharmed"
    return OSError(error.errno, reason, os.fspath(path))
