"""What a prediction is worth: single columns, logits, ±1 labels, nan, masks; and what early stopping restores."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Value, compile
from nn.metrics import accuracy, confusion_matrix
from nn.prepared import boundary

LABELS = np.array([1, 0, 1, 1, 0, 1])
PROBABILITIES = np.array([0.7, 0.2, 0.9, 0.4, 0.1, 0.6])


def test_a_single_column_is_one_number_per_sample():
    column = PROBABILITIES[:, None]
    for outputs in (PROBABILITIES, column):
        for targets in (LABELS, LABELS[:, None], 2 * LABELS - 1 + 0.0):
            threshold = 0.5
            assert accuracy(outputs, targets, threshold) == 5 / 6
            assert confusion_matrix(outputs, targets, threshold).tolist() == [[2, 0], [1, 3]]
    assert accuracy(column, LABELS) == 5 / 6


def test_labels_minus_one_and_one():
    outputs = np.array([-0.3, 0.2, 5.0, -1.0])
    for shape in ((4,), (4, 1)):
        assert accuracy(outputs.reshape(shape), np.array([-1, 1, -1, -1]).reshape(shape)) == 0.75
    with pytest.raises(ValueError, match="one of them is -1"):
        accuracy(outputs, [-1, 0, 1, 1], threshold=0.0)
    for wrong in (0.7, math.nan, -2.0):
        with pytest.raises(ValueError, match=f"one of them is {wrong}"):
            accuracy(outputs, [wrong, 1, 0, 0], threshold=0.0)


def test_what_is_nan_is_wrong():
    assert accuracy([math.nan, 0.9], [0, 1]) == accuracy([math.nan, 0.9], [1, 1]) == 0.5
    rows = [[math.nan, 1.0, 0.0], [0.0, math.nan, 1.0], [0.0, 0.0, 1.0]]
    assert accuracy(rows, [0, 1, 2]) == accuracy(rows, [1, 2, 2]) == 1 / 3
    with pytest.raises(ValueError, match="1 outputs are nan"):
        confusion_matrix([math.nan, 0.9], [0, 1])


def test_logits_and_probabilities_without_a_word():
    with pytest.warns(UserWarning, match=r"taken for logits.*threshold=0.0.*threshold=0.5"):
        assert accuracy([0.3, -4.0, 2.0], [1, 0, 1]) == 1.0
    assert accuracy([0.3, -4.0, 2.0], [1, 0, 1], threshold=0.0) == 1.0
    assert accuracy([0.3, -4.0, 2.0], [1, 0, 1], threshold=0.5) == 2 / 3
    assert accuracy([0.0, 1.0, 0.3], [0, 1, 0]) == 1.0


@given(st.lists(st.tuples(st.integers(0, 2), st.lists(st.floats(-9, 9), min_size=3, max_size=3)), min_size=1))
def test_the_table_counts_what_accuracy_counts(samples):
    targets, outputs = [label for label, _ in samples], [row for _, row in samples]
    table = confusion_matrix(outputs, targets)
    assert table.sum() == len(samples) and np.trace(table) / len(samples) == pytest.approx(accuracy(outputs, targets))


def test_a_class_that_the_outputs_do_not_know():
    with pytest.raises(ValueError, match="a target is of class 3, and the outputs know the classes 0 to 2"):
        confusion_matrix(np.eye(3), [0, 1, 3])
    with pytest.raises(TypeError, match=r"numbers 0, 1, 2, …, not .*np.unique\(y, return_inverse=True\)"):
        accuracy(np.eye(2), ["setosa", "virginica"])


# ---- where class 1 begins, in fit


LOSSES = {
    "logits": (nn.binary_cross_entropy, (0, 1), 0.0),
    "logits in a lambda": (lambda o, y: 2.0 * nn.binary_cross_entropy(o, y), (0, 1), 0.0),
    "logits in a partial": (functools.partial(nn.binary_cross_entropy), (0, 1), 0.0),
    "logits and decay": (lambda o, y: nn.binary_cross_entropy(o, y) + 0.25, (0, 1), 0.0),
    "estimates": (nn.mse_loss, (0, 1), 0.5),
    "huber": (nn.huber_loss, (0, 1), 0.5),
    "hinge": (nn.hinge_loss, (-1, 1), 0.0),
    "logistic": (lambda o, y: 3 * nn.logistic_loss(o, y), (-1, 1), 0.0),
    "signed estimates": (nn.mse_loss, (-1, 1), 0.0),
    "weighted": (lambda o, y: (1 + 4 * y) * nn.binary_cross_entropy(o, y), (0, 1), None),
    "none": (lambda o, y: o * o, (2, 3), None),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_tells_where_class_1_begins(name):
    loss, labels, expected = LOSSES[name]
    assert boundary(loss, np.array([*labels, *labels], float)) == expected
    if name != "signed estimates":  # whose label 1 could be that of 0 and 1 as well
        assert boundary(loss, np.array([labels[1]] * 3, float)) == expected


@pytest.mark.parametrize("wrap", [lambda loss: loss, lambda loss: lambda o, y: 2.0 * loss(o, y), functools.partial])
@pytest.mark.parametrize("metric", ["accuracy", accuracy])
def test_accuracy_of_logits_under_any_wrapping(wrap, metric):
    data = nn.datasets.moons(30, noise=0.1)
    model = nn.MLP(2, [4, 1], "tanh", seed=1)
    history = nn.fit(
        model, wrap(nn.binary_cross_entropy), data.X, data.y, nn.SGD(model.parameters(), lr=0.3), epochs=4,
        metrics=[metric], progress=False,
    )  # fmt: skip
    logits = model.predict(data.X)
    assert ((logits > 0) != (logits > 0.5)).any()
    assert history.metrics["accuracy"][-1] == np.mean((logits > 0) == data.y)


# ---- functions that a loss applies itself


@pytest.mark.parametrize("engine", ["eager", "compiled", "auto"])
def test_softmax_before_cross_entropy_is_refused(engine):
    model = nn.MLP(2, [3], output="softmax", seed=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"come out of a softmax, .* applies softmax again.*output='linear'"):
        nn.fit(model, lambda o, y: 2.0 * nn.cross_entropy(o, y), [[1.0, 2.0]], [2], nn.SGD(model.parameters(), lr=0.1),
               engine=engine, progress=False)  # fmt: skip
    assert model.state_dict() == before


def test_sigmoid_before_binary_cross_entropy_is_refused():
    model = nn.MLP(2, [3, 1], output="sigmoid", seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    data = [[1.0, 2.0], [0.0, 1.0]], [0, 1]
    with pytest.raises(ValueError, match="outputs come out of a sigmoid, and the loss applies sigmoid again"):
        nn.fit(model, nn.binary_cross_entropy, *data, optimizer, progress=False)
    for loss in (
        nn.mse_loss,
        lambda p, y: -(p if y else 1.0 - p).log(),
        lambda p, y: nn.logistic_loss(p - 0.5, 2 * y - 1),
    ):
        nn.fit(model, loss, *data, optimizer, epochs=1, progress=False, engine="eager")


def test_a_softmax_output_with_a_loss_on_probabilities_trains():
    model = nn.MLP(2, [3, 2], output="softmax", seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    for loss in (nn.log_loss, lambda p, y: nn.nll_loss([q.log() for q in p], y), nn.mse_loss):
        nn.fit(model, loss, [[1.0, 2.0], [0.0, 1.0]], [0, 1], optimizer, epochs=1, progress=False)


# ---- masks


MASKED = np.ma.masked_greater([1.0, 1e6, 2.0], 1e5)


def test_masked_entries_are_refused():
    model = nn.MLP(1, [1], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    program = compile(lambda x: x * 2.0, inputs=[()])
    columns = MASKED[:, None]
    for name, use in {
        "y": lambda: nn.fit(model, nn.mse_loss, [1.0, 2.0, 3.0], MASKED, optimizer, progress=False),
        "X": lambda: nn.fit(model, nn.mse_loss, columns, [1.0, 2.0, 3.0], optimizer, progress=False),
        "X ": lambda: nn.fit(model, nn.mse_loss, columns, [1.0, 2.0, 3.0], optimizer, validation=0.4, progress=False),
        "X  ": lambda: model.predict(columns),
        "X_train": lambda: nn.datasets.Standardizer(columns),
        "targets": lambda: nn.metrics.mean_squared_error([1.0, 2.0, 3.0], MASKED),
        "outputs": lambda: accuracy(MASKED, [0, 1, 0]),
        "array 1": lambda: program(MASKED),
    }.items():
        with pytest.raises(ValueError, match=rf"^{name.strip()} has .*masked entries.*filled"):
            use()
    assert program(np.ma.array([1.0, 2.0])).tolist() == [2.0, 4.0]  # nothing is masked


# ---- what early stopping gives back


class Weight(nn.Module):
    def __init__(self):
        self.w = Value(3.0)

    def __call__(self, x):
        return self.w * x[0]


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("batch_size", [None, 2, 3])
@pytest.mark.parametrize("monitor", ["", "loss"])
def test_the_restored_parameters_have_the_least_training_loss(engine, batch_size, monitor):
    model = Weight()
    X, y = np.array([[1.0], [2.0], [-1.0], [0.5]]), np.zeros(4)
    rates = [0.3, 0.5, 1.5, 1.4, 0.1]
    ends = []

    def total():
        return float(np.mean([nn.mse_loss(model.w.data * x, 0.0) for x in X[:, 0].tolist()]))

    history = nn.fit(
        model, nn.mse_loss, X, y, nn.SGD(model.parameters(), lr=lambda k: rates[min(k // 2, 4)]), epochs=5,
        batch_size=batch_size, progress=False, early_stopping=nn.EarlyStopping(9, monitor=monitor), engine=engine,
        callbacks=[lambda _: ends.append(total())],
    )  # fmt: skip
    assert history.metrics["training_loss"] == pytest.approx(ends, rel=1e-12)
    assert total() == pytest.approx(min(ends), rel=1e-12)
    assert history.best_epoch == 1 + int(np.argmin(ends))


def test_the_column_is_there_only_if_it_is_watched(tmp_path):
    for rule, recorded in (
        (None, False),
        (nn.EarlyStopping(3), True),
        (nn.EarlyStopping(3, monitor="accuracy"), False),
    ):
        model = nn.MLP(2, [1], seed=0)
        data = nn.datasets.moons(10)
        path = tmp_path / f"{recorded}.json"
        options = {"metrics": ["accuracy"], "early_stopping": rule, "progress": False, "checkpoint": path}
        for epochs in (2, 4):
            optimizer = nn.SGD(model.parameters(), lr=0.1)
            history = nn.fit(
                model, nn.binary_cross_entropy, data.X, data.y, optimizer, epochs, resume=epochs == 4, **options
            )
        assert ("training_loss" in history.columns()) == recorded and history.epochs == 4
