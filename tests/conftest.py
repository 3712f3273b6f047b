"""What every test shares: hypothesis draws the same examples on every run, however slow the machine is."""

from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")
