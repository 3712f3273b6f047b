"""Fresh interpreters that run a script, alone or as processes that find one another on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def printed(script: str, *arguments: str, **environment: str) -> str:
    """The last line that a script prints; it must not fail."""
    made = subprocess.run(
        [sys.executable, "-c", script, *arguments], env={**os.environ, **environment}, check=False, capture_output=True,
        text=True, timeout=240,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()[-1]


def two(script: str, **environment: str) -> list[str]:
    """What two processes print last; each is told its number and a port of 127.0.0.1 that was free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(printed, script, number, port, **environment) for number in "01"]
        return [each.result() for each in both]
