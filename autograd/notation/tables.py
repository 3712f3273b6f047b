"""Tables for a terminal and for HTML, from one list of rows."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ..text import minus, shortened, visible, xml

Row = Sequence[str]
LONGEST = 160
"""Letters of a cell in HTML; a longer one loses its middle."""


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


def spread(count: int, among: Collection[int] = (), most: int = 12) -> list[int]:
    """Which rows of a long table to show: the first, the last, those in ``among``, and others evenly between them."""
    if count <= most:
        return list(range(count))
    chosen = {0, count - 1, *among}
    between = most - len(chosen)
    return sorted(chosen | {round((i + 1) * (count - 1) / (between + 1)) for i in range(between)})


def width(text: str) -> int:
    """The number of terminal cells that a text takes."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def beside(texts: Sequence[str], notes: Sequence[str]) -> list[str]:
    """Each text with its note; the notes begin in one column."""
    widest = max(map(width, texts), default=0)
    return [f"{text}{' ' * (widest - width(text))}   {note}".rstrip() for text, note in zip(texts, notes)]


def cut(text: str, limit: int) -> str:
    """A text on one line, not longer than ``limit``; the middle goes first."""
    return shortened(visible(" ".join(text.split())), limit, " … ")


class Table(NamedTuple):
    """Rows of text, to be read in a terminal or as HTML.

    Attributes:
        heads: the heading of each column.
        rows: the cells; None is a rule.
        numeric: the columns that are aligned right; `column` writes numbers whose decimal points then align.
        caption: the title above.
        bars: for the first rows, the length of a bar that HTML shows next to them.
        limit: in a terminal, the width at which other columns are cut.
        note: a line below.
    """

    heads: Row
    rows: Sequence[Row | None]
    numeric: Collection[int]
    caption: str = ""
    bars: Sequence[float] = ()
    limit: int = 68
    note: str = ""

    def __str__(self) -> str:
        """Aligned text."""
        cells = [[cut(cell, self.limit) for cell in row] for row in (self.heads, *filter(None, self.rows))]
        widths = [max(map(width, entries)) for entries in zip(*cells)]

        def line(row: Row) -> str:
            padded = []
            for i, cell in enumerate(row):
                text = cut(cell, self.limit)
                space = " " * (widths[i] - width(text))
                padded.append(space + text if i in self.numeric else text + space)
            return "  ".join(padded).rstrip()

        head, *body = [None if row is None else line(row) for row in (self.heads, *self.rows)]
        rule = "─" * max(width(written) for written in (head, *body) if written is not None)
        lines = [head, rule, *(rule if written is None else written for written in body)]
        return "\n".join(filter(None, [visible(self.caption), *lines, visible(self.note)]))

    def html(self) -> str:
        """A ``<table>``, everything escaped; where it is wider than the page it scrolls, by keyboard too."""
        more = "<td></td>" if self.bars else ""
        heads = "".join(self._cell("th" if head else "td", i, head) for i, head in enumerate(self.heads))
        lines: list[str] = []
        scale = max((abs(bar) for bar in self.bars if math.isfinite(bar)), default=0.0) or 1.0
        rule, position = "", 0
        for row in self.rows:
            if row is None:
                rule = ' class="rule"'
                continue
            cells = "".join(self._cell("td", i, cut(cell, LONGEST)) for i, cell in enumerate(row))
            bar = _bar(self.bars[position] / scale) if position < len(self.bars) else ""
            cells += f'<td class="bar">{bar}</td>' if self.bars else ""
            lines.append(f"<tr{rule}>{cells}</tr>")
            rule, position = "", position + 1
        caption = f"<p><b>{xml(self.caption)}</b></p>" if self.caption else ""
        body = f"<thead><tr>{heads}{more}</tr></thead><tbody>{''.join(lines)}</tbody>"
        note = f"<p>{xml(self.note)}</p>" if self.note else ""
        name = xml(self.caption or f"Table of {', '.join(filter(None, self.heads))}")
        frame = f'<div class="tracegrad-scroll" tabindex="0" role="group" aria-label="{name}">'
        return f'{caption}{frame}<table class="tracegrad-table">{body}</table></div>{note}'

    def _cell(self, tag: str, i: int, text: str) -> str:
        # JupyterLab aligns the cells of every table to the right, and strips style sheets from untrusted notebooks
        kind = ' class="n"' if i in self.numeric else ' style="text-align:left"'
        kind += ' class="long"' if i not in self.numeric and width(text) > 24 else ""
        return f"<{tag}{kind}>{xml(text)}</{tag}>"


def _bar(share: float) -> str:
    """A bar to the right of the middle for a positive share, to the left for a negative one."""
    if not math.isfinite(share):
        return ""
    length = 60 * min(1.0, abs(share))
    left, color = (70, "#0072b2") if share >= 0 else (70 - length, "#d55e00")
    return (
        '<svg width="140" height="14" viewBox="0 0 140 14" aria-hidden="true"><path d="M70 0V14" stroke="currentColor" '
        f'stroke-width=".7"/><rect x="{left:.1f}" y="3" width="{length:.1f}" height="8" fill="{color}"/></svg>'
    )
