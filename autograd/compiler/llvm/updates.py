"""Update rules of optimizers as machine code: one pass through memory, in place of one for each term.

A rule is a Python function of a parameter, its gradient and its state, written for floats and arrays alike. Run on
vectors, it writes its own kernel: there is no second version of it, and in float64 the bits are those of the arrays.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..trace import Array, Ints
from .emit import DOUBLE, FLOAT, Index, Module, Type, Vector
from .target import address_of, host

Rule = Callable[..., Any]


class _Number:
    """A number that changes from step to step: how to compute it, from the learning rate and the number of the step.

    Where it meets a vector, it becomes one of the numbers that are handed to the machine code.
    """

    def __init__(self, value: Callable[[float, float], float], read: Callable[[_Number], Vector]) -> None:
        self.value, self._read = value, read

    def _with(self, other: Any, operation: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, Vector):
            return operation(self._read(self), other)
        own = self.value
        of = other.value if isinstance(other, _Number) else lambda lr, step: other
        return _Number(lambda lr, step: operation(own(lr, step), of(lr, step)), self._read)

    def __add__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: x + y)

    def __radd__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: y + x)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: x - y)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: y - x)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: x * y)

    def __rmul__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: y * x)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: x / y)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: y / x)

    def __rpow__(self, other: Any) -> Any:
        return self._with(other, lambda x, y: y**x)


class Update:
    """The rule of an optimizer with its settings, for arrays of one dtype.

    Args:
        rule: ``rule(p, g, state, lr, step, *settings) -> (p, state)``.
        variables: how many state variables it has.
        settings: its further numbers.
        dtype: float64 or float32.
    """

    def __init__(self, rule: Rule, variables: int, settings: Sequence[float], dtype: Any) -> None:
        self.dtype, kind = np.dtype(dtype), DOUBLE if np.dtype(dtype) == np.float64 else FLOAT
        module, found = Module(host().has_fma), list[Callable[[float, float], float]]()
        names = ["%p", "%g", *[f"%s{i}" for i in range(variables)]]

        def step(kind: Type) -> Callable[[Index], None]:
            def read(number: _Number) -> Vector:
                found.append(number.value)
                return module.load_everywhere(kind, module.at("%numbers", kind.element, (len(found) - 1, 1)))

            def body(index: Index) -> None:
                places = [module.at(name, kind.element, (index, 1)) for name in names]
                p, g, *state = [module.load(kind, place) for place in places]
                lr, count = _Number(lambda lr, step: lr, read), _Number(lambda lr, step: step, read)
                p, state = rule(p, g, tuple(state), lr, count, *settings)
                for place, value in zip([places[0], *places[2:]], (p, *state)):
                    module.store(value, place)

            return body

        def whole() -> None:
            for i, name in enumerate(names):
                module.argument(name, i)
            bulk = module.assign(f"and i64 %n, {-kind.lanes}")
            module.loop(bulk, step(kind), step=kind.lanes)
            module.loop("%n", step(Type(kind.element, 1)), start=bulk)

        module.function("tracegrad_update", ["ptr %arguments", "ptr %numbers", "i64 %n"], whole)
        self._values = found
        self._code = host().compiled(module.text())
        self.address = self._code.address("tracegrad_update")
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(self.address)
        self._given, self._told = np.zeros(len(names), np.int64), np.zeros(len(found) or 1, self.dtype)
        self._addresses = self._given.ctypes.data, self._told.ctypes.data

    def numbers(self, lr: float, step: float) -> list[float]:
        """What the code needs to be told for a step, given the learning rate and the number of the step (from 1)."""
        return [value(lr, step) for value in self._values]

    def fits(self, arrays: Sequence[Any]) -> bool:
        """Whether parameters, gradients and state are flat arrays of the dtype whose numbers lie in a row."""
        for i, array in enumerate(arrays):
            flags = array.flags
            if (
                array.dtype != self.dtype
                or array.ndim != 1
                or not flags.c_contiguous
                or not (flags.writeable or i == 1)
            ):
                return False
        return True

    def __call__(self, arrays: Sequence[Any], lr: float, step: float) -> None:
        """Make a step: parameters and state change in place.

        Args:
            arrays: parameters, gradients and state, as many numbers in each, which `fits` accepts.
            lr: the learning rate.
            step: the number of the step, from 1.
        """
        given: Any = self._given.data
        told: Any = self._told.data
        for i, array in enumerate(arrays):
            given[i] = address_of(array)
        for i, value in enumerate(self._values):
            told[i] = value(lr, step)
        self._call(*self._addresses, len(arrays[0]))

    def move(self, addresses: Ints, told: Array, parameters: int) -> None:
        """Make a step, given the addresses of the arrays and what `numbers` says."""
        self._call(addresses.ctypes.data, told.ctypes.data, parameters)
