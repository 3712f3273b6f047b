"""A folded drawing as a page: it zooms, and a click on a box of several nodes shows what is in it."""

from __future__ import annotations

from ..text import counted, xml
from . import render, svg
from .picture import Box, Picture
from .scene import asset

MOST_NODES = 3000
"""Of a larger graph, what is folded stays folded: its page would be slow."""


def inside(box: Box, whole: Picture) -> Picture:
    """The part of a picture of all nodes that a folded box stands for, with the operands that come from outside."""
    members = set(box.nodes)
    wires = [wire for wire in whole.wires if wire.head in members]
    shown = sorted(members | {wire.tail for wire in wires})
    place = {k: i for i, k in enumerate(shown)}
    kept = [wire.moved(place[wire.tail], place[wire.head]) for wire in wires]
    boxes = [whole.boxes[k] for k in shown]
    return whole._replace(boxes=boxes, wires=kept, notes=[], nodes=len(shown))


def html(picture: Picture, whole: Picture, drawn: str, rankdir: str) -> str:
    """The fragment of the page: the drawing, the bar above it, and a section for each box that unfolds.

    ``drawn`` is the drawing as an image, which a script replaces by the elements that are in it.
    """
    sections = [_section(box, inside(box, whole), rankdir) for box in picture.boxes if len(box.nodes) > 1]
    return (
        f'<style>{asset("drawing.css")}</style>\n<div class="tracegrad-drawing"><div class="bar">'
        '<p>click a box of several nodes to see what is in it</p><span class="zoom" role="group" '
        f'aria-label="Size of the drawing"></span></div>{drawn}{"".join(sections)}</div>\n'
        f"<script>{asset('drawing.js')}</script>"
    )


def _section(box: Box, picture: Picture, rankdir: str) -> str:
    layout, _ = render.placed(picture, rankdir, "builtin", 0.0)
    name = xml(f"{box.title}: {counted(len(box.nodes), 'node')}")
    drawn = svg.render(picture, layout, rankdir, f"in-{box.id}-", legend=False)
    return (
        f'<section data-of="{box.id}" aria-label="{name}"><div class="bar"><h2>{name}</h2>'
        f'<button type="button">Fold</button></div>'
        f'<div class="view" tabindex="0" role="group" aria-label="{name}">{drawn}</div></section>'
    )
