"""Graphs that several tests of the drawings and of the stepper look at."""

import autograd
from autograd import Value


def labelled(value, label):
    value.label = label
    return value


def lecture_network(x2_alive=True):
    """Lecture E's scalar network: z1 = w0·x, x1 = max(0, z1), z2 = w1·x1, x2 = max(0, z2), z3 = w2·x2, ½(z3−y)²."""
    w0, w1, w2 = Value(0.5, "w0"), Value(1.5 if x2_alive else -1.5, "w1"), Value(2.0, "w2")
    x, y = Value(2.0, "x"), Value(1.0, "y")
    z1 = labelled(w0 * x, "z1")
    x1 = labelled(autograd.maximum(0, z1), "x1")
    z2 = labelled(w1 * x1, "z2")
    x2 = labelled(autograd.maximum(0, z2), "x2")
    z3 = labelled(w2 * x2, "z3")
    e = labelled(z3 - y, "e")
    return labelled(0.5 * (e * e), "L"), [w0, w1, w2]


HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</script><img src=x onerror=window.hacked=1>",
    '" onmouseover="window.hacked = 1',
    "' onload='window.hacked=1",
    "]]><svg onload=window.hacked=1>",
    "--><iframe src=javascript:window.hacked=1>",
    "${window.hacked = 1}`+(window.hacked=1)+`",
    "\\u003cscript\\u003ewindow.hacked=1",
    "line\u2028separator\u2029",
    "&lt;b&gt;&#60;script&#62;",
    "{{constructor.constructor('window.hacked=1')()}}",
    "</style><script>window.hacked=1</script>",
    "</title><script>window.hacked=1</script>",
    "🧠🦊 é 中文 \u202egnp.exe",
    "\x00\x1b[31mred\r\nnew line",
]


def hostile():
    """One leaf for every payload; the root and an interior node bear one too."""
    total = Value(1.0, HOSTILE[0])
    for label in HOSTILE[1:]:
        total = total * 0.5 + Value(2.0, label)
        total.label = label + "!"
    return total


def labelled_network(layers=(2, 3, 1), seed=1):
    """A network by hand, with the labels that `nn` gives."""
    values = iter((i * 37 % 19 - 9) / 10 for i in range(seed, 10_000))
    signals = [Value(0.5, "x1"), Value(-1.0, "x2")]
    for depth, width in enumerate(layers[1:]):
        outputs = []
        for j in range(width):
            name = f"layers.{depth}.neurons.{j}"
            total = Value(next(values), f"{name}.bias")
            for i, signal in enumerate(signals):
                total = total + Value(next(values), f"{name}.weights.{i}") * signal
            outputs.append(total.tanh())
        signals = outputs
    loss = (signals[0] - 1.0) ** 2
    loss.label = "loss"
    return loss
