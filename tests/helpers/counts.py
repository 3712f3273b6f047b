"""How many of many generated cases the suite runs: each eighth, or all with ``TRACEGRAD_EVERY=1``."""

import os

EVERY = int(os.environ.get("TRACEGRAD_EVERY", "8"))
