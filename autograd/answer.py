"""One face for every result: it prints, shows itself in a notebook, gives its HTML, and saves itself to a file.

A result inherits `Answer` and says what it consists of, in `_content`: paragraphs, tables, listings. Its text and its
HTML both follow from that. What is more than text (mathematics, a picture) writes ``__str__`` and ``html`` itself.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from . import files
from .notation.tables import Table
from .page import document
from .paper import pdf
from .text import xml

STYLE = """<style>
.tracegrad-answer{font:14px/1.5 system-ui,sans-serif;color:inherit;text-align:left}
.tracegrad-answer p,.tracegrad-answer li{max-width:60em;margin:.3em 0;overflow-wrap:anywhere}
.tracegrad-answer pre{font:13px/1.5 ui-monospace,monospace;margin:.3em 0;overflow-x:auto;color:inherit;background:none}
.tracegrad-scroll{overflow-x:auto;margin:.5em 0}
.tracegrad-table{border-collapse:collapse;font:14px/1.5 system-ui,sans-serif;margin:0;color:inherit}
.tracegrad-table th{text-align:left;font-weight:600;padding:.25em .8em}
.tracegrad-table td{text-align:left;padding:.2em .8em;border:0;white-space:nowrap}
.tracegrad-table thead th,.tracegrad-table thead td{border-bottom:1.5px solid currentColor}
.tracegrad-table .n{text-align:right;font-variant-numeric:tabular-nums}
.tracegrad-table td.long{white-space:normal;min-width:15em}
.tracegrad-table tr.rule td{border-top:1px solid currentColor}
.tracegrad-table .bar{min-width:10em}
.tracegrad-table .bar svg{display:block;print-color-adjust:exact}
@media print{.tracegrad-scroll,.tracegrad-answer pre{overflow:visible}.tracegrad-table tr{break-inside:avoid}}
</style>"""
"""How answers look. It takes the colors of the page or notebook around it, light or dark."""


class Listing(str):
    """Text in which spaces and the ends of lines count, such as equations one below the other."""

    __slots__ = ()


Part = str | Table
"""A paragraph, a `Listing` or a `Table`."""


class Answer:
    """What all results share.

    ``print(answer)`` prints its text; in a notebook the last expression of a cell shows its HTML; `html` gives that
    HTML; `save` writes a file. ``repr`` never raises: if the text cannot be made, it says why, in one line.
    """

    __slots__ = ()

    # ---- what a subclass says

    def _content(self) -> Iterable[Part]:
        """What the answer consists of, from top to bottom."""
        raise NotImplementedError(f"{type(self).__name__} has neither _content nor a text and HTML of its own")

    def _heading(self) -> str:
        """The title of its page."""
        return type(self).__name__

    def _brief(self) -> str:
        """What ``repr`` gives: the whole text, unless the answer is long."""
        return str(self)

    def _shown(self) -> str:
        """What a notebook shows."""
        return self.html()

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        """What `save` can write: suffix -> the content. A subclass adds forms of its own."""
        return {".html": self.page, ".txt": lambda: f"{self}\n"}

    # ---- what everybody gets

    def __str__(self) -> str:
        return "\n".join(map(str, self._content()))

    def html(self) -> str:
        """The answer as a fragment of HTML: what a notebook shows."""
        return f'{STYLE}<div class="tracegrad-answer">{"".join(map(_html, self._content()))}</div>'

    def page(self) -> str:
        """The answer as a whole HTML document that needs nothing else."""
        return self._document()

    def _document(self, paper: str = "") -> str:
        return document(self._heading(), f"<main><h1>{xml(self._heading())}</h1>\n{self.html()}</main>", paper)

    def _pdf(self) -> bytes:
        """The page as a browser prints it, for those answers that are handed out."""
        return pdf(self._document("A4"))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the answer to a file; its suffix chooses the form. Returns the path.

        Every answer is written as ``.html`` (a page that needs nothing else) or ``.txt``; some have more forms, which
        the error for an unknown suffix lists. The file appears whole or not at all.

        Raises:
            ValueError: the answer has no form with this suffix.
            OSError: the file cannot be written, or the folder does not exist; an older file stays as it was.
        """
        target, forms = Path(path), self._forms()
        suffix = target.suffix.lower()
        make = forms.get(".html" if suffix == ".htm" else suffix)
        if make is None:
            *most, last = forms
            given = f"the suffix {target.suffix!r}" if suffix else "no suffix"
            raise ValueError(
                f"{type(self).__name__}.save writes {', '.join(most)} or {last} files, but {target.name!r} has {given}"
            )
        if not target.parent.is_dir():
            raise FileNotFoundError(f"the folder {str(target.parent)!r} does not exist; create it first")
        content = make()
        files.write(target, content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
        return target

    def __repr__(self) -> str:
        try:
            return self._brief()
        except Exception as error:  # a repr that raises hides the user's own result
            return _failure(self, error)

    def _repr_html_(self) -> str:
        try:
            return self._shown()
        except Exception as error:
            return f"<pre>{xml(_failure(self, error))}</pre>"


def _failure(answer: Answer, error: Exception) -> str:
    try:
        reason = " ".join(str(error).split())
    except Exception:
        reason = "and its message cannot be read"
    return f"<{type(answer).__name__} that cannot be shown: {type(error).__name__}: {reason}>"


def _html(part: Part) -> str:
    if isinstance(part, Table):
        return part.html()
    return f"<pre>{'<br/>'.join(map(xml, part.split(chr(10))))}</pre>" if isinstance(part, Listing) else prose(part)


def mathematics(math: str, text: str) -> str:
    """MathML, and the text that takes its place where MathML and style sheets are taken out of a page.

    Untrusted notebooks and GitHub do so, and leave the words of the MathML: of (1 − y²) there remained (1−y2). (The
    attribute has a value, since JupyterLab takes out attributes without one.)
    """
    rules = ".tracegrad-math[hidden]{display:block!important}.tracegrad-text{display:none}"
    listing = "<br/>".join(map(xml, text.split("\n")))
    return (
        f'<style>{rules}</style><div class="tracegrad-math" hidden="hidden">{math}</div>'
        f'<pre class="tracegrad-text">{listing}</pre>'
    )


def prose(text: str) -> str:
    """Paragraphs as HTML: a line is one, ``* name: words`` is an item of a list, and an indented line belongs to the
    line before it."""
    blocks: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        if line.startswith("* "):
            name, colon, words = map(xml, line[2:].partition(": "))
            blocks.append(("li", [f"<b>{name}</b>{colon}{words}" if colon else name]))
        elif line.startswith(" ") and blocks:
            blocks[-1][1].append(xml(line.strip()))
        elif line.strip():
            blocks.append(("p", [xml(line.strip())]))
    parts = []
    for tag, group in itertools.groupby(blocks, key=lambda block: block[0]):
        lines = "".join(f"<{tag}>{'<br/>'.join(lines)}</{tag}>" for _, lines in group)
        parts.append(f'<ul style="margin:.3em 0;padding-left:1.5em">{lines}</ul>' if tag == "li" else lines)
    return "".join(parts)
