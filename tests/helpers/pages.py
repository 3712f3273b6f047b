"""One page of each kind, for the tests that look at all of them, and what a hand does there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import autograd
import nn
from autograd import Value


def answers() -> Iterator[tuple[str, Any]]:
    """What is shown as a page, with its name."""
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.3, "b")
    root = (w * x + b).tanh() * w
    root.backward()
    model = nn.MLP(2, [3, 1], "tanh", seed=0)
    optimizer = nn.SGD(model.parameters(), 0.1)
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]
    yield "stepper", autograd.stepper(root)
    yield "ledger", autograd.ledger(root, w)
    yield "derivation", autograd.derivation(root, w)
    yield "annotated derivation", autograd.derivation(root, w).annotated()
    yield "drawing", autograd.draw(root)
    yield "folded drawing", autograd.draw(nn.trace(nn.MLP(2, [8, 1], "tanh", seed=0), [0.5, 2.0]))
    yield "diagnosis", autograd.diagnose(root, w, 0.3)
    yield "gradient check", autograd.gradcheck(lambda a, b: (a * b).tanh(), [0.5, 2.0])
    yield "practice", autograd.practice("chain rule", 1, 0)
    yield "practice of formulas", autograd.practice("matrix form", 3, 0)
    yield "network", nn.draw_network(model)
    history = nn.fit(model, nn.mse_loss, X, y, optimizer, epochs=3, record=True, progress=False)
    yield "history", history
    yield "training", nn.watch(history)
    yield "two trainings", nn.watch(history, history)


def press(host: Any, label: str) -> None:
    """Click on the button of that name, in an element of a page."""
    host.get_by_role("button", name=label).click()
