"""How the polynomials of the compiled functions were made: fitted by mpmath at 80 digits, then rounded.

Each goes through the function at Chebyshev's points, which is nearly the best polynomial of its degree. Printed with it
is the error that the fit itself leaves, before the coefficients are rounded. The test of
`autograd/compiler/llvm/functions.py` makes the polynomials again and compares them bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpf

from autograd.compiler.llvm.functions import BEND, BESIDE


def _exponential(r: Any) -> Any:
    return (mp.expm1(r) - r) / r**2 if abs(r) > 1e-30 else mpf(1) / 2 + r / 6


def _logarithm(z: Any) -> Any:
    """log((1 + s)/(1 − s)) = 2s + s·z·P(z), where z = s²."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z if z else mpf(2) / 3


def _sine(z: Any) -> Any:
    r = mp.sqrt(z)
    return (mp.sin(r) / r - 1) / z if z else -mpf(1) / 6


def _cosine(z: Any) -> Any:
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z else mpf(1) / 24


def _arc_sine(z: Any) -> Any:
    x = mp.sqrt(z)
    return (mp.asin(x) / x - 1) / z if z else mpf(1) / 6


def _arc_tangent(z: Any) -> Any:
    x = mp.sqrt(z)
    return (mp.atan(x) / x - 1) / z if z else -mpf(1) / 3


def _error_function(z: Any) -> Any:
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1 if z else 2 / mp.sqrt(mp.pi) - 1


def _tail(t: Any) -> Any:
    """(1 + b·a)·exp(a²/2)·Φ(−a), where t = (a − c)/(a + c)."""
    if t == 1:
        return BESIDE / mp.sqrt(2 * mp.pi)
    a = BEND * (1 + t) / (1 - t)
    return (1 + BESIDE * a) * mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2)) / 2


FITS: dict[str, tuple[Callable[[Any], Any], tuple[float, float], int, int]] = {
    "EXPONENTIAL": (_exponential, (-0.347, 0.347), 11, 6),
    "LOGARITHM": (_logarithm, (0.0, 0.0295), 7, 4),
    "SINE": (_sine, (0.0, 0.617), 6, 4),
    "COSINE": (_cosine, (0.0, 0.617), 6, 4),
    "ARC_SINE": (_arc_sine, (0.0, 0.25), 13, 7),
    "ARC_TANGENT": (_arc_tangent, (0.0, 0.1716), 11, 7),
    "ERROR_FUNCTION": (_error_function, (0.0, 1.0), 14, 8),
    "TAIL": (_tail, (-1.0, 0.78), 23, 15),
}
"""Function, interval, and number of coefficients for results in float64 and in float32."""


def fit(name: str, brief: bool = False) -> tuple[list[float], float]:
    """The coefficients, constant term first, and the error of the fit; `brief` is for float32."""
    function, interval, *counts = FITS[name]
    count = counts[brief]
    with mp.workdps(80):  # the differences above lose up to 30 digits near 0
        middle, half = (mpf(interval[0]) + interval[1]) / 2, (mpf(interval[1]) - interval[0]) / 2
        nodes = [middle + half * mp.cos(mp.pi * (i + mpf(1) / 2) / count) for i in range(count)]
        powers = mp.matrix([[node**i for i in range(count)] for node in nodes])
        coefficients = [*mp.lu_solve(powers, mp.matrix([function(node) for node in nodes]))]
        between = [
            middle + half * mp.cos(mp.pi * i / count) for i in range(count + 1)
        ]  # the error is largest near these
        error = max(abs(function(x) - sum(c * x**i for i, c in enumerate(coefficients))) for x in between)
        return [float(c) for c in coefficients], float(error)


def main(arguments: Sequence[str]) -> None:
    for name in arguments or FITS:
        fits = fit(name), fit(name, brief=True)
        print(f"{name} = (  # the fits leave {fits[0][1]:.1e} and {fits[1][1]:.1e}")
        for coefficients, _ in fits:
            print("    (")
            for at in range(0, len(coefficients), 4):
                print("        " + ", ".join(map(repr, coefficients[at : at + 4])) + ",")
            print("    ),")
        print(")  # fmt: skip")
