"""Hostile labels, names and source lines in a real browser: with the pages' policy, and without it."""

import pytest
from hostile import FRAGMENTS, PAGES

pytestmark = pytest.mark.slow

BARE = '<!doctype html><html><head><meta charset="utf-8"><title>bare</title></head><body>{}</body></html>'
RUNS = """() => [
    ...document.querySelectorAll('iframe, object, embed, base, link, form, foreignObject, a[href], set, animate'),
    ...[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a =>
        a.name.startsWith('on') || /^(javascript|vbscript|data:text)/i.test(a.value.trim()))),
    ...[...document.querySelectorAll('img, image')].filter(e => !(e.src || '').startsWith('data:image/')),
].map(e => e.outerHTML.slice(0, 200))"""


def look(watched, file, scripts):
    """Open a file; everything that could run, is said to have run, or was asked of the network."""
    page = watched.open(file)
    page.mouse.move(300, 200)
    page.mouse.click(300, 200)
    assert page.evaluate(RUNS) == []
    assert page.evaluate("() => document.querySelectorAll('script').length") == scripts
    assert page.evaluate("() => window.hacked") is None
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith(("file:", "data:"))] == []
    return page


@pytest.mark.parametrize("make", FRAGMENTS, ids=lambda make: make.__name__)
def test_a_fragment_runs_nothing_even_without_a_policy(make, watched, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(BARE.format(make()), encoding="utf-8")
    look(watched, file, scripts=0)


@pytest.mark.parametrize("make", [make for make in FRAGMENTS if make.__name__.startswith(("drawing", "diagram"))])
def test_a_saved_picture_runs_nothing_when_it_is_opened_itself(make, watched, tmp_path):
    text = make()
    if not text.startswith("<div"):  # an image in a page has no file of its own
        file = tmp_path / "picture.svg"
        file.write_text(text, encoding="utf-8")
        look(watched, file, scripts=0)


@pytest.mark.parametrize("make", PAGES, ids=lambda make: make.__name__)
def test_a_saved_page_runs_its_own_script_alone(make, watched, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(make(), encoding="utf-8")
    look(watched, file, scripts=make().count("<script"))
