"""`Module`: an object that owns parameters and knows their names."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autograd import Value
from autograd.copies import renew
from autograd.value import Transient, real

from .counts import in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class Module:
    """The base of every network: its parameters are the Values found in its attributes.

    A subclass keeps Values, other Modules, and lists, tuples, deques, dicts, dataclasses or NumPy object arrays of them
    as attributes, and defines ``__call__`` for one sample. A parameter's name is the path that leads to it:
    ``layers.0.neurons.3.weights.1``. Three things are not parameters: attributes whose name starts with an
    underscore, Values that an operation computed (a remembered output, say), and a Value that was met before
    (a shared weight has one name).

    Example:
        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.slope, self.offset = Value(2.0), Value(1.0)
        ...
        ...     def __call__(self, x):
        ...         return self.slope * x + self.offset
        >>> Line()(3.0).data, Line().state_dict()
        (7.0, {'slope': 2.0, 'offset': 1.0})
    """

    def __call__(self, x: Any) -> Any:
        """The output for one sample; a subclass says how it is computed."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it computes: define __call__(self, x)")

    def __setattr__(self, name: str, value: Any) -> None:
        # ``with no_grad(): self.w = self.w - 0.1 * self.w.grad`` makes a parameter of a number that is none elsewhere.
        before = vars(self).get(name) if type(value) is Transient else None
        if isinstance(before, Value) and not before.op and before._lasting:
            value.__class__, value.label = Value, value.label or before.label
        super().__setattr__(name, value)

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters with their names, in the order in which the attributes were made.

        Raises:
            ValueError: two different parameters have the same name (a dict with the keys ``1`` and ``"1"``).
            TypeError: parameters are in a set, which has no order.
        """
        found: dict[str, Value] = {}
        for name, item in _walk(self):
            if isinstance(item, Value):
                if name in found:
                    raise ValueError(f"two parameters are named {name!r}; rename a key of the dict that holds them")
                found[name] = item
        return list(found.items())

    def named_modules(self) -> list[tuple[str, Module]]:
        """This module (named ``""``) and every module inside it, with their names."""
        return [(name, item) for name, item in _walk(self) if isinstance(item, Module)]

    def parameters(self) -> list[Value]:
        """The parameters, in the order of `named_parameters`."""
        return [value for _, value in self.named_parameters()]

    def label_parameters(self) -> None:
        """Give every parameter its name as label, so that graphs, tables and messages speak of it."""
        for name, value in self.named_parameters():
            value.label = name

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0.0."""
        for value in self.parameters():
            value.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The data of every parameter by name."""
        return {name: value.data for name, value in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter from a dict of the form that `state_dict` gives. All or nothing.

        Compiled programs that have these parameters read them again.

        Raises:
            ValueError: names are missing or unexpected, or a number is nan or infinite.
            TypeError: something in the dict is not a real number, or it is not a dict.
        """
        loaded = self.checked_state(state)
        for name, value in self.named_parameters():
            value.data = loaded[name]
        renew(self.parameters())

    def checked_state(self, state: Mapping[str, float]) -> dict[str, float]:
        """The floats that `load_state_dict` would set; raises as it does, and changes nothing."""
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict takes a dict of name: number, not {type(state).__name__}")
        own = dict(self.named_parameters())
        missing, unexpected = [n for n in own if n not in state], [n for n in state if n not in own]
        if missing or unexpected:
            parts = [f"{words}: {_few(names)}" for words, names in
                     (("missing", missing), ("unexpected", unexpected)) if names]  # fmt: skip
            raise ValueError(f"the parameters do not fit this {type(self).__name__} ({'; '.join(parts)})")
        loaded = {name: real(state[name], f"parameter {name}") for name in own}
        broken = [name for name, data in loaded.items() if not math.isfinite(data)]
        if broken:
            raise ValueError(f"nan or infinite parameters: {_few(broken)}; nothing was loaded")
        return loaded

    def evaluate(self, x: Any) -> Any:
        """The output for one sample as plain floats (a float or a list of floats): no graph is kept.

        These are the numbers of ``self(x)``. A graph exists until they are known, so that a model can differentiate
        inside its ``__call__``.
        """
        return self._output(x)

    def predict(self, X: ArrayLike, engine: str = "auto") -> NDArray[np.float64]:
        """The outputs for many samples, computed on plain floats without any graph.

        Args:
            X: n samples, an array of shape (n, features) or a list of lists.
            engine: ``"auto"``, ``"eager"`` or ``"compiled"``, as in `nn.fit`.

        Returns:
            An array of shape (n,) for a model with one output, else (n, outputs); a ``nn.lists.ListArray`` where NumPy
            is missing.
        """
        from .predictor import predict

        return predict(self, X, engine)

    def _output(self, x: Any) -> Any:
        """What `evaluate` and `predict` give for one sample: ``self(x)``, by a faster way where it is proved the same.

        A method of its own, since a subclass that overrides `evaluate` still predicts what it computes when called.
        """
        return plain(self(x))

    def _structure(self) -> Any:
        """All that the outputs depend on except the parameters' data, comparable by `==`; None if that is not known.

        While it stays the same, `predict` can reuse a program that it compiled before.
        """
        return None

    def __repr__(self) -> str:
        names = [name for name, _ in self.named_parameters()]
        return f"{type(self).__name__}({_few(names)}): {in_words(len(names))}"


def plain(output: Any) -> Any:
    """A model's output as a float, or a list of floats."""
    if isinstance(output, (list, tuple)):
        return [plain(entry) for entry in output]
    return output.data if isinstance(output, Value) else output


def _few(names: list[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(map(str, names[:shown])) + more


def _walk(root: Module, hidden: bool = False) -> Iterator[tuple[str, Value | Module]]:
    """Every parameter and module below ``root``, each once, in the order of the attributes.

    With ``hidden``, attributes whose name starts with an underscore are looked into as well.
    """
    seen: dict[int, Any] = {}  # what was met, kept so that its id stays its own
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, item = stack.pop()
        if id(item) in seen:
            continue
        if isinstance(item, Value):
            seen[id(item)] = item
            if not item.op and item._lasting:
                yield path, item
            continue
        children = _children(item, path, hidden)
        if children is None:
            continue
        seen[id(item)] = item
        if isinstance(item, Module):
            yield path, item
        stack.extend((f"{path}.{key}" if path else str(key), child) for key, child in reversed(children))


def _children(item: Any, path: str, hidden: bool) -> list[tuple[Any, Any]] | None:
    """What an attribute holds, with its name; None for what is not looked into.

    Raises:
        TypeError: a set holds parameters.
    """
    if isinstance(item, Module):
        return [(name, child) for name, child in vars(item).items() if hidden or not name.startswith("_")]
    if isinstance(item, dict):
        return list(item.items())
    if isinstance(item, (list, tuple, deque)):
        return list(enumerate(item))
    if isinstance(item, (set, frozenset)) and any(isinstance(entry, (Value, Module)) for entry in item):
        if hidden:
            return list(enumerate(item))
        raise TypeError(
            f"{path} is a set, which has no order, so that its parameters could not be told apart in a file: "
            "keep them in a list"
        )
    if type(item).__name__ == "ndarray" and item.dtype == object:
        return list(enumerate(item.tolist() if item.ndim else [item.item()]))
    fields = getattr(type(item), "__dataclass_fields__", ())
    return [(name, getattr(item, name, None)) for name in fields if hidden or not name.startswith("_")] or None


def all_values(root: Module) -> set[Value]:
    """Every leaf that a module holds in places that are looked into, those behind an underscore included."""
    return {item for _, item in _walk(root, hidden=True) if isinstance(item, Value)}
