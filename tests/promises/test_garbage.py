"""With `gc.disable()` nothing leaks: no public function leaves reference cycles behind."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import pickle
from collections.abc import Callable, Iterator

import pytest

import autograd
import nn
from autograd import Value


def graph() -> tuple[Value, Value, Value]:
    a, b = Value(0.5, "a"), Value(2.0, "b")
    y = (a * b).tanh() + a.gelu() + autograd.log_sum_exp([a, b])
    y.label = "L"
    return y, a, b


def on(f: Callable[[Value, Value, Value], object]) -> Callable[[], object]:
    """A call on a fresh graph: its root and two leaves."""
    return lambda: f(*graph())


def everything(result: object) -> None:
    """Use what an answer offers."""
    str(result)
    repr(result)
    for name in ("html", "latex", "plain", "evaluate", "display"):
        if callable(form := getattr(result, name, None)):
            form()


def refused(call: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):
        call()


def graded() -> None:
    x = Value(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def training(engine: str) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, nn.mse_loss, [[1.0, 2.0]], [1.0], optimizer, epochs=2, progress=False, engine=engine)


def compiled() -> None:
    w = Value(1.0, "w")
    program = autograd.compile(lambda x: (x * w).tanh(), inputs=[()], parameters=[w])
    program([1.0])
    str(program)
    program.lens(0)


CALLS: dict[str, Callable[[], object]] = {
    "backward": on(lambda y, a, b: y.backward()),
    "forward": lambda: autograd.graph.forward(graph()[0]),
    "pickle": lambda: pickle.loads(pickle.dumps(copy.deepcopy(graph()[0]))),
    "grad": on(lambda y, a, b: autograd.grad(autograd.grad(y, [a], create_graph=True)[0], [b])),
    "value_and_grad": lambda: autograd.value_and_grad(lambda w, c: w[0] * w[1] * c)([3.0, 2.0], 1.0),
    "value_and_grad of Values": lambda: autograd.value_and_grad(lambda w: w[0] * w[1])([Value(3.0), 2.0]),
    "jacobian": lambda: autograd.jacobian(lambda x, y: [x * y, x + y], [1.0, 2.0]),
    "hessian": lambda: autograd.hessian(lambda x, y: x * x * y, [1.0, 2.0]),
    "hvp": lambda: autograd.hvp(lambda x, y: x * x * y, [1.0, 2.0], [1.0, 0.0]),
    "gradcheck": lambda: everything(autograd.gradcheck(lambda x, y: x.gelu() * y, [1.0, 2.0], order=2)),
    "gradcheck of a graph": on(lambda y, a, b: everything(autograd.gradcheck(y, [a, b]))),
    "gradcheck that fails": lambda: refused(lambda: autograd.gradcheck(lambda x: x * x.data, [1.0])),
    "gradcheck that cannot say": lambda: refused(lambda: autograd.gradcheck(lambda x: x.relu(), [0.0])),
    "error_curve": lambda: autograd.check.error_curve(lambda x: x.exp(), 1.0),
    "ledger": on(lambda y, a, b: everything(autograd.ledger(y, a))),
    "derivation": on(lambda y, a, b: everything(autograd.derivation(y, a))),
    "formula": lambda: everything(autograd.formula(graph()[0])),
    "diagnose": on(lambda y, a, b: everything(autograd.diagnose(y, a, 123.4, lr=0.1))),
    "mutants": lambda: everything(autograd.mutants.grade(graded)),
    "certify": on(lambda y, a, b: everything(autograd.certify(y, [a, b]))),
    "draw": lambda: everything(autograd.draw(graph()[0])),
    "steps": lambda: [*autograd.steps(graph()[0])],
    "stepper": lambda: everything(autograd.stepper(graph()[0])),
    "compile": compiled,
    "a refused operand": lambda: refused(lambda: Value(1.0) * "text"),
    "MLP": lambda: nn.MLP(2, [3, 1], seed=0)([1.0, 2.0]),
    "predict": lambda: nn.MLP(2, [3, 1], seed=0).predict([[1.0, 2.0]] * 300),
    "fit": lambda: training("auto"),
    "fit, eager": lambda: training("eager"),
}
"""Not among them: `register`, whose compiled code is a cycle until `unregister`, and the commands (argparse)."""


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what stands already, of all the other tests, is looked at no more
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("name", CALLS)
def test_nothing_leaks_without_the_collector(name: str) -> None:
    if name == "certify":
        pytest.importorskip("mpmath")
    with contextlib.redirect_stdout(io.StringIO()):
        CALLS[name]()  # what is built once, at the first use, may stay
        gc.collect()
        CALLS[name]()
        CALLS[name]()
    assert gc.collect() == 0
