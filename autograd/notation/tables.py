"""Tables for a terminal and for HTML, from one list of rows."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from ..text import minus, shortened, visible, xml

Row = Sequence[str]


def column(numbers: Sequence[float], digits: int = 5, sign: bool = True) -> list[str]:
    """Numbers of one column with the same number of decimals (or all with exponents), so that their points align."""
    sizes = [abs(x) for x in numbers if x and math.isfinite(x)]
    plus = "+" if sign else ""
    if not sizes:
        return [minus(f"{x:{plus}g}") if x else "0" for x in numbers]
    largest, smallest = max(sizes), min(sizes)
    if largest >= 10.0**digits or largest < 1e-4 or smallest < largest * 1e-4 * 10.0 ** -(digits - 4):
        return [minus(f"{x:{plus}.{digits - 1}e}") if x else "0" for x in numbers]
    decimals = max(0, digits - 1 - math.floor(math.log10(largest)))
    return [minus(f"{x:{plus}.{decimals}f}") if x else "0" for x in numbers]


def width(text: str) -> int:
    """The number of terminal cells that a text takes."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def terminal(heads: Row, rows: Sequence[Row | None], numeric: Sequence[int], limit: int = 68) -> str:
    """The rows as aligned text; None is a rule. ``numeric`` columns are aligned right, others cut at ``limit``."""
    cells = [[cut(cell, limit) for cell in row] for row in (heads, *(row for row in rows if row is not None))]
    widths = [max(width(row[i]) for row in cells) for i in range(len(heads))]

    def line(row: Row) -> str:
        padded = []
        for i, cell in enumerate(row):
            text = cut(cell, limit)
            space = " " * (widths[i] - width(text))
            padded.append(space + text if i in numeric else text + space)
        return "  ".join(padded).rstrip()

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(heads), rule, *(rule if row is None else line(row) for row in rows)])


def cut(text: str, limit: int) -> str:
    """A text on one line, not longer than ``limit``; the middle goes first."""
    return shortened(visible(" ".join(text.split())), limit, " … ")


STYLE = """<style>
.tracegrad-table{border-collapse:collapse;font:14px/1.5 system-ui,sans-serif;margin:.5em 0;color:inherit}
.tracegrad-table caption{caption-side:top;text-align:left;font-weight:600;padding:.2em 0 .5em;color:inherit}
.tracegrad-table th{text-align:left;font-weight:600;border-bottom:1.5px solid currentColor;padding:.25em .8em}
.tracegrad-table td{text-align:left;padding:.2em .8em;border:0}
.tracegrad-table .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.tracegrad-table tr.rule td{border-top:1px solid currentColor}
.tracegrad-table .bar{min-width:10em}
.tracegrad-table .bar svg{display:block}
.tracegrad-note{font:14px/1.5 system-ui,sans-serif;max-width:60em;margin:.3em 0}
</style>"""


def table_html(
    caption: str, heads: Row, rows: Sequence[Row | None], numeric: Sequence[int], bars: Sequence[float] = ()
) -> str:
    """The rows as an HTML table, everything escaped; ``bars`` adds a column of bars to the first rows."""
    drawn = bool(bars)
    lines = [
        f"<tr>{''.join(_cell('th', head, i in numeric) for i, head in enumerate(heads))}{'<th></th>' * drawn}</tr>"
    ]
    finite = [abs(bar) for bar in bars if math.isfinite(bar)]
    scale = max(finite, default=0.0) or 1.0
    rule, position = "", 0
    for row in rows:
        if row is None:
            rule = ' class="rule"'
            continue
        cells = "".join(_cell("td", cell, i in numeric) for i, cell in enumerate(row))
        bar = f'<td class="bar">{_bar(bars[position] / scale) if position < len(bars) else ""}</td>' if drawn else ""
        lines.append(f"<tr{rule}>{cells}{bar}</tr>")
        rule, position = "", position + 1
    return f'{STYLE}<table class="tracegrad-table"><caption>{xml(caption)}</caption>{"".join(lines)}</table>'


def _cell(tag: str, text: str, numeric: bool) -> str:
    # JupyterLab aligns the cells of every table to the right, and strips style sheets from untrusted notebooks
    kind = ' class="n"' if numeric else ' style="text-align:left"'
    return f"<{tag}{kind}>{xml(text)}</{tag}>"


def _bar(share: float) -> str:
    """A bar to the right of the middle for a positive share, to the left for a negative one."""
    if not math.isfinite(share):
        return ""
    length = 60 * min(1.0, abs(share))
    left, colour = (70, "#0072b2") if share >= 0 else (70 - length, "#d55e00")
    return (
        '<svg width="140" height="14" viewBox="0 0 140 14" aria-hidden="true"><path d="M70 0V14" stroke="currentColor" '
        f'stroke-width=".7"/><rect x="{left:.1f}" y="3" width="{length:.1f}" height="8" fill="{colour}"/></svg>'
    )
