"""Losses: ordinary functions of Values.

Each takes a prediction and a target: two numbers (of which the prediction is usually a Value), or two lists of the
same form (the outputs for one sample, or a batch of them), and returns the mean over the entries as one Value. With
plain floats only, it returns a float. No Python branch depends on a prediction or on a target that is a Value, so every
loss can be compiled; labels that are plain numbers are checked.

The individual costs, with y the target, ŷ the prediction and o the logits (what a linear output layer gives):

    mse_loss               ½(y − ŷ)²
    l1_loss                |y − ŷ|
    huber_loss             (y − ŷ)²/2 if |y − ŷ| ≤ δ, else δ(|y − ŷ| − δ/2)
    logistic_loss          log(1 + exp(−yŷ)), y ∈ {−1, +1}
    hinge_loss             max(0, 1 − yŷ), y ∈ {−1, +1}
    binary_cross_entropy   −y log σ(o) − (1 − y) log(1 − σ(o)), 0 ≤ y ≤ 1
    cross_entropy          −Σᵢ yᵢ log softmaxᵢ(o)
    nll_loss               −Σᵢ yᵢ pᵢ, p the logarithms of probabilities
    log_loss               −Σᵢ yᵢ log fᵢ, f probabilities (a softmax or sigmoid output)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd import Value, dot, log, log_sum_exp, mean, relu, softplus, where
from autograd.modes import current
from autograd.ops import TABLE
from autograd.value import Number, apply, argument, real

Target = Any
"""A number or a Value, or a list (of lists) of them; arrays are taken as lists."""

Loss = Callable[[Any, Target], Any]
"""The loss of one sample from the model's output and the target."""


def mse_loss(prediction: Any, target: Target) -> Any:
    """½(ŷ − y)², averaged over the entries; the derivative is ŷ − y.

    Raises:
        ValueError: prediction and target differ in form. (So do all losses.)
    """
    return _averaged("mse_loss", lambda p, y: 0.5 * (p - y) ** 2, prediction, target)


def l1_loss(prediction: Any, target: Target) -> Any:
    """|ŷ − y|, averaged over the entries: outliers weigh less than in `mse_loss`."""
    return _averaged("l1_loss", lambda p, y: abs(p - y), prediction, target)


def huber_loss(prediction: Any, target: Target, delta: float = 1.0) -> Any:
    """(ŷ − y)²/2 where |ŷ − y| ≤ δ, else δ(|ŷ − y| − δ/2), averaged over the entries (Huber 1964).

    Raises:
        ValueError: δ is not positive.
    """
    delta = real(delta, "huber_loss(delta=…)")
    if not delta > 0:
        raise ValueError(f"huber_loss needs a positive delta, the error at which it becomes linear; got {delta!r}")

    def one(p: Any, y: Any) -> Any:
        error = p - y
        size = abs(error)
        return where(_at_most(size, delta), error**2 / 2, delta * (size - delta / 2))

    return _averaged("huber_loss", one, prediction, target)


def _at_most(x: Number, limit: float) -> Any:
    """x ≤ limit as a node of the graph, so that `graph.forward` decides again after an edit."""
    return apply(TABLE["less_equal"], (x, argument(limit, "huber_loss"))) if isinstance(x, Value) else x <= limit


def logistic_loss(prediction: Any, target: Target) -> Any:
    """log(1 + exp(−yŷ)) for labels y = ±1, averaged over the entries; huge margins do not overflow.

    Raises:
        ValueError: a label is neither −1 nor +1.
    """
    return _averaged("logistic_loss", lambda p, y: softplus(-(p * _signed(y, "logistic_loss"))), prediction, target)


def hinge_loss(prediction: Any, target: Target) -> Any:
    """max(0, 1 − yŷ) for labels y = ±1, averaged over the entries.

    Raises:
        ValueError: a label is neither −1 nor +1.
    """
    return _averaged("hinge_loss", lambda p, y: relu(1.0 - p * _signed(y, "hinge_loss")), prediction, target)


def _signed(y: Number, loss: str) -> Number:
    if not isinstance(y, Value) and real(y, loss) not in (-1.0, 1.0):
        raise ValueError(f"{loss} takes labels −1 and +1, not {y!r}; for labels 0 and 1 use binary_cross_entropy")
    return y


def binary_cross_entropy(prediction: Any, target: Target) -> Any:
    """−y log σ(o) − (1 − y) log(1 − σ(o)) of a logit o (a linear output: σ is applied here), averaged.

    Computed as y·softplus(−o) + (1 − y)·softplus(o), accurate for every o; a term whose factor is the plain number 0
    is left out.

    Args:
        prediction: logits, any real numbers.
        target: labels 0 and 1, or probabilities between.

    Raises:
        ValueError: a label is outside 0…1, or the prediction came out of a sigmoid already.
    """

    def one(logit: Any, y: Any) -> Any:
        _refuse_twice([logit], "sigmoid")
        if not isinstance(y, Value):
            y = real(y, "binary_cross_entropy")
            if not 0.0 <= y <= 1.0:
                raise ValueError(
                    f"binary_cross_entropy takes labels from 0 to 1, not {y!r}; for labels −1 and +1 use logistic_loss"
                )
            if y in (0.0, 1.0):
                return softplus(-logit if y else logit)
        return y * softplus(-logit) + (1.0 - y) * softplus(logit)

    return _averaged("binary_cross_entropy", one, prediction, target)


def cross_entropy(logits: Any, target: Target) -> Any:
    """−log softmax(o)_y of the logits of one sample, or averaged over a batch; the slope is softmax(o) − onehot(y).

    Computed as log Σ exp(oₖ) − Σ yᵢoᵢ, which neither overflows nor takes the logarithm of a rounded zero.

    Args:
        logits: k numbers or Values (k ≥ 2; a linear output: softmax is applied here), or a list of such lists.
        target: for each sample the class, an integer from 0 to k − 1, or k probabilities (one-hot, say).

    Raises:
        ValueError: a class is out of range, probabilities are negative or do not sum to 1, lengths differ, or the
            logits came out of a softmax already.
    """

    def one(o: list[Any], chosen: Any) -> Any:
        _refuse_twice(o, "softmax")
        return log_sum_exp(o) - chosen

    return _classified("cross_entropy", logits, target, one)


def nll_loss(log_probabilities: Any, target: Target) -> Any:
    """−p_y of the logarithms p of k probabilities, for one sample or averaged over a batch.

    For a softmax output there is `log_loss`; `cross_entropy` on the logits is more accurate.

    Args:
        log_probabilities: k numbers or Values, none positive; or a list of such lists.
        target: as in `cross_entropy`.

    Raises:
        ValueError: an entry is positive, so that it is not the logarithm of a probability; or as in `cross_entropy`.
    """

    def one(p: list[Any], chosen: Any) -> Any:
        tracing = current().tracing  # then data mean nothing
        if not tracing and any((x.data if isinstance(x, Value) else x) > 1e-9 for x in p):
            raise ValueError(
                "nll_loss takes logarithms of probabilities, which are never positive; take the logarithm of "
                "probabilities first, and give logits to cross_entropy"
            )
        return -chosen

    return _classified("nll_loss", log_probabilities, target, one)


def log_loss(probabilities: Any, target: Target) -> Any:
    """−Σᵢ yᵢ log fᵢ of probabilities f: −log f_y for a class y. It is the negative log-likelihood of the sample.

    For networks that end with softmax or sigmoid, as the lectures write them. `cross_entropy` and
    `binary_cross_entropy` on the logits are the same number, and stay accurate where a probability rounds to 0 (here
    the cost is then infinite).

    Args:
        probabilities: one number or Value, the probability of class 1 (a sigmoid output); k ≥ 2 of them that sum to 1
            (a softmax output); or a list of such lists.
        target: for one probability a label from 0 to 1; else as in `cross_entropy`.

    Raises:
        ValueError: an entry is no probability, they do not sum to 1, or as in `cross_entropy`.

    Example:
        >>> round(log_loss([0.25, 0.5, 0.25], 1), 6), round(log_loss(0.5, 1), 6)
        (0.693147, 0.693147)
    """
    if not isinstance(_plain_lists(probabilities), list):
        return _averaged("log_loss", _binary_log_loss, probabilities, target)

    def one(p: list[Any], chosen: Any) -> Any:
        _require_shares(p)
        if not current().tracing and abs(sum(map(_data, p)) - 1.0) > 1e-6:
            raise ValueError(f"log_loss takes probabilities that sum to 1 (an output of softmax): {_PROBABILITIES}")
        return -chosen

    return _classified("log_loss", probabilities, target, one, log)


_PROBABILITIES = "give logits to cross_entropy or binary_cross_entropy"


def _binary_log_loss(p: Any, y: Any) -> Any:
    _require_shares([p])
    if isinstance(y, Value):
        return -(y * log(p) + (1.0 - y) * log(1.0 - p))
    if not 0.0 <= y <= 1.0:
        raise ValueError(f"log_loss of one probability takes labels from 0 to 1, not {y!r}")
    terms = [weight * log(share) if weight != 1.0 else log(share)
             for weight, share in ((y, p), (1.0 - y, 1.0 - p)) if weight]  # fmt: skip
    return -sum(terms[1:], terms[0])


def _require_shares(p: Sequence[Any]) -> None:
    if not current().tracing:  # then data mean nothing
        for x in map(_data, p):
            if x < 0.0 or x > 1.0 + 1e-9:
                raise ValueError(f"log_loss takes probabilities from 0 to 1, not {x:g}: {_PROBABILITIES}")


def _data(x: Any) -> float:
    return float(x.data if isinstance(x, Value) else x)


def applied_twice(function: str) -> str:
    """The message about a loss on logits whose model applies softmax or sigmoid itself."""
    return (
        f"the model's outputs come out of a {function}, and the loss applies {function} again, since it takes logits: "
        f"take nn.log_loss, which takes probabilities; or make the model with output='linear', and apply "
        f"autograd.{function} to its outputs where probabilities are wanted"
    )


def _refuse_twice(logits: Sequence[Any], function: str) -> None:
    if all(isinstance(x, Value) and x.op == function for x in logits):
        raise ValueError(applied_twice(function))


# ---- forms ------------------------------------------------------------------------------------------------------


def _plain_lists(x: Any) -> Any:
    return x.tolist() if hasattr(x, "tolist") else list(x) if isinstance(x, tuple) else x


def _pairs(loss: str, prediction: Any, target: Any, where: str = "") -> list[tuple[Any, Any]]:
    """The entries of two numbers or two lists of the same form, side by side."""
    prediction, target = _plain_lists(prediction), _plain_lists(target)
    if isinstance(prediction, list) != isinstance(target, list):
        number, several = ("target", prediction) if isinstance(prediction, list) else ("prediction", target)
        raise ValueError(f"{loss}{where}: the {number} is one number where the other is a list of {len(several)}")
    if not isinstance(prediction, list):
        return [(prediction, target)]
    if len(prediction) != len(target):
        raise ValueError(f"{loss}{where}: {len(prediction)} predictions and {len(target)} targets")
    nested = (_pairs(loss, p, y, f"{where}[{i}]") for i, (p, y) in enumerate(zip(prediction, target)))
    return [pair for pairs in nested for pair in pairs]


def _averaged(loss: str, one: Callable[[Any, Any], Any], prediction: Any, target: Any) -> Any:
    pairs = _pairs(loss, prediction, target)
    if not pairs:
        raise ValueError(f"{loss} of no predictions has no value")
    return _mean([one(_entry(p, loss), _entry(y, loss)) for p, y in pairs])


def _entry(x: Any, loss: str) -> Number:
    return x if isinstance(x, Value) else real(x, loss)


def _mean(terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else mean(terms)


def _classified(
    loss: str, scores: Any, target: Any, one: Callable[[list[Any], Any], Any],
    function: Callable[[Any], Any] = lambda score: score,
) -> Any:  # fmt: skip
    """The mean over samples of ``one(scores, Σ yᵢ·function(scoreᵢ))``."""
    scores, target = _plain_lists(scores), _plain_lists(target)
    if not isinstance(scores, list) or not scores:
        raise ValueError(f"{loss} takes a list with one number per class; got {scores!r:.60}")
    if not isinstance(_plain_lists(scores[0]), list):
        entries = [_entry(score, loss) for score in scores]
        return one(entries, _chosen(loss, entries, target, function))
    if not isinstance(target, list) or len(target) != len(scores):
        given = f"{len(target)} targets" if isinstance(target, list) else "one target"
        raise ValueError(f"{loss}: {len(scores)} predictions and {given}")
    return _mean([_classified(loss, sample, y, one, function) for sample, y in zip(scores, target)])


def _chosen(loss: str, scores: Sequence[Number], target: Any, function: Callable[[Any], Any]) -> Any:
    """Σ yᵢ·function(scoreᵢ): that of the right class, for a class index or for probabilities."""
    if len(scores) < 2:
        raise ValueError(f"{loss} needs at least two classes; for one logit use binary_cross_entropy")
    if not isinstance(target, list):
        if isinstance(target, Value):
            raise TypeError(
                f"{loss} takes a class as an integer, or as a list of {len(scores)} probabilities (one-hot)"
            )
        index = real(target, loss)
        if index != index // 1 or not 0 <= index < len(scores):
            raise ValueError(f"{loss}: class {target!r} is not one of the {len(scores)} classes 0 to {len(scores) - 1}")
        return function(scores[int(index)])
    if len(target) != len(scores):
        raise ValueError(f"{loss}: {len(scores)} classes and a target of {len(target)}")
    if any(isinstance(y, Value) for y in target):
        return dot(target, [function(score) for score in scores])
    weights = [real(y, loss) for y in target]
    if any(not y >= 0 for y in weights) or abs(sum(weights) - 1.0) > 1e-6:
        raise ValueError(f"{loss}: the target {weights!r:.80} is not a list of probabilities that sum to 1")
    terms = [function(score) if y == 1.0 else y * function(score) for y, score in zip(weights, scores) if y]
    return sum(terms[1:], terms[0])
