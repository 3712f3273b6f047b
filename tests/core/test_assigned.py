"""What is assigned to ``.data`` and ``.grad``: numbers become floats, anything else is named.

The engine in Python does so in the next operation, the one in C at the assignment.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.ops import TABLE
from autograd.value import apply

FUNCTIONS = [
    lambda x: x * 2.0, lambda x: 2.0 * x, lambda x: x + 1.0, lambda x: 1.0 - x, lambda x: x / 2.0, lambda x: -x,
    lambda x: x * x, lambda x: x.relu(), lambda x: autograd.maximum(x, 0.0), lambda x: autograd.dot([x], [2.0]),
    lambda x: autograd.mean([x, 1.0]), lambda x: x**2,
]  # fmt: skip
"""What a number can pass through without a function of `math`, which would look at its type."""


@pytest.mark.parametrize("number", [3, np.float32(0.1), np.float64(0.1), np.int64(3)])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_real_numbers_become_floats(f: Any, number: Any) -> None:
    x = Value(1.0)
    x.data = number
    y = f(x)
    assert type(y.data) is float and y.data == f(Value(float(number))).data
    y.backward()
    assert type(x.grad) is float


@pytest.mark.parametrize("wrong", ["0.5", 1 + 2j, None, [1.0], np.array([1.0, 2.0])])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_anything_else_is_refused(f: Any, wrong: Any) -> None:
    w = Value(1.0, "w")
    with pytest.raises((TypeError, ValueError)):  # Python's own error, where its arithmetic refuses the operands
        w.data = wrong  # the engine in C refuses it here
        f(f(w))


def test_what_python_would_compute_with_is_named() -> None:
    w = Value(1.0, "w")
    with pytest.raises(TypeError, match=r"the \.data of the Value 'w' takes a real number, not complex"):
        w.data = 1 + 2j  # type: ignore[assignment]
        w * w
    with pytest.raises(TypeError, match="not ndarray"):
        w.data = np.array([1.0, 2.0])  # type: ignore[assignment]
        w + 1.0


def test_the_slip_of_an_update_is_named() -> None:
    w = Value(2.0, "w")
    (w * w).backward()
    with pytest.raises(TypeError, match=r"the \.data of the Value 'w' is a Value.*w\.data = w\.data - 0\.1 \* w\.grad"):
        w.data = w - 0.1 * w.grad  # type: ignore[assignment]
        w * 3.0
    w.data = 2.0 - 0.1 * w.grad
    assert (w * 3.0).data == 3.0 * 1.6


@pytest.mark.parametrize("wrong", [None, "0", [0.0]])
def test_a_gradient_to_which_nothing_can_be_added(wrong: Any) -> None:
    w = Value(2.0, "w")
    with pytest.raises(TypeError, match=r"the \.grad of the Value 'w' is .*w\.grad = 0\.0"):
        w.grad = wrong
        (w * 3.0).backward()
    w.grad = 0  # type: ignore[assignment]
    (w * 3.0).backward()
    assert w.grad == 3.0 and type(w.grad) is float


@pytest.mark.parametrize("name", TABLE)
def test_the_formulas_give_floats(name: str) -> None:
    op = TABLE[name]
    for x in (0.5, 1.0, -2.0, 0.0, math.inf, math.nan):
        out, slopes = op.evaluate(*[x] * (4 if op.takes_list else len(op.arguments)))
        assert type(out) is float and all(type(slope) is float for slope in slopes)
        node = apply(op, tuple(Value(x) for _ in range(4 if op.takes_list else len(op.arguments))))
        assert type(node.data) is float
