"""The recipes for SciPy's optimizers: they run on `value_and_grad`, and on a compiled program's."""

import numpy as np
import pytest

import autograd
import nn

optimize = pytest.importorskip("scipy.optimize")


def test_a_function_of_scalars():
    def rosenbrock(x, y):
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    found = optimize.minimize(lambda theta: autograd.value_and_grad(rosenbrock)(*theta), [-1.2, 1.0], jac=True)
    assert found.success and np.allclose(found.x, [1.0, 1.0], atol=1e-6)


def test_a_network():
    X, y, *_ = nn.datasets.moons(60, noise=0.1, seed=0)
    model = nn.MLP(2, [8, 1], "tanh", seed=0)
    program = autograd.compile(
        lambda x, t: nn.binary_cross_entropy(model(x), t), inputs=[(2,), ()], parameters=model.parameters()
    )

    def fun(theta):
        program.theta = theta
        return program.value_and_grad(X, y)

    found = optimize.minimize(fun, program.theta, jac=True, method="L-BFGS-B")
    assert found.fun < 0.01
