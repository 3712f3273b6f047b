"""SVG as PNG or PDF, through whatever program can do it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence


def convert(svg: str, suffix: str) -> bytes:
    """An SVG picture as PNG or PDF, through the first of several converters that is installed.

    Raises:
        RuntimeError: none of them is there, or each failed; the message lists them.
    """
    failures: list[str] = []
    for name, converter in CONVERTERS.items():
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "picture.svg"), pathlib.Path(folder, f"picture.{suffix}")
            source.write_text(svg, encoding="utf-8")
            try:
                if converter(source, target):
                    return target.read_bytes()
            except (OSError, subprocess.SubprocessError) as error:
                failures.append(f"{name}: {error}")
    tried = f" (tried {'; '.join(failures)})" if failures else ""
    raise RuntimeError(
        f"no program here turns SVG into {suffix.upper()}{tried}. Save as .svg, which every browser opens, "
        "or install one of: cairosvg (pip install cairosvg), rsvg-convert, inkscape"
    )


def _run(command: Sequence[str | pathlib.Path]) -> bool:
    program = shutil.which(str(command[0]))
    if program is None:
        return False
    subprocess.run([program, *map(str, command[1:])], check=True, capture_output=True, timeout=60)
    return True


def _cairosvg(source: pathlib.Path, target: pathlib.Path) -> bool:
    try:
        import cairosvg  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except (ImportError, OSError):  # OSError: the package is there, the library it wraps is not
        return False
    turn = cairosvg.svg2png if target.suffix == ".png" else cairosvg.svg2pdf
    turn(url=str(source), write_to=str(target), **({"scale": 2} if target.suffix == ".png" else {}))
    return True


CONVERTERS: dict[str, Callable[[pathlib.Path, pathlib.Path], bool]] = {
    "cairosvg": _cairosvg,
    "rsvg-convert": lambda source, target: _run(
        ["rsvg-convert", "-f", target.suffix[1:], "-z", "2" if target.suffix == ".png" else "1", "-o", target, source]
    ),
    "inkscape": lambda source, target: _run(["inkscape", source, "-o", target]),
}
