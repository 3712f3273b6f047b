"""The documentation site under axe-core, in light and dark.

The environment variable TRACEGRAD_SITE names the folder that ``python -m sphinx`` built.
"""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PAGES = (
    "index",
    "howto",
    "lectures",
    "outgrow",
    "reference/nn",
    "notebooks/4_neuron_to_mlp",
    "notebooks/lecture_a_iris",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_of_the_site_has_a_violation(axe, browser, name, scheme):
    site = Path(os.environ.get("TRACEGRAD_SITE") or "none").absolute()
    if not site.is_dir():
        pytest.skip("no site: TRACEGRAD_SITE names no folder")
    page = browser.new_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto((site / f"{name}.html").as_uri())
    page.evaluate(f"{axe};0")
    found = page.evaluate("axe.run({iframes: false})")["violations"]
    page.close()
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
