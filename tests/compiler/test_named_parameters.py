"""`Program.unflatten` and `flatten`: parameters as named arrays."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import Value


def test_layers_make_matrices() -> None:
    model = nn.MLP(2, [3, 1], seed=1)
    program = autograd.compile(model, inputs=[(2,)], parameters=model.parameters())
    named = program.unflatten(program.theta)
    assert {name: array.shape for name, array in named.items()} == {"W1": (3, 2), "b1": (3,), "W2": (1, 3), "b2": (1,)}
    assert np.array_equal(named["W1"], [[w.data for w in neuron.weights] for neuron in model.layers[0].neurons])
    assert np.array_equal(program.flatten(named), program.theta)


def test_other_parameters_are_called_as_their_labels_begin() -> None:
    values = [Value(1.0, label="a_1"), Value(2.0), Value(3.0, label="a_2")]
    program = autograd.compile(lambda x: sum(values, x), inputs=[()], parameters=values)
    assert {name: array.tolist() for name, array in program.unflatten(program.theta).items()} == {
        "a": [1.0, 3.0], "theta": [2.0],
    }  # fmt: skip
    none = autograd.compile(lambda x: x * x, inputs=[()])
    assert none.unflatten(none.theta) == {} and none.flatten({}).tolist() == []


def test_only_layers_make_matrices_and_networks_are_told_apart() -> None:
    neuron = nn.Neuron(2, seed=1)
    loose = [Value(float(i), label=f"W_{i}") for i in range(2)]
    program = autograd.compile(
        lambda x: neuron(x) + sum(loose), inputs=[(2,)], parameters=[*neuron.parameters(), *loose]
    )
    shapes = {name: array.shape for name, array in program.unflatten(program.theta).items()}
    assert shapes == {"W1": (1, 2), "b1": (1,), "W": (2,)}
    two = [nn.MLP(1, [2, 1], seed=seed) for seed in (1, 2)]
    labels = [(w, f"{name}.{w.label}") for name, net in zip("pq", two) for w in net.parameters()]
    for w, label in labels:
        w.label = label
    program = autograd.compile(lambda x: two[0](x) + two[1](x), inputs=[(1,)], parameters=[w for w, _ in labels])
    assert [*program.unflatten(program.theta)] == [f"{net}.{name}" for net in "pq" for name in ("W1", "b1", "W2", "b2")]


def test_refusals() -> None:
    w = Value(1.0, label="w")
    program = autograd.compile(lambda x: w * x, inputs=[()], parameters=[w])
    with pytest.raises(ValueError, match="theta holds 1 parameters; got the shape"):
        program.unflatten(np.zeros(3))
    with pytest.raises(ValueError, match="flatten takes arrays of the shapes"):
        program.flatten({"w": np.zeros(2)})
