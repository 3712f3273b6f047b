"""A sheet of graphs of 6 to 5,000 nodes, and where the texts of a drawing stand."""

import itertools
import re
from xml.etree import ElementTree

from samples import labelled_network

import autograd
import nn
from autograd import Value, text
from autograd.view.picture import FONT

SVG = "{http://www.w3.org/2000/svg}"


def expression():
    w, x, b = Value(2.0, "w"), Value(-1.0, "x"), Value(0.5, "b")
    return (w * x + b).tanh()


def network(*sizes):
    outputs = nn.trace(nn.MLP(sizes[0], list(sizes[1:]), "tanh", seed=1), [0.3 * i - 0.5 for i in range(sizes[0])])
    loss = autograd.log_sum_exp(outputs) - outputs[1] if isinstance(outputs, list) else (outputs - 1.0) ** 2
    loss.label = "loss"
    return loss


def softmax():
    return -autograd.softmax([Value(0.3 * i, f"x{i}") for i in range(5)])[2].log()


def recurrent(steps):
    w, h, u = Value(0.9, "w"), Value(0.1, "h0"), Value(0.5, "u")
    for t in range(steps):
        h = (w * h + u * Value(0.1 * t, f"x{t}")).tanh()
    return h


def tangled(count):
    nodes = [Value(0.5, "x")]
    for i in range(count - 1):
        nodes.append(nodes[i] + nodes[i // 2] if i % 3 else nodes[i].sin())
    return nodes[-1]


SHEET = {
    "expression": expression,
    "neuron": lambda: nn.trace(nn.MLP(3, [1], "tanh", seed=0), [1.0, -2.0, 0.5]),
    "2-3-1": lambda: network(2, 3, 1),
    "2-3-1 by hand": labelled_network,
    "softmax": softmax,
    "10 steps": lambda: recurrent(10),
    "4-8-3": lambda: network(4, 8, 3),  # 193 nodes: the network of the demo
    "60 steps": lambda: recurrent(60),
    "2-16-16-1": lambda: network(2, 16, 16, 1),
    "2-16-16-1 by hand": lambda: labelled_network((2, 16, 16, 1)),  # 984 nodes
    "tangled": lambda: tangled(5000),
}


def text_boxes(svg):
    """(left, top, right, bottom, text) of every text, from the widths that the library itself reckons with."""
    found = []

    def walk(element, x, y):
        shift = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        if shift:
            x, y = x + float(shift[1]), y + float(shift[2])
        if element.tag == f"{SVG}text":
            size, mono = float(element.get("font-size", FONT)), "mono" in element.get("font-family", "").lower()
            base = y + float(element.get("y", 0))
            chunks = list(element) or [element]  # a number is written from its point to both sides
            for chunk in chunks:
                wide = (text.mono_width if mono else text.width)(chunk.text, size)
                anchor = {"middle": wide / 2, "end": wide}.get(chunk.get("text-anchor"), 0)
                left = x + float(chunk.get("x", 0)) - anchor
                found.append((left, base - 0.75 * size, left + wide, base + 0.2 * size, chunk.text))
            return
        for child in element:
            walk(child, x, y)

    walk(ElementTree.fromstring(svg), 0.0, 0.0)
    return found


def overlapping(boxes, slack=0.5):
    """The pairs of texts that cover each other by more than ``slack`` points both ways."""
    columns = {}
    for box in boxes:
        for column in range(int(box[0] // 200), int(box[2] // 200) + 1):
            columns.setdefault(column, []).append(box)
    return [
        (a[4], b[4])
        for near in columns.values()
        for a, b in itertools.combinations(near, 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack
    ]
