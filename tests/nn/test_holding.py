"""Where a model's parameters are looked for, and what is said of those that are somewhere else."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest

import nn
from autograd import Value


@dataclass
class Coefficients:
    a: Value
    rest: list = field(default_factory=list)
    name: str = "cubic"


@dataclass(frozen=True)
class Frozen:
    __slots__ = ("w",)
    w: Value


class Pair(NamedTuple):
    first: Value
    second: float


class Holder(nn.Module):
    """A model whose only weight, 3.0, is somewhere."""

    def __init__(self, held, use):
        self.held, self._use = held, use

    def __call__(self, x):
        return self._use(self.held) * x[0]


def boxed(value):
    array = np.empty((), dtype=object)
    array[()] = value
    return array


PLACES = {
    "attribute": (lambda w: w, lambda held: held, "held"),
    "list": (lambda w: [1.0, w], lambda held: held[1], "held.1"),
    "tuple": (lambda w: (w,), lambda held: held[0], "held.0"),
    "named tuple": (lambda w: Pair(w, 1.0), lambda held: held.first, "held.0"),
    "deque": (lambda w: deque([None, w]), lambda held: held[1], "held.1"),
    "dict": (lambda w: {"k": w}, lambda held: held["k"], "held.k"),
    "ordered dict": (lambda w: OrderedDict(k=w), lambda held: held["k"], "held.k"),
    "dataclass": (Coefficients, lambda held: held.a, "held.a"),
    "dataclass in a deque": (lambda w: deque([Coefficients(Value(0.0), [w])]), lambda held: held[0].rest[0],
                             "held.0.rest.0"),
    "frozen dataclass": (Frozen, lambda held: held.w, "held.w"),
    "array": (lambda w: np.array([w, w], dtype=object), lambda held: held[1], "held.0"),
    "array of no dimension": (boxed, lambda held: held.item(), "held.0"),
    "array of two": (lambda w: np.array([[1.0, w]], dtype=object), lambda held: held[0, 1], "held.0.1"),
}  # fmt: skip


def train(model, parameters=None, loss=nn.mse_loss, engine="auto"):
    optimizer = nn.SGD(model.parameters() if parameters is None else parameters, lr=0.1)
    return nn.fit(model, loss, [[1.0], [2.0]], [0.0, 0.0], optimizer, epochs=1, progress=False, engine=engine)


@pytest.mark.parametrize("place", PLACES)
def test_it_is_found_trained_and_loaded(place):
    make, use, name = PLACES[place]
    w = Value(3.0)
    model = Holder(make(w), use)
    assert (name, w) in model.named_parameters()
    train(model)
    assert w.data == 3.0 - 0.1 * 3.0 * (1 + 4) / 2
    other = Holder(make(Value(0.0)), use)
    other.load_state_dict(model.state_dict())
    assert use(other.held).data == w.data


class Plain:
    def __init__(self, w):
        self.w = w


HIDDEN = {
    "plain object": (Plain, lambda held: held.w),
    "partial": (lambda w: functools.partial(lambda w: w, w), lambda held: held()),
    "closure": (lambda w: lambda: w, lambda held: held()),
}


@pytest.mark.parametrize("place", HIDDEN)
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_one_warning_names_what_is_hidden(place, engine):
    make, use = HIDDEN[place]
    bias = Value(1.0, "bias")
    model = Holder([make(Value(3.0, "scale")), bias], lambda held: held[1] * use(held[0]))
    with pytest.warns(UserWarning, match=r"depends on 'scale' = 3\.0, a Value that is not among the param") as caught:
        train(model, [bias], engine=engine)
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.warns(UserWarning, match=r"'scale' = 3\.0 \(and 1 more\)"):
        train(model, [bias], lambda out, y: nn.mse_loss(out + other, y), engine)


other = Value(0.5)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_what_is_kept_fixed_on_purpose_is_not_accused(engine):
    class Fixed(nn.Module):
        def __init__(self):
            self.w, self.frozen, self._scale, self._others = Value(1.0), Value(2.0), Value(3.0), {Value(1.0)}

        def __call__(self, x):
            made = Value(0.5, "made anew")
            total = self.w * x[0] * self._scale + self.frozen * made
            return total * next(iter(self._others))

    model = Fixed()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, [model.w], engine=engine)
    assert model.frozen.data == 2.0


def test_a_set_of_parameters_is_refused():
    for held in ({Value(1.0)}, frozenset([nn.Neuron(1)])):
        model = Holder(held, lambda held: next(iter(held)))
        for use in (model.parameters, model.state_dict, model.named_modules):
            with pytest.raises(TypeError, match=r"held is a set, which has no order, .* keep them in a list"):
                use()
    assert Holder({1.0, "a"}, None).parameters() == []


def test_every_entry_of_every_array_is_found():
    """Lists that an array makes for a moment are told apart, though they may lie where an earlier one lay."""

    class Arrays(nn.Module):
        def __init__(self):
            for k in range(50):
                setattr(
                    self, f"w{k}", np.array([[Value(float(k)), Value(1.0)], [Value(2.0), Value(3.0)]], dtype=object)
                )

    assert len(Arrays().parameters()) == 200
