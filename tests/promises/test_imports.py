"""Imports point one way, and ``import autograd`` needs the standard library alone."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEVELS = [
    {"face", "files", "formulas", "hints", "modes", "neighbor", "text"},
    {"ops", "page"},
    {"graph", "eager"},
    {"value"},
    {"functions"},
    {"backward"},
    {"functional"},
    {"notation"},
    {"answer"},
    {"check", "explain", "precision", "view", "compiler"},
    {"cli", "__main__"},
]
"""A module of `autograd` imports from the levels above its own in this list; those of one level leave each other be,
save for the last but one, where a picture of a check or a derivation of a program is somebody's to make."""

LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
TOGETHER = LEVELS[-2]

# Value.backward() is how everybody starts the reverse pass, which is built on Value: one of the two must come later.
EXEMPT = {("value", "backward")}

HEAVY = {"numpy", "graphviz", "pygraphviz", "matplotlib", "numba", "IPython", "mpmath", "tqdm", "anywidget", "scipy"}

MADE_WITH = {"compiler": {"numpy"}, "kernels": {"numba"}, "widget": {"anywidget"}}
"""Modules that cannot be written without a heavy package, so that they are themselves imported at their first use."""


def imports(file: Path) -> Iterator[tuple[str, bool, int]]:
    """(absolute name of what is imported, whether at the top of the module, line); TYPE_CHECKING blocks left out."""
    package = file.relative_to(ROOT).parts[:-1]

    def walk(node: ast.AST, top: bool) -> Iterator[tuple[str, bool, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue  # read by type checkers only, never run
            if isinstance(child, ast.Import):
                yield from ((alias.name, top, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                stem = ".".join([*base, *([child.module] if child.module else [])])
                yield from ((f"{stem}.{alias.name}", top, child.lineno) for alias in child.names)
            else:
                deeper = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                yield from walk(child, top and not deeper)

    yield from walk(ast.parse(file.read_text(encoding="utf-8")), True)


def own_part(file: Path) -> str:
    """The module or package of `autograd` that a file belongs to: ``view/svg.py`` belongs to ``view``."""
    parts = file.relative_to(ROOT / "autograd").with_suffix("").parts
    return parts[0]


AUTOGRAD = sorted((ROOT / "autograd").rglob("*.py"))


@pytest.mark.parametrize("file", AUTOGRAD, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_one_way(file: Path) -> None:
    own = own_part(file)
    if own == "__init__":
        return  # it gathers the public names of all of them
    assert own in LEVEL, f"{file.name} has no place in the order of imports"
    for name, _, line in imports(file):
        top, _, rest = name.partition(".")
        assert top != "nn", f"{file}:{line}: autograd never imports nn"
        part = rest.partition(".")[0]
        if top != "autograd" or part not in LEVEL or part == own or (own, part) in EXEMPT:
            continue
        allowed = LEVEL[part] < LEVEL[own] or {own, part} <= TOGETHER
        assert allowed, f"{file}:{line}: {own} imports {part}, which builds on it"


@pytest.mark.parametrize("file", AUTOGRAD, ids=lambda f: str(f.relative_to(ROOT)))
def test_heavy_packages_are_imported_where_they_are_used(file: Path) -> None:
    own = {*file.relative_to(ROOT).with_suffix("").parts}
    allowed = {package for part in own for package in MADE_WITH.get(part, ())}
    for name, top, line in imports(file):
        package = name.partition(".")[0]
        assert not top or package not in HEAVY - allowed, f"{file}:{line}: {package} at the top of a module"
        later = set(name.split(".")) & MADE_WITH.keys() - own
        assert not top or not later, f"{file}:{line}: {later.pop()} at the top of a module"


def test_the_order_is_shown_a_wrong_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "autograd" / "view").mkdir(parents=True)
    for place, text, test in (
        ("graph.py", "from .value import Value", test_imports_point_one_way),
        ("ops.py", "from . import graph", test_imports_point_one_way),
        ("value.py", "def f():\n    from autograd.functional import grad", test_imports_point_one_way),
        ("view/svg.py", "import nn.layers", test_imports_point_one_way),
        ("view/svg.py", "from ..cli import main", test_imports_point_one_way),
        ("strange.py", "", test_imports_point_one_way),
        ("graph.py", "from . import compiler", test_heavy_packages_are_imported_where_they_are_used),
        ("graph.py", "import numpy as np", test_heavy_packages_are_imported_where_they_are_used),
    ):
        file = tmp_path / "autograd" / place
        file.write_text(text)
        with pytest.raises(AssertionError):
            test(file)
        file.unlink()
    for place, text in (
        ("value.py", "from . import graph\nfrom .ops import TABLE\nfrom .backward import backward"),
        ("graph.py", "if TYPE_CHECKING:\n    from .value import Value"),
        ("view/svg.py", "from ..check import report\nfrom . import layout\nfrom autograd import Value"),
    ):
        file = tmp_path / "autograd" / place
        file.write_text(text)
        test_imports_point_one_way(file)
        test_heavy_packages_are_imported_where_they_are_used(file)
        file.unlink()


PROBE = """
import json, sys
before = set(sys.modules)
import autograd
x = autograd.Value(2.0, "x")
y = (x * 3.0).tanh() + autograd.softmax([x, 1.0])[0]
y.backward()
autograd.hessian(lambda a: a ** 3, [2.0])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def test_the_engine_needs_the_standard_library_alone() -> None:
    found = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True)
    foreign = set(json.loads(found.stdout)) - sys.stdlib_module_names - {"autograd"}
    assert foreign == set()
    assert found.stderr == ""
