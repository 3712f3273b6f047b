"""The playground: tracegrad in a browser, with nothing installed there.

`build` writes a folder of static files: Pyodide, which is CPython for WebAssembly, this package, and a page with an
editor. Any web server can serve it. `serve` builds it and serves it on this machine. Python runs in a worker of the
page, so that a program without end can be stopped, and no request leaves for another origin.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import Any

from .examples import EXAMPLES

PYODIDE = "pyodide@314.0.7"
"""The npm package of the runtime."""
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""Its files that a page needs."""
_PAGE = Path(__file__).parent / "page"
_PACKAGES = Path(__file__).parents[2]
_KINDS = (".py", ".js", ".css", ".html", ".csv")


def build(folder: str | Path, runtime: str | Path | None = None) -> Path:
    """Write the playground as a folder of static files, about 13 MB, for any web server.

    Args:
        folder: where; new, empty, or a playground of before.
        runtime: the folder with Pyodide's files, as they are in the npm package ``pyodide``; by default npm, which must
            be on PATH, downloads them.

    Returns:
        the folder.

    Raises:
        FileExistsError: there is something else in the folder.
        FileNotFoundError: the runtime is incomplete, or npm is not there.
        RuntimeError: npm could not download the runtime.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / "tracegrad.zip").exists())):
        raise FileExistsError(f"{str(target)!r} holds something else; choose a new or an empty folder")
    with tempfile.TemporaryDirectory() as room:
        source = _downloaded(Path(room)) if runtime is None else Path(runtime)
        missing = [name for name in RUNTIME if not (source / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{str(source)!r} is not Pyodide's folder: it has no {', '.join(missing)}")
        (target / "pyodide").mkdir(parents=True, exist_ok=True)
        for name in RUNTIME:
            shutil.copyfile(source / name, target / "pyodide" / name)
    for page in _PAGE.iterdir():
        shutil.copyfile(page, target / page.name)
    (target / "examples.json").write_text(json.dumps(EXAMPLES, indent=1), encoding="utf-8")
    with zipfile.ZipFile(target / "tracegrad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        folders = (sorted((_PACKAGES / name).rglob("*")) for name in ("autograd", "nn"))
        for path in [_PACKAGES / "tracegrad.py", *chain.from_iterable(folders)]:
            if path.suffix in _KINDS and _PAGE not in path.parents:
                archive.write(path, path.relative_to(_PACKAGES))
    return target


def _downloaded(room: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            "the playground needs Pyodide, and npm, which would download it, is not on PATH: install Node.js, or give "
            "the folder of the npm package pyodide as --runtime FOLDER"
        )
    done = subprocess.run(
        [npm, "pack", "--silent", PYODIDE], cwd=room, capture_output=True, text=True, timeout=600, check=False
    )
    archives = list(room.glob("*.tgz"))
    if done.returncode or not archives:
        raise RuntimeError(f"npm could not download {PYODIDE}: {done.stderr.strip()[-500:]}")
    shutil.unpack_archive(archives[0], room)
    return room / "package"


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012 (as in the class above it)
        **SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".js": "text/javascript",
        ".wasm": "application/wasm", ".json": "application/json",
    }  # fmt: skip

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the address is all that a user wants to read."""


def server(folder: str | Path, port: int = 0) -> ThreadingHTTPServer:
    """A web server of a folder, on this machine only; ``server_port`` is the port that it got.

    Args:
        folder: a playground.
        port: where to listen; 0 for any that is free.

    Raises:
        OSError: the port is taken.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder)))


def serve(port: int = 8000, runtime: str | Path | None = None) -> None:
    """Build the playground and serve it on this machine until Ctrl-C.

    Args:
        port: where to listen.
        runtime: as for `build`.

    Raises:
        as `build`; OSError: the port is taken.
    """
    with tempfile.TemporaryDirectory() as room:
        print("Building the playground …")
        with server(build(Path(room) / "playground", runtime), port) as running:
            print(f"The playground is at http://127.0.0.1:{running.server_port}/ (Ctrl-C ends it)")
            try:
                running.serve_forever()
            except KeyboardInterrupt:
                print()
