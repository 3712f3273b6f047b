"""Programs as ONNX files: their values in ONNX's reference evaluator and in ONNX Runtime, beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.operation import TABLE
from autograd.value import apply

onnx = pytest.importorskip("onnx")
from onnx.reference import ReferenceEvaluator  # noqa: E402 (after the skip)

RANDOM = np.random.default_rng(1)
POINTWISE = [op.name for op in TABLE.values() if not op.takes_list]


WITH_ERF = {"erf", "normal_cdf", "gelu"}
"""The reference evaluator computes erf in single precision, and ONNX Runtime has it for float32 alone."""


def beside(program: autograd.compiler.Program, path: Path, *arrays: np.ndarray, erf: bool = False) -> None:
    """Compare results, in both precisions."""
    for dtype, close in (("float64", 1e-7 if erf else 1e-12), ("float32", 2e-5)):
        program.to_onnx(path, dtype)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        names = [x.name for x in model.graph.input]
        given = {name: array.astype(dtype) for name, array in zip(names, arrays)}
        wanted = program(*arrays)
        results = [ReferenceEvaluator(model).run(None, given)[0]]
        if not (erf and dtype == "float64"):
            runtime = pytest.importorskip("onnxruntime")
            session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            results.append(session.run(None, given)[0])
        for found in results:
            assert found.dtype == dtype
            assert found.shape == wanted.shape
            assert np.allclose(found, wanted, rtol=close, atol=close * np.abs(wanted).max())


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus", "elu", "gelu"])
def test_networks(activation: str, tmp_path: Path) -> None:
    model = nn.MLP(3, [5, 4, 2], activation=activation, seed=1)
    program = autograd.compile(model, inputs=[(3,)], parameters=model.parameters())
    beside(program, tmp_path / "model.onnx", RANDOM.normal(size=(7, 3)), erf=activation in WITH_ERF)


def test_lists_and_products_of_arguments(tmp_path: Path) -> None:
    w = [Value(x, label=f"w{i}") for i, x in enumerate((0.5, -1.0, 2.0))]

    def attention(q: list[list[Value]], k: list[list[Value]]) -> list[Value]:
        scores = [[autograd.dot([a * b for a, b in zip(row, w)], other) for other in k] for row in q]
        return [autograd.log_sum_exp(scores[0]), autograd.softmax(scores[1])[0], autograd.log_softmax(scores[2])[1]]

    program = autograd.compile(attention, inputs=[(4, 3), (4, 3)], parameters=w)
    beside(program, tmp_path / "model.onnx", RANDOM.normal(size=(5, 4, 3)), RANDOM.normal(size=(5, 4, 3)))


@pytest.mark.parametrize("name", POINTWISE)
def test_every_operation(name: str, tmp_path: Path) -> None:
    program = autograd.compile(
        lambda x: apply(TABLE[name], tuple(x[: len(TABLE[name].arguments)])), inputs=[(3,)],
    )  # fmt: skip
    points = np.array([(0.3, 1.7, 2.0), (0.8, 0.4, 0.9), (1.6, 2.5, 3.0), (1e-9, -0.7, 0.3), (-0.6, -0.2, 0.1)])
    with np.errstate(all="ignore"):
        good = np.isfinite(program(points))
    path = tmp_path / "model.onnx"
    program.to_onnx(path, "float64")
    found = ReferenceEvaluator(onnx.load(path)).run(None, {"x": points[good]})[0]
    assert found == pytest.approx(program(points[good]), rel=1e-7 if name in WITH_ERF else 1e-12)


def test_a_loop_and_parameters_by_name(tmp_path: Path) -> None:
    many = [Value(0.02 * i - 0.3, label=f"c{i}") for i in range(30)]

    def horner(x: Any) -> Any:
        total = many[0]
        for coefficient in many[1:]:
            total = total * x + coefficient
        return total

    program = autograd.compile(horner, inputs=[()], parameters=many)
    beside(program, tmp_path / "model.onnx", RANDOM.normal(size=4))
    stored = {x.name: x for x in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert np.allclose(onnx.numpy_helper.to_array(stored["c"]), [c.data for c in many])


def test_without_arguments(tmp_path: Path) -> None:
    model = nn.MLP(3, [5, 2], activation="tanh", seed=1)
    program = autograd.compile(autograd.dot(model.parameters(), model.parameters()), parameters=model.parameters())
    beside(program, tmp_path / "model.onnx")
    constant = autograd.compile(lambda x: Value(2.0) * 3.0, inputs=[()])
    beside(constant, tmp_path / "model.onnx", np.ones(3))


def test_refusals(tmp_path: Path) -> None:
    w = Value(1.0)
    program = autograd.compile(lambda x: w * x, inputs=[()], parameters=[w])
    with pytest.raises(ValueError, match="dtype is 'float32' or 'float64', not 'int8'"):
        program.to_onnx(tmp_path / "model.onnx", "int8")
    with pytest.raises(OSError, match="nothing was saved"):
        program.to_onnx(tmp_path / "missing" / "model.onnx")
    assert not [*tmp_path.iterdir()]
