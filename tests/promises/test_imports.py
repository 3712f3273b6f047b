"""Imports point one way, in all files of both packages, and ``import autograd`` needs the standard library alone."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["autograd", "nn", "tracegrad"]


def read_order(page: str) -> dict[str, list[list[str]]]:
    """The parts of each package as the architecture page lists them, the lowest line first.

    A part is a file, or a folder with all that is in it. It imports from the lines above its own; inside a part there
    is no list, only no circle. Imports inside functions count, and so do those that only type checkers read.
    """
    order: dict[str, list[list[str]]] = {}
    for line in page.partition("\n## Layers\n")[2].partition("\n## ")[0].splitlines():
        if package := re.fullmatch(r"    (\w+)/", line):
            order[package[1]] = []
        elif parts := re.match(r"      (\w+(?: \w+)*)(?:  |$)", line):
            order[[*order][-1]].append(parts[1].split())
    return order


ORDER = read_order((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))

EXEMPT = {
    ("autograd.backward", "autograd.value"): "for type checkers: the reverse pass needs a node's slots only",
    ("autograd.pickling", "autograd.value"): "for type checkers: a node is copied and pickled by its slots",
    ("autograd.graph", "autograd.value"): "for type checkers: a graph is walked by its slots, and Value has them",
    ("autograd.view.widget", "autograd.view.stepper"): "for type checkers: Stepper.widget() makes the widget",
    ("autograd", "tracegrad"): "the version stands where it can be read without autograd",
    ("autograd.compiler.program", "autograd.compiler.equations"): "open: print(program) writes equations of a program",
    ("autograd.compiler.program", "autograd.compiler.lens"): "open: Program.lens(i) reads a program",
    ("autograd.compiler.program", "autograd.compiler.witness"): "open: a program is compared with its function",
    ("autograd.compiler.equations", "autograd.export.walk"): "print(program) shows a loop as the exports find it",
    ("autograd.compiler.equations", "autograd.export.loops"): "for type checkers: a loop is shown",
    ("autograd.compiler.program", "autograd.export.jax"): "a method of a program is the door to its exports",
    ("autograd.compiler.program", "autograd.export.torch"): "a method of a program is the door to its exports",
    ("autograd.compiler.program", "autograd.export.onnx"): "a method of a program is the door to its exports",
    ("autograd.compiler.program", "autograd.export.source"): "a method of a program is the door to its exports",
    ("autograd.export.onnx", "autograd.compiler.program"): "for type checkers: a file is made of a program",
    ("autograd.export.torch", "autograd.compiler.program"): "for type checkers: a module is made of a program",
    ("autograd.export.loops", "autograd.export.walk"): "for type checkers: a loop is found in a walk",
}
"""Imports that point the other way: (file, what it imports), and why."""

HEAVY = {
    "numpy", "graphviz", "pygraphviz", "matplotlib", "llvmlite", "IPython", "mpmath", "tqdm", "anywidget",
    "scipy", "sklearn", "sympy", "torch", "onnx", "jax",
}  # fmt: skip

MADE_WITH = {
    "autograd.compiler": {"numpy"}, "autograd.compiler.llvm": {"llvmlite"}, "autograd.export": {"numpy"},
    "autograd.view.widget": {"anywidget"},
    "nn": {"numpy"}, "nn.sklearn": {"sklearn"},
}  # fmt: skip
"""What cannot be written without a heavy package, and is itself imported at its first use. (Which modules of `nn`
need NumPy is not listed: that `import nn` does not need it is tested with the modules.)"""


class Import(NamedTuple):
    """One import: the module that is imported, and where that stands."""

    module: str
    line: int
    runs: bool
    at_start: bool


def module_name(file: Path) -> str:
    """``autograd.view.svg`` for ``autograd/view/svg.py``; a folder's ``__init__.py`` has the name of the folder."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def imports(file: Path) -> Iterator[Import]:
    """Every import in a file. ``from a import b`` imports the module ``a.b`` if there is one, else ``a``."""
    folder = file.relative_to(ROOT).parts[:-1]

    def walk(node: ast.AST, runs: bool, at_start: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, runs, at_start) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = folder[: len(folder) - child.level + 1] if child.level else ()
                stem = ".".join([*base, *([child.module] if child.module else [])])
                for alias in child.names:
                    name = f"{stem}.{alias.name}"
                    yield Import(name if is_module(name) else stem, child.lineno, runs, at_start)
            elif not isinstance(child, ast.expr):  # an import is a statement
                read = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                later = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
                yield from walk(child, runs and not read, at_start and not read and not later)

    yield from walk(ast.parse(file.read_text(encoding="utf-8")), True, True)


def own_files() -> list[Path]:
    folders = (ROOT / "autograd", ROOT / "nn")
    return sorted([*(file for folder in folders for file in folder.rglob("*.py")), ROOT / "tracegrad.py"])


def part(module: str) -> tuple[str, str]:
    """The package of a module and its part of it, "" for the package itself: ``("autograd", "view")``."""
    package, _, rest = module.partition(".")
    return package, rest.partition(".")[0]


def height(module: str) -> tuple[int, int]:
    """Where a module stands; a package stands above its parts."""
    package, own = part(module)
    lines = ORDER.get(package, [])
    found = [i for i, line in enumerate(lines) if own in line]
    assert found or not own, f"{module} has no place in the order of imports (docs/architecture.md)"
    return PACKAGES.index(package), found[0] if own else len(lines)


def wrong_way(file: Path) -> Iterator[str]:
    """The imports of a file that do not point down."""
    own = module_name(file)
    assert height(own)
    for found in imports(file):
        if part(found.module)[0] not in PACKAGES or (own, found.module) in EXEMPT:
            continue
        if own.startswith(f"{found.module}."):
            yield f"{file}:{found.line}: {own} imports {found.module}, the face of a folder that it is in"
        elif part(own) != part(found.module) and not height(found.module) < height(own):
            yield f"{file}:{found.line}: {own} imports {found.module}, which does not stand below it"


OWN = own_files()
each_file = pytest.mark.parametrize("file", OWN, ids=lambda f: str(f.relative_to(ROOT)))


@each_file
def test_imports_point_one_way(file: Path) -> None:
    assert [*wrong_way(file)] == []


def circle(files: Iterable[Path]) -> list[str]:
    """Modules that import each other in a circle; empty if there is none. Faces are left out: they only gather."""
    own = {module_name(file): file for file in files if file.name != "__init__.py"}
    edges = {
        name: {found.module for found in imports(file) if found.module in own and (name, found.module) not in EXEMPT}
        for name, file in own.items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def test_there_is_no_circle() -> None:
    assert circle(OWN) == []


def test_the_order_lists_what_is_there_once() -> None:
    for package, lines in ORDER.items():
        present = {part(module_name(file))[1] for file in OWN if file.parts[len(ROOT.parts)] == package}
        listed = [name for line in lines for name in line]
        assert sorted(listed) == sorted(present - {""})
    page = "## Layers\n\n    some/\n      a b  what they are\n      c_d\n\ntext\n\n## More\n\n    other/\n"
    assert read_order(f"\n{page}") == {"some": [["a", "b"], ["c_d"]]}


def test_every_exemption_is_needed() -> None:
    present = {(module_name(file), found.module) for file in OWN for found in imports(file)}
    assert {*EXEMPT} - present == set()


def made_with(module: str) -> set[str]:
    return {package for name, needed in MADE_WITH.items() if f"{module}.".startswith(f"{name}.") for package in needed}


def heavy(file: Path) -> Iterator[str]:
    """Heavy packages, and modules made with them, that a file imports when it is itself imported."""
    allowed = made_with(module_name(file))
    for found in imports(file):
        needed = {found.module.partition(".")[0]} & HEAVY | made_with(found.module)
        if found.at_start and not needed <= allowed:
            yield f"{file}:{found.line}: {found.module} is imported before it is used"


@each_file
def test_heavy_packages_are_imported_where_they_are_used(file: Path) -> None:
    assert [*heavy(file)] == []


def test_the_order_is_shown_wrong_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for name in ("autograd/graph", "autograd/view/svg", "autograd/view/dot", "nn/losses", "nn/training", "tracegrad"):
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        (file.parent / "__init__.py").touch()

    def written(place: str, text: str) -> Path:
        file = tmp_path / place
        file.write_text(text)
        return file

    for place, text in (
        ("autograd/graph.py", "from .functional import grad"),
        ("autograd/ops.py", "from . import graph"),
        ("autograd/value.py", "def f():\n    from autograd.functional import grad"),
        ("autograd/value.py", "if TYPE_CHECKING:\n    from .cli import main"),
        ("autograd/view/svg.py", "import nn.losses"),
        ("autograd/view/svg.py", "from ..cli import main"),
        ("autograd/view/svg.py", "from ..explain import ledger"),
        ("autograd/view/svg.py", "from . import draw"),
        ("autograd/view/svg.py", "from autograd import Value"),
        ("nn/losses.py", "from .training import fit"),
        ("nn/losses.py", "from nn import fit"),
        ("nn/losses.py", "from .metrics import accuracy"),
        ("nn/training.py", "def f():\n    import tracegrad"),
    ):
        assert [*wrong_way(written(place, text))], text
        written(place, "")
    for place, text in (
        ("autograd/value.py", "from . import graph\nfrom .ops import TABLE\nfrom .backward import backward"),
        ("autograd/view/svg.py", "from ..value import Value\nfrom . import dot"),
        ("autograd/__init__.py", "from .view.svg import svg\nfrom .graph import topological"),
        ("nn/losses.py", "from autograd import Value\nfrom autograd.value import real"),
        ("nn/training.py", "from .losses import Loss\nfrom . import losses"),
        ("tracegrad.py", "import autograd, nn.losses"),
    ):
        assert [*wrong_way(written(place, text))] == [], text
        written(place, "")
    with pytest.raises(AssertionError, match="has no place"):
        [*wrong_way(written("nn/strange.py", ""))]
    (tmp_path / "nn" / "strange.py").unlink()

    assert circle(own_files()) == []
    written("autograd/view/svg.py", "from .dot import source")
    written("autograd/view/dot.py", "def f():\n    from . import svg")
    assert {*circle(own_files())} == {"autograd.view.svg", "autograd.view.dot"}

    for place, text, wrong in (
        ("autograd/graph.py", "import numpy as np", True),
        ("autograd/graph.py", "from . import compiler", True),
        ("nn/losses.py", "import numpy, matplotlib.pyplot", True),
        ("nn/losses.py", "import numpy as np", False),
        ("autograd/graph.py", "def f():\n    import numpy as np", False),
        ("autograd/graph.py", "if TYPE_CHECKING:\n    import numpy as np", False),
    ):
        (tmp_path / "autograd" / "compiler").mkdir(exist_ok=True)
        (tmp_path / "autograd" / "compiler" / "__init__.py").touch()
        assert bool([*heavy(written(place, text))]) == wrong, text
        written(place, "")


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
