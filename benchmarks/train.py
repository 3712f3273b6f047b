"""Training steps and compile times of compiled programs against JAX, PyTorch, ddx-ad and micrograd, one thread each.

Every contestant computes the same thing: loss and gradient at the same point are compared before a time is printed.
Runs alternate, so that a busy machine slows all of them, and medians are printed, with the ratio to each peer and the
ratio that is aimed for.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import itertools
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu",
}  # fmt: skip
"""To be set before NumPy, JAX or PyTorch is imported."""

HANDICAPS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY")
"""Settings under which a library does not use the processor as it finds it. They would slow down one contestant only
(OpenBLAS is ours, through NumPy), so they are taken back; without them every library chooses its own kernels."""

OWN = "tracegrad"


class Contestant(NamedTuple):
    """A package at work on a workload.

    Attributes:
        name: as printed.
        check: loss and gradient (any order of entries that all contestants share) at the common starting point.
        run: the work that is timed.
        repeats: how often it runs in one round.
        compiling: seconds that compiling took, if it did.
    """

    name: str
    check: Callable[[], tuple[float, Any]]
    run: Callable[[], Any]
    repeats: int = 1
    compiling: float | None = None


class Workload(NamedTuple):
    """What is compared, and how fast it is meant to be compared with each peer (ratio of times)."""

    title: str
    contestants: Callable[[], Iterator[Contestant]]
    targets: dict[str, float]
    rounds: int
    tolerance: float = 1e-9


# ---- networks, written once for arrays ------------------------------------------------------------------------------


def layered(theta: Any, sizes: Sequence[int]) -> list[tuple[Any, Any]]:
    """The weight matrices (n, m) and biases (n,) of a network in the flat array of its parameters, neuron by neuron."""
    found, start = [], 0
    for m, n in itertools.pairwise(sizes):
        block = theta[start : start + n * (m + 1)].reshape(n, m + 1)
        found.append((block[:, :m], block[:, m]))
        start += n * (m + 1)
    return found


def network(theta: Any, sizes: Sequence[int], X: Any, relu: Callable[[Any], Any]) -> Any:
    """The outputs (B, n) of a network with relu between its layers."""
    layers = layered(theta, sizes)
    for depth, (W, b) in enumerate(layers, start=1):
        X = X @ W.T + b
        if depth < len(layers):
            X = relu(X)
    return X


def hinge(score: Any, y: Any, theta: Any, relu: Callable[[Any], Any]) -> Any:
    """The loss of micrograd's demonstration: mean hinge loss plus 1e-4 times the sum of squares."""
    return relu(1 - y * score).mean() + 1e-4 * (theta * theta).sum()


def _torch() -> Any:
    import torch

    torch.set_num_threads(1)
    return torch


def _jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


# ---- the moons ------------------------------------------------------------------------------------------------------

MOONS = (2, 16, 16, 1)
RATE = 0.05


def _moons() -> tuple[Any, Any, Any]:
    import nn

    model = nn.MLP(2, [16, 16, 1], seed=1)
    data = nn.datasets.moons(100, noise=0.1, seed=1)
    return model, data.X, 2.0 * data.y - 1.0


def moons() -> Iterator[Contestant]:
    """One full-batch step of gradient descent: loss, gradient, update."""
    import numpy as np

    import autograd
    import nn

    model, X, y = _moons()
    start = np.array([p.data for p in model.parameters()])

    def loss(x: Any, target: Any) -> Any:
        squares = [p * p for p in model.parameters()]
        return nn.hinge_loss(model(x), target) + 1e-4 * sum(squares[1:], squares[0])

    for backend in ("llvm", "numpy"):
        try:
            program = autograd.compile(loss, [(2,), ()], model.parameters(), backend=backend)
        except ImportError:
            continue
        program.value_and_grad(X, y)
        began = time.perf_counter()  # again, with machine code from the cache
        program = autograd.compile(loss, [(2,), ()], model.parameters(), backend=backend)
        took = time.perf_counter() - began
        optimizer = nn.SGD(model.parameters(), RATE)
        name = f"{OWN} ({backend})"
        yield Contestant(name, _checker(program, X, y), _stepper(program, X, y, optimizer), 1000, took)
    yield from _moons_jax(start, X, y)
    yield from _moons_torch(start, X, y)
    yield from _moons_ddx(start, X, y)
    yield from _moons_micrograd(start, X, y)


def _checker(program: Any, *arrays: Any) -> Callable[[], tuple[float, Any]]:
    def check() -> tuple[float, Any]:
        program.pull()
        return program.value_and_grad(*arrays)

    return check


def _stepper(program: Any, X: Any, y: Any, optimizer: Any) -> Callable[[], Any]:
    return lambda: program.step(X, y, optimizer)


def _moons_jax(start: Any, X: Any, y: Any) -> Iterator[Contestant]:
    jax = _jax()

    def loss(theta: Any) -> Any:
        return hinge(network(theta, MOONS, X, jax.nn.relu)[:, 0], y, theta, jax.nn.relu)

    def step(theta: Any) -> tuple[Any, Any]:
        value, gradient = jax.value_and_grad(loss)(theta)
        return theta - RATE * gradient, value

    began = time.perf_counter()
    compiled = jax.jit(step, donate_argnums=0)
    state = [compiled(jax.numpy.array(start))[0]]
    took = time.perf_counter() - began

    def run() -> None:
        state[0], value = compiled(state[0])
        value.block_until_ready()

    gradient = jax.jit(jax.value_and_grad(loss))
    yield Contestant("JAX (jit)", lambda: gradient(jax.numpy.array(start)), run, 500, took)


def _torch_network(torch: Any, sizes: Any, start: Any) -> Any:
    modules: list[Any] = []
    for (m, n), (W, b) in zip(itertools.pairwise(sizes), layered(start, sizes)):
        layer = torch.nn.Linear(m, n, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(W))
            layer.bias.copy_(torch.tensor(b))
        modules += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _moons_torch(start: Any, X: Any, y: Any) -> Iterator[Contestant]:
    torch = _torch()
    model = _torch_network(torch, MOONS, start)
    inputs, targets = torch.tensor(X), torch.tensor(y)
    optimizer = torch.optim.SGD(model.parameters(), RATE)

    def forward() -> Any:
        penalty = sum((p * p).sum() for p in model.parameters())
        return torch.relu(1 - targets * model(inputs)[:, 0]).mean() + 1e-4 * penalty

    def step() -> Any:
        optimizer.zero_grad()
        value = forward()
        value.backward()
        optimizer.step()
        return value.item()

    def check() -> tuple[float, Any]:
        optimizer.zero_grad()
        value = forward()
        value.backward()
        joined = [torch.cat([m.weight.grad, m.bias.grad[:, None]], 1).reshape(-1) for m in model[::2]]
        return value.item(), torch.cat(joined).numpy().copy()

    yield Contestant("PyTorch", check, step, 50)


def _moons_ddx(start: Any, X: Any, y: Any) -> Iterator[Contestant]:
    """A compiled kernel for one sample, over a batch of points; the update is left out."""
    import ddx
    import numpy as np

    names = [f"w{i}" for i in range(len(start))]

    def model() -> Any:
        theta = [ddx.var(name) for name in names]
        layer, target = [ddx.param("x0"), ddx.param("x1")], ddx.param("y")
        weights = iter(theta)
        for depth, n in enumerate(MOONS[1:], start=1):
            outputs = []
            for _ in range(n):
                z = sum(next(weights) * entry for entry in layer) + next(weights)
                outputs.append(ddx.max(z, 0.0) if depth < len(MOONS) - 1 else z)
            layer = outputs
        return ddx.max(1.0 - target * layer[0], 0.0)

    began = time.perf_counter()
    equation = ddx.equation(model)
    equation.compile(points=len(X))
    took = time.perf_counter() - began
    point = np.vstack([np.repeat(start[:, None], len(X), 1), X.T, y[None]])
    call = equation.buffer(point)

    def gradient() -> tuple[float, Any]:
        call()
        loss = np.asarray(call.value).mean() + 1e-4 * (start * start).sum()
        return float(loss), np.asarray(call.jacobian).mean(axis=1) + 2e-4 * start

    yield Contestant("ddx-ad (compiled, gradient only)", gradient, gradient, 400, took)


def _moons_micrograd(start: Any, X: Any, y: Any) -> Iterator[Contestant]:
    from micrograd.engine import Value

    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))  # its topological sort recurses
    theta = [Value(float(x)) for x in start]

    def forward() -> Any:
        scores = []
        for row in X.tolist():
            layer: list[Any] = row
            weights = iter(theta)
            for depth, n in enumerate(MOONS[1:], start=1):
                outputs = []
                for _ in range(n):
                    z = sum((next(weights) * entry for entry in layer), Value(0.0)) + next(weights)
                    outputs.append(z.relu() if depth < len(MOONS) - 1 else z)
                layer = outputs
            scores.append(layer[0])
        losses = [(1 + -target * score).relu() for target, score in zip(y.tolist(), scores)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in theta)

    def step(rate: float = RATE) -> tuple[float, Any]:
        for p in theta:
            p.grad = 0
        value = forward()
        value.backward()
        found = [p.grad for p in theta]
        for p in theta:
            p.data -= rate * p.grad
        return value.data, found

    yield Contestant("micrograd", lambda: step(0.0), step)


# ---- MNIST and Iris -------------------------------------------------------------------------------------------------


class Classifier(NamedTuple):
    """A network that learns classes by mini-batches with momentum."""

    sizes: tuple[int, ...]
    batch: int
    rate: float
    momentum: float
    epochs: int
    data: Callable[[], tuple[Any, Any, Any, Any]]
    dtypes: tuple[str, ...] = ("float64",)
    warming: int = 1  # runs before the accuracy is printed


def _mnist() -> tuple[Any, Any, Any, Any]:
    import nn

    train, test = nn.datasets.mnist()
    return train.X, train.y, test.X, test.y


def _iris() -> tuple[Any, Any, Any, Any]:
    import nn

    data = nn.datasets.iris()
    X = (data.X - data.X.mean(0)) / data.X.std(0)
    return X, data.y, X, data.y


def classifier(task: Classifier) -> Iterator[Contestant]:
    """Some epochs of stochastic gradient descent with momentum, in an order of the samples that all share."""
    import numpy as np

    import autograd
    import nn

    X, labels, test, test_labels = task.data()
    Y = nn.datasets.one_hot(labels, task.sizes[-1])
    model = nn.MLP(task.sizes[0], list(task.sizes[1:]), seed=1)
    start = np.array([p.data for p in model.parameters()])
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(X)) for _ in range(task.epochs)]
    batches = [order[i : i + task.batch] for order in orders for i in range(0, len(X), task.batch)]
    first = batches[0]

    for dtype in task.dtypes:
        began = time.perf_counter()
        program = autograd.compile(
            lambda x, y: nn.cross_entropy(model(x), y), [X.shape[1:], Y.shape[1:]], model.parameters(), dtype=dtype
        )
        took = time.perf_counter() - began
        data = X.astype(dtype), Y.astype(dtype)
        learn = _learning(program, *data, batches, nn.SGD(model.parameters(), task.rate, task.momentum))
        name = OWN if dtype == "float64" else f"{OWN} ({dtype})"
        predictor = autograd.compile(model, [X.shape[1:]], model.parameters())
        for _ in range(task.warming):
            learn()
        predictor.theta[:] = program.theta
        accuracy = float(np.mean(predictor(test).argmax(1) == test_labels))
        print(f"    {name}: test accuracy {accuracy:.2%} after {task.warming * task.epochs} epochs", flush=True)
        yield Contestant(name, _checker(program, X[first], Y[first]), learn, 1, took)
    yield from _classifier_jax(task, start, X, labels, batches)
    yield from _classifier_torch(task, start, X, labels, batches)


def _learning(program: Any, X: Any, Y: Any, batches: list[Any], optimizer: Any) -> Callable[[], None]:
    def learn() -> None:
        for chosen in batches:
            program.step(X, Y, optimizer, rows=chosen)

    return learn


def _classifier_jax(task: Classifier, start: Any, X: Any, labels: Any, batches: list[Any]) -> Iterator[Contestant]:
    jax = _jax()
    jnp = jax.numpy
    inputs, targets = jnp.array(X), jnp.array(labels)

    def loss(theta: Any, x: Any, y: Any) -> Any:
        logits = network(theta, task.sizes, x, jax.nn.relu)
        right = jnp.take_along_axis(logits, y[:, None], 1)[:, 0]
        return (jax.scipy.special.logsumexp(logits, axis=1) - right).mean()

    def step(theta: Any, velocity: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
        value, gradient = jax.value_and_grad(loss)(theta, x, y)
        velocity = task.momentum * velocity + gradient
        return theta - task.rate * velocity, velocity, value

    def step_on_device(theta: Any, velocity: Any, chosen: Any) -> tuple[Any, Any, Any]:
        return step(theta, velocity, inputs[chosen], targets[chosen])

    ways: dict[str, tuple[Any, Callable[[Any], tuple[Any, ...]]]] = {
        "JAX (jit)": (step, lambda chosen: (X[chosen], labels[chosen])),
        "JAX (jit, data inside the program)": (step_on_device, lambda chosen: (chosen,)),
    }
    gradient = jax.jit(jax.value_and_grad(loss))
    for name, (function, arguments) in ways.items():
        began = time.perf_counter()
        compiled = jax.jit(function, donate_argnums=(0, 1))
        state = [jnp.array(start), jnp.zeros(len(start))]

        def learn(compiled: Any = compiled, state: Any = state, arguments: Any = arguments) -> None:
            for chosen in batches:
                state[0], state[1], value = compiled(*state, *arguments(chosen))
            value.block_until_ready()

        for chosen in {len(chosen): chosen for chosen in batches}.values():
            state[0], state[1], value = compiled(*state, *arguments(chosen))
            value.block_until_ready()
        took = time.perf_counter() - began
        yield Contestant(name, lambda: gradient(jnp.array(start), X[batches[0]], labels[batches[0]]), learn, 1, took)


def _classifier_torch(task: Classifier, start: Any, X: Any, labels: Any, batches: list[Any]) -> Iterator[Contestant]:
    torch = _torch()
    model = _torch_network(torch, task.sizes, start)
    inputs, targets = torch.tensor(X), torch.tensor(labels)
    optimizer = torch.optim.SGD(model.parameters(), task.rate, task.momentum)
    chosen_ones = [torch.tensor(chosen) for chosen in batches]

    def value_of(chosen: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(inputs[chosen]), targets[chosen])

    def learn() -> None:
        for chosen in chosen_ones:
            optimizer.zero_grad()
            value_of(chosen).backward()
            optimizer.step()

    def check() -> tuple[float, Any]:
        optimizer.zero_grad()
        value = value_of(chosen_ones[0])
        value.backward()
        joined = [torch.cat([m.weight.grad, m.bias.grad[:, None]], 1).reshape(-1) for m in model[::2]]
        return value.item(), torch.cat(joined).numpy().copy()

    yield Contestant("PyTorch", check, learn)


# ---- a pendulum -----------------------------------------------------------------------------------------------------

STATES = 1000
PENDULUM = (9.81, 0.25, 1.3)  # g/l, damping, driving torque


def pendulum(state: Sequence[Any], parameters: Sequence[Any], sin: Callable[[Any], Any], steps: int) -> Any:
    """The energy of a damped, driven pendulum after `steps` Runge–Kutta steps, from angle and speed."""
    angle, speed = state
    for _ in range(steps):
        angle, speed = runge_kutta(angle, speed, parameters, sin)
    return 0.5 * speed * speed + 0.1 * angle * angle


def runge_kutta(angle: Any, speed: Any, parameters: Sequence[Any], sin: Callable[[Any], Any], h: float = 0.02) -> Any:
    """One step of order 4."""
    stiffness, damping, torque = parameters

    def slope(a: Any, v: Any) -> tuple[Any, Any]:
        return v, torque - stiffness * sin(a) - damping * v

    a1, v1 = slope(angle, speed)
    a2, v2 = slope(angle + h / 2 * a1, speed + h / 2 * v1)
    a3, v3 = slope(angle + h / 2 * a2, speed + h / 2 * v2)
    a4, v4 = slope(angle + h * a3, speed + h * v3)
    return angle + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4), speed + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)


def pendulums(steps: int, unrolled: bool) -> Iterator[Contestant]:
    """Mean energy over many initial states, and its gradient with respect to 3 parameters.

    JAX compiles the same Python loop, unrolled (minutes for 100 steps and more), or the loop rewritten with `scan`.
    """
    import numpy as np

    import autograd

    rng = random.Random(0)
    X = np.array([[rng.uniform(-1.5, 1.5), rng.uniform(-1, 1)] for _ in range(STATES)])
    for backend in ("llvm", "numpy"):
        parameters = [autograd.Value(x) for x in PENDULUM]
        energy = partial(pendulum, parameters=parameters, sin=autograd.sin, steps=steps)
        try:
            autograd.compile(partial(energy, steps=1), [(2,)], parameters, backend=backend).value_and_grad(X)
        except ImportError:
            continue
        began = time.perf_counter()
        program = autograd.compile(energy, [(2,)], parameters, backend=backend)
        program.value_and_grad(X)
        took = time.perf_counter() - began
        check = _checker(program, X)
        yield Contestant(f"{OWN} ({backend})", check, check, 1, took)
    jax = _jax()

    def looped(theta: Any) -> Any:
        return jax.vmap(lambda x: pendulum((x[0], x[1]), theta, jax.numpy.sin, steps))(X).mean()

    def scanned(theta: Any) -> Any:
        def advance(state: Any, _: Any) -> tuple[Any, None]:
            return runge_kutta(*state, theta, jax.numpy.sin), None

        def one(x: Any) -> Any:
            angle, speed = jax.lax.scan(advance, (x[0], x[1]), None, length=steps)[0]
            return 0.5 * speed * speed + 0.1 * angle * angle

        return jax.vmap(one)(X).mean()

    ways = {"JAX (scan, written for it)": scanned, **({"JAX (jit, vmap)": looped} if unrolled else {})}
    for name, function in ways.items():
        began = time.perf_counter()
        gradient = jax.jit(jax.value_and_grad(function))
        theta = jax.numpy.array(PENDULUM)

        def run(gradient: Any = gradient, theta: Any = theta) -> Any:
            value, slopes = gradient(theta)
            slopes.block_until_ready()
            return value, slopes

        run()
        yield Contestant(name, run, run, 1, time.perf_counter() - began)


# ---- compile time ---------------------------------------------------------------------------------------------------


def _loss(model: Any, loss: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    return loss(model(x), y)


def compiling(repeats: int) -> None:
    """Seconds to compile networks of several sizes, stage by stage."""
    import autograd
    import nn

    print("\nCompile time: trace, simplify, pack, lower; medians of", repeats, "runs")
    print(f"    {'':14} {'scalar nodes':>13} {'instructions':>13} {'seconds':>9} {'µs per node':>12}   aimed for")
    cases = [((2, 16, 16, 1), "0.030"), ((784, 64, 10), "–"), ((784, 128, 10), "2.000"), ((784, 256, 10), "–")]
    for sizes, target in cases:
        model = nn.MLP(sizes[0], list(sizes[1:]), seed=1)
        loss: Callable[[Any, Any], Any] = nn.cross_entropy if sizes[-1] > 1 else nn.hinge_loss
        shapes = [(sizes[0],), (sizes[-1],) if sizes[-1] > 1 else ()]
        found = []
        for _ in range(repeats + 1):
            gc.collect()
            began = time.perf_counter()
            program = autograd.compile(partial(_loss, model, loss), shapes, model.parameters())
            found.append(time.perf_counter() - began)
        stats = program.stats
        took = statistics.median(found[1:])
        name = "-".join(map(str, sizes))
        print(f"    {name:14} {stats.scalar_nodes:13,} {stats.instructions:13} {took:9.3f} "
              f"{took / stats.scalar_nodes * 1e6:12.2f}   ≤ {target}", flush=True)  # fmt: skip


# ---- measuring ------------------------------------------------------------------------------------------------------

MNIST_TASK = {
    "batch": 64,
    "momentum": 0.9,
    "epochs": 1,
    "data": _mnist,
    "dtypes": ("float64", "float32"),
    "warming": 4,
}
WORKLOADS = {
    "moons": Workload(
        "100 moons, MLP 2-16-16-1, hinge loss + L2, full batch, float64; one training step", moons,
        {"JAX (jit)": 0.25, "PyTorch": 0.06, "ddx-ad (compiled, gradient only)": 0.5, "micrograd": 1e-4}, 21,
    ),
    "softmax": Workload(
        "MNIST softmax 784-10, batch 64, SGD momentum 0.9, one epoch of 60,000, float64",
        lambda: classifier(Classifier((784, 10), rate=0.02, **MNIST_TASK)),  # type: ignore[arg-type]
        {"JAX (jit)": 0.4, "PyTorch": 0.25}, 5, 1e-9,
    ),
    "mlp": Workload(
        "MNIST 784-128-10 relu, batch 64, SGD momentum 0.9, one epoch of 60,000, float64",
        lambda: classifier(Classifier((784, 128, 10), rate=0.05, **MNIST_TASK)),  # type: ignore[arg-type]
        {"JAX (jit)": 0.7, "PyTorch": 0.7}, 3, 1e-9,
    ),
    "iris": Workload(
        "Iris 4-10-3, mini-batch 16, momentum 0.9, 100 epochs, float64",
        lambda: classifier(Classifier((4, 10, 3), 16, 0.05, 0.9, 100, _iris)),
        {"PyTorch": 0.2}, 7,
    ),
    "pendulum": Workload(
        "200 Runge–Kutta steps of a damped pendulum, 1,000 initial states, gradient by 3 parameters",
        lambda: pendulums(200, unrolled=False), {"JAX (scan, written for it)": 1.0}, 11,
    ),
    "unrolled": Workload(
        "10 Runge–Kutta steps of the same pendulum, unrolled by JAX too", lambda: pendulums(10, unrolled=True),
        {"JAX (jit, vmap)": 1.0}, 21,
    ),
}  # fmt: skip


def same(name: str, found: tuple[float, Any], expected: tuple[float, Any], tolerance: float) -> None:
    """Refuse a contestant that computes something else (ValueError)."""
    import numpy as np

    loss, gradient = float(found[0]), np.asarray(found[1], float)
    reference = np.asarray(expected[1], float)
    allowed = 1e-4 if "float32" in name else tolerance
    worst = max(float(np.abs(gradient - reference).max()), abs(loss - float(expected[0])))
    if not worst <= allowed * max(float(np.abs(reference).max()), abs(float(expected[0]))):
        raise ValueError(f"{name} computes something else: it differs by {worst:.3g}")


def race(workload: Workload, rounds: int) -> None:
    print(f"\n{workload.title}", flush=True)
    contestants: list[Contestant] = []
    expected: tuple[float, Any] | None = None
    made = workload.contestants()
    while True:
        try:
            contestant = next(made, None)
        except ImportError as error:
            print(f"    {error}; the remaining peers are skipped")
            break
        if contestant is None:
            break
        if expected is None:
            loss, gradient = contestant.check()
            expected = float(loss), gradient.copy()
        same(contestant.name, contestant.check(), expected, workload.tolerance)
        contestants.append(contestant)
    times: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for n in range(rounds):
        for contestant in contestants:
            if contestant.name == "micrograd" and n >= 3:
                continue
            gc.collect()
            began = time.perf_counter()
            for _ in range(contestant.repeats):
                contestant.run()
            times[contestant.name].append((time.perf_counter() - began) / contestant.repeats)
    found = {name: statistics.median(seconds) for name, seconds in times.items()}
    own = next(iter(found.values()))
    print(f"    loss and gradients agree; medians of {rounds} rounds that alternate")
    print(f"    {'':34} {'time':>12} {'compiled in':>12} {'tracegrad / it':>16}   aimed for")
    for contestant in contestants:
        seconds = found[contestant.name]
        target = workload.targets.get(contestant.name)
        aim = "" if target is None else f"≤ {target:g}  {'reached' if own / seconds <= target else 'missed'}"
        compiled = "" if contestant.compiling is None else f"{contestant.compiling:.3f} s"
        print(
            f"    {contestant.name:34} {_shown(seconds):>12} {compiled:>12} {own / seconds:16.3g}   {aim}", flush=True
        )


def _shown(seconds: float) -> str:
    return (
        f"{seconds * 1e6:,.1f} µs"
        if seconds < 1e-3
        else f"{seconds * 1e3:,.2f} ms"
        if seconds < 1
        else f"{seconds:,.3f} s"
    )


def machine() -> str:
    """The processor, the Python and the contestants' versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    versions = []
    for distribution in ("numpy", "llvmlite", "jax", "torch", "ddx-ad", "micrograd"):
        try:
            versions.append(f"{distribution} {importlib.metadata.version(distribution)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return ", ".join([f"{model} ({os.cpu_count()} cores, one thread)", python, *versions])


def main(arguments: Sequence[str] = ()) -> None:
    """Run the workloads named in ``arguments``, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workloads", nargs="*", help=f"some of {', '.join([*WORKLOADS, 'compile'])} (default: all)")
    parser.add_argument("--rounds", type=int, help="rounds of each workload (default: 3 to 21)")
    options = parser.parse_args(arguments)
    chosen = options.workloads or [*WORKLOADS, "compile"]
    unknown = sorted({*chosen} - {*WORKLOADS, "compile"})
    if unknown:
        parser.error(f"there is no workload {unknown[0]!r}")
    os.environ.update(ONE_THREAD)
    for name in HANDICAPS:
        if os.environ.pop(name, None) is not None:
            print(f"{name} was set; taken back, so that every library chooses its kernels for this processor")
    if hasattr(os, "sched_setaffinity"):  # JAX's pool of threads takes as many as there are processors to run on
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(machine())
    for name in chosen:
        if name == "compile":
            compiling(options.rounds or 5)
        else:
            race(WORKLOADS[name], options.rounds or WORKLOADS[name].rounds)
    from benchmarks.eager import resident

    print(f"\nLargest resident memory of this process: {resident():,.0f} MiB")
