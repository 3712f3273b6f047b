"""Faults while something is saved: a process that dies at any byte, a disk that is full, a folder that refuses."""

import errno
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import autograd
import nn
from autograd import Value, files
from nn import demo, recipes
from nn.cli import main

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent


def graph():
    return (Value(2.0, "w") * Value(0.5, "x")).tanh()


def history(epochs):
    return nn.History([1.0] * epochs, learning_rate=[0.1] * epochs, seconds=[0.0] * epochs)


SAVERS = {
    "model.json": lambda path: nn.save(nn.MLP(1, [1], seed=2), path),
    "graph.svg": lambda path: autograd.draw(graph(), engine="builtin").save(path),
    "graph.dot": lambda path: autograd.draw(graph(), engine="builtin").save(path),
    "step.html": lambda path: autograd.stepper(graph()).save(path),
    "history.csv": lambda path: history(30).to_csv(path),
    "network.svg": lambda path: nn.draw_network(nn.MLP(2, [2, 1], seed=0)).save(path),
}
"""Everything that writes a file on its own; the file name is what its saver is called here."""


# ---- a process that dies ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The end of a process: nothing after it is done, no file is taken away."""


@pytest.mark.parametrize("name", ["model.json", "history.csv"])
def test_a_save_that_ends_at_any_byte_leaves_the_old_file(tmp_path, monkeypatch, name):
    path, old = tmp_path / name, b"what stood there before"
    SAVERS[name](path)
    new = path.read_bytes()
    path.write_bytes(old)
    real = open

    class Dying:
        limit = 0

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def write(self, data):
            self.file.write(data[: self.limit])
            self.file.close()
            raise Killed

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(files, "open", lambda *a: Dying(real(*a)), raising=False)
    monkeypatch.setattr(os, "unlink", lambda *_: None)
    for Dying.limit in range(len(new) + 1):
        with pytest.raises(Killed):
            SAVERS[name](path)
        assert path.read_bytes() == old
    monkeypatch.undo()
    assert sorted(len(file.read_bytes()) for file in tmp_path.glob(".*")) == [*range(len(new) + 1)]
    SAVERS[name](path)  # what the dead left is in nobody's way
    assert path.read_bytes() == new and len(new) > 200


DYING = """
import os, sys
sys.path[:0] = sys.argv[3:]
from test_faults import SAVERS
path, where = sys.argv[1:3]
real = os.replace
def replace_and_die(*names):
    real(*names)
    os._exit(9)
if where == "after replace":
    os.replace = replace_and_die
else:
    setattr(os, where, lambda *_: os._exit(9))
SAVERS["model.json"](path)
"""


@pytest.mark.parametrize("where", ["fsync", "replace", "after replace"])
def test_a_process_that_dies_between_the_steps_of_a_save(tmp_path, where):
    path, old, new = tmp_path / "model.json", nn.MLP(1, [1], seed=1), nn.MLP(1, [1], seed=2)
    nn.save(old, path)
    done = subprocess.run([sys.executable, "-c", DYING, path, where, ROOT, HERE], timeout=120, check=False)
    assert done.returncode == 9
    assert nn.load(path).state_dict() == (new if where == "after replace" else old).state_dict()


# ---- a file that may not grow -----------------------------------------------------------------------------------

LIMITED = """
import os, resource, sys
sys.path[:0] = sys.argv[2:]
from test_faults import SAVERS
os.chdir(sys.argv[1])
for name, save in SAVERS.items():
    with open(name, "wb") as file:
        file.write(b"old")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))
for name, save in SAVERS.items():
    try:
        save(name)
    except OSError as error:
        print(name, error)
"""


@pytest.mark.skipif(os.name == "nt", reason="the size of files is limited as POSIX systems do it")
def test_the_system_refuses_in_the_midst_of_a_write(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path, ROOT, HERE],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == list(SAVERS)
    assert all("File too large: nothing was saved, and what stood there before is unharmed" in line for line in lines)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == dict.fromkeys(SAVERS, b"old")


# ---- a folder that refuses --------------------------------------------------------------------------------------


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A folder in which no file can be made, for root too: `os.open` answers as the system does."""
    folder, real = tmp_path / "locked", os.open
    folder.mkdir()

    def refuse(path, flags, *arguments, **named):
        if flags & os.O_CREAT and Path(path).parent == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, flags, *arguments, **named)

    monkeypatch.setattr(os, "open", refuse)
    return folder


@pytest.mark.parametrize("name", SAVERS)
def test_a_folder_that_refuses_keeps_its_files(read_only, name):
    (read_only / name).write_bytes(b"old")
    with pytest.raises(PermissionError, match="Permission denied: nothing was saved") as caught:
        SAVERS[name](read_only / name)
    assert str(read_only / name) in str(caught.value)
    assert (read_only / name).read_bytes() == b"old" and os.listdir(read_only) == [name]


@pytest.mark.parametrize("name", SAVERS)
def test_a_folder_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        SAVERS[name](tmp_path / "nowhere" / name)
    assert os.listdir(tmp_path) == []


def test_the_demonstration_learns_it_before_the_work(read_only, monkeypatch, capsys):
    def fit(*_, **__):
        raise AssertionError("it trained first")

    monkeypatch.setattr(demo, "fit", fit)
    with pytest.raises(PermissionError, match="nothing can be saved here"):
        demo.run(read_only)
    with pytest.raises(PermissionError, match="nothing can be saved here"):
        recipes.train("four-points", read_only, say=str)
    assert os.listdir(read_only) == []
    for command in (["demo"], ["train", "four-points"]):
        assert main([*command, "-o", str(read_only)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("tracegrad: ") and "Permission denied: nothing can be saved here" in error
    assert main(["draw", "w*x", "w=1", "x=2", "-o", str(read_only / "graph.svg")]) == 2
    assert main(["step", "w*x", "w=1", "x=2", "-o", str(read_only / "step.html")]) == 2


def test_training_learns_it_before_the_first_step(read_only, tmp_path):
    model = nn.MLP(2, [1], seed=0)
    before = model.state_dict()
    for path in (read_only / "run.json", tmp_path / "nowhere" / "run.json"):
        with pytest.raises(OSError, match="nothing can be saved here"):
            nn.fit(
                model,
                nn.mse_loss,
                [[0.0, 1.0]],
                [1.0],
                nn.SGD(model.parameters(), 0.1),
                3,
                checkpoint=path,
                engine="eager",
            )
    assert model.state_dict() == before


def test_a_disk_that_fills_up_during_training_keeps_parameters_and_the_last_checkpoint(tmp_path, monkeypatch):
    model = nn.MLP(2, [1], seed=0)

    def fill_up(epoch):
        if epoch.number == 2:
            monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(errno.ENOSPC, "disk full")))

    path = tmp_path / "run.json"
    with pytest.raises(OSError, match="disk full: nothing was saved"):
        nn.fit(
            model, nn.mse_loss, [[0.0, 1.0]], [1.0], nn.SGD(model.parameters(), 0.1), 9, checkpoint=path,
            callbacks=[fill_up], progress=False, engine="eager",
        )  # fmt: skip
    assert nn.load(path).state_dict() != model.state_dict()  # the file is of epoch 2, the model went on to epoch 3
    monkeypatch.undo()
    nn.load(path, model)
    resumed = nn.fit(
        model, nn.mse_loss, [[0.0, 1.0]], [1.0], nn.SGD(model.parameters(), 0.1), 9, checkpoint=path, resume=True,
        progress=False, engine="eager",
    )  # fmt: skip
    assert resumed.epochs == 9


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders, and has other permissions")
def test_data_and_name_reach_the_disk(tmp_path, monkeypatch):
    real, flushed = os.fsync, []

    def fsync(number):
        flushed.append((number, os.fstat(number)))
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    mask = os.umask(0o020)
    try:
        files.write(tmp_path / "file", b"data")
    finally:
        os.umask(mask)
    (_, data), (folder, name) = flushed
    assert data.st_size == 4 and data.st_ino == (tmp_path / "file").stat().st_ino  # all of it, in what was renamed
    assert name.st_ino == tmp_path.stat().st_ino
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(folder)
    assert stat.S_IMODE(data.st_mode) == 0o646  # as `open` makes files: for everybody, less what the mask takes


def test_no_link_is_followed_and_no_file_overwritten_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0")
    (tmp_path / "victim").write_bytes(b"old")
    (tmp_path / ".file.0.tmp").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        files.write(tmp_path / "file", b"new")
    assert (tmp_path / "victim").read_bytes() == b"old" and not (tmp_path / "file").exists()


def test_trying_a_folder_leaves_nothing_in_it(tmp_path):
    files.check_folder(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_write_that_is_interrupted_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"old"


# ---- what stands there already ----------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
@pytest.mark.parametrize("name", SAVERS)
def test_a_file_keeps_its_permissions(tmp_path, name, mode):
    path = tmp_path / name
    path.write_bytes(b"old")
    path.chmod(mode)
    SAVERS[name](path)
    assert stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() != b"old"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_no_other_user_reads_a_private_file_on_the_way(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(0o600)
    seen, real = [], os.replace

    def replace(source, target):
        seen.append(stat.S_IMODE(os.stat(source).st_mode))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    files.write(tmp_path / "file", b"new")
    assert seen == [0o600]


@pytest.mark.parametrize("name", SAVERS)
def test_a_file_without_write_permission_is_kept(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="write-protected: nothing was saved"):
        SAVERS[name](path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", SAVERS)
def test_a_named_pipe_stays_one_and_hands_on_what_is_written(tmp_path, name):
    pipe, plain = tmp_path / name, tmp_path / f"plain {name}"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No program reads from this pipe"):
        SAVERS[name](pipe)
    SAVERS[name](plain)
    with open(tmp_path / "received", "wb") as received:
        reader = subprocess.Popen(["cat", pipe], stdout=received)
        keeper = os.open(pipe, os.O_WRONLY)  # returns as soon as the reader is there
        SAVERS[name](pipe)
        os.close(keeper)
        assert reader.wait(timeout=60) == 0
    assert (tmp_path / "received").read_bytes() == plain.read_bytes()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == sorted([name, plain.name, "received"])


def test_a_link_stays_a_link_and_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    files.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"new"
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="nothing was saved"):
        files.write(tmp_path / "folder", b"new")
