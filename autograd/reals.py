"""What counts as a real number, and what the message says about anything else."""

from __future__ import annotations

import numbers

REFUSED = ("bool", "bool_", "complex", "str", "bytes", "NoneType", "Decimal", "Fraction", "list", "tuple", "dict")
"""Types of operands that an operator refuses with a message of its own; any other one may try to take the Value."""

_ADVICE = {
    "bool": "write 1.0 or 0.0, or autograd.where(condition, a, b)",
    "bool_": "write 1.0 or 0.0, or autograd.where(condition, a, b)",
    "complex": "only real numbers have a place here; keep real and imaginary parts in two Values",
    "str": "convert text with float(text)",
    "NoneType": "a function may have forgotten its return statement",
    "Decimal": "convert it with float(x)",
    "Fraction": "convert it with float(x)",
    "ndarray": "make one Value per entry: [Value(x) for x in array]",
    "list": "make one Value per entry: [Value(x) for x in items]",
    "tuple": "make one Value per entry: [Value(x) for x in items]",
    "Value": "it is a Value already; for a leaf with the same number write Value(v.data)",
}


def refusal(x: object, taker: str) -> TypeError:
    """The error that says what ``taker`` takes instead of ``x``."""
    kind = type(x).__name__
    shown = repr(x)
    advice = _ADVICE.get(kind, "pass an int, a float or a NumPy real scalar")
    return TypeError(f"{taker} takes a real number, not {kind} ({shown[:40]}): {advice}")


def is_real(x: object) -> bool:
    """Whether ``x`` is an int, a float or a NumPy real scalar."""
    if isinstance(x, (float, int)):
        return not isinstance(x, bool)
    return hasattr(x, "dtype") and isinstance(x, numbers.Real)  # a NumPy scalar; Fraction is Real too, but no scalar


def real(x: object, taker: str) -> float:
    """``x`` as a float.

    Raises:
        TypeError: ``x`` is not an int, a float or a NumPy real scalar; the message says what to do.
        OverflowError: ``x`` is an int beyond the range of floats.
    """
    if type(x) is float:
        return x
    if type(x) is not int and not is_real(x):
        raise refusal(x, taker)
    try:
        return float(x)  # type: ignore[arg-type]
    except OverflowError:
        raise OverflowError(f"{taker} got an integer beyond 1.8e308, the largest float") from None
