"""Programs as readable source: one file, which imports one library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..walk import Walk
from .jax import Jax
from .layout import File
from .numpy import NumPy
from .torch import Torch
from .words import Words

if TYPE_CHECKING:
    from ...compiler.program import Program

LIBRARIES: dict[str, type[Words]] = {"numpy": NumPy, "jax": Jax, "torch": Torch}


def source(program: Program, target: str, most: int) -> str:
    """A program as the text of a file.

    Args:
        program: the program.
        target: a key of `LIBRARIES`.
        most: how many instructions there may be, where those of a loop count once.

    Raises:
        ValueError: the program has more instructions.
    """
    length = Walk(program._packed).length
    if length > most:
        raise ValueError(
            f"the program has {length:,} instructions, and nobody reads a file of more than {most:,} lines. No loop "
            "was found in it that would make it shorter. If it repeats a step, compile one step; otherwise: "
            "to_source(most=…)"
        )
    return File(program, LIBRARIES[target]()).text()
