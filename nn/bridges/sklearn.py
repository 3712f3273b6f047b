"""`from_sklearn`: a network of scikit-learn's."""

from __future__ import annotations

from typing import Any

from autograd.packages import needed

from ..layers import MLP
from .chain import Chain

ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax",
               "exp": "exp"}  # fmt: skip
"""What scikit-learn's activations are called here."""


def from_sklearn(estimator: Any) -> MLP:
    """A network of scikit-learn's: a fitted ``MLPClassifier`` or ``MLPRegressor``, or a Pipeline that ends in one.

    Before it the Pipeline can have a ``StandardScaler`` or other scalers; they go into the first weights, so that the
    network takes what the Pipeline takes.

    Args:
        estimator: the fitted estimator.

    Returns:
        An `MLP` with the outputs of ``predict`` of a regressor and of ``predict_proba`` of a classifier: output k is
        the probability of ``estimator.classes_[k]``; of two classes, the one output is the probability of the second.

    Raises:
        ValueError: it is not fitted, or a step of the Pipeline cannot come in; the message names it.
        TypeError: this is another kind of estimator.
        ImportError: scikit-learn is not installed.
    """
    needed("sklearn", "from_sklearn", "scikit-learn")
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline

    chain = Chain()
    steps = estimator.steps if isinstance(estimator, Pipeline) else [("", estimator)]
    *before, (name, last) = [(name, step) for name, step in steps if step not in (None, "passthrough")]
    if isinstance(getattr(last, "model_", None), MLP):
        raise TypeError("this estimator is of nn.sklearn, and its network is there already: estimator.model_")
    if not isinstance(last, (MLPClassifier, MLPRegressor)):
        where = f"the last step {name!r} of the Pipeline is" if name else "this is"
        raise TypeError(f"from_sklearn takes an MLPClassifier or MLPRegressor; {where} a {type(last).__name__}")
    if not hasattr(last, "coefs_"):
        raise ValueError(f"this {type(last).__name__} is not fitted: call its fit(X, y) first")
    for step_name, step in before:
        _scale(chain, step, f"step {step_name!r} ({type(step).__name__})")
    hidden = [ACTIVATIONS[last.activation]] * (len(last.coefs_) - 1)
    for number, (W, b, activation) in enumerate(
        zip(last.coefs_, last.intercepts_, [*hidden, ACTIVATIONS[last.out_activation_]]), 1
    ):
        chain.affine(W.T, b, f"layer {number}")
        chain.activate(activation, f"layer {number}")
    return chain.network(f"this {type(last).__name__}")


def _scale(chain: Chain, step: Any, place: str) -> None:
    """What a fitted scaler of scikit-learn's does."""
    import numpy as np
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

    if not isinstance(step, (StandardScaler, RobustScaler, MaxAbsScaler, MinMaxScaler)):
        raise ValueError(f"{place} cannot come in: transform the samples with it, and give the last step alone")
    if not hasattr(step, "n_features_in_"):
        raise ValueError(f"{place} is not fitted")
    width = step.n_features_in_
    if isinstance(step, MinMaxScaler):
        if step.clip:
            raise ValueError(f"{place} cannot come in: its clip=True is no scaling; transform the samples with it")
        chain.scale(step.scale_, step.min_, place)
        return
    center = getattr(step, "mean_", None) if isinstance(step, StandardScaler) else getattr(step, "center_", None)
    if isinstance(step, StandardScaler) and not step.with_mean:
        center = None  # it keeps the mean all the same
    factors = np.ones(width) if step.scale_ is None else 1.0 / step.scale_
    chain.scale(factors, np.zeros(width) if center is None else -center * factors, place)
