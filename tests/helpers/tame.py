"""Activations with which a deep network of random weights stays finite, and without a jump."""

from nn import activations

WILD = (
    "exp", "exp2", "expm1", "sinh", "cosh", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "asin", "acos", "acosh",
    "atanh", "tan", "floor", "ceil", "round", "sign",
)  # fmt: skip
TAME = [name for name in activations.names() if name not in (*activations.OF_LAYERS, *WILD)]
