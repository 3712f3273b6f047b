"""The vectors and matrices of a network's layers by name: W² and b², z², a², and a¹, which the layer reads."""

from __future__ import annotations

from typing import NamedTuple

from ..notation.names import Index, Name
from ..notation.naming import Names
from .quantities import replace_sample
from .variables import SHARES


class LayerNames(NamedTuple):
    """The names of a layer.

    Attributes:
        W: its weights.
        b: its biases; None if it has none.
        z: its net input.
        a: its activation; z itself where no function follows.
        below: what it reads.
        out: what the loss compares with y, if it is the last one.
        size: how many neurons it has.
        activation: the name of its function; ``"linear"`` where none follows.
    """

    W: Name
    b: Name | None
    z: Name
    a: Name
    below: Name
    out: Name
    size: int
    activation: str


def layers_of(called: Names) -> list[LayerNames]:
    """The layers of the network in a graph, from the first to the last.

    Raises:
        ValueError: there is no network, or it was evaluated for several samples, or a weight's name has no two indices.
    """
    structure = called.structure
    numbers = sorted({neuron.layer for neuron in structure.neurons})
    if not numbers or structure.several:
        raise ValueError(
            "a derivation in matrices needs a network of one sample in the graph: neurons whose weights are labeled, "
            "as nn.MLP labels them"
        )
    found: list[LayerNames] = []
    for number in numbers:
        neurons = [neuron for neuron in structure.neurons if neuron.layer == number]
        first = neurons[0]
        weights = [node for node, key in structure.owner.items() if key == first.key and not node.parents]
        matrix = next((node for node in weights if len(counted(called[node])) == 2), None)
        if matrix is None:
            raise ValueError(
                f"{called.text(weights[0])} is no entry of a matrix: a derivation in matrices needs names of weights "
                "with two indices, as in {w: 'w_{1,2}'}"
            )
        bias = next((node for node in weights if len(counted(called[node])) == 1), None)
        share = called.share(first.z) if any(node.op in SHARES for node in called) else None
        activation = next((neuron.a for neuron in neurons if neuron.a is not neuron.z), first.z)
        a = whole(called[activation])
        out = whole(share) if share is not None else a
        if share is None and number == numbers[-1] and any(node.op == "log_sum_exp" for node in called):
            out = Name("s")
        found.append(
            LayerNames(
                W=whole(called[matrix]),
                b=whole(called[bias]) if bias is not None else None,
                z=whole(called[first.z]),
                a=out if activation.op == "softmax" else a,
                below=found[-1].a if found else inputs_of(called),
                out=out,
                size=len(neurons),
                activation=activation.op if activation is not first.z else "linear",
            )
        )
    return found


def inputs_of(called: Names) -> Name:
    """The vector that the first layer reads: that of its entries' names, or x if these have nothing in common."""
    names = {whole(called[node]) for node in called.structure.inputs_of_first_layer()}
    return names.pop() if len(names) == 1 else Name("x")


def counted(name: Name) -> list[Index]:
    """The lower indices that count entries, as 1 and 2 of w_{I12}."""
    return [index for index in name.lower if isinstance(index, int)]


def whole(name: Name) -> Name:
    """The vector or matrix that a scalar belongs to."""
    bare = replace_sample(name)
    matrix = len(counted(bare)) == 2
    marks = tuple(index for index in bare.lower if isinstance(index, str))
    return Name(bare.base.upper() if matrix and len(bare.base) == 1 else bare.base, bare.upper, marks)
