"""`save` and `load`: models and the state of a training in a file of plain data.

The format, version 1: UTF-8 text of two lines of JSON.

1.  ``{"format": "tracegrad checkpoint", "version": 1, "bytes": n, "sha256": "…"}``: the length and the SHA-256 of all
    that follows this line, written exactly so.
2.  An object with four entries:
    ``architecture`` (``{"kind": "MLP", "nin": 2, "nouts": [16, 1], "activations": ["relu", "linear"], "bias": true}``,
    with a list for ``bias`` where layers differ, or ``{"kind": name of the class}`` for a model of the reader's own),
    ``parameters`` (name → number), ``optimizer`` (`Optimizer.state_dict`, or null) and ``training`` (what `nn.fit`
    needs to resume, or null).

Numbers are written so that reading gives the same float64 back (Python's ``repr``); nan and infinity are refused both
ways. The file is data: nothing in it is run, imported, or used as the name of another file. It is written next to its
final place, flushed to the disk and then renamed, so that a crash, a full disk or a power cut leaves the old file or
the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from itertools import pairwise
from typing import Any, NamedTuple

from autograd import files

from .activations import Activation
from .layers import MLP
from .module import Module
from .optimizers import Optimizer

FORMAT, VERSION = "tracegrad checkpoint", 1
MAX_FLOAT = sys.float_info.max
MAX_BYTES = 1 << 30
"""The largest file that is read: 1 GiB."""


class CheckpointError(ValueError):
    """A file that is not a sound checkpoint, or one that does not fit the model."""


class Checkpoint(NamedTuple):
    """The content of a file, checked for form."""

    architecture: dict[str, Any]
    parameters: dict[str, float]
    optimizer: dict[str, Any] | None
    training: dict[str, Any] | None


def save(
    model: Module,
    path: str | os.PathLike[str],
    optimizer: Optimizer | None = None,
    *,
    training: dict[str, Any] | None = None,
) -> None:
    """Write a model, and on request the state of its optimizer, to a file. All or nothing.

    Args:
        model: its parameters are stored by name; of an `MLP` the architecture too, so that `load` can build it.
        path: the file, replaced if it exists.
        optimizer: stored with its steps and state (its learning rate is not).
        training: further data of JSON types; `fit` stores its own here.

    Raises:
        ValueError: a parameter is nan or infinite.
        OSError: the file cannot be written; what stood there before is unharmed.
    """
    parameters = model.state_dict()
    for name, data in parameters.items():
        if not math.isfinite(data):
            raise ValueError(f"parameter {name} is {data}; such a model is not saved, and {path} is as it was")
    content = {
        "architecture": architecture(model),
        "parameters": parameters,
        "optimizer": None if optimizer is None else optimizer.state_dict(),
        "training": training,
    }
    body = json.dumps(content, allow_nan=False, ensure_ascii=False).encode() + b"\n"
    files.write(path, _header(VERSION, body) + body)


def architecture(model: Module) -> dict[str, Any]:
    """What `load` needs to know to build an MLP; of another model the name of its class."""
    if type(model) is not MLP:
        return {"kind": type(model).__name__}
    nin, *nouts = model.sizes
    activations = [layer.activation for layer in model.layers]
    biases = [any(neuron.bias is not None for neuron in layer.neurons) for layer in model.layers]
    return {
        "kind": "MLP",
        "nin": nin,
        "nouts": nouts,
        "activations": [a if isinstance(a, str) else f"function {getattr(a, '__name__', '')}" for a in activations],
        "bias": biases[0] if len({*biases}) == 1 else biases,
    }


def _header(version: int, body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    return json.dumps({"format": FORMAT, "version": version, "bytes": len(body), "sha256": digest}).encode() + b"\n"


def read(path: str | os.PathLike[str]) -> Checkpoint:
    """The content of a file, checked against its checksum and for its form.

    Raises:
        CheckpointError: the file is not a checkpoint, is of another version, damaged, too large, or holds nan.
        OSError: it cannot be read.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise CheckpointError(f"{name} is larger than the {MAX_BYTES:,} bytes that are read")
        head = file.readline(1024)
        length = _length(name, head)
        body = file.read(length + 1)
    if len(body) != length:
        found = "more" if len(body) > length else f"{len(body):,}"
        raise CheckpointError(f"{name} is damaged: {length:,} bytes of data announced, {found} found")
    if head != _header(VERSION, body):
        raise CheckpointError(f"{name} is damaged: its checksum does not match")
    try:
        content = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} does not hold valid data: {error or 'it is nested too deeply'}") from None
    return _checked(name, content)


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"the number {constant}")


def _length(name: str, head: bytes) -> int:
    """The number of bytes that a header announces."""
    try:
        header = json.loads(head.decode())
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"{name} is not a checkpoint: it does not start with {FORMAT!r}")
    if header.get("version") != VERSION:
        raise CheckpointError(
            f"{name} is a checkpoint of version {header.get('version')!r:.40}; this library reads version {VERSION}"
        )
    length = header.get("bytes")
    if type(length) is not int or not 0 <= length <= MAX_BYTES:
        raise CheckpointError(f"{name} is damaged: it announces {length!r:.40} bytes of data")
    return length


def _checked(name: str, content: Any) -> Checkpoint:
    def refuse(what: str) -> CheckpointError:
        return CheckpointError(f"{name} has a valid checksum, but {what}")

    if not isinstance(content, dict) or set(content) != set(Checkpoint._fields):
        raise refuse(f"does not hold {', '.join(Checkpoint._fields)}")
    if not isinstance(content["architecture"], dict) or not isinstance(content["architecture"].get("kind"), str):
        raise refuse("its architecture names no kind of model")
    for part in ("optimizer", "training"):
        if not isinstance(content[part], (dict, type(None))):
            raise refuse(f"its entry {part} has the wrong type")
    if not isinstance(content["parameters"], dict):
        raise refuse("its parameters are not an object")
    for key, number in content["parameters"].items():
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) <= MAX_FLOAT:
            raise refuse(f"parameter {key!r:.80} is {number!r:.40}, not a finite number")
    return Checkpoint(**content)


def load(path: str | os.PathLike[str], model: Module | None = None, optimizer: Optimizer | None = None) -> Module:
    """Read a model that `save` wrote.

    Args:
        path: the file.
        model: gets the parameters, if its architecture is the saved one; without it an `MLP` is built.
        optimizer: gets the saved state. All or nothing: if anything does not fit, neither is changed.

    Returns:
        The model.

    Raises:
        CheckpointError: the file is damaged or not a checkpoint, or does not fit the model or the optimizer.
        OSError: it cannot be read.
    """
    saved = read(path)
    if model is None:
        model = _build(saved, os.fspath(path))
    fitting(saved, model)
    if optimizer is not None:
        if saved.optimizer is None:
            raise CheckpointError(f"{os.fspath(path)} was saved without an optimizer")
        try:
            optimizer.load_state_dict(saved.optimizer)
        except (TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"{os.fspath(path)}: {error}") from None
    model.load_state_dict(saved.parameters)
    return model


def fitting(saved: Checkpoint, model: Module) -> None:
    """Refuse a model of another architecture, or with other parameters, than the saved one (CheckpointError)."""
    own = architecture(model)
    differing = [f"{key} was {saved.architecture.get(key)!r:.200}, is {own.get(key)!r:.200}"
                 for key in {**own, **saved.architecture} if saved.architecture.get(key) != own.get(key)]  # fmt: skip
    if differing:
        raise CheckpointError(f"the saved model is another one: {'; '.join(differing)}")
    try:
        model.checked_state(saved.parameters)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(str(error)) from None


def _build(saved: Checkpoint, name: str) -> MLP:
    """The MLP that an architecture describes; its size is compared with the parameters before anything is made."""
    form = saved.architecture
    if form["kind"] != "MLP":
        raise CheckpointError(
            f"{name} holds a {form['kind']!r:.60}, which only your code can build: load(path, model=…)"
        )
    nouts, activations = form.get("nouts"), form.get("activations")
    sizes: list[Any] = [form.get("nin"), *nouts] if isinstance(nouts, list) else []
    bias = form.get("bias")
    biases: list[Any] = bias if isinstance(bias, list) else [bias] * (len(sizes) - 1)
    sound = len(sizes) >= 2 and all(type(n) is int and n > 0 for n in sizes)
    if not sound or len(biases) != len(sizes) - 1 or not all(type(has_bias) is bool for has_bias in biases):
        raise CheckpointError(f"{name} describes no network: sizes {sizes!r:.80}, bias {bias!r:.40}")
    expected = sum((before + has_bias) * n for (before, n), has_bias in zip(pairwise(sizes), biases))
    if expected != len(saved.parameters):
        raise CheckpointError(f"{name} describes a network of {expected} parameters and holds {len(saved.parameters)}")
    if not isinstance(activations, list) or len(activations) != len(sizes) - 1:
        raise CheckpointError(f"{name} must name {len(sizes) - 1} activations; it has {activations!r:.80}")
    for activation in activations:
        if not _is_known(activation):
            raise CheckpointError(
                f"{name} uses the activation {activation!r:.60}, which is not in the table of operations: register it, "
                "or build the model yourself and call load(path, model=model)"
            )
    try:
        return MLP(sizes[0], sizes[1:], activations, bias=biases, init="zeros")
    except ValueError as error:
        raise CheckpointError(f"{name} describes no network: {error}") from None


def _is_known(activation: Any) -> bool:
    """Whether this is the name of an activation, or a formula in the language of the table."""
    try:
        return isinstance(activation, str) and bool(Activation(activation))
    except ValueError:
        return False
