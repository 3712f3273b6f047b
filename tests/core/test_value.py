"""`Value`: what it accepts and refuses, how it behaves among numbers, NumPy, copies and pickles."""

from __future__ import annotations

import copy
import gc
import inspect
import io
import math
import operator
import pickle
import random
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, engine, graph, stubs
from autograd.elementary import METHODS
from autograd.ops import TABLE

BINARY = (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow)
NUMBERS: list[Any] = [2, 2.0, np.float64(2), np.float32(2), np.float16(2), np.longdouble(2), np.int64(2), np.uint8(2)]
REFUSED: list[tuple[Any, str]] = [
    (True, "where"),
    (np.bool_(True), "where"),
    (1j, "real and imaginary parts"),
    (np.complex128(1j), "real and imaginary parts|float or a NumPy real scalar"),
    ("2", r"float\(text\)"),
    (b"2", "NumPy real scalar"),
    (None, "return statement"),
    (Decimal(2), r"float\(x\)"),
    (Fraction(2), r"float\(x\)"),
    ([2.0], "one Value per entry"),
    ((2.0,), "one Value per entry"),
    ({}, "NumPy real scalar"),
]


# ---- construction -------------------------------------------------------------------------------------------------


def test_a_leaf() -> None:
    v = Value(3, "w")
    assert (v.data, v.grad, v.op, v.parents, v.local_derivatives, v.label, v.source) == (
        3.0,
        0.0,
        "",
        (),
        (),
        "w",
        None,
    )
    assert type(v.data) is float and not hasattr(v, "__dict__")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda x: type(x).__name__)
def test_real_numbers_are_accepted_on_either_side(number: Any) -> None:
    assert type(Value(number).data) is float
    for function in BINARY:
        v = Value(3.0)
        for node, expected, position in (
            (function(v, number), function(3.0, 2.0), 0),
            (function(number, v), function(2.0, 3.0), 1),
        ):
            assert type(node) is Value and type(node.data) is float and node.data == expected
            assert node.parents[position] is v and node.parents[1 - position].op == "constant"
    assert (v < number, v > number, number < v, number >= v) == (False, True, True, False)


@pytest.mark.parametrize("thing, advice", REFUSED, ids=lambda x: type(x).__name__)
def test_what_is_no_real_number_is_refused_with_advice(thing: Any, advice: str) -> None:
    v = Value(3.0)
    for function in (*BINARY, operator.lt, operator.ge):
        for left, right in ((v, thing), (thing, v)):
            if function is operator.pow and isinstance(left, Fraction):
                continue  # Fraction.__pow__ turns itself into a float before it asks
            with pytest.raises(TypeError, match=advice):
                function(left, right)
    for call in (
        Value,
        autograd.exp,
        lambda x: autograd.maximum(v, x),
        v.maximum,
        v.backward,
    ):
        with pytest.raises(TypeError, match=advice):
            call(thing)
    with pytest.raises(TypeError, match=advice):
        autograd.mean([v, thing])
    assert v.grad == 0.0


def test_arrays_are_refused_where_a_number_belongs() -> None:
    for call in (Value, autograd.tanh, Value(1.0).maximum):
        with pytest.raises(TypeError, match=r"one Value per entry: \[Value\(x\) for x in array\]"):
            call(np.ones(2))
    with pytest.raises(TypeError, match="a Value already"):
        Value(Value(1.0))  # type: ignore[arg-type]


def test_an_integer_that_no_float_holds_is_refused() -> None:
    for call in (Value, Value(1.0).__add__, autograd.exp):
        with pytest.raises(OverflowError, match="largest float"):
            call(10**400)


def test_subclasses_of_numbers_are_numbers() -> None:
    class Metres(float):
        pass

    assert type((Value(1.0) + Metres(2.0)).data) is float


def test_another_type_may_try() -> None:
    class Other:
        def __radd__(self, left: Any) -> str:
            return "theirs"

        def __lt__(self, right: Any) -> str:
            return "theirs"

    assert Value(1.0) + Other() == "theirs"
    assert (Value(1.0) > Other()) == "theirs"
    for symbol in ("//", "@", "<<", "&"):
        with pytest.raises(TypeError, match="unsupported operand"):
            eval(f"v {symbol} 2", {"v": Value(1.0)})


def test_subclasses_of_value_take_part() -> None:
    class Weight(Value):
        __slots__ = ()

    w = Weight(2.0)
    (w * 3.0 + 1.0 * w).backward()
    assert w.grad == 4.0


def test_operands_and_slopes_can_be_exchanged() -> None:
    values = [Value(float(i)) for i in range(5)]
    node = Value(0.0)
    for count in (0, 1, 2, 3, 5, 4, 2, 3, 1, 4, 0):
        parents, slopes = tuple(values[:count]), tuple(10.0 + i for i in range(count))
        node.parents = parents
        node.local_derivatives = slopes
        assert (node.parents, node.local_derivatives) == (parents, slopes)
        parents, slopes = parents[::-1], slopes[::-1]
        node.local_derivatives = slopes
        node.parents = parents
        assert (node.parents, node.local_derivatives) == (parents, slopes)
    assert graph.topological(node) == [node]
    for count in range(6):
        fresh = Value(0.0)
        fresh.local_derivatives = slopes = tuple(10.0 + i for i in range(count))
        fresh.parents = tuple(values[:count])
        assert (fresh.parents, fresh.local_derivatives) == (tuple(values[:count]), slopes)
    pair = Value(0.0)
    for count in (0, 1, 2):  # two operands need no tuple
        pair.parents, pair.local_derivatives = tuple(values[:count]), (1.0,) * count
        assert pair._others is None
    for few in (-values[0], values[0] * values[1], autograd.mean(values[:2]), copy.copy(values[0] * values[1])):
        assert few._others is None


# ---- operators ----------------------------------------------------------------------------------------------------


def test_operators() -> None:
    a, b = Value(2.0), Value(-3.0)
    assert [(f(a, b)).data for f in BINARY] == [-1.0, 5.0, -6.0, 2 / -3, 0.125]
    assert (-a).data == -2.0 and abs(b).data == 3.0 and +a is a
    assert sum([a, b]).data == -1.0  # type: ignore[attr-defined]
    assert math.prod([a, b, a]).data == -12.0  # type: ignore[attr-defined]
    c = a
    c += b
    assert c.data == -1.0 and a.data == 2.0 and c.parents == (a, b)
    square = a * a
    assert square.parents == (a, a) and square.local_derivatives == (2.0, 2.0)


def test_equality_compares_data_and_a_hash_is_that_of_the_node() -> None:
    a, b, c = Value(1.0), Value(1.0), Value(2.0)
    assert a == b and a == 1 and a == np.float32(1.0) and a != c and (a == c) is False
    assert operator.eq(1.0, a) and operator.ne(2, a) and not operator.ne(1, a)
    assert a in (1.0, 2.0) and c not in [1.0, b] and len({a, b}) == 2
    assert Value(-0.0) == 0 and Value(math.inf) == math.inf and Value(2.0**53) != 2**53 + 1
    nan = Value(math.nan)
    assert (nan == nan) is False and (nan != nan) is True
    assert (a == 1) is True and (a != 1) is False


@pytest.mark.parametrize("other", [None, "1", (1.0,), [1.0], object(), 1 + 0j])
def test_a_value_is_not_equal_to_what_is_not_a_real_number(other: Any) -> None:
    a = Value(1.0)
    assert a.__eq__(other) is NotImplemented and a.__ne__(other) is NotImplemented
    assert (a == other) is False and (a != other) is True


def test_arrays_compare_entry_by_entry() -> None:
    values = np.array([Value(0.0), Value(2.0)], dtype=object)
    assert (values == 0).tolist() == [True, False] and (values != 0.0).tolist() == [False, True]
    assert (values == np.array([0.0, 1.0])).tolist() == [True, False]


def test_comparisons_and_sorting_look_at_data() -> None:
    values = [Value(x) for x in (3.0, -1.0, 2.0)]
    assert [v.data for v in sorted(values)] == [-1.0, 2.0, 3.0]
    assert max(values) is values[0] and min(values) is values[1]
    assert values[2] <= 2 <= values[2] and 1 < values[2] < 3.0
    assert not any(f(Value(math.nan), 1.0) for f in (operator.lt, operator.le, operator.gt, operator.ge))


def test_truth() -> None:
    assert [bool(Value(x)) for x in (0.0, -0.0, 1e-300, math.nan)] == [False, False, True, True]


def test_repr_and_format() -> None:
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert repr(Value(2.0, "w'")) == 'Value(data=2.0, grad=0.0, label="w\'")'
    assert f"{Value(2.0):.3f}|{Value(-1.5):>8}|{Value(2.0)}" == "2.000|    -1.5|Value(data=2.0, grad=0.0)"
    with pytest.raises(ValueError, match="format"):
        f"{Value(2.0):q}"


@pytest.mark.parametrize("call", [math.exp, math.sqrt, float, complex, math.fsum, np.float64])
def test_a_gradient_is_never_lost_in_a_float(call: Any) -> None:
    with pytest.raises(TypeError, match=r"autograd\.exp\(v\), not math\.exp\(v\).*v\.data"):
        call([Value(1.0)] if call is math.fsum else Value(1.0))
    with pytest.raises(TypeError):
        int(Value(1.0))  # type: ignore[call-overload]


# ---- functions ----------------------------------------------------------------------------------------------------

PUBLIC = [name for name, op in TABLE.items() if name == op.method and not op.takes_list]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_operation_is_a_method_and_a_function(name: str) -> None:
    op, function = TABLE[name], getattr(autograd, name)
    point = [1.25 if name == "acosh" else 0.25, 0.75, 0.5][: len(op.arguments)]
    plain = function(*point)
    assert type(plain) is float
    node = function(*map(Value, point))
    assert type(node) is Value and node.data == plain == getattr(Value(point[0]), name)(*point[1:]).data
    for position in range(len(point)):
        mixed = function(*[Value(x) if i == position else x for i, x in enumerate(point)])
        assert mixed.data == plain and mixed.parents[position].op == "" and len(mixed.parents) == len(point)
    by_name = function(**{a: Value(x) for a, x in zip(op.arguments, point)})
    assert by_name.data == plain
    assert op.formula in function.__doc__ and function.__name__ == name
    parameters = inspect.signature(function).parameters
    assert {n: p.default for n, p in parameters.items() if p.default is not p.empty} == op.defaults
    assert tuple(parameters) == op.arguments
    with pytest.raises(TypeError, match=rf"{name}\(\) takes .* positional arguments? but 9 were given"):
        function(*[1.0] * 9)
    with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected keyword argument 'q'"):
        function(q=1.0)


def test_parameters_have_defaults_and_names() -> None:
    assert autograd.leaky_relu(-2.0) == -0.02 and autograd.leaky_relu(-2.0, slope=0.5) == -1.0
    assert Value(-2.0).leaky_relu().data == -0.02 and Value(-2.0).leaky_relu(slope=0.5).data == -1.0
    assert autograd.elu(Value(-1.0), alpha=2).data == 2 * math.expm1(-1)
    slope = Value(0.5)
    autograd.leaky_relu(-2.0, slope).backward()
    assert slope.grad == -2.0
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        autograd.leaky_relu(slope=0.5)  # type: ignore[call-overload]


def test_where_takes_a_comparison_and_a_value() -> None:
    a, b = Value(1.0), Value(2.0)
    assert autograd.where(a < b, a, b).data == 1.0 and autograd.where(np.bool_(False), a, 5).data == 5.0
    assert autograd.where(a, 3.0, b).data == 3.0 and autograd.where(True, 1, 2) == 1.0
    assert [autograd.where(a < x, a, b).parents[0].data for x in (2.0, 0.0)] == [1.0, 0.0]


def test_functions_over_lists() -> None:
    xs = [Value(x) for x in (1.0, 2.0, 4.0)]
    assert autograd.dot(xs, [3, 2, 1]).data == 11.0 and autograd.dot([1.0], [2]) == 2.0
    assert autograd.mean(xs).data == 7 / 3 and autograd.mean(iter([1, 3])) == 2.0
    assert autograd.log_sum_exp([0.0, 0.0]) == math.log(2)
    shares = autograd.softmax(xs)
    assert sum(s.data for s in shares) == pytest.approx(1, rel=1e-15) and autograd.softmax([5.0]) == [1.0]
    assert autograd.dot(np.array([1.0, 2.0]), xs[:2]).data == 5.0
    node = autograd.mean(xs)
    xs.append(Value(9.0))  # the list was copied
    assert len(node.parents) == 3
    for name in ("mean", "log_sum_exp", "softmax"):
        with pytest.raises(ValueError, match=f"{name} of an empty list has no value"):
            getattr(autograd, name)([])
        for wrong in (Value(1.0), 3.0):
            with pytest.raises(TypeError, match=f"{name} takes a list of numbers, not {type(wrong).__name__}"):
                getattr(autograd, name)(wrong)
    with pytest.raises(ValueError, match="same length; got 1 and 2"):
        autograd.dot([1.0], xs[:2])


def test_numpy_object_arrays() -> None:
    values = [Value(x) for x in (0.5, 2.0, 3.0)]
    array = np.array(values)
    assert array.dtype == object
    assert [v.data for v in np.exp(array)] == [math.exp(x.data) for x in values]
    assert np.dot(array, np.array([1.0, 2.0, 3.0])).data == 13.5
    assert (array @ array).data == 13.25 and np.sum(array).data == 5.5
    assert [v.data for v in array * 2.0 + np.ones(3)] == [2.0, 5.0, 7.0]
    assert [v.data for v in values[0] * np.arange(3.0)] == [0.0, 0.5, 1.0]  # refused, so NumPy may try
    np.sum(np.tanh(array) * array).backward()
    assert values[0].grad == pytest.approx(math.tanh(0.5) + 0.5 / math.cosh(0.5) ** 2, rel=1e-15)
    assert type(np.exp(values[0])) is Value


NUMPY_NAMES = [
    ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("arcsinh", "asinh"), ("arctanh", "atanh"),
    ("log2", "log2"), ("log10", "log10"), ("exp2", "exp2"), ("cbrt", "cbrt"), ("floor", "floor"), ("ceil", "ceil"),
    ("rint", "round"), ("square", "square"), ("reciprocal", "reciprocal"), ("exp", "exp"), ("expm1", "expm1"),
    ("log", "log"), ("log1p", "log1p"), ("sqrt", "sqrt"), ("sin", "sin"), ("cos", "cos"), ("tan", "tan"),
    ("sinh", "sinh"), ("cosh", "cosh"), ("tanh", "tanh"), ("round", "round"),
]  # fmt: skip


@pytest.mark.parametrize("of_numpy, ours", NUMPY_NAMES)
def test_numpy_calls_the_method_of_the_same_meaning(of_numpy: str, ours: str) -> None:
    array = np.array([Value(0.25), Value(0.75)])
    for value, result in zip(array, getattr(np, of_numpy)(array)):
        expected = getattr(value, ours)()
        assert type(result) is Value and (result.data, autograd.grad(result, [value])) == (
            expected.data,
            pytest.approx(autograd.grad(expected, [value]), rel=4e-16),
        )


def test_numpy_functions_of_two_and_of_many() -> None:
    xs, ys = np.array([Value(0.5), Value(-2.0)]), np.array([Value(3.0), Value(0.75)])
    numbers = np.array([0.5, -2.0]), np.array([3.0, 0.75])
    for name in ("arctan2", "hypot", "mod", "remainder", "maximum", "minimum", "fmax", "fmin", "add", "true_divide"):
        got, expected = getattr(np, name)(xs, ys), getattr(np, name)(*numbers)
        assert [v.data for v in got] == pytest.approx(expected.tolist(), rel=4e-16), name
        assert {type(v) for v in got} == {Value}
    assert [v.data for v in 2 % ys] == [2.0, 0.5] and [v.data for v in xs % 2.0] == [0.5, 0.0]
    assert np.arccosh(np.array([Value(2.0)]))[0].data == math.acosh(2.0)
    assert [abs(v).data for v in xs] == [v.data for v in np.absolute(xs)]
    assert [int(s) for s in np.sign(xs)] == [1, -1]  # NumPy compares with 0 itself; its slope is 0 anyway
    assert [getattr(v, "data", v) for v in np.clip(xs, -1.0, 0.25)] == [0.25, -1.0]
    assert [v.data for v in np.round(xs * 1.26, 1)] == pytest.approx([0.6, -2.5])
    for function in (np.mean, np.std, np.var, np.sum, np.prod, np.median, np.max, np.linalg.norm):
        got = function(xs)
        assert type(got) is Value and got.data == pytest.approx(function(numbers[0]), rel=1e-15), function
    assert [v.data for v in np.std(np.array([xs, ys]), axis=0)] == pytest.approx(np.std(numbers, axis=0).tolist())
    x = Value(1.0)
    np.var(np.array([x, Value(3.0)])).backward()
    assert x.grad == -1.0
    for name in ("trunc", "degrees", "logaddexp", "copysign", "floor_divide"):
        with pytest.raises(TypeError):
            getattr(np, name)(*[xs, ys][: getattr(np, name).nin])
    with pytest.raises(AttributeError, match="write u % v"):
        np.fmod(xs, ys)


def test_whole_numbers_by_the_names_of_python() -> None:
    v = Value(2.5)
    for result, data in ((round(v), 2.0), (math.floor(v), 2.0), (math.ceil(v), 3.0)):
        assert type(result) is Value and result.data == data and result.local_derivatives == (0.0,)
    with pytest.raises(TypeError):
        round(v, 1)  # type: ignore[call-overload]


def test_remainders_as_python_has_them() -> None:
    for x, y in ((7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (-7.5, -2.0), (-1e-20, 1.0)):
        a, b = Value(x), Value(y)
        node = a % b
        assert node.data == x % y and node.op == "mod" and node.local_derivatives == (1.0, -(x // y))
        assert (x % b).data == (a % y).data == autograd.mod(x, y) == x % y


def test_the_names_of_micrograd() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    c = a * b
    assert c._prev == {a, b} and c._op == "×" and a._prev == set() and a._op == ""
    assert (a * 2.0).parents[1]._op == "" and c.tanh()._op == "tanh"
    assert (a * a)._prev == {a}
    with pytest.raises(AttributeError):
        c._prev = set()  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"local_derivatives; `tracegrad source tanh`"):
        c._backward  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(stubs.STUBS))
def test_what_type_checkers_see_is_what_the_table_says(name: str) -> None:
    text = (Path(autograd.__file__).parent / name).read_text(encoding="utf-8")
    assert text == stubs.STUBS[name](), "run `python -m autograd.stubs`"


@pytest.mark.slow
def test_an_editor_completes_methods_and_shows_signatures() -> None:
    jedi = pytest.importorskip("jedi")
    methods = jedi.Script("from autograd import Value\nv = Value(1.0)\nv.tan").complete(3, 5)
    assert [found.name for found in methods] == ["tan", "tanh"]
    functions = jedi.Script("import autograd\nautograd.log_s").complete(2, 14)
    assert [found.name for found in functions] == ["log_sigmoid", "log_softmax", "log_sum_exp"]
    shown = [found.to_string() for found in jedi.Script("import autograd\nautograd.atan2(").get_signatures(2, 15)]
    assert shown == [
        "atan2(y: Value, x: Number) -> Value",
        "atan2(y: float, x: Value) -> Value",
        "atan2(y: float, x: float) -> float",
    ]


def test_the_generated_methods_can_be_read_and_stepped_into() -> None:
    text = inspect.getsource(METHODS["tanh"])
    assert text.startswith("def tanh(self) -> Value:") and "math" not in text and "TABLE['tanh'].evaluate" in text
    assert Value.tanh.__qualname__ == "Value.tanh" and "hyperbolic" in (Value.tanh.__doc__ or "")
    assert text.endswith("\n    return node\n")
    assert "try" not in inspect.getsource(METHODS["__mul__"])  # arithmetic that cannot fail has no handler
    assert METHODS["__radd__"].__doc__ == "The sum. Reached when the left operand is a plain number."


def test_reflected_methods_are_those_of_the_operators() -> None:
    reflected = {name for name in vars(Value) if name.startswith("__r")} - {"__repr__", "__reduce_ex__", "__round__"}
    assert reflected == {"__radd__", "__rsub__", "__rmul__", "__rtruediv__", "__rpow__", "__rmod__"}


# ---- memory -------------------------------------------------------------------------------------------------------


def chain(length: int) -> tuple[Value, Value]:
    leaf = node = Value(1.0)
    for _ in range(length):
        node = node.sin()
    return leaf, node


def alive() -> int:
    return sum(type(thing) is Value for thing in gc.get_objects())


the_collector_sees_nodes = pytest.mark.skipif(engine == "native", reason="C: see tests/core/test_native.py")


@the_collector_sees_nodes
def test_a_graph_is_freed_by_reference_counting_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        before = alive()
        x, y = Value(2.0), Value(3.0)
        z = sum(((x * y + i).tanh() for i in range(50)), start=autograd.mean([x, y]))
        z.backward()
        assert alive() > before + 200
        del z
        assert alive() == before + 2
        [slope] = autograd.grad(x * x * y, [x], create_graph=True)
        hessian = autograd.hessian(lambda a, b: (a * b).exp(), [1.0, 2.0])
        assert hessian and slope.data == 12.0
        del slope, x, y
        assert alive() == before
    finally:
        gc.enable()


def test_bytes_per_operation() -> None:
    for make in (lambda v, c: v * c + v, lambda v, c: v * 0.5, lambda v, c: v.tanh(), lambda v, c: v + c):
        c = Value(0.999)
        node, before = Value(1.0), 0
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(5_000):
                node = make(node, c)
            node.backward()
            used = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        operations = graph.counts(node).operations
        assert used / operations <= 350, (inspect.getsource(make), used / operations)


@pytest.mark.slow
def test_a_deep_graph_is_deleted_copied_and_pickled() -> None:
    leaf, node = chain(50_000)
    copied = copy.deepcopy(node)
    pickled = pickle.loads(pickle.dumps(node))
    for other in (copied, pickled):
        assert other.data == node.data and graph.counts(other) == graph.counts(node)
        assert graph.leaves(other)[0] is not leaf
    del copied, pickled, other, node  # no recursion here either


# ---- copies and pickles -------------------------------------------------------------------------------------------


def example() -> tuple[Value, Value]:
    w = Value(0.5, "w")
    with autograd.record_source():
        h = (w * 3.0).tanh()
    loss = h * h + w**2
    loss.label = "loss λ"
    loss.backward()
    return loss, w


def same_graph(a: Value, b: Value) -> bool:
    left, right = graph.topological(a), graph.topological(b)
    place = [{node: i for i, node in enumerate(order)} for order in (left, right)]
    fields = ("data", "grad", "op", "local_derivatives", "label", "source")
    return len(left) == len(right) and all(
        all(getattr(x, f) == getattr(y, f) for f in fields)
        and [place[0][p] for p in x.parents] == [place[1][p] for p in y.parents]
        for x, y in zip(left, right)
    )


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_keep_everything_and_share_what_was_shared(protocol: int) -> None:
    loss, w = example()
    for dumps in (pickle.dumps, _python_dumps):
        copied, v = pickle.loads(dumps([loss, w], protocol))
        assert same_graph(loss, copied) and v in graph.topological(copied) and v is graph.leaves(copied)[0]
        v, copied, again = pickle.loads(dumps((w, loss, loss), protocol))
        assert again is copied and graph.leaves(copied) == [v]
        head, copied = pickle.loads(dumps([loss.parents[0], loss], protocol))
        assert copied.parents[0] is head and same_graph(loss, copied)
    copied.backward()
    assert graph.leaves(copied)[0].grad == pytest.approx(2 * w.grad, rel=1e-15)


def _python_dumps(thing: Any, protocol: int) -> bytes:
    file = io.BytesIO()
    pickle._Pickler(file, protocol).dump(thing)  # type: ignore[attr-defined]
    return file.getvalue()


def test_a_pickle_that_fails_midway_leaves_nothing_behind() -> None:
    before = alive()
    leaf, node = chain(3_000)  # deeper than the recursion limit
    middle = graph.topological(node)[1_500]

    class Local(Value):
        __slots__ = ()

    middle.__class__ = Local
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(node)
    middle.__class__ = Value
    other = node.exp()
    assert same_graph(other, pickle.loads(pickle.dumps(other)))
    assert same_graph(node, pickle.loads(pickle.dumps(node)))
    del leaf, node, middle, other
    assert alive() == before


def test_several_graphs_in_one_pickle() -> None:
    leaf, first = chain(2_000)
    second = first.exp()
    third = (leaf + 1).tanh()
    copies = pickle.loads(pickle.dumps([first, third, second, leaf]))
    assert copies[2].parents == (copies[0],) and copies[3] in graph.leaves(copies[1])
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dump(second)
    pickler.dump(first)
    assert same_graph(first, pickle.loads(pickle.dumps(first)))  # while the other pickler lives
    file.seek(0)
    unpickler = pickle.Unpickler(file)
    assert unpickler.load().parents[0] is unpickler.load()


def test_deepcopy_keeps_sharing_and_touches_nothing() -> None:
    loss, w = example()
    before = [(n.data, n.grad) for n in graph.topological(loss)]
    copies = copy.deepcopy({"loss": loss, "w": w, "again": loss})
    assert same_graph(loss, copies["loss"]) and copies["again"] is copies["loss"]
    assert graph.leaves(copies["loss"]) == [copies["w"]] and copies["w"] is not w
    assert [(n.data, n.grad) for n in graph.topological(loss)] == before
    copies["loss"].backward()
    assert [(n.data, n.grad) for n in graph.topological(loss)] == before


def test_copies_made_together_share_what_the_originals_shared() -> None:
    w = Value(2.0, "w")
    square = w * w
    first, second, again = copy.deepcopy([square + 1.0, square * w, square])
    assert second.parents[0] is first.parents[0] is again and first.parents[0] is not square
    [leaf] = {node for node in graph.leaves([first, second]) if node.label}
    (first + second).backward()
    assert leaf.grad == 4.0 + 12.0 and w.grad == 0.0


def test_a_shallow_copy_shares_its_parents() -> None:
    loss, _ = example()
    twin = copy.copy(loss)
    assert twin is not loss and twin.parents == loss.parents and same_graph(loss, twin)


def test_a_failed_operation_leaves_no_state_behind() -> None:
    a, b = Value(1.0), Value(2.0)
    before = alive()
    for attempt in (lambda: a * "b", lambda: autograd.dot([a, b], [a]), lambda: autograd.mean([a, None])):
        with pytest.raises((TypeError, ValueError)):
            attempt()
    assert alive() == before and (a.grad, b.grad) == (0.0, 0.0)


def test_random_arithmetic_equals_that_of_floats() -> None:
    rng = random.Random(7)
    for _ in range(200):
        x, y = rng.uniform(0.1, 5), rng.uniform(-3, 3)
        for function in BINARY:
            assert function(Value(x), Value(y)).data == function(Value(x), y).data == function(x, Value(y)).data
            assert function(Value(x), y).data == pytest.approx(function(x, y), rel=1e-15)


def test_copies_and_pickles_of_a_subclass_are_of_that_subclass() -> None:
    w = Weight(2.0, "w")
    root = w * 3.0
    for copied in (copy.deepcopy(root), pickle.loads(pickle.dumps(root))):
        assert type(copied) is Value and type(copied.parents[0]) is Weight and copied.parents[0].label == "w"
    assert type(copy.copy(w)) is Weight and copy.copy(w) is not w


class Weight(Value):
    """A subclass that a pickle can name."""

    __slots__ = ()
