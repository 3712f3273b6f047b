"""The lectures' derivations, the graphs that they speak of, and mistakes planted in their lines."""

import json
import re
from pathlib import Path

import nn
from autograd import Value

LINES = json.loads((Path(__file__).parents[1] / "lectures" / "derivations.json").read_text(encoding="utf-8"))


def with_biases(model):
    for layer in model.layers:
        for j, neuron in enumerate(layer.neurons):
            if neuron.bias is not None:
                neuron.bias.data = 0.1 * (j + 1)
    return model


def lecture_a():
    model = with_biases(nn.MLP(4, [5, 3], "relu", "softmax", seed=4))
    return nn.log_loss(nn.trace(model, [5.0, 2.0, 3.5, 1.0]), 1)


def lecture_b():
    model = with_biases(nn.MLP(2, [3, 1], "tanh", "sigmoid", seed=1))
    return nn.mse_loss(nn.trace(model, [0.5, -1.0]), Value(0.75, "rho"))


def lecture_c():
    model = nn.MLP(2, [2, 2, 1], "sigmoid", "sigmoid", bias=False, seed=1)
    return (nn.trace(model, [-3.0, -2.0]) - 1.0) ** 2


def lecture_d():
    model = with_biases(nn.MLP(2, [3, 2], "tanh", seed=1))
    out = nn.trace(model, [1.0, 0.5])
    return 0.5 * ((out[0] - Value(1.0, "y1")) ** 2 + (out[1] - Value(-0.5, "y2")) ** 2)


def lecture_e():
    return nn.cross_entropy(nn.trace(nn.MLP(3, [4, 4, 3], "relu", bias=False, seed=3), [0.5, -1.0, 0.8]), 2)


def scalar_network():
    w0, w1, w2 = Value(0.8, "w0"), Value(1.2, "w1"), Value(0.5, "w2")
    x, y = Value(1.5, "x"), Value(1.0, "y")
    nodes = {"z1": w0 * x}
    nodes["x1"] = nodes["z1"].relu()
    nodes["z2"] = w1 * nodes["x1"]
    nodes["x2"] = nodes["z2"].relu()
    nodes["z3"] = w2 * nodes["x2"]
    nodes["L"] = 0.5 * (nodes["z3"] - y) ** 2
    for name, node in nodes.items():
        node.label = name
    return nodes["L"]


GRAPHS = {
    "A": (lecture_a, "lecture A"), "B": (lecture_b, "lecture B"), "C": (lecture_c, "lecture C"),
    "D": (lecture_d, "lecture D"), "E": (lecture_e, "lecture E"), "E scalar": (scalar_network, None),
}  # fmt: skip


HEADS = {  # the same graphs as students' files name them
    "A": ["network: 4-5-3 relu softmax", "inputs: 5 2 3.5 1", "target: 1", "seed: 4", "letters: lecture A"],
    "C": ["network: 2-2-2-1 sigmoid sigmoid no-bias", "loss: squared_error", "inputs: -3 -2", "target: 1", "seed: 1",
          "letters: lecture C"],
    "E": ["network: 3-4-4-3 relu no-bias", "loss: cross_entropy", "inputs: 0.5 -1 0.8", "target: 2", "seed: 3",
          "letters: lecture E"],
}  # fmt: skip


# ---- planted mistakes

MISTAKES = {
    "sign": [(r"^(.*)$", r"−(\1)"), (r"\((\S+) − (\S+)\)", r"(\2 − \1)")],
    "function for its derivative": [(r"([φΦg])'\(", r"\1(")],
    "dropped activation derivative": [(r" ?[·⊙]? ?[φΦg]'\(\S+\) ?[·⊙]?", " "), (r" ?[·⊙]? 1\[[^]]*\]", "")],
    "⊙ for a matrix product": [(r" (·? ?)(\S+)ᵀ$", r" ⊙ \2")],
    "matrix product for ⊙": [("⊙", "·")],
    "wrong index": [("a¹₁", "a¹₂"), ("w²₁₁", "w²₂₁"), ("w³₁₁", "w³₁₂"), ("x₁", "x₂"), ("z²₁", "z²₂"), ("w²ᵢ₁", "w²ᵢ₂"),
                    ("z¹₁", "z¹₂"), ("a²₁", "a²₂")],
    "wrong layer": [("W²ᵀ", "W¹ᵀ"), ("hˢᵀ", "hᵃᵀ"), ("1\\[z1", "1[z2"), ("w1", "w0"), ("· x1", "· x2"), ("ζ²", "ζ¹")],
    "forgotten path": [(r"^(\S+ \S+) \+ .*$", r"\1"), (r"\((\S+ \S+) \+ [^)]*\)", r"\1")],
    "constant factor": [(r"2\(", "("), ("½", "")],
    "dropped term": [(r"^(\S+) − (\S+)$", r"\1"), (r" \+ [bβ]\S*$", "")],
}  # fmt: skip


def planted(line):
    """The line with one mistake, and the mistake's name."""
    left, _, right = line.partition(" = ")
    for name, rules in MISTAKES.items():
        for pattern, wrong in rules:
            changed = re.sub(pattern, wrong, right, count=1).strip()
            if changed != right and changed and changed.count("(") == changed.count(")"):
                term = name == "forgotten path" and "∂" not in left
                yield f"{left} = {changed}", "dropped term" if term else name


def eligible():
    """Every line of the lectures with each mistake that fits: its lecture and place, the false line, the name."""
    for lecture, lines in LINES.items():
        for place, line in enumerate(lines):
            if "\\" not in line and not line.startswith(("δ", "B", "L =", "e =", "C =")):
                for wrong, name in planted(line):
                    yield lecture, place, wrong, name


EQUAL = {  # true after all: where z2 > 0, z1 > 0 too, since z2 = w1·relu(z1); and the slope that comes down is then 0
    "∂L/∂z1 = ∂L/∂z2 w1", "∂L/∂z1 = ∂L/∂z2 w1 1[z2 > 0]", "∂L/∂w0 = (z3 − y) w2 1[z2 > 0] w1 1[z2 > 0] x",
}  # fmt: skip
AS_WELL = {  # other names for the same mistake
    "constant factor": {"power rule without the factor"},
    "wrong layer": {"wrong index"},  # where a name has one index, w0 or w₀
    "dropped activation derivative": {"wrong index"},  # a gate that follows from the other one
}
