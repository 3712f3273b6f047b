"""Drawings: what they show, that no label breaks them, and that a picture appears whatever is installed."""

import base64
import importlib.util
import math
import os
import re
import stat
import sys
import time
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import labelled_network

import autograd
from autograd import Value, convert, draw, graph, tanh, text
from autograd.notation.naming import names_of
from autograd.view import RenderError, dot, render
from autograd.view.palette import shade

SVG = "{http://www.w3.org/2000/svg}"
has_dot = pytest.mark.skipif("dot" not in render.available(), reason="the program dot is not on PATH")
ENGINES = ["builtin", *render.available()]
HOSTILE = [
    'say "hi"', "{a|b}<c>", "</script><script>alert(1)</script>", "two\nlines\r\tand tab",
    "back\\slash \\N \\", "&amp; &lt;",
    "权重 βάρος вес", "🙂👩‍👩‍👧",
    "\x00\x07\x1b[31m\x7f\x85", "\ud800 alone", "\u202eesrever", "<!--", "]]>", "' onload='x", "%s $x #{y}",
]  # fmt: skip


def example():
    w, x, b = Value(2.0, "w"), Value(-1.0, "x"), Value(0.5, "b")
    y = tanh(w * x + b)
    y.label = "y"
    return y


def elements(svg, kind):
    return [g for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if kind in g.get("class", "").split()]


def texts(element):
    return {t.get("class"): "".join(t.itertext()) for t in element.iter(f"{SVG}text") if t.get("class")}


# ---- what is shown ----------------------------------------------------------------------------------------------


def test_the_dot_text_of_a_small_graph():
    x = Value(3.0, "x")
    y = x * x
    slope = 'color="#78909c" penwidth=1.10 label="3"]'
    assert draw(y, legend=False).source.splitlines()[4:] == [
        '  n0 [id="node-0" class="leaf" style="filled" label="{{x|value\u00a03\\l}}" '
        'tooltip="x: leaf, value 3.0, no backward() yet" fillcolor="#ffffff" penwidth=1.00]',
        '  n1 [id="node-1" class="operation" style="filled,rounded" label="{×|{L|value\u00a09\\l}}" '
        'tooltip="L: mul, value 9.0, no backward() yet" fillcolor="#ffffff" penwidth=1.00]',
        '  n0 -> n1 [id="edge-1-0" tooltip="local derivative 3.0, operand 1 of 2" ' + slope,
        '  n0 -> n1 [id="edge-1-1" tooltip="local derivative 3.0, operand 2 of 2" ' + slope,
        "}",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_promised_structure(engine):
    y = example()
    y.backward()
    drawing = draw(y, engine=engine)
    assert drawing.engine == engine
    svg = drawing.svg(prefix="p-")
    order = graph.topological(y)
    shown = {g.get("id"): texts(g) for g in elements(svg, "node")}
    assert list(shown) == [f"p-node-{k}" for k in range(len(order))]
    for node, seen in zip(order, shown.values()):
        assert seen["data"] == text.number(node.data) and seen["grad"] == text.number(node.grad)
        assert seen.get("label", "") == ("" if node.op == "constant" else names_of(y).text(node))
    assert shown["p-node-5"]["sign"] == "tanh" and shown["p-node-2"]["sign"] == "×"
    edges = {f"p-edge-{k}-{i}" for k, node in enumerate(order) for i in range(len(node.parents))}
    assert {g.get("id") for g in elements(svg, "edge")} == edges
    slopes = {t.get("data-edge"): t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text") if t.get("data-edge")}
    assert slopes == {"edge-2-0": "−1", "edge-2-1": "2", "edge-4-0": "1", "edge-4-1": "1", "edge-5-0": "0.1807"}


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_every_node_and_edge_of_a_random_graph_appears_exactly_once(data):
    nodes = [Value(data.draw(st.floats(-2, 2)), f"v{i}") for i in range(3)]
    for _ in range(data.draw(st.integers(1, 25))):
        a, b = (data.draw(st.sampled_from(nodes)) for _ in range(2))
        nodes.append(
            data.draw(st.sampled_from([lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a.sin() * 2.0]))(a, b)
        )
    root = nodes[-1]
    if data.draw(st.booleans()):
        root.backward()
    drawing = draw(root, engine="builtin", rankdir=data.draw(st.sampled_from(["LR", "TB", "RL", "BT"])))
    order = graph.topological(root)
    wanted = [f"node-{k}" for k in range(len(order))]
    wanted_edges = [f"edge-{k}-{i}" for k, node in enumerate(order) for i in range(len(node.parents))]
    svg = drawing.svg()
    assert sorted(g.get("id") for g in elements(svg, "node")) == sorted(wanted)
    assert sorted(g.get("id") for g in elements(svg, "edge")) == sorted(wanted_edges)
    found = re.findall(r'^  n\d+ (?:-> n\d+ )?\[id="([^"]+)"', drawing.source, re.M)
    assert sorted(found) == sorted(wanted + wanted_edges)
    for k, node in enumerate(order):
        assert drawing.element(k) == f"node-{k}"
        for i, parent in enumerate(node.parents):
            line = next(line for line in drawing.source.splitlines() if f'id="edge-{k}-{i}"' in line)
            if parent.op == "constant":
                assert 'tooltip="constant operand' in line and "label=" not in line
            else:
                assert f'label="{text.number(node.local_derivatives[i])}"' in line


def test_a_graph_before_backward_says_so_and_shows_no_gradient():
    y = example()
    before = draw(y)
    assert "no backward() yet" in before.source and "no backward() yet" in before.svg()
    assert "grad\u00a0" not in before.source and 'class="grad"' not in before.svg()
    y.backward()
    after = draw(y)
    assert "no backward() yet" not in after.source + after.svg()
    assert after.svg().count('class="grad"') == 6


def test_a_leaf_that_kept_a_gradient_from_another_graph_still_shows_it():
    w = Value(2.0, "w")
    (w * 3.0).backward()
    drawing = draw(w * 5.0)
    assert "no backward() yet" in drawing.source
    assert drawing.svg().count('class="grad"') == 1


def test_kinds_of_nodes_are_told_apart():
    y = Value(2.0, "layers.0.neurons.0.weights.0") * Value(1.0, "x") + 3.0
    svg = draw(y).svg()
    assert [g.get("class").split()[1] for g in elements(svg, "node")] == [
        "parameter", "input", "operation", "constant", "operation",
    ]  # fmt: skip
    assert "grad" not in texts(elements(svg, "constant")[0])
    w = Value(2.0, "w")
    assert 'class="node parameter"' in draw(w * 2.0, parameters=[w]).svg()
    assert 'class="node leaf"' in draw(w * 2.0).svg()


def test_an_edge_from_a_constant_has_no_local_derivative():
    svg = draw(Value(2.0) * 3.0).svg()
    assert len(elements(svg, "edge")) == 2 and svg.count('class="slope"') == 1


def test_numbers_are_short_and_exact_where_they_can_be():
    shown = {
        1.0: "1", -0.0: "0", 0.5: "0.5", -2.0: "−2", 24.70408163: "24.7", 138.8338: "138.8", 645.5773: "645.6",
        0.99996: "1",
        123456.0: "123456", 1234567.0: "1.235e6", 12345.6: "12346", 1e-5: "1e−5", -1.23456e-7: "−1.235e−7",
        0.0012345: "0.001234",
        math.inf: "∞", -math.inf: "−∞", math.nan: "nan", 999999.7: "1e6", 5e-324: "4.941e−324", 1e300: "1e300",
    }  # fmt: skip
    assert {x: text.number(x) for x in shown} == shown


@given(st.floats(-1e307, 1e307))
def test_numbers_keep_four_digits(x):
    back = float(text.number(x).replace("−", "-"))
    assert back == pytest.approx(x, rel=5.001e-4, abs=5e-324)
    assert len(text.number(x)) <= 12 and text.number(x) != "−0"


def test_numbers_of_a_box_stand_with_their_points_in_one_column():
    rows = text.aligned(["−2", "0.1807", "12.5"])
    assert rows == ["−2" + "\u00a0" * 5, "\u00a00.1807", "12.5" + "\u00a0" * 3]


def test_numbers_are_written_from_their_points_so_that_no_font_and_no_renderer_moves_them():
    """librsvg takes away the spaces at the end of a text, with which numbers were aligned once."""
    y = example()
    y.backward()
    for node in elements(draw(y, engine="builtin").svg(), "operation"):
        numbers = [list(t) for t in node.iter(f"{SVG}text") if t.get("class") in ("data", "grad")]
        assert len(numbers) == 2
        assert len({chunk.get("x") for number in numbers for chunk in number}) == 1
        for head, *tail in numbers:
            assert head.get("text-anchor") == "end" and "." not in head.text
            assert all(t.get("text-anchor") == "start" and t.text.startswith(".") for t in tail)
    assert "\u00a0" not in draw(y, engine="builtin").svg()


def test_shades_get_darker_evenly_and_stay_light_enough_for_dark_text():
    def lightness(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear))

    lights = [lightness(shade(i / 20)) for i in range(21)]
    assert lights == sorted(lights, reverse=True) and len(set(lights)) == 21
    ink = lightness("#263238")
    assert all((light + 0.05) / (ink + 0.05) > 4.5 for light in lights)  # the contrast that WCAG asks for


def test_size_of_a_gradient_shows_in_shade_and_in_line_width():
    small, large = Value(1.0, "small"), Value(1.0, "large")
    y = small * 0.01 + large
    y.backward()
    boxes = {box.title: box for box in draw(y).picture.boxes if box.title}
    assert 0 < boxes["small"].level < boxes["large"].level <= 1
    wires = {wire.id: wire for wire in draw(y).picture.wires}
    assert wires["edge-2-0"].level < wires["edge-4-1"].level


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1.0, 1e300, 1.7976931348623157e308, math.inf, math.nan])
def test_gradients_of_any_size_have_a_shade(size):
    weights = [Value(1.0, f"layers.0.neurons.{i}.bias") for i in range(2)]
    y = weights[0] + weights[1]
    y.backward(gradient=size)
    for fold in (None, "layer", "neuron"):
        drawing = draw(y * 1.0 if fold else y, fold=fold)
        assert all(box.level is None or 0 <= box.level <= 1 for box in drawing.picture.boxes)
        ElementTree.fromstring(drawing.svg())
        assert draw(y, fold=fold, engine="builtin").source


def test_nan_and_infinity_are_drawn_as_trouble():
    y = Value(-1.0, "x").log()
    y.backward()
    drawing = draw(y)
    assert [box.bad for box in drawing.picture.boxes] == [False, True]
    assert "nan" in drawing.svg()
    x = Value(0.0).sqrt()
    x.backward()
    assert "∞" in draw(x).svg()


def test_highlighted_nodes_and_paths():
    y = example()
    total, product = y.parents[0], y.parents[0].parents[0]
    drawing = draw(y, highlight=[[product, total, y]])
    assert [box.id for box in drawing.picture.boxes if box.marked] == ["node-2", "node-4", "node-5"]
    assert [wire.id for wire in drawing.picture.wires if wire.marked] == ["edge-4-0", "edge-5-0"]
    assert [box.id for box in draw(y, highlight=[y, product]).picture.boxes if box.marked] == ["node-2", "node-5"]

    x = Value(3.0, "x")
    square = x * x
    for position in (0, 1):  # one of the two edges between the same nodes
        path = SimpleNamespace(nodes=(x, square), positions=(position,))  # as a ledger gives it
        marked = [wire.id for wire in draw(square, highlight=[path]).picture.wires if wire.marked]
        assert marked == [f"edge-1-{position}"]
    assert drawing.source.count('color="#c04a00"') == 5 and "vermilion outline" in drawing.source
    assert ">highlighted<" in drawing.svg() and "highlighted" not in draw(y).svg()
    assert 'class="node operation marked"' in drawing.svg()
    with pytest.raises(TypeError, match="nodes of the graph"):
        draw(y, highlight=[["w"]])


def test_several_roots_and_a_single_leaf():
    x = Value(1.0, "x")
    assert draw([x.sin(), x.cos()]).picture.nodes == 3
    assert "node-0" in draw(x).svg()


def test_a_freed_graph_says_so():
    y = example()
    y.backward(free_graph=True)
    assert "freed by backward(free_graph=True)" in draw(y).source


def test_the_drawing_is_the_same_every_time():
    assert draw(example()).source == draw(example()).source
    assert draw(example(), engine="builtin").svg() == draw(example(), engine="builtin").svg()


def test_bad_options_are_refused_with_the_choices():
    y = example()
    for option in ({"rankdir": "left"}, {"format": "gif"}, {"engine": "neato"}, {"fold": "block"}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} is one of"):
            draw(y, **option)
    with pytest.raises(ValueError, match="at least 1"):
        draw(y, max_nodes=0)
    with pytest.raises(ValueError, match="nothing to draw"):
        draw([])
    with pytest.raises(TypeError, match="given by its root"):
        draw(3.0)


def test_a_drawing_without_its_legend(tmp_path):
    y = Value(2.0, "x").tanh()
    one, other = (draw(y, legend=legend, engine="builtin").save(tmp_path / f"{legend}.svg") for legend in (True, False))
    one, other = one.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")
    assert 'class="legend"' in one and 'class="graph"' in one
    assert 'class="legend"' not in other and 'class="graph"' in other


# ---- labels that want to break out ------------------------------------------------------------------------------


@pytest.mark.parametrize("label", HOSTILE)
@pytest.mark.parametrize("engine", ENGINES)
def test_any_label_survives_in_svg_and_html(label, engine):
    x = Value(1.0, label)
    y = (x * 2.0).tanh()
    y.label = f"{label}2"
    drawing = draw(y, engine=engine)
    svg = drawing.svg(prefix='"><script>')
    ElementTree.fromstring(svg)
    assert "<script" not in svg and "<!--" not in svg
    assert texts(elements(svg, "node")[0])["label"] == text.shortened(names_of(y).text(x), 30)
    html = drawing._repr_html_()
    assert ElementTree.fromstring(html).find("img").get("src").startswith("data:image/svg+xml;base64,")


@has_dot
@pytest.mark.parametrize("label", HOSTILE)
def test_graphviz_reads_any_label_as_it_was_meant(label):
    drawing = draw(Value(1.0, label) * 2.0)
    svg = render.run("dot", drawing.source, "svg", 20).decode()
    shown = [t.text or "" for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    meant = text.shortened(text.visible(label).strip(), 30)
    assert " ".join(meant.split()) in [" ".join(t.split()) for t in shown]
    assert {"node-0", "node-1", "node-2", "edge-2-0", "edge-2-1"} <= {
        g.get("id") for g in ElementTree.fromstring(svg).iter(f"{SVG}g")
    }


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_any_text_is_xml(label):
    ElementTree.fromstring(draw(Value(1.0, label).sin(), engine="builtin").svg())


def test_long_labels_are_shortened_and_kept_whole_in_the_tooltip():
    label = "a" * 40 + "z" * 40
    svg = draw(Value(1.0, label)).svg()
    assert texts(elements(svg, "node")[0])["label"] == "a" * 12 + "…" + "z" * 17
    assert label in elements(svg, "node")[0].find(f"{SVG}title").text


def test_a_label_that_is_no_text_is_shown_all_the_same():
    assert "17" in draw(Value(1.0, 17)).svg()


# ---- limits ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_large_graphs_use_the_built_in_layout_and_are_quick(record_property):
    x = Value(0.5, "x")
    nodes = [x]
    for i in range(10_000):
        nodes.append(nodes[i] + nodes[i // 2] if i % 3 else nodes[i].sin())
    drawing = draw(nodes[-1], max_nodes=20_000)
    started = time.perf_counter()
    assert drawing.engine == "builtin"
    record_property("seconds for the layout of 10,000 nodes", time.perf_counter() - started)
    assert drawing.svg().count('class="node operation"') == 10_000


@has_dot
def test_graphviz_gets_room_where_edges_would_stand_upright():
    flat = draw(example(), engine="dot")._place()[0]
    assert dot.spread(draw(example()).picture, flat, "LR") < 15
    wide = draw(labelled_network((2, 12, 1)), fold="neuron", engine="dot")
    once = dot.read_layout(render.run("dot", dot.skeleton(wide.picture, "LR"), "json0", 20), wide.picture)
    assert dot.spread(wide.picture, once, "LR") > 15
    assert wide._place()[0].size[0] > once.size[0]
    long = Value(1.0, "x")
    for _ in range(12):
        long = long.sin()
    assert dot.spread(draw(long).picture, draw(long, engine="dot")._place()[0], "LR") == 0


# ---- files and notebooks ----------------------------------------------------------------------------------------


def test_saving_svg_and_dot_needs_nothing(tmp_path, no_graphviz):
    drawing = draw(example())
    assert drawing.save(tmp_path / "graph.svg").read_text(encoding="utf-8") == drawing.svg()
    assert drawing.save(str(tmp_path / "graph.DOT")).read_text(encoding="utf-8") == drawing.source
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph.DOT", "graph.svg"]


@pytest.mark.skipif(not render.available(), reason="no Graphviz is installed")
def test_saving_png_and_pdf(tmp_path):
    drawing = draw(example())
    assert drawing.save(tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.save(tmp_path / "graph.pdf").read_bytes().startswith(b"%PDF")


def test_without_graphviz_png_and_pdf_say_what_to_install(tmp_path, no_graphviz):
    for suffix in ("png", "pdf"):
        with pytest.raises(RenderError, match=r"pip install pygraphviz.*\.svg or \.dot need nothing"):
            draw(example()).save(tmp_path / f"graph.{suffix}")
    assert not list(tmp_path.iterdir())


def test_other_suffixes_and_missing_folders_are_refused(tmp_path):
    drawing = draw(example())
    with pytest.raises(
        ValueError, match=r"\.svg, \.png, \.pdf, \.dot, \.tex, \.mmd or \.html files, but 'graph\.jpeg' has"
    ):
        drawing.save(tmp_path / "graph.jpeg")
    with pytest.raises(ValueError, match="'graph' has no suffix"):
        drawing.save(tmp_path / "graph")
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        drawing.save(tmp_path / "missing" / "graph.svg")


def test_a_save_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    target = tmp_path / "graph.svg"
    target.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(example()).save(target)
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["graph.svg"]


def test_a_notebook_gets_an_image_that_needs_no_trust():
    drawing = draw(example(), engine="builtin")
    html = drawing._repr_html_()
    image = ElementTree.fromstring(html).find("img")
    kind, _, data = image.get("src").partition(";base64,")
    assert kind == "data:image/svg+xml" and base64.b64decode(data).decode() == drawing.svg()
    assert image.get("alt") == "Computational graph of 6 nodes"
    assert "script" not in html
    assert repr(drawing) == "<Drawing of 6 nodes; show it in a notebook, or .save('graph.svg')>"


@pytest.mark.skipif(not render.available(), reason="no Graphviz is installed")
def test_a_notebook_can_get_a_png():
    html = draw(example(), format="png")._repr_html_()
    assert 'src="data:image/png;base64,iVBOR' in html


# ---- whatever is installed --------------------------------------------------------------------------------------


@pytest.fixture
def no_pygraphviz(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pygraphviz" else find(name, *a))
    monkeypatch.setattr(convert, "CONVERTERS", {})


@pytest.fixture
def no_graphviz(monkeypatch, tmp_path_factory, no_pygraphviz):
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))


@pytest.fixture
def fake_dot(monkeypatch, tmp_path_factory, no_pygraphviz):
    """A program named dot that runs the given Python text."""

    def install(body):
        folder = tmp_path_factory.mktemp("bin")
        program = folder / "dot"
        program.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(folder))

    return install


needs_scripts = pytest.mark.skipif(os.name == "nt", reason="a script cannot stand in for dot on Windows")


def test_a_picture_appears_without_graphviz(no_graphviz):
    drawing = draw(example())
    assert drawing.engine == "builtin"
    assert len(elements(drawing.svg(), "node")) == 6
    assert "base64" in drawing._repr_html_()


def test_an_engine_asked_for_by_name_that_is_missing_is_an_error_but_never_in_a_notebook(no_graphviz):
    for engine, message in (("dot", "`dot` is not on PATH"), ("pygraphviz", "pygraphviz is not installed")):
        drawing = draw(example(), engine=engine)
        with pytest.raises(RenderError, match=f"{message}: install one of the two"):
            drawing.svg()
        html = drawing._repr_html_()
        assert "data:image/svg+xml" in html and message in html
    html = draw(example(), format="png")._repr_html_()
    assert "data:image/svg+xml" in html and "needs Graphviz" in html


@pytest.mark.slow
@needs_scripts
def test_a_hanging_dot_is_given_up_and_the_picture_still_appears(fake_dot):
    fake_dot("time.sleep(60)")
    started = time.perf_counter()
    drawing = draw(example(), timeout=0.5)
    assert drawing.engine == "builtin" and len(elements(drawing.svg(), "node")) == 6
    assert time.perf_counter() - started < 10
    with pytest.raises(RenderError, match=r"dot did not finish within 0\.5 s"):
        draw(example(), engine="dot", timeout=0.5).svg()


@needs_scripts
def test_a_dot_that_cannot_be_started_is_reported(fake_dot, monkeypatch):
    fake_dot("")
    monkeypatch.setattr(render, "_command", lambda *_: [os.devnull])
    with pytest.raises(RenderError, match="dot could not be started"):
        draw(example(), engine="dot").svg()


@pytest.mark.skipif("pygraphviz" not in render.available(), reason="pygraphviz is not installed")
def test_pygraphviz_serves_where_there_is_no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    drawing = draw(example())
    assert drawing.engine == "pygraphviz"
    assert drawing.save(tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


@needs_scripts
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.stderr.write('first\\nno layout plugin'); sys.exit(3)", r"exit status 3\): no layout plugin"),
        ("pass", r"exit status 0\): no message"),
        ("print('not json')", "no usable layout"),
        ("print('{}')", "no usable layout"),
        ("""print('{"bb": "0,0,1,1"}')""", "left out some nodes or edges"),
    ],
)
def test_a_failing_dot_is_reported_and_the_picture_still_appears(fake_dot, body, message):
    fake_dot(body)
    with pytest.raises(RenderError, match=message):
        draw(example(), engine="dot").svg()
    assert draw(example()).engine == "builtin"


@needs_scripts
def test_a_failing_dot_makes_saving_a_png_say_why(fake_dot, tmp_path):
    fake_dot("sys.stderr.write('out of memory'); sys.exit(1)")
    with pytest.raises(RenderError, match=r"no \.png could be made: .*out of memory.*save an \.svg"):
        draw(example()).save(tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())


def test_png_and_pdf_are_the_svg_where_a_converter_is(monkeypatch, tmp_path):
    def turned(source, target, scale):
        target.write_text(f"{target.suffix} ×{scale}: {source.read_text(encoding='utf-8')}", encoding="utf-8")
        return True

    monkeypatch.setattr(convert, "CONVERTERS", {"mine": turned})
    monkeypatch.setattr(render, "image", lambda *_: pytest.fail("Graphviz was asked"))
    drawing = draw(example(), engine="builtin")
    for suffix in (".png", ".pdf"):
        saved = drawing.save(tmp_path / f"graph{suffix}")
        assert saved.read_text(encoding="utf-8") == f"{suffix} ×2.0: {drawing.svg()}"


def test_a_picture_larger_than_a_png_can_be_is_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(convert, "CONVERTERS", {"mine": lambda *_: pytest.fail("a converter was asked")})
    monkeypatch.setattr(render, "image", lambda *_: pytest.fail("Graphviz was asked"))
    x = Value(0.5, "x")
    for _ in range(900):
        x = x.sin()
    with pytest.raises(RenderError, match=r"points, larger than a \.png can be\. Let it fold .*save an \.svg"):
        draw(x, fold=None, engine="builtin").save(tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())


@needs_scripts
def test_graphviz_is_not_asked_for_what_would_take_it_minutes(fake_dot, monkeypatch, tmp_path):
    fake_dot("time.sleep(60)")
    monkeypatch.setattr(render, "LIMIT", 5)
    started = time.perf_counter()
    with pytest.raises(RenderError, match=r"no program here turns SVG into PNG.*Graphviz would take minutes"):
        draw(example()).save(tmp_path / "graph.png")
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("size", "scale"), [((800, 600), 2.0), ((20_000, 1000), 32767 / 20_000), ((40_000, 20), 0.819)]
)
def test_a_png_is_sharp_as_far_as_its_size_allows(size, scale):
    assert convert.scale_of(*size) == pytest.approx(scale, abs=1e-3)
    wide, high = 10_000.0, 18_000.0
    assert wide * high * convert.scale_of(wide, high) ** 2 == pytest.approx(convert.MOST)


def test_a_repr_never_raises(monkeypatch):
    drawing = draw(example())
    monkeypatch.setattr(render, "placed", lambda *_: 1 / 0)
    assert "Drawing that cannot be shown: ZeroDivisionError" in drawing._repr_html_()
    assert repr(drawing) == str(drawing)


def test_draw_is_public_and_is_imported_only_when_it_is_used():
    assert autograd.draw is draw


def test_an_object_of_the_graphviz_package() -> None:
    graphviz = pytest.importorskip("graphviz")
    drawing = draw(Value(2.0, "x").tanh())
    source = drawing.graphviz()
    assert isinstance(source, graphviz.Source)
    assert source.source.strip() == drawing.source.strip() and source.format == "svg"
