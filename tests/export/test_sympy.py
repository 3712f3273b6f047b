"""SymPy both ways: an operation is what it is called there, in value and derivative; and back."""

import cmath
import math
import random
import sys

import pytest

import autograd
import nn
from autograd import Value, formula
from autograd.algebra import to_sympy
from autograd.ops import TABLE

sp = pytest.importorskip("sympy")

STEPS = ("floor", "ceil", "mod", "sign", "where", "less", "less_equal")
"""Operations whose derivative SymPy writes with a Dirac delta, or which take a condition."""


@pytest.mark.parametrize("op", [op for op in TABLE.values() if not op.takes_list and op.name != "round"], ids=str)
def test_every_operation(op):
    source = random.Random(op.name)
    symbols = [sp.Symbol(name, real=True) for name in op.arguments]
    expression = sp.sympify(to_sympy(op.name, symbols))
    for _ in range(4):
        low, high = (1.1, 3.0) if op.name == "acosh" else (0.1, 0.9) if op.domain else (-2.0, 2.0)
        point = [source.uniform(low, high) for _ in symbols]
        value, slopes = op.evaluate(*point)
        at = dict(zip(symbols, point))
        assert cmath.isclose(complex(expression.subs(at).evalf()), value, rel_tol=1e-12, abs_tol=1e-13)
        for symbol, slope in zip(symbols, () if op.name in STEPS else slopes):
            assert cmath.isclose(complex(expression.diff(symbol).subs(at).evalf()), slope, rel_tol=1e-9, abs_tol=1e-11)


def test_a_formula_there_and_back():
    x, w = Value(0.5, "x"), Value(-2.0, "w")
    root = ((w * x + 1).tanh() ** 2).sigmoid() / x - autograd.log_sum_exp([x, w, 0.25])
    expression = formula(root).sympy(real=True)
    assert formula(x * w).sympy() == sp.Symbol("w") * sp.Symbol("x")
    assert str(formula(((w * x + 1.0) ** 2) / x).sympy()) == "(w*x + 1)**2/x"
    names = sorted(expression.free_symbols, key=str)
    assert [*map(str, names)] == ["w", "x"]
    back = autograd.from_sympy(expression, names)
    value, slopes = autograd.value_and_grad(back)(-2.0, 0.5)
    root.backward()
    assert math.isclose(value, root.data, rel_tol=1e-14)
    assert [*slopes] == pytest.approx([w.grad, x.grad], rel=1e-12)
    exact = expression.diff(names[0]).evalf(30, subs={names[0]: -2.0, names[1]: 0.5})
    assert math.isclose(w.grad, float(exact), rel_tol=1e-12)


def test_a_network_and_shared_parts():
    model = nn.MLP(2, [2, 1], "tanh", seed=1)
    root = nn.trace(model, [0.1, 0.2])
    whole, shared = formula(root).sympy(), formula(root, shared=True).sympy()
    assert whole == shared and str(whole).startswith("b2_1 + w2_1_1*tanh(")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sin(x)*y**2 - exp(-x)/3", lambda x, y: math.sin(x) * y * y - math.exp(-x) / 3),
        ("sqrt(x) + 1/sqrt(y) + 1/x", lambda x, y: x**0.5 + y**-0.5 + 1 / x),
        ("Max(x, y, 1) + Min(x, -y)", lambda x, y: max(x, y, 1) + min(x, -y)),
        ("Piecewise((x, x > 1), (y**2, x > Rational(1, 4)), (0, True))", lambda x, y: x if x > 1 else y * y),
        ("Piecewise((x, (x > 1) & (y > 0)), (y, Or(x < 0, Ne(y, 2))), (2, True))", lambda x, y: y),
        ("Piecewise((1, Eq(x, y)), (x, x >= y), (3, True))", lambda x, y: 3 if x < y else x),
        ("log(x, 2) + E**y + pi + erfc(x) + sec(x)", lambda x, y: math.log2(x) + math.exp(y) + math.pi + math.erfc(x)
         + 1 / math.cos(x)),
        ("Mod(x, 3) + Abs(-y) + sign(x) + ceiling(x) - floor(y) + atan2(x, y) + x**y",
         lambda x, y: x + abs(y) + 1 + math.ceil(x) - math.floor(y) + math.atan2(x, y) + x**y),
    ],
)  # fmt: skip
def test_expressions_come_in(text, expected):
    x, y = sp.symbols("x y", positive=True)
    expression = sp.sympify(text, locals={"x": x, "y": y})
    f = autograd.from_sympy(expression, [x, y])
    program = autograd.compile(f, inputs=[(), ()])
    for point in ((0.7, 1.3), (0.8, 0.4)):
        assert math.isclose(f(*point).data, expected(*point), rel_tol=1e-14)
        assert math.isclose(program([point[0]], [point[1]])[0], expected(*point), rel_tol=1e-14)
    smooth = not any(word in text for word in ("Piece", "Mod", "Max"))
    for symbol, slope in zip((x, y), autograd.value_and_grad(f)(0.7, 1.3)[1] if smooth else ()):
        assert math.isclose(slope, expression.diff(symbol).evalf(subs={x: 0.7, y: 1.3}), rel_tol=1e-12)


def test_lists_matrices_and_constants():
    x, y = sp.symbols("x y")
    f = autograd.from_sympy(sp.Matrix([x * y, x - y]), [x, y])
    assert [out.data for out in f(3.0, 2.0)] == [6.0, 1.0]
    assert autograd.jacobian(f, [3.0, 2.0]) == [[2.0, 3.0], [1.0, -1.0]]
    assert autograd.from_sympy(sp.Integer(3), [x])(1.0).data == 3.0
    assert autograd.from_sympy(x, x)(2.0).data == 2.0


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda x, y: autograd.from_sympy(x + y, [x]), ValueError, "the symbols y of the expression are not among"),
        (lambda x, y: autograd.from_sympy(sp.gamma(x), x), ValueError, "gamma(x) cannot come in: there is no"),
        (lambda x, y: autograd.from_sympy(sp.I * x, x), ValueError, "I cannot come in"),
        (lambda x, y: autograd.from_sympy(sp.Integral(sp.exp(x), x), x), ValueError, "Integral; .doit() first"),
        (lambda x, y: autograd.from_sympy(3, x), TypeError, "takes an expression of SymPy's, not int"),
        (lambda x, y: autograd.from_sympy(x + y, [x, y])(1.0), TypeError, "the function takes 2 numbers, x, y; got 1"),
        (lambda x, y: formula(Value(1.5, "x").round()).sympy(), ValueError, "as the operation 'round' does"),
        (lambda x, y: formula((Value(1.5, "x") + 1).exp() * 2, max_operations=1).sympy(), ValueError, "hidden behind"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart(make, kind, message):
    with pytest.raises(kind) as refused:
        make(*sp.symbols("x y"))
    assert message in str(refused.value)


def test_a_registered_operation_is_read_from_its_formula():
    twice_sin = autograd.register("twice_sin", "2 * sin(x)", "2 * cos(x)")
    assert str(formula(twice_sin(Value(1.0, "x"))).sympy()) == "2*sin(x)"


def test_without_sympy(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    for act in (lambda: formula(Value(1.0, "x") * 2).sympy(), lambda: autograd.from_sympy(1, [])):
        with pytest.raises(ImportError, match="needs the package sympy: pip install sympy"):
            act()
