"""SVG as PNG or PDF, through whatever program can do it."""

from __future__ import annotations

import math
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence

SHARP = 2.0
"""Pixels for a point of a picture, each way: sharp on the screens of today."""
LONGEST, MOST = 32767, 200_000_000
"""The pixels that a PNG may have along a side, and in all: what the programs can do in the memory of a laptop."""
WAYS = "pip install cairosvg, rsvg-convert or inkscape"
"""Programs that turn SVG into PNG and PDF."""


def convert(svg: str, suffix: str, scale: float = SHARP) -> bytes:
    """An SVG picture as PNG or PDF, through the first of several converters that is installed.

    Args:
        svg: the text of the picture.
        suffix: ``png`` or ``pdf``.
        scale: pixels of a PNG for a point of the picture.

    Raises:
        RuntimeError: none of them is there, or each failed; the message lists them.
    """
    failures: list[str] = []
    for name, converter in CONVERTERS.items():
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "picture.svg"), pathlib.Path(folder, f"picture.{suffix}")
            source.write_text(svg, encoding="utf-8")
            try:
                if converter(source, target, scale):
                    return target.read_bytes()
            except (OSError, subprocess.SubprocessError) as error:
                failures.append(f"{name}: {error}")
    tried = f" (tried {'; '.join(failures)})" if failures else ""
    raise RuntimeError(
        f"no program here turns SVG into {suffix.upper()}{tried}. Save as .svg, which every browser opens, "
        f"or install one of: {WAYS}"
    )


def scale_of(wide: float, high: float) -> float:
    """The pixels for a point with which a picture of this size fits into a PNG: `SHARP`, or less if it is large."""
    return min(SHARP, LONGEST / max(wide, high), math.sqrt(MOST / (wide * high)))


def _run(command: Sequence[str | pathlib.Path]) -> bool:
    program = shutil.which(str(command[0]))
    if program is None:
        return False
    subprocess.run([program, *map(str, command[1:])], check=True, capture_output=True, timeout=60)
    return True


def _cairosvg(source: pathlib.Path, target: pathlib.Path, scale: float) -> bool:
    try:
        import cairosvg  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except (ImportError, OSError):  # OSError: the package is there, the library it wraps is not
        return False
    turn = cairosvg.svg2png if target.suffix == ".png" else cairosvg.svg2pdf
    turn(url=str(source), write_to=str(target), **({"scale": scale} if target.suffix == ".png" else {}))
    return True


def _rsvg(source: pathlib.Path, target: pathlib.Path, scale: float) -> bool:
    zoom = f"{scale:.4f}" if target.suffix == ".png" else "1"
    return _run(["rsvg-convert", "--unlimited", "-f", target.suffix[1:], "-z", zoom, "-o", target, source])


def _inkscape(source: pathlib.Path, target: pathlib.Path, scale: float) -> bool:
    return _run(["inkscape", source, f"--export-dpi={96 * scale:.2f}", "-o", target])


CONVERTERS: dict[str, Callable[[pathlib.Path, pathlib.Path, float], bool]] = {
    "cairosvg": _cairosvg,
    "rsvg-convert": _rsvg,
    "inkscape": _inkscape,
}
