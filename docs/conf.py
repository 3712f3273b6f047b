"""How the documentation site is built: ``python -m sphinx -W docs build/docs``."""

import re
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS), str(ROOT)]

from tracegrad import __version__ as release  # noqa: E402 (the folder above is on the path from here on)

project = "tracegrad"
html_title = f"tracegrad {release}"
copyright = "the tracegrad authors, MIT license"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "mathml"]
exclude_patterns = ["_build", "__pycache__"]
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures stay readable; the docstrings say what an argument is
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes that are documented twice, in the class and in place, are no error
nb_execution_mode = "off"  # the notebooks are committed with their outputs, and the tests run them again
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = [
    "misc.highlighting_failure",  # formulas of a listing are not Python
    "mystnb.unknown_mime_type",  # widgets; the same output has HTML beside them
]

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

ROOT_PAGES = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}
"""Pages that stand in the root of the repository, and are read from there."""


def copy_notebooks(app: Sphinx) -> None:
    """Sphinx reads only what is below its folder. The copies are not committed."""
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        (DOCS / "notebooks").mkdir(exist_ok=True)
        shutil.copy2(notebook, DOCS / "notebooks")


def on_the_site(app: Sphinx, page: str, source: list[str]) -> None:
    """Read the pages of the root, and turn links that are right in the repository into links of the site."""
    if page in ROOT_PAGES:
        text = (ROOT / ROOT_PAGES[page]).read_text(encoding="utf-8").replace("](docs/", "](")
        for name, file in ROOT_PAGES.items():
            text = text.replace(f"]({file})", f"]({name}.md)")
        source[0] = text
    elif page.startswith("notebooks/"):
        source[0] = source[0].replace("](../docs/", "](../")
    else:
        source[0] = source[0].replace("](../notebooks/", "](notebooks/")


def as_text(app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    """Take the marks of a formula, as in ``|ŷ − y|`` and ``x * y``, for what they are: not for markup."""
    example = False
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if example or "::" in line:
            continue
        parts = line.split("``")  # the odd ones are code
        parts[::2] = [re.sub(r"(?<!\\)\|", r"\\|", part) for part in parts[::2]]
        if sum(part.count("*") for part in parts[::2]) % 2 or line.startswith(("Value: ", "Derivative: ")):
            parts[::2] = [re.sub(r"(?<!\\)\*", r"\\*", part) for part in parts[::2]]
        lines[i] = "``".join(parts)


ADDED = {
    'role="heading">': 'role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    "<pre>": '<pre tabindex="0">',  # a long line is scrolled by keyboard
}
"""What the theme leaves out for people who hear a page, or have no mouse."""


def for_everybody(app: Sphinx, exception: Exception | None) -> None:
    """Complete the pages that were written."""
    for page in Path(app.outdir).rglob("*.html") if exception is None else ():
        text = page.read_text(encoding="utf-8")
        for found, complete in ADDED.items():
            text = text.replace(found, complete)
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("build-finished", for_everybody)
    app.connect("builder-inited", copy_notebooks)
    app.connect("source-read", on_the_site)
    app.connect("autodoc-process-docstring", as_text)
