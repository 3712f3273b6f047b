"""Accuracy and speed of the vector functions: ``python -m benchmarks vector_functions [points an interval]``.

The reference is mpmath at 50 digits; the tests use the same with fewer points. Without an argument, 200,000 points: 15
minutes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from autograd.compiler.llvm.emit import DOUBLE, FLOAT, Type
from autograd.compiler.llvm.functions import FAR, FUNCTIONS, OUTPUTS, text
from autograd.compiler.llvm.target import Target

LARGEST, SMALLEST = 1.7976931348623157e308, 5e-324


def within(limit: float, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of an argument held between −limit and limit, where its value is out of all floats, or its limit."""
    return lambda x: function(min(max(x, -mpf(limit)), mpf(limit)))


def logarithm(x: Any) -> Any:
    return mp.log(x) if x > 0 else (-mp.inf if x == 0 else mp.nan)


def share(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


REFERENCE: dict[str, Sequence[Callable[[Any], Any]]] = {
    "exp": (within(800, mp.exp),),
    "expm1": (within(800, mp.expm1),),
    "log": (logarithm,),
    "log1p": (lambda x: mp.log1p(x) if x > -1 else logarithm(1 + x),),
    "sinh": (within(800, mp.sinh),),
    "cosh": (within(800, mp.cosh),),
    "softplus": (lambda x: x if x > 800 else within(800, lambda x: mp.log1p(mp.exp(x)))(x),),
    "sin": (lambda x: mp.sin(x) if mp.isfinite(x) else mp.nan,),
    "cos": (lambda x: mp.cos(x) if mp.isfinite(x) else mp.nan,),
    "tan": (lambda x: mp.tan(x) if mp.isfinite(x) else mp.nan,),
    "asin": (lambda x: mp.asin(x) if abs(x) <= 1 else mp.nan,),
    "acos": (lambda x: mp.acos(x) if abs(x) <= 1 else mp.nan,),
    "atan": (mp.atan,),
    "gaussian": (within(50, lambda x: mp.exp(-x * x)),),
    "normal_pdf": (within(50, lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)),),
    "standard_normal_cdf": (within(50, lambda x: mp.erfc(-x / mp.sqrt(2)) / 2),),
    "erf": (within(50, mp.erf),),
    "sqrt": (lambda x: mp.sqrt(x) if x >= 0 else mp.nan,),
    "tanh": (within(800, mp.tanh),),
    "sigmoid": (within(800, share), within(800, lambda x: share(x) * share(-x))),
}


@cache
def compiled(name: str, kind: Type, cpu: str) -> Callable[..., None]:
    target = Target(cpu)
    return target.function(text(name, kind, target.has_fma), f"each_{name}", 1 + OUTPUTS[name])


def run(name: str, x: Any, cpu: str = "host") -> list[Any]:
    """The outputs on an array of float64 or float32."""
    outputs = [np.empty_like(x) for _ in range(OUTPUTS[name])]
    kind = DOUBLE if x.dtype == np.float64 else FLOAT
    compiled(name, kind, cpu)(x.ctypes.data, *[y.ctypes.data for y in outputs], len(x))
    return outputs


def ulps(found: float, true: Any, double: bool = True) -> float:
    """The error in units of the last place of the true value; an infinity counts as the power of 2 that overflows."""
    if mp.isnan(true) or math.isnan(found):
        return 0.0 if mp.isnan(true) and math.isnan(found) else math.inf
    least, digits, most = (-1022, 52, 1024) if double else (-126, 23, 128)
    top = mpf(2) ** most
    true, value = (mp.sign(v) * top if abs(v) >= top else v for v in (true, mpf(found)))
    unit = mpf(2) ** (max(mp.frexp(true)[1] - 1 if true else least, least) - digits)
    return float(abs(value - true) / unit)


def worst(name: str, x: Any, cpu: str = "host") -> float:
    """The largest error of the outputs."""
    double = x.dtype == np.float64
    found = run(name, x, cpu)
    with mp.workdps(50):
        return max(
            ulps(float(y), true(mpf(float(at))), double)
            for ys, true in zip(found, REFERENCE[name], strict=True)
            for y, at in zip(ys, x)
        )


HARD = [
    0.0, SMALLEST, 3e-320, 2.2250738585072014e-308, 1e-300, 1e-160, 2.0**-54, 2.0**-53, 2.0**-27, 1e-5, 0.1,
    0.34657359, 0.3465736, 0.5, 0.7071067811865475, 0.7071067811865476, 0.9999999999999999, 1.0, 1.0000000000000002,
    1.4142135623730951, math.pi / 2, math.pi, 18.5, 18.715, 19.1, 36.7, 37.5, 38.4, 38.48, 40.0, 355.0, 372.6, 708.3,
    709.0, 709.782712893384, 709.7827128933841, 710.0, 710.4758600739439, 710.475860073944, 711.0, 744.44,
    745.1332191019412, 745.2, 746.0, 1e3, 11 * math.pi / 2, 31415.926535897932, 99999.99999999999, 1e5, 1e15, 1e22,
    1e154, 1e300, LARGEST, math.inf,
]  # fmt: skip
EVERY = np.array([sign * x for x in HARD for sign in (1.0, -1.0)] + [math.nan])
INTERVALS: dict[str, Sequence[tuple[float, float]]] = {
    "exp": [(-745.5, 710), (-1, 1)], "expm1": [(-40, 710), (-0.8, 0.8)], "log": [(0.5, 2), (0, 1e-307), (0, 1e300)],
    "log1p": [(-1, 1), (-1e-3, 1e-3), (0, 1e18)], "sinh": [(-711, 711), (-2, 2)], "cosh": [(-711, 711), (-2, 2)],
    "softplus": [(-746, 40), (-2, 2)], "sin": [(-FAR, FAR), (-4, 4)], "cos": [(-FAR, FAR), (-4, 4)],
    "tan": [(-FAR, FAR), (-4, 4)], "asin": [(-1, 1), (0.99, 1), (-0.51, -0.49)],
    "acos": [(-1, 1), (0.99, 1), (-0.51, -0.49)], "atan": [(-1, 1), (0.4, 2.5), (-20, 20), (0, 1e18)],
    "gaussian": [(-27.3, 27.3), (-1, 1)], "normal_pdf": [(-38.6, 38.6), (-1, 1)],
    "standard_normal_cdf": [(-38.6, 9), (-2, 2)], "erf": [(-6, 6), (-1.2, 1.2)],
    "sqrt": [(0, 4)], "tanh": [(-373, 373), (-20, 20), (-1, 1)], "sigmoid": [(-746, 746), (-40, 40), (-2, 2)],
}  # fmt: skip


def sweep(name: str, count: int) -> Any:
    rng = np.random.default_rng(7)
    quarters = np.round(rng.uniform(-FAR, FAR, count) * (2 / math.pi)) * (math.pi / 2)  # where sines nearly vanish
    return np.concatenate([EVERY, quarters, *[rng.uniform(*interval, count) for interval in INTERVALS[name]]])


def nanoseconds(call: Callable[[], object], count: int) -> float:
    """The least time a number, of 30 rounds of 10 calls."""
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        for _ in range(10):
            call()
        times.append(time.perf_counter() - begin)
    return min(times) / 10 / count * 1e9


IN_NUMPY: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sinh": np.sinh, "cosh": np.cosh, "sin": np.sin,
    "softplus": lambda x: np.logaddexp(0, x), "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "gaussian": lambda x: np.exp(-x * x), "sqrt": np.sqrt, "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}  # fmt: skip


def speed(name: str, dtype: Any) -> tuple[float, float]:
    """Nanoseconds a number here and in NumPy, for 4,096 numbers in the nearest cache."""
    x = np.random.default_rng(7).uniform(0.01, 0.99, 4096).astype(dtype)
    outputs = [np.empty_like(x) for _ in range(OUTPUTS[name])]
    function = compiled(name, DOUBLE if dtype == np.float64 else FLOAT, "host")
    addresses = x.ctypes.data, *[y.ctypes.data for y in outputs], len(x)
    theirs = nanoseconds(lambda: IN_NUMPY[name](x), len(x)) if name in IN_NUMPY else math.nan
    return nanoseconds(lambda: function(*addresses), len(x)), theirs


def main(arguments: Sequence[str]) -> None:
    count = int(arguments[0]) if arguments else 200_000
    print("function               ulp   f32 ulp   ns, NumPy     f32 ns, NumPy")
    for name in FUNCTIONS:
        with np.errstate(over="ignore"):
            single = sweep(name, count // 10).astype(np.float32)
        errors = worst(name, sweep(name, count)), worst(name, single)
        times = *speed(name, np.float64), *speed(name, np.float32)
        print(f"{name:20} {errors[0]:5.2f} {errors[1]:9.4f}" + " {:6.1f} {:6.1f}   {:6.1f} {:6.1f}".format(*times))
