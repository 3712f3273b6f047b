"""Labels, names and source lines that would run script: every fragment and every page shows them as text."""

import base64
import re
from xml.etree import ElementTree

import pytest
from hostile import FRAGMENTS, MORE, PAGES, Dangers, graph, report

import autograd
from autograd.notation import names


@pytest.mark.parametrize("make", FRAGMENTS, ids=lambda make: make.__name__)
def test_a_fragment_holds_nothing_that_runs(make):
    fragment = make()
    assert Dangers(fragment).found == []
    assert fragment.count("script") > 1 or "base64" in fragment  # the payloads are there, as text


@pytest.mark.parametrize(
    "make", [make for make in FRAGMENTS if make.__name__.startswith("d") and "draw" in make.__name__]
)
def test_pictures_are_well_formed(make):
    text = make()
    for coded in re.findall(r"base64,([A-Za-z0-9+/=]+)", text):
        text = base64.b64decode(coded).decode()
    assert "script" not in {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
    assert Dangers(text).found == []


@pytest.mark.parametrize("make", PAGES, ids=lambda make: make.__name__)
def test_a_saved_page_has_a_policy_before_anything_else(make):
    page = make()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert policy and policy.start() < page.index("<title>") and policy.start() < page.index("<style>")
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    assert "unsafe" not in rules.get("script-src", "") and "eval" not in policy[1]
    assert page.count("</head>") == 1 == page.count("</body>")


def test_a_report_runs_nothing_and_asks_for_nothing():
    page = report()
    assert Dangers(page).found == []
    for coded in re.findall(r"base64,([A-Za-z0-9+/=]+)", page):
        assert Dangers(base64.b64decode(coded).decode()).found == []


@pytest.mark.parametrize("payload", MORE)
def test_latex_prints_what_it_could_obey(payload):
    """MathJax would obey \\href and \\require."""
    root, leaf = graph([payload, "w"])
    written = autograd.derivation(root, leaf).latex() + autograd.formula(root).latex() + names.escape_latex(payload)
    assert not re.search(r"\\(href|require|unicode|class|style|cssId|def|let|input|write)\b", written)
    text = names.escape_latex(payload)
    assert not re.search(r"(?<!\\)[$&#%_]", text) and "\n" not in text


@pytest.mark.parametrize(
    "page",
    [
        *[f"<p>{payload}</p>" for payload in MORE[:2]],
        f'<p title="{MORE[2]}">',
        "<svg><a xlink:href='java\tscript:x()'>",
        "<img src=https://example.invalid/x.png>",
        "<meta http-equiv=refresh content=0>",
        "<style>a { background: url(https://example.invalid) }</style>",
    ],
)
def test_the_watcher_is_shown_something_dangerous(page):
    assert Dangers(page).found
