"""The stepper as text and as a page, without a browser: what it holds, that it is safe, that saving loses nothing."""

import base64
import doctest
import hashlib
import importlib
import io
import json
import math
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from samples import hostile

import autograd
from autograd import Value, files, graph
from autograd.page import content_security_policy, document, script_json
from autograd.view import stepper as module


def small():
    w, x, b = Value(2.0, "w"), Value(-1.0, "x"), Value(0.5, "b")
    return (w * x + b).tanh()


def picture_of(html):
    [encoded] = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return base64.b64decode(encoded).decode("utf-8")


def data_of(html):
    [text] = re.findall(r'tracegradStart\("\w+", (\{.*\})\);\n', html)
    return json.loads(text)


def test_the_terminal_form_lists_both_passes(capsys):
    autograd.stepper(small()).print()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Forward pass" and lines[6] == "Backward pass"
    assert lines[2] == "   1  v₁ = w · x = 2 · (−1) = −2."
    assert lines[-1].endswith("Done: ∂L/∂w = −0.1807, ∂L/∂x = 0.3614 and ∂L/∂b = 0.1807.")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_terminal_without_unicode_gets_plain_signs(encoding):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    x = Value(0.5, "größe σ 中")
    autograd.stepper((x.sigmoid() * 1e-9) ** 2).print(file=out)
    out.flush()
    written = raw.getvalue().decode(encoding)
    assert "dL/d" in written and " * " in written and "?" not in written


def test_indices_survive_a_plain_terminal():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    autograd.stepper(Value(3.0, "layers.1.neurons.0.weights.2") ** 2).print(file=out)
    out.flush()
    assert b"dL/dw^2_13 gains dL/dL * 2 * w^2_13 = 1 * 6 = 6." in raw.getvalue()


def test_the_text_representations_are_short_and_hold_no_address():
    shown = autograd.stepper(small())
    assert repr(shown).startswith("Stepper(L: 6 nodes, 11 steps)")
    assert "0x" not in repr(shown)


def test_a_notebook_gets_html_and_text_and_the_same_each_time():
    first, second = (autograd.stepper(small()) for _ in range(2))
    html = first._repr_html_()
    assert html == second._repr_html_() and repr(first) == repr(second)
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html


def test_the_page_holds_the_engines_numbers():
    root = small()
    data = data_of(autograd.stepper(root).html())
    order = graph.topological(root)
    assert [node["data"] for node in data["nodes"]] == [node.data for node in order]
    root.backward()
    reached = {}
    for frame in data["frames"]:
        if frame["kind"] in ("seed", "gain", "nothing"):
            reached[frame["node"]] = frame["after"]
    assert reached == {k: node.grad for k, node in enumerate(order)}
    assert data["nodes"][2]["how"] == "w · x" and data["nodes"][0]["how"] == "given"


def test_nan_and_infinity_travel_as_words():
    root = Value(-1.0, "x").log() + Value(0.0) ** -1 - 1 / Value(0.0)
    data = data_of(autograd.stepper(root).html())
    assert {"nan", "inf", "-inf"} & {frame["after"] for frame in data["frames"]} >= {"nan", "inf"}
    assert module._json(-math.inf) == "-inf"


def test_the_static_picture_shows_every_number():
    root = small()
    shown = autograd.stepper(root)
    tree = ElementTree.fromstring(shown.svg())
    texts = [element.text for element in tree.iter() if element.tag.endswith("text")]
    assert {"w", "2", "−0.1807", "0.3614", "−0.9051", "tanh"} <= set(texts)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    order = graph.topological(root)
    wanted = [f"node-{k}" for k in range(len(order))]
    wanted += [f"edge-{k}-{p}" for k, node in enumerate(order) for p in range(len(node.parents))]
    assert sorted(ids) == sorted(wanted)


def test_every_arrow_has_a_head_at_both_ends():
    root = small() * Value(0.5, "a much longer label, which makes its box wide") + Value(1.0, "y") ** 2
    for element in ElementTree.fromstring(autograd.stepper(root).svg()).iter():
        if element.get("class") in ("to-head", "to-tail"):
            tip, left, right = (complex(*map(float, p.split())) for p in re.split("[ML]", element.get("d")[:-1])[1:])
            assert abs(left - right) == pytest.approx(9, abs=0.3)
            assert abs(tip - (left + right) / 2) == pytest.approx(9, abs=0.3)


def test_looking_at_the_picture_touches_no_gradient():
    root = small()
    autograd.stepper(root, free_graph=True, update=0.1).html()
    assert all(node.grad == 0 for node in graph.topological(root))
    assert len(graph.topological(root)) == 6


def test_what_is_shown_stays_as_it_was_when_the_frames_were_made():
    root = small()
    shown = autograd.stepper(root)
    before = shown.html()
    w = graph.leaves(root)[0]
    w.data = 7.0
    root.backward(free_graph=True)
    assert shown.html() == before
    with pytest.raises(RuntimeError, match="freed by backward"):
        shown.refresh()
    with pytest.raises(RuntimeError, match="freed by backward"):
        autograd.stepper(root)


def test_refreshing_takes_edited_leaves():
    root = small()
    shown = autograd.stepper(root)
    graph.leaves(root)[0].data = 7.0
    shown.refresh()
    assert data_of(shown.html())["nodes"][0]["data"] == 7.0
    assert shown.frames[1].sentence == "v₁ = w · x = 7 · (−1) = −7."
    assert ">−7<" in shown.svg()


def test_labels_stand_as_symbols():
    weight, twin = Value(1.0, "layers.0.neurons.3.weights.1"), Value(2.0, "layers.0.neurons.3.weights.1")
    data = data_of(autograd.stepper(weight * Value(1.0, "x")).html())
    assert [node["name"] for node in data["nodes"]] == ["w¹₄₂", "x", "ŷ"]
    assert data["nodes"][0]["label"] == weight.label
    assert "<msubsup><mi>w</mi><mrow><mn>4</mn><mn>2</mn></mrow><mrow><mn>1</mn></mrow>" in data["frames"][1]["symbols"]
    assert data["frames"][1]["sentence"] == "ŷ = w¹₄₂ · x = 1 · 1 = 1."
    names = [node["name"] for node in data_of(autograd.stepper(weight * twin).html())["nodes"]]
    assert names == ["w¹⁽¹⁾₄₂", "w¹⁽²⁾₄₂", "L"]
    other = Value(2.0, "other.layers.0.neurons.3.weights.1")
    names = [node["name"] for node in data_of(autograd.stepper(weight * other).html())["nodes"]]
    assert names == ["w¹₄₂", "w′¹₄₂", "L"]  # another network


def test_updates_and_frees_are_on_the_page():
    root = small()
    shown = autograd.stepper(root, free_graph=True, update=0.1)
    kinds = [frame["kind"] for frame in data_of(shown.html())["frames"]]
    assert kinds.count("update") == 3 and kinds.count("free") == 3
    w = next(frame.after for frame in shown.frames if frame.kind == "update" and frame.subject == "w")
    assert f">{module.text.number(w)}<" in shown.svg()


def test_hostile_labels_cannot_leave_their_place():
    html = autograd.stepper(hostile()).html()
    assert html.count("<script>") == 1 and html.count("</script>") == 1
    assert html.count("<style>") == 1 and html.count("</style>") == 1
    assert "onerror" not in re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL).replace(
        "&lt;img src=x onerror", ""
    )
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[0]
    assert "\u2028" not in script and "\u2029" not in script
    assert [node["name"] for node in data_of(html)["nodes"]]
    tree = ElementTree.fromstring(picture_of(html))
    allowed = {"svg", "title", "style", "g", "path", "rect", "text"}
    assert {element.tag.partition("}")[2] for element in tree.iter()} == allowed
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]


def test_json_for_a_script_holds_no_markup():
    text = script_json({"a": "</script><!--&\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028"}
    with pytest.raises(ValueError):
        script_json(math.nan)


def test_the_policy_allows_what_the_page_has_and_nothing_else():
    page = autograd.stepper(hostile()).page()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    for tag in ("script", "style"):
        for body in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_a_page_of_ones_own_around_fragments():
    whole = document("Report & more", "<p>$body and $policy</p>" + autograd.stepper(small()).html())
    assert "<title>Report &amp; more</title>" in whole and "<p>$body and $policy</p>" in whole
    assert "script-src 'none'" in content_security_policy("<p>plain</p>")


def test_saving_writes_one_file(tmp_path):
    target = autograd.stepper(small()).save(tmp_path / "steps.html")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert os.listdir(tmp_path) == ["steps.html"]


@pytest.mark.parametrize("name", ["steps.svg", "steps", "steps.html.doc"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"Stepper\.save writes \.html or \.txt files"):
        autograd.stepper(small()).save(tmp_path / name)
    assert not os.listdir(tmp_path)


def test_a_failed_save_keeps_the_older_file(tmp_path, monkeypatch):
    target = tmp_path / "steps.html"
    target.write_text("older")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_fill", full)
    with pytest.raises(OSError, match="No space"):
        autograd.stepper(small()).save(target)
    assert target.read_bytes() == b"older" and os.listdir(tmp_path) == ["steps.html"]


def test_large_graphs_are_refused_with_advice():
    root = Value(1.0, "x")
    for _ in range(50):
        root = root * 2
    with pytest.raises(ValueError, match=r"101 nodes; the stepper takes up to max_nodes=100.*single sample"):
        autograd.stepper(root, max_nodes=100)
    assert len(autograd.stepper(root, max_nodes=101).frames) == 103


@pytest.mark.parametrize("root", [1.0, "x", None])
def test_what_is_no_graph_is_refused(root):
    with pytest.raises(TypeError, match="Value"):
        autograd.stepper(root)


def test_nothing_heavy_is_imported():
    code = "import sys, autograd; autograd.stepper; autograd.steps; print({'numpy', 'anywidget'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "set()", done.stderr


def test_examples_in_docstrings():
    assert doctest.testmod(module).failed == 0


# ---- the widget, without a browser ------------------------------------------------------------------------------


@pytest.fixture
def product():
    pytest.importorskip("anywidget", reason="the widget's tests need anywidget: pip install anywidget")
    w, x = Value(0.5, "w"), Value(2.0, "x")
    y = w * x
    return y, w, autograd.stepper(y).widget()


def test_an_edit_on_the_page_recomputes_the_graph(product):
    y, w, widget = product
    sent = []
    widget.send = sent.append
    widget._received(widget, {"edit": {"node": 0, "value": 3}}, [])
    assert w.data == 3.0 and y.data == 6.0 and sent == [{"done": True}]
    assert widget.content["nodes"][0]["data"] == 3.0
    assert widget.content["frames"][1]["sentence"] == "L = w · x = 3 · 2 = 6."
    assert widget.stepper.frames[1].after == 6.0
    assert w.grad == 0.0


def test_an_edit_in_python_reaches_the_page(product):
    _, w, widget = product
    seen = []
    widget.observe(lambda change: seen.append(change["new"]["frames"][1]["after"]), "content")
    w.data = -1.0
    widget.refresh()
    assert seen == [-2.0]


@pytest.mark.parametrize(
    "message",
    [{"edit": {"node": 2, "value": 1.0}}, {"edit": {"node": 99, "value": 1.0}}, {"edit": {"node": -1, "value": 1.0}},
     {"edit": {"node": 0, "value": "1"}}, {"edit": {"node": 0, "value": math.nan}},
     {"edit": {"node": True, "value": 1.0}}, {"edit": {"node": 0}}],
)  # fmt: skip
def test_a_bad_edit_changes_nothing_and_says_why(product, message):
    y, w, widget = product
    sent = []
    widget.send = sent.append
    widget._received(widget, message, [])
    assert list(sent[0]) == ["refused"]
    assert (w.data, y.data) == (0.5, 1.0)


@pytest.mark.parametrize("message", ["noise", {}, {"edit": None}, {"edit": [0, 1.0]}, None])
def test_a_message_that_is_no_edit_changes_nothing(product, message):
    y, w, widget = product
    sent = []
    widget.send = sent.append
    widget._received(widget, message, [])
    assert sent == [{"done": True}] and (w.data, y.data) == (0.5, 1.0)


def test_the_frame_stays_in_range(product):
    _, _, widget = product
    widget.frame = 99
    assert widget.frame == len(widget.stepper.frames) - 1
    widget.frame = -5
    assert widget.frame == 0


def test_without_anywidget_the_message_says_what_to_install():
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "import autograd\n"
        "try: autograd.stepper(autograd.Value(1.0)).widget()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "pip install anywidget" in done.stdout, done.stderr


def test_the_widget_without_anywidget_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "autograd.view.widget", raising=False)
    with pytest.raises(ImportError, match="pip install anywidget"):
        importlib.import_module("autograd.view.widget")
