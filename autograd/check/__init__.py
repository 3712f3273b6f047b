"""Checking derivatives against finite differences, for the whole function and for every edge of its graph."""

from .report import GradcheckError as GradcheckError
