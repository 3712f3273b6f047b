"""Training steps of programs of many shapes and batch sizes, float64 and float32, against JAX in its strongest form.

A step is loss, gradient and update by gradient descent. JAX makes a number of them in one call: compiled ahead of time,
`scan` over the steps, the parameters' memory given away, the data on the device. Ours are `Program.epoch`. Each pair
computes the same loss and gradient at the same point before a time is printed; rounds alternate; one thread each.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from benchmarks.train import HANDICAPS, ONE_THREAD, machine, runge_kutta

RATE = 1e-6
"""Of the descent: so small that the work stays the same."""
MOMENT = 0.02
"""Seconds that a call should take at least, by the number of steps that it makes."""


class Task(NamedTuple):
    """The same loss twice: of one sample on Values, and of a batch on JAX's arrays.

    Attributes:
        parameters: how many there are.
        shapes: of one sample of each argument.
        loss: ``loss(parameters, *sample)``, parameters being a list of Values.
        peer: ``peer(theta, *arrays)``, the mean loss of a batch.
        data: ``data(rng, samples)`` draws the arrays.
        scale: of the parameters that are drawn.
    """

    parameters: int
    shapes: list[tuple[int, ...]]
    loss: Callable[..., Any]
    peer: Callable[..., Any]
    data: Callable[[Any, int], list[Any]]
    scale: float = 0.3


def _jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


class Slices:
    """Hands out parts of the parameters, in the same order for both libraries."""

    def __init__(self, theta: Any) -> None:
        self.theta, self.at = theta, 0

    def vector(self, n: int) -> Any:
        """The next n."""
        self.at += n
        return self.theta[self.at - n : self.at]

    def matrix(self, rows: int, columns: int) -> Any:
        """The next rows of a matrix: lists of Values, or an array."""
        part = self.vector(rows * columns)
        if isinstance(part, list):
            return [part[i * columns : (i + 1) * columns] for i in range(rows)]
        return part.reshape(rows, columns)


def times(W: Any, x: Any) -> list[Any]:
    """W·x on Values."""
    import autograd

    return [autograd.dot(row, x) for row in W]


# ---- tasks ----------------------------------------------------------------------------------------------------------


def network(sizes: Sequence[int], activation: str, loss: str) -> Task:
    """A network of dense layers with biases; ``loss`` is ``"squares"``, ``"logits"`` (of classes) or ``"logit"``."""
    pairs = list(itertools.pairwise(sizes))

    def ours(theta: Any, x: Any, y: Any) -> Any:
        import autograd
        import nn

        given = Slices(theta)
        for depth, (m, n) in enumerate(pairs, 1):
            W, b = given.matrix(n, m), given.vector(n)
            x = [a + c for a, c in zip(times(W, x), b)]
            if depth < len(pairs):
                x = [getattr(autograd, activation)(a) for a in x]
        if loss == "squares":
            return sum(((a - t) ** 2 for a, t in zip(x[1:], y[1:])), (x[0] - y[0]) ** 2)
        return nn.cross_entropy(x, y) if loss == "logits" else nn.binary_cross_entropy(x[0], y[0])

    def theirs(theta: Any, x: Any, y: Any) -> Any:
        jax = _jax()
        apply = {"tanh": jax.numpy.tanh, "relu": jax.nn.relu, "softplus": jax.nn.softplus}[activation]
        given = Slices(theta)
        for depth, (m, n) in enumerate(pairs, 1):
            W, b = given.matrix(n, m), given.vector(n)
            x = x @ W.T + b
            x = apply(x) if depth < len(pairs) else x
        if loss == "squares":
            return ((x - y) ** 2).sum(1).mean()
        if loss == "logits":
            return (jax.nn.logsumexp(x, axis=1) - (x * y).sum(1)).mean()
        return (jax.numpy.logaddexp(0, x) - x * y)[:, 0].mean()

    def data(rng: Any, samples: int) -> list[Any]:
        import numpy as np

        X, n = rng.normal(size=(samples, sizes[0])), sizes[-1]
        labels = np.eye(n)[rng.integers(0, n, samples)] if loss == "logits" else rng.integers(0, 2, (samples, n)) * 1.0
        return [X, rng.normal(size=(samples, n)) if loss == "squares" else labels]

    return Task(
        sum((m + 1) * n for m, n in pairs), [(sizes[0],), (sizes[-1],)], ours, theirs, data, 0.5 / math.sqrt(max(sizes))
    )


def convolution(size: int, kernel: int) -> Task:
    """A k×k convolution of an image, relu, and a squared error of all of it."""
    side = size - kernel + 1

    def ours(theta: Any, x: Any, y: Any) -> Any:
        import autograd

        given = Slices(theta)
        K, v = given.vector(kernel * kernel), given.vector(side * side)
        units = []
        for i in range(side):
            for j in range(side):
                patch = [pixel for row in x[i : i + kernel] for pixel in row[j : j + kernel]]
                units.append(autograd.dot(K, patch).relu())
        return (autograd.dot(v, units) - y) ** 2

    def theirs(theta: Any, x: Any, y: Any) -> Any:
        jax = _jax()
        given = Slices(theta)
        K, v = given.matrix(kernel, kernel), given.matrix(side, side)
        units = jax.nn.relu(jax.lax.conv_general_dilated(x[:, None], K[None, None], (1, 1), "VALID")[:, 0])
        return ((jax.numpy.einsum("bij,ij->b", units, v) - y) ** 2).mean()

    data = lambda rng, samples: [rng.random((samples, size, size)), rng.random(samples)]  # noqa: E731
    return Task(kernel * kernel + side * side, [(size, size), ()], ours, theirs, data, 0.1)


def recurrent(steps: int, units: int, inputs: int) -> Task:
    """An Elman network and a squared error at its end; JAX runs it by `scan`."""

    def ours(theta: Any, x: Any, y: Any) -> Any:
        import autograd

        given = Slices(theta)
        W, U, v = given.matrix(units, units), given.matrix(units, inputs), given.vector(units)
        h = [a.tanh() for a in times(U, x[0])]
        for t in range(1, steps):
            h = [(a + b).tanh() for a, b in zip(times(W, h), times(U, x[t]))]
        return (autograd.dot(v, h) - y) ** 2

    def theirs(theta: Any, x: Any, y: Any) -> Any:
        jax = _jax()
        given = Slices(theta)
        W, U, v = given.matrix(units, units), given.matrix(units, inputs), given.vector(units)

        def step(h: Any, x: Any) -> tuple[Any, None]:
            return jax.numpy.tanh(h @ W.T + x @ U.T), None

        h, _ = jax.lax.scan(step, jax.numpy.zeros((len(x), units), x.dtype), x.swapaxes(0, 1))
        return ((h @ v - y) ** 2).mean()

    data = lambda rng, samples: [rng.normal(size=(samples, steps, inputs)), rng.normal(size=samples)]  # noqa: E731
    return Task(units * (units + inputs + 1), [(steps, inputs), ()], ours, theirs, data)


def attention(length: int, width: int) -> Task:
    """One head of attention over a sequence, and the mean square of what comes out."""

    def ours(theta: Any, x: Any) -> Any:
        import autograd

        given = Slices(theta)
        Q, K, V = (given.matrix(width, width) for _ in range(3))
        q, k, v = ([times(M, row) for row in x] for M in (Q, K, V))
        total = None
        for row in q:
            shares = autograd.softmax([autograd.dot(row, other) / math.sqrt(width) for other in k])
            out = [autograd.dot(shares, [other[j] for other in v]) for j in range(width)]
            square = autograd.dot(out, out)
            total = square if total is None else total + square
        return total

    def theirs(theta: Any, x: Any) -> Any:
        jax = _jax()
        given = Slices(theta)
        q, k, v = (x @ given.matrix(width, width).T for _ in range(3))
        shares = jax.nn.softmax(jax.numpy.einsum("bid,bjd->bij", q, k) / math.sqrt(width), axis=2)
        return (jax.numpy.einsum("bij,bjd->bid", shares, v) ** 2).sum((1, 2)).mean()

    return Task(
        3 * width * width, [(length, width)], ours, theirs, lambda rng, n: [rng.normal(size=(n, length, width))]
    )


def gpt(width: int, length: int, vocabulary: int = 27, heads: int = 4) -> Task:
    """A language model of one block: embeddings, causal attention, a wide layer, logits; tokens are unit vectors."""
    part = width // heads

    def parameters(theta: Any) -> tuple[Any, ...]:
        given = Slices(theta)
        shapes = [
            (vocabulary, width), (length, width), *[(width, width)] * 4, (4 * width, width), (width, 4 * width),
            (vocabulary, width),
        ]  # fmt: skip
        return tuple(given.matrix(*shape) for shape in shapes)

    def ours(theta: Any, x: Any, y: Any) -> Any:
        import autograd
        import nn

        E, P, Q, K, V, mix, W1, W2, U = parameters(theta)
        columns = [list(column) for column in zip(*E)]

        def norm(v: Any) -> Any:
            scale = (autograd.dot(v, v) / len(v) + 1e-5) ** -0.5
            return [a * scale for a in v]

        keys: list[Any] = []
        values: list[Any] = []
        losses = []
        for t in range(length):
            h = norm([autograd.dot(column, x[t]) + p for column, p in zip(columns, P[t])])
            n = norm(h)
            query = times(Q, n)
            keys.append(times(K, n))
            values.append(times(V, n))
            out = []
            for head in range(heads):
                own = slice(head * part, (head + 1) * part)
                shares = autograd.softmax([autograd.dot(query[own], k[own]) / math.sqrt(part) for k in keys])
                out += [autograd.dot(shares, [v[j] for v in values]) for j in range(own.start, own.stop)]
            h = [a + b for a, b in zip(times(mix, out), h)]
            wide = [a.relu() for a in times(W1, norm(h))]
            h = [a + b for a, b in zip(times(W2, wide), h)]
            losses.append(nn.cross_entropy(times(U, h), y[t]))
        return autograd.mean(losses)

    def theirs(theta: Any, x: Any, y: Any) -> Any:
        jax = _jax()
        np = jax.numpy
        E, P, Q, K, V, mix, W1, W2, U = parameters(theta)

        def norm(v: Any) -> Any:
            return v * ((v * v).mean(-1, keepdims=True) + 1e-5) ** -0.5

        h = norm(x @ E + P)
        n = norm(h)
        q, k, v = ((n @ M.T).reshape(len(x), length, heads, part) for M in (Q, K, V))
        scores = np.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(part)
        scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf)
        out = np.einsum("bhij,bjhd->bihd", jax.nn.softmax(scores, axis=-1), v).reshape(len(x), length, width)
        h = out @ mix.T + h
        h = jax.nn.relu(norm(h) @ W1.T) @ W2.T + h
        logits = h @ U.T
        return (jax.nn.logsumexp(logits, axis=-1) - (logits * y).sum(-1)).mean()

    def data(rng: Any, samples: int) -> list[Any]:
        import numpy as np

        tokens = rng.integers(0, vocabulary, (samples, length + 1))
        return [np.eye(vocabulary)[tokens[:, :-1]], np.eye(vocabulary)[tokens[:, 1:]]]

    count = (2 * vocabulary + length) * width + 12 * width * width
    return Task(count, [(length, vocabulary)] * 2, ours, theirs, data, 0.2)


def pendulum(steps: int) -> Task:
    """Runge–Kutta steps of a damped pendulum, and its energy at the end; JAX runs them by `scan`."""

    def ours(theta: Any, x: Any) -> Any:
        import autograd

        angle, speed = x
        for _ in range(steps):
            angle, speed = runge_kutta(angle, speed, theta, autograd.sin)
        return 0.5 * speed * speed + 0.1 * angle * angle

    def theirs(theta: Any, x: Any) -> Any:
        jax = _jax()

        def advance(state: Any, _: Any) -> tuple[Any, None]:
            return runge_kutta(*state, theta, jax.numpy.sin), None

        (angle, speed), _ = jax.lax.scan(advance, (x[:, 0], x[:, 1]), None, length=steps)
        return (0.5 * speed * speed + 0.1 * angle * angle).mean()

    return Task(3, [(2,)], ours, theirs, lambda rng, n: [rng.uniform(-1, 1, (n, 2))], 1.0)


TASKS: dict[str, tuple[Callable[[], Task], Sequence[int]]] = {
    "2-16-16-1 relu": (lambda: network([2, 16, 16, 1], "relu", "logit"), (16, 100, 1024)),
    "4-10-3 tanh": (lambda: network([4, 10, 3], "tanh", "logits"), (16, 150)),
    "20 tanh layers of 8": (lambda: network([8] * 21 + [1], "tanh", "squares"), (64, 2000)),
    "2-64-64-4 tanh": (lambda: network([2, 64, 64, 4], "tanh", "squares"), (16, 256, 1000)),
    "10-32-1 softplus": (lambda: network([10, 32, 1], "softplus", "logit"), (256,)),
    "784-10": (lambda: network([784, 10], "relu", "logits"), (64, 512)),
    "784-128-10 relu": (lambda: network([784, 128, 10], "relu", "logits"), (16, 64, 256)),
    "logistic regression of 1,000": (lambda: network([1000, 1], "relu", "logit"), (16, 256)),
    "5×5 convolution of 28×28": (lambda: convolution(28, 5), (16, 64)),
    "attention 8×16": (lambda: attention(8, 16), (16, 256)),
    "recurrent, 50 steps of 16": (lambda: recurrent(50, 16, 4), (16, 256)),
    "GPT of 16, length 16": (lambda: gpt(16, 16), (1, 16, 64, 256)),
    "GPT of 64, length 16": (lambda: gpt(64, 16), (1, 16, 64)),
    "pendulum, 200 steps": (lambda: pendulum(200), (1000,)),
}  # fmt: skip


# ---- measuring ------------------------------------------------------------------------------------------------------


def ours(task: Task, theta: Any, arrays: Sequence[Any], dtype: str) -> tuple[Any, Callable[[int], None], float]:
    """Loss and gradient, a function that makes steps, and the seconds until the first one was made."""
    import numpy as np

    import autograd
    import nn

    parameters = [autograd.Value(x) for x in theta.tolist()]
    began = time.perf_counter()
    program = autograd.compile(partial(task.loss, parameters), task.shapes, parameters, dtype=dtype)
    optimizer = nn.SGD(parameters, RATE)
    loss, gradient = program.value_and_grad(*arrays)
    took = time.perf_counter() - began
    samples = len(arrays[0])
    orders: dict[int, Any] = {}

    def run(steps: int) -> None:
        order = orders.setdefault(steps, np.tile(np.arange(samples), steps))
        program.epoch(*arrays, optimizer, order=order, batch_size=samples)

    return (loss, gradient), run, took


def with_jax(task: Task, theta: Any, arrays: Sequence[Any], dtype: str) -> tuple[Any, Callable[[int], None], float]:
    """The same by JAX."""
    jax = _jax()
    device = [jax.numpy.asarray(array) for array in arrays]
    began = time.perf_counter()
    both = jax.value_and_grad(task.peer)

    def step(theta: Any, _: Any, data: Any) -> tuple[Any, Any]:
        value, gradient = both(theta, *data)
        return theta - jax.numpy.asarray(RATE, theta.dtype) * gradient, value

    def many(theta: Any, data: Any, steps: int) -> Any:
        return jax.lax.scan(lambda theta, i: step(theta, i, data), theta, None, length=steps)

    found = jax.jit(both)(jax.numpy.asarray(theta), *device)
    jax.block_until_ready(found)
    took = time.perf_counter() - began
    compiled: dict[int, Any] = {}

    def run(steps: int) -> None:
        start = jax.numpy.array(theta)
        if steps not in compiled:
            made = jax.jit(partial(many, steps=steps), donate_argnums=0)
            compiled[steps] = made.lower(start, device).compile()
        jax.block_until_ready(compiled[steps](start, device))

    return found, run, took


def race(name: str, task: Task, samples: int, dtype: str, rounds: int) -> tuple[float, float]:
    """Print a row of the table; seconds a step of ours and of JAX (nan where it is not installed)."""
    import numpy as np

    rng = np.random.default_rng(0)
    theta = (rng.normal(size=task.parameters) * task.scale).astype(dtype)
    arrays = [np.ascontiguousarray(array, dtype) for array in task.data(rng, samples)]
    contestants = [ours(task, theta, arrays, dtype)]
    with contextlib.suppress(ImportError):
        contestants.append(with_jax(task, theta, arrays, dtype))
    own = contestants[0][0]
    for (loss, gradient), _, _ in contestants[1:]:
        allowed = {"float64": 1e-9, "float32": 2e-3}[dtype]
        worst = float(np.abs(np.asarray(gradient) - own[1]).max())
        if not (
            abs(float(loss) - float(own[0])) <= allowed * abs(float(own[0]))
            and worst <= allowed * float(np.abs(own[1]).max())
        ):
            raise ValueError(f"{name}: JAX computes something else; a slope differs by {worst:.3g}")
    found, steps = [], []
    for _, run, _ in contestants:
        run(1)
        began = time.perf_counter()
        run(1)
        steps.append(max(2, min(200, int(MOMENT / (time.perf_counter() - began)))))
        run(steps[-1])
    spent: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        gc.collect()
        for (_, run, _), count, each in zip(contestants, steps, spent):
            began = time.perf_counter()
            run(count)
            each.append((time.perf_counter() - began) / count)
    found = [statistics.median(each) for each in spent] + [math.nan]
    ratio = found[0] / found[1]
    compiled = "".join(f"{took:9.2f}" for _, _, took in contestants)
    print(
        f"{name:30} {samples:5} {dtype} {found[0] * 1e6:11,.1f} {found[1] * 1e6:11,.1f} {ratio:7.2f} {compiled}",
        flush=True,
    )
    return found[0], found[1]


def main(arguments: Sequence[str] = ()) -> None:
    """Run the tasks whose name begins with one of ``arguments``, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks general", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("tasks", nargs="*", help="beginnings of names (default: all)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--dtype", choices=("float64", "float32"))
    options = parser.parse_args(arguments)
    os.environ.update(ONE_THREAD)
    for name in HANDICAPS:
        if os.environ.pop(name, None) is not None:
            print(f"{name} was set; taken back, so that every library chooses its kernels for this processor")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(machine())
    print(f"{'':30} batch         {'ours, µs':>11} {'JAX, µs':>11} {'ratio':>7}   ready in s (ours, JAX)")
    ratios = []
    for name, (make, sizes) in TASKS.items():
        if options.tasks and not any(name.startswith(beginning) for beginning in options.tasks):
            continue
        for dtype in [options.dtype] if options.dtype else ["float64", "float32"]:
            for samples in sizes:
                own, peer = race(name, make(), samples, dtype, options.rounds)
                ratios.append(own / peer)
    measured = [ratio for ratio in ratios if ratio == ratio]
    if measured:
        slower = sum(ratio > 1 for ratio in measured)
        print(f"median ratio {statistics.median(measured):.2f}; slower than JAX in {slower} of {len(measured)} rows")
