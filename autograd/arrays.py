"""NumPy's counterparts of the functions at which formulas end."""

from __future__ import annotations

from typing import Any

from .ops import FLOAT_FUNCTIONS, TABLE


def basic(name: str) -> bool:
    """Whether a function that formulas call is given as such, and not by a formula of others."""
    op = TABLE.get(name)
    return name in FLOAT_FUNCTIONS and (op is None or op.formula == f"{name}({', '.join(op.arguments)})")


def ufunc(name: str) -> Any:
    """NumPy's function of that meaning, by its own name or by another name in the table; None if it has none."""
    import numpy as np

    op = TABLE.get(name)
    found = [getattr(np, known, None) for known in (name, *(op.aliases if op else ()))]
    return next((function for function in found if isinstance(function, np.ufunc)), None)
