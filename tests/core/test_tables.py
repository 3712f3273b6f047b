"""Tables: aligned in a terminal whatever the letters, escaped in HTML, numbers of a column with one form."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from autograd.notation.tables import LONGEST, Table, beside, column, cut, spread, width

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_columns_are_aligned_whatever_the_letters(rows: list[tuple[str, ...]]) -> None:
    heads, *lines = [(*(cut(cell, 68) for cell in row[:2]), "end") for row in rows]
    written = str(Table(heads, lines, numeric=[1])).splitlines()
    assert {width(line) for line in [written[0], *written[2:]]} == {width(written[1])}
    assert set(written[1]) == {"─"} and len(written) == len(rows) + 1


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), CELLS, CELLS)
def test_html_is_well_formed_and_holds_every_cell(rows: list[tuple[str, ...]], caption: str, note: str) -> None:
    table = Table(("a", "b"), [*rows, None, rows[0]], [1], caption, bars=[1.0, -0.5], note=note)
    root = ElementTree.fromstring(f"<div>{table.html()}</div>")
    assert [len(row) for row in root.iter("tr")] == [3] * (len(rows) + 2)
    found = ["".join(cell.itertext()) for row in root.iter("tbody") for line in row for cell in list(line)[:2]]
    assert found == [cut(cell, LONGEST) for row in [*rows, rows[0]] for cell in row]
    assert [line.get("class") for line in root.iter("tr")].count("rule") == 1


def test_captions_rules_and_notes() -> None:
    table = Table(("", "sum"), [("a", "+1"), None, ("all", "+1")], [1], "By letter", note="and so on")
    assert str(table) == "By letter\n     sum\n────────\na     +1\n────────\nall   +1\nand so on"
    assert str(Table(("", "sum"), [], [1])) == "  sum\n─────"


def test_a_long_cell_loses_its_middle_in_a_terminal_only() -> None:
    table = Table(("", ""), [("x" * 100, "1")], [1])
    assert "x … x" in str(table) and "x" * 100 in table.html() and 'class="long"' in table.html()


def test_numbers_of_a_column_have_one_form() -> None:
    assert column([1.5, -0.25, 0.0]) == ["+1.5000", "−0.2500", "0"]
    assert column([1.5, 1e-9], sign=False) == ["1.5000e+00", "1.0000e−09"]
    assert column([math.inf, math.nan, 2.0]) == ["+inf", "+nan", "+2.0000"]
    assert column([123456.0, 1.0], sign=False) == ["1.2346e+05", "1.0000e+00"]
    assert column([]) == [] and column([0.0]) == ["0"]


@given(st.integers(0, 300), st.integers(2, 20))
def test_the_ends_of_a_long_table_and_what_matters_are_shown(count: int, most: int) -> None:
    middle = count // 3
    shown = spread(count, {middle} if count else (), most)
    assert shown == sorted(set(shown)) and set(shown) <= set(range(count))
    if count:
        assert {0, middle, count - 1} <= set(shown) and len(shown) <= max(most, 3)
    if count <= most:
        assert shown == list(range(count))


def test_a_wide_table_is_scrolled_by_keyboard_and_has_a_name() -> None:
    frames = []
    for caption in ("", "Worst <first>"):
        frame = ElementTree.fromstring(f"<div>{Table(('a', 'b'), [('1', '2')], (), caption).html()}</div>").find("div")
        assert frame is not None and frame.get("tabindex") == "0" and frame.get("role") == "group"
        frames.append(frame.get("aria-label"))
    assert frames == ["Table of a, b", "Worst <first>"]


def test_notes_begin_in_one_column_whatever_is_drawn_over_a_letter():
    rows = beside(["δ² = ∂C/∂ρ̂", "∂C/∂β²", ""], ["2", "", "4×2"])
    assert rows == ["δ² = ∂C/∂ρ̂   2", "∂C/∂β²", " " * 13 + "4×2"]
