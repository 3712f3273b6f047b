"""Forward beside reverse: jvp, vjp, the modes of jacobian, dual numbers, and the Hessian's product."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import pytest

import autograd
from autograd import Value, dual_numbers, grad, graph, hessian, hvp, jacobian, jvp, no_grad, vjp
from autograd.ops import TABLE
from autograd.value import apply, constant
from benchmarks.programs import random_program
from benchmarks.reference import draw


def polar(r: Value, t: Value) -> list[Value]:
    return [r * t.cos(), r * t.sin()]


@pytest.mark.parametrize("name", TABLE)
def test_each_operation_has_the_same_slopes_in_both_directions(name: str) -> None:
    op, rng = TABLE[name], random.Random(name)
    count = sum(3 if argument.startswith("*") else 1 for argument in op.arguments)
    for numbers in ([draw(rng) for _ in range(count)] for _ in range(12)):
        operands = [Value(x) for x in numbers]
        node = apply(op, tuple(operands))
        reverse = jacobian([node], operands, mode="reverse")
        assert same(jacobian([node], operands, mode="forward")[0], reverse[0])
        for i, slope in enumerate(reverse[0]):
            unit = [float(i == k) for k in range(len(operands))]
            with dual_numbers() as dual:
                moved = apply(op, tuple(dual(x, tangent) for x, tangent in zip(numbers, unit)))
            assert same([jvp(node, operands, unit), moved.tangent], [slope, slope])  # type: ignore[attr-defined]


def same(xs: Iterable[float], ys: Iterable[float]) -> bool:
    return all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(xs, ys, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_random_programs_have_one_derivative(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        program = random_program(rng)
        inputs = [Value(x) for x in program.inputs]
        nodes = program.all(inputs, constant, lambda name, xs: apply(TABLE[name], tuple(xs)))
        if not all(math.isfinite(x) for node in nodes for x in (node.data, *node.local_derivatives)):
            continue
        roots = [node for node in nodes[-3:] if node.parents]
        forward, reverse = (jacobian(roots, inputs, mode=mode) for mode in ("forward", "reverse"))
        vector = [rng.uniform(-1, 1) for _ in inputs]
        pushed = jvp(roots, inputs, vector)
        pulled = vjp(roots, inputs, [1.0] * len(roots))
        scales = [scale(root, inputs) + 1e-290 for root in roots]  # of the terms that were summed, in whatever order
        for there, back, moved, size in zip(forward, reverse, pushed, scales):
            assert there == pytest.approx(back, rel=1e-12, abs=1e-12 * size)
            along = sum(s * v for s, v in zip(back, vector))
            assert moved == pytest.approx(along, rel=1e-12, abs=1e-12 * size)
        total = [sum(column) for column in zip(*reverse)] or [0.0] * len(inputs)
        assert pulled == pytest.approx(total, rel=1e-12, abs=1e-12 * sum(scales))
        with dual_numbers() as dual:
            duals = [dual(x, v) for x, v in zip(program.inputs, vector)]
            results = program.all(duals, constant, lambda name, xs: apply(TABLE[name], tuple(xs)))
        assert [getattr(node, "tangent", 0.0) for node in results] == jvp(nodes, inputs, vector)
        assert not any(node.parents for node in results)


def scale(root: Value, inputs: list[Value]) -> float:
    sizes: dict[Value, float] = dict.fromkeys(inputs, 1.0)
    for node in graph.topological(root):
        if node.parents:
            sizes[node] = sum(abs(d) * sizes.get(p, 0.0) for p, d in zip(node.parents, node.local_derivatives))
    return sizes.get(root, 0.0)


def test_one_output_gives_a_number_and_several_a_list() -> None:
    assert jvp(lambda x, y: x * x * y, [3.0, 2.0], [1.0, 0.0]) == 12.0
    assert jvp(polar, [2.0, 0.0], [1.0, 3.0]) == [1.0, 6.0]
    x = Value(3.0)
    y = x * x
    assert jvp(y, [x], [2.0]) == 12.0 and jvp([y, x, Value(1.0)], [x], [2.0]) == [12.0, 2.0, 0.0]
    assert vjp(y, [x], 2.0) == [12.0] and vjp([y, x], [x], [1.0, 1.0]) == [7.0]
    assert jvp(lambda x: 5.0, [3.0], [1.0]) == 0.0
    assert jvp([y], [x, x], [1.0, 2.0]) == [18.0]  # a node that is listed twice moves twice
    assert vjp(lambda x: [], [3.0], []) == [0.0] and jvp(lambda x: [], [3.0], [1.0]) == []


def test_a_node_between_moves_by_itself_and_with_what_is_below_it() -> None:
    x = Value(3.0)
    y = x * x
    z = y * x
    assert jacobian([z], [x, y], mode="forward") == jacobian([z], [x, y], mode="reverse") == [[27.0, 3.0]]
    assert jvp(z, [x, y], [1.0, 1.0]) == 30.0


def test_results_that_can_be_differentiated_again() -> None:
    x, v = Value(0.7), Value(2.0)
    moved = jvp(x.sin(), [x], [v])
    assert moved.data == 2 * math.cos(0.7)
    assert grad(moved, [x, v]) == pytest.approx([-2 * math.sin(0.7), math.cos(0.7)], rel=1e-15)
    for mode in ("forward", "reverse"):
        rows = jacobian([x**3, x * v], [x, v], create_graph=True, mode=mode)
        assert [entry.data for row in rows for entry in row] == pytest.approx([3 * 0.49, 0.0, 2.0, 0.7])
        assert grad(rows[0][0], [x]) == pytest.approx([6 * 0.7], rel=1e-15)
    assert grad(vjp(x * x * v, [x], 1.0, create_graph=True)[0], [x, v]) == pytest.approx([4.0, 1.4])
    assert hessian(lambda a: jvp(lambda b: b**4, [a], [1.0], create_graph=True), [2.0]) == [[48.0]]


def test_auto_takes_the_shorter_side(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for name in ("tangent_rows", "adjoint_rows"):
        original = getattr(autograd.functional, name)
        monkeypatch.setattr(
            autograd.functional, name, lambda *a, name=name, original=original: taken.append(name) or original(*a)
        )
    jacobian(lambda t: [t.cos(), t.sin(), t], [0.5])
    jacobian(lambda x, y, z: [x * y, z], [0.5, 1.0, 2.0])
    assert taken == ["tangent_rows", "adjoint_rows"]


def test_the_products_of_the_hessian_are_its_rows() -> None:
    point, vector = [0.3, -1.2, 0.8], [1.0, -2.0, 0.5]

    def f(x: Value, y: Value, z: Value) -> Value:
        return (x * y + z).tanh() * autograd.log_sum_exp([x, y * y, z]) + x**3

    rows = hessian(f, point)
    assert hvp(f, point, vector) == pytest.approx(
        [sum(h * v for h, v in zip(row, vector)) for row in rows], rel=1e-14
    )  # fmt: skip
    assert hvp(lambda x, y: 2 * x + y, [1.0, 1.0], [1.0, 1.0]) == [0.0, 0.0]


def test_dual_numbers_keep_no_graph_and_follow_python() -> None:
    with dual_numbers() as dual:
        x = dual(2.0)
        y = x
        for _ in range(5):
            y = y * x if y < 100 else y + 1
        assert repr(dual(2.0, 0.5)) == "Dual(2.0, tangent=0.5)" and (x + Value(1.0)).tangent == 1.0  # type: ignore[attr-defined]
        assert not hasattr(Value(1.0) * 2.0, "tangent")
    assert (y.data, y.tangent, y.parents) == (64.0, 6 * 32.0, ())  # type: ignore[attr-defined]
    with no_grad(), dual_numbers() as dual, autograd.detect_anomaly():
        assert autograd.softmax([dual(0.0), 0.0])[0].tangent == 0.25
        with pytest.raises(autograd.AnomalyError):
            dual(1e300) * 1e300


def test_what_cannot_be_is_refused() -> None:
    x = Value(1.0)
    with dual_numbers() as dual, pytest.raises(TypeError):
        dual(x)
    with no_grad():
        z = x * 2.0
    with pytest.raises(RuntimeError, match="computed inside no_grad"):
        jvp(z, [x], [1.0])
