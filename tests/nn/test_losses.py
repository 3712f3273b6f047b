"""Losses against closed forms, and what they refuse."""

import math

import numpy as np
import pytest
from exactly import mp, mpf
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, grad, graph
from autograd.modes import changed

NUMBER = st.floats(-50, 50)
SIGN = st.sampled_from([-1.0, 1.0])


def value_and_slopes(loss, prediction, *target):
    """The loss and its derivatives with respect to a prediction (a number or a list) on fresh Values."""
    several = isinstance(prediction, list)
    leaves = [Value(p) for p in (prediction if several else [prediction])]
    out = loss(leaves if several else leaves[0], *target)
    slopes = grad(out, leaves)
    return out.data, slopes if several else slopes[0]


def close(actual, expected):
    return actual == pytest.approx(float(expected), rel=1e-12, abs=1e-300)


@given(NUMBER, NUMBER)
def test_squared_error(p, y):
    value, slope = value_and_slopes(nn.mse_loss, p, y)
    assert close(value, (mpf(p) - y) ** 2 / 2) or abs(p - y) < 1e-150
    assert slope == p - y


@given(NUMBER, NUMBER)
def test_absolute_error(p, y):
    value, slope = value_and_slopes(nn.l1_loss, p, y)
    assert value == abs(p - y) and slope == (p > y) - (p < y)


@given(NUMBER, NUMBER, st.floats(0.1, 10))
def test_huber(p, y, delta):
    value, slope = value_and_slopes(nn.huber_loss, p, y, delta)
    error = abs(p - y)
    expected = error**2 / 2 if error <= delta else delta * (error - delta / 2)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert slope == pytest.approx(max(-delta, min(delta, p - y)), rel=1e-15)


def test_huber_decides_anew_when_a_leaf_is_edited():
    p = Value(0.5)
    loss = nn.huber_loss(p, 0.0)
    assert loss.data == 0.125
    p.data = 3.0
    assert graph.forward(loss) == 2.5


@given(NUMBER, SIGN)
def test_logistic(p, y):
    value, slope = value_and_slopes(nn.logistic_loss, p, y)
    assert close(value, mp.log1p(mp.exp(-mpf(y) * p)))
    assert close(slope, -y / (1 + mp.exp(mpf(y) * p)))


@given(NUMBER, SIGN)
def test_hinge(p, y):
    value, slope = value_and_slopes(nn.hinge_loss, p, y)
    assert value == max(0.0, 1.0 - p * y)
    assert slope == (-y if p * y < 1.0 else 0.0)


@given(st.floats(-800, 800), st.floats(0, 1) | st.sampled_from([0, 1, 0.0, 1.0]))
def test_binary_cross_entropy(logit, y):
    value, slope = value_and_slopes(nn.binary_cross_entropy, logit, y)
    o, y = mpf(logit), mpf(y)
    expected = y * mp.log1p(mp.exp(-o)) + (1 - y) * mp.log1p(mp.exp(o))
    assert close(value, expected)
    assert close(slope, (1 - y) / (1 + mp.exp(-o)) - y / (1 + mp.exp(o))) or abs(slope) < 1e-16


@given(st.lists(NUMBER, min_size=2, max_size=6), st.data())
def test_cross_entropy(logits, data):
    y = data.draw(st.integers(0, len(logits) - 1))
    value, slopes = value_and_slopes(nn.cross_entropy, logits, y)
    total = mp.fsum(mp.exp(mpf(o)) for o in logits)
    assert value == pytest.approx(float(mp.log(total) - logits[y]), rel=1e-12, abs=1e-13)
    assert value >= 0
    for i, slope in enumerate(slopes):
        assert slope == pytest.approx(float(mp.exp(mpf(logits[i])) / total - (i == y)), rel=1e-12, abs=1e-15)
    one_hot = [float(i == y) for i in range(len(logits))]
    assert value_and_slopes(nn.cross_entropy, logits, one_hot) == (value, slopes)


def test_cross_entropy_with_probabilities_as_target():
    value, slopes = value_and_slopes(nn.cross_entropy, [1.0, 2.0, -1.0], [0.25, 0.75, 0.0])
    lse = math.log(math.e + math.e**2 + math.e**-1)
    assert value == pytest.approx(lse - 0.25 - 1.5, rel=1e-14)
    assert slopes[1] == pytest.approx(math.exp(2 - lse) - 0.75, rel=1e-14)


def test_cross_entropy_of_huge_logits():
    value, slopes = value_and_slopes(nn.cross_entropy, [1e4, -1e4], 1)
    assert (value, slopes) == (2e4, [1.0, -1.0])
    assert value_and_slopes(nn.cross_entropy, [1e4, -1e4], 0) == (0.0, [0.0, 0.0])


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5))
def test_nll_of_log_softmax_is_cross_entropy(logits):
    def loss(values, y):
        return nn.nll_loss([p.log() for p in autograd.softmax(values)], y)

    for y in range(len(logits)):
        value, slopes = value_and_slopes(loss, logits, y)
        expected, expected_slopes = value_and_slopes(nn.cross_entropy, logits, y)
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-14)
        assert slopes == pytest.approx(expected_slopes, rel=1e-12, abs=1e-14)


# ---- forms ------------------------------------------------------------------------------------------------------

SCALAR = [nn.mse_loss, nn.l1_loss, nn.huber_loss, nn.logistic_loss, nn.hinge_loss, nn.binary_cross_entropy]
CLASSES = [nn.cross_entropy, nn.nll_loss]  # log_loss is refused what does not sum to 1


LOGITS = st.lists(st.floats(-20, 20), min_size=2, max_size=5)


@given(LOGITS, st.integers(0, 4), st.floats(0, 1))
def test_log_loss_of_shares_is_the_cross_entropy_of_logits(o, y, share):
    y %= len(o)
    logits = [Value(entry) for entry in o]
    on_shares, on_logits = nn.log_loss(autograd.softmax(logits), y), nn.cross_entropy(logits, y)
    assert on_shares.data == pytest.approx(on_logits.data, rel=1e-10, abs=1e-14)
    slopes = autograd.grad(on_logits, logits)
    assert autograd.grad(on_shares, logits) == pytest.approx(slopes, rel=1e-9, abs=1e-13)
    soft = [share, 1.0 - share, *[0.0] * (len(o) - 2)]
    whole = nn.log_loss(autograd.softmax(logits), soft).data
    assert whole == pytest.approx(nn.cross_entropy(logits, soft).data, rel=1e-9, abs=1e-12)
    assert nn.log_loss(autograd.softmax(logits), [Value(t) for t in soft]).data == pytest.approx(whole, rel=1e-12)
    binary = nn.log_loss(logits[0].sigmoid(), share)
    assert binary.data == pytest.approx(nn.binary_cross_entropy(o[0], share), rel=1e-6, abs=1e-12)
    expected = autograd.grad(nn.binary_cross_entropy(logits[0], share), logits[:1])
    assert autograd.grad(binary, logits[:1]) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_log_loss_of_a_batch_is_a_mean_and_of_a_share_of_0_infinite():
    assert nn.log_loss([[0.5, 0.5], [0.25, 0.75]], [0, 1]) == pytest.approx((math.log(2) - math.log(0.75)) / 2)
    assert nn.log_loss(Value(0.5), Value(1.0)).data == pytest.approx(math.log(2))
    assert nn.log_loss([0.0, 1.0], 0) == math.inf and nn.log_loss([0.0, 1.0], 1) == 0.0
    assert math.isnan(nn.log_loss([math.nan, 0.5], 0)), "a training that diverges is seen by what drives it"


@pytest.mark.parametrize("loss", SCALAR)
def test_a_list_gives_the_mean_of_its_entries(loss):
    predictions, targets = [0.3, -1.5, 2.5, -0.25], [1.0] * 4
    singles = [loss(Value(p), y).data for p, y in zip(predictions, targets)]
    leaves = [Value(p) for p in predictions]
    expected = pytest.approx(sum(singles) / 4, rel=1e-15)
    assert loss(leaves, targets).data == expected
    assert loss(tuple(leaves), np.array(targets)).data == expected
    assert loss([leaves[:2], leaves[2:]], [targets[:2], targets[2:]]).data == expected
    assert loss(np.array(leaves, dtype=object), targets).data == expected
    plain = loss(predictions, targets)
    assert type(plain) is float and plain == expected


@pytest.mark.parametrize("loss", CLASSES)
def test_a_batch_gives_the_mean_of_its_samples(loss):
    batch = [[-0.5, -1.0, -2.0], [-3.0, -0.1, -0.2]]
    singles = [loss([Value(x) for x in row], y).data for row, y in zip(batch, [2, 0])]
    expected = pytest.approx(sum(singles) / 2, rel=1e-15)
    assert loss([[Value(x) for x in row] for row in batch], [2, 0]).data == expected
    assert loss(batch, np.array([[0, 0, 1], [1, 0, 0]])) == expected
    assert loss(np.array(batch), [2, np.int64(0)]) == expected
    assert type(loss(batch[0], 1)) is float


@pytest.mark.parametrize("loss", SCALAR)
def test_targets_can_be_values(loss):
    y = Value(1.0)
    assert loss(Value(0.3), y).data == pytest.approx(loss(Value(0.3), 1.0).data, rel=1e-15)
    assert y in set(graph.leaves(loss(Value(0.3), y)))


@pytest.mark.parametrize("loss", CLASSES)
def test_one_hot_targets_can_be_values(loss):
    scores = [-0.5, -1.5, -0.7]
    out = loss([Value(x) for x in scores], [Value(0.0), Value(1.0), Value(0.0)])
    assert out.data == pytest.approx(loss(scores, 1), rel=1e-15)


@pytest.mark.parametrize("loss", [*SCALAR, *CLASSES])
def test_no_branch_depends_on_a_placeholder(loss):
    with changed(tracing=True):
        if loss in SCALAR:
            assert loss(Value(0.5), Value(0.0)).parents
        else:
            assert loss([Value(0.5), Value(2.0)], [Value(0.0), Value(0.0)]).parents


@pytest.mark.parametrize("loss", SCALAR)
def test_a_nan_is_not_hidden(loss):
    assert math.isnan(loss(Value(math.nan), 1.0).data)


# ---- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", SCALAR)
def test_forms_that_differ(loss):
    name = loss.__name__
    with pytest.raises(ValueError, match=f"{name}: 2 predictions and 1 targets"):
        loss([Value(1.0), Value(2.0)], [1.0])
    with pytest.raises(ValueError, match=rf"{name}\[1\]: 2 predictions and 1 targets"):
        loss([[1.0], [1.0, 1.0]], [[1.0], [1.0]])
    with pytest.raises(ValueError, match=f"{name}: the target is one number where the other is a list of 2"):
        loss([Value(1.0), Value(2.0)], 1.0)
    with pytest.raises(ValueError, match=f"{name}: the prediction is one number where the other is a list of 1"):
        loss(Value(1.0), [1.0])
    with pytest.raises(ValueError, match=f"{name} of no predictions has no value"):
        loss([], [])
    with pytest.raises(TypeError, match=name):
        loss("1", 1.0)
    with pytest.raises(TypeError, match=name):
        loss(Value(1.0), "1")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.logistic_loss(Value(1.0), 0), ValueError, r"takes labels −1 and \+1, not 0.0; .* use binary_cross"),
        (lambda: nn.hinge_loss([Value(1.0)], [2]), ValueError, r"hinge_loss takes labels −1 and \+1, not 2"),
        (lambda: nn.binary_cross_entropy(Value(1.0), -1), ValueError, "labels from 0 to 1, not -1.*use logistic_loss"),
        (lambda: nn.binary_cross_entropy(Value(1.0), math.nan), ValueError, "labels from 0 to 1"),
        (lambda: nn.huber_loss(1.0, 2.0, 0.0), ValueError, "needs a positive delta"),
        (lambda: nn.huber_loss(1.0, 2.0, math.nan), ValueError, "needs a positive delta"),
        (lambda: nn.cross_entropy([1.0, 2.0], 2), ValueError, "class 2 is not one of the 2 classes 0 to 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], -1), ValueError, "class -1 is not one of the 2 classes"),
        (lambda: nn.cross_entropy([1.0, 2.0], 0.5), ValueError, "class 0.5 is not one of the 2 classes"),
        (lambda: nn.cross_entropy([1.0, 2.0], math.nan), ValueError, "class nan is not one of"),
        (lambda: nn.cross_entropy([1.0, 2.0], True), TypeError, "cross_entropy"),
        (lambda: nn.cross_entropy([1.0, 2.0], Value(1.0)), TypeError, "as an integer, or as a list of 2 prob"),
        (lambda: nn.cross_entropy([1.0, 2.0], [1.0]), ValueError, "2 classes and a target of 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], [1.0, 1.0]), ValueError, "not a list of probabilities that sum to 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], [2.0, -1.0]), ValueError, "not a list of probabilities that sum to 1"),
        (lambda: nn.cross_entropy(Value(1.0), 0), ValueError, "takes a list with one number per class"),
        (lambda: nn.cross_entropy([], 0), ValueError, "takes a list with one number per class"),
        (lambda: nn.cross_entropy([Value(1.0)], 0), ValueError, "at least two classes; for one logit use binary"),
        (lambda: nn.cross_entropy([[1.0, 2.0]], [0, 1]), ValueError, "1 predictions and 2 targets"),
        (lambda: nn.cross_entropy([[1.0, 2.0]], 0), ValueError, "1 predictions and one target"),
        (lambda: nn.nll_loss([0.3, 0.7], 0), ValueError, "takes logarithms of probabilities, which are never positive"),
        (lambda: nn.nll_loss([Value(0.3), Value(0.7)], 0), ValueError, "take the logarithm of probabilities first"),
        (lambda: nn.log_loss([2.0, -1.0], 0), ValueError, "from 0 to 1, not 2: give logits to cross_entropy"),
        (lambda: nn.log_loss([0.5, 0.6], 0), ValueError, "that sum to 1 .an output of softmax.: give logits to"),
        (lambda: nn.log_loss(0.5, -1), ValueError, "labels from 0 to 1, not -1"),
        (lambda: nn.cross_entropy(autograd.softmax([Value(1.0), Value(2.0)]), 0), ValueError, "take nn.log_loss"),
        (lambda: nn.binary_cross_entropy(Value(1.0).sigmoid(), 0), ValueError, "applies sigmoid again"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
