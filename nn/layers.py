"""`Neuron`, `Layer` and `MLP`, built from scalars: in z = w1·x1 + w2·x2 + … + b each product and sum is a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from operator import mul
from typing import Any

from autograd import Value
from autograd.value import Number, argument, real

from .activations import OF_LAYERS, Activation, Spec
from .counts import in_words, whole
from .initial import Init, Seed, drawing, generator
from .module import Module, plain

_NAMES: ContextVar[dict[int, str] | None] = ContextVar("names of the neurons whose nodes are labeled", default=None)


def _inputs(x: Any, nin: int, taker: str) -> list[Any]:
    """One sample as a list of ``nin`` entries; one number or Value is a sample of one input."""
    if isinstance(x, (int, float, Value)):
        x = [x]
    elif hasattr(x, "tolist"):  # a row of an array, or a NumPy number
        x = x.tolist()
        x = x if isinstance(x, list) else [x]
    elif not isinstance(x, (list, tuple)):
        raise TypeError(f"{taker} takes one sample, a list of {nin} numbers or Values; got {type(x).__name__}")
    if x and isinstance(x[0], (list, tuple)):
        raise TypeError(f"{taker} takes one sample, and this is a list of {len(x)}: predict(X) takes many")
    if len(x) != nin:
        raise ValueError(f"{taker} takes {nin} input{'s' * (nin > 1)} and got {len(x)}")
    return x if isinstance(x, list) else list(x)


# A subclass can compute something else, so that only `__call__` says what a part of a network does. Where a part is
# exactly of a class below, its `fire` and `fire_floats` are known to give the same numbers with fewer checks.


def _values(part: Any, x: Sequence[Value]) -> list[Value]:
    """The outputs of a layer, whoever wrote it, for a list of Values."""
    return part.fire(x) if type(part) is Layer else _listed(part(x))


def _numbers(part: Any, x: Sequence[float]) -> list[float]:
    """The outputs of a layer, whoever wrote it, for a list of floats."""
    return part.fire_floats(x) if type(part) is Layer else _listed(plain(part([Value(entry) for entry in x])))


def _listed(output: Any) -> list[Any]:
    if hasattr(output, "tolist"):
        output = output.tolist()
    return list(output) if isinstance(output, (list, tuple)) else [output]


class Neuron(Module):
    """a = φ(w1·x1 + … + wn·xn + b): one Value from ``nin`` numbers or Values.

    Args:
        nin: the number of inputs.
        activation: φ, by name (``"relu"``, ``"tanh"``, ``"linear"``, … any operation of one number), as a formula in x
            (``"leaky_relu(x, 0.2)"``, ``"x * tanh(softplus(x))"``) or as a function.
        bias: whether there is a b.
        init: initial weights: ``"uniform"``, ``"xavier"``, ``"he"``, ``"zeros"``, a function of (nin, nout, random),
            or ``"auto"``: He for relu and its kin, else Xavier.
        seed: an integer makes the weights reproducible; a `random.Random` is drawn from.

    Attributes:
        weights: ``nin`` Values.
        bias: a Value, or None.

    Raises:
        ValueError: a size, an activation or an initialization that does not exist; called with another number of
            inputs than ``nin``.
    """

    def __init__(
        self, nin: int, activation: Spec = "relu", *, bias: bool = True, init: Init = "auto", seed: Seed = None
    ) -> None:
        self.nin = whole(nin, "the number of inputs")
        self._activation = Activation(activation)
        if (name := self._activation.name) in OF_LAYERS:
            raise ValueError(f"{name} compares the outputs of a layer: give it to a Layer or as MLP(output={name!r})")
        draw, source = drawing(init, self._activation), generator(seed)
        self.weights = [Value(draw(self.nin, 1, source), f"weights.{i}") for i in range(self.nin)]
        self.bias = Value(0.0, "bias") if bias else None

    @property
    def activation(self) -> Spec:
        """The activation: its name, or the function that was given."""
        return self._activation.spec

    def __call__(self, x: Any) -> Value:
        """The neuron's output for one sample of ``nin`` entries."""
        return self.fire([argument(entry, "Neuron") for entry in _inputs(x, self.nin, "Neuron")])

    def fire(self, x: Sequence[Value]) -> Value:
        """The output for inputs that are known to be ``nin`` Values."""
        weights = iter(self.weights)
        entries = iter(x)
        z = next(weights) * next(entries)
        for weight, entry in zip(weights, entries):
            z = z + weight * entry
        if self.bias is not None:
            z = z + self.bias
        a = self._activation.on_value(z)
        names = _NAMES.get()
        if names and id(self) in names:
            a.label, z.label = names[id(self)] + "a", names[id(self)] + "z"
        return a

    def _output(self, x: Any) -> Any:
        if type(self) is not Neuron:
            return super()._output(x)
        return self.fire_floats([real(entry, "Neuron") for entry in _floats(x, self.nin, "Neuron")])

    def _structure(self) -> Any:
        parameters = [*self.weights, *([] if self.bias is None else [self.bias])]
        if type(self) is not Neuron or any(type(p) is not Value or p.op for p in parameters):
            return None
        known = self._activation.operation
        return None if known is None else (known, self.nin, self.bias is None, [id(p) for p in parameters])

    def fire_floats(self, x: Sequence[float]) -> float:
        """The output for inputs that are known to be ``nin`` floats."""
        z = sum(map(mul, [weight.data for weight in self.weights], x))
        return self._activation.on_float(z if self.bias is None else z + self.bias.data)

    def __repr__(self) -> str:
        return f"Neuron({self.nin}, {_shown(self._activation)}): {in_words(len(self.parameters()))}"


def _floats(x: Any, nin: int, taker: str) -> list[Any]:
    return [entry.data if isinstance(entry, Value) else entry for entry in _inputs(x, nin, taker)]


def _shown(activation: Activation) -> str:
    return repr(activation.name) if isinstance(activation.spec, str) else activation.name


class Layer(Module):
    """``nout`` neurons that read the same ``nin`` inputs: a list of ``nout`` Values, or one Value if nout is 1.

    Args:
        nin: the number of inputs.
        nout: the number of neurons.
        activation: of every neuron; ``"softmax"`` here turns the net inputs into probabilities,
            ``"log_softmax"`` into their logarithms.
        bias, init, seed: as in `Neuron`.
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: Spec = "relu",
        *,
        bias: bool = True,
        init: Init = "auto",
        seed: Seed = None,
    ) -> None:
        self.nin, self.nout = whole(nin, "the number of inputs"), whole(nout, "the number of neurons")
        self._activation = Activation(activation)
        self._whole = self._activation.name if self._activation.name in OF_LAYERS else ""
        if self._whole and nout == 1:
            always = "1; use activation='sigmoid'" if self._whole == "softmax" else "0; use activation='log_sigmoid'"
            raise ValueError(f"{self._whole} of one neuron is always {always}, or two neurons")
        draw, source = drawing(init, self._activation), generator(seed)
        self.neurons = [
            Neuron(
                self.nin,
                "linear" if self._whole else self._activation.spec,
                bias=bias,
                init=lambda nin, _, random: draw(nin, self.nout, random),
                seed=source,
            )
            for _ in range(self.nout)
        ]
        self.label_parameters()

    @property
    def activation(self) -> Spec:
        """The activation: its name, or the function that was given."""
        return self._activation.spec

    def __call__(self, x: Any) -> Any:
        """The outputs for one sample of ``nin`` entries."""
        outputs = self.fire([argument(entry, "Layer") for entry in _inputs(x, self.nin, "Layer")])
        return outputs[0] if self.nout == 1 else outputs

    def fire(self, x: Sequence[Value]) -> list[Value]:
        """The list of outputs for inputs that are known to be ``nin`` Values."""
        outputs = [neuron.fire(x) if type(neuron) is Neuron else neuron(x) for neuron in self.neurons]
        if not self._whole:
            return outputs
        shares: list[Value] = OF_LAYERS[self._whole][0](outputs)
        names = _NAMES.get() or {}
        for neuron, share in zip(self.neurons, shares):
            if id(neuron) in names:
                share.label = names[id(neuron)] + "a"
        return shares

    def _output(self, x: Any) -> Any:
        if type(self) is not Layer:
            return super()._output(x)
        outputs = self.fire_floats([real(entry, "Layer") for entry in _floats(x, self.nin, "Layer")])
        return outputs[0] if self.nout == 1 else outputs

    def _structure(self) -> Any:
        if type(self) is not Layer:
            return None
        return _known([neuron._structure() for neuron in self.neurons], self.nin, self.nout, self._whole)

    def fire_floats(self, x: Sequence[float]) -> list[float]:
        """The list of outputs for inputs that are known to be ``nin`` floats."""
        outputs = [
            neuron.fire_floats(x) if type(neuron) is Neuron else plain(neuron([Value(entry) for entry in x]))
            for neuron in self.neurons
        ]
        return OF_LAYERS[self._whole][1](outputs) if self._whole else outputs

    def __repr__(self) -> str:
        return f"Layer({self.nin}, {self.nout}, {_shown(self._activation)}): {in_words(len(self.parameters()))}"


def _known(parts: list[Any], *more: Any) -> Any:
    """What is known of all parts, in their order, with repeats; None if one of them can depend on anything."""
    return None if any(part is None for part in parts) else (parts, *more)


class MLP(Module):
    """A multilayer perceptron: layers of neurons, each reading all outputs of the one before.

    ``MLP(2, [16, 16, 1])`` has two inputs, two hidden layers of 16 neurons, one output and 337 parameters. Called
    with one sample (a list of numbers or Values) it builds the graph and returns a list of Values, or one Value if the
    last layer has one neuron; `predict` and `evaluate` compute on plain floats instead, without a graph.

    Every parameter is labeled with its name, such as ``layers.0.neurons.3.weights.1``; `nn.latex_name` writes it as
    the lectures do; `trace` labels the nodes of one forward pass too.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons of each layer; the last one's are the outputs.
        activation: of the hidden layers, or a list with one for each hidden layer (or for each layer, output included).
        output: the activation of the last layer: ``"linear"``, ``"softmax"``, ``"sigmoid"``, ….
        bias: whether neurons have a b (some lecture networks have none), or a list that says it for each layer.
        init: as in `Neuron`.
        seed: an integer makes the initial weights reproducible.

    Raises:
        ValueError: a size, an activation or an initialization that does not exist; called with another number of
            inputs than ``nin``.
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: Spec | Sequence[Spec] = "relu",
        output: Spec = "linear",
        *,
        bias: bool | Sequence[bool] = True,
        init: Init = "auto",
        seed: Seed = None,
    ) -> None:
        if isinstance(nouts, (str, int)) or not isinstance(nouts, Iterable) or not len(nouts):
            raise ValueError(f"nouts is a list with the number of neurons of each layer, as [16, 16, 1]; got {nouts!r}")
        sizes = [whole(nin, "the number of inputs"), *(whole(n, "a number of neurons") for n in nouts)]
        activations = per_layer(activation, output, len(sizes) - 1)
        biases = [bias] * len(activations) if isinstance(bias, bool) else list(bias)
        if len(biases) != len(activations):
            raise ValueError(f"{len(activations)} layers take one bias=… for all, or a list of {len(activations)}")
        source = generator(seed)
        self.layers = [
            Layer(*pair, chosen, bias=has_bias, init=init, seed=source)
            for pair, chosen, has_bias in zip(pairwise(sizes), activations, biases)
        ]
        self.label_parameters()

    @property
    def sizes(self) -> list[int]:
        """The number of inputs, then the number of neurons of each layer: ``[2, 16, 16, 1]``."""
        return [self.layers[0].nin, *(layer.nout for layer in self.layers)]

    def __call__(self, x: Any) -> Any:
        """The output for one sample: a list of Values, or a Value if there is one output."""
        outputs = [argument(entry, "MLP") for entry in _inputs(x, self.layers[0].nin, "MLP")]
        for layer in self.layers:
            outputs = _values(layer, outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _output(self, x: Any) -> Any:
        if type(self) is not MLP:
            return super()._output(x)
        outputs = [real(entry, "MLP") for entry in _floats(x, self.layers[0].nin, "MLP")]
        for layer in self.layers:
            outputs = _numbers(layer, outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _structure(self) -> Any:
        if type(self) is not MLP:
            return None
        return _known([layer._structure() if isinstance(layer, Module) else None for layer in self.layers])

    def __repr__(self) -> str:
        nin, *nouts = self.sizes
        *hidden, output = (layer._activation for layer in self.layers)
        shown = [_shown(activation) for activation in hidden]
        alike = f", activation={shown[0] if len(set(shown)) == 1 else '[' + ', '.join(shown) + ']'}" if shown else ""
        return f"MLP({nin}, {nouts}{alike}, output={_shown(output)}): {in_words(len(self.parameters()))}"


def per_layer(activation: Spec | Sequence[Spec], output: Spec, layers: int) -> list[Spec]:
    """The activation of each layer of an `MLP`, from what its arguments say."""
    if isinstance(activation, str) or callable(activation):
        return [*[activation] * (layers - 1), output]
    if not isinstance(activation, Sequence):
        raise TypeError(f"an activation is a name, a function or a list of them, not {type(activation).__name__}")
    if len(activation) == layers and output == "linear":
        return list(activation)
    if len(activation) == layers - 1:
        return [*activation, output]
    raise ValueError(
        f"{layers} layers take {layers - 1} hidden activations and an output (or {layers} activations without output); "
        f"got {len(activation)} and output={output!r}"
    )


def trace(model: Module, x: Iterable[Number], names: Sequence[str] = ()) -> Any:
    """``model(x)`` with labels on the nodes, so that drawings and derivations speak; slower than ``model(x)``.

    Inputs are labeled ``x1``, ``x2``, … (or with ``names``, such as a dataset's feature names), the net input and the
    activation of a neuron ``layers.0.neurons.1.z`` and ``layers.0.neurons.1.a``, which `nn.latex_name` writes as x_{1},
    z^{1}_{2} and a^{1}_{2}. A linear neuron's a is its z.

    Args:
        model: an MLP, or any Module with layers or neurons inside.
        x: one sample; a Value among its entries keeps the label it has.
        names: labels of the inputs.

    Example:
        >>> y = trace(MLP(2, [2, 1], "sigmoid", seed=1), [0.5, -1.0])
        >>> y.label
        'layers.1.neurons.0.z'
    """
    entries = x.tolist() if hasattr(x, "tolist") else list(x)
    if names and len(names) != len(entries):
        raise ValueError(f"{len(entries)} inputs and {len(names)} names for them")
    inputs = [entry if isinstance(entry, Value) else Value(entry) for entry in entries]
    for i, entry in enumerate(inputs):
        entry.label = entry.label or (names[i] if names else f"x{i + 1}")
    with naming(model):
        return model(inputs)


@contextmanager
def naming(model: Module) -> Iterator[None]:
    """While this lasts, the nodes of the model's neurons are labeled as `trace` says."""
    paths = {id(m): f"{name}." if name else "" for name, m in model.named_modules() if isinstance(m, Neuron)}
    token = _NAMES.set(paths)
    try:
        yield
    finally:
        _NAMES.reset(token)
