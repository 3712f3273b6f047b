"""Scalar graphs in plain Python: time per operation against micrograd, PyTorch and XAD; a chain of a million.

The contestant "in Python" is tracegrad's own engine in Python, beside the one in C where that was built.

Every contestant runs the same Python functions, `mlp_loss` and `long_expression`, on its own kind of number, so that
arithmetic and number of operations are the same. Losses and gradients are compared before any time is printed.

Each contestant runs in a process of its own, in one thread: with Python's garbage collector as it is by default, and
with the collector off, which is safe for graphs without reference cycles (tracegrad's; micrograd's graphs have some,
and are not freed then). Rounds of the contestants alternate. Times are those of the processor, so that other programs
on the machine matter less.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib.metadata
import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

Relu = Callable[[Any], Any]

# ---- the work -----------------------------------------------------------------------------------------------------

SIZES = (2, 16, 16, 1)
_rng = random.Random(0)
SAMPLES = [([_rng.uniform(-1, 1), _rng.uniform(-1, 1)], float(_rng.choice((-1, 1)))) for _ in range(16)]
WEIGHTS = [_rng.uniform(-0.5, 0.5) for _ in range(sum((n + 1) * m for n, m in itertools.pairwise(SIZES)))]
FACTORS = [_rng.uniform(0.3, 0.7) for _ in range(20)]


def mlp_loss(weights: Sequence[Any], relu: Relu) -> Any:
    """The mean squared error of a 2-16-16-1 network over 16 samples, one multiplication and one addition at a time."""
    total: Any = 0.0
    for x, target in SAMPLES:
        layer: list[Any] = list(x)
        remaining = iter(weights)
        for depth, width in enumerate(SIZES[1:], start=1):
            outputs = []
            for _ in range(width):
                z = next(remaining)
                for entry in layer:
                    z = z + next(remaining) * entry
                outputs.append(relu(z) if depth < len(SIZES) - 1 else z)
            layer = outputs
        total = total + (layer[0] + -target) ** 2
    return total * (1 / len(SAMPLES))


def long_expression(factors: Sequence[Any], relu: Relu) -> Any:
    """3,000 operations, each of which needs the one before it."""
    x = total = factors[0]
    for i in range(600):
        x = relu(x * factors[i % len(factors)] + 0.25)
        total = total + x * x
    return total


class Work(NamedTuple):
    """A function of a list of numbers, and the point at which it is evaluated."""

    title: str
    function: Callable[[Sequence[Any], Relu], Any]
    point: list[float]


WORKS = [
    Work("The loss of a 2-16-16-1 network over 16 samples", mlp_loss, WEIGHTS),
    Work("A long expression", long_expression, FACTORS),
]


# ---- the contestants ----------------------------------------------------------------------------------------------

Pass = Callable[[], tuple[float, list[float]]]
"""Builds the graph, runs backward, lets go of the graph: the value and the gradients."""


def _with_leaves(work: Work, leaves: list[Any], relu: Relu, cleared: Any = 0.0) -> Pass:
    def run() -> tuple[float, list[float]]:
        for leaf in leaves:
            leaf.grad = cleared
        root = work.function(leaves, relu)
        root.backward()
        return float(root.data), [float(leaf.grad) for leaf in leaves]

    return run


def tracegrad(work: Work) -> Pass:
    from autograd import Value

    return _with_leaves(work, [Value(x) for x in work.point], Value.relu)


def micrograd(work: Work) -> Pass:
    from micrograd.engine import Value

    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))  # its topological sort recurses
    return _with_leaves(work, [Value(x) for x in work.point], Value.relu)


def pytorch(work: Work) -> Pass:
    import torch

    torch.set_num_threads(1)
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in work.point]
    return _with_leaves(work, leaves, torch.relu, cleared=None)


def xad(work: Work) -> Pass:
    from xad.adj_1st import Real, Tape
    from xad.math import fmax

    def run() -> tuple[float, list[float]]:
        with Tape() as tape:
            leaves = [Real(x) for x in work.point]
            tape.registerInputs(leaves)
            tape.newRecording()
            root = work.function(leaves, lambda x: fmax(x, 0.0))
            tape.registerOutput(root)
            root.derivative = 1.0
            tape.computeAdjoints()
            return root.value, [leaf.derivative for leaf in leaves]

    return run


class Contestant(NamedTuple):
    """A package: its name here, the distribution to install, and how it runs a pass."""

    name: str
    distribution: str
    prepare: Callable[[Work], Pass]
    environment: Mapping[str, str] = MappingProxyType({})


CONTESTANTS = [
    Contestant("tracegrad", "", tracegrad),
    Contestant("micrograd", "micrograd", micrograd),
    Contestant("PyTorch scalars", "torch", pytorch),
    Contestant("XAD (C++)", "xad", xad),
    Contestant("in Python", "", tracegrad, {"TRACEGRAD_PURE": "1"}),
]


# ---- measuring ----------------------------------------------------------------------------------------------------


def measure(contestant: int, work: int, passes: int, collector: bool) -> dict[str, Any]:
    """The result of one pass and the mean processor time of several; what a process of its own does."""
    if not collector:
        gc.disable()
    try:
        run = CONTESTANTS[contestant].prepare(WORKS[work])
    except ImportError:
        return {"missing": True}
    value, gradients = run()
    start = time.process_time()
    for _ in range(passes):
        run()
    return {"value": value, "gradients": gradients, "seconds": (time.process_time() - start) / passes}


def in_its_own_process(call: str, environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """What a function of this module returns there."""
    program = f"import json; from benchmarks import eager; print(json.dumps(eager.{call}))"
    process = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def compare(name: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check a value and its gradients to 1e-9 of the largest of them.

    Raises:
        ValueError: the contestant computes something else.
    """
    ours, theirs = ([one["value"], *one["gradients"]] for one in (expected, found))
    worst = max((abs(a - b) for a, b in zip(ours, theirs)), default=0.0)
    if len(ours) != len(theirs) or not worst <= 1e-9 * max(map(abs, ours)):
        raise ValueError(f"{name} computes something else: it differs from tracegrad by {worst:.3g}")


@functools.cache
def operations(work: int) -> int:
    """The number of operations in one pass."""
    from autograd import Value, graph

    return graph.counts(WORKS[work].function([Value(x) for x in WORKS[work].point], Value.relu)).operations


def race(work: int, rounds: int, passes: int) -> None:
    """Let the contestants do a work in turn, compare their results, and print a table."""
    found: dict[tuple[str, bool], list[float]] = {}
    expected: dict[str, Any] = {}
    for _ in range(rounds):
        for (i, contestant), collector in itertools.product(enumerate(CONTESTANTS), (True, False)):
            one = in_its_own_process(f"measure({i}, {work}, {passes}, {collector})", contestant.environment)
            if "missing" not in one:
                expected = expected or one
                compare(contestant.name, one, expected)
                found.setdefault((contestant.name, collector), []).append(one["seconds"] / operations(work) * 1e6)
    print(f"\n{WORKS[work].title}: {operations(work):,} operations; all values and gradients agree\n")
    print("  µs per operation    collector on  fastest    ÷ tracegrad    collector off  fastest    ÷ tracegrad")
    median = {key: statistics.median(times) for key, times in found.items()}
    for contestant in CONTESTANTS:
        if (contestant.name, True) in found:
            line = f"  {contestant.name:16}"
            for collector, indent in ((True, 16), (False, 17)):
                key = (contestant.name, collector)
                ratio = median[key] / median["tracegrad", collector]
                line += f"{median[key]:{indent}.2f} {min(found[key]):8.2f} {ratio:16.2f}×"
            print(line)
        else:
            print(f"  {contestant.name:16} skipped: not installed (python -m pip install {contestant.distribution})")


# ---- a chain ------------------------------------------------------------------------------------------------------


def chain(length: int, collector: bool) -> dict[str, float]:
    """Build, differentiate and delete a chain of this many operations: seconds, bytes per operation, MiB resident.

    Args:
        length: the number of multiplications.
        collector: whether Python's garbage collector runs meanwhile. Graphs have no cycles, so that it finds nothing.
    """
    from autograd import Value

    if not collector:
        gc.disable()
    a, node = Value(0.999), Value(1.0)
    before = resident()
    times = [time.process_time()]
    for _ in range(length):
        node = node * a
    times.append(time.process_time())
    node.backward()
    times.append(time.process_time())
    during = resident()
    del node
    times.append(time.process_time())
    build, backward, delete = (b - a for a, b in itertools.pairwise(times))
    return {
        "build": build,
        "backward": backward,
        "delete": delete,
        "bytes": (during - before) * 2**20 / length,
        "resident": during,
    }


def resident() -> float:
    """The largest resident memory of this process so far, in MiB; nan where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def chains(length: int, rounds: int) -> None:
    """Measure a chain and one of a tenth of its length, with the collector and without it, and print a table."""
    found: dict[tuple[bool, int], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for collector, n in itertools.product((True, False), (length // 10, length)):
            found.setdefault((collector, n), []).append(in_its_own_process(f"chain({n}, {collector})"))
    print("\nA chain of multiplications\n")
    print("  collector   operations   build s  backward s  delete s  bytes/operation  resident MiB")
    total: dict[tuple[bool, int], float] = {}
    for (collector, n), runs in found.items():
        build, backward, delete, size, most = (statistics.median(run[key] for run in runs) for key in runs[0])
        total[collector, n] = build + backward
        print(
            f"  {'on' if collector else 'off':9} {n:12,} {build:9.3f} {backward:11.3f} {delete:9.3f} {size:16.0f} "
            f"{most:13.0f}"
        )
    for collector, word in ((True, "on"), (False, "off")):
        ratio = total[collector, length] / total[collector, length // 10]
        print(f"\n  10 times the operations take {ratio:.1f} times as long with the collector {word}.", end="")
    print()


def machine() -> str:
    """The processor, the Python and the contestants' versions, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    parts = [
        f"{model}, {os.cpu_count()} cores, one used",
        f"{platform.python_implementation()} {sys.version.split()[0]}",
    ]
    from autograd import engine

    parts.append(f"tracegrad's engine: {engine}")
    for contestant in CONTESTANTS[1:-1]:
        try:
            parts.append(f"{contestant.distribution} {importlib.metadata.version(contestant.distribution)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return "; ".join(parts)


def main(arguments: Sequence[str] = ()) -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks eager", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds, of which the median is taken (default: 7)")
    parser.add_argument("--passes", type=int, default=20, help="passes of one contestant in a round (default: 20)")
    parser.add_argument("--chain", type=int, default=1_000_000, help="length of the longer chain (default: 1,000,000)")
    options = parser.parse_args(arguments)
    print(machine())
    chains(options.chain, options.rounds)
    for work in range(len(WORKS)):
        race(work, options.rounds, options.passes)
