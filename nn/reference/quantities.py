"""The results of the closed forms: every quantity of a lecture under its own name, to be read next to the slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from autograd.answer import Answer, Listing, Part


class Quantities(Answer):
    """A dataclass of matrices and numbers, or of such by layer; its text shows one after the other."""

    def _heading(self) -> str:
        return "Backpropagation in closed form"

    def _content(self) -> Iterator[Part]:
        for field in fields(self):  # type: ignore[arg-type]  # those who inherit this are dataclasses
            found = getattr(self, field.name)
            for layer, quantity in found.items() if isinstance(found, dict) else [("", found)]:
                name = f"{field.name}[{layer}] = " if layer != "" else f"{field.name} = "
                yield Listing(name + _written(quantity, name))


def _written(quantity: Any, before: str) -> str:
    array = np.asarray(quantity) + 0.0  # without the sign of zeros
    return np.array2string(array, precision=4, suppress_small=True, prefix=before)
