"""`Value`: one number in a computational graph, its parents and its local derivatives."""

from __future__ import annotations

import math
import numbers
import threading
from typing import TYPE_CHECKING, Any, Union

from . import eager, ops
from .graph import describe as describe  # noqa: PLC0414 (explicitly handed on)
from .graph import place, topological
from .modes import ACTIVE, AnomalyError, TraceError, current, user_line

Number = Union["Value", float]
"""What an operator takes on either side: a Value or a real number."""


class Value:
    """A number that remembers how it was computed.

    Args:
        data: a real number (int, float or a NumPy real scalar).
        label: a name for pictures, tables and messages.

    Attributes:
        data: the number.
        grad: d root / d self after ``root.backward()``, 0.0 at first.
        op: the name of the operation that made this node (an entry of `autograd.ops.TABLE`); ``""`` for a leaf,
            ``"constant"`` for a plain number that met a Value.
        parents: the operands, in argument order and with repeats: ``x * x`` has two parents.
        local_derivatives: d self / d parent, one float per parent, recorded when the node was made.
        source: (file name, line) that made the node, inside `record_source` or `detect_anomaly`; else None.

    Two Values are equal only if they are the same node; ``<``, ``<=``, ``>``, ``>=`` compare data.

    Example:
        >>> w, x, b = Value(2.0, "w"), Value(-1.0, "x"), Value(0.5, "b")
        >>> y = (w * x + b).tanh()
        >>> y.backward()
        >>> round(w.grad, 4), round(x.grad, 4), round(b.grad, 4)
        (-0.1807, 0.3614, 0.1807)

    Raises:
        TypeError: ``data`` is not a real number.
    """

    # Two operands at most are the rule, so they and their slopes have slots of their own. In tuples they would be two
    # more objects per node, each of which the garbage collector visits again and again: half as fast, twice the memory.
    __slots__ = (
        "data", "grad", "op", "label", "source", "_first", "_first_slope", "_second", "_second_slope", "_others",
    )  # fmt: skip

    data: float
    grad: float
    op: str
    label: str
    source: tuple[str, int] | None
    _first: Any  # a Value, or None in a leaf
    _first_slope: float | None
    _second: Any
    _second_slope: float | None
    _others: tuple[tuple[Value, ...], tuple[float, ...]] | None  # from the third operand on

    def __init__(self, data: float, label: str = "") -> None:
        self.data = real(data, "Value")
        self.grad = 0.0
        self.op = ""
        self.label = label
        self.source = None
        self._first = self._first_slope = self._second = self._second_slope = self._others = None

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands."""
        if self._second is None:
            return () if self._first is None else (self._first,)
        return (self._first, self._second, *self._others[0]) if self._others else (self._first, self._second)

    @parents.setter
    def parents(self, parents: tuple[Value, ...]) -> None:
        self._first = parents[0] if parents else None
        self._second = parents[1] if len(parents) > 1 else None
        if len(parents) > 2 or self._others:
            self._others = parents[2:], self.local_derivatives[2:]

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """d self / d parent, for each parent."""
        if self._second_slope is None or self._first_slope is None:
            return () if self._first_slope is None else (self._first_slope,)
        slopes = (self._first_slope, self._second_slope)
        return slopes + self._others[1] if self._others else slopes

    @local_derivatives.setter
    def local_derivatives(self, slopes: tuple[float, ...]) -> None:
        self._first_slope = slopes[0] if slopes else None
        self._second_slope = slopes[1] if len(slopes) > 1 else None
        if len(slopes) > 2 or self._others:
            self._others = self.parents[2:], slopes[2:]

    def backward(self, gradient: float = 1.0, free_graph: bool = False) -> None:
        """Fill ``.grad`` of every node this one depends on, by the chain rule in reverse topological order.

        Gradients of leaves accumulate from call to call (see `zero_grad`); those of other nodes start afresh.

        Args:
            gradient: the derivative of some final quantity with respect to this node.
            free_graph: let go of each node as soon as it has been passed, to save memory.
        """
        from .backward import backward  # the reverse pass builds on Value, so it is met here only

        backward(self, gradient, free_graph)

    def zero_grad(self) -> None:
        """Set ``.grad`` of this node and of every node it depends on to 0.0."""
        for node in topological(self):
            node.grad = 0.0

    def __pos__(self) -> Value:
        return self

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    # Comparisons look at data; while a function is traced for the compiler they make nodes instead.

    def __lt__(self, other: Number) -> bool:
        return _compare("less", self, other)  # type: ignore[no-any-return]

    def __le__(self, other: Number) -> bool:
        return _compare("less_equal", self, other)  # type: ignore[no-any-return]

    def __gt__(self, other: Number) -> bool:
        return _compare("less", self, other, swapped=True)  # type: ignore[no-any-return]

    def __ge__(self, other: Number) -> bool:
        return _compare("less_equal", self, other, swapped=True)  # type: ignore[no-any-return]

    def __bool__(self) -> bool:
        if ACTIVE and current().tracing:
            raise TraceError(
                "Python asked whether a traced Value is true, which depends on data that is not known while tracing. "
                "Write where(condition, a, b) instead of `if`, `and`, `or`, `not`, `max` or `min` (there are "
                f"autograd.maximum and autograd.minimum). The line is {place(user_line())}"
            )
        return self.data != 0

    def __float__(self) -> float:
        raise TypeError(
            "a Value does not turn into a float by itself, since its gradient would be lost without a word. "
            "For mathematics use autograd's functions (autograd.exp(v), not math.exp(v)); for the bare number, v.data."
        )

    # Copies and pickles are made node by node in topological order, so that depth does not matter.

    def __copy__(self) -> Value:
        return _restore((), *self._fields())

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        for node in topological(self):
            if id(node) not in memo:
                parents = tuple(memo[id(parent)] for parent in node.parents)
                memo[id(node)] = _restore((), parents, *node._fields()[1:])
        copy: Value = memo[id(self)]
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        announced: set[Value] = getattr(_pickling, "announced", set())
        if self in announced:  # its parents have been pickled already
            announced.discard(self)
            return _restore, ((), *self._fields())
        ancestors = topological(self)[:-1]
        return _restore, ((*ancestors, _Announcement(ancestors)), *self._fields())

    def _fields(self) -> tuple[Any, ...]:
        return self.parents, self.data, self.grad, self.op, self.local_derivatives, self.label, self.source

    if TYPE_CHECKING:  # the methods that `eager` writes from the table of operations

        def __add__(self, other: Number) -> Value: ...
        def __radd__(self, other: float) -> Value: ...
        def __sub__(self, other: Number) -> Value: ...
        def __rsub__(self, other: float) -> Value: ...
        def __mul__(self, other: Number) -> Value: ...
        def __rmul__(self, other: float) -> Value: ...
        def __truediv__(self, other: Number) -> Value: ...
        def __rtruediv__(self, other: float) -> Value: ...
        def __pow__(self, other: Number) -> Value: ...
        def __rpow__(self, other: float) -> Value: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...
        def exp(self) -> Value: ...  # noqa: D102
        def expm1(self) -> Value: ...  # noqa: D102
        def log(self) -> Value: ...  # noqa: D102
        def log1p(self) -> Value: ...  # noqa: D102
        def sqrt(self) -> Value: ...  # noqa: D102
        def sin(self) -> Value: ...  # noqa: D102
        def cos(self) -> Value: ...  # noqa: D102
        def tan(self) -> Value: ...  # noqa: D102
        def asin(self) -> Value: ...  # noqa: D102
        def acos(self) -> Value: ...  # noqa: D102
        def atan(self) -> Value: ...  # noqa: D102
        def sinh(self) -> Value: ...  # noqa: D102
        def cosh(self) -> Value: ...  # noqa: D102
        def tanh(self) -> Value: ...  # noqa: D102
        def sigmoid(self) -> Value: ...  # noqa: D102
        def softplus(self) -> Value: ...  # noqa: D102
        def silu(self) -> Value: ...  # noqa: D102
        def relu(self) -> Value: ...  # noqa: D102
        def leaky_relu(self, slope: Number = 0.01) -> Value: ...  # noqa: D102
        def elu(self, alpha: Number = 1.0) -> Value: ...  # noqa: D102
        def gaussian(self) -> Value: ...  # noqa: D102
        def normal_pdf(self) -> Value: ...  # noqa: D102
        def erf(self) -> Value: ...  # noqa: D102
        def normal_cdf(self) -> Value: ...  # noqa: D102
        def gelu(self) -> Value: ...  # noqa: D102
        def maximum(self, y: Number) -> Value: ...  # noqa: D102
        def minimum(self, y: Number) -> Value: ...  # noqa: D102
        def where(self, x: Number, y: Number) -> Value: ...  # noqa: D102


# ---- plain numbers ----------------------------------------------------------------------------------------------

_REFUSED = ("bool", "bool_", "complex", "str", "bytes", "NoneType", "Decimal", "Fraction", "list", "tuple", "dict")
_ADVICE = {
    "bool": "write 1.0 or 0.0, or autograd.where(condition, a, b)",
    "bool_": "write 1.0 or 0.0, or autograd.where(condition, a, b)",
    "complex": "only real numbers have a place here; keep real and imaginary parts in two Values",
    "str": "convert text with float(text)",
    "NoneType": "a function may have forgotten its return statement",
    "Decimal": "convert it with float(x)",
    "Fraction": "convert it with float(x)",
    "ndarray": "make one Value per entry: [Value(x) for x in array]",
    "list": "make one Value per entry: [Value(x) for x in items]",
    "tuple": "make one Value per entry: [Value(x) for x in items]",
    "Value": "it is a Value already; for a leaf with the same number write Value(v.data)",
}


def _refusal(x: object, taker: str) -> TypeError:
    kind = type(x).__name__
    shown = repr(x)
    advice = _ADVICE.get(kind, "pass an int, a float or a NumPy real scalar")
    return TypeError(f"{taker} takes a real number, not {kind} ({shown[:40]}): {advice}")


def _is_real(x: object) -> bool:
    if isinstance(x, (float, int)):
        return not isinstance(x, bool)
    return hasattr(x, "dtype") and isinstance(x, numbers.Real)  # a NumPy scalar; Fraction is Real too, but no scalar


def real(x: object, taker: str) -> float:
    """``x`` as a float.

    Raises:
        TypeError: ``x`` is not an int, a float or a NumPy real scalar; the message says what to do.
        OverflowError: ``x`` is an int beyond the range of floats.
    """
    if type(x) is float:
        return x
    if type(x) is not int and not _is_real(x):
        raise _refusal(x, taker)
    try:
        return float(x)  # type: ignore[arg-type]
    except OverflowError:
        raise OverflowError(f"{taker} got an integer beyond 1.8e308, the largest float") from None


def constant(data: float) -> Value:
    """A plain number as a node: it takes part in the graph, and pictures and checks pass it over."""
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.op = "constant"
    node.label = ""
    node.source = None
    node._first = node._first_slope = node._second = node._second_slope = node._others = None
    return node


def operand(x: object) -> Any:
    """The other operand of an operator as a Value; NotImplemented lets an unknown type (an array) try."""
    if type(x) is float:
        return constant(x)
    if isinstance(x, Value):
        return x
    if type(x) is not int and not _is_real(x):
        if type(x).__name__ in _REFUSED:
            raise _refusal(x, "arithmetic with a Value")
        return NotImplemented
    return constant(real(x, "arithmetic with a Value"))


def argument(x: object, function: str) -> Value:
    """An argument of a named function as a Value. ``where`` also takes the bool that a comparison gives."""
    if isinstance(x, Value):
        return x
    if function == "where" and type(x).__name__ in ("bool", "bool_"):
        return constant(1.0 if x else 0.0)
    return constant(real(x, function))


# ---- making nodes -----------------------------------------------------------------------------------------------

_new = object.__new__


def _node(op: str, parents: tuple[Value, ...], data: float, local_derivatives: tuple[float, ...]) -> Value:
    node = constant(data)
    node.op = op
    node.parents = parents
    node.local_derivatives = local_derivatives
    return node


def apply(op: ops.Op, parents: tuple[Value, ...]) -> Value:
    """The node of any operation, by way of the table: for operations over lists and for tools."""
    out, slopes = op.evaluate(*[parent.data for parent in parents])
    return watched(op.name, parents, out, slopes) if ACTIVE else _node(op.name, parents, out, slopes)


def watched(op: str, parents: tuple[Value, ...], out: float, slopes: tuple[float, ...]) -> Value:
    """A node made while some context of `autograd.modes` is open, in this thread or in another."""
    mode = current()
    if not mode.record and not mode.anomaly:
        return _node("", (), out, ())
    node = _node(op, parents, out, slopes)
    if mode.source:
        node.source = user_line()
    if mode.anomaly and not math.isfinite(out):
        raise AnomalyError(f"the value {out} appeared in {describe(node)}")
    return node if mode.record else _node("", (), out, ())


def _compare(op: str, left: Value, right: Number, swapped: bool = False) -> Any:
    other = operand(right)
    if other is NotImplemented:
        return NotImplemented
    pair = (other, left) if swapped else (left, other)
    if ACTIVE and current().tracing:
        return apply(ops.TABLE[op], pair)
    return pair[0].data < pair[1].data if op == "less" else pair[0].data <= pair[1].data


# ---- pickling ---------------------------------------------------------------------------------------------------

_pickling = threading.local()  # which nodes the pickle in progress has announced ahead of their consumer


class _Announcement:
    """Stands after the ancestors in a pickle; it ends when it is reached, or when the pickle fails before that."""

    def __init__(self, ancestors: list[Value]) -> None:
        self.announced = _pickling.announced = set(ancestors)

    def __reduce__(self) -> tuple[Any, ...]:
        self.announced.clear()
        return tuple, ()

    def __del__(self) -> None:
        self.announced.clear()


def _restore(
    ancestors: tuple[object, ...],  # announced, so that the parents exist by now
    parents: tuple[Value, ...],
    data: float,
    grad: float,
    op: str,
    local_derivatives: tuple[float, ...],
    label: str,
    source: tuple[str, int] | None,
) -> Value:
    node = _node(op, parents, data, local_derivatives)
    node.grad, node.label, node.source = grad, label, source
    return node


# ---- operators and methods --------------------------------------------------------------------------------------

_scope = {
    **ops.namespace(), "ACTIVE": ACTIVE, "FAULTS": ops.FAULTS, "TABLE": ops.TABLE, "Value": Value,
    "argument": argument, "new": _new, "operand": operand, "watched": watched,
}  # fmt: skip


RESERVED = {*_scope, "out", "self", "node"} - ops.FLOAT_FUNCTIONS.keys()
"""Names that the text of a method uses for something else than an operation or an argument."""


def install(operations: list[ops.Op], file: str) -> None:
    """Give `Value` the methods of some scalar operations."""
    _scope.update(ops.namespace())
    for name, method in eager.write_methods(operations, _scope, file).items():
        method.__qualname__ = f"Value.{name}"
        method.__module__ = __name__
        setattr(Value, name, method)


install(
    [op for op in ops.TABLE.values() if op.method and not op.takes_list],
    "<autograd methods of Value>",
)
