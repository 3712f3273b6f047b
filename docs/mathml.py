"""Formulas as MathML, written while the pages are built: they need no script and no font from anywhere."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

SPELLINGS = {r"{aligned}": r"{align*}", r"\\[2ex]": r"\\", r"\arg\max": r"\operatorname{arg\,max}"}
"""LaTeX that the notebooks hold and the converter knows under another spelling, or not at all."""


def mathml(latex: str, display: str) -> str:
    """A formula. One of which LaTeX's marks would be left over ends the build."""
    for ours, known in SPELLINGS.items():
        latex = latex.replace(ours, known)
    written = convert(latex, display=display)
    if "\\" in written or "<mi>&</mi>" in written:
        raise ValueError(f"the converter to MathML does not know a command in: {latex}")
    return written


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line of text."""
    writer.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def displayed(writer: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on a line of its own; a long one scrolls."""
    writer.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Take the place of MathJax."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
