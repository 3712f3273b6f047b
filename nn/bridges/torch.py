"""`from_torch`: a network of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autograd.packages import needed

from ..layers import MLP
from ..lists import Floats
from .chain import MISH, SOFTSIGN, TANH_GELU, Chain

ACTIVATIONS: dict[str, Callable[[Any], str]] = {
    "CELU": lambda m: f"where(x > 0, x, {m.alpha} * expm1(x / {m.alpha}))",
    "ELU": lambda m: f"elu(x, {m.alpha})",
    "GELU": lambda m: "gelu" if m.approximate == "none" else TANH_GELU,
    "Hardshrink": lambda m: f"where(abs(x) > {m.lambd}, x, 0)",
    "Hardsigmoid": lambda m: "clip(x + 3, 0, 6) / 6",
    "Hardswish": lambda m: "x * clip(x + 3, 0, 6) / 6",
    "Hardtanh": lambda m: f"clip(x, {m.min_val}, {m.max_val})",
    "Identity": lambda m: "linear",
    "LeakyReLU": lambda m: f"leaky_relu(x, {m.negative_slope})",
    "LogSigmoid": lambda m: "log_sigmoid",
    "LogSoftmax": lambda m: "log_softmax",
    "Mish": lambda m: MISH,
    "PReLU": lambda m: f"leaky_relu(x, {m.weight.item()!r})",
    "ReLU": lambda m: "relu",
    "ReLU6": lambda m: "clip(x, 0, 6)",
    "SELU": lambda m: "1.0507009873554805 * elu(x, 1.6732632423543772)",
    "SiLU": lambda m: "silu",
    "Sigmoid": lambda m: "sigmoid",
    "Softmax": lambda m: "softmax",
    "Softplus": lambda m: f"where({m.beta} * x > {m.threshold}, x, softplus({m.beta} * x) / {m.beta})",
    "Softshrink": lambda m: f"where(x > {m.lambd}, x - {m.lambd}, where(x < -{m.lambd}, x + {m.lambd}, 0))",
    "Softsign": lambda m: SOFTSIGN,
    "Tanh": lambda m: "tanh",
    "Tanhshrink": lambda m: "x - tanh(x)",
    "Threshold": lambda m: f"where(x > {m.threshold}, x, {m.value})",
}
"""Modules that work entry by entry (softmax and its logarithm: on a layer), and the activation that each of them is."""

LEFT_OUT = ("Dropout", "AlphaDropout", "Flatten")
"""Modules that change nothing in evaluation mode, for samples that are vectors."""


def from_torch(module: Any) -> MLP:
    """A network of PyTorch's, as it computes in evaluation mode.

    It is a ``torch.nn.Sequential``, nested or not, of ``Linear``, the usual activations, ``Dropout`` and ``Flatten``
    (which drop out), and ``BatchNorm1d`` (whose fixed statistics go into the weights next to it). Samples are vectors:
    images are flattened with ``X.reshape(len(X), -1)``. Weights are copied, and widened to float64.

    Args:
        module: the Sequential, or one Linear. Call ``module.eval()`` first.

    Returns:
        An `MLP` with the same outputs, as logits or as probabilities as they were there.

    Raises:
        ValueError: a layer cannot come in; the message names the first.
        TypeError: this is not a module of PyTorch's.
        ImportError: PyTorch is not installed.
    """
    torch = needed("torch", "from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_torch takes a torch.nn.Sequential, not {type(module).__name__}")
    chain = Chain()
    for name, layer in _parts(module, torch):
        _add(chain, layer, f"layer {name or 'that was given'} ({_kind(layer)})", torch)
    return chain.network(f"this {type(module).__name__}")


def _parts(module: Any, torch: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of nested Sequentials in their order, with their names there: ``2.0``."""
    if isinstance(module, torch.nn.Sequential) and _is_plain(module, torch.nn.Sequential):
        for key, child in module.named_children():
            yield from _parts(child, torch, f"{name}.{key}" if name else key)
    else:
        yield name, module


def _is_plain(module: Any, kind: Any) -> bool:
    """Whether a module computes what its class in PyTorch does: no forward of its own, no hooks."""
    return type(module).forward is kind.forward and not (module._forward_hooks or module._forward_pre_hooks)


def _kind(layer: Any) -> str:
    text = repr(layer)
    return text if "\n" not in text else type(layer).__name__


def _add(chain: Chain, layer: Any, place: str, torch: Any) -> None:
    """Append what one layer does, or refuse it."""
    kinds = ("Linear", "BatchNorm1d", *LEFT_OUT, *ACTIVATIONS)
    kind = next((name for name in kinds if isinstance(layer, getattr(torch.nn, name))), "")
    if not kind:
        raise ValueError(
            f"{place} cannot come in: its forward() could do anything. What can: a Sequential of {', '.join(kinds)}"
        )
    if not _is_plain(layer, getattr(torch.nn, kind)):
        raise ValueError(f"{place} cannot come in: it has a forward() or hooks of its own")
    if layer.training and (kind == "BatchNorm1d" or kind in LEFT_OUT[:2]):
        raise ValueError(
            f"{place} is in training mode, where its output is random or depends on the batch: call module.eval() first"
        )
    if kind == "Linear":
        chain.affine(_numbers(layer.weight, place), None if layer.bias is None else _numbers(layer.bias, place), place)
    elif kind == "BatchNorm1d":
        if layer.running_mean is None:
            raise ValueError(f"{place} cannot come in: it keeps no running statistics, so that it depends on the batch")
        mean, variance = _numbers(layer.running_mean, place), _numbers(layer.running_var, place)
        factors = (variance + layer.eps) ** -0.5
        if layer.affine:
            factors = factors * _numbers(layer.weight, place)
        offsets = -mean * factors
        chain.scale(factors, offsets + _numbers(layer.bias, place) if layer.affine else offsets, place)
    elif kind == "Flatten":
        if (layer.start_dim, layer.end_dim) != (1, -1):
            raise ValueError(f"{place} cannot come in: samples are vectors, and Flatten() makes them so")
    elif kind in ("LogSoftmax", "Softmax") and layer.dim not in (None, 1, -1):
        raise ValueError(f"{place} cannot come in: its dim={layer.dim} does not run over the outputs of one sample")
    elif kind == "PReLU" and layer.num_parameters != 1:
        raise ValueError(f"{place} cannot come in: it has a slope for each of {layer.num_parameters} numbers")
    elif kind in ACTIVATIONS:
        chain.activate(ACTIVATIONS[kind](layer), place)


def _numbers(tensor: Any, place: str) -> Floats:
    """A tensor as float64."""
    if tensor.is_complex():
        raise ValueError(f"{place} cannot come in: its numbers are complex")
    try:
        numbers: Floats = tensor.detach().cpu().double().numpy().copy()
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise ValueError(f"{place} cannot come in: its numbers cannot be read ({str(error).splitlines()[0]})") from None
    return numbers
