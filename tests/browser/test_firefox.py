"""The pages in a real Firefox: they load without a complaint, fit, step by key, and the playground computes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import autograd
import nn
from autograd import Value
from nn.playground import build, server
from tests.helpers import firefox
from tests.helpers.pages import answers

pytestmark = pytest.mark.slow

STEP = "document.querySelector('.tracegrad-stepper .sentence').textContent"
ROW = ".tracegrad-stepper tbody tr"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with firefox.running(tmp_path_factory.mktemp("firefox")) as found:
        yield found


@pytest.fixture
def tab(running):
    opened = firefox.Tab(running)
    opened.size(1280, 720)
    yield opened
    opened.close()
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(LOCAL)] == []


LOCAL = ("file:", "data:", "about:", "blob:", "http://127.0.0.1:")


def test_every_page_opens_and_fits(tab, tmp_path):
    for name, answer in answers():
        path = tmp_path / f"{name}.html"
        path.write_text(answer.page(), encoding="utf-8")
        for size in ((1280, 720), (390, 844)):
            tab.size(*size)
            tab.open(path)
            assert tab.evaluate("document.body.innerText.trim().length") > 10, name
            assert tab.evaluate(WIDER) <= 0, (name, size)


def test_every_step_says_what_the_engine_does(tab, tmp_path):
    x1, x2, w1, w2 = Value(0.5, "x1"), Value(-1.0, "x2"), Value(2.0, "w1"), Value(0.3, "w2")
    root = ((w1 * x1 + w2 * x2).tanh() * w1 - 1) ** 2
    stepper = autograd.stepper(root)
    tab.open(stepper.save(tmp_path / "steps.html"))
    tab.until("document.querySelector('.tracegrad-stepper .controls')")
    tab.click(".tracegrad-stepper .viewport")
    tab.press("Home")
    for frame in stepper.frames:
        assert tab.evaluate(STEP) == frame.sentence
        tab.press("ArrowRight")
    tab.press("Home", "End")
    assert tab.evaluate(STEP) == stepper.frames[-1].sentence
    shown = tab.evaluate(f"[...document.querySelectorAll('{ROW}')].map(row => row.cells[3].dataset.exact)")
    assert [*map(float, shown)] == autograd.grad(root, [node for node in stepper.order if node.op != "constant"])


def test_a_training_is_watched_step_by_step(tab, tmp_path):
    model = nn.MLP(2, [3, 1], "tanh", seed=1)
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    history = nn.fit(model, nn.binary_cross_entropy, X, y, optimizer, epochs=5, record=True, progress=False)
    tab.open(nn.watch(history).save(tmp_path / "watch.html"))
    tab.until("document.querySelector('.tracegrad-watch .controls')")
    tab.click(".tracegrad-watch h2")
    tab.press("Home")
    for step in history.recording.steps:
        assert float(tab.evaluate("document.querySelector('.where').dataset.loss")) == step.loss
        written = history.recording.written(step, history.recording.names[0])
        assert tab.evaluate("document.querySelector('.weights pre').textContent") == written
        tab.press("ArrowRight")
    right = sum((score > 0) == label for score, label in zip(model.predict(X).tolist(), y))
    assert tab.evaluate("document.querySelector('.right').textContent") == f"{right} of 4 right"


def test_an_exercise_is_answered(tab, tmp_path):
    exercise = autograd.practice("chain rule", 1, 0)
    path = tmp_path / "practice.html"
    path.write_text(exercise.page(), encoding="utf-8")
    tab.open(path)
    before = tab.evaluate("document.body.innerText")
    tab.click("summary")
    assert len(tab.evaluate("document.body.innerText")) > len(before)


def test_the_playground_computes_what_cpython_does(tab, tmp_path):
    runtime = os.environ.get("TRACEGRAD_PYODIDE", "")
    if not Path(runtime, "pyodide.mjs").is_file():
        pytest.skip("no Pyodide: TRACEGRAD_PYODIDE names no folder of the npm package pyodide")
    lines = ["x = Value(0.7)", "y = x * x / 3", "y.backward()"]
    program = "\n".join(["from autograd import Value", *lines, "print(y.data.hex(), x.grad.hex())"])
    x = Value(0.7)
    y = x * x / 3
    y.backward()
    with server(build(tmp_path / "site", runtime)) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        tab.open(f"http://127.0.0.1:{serving.server_port}/")
        tab.until("document.querySelector('#state').textContent.includes('Done.')")
        tab.evaluate(f"document.querySelector('textarea').value = {program!r}")
        tab.evaluate("document.querySelector('textarea').dispatchEvent(new Event('input', {bubbles: true}))")
        tab.click("#run")
        tab.until(f"document.querySelector('#results').innerText.includes('{y.data.hex()} {x.grad.hex()}')")
        serving.shutdown()
