"""`fit(…, record=True)`: every number of every step, which can be made again bit for bit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training import OPTIMIZERS, Signs

import autograd
import nn
from autograd import Value
from nn import recorder

MOONS = nn.datasets.moons(24, noise=0.1, seed=1)
both = pytest.mark.parametrize("engine", ["eager", "compiled"])
rules = pytest.mark.parametrize("kind", OPTIMIZERS)


def train(kind="sgd", epochs=4, batch_size=10, seed=3, model=None, **options):
    model = model or nn.MLP(2, [4, 1], "tanh", seed=3)
    optimizer = OPTIMIZERS[kind](model.parameters())
    history = nn.fit(
        model, nn.binary_cross_entropy, MOONS.X, MOONS.y, optimizer, epochs, batch_size, seed, progress=False, **options
    )
    return model, optimizer, history


@both
@rules
def test_recording_changes_no_bit_of_the_training(kind, engine):
    model, _, plain = train(kind, engine=engine)
    watched, _, history = train(kind, engine=engine, record=True)
    assert plain.recording is None and history.engine == engine
    assert history.batch_loss == plain.batch_loss and history.loss == plain.loss
    assert watched.state_dict() == model.state_dict()


@rules
def test_each_eager_step_is_made_again_with_the_same_bits(kind):
    model, optimizer, history = train(kind, engine="eager", record=True)
    for step in reversed(history.recording.steps):
        history.recording.restore(step)
        optimizer.zero_grad()
        total = 0.0
        for row in step.rows.tolist():
            loss = nn.binary_cross_entropy(model(MOONS.X[row].tolist()), float(MOONS.y[row]))
            loss.backward(1.0 / len(step.rows))
            total += loss.data
        assert total / len(step.rows) == step.loss and optimizer.rate == step.rate
        assert [p.grad for p in history.recording.parameters] == step.gradient.tolist()
        optimizer.step()
        assert [p.data for p in history.recording.parameters] == step.after.tolist()
        assert [[*s] for s in optimizer.state] == step.state_after.tolist() and optimizer.steps == step.number


@rules
def test_each_compiled_step_is_made_again_with_the_same_bits(kind):
    model, optimizer, history = train(kind, engine="compiled", record=True)
    program = autograd.compile(
        lambda x, y: nn.binary_cross_entropy(model(x), y), [(2,), ()], history.recording.parameters
    )
    for step in reversed(history.recording.steps):
        history.recording.restore(step)
        assert program.step(MOONS.X, MOONS.y, optimizer, rows=step.rows) == step.loss
        assert program.gradient.tolist() == step.gradient.tolist()
        assert program.theta.tolist() == step.after.tolist()
        assert np.array(optimizer.state).reshape(step.state.shape).tolist() == step.state_after.tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 24), st.integers(1, 4), st.integers(0, 9), st.sampled_from(["shuffle", "replacement", "given"]))
def test_steps_follow_one_another(size, epochs, seed, order):
    options = {"shuffle": order != "given", "replacement": order == "replacement"}
    _, _, history = train("momentum", epochs, size, seed, record=True, engine="compiled", **options)
    steps = history.recording.steps
    assert [step.number for step in steps] == [*range(1, len(steps) + 1)]
    assert [step.loss for step in steps] == history.batch_loss
    for one, two in pairwise(steps):
        assert (one.after == two.before).all() and (one.state_after == two.state).all()
    for epoch in history.recording.epochs:
        rows = np.concatenate([step.rows for step in steps if step.epoch == epoch])
        assert len(rows) == 24 and (order == "replacement" or {*rows.tolist()} == {*range(24)})


def test_float32_is_recorded_as_it_is():
    _, _, history = train("adam", engine="compiled", dtype="float32", record=True)
    step = history.recording.steps[-1]
    assert (step.before == step.before.astype(np.float32)).all()


def test_an_edit_between_epochs_is_seen():
    def reset(epoch):
        epoch.model.parameters()[0].data = 7.0

    _, _, history = train(record=True, callbacks=[reset], batch_size=None)
    assert [step.before[0] for step in history.recording.steps][1:] == [7.0, 7.0, 7.0]
    path = history.recording.path("layers.0.neurons.0.weights.0")
    assert path[1] == 7.0 and path[-1] == history.recording.steps[-1].after[0]


def test_a_recording_cannot_be_written_to():
    recording = train(record=True)[2].recording
    step = recording.steps[0]
    assert not np.shares_memory(recording.X, MOONS.X) and (recording.X == MOONS.X).all()
    for array in (
        recording.X,
        recording.y,
        step.rows,
        step.before,
        step.gradient,
        step.after,
        step.state,
        step.state_after,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_what_blows_up_is_recorded_up_to_the_end():
    model = nn.MLP(2, [4, 1], "linear", seed=3)
    optimizer = nn.SGD(model.parameters(), 1e3)
    with pytest.warns(RuntimeWarning, match="smaller learning rate"):
        history = nn.fit(model, nn.mse_loss, MOONS.X, MOONS.y, optimizer, 100, progress=False, record=True)
    losses = [step.loss for step in history.recording.steps]
    assert losses[3] > 1e6 * losses[0] and losses[: len(history.batch_loss)] == history.batch_loss


# ---- sampling


def test_every_nth_epoch_and_the_last_are_recorded():
    assert train(epochs=12, record=5)[2].recording.epochs == [1, 6, 11, 12]
    assert train(epochs=12, record=True)[2].recording.epochs == [*range(1, 13)]
    assert train(epochs=0, record=True)[2].recording.steps == []


def test_large_trainings_are_sampled(monkeypatch):
    whole = train(epochs=9, record=True)[2]
    kept = 3 * 17 * 3 + 24  # steps, parameters, their three numbers (before, gradient, velocity); the samples
    monkeypatch.setattr(recorder, "MOST_NUMBERS", 4 * kept)
    part = train(epochs=9, record=True)[2]
    assert part.recording.epochs == [1, 4, 7, 9] and part.loss == whole.loss
    assert "every 3 epochs" in repr(part.recording)
    last = [step for step in whole.recording.steps if step.epoch == 9]
    assert [s.after.tolist() for s in part.recording.steps[-3:]] == [s.after.tolist() for s in last]


def test_an_epoch_that_is_too_much_is_refused_before_anything_moves(monkeypatch):
    monkeypatch.setattr(recorder, "MOST_NUMBERS", 100)
    model = nn.MLP(2, [4, 1], "tanh", seed=3)
    before = model.state_dict()
    with pytest.raises(ValueError, match="larger batch_size"):
        train(record=True, model=model)
    assert model.state_dict() == before
    assert len(train(record=2, model=model)[2].recording.epochs) == 3


@pytest.mark.parametrize("record", [0, -1, 1.5, "yes", None])
def test_record_is_a_truth_value_or_a_number_of_epochs(record):
    with pytest.raises(ValueError, match="every n-th epoch"):
        train(record=record)


# ---- written out


@rules
@both
def test_the_written_update_ends_at_the_recorded_parameter(kind, engine):
    _, _, history = train(kind, engine=engine, record=True)
    recording = history.recording
    for step in recording.steps:
        for i, name in enumerate(recording.names):
            lines = recording.written(step, name).split("\n")
            assert lines[0].startswith("w = ") and lines[-1].startswith("w ← w − α")
            shown = float(lines[-1].rpartition("= ")[2].replace("−", "-"))
            assert shown == pytest.approx(step.after[i], rel=1e-5)


def test_the_rules_are_written_as_the_textbook_has_them():
    lines = {kind: train(kind, record=True)[2].recording for kind in OPTIMIZERS}
    lines = {kind: r.written(r.steps[1], "layers.1.neurons.0.bias") for kind, r in lines.items()}
    assert "G ← G + λ·w = " in lines["sgd"] and "w ← w − α·G = " in lines["sgd"]
    assert "G clipped: " in lines["momentum"] and "V ← β·V + G = 0.9 · " in lines["momentum"]
    assert "S ← S + G² = " in lines["adagrad"]
    assert "S ← ρ·S + (1 − ρ)·G² = 0.99 · " in lines["rmsprop"]
    assert "Ŝ = S / (1 − β₂^2) = " in lines["adam"] and "w ← w − α·M̂ / (√Ŝ + ε) = " in lines["adam"]


def test_what_has_no_rule_says_so():
    model = nn.MLP(2, [2, 1], "tanh", seed=3)
    moved = model.parameters()[:2]
    history = nn.fit(model, nn.mse_loss, MOONS.X, MOONS.y, Signs(moved, 0.1), 1, record=True, progress=False)
    recording = history.recording
    assert "the rule of Signs is its own" in recording.written(recording.steps[0], recording.names[0])
    name = recording.names[-1]
    assert recording.written(recording.steps[0], name) == f"the optimizer does not move {name}"
    with pytest.raises(KeyError, match="no parameter is called 'w9'"):
        recording.path("w9")


def test_a_parameter_of_the_optimizer_alone_has_its_label():
    scale = Value(1.0, "scale")
    model = nn.MLP(2, [1], seed=3)
    optimizer = nn.SGD([scale, *model.parameters()], 0.1)
    history = nn.fit(model, lambda out, y: nn.mse_loss(scale * out, y), MOONS.X, MOONS.y, optimizer, 2, record=True,
                     progress=False)  # fmt: skip
    assert history.recording.names[0] == "scale" and len(history.recording.path("scale")) == 3


def test_a_recording_shows_itself():
    recording = train("adam", record=True)[2].recording
    assert repr(recording) == "Recording(12 steps of Adam in 4 epochs, 17 parameters)"
    assert "learning rate" in str(recording) and "<table" in recording.html()


# ---- signs of trouble, and the ledger


def signs(model, optimizer, epochs=3, loss=nn.mse_loss):
    history = nn.fit(model, loss, MOONS.X, MOONS.y, optimizer, epochs, record=True, progress=False)
    return history.recording, [(sign.kind, sign.where) for sign in history.recording.signs(history.recording.steps[-1])]


def test_the_dead_neuron_is_named():
    model = nn.MLP(2, [4, 1], "relu", seed=3)
    model.layers[0].neurons[2].bias.data = -50.0
    recording, found = signs(model, nn.SGD(model.parameters(), 0.01))
    assert found == [("dead", "layers.0.neurons.2")]
    i = recording.names.index("layers.0.neurons.2.weights.0")
    assert all(step.gradient[i] == 0.0 for step in recording.steps)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_the_saturated_neuron_is_named(activation):
    model = nn.MLP(2, [4, 1], activation, seed=3)
    model.layers[0].neurons[1].bias.data = 30.0
    assert signs(model, nn.SGD(model.parameters(), 0.01))[1] == [("saturated", "layers.0.neurons.1")]


def test_zero_initialization_makes_all_neurons_alike():
    model = nn.MLP(2, [3, 1], "tanh", init="zeros")
    assert signs(model, nn.SGD(model.parameters(), 0.1))[1] == [
        ("alike", "layers.0.neurons.1"), ("alike", "layers.0.neurons.2"),
    ]  # fmt: skip


def test_a_loss_that_explodes_blames_the_learning_rate():
    model = nn.MLP(2, [4, 1], "linear", seed=3)
    optimizer = nn.SGD(model.parameters(), 3.0)
    recording, found = signs(model, optimizer, epochs=5)
    assert ("exploding", "loss") in found
    (hint,) = [sign.hint for sign in recording.signs(recording.steps[-1]) if sign.kind == "exploding"]
    assert "the learning rate 3 is too high" in hint
    assert recording.signs(recording.steps[0]) == []


def test_a_healthy_training_has_no_signs_and_looking_moves_nothing():
    for output in ("linear", "sigmoid"):
        model = nn.MLP(2, [4, 1], "tanh", output, seed=3)
        recording, found = signs(model, nn.SGD(model.parameters(), 0.1))
        assert found == [] and [p.data for p in recording.parameters] == recording.steps[-1].after.tolist()


def test_an_output_that_is_sure_is_not_saturated():
    model = nn.MLP(2, [3, 1], "tanh", "sigmoid", seed=3)
    model.layers[1].neurons[0].bias.data = 30.0
    assert signs(model, nn.SGD(model.parameters(), 1e-3))[1] == []


def test_a_neuron_of_its_own_and_several_outputs_are_judged():
    neuron = nn.Neuron(2, "relu", seed=1)
    neuron.bias.data = -50.0
    assert signs(neuron, nn.SGD(neuron.parameters(), 0.01))[1] == [("dead", "")]
    model = nn.MLP(2, [3, 2], "tanh", "softmax", seed=3)
    assert signs(model, nn.SGD(model.parameters(), 0.1), loss=nn.mse_loss)[1] == []


@both
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.5, "weight_decay": 0.01}])
def test_the_ledger_accounts_for_every_weight(engine, options):
    model = nn.MLP(2, [3, 1], "tanh", seed=3)
    optimizer = nn.SGD(model.parameters(), 0.1, **options)
    history = nn.fit(model, nn.mse_loss, MOONS.X, MOONS.y, optimizer, 3, 7, record=True, engine=engine, progress=False)
    ledger, steps = history.recording.ledger(), history.recording.steps
    for i, parameter in enumerate(history.recording.parameters):
        assert ledger.change(parameter) == steps[-1].after[i] - steps[0].before[i]
        assert abs(ledger.residual(parameter)) < 1e-12
    moved = {(move.step, move.sample) for move in ledger.moves(model.parameters()[0])}
    assert {(k, f"sample {row}") for k, step in enumerate(steps) for row in step.rows.tolist()} <= moved


def test_what_has_no_ledger_says_why():
    with pytest.raises(TypeError, match="Adam do not split into samples"):
        train("adam", record=True)[2].recording.ledger()
    with pytest.raises(ValueError, match="epochs are missing"):
        train(epochs=5, record=2)[2].recording.ledger()
    with pytest.raises(ValueError, match="none was recorded"):
        train(epochs=0, record=True)[2].recording.ledger()
