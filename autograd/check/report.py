"""What a gradient check found: rows, verdicts, the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..answer import Answer, Part
from ..notation.tables import Table
from ..text import counted, minus
from .edges import EdgeReport


class GradcheckError(AssertionError):
    """A derivative disagrees with finite differences; the message is the report.

    Attributes:
        report: the `Report` itself.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(f"\n{report}")
        self.report = report


class UndecidedError(GradcheckError):
    """A derivative could not be measured at this point: nothing is said against the rule, and nothing confirms it.

    It is an error because a test that could not look must not pass; move the point, as the report advises. A grader
    that wants to tell the two apart catches this class first, or reads `Report.outcome`.
    """


REFUTED = frozenset({"wrong", "lost", "stale"})
"""The verdicts under which the analytic derivative is not that of the function."""

ADVICE = {
    "wrong": "wrong rule: the numeric slope is reliable here and the analytic one is not it.",
    "kink": "kink inside the step: the slope jumps here, so there is no derivative to check. Nothing is said against "
    "the rule. Move the point.",
    "edge": "edge of the domain: the function does not exist on either side of this point. Nothing is said against the "
    "rule. Move the point inside.",
    "overflow": "overflow: the function or its slope is beyond 1.8e308 here. Nothing is said against the rule. Scale "
    "the inputs, or move the point.",
    "truncation": "truncation: the function bends too sharply for the smallest useful step, so the numeric slope is "
    "not reliable. Nothing is said against the rule; check it at a smoother point.",
    "round-off": "round-off: the function's own rounding error hides the slope. Nothing is said against the rule; "
    "check it where less cancels, or subtract large constants from the function.",
    "lost": "lost dependence: the function moves with this input outside the recorded graph (.data, math.*, a plain "
    "number made from a Value, or a node built before the call), so its gradient cannot be right.",
    "stale": "stale graph: data was edited after the graph was built. Call autograd.graph.forward(root) first.",
}
"""What each verdict means and what to do about it."""


class Row(NamedTuple):
    """One derivative: what the graph says, what finite differences say, and the verdict.

    Attributes:
        label: the input's name, as in every view (w¹₃₄); ``"x, y"`` for the second derivative by x and y.
        value: the input's number.
        analytic: the derivative by the chain rule.
        numeric: the derivative by finite differences; nan if none could be measured.
        uncertainty: measured bound of the error of ``numeric``, truncation and round-off together.
        verdict: ``"ok"`` or a key of `ADVICE`.
        note: what is particular to this row.
        order: 1 or 2.
    """

    label: str
    value: float
    analytic: float
    numeric: float
    uncertainty: float
    verdict: str
    note: str = ""
    order: int = 1

    @property
    def error(self) -> float:
        """|analytic − numeric|; 0 if both are the same infinity."""
        return 0.0 if self.analytic == self.numeric else abs(self.analytic - self.numeric)


_LONG = 40


class Report(Answer):
    """The result of `gradcheck`; ``str(report)`` is a table.

    Attributes:
        rows: one `Row` per input, in order; with ``order=2`` followed by the second derivatives.
        edges: how many edges were compared, which are wrong, which could not be measured.
        value: the function's value at the point.
        calls: how often the function was called.
    """

    def __init__(self, rows: Sequence[Row], edges: EdgeReport, value: float, calls: int) -> None:
        self.rows = list(rows)
        self.edges = edges
        self.value = value
        self.calls = calls

    @property
    def outcome(self) -> str:
        """``"passed"``, ``"failed"`` or ``"cannot say"``.

        Failed: a derivative or an edge is wrong, depends on the input behind the graph's back, or the graph is stale.
        Cannot say: nothing is wrong, but a derivative could not be measured at this point (a kink, the edge of a
        domain, overflow, round-off), so that nothing confirms it.
        """
        verdicts = {row.verdict for row in self.rows}
        if verdicts & REFUTED or self.edges.wrong or self.edges.stale is not None:
            return "failed"
        return "passed" if verdicts <= {"ok"} else "cannot say"

    @property
    def ok(self) -> bool:
        """Whether the outcome is "passed": every derivative was measured and found right, and no edge is wrong.

        A grader gives marks for ``report.ok``, takes them for ``report.outcome == "failed"``, and asks again at
        another point for ``"cannot say"``.
        """
        return self.outcome == "passed"

    @property
    def worst(self) -> Row:
        """The row whose error is largest relative to the derivative; a wrong one if any is, else one not measured."""

        def badness(row: Row) -> tuple[bool, bool, float]:
            size = max(abs(row.analytic), abs(row.numeric))
            ratio = row.error / size if size else 0.0
            return row.verdict in REFUTED, row.verdict != "ok", ratio if ratio == ratio else float("inf")

        return max(self.rows, key=badness)

    def table(self, limit: int | None = None) -> str:
        """The rows as aligned text; with ``limit`` the failed and the least exact ones only."""
        return str(self._table(limit))

    def _table(self, limit: int | None) -> Table:
        shown = self.rows
        if limit is not None and len(shown) > limit:
            failed = [row for row in shown if row.verdict != "ok"]
            passed = sorted((row for row in shown if row.verdict == "ok"), key=lambda row: -row.error)
            chosen = set(map(id, [*failed, *passed][:limit]))
            shown = [row for row in shown if id(row) in chosen]
        heads = ["input", "at", "analytic", "numeric", "± measured", "error", "verdict"]
        heads += [""] if any(row.note for row in shown) else []
        left = len(self.rows) - len(shown)
        note = f"… and {left} more rows; report.table() prints them all" if left else ""
        return Table(heads, [_cells(row)[: len(heads)] for row in shown], range(1, 6), limit=160, note=note)

    def _heading(self) -> str:
        return "Gradient check"

    def _content(self) -> list[Part]:
        failed = [row for row in self.rows if row.verdict != "ok"]
        first = sum(row.order == 1 for row in self.rows)
        second = len(self.rows) - first
        what = counted(first, "first derivative")
        if second:
            what = f"{first} first and {counted(second, 'second derivative')}"
        state = self.outcome if self.ok else f"{self.outcome.upper()} ({self._trouble(failed)})"
        parts: list[Part] = [f"gradcheck {state}: {what}, {counted(self.edges.checked, 'edge')}, f = {self.value:.10g}"]
        if self.edges.wrong:
            parts.append(f"First wrong operation: {self.edges.wrong[0]}")
            names = dict.fromkeys(edge.node.op for edge in self.edges.wrong)
            if others := [*names][1:]:
                parts.append(f"Also wrong: {', '.join(others)}")
        parts.append(self._table(_LONG))
        verdicts = dict.fromkeys(row.verdict for row in failed)
        if self.edges.stale is not None:
            verdicts["stale"] = None
        return [*parts, *(ADVICE[verdict] for verdict in verdicts), *self.edges.remarks()]

    def _trouble(self, unconfirmed: Sequence[Row]) -> str:
        refuted = [row for row in unconfirmed if row.verdict in REFUTED]
        open_ = len(unconfirmed) - len(refuted)
        parts = [f"{len(refuted)} of {len(self.rows)} rows"] if self.outcome == "failed" else []
        parts += [f"{open_} of {len(self.rows)} rows not measurable here"] if open_ else []
        parts += [f"{len(self.edges.wrong)} wrong edge{'s' * (len(self.edges.wrong) > 1)}"] if self.edges.wrong else []
        parts += ["stale graph"] if self.edges.stale is not None else []
        return ", ".join(parts)


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (f"{row.value:.6g}", f"{row.analytic:.10g}", f"{row.numeric:.10g}")
    doubts = (f"{row.uncertainty:.1e}", f"{row.error:.1e}")
    return (row.label, *map(minus, (*numbers, *doubts)), row.verdict, row.note)
