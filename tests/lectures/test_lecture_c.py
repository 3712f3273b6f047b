"""Lecture C, MLP training as optimization: line search, descent, sample-wise gradients, vanishing gradients."""

import math
import random
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value
from nn import reference, search

FOUR = nn.datasets.four_points()
TERMS = [
    lambda w, x=x, y=y: (y - autograd.sigmoid(w[0] * x[0] + w[1] * x[1])) ** 2
    for x, y in zip(FOUR.X.tolist(), FOUR.y.tolist())
]


def E(w):
    return sum(term(w) for term in TERMS)


def sigma(z):
    return 1 / (1 + math.exp(-z))


# ---- the four points --------------------------------------------------------------------------------------------


def test_the_data_and_the_cost():
    assert FOUR.X.tolist() == [[-3, -3], [-2, -2], [4, 4], [2, -5]]
    assert FOUR.y.tolist() == [1, 1, 0, 0]
    w = [0.3, -0.2]
    expected = sum((y - sigma(w[0] * x1 + w[1] * x2)) ** 2 for (x1, x2), y in zip(FOUR.X.tolist(), FOUR.y.tolist()))
    assert search.evaluate(E, w) == pytest.approx(expected, rel=1e-14)
    neuron = nn.Neuron(2, activation="sigmoid", bias=False)
    for weight, data in zip(neuron.weights, w):
        weight.data = data
    outputs = [neuron(x) for x in FOUR.X.tolist()]
    assert sum((y - out) ** 2 for y, out in zip(FOUR.y.tolist(), outputs)).data == pytest.approx(expected, rel=1e-14)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_the_gradient_in_closed_form(w11, w12):
    _, gradient = autograd.value_and_grad(E)([w11, w12])
    expected = [0.0, 0.0]
    for (x1, x2), y in zip(FOUR.X.tolist(), FOUR.y.tolist()):
        s = sigma(w11 * x1 + w12 * x2)
        slope = 2 * (s - y) * s * sigma(-(w11 * x1 + w12 * x2))
        expected = [expected[0] + slope * x1, expected[1] + slope * x2]
    assert gradient == pytest.approx(expected, rel=1e-10, abs=1e-15)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 2 * math.pi))
def test_the_directional_derivative_against_differences(w11, w12, angle):
    """f'(x; d) = ⟨∇f(x), d⟩ = lim (f(x + hd) − f(x − hd)) / 2h."""
    d = [math.cos(angle), math.sin(angle)]
    slope = nn.directional_derivative(E, [w11, w12], d)
    h = 1e-5
    ahead, behind = ([w11 + s * h * d[0], w12 + s * h * d[1]] for s in (1, -1))
    assert slope == pytest.approx((search.evaluate(E, ahead) - search.evaluate(E, behind)) / (2 * h), abs=1e-7)


def test_descent_directions_and_only_they_are_searched():
    x = [0.5, -1.5]
    _, gradient = autograd.value_and_grad(E)(x)
    down = [-g for g in gradient]
    assert nn.directional_derivative(E, x, down) == pytest.approx(-sum(g * g for g in gradient), rel=1e-14)
    turned = [down[0] - 0.9 * down[1], down[1] + 0.9 * down[0]]  # 42° away from steepest descent
    assert nn.directional_derivative(E, x, turned) < 0
    assert nn.line_search(E, x, turned).value < search.evaluate(E, x)
    with pytest.raises(ValueError, match="not a descent direction"):
        nn.line_search(E, x, gradient)
    with pytest.raises(ValueError, match="not a descent direction"):
        nn.line_search(E, x, [0.0, 0.0])


# ---- exact line search ------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(0, 1000), st.floats(-6, 6))
def test_on_a_quadratic_the_step_is_known(n, seed, exponent):
    """f = ½xᵀAx − bᵀx has α = gᵀg / gᵀAg, at any scale."""
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(n, n))
    A, b, x = 10**exponent * (M @ M.T + 0.1 * np.eye(n)), rng.normal(size=n), rng.normal(size=n)

    def f(v):
        quadratic = sum(A[i, j] * (v[i] * v[j]) for i in range(n) for j in range(n))
        return 0.5 * quadratic - sum(b[i] * v[i] for i in range(n))

    g = A @ x - b
    found = nn.line_search(f, [x.tolist()])
    assert found.enclosed
    expected = (g @ g) / (g @ A @ g)
    # what is found is exact as far as values of f can tell steps apart
    at = [search.evaluate(f, [(x - a * g).tolist()]) for a in (found.alpha, expected)]
    assert at[0] <= at[1] + 1e-13 * (1 + abs(at[1]))
    assert found.alpha == pytest.approx(expected, rel=1e-4)
    assert found.bracket[0] < found.alpha < found.bracket[1]


def test_brent_against_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    for start in ([1.0, 1.0], [0.5, -1.5], [-0.2, 1.0]):
        _, g = autograd.value_and_grad(E)(start)

        def along(alpha, start=start, g=g):
            return search.evaluate(E, [s - alpha * c for s, c in zip(start, g)])

        ours = nn.line_search(E, start)
        theirs = optimize.minimize_scalar(along, bounds=ours.bracket, method="bounded", options={"xatol": 1e-9})
        assert ours.value == pytest.approx(theirs.fun, rel=1e-12)
        assert ours.alpha == pytest.approx(theirs.x, rel=1e-5)


def test_successive_gradients_are_orthogonal():
    """At the exact minimum along a line the new gradient is perpendicular to it."""
    x = [0.5, -1.5]
    for _ in range(3):
        _, g = autograd.value_and_grad(E)(x)
        x = [entry - nn.line_search(E, x).alpha * c for entry, c in zip(x, g)]
        _, new = autograd.value_and_grad(E)(x)
        cosine = (g[0] * new[0] + g[1] * new[1]) / (math.hypot(*g) * math.hypot(*new))
        assert abs(cosine) < 1e-5


def test_a_line_without_a_minimum_is_reported():
    falling = nn.line_search(lambda x: -x, [0.0], longest=100.0)
    assert not falling.enclosed and falling.alpha == 100.0
    short_arrow = nn.line_search(lambda x: x**2, [1.0], [-5e-324])
    assert not short_arrow.enclosed and short_arrow.value <= 1.0
    assert not nn.line_search(lambda x: -x, [0.0], longest=math.inf).enclosed
    flat_in_the_end = nn.line_search(lambda x: autograd.exp(-x), [0.0])
    assert not flat_in_the_end.enclosed and flat_in_the_end.value == 0.0


def test_a_wall_of_nan_is_stepped_back_from():
    found = nn.line_search(lambda x: -autograd.sqrt(x) + x**2, [0.01], [100.0])
    assert found.enclosed and 0.01 + 100 * found.alpha == pytest.approx(0.25 ** (2 / 3), rel=1e-6)
    for first in (0.1, 1.0, 50.0):  # a minimum close to the end of the domain, met from either side
        near = nn.line_search(lambda x: (x - 0.9) ** 2 - 0.01 * autograd.log(1 - x), [0.0], [1.0], first=first)
        roots = np.roots([2.0, -3.8, 1.79])  # 2(x − 0.9)(1 − x) + 0.01 = 0
        assert near.enclosed and near.alpha == pytest.approx(min(roots), rel=1e-6)
    falling_to_the_wall = nn.line_search(lambda x: -(autograd.sqrt(2 - x) ** -1.0), [0.0])
    assert not falling_to_the_wall.enclosed and falling_to_the_wall.alpha == pytest.approx(8 * math.sqrt(2))
    walled = nn.line_search(autograd.log, [1.0])  # α = 1 reaches log 0, beyond is nan
    assert walled.alpha > 0 and walled.value < 0


@pytest.mark.parametrize(
    "wrong", [{"tolerance": 0.0}, {"first": 0.0}, {"first": 2.0, "longest": 1.0}, {"first": math.inf}]
)
def test_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match="need tolerance > 0 and 0 < first ≤ longest"):
        nn.line_search(lambda x: x**2, [1.0], **wrong)


# ---- descent and its stopping rules -----------------------------------------------------------------------------


def test_gradient_descent_says_which_rule_stopped_it():
    run = nn.descend(TERMS, [0.5, -1.5], tolerance=1e-6)
    assert run.stopped == "gradient" and run.gradient_norm <= 1e-6 < run.norms[-2]
    assert f"after {run.iterations} steps" in run.reason and "≤ tolerance 1e-06" in run.reason
    assert run.gradient_norm == pytest.approx(math.hypot(*autograd.value_and_grad(E)(run.x)[1]), rel=1e-14)
    assert len(run.path) == len(run.values) == run.iterations + 1 == len(run.steps) + 1
    assert all(later < earlier for earlier, later in zip(run.values, run.values[1:])), "each step goes down"

    cut = nn.descend(TERMS, [0.5, -1.5], limit=2)
    assert cut.stopped == "iterations" and cut.iterations == 2 and cut.path == run.path[:3]
    assert repr(cut).startswith("Descent(x=[")


def test_each_step_is_the_exact_line_search():
    run = nn.descend(TERMS, [0.5, -1.5], limit=3)
    for point, following, alpha in zip(run.path, run.path[1:], run.steps):
        _, g = autograd.value_and_grad(E)(point)
        assert alpha == nn.line_search(E, point).alpha
        assert following == [entry - alpha * c for entry, c in zip(point, g)]


def test_the_gradient_is_zero_at_an_interior_minimum():
    run = nn.descend(lambda x: (x[0] - 1) ** 2 + 3 * (x[1] + 2) ** 2 + x[0] * x[1], [5.0, 5.0], tolerance=1e-6)
    np.testing.assert_allclose(run.x, np.linalg.solve([[2.0, 1.0], [1.0, 6.0]], [2.0, -12.0]), rtol=1e-6)
    assert run.stopped == "gradient"


def test_the_other_reasons_to_stop():
    assert nn.descend(lambda x: x * 1.0, [0.0], limit=5).stopped == "unbounded"
    assert nn.descend(lambda x: x[0] ** 2, [[1.0]], step=2.0, limit=5000).stopped == "not finite"
    assert nn.descend(lambda x: 1e-170 * x**2, [1.0], tolerance=0.0).stopped == "no decrease"
    tight = nn.descend(lambda x: (x[0] - 1) ** 2 + 1e3 + 7 * (x[1] - 1) ** 2, [0.0, 3.0], tolerance=1e-30)
    assert tight.stopped in ("no decrease", "gradient")
    np.testing.assert_allclose(tight.x, [1.0, 1.0], atol=1e-4)  # f = 1000 + … resolves no more


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.5, 2), st.floats(-2, 2), st.floats(0, 2)), min_size=2, max_size=4)
)
def test_the_minimum_over_a_box_is_the_nearest_point_of_a_separable_bowl(entries):
    """min Σ cᵢ(xᵢ − mᵢ)² over lowᵢ ≤ xᵢ ≤ highᵢ: each mᵢ, moved into its interval."""
    box = [(low, low + size) for _, _, low, size in entries]
    run = nn.descend(
        lambda x: sum(c * (entry - m) ** 2 for entry, (m, c, _, _) in zip(x, entries)),
        [9.0] * len(entries), step=0.25, feasible=box, tolerance=1e-9,
    )  # fmt: skip
    assert run.stopped == "gradient" and "P(x − ∇f)‖₂" in run.reason and "P(x − ∇f)" in str(run)
    expected = [min(max(m, low), high) for (m, *_), (low, high) in zip(entries, box)]
    np.testing.assert_allclose(run.x, expected, atol=1e-8)
    assert all(low <= entry <= high for point in run.path for entry, (low, high) in zip(point, box))


def test_a_linear_function_over_the_unit_disk():
    """min ⟨c, x⟩ over ‖x‖ ≤ 1 is at −c/‖c‖: the gradient is not 0 there, but no feasible step leads down."""
    run = nn.descend(
        lambda x: 3 * x[0] - 4 * x[1], [0.1, 0.2], step=0.5,
        feasible=lambda x: [entry / max(1.0, math.hypot(*x)) for entry in x],
    )  # fmt: skip
    assert run.stopped == "gradient"
    np.testing.assert_allclose(run.x, [-0.6, 0.8], atol=1e-6)
    assert nn.descend(lambda x: x[0] - x[1], [0.0, 0.0], step=1.0, feasible=[(-2, None), (None, 5)]).x == [-2, 5]


def test_newton_and_conjugate_gradients_are_directions():
    """On a convex quadratic of n numbers, Newton needs one step and conjugate gradients n."""
    A, b = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]]), np.array([1.0, -2.0, 3.0])

    def quadratic(x):
        return sum(0.5 * A[i, j] * x[i] * x[j] for i in range(3) for j in range(3)) - sum(b[i] * x[i] for i in range(3))

    newton = nn.descend(quadratic, [1.0, 1.0, 1.0], step=1.0, direction=lambda x, g: -np.linalg.solve(A, g))
    assert newton.iterations == 1
    before = []

    def conjugate(x, g):  # Fletcher and Reeves 1964
        g = np.array(g)
        d = -g + (g @ g / (before[0] @ before[0]) * before[1] if before else 0.0)
        before[:] = [g, d]
        return d

    run = nn.descend(quadratic, [1.0, 1.0, 1.0], direction=conjugate)
    assert run.iterations == 3 < nn.descend(quadratic, [1.0, 1.0, 1.0]).iterations
    for found in (newton, run):
        np.testing.assert_allclose(found.x, np.linalg.solve(A, b), rtol=1e-6)


def test_independent_draws_may_repeat_a_term():
    """iₖ uniform on 1 … N and independent: two draws of N terms agree with probability 1/N."""
    taken = []
    terms = [lambda w, i=i: taken.append(i) or w[0] * 0.0 + w[1] * 0.0 + 1.0 for i in range(4)]
    for replacement, expected in ((True, 0.25), (False, 0.0)):
        pairs = 0
        for seed in range(400):
            taken.clear()
            nn.descend(
                terms, [1.0, 1.0], step=0.1, batch_size=2, limit=1, seed=seed, replacement=replacement, tolerance=-1.0
            )
            pairs += taken[-6] == taken[-5]  # the two of the step come before the four that measure its end
        assert pairs / 400 == pytest.approx(expected, abs=0.07)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"feasible": [(0, 1), (0, 1)]}, ValueError, "would leave the feasible set; give a number"),
        ({"feasible": [(0, 1)], "step": 0.1}, ValueError, "2 pairs"),
        ({"feasible": [0, 1], "step": 0.1}, ValueError, "2 pairs"),
        (
            {"feasible": [(0, 1), (3, 2)], "step": 0.1},
            ValueError,
            r"between the bounds 3 and 2 of x\[1\]: the set is empty",
        ),
        (
            {"feasible": lambda x: x[:1], "step": 0.1},
            ValueError,
            "the projection gave 1 numbers?; it must give a list of 2",
        ),
        ({"direction": lambda x, g: None}, ValueError, "direction gave NoneType; it must give a list of 2"),
        ({"direction": [1.0, 0.0]}, TypeError, "direction is a function of the point and the gradient, not list"),
        ({"direction": lambda x, g: g}, ValueError, "not a descent direction"),
        ({"replacement": True}, ValueError, "give batch_size too"),
    ],
)
def test_a_set_a_direction_or_draws_that_do_not_fit(settings, kind, message):
    with pytest.raises(kind, match=message):
        nn.descend(TERMS, [0.5, -1.5], **settings)


SHARES = (1e-6, 0.01, 0.5, 0.99, 1.001)


@given(st.floats(0.2, 5), st.floats(-3, 3).filter(lambda x: abs(x) > 0.1), st.floats(0.1, 4))
def test_the_epsilon_of_the_descent_proposition(c, x, scale):
    """c(x + αd)² < cx² exactly for 0 < α < −2x/d."""
    d = -math.copysign(scale, x)
    assert nn.descent_range(lambda v: c * v**2, [x], [d]) == pytest.approx(-2 * x / d, rel=1e-9)


def test_epsilon_stops_at_the_first_rise_and_may_be_infinite():
    def hills(v):  # falls from 0, and meets f(0) = 0 again at π, though it falls below once more
        return -autograd.sin(v) - 0.01 * v * (v - math.pi)

    assert nn.descent_range(hills, [0.0], [1.0]) == pytest.approx(math.pi, rel=1e-9)
    assert nn.descent_range(lambda v: autograd.exp(-v), [0.0]) == math.inf
    start = [-2.0, 1.0]
    epsilon = nn.descent_range(E, start)
    at_start, g = autograd.value_and_grad(E)(start)
    along = [search.evaluate(E, [x - share * epsilon * entry for x, entry in zip(start, g)]) for share in SHARES]
    assert [value < at_start for value in along] == [share < 1 for share in SHARES]
    _, g = autograd.value_and_grad(E)([1.0, 1.0])
    assert nn.descent_range(E, [1.0, 1.0]) == math.inf, "down a slope that ends nowhere"
    with pytest.raises(ValueError, match="not a descent direction"):
        nn.descent_range(E, [1.0, 1.0], g)
    with pytest.raises(ValueError, match="no float along the direction has a smaller f"):
        nn.descent_range(lambda v: 1.0 + 1e-30 * v, [1.0])


def test_three_rates():
    """Linear for a strongly convex f, 1/k² by Nesterov's steps (1983), 1/√k for subgradients of a convex f."""
    bowl = nn.descend(lambda x: x[0] ** 2 + 4 * x[1] ** 2, [4.0, 1.0], tolerance=0.0, limit=20)
    ratios = [after / before for before, after in zip(bowl.values, bowl.values[1:])]
    assert ratios == pytest.approx([((4 - 1) / (4 + 1)) ** 2] * 20, rel=1e-5), "((κ − 1)/(κ + 1))², Kantorovich's bound"

    n = 40

    def chain(x):  # Nesterov's worst function of n numbers; its minimum is −n/(8(n + 1))
        differences = sum((a - b) ** 2 for a, b in pairwise(x))
        return (x[0] ** 2 + differences + x[-1] ** 2) / 8 - x[0] / 4

    before, k = [[0.0] * n], [0]

    def nesterov(y, g):
        k[0] += 1
        x = [entry - slope for entry, slope in zip(y, g)]
        after = [entry + (k[0] - 1) / (k[0] + 2) * (entry - old) for entry, old in zip(x, before[0])]
        before[0] = x
        return [new - old for new, old in zip(after, y)]

    best = -n / (8 * (n + 1))
    fast = nn.descend(chain, [0.0] * n, step=1.0, direction=nesterov, tolerance=0.0, limit=60)
    slow = nn.descend(chain, [0.0] * n, step=1.0, tolerance=0.0, limit=60)
    distance = math.fsum((1 - i / (n + 1)) ** 2 for i in range(1, n + 1))
    for count, value in enumerate(fast.values[1:], 1):
        assert value - best <= 2 * distance / (count + 1) ** 2, "2L‖x⁰ − x*‖²/(k + 1)², with L = 1"
    assert fast.values[-1] - best < 0.5 * (slow.values[-1] - best)

    kinks = nn.descend(lambda x: abs(x[0]) + 2 * abs(x[1]), [1.0, -1.0], step=lambda k: 0.3 / math.sqrt(k + 1),
                       tolerance=0.0, limit=400)  # fmt: skip
    least = math.inf
    for count, value in enumerate(kinks.values, 1):
        least = min(least, value)
        assert least <= (2 / 0.3 + 0.3 * 5 * (1 + math.log(count))) / (2 * math.sqrt(count)), "at most log k / √k"


def test_noise_leaves_a_saddle_where_gradient_descent_ends():
    """w₀² − w₁² + w₁⁴/4 from its ridge w₁ = 0: the minima are at w₁ = ±√2."""

    def saddle(w):
        return w[0] ** 2 - w[1] ** 2 + w[1] ** 4 / 4

    halves = [lambda w, s=s: saddle(w) / 2 + s * 0.5 * w[1] for s in (-1.0, 1.0)]
    still = nn.descend(halves, [1.0, 0.0], step=0.1, limit=200)
    assert still.stopped == "gradient" and still.x == pytest.approx([0.0, 0.0], abs=1e-6)
    gamma = nn.schedules.inverse_time(0.1, 0.02)
    noisy = nn.descend(halves, [1.0, 0.0], step=gamma, batch_size=1, limit=600, seed=0, scale="unbiased", tolerance=0.0)
    assert abs(noisy.x[1]) == pytest.approx(math.sqrt(2), abs=0.1) and noisy.value < -0.95


def test_two_starts_two_minima_and_one_of_them_is_global():
    """x* is a local minimum if nothing within ε of it is lower; the lower of the two is global."""

    def valleys(w):
        return (w[0] ** 2 - 1) ** 2 + 0.3 * w[0] + w[1] ** 2

    left, right = (nn.descend(valleys, [start, 1.0]) for start in (-0.3, 0.5))
    roots = np.roots([4.0, 0.0, -4.0, 0.3])  # 4w³ − 4w + 0.3 = 0
    assert left.x == pytest.approx([min(roots.real), 0.0], abs=1e-5)
    assert right.x == pytest.approx([max(roots.real), 0.0], abs=1e-5)
    circle = np.linspace(0, 2 * np.pi, 60)
    for run in (left, right):
        ring = [[run.x[0] + r * np.cos(t), run.x[1] + r * np.sin(t)] for r in (1e-3, 0.1, 0.4) for t in circle]
        assert min(map(valleys, ring)) > run.value
    plane = np.mgrid[-2:2:81j, -2:2:81j].reshape(2, -1).T.tolist()
    assert left.value < right.value and min(map(valleys, plane)) > left.value


def test_noise_near_the_optimum_falls_with_the_batch_and_with_the_step():
    """Around θ* a constant step dances at a distance that falls with M; γₖ → 0 brings it to rest."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, 40)
    y = 2 * x + 1 + rng.normal(0, 0.5, 40)
    best, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(40)]), y, rcond=None)
    terms = [lambda w, x=x, y=y: (w[0] * x + w[1] - y) ** 2 / 80 for x, y in zip(x.tolist(), y.tolist())]

    def distance(step, size):
        run = nn.descend(terms, best.tolist(), step=step, batch_size=size, scale="unbiased", replacement=True,
                         limit=400, tolerance=-1.0)  # fmt: skip
        return np.linalg.norm(np.array(run.path[200:]) - best, axis=1).mean()

    one, four, sixteen = (distance(0.2, size) for size in (1, 4, 16))
    assert one > 1.5 * four > 1.5 * 1.5 * sixteen
    assert distance(nn.schedules.inverse_time(0.2, 0.05), 1) < 0.4 * one


def peak_of_a_gradient(S: int, d: int) -> int:
    """Bytes, at the most, while the gradient is summed over S samples of d numbers: one graph at a time."""
    w = [Value(0.1) for _ in range(d)]
    rows = np.random.default_rng(0).normal(size=(S, d)).tolist()
    tracemalloc.start()
    for row in rows:
        ((autograd.sigmoid(autograd.dot(w, row)) - 1) ** 2).backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_cost_and_storage_of_a_gradient_and_the_accuracy_of_floats():
    """E of S samples and d weights has S(3d + 7) + 1 operations; the reverse pass visits each once."""
    for S, d in ((10, 5), (20, 5), (10, 10), (20, 20)):
        w = [Value(0.1) for _ in range(d)]
        data = np.random.default_rng(0).normal(size=(S, d)).tolist()
        cost = sum((autograd.sigmoid(sum(a * b for a, b in zip(w, row))) - 1) ** 2 for row in data)
        assert len(autograd.graph.topological(cost)) - d == S * (3 * d + 7) + 1
    peak_of_a_gradient(1, 10)  # what is made once
    small, many, wide = peak_of_a_gradient(20, 200), peak_of_a_gradient(400, 200), peak_of_a_gradient(20, 2000)
    assert many < 1.1 * small
    assert wide < 12 * small
    assert wide < 40 * 8 * 2000
    run = nn.descend(lambda w: (w[0] - 1) ** 2 + 4 * (w[1] + 2) ** 2, [5.0, 5.0], step=0.2, tolerance=1e-15)
    assert run.stopped == "gradient" and run.gradient_norm <= 1e-15 and run.iterations < 100


def test_the_perceptron_is_stochastic_descent_on_a_hinge_without_margin():
    """w ← w + yx for a misclassified sample: the step of length 1 on max(0, −y⟨w, x⟩). It ends (Novikoff 1962)."""
    samples = [(x, 2.0 * y - 1.0) for x, y in zip(FOUR.X.tolist(), FOUR.y.tolist())]
    w, mistakes = [0.5, 1.0], 0
    for _ in range(20):
        wrong = 0
        for x, y in samples:
            cost = lambda v, x=x, y=y: autograd.relu(-y * (v[0] * x[0] + v[1] * x[1]))  # noqa: E731
            _, slopes = autograd.value_and_grad(cost)(w)
            missed = y * (w[0] * x[0] + w[1] * x[1]) < 0
            assert slopes == ([-y * entry for entry in x] if missed else [0.0, 0.0])
            w, wrong = [entry - slope for entry, slope in zip(w, slopes)], wrong + missed
        mistakes += wrong
        if not wrong:
            break
    assert not wrong
    assert all(y * (w[0] * x[0] + w[1] * x[1]) > 0 for x, y in samples)
    unit = np.array([-1.0, 0.2]) / math.hypot(1.0, 0.2)  # a line that separates them with margin ρ
    margin = min(y * (unit @ x) for x, y in samples)
    start = math.hypot(0.5, 1.0)
    longest = max(np.linalg.norm(x) for x, _ in samples)
    # Novikoff's ρm − ‖w⁰‖ ≤ ⟨w, u⟩ ≤ ‖w‖ ≤ √(‖w⁰‖² + m‖x‖²)
    assert margin * mistakes - start <= math.sqrt(start**2 + mistakes * longest**2)


def test_robbins_monro_steps():
    """γₖ = 1/(k+1): the sum grows without bound, the sum of squares tends to π²/6."""
    gamma = nn.schedules.inverse_time()
    assert [gamma(k) for k in range(4)] == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert sum(gamma(k) for k in range(100_000)) > math.log(100_000)
    assert sum(gamma(k) ** 2 for k in range(100_000)) == pytest.approx(math.pi**2 / 6, abs=1e-4)


@pytest.mark.parametrize("size", [1, 2])
def test_a_step_is_that_of_the_lecture(size):
    """xᵏ⁺¹ = xᵏ − γₖ Σ ∇fᵢ(xᵏ) over the drawn terms, whose number does not enlarge it."""
    start, gamma, draws = [1.0, 1.0], nn.schedules.inverse_time(), random.Random(3)
    run = nn.descend(TERMS, start, step=gamma, batch_size=size, limit=25, seed=3)
    x = start
    for k in range(25):
        drawn = draws.sample(range(4), size)
        y = [(1, -3, -3), (1, -2, -2), (0, 4, 4), (0, 2, -5)]
        slopes = [0.0, 0.0]
        for label, x1, x2 in (y[i] for i in drawn):
            p = 1 / (1 + math.exp(-(x[0] * x1 + x[1] * x2)))
            common = -2 * (label - p) * p * (1 - p)
            slopes = [slopes[0] + common * x1, slopes[1] + common * x2]
        x = [entry - gamma(k) * slope for entry, slope in zip(x, slopes)]
        assert run.path[k + 1] == pytest.approx(x, rel=1e-9)


def test_the_three_descents_on_the_same_problem():
    start, gamma = [1.0, 1.0], nn.schedules.inverse_time()
    at_start = search.evaluate(E, start)
    exact = nn.descend(TERMS, start)
    single = nn.descend(TERMS, start, step=gamma, batch_size=1, limit=400)
    assert exact.stopped == "gradient" and single.stopped == "iterations"
    assert exact.value < 1e-6
    assert single.value == pytest.approx(2.94, abs=0.005), "the steps shrink before E has fallen"
    assert single.steps == [gamma(k) for k in range(400)]
    assert len(single.values) == 400 // 4 + 1  # measured once per pass
    unbiased = {"step": gamma, "limit": 400, "scale": "unbiased"}
    four, two = (nn.descend(TERMS, start, batch_size=size, **unbiased) for size in (1, 2))
    assert exact.value < two.value < four.value < 0.05 * at_start
    again = nn.descend(TERMS, start, step=gamma, batch_size=1, limit=400)
    assert again.path == single.path, "the draws are seeded"
    assert nn.descend(TERMS, start, step=gamma, batch_size=1, limit=400, seed=1).path != single.path


def test_a_stochastic_step_estimates_the_gradient_without_bias():
    start = [0.5, -0.5]
    _, gradient = autograd.value_and_grad(E)(start)
    unbiased = {"batch_size": 1, "limit": 1, "scale": "unbiased"}
    steps = [nn.descend(TERMS, start, step=1.0, seed=seed, **unbiased).x for seed in range(200)]
    estimates = {tuple(round(s - x, 12) for s, x in zip(start, step)) for step in steps}
    assert len(estimates) == 4, "each of the four samples is drawn"
    np.testing.assert_allclose(np.mean(sorted(estimates), axis=0), gradient, rtol=1e-9)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="needs a list of at least as many functions"):
        nn.descend(E, [0.0, 0.0], step=1.0, batch_size=1)
    with pytest.raises(ValueError, match="needs a list of at least as many functions"):
        nn.descend(TERMS, [0.0, 0.0], step=1.0, batch_size=5)
    with pytest.raises(ValueError, match="an exact line search needs the whole sum"):
        nn.descend(TERMS, [0.0, 0.0], batch_size=1)
    with pytest.raises(ValueError, match="step is 'exact', a number or a function"):
        nn.descend(TERMS, [0.0, 0.0], step="armijo")


def test_classes_by_a_threshold_with_both_kinds_of_labels():
    """Labels {0, 1}: threshold ½ on the sigmoid; labels {−1, +1}: threshold 0 on tanh, the same rule."""
    w = nn.descend(TERMS, [0.5, -1.5]).x
    net = [w[0] * x1 + w[1] * x2 for x1, x2 in FOUR.X.tolist()]
    assert [int(sigma(z) > 0.5) for z in net] == FOUR.y.tolist()
    assert [math.copysign(1, math.tanh(z / 2)) for z in net] == [2 * y - 1 for y in FOUR.y.tolist()]

    signed = [
        lambda v, x=x, y=2.0 * y - 1.0: (y - autograd.tanh(v[0] * x[0] + v[1] * x[1])) ** 2
        for x, y in zip(FOUR.X.tolist(), FOUR.y.tolist())
    ]
    v = nn.descend(signed, [0.25, -0.75]).x
    assert [1 if v[0] * x1 + v[1] * x2 > 0 else -1 for x1, x2 in FOUR.X.tolist()] == [1, 1, -1, -1]


# ---- sample-wise gradients --------------------------------------------------------------------------------------


def two_two_two_one(seed, activation="sigmoid", bias=False):
    model = nn.MLP(2, [2, 2, 1], activation=activation, output=activation, bias=bias, seed=seed)
    if bias:
        for j, layer in enumerate(model.layers):
            for k, neuron in enumerate(layer.neurons):
                neuron.bias.data = 0.3 * (j + 1) - 0.2 * k
    return model


def squared_error(prediction, y):
    return (prediction - y) ** 2


@given(st.integers(0, 500), st.sampled_from(["sigmoid", "tanh", "relu", "softplus", "sin"]), st.integers(0, 3))
def test_the_2221_network_path_by_path(seed, activation, sample):
    model = two_two_two_one(seed, activation)
    x, y = FOUR.X[sample].tolist(), float(FOUR.y[sample])
    W1, W2, W3 = (W for W, _, _ in reference.matrices(model))
    e, g1, g2, g3 = reference.paths_2221(W1, W2, W3, x, y, activation)
    root = squared_error(model(x), y)
    assert root.data == pytest.approx(e, rel=1e-10, abs=1e-300)
    engine = np.array(autograd.grad(root, model.parameters()))
    flat = np.concatenate([g1.ravel(), g2.ravel(), g3.ravel()])
    np.testing.assert_allclose(flat, engine, rtol=1e-10, atol=1e-300)


def test_the_lectures_two_examples_written_out():
    model = two_two_two_one(1)
    x, y = [-3.0, -3.0], 1.0
    entries = [Value(v) for v in x]
    first, second, third = model.layers
    z1 = [sum((w * v for w, v in zip(n.weights, entries)), 0.0) for n in first.neurons]
    a1 = [z.sigmoid() for z in z1]
    z2 = [sum((w * v for w, v in zip(n.weights, a1)), 0.0) for n in second.neurons]
    a2 = [z.sigmoid() for z in z2]
    z3 = sum((w * v for w, v in zip(third.neurons[0].weights, a2)), 0.0)
    y_hat = z3.sigmoid()
    e = (y_hat - y) ** 2
    e.backward()

    def slope(z):
        return sigma(z.data) * sigma(-z.data)

    de_dy = 2 * (y_hat.data - y)
    w3 = third.neurons[0].weights
    # ∇_{w²₁₁} e = ∂e/∂ŷ · φ'(z³₁) · w³₁₁ · φ'(z²₁) · a¹₁
    by_hand = de_dy * slope(z3) * w3[0].data * slope(z2[0]) * a1[0].data
    assert second.neurons[0].weights[0].grad == pytest.approx(by_hand, rel=1e-10)
    # ∂e/∂a¹₁ = Σᵢ ∂e/∂z²ᵢ · w²ᵢ₁: the sum over both paths
    assert a1[0].grad == pytest.approx(sum(z2[i].grad * second.neurons[i].weights[0].data for i in range(2)), rel=1e-10)
    assert [z.grad for z in z2] == pytest.approx([de_dy * slope(z3) * w3[i].data * slope(z2[i]) for i in range(2)])


@given(st.integers(0, 200), st.lists(st.integers(1, 4), min_size=2, max_size=6), st.booleans(),
       st.sampled_from(["sigmoid", "tanh", "relu", "gelu"]))  # fmt: skip
def test_the_general_form_with_and_without_biases(seed, widths, bias, activation):
    """∇_{Wˡ}e = Diag(φˡ') δˡ (aˡ⁻¹)ᵀ, δˡ = Vˡ⁺¹…Vᴸ δᴸ, and the homework: ∇_{bˡ}e = Diag(φˡ') δˡ."""
    rng = np.random.default_rng(seed)
    model = nn.MLP(widths[0], widths[1:], activation=activation, output=activation, bias=bias, seed=seed)
    for p in model.parameters():
        p.data = float(rng.normal())
    x, y = rng.normal(size=widths[0]), rng.normal(size=widths[-1])
    form = reference.general_form(model, x, y)

    out = model(x.tolist())
    out = out if isinstance(out, list) else [out]
    root = sum(squared_error(p, t) for p, t in zip(out, y.tolist()))
    engine = np.array(autograd.grad(root, model.parameters()))
    blocks = []
    L = len(widths) - 1
    for l in range(1, L + 1):  # noqa: E741
        product = np.eye(len(form.a[l]))
        for k in range(l + 1, L + 1):
            product = product @ form.V[k]
        np.testing.assert_allclose(form.delta[l], product @ form.delta[L], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(form.gradient_W[l], form.diag[l] @ form.delta[l] @ form.a[l - 1].T, rtol=1e-12)
        block = np.hstack([form.gradient_W[l], form.gradient_b[l]]) if bias else form.gradient_W[l]
        blocks.append(block.ravel())
        assert form.norm[l] <= form.bound[l] * (1 + 1e-12) <= form.product_bound[l] * (1 + 1e-11)
    np.testing.assert_allclose(np.concatenate(blocks), engine, rtol=1e-10, atol=1e-13 * (1 + np.abs(engine).max()))


# ---- exploding and vanishing gradients --------------------------------------------------------------------------


def deep(activation, scale, layers=8, width=6):
    rng = np.random.default_rng(0)
    model = nn.MLP(4, [width] * (layers - 1) + [1], activation=activation)
    for p in model.parameters():
        if "weights" in p.label:
            p.data = scale * float(rng.normal()) / math.sqrt(width)
    return model


def flow(activation, scale):
    rng = np.random.default_rng(1)
    return nn.gradient_flow(deep(activation, scale), rng.normal(size=(20, 4)), rng.normal(size=20), "mse_loss")


def test_the_measured_norm_is_that_of_the_engine_and_below_the_bounds():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    for activation in ("sigmoid", "tanh", "relu"):
        model = deep(activation, 1.0)
        measured = nn.gradient_flow(model, X, y, nn.mse_loss)
        root = nn.mse_loss([model(x) for x in X.tolist()], y.tolist())
        root.backward()
        assert measured.cost == pytest.approx(root.data, rel=1e-12)
        for layer, norm, bound, product in zip(model.layers, *measured[:3]):
            matrix = np.array([[w.grad for w in neuron.weights] for neuron in layer.neurons])
            assert norm == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-10, abs=1e-300)
            assert norm <= bound * (1 + 1e-12) and bound <= product * (1 + 1e-12)


def test_sigmoid_vanishes_tanh_and_relu_less_and_large_weights_explode():
    ratio = {name: flow(name, 1.5).norms[0] / flow(name, 1.5).norms[-1] for name in ("sigmoid", "tanh", "relu")}
    assert ratio["sigmoid"] < 1e-4, "σ' ≤ ¼: the gradient loses at least a factor of 4 per layer"
    assert ratio["tanh"] > 100 * ratio["sigmoid"] and ratio["relu"] > 100 * ratio["sigmoid"]
    assert flow("tanh", 0.2).norms[0] < 1e-3 * flow("tanh", 1.0).norms[0], "small weights vanish"
    assert flow("relu", 6.0).norms[0] > 1e4 * flow("relu", 1.0).norms[0], "large weights explode"


def test_flow_is_readable_and_refuses_what_does_not_fit():
    measured = flow("tanh", 1.0)
    assert str(measured).splitlines()[0].split() == ["layer", "‖∇W‖₂", "bound", "product", "of", "norms"]
    assert len(str(measured).splitlines()) == 10  # names, a line, eight layers
    with pytest.raises(ValueError, match="as many samples as targets"):
        nn.gradient_flow(deep("tanh", 1.0), np.zeros((3, 4)), [0.0], "mse_loss")
    with pytest.raises(ValueError, match="at least one"):
        nn.gradient_flow(deep("tanh", 1.0), np.zeros((0, 4)), [], "mse_loss")
