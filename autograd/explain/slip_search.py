"""Which slips on paper give a claimed number on a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from ..text import number as shown
from ..value import Value
from .claims import Claim, same
from .engines import Adjoints
from .matches import Match, item
from .mistakes import ALL, Replaced
from .recomputed import MOST_NODES
from .slips import SLIPS, Slip, Slopes, chain


def _never(node: Value, slopes: Slopes) -> None:
    """The slip of a whole answer happens at no single node."""


VALUE = Slip(
    "value of the function", "the value of the function was given, not its derivative", "what a derivative is", _never
)
SIGN = Slip(
    "sign of the whole gradient",
    "the number is the opposite of the gradient: the direction of descent",
    "the gradient points uphill; only the step −lr·∂L/∂w turns it round",
    _never,
)
OTHER = Slip(
    "derivative by another variable", "the derivative by another variable was given", "∂L/∂x for which x", _never
)
UPDATE = Slip(
    "update instead of gradient",
    "the step lr·∂L/∂w, or the weight after it, was given instead of the gradient",
    "w ← w − lr·∂L/∂w",
    _never,
)
WHOLES = (VALUE, SIGN, OTHER, UPDATE)
"""Numbers that learners take for the gradient."""


class SlipSearch:
    """The slips on paper, at the nodes between a leaf and the root.

    A slip at one node n changes ∂n/∂leaf from right to wrong, and the gradient by ∂root/∂n · (wrong − right): so all
    single places are tried in one walk.

    Args:
        between: the nodes that depend on the leaf, itself first, the root last.
        truth: the right gradients.
        claim: what was claimed.
        name: what the leaf is called.
        place: what a node is called.
        reveal: whether matches give numbers.
    """

    def __init__(
        self,
        between: Sequence[Value],
        truth: Adjoints,
        claim: Claim,
        name: str,
        place: Callable[[Value], str],
        reveal: bool,
    ) -> None:
        self.between, self.truth, self.place = between, truth, place
        self.claim, self.name, self.reveal = claim, name, reveal
        self.slopes: dict[Value, float] = {between[0]: 1.0}
        for node in between[1:]:
            self.slopes[node] = chain(node.local_derivatives, node, self.slopes)

    def matches(self, known: set[str]) -> list[Match]:
        """Slips made everywhere; then those in one place, named where at most three places give the number.

        In graphs beyond what is done by hand a single place is not tried: some of thousands would fit by accident.
        """
        by_hand = len(self.between) <= MOST_NODES
        replaced = [Slip(m.name, m.mistake, m.reread, m.written) for m in ALL if isinstance(m, Replaced)]
        everywhere, single = [], []
        for slip in [*SLIPS, *replaced]:
            places = [*self._places(slip)] if by_hand else [*islice(self._places(slip), 2)]
            if not places or slip.name in known:
                continue
            first, wrong = places[0]
            result = self.everywhere(slip) if len(places) > 1 else self._alone(first, wrong)
            if self._told(result):
                everywhere.append(self._match(slip, result, first, wrong))
                continue
            hits = [(node, wrong) for node, wrong in places if by_hand and self._told(self._alone(node, wrong))]
            if len(hits) <= 3:
                single += [self._match(slip, self._alone(node, wrong), node, wrong) for node, wrong in hits]
        return [*everywhere, *single]

    def _places(self, slip: Slip) -> Iterator[tuple[Value, float]]:
        """Where the slip would change something, and what is written there."""
        for node in self.between[1:]:
            wrong = slip.written(node, self.slopes)
            if wrong is not None and not same(wrong, self.slopes[node]):
                yield node, wrong

    def _alone(self, node: Value, wrong: float) -> float:
        return self.truth[self.between[0]] + self.truth.get(node, 0.0) * (wrong - self.slopes[node])

    def everywhere(self, slip: Slip) -> float:
        """The gradient with the slip made wherever there is an occasion for it."""
        slopes: dict[Value, float] = {self.between[0]: 1.0}
        for node in self.between[1:]:
            wrong = slip.written(node, slopes)
            slopes[node] = chain(node.local_derivatives, node, slopes) if wrong is None else wrong
        return slopes[self.between[-1]]

    def _told(self, result: float) -> bool:
        return self.claim.agrees(result) and not same(result, self.truth[self.between[0]])

    def _match(self, slip: Slip, result: float, node: Value, wrong: float) -> Match:
        right = self.slopes[node]
        numbers = (
            f": its derivative with respect to {self.name} is {shown(right, 6)}, here {shown(wrong, 6)}"
            if self.reveal
            else ""
        )
        text = f"The two ways part at {self.place(node)}{numbers}"
        return Match(slip, result, node, right, wrong, item(slip, text))

    def wholes(self, order: Sequence[Value], lr: float | None) -> list[Match]:
        """Other numbers of this graph that were taken for the gradient."""
        leaf, root = self.between[0], self.between[-1]
        value = self.truth[leaf]
        numbers = {VALUE: [(root, root.data)], SIGN: [(root, -value)]}
        numbers[OTHER] = [
            (node, self.truth.get(node, 0.0))
            for node in order
            if not node.parents and node.op != "constant" and node is not leaf
        ]
        if lr is not None:
            numbers[UPDATE] = [(leaf, -lr * value), (leaf, lr * value), (leaf, leaf.data - lr * value)]
        found = []
        for slip, candidates in numbers.items():
            hits = [(node, number) for node, number in candidates if self._told(number)]
            for node, number in hits if len(hits) <= 3 else ():
                text = f"It is the one with respect to {self.place(node)}" if slip is OTHER else ""
                found.append(Match(slip, number, node, value, number, item(slip, text)))
        return found
