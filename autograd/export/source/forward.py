"""The forward pass: an array program as arrays in the forms in which one would write them by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from keyword import iskeyword
from typing import TYPE_CHECKING

import numpy as np

from ...compiler.labels import layer_array
from ...compiler.pack import BATCHED, Instruction, common_loops
from ...compiler.trace import ALONG_LISTS, Array, Ints
from ..walk import Reading, Walk, unused
from .nodes import SHAPING, Loop, Maker, Node

if TYPE_CHECKING:
    from ...compiler.program import Program

FEW = 4
"""So many numbers that do not lie together are written one by one."""

SEVERAL = 3
"""So many terms from one array are its sum."""

MOST_GROUPS = 12
"""A dot of parts of more arrays than this is one of joined vectors, and not a sum of dots."""


class Forward(Maker):
    """The arrays of a program.

    Args:
        program: the program.
        taken: names that are in use.

    Attributes:
        single: whether it computes one number.
        places: of the parameters in the flat array, by name.
        parameters: by their names in `Program.unflatten`; a single number that is no layer's has no axis.
        inputs: in order.
        numbers: the number of the walk's array of constants.
        constants: lists of numbers that are read.
        ids: for each array of the walk, a number for each of its entries that no other entry has.
        made_before: what was there before the loop, by the walk's numbers.
        result: what the program computes.
    """

    def __init__(self, program: Program, taken: set[str]) -> None:
        super().__init__()
        self.places = places = program._places_by_name()
        self.walk = walk = Walk(program._packed, [*places.values()])
        self.single = program._single
        self.parameters: dict[str, Node] = {}
        self.inputs: list[Node] = []
        self.constants: list[Node] = []
        self.made_before: Mapping[int, Node] = {}
        for name, where in places.items():
            label = program.parameters[int(where.flat[0])].label
            alone = where.size == 1 and layer_array(label) is None and label != "bias"
            self.parameters[name] = Node("given", (), () if alone else where.shape, stem=unused(_word(name), taken))
        for name, shape in zip(program._names, program.shapes):
            self.inputs.append(Node("given", (), shape, True, stem=unused(_word(name), taken)))
        arrays = [*self.parameters.values()] or [Node("constant", (), (0,), data=np.zeros(0))]
        self.numbers = len(arrays)
        made = dict(enumerate([*arrays, Node("constant", (), walk.numbers.shape, data=walk.numbers), *self.inputs]))
        self.begins = np.concatenate([[0], np.cumsum(walk.sizes)])
        self.ids: dict[int, Ints] = {
            number: np.arange(size) + begin for number, (size, begin) in enumerate(zip(walk.sizes, self.begins))
        }
        end, loop = len(walk.instructions), walk.loop
        if loop is None:
            self._run(made, range(end), walk.readings)
        else:
            self._run(made, range(loop.first), walk.readings)
            self._repeat(made)
            self._run(made, range(loop.end, end), walk.readings[loop.end :])
        slots = walk.outputs.of(self.ids, np).reshape(-1)
        result = self._operand(made, slots[0] if self.single else slots)
        part = result.op in SHAPING and result.op != "number"
        self.result = self.make("sum", [result], result.shape, (1,)) if part else result  # it has a line of its own

    def _run(self, made: dict[int, Node], positions: range, readings: Sequence[Sequence[Reading]]) -> None:
        for position, mine in zip(positions, readings):
            made[self.walk.begin + position] = self._instruction(made, self.walk.instructions[position], mine)

    def _repeat(self, made: dict[int, Node]) -> None:
        found, walk = self.walk.loop, self.walk
        assert found is not None
        start = walk.begin + found.first
        before = [start - found.period + j for j in found.carried]
        initial = [made[number] for number in before]
        rows, moving = [], []
        for n, (array, places) in enumerate(found.moving):
            one = places.shape[1] == 1
            sequence = self._operand(made, self.ids[array][places[:, 0] if one else places])
            moving.append(sequence)
            rows.append(Node("given", (), () if one else places.shape[1:], sequence.batched, twin=sequence))
            self.ids[-1 - n] = np.arange(places.shape[1]) + int(self.begins[-1]) * (n + 2)
        loop = Loop(found.times, [], initial, rows, moving)
        self._enter(loop)
        self.block.append(loop)
        outer, self.block, self.made_before = self.block, loop.body, dict(made)
        loop.after = self.iteration(made, loop)
        self.block = outer
        last = start + found.period * (found.times - 1)
        made.update(zip([last + j for j in found.carried], loop.state))

    def _enter(self, loop: Loop) -> None:
        """Name what an iteration reads of the one before."""
        found = self.walk.loop
        assert found is not None
        batched = [self.walk.instructions[found.first + j].region == BATCHED for j in found.carried]
        loop.initial = [
            x if x.batched == each else self.make("spread", [x], x.shape, batched=True)
            for x, each in zip(loop.initial, batched)
        ]
        loop.state = [Node("given", (), x.shape, x.batched) for x in loop.initial]

    def iteration(self, made: Mapping[int, Node], loop: Loop) -> list[Node]:
        """The arrays of one iteration in the block that is open; what it hands on."""
        found, walk = self.walk.loop, self.walk
        assert found is not None
        start = walk.begin + found.first
        before = [start - found.period + j for j in found.carried]
        inside = dict(made) | dict(zip(before, loop.state)) | {-1 - n: row for n, row in enumerate(loop.rows)}
        self._run(inside, range(found.first, found.first + found.period), found.readings)
        after = [inside[start + j] for j in found.carried]
        return [x if x.shape == s.shape else self.make("reshape", [x], s.shape) for x, s in zip(after, loop.state)]

    # -- operands -----------------------------------------------------------------------------------------------------

    def _parts(self, ids: Ints) -> list[tuple[int, Ints]]:
        """Which array each stretch of flat ids is of, and the places in it."""
        rows = ids // int(self.begins[-1])
        number = np.where(rows > 0, 1 - rows, np.searchsorted(self.begins, ids, side="right") - 1)
        cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), ids.size]
        return [(n := int(number[a]), ids[a:b] - self.ids[n][0]) for a, b in pairwise(cuts)]

    def _operand(self, made: Mapping[int, Node], ids: Ints) -> Node:
        return self._read(made, ids)[0]

    def _read(self, made: Mapping[int, Node], ids: Ints) -> tuple[Node, float]:
        """What an operand is, in its form but for repeated axes, and how hard that is to read."""
        parts = self._parts(ids.reshape(-1))
        if len(parts) == 1:
            number, places = parts[0]
            if number == self.numbers:
                return self._numbers(made[number].data[places].reshape(ids.shape)), 0
            return self.view(made[number], places.reshape(ids.shape))
        numbers = list(dict.fromkeys(number for number, _ in parts))
        if len(numbers) == len(parts):
            pieces = [
                self._spread(self._operand(made, self.ids[number][places]), places.shape if places.size > 1 else ())
                for number, places in parts
            ]
            joined = self.make("join", pieces, (ids.size,))
        else:
            whole = self.make("join", [self._operand(made, self.ids[number]) for number in numbers], (0,))
            sizes = [self.walk.sizes[number] if number >= 0 else self.ids[number].size for number in numbers]
            begins = dict(zip(numbers, np.cumsum([0, *sizes]).tolist()))
            whole.shape = (sum(sizes),)
            chosen = np.concatenate([places + begins[number] for number, places in parts])
            joined = self.make("take", [whole], (ids.size,), chosen)
        return (joined if ids.ndim == 1 else self.make("reshape", [joined], ids.shape)), 6

    def _numbers(self, numbers: Array) -> Node:
        if numbers.size and (numbers == numbers.flat[0]).all() and len(set(np.signbit(numbers.ravel()))) == 1:
            return Node("number", (), (), data=float(numbers.flat[0]))
        for node in self.constants:
            if node.shape == numbers.shape and np.array_equal(node.data, numbers, equal_nan=True):
                return node
        self.constants.append(Node("constant", (), numbers.shape, data=numbers))
        return self.constants[-1]

    # -- instructions -------------------------------------------------------------------------------------------------

    def _instruction(self, made: Mapping[int, Node], step: Instruction, readings: Sequence[Reading]) -> Node:
        ids = [reading.of(self.ids, np) for reading in readings]
        if step.op == "dot":
            return self._dot(made, ids[0], ids[1])
        if step.op == "sum":
            return self._sum(made, ids, step.signs)
        if step.op == "copy":
            return self._operand(made, np.concatenate([x.ravel() for x in ids]))
        if step.op in ALONG_LISTS:
            entries = self._spread(self._operand(made, _without_front(ids[0])), _without_front(ids[0]).shape)
            return self.make(step.op, [entries], entries.shape[:-1] if step.op == "log_sum_exp" else entries.shape)
        return self._entrywise(made, ids, lambda operands, shape: self.make("apply", operands, shape, step.op))

    def _entrywise(
        self, made: Mapping[int, Node], ids: Sequence[Ints], make: Callable[[list[Node], tuple[int, ...]], Node]
    ) -> Node:
        """An operation on flat operands; one on a few numbers from here and there is written number by number."""
        operands, shape, turned = self._together(made, ids)
        n = ids[0].size
        if 1 < n <= FEW and any(x.op in ("join", "take", "constant") for x in operands):
            entries = [make(*self._together(made, [x[i : i + 1] for x in ids])[:2]) for i in range(n)]
            return self.make("join", entries, (n,))
        result = make(operands, shape)
        return self.make("swap", [result], shape[::-1]) if turned else result

    def _together(self, made: Mapping[int, Node], ids: Sequence[Ints]) -> tuple[list[Node], tuple[int, ...], bool]:
        """Flat operands in the form that is easiest to read, that form, and whether its axes have changed places."""
        n = ids[0].size
        forms: list[tuple[int, ...]] = []
        if n > 1:
            for x in ids:
                parts = self._parts(x)
                if len(parts) == 1 and parts[0][0] != self.numbers and parts[0][1].size == made[parts[0][0]].size:
                    forms.append(made[parts[0][0]].shape)
            inner = common_loops(list(ids))
            forms += [(n // inner, inner)] if 1 < inner < n else []
            forms.append((n,))
        else:
            forms.append(())
        best: tuple[float, tuple[int, ...], bool, list[Node], list[Node | Loop]] | None = None
        for form in dict.fromkeys(forms):
            for turned in (False, True) if len(form) == 2 else (False,):
                begun = len(self.block)
                shaped = [x.reshape(form).T if turned else x.reshape(form) for x in ids]
                found = [self._read(made, x) for x in shaped]
                made_here = self.block[begun:]
                del self.block[begun:]
                cost = sum(cost for _, cost in found)
                if best is None or cost < best[0]:
                    best = cost, shaped[0].shape, turned, [node for node, _ in found], made_here
        assert best is not None
        _, form, turned, nodes, made_here = best
        self.block += made_here
        if n == 1 and any(node.shape == (1,) for node in nodes):
            form = (1,)
        return nodes, form, turned

    def _sum(self, made: Mapping[int, Node], ids: Sequence[Ints], signs: Sequence[int]) -> Node:
        signs, ids = self._gathered(signs, ids)
        if all(x.ndim == 1 for x in ids):
            return self._entrywise(made, ids, lambda operands, shape: self._added(list(zip(signs, operands)), shape))
        n = len(ids[0])
        shape = (n,) if n > 1 else ()
        terms = []
        for sign, x in zip(signs, ids):
            if x.ndim == 1:
                terms.append((sign, self._operand(made, x)))
                continue
            form = _without_front(x)
            entries = self._spread(self._operand(made, form), form.shape)
            terms.append((sign, self.make("total", [entries], shape, ((len(form.shape) - 1,), False))))
        return self._added(terms, shape)

    def _gathered(self, signs: Sequence[int], ids: Sequence[Ints]) -> tuple[Sequence[int], Sequence[Ints]]:
        """Terms of a number, of which those that are entries of one array in steps stand together."""
        if len(ids) < SEVERAL or len(ids[0]) != 1 or any(x.ndim > 1 for x in ids):
            return signs, ids
        groups: dict[tuple[int, int], list[int]] = {}
        for sign, x in zip(signs, ids):
            groups.setdefault((sign, self._parts(x)[0][0]), []).append(int(x[0]))
        found = []
        for (sign, number), entries in groups.items():
            steps = np.diff(sorted(entries))
            if len(entries) >= SEVERAL and number != self.numbers and steps[0] > 0 and (steps == steps[0]).all():
                found.append((sign, np.array([sorted(entries)])))
            else:
                found += [(sign, np.array([x])) for x in entries]
        return [sign for sign, _ in found], [x for _, x in found]

    def _added(self, terms: list[tuple[int, Node]], shape: tuple[int, ...]) -> Node:
        """A sum of terms with signs, without zeros."""
        kept = [(sign, node) for sign, node in terms if not (node.op == "number" and node.data == 0)] or terms[:1]
        return self.make("sum", [node for _, node in kept], shape, tuple(sign for sign, _ in kept))

    def _spread(self, node: Node, shape: tuple[int, ...]) -> Node:
        """An array with its repeated axes made as long as they are."""
        if node.shape == shape or (node.size == 1 and not shape):
            return node
        return self.make("spread", [node], shape)

    def _dot(self, made: Mapping[int, Node], a: Ints, b: Ints) -> Node:
        if any(self._zero(made, ids) for ids in (a, b)):  # a state that begins with zeros
            return Node("number", data=0.0)
        if a.shape[:2] == b.shape[:2] == (1, 1):
            return self._of_vectors(made, a[0, 0], b[0, 0])
        nodes, labels = [], []
        for ids, letters in ((a, "gik"), (b, "gjk")):
            mine = ids
            for letter in "gij":
                if letter in letters and mine.shape[letters.index(letter)] == 1 and not self._row(made, mine, letters):
                    mine, letters = mine.squeeze(letters.index(letter)), letters.replace(letter, "")
            if "g" in letters and (mine == mine[:1]).all():
                mine, letters = mine[0], letters[1:]
            nodes.append(self._spread(self._operand(made, mine), mine.shape))
            labels.append(letters)
        kept = "".join(letter for letter in "gij" if letter in labels[0] + labels[1])
        lengths = {letter: n for node, letters in zip(nodes, labels) for letter, n in zip(letters, node.shape)}
        return self.make("product", nodes, [lengths[letter] for letter in kept], (*labels, kept))

    def _zero(self, made: Mapping[int, Node], ids: Ints) -> bool:
        parts = self._parts(ids.ravel())
        return len(parts) == 1 and parts[0][0] == self.numbers and not made[self.numbers].data[parts[0][1]].any()

    def _row(self, made: Mapping[int, Node], ids: Ints, letters: str) -> bool:
        """Whether this is a whole matrix of one row, which stands as it is: weights of a single neuron."""
        parts = self._parts(ids.reshape(-1))
        return len(letters) == 2 and len(parts) == 1 and made[parts[0][0]].shape == ids.shape

    def _of_vectors(self, made: Mapping[int, Node], a: Ints, b: Ints) -> Node:
        """A dot of two vectors: one of parts of arrays is a sum of dots."""
        rows = [self._row(made, ids[None], "ik") for ids in (a, b)]
        if any(rows) and not all(rows):  # weights of a single neuron
            row, other = (a, b) if rows[0] else (b, a)
            nodes = [self._operand(made, row[None]), self._spread(self._operand(made, other), other.shape)]
            return self.make("product", nodes, (1,), ("ik", "k", "i"))
        first, second = self._parts(a), self._parts(b)
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
        if len(first) > 1 or len(second) > 1:
            owners = [np.concatenate([np.full(p.size, n) for n, p in parts]).tolist() for parts in (first, second)]
            for n, m, x, y in zip(*owners, a.tolist(), b.tolist()):
                pairs.setdefault((n, m), []).append((x, y))
        if not 1 < len(pairs) <= MOST_GROUPS:
            pairs = {(0, 0): list(zip(a.tolist(), b.tolist()))}
        dots = []
        for pair in pairs.values():
            x, y = (np.array(side, np.int64) for side in zip(*(sorted(pair) if len(pairs) > 1 else pair)))
            whole = self._parts(x)
            shape = made[whole[0][0]].shape if np.array_equal(x, y) and len(whole) == 1 else ()
            form = shape if np.prod(shape, dtype=int) == x.size and shape else x.shape
            nodes = [self._spread(self._operand(made, ids.reshape(form)), form) for ids in (x, y)]
            letters = "ijk"[-len(form) :]
            dots.append(self.make("product", nodes, (), (letters, letters, "")))
        return dots[0] if len(dots) == 1 else self.make("sum", dots, (), (1,) * len(dots))


def _without_front(ids: Ints) -> Ints:
    """(1, r) as (r,)."""
    return ids[0] if len(ids) == 1 else ids


def _word(name: str) -> str:
    """A name that Python reads."""
    word = re.sub(r"\W", "_", name)
    return f"{word}_" if iskeyword(word) or word in "lIO" else f"_{word}" if word[:1].isdigit() else word
