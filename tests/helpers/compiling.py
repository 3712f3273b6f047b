"""What the tests of the compiler share: back ends, a small problem, and the comparison with the eager engine."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile

BACKENDS = ["numpy"] + (["llvm"] if importlib.util.find_spec("llvmlite") else [])
backends = pytest.mark.parametrize("backend", BACKENDS)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 2)), np.sign(RNG.normal(size=7))


def moons(**options: Any) -> Any:
    model = nn.MLP(2, [16, 16, 1], seed=1)
    squares = model.parameters()

    def loss(x: Any, y: Any) -> Any:
        return nn.hinge_loss(model(x), y) + 1e-4 * autograd.dot(squares, squares)

    return compile(loss, [(2,), ()], squares, **options)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def weights(count: int) -> list[Value]:
    return [Value(0.3 * i - 0.7, f"w{i + 1}") for i in range(count)]


def mean(outputs: Any) -> Any:
    """A loss of whatever a function returns: the sum of its results, each with a factor of its own."""
    listed = outputs if isinstance(outputs, list) else [outputs]
    return sum(y * (1.0 + 0.25 * i) for i, y in enumerate(listed))


def same(f: Any, shape: tuple[int, ...], parameters: list[Value], backend: str, samples: int = 5) -> Any:
    """Compiled values, gradients by parameters and by inputs are those of the eager engine; the program of ``f``."""
    batch = rng().normal(size=(samples, *shape))
    program = compile(f, [shape], parameters, backend=backend)
    eager, slopes, by_inputs, each = [], [0.0] * len(parameters), [], []
    for sample in batch:
        given = [Value(x) for x in np.atleast_1d(sample).tolist()]
        y = f(given if shape else given[0])
        eager.append([v.data for v in y] if isinstance(y, list) else y.data)
        found = autograd.grad(mean(y), [*parameters, *given])
        slopes = [a + b / samples for a, b in zip(slopes, found)]
        by_inputs.append(found[len(parameters) :])
        each.append(found[: len(parameters)])
    np.testing.assert_allclose(program(batch), eager, rtol=1e-13, atol=1e-15)
    loss = compile(lambda x: mean(f(x)), [shape], parameters, backend=backend)
    np.testing.assert_allclose(loss.value_and_grad(batch)[1], slopes, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(loss.value_and_grad(batch, per_sample=True)[1], each, rtol=1e-12, atol=1e-15)
    inputs = loss.value_and_grad(batch, wrt="inputs", per_sample=True)[1][0]
    np.testing.assert_allclose(inputs.reshape(samples, -1), by_inputs, rtol=1e-12, atol=1e-15)
    return program


def text(program: Any) -> str:
    return "\n".join(" ".join(line.rsplit("   ", 1)[0].split()) for line in str(program).splitlines()[1:])


def attention(**options: Any) -> Any:
    """The loss of four queries and four keys of three numbers each: products of arguments, weights that are shared."""
    w = [Value(x, label=f"w{i}") for i, x in enumerate((0.5, -1.0, 2.0))]

    def loss(q: list[list[Value]], k: list[list[Value]]) -> Value:
        scores = [[autograd.dot([a * b for a, b in zip(row, w)], other) for other in k] for row in q]
        return autograd.mean([autograd.log_sum_exp(row) for row in scores])

    return compile(loss, inputs=[(4, 3), (4, 3)], parameters=w, **options)
