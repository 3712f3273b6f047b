"""Functions of lists, a sample in each lane: softmax, its logarithm, log-sum-exp, their slopes; and lists of slots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .emit import Index, Vector
from .forms import SAMPLES
from .functions import applied
from .kernel import Kernel
from .sums import added

Entry = Callable[[Index], Vector]


def over_lists(kernel: Kernel) -> None:
    """n lists of r numbers, along the loops 0 and 1."""
    (line,) = kernel.form.lines
    r, module, wide = kernel.form.lengths[1], kernel.module, SAMPLES in kernel.form.lengths
    kind = kernel.vector if wide else kernel.single
    along = len(kernel.form.lengths) - 1 if wide else None

    def one(i: Index, sample: Index) -> None:
        def indices(j: Index) -> list[Index]:
            return [i, j, 0, 0, sample][: len(kernel.form.lengths)]

        def entry(which: int) -> Entry:
            return lambda j: kernel.read(line.operands[which], indices(j), kind, along)  # type: ignore[arg-type]

        def written(j: Index) -> Vector:
            return kernel.read(line.target, indices(j), kind, along)

        def write(j: Index, value: Vector) -> None:
            module.store(value, kernel.address(line.target, indices(j)))

        like = Vector(module, kind, "")
        if line.name == "shares":
            _shares(kernel, r, like, write, entry(0), written)
        elif line.name in _OF_ENTRIES:
            _OF_ENTRIES[line.name](kernel, r, like, write, entry(0))
        else:
            _SLOPES[line.name](kernel, r, like, write, entry(0), entry(1))

    def each(i: Index) -> None:
        if wide:
            module.loop(kernel.samples, lambda sample: one(i, sample), step=kernel.lanes)
        else:
            one(i, 0)

    module.loop(kernel.form.lengths[0], each)


Write = Callable[[Index, Vector], None]


def _largest(kernel: Kernel, r: int, x: Entry) -> Vector:
    """The largest entry, nan if one is nan."""
    m = kernel.module

    def larger(j: Index, so_far: Vector) -> Sequence[Vector]:
        entry = x(j)
        return [m.where((entry <= so_far) | _unordered(so_far), so_far, entry)]

    return m.loop(r, larger, [x(0)], start=1)[0]


def _unordered(x: Vector) -> Vector:
    return x.equals(x) ^ 1


def _infinite(x: Vector) -> Vector:
    return x.equals(math.inf) | x.equals(-math.inf)


def _exp_difference(x: Vector, y: Vector) -> Vector:
    """See `floats.exp_difference`: e^(x − y), x ≤ y, with the rounding error of the difference put back."""
    difference = x - y
    part = difference - x
    error = (x - (difference - part)) - (y + part)
    return x.module.where(difference < -746.0, x.like(0.0), applied("exp", difference)[0] * (error + 1.0))


def _below(kernel: Kernel, r: int, like: Vector, x: Entry, largest: Vector) -> Sequence[Vector]:
    """What the entries below the largest add, and how many equal it."""
    m = kernel.module

    def add(j: Index, total: Vector, alike: Vector) -> Sequence[Vector]:
        entry = x(j)
        same = entry.equals(largest)
        weight = m.where(same, like.like(0.0), _exp_difference(entry, largest))
        return [total + weight, alike + m.where(same, like.like(1.0), 0.0)]

    return m.loop(r, add, [like.like(0.0), like.like(0.0)])


def _log_sum_exp(kernel: Kernel, r: int, like: Vector, write: Write, x: Entry) -> None:
    largest = _largest(kernel, r, x)
    total, alike = _below(kernel, r, like, x, largest)
    finite = largest + applied("log1p", total + (alike - 1.0))[0]
    write(0, kernel.module.where(_infinite(largest), largest, finite))


def _shares(kernel: Kernel, r: int, like: Vector, write: Write, x: Entry, written: Entry) -> None:
    m, largest = kernel.module, _largest(kernel, r, x)
    infinite = _infinite(largest)

    def weight(j: Index) -> Vector:
        entry = x(j)
        alike = m.where(entry.equals(largest), like.like(1.0), 0.0)  # all that equal an infinite largest share it
        return m.where(infinite, alike, _exp_difference(entry, largest))

    def add(j: Index, total: Vector) -> Sequence[Vector]:
        own = weight(j)
        write(j, own)
        return [total + own]

    (total,) = m.loop(r, add, [like.like(0.0)])
    m.loop(r, lambda j: write(j, written(j) / total))


def _log_shares(kernel: Kernel, r: int, like: Vector, write: Write, x: Entry) -> None:
    m, largest = kernel.module, _largest(kernel, r, x)
    infinite = _infinite(largest)
    total, alike = _below(kernel, r, like, x, largest)
    others = m.where(infinite, applied("log", alike)[0], applied("log1p", total + (alike - 1.0))[0])

    def one(j: Index) -> None:
        entry = x(j)
        same = m.where(entry.equals(largest), like.like(0.0), -math.inf)
        write(j, m.where(infinite, same, entry - largest) - others)

    m.loop(r, one)


def _top(kernel: Kernel, r: int, g: Entry, s: Entry) -> tuple[Vector, Vector]:
    """The largest share, and what is handed to it."""
    m = kernel.module

    def larger(j: Index, share: Vector, handed: Vector) -> Sequence[Vector]:
        own, more = s(j), s(j) > share
        return [m.where(more, own, share), m.where(more, g(j), handed)]

    share, handed = m.loop(r, larger, [s(0), g(0)], start=1)
    return share, handed


def _share_slopes(kernel: Kernel, r: int, like: Vector, write: Write, g: Entry, s: Entry) -> None:
    """Σᵢ gᵢ ∂sᵢ/∂xₖ = sₖ (gₖ − Σⱼ sⱼ gⱼ), where g is measured from that of the largest share.

    That one's own term, nearly 1 times g, is then 0, and no digits of a small rest are lost.
    """
    _, reference = _top(kernel, r, g, s)
    m = kernel.module
    (mean,) = m.loop(r, lambda j, total: [m.fma(s(j), g(j) - reference, total)], [like.like(0.0)])
    m.loop(r, lambda k: write(k, s(k) * ((g(k) - reference) - mean)))


def _log_share_slopes(kernel: Kernel, r: int, like: Vector, write: Write, g: Entry, s: Entry) -> None:
    """Σᵢ gᵢ ∂log(sᵢ)/∂xₖ = gₖ − sₖ Σⱼ gⱼ; for the largest share gₖ·Σⱼ sⱼ − sₖ·Σⱼ gⱼ over the others."""
    m = kernel.module
    top, reference = _top(kernel, r, g, s)

    def add(j: Index, shares: Vector, handed: Vector, met: Vector) -> Sequence[Vector]:
        own = s(j)
        first = own.equals(top) & met.equals(0.0)
        return [
            m.where(first, shares, shares + own), m.where(first, handed, handed + g(j)),
            m.where(first, like.like(1.0), met),
        ]  # fmt: skip

    shares, handed, _ = m.loop(r, add, [like.like(0.0)] * 3)

    def one(k: Index, met: Vector) -> Sequence[Vector]:
        own, given = s(k), g(k)
        first = own.equals(top) & met.equals(0.0)
        write(k, m.where(first, given * shares - own * handed, given - own * (handed + reference)))
        return [m.where(first, like.like(1.0), met)]

    m.loop(r, one, [like.like(0.0)])


_OF_ENTRIES = {"log_sum_exp": _log_sum_exp, "log_shares": _log_shares}
_SLOPES = {"share_slopes": _share_slopes, "log_share_slopes": _log_share_slopes}


# ---- lists of slots ---------------------------------------------------------------------------------------------


def listed(kernel: Kernel, numbers: str) -> None:
    """gather: target[i] = operand[list[i]]; scatter: target[list[i]] += operand[i]. Along loop 0."""
    (line,) = kernel.form.lines
    source = line.operands[0]
    module, wide = kernel.module, SAMPLES in kernel.form.lengths
    kind = kernel.vector if wide else kernel.single
    gather = line.name == "gather"

    def one(i: Index) -> None:
        there = module.whole_at(numbers, i)
        here, away = ([there, 0, 0, 0], [i, 0, 0, 0]) if gather else ([i, 0, 0, 0], [there, 0, 0, 0])

        def sample(s: Index, *sums: Vector) -> Sequence[Vector]:
            value = kernel.read(source, [*here, s][: len(source.steps)], kind, len(source.steps) - 1)  # type: ignore
            if sums:
                return [sums[0] + value]
            address = kernel.address(line.target, [*away, s][: len(line.target.steps)])
            module.store(value if gather else module.load(kind, address) + value, address)
            return ()

        if not wide:
            sample(0)
        elif line.target.steps[-1]:
            module.loop(kernel.samples, sample, step=kernel.lanes)
        else:
            zero = Vector(module, kind, "").like(0.0)
            (total,) = module.loop(kernel.samples, sample, [zero], step=kernel.lanes)
            address = kernel.address(line.target, [*away, 0])
            one_sum = module.lanes(added([total], zero), zero, [0])
            module.store(module.load(kernel.single, address) + one_sum, address)

    module.loop(kernel.form.lengths[0], one)
