"""Lines of a derivation as text, LaTeX and MathML."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from ..answer import Answer, mathematics
from ..notation.expression import Expression, fold, rounded
from ..notation.render import render
from ..notation.styles import Latex, MathML, Plain, Style, math_element
from ..text import xml


@dataclass(frozen=True)
class Line:
    """One line: ``left = right``, followed by the condition under which it holds. ``left`` is empty to continue."""

    section: str
    left: Expression | None
    right: Expression
    condition: str = ""

    def holds(self, digits: int) -> bool:
        """Whether the numbers as printed, with some significant digits, give what the line says, to half a percent."""
        exact, printed = self.right.evaluate(), rounded(self.right, digits).evaluate()
        return printed == exact or not math.isfinite(exact) or abs(printed - exact) <= 0.005 * abs(exact)

    @property
    def of_numbers(self) -> bool:
        """Whether the right side holds numbers alone, so that a reader can compute it."""
        return bool(fold(self.right, lambda node, parts: all(parts) and node.head not in _NAMED))


_NAMED = ("symbol", "partial", "applied", "prime", "dots", "indexed")


class Lines(Answer):
    """Equations, one per line, in sections.

    Attributes:
        lines: the lines, in order.
    """

    lines: list[Line]

    def _enough(self, digits: int) -> int:
        """At least so many digits, and as many more as it takes for 1 − 0.9999546 not to read 1 − 1."""
        computed = [line for line in self.lines if line.of_numbers]
        return next((n for n in range(digits, 18) if all(line.holds(n) for line in computed)), digits)

    def plain(self, digits: int = 4) -> str:
        """Unicode text, as ``str`` gives it.

        ``digits`` is the least number of significant digits: where so few would make a printed line false, as where
        nearly equal numbers are subtracted, all numbers get more.
        """
        style = Plain(self._enough(digits))
        blocks: list[str] = []
        for section, lines in itertools.groupby(self.lines, key=lambda line: line.section):
            blocks.append(section)
            indent = 0
            for line in lines:
                left = render(line.left, style) if line.left is not None else ""
                indent = len(left) if left else indent
                condition = f"    ({line.condition})" if line.condition else ""
                equals = " " if line.right.head == "dots" else "="
                blocks.append(f"  {left:>{indent}} {equals} {render(line.right, style)}{condition}")
            blocks.append("")
        return "\n".join(blocks[:-1])

    def __str__(self) -> str:
        return self.plain()

    def latex(self, digits: int = 4) -> str:
        """One ``align*`` block: put it into a document, or between ``$$`` in a notebook as ``aligned``."""
        return "\\begin{align*}\n" + self._aligned(digits) + "\n\\end{align*}"

    def _aligned(self, digits: int) -> str:
        style = Latex(self._enough(digits))
        rows: list[str] = []
        section = ""
        for line in self.lines:
            if rows:
                rows.append(" \\\\\n" if line.section == section else " \\\\[2ex]\n")
            section = line.section
            left = render(line.left, style) if line.left is not None else ""
            condition = f" && {_latex_condition(line.condition)}" if line.condition else ""
            equals = "" if line.right.head == "dots" else "= "
            rows.append(f"{left} &{equals}{render(line.right, style)}{condition}")
        return "".join(rows)

    def display(self) -> LatexDisplay:
        """For a notebook: an object that shows the LaTeX.

        A derivation itself shows MathML, which needs no MathJax but is stripped from untrusted notebooks and by GitHub.
        """
        return LatexDisplay("$$\\begin{aligned}\n" + self._aligned(4) + "\n\\end{aligned}$$", self.plain())

    def html(self, digits: int = 4) -> str:
        """A self-contained fragment: MathML, which browsers draw by themselves."""
        style: Style = MathML(self._enough(digits))
        parts: list[str] = []
        for section, lines in itertools.groupby(self.lines, key=lambda line: line.section):
            parts.append(f"<h2>{xml(section)}</h2><table>")
            for line in lines:
                left = math_element(render(line.left, style)) if line.left is not None else ""
                note = f'<td class="c">{xml(line.condition)}</td>' if line.condition else "<td></td>"
                equals = "" if line.right.head == "dots" else "<mo>=</mo>"
                right = math_element(equals + render(line.right, style))
                parts.append(f'<tr><td class="l">{left}</td><td>{right}</td>{note}</tr>')
            parts.append("</table>")
        shown = mathematics("".join(parts), self.plain(digits))
        return f'{_CSS}<div class="tracegrad-derivation">{shown}</div>'

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".tex": lambda: f"{self.latex()}\n"}


@dataclass(frozen=True)
class LatexDisplay:
    """LaTeX that a notebook typesets, and text elsewhere; HTML would outrank it in an object that offers both."""

    latex: str
    text: str

    def _repr_latex_(self) -> str:
        return self.latex

    def __repr__(self) -> str:
        return self.text


# JupyterLab aligns the cells of every table to the right and shades rows by more specific rules: hence "important".
_CSS = """<style>
.tracegrad-derivation{font:15px/1.5 system-ui,sans-serif;overflow-x:auto}
.tracegrad-derivation h2{margin:1em 0 .3em;font-size:1em}
.tracegrad-derivation table{border-collapse:collapse;margin:0}
.tracegrad-derivation tr{background:none!important}
.tracegrad-derivation td{padding:.35em 0;border:0;text-align:left!important;white-space:nowrap}
.tracegrad-derivation td.l{text-align:right!important;padding-left:1.5em;padding-right:.3em}
.tracegrad-derivation td.c{padding-left:2em;opacity:.75;font-size:.92em}
.tracegrad-derivation math{font-size:1.15em}
@media print{.tracegrad-derivation{overflow:visible}}
</style>"""


def _latex_condition(condition: str) -> str:
    if " = " in condition:
        return condition.replace("…", r"\dots").replace(";", r",\quad")
    letter, space, words = condition.partition(" ")
    return {"φ": r"\varphi", "σ": r"\sigma"}.get(letter, rf"\text{{{letter}}}") + rf"\text{{{space}{words}}}"
