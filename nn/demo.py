"""`tracegrad demo`: train on real flowers, then take the loss of one flower apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import autograd
from autograd import Value, files
from autograd.check.report import Report
from autograd.page import document
from autograd.text import image, xml
from autograd.view.drawing import Drawing

from . import datasets
from .diagram import NetworkDiagram, draw_network
from .history import History
from .layers import MLP, trace
from .losses import cross_entropy
from .metrics import accuracy
from .optimizers import Adam
from .training import fit

HIDDEN, EPOCHS = 8, 60
TRACED = "layers.0.neurons.2.weights.3"


def run(folder: Path, seed: int = 0, say: Callable[[str], None] = print) -> int:
    """Train, explain one flower, write ``graph.svg``, ``network.svg`` and ``report.html`` into ``folder``.

    Returns 0 if the gradient check passes, else 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files.check_folder(folder)
    iris = datasets.iris()
    split = datasets.split(iris.X, iris.y, fraction=0.2, seed=seed, stratify=True)
    scale = datasets.Standardizer(split.X_train)
    model = MLP(4, [HIDDEN, 3], activation="relu", seed=seed)
    say(f"Iris: {len(split.X_train)} flowers to learn from, {len(split.X_test)} to test on; {model}")
    optimizer = Adam(model.parameters(), lr=0.02, weight_decay=0.01)
    history = fit(
        model, cross_entropy, scale(split.X_train), split.y_train, optimizer, EPOCHS, 16, seed, metrics=["accuracy"]
    )
    scores = model.predict(scale(split.X_test))
    reached = accuracy(scores, split.y_test)
    say(f"loss {history.loss[0]:.4f} -> {history.loss[-1]:.4f}; test accuracy {reached:.1%}")

    losses = [cross_entropy(row, int(label)) for row, label in zip(scores.tolist(), split.y_test)]
    hardest = max(range(len(losses)), key=losses.__getitem__)
    flower, kind = scale(split.X_test)[hardest], int(split.y_test[hardest])
    outputs = trace(model, flower, iris.feature_names)
    loss = cross_entropy(outputs, kind)
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    say(f"\nThe test flower with the largest loss is a {iris.class_names[kind]}; its loss is {loss.data:.6f}.")

    weight = dict(model.named_parameters())[TRACED]
    ledger = autograd.ledger(loss, weight, k=5)
    say(f"Where the gradient of {ledger.names.text(weight)} ({TRACED}) comes from:\n{ledger}")

    report = autograd.gradcheck(loss, model.parameters(), raise_exception=False)
    say(f"\nEvery gradient against finite differences:\n{summary(report)}")

    graph = autograd.draw(loss, fold="neuron")
    network = draw_network(
        model, list(flower), color="gradient", inputs=iris.feature_names, outputs=iris.class_names,
        title="The network on this flower; edges show each weight's gradient",
    )  # fmt: skip
    graph.save(folder / "graph.svg")
    network.save(folder / "network.svg")
    written = page(history, reached, str(iris.class_names[kind]), loss, weight, report, graph, network)
    files.write(folder / "report.html", written.encode())
    say(f"\nwrote {folder / 'graph.svg'}, {folder / 'network.svg'} and {folder / 'report.html'}")
    return 0 if report.ok else 1


def summary(report: Report) -> str:
    """The verdict and the worst row of a gradient check, in two lines."""
    worst = report.worst
    return (
        f"  {len(report.rows)} parameters, {'all agree' if report.ok else 'NOT all agree'}; "
        f"{report.edges.checked} edges of the graph compared one by one\n"
        f"  worst: {worst.label}, analytic {worst.analytic:.12g}, numeric {worst.numeric:.12g}, "
        f"error {worst.error:.1e} (measured uncertainty of the numeric slope {worst.uncertainty:.1e})"
    )


_STYLE = """
h2 { font-size: 1.2rem; margin-top: 2.2rem; }
img { max-width: 100%; background: #fff; border-radius: 8px; }
.scroll { overflow-x: auto; }
figure { margin: 1rem 0; } figcaption { font-size: .9rem; opacity: .8; }
math { font-size: 1.05rem; }
"""


def page(
    history: History,
    reached: float,
    kind: str,
    loss: Value,
    weight: Value,
    report: Report,
    graph: Drawing,
    network: NetworkDiagram,
) -> str:
    """The report as one self-contained HTML page: no script, nothing from the network."""
    derivation = autograd.derivation(loss, weight)
    ledger = autograd.ledger(loss, weight)
    body = f"""<style>{_STYLE}</style><main>
<h1>One flower's loss, taken apart</h1>
<p>A network with one hidden layer learned three kinds of iris from 120 flowers; it names {reached:.1%} of the
30 flowers it never saw. The loss went from {history.loss[0]:.4f} to {history.loss[-1]:.4f}.</p>
<figure>{_curve(history.loss)}
<figcaption>Mean cross-entropy per epoch, {len(history.loss)} epochs.</figcaption></figure>
<h2>The network</h2>
<figure>{image(network.svg().encode(), "network diagram")}
<figcaption>The test flower with the largest loss, a {xml(kind)}, in the network: each circle is an entry of a
layer's vector, each line an entry of its matrix, colored by its gradient.</figcaption></figure>
<h2>The graph of this flower's loss</h2>
<figure class="scroll">{image(graph.svg().encode(), "computational graph")}
<figcaption>The loss is {loss.data:.6f}. Each neuron is folded into one box; on an edge stands the local
derivative.</figcaption></figure>
<h2>Where one gradient comes from</h2>
<p>The gradient of {xml(ledger.names.text(weight))} (<code>{xml(weight.label)}</code>) is the sum, over all paths from
the weight to the loss, of the product of the local derivatives along the path.</p>
<div class="scroll">{ledger.html()}</div>
<h2>The same, derived on paper</h2>
<div class="scroll">{derivation.html()}</div>
<h2>Checked against finite differences</h2>
<div class="scroll">{report.html()}</div>
</main>"""
    return document("tracegrad: one flower's loss, taken apart", body)


def _curve(losses: list[float], width: int = 560, height: int = 160) -> str:
    left, bottom, top = 44, 24, 10
    highest = max(losses)
    step = (width - left - 10) / max(1, len(losses) - 1)
    points = " ".join(
        f"{left + i * step:.1f},{top + (height - top - bottom) * (1 - y / highest):.1f}" for i, y in enumerate(losses)
    )
    base = height - bottom
    text = 'font-family="sans-serif" font-size="11" fill="#444"'
    svg = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<path d="M{left},{top} V{base} H{width - 10}" fill="none" stroke="#444"/>
<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="2"/>
<text x="{left - 6}" y="{top + 6}" text-anchor="end" {text}>{highest:.2f}</text>
<text x="{left - 6}" y="{base}" text-anchor="end" {text}>0</text>
<text x="{width - 10}" y="{height - 8}" text-anchor="end" {text}>epoch {len(losses)}</text></svg>"""
    return image(svg.encode(), "loss over epochs")
