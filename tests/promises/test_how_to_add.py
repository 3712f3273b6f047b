"""docs/how_to_add.md is run, section by section: the page is the test."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from autograd.explain import misconceptions

PAGE = Path(__file__).parents[2] / "docs" / "how_to_add.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = {section.partition("\n")[0]: section for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]}


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_does_what_it_says(title: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(misconceptions, "ALL", misconceptions.ALL)  # taken back after the test
    module = ModuleType("how_to_add")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    before = TEXT.index(SECTIONS[title])
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", SECTIONS[title], re.MULTILINE | re.DOTALL))
    assert blocks, "a section shows how"
    for block in blocks:
        line = TEXT.count("\n", 0, before + block.start(1))
        exec(compile("\n" * line + block[1], str(PAGE), "exec"), vars(module))


def test_the_page_names_files_that_exist() -> None:
    root = PAGE.parents[1]
    for name in re.findall(r"`((?:autograd|nn|tests|benchmarks|docs)/[\w/.]+)`", TEXT):
        assert (root / name).exists(), name
