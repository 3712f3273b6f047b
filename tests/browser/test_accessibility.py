"""Pages under axe-core: names, headings, landmarks, contrast, in light and dark.

The environment variable TRACEGRAD_AXE names the file ``axe.min.js`` of the npm package ``axe-core``.
"""

import os
from pathlib import Path

import pytest

import autograd
import nn
from autograd import Value

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def axe():
    script = Path(os.environ.get("TRACEGRAD_AXE") or "none")
    if not script.is_file():
        pytest.skip("no axe-core: TRACEGRAD_AXE names no axe.min.js")
    return script.read_text(encoding="utf-8")


def answers():
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.3, "b")
    root = (w * x + b).tanh() * w
    root.backward()
    model = nn.MLP(2, [3, 1], "tanh", seed=0)
    optimizer = nn.SGD(model.parameters(), 0.1)
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]
    yield "stepper", autograd.stepper(root)
    yield "ledger", autograd.ledger(root, w)
    yield "derivation", autograd.derivation(root, w)
    yield "drawing", autograd.draw(root)
    yield "diagnosis", autograd.diagnose(root, w, 0.3)
    yield "gradient check", autograd.gradcheck(lambda a, b: (a * b).tanh(), [0.5, 2.0])
    yield "practice", autograd.practice("chain rule", 1, 0)
    yield "network", nn.draw_network(model)
    yield "history", nn.fit(model, nn.mse_loss, X, y, optimizer, epochs=3, progress=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_violation(axe, browser, tmp_path, scheme):
    page = browser.new_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found = []
    for name, answer in answers():
        written = answer.page().replace('http-equiv="Content-Security-Policy"', "")  # which would keep axe out too
        path = tmp_path / f"{name}.html"
        path.write_text(written, encoding="utf-8")
        page.goto(path.as_uri())
        page.evaluate(f"{axe};0")
        found += [(name, each["id"], each["nodes"][0]["html"]) for each in page.evaluate("axe.run()")["violations"]]
    page.close()
    assert found == []
