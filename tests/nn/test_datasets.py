"""Data sets: contents, the IDX reader under damage, splitting and scaling."""

import gzip
import hashlib
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn import datasets

# ---- iris, moons, digits, four points ---------------------------------------------------------------------------


def test_iris_is_fishers():
    iris = datasets.iris()
    assert iris.X.shape == (150, 4) and iris.y.tolist() == [0] * 50 + [1] * 50 + [2] * 50
    assert iris.class_names == ("setosa", "versicolor", "virginica")
    assert iris.feature_names == ("sepal length", "sepal width", "petal length", "petal width")
    # Fisher (1936), table I: the means of the species
    assert iris.X[:50].mean(axis=0) == pytest.approx([5.006, 3.428, 1.462, 0.246])
    assert iris.X[50:100].mean(axis=0) == pytest.approx([5.936, 2.770, 4.260, 1.326])
    assert iris.X[100:].mean(axis=0) == pytest.approx([6.588, 2.974, 5.552, 2.026])
    # the two rows in which the copy at UCI is wrong
    assert iris.X[34].tolist() == [4.9, 3.1, 1.5, 0.2] and iris.X[37].tolist() == [4.9, 3.6, 1.4, 0.1]
    assert repr(iris) == "Dataset(150 samples × 4 features, classes: setosa, versicolor, virginica)"


def test_iris_equals_the_copy_in_scikit_learn():
    other = pytest.importorskip("sklearn.datasets").load_iris()
    assert (other.data == datasets.iris().X).all() and (datasets.iris().y == other.target).all()


def test_moons():
    moons = datasets.moons(101, noise=0.0)
    assert moons.X.shape == (101, 2) and np.bincount(moons.y).tolist() == [50, 51]
    assert np.hypot(*moons.X[:50].T) == pytest.approx(np.ones(50))
    assert np.hypot(moons.X[50:, 0] - 1, moons.X[50:, 1] - 0.5) == pytest.approx(np.ones(51))
    assert (datasets.moons(20, 0.2, 3).X == datasets.moons(20, 0.2, 3).X).all()
    assert (datasets.moons(20, 0.2, 3).X != datasets.moons(20, 0.2, 4).X).any()
    assert (datasets.moons(4000, 0.3).X - datasets.moons(4000, 0.0).X).std() == pytest.approx(0.3, rel=0.05)
    with pytest.raises(ValueError, match="at least 2 points"):
        datasets.moons(1)
    with pytest.raises(ValueError, match="noise is a standard deviation"):
        datasets.moons(10, -1.0)


def test_four_points():
    points = datasets.four_points()
    assert points.X.tolist() == [[-3, -3], [-2, -2], [4, 4], [2, -5]] and points.y.tolist() == [1, 1, 0, 0]


def test_digits():
    pytest.importorskip("sklearn")
    digits = datasets.digits()
    assert digits.X.shape == (1797, 64) and digits.X.min() == 0 and digits.X.max() == 1
    assert sorted(set(digits.y.tolist())) == list(range(10)) and len(digits.feature_names) == 64


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        datasets.digits()


# ---- IDX --------------------------------------------------------------------------------------------------------


def idx(array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


IMAGES = (np.arange(3 * 28 * 28) % 251).reshape(3, 28, 28)
LABELS = np.array([7, 0, 9])


def write_mnist(folder, compress=False, replaced=None):
    parts = dict(zip(datasets._MNIST, [IMAGES, LABELS, IMAGES[:2], LABELS[:2]]))
    for name, array in parts.items():
        data = (replaced or {}).get(name, idx(array))
        if compress:
            (folder / (name + ".gz")).write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)


@pytest.mark.parametrize("compress", [False, True])
def test_mnist_files_are_read(tmp_path, monkeypatch, compress):
    write_mnist(tmp_path, compress)
    train, test = datasets.mnist(tmp_path)
    assert train.X.shape == (3, 784) and test.X.shape == (2, 784) and train.y.tolist() == [7, 0, 9]
    assert (IMAGES.reshape(3, 784) / 255 == train.X).all() and train.X.dtype == np.float64
    assert datasets.mnist(str(tmp_path), dtype="float32")[0].X.dtype == np.float32
    monkeypatch.setenv("TRACEGRAD_MNIST", str(tmp_path))
    assert len(datasets.mnist()[1].X) == 2


def test_mnist_under_its_other_file_names(tmp_path):
    write_mnist(tmp_path)
    for path in tmp_path.iterdir():
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert len(datasets.mnist(tmp_path)[0].X) == 3


def test_mnist_says_which_four_files_it_needs(tmp_path, monkeypatch):
    monkeypatch.delenv("TRACEGRAD_MNIST", raising=False)
    for call in (datasets.mnist, lambda: datasets.mnist(tmp_path), lambda: datasets.mnist(tmp_path / "none")):
        with pytest.raises(FileNotFoundError, match="four files") as caught:
            call()
        assert all(name in str(caught.value) for name in datasets._MNIST)
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"does not hold t10k-labels-idx1-ubyte\[\.gz\]"):
        datasets.mnist(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("train-images-idx3-ubyte", b"", "is not an IDX file of unsigned bytes: it starts with nothing"),
        ("train-images-idx3-ubyte", b"\x80\x04K\x01.", "starts with 80 04 4b 01"),
        ("train-images-idx3-ubyte", idx(LABELS), r"shape \(3,\); expected \(n, 28, 28\)"),
        ("train-images-idx3-ubyte", idx(IMAGES)[:9], "cut off in its header"),
        ("train-images-idx3-ubyte", idx(IMAGES)[:-1], r"announces 2,352 bytes .* and holds only 2,351"),
        ("train-images-idx3-ubyte", idx(IMAGES) + b"\0", "and holds more"),
        ("train-images-idx3-ubyte", idx(IMAGES[:2]), r"holds \(3,\) labels for the 2 images"),
        (
            "train-images-idx3-ubyte",
            b"\0\0\x08\x03" + b"\xff" * 12,
            "announces 79228162458924105385300197375 bytes, more",
        ),
        ("train-labels-idx1-ubyte", b"\0\0\x0d\x01" + b"\0" * 8, "is not an IDX file of unsigned bytes"),
        ("train-labels-idx1-ubyte", idx(np.array([7, 0, 10])), "holds the label 10"),
    ],
)
@pytest.mark.parametrize("compress", [False, True])
def test_damaged_mnist_files(tmp_path, name, data, message, compress):
    message = message.replace("79228162458924105385300197375", "[0-9,]+")
    write_mnist(tmp_path, compress, {name: data})
    with pytest.raises(ValueError, match=message):
        datasets.mnist(tmp_path)


def test_a_damaged_gzip_file_is_refused_at_every_length(tmp_path):
    whole, path = gzip.compress(idx(np.arange(20)), mtime=0), tmp_path / "x.gz"
    for length in range(2, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"x\.gz is"):
            datasets.read_idx(path)


@given(st.binary(max_size=64), st.booleans())
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(tmp_path_factory, data, header):
    path = tmp_path_factory.getbasetemp() / "any.idx"
    path.write_bytes(b"\0\0\x08" + data if header else data)
    try:
        array = datasets.read_idx(path)
    except ValueError as error:
        assert "any.idx" in str(error)
    else:
        assert array.nbytes <= len(data)


def mnist_folder():
    default = Path(__file__).parents[3] / "shared" / "data" / "mnist"
    return Path(os.environ.get("TRACEGRAD_MNIST", default))


@pytest.mark.skipif(
    not (mnist_folder() / "t10k-images-idx3-ubyte.gz").exists(),
    reason="no MNIST here: set TRACEGRAD_MNIST to a folder with its four files",
)
def test_the_real_mnist():
    train, test = datasets.mnist(mnist_folder(), dtype="float32")
    assert train.X.shape == (60_000, 784) and test.X.shape == (10_000, 784)
    assert np.bincount(train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert float(train.X.mean(dtype=np.float64)) == pytest.approx(0.1307, abs=5e-5)
    pixels = datasets.read_idx(mnist_folder() / "t10k-images-idx3-ubyte.gz").tobytes()
    assert hashlib.md5(pixels).hexdigest() == hashlib.md5((test.X * 255).round().astype(np.uint8).tobytes()).hexdigest()


# ---- split, Standardizer, one_hot -------------------------------------------------------------------------------


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_split_loses_nothing(n, fraction, seed):
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    parts = datasets.split(X, y, fraction, seed)
    assert sorted([*parts.y_train.tolist(), *parts.y_test.tolist()]) == y.tolist()
    assert (parts.X_train[:, 0] == 2 * parts.y_train).all() and (parts.X_test[:, 0] == 2 * parts.y_test).all()
    assert len(parts.y_test) == min(max(round(fraction * n), 1), n - 1)
    again = datasets.split(X, y, fraction, seed)
    assert all((a == b).all() for a, b in zip(parts, again))


def test_split_keeps_the_classes_in_proportion():
    iris = datasets.iris()
    parts = datasets.split(iris.X, iris.y, 0.2, seed=1, stratify=True)
    assert np.bincount(parts.y_test).tolist() == [10] * 3 and np.bincount(parts.y_train).tolist() == [40] * 3
    assert parts.y_train.tolist() != sorted(parts.y_train.tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1]), "2 samples and 1 targets"),
        (([1], [1]), "1 samples cannot be split"),
        (([1, 2], [1, 2], 1.0), "fraction must lie between 0 and 1, not 1.0"),
        (([1, 2], [1, 2], float("nan")), "fraction must lie between"),
        (([1, 2], [1, 2], 0.2, 0, True), "one part would be empty"),
    ],
)
def test_split_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.split(*arguments)


def test_standardizer_takes_its_numbers_from_the_training_part():
    X = np.array([[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]])
    scale = datasets.Standardizer(X)
    assert scale(X).mean(axis=0) == pytest.approx([0, 0]) and scale(X)[:, 0].std() == pytest.approx(1)
    assert scale([3.0, 8.0]).tolist() == [0.0, 1.0]
    assert repr(scale) == "Standardizer(2 features)"
    with pytest.raises(ValueError, match="2 features were fitted and"):
        scale([[1.0]])
    for bad in ([], [1.0], [[float("nan")]]):
        with pytest.raises(ValueError, match="takes finite samples"):
            datasets.Standardizer(bad)


def test_one_hot():
    assert datasets.one_hot([2, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert datasets.one_hot(np.array([1.0]), 2).tolist() == [[0, 1]]
    with pytest.raises(ValueError, match="label 3 of sample 1 is not one of the 3 classes 0 to 2"):
        datasets.one_hot([0, 3], 3)
    with pytest.raises(ValueError, match=r"label 0\.5 of sample 0"):
        datasets.one_hot([0.5], 2)
    with pytest.raises(ValueError, match="label nan of sample 0"):
        datasets.one_hot([float("nan")], 2)
    with pytest.raises(TypeError, match=r"class labels are numbers 0, 1, 2, …, not text: .*np.unique"):
        datasets.one_hot(["a"], 2)
