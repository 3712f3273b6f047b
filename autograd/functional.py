"""Derivatives as functions: `grad`, `value_and_grad`, `jvp`, `vjp`, `jacobian`, `hessian`, `hvp`, and dual numbers.

None of them touches ``.grad``. A derivative of m outputs by n inputs is found in reverse, from an output to all inputs,
or forward, from an input to all outputs: what `vjp` and `jvp` do, the same products in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from typing import Any, Literal, overload

from . import calling
from .adjoints import adjoint_rows, adjoints, tangent_rows, tangents
from .functions import dot
from .graph import leaves
from .modes import changed, current
from .ops import TABLE
from .value import Dual, Number, Value, apply, constant, real

Function = Callable[..., Any]


@overload
def grad(y: Value | Function, xs: Iterable[Number], create_graph: Literal[False] = False) -> list[float]: ...
@overload
def grad(y: Value | Function, xs: Iterable[Number], create_graph: Literal[True]) -> list[Value]: ...
@overload
def grad(y: Value | Function, xs: Iterable[Number], create_graph: bool) -> list[Any]: ...
def grad(y: Value | Function, xs: Iterable[Number], create_graph: bool = False) -> list[Any]:
    """dy/dx for each x in ``xs``; leaves every ``.grad`` as it is.

    Args:
        y: the root; or a function, whose gradient at the point ``xs`` is wanted.
        xs: nodes of the graph, leaves or not; a node that y does not depend on gets 0.
        create_graph: give Values whose graphs can be differentiated again, instead of floats.

    Without ``create_graph`` the derivatives are those of the numbers that were recorded when the graph was made. With
    it (and for `hessian` and `hvp`) formulas are evaluated again, so a graph in which a ``.data`` was edited since is
    recomputed first, with a RuntimeWarning.

    Raises:
        TypeError: y or an entry of xs is not a Value.

    Example:
        >>> x = Value(3.0)
        >>> [slope] = grad(x**3, [x], create_graph=True)
        >>> slope.data, grad(slope, [x])
        (27.0, [18.0])
        >>> grad(lambda x, y: x * x * y, [3.0, 2.0])
        [12.0, 9.0]
    """
    if callable(y):
        output, inputs = _evaluated(y, xs)
        slopes = grad(_single(output), inputs, create_graph)
        _close(inputs)
        return slopes
    wanted = _values(xs, "grad")
    if not isinstance(y, Value):
        raise TypeError(
            f"grad(y, xs) differentiates a Value or a function, and y is a {type(y).__name__}; does y depend on the xs?"
        )
    if not create_graph:
        return adjoints(y, 1.0, wanted)
    with _recording():
        return adjoints(y, constant(1.0), wanted)


def _recording() -> AbstractContextManager[None]:
    """A derivative that is asked for needs its graph, inside `no_grad` too."""
    return nullcontext() if current().record else changed(record=True)


def _values(xs: Iterable[Any], function: str) -> list[Value]:
    if isinstance(xs, Value):
        raise TypeError(f"{function} takes a list of Values: write [x] for one")
    if not isinstance(xs, Iterable):
        raise TypeError(
            f"{function} takes a list of Values, not {type(xs).__name__}; what is differentiated comes first"
        )
    listed = list(xs)
    for x in listed:
        if not isinstance(x, Value):
            raise TypeError(f"{function} takes a list of Values; it holds a {type(x).__name__}")
    return listed


def value_and_grad(f: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """A function that returns ``(f(*args), gradient)``, the gradient having the form of the arguments.

    A function of a list may be given the numbers one by one, and a function of several numbers a list.

    Each argument is a number, a Value, or a list (of lists …) of them. With numbers the results are floats. With
    Values, among the arguments or elsewhere in ``f``, they are Values, whose graph goes on to those: calls can be
    nested without the loss of a gradient. The inner derivative is taken with respect to fresh nodes, and never
    confuses its variable with the outer one (Siskind and Pearlmutter 2005, "perturbation confusion").

    Example:
        >>> value_and_grad(lambda x, y: x * x * y)(3.0, 2.0)
        (18.0, (12.0, 9.0))
        >>> value_and_grad(lambda w: w[0] * w[1])([3.0, 2.0])
        (6.0, [2.0, 3.0])

    Raises:
        TypeError: ``f`` is not a function.
    """
    if not callable(f):
        raise TypeError(
            f"value_and_grad takes a function, not a {type(f).__name__}; of a graph y that exists, y.data is the value "
            "and grad(y, xs) the gradient"
        )
    call = calling.like(f)

    def differentiated(*args: Any) -> tuple[Any, Any]:
        if not args:
            raise TypeError("value_and_grad needs at least one argument to differentiate with respect to")
        fresh: list[Value] = []
        with _recording():
            y = _single(call([_copied(x, fresh) for x in args]))
        nested = any(node.parents for node in fresh) or not set(fresh).issuperset(leaves(y))
        remaining = iter(grad(y, fresh, create_graph=nested))
        _close(fresh)
        gradient = tuple(_shaped_like(x, remaining) for x in args)
        return y if nested else y.data, gradient[0] if len(args) == 1 else gradient

    return differentiated


def _copied(x: Any, fresh: list[Value]) -> Any:
    """An argument with a fresh node, noted in ``fresh``, for each of its numbers."""
    if isinstance(x, (list, tuple)):
        return [_copied(entry, fresh) for entry in x]
    fresh.append(_fresh(x, "value_and_grad"))
    return fresh[-1]


def _shaped_like(x: Any, entries: Iterator[Any]) -> Any:
    """The next entries in the form of an argument."""
    return [_shaped_like(entry, entries) for entry in x] if isinstance(x, (list, tuple)) else next(entries)


def _single(y: Any) -> Value:
    """The one output of a function; a plain number depends on nothing."""
    if isinstance(y, Value):
        return y
    if isinstance(y, (Sequence, dict)) or y is None:
        raise TypeError(
            f"the function must return one Value, not {type(y).__name__}; for several outputs use jacobian, "
            "and see that it ends with `return`"
        )
    return constant(real(y, "the result of the function"))


def _close(fresh: Iterable[Value]) -> None:
    """What stood for a plain number has served as a variable; in the graph of a result it is a plain number again."""
    for node in fresh:
        if not node.parents:
            node.op = "constant"


def _evaluated(f: Function | Value | Sequence[Value], xs: Iterable[Number]) -> tuple[Any, list[Value]]:
    """The outputs and the inputs: those of a graph, or of a function called with fresh Values."""
    if not callable(f):
        return f, _values(xs, "a derivative of a graph")
    point = calling.point(f, xs, "a derivative")
    with _recording():
        inputs = [_fresh(x, "a derivative") for x in point.numbers]
        return point.call(inputs), inputs


def _fresh(x: Any, function: str) -> Value:
    """A node of its own for a number, or for a Value to which the graph goes on."""
    return apply(TABLE["identity"], (x,)) if isinstance(x, Value) else Value(real(x, function))


def _outputs(f: Function | Value | Sequence[Value], xs: Iterable[Number]) -> tuple[list[Value], bool, list[Value]]:
    """The outputs, whether they are a list rather than one, and the inputs."""
    outputs, inputs = _evaluated(f, xs)
    listed = isinstance(outputs, Iterable)
    return [_single(y) for y in (outputs if listed else [outputs])], listed, inputs


def _direction(vector: Iterable[Number], length: int, function: str, of: str) -> list[Any]:
    """A vector of numbers or Values, as long as it must be."""
    if not isinstance(vector, Iterable):
        raise TypeError(f"{function} takes a vector, a list of {length} numbers, not {type(vector).__name__}")
    entries = [v if isinstance(v, Value) else real(v, function) for v in vector]
    if len(entries) != length:
        raise ValueError(f"{function} got {length} {of} and a vector of {len(entries)}")
    return entries


def jvp(
    ys: Function | Value | Sequence[Value], xs: Iterable[Number], vector: Iterable[Number], create_graph: bool = False
) -> Any:
    """The Jacobian times a vector, J·v: how fast each output moves when the inputs move along the vector.

    One forward pass from the inputs to all outputs, whatever their number (Griewank and Walther 2008, chapter 3).

    Args:
        ys: one Value, a list of them, or a function that returns either.
        xs: nodes of the graph, n of them; or the point at which the function is called.
        vector: n numbers.
        create_graph: give Values whose graphs can be differentiated again, instead of floats.

    Returns:
        a list with an entry for each output; a number if there is one output that is not in a list.

    Raises:
        TypeError: an entry is not what it should be.
        ValueError: the vector's length is not the number of xs.

    Example:
        >>> jvp(lambda r, t: [r * t.cos(), r * t.sin()], [2.0, 0.0], [1.0, 3.0])
        [1.0, 6.0]
        >>> jvp(lambda x, y: x * x * y, [3.0, 2.0], [1.0, 0.0])  # the derivative by x alone
        12.0
    """
    outputs, listed, inputs = _outputs(ys, xs)
    moves = _direction(vector, len(inputs), "jvp", "variables")
    graph = create_graph or any(isinstance(move, Value) for move in moves)
    directions: dict[Value, Any] = {}
    with _recording():
        for x, move in zip(inputs, moves):
            speed = constant(move) if graph and not isinstance(move, Value) else move
            directions[x] = directions[x] + speed if x in directions else speed
        found = tangents(outputs, directions)
    if callable(ys):
        _close(inputs)
    zero = constant(0.0) if graph else 0.0
    results = [zero if tangent is None else tangent for tangent in found]
    return results if listed else results[0]


def vjp(
    ys: Function | Value | Sequence[Value], xs: Iterable[Number], vector: Iterable[Number] | Number,
    create_graph: bool = False,
) -> list[Any]:  # fmt: skip
    """A vector times the Jacobian, vᵀ·J: the derivative of Σ vᵢ·yᵢ by each x.

    One reverse pass from the outputs to all inputs, whatever their number: `grad` is that with v = 1.

    Args:
        ys: one Value, a list of m Values, or a function that returns either.
        xs: nodes of the graph, or the point at which the function is called.
        vector: m numbers; a number for one output that is not in a list.
        create_graph: give Values whose graphs can be differentiated again, instead of floats.

    Raises:
        TypeError: an entry is not what it should be.
        ValueError: the vector's length is not the number of outputs.

    Example:
        >>> vjp(lambda r, t: [r * t.cos(), r * t.sin()], [2.0, 0.0], [1.0, 3.0])
        [1.0, 6.0]
    """
    outputs, listed, inputs = _outputs(ys, xs)
    weights = _direction(vector if listed else [vector], len(outputs), "vjp", "outputs")  # type: ignore[arg-type,list-item]
    with _recording():
        slopes = grad(dot(outputs, weights), inputs, create_graph) if outputs else [0.0] * len(inputs)
    if callable(ys):
        _close(inputs)
    return slopes


_BLOCKS = count(1)


@contextmanager
def dual_numbers() -> Iterator[Callable[..., Dual]]:
    """A block in which numbers carry their derivative along: x + ẋε with ε² = 0 (Clifford 1873).

    ``dual(x, tangent=1.0)`` makes one; what is computed from it, by operators, methods and functions, is one too, and
    ``y.tangent`` is the derivative. No graph is kept: the memory is that of the numbers in use.

    Raises:
        RuntimeError: dual numbers of two blocks meet.

    Example:
        >>> with dual_numbers() as dual:
        ...     x = dual(3.0)
        ...     y = x**2 + 1 / x
        >>> y.data == 9 + 1 / 3, y.tangent == 6 - 1 / 9
        (True, True)
    """
    block = next(_BLOCKS)

    def dual(x: float, tangent: float = 1.0) -> Dual:
        """A number that moves at the speed ``tangent``."""
        return Dual(real(x, "dual"), real(tangent, "dual"), block)

    with changed(duals=block, record=False):
        yield dual


Mode = Literal["auto", "forward", "reverse"]


@overload
def jacobian(ys: Function | Sequence[Value], xs: Iterable[Number], create_graph: Literal[False] = False,
             mode: Mode = "auto") -> list[list[float]]: ...  # fmt: skip
@overload
def jacobian(ys: Function | Sequence[Value], xs: Iterable[Number], create_graph: bool, mode: Mode = "auto"
             ) -> list[list[Any]]: ...  # fmt: skip
def jacobian(
    ys: Function | Sequence[Value], xs: Iterable[Number], create_graph: bool = False, mode: Mode = "auto"
) -> list[list[Any]]:
    """∂yᵢ/∂xⱼ, one row per output: of a list of Values with respect to nodes, or of ``f`` at the point ``xs``.

    ``jacobian(f, [1.0, 2.0])`` calls ``f(x1, x2)``, which returns a list; or ``f([x1, x2])`` if f has one parameter
    (see `autograd.calling`).

    Args:
        ys: the outputs, m of them, or the function.
        xs: the inputs, n of them.
        create_graph: give Values whose graphs can be differentiated again, instead of floats.
        mode: ``"reverse"``, a pass from the outputs in which each node has m adjoints; ``"forward"``, a pass from the
            inputs in which it has n tangents; ``"auto"``, forward if n < m. With ``create_graph`` these are m or n
            passes. The results agree to a few ulp.

    Raises:
        ValueError: another mode.

    Example:
        >>> jacobian(lambda r, t: [r * t.cos(), r * t.sin()], [2.0, 0.0])
        [[1.0, 0.0], [0.0, 2.0]]
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"mode is 'auto', 'forward' or 'reverse', not {mode!r}")
    rows, _, inputs = _outputs(ys, xs)
    forward = mode == "forward" or (mode == "auto" and len(inputs) < len(rows))
    matrix: list[list[Any]]
    if create_graph and forward:
        columns = [jvp(rows, inputs, [float(x is y) for y in inputs], create_graph=True) for x in inputs]
        matrix = [list(row) for row in zip(*columns)] if inputs else [[] for _ in rows]
    elif create_graph:
        matrix = [grad(y, inputs, create_graph) for y in rows]
    else:
        matrix = (tangent_rows if forward else adjoint_rows)(rows, inputs)
    if callable(ys):
        _close(inputs)
    return matrix


def hessian(y: Function | Value, xs: Iterable[Number]) -> list[list[float]]:
    """∂²y/∂xᵢ∂xⱼ as n rows of n floats: of a Value with respect to nodes, or of ``f`` at the point ``xs``.

    Example:
        >>> hessian(lambda x, y: x * x * y, [3.0, 2.0])
        [[4.0, 6.0], [6.0, 0.0]]
    """
    output, inputs = _evaluated(y, xs)
    return adjoint_rows(grad(_single(output), inputs, create_graph=True), inputs)


def hvp(y: Function | Value, xs: Iterable[Number], vector: Sequence[float]) -> list[float]:
    """The Hessian of y times a vector of n numbers: a forward pass over the graph of the gradient (Pearlmutter 1994).

    Raises:
        ValueError: the vector's length is not the number of xs.

    Example:
        >>> hvp(lambda x, y: x * x * y, [3.0, 2.0], [1.0, 0.0])
        [4.0, 6.0]
    """
    output, inputs = _evaluated(y, xs)
    direction = [real(v, "hvp") for v in vector]
    if len(direction) != len(inputs):
        raise ValueError(f"hvp got {len(inputs)} variables and a vector of {len(direction)}")
    product: list[float] = jvp(grad(_single(output), inputs, create_graph=True), inputs, direction)
    return product
