"""Exported programs against hand-written JAX and PyTorch: a 784-128-10 network, float64, one thread each.

Needs jax and torch. Loss and gradient are compared with the program's own before anything is timed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
import nn

BATCH, ROUNDS = 256, 40
AGREE = 1e-12


def main(arguments: Sequence[str]) -> None:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    model = nn.MLP(784, [128, 10], activation="tanh", seed=1)
    program = autograd.compile(
        lambda x, y: nn.cross_entropy(model(x), y), inputs=[(784,), (10,)], parameters=model.parameters()
    )
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(BATCH, 784)), np.eye(10)[rng.integers(0, 10, BATCH)]
    for name, contest in (("JAX", with_jax), ("PyTorch", with_torch)):
        exported, by_hand, export_time = contest(program, X, Y)
        loss, gradient = program.value_and_grad(X, Y)
        off = 0.0
        for run in (exported, by_hand):
            theirs, slopes = run()
            if isinstance(slopes, dict):
                slopes = program.flatten({name: np.asarray(array) for name, array in slopes.items()})
            theirs, slopes = float(theirs), np.asarray(slopes)
            off = max(off, abs(theirs - loss) / abs(loss), np.abs(slopes - gradient).max() / np.abs(gradient).max())
        if off > AGREE:
            raise SystemExit(f"{name}: loss or gradient differ by {off:.1e}")
        times = np.array([[timed(run)[0] for run in (exported, by_hand)] for _ in range(ROUNDS)])  # in turn: same load
        best = times.min(axis=0)
        print(
            f"{name:8} agrees to {off:.1e}; export {export_time:.2f} s; loss and gradient of {BATCH} samples "
            f"{best[0] * 1e3:.2f} ms, by hand {best[1] * 1e3:.2f} ms: ratio {best[0] / best[1]:.2f}"
        )


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    found = run()
    return time.perf_counter() - began, found


Run = Callable[[], tuple[Any, Any]]
"""Gives the loss, and the gradient: flat, or arrays by name."""


def with_jax(program: Any, X: Any, Y: Any) -> tuple[Run, Run, float]:
    """Exported, by hand, and the seconds of the export."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    seconds, function = timed(program.to_jax)
    given = jnp.asarray(X), jnp.asarray(Y)

    def by_hand(p: dict[str, Any], x: Any, y: Any) -> Any:
        scores = jnp.tanh(x @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]
        return -(jax.nn.log_softmax(scores) * y).sum(axis=1).mean()

    theta = jnp.asarray(program.theta)
    named = {name: jnp.asarray(array) for name, array in program.unflatten(program.theta).items()}
    exported, hand = jax.jit(jax.value_and_grad(function)), jax.jit(jax.value_and_grad(by_hand))

    def run() -> tuple[Any, Any]:
        return jax.block_until_ready(exported(theta, *given))

    def run_by_hand() -> tuple[Any, Any]:
        return jax.block_until_ready(hand(named, *given))

    return run, run_by_hand, seconds


def with_torch(program: Any, X: Any, Y: Any) -> tuple[Run, Run, float]:
    """Exported, by hand, and the seconds of the export."""
    import torch

    torch.set_num_threads(1)
    given = torch.as_tensor(X), torch.as_tensor(Y)
    seconds, module = timed(program.to_torch)

    class ByHand(torch.nn.Module):
        """The same network, as one writes it."""

        def __init__(self) -> None:
            super().__init__()
            for name, array in program.unflatten(program.theta).items():
                self.register_parameter(name, torch.nn.Parameter(torch.as_tensor(array)))

        def forward(self, x: Any, y: Any) -> Any:
            linear = torch.nn.functional.linear
            scores = linear(torch.tanh(linear(x, self.W1, self.b1)), self.W2, self.b2)
            return -(torch.log_softmax(scores, 1) * y).sum(1).mean()

    def runner(network: Any) -> Run:
        compiled = torch.compile(network)

        def run() -> tuple[Any, Any]:
            network.zero_grad()
            loss = compiled(*given)
            loss.backward()
            return loss.detach(), {name: array.grad for name, array in network.named_parameters()}

        return run

    return runner(module), runner(ByHand()), seconds
