"""`tracegrad grade`: a student's file, judged."""

import json

import pytest

from autograd.cli import CommandError
from nn import cli
from nn.hand_in import grade

RIGHT = """network: 4-5-3 relu softmax
inputs: 5.0 2.0 3.5 1.0
target: 1
letters: lecture A

∂L/∂oᵃ = oˢ − onehot(y)
∂L/∂W² = (oˢ − y) hˢᵀ
"""


def run(arguments, capsys):
    status = cli.main(arguments)
    return status, *capsys.readouterr()


def test_a_file_is_judged(tmp_path, capsys):
    path = tmp_path / "answers.txt"
    path.write_text(RIGHT, encoding="utf-8")
    status, out, err = run(["grade", str(path)], capsys)
    assert (status, err) == (0, "") and out.startswith("Every line is true.")
    path.write_text(RIGHT + "∂L/∂hᵃ = W²ᵀ(oˢ − y)\n", encoding="utf-8")
    page = tmp_path / "graded.html"
    status, out, _ = run(["grade", str(path), "--json", "-o", str(page)], capsys)
    told = json.loads(out)
    assert status == 1 and told["first_false"] == 8 and "<table" in page.read_text(encoding="utf-8")
    assert told["lines"][2]["misconception"] == "dropped activation derivative"


def test_an_expression_takes_the_place_of_a_network():
    head = "graph: (w*x - y)**2\nvalues: w=2 x=-1 y=1\nroot: e\n"
    assert grade(head + "de/dw = 2 (w x - y) x\nde/dy = -2 (w x - y)")
    assert grade(head + "de/dw = (w x - y) x").first_false.line == 4


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("network: 2-2-1 sigmoid sigmoid no-bias\ninputs: 1 2\ntarget: 1\nloss: squared_error\nroot: e",
         "∂e/∂w²₁₁ = 2(ŷ − y) φ'(z²₁) a¹₁"),
        ("network: 2-3 linear\ninputs: 1 2\ntarget: 0.5 0 1", "∂L/∂W = (ŷ − y) xᵀ / 3"),
        ("network: 2-3-3 tanh\ninputs: 1 2\ntarget: 2\nloss: cross_entropy\nseed: 4", "∂L/∂W2 = (s − y) a1^T"),
    ],
)  # fmt: skip
def test_heads(head, line):
    graded = grade(f"{head}\n{line}")
    assert all(judged.verdict in ("true", "not read") for judged in graded.lines), str(graded)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = b", "the file begins with one line"),
        ("network: 2-1 tanh\ngraph: x\na = b", "the file begins with one line"),
        ("network: 2-x tanh\na = b", "something else where a number belongs"),
        ("network: 2\na = b", "a network is written as"),
        ("network: 2-1 tanh\ninputs: 1\ntarget: 1", "needs 'inputs: …' with 2 numbers"),
        ("network: 2-1 tanh\ninputs: 1 2\ntarget: 1\nloss: mean", "'mean' is not a loss"),
        ("graph: w*x\nvalues: w=2", "x has no value"),
    ],
)
def test_a_head_that_does_not_say_what_it_is_about(text, message, tmp_path, capsys):
    with pytest.raises(CommandError, match=message):
        grade(text)
    path = tmp_path / "answers.txt"
    path.write_text(text, encoding="utf-8")
    status, _, err = run(["grade", str(path)], capsys)
    assert status == 2 and err.startswith("tracegrad: ") and "Traceback" not in err
