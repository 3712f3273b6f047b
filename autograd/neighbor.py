"""HIPS autograd, another project that owns the package name `autograd`: is it installed here too?"""

from __future__ import annotations

import os
import sys
import warnings


def hips_autograd() -> str:
    """The metadata folder of HIPS autograd; empty if it is not installed.

    The folders of `sys.path` are listed in 0.3 ms. Importing `importlib.metadata` takes longer than this package.
    """
    for folder in sys.path:
        try:
            for name in os.listdir(folder or os.curdir):
                if name.startswith("autograd-") and name.endswith((".dist-info", ".egg-info")):
                    return os.path.join(folder, name)
        except OSError:  # a path that is not there, an archive
            continue
    return ""


def warn() -> None:
    """Warn whoever imports `autograd` if both are installed."""
    if other := hips_autograd():
        warnings.warn(
            f"HIPS autograd is installed alongside tracegrad ({other}). Both own the package name `autograd`, and "
            "whichever is installed last overwrites files of the other. Use a fresh virtual environment for tracegrad, "
            "or run in its folder `pip uninstall autograd` and then `pip install --force-reinstall --no-deps .`",
            RuntimeWarning,
            stacklevel=3,
        )
