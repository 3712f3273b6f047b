"""Names of operations and variables: normalized as Python does, never taken over, never read with another formula."""

from __future__ import annotations

import builtins
import copy
import keyword
import pickle
from typing import Any

import pytest

import autograd
from autograd import Value, formulas, ops


def test_a_name_is_normalized_as_python_does() -> None:
    before = ops.TABLE["exp"]
    with pytest.raises(ValueError, match="'exp' cannot name a new operation"):
        autograd.register("\uff45xp", "x * x", "2 * x")  # a full-width e
    assert ops.TABLE["exp"] is before and Value(0.0).exp().data == 1.0
    micro, mu = "\u00b5", "\u03bc"
    f = autograd.register(micro, "x * x * x", "3 * x * x")
    x = Value(2.0, "x")
    y = f(x) * getattr(x, mu)()
    assert autograd.registered() == [mu] and y.op == "mul" and y.parents[0].op == mu
    assert autograd.grad(y, [x]) == [192.0] and autograd.hessian(y, [x]) == [[480.0]]
    assert autograd.compile(f, inputs=[()])([2.0]) == pytest.approx([8.0])
    assert autograd.formula(y).evaluate() == 64.0 and autograd.gradcheck(y, [x]).ok
    g = autograd.register("applied", f"{micro}(x) + 1", f"3 * x * x + 0 * {mu}(x)")
    assert g(2.0) == 9.0
    autograd.unregister("applied")
    autograd.unregister(micro)
    assert autograd.registered() == []


def test_arguments_are_normalized_too() -> None:
    f = autograd.register("shifted", "\uff58 + k", ["1", "1"], arguments=["\uff58", "k"])  # a full-width x
    assert f(2.0, 3.0) == 5.0 and ops.TABLE["shifted"].arguments == ("x", "k")


@pytest.mark.parametrize(
    "name", ["__del__", "_private", "__class__", "_", "", "1st", "a b", "lambda", "data", "\u02b0x y"]
)
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a new operation"):
        autograd.register(name, "x * x", "2 * x")
    assert autograd.registered() == []


def test_underscores_cannot_name_arguments() -> None:
    with pytest.raises(ValueError, match="cannot name an argument"):
        autograd.register("fine", "_x * 2", "2")
    with pytest.raises(TypeError, match="a name is text, not int"):
        autograd.register(3, "x * 2", "2")  # type: ignore[arg-type]


BUILTINS = [n for n in dir(builtins) if n.isidentifier() and not n.startswith("_") and not keyword.iskeyword(n)]


def test_what_python_itself_calls_so_cannot_name_an_operation() -> None:
    """Generated code calls `float`, `sum` and others."""
    for name in BUILTINS:
        with pytest.raises(ValueError, match=r"cannot name a new operation|is a function"):
            autograd.register(name, "x * x", "2 * x")


def test_nor_an_argument() -> None:
    for name in BUILTINS:
        with pytest.raises(ValueError, match=r"cannot name an argument|is a function"):
            autograd.register("checked", f"{name} * y", ["y", name])


# ---- a name that changes its formula ----------------------------------------------------------------------------


def uses(y: Value, x: Value) -> dict[str, Any]:
    return {
        "second order": lambda: autograd.grad(y, [x], create_graph=True),
        "forward": lambda: autograd.graph.forward(y),
        "derivation": lambda: autograd.derivation(y, x),
        "certify": lambda: autograd.certify(y, [x]),
    }


def test_old_nodes_are_never_read_with_another_formula() -> None:
    f = autograd.register("changing", "x * x", "2 * x")
    x = Value(3.0, "x")
    y = f(x) * 2.0
    kept = pickle.dumps(y)
    autograd.unregister("changing")
    for what, call in uses(y, x).items():
        with pytest.raises(autograd.ops.UnknownOperationError, match="'changing' is not registered; the node keeps"):
            call(), what
    y.backward()
    assert x.grad == 12.0
    again = autograd.register("changing", "x * x", "2 * x")  # the same: as if nothing had happened
    assert autograd.hessian(y, [x]) == [[4.0]] and autograd.hessian(pickle.loads(kept), []) == []
    autograd.unregister("changing")
    other = autograd.register("changing", "x * x * x", "3 * x * x")
    for old in (y, copy.deepcopy(y), pickle.loads(kept), pickle.loads(pickle.dumps(y))):
        leaf = autograd.graph.leaves(old)[0]
        for call in uses(old, leaf).values():
            with pytest.raises(autograd.ops.UnknownOperationError, match="with the formula that this node was made"):
                call()
        leaf.grad = 0.0
        old.backward()
        assert leaf.grad == 12.0 and old.data == 18.0
        str(autograd.draw(old)), str(autograd.ledger(old, leaf)), repr(old)
    z = other(x)
    assert (
        autograd.hessian(z, [x]) == [[18.0]] and z.op == "changing" and again(2.0) == 8.0
    )  # a name stands for what it means now


# ---- errors point to the place ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("é + ü(x)", "unknown function 'ü'; known functions: exp, log, maximum\n    é + ü(x)\n        ^"),
        ("日本 + 日本(x)", "known functions: exp, log, maximum\n    日本 + 日本(x)\n           ^"),
        ("a\u0301 + ü(x)", "    a\u0301 + ü(x)\n        ^"),
        ("ααα + * b", "this is not an expression\n    ααα + * b\n          ^"),
        ("x\n+ ü(x)", "    + ü(x)\n    ^"),
        ("(x\n+ ü(x))", "    + ü(x))\n      ^"),
        ("ln(x)", "unknown function 'ln'; did you mean log?\n    ln(x)\n    ^"),
        ("max(x, 1)", "did you mean maximum?"),
        ("w^2", "^ is not a power here; write ** for ^\n    w^2\n    ^"),
        ("x²", "this is not an expression; write **2 for ²"),
        ("2 × x", "write * for ×"),
        ("x·y", "write * for ·\n    x·y\n    ^"),
        ("x − 1", "write - for −"),
        ("ﬁ(x)", "unknown function 'fi'"),
    ],
)
def test_an_error_points_to_the_right_column(text: str, message: str) -> None:
    with pytest.raises(formulas.FormulaError) as caught:
        formulas.parse(text, {"exp", "log", "maximum"})
    assert message in str(caught.value)


def test_the_message_about_a_long_formula_is_short() -> None:
    with pytest.raises(formulas.FormulaError) as caught:
        formulas.parse("x + " * 90 + "nonsense(x)" + " + x" * 90, {"exp"})
    assert "nonsense(x)" in str(caught.value) and len(str(caught.value)) < 400
