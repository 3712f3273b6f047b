"""The benchmarks run, say what they skip, and refuse a contestant that computes something else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import eager

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_without_a_name_the_benchmarks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^  eager +Scalar graphs in plain Python", listed, re.MULTILINE)
    assert command.main(["nonsense"]) == 2
    captured = capsys.readouterr()
    assert "no benchmark 'nonsense'" in captured.err and captured.out == listed


def test_a_new_file_is_a_new_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    (tmp_path / "fresh.py").write_text('"""Something new.\n\nMore.\n"""\ndef main(arguments): ...\n')
    (tmp_path / "tools.py").write_text('"""No benchmark."""\n')
    assert command.titles() == {"fresh": "Something new."}


@pytest.mark.slow
def test_the_benchmark_runs() -> None:
    small = ["eager", "--rounds", "1", "--passes", "1", "--chain", "2000"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *small], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    for pattern in (
        r"16 samples: 10,289 operations; all values and gradients agree",
        r"A long expression: 3,000 operations; all values and gradients agree",
        r"tracegrad +\d+\.\d\d +\d+\.\d\d +1\.00× +\d+\.\d\d +\d+\.\d\d +1\.00×",
        r"micrograd +(\d+\.\d\d|skipped: not installed \(python -m pip install micrograd\))",
        r"XAD \(C\+\+\) +(\d+\.\d\d|skipped: not installed \(python -m pip install xad\))",
        r"on +200 .*\n.*on +2,000 .*\n.*off +200 ",
        r"10 times the operations take \d+\.\d times as long with the collector on",
    ):
        assert re.search(pattern, run.stdout), (pattern, run.stdout)


def test_who_computes_something_else_is_refused() -> None:
    expected = eager.measure(0, 1, 1, True)
    eager.compare("itself", dict(expected), expected)
    for wrong in (
        {"value": expected["value"] * (1 + 1e-6)},
        {"gradients": [*expected["gradients"][:-1], 0.0]},
        {"gradients": expected["gradients"][:-1]},
        {"value": float("nan")},
    ):
        with pytest.raises(ValueError, match="other computes something else"):
            eager.compare("other", {**expected, **wrong}, expected)


def test_a_missing_package_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xad", None)
    monkeypatch.setitem(sys.modules, "xad.adj_1st", None)
    assert eager.measure(3, 0, 1, True) == {"missing": True}
