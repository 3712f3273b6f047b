"""A network as the chain of its operations: a block for each matrix, bias and activation, with shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from autograd.notation.names import Name
from autograd.text import width as width_of
from autograd.text import xml

from .svg import INK, POSITIVE, text_at

_HEIGHT, _GAP, _TOP = 46.0, 62.0, 70.0


class Block(NamedTuple):
    """One operation.

    Attributes:
        name: what is written in it, such as W¹.
        shape: its shape below the name; empty for an activation.
        output: the name of the vector that leaves it.
        size: the number of that vector's entries.
    """

    name: str
    shape: str
    output: Name
    size: int


def blocks_of(sizes: Sequence[int], biases: Sequence[bool], activations: Sequence[str]) -> list[Block]:
    """The operations of fully connected layers: z = W·a + b, a = φ(z)."""
    found = []
    last = len(sizes) - 1
    for index in range(1, len(sizes)):
        rows = sizes[index]
        activation = activations[index - 1]
        linear = activation in ("linear", "")
        net = Name("z", (index,))
        result = Name("ŷ") if index == last else net if linear else Name("a", (index,))
        through = result if linear else net
        bias = biases[index - 1]
        weights, shape = Name("W", (index,)).plain(), f"{rows}×{sizes[index - 1]}"
        found.append(Block(weights, shape, Name("") if bias else through, rows))
        if bias:
            found.append(Block(f"+ {Name('b', (index,)).plain()}", f"{rows}", through, rows))
        if not linear:
            found.append(Block(activation, "", result, rows))
    return found


def render_blocks(inputs: int, blocks: Sequence[Block], heading: str) -> str:
    """The text of the SVG file, from left to right."""
    widths = [max(46.0, 22 + width_of(block.name, 15)) for block in blocks]
    width = max(40 + sum(widths) + _GAP * (len(blocks) + 1), 48 + width_of(heading, 16, bold=True))
    x, middle = (width - sum(widths) - _GAP * (len(blocks) + 1)) / 2, _TOP + _HEIGHT / 2
    parts = [text_at(width / 2, 26, heading, 16, weight="bold")]
    parts += _arrow(x, x + _GAP, middle, Name("x"), inputs)
    for block, wide in zip(blocks, widths):
        x += _GAP
        matrix = bool(block.shape)
        parts.append(
            f'<rect x="{x:.1f}" y="{_TOP}" width="{wide:.1f}" height="{_HEIGHT}" rx="{5 if matrix else 20}" '
            f'fill="{"#e6f0f7" if matrix else "#f4f4f4"}" stroke="{POSITIVE if matrix else INK}" stroke-width="1.4"/>'
        )
        parts.append(text_at(x + wide / 2, middle + 5, block.name, 15))
        if matrix:
            parts.append(text_at(x + wide / 2, _TOP + _HEIGHT + 17, block.shape, 12))
        x += wide
        parts += _arrow(x, x + _GAP, middle, block.output, block.size)
    height = _TOP + _HEIGHT + 36
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, DejaVu Sans, sans-serif" '
        f'fill="{INK}">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _arrow(start: float, end: float, y: float, name: Name, size: int) -> list[str]:
    """An arrow with the vector's name and the number of its entries above it."""
    tip = end - 3
    parts = [
        f'<line x1="{start + 3:.1f}" y1="{y:.1f}" x2="{tip - 6:.1f}" y2="{y:.1f}" stroke="{INK}" stroke-width="1.3"/>',
        f'<path d="M{tip:.1f},{y:.1f} l-8,-4 v8 z"/>',
    ]
    if name.base:
        text = f"{xml(name.plain())} <tspan font-size='11' fill='#666666'>[{size}]</tspan>"
        parts.append(text_at((start + end) / 2, y - 9, text, 13, raw=True))
    return parts
