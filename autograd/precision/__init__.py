"""Exact arithmetic beside floating point: what the operations mean, and how many digits of a result are right."""
