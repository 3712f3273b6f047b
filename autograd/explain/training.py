"""`TrainingLedger`: how far each step and each sample has moved a weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..adjoints import adjoints
from ..answer import Answer, Part
from ..graph import refuse_freed, topological
from ..notation.names import Name
from ..notation.naming import UserNames, names_of
from ..text import counted, number
from ..value import Value, real
from .groups import Entry, Groups, samples


class Move(NamedTuple):
    """What one sample (or another term of the loss) did to a weight at one step, over the whole training."""

    step: int
    sample: str
    amount: float


class TrainingLedger(Answer):
    """Splits the whole change of each weight, w_T − w_0, into entries by step and sample that sum to it.

    For gradient descent w ← w − α·G the entry of a sample is −α times its part of the gradient. With momentum,
    V ← β·V + G and w ← w − α·V, a gradient keeps moving the weight at later steps: its entry is −(Σ αₛ·βˢ⁻ᵗ)
    times its part, over the steps s from its own, t, to the last. Weight decay that the optimizer adds (λ·w) has
    entries of its own. Other rules (Adam, RMSprop, AdaGrad) divide by quantities to which all samples contribute,
    so their steps do not split; `residual` then shows what is left over. So it does for clipped gradients.

    Call `step` with the loss once per update, before the update. Memory grows with steps times samples.

    Args:
        parameters: the weights to follow.
        lr: the learning rate α, a number or a function of the step (from 0).
        momentum: β.
        weight_decay: λ.
        names: letters of your own (see `autograd.notation.names_of`).

    Raises:
        TypeError: the parameters are no Values.

    Example:
        >>> w = Value(0.0, "w")
        >>> record = TrainingLedger([w], lr=0.1)
        >>> for _ in range(2):
        ...     loss = (w - 1.0) ** 2 + (w - 3.0) ** 2
        ...     w.zero_grad()
        ...     loss.backward()
        ...     record.step(loss)
        ...     w.data -= 0.1 * w.grad
        >>> [(move.step, move.sample, round(move.amount, 4)) for move in record.moves(w)]
        [(0, 'sample 1', 0.2), (0, 'sample 2', 0.6), (1, 'sample 1', 0.04), (1, 'sample 2', 0.44)]
        >>> round(record.change(w), 4), abs(record.residual(w)) < 1e-12
        (1.28, True)
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float | Callable[[int], float],
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        names: UserNames | None = None,
    ) -> None:
        self.parameters = [parameters] if isinstance(parameters, Value) else list(parameters)
        for parameter in self.parameters:
            if not isinstance(parameter, Value):
                raise TypeError(f"a TrainingLedger follows Values, not {type(parameter).__name__}")
        self.momentum, self.weight_decay = real(momentum, "momentum"), real(weight_decay, "weight_decay")
        self._rate = lr if callable(lr) else lambda step: lr
        self._start = {parameter: parameter.data for parameter in self.parameters}
        self._letters = names
        self._names: dict[Value, Name] = {}  # of the weights, as in the first loss
        self._rates: list[float] = []
        self._parts: list[dict[str, list[float]]] = []  # per step: the gradient of each sample, one per parameter

    @classmethod
    def of(cls, optimizer: Any) -> TrainingLedger:
        """A ledger with the parameters and settings of an `nn.SGD`.

        Raises:
            TypeError: the optimizer has another update rule, whose steps do not split into samples.
        """
        settings = dict(getattr(optimizer, "settings", {}))
        if not settings.keys() <= {"momentum", "weight_decay"} or not hasattr(optimizer, "lr"):
            raise TypeError(
                f"the steps of {type(optimizer).__name__} do not split into samples; a TrainingLedger follows SGD, "
                "with or without momentum"
            )
        return cls(optimizer.parameters, optimizer.lr, **settings)

    def step(self, loss: Value, names: Sequence[str] | None = None) -> None:
        """Record one update; call it before the update, with the loss whose gradient is about to be used.

        Args:
            loss: the loss of this step (its graph; gradients are computed from it, no ``.grad`` is read).
            names: names of its samples, if "sample 1", … in the order of addition are not enough.
        """
        self._record(self._split(loss, names))

    def step_by_samples(self, losses: Sequence[tuple[str, Value]]) -> None:
        """Record one update by the mean of some losses; like `step`, without looking for the samples in one graph.

        Args:
            losses: of each sample its name and its loss; entries of the same name are added.

        Raises:
            ValueError: there are none.
            TypeError: a loss is no Value.

        Example:
            >>> w = Value(0.0, "w")
            >>> record = TrainingLedger([w], lr=0.1)
            >>> record.step_by_samples([("near", (w - 1.0) ** 2), ("far", (w - 3.0) ** 2)])
            >>> [(move.sample, round(move.amount, 4)) for move in record.moves(w)]
            [('near', 0.1), ('far', 0.3)]
        """
        if not losses:
            raise ValueError("a step is recorded from the losses of its samples, and there are none")
        parts: dict[str, list[float]] = {}
        for name, loss in losses:
            _needs_graph(loss)
            gradients = adjoints(loss, 1.0 / len(losses), self.parameters)
            before = parts.get(name)
            parts[name] = gradients if before is None else [x + y for x, y in zip(before, gradients)]
        self._record(self._with_decay(parts))

    def callback(self, loss: Callable[[], Value]) -> Callable[[object], None]:
        """For ``nn.fit(…, callbacks=[record.callback(loss)])`` with the whole data set as one batch.

        Args:
            loss: builds the loss of the whole data set from the present weights, as `fit` computes it. It is called
                once now and once after every epoch.
        """
        upcoming = [self._split(loss(), None)]

        def after_epoch(epoch: object) -> None:
            self._record(upcoming[0])
            upcoming[0] = self._split(loss(), None)

        return after_epoch

    def _record(self, parts: dict[str, list[float]]) -> None:
        self._rates.append(real(self._rate(len(self._rates)), "the learning rate"))
        self._parts.append(parts)

    def _split(self, loss: Value, names: Sequence[str] | None) -> dict[str, list[float]]:
        """The gradient that each sample contributes."""
        _needs_graph(loss)
        parts = self._by_sample(loss)
        if names is not None:
            numbered = [name for name in parts if name.startswith("sample ")]
            given = {
                name: str(names[int(name.split()[1]) - 1]) for name in numbered if int(name.split()[1]) <= len(names)
            }
            parts = {given.get(name, name): gradient for name, gradient in parts.items()}
        return self._with_decay(parts)

    def _with_decay(self, parts: dict[str, list[float]]) -> dict[str, list[float]]:
        if self.weight_decay:
            parts["weight decay"] = [self.weight_decay * parameter.data for parameter in self.parameters]
        return parts

    def _by_sample(self, loss: Value) -> dict[str, list[float]]:
        """The gradient that comes through each term of the loss; the terms' gradients add up to the whole."""
        order = topological(loss)
        refuse_freed(order)
        found = names_of(loss, self._letters, order)
        self._names = self._names or {node: found[node] for node in self.parameters if node in found}
        inside = set(self.parameters)
        for node in order:
            if not inside.isdisjoint(node.parents):
                inside.add(node)
        names = samples(found, inside) or {loss: "sample 1"}
        handed = {loss: 1.0}
        parts: dict[str, list[float]] = {}
        for node in reversed(order):  # down from the loss, as far as the terms
            if node not in handed:
                continue
            if node in names or not node.parents:
                if node in inside:
                    gradients = adjoints(node, handed[node], self.parameters)
                    before = parts.get(names.get(node, "directly"), [0.0] * len(gradients))
                    parts[names.get(node, "directly")] = [x + y for x, y in zip(before, gradients)]
                continue
            for parent, slope in zip(node.parents, node.local_derivatives):
                product = handed[node] * slope if handed[node] and slope else 0.0
                handed[parent] = handed.get(parent, 0.0) + product
        return {name: parts[name] for name in dict.fromkeys(names.values()) if name in parts} | parts

    def moves(self, parameter: Value | None = None) -> list[Move]:
        """The entries of one weight (the only one, if none is named), in the order of steps and samples."""
        column = self._column(parameter)
        return [
            Move(step, sample, -factor * gradients[column])
            for step, (factor, parts) in enumerate(zip(self._factors(), self._parts))
            for sample, gradients in parts.items()
        ]

    def entries(self) -> Iterator[tuple[int, str, list[float]]]:
        """The moves of all weights at once: step, sample, and how far it moved each of ``parameters``."""
        for step, (factor, parts) in enumerate(zip(self._factors(), self._parts)):
            for sample, gradients in parts.items():
                yield step, sample, [-factor * gradient for gradient in gradients]

    def _factors(self) -> list[float]:
        """For each step, how far a gradient of 1 there has moved a weight until the end, downwards."""
        factors: list[float] = []
        factor = 0.0
        for rate in reversed(self._rates):
            factor = rate + self.momentum * factor
            factors.append(factor)
        return factors[::-1]

    def change(self, parameter: Value | None = None) -> float:
        """w_T − w_0: how far the weight has moved since the ledger was made."""
        weight = self.parameters[self._column(parameter)]
        return weight.data - self._start[weight]

    def residual(self, parameter: Value | None = None) -> float:
        """What the entries do not explain; zero to rounding if the updates were those stated."""
        return self.change(parameter) - math.fsum(move.amount for move in self.moves(parameter))

    def by(self, kind: str, parameter: Value | None = None) -> Groups:
        """The entries added up by ``"sample"`` or by ``"step"``.

        Raises:
            ValueError: another kind.
        """
        if kind not in ("sample", "step"):
            raise ValueError(f"a TrainingLedger groups by 'sample' or 'step', not by {kind!r}")
        sums: dict[str, list[float]] = {}
        for move in self.moves(parameter):
            sums.setdefault(move.sample if kind == "sample" else f"step {move.step}", []).append(move.amount)
        entries = [Entry(name, math.fsum(amounts), len(amounts)) for name, amounts in sums.items()]
        change = number(self.change(parameter), 6)
        title = f"{self._word(parameter)} moved by {change} in {counted(len(self._rates), 'step')}"
        return Groups(kind, title, entries, self.change(parameter), count="entries")

    def _column(self, parameter: Value | None) -> int:
        if parameter is None and len(self.parameters) == 1:
            return 0
        for i, known in enumerate(self.parameters):
            if known is parameter:
                return i
        raise ValueError("name one of the weights that this TrainingLedger follows")

    def _word(self, parameter: Value | None) -> str:
        weight = self.parameters[self._column(parameter)]
        if weight not in self._names:
            self._names |= names_of(self.parameters, self._letters)
        return self._names[weight].plain()

    def _heading(self) -> str:
        return "How far each sample has moved a weight"

    def _size(self) -> str:
        return f"TrainingLedger: {counted(len(self._rates), 'step')}, {counted(len(self.parameters), 'weight')}"

    def _content(self) -> list[Part]:
        parts: list[Part] = [self._size()]
        for parameter in self.parameters[:3]:
            parts += ["", *self.by("sample", parameter)._content()]
        return parts

    def _brief(self) -> str:
        return f"<{self._size()}>"


def _needs_graph(loss: object) -> None:
    if not isinstance(loss, Value):
        raise TypeError(f"a step is recorded from its loss, a Value with its graph, not {type(loss).__name__}")
