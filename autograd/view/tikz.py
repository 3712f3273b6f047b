"""A placed picture as TikZ, for papers in LaTeX: it needs the package ``tikz`` alone, whichever engine reads it."""

from __future__ import annotations

from ..notation.names import GREEK, LOWERED, RAISED, escape_latex, latex_word
from ..text import visible
from .labels import Point
from .layout import Layout
from .palette import INK, MARK, PALE, PAPER, edge_colour, edge_width, fill, stroke_width
from .parts import NUMBERS, Rectangle, Words, arrow, box_parts
from .picture import Box, Picture, Wire

_DOCUMENT = r"""\documentclass[border=6pt]{standalone}
\usepackage[T1]{fontenc}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{tikz}
\begin{document}
%s\end{document}
"""

# A character that LaTeX has no command for: engines for Unicode write it, pdfTeX its number. The colors and this are
# set inside the picture, which so can be read into any document.
_PREAMBLE = r"""  \providecommand{\text}[1]{\mbox{#1}}%
  \providecommand{\anychar}[1]{\mbox{\ifdefined\Umathchar\char"#1\else\tiny U+#1\fi}}%
"""

_SIGNS = {
    "−": "$-$", "×": r"$\times$", "÷": r"$\div$", "·": r"$\cdot$", "±": r"$\pm$", "∞": r"$\infty$", "√": r"$\surd$",
    "∂": r"$\partial$", "Σ": r"$\Sigma$", "‖": r"$\Vert$", "′": "$'$", "≤": r"$\le$", "≥": r"$\ge$", "…": r"\ldots{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "\u00a0": "~",
}  # fmt: skip
_SIGNS |= {sign: rf"$\{word}$" for word, sign in GREEK.items() if word[0].islower() or word in ("Gamma", "Delta")}
_SIGNS |= {sign: f"$^{{{plain}}}$" for plain, sign in RAISED.items() if sign != ","}
_SIGNS |= {sign: f"$_{{{plain}}}$" for plain, sign in LOWERED.items() if sign != ","}
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
_FONTS = {"sign": r"\bfseries", "caption": r"\sffamily\small", "label": r"\bfseries", "slope": r"\small"}


def document(picture: Picture, layout: Layout, rankdir: str) -> str:
    """A whole LaTeX document that holds nothing but the picture."""
    return _DOCUMENT % source(picture, layout, rankdir)


def source(picture: Picture, layout: Layout, rankdir: str) -> str:
    """The ``tikzpicture`` of a placed picture, at its natural size: a point of the picture is 0.75 of a printer's."""
    colors = [INK, PALE, PAPER, MARK, *map(edge_colour, picture.wires), *map(fill, picture.boxes)]
    named = {color: f"tracegrad{i}" for i, color in enumerate(dict.fromkeys(colors))}
    lines = [r"\begin{tikzpicture}[x=0.75bp, y=-0.75bp, inner sep=0pt, outer sep=0pt]", _PREAMBLE.rstrip("\n")]
    lines += [rf"  \definecolor{{{name}}}{{HTML}}{{{color[1:].upper()}}}%" for color, name in named.items()]
    lines += [f"  % {visible(note)}" for note in picture.notes]
    for wire, route in zip(picture.wires, layout.routes):
        lines += _wire(wire, route, named[edge_colour(wire)])
    for wire, at in zip(picture.wires, layout.labels):
        if at is not None:
            style = f"fill={named[PAPER]}, fill opacity=0.85, text opacity=1, inner sep=1pt, font={_FONTS['slope']}"
            lines.append(rf"  \node[{style}] at {_at(at)} {{{number(wire.label)}}};")
    for i, box in enumerate(picture.boxes):
        rectangles, words = box_parts(box, *layout.positions[i], rankdir)
        lines += [_rectangle(box, each, named) for each in rectangles]
        lines += [line for each in words for line in _words(box, each, named)]
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def _at(point: Point) -> str:
    return f"({point[0]:.1f},{point[1]:.1f})"


def _wire(wire: Wire, route: list[Point], color: str) -> list[str]:
    curve, corners = arrow(wire, route)
    bends = "".join(
        f" .. controls {_at(a)} and {_at(b)} .. {_at(c)}" for a, b, c in zip(curve[1::3], curve[2::3], curve[3::3])
    )
    dashes = ", dashed" if wire.constant else ""
    return [
        rf"  \draw[{color}, line width={0.75 * edge_width(wire):.2f}bp{dashes}] {_at(curve[0])}{bends};",
        rf"  \fill[{color}] {' -- '.join(map(_at, corners))} -- cycle;",
    ]


def _rectangle(box: Box, part: Rectangle, named: dict[str, str]) -> str:
    outline = named[MARK if box.marked or box.bad else INK]
    corner = f"rounded corners={0.75 * min(part.corner, part.high / 2):.1f}bp" if part.corner else "sharp corners"
    style = {
        "sheet": f"draw={named[INK]}, fill={named[PAPER]}, line width=0.6bp",
        "box": f"draw={outline}, fill={named[fill(box)]}, line width={0.75 * stroke_width(box):.2f}bp"
        + (", densely dashed" if box.kind == "constant" or box.bad else ""),
        "band": f"fill={outline}",
        "badge": f"fill={named[MARK if box.marked else INK]}",
    }[part.role]
    opposite = _at((part.left + part.wide, part.top + part.high))
    return rf"  \path[{style}, {corner}] {_at((part.left, part.top))} rectangle {opposite};"


def _words(box: Box, words: Words, named: dict[str, str]) -> list[str]:
    color = {"sign": PAPER, "caption": PALE}.get(words.role, INK)
    font = _FONTS.get(words.role, r"\normalfont")
    write = number if words.role in NUMBERS else plain
    found = []
    for anchor, text in words.chunks:
        style = f"anchor={_ANCHORS[anchor]}, text={named[color]}, font={font}"
        written = f"${box.latex}$" if words.role == "label" and box.latex else write(text)
        found.append(rf"  \node[{style}] at {_at((words.x, words.y))} {{{_ascii(written)}}};")
    return found


def number(text: str) -> str:
    """A number, or the part of one from its point, as a formula; other text as it is."""
    if text.startswith((".", "e")):
        digits, _, power = text.partition("e")
        return f"${digits}" + (rf"{{\cdot}}10^{{{power.replace('−', '-')}}}" if power else "") + "$"
    written = latex_word(text)
    return plain(text) if "text" in written else f"${written}$"


def plain(text: str) -> str:
    """Any text so that LaTeX prints it and does not obey it."""
    return _ascii("".join(_SIGNS.get(c) or escape_latex(c) for c in visible(text)))


def _ascii(latex: str) -> str:
    """LaTeX in which characters that not every engine and font has are called by their numbers."""
    return "".join(c if c.isascii() else rf"\anychar{{{ord(c):X}}}" for c in latex)
