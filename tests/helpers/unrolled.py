"""Functions that repeat a step many times: what tracing makes of Python's loops."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Value

a, b = Value(0.9, label="a"), Value(-0.3, label="b")
many = [Value(0.02 * i - 0.3, label=f"c{i}") for i in range(30)]


def pendulum(x: Any, v: Any) -> Any:
    """Steps of Runge and Kutta."""

    def slope(x: Any, v: Any) -> Any:
        return v, -a * autograd.sin(x) + b * v

    h = 0.01
    for _ in range(20):
        k1 = slope(x, v)
        k2 = slope(x + h / 2 * k1[0], v + h / 2 * k1[1])
        k3 = slope(x + h / 2 * k2[0], v + h / 2 * k2[1])
        k4 = slope(x + h * k3[0], v + h * k3[1])
        x = x + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
        v = v + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
    return x * x + v * v


def euler(x: Any, v: Any) -> Any:
    """Steps of Euler."""
    for _ in range(30):
        x, v = x + 0.01 * v, v - 0.01 * a * x.sin() + b * 0.01 * v
    return x * v


def horner(x: Any) -> Any:
    """A polynomial whose coefficients are the parameters."""
    total = many[0]
    for coefficient in many[1:]:
        total = total * x + coefficient
    return total


def recurrent(x: Any) -> Any:
    """A network of three neurons that reads a sequence."""
    state: list[Any] = [0.0] * 3
    for entry in x:
        state = [(autograd.dot(many[3 * i : 3 * i + 3], state) + many[9 + i] * entry).tanh() for i in range(3)]
    return sum(state)


LOOPS = [(pendulum, [(), ()], [a, b]), (euler, [(), ()], [a, b]), (horner, [()], many), (recurrent, [(25,)], many)]
