"""What a gradient check found: rows, verdicts, the table."""

from __future__ import annotations


class GradcheckError(AssertionError):
    """A derivative disagrees with finite differences; the message is the report."""
