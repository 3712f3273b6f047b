"""Pages under axe-core: names, headings, landmarks, contrast, in light and dark."""

import pytest

from tests.helpers.pages import answers

pytestmark = pytest.mark.slow


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
