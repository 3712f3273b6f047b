"""`compile`: the passes in a row."""

from __future__ import annotations

import functools
import inspect
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..value import Value
from .pack import pack
from .program import Program
from .simplify import simplify
from .trace import Scalars, Shape, flatten, read, undisturbed
from .witness import traced


def compile(
    f: Callable[..., Any] | Value | Sequence[Value],
    inputs: Iterable[Shape] | None = None,
    parameters: Iterable[Value] = (),
    dtype: str = "float64",
    backend: str = "auto",
    threads: int | None = None,
) -> Program:
    """Turn a function of one sample into a program that runs over batches; or a graph that exists into a program.

    Args:
        f: a function of Values (and of lists of Values) that returns a Value, a loss, or a list of Values, a
            prediction; or the root of a graph (or several roots) that exists already.
        inputs: the shape of one sample of each argument: ``()`` is a Value, ``(2,)`` a list of two, ``(3, 2)`` three
            lists of two. A graph has none.
        parameters: the Values to differentiate by. Other leaves that f meets are constants: their data are read now.
        dtype: ``"float64"`` or ``"float32"``.
        backend: ``"llvm"`` (machine code, with the extra ``fast``), ``"numpy"``, or ``"auto"``: the former where
            llvmlite is installed. ``"numba"`` is an old name of ``"llvm"``.
        threads: how many threads of machine code run a large batch at most; None takes one for each core that this
            process may use. The result does not depend on it, to the bit. A batch that takes less than some tenths of
            a millisecond runs on one. NumPy decides on its own.

    Raises:
        TraceError: Python control flow or ``float()`` depends on an input.
        TypeError: f returns something else than Values and numbers, or takes more or fewer arguments than ``inputs``
            lists; or a parameter is no Value.
        ValueError: a parameter is listed twice or is not a leaf; inputs, dtype, backend or threads are not understood.
    """
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype is 'float64' or 'float32', not {dtype!r}")
    if backend == "numba":
        warnings.warn(
            "backend='numba' is now called 'llvm', and needs llvmlite alone", DeprecationWarning, stacklevel=2
        )
        backend = "llvm"
    if backend not in ("auto", "numpy", "llvm"):
        raise ValueError(f"backend is 'auto', 'numpy' or 'llvm', not {backend!r}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(f"threads is a whole number of at least 1, or None for one on each core; got {threads!r}")
    leaves = _parameters(parameters)
    began = time.perf_counter()
    scalars: Scalars
    shapes: list[Shape] = []
    names: list[str] = []
    if callable(f):
        if inputs is None:
            raise ValueError("compile(f, inputs=…) needs the shape of one sample of each argument, such as [(2,), ()]")
        shapes = _shapes(f, inputs)
        names = argument_names(f, len(shapes))
        scalars, single = traced(f, shapes, names, leaves)
    else:
        if inputs is not None:
            raise ValueError("a graph has no inputs; give a function to compile something that runs over batches")
        roots = [f] if isinstance(f, Value) else flatten(list(f))
        scalars, single = read(roots, [], leaves), isinstance(f, Value)
    timings = {"trace": time.perf_counter() - began}
    again = functools.partial(compile, dtype=dtype, backend=backend, threads=threads)
    with undisturbed():
        began = time.perf_counter()
        reduced = simplify(scalars)
        timings["simplify"] = time.perf_counter() - began
        began = time.perf_counter()
        packed = pack(reduced)
        timings["pack"] = time.perf_counter() - began
        return Program(
            scalars, packed, leaves, shapes, single, dtype, backend, f, timings, names, threads=threads, compile=again
        )


def _parameters(parameters: Iterable[Value]) -> list[Value]:
    listed = list(parameters)
    for parameter in listed:
        if not isinstance(parameter, Value):
            raise TypeError(f"parameters are Values; the list holds a {type(parameter).__name__}")
        if parameter.parents:
            raise ValueError(f"a parameter must be a leaf; {parameter!r} was computed by {parameter.op}")
    if len(set(listed)) != len(listed):
        raise ValueError("a parameter is listed twice")
    return listed


def _shapes(f: Callable[..., Any], inputs: Iterable[Shape]) -> list[Shape]:
    """The shape of one sample of each argument, as many as f takes."""
    if not isinstance(inputs, Iterable):
        raise ValueError(f"inputs lists one shape per argument, such as [(2,), ()]; {inputs!r} is no list")
    shapes = [_shape(shape) for shape in inputs]
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # a callable that does not tell
        return shapes
    try:
        signature.bind(*shapes)
    except TypeError as problem:
        raise TypeError(
            f"inputs lists one shape per argument of the function, which cannot be called with {len(shapes)}: {problem}"
        ) from None
    return shapes


def _shape(shape: Any) -> Shape:
    try:
        entries = tuple(int(n) for n in shape)
    except TypeError:
        raise ValueError(f"inputs lists one shape per argument, such as [(2,), ()]; {shape!r} is not a shape") from None
    if any(n < 1 for n in entries):
        raise ValueError(f"an argument's shape has positive entries; got {shape!r}")
    return entries


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of a function's arguments, for equations and labels."""
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind in (p.POSITIONAL_ONLY,
                 p.POSITIONAL_OR_KEYWORD)]  # fmt: skip
    except (TypeError, ValueError):
        names = []
    return (names + [f"x{i + 1}" for i in range(len(names), count)])[:count]
