"""The smallest check that the house stands: one graph, one check, one compiled program, one fit; seconds in all.

The numbers are worked out by hand or stand in README. Run it first, and after every small change:

    python -m pytest tests/test_tiny.py
"""

import math

import pytest

import autograd
from autograd import Value


def test_one_graph():
    w, x, b = Value(2.0, "w"), Value(-1.0, "x"), Value(0.5, "b")
    y = (w * x + b).tanh()
    y.backward()
    slope = 1 - math.tanh(-1.5) ** 2
    assert y.data == math.tanh(-1.5)
    assert [leaf.grad for leaf in (w, x, b)] == pytest.approx([-slope, 2 * slope, slope], rel=1e-14)


def test_one_check():
    report = autograd.gradcheck(lambda x, y: x * y + x.log(), [3.0, 2.0])
    assert report.ok
    with pytest.raises(autograd.GradcheckError, match="abs"):
        autograd.gradcheck(lambda x: abs(x) + x, [0.0])


def test_one_program():
    w = [Value(2.0, "w1"), Value(-1.0, "w2")]
    program = autograd.compile(
        lambda x, y: (autograd.dot(w, x) - y) ** 2, inputs=((2,), ()), parameters=w, backend="numpy"
    )
    loss, gradient = program.value_and_grad([[1.0, 2.0], [3.0, 1.0]], [1.0, 1.0])
    assert loss == (1 + 16) / 2  # the errors are −1 and 4
    assert list(gradient) == [(-2 * 1 + 8 * 3) / 2, (-2 * 2 + 8 * 1) / 2]


def test_one_fit():
    import nn

    model = nn.MLP(1, [1], output="linear", seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    history = nn.fit(
        model, nn.mse_loss, [-1.0, 0.0, 1.0], [-1.0, 1.0, 3.0], optimizer, epochs=100, progress=False, engine="eager"
    )
    assert history.loss[-1] < 1e-20
    [weight, bias] = model.parameters()
    assert (weight.data, bias.data) == (pytest.approx(2.0), pytest.approx(1.0))
