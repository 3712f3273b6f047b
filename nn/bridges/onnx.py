"""`from_onnx`: a network from an ONNX file."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.packages import needed

from ..activations import composed
from ..layers import MLP
from .chain import MISH, SOFTSIGN, TANH_GELU, Chain

Array = NDArray[Any]


class Computed(NamedTuple):
    """A tensor that depends on the sample.

    Attributes:
        step: how many steps of the chain lead to x.
        formula: what was done to x since, entry by entry.
    """

    step: int
    formula: str


SAME = {
    "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Log",
    "Relu", "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Sqrt", "Tan", "Tanh",
}  # fmt: skip
"""Operators that work entry by entry, whose names in the table are these in small letters."""

UNARY: dict[str, Callable[[dict[str, Any]], str]] = {
    "Abs": lambda _: "abs(x)",
    "Celu": lambda a: "where(x > 0, x, {0} * expm1(x / {0}))".format(a.get("alpha", 1.0)),
    "Elu": lambda a: f"elu(x, {a.get('alpha', 1.0)})",
    "Gelu": lambda a: TANH_GELU if a.get("approximate", b"none") == b"tanh" else "gelu",
    "HardSigmoid": lambda a: f"clip({a.get('alpha', float(np.float32(0.2)))} * x + {a.get('beta', 0.5)}, 0, 1)",
    "HardSwish": lambda _: f"x * clip({float(np.float32(1 / 6))} * x + 0.5, 0, 1)",
    "Identity": lambda _: "linear",
    "LeakyRelu": lambda a: f"leaky_relu(x, {a.get('alpha', float(np.float32(0.01)))})",
    "Mish": lambda _: MISH,
    "Neg": lambda _: "-x",
    "Reciprocal": lambda _: "1 / x",
    "Selu": lambda a: f"{a.get('gamma', 1.0507010221481323)} * elu(x, {a.get('alpha', 1.6732631921768188)})",
    "Shrink": lambda a: "where(x < -{0}, x + {1}, where(x > {0}, x - {1}, 0))".format(
        a.get("lambd", 0.5), a.get("bias", 0.0)),
    "Softsign": lambda _: SOFTSIGN,
    "Swish": lambda a: f"x * sigmoid({a.get('alpha', 1.0)} * x)",
    "ThresholdedRelu": lambda a: f"where(x > {a.get('alpha', 1.0)}, x, 0)",
}  # fmt: skip
"""More of them, and the activation that each is, given its attributes (whose defaults are float32 in ONNX)."""

BINARY = {"Add": "({}) + ({})", "Sub": "({}) - ({})", "Mul": "({}) * ({})", "Div": "({}) / ({})",
          "Pow": "({}) ** ({})", "Max": "maximum({}, {})", "Min": "minimum({}, {})",
          "PRelu": "leaky_relu({}, {})"}  # fmt: skip
"""Operators of two operands, entry by entry, as formulas."""

ALIKE = ("Cast", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze")
"""Operators that leave the numbers of a sample as they are, where `_Reader.keep` says so."""

OTHERS = ("BatchNormalization", "Clip", "Gemm", "LogSoftmax", "MatMul", "Scaler", "Softmax")


def from_onnx(path: str | os.PathLike[str] | Any, output: str | None = None) -> MLP:
    """A network from an ONNX file, whichever library wrote it.

    Its operators are ``Gemm`` and ``MatMul`` with constant weights, sums and products with constants,
    ``BatchNormalization``, ``Softmax``, and whatever works entry by entry, such as ``Relu``, ``Erf`` or ``Clip``: those
    between two layers become one activation, so ``Mul(x, Sigmoid(x))`` comes in too. Numbers are widened to float64.

    Args:
        path: the file, or an ``onnx.ModelProto``.
        output: the name of the tensor that the network computes; by default the first output that holds floats.

    Returns:
        An `MLP`. Samples are vectors: images are flattened with ``X.reshape(len(X), -1)``.

    Raises:
        ValueError: the file is not a sound ONNX model, or a node cannot come in; the message names the first.
        TypeError: a tensor does not hold real numbers.
        OSError: the file cannot be read.
        ImportError: the package onnx is not installed.
    """
    onnx = needed("onnx", "from_onnx")
    name = "this model"
    model = path
    if not isinstance(path, onnx.ModelProto):
        name = os.fspath(path)
        model = _loaded(name, onnx)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ValueError(f"{name} is no sound ONNX model: {_first_line(error)}") from None
    return _Reader(model, name, output, onnx).read()


def _loaded(name: str, onnx: Any) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(name)
    except (DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise ValueError(f"{name} is no sound ONNX model: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


class _Reader:
    """Goes through the nodes that lead to one output, and writes down a `Chain`."""

    def __init__(self, model: Any, name: str, output: str | None, onnx: Any) -> None:
        self.model, self.name, self.onnx = model, name, onnx
        graph = model.graph
        self.output = output or self._first_of_floats()
        self.nodes = self._leading_to(self.output)
        self.uses = Counter([self.output, *(operand for node in self.nodes for operand in node.input)])
        self.constants = {tensor.name: self._array(tensor) for tensor in graph.initializer if self.uses[tensor.name]}
        inputs = [each for each in graph.input if each.name not in self.constants and self.uses[each.name]]
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs) or "none"
            raise ValueError(f"{name} has the inputs {names}, where a network takes one")
        self.computed = {inputs[0].name: Computed(0, "x")}
        entries = math.prod(dimension.dim_value for dimension in inputs[0].type.tensor_type.shape.dim[1:])
        self.chain, self.steps = Chain(entries or None), 0

    def _array(self, tensor: Any) -> Array:
        try:
            return _widened(self.onnx.numpy_helper.to_array(tensor))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: the numbers of {tensor.name} cannot be read: {error}") from None

    def _first_of_floats(self) -> str:
        kinds = self.onnx.TensorProto
        floats = (kinds.FLOAT, kinds.DOUBLE, kinds.FLOAT16, kinds.BFLOAT16)
        found = [each.name for each in self.model.graph.output if each.type.tensor_type.elem_type in floats]
        if not found:
            raise ValueError(f"{self.name} has no output of floats")
        return str(found[0])

    def _leading_to(self, output: str) -> list[Any]:
        wanted, found = {output}, []
        for node in reversed(self.model.graph.node):
            if wanted.intersection(node.output):
                found.append(node)
                wanted.update(node.input)
        if not found:
            known = ", ".join(each.name for each in self.model.graph.output)
            raise ValueError(f"{self.name} computes no tensor {output!r}; its outputs are {known}")
        return found[::-1]

    def read(self) -> MLP:
        """The network, once every node is understood."""
        for number, node in enumerate(self.nodes):
            place = f"node {node.name or number} ({node.op_type})"
            operands = [self.constants.get(name, self.computed.get(name)) if name else None for name in node.input]
            if any(name and operand is None for name, operand in zip(node.input, operands)):
                raise ValueError(f"{place} cannot come in: it reads a second output of a node")
            if any(isinstance(operand, Computed) for operand in operands):
                self.computed[node.output[0]] = self.apply(node, operands, place)
            else:
                self.constants.update(self._folded(node, operands, place))
        last = self.computed.get(self.output)
        if last is None:
            raise ValueError(f"the output {self.output} of {self.name} does not depend on the input")
        self.arrive(last, f"the output {self.output}")
        return self.chain.network(self.name)

    def _folded(self, node: Any, operands: list[Any], place: str) -> Iterator[tuple[str, Array]]:
        """The outputs of a node that depends on constants alone."""
        if node.op_type == "Cast":
            return iter([(node.output[0], operands[0])])
        reference = needed("onnx.reference", "from_onnx")
        helper, from_array = self.onnx.helper, self.onnx.helper.np_dtype_to_tensor_dtype
        known = {name: operand for name, operand in zip(node.input, operands) if name}
        inputs = [helper.make_tensor_value_info(name, from_array(x.dtype), x.shape) for name, x in known.items()]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
        graph = helper.make_graph([node], "constant", inputs, outputs)
        alone = helper.make_model(graph, opset_imports=self.model.opset_import, ir_version=self.model.ir_version)
        try:
            found = reference.ReferenceEvaluator(alone).run(None, known)
        except Exception as error:
            raise ValueError(f"{place} cannot come in: {_first_line(error)}") from None
        return ((name, _widened(np.asarray(x))) for name, x in zip(node.output, found))

    # ---- what nodes do ------------------------------------------------------------------------------------------

    def apply(self, node: Any, operands: list[Any], place: str) -> Computed:
        """What a node makes of a tensor that depends on the sample."""
        kind, x = node.op_type, operands[0]
        known = node.domain in ("", "ai.onnx", "ai.onnx.ml")
        attributes = {each.name: self.onnx.helper.get_attribute_value(each) for each in node.attribute}
        if known and kind in BINARY and len(operands) == 2:
            return self.combine(kind, operands, node, place)
        if not known or not isinstance(x, Computed) or any(isinstance(y, Computed) for y in operands[1:]):
            raise self.refusal(node, place)
        if kind in SAME or kind in UNARY:
            return Computed(x.step, composed(kind.lower() if kind in SAME else UNARY[kind](attributes), x.formula))
        if kind in ALIKE:
            self.keep(node, operands, attributes, place)
            return x
        if kind == "Clip":
            low, high = (
                np.asarray(
                    attributes.get(name, sign * np.inf) if len(operands) <= i or operands[i] is None else operands[i]
                )
                for i, name, sign in ((1, "min", -1.0), (2, "max", 1.0))
            )
            formula = x.formula
            if low.item() > -np.inf:
                formula = f"maximum({formula}, {low.item()!r})"
            return Computed(x.step, f"minimum({formula}, {high.item()!r})" if high.item() < np.inf else formula)
        if kind in ("Gemm", "MatMul"):
            return self.affine(kind, operands, attributes, place)
        if kind == "BatchNormalization" and not attributes.get("training_mode"):
            factors = operands[1] * (operands[4] + attributes.get("epsilon", 1e-5)) ** -0.5
            return self.scale(x, factors, operands[2] - operands[3] * factors, place)
        if kind == "Scaler":
            factors, offsets = (
                np.array(attributes.get(*each), float) for each in (("scale", [1.0]), ("offset", [0.0]))
            )
            return self.scale(x, factors, -offsets * factors, place)
        if kind in ("LogSoftmax", "Softmax") and attributes.get("axis", -1) in (1, -1):
            self.arrive(x, place)
            self.chain.activate("softmax" if kind == "Softmax" else "log_softmax", place)
            return self.next()
        raise self.refusal(node, place)

    def refusal(self, node: Any, place: str) -> ValueError:
        before = [name for name in node.input if name in self.computed]
        earlier = f" (output={before[-1]!r} takes what comes before it)" if self.steps else ""
        what = ", ".join(sorted([*SAME, *UNARY, *BINARY, *ALIKE, *OTHERS]))
        return ValueError(f"{place} cannot come in as it stands{earlier}. A chain of these can: {what}")

    def combine(self, kind: str, operands: list[Any], node: Any, place: str) -> Computed:
        """An operator of two operands, entry by entry."""
        first, second = operands
        if isinstance(first, Computed) and isinstance(second, Computed):
            if first.step != second.step:
                raise ValueError(f"{place} cannot come in: it joins two branches of the network")
            return Computed(first.step, BINARY[kind].format(first.formula, second.formula))
        x, constant, turned = (second, first, True) if isinstance(second, Computed) else (first, second, False)
        alone = x.formula == "x" and self.uses[node.input[turned]] == 1 and self.chain.width is not None
        linear = kind in ("Add", "Sub", "Mul") or (kind == "Div" and not turned)
        if linear and (constant.size > 1 or alone):
            c = self._vector(constant, place)
            factors, offsets = {
                "Add": (np.ones_like(c), c), "Sub": (np.full_like(c, -1.0 if turned else 1.0), c if turned else -c),
                "Mul": (c, np.zeros_like(c)), "Div": (1.0 / c, np.zeros_like(c)),
            }[kind]  # fmt: skip
            return self.scale(x, factors, offsets, place)
        if constant.size != 1:
            raise ValueError(
                f"{place} cannot come in: its constant of shape {constant.shape} differs from entry to entry"
            )
        texts = [x.formula, repr(float(constant.item()))]
        return Computed(x.step, BINARY[kind].format(*(texts[::-1] if turned else texts)))

    def _vector(self, constant: Array, place: str) -> Array:
        """A constant that is the same for every sample, as one number for each entry of a sample."""
        if constant.size == 1 and self.chain.width is not None:
            return np.full(self.chain.width, constant.item())
        if constant.size != constant.shape[-1]:
            raise ValueError(f"{place} cannot come in: its constant of shape {constant.shape} is not one vector")
        return constant.reshape(-1)

    def affine(self, kind: str, operands: list[Any], attributes: dict[str, Any], place: str) -> Computed:
        """Weights, and the biases of a ``Gemm``."""
        x, W, *rest = operands
        if W.ndim != 2 or attributes.get("transA"):
            raise ValueError(
                f"{place} cannot come in: its weights have the shape {W.shape}, or its samples are columns"
            )
        b = None
        if kind == "Gemm":
            W = attributes.get("alpha", 1.0) * (W if attributes.get("transB") else W.T)
            if rest and rest[0] is not None:
                b = attributes.get("beta", 1.0) * rest[0]
                if b.size not in (1, len(W)) or b.size != max(b.shape[-1:], default=1):
                    raise ValueError(f"{place} has {len(W)} neurons, and its biases have the shape {b.shape}")
                b = np.broadcast_to(b.reshape(-1), len(W))
        else:
            W = W.T
        self.arrive(x, place)
        self.chain.affine(W, b, place)
        return self.next()

    def scale(self, x: Computed, factors: Array, offsets: Array, place: str) -> Computed:
        """A scaling of each entry on its own."""
        self.arrive(x, place)
        if len(factors) == 1 and self.chain.width is not None:
            factors, offsets = (np.full(self.chain.width, numbers.item()) for numbers in (factors, offsets))
        self.chain.scale(factors, offsets, place)
        return self.next()

    def arrive(self, x: Computed, place: str) -> None:
        """Write down what was done entry by entry; from here on x is what comes out of it."""
        if x.step != self.steps:
            raise ValueError(f"{place} cannot come in: it reads an earlier result again, and a network here is a chain")
        formula = _name(x.formula)
        if formula != "x":
            self.chain.activate(formula, place)

    def next(self) -> Computed:
        self.steps += 1
        return Computed(self.steps, "x")

    def keep(self, node: Any, operands: list[Any], attributes: dict[str, Any], place: str) -> None:
        """Refuse a node that does not leave the numbers of a sample as they are."""
        kind, kinds, width = node.op_type, self.onnx.TensorProto, self.chain.width
        if kind == "Cast":
            same = attributes["to"] in (kinds.FLOAT, kinds.DOUBLE, kinds.FLOAT16, kinds.BFLOAT16)
        elif kind == "Dropout":
            same = len(operands) < 3 or operands[2] is None or not operands[2].item()
        elif kind == "Flatten":
            same = attributes.get("axis", 1) == 1
        elif kind == "Reshape":
            shape = operands[1].tolist()
            two = len(shape) == 2 and shape[0] in (-1, 0, 1) and (shape[1] == -1 or width in (None, shape[1]))
            same = two or (shape == [-1] and width == 1)
        else:
            same = width == 1
        if not same:
            raise ValueError(f"{place} cannot come in: it changes the shape or the kind of the numbers of a sample")


def _widened(array: Array) -> Array:
    """Floats of any width as float64; integers and truth values as they are."""
    return array.astype(np.float64) if array.dtype.name.startswith(("float", "bfloat")) else array


def _name(formula: str) -> str:
    """``"relu"`` for ``"relu(x)"``; another formula as it is, in the form of `composed`."""
    function, _, rest = formula.partition("(")
    return function if rest == "x)" and function.isidentifier() and function != "abs" else composed("linear", formula)
