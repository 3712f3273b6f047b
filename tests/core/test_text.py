"""Text for readers: numbers, labels, escapes and widths, each at the edges where it changes."""

from __future__ import annotations

import base64
import math

import pytest

from autograd import text


@pytest.mark.parametrize(
    ("x", "digits", "shown"),
    [
        (math.nan, 4, ("nan", None)),
        (math.inf, 4, ("∞", None)),
        (-math.inf, 4, ("−∞", None)),
        (-0.0, 4, ("0", None)),
        (-3.0, 1, ("−3", None)),
        (999999.0, 1, ("999999", None)),  # whole numbers below a million in full
        (1e6, 4, ("1", 6)),
        (-1e6, 4, ("−1", 6)),
        (123456.7, 4, ("123457", None)),
        (123456.7, 7, ("123456.7", None)),
        (1234567.0, 4, ("1.235", 6)),
        (1.5, 1, ("2", None)),
        (-1.25, 3, ("−1.25", None)),
        (100.5, 6, ("100.5", None)),
        (0.001, 4, ("0.001", None)),  # the third decimal place, and the fourth
        (0.0012345, 4, ("0.001234", None)),
        (0.0001, 4, ("1", -4)),
        (0.00012345, 3, ("1.23", -4)),
        (0.00099999, 4, ("0.001", None)),
    ],
)
def test_rounded(x: float, digits: int, shown: tuple[str, int | None]) -> None:
    assert text.rounded(x, digits) == shown


def test_number_has_four_digits_and_true_minus_signs() -> None:
    assert text.number(-1.23456e-7) == "−1.235e−7" and text.number(12.3456) == "12.35"
    assert text.number(12.3456, 2) == "12" and text.minus("-1e-5") == "−1e−5"


def test_aligned_pads_both_sides() -> None:
    assert text.aligned([]) == []
    rows = text.aligned(["1.5e−7", "20", "300.25", "4e9"])
    assert [row.replace("\u00a0", "_") for row in rows] == ["__1.5e−7", "_20_____", "300.25__", "__4e9___"]


def test_hidden_characters_become_visible() -> None:
    assert text.visible("a\x00\n\x1f b\x7f") == "a␀␊␟ b␡"
    replaced = "\x80 \x9f \u200e \u200f \u2028 \u2029 \u202a \u202e \u2066 \u2069 \ufffe \uffff"
    assert text.visible(replaced) == " ".join("�" * 12)
    kept = "\xa0\xa1é\u200d\u2010\u202f\u2030\u2065\u206a\ufffd✓𝜕"
    assert text.visible(kept) == kept and text.visible("\ud800é") == "?é"


def test_shortened_keeps_both_ends() -> None:
    assert text.shortened("x" * 24) == "x" * 24
    assert text.shortened("abcdefghijklmnopqrstuvwxy") == "abcdefghij…mnopqrstuvwxy"
    assert text.shortened("the first and the last", 12) == "the f…e last"
    assert text.shortened("hidden layer 1, weight 7", 11, "...") == "hidd...ht 7"
    assert text.shortened("ab xxxxx cd", 7) == "ab…cd"


def test_escapes() -> None:
    assert text.xml("<a href=\"x\" title='y'>&\n") == "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;␊"
    assert text.dot_text('a & "b" \\N {c}') == 'a &amp; \\"b\\" \\\\N {c}'
    assert text.dot_text("{a|b} <c>\n", record=True) == "\\{a\\|b\\} \\<c\\>␊"
    encoded = base64.b64encode(b"<svg/>").decode()
    assert text.image(b"<svg/>", 'a "graph"') == (
        f'<img alt="a &quot;graph&quot;" src="data:image/svg+xml;base64,{encoded}"/>'
    )
    assert text.image(b"", "", "image/png") == '<img alt="" src="data:image/png;base64,"/>'


@pytest.mark.parametrize(
    ("shown", "width"),
    [
        ("", 0.0),
        ("a", 0.6), ("A", 0.72), ("7", 0.6), ("i", 0.34), ("m", 0.92), ("W", 0.92), ("Ai", 1.06),
        ("é", 0.64), ("É", 0.72), ("\u00a0", 0.34), ("mé", 1.56), ("A−", 1.36),
        ("e\u0301", 0.64), ("\u0301", 0.0), ("\u200b", 0.0), ("1\u20e3", 0.64),
        ("漢", 1.1), ("ｗ", 1.1), ("\uffe6", 1.1), ("😀", 1.35), ("漢é", 1.74),
    ],
)  # fmt: skip
def test_width(shown: str, width: float) -> None:
    assert text.width(shown, 10) == pytest.approx(10 * width)
    assert text.width(shown, 10, bold=True) == pytest.approx(10.7 * width)


def test_mono_width() -> None:
    assert text.mono_width("−1.5", 10) == pytest.approx(24.4)
