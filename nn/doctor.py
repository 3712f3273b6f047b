"""Is this installation whole? Uses the standard library alone, and nothing of `autograd`.

HIPS autograd is another project that installs a package called `autograd`. Whichever of the two is installed last
overwrites files of the other, silently, so the check must not go through that package.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

CURE = (
    "The distribution 'autograd' (HIPS autograd) is installed alongside tracegrad; both own the package name "
    "`autograd`, and one overwrites the other. Use a fresh virtual environment for tracegrad, or run in its folder\n"
    "    pip uninstall autograd\n"
    "    pip install --force-reinstall --no-deps ."
)


class Finding(NamedTuple):
    """One line of the doctor's report; ``ok`` is None for an optional part that is missing."""

    ok: bool | None
    what: str
    advice: str = ""


def other_autograd() -> str | None:
    """The version of HIPS autograd if that distribution is installed here, else None."""
    try:
        return importlib.metadata.version("autograd")
    except importlib.metadata.PackageNotFoundError:
        return None


def autograd_is_ours() -> bool:
    """Whether `import autograd` would find this project's package, judged by its files without importing it."""
    spec = importlib.util.find_spec("autograd")
    if spec is None or spec.origin is None:
        return False
    with open(spec.origin, encoding="utf-8", errors="replace") as file:
        whole = "tracegrad" in file.readline()
    return whole and os.path.exists(os.path.join(os.path.dirname(spec.origin), "value.py"))


_OPTIONAL = {
    "llvmlite": "compiled programs run as machine code",
    "matplotlib": "curves, boundaries and surfaces",
    "pygraphviz": "Graphviz without a `dot` program",
    "anywidget": "the two-way notebook widget",
    "mpmath": "50-digit reference values",
    "jax": "compiled programs as functions of JAX",
    "torch": "networks of PyTorch's",
    "scikit-learn": "networks of scikit-learn's, and ours with its interface",
    "onnx": "networks from ONNX files",
    "sympy": "formulas to SymPy and back",
}


def examine() -> Iterator[Finding]:
    """Findings, one after the other."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(sys.version_info >= (3, 10), f"Python {version} on {platform.system()}", "Python 3.10 or newer")
    yield Finding(autograd_is_ours(), "the package autograd is tracegrad's", CURE)
    other = other_autograd()
    if other:
        yield Finding(False, f"HIPS autograd {other} is installed in the same environment", CURE)
    for name in ("numpy", "graphviz", "tqdm"):
        found = _version(name)
        yield Finding(found is not None, f"{name} {found or 'is missing'}", f"pip install {name}")
    for name, use in _OPTIONAL.items():
        found = _version(name)
        yield Finding(True if found else None, f"{name} {found or 'not installed'}", f"for {use}: pip install {name}")
    dot = shutil.which("dot")
    yield Finding(
        True if dot else None,
        "Graphviz's program dot " + ("is on the PATH" if dot else "is not on the PATH"),
        "not needed: pictures then come from pygraphviz or from the built-in layout",
    )
    yield _engine()
    unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    yield Finding(True if unicode else None, f"terminal encoding {sys.stdout.encoding}", "set PYTHONUTF8=1 for ∂ and σ")


def _engine() -> Finding:
    """Which engine runs, as a process of its own says: nothing here imports `autograd`."""
    ask = "from autograd import native; print(native.engine, native.reason, sep=chr(10))"
    asked = subprocess.run([sys.executable, "-W", "ignore", "-c", ask], capture_output=True, text=True, check=False)
    engine, reason, *_ = [*asked.stdout.splitlines(), "", ""]
    if engine == "native":
        return Finding(True, "the engine in C runs eager work (native)")
    return Finding(None, "the engine in Python runs eager work (python)", f"the one in C is not used: {reason}")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


ABOUT = "check this installation, and say how to repair it"


def command(arguments: Sequence[str]) -> int:
    """`tracegrad doctor`, which runs where nothing else does."""
    parser = argparse.ArgumentParser(prog="tracegrad doctor", description=ABOUT[0].upper() + ABOUT[1:] + ".")
    parser.parse_args(arguments)
    return report()


def report() -> int:
    """Print the findings; the exit status is 1 if one of them is a fault."""
    findings = list(examine())
    for finding in findings:
        sign = "ok     " if finding.ok else ("missing" if finding.ok is None else "FAULT  ")
        print(f"{sign}  {finding.what}")
        if not finding.ok:
            print("         " + finding.advice.replace("\n", "\n         "))
    faults = sum(finding.ok is False for finding in findings)
    print("Everything needed is here." if not faults else f"{faults} fault{'s' * (faults > 1)} found.")
    return 1 if faults else 0
