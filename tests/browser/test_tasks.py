"""What a person wants to know from a page, read off it as a person would: without a look into the program."""

from __future__ import annotations

import pytest

import autograd
from autograd import GradcheckError, Value

pytestmark = pytest.mark.slow


def test_find_the_path_that_carries_most_of_a_gradient(watched, tmp_path):
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.3, "b")
    h = (w * x + b).tanh()
    h.label = "h"
    ledger = autograd.ledger(h * b + w * w * 0.1, w)
    page = watched.open(ledger.save(tmp_path / "ledger.html"))
    rows = [[cell.inner_text() for cell in row.locator("td").all()] for row in page.locator("tbody tr").all()]
    shares = [float(row[2].replace("%", "").replace("−", "-")) for row in rows if "%" in row[2]]
    largest = max(range(len(shares)), key=lambda i: abs(shares[i]))
    assert "h" in rows[largest][3] and rows[largest][3].startswith("w")
    products = [float(row[1].replace("−", "-")) for row in rows if "%" in row[2]]
    assert products[largest] == pytest.approx(b.data * (1 - h.data**2) * x.data, rel=1e-3)


def test_find_the_first_wrong_edge(watched, tmp_path):
    cubed = autograd.register("cubed", "x * x * x", "3.3 * x * x")

    def f(x: Value, y: Value) -> Value:
        return cubed(x * y).tanh() + x

    with pytest.raises(GradcheckError) as caught:
        autograd.gradcheck(f, [0.7, 0.9])
    page = watched.open(caught.value.report.save(tmp_path / "check.html"))
    text = page.locator("main").inner_text()
    assert "First wrong operation: cubed(0.63)" in text and "stored / numeric = 1.1" in text
