"""Every error that the engine raises: what it says, and that no `raise` in the engine goes without a test."""

from __future__ import annotations

import ast
import importlib
import math
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import AnomalyError, TraceError, Value, detect_anomaly, formulas, functional, graph, modes
from autograd.formulas import FormulaError
from autograd.operation import UnknownOperationError

ENGINE = (
    "formulas", "floats", "operation", "ops", "modes", "graph", "eager", "backward", "pickling", "reals", "value",
    "elementary", "functions", "registry", "adjoints", "functional",
)  # fmt: skip


def freed() -> Value:
    x = Value(1.0)
    y = x.sin() * x
    y.backward(free_graph=True)
    return y


def edited() -> Value:
    x = Value(1.0)
    y = x.sin() * x
    x.data = 2.0
    return y


def assigned(data: Any = 1.0, grad: Any = 0.0) -> Value:
    x = Value(1.0, "w")
    x.data, x.grad = data, grad
    return x


def watched(act: Callable[[], Any]) -> Callable[[], Any]:
    def inside() -> Any:
        with detect_anomaly():
            return act()

    return inside


def moved(act: Callable[[Value], Any]) -> Callable[[], Any]:
    def inside() -> Any:
        with autograd.dual_numbers() as dual:
            return act(dual(2.0) * 3.0)

    return inside


def unrecorded(act: Callable[[Value], Any]) -> Callable[[], Any]:
    def after() -> Any:
        with autograd.no_grad():
            y = v * 2.0
        return act(y)

    return after


def traced(act: Callable[[], Any]) -> Callable[[], Any]:
    def inside() -> Any:
        with modes.changed(tracing=True):
            return act()

    return inside


def formula(text: str) -> Callable[[], Any]:
    return lambda: formulas.parse(text, {"exp", "where"}, {"x"})


v = Value(2.0, "v")
pole = v / 0.0


def without_graph(x: Any) -> Any:
    with autograd.no_grad():
        return x * 2.0


MESSAGES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # a number where a Value or a number belongs
    (lambda: Value("3"), TypeError, "Value takes a real number, not str ('3'): convert text with float(text)"),
    (lambda: assigned(data=v) * 2.0, TypeError, "the .data of the Value 'w' is a Value of a graph of its own"),
    (lambda: assigned(data=1j) * 2.0, TypeError, "the .data of the Value 'w' takes a real number, not complex"),
    (lambda: (assigned(grad=None) * 2.0).backward(1.0), TypeError, "the .grad of the Value 'w' is None"),
    (lambda: autograd.ops.TABLE["gone"], UnknownOperationError, "the operation 'gone' is not registered"),
    (lambda: Value(v), TypeError, "for a leaf with the same number write Value(v.data)"),
    (lambda: v + None, TypeError, "a function may have forgotten its return statement"),
    (lambda: v * [1.0], TypeError, "make one Value per entry: [Value(x) for x in items]"),
    (lambda: v**True, TypeError, "write 1.0 or 0.0, or autograd.where(condition, a, b)"),
    (lambda: autograd.exp("1"), TypeError, "exp takes a real number, not str ('1'): convert text with float(text)"),
    (lambda: v.backward("1"), TypeError, "backward(gradient=…) takes a real number, not str"),
    (lambda: Value(10**400), OverflowError, "Value got an integer beyond 1.8e308, the largest float"),
    (lambda: math.exp(v), TypeError, "(autograd.exp(v), not math.exp(v)); for the bare number, v.data"),
    # calls
    (autograd.exp, TypeError, "exp() missing 1 required positional argument: 'x'"),
    (lambda: autograd.exp(v, y=1), TypeError, "exp() got an unexpected keyword argument 'y'"),
    (lambda: autograd.mean(v), TypeError, "mean takes a list of numbers, not Value"),
    (lambda: autograd.softmax([]), ValueError, "softmax of an empty list has no value"),
    (lambda: autograd.dot([v], [1, 2]), ValueError, "dot takes two lists of the same length; got 1 and 2"),
    # graphs
    (lambda: graph.topological(6.0), TypeError, "Was the result computed from plain numbers only?"),
    (lambda: freed().backward(), RuntimeError, "compute the expression again before using its graph"),
    (lambda: autograd.no_grad(3), TypeError, "takes no argument, except a function to decorate; got a int"),
    (unrecorded(lambda y: y.backward()), RuntimeError, "no graph leads back from it, and every derivative would be 0"),
    (unrecorded(lambda y: autograd.grad(y, [v])), RuntimeError, "a function decorated with no_grad has no gradient"),
    (lambda: autograd.grad(freed(), [v]), RuntimeError, "freed by backward(free_graph=True)"),
    (lambda: graph.forward(freed()), RuntimeError, "freed by backward(free_graph=True)"),
    (lambda: graph.update_edited(edited()), RuntimeWarning, "a .data was edited after the graph was made"),
    # derivatives
    (lambda: autograd.grad(6.0, [v]), TypeError, "y is a float; does y depend on the xs?"),
    (lambda: autograd.grad(v, v), TypeError, "grad takes a list of Values: write [x] for one"),
    (lambda: autograd.grad(v, [2.0]), TypeError, "grad takes a list of Values; it holds a float"),
    (lambda: autograd.hessian(v, [2.0]), TypeError, "a derivative of a graph takes a list of Values; it holds a float"),
    (autograd.value_and_grad(lambda: v), TypeError, "needs at least one argument"),
    (lambda: autograd.grad(v, autograd.tanh), TypeError, "a list of Values, not function; what is differentiated"),
    (lambda: autograd.value_and_grad(v), TypeError, "value_and_grad takes a function, not a Value; of a graph y that"),
    (lambda: autograd.value_and_grad(lambda x: [x])(1.0), TypeError, "not list; for several outputs use jacobian"),
    (lambda: autograd.hessian(lambda x: None, [1.0]), TypeError, "not NoneType; for several outputs use jacobian"),
    (lambda: autograd.hessian(lambda x: [x], [1.0]), TypeError, "for several outputs use jacobian"),
    (lambda: autograd.jacobian(lambda x: [[x]], [1.0]), TypeError, "the function must return one Value, not list"),
    (lambda: autograd.jacobian(lambda x: ["a"], [1.0]), TypeError, "the function must return one Value, not str"),
    (lambda: autograd.value_and_grad(lambda x: 1j)(1.0), TypeError, "the result of the function takes a real number"),
    (lambda: autograd.value_and_grad(v.maximum)("a"), TypeError, "value_and_grad takes a real number, not str"),
    (lambda: autograd.hvp(lambda x, y: x * y, [1.0, 2.0], [1.0]), ValueError, "hvp got 2 variables and a vector of 1"),
    (lambda: autograd.hvp(lambda x: x, [1.0], [1.0, 2.0]), ValueError, "hvp got 1 variables and a vector of 2"),
    (lambda: autograd.jvp(v * v, [v], [1.0, 2.0]), ValueError, "jvp got 1 variables and a vector of 2"),
    (lambda: autograd.vjp([v, v], [v], [1.0]), ValueError, "vjp got 2 outputs and a vector of 1"),
    (lambda: autograd.jvp(v, [v], 1.0), TypeError, "jvp takes a vector, a list of 1 numbers, not float"),  # type: ignore[arg-type]
    (lambda: autograd.jacobian([v], [v], mode="both"), ValueError, "'forward' or 'reverse', not 'both'"),  # type: ignore[call-overload]
    (moved(lambda y: y.backward()), RuntimeError, "and its derivative already: y.tangent"),
    (moved(lambda y: autograd.grad(y, [v])), RuntimeError, "a dual number has no graph behind it"),
    (moved(lambda y: moved(lambda z: z * y)()), RuntimeError, "belongs to the dual_numbers() block that made it"),
    # modes
    (watched(lambda: v / 0.0), AnomalyError, "the value inf appeared in div(v = 2.0, 0.0) = inf, made at "),
    (watched(lambda: graph.forward(pole)), AnomalyError, "the value inf appeared in div("),
    (watched(lambda: Value(0.0).sqrt().backward()), AnomalyError, "operand 1: gradient 1.0 times local derivative inf"),
    (watched(lambda: Value(2.0, "u").backward(math.inf)), AnomalyError, "the gradient inf reached the leaf u = 2.0"),
    (traced(lambda: bool(v)), TraceError, "Write where(condition, a, b) instead of `if`, `and`, `or`"),
    # registering
    (lambda: autograd.register("exp", "x", "1"), ValueError, "'exp' cannot name a new operation: it is taken"),
    (lambda: autograd.register("Value", "x", "1"), ValueError, "'Value' cannot name a new operation"),
    (lambda: autograd.register("data", "x", "1"), ValueError, "'data' cannot name a new operation"),
    (lambda: autograd.register("a b", "x", "1"), ValueError, "not a Python identifier, or begins with"),
    (lambda: autograd.register("class", "x", "1"), ValueError, "not a Python identifier, or begins with"),
    (lambda: autograd.register("f", "x * y", "y"), ValueError, "(x, y) and 1 derivatives; give one for each"),
    (lambda: autograd.register("f", "x", ["1", "1"]), ValueError, "(x) and 2 derivatives; give one for each"),
    (lambda: autograd.register("f", "x", {"x": "1"}), TypeError, "f: derivatives are a list of formulas"),  # type: ignore
    (lambda: autograd.register("f", "2", []), ValueError, "f has the arguments () and 0 derivatives"),
    (lambda: autograd.register("f", "self", "1"), ValueError, "'self' cannot name an argument"),
    (lambda: autograd.register("f", "x", ["1", "1"], arguments="xx"), ValueError, "another meaning, or stands twice"),
    (lambda: autograd.register("f", "x", ["1"], arguments=["*x"]), ValueError, "'*x' cannot name an argument"),
    (lambda: autograd.register("f", "x", ["1"], kind="x"), ValueError, "f: an operation is of one of the kinds arithm"),
    (lambda: autograd.register("f", "x", "q"), FormulaError, "unknown name 'q'; known names: inf, nan, out, x"),
    (lambda: autograd.register("f", "sin(x, x)", "1"), FormulaError, "f: "),
    (lambda: autograd.register("f", "x", "sin()"), FormulaError, "f: "),
    (lambda: autograd.register(3, "x", "1"), TypeError, "a name is text, not int"),  # type: ignore[arg-type]
    (lambda: autograd.unregister("exp"), ValueError, "'exp' was not registered; registered are: "),
    # functions that are traced
    (lambda: autograd.compile(lambda x: x.backward() or x, [()]), TraceError, "backward gives numbers, which are"),
    (lambda: autograd.compile(without_graph, [()]), TraceError, "inside no_grad() the traced function computes with"),
    # formulas
    (formula("x" * 10_001), FormulaError, "the formula has 10,001 characters; 10,000 are allowed"),
    (formula("1 +"), FormulaError, "this is not an expression"),
    (formula("-" * 300 + "x"), FormulaError, "the formula nests deeper than 200 levels"),
    (formula("x + '1'"), FormulaError, "'1' is not a real number"),
    (formula("1e400"), FormulaError, "this number is beyond 1.8e308, the largest float"),
    (formula("exp"), FormulaError, "'exp' is a function; give it an argument, as in exp(x)"),
    (formula("y"), FormulaError, "unknown name 'y'; known names: x"),
    (formula("eval(x)"), FormulaError, "unknown function 'eval'; known functions: exp, where"),
    (formula("exp(x=1)"), FormulaError, "exp takes its arguments by position"),
    (formula("where(x)"), FormulaError, "where takes three arguments: where(condition, chosen, otherwise)"),
    (formula("x·x"), FormulaError, "write * for ·"),
    (formula("x ^ 2"), FormulaError, "write ** for ^"),
    (lambda: formulas.identifier(3), TypeError, "a name is text, not int"),  # type: ignore[arg-type]
    (formula("1 < x < 2"), FormulaError, "comparisons are <, <=, > or >=, one at a time"),
    (formula("x ^ 2"), FormulaError, "^ is not a power here; write ** for ^"),
    (formula("x·y"), FormulaError, "write * for ·"),
    (formula("x.y"), FormulaError, "'x.y' is not allowed here; use numbers, names, + - * / ** and functions"),
]  # fmt: skip


@pytest.mark.parametrize("act, kind, text", MESSAGES, ids=[text[:40] for *_, text in MESSAGES])
def test_what_an_error_says(act: Callable[[], Any], kind: type[Exception], text: str) -> None:
    before = (dict(autograd.ops.TABLE), dict(autograd.ops.FLOAT_FUNCTIONS), set(dir(Value)), v.grad)
    with pytest.raises(kind) as caught:
        act()
    assert text in str(caught.value)
    assert type(caught.value) is kind and "0x" not in str(caught.value)
    after = (dict(autograd.ops.TABLE), dict(autograd.ops.FLOAT_FUNCTIONS), set(dir(Value)), v.grad)
    assert after == before  # bad input loses nothing


def raises(module: str) -> Iterator[tuple[int, int]]:
    file = importlib.import_module(f"autograd.{module}").__file__
    assert file is not None
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and node.exc:  # one without passes on an error that has its message
            yield node.lineno, node.end_lineno or node.lineno


def test_no_message_is_left_out() -> None:
    met: set[tuple[str, int]] = set()
    for act, kind, _ in MESSAGES:
        try:
            act()
        except kind:
            frame = traceback.extract_tb(sys.exc_info()[2])[-1]
            met.add((Path(frame.filename).stem, frame.lineno or 0))
    missing = [
        f"{module}.py:{first}"
        for module in ENGINE
        for first, last in raises(module)
        if not any((module, line) in met for line in range(first, last + 1))
    ]
    assert missing == []
    assert functional.__name__ == "autograd.functional"
