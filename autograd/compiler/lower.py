"""Lower: array instructions become rows of a small vector machine, forward and reverse.

The machine knows some twenty arithmetic instructions on strided arrays, a contraction, and the functions of the
formula language. What an operation of the table means is read from its formulas, here and nowhere else: an operation
that a user registered is lowered like a built-in one, and no code is generated.

The reverse pass follows the rule of `autograd.backward`: each instruction hands slope times adjoint to its operands.
An adjoint that is met first is assigned, later ones are added, so that nothing needs to be cleared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pack import BATCHED, INPUT, SHARED, Operand, Packed
from .reverse import Reverse
from .rows import (
    B_ADJOINT,
    B_SCRATCH,
    B_VALUE,
    LISTED,
    MACHINE,
    S_ADJOINT,
    S_SCRATCH,
    S_VALUE,
    Code,
    Kinds,
    Row,
    Template,
    View,
    adjoint_space,
    value_space,
)  # fmt: skip
from .steps import Step
from .trace import Ints, require


@dataclass
class Lowered:
    """A program of the machine.

    Attributes:
        forward: rows that compute what is shared, and rows that compute what differs from sample to sample.
        reverse: rows that run per block of samples, and rows that finish the shared part after the last block.
        constants: numbers by shared slot.
        sizes: slots per space.
        aux: lists of slots that gather and scatter refer to.
        outputs: the results.
        n_parameters: they are the first shared slots.
        seed: the shared slot of the adjoint of the mean loss, 1/B.
        total: the shared slot of the sum of the losses; in the next one is the squared norm of the gradient by the
            parameters, which is not finite if an entry is not (or if it overflows).
        valid: per region, the slots whose adjoints the reverse pass leaves behind.
        kinds: of the rows.
    """

    forward: tuple[list[Row], list[Row]]
    reverse: tuple[list[Row], list[Row]]
    constants: dict[int, float]
    sizes: dict[int, int]
    aux: Ints
    outputs: Operand
    n_parameters: int
    seed: int
    total: int
    valid: dict[int, NDArray[np.bool_]]
    kinds: Kinds

    def check(self) -> None:
        """Refuse rows that refer to what is not there."""
        rows = [row for part in (*self.forward, *self.reverse) for row in part]
        for kind in {row.kind for row in rows}:
            require(kind.name in MACHINE, f"an instruction is unknown: {kind.name}")
            require(all(n >= 1 for n in kind.lengths), f"a loop of {kind.name} is empty")
            require(all(view.space in self.sizes for view in kind.views), f"{kind.name} uses a space that is unknown")
        for kind, starts, _ in rows:
            listed = kind.name in LISTED
            for view, start, (before, behind) in zip(kind.views, starts, kind.reaches, strict=True):
                inside = start + before >= 0 and (listed or start + behind < self.sizes[view.space])
                require(inside, f"{kind.name} reaches outside its space")


class Lowering:
    """Makes the rows of a packed program; the reverse pass for a choice of what to differentiate by."""

    def __init__(self, packed: Packed) -> None:
        self.packed = packed
        self.constants = dict(packed.constants)
        self.n_shared = packed.sizes[SHARED]
        self.slot_of_constant = {(c, np.signbit(c)): slot for slot, c in self.constants.items()}
        self.aux: list[int] = []
        self.kinds = Kinds()
        self.templates: dict[tuple[object, ...], Template] = {}
        self.scratch = {S_SCRATCH: 1, B_SCRATCH: 1}
        self.seed, self.total, self.square = range(self.n_shared, self.n_shared + 3)
        self.n_shared += 3

    def lower(self, wrt: Sequence[int] = (), differentiate: bool = True, each: bool = False) -> Lowered:
        """Rows for the values, and for the derivatives by the parameters or by the inputs of the regions ``wrt``.

        With ``each`` the derivatives of each sample's own loss by the parameters, which all instructions must be
        batched for: they lie like the adjoints of one more argument.
        """
        require(not each or all(step.region == BATCHED for step in self.packed.instructions), "samples share something")
        shared, batched = Code(self.kinds), Code(self.kinds)
        for step in self.packed.instructions:
            Step(self, shared if step.region == SHARED else batched, step).forward()
        reverse, valid = (Code(self.kinds), Code(self.kinds)), {}
        if differentiate:
            worker = Reverse(self, wrt, each)
            reverse = worker.code
            valid = {region: worker.needed[region] & worker.written[region] for region in worker.needed}
        sizes = {
            S_VALUE: self.n_shared, S_ADJOINT: self.n_shared, B_VALUE: self.packed.sizes[BATCHED],
            B_ADJOINT: self.packed.sizes[BATCHED], **self.scratch,
        }  # fmt: skip
        for region, size in self.packed.sizes.items():
            if region >= INPUT:
                sizes[value_space(region)] = sizes[adjoint_space(region)] = size
        if each:
            region = worker.home[SHARED]
            sizes[value_space(region)], sizes[adjoint_space(region)] = 0, self.packed.sizes[SHARED]
        lowered = Lowered(
            (shared.rows, batched.rows), (reverse[0].rows, reverse[1].rows), self.constants, sizes,
            np.array([*self.aux, 0], np.int64), self.packed.outputs, self.packed.n_parameters, self.seed, self.total,
            valid, self.kinds,
        )  # fmt: skip
        lowered.check()
        return lowered

    def constant(self, number: float) -> View:
        """The slot of a number."""
        key = (number, np.signbit(number))
        if number != number or key not in self.slot_of_constant:
            self.slot_of_constant[key] = self.n_shared
            self.constants[self.n_shared] = number
            self.n_shared += 1
        return View(S_VALUE, self.slot_of_constant[key], ())
