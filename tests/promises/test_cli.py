"""The `tracegrad` command, as it is typed."""

import argparse
import inspect
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autograd
import tracegrad
from autograd import cli as expressions
from autograd.elementary import METHODS
from nn import cli, doctor

README = Path(__file__).parents[2] / "README.md"


def run(command, capsys):
    """Exit status, standard output and standard error of a command line."""
    try:
        status = cli.main(shlex.split(command))
    except SystemExit as stop:
        status = stop.code
    return status, *capsys.readouterr()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_draw(capsys):
    status, out, err = run("draw 'tanh(w*x + b)' w=2 x=-1 b=0.5 -o graph.svg", capsys)
    assert (status, err) == (0, "")
    assert [line.split() for line in out.splitlines()[2:-1]] == [
        ["w", "2", "-0.180706638923649"], ["x", "-1", "0.361413277847297"], ["b", "0.5", "0.180706638923649"],
        ["L", "-0.905148253644866"],
    ]  # fmt: skip
    assert out.endswith("wrote graph.svg\n")
    assert ElementTree.parse("graph.svg").getroot().tag.endswith("svg")
    assert run("draw 'x*x' x=3 -o graph.dot", capsys)[0] == 0
    assert Path("graph.dot").read_text(encoding="utf-8").startswith("digraph")


def test_source(capsys):
    status, out, err = run("source tanh", capsys)
    assert (status, err) == (0, "")
    head, formulas, *rest = out.split("\n\n", 2)
    assert head == "tanh: The hyperbolic tangent."
    assert [line.split(maxsplit=1) for line in formulas.splitlines() if "as in" not in line] == [
        ["kind", "activation"], ["value", "tanh(x)"], ["d/dx", autograd.ops.TABLE["tanh"].derivatives[0]],
        ["LaTeX", r"\tanh x"],
    ]  # fmt: skip
    assert "  as in books  1 - out * out\n" in out
    for function in (METHODS["tanh"], autograd.tanh):
        assert inspect.getsource(function).rstrip() in rest[0]
    for name in autograd.ops.TABLE:
        status, out, err = run(f"source {name}", capsys)
        assert status == 0 and out.startswith(f"{name}: ") and "$" not in out.splitlines()[-1]
    assert "def __mul__" in run("source mul", capsys)[1] and "shares_all" in run("source softmax", capsys)[1]
    assert "domain" in run("source log", capsys)[1] and "kink at 0 of" in run("source relu", capsys)[1]
    for name, advice in (
        ("softmx", "did you mean softmax?"),
        ("xyzzy", "known functions: abs, acos"),
        ("ln", "did you mean log?"),
    ):
        status, out, err = run(f"source {name}", capsys)
        assert status == 2 and not out and f"no operation is called {name!r}; {advice}" in err


def test_check(capsys):
    status, out, _ = run("check 'log(x)/x' x=3", capsys)
    assert status == 0 and "gradcheck passed: 1 first derivative, " in out
    assert "2 second" not in out and "1 second" in run("check 'log(x)/x' x=3 --order 2", capsys)[1]
    assert [run(f"check 'x*x' x=3 --order {order}", capsys)[0] for order in range(4)] == [2, 0, 0, 2]
    autograd.register("wrong_square", "x * x", "x")
    status, out, _ = run("check 'wrong_square(x) + y' x=3 y=1", capsys)
    assert status == 1 and "wrong_square" in out and "FAILED" in out
    status, out, _ = run("check 'abs(x)' x=0", capsys)
    assert status == 3 and "CANNOT SAY" in out
    assert "0 passed, 1 failed, 3 cannot say" in " ".join(run("check --help", capsys)[1].split())


def test_step(capsys):
    status, out, _ = run("step 'tanh(w*x + b)' w=2 x=-1 b=0.5", capsys)
    assert status == 0 and "Backward pass" in out
    status, out, _ = run("step 'tanh(w*x + b)' w=2 x=-1 b=0.5 -o step.html", capsys)
    assert out.startswith("wrote step.html: open it in a browser")
    page = Path("step.html").read_text(encoding="utf-8")
    assert (
        status == 0 and "Content-Security-Policy" in page and "http://" not in re.sub(r"http://www\.w3\.org", "", page)
    )


@pytest.mark.parametrize("command", ["draw", "check", "step"])
def test_help(command, capsys):
    about = {
        "draw": "Draw the graph of an expression with its values, local derivatives and gradients.",
        "check": "Check the gradient of an expression against finite differences, edge by edge.",
        "step": "Step through the forward and the backward pass of an expression.",
    }
    status, out, _ = run(f"{command} --help", capsys)
    assert status == 0 and about[command] in " ".join(out.split()) and "name=number" in out
    assert ("--rankdir" in out, "--order" in out, "--output" in out) == {
        "draw": (True, False, True), "check": (False, True, False), "step": (False, False, True),
    }[command]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'exp(y)' x=2", "y has no value; add y=…"),
        ("'x + y + z' x=2", "y, z have no value"),
        ("'x' x=2 y=3", "y: not in the expression"),
        ("'x' x=two", "'two' is not a number"),
        ("'x' x", "does not have the form name=number"),
        ("'x' x=1 x=2", "a name has two values"),
        ("'2 + 3'", "depends on no name"),
        ("'x +' x=1", "this is not an expression"),
        ("'f(x)' x=1", "unknown function 'f'"),
        ("'exp' x=1", "'exp' is a function"),
        ("'exp(x, x)' x=1", "exp() takes 1 positional argument but 2 were given"),
        ("'x.data' x=1", "is not allowed here"),
        ("'__import__(\"os\")' x=1", "unknown function '__import__'"),
        ("'(lambda: x)()' x=1", "unknown function"),
        ("'[x for x in x]' x=1", "is not allowed here"),
        ("'x' x=1 -o picture.gif", "gif"),
        ("'x*x' x=1 -o missing/folder/graph.svg", "missing"),
    ],
)
def test_mistakes_are_told_in_one_message(arguments, message, capsys):
    status, out, err = run(f"draw {arguments}", capsys)
    assert status == 2 and out == ""
    assert err.startswith("tracegrad: ") and message in err and "Traceback" not in err
    assert not list(Path().iterdir())


def test_expressions_follow_ieee_and_know_pi(capsys):
    root = expressions.build("9**9**9 * x + 1/0", ["x=1"])
    assert root.data == float("inf")
    assert expressions.build("cos(pi) * x", ["x=1"]).data == -1
    assert expressions.build("e * x", ["e=2", "x=1"]).data == 2
    assert expressions.build("where(x > 0, x, -x)", ["x=-3"]).data == 3


def test_the_result_has_no_label_and_a_name_keeps_its_name():
    root = expressions.build("w * x", ["w = 2", "x=3"])
    assert root.label == "" and [leaf.label for leaf in root.parents] == ["w", "x"]
    assert expressions.build("x", ["x=3"]).label == "x"


def test_ctrl_c_is_no_traceback(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(expressions, "build", interrupted)
    assert run("check x x=1", capsys) == (130, "", "tracegrad: interrupted\n")


def test_an_interrupted_command_ends_without_a_traceback(capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=interrupted)
    assert expressions.run(parser, []) == 130
    assert capsys.readouterr() == ("", "tracegrad: interrupted\n")


@pytest.mark.slow
def test_demo(capsys):
    status, out, err = run("demo", capsys)
    assert status == 0
    accuracy = float(re.search(r"test accuracy ([\d.]+)%", out)[1])
    assert accuracy >= 93
    assert "67 parameters, all agree" in out and "∂loss/∂w¹₃₄" in out and "100%" in err
    folder = Path("tracegrad-demo")
    for name in ("graph.svg", "network.svg"):
        assert ElementTree.parse(folder / name).getroot().tag.endswith("svg")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page and "<math" in page and "<script" not in page
    sources = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attributes):
            sources.extend(value for name, value in attributes if name in ("src", "href"))

    Links().feed(page)
    assert sources and all(source.startswith("data:") for source in sources)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["iris", "four-points"])
def test_train(dataset, capsys):
    status, out, _ = run(f"train {dataset} --epochs 3 -o here", capsys)
    assert status == 0 and "accuracy" in out
    written = {"model.json", "history.csv", "network.svg", *["curves.png"] * (find_spec("matplotlib") is not None)}
    assert written <= {file.name for file in Path("here").iterdir()}
    assert len(Path("here/history.csv").read_text(encoding="utf-8").splitlines()) == 4
    status, out, _ = run(f"train {dataset} --epochs 5 -o here --resume", capsys)
    assert status == 0 and "in 5 epochs" in out


def test_train_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.delenv("TRACEGRAD_MNIST", raising=False)
    status, _, err = run("train mnist", capsys)
    assert status == 2 and "train-images-idx3-ubyte" in err and "Traceback" not in err
    assert run("train mnist --data nowhere", capsys)[0] == 2


def test_doctor(capsys, monkeypatch):
    assert run("doctor", capsys)[0] == (0 if find_spec("graphviz") else 1)
    monkeypatch.setattr(doctor, "other_autograd", lambda: "1.7.0")
    status, out, _ = run("doctor", capsys)
    assert status == 1 and "HIPS autograd 1.7.0" in out and "pip uninstall autograd" in out


def test_the_command_explains_a_foreign_autograd(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "autograd_is_ours", lambda: False)
    monkeypatch.setattr(sys, "argv", ["tracegrad", "demo"])
    assert tracegrad.main() == 1
    assert "fresh virtual environment" in capsys.readouterr().err


def test_the_commands_in_the_readme_run(tmp_path):
    text = README.read_text(encoding="utf-8")
    commands = re.findall(r"^tracegrad ((?:draw|check|step) .*?)\s*#", text, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        program = "import sys; from tracegrad import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", program, *shlex.split(command)],
            cwd=tmp_path, env={"PYTHONPATH": str(README.parent), "PYTHONUTF8": "1", "PATH": ""},
            capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
@pytest.mark.parametrize("typed", [["doctor"], ["source", "tanh"], ["step", "x*x", "x=1"]])
def test_output_that_nobody_reads_is_no_error(typed: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tracegrad", *typed],
        cwd=README.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with process:
        assert process.stderr.read() == b""
    assert process.returncode == 1
