"""Data to learn from: `iris`, `moons`, `digits`, `mnist`, the lecture's `four_points`; `split` and `Standardizer`."""

from __future__ import annotations

import csv
import gzip
import importlib.resources
import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from autograd.packages import needed

from .draws import draws
from .inputs import numbered, unmasked
from .lists import ArrayLike, NDArray, array, np


class Dataset(NamedTuple):
    """Samples and what is known about them.

    Attributes:
        X: (n, features), one row per sample.
        y: (n,), integer class labels (0, 1, …), or numbers for regression.
        feature_names: one per column of X.
        class_names: one per class, in the order of the labels.
    """

    X: NDArray[np.floating[Any]]
    y: NDArray[Any]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Dataset({len(self.X):,} samples × {self.X.shape[1]} features, classes: {', '.join(self.class_names)})"


def iris() -> Dataset:
    """The 150 iris flowers of Fisher (1936): 4 lengths in cm, 3 species with 50 flowers each, sorted by species.

    The numbers are those of Fisher's article. (Two rows of the copy at UCI differ from it: the 35th flower has a petal
    width of 0.2, and the 38th has 3.6, 1.4 and 0.1 cm.)
    """
    text = importlib.resources.files(__package__).joinpath("data/iris.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    names = tuple(dict.fromkeys(row[-1] for row in rows[1:]))
    X = array([[float(entry) for entry in row[:-1]] for row in rows[1:]])
    y = array([names.index(row[-1]) for row in rows[1:]])
    features = tuple(name.removesuffix("_cm").replace("_", " ") for name in rows[0][:-1])
    return Dataset(X, y, features, names)


def moons(n: int = 100, noise: float = 0.1, seed: int | None = 0) -> Dataset:
    """Two interleaved half circles of radius 1: a classification problem that no straight line solves.

    Args:
        n: the number of points, at least 2; labels 0 (upper) and 1 (lower) come first and second, half of them each.
        noise: the standard deviation of a normal error added to each coordinate.
        seed: of the errors; where NumPy is missing, the same seed draws others.
    """
    if n < 2:
        raise ValueError(f"moons needs at least 2 points, not {n}")
    if not 0.0 <= noise < math.inf:
        raise ValueError(f"noise is a standard deviation of at least 0, not {noise!r}")
    sizes = n // 2, n - n // 2
    upper, lower = map(_half_circle, sizes)
    points = [*((math.cos(t), math.sin(t)) for t in upper), *((1.0 - math.cos(t), 0.5 - math.sin(t)) for t in lower)]
    X = array(points) + draws(seed).normal(0.0, noise, (n, 2))
    return Dataset(X, array([0] * sizes[0] + [1] * sizes[1]), ("x1", "x2"), ("upper", "lower"))


def _half_circle(n: int) -> list[float]:
    """n angles from 0 to π, in equal steps."""
    step = math.pi / max(n - 1, 1)
    return [math.pi if 0 < i == n - 1 else i * step for i in range(n)]


def four_points() -> Dataset:
    """The lecture on optimization's four points: (−3, −3) and (−2, −2) labeled 1, (4, 4) and (2, −5) labeled 0."""
    X = array([[-3.0, -3.0], [-2.0, -2.0], [4.0, 4.0], [2.0, -5.0]])
    return Dataset(X, array([1, 1, 0, 0]), ("x1", "x2"), ("0", "1"))


def digits() -> Dataset:
    """1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak 1998), scaled to 0…1; needs scikit-learn.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("digits() reads the digits that scikit-learn ships: pip install scikit-learn") from None
    raw = load_digits()
    return Dataset(raw.data / 16.0, raw.target.astype("int64"), _pixels(8, 8), tuple("0123456789"))


def _pixels(rows: int, columns: int) -> tuple[str, ...]:
    return tuple(f"pixel {row},{column}" for row in range(rows) for column in range(columns))


# ---- MNIST ------------------------------------------------------------------------------------------------------

_MNIST = {
    "train-images-idx3-ubyte": "60,000 training images",
    "train-labels-idx1-ubyte": "their labels",
    "t10k-images-idx3-ubyte": "10,000 test images",
    "t10k-labels-idx1-ubyte": "their labels",
}
_HELP = (
    "MNIST is four files in one folder: " + ", ".join(f"{name}[.gz] ({what})" for name, what in _MNIST.items())
    + ". Name the folder as mnist(folder) or in the environment variable TRACEGRAD_MNIST."
)  # fmt: skip
MAX_BYTES = 1 << 30
"""The largest IDX file that is read, uncompressed: 1 GiB."""


def mnist(folder: str | os.PathLike[str] | None = None, dtype: str = "float64") -> tuple[Dataset, Dataset]:
    """The handwritten digits of LeCun, Cortes and Burges (1998): (training set, test set).

    Args:
        folder: holds the four IDX files, gzip-compressed or not; by default the environment variable TRACEGRAD_MNIST.
        dtype: of the pixels; 60,000 × 784 numbers are 376 MB in float64 and 188 MB in float32.

    Returns:
        Images as rows of 784 = 28 × 28 pixels from 0 (paper) to 1 (ink), and labels 0 to 9.

    Raises:
        ImportError: NumPy is not installed.
        FileNotFoundError: no folder is named, or a file is missing; the message lists the four.
        ValueError: a file is damaged, or is not what its name says.
    """
    needed("numpy", "mnist()")
    place = folder if folder is not None else os.environ.get("TRACEGRAD_MNIST")
    if not place:
        raise FileNotFoundError(f"mnist() needs a folder. {_HELP}")
    images, labels, test_images, test_labels = (_find(Path(place), name) for name in _MNIST)
    return _images_and_labels(images, labels, dtype), _images_and_labels(test_images, test_labels, dtype)


def _find(folder: Path, name: str) -> Path:
    variants = (name, name + ".gz", name.replace("-idx", ".idx"), name.replace("-idx", ".idx") + ".gz")
    for variant in variants:
        if (folder / variant).is_file():
            return folder / variant
    state = "does not hold" if folder.is_dir() else "is not a folder, and cannot hold"
    raise FileNotFoundError(f"{folder} {state} {name}[.gz]. {_HELP}")


def _images_and_labels(images: Path, labels: Path, dtype: str) -> Dataset:
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28):
        raise ValueError(f"{images.name} holds an array of shape {pixels.shape}; expected (n, 28, 28)")
    if classes.ndim != 1 or len(classes) != len(pixels):
        raise ValueError(f"{labels.name} holds {classes.shape} labels for the {len(pixels):,} images of {images.name}")
    if len(classes) and classes.max() > 9:
        raise ValueError(f"{labels.name} holds the label {classes.max()}; digits go from 0 to 9")
    X = pixels.reshape(len(pixels), 784).astype(dtype)
    X /= 255
    return Dataset(X, classes.astype("int64"), _pixels(28, 28), tuple("0123456789"))


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, gzip-compressed or not.

    The format: two zero bytes, the type (8 for unsigned bytes), the number of dimensions, the length of each dimension
    as a big-endian 32-bit integer, then the entries, last dimension fastest.

    Raises:
        ImportError: NumPy is not installed.
        ValueError: the magic number, the sizes or the length of the file are wrong, or gzip finds damage.
    """
    needed("numpy", "read_idx()")
    path = Path(path)
    try:
        with open(path, "rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if compressed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    return _read_idx(unpacked, path.name)
            return _read_idx(raw, path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def _read_idx(file: IO[bytes] | gzip.GzipFile, name: str) -> NDArray[np.uint8]:
    head = file.read(4)
    if len(head) != 4 or head[:3] != b"\0\0\x08" or head[3] == 0:
        raise ValueError(f"{name} is not an IDX file of unsigned bytes: it starts with {head.hex(' ') or 'nothing'}")
    lengths = file.read(4 * head[3])
    if len(lengths) != 4 * head[3]:
        raise ValueError(f"{name} is cut off in its header")
    shape = tuple(int.from_bytes(lengths[i : i + 4], "big") for i in range(0, len(lengths), 4))
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise ValueError(f"{name} announces {size:,} bytes, more than the {MAX_BYTES:,} that are read")
    data = file.read(size + 1)
    if len(data) != size:
        excess = "more" if len(data) > size else f"only {len(data):,}"
        raise ValueError(f"{name} announces {size:,} bytes {shape} and holds {excess}")
    return np.frombuffer(data, np.uint8).reshape(shape)


# ---- preparing data ---------------------------------------------------------------------------------------------


class Split(NamedTuple):
    """The two parts of a data set."""

    X_train: NDArray[Any]
    y_train: NDArray[Any]
    X_test: NDArray[Any]
    y_test: NDArray[Any]


def split(X: ArrayLike, y: ArrayLike, fraction: float = 0.2, seed: int = 0, stratify: bool = False) -> Split:
    """Put aside a random part of the samples, to test or to validate with.

    Args:
        X: n samples, (n, features).
        y: n targets.
        fraction: how much is put aside, between 0 and 1; both parts get at least one sample.
        seed: of the shuffling; where NumPy is missing, the same seed gives another order.
        stratify: put aside the same fraction of each class in ``y``.

    Raises:
        ValueError: lengths differ, there are fewer than two samples, or the fraction is not between 0 and 1.
    """
    samples, targets = unmasked(X, "X"), unmasked(y, "y")
    if len(samples) != len(targets):
        raise ValueError(f"{len(samples)} samples and {len(targets)} targets")
    if len(samples) < 2:
        raise ValueError(f"{len(samples)} samples cannot be split in two parts")
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fraction must lie between 0 and 1, not {fraction!r}")
    order = draws(seed).permutation(len(samples)).tolist()
    if stratify:
        groups: dict[Any, list[int]] = {}
        for i, label in zip(order, targets[order].tolist()):
            groups.setdefault(label, []).append(i)
        aside = {i for group in groups.values() for i in group[: round(fraction * len(group))]}
        if not 0 < len(aside) < len(samples):
            raise ValueError(f"with {fraction} of each class one part would be empty; use stratify=False")
    else:
        aside = {*order[: min(max(round(fraction * len(samples)), 1), len(samples) - 1)]}
    kept, chosen = [i for i in order if i not in aside], [i for i in order if i in aside]
    return Split(samples[kept], targets[kept], samples[chosen], targets[chosen])


class Standardizer:
    """x ↦ (x − mean) / standard deviation of each feature, both taken from the training part alone.

    A feature that is constant there is shifted and not scaled. Called with samples (n, features), or with one sample.

    Example:
        >>> scale = Standardizer([[1.0, 5.0], [3.0, 5.0]])
        >>> scale([[1.0, 5.0], [5.0, 6.0]]).tolist()
        [[-1.0, 0.0], [3.0, 1.0]]
    """

    def __init__(self, X_train: ArrayLike) -> None:
        X = unmasked(X_train, "X_train").astype("float64", copy=False)
        if X.ndim != 2 or not len(X) or not (abs(X) < math.inf).all():
            raise ValueError(f"Standardizer takes finite samples of shape (n, features), n ≥ 1; got shape {X.shape}")
        self.mean, self.deviation = X.mean(axis=0), X.std(axis=0)
        self.deviation[self.deviation == 0] = 1.0

    def __call__(self, X: ArrayLike) -> NDArray[np.float64]:
        """The samples, standardized."""
        samples = unmasked(X, "X").astype("float64", copy=False)
        if samples.shape[-1:] != self.mean.shape:
            raise ValueError(f"{len(self.mean)} features were fitted and {samples.shape[-1:] or 'none'} given")
        scaled: NDArray[np.float64] = (samples - self.mean) / self.deviation
        return scaled

    def __repr__(self) -> str:
        return f"Standardizer({len(self.mean)} features)"


def one_hot(labels: Sequence[int] | NDArray[Any], classes: int) -> NDArray[np.float64]:
    """Labels 0 … classes − 1 as rows with a single 1.

    Raises:
        TypeError: the labels are not numbers.
        ValueError: a label is not an integer in that range; the message gives its place.
    """
    given = numbered(unmasked(labels, "labels"))
    for i, label in enumerate(given.tolist()):
        if label != label // 1 or not 0 <= label < classes:
            raise ValueError(f"label {label!r} of sample {i} is not one of the {classes} classes 0 to {classes - 1}")
    rows: NDArray[np.float64] = (given[:, None] == array(range(classes))).astype("float64")
    return rows
