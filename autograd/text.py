"""Text for readers: numbers that can be compared, labels that cannot break the format around them."""

from __future__ import annotations

import base64
import math
import unicodedata

MINUS, SPACE, ELLIPSIS = "\u2212", "\u00a0", "\u2026"


def number(x: float, digits: int = 4) -> str:
    """``x`` with 4 significant digits and nothing superfluous: ``2``, ``−0.1807``, ``1.5e−7``, ``∞``; never ``−0``."""
    mantissa, power = rounded(x, digits)
    return mantissa if power is None else f"{mantissa}e{minus(str(power))}"


def rounded(x: float, digits: int) -> tuple[str, int | None]:
    """``x`` with some significant digits, no zeros at the end: the digits, and the power of ten if it needs one.

    Whole numbers below a million are given in full, and so is what begins in the third decimal place or before.
    """
    if x != x:
        return "nan", None
    sign = MINUS if x < 0 else ""
    x = abs(x)
    if x == math.inf:
        return sign + "∞", None
    if x < 1e6 and x == int(x):
        return f"{sign}{int(x)}", None
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    power = int(exponent)  # after rounding, so that 0.99996 is 1 and not 1.000
    if -4 < power < 6:
        return sign + _trimmed(f"{x:.{max(digits - 1 - power, 0)}f}"), None
    return sign + _trimmed(mantissa), power


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(count: int, word: str) -> str:
    """``1 step``, ``2 steps``, ``1,000 steps``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def minus(text: str) -> str:
    """A formatted number with true minus signs."""
    return text.replace("-", MINUS)


def aligned(numbers: list[str]) -> list[str]:
    """Numbers padded with no-break spaces so that in a monospaced font their decimal points line up."""
    heads = [len(text.partition("e")[0].partition(".")[0]) for text in numbers]
    column = max(heads, default=0)
    padded = [SPACE * (column - head) + text for head, text in zip(heads, numbers)]
    width = max(map(len, padded), default=0)
    return [text.ljust(width, SPACE) for text in padded]


_HIDDEN = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_HIDDEN |= dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")
_HIDDEN |= dict.fromkeys([0x200E, 0x200F, 0x2028, 0x2029, 0xFFFE, 0xFFFF], "\ufffd")


def visible(text: str) -> str:
    """``text`` on one line: control characters as their pictures (␊), what no XML may hold as �.

    Characters that turn the direction of writing are shown as � too: they could make a label read as another one.
    """
    text = text.translate(_HIDDEN)
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def shortened(text: str, limit: int = 24, gap: str = ELLIPSIS) -> str:
    """``text`` with its middle left out where it is longer than ``limit`` characters: the ends tell labels apart."""
    if len(text) <= limit:
        return text
    room = limit - len(gap)
    tail = room * 3 // 5
    return text[: room - tail].rstrip() + gap + text[-tail:].lstrip()


def xml(text: str) -> str:
    """``text`` for XML and HTML, between tags or inside a quoted attribute."""
    text = visible(text)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(sign, entity)
    return text


def image(data: bytes, alt: str, kind: str = "image/svg+xml") -> str:
    """A picture as an ``<img>`` that carries its data: untrusted notebooks strip inline SVG, but not this."""
    return f'<img alt="{xml(alt)}" src="data:{kind};base64,{base64.b64encode(data).decode()}"/>'


def figure(data: bytes, title: str, kind: str = "image/svg+xml") -> str:
    """An `image` at its natural size, since squeezed text cannot be read; what is too wide is scrolled to."""
    shown = image(data, title, kind).replace("<img ", '<img style="max-width:none" ', 1)
    return f'<div style="overflow-x:auto" tabindex="0" role="group" aria-label="{xml(title)}">{shown}</div>'


def dot_text(text: str, record: bool = False) -> str:
    """``text`` inside a quoted DOT string (a plain label, a tooltip or, with ``record``, a field of a record).

    Graphviz reads entities (``&lt;``) and escapes (``\\N``) in labels, so both signs are escaped.
    """
    text = visible(text).replace("&", "&amp;").replace("\\", "\\\\")
    if record:
        for sign in "{}|<>":
            text = text.replace(sign, "\\" + sign)
    return text.replace('"', '\\"')


_NARROW = dict.fromkeys("iljt.,:;'|![]()fI \u00a0", 0.34) | dict.fromkeys("mwMW@%", 0.92)


def width(text: str, size: float, bold: bool = False) -> float:
    """The width of a line in a sans-serif font of ``size``, rather over- than underestimated, in the same unit."""
    if text.isascii():
        total = sum([_NARROW.get(c) or (0.72 if c.isupper() else 0.6) for c in text])
    else:
        total = sum([_wide(c) for c in text])
    return total * size * (1.07 if bold else 1.0)


def _wide(c: str) -> float:
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):  # drawn over another character, or not at all
        return 0.0
    if unicodedata.east_asian_width(c) in "WF":
        return 1.1 if ord(c) < 0x10000 else 1.35
    return _NARROW.get(c) or (0.72 if c.isupper() else 0.64)


def mono_width(text: str, size: float) -> float:
    """The width of a line of digits in a monospaced font of ``size``."""
    return 0.61 * size * len(text)
