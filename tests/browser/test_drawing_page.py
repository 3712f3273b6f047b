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


@pytest.fixture
def folded(watched, tmp_path):
    root = SHEET["2-16-16-1"]()
    root.backward()
    page = watched.open(draw(root).save(tmp_path / "drawing.html"))
    yield page
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.slow
def test_a_click_on_a_folded_box_shows_what_is_in_it(folded):
    box = folded.get_by_role("button", name="Unfold a¹₃: 8 nodes")
    section = folded.locator("section[aria-label='a¹₃: 8 nodes']")
    hidden = "() => document.querySelectorAll('section:not([hidden])').length"
    assert folded.evaluate(hidden) == 0 and box.get_attribute("aria-expanded") == "false"
    box.click()
    assert box.get_attribute("aria-expanded") == "true" and folded.evaluate(hidden) == 1
    names = section.locator(".node .label").all_text_contents()
    assert {"x₁", "x₂", "w¹₃₁", "w¹₃₂", "b¹₃", "a¹₃"} <= set(names)
    box.press("Enter")
    assert folded.evaluate(hidden) == 0
    box.press(" ")
    folded.get_by_role("button", name="Fold", exact=True).click()
    assert folded.evaluate(hidden) == 0 and box.evaluate("box => box === document.activeElement")


@pytest.mark.slow
def test_a_drawing_on_a_page_zooms(folded):
    picture = folded.locator(".view > svg").first
    natural = picture.bounding_box()["width"]
    folded.get_by_role("button", name="Zoom in").click()
    assert picture.bounding_box()["width"] == pytest.approx(1.25 * natural)
    folded.set_viewport_size({"width": 600, "height": 900})
    folded.get_by_role("button", name="Fit").click()
    assert picture.bounding_box()["width"] <= 600
    folded.get_by_role("button", name="1:1").click()
    assert picture.bounding_box()["width"] == pytest.approx(natural)
