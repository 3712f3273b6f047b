"""TikZ: what it holds, that no label breaks out of it, and that LaTeX, where there is one, typesets it."""

import re
import shutil
import subprocess

import pytest
from drawn import SHEET
from hypothesis import given
from hypothesis import strategies as st
from samples import HOSTILE, hostile, labelled_network

from autograd import Value, draw, tanh
from autograd.notation.names import GREEK
from autograd.view import tikz

has_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
_KNOWN = """
    documentclass usepackage IfFileExists begin end providecommand definecolor draw fill path node text mbox ifdefined
    Umathchar char else tiny fi normalfont bfseries sffamily small anychar mathrm hat bar tilde times div cdot pm infty
    surd partial Sigma Vert le ge ldots textless textgreater textbar textquotedbl textbackslash textasciitilde
    textasciicircum
"""
COMMANDS = {*re.findall(r"\w+", _KNOWN), *GREEK}


def example():
    w, x, b = Value(2.0, "w"), Value(-1.0, "x1"), Value(0.5, "b")
    y = tanh(w * x + b)
    y.backward()
    return y


def checked(source):
    """A source that is ASCII, whose braces and environments match, and that uses no command but those known here."""
    assert source.isascii()
    assert set(re.findall(r"\\([A-Za-z]+)", source)) <= COMMANDS
    bare = re.sub(r"%.*", "", re.sub(r"\\[{}%\\]", "", source))
    depth = 0
    for sign in re.findall("[{}]", bare):
        depth += 1 if sign == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert re.findall(r"\\begin{(\w+)}", source) == re.findall(r"\\end{(\w+)}", source)[::-1]
    assert len(re.findall(r"(?<!\\)\$", bare)) % 2 == 0
    return source


def test_a_small_graph():
    drawing = draw(example(), engine="builtin")
    source = checked(drawing.tikz())
    assert source.startswith(r"\begin{tikzpicture}[x=0.75bp, y=-0.75bp")
    for words in ("{$w$}", "{$x_{1}$}", "{tanh}", r"{$\times$}", "{$-0$}", "{$.9051$}", "{value}", "{grad}"):
        assert words in source
    assert source.count(r"\draw[") == source.count(" -- cycle;") == 5  # an edge and its arrow
    assert source.count(r"\path[") == 6 + 3  # boxes and signs


def test_the_file_is_a_document_of_its_own(tmp_path):
    drawing = draw(example())
    saved = drawing.save(tmp_path / "graph.tex").read_text(encoding="utf-8")
    assert saved.startswith(r"\documentclass[border=6pt]{standalone}") and drawing.tikz() in checked(saved)


def test_folded_boxes_highlights_and_trouble_are_shown():
    loss = labelled_network()
    loss.backward()
    source = checked(draw(loss, fold="neuron", highlight=[loss]).tikz())
    assert "{$a^{1}_{3}$}" in source and "{HTML}{C04A00}" in source
    assert "densely dashed" in checked(draw(Value(-1.0, "x").log()).tikz())


@given(st.text(max_size=30))
def test_any_text_is_printed_and_not_obeyed(label):
    checked(tikz.plain(label))


@pytest.mark.parametrize(
    "label", [*HOSTILE, r"\input{/etc/passwd}", "}\\end{document}", "$x^2_3$ % no", "權重 ζ̂", "^^5c"]
)
def test_labels_cannot_break_out(label):
    x = Value(1.0, label)
    source = checked(draw((x * 2.0).tanh(), engine="builtin").tikz())
    assert r"\input" not in source and source.count(r"\end{") == 1 and "^^" not in source


def test_numbers():
    written = {"−0": "$-0$", ".1807": "$.1807$", "12": "$12$", "1.5e−7": r"$1.5 \cdot 10^{-7}$", "−∞": r"$-\infty$"}
    written |= {".5e−7": r"$.5{\cdot}10^{-7}$", "nan": r"$\mathrm{nan}$", "16 edges": "16 edges"}
    assert {text: tikz.number(text) for text in written} == written


@has_latex
@pytest.mark.slow
@pytest.mark.parametrize("make", [example, SHEET["2-16-16-1"], hostile])
def test_latex_typesets_it(tmp_path, make):
    draw(make(), max_nodes=100).save(tmp_path / "graph.tex")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "graph.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0 and "Missing character" not in log, log[-2000:]
    assert (tmp_path / "graph.pdf").read_bytes().startswith(b"%PDF")
