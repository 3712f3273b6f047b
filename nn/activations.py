"""Activations: operations of one number in autograd's table, by name; formulas in x; functions of the reader's own."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Union

from autograd import Value, formulas, log_softmax, ops, softmax
from autograd.elementary import ON_VALUES
from autograd.floats import log_shares, shares

Spec = Union[str, Callable[[Any], Any]]
"""What names an activation: ``"relu"``, ``"linear"``, ``"softmax"``; a formula in x in the language of the table, such
as ``"leaky_relu(x, 0.2)"`` or ``"x * tanh(softplus(x))"``; or a function of a Value."""

OF_LAYERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], list[float]]]] = {
    "softmax": (softmax, shares), "log_softmax": (log_softmax, log_shares),
}  # fmt: skip
"""Activations that compare the outputs of a whole layer: on a list of Values, and on a list of floats."""

RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
"""Activations that pass about half of their inputs: He's initial weights suit them."""


class Activation:
    """An activation ready to be applied.

    Attributes:
        name: ``"linear"``, ``"softmax"``, ``"log_softmax"``, an operation's name, a formula, or the name of the
            reader's function.
        spec: what it was made from: the name, the formula, or the reader's function.
        on_value: the activation of one Value.
        on_float: the activation of one float, without a node.
        operation: the operation of the table that it applies, or its name if that is none of one number
            ("linear", "softmax"); a formula with the operations that it calls; None for the reader's function, which
            can depend on anything.
    """

    __slots__ = ("name", "spec", "on_value", "on_float", "operation")

    def __init__(self, spec: Spec) -> None:
        self.spec = spec = _by_name(spec)
        self.name = spec if isinstance(spec, str) else getattr(spec, "__name__", type(spec).__name__)
        self.on_value: Callable[[Value], Value]
        self.on_float: Callable[[float], float]
        self.operation: Any = ops.TABLE.get(spec, spec) if isinstance(spec, str) else None
        if isinstance(spec, str) and spec not in names():
            tree = _formula(spec)
            self.on_value, self.on_float = _on_value_by_formula(tree), _on_float_by_formula(tree)
            called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)}  # type: ignore[attr-defined]
            self.operation = spec, [ops.TABLE[name] for name in sorted(called)]
        elif not isinstance(spec, str):
            self.on_value = spec
            self.on_float = _on_float_by_value(spec)
        elif spec == "linear" or spec in OF_LAYERS:  # what mixes a whole layer: see `Layer`
            self.on_value = self.on_float = _unchanged
        else:
            self.on_value = getattr(Value, spec)
            self.on_float = _on_float(ops.TABLE[spec])

    def __reduce__(self) -> tuple[Any, ...]:
        return Activation, (self.spec,)


def names() -> list[str]:
    """The names that an activation can have."""
    return ["linear", *OF_LAYERS, *(op.name for op in ops.TABLE.values() if _is_unary(op))]


def _is_unary(op: ops.Op) -> bool:
    unary = len(op.arguments) - len(op.defaults) == 1 and not op.takes_list
    return unary and op.method == op.name and op.kind in ("activation", "elementary")


def _by_name(spec: Spec) -> Spec:
    """``"tanh"`` for ``"tanh"`` and for the table's own function `autograd.tanh`; another function as it is."""
    if isinstance(spec, str):
        if spec.isidentifier() and spec not in names():
            raise ValueError(
                f"unknown activation {spec!r}; known: {', '.join(names())}, a formula such as 'leaky_relu(x, 0.2)', or "
                "a function of a Value"
            )
        return spec
    if not callable(spec):
        raise TypeError(f"an activation is a name or a function, not {type(spec).__name__}")
    name = getattr(spec, "__qualname__", "")
    return name if name in names() and getattr(spec, "__module__", "") == "autograd.functions" else spec


def _formula(text: str) -> ast.expr:
    """A formula in x as a checked tree.

    Raises:
        ValueError: it is not in the language of `autograd.formulas`, does not depend on x, or calls a function wrongly.
    """
    try:
        tree = formulas.parse(text, ops.known_functions(derivative=True) | {"where"}, {"x"})
        if not formulas.names_in(tree):
            raise ValueError("it does not depend on x")
        _on_float_by_formula(tree)(0.5)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the activation {text!r:.200} is no formula in x: {error}") from None
    return tree


def _on_value_by_formula(tree: ast.expr) -> Callable[[Value], Value]:
    formula = eval(f"lambda x: {formulas.for_floats(tree, ieee=True, lazy=False)}", ON_VALUES)

    def on_value(x: Value) -> Value:
        out = formula(x)
        return out if isinstance(out, Value) else Value(out)  # a side of `where` can be a number

    return on_value


def _on_float_by_formula(tree: ast.expr) -> Callable[[float], float]:
    fast, exact = (eval(f"lambda x: {formulas.for_floats(tree, ieee)}", ops.namespace(ieee)) for ieee in (False, True))
    return _without_faults(fast, exact)


def _unchanged(x: Any) -> Any:
    return x


def _on_float(op: ops.Op) -> Callable[[float], float]:
    defaults = tuple(op.defaults.values())
    return _without_faults(ops.FLOAT_FUNCTIONS[op.name], ops.IEEE_FUNCTIONS[op.name], *defaults)


def _without_faults(
    fast: Callable[..., float], exact: Callable[..., float], *defaults: float
) -> Callable[[float], float]:
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


def composed(outer: str, inner: str) -> str:
    """The formula of an activation applied to another: ``"tanh"`` of ``"2 * x"`` is ``"tanh(2 * x)"``."""

    class Into(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.parse(as_formula(inner), mode="eval").body if node.id == "x" else node

    return ast.unparse(Into().visit(ast.parse(as_formula(outer), mode="eval")))


def as_formula(activation: str) -> str:
    """``"tanh(x)"`` for ``"tanh"``; a formula as it is."""
    if activation in ("linear", "x"):
        return "x"
    return f"{activation}(x)" if activation.isidentifier() else activation
