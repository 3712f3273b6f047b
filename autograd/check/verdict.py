"""What the numbers of one row mean: right, wrong, or not to be measured here, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import describe
from ..ops import TABLE
from ..value import Value
from .differences import Estimate
from .edges import crosses_kink, kinked_node, leaves_domain, on_edge
from .many_points import replay
from .rounding import value_noise
from .subject import Subject


def judge(slope: float, estimate: Estimate, atol: float, rtol: float, lost: float) -> str:
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


def explain(
    subject: Subject, nodes: Sequence[Value], index: int, slope: float, found: Estimate, verdict: str, sound: bool
) -> tuple[str, str]:
    """Why a row was not confirmed, found by calling the function at the points that the measurement rests on.

    Args:
        subject: the function.
        nodes: its graph at the point, parents before children.
        index: which input.
        slope: the analytic slope.
        found: the numeric one.
        verdict: what the numbers alone say.
        sound: whether every edge of the graph was found right, so that the rules are not to blame.

    Returns:
        The verdict, and a note that names the place.
    """
    if verdict in ("edge", "overflow"):
        return _first_trouble(subject, nodes, index, verdict)
    # round-off may hide whether a slope is right and yet show that it is not the function's
    contradicted = verdict == "round-off" and abs(slope - found.slope) > 16 * found.uncertainty
    if verdict not in ("kink", "wrong") and not contradicted:
        return verdict, ""
    x = subject.point[index]
    reach = found.step if verdict == "kink" else found.reach
    left, right = subject.operations(index, x - reach), subject.operations(index, x + reach)
    same = [node.op for node in nodes] == [o.op for o in left] == [o.op for o in right]
    for node, a, b in zip(nodes, left, right) if same else ():
        if a.operands != b.operands and on_edge(TABLE[node.op], [parent.data for parent in node.parents]):
            return "edge", f"no slope on both sides at {describe(node)}"
    if not math.isfinite(slope):
        for node in nodes:
            vertical = not all(map(math.isfinite, node.local_derivatives))
            if vertical and leaves_domain(TABLE[node.op], [parent.data for parent in node.parents]):
                return "edge", f"no finite slope at {describe(node)}"
    kinked = found.obstacle == "kink"
    slopes = f"slopes {found.left:.6g} and {found.right:.6g}" if kinked else "inside the step"
    if kinked and math.isinf(found.slope):
        slopes = "the function jumps here"
    if [o.op for o in left] != [o.op for o in right] and (sound or verdict == "kink"):
        return "kink", f"{slopes}: a branch of the Python code changes"
    for point in () if subject.fixed or verdict == "kink" else (x + reach, x - reach):
        called = subject.values([(index, point)])[0]
        recorded = replay(subject.root, subject.recorded, [(index, point)])[0]
        if abs(called - recorded) > 64 * value_noise(subject.root) + 1e-10 * max(abs(called), abs(recorded)):
            return "lost", f"at {point:.6g} it gives {called:.10g}, its recorded graph {recorded:.10g}"
    if verdict == "kink" or (sound and (not kinked or kinked_node(nodes) is None)):
        for node, a, b in zip(nodes, left, right) if same else ():
            if a.operands and crosses_kink(TABLE[a.op], a.operands, b.operands):
                return "kink", f"{slopes}, at {describe(node)}"
    if verdict == "wrong" and sound and not kinked and (chosen := kinked_node(nodes)) is not None:
        return "kink", f"the slope at {describe(chosen)} is a choice"
    scatter = max((abs(nearby - slope) for nearby in subject.slopes_nearby(index)), default=0.0)
    if verdict == "wrong" and abs(slope - found.slope) <= 16 * scatter:
        return "round-off", f"the analytic slope itself changes by {scatter:.1g} from one float to the next"
    return verdict, slopes if kinked else ""


def _first_trouble(subject: Subject, nodes: Sequence[Value], index: int, verdict: str) -> tuple[str, str]:
    """The node that leaves its domain, or overflows, at the point or right next to it."""
    x = subject.point[index]
    step = abs(x) * 1e-6 or 1e-6
    for point in (x, x + step, x - step):
        operations = subject.operations(index, point)
        for k, (op, operands, value) in enumerate(operations):
            if operands and not math.isfinite(value):
                outside = value != value or leaves_domain(TABLE[op], operands)
                place = f"{op}({', '.join(map(repr, operands))}) = {value!r}, next to the point"
                return "edge" if outside else "overflow", describe(nodes[k]) if point == x else place
    return verdict, ""
