"""Pages on paper: what a browser prints, and what is said where there is none."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from autograd import paper, practice
from autograd.explain import Sheet

SHEET = [practice("paths", 1, seed) for seed in range(4)] + [practice("matrix form", 1, seed) for seed in range(4)]


@pytest.fixture
def browser() -> str:
    found = paper.browser()
    if found is None:
        pytest.skip("no browser: neither Chromium nor Chrome is on PATH (TRACEGRAD_BROWSER names another)")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("size", "box"), [("A4", (595, 842)), ("letter", (612, 792))])
def test_a_sheet_is_printed_with_hints_and_answers_on_pages_of_their_own(
    browser: str, tmp_path: Path, size: str, box: tuple[int, int]
) -> None:
    data = Sheet(SHEET, paper=size).save(tmp_path / "sheet.pdf").read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    pages = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert {(round(float(w)), round(float(h))) for w, h in pages} == {box}
    assert len(pages) >= 3


def test_without_a_browser_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACEGRAD_BROWSER", str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match=r"none was found: install Chromium, Chrome or Edge, .*save as \.html"):
        Sheet(SHEET).save(tmp_path / "sheet.pdf")
    assert not list(tmp_path.iterdir()), "nothing half written"


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the browser")
@pytest.mark.parametrize("does", ["exit 3", "exit 0"])
def test_a_browser_that_prints_nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str) -> None:
    program = tmp_path / "browser"
    program.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("TRACEGRAD_BROWSER", str(program))
    with pytest.raises(RuntimeError, match=rf"{program} did not print the page"):
        SHEET[0].save(tmp_path / "sheet.pdf")
    assert [*tmp_path.iterdir()] == [program]


def test_the_page_that_is_printed_has_a_size_and_a_policy_that_lets_it_be() -> None:
    sheet = Sheet(SHEET, paper="letter")
    page = sheet.page()
    assert "@page { size: letter" in page and "'sha256-" in page and "unsafe-inline" not in page
    assert page.count("<details>") == 2 and page.index(">Hints<") < page.index(">Answers<")
    assert sheet._document("letter").count("<details open>") == 2, "folded away on the screen, printed on paper"
    assert "@page" not in SHEET[0].page(), "a page for the screen leaves the size to the printer"
