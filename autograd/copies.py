"""Who keeps copies of the data of Values: what writes many of them at once tells the keepers to read them again.

A compiled program holds its parameters as one array. `nn.Module.load_state_dict` and `nn.fit` write the Values; then
`renew` brings the arrays of all living programs up to date.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Set


class Keeper(Protocol):
    """Something that keeps copies of the data of Values."""

    def renew(self, values: Set[object]) -> None:
        """Read the data of those of its Values that are among ``values`` again."""


_KEEPERS: WeakSet[Keeper] = WeakSet()
_LOCK = threading.Lock()


def keep(keeper: Keeper) -> None:
    """`renew` tells this keeper from now on, as long as it lives."""
    with _LOCK:
        _KEEPERS.add(keeper)


def renew(values: Iterable[object]) -> None:
    """The data of these Values was written: every keeper reads them again, and nothing else."""
    with _LOCK:
        keepers = list(_KEEPERS)
    written = set(values)
    for keeper in keepers:
        keeper.renew(written)
