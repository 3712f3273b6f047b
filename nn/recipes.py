"""`tracegrad train DATASET`: a sensible network for each data set, trained, measured, saved and pictured."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd import files

from . import losses
from .layers import MLP
from .module import Module
from .optimizers import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from .datasets import Split
    from .history import History


class Problem(NamedTuple):
    """Data ready for training, and the names in it."""

    data: Split
    features: tuple[str, ...]
    classes: tuple[str, ...]


class Recipe(NamedTuple):
    """What to train on a data set, and how.

    Attributes:
        problem: the data, from the folder given (or None) and the seed.
        model: the network, from the number of inputs and the seed.
        loss: of one sample.
        optimizer: made from the parameters.
        epochs: by default.
        batch_size: samples per step.
        threshold: for a network of one output, where class 1 begins; None for one output per class.
    """

    problem: Callable[[str | None, int], Problem]
    model: Callable[[int, int], Module]
    loss: Callable[[Any, Any], Any]
    optimizer: Callable[[Any], Optimizer]
    epochs: int
    batch_size: int
    threshold: float | None = None


def _iris(folder: str | None, seed: int) -> Problem:
    from . import datasets

    iris = datasets.iris()
    split = datasets.split(iris.X, iris.y, 0.2, seed, stratify=True)
    scale = datasets.Standardizer(split.X_train)
    split = split._replace(X_train=scale(split.X_train), X_test=scale(split.X_test))
    return Problem(split, iris.feature_names, iris.class_names)


def _moons(folder: str | None, seed: int) -> Problem:
    from . import datasets

    moons = datasets.moons(400, noise=0.15, seed=seed)
    return Problem(datasets.split(moons.X, moons.y, 0.25, seed), moons.feature_names, moons.class_names)


def _digits(folder: str | None, seed: int) -> Problem:
    from . import datasets

    digits = datasets.digits()
    return Problem(
        datasets.split(digits.X, digits.y, 0.2, seed, stratify=True), digits.feature_names, digits.class_names
    )


def _mnist(folder: str | None, seed: int) -> Problem:
    from . import datasets

    train, test = datasets.mnist(folder)
    return Problem(datasets.Split(train.X, train.y, test.X, test.y), train.feature_names, train.class_names)


def _four_points(folder: str | None, seed: int) -> Problem:
    from . import datasets

    points = datasets.four_points()
    return Problem(datasets.Split(points.X, points.y, points.X, points.y), points.feature_names, points.class_names)


RECIPES: dict[str, Recipe] = {
    "iris": Recipe(_iris, lambda n, seed: MLP(n, [8, 3], seed=seed), losses.cross_entropy,
                   lambda p: Adam(p, lr=0.02, weight_decay=0.01), 60, 16),
    "moons": Recipe(_moons, lambda n, seed: MLP(n, [16, 16, 1], seed=seed), losses.binary_cross_entropy,
                    lambda p: Adam(p, lr=0.02), 60, 20, threshold=0.0),
    "digits": Recipe(_digits, lambda n, seed: MLP(n, [32, 10], seed=seed), losses.cross_entropy,
                     lambda p: SGD(p, lr=0.1, momentum=0.9), 30, 32),
    "mnist": Recipe(_mnist, lambda n, seed: MLP(n, [128, 10], seed=seed), losses.cross_entropy,
                    lambda p: SGD(p, lr=0.05, momentum=0.9), 8, 64),
    "four-points": Recipe(_four_points, lambda n, seed: MLP(n, [1], output="sigmoid", bias=False, seed=seed),
                          losses.mse_loss, lambda p: SGD(p, lr=0.5), 200, 4, threshold=0.5),
}  # fmt: skip
"""The data sets of `tracegrad train`. The four points are lecture C's single neuron without bias."""


def train(
    name: str,
    folder: Path,
    *,
    data: str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Train by recipe and write into ``folder``: the checkpoint, the history as CSV, pictures. Returns 0.

    Raises:
        OSError, ValueError, ImportError: the data are missing or wrong; the message says what to do.
    """
    from .metrics import accuracy
    from .training import fit

    recipe = RECIPES[name]
    problem = recipe.problem(data, seed)
    X, y, X_test, y_test = problem.data
    folder.mkdir(parents=True, exist_ok=True)
    files.check_folder(folder)
    model = recipe.model(X.shape[1], seed)
    say(f"{name}: {len(X):,} samples of {X.shape[1]} features to learn from, {len(X_test):,} to test on\n{model!r}")

    def measured(outputs: Any, targets: Any) -> float:
        return accuracy(outputs, targets, recipe.threshold)

    measured.__name__ = "accuracy"
    history = fit(
        model, recipe.loss, X, y, recipe.optimizer(model.parameters()), recipe.epochs if epochs is None else epochs,
        recipe.batch_size, seed, metrics=[measured], checkpoint=folder / "model.json", resume=resume,
    )  # fmt: skip
    history.to_csv(folder / "history.csv")
    outputs = model.predict(X_test)
    say(
        f"loss {history.loss[0]:.4f} -> {history.loss[-1]:.4f} in {history.epochs} epochs ({history.engine} engine, "
        f"{sum(history.seconds):.1f} s); accuracy {history.metrics['accuracy'][-1]:.2%} in training, "
        f"{measured(outputs, y_test):.2%} on the test samples"
    )
    written = ["model.json", "history.csv", *_pictures(name, recipe, problem, model, history, outputs, folder, say)]
    say("wrote " + ", ".join(str(folder / file) for file in written))
    return 0


def _pictures(
    name: str, recipe: Recipe, problem: Problem, model: Any, history: History, outputs: Any, folder: Path,
    say: Callable[[str], None],
) -> Iterator[str]:  # fmt: skip
    from .diagram import draw_network

    draw_network(
        model, inputs=problem.features if len(problem.features) <= 16 else None, outputs=problem.classes
        if recipe.threshold is None else None,
    ).save(folder / "network.svg")  # fmt: skip
    yield "network.svg"
    try:
        os.environ.setdefault("MPLBACKEND", "Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        say("curves and maps need matplotlib: pip install matplotlib")
        return
    from . import plots
    from .metrics import confusion_matrix

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    plots.loss_curve(history, ax=left)
    plots.accuracy_curve(history, ax=right)
    yield _save(figure, folder, "curves.png")
    if name in ("moons", "four-points"):
        X, y = problem.data.X_train, problem.data.y_train
        threshold = recipe.threshold or 0.0
        axes = plots.decision_boundary(model, X, y, threshold=threshold, features=problem.features)
        yield _save(axes.figure, folder, "boundary.png")
        if name == "four-points":
            yield _save(_surface(problem).figure, folder, "surface.png")
        return
    axes = plots.confusion_matrix(confusion_matrix(outputs, problem.data.y_test), names=problem.classes)
    yield _save(axes.figure, folder, "confusion.png")
    if name in ("digits", "mnist"):
        shares = _shares(outputs)
        if (shares.argmax(axis=1) != problem.data.y_test).any():
            axes = plots.worst_mistakes(problem.data.X_test, problem.data.y_test, shares)
            yield _save(axes.figure, folder, "mistakes.png")
        first = [[w.data for w in neuron.weights] for neuron in model.layers[0].neurons[:20]]
        axes = plots.weight_images(first, title="Weights of the first neurons")
        yield _save(axes.figure, folder, "weights.png")


def _surface(problem: Problem) -> Any:
    """E(w₁₁, w₁₂) = Σ (y − σ(w·x))² of lecture C with three descents from the same point."""
    from autograd import sigmoid

    from . import plots
    from .descent import descend
    from .schedules import inverse_time

    def term(x: list[float], y: float) -> Callable[[Any], Any]:
        return lambda w: (y - sigmoid(w[0] * x[0] + w[1] * x[1])) ** 2

    terms = [term(x, y) for x, y in zip(problem.data.X_train.tolist(), problem.data.y_train.tolist())]

    def error(w: Any) -> Any:
        return sum(f(w) for f in terms)

    start = [0.4, 0.6]
    paths = {
        "gradient, exact line search": descend(error, start, limit=40),
        "stochastic, γₖ = 1/(k+1)": descend(terms, start, step=inverse_time(), batch_size=1, limit=60),
        "mini-batches of 2": descend(terms, start, step=inverse_time(), batch_size=2, limit=60),
    }
    return plots.loss_surface(error, (-2.6, 1.0), (-1.2, 1.4), paths=paths)


def _shares(outputs: Any) -> Any:
    import numpy as np

    weights = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _save(figure: Any, folder: Path, name: str) -> str:
    import matplotlib.pyplot as plt

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    plt.close(figure)
    files.write(folder / name, picture.getvalue())
    return name
