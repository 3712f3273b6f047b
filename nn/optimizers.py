"""Optimizers: one update rule each, the same for a float and for an array.

`Optimizer.step` applies the rule (see `nn.rules`) to each Value; `Optimizer.step_arrays` applies it once to flat arrays
that hold all parameters, as compiled programs do. Both advance the same state.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Union

from autograd import Value
from autograd.value import real

from . import rules
from .clipping import bound, clip, clip_array, clip_pure, movable
from .counts import in_words
from .schedules import Schedule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rate = Union[float, Schedule]


class Optimizer:
    """What the optimizers share: parameters, learning rate, clipping, state, and the two ways to apply a rule.

    Attributes:
        parameters: the Values that a step changes, a tuple.
        lr: the learning rate, a number or a function of the step (counted from 0).
        steps: how many steps were made.
        settings: the rule's other numbers by name, in the rule's order.
        state: one list of floats (or one array) per state variable, with an entry per parameter.

    Raises:
        ValueError: there are no parameters, one is there twice or was computed from others, or a setting is out of
            its range.
        TypeError: the parameters are not Values.
    """

    rule: ClassVar[Callable[..., Any]]
    variables: ClassVar[tuple[str, ...]] = ()
    _code: Any = None
    """Machine code of the rule, with the settings that it was made for."""

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate,
        settings: Mapping[str, float],
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.parameters = tuple(movable(parameters, type(self).__name__))
        self.lr = lr
        self.steps = 0
        self.settings = {name: real(x, f"{type(self).__name__}({name}=…)") for name, x in settings.items()}
        self.clip_norm = None if clip_norm is None else bound(clip_norm, "clip_norm")
        self.clip_value = None if clip_value is None else bound(clip_value, "clip_value")
        self.state: list[Any] = [[0.0] * len(self.parameters) for _ in self.variables]
        if not callable(lr):
            self._rate()
        for name, x in self.settings.items():
            low, high = _RANGES[name]
            if not low <= x < high or (name == "eps" and x == 0):
                raise ValueError(f"{type(self).__name__}: {name}={x!r} is outside its range, {low:g} to {high:g}")

    def _rate(self, ahead: int = 0) -> float:
        """The learning rate of the next step, or of one that many steps later."""
        number = self.steps + ahead
        rate = real(self.lr(number) if callable(self.lr) else self.lr, "the learning rate")
        if not 0.0 <= rate < math.inf:
            step = f" at step {number}" if callable(self.lr) else ""
            raise ValueError(f"the learning rate must be a finite number of at least 0; it is {rate!r}{step}")
        return rate

    @property
    def rate(self) -> float:
        """The learning rate of the next step as a number."""
        return self._rate()

    @property
    def last_rate(self) -> float:
        """The learning rate of the step that was made last; of the first one if none was made."""
        return self._rate(-1 if self.steps else 0)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0.0."""
        for p in self.parameters:
            p.grad = 0.0

    def step(self) -> None:
        """Move every parameter against its ``.grad``, once.

        Raises:
            FloatingPointError: a gradient is nan or infinite; nothing has been changed.
        """
        rate, rule, settings, step = self._rate(), type(self).rule, tuple(self.settings.values()), self.steps + 1
        gradients = [p.grad for p in self.parameters]
        self._check(gradients)
        gradients = clip(gradients, self.clip_value, self.clip_norm)
        state = [s if isinstance(s, list) else s.tolist() for s in self.state]
        rows = zip(*state) if state else [()] * len(gradients)
        moved = [rule(p.data, g, row, rate, step, *settings) for p, g, row in zip(self.parameters, gradients, rows)]
        for p, (data, _) in zip(self.parameters, moved):
            p.data = data
        self.state = [list(column) for column in zip(*(row for _, row in moved))] if state else []
        self.steps = step

    def step_arrays(self, parameters: NDArray[np.float64], gradients: NDArray[np.float64]) -> None:
        """The same step on flat arrays, one entry per parameter in their order, in place; no Value is touched.

        Args:
            parameters: changed in place.
            gradients: left as they are.

        Raises:
            ValueError: an array (or one of the state) does not have one entry per parameter.
            FloatingPointError: a gradient is nan or infinite; nothing has been changed.
        """
        rate = self._rate()
        self._state_as_arrays(parameters.dtype)
        self._check_array(gradients)
        if self.clip_value is not None or self.clip_norm is not None:
            gradients = clip_array(gradients, self.clip_value, self.clip_norm)
        step, state = self.steps + 1, tuple(self.state)
        arrays = parameters, gradients, *state
        size = len(self.parameters)
        for array in arrays:  # at each step: an array may have been resized in place, and machine code would overrun it
            if array.size != size:
                raise ValueError(
                    f"{type(self).__name__} moves {size} parameters, and was given arrays of "
                    f"{', '.join(str(array.size) for array in arrays)} entries (parameters, gradients, state)"
                )
        update = self.update(parameters.dtype) if size >= MANY else None
        if update is not None and update.fits(arrays):
            update(arrays, rate, step + 0.0)
        else:
            self._on_arrays(parameters, gradients, state, rate, step + 0.0)
        self.steps = step

    def moved(
        self, xp: Any, parameters: Any, gradients: Any, state: tuple[Any, ...], rate: float, step: float
    ) -> tuple[Any, tuple[Any, ...]]:
        """What a step makes of flat arrays of another library, as a pure function: nothing here changes.

        Args:
            xp: the library's counterpart of ``numpy``, whose arrays cannot be changed, such as ``jax.numpy``.
            parameters: (p,), an entry for each of the optimizer's.
            gradients: (p,).
            state: of each of ``variables`` (p,); zeros at first.
            rate: the learning rate.
            step: the number of the step, from 1.

        Returns:
            parameters and state after the step. A gradient that is not finite is not refused.

        Example:
            ``theta, state = optimizer.moved(jax.numpy, theta, gradient, state, 0.1, 1.0)`` in a function that
            `jax.jit` takes.
        """
        gradients = clip_pure(xp, gradients, self.clip_value, self.clip_norm)
        return type(self).rule(parameters, gradients, state, rate, step, *self.settings.values())  # type: ignore[no-any-return]

    def many_steps(self, parameters: NDArray[Any], gradients: NDArray[Any], count: int) -> Any:
        """What machine code needs to make some steps on flat arrays as `step_arrays` does, one after the other.

        Returns:
            the update, the arrays that it works on, and what it is told at each step (see
            `autograd.compiler.llvm.backend.LlvmMachine.train`); None where machine code cannot make them.
        """
        import numpy as np

        update = self.update(parameters.dtype)
        own = type(self).step_arrays is Optimizer.step_arrays and self.clip_norm is None and self.clip_value is None
        if update is None or not own:
            return None
        self._state_as_arrays(parameters.dtype)
        arrays = [parameters, gradients, *self.state]
        if any(array.size != len(self.parameters) for array in arrays) or not update.fits(arrays):
            return None
        told = [update.numbers(self._rate(ahead), self.steps + ahead + 1.0) for ahead in range(count)]
        return update, arrays, np.array(told, parameters.dtype)

    def _state_as_arrays(self, dtype: Any) -> None:
        if self.state and type(self.state[0]) is list:
            import numpy as np

            self.state = [np.array(column, dtype=dtype) for column in self.state]

    def _on_arrays(self, p: Any, g: Any, state: tuple[Any, ...], rate: float, step: float) -> None:
        import numpy as np

        with np.errstate(all="ignore"):  # floats overflow without a warning too
            type(self).rule(p, g, state, rate, step, *self.settings.values())

    def update(self, dtype: Any) -> Any:
        """The rule as machine code for arrays of a dtype (`autograd.compiler.llvm.updates.Update`).

        None where compiled programs do not run as machine code anyway, or the rule is not one of `nn.rules`.
        """
        if "autograd.compiler.llvm.backend" not in sys.modules or type(self).rule.__module__ != rules.__name__:
            return None
        made_for = dtype, tuple(self.settings.values())
        if self._code is None or self._code[0] != made_for:
            from autograd.compiler.llvm.updates import Update

            self._code = made_for, Update(type(self).rule, len(self.variables), made_for[1], dtype)
        return self._code[1]

    def __getstate__(self) -> dict[str, Any]:
        return {name: x for name, x in self.__dict__.items() if name != "_code"}

    def _check_array(self, gradients: NDArray[np.float64]) -> None:
        import numpy as np

        if not np.isfinite(gradients).all():
            self._check(gradients.tolist())

    def _check(self, gradients: Sequence[float]) -> None:
        for i, g in enumerate(gradients):
            if not math.isfinite(g):
                name = self.parameters[i].label or f"number {i}"
                raise FloatingPointError(
                    f"the gradient of parameter {name} is {g}; nothing was changed. Find its origin with "
                    "autograd.detect_anomaly(), or try a smaller learning rate, clip_norm=1.0 or scaled inputs"
                )

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly: kind, steps made, settings and state (not the learning rate)."""
        columns = [s if isinstance(s, list) else s.tolist() for s in self.state]
        return {
            "kind": type(self).__name__,
            "steps": self.steps,
            "settings": self._all_settings(),
            "state": {name: list(column) for name, column in zip(self.variables, columns)},
        }

    def _all_settings(self) -> dict[str, float | None]:
        return {**self.settings, "clip_norm": self.clip_norm, "clip_value": self.clip_value}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; the learning rate stays this optimizer's. All or nothing.

        Raises:
            ValueError: the kind, a setting, the state variables or the number of parameters differ, or a number is
                nan or infinite.
        """
        own = {"kind": type(self).__name__, "settings": self._all_settings()}
        for name, expected in own.items():
            if not isinstance(saved, Mapping) or name not in saved:
                raise ValueError(f"this is not the state of an optimizer: {name!r} is missing")
            if saved[name] != expected:
                raise ValueError(f"the optimizer's {name} differ: saved {saved[name]}, here {expected}")
        columns, steps = saved.get("state"), saved.get("steps")
        if not isinstance(columns, Mapping) or set(columns) != set(self.variables):
            raise ValueError(f"the optimizer's state must hold {list(self.variables)}")
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
            raise ValueError(f"the optimizer's number of steps is {steps!r}")
        loaded: list[list[float]] = []
        for name in self.variables:
            column = [real(x, f"optimizer state {name}") for x in columns[name]]
            if len(column) != len(self.parameters):
                raise ValueError(
                    f"optimizer state {name} has {len(column)} entries for {len(self.parameters)} parameters"
                )
            if not all(map(math.isfinite, column)):
                raise ValueError(f"optimizer state {name} holds nan or infinity")
            loaded.append(column)
        self.state, self.steps = list(loaded), steps

    def __repr__(self) -> str:
        rate = getattr(self.lr, "__qualname__", self.lr) if callable(self.lr) else self.lr
        settings = "".join(f", {name}={x:g}" for name, x in self._all_settings().items() if x is not None)
        return f"{type(self).__name__}({in_words(len(self.parameters))}, lr={rate}{settings})"


MANY = 256
"""From this many parameters upward, one pass of machine code is quicker than some calls of NumPy."""
_RANGES = {
    "momentum": (0.0, 1.0), "weight_decay": (0.0, math.inf), "decay": (0.0, 1.0), "eps": (0.0, math.inf),
    "beta1": (0.0, 1.0), "beta2": (0.0, 1.0),
}  # fmt: skip


class SGD(Optimizer):
    """Stochastic gradient descent: V ← βV + G, W ← W − αV; without momentum W ← W − αG.

    Args:
        parameters: the Values to move, such as ``model.parameters()``.
        lr: α, a number or a function of the step.
        momentum: β, from 0 to less than 1.
        weight_decay: λ; adds λW to G, as a penalty ½λ‖W‖² in the loss would.
        clip_norm: gradients are scaled so that their norm is at most this.
        clip_value: each gradient is brought into [−clip_value, clip_value].
    """

    rule = staticmethod(rules.sgd)
    variables = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(parameters, lr, {"momentum": momentum, "weight_decay": weight_decay}, clip_norm, clip_value)


class AdaGrad(Optimizer):
    """AdaGrad (Duchi, Hazan and Singer 2011): S ← S + G², W ← W − αG / (√S + ε).

    Args: as for `SGD`; ``eps`` is ε.
    """

    rule = staticmethod(rules.adagrad)
    variables = ("squares",)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 0.01,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(parameters, lr, {"eps": eps, "weight_decay": weight_decay}, clip_norm, clip_value)


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): S ← ρS + (1 − ρ)G², W ← W − αG / (√S + ε).

    Args: as for `SGD`; ``decay`` is ρ, ``eps`` is ε.
    """

    rule = staticmethod(rules.rmsprop)
    variables = ("squares",)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 0.01,
        decay: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        settings = {"decay": decay, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, lr, settings, clip_norm, clip_value)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): RMSprop with momentum, both corrected for starting at zero.

    Args: as for `SGD`; ``beta1`` and ``beta2`` are the decays of the mean gradient and of the mean square.
    """

    rule = staticmethod(rules.adam)
    variables = ("means", "squares")

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        settings = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, lr, settings, clip_norm, clip_value)
