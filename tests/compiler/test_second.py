"""Second derivatives and Jacobians of programs, beside those of the eager engine."""

from __future__ import annotations

import numpy as np
import pytest
from compiling import BACKENDS
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value

X = [[0.5, -1.0], [1.5, 0.25], [-0.75, 0.5]]
Y = [1.0, -1.0, 0.5]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "relu"])
def test_hessian_is_that_of_the_eager_engine(backend: str, activation: str) -> None:
    model = nn.MLP(2, [3, 1], activation=activation, seed=1)
    theta = model.parameters()
    program = autograd.compile(lambda x, y: (model(x) - y) ** 2, inputs=[(2,), ()], parameters=theta, backend=backend)
    expected = sum(np.array(autograd.hessian((model(x) - y) ** 2, theta)) for x, y in zip(X, Y)) / 3
    found = program.hessian(X, Y)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert np.array_equal(found, program.hessian(X, Y))
    vector = np.linspace(-1, 1, len(theta))
    assert np.allclose(program.hvp(vector, X, Y), expected @ vector, rtol=1e-12, atol=1e-12)
    program.theta[:] *= 2
    assert not np.allclose(program.hessian(X, Y), found), "it is that of the parameters as they are"


@given(st.integers(1, 9), st.sampled_from(BACKENDS), st.sampled_from(["float64", "float32"]))
@settings(max_examples=10)
def test_hessian_of_a_quadratic_form(samples: int, backend: str, dtype: str) -> None:
    """The Hessian of (w · x)²/2 is x xᵀ."""
    w = [Value(0.3), Value(-0.2), Value(0.1)]
    program = autograd.compile(
        lambda x: autograd.dot(w, x) ** 2 / 2, inputs=[(3,)], parameters=w, backend=backend, dtype=dtype
    )
    x = np.random.default_rng(samples).normal(size=(samples, 3))
    found = program.hessian(x)
    assert found.dtype == dtype
    assert np.allclose(found, x.T @ x / samples, rtol=1e-12 if dtype == "float64" else 1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_jacobian_of_each_sample(backend: str) -> None:
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    theta = model.parameters()
    program = autograd.compile(model, inputs=[(2,)], parameters=theta, backend=backend)
    by_parameters = program.jacobian(X)
    [by_inputs] = program.jacobian(X, wrt="inputs")
    assert by_parameters.shape == (3, 2, len(theta)) and by_inputs.shape == (3, 2, 2)
    for i, x in enumerate(X):
        inputs = [Value(entry) for entry in x]
        for k, output in enumerate(model(inputs)):
            assert np.allclose(by_parameters[i, k], autograd.grad(output, theta), rtol=1e-12, atol=1e-15)
            assert np.allclose(by_inputs[i, k], autograd.grad(output, inputs), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_a_graph_that_exists(backend: str) -> None:
    u, v = Value(1.5), Value(2.0)
    loss = (u * v).sin() + u**3
    program = autograd.compile(loss, parameters=[u, v], backend=backend)
    assert np.allclose(program.hessian(), autograd.hessian(loss, [u, v]), rtol=1e-14)
    assert np.allclose(program.jacobian(), autograd.grad(loss, [u, v]), rtol=1e-14)
    both = autograd.compile([u * v, u + v], parameters=[u, v], backend=backend)
    assert both.jacobian().tolist() == [[2.0, 1.5], [1.0, 1.0]]


def test_one_value_has_no_axis_of_results() -> None:
    w = Value(2.0)
    program = autograd.compile(lambda x: w * x * x, inputs=[()], parameters=[w])
    assert program.jacobian([1.0, 3.0]).tolist() == [[1.0], [9.0]]
    assert [by.tolist() for by in program.jacobian([1.0, 3.0], wrt="inputs")] == [[4.0, 12.0]]


def test_refusals() -> None:
    w = Value(2.0)
    program = autograd.compile(lambda x: w * x * x, inputs=[()], parameters=[w])
    with pytest.raises(ValueError, match="vector of 1 numbers, one per parameter"):
        program.hvp([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="wrt is 'parameters' or 'inputs', not 'x'"):
        program.jacobian([1.0], wrt="x")
    with pytest.raises(TypeError, match="returns a list"):
        autograd.compile(lambda x: [w * x], inputs=[()], parameters=[w]).hessian([1.0])
    with pytest.raises(ValueError, match="has no parameters to differentiate by"):
        autograd.compile(lambda x: x * x, inputs=[()]).hessian([1.0])
