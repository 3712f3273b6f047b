"""Activations: any operation of one number in autograd's table, by name, or a function of the reader's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

from autograd import Value, ops

Spec = Union[str, Callable[[Any], Any]]
"""What names an activation: ``"relu"``, ``"linear"``, ``"softmax"``, or a function of a Value."""

RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
"""Activations that pass about half of their inputs: He's initial weights suit them."""


class Activation:
    """An activation ready to be applied.

    Attributes:
        name: ``"linear"``, ``"softmax"``, an operation's name, or the name of the reader's function.
        spec: what it was made from: the name, or the reader's function.
        on_value: the activation of one Value.
        on_float: the activation of one float, without a node.
        operation: the operation of the table that it applies, or its name if that is none ("linear", "softmax"); None
            for the reader's function, which can depend on anything.
    """

    __slots__ = ("name", "spec", "on_value", "on_float", "operation")

    def __init__(self, spec: Spec) -> None:
        self.spec = spec = _by_name(spec)
        self.name = spec if isinstance(spec, str) else getattr(spec, "__name__", type(spec).__name__)
        self.on_value: Callable[[Value], Value]
        self.on_float: Callable[[float], float]
        self.operation = ops.TABLE.get(spec, spec) if isinstance(spec, str) else None
        if not isinstance(spec, str):
            self.on_value = spec
            self.on_float = _on_float_by_value(spec)
        elif spec in ("linear", "softmax"):  # softmax mixes a whole layer: see `Layer`
            self.on_value = self.on_float = _unchanged
        else:
            self.on_value = getattr(Value, spec)
            self.on_float = _on_float(ops.TABLE[spec])

    def __reduce__(self) -> tuple[Any, ...]:
        return Activation, (self.spec,)


def names() -> list[str]:
    """The names that an activation can have."""
    return ["linear", "softmax", *(op.name for op in ops.TABLE.values() if _is_unary(op))]


def _is_unary(op: ops.Op) -> bool:
    unary = len(op.arguments) - len(op.defaults) == 1 and not op.takes_list
    return unary and op.method == op.name and op.kind in ("activation", "elementary")


def _by_name(spec: Spec) -> Spec:
    """``"tanh"`` for ``"tanh"`` and for the table's own function `autograd.tanh`; another function as it is."""
    if isinstance(spec, str):
        if spec not in names():
            raise ValueError(f"unknown activation {spec!r}; known: {', '.join(names())}, or a function of a Value")
        return spec
    if not callable(spec):
        raise TypeError(f"an activation is a name or a function, not {type(spec).__name__}")
    name = getattr(spec, "__qualname__", "")
    return name if name in names() and getattr(spec, "__module__", "") == "autograd.functions" else spec


def _unchanged(x: Any) -> Any:
    return x


def _on_float(op: ops.Op) -> Callable[[float], float]:
    fast, exact = ops.FLOAT_FUNCTIONS[op.name], ops.IEEE_FUNCTIONS[op.name]
    defaults = tuple(op.defaults.values())

    def on_float(x: float) -> float:
        try:
            return fast(x, *defaults)
        except ops.FAULTS:
            return exact(x, *defaults)

    return on_float


def _on_float_by_value(function: Callable[[Any], Any]) -> Callable[[float], float]:
    def on_float(x: float) -> float:
        out = function(Value(x))
        return out.data if isinstance(out, Value) else float(out)

    return on_float
