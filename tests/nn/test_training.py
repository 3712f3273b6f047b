"""`fit`: the work it does, what ends it, what it refuses, and going on exactly where a run stopped."""

import csv
import json
import math
import os
import signal
import threading
import warnings

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from nn import interaction
from nn.history import History

MOONS = nn.datasets.moons(24, noise=0.1, seed=1)


@pytest.fixture(params=["eager", "compiled", "jax"], autouse=True)
def engine(request, monkeypatch):
    """Every test holds with every engine; a test that builds on one of them names it."""
    if request.param == "jax":
        pytest.importorskip("jax")
    monkeypatch.setitem(DEFAULTS, "engine", request.param)
    return request.param


DEFAULTS = {"progress": False}


def interrupting(kind, number):
    """An optimizer that sends Ctrl-C during its step of that number."""
    if DEFAULTS["engine"] == "jax":
        pytest.skip("JAX makes no steps that an optimizer has written itself")

    class Interrupting(kind):
        def step(self):
            super().step()
            self.count()

        def step_arrays(self, parameters, gradients):
            super().step_arrays(parameters, gradients)
            self.count()

        def count(self):
            if self.steps == number:
                os.kill(os.getpid(), signal.SIGINT)

    Interrupting.__name__ = kind.__name__  # the state names its kind
    return Interrupting


def small(seed=0, kind=nn.SGD, lr=0.1, **settings):
    model = nn.MLP(2, [4, 1], "tanh", seed=seed)
    return model, kind(model.parameters(), lr, **settings)


def train(model, optimizer, epochs=5, batch_size=8, X=MOONS.X, y=MOONS.y, loss=nn.binary_cross_entropy, **options):
    return nn.fit(model, loss, X, y, optimizer, epochs, batch_size, **{**DEFAULTS, **options})


# ---- the work ---------------------------------------------------------------------------------------------------


def test_fit_is_the_loop_that_one_would_write():
    model, optimizer = small(momentum=0.9)
    history = train(model, optimizer, epochs=3, batch_size=10, seed=7)
    other, by_hand = small(momentum=0.9)
    losses = []
    for epoch in range(3):
        order = np.random.default_rng([7, epoch]).permutation(24)
        for batch in (order[:10], order[10:20], order[20:]):
            terms = [nn.binary_cross_entropy(other(MOONS.X[i]), float(MOONS.y[i])) for i in batch]
            loss = autograd.mean(terms)
            by_hand.zero_grad()
            loss.backward()
            by_hand.step()
            losses.append(loss.data)
    assert history.batch_loss == pytest.approx(losses, rel=1e-12)
    assert model.state_dict() == pytest.approx(other.state_dict(), rel=1e-10)
    assert history.loss == pytest.approx([(10 * a + 10 * b + 4 * c) / 24 for a, b, c in zip(*[iter(losses)] * 3)])
    assert history.epochs == 3 and history.stopped == "all 3 epochs done" and history.engine


def test_the_same_seed_gives_the_same_run_and_another_another():
    courses = [train(*small(), seed=seed).loss for seed in (3, 3, 4)]
    assert courses[0] == courses[1] != courses[2]
    fixed = train(*small(), seed=None)
    assert train(*small(), seed=fixed.seed).loss == fixed.loss
    assert train(*small(), seed=3, shuffle=False).loss == train(*small(), seed=4, shuffle=False).loss


def test_all_samples_at_once_by_default():
    model, optimizer = small()
    history = nn.fit(model, nn.mse_loss, MOONS.X, MOONS.y, optimizer, epochs=2, **DEFAULTS)
    assert len(history.batch_loss) == 2 and history.batch_loss == history.loss


@pytest.mark.slow
def test_iris_is_learnt():
    iris = nn.datasets.iris()
    parts = nn.datasets.split(iris.X, iris.y, 0.2, seed=0, stratify=True)
    scale = nn.datasets.Standardizer(parts.X_train)
    model = nn.MLP(4, [8, 3], seed=0)
    history = nn.fit(
        model, nn.cross_entropy, scale(parts.X_train), parts.y_train, nn.Adam(model.parameters(), 0.02), 25, 16,
        validation=(scale(parts.X_test), parts.y_test), metrics=["accuracy"], **DEFAULTS,
    )  # fmt: skip
    assert history.metrics["validation_accuracy"][-1] >= 0.93
    assert history.metrics["accuracy"][-1] == nn.metrics.accuracy(model.predict(scale(parts.X_train)), parts.y_train)
    assert history.validation_loss[-1] < history.validation_loss[0]


def test_integer_labels_equal_one_hot_rows():
    iris = nn.datasets.iris()
    courses = []
    for y in (iris.y, iris.y.astype(float), nn.datasets.one_hot(iris.y, 3), iris.y.astype(np.uint8).tolist()):
        model = nn.MLP(4, [3], seed=0)
        courses.append(train(model, nn.SGD(model.parameters(), 0.05), 2, 50, iris.X, y, nn.cross_entropy).loss)
    assert courses[0] == courses[1] == courses[2] == courses[3]


def test_several_outputs_and_one_feature():
    x = np.linspace(-1, 1, 12)
    model = nn.MLP(1, [4, 2], "tanh", seed=0)
    history = train(model, nn.Adam(model.parameters(), 0.05), 40, 12, x, np.column_stack((x**2, -x)), nn.mse_loss)
    assert history.loss[-1] < 0.2 * history.loss[0]
    column = train(*small(), X=MOONS.X, y=MOONS.y[:, None])
    assert column.loss == train(*small()).loss


def test_a_model_and_a_loss_of_the_readers_own():
    class Line(nn.Module):
        def __init__(self):
            self.slope, self.offset = Value(0.0), Value(0.0)

        def __call__(self, x):
            return self.slope * x[0] + self.offset

    line, x = Line(), np.arange(5.0)
    history = train(
        line, nn.SGD(line.parameters(), 0.05), 200, 5, x, 3 * x - 1, lambda out, y: (out - y) ** 2,
        metrics=["r_squared", "mean_absolute_error", nn.metrics.mean_squared_error],
    )  # fmt: skip
    assert line.slope.data == pytest.approx(3, abs=0.05) and line.offset.data == pytest.approx(-1, abs=0.1)
    assert [*history.metrics] == ["r_squared", "mean_absolute_error", "mean_squared_error"]
    assert history.metrics["r_squared"][-1] > 0.99


def test_frozen_parameters_stay():
    model, _ = small()
    before = model.state_dict()
    train(model, nn.SGD(model.layers[1].parameters(), 0.1))
    assert all((model.state_dict()[n] == x) == n.startswith("layers.0") for n, x in before.items() if "weights" in n)


def test_validation_as_a_fraction_is_put_aside():
    history = train(*small(), validation=0.25, batch_size=18)
    assert len(history.validation_loss) == 5 and len(history.batch_loss) == 5
    with pytest.raises(ValueError, match="batch_size is 19 and there are 18 samples"):
        train(*small(), validation=0.25, batch_size=19)


def test_the_learning_rate_is_recorded():
    model = nn.MLP(2, [1], seed=0)
    optimizer = nn.SGD(model.parameters(), nn.schedules.inverse_time())
    assert train(model, optimizer, 2, 12).learning_rate == [1 / 2, 1 / 4]


def test_parameters_edited_by_a_callback_that_interrupts_stay():
    def reset(epoch):
        for parameter in epoch.model.parameters():
            parameter.data = 0.5
        raise KeyboardInterrupt

    model, optimizer = small()
    train(model, optimizer, 3, callbacks=[reset])
    assert set(model.state_dict().values()) == {0.5}


def test_parameters_edited_by_a_callback_count():
    def reset(epoch):
        for parameter in epoch.model.parameters():
            parameter.data = 0.0

    model, optimizer = small()
    history = train(model, optimizer, 3, batch_size=None, callbacks=[reset])
    assert history.loss[1] == history.loss[2] == pytest.approx(math.log(2)) != history.loss[0]
    assert set(model.state_dict().values()) == {0.0}


# ---- what ends it -----------------------------------------------------------------------------------------------


def test_no_epochs_change_nothing():
    model, optimizer = small()
    before = model.state_dict()
    history = train(model, optimizer, 0)
    assert history.epochs == 0 and model.state_dict() == before and "0 epochs" in repr(history)


def test_callbacks_see_each_epoch_and_can_end_it():
    seen = []

    def watch(epoch):
        seen.append((epoch.number, epoch.history.epochs, epoch.model is model, epoch.optimizer is optimizer))
        return epoch.number == 3

    model, optimizer = small()
    history = train(model, optimizer, 10, callbacks=[watch, lambda epoch: None])
    assert seen == [(i, i, True, True) for i in (1, 2, 3)]
    assert history.stopped == "a callback ended it after 3 epochs" and history.epochs == 3


def test_ctrl_c_in_a_callback_returns_the_history_so_far():
    states = []

    def interrupt(epoch):
        states.append(epoch.model.state_dict())
        if epoch.number == 2:
            raise KeyboardInterrupt

    model, optimizer = small()
    history = train(model, optimizer, 10, callbacks=[interrupt])
    assert history.epochs == 2 and history.stopped == "interrupted after 2 epochs"
    assert {len(column) for column in history.columns().values()} == {2}
    assert model.state_dict() == states[-1]
    assert history.loss == train(*small(), 2).loss


def test_a_real_ctrl_c_waits_for_the_end_of_the_batch():
    model, _ = small()
    optimizer = interrupting(nn.SGD, 5)(model.parameters(), 0.1)
    history = train(model, optimizer, 10)
    assert history.stopped == "interrupted after 1 epochs" and history.epochs == 1
    assert len(history.batch_loss) == optimizer.steps == 5
    order, by_hand = np.random.default_rng([0, 1]).permutation(24)[:16], small()
    train(*by_hand, 1)
    for batch in (order[:8], order[8:]):
        train(*by_hand, 1, 8, MOONS.X[batch], MOONS.y[batch])
    assert model.state_dict() == pytest.approx(by_hand[0].state_dict(), rel=1e-12)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait():
    def stuck(step):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second signal was not seen")

    assert train(*small(lr=stuck)).stopped == "interrupted after 0 epochs"


def test_fit_works_in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(train(*small()).loss))
    thread.start()
    thread.join()
    assert results == [train(*small()).loss]


@pytest.mark.parametrize("batch_size", [8, None])
def test_a_loss_that_is_not_finite_stops_with_the_last_good_parameters(batch_size):
    x = np.linspace(-2, 2, 24)
    model = nn.MLP(1, [1], seed=0)
    optimizer = nn.SGD(model.parameters(), 1e3, momentum=0.5)  # far too large
    with pytest.warns(RuntimeWarning, match=r"training stopped: in epoch \d+, batch \d.*Try a smaller learning rate"):
        history = nn.fit(model, nn.mse_loss, x, x, optimizer, 500, batch_size, **DEFAULTS)
    assert "became" in history.stopped or "gradient" in history.stopped
    assert 0 < history.epochs < 500 and all(map(math.isfinite, history.loss))
    assert all(math.isfinite(p.data) for p in model.parameters())
    assert math.isfinite(np.mean([nn.mse_loss(model.evaluate([a]), a) for a in x]))
    assert {len(column) for column in history.columns().values()} == {history.epochs}
    assert all(map(math.isfinite, optimizer.state_dict()["state"]["velocity"]))


def test_a_loss_that_is_nan_from_the_start_changes_nothing():
    model, optimizer = small()
    before = model.state_dict()
    with pytest.warns(RuntimeWarning, match="in epoch 1, batch 1 the loss became nan"):
        history = train(model, optimizer, loss=lambda out, y: (out * 0.0 - 1.0).log())
    assert history.epochs == 0 and model.state_dict() == before and optimizer.steps == 0


def test_under_warnings_as_errors_the_parameters_are_kept_too():
    model, optimizer = small()
    before = model.state_dict()
    with warnings.catch_warnings(), pytest.raises(RuntimeWarning, match="the loss became nan"):
        warnings.simplefilter("error")
        train(model, optimizer, loss=lambda out, y: (out * 0.0 - 1.0).log())
    assert model.state_dict() == before


def test_a_gradient_that_is_infinite_names_its_parameter():
    model, optimizer = small()
    with pytest.warns(RuntimeWarning, match=r"the gradient of parameter layers\.\d\.neurons"):
        train(model, optimizer, loss=lambda out, y: (out * 0.0).sqrt() + (out - out).sqrt())


def test_parameters_that_overflow_in_the_last_step_are_taken_back():
    model = nn.MLP(1, [1], seed=0)
    before = model.state_dict()
    with pytest.warns(RuntimeWarning, match="at the end of epoch 1 parameter layers.0.neurons.0"):
        history = nn.fit(model, nn.mse_loss, [1e3], [1e6], nn.SGD(model.parameters(), 1e300), 1, **DEFAULTS)
    assert history.epochs == 0 and model.state_dict() == before


def test_anomaly_detection_names_epoch_and_batch():
    model, optimizer = small()
    before = model.state_dict()
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match=r"in epoch 1, batch 1: .*log"):
        train(model, optimizer, loss=lambda out, y: (y - 1.0 + out * 0.0).log())
    assert model.state_dict() == before


def test_a_parameter_beside_the_model_that_overflows_is_named():
    model = nn.MLP(1, [1], seed=0)
    scale = Value(1.0, "scale")

    def loss(out, y):
        return (out - y) ** 2 * 1e-300 + scale * 1e10

    optimizer = nn.SGD([*model.parameters(), scale], 1e300)
    with pytest.warns(RuntimeWarning, match="at the end of epoch 1 parameter scale was -inf"):
        history = nn.fit(model, loss, [1.0], [1.0], optimizer, 1, **DEFAULTS)
    assert history.epochs == 0 and scale.data == 1.0


# ---- early stopping ---------------------------------------------------------------------------------------------


def test_early_stopping_restores_the_best_parameters():
    states, far = [], (np.array([[9.0, 9.0]]), [0])
    model, optimizer = small(lr=0.5)
    rule = nn.EarlyStopping(patience=3)
    history = train(
        model, optimizer, 200, early_stopping=rule, validation=far,
        callbacks=[lambda epoch: states.append(epoch.model.state_dict())],
    )  # fmt: skip
    assert history.stopped == "validation_loss did not improve for 3 epochs" and history.epochs < 200
    best = int(np.argmin(history.validation_loss))
    assert history.best_epoch == best + 1 == history.epochs - 3
    assert model.state_dict() == states[best] != states[-1]


def test_early_stopping_by_patience_alone_and_without_restoring():
    model, optimizer = small(lr=0.0)
    assert train(model, optimizer, 50, early_stopping=4).epochs == 5
    states = []
    rule = nn.EarlyStopping(2, min_delta=1e9, restore_best=False)
    history = train(*small(), 50, early_stopping=rule, callbacks=[lambda e: states.append(e.model.state_dict())])
    assert history.epochs == 3 and history.best_epoch == 1


def test_early_stopping_by_a_metric_improves_upwards():
    model, optimizer = small()
    values = iter([0.5, 0.7, 0.6, 0.65, 0.9])

    def score(outputs, targets):
        return next(values)

    rule = nn.EarlyStopping(2, monitor="score")
    history = train(model, optimizer, 5, early_stopping=rule, metrics=[score])
    assert history.epochs == 4 and history.best_epoch == 2


def test_a_nan_is_never_the_best():
    values = iter([math.nan, 2.0, math.nan, 1.0, 3.0])

    def strange_error(outputs, targets):
        return next(values)

    rule = nn.EarlyStopping(9, monitor="strange_error")
    assert train(*small(), 5, early_stopping=rule, metrics=[strange_error]).best_epoch == 4


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"patience": True}, {"patience": 1.5}, {"min_delta": -1.0}])
def test_early_stopping_refuses(wrong):
    with pytest.raises(ValueError, match=r"must be|is a number of epochs"):
        nn.EarlyStopping(**wrong)


def test_early_stopping_on_a_column_that_is_not_there():
    model, optimizer = small()
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"watches 'accurracy'; recorded are loss, accuracy, learning_rate, seconds"):
        train(model, optimizer, metrics=["accuracy"], early_stopping=nn.EarlyStopping(monitor="accurracy"))
    assert model.state_dict() == before


# ---- checkpoints and resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam, nn.RMSprop, nn.AdaGrad])
@pytest.mark.parametrize("where", ["callback", "batch"])
def test_a_resumed_run_gives_the_losses_of_an_uninterrupted_one(tmp_path, kind, where):
    options = {"epochs": 9, "early_stopping": 9, "validation": (MOONS.X[:5], MOONS.y[:5]), "metrics": ["accuracy"],
               "seed": 5}  # fmt: skip
    settings = {"momentum": 0.9} if kind is nn.SGD else {}
    rate = nn.schedules.exponential(0.05, 0.99)
    whole_model, optimizer = small(kind=kind, lr=rate, **settings)
    whole = train(whole_model, optimizer, **options)

    def interrupt(epoch):
        if epoch.number == 4 and where == "callback":
            raise KeyboardInterrupt

    model, _ = small()
    stopping = (interrupting(kind, 14) if where == "batch" else kind)(model.parameters(), rate, **settings)
    path = tmp_path / "run.json"
    part = train(model, stopping, checkpoint=path, callbacks=[interrupt], **options)
    assert part.epochs == 4 and "interrupted" in part.stopped

    model, optimizer = small(seed=99, kind=kind, lr=rate, **settings)  # other weights: the file's count
    rest = train(model, optimizer, checkpoint=path, resume=True, **options)
    assert rest.loss == whole.loss and rest.validation_loss == whole.validation_loss
    assert rest.metrics == whole.metrics and rest.best_epoch == whole.best_epoch
    assert rest.learning_rate == whole.learning_rate
    assert rest.batch_loss == whole.batch_loss[12:]
    assert model.state_dict() == whole_model.state_dict()


def test_resuming_without_a_file_starts_and_with_a_finished_one_rests(tmp_path):
    path = tmp_path / "run.json"
    first = train(*small(), checkpoint=path, resume=True)
    model, optimizer = small(seed=1)
    again = train(model, optimizer, checkpoint=path, resume=True)
    assert again.loss == first.loss and again.batch_loss == [] and again.stopped == "all 5 epochs done"
    longer = train(model, optimizer, 8, checkpoint=path, resume=True)
    assert longer.loss == train(*small(), 8).loss
    fresh = train(*small(), 2, checkpoint=path)  # without resume the file is written anew
    assert fresh.epochs == 2 and nn.checkpoint.read(path).training["history"]["loss"] == fresh.loss


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    path = tmp_path / "run.json"
    first = train(*small(lr=0.0), 50, early_stopping=4, checkpoint=path)
    again = train(*small(lr=0.0), 50, early_stopping=4, checkpoint=path, resume=True)
    assert again.epochs == first.epochs == 5 and again.stopped == first.stopped


def test_a_resumed_run_takes_over_a_drawn_seed(tmp_path):
    path = tmp_path / "run.json"
    first = train(*small(), 2, seed=None, checkpoint=path)
    whole = train(*small(), 4, seed=first.seed)
    assert train(*small(), 4, seed=None, checkpoint=path, resume=True).loss == whole.loss


def test_checkpoints_are_written_every_few_epochs_and_at_the_end(tmp_path):
    path, seen = tmp_path / "run.json", []

    def look(epoch):
        seen.append(len(nn.checkpoint.read(path).training["history"]["loss"]) if path.exists() else 0)

    train(*small(), 7, checkpoint=path, checkpoint_every=3, callbacks=[look])
    assert seen == [0, 0, 3, 3, 3, 6, 6]
    assert len(nn.checkpoint.read(path).training["history"]["loss"]) == 7
    assert nn.load(path).state_dict() == nn.checkpoint.read(path).parameters


@pytest.mark.parametrize("batch_size", [1, 4, 24])
def test_draws_with_replacement(batch_size):
    """Each of an epoch's n draws is uniform on all samples and independent of the others."""
    X, y = MOONS.X[:24], [float(i) for i in range(24)]
    seen = []

    def loss(prediction, target):
        seen.append(target)
        return nn.mse_loss(prediction, target)

    def run(engine, **settings):
        model = nn.MLP(2, [1], seed=0)
        seen.clear()
        settings = {"epochs": 40, "batch_size": batch_size, "progress": False, **settings}
        return nn.fit(model, loss, X, y, nn.SGD(model.parameters(), lr=1e-4), engine=engine, **settings)

    eager = run("eager", replacement=True)
    drawn = np.array(seen[-40 * 24 :], int).reshape(40, 24)
    counts = np.array([np.bincount(epoch, minlength=24) for epoch in drawn])
    assert (counts.sum(1) == 24).all() and (counts.max(1) > 1).all(), "some are drawn twice, others not at all"
    # the number of times that a sample is drawn is binomial, with variance 1 − 1/n
    assert counts.var() == pytest.approx(1 - 1 / 24, rel=0.15)
    assert counts.sum(0).min() > 15, "none is left out for good"
    assert run("compiled", replacement=True).loss == pytest.approx(eager.loss, rel=1e-12)
    with pytest.raises(ValueError, match="which shuffle=False forbids"):
        run("eager", replacement=True, shuffle=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "was another one: seed was 0, is 1"),
        ({"batch_size": 6}, "batch_size was 8, is 6"),
        ({"shuffle": False}, "shuffle was True, is False"),
        ({"replacement": True}, "replacement was False, is True"),
        (
            {"X": MOONS.X[:20], "y": MOONS.y[:20]},
            r"samples was 24, is 20\. To train its model on something else, nn.load",
        ),
        ({"X": MOONS.X[::-1]}, r"another one: data was [0-9a-f]{16}, is [0-9a-f]{16}\. To"),
        ({"y": 1 - MOONS.y}, r"another one: data was [0-9a-f]{16}, is"),
        ({"loss": nn.mse_loss}, r"another one: loss was binary_cross_entropy, is mse_loss\. To"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, change, message):
    path = tmp_path / "run.json"
    train(*small(), checkpoint=path)
    model, optimizer = small(seed=1)
    before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        train(model, optimizer, checkpoint=path, resume=True, **change)
    with pytest.raises(ValueError, match="the optimizer's kind differ: saved SGD, here Adam"):
        train(model, nn.Adam(model.parameters()), checkpoint=path, resume=True)
    assert model.state_dict() == before
    with pytest.raises(ValueError, match="recorded loss, learning_rate, seconds; this one records loss, accuracy, "):
        train(model, optimizer, checkpoint=path, resume=True, metrics=["accuracy"])
    nn.save(model, path)
    with pytest.raises(ValueError, match="holds a model but no training to resume"):
        train(model, optimizer, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="resume=True needs the name"):
        train(model, optimizer, resume=True)


def rewritten(path, change):
    """The checkpoint with something changed in its content, and sound again as a file."""
    content = json.loads(path.read_bytes().partition(b"\n")[2])
    change(content)
    body = json.dumps(content).encode() + b"\n"
    path.write_bytes(nn.checkpoint._header(nn.checkpoint.VERSION, body) + body)


FORGED = {
    "state without entries": lambda c: c["optimizer"]["state"].update(velocity=3),
    "state of text": lambda c: c["optimizer"]["state"].update(velocity=["x"] * 17),
    "state of None": lambda c: c["optimizer"]["state"].update(velocity=[None] * 17),
    "state of lists": lambda c: c["optimizer"]["state"].update(velocity=[[]] * 17),
    "huge state": lambda c: c["optimizer"]["state"].update(velocity=[10**400] * 17),
    "no state": lambda c: c["optimizer"].update(state=None),
    "steps": lambda c: c["optimizer"].update(steps="3"),
    "best": lambda c: c["training"].update(best=[1.0]),
    "best of text": lambda c: c["training"].update(best=dict.fromkeys(c["parameters"], "x")),
    "history": lambda c: c["training"].update(history=[1]),
    "history of text": lambda c: c["training"]["history"].update(loss="abc"),
    "huge history": lambda c: c["training"]["history"].update(loss=[10**400] * 5),
    "best epoch": lambda c: c["training"]["history"].update(best_epoch=[]),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_state_is_a_checkpoint_error(tmp_path, name):
    path = tmp_path / "run.json"
    train(*small(momentum=0.9), checkpoint=path)
    rewritten(path, FORGED[name])
    model, optimizer = small(seed=1, momentum=0.9)
    before = model.state_dict(), optimizer.state_dict()
    with pytest.raises(nn.CheckpointError, match=r"run\.json"):
        train(model, optimizer, checkpoint=path, resume=True)
    assert (model.state_dict(), optimizer.state_dict()) == before


def test_a_checkpoint_of_an_earlier_version_is_resumed(tmp_path):
    path = tmp_path / "run.json"
    train(*small(), 2, checkpoint=path)
    rewritten(path, lambda content: [content["training"].pop(name) for name in ("loss", "data")])
    assert train(*small(seed=1), checkpoint=path, resume=True).loss == train(*small()).loss


# ---- the history ------------------------------------------------------------------------------------------------


def test_the_history_goes_to_csv_and_back(tmp_path):
    history = train(*small(), validation=0.25, batch_size=6, metrics=["accuracy"])
    history.to_csv(tmp_path / "course.csv")
    with open(tmp_path / "course.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == ["epoch", *history.columns()]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5]
    for name, values in history.columns().items():
        assert [float(row[name]) for row in rows] == values
    assert "accuracy" in repr(history) and "5 epochs" in repr(history)


def test_a_history_survives_json_with_its_nans():
    history = History(loss=[1.0, 0.5], metrics={"r": [math.nan, -math.inf]}, learning_rate=[1, 1], seconds=[0.1, 0.1])
    copy = History.from_dict(history.to_dict())
    assert math.isnan(copy.metrics["r"][0]) and copy.metrics["r"][1] == -math.inf and copy.loss == history.loss
    for broken in ({}, {**history.to_dict(), "loss": 3}, {**history.to_dict(), "metrics": []}):
        with pytest.raises(ValueError, match="is not complete"):
            History.from_dict(broken)
    with pytest.raises(ValueError, match="columns of different lengths"):
        History.from_dict({**history.to_dict(), "loss": [1.0]})


def test_the_history_draws_itself():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    history = train(*small(), validation=0.25, batch_size=6, early_stopping=9)
    ax = history.plot()
    assert [line.get_label() for line in ax.get_lines()][:2] == ["loss", "validation loss"]
    assert ax.get_xlabel() == "epoch"
    other = plt.figure().subplots()
    assert history.plot(other, ["seconds"]) is other and other.get_ylabel() == "seconds"
    with pytest.raises(ValueError, match="nothing to draw: recorded are loss, validation_loss"):
        history.plot(columns=["accuracy"])
    plt.close("all")


def test_the_progress_bar_shows_epoch_and_loss(capsys):
    train(*small(), progress=True)
    shown = capsys.readouterr().err
    assert "epoch 5/5" in shown and "15/15" in shown and "loss" in shown
    train(*small())
    assert capsys.readouterr().err == ""


def test_the_progress_bar_of_a_notebook_is_that_of_tqdm_notebook(monkeypatch):
    pytest.importorskip("ipywidgets")
    from tqdm.notebook import tqdm

    monkeypatch.setattr(interaction, "_in_kernel", lambda: True)
    assert type(interaction.progress_bar(3, 1, True)) is tqdm
    assert type(interaction.progress_bar(3, 1, False)) is not tqdm
    monkeypatch.setattr(interaction, "find_spec", lambda name: None)  # tqdm would refuse to draw it
    assert type(interaction.progress_bar(3, 1, True)) is not tqdm


# ---- metrics ----------------------------------------------------------------------------------------------------


def test_accuracy_of_each_kind_of_labels():
    accuracy = nn.metrics.accuracy
    assert accuracy([[0.1, 0.9], [0.8, 0.2], [0.6, 0.4]], [1, 0, 1]) == 2 / 3
    assert accuracy([[0.1, 0.9], [0.8, 0.2]], [[0, 1], [0, 1]]) == 0.5
    assert accuracy([0.4, 0.6, 0.9], [0, 1, 0]) == 2 / 3
    assert accuracy([-0.4, 0.2, 0.4], [-1, 1, 1]) == 1.0
    assert accuracy([-0.4, 0.2, 0.4], [0, 1, 1], threshold=0.0) == 1.0
    assert nn.metrics.confusion_matrix([[1, 0, 0], [0, 1, 0], [0, 1, 0]], [0, 1, 2]).tolist() == [
        [1, 0, 0], [0, 1, 0], [0, 1, 0],
    ]  # fmt: skip
    assert nn.metrics.confusion_matrix([-1.0, 2.0, 3.0], [-1, -1, 1]).tolist() == [[1, 1], [0, 1]]
    for bad in (([], []), ([1.0], [1, 0])):
        with pytest.raises(ValueError, match="outputs and"):
            accuracy(*bad)


def test_metrics_of_regression():
    assert nn.metrics.mean_squared_error([1.0, 3.0], [1.0, 1.0]) == 2.0
    assert nn.metrics.mean_absolute_error([1.0, 3.0], [1.0, 1.0]) == 1.0
    assert nn.metrics.r_squared([1.0, 2.0], [1.0, 3.0]) == 0.5
    assert math.isnan(nn.metrics.r_squared([1.0, 2.0], [1.0, 1.0]))
    with pytest.raises(ValueError, match=r"shape \(2, 1\) cannot be compared with targets of shape \(2,\)"):
        nn.metrics.mean_squared_error([[1.0], [2.0]], [1.0, 2.0])


def test_logits_and_margins_have_their_threshold():
    history = train(*small(), metrics=["accuracy"])
    model, optimizer = small()
    signed = train(model, optimizer, y=2 * MOONS.y - 1, loss=nn.hinge_loss, metrics=["accuracy"])
    outputs = model.predict(MOONS.X)
    assert signed.metrics["accuracy"][-1] == np.mean((outputs > 0) == MOONS.y)
    assert history.metrics["accuracy"][-1] > 0.7


# ---- refusals ---------------------------------------------------------------------------------------------------

X, Y = MOONS.X, MOONS.y


def with_bad(array, value, *place):
    copy = array.astype(float)
    copy[place] = value
    return copy


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": X[:5]}, ValueError, "5 samples and 24 targets"),
        ({"y": 1}, ValueError, "24 samples and one targets"),
        ({"X": np.ones((0, 2)), "y": []}, ValueError, r"n ≥ 1 samples as rows of features.*shape is \(0, 2\)"),
        ({"X": [], "y": []}, ValueError, "n ≥ 1 samples"),
        ({"X": X.reshape(24, 2, 1)}, ValueError, "flatten images"),
        ({"X": [["a", "b"]] * 24}, TypeError, "X must hold real numbers"),
        ({"X": np.ones((24, 3))}, ValueError, "takes 2 inputs and got 3"),
        ({"X": with_bad(X, math.nan, 7, 1)}, ValueError, "X has nan in sample 7, column 1"),
        ({"X": with_bad(X, math.inf, slice(3), 0)}, ValueError, r"X has inf in sample 0, column 0 \(and 2 more\)"),
        ({"y": with_bad(Y, math.nan, 9)}, ValueError, "y has nan in sample 9"),
        ({"y": np.ones((24, 1, 1))}, ValueError, r"y must be one number or one row per sample"),
        ({"y": ["a"] * 24}, TypeError, "y must hold real numbers"),
        ({"y": with_bad(Y, -1.0, 9)}, ValueError, "sample 9: binary_cross_entropy takes labels from 0 to 1, not -1"),
        ({"loss": nn.hinge_loss}, ValueError, r"hinge_loss takes labels −1 and \+1, not 0"),
        ({"loss": nn.cross_entropy}, ValueError, "takes a list with one number per class"),
        (
            {"loss": lambda out, y: 1.0},
            TypeError,
            "must be one Value that depends on the model's output; it is a float",
        ),
        ({"loss": lambda out, y: [out]}, TypeError, "it is a list"),
        ({"batch_size": 25}, ValueError, "batch_size is 25 and there are 24 samples; batch_size=None"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer of at least 1, not 0"),
        ({"batch_size": -4}, ValueError, "batch_size must be"),
        ({"batch_size": 2.5}, ValueError, "batch_size must be"),
        ({"batch_size": True}, ValueError, "batch_size must be"),
        ({"epochs": -1}, ValueError, "epochs must be an integer of at least 0"),
        ({"epochs": 1.5}, ValueError, "epochs must be an integer"),
        ({"seed": -1}, ValueError, "seed must be an integer of at least 0"),
        ({"seed": "a"}, ValueError, "seed must be an integer"),
        ({"engine": "warp"}, ValueError, "unknown engine 'warp'; known: auto, eager"),
        ({"metrics": ["accuracy", nn.metrics.accuracy]}, ValueError, "two columns of the history would have the same"),
        ({"metrics": ["acuracy"]}, ValueError, "unknown metric 'acuracy'; known: accuracy"),
        ({"validation": 1.5}, ValueError, "fraction must lie between 0 and 1"),
        ({"validation": (X,)}, ValueError, r"validation is \(X, y\) or a fraction; got 1 parts"),
        ({"validation": (X, Y[:3])}, ValueError, "24 validation samples and 3 validation targets"),
        ({"validation": (with_bad(X, math.nan, 0, 0), Y)}, ValueError, "validation X has nan in sample 0"),
        ({"early_stopping": 0}, ValueError, "patience"),
        ({"checkpoint_every": 0, "checkpoint": "x"}, ValueError, "checkpoint_every must be"),
    ],
)
def test_bad_input_is_refused_before_anything_changes(options, error, message):
    model, optimizer = small()
    before = model.state_dict(), optimizer.state_dict()
    with pytest.raises(error, match=message):
        train(model, optimizer, **options)
    assert (model.state_dict(), optimizer.state_dict()) == before


def test_an_optimizer_of_another_model_is_refused():
    with pytest.raises(ValueError, match="depends on none of the optimizer's parameters; was it made for this model"):
        train(small()[0], small()[1])
    with autograd.no_grad(), pytest.raises(RuntimeError, match="fit inside no_grad cannot learn"):
        train(*small())


def test_a_loss_can_have_parameters_of_its_own(tmp_path):
    scale = Value(1.0)
    model, _ = small()
    before = model.state_dict()

    def scaled(out, y):
        return nn.binary_cross_entropy(out * scale, y)

    history = train(model, nn.SGD([scale], 0.5), loss=scaled)
    assert history.loss[-1] < history.loss[0] and scale.data != 1.0 and model.state_dict() == before
    with pytest.raises(ValueError, match="a checkpoint holds the model's parameters, and the optimizer moves others"):
        train(model, nn.SGD([scale], 0.5), loss=scaled, checkpoint=tmp_path / "run.json")


def test_labels_out_of_range_are_named():
    model = nn.MLP(2, [3], seed=0)
    with pytest.raises(ValueError, match="label 5 of sample 4 is not one of the 3 classes 0 to 2"):
        train(model, nn.SGD(model.parameters(), 0.1), y=[0, 1, 2, 0, 5, *[0] * 19], loss=nn.cross_entropy)
    with pytest.raises(ValueError, match=r"label 0\.5 of sample 0"):
        train(model, nn.SGD(model.parameters(), 0.1), y=[0.5] * 24, loss=nn.cross_entropy)


def test_an_error_in_a_callback_reaches_the_caller():
    def fail(epoch):
        raise OSError("the disk of the callback")

    with pytest.raises(OSError, match="the disk of the callback"):
        train(*small(), callbacks=[fail])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("engine", ["compiled", "eager"])
def test_thousands_of_epochs_of_a_small_data_set(engine):
    model = nn.MLP(2, [2, 1], seed=0)
    corners, xor = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    epochs = 2500 if engine == "compiled" else 300
    optimizer = nn.SGD(model.parameters(), 0.1)
    history = nn.fit(model, nn.mse_loss, corners, xor, optimizer, epochs=epochs, progress=False, engine=engine)
    assert history.epochs == optimizer.steps == epochs
