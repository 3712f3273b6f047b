"""The functions of the back end through LLVM against mpmath at 50 digits, and what their docstring promises of bits."""

from __future__ import annotations

import gc
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

pytest.importorskip("llvmlite")

from autograd.compiler.llvm import functions
from autograd.compiler.llvm.emit import DOUBLE, FLOAT, Module
from autograd.compiler.llvm.functions import FAR, FUNCTIONS, OUTPUTS, text
from autograd.compiler.llvm.target import FEATURES, Target
from benchmarks import polynomials
from benchmarks.vector_functions import INTERVALS, LARGEST, REFERENCE, SMALLEST, compiled, run, sweep, ulps, worst

BOUND, FLOAT_BOUND = 1.5, 0.51

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
