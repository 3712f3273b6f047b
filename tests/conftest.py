"""What every test shares: hypothesis draws the same examples on every run, however slow the machine is."""

import importlib.util
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

import autograd

# Before NumPy is loaded: small matrix products on several threads take ten times as long while the machine is busy.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")


@pytest.fixture(autouse=True)
def operations_of_this_test_only() -> Iterator[None]:
    """An operation that a test registers is gone after it, so that the order of tests does not matter."""
    before = autograd.registered()
    yield
    for name in set(autograd.registered()) - set(before):
        autograd.unregister(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The examples in docstrings whose package is missing are skipped, as the tests are."""
    if importlib.util.find_spec("mpmath") is None:
        for item in items:
            if item.nodeid.startswith("autograd/precision/"):
                item.add_marker(pytest.mark.skip(reason="the exact numbers come from mpmath"))
