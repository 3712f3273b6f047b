"""A batch in parts, which may run on several threads.

How a batch is cut depends on the program and on the number of samples, and what the parts add to the gradient is added
in their order. So the number of threads does not change a bit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise

from ..lower import Lowered
from ..rows import S_ADJOINT

WORK = 1 << 23
"""Multiplications of a part at least; see `least_of`. They take some 0.3 ms, and to hand a part over 0.02 to 0.05.

Measured on networks of 5 to 100,000 parameters and an unrolled loop: one takes 0.036 to 0.047 ns.
"""
PER_ADJOINT = 1024
"""Multiplications of a part at least for each shared adjoint, which has to be added to those of the other parts."""
MOST = 16
"""Parts of a batch at most."""


def least_of(lowered: Lowered, width: int) -> int:
    """Samples in a part at least: one block, and enough to be worth a thread.

    What a sample costs is counted in multiplications of a matrix product; other operations count as eight.
    """
    kinds = [row.kind for row in (*lowered.forward[1], *lowered.reverse[0])]
    work = sum(math.prod(kind.lengths) * (1 if kind.name == "contract" else 8) for kind in kinds)
    return max(width, max(WORK, PER_ADJOINT * lowered.sizes[S_ADJOINT]) // max(1, work))


def cut(samples: int, width: int, least: int) -> list[tuple[int, int]]:
    """The parts of a batch: the first sample of each, and the one after its last.

    Args:
        samples: in the batch.
        width: of a block; a part is some blocks.
        least: samples in a part; see `least_of`.
    """
    parts, blocks = max(1, min(MOST, samples // least)), -(-samples // width)
    return [*pairwise(min(samples, width * (blocks * n // parts)) for n in range(parts + 1))]


def cores() -> int:
    """On how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Helpers:
    """Threads that wait for work; those of a process are not there in one that it forks."""

    def __init__(self) -> None:
        self.forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def start(self, works: Sequence[Callable[[], None]]) -> set[Future[None]]:
        """Let as many threads do some work; none where the interpreter is about to end."""
        self._pool = self._pool or ThreadPoolExecutor(MOST - 1, "tracegrad")
        try:
            return {self._pool.submit(work) for work in works}
        except RuntimeError:
            return set()


_HELPERS = _Helpers()


def run_all(works: Sequence[Callable[[], None]]) -> None:
    """Do the first work on this thread, and the others on threads of their own; wait for all."""
    running = _HELPERS.start(works[1:])
    try:
        works[0]()
    finally:
        _wait_for(running)


def _wait_for(running: set[Future[None]]) -> None:
    """They write into memory that the next call uses, so that an interrupt waits too."""
    try:
        wait(running)
    except KeyboardInterrupt:
        _wait_for(running)
        raise
