"""A network of scikit-learn's comes in with its outputs."""

import warnings

import numpy as np
import pytest
from coming_in import agree, explained

import nn

pytest.importorskip("sklearn")

from sklearn import preprocessing
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3)) * [1.0, 5.0, 0.1] + [0.0, 2.0, 1.0]
CLASS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 2)


def fitted(estimator, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few epochs are enough here
        return estimator.fit(X, y)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    ("kind", "y", "output"),
    [
        (MLPClassifier, CLASS, "softmax"),
        (MLPClassifier, np.where(CLASS > 0, "yes", "no"), "sigmoid"),
        (MLPClassifier, np.stack([CLASS > 0, CLASS > 1], 1).astype(int), "sigmoid"),
        (MLPRegressor, X[:, 0] + X[:, 1], "linear"),
        (MLPRegressor, X[:, :2] * 2, "linear"),
    ],
)
def test_fitted_networks(kind, y, output, activation):
    estimator = fitted(kind(hidden_layer_sizes=(4, 3), activation=activation, max_iter=5, random_state=1), y)
    model = nn.from_sklearn(estimator)
    expected = (
        estimator.predict_proba(X)[:, 1:]
        if y.dtype.kind == "U"
        else (estimator.predict_proba(X) if kind is MLPClassifier else estimator.predict(X))
    )
    agree(model, X, expected)
    assert model.layers[-1].activation == output
    explained(model, X[0].tolist())


@pytest.mark.parametrize(
    "scaler",
    [
        preprocessing.StandardScaler(), preprocessing.StandardScaler(with_mean=False),
        preprocessing.StandardScaler(with_std=False), preprocessing.MinMaxScaler((-1, 1)),
        preprocessing.MaxAbsScaler(), preprocessing.RobustScaler(), preprocessing.RobustScaler(with_centering=False),
        "passthrough",
    ],
    ids=str,
)  # fmt: skip
def test_a_scaler_before_it_goes_into_the_weights(scaler):
    pipeline = fitted(make_pipeline(scaler, MLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=1)), CLASS)
    model = nn.from_sklearn(pipeline)
    agree(model, X, pipeline.predict_proba(X))
    assert model.sizes == [3, 4, 3]


def test_counts_by_poisson_loss():
    if "loss" not in MLPRegressor().get_params():
        pytest.skip("this scikit-learn has one loss for regression")
    estimator = fitted(MLPRegressor(hidden_layer_sizes=(4,), loss="poisson", max_iter=5, random_state=1), CLASS)
    agree(nn.from_sklearn(estimator), X, estimator.predict(X))


@pytest.mark.parametrize(
    ("estimator", "kind", "message"),
    [
        (MLPClassifier(), ValueError, "this MLPClassifier is not fitted: call its fit(X, y) first"),
        (LogisticRegression(), TypeError, "takes an MLPClassifier or MLPRegressor; this is a LogisticRegression"),
        (make_pipeline(LogisticRegression()), TypeError, "the last step 'logisticregression' of the Pipeline is a Log"),
        (3, TypeError, "takes an MLPClassifier or MLPRegressor; this is a int"),
        (make_pipeline(preprocessing.PolynomialFeatures(), MLPRegressor(max_iter=2)), ValueError,
         "step 'polynomialfeatures' (PolynomialFeatures) cannot come in: transform the samples with it"),
        (make_pipeline(preprocessing.MinMaxScaler(clip=True), MLPRegressor(max_iter=2)), ValueError,
         "step 'minmaxscaler' (MinMaxScaler) cannot come in: its clip=True is no scaling"),
    ],
)  # fmt: skip
def test_what_cannot_come_in_is_named(estimator, kind, message):
    if hasattr(estimator, "steps") and "MLP" in type(estimator[-1]).__name__:
        fitted(estimator, CLASS)
    with pytest.raises(kind) as refused:
        nn.from_sklearn(estimator)
    assert message in str(refused.value)
