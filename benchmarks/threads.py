"""Loss and gradient of large batches with one thread and with more: the same bits, in less time.

The programs are those of ``general``. Rounds alternate, and medians are printed. The cores must be idle. A batch too
small to be cut has the ratio 1.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Sequence
from functools import partial

from benchmarks.general import TASKS
from benchmarks.train import HANDICAPS, machine

MOMENT = 0.2
"""Seconds that a contestant runs in its turn: a thread that slept for long wakes up late."""


def race(name: str, samples: int, counts: Sequence[int], rounds: int) -> None:
    """Print a row: the time of one thread, and how many times as fast more are."""
    import numpy as np

    import autograd

    task = TASKS[name][0]()
    rng = np.random.default_rng(0)
    parameters = [autograd.Value(x) for x in (rng.normal(size=task.parameters) * task.scale).tolist()]
    arrays = task.data(rng, samples)
    programs = [autograd.compile(partial(task.loss, parameters), task.shapes, parameters, threads=n) for n in counts]
    found = [program.value_and_grad(*arrays) for program in programs]
    for loss, gradient in found[1:]:
        if loss != found[0][0] or gradient.tobytes() != found[0][1].tobytes():
            raise ValueError(f"{name}: the number of threads changes the result")
    began = time.perf_counter()
    programs[0].value_and_grad(*arrays)
    calls = max(1, int(MOMENT / (time.perf_counter() - began)))
    spent: list[list[float]] = [[] for _ in programs]
    for n in range(rounds):
        gc.collect()
        for i in range(n, n + len(programs)):  # each of them is first in its turn
            program = programs[i % len(programs)]
            program.value_and_grad(*arrays)
            began = time.perf_counter()
            for _ in range(calls):
                program.value_and_grad(*arrays)
            spent[i % len(programs)].append((time.perf_counter() - began) / calls)
    medians = [statistics.median(each) for each in spent]
    ratios = "".join(f"{medians[0] / median:9.2f}" for median in medians[1:])
    print(f"{name:30} {samples:6} {medians[0] * 1e6:11,.1f} {ratios}", flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    """Run the tasks whose name begins with one of ``arguments``, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks threads", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("tasks", nargs="*", help="beginnings of names (default: all)")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, nargs="+", help="numbers of threads (default: 2, and one on each core)")
    options = parser.parse_args(arguments)
    for variable in HANDICAPS:
        os.environ.pop(variable, None)
    cores = os.cpu_count() or 1
    counts = [1, *(options.threads or sorted({2, cores}))]
    print(machine())
    print(f"{'':30}  batch {'1 thread, µs':>12}{''.join(f'{n} times'.rjust(9) for n in counts[1:])}")
    for name, (_, sizes) in TASKS.items():
        if not options.tasks or any(name.startswith(beginning) for beginning in options.tasks):
            for samples in sizes:
                race(name, samples, counts, options.rounds)
