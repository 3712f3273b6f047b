"""A picture as Mermaid text: a flowchart that web pages draw from a code block."""

from __future__ import annotations

from .palette import INK, MARK, fill
from .picture import Box, Picture, Wire

_SHAPES = {"operation": "([{}])", "constant": "({})"}


def source(picture: Picture, rankdir: str = "LR") -> str:
    """The Mermaid text of a picture: deterministic, every label quoted and escaped."""
    lines = [f"flowchart {rankdir}", *(f"  %% {_comment(note)}" for note in picture.notes)]
    for i, box in enumerate(picture.boxes):
        lines += [f"  n{i}{_SHAPES.get(box.kind, '[{}]').format(_label(box))}", f"  style n{i} {_style(box)}"]
    lines += [_edge(wire) for wire in picture.wires]
    return "\n".join(lines) + "\n"


def _label(box: Box) -> str:
    heading = " ".join(filter(None, [box.sign, box.title]))
    rows = [value if box.kind == "constant" else f"{caption} {value}" for caption, value in box.rows]
    return '"' + "<br/>".join(escaped(" ".join(line.split())) for line in [heading, *rows] if line) + '"'


def _style(box: Box) -> str:
    outline = MARK if box.marked or box.bad else INK
    return f"fill:{fill(box)},stroke:{outline},color:#000" + (",stroke-dasharray:4" if box.kind == "constant" else "")


def _edge(wire: Wire) -> str:
    arrow = "-.->" if wire.constant else "-->"
    label = f'|"{escaped(wire.label)}"|' if wire.label else ""
    return f"  n{wire.tail} {arrow}{label} n{wire.head}"


def escaped(text: str) -> str:
    """Text inside Mermaid's quotes: what could end them, begin a tag or be Markdown (``+`` a list) by its number."""
    return "".join(f"#{ord(c)};" if c in '"#&<>;`\\*_~+-' else c if c.isprintable() else " " for c in text)


def _comment(text: str) -> str:
    return " ".join(text.split()).replace("{", "(").replace("}", ")")  # `%%{` would be a directive
