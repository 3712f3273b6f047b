"""Whatever is typed, the command answers with an exit status and one message, never with a traceback."""

from __future__ import annotations

import math
import shlex
import sys
from importlib.util import find_spec
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tracegrad
from autograd import cli as expressions
from autograd.view import render
from nn import cli


def run(arguments: list[str] | str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    try:
        status = cli.main(shlex.split(arguments) if isinstance(arguments, str) else arguments)
    except SystemExit as stop:
        status = int(stop.code or 0)
    return (status, *capsys.readouterr())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_expression_may_begin_with_a_minus(capsys) -> None:
    for command in ("check '-log(p)' p=0.3", "check '-p' p=0.3", "check --order 2 '-2*p' p=0.3", "step '-p*p' p=-1"):
        status, _, err = run(command, capsys)
        assert (status, err) == (0, ""), command
    assert run("draw '-log(p)' p=0.3 -o -", capsys)[0] == 0
    assert run("check '--p' p=0.3 -- ", capsys)[0] == 2
    assert run("check -- '--p' p=0.3", capsys)[0] == 0


def test_a_dash_is_standard_output(capsys, tmp_path) -> None:
    status, out, err = run("draw 'x*x' x=3 -o -", capsys)
    assert status == 0 and not err and ElementTree.fromstring(out).tag.endswith("svg")
    status, out, err = run("step 'x*x' x=3 -o -", capsys)
    assert status == 0 and not err and "</html>" in out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1/2", 0.5), ("pi/3", math.pi / 3), ("-e", -math.e), ("2**10", 1024.0), ("sqrt(2)", math.sqrt(2)),
        ("1/0", math.inf),
        (" 1 / 2 ", 0.5), ("inf", math.inf), ("1e-3", 1e-3),
    ],
)  # fmt: skip
def test_a_value_is_an_expression_of_numbers(text: str, number: float) -> None:
    [leaf] = expressions.leaves(expressions.build("w*1", [f"w={text}"]))
    assert leaf.data == pytest.approx(number)


def test_names_are_normalized() -> None:
    root = expressions.build("\uff57 * 2", ["w=3"])  # a full-width w
    assert root.data == 6.0
    assert expressions.build("w * 2", ["\uff57=3"]).data == 6.0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("check 'ln(x)' x=2", "did you mean log?"),
        ("check 'max(x, 1)' x=2", "did you mean maximum?"),
        ("check 'w^2' w=2", "^ is not a power here; write ** for ^"),
        ("check 'tanhh(x)' x=2", "did you mean tanh?"),
        ("check x x=y/2", "nor an expression of numbers such as 1/2 or pi/3: unknown name 'y'"),
        ("check x x=1/", "nor an expression of numbers"),
        ("check x x=__import__('os')", "nor an expression of numbers"),
        ("train iris --epochs 0", "'0' is not a whole number of at least 1"),
        ("train iris --epochs -3", "is not a whole number of at least 1"),
        ("train iris --epochs many", "is not a whole number of at least 1"),
        ("train iris --seed -1", "is not a whole number of at least 0"),
        ("demo --seed one", "is not a whole number of at least 0"),
        ("doctor now", "unrecognized arguments: now"),
        ("source ln", "did you mean log?"),
        ("", "required: command"),
    ],
)
def test_what_is_wrong_is_said(command: str, message: str, capsys) -> None:
    status, _, err = run(command, capsys)
    assert status == 2 and message in " ".join(err.split()) and "Traceback" not in err


@pytest.mark.parametrize("terms", [300, 3000, 4900])
def test_long_sums_say_the_limit(terms: int, capsys) -> None:
    status, _, err = run(["check", "+".join(["x"] * terms), "x=1"], capsys)
    assert status == 2 and "nests deeper than 200 levels; each + of a sum is a level" in err and len(err) < 500
    nested = "(" * terms + "x" + ")" * terms
    status, _, err = run(["check", nested, "x=1"], capsys)
    assert status == 2 and "deeper than 200 levels" in err and len(err) < 500
    status, _, err = run(["check", "+".join(["x"] * 6000), "x=1"], capsys)
    assert status == 2 and "10,000 are allowed" in err


def test_a_picture_without_graphviz_says_what_to_do(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    monkeypatch.setattr(render.importlib.util, "find_spec", lambda name: None)
    status, out, err = run("draw 'x*x' x=3 -o x.png", capsys)
    assert status == 2 and not out and "a .png file needs Graphviz" in err and "Traceback" not in err


def test_the_help_lists_the_functions(capsys) -> None:
    for command in ("draw", "check", "step"):
        status, out, _ = run(f"{command} --help", capsys)
        listed = " ".join(out.split())
        assert status == 0 and "functions: abs, acos," in listed and "tanh" in listed and "constants: pi, e" in listed


def test_doctor_has_a_help(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, status in ((["--help"], 0), (["-h"], 0), (["now"], 2)):
        monkeypatch.setattr(sys, "argv", ["tracegrad", "doctor", *arguments])
        with pytest.raises(SystemExit) as stop:
            tracegrad.main()
        out, err = capsys.readouterr()
        assert stop.value.code == status and ("check this installation" in out.lower() or "unrecognized" in err)
    monkeypatch.setattr(sys, "argv", ["tracegrad", "doctor"])
    assert tracegrad.main() == (0 if find_spec("graphviz") else 1)


WORDS = st.sampled_from([
    'draw', 'check', 'step', 'source', 'train', 'doctor', '--version', '--help', '-h', '-o', '-', '--',
    '-o=x.svg', 'graph.dot', 'x.html', '--order', '1', '2', '3', '--rankdir', 'LR', 'x', 'y', 'x*x', '-x', 'x^2',
    'x=1', 'x=1/2', 'x=pi', 'y=-2', 'y=nan', 'x=', '=1', 'x=x', 'x=1=2', 'log(x)', '-log(x)', '1/x', 'ln(x)',
    'where(x>1,x,-x)', 'x>1', 'x<y<1', 'exp', 'iris', 'mnist', '--epochs', '0', '-1', '--seed', 'tanh', 'softmax',
    'mul', '∂', 'x²', 'ｘ', 'ｘ=3', 'e', 'pi', '9**9**9', 'x**x', 'max(x,y)', 'relu(x-x)', '{x}', '[x]', 'x.data',
    "'x'", '"x"', '\\', '\x00', '\n', 'é', 'é=1', 'x==1', 'x=1e999', 'x=0x10', 'x=1_0', 'softmax(x)', 'dot(x,x)',
    'mean(x)', '1', '()', 'x()', 'lambda:', '0',
])  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=6))
def test_no_traceback_whatever_is_typed(capsys, arguments: list[str]) -> None:
    if "iris" in arguments and "train" in arguments and not {"0", "-1"} & set(arguments):
        arguments = [*arguments, "--epochs", "0"]
    status, _, err = run(arguments, capsys)
    assert status in (0, 1, 2, 3) and "Traceback" not in err
    assert status in (0, 1, 3) or err.startswith(("tracegrad: ", "usage: "))
