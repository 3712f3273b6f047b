"""The picture of a network: what stands in it, how large networks are elided, and what is refused."""

import base64
import sys
import xml.etree.ElementTree as ET

import pytest

import nn
from autograd import Value, convert
from nn.diagram import svg

SVG = "{http://www.w3.org/2000/svg}"


def parts(picture, tag):
    return list(ET.fromstring(picture.svg()).iter(SVG + tag))


def texts(picture):
    return ["".join(element.itertext()) for element in parts(picture, "text")]


def edges(picture):
    return [line.find(SVG + "title").text for line in parts(picture, "line")]


def test_a_node_per_entry_and_an_edge_per_weight():
    model = nn.MLP(4, [5, 3], seed=0)
    picture = nn.draw_network(model)
    assert len(parts(picture, "circle")) == 4 + 5 + 3
    assert len(edges(picture)) == len(model.parameters()) == 4 * 5 + 5 + 5 * 3 + 3
    without = nn.draw_network(model, biases=False)
    assert len(edges(without)) == 4 * 5 + 5 * 3
    weight = model.layers[1].neurons[2].weights[3]
    assert any(f"{weight.data:.6g}" in text and weight.label in text for text in edges(picture))


def test_activations_are_those_of_the_network():
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    x = [0.5, -1.25]
    picture = nn.draw_network(model, x, inputs=["length", "width"], outputs=["no", "yes"])
    shown = texts(picture)
    for entry in [*x, *(out.data for out in model([Value(v) for v in x]))]:
        assert svg.short(entry) in shown
    assert {"length", "width", "no", "yes"} <= set(shown)


def test_sign_is_seen_without_colour():
    model = nn.MLP(1, [2, 1], seed=0)
    for layer in model.layers:
        for neuron in layer.neurons:
            for j, weight in enumerate(neuron.weights):
                weight.data = -1.0 if j else 1.0
            neuron.bias.data = 0.0
    lines = parts(nn.draw_network(model), "line")
    by_colour = {line.get("stroke"): line.get("stroke-dasharray") for line in lines}
    assert by_colour[svg.POSITIVE] is None and by_colour[svg.NEGATIVE]


def test_gradients_colour_the_edges_and_their_absence_is_said():
    model = nn.MLP(2, [2, 1], activation="tanh", seed=3)
    assert any("call backward()" in text for text in texts(nn.draw_network(model, color="gradient")))
    model([Value(1.0), Value(2.0)]).backward()
    picture = nn.draw_network(model, color="gradient")
    assert not any("call backward()" in text for text in texts(picture))
    steepest = max(abs(p.grad) for p in model.parameters())
    assert svg.short(steepest, 3) in texts(picture)


@pytest.mark.slow
def test_a_large_network_is_elided():
    model = nn.MLP(784, [128, 10], seed=0)
    picture = nn.draw_network(model, [0.5] * 784, max_nodes=12)
    assert "784 inputs" in texts(picture) and texts(picture).count("⋮") == 2
    assert len(parts(picture, "circle")) == 10 + 10 + 10
    assert len(picture.svg()) < 200_000


@pytest.mark.parametrize(
    "hostile", ['"><script>alert(1)</script>', "a & b < c", "naïve ζ 🌸", "two\nlines\x00", "SCALE"]
)
def test_names_are_escaped(hostile):
    picture = nn.draw_network(nn.MLP(1, [1]), [1.0], inputs=[hostile], title=hostile)
    assert "<script>" not in picture.svg()
    assert ET.fromstring(picture.svg()) is not None


def test_nan_weights_are_drawn():
    model = nn.MLP(2, [2])
    model.layers[0].neurons[0].weights[0].data = float("nan")
    strokes = {line.get("stroke") for line in parts(nn.draw_network(model, [1.0, float("inf")]), "line")}
    assert svg.NOT_FINITE in strokes


def test_shows_itself_in_a_notebook_that_is_not_trusted():
    picture = nn.draw_network(nn.MLP(2, [2]))
    encoded = picture._repr_html_().split("base64,")[1].split('"')[0]
    assert base64.b64decode(encoded).decode() == picture.svg()
    assert str(picture) == repr(picture) == "NetworkDiagram(2-2 network, edges colored by weight)"


def test_saving(tmp_path, monkeypatch):
    picture = nn.draw_network(nn.MLP(2, [2], seed=0))
    assert picture.save(tmp_path / "net.svg").read_text(encoding="utf-8") == picture.svg()
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf or \.html files, but 'net\.gif' has the suffix '\.gif'"):
        picture.save(tmp_path / "net.gif")
    monkeypatch.setattr(convert, "CONVERTERS", {"none": lambda source, target, scale: False})
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(RuntimeError, match="no program here turns SVG into PNG"):
        picture.save(tmp_path / "old.png")
    assert (tmp_path / "old.png").read_bytes() == b"old"


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_converted_files(tmp_path, suffix, magic):
    picture = nn.draw_network(nn.MLP(2, [2], seed=0))
    try:
        path = picture.save(tmp_path / f"net.{suffix}")
    except RuntimeError as error:
        pytest.skip(str(error))
    assert path.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [1.0]}, "takes 2 inputs; x has 1"),
        ({"inputs": ["a"]}, "2 inputs; 1 names"),
        ({"outputs": ["a", "b"]}, "1 outputs; 2 names"),
        ({"color": "red"}, "'weight' or 'gradient'"),
        ({"max_nodes": 3}, "at least 4"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.draw_network(nn.MLP(2, [1]), **arguments)


def test_not_a_network():
    with pytest.raises(TypeError, match="layers of neurons"):
        nn.draw_network(3)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (-0.25, "−0.25"), (12.34, "12.3"), (123.4, "123"), (1e-5, "1e−5"), (3e12, "3e12"),
     (float("inf"), "∞"), (float("-inf"), "−∞"), (float("nan"), "nan")],
)  # fmt: skip
def test_short_numbers(number, text):
    assert svg.short(number) == text


def test_converters_are_tried_in_turn(monkeypatch):
    def breaks(source, target, scale):
        raise OSError("broken pipe")

    def writes(source, target, scale):
        target.write_bytes(source.read_bytes()[:4])
        return True

    monkeypatch.setattr(convert, "CONVERTERS", {"first": breaks, "second": writes})
    assert convert.convert("<svg/>", "png") == b"<svg"
    monkeypatch.setattr(convert, "CONVERTERS", {"first": breaks})
    with pytest.raises(RuntimeError, match=r"tried first: broken pipe.*Save as \.svg"):
        convert.convert("<svg/>", "pdf")


def test_cairosvg_is_used_where_it_is_installed(monkeypatch):
    class Fake:
        @staticmethod
        def svg2png(url, write_to, scale):
            with open(write_to, "w") as file:
                file.write(f"png ×{scale}")

        @staticmethod
        def svg2pdf(url, write_to):
            with open(write_to, "w") as file:
                file.write("pdf")

    monkeypatch.setitem(sys.modules, "cairosvg", Fake)
    assert convert.convert("<svg/>", "png") == "png ×2.0".encode()
    assert convert.convert("<svg/>", "pdf") == b"pdf"


def test_programs_that_are_missing_are_passed_over(monkeypatch):
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="no program here turns SVG into PNG"):
        convert.convert("<svg/>", "png")


def test_blocks_have_the_shapes_of_the_matrices():
    """z¹ = W¹x + b¹, a¹ = relu(z¹), z² = W²a¹ + b², ŷ = softmax(z²), each with its size."""
    diagram = nn.draw_network(nn.MLP(4, [5, 3], "relu", "softmax", seed=0), style="blocks", title="Iris")
    layers = ["W¹", "5×4", "+ b¹", "5", "z¹ [5]", "relu", "a¹ [5]", "W²", "3×5", "+ b²", "3", "z² [3]"]
    assert texts(diagram) == ["Iris", "x [4]", *layers, "softmax", "ŷ [3]"]
    assert "W¹ 5×4, + b¹ 5, relu, W² 3×5" in str(diagram)
    bare = nn.draw_network(nn.MLP(2, [3, 1], "linear", bias=False), style="blocks").svg()
    assert "b¹" not in bare and "linear" not in bare and "2-3-1" in bare
    with pytest.raises(ValueError, match="style is 'nodes' or 'blocks', not 'boxes'"):
        nn.draw_network(nn.MLP(2, [1]), style="boxes")
