"""Exported programs against hand-written JAX and PyTorch: time a step, and time to compile; float64, one thread each.

Needs jax and torch. Loss and gradient are compared with the program's own before anything is timed. Steps are timed in
turn. Compiling is timed in a fresh process each, in turn too, from the function to XLA's executable, in seconds of the
processor, which other work on the machine does not lengthen.

``python -m benchmarks export [--compiles N] [beginning of a name …]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn
from benchmarks.general import Task, gpt, pendulum
from benchmarks.train import ONE_THREAD

ROUNDS = 40
AGREE = 1e-12

Run = Callable[[], tuple[Any, Any]]
"""Gives the loss, and the gradient: flat, or arrays by name."""


class Row(NamedTuple):
    """A program and its twin.

    Attributes:
        program: ours.
        arrays: a batch.
        by_hand: the mean loss in JAX, of parameters and a batch.
        start: the parameters of ``by_hand``: flat, or arrays by name.
        module: the same in PyTorch, if that is a contestant.
    """

    program: Any
    arrays: Sequence[Any]
    by_hand: Callable[..., Any]
    start: Any
    module: Callable[[], Any] | None = None


def network() -> Row:
    """784-128-10 tanh, batches of 256."""
    model = nn.MLP(784, [128, 10], activation="tanh", seed=1)
    program = autograd.compile(
        lambda x, y: nn.cross_entropy(model(x), y), inputs=[(784,), (10,)], parameters=model.parameters()
    )
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(256, 784)), np.eye(10)[rng.integers(0, 10, 256)]
    named = program.unflatten(program.theta)

    def by_hand(p: dict[str, Any], x: Any, y: Any) -> Any:
        import jax

        scores = jax.numpy.tanh(x @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]
        return -(jax.nn.log_softmax(scores) * y).sum(axis=1).mean()

    def module() -> Any:
        import torch

        class ByHand(torch.nn.Module):
            """The same network, as one writes it."""

            def __init__(self) -> None:
                super().__init__()
                for name, array in named.items():
                    self.register_parameter(name, torch.nn.Parameter(torch.as_tensor(array)))

            def forward(self, x: Any, y: Any) -> Any:
                linear = torch.nn.functional.linear
                scores = linear(torch.tanh(linear(x, self.W1, self.b1)), self.W2, self.b2)
                return -(torch.log_softmax(scores, 1) * y).sum(1).mean()

        return ByHand()

    return Row(program, (X, Y), by_hand, named, module)


def of_task(task: Task, samples: int) -> Row:
    """A task of `benchmarks.general`, whose JAX has flat parameters."""
    rng = np.random.default_rng(0)
    theta, arrays = rng.normal(size=task.parameters) * task.scale, task.data(rng, samples)
    parameters = [autograd.Value(x) for x in theta.tolist()]
    program = autograd.compile(partial(task.loss, parameters), task.shapes, parameters)
    return Row(program, arrays, task.peer, theta)


ROWS: dict[str, Callable[[], Row]] = {
    "784-128-10, batch of 256": network,
    "GPT of 16, length 16, batch of 16": lambda: of_task(gpt(16, 16), 16),
    "pendulum, 200 steps, batch of 1,000": lambda: of_task(pendulum(200), 1000),
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks export", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", help="beginnings of names (default: all)")
    parser.add_argument("--compiles", type=int, default=5, help="how often each is compiled")
    parser.add_argument("--compile", nargs=2, metavar=("ROW", "WHO"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    os.environ.update(ONE_THREAD)
    if hasattr(os, "sched_setaffinity"):  # XLA runs small kernels side by side otherwise
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if options.compile:
        print(compiling(*options.compile))
        return
    for name, make in ROWS.items():
        if options.rows and not any(name.startswith(beginning) for beginning in options.rows):
            continue
        row = make()
        print(f"{name}\n  JAX      {steps(row, *with_jax(row))}", flush=True)
        if options.compiles:
            print(f"           {compiles(name, options.compiles)}", flush=True)
        if row.module:
            print(f"  PyTorch  {steps(row, *with_torch(row))}", flush=True)


def steps(row: Row, exported: Run, by_hand: Run, export_time: float) -> str:
    """How loss and gradient agree, and how long they take; refuses those that differ."""
    program = row.program
    loss, gradient = program.value_and_grad(*row.arrays)
    off = 0.0
    for run in (exported, by_hand):
        theirs, slopes = run()
        if isinstance(slopes, dict):
            slopes = program.flatten({name: np.asarray(array) for name, array in slopes.items()})
        theirs, slopes = float(theirs), np.asarray(slopes)
        off = max(off, abs(theirs - loss) / abs(loss), np.abs(slopes - gradient).max() / np.abs(gradient).max())
    if off > AGREE:
        raise SystemExit(f"loss or gradient differ by {off:.1e}")
    times = np.array([[timed(run)[0] for run in (exported, by_hand)] for _ in range(ROUNDS)])  # in turn: same load
    best, ratio = times.min(axis=0) * 1e3, np.median(times[:, 0] / times[:, 1])
    return (
        f"agree to {off:.1e}; export {export_time:.2f} s; loss and gradient {best[0]:.2f} ms, by hand {best[1]:.2f} ms "
        f"(best of {ROUNDS}); ratio {best[0] / best[1]:.2f}, median of the rounds' ratios {ratio:.2f}"
    )


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    found = run()
    return time.perf_counter() - began, found


def functions(row: Row) -> tuple[dict[str, tuple[Any, Any]], list[Any], float]:
    """The two losses, each with its parameters; the batch; the seconds of the export."""
    import jax

    jax.config.update("jax_enable_x64", True)
    seconds, function = timed(row.program.to_jax)
    start = jax.tree.map(jax.numpy.asarray, row.start)
    both = {"exported": (function, jax.numpy.asarray(row.program.theta)), "by hand": (row.by_hand, start)}
    return both, [jax.numpy.asarray(array) for array in row.arrays], seconds


def with_jax(row: Row) -> tuple[Run, Run, float]:
    """Exported, by hand, and the seconds of the export."""
    import jax

    both, given, seconds = functions(row)

    def runner(function: Any, start: Any) -> Run:
        made = jax.jit(jax.value_and_grad(function))
        return lambda: jax.block_until_ready(made(start, *given))

    return runner(*both["exported"]), runner(*both["by hand"]), seconds


def compiles(name: str, rounds: int) -> str:
    """Medians of the seconds of the processor that compiling takes in fresh processes."""
    found: dict[str, list[float]] = {"exported": [], "by hand": []}
    for _ in range(rounds):
        for who, each in found.items():
            command = [sys.executable, "-m", "benchmarks", "export", "--compile", name, who]
            each.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    ours, theirs = (statistics.median(each) for each in found.values())
    ratios = [a / b for a, b in zip(*found.values())]
    return (
        f"compiles in {ours:.2f} s, by hand {theirs:.2f} s (median of {rounds}); ratio {ours / theirs:.2f}, "
        f"the rounds' from {min(ratios):.2f} to {max(ratios):.2f}"
    )


def compiling(name: str, who: str) -> float:
    """Seconds of the processor from a function to the executable of its loss and gradient, JAX being awake."""
    import jax

    both, given, _ = functions(ROWS[name]())
    function, start = both[who]
    jax.block_until_ready(jax.jit(lambda x: x + 1)(given[0]))
    began = time.process_time()
    jax.jit(jax.value_and_grad(function)).lower(start, *given).compile()
    return time.process_time() - began


def with_torch(row: Row) -> tuple[Run, Run, float]:
    """Exported, by hand, and the seconds of the export."""
    import torch

    assert row.module is not None
    torch.set_num_threads(1)
    given = [torch.as_tensor(array) for array in row.arrays]
    seconds, module = timed(row.program.to_torch)

    def runner(network: Any) -> Run:
        compiled = torch.compile(network)

        def run() -> tuple[Any, Any]:
            network.zero_grad()
            loss = compiled(*given)
            loss.backward()
            return loss.detach(), {name: array.grad for name, array in network.named_parameters()}

        return run

    return runner(module), runner(row.module()), seconds
