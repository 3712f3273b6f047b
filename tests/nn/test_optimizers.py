"""Optimizers against sequences computed by hand; the same rule for floats and for arrays; schedules; clipping."""

import copy
import math
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd import Value
from nn import schedules

KINDS = {
    "SGD": lambda p, **k: nn.SGD(p, 0.1, **k),
    "momentum": lambda p, **k: nn.SGD(p, 0.1, momentum=0.9, weight_decay=0.01, **k),
    "AdaGrad": lambda p, **k: nn.AdaGrad(p, 0.1, weight_decay=0.01, **k),
    "RMSprop": lambda p, **k: nn.RMSprop(p, 0.01, **k),
    "Adam": lambda p, **k: nn.Adam(p, 0.01, weight_decay=0.1, **k),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def descend(make, gradients, start=1.0):
    """The values that one parameter takes when its gradient is each of a list in turn."""
    p = Value(start)
    optimizer, course = make([p]), []
    for g in gradients:
        p.grad = g
        optimizer.step()
        course.append(p.data)
    return course


# ---- by hand ----------------------------------------------------------------------------------------------------


def test_gradient_descent_by_hand():
    assert descend(lambda p: nn.SGD(p, 0.5), [1.0, -2.0, 0.0]) == [0.5, 1.5, 1.5]


def test_momentum_by_hand():
    # V: 1, 0.5·1 − 2 = −1.5, 0.5·(−1.5) + 4 = 3.25
    course = descend(lambda p: nn.SGD(p, 0.5, momentum=0.5), [1.0, -2.0, 4.0])
    assert course == [1 - 0.5, 0.5 + 0.75, 1.25 - 1.625]


def test_weight_decay_by_hand():
    # G + λW = 1 + 0.5·1 = 1.5; then 0 + 0.5·(−0.5)
    assert descend(lambda p: nn.SGD(p, 1.0, weight_decay=0.5), [1.0, 0.0]) == [-0.5, -0.25]


def test_adagrad_by_hand():
    # S: 9, 25
    course = descend(lambda p: nn.AdaGrad(p, 0.5, eps=1e-300), [3.0, 4.0])
    assert course == pytest.approx([1 - 0.5, 0.5 - 0.5 * 4 / 5], rel=1e-15)


def test_rmsprop_by_hand():
    # S: 0.75·0 + 0.25·4 = 1, 0.75·1 + 0.25·1 = 1
    course = descend(lambda p: nn.RMSprop(p, 0.5, decay=0.75, eps=1e-300), [2.0, 1.0])
    assert course == pytest.approx([0.0, -0.5], abs=1e-15)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_rmsprop_with_weight_decay(weight_decay):
    """S ← ρS + (1 − ρ)G², W ← W − αG / (√S + ε), with λ·W in G."""
    w = Value(2.0)
    optimizer = nn.RMSprop([w], lr=0.1, decay=0.9, eps=1e-8, weight_decay=weight_decay)
    theta, s = 2.0, 0.0
    for gradient in (0.5, -0.25, 0.125):
        w.grad = gradient
        optimizer.step()
        g = gradient + weight_decay * theta
        s = 0.9 * s + 0.1 * g * g
        theta -= 0.1 * g / (math.sqrt(s) + 1e-8)
        assert w.data == pytest.approx(theta, rel=1e-14)


def test_adam_by_hand():
    # M: 1, 0.5·1 + 0.5·(−1) = 0; M̂: 2, 0.   S: 1, 0.75 + 0.25·4 = 1.75 of a first G = 2 …
    course = descend(lambda p: nn.Adam(p, 0.5, beta1=0.5, beta2=0.75, eps=1e-300), [2.0, -1.0])
    m = [1.0, 0.5 * 1.0 - 0.5]
    s = [0.25 * 4, 0.75 * 1.0 + 0.25 * 1]
    hat = [m[0] / 0.5 / math.sqrt(s[0] / 0.25), m[1] / 0.75 / math.sqrt(s[1] / (1 - 0.75**2))]
    assert course == pytest.approx([1 - 0.5 * hat[0], 1 - 0.5 * (hat[0] + hat[1])], rel=1e-15)
    assert hat == [1.0, 0.0]


def test_the_first_step_of_adam_is_the_learning_rate():
    for g in (1e-6, 1.0, 1e6):
        assert descend(lambda p: nn.Adam(p, 0.1), [g])[0] == pytest.approx(0.9, abs=2e-3)


# ---- one rule for floats and arrays -----------------------------------------------------------------------------

FINITE = st.floats(-1e3, 1e3)


@each_kind
@pytest.mark.parametrize("clip", [{}, {"clip_value": 0.5}, {"clip_norm": 1.0}], ids=["free", "value", "norm"])
@given(rows=st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=1, max_size=6))
@settings(max_examples=25)
def test_floats_and_arrays_move_alike(make, clip, rows):
    values = [Value(x) for x in (0.5, -2.0, 100.0)]
    by_float, by_array = make(values, **clip), make([Value(x.data) for x in values], **clip)
    theta = np.array([x.data for x in values])
    for row in rows:
        for value, g in zip(values, row):
            value.grad = g
        by_float.step()
        gradient = np.array(row)
        by_array.step_arrays(theta, gradient)
        assert gradient.tolist() == row  # left as it was
    if "clip_norm" in clip:  # NumPy and math.hypot round the norm differently
        assert theta.tolist() == pytest.approx([x.data for x in values], rel=1e-12, abs=1e-13)
    else:
        assert theta.tolist() == [x.data for x in values]
        assert by_array.state_dict() == by_float.state_dict()
    assert by_array.steps == len(rows)
    assert all(type(x.data) is float for x in values)


@each_kind
def test_arrays_change_in_place(make):
    optimizer, theta = make([Value(1.0), Value(2.0)]), np.array([1.0, 2.0])
    optimizer.step_arrays(theta, np.array([1.0, -1.0]))
    state = [id(s) for s in optimizer.state]
    optimizer.step_arrays(theta, np.array([1.0, -1.0]))
    assert theta[0] < 1.0 and theta[1] > 2.0
    assert [id(s) for s in optimizer.state] == state


@each_kind
def test_floats_and_arrays_can_take_turns(make):
    values = [Value(1.0), Value(-1.0)]
    mixed, pure = make(values), make([Value(1.0), Value(-1.0)])
    for turn in range(6):
        gradient = [0.3 + turn, -0.2]
        for p, g in zip(pure.parameters, gradient):
            p.grad = g
        pure.step()
        if turn % 2:
            theta = np.array([v.data for v in values])
            mixed.step_arrays(theta, np.array(gradient))
            for v, x in zip(values, theta.tolist()):
                v.data = x
        else:
            for v, g in zip(values, gradient):
                v.grad = g
            mixed.step()
    assert [v.data for v in values] == [p.data for p in pure.parameters]


@each_kind
def test_a_convex_function_is_minimised(make):
    p = [Value(3.0), Value(-2.0)]
    optimizer = make(p)
    first = None
    for _ in range(500):
        loss = (p[0] - 1.0) ** 2 + 4.0 * (p[1] + 0.5) ** 2
        first = loss.data if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.data < 0.05 * first


# ---- state ------------------------------------------------------------------------------------------------------


@each_kind
def test_a_saved_state_goes_on_exactly(make):
    gradients = [0.5, -0.25, 1.5, 3.0, -2.0, 0.125]
    p = Value(1.0)
    first, whole = make([p]), descend(make, gradients)
    for g in gradients[:3]:
        p.grad = g
        first.step()
    q = Value(p.data)
    second = make([q])
    second.load_state_dict(first.state_dict())
    course = []
    for g in gradients[3:]:
        q.grad = g
        second.step()
        course.append(q.data)
    assert course == whole[3:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(kind="Adam"), "the optimizer's kind differ: saved Adam, here SGD"),
        (lambda s: s.pop("kind"), "this is not the state of an optimizer: 'kind' is missing"),
        (lambda s: s["settings"].update(momentum=0.5), "settings differ"),
        (lambda s: s.update(steps=-1), "number of steps is -1"),
        (lambda s: s.update(steps=1.5), "number of steps is 1.5"),
        (lambda s: s.update(state={}), "must hold"),
        (lambda s: s["state"].update(velocity=[1.0]), "has 1 entries for 2 parameters"),
        (lambda s: s["state"].update(velocity=[1.0, math.nan]), "holds nan or infinity"),
    ],
)
def test_a_wrong_state_changes_nothing(change, message):
    saved = nn.SGD([Value(1.0), Value(2.0)], 0.1, momentum=0.9).state_dict()
    saved["steps"] = 7
    change(saved)
    optimizer = nn.SGD([Value(1.0), Value(2.0)], 0.1, momentum=0.9)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved)
    assert optimizer.state_dict() == before
    with pytest.raises(ValueError, match="not the state of an optimizer"):
        optimizer.load_state_dict([1.0])
    saved = {**before, "state": {"velocity": ["a", "b"]}}
    with pytest.raises(TypeError, match="optimizer state velocity"):
        optimizer.load_state_dict(saved)


# ---- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.SGD([Value(1.0)], -0.1), ValueError, "learning rate must be a finite number of at least 0; .*-0.1"),
        (lambda: nn.SGD([Value(1.0)], math.nan), ValueError, "it is nan"),
        (lambda: nn.SGD([Value(1.0)], math.inf), ValueError, "it is inf"),
        (lambda: nn.SGD([Value(1.0)], "0.1"), TypeError, "learning rate"),
        (lambda: nn.SGD([], 0.1), ValueError, "SGD got no parameters"),
        (lambda: nn.SGD(nn.MLP(1, [1]), 0.1), TypeError, r"SGD takes model.parameters\(\), not MLP"),
        (lambda: nn.SGD(Value(1.0), 0.1), TypeError, "SGD takes a list of Values, not Value"),
        (lambda: nn.Adam([1.0], 0.1), TypeError, "Adam takes Values, .* entry 0 is a float"),
        (lambda: nn.Adam([Value(1.0) * 2], 0.1), ValueError, "parameter 0 was computed by 'mul'"),
        (lambda: nn.Adam([Value(1.0, "w")] * 2, 0.1), ValueError, "parameter w is in the list twice"),
        (lambda: nn.SGD([Value(1.0)], 0.1, momentum=1.0), ValueError, "momentum=1.0 is outside its range, 0 to 1"),
        (lambda: nn.SGD([Value(1.0)], 0.1, weight_decay=-1), ValueError, "weight_decay=-1.0 is outside"),
        (lambda: nn.Adam([Value(1.0)], 0.1, beta2=1.5), ValueError, "beta2=1.5 is outside"),
        (lambda: nn.AdaGrad([Value(1.0)], 0.1, eps=0), ValueError, "eps=0.0 is outside"),
        (lambda: nn.RMSprop([Value(1.0)], 0.1, decay=math.nan), ValueError, "decay=nan is outside"),
        (lambda: nn.SGD([Value(1.0)], 0.1, clip_norm=0), ValueError, "clip_norm must be a positive number, not 0"),
        (lambda: nn.SGD([Value(1.0)], 0.1, clip_value=math.nan), ValueError, "clip_value must be a positive number"),
        (lambda: nn.clip_grad_norm([Value(1.0)], -1.0), ValueError, "the limit must be a positive number"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_is_named(bad):
    p = [Value(1.0, "layers.0.neurons.0.bias"), Value(2.0), Value(3.0)]
    optimizer = nn.SGD(p, 0.1, momentum=0.9)
    for i, name in ((0, r"parameter layers\.0\.neurons\.0\.bias"), (1, "parameter number 1")):
        for j, value in enumerate(p):
            value.grad = bad if i == j else 1.0
        before = optimizer.state_dict()
        with pytest.raises(FloatingPointError, match=rf"the gradient of {name} is .*; nothing was changed"):
            optimizer.step()
        theta = np.array([1.0, 2.0, 3.0])
        with pytest.raises(FloatingPointError, match=name):
            optimizer.step_arrays(theta, np.array([value.grad for value in p]))
        assert [v.data for v in p] == theta.tolist() == [1.0, 2.0, 3.0] and optimizer.state_dict() == before


def test_huge_finite_gradients_are_not_mistaken_for_infinite_ones():
    optimizer, theta = nn.SGD([Value(0.0)], 1.0), np.array([0.0])
    optimizer.step_arrays(theta, np.array([1e200]))
    assert theta[0] == -1e200


def test_clipping_the_norm_of_huge_gradients():
    optimizer, theta = nn.SGD([Value(0.0), Value(0.0)], 1.0, clip_norm=1.0), np.zeros(2)
    optimizer.step_arrays(theta, np.array([3e200, -4e200]))
    assert theta.tolist() == pytest.approx([-0.6, 0.8])


def test_a_schedule_that_turns_negative_is_refused_at_its_step():
    p = Value(1.0)
    optimizer = nn.SGD([p], lambda step: 0.1 - 0.1 * step)
    optimizer.step()
    optimizer.step()
    with pytest.raises(ValueError, match=r"it is -0\.1 at step 2"):
        optimizer.step()


# ---- schedules and clipping -------------------------------------------------------------------------------------


def test_schedules_are_functions_of_the_step():
    assert [schedules.constant(0.1)(k) for k in range(3)] == [0.1] * 3
    assert [schedules.step(1.0, every=2, factor=0.5)(k) for k in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert [schedules.exponential(2.0, 0.5)(k) for k in range(3)] == [2.0, 1.0, 0.5]
    assert [schedules.inverse_time()(k) for k in range(4)] == [1 / (k + 1) for k in range(4)]
    assert schedules.inverse_time(3.0, decay=0.5)(4) == 1.0
    cosine = schedules.cosine(1.0, steps=4, minimum=0.2)
    assert [cosine(k) for k in (0, 2, 4, 9)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert cosine(1) == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)


def test_an_optimizer_follows_its_schedule():
    assert descend(lambda p: nn.SGD(p, schedules.inverse_time()), [1.0, 1.0, 1.0], 0.0) == [-1.0, -1.5, -1.5 - 1 / 3]
    optimizer = nn.SGD([Value(1.0)], schedules.exponential(1.0, 0.5))
    optimizer.step()
    assert optimizer.rate == 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.constant(-1.0), lambda: schedules.step(0.1, 0), lambda: schedules.exponential(0.1, math.nan),
        lambda: schedules.cosine(0.1, -3), lambda: schedules.cosine(0.1, 10, -0.1), lambda: schedules.inverse_time(0.0),
    ],
)  # fmt: skip
def test_schedules_refuse(make):
    with pytest.raises(ValueError, match="must be"):
        make()


def test_clipping():
    p = [Value(0.0), Value(0.0)]
    p[0].grad, p[1].grad = 3.0, -4.0
    assert nn.clip_grad_norm(p, 10.0) == 5.0 and [v.grad for v in p] == [3.0, -4.0]
    assert nn.clip_grad_norm(p, 1.0) == 5.0 and [v.grad for v in p] == pytest.approx([0.6, -0.8])
    p[0].grad, p[1].grad = 3.0, -0.5
    nn.clip_grad_value(p, 1.0)
    assert [v.grad for v in p] == [1.0, -0.5]
    p[0].grad, p[1].grad = 3.0, -4.0
    nn.SGD(p, 1.0, clip_norm=1.0).step()
    assert [v.data for v in p] == pytest.approx([-0.6, 0.8]) and [v.grad for v in p] == [3.0, -4.0]
    nn.SGD(p, 1.0, clip_value=0.5).step()
    assert [v.data for v in p] == pytest.approx([-1.1, 1.3])


def test_what_they_look_like():
    assert repr(nn.SGD([Value(1.0)], 0.1, momentum=0.9)) == ("SGD(1 parameter, lr=0.1, momentum=0.9, weight_decay=0)")
    assert "clip_norm=1" in repr(nn.Adam([Value(1.0)], schedules.constant(0.1), clip_norm=1.0))


# ---- loops and their machine code -------------------------------------------------------------------------------


class Steps:
    """An optimizer of 300 parameters with its flat arrays; gradients are written into one array, as programs do."""

    def __init__(self, make, **options):
        self.parameters = [Value(0.0, f"w{i + 1}") for i in range(300)]
        self.optimizer = make(self.parameters, **options)
        self.theta, self.gradient = np.linspace(-1.0, 1.0, 300), np.zeros(300)
        self.random = np.random.default_rng(0)

    def step(self, steps=1):
        for _ in range(steps):
            self.gradient[:] = self.random.normal(size=300)
            self.optimizer.step_arrays(self.theta, self.gradient)
        return self

    def numbers(self):
        return self.theta.tolist(), self.optimizer.state_dict()


@pytest.fixture(params=["loops", "arrays"])
def loops(request, monkeypatch):
    """With machine code of the rules, and without."""
    if request.param == "loops":
        pytest.importorskip("llvmlite")
        import autograd.compiler.llvm.backend  # noqa: F401
    else:
        monkeypatch.delitem(sys.modules, "autograd.compiler.llvm.backend", raising=False)
    return request.param


@each_kind
@pytest.mark.parametrize("copied", [lambda o: pickle.loads(pickle.dumps(o)), copy.deepcopy, copy.copy])
def test_a_copy_goes_on_with_the_same_bits(make, copied, loops):
    """Machine code is not copied; the copy looks at its own arrays."""
    straight, other = Steps(make).step(6), Steps(make).step(3)
    assert (other.optimizer._code is not None) == (loops == "loops")
    other.optimizer = copied(other.optimizer)
    assert other.optimizer._code is None
    assert other.step(3).numbers() == straight.numbers()


@each_kind
def test_a_state_put_in_its_place_is_seen(make, loops):
    """Another array or a list in ``state``, numbers written into it, and a state that is loaded."""
    steps = Steps(make).step(2)
    saved, theta = copy.deepcopy(steps.optimizer.state_dict()), steps.theta.copy()
    expected = steps.step().numbers()
    for change in ("load", "arrays", "lists", "in place"):
        steps.random = np.random.default_rng(0)
        steps.random.normal(size=(2, 300))
        steps.theta[:], steps.optimizer.steps = theta, 2
        columns = [saved["state"][name] for name in steps.optimizer.variables]
        if change == "load":
            steps.optimizer.load_state_dict(saved)
        elif change == "arrays":
            steps.optimizer.state = [np.array(column) for column in columns]
        elif change == "lists":
            steps.optimizer.state = [list(column) for column in columns]
        else:
            for array, column in zip(steps.optimizer.state, columns):
                array[:] = column
        assert steps.step().numbers() == expected, change


@each_kind
def test_rates_and_settings_changed_between_steps_are_seen(make, loops):
    steps, other = Steps(make), Steps(make)
    for change, (rate, decay) in enumerate(
        [(0.1, 0.0), (0.03, 0.0), (0.03, 0.2), (lambda step: 0.5 / (1 + step), 0.1)]
    ):
        for one in (steps, other):
            one.optimizer.lr, one.optimizer.settings["weight_decay"] = rate, decay
            if one is other:  # no machine code is kept from step to step
                one.optimizer._code, one.theta, one.gradient = None, one.theta.copy(), one.gradient.copy()
        before = steps.theta.copy()
        assert steps.step().numbers() == other.step().numbers(), change
        assert not np.array_equal(steps.theta, before)
    for bad in (math.nan, -1.0, math.inf, "fast"):
        steps.optimizer.lr = bad
        with pytest.raises((ValueError, TypeError), match="the learning rate"):
            steps.step()


@each_kind
def test_other_arrays_can_be_given(make, loops):
    """Of another type, not side by side, read-only: each is looked at again."""
    expected = Steps(make).step(4).theta

    def apart(array):
        room = np.zeros(2 * array.size)
        room[::2] = array
        return room[::2]

    steps = Steps(make).step(1)
    changes = [apart, np.array, lambda array: array[::-1].copy()[::-1]]
    for change in changes:
        steps.theta, steps.gradient = change(steps.theta), change(steps.gradient)
        steps.step()
    assert steps.theta == pytest.approx(expected, rel=1e-13, abs=1e-15)
    frozen = steps.gradient.copy()
    frozen.flags.writeable = False
    steps.optimizer.step_arrays(steps.theta, frozen)
    single = steps.theta.astype(np.float32)
    steps.optimizer.step_arrays(single, steps.gradient.astype(np.float32))
    steps.step()
    assert single.dtype == np.float32 and np.isfinite(single).all() and np.isfinite(steps.theta).all()


@each_kind
@pytest.mark.parametrize(("parameters", "gradients"), [(300, 299), (299, 300), (300, 301), (600, 600), (256, 256)])
def test_arrays_that_do_not_fit_are_refused(make, parameters, gradients, loops):
    """A loop would read and write beyond the shortest one."""
    steps = Steps(make).step(1)
    room = np.ones(10_000)
    theta, gradient = room[4000 : 4000 + parameters], np.ones(gradients)
    with pytest.raises(ValueError, match=f"moves 300 parameters, and was given arrays of {parameters}, {gradients}"):
        steps.optimizer.step_arrays(theta, gradient)
    assert (room[:4000] == 1).all() and (room[4000 + parameters :] == 1).all()


@each_kind
@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}, {"clip_value": 0.5}])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_an_odd_gradient_changes_nothing(make, options, odd, loops):
    """At the first step, and after others; the parameter is named."""
    for before in (0, 2):
        steps = Steps(make, **options).step(before)
        theta, saved = steps.theta.copy(), copy.deepcopy(steps.optimizer.state_dict())
        for place in (0, 255, 288, 299):  # also behind the last whole vector
            steps.gradient[:] = 1.0
            steps.gradient[place] = odd
            message = f"the gradient of parameter w{place + 1} is {odd}; nothing was changed"
            with pytest.raises(FloatingPointError, match=message):
                steps.optimizer.step_arrays(steps.theta, steps.gradient)
            assert np.array_equal(steps.theta, theta) and steps.optimizer.state_dict() == saved
            assert steps.gradient[place] is not None and not math.isfinite(steps.gradient[place])
        assert not np.array_equal(steps.step().theta, theta)


def test_loops_and_arrays_give_the_same_bits():
    """With clipping and without, whichever of the two made the steps before."""
    pytest.importorskip("llvmlite")
    import autograd.compiler.llvm.backend

    for make in KINDS.values():
        for options in ({}, {"clip_norm": 1.0}, {"clip_value": 0.5}):
            found = []
            for order in ((True, True, True, True), (False, False, False, False), (True, False, True, False)):
                steps = Steps(make, **options)
                for loop in order:
                    with pytest.MonkeyPatch.context() as patch:
                        if not loop:
                            patch.delitem(sys.modules, autograd.compiler.llvm.backend.__name__)
                            steps.optimizer._code = None
                        steps.step()
                        assert (steps.optimizer._code is not None) == loop
                found.append(steps.numbers())
            assert found[0] == found[1] == found[2]
