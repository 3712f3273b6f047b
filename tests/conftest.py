"""What every test shares: hypothesis draws the same examples on every run, however slow the machine is."""

import importlib.util
import os
import tempfile
from collections.abc import Generator, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings

import autograd

# Before NumPy is loaded: small matrix products on several threads take ten times as long while the machine is busy.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

if "TRACEGRAD_CACHE" not in os.environ:  # tests leave no machine code behind in the user's cache
    os.environ["TRACEGRAD_CACHE"] = (_folder := tempfile.TemporaryDirectory(prefix="tracegrad")).name

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")


@pytest.fixture(autouse=True)
def operations_of_this_test_only() -> Iterator[None]:
    """An operation that a test registers is gone after it, so that the order of tests does not matter."""
    before = autograd.registered()
    yield
    for name in set(autograd.registered()) - set(before):
        autograd.unregister(name)


REQUIRED = [word for word in os.environ.get("TRACEGRAD_REQUIRED", "").split(",") if word]
"""What a machine must have, such as ``browser,dot``: a test that skips for a reason with one of these words fails."""


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _must_not_skip(report: Report) -> Report:
    """A check that skips where everything is meant to be installed checks nothing."""
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if any(word in reason for word in REQUIRED):
            report.outcome, report.longrepr = "failed", f"{reason} (TRACEGRAD_REQUIRED: it must not be missing here)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _must_not_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole file skips with `pytest.importorskip`."""
    return _must_not_skip((yield))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The examples in docstrings whose package is missing are skipped, as the tests are."""
    if importlib.util.find_spec("mpmath") is None:
        for item in items:
            if item.nodeid.startswith("autograd/precision/"):
                item.add_marker(pytest.mark.skip(reason="the exact numbers come from mpmath"))
