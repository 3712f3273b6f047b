"""The public names of `autograd`, `nn` and `tracegrad`: what they show, document, and say about names they lack."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
import tracegrad
from autograd import face, functions
from autograd import hints as of_autograd
from nn import hints as of_nn

ROOT = Path(__file__).parents[2]
PACKAGES = [autograd, nn]
PUBLIC = [(package, name) for package in PACKAGES for name in package.__all__]
each_name = pytest.mark.parametrize(("package", "name"), PUBLIC, ids=[f"{p.__name__}.{name}" for p, name in PUBLIC])
MODULES = {
    "autograd": {"check", "explain", "graph"},
    "nn": {"checkpoint", "datasets", "metrics", "plots", "reference", "schedules"},
}
"""The modules that are public as such; all other modules are found, and not shown."""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_what_is_shown_is_what_is_public(package: types.ModuleType) -> None:
    assert dir(package) == package.__all__ == sorted(set(package.__all__))
    taken: dict[str, Any] = {}
    exec(f"from {package.__name__} import *", taken)
    assert {*taken} - {"__builtins__"} == {*package.__all__}
    shown = {name for name in package.__all__ if isinstance(getattr(package, name), types.ModuleType)}
    assert shown == MODULES[package.__name__]
    assert not {"os", "sys", "Any", "annotations", "importlib", "warnings", "backward", "TYPE_CHECKING"} & {
        *dir(package)
    }


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_readers_and_type_checkers_find_every_public_name(package: types.ModuleType) -> None:
    """What is imported at its first use stands in the text too, as ``from .view import draw as draw``."""
    text = Path(str(package.__file__)).read_text(encoding="utf-8")
    written = {*package.__all__} - ({*functions.__all__} if package is autograd else set())
    assert {name for name in written if not re.search(rf"import (\w+ )?as {name}$|import \w+ as {name}$",
                                                              text, re.MULTILINE)} == set()  # fmt: skip


@each_name
def test_every_public_name_is_documented(package: types.ModuleType, name: str) -> None:
    found = getattr(package, name)
    assert inspect.getdoc(found), f"{package.__name__}.{name} has no docstring"
    inherited = isinstance(found, type) and found.__doc__ is None
    assert not inherited, f"{package.__name__}.{name} has the docstring of its base class"


def uninformative(function: Callable[..., Any]) -> Iterator[str]:
    """What a signature leaves open: ``*args`` or ``**kwargs`` that stand for named arguments, and missing types."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            yield f"{parameter} is open"
        elif parameter.annotation is parameter.empty:
            yield f"{parameter} has no type"
    if not isinstance(function, type) and inspect.signature(function).return_annotation is inspect.Signature.empty:
        yield "what it returns has no type"


@each_name
def test_signatures_say_something(package: types.ModuleType, name: str) -> None:
    found = getattr(package, name)
    if found is autograd.Value and autograd.engine == "native":
        pytest.skip("C: the signature of a type of C names its parameters, without their types")
    if callable(found) and not (isinstance(found, type) and issubclass(found, Exception)):
        assert [*uninformative(found)] == []


def test_the_judge_of_signatures_is_shown_bad_ones() -> None:
    def good(x: float, *, y: int = 1) -> float:
        return x + y

    def bad(x, *more: float, **named: float):  # type: ignore[no-untyped-def]
        pass

    assert [*uninformative(good)] == []
    assert len([*uninformative(bad)]) == 4


MISSPELLED = """
import autograd, nn, tracegrad
from autograd import *
reveal_type(Value(1.0).grad)
reveal_type(nn.fit(Any, Any, [], [], Any).stopped)
reveal_type(tracegrad.hessian(lambda x: x, [1.0]))
autograd.gard
nn.MPL
tracegrad.Vlaue
"""


@pytest.mark.slow
def test_type_checkers_know_the_faces(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    file = tmp_path / "reader.py"
    file.write_text(MISSPELLED.replace("\n", "\nfrom typing import Any\n", 1), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file=", "--follow-imports=silent", str(file)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False).stdout
    assert re.findall(r'Revealed type is "(.*)"', said) == ["float", "str", "list[list[float]]"], said
    assert re.findall(r'has no attribute "(\w+)"', said) == ["gard", "MPL", "Vlaue"], said


# ---- names of other libraries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("package", "hints"), [(autograd, of_autograd.HINTS), (nn, of_nn.HINTS)])
def test_hints_name_what_is_there(package: types.ModuleType, hints: dict[str, str]) -> None:
    assert not {*hints} & {*package.__all__}, "a hint for a name that is public"
    for name, text in hints.items():
        for owner, path in re.findall(r"\b(autograd|nn)\.([\w.]*\w)", text):
            found = {"autograd": autograd, "nn": nn}[owner]
            for part in path.split("."):
                found = getattr(found, part)
        with pytest.raises(AttributeError) as caught:
            getattr(package, name)
        assert str(caught.value) == f"module {package.__name__!r} has no attribute {name!r}: {text}"
        assert not hasattr(package, name) and "\n" not in text


@pytest.mark.parametrize("name", list(of_autograd.OF_VALUE))
def test_a_value_says_what_takes_the_place_of_a_name_of_other_libraries(name: str) -> None:
    v, text = autograd.Value(2.0), of_autograd.OF_VALUE[name]
    for owner in (v, autograd.Value):
        assert not hasattr(owner, name)
        with pytest.raises(AttributeError) as caught:
            getattr(owner, name)
        assert str(caught.value) == f"Value has no attribute {name!r}: {text}"
    assert name not in dir(v)
    for attribute in re.findall(r"\bv\.(\w+)", text):
        assert hasattr(v, attribute), attribute
    for public in re.findall(r"\bautograd\.(\w+)", text):
        assert public in autograd.__all__, public


@pytest.mark.parametrize(
    ("package", "name", "said"),
    [
        (autograd, "logsumexp", "use autograd.log_sum_exp"),
        (autograd, "tensor", "use autograd.Value, one for each number"),
        (autograd, "gard", "did you mean autograd.grad?"),
        (autograd, "RELU", "did you mean autograd.relu?"),
        (nn, "Linear", 'use nn.Layer(nin, nout, activation="linear")'),
        (nn, "Sequential", "use nn.MLP(nin, [hidden, …, nout])"),
        (nn, "ReLU", 'give the layer activation="relu"'),
        (nn, "CrossEntropyLoss", "use nn.cross_entropy"),
        (nn, "MPL", "did you mean nn.MLP?"),
        (tracegrad, "Linear", 'use nn.Layer(nin, nout, activation="linear")'),
        (tracegrad, "arcsin", "use autograd.asin"),
        (tracegrad, "Vlaue", "did you mean tracegrad.Value?"),
    ],
)
def test_a_missing_name_is_answered_with_advice(package: types.ModuleType, name: str, said: str) -> None:
    with pytest.raises(
        AttributeError, match=re.escape(f"module {package.__name__!r} has no attribute {name!r}: {said}")
    ):
        getattr(package, name)
    assert not hasattr(package, name)


@pytest.mark.parametrize("package", [*PACKAGES, tracegrad], ids=lambda p: p.__name__)
@pytest.mark.parametrize("name", ["_grad", "__wrapped__", "xyzzyx"])
def test_without_advice_the_error_is_the_usual_one(package: types.ModuleType, name: str) -> None:
    with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute '{name}'$"):
        getattr(package, name)


def test_python_adds_no_guess_of_its_own() -> None:
    code = "import autograd; autograd.arcsin"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.endswith("AttributeError: module 'autograd' has no attribute 'arcsin': use autograd.asin\n")


def test_a_found_name_is_kept_and_a_module_found_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for package, name in ((autograd, "explain"), (autograd, "draw"), (nn, "metrics"), (nn, "fit")):
        before = getattr(package, name)
        monkeypatch.delattr(package, name)
        assert name not in vars(package)
        assert getattr(package, name) is before and vars(package)[name] is before
    scope: dict[str, Any] = {"__all__": ["isclose"]}
    assert face.finder("math", scope, {"isclose": "math"}, {})("isclose") is scope["isclose"]


# ---- one door to both -----------------------------------------------------------------------------------------------


def test_tracegrad_hands_on_both_packages() -> None:
    assert not {*autograd.__all__} & {*nn.__all__}, "which of the two would tracegrad hand on?"
    assert {*dir(tracegrad)} == {*autograd.__all__, *nn.__all__, "autograd", "nn", "__version__"}
    for package, name in PUBLIC:
        assert getattr(tracegrad, name) is getattr(package, name)
    assert tracegrad.autograd is autograd and tracegrad.nn is nn
    assert autograd.__version__ == tracegrad.__version__
    taken: dict[str, Any] = {}
    exec("from tracegrad import *", taken)
    assert taken["Value"] is autograd.Value and taken["fit"] is nn.fit and taken["nn"] is nn


def test_tracegrad_imports_nothing_before_it_is_asked() -> None:
    code = (
        "import sys; before = set(sys.modules); import tracegrad; tracegrad.__version__; "
        "print(set(sys.modules) - before); tracegrad.MLP; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["{'tracegrad'}", "False"]


@pytest.mark.parametrize("arguments", [["--version"], ["check", "x*x", "x=3"], ["doctor"]])
def test_python_m_tracegrad(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tracegrad", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    said = {"--version": f"tracegrad {tracegrad.__version__}", "check": "gradcheck passed", "doctor": "Python 3."}
    assert said[arguments[0]] in done.stdout
