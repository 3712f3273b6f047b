"""Networks with scikit-learn's interface: for its Pipeline, GridSearchCV, cross_val_score and metrics.

>>> from sklearn.model_selection import cross_val_score
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from nn import datasets
>>> from nn.sklearn import MLPClassifier
>>> iris = datasets.iris()
>>> model = make_pipeline(StandardScaler(), MLPClassifier((8,), random_state=0))
>>> bool(cross_val_score(model, iris.X, iris.y, cv=3).mean() > 0.9)
True

The arguments are called as those of `sklearn.neural_network`. What is trained is an `nn.MLP`, kept as ``model_``; so a
ledger, a derivation and a picture explain it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("nn.sklearn needs scikit-learn 1.6 or newer: pip install scikit-learn") from error

from .activations import Spec
from .layers import MLP
from .losses import binary_cross_entropy, cross_entropy, mse_loss
from .optimizers import SGD, Adam
from .training import fit

__all__ = ["MLPClassifier", "MLPRegressor"]

Floats = NDArray[np.float64]
SOLVERS: dict[str, type[Adam | SGD]] = {"adam": Adam, "sgd": SGD}


class _Network(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share."""

    model_: MLP

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (16,),
        activation: Spec | Sequence[Spec] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.01,
        max_iter: int = 200,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state

    def _train(self, X: Floats, y: Floats, loss: Callable[[Any, Any], Any], outputs: int, sample_weight: Any) -> None:
        """Train a new network; ``y`` has a row for each sample."""
        if self.solver not in SOLVERS:
            raise ValueError(f"solver is one of {', '.join(SOLVERS)}; got {self.solver!r}")
        size = min(200, len(X)) if self.batch_size == "auto" else min(int(self.batch_size), len(X))
        seed = int(check_random_state(self.random_state).randint(2**31))
        model = MLP(X.shape[1], [*self.hidden_layer_sizes, outputs], self.activation, seed=seed)
        optimizer = SOLVERS[self.solver](model.parameters(), lr=self.learning_rate_init, weight_decay=self.alpha)
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            y = np.column_stack([y, weights / weights.mean()])
            loss = _weighted(loss, outputs)
        elif outputs == 1:
            y = y[:, 0]
        history = fit(model, loss, X, y, optimizer, self.max_iter, size, seed, progress=False)
        self.model_, self.loss_curve_, self.n_iter_ = model, history.loss, len(history.loss)

    def _outputs(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        return self.model_.predict(validate_data(self, X, reset=False))


def _weighted(loss: Callable[[Any, Any], Any], outputs: int) -> Callable[[Any, Any], Any]:
    """The loss of a sample whose weight stands behind its targets."""

    def weighted(output: Any, target: Any) -> Any:
        return target[-1] * loss(output, target[0] if outputs == 1 else target[:-1])

    return weighted


class MLPClassifier(ClassifierMixin, _Network):  # type: ignore[misc]
    """A network that classifies, with the interface of ``sklearn.neural_network.MLPClassifier``.

    Two classes have one output, the logit of the second; more have a logit each.

    Args:
        hidden_layer_sizes: the number of neurons of each hidden layer.
        activation: of the hidden layers, as in `nn.MLP`.
        solver: ``"adam"`` or ``"sgd"``.
        alpha: the weight decay.
        batch_size: samples per step; ``"auto"`` takes 200, or all if there are fewer.
        learning_rate_init: the learning rate.
        max_iter: the number of epochs.
        random_state: an integer makes the fit reproducible.

    Attributes:
        model_: the trained `nn.MLP`, whose outputs are logits.
        classes_: the labels.
        loss_curve_: the mean loss of each epoch.
        n_iter_: the number of epochs.
    """

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train a new network on samples (n, features) and labels of any kind.

        Raises:
            ValueError: there is one class only, or the data or an argument are not sound.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes or more; all labels are {self.classes_[0]!r}: one class")
        if len(self.classes_) == 2:
            self._train(X, numbers[:, None].astype(np.float64), binary_cross_entropy, 1, sample_weight)
        else:
            self._train(X, np.eye(len(self.classes_))[numbers], cross_entropy, len(self.classes_), sample_weight)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """The probabilities (n, classes), in the order of ``classes_``."""
        logits = self._outputs(X)
        if logits.ndim == 1:
            logits = np.stack([np.zeros_like(logits), logits], axis=1)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = shares / shares.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each sample."""
        chosen = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[chosen]
        return labels


class MLPRegressor(RegressorMixin, _Network):  # type: ignore[misc]
    """A network that predicts numbers, with the interface of ``sklearn.neural_network.MLPRegressor``.

    Its loss is ½(y − ŷ)². Arguments and attributes are those of `MLPClassifier`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train a new network on samples (n, features) and targets (n,) or (n, outputs).

        Raises:
            ValueError: the data or an argument are not sound.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        self._train(X, targets, mse_loss, targets.shape[1], sample_weight)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """The outputs, (n,) or (n, outputs)."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
