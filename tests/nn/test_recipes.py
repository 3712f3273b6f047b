"""`tracegrad train`: what each recipe learns, writes and draws."""

import gzip
import importlib.util
import math
import shlex
import struct
import sys

import numpy as np
import pytest

import nn
from nn import cli, recipes


def run(command: str, capsys):
    status = cli.main(shlex.split(command))
    return status, *capsys.readouterr()


def images(folder, count, learnable):
    """MNIST in small: images of 28×28 whose class is the row that is bright, or has nothing to do with it."""
    folder.mkdir()
    draw = np.random.default_rng(5)
    for kind, n in (("train", count), ("t10k", count // 2)):
        labels = np.arange(n, dtype=np.uint8) % 10
        pixels = draw.integers(0, 40, size=(n, 28, 28)).astype(np.uint8)
        pixels[np.arange(n), 2 * (labels if learnable else draw.permutation(labels)) + 3] = 255
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / f"{kind}-{name}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    return folder


@pytest.mark.slow
def test_train_on_moons(capsys, tmp_path):
    status, out, _ = run(f"train moons --epochs 25 -o {shlex.quote(str(tmp_path))}", capsys)
    assert status == 0 and "moons: 300 samples of 2 features to learn from, 100 to test on" in out
    assert float(out.split("in training, ")[1].split("%")[0]) > 90
    if importlib.util.find_spec("matplotlib"):
        assert {"curves.png", "boundary.png"} <= {file.name for file in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("learnable", [True, False])
def test_train_on_images(capsys, monkeypatch, tmp_path, learnable: bool):
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


def test_the_digits_are_split_by_class():
    pytest.importorskip("sklearn")
    problem = recipes.RECIPES["digits"].problem(None, 3)
    counts = np.bincount(np.asarray(problem.data.y_test, int))
    assert len(counts) == 10 and counts.min() >= 34 and sum(counts) == len(problem.data.X_test) == 359
    assert problem.data.X_train.shape == (1438, 64) and len(problem.classes) == 10


def test_shares_of_outputs():
    outputs = np.array([[1000.0, 1000.0], [0.0, math.log(3.0)]])
    np.testing.assert_allclose(recipes._shares(outputs), [[0.5, 0.5], [0.25, 0.75]], rtol=1e-15)


def test_without_matplotlib_the_training_is_saved_all_the_same(capsys, monkeypatch, tmp_path):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    status, out, _ = run(f"train four-points --epochs 2 -o {shlex.quote(str(tmp_path))}", capsys)
    assert status == 0 and "pip install matplotlib" in out
    assert {file.name for file in tmp_path.iterdir()} == {"model.json", "history.csv", "network.svg"}
