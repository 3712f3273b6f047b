"""Machine code through LLVM: every shape of kernel, every batch size, every target; memory, bits, and the cache."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiling import moons, rng, same, weights
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, compile
from autograd.compiler.llvm.backend import MOST_FORMS
from autograd.compiler.llvm.forms import OPEN

pytestmark = pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="llvmlite is not installed")

SIZES = [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000]


def network(sizes: list[int], activation: str = "tanh", **options: Any) -> Any:
    model = nn.MLP(sizes[0], sizes[1:], activation=activation, seed=1)
    targets = () if sizes[-1] == 1 else (sizes[-1],)
    return compile(
        lambda x, y: nn.mse_loss(model(x), y), [(sizes[0],), targets], model.parameters(), **options
    )  # fmt: skip


def data(sizes: list[int], samples: int) -> tuple[Any, Any]:
    random = np.random.default_rng(samples)
    return random.normal(size=(samples, sizes[0])), random.normal(size=(samples, sizes[-1])).squeeze()


# ---- agreement --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", [[2, 16, 16, 1], [3, 5, 2], [30, 7, 9], [8, 8, 8, 8, 1]])
def test_every_batch_size(sizes: list[int], dtype: str) -> None:
    fast, reference = (network(sizes, dtype=dtype, backend=b) for b in ("llvm", "numpy"))
    tolerance = {"float64": 1e-12, "float32": 2e-5}[dtype]
    for samples in SIZES:
        X, y = data(sizes, samples)
        y = y.reshape((samples, *fast.shapes[1]))
        for wrt in ("parameters", "inputs"):
            for each in (False, True):
                found = fast.value_and_grad(X, y, wrt=wrt, per_sample=each)
                expected = reference.value_and_grad(X, y, wrt=wrt, per_sample=each)
                for a, b in zip(*[[x[0], *(x[1] if wrt == "inputs" else [x[1]])] for x in (found, expected)]):
                    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(fast(X, y), reference(X, y), rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3, 8, 20]),
    st.sampled_from(["float64", "float32"]),
)  # fmt: skip
def test_products_of_every_shape(i: int, j: int, k: int, samples: int, dtype: str) -> None:
    """A product of samples with weights, of weights with weights, and of samples with samples."""
    random = np.random.default_rng(i + 20 * j + 400 * k)
    W = [[Value(x) for x in row] for row in random.normal(size=(i, k)).tolist()]
    V = [[Value(x) for x in row] for row in random.normal(size=(j, k)).tolist()]

    def f(x: Any) -> Any:
        y = [autograd.dot(row, x[0]) for row in W]
        z = [autograd.dot(row, [a * b for a, b in zip(x[0], x[1])]) for row in V]
        shared = [autograd.dot(a, b) for a in W for b in V]
        return (
            autograd.dot(x[0], x[1]) * autograd.mean(y).tanh() + autograd.dot(z, z)
            + autograd.log_sum_exp([*y, *z]) + autograd.mean([s.sin() for s in shared])
        )  # fmt: skip

    X = random.normal(size=(samples, 2, k))
    parameters = [v for row in (*W, *V) for v in row]
    programs = [compile(f, [(2, k)], parameters, dtype=dtype, backend=backend) for backend in ("llvm", "numpy")]
    (value, gradient), (expected, slopes) = (program.value_and_grad(X) for program in programs)
    tolerance = {"float64": 1e-12, "float32": 1e-4}[dtype]
    assert math.isclose(value, expected, rel_tol=tolerance)
    np.testing.assert_allclose(gradient, slopes, rtol=tolerance, atol=tolerance * max(1.0, float(abs(slopes).max())))


@pytest.mark.parametrize("count", [1, 2, 3, 9, 40])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "log_sum_exp"])
def test_functions_of_lists(name: str, count: int) -> None:
    w = weights(count)

    def f(x: Any) -> Any:
        found = getattr(autograd, name)([a * x[i % 3] for i, a in enumerate(w)])
        return found if name == "log_sum_exp" else list(found)

    same(f, (3,), w, "llvm")


@pytest.mark.parametrize(
    "entries",
    [[800.0, 0.0, -800.0], [math.inf, 1.0, math.inf], [-math.inf] * 3, [math.nan, 1.0, 2.0], [1e-17, 40.0, 39.0]],
)
def test_lists_at_their_edges(entries: list[float]) -> None:
    for name in ("softmax", "log_softmax", "log_sum_exp"):

        def f(x: Any, name: str = name) -> Any:
            found = getattr(autograd, name)(x)
            return found if name == "log_sum_exp" else list(found)

        fast, slow = (compile(f, [(3,)], backend=b) for b in ("llvm", "numpy"))
        for samples in (1, 11):
            batch = np.array([entries] * samples)
            np.testing.assert_allclose(fast(batch), slow(batch), rtol=1e-14)


POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 1e-310, -1e308, math.inf, -math.inf, math.nan, 1e5, 1e22, -7.0]


@pytest.mark.parametrize("name", ["mod", "atan2", "hypot", "pow"])
def test_functions_of_two_numbers(name: str) -> None:
    pairs = np.array([[x, y] for x in POINTS for y in POINTS])
    fast, slow = (
        compile(lambda x: autograd.ops.TABLE and autograd.value.apply(autograd.ops.TABLE[name], tuple(x)), [(2,)],
                backend=backend) for backend in ("llvm", "numpy")
    )  # fmt: skip
    found, expected = fast(pairs), slow(pairs)
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert np.array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0])) or name == "mod"


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, -0.5, 1.5, 4.0, -2.0])
def test_powers_with_a_known_exponent(exponent: float) -> None:
    fast, slow = (compile(lambda x: x**exponent, [()], backend=backend) for backend in ("llvm", "numpy"))
    np.testing.assert_allclose(fast(np.array(POINTS)), slow(np.array(POINTS)), rtol=1e-15)


def test_a_loop_that_was_unrolled_has_no_more_kernels() -> None:
    counts = []
    for steps in (3, 30):
        w = weights(2)

        def f(x: Any, steps: int = steps, w: Any = w) -> Any:
            for _ in range(steps):
                x = (w[0] * x + w[1]).tanh()
            return x

        program = compile(f, [()], w, backend="llvm")
        program.value_and_grad(np.linspace(-1, 1, 20))
        counts.append(program._machine._variants[True].kernels)
    assert counts[1] <= counts[0] + 2


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("samples", [1, 2, 9, 65])
def test_open_forms_compute_the_same(samples: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.MLP(3, [5, 4], "tanh", seed=1)

    def loss(x: Any, y: Any) -> Any:
        p, q, *_ = model(x)
        powers = (abs(x[0]) + 1) ** p + x[1] ** 2 + x[2] ** 3
        return nn.mse_loss([p, q], y) + powers + p.maximum(q.sin()) + p.exp()

    def program() -> Any:
        return compile(loss, [(3,), (2,)], model.parameters(), dtype=dtype, backend="llvm")

    X, y = (np.random.default_rng(samples).normal(size=(samples, n)) for n in (3, 2))
    expected = program().value_and_grad(X, y)
    monkeypatch.setattr("autograd.compiler.llvm.backend.MOST_FORMS", 0)
    opened = program()
    found = opened.value_and_grad(X, y)
    forms = {form for part in opened._machine._variants[samples > 1].forms for form in part}
    assert OPEN in {n for form in forms for n in form.lengths} or samples > 1
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    np.testing.assert_allclose(found[1], expected[1], rtol=tolerance, atol=tolerance)


def test_an_irregular_graph_needs_few_kernels() -> None:
    random = np.random.default_rng(0)
    leaves = weights(9)
    nodes = list(leaves)
    for _ in range(2_500):
        a, b = nodes[random.integers(max(0, len(nodes) - 60), len(nodes))], nodes[random.integers(len(nodes))]
        made = [a + b, a * b * 0.5, (a * 0.5).tanh(), (a - b).sin(), a / (b * b + 1.0), (b * 0.1).exp()]
        nodes.append(made[random.integers(6)])
    root = autograd.mean(nodes[-50:])
    program = compile(root, parameters=leaves, backend="llvm")
    value, gradient = program.value_and_grad()
    root.backward()
    assert value == pytest.approx(root.data, rel=1e-12)
    np.testing.assert_allclose(gradient, [leaf.grad for leaf in leaves], rtol=1e-9, atol=1e-12)
    variant = program._machine._variants[False]
    assert variant.kernels < MOST_FORMS < sum(map(len, variant.forms))


# ---- memory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nothing_around_the_memory_or_the_arrays_is_touched(dtype: str) -> None:
    sizes = [5, 11, 3]
    program = network(sizes, dtype=dtype, backend="llvm")
    for samples in (1, 2, 8, 9, 33):
        room = [np.full((samples + 8) * n, np.nan, dtype) for n in (5, 3)]
        X, y = (r[4 * n : (4 + samples) * n].reshape(samples, n) for r, n in zip(room, (5, 3)))
        X[:], y[:] = data(sizes, samples)
        results = np.full((samples + 8, 1), -7.0, dtype)
        batch = program._looked_at((X, y), None)
        program._machine.differentiate(batch, False, results[4 : 4 + samples])
        assert np.isfinite(program._machine.gradient).all()  # nothing of the nan around was read
        assert (results[:4] == -7).all() and (results[4 + samples :] == -7).all()
        assert np.isfinite(results[4 : 4 + samples]).all() and (results[4 : 4 + samples] >= 0).all()


def test_a_call_that_reaches_outside_is_refused() -> None:
    from autograd.compiler.llvm import backend
    from autograd.compiler.trace import FormError

    program = network([2, 3, 1], backend="llvm")
    lowered = program._lowered
    machine = backend.LlvmMachine(lowered, np.dtype("float64"))
    machine.memory = machine.memory[:10]
    with pytest.raises(FormError, match="outside the memory"):
        machine._variant(2)


def test_rows_are_read_where_they_lie() -> None:
    sizes = [40, 6, 1]
    program, reference = (network(sizes, backend=b) for b in ("llvm", "numpy"))
    X, y = data(sizes, 50)
    for rows in ([3], [49, 0, 7], list(range(50))[::-1], [5] * 17):
        for arrays in ((X, y), (np.asfortranarray(X), y), (X.astype(np.float32), y), (X[:, ::-1], y)):
            found = [p.step(*arrays, nn.SGD(p.parameters, 1e-3), rows=rows) for p in (program, reference)]
            assert found[0] == pytest.approx(found[1], rel=1e-12)
    np.testing.assert_allclose(program.theta, reference.theta, rtol=1e-12)
    frozen = X.copy()
    frozen.flags.writeable = False
    assert program(frozen, y).tolist() == program(X, y).tolist()


def test_an_infinity_in_the_last_sample_counts_once() -> None:
    """Spare lanes repeat the last sample, and count nothing."""
    w = Value(1.0)
    program = compile(lambda x: w * x, [()], [w], backend="llvm")
    loss, gradient = program.value_and_grad(np.array([1.0, 2.0, math.inf]))
    assert loss == math.inf and gradient.tolist() == [math.inf]
    assert program.value_and_grad(np.array([1.0, 2.0, 3.0]))[0] == 2.0


# ---- bits -------------------------------------------------------------------------------------------------------

BITS = """
import sys
import numpy as np
import nn
from autograd import compile
from autograd.compiler.llvm import target
if sys.argv[1] != "host":
    target.host = lambda made=target.Target(sys.argv[1]): made
    import autograd.compiler.llvm.backend as backend
    backend.host = target.host
model = nn.MLP(9, [21, 13, 4], activation="tanh", seed=1)
for dtype in ("float64", "float32"):
    program = compile(lambda x, y: nn.cross_entropy(model(x), y), [(9,), (4,)], model.parameters(), dtype=dtype)
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(77, 9)), np.eye(4)[random.integers(0, 4, 77)]
    optimizer = nn.Adam(model.parameters(), 0.01)
    losses = [program.step(X[:n], Y[:n], optimizer) for n in (77, 1, 30, 8)]
    print(losses, program.theta.tobytes().hex())
"""


def bits(cpu: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BITS, cpu], capture_output=True, text=True, env={**os.environ, **environment}, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_the_same_bits_in_every_process_and_on_every_cpu_with_fma() -> None:
    from autograd.compiler.llvm.target import Target

    if not Target("haswell").runs_here:
        pytest.skip("no AVX2")
    expected = bits("host")
    assert len(expected.splitlines()) == 2
    assert bits("host", OPENBLAS_CORETYPE="Prescott", OMP_NUM_THREADS="2", TRACEGRAD_CACHE="") == expected
    for cpu in ("haswell", "skylake-avx512"):
        if Target(cpu).runs_here:
            assert bits(cpu) == expected


@pytest.mark.slow
def test_a_cpu_without_fma() -> None:
    from autograd.compiler.llvm.target import Target

    if not Target("x86-64").runs_here:
        pytest.skip("no x86-64")
    found, expected = (eval(bits(cpu).split("]")[0] + "]") for cpu in ("x86-64", "host"))
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_batch_does_not_depend_on_what_ran_before() -> None:
    first, second = moons(backend="llvm"), moons(backend="llvm")
    X, y = rng().normal(size=(100, 2)), np.sign(rng().normal(size=100))
    second.value_and_grad(X[:3] * 1e200, y[:3])
    second(X, y)
    assert first.value_and_grad(X, y)[1].tobytes() == second.value_and_grad(X, y)[1].tobytes()


# ---- the cache --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRACEGRAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run_once() -> float:
    w = Value(2.0)
    return float(compile(lambda x: (w * x).tanh(), [()], [w], backend="llvm")(np.array([0.5, 0.25]))[0])


def test_what_was_compiled_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler.llvm.target import Target

    assert run_once() == math.tanh(1.0)
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    assert kept and all(path.suffix == ".o" for path in kept)
    monkeypatch.setattr(Target, "_parsed", None)  # nothing is compiled again
    assert run_once() == math.tanh(1.0)
    assert {path: path.read_bytes() for path in folder.iterdir()} == kept


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_what_is_damaged_is_made_again(folder: Path, damage: bytes | None) -> None:
    run_once()
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    for path, content in whole.items():
        path.write_bytes(content[:-5] if damage is None else damage)
    assert run_once() == math.tanh(1.0)
    assert {path: path.read_bytes() for path in folder.iterdir()} == whole


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    for where in (tmp_path / "file", tmp_path / "file" / "below", ""):
        monkeypatch.setenv("TRACEGRAD_CACHE", str(where))
        assert run_once() == math.tanh(1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_old_files_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler.llvm import cache

    monkeypatch.setattr(cache, "KEPT", 10)
    for i in range(14):
        cache.write(f"{i:02}", bytes([i]))
        if (folder / f"{i:02}.o").exists():
            os.utime(folder / f"{i:02}.o", (i, i))
    left = sorted(path.stem for path in folder.glob("*.o"))
    assert len(left) <= 10 and left[-1] == "13" and cache.read("13") == bytes([13]) and cache.read("00") is None
