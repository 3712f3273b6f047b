"""Whatever stands in the wrong place, the message names that place."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd import Value

X, Y = [[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0]
MODEL = nn.MLP(2, [1], seed=0)
OPTIMIZER = nn.SGD(MODEL.parameters(), lr=0.1)


def fit(model=MODEL, loss=nn.mse_loss, x=X, y=Y, optimizer=OPTIMIZER, **options):
    return nn.fit(model, loss, x, y, optimizer, epochs=1, progress=False, **options)


CASES = {
    "Keras' order": (lambda: nn.fit(MODEL, X, Y, nn.mse_loss, OPTIMIZER),
                     r"the loss is a function .* not list; the order is fit\(model, loss, X, y, optimizer\)"),
    "Keras' order with arrays": (lambda: nn.fit(MODEL, np.array(X), np.array(Y), nn.mse_loss, OPTIMIZER),
                                 "the loss is a function .* not ndarray"),
    "a name for a loss": (lambda: fit(loss="mse"), "the loss is a function of output and target, such as nn.mse_loss"),
    "a function for a model": (lambda: fit(model=lambda x: x), "trains an nn.Module, and the model is a function"),
    "a number for an optimizer": (lambda: fit(optimizer=0.1), r"made of parameters, nn\.SGD.* not float"),
    "a class for an optimizer": (lambda: fit(optimizer=nn.SGD), r"made of parameters, nn\.SGD.* not the class SGD"),
    "callbacks=function": (lambda: fit(callbacks=print), r"callbacks is a list, such as \[f\], not builtin_function"),
    "metrics=name": (lambda: fit(metrics="accuracy"), r"metrics is a list, such as \['accuracy'\], not str"),
    "metrics=function": (lambda: fit(metrics=nn.metrics.accuracy), "metrics is a list, such as .* not function"),
    "None in X": (lambda: fit(x=[[1.0, None], [2.0, 3.0]]),
                  r"X must hold real numbers; it holds NoneType \(None\) in place 0, 1"),
    "a Value in X": (lambda: fit(x=[[1.0, Value(2.0)], [2.0, 3.0]]), r"X must hold .* Value .* in place 0, 1"),
    "None in y": (lambda: fit(y=[1.0, None]), r"y must hold real numbers; it holds NoneType \(None\) in place 1"),
    "names in y": (lambda: fit(y=["a", "b"]), r"y must hold real numbers; it holds text: .*np\.unique"),
    "names of classes": (lambda: fit(nn.MLP(2, [2]), y=["a", "b"]),
                         r"labels are numbers 0, 1, 2, …, not text: .*np\.unique"),
    "a batch": (lambda: MODEL(X), r"MLP takes one sample, and this is a list of 2: predict\(X\) takes many"),
    "an array of samples": (lambda: MODEL(np.ones((7, 2))), "MLP takes one sample, and this is a list of 7"),
    "a batch to evaluate": (lambda: MODEL.evaluate(X), "MLP takes one sample, and this is a list of 2"),
    "a batch to a layer": (lambda: nn.Layer(2, 2)(X), "Layer takes one sample, and this is a list of 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_message_names_the_place(case):
    act, message = CASES[case]
    with pytest.raises(TypeError, match=message):
        act()


def test_numbers_in_an_array_of_objects_are_numbers():
    boxed = np.array([0, 1.0], dtype=object)
    assert (
        fit(y=boxed, optimizer=nn.SGD(MODEL.parameters(), lr=0.0)).loss
        == fit(optimizer=nn.SGD(MODEL.parameters(), lr=0.0)).loss
    )
    assert nn.metrics.accuracy([[1.0, 0.0], [0.0, 1.0]], boxed) == 1.0
