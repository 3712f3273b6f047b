"""Second derivatives: the gradient of the gradient against finite differences of the gradient."""

from __future__ import annotations

import math

from .. import graph
from ..functional import grad
from ..value import Value
from .differences import Estimate, measure, measurement
from .edges import EdgeReport, check_edges, kinked_node
from .report import Row
from .rounding import gradient_noise, value_noise
from .subject import Subject
from .verdict import judge

PAIRS = 8
"""Up to this many inputs every second derivative is checked; beyond, the Hessian times a vector."""


def second_order(subject: Subject, atol: float, rtol: float) -> tuple[list[Row], EdgeReport]:
    """The rows of second order, and the edges that only the graph of the gradient has.

    Up to `PAIRS` inputs there is a row for ∂²f/∂xᵢ∂xⱼ of each ordered pair; for more, a row for each entry of the
    Hessian times a vector v, which moves every input at once.
    """
    leaves, labels, n = subject.recorded, subject.labels, len(subject.leaves)
    gradient = grad(subject.root, leaves, create_graph=True)
    noises = [value_noise(slope) for slope in gradient]
    recorded = set(graph.topological(subject.root))
    order = graph.topological(gradient)
    edges = check_edges([node for node in order if node not in recorded])
    kinked = kinked_node(order)
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
        verdict, note = judge(analytic, estimate, atol, rtol, lost), ""
        if verdict == "wrong" and not edges.wrong and kinked is not None:
            verdict, note = "kink", f"the slope at {graph.describe(kinked)} is a choice"
        return Row(label, value, analytic, estimate.slope, estimate.uncertainty + lost, verdict, note, 2)

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
