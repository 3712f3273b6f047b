"""The engines that the fuzzer compares: eager, compiled with NumPy and with LLVM, PyTorch and JAX where installed."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import autograd
from autograd import Value
from autograd.ops import TABLE
from autograd.value import apply

from .programs import Program

Pairs = tuple[float, list[float]]


def compiled(program: Program, backend: str) -> Pairs:
    """Value and gradient by the compiler; every other input is a parameter, the rest are samples. The lens looks on."""
    count = len(program.inputs)
    owned = list(range(0, count, 2))
    parameters = [Value(program.inputs[i]) for i in owned]
    given = [i for i in range(count) if i not in owned]

    def f(*arguments: list[Value]) -> Value:
        inputs: list[Any] = [None] * count
        for i, value in zip(owned, parameters):
            inputs[i] = value
        for i, value in zip(given, arguments[0] if given else []):
            inputs[i] = value
        return program.on_values(inputs)

    shapes = [(len(given),)] if given else []
    runnable = autograd.compile(f, shapes, parameters, backend=backend)
    batch = [np.array([[program.inputs[i] for i in given]] * program.samples)] if given else []
    value, by_parameters = runnable.value_and_grad(*batch)
    gradient = [0.0] * count
    for i, slope in zip(owned, by_parameters.tolist()):
        gradient[i] = slope
    if given:
        by_inputs = runnable.value_and_grad(*batch, wrt="inputs")[1][0] * program.samples
        for i, slope in zip(given, by_inputs[-1].tolist()):
            gradient[i] = slope
    runnable.lens(*[program.samples - 1] * bool(given))
    return float(value), gradient


@cache
def torch_operations() -> tuple[Any, dict[str, Callable[..., Any]]]:
    """PyTorch and its functions by the names of the table; where it has none, what its users write."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    same = "exp expm1 log log1p sqrt sin cos tan asin acos atan sinh cosh tanh sigmoid relu erf maximum minimum abs pow"
    named = {name: getattr(torch, name) for name in same.split()}
    return torch, named | {
        "softplus": functional.softplus, "silu": functional.silu, "gelu": functional.gelu,
        "leaky_relu": lambda x, slope: torch.where(x > 0, x, slope * x),
        "elu": lambda x, alpha: torch.where(x > 0, x, alpha * torch.expm1(x)),
        "gaussian": lambda x: torch.exp(-x * x),
        "normal_pdf": lambda x: torch.exp(-x * x / 2) / math.sqrt(2 * math.pi),
        "normal_cdf": torch.special.ndtr,
        "where": lambda c, x, y: torch.where(c != 0, x, y),
        "less": lambda x, y: (x < y).to(torch.float64) + 0 * x,
        "less_equal": lambda x, y: (x <= y).to(torch.float64) + 0 * x,
        "dot": lambda *xs: torch.sum(torch.stack(xs[: len(xs) // 2]) * torch.stack(xs[len(xs) // 2 :]), dim=0),
        "mean": lambda *xs: torch.mean(torch.stack(xs), dim=0),
        "log_sum_exp": lambda *xs: torch.logsumexp(torch.stack(xs), dim=0),
        "softmax": lambda *xs: torch.softmax(torch.stack(xs), dim=0)[0],
    }  # fmt: skip


@cache
def jax_operations() -> tuple[Any, dict[str, Callable[..., Any]]]:
    """JAX and its functions by the names of the table; where it has none, what its users write."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    same = "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh maximum minimum abs"
    return jax, {name: getattr(jnp, name) for name in same.split()} | {
        "asin": jnp.arcsin, "acos": jnp.arccos, "atan": jnp.arctan, "pow": jnp.power,
        "sigmoid": jax.nn.sigmoid, "softplus": jax.nn.softplus, "silu": jax.nn.silu, "relu": jax.nn.relu,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False), "erf": jax.scipy.special.erf,
        "leaky_relu": lambda x, slope: jnp.where(x > 0, x, slope * x),
        "elu": lambda x, alpha: jnp.where(x > 0, x, alpha * jnp.expm1(x)),
        "gaussian": lambda x: jnp.exp(-x * x),
        "normal_pdf": jax.scipy.stats.norm.pdf, "normal_cdf": jax.scipy.stats.norm.cdf,
        "where": lambda c, x, y: jnp.where(c != 0, x, y),
        "less": lambda x, y: (x < y) + 0.0 * x, "less_equal": lambda x, y: (x <= y) + 0.0 * x,
        "dot": lambda *xs: jnp.sum(jnp.stack(xs[: len(xs) // 2]) * jnp.stack(xs[len(xs) // 2 :]), axis=0),
        "mean": lambda *xs: jnp.mean(jnp.stack(xs), axis=0),
        "log_sum_exp": lambda *xs: jax.scipy.special.logsumexp(jnp.stack(xs), axis=0),
        "softmax": lambda *xs: jax.nn.softmax(jnp.stack(xs), axis=0)[0],
    }  # fmt: skip


ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "neg": lambda x: -x, "identity": lambda x: x, "chain": lambda x, y: x * y,
}  # fmt: skip


def with_torch(program: Program) -> Pairs:
    """Value and gradient by PyTorch, float64."""
    torch, named = torch_operations()
    number = lambda x: torch.tensor(x, dtype=torch.float64)  # noqa: E731
    inputs = [number(x).requires_grad_() for x in program.inputs]
    operations = named | ARITHMETIC
    root = program.run(inputs, number, lambda name, xs: operations[name](*xs))
    if not root.requires_grad:
        return root.item(), [0.0] * len(inputs)
    slopes = torch.autograd.grad(root, inputs, allow_unused=True)
    return root.item(), [0.0 if slope is None else slope.item() for slope in slopes]


def with_jax(program: Program) -> Pairs:
    """Value and gradient by JAX, float64, operation by operation."""
    jax, named = jax_operations()
    operations = named | ARITHMETIC

    def f(inputs: list[Any]) -> Any:
        return program.run(inputs, jax.numpy.float64, lambda name, xs: operations[name](*xs))

    value, slopes = jax.value_and_grad(f)([jax.numpy.float64(x) for x in program.inputs])
    return float(value), [float(slope) for slope in slopes]


def eager_pairs(program: Program) -> Pairs:
    """Value and gradient by the eager engine."""
    inputs = list(map(Value, program.inputs))
    root = program.on_values(inputs)
    return root.data, autograd.grad(root, inputs)


OWN: dict[str, Callable[[Program], Pairs]] = {"NumPy": lambda program: compiled(program, "numpy")}
if importlib.util.find_spec("llvmlite"):
    OWN["LLVM"] = lambda program: compiled(program, "llvm")
PEERS: dict[str, Callable[[Program], Pairs]] = {}
if importlib.util.find_spec("torch"):
    PEERS["PyTorch"] = with_torch
if importlib.util.find_spec("jax"):
    PEERS["JAX"] = with_jax


# ---- one operation at many points ---------------------------------------------------------------------------------

Columns = tuple[list[float], list[list[float]]]


def operation_eager(name: str, points: list[list[float]]) -> Columns:
    """Values and slopes of one operation at many points, by the table."""
    results = [TABLE[name].evaluate(*point) for point in points]
    return [value for value, _ in results], [list(slopes) for _, slopes in results]


@cache
def _kernel(name: str, count: int, backend: str) -> Any:
    return autograd.compile(lambda x: apply(TABLE[name], tuple(x)), [(count,)], backend=backend)


def operation_compiled(name: str, points: list[list[float]], backend: str) -> Columns:
    """The same by the compiler, all points as one batch."""
    kernel = _kernel(name, len(points[0]), backend)
    values, slopes = kernel.value_and_grad(np.array(points), wrt="inputs", per_sample=True)
    return values.tolist(), slopes[0].tolist()


def operation_torch(name: str, points: list[list[float]]) -> Columns:
    """The same by PyTorch, on tensors."""
    torch, named = torch_operations()
    columns = [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in zip(*points)]
    result = (named | ARITHMETIC)[name](*columns)
    slopes = torch.autograd.grad(result.sum(), columns, allow_unused=True)
    rows = [[0.0] * len(points) if slope is None else slope.tolist() for slope in slopes]
    return result.tolist(), list(map(list, zip(*rows)))


def operation_jax(name: str, points: list[list[float]]) -> Columns:
    """The same by JAX, on arrays."""
    jax, named = jax_operations()
    operation = (named | ARITHMETIC)[name]
    columns = [jax.numpy.array(column) for column in zip(*points)]
    result, pull = jax.vjp(operation, *columns)
    slopes = pull(jax.numpy.ones_like(result))
    return result.tolist(), list(map(list, zip(*[slope.tolist() for slope in slopes])))


OPERATIONS: dict[str, Callable[[str, list[list[float]]], Columns]] = {
    "eager": operation_eager,
    "NumPy": lambda name, points: operation_compiled(name, points, "numpy"),
}
if "LLVM" in OWN:
    OPERATIONS["LLVM"] = lambda name, points: operation_compiled(name, points, "llvm")
if "PyTorch" in PEERS:
    OPERATIONS["PyTorch"] = operation_torch
if "JAX" in PEERS:
    OPERATIONS["JAX"] = operation_jax
