"""Walking graphs: order, leaves, consumers, counts, and recomputing after an edit."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value, graph


def test_the_order_is_that_of_a_reader() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    product = a * b
    total = product + c
    root = total * product
    assert graph.topological(root) == [a, b, product, c, total, root]
    assert graph.topological(a) == [a]
    assert graph.topological([total, product, c]) == [a, b, product, c, total]
    assert graph.topological([c, total]) == [c, a, b, product, total]
    assert graph.topological([]) == []


@given(st.integers(0, 2**32), st.integers(5, 60))
def test_parents_come_before_children_each_node_once(seed: int, size: int) -> None:
    rng = random.Random(seed)
    nodes = [Value(rng.uniform(-1, 1)) for _ in range(3)]
    for _ in range(size):
        nodes.append(rng.choice(nodes) * rng.choice(nodes) if rng.random() < 0.7 else rng.choice(nodes).sin())
    roots = rng.sample(nodes, 3)
    order = graph.topological(roots)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[parent] < place[node] for node in order for parent in node.parents)
    assert set(roots) <= set(order)


def test_leaves_and_constants() -> None:
    a, b = Value(1.0), Value(2.0)
    root = a * 3.0 + b + a
    assert graph.leaves(root) == [a, b]
    assert [n.data for n in graph.leaves(root, constants=True)] == [1.0, 3.0, 2.0]


def test_consumers() -> None:
    x = Value(2.0)
    product = x * x
    root = product + x
    assert graph.consumers(root) == {x: [(product, 0), (product, 1), (root, 1)], product: [(root, 0)], root: []}


def test_counts() -> None:
    x, y = Value(2.0), Value(3.0)
    root = (x * y + 1.0).tanh()
    assert graph.counts(root) == (6, 5, 2, 1, 3, 3)
    assert graph.counts(x) == (1, 0, 1, 0, 0, 0) and graph.counts([]) == (0, 0, 0, 0, 0, 0)
    assert graph.counts(autograd.dot([x, y], [y, x])).edges == 4


def test_edited_leaves() -> None:
    w, x = Value(0.5, "w"), Value(3.0)
    loss = ((w * x).tanh() - 1.0) ** 2
    loss.backward()
    old = w.grad
    w.data = 0.3
    assert graph.forward(loss) == loss.data == pytest.approx((math.tanh(0.9) - 1) ** 2, rel=1e-15)
    assert w.grad == old  # until the next pass
    w.grad = 0.0
    loss.backward()
    fresh = Value(0.3)
    ((fresh * 3.0).tanh() - 1.0).__pow__(2).backward()
    assert w.grad == fresh.grad


def test_forward_of_several_roots() -> None:
    x = Value(1.0)
    roots = [x * 2, x.exp()]
    x.data = 3.0
    assert graph.forward(roots) == [6.0, math.exp(3.0)]


def test_forward_keeps_ieee_results_and_every_kind_of_operation() -> None:
    x = Value(1.0)
    roots = [1 / x, x.log(), autograd.where(x, x, 2.0), autograd.mean([x, 2.0]), autograd.softmax([x, 1.0])[0], -x]
    x.data = 0.0
    assert graph.forward(roots) == [math.inf, -math.inf, 2.0, 1.0, 1 / (1 + math.e), 0.0]


def test_what_is_no_graph_is_refused() -> None:
    for wrong in (3.0, "x", None):
        with pytest.raises(TypeError, match="a graph is given by its root, a Value"):
            graph.topological(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got float: '6.0'\. Was the result computed from plain numbers only"):
        graph.topological([Value(1.0), 6.0])  # type: ignore[list-item]


def test_a_node_in_words() -> None:
    x, y = Value(2.0, "x"), Value(3.0)
    assert graph.describe(x) == "the leaf x = 2.0" and graph.describe(y) == "the leaf without a label = 3.0"
    node = x * y
    assert graph.describe(node) == "mul(x = 2.0, 3.0) = 6.0"
    node.label, node.source = "area", ("nowhere.py", 3)
    assert graph.describe(node) == "mul(x = 2.0, 3.0) = 6.0 (label 'area'), made at nowhere.py:3"
    assert graph.describe(autograd.mean([x] * 6)) == f"mean({', '.join(['x = 2.0'] * 6)}) = 2.0"
    assert graph.describe(autograd.mean([y] * 7)) == f"mean({', '.join(['3.0'] * 6)}, …) = 3.0"
    assert graph.place((__file__, 1)).startswith(f'{__file__}:1: """Walking graphs')


def test_deep_and_wide_graphs() -> None:
    x = Value(1.0)
    node = x
    for _ in range(100_000):
        node = node * 1.0
    assert graph.counts(node) == (200_001, 200_000, 1, 100_000, 100_000, 100_000)
    x.data = 2.0
    assert graph.forward(node) == 2.0
    assert graph.counts(sum([x] * 1_000)).edges == 2_000  # type: ignore[arg-type]
