"""`nn.watch`: the page holds the recorded numbers bit by bit, and says what it leaves out."""

import base64
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training import OPTIMIZERS, Signs

import nn
from autograd import Value
from nn import watching
from nn.watching import ledger, model, steps

MOONS = nn.datasets.moons(24, noise=0.1, seed=1)


def train(kind="sgd", epochs=4, batch_size=10, network=None, data=MOONS, loss=nn.binary_cross_entropy, **options):
    network = network or nn.MLP(2, [4, 1], "tanh", seed=3)
    optimizer = OPTIMIZERS[kind](network.parameters())
    options = {"record": True, "progress": False, **options}
    return nn.fit(network, loss, data.X, data.y, optimizer, epochs, batch_size, seed=3, **options)


def runs(page):
    """The data of each training of a page, as its script reads them."""
    found = re.findall(r"\{data: (\{.*?\}), model: ", page.html(), re.DOTALL)
    return [json.loads(text) for text in found]


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f8")


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_page_holds_the_recorded_numbers_bit_by_bit(kind):
    recording = train(kind, engine="eager").recording
    (run,) = runs(nn.watch(recording))
    assert run["names"] == recording.names
    before, gradient = (floats(run[name]).reshape(-1, len(recording.names)) for name in ("before", "gradient"))
    state = floats(run["state"]).reshape(len(recording.steps), -1, 17)
    for k, step in enumerate(recording.steps):
        assert (before[k] == step.before).all() and (gradient[k] == step.gradient).all()
        assert (state[k] == step.state[: len(run["variables"])]).all()
        after = floats(run["after"][str(k)]) if str(k) in run["after"] else before[k + 1]
        assert after.tobytes() == step.after.tobytes()
        # the loss again from the recorded parameters, as training computed it
        with recording.at(step) as network:
            total = 0.0
            for row in step.rows.tolist():
                total += nn.binary_cross_entropy(network(MOONS.X[row].tolist()), float(MOONS.y[row])).data
        assert floats(run["loss"])[k] == total / len(step.rows) and floats(run["rate"])[k] == step.rate
    assert [*zip(run["epoch"], run["batch"], run["number"])] == [(s.epoch, s.batch, s.number) for s in recording.steps]
    assert {*run["batches"]} == {3} and run["omitted"] == ""


def test_an_edit_between_two_steps_is_on_the_page():
    def reset(epoch):
        epoch.model.parameters()[0].data = 7.0

    recording = train(callbacks=[reset], batch_size=None).recording
    (run,) = runs(nn.watch(recording))
    assert [*run["after"]] == ["0", "1", "2", "3"]
    assert floats(run["after"]["0"])[0] == recording.steps[0].after[0] != 7.0 == floats(run["before"])[17]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_evenly_chosen_numbers(count, wanted):
    found = steps.spaced(count, wanted)
    assert len(found) == min(count, wanted) and found == sorted({*found}) and found[0] == 0
    assert found[-1] == count - 1 or wanted == 1


def test_long_trainings_are_shown_in_some_epochs_which_is_said(monkeypatch):
    recording = train(epochs=9).recording
    each = 2 * 17 + 2  # before and gradient; rate and loss
    monkeypatch.setattr(steps, "MOST_NUMBERS", 3 * 3 * each + 6 * 17)
    kept = steps.kept(recording)
    assert sorted({step.epoch for step in kept}) == [1, 5, 9] and len(kept) == 9
    (run,) = runs(nn.watch(recording))
    assert run["omitted"] == "The page holds 9 steps of the 27 that were recorded."
    assert len(floats(run["allLosses"])) == 27
    monkeypatch.setattr(steps, "MOST_NUMBERS", 2 * each + 6 * 17)
    assert [step.number for step in steps.kept(recording)] == [1, 27]
    assert "Every 4 epochs were recorded." in runs(nn.watch(train(epochs=9, record=4)))[0]["omitted"]


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_two_hundred_epochs_of_a_small_network_are_less_than_five_megabytes(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(steps, "MOST_JUDGED", 3)  # what is looked for takes time and no room
    data = nn.datasets.moons(100, noise=0.1, seed=1)
    history = train(kind, 200, 5, nn.MLP(2, [8, 1], "tanh", seed=1), data)
    assert len(history.recording.steps) == 4000
    path = nn.watch(history).save(tmp_path / "watch.html")
    assert path.stat().st_size < 5_000_000


def test_the_page_asks_nobody_and_lets_only_its_own_script_run():
    page = nn.watch(train(epochs=2)).page()
    assert page.count("<script>") == 1 and "script-src 'sha256-" in page and "default-src 'none'" in page
    assert "unsafe-eval" not in page and "http" not in page.partition("</style>")[2].replace("http://www.w3.org/", "")


def test_without_scripts_a_table_of_the_losses_is_there():
    page = nn.watch(train(epochs=2))
    assert "Recorded training" not in page.html() and "<table" in page.html().partition("<script>")[0]
    assert str(page).startswith("SGD, learning rate 0.3\nRecording(6 steps of SGD in 2 epochs, 17 parameters)")


# ---- what is shown of the network


def layers(recording):
    return [[neuron["name"] for neuron in layer] for layer in model.Model(recording).data()["layers"]]


def test_neurons_are_called_as_in_the_diagram():
    assert layers(train(epochs=1).recording) == [["a¹₁", "a¹₂", "a¹₃", "a¹₄"], ["ŷ"]]
    neuron = nn.Neuron(2, "tanh", seed=1)
    assert layers(train(network=neuron, epochs=1, loss=nn.mse_loss).recording) == [["ŷ"]]


def test_where_a_class_begins_follows_from_the_loss():
    def shown(loss, network, y=MOONS.y):
        data = nn.datasets.Dataset(MOONS.X, y, *MOONS[2:])
        found = model.Model(train(network=network, epochs=1, loss=loss, data=data).recording).data()
        return found["classes"], found["threshold"]

    assert shown(nn.binary_cross_entropy, nn.MLP(2, [2, 1], "tanh", seed=1)) == ([0, 1], 0.0)
    assert shown(nn.mse_loss, nn.MLP(2, [2, 1], "tanh", seed=1)) == ([0, 1], 0.5)
    assert shown(nn.hinge_loss, nn.MLP(2, [2, 1], "tanh", seed=1), 2 * MOONS.y - 1) == ([-1, 1], 0.0)
    assert shown(nn.cross_entropy, nn.MLP(2, [2, 2], "tanh", seed=1)) == ([0, 1], None)
    assert shown(nn.mse_loss, nn.MLP(2, [2, 2], "tanh", seed=1), nn.datasets.one_hot(MOONS.y, 2)) == ([0, 1], None)
    assert shown(nn.mse_loss, nn.MLP(2, [2, 1], "tanh", seed=1), MOONS.X[:, 0] ** 2) == ([], None)


class Branching(nn.Module):
    """Looks at a number, so that nobody knows what it does elsewhere."""

    def __init__(self):
        self.inner = nn.MLP(2, [2, 1], "tanh", seed=1)

    def __call__(self, x):
        out = self.inner(x)
        return out if out.data > 0 else 2 * out


def test_what_cannot_be_computed_on_the_page_is_said():
    made = model.Model(train(network=Branching(), epochs=1, engine="eager").recording)
    assert made.program() == "null" and "looks at its own numbers" in made.data()["missing"]
    wide = nn.datasets.Dataset(np.eye(17), np.arange(17.0) % 2, *MOONS[2:])
    made = model.Model(train(network=nn.MLP(17, [1], seed=1), data=wide, epochs=1).recording)
    assert made.program() == "null" and "The network has 17 inputs, too many" in made.data()["missing"]


def test_a_large_network_is_not_computed_at_each_point(monkeypatch):
    monkeypatch.setattr(model, "MOST_NODES", 10)
    assert "too large" in model.Model(train(epochs=1).recording).data()["missing"]


def test_signs_of_trouble_are_those_of_the_recording():
    network = nn.MLP(2, [4, 1], "relu", seed=3)
    network.layers[0].neurons[2].bias.data = -50.0
    recording = train(network=network).recording
    (run,) = runs(nn.watch(recording))
    assert run["judged"] == [*range(12)]
    for k, found in zip(run["judged"], run["signs"]):
        signs = recording.signs(recording.steps[k])
        assert [(kind, where, run["hints"][hint]) for kind, where, hint in found] == [tuple(sign) for sign in signs]


# ---- the ledger


@pytest.mark.parametrize("kind", ["sgd", "momentum"])
def test_bars_add_up_to_the_ledger(kind):
    recording = train(kind).recording
    book, found = recording.ledger(), ledger.bars(recording)
    for parameter, entry in zip(recording.parameters, found["ledger"]):
        totals = dict(zip(entry["samples"], floats(entry["totals"])))
        groups = {group.name: group.total for group in book.by("sample", parameter).entries}
        assert len(totals) == 8 and entry["of"] == len(groups)
        assert totals == pytest.approx({name: groups[name] for name in totals}, abs=1e-12)
        assert min(map(abs, totals.values())) >= max(abs(groups[name]) for name in {*groups} - {*totals}) - 1e-12
        assert sum(totals.values()) + floats(entry["sums"])[1] == pytest.approx(sum(groups.values()), abs=1e-12)
        when = floats(entry["when"]).reshape(8, -1)
        assert when.sum(axis=1) == pytest.approx([*totals.values()], abs=1e-12)
    assert found["ledgerFrom"] == [step.number for step in recording.steps]


def test_without_a_ledger_the_page_says_why(monkeypatch):
    assert ledger.bars(train("adam").recording)["ledgerMissing"].startswith("No ledger: the steps of Adam do not split")
    monkeypatch.setattr(ledger, "MOST_ENTRIES", 100)
    assert "1,632 entries, too many" in ledger.bars(train().recording)["ledgerMissing"]


# ---- arguments


def test_what_cannot_be_watched_says_why():
    with pytest.raises(ValueError, match=r"record=True"):
        nn.watch(train(record=False))
    with pytest.raises(ValueError, match="no step was recorded"):
        nn.watch(train(epochs=0))
    with pytest.raises(TypeError, match="not MLP"):
        nn.watch(nn.MLP(2, [1], seed=1))
    line = nn.datasets.Dataset(MOONS.X[:, :1], MOONS.y, *MOONS[2:])
    with pytest.raises(ValueError, match=r"the shapes \(2,\) and \(1,\)"):
        nn.watch(train(epochs=1), train(epochs=1, network=nn.MLP(1, [1], seed=1), data=line))
    for names in ("ab", ["a"]):
        with pytest.raises(ValueError, match="names lists 2 names"):
            nn.watch(train(epochs=1), train(epochs=1), names=names)


def test_names_tell_two_trainings_apart():
    same = train(epochs=1)
    assert nn.watch(same, same).names == ["SGD, learning rate 0.3 (1)", "SGD, learning rate 0.3 (2)"]
    assert nn.watch(same, train("adam", epochs=1)).names == ["SGD, learning rate 0.3", "Adam, learning rate 0.05"]
    assert nn.watch(same, same, names=["a", "b"]).names == ["a", "b"]
    assert isinstance(nn.watch(same), watching.WatchedTraining)


def test_other_parameters_and_other_rules_are_shown():
    scale, network = Value(1.0, "scale"), nn.MLP(2, [2, 1], "tanh", seed=1)
    optimizer = Signs([scale, *network.parameters()], 0.01)
    loss = lambda out, y: nn.mse_loss(scale * out, y)  # noqa: E731
    history = nn.fit(network, loss, MOONS.X, MOONS.y, optimizer, 2, record=True, progress=False)
    (run,) = runs(nn.watch(history))
    assert run["symbols"][0] == "scale" and run["variables"] == []
    assert "the rule of Signs is its own" in nn.watch(history).html()


def test_two_trainings_stand_on_one_page():
    first, second = runs(nn.watch(train(epochs=2), train("adam", epochs=3)))
    assert (first["name"], second["name"]) == ("SGD, learning rate 0.3", "Adam, learning rate 0.05")
    assert nn.watch(train(epochs=1), train(epochs=1)).title == "Two trainings, step by step"


def test_formulas_of_the_rules_are_javascript_too():
    assert steps._of("beta1 * M + (1.0 - beta1) * g") == "s.beta1 * s.M + (1.0 - s.beta1) * s.g"
    assert steps._of("w - alpha * g / (sqrt(S) + eps)") == "s.w - s.alpha * s.g / (sqrt(s.S) + s.eps)"


def test_a_large_network_is_not_searched_for_neurons_that_do_not_learn(monkeypatch):
    monkeypatch.setattr(steps, "MOST_WORK", 17 * 24 * 3)
    recording = train().recording
    assert runs(nn.watch(recording))[0]["judged"] == [0, 6, 11]
    monkeypatch.setattr(steps, "MOST_WORK", 100)
    assert runs(nn.watch(recording))[0]["judged"] == []


def test_what_blows_up_is_on_the_page():
    network = nn.MLP(2, [4, 1], "linear", seed=3)
    optimizer = nn.SGD(network.parameters(), 1e60)
    with pytest.warns(RuntimeWarning, match="smaller learning rate"):
        history = nn.fit(network, nn.mse_loss, MOONS.X, MOONS.y, optimizer, 100, record=True, progress=False)
    (run,) = runs(nn.watch(history))
    recording = history.recording
    assert floats(run["loss"]).tobytes() == np.array([step.loss for step in recording.steps]).tobytes()
    assert not floats(run["loss"])[-1] < 1e100


def test_of_many_samples_some_are_drawn(monkeypatch):
    monkeypatch.setattr(model, "MOST_SAMPLES", 5)
    found = model.Model(train(epochs=1).recording).data()
    assert found["shown"] == [0, 6, 12, 17, 23] and found["samples"] == 24
    assert (floats(found["X"]).reshape(5, 2) == MOONS.X[found["shown"]]).all()
