"""The picture that the stepper animates: one SVG whose boxes, numbers and edges a script can find by their ids.

Unlike a drawing, it leaves room for the longest number in every box, since the numbers come and go. Nothing in it
refers to anything else by an id, and every part of a node is in one group ``node-<k>``, placed by a translation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources

from .. import text
from ..value import Value
from .composing import sign
from .layout import layered

TITLE, DIGITS, CAPTION = 14.0, 13.0, 12.0
LINE = 16.0
PAD = 10.0
COLUMN = 37.0  # the captions
WIDEST = text.mono_width("−1.234e−10", DIGITS)
MARGIN = 22.0


def asset(name: str) -> str:
    """The text of a file of a page, such as ``stepper.js`` or ``picture.css``."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def svg(
    order: Sequence[Value],
    values: Sequence[float],
    gradients: Sequence[float],
    titles: Sequence[str],
    title: str,
) -> str:
    """The graph of nodes in topological order, with a value and a gradient for each, as a stand-alone SVG.

    The group of the k-th node is ``node-<k>`` and has the texts ``data`` and ``grad`` by class; the edge from its
    operand at a position is ``edge-<k>-<position>`` and has the text ``slope``. ``titles`` are the names as they
    are in the boxes.
    """
    at = {node: k for k, node in enumerate(order)}
    kinds = ["constant" if n.op == "constant" else "operation" if n.parents else "leaf" for n in order]
    signs = [sign(n.op) if n.parents else "" for n in order]
    badges = [max(26.0, text.width(s, TITLE, bold=True) + 14) if s else 0.0 for s in signs]
    sizes = [_size(kind, name, badge) for kind, name, badge in zip(kinds, titles, badges)]
    edges = [(at[parent], k, position) for k, node in enumerate(order) for position, parent in enumerate(node.parents)]
    wide = text.width("−0.1234", CAPTION) + 10
    labels = [(0.0, 0.0) if kinds[tail] == "constant" else (wide, 16.0) for tail, _, _ in edges]
    plan = layered(
        range(len(order)), [(tail, head) for tail, head, _ in edges], dict(enumerate(sizes)), labels=labels,
        gap=20.0, rank_gap=28.0,
    )  # fmt: skip
    width, height = plan.size[0] + 2 * MARGIN, plan.size[1] + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tracegrad-picture" viewBox="0 0 {width:.1f} {height:.1f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img"><title>{text.xml(title)}</title>'
        f"<style>{asset('picture.css')}</style>"
    ]
    for (_, head, position), route, middle in zip(edges, plan.routes, plan.labels):
        slope = order[head].local_derivatives[position]
        parts.append(_edge(f"edge-{head}-{position}", route, middle, slope))
    for k, node in enumerate(order):
        x, y = plan.positions[k]
        w, h = sizes[k]
        place = (x - w / 2 + MARGIN, y - h / 2 + MARGIN)
        what = f"{node.label or titles[k]}: {node.op or 'leaf'}"
        numbers = (values[k], gradients[k])
        parts.append(_node(k, kinds[k], what, titles[k], signs[k], badges[k], place, sizes[k], numbers))
    return "".join([*parts, "</svg>"])


def _size(kind: str, title: str, badge: float) -> tuple[float, float]:
    name = 1.1 * text.width(title, TITLE, bold=True)
    if kind == "constant":
        return max(name, 14.0) + 2 * PAD, 28.0
    return max(name, COLUMN + WIDEST) + 2 * PAD + badge, 3 * LINE + PAD


def _node(
    k: int,
    kind: str,
    what: str,
    title: str,
    sign_: str,
    badge: float,
    place: tuple[float, float],
    size: tuple[float, float],
    numbers: tuple[float, float],
) -> str:
    w, h = size
    x = badge + PAD
    parts = [
        f'<g id="node-{k}" class="node {kind}" transform="translate({place[0]:.1f} {place[1]:.1f})">',
        f"<title>{text.xml(what)}</title>",
        f'<rect class="box" width="{w:.1f}" height="{h:.1f}" rx="{18 if kind == "leaf" else 5}"/>',
        f'<path class="pointer" d="M{w / 2 - 8:.1f} -14h16l-8 10z"/>',
    ]
    if sign_:
        parts.append(f'<path class="badge" d="M5 0H{badge:.1f}V{h:.1f}H5a5 5 0 0 1-5-5V5a5 5 0 0 1 5-5z"/>')
        parts.append(f'<text class="sign" x="{badge / 2:.1f}" y="{h / 2 + 5:.1f}">{text.xml(sign_)}</text>')
    if kind == "constant":
        parts.append(
            f'<text class="name" x="{w / 2:.1f}" y="{h / 2 + 4.5:.1f}" text-anchor="middle">{text.xml(title)}</text>'
        )
    else:
        right = w - PAD
        parts.append(f'<text class="name" x="{x:.1f}" y="{LINE + 1:.0f}">{text.xml(title)}</text>')
        for row, (caption, field, number) in enumerate(zip(("value", "grad"), ("data", "grad"), numbers), 2):
            y = row * LINE + 2
            parts.append(f'<text class="caption" x="{x:.1f}" y="{y:.0f}">{caption}</text>')
            parts.append(f'<text class="{field}" x="{right:.1f}" y="{y:.0f}">{text.number(number)}</text>')
    return "".join([*parts, "</g>"])


def _edge(id: str, route: list[tuple[float, float]], middle: tuple[float, float] | None, slope: float) -> str:
    points = [(x + MARGIN, y + MARGIN) for x, y in route]
    curve = f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(
        f"C{' '.join(f'{x:.1f} {y:.1f}' for x, y in points[i : i + 3])}" for i in range(1, len(points) - 1, 3)
    )
    parts = [
        f'<g id="{id}" class="edge"><path class="wire" d="{curve}"/>',
        f'<path class="to-head" d="{_arrow(points)}"/>',
        f'<path class="to-tail" d="{_arrow(points[::-1])}"/>',
    ]
    if middle is not None:
        x, y = middle[0] + MARGIN, middle[1] + MARGIN
        number = text.number(slope)
        width = text.mono_width(number, CAPTION) + 8
        parts.append(f'<rect class="plate" x="{x - width / 2:.1f}" y="{y - 7:.1f}" width="{width:.1f}" height="14"/>')
        parts.append(f'<text class="slope" x="{x:.1f}" y="{y + 3.5:.1f}">{number}</text>')
    return "".join([*parts, "</g>"])


def _arrow(points: list[tuple[float, float]], length: float = 9.0, half: float = 4.5) -> str:
    """A triangle at the end of a curve, along its tangent; control points may coincide with the end."""
    to = points[-1]
    dx, dy = next(((to[0] - x, to[1] - y) for x, y in reversed(points) if (x, y) != to), (1.0, 0.0))
    norm = math.hypot(dx, dy)
    dx, dy = dx / norm, dy / norm
    back = (to[0] - length * dx, to[1] - length * dy)
    left = (back[0] - half * dy, back[1] + half * dx)
    right = (back[0] + half * dy, back[1] - half * dx)
    return f"M{to[0]:.1f} {to[1]:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}z"
