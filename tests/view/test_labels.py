"""No two texts of a drawing cover each other, whatever its size: where labels would collide, the strongest stay."""

import re

import pytest
from drawn import SHEET, overlapping, text_boxes

from autograd import Value, draw
from autograd.view import render
from autograd.view.labels import MOST, place_labels

NETWORKS = [name for name in SHEET if "-" in name]
CASES = [(name, None) for name in SHEET] + [(name, fold) for name in NETWORKS for fold in ("neuron", "layer")]
QUICK = [case for case in CASES if case[0] not in ("60 steps", "tangled")]  # dot takes from seconds to minutes there
has_dot = pytest.mark.skipif("dot" not in render.available(), reason="the program dot is not on PATH")


@pytest.fixture(scope="module")
def roots():
    made = {name: make() for name, make in SHEET.items()}
    for root in made.values():
        root.backward()
    return made


@pytest.mark.parametrize(("name", "fold"), CASES)
def test_no_two_texts_overlap(roots, name, fold):
    drawing = draw(roots[name], fold=fold, engine="builtin", max_nodes=10_000)
    assert overlapping(text_boxes(drawing.svg())) == []


@has_dot
@pytest.mark.parametrize(("name", "fold"), QUICK)
def test_no_two_texts_overlap_where_dot_chose_the_places(roots, name, fold):
    assert overlapping(text_boxes(draw(roots[name], fold=fold, engine="dot").svg())) == []


def test_the_measure_finds_an_overlap():
    at = '<svg xmlns="http://www.w3.org/2000/svg"><g transform="translate(9 {})"><text x="5" y="9">{}</text></g></svg>'
    one, near, far = (text_boxes(at.format(y, y)) for y in (0, 5, 30))
    assert overlapping(one + near) == [("0", "5")] and overlapping(one + far) == []


def test_labels_without_room_are_left_out_and_the_picture_says_so(roots):
    drawing = draw(roots["2-16-16-1"], fold="neuron", engine="builtin")
    svg = drawing.svg()
    shown = set(re.findall(r'data-edge="([^"]+)"', svg))
    labeled = sorted((wire for wire in drawing.picture.wires if wire.label), key=lambda wire: -wire.strength)
    assert 0 < len(shown) < len(labeled)
    assert {wire.id for wire in labeled[:20]} <= shown
    assert f"the {len(shown)} strongest of {len(labeled)} local derivatives are written" in svg
    assert "are written" not in draw(roots["expression"], engine="builtin").svg()


def test_what_is_highlighted_keeps_its_label(roots):
    root = roots["2-16-16-1"]
    path = [root]
    while path[-1].parents:
        path.append(min((p for p in path[-1].parents if p.op != "constant"), key=lambda node: abs(node.grad)))
    drawing = draw(root, fold="neuron", engine="builtin", highlight=[path])
    svg = drawing.svg()
    marked = [wire.id for wire in drawing.picture.wires if wire.marked]
    assert marked and all(f'data-edge="{id}"' in svg for id in marked)


def test_the_strongest_choose_first():
    straight = [(0.0, 0.0), (30.0, 0.0), (60.0, 0.0), (90.0, 0.0)]
    sizes, ends = [(70.0, 10.0)] * 3, [(0, 1)] * 3
    assert place_labels([straight] * 3, sizes, ends, [], [1.0, 3.0, 2.0]) == [None, (45.0, 0.0), None]
    assert None not in place_labels([straight] * 3, sizes, ends, [])
    blocked = [(-100.0, -100.0, 200.0, 100.0)]
    assert place_labels([straight], sizes[:1], ends[:1], blocked, [1.0]) == [None]


def test_of_very_many_labels_the_weakest_are_not_even_tried():
    routes = [[(0.0, 20.0 * i), (30.0, 20.0 * i), (60.0, 20.0 * i), (90.0, 20.0 * i)] for i in range(MOST + 10)]
    placed = place_labels(
        routes, [(20.0, 10.0)] * len(routes), [(2 * i, 2 * i + 1) for i in range(len(routes))], [],
        [float(i) for i in range(len(routes))],
    )  # fmt: skip
    assert [spot is None for spot in placed] == [True] * 10 + [False] * MOST


def test_before_backward_the_steepest_edges_are_the_strongest():
    x = Value(3.0, "x")
    strengths = {wire.id: wire.strength for wire in draw(x * 5.0 + x.sin() * 0.5).picture.wires}
    assert strengths["edge-2-0"] == 5.0 and strengths["edge-5-0"] == 0.5
