"""The words of NumPy: all samples at once, as columns, and the reverse pass written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import ufunc
from ...ops import Op
from .lines import definition, number
from .words import ATOM, FORMULAS, GOLDEN, SPREAD, Words, Written, sentence

LISTS = {
    "softmax": (
        "exp(x) / sum(exp(x)), shifted so that nothing overflows.",
        "shares = np.exp(x - x.max(axis=axis, keepdims=True))",
        "shares / shares.sum(axis=axis, keepdims=True)",
    ),
    "log_softmax": (
        "log(softmax(x)), which takes no logarithm of zero.",
        "shifted = x - x.max(axis=axis, keepdims=True)",
        "shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))",
    ),
    "log_sum_exp": (
        "log(sum(exp(x))), shifted so that nothing overflows.",
        "largest = x.max(axis=axis)",
        "shifted = x - np.expand_dims(largest, axis)",
        "largest + np.log(np.exp(shifted).sum(axis=axis))",
    ),
}


class NumPy(Words):
    """See `Words`."""

    module, library, array_of = "np", "NumPy", "np.array"
    columns = True

    def __init__(self) -> None:
        super().__init__()
        self.imports = ["import numpy as np"]

    def array(self, numbers: Any, digits: int = 17) -> str:
        """Numbers as an array; one alone as it is."""
        return super().array(numbers, digits) if np.ndim(numbers) else number(float(numbers), False, digits)

    def native(self, name: str) -> str | None:
        """See `Words`."""
        if name in ("logaddexp", "maximum", "minimum"):
            return f"np.{name}"
        found = ufunc({"pow": "power", "round": "rint"}.get(name, name)) if name not in FORMULAS else None
        return f"np.{found.__name__.replace('absolute', 'abs')}" if found is not None else None

    def define(self, name: str, op: Op | None) -> str:
        """See `Words`; NumPy has no erf."""
        if name not in ("erf", "normal_cdf", "standard_normal_cdf"):
            return super().define(name, op)
        function = "erf" if name == "erf" else "erfc"
        self.imports = ["import math", "", "import numpy as np"]
        line = f"{function} = np.vectorize(math.{function}, otypes=[float])"
        self.constants += [] if line in self.constants else [line]
        if name == "erf":
            return ""
        return definition(name, ["x"], sentence(op), "0.5 * erfc(-x / math.sqrt(2))")

    def over_list(self, op: str, entries: Written, axis: int) -> Written:
        """See `Words`."""
        if op not in self.helpers:
            self.helpers[op] = definition(op, ["x", "axis=0"], *LISTS[op])
        return f"{op}({entries[0]}{f', axis={axis}' if axis else ''})", ATOM

    # -- the check ----------------------------------------------------------------------------------------------------

    def spread(self) -> str:
        """See `Words`."""
        places = "places = np.arange(1, np.prod(shape) + 1)"
        return definition("spread", ["*shape"], SPREAD, places, f"({GOLDEN} * places % 1).reshape(shape)")

    def close(self, found: str, wanted: str, digits: str) -> str:
        """See `Words`."""
        return f"np.testing.assert_allclose({found}, {wanted}, {digits})"

    def differentiated(self, arguments: str) -> str:
        """See `Words`."""
        return f"value, gradient = loss_and_gradient({arguments})"

    def summed(self) -> str:
        """See `Words`."""
        return "np.sum(spread(*gradient[name].shape) * gradient[name])"
