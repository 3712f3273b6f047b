"""The compiler: random programs agree with the eager engine, on every backend and in every corner of the interface."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, ops
from autograd.compiler import compile
from autograd.compiler.trace import flatten
from autograd.value import apply

BACKENDS = ["numpy"] + (["llvm"] if importlib.util.find_spec("llvmlite") else [])
SCALAR = [op for op in ops.TABLE.values() if not op.takes_list]
LISTS = ["dot", "mean", "log_sum_exp", "softmax"]


def eager(f: Callable[..., Any], parameters: Sequence[Value], arrays: Sequence[Any]) -> tuple[float, list[float], Any]:
    """Mean loss, gradient, and for each parameter the size of the terms that its gradient is a sum of."""
    samples = len(arrays[0]) if arrays else 1
    for parameter in parameters:
        parameter.grad = 0.0
    losses = []
    for i in range(samples):
        arguments = [as_values(np.asarray(array[i], float).tolist()) for array in arrays]
        losses.append(f(*arguments))
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    mean = total * (1.0 / samples)
    mean.backward()
    return mean.data, [p.grad for p in parameters], magnitudes(mean, parameters)


def as_values(entry: Any) -> Any:
    return [as_values(x) for x in entry] if isinstance(entry, list) else Value(entry)


def magnitudes(root: Value, parameters: Sequence[Value]) -> Any:
    """Condition: the size of the root's terms, and of each gradient's, to which rounding errors are relative."""
    order = autograd.graph.topological(root)
    size: dict[Value, float] = {}
    for node in order:
        size[node] = abs(node.data) + sum(abs(d) * size[p] for p, d in zip(node.parents, node.local_derivatives))
    influence = dict.fromkeys(order, 0.0)
    influence[root] = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.local_derivatives):
            influence[parent] += influence[node] * abs(slope)
    return size[root], [influence.get(p, 0.0) for p in parameters]


def agree(compiled: float, scalar: float, scale: float, relative: float = 1e-12) -> bool:
    if math.isnan(scalar) or math.isnan(compiled):
        return math.isnan(scalar) and math.isnan(compiled)
    if math.isinf(scalar) or math.isinf(compiled):  # its sign can be that of a zero, which the order of a sum decides
        return math.isinf(scalar) and math.isinf(compiled)
    return abs(compiled - scalar) <= relative * max(scale, abs(scalar)) or not math.isfinite(scale)


def odd_shared(root: Value, inputs: Sequence[Value]) -> bool:
    """Whether something that depends on parameters alone has a slope that is not finite.

    A program computes it once for all samples, and adds their adjoints before they meet that slope. If they cancel to
    an exact zero, it carries nothing, and else the product is infinite; the eager engine multiplies first, sample by
    sample, and gets inf − inf, a nan.
    """
    varying = set(inputs)
    for node in autograd.graph.topological(root):
        if not varying.isdisjoint(node.parents):
            varying.add(node)
        elif not all(map(math.isfinite, node.local_derivatives)):
            return True
    return False


def assert_same(
    f: Callable[..., Any], shapes: Sequence[Any], parameters: Sequence[Value], arrays: Sequence[Any], backend: str
) -> Any:
    program = compile(f, shapes, parameters, backend=backend)
    program.witness.known = 2  # all that it would compare is compared here
    loss, gradient = program.value_and_grad(*arrays)
    expected, slopes, (size, sizes) = eager(f, parameters, arrays)
    assert agree(loss, expected, size), (loss, expected)
    for n, (compiled, slope, scale) in enumerate(zip(gradient.tolist(), slopes, sizes)):
        alone = (compiled == 0 or math.isinf(compiled)) and math.isnan(slope) and odd_shared(*one_sample(f, arrays))
        assert alone or agree(compiled, slope, scale), (n, compiled, slope, scale)
    return program


def one_sample(f: Callable[..., Any], arrays: Sequence[Any]) -> tuple[Value, list[Value]]:
    """The graph of the first sample and its inputs."""
    arguments = [as_values(np.asarray(array[0], float).tolist()) for array in arrays]
    return f(*arguments), flatten(arguments)


# ---- random programs --------------------------------------------------------------------------------------------

NUMBERS = st.floats(-3.0, 3.0).map(lambda x: round(x, 3) + 0.0)


@st.composite
def programs(draw: Any) -> tuple[Callable[..., Value], list[float], np.ndarray]:
    """A function of three inputs and some parameters, parameter values, and a batch."""
    n_parameters = draw(st.integers(1, 4))
    length = draw(st.integers(1, 12))
    steps = []
    for position in range(length):
        known = 3 + n_parameters + 1 + position
        operand = st.integers(0, known - 1)
        if draw(st.integers(0, 4)) == 0:
            steps.append((draw(st.sampled_from(LISTS)), draw(st.lists(operand, min_size=2, max_size=6))))
        else:
            op = draw(st.sampled_from(SCALAR))
            steps.append((op.name, [draw(operand) for _ in op.arguments]))
    constant = draw(NUMBERS)
    data = draw(st.lists(NUMBERS, min_size=n_parameters, max_size=n_parameters))
    samples = draw(st.integers(1, 3))
    batch = np.array(draw(st.lists(NUMBERS, min_size=3 * samples, max_size=3 * samples))).reshape(samples, 3)
    return Sketch(steps, constant), data, batch


@dataclass
class Sketch:
    """A program: operations on what was computed before them, of which the last and a middle one are the result."""

    steps: list[tuple[str, list[int]]]
    constant: float

    def __call__(self, x: list[Value], *, parameters: list[Value]) -> Value:
        nodes: list[Any] = [*x, *parameters, Value(self.constant)]
        for name, operands in self.steps:
            chosen = [nodes[i] for i in operands]
            if name == "dot":
                half = len(chosen) // 2
                nodes.append(autograd.dot(chosen[:half], chosen[half : 2 * half]))
            elif name in ("mean", "log_sum_exp"):
                nodes.append(getattr(autograd, name)(chosen))
            elif name == "softmax":
                nodes.append(autograd.softmax(chosen)[0])
            else:
                nodes.append(apply(ops.TABLE[name], tuple(chosen)))
        return nodes[-1] + nodes[-1 - len(self.steps) // 2] * 0.5


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=400)
@given(program=programs())
def test_random_programs_agree_with_the_eager_engine(backend: str, program: Any) -> None:
    f, data, batch = program
    parameters = [Value(x) for x in data]
    program = assert_same(lambda x: f(x, parameters=parameters), [(3,)], parameters, [batch], backend)
    program.lens(len(batch) - 1)  # compares every number of that sample


def test_an_llvmlite_that_does_not_import_is_replaced_by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")

    def broken(*_: object) -> None:
        raise ImportError("llvmlite needs another Python")

    monkeypatch.setattr("autograd.compiler.llvm.backend.LlvmMachine", broken)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())  # installed, whether it is here or not
    w = Value(2.0)
    with pytest.warns(UserWarning, match="NumPy runs the program"):
        program = autograd.compile(lambda x: w * x, inputs=((),), parameters=[w])
    assert program.backend == "numpy" and program([3.0]).tolist() == [6.0]
    with pytest.raises(ImportError, match="llvmlite needs"):
        autograd.compile(lambda x: w * x, inputs=((),), parameters=[w], backend="llvm")


def test_the_old_name_of_the_fast_back_end() -> None:
    pytest.importorskip("llvmlite")
    w = Value(2.0)
    with pytest.warns(DeprecationWarning, match="now called 'llvm'"):
        program = autograd.compile(lambda x: w * x, inputs=((),), parameters=[w], backend="numba")
    assert program.backend == "llvm" and program([3.0]).tolist() == [6.0]
