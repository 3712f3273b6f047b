"""Everything that this library shows, made from labels, names and source lines that would run script if they could."""

import linecache
import re
from collections.abc import Callable
from html.parser import HTMLParser

from samples import HOSTILE

import autograd
import nn
from autograd import Value
from autograd.view.stepper import document
from nn import demo

MORE = [
    *HOSTILE,
    "<a href=javascript:window.hacked=1>click</a>",
    "<math><mi xlink:href=javascript:window.hacked=1>x</mi></math>",
    "</text><script>window.hacked=1</script><text>",
    "<base href=https://example.invalid/><link rel=stylesheet href=https://example.invalid/x.css>",
    "</style><style>@import 'https://example.invalid/x.css';</style>",
    "$$\\href{javascript:window.hacked=1}{x}$$ \\require{html} \\unicode{60}",
    "layers.0.neurons.0.weights.<img src=x onerror=window.hacked=1>",
    "w_<img src=x onerror=window.hacked=1>",
]


def graph(payloads: list[str] = MORE) -> tuple[Value, Value]:
    """A root and a leaf on which all depends; leaves, interior nodes and the root are labeled with the payloads."""
    leaf = Value(0.5, payloads[0])
    total = leaf.tanh()
    for label in payloads[1:]:
        total = (total * 0.5 + Value(2.0, label)).tanh()
        total.label = label + "!"
    total.backward()
    return total, leaf


def notebook() -> Value:
    """A root whose nodes were made in a file, and on lines, that a hostile notebook could have."""
    scope = {"x": Value(0.5, "x"), "w": Value(2.0, "w")}
    for number, payload in enumerate(MORE):
        name = f"{number} {payload}.py".replace("\0", "")
        line = f"w = (w * x).tanh()  # {payload}\n".replace("\0", "").replace("\r", " ").replace("\n", " ") + "\n"
        linecache.cache[name] = (len(line), None, [line], name)
        with autograd.record_source():
            exec(compile(line, name, "exec"), scope)
    scope["w"].backward()
    return scope["w"]


def network() -> nn.MLP:
    model = nn.MLP(len(MORE), [3, len(MORE)], seed=0)
    for parameter, payload in zip(model.parameters(), MORE * 99):
        parameter.label = payload
    return model


def ledger() -> str:
    root, leaf = graph()
    return autograd.ledger(root, leaf)._repr_html_()


def derivation() -> str:
    root, leaf = graph()
    return autograd.derivation(root, leaf).html()


def formula() -> str:
    return autograd.formula(graph()[0])._repr_html_()


def contribution() -> str:
    root, leaf = graph()
    return autograd.explain.contribution(root, leaf)._repr_html_()


def diagnosis() -> str:
    root, leaf = graph(HOSTILE[:4])
    return autograd.diagnose(root, leaf, -leaf.grad)._repr_html_()


def lines() -> str:
    root = notebook()
    leaf = next(leaf for leaf in autograd.graph.leaves(root) if leaf.label == "x")
    return autograd.ledger(root, leaf).by("line")._repr_html_()


def drawing_of_lines() -> str:
    return autograd.draw(notebook(), engine="builtin").svg()


def drawing() -> str:
    return autograd.draw(graph()[0], engine="builtin").svg()


def drawing_as_image() -> str:
    return autograd.draw(graph()[0], engine="builtin").html()


def drawing_page() -> str:
    return autograd.draw(graph()[0], engine="builtin", max_nodes=5).page()


def diagram() -> str:
    names = {"inputs": MORE, "outputs": MORE}
    return nn.draw_network(network(), [0.1] * len(MORE), title="".join(MORE), **names).svg()


FRAGMENTS: list[Callable[[], str]] = [
    ledger, derivation, formula, contribution, diagnosis, lines, drawing, drawing_of_lines, drawing_as_image, diagram,
]  # fmt: skip


def report() -> str:
    """The page of `tracegrad demo`, of a training whose every name is hostile."""
    root, leaf = graph()
    checked = autograd.gradcheck(root, autograd.graph.leaves(root), raise_exception=False)
    history = nn.History([1.0, 0.5], metrics={payload: [0.0, 1.0] for payload in MORE})
    picture = nn.draw_network(network(), title=MORE[0])
    return demo.page(history, 1.0, "".join(MORE), root, leaf, checked, autograd.draw(root, engine="builtin"), picture)


def stepper() -> str:
    return autograd.stepper(graph()[0]).page()


def document_of_all() -> str:
    fragments = [make() for make in FRAGMENTS]  # those with style attributes are for pages with another policy
    return document("".join(MORE), "".join(fragment for fragment in fragments if " style=" not in fragment))


PAGES = [report, stepper, drawing_page, document_of_all]


class Dangers(HTMLParser):
    """Collects what could run script or ask the network, as a browser's parser would find it in a page."""

    TAGS = ("script", "iframe", "object", "embed", "base", "link", "form", "foreignobject", "set", "animate")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.TAGS or (tag == "meta" and dict(attrs).get("http-equiv") == "refresh"):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            address = re.sub(r"[\s\0]", "", value or "").lower()
            here = address.startswith(("#", "data:image/svg+xml;base64,", "data:image/png;base64,"))
            runs = name.startswith("on") or address.startswith(("javascript:", "vbscript:", "data:text"))
            leads = name.partition(":")[2] == "href" or name in ("href", "src", "srcdoc", "action")
            if runs or (leads and not here):
                self.found.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style" and ("@import" in data or "url(" in data):
            self.found.append(data)
