"""Running Graphviz, wherever it is found, and never waiting for it longer than agreed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

from ..convert import WAYS
from . import dot
from .layout import Layout, layered
from .picture import Picture

ENGINES = ("auto", "dot", "pygraphviz", "builtin")
LIMIT = 1000
"""Beyond this many boxes or wires Graphviz takes from many seconds to minutes; the built-in layout does not."""

FEW = 300
"""Up to this many wires, Graphviz is asked twice where edges would run steeply; it answers within milliseconds."""


class RenderError(RuntimeError):
    """Graphviz is missing, failed, or did not finish in time."""


class TooSlowError(RenderError):
    """Graphviz did not finish in time."""


# pygraphviz draws inside its process, where nothing could stop it; so it gets a process of its own.
_PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
graph.graph_attr["dpi"] = sys.argv[2]
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""

INSTALL = (
    "install one of the two: `pip install pygraphviz` (version 2 or newer, which brings Graphviz with it), "
    "or Graphviz itself (https://graphviz.org/download, or your system's package manager) so that `dot` is on PATH"
)


def available() -> list[str]:
    """The Graphviz engines that this machine has, the preferred one first."""
    found = ["dot"] if shutil.which("dot") else []
    if importlib.util.find_spec("pygraphviz") is not None:
        found.append("pygraphviz")
    return found


def _command(engine: str, form: str) -> list[str]:
    dpi = 144 if form == "png" else 72  # sharp on the screens of today; the other formats count in points
    if engine == "dot":
        program = shutil.which("dot")
        if program is None:
            raise RenderError(f"the program `dot` is not on PATH: {INSTALL}")
        return [program, f"-T{form}", f"-Gdpi={dpi}"]
    if importlib.util.find_spec("pygraphviz") is None:
        raise RenderError(f"pygraphviz is not installed: {INSTALL}")
    return [sys.executable, "-c", _PYGRAPHVIZ, form, str(dpi)]


def run(engine: str, source: str, form: str, timeout: float) -> bytes:
    """What Graphviz makes of some DOT text.

    Args:
        engine: ``dot`` or ``pygraphviz``.
        source: DOT text.
        form: ``png``, ``pdf``, ``json0``, …
        timeout: seconds.

    Raises:
        RenderError: it is missing, failed, or took longer; the message says which.
    """
    command = _command(engine, form)
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise TooSlowError(f"{engine} did not finish within {timeout:g} s") from None
    except OSError as error:
        raise RenderError(f"{engine} could not be started: {error}") from None
    if done.returncode or not done.stdout:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RenderError(f"{engine} failed (exit status {done.returncode}): {words[-1] if words else 'no message'}")
    return done.stdout


def image(source: str, form: str, timeout: float) -> bytes:
    """DOT text as a file of a format that only Graphviz writes (png, pdf), by the first engine that manages it.

    Raises:
        RenderError: there is no engine, or each failed.
    """
    engines = available()
    if not engines:
        raise RenderError(
            f"a .{form} file needs Graphviz or a converter of SVG ({WAYS}): {INSTALL}. "
            "Files that end in .svg or .dot need nothing"
        )
    reasons = []
    for engine in engines:
        try:
            return run(engine, source, form, timeout)
        except RenderError as error:
            reasons.append(str(error))
            if isinstance(error, TooSlowError):
                break  # the next one has the same algorithm
    raise RenderError(
        f"no .{form} could be made: {'; '.join(reasons)}. "
        f"Draw less (max_nodes=, fold=), allow more time (timeout=), install a converter of SVG ({WAYS}), "
        "or save an .svg, which always works"
    )


def placed(picture: Picture, rankdir: str, engine: str, timeout: float) -> tuple[Layout, str]:
    """Places for all boxes and wires, and the engine that chose them.

    ``auto`` tries dot, then pygraphviz, then the built-in layout, which cannot fail. Pictures beyond `LIMIT` go to the
    built-in layout at once, and so do folded ones: it keeps the neurons of a layer in their order.

    Raises:
        RenderError: a named engine is missing or failed.
    """
    if engine == "auto":
        folded = picture.nodes > len(picture.boxes)
        few = max(len(picture.boxes), len(picture.wires)) <= LIMIT and not folded
        for candidate in available() if few else []:
            try:
                return placed(picture, rankdir, candidate, timeout)
            except TooSlowError:
                break  # the next one has the same algorithm
            except RenderError:
                continue
        engine = "builtin"
    if engine == "builtin":
        boxes = range(len(picture.boxes))
        wires = [(wire.tail, wire.head) for wire in picture.wires]
        sizes = {i: box.size for i, box in enumerate(picture.boxes)}
        labels = [dot.label_size(wire) for wire in picture.wires]
        strengths = [wire.strength for wire in picture.wires]
        return layered(boxes, wires, sizes, rankdir, labels, *dot.gaps(picture), strengths), engine
    try:
        layout = dot.read_layout(run(engine, dot.skeleton(picture, rankdir), "json0", timeout), picture)
        wider = dot.spread(picture, layout, rankdir)
        if wider > 15 and len(picture.wires) <= FEW:
            again = run(engine, dot.skeleton(picture, rankdir, wider), "json0", timeout)
            layout = dot.read_layout(again, picture)
    except ValueError as error:
        raise RenderError(f"{engine}: {error}") from None
    return layout, engine
