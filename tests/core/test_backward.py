"""The reverse pass: against dual numbers in mpmath, and every rule on accumulation, freeing, zeros and infinities."""

from __future__ import annotations

import gc
import math
import random
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from exactly import mp, mpf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, graph

inf, nan = math.inf, math.nan

the_collector_sees_nodes = pytest.mark.skipif(autograd.engine == "native", reason="C: see tests/core/test_native.py")


# ---- random graphs against dual numbers ---------------------------------------------------------------------------


class Dual:
    """A number and its derivatives with respect to all leaves, carried forward through the program in mpmath."""

    def __init__(self, value: Any, slopes: list[Any]) -> None:
        self.value, self.slopes = mpf(value), slopes

    def chain(self, value: Any, slope: Any) -> Dual:
        return Dual(value, [slope * s for s in self.slopes])

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, [s + t for s, t in zip(self.slopes, other.slopes)])

    def __mul__(self, other: Dual) -> Dual:
        return Dual(
            self.value * other.value,
            [s * other.value + t * self.value for s, t in zip(self.slopes, other.slopes)],
        )

    def scaled(self, c: float) -> Dual:
        return self.chain(self.value * c, mpf(c))


def half_sum(a: Any, b: Any) -> Any:
    return (a + b).scaled(0.5) if isinstance(a, Dual) else (a + b) * 0.5


def small_product(a: Any, b: Any) -> Any:
    return (a * b).scaled(0.25) if isinstance(a, Dual) else a * b / 4


def share(a: Any, b: Any) -> Any:
    if not isinstance(a, Dual):
        return autograd.softmax([a, b])[0]
    p = 1 / (1 + mp.exp(b.value - a.value))
    return Dual(p, [p * (1 - p) * (s - t) for s, t in zip(a.slopes, b.slopes)])


# None of these stretches an interval, so that rounding errors do not grow on the way through 200 of them.
BINARY: list[Callable[[Any, Any], Any]] = [half_sum, small_product, share]
UNARY: list[tuple[Callable[[Value], Value], Callable[[Dual], Dual]]] = [
    (autograd.sin, lambda d: d.chain(mp.sin(d.value), mp.cos(d.value))),
    (autograd.tanh, lambda d: d.chain(mp.tanh(d.value), mp.sech(d.value) ** 2)),
    (autograd.atan, lambda d: d.chain(mp.atan(d.value), 1 / (1 + d.value**2))),
    (lambda v: (v * 0.5).erf(), lambda d: d.chain(mp.erf(d.value / 2), mp.exp(-(d.value**2) / 4) / mp.sqrt(mp.pi))),
    (autograd.softplus, lambda d: d.chain(mp.log1p(mp.exp(d.value)), 1 / (1 + mp.exp(-d.value)))),
    (abs, lambda d: d.chain(abs(d.value), mp.sign(d.value))),
    (autograd.relu, lambda d: d.chain(max(d.value, mpf(0)), mpf(d.value > 0))),
    (lambda v: (v * v + 1.0).sqrt() - 1.0, lambda d: d.chain(mp.hypot(d.value, 1) - 1, d.value / mp.hypot(d.value, 1))),
    (lambda v: v.exp().log(), lambda d: d),
    (
        lambda v: 1.0 / (2.0 + v.cos()),
        lambda d: d.chain(1 / (2 + mp.cos(d.value)), mp.sin(d.value) / (2 + mp.cos(d.value)) ** 2),
    ),
]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(5, 200), st.integers(1, 4))
def test_random_graphs_with_sharing_against_dual_numbers(seed: int, size: int, leaves: int) -> None:
    rng = random.Random(seed)
    point = [rng.uniform(-2, 2) for _ in range(leaves)]
    values = [Value(x) for x in point]
    duals = [Dual(x, [mpf(i == j) for j in range(leaves)]) for i, x in enumerate(point)]
    nodes = list(values)
    while len(nodes) < size + leaves:
        i, j = rng.randrange(len(nodes)), max(0, len(nodes) - 1 - int(rng.expovariate(0.3)))
        if rng.random() < 0.5:
            operation = rng.choice(BINARY)
            nodes.append(operation(nodes[i], nodes[j]))
            duals.append(operation(duals[i], duals[j]))
        else:
            on_value, on_dual = rng.choice(UNARY)
            # next to a kink a rounding error decides the slope; there the number itself is tested elsewhere
            smooth = abs(duals[j].value) > 1e-9 or duals[j].value == 0 == nodes[j].data
            assume(smooth)
            nodes.append(on_value(nodes[j]))
            duals.append(on_dual(duals[j]))
    root = nodes[-1]
    root.backward()
    assert abs(root.data - duals[-1].value) < 1e-13
    for leaf, exact, by_grad in zip(values, duals[-1].slopes, autograd.grad(root, values)):
        assert abs(leaf.grad - exact) < 1e-12
        assert leaf.grad == by_grad


# ---- laws ---------------------------------------------------------------------------------------------------------

reals = st.floats(-1e3, 1e3).map(lambda x: x if abs(x) > 1e-3 else 0.5)


def gradient(f: Callable[..., Value], *point: float) -> list[float]:
    values = [Value(x) for x in point]
    f(*values).backward()
    return [v.grad for v in values]


@given(reals, reals, reals)
def test_laws_of_differentiation(x: float, y: float, z: float) -> None:
    close = lambda a, b: a == pytest.approx(b, rel=1e-12, abs=1e-9)  # noqa: E731
    assert gradient(lambda a, b: a + b, x, y) == [1, 1] and gradient(lambda a, b: a - b, x, y) == [1, -1]
    assert gradient(lambda a, b: a * b, x, y) == gradient(lambda a, b: b * a, x, y) == [y, x]
    assert close(gradient(lambda a, b, c: a * (b + c), x, y, z), gradient(lambda a, b, c: a * b + a * c, x, y, z))
    assert close(gradient(lambda a, b, c: (a * b) * c, x, y, z), gradient(lambda a, b, c: a * (b * c), x, y, z))
    assert close(gradient(lambda a, b: a / b, x, y), gradient(lambda a, b: a * b**-1, x, y))
    assert close(gradient(lambda a: a * a * a, x), gradient(lambda a: a**3, x))
    assert gradient(lambda a: (-a).__neg__(), x) == [1] and gradient(lambda a: a - a, x) == [0]
    assert close(gradient(lambda a: (a * 0.01).exp().log(), x), [0.01])
    assert close(gradient(lambda a: a.sin() * a.sin() + a.cos() * a.cos(), x), [0])
    assert close(gradient(lambda a, b: autograd.maximum(a, b) + autograd.minimum(a, b), x, y), [1, 1])
    assert close(gradient(lambda a, b: autograd.dot([a, b], [b, a]), x, y), gradient(lambda a, b: 2 * a * b, x, y))
    assert close(gradient(lambda a: a.softplus() - (-a).softplus(), x), [1])
    assert close(gradient(lambda a: a.sigmoid() + (-a).sigmoid(), x), [0])


@given(st.lists(reals, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_summands_does_not_matter(xs: list[float], rng: random.Random) -> None:
    def gradients(order: list[int], over_list: bool) -> list[float]:
        values = [Value(x) for x in xs]
        terms = [values[i].tanh() * values[(i + 1) % len(xs)] for i in range(len(xs))]
        terms = [terms[i] for i in order]
        (autograd.mean(terms) * len(xs) if over_list else sum(terms[1:], start=terms[0])).backward()
        return [v.grad for v in values]

    order = list(range(len(xs)))
    expected = gradients(order, False)
    rng.shuffle(order)
    for over_list in (False, True):
        assert gradients(order, over_list) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_micrograd_readme_example() -> None:
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert (round(g.data, 4), round(a.grad, 4), round(b.grad, 4)) == (24.7041, 138.8338, 645.5773)


# ---- accumulation -------------------------------------------------------------------------------------------------


def test_a_node_used_twice_gets_both_gradients() -> None:
    x = Value(3.0)
    (x * x).backward()
    assert x.grad == 6.0
    x = Value(3.0)
    y = x * 2
    (y * y + y).backward()
    assert (y.grad, x.grad) == (13.0, 26.0)


def test_a_second_pass_doubles_leaves_and_nothing_else() -> None:
    x, y = Value(2.0), Value(3.0)
    product = x * y
    root = product.tanh() + product
    root.backward()
    once = (x.grad, y.grad, product.grad, root.grad)
    root.backward()
    assert (x.grad, y.grad, product.grad, root.grad) == (2 * once[0], 2 * once[1], once[2], once[3])
    root.zero_grad()
    assert {n.grad for n in graph.topological(root)} == {0.0}
    root.backward(gradient=-2)
    assert (x.grad, product.grad, root.grad) == (-2 * once[0], -2 * once[2], -2.0)


def test_gradients_of_two_roots_add_up_on_shared_leaves() -> None:
    x = Value(2.0)
    shared = x * x
    (shared * 3).backward()
    (shared + x).backward()
    assert x.grad == 12 + 5 and shared.grad == 1.0


def test_a_leaf_as_root() -> None:
    x = Value(2.0)
    x.backward()
    x.backward(0.5)
    assert x.grad == 1.5


def test_the_recorded_pass_is_what_is_differentiated() -> None:
    w = Value(3.0)
    loss = w * w
    w.data = 100.0
    loss.backward()
    assert w.grad == 6.0  # of the pass that was run
    w.grad = 0.0
    graph.forward(loss)
    loss.backward()
    assert w.grad == 200.0


# ---- a product with an exact zero carries nothing -----------------------------------------------------------------

UNSELECTED: list[tuple[str, Callable[[Value], Value], float, float, float]] = [
    # text, function, point, first and second derivative
    ("vertical slope", lambda x: autograd.where(0.0, x.sqrt(), x * x), 0.0, 0.0, 2.0),
    ("pole", lambda x: autograd.where(x > 0, x.log(), 3 * x), 0.0, 3.0, 0.0),
    ("nan", lambda x: autograd.where(x >= 0, x.sqrt(), x * x), -2.0, -4.0, 2.0),
    ("overflow", lambda x: autograd.where(x > 0, x * x, (-x).exp()), 1000.0, 2000.0, 2.0),
    ("0/0", lambda x: autograd.where(abs(x), x.sin() / x, 1 + x), 0.0, 1.0, 0.0),
    ("power", lambda x: autograd.where(x, x**0.5, x), 0.0, 1.0, 0.0),
    ("dead relu", lambda x: (x.sqrt() - 1).relu() + 2 * x, 0.0, 2.0, 0.0),
    ("maximum", lambda x: autograd.maximum(x.sqrt(), 1 + x), 0.0, 1.0, 0.0),
    ("times zero", lambda x: 0.0 * x.sqrt() + x, 0.0, 1.0, 0.0),
    ("dot with zero", lambda x: autograd.dot([x.sqrt(), x], [0.0, 5.0]), 0.0, 5.0, 0.0),
    ("square of a root at 0", lambda x: x**2, 0.0, 0.0, 2.0),
    ("cube", lambda x: x**3, 0.0, 0.0, 0.0),
    ("constant power", lambda x: x**0 + x, 0.0, 1.0, 0.0),
]


@pytest.mark.parametrize("function, point, first, second", [u[1:] for u in UNSELECTED], ids=[u[0] for u in UNSELECTED])
def test_what_is_not_selected_does_not_poison(function: Any, point: float, first: float, second: float) -> None:
    x = Value(point)
    y = function(x)
    y.backward()
    assert x.grad == first
    assert autograd.grad(y, [x]) == [first]
    [slope] = autograd.grad(y, [x], create_graph=True)
    assert slope.data == first and autograd.grad(slope, [x]) == [second]
    x.grad = 0.0
    slope.backward()
    assert x.grad == second


def test_a_part_that_the_root_does_not_use_does_not_matter() -> None:
    x = Value(0.0)
    poisoned = x.log() * x.sqrt()
    y = x * 3
    y.backward()
    assert x.grad == 3.0 and poisoned.grad == 0.0
    assert autograd.grad(y, [poisoned, x]) == [0.0, 3.0]


def test_what_is_used_does_show() -> None:
    for function, slope in ((autograd.sqrt, inf), (autograd.log, inf), (lambda x: (x * inf).sin(), nan)):
        x = Value(0.0)
        function(x).backward()
        assert x.grad == slope or (slope != slope and x.grad != x.grad)
    x = Value(-8.0)
    (x ** (1 / 3)).backward()
    assert x.grad != x.grad


# ---- depth, memory, freeing ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_chain_of_a_million_operations() -> None:
    x = Value(1.0)
    node = x
    for _ in range(1_000_000):
        node = -node
    node.backward()
    assert (node.data, x.grad) == (1.0, 1.0)
    middle = node.parents[0].parents[0]
    del node
    assert middle.data == 1.0
    del middle  # reference counting takes the rest down, without recursion


@the_collector_sees_nodes
def test_free_graph_releases_each_node_as_it_is_passed() -> None:
    x = Value(0.5)
    node, middle = x, x
    for i in range(20_000):
        node = node.sin()
        if i == 10_000:
            middle = node
    gc.collect()
    gc.disable()
    try:
        before = sum(type(o) is Value for o in gc.get_objects())
        node.backward(free_graph=True)
        after = sum(type(o) is Value for o in gc.get_objects())
    finally:
        gc.enable()
    assert before - after == 19_998 and x.grad != 0.0  # what is named here stays: x, middle and node
    assert middle.parents == () == middle.local_derivatives and node.data == node.data


@the_collector_sees_nodes
def test_free_graph_keeps_the_peak_down() -> None:
    def peak(free: bool) -> int:
        node = Value(0.5)
        for _ in range(30_000):
            node = node.sin()
        tracemalloc.start()
        try:
            node.backward(free_graph=free)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert peak(True) < 150_000 and peak(False) > 700_000  # a gradient each; or what Python keeps for its next tuples


def test_a_freed_graph_is_refused_wherever_it_would_be_used() -> None:
    x = Value(0.5, "x")
    y = x.sin()
    root = y * y
    root.backward(free_graph=True)
    slope = x.grad
    uses: list[Callable[[], Any]] = [
        root.backward,
        lambda: root.backward(free_graph=True),
        (root + 1.0).backward,
        lambda: autograd.grad(root, [x]),
        lambda: autograd.grad(y * 2, [x], create_graph=True),
        lambda: graph.forward(root),
        lambda: graph.forward(y + x),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match=r"freed by backward.*compute the expression again"):
            use()
    assert x.grad == slope and root.data == math.sin(0.5) ** 2
    (x.sin() * x.sin()).backward()  # computed again
    assert x.grad == 2 * slope


@pytest.mark.parametrize("name", [name for name, op in autograd.ops.TABLE.items() if len(op.arguments) == 1])
def test_a_freed_node_of_any_operation_is_refused(name: str) -> None:
    node = autograd.value.apply(autograd.ops.TABLE[name], (Value(0.5),))
    node.backward(free_graph=True)
    with pytest.raises(RuntimeError, match=f"below a {name} node was freed"):
        node.backward()


def test_a_refused_pass_changes_no_gradient() -> None:
    x = Value(0.5)
    y = x * 2
    freed = x.sin()
    freed.backward(free_graph=True)
    y.backward()
    before = (x.grad, y.grad)
    with pytest.raises(RuntimeError):
        (y + freed).backward()
    with pytest.raises(TypeError, match="gradient"):
        y.backward("1")  # type: ignore[arg-type]
    assert (x.grad, y.grad) == before


def test_many_threads_build_graphs_of_their_own() -> None:
    results: dict[int, tuple[float, float]] = {}
    shared = Value(2.0)

    def work(i: int) -> None:
        x = Value(i / 100)
        node = x
        for _ in range(50):
            node = (node * 1.01 + 0.1).sin() * shared
        node.backward(free_graph=i % 2 == 0) if i % 3 else autograd.grad(node, [x])
        results[i] = (node.data, autograd.grad((x * i).tanh(), [x])[0])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = dict(results)
    results.clear()
    for i in range(200):
        work(i)
    assert results == first and len(first) == 200
