"""The doctor, and a stranger in the place of autograd."""

import importlib.metadata
import importlib.util
import io
import sys
import types

import pytest

import nn
import tracegrad
from nn import doctor


def test_nn_without_this_engine_still_imports_and_names_the_cure(monkeypatch):
    """As if HIPS autograd had been installed over this package: nn must load, for the doctor lives in it."""
    monkeypatch.setitem(sys.modules, "autograd", types.ModuleType("autograd"))
    spec = importlib.util.spec_from_file_location("nn", nn.__file__)
    assert spec is not None and spec.loader is not None
    stranded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stranded)
    with pytest.raises(ImportError, match=r"(?s)found another one\..*pip uninstall autograd"):
        stranded.MLP


def test_a_missing_or_foreign_autograd_is_not_ours(monkeypatch, tmp_path):
    assert doctor.autograd_is_ours()
    stranger = tmp_path / "autograd" / "__init__.py"
    stranger.parent.mkdir()
    stranger.write_text('"""Efficiently computes derivatives."""\n', encoding="utf-8")
    (stranger.parent / "value.py").touch()
    whole = tmp_path / "whole" / "__init__.py"
    whole.parent.mkdir()
    whole.write_text('"""tracegrad"""\n', encoding="utf-8")
    found = [None, importlib.util.spec_from_loader("autograd", None)]
    found += [importlib.util.spec_from_file_location("autograd", file) for file in (stranger, whole)]
    for spec in found:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, spec=spec: spec)
        assert not doctor.autograd_is_ours()
    (whole.parent / "value.py").touch()
    assert doctor.autograd_is_ours()


def test_the_doctor_tells_faults_from_optional_parts(monkeypatch, capsys: pytest.CaptureFixture[str]):
    def version(name: str):
        if name in ("numpy", "llvmlite", "autograd"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "9.9"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert doctor.report() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("FAULT    numpy is missing") + 1].strip() == "pip install numpy"
    assert "pip install llvmlite" in lines[lines.index("missing  llvmlite not installed") + 1]
    assert "ok       tqdm 9.9" in lines and lines[-1] == "1 fault found."
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.8.0")
    assert doctor.report() == 1
    assert "FAULT    HIPS autograd 1.8.0 is installed in the same environment" in capsys.readouterr().out


def test_the_command_goes_through_the_doctor(monkeypatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["tracegrad", "check", "x*x", "x=3"])
    assert tracegrad.main() == 0 and "gradcheck passed" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "report", lambda: 7)
    monkeypatch.setattr(sys, "argv", ["tracegrad", "doctor"])
    assert tracegrad.main() == 7
    monkeypatch.setattr(sys, "argv", ["tracegrad", "check", "x*x", "x=3"])
    monkeypatch.setattr(doctor, "autograd_is_ours", lambda: False)
    assert tracegrad.main() == 1 and "pip uninstall autograd" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # which cannot be told what to do with characters it lacks
    assert tracegrad.main() == 1
