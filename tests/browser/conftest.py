"""A real headless Chromium for the tests of pages; they are skipped, and say why, where there is none.

The environment variable TRACEGRAD_BROWSER names a Chromium or Chrome to use instead of the one on PATH.
"""

import os
from pathlib import Path

import pytest

from autograd import paper

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def program():
    """The browser to use; skips the test if there is none."""
    found = paper.browser()
    if found is None:
        pytest.skip("no browser: neither Chromium nor Chrome is on PATH, and TRACEGRAD_BROWSER names none")
    return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    executable = program()
    with playwright.sync_playwright() as running:
        # a persistent context is the one that takes a user-data folder of its own
        profile = tmp_path_factory.mktemp("profile")
        context = running.chromium.launch_persistent_context(
            str(profile),
            executable_path=executable,
            args=FLAGS,
            viewport={"width": 1200, "height": 900},
            timeout=60_000,
        )
        context.set_default_timeout(30_000)  # for busy machines; nothing here takes a second on a free one
        yield context
        context.close()


class Watched:
    """A page, and everything it complained about or asked the network for."""

    def __init__(self, page):
        self.page = page
        self.complaints = []
        self.requests = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path):
        self.page.goto(path.as_uri())
        return self.page

    def check(self):
        """Nothing was complained about, and nothing was asked of the network."""
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:", "about:"))] == []


@pytest.fixture
def watched(browser):
    page = browser.new_page()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    yield Watched(page)
    page.close()


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core: TRACEGRAD_AXE names the file ``axe.min.js`` of the npm package ``axe-core``."""
    script = Path(os.environ.get("TRACEGRAD_AXE") or "none")
    if not script.is_file():
        pytest.skip("no axe-core: TRACEGRAD_AXE names no axe.min.js")
    return script.read_text(encoding="utf-8")
