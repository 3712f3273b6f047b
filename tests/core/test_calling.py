"""A function of numbers is called in the form that it takes, wherever a point is given."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, calling


def spread(x, y):
    return x * x * y


def listed(w):
    return w[0] * w[0] * w[1]


def starred(*xs):
    return xs[0] * xs[0] * xs[1]


class Method:
    def listed(self, w):
        return listed(w)

    def __call__(self, x, y):
        return spread(x, y)


FORMS = {
    "spread": spread,
    "listed": listed,
    "starred": starred,
    "method": Method().listed,
    "instance": Method(),
    "partial": functools.partial(lambda a, w: a * listed(w), 1.0),
    "list with a default": lambda w, scale=1.0: scale * listed(w),
    "keyword only": lambda w, *, scale=1.0: scale * listed(w),
    "all defaults": lambda x=0.0, y=0.0: spread(x, y),
}
WAYS = {
    "grad": lambda f: autograd.grad(f, [3.0, 2.0]) == [12.0, 9.0],
    "grad at Values": lambda f: autograd.grad(f, (Value(3.0), Value(2.0))) == [12.0, 9.0],
    "jacobian": lambda f: autograd.jacobian(f, [3.0, 2.0]) == [[12.0, 9.0]],
    "hessian": lambda f: autograd.hessian(f, [3.0, 2.0]) == [[4.0, 6.0], [6.0, 0.0]],
    "hvp": lambda f: autograd.hvp(f, [3.0, 2.0], [1.0, 0.0]) == [4.0, 6.0],
    "gradcheck": lambda f: autograd.gradcheck(f, [3.0, 2.0]).ok,
    "slope": lambda f: nn.directional_derivative(f, [3.0, 2.0], [1.0, 1.0]) == 21.0,
    "line": lambda f: nn.line_search(f, [3.0, 2.0], longest=0.1).alpha == 0.1,
    "descend": lambda f: nn.descend(f, [3.0, 2.0], step=0.5, limit=1).x == [-3.0, -2.5],
    "terms": lambda f: nn.descend([f, listed], [3.0, 2.0], step=0.5, limit=1).x == [-9.0, -7.0],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", WAYS)
def test_every_form_is_taken_everywhere(form, way):
    assert WAYS[way](FORMS[form])


@pytest.mark.parametrize("form", FORMS)
def test_value_and_grad_takes_either(form):
    f = autograd.value_and_grad(FORMS[form])
    if form not in ("list with a default", "all defaults"):  # whose second number is the default's
        assert f(3.0, 2.0) == (18.0, (12.0, 9.0))
    if form not in ("starred", "all defaults"):
        assert f([3.0, 2.0]) == (18.0, [12.0, 9.0])


def test_one_number_and_a_list_of_one():
    for point, f in (([3.0], lambda x: x * x), ([[3.0]], lambda w: w[0] * w[0])):
        assert autograd.grad(f, point) == [6.0]
        assert autograd.hessian(f, point) == [[2.0]]
        assert autograd.hvp(f, point, [2.0]) == [4.0]
        assert autograd.gradcheck(f, point).ok
        assert nn.descend(f, point, step=0.25, limit=2).path == [[3.0], [1.5], [0.75]]
        assert nn.line_search(f, point).alpha == pytest.approx(0.5, rel=1e-6)
        assert nn.directional_derivative(f, point, [2.0]) == 12.0
    assert autograd.grad(starred, [[3.0, 2.0]][0]) == [12.0, 9.0]
    assert autograd.grad(listed, [[3.0, 2.0]]) == [12.0, 9.0]


def test_errors_name_the_right_argument():
    for use, message in {
        lambda: autograd.hessian(
            lambda w: w[0] ** 2, [3.0]
        ): r"the function got one number; if it takes a list, write \[\[x\]\]",
        lambda: nn.descend(sum, [3.0]): r"not iterable: the function got one number; .*\[\[x\]\]",
        lambda: autograd.hessian(lambda x, y, z: x, [1.0, 2.0]): r"takes \(x, y, z\), and the point has 2 numbers",
        lambda: nn.line_search(
            lambda x, y: x, [1.0]
        ): r"line_search: the function takes \(x, y\), and the point has 1 number;",
        lambda: autograd.hessian(spread, 3.0): r"takes a list of numbers or Values: write \[x\] for one",
        lambda: autograd.jacobian(spread, Value(3.0)): r"takes a list of numbers or Values: write \[x\] for one",
        lambda: nn.descend(spread, "ab"): r"takes a list of numbers or Values, not str",
        lambda: nn.descend(3.0, [1.0]): r"takes a function of numbers, or a list of them, not float",
        lambda: nn.line_search(3.0, [1.0]): r"line_search takes a function of numbers, not float",
        lambda: autograd.value_and_grad(Value(2.0) * 3.0): r"takes a function, not a Value; .*grad\(y, xs\)",
        lambda: autograd.grad([1.0], spread): r"takes a list of Values, not function",
    }.items():
        with pytest.raises(TypeError, match=message):
            use()
    with pytest.raises(ValueError, match="scale is 'sum' or 'unbiased', not 'mean'"):
        nn.descend([spread], [1.0, 2.0], step=1.0, batch_size=1, scale="mean")


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=5))
def test_any_number_of_numbers(point):
    def total(w):
        return sum(x * x for x in w)

    assert autograd.grad(total, point) == autograd.grad(lambda *xs: total(xs), point) == [2 * x for x in point]


def test_what_does_not_tell_its_parameters_is_spread():
    assert calling.form(max) is None
    assert calling.point(max, [1.0, 2.0], "test").call([1.0, 2.0]) == 2.0
