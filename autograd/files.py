"""Writing files: everything that this library writes goes through `write`.

A file appears whole or not at all, keeps its permissions, and a device or a named pipe stays one.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Put ``data`` where ``path`` says.

    A regular file is written next to its final place, flushed to the disk, then renamed: a crash, a full disk or a
    power cut leaves the old file or the new one, never a mixture. A link stays a link, and the new file has the
    permissions and, where the system allows it, the owner of the old one. What is not a regular file (a device, a named
    pipe) receives the data directly, since renaming over it would destroy it.

    Raises:
        OSError: the file cannot be written, or is protected against writing; what stood there before is unharmed. Or
            it is a named pipe that no program reads.
    """
    target = Path(os.path.realpath(path))
    try:
        before = _writable(target)
        if before is not None and not stat.S_ISREG(before.st_mode):
            _pass_on(target, data)
        else:
            _replace(target, data, before)
    except OSError as error:
        raise _explained(error, path) from error


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


def _writable(target: Path) -> os.stat_result | None:
    """What is in the place of a file, None if nothing is; refuses what is protected against writing.

    The mode is asked too, since the administrator may write everything: who takes a file's last write permission
    away wants it kept.
    """
    try:
        before = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(target, os.W_OK) or not before.st_mode & 0o222:
        raise PermissionError(errno.EACCES, "The file is write-protected")
    return before


def _replace(target: Path, data: bytes, before: os.stat_result | None) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        _fill(temporary, data, before)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # the new name reaches the disk too, where folders can be flushed
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _fill(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
    """Make a file that is not there yet, with the permissions and the owner of another one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o666 if like is None else 0o600), "wb") as file:
        if like is not None:
            if hasattr(os, "chown"):
                with suppress(OSError):  # only the administrator gives files away
                    os.chown(path, like.st_uid, like.st_gid)
            os.chmod(path, stat.S_IMODE(like.st_mode))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _pass_on(target: Path, data: bytes) -> None:
    """Write to a device or a named pipe; a pipe that nobody reads is an error, since waiting could take forever."""
    descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as file:
        file.write(data)


def _explained(error: OSError, path: str | os.PathLike[str]) -> OSError:
    if error.errno == errno.ENXIO:
        reason = "No program reads from this pipe: nothing was saved; start the reader first"
    else:
        reason = f"{error.strerror or error}: nothing was saved, and what stood there before is unharmed"
    return OSError(error.errno, reason, os.fspath(path))
