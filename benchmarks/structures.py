"""Fuzzing of array programs: vectors and matrices of every size, by every back end.

``python -m benchmarks structures --minutes 10 --seed 1``. The programs of `benchmarks.fuzz` have few scalars; these
have up to some thousand, so that all that depends on sizes and shapes is met: long samples, large products, many terms,
one vector read in parts, products of arguments with each other, recurrences, weights used again. Small whole numbers
and smooth functions keep them well-conditioned, so that the NumPy back end, every other one and, on some samples, the
eager engine (see `autograd.compiler.witness`) must agree to rounding: values, gradients by parameters and by inputs, of
the mean and of each sample. Each program draws from a few kinds of steps and a few lengths only, so that rare
combinations come up (swarm testing, Groce and others 2012).
"""

from __future__ import annotations

import argparse
import random
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Value
from autograd.compiler import Program, compile

LENGTHS = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 128, 130)
LONG = (60, 63, 64, 65, 100, 128, 130)
SAMPLES = (1, 2, 7, 8, 9, 15, 16, 17, 33, 63, 64, 65, 130, 257, 300)
MOST = 40_000
"""Scalars that a layer has at most."""
TOLERANCE = {"float64": 1e-11, "float32": 2e-3}

Vector = list[Any]


class Draw:
    """A random program of vectors: its function, the shapes of its arguments, and its parameters."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        rng = self.rng
        self.lengths = rng.sample(rng.choice((LENGTHS, LONG)), rng.randint(1, 3))
        self.kinds = rng.sample(STEPS, rng.randint(1, 3)) + [layer] * rng.randint(0, 2)
        lengths = self.lengths
        self.shapes: list[tuple[int, ...]] = [
            rng.choice(
                [(), (rng.choice(lengths),), (rng.choice(lengths),), (rng.choice((2, 3, 8)), rng.choice((2, 9)))]
            )
            for _ in range(rng.randint(1, 4))
        ]
        self.parameters: list[Value] = []
        self.steps = [self._step() for _ in range(rng.randint(1, 6))]
        self.ends = [rng.choice((_mean, _squares, _lse)) for _ in range(2)]

    def weights(self, count: int, scale: float) -> Vector:
        """New parameters."""
        made = [Value(self.rng.uniform(-1, 1) * scale) for _ in range(count)]
        self.parameters += made
        return made

    def _step(self) -> Callable[[list[Vector]], Vector | None]:
        kind = self.rng.choice(self.kinds)
        which = [self.rng.random() for _ in range(3)]
        size, cut = self.rng.choice(self.lengths), self.rng.random()
        store: dict[Any, Any] = {}

        def step(vectors: list[Vector]) -> Vector | None:
            chosen = [vectors[int(x * x * len(vectors))] for x in which]  # arguments more often
            return kind(self, chosen, size, cut, store)

        step.__name__ = kind.__name__
        return step

    def __call__(self, *arguments: Any) -> Any:
        """The program's function."""
        vectors = [_flat(argument) for argument in arguments]
        for step in self.steps:
            made = step(vectors)
            if made:
                vectors.append(made)
        last = vectors[len(arguments) :] or vectors
        return self.ends[0](last[-1]) + (self.ends[1](last[0]) if len(last) > 1 else 0.0)


def _flat(argument: Any) -> Vector:
    if not isinstance(argument, (list, tuple)):
        return [argument]
    return [x for entry in argument for x in _flat(entry)]


def _once(store: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
    if key not in store:
        store[key] = make()
    return store[key]


def layer(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector | None:
    """tanh, relu or nothing of W x + b."""
    x = vectors[0]
    if 2 * size * len(x) > MOST:
        return None
    W = _once(store, "W", lambda: [draw.weights(len(x), len(x) ** -0.5) for _ in range(size)])
    b = _once(store, "b", lambda: draw.weights(size, 1.0) if cut < 0.7 else [0.0] * size)
    sums = [autograd.dot(row, x) + bias for row, bias in zip(W, b)]
    return [v.tanh() for v in sums] if cut < 0.3 else [v.relu() for v in sums] if cut < 0.5 else sums


def recurrence(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector | None:
    """h ← tanh(W h + x_t u), weights used again."""
    n, x = min(size, 9), vectors[0][:8]
    W = _once(store, "W", lambda: [draw.weights(n, n**-0.5) for _ in range(n)])
    u = _once(store, "u", lambda: draw.weights(n, 1.0))
    h: Vector = [0.1] * n
    for entry in x:
        h = [(autograd.dot(row, h) + weight * entry).tanh() for row, weight in zip(W, u)]
    return h


def products(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """Numbers of two vectors multiplied, bounded."""
    return [(a * b) / (1.0 + a * a) if cut < 0.5 else a * b * 0.5 for a, b in zip(*vectors[:2])]


def inner(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """Dot products of parts of two vectors, in steps."""
    a, b = vectors[:2]
    n = max(1, min(len(a), len(b), size))
    step = max(1, int(cut * n))
    starts = range(0, max(1, len(a) - n + 1), step)
    return [(autograd.dot(a[i : i + n], b[:n]) / n).tanh() for i in [*starts][:20]]


def convolution(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """A filter slid over a vector."""
    x = vectors[0]
    n = min(len(x), 5)
    w = _once(store, "w", lambda: draw.weights(n, 1.0))
    return [autograd.dot(w, x[i : i + n]) for i in range(0, len(x) - n + 1, 1 if cut < 0.6 else 2)]


def whole(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """One dot product of two vectors, as far as both go, times a weight of its own or a number of a third vector."""
    a, b, c = vectors
    n = min(len(a), len(b))
    return [
        autograd.dot(a[:n], b[:n]) / n * (c[0] if cut < 0.5 else _once(store, "w", lambda: draw.weights(1, 1.0))[0])
    ]


def softmax(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """Shares of a vector, or of its parts."""
    x = vectors[0][:64]
    n = len(x) if cut < 0.5 else max(1, len(x) // 3)
    return [share for i in range(0, len(x) - n + 1, n) for share in autograd.softmax(x[i : i + n])]


def attention(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector | None:
    """Rows of a matrix that look at each other."""
    x, d = vectors[0][:64], 4
    rows = [x[i : i + d] for i in range(0, len(x) - d + 1, d)]
    if not rows:
        return None
    W = _once(store, "W", lambda: [draw.weights(d, 0.5) for _ in range(d)])
    keys = [[autograd.dot(w, row) for w in W] for row in rows]
    mixed = []
    for row in rows:
        shares = autograd.softmax([autograd.dot(row, key) * 0.5 for key in keys])
        mixed += [autograd.dot(shares, [other[j] for other in rows]) for j in range(d)]
    return mixed


def elementwise(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """A function of each number."""
    kinds: list[Callable[[Any], Any]] = [
        lambda v: (v * 0.5).sin(), lambda v: 1.0 / (1.0 + v * v), autograd.sigmoid,
        lambda v: autograd.where(v > 0.5, v, 0.25 * v), lambda v: 0.5 - v, lambda v: (v * v + 1.0).log(),
    ]  # fmt: skip
    kind = kinds[int(cut * len(kinds))]
    return [kind(v) for v in vectors[0]]


def gathered(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """Numbers of several vectors in another order, some of them twice."""
    every = [v for vector in vectors for v in vector]
    picks = _once(store, "picks", lambda: [draw.rng.randrange(len(every)) for _ in range(size)])
    return [every[i] for i in picks]


def transposed(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """A vector as a matrix, read by columns."""
    x, n = vectors[0], max(1, int(len(vectors[0]) ** 0.5))
    return [x[i * n + j] for j in range(n) for i in range(len(x) // n)]


def normalized(draw: Draw, vectors: list[Vector], size: int, cut: float, store: dict[Any, Any]) -> Vector:
    """Minus the mean, over the spread."""
    x = vectors[0]
    mean = sum(x) / len(x)
    spread = (sum((v - mean) ** 2 for v in x) / len(x) + 1.0).sqrt()
    return [(v - mean) / spread for v in x]


STEPS = (
    layer, layer, layer, recurrence, products, inner, whole, whole, convolution, softmax, attention, elementwise,
    gathered, transposed, normalized,
)  # fmt: skip


def _mean(x: Vector) -> Any:
    return sum(x) / len(x)


def _squares(x: Vector) -> Any:
    return sum(v * v for v in x) / len(x)


def _lse(x: Vector) -> Any:
    return autograd.log_sum_exp(x[:40])


def answers(program: Program, arrays: Sequence[Any]) -> dict[str, Any]:
    """All that a program gives for a batch."""
    loss, gradient = program.value_and_grad(*arrays)
    each, slopes = program.value_and_grad(*(a[:3] for a in arrays), per_sample=True)
    mean = program.value_and_grad(*(a[:3] for a in arrays))[1]
    if difference(slopes.mean(axis=0), mean) > TOLERANCE[str(program.dtype)]:
        raise AssertionError("the mean of the samples' gradients is not the gradient of the mean")
    found = {"values": program(*arrays), "loss": np.array([loss]), "gradient": gradient, "each": each, "slopes": slopes}
    for number, array in enumerate(program.value_and_grad(*arrays, wrt="inputs")[1]):
        found[f"by input {number + 1}"] = array
    return found


def difference(own: Any, other: Any) -> float:
    """The largest difference, by the largest number (or by 1 if all are smaller)."""
    own, other = np.asarray(own, np.float64), np.asarray(other, np.float64)
    if own.shape != other.shape:
        return np.inf
    same = (own == other) | (np.isnan(own) & np.isnan(other))
    gap = np.where(same, 0.0, np.abs(own - other)).max(initial=0.0)
    return float("inf") if gap != gap else float(gap / max(1e-3, np.abs(other[np.isfinite(other)]).max(initial=0.0)))


def check(seed: int, backends: Sequence[str] = ("llvm",), dtypes: Sequence[str] = ("float64", "float32")) -> list[str]:
    """What is wrong with the program of a seed: nothing, or one line for each answer."""
    draw = Draw(seed)
    rng = np.random.default_rng(seed)
    samples = draw.rng.choice(SAMPLES)
    arrays = [rng.integers(-2, 3, size=(samples, *shape)) / 2 for shape in draw.shapes]
    draw(*[_of(a[0]) for a in arrays])  # the parameters are made at the first call
    options = {"inputs": draw.shapes, "parameters": draw.parameters}
    reference = compile(draw, backend="numpy", **options)  # type: ignore[arg-type]
    right, wrong = answers(reference, arrays), []
    for backend in backends:
        for dtype in dtypes:
            program = compile(draw, backend=backend, dtype=dtype, **options)  # type: ignore[arg-type]
            for name, array in answers(program, arrays).items():
                gap = difference(array, right[name])
                if not gap <= TOLERANCE[dtype]:
                    wrong.append(f"seed {seed}: {backend} {dtype}, {samples} samples: {name} off by {gap:.3g}")
    return wrong


def _of(entry: Any) -> Any:
    return [_of(x) for x in entry] if entry.shape else Value(float(entry))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks structures", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    began, count, wrong = time.monotonic(), 0, 0
    while time.monotonic() - began < 60 * options.minutes:
        try:
            found = check(options.seed * 1_000_000 + count)
        except Exception as error:
            found = [f"seed {options.seed * 1_000_000 + count}: {type(error).__name__}: {error}"]
        wrong += bool(found)
        print("\n".join(found), end="\n" if found else "", flush=True)
        count += 1
    print(f"{count:,} programs, {wrong} of them wrong")
    return min(wrong, 1)
