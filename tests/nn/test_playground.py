"""The playground without a browser: programs at work, the folder that is built, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nn import cli, playground
from nn.playground import RUNTIME, build, serve, server
from nn.playground.examples import EXAMPLES
from nn.playground.session import MOST_TEXT, Session


def told(program: str, **moved: float) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    Session(lambda message: messages.append(json.loads(message))).run(program, moved)
    assert messages[-1] == {"kind": "done"}
    return messages[:-1]


def text(messages: list[dict[str, Any]]) -> str:
    return "".join(message["text"] for message in messages if message["kind"] in ("text", "error"))


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_example_runs_and_shows_something(title: str) -> None:
    messages = told(EXAMPLES[title])
    assert messages and not [message for message in messages if message["kind"] == "error"]


def test_what_is_printed_and_what_the_last_line_gives() -> None:
    assert text(told("print('a')\nprint('b', end='')\n1 + 1")) == "a\nb2\n"
    assert told("x = 3") == told("") == told("None") == []
    assert text(told("show(1, 'two')")) == "1\n'two'\n"
    assert "Value" in text(told("from autograd import Value\nValue(2.0)"))  # a leaf has no graph to step through


def test_graphs_are_stepped_through_or_drawn_and_answers_are_pages() -> None:
    small, large = told(
        "from autograd import Value\nx = Value(1.0, 'x')\ny = x\nshow(x * x)\nfor i in range(80):\n    y = y * x + 1\ny"
    )
    assert small["kind"] == large["kind"] == "page"
    assert small["title"] == "Backpropagation through L, step by step" and "tracegradStart" in small["html"]
    assert "<svg" in large["html"] or "image/svg" in large["html"]
    (ledger,) = told("import autograd\nw = autograd.Value(2.0, 'w')\nL = w * w\nL.backward()\nautograd.ledger(L, w)")
    assert "Content-Security-Policy" in ledger["html"] and "comes from" in ledger["title"]


def test_sliders_begin_where_they_are_set_and_follow_what_was_dragged() -> None:
    program = "w = slider('w', 0.5, high=0.75)\nprint(w.data, w.label)"
    first, said = told(program)
    assert first == {"kind": "slider", "name": "w", "value": 0.5, "low": -0.5, "high": 0.75}
    assert said["text"] == "0.5 w\n"
    assert text(told(program, w=0.25)) == "0.25 w\n" and text(told(program, w=9.0)) == "0.75 w\n"


def test_errors_name_the_line_of_the_program_and_nothing_of_the_engine() -> None:
    (error,) = told("from autograd import Value\n\ndef f(x):\n    return x.log()\n\nf(Value(1.0)).shape")
    assert error["line"] == 6 and "AttributeError" in error["text"] and "session.py" not in error["text"]
    (error,) = told("x = 1\ny = (")
    assert error["line"] == 2 and "SyntaxError" in error["text"]
    (error,) = told("from autograd import Value\nValue('a')")
    assert error["line"] == 2 and "Value" in error["text"]
    printed, error = told("print('here')\nraise SystemExit(3)")
    assert printed["text"] == "here\n" and error["text"].endswith("SystemExit: 3\n") and error["line"] == 2
    *_, error = told("while True:\n    print('x' * 1000)")
    assert f"more than {MOST_TEXT:,} letters" in error["text"]


# ---- the folder -----------------------------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "runtime"
    folder.mkdir()
    for name in RUNTIME:
        (folder / name).write_text(name)
    return folder


def test_the_folder_holds_all_that_a_web_server_needs(tmp_path: Path, runtime: Path) -> None:
    target = build(tmp_path / "made", runtime)
    assert {path.name for path in (target / "pyodide").iterdir()} == set(RUNTIME)
    assert json.loads((target / "examples.json").read_text(encoding="utf-8")) == EXAMPLES
    page = (target / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert name == "data:," or (target / name).is_file()
    assert not re.search(r"https?://", page + (target / "app.js").read_text(encoding="utf-8"))
    build(target, runtime)  # once more, over the old one
    with zipfile.ZipFile(target / "tracegrad.zip") as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "there")
    assert not [name for name in names if name.endswith((".so", ".c", ".pyc"))]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGES], cwd=tmp_path / "there", check=True,
        env={**os.environ, "TRACEGRAD_PURE": "1"},
    )  # fmt: skip


WITHOUT_PACKAGES = """
import sys
sys.path.insert(0, ".")
sys.modules["numpy"] = sys.modules["graphviz"] = sys.modules["tqdm"] = None
import json
from nn.playground.examples import EXAMPLES
from nn.playground.session import Session
found = []
for program in EXAMPLES.values():
    Session(found.append).run(program)
assert not [message for message in found if json.loads(message)["kind"] == "error"], found
"""


def test_it_is_served_on_this_machine_with_the_right_types(tmp_path: Path, runtime: Path) -> None:
    with server(build(tmp_path / "made", runtime)) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{running.server_port}/"
        for name, kind in [("", "text/html"), ("app.js", "text/javascript"), ("pyodide/pyodide.mjs", "text/javascript"),
                           ("pyodide/pyodide.asm.wasm", "application/wasm")]:  # fmt: skip
            with urllib.request.urlopen(address + name) as answer:
                assert answer.headers["Content-Type"].startswith(kind)
        running.shutdown()
        thread.join()


def test_what_cannot_be_built_is_refused_and_touches_nothing(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        build(full, runtime)
    assert [path.name for path in full.iterdir()] == ["thesis.txt"]
    (runtime / "pyodide.mjs").unlink()
    with pytest.raises(FileNotFoundError, match=r"is not Pyodide's folder: it has no pyodide\.mjs"):
        build(tmp_path / "none", runtime)
    assert not (tmp_path / "none").exists()
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="npm, which would download it, is not on PATH"):
        build(tmp_path / "none")
    monkeypatch.setattr("shutil.which", lambda name: sys.executable)  # an npm that fails
    with pytest.raises(RuntimeError, match="npm could not download pyodide@"):
        build(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_command(
    tmp_path: Path, runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["playground", "--build", str(tmp_path / "made"), "--runtime", str(runtime)]) == 0
    assert "copy it to any web server" in capsys.readouterr().out

    def interrupted(self: Any, poll_interval: float = 0.5) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(playground.ThreadingHTTPServer, "serve_forever", interrupted)
    assert cli.main(["playground", "--port", "0", "--runtime", str(runtime)]) == 0
    assert re.search(r"The playground is at http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)", capsys.readouterr().out)
    serve(0, runtime)


def test_standard_output_comes_back() -> None:
    before = sys.stdout
    told("print('x')\n1 / 0")
    assert sys.stdout is before
