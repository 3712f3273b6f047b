"""A node has one name, and every view writes it so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

import pytest
from explaining import graphs
from hypothesis import given, settings

import autograd
import nn
from autograd import Value, graph
from autograd.explain import TrainingLedger, contribution
from autograd.notation.expression import Expression
from autograd.notation.names import Name, name_of, place_of
from autograd.notation.naming import Names, names_of

Made = tuple[Value, Mapping[Any, str] | None]


def plain() -> Made:
    w, x, b = Value(2.0, "w1"), Value(-1.0, "x"), Value(0.5, "b")
    loss = (w * x + b).tanh() ** 2
    loss.label = "loss"
    return loss, None


def network() -> Made:
    model = nn.MLP(2, [3, 2], "tanh", "softmax", seed=1)
    return -model([0.5, Value(-1.0)])[1].log(), None


def traced() -> Made:
    return (nn.trace(nn.MLP(2, [12, 1], "sigmoid", seed=1), [0.5, -1.0], ["width (cm)", "x2"]) - 1.0) ** 2, None


def samples() -> Made:
    model = nn.MLP(2, [2, 1], "relu", "sigmoid", seed=3)
    return autograd.mean([(model([0.1 * n, 1.0]) - n) ** 2 for n in range(3)]), None


def decayed() -> Made:
    model = nn.MLP(2, [2, 1], "tanh", seed=3)
    decay = sum(0.01 * w * w for w in model.parameters())
    return (model([0.3, 1.0]) - 1.0) ** 2 + decay, None


def two_networks() -> Made:
    class Both(nn.Module):
        def __init__(self) -> None:
            self.first, self.second = nn.MLP(1, [2, 1], "tanh", seed=1), nn.MLP(1, [2, 1], "tanh", seed=2)
            self.label_parameters()

    both = Both()
    return both.first([0.5]) * both.second([0.5]), None


def unlabeled() -> Made:
    x = Value(0.5)
    return x.sin() * x.exp() + Value(2.0) * x, None


def alike() -> Made:
    w, other, v = Value(2.0, "w"), Value(3.0, "w"), Value(1.5, "v2")
    return (w * w + other).tanh() * v, None


def taken() -> Made:
    first, second = (Value(2.0, "L") * 3.0).sin(), (Value(2.0, "v1") * 3.0).sin()
    first.label = second.label = "e"
    return first + second, None


def own_letters() -> Made:
    w, x = Value(0.5, "layers.0.neurons.0.weights.0"), Value(2.0, "x")
    z = w * x
    e = (z - 1.0) ** 2
    return e, {w: "omega", "x": "xi_1", z: "s", e: "E"}


GRAPHS: list[Callable[[], Made]] = [
    plain, network, traced, samples, decayed, two_networks, unlabeled, alike, taken, own_letters,
]  # fmt: skip


def names_in(expression: Expression) -> Iterator[Name]:
    """The names in a tree, without those in which an index is a letter."""
    stack = [expression]
    while stack:
        node = stack.pop()
        stack += node.parts
        for datum in node.datum if isinstance(node.datum, tuple) else (node.datum,):
            if isinstance(datum, Name):
                yield datum


@pytest.mark.parametrize("make", GRAPHS)
def test_every_view_calls_a_node_the_same(make: Callable[[], Made]) -> None:
    root, own = make()
    order = graph.topological(root)
    names = names_of(root, own)
    called = {node: names.text(node) for node in order}
    leaves = [node for node in order if not node.parents and node.op != "constant"]
    dependent = [leaf for leaf in leaves if autograd.grad(root, [leaf])[0]]
    top = called[root]

    drawing = autograd.draw(root, names=own, engine="builtin", fold=None)
    for box in drawing.picture.boxes:
        node = order[box.nodes[0]]
        shown = called[node] if node.op != "constant" or names.given(node) else ""
        assert box.title == autograd.text.shortened(shown, 30)
        assert node.op == "constant" or box.tooltip.startswith(f"{node.label or called[node]}: ")

    stepper = autograd.stepper(root, names=own)
    assert stepper.names == list(called.values())
    for frame in autograd.steps(root, names=own):
        if frame.value is not None:
            assert frame.subject in (called[frame.value], f"∂{top}/∂{called[frame.value]}")

    for leaf in leaves:
        gradient = f"∂{top}/∂{called[leaf]}"
        ledger = autograd.ledger(root, leaf, names=own)
        assert str(ledger).startswith(f"{gradient} = ") and str(ledger.by("neuron")).startswith(f"{gradient} by ")
        for path in ledger.paths:
            assert ledger.describe(path).startswith(f"{called[leaf]} → ")
            assert ledger.describe(path).endswith(f" → {top}")
        derivation = autograd.derivation(root, leaf, names=own)
        assert derivation.lines[-1].left is None or f"{gradient} = " in str(derivation)
        known = set(names.values()) | {name.of_sample(None) for name in names.values()}
        for line in derivation.lines:
            if not line.condition and line.section == "Chain rule":
                for name in (name for part in (line.left, line.right) if part for name in names_in(part)):
                    letters = [i for i in (*name.upper, *name.lower, name.sample) if isinstance(i, str)]
                    assert letters or name in known or name.base == "ŷ"  # a share that is not a node of its own
        assert f"with respect to {called[leaf]} is" in str(autograd.diagnose(root, leaf, 12.345, names=own))
        assert str(contribution(root, leaf, names=own)).startswith(f"{called[leaf]}: its value is ")

    formula = autograd.formula(root, names=own)
    assert {names[leaf].identifier() for leaf in formula.variables.values()} <= set(formula.variables)
    assert set(formula.variables.values()) >= {leaf for leaf in leaves if names.given(leaf)}

    report = autograd.gradcheck(root, leaves, raise_exception=False, names=own)
    assert [row.label for row in report.rows] == [called[leaf] for leaf in leaves]
    certificate = autograd.certify(root, names=own)
    assert [row.name for row in certificate.gradients] == [f"∂{top}/∂{called[leaf]}" for leaf in leaves]

    record = TrainingLedger(dependent, lr=0.1, names=own)
    record.step(root)
    for leaf in dependent:
        assert str(record.by("step", leaf)).startswith(f"{called[leaf]} moved by ")


def differ(names: Names) -> None:
    """No two nodes have the same name, save constants of the same number."""
    bearers: dict[str, Value] = {}
    for node in names:
        other = bearers.setdefault(names.text(node), node)
        assert other is node or (other.op == node.op == "constant" and autograd.text.number(other.data))


@pytest.mark.parametrize("make", GRAPHS)
def test_no_two_nodes_have_the_same_name(make: Callable[[], Made]) -> None:
    root, own = make()
    names = names_of(root, own)
    differ(names)
    for name in names.values():
        ElementTree.fromstring(f"<math>{name.mathml()}</math>")
        assert name.latex().count("{") == name.latex().count("}") and name.identifier().isidentifier()


@settings(max_examples=50)
@given(graphs(most=20))
def test_names_of_any_graph_differ(made: tuple[Value, list[Value]]) -> None:
    root, _ = made
    names = names_of(root)
    differ(names)
    numbered = [names.text(node) for node in names if not node.label and node.op != "constant" and node is not root]
    assert numbered == [Name("v", (), (i,)).plain() for i in range(1, len(numbered) + 1)]


def test_the_rules_one_after_the_other() -> None:
    w, x, c = Value(2.0, "w1"), Value(3.0), Value(4.0, "c")
    hidden = w * x
    root = (hidden + c) * 2.0
    assert [name.plain() for name in names_of(root).values()] == ["w₁", "v₁", "v₂", "c", "v₃", "2", "L"]
    own = names_of(root, {w: "theta_{3,12}", "c": "c'", hidden: "y_hat", root: "J"})
    assert [name.plain() for name in own.values()] == ["θ₃,₁₂", "v₁", "ŷ", "c′", "v₂", "2", "J"]
    assert own[w].latex() == r"\theta_{3,12}" and own[root] == Name("J")
    assert names_of(root, own) is own


def test_several_roots_are_named_together() -> None:
    x = Value(1.0, "x")
    names = names_of([x.sin(), x.cos()])
    assert [name.plain() for name in names.values()] == ["x", "v₁", "v₂"]
    assert [box.title for box in autograd.draw([x.sin(), x.cos()]).picture.boxes] == ["x", "v₁", "v₂"]


def test_neurons_of_one_network_are_told_apart_by_sample_and_those_of_two_by_a_prime() -> None:
    root, _ = samples()
    texts = [name.plain() for name in names_of(root).values()]
    assert {"z¹⁽¹⁾₁", "a¹⁽³⁾₂", "ŷ⁽²⁾", "x⁽¹⁾₁", "w²₁₂"} <= set(texts)
    root, _ = two_networks()
    texts = [name.plain() for name in names_of(root).values()]
    assert {"w¹₁₁", "w′¹₁₁", "a′¹₂", "ŷ", "ŷ′"} <= set(texts) and "⁽" not in "".join(texts)


def test_weight_decay_is_not_an_evaluation_of_a_neuron() -> None:
    root, _ = decayed()
    names = names_of(root)
    assert not names.structure.several and len(names.structure.neurons) == 3
    assert not any(re.search("x", name.plain()) for node, name in names.items() if node.data == 0.01)


def test_user_letters_do_not_hide_the_network() -> None:
    model = nn.MLP(2, [2, 1], "tanh", seed=1)
    loss = (model([1.0, 2.0]) - 1.0) ** 2
    weight = model.layers[0].neurons[0].weights[0]
    names = names_of(loss, {weight: "omega", loss: "E"})
    assert len(names.structure.neurons) == 3 and names.text(weight) == "ω"
    assert {"z¹₁", "a¹₂", "ŷ", "E"} <= {name.plain() for name in names.values()}


@pytest.mark.parametrize("names", [["w"], {1: "w"}, {"w": 2.0}, {"w": " "}])
def test_names_that_are_no_mapping_of_names_are_refused(names: Any) -> None:
    with pytest.raises(TypeError, match="names="):
        names_of(Value(1.0, "w") * 2.0, names)


@pytest.mark.parametrize(
    ("label", "place"),
    [
        ("layers.0.neurons.3.weights.1", ("", 1, 4, 2, "w")),
        ("critic.layers.1.neurons.0.bias", ("critic.", 2, 1, 0, "b")),
        ("neurons.2.weights.0", ("", 0, 3, 1, "w")),
        ("layers.1.neurons.0.z", ("", 2, 1, 0, "z")),
        ("bias", ("", 0, 0, 0, "b")),
        ("z", None), ("weights", None), ("layers.0", None), ("x.1", None), ("weights.x", None),
    ],
)  # fmt: skip
def test_places(label: str, place: tuple[Any, ...] | None) -> None:
    assert place_of(label) == place


def test_a_long_label_keeps_its_ends() -> None:
    name = name_of("the first of many words and so on until the very last of them, number 17")
    assert len(name.plain()) == 48 and name.plain().endswith("number 17") and name.plain().startswith("the first of")


def test_the_network_drawing_uses_the_same_names() -> None:
    model = nn.MLP(2, [3, 2], "tanh", seed=1)
    svg = nn.draw_network(model, [1.0, 2.0]).svg()
    names = names_of(sum(model([1.0, 2.0])))
    weight = model.layers[0].neurons[2].weights[1]
    assert names.text(weight) == "w¹₃₂" and f"<title>w¹₃₂ = {autograd.text.number(weight.data, 6)}" in svg
    for symbol in ("x₂", "a¹₃", "ŷ₁"):
        assert f"<title>{symbol} = " in svg and symbol in {name.plain() for name in names.values()}


LETTERS = {
    "lecture A": "W¹₂₁ b¹₂ hᵃ₂ hˢ₂ W²₃₂ oᵃ₃ oˢ₃ L",
    "lecture B": "Ω¹₁₂ β¹₂ ζ¹₂ α¹₂ Ω²₂₃ ζ²₃ ρ̂₃ C",
    "lecture C": "w¹₂₁ b¹₂ z¹₂ a¹₂ w²₃₂ z²₃ ŷ₃ e",
    "lecture D": "W_I12 b_I2 z_I2 h₂ W_O23 z_O3 ŷ₃ L",
    "lecture E": "w⁽⁰⁾₂₁ b⁽⁰⁾₂ z⁽¹⁾₂ x⁽¹⁾₂ w⁽¹⁾₃₂ z⁽²⁾₃ f₃ L",
}


@pytest.mark.parametrize("lecture", LETTERS)
def test_the_letters_of_a_lecture(lecture: str) -> None:
    model = nn.MLP(2, [2, 3], "tanh", "softmax", seed=1)
    root = nn.log_loss(nn.trace(model, [0.5, -1.0]), 2)
    called = names_of(root, lecture)
    node = {value.label: value for value in called if value.label}
    labels = ("0.neurons.1.weights.0", "0.neurons.1.bias", "0.neurons.1.z", "0.neurons.1.a", "1.neurons.2.weights.1",
              "1.neurons.2.z", "1.neurons.2.a")  # fmt: skip
    shown = [called.text(node[f"layers.{label}"]) for label in labels] + [called.text(root)]
    assert " ".join(shown) == LETTERS[lecture]
    assert len(set(map(called.text, called))) == len({*called}), "no two nodes have the same name"
    weight = node["layers.0.neurons.1.weights.0"]
    first = LETTERS[lecture].split()[0]
    for text in (
        str(autograd.derivation(root, weight, lecture)), str(autograd.ledger(root, weight, names=lecture)),
        autograd.draw(root, names=lecture).svg(), "".join(map(str, autograd.steps(root, names=lecture))),
    ):  # fmt: skip
        assert first in text or first.replace("_", "") in re.sub("<[^>]*>", "", text)


def test_logits_keep_the_letter_of_a_net_input() -> None:
    model = nn.MLP(2, [2, 3], "tanh", seed=1)
    root = nn.cross_entropy(nn.trace(model, [0.5, -1.0]), 2)
    text = str(autograd.derivation(root, model.layers[1].neurons[0].weights[0], "lecture A"))
    assert "∂L/∂W²₁₁ = ∂L/∂oᵃ₁ · ∂oᵃ₁/∂W²₁₁" in text and "= oˢ₁ · hˢ₁" in text
    assert "oˢ₁ = exp(oᵃ₁) / (Σᵢ₌₁³ exp(oᵃᵢ))" in text


def test_letters_that_do_not_exist_or_do_not_suffice() -> None:
    model = nn.MLP(2, [2, 2, 1], "tanh", seed=1)
    root = nn.mse_loss(nn.trace(model, [0.5, -1.0]), 1.0)
    with pytest.raises(ValueError, match=r"knows the letters of lecture A, .*, not of 'lecture F'"):
        names_of(root, "lecture F")
    with pytest.raises(ValueError, match="writes networks of 2 layers, and this one has 3"):
        names_of(root, "lecture D")
