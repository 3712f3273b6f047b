"""The reference names every public name once, and each has an example that runs."""

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

import autograd
import nn

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
TEXT = {page.name: page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md")}
PAGES = {"autograd": ("autograd.md", "operations.md"), "nn": ("nn.md",)}
PUBLIC = [(package, name) for package in (autograd, nn) for name in package.__all__]


def listed(package):
    """How often each name of a package is an entry of its pages."""
    text = "\n".join(TEXT[page] for page in PAGES[package])
    entry = rf"^\.\. (?:autoclass|autofunction|automodule|py:data):: (?:{package}\.)?(\w+)$"
    return Counter(re.findall(entry, text, re.MULTILINE))


def examples(text):
    """The lines of the examples in a text; the tests of docstrings and pages run them."""
    blocks = re.findall(r"^```python\n(?!>>>)(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(blocks + re.findall(r"^ *(?:>>>|\.\.\.) (.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("package", [autograd, nn], ids=lambda package: package.__name__)
def test_every_public_name_is_an_entry_once(package):
    assert listed(package.__name__) == Counter(package.__all__)


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=lambda part: getattr(part, "__name__", part))
def test_every_public_name_has_an_example(package, name):
    pages = "\n".join(TEXT[page] for page in PAGES[package.__name__])
    if name.startswith("from_"):  # these need other libraries, and stand on a page of their own
        pages += (REFERENCE.parent / "your_model.md").read_text(encoding="utf-8")
    lines = examples(inspect.getdoc(getattr(package, name)) or "") + examples(pages)
    assert re.search(rf"\b{name}\b", lines), f"no example uses {package.__name__}.{name}: add one to docs/reference"


def test_a_name_without_an_example_is_found():
    assert "sin" not in examples("sin x, said in words\n    sin(x)")
