"""Pack: nodes of the same level and operation become one array instruction; dots that share a vector a matrix product.

Every number gets a slot in one of the regions: *shared* (parameters, constants and what depends on them alone: one
number for the whole batch), *batched* (one number per sample), or an *input* argument. An instruction writes a block
of consecutive slots and reads vectors and matrices of slots; one that no strides describe is collected by a copy first.

Packing independent scalar operations of one kind into array instructions is superword-level parallelism (Larsen and
Amarasinghe 2000); finding the batches by level in a dynamic graph is on-the-fly operation batching (Neubig, Goldberg
and Dyer 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .simplify import Node, Reduced
from .trace import ALONG_LISTS, SHARES, Ints, arity, require, takes_list

SHARED, BATCHED, INPUT = 0, 1, 2
"""Regions; argument a of the function has the region INPUT + a."""

MANY = 8
"""A sum of more terms than this reads them as matrices rather than one by one."""


@dataclass
class Operand:
    """An array of slots of one region that an instruction reads."""

    region: int
    slots: Ints

    @property
    def strides(self) -> tuple[int, ...] | None:
        """Slot steps per axis, or None if no steps describe the array."""
        return affine(self.slots)


@dataclass
class Instruction:
    """One array instruction: ``slots[start : start + size] = op(operands)``.

    Attributes:
        op: a table operation, ``"sum"``, ``"dot"`` or ``"copy"``.
        region: SHARED or BATCHED, where the block of slots lies.
        shape: the block as an array: (G, I, J) for a dot (out[g,i,j] = Σₖ A[g,i,k]·B[g,j,k]), (n, r) for a softmax
            over r entries, (n,) else.
        operands: slots read: (n,) arrays; (n, r) for lists; (G, I, K) and (G, J, K) for a dot; any shapes that
            number n in all for a copy.
        signs: of a sum's terms.
        in_place: whether a sum adds to its first operand where it stands.
        scalars: how many of the traced scalar nodes it stands for.
        nodes: the id of the node in each slot (−1 where no scalar node is).
    """

    op: str
    region: int
    start: int
    shape: tuple[int, ...]
    operands: list[Operand]
    signs: tuple[int, ...] = ()
    in_place: bool = False
    scalars: int = 0
    nodes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def size(self) -> int:
        """How many slots the block has."""
        return math.prod(self.shape)


@dataclass
class Packed:
    """The array program: instructions in order, the number of slots per region, the constants, the results."""

    instructions: list[Instruction]
    sizes: dict[int, int]
    n_parameters: int
    constants: dict[int, float]  # by shared slot
    outputs: Operand
    region_of: Ints  # by node id
    slot_of: Ints

    def check(self) -> None:
        """Refuse a program in which a slot is written twice, or read before it is written, or shapes disagree."""
        written = {region: np.zeros(size, bool) for region, size in self.sizes.items()}
        written[SHARED][: self.n_parameters] = True
        written[SHARED][list(self.constants)] = True
        for region, slots in written.items():
            if region >= INPUT:
                slots[:] = True
        for step in self.instructions:
            for operand in step.operands:
                if operand.slots.size == 1 and operand.region in written:  # the fast way for what does not pack
                    slots, slot = written[operand.region], int(operand.slots.flat[0])
                    require(0 <= slot < len(slots) and slots[slot], f"{step.op} reads a slot before it is written")
                    require(
                        step.region == BATCHED or operand.region == SHARED, f"a shared {step.op} reads a batched slot"
                    )
                    continue
                require(operand.region in written, f"{step.op} reads a region that is not there")
                inside = operand.slots.size and 0 <= operand.slots.min() <= operand.slots.max() < len(
                    written[operand.region]
                )
                require(inside, f"{step.op} reads a slot outside its region")
                require(written[operand.region][operand.slots].all(), f"{step.op} reads a slot before it is written")
                require(step.region == BATCHED or operand.region == SHARED, f"a shared {step.op} reads a batched slot")
            block = slice(step.start, step.start + step.size)
            require(step.start >= 0 and block.stop <= len(written[step.region]), f"{step.op} writes outside its region")
            if step.in_place:
                own = np.arange(block.start, block.stop)
                require(
                    step.op == "sum" and step.signs[0] == 1 and np.array_equal(step.operands[0].slots.ravel(), own),
                    f"{step.op} in place does not start with its own slots",
                )
            else:
                require(not written[step.region][block].any(), f"{step.op} writes a slot twice")
            written[step.region][block] = True
            self._check_shapes(step)
        require(written[self.outputs.region][self.outputs.slots].all(), "a result is never written")

    @staticmethod
    def _check_shapes(step: Instruction) -> None:
        shapes = [operand.slots.shape for operand in step.operands]
        n = step.shape[0]
        if step.op == "dot":
            g, i, j = step.shape
            k = shapes[0][-1]
            fits = shapes == [(g, i, k), (g, j, k)]
        elif step.op == "copy":
            fits = sum(operand.slots.size for operand in step.operands) == step.size
        elif step.op == "sum":
            fits = len(step.signs) == len(shapes) and all(shape[0] == n and len(shape) <= 2 for shape in shapes)
        elif step.op in ALONG_LISTS:
            fits = len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][: len(step.shape)] == step.shape
        else:
            fits = shapes == [(n,)] * arity(step.op)
        require(fits, f"shapes of {step.op} disagree: {shapes} and {step.shape}")


def affine(slots: Ints) -> tuple[int, ...] | None:
    """The steps s with ``slots[i, j, …] = slots[0, 0, …] + i·s₀ + j·s₁ + …``; None if there are none."""
    if slots.size == 1:
        return (0,) * slots.ndim
    first = slots[(0,) * slots.ndim]
    expected, strides = first, []
    for axis, length in enumerate(slots.shape):
        step = 0
        if length > 1:
            step = int(slots[tuple([int(a == axis) for a in range(slots.ndim)])] - first)
        strides.append(step)
        expected = np.add.outer(expected, np.arange(length) * step)
    return tuple(strides) if (expected == slots).all() else None


def injective(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether axes with a step other than 0 never meet the same slot twice."""
    reach = 0
    for step, length in sorted((abs(s), n) for s, n in zip(strides, shape) if s and n > 1):
        if step <= reach:
            return False
        reach += step * (length - 1)
    return True


def walkable(slots: Ints, inner: int) -> bool:
    """Whether two loops, the inner of that length, walk through an (n,) array in steps and meet no slot twice.

    (A step of 0 repeats a slot on purpose, as a bias does that is added to every sample: the reverse pass sums there.)
    """
    if slots.size == 1:
        return True
    table = slots.reshape(-1, inner)
    strides = affine(table)
    return strides is not None and injective(table.shape, strides)


def pack(reduced: Reduced, each: bool = False) -> Packed:
    """Group the nodes level by level and lay out their slots; with ``each`` copies of parameters are batched too."""
    packer = _Packer(reduced, each)
    for group in _groups(reduced, packer.region_of):
        packer.add(group)
    outputs = packer.vector(np.array(reduced.scalars.roots, np.int64))
    packed = Packed(
        packer.instructions, packer.sizes, reduced.scalars.n_parameters, packer.constants, outputs,
        packer.region_of, packer.slot_of,
    )  # fmt: skip
    packed.check()
    return packed


Group = tuple[str, list[int], list[Node]]


def _groups(reduced: Reduced, region_of: Ints) -> list[Group]:
    """Nodes that may run as one instruction, in an order in which operands come first."""
    s = reduced.scalars
    level = [0] * len(region_of)
    groups: dict[tuple[object, ...], Group] = {}
    regions = region_of.tolist()
    for i, node in reduced.nodes.items():
        args = node.args.tolist()
        top = level[i] = 1 + max([level[a] for a in args])
        key: tuple[object, ...]
        if node.op == "dot":
            key = (top, "dot", len(args), regions[args[0]], regions[args[len(args) // 2]], regions[i])
        elif node.op == "sum" and len(args) > MANY:
            zero = [a < len(s.op) and s.data[a] == 0 for a in args]
            terms = sorted(
                (-sgn, regions[a] != BATCHED, regions[a], is_zero, a) for sgn, is_zero, a in zip(node.signs, zero, args)
            )
            node.args = np.array([term[-1] for term in terms], np.int64)
            node.signs = tuple(-term[0] for term in terms)
            key = (top, "many", regions[i], *((term[0], term[2], term[3]) for term in terms))
        elif node.op == "sum":
            terms = sorted(
                (-sgn, regions[a] != BATCHED, regions[a], s.op[a] if a < len(s.op) else "", a)
                for sgn, a in zip(node.signs, args)
            )
            node.args = np.array([term[-1] for term in terms], np.int64)
            node.signs = tuple(-term[0] for term in terms)
            key = (top, "sum", regions[i], *((term[0], term[2], term[3] == "constant") for term in terms))
        elif takes_list(node.op):
            key = (top, node.op, len(args), regions[i])
        else:
            kinds = [(regions[a], a < len(s.op) and s.op[a] == "constant") for a in args]
            key = (top, node.op, regions[i], *kinds)
        group = groups.setdefault(key, (node.op, [], []))
        group[1].append(i)
        group[2].append(node)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]  # type: ignore[arg-type,return-value]


class _Packer:
    def __init__(self, reduced: Reduced, each: bool) -> None:
        s = reduced.scalars
        self.each = each
        count = len(reduced.uses)
        self.uses = reduced.uses
        self.n_scalars = len(s.op)
        self.data = s.data
        self.is_constant = np.zeros(count, bool)
        self.is_constant[: len(s.op)] = [op == "constant" for op in s.op]
        self.region_of = np.full(count, SHARED, np.int64)
        self.region_of[[i for i, batched in reduced.batched.items() if batched]] = BATCHED
        arguments = np.array(s.arguments, np.int64)
        self.region_of[: s.n_inputs] = INPUT + arguments
        self.slot_of = np.full(count, -1, np.int64)
        self.sizes = {SHARED: s.n_parameters, BATCHED: 0}
        for argument in range(max(s.arguments, default=-1) + 1):
            mine = np.flatnonzero(arguments == argument)
            self.slot_of[mine] = np.arange(len(mine))
            self.sizes[INPUT + argument] = len(mine)
        self.slot_of[s.n_inputs : s.n_inputs + s.n_parameters] = np.arange(s.n_parameters)
        self.constants: dict[int, float] = {}
        self.blocks: dict[bytes, int] = {}  # constants and copies that exist, by content
        self.instructions: list[Instruction] = []
        self.extendable: dict[tuple[int, int], int] = {}  # (region, first slot) → size of blocks that a sum may add to

    def allocate(self, region: int, size: int) -> int:
        start = self.sizes[region]
        self.sizes[region] += size
        return start

    # -- operands -------------------------------------------------------------------------------------------------

    def vector(self, ids: Ints, direct: bool = True) -> Operand:
        """The slots of some nodes as an operand with strides; collected by a copy if they have none."""
        if ids.size == 1:  # the fast way for what does not pack
            i = int(ids.flat[0])
            if not self.is_constant[i]:
                return Operand(int(self.region_of[i]), np.full(ids.shape, self.slot_of[i], np.int64))
        if self.is_constant[ids].all():
            return Operand(SHARED, self._constant_block(self.data[ids]))
        loose = self.is_constant[ids] & (self.slot_of[ids] < 0)
        for i in set(ids[loose].tolist()):
            self.slot_of[i] = int(self._constant_block(self.data[i : i + 1])[0])
        regions, slots = self.region_of[ids], self.slot_of[ids]
        if (regions == regions.flat[0]).all():
            operand = Operand(int(regions.flat[0]), slots)
            strides = operand.strides
            if strides is not None and injective(slots.shape, strides):
                return operand
            if not direct and slots.ndim == 1:
                return operand
        return self._copy(regions, slots)

    def _constant_block(self, values: NDArray[np.float64]) -> Ints:
        if values.size > 1 and (values == values.flat[0]).all() and not np.signbit(values).any():
            return np.broadcast_to(self._constant_block(values.reshape(-1)[:1]), values.shape)
        key = b"constant" + values.tobytes()
        if key not in self.blocks:
            start = self.blocks[key] = self.allocate(SHARED, values.size)
            self.constants.update(zip(range(start, start + values.size), values.ravel().tolist()))
        return self.blocks[key] + np.arange(values.size).reshape(values.shape)

    def _copy(self, regions: Ints, slots: Ints) -> Operand:
        key = b"copy" + regions.tobytes() + slots.tobytes()
        region = BATCHED if self.each or (regions != SHARED).any() else SHARED
        if key not in self.blocks:
            start = self.blocks[key] = self.allocate(region, slots.size)
            flat_regions, flat = regions.ravel(), slots.ravel()
            cuts = np.flatnonzero(np.diff(flat_regions)) + 1
            parts = [Operand(int(flat_regions[p[0]]), flat[p]) for p in np.split(np.arange(flat.size), cuts)]
            self.instructions.append(
                Instruction("copy", region, start, (flat.size,), parts, nodes=np.full(flat.size, -1, np.int64))
            )
        return Operand(region, self.blocks[key] + np.arange(slots.size).reshape(slots.shape))

    # -- instructions ---------------------------------------------------------------------------------------------

    def add(self, group: Group) -> None:
        op, ids, nodes = group
        every = np.array(ids, np.int64)
        table = np.array([node.args for node in nodes], np.int64)
        scalars = sum(node.scalars for node in nodes)
        if op == "dot":
            self._dots(every, table, nodes)
        elif op == "sum":
            self._sum(every, table, nodes[0].signs, scalars)
        elif op in SHARES:
            self._shares(op, every, table)
        elif takes_list(op):
            order = self._order(table[:, :1])
            operand = self.vector(table[order])
            self._emit(op, every[order], (len(ids),), [operand], scalars=scalars)
        else:
            order = self._order(table)
            table = table[order]
            self._emit(op, every[order], (len(ids),), self._together(table), scalars=scalars)

    def _emit(
        self, op: str, ids: Ints, shape: tuple[int, ...], operands: list[Operand], *, scalars: int,
        signs: tuple[int, ...] = (), start: int | None = None,
    ) -> None:  # fmt: skip
        region = int(self.region_of[ids[0]])
        in_place = start is not None
        begin = start if start is not None else self.allocate(region, math.prod(shape))
        self.slot_of[ids] = begin + np.arange(len(ids))
        self.instructions.append(Instruction(op, region, begin, shape, operands, signs, in_place, scalars, ids))

    def _order(self, table: Ints) -> Ints:
        """Nodes sorted by the slots they read, so that what is read lies in a row."""
        if len(table) == 1:
            return np.zeros(1, np.int64)
        columns = [c for c in range(min(table.shape[1], 4)) if not self.is_constant[table[:, c]].any()]
        columns.sort(key=lambda c: self.region_of[table[0, c]] != BATCHED)
        keys = [self.slot_of[table[:, c]] for c in reversed(columns)]
        return np.lexsort(keys) if keys else np.arange(len(table))

    def _together(self, table: Ints) -> list[Operand]:
        """The columns of a table as operands that one pair of loops can walk through."""
        operands = [self.vector(table[:, c], direct=False) for c in range(table.shape[1])]
        inner = common_loops([operand.slots for operand in operands])
        return [self._walkable(operand, inner) for operand in operands]

    def _walkable(self, operand: Operand, inner: int) -> Operand:
        if walkable(operand.slots, inner):
            return operand
        return self._copy(np.full(len(operand.slots), operand.region), operand.slots)

    def _sum(self, ids: Ints, table: Ints, signs: tuple[int, ...], scalars: int) -> None:
        order = self._order(table)
        ids, table = ids[order], table[order]
        if table.shape[1] <= MANY:
            operands = [self.vector(table[:, c], direct=False) for c in range(table.shape[1])]
            operands = [self._walkable(operand, common_loops([operand.slots])) for operand in operands]
            first = operands[0]
            region = int(self.region_of[ids[0]])
            start = int(first.slots.flat[0])
            whole = first.region == region and np.array_equal(first.slots, start + np.arange(len(ids)))
            whole = whole and self.extendable.get((region, start)) == len(ids)
            if whole and (self.uses[table[:, 0]] == 1).all() and signs[0] == 1 and len(operands) > 1:
                self._emit("sum", ids, (len(ids),), operands, scalars=scalars, signs=signs, start=start)
                return
        else:
            operands, kept = [], []
            column = 0
            kinds = [(sgn, int(self.region_of[i]), self._is_zero(i)) for sgn, i in zip(signs, table[0].tolist())]
            while column < len(signs):
                end = column
                while end < len(signs) and kinds[end] == kinds[column]:
                    end += 1
                operands.append(self.vector(table[:, column:end]))
                kept.append(signs[column])
                column = end
            signs = tuple(kept)
        self._emit("sum", ids, (len(ids),), operands, scalars=scalars, signs=signs)

    def _is_zero(self, i: int) -> bool:
        return i < self.n_scalars and bool(self.data[i] == 0)

    def _shares(self, op: str, ids: Ints, table: Ints) -> None:
        """Shares of the same entries are one instruction over them, whichever of the shares is used."""
        entries = np.sort(table, axis=1)
        sets, which = np.unique(entries, axis=0, return_inverse=True)
        place = np.argmax(entries == table[:, :1], axis=1)
        order = self._order(sets[:, :1])
        rank = np.argsort(order)
        width = table.shape[1]
        nodes = np.full(len(sets) * width, -1, np.int64)
        slots = rank[which.ravel()] * width + place
        nodes[slots] = ids
        operand = self.vector(sets[order])
        region = int(self.region_of[ids[0]])
        start = self.allocate(region, len(nodes))
        self.slot_of[ids] = start + slots
        shape = (len(sets), width)
        self.instructions.append(Instruction(op, region, start, shape, [operand], (), False, len(ids), nodes))

    def _dots(self, ids: Ints, table: Ints, nodes: list[Node]) -> None:
        half = table.shape[1] // 2
        left, right = table[:, :half], table[:, half:]
        counts = np.array([node.scalars for node in nodes])
        for members in grids(left, right):
            g, i, j = members.shape
            a, b = left[members[:, :, 0]], right[members[:, 0, :]]
            rows, columns = self._first(a), self._first(b)
            for n in range(g):
                members[n] = members[n][
                    np.ix_(np.argsort(rows[n], kind="stable"), np.argsort(columns[n], kind="stable"))
                ]
            members = members[np.lexsort((columns.min(axis=1), rows.min(axis=1)))]
            flat = members.ravel()
            operands = [self.vector(left[members[:, :, 0]]), self.vector(right[members[:, 0, :]])]
            self._emit("dot", ids[flat], (g, i, j), operands, scalars=int(counts[flat].sum()))
            made = self.instructions[-1]
            self.extendable[made.region, made.start] = made.size

    def _first(self, ids: Ints) -> Ints:
        """Something to sort vectors by: the slot of the first node, or its id for constants."""
        first = ids[:, :, 0]
        return np.where(self.is_constant[first], first, self.slot_of[first])


def common_loops(arrays: list[Ints]) -> int:
    """The length of the inner of two loops with which all (n,) arrays of slots may be walked through in steps."""
    n = inner = len(arrays[0])
    if n == 1:
        return 1
    for slots in arrays:
        steps = slots[1:] - slots[:-1]
        (breaks,) = (steps != steps[0]).nonzero()
        if breaks.size:
            inner = int(breaks[0]) + 1
            break
    return inner if n % inner == 0 else n


def grids(left: Ints, right: Ints) -> list[Ints]:
    """Split dots into complete grids: members[g, i, j] is a dot of vector i on the left and vector j on the right.

    Right vectors that meet the same left vectors form one grid with them. Grids of one form are stacked.
    """
    a, b = _rows(left), _rows(right)
    n = len(a)
    hashes = np.random.default_rng(0).integers(1, 2**62, size=a.max() + 1, dtype=np.int64)
    met = np.zeros(b.max() + 1, np.int64)
    np.add.at(met, b, hashes[a])  # wraps around; equal sets have equal sums, and the grid is verified below
    by_set: dict[tuple[int, int], list[int]] = {}
    degree = np.bincount(b)
    for member, j in enumerate(b.tolist()):
        by_set.setdefault((int(met[j]), int(degree[j])), []).append(member)
    shaped: dict[tuple[int, int], list[Ints]] = {}
    for members in by_set.values():
        m = np.array(members)
        rows, i = np.unique(a[m], return_inverse=True)
        columns, j = np.unique(b[m], return_inverse=True)
        grid = np.full((len(rows), len(columns)), -1, np.int64)
        grid[i, j] = m
        whole = grid.size == len(m) and (grid >= 0).all()  # else two sets have the same hash, or a dot stands twice
        for part in [grid] if whole else m.reshape(-1, 1, 1):
            shaped.setdefault(part.shape, []).append(part)
    stacked = [np.stack(group) for group in shaped.values()]
    require(sum(grid.size for grid in stacked) == n, "a dot was lost between grids")
    return stacked


def _rows(vectors: Ints) -> Ints:
    """A number for each row that equal rows share, in the order of first appearance."""
    weights = np.random.default_rng(1).integers(1, 2**62, size=vectors.shape[1], dtype=np.int64) | 1
    _, first, inverse = np.unique((vectors * weights).sum(axis=1), return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    if not np.array_equal(vectors[first[inverse]], vectors):  # different rows with the same hash
        inverse = np.unique(vectors, axis=0, return_inverse=True)[1].ravel()
    return inverse
