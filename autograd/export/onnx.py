"""The words of ONNX: the forward pass of a program as a file that serving runtimes load.

A walk runs over `Symbol`s, which note an ONNX node for all that is done to them. Where ONNX has no operator (expm1,
log1p, hypot, …), a formula of others that keeps the digits stands in for it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import basic
from ..compiler.trace import Array
from ..files import write
from ..floats import CONSTANTS, head
from ..formulas import interpret
from ..ops import TABLE, parse
from ..packages import needed
from .walk import Vocabulary, Walk, unused

if TYPE_CHECKING:
    from ..compiler.program import Program

OPSET, IR = 18, 8
"""Of 2022: what runtimes since ONNX Runtime 1.14 read. Later ones have nothing that is needed here."""


COMPARISONS = frozenset({"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"})


def save(program: Program, path: str | os.PathLike[str], dtype: str) -> None:
    """Write the forward pass of a program.

    Args:
        program: the program.
        path: of the file.
        dtype: ``"float32"`` or ``"float64"``.

    Raises:
        ImportError: the package onnx is not installed.
        OSError: the file cannot be written.
    """
    onnx = needed("onnx", "to_onnx")
    graph = Graph(onnx, np.dtype(dtype))
    places = program._places_by_name()
    walk = Walk(program._packed, [*places.values()])
    inputs = []
    for name, shape in zip(program._names, program.shapes):
        graph.names.add(name)
        inputs.append(Symbol(graph, name, shape, True))
    if inputs:
        graph.batch = graph.node("Shape", inputs[0].name, start=0, end=1)
    parameters = [graph.constant(program.theta[chosen], name).reshape(-1) for name, chosen in places.items()]
    parameters = parameters or [graph.constant(np.zeros(0))]
    out = walk.run(parameters, [x.reshape(-1) for x in inputs], Onnx(graph))
    if inputs:
        out = out.spread()
    if program._single:
        out = out[0]
    form = [*(["B"] if inputs else []), *out.shape]
    graph.node("Identity", out.name, output=unused("out", graph.names))
    kind = onnx.helper.np_dtype_to_tensor_dtype(graph.dtype)
    read = {name for node in graph.nodes for name in node.input}
    made = onnx.helper.make_graph(
        graph.nodes, "program",
        [onnx.helper.make_tensor_value_info(x.name, kind, ["B", *x.shape]) for x in inputs],
        [onnx.helper.make_tensor_value_info(graph.nodes[-1].output[0], kind, form)],
        [numbers for numbers in graph.numbers if numbers.name in read],
    )  # fmt: skip
    model = onnx.helper.make_model(
        made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="tracegrad"
    )
    onnx.checker.check_model(model, full_check=True)
    write(path, model.SerializeToString())


class Graph:
    """The nodes and the constants of a file, as they come."""

    def __init__(self, onnx: Any, dtype: Any) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.numbers: list[Any] = []
        self.names: set[str] = set()
        self.known: dict[tuple[Any, ...], str] = {}
        self.batch = ""

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """A new node; the name of what it gives."""
        output = output or unused(f"{op.lower()}{len(self.nodes)}", self.names)
        self.nodes.append(self.onnx.helper.make_node(op, inputs, [output], **attributes))
        return output

    def stored(self, numbers: Any, name: str = "") -> str:
        """The name of constant numbers, of the dtype that they have; the same ones are stored once."""
        key = (numbers.dtype.str, numbers.shape, numbers.tobytes(), name)
        if key not in self.known:
            self.known[key] = unused(name or f"constant{len(self.numbers)}", self.names)
            self.numbers.append(self.onnx.numpy_helper.from_array(numbers, self.known[key]))
        return self.known[key]

    def whole(self, *numbers: int) -> str:
        """A list of whole numbers: a shape, axes."""
        return self.stored(np.array(numbers, np.int64))

    def constant(self, numbers: Any, name: str = "") -> Symbol:
        """Numbers that are the same for all samples."""
        array = np.asarray(numbers, self.dtype)
        return Symbol(self, self.stored(array, name), array.shape, False)


class Symbol:
    """An array of a file, with the axes of one sample.

    Attributes:
        name: in the file.
        shape: of one sample.
        batched: whether it has one more axis, for the samples.
        logical: whether it holds truth values, as ONNX's comparisons give.
    """

    def __init__(self, graph: Graph, name: str, shape: Sequence[int], batched: bool, logical: bool = False) -> None:
        self.graph, self.name, self.shape, self.batched, self.logical = graph, name, tuple(shape), batched, logical

    @property
    def ndim(self) -> int:
        """How many axes a sample has."""
        return len(self.shape)

    def _made(self, op: str, shape: Sequence[int], *others: str, **attributes: Any) -> Symbol:
        return Symbol(self.graph, self.graph.node(op, self.name, *others, **attributes), shape, self.batched)

    def reshape(self, *form: Any) -> Symbol:
        """The same numbers in another form, (-1) or a tuple."""
        wanted = list(form[0] if isinstance(form[0], tuple) else form)
        known = math.prod(n for n in wanted if n >= 0)
        wanted = [n if n >= 0 else math.prod(self.shape) // known for n in wanted]
        if tuple(wanted) == self.shape:
            return self
        return self._made("Reshape", wanted, self.graph.whole(*[-1] * self.batched, *wanted))

    def __getitem__(self, chosen: Any) -> Symbol:
        axis = len(chosen) - 1 if isinstance(chosen, tuple) else 0
        last = chosen[-1] if isinstance(chosen, tuple) else chosen
        before, after, place = self.shape[:axis], self.shape[axis + 1 :], axis + self.batched
        if isinstance(last, slice):
            first, end, step = last.indices(self.shape[axis])
            whole = self.graph.whole
            shape = (*before, len(range(first, end, step)), *after)
            return self._made("Slice", shape, whole(first), whole(end), whole(place), whole(step))
        places = np.asarray(last, np.int64)
        return self._made("Gather", (*before, *places.shape, *after), self.graph.stored(places), axis=place)

    def sum(self, axis: int) -> Symbol:
        """Along the last axis."""
        return self._made("ReduceSum", self.shape[:axis], self.graph.whole(axis), keepdims=0)

    def spread(self) -> Symbol:
        """The same for each sample, as an array with the axis of samples."""
        if self.batched:
            return self
        graph = self.graph
        shape = graph.node("Concat", graph.batch, graph.whole(*self.shape), axis=0)
        return Symbol(graph, graph.node("Expand", self.name, shape), self.shape, True)

    def with_(self, op: str, other: Any, swapped: bool = False) -> Symbol:
        """An operator of two arrays, entry by entry."""
        a, b = self.number(), (other if isinstance(other, Symbol) else self.graph.constant(other)).number()
        names = (b.name, a.name) if swapped else (a.name, b.name)
        shape = np.broadcast_shapes(a.shape, b.shape)
        return Symbol(self.graph, self.graph.node(op, *names), shape, a.batched or b.batched, op in COMPARISONS)

    def number(self) -> Symbol:
        """1 and 0 for truth values."""
        kind = self.graph.onnx.helper.np_dtype_to_tensor_dtype(self.graph.dtype)
        return self._made("Cast", self.shape, to=kind) if self.logical else self

    def of(self, op: str) -> Symbol:
        """An operator of one array, entry by entry."""
        return Symbol(self.graph, self.graph.node(op, self.name), self.shape, self.batched, op == "Not")

    def __neg__(self) -> Symbol:
        return self.of("Neg")

    def __add__(self, other: Any) -> Symbol:
        return self.with_("Add", other)

    def __sub__(self, other: Any) -> Symbol:
        return self.with_("Sub", other)

    def __mul__(self, other: Any) -> Symbol:
        return self.with_("Mul", other)

    def __truediv__(self, other: Any) -> Symbol:
        return self.with_("Div", other)

    def __radd__(self, other: float) -> Symbol:
        return self.with_("Add", other, swapped=True)

    def __rsub__(self, other: float) -> Symbol:
        return self.with_("Sub", other, swapped=True)

    def __rmul__(self, other: float) -> Symbol:
        return self.with_("Mul", other, swapped=True)

    def __rtruediv__(self, other: float) -> Symbol:
        return self.with_("Div", other, swapped=True)

    def __lt__(self, other: Any) -> Symbol:
        return self.with_("Less", other)

    def __le__(self, other: Any) -> Symbol:
        return self.with_("LessOrEqual", other)

    def __gt__(self, other: Any) -> Symbol:
        return self.with_("Greater", other)

    def __ge__(self, other: Any) -> Symbol:
        return self.with_("GreaterOrEqual", other)


class Onnx(Vocabulary):
    """See `walk.Vocabulary`; also its counterpart of ``numpy``."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.arrays = graph, self
        self.functions: dict[str, Callable[..., Any]] = {
            **{name: self._operator(name.capitalize()) for name in (
                "exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
                "acosh", "atanh", "abs", "erf", "floor", "ceil", "round",
            )},
            "pow": self._power, "where": self._where, "head": head, "expm1": self._expm1, "log1p": self._log1p,
            "log2": lambda x: x.of("Log") / math.log(2), "log10": lambda x: x.of("Log") / math.log(10),
            "exp2": lambda x: x.with_("Pow", 2.0, swapped=True), "hypot": self._hypot, "atan2": self._atan2,
            "cbrt": lambda x: x.of("Sign") * x.of("Abs").with_("Pow", 1 / 3),
            "mod": lambda x, y: x - y * (x / y).of("Floor"),
            "standard_normal_cdf": lambda x: 0.5 * (1.0 + (x * math.sqrt(0.5)).of("Erf")),
        }  # fmt: skip
        self.operations = dict(self.functions)
        for name in TABLE:
            if not basic(name) and name != "where":
                self.operations[name] = self._operation(name)

    # -- arrays -------------------------------------------------------------------------------------------------------

    def concatenate(self, parts: Sequence[Symbol]) -> Symbol:
        """Flat arrays one after the other."""
        batched = any(part.batched for part in parts)
        names = [(part.spread() if batched else part).name for part in parts]
        shape = (sum(part.shape[0] for part in parts),)
        return Symbol(self.graph, self.graph.node("Concat", *names, axis=-1), shape, batched)

    def broadcast_to(self, x: Symbol, shape: Sequence[int]) -> Symbol:
        """Axes that are 1 long, made longer."""
        wanted = self.graph.whole(*[1] * x.batched, *shape)
        return x if x.shape == tuple(shape) else x._made("Expand", shape, wanted)

    def transpose(self, x: Symbol, axes: Sequence[int] | None = None) -> Symbol:
        """Another order of axes; without one the opposite."""
        order = tuple(axes) if axes is not None else tuple(reversed(range(x.ndim)))
        moved = (0, *[axis + 1 for axis in order]) if x.batched else order
        return x._made("Transpose", [x.shape[axis] for axis in order], perm=moved)

    def matmul(self, a: Symbol, b: Symbol) -> Symbol:
        """Products of matrices."""
        shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        if b.batched and not a.batched and a.ndim == 2 and shape[-1] == 1:  # samples as rows of one matrix
            rows = b.reshape(-1)
            product = Symbol(self.graph, self.graph.node("MatMul", rows.name, self.transpose(a).name), shape[:1], True)
            return product.reshape(shape)
        return Symbol(self.graph, self.graph.node("MatMul", a.name, b.name), shape, a.batched or b.batched)

    # -- vocabulary ---------------------------------------------------------------------------------------------------

    def constants(self, numbers: Array, like: Any) -> Symbol:
        """See `walk.Vocabulary`."""
        return self.graph.constant(numbers)

    def over_list(self, op: str, entries: Symbol) -> Symbol:
        """See `walk.Vocabulary`."""
        if op == "log_sum_exp":
            axis = self.graph.whole(-1)
            return entries._made("ReduceLogSumExp", entries.shape[:-1], axis, keepdims=0)
        return entries._made({"softmax": "Softmax", "log_softmax": "LogSoftmax"}[op], entries.shape, axis=-1)

    def apply(self, op: str, operands: Sequence[Symbol]) -> Symbol:
        """See `walk.Vocabulary`."""
        found: Symbol = self.operations[op](*operands)
        return found.number()

    # -- operations ---------------------------------------------------------------------------------------------------

    def _operation(self, name: str) -> Callable[..., Any]:
        """An operation by the formula of the table."""
        op = TABLE[name]

        def operation(*operands: Any) -> Any:
            missing = [op.defaults[argument] for argument in op.arguments[len(operands) :]]
            values = CONSTANTS | dict(zip(op.arguments, (*operands, *missing)))
            return interpret(parse(op, op.formula), self.operations, values)

        return operation

    @staticmethod
    def _operator(op: str) -> Callable[[Symbol], Symbol]:
        return lambda x: x.of(op)

    def _power(self, x: Any, y: Any) -> Symbol:
        base = x if isinstance(x, Symbol) else self.graph.constant(x)
        return base.with_("Pow", y)

    def _where(self, condition: Symbol, chosen: Any, otherwise: Any) -> Symbol:
        sides = [x if isinstance(x, Symbol) else self.graph.constant(x) for x in (chosen, otherwise)]
        if not condition.logical:
            condition = condition.with_("Equal", 0.0).of("Not")
        all_three = [condition, *[side.number() for side in sides]]
        name = self.graph.node("Where", *[x.name for x in all_three])
        shape = np.broadcast_shapes(*[x.shape for x in all_three])
        return Symbol(self.graph, name, shape, any(x.batched for x in all_three))

    def _expm1(self, x: Symbol) -> Symbol:
        """Near 0 as tanh(x/2) (exp(x) + 1), where exp(x) − 1 would lose the digits."""
        power = x.of("Exp")
        return self._where(x.of("Abs") < 1.0, (x * 0.5).of("Tanh") * (power + 1.0), power - 1.0)

    def _log1p(self, x: Symbol) -> Symbol:
        """Near 0 as x log(u)/(u − 1) for the rounded u = 1 + x (Goldberg 1991, theorem 4)."""
        u = 1.0 + x
        rest = u - 1.0
        scaled = self._where(rest.with_("Equal", 0.0), x, x * (u.of("Log") / rest))
        return self._where(x.of("Abs") < 1.0, scaled, u.of("Log"))

    def _hypot(self, x: Any, y: Any) -> Symbol:
        """The larger one times √(1 + ratio²), which does not overflow before its value does."""
        a, b = (s.of("Abs") if isinstance(s, Symbol) else self.graph.constant(abs(s)) for s in (x, y))
        large, small = a.with_("Max", b), a.with_("Min", b)
        ratio = self._where(large > 0.0, small / large, 0.0)
        return large * (1.0 + ratio * ratio).of("Sqrt")

    def _atan2(self, y: Symbol, x: Symbol) -> Symbol:
        """The arctangent of the ratio, half a turn further left of the vertical axis."""
        turn = self._where(y < 0.0, -math.pi, math.pi)
        angle = (y / x).of("Atan")
        upright = self._where(x > 0.0, angle, y.of("Sign") * (math.pi / 2))
        return self._where(x < 0.0, angle + turn, upright)
