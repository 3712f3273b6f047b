"""The built-in layered layout: every node and edge once, nothing overlaps, ranks follow the edges."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.view import layered
from autograd.view.labels import place_labels
from autograd.view.layout import crossings, spaced


@st.composite
def graphs(draw):
    """A random directed acyclic graph with repeated edges and boxes of various sizes."""
    count = draw(st.integers(1, 30))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda p: p[0] < p[1])
    edges = draw(st.lists(pair, max_size=60)) if count > 1 else []
    side = st.floats(1, 200)
    return count, edges, {i: draw(st.tuples(side, side)) for i in range(count)}


def box(layout, sizes, i):
    (x, y), (wide, high) = layout.positions[i], sizes[i]
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def overlapping(a, b, slack=1e-6):
    return min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack


def overlaps(layout, sizes):
    boxes = [box(layout, sizes, i) for i in layout.positions]
    return sum(overlapping(a, b) for a, b in itertools.combinations(boxes, 2))


@settings(deadline=None, max_examples=150)
@given(graphs(), st.sampled_from(["LR", "RL", "TB", "BT"]))
def test_every_node_and_edge_is_placed_once_and_no_boxes_overlap(graph, rankdir):
    count, edges, sizes = graph
    layout = layered(range(count), edges, sizes, rankdir, [(20.0, 12.0)] * len(edges))
    assert list(layout.positions) == list(range(count))
    assert len(layout.routes) == len(layout.labels) == len(edges)
    assert overlaps(layout, sizes) == 0
    axis, sense = (0, 1) if rankdir in ("LR", "RL") else (1, 1)
    sense = 1 if rankdir in ("LR", "TB") else -1
    for (tail, head), route in zip(edges, layout.routes):
        assert len(route) % 3 == 1 and len(route) >= 4
        start, end = box(layout, sizes, tail), box(layout, sizes, head)
        out, into = (axis + 2, axis) if sense == 1 else (axis, axis + 2)
        assert math.isclose(route[0][axis], start[out], abs_tol=1e-6)  # from the side of the tail …
        assert math.isclose(route[-1][axis], end[into], abs_tol=1e-6)  # … to the side of the head
        assert (end[into] - start[out]) * sense > 0  # ranks follow the edges
        assert math.isclose(route[-1][1 - axis], layout.positions[head][1 - axis], abs_tol=1e-6)
    wide, high = layout.size
    for i in range(count):
        left, top, right, bottom = box(layout, sizes, i)
        assert left > -1e-6 and top > -1e-6 and right < wide + 1e-6 and bottom < high + 1e-6


@settings(deadline=None, max_examples=60)
@given(graphs())
def test_the_same_graph_gives_the_same_layout(graph):
    count, edges, sizes = graph
    assert layered(range(count), edges, sizes) == layered(range(count), edges, sizes)


def test_the_overlap_checker_finds_an_overlap():
    sizes = {0: (10.0, 10.0), 1: (10.0, 10.0)}
    layout = layered([0, 1], [], sizes)._replace(positions={0: (5.0, 5.0), 1: (9.0, 9.0)})
    assert overlaps(layout, sizes) == 1


@settings(deadline=None, max_examples=60)
@given(graphs())
def test_long_edges_keep_clear_of_boxes(graph):
    count, edges, sizes = graph
    layout = layered(range(count), edges, sizes)
    for (tail, head), route in zip(edges, layout.routes):
        others = [box(layout, sizes, i) for i in range(count) if i not in (tail, head)]
        inner = [(left + 2, top + 2, right - 2, bottom - 2) for left, top, right, bottom in others]
        for a, b, c, d in (route[i : i + 4] for i in range(0, len(route) - 3, 3)):
            for n in range(11):
                t = n / 10
                x, y = (
                    (1 - t) ** 3 * a[k] + 3 * (1 - t) ** 2 * t * b[k] + 3 * (1 - t) * t * t * c[k] + t**3 * d[k]
                    for k in (0, 1)
                )
                assert not any(left < x < right and top < y < bottom for left, top, right, bottom in inner)


def test_a_chain_lies_on_one_line():
    sizes = dict.fromkeys(range(5), (40.0, 20.0))
    layout = layered(range(5), [(i, i + 1) for i in range(4)], sizes)
    assert len({y for _, y in layout.positions.values()}) == 1
    xs = [x for x, _ in layout.positions.values()]
    assert xs == sorted(xs)
    assert all(y == layout.positions[0][1] for route in layout.routes for _, y in route)


def test_crossings_that_can_be_avoided_are_avoided():
    # listed so that the natural order crosses every pair of edges
    edges = [(i, 9 - i) for i in range(5)]
    layout = layered(range(10), edges, dict.fromkeys(range(10), (30.0, 20.0)))
    left = sorted(range(5), key=lambda i: layout.positions[i][1])
    right = sorted(range(5), key=lambda i: layout.positions[9 - i][1])
    assert left == right


def test_crossings_are_counted():
    assert crossings([[0, 1], [2, 3]], [[3], [2], [], []], [0.0, 1.0, 0.0, 1.0]) == 1
    assert crossings([[0, 1], [2, 3]], [[2], [3], [], []], [0.0, 1.0, 0.0, 1.0]) == 0


def test_repeated_edges_run_apart():
    sizes = {"x": (40.0, 20.0), "y": (40.0, 20.0)}
    layout = layered(["x", "y"], [("x", "y"), ("x", "y")], sizes, labels=[(20.0, 12.0)] * 2)
    assert layout.routes[0] != layout.routes[1]
    assert layout.labels[0][1] != layout.labels[1][1]


def test_a_leaf_stands_beside_its_first_consumer():
    edges = [(0, 1), (1, 2), (2, 3), (4, 3)]
    layout = layered(range(5), edges, dict.fromkeys(range(5), (30.0, 20.0)))
    assert layout.positions[4][0] == layout.positions[2][0]


def test_edges_so_long_that_bends_would_be_too_many_are_drawn_without():
    count = 3000
    edges = [(i, i + 1) for i in range(count - 1)] + [(0, i) for i in range(5, count, 3)]
    layout = layered(range(count), edges, dict.fromkeys(range(count), (10.0, 10.0)))
    assert len(layout.routes) == len(edges)
    assert sum(map(len, layout.routes)) < 20 * count


def test_no_nodes_and_one_node():
    assert layered([], [], {}) == ({}, [], [], (0.0, 0.0))
    assert layered(["only"], [], {"only": (30.0, 20.0)}).positions == {"only": (15.0, 10.0)}


def test_bad_input_is_refused_with_the_reason():
    sizes = {0: (1.0, 1.0), 1: (1.0, 1.0)}
    with pytest.raises(ValueError, match="without cycles"):
        layered([0, 1], [(0, 1), (1, 0)], sizes)
    with pytest.raises(ValueError, match="LR, RL, TB or BT"):
        layered([0, 1], [(0, 1)], sizes, "left")
    with pytest.raises(KeyError):
        layered([0, 1], [(0, 7)], sizes)


@settings(deadline=None)
@given(st.lists(st.floats(-1000, 1000), max_size=30), st.floats(0, 50))
def test_spaced_keeps_order_and_distance_and_moves_nothing_without_need(wanted, step):
    offsets = [i * step for i in range(len(wanted))]
    places = spaced(wanted, offsets)
    assert all(b - a >= step - 1e-6 for a, b in itertools.pairwise(places))
    if all(b - a >= step for a, b in itertools.pairwise(wanted)):
        assert places == pytest.approx(wanted, abs=1e-9)
    assert sum(places) == pytest.approx(sum(wanted), abs=1e-6)  # the mean stays


def test_labels_avoid_boxes_and_each_other():
    straight = [(0.0, 0.0), (30.0, 0.0), (60.0, 0.0), (90.0, 0.0)]
    blocked = (35.0, -10.0, 60.0, 10.0)
    (x, y), *others = place_labels([straight, straight], [(20.0, 10.0)] * 2, [(0, 1), (0, 1)], [blocked])
    assert y == 0 and (x + 10 <= 35 or x - 10 >= 60)
    assert abs(others[0][0] - x) >= 20
