"""Rare ways through the engine, the check, the drawings and the command."""

from __future__ import annotations

import argparse
import copy
import importlib
import sys
from typing import Any

import pytest

import autograd
from autograd import Value, cli, draw, graph, modes
from autograd.check.replay import replay
from autograd.check.subject import Subject
from autograd.ops import TABLE
from autograd.value import apply
from autograd.view.folding import FEW, grouping

# ---- the package ----------------------------------------------------------------------------------------------------


def test_a_module_among_the_lazy_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(autograd, "explain", raising=False)
    assert autograd.explain is importlib.import_module("autograd.explain")
    assert "explain" in vars(autograd)  # from now on without a detour


def test_hips_autograd_is_found_by_its_metadata_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    assert autograd._hips_autograd() == ""
    (tmp_path / "autograd_notes-1.dist-info").mkdir()
    (tmp_path / "autograd-1.8.0.tar.gz").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path), *sys.path])
    assert autograd._hips_autograd() == ""
    (tmp_path / "autograd-1.8.0.dist-info").mkdir()
    assert autograd._hips_autograd() == str(tmp_path / "autograd-1.8.0.dist-info")
    with pytest.warns(RuntimeWarning, match=r"beside tracegrad \(.*autograd-1.8.0.dist-info\).*pip uninstall autograd"):
        importlib.reload(autograd)
    assert autograd.Value is Value


def test_registering_the_same_operation_again_changes_nothing() -> None:
    first = autograd.register("twice_of", "2 * x", "2")
    assert autograd.register("twice_of", "2 * x", ["2"]) is first
    with pytest.raises(ValueError, match="taken"):
        autograd.register("twice_of", "x + x", "2")
    assert first(Value(3.0)).data == 6.0


def test_copies_made_together_share_what_the_originals_shared() -> None:
    w = Value(2.0, "w")
    square = w * w
    first, second, again = copy.deepcopy([square + 1.0, square * w, square])
    assert second.parents[0] is first.parents[0] is again and first.parents[0] is not square
    [leaf] = {node for node in graph.leaves([first, second]) if node.label}
    (first + second).backward()
    assert leaf.grad == 4.0 + 12.0 and w.grad == 0.0


def test_the_line_of_a_program_made_of_this_package_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "_PACKAGES", ("",))  # every file counts as one of the package
    frame: Any = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
    assert modes.user_line() == (frame.f_code.co_filename, frame.f_lineno)


# ---- the command ----------------------------------------------------------------------------------------------------


def test_an_interrupted_command_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(options: Any) -> int:
        raise KeyboardInterrupt

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=interrupted)
    assert cli.run(parser, []) == 130
    assert capsys.readouterr() == ("", "tracegrad: interrupted\n")


# ---- the check ------------------------------------------------------------------------------------------------------


def test_one_leaf_given_as_two_inputs() -> None:
    x, y = Value(2.0), Value(5.0)
    assert replay(x * x + y, [x, x, y], [(0, 3.0), (1, 4.0), (2, 7.0), (0, 1.0)]) == [14.0, 21.0, 11.0, 6.0]


def test_slopes_nearby_are_those_of_graphs() -> None:
    """Where the function returns a plain number there is no slope; it is left out, not taken for 0."""
    x = Value(1.0)
    subject = Subject(lambda v: v * 3.0 if v.data >= 1.0 else 7.0, [x])
    assert list(subject.slopes_nearby(0)) == [3.0, 3.0]
    assert x.data == 1.0


# ---- drawings and steps ---------------------------------------------------------------------------------------------


def test_a_drawing_without_its_legend(tmp_path: Any) -> None:
    y = Value(2.0, "x").tanh()
    one, other = (draw(y, legend=legend, engine="builtin").save(tmp_path / f"{legend}.svg") for legend in (True, False))
    one, other = one.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")
    assert 'class="legend"' in one and 'class="graph"' in one
    assert 'class="legend"' not in other and 'class="graph"' in other


def test_an_identity_is_written_as_what_it_hands_on() -> None:
    x = Value(0.5, "x")
    y = apply(TABLE["identity"], (x * 2.0,))
    y.label = "y"
    sentences = [frame.sentence for frame in autograd.stepper(y.tanh()).frames]
    assert "y = v1 = 1." in sentences and not any("identity" in sentence for sentence in sentences)


def box_of(root: Value, node: Value, fold: str = "layer") -> str:
    """The title of the box in which a node stands; empty if it has one of its own."""
    order = graph.topological(root)
    groups, _ = grouping(order, fold, 10_000)
    assert groups is not None
    of = groups.of[order.index(node)]
    return groups.names[of] if of >= 0 else ""


def test_a_constant_goes_into_the_box_that_alone_uses_it() -> None:
    first, second = Value(0.5, "layers.0.neurons.0.weights.0"), Value(2.0, "layers.1.neurons.0.weights.0")
    a, b = first * 3.0, first * 2.0
    alone, both = a.parents[1], b.parents[1]
    root = (second * (a + b).tanh() + second * both).tanh() * 0.5
    assert box_of(root, a) == box_of(root, alone) == "layers.0"
    assert box_of(root, both) == "" and box_of(root, second) == "layers.1"


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_single_node_before_all_layers_needs_no_box(inputs: int) -> None:
    xs = [Value(0.1 * i, f"x{i}") for i in range(inputs)]
    w = Value(0.5, "layers.0.neurons.0.weights.0")
    y = sum((w * x for x in xs), Value(0.0)).tanh()
    for _ in range(FEW + 2):
        y = y.sin()
    root = y.exp()
    titles = [box_of(root, x) for x in xs]
    assert titles == (["inputs", "inputs"] if inputs == 2 else [""])
    assert box_of(root, y) == "other operations" and box_of(root, w) == "layers.0"


def test_the_widget_without_anywidget_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "autograd.view.widget", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'tracegrad\[widget\]'"):
        importlib.import_module("autograd.view.widget")


@pytest.mark.parametrize("message", ["noise", {}, {"edit": None}, {"edit": [0, 1.0]}, None])
def test_a_message_that_is_no_edit_changes_nothing(message: Any) -> None:
    pytest.importorskip("anywidget")
    w = Value(0.5, "w")
    y = w * 2.0
    widget = autograd.stepper(y).widget()
    sent: list[Any] = []
    widget.send = sent.append
    widget._received(widget, message, [])
    assert sent == [{"done": True}] and (w.data, y.data) == (0.5, 1.0)
