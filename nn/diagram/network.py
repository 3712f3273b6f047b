"""What is drawn of a network: its layers' sizes, its weights or their gradients, its activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from autograd import no_grad
from autograd.answer import Answer
from autograd.convert import convert
from autograd.notation.names import Name
from autograd.notation.naming import names_of
from autograd.notation.neurons import Key
from autograd.text import figure, number

from .blocks import blocks_of, render_blocks
from .svg import Column, Edge, render


class NetworkDiagram(Answer):
    """A picture of a network. Shows itself in a notebook; `svg` gives the text and `save` writes a file.

    Its suffix (.svg, .png, .pdf, .html) chooses the form. For PNG and PDF see `autograd.convert`.
    """

    def __init__(self, svg: str, description: str) -> None:
        self._svg = svg
        self._description = description

    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return self._svg

    def __str__(self) -> str:
        return f"NetworkDiagram({self._description})"

    def html(self) -> str:
        """The picture as an HTML image, which shows in untrusted notebooks too."""
        return figure(self._svg.encode(), self._description)

    def _heading(self) -> str:
        return self._description

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {
            ".svg": self.svg,
            ".png": lambda: convert(self._svg, "png"),
            ".pdf": lambda: convert(self._svg, "pdf"),
            ".html": self.page,
        }


def draw_network(
    model: Any,
    x: Sequence[float] | None = None,
    *,
    color: Literal["weight", "gradient"] = "weight",
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    biases: bool = True,
    title: str | None = None,
    max_nodes: int = 16,
    style: Literal["nodes", "blocks"] = "nodes",
) -> NetworkDiagram:
    """Draw a network of fully connected layers.

    In the style ``"nodes"`` a node is one entry of a layer's vector and an edge one entry of its matrix. In the style
    ``"blocks"`` each matrix, bias and activation is a block, with shapes: rows × columns of W, so that z = W·a + b.

    Args:
        model: anything with ``layers[l].neurons[j].weights`` (and ``.bias``) of Values, such as `nn.MLP`.
        x: one input vector; its activations are then written into the nodes.
        color: what colors the edges: the weights, or their gradients as the last ``backward()`` left them.
        inputs: a name per input.
        outputs: a name per output, such as the classes.
        biases: draw each bias as the edge from a node that is always 1.
        title: a heading; by default the widths and activations of the layers.
        max_nodes: a layer with more entries shows its first and last ones, and says how many there are.
        style: ``"nodes"`` or ``"blocks"``; blocks show no numbers of x, no colors and no names.

    Raises:
        TypeError: the model has no layers of neurons.
        ValueError: x or a list of names has the wrong length, or ``color`` or ``style`` is unknown.
    """
    layers = list(getattr(model, "layers", ()))
    if not layers or not all(hasattr(layer, "neurons") for layer in layers):
        raise TypeError(
            f"draw_network draws a model with layers of neurons, such as nn.MLP; got {type(model).__name__}"
        )
    if color not in ("weight", "gradient"):
        raise ValueError(f"color is 'weight' or 'gradient', not {color!r}")
    if max_nodes < 4:
        raise ValueError(f"max_nodes is at least 4, so that an elided layer shows both its ends; got {max_nodes}")
    if style not in ("nodes", "blocks"):
        raise ValueError(f"style is 'nodes' or 'blocks', not {style!r}")
    if style == "blocks":
        sizes = [len(layers[0].neurons[0].weights), *(len(layer.neurons) for layer in layers)]
        widths = "-".join(map(str, sizes))
        biased = [getattr(layer.neurons[0], "bias", None) is not None for layer in layers]
        blocks = blocks_of(sizes, biased, [_activation_name(layer) for layer in layers])
        return NetworkDiagram(
            render_blocks(sizes[0], blocks, widths if title is None else title),
            f"{widths} network as blocks: x, " + ", ".join(f"{b.name} {b.shape}".strip() for b in blocks),
        )
    columns = _columns(layers, x, inputs, outputs, max_nodes)
    edges = _edges(layers, columns, color, biases)
    widths = "-".join(str(column.size) for column in columns)
    heading = widths if title is None else title
    note = ""
    if color == "gradient" and not any(edge.number for edge in edges):
        note = "every gradient shown is 0: call backward() on the loss first"
    svg = render(columns, edges, color, heading, note)
    return NetworkDiagram(svg, f"{widths} network, edges colored by {color}")


def _columns(
    layers: Sequence[Any],
    x: Sequence[float] | None,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    max_nodes: int,
) -> list[Column]:
    sizes = [len(layers[0].neurons[0].weights), *(len(layer.neurons) for layer in layers)]
    vectors = None if x is None else _activations(layers, x, sizes[0])
    columns: list[Column] = []
    for index, size in enumerate(sizes):
        first, last = index == 0, index == len(sizes) - 1
        given = inputs if first else outputs if last else None
        if given is not None and len(given) != size:
            kind = "inputs" if first else "outputs"
            raise ValueError(f"the network has {size} {kind}; {len(given)} names were given")
        unit = "input" if first else "output" if last else "neuron"
        caption = ["input" if first else "output" if last else f"hidden {index}" if len(sizes) > 3 else "hidden"]
        caption.append(f"{size} {unit}{'s' * (size > 1)}")
        if not first:
            caption.append(_activation_name(layers[index - 1]))
        head = max_nodes // 2 - 1
        shown = list(range(size)) if size <= max_nodes else [*range(head), *range(size - head, size)]
        values = vectors[index] if vectors else None
        names = list(given) if given else None
        columns.append(Column(size, shown, caption, _symbols(index, sizes), values, names))
    return columns


def _symbols(index: int, sizes: Sequence[int]) -> list[Name]:
    """The names of a layer's entries: x₁, x₂, … of the inputs, a¹₁, … of neurons, ŷ of the outputs."""
    size = sizes[index]
    if index == 0:
        return [Name("x", (), (i + 1,)) for i in range(size)]
    if index == len(sizes) - 1:
        return [Name("ŷ", (), (i + 1,) if size > 1 else ()) for i in range(size)]
    return [Key(0, index, i + 1).name("a") for i in range(size)]


def _activation_name(layer: Any) -> str:
    activation = getattr(layer, "activation", "")
    return activation if isinstance(activation, str) else getattr(activation, "__name__", "")


def _activations(layers: Sequence[Any], x: Sequence[float], width: int) -> list[list[float]]:
    current: list[Any] = [getattr(entry, "data", entry) if type(entry).__name__ == "Value" else entry for entry in x]
    if len(current) != width:
        raise ValueError(f"the network takes {width} inputs; x has {len(current)}")
    vectors = [[float(entry) for entry in current]]
    current = list(vectors[0])
    with no_grad():
        for layer in layers:
            result = getattr(layer, "evaluate", layer)(current)
            current = list(result) if isinstance(result, (list, tuple)) else [result]
            vectors.append([float(getattr(entry, "data", entry)) for entry in current])
    return vectors


def _edges(layers: Sequence[Any], columns: Sequence[Column], color: str, biases: bool) -> list[Edge]:
    edges: list[Edge] = []
    own: dict[Any, Name] = {}  # names of the parameters shown, for those without a label
    for index, layer in enumerate(layers):
        for target in columns[index + 1].shown:
            neuron = layer.neurons[target]
            for i in columns[index].shown:
                own[neuron.weights[i]] = Name("w", (index + 1,), (target + 1, i + 1))
            if getattr(neuron, "bias", None) is not None:
                own[neuron.bias] = Key(0, index + 1, target + 1).name("b")
    called = names_of(own, {parameter: name for parameter, name in own.items() if not parameter.label})
    for index, layer in enumerate(layers):
        for target in columns[index + 1].shown:
            neuron = layer.neurons[target]
            entries: list[tuple[int | None, Any]] = [(i, neuron.weights[i]) for i in columns[index].shown]
            bias = getattr(neuron, "bias", None)
            if biases and bias is not None:
                entries.append((None, bias))
            for source, value in entries:
                text = f"{called.text(value)} = {number(value.data, 6)}, gradient {number(value.grad, 6)}"
                text += f" ({value.label})" if value.label else ""
                edges.append(Edge(index, source, target, value.data if color == "weight" else value.grad, text))
    return edges
