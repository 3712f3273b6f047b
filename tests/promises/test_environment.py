"""What surrounds the library: optional packages, ``python -O``, locales, line endings, a neighbor of the same name."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd
import nn
import tracegrad
from autograd import neighbor
from nn import datasets, doctor

ROOT = Path(__file__).parents[2]
LIBRARY = sorted([*(ROOT / "autograd").rglob("*.py"), *(ROOT / "nn").rglob("*.py"), ROOT / "tracegrad.py"])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Not in the project's folder, whose packages a fresh interpreter would find before all others."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def run(code, *arguments, flags=(), path=None, **environment):
    """A fresh interpreter runs ``code``; its modules come from ``path``, by default from this project."""
    base = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *flags, "-c", code, *map(str, arguments)],
        env={**base, "PYTHONPATH": str(path or ROOT), "MPLBACKEND": "Agg", **environment},
        capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False,
    )  # fmt: skip


# ---- without the optional packages ------------------------------------------------------------------------------

OPTIONAL = (
    "llvmlite matplotlib graphviz pygraphviz anywidget ipywidgets traitlets IPython mpmath "
    "sklearn scipy torch onnx jax sympy playwright ipykernel nbclient hypothesis cairosvg"
)

WITHOUT = """
import sys
from importlib.machinery import PathFinder
class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in MISSING else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""

EVERYTHING = """
import autograd, nn
from autograd import Value
x, w = Value(0.5, "x"), Value(2.0, "w")
y = (x * w).tanh() + autograd.softmax([x, w])[0]
y.backward()
assert_ = [w.grad, autograd.gradcheck(y, [x, w]).ok]
autograd.draw(y, engine="builtin").save("graph.svg")
autograd.draw(y).save("auto.svg")
autograd.draw(y)._repr_html_()
autograd.stepper(y).save("step.html")
str(autograd.ledger(y, w)), str(autograd.derivation(y, w)), autograd.derivation(y, w).html()
data = nn.datasets.moons(40, noise=0.1)
model = nn.MLP(2, [4, 1], seed=0)
history = nn.fit(model, nn.binary_cross_entropy, data.X, data.y, nn.SGD(model.parameters(), 0.1), 3, 10,
                 progress=False)
history.to_csv("history.csv")
nn.save(model, "model.json")
nn.load("model.json")
nn.draw_network(model).save("network.svg")
print(history.engine, len(history.loss))
"""
MADE = {"graph.svg", "auto.svg", "step.html", "history.csv", "model.json", "network.svg"}


def test_everything_but_extras_works_without_the_optional_packages():
    done = run(WITHOUT.replace("MISSING", f"{OPTIONAL.split()}") + EVERYTHING, flags=["-W", "error"])
    assert done.stderr == "" and done.returncode == 0
    assert done.stdout.split()[-1] == "3" and set(os.listdir()) == MADE


@pytest.mark.parametrize(
    ("use", "cure"),
    [
        ("nn.plots.loss_curve(nn.History([1.0]))", "pip install matplotlib"),
        ("nn.History([1.0]).plot()", "pip install matplotlib"),
        ("autograd.stepper(autograd.Value(1.0) * 2).widget()", "pip install anywidget"),
    ],
)
def test_what_needs_an_extra_names_it(use, cure):
    done = run(WITHOUT.replace("MISSING", f"{OPTIONAL.split()}") + "import autograd, nn\n" + use)
    assert done.returncode == 1 and re.search(rf"^ImportError: .*{cure}", done.stderr, re.MULTILINE), done.stderr


OTHER_LIBRARIES = """
import autograd, nn
x = autograd.Value(1.0, "x")
model = nn.MLP(1, [1], seed=0)
program = autograd.compile(lambda x, y: (model(x) - y) ** 2, [(1,), ()], model.parameters())
def fit():
    return nn.fit(model, nn.mse_loss, [[1.0]], [1.0], nn.SGD(model.parameters()), engine="jax", progress=False)
USES = {
    "jax": [program.to_jax, fit],
    "torch": [program.to_torch, lambda: nn.from_torch(None)],
    "onnx": [lambda: program.to_onnx("model.onnx"), lambda: nn.from_onnx("model.onnx")],
    "scikit-learn": [lambda: nn.from_sklearn(None), lambda: __import__("nn.sklearn"), nn.datasets.digits],
    "sympy": [lambda: autograd.formula(x * 2).sympy(), lambda: autograd.from_sympy(1, [])],
}
before = model.state_dict()
for package, uses in USES.items():
    for use in uses:
        try:
            use()
        except ImportError as error:
            assert f"pip install {package}" in str(error), error
        else:
            raise AssertionError(package)
assert model.state_dict() == before
print("named:", *USES)
"""


def test_whoever_needs_another_library_is_told_how_to_install_it():
    """Nothing here imports scipy: the extra is for recipes that call it (docs/your_model.md)."""
    done = run(WITHOUT.replace("MISSING", f"{OPTIONAL.split()}") + OTHER_LIBRARIES)
    assert done.stdout.split() == ["named:", "jax", "torch", "onnx", "scikit-learn", "sympy"], done.stderr
    assert os.listdir() == []
    assert not any(re.search(r"^\s*(import|from) scipy", path.read_text("utf-8"), re.M) for path in LIBRARY)


def test_where_all_must_be_installed_a_skip_is_a_failure(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_a_page(): pytest.skip('no browser: none is on PATH')\n"
        "def test_windows(): pytest.skip('not on this system')\n",
        encoding="utf-8",
    )
    code = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[1]]))"
    done = run(code, tmp_path, TRACEGRAD_REQUIRED="dot,browser")
    assert done.returncode == 1 and "1 failed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "no browser: none is on PATH (TRACEGRAD_REQUIRED" in done.stdout


def test_the_engine_without_numpy():
    """Eager work, the check, the drawing, the explanations and training need no package at all."""
    done = run(
        WITHOUT.replace("MISSING", f"{[*OPTIONAL.split(), 'numpy', 'tqdm']}") + EVERYTHING, flags=["-W", "error"]
    )
    assert done.stderr == "" and done.returncode == 0
    assert done.stdout.split() == ["eager", "3"] and set(os.listdir()) == MADE


# ---- python -O --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_everything_works_without_assert_statements():
    code = EVERYTHING + (
        "for wrong in (lambda: Value('1'), lambda: nn.MLP(0, [1]), lambda: autograd.gradcheck(lambda x: x, ['a'])):\n"
        "    try:\n        wrong()\n    except (TypeError, ValueError):\n        print('refused')\n"
    )
    done = run(code, flags=["-O"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-3:] == ["refused"] * 3 and set(os.listdir()) == MADE


def narrows(test):
    """Whether an assertion only tells a type checker what the lines before it made sure of."""
    if isinstance(test, ast.BoolOp):
        return all(map(narrows, test.values))
    if isinstance(test, ast.Call):
        return isinstance(test.func, ast.Name) and test.func.id == "isinstance"
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot)


@pytest.mark.slow
def test_assertions_in_the_library_check_no_input():
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for file in LIBRARY
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert) and not narrows(node.test)
    ]
    assert found == []
    assert not narrows(ast.parse("n > 0", mode="eval").body) and narrows(ast.parse("n is not None", mode="eval").body)


# ---- locales, encodings, line endings ---------------------------------------------------------------------------

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_files_are_utf8_whatever_the_locale_says():
    """ASCII is the locale's encoding, and using it without saying so is an error."""
    code = EVERYTHING + (
        "autograd.draw(Value(1.0, '\\u03c3\\u4e2d') * 2).save('graph.svg')\n"
        "print('\\u03c3\\u4e2d' in open('graph.svg', encoding='utf-8').read())\n"
        "print(len(nn.datasets.iris().X))\n"
    )
    flags = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    done = run(code, flags=flags, **PLAIN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["True", "150"]


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "check tanh(w*x) w=2 x=0.5",
        "step sigmoid(w*x) w=2 x=0.5",
        "step sigmoid(w*x) w=2 x=0.5 -o step.html",
        "draw sigmoid(w*x) w=2 x=0.5 -o graph.svg",
        "draw sigmoid(σ*x) σ=2 x=0.5",  # the command line came as bytes that this locale cannot read
    ],
)
def test_commands_on_a_terminal_that_knows_ascii_only(command):
    code = "import sys; from tracegrad import main; sys.exit(main())"
    done = run(code, *command.split(), **PLAIN)
    assert done.returncode == (0 if command.isascii() else 2), done.stderr
    assert "Traceback" not in done.stderr and (done.stdout + done.stderr).isascii()


def test_every_file_is_opened_with_its_encoding():
    """`open`, `read_text` and `write_text` in the library either are binary or say utf-8."""

    def unsaid(call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        on_module = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "os"
        if name not in ("open", "read_text", "write_text", "fdopen") or on_module:
            return False
        modes = [a.value for a in [*call.args, *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
        binary = any(isinstance(mode, str) and "b" in mode and len(mode) <= 3 for mode in modes)
        return not binary and not any(k.arg == "encoding" for k in call.keywords)

    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for file in LIBRARY
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and unsaid(node)
    ]
    assert found == []
    assert unsaid(ast.parse("open(path)", mode="eval").body)


def test_iris_is_read_with_windows_line_endings(tmp_path):
    """As after a checkout by a Git that turns line endings around."""
    copy = tmp_path / "nn"
    shutil.copytree(ROOT / "nn", copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / "data" / "iris.csv").read_bytes()
    (copy / "data" / "iris.csv").write_bytes(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    code = "import nn; iris = nn.datasets.iris(); print(nn.__file__, iris.X.sum(), iris.y.sum(), iris.class_names)"
    done = run(code, path=os.pathsep.join([str(tmp_path), str(ROOT)]))
    iris = datasets.iris()
    assert done.stdout.strip() == f"{copy / '__init__.py'} {iris.X.sum()} {iris.y.sum()} {iris.class_names}"


def test_line_endings_in_formulas_and_paths_as_windows_writes_them(tmp_path):
    cube = autograd.register("cube_of_windows", "x * x * x\r\n", "3 * x * x\r\n")
    assert cube(autograd.Value(2.0)).local_derivatives == (12.0,)
    for name in ("C:\\Users\\é\\graph.svg", "with space and 'quote'.svg", "graph.SVG"):
        assert autograd.draw(autograd.Value(1.0) * 2).save(tmp_path / name).exists()
        assert autograd.draw(autograd.Value(1.0) * 2).save(str(tmp_path / name)).exists()


def test_a_checkpoint_with_turned_line_endings_is_refused(tmp_path):
    nn.save(nn.MLP(1, [1], seed=0), tmp_path / "m.json")
    (tmp_path / "m.json").write_bytes((tmp_path / "m.json").read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(nn.CheckpointError, match="is damaged"):
        nn.load(tmp_path / "m.json")


# ---- HIPS autograd, the neighbor of the same name ---------------------------------------------------------------


def copied(folder):
    for name in ("autograd", "nn"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tracegrad.py", folder)
    return folder


def neighbour(folder):
    """The metadata that HIPS autograd leaves in an environment."""
    (folder / "autograd-1.8.0.dist-info").mkdir()
    (folder / "autograd-1.8.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: autograd\nVersion: 1.8.0\n"
    )


def test_importing_beside_hips_autograd_warns_with_the_cure(tmp_path):
    neighbour(tmp_path)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    done = run("import autograd\nprint(autograd.Value(2.0) ** 2)", path=path)
    assert done.returncode == 0 and "4.0" in done.stdout
    # the reader's line
    assert "<string>:1: RuntimeWarning: HIPS autograd is installed alongside tracegrad" in done.stderr
    for command in ("pip uninstall autograd", "pip install --force-reinstall --no-deps ."):
        assert command in done.stderr and command in doctor.CURE
    done = run("from nn.doctor import report; raise SystemExit(report())", path=path)
    assert done.returncode == 1 and "HIPS autograd 1.8.0 is installed in the same environment" in done.stdout


def test_other_packages_whose_names_begin_alike_are_no_neighbours(tmp_path):
    for name in ("autograd_gamma-0.5.dist-info", "autograd", "autogradient-1.dist-info", "autograd-notes.txt"):
        (tmp_path / name).mkdir()
    done = run("import autograd", path=os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert (done.returncode, done.stderr) == (0, "")


def test_hips_autograd_installed_over_us_is_explained(tmp_path):
    """Its files replace those of the same name and leave the rest: `autograd.value` is still to be found."""
    neighbour(copied(tmp_path))
    (tmp_path / "autograd" / "__init__.py").write_text('"""Efficiently computes derivatives."""\nisinstance_ = 1\n')
    done = run("import nn\nnn.MLP(2, [1])", path=tmp_path)
    assert done.returncode == 1 and "ImportError: nn needs tracegrad's package autograd" in done.stderr
    assert "pip install --force-reinstall --no-deps ." in done.stderr
    done = run("import tracegrad\nprint(tracegrad.__version__)\ntracegrad.Value", path=tmp_path)
    assert tracegrad.__version__ in done.stdout and "ImportError: tracegrad needs its own package" in done.stderr
    as_module = "import runpy; runpy.run_module('tracegrad', run_name='__main__')"  # python -m tracegrad
    for start in ("from tracegrad import main; raise SystemExit(main())", as_module):
        done = run(start, "doctor", path=tmp_path)
        assert done.returncode == 1 and "FAULT    the package autograd is tracegrad's" in done.stdout
        done = run(start, "demo", path=tmp_path)
        assert done.returncode == 1 and "fresh virtual environment" in done.stderr and "Traceback" not in done.stderr


def test_looking_for_the_neighbour_costs_next_to_nothing():
    done = run("import sys, autograd; print('importlib.metadata' in sys.modules, 'email' in sys.modules)")
    assert done.stdout.split() == ["False", "False"]


def test_hips_autograd_is_found_by_its_metadata_and_named(monkeypatch, tmp_path):
    before = autograd.Value
    assert neighbor.hips_autograd() == ""
    (tmp_path / "autograd_notes-1.dist-info").mkdir()
    (tmp_path / "autograd-1.8.0.tar.gz").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path), *sys.path])
    assert neighbor.hips_autograd() == ""
    (tmp_path / "autograd-1.8.0.dist-info").mkdir()
    assert neighbor.hips_autograd() == str(tmp_path / "autograd-1.8.0.dist-info")
    with pytest.warns(RuntimeWarning, match=r"alongside tracegrad.*autograd-1.8.0.dist-info\).*pip uninstall autograd"):
        importlib.reload(autograd)
    assert autograd.Value is before
