"""docs/lectures.md: every cell, every call and every test that it names exists, and nothing is numbered twice.

The cells run in `test_notebooks.py`.
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "lectures.md").read_text(encoding="utf-8")
SECTIONS = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if ".ipynb`)" in part.splitlines()[0]]
TESTS = [name for path in (ROOT / "tests").rglob("test_*.py") for name in
         re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)]  # fmt: skip


def rows(section):
    for line in section.splitlines():
        if re.match(r"\| \d+ \|", line):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def code_below(book):
    """The code of a notebook by heading; that of the headings below a heading belongs to it too."""
    found, open_headings = {}, []
    for cell in book["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            for heading, _ in open_headings:
                found[heading] += text + "\n"
            continue
        for level, heading in re.findall(r"^(#+) (.*)$", text, flags=re.MULTILINE):
            open_headings = [(other, above) for other, above in open_headings if above < len(level)]
            open_headings.append((heading, len(level)))
            found[heading] = ""
    return found


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section[0])
def test_what_the_table_names_exists(section):
    path = ROOT / re.search(r"`(notebooks/\w+\.ipynb)`", section)[1]
    below = code_below(json.loads(path.read_text(encoding="utf-8")))
    for number, _, shown, test in rows(section):
        headings = [heading for heading in below if shown == heading or shown.startswith(f"{heading}:")]
        assert headings, (number, shown)
        code = below[max(headings, key=len)]
        for call in re.findall(r"`([^`]+)`", shown):  # a call whose name, keywords and words in quotes the cells have
            name = re.match(r"[\w.]+", call)[0]
            parts = [name.removeprefix("autograd."), *re.findall(r"\w+=", call), *re.findall(r'"[^"]*"', call)]
            assert all(part in code for part in parts), (number, call)
        assert TESTS.count(test.strip("`")) == 1, (number, test)


def test_the_numbers_run_through():
    numbers = [int(row[0].strip("| ")) for section in SECTIONS for row in rows(section)]
    assert numbers == list(range(1, 89))
