"""`gradcheck`: the whole function and every edge of its graph against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from .. import graph
from ..functional import grad
from ..notation.naming import UserNames
from ..value import Number, Value, real
from .differences import RUNGS, measure, measurement
from .edges import EdgeReport, check_edges
from .report import REFUTED, GradcheckError, Report, Row, UndecidedError
from .rounding import gradient_noise, value_noise
from .second import second_order
from .subject import Subject
from .verdict import explain, judge

EXPLAINED = 12
"""For how many unconfirmed rows the function is called again to find out why. Beyond, only a row that would be the
first to accuse a rule is looked at: none is called wrong because nobody looked."""


def gradcheck(
    f: Callable[..., Any] | Value,
    inputs: Iterable[Number],
    *,
    order: int = 1,
    atol: float = 0.0,
    rtol: float = 1e-8,
    raise_exception: bool = True,
    names: UserNames | None = None,
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
    scatter the finest steps show), and the analytic slope one of what its sums have lost where large paths cancel
    (`autograd.check.rounding`). A row passes if ::

        |analytic − numeric| ≤ both measured errors + atol + rtol · max(|analytic|, |numeric|)

    and the measured error is small enough to say anything (1 % of the slope, or 1e-6 of |f|/max(1, |x|) for a slope
    that is nearly zero). So nothing is forgiven because it is "about 1e-6": where the function is smooth a factor of
    1 + 1e-7 is caught, whether the input is 1e-8 or 1e8, and where it is not, the row says what was in the way.
    ``rtol`` stands for the rounding of local derivatives, ``atol`` for what the caller wishes to ignore. Slopes too
    small to be seen in the digits of the function (a sigmoid at 40) pass with a note.

    *Three outcomes.* ``report.outcome`` is "passed", "failed" (a derivative or an edge is wrong) or "cannot say":
    the point lies on a kink, on the edge of a domain, or its slope is drowned in round-off, so that nothing could be
    confirmed and nothing is said against the rule. The report says which it was, at which operation, and what to do.
    ``report.ok`` is True for "passed" alone. A check that cannot say raises as well, an error of a class of its own
    (`UndecidedError`) that says so: a test that could not look must not pass.

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
        raise_exception: raise unless the check passes; else look at ``report.outcome``.
        names: letters of your own for the table: a mapping from a Value, or from a label, to a name.

    Returns:
        A `Report`: ``.ok``, ``.outcome``, ``.rows`` (label, value, analytic, numeric, uncertainty, error, verdict,
        note), ``.worst``, ``.edges``; printed, a table.

    Raises:
        GradcheckError: a derivative or an edge is wrong; the message is the report.
        UndecidedError: nothing is wrong, but a derivative could not be measured here (a `GradcheckError` too).
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
    subject = Subject(f, inputs, names)
    try:
        report = _check(subject, order, *limits)
    finally:
        subject.restore()
    if raise_exception and not report.ok:
        raise GradcheckError(report) if report.outcome == "failed" else UndecidedError(report)
    return report


def _check(subject: Subject, order: int, atol: float, rtol: float) -> Report:
    root, leaves = subject.root, subject.recorded
    nodes = graph.topological(root)
    edges = check_edges(nodes)
    slopes = grad(root, leaves)
    noise, lost = value_noise(root), gradient_noise(root, leaves)
    estimates = measure(
        [measurement(x, root.data, noise, s, atol + e, rtol) for x, s, e in zip(subject.point, slopes, lost)],
        subject.evaluator(2 * RUNGS * len(slopes)),
    )
    reached = set(nodes)
    rows = []
    explained, accused = 0, False
    for i, (label, slope, estimate) in enumerate(zip(subject.labels, slopes, estimates)):
        verdict, note = judge(slope, estimate, atol, rtol, lost[i]), ""
        if verdict != "ok" and edges.stale is not None:
            verdict = "stale"
        elif verdict != "ok" and (explained < EXPLAINED or (verdict == "wrong" and not accused)):
            explained += 1
            verdict, note = explain(subject, nodes, i, slope, estimate, verdict, not edges.wrong)
        elif leaves[i] not in reached:
            note = "the function does not use it"
        elif 0 < abs(slope) < estimate.uncertainty:
            note = "too small to be seen in the function's digits"
        accused = accused or verdict in REFUTED
        uncertainty = estimate.uncertainty + lost[i]
        rows.append(Row(label, subject.point[i], slope, estimate.slope, uncertainty, verdict, note))
    if order == 2:
        second, more = second_order(subject, atol, rtol)
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
