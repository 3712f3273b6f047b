"""A drawing as Mermaid text."""

import re

import pytest

import autograd
import nn
from autograd import Value
from autograd.view.mermaid import escaped

LINE = re.compile(
    r'  (?:n\d+(?:\(\[".*"\]\)|\(".*"\)|\[".*"\])|style n\d+ [\w:#,-]+|n\d+ (?:-->|-\.->)(?:\|".*"\|)? n\d+|%% [^{}]*)'
)


def test_the_text():
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    y = x * w + 1
    y.backward()
    lines = autograd.draw(y).mermaid().splitlines()
    assert lines[:2] == ["flowchart LR", '  n0["x<br/>value 2<br/>grad −3"]'] and lines[2].startswith(
        "  style n0 fill:#"
    )
    assert {'  n2(["× v₁<br/>value −6<br/>grad 1"])', '  n0 -->|"−3"| n2', "  n3 -.-> n4"} <= {*lines}


@pytest.mark.parametrize(
    "label", ['a"b', "<script>", "x;y", "]) end", "`code`", "1. list", "#35;", "- a", "%%{init}", "a\nb"]
)
def test_every_line_stays_a_line(label, tmp_path):
    root = Value(1.0, label) * Value(float("nan"), "layers.0.neurons.0.weights.0")
    for options in ({}, {"rankdir": "TB"}, {"fold": "layer"}, {"max_nodes": 2}):
        first, *lines = autograd.draw(root, **options).mermaid().splitlines()
        assert first in ("flowchart LR", "flowchart TB") and lines
        for line in lines:
            assert LINE.fullmatch(line), line
            inside = re.findall(r'"(.*?)"', line)
            assert not re.search(r"[<>`]", "".join(inside).replace("<br/>", ""))
    autograd.draw(root).save(tmp_path / "graph.mmd")
    assert (tmp_path / "graph.mmd").read_text(encoding="utf-8") == autograd.draw(root).mermaid()


def test_a_network_folded():
    model = nn.MLP(2, [3, 1], seed=0)
    text = autograd.draw(nn.trace(model, [1.0, 2.0]), fold="layer").mermaid()
    assert text.count("-->") == len(autograd.draw(nn.trace(model, [1.0, 2.0]), fold="layer").picture.wires)
    assert escaped('+"') == "#43;#34;"
