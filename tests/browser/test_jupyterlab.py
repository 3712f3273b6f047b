"""The stepper in JupyterLab itself: trusted, untrusted, and the widget with a kernel behind it.

Runs where `jupyter-lab` is on PATH, or where the environment variable TRACEGRAD_JUPYTERLAB names it; its kernel needs
anywidget for the widget's part.
"""

import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

import autograd
from autograd import Value

pytestmark = pytest.mark.slow

TOKEN = "tracegrad"
SOURCE = """import autograd
from autograd import Value
w, x = Value(0.5, "w"), Value(2.0, "x")
y = (w * x).tanh()
"""
PATIENCE = 60_000


def notebook(cells):
    """A notebook file: (source, outputs) per cell."""
    return {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [{"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "source": source, "outputs": outputs,
                   "execution_count": None} for i, (source, outputs) in enumerate(cells)],
    }  # fmt: skip


@pytest.fixture(scope="module")
def laboratory(browser, tmp_path_factory):
    """The address of a JupyterLab whose files, settings and signatures are in temporary folders."""
    program = shutil.which(os.environ.get("TRACEGRAD_JUPYTERLAB", "jupyter-lab"))
    if program is None:
        pytest.skip("no jupyter-lab on PATH: pip install jupyterlab (or TRACEGRAD_JUPYTERLAB names the program)")
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    w = Value(0.5, "w")
    y = (w * Value(2.0, "x")).tanh()
    answers = [autograd.stepper(y), autograd.derivation(y, w), autograd.formula(y**2)]
    data = [{"text/plain": repr(shown), "text/html": shown._repr_html_()} for shown in answers]
    result = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
    outputs = [{**result, "data": shown} for shown in data]
    (root / "untrusted.ipynb").write_text(json.dumps(notebook([("autograd.stepper(y)", outputs)])))
    (root / "trusted.ipynb").write_text(json.dumps(notebook([(SOURCE + "autograd.stepper(y)", []), ("1 + 1", [])])))
    (root / "mathematics.ipynb").write_text(json.dumps(notebook([(SOURCE + "autograd.derivation(y, w)", [])])))
    widget = SOURCE + "widget = autograd.stepper(y).widget()\nwidget"
    after = "print('w is', w.data, 'and y is', y.data, 'at frame', widget.frame)\nw.data = 1.5\nwidget.refresh()"
    (root / "widget.ipynb").write_text(json.dumps(notebook([(widget, []), (after, [])])))
    kinds = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    folders = {f"JUPYTER_{kind}": str(home / kind) for kind in kinds}
    folders |= {f"JUPYTERLAB_{kind}_DIR": str(home / kind) for kind in ("SETTINGS", "WORKSPACES")}
    notices = home / "SETTINGS" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True)
    (notices / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    project = str(pathlib.Path(autograd.__file__).parents[1])
    environment = os.environ | folders | {"HOME": str(home), "IPYTHONDIR": str(home), "PYTHONPATH": project}
    options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"]  # fmt: skip
    with (home / "log").open("w") as log:
        server = subprocess.Popen([program, *options], env=environment, stdout=log, stderr=log, cwd=root)
    try:
        yield _address(server, pathlib.Path(folders["JUPYTER_RUNTIME_DIR"]), home / "log")
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address(server, runtime, log):
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                url = json.loads(file.read_text())["url"]
                urllib.request.urlopen(f"{url}api/status?token={TOKEN}", timeout=5).close()
            except (OSError, ValueError):
                continue
            return url
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def lab(laboratory, browser):
    """Opens a notebook of the laboratory; gives its page."""
    pages = []

    def open_(name, kernel=True):
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        pages.append(page)
        page.goto(f"{laboratory}lab/workspaces/{name}/tree/{name}.ipynb?token={TOKEN}&reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        if kernel:
            page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
        return page

    yield open_
    for page in pages:
        page.close()


def run_all(page):
    page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def test_an_untrusted_notebook_shows_the_static_picture(lab):
    page = lab("untrusted", kernel=False)
    image = page.locator(".jp-OutputArea-output img")
    image.wait_for()
    assert image.get_attribute("src").startswith("data:image/svg+xml;base64,")
    assert image.evaluate("image => image.complete && image.naturalWidth") > 300
    assert "∂L/∂w" in image.get_attribute("alt")
    assert page.locator(".jp-OutputArea-output .controls").count() == 0


def test_an_untrusted_notebook_shows_mathematics_as_text(lab):
    page = lab("untrusted", kernel=False)
    page.locator(".jp-OutputArea-output .tracegrad-text").first.wait_for()
    derivation, formula = page.locator(".jp-OutputArea-output .tracegrad-text").all_inner_texts()
    assert "∂L/∂w = ∂L/∂v₁ · ∂v₁/∂w\n        = ∂L/∂v₁ · x\n        = (1 − L²) · x" in derivation
    assert formula.strip() == "tanh(w · x)²"
    assert not any(shown.is_visible() for shown in page.locator(".jp-OutputArea-output .tracegrad-math").all())


def test_a_trusted_notebook_shows_mathematics(lab):
    page = lab("mathematics")
    run_all(page)
    page.locator(".jp-OutputArea-output math").first.wait_for()
    assert page.locator(".jp-OutputArea-output math").first.is_visible()
    assert not page.locator(".jp-OutputArea-output .tracegrad-text").first.is_visible()


def test_a_trusted_notebook_steps_and_keeps_its_keys(lab):
    page = lab("trusted")
    run_all(page)
    host = page.locator(".jp-OutputArea-output .tracegrad-stepper")
    host.locator(".controls").wait_for()
    host.get_by_role("button", name="Next step").click()
    assert host.locator(".sentence").inner_text() == "v₁ = w · x = 0.5 · 2 = 1."
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    host.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "d", "d", "a", "x"):
        page.keyboard.press(key)
    assert host.locator(".count").inner_text() == "Step 3 of 8"
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    page.keyboard.press("End")
    assert host.locator(".sentence").inner_text() == "Done: ∂L/∂w = 0.8399 and ∂L/∂x = 0.21."
    width = host.evaluate("host => host.scrollWidth - host.clientWidth")
    assert width <= 0


def test_the_widget_edits_the_graph_in_the_kernel(lab):
    kernel = pathlib.Path(shutil.which(os.environ.get("TRACEGRAD_JUPYTERLAB", "jupyter-lab"))).with_name("python")
    python = str(kernel) if kernel.exists() else sys.executable
    if subprocess.run([python, "-c", "import anywidget"], capture_output=True, check=False).returncode:
        pytest.skip("JupyterLab's Python has no anywidget: pip install anywidget")
    page = lab("widget")
    page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    host = page.locator(".tracegrad-stepper")
    host.locator(".controls").wait_for()
    host.get_by_role("button", name="Next step").click()
    typed = host.get_by_role("spinbutton", name="Value of w")
    typed.fill("2.5")
    typed.press("Enter")
    host.get_by_text("v₁ = w · x = 2.5 · 2 = 5.", exact=True).wait_for()
    drag = host.get_by_role("slider", name="Value of x, to drag")
    drag.fill("3")
    host.get_by_text("v₁ = w · x = 2.5 · 3 = 7.5.", exact=True).wait_for()
    page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text(f"w is 2.5 and y is {math.tanh(7.5)!r} at frame 1", exact=False).wait_for()
    host.get_by_text("v₁ = w · x = 1.5 · 3 = 4.5.", exact=True).wait_for()
