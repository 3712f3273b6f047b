"""Pages on paper: a browser that is installed prints them, since nothing else sets mathematics as pages show it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SIZES = ("A4", "letter")
"""The sizes of paper."""

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)  # fmt: skip
"""Where a browser that prints is looked for; the environment variable ``TRACEGRAD_BROWSER`` names another."""

FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
)  # fmt: skip
LIMIT = 120.0
"""The seconds that a browser may take."""

_ELSE = "Or save as .html, open it in any browser and print it"


def browser() -> str | None:
    """The program that prints; None if there is none here."""
    named = os.environ.get("TRACEGRAD_BROWSER")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def pdf(page: str) -> bytes:
    """A whole HTML page as PDF; its style sheet says how large the paper is.

    Raises:
        RuntimeError: there is no browser, it failed, or it took longer than two minutes.
    """
    program = browser()
    if program is None:
        raise RuntimeError(
            "a .pdf file is printed by a browser, and none was found: install Chromium, Chrome or Edge, or name the "
            f"program in TRACEGRAD_BROWSER. {_ELSE}"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_text(page, encoding="utf-8")
        command = [program, *FLAGS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", source.as_uri()]
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # the browser has no sandbox for the administrator
            command.insert(1, "--no-sandbox")
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=LIMIT)
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise RuntimeError(
                f"the browser {program} did not print the page ({type(error).__name__}); another one can be named in "
                f"TRACEGRAD_BROWSER, once it is installed. {_ELSE}"
            ) from error
