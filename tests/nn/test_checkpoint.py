"""Checkpoints: exact, whole or refused, whatever happens to the disk or to the file."""

import errno
import hashlib
import json
import math
import os
import pickle
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd import Value, files
from nn import checkpoint
from nn.checkpoint import CheckpointError


def small(seed=0, **options):
    return nn.MLP(2, [2, 1], "tanh", seed=seed, **options)


def forge(path, content, version=1):
    """A file with a valid checksum."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(checkpoint._header(version, body) + body)
    return path


def saved(model=None, **changes):
    content = {"architecture": checkpoint.architecture(model or small()), "parameters": (model or small()).state_dict(),
               "optimizer": None, "training": None}  # fmt: skip
    return {**content, **changes}


# ---- exact ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        small(),
        small(bias=False),
        nn.MLP(3, [4, 3, 2], ["relu", "sin"], "softmax", seed=1),
        nn.MLP(1, [1], output="sigmoid", seed=2),
    ],
    ids=repr,
)
def test_a_network_comes_back_whole(tmp_path, model):
    nn.save(model, tmp_path / "model.json")
    copy = nn.load(tmp_path / "model.json")
    assert type(copy) is nn.MLP and repr(copy) == repr(model) and copy.state_dict() == model.state_dict()
    x = [0.5] * model.layers[0].nin
    assert copy.evaluate(x) == model.evaluate(x)
    assert [p.label for p in copy.parameters()] == [p.label for p in model.parameters()]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=9, max_size=9))
@settings(max_examples=50)
def test_every_float_comes_back_to_the_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.getbasetemp() / "exact.json"
    model = small()
    for parameter, number in zip(model.parameters(), numbers):
        parameter.data = number
    nn.save(model, path)
    assert [p.data.hex() for p in nn.load(path).parameters()] == [p.data.hex() for p in model.parameters()]


def test_the_optimizer_comes_back_with_it(tmp_path):
    model = small()
    optimizer = nn.Adam(model.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model([1.0, 2.0]).backward()
        optimizer.step()
    nn.save(model, tmp_path / "m.json", optimizer)
    other = small(seed=5)
    restored = nn.Adam(other.parameters(), 0.1)
    assert nn.load(tmp_path / "m.json", other, restored) is other
    assert restored.state_dict() == optimizer.state_dict() and other.state_dict() == model.state_dict()


def test_a_model_of_the_readers_own(tmp_path):
    class Line(nn.Module):
        def __init__(self, slope):
            self.slope = Value(slope)

    class Curve(Line):
        pass

    path = tmp_path / "line.json"
    nn.save(Line(3.0), path)
    assert nn.load(path, Line(0.0)).slope.data == 3.0
    with pytest.raises(CheckpointError, match=r"holds a 'Line', which only your code can build: load\(path, model=…\)"):
        nn.load(path)
    with pytest.raises(CheckpointError, match="the saved model is another one: kind was 'Line', is 'Curve'"):
        nn.load(path, Curve(0.0))


def test_an_activation_of_the_readers_own(tmp_path):
    def square(z):
        return z * z

    nn.save(nn.MLP(1, [1], output=square, seed=0), tmp_path / "m.json")
    with pytest.raises(CheckpointError, match="the activation 'function square', which is not in the table"):
        nn.load(tmp_path / "m.json")
    model = nn.MLP(1, [1], output=square, seed=1)
    assert nn.load(tmp_path / "m.json", model) is model


def test_the_file_is_readable_text(tmp_path):
    nn.save(small(), tmp_path / "m.json")
    head, body = (tmp_path / "m.json").read_text(encoding="utf-8").splitlines()
    assert json.loads(head)["format"] == "tracegrad checkpoint" and json.loads(head)["version"] == 1
    assert json.loads(body)["architecture"] == {
        "kind": "MLP", "nin": 2, "nouts": [2, 1], "activations": ["tanh", "linear"], "bias": True,
    }  # fmt: skip
    assert hashlib.sha256(body.encode() + b"\n").hexdigest() == json.loads(head)["sha256"]


# ---- models that do not fit -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: nn.MLP(2, [3, 1], "tanh"), r"nouts was \[2, 1\], is \[3, 1\]"),
        (lambda: nn.MLP(2, [2, 1], "relu"), r"activations was \['tanh', 'linear'\], is \['relu', 'linear'\]"),
        (lambda: small(bias=False), "bias was True, is False"),
        (lambda: nn.Layer(2, 1), "kind was 'MLP', is 'Layer'"),
    ],
)
def test_another_architecture_is_refused(tmp_path, model, message):
    nn.save(small(), tmp_path / "m.json")
    other = model()
    before = other.state_dict()
    with pytest.raises(CheckpointError, match=message):
        nn.load(tmp_path / "m.json", other)
    assert other.state_dict() == before


def test_an_optimizer_that_does_not_fit_leaves_both_as_they_were(tmp_path):
    path, model = tmp_path / "m.json", small(seed=3)
    before = model.state_dict()
    nn.save(small(), path)
    with pytest.raises(CheckpointError, match="was saved without an optimizer"):
        nn.load(path, model, nn.SGD(model.parameters()))
    nn.save(small(), path, nn.SGD(small().parameters()))
    for optimizer in (nn.Adam(model.parameters()), nn.SGD(model.parameters()[:2]), nn.SGD(model.parameters(), 1, 0.5)):
        with pytest.raises(CheckpointError, match="optimizer"):
            nn.load(path, model, optimizer)
    assert model.state_dict() == before


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_broken_model_is_not_saved(tmp_path, bad):
    path, model = tmp_path / "m.json", small()
    nn.save(model, path)
    whole = path.read_bytes()
    model.parameters()[3].data = bad
    with pytest.raises(ValueError, match=r"parameter layers\.0\.neurons\.1\.weights\.0 is .* not saved"):
        nn.save(model, path)
    assert path.read_bytes() == whole and os.listdir(tmp_path) == ["m.json"]


# ---- damaged files ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "m.json"
    nn.save(small(), path, nn.SGD(small().parameters(), momentum=0.5))
    whole = path.read_bytes()
    assert nn.load(path).state_dict() == small().state_dict()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"not a checkpoint|is damaged"):
            nn.load(path)


@pytest.mark.slow
def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "m.json"
    nn.save(nn.MLP(1, [1], seed=0), path)
    whole = path.read_bytes()
    for i in range(len(whole)):
        for bit in range(8) if i < whole.index(b"\n") + 2 else [i % 8]:  # all bits of the header
            damaged = bytearray(whole)
            damaged[i] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError):
                checkpoint.read(path)


@given(st.binary(max_size=200), st.sampled_from(["plain", "header", "body"]))
@settings(max_examples=200)
def test_any_bytes_are_refused_with_a_clear_error(tmp_path_factory, data, form):
    path = tmp_path_factory.getbasetemp() / "any.json"
    if form == "body":
        forge(path, data)
    else:
        path.write_bytes(b'{"format": "tracegrad checkpoint"' * (form == "header") + data)
    with pytest.raises(CheckpointError, match=r"any\.json"):
        nn.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "does not hold architecture, parameters, optimizer, training"),
        ({}, "does not hold architecture"),
        (saved(extra=1), "does not hold architecture"),
        (saved(architecture=None), "names no kind of model"),
        (saved(architecture={"kind": 3}), "names no kind of model"),
        (saved(parameters=[1.0]), "its parameters are not an object"),
        (saved(parameters={"w": "1.0"}), "parameter 'w' is '1.0', not a finite number"),
        (saved(parameters={"w": True}), "parameter 'w' is True, not a finite number"),
        (saved(parameters={"w": None}), "parameter 'w' is None, not a finite number"),
        (saved(optimizer=[]), "its entry optimizer has the wrong type"),
        (saved(training="x"), "its entry training has the wrong type"),
        (saved(parameters={"../../w": 1.0}), "describes a network of 9 parameters and holds 1"),
        (saved(parameters={str(i): 1.0 for i in range(9)}), "missing: layers.0.neurons.0.weights.0"),
        (saved(architecture={"kind": "MLP"}), "describes no network"),
        (saved(architecture={"kind": "MLP", "nin": 2, "nouts": [-1], "bias": True}), "describes no network"),
        (saved(architecture={"kind": "MLP", "nin": 2.0, "nouts": [1], "bias": True}), "describes no network"),
        (saved(architecture={"kind": "MLP", "nin": 10**9, "nouts": [10**9], "bias": True}), "and holds 9"),
        (saved(architecture={**saved()["architecture"], "activations": ["tanh"]}), "must name 2 activations"),
        (saved(architecture={**saved()["architecture"], "activations": ["os.system", 1]}), "not in the table of op"),
        (saved(architecture={**saved()["architecture"], "activations": ["tanh", "softmax"]}), "softmax of one neuron"),
        (b"\x80\x04\x95", "does not hold valid data"),
        (b'{"a": NaN}', "does not hold valid data: the number NaN"),
        (json.dumps(saved()).replace("true", "-Infinity").encode(), "the number -Infinity"),
        (b"[" * 100_000, "does not hold valid data"),
        (json.dumps(saved(parameters={"w": 1.5})).replace("1.5", "1e999").encode(), "'w' is inf, not a finite number"),
        (json.dumps(saved(parameters={"w": 7})).replace("7", "7" * 400).encode(), "not a finite number"),
        (
            json.dumps(saved(parameters={"w": 7})).replace("7", "7" * 9000).encode(),
            "does not hold valid data|not a finite",
        ),
    ],
)
def test_hostile_files_with_a_valid_checksum_are_refused(tmp_path, content, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        nn.load(forge(tmp_path / "m.json", content))
    assert len(str(caught.value)) < 1000


def test_a_hostile_optimizer_or_training_is_refused(tmp_path):
    model = small()
    state = nn.SGD(model.parameters()).state_dict()
    for optimizer in (
        {}, {"kind": "SGD"}, {**state, "state": []}, {**state, "state": {"velocity": 3}},
        {**state, "state": {"velocity": ["x"] * 9}}, {**state, "state": {"velocity": [10**400] * 9}},
    ):  # fmt: skip
        with pytest.raises(CheckpointError):
            nn.load(forge(tmp_path / "m.json", saved(optimizer=optimizer)), model, nn.SGD(model.parameters()))
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    own = {"samples": 2, "batch_size": 2, "seed": 0, "shuffle": True, "best": None}
    good = nn.History(loss=[1.0], learning_rate=[1.0], seconds=[1.0]).to_dict()
    for training in (
        {}, own, {**own, "history": 3}, {**own, "history": {**good, "loss": ["x"]}},
        {**own, "history": good, "best": {"w": 1.0}}, {**own, "history": good, "best": [1.0]},
    ):  # fmt: skip
        forge(tmp_path / "m.json", saved(optimizer=state, training=training))
        before = model.state_dict()
        with pytest.raises((ValueError, TypeError)):
            nn.fit(model, nn.mse_loss, X, y, nn.SGD(model.parameters()), 2, progress=False,
                   checkpoint=tmp_path / "m.json", resume=True)  # fmt: skip
        assert model.state_dict() == before


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "m.json").write_bytes(pickle.dumps(Bomb(), protocol))
        with pytest.raises(CheckpointError, match=r"m\.json is not a checkpoint"):
            nn.load("m.json")
    assert os.listdir(tmp_path) == ["m.json"]


def test_another_version_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="is a checkpoint of version 2; this library reads version 1"):
        nn.load(forge(tmp_path / "m.json", saved(), version=2))


def test_an_oversized_file_is_refused_unread(tmp_path, monkeypatch):
    nn.save(small(), tmp_path / "m.json")
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 100)
    with pytest.raises(CheckpointError, match="is larger than the 100 bytes that are read"):
        nn.load(tmp_path / "m.json")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "none.json")
    with pytest.raises(IsADirectoryError):
        nn.load(tmp_path)


# ---- faults while saving ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failing_disk_leaves_the_old_file_whole(tmp_path, monkeypatch, fault, number):
    path = tmp_path / "m.json"
    nn.save(small(seed=1), path)
    whole = path.read_bytes()

    def fail(*_):
        raise OSError(number, os.strerror(number))

    if fault == "write":
        real = open

        def failing_open(file, mode="r", **options):
            handle = real(file, mode, buffering=0, **options)
            os.write(handle.fileno(), b"half of it")
            handle.close()
            return fail()

        monkeypatch.setattr(files, "open", failing_open, raising=False)
    else:
        monkeypatch.setattr(os, fault, fail)
    with pytest.raises(OSError, match="nothing was saved, and what stood there before is unharmed") as caught:
        nn.save(small(seed=2), path)
    monkeypatch.undo()
    assert caught.value.errno == number and path.read_bytes() == whole and os.listdir(tmp_path) == ["m.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here, the device that is always full")
def test_a_disk_that_is_really_full(tmp_path, monkeypatch):
    path = tmp_path / "m.json"
    nn.save(small(), path)
    whole, real = path.read_bytes(), os.open
    monkeypatch.setattr(os, "open", lambda name, flags, *mode: real("/dev/full", os.O_WRONLY))
    monkeypatch.setattr(os, "chmod", lambda *_: None)  # of the new file, which there is not
    with pytest.raises(OSError, match="No space left on device: nothing was saved"):
        nn.save(small(seed=1), path)
    assert path.read_bytes() == whole


def test_a_folder_that_refuses(tmp_path, monkeypatch):
    path = tmp_path / "m.json"
    nn.save(small(), path)
    whole = path.read_bytes()

    def refuse(name, *_):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match="Permission denied: nothing was saved"):
        nn.save(small(seed=1), path)
    assert path.read_bytes() == whole


def test_folders_that_cannot_be_written(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    nn.save(small(), folder / "m.json")
    whole = (folder / "m.json").read_bytes()
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write into read-only folders (root)")
        with pytest.raises(PermissionError, match="what stood there before is unharmed"):
            nn.save(small(seed=1), folder / "m.json")
        assert (folder / "m.json").read_bytes() == whole
    finally:
        folder.chmod(0o700)
    with pytest.raises(FileNotFoundError, match="nothing was saved"):
        nn.save(small(), tmp_path / "no folder" / "m.json")
    with pytest.raises(OSError, match="nothing was saved"):
        nn.save(small(), folder)


KILLED = """
import os, sys
import nn
from autograd import files
limit = int(sys.argv[2])
class Dying:
    def __init__(self, file): self.file, self.left = file, limit
    def write(self, data):
        self.file.write(data[: self.left])
        self.file.flush()
        os._exit(9)
    def __enter__(self): return self
    def __exit__(self, *_): self.file.close()
files.open = lambda *a: Dying(open(*a))
nn.save(nn.MLP(1, [1], seed=2), sys.argv[1])
"""


@pytest.mark.parametrize("limit", [0, 1, 60, 200])
def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path, limit):
    path, old = tmp_path / "m.json", nn.MLP(1, [1], seed=1)
    nn.save(old, path)
    run = subprocess.run([sys.executable, "-c", KILLED, str(path), str(limit)], check=False)
    assert run.returncode == 9
    assert nn.load(path).state_dict() == old.state_dict()
    nn.save(nn.MLP(1, [1], seed=2), path)  # what the dead process left beside it is in nobody's way
    assert nn.load(path).state_dict() == nn.MLP(1, [1], seed=2).state_dict()


def test_readers_beside_a_writer_see_whole_files_only(tmp_path):
    path, stop = tmp_path / "m.json", threading.Event()
    models = [small(seed=i) for i in range(2)]
    nn.save(models[0], path)

    def write():
        while not stop.is_set():
            for model in models:
                nn.save(model, path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        states = [model.state_dict() for model in models]
        assert all(nn.load(path).state_dict() in states for _ in range(50))
    finally:
        stop.set()
        writer.join()


def test_a_link_stays_a_link(tmp_path):
    nn.save(small(), tmp_path / "real.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    nn.save(small(seed=1), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert nn.load(tmp_path / "real.json").state_dict() == small(seed=1).state_dict()
