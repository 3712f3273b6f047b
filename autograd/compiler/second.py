"""Second derivatives and Jacobians of a program, by one more program.

The gradient of a function is built as a graph (`autograd.adjoints`), weighted by numbers that can be set, and compiled:
the gradient of Σᵢ vᵢ ∂L/∂θᵢ is the product H v of the Hessian with a vector (Pearlmutter, 1994). The chain rule is not
written again, and the compiler finds matrices in this graph as in any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..functional import grad
from ..functions import dot
from ..value import Value
from .trace import Array, Shape, flatten

Recompile = Callable[..., Any]
"""`compile` with the dtype and the back end of a program: ``(f, inputs=…, parameters=…)``."""


def hessian_product(source: Any, parameters: Sequence[Value], inputs: Sequence[Shape], compile: Recompile) -> Any:
    """A program of Σᵢ vᵢ ∂L/∂θᵢ; its parameters are θ, and after them v."""
    weights = [Value(0.0) for _ in parameters]

    def weighted(loss: Any) -> Value:
        [root] = flatten([loss])
        product: Value = dot(grad(root, parameters, create_graph=True), weights)
        return product

    return _with_weights(source, weighted, [*parameters, *weights], inputs, compile)


def weighted_sum(
    source: Any, parameters: Sequence[Value], inputs: Sequence[Shape], count: int, compile: Recompile
) -> Any:
    """A program of Σₖ uₖ fₖ for a function of that many results; its parameters are θ, and after them u."""
    weights = [Value(0.0) for _ in range(count)]

    def weighted(results: Any) -> Value:
        total: Value = dot(flatten(results), weights)
        return total

    return _with_weights(source, weighted, [*parameters, *weights], inputs, compile)


def unit_weights(program: Any, theta: Array) -> Iterator[None]:
    """Set the parameters of such a program to θ, and its weights to one unit vector after the other."""
    program.theta[: len(theta)] = theta
    weights = program.theta[len(theta) :]
    for k in range(len(weights)):
        weights[:] = 0.0
        weights[k] = 1.0
        yield


def _with_weights(
    source: Any, weighted: Callable[[Any], Value], parameters: list[Value], inputs: Sequence[Shape], compile: Recompile
) -> Any:
    if not callable(source):
        return compile(weighted(source), parameters=parameters)
    return compile(lambda *arguments: weighted(source(*arguments)), inputs=inputs, parameters=parameters)
