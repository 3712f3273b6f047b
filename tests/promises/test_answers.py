"""Every result of the library has one face: it prints, shows itself, gives its HTML, saves itself, and never raises
in a repr. A new result that lacks it, or that is missing here, is found."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, is_dataclass
from types import ModuleType
from typing import Any

import pytest
from hostile import MORE, Dangers

import autograd
import nn
from autograd import Value
from autograd.answer import Answer, prose
from autograd.check import EdgeReport, check_edges
from autograd.explain import Sheet, TrainingLedger, contribution
from nn.classroom import Graded

Maker = Callable[[str], Any]


def loss(label: str = "w") -> tuple[Value, Value]:
    w, x = Value(0.5, label), Value(2.0, "x")
    root = (w * x).tanh() * w + (w - 3.0) ** 2
    root.backward()
    return root, w


def training_ledger(label: str) -> TrainingLedger:
    root, w = loss(label)
    record = TrainingLedger([w], lr=0.1)
    record.step(root)
    w.data -= 0.1 * w.grad
    return record


def weak_test() -> None:
    x = Value(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def model(label: str = "w") -> nn.MLP:
    made = nn.MLP(2, [2, 1], "tanh", seed=0)
    made.parameters()[0].label = label
    return made


def program(label: str) -> autograd.Program:
    made = model(label)
    return autograd.compile(made, [(2,)], made.parameters(), backend="numpy")


def bowl(x: list[Any]) -> Any:
    return (x[0] - 1.0) ** 2 + 10.0 * (x[1] + 2.0) ** 2


def iris() -> Any:
    return nn.reference.iris_network([[0.1] * 4] * 2, [0.0] * 2, [[0.3] * 2] * 3, [0.1] * 3, [1.0] * 4, 1)


def check(root: Value, w: Value) -> Any:
    return autograd.gradcheck(root, [w], raise_exception=False)


def wrong_edges(label: str) -> EdgeReport:
    root, _ = loss(label)
    root.parents[0].parents[0].local_derivatives = (7.0,)
    return check_edges(autograd.graph.topological(root))


def two_layers() -> Any:
    matrices = [[0.1] * 3] * 2, [0.0] * 3, [[0.2]] * 3, [0.5]
    return nn.reference.two_layers(*matrices, [1.0, 2.0], 1.0, g="tanh", f="linear", loss="squared_error")


X, Y = [[0.5, -1.0], [1.0, 2.0]], [1.0, 0.0]


def recording(label: str) -> nn.Recording:
    made = model()
    scale = Value(1.0, label)
    optimizer = nn.SGD([scale, *made.parameters()], 0.1)
    history = nn.fit(
        made, lambda out, y: nn.mse_loss(out * scale, y), X, Y, optimizer, epochs=2, record=True, progress=False
    )
    assert history.recording is not None
    return history.recording


def class_report(label: str) -> nn.ClassReport:
    graded = {"1": Graded(False, (label,)), label: Graded(None, note=label)}
    return nn.ClassReport({label: graded}, about={label: label}, skipped={label: label})


ANSWERS: dict[str, Maker] = {
    "ledger": lambda label: autograd.ledger(*loss(label)),
    "groups": lambda label: autograd.ledger(*loss(label)).by("neuron"),
    "derivation": lambda label: autograd.derivation(*loss(label)),
    "matrix derivation": lambda label: autograd.derivation(
        nn.mse_loss(nn.trace(model(label), X[0]), 1.0), form="matrix"
    ),
    "annotated derivation": lambda label: autograd.derivation(*loss(label)).annotated(),
    "formula": lambda label: autograd.formula(loss(label)[0]),
    "contribution": lambda label: contribution(*loss(label)),
    "diagnosis": lambda label: autograd.diagnose(*loss(label), 1.0),
    "exercise": lambda label: autograd.practice("network"),
    "sheet of exercises": lambda label: Sheet([autograd.practice("network")]),
    "exercise of formulas": lambda label: autograd.practice("matrix form"),
    "graded derivation": lambda label: autograd.check_derivation("L = 1", loss(label)[0]),
    "class report": class_report,
    "grade": lambda label: autograd.mutants.grade(weak_test),
    "mutants": lambda label: autograd.mutants,
    "training ledger": training_ledger,
    "certificate": lambda label: autograd.certify(loss(label)[0], curve=True),
    "check": lambda label: check(*loss(label)),
    "edges": wrong_edges,
    "drawing": lambda label: autograd.draw(loss(label)[0], engine="builtin"),
    "stepper": lambda label: autograd.stepper(loss(label)[0]),
    "program": program,
    "size of a program": lambda label: program(label).stats,
    "recording": recording,
    "watched training": lambda label: nn.watch(recording(label), names=[label]),
    "history": lambda label: nn.History([1.0, 0.5], metrics={label: [0.5, 1.0]}),
    "flow": lambda label: nn.gradient_flow(model(label), X, Y, "squared_error"),
    "line search": lambda label: nn.line_search(bowl, [0.0, 0.0]),
    "descent": lambda label: nn.descend(bowl, [0.0, 0.0]),
    "diagram": lambda label: nn.draw_network(model(label), inputs=[label, "x"], title=label),
    "iris by hand": lambda label: iris(),
    "two layers": lambda label: two_layers(),
    "general form": lambda label: nn.reference.general_form(model(), X[0], 1.0),
    "backpropagation": lambda label: nn.reference.backpropagation(model(), X[0], 1.0, "squared_error"),
}
"""Every kind of answer, made with a leaf, or whatever else a user names, of that name."""

NO_ANSWERS = {
    "Value": "what is asked about",
    "Module": "a model",
    "MLP": "a model",
    "Name": "a part of a formula",
    "Option": "a part of an exercise",
    "Frame": "a part of a stepper",
    "Move": "an entry of a training ledger",
    "Sign": "an entry of what a recording finds wrong",
    "LatexDisplay": "LaTeX in a notebook, where HTML would outrank it",
    "Dataset": "arrays, for a model",
    "Split": "arrays, for a model",
    "Checkpoint": "the content of a file, for a model",
}
"""What public functions return besides answers: class -> what it is."""

answers = pytest.mark.parametrize("make", ANSWERS.values(), ids=ANSWERS)


@answers
def test_it_prints_and_shows(make: Maker) -> None:
    answer = make("w")
    assert isinstance(answer, Answer)
    for text in (str(answer), repr(answer), answer.html(), answer._repr_html_(), answer.page()):
        assert text.strip() and not re.search(r"0x[0-9a-f]{4}|object at", text)
    assert answer._repr_html_() == answer.html() and answer.html() in answer.page()
    assert "cannot be shown" not in repr(answer)


@answers
def test_it_is_saved_in_every_form(make: Maker, tmp_path: Any) -> None:
    answer = make("w")
    forms = answer._forms()
    assert ".html" in forms
    for suffix in forms:
        try:
            path = answer.save(tmp_path / f"answer{suffix}")
        except RuntimeError as error:  # Graphviz and what turns SVG into PNG may be missing
            assert suffix in (".png", ".pdf") and "install" in str(error)
            continue
        assert path == tmp_path / f"answer{suffix}" and path.stat().st_size > 0
    page = (tmp_path / "answer.html").read_text(encoding="utf-8")
    assert page == answer.page() and page.startswith("<!doctype html>") and "Content-Security-Policy" in page
    assert answer.save(str(tmp_path / "other.HTM")).read_text(encoding="utf-8") == page
    if ".txt" in forms:
        assert (tmp_path / "answer.txt").read_text(encoding="utf-8") == f"{answer}\n"


@answers
def test_an_unknown_suffix_is_refused_with_those_known(make: Maker, tmp_path: Any) -> None:
    answer = make("w")
    for name, given in (("answer.doc", "the suffix '.doc'"), ("answer", "no suffix")):
        with pytest.raises(ValueError, match=given) as found:
            answer.save(tmp_path / name)
        assert all(suffix in str(found.value) for suffix in answer._forms()) and not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="create it first"):
        answer.save(tmp_path / "missing" / "answer.html")


@answers
def test_a_hostile_name_stays_text(make: Maker) -> None:
    own = ["<script>"] if make in (ANSWERS["stepper"], ANSWERS["watched training"]) else []
    for label in MORE:
        answer = make(label)
        assert Dangers(answer.html()).found == own == Dangers(answer.page()).found
        assert "\x1b" not in str(answer) and "\x00" not in str(answer)


@answers
def test_a_repr_says_what_failed_and_everything_else_raises(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = make("w")

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("the reason\nof the failure")

    for name in ("_content", "_brief", "__str__", "html"):
        if name in {key for kind in type(answer).__mro__ for key in vars(kind)}:
            monkeypatch.setattr(type(answer), name, broken)
    line = f"<{type(answer).__name__} that cannot be shown: ZeroDivisionError: the reason of the failure>"
    assert repr(answer) == line
    assert line.replace("<", "&lt;").replace(">", "&gt;") in answer._repr_html_()
    for raising in (str, lambda answer: answer.html(), lambda answer: answer.page()):
        with pytest.raises(ZeroDivisionError):
            raising(answer)


def test_a_failure_whose_own_message_fails() -> None:
    class UnreadableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Broken(Answer):
        def _content(self) -> Any:
            raise UnreadableError

    assert repr(Broken()) == "<Broken that cannot be shown: UnreadableError: and its message cannot be read>"
    assert repr(Answer()).startswith("<Answer that cannot be shown: NotImplementedError: Answer has neither")


def test_the_text_of_a_training_does_not_depend_on_the_clock() -> None:
    text = str(nn.History([1.0], learning_rate=[0.1], seconds=[0.123]))
    assert "learning rate" in text and "seconds" not in text and "0.123" not in text


def test_paragraphs() -> None:
    assert prose("one\n  and more\n\n* name: words <b>\n    more\n* other\nend") == (
        '<p>one<br/>and more</p><ul style="margin:.3em 0;padding-left:1.5em">'
        "<li><b>name</b>: words &lt;b&gt;<br/>more</li><li>other</li></ul><p>end</p>"
    )


# ---- none is forgotten ----------------------------------------------------------------------------------------------


def modules() -> Iterator[ModuleType]:
    for package in (autograd, nn):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                try:
                    yield importlib.import_module(found.name)
                except ImportError:  # an optional package is missing
                    continue


def functions() -> Iterator[Any]:
    """Every function that a user reaches by public names, and every public method of an answer."""
    shown = [getattr(package, name) for package in (autograd, nn) for name in package.__all__]
    yield from filter(inspect.isroutine, shown)
    holders = {*filter(inspect.ismodule, shown), *(type(make("w")) for make in ANSWERS.values())}
    for holder in holders:
        yield from (each for name, each in vars(holder).items() if name[0] != "_" and inspect.isroutine(each))


def returned(function: Any) -> Iterator[type]:
    """The classes of this library in the annotation of what a function returns."""
    try:
        hint = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):
        return
    for kind in (hint, *typing.get_args(hint)):
        if inspect.isclass(kind) and kind.__module__.partition(".")[0] in ("autograd", "nn"):
            yield kind


def test_every_class_that_shows_itself_is_an_answer_in_the_list() -> None:
    listed = {type(make("w")) for make in ANSWERS.values()}
    classes = {kind for module in modules() for kind in vars(module).values() if inspect.isclass(kind)}
    own = {kind for kind in classes if kind.__module__.partition(".")[0] in ("autograd", "nn")}
    showing = {kind for kind in own if hasattr(kind, "_repr_html_") or issubclass(kind, Answer)}
    parents = {base for kind in listed for base in kind.__mro__[1:]}
    assert {kind.__qualname__ for kind in showing - listed - parents} == set()


def test_every_public_function_returns_an_answer_or_something_known() -> None:
    kinds = {kind for found in functions() for kind in returned(found)}
    assert {kind.__qualname__ for kind in kinds if not issubclass(kind, Answer)} == set(NO_ANSWERS)


@answers
def test_an_answer_that_is_data_stays_data(make: Maker) -> None:
    """Named tuples unpack, compare and pickle; dataclasses compare, and frozen ones stay frozen."""
    answer = make("w")
    if isinstance(answer, tuple):
        assert type(answer)(*answer) == answer == answer._replace() and not hasattr(answer, "__dict__")
    elif is_dataclass(answer):
        assert copy.copy(answer) == answer
        if type(answer).__dataclass_params__.frozen:
            with pytest.raises(FrozenInstanceError):
                answer.text = ""
    if isinstance(answer, tuple) or is_dataclass(answer):
        twin = pickle.loads(pickle.dumps(answer))
        assert str(twin) == str(answer) and type(twin) is type(answer)
