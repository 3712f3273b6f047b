"""`Program`: a compiled function of scalars that runs on batches of arrays."""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from operator import is_
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..answer import Answer, Listing, Part
from ..copies import keep
from ..modes import ACTIVE, current
from ..operation import REGISTERED, TABLE, UnknownOperationError
from ..value import Value
from .batch import Batch
from .labels import parameter_places
from .lower import Lowered, Lowering
from .machine import Machine
from .numpy_backend import NumpyMachine
from .pack import INPUT, SHARED, Packed, pack
from .second import Recompile, hessian_product, unit_weights, weighted_sum
from .simplify import simplify
from .trace import LEAVES, Array, Scalars, Shape
from .witness import Witness

if TYPE_CHECKING:
    from ..view import Drawing
    from .equations import Stats

Arrays = Any
"""Anything that `numpy.asarray` makes an array of real numbers of."""


class ArrayOptimizer(Protocol):
    """What `Program.step` needs of an optimizer (those of `nn` have it)."""

    def step_arrays(self, theta: NDArray[Any], gradient: NDArray[Any]) -> None:
        """Change the flat parameter array in place, given the gradient."""


class StepError(FloatingPointError):
    """A step of an epoch was refused.

    Attributes:
        losses: of the steps before it, as `Program.epoch` would have returned them.
    """

    def __init__(self, message: str, losses: NDArray[np.float64]) -> None:
        super().__init__(message)
        self.losses = losses


F = TypeVar("F", bound=Callable[..., Any])


def _exclusive(method: F) -> F:
    """A method that one thread at a time runs: a program reuses its memory."""

    @functools.wraps(method)
    def locked(self: Any, *arguments: Any, **named: Any) -> Any:
        with self._lock:
            return method(self, *arguments, **named)

    return locked  # type: ignore[return-value]


class Program(Answer):
    """A compiled function. Made by `autograd.compile`.

    Thread-safe: a call waits until the one before it is done, since a program reuses its memory. What a call returns is
    the caller's own, but `theta` and `gradient` are the program's memory, which the next call may change.

    The numbers are those of `theta`, and `theta` is a copy: after a bare ``w.data = 8.0``, or a step of an optimizer on
    Values, call `pull`. (To compare all data at each call would take longer than a small program.) `load_state_dict`
    of a model and `nn.fit` bring the programs of their parameters up to date; what you wrote into `theta` for other
    parameters stays.

    Attributes:
        theta: the parameters as one flat array, in the order they were given; edit it in place, or assign as many
            numbers to it.
        gradient: the gradient that the last `value_and_grad`, `backward` or `step` computed, in the same order.
        parameters: the Values that `pull` reads and `push` writes.
        dtype: ``float64`` or ``float32``.
        backend: ``"numpy"`` or ``"llvm"``.
        threads: how many threads a call takes at most; None for one on each core.
    """

    def __init__(
        self, scalars: Scalars, packed: Packed, parameters: Sequence[Value], shapes: Sequence[Shape], single: bool,
        dtype: str, backend: str, source: Any, timings: dict[str, float], names: Sequence[str] = (), *,
        threads: int | None, compile: Recompile,
    ) -> None:  # fmt: skip
        self.parameters = tuple(parameters)
        self.dtype = np.dtype(dtype)
        self.shapes = tuple(shapes)
        self._scalars, self._packed, self._source, self._single = scalars, packed, source, single
        self._registered = {name: repr(TABLE[name]) for name in REGISTERED.intersection(scalars.op)}
        self._timings = timings
        self._names = list(names)
        self._compile = compile
        self._product: Program | None = None
        self._weighted: Program | None = None
        self._lock = threading.RLock()
        began = time.perf_counter()
        self._lowered = Lowering(packed).lower(differentiate=self._differentiable)
        timings["lower"] = time.perf_counter() - began
        began = time.perf_counter()
        self.threads = threads
        self._machine: Any = machine(self._lowered, self.dtype, backend, threads)
        timings["link"] = time.perf_counter() - began
        self.backend: str = self._machine.name
        self._theta: Array = self._machine.memory[: len(self.parameters)]
        self.gradient: Array = np.zeros(len(self.parameters), self.dtype)
        self._shared = packed.outputs.region == SHARED  # the loss does not depend on the sample
        self._by_inputs: Any = None
        self._by_sample: Any = None
        self._largest = 0
        self._last: Batch | None = None
        self.witness = Witness(self)
        self._moved: tuple[Any, NDArray[np.int64] | None] = (
            None,
            None,
        )  # parameters of an optimizer, and their places in theta
        self.pull()
        keep(self)

    @property
    def _differentiable(self) -> bool:
        return self._single

    # -- parameters -----------------------------------------------------------------------------------------------

    @property
    def theta(self) -> Array:
        """The parameters as one flat array (p,), the program's own memory."""
        return self._theta

    @theta.setter
    def theta(self, numbers: Any) -> None:
        given = np.asarray(numbers, self.dtype)
        if given.shape != self._theta.shape:
            raise ValueError(f"theta holds {len(self._theta)} parameters; got numbers of shape {given.shape}")
        self._theta[:] = given

    @_exclusive
    def pull(self) -> None:
        """Read the parameters' data into `theta`."""
        self._theta[:] = [parameter.data for parameter in self.parameters]

    @_exclusive
    def renew(self, values: Set[object]) -> None:
        """Read the data of some Values into `theta`, of those that are parameters; the rest stays."""
        for place, parameter in enumerate(self.parameters):
            if parameter in values:
                self._theta[place] = parameter.data

    @_exclusive
    def push(self) -> None:
        """Write `theta` and the last gradient back to the parameters' ``.data`` and ``.grad``."""
        for parameter, data, slope in zip(self.parameters, self._theta.tolist(), self.gradient.tolist()):
            parameter.data, parameter.grad = data, slope

    # -- running --------------------------------------------------------------------------------------------------

    @_exclusive
    def __call__(self, *arrays: Arrays) -> Array:
        """The function's value for each of B samples: (B,) if it returns one Value, (B, n) if it returns n.

        Args:
            arrays: one per argument of the function, of shape (B, *shape of one sample).

        Raises:
            ValueError: a shape is wrong, batch sizes differ, or the batch is empty.
            TypeError: an array does not hold real numbers.
        """
        batch = self._batch(arrays)
        self.witness.first(batch, 1)
        results = self._machine.evaluate(batch)
        if ACTIVE:
            self._check_finite(results, batch)
        if self._single:
            results = results[:, 0]
        return results if self.shapes else results[0]  # type: ignore[no-any-return]

    @_exclusive
    def value_and_grad(self, *arrays: Arrays, wrt: str = "parameters", per_sample: bool = False) -> tuple[Any, Any]:
        """The mean loss over the batch and its gradient.

        Args:
            arrays: as for a call.
            wrt: ``"parameters"`` gives the gradient as a flat array (p,) in their order; ``"inputs"`` a list with one
                array per argument, of its form.
            per_sample: give each sample's own loss (B,) and gradient, (B, p) or (B, *shape), instead of the mean.

        Raises:
            TypeError: the function returns a list, which has no gradient.
            ValueError: as for a call; or ``wrt`` is neither of the two.
        """
        self._needs_loss()
        batch = self._batch(arrays)
        if wrt not in ("parameters", "inputs"):
            raise ValueError(f"wrt is 'parameters' or 'inputs', not {wrt!r}")
        self.witness.first(batch, 2)
        if wrt == "inputs":
            return self._input_gradients(batch, per_sample)
        if per_sample:
            return self._sample_gradients(batch)
        loss, gradient = self._differentiate(self._machine, batch)
        self.gradient = gradient
        if ACTIVE:
            self._check_finite(np.array([loss]), batch)
        return loss, gradient.copy()

    @_exclusive
    def hvp(self, vector: Any, *arrays: Arrays) -> Array:
        """The Hessian of the mean loss by the parameters, times a vector, without the Hessian.

        Args:
            vector: one number per parameter, (p,).
            arrays: as for a call.

        Returns:
            H v, (p,).

        Raises:
            TypeError: the function returns a list.
            ValueError: the vector has another shape, the program has no parameters, or as for a call.

        The first call compiles a program for it: the gradient of Σᵢ vᵢ ∂L/∂θᵢ (Pearlmutter, 1994).
        """
        given = np.asarray(vector, self.dtype)
        if given.shape != self._theta.shape:
            raise ValueError(f"hvp takes a vector of {len(self._theta)} numbers, one per parameter, not {given.shape}")
        product = self._second()
        product.theta[:] = [*self._theta, *given]
        return product.value_and_grad(*arrays)[1][: len(self._theta)]  # type: ignore[no-any-return]

    @_exclusive
    def hessian(self, *arrays: Arrays) -> Array:
        """The matrix of second derivatives of the mean loss by the parameters, (p, p): `hvp` of each unit vector.

        Raises as `hvp`.

        Example:
            >>> import autograd
            >>> u, v = Value(1.0), Value(2.0)
            >>> program = autograd.compile(lambda x: u * u * x + u * v * v, inputs=[()], parameters=[u, v])
            >>> program.hessian([3.0, 5.0]).tolist()
            [[8.0, 4.0], [4.0, 2.0]]
        """
        product, count = self._second(), len(self._theta)
        return np.array([product.value_and_grad(*arrays)[1][:count] for _ in unit_weights(product, self._theta)])

    @_exclusive
    def jacobian(self, *arrays: Arrays, wrt: str = "parameters") -> Any:
        """The derivatives of each of the n results of each sample.

        Args:
            arrays: as for a call.
            wrt: ``"parameters"`` gives an array (B, n, p); ``"inputs"`` a list with one array per argument,
                (B, n, *shape of one sample). For a function that returns one Value the n is left out, and for one
                without arguments the B.

        Raises:
            ValueError: ``wrt`` is neither of the two, or as for a call.
            TypeError: as for a call.

        Example:
            >>> import autograd
            >>> program = autograd.compile(lambda x, y: [x * y, x + y], inputs=[(), ()])
            >>> [by.tolist() for by in program.jacobian([3.0], [4.0], wrt="inputs")]
            [[[4.0, 1.0]], [[3.0, 1.0]]]
        """
        if wrt not in ("parameters", "inputs"):
            raise ValueError(f"wrt is 'parameters' or 'inputs', not {wrt!r}")
        count = len(self._theta)
        if self._weighted is None:
            self._weighted = weighted_sum(
                self._source, self.parameters, self.shapes, self._packed.outputs.slots.size, self._compile
            )
        found = []
        for _ in unit_weights(self._weighted, self._theta):
            slopes = self._weighted.value_and_grad(*arrays, wrt=wrt, per_sample=True)[1]
            found.append([slopes[:, :count]] if wrt == "parameters" else slopes)
        by = [rows[0] if self._single else np.stack(rows, axis=1) for rows in zip(*found)]
        if not self.shapes:
            by = [rows[0] for rows in by]
        return by[0] if wrt == "parameters" else by

    def _second(self) -> Program:
        """The program of Σᵢ vᵢ ∂L/∂θᵢ."""
        self._needs_loss()
        if not self.parameters:
            raise ValueError("the program has no parameters to differentiate by; give compile(…, parameters=…)")
        self._refuse_unregistered()
        if self._product is None:
            self._product = hessian_product(self._source, self.parameters, self.shapes, self._compile)
        return self._product

    @_exclusive
    def backward(self, *arrays: Arrays) -> float:
        """Add the gradient of the mean loss to the parameters' ``.grad``, as ``loss.backward()`` would.

        Reads the parameters' data first (`pull`), so that it works with any optimizer of Values. Returns the mean loss.
        """
        self.pull()
        loss, gradient = self.value_and_grad(*arrays)
        for parameter, slope in zip(self.parameters, gradient.tolist()):
            parameter.grad += slope
        return float(loss)

    def step(self, *arrays: Arrays, optimizer: ArrayOptimizer | None = None, rows: Any = None) -> float:
        """One training step: loss, gradient, and the optimizer's update of `theta` in place.

        Args:
            arrays: as for a call; the optimizer may stand last among them.
            optimizer: an optimizer of `nn`, or anything with ``step_arrays(theta, gradient)``. Its ``parameters``
                move, in their order; all of the program's if it names none.
            rows: numbers of the samples to take, (B,); without it all of them. ``step(X, y, optimizer, rows=chosen)``
                does what ``step(X[chosen], y[chosen], optimizer)`` does, with one copy of the samples less.

        Returns:
            the mean loss before the update.

        Raises:
            IndexError: a row does not exist.
            ValueError: the optimizer moves a parameter that the program does not have; or as for a call.
            TypeError: as for a call.
        """
        arrays, optimizer = self._training(arrays, optimizer)
        with self._lock:
            places = self._moving(getattr(optimizer, "parameters", None))
            batch = self._batch(arrays, rows)
            self.witness.first(batch, 2)
            return self._step(batch, optimizer, places)

    def epoch(
        self, *arrays: Arrays, optimizer: ArrayOptimizer | None = None, order: Any = None, batch_size: int | None = None
    ) -> NDArray[np.float64]:
        """Training steps through all samples, a batch at a time; what `step` does again and again, checked once.

        Args:
            arrays: as for a call; the optimizer may stand last among them.
            optimizer: as for `step`.
            order: numbers of the samples in the order in which they are taken, (n,); without it as they stand.
            batch_size: samples per step, at least 1; None for all. The last batch can be smaller.

        Returns:
            the mean loss of each batch before its update, (steps,).

        Raises:
            StepError: the optimizer refuses a gradient that is nan or infinite, with a FloatingPointError. The message
                says in which batch; the parameters are those before its step.
            ValueError: ``batch_size`` is no whole number of at least 1, or as for `step`.
            IndexError, TypeError: as for `step`.

        Example:
            >>> import autograd, nn
            >>> w = Value(0.0)
            >>> program = autograd.compile(lambda x, y: (w * x - y) ** 2, inputs=((), ()), parameters=[w])
            >>> X = np.array([1.0, 2.0, 3.0, 4.0])
            >>> losses = program.epoch(X, 2 * X, nn.SGD([w], lr=0.05), order=[3, 0, 2, 1], batch_size=2)
            >>> losses.round(3).tolist()
            [34.0, 0.585]
        """
        arrays, optimizer = self._training(arrays, optimizer)
        with self._lock:
            places = self._moving(getattr(optimizer, "parameters", None))
            whole = self._looked_at(arrays, order)
            size = whole.samples if batch_size is None else _count(batch_size)
            self.witness.first(whole, 2)
            losses = np.zeros(-(-whole.samples // size))
            n = 0
            while n < len(losses):
                if places is None:
                    made = self._steps(whole.part(n * size, whole.samples), size, optimizer)
                    losses[n : n + len(made)] = made
                    n += len(made)
                if n < len(losses):  # one that needs Python: its gradient may not be finite
                    try:
                        losses[n] = self._step(whole.part(n * size, (n + 1) * size), optimizer, places)
                    except FloatingPointError as error:
                        raise StepError(f"in batch {n + 1}: {error}", losses[:n]) from error
                    n += 1
            self._use(whole.part((n - 1) * size, whole.samples))
            return losses

    def _steps(self, batch: Batch, size: int, optimizer: Any) -> Array:
        """Steps that the machine makes without Python, one batch after the other; the losses of those that it made."""
        many = getattr(optimizer, "many_steps", None)
        steps = -(-batch.samples // size)
        if size > 1 and batch.samples % size == 1:
            steps -= 1  # a batch of one has code of its own
        if many is None or ACTIVE or not steps:
            return np.zeros(0)
        prepared = many(self._theta, self._machine.gradient, steps)
        if prepared is None:
            return np.zeros(0)
        made: Array = self._machine.train(batch.part(0, steps * size), size, *prepared)
        self.gradient = self._machine.gradient
        optimizer.steps += len(made)
        return made

    def _training(self, arrays: tuple[Arrays, ...], optimizer: Any) -> tuple[tuple[Arrays, ...], Any]:
        """The arrays, and the optimizer, which may stand last among them."""
        if optimizer is None:
            arrays, optimizer = arrays[:-1], arrays[-1] if arrays else None
        if getattr(optimizer, "step_arrays", None) is None:
            raise TypeError("step needs an optimizer with step_arrays(theta, gradient), such as nn.SGD(parameters, lr)")
        if not self._single:
            self._needs_loss()
        return arrays, optimizer

    def _step(self, batch: Batch, optimizer: ArrayOptimizer, places: NDArray[np.int64] | None) -> float:
        loss, self.gradient = self._differentiate(self._machine, batch)
        if ACTIVE:
            self._check_finite(np.array([loss]), batch)
        if places is None:
            optimizer.step_arrays(self._theta, self.gradient)
        else:
            theta = self._theta[places]
            optimizer.step_arrays(theta, self.gradient[places])
            self._theta[places] = theta
        return loss

    def _moving(self, moving: Iterable[Value] | None) -> NDArray[np.int64] | None:
        """See `_places`; remembered for the same tuple."""
        if moving is not self._moved[0] or type(moving) is not tuple:
            self._moved = moving, self._places(moving)
        return self._moved[1]

    def _places(self, moving: Iterable[Value] | None) -> NDArray[np.int64] | None:
        """Where in `theta` the parameters of an optimizer are; None if they are all, in the program's order."""
        if moving is None:
            return None
        moving = tuple(moving)
        if len(moving) == len(self.parameters) and all(map(is_, moving, self.parameters)):
            return None
        place = {parameter: i for i, parameter in enumerate(self.parameters)}
        foreign = [parameter for parameter in moving if parameter not in place]
        if foreign:
            raise ValueError(
                f"the optimizer moves {len(foreign):,} parameters that this program does not have, such as "
                f"{foreign[0].label or foreign[0]!r}: give compile(…, parameters=…) all that is to move, or make an "
                "optimizer of the program's parameters"
            )
        return np.array([place[parameter] for parameter in moving], np.int64)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(
            "a program is not copied or pickled, since it lives in memory that its machine code knows. "
            "Save the parameters (program.push(), then nn.save or state_dict) and compile again"
        )

    # -- looking inside -------------------------------------------------------------------------------------------

    def _heading(self) -> str:
        return "Compiled program"

    def _content(self) -> list[Part]:
        """The equations that were rediscovered, as the textbook writes them, with the scalar nodes each stands for."""
        from .equations import listing

        return [Listing(listing(self))]

    def _brief(self) -> str:
        return f"<Program: {self._scalars.traced:,} scalar nodes, {len(self._packed.instructions):,} instructions>"

    @property
    def stats(self) -> Stats:
        """Sizes and compile times; see `Stats`."""
        from .equations import Stats, equations

        tables = (*self._lowered.forward, *self._lowered.reverse)
        layout = self._machine.layout
        memory = layout.total(min(self._largest, layout.block) or 1) * self.dtype.itemsize
        return Stats(
            self._scalars.traced, len(self._packed.instructions), len(equations(self, rolled=True)),
            sum(map(len, tables)), memory, dict(self._timings), self.backend, str(self.dtype),
        )  # fmt: skip

    def draw(self) -> Drawing:
        """A drawing with a box for each equation; in a notebook it shows itself."""
        from .equations import picture

        drawing: Drawing = picture(self)
        return drawing

    @_exclusive
    def lens(self, *which: Any) -> Any:
        """The ordinary graph of one sample: ``lens(i)`` of the last batch, ``lens(x, y)`` of the arguments given.

        Its root (or list of roots) is ready to be drawn, stepped through or explained. The parameters' ``.data`` and
        ``.grad`` become the program's data and this sample's gradient. Every number was compared with the machine's.

        Raises:
            IndexError: there was no batch, or it has no such sample.
            LensError: graph and program differ by more than 1e-12 relative, a defect.
            UnknownOperationError: an operation that the program was compiled with was unregistered.
        """
        from .lens import scalar_graph

        self._refuse_unregistered()
        if not self.shapes:
            return scalar_graph(self, [])
        by_number = len(which) == 1 and isinstance(which[0], (int, np.integer))
        if by_number and (self._last or len(self.shapes) != 1):
            if self._last is None:
                raise IndexError(
                    "lens(i) looks at a sample of the last batch; run the program first, or give lens(x, …)"
                )
            samples = self._last.samples
            if not -samples <= which[0] < samples:
                raise IndexError(f"the last batch has {samples} samples; there is no sample {which[0]}")
            return scalar_graph(self, self._last.sample(which[0]))
        return scalar_graph(self, Batch(self.shapes, [np.asarray(entry)[None] for entry in which]).sample(0))

    # -- out of here ----------------------------------------------------------------------------------------------

    def to_jax(self, reduce: str = "mean", most: int = 2000) -> Callable[..., Any]:
        """The program as a pure function of JAX: ``f(theta, *arrays)``, for `jax.jit`, ``grad``, ``vmap`` and devices.

        Its arguments are the flat parameters (p,) and the arrays of a call, (B, *shape of one sample). It computes in
        the dtype of ``theta`` (JAX makes float32 of float64 unless ``jax_enable_x64`` is set). Each operation has the
        derivatives of the table, so that slopes at kinks and in tails are those of the eager engine. That a product
        with an exact zero carries nothing is not promised there: where a slope is infinite, JAX may give nan.

        Args:
            reduce: ``"mean"`` gives the mean of the results of a batch, ``"none"`` those of each sample.
            most: how many instructions there may be, where those of a loop count once: an unrolled loop is found again,
                and becomes ``jax.lax.scan``. XLA's time to compile grows faster than their number.

        Raises:
            ImportError: JAX is not installed.
            ValueError: ``reduce`` is neither of the two; or the program has more than ``most`` instructions and no
                loop that makes it shorter.
            UnknownOperationError: an operation that the program was compiled with was unregistered.

        Example:
            ``step = jax.jit(jax.value_and_grad(program.to_jax()))`` and ``loss, gradient = step(theta, X, y)``.
        """
        from ..export.jax import function

        if reduce not in ("mean", "none"):
            raise ValueError(f"reduce is 'mean' or 'none', not {reduce!r}")
        self._refuse_unregistered()
        named = [*self._places_by_name().values()]
        return function(self._packed, named, self._single, self.shapes, reduce, most)

    def to_torch(self, reduce: str = "mean") -> Any:
        """The program as a ``torch.nn.Module``, whose forward takes the arrays of a call, (B, *shape of one sample).

        Its parameters are copies of `theta` in the program's dtype, as named arrays (`unflatten`; a dot in a name
        becomes ``_``, and a name that a module has already gets a number, as in ``forward_1``). ``.double()``,
        ``.float()``, ``state_dict()`` and ``torch.compile`` work as with any module. Each operation has the derivatives
        of the table, to any order, so that slopes at kinks and in tails are those of the eager engine. That a product
        with an exact zero carries nothing is not promised there: where a slope is infinite, PyTorch may give nan.

        Args:
            reduce: ``"mean"`` gives the mean of the results of a batch, ``"none"`` those of each sample.

        Raises:
            ImportError: PyTorch is not installed.
            ValueError: ``reduce`` is neither of the two.
            UnknownOperationError: an operation that the program was compiled with was unregistered.

        Example:
            ``module = program.to_torch()``, then ``module(X, y).backward()`` and a step of any of PyTorch's optimizers.
        """
        from ..export.torch import module

        if reduce not in ("mean", "none"):
            raise ValueError(f"reduce is 'mean' or 'none', not {reduce!r}")
        self._refuse_unregistered()
        return module(self, reduce)

    def to_onnx(self, path: str | os.PathLike[str], dtype: str = "float32") -> None:
        """Write the forward pass as an ONNX file (opset 18), for serving.

        The inputs have the names of the function's arguments and the shapes (B, *shape of one sample) with a free B;
        the output is that of a call: (B,) or (B, n). The parameters are those of `theta`, under the names of
        `unflatten`. The file appears whole or not at all, after ONNX's own check. The normal distribution function
        loses digits in its left tail. ONNX Runtime lacks erf (and so gelu), tan, the inverse trigonometric functions
        and all hyperbolic ones but tanh for float64: it refuses to load such a file, and takes it in float32.

        Args:
            path: of the file.
            dtype: ``"float32"``, or ``"float64"``.

        Raises:
            ImportError: the package onnx is not installed.
            ValueError: ``dtype`` is neither of the two.
            UnknownOperationError: an operation that the program was compiled with was unregistered.
            OSError: the file cannot be written.

        Example:
            ``program.to_onnx("model.onnx")``, then ``onnxruntime.InferenceSession("model.onnx")``.
        """
        from ..export.onnx import save

        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is 'float32' or 'float64', not {dtype!r}")
        self._refuse_unregistered()
        save(self, path, dtype)

    def to_source(self, target: str, path: str | os.PathLike[str] | None = None, most: int = 2000) -> str:
        """The program as the text of one readable file, which imports that library alone.

        It has the equations of ``print(program)``; unrolled loops are loops again. For NumPy the reverse pass is
        written out beneath them (``d_h1 = W2.T @ d_z2``). JAX and PyTorch differentiate for themselves, so their files
        have the forward pass, and slopes of the table only where the library's own are others.

        When the file is run, it compares itself with numbers of the program, in float64: at the parameters of `theta`
        and the first samples that the program ran on last, or some between 0 and 1. Where there are too many of either
        to write down, evenly spread numbers stand in for them. Parameters go by the names of `unflatten` and have its
        shapes, but for a name of a single number, which is a number.

        Args:
            target: ``"numpy"``, ``"jax"`` or ``"torch"``. NumPy computes all samples at once, as columns; the others
                one sample, and map that over all.
            path: of a file to write the text to, whole or not at all.
            most: how many instructions there may be, where those of a loop count once.

        Returns:
            the text, the same whenever the program and its numbers are.

        Raises:
            ValueError: there is no such target; or the program has more than ``most`` instructions and no loop that
                makes it shorter.
            UnknownOperationError: an operation that the program was compiled with was unregistered.
            OSError: the file cannot be written.

        Example:
            >>> import autograd, nn
            >>> model = nn.MLP(2, [3, 1], activation="relu", seed=1)
            >>> program = autograd.compile(lambda x, y: (model(x) - y) ** 2, [(2,), ()], model.parameters())
            >>> text = program.to_source("numpy")
            >>> print(*[line.strip() for line in text.splitlines() if " @ " in line], sep="\\n")
            z1 = W1 @ x + b1[:, None]
            z2 = W2 @ h1 + b2 - y
            d_W2 = d_z2 @ h1.T
            d_h1 = W2.T @ d_z2
            d_W1 = d_z1 @ x.T
        """
        from ..export.source import LIBRARIES, source
        from ..files import write

        if target not in LIBRARIES:
            raise ValueError(f"target is one of {', '.join(map(repr, LIBRARIES))}, not {target!r}")
        self._refuse_unregistered()
        text: str = source(self, target, most)
        if path is not None:
            write(path, text.encode())
        return text

    def unflatten(self, theta: Any) -> dict[str, Any]:
        """Flat parameters (p,) as named arrays, of NumPy or of any library that indexes as NumPy does.

        Labels of layers make ``W1`` (neurons × inputs) and ``b1`` (neurons,), and so on; other parameters are vectors
        that are called as their labels begin, or ``theta``.

        Raises:
            ValueError: there are not as many numbers as parameters.

        Example:
            >>> import autograd, nn
            >>> model = nn.MLP(2, [3, 1], seed=1)
            >>> program = autograd.compile(model, inputs=[(2,)], parameters=model.parameters())
            >>> {name: array.shape for name, array in program.unflatten(program.theta).items()}
            {'W1': (3, 2), 'b1': (3,), 'W2': (1, 3), 'b2': (1,)}
            >>> bool((program.flatten(program.unflatten(program.theta)) == program.theta).all())
            True
        """
        if tuple(theta.shape) != self._theta.shape:
            raise ValueError(f"theta holds {len(self._theta)} parameters; got the shape {tuple(theta.shape)}")
        return {name: theta[places] for name, places in self._places_by_name().items()}

    def flatten(self, named: Mapping[str, Any]) -> Any:
        """Named arrays as flat parameters (p,): the way back from `unflatten`.

        Raises:
            ValueError: a name or a shape is not that of `unflatten`.
        """
        places = self._places_by_name()
        wanted = {name: where.shape for name, where in places.items()}
        given = {name: tuple(array.shape) for name, array in named.items()}
        if given != wanted:
            raise ValueError(f"flatten takes arrays of the shapes {wanted}, not {given}")
        order = np.argsort(np.concatenate([where.ravel() for where in places.values()] or [np.zeros(0, np.int64)]))
        arrays = [named[name].reshape(-1) for name in places]
        if not arrays:
            return self._theta.copy()
        space = arrays[0].__array_namespace__() if hasattr(arrays[0], "__array_namespace__") else np
        return space.concatenate(arrays)[order]

    def _places_by_name(self) -> dict[str, NDArray[np.int64]]:
        return parameter_places([parameter.label for parameter in self.parameters])

    # -- the machine's part ---------------------------------------------------------------------------------------

    def _needs_loss(self) -> None:
        if not self._single:
            raise TypeError(
                "the compiled function returns a list; a gradient needs one Value: compile the loss, not the prediction"
            )

    def _batch(self, arrays: Sequence[Arrays], rows: Any = None) -> Batch:
        return self._use(self._looked_at(arrays, rows))

    def _refuse_unregistered(self) -> None:
        """The function cannot be run eagerly any more, so that nothing could say whether the program still is it."""
        for name, formulas in self._registered.items():
            if name not in TABLE or repr(TABLE[name]) != formulas:
                raise UnknownOperationError(
                    f"this program was compiled with the operation {name!r}, which was unregistered"
                    + (" and registered with other formulas" if name in TABLE else "")
                    + "; register the very same operation again, or compile again"
                )

    def _looked_at(self, arrays: Sequence[Arrays], rows: Any) -> Batch:
        if self._registered:
            self._refuse_unregistered()
        batch = self._last.again(arrays, rows) if self._last is not None else None
        return Batch(self.shapes, arrays, rows) if batch is None else batch

    def _use(self, batch: Batch) -> Batch:
        if batch is not self._last:
            self._last, self._largest = batch, max(self._largest, batch.samples)
        return batch

    def _differentiate(
        self, machine: Machine, batch: Batch, results: Array | None = None, adjoints: Sequence[Array] = ()
    ) -> tuple[float, Array]:
        """The mean loss and the flat gradient (a view that the next run overwrites); see `Machine.differentiate`.

        If the gradient holds a nan or an infinity, the reverse pass runs again with the rule that a product with an
        exact zero carries nothing; fast arithmetic would give more of them than there are.
        """
        for careful in (False, True):
            machine.differentiate(batch, careful, results, adjoints)
            total, square = machine.sums
            if math.isfinite(square) and all(np.isfinite(array).all() for array in adjoints):
                break
        return total if self._shared else total / batch.samples, machine.gradient

    def _input_gradients(self, batch: Batch, per_sample: bool) -> tuple[Any, list[Array]]:
        if self._by_inputs is None:
            regions = [INPUT + number for number in range(len(self.shapes))]
            lowered = Lowering(self._packed).lower(wrt=regions)
            self._by_inputs = machine(lowered, self.dtype, self.backend, self.threads)
        runner = self._by_inputs
        runner.memory[: len(self.parameters)] = self._theta
        gradients = [np.zeros(array.shape, self.dtype) for array in batch.arrays]
        losses = np.zeros((batch.samples, 1), self.dtype)
        loss, _ = self._differentiate(runner, batch, losses, gradients)
        if not per_sample:
            return loss, gradients
        return losses[:, 0], [gradient * batch.samples for gradient in gradients]

    def _sample_gradients(self, batch: Batch) -> tuple[Array, Array]:
        """By a program that computes for each sample what the samples could share, and does not sum over them."""
        count = len(self.parameters)
        losses, gradients = np.zeros((batch.samples, 1), self.dtype), np.zeros((batch.samples, count), self.dtype)
        if self._shared:
            losses[:], gradients[:] = self._differentiate(self._machine, batch)
            return losses[:, 0], gradients
        if self._by_sample is None:
            scalars = self._scalars
            computed = np.array([op not in LEAVES for op in scalars.op])
            packed = pack(simplify(replace(scalars, batched=scalars.batched | computed)), each=True)
            self._by_sample = machine(Lowering(packed).lower(each=True), self.dtype, self.backend, self.threads)
        runner = self._by_sample
        runner.memory[:count] = self._theta
        nothing = [np.zeros((batch.samples, 0), self.dtype)] * len(self.shapes)
        self._differentiate(runner, batch, losses, [*nothing, gradients])  # parameters are one more argument there
        return losses[:, 0], gradients

    def _check_finite(self, results: Array, batch: Batch) -> None:
        finite = np.isfinite(results).all() and np.isfinite(self.gradient).all()
        if current().anomaly and not finite:
            from .lens import explain_anomaly

            explain_anomaly(self, batch)


def machine(lowered: Lowered, dtype: Any, backend: str, threads: int | None) -> Machine:
    """The machine that runs a lowered program; ``"auto"`` is machine code where llvmlite is installed."""
    if backend == "numpy" or (backend == "auto" and importlib.util.find_spec("llvmlite") is None):
        return NumpyMachine(lowered, dtype)
    try:
        from .llvm.backend import LlvmMachine

        return LlvmMachine(lowered, dtype, threads)
    except ImportError as error:  # llvmlite often lags behind a new Python
        if backend == "llvm":
            raise
        warnings.warn(f"llvmlite is installed but does not work here ({error}); NumPy runs the program", stacklevel=2)
        return NumpyMachine(lowered, dtype)


def _count(number: Any) -> int:
    """A batch size, which is at least 1."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
        raise ValueError(f"batch_size is a whole number of at least 1, or None for all samples; got {number!r}")
    return int(number)
