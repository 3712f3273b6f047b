"""`gradcheck`: the whole function and every edge of its graph against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import graph
from ..functional import grad
from ..ops import TABLE
from ..value import Number, Value, describe, real
from .differences import RUNGS, Estimate, measure, measurement
from .edges import EdgeReport, check_edges, crosses_kink, leaves_domain, on_edge
from .replay import replay
from .report import GradcheckError, Report, Row
from .rounding import gradient_noise, value_noise
from .subject import Subject

PAIRS = 8
"""Up to this many inputs every second derivative is checked; beyond, the Hessian times a vector."""
EXPLAINED = 12
"""For how many failed rows the function is called again to find out why."""


def gradcheck(
    f: Callable[..., Any] | Value,
    inputs: Iterable[Number],
    *,
    order: int = 1,
    atol: float = 0.0,
    rtol: float = 1e-8,
    raise_exception: bool = True,
) -> Report:
    """Check the derivatives of a scalar function against finite differences, and every edge of its graph.

    ``f`` is one of:

    - a function of the inputs, called as ``f(*inputs)``: ``gradcheck(lambda x, y: x * y.exp(), [2.0, 1.0])``;
    - a function without arguments that reads the inputs itself, which then are Values:
      ``gradcheck(lambda: loss(model, batch), model.parameters())``;
    - the root of a graph, the inputs being leaves of it: ``gradcheck(y, [a, b])``.

    Inputs that are Values are moved in place while f is called, one at a time, and restored to the bit, also when f
    raises; their ``.grad`` is left alone. A given graph is copied and never touched.

    *How a derivative passes.* Numeric slopes come from `autograd.check.differences`: central quotients on a ladder of
    steps from max(1, |x|)/4 down, three of them extrapolated, the trusted ones chosen by agreement from fine to
    coarse. Every numeric slope carries a measured bound of its own error (truncation: the change made by the last
    extrapolation; round-off: a running error analysis of the recorded graph, divided by the step; and whatever
    scatter the finest steps show). A row passes if ::

        |analytic − numeric| ≤ measured error + atol + rtol · max(|analytic|, |numeric|)

    and the measured error is small enough to say anything (1 % of the slope, or 1e-6 of |f|/max(1, |x|) for a slope
    that is nearly zero). So nothing is forgiven because it is "about 1e-6": where the function is smooth a factor of
    1 + 1e-7 is caught, whether the input is 1e-8 or 1e8, and where it is not, the row says what was in the way.
    ``rtol`` stands for the rounding of the analytic slope, ``atol`` for what the caller wishes to ignore.

    *Edges.* Whatever the whole function does, each stored local derivative is compared with finite differences of
    its own operation at the recorded operands; the first wrong one is named with its source line. A large graph is
    evaluated by replaying it on arrays, after f was shown to follow it with all inputs moved together.

    Args:
        f: the function or root.
        inputs: n ≥ 1 finite numbers or Values.
        order: 2 checks second derivatives too: the gradient of the gradient (``create_graph=True``) against finite
            differences of the gradient; for more than 8 inputs the Hessian times a vector, a row per input.
        atol: absolute error to ignore.
        rtol: relative error to ignore.
        raise_exception: raise if the check fails; else look at ``report.ok``.

    Returns:
        A `Report`: ``.ok``, ``.rows`` (label, value, analytic, numeric, uncertainty, error, verdict, note),
        ``.worst``, ``.edges``; printed, a table.

    Raises:
        GradcheckError: a derivative or edge is wrong or could not be measured; the message is the report.
        TypeError: f does not return one Value, or an input is not a real number.
        ValueError: no inputs, an input that is not finite, a function that changes from call to call.

    Example:
        >>> from autograd import Value, gradcheck
        >>> report = gradcheck(lambda x, y: x * y.exp(), [2.0, 1.0])
        >>> report.ok, report.rows[0].verdict
        (True, 'ok')
    """
    if order not in (1, 2) or isinstance(order, bool):
        raise ValueError(f"order is 1 or 2 (second derivatives too), not {order!r}")
    limits = real(atol, "gradcheck(atol=…)"), real(rtol, "gradcheck(rtol=…)")
    if not all(0 <= limit < math.inf for limit in limits):
        raise ValueError(f"atol and rtol are finite and not negative; got {atol!r} and {rtol!r}")
    subject = Subject(f, inputs)
    try:
        report = _check(subject, order, *limits)
    finally:
        subject.restore()
    if raise_exception and not report.ok:
        raise GradcheckError(report)
    return report


def _check(subject: Subject, order: int, atol: float, rtol: float) -> Report:
    root, leaves = subject.root, subject.recorded
    nodes = graph.topological(root)
    slopes = grad(root, leaves)
    noise, lost = value_noise(root), gradient_noise(root, leaves)
    estimates = measure(
        [measurement(x, root.data, noise, s, atol + e, rtol) for x, s, e in zip(subject.point, slopes, lost)],
        subject.evaluator(2 * RUNGS * len(slopes)),
    )
    edges = check_edges(nodes)
    reached = set(nodes)
    rows = []
    explained = 0
    for i, (label, slope, estimate) in enumerate(zip(subject.labels, slopes, estimates)):
        verdict, note = _verdict(slope, estimate, atol, rtol, lost[i]), ""
        if verdict != "ok" and edges.stale is not None:
            verdict = "stale"
        elif verdict != "ok" and explained < EXPLAINED:
            explained += 1
            verdict, note = _explain(subject, nodes, i, slope, estimate, verdict)
        elif leaves[i] not in reached:
            note = "the function does not use it"
        elif 0 < abs(slope) < estimate.uncertainty:
            note = "too small to be seen in the function's digits"
        uncertainty = estimate.uncertainty + lost[i]
        rows.append(Row(label, subject.point[i], slope, estimate.slope, uncertainty, verdict, note))
    if order == 2:
        second, more = _second_order(subject, atol, rtol)
        rows += second
        edges = EdgeReport(
            edges.checked + more.checked,
            edges.wrong + more.wrong,
            edges.unmeasured + more.unmeasured,
            edges.stale,
        )
    if not subject.fixed:
        again = subject.values([(0, subject.point[0])])[0]
        if again != root.data and (again == again or root.data == root.data):
            raise ValueError(f"the function gave {root.data!r} at first and {again!r} in the end at the same point")
    return Report(rows, edges, root.data, subject.calls)


def _verdict(slope: float, estimate: Estimate, atol: float, rtol: float, lost: float) -> str:
    """The verdict on an analytic slope, ``lost`` being what rounding may have cost it."""
    if slope == 0 == estimate.slope and estimate.obstacle in ("", "round-off"):
        return "ok"  # it does not move, and nobody says that it does
    if estimate.slope != estimate.slope:
        return estimate.obstacle
    if lost > max(atol, 1e-2 * abs(slope), 1e-6 * estimate.scale):
        return "round-off"
    if estimate.obstacle == "kink" and not math.isinf(estimate.slope):
        low, high = sorted((estimate.left, estimate.right))
        doubt = estimate.uncertainty + lost + atol + rtol * max(abs(low), abs(high))
        return "kink" if low - doubt <= slope <= high + doubt else "wrong"
    agrees = estimate.agrees(slope, atol + lost, rtol)
    if agrees and estimate.uncertainty <= atol:
        return "ok"
    return estimate.obstacle or ("ok" if agrees else "round-off" if estimate.noisy else "wrong")


# ---- why a row failed -------------------------------------------------------------------------------------------


def _explain(
    subject: Subject, nodes: Sequence[Value], index: int, slope: float, found: Estimate, verdict: str
) -> tuple[str, str]:
    """The kind of a mismatch and a note that names the place."""
    if verdict in ("edge", "overflow"):
        return _first_trouble(subject, nodes, index, verdict)
    if verdict not in ("kink", "wrong"):
        return verdict, ""
    x, step = subject.point[index], found.step
    left, right = subject.operations(index, x - step), subject.operations(index, x + step)
    for node, a, b in zip(nodes, left, right):
        if a.operands != b.operands and on_edge(TABLE[node.op], [parent.data for parent in node.parents]):
            return "edge", f"no slope on both sides at {describe(node)}"
    if not math.isfinite(slope):
        for node in nodes:
            vertical = not all(map(math.isfinite, node.local_derivatives))
            if vertical and leaves_domain(TABLE[node.op], [parent.data for parent in node.parents]):
                return "edge", f"no finite slope at {describe(node)}"
    if found.obstacle == "kink":
        slopes = f"slopes {found.left:.6g} and {found.right:.6g}"
        if [o.op for o in left] != [o.op for o in right]:
            return "kink", f"{slopes}: a branch of the Python code changes"
        for node, a, b in zip(nodes, left, right):
            if a.operands and crosses_kink(TABLE[a.op], a.operands, b.operands):
                return verdict, f"{slopes}, at {describe(node)}"
        return verdict, slopes
    for point in () if subject.fixed else (x + 16 * step, x - 16 * step):
        called = subject.values([(index, point)])[0]
        recorded = replay(subject.root, subject.recorded, [(index, point)])[0]
        if abs(called - recorded) > 64 * value_noise(subject.root) + 1e-10 * max(abs(called), abs(recorded)):
            return "lost", f"at {point:.6g} it gives {called:.10g}, its recorded graph {recorded:.10g}"
    scatter = max(abs(subject.slope(index, x + k * math.ulp(x)) - slope) for k in (-2, -1, 1, 2))
    if abs(slope - found.slope) <= 16 * scatter:
        return "round-off", f"the analytic slope itself changes by {scatter:.1g} from one float to the next"
    return verdict, ""


def _first_trouble(subject: Subject, nodes: Sequence[Value], index: int, verdict: str) -> tuple[str, str]:
    """The node that leaves its domain, or overflows, at the point or just beside it."""
    x = subject.point[index]
    step = abs(x) * 1e-6 or 1e-6
    for point in (x, x + step, x - step):
        operations = subject.operations(index, point)
        for k, (op, operands, value) in enumerate(operations):
            if operands and not math.isfinite(value):
                outside = value != value or leaves_domain(TABLE[op], operands)
                place = describe(nodes[k]) if len(operations) == len(nodes) else f"{op}({operands})"
                return "edge" if outside else "overflow", place
    return verdict, ""


# ---- second derivatives -----------------------------------------------------------------------------------------


def _second_order(subject: Subject, atol: float, rtol: float) -> tuple[list[Row], EdgeReport]:
    leaves, labels, n = subject.recorded, subject.labels, len(subject.leaves)
    gradient = grad(subject.root, leaves, create_graph=True)
    noises = [value_noise(slope) for slope in gradient]
    edges = check_edges(
        [node for node in graph.topological(gradient) if node not in set(graph.topological(subject.root))]
    )
    known: dict[tuple[float, ...], list[float]] = {}

    def gradient_at(point: tuple[float, ...]) -> list[float]:
        if point not in known:
            for leaf, number in zip(subject.leaves, point):
                leaf.data = number
            try:
                y = subject.call()
                known[point] = grad(y, subject.leaves) if isinstance(y, Value) else [0.0] * n
            except (ArithmeticError, ValueError):
                known[point] = [math.nan] * n
            subject.restore()
        return known[point]

    def row(label: str, value: float, analytic: float, estimate: Estimate, lost: float) -> Row:
        verdict = _verdict(analytic, estimate, atol, rtol, lost)
        return Row(label, value, analytic, estimate.slope, estimate.uncertainty + lost, verdict, "", 2)

    rows = [grad(slope, leaves) for slope in gradient]
    errors = [gradient_noise(slope, leaves) for slope in gradient]
    if n <= PAIRS:
        pairs = [(i, j) for i in range(n) for j in range(n)]

        def moved(j: int, number: float) -> tuple[float, ...]:
            return (*subject.point[:j], number, *subject.point[j + 1 :])

        estimates = measure(
            [
                measurement(subject.point[j], gradient[i].data, noises[i], rows[i][j], atol + errors[i][j], rtol)
                for i, j in pairs
            ],
            lambda requests: [gradient_at(moved(pairs[k][1], x))[pairs[k][0]] for k, x in requests],
        )
        second = [
            row(f"{labels[i]}, {labels[j]}", subject.point[j], rows[i][j], estimate, errors[i][j])
            for (i, j), estimate in zip(pairs, estimates)
        ]
        return second, edges
    # A direction in which every input moves in proportion to its size, with signs that do not conspire.
    direction = [(1 - 2 * (i * i % 7 % 2)) * (abs(x) or 1.0) for i, x in enumerate(subject.point)]
    products = [math.fsum(h * v for h, v in zip(hs, direction) if h) for hs in rows]
    lost = [sum(e * abs(v) for e, v in zip(es, direction)) for es in errors]

    def along(t: float) -> tuple[float, ...]:
        return tuple(x + t * v for x, v in zip(subject.point, direction))

    estimates = measure(
        [
            measurement(0.0, g.data, noise, product, atol + e, rtol)
            for g, noise, product, e in zip(gradient, noises, products, lost)
        ],
        lambda requests: [gradient_at(along(t))[i] for i, t in requests],
    )
    columns = zip(labels, subject.point, products, estimates, lost)
    return [row(f"{label}, along v", x, product, found, e) for label, x, product, found, e in columns], edges


def error_curve(
    f: Callable[[Value], Value], x: float, steps: Iterable[float] | None = None
) -> list[tuple[float, float, float]]:
    """How wrong finite differences are, step by step: the U-curve of truncation and round-off.

    Args:
        f: a function of one Value.
        x: the point.
        steps: the steps h to try; by default four per decade from 1e-16 to 1 times max(1, |x|).

    Returns:
        One tuple per step: (h, |forward − exact|, |central − exact|), with the derivative of the graph as exact,
        (f(x+h) − f(x))/h as forward and (f(x+h) − f(x−h))/2h as central difference. The forward error falls like h
        and the central one like h² until round-off, which grows like 1/h, takes over.

    Raises:
        ValueError: a step is not positive.

    Example:
        >>> curve = error_curve(lambda x: x.exp(), 1.0, [1e-2, 1e-5, 1e-12])
        >>> [central < forward for h, forward, central in curve[:2]]
        [True, True]
    """
    at = real(x, "error_curve")
    if steps is None:
        steps = [10.0 ** (k / 4) * max(1.0, abs(at)) for k in range(-64, 1)]
    listed = [real(h, "error_curve") for h in steps]
    if not all(h > 0 for h in listed):
        raise ValueError("the steps of an error curve are positive")
    subject = Subject(f, [at])
    [exact] = grad(subject.root, subject.leaves)
    value = subject.root.data
    curve = []
    for h in listed:
        above, below = subject.values([(0, at + h), (0, at - h)])
        curve.append((h, abs((above - value) / h - exact), abs((above - below) / (2 * h) - exact)))
    return curve
