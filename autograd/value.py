"""`Value`: one number in a computational graph, its parents and its local derivatives."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Union

from . import graph, hints, ops, pickling
from .backward import backward
from .floats import namespace
from .graph import describe as describe  # noqa: PLC0414 (explicitly handed on)
from .graph import place, topological
from .methods import Methods
from .modes import ACTIVE, AnomalyError, TraceError, current, user_line
from .native import connect, in_c
from .operation import REGISTERED
from .reals import REFUSED, is_real, refusal
from .reals import real as real  # noqa: PLC0414 (explicitly handed on)

Number = Union["Value", float]
"""What an operator takes on either side: a Value or a real number."""


@in_c
class Value(Methods):
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

    ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` compare data, with numbers and with Values. A hash is that of the node:
    sets and dicts tell nodes apart, whatever their data are.

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
    _lasting: ClassVar[bool] = True  # whether it can be a parameter; see `Transient`
    _traced: ClassVar[type[Value] | None] = None  # the class of what is computed from it: see `autograd.placeholder`

    def __init__(self, data: float, label: str = "") -> None:
        self.data = real(data, "Value")
        self.grad = 0.0
        self.op = ""
        self.label = label if type(label) is str else text(label)
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
        self._link(parents, self.local_derivatives)

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """d self / d parent, for each parent."""
        if self._second_slope is None or self._first_slope is None:
            return () if self._first_slope is None else (self._first_slope,)
        slopes = (self._first_slope, self._second_slope)
        return slopes + self._others[1] if self._others else slopes

    @local_derivatives.setter
    def local_derivatives(self, slopes: tuple[float, ...]) -> None:
        self._link(self.parents, slopes)

    def _link(self, parents: tuple[Value, ...], slopes: tuple[float, ...]) -> None:
        self._first, self._second = (*parents[:2], None, None)[:2]
        self._first_slope, self._second_slope = (*slopes[:2], None, None)[:2]
        self._others = (tuple(parents[2:]), tuple(slopes[2:])) if len(parents) > 2 or len(slopes) > 2 else None

    def backward(self, gradient: float = 1.0, free_graph: bool = False) -> None:
        """Fill ``.grad`` of every node this one depends on, by the chain rule in reverse topological order.

        Gradients of leaves accumulate from call to call (see `zero_grad`); those of other nodes start afresh.

        Args:
            gradient: the derivative of some final quantity with respect to this node.
            free_graph: let go of each node as soon as it has been passed, to save memory.

        Raises:
            TypeError: ``gradient`` is not a real number.
            RuntimeError: the graph was freed by an earlier ``backward(free_graph=True)``.
            AnomalyError: inside `detect_anomaly`, a gradient is nan or infinite.
        """
        seed = real(gradient, "backward(gradient=…)")
        try:
            backward(self, seed, free_graph)
        except TypeError:
            for node in topological(self):
                assigned(node, "grad", node.grad)
            raise

    def zero_grad(self) -> None:
        """Set ``.grad`` of this node and of every node it depends on to 0.0."""
        for node in topological(self):
            node.grad = 0.0

    def conjugate(self) -> Value:
        """Itself: a real number. `numpy.var` and `numpy.std` ask for it."""
        return self

    @property
    def _prev(self) -> set[Value]:
        """The operands by the name of micrograd, for drawing functions written for it."""
        return set(self.parents)

    @property
    def _op(self) -> str:
        """The sign of the operation by the name of micrograd; empty for a leaf."""
        op = ops.TABLE.get(self.op)
        return op.symbol or op.name if op else ""

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in hints.OF_VALUE]

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

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Value) and not is_real(other):
            return NotImplemented
        if ACTIVE and current().tracing:
            return (self <= other) * (self >= other)  # type: ignore[operator]
        return bool(self.data == (other.data if isinstance(other, Value) else other))

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else 1.0 - equal if isinstance(equal, Value) else not equal

    __hash__ = object.__hash__

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
            "a Value does not turn into a float by itself, since its gradient would be lost silently. "
            "For mathematics use autograd's functions (autograd.exp(v), not math.exp(v)); for the bare number, v.data."
        )

    def __copy__(self) -> Value:
        return pickling.copied(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return pickling.deeply_copied(self, memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return pickling.reduced(self)


for _name, _text in hints.OF_VALUE.items():
    setattr(Value, _name, hints.Hint(_name, _text))


# ---- making nodes -----------------------------------------------------------------------------------------------

_new = object.__new__


@in_c
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


_LARGE = 1 << 60


def _number(x: object) -> Any:
    """The other operand of an operator, which is no Value and no float, as a float."""
    if type(x) is not int and not is_real(x):
        if type(x).__name__ in REFUSED:
            raise refusal(x, "arithmetic with a Value")
        return NotImplemented
    return real(x, "arithmetic with a Value")


@in_c
def operand(x: object) -> Any:
    """The other operand of an operator as a Value; NotImplemented lets an unknown type (an array) try."""
    if type(x) is not float:
        if isinstance(x, Value):
            return x
        x = float(x) if type(x) is int and -_LARGE < x < _LARGE else _number(x)
        if x is NotImplemented:
            return x
    node = _new(Value)  # as in `constant`: one call less, for what most constants are
    node.data = x
    node.grad = 0.0
    node.op = "constant"
    node.label = ""
    node.source = None
    node._first = node._first_slope = node._second = node._second_slope = node._others = None
    return node


def argument(x: object, function: str) -> Value:
    """An argument of a named function as a Value. ``where`` also takes the bool that a comparison gives."""
    if isinstance(x, Value):
        return x
    if function == "where" and type(x).__name__ in ("bool", "bool_"):
        return constant(1.0 if x else 0.0)
    return constant(real(x, function))


def made(op: str, parents: tuple[Value, ...], out: float, slopes: tuple[float, ...]) -> Value:
    """The node of an operation whose value and local derivatives are known."""
    if type(out) is not float:
        return renumbered(op, parents)
    return watched(op, parents, out, slopes) if ACTIVE else node(op, parents, out, slopes)


def renumbered(op: str, parents: tuple[Value, ...]) -> Value:
    """The node of an operation on Values of which one's ``.data`` was assigned and is not a float yet.

    To look at every assignment would make every operation slower; a wrong one shows in the type of the result.

    Raises:
        TypeError: what was assigned is not a real number.
    """
    for parent in parents:
        parent.data = assigned(parent, "data", parent.data)
    out, slopes = ops.TABLE[op].evaluate(*[parent.data for parent in parents])
    return made(op, parents, float(out), tuple(map(float, slopes)))  # a formula of a user can be a comparison


def text(label: Any) -> str:
    """A label that is no plain str, as one."""
    return "" if label is None else str.__str__(str(label))


def assigned(node: Value, name: str, x: Any) -> float:
    """What a user assigned to ``.data`` or ``.grad``, as a float.

    The engine in C asks at the assignment, the one in Python when it meets what is no float.

    Raises:
        TypeError: it is not a real number.
    """
    if name == "grad" and not is_real(x):
        raise TypeError(
            f"the .grad of {_called(node)} is {x!r}, to which no gradient can be added. To clear it write "
            "w.grad = 0.0, or call zero_grad()"
        )
    if isinstance(x, Value):
        raise TypeError(
            f"the .data of {_called(node)} is a Value of a graph of its own; .data holds a number. "
            "An update reads w.data = w.data - 0.1 * w.grad"
        )
    return real(x, f"the .{name} of {_called(node)}")


def _called(node: Value) -> str:
    return f"the Value {node.label!r}" if node.label else f"a {node.op or 'leaf'} without a label"


def apply(op: ops.Op, parents: tuple[Value, ...]) -> Value:
    """The node of any operation, by way of the table: for tools."""
    return made(op.name, parents, *op.evaluate(*[parent.data for parent in parents]))


@in_c
def node(op: str, parents: tuple[Value, ...], data: float, slopes: tuple[float, ...]) -> Value:
    """A node of all that is known of it, whatever context is open."""
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.op = op
    node.label = ""
    node.source = None
    count = len(parents)
    if count > 1:
        node._first, node._second = parents[:2]
        node._first_slope, node._second_slope = slopes[:2]
    else:
        node._first, node._first_slope = (parents[0], slopes[0]) if count else (None, None)
        node._second = node._second_slope = None
    node._others = (parents[2:], slopes[2:]) if count > 2 else None
    return node


def watched(op: str, parents: tuple[Value, ...], out: float, slopes: tuple[float, ...]) -> Value:
    """A node made while some context of `autograd.modes` is open, in this thread or in another."""
    mode = current()
    if not mode.record and not mode.anomaly and not mode.tracing and not mode.duals:
        return _transient(out)
    made = node(op, parents, out, slopes)
    if mode.tracing:
        for parent in parents:
            if parent._traced:
                made.__class__ = parent._traced
                if not mode.record:
                    raise TraceError(
                        f"line {place(user_line())}: inside no_grad() the traced function computes with its inputs or "
                        "parameters. A program cannot keep a gradient from what it computes; leave that part eager."
                    )
                break
    if mode.source:
        made.source = user_line()
    if mode.anomaly and not math.isfinite(out):
        raise AnomalyError(f"the value {out} appeared in {describe(made)}")
    if mode.duals and any(isinstance(parent, Dual) for parent in parents):
        return Dual(out, _tangent(parents, slopes, mode.duals), mode.duals)
    return made if mode.record else _transient(out)


class Transient(Value):
    """A number that was computed inside `no_grad`: a leaf that nobody made, from which no graph leads back.

    It counts like any leaf, but it is nobody's parameter, and to differentiate it is an error: it would give zeros.
    """

    __slots__ = ()
    _lasting = False

    def backward(self, gradient: float = 1.0, free_graph: bool = False) -> None:
        """Refused."""
        raise no_graph(self)


class Dual(Transient):
    """A number and its derivative along a direction, made inside `dual_numbers`: x + ẋε with ε² = 0.

    Attributes:
        tangent: the derivative.
    """

    __slots__ = ("_block", "tangent")
    tangent: float
    _block: int

    def __init__(self, data: float, tangent: float, block: int) -> None:
        super().__init__(data)
        self.tangent, self._block = tangent, block

    def __repr__(self) -> str:
        return f"Dual({self.data!r}, tangent={self.tangent!r})"


def _tangent(parents: tuple[Value, ...], slopes: tuple[float, ...], block: int) -> float:
    """Σ slope · tangent, by the rule of `autograd.backward`: a product with an exact zero carries nothing."""
    total = 0.0
    for parent, slope in zip(parents, slopes):
        if isinstance(parent, Dual):
            if parent._block != block:
                raise RuntimeError(
                    "a dual number belongs to the dual_numbers() block that made it; another block has another "
                    "direction (for second derivatives see autograd.hvp)"
                )
            if slope and parent.tangent:
                total += slope * parent.tangent
    return total


def _transient(data: float) -> Value:
    made = node("", (), data, ())
    made.__class__ = Transient
    return made


def no_graph(root: object = None) -> RuntimeError:
    """What differentiating a result of `no_grad`, or a dual number, raises."""
    if isinstance(root, Dual):
        return RuntimeError("a dual number has no graph behind it, and its derivative already: y.tangent")
    return RuntimeError(
        "this number was computed inside no_grad(), so that no graph leads back from it, and every derivative would be "
        "0: compute it outside (a function decorated with no_grad has no gradient)"
    )


def _compare(op: str, left: Value, right: Number, swapped: bool = False) -> Any:
    other = operand(right)
    if other is NotImplemented:
        return NotImplemented
    pair = (other, left) if swapped else (left, other)
    if ACTIVE and current().tracing:
        return apply(ops.TABLE[op], pair)
    return pair[0].data < pair[1].data if op == "less" else pair[0].data <= pair[1].data


connect(
    active=ACTIVE, current=current, registered=REGISTERED, transient=Transient, number=_number, argument=argument,
    real=real, text=text, assigned=assigned, watched=watched, refuse_freed=graph.refuse_freed,
    functions={**namespace(ieee=True), "sum": sum},
)  # fmt: skip
