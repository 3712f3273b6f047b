"""The engine of JAX: steps of the compiled program, made on the devices of this process, samples split among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.program import StepError
from autograd.modes import ACTIVE
from autograd.packages import needed
from autograd.text import counted

from .compiled import CompiledEngine
from .engines import Rows
from .inputs import Devices
from .lists import Floats
from .losses import Loss
from .module import Module
from .optimizers import Optimizer

PIECE = 1024
"""How many samples a device takes at a time where no step is made: all of them at once may not fit its memory."""


class At(NamedTuple):
    """How far a training is, on every device alike.

    Attributes:
        theta: the parameters, (p,).
        state: the optimizer's variables, (moving,) each.
        gradient: of the last step, (p,).
        sure: whether all steps so far had a finite loss and gradient; from the first that had not, nothing changes.
    """

    theta: Any
    state: tuple[Any, ...]
    gradient: Any
    sure: Any


class JaxEngine(CompiledEngine):
    """See `nn.engines.Engine`. Parameters are on the devices for some steps at a time, and else in the program.

    A batch is filled up to a multiple of the number of devices, with samples that do not count; so is the last batch of
    an epoch, so that there is one compiled step. A step whose loss or gradient is not finite in JAX is made by the
    program, which knows that a product with an exact zero carries nothing, and says what is wrong otherwise.

    Args:
        devices: how many of `jax.local_devices()`, or which devices; None for all.

    Raises:
        ImportError: JAX is not installed.
        ValueError: there are no such devices; the optimizer has a step of its own, or a rule that is no arithmetic on
            arrays; or the program is too long for XLA (see `Program.to_jax`).
        Exception: as for `CompiledEngine`.
    """

    name = "jax"

    def __init__(
        self, model: Module, loss: Loss, optimizer: Optimizer, X: Floats, y: Floats, dtype: str = "float64",
        devices: Devices = None,
    ) -> None:  # fmt: skip
        self._jax = jax = needed("jax", "engine='jax'")
        chosen = local(jax, devices)
        if type(optimizer).step_arrays is not Optimizer.step_arrays:
            raise ValueError(
                f"engine='jax' makes steps by an optimizer's rule, and {type(optimizer).__name__} has a step_arrays of "
                "its own: take engine='compiled'"
            )
        super().__init__(model, loss, optimizer, X, y, dtype)
        sharding, spec = jax.sharding, jax.sharding.PartitionSpec
        mesh = sharding.Mesh(np.array(chosen), ("samples",))
        self._split, self._whole = sharding.NamedSharding(mesh, spec("samples")), sharding.NamedSharding(mesh, spec())
        self._devices, self._size = len(chosen), 0
        try:
            self._losses = self._program.to_jax("none")
        except ValueError as error:
            raise ValueError(f"{error}. engine='compiled' runs programs of any length") from error
        self._evaluate = jax.jit(self._losses)
        self._outputs: Callable[..., Any] | None = None
        self._advance = jax.jit(self._advanced, static_argnums=0, out_shardings=(self._whole, self._whole))
        with jax.enable_x64(True):
            self._try_rule()

    def _try_rule(self) -> None:
        at, jax = self._at(), self._jax
        try:
            jax.eval_shape(self._moved, at, at.gradient, 0.1, 1.0)
        except TypeError as error:  # those of JAX are, too
            kind, why = type(self.optimizer).__name__, str(error).partition("\n")[0]
            raise ValueError(
                f"the rule of {kind} does not run on arrays of JAX: {why} Write it with + − · / ** and abs, see "
                "nn.rules, or take engine='compiled'"
            ) from error

    # ---- steps

    def _one_at_a_time(self) -> bool:
        return bool(ACTIVE)

    def _many_steps(self, X: Floats, y: Floats, rows: Rows, size: int) -> Floats:
        """See `CompiledEngine._many_steps`."""
        order = np.arange(len(X)) if rows is None else rows
        batches = [order[begin : begin + size] for begin in range(0, len(order), size)]
        losses: list[float] = []
        while len(losses) < len(batches):
            losses += self._on_devices(X, y, batches[len(losses) :])
            if len(losses) < len(batches):
                try:
                    losses.append(self._program.step(X, y, self.optimizer, rows=batches[len(losses)]))
                except FloatingPointError as error:
                    raise StepError(str(error), np.array(losses)) from error
        return np.array(losses)

    def step(self, X: Floats, y: Floats, rows: Rows = None) -> float:
        """See `nn.engines.Engine.step`."""
        try:
            return float(self._many_steps(X, y, rows, len(X) if rows is None else len(rows))[0])
        except StepError as error:
            raise error.__cause__ or error from None

    def _on_devices(self, X: Floats, y: Floats, batches: Sequence[Any]) -> list[float]:
        """Make steps until one is not sure; the losses of those that were made."""
        optimizer, program, found = self.optimizer, self._program, []
        settings = tuple(optimizer._all_settings().values())  # of which the compiled step knows: they may have changed
        with self._jax.enable_x64(True):
            at = self._at()
            self._size = max(self._size, self._even(max(map(len, batches))))
            for number, rows in enumerate(batches):
                batch = self._samples((X, y), rows, self._size)
                rate = optimizer._rate(number)
                at, loss = self._advance(settings, at, len(rows), rate, optimizer.steps + number + 1.0, *batch)
                found.append((loss, at.sure))
            made = [float(loss) for loss, sure in self._jax.device_get(found) if sure]
        program.theta[:], program.gradient = at.theta, np.array(at.gradient)
        optimizer.state, optimizer.steps = [np.array(s) for s in at.state], optimizer.steps + len(made)
        return made

    def _at(self) -> At:
        """Where the training is, put on the devices."""
        jax, program, optimizer = self._jax, self._program, self.optimizer
        state = tuple(np.array(s, program.dtype) for s in optimizer.state)
        at = At(program.theta.copy(), state, np.zeros_like(program.theta), np.array(True))
        return jax.device_put(at, self._whole)  # type: ignore[no-any-return]

    def _advanced(
        self, settings: tuple[Any, ...], at: At, count: int, rate: float, number: float, *batch: Any
    ) -> tuple[At, Any]:
        """The step with that number (from 1) on the first ``count`` samples of a batch, and their mean loss before."""
        jax, jnp = self._jax, self._jax.numpy

        def mean(theta: Any) -> Any:
            losses = self._losses(theta, *batch)
            return jnp.where(jnp.arange(len(losses)) < count, losses, 0).sum() / count

        loss, gradient = jax.value_and_grad(mean)(at.theta)
        after = self._moved(at, gradient, rate, number)
        sure = at.sure & jnp.isfinite(loss) & jnp.isfinite(gradient[: len(self.optimizer.parameters)]).all()
        kept = jax.tree.map(lambda new, old: jnp.where(sure, new, old), after, at)
        return kept._replace(sure=sure), loss

    def _moved(self, at: At, gradient: Any, rate: float, number: float) -> At:
        """Parameters and state after a step."""
        jnp, moving = self._jax.numpy, len(self.optimizer.parameters)
        theta, state = self.optimizer.moved(jnp, at.theta[:moving], gradient[:moving], at.state, rate, number)
        return At(jnp.concatenate([theta, at.theta[moving:]]), state, gradient, at.sure)

    # ---- samples

    def _even(self, samples: int) -> int:
        """So many samples, filled up so that each device has as many."""
        return -(-samples // self._devices) * self._devices

    def _samples(self, arrays: Sequence[Floats], rows: Any, size: int) -> list[Any]:
        """Samples over the devices; to fill up, the first ones come again."""
        places = np.resize(rows, size)
        return [self._jax.device_put(array[places], self._split) for array in arrays]

    def _in_pieces(self, function: Callable[..., Any], *arrays: Floats) -> Floats:
        """What a function of JAX gives for each sample."""
        samples, found = len(arrays[0]), []
        size = self._even(min(samples, PIECE * self._devices))
        with self._jax.enable_x64(True):
            theta = self._jax.device_put(self._program.theta.copy(), self._whole)
            for begin in range(0, samples, size):
                rows = np.arange(begin, min(begin + size, samples))
                found.append(np.array(function(theta, *self._samples(arrays, rows, size)), np.float64)[: len(rows)])
        return np.concatenate(found)

    def evaluate(self, X: Floats, y: Floats) -> float:
        """See `nn.engines.Engine.evaluate`."""
        return float(np.mean(self._in_pieces(self._evaluate, X, y)))

    def predict(self, X: Floats) -> Floats:
        """See `nn.engines.Engine.predict`."""
        if self._outputs is None:
            self._outputs = self._jax.jit(self._predicting(X).to_jax("none"))
        return self._in_pieces(self._outputs, X)


def local(jax: Any, devices: Devices) -> list[Any]:
    """The devices of this process that are asked for.

    Raises:
        ValueError: there are none such, or one is named twice.
    """
    known = jax.local_devices()
    if devices is None:
        return known  # type: ignore[no-any-return]
    if isinstance(devices, int) and not isinstance(devices, bool):
        if not 1 <= devices <= len(known):
            raise ValueError(
                f"devices={devices}, and JAX has {counted(len(known), 'device')} of the kind {known[0].platform} here. "
                "To try several on one CPU, set XLA_FLAGS=--xla_force_host_platform_device_count=8 before JAX starts"
            )
        return known[:devices]  # type: ignore[no-any-return]
    chosen = list(devices) if isinstance(devices, Sequence) and not isinstance(devices, str) else []
    own = all(isinstance(device, jax.Device) and device.process_index == jax.process_index() for device in chosen)
    if not chosen or not own or len({*chosen}) < len(chosen):
        raise ValueError(
            f"devices is a number, or a list of different ones of jax.local_devices(), not {devices!r:.60}"
        )
    return chosen
