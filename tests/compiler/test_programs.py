"""What a compiled program offers, and what it refuses."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from compiling import RNG, X, Y, backends, moons, rng, same, weights

import autograd
import nn
from autograd import TraceError, Value, compile, graph
from autograd.ops import UnknownOperationError


def eagerly(f: Any, parameters: list[Value], *arrays: Any) -> tuple[float, list[float]]:
    for p in parameters:
        p.grad = 0.0
    total = 0.0
    for sample in zip(*arrays):
        loss = f(*[[Value(v) for v in s] if np.ndim(s) else Value(float(s)) for s in sample])
        loss.backward(1.0 / len(arrays[0]))
        total += loss.data / len(arrays[0])
    return total, [p.grad for p in parameters]


# ---- what is discovered ---------------------------------------------------------------------------------------------


def test_the_equations_of_the_moons_network_are_found() -> None:
    program = moons(backend="numpy")
    text = str(program)
    assert "h1[16] = relu(W1[16×2] @ x[2] + b1[16])" in text
    alone = nn.Layer(4, 3, "linear", seed=0)
    equation = str(autograd.compile(alone, inputs=[(4,)], parameters=alone.parameters()))
    assert "out[3] = W1[3×4] @ x[4] + b1[3]" in equation
    assert "h2[16] = relu(W2[16×16] @ h1[16] + b2[16])" in text
    assert "loss = relu(1 − y · (W3[1×16] @ h2[16] + b3)) + t1" in text
    assert "once per batch" in text and "528 scalars" in text
    assert repr(program) == f"<Program: {program.stats.scalar_nodes:,} scalar nodes, 14 instructions>"


def test_a_network_for_images_packs_into_eight_instructions() -> None:
    model = nn.MLP(196, [32, 10], seed=0)
    program = compile(lambda x, y: nn.cross_entropy(model(x), y), [(196,), (10,)], model.parameters(), backend="numpy")
    stats = program.stats
    assert stats.instructions == 8
    assert stats.scalar_nodes > 19_000
    assert set(stats.seconds) == {"trace", "simplify", "pack", "lower", "link"}
    assert "8 array instructions" in str(stats)


def test_a_graph_of_a_whole_batch_packs_across_samples() -> None:
    model = nn.MLP(2, [8, 1], "tanh", seed=1)
    batch, targets = RNG.normal(size=(20, 2)), RNG.normal(size=20)
    losses = [nn.mse_loss(model([Value(v) for v in x]), t) for x, t in zip(batch.tolist(), targets.tolist())]
    loss = autograd.mean(losses)
    program = compile(loss, parameters=model.parameters(), backend="numpy")
    value, gradient = program.value_and_grad()
    loss.backward()
    assert value == pytest.approx(loss.data, rel=1e-13)
    assert gradient == pytest.approx([p.grad for p in model.parameters()], rel=1e-11)
    assert program.stats.instructions < 15
    assert "tanh(W1[8×2] @ C[20×2]ᵀ + b1[8])" in str(program)
    assert float(program()) == pytest.approx(loss.data, rel=1e-13)
    model.parameters()[0].data += 0.5
    program.pull()
    assert program() == pytest.approx(graph.forward(loss), rel=1e-12)


def test_weights_that_meet_shifted_inputs_are_one_product() -> None:
    kernel = [Value(x, f"k{i}") for i, x in enumerate([0.5, -1.0, 2.0])]
    program = compile(
        lambda x: [sum((k * v for k, v in zip(kernel[1:], x[i + 1 : i + 3])), kernel[0] * x[i]) for i in range(6)],
        [(8,)], kernel, backend="numpy",
    )  # fmt: skip
    data = RNG.normal(size=(4, 8))
    assert program(data) == pytest.approx(np.stack([np.convolve(row, [2.0, -1.0, 0.5], "valid") for row in data]))
    assert program.stats.instructions == 2  # the overlapping windows are laid side by side by a copy


def test_a_drawing_shows_the_equations() -> None:
    source = moons(backend="numpy").draw().source
    assert "relu(W1[16×2] @ x[2] + b1[16])" in source and "528 scalar nodes" in source


# ---- running --------------------------------------------------------------------------------------------------------


@backends
def test_values_gradients_and_steps(backend: str) -> None:
    program = moons(backend=backend)
    loss, gradient = program.value_and_grad(X, Y)
    assert loss == pytest.approx(program(X, Y).mean(), rel=1e-14)
    expected = eagerly(program._source, program.parameters, X, Y)
    assert loss == pytest.approx(expected[0], rel=1e-13)
    assert gradient == pytest.approx(expected[1], rel=1e-10, abs=1e-14)
    before = program.theta.copy()
    assert program.step(X, Y, nn.SGD(program.parameters, 0.1)) == loss
    assert program.theta == pytest.approx(before - 0.1 * gradient, rel=1e-14)
    assert program.parameters[0].data == before[0]
    program.push()
    assert [p.data for p in program.parameters] == program.theta.tolist()
    assert [p.grad for p in program.parameters] == program.gradient.tolist() == gradient.tolist()


@backends
def test_backward_reads_the_values_and_accumulates(backend: str) -> None:
    program = moons(backend=backend)
    program.parameters[3].data = 0.25
    for p in program.parameters:
        p.grad = 1.0
    loss = program.backward(X, Y)
    expected = eagerly(program._source, program.parameters, X, Y)
    program.pull()
    assert loss == pytest.approx(expected[0], rel=1e-13)
    for p in program.parameters:
        p.grad = 1.0
    program.backward(X, Y)
    assert [p.grad - 1.0 for p in program.parameters] == pytest.approx(expected[1], rel=1e-9, abs=1e-13)


@backends
def test_gradients_by_inputs_and_per_sample(backend: str) -> None:
    program = moons(backend=backend)
    loss, (by_x, by_y) = program.value_and_grad(X, Y, wrt="inputs")
    losses, (each_x, _) = program.value_and_grad(X, Y, wrt="inputs", per_sample=True)
    own_losses, own = program.value_and_grad(X, Y, per_sample=True)
    for i in range(len(X)):
        x, y = [Value(v) for v in X[i]], Value(Y[i])
        for p in program.parameters:
            p.grad = 0.0
        root = program._source(x, y)
        root.backward()
        assert each_x[i] == pytest.approx([v.grad for v in x], rel=1e-11, abs=1e-15)
        assert by_y[i] * len(X) == pytest.approx(y.grad, rel=1e-11, abs=1e-15)
        assert own[i] == pytest.approx([p.grad for p in program.parameters], rel=1e-10, abs=1e-14)
        assert losses[i] == pytest.approx(root.data, rel=1e-13) == own_losses[i]
    assert by_x == pytest.approx(each_x / len(X)) and loss == pytest.approx(losses.mean())


@backends
def test_a_batch_in_blocks_is_the_same_batch(backend: str) -> None:
    program, blocked = moons(backend=backend), moons(backend=backend)
    blocked._machine.layout.block = 3
    assert blocked(X, Y) == pytest.approx(program(X, Y), rel=1e-14)
    (a, g), (b, h) = program.value_and_grad(X, Y), blocked.value_and_grad(X, Y)
    assert a == pytest.approx(b, rel=1e-14) and g == pytest.approx(h, rel=1e-11, abs=1e-15)
    for got, expected in zip(
        blocked.value_and_grad(X, Y, wrt="inputs")[1], program.value_and_grad(X, Y, wrt="inputs")[1]
    ):
        assert got == pytest.approx(expected, rel=1e-12)


@backends
def test_single_precision(backend: str) -> None:
    program, double = moons(backend=backend, dtype="float32"), moons(backend=backend)
    assert program.theta.dtype == np.float32 and program(X, Y).dtype == np.float32
    loss, gradient = program.value_and_grad(X, Y)
    assert gradient.dtype == np.float32
    expected = double.value_and_grad(X, Y)
    assert loss == pytest.approx(expected[0], rel=1e-5)
    assert gradient == pytest.approx(expected[1], rel=1e-3, abs=1e-6)


@backends
def test_any_real_array_will_do(backend: str) -> None:
    program = moons(backend=backend)
    expected = program(X, Y)
    wide = np.zeros((7, 5))
    wide[:, 1::2] = X
    assert (program(wide[:, 1::2], Y.astype(int)) == expected).all()
    assert (program(np.asfortranarray(X), Y.astype(np.int8)) == expected).all()
    assert (program(X.tolist(), Y.tolist()) == expected).all()
    assert program(X[::-1], Y[::-1]) == pytest.approx(expected[::-1], rel=1e-13)
    assert program(X[:1], Y[:1]) == pytest.approx(expected[:1], rel=1e-14)


def test_what_does_not_fit_is_refused() -> None:
    program = moons(backend="numpy")
    for arrays, message in [
        ((X,), r"takes 2 arrays \(\(B, 2\), \(B,\)\) and got 1"),
        ((X[:, :1], Y), r"must have the shape \(B, 2\), not \(7, 1\)"),
        ((X[0], Y), r"for one sample write array\[None\]"),
        ((X, Y[:3]), r"different numbers of samples: \[7, 3\]"),
        ((X[:0], Y[:0]), "the batch is empty"),
    ]:
        with pytest.raises(ValueError, match=message):
            program.value_and_grad(*arrays)
    for bad in (Y.astype(str), Y.astype(complex), Y.astype(object), Y > 0):
        with pytest.raises(TypeError, match="must be an array of real numbers"):
            program(X, bad)
    with pytest.raises(ValueError, match="'parameters' or 'inputs'"):
        program.value_and_grad(X, Y, wrt="weights")
    with pytest.raises(TypeError, match="step_arrays"):
        program.step(X, Y, object())


def test_what_cannot_be_compiled_is_refused() -> None:
    w = Value(1.0)
    with pytest.raises(ValueError, match="needs the shape of one sample"):
        compile(lambda x: x * w, parameters=[w])
    with pytest.raises(ValueError, match="a graph has no inputs"):
        compile(w * 2.0, [()], [w])
    with pytest.raises(ValueError, match="listed twice"):
        compile(w * 2.0, parameters=[w, w])
    with pytest.raises(ValueError, match="must be a leaf"):
        compile(w * 2.0, parameters=[w * 1.0])
    with pytest.raises(TypeError, match="parameters are Values"):
        compile(w * 2.0, parameters=[1.0])  # type: ignore[list-item]
    freed = w * 2.0 + w
    freed.backward(free_graph=True)
    with pytest.raises(RuntimeError, match="was freed by"):
        compile(freed, parameters=[w])
    with pytest.raises(ValueError, match="not a shape"):
        compile(lambda x: x * w, [2], [w])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="dtype is"):
        compile(w * 2.0, parameters=[w], dtype="float16")
    with pytest.raises(ValueError, match="backend is"):
        compile(w * 2.0, parameters=[w], backend="cuda")
    with pytest.raises(TypeError, match="empty list"):
        compile(lambda x: [], [()], [w])
    with pytest.raises(TypeError, match="compiled function takes a real number"):
        compile(lambda x: "x", [()], [w])
    listing = compile(lambda x: [x * w, x + w], [()], [w], backend="numpy")
    with pytest.raises(TypeError, match="compile the loss, not the prediction"):
        listing.value_and_grad(X[:, 0])
    assert listing(X[:, 0]) == pytest.approx(np.stack([X[:, 0], X[:, 0] + 1.0], 1))


def test_python_decisions_about_an_input_are_refused_at_the_users_line() -> None:
    w = Value(1.0, "w")

    def branching(x: Any) -> Any:
        return x * w if x > 0 else x

    def converting(x: Any) -> Any:
        return w * float(x)

    def peeking(x: Any) -> Any:
        return w * x.data

    for f, words in [
        (branching, r"asked whether a traced Value is true"), (converting, "turned into a float"),
        (peeking, r"looked at \.data"),
    ]:  # fmt: skip
        with pytest.raises(TraceError, match=rf"test_compiler_programs\.py:\d+.*{words}|{words}") as caught:
            compile(f, [()], [w])
        assert __file__ in str(caught.value)
    program = compile(lambda x: autograd.where(x > 0, x * w, x), [()], [w], backend="numpy")
    assert program(np.array([-2.0, 3.0])).tolist() == [-2.0, 3.0]
    assert program.value_and_grad(np.array([-2.0, 3.0]))[1].tolist() == [1.5]


@backends
def test_many_batch_sizes_do_not_pile_up(backend: str) -> None:
    w = weights(2)
    program = compile(lambda x: (x[0] * w[0] + x[1] * w[1]).tanh(), [(2,)], w, backend=backend)
    batch = rng().normal(size=(40, 2))
    expected = np.tanh(batch @ [v.data for v in w])
    for size in [*range(1, 41), *range(1, 41)]:
        np.testing.assert_allclose(program(batch[:size]), expected[:size], rtol=1e-14)
        if backend == "numpy":
            assert len(program._machine.views) <= 30 and len(program._machine.linked) <= 30


def test_an_optimizer_may_be_named_or_stand_last() -> None:
    class Descent:
        def step_arrays(self, theta: Any, gradient: Any) -> None:
            theta -= 0.1 * gradient

    def program() -> Any:
        return compile(lambda x: (x * w) ** 2, [()], [w], backend="numpy")

    w = Value(2.0)
    named, last = program(), program()
    assert named.step([3.0], optimizer=Descent()) == last.step([3.0], Descent()) == 36.0
    assert named.theta.tolist() == last.theta.tolist() == [pytest.approx(2.0 - 0.1 * 36.0)]


# ---- the same mathematics -------------------------------------------------------------------------------------------


@backends
def test_an_operation_of_ones_own_compiles(backend: str) -> None:
    name = f"squareplus_{backend}"
    op = autograd.register(
        name, "(x + sqrt(x * x + b)) / 2", ["0.5 + 0.5 * x / sqrt(x * x + b)", "0.25 / sqrt(x * x + b)"]
    )
    w = Value(0.7)
    program = compile(lambda x: op(x * w, w), [()], [w], backend=backend)
    expected = eagerly(lambda x: op(x * w, w), [w], Y)
    loss, gradient = program.value_and_grad(Y)
    assert loss == pytest.approx(expected[0], rel=1e-14) and gradient == pytest.approx(expected[1], rel=1e-13)
    assert name in str(program)


@backends
def test_kinks_and_poisoned_branches_are_as_in_the_eager_engine(backend: str) -> None:
    w, v = Value(0.0), Value(-1.0)

    def f(x: Any) -> Any:
        kinks = [w.relu(), abs(w), autograd.maximum(w, x * 0.0), w.leaky_relu(), w.elu(), w**2, w ** (x * 0.0)]
        safe = autograd.where(v > 0, v.log() + v.sqrt(), v * w)
        return sum(kinks, safe) + autograd.where(x > 0, w.sqrt(), v)

    program = compile(f, [()], [w, v], backend=backend)
    for batch in (np.array([-1.0]), np.array([1.0]), np.array([2.0, -1.0, 0.5])):
        expected = eagerly(f, [w, v], batch)
        loss, gradient = program.value_and_grad(batch)
        np.testing.assert_allclose([loss, *gradient], [expected[0], *expected[1]], rtol=1e-13)


@backends
def test_a_zero_carries_nothing_through_a_matrix_product(backend: str) -> None:
    model = nn.MLP(3, [4, 2], seed=2)
    model.layers[1].neurons[0].weights[1].data = math.inf

    def f(x: Any, y: Any) -> Any:
        out = model(x)
        return autograd.where(y > 0, out[0], out[1])

    program = compile(f, [(3,), ()], model.parameters(), backend=backend)
    batch, which = RNG.normal(size=(5, 3)), np.array([-1.0, -1.0, 1.0, -1.0, -1.0])
    expected = eagerly(f, model.parameters(), batch, which)
    loss, gradient = program.value_and_grad(batch, which)
    np.testing.assert_allclose([loss, *gradient], [expected[0], *expected[1]], rtol=1e-12)
    assert np.isfinite(gradient).sum() > 10


def test_parameters_that_are_not_used_have_no_slope() -> None:
    w, unused = Value(2.0), Value(math.nan)
    program = compile(lambda x, y: x * w, [(), ()], [unused, w], backend="numpy")
    assert program.value_and_grad(Y, Y)[1].tolist() == [0.0, pytest.approx(Y.mean())]
    constant = compile(lambda x: Value(3.0), [()], [w], backend="numpy")
    assert constant.value_and_grad(Y)[0] == 3.0 and constant(Y).tolist() == [3.0] * 7
    assert constant.value_and_grad(Y)[1].tolist() == [0.0]


@backends
@pytest.mark.parametrize(
    ("formula", "slopes"),
    [("x", ["1"]), ("y", ["0", "1"]), ("x - (y - 2)", ["1", "-1"]), ("-x", ["-1"]), ("+x", ["1"]), ("2", ["0"])],
)
def test_operations_with_simple_formulas_and_slopes(backend: str, formula: str, slopes: list[str]) -> None:
    arguments = ["x", "y"][: len(slopes)]
    op = autograd.register("a_simple_one", formula, slopes, arguments=arguments)
    w = weights(2)
    same(lambda x: op(*[v * x for v in w][: len(slopes)]) * op(*w[: len(slopes)]), (), w, backend)
    autograd.unregister("a_simple_one")


# ---- around a program -----------------------------------------------------------------------------------------------


def test_compiling_leaves_no_trace_of_itself() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    before = pickle.dumps([(p.data, p.grad) for p in model.parameters()])
    with autograd.no_grad(), autograd.detect_anomaly():
        program = compile(model, [(2,)], model.parameters(), backend="numpy")
    assert program(X) == pytest.approx(model.predict(X, engine="eager"), rel=1e-13)
    assert pickle.dumps([(p.data, p.grad) for p in model.parameters()]) == before


@pytest.mark.parametrize("formula", ["", "x + x"])
def test_a_program_refuses_to_run_without_an_operation_that_it_was_compiled_with(formula: str) -> None:
    def entered(text: str = "x + x * x") -> Any:
        return autograd.register("half_known", text, "1 + 2 * x")

    w, half_known = Value(2.0, "w"), entered()
    traced = compile(lambda x: half_known(w * x), [()], [w], backend="numpy")
    given = compile(half_known(w), parameters=[w], backend="numpy")
    shown = str(traced)
    assert traced.value_and_grad([3.0])[0] == 42.0 and given() == 6.0
    autograd.unregister("half_known")
    try:
        if formula:
            entered(formula)
        for refused in (
            lambda: traced([3.0]), lambda: traced.value_and_grad([3.0]), lambda: traced.lens(0), given, given.lens,
            lambda: traced.backward([3.0]), lambda: traced.step([3.0], nn.SGD([w], 0.1)),
            lambda: traced.epoch([3.0], nn.SGD([w], 0.1)),
        ):  # fmt: skip
            with pytest.raises(UnknownOperationError, match=r"'half_known', which was unregistered.* compile again"):
                refused()
        assert "half_known(w · x)" in shown and str(traced) == shown and traced.stats.instructions == 2
        assert traced.draw() is not None
        if formula:
            autograd.unregister("half_known")
        entered()
        assert traced([3.0]) == 42.0 and traced.lens(3.0).data == 42.0
        assert formula or given.lens().data == 6.0  # a node is parted from a name that had other formulas since
    finally:
        autograd.unregister("half_known")


@backends
def test_each_samples_gradient_where_samples_share(backend: str) -> None:
    """What depends on parameters alone, what no parameter reaches, and what cannot differ from sample to sample."""
    a, b, c = Value(0.7, "a"), Value(-0.3, "b"), Value(2.0, "c")
    shared = compile(lambda x: x * (a * b).exp() + (b * b) * a + 0.0 * x, [()], [a, b, c], backend=backend)
    X = np.array([1.0, -2.0, 0.0, 5.0])
    losses, slopes = shared.value_and_grad(X, per_sample=True)
    e = math.exp(-0.21)
    np.testing.assert_allclose(losses, X * e + 0.09 * 0.7, rtol=1e-14)
    np.testing.assert_allclose(slopes, [[-0.3 * x * e + 0.09, 0.7 * x * e - 0.42, 0.0] for x in X], rtol=1e-13)
    shared.theta[:] = 0.0, 1.0, 1.0
    np.testing.assert_allclose(shared.value_and_grad(X, per_sample=True)[1], [[x + 1, 0, 0] for x in X], rtol=1e-14)
    constant = compile(lambda x: a * b + c, [()], [a, b, c], backend=backend)
    losses, slopes = constant.value_and_grad(X, per_sample=True)
    assert losses == pytest.approx([1.79] * 4) and slopes == pytest.approx(np.array([[-0.3, 0.7, 1.0]] * 4))
    odd = compile(lambda x: (a * x).log(), [()], [a, b], backend=backend)
    assert odd.value_and_grad(np.array([1.0, 0.0, 2.0]), per_sample=True)[1][:, 1].tolist() == [0.0] * 3
