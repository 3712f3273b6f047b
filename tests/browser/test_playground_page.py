"""The playground in a real browser, from a server on this machine: Python, results, links, stopping, hostile programs.

The environment variable TRACEGRAD_PYODIDE names the folder of the npm package ``pyodide``.
"""

import base64
import os
import re
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from samples import HOSTILE

import autograd
from nn.playground import build, server

pytestmark = pytest.mark.slow
SECONDS = 120_000


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    runtime = os.environ.get("TRACEGRAD_PYODIDE", "")
    if not Path(runtime, "pyodide.mjs").is_file():
        pytest.skip("no Pyodide: TRACEGRAD_PYODIDE names no folder of the npm package pyodide")
    folder = build(tmp_path_factory.mktemp("playground") / "site", runtime)
    with server(folder) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.fixture
def opened(watched, address):
    watched.page.goto(address)
    finished(watched.page)
    yield watched.page
    assert watched.complaints == []
    elsewhere = [url for url in watched.requests if not url.startswith((address, "blob:", "data:", "about:"))]
    assert all("/secret" in url for url in elsewhere), elsewhere


def finished(page, said="Done."):
    page.locator("#state", has_text=said).wait_for(timeout=SECONDS)


def run(page, program):
    page.get_by_label("Your program").fill(program)
    page.get_by_role("button", name="Run").click()
    page.locator("#stop:disabled").wait_for(timeout=SECONDS)
    finished(page)
    return page.locator("#results").inner_text().strip()


FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "atan", "sqrt", "erf", "sigmoid", "softplus")


def test_a_student_opens_it_types_steps_and_sees_the_numbers_of_cpython(opened):
    frame = opened.frame_locator("iframe")
    frame.get_by_role("button", name="Last step").click()
    w, x, b = autograd.Value(0.5, "w"), autograd.Value(2.0, "x"), autograd.Value(-0.3, "b")
    assert frame.locator(".sentence").inner_text() == autograd.stepper(autograd.tanh(w * x + b)).frames[-1].sentence
    program = "from autograd import Value\nx, y = Value(0.1), Value(0.7)\n" + "\n".join(
        f"r = {formula}\nr.backward()\nprint(r.data.hex(), x.grad.hex())\nx.grad = 0.0"
        for formula in ("x + y", "x - y", "x * y", "x / y", "y.sqrt() + x", *(f"x.{name}()" for name in FUNCTIONS))
    )
    found = run(opened, program).split()
    printed = []
    exec(program, {"print": lambda *words: printed.extend(words)})
    assert len(found) == len(printed) == 2 * (5 + len(FUNCTIONS))
    assert found[:10] == printed[:10]  # arithmetic: the same bits
    for theirs, ours in zip(found, printed):
        assert float.fromhex(theirs) == pytest.approx(float.fromhex(ours), rel=4.5e-16)


def test_training_sliders_and_errors(opened):
    opened.get_by_label("Example").select_option("XOR")
    opened.get_by_text("[1, 1] is 0").wait_for(timeout=SECONDS)
    assert "epoch 100   loss 0.00" in opened.locator("#results").inner_text()
    assert run(opened, "v = slider('v', 1.0)\nprint(v.data * 2)") == "2.0"
    opened.get_by_role("slider", name="v").fill("2.5")
    opened.locator("#results", has_text="5.0").wait_for(timeout=SECONDS)
    said = run(opened, "x = 1\ny = x.nothing\n")
    assert "AttributeError" in said and opened.locator("#lines .wrong").inner_text() == "2"


@pytest.mark.parametrize(("example", "epochs", "said"), [("Moons", 40, "#" * 40), ("Iris", 15, "setosa 10 0 0")])
def test_fit_trains_without_numpy(opened, example, epochs, said):
    opened.get_by_label("Example").select_option(example)
    opened.locator("#results", has_text=said).wait_for(timeout=SECONDS)
    finished(opened)
    history = opened.frame_locator("iframe").first.locator("main").inner_text()
    accuracy = re.search(rf"{epochs} epochs, .* accuracy ([\d.]+).*; all {epochs} epochs done", history)
    assert accuracy and float(accuracy[1]) >= 0.97


def test_what_needs_numpy_says_so(opened):
    said = run(opened, "import autograd\nautograd.compile(lambda x: x * x, [()])")
    assert "ImportError: autograd.compile needs the package numpy: pip install numpy" in said


def test_a_link_carries_the_program(opened, address, watched):
    program = "print('Grüße, ∂L/∂w', 6 * 7)"
    run(opened, program)
    opened.get_by_role("button", name="Copy link").click()
    link = opened.evaluate("location.href")
    opened.goto("about:blank")
    opened.goto(link)
    opened.get_by_text("Grüße, ∂L/∂w 42").wait_for(timeout=SECONDS)
    assert opened.get_by_label("Your program").input_value() == program
    opened.goto("about:blank")
    opened.goto(f"{address}#%%%")
    opened.get_by_text("The link is damaged").wait_for(timeout=SECONDS)


def test_a_program_without_end_is_stopped_and_the_page_goes_on(opened):
    opened.get_by_label("Your program").fill("while True:\n    pass")
    opened.get_by_role("button", name="Run").click()
    opened.get_by_label("Example").focus()  # the page answers
    opened.get_by_role("button", name="Stop").click()
    finished(opened, "Ready.")
    assert run(opened, "print(1 + 1)") == "2"


def test_hostile_programs_and_labels_are_text(opened):
    page = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    assert page in run(opened, f"print({page!r})")
    run(opened, f"from autograd import Value\nValue(1.0, {HOSTILE[1]!r}) * Value(2.0, {page!r})")
    opened.frame_locator("iframe").locator(".controls").wait_for()
    assert [frame.evaluate("window.hacked") for frame in opened.frames] == [None] * len(opened.frames)
    link = base64.urlsafe_b64encode(page.encode()).decode().rstrip("=")
    opened.evaluate(f"location.hash = '{link}'")
    assert opened.evaluate("window.hacked") is None


def test_no_request_reaches_another_server(opened):
    asked = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        program = (
            "import js\nx = js.XMLHttpRequest.new()\nx.open('GET', 'http://127.0.0.1:{}/{}', False)\nx.send()\nx.status"
        )
        said = run(opened, program.format(other.server_port, "secret"))
        assert "NetworkError" in said
        with urllib.request.urlopen(f"http://127.0.0.1:{other.server_port}/here"):
            other.shutdown()
    assert asked == ["/here"]
