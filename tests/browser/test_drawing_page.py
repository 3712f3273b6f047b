"""Drawings as Chromium draws them, with the fonts that it finds."""

import pytest
from drawn import SHEET, overlapping

from autograd import draw

# the box of every text as it is drawn: the height of a digit rather than that of the font's line
BOXES = """() => [...document.querySelectorAll("text")].filter(t => t.textContent.trim()).map(t => {
    const box = t.getBoundingClientRect(), size = parseFloat(getComputedStyle(t).fontSize);
    const middle = (box.top + box.bottom) / 2;
    return [box.left, middle - 0.45 * size, box.right, middle + 0.45 * size, t.textContent];
})"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SHEET if name not in ("60 steps", "tangled")])
def test_no_two_texts_overlap(browser, name):
    root = SHEET[name]()
    root.backward()
    page = browser.new_page()
    for fold in (None, "neuron", "layer") if "-" in name else (None,):
        page.set_content(draw(root, fold=fold, engine="builtin").svg())
        assert overlapping(page.evaluate(BOXES)) == [], fold
    page.close()
