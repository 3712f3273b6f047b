"""Sums and products: a tile of sums stays in registers while loops go through what is summed.

Where vectors lie decides how: along numbers of the target that lie side by side (each lane is a sum of its own), or
along what is summed (the lanes are added at the end, in a fixed order). Gradients of weights are sums over samples,
whose numbers lie side by side: there the samples of one factor are turned first, so that vectors lie along the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..rows import ADD, ASSIGN
from .emit import Index, Module, Type, Vector
from .forms import OPEN, SAMPLES, Form, Place
from .kernel import Found, Kernel, term

SIDE = 4
"""Vectors side by side in a tile of sums, where there are as many."""
BUSY = 8
"""Sums that keep the CPU's adders busy: each waits for its last addition."""
PANEL = 64
"""Numbers of such vectors, or rows of them, that are copied to lie in a row: 16 kB of the nearest cache."""


def summed(form: Form) -> bool:
    """Whether several values meet in one number of the target."""
    return any(not step for n, step in zip(form.lengths, form.lines[0].target.steps) if n != OPEN)


class _Sum:
    """The loops of a sum by what they do: ``rows`` belong to the first factor alone, ``columns`` to the second."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.module = kernel, kernel.module
        (self.line,) = kernel.form.lines
        self.lengths = kernel.form.lengths
        self.target = self.line.target
        self.factors = [place for place in self.line.operands if isinstance(place, Place)]
        self.over = [i for i, step in enumerate(self.target.steps) if not step]
        self.outer = [i for i, step in enumerate(self.target.steps) if step]
        self.outputs = math.prod(self.lengths[i] for i in self.outer if self.lengths[i] != SAMPLES)

    def tiles(self, along: int | None) -> tuple[int | None, int | None]:
        """The longest loop that the second factor does not depend on, and the longest that the first does not."""

        def longest(factor: int) -> int | None:
            other = 1 - factor
            fitting = [
                i for i in self.outer if i != along and self.factors[factor].steps[i]
                and (other >= len(self.factors) or not self.factors[other].steps[i])
            ]  # fmt: skip
            return max(fitting, key=lambda i: self.lengths[i], default=None)

        return longest(0), longest(1) if len(self.factors) > 1 else None


def total(kernel: Kernel) -> None:
    """Σ of a, −a, a·b, or a where not b ≤ 0, over the loops that the target does not have."""
    sum_ = _Sum(kernel)
    lengths, steps = sum_.lengths, sum_.target.steps
    if SAMPLES in lengths:
        samples = lengths.index(SAMPLES)
        if steps[samples]:
            wide = _panelled(sum_, samples)
            if wide is not None:
                _panels(sum_, samples, *wide)
            else:
                _vertical(sum_, samples)
            return
        turned = _turnable(sum_, samples)
        if turned is not None:
            _turned(sum_, samples, *turned)
        else:
            _horizontal(sum_, samples)
        return
    neighbors = [i for i, n in enumerate(lengths) if n > 1 and all(f.steps[i] in (0, 1) for f in sum_.factors)]
    vertical = max((i for i in neighbors if steps[i] == 1), key=lambda i: lengths[i], default=None)
    horizontal = max(
        (i for i in neighbors if not steps[i] and any(f.steps[i] for f in sum_.factors)),
        key=lambda i: lengths[i], default=None,
    )  # fmt: skip
    long = kernel.lanes
    if vertical is not None and (horizontal is None or lengths[vertical] >= min(long, lengths[horizontal])):
        _vertical(sum_, vertical)
    elif horizontal is not None:
        _horizontal(sum_, horizontal)
    else:
        _vertical(sum_, None)


def _add(sum_: _Sum, before: Vector, operands: Sequence[Vector]) -> Vector:
    if sum_.line.name in ("contract", "product_to"):
        return sum_.module.fma(operands[0], operands[1], before)
    if sum_.line.name == "sub_to":
        return before - operands[0]
    return before + term(sum_.line.name, operands)


def _over(sum_: _Sum, loops: Sequence[int], indices: dict[int, Index], body: Callable[..., Sequence[Vector]],
          carried: Sequence[Vector], step: int = 1) -> Sequence[Vector]:  # fmt: skip
    """Loops that carry sums, with a body that takes the indices and the sums; ``step`` of the last loop."""
    if not loops:
        return body(indices, *carried)
    loop, *rest = loops
    end = sum_.kernel.length(sum_.lengths[loop])
    return sum_.module.loop(
        end, lambda i, *sums: _over(sum_, rest, {**indices, loop: i}, body, sums, step), carried,
        step=step if not rest else 1,
    )  # fmt: skip


def _in_parts(
    sum_: _Sum, indices: Found, step: Callable[..., Sequence[Vector]], count: int, kind: Type
) -> Sequence[Vector]:
    """`_over` all that is summed, from zeros. Where there are few sums, they would wait for themselves: each is made of
    several then. (The tile would not do to decide that: it depends on the CPU, and bits must not.)"""
    module, zero = sum_.module, zeros(sum_.module, kind)
    parts = BUSY
    while parts * sum_.outputs > BUSY and parts > 1:
        parts //= 2
    lengths = {i: sum_.lengths[i] for i in sum_.over}
    longest = max(lengths, key=lambda i: lengths[i], default=None)
    if longest is None or parts == 1 or lengths[longest] < 2 * parts:
        return _over(sum_, sum_.over, indices, step, [zero] * count)
    others = [i for i in sum_.over if i != longest]
    length, whole = lengths[longest], lengths[longest] // parts * parts

    def through(indices: Found, *sums: Vector) -> Sequence[Vector]:
        def several(k: Index, *sums: Vector) -> Sequence[Vector]:
            found: list[Vector] = []
            for part in range(parts):
                here = {**indices, longest: module.whole((k, 1), (part, 1))}
                found += step(here, *sums[part * count : (part + 1) * count])
            return found

        sums = tuple(module.loop(whole, several, sums, step=parts))
        first = module.loop(length, lambda k, *s: step({**indices, longest: k}, *s), sums[:count], start=whole)
        return [*first, *sums[count:]]

    sums = list(_over(sum_, others, indices, through, [zero] * (count * parts)))
    while len(sums) > count:
        half = len(sums) // 2
        sums = [a + b for a, b in zip(sums[:half], sums[half:])]
    return sums


def _split(sum_: _Sum, loop: int | None, size: int, body: Callable[[dict[int, Index], int], None]) -> None:
    """A loop in tiles of a size, with a smaller one at the end; without a loop, one tile of one."""
    if loop is None:
        body({}, 1)
        return
    length = sum_.lengths[loop]
    rest = length % size
    sum_.module.loop(length - rest, lambda i: body({loop: i}, size), step=size)
    if rest:
        body({loop: length - rest}, rest)


def _shapes(budget: int, rows: int, columns: int) -> tuple[int, int]:
    """A tile of sums that fits in the registers and reads few numbers for each product."""
    best = (1, 1)
    for m in range(1, min(rows, budget) + 1):
        n = min(columns, budget // m)
        size, others = m * n, best[0] * best[1]
        if (size / (m + n), size) > (others / sum(best), others):
            best = m, n
    return best


def _vertical(sum_: _Sum, along: int | None) -> None:
    """Vectors along a loop of the target, or single numbers."""
    kernel, module, lengths = sum_.kernel, sum_.module, sum_.lengths
    rows, columns = sum_.tiles(along)
    budget = kernel.registers * 3 // 4
    many = 1  # vectors side by side
    if along is not None and lengths[along] != SAMPLES:
        many = min(SIDE, max(1, lengths[along] // kernel.lanes))
    m, n = _shapes(
        max(1, budget // many), lengths[rows] if rows is not None else 1, lengths[columns] if columns is not None else 1
    )
    rest = [i for i in sum_.outer if i not in (along, rows, columns)]

    def at(indices: dict[int, Index], place: Place, moved: dict[int, int], ahead: int) -> str:
        terms = [(indices[i], place.steps[i]) for i in range(len(lengths))]
        terms += [(by, place.steps[i]) for i, by in moved.items()]
        if along is not None:
            terms.append((ahead, place.steps[along]))
        return module.at(kernel.base(place), kernel.element, *terms)

    def tile(indices: dict[int, Index], kind: Type, m: int, n: int, many: int) -> None:
        cells = [(i, j, v) for i in range(m) for j in range(n) for v in range(many)]

        def moved(i: int, j: int) -> dict[int, int]:
            return {loop: by for loop, by in ((rows, i), (columns, j)) if loop is not None}

        def step(indices: dict[int, Index], *sums: Vector) -> Sequence[Vector]:
            read: dict[tuple[int, ...], Vector] = {}

            def factor(which: int, i: int, j: int, v: int) -> Vector:
                place = sum_.factors[which]
                vector = kind.lanes > 1 and along is not None and place.steps[along] != 0
                key = which, i if which == 0 else 0, j if which else 0, v if vector else 0
                if key not in read:
                    shift = {loop: by for loop, by in moved(i, j).items() if place.steps[loop]}
                    address = at(indices, place, shift, v * kind.lanes if vector else 0)
                    read[key] = module.load(kind, address) if vector or kind.lanes == 1 else \
                        module.load_everywhere(kind, address)  # fmt: skip
                return read[key]

            return [
                _add(sum_, before, [factor(f, i, j, v) for f in range(len(sum_.factors))])
                for (i, j, v), before in zip(cells, sums)
            ]

        results = _in_parts(sum_, indices, step, len(cells), kind)
        for (i, j, v), result in zip(cells, results):
            everywhere = {**dict.fromkeys(sum_.over, 0), **indices}
            kernel.update(sum_.line, result, at(everywhere, sum_.target, moved(i, j), v * kind.lanes))

    def vectors(indices: dict[int, Index], m: int, n: int) -> None:
        if along is None:
            tile(indices, kernel.single, m, n, 1)
        elif lengths[along] == SAMPLES:
            module.loop(
                kernel.samples, lambda i: tile({**indices, along: i}, kernel.vector, m, n, 1), step=kernel.lanes
            )
        else:
            lanes, length = kernel.lanes, lengths[along]
            whole, left = length // lanes, length % lanes
            bulk = whole - whole % many
            module.loop(
                bulk * lanes, lambda i: tile({**indices, along: i}, kernel.vector, m, n, many), step=many * lanes
            )
            if whole % many:
                tile({**indices, along: bulk * lanes}, kernel.vector, m, n, whole % many)
            if left:
                tile({**indices, along: whole * lanes}, Type(kernel.element, left), m, n, 1)

    def tiles(indices: dict[int, Index]) -> None:
        _split(sum_, rows, m, lambda at_row, m: _split(
            sum_, columns, n, lambda at_column, n: vectors({**indices, **at_row, **at_column}, m, n)
        ))  # fmt: skip

    kernel.nest(rest, tiles)


def _horizontal(sum_: _Sum, along: int) -> None:
    """Vectors along a loop that is summed over; their lanes are added at the end."""
    kernel, module, lengths, lanes = sum_.kernel, sum_.module, sum_.lengths, sum_.kernel.lanes
    rows, columns = sum_.tiles(along)
    if rows is None and columns is None and sum_.outer:
        rows = max(sum_.outer, key=lambda i: lengths[i])
    # a whole vector of sums is made of as many vectors, if they lie side by side in the target
    inner = rows
    if columns is not None and (rows is None or sum_.target.steps[rows] != 1):
        inner = columns
    other = columns if inner == rows else rows
    side = min(lanes, lengths[inner]) if inner is not None else 1
    second = min(lengths[other], max(1, kernel.registers * 3 // 4 // side)) if other is not None else 1
    rest = [i for i in sum_.outer if i not in (inner, other)]
    before = [i for i in sum_.over if i != along]

    def at(indices: dict[int, Index], place: Place, moved: dict[int, int]) -> str:
        terms = [(indices.get(i, 0), place.steps[i]) for i in range(len(lengths))]
        return module.at(kernel.base(place), kernel.element, *terms, *[(by, place.steps[i]) for i, by in moved.items()])

    def tile(indices: dict[int, Index], m: int, n: int) -> None:
        cells = [(i, j) for j in range(n) for i in range(m)]

        def moved(i: int, j: int) -> dict[int, int]:
            return {loop: by for loop, by in ((inner, i), (other, j)) if loop is not None}

        def step(kind: Type) -> Callable[..., Sequence[Vector]]:
            def body(indices: dict[int, Index], *sums: Vector) -> Sequence[Vector]:
                read: dict[tuple[int, ...], Vector] = {}

                def factor(which: int, i: int, j: int) -> Vector:
                    place = sum_.factors[which]
                    shift = {loop: by for loop, by in moved(i, j).items() if place.steps[loop]}
                    key = which, *(by for pair in sorted(shift.items()) for by in pair)
                    if key not in read:
                        address = at(indices, place, shift)
                        if place.steps[along]:
                            read[key] = module.padded(module.load(kind, address), lanes)
                        else:
                            everywhere = module.load_everywhere(kind, address)
                            read[key] = module.padded(everywhere, lanes)
                    return read[key]

                return [
                    _add(sum_, sum_so_far, [factor(f, i, j) for f in range(len(sum_.factors))])
                    for (i, j), sum_so_far in zip(cells, sums)
                ]

            return body

        def through(indices: Found, *sums: Vector) -> Sequence[Vector]:
            length = lengths[along]
            if length == SAMPLES:
                return module.loop(
                    kernel.samples, lambda i, *s: step(kernel.vector)({**indices, along: i}, *s), sums, step=lanes
                )
            left, begun = length % lanes, 0
            if len(cells) == 1:  # one sum would wait for itself: there are several, and their total
                begun = length - length % (SIDE * lanes)

                def several(i: Index, *parts: Vector) -> Sequence[Vector]:
                    ahead = [{**indices, along: module.whole((i, 1), (v * lanes, 1))} for v in range(SIDE)]
                    return [step(kernel.vector)(at_, part)[0] for at_, part in zip(ahead, parts)]

                a, b, c, d = module.loop(
                    begun, several, [*sums, *[zeros(module, kernel.vector)] * (SIDE - 1)], step=SIDE * lanes
                )
                sums = ((a + b) + (c + d),)
            sums = tuple(
                module.loop(
                    length - left, lambda i, *s: step(kernel.vector)({**indices, along: i}, *s), sums, step=lanes,
                    start=begun,
                )
            )  # fmt: skip
            if left:
                sums = tuple(step(Type(kernel.element, left))({**indices, along: length - left}, *sums))
            return sums

        zero = zeros(module, kernel.vector)
        sums = _over(sum_, before, indices, through, [zero] * len(cells))
        for j in range(n):
            totals = added(list(sums[j * m : (j + 1) * m]), zero)
            side_by_side = inner is not None and sum_.target.steps[inner] == 1
            if side_by_side or m == 1:
                if m < lanes:
                    totals = module.lanes(totals, totals, list(range(m)))
                kernel.update(sum_.line, totals, at(indices, sum_.target, moved(0, j)))
            else:
                for i in range(m):
                    one = module.lanes(totals, totals, [i])
                    kernel.update(sum_.line, one, at(indices, sum_.target, moved(i, j)))

    def tiles(indices: dict[int, Index]) -> None:
        _split(sum_, inner, side, lambda at_inner, m: _split(
            sum_, other, second, lambda at_other, n: tile({**indices, **at_inner, **at_other}, m, n)
        ))  # fmt: skip

    kernel.nest(rest, tiles)


def added(sums: Sequence[Vector], zero: Vector) -> Vector:
    """One vector with the sums of the lanes of some vectors, in order; further lanes mean nothing."""
    module, lanes = zero.module, zero.type.lanes
    vectors: list[Vector | None] = [*sums, *[None] * (lanes - len(sums))]
    width = lanes  # lanes that belong to one sum: two vectors become one, in which sums have half as many
    while width > 1:
        half, joined = width // 2, list[Vector | None]()
        low = [side * lanes + start + k for side in (0, 1) for start in range(0, lanes, width) for k in range(half)]
        for x, y in zip(vectors[::2], vectors[1::2]):
            if x is None:
                joined.append(None)
            else:
                second = x if y is None else y
                joined.append(module.lanes(x, second, low) + module.lanes(x, second, [k + half for k in low]))
        vectors, width = joined, half
    (result,) = vectors
    assert result is not None
    return result


# ---- products of weights and wide blocks of samples --------------------------------------------------------------


def _panelled(sum_: _Sum, samples: int) -> tuple[int, int, int] | None:
    """The factor with the samples, the loop of the rows of weights, and the longest that is summed over.

    None where the samples' numbers would not be read so often that copying them pays.
    """
    kernel, lengths = sum_.kernel, sum_.lengths
    batched = [i for i, factor in enumerate(sum_.factors) if factor.steps[samples]]
    if kernel.width < SIDE * kernel.lanes or len(sum_.factors) != 2 or len(batched) != 1 or not sum_.over:
        return None
    (which,) = batched
    over = max(sum_.over, key=lambda i: lengths[i])
    rows = sum_.tiles(samples)[1 - which]
    if rows is None or not all(factor.steps[over] for factor in sum_.factors):
        return None
    again = lengths[rows] // max(1, kernel.registers * 3 // 4 // SIDE)
    return (which, rows, over) if again > 1 and lengths[over] >= PANEL else None


def _panels(sum_: _Sum, samples: int, which: int, rows: int, over: int) -> None:
    """Σ of weights times samples, whose numbers are copied to lie in a row: first for some vectors of samples."""
    kernel, module, lengths, lanes = sum_.kernel, sum_.module, sum_.lengths, sum_.kernel.lanes
    batched, weights = sum_.factors[which], sum_.factors[1 - which]
    rest = [i for i in sum_.outer if i not in (samples, rows)]
    others = [i for i in sum_.over if i != over]
    kind, budget = kernel.vector, kernel.registers * 3 // 4
    room = module.room(kernel.element, PANEL * SIDE * lanes)

    def at(place: Place, indices: Found, *more: tuple[Index, int]) -> str:
        terms = [(indices.get(i, 0), step) for i, step in enumerate(place.steps)]
        return module.at(kernel.base(place), kernel.element, *terms, *more)

    def piece(indices: Found, first: Index, size: int, many: int) -> None:
        """The sum over some numbers, for some vectors of samples."""
        begun = [*others, over]

        def copy(k: Index) -> None:
            for v in range(many):
                from_ = at(batched, {**indices, over: first}, (k, batched.steps[over]), (v * lanes, 1))
                to = module.at(room, kernel.element, (k, many * lanes), (v * lanes, 1))
                module.store(module.load(kind, from_), to)

        module.loop(size, copy)

        def tile(at_row: Found, m: int) -> None:
            cells = [(i, v) for i in range(m) for v in range(many)]
            here = {**indices, **at_row}

            def target(i: int, v: int) -> str:
                return at(sum_.target, here, (i, sum_.target.steps[rows]), (v * lanes, 1))

            def step(k: Index, *sums: Vector) -> Sequence[Vector]:
                right = [
                    module.load(kind, module.at(room, kernel.element, (k, many * lanes), (v * lanes, 1)))
                    for v in range(many)
                ]
                left = [
                    module.load_everywhere(
                        kind, at(weights, {**here, over: first}, (k, weights.steps[over]), (i, weights.steps[rows]))
                    )
                    for i in range(m)
                ]
                return [module.fma(left[i], right[v], before) for (i, v), before in zip(cells, sums)]

            sums = [module.load(kind, target(i, v)) for i, v in cells]
            if sum_.line.update == ASSIGN:
                fresh = module.all_zero([here.get(i, 0) if i != over else first for i in begun])
                zero = zeros(module, kind)
                sums = [module.line(f"select i1 {fresh}, {kind} {zero.name}, {kind} {x.name}", kind) for x in sums]
            for (i, v), result in zip(cells, module.loop(size, step, sums)):
                module.store(result, target(i, v))

        _split(sum_, rows, min(lengths[rows], max(1, budget // many)), tile)

    def group(indices: Found, many: int) -> None:
        def each(indices: Found, *_: Vector) -> Sequence[Vector]:
            left = lengths[over] % PANEL
            module.loop(lengths[over] - left, lambda k: piece(indices, k, PANEL, many), step=PANEL)
            if left:
                piece(indices, lengths[over] - left, left, many)
            return ()

        _over(sum_, others, indices, each, ())

    def groups(indices: Found) -> None:
        bulk = module.assign(f"and i64 {kernel.samples}, {-SIDE * lanes}")
        module.loop(bulk, lambda s: group({**indices, samples: s}, SIDE), step=SIDE * lanes)
        module.loop(kernel.samples, lambda s: group({**indices, samples: s}, 1), step=lanes, start=bulk)

    kernel.nest(rest, groups)


def zeros(module: Module, kind: Type) -> Vector:
    """A vector of zeros."""
    return Vector(module, kind, "").like(0.0)


# ---- sums over samples along weights ----------------------------------------------------------------------------


def _turnable(sum_: _Sum, samples: int) -> tuple[int, int] | None:
    """The factor to turn and the loop along which vectors shall lie, if that is worth it."""
    if len(sum_.factors) != 2 or sum_.line.name not in ("contract", "product_to"):
        return None
    fitting = []
    for which, factor in enumerate(sum_.factors):
        other = sum_.factors[1 - which]
        for i in sum_.outer:
            if sum_.target.steps[i] == 1 and factor.steps[i] and not other.steps[i] and factor.steps[samples] == 1:
                fitting.append((which, i))
    best = max(fitting, key=lambda pair: sum_.lengths[pair[1]], default=None)
    if best is None:
        return None
    others = 1
    for i in sum_.outer:
        if i != best[1] and not sum_.factors[best[0]].steps[i]:
            others *= sum_.lengths[i]
    return best if sum_.lengths[best[1]] >= sum_.kernel.lanes // 2 and others > 1 else None


def _turned(sum_: _Sum, samples: int, which: int, along: int) -> None:
    """Σ over samples with vectors along a loop of the target: one factor's vectors of samples are turned first."""
    kernel, module, lengths, lanes = sum_.kernel, sum_.module, sum_.lengths, sum_.kernel.lanes
    turned, other = sum_.factors[which], sum_.factors[1 - which]
    rows = max((i for i in sum_.outer if i != along and not turned.steps[i]), key=lambda i: lengths[i], default=None)
    common = [i for i in sum_.outer if i not in (along, rows)]
    over = [i for i in sum_.over if i != samples]
    piece = min(lengths[along], SIDE * lanes)
    vectors = -(-piece // lanes)
    room = module.room(kernel.element, vectors * lanes * kernel.width)
    update = sum_.line.update
    once = all(lengths[i] == 1 for i in over)
    kind = kernel.vector

    def turn(indices: dict[int, Index], begin: Index, size: int) -> None:
        """room[s, k] = the turned factor at (begin + k, s)."""

        def block(s: Index) -> None:
            for first in range(0, size, lanes):
                taken = min(lanes, size - first)
                rows_ = []
                for k in range(taken):
                    place = {**indices, along: begin, samples: s}
                    terms = [(place.get(i, 0), turned.steps[i]) for i in range(len(lengths))]
                    terms.append((first + k, turned.steps[along]))
                    rows_.append(module.load(kind, module.at(kernel.base(turned), kernel.element, *terms)))
                for k, column in enumerate(transposed(rows_)):
                    at = module.at(room, kernel.element, (s, vectors * lanes), (k * vectors * lanes + first, 1))
                    module.store(column, at)

        module.loop(kernel.samples, block, step=lanes)

    def products(indices: dict[int, Index], begin: Index, size: int) -> None:
        whole, left = size // lanes, size % lanes
        many = min(SIDE, whole) or 1
        m = min(lengths[rows] if rows is not None else 1, max(1, kernel.registers * 3 // 4 // many))

        def tile(indices: dict[int, Index], first: Index, m: int, many: int, lanes_: int) -> None:
            cells = [(i, v) for i in range(m) for v in range(many)]

            def address(place: Place, i: int, indices: dict[int, Index]) -> list[tuple[Index, int]]:
                terms = [(indices.get(k, 0), place.steps[k]) for k in range(len(lengths))]
                return terms + ([(i, place.steps[rows])] if rows is not None else [])

            def step(s: Index, *sums: Vector) -> Sequence[Vector]:
                right = [
                    module.load(kind, module.at(room, kernel.element, (s, vectors * lanes), (first, 1), (v * lanes, 1)))
                    for v in range(many)
                ]
                left = [
                    module.load_everywhere(kind, module.at(
                        kernel.base(other), kernel.element, *address(other, i, {**indices, samples: s})))
                    for i in range(m)
                ]  # fmt: skip
                return [module.fma(left[i], right[v], before) for (i, v), before in zip(cells, sums)]

            zero = zeros(module, kind)
            results = module.loop(kernel.samples, step, [zero] * len(cells))
            for (i, v), result in zip(cells, results):
                here = address(sum_.target, i, {**indices, along: begin})
                at = module.at(kernel.base(sum_.target), kernel.element, *here, (first, 1), (v * lanes, 1))
                if lanes_ < lanes:
                    result = module.lanes(result, result, list(range(lanes_)))
                kernel.update(sum_.line._replace(update=update if once else ADD), result, at)

        def strip(at_row: dict[int, Index], m: int) -> None:
            here = {**indices, **at_row}
            bulk = whole - whole % many
            module.loop(bulk * lanes, lambda first: tile(here, first, m, many, lanes), step=many * lanes)
            if whole % many:
                tile(here, bulk * lanes, m, whole % many, lanes)
            if left:
                tile(here, whole * lanes, m, 1, left)

        _split(sum_, rows, m, strip)

    def pieces(indices: dict[int, Index]) -> None:
        def piecewise(begin: Index, size: int) -> None:
            if not once and update != ADD:
                _clear(sum_, rows, along, {**indices, along: begin}, size)

            def each(indices: dict[int, Index], *_: Vector) -> Sequence[Vector]:
                turn(indices, begin, size)
                products(indices, begin, size)
                return ()

            _over(sum_, over, indices, each, ())

        rest = lengths[along] % piece
        module.loop(lengths[along] - rest, lambda begin: piecewise(begin, piece), step=piece)
        if rest:
            piecewise(lengths[along] - rest, rest)

    kernel.nest(common, pieces)


def _clear(sum_: _Sum, rows: int | None, along: int, indices: dict[int, Index], size: int) -> None:
    """Set targets to 0 before they are added to, in the first block or always."""
    kernel, module, lanes = sum_.kernel, sum_.module, sum_.kernel.lanes

    def clear() -> None:
        def row(at_row: dict[int, Index], _: int) -> None:
            here = {**indices, **at_row}
            terms = [(here.get(i, 0), step) for i, step in enumerate(sum_.target.steps)]

            def vector(kind: Type) -> Callable[[Index], None]:
                def body(first: Index) -> None:
                    at = module.at(kernel.base(sum_.target), kernel.element, *terms, (first, 1))
                    module.store(zeros(module, kind), at)

                return body

            left = size % lanes
            module.loop(size - left, vector(kernel.vector), step=lanes)
            if left:
                vector(Type(kernel.element, left))(size - left)

        _split(sum_, rows, 1, row)

    if sum_.line.update == ASSIGN:
        clear()
    else:
        module.when("%first", clear)


def transposed(rows: list[Vector]) -> list[Vector]:
    """The columns of a square of lanes; missing rows count as zeros."""
    module, lanes = rows[0].module, rows[0].type.lanes
    zero = rows[0].like(0.0)
    square = [*rows, *[zero] * (lanes - len(rows))]
    half = 1
    while half < lanes:
        turned = list(square)
        for i in range(lanes):
            if not i & half:
                x, y = square[i], square[i + half]
                turned[i] = module.lanes(x, y, [k if not k & half else lanes + k - half for k in range(lanes)])
                turned[i + half] = module.lanes(x, y, [k + half if not k & half else lanes + k for k in range(lanes)])
        square, half = turned, 2 * half
    return square
