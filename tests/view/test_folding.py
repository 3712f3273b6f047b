"""Folding: many nodes drawn as one box, by layer, by neuron, or because there are too many."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import labelled_network

from autograd import Value, draw, graph, text
from autograd.notation.naming import names_of
from autograd.view.folding import FEW, grouping, prefix


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
    assert "folded by layer" in network.source


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
