"""The search for a minimum along a line. (The lecture on optimization tests it on functions of several numbers.)"""

import pytest

from nn.search import _brent


def test_brents_method_ends_without_a_tolerance_too():
    calls = []

    def phi(t):
        calls.append(t)
        return (t - 0.3) ** 2

    x, fx = _brent(phi, 0.0, (0.5, phi(0.5)), 1.0, 0.0)
    assert x == pytest.approx(0.3, abs=1e-7) and fx == (x - 0.3) ** 2 and len(calls) == 201
