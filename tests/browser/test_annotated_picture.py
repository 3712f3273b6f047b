"""The annotated derivation as a browser sets it, with its own fonts: nothing runs into anything."""

from itertools import combinations

import pytest

import autograd
import nn

pytestmark = pytest.mark.slow

BOXES = """() => [...document.querySelectorAll('svg g.equation')].map(equation =>
    [...equation.querySelectorAll(':scope > text, :scope > g')].map(part => {
        const box = part.getBBox();
        return [part.textContent, box.x, box.y, box.x + box.width, box.y + box.height];
    }).filter(box => box[0]))"""


def pictures():
    model = nn.MLP(4, [5, 3], "relu", "softmax", seed=4)
    root = nn.log_loss(nn.trace(model, [0.5, -1.0, 0.8, 0.3]), 1)
    for form in ("matrix", "deltas", "jacobians"):
        yield autograd.derivation(root, names="lecture A", form=form).annotated()
    yield autograd.derivation(root, model.layers[0].neurons[0].weights[0], "lecture A").annotated()


def overlap(a, b, room=1.0):
    """Whether two boxes meet by more than the bearings of their glyphs."""
    return min(a[2], b[2]) - max(a[0], b[0]) > room and min(a[3], b[3]) - max(a[1], b[1]) > 5 * room


def test_nothing_overlaps_in_a_browser(browser):
    page = browser.new_page()
    found = []
    for picture in pictures():
        page.set_content(picture.svg())
        equations = page.evaluate(BOXES)
        assert len(equations) == len(picture.equations)
        for boxes in equations:
            found += [(a[0], b[0]) for a, b in combinations(boxes, 2) if overlap(a[1:], b[1:])]
    page.close()
    assert found == []
