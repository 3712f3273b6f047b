"""What is computed inside `no_grad`: no derivative, nobody's parameter; and the ways to write the context."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

import autograd
import nn
from autograd import Value, compile, no_grad


def computed(x):
    with no_grad():
        return x * 3.0


def test_to_differentiate_it_is_an_error():
    x = Value(2.0)
    z = computed(x)
    again = [z, copy.copy(z), copy.deepcopy(z), pickle.loads(pickle.dumps(z))]
    for y in again:
        assert (y.data, y.parents, y.op) == (6.0, (), "")
        for use in (y.backward, lambda y=y: autograd.grad(y, [x]), lambda y=y: autograd.hessian(y, [x])):
            with pytest.raises(RuntimeError, match=r"computed inside no_grad\(\), so that no graph leads back"):
                use()
    with pytest.raises(RuntimeError, match="a function decorated with no_grad has no gradient"):
        autograd.value_and_grad(computed)(2.0)
    assert autograd.grad(z, [z]) == [1.0]


def test_it_counts_like_any_leaf():
    x = Value(2.0)
    z = computed(x)
    y = z * z * x
    y.backward()
    assert (z.grad, x.grad) == (24.0, 36.0)
    assert autograd.hessian(y, [z]) == [[4.0]]
    assert autograd.graph.leaves(y) == [z, x]


class Peek(nn.Module):
    def __init__(self):
        self.a = Value(2.0)
        self.hidden = self.given = None
        self.all = []

    def __call__(self, x):
        self.given = x
        self.hidden = self.a * x[0] + 1.0
        self.all.append(self.hidden)
        return self.hidden


@pytest.mark.parametrize("look", ["evaluate", "no_grad", "predict", "compile", "anomaly", "call", "copied"])
def test_what_a_model_keeps_is_not_its_parameter(look, tmp_path):
    model = Peek()
    if look == "evaluate":
        model.evaluate([1.0])
    elif look == "predict":
        model.predict([[1.0]] * 300)
    elif look == "compile":
        compile(model, inputs=[(2,)], parameters=[model.a])
    elif look == "call":
        model([1.0])
    else:
        with no_grad(), autograd.detect_anomaly() if look == "anomaly" else no_grad():
            model([1.0])
    model = copy.deepcopy(model) if look == "copied" else model
    assert model.state_dict() == {"a": 2.0} and model.parameters() == [model.a]
    path = tmp_path / "m.json"
    nn.save(model, path)
    assert nn.load(path, Peek()).state_dict() == {"a": 2.0}


def test_a_parameter_that_is_replaced_by_hand_stays_one():
    model = nn.Neuron(1, "linear", init=lambda *_: 3.0)
    (model([1.0]) * 2.0).backward()
    with no_grad():
        model.bias = model.bias - 0.5 * model.bias.grad
    assert model.state_dict() == {"weights.0": 3.0, "bias": -1.0} and model.bias.label == "bias"
    model.bias.backward()


# ---- ways to write it


@pytest.mark.parametrize("context", [no_grad, autograd.detect_anomaly, autograd.record_source])
def test_a_context_may_be_used_again_and_inside_itself(context):
    block, before = context(), autograd.modes.current()
    for _ in range(2):
        with block:
            inside = autograd.modes.current()
            with block:
                assert autograd.modes.current() == inside != before
            assert autograd.modes.current() == inside
        assert autograd.modes.current() == before
    with pytest.raises(ZeroDivisionError), block:
        raise ZeroDivisionError
    assert autograd.modes.current() == before and autograd.modes.ACTIVE == []


def test_a_decorator_with_and_without_parentheses():
    def triple(x):
        """Three times x."""
        return x * 3.0

    for decorated in (no_grad(triple), no_grad()(triple)):
        assert decorated(Value(2.0)).parents == () and decorated.__doc__ == "Three times x."
        assert decorated(Value(1.0)).data == 3.0
    assert triple(Value(2.0)).parents != ()


def test_a_decorated_function_in_many_threads():
    @no_grad
    def many(x):
        for _ in range(200):
            x = x + 1.0
        return x

    found = []
    threads = [threading.Thread(target=lambda: found.append(many(Value(0.0)).data)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200.0] * 8 and autograd.modes.ACTIVE == []
