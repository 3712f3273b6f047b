"""The functions of the back end through LLVM against mpmath at 50 digits, and what their docstring promises of bits."""

from __future__ import annotations

import gc
import math
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

pytest.importorskip("llvmlite")

from autograd.compiler.llvm import functions
from autograd.compiler.llvm.emit import DOUBLE, FLOAT, Module, Type
from autograd.compiler.llvm.functions import FAR, FUNCTIONS, OUTPUTS, text
from autograd.compiler.llvm.target import FEATURES, Target
from benchmarks import polynomials

BOUND, FLOAT_BOUND = 1.5, 0.51
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
    "tanh": (within(800, mp.tanh), within(800, lambda x: mp.sech(x) ** 2)),
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


each = pytest.mark.parametrize("name", list(FUNCTIONS))


def test_everything_is_tested() -> None:
    assert {*REFERENCE} == {*INTERVALS} == {*FUNCTIONS}
    assert all(len(REFERENCE[name]) == OUTPUTS[name] for name in FUNCTIONS)


@each
def test_values_and_slopes(name: str) -> None:
    assert worst(name, sweep(name, 300)) <= BOUND


@each
def test_any_argument(name: str) -> None:
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.lists(st.floats(), min_size=1, max_size=20))
    def check(xs: list[float]) -> None:
        assert worst(name, np.array(xs)) <= BOUND

    check()


@each
def test_single_precision(name: str) -> None:
    with np.errstate(over="ignore"):
        x = np.concatenate([sweep(name, 60), 10.0 ** np.linspace(-46, 39, 200)]).astype(np.float32)
    assert worst(name, x) <= FLOAT_BOUND


@each
def test_without_fma_the_bound_holds(name: str) -> None:
    if not Target("x86-64").runs_here:
        pytest.skip("no x86-64")
    assert worst(name, sweep(name, 100), "x86-64") <= BOUND


@each
def test_zeros_keep_their_sign(name: str) -> None:
    (positive, negative), *_ = run(name, np.array([0.0, -0.0]))
    if positive == 0:  # each of these is odd, or a root
        assert (math.copysign(1, positive), math.copysign(1, negative)) == (1, -1)


def bits(arrays: Sequence[Any]) -> list[Any]:
    """Bits as integers, all nans alike."""
    same = [np.where(np.isnan(a), np.array(math.nan, a.dtype), a) for a in arrays]
    return [a.view(np.int64 if a.dtype == np.float64 else np.int32).tolist() for a in same]


@each
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_bits_on_every_cpu_with_fma(name: str, dtype: Any) -> None:
    with np.errstate(over="ignore"):
        x = sweep(name, 500).astype(dtype)
    expected = bits(run(name, x))
    for cpu in ("haswell", "skylake-avx512"):
        if Target(cpu).runs_here:
            assert bits(run(name, x, cpu)) == expected
    assert bits(run(name, x)) == expected


@pytest.mark.parametrize("cpu", FEATURES)
def test_code_for_another_cpu(cpu: str) -> None:
    target = Target(cpu)
    if not Target("x86-64").runs_here:
        pytest.skip("no x86-64")
    assembly = target.assembly(text("tanh", DOUBLE, target.has_fma))
    assert ("vfmadd" in assembly) == target.has_fma
    assert ("zmm" in assembly) == (cpu == "skylake-avx512")
    assert "call" not in assembly


@each
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000])
def test_nothing_outside_the_arrays_is_touched(name: str, dtype: Any, count: int) -> None:
    x = np.linspace(0.1, 0.9, count + 20).astype(dtype)
    outputs = [np.full(count + 20, -7.0, dtype) for _ in range(OUTPUTS[name])]
    kind = DOUBLE if dtype == np.float64 else FLOAT
    compiled(name, kind, "host")(x[10:].ctypes.data, *[y[10:].ctypes.data for y in outputs], count)
    assert x.tolist() == np.linspace(0.1, 0.9, count + 20).astype(dtype).tolist()
    alone = [[float(run(name, x[i : i + 1])[k][0]) for i in range(10, 10 + count)] for k in range(OUTPUTS[name])]
    for y, expected in zip(outputs, alone):  # nor does a result depend on its lane or on the length
        assert y.tolist() == [-7.0] * 10 + expected + [-7.0] * 10


def test_in_place() -> None:
    x = np.linspace(-2, 2, 21)
    expected = run("exp", x)[0].tolist()
    compiled("exp", DOUBLE, "host")(x.ctypes.data, x.ctypes.data, len(x))
    assert x.tolist() == expected


def test_a_function_keeps_its_code() -> None:
    function = Target().function(text("exp"), "each_exp", 2)
    gc.collect()
    x = np.zeros(3)
    function(x.ctypes.data, x.ctypes.data, 3)
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_no_leave_to_reorder() -> None:
    flags = ("fast", "reassoc", "contract", "arcp", "afn", "nnan", "ninf", "nsz")
    for name in FUNCTIONS:
        words = text(name).replace(",", " ").split()
        assert not {*flags} & {*words}
        assert "fma" not in text(name, fma=False)


@pytest.mark.parametrize("name", list(polynomials.FITS))
def test_polynomials_are_made_again(name: str) -> None:
    assert getattr(functions, name) == tuple(tuple(polynomials.fit(name, brief)[0]) for brief in (False, True))


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("EXPONENTIAL", "exp"),
        ("LOGARITHM", "log"),
        ("SINE", "sin"),
        ("COSINE", "cos"),
        ("ARC_SINE", "acos"),
        ("ARC_TANGENT", "atan"),
        ("TAIL", "standard_normal_cdf"),
    ],
)
def test_a_wrong_coefficient_is_found(table: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, second, *others), brief = getattr(functions, table)
    monkeypatch.setattr(functions, table, ((first, second * (1 + 1e-12), *others), brief))
    wrong = Target().function(text(name), f"each_{name}", 2)
    x = sweep(name, 300)
    x = x[np.isfinite(x) & (abs(x) < FAR)]
    y = np.empty_like(x)
    wrong(x.ctypes.data, y.ctypes.data, len(x))
    with mp.workdps(50):
        assert max(ulps(float(v), REFERENCE[name][0](mpf(float(at)))) for v, at in zip(y, x)) > BOUND


def test_a_wrong_text_is_refused() -> None:
    with pytest.raises(RuntimeError):
        Target().function("nonsense", "each", 2)
    with pytest.raises(RuntimeError, match="no function each_log"):
        Target().function(text("exp"), "each_log", 2)
    with pytest.raises(ValueError, match="unknown CPU"):
        Target("vax")
    module = Module()
    with pytest.raises(TypeError, match="beside"):
        module.elementwise("f", DOUBLE, 1, 1, lambda x: (x + x.bits(),))


def test_numbers_are_written_to_the_bit() -> None:
    from autograd.compiler.llvm.emit import literal

    for x in (0.1, -0.0, SMALLEST, LARGEST, math.inf):
        assert literal(x, "double") == f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"
    assert literal(0.1, "float") == literal(float(np.float32(0.1)), "double")
