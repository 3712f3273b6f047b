"""Rare ways through networks, training, the search for a minimum, pictures and the doctor."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import io
import math
import shlex
import struct
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value
from nn import cli, compiled, doctor, interaction, recipes
from nn.module import plain
from nn.search import _brent


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


# ---- models and training --------------------------------------------------------------------------------------------


class Shifted(nn.Module):
    """A model that is none of this package's layers."""

    def __init__(self) -> None:
        self.inner = nn.MLP(2, [3, 1], seed=1)
        self.shift = Value(0.5)

    def __call__(self, x: Any) -> Any:
        return self.inner(x) + self.shift


def test_programs_of_other_models_are_not_kept() -> None:
    X = rng().normal(size=(4, 2))
    model = Shifted()
    expected = model.predict(X, engine="eager")
    np.testing.assert_allclose(model.predict(X, engine="compiled"), expected, rtol=1e-13)
    assert model not in compiled._PREDICTORS
    model.shift = Value(1.5)  # a new parameter, which a kept program would not know of
    np.testing.assert_allclose(model.predict(X, engine="compiled"), expected + 1.0, rtol=1e-13)
    own = nn.MLP(2, [1], seed=0)
    own.predict(X, engine="compiled")
    assert own in compiled._PREDICTORS


@pytest.mark.parametrize("moving", [4, 9])
def test_a_compiled_step_on_rows_with_frozen_parameters(moving: int) -> None:
    X, y, rows = rng().normal(size=(6, 2)), rng().normal(size=6), np.array([4, 1, 1, 3])
    results = []
    for samples, targets, chosen in ((X, y, rows), (X[rows], y[rows], None)):
        model = nn.MLP(2, [2, 1], seed=1)
        parameters = model.parameters()
        before = [p.data for p in parameters]
        engine = compiled.CompiledEngine(model, nn.mse_loss, nn.SGD(parameters[:moving], 0.1), X, y)
        losses = [engine.step(samples, targets, chosen) for _ in range(3)]
        engine.sync()
        after = [p.data for p in parameters]
        assert after[moving:] == before[moving:] and all(a != b for a, b in zip(after[:moving], before))
        results.append((losses, after))
    assert results[0] == results[1]


def test_outputs_in_nested_lists_become_floats() -> None:
    assert plain([[Value(1.0), 2], (Value(-3.0),)]) == [[1.0, 2], [-3.0]]


def test_a_parameter_beside_the_model_that_overflows_is_named() -> None:
    model = nn.MLP(1, [1], seed=0)
    scale = Value(1.0, "scale")

    def loss(out: Any, y: Any) -> Any:
        return (out - y) ** 2 * 1e-300 + scale * 1e10

    optimizer = nn.SGD([*model.parameters(), scale], 1e300)
    with pytest.warns(RuntimeWarning, match="at the end of epoch 1 parameter scale was -inf"):
        history = nn.fit(model, loss, [1.0], [1.0], optimizer, 1, progress=False)
    assert history.epochs == 0 and scale.data == 1.0


def test_the_progress_bar_of_a_notebook_is_that_of_tqdm_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipywidgets")
    from tqdm.notebook import tqdm

    monkeypatch.setattr(interaction, "_in_kernel", lambda: True)
    assert type(interaction.progress_bar(3, 1, True)) is tqdm
    assert type(interaction.progress_bar(3, 1, False)) is not tqdm
    monkeypatch.setattr(interaction, "find_spec", lambda name: None)  # tqdm would refuse to draw it
    assert type(interaction.progress_bar(3, 1, True)) is not tqdm


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_rmsprop_with_weight_decay(weight_decay: float) -> None:
    """S ← ρS + (1 − ρ)G², W ← W − αG / (√S + ε), with λ·W in G."""
    w = Value(2.0)
    optimizer = nn.RMSprop([w], lr=0.1, decay=0.9, eps=1e-8, weight_decay=weight_decay)
    theta, s = 2.0, 0.0
    for gradient in (0.5, -0.25, 0.125):
        w.grad = gradient
        optimizer.step()
        g = gradient + weight_decay * theta
        s = 0.9 * s + 0.1 * g * g
        theta -= 0.1 * g / (math.sqrt(s) + 1e-8)
        assert w.data == pytest.approx(theta, rel=1e-14)


def test_brents_method_ends_without_a_tolerance_too() -> None:
    calls = []

    def phi(t: float) -> float:
        calls.append(t)
        return (t - 0.3) ** 2

    x, fx = _brent(phi, 0.0, (0.5, phi(0.5)), 1.0, 0.0)
    assert x == pytest.approx(0.3, abs=1e-7) and fx == (x - 0.3) ** 2 and len(calls) == 201


# ---- pictures -------------------------------------------------------------------------------------------------------


def test_pictures_of_little() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot as plt

    from nn import plots

    drawn = nn.History([3.0, 2.0, 1.0]).plot()
    assert len(drawn.lines) == 1 and not drawn.texts
    best = nn.History([3.0, 2.0, 1.0], best_epoch=2).plot()
    assert [line.get_xdata()[0] for line in best.lines] == [1, 2] and best.texts[0].get_text() == "best"
    beyond = nn.History([3.0], best_epoch=2).plot()
    assert len(beyond.lines) == 1
    empty = plots.curves({"loss": []}, ylabel="loss")
    assert empty.get_legend() is None and not empty.lines
    X, y = rng().normal(size=(6, 2)), np.arange(6) % 2
    one_sided = plots.decision_boundary(lambda grid: np.ones(len(grid)), X, y)
    crossing = plots.decision_boundary(lambda grid: grid[:, :1], X, y)
    assert len(crossing.collections) == len(one_sided.collections) + 1  # the boundary
    plt.close("all")


# ---- recipes --------------------------------------------------------------------------------------------------------


def run(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = cli.main(shlex.split(command))
    return status, *capsys.readouterr()


def images(folder: Path, count: int, learnable: bool) -> Path:
    """MNIST in small: images of 28×28 whose class is the row that is bright, or has nothing to do with it."""
    folder.mkdir()
    draw = rng()
    for kind, n in (("train", count), ("t10k", count // 2)):
        labels = np.arange(n, dtype=np.uint8) % 10
        pixels = draw.integers(0, 40, size=(n, 28, 28)).astype(np.uint8)
        pixels[np.arange(n), 2 * (labels if learnable else draw.permutation(labels)) + 3] = 255
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / f"{kind}-{name}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    return folder


def test_train_on_moons(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(f"train moons --epochs 25 -o {shlex.quote(str(tmp_path))}", capsys)
    assert status == 0 and "moons: 300 samples of 2 features to learn from, 100 to test on" in out
    assert float(out.split("in training, ")[1].split("%")[0]) > 90
    if importlib.util.find_spec("matplotlib"):
        assert {"curves.png", "boundary.png"} <= {file.name for file in tmp_path.iterdir()}


@pytest.mark.parametrize("learnable", [True, False])
def test_train_on_images(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, learnable: bool
) -> None:
    recipe = recipes.RECIPES["mnist"]._replace(model=lambda n, seed: nn.MLP(n, [10], seed=seed), batch_size=10)
    monkeypatch.setitem(recipes.RECIPES, "mnist", recipe)
    data, folder = images(tmp_path / "data", 200, learnable), tmp_path / "out"
    data, out = shlex.quote(str(data)), shlex.quote(str(folder))
    status, out, _ = run(f"train mnist --data {data} -o {out} --epochs 4", capsys)
    assert status == 0 and "mnist: 200 samples of 784 features to learn from, 100 to test on" in out
    assert ("100.00% on the test samples" in out) == learnable
    if importlib.util.find_spec("matplotlib"):
        written = {file.name for file in folder.iterdir()}
        assert {"curves.png", "confusion.png", "weights.png"} <= written
        assert ("mistakes.png" in written) != learnable  # there are none to show


def test_the_digits_are_split_by_class() -> None:
    pytest.importorskip("sklearn")
    problem = recipes.RECIPES["digits"].problem(None, 3)
    counts = np.bincount(np.asarray(problem.data.y_test, int))
    assert len(counts) == 10 and counts.min() >= 34 and sum(counts) == len(problem.data.X_test) == 359
    assert problem.data.X_train.shape == (1438, 64) and len(problem.classes) == 10


def test_shares_of_outputs() -> None:
    outputs = np.array([[1000.0, 1000.0], [0.0, math.log(3.0)]])
    np.testing.assert_allclose(recipes._shares(outputs), [[0.5, 0.5], [0.25, 0.75]], rtol=1e-15)


def test_without_matplotlib_the_training_is_saved_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    status, out, _ = run(f"train four-points --epochs 2 -o {shlex.quote(str(tmp_path))}", capsys)
    assert status == 0 and "pip install 'tracegrad[plot]'" in out
    assert {file.name for file in tmp_path.iterdir()} == {"model.json", "history.csv", "network.svg"}


# ---- the doctor, and a stranger in the place of autograd -----------------------------------------------------------


def test_nn_without_this_engine_still_imports_and_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if HIPS autograd had been installed over this package: nn must load, for the doctor lives in it."""
    monkeypatch.setitem(sys.modules, "autograd", types.ModuleType("autograd"))
    spec = importlib.util.spec_from_file_location("nn", nn.__file__)
    assert spec is not None and spec.loader is not None
    stranded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stranded)
    with pytest.raises(ImportError, match=r"(?s)found another one\..*pip uninstall autograd"):
        stranded.MLP


def test_a_missing_or_foreign_autograd_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor.autograd_is_ours()
    stranger = tmp_path / "autograd" / "__init__.py"
    stranger.parent.mkdir()
    stranger.write_text('"""Efficiently computes derivatives."""\n', encoding="utf-8")
    (stranger.parent / "value.py").touch()
    whole = tmp_path / "whole" / "__init__.py"
    whole.parent.mkdir()
    whole.write_text('"""tracegrad"""\n', encoding="utf-8")
    found: list[Any] = [None, importlib.util.spec_from_loader("autograd", None)]
    found += [importlib.util.spec_from_file_location("autograd", file) for file in (stranger, whole)]
    for spec in found:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, spec=spec: spec)
        assert not doctor.autograd_is_ours()
    (whole.parent / "value.py").touch()
    assert doctor.autograd_is_ours()


def test_the_doctor_tells_faults_from_optional_parts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def version(name: str) -> str:
        if name in ("numpy", "numba", "autograd"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "9.9"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert doctor.report() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("FAULT    numpy is missing") + 1].strip() == "pip install tracegrad"
    assert "pip install 'tracegrad[fast]'" in lines[lines.index("missing  numba not installed") + 1]
    assert "ok       tqdm 9.9" in lines and lines[-1] == "1 fault found."
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.8.0")
    assert doctor.report() == 1
    assert "FAULT    HIPS autograd 1.8.0 is installed in the same environment" in capsys.readouterr().out


def test_the_command_goes_through_the_doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tracegrad", "check", "x*x", "x=3"])
    assert doctor.main() == 0 and "gradcheck passed" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "report", lambda: 7)
    monkeypatch.setattr(sys, "argv", ["tracegrad", "doctor"])
    assert doctor.main() == 7
    monkeypatch.setattr(sys, "argv", ["tracegrad", "check", "x*x", "x=3"])
    monkeypatch.setattr(doctor, "autograd_is_ours", lambda: False)
    assert doctor.main() == 1 and "pip uninstall autograd" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # which cannot be told what to do with characters it lacks
    assert doctor.main() == 1
