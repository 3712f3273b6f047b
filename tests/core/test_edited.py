"""Graphs whose ``.data`` were edited: first derivatives go by what was recorded, second ones by what holds now."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value, grad, graph, hessian, hvp

coordinates = st.floats(-2, 2)
FUNCTIONS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x.sin() * y * y,
    lambda x, y: autograd.where(x < y, x * x * y, y.exp() * x),
    lambda x, y: autograd.softmax([x * y, y, 1.0])[0] + autograd.dot([x, y], [y, x]),
    lambda x, y: (x * y).relu() + (x - y).tanh() ** 2,
]
SECOND: list[Callable[[Any, Any, Any], Any]] = [
    lambda f, x, y: hessian(f, [x, y]),
    lambda f, x, y: hvp(f, [x, y], [1.0, -0.5]),
    lambda f, x, y: [slope.data for slope in grad(f, [x, y], create_graph=True)],
]


@given(st.sampled_from(FUNCTIONS), st.sampled_from(SECOND), st.lists(coordinates, min_size=4, max_size=4))
def test_second_order_is_that_of_the_present_point(f: Any, second: Any, numbers: list[float]) -> None:
    a, b, c, d = numbers
    x, y = Value(a, "x"), Value(b, "y")
    root = f(x, y)
    x.data, y.data = c, d
    fresh = f(Value(c), Value(d))
    was_edited = graph.edited(root) is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = second(root, x, y)
    assert [str(w.message)[:20] for w in caught] == ["a .data was edited a"] * was_edited
    assert all(w.filename == __file__ for w in caught)
    assert graph.edited(root) is None
    if f is not FUNCTIONS[1] or (a < b) == (c < d):  # a branch that Python's comparison took stays the one taken
        assert root.data == fresh.data
        p, q = Value(c), Value(d)
        assert found == second(f(p, q), p, q)


def test_the_first_node_that_was_edited_is_named() -> None:
    u, v = Value(0.5, "u"), Value(2.0, "v")
    f = u.sin() * v * v
    assert graph.edited(f) is None
    v.data = 3.0
    assert graph.edited(f) is f.parents[0]
    f.backward()
    assert v.grad == 2 * math.sin(0.5) * 2.0  # at the recorded point
    with pytest.warns(RuntimeWarning, match=r"mul\(.*v = 3\.0\) = .* is not what its operands give now"):
        second = hessian(f, [u, v])
    assert second == [[-math.sin(0.5) * 9, math.cos(0.5) * 6], [math.cos(0.5) * 6, 2 * math.sin(0.5)]]
    assert hessian(f, [u, v]) == second and f.data == math.sin(0.5) * 9


def test_an_edit_that_changes_nothing_is_no_edit() -> None:
    x, y = Value(math.nan, "x"), Value(0.0)
    root = x * 2.0 + y.log()
    x.data, y.data = math.nan, 0.0
    assert graph.edited(root) is None


def test_a_slope_alone_can_be_out_of_date() -> None:
    x = Value(-1.0)
    root = x * x * 0.0
    x.data = 1.0
    assert graph.edited(root) is root.parents[0]


def test_views_say_that_a_graph_was_edited() -> None:
    w, x = Value(2.0, "w"), Value(3.0, "x")
    root = (w * x).tanh() * x
    views: list[Callable[[], str]] = [
        lambda: str(autograd.ledger(root, x)), lambda: str(autograd.diagnose(root, w, 1.0)),
        lambda: autograd.draw(root, engine="builtin").svg(), lambda: autograd.draw(root).source,
    ]  # fmt: skip
    assert not any("edited" in view() for view in views)
    x.data = 1.0
    for view in views:
        assert "A .data was edited after this graph was made" in view()
    assert [frame.after for frame in autograd.steps(root)][1] == 2.0  # the stepper computes anew on a copy
    graph.forward(root)
    assert not any("edited" in view() for view in views)
