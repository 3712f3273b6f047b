"""The words of PyTorch: a program as a module with named parameters, for training loops that are there already.

Each operation carries the derivatives of the table (``torch.autograd.Function``), and those are made of operations
again, so that second derivatives are the table's too. A walk is for one sample and PyTorch's own map over a batch does
not go through such functions everywhere, so here a batch looks like one of its samples (`Samples`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import basic
from ..compiler.rows import literal
from ..compiler.trace import Array
from ..floats import CONSTANTS, head
from ..ops import TABLE, parse
from ..packages import needed
from .walk import Vocabulary, Walk, refuse_misfits, unused

if TYPE_CHECKING:
    from ..compiler.program import Program


def module(program: Program, reduce: str) -> Any:
    """A ``torch.nn.Module`` with the parameters of a program, in its dtype.

    Args:
        program: the program.
        reduce: ``"mean"`` gives the mean of the results of a batch, ``"none"`` those of each sample.

    Raises:
        ImportError: PyTorch is not installed.
    """
    torch = needed("torch", "to_torch")
    places, single, shapes = program._places_by_name(), program._single, program.shapes
    taken = {"none", *dir(torch.nn.Module())}
    names = [unused(name.replace(".", "_"), taken) for name in places]  # a dot would be a module within
    walk, words = Walk(program._packed, [*places.values()]), Torch()
    _resolve(walk, torch)

    base: Any = torch.nn.Module

    class Exported(base):  # type: ignore[misc]
        """A program. It takes one array (B, *shape of one sample) per argument."""

        def __init__(self) -> None:
            super().__init__()
            for name, chosen in zip(names, places.values()):
                self.register_parameter(name, torch.nn.Parameter(torch.as_tensor(program.theta[chosen])))
            self.register_buffer("none", torch.zeros(0, dtype=getattr(torch, program.dtype.name)), persistent=False)

        def forward(self, *batch: Any) -> Any:
            parameters = [getattr(self, name).reshape(-1) for name in names] or [self.none]
            like = parameters[0]
            arrays = [torch.as_tensor(x, device=like.device) for x in batch]
            _check(arrays, shapes)
            flat = [Samples(torch, x.to(like.dtype).reshape(x.shape[0], -1), True) for x in arrays]
            found = walk.run([Samples(torch, x, False) for x in parameters], flat, words)
            results = found.tensor if found.batched or not arrays else found.spread(arrays[0].shape[0])
            if single:
                results = results[..., 0]
            return results.mean(dim=0) if arrays and reduce == "mean" else results

    Exported.__name__ = Exported.__qualname__ = "Program"
    return Exported()


def _check(arrays: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse a batch that the program cannot take."""
    if len(arrays) != len(shapes):
        raise ValueError(f"the function takes {len(shapes)} arrays and got {len(arrays)}")
    for number, array in enumerate(arrays, 1):
        if array.is_complex():
            raise TypeError(f"array {number} holds complex numbers; a program takes real ones")
    refuse_misfits([tuple(array.shape) for array in arrays], shapes)


def _resolve(walk: Walk, torch: Any) -> None:
    """Make tensors of constants and of lists of places, once: a forward pass shall not do it each time."""
    walk.numbers = torch.from_numpy(walk.numbers)
    inside = chain.from_iterable(walk.loop.readings) if walk.loop else ()
    for reading in chain(chain.from_iterable(walk.readings), inside, [walk.outputs]):
        places: list[Any] = [reading, *reading.sources]
        for place in places:
            if isinstance(place.chosen, np.ndarray):
                place.chosen = torch.from_numpy(np.ascontiguousarray(place.chosen))
    if walk.loop:
        walk.loop.moving = [(array, torch.from_numpy(places)) for array, places in walk.loop.moving]


class Samples:
    """A tensor that has the axes of one sample, whether it is the same for all samples or has one more axis for them.

    Attributes:
        tensor: (B, *shape) or (*shape).
        batched: whether it has the axis of samples.
    """

    def __init__(self, torch: Any, tensor: Any, batched: bool) -> None:
        self.torch, self.tensor, self.batched = torch, tensor, batched

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.tensor.shape[self.batched :])

    @property
    def ndim(self) -> int:
        """How many axes a sample has."""
        return self.tensor.ndim - self.batched  # type: ignore[no-any-return]

    def _like(self, tensor: Any) -> Samples:
        return Samples(self.torch, tensor, self.batched)

    def reshape(self, *form: Any) -> Samples:
        """The same numbers in another form, (-1) or a tuple."""
        wanted = form[0] if isinstance(form[0], tuple) else form
        return self._like(self.tensor.reshape((*self.tensor.shape[: self.batched], *wanted)))

    def __getitem__(self, chosen: Any) -> Samples:
        wanted = chosen if isinstance(chosen, tuple) else (chosen,)
        return self._like(self.tensor[(slice(None),) * self.batched + wanted])

    def sum(self, axis: int) -> Samples:
        """Along an axis counted from the last."""
        return self._like(self.tensor.sum(axis))

    def spread(self, count: int) -> Any:
        """The tensor with an axis of so many samples."""
        return self.tensor if self.batched else self.tensor.expand(count, *self.tensor.shape)

    def __neg__(self) -> Samples:
        return self._like(-self.tensor)

    def __add__(self, other: Samples) -> Samples:
        return Samples(self.torch, self.tensor + other.tensor, self.batched or other.batched)

    def __sub__(self, other: Samples) -> Samples:
        return Samples(self.torch, self.tensor - other.tensor, self.batched or other.batched)


class Torch(Vocabulary):
    """See `walk.Vocabulary`; also its counterpart of ``numpy``."""

    def __init__(self) -> None:
        import torch

        self.torch: Any = torch
        self.arrays = self
        self.functions: dict[str, Callable[..., Any]] = {
            **{name: getattr(torch, name) for name in (
                "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log2", "log10",
                "exp2", "floor", "ceil", "round", "asin", "acos", "atan", "asinh", "acosh", "atanh", "abs", "erf",
            )},
            **{name: self._of_two(function) for name, function in (
                ("pow", torch.pow), ("hypot", torch.hypot), ("mod", torch.remainder), ("atan2", torch.atan2),
            )},
            "standard_normal_cdf": torch.special.ndtr, "cbrt": self._cbrt, "head": head, "where": self._where,
        }  # fmt: skip
        self.scope: dict[str, Any] = {**self.functions, **CONSTANTS}
        self.operations: dict[str, Callable[..., Any]] = {}
        for name in TABLE:
            if not any(argument.startswith("*") for argument in TABLE[name].arguments):
                self.operations[name] = self._operation(name)
        self.scope |= self.operations | {"where": self._where}

    # -- arrays -------------------------------------------------------------------------------------------------------

    def concatenate(self, parts: Sequence[Samples]) -> Samples:
        """Flat arrays one after the other."""
        counts = [part.tensor.shape[0] for part in parts if part.batched]
        tensors = [part.spread(counts[0]) if counts else part.tensor for part in parts]
        return Samples(self.torch, self.torch.cat(tensors, -1), bool(counts))

    def broadcast_to(self, x: Samples, shape: Sequence[int]) -> Samples:
        """Axes that are 1 long, made longer."""
        return Samples(self.torch, x.tensor.expand((*x.tensor.shape[: x.batched], *shape)), x.batched)

    def transpose(self, x: Samples, axes: Sequence[int] | None = None) -> Samples:
        """Another order of axes; without one the opposite."""
        order = tuple(axes) if axes is not None else tuple(reversed(range(x.ndim)))
        moved = tuple(axis + 1 for axis in order)
        return Samples(self.torch, x.tensor.permute((0, *moved) if x.batched else order), x.batched)

    def matmul(self, a: Samples, b: Samples) -> Samples:
        """Products of matrices; what is the same for all samples is not repeated for each of them."""
        if b.batched and not a.batched and a.ndim == 2:  # as a layer of PyTorch's, which joins samples to rows
            return Samples(self.torch, self.torch.nn.functional.linear(b.tensor.mT, a.tensor).mT, True)
        return Samples(self.torch, self.torch.matmul(a.tensor, b.tensor), a.batched or b.batched)

    # -- vocabulary ---------------------------------------------------------------------------------------------------

    def constants(self, numbers: Array, like: Samples) -> Samples:
        """See `walk.Vocabulary`."""
        return Samples(self.torch, self.torch.as_tensor(numbers).to(like.tensor), False)

    def over_list(self, op: str, entries: Samples) -> Samples:
        """See `walk.Vocabulary`."""
        function = {"log_sum_exp": "logsumexp"}.get(op, op)
        return Samples(self.torch, getattr(self.torch, function)(entries.tensor, -1), entries.batched)

    def apply(self, op: str, operands: Sequence[Samples]) -> Samples:
        """See `walk.Vocabulary`."""
        tensors = self.torch.broadcast_tensors(*[operand.tensor for operand in operands])
        return Samples(self.torch, self.operations[op](*tensors), any(operand.batched for operand in operands))

    # -- operations ---------------------------------------------------------------------------------------------------

    def _operation(self, name: str) -> Callable[..., Any]:
        """An operation with the derivatives of the table."""
        torch, op = self.torch, TABLE[name]
        base: Any = torch.autograd.Function
        raw = self.functions[name] if basic(name) and name in self.functions else None
        value = raw or self._function(op.arguments, parse(op, op.formula))
        slopes = [parse(op, text, derivative=True) for text in op.derivatives]
        rules = [None if literal(slope) == 0 else self._function((*op.arguments, "out"), slope) for slope in slopes]

        class Operation(base):  # type: ignore[misc]
            """Its value, and the table's slopes times the adjoint."""

            @staticmethod
            def forward(ctx: Any, *operands: Any) -> Any:
                out = value(*operands).to(operands[0].dtype)
                ctx.save_for_backward(*operands, out)
                return out

            @staticmethod
            def backward(ctx: Any, adjoint: Any) -> Any:
                saved = ctx.saved_tensors
                return tuple([None if rule is None else (rule(*saved) * adjoint).to(adjoint.dtype) for rule in rules])

        def operation(*operands: Any) -> Any:
            tensor = next(x for x in operands if isinstance(x, torch.Tensor))
            missing = [op.defaults[argument] for argument in op.arguments[len(operands) :]]
            return Operation.apply(*[
                x if isinstance(x, torch.Tensor) else torch.full_like(tensor, x) for x in (*operands, *missing)
            ])  # fmt: skip

        return operation

    def _function(self, arguments: Sequence[str], formula: ast.expr) -> Callable[..., Any]:
        """A formula as Python, which PyTorch's compiler reads as it reads any other function."""
        number = literal(formula)
        if number is not None:
            return lambda *operands: self.torch.full_like(operands[0], number)
        return eval(f"lambda {', '.join(arguments)}: {ast.unparse(formula)}", self.scope)  # type: ignore[no-any-return]

    def _of_two(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of two tensors, one of which may be a number."""
        torch = self.torch

        def of_two(x: Any, y: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                x = torch.full_like(y, x)
            return function(x, y if isinstance(y, torch.Tensor) else torch.full_like(x, y))

        return of_two

    def _where(self, condition: Any, chosen: Any, otherwise: Any) -> Any:
        if not any(isinstance(x, self.torch.Tensor) for x in (chosen, otherwise)):
            chosen, otherwise = float(chosen), float(otherwise)
        return self.torch.where(condition if condition.dtype == self.torch.bool else condition != 0, chosen, otherwise)

    def _cbrt(self, x: Any) -> Any:
        """See `floats.cbrt`."""
        root = self.torch.copysign(x.abs() ** (1 / 3), x)
        plain = (x == 0) | ~self.torch.isfinite(x)
        better = root - (root - x / (root * root)) / 3
        return self.torch.where(plain, x, better)
