"""Folding: many nodes drawn as one box, by layer, by neuron, or because there are too many."""

import math
import re

import pytest
from drawn import SHEET
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import labelled_network

from autograd import Value, draw, graph, text
from autograd.notation.naming import names_of
from autograd.view.drawing import AUTO, SLIDE
from autograd.view.folding import FEW, grouping, prefix
from autograd.view.unfolding import inside


def test_prefixes_of_labels():
    assert prefix("layers.0.neurons.3.weights.1", "layer") == "layers.0"
    assert prefix("layers.0.neurons.3.weights.1", "neuron") == "layers.0.neurons.3"
    assert prefix("layers.0.neurons.3.bias", "neuron") == "layers.0.neurons.3"
    assert prefix("encoder.layers.2.neurons.0.bias", "layer") == "encoder.layers.2"
    assert prefix("first.weights.4", "neuron") == "first"
    assert prefix("weights.4", "layer") == prefix("x", "layer") == prefix("", "layer") == prefix("1.2", "layer") == ""


def test_a_network_folded_by_layer_says_what_each_box_stands_for():
    loss = labelled_network()
    loss.backward()
    drawing = draw(loss, fold="layer")
    groups = {box.title: dict(box.rows) for box in drawing.picture.boxes if box.kind == "group"}
    assert sorted(groups) == ["layer 1", "layer 2"]
    parameters = [leaf for leaf in graph.leaves(loss) if leaf.label.startswith("layers.0")]
    row = {caption: value.strip("\u00a0") for caption, value in groups["layer 1"].items()}
    assert row["parameters"] == "9"
    assert row["nodes"] == str(9 + 3 * (2 + 2 + 1))  # parameters; products, sums and tanh of three neurons
    assert row["‖grad‖"] == text.number(math.hypot(*(p.grad for p in parameters)))
    assert row["Σ grad"] == text.number(sum(p.grad for p in parameters))
    shown = {box.title or box.sign for box in drawing.picture.boxes if box.kind != "group"}
    assert shown == {"x₁", "x₂", "", "v₁₅", "loss"}  # the loss is in no layer
    assert len(draw(loss, fold="neuron").picture.boxes) == len(shown) + 1 + 4  # two constants; four neurons


def test_folding_loses_no_node_and_no_edge():
    loss = labelled_network((2, 4, 4, 1))
    order = graph.topological(loss)
    place = {node: k for k, node in enumerate(order)}
    for options in ({"fold": "layer"}, {"fold": "neuron"}, {"max_nodes": 7}, {"max_nodes": 1}):
        drawing = draw(loss, **options)
        assert sorted(k for box in drawing.picture.boxes for k in box.nodes) == list(range(len(order)))
        svg = drawing.svg()
        ids = set(re.findall(r' id="([^"]+)"', svg))
        inside = 0
        for k, node in enumerate(order):
            assert drawing.element(k) in ids
            for position, parent in enumerate(node.parents):
                shown = drawing.edge_element(k, position)
                inside += not shown
                assert shown in ids or drawing.element(place[parent]) == drawing.element(k)
        assert inside > 0
    with pytest.raises(IndexError, match="counted from 0"):
        drawing.element(10_000)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_folded_graphs_have_no_cycles(data):
    # layers used again and again, in any order: folding them naively would give cycles
    weights = [Value(1.0, f"layers.{i}.neurons.0.weights.0") for i in range(3)]
    nodes = [Value(1.0, "x")]
    for _ in range(data.draw(st.integers(1, 40))):
        a, b = data.draw(st.sampled_from(nodes)), data.draw(st.sampled_from(nodes))
        nodes.append(data.draw(st.sampled_from([a + b, a.tanh(), data.draw(st.sampled_from(weights)) * a])))
    limit = data.draw(st.integers(1, 50))
    drawing = draw(
        nodes[-1], fold=data.draw(st.sampled_from(["layer", "neuron", None])), engine="builtin", max_nodes=limit
    )
    drawing.svg()  # the layout refuses cycles
    assert len(drawing.picture.boxes) <= max(limit, 2)


def test_a_graph_beyond_max_nodes_is_folded_or_cut_and_says_so():
    x = Value(0.5, "x")
    for _ in range(100):
        x = x.sin()
    drawing = draw(x, max_nodes=10)
    assert len(drawing.picture.boxes) == 10
    assert "92 of 101 nodes, those farthest from the root" in drawing.source
    assert "… 92 more nodes" in drawing.source
    network = draw(labelled_network((2, 8, 8, 1)), max_nodes=30)
    assert "folded by neuron" in network.source
    assert "folded by layer" in draw(labelled_network((2, 8, 8, 1)), fold=None, max_nodes=30).source


def test_folding_without_labels_says_that_there_is_nothing_to_fold():
    assert "nothing to fold by layer" in draw(Value(2.0).tanh(), fold="layer").source


def test_a_small_graph_is_not_grouped():
    y = Value(2.0).tanh()
    assert grouping(graph.topological(y), None, 100, names_of(y)) == (None, [])


def test_many_nodes_outside_all_layers_stand_in_boxes_before_and_after():
    inputs = [Value(float(i), f"x{i}") for i in range(20)]
    total = Value(1.0, "layers.0.neurons.0.weights.0") * sum(inputs)
    for _ in range(20):
        total = total * total
    titles = [box.title for box in draw(total, fold="layer").picture.boxes]
    assert titles == ["layer 1", "inputs", "other operations", "L"]


def box_of(root, node, fold="layer"):
    """The title of the box in which a node stands; empty if it has one of its own."""
    order = graph.topological(root)
    groups, _ = grouping(order, fold, 10_000, names_of(root))
    assert groups is not None
    of = groups.of[[other is node for other in order].index(True)]
    return groups.names[of] if of >= 0 else ""


def test_a_constant_goes_into_the_box_that_alone_uses_it():
    first, second = Value(0.5, "layers.0.neurons.0.weights.0"), Value(2.0, "layers.1.neurons.0.weights.0")
    a, b = first * 3.0, first * 2.0
    alone, both = a.parents[1], b.parents[1]
    root = (second * (a + b).tanh() + second * both).tanh() * 0.5
    assert box_of(root, a) == box_of(root, alone) == "layer 1"
    assert box_of(root, both) == "" and box_of(root, second) == "layer 2"


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_single_node_before_all_layers_needs_no_box(inputs):
    xs = [Value(0.1 * i, f"x{i}") for i in range(inputs)]
    w = Value(0.5, "layers.0.neurons.0.weights.0")
    y = sum((w * x for x in xs), Value(0.0)).tanh()
    for _ in range(FEW + 2):
        y = y.sin()
    root = y.exp()
    titles = [box_of(root, x) for x in xs]
    assert titles == (["inputs", "inputs"] if inputs == 2 else [""])
    assert box_of(root, y) == "other operations" and box_of(root, w) == "layer 1"


# ---- by itself --------------------------------------------------------------------------------------------------


def size(drawing):
    return tuple(map(int, re.search(r'<svg [^>]*width="(\d+)" height="(\d+)"', drawing.svg()).groups()))


def test_up_to_sixty_nodes_are_all_drawn():
    x = Value(0.5, "x")
    for _ in range(AUTO - 1):
        x = x.sin()
    assert len(draw(x).picture.boxes) == AUTO and not draw(x).picture.notes[1:]
    assert len(draw(x.sin(), max_nodes=AUTO + 1).picture.boxes) == AUTO + 1
    assert "more nodes" in draw(x.sin()).source


@pytest.mark.parametrize("name", ["4-8-3", "2-16-16-1", "2-16-16-1 by hand"])
@pytest.mark.parametrize("engine", ["auto", "builtin"])
def test_a_network_folds_itself_so_that_it_fits_on_a_slide_with_text_of_nine_points(name, engine):
    root = SHEET[name]()
    root.backward()
    drawing = draw(root, engine=engine)
    wide, high = size(drawing)
    assert wide <= SLIDE[0] and high <= SLIDE[1]
    smallest = min(map(float, re.findall(r'font-size="([\d.]+)"', drawing.svg())))
    slide_in_points = 960  # 13 1/3 inches
    assert smallest * slide_in_points / SLIDE[0] >= 9
    assert "folded by neuron" in drawing.source


def test_a_network_too_wide_for_a_slide_folds_by_layer():
    drawing = draw(labelled_network((2, 40, 1)))
    assert "folded by layer" in drawing.source
    wide, high = size(drawing)
    assert wide <= SLIDE[0] and high <= SLIDE[1]


@pytest.mark.parametrize("fold", [None, False])
def test_nothing_folds_where_that_was_asked_for(fold):
    root = labelled_network((2, 16, 16, 1))
    drawing = draw(root, fold=fold)
    assert len(drawing.picture.boxes) == drawing.picture.nodes == 984


def test_a_chain_of_sums_becomes_one_box():
    weights, inputs = [[Value(i / 10, f"{letter}{i}") for i in range(1, 31)] for letter in "wx"]
    total = Value(0.5, "b")
    for w, x in zip(weights, inputs):
        total = total + w * x
    root = total.tanh()
    root.backward()
    drawing = draw(root, fold="sum")
    (group,) = (box for box in drawing.picture.boxes if box.kind == "group")
    assert len(group.nodes) == 60 and group.sign == "Σ" and group.beside
    assert group.title == names_of(root).text(total)
    rows = {caption: value.strip("\u00a0") for caption, value in group.rows}
    assert rows == {"value": text.number(total.data), "grad": text.number(total.grad)}
    slopes = {wire.tail: wire.label for wire in drawing.picture.wires}
    boxes = {box.title: i for i, box in enumerate(drawing.picture.boxes)}
    assert slopes[boxes["w₃₀"]] == "3" and slopes[boxes["b"]] == "1"  # what the sum's slopes are: those of its products
    assert drawing.picture.notes == ["122 nodes, sums folded"]
    assert "there is no sum of several terms" in draw(Value(1.0).sin(), fold="sum").source


def test_what_is_named_or_used_twice_stays_outside_a_sum():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    product, twice = x * y, y * y
    product.label = "p"
    root = product + twice + x * x + twice.sin()
    groups = [box for box in draw(root, fold="sum").picture.boxes if box.kind == "group"]
    order = graph.topological(root)
    assert [[order[k].op for k in group.nodes] for group in groups] == [["add", "mul", "add", "add"]]
    assert order[groups[0].nodes[1]].parents == (x, x)


def test_a_neuron_shows_its_activation_and_the_gradient_of_it():
    loss = labelled_network()
    loss.backward()
    names = names_of(loss)
    activations = {names.text(node): node for node in graph.topological(loss) if node.op == "tanh"}
    shown = {box.title: box for box in draw(loss, fold="neuron").picture.boxes if box.kind == "group"}
    assert set(shown) == set(activations)
    for name, node in activations.items():
        rows = {caption: value.strip("\u00a0") for caption, value in shown[name].rows}
        assert rows == {"value": text.number(node.data), "grad": text.number(node.grad)}
        assert f"neuron {name}: nodes" in shown[name].tooltip and "parameters" in shown[name].tooltip


def test_neurons_of_a_layer_keep_their_order_and_stand_one_below_the_other():
    drawing = draw(labelled_network((2, 8, 8, 1)), fold="neuron")
    assert drawing.engine == "builtin"
    places = drawing._place()[0].positions
    for layer in ("¹", "²"):
        column = [
            (places[i], box.size[0]) for i, box in enumerate(drawing.picture.boxes) if box.title.startswith(f"a{layer}")
        ]
        assert len(column) == 8 and [y for (_, y), _ in column] == sorted(y for (_, y), _ in column)
        assert len({(round(x, 6), wide) for (x, _), wide in column}) == 1


def derivative(wire):
    return float(re.search(r"(?:local derivative|together) ([-\d.e]+)", wire.tooltip)[1])


@pytest.mark.parametrize("fold", ["sum", "neuron", None])
@pytest.mark.parametrize("name", ["4-8-3", "2-3-1 by hand", "60 steps"])
def test_the_chain_rule_holds_between_the_boxes(name, fold):
    root = SHEET[name]()
    root.backward()
    order = graph.topological(root)
    drawing = draw(root, fold=fold, max_nodes=1000)
    index = {node: k for k, node in enumerate(order)}
    outside = {
        index[p] for k, node in enumerate(order) for p in node.parents if drawing.edge_element(k, node.parents.index(p))
    }
    result = [next((order[k] for k in box.nodes if k in outside), root) for box in drawing.picture.boxes]
    gains = [float(node is root) for node in result]
    for wire in drawing.picture.wires:
        if not wire.constant:
            gains[wire.tail] += derivative(wire) * result[wire.head].grad
    for node, gain in zip(result, gains):
        if node.op != "constant":
            assert gain == pytest.approx(node.grad, rel=1e-9, abs=1e-300)


def test_the_page_shows_a_wide_drawing_at_its_natural_size_in_a_frame_that_the_keyboard_can_scroll():
    html = draw(labelled_network(), engine="builtin").html()
    frame = re.match(r"<div ([^>]*)><img ([^>]*)/></div>", html)
    assert (
        'tabindex="0"' in frame[1] and "overflow-x:auto" in frame[1] and 'aria-label="Computational graph' in frame[1]
    )
    assert "max-width:none" in frame[2]


def test_the_page_holds_what_each_folded_box_stands_for():
    root = labelled_network((2, 8, 8, 1))
    root.backward()
    drawing = draw(root)
    whole = draw(root, fold=None).picture
    page = drawing.page()
    groups = [box for box in drawing.picture.boxes if box.kind == "group"]
    assert page.count("<section ") == len(groups) > 10 and drawing.html() in page
    for box in groups:
        part = inside(box, whole)
        assert {f"node-{k}" for k in box.nodes} <= {shown.id for shown in part.boxes}
        heads = {part.boxes[wire.head].id for wire in part.wires}
        assert heads <= {f"node-{k}" for k in box.nodes}  # nothing is shown of how the operands came about
        assert all(f'id="in-{box.id}-{shown.id}"' in page for shown in part.boxes)
    assert "<section " not in draw(root, fold=None).page()


def test_what_is_too_large_to_unfold_stays_folded(monkeypatch):
    monkeypatch.setattr("autograd.view.unfolding.MOST_NODES", 100)
    assert "<section " not in draw(labelled_network((2, 8, 8, 1))).page()


def test_edges_from_several_results_of_a_layer_are_counted_and_not_added_up():
    w = [Value(float(i + 1), f"layers.0.neurons.{i}.weights.0") for i in range(2)]
    x = Value(1.0, "x")
    drawing = draw((w[0] * x).tanh() - (w[1] * x).tanh(), fold="layer")
    assert sorted(wire.label for wire in drawing.picture.wires) == ["2 edges", "2 edges"]
