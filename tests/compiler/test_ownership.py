"""Which parameters a step of a program moves, and when a program reads the Values again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Value, compile, dot

BACKENDS = ["numpy", "auto"]


def line():
    a, b = Value(3.0, "a"), Value(-1.0, "b")
    return a, b, compile(lambda x: (a * x + b) ** 2, inputs=[()], parameters=[a, b])


def test_an_optimizer_of_some_parameters_moves_those():
    a, b, program = line()
    program.step([2.0], nn.SGD([a], lr=0.01))
    program.push()
    assert (a.data, b.data) == (3.0 - 0.01 * 2 * 5 * 2, -1.0)


OPTIMIZERS = {
    "sgd": lambda p: nn.SGD(p, lr=0.1, momentum=0.9), "adam": lambda p: nn.Adam(p, lr=0.1),
    "rmsprop": lambda p: nn.RMSprop(p, lr=0.1), "clipped": lambda p: nn.SGD(p, lr=0.1, clip_norm=0.5),
}  # fmt: skip


@given(st.permutations(range(6)), st.integers(1, 6), st.sampled_from(sorted(OPTIMIZERS)), st.sampled_from(BACKENDS))
def test_any_choice_in_any_order_moves_as_the_values_do(order, count, kind, backend):
    X, y = np.linspace(-1, 1, 5)[:, None], np.linspace(0, 2, 5)
    moved = []
    for eager in (True, False):
        model = nn.MLP(1, [1, 2], "tanh", seed=3)
        values = model.parameters()
        optimizer = OPTIMIZERS[kind]([values[i] for i in order[:count]])

        def loss(x, t, model=model):
            return nn.mse_loss(sum(model(x)), t)

        program = compile(loss, inputs=[(1,), ()], parameters=values, backend=backend)
        for _ in range(3):
            if eager:
                model.zero_grad()
                program.backward(X, y)
                optimizer.step()
            else:
                program.step(X, y, optimizer)
        if not eager:
            program.push()
        moved.append([p.data for p in values])
    np.testing.assert_allclose(moved[1], moved[0], rtol=1e-10, atol=1e-14)


def test_optimizers_may_take_turns():
    a, b, program = line()
    first, second = nn.SGD([a], lr=0.01), nn.SGD([b], lr=0.01)
    for optimizer, moves in ((first, [True, False]), (second, [False, True]), (first, [True, False])):
        before = program.theta.copy()
        program.step([2.0], optimizer)
        assert (program.theta != before).tolist() == moves


def test_an_optimizer_of_another_model_is_refused():
    a, _, program = line()
    before = program.theta.copy()
    for foreign in ([Value(1.0, "other")], [a, Value(2.0, "other")]):
        with pytest.raises(ValueError, match="moves 1 parameters that this program does not have, such as 'other'"):
            program.step([2.0], nn.SGD(foreign, lr=0.1))
    assert (program.theta == before).all()


def test_what_has_no_parameters_moves_all():
    class Halve:
        def step_arrays(self, theta, gradient):
            theta *= 0.5

    class Listed(Halve):
        def __init__(self, parameters):
            self.parameters = parameters

    a, b, program = line()
    program.step([2.0], Halve())
    assert program.theta.tolist() == [1.5, -0.5]
    listed = Listed([b])
    program.step([2.0], listed)
    assert program.theta.tolist() == [1.5, -0.25]
    listed.parameters.insert(0, a)  # a list is looked at again
    program.step([2.0], listed)
    assert program.theta.tolist() == [0.75, -0.125]


# ---- sizes


@pytest.mark.parametrize("make", [lambda p: nn.SGD(p, 0.1, momentum=0.9), lambda p: nn.Adam(p, 0.1)])
@pytest.mark.parametrize("size", [1, 3, 100_000])
@pytest.mark.parametrize("which", ["parameters", "gradients", "state"])
def test_arrays_resized_in_place_are_refused(make, size, which):
    values = [Value(float(i)) for i in range(300)]
    optimizer = make(values)
    theta, gradient = np.arange(300.0), np.ones(300)
    for _ in range(2):
        optimizer.step_arrays(theta, gradient)
    before = theta.copy()
    {"parameters": theta, "gradients": gradient, "state": optimizer.state[-1]}[which].resize(size, refcheck=False)
    with pytest.raises(ValueError, match=f"moves 300 parameters, and was given arrays of .*{size}"):
        optimizer.step_arrays(theta, gradient)
    if which != "parameters":
        assert (theta == before).all()


# ---- reading again


def test_load_state_dict_brings_programs_up_to_date():
    model, other = nn.MLP(1, [1], "linear", seed=0), nn.MLP(1, [1], "linear", seed=1)
    program = compile(model, inputs=[(1,)], parameters=model.parameters())
    both = compile(lambda x: model(x) + other(x), inputs=[(1,)], parameters=[*model.parameters(), *other.parameters()])
    both.theta[:2] = 7.0, 1.0  # edited, and not pushed
    other.load_state_dict({"layers.0.neurons.0.weights.0": 2.0, "layers.0.neurons.0.bias": 0.5})
    assert both.theta.tolist() == [7.0, 1.0, 2.0, 0.5]
    model.load_state_dict({"layers.0.neurons.0.weights.0": 8.0, "layers.0.neurons.0.bias": 0.0})
    assert program([[1.0]])[0] == model.evaluate([1.0]) == 8.0
    assert both([[1.0]])[0] == 10.5


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_fit_brings_programs_up_to_date(engine):
    model = nn.MLP(1, [2, 1], "tanh", seed=0)
    program = compile(model, inputs=[(1,)], parameters=model.parameters())
    seen = []
    nn.fit(
        model, nn.mse_loss, [[1.0], [2.0]], [3.0, 1.0], nn.SGD(model.parameters(), lr=0.1), epochs=3, progress=False,
        engine=engine, early_stopping=nn.EarlyStopping(5),
        callbacks=[lambda epoch: seen.append((program([[0.5]])[0], epoch.model([0.5]).data))],
    )  # fmt: skip
    for compiled, called in [*seen, (program([[0.5]])[0], model([0.5]).data)]:
        assert compiled == pytest.approx(called, rel=1e-13)
    assert seen[0] != seen[1]


def test_a_bare_assignment_needs_a_pull():
    a, _, program = line()
    a.data = 8.0
    assert program([1.0])[0] == 4.0
    program.pull()
    assert program([1.0])[0] == 49.0


def test_a_traced_function_finds_the_parameters():
    model = nn.MLP(1, [1], "linear", seed=0)
    found = []

    def loss(x):
        found.append(len(model.parameters()))
        return model(x) + dot(model.parameters(), model.parameters())

    program = compile(loss, inputs=[(1,)], parameters=model.parameters())
    assert set(found) == {2} and program([[0.5]])[0] == pytest.approx(loss([0.5]).data, rel=1e-13)
