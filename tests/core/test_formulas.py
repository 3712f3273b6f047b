"""The language of formulas: what it accepts, what it means, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value, elementary, formulas, ops
from autograd.formulas import FormulaError, parse

FUNCTIONS = ops.known_functions()


@pytest.mark.parametrize(
    "text, names",
    [
        ("tanh(w*x + b)", ["w", "x", "b"]),
        ("  -x ** 2 / +3e-2 ", ["x"]),
        ("where(x < y, x, where(x >= 2, y, 1))", ["x", "y"]),
        ("pow(β, 2)", ["β"]),
        ("1", []),
        ("(x\n + y)", ["x", "y"]),
    ],
)
def test_accepted(text: str, names: list[str]) -> None:
    assert formulas.names_in(parse(text, FUNCTIONS)) == names


REFUSED = [
    ("", "not an expression"),
    ("x +", "not an expression"),
    ("x = 2", "not an expression"),
    ("x; y", "not an expression"),
    ("import os", "not an expression"),
    ("x\x00", "not an expression"),
    ("x.real", r"'x\.real' is not allowed here"),
    ("x.__class__.__bases__", "not allowed here"),
    ("x[0]", "not allowed here"),
    ("[x]", "not allowed here"),
    ("(x, x)", "not allowed here"),
    ("{x}", "not allowed here"),
    ("{x: x}", "not allowed here"),
    ("lambda: x", "not allowed here"),
    ("[x for x in x]", "not allowed here"),
    ("x if x else x", "not allowed here"),
    ("x and x", "not allowed here"),
    ("not x", "not allowed here"),
    ("~x", "not allowed here"),
    ("x // 2", "not allowed here"),
    ("x % 2", "not allowed here"),
    ("x @ x", "not allowed here"),
    ("(y := x)", "not allowed here"),
    ("f'{x}'", "not allowed here"),
    ("await x", "not allowed here|not an expression"),
    ("'x'", "'x' is not a real number"),
    ("b'x'", "is not a real number"),
    ("True", "True is not a real number"),
    ("None", "None is not a real number"),
    ("...", "Ellipsis is not a real number"),
    ("2j", "2j is not a real number"),
    ("x == 1", "comparisons are <, <=, > or >=, one at a time"),
    ("x != 1", "comparisons are"),
    ("x is x", "comparisons are"),
    ("x in x", "comparisons are"),
    ("0 < x < 1", "one at a time"),
    ("open(x)", "unknown function 'open'; known functions: abs, acos"),
    ("__import__(x)", "unknown function"),
    ("x.exp()", r"unknown function 'x\.exp'"),
    ("exp(x)(x)", "unknown function"),
    ("(lambda: x)()", "unknown function"),
    ("exp(x=x)", "exp takes its arguments by position"),
    ("exp(*x)", "exp takes its arguments by position"),
    ("exp(**x)", "exp takes its arguments by position"),
    ("exp", r"'exp' is a function; give it an argument, as in exp\(x\)"),
    ("exp + 1", "'exp' is a function"),
    ("q + 1", "unknown name 'q'; known names: x"),
    ("__builtins__", "unknown name"),
    ("where(x, 1)", "where takes three arguments"),
    ("9" * 400, "beyond 1.8e308, the largest float"),
    ("1e999", "beyond 1.8e308, the largest float"),
]


@pytest.mark.parametrize("text, reason", REFUSED, ids=[repr(text[:20]) for text, _ in REFUSED])
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(FormulaError, match=reason):
        parse(text, FUNCTIONS, {"x"})


def test_the_message_points_at_the_place() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("  1 + q*x", FUNCTIONS, {"x"})
    assert str(caught.value) == "unknown name 'q'; known names: x\n    1 + q*x\n        ^"
    with pytest.raises(FormulaError, match="known names: none"):
        parse("q", FUNCTIONS, [])
    for text, message in (
        ("x $ 1", "this is not an expression\n    x $ 1\n      ^"),
        ("β $ 1", "this is not an expression\n    β $ 1\n      ^"),
        ("-β + x.real", "'x.real' is not allowed here; use numbers, names, + - * / ** and functions\n"
                        "    -β + x.real\n         ^"),
        # the line that is shown is the one with the mistake
        ("x\n+ y )", "this is not an expression\n    + y )\n        ^"),
        ("(x\n+ q)", "unknown name 'q'; known names: x, β\n    + q)\n      ^"),
        ("x\x0c+ q", "unknown name 'q'; known names: x, β\n    x\ufffd+ q\n        ^"),
    ):  # fmt: skip
        with pytest.raises(FormulaError) as caught:
            parse(text, FUNCTIONS, {"x", "β"})
        assert str(caught.value) == message


def test_long_parts_are_quoted_by_their_beginning() -> None:
    for length, quoted in ((59, "x." + "a" * 57), (60, "x." + "a" * 58), (61, "x." + "a" * 55 + "...")):
        with pytest.raises(FormulaError, match=f"'{quoted}' is not allowed here"):
            parse("x." + "a" * (length - 2), FUNCTIONS)


def test_the_exact_bounds() -> None:
    assert parse("x".ljust(formulas.MAX_LENGTH), FUNCTIONS) and parse("-" * 199 + "x", FUNCTIONS)
    for text in ("x".ljust(formulas.MAX_LENGTH + 1), "-" * 200 + "x"):
        with pytest.raises(FormulaError, match=r"10,000 are allowed|nests deeper than 200 levels"):
            parse(text, FUNCTIONS)
    assert parse("1.7976931348623157e308", FUNCTIONS)


@pytest.mark.parametrize("size", [100, 150, 250, 1_000, 4_000, 9_000, 100_000, 3_000_000])
@pytest.mark.parametrize(
    "shape",
    [
        lambda n: "(" * n + "x" + ")" * n,
        lambda n: "-" * n + "x",
        lambda n: "x" + "+x" * n,
        lambda n: "exp(" * n + "x" + ")" * n,
    ],
    ids=["parentheses", "signs", "sums", "calls"],
)
def test_size_and_depth_are_bounded(shape: Any, size: int) -> None:
    text = shape(size)
    if len(text) > formulas.MAX_LENGTH:
        with pytest.raises(FormulaError, match="characters; 10,000 are allowed"):
            parse(text, FUNCTIONS)
    elif size > formulas.MAX_DEPTH:
        with pytest.raises(FormulaError, match=r"nests deeper than 200 levels|not an expression"):
            parse(text, FUNCTIONS)
    else:
        tree = parse(text, FUNCTIONS)
        assert formulas.for_floats(tree) and formulas.interpret(tree, {"exp": lambda x: 1.0}, {"x": 1.0}) is not None


def test_huge_integers() -> None:
    for text in ("9" * 9_000, "1" + "0" * 4_000, "0x" + "f" * 2_000):
        with pytest.raises(FormulaError):
            parse(text, FUNCTIONS)
    tree = parse("9 ** 9 ** 9 ** 9", FUNCTIONS)
    assert formulas.interpret(tree, {}, {}, Value).data == math.inf
    assert eval(formulas.for_floats(tree, ieee=True), ops.namespace(ieee=True)) == math.inf


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("(x - y) - (z - 1)", "x - y - (z - 1.0)"),
        ("(x + y) - (y + z) + (x - z)", "x + y - (y + z) + (x - z)"),
        ("(x * y) + z * (x + y)", "x * y + z * (x + y)"),
        ("(x / y) * z / (x * y)", "x / y * z / (x * y)"),
        ("-(x + y) * -x - -(-y)", "-(x + y) * -x - --y"),
        ("-(x * y) + +exp(x)", "-(x * y) + +exp(x)"),
        ("(-x) ** (y + 1)", "pow(-x, y + 1.0)"),
        ("(x < y) * z + ((x <= y) < z)", "(x < y) * z + ((x <= y) < z)"),
        ("x + 1 > -y * z", "x + 1.0 > -y * z"),
        ("exp(where(x > y, x, y)) + where(x >= y, x, -y)", "exp(x if x > y else y) + (x if x >= y else -y)"),
        ("where(x, x < y, where(y, x, z))", "x < y if x else x if y else z"),
        ("where(where(x, y, z), where(x, y, z), 1)", "(y if x else z) if (y if x else z) else 1.0"),
    ],
)
def test_python_is_written_without_superfluous_brackets(text: str, source: str) -> None:
    assert formulas.for_floats(parse(text, FUNCTIONS)) == source


# ---- the readings of a formula agree ------------------------------------------------------------------------------

leaves = st.one_of(st.sampled_from(["x", "y"]), st.integers(0, 9).map(str), st.sampled_from(["0.5", "1e3", "2.25"]))


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join),
        inner.map(lambda t: f"-{t}"),
        st.tuples(st.sampled_from(["exp", "sin", "abs", "sigmoid", "log"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">="]), inner, inner, inner).map(
            lambda t: f"where({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})"
        ),
    )


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


@given(st.recursive(leaves, combine, max_leaves=12), st.floats(-4, 4), st.floats(-4, 4))
def test_all_readings_agree(text: str, x: float, y: float) -> None:
    tree = parse(text, FUNCTIONS, {"x", "y"})
    careful = eval(formulas.for_floats(tree, ieee=True), {**ops.namespace(ieee=True), "x": x, "y": y})
    try:
        fast = eval(formulas.for_floats(tree), {**ops.namespace(), "x": x, "y": y})
    except ops.FAULTS:
        assert formulas.may_raise(tree)
    else:
        assert same(fast, careful)
    on_values = {name: elementary.on_values(name) for name in ("exp", "sin", "abs", "sigmoid", "log", "where")}
    node = formulas.interpret(tree, on_values, {"x": Value(x), "y": Value(y)}, Value)
    assert same(node.data, careful)
    scope = {**on_values, **{name: elementary.on_values(name) for name in ("pow", "divide", "choose")}}
    eager = eval(formulas.for_floats(tree, ieee=True, lazy=False), {**scope, "x": Value(x), "y": Value(y)})
    assert same(eager.data if isinstance(eager, Value) else eager, careful)
