"""grad, value_and_grad, jacobian, hessian, hvp: against mpmath, and nested without confusion."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from exactly import mp, mpf
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, grad, graph, hessian, hvp, jacobian, no_grad, value_and_grad

coordinates = st.floats(-2, 2)


class InMpmath:
    """The functions that a test function calls, on mpmath numbers."""

    def __getattr__(self, name: str) -> Any:
        return getattr(mp, name)

    @staticmethod
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + mp.exp(-x))

    @staticmethod
    def log_sum_exp(xs: Any) -> Any:
        return mp.log(mp.fsum(map(mp.exp, xs)))

    @staticmethod
    def dot(xs: Any, ys: Any) -> Any:
        return mp.fsum(x * y for x, y in zip(xs, ys))


FUNCTIONS: list[Callable[[Any, Any, Any, Any], Any]] = [
    lambda f, x, y, z: x * x * y + f.sin(x * z) - y / (2 + z * z),
    lambda f, x, y, z: f.tanh(x * y + z) * f.exp(-x * x) + (x * y * z) ** 2,
    lambda f, x, y, z: f.log_sum_exp([x, y * y, f.sin(z), x]),
    lambda f, x, y, z: f.dot([x, y, f.sigmoid(x + z)], [z * y, f.exp(x), y]) + f.sqrt(1 + x * x + y * y),
    lambda f, x, y, z: (2 + f.sin(x)) ** (y * z / 2) + f.log(3 + x * y),
]


@pytest.mark.slow
@settings(max_examples=25)
@given(st.sampled_from(FUNCTIONS), coordinates, coordinates, coordinates)
def test_first_and_second_order_against_mpmath(f: Any, x: float, y: float, z: float) -> None:
    pytest.importorskip("mpmath")
    from benchmarks.reference import slope

    point = [x, y, z]
    exact_f = lambda *p: f(InMpmath(), *p)  # noqa: E731
    exact_point = [mpf(c) for c in point]
    exact_g = [slope(exact_f, exact_point, i) for i in range(3)]
    exact_h = [[slope(lambda *p, j=j: slope(exact_f, p, j), exact_point, i) for i in range(3)] for j in range(3)]
    size = float(1 + max(abs(e) for row in [exact_g, *exact_h] for e in row))

    values = [Value(c) for c in point]
    root = f(autograd, *values)
    root.backward()
    by_hessian = hessian(lambda *p: f(autograd, *p), point)
    for i in range(3):
        assert abs(values[i].grad - exact_g[i]) <= 1e-13 * size
        for j in range(3):
            assert abs(by_hessian[i][j] - exact_h[i][j]) <= 1e-12 * size
    assert grad(root, values) == [v.grad for v in values]
    assert hessian(root, values) == by_hessian
    _, gradient = value_and_grad(lambda *p: f(autograd, *p))(*point)
    assert list(gradient) == grad(root, values)
    direction = [0.5, -1.0, 2.0]
    expected = [sum(h * d for h, d in zip(row, direction)) for row in by_hessian]
    for product in (hvp(root, values, direction), hvp(lambda *p: f(autograd, *p), point, direction)):
        assert product == pytest.approx(expected, rel=1e-11, abs=1e-12 * size)


def test_third_and_fourth_derivatives() -> None:
    x = Value(0.7)
    y = x.sin() * x.exp()
    for order in range(1, 5):
        [y] = grad(y, [x], create_graph=True)
        exact = mp.diff(lambda t: mp.sin(t) * mp.exp(t), mpf(0.7), order)
        assert abs(y.data - exact) < 1e-13 * (1 + abs(exact))


# ---- grad ---------------------------------------------------------------------------------------------------------


def test_grad_touches_no_gradient() -> None:
    x, y = Value(2.0), Value(3.0)
    product = x * y
    root = product * product
    for node, mark in zip(graph.topological(root), (1.0, 2.0, 3.0, 4.0)):
        node.grad = mark
    assert grad(root, [x, product, y, root]) == [36.0, 12.0, 24.0, 1.0]
    [slope_of_x] = grad(root, [x], create_graph=True)
    hessian(root, [x, y])
    assert [n.grad for n in graph.topological(root)] == [1.0, 2.0, 3.0, 4.0]
    slope_of_x.backward()
    assert x.grad == 1.0 + 18.0


def test_grad_of_what_does_not_matter_is_zero() -> None:
    x, y = Value(2.0), Value(3.0)
    assert grad(x * 2, [y, x, x]) == [0.0, 2.0, 2.0]
    zero, two = grad(x * 2, [y, x], create_graph=True)
    assert (zero.data, two.data) == (0.0, 2.0) and grad(two, [x]) == [0.0]
    assert grad(x, []) == []


def test_slopes_of_one_are_no_factors() -> None:
    x, y = Value(2.0), Value(3.0)
    plus, minus = grad(x - y, [x, y], create_graph=True)
    assert (plus.data, plus.op, plus.parents) == (1.0, "constant", ())
    assert (minus.data, minus.op, minus.parents) == (-1.0, "neg", (plus,))


@pytest.mark.parametrize("factor", [-2.0, 2.0, math.nan])
@pytest.mark.parametrize(
    "function",
    [
        autograd.exp,
        autograd.cos,
        autograd.sqrt,
        lambda x: x * x * x,
        lambda x: x * Value(1.0),
        lambda x: x * Value(-1.0),
    ],
)
def test_a_nan_is_lost_in_no_graph_of_derivatives(factor: float, function: Callable[[Any], Any]) -> None:
    x = Value(-2.0)
    y = Value(factor) * function(x)
    [recorded], [slope] = grad(y, [x]), grad(y, [x], create_graph=True)
    assert slope.data == recorded or (math.isnan(slope.data) and math.isnan(recorded))
    assert math.isnan(recorded) == (math.isnan(factor) or function is autograd.sqrt)


def test_a_slope_of_zero_carries_no_infinity_in_a_graph_of_derivatives() -> None:
    x = Value(0.0)
    y = (x * x).sqrt()
    [slope] = grad(y, [x], create_graph=True)
    assert grad(y, [x]) == [0.0] == [slope.data]


def test_constants_of_a_second_derivative_follow_ieee() -> None:
    x = Value(2.0)
    [pole] = grad(x / 0.0, [x], create_graph=True)
    assert pole.data == math.inf
    assert hessian(lambda a: a**0.0 + 2.0**a, [0.0]) == [[math.log(2) ** 2]]


def test_a_deep_chain_is_differentiated_twice() -> None:
    x = Value(0.5)
    node = x
    for _ in range(20_000):
        node = node.sin()
    [first] = grad(node, [x], create_graph=True)
    node.backward()
    assert first.data == pytest.approx(x.grad, rel=1e-9)
    assert math.isfinite(grad(first, [x])[0])


# ---- value_and_grad -----------------------------------------------------------------------------------------------


def test_the_gradient_has_the_form_of_the_arguments() -> None:
    assert value_and_grad(lambda x: x * x)(3) == (9.0, 6.0)
    assert value_and_grad(lambda x, y: x * y)(3.0, 2.0) == (6.0, (2.0, 3.0))
    assert value_and_grad(lambda w, b: w[0][0] * w[1][0] + b)([[2.0], [3.0]], 1.0) == (7.0, ([[3.0], [2.0]], 1.0))
    assert value_and_grad(lambda x: 5)(1.0) == (5.0, 0.0)
    assert value_and_grad(lambda x: x)(1.0) == (1.0, 1.0)
    assert all(type(r) is float for r in value_and_grad(lambda x: x.exp())(1))


def derivative(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: value_and_grad(f)(x)[1]


NESTED: list[tuple[str, Callable[[Any], Any], float, float]] = [
    # text, function of x, x, its derivative there
    ("x · d/dy (x + y)", lambda x: x * derivative(lambda y: x + y)(1.0), 3.0, 1.0),
    ("x · d/dy (x + y) at y = x", lambda x: x * derivative(lambda y: x + y)(x), 3.0, 1.0),
    ("x · d/dy (x · y)", lambda x: x * derivative(lambda y: x * y)(1.0), 3.0, 6.0),
    ("d/dy (x · y²) at y = x", lambda x: derivative(lambda y: x * y * y)(x), 3.0, 12.0),
    ("d/dy (x² · y) at y = 2x", lambda x: derivative(lambda y: x * x * y)(2 * x), 3.0, 6.0),
    ("d²/dy² (x · y³) at y = x", lambda x: derivative(derivative(lambda y: x * y**3))(x), 3.0, 36.0),
    ("d²/dy² (x · y³) at y = 2", lambda x: derivative(derivative(lambda y: x * y**3))(2.0), 3.0, 12.0),
    (
        "d/dy (y · d/dz (x·y·z²))",
        lambda x: derivative(lambda y: y * derivative(lambda z: x * y * z * z)(y))(x),
        2.0,
        72.0,
    ),
    ("a list", lambda x: derivative(lambda w: w[0] * w[1] * x)([x, 2.0])[1], 3.0, 6.0),
]


@pytest.mark.parametrize("f, x, expected", [n[1:] for n in NESTED], ids=[n[0] for n in NESTED])
def test_nested_derivatives_are_not_confused(f: Callable[[Any], Any], x: float, expected: float) -> None:
    assert derivative(f)(x) == expected
    assert type(derivative(f)(x)) is float  # nothing but numbers went in
    leaf = Value(x)
    f(leaf).backward()
    assert leaf.grad == expected
    numeric = (derivative(f)(x + 1e-5) - derivative(f)(x - 1e-5)) / 2e-5
    slope = derivative(f)(leaf)
    assert (grad(slope, [leaf]) if isinstance(slope, Value) else [0.0]) == pytest.approx([numeric], abs=1e-6)


def test_a_gradient_through_a_captured_value_is_not_lost() -> None:
    w = Value(3.0)
    value, gradient = value_and_grad(lambda y: w * y * y)(2.0)
    assert isinstance(value, Value) and isinstance(gradient, Value)
    gradient.backward()
    assert w.grad == 4.0


def test_derivatives_are_taken_inside_no_grad_too() -> None:
    with no_grad():
        assert value_and_grad(lambda x: x * x)(3.0) == (9.0, 6.0)
        assert hessian(lambda x: x**3, [2.0]) == [[12.0]]
        assert jacobian(lambda x: [x * x], [2.0]) == [[4.0]]
        assert hvp(lambda x: x**3, [2.0], [1.0]) == [12.0]
        assert (Value(1.0) * 2).parents == ()


# ---- jacobian, hessian, hvp ---------------------------------------------------------------------------------------


def test_jacobian() -> None:
    rows = jacobian(lambda r, t: [r * t.cos(), r * t.sin(), 3.0], [2.0, 0.5])
    assert rows == [[math.cos(0.5), -2 * math.sin(0.5)], [math.sin(0.5), 2 * math.cos(0.5)], [0.0, 0.0]]
    x, y = Value(2.0), Value(3.0)
    assert jacobian([x * y, x], [x, y]) == [[3.0, 2.0], [1.0, 0.0]]
    assert jacobian(lambda x: x * x, [3.0]) == [[6.0]]
    assert jacobian(lambda x: 2.0, [3.0]) == [[0.0]]
    [[a, b]] = jacobian([x * y], [x, y], create_graph=True)
    assert grad(a, [y]) == [1.0] and grad(b, [x]) == [1.0]
    [[a]] = jacobian(lambda z: [z * z * z], [x], create_graph=True)
    assert grad(a, [x]) == [12.0]  # the graph goes on to the Values that were passed
    [[a]] = jacobian(lambda z: x * z * z, [2.0], create_graph=True)
    assert graph.leaves(a) == [x]  # the numbers that were passed are plain numbers again


def test_hessian_is_symmetric_and_accepts_values() -> None:
    rng = random.Random(5)
    point = [rng.uniform(-1, 1) for _ in range(5)]

    def f(*xs: Value) -> Value:
        total = autograd.log_sum_exp(xs)
        return total * total + autograd.dot(xs, [x.sin() for x in xs]) / (1 + xs[0] * xs[3] * xs[3])

    matrix = hessian(f, point)
    for i in range(5):
        for j in range(5):
            assert matrix[i][j] == pytest.approx(matrix[j][i], rel=1e-13, abs=1e-14)
    assert hessian(f, [Value(x) for x in point]) == matrix
    assert hessian(lambda x, y: 2 * x + y, [1.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert hessian(lambda x: 1.0, [1.0]) == [[0.0]] and hvp(lambda x: 1.0, [1.0], [1.0]) == [0.0]
    assert hvp(lambda: 1.0, [], []) == [] == hessian(lambda: 1.0, [])


def test_a_direction_with_zeros_meets_no_infinity() -> None:
    assert hvp(lambda x, y: x.sqrt() + y * y, [0.0, 3.0], [0.0, 1.0]) == [0.0, 2.0]


# ---- rows together ----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 6), outputs=st.integers(1, 9))
def test_rows_together_are_rows_one_by_one(seed: int, count: int, outputs: int) -> None:
    """Whatever is shared: outputs that are inputs, that are each other's operands, and the same one twice."""
    rng = random.Random(seed)
    xs = [Value(rng.choice([0.0, 1.0, -1.5, 2.0])) for _ in range(count)]
    nodes: list[Any] = [*xs]
    for _ in range(12):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(rng.choice([a * b, a + b, a.tanh(), a - b, a.exp() * 0.1, a.relu(), (a * a).sqrt(), 1.0 / b]))
    roots, wanted = rng.choices(nodes, k=outputs), [*xs, rng.choice(nodes)]
    alone = [grad(root, wanted) for root in roots]
    for row, expected in zip(jacobian(roots, wanted), alone):
        assert row == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


def test_more_rows_than_share_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    xs = [Value(0.1 * i) for i in range(7)]
    y = sum((a * b).sin() for a in xs for b in xs)
    expected = hessian(y, xs)
    monkeypatch.setattr(autograd.adjoints, "_TOGETHER", 3)
    assert hessian(y, xs) == [pytest.approx(row, rel=1e-14) for row in expected]


@settings(max_examples=40)
@given(numbers=st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.5, 1e200, -1e-200]), min_size=2, max_size=4))
def test_lists_and_arrays_give_the_same_bits(numbers: list[float]) -> None:
    xs = [Value(x) for x in numbers]
    roots = [(a * b).tanh() + a / b for a in xs for b in xs]
    arrays = jacobian(roots, xs)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "numpy", raising=False)
        lists = jacobian(roots, xs)
    assert repr(arrays) == repr(lists)


def test_an_exact_zero_carries_nothing_in_any_row() -> None:
    x, y = Value(0.0), Value(2.0)
    root = x.sqrt()  # its slope is infinite
    assert jacobian([root * 0.0 + y, root, y * y], [x, y]) == [[0.0, 1.0], [math.inf, 0.0], [0.0, 4.0]]


def test_rows_refuse_what_a_gradient_refuses() -> None:
    x = Value(1.0)
    with no_grad():
        lost = x * 2.0
    with pytest.raises(RuntimeError, match="no_grad"):
        jacobian([x * x, lost], [x])
    freed = x.exp() * 3.0
    freed.backward(free_graph=True)
    with pytest.raises(RuntimeError, match="freed"):
        jacobian([x * x, freed + 1.0], [x])
