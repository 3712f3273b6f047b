"""`nn.sklearn`: scikit-learn's own checks, and its tools around our networks."""

import doctest
import warnings

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import nn.sklearn
from nn.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore")  # of scikit-learn's checks, on purpose and in passing

X, BLOB = make_blobs(90, centers=3, random_state=0)
NAMES = np.array(["red", "green", "blue"])[BLOB]


CHECKS = [
    pair
    for estimator in (MLPClassifier(max_iter=50), MLPRegressor(max_iter=50))
    for pair in estimator_checks_generator(estimator)
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=lambda each: getattr(each, "func", type(each)).__name__)
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


def test_labels_probabilities_and_the_network():
    model = MLPClassifier((5,), random_state=0).fit(X, NAMES)
    assert model.classes_.tolist() == ["blue", "green", "red"] and model.score(X, NAMES) > 0.9
    assert isinstance(model.model_, nn.MLP) and model.model_.sizes == [2, 5, 3]
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(X)).all()
    logits = model.model_(X[0].tolist())
    loss = nn.cross_entropy(logits, 2)
    loss.backward()
    assert model.model_.layers[0].neurons[0].weights[0].grad != 0.0
    with pytest.raises(TypeError, match=r"its network is there already: estimator\.model_"):
        nn.from_sklearn(model)


def test_two_classes_have_one_logit():
    model = MLPClassifier((4,), max_iter=30, random_state=0).fit(X, NAMES == "red")
    assert model.model_.sizes == [2, 4, 1] and model.predict_proba(X).shape == (90, 2)
    assert model.n_iter_ == 30 == len(model.loss_curve_)


def test_a_pipeline_is_searched():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=30, learning_rate_init=0.05, random_state=0))
    grid = {"mlpclassifier__hidden_layer_sizes": [(2,), (4, 3)], "mlpclassifier__activation": ["tanh", "relu"]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, NAMES)
    assert search.best_score_ > 0.8 and search.best_estimator_[-1].model_.sizes[0] == 2
    assert cross_val_score(clone(pipeline), X, NAMES, cv=3).min() > 0.6


def test_weights_of_samples_are_repetitions():
    weights = np.arange(90) % 3
    for kind, y in ((MLPClassifier, NAMES), (MLPClassifier, NAMES == "red"), (MLPRegressor, X[:, 0])):
        weighted = kind((3,), max_iter=5, random_state=0).fit(X, y, sample_weight=weights)
        repeated = kind((3,), max_iter=5, random_state=0).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
        numbers = [[p.data for p in model.model_.parameters()] for model in (weighted, repeated)]
        np.testing.assert_allclose(*numbers, rtol=1e-7)


def test_several_targets_and_every_argument():
    model = MLPRegressor((4, 3), ["tanh", "leaky_relu(x, 0.2)"], solver="sgd", alpha=1e-3, batch_size=16,
                         learning_rate_init=0.02, max_iter=10, random_state=1)  # fmt: skip
    assert model.fit(X, X * 2).predict(X).shape == (90, 2)
    assert clone(model).fit(X, X * 2).loss_curve_ == model.loss_curve_
    with pytest.raises(ValueError, match="solver is one of adam, sgd; got 'lbfgs'"):
        MLPRegressor(solver="lbfgs").fit(X, X)


def test_the_example_in_its_docstring():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert doctest.testmod(nn.sklearn).failed == 0
