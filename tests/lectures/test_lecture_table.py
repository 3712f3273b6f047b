"""docs/lectures.md: every cell and every test that it names exists, and nothing is numbered twice."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "lectures.md").read_text(encoding="utf-8")
SECTIONS = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if ".ipynb`)" in part.splitlines()[0]]
TESTS = {name for path in (ROOT / "tests").rglob("test_*.py") for name in
         re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)}  # fmt: skip


def rows(section):
    for line in section.splitlines():
        if re.match(r"\| \d+ \|", line):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section[0])
def test_what_the_table_names_exists(section):
    path = ROOT / re.search(r"`(notebooks/\w+\.ipynb)`", section)[1]
    book = json.loads(path.read_text(encoding="utf-8"))
    text = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown"]
    headings = set(re.findall(r"^#+ (.*)$", "\n".join(text), flags=re.MULTILINE))
    for number, _, shown, test in rows(section):
        if not shown.startswith("`"):
            assert any(shown == heading or shown.startswith(f"{heading}:") for heading in headings), (number, shown)
        assert test.strip("`") in TESTS, (number, test)


def test_the_numbers_run_through():
    numbers = [int(row[0].strip("| ")) for section in SECTIONS for row in rows(section)]
    assert numbers == list(range(1, 89))
