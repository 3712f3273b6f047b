"""The annotated derivation: every factor has its label, no label meets another one or an arrow, all can be read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest
from explaining import layers as network

import autograd
import nn
from autograd import Value, convert, derivation
from autograd.explain.annotated import AnnotatedDerivation
from autograd.notation.typeset import typeset
from autograd.text import width

SVG = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

INPUTS = [0.5, -1.0, 0.8, 0.3]


def lecture(letter: str) -> tuple[Value, nn.MLP]:
    """A network of each lecture, and its loss."""
    if letter == "A":
        model = network([4, 5, 3], "relu", "softmax")
        return nn.log_loss(nn.trace(model, INPUTS), 1), model
    if letter == "B":
        model = network([2, 3, 1], "tanh", "sigmoid")
        return nn.mse_loss(nn.trace(model, INPUTS[:2]), Value(0.75, "rho")), model
    if letter == "C":
        model = network([2, 2, 2, 1], "sigmoid", "sigmoid", bias=False)
        return (nn.trace(model, INPUTS[:2]) - 1.0) ** 2, model
    if letter == "D":
        model = network([2, 3, 2], "tanh", "linear")
        return nn.mse_loss(nn.trace(model, INPUTS[:2]), [1.0, 0.5]), model
    model = network([3, 4, 4, 3], "relu", "linear", bias=False)
    return nn.cross_entropy(nn.trace(model, INPUTS[:3]), 2), model


def drawn(name: str) -> AnnotatedDerivation:
    """A picture by its name: "A matrix", or "C layer 2", the chain rule of a weight of that layer."""
    if name == "seven layers":
        root = (nn.trace(network([2] * 8, "tanh", "tanh"), INPUTS[:2])[0] - 1.0) ** 2
        return derivation(root, form="jacobians").annotated()
    letter, form, *number = name.split()
    root, model = lecture(letter)
    if number:
        return derivation(root, model.layers[int(number[0]) - 1].neurons[0].weights[0], f"lecture {letter}").annotated()
    return derivation(root, names=f"lecture {letter}", form=form).annotated()  # type: ignore[call-overload,no-any-return]


PICTURES = [
    *(f"{letter} {form}" for letter in "ABCDE" for form in ("matrix", "deltas", "jacobians")),
    *(f"{letter} layer {number}" for letter, depth in zip("ABCDE", (2, 2, 3, 2, 3)) for number in range(1, depth + 1)),
    "seven layers",
]


def texts(element: ET.Element) -> list[tuple[str, Rectangle]]:
    """The texts below an element with the rectangles they fill, after the project's own widths."""
    found = []
    for text in element.iter(SVG + "text"):
        x, y, size = (float(text.get(key, "nan")) for key in ("x", "y", "font-size"))
        wide = float(text.get("textLength") or width(text.text or "", size))
        found.append((text.text or "", (x, y - 0.72 * size, x + wide, y + 0.22 * size)))
    return found


def around(rectangles: list[Rectangle]) -> Rectangle:
    left, top, right, bottom = zip(*rectangles)
    return min(left), min(top), max(right), max(bottom)


def strokes(path: str) -> list[Rectangle]:
    """The straight parts of an arrow: down, then to the right."""
    x, top, down, tip = map(float, re.findall(r"M(\S+) (\S+?)V(\S+?)q.*?H(\S+)", path)[0])
    return [(x, top, x, down), (x + 6, down + 6, tip, down + 6)]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def crossed(line: Rectangle, box: Rectangle) -> bool:
    return line[0] <= box[2] and box[0] <= line[2] and line[1] <= box[3] and box[1] <= line[3]


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_overlaps_and_all_can_be_read(name: str) -> None:
    root = ET.fromstring(drawn(name).svg())
    _, _, wide, high = map(float, root.get("viewBox", "").split())
    assert all(float(text.get("font-size", "0")) >= 12 for text in root.iter(SVG + "text"))
    blocks: list[Rectangle] = []
    for equation in root.iter(SVG + "g"):
        if equation.get("class") != "equation":
            continue
        labels = [box for child in equation if child.tag == SVG + "text" for _, box in texts(_wrapped(child))]
        numbers = [around([box for _, box in texts(group)]) for group in equation.iter(SVG + "g")
                   if "numbers" in group.get("class", "")]  # fmt: skip
        formula = [around([box for _, box in texts(group)]) for group in equation
                   if group.tag == SVG + "g" and "numbers" not in group.get("class", "") and texts(group)]  # fmt: skip
        arrows = [stroke for path in equation.iter(SVG + "path") if "arrow" in path.get("class", "")
                  for stroke in strokes(path.get("d", ""))]  # fmt: skip
        braces = [path for path in equation.iter(SVG + "path") if "brace" in path.get("class", "")]
        assert len(labels) >= len(braces) and formula
        boxes = [*labels, *numbers, *formula]
        assert not [(a, b) for a, b in combinations(boxes, 2) if overlap(a, b)]
        assert not [(line, box) for line in arrows for box in boxes if crossed(line, box)]
        assert len(braces) == len(arrows) / 2 >= 2
        assert all(box[0] >= 0 and box[2] <= wide and box[1] >= 0 and box[3] <= high for box in boxes)
        blocks.append(around(boxes))
    assert blocks and not [(a, b) for a, b in combinations(blocks, 2) if overlap(a, b)]


def _wrapped(element: ET.Element) -> ET.Element:
    group = ET.Element(SVG + "g")
    group.append(element)
    return group


def test_lecture_as_picture_says_what_the_lecture_says() -> None:
    root, _ = lecture("A")
    found = derivation(root, names="lecture A", form="matrix").annotated("∂L/∂W²", numbers=False)
    assert str(found) == (
        "∂L/∂W² = (oˢ − y) hˢᵀ\n"
        "  ∂L/∂W²    how L changes with the weights of layer 2, 3×5\n"
        "  (oˢ − y)  the output minus the target, oˢ − onehot(y), 3×1\n"
        "  hˢᵀ       the hidden activations, as a row, 1×5"
    )


def test_the_numbers_are_those_of_the_sample() -> None:
    root, model = lecture("A")
    root.backward()
    [equation] = derivation(root, names="lecture A", form="matrix").annotated("dL/dW2").equations
    left, *factors = [piece for piece in equation if piece.words]
    assert left.numbers == [[w.grad for w in neuron.weights] for neuron in model.layers[1].neurons]
    difference, hidden = (piece.numbers for piece in factors)
    assert isinstance(difference, list) and isinstance(hidden, list)
    product = [[row[0] * h for h in hidden[0]] for row in difference]
    assert product == [pytest.approx(row, rel=1e-12) for row in left.numbers]


@pytest.mark.parametrize(("form", "only", "words"), [
    ("matrix", "∂C/∂Ω²", {"α¹": "the hidden activations", "(∂C/∂ζ²)ᵀ":
                          "how C changes with the net input of layer 2, as a row"}),
    ("matrix", "∂C/∂ζ¹", {"φ′(ζ¹)": "the slope of tanh at the net input of layer 1"}),
    ("deltas", "B1", {"(Ω² B²)": "what the layer above passes down"}),
    ("deltas", "B²", {"(ρ̂ − ρ)": "the output minus the target"}),
    ("jacobians", "V2", {"Ω²": "the weights of layer 2", "Diag(φ′(ζ²))":
                         "the slope of sigmoid at the net input of layer 2, on the diagonal of a matrix"}),
    ("jacobians", "δ¹", {"V²": "the Jacobian of layer 2, transposed", "δ²": "how C changes with the output"}),
])  # fmt: skip
def test_each_kind_of_factor_has_its_words(form: str, only: str, words: dict[str, str]) -> None:
    root, _ = lecture("B")
    [equation] = derivation(root, names="lecture B", form=form).annotated(only).equations  # type: ignore[call-overload]
    said = {piece.plain: piece.words for piece in equation}
    assert {plain: said[plain] for plain in words} == words


def test_relu_and_softmax_have_their_words() -> None:
    root = nn.mse_loss(nn.trace(network([2, 3, 2], "relu", "softmax"), INPUTS[:2]), [1.0, 0.0])
    text = str(derivation(root, form="jacobians").annotated(numbers=False))
    assert "(Diag(ŷ) − ŷ ŷᵀ)  the Jacobian of the softmax, 2×2" in text
    assert "1 where the net input is positive, 0 elsewhere, on the diagonal of a matrix, 3×3" in text


def test_a_line_that_is_not_there() -> None:
    root, _ = lecture("C")
    found = derivation(root, names="lecture C", form="matrix")
    assert found.annotated(["de/dW3", "∂e/∂W¹"]).equations[1][0].plain == "∂e/∂W¹"
    assert found.annotated("∂e/∂z¹").equations[0][0].plain == "∂e/∂z¹", "not a line that has it on its right side"
    for only in ("∂e/∂W⁹", "nonsense (", ""):
        with pytest.raises(ValueError, match=r"no line is about .*; there are ∂e/∂ŷ, ∂e/∂z³, ∂e/∂W³"):
            found.annotated(only)


def test_the_product_of_local_derivatives() -> None:
    root, model = lecture("C")
    found = derivation(root, model.layers[1].neurons[0].weights[0], "lecture C").annotated()
    assert [line.split("  ")[1] for line in str(found).splitlines()[1:]] == [
        "∂e/∂w²₁₁", "2 · (ŷ − 1)", "φ′(z³₁)", "w³₁₁", "φ′(z²₁)", "a¹₁",
    ]  # fmt: skip
    [equation] = found.equations
    product = 1.0
    for piece in equation[2:]:
        product *= piece.numbers if isinstance(piece.numbers, float) else 1.0
    assert equation[0].numbers == pytest.approx(product, rel=1e-12)
    assert equation[4].words == "∂ŷ/∂z³₁: along the edge z³₁ → ŷ"


def test_sums_over_several_uses() -> None:
    w = Value(0.5, "w")
    text = str(derivation(w * w * w + w.sin(), w).annotated())
    assert "∂L/∂w = ∂L/∂v₃ · cos(w) + 3 · w · w" in text
    assert "by way of v₃" in text and "where it is used directly" in text
    many = sum((w * float(i)).tanh() for i in range(1, 9))
    assert isinstance(many, Value)
    assert "the sum over all 8 uses of w" in str(derivation(many, w).annotated())
    assert str(derivation(w, w).annotated()) == "∂w/∂w = 1\n  ∂w/∂w  how w changes with w, 1"


def test_a_long_product_keeps_its_ends() -> None:
    w = node = Value(0.5, "w")
    for _ in range(40):
        node = node.sin()
    [equation] = derivation(node, w).annotated().equations
    words = [piece.words for piece in equation if piece.words]
    assert len(words) == 11 and "31 factors more" in words
    product = 1.0
    for piece in equation[1:]:
        product *= piece.numbers if isinstance(piece.numbers, float) else 1.0
    assert product == pytest.approx(equation[0].numbers, rel=1e-12)


def test_large_matrices_give_their_shapes_alone() -> None:
    root = nn.mse_loss(nn.trace(network([2, 12, 1], "tanh", "linear"), INPUTS[:2]), 1.0)
    [equation] = derivation(root, form="matrix").annotated("∂L/∂W¹").equations
    assert equation[0].shape == "12×2" and equation[0].written() == ""
    assert "12×2" in derivation(root, form="matrix").annotated("∂L/∂W¹").svg()


def test_titles_files_and_pages(tmp_path: Path) -> None:
    root, _ = lecture("A")
    found = derivation(root, names="lecture A", form="matrix").annotated("∂L/∂W²")
    picture = ET.fromstring(found.svg())
    assert picture.get("role") == "img" and picture[0].tag == SVG + "title" and picture[1].tag == SVG + "desc"
    assert "the output minus the target" in (picture[1].text or "")
    assert 'alt="∂L/∂W² = (oˢ − y) hˢᵀ; ∂L/∂W² how L changes' in found._repr_html_()
    for suffix in ("svg", "html", "txt"):
        assert found.save(tmp_path / f"derivation.{suffix}").stat().st_size > 100
    assert "prefers-color-scheme: dark" in found.svg()


def test_the_picture_of_the_pages_is_made_by_what_they_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "derivation.svg"
    loss = nn.log_loss(nn.trace(nn.MLP(4, [5, 3], "relu", "softmax", seed=4), [5.1, 3.5, 1.4, 0.2]), 0)
    found = derivation(loss, names="lecture A", form="matrix").annotated("dL/dW2")
    assert found.svg() == page.read_text(encoding="utf-8")


def test_png_through_a_converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "CONVERTERS", {"copy": lambda source, target, scale: bool(target.write_bytes(b"png"))})
    w = Value(0.5, "w")
    assert derivation(w.sin(), w).annotated().save(tmp_path / "a.png").read_bytes() == b"png"


def test_names_that_would_break_a_picture_are_written_as_text() -> None:
    w = Value(0.5, '<script>"&')
    found = autograd.derivation(w.sin() * w, w).annotated()
    assert "<script>" not in found.svg() and ET.fromstring(found.svg()) is not None


@pytest.mark.parametrize(("mathml", "glyphs"), [
    ("<mfrac><mrow><mo>∂</mo><mi>L</mi></mrow><mrow><mo>∂</mo><mi>w</mi></mrow></mfrac>", "∂L∂w"),
    ("<msubsup><mi>w</mi><mn>11</mn><mn>2</mn></msubsup>", "w112"),
    ("<msqrt><mi>x</mi></msqrt>", "√x"),
    ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mn>3</mn></munderover>", "∑i=13"),
    ('<mover accent="true"><mi>y</mi><mo stretchy="false">^</mo></mover>', "ŷ"),
])  # fmt: skip
def test_formulas_are_set(mathml: str, glyphs: str) -> None:
    box = typeset(mathml, 20)
    assert "".join(mark.text for mark in box.marks) == glyphs
    assert all(mark.size >= 12 for mark in box.marks if mark.text)
    for mark in box.marks:
        assert mark.x >= -0.01 and mark.x + mark.width <= box.width + 0.01
        if mark.text:
            assert mark.y - 0.72 * mark.size >= -box.up - 0.01
