"""Arrays and loops as lines of Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .expressions import Expressions
from .lines import WIDTH, wrapped
from .nodes import SHAPING, Loop, Node
from .words import ATOM, Words, Written, bracket

LONGEST_INSIDE = 48
"""Longer text has a line of its own."""


class Writer(Expressions):
    """Writes the arrays that some results need.

    Args:
        block: arrays and loops in order.
        results: what is needed.
        words: of the library.
        taken: names that are in use.
        main: the result of the program, and its name.

    Attributes:
        uses: how often each array is read; one that is missing is not needed.
        home: the block that makes an array; blocks are told apart by their ids.
        reader: the blocks that read it.
        kept: what has a line of its own in any case.
        multiplied: operands of products.
        handed: what an iteration hands to the next, or the function returns; if it is read once it has no own line.
        loops: those that are needed.
        lists: names of the lists that keep the states of a loop for the way back.
    """

    def __init__(
        self, block: Sequence[Node | Loop], results: Sequence[Node], words: Words, taken: set[str],
        main: tuple[Node, str],
    ) -> None:  # fmt: skip
        super().__init__(words, taken, main)
        self.block = block
        self.uses: dict[Node, int] = {}
        self.home: dict[Node, int] = {}
        self.reader: dict[Node, set[int]] = {}
        self.kept = {main[0], *results} if words.columns else set()
        self.multiplied: set[Node] = set()
        self.handed: set[Node] = set() if words.columns else {main[0]}
        self.loops: set[Loop] = set()
        self.lists: dict[Loop, str] = {}
        self._settle(block)
        for node in results:
            self._read(node, id(block))
        self._count(block)

    def _settle(self, block: Sequence[Node | Loop]) -> None:
        for step in block:
            if isinstance(step, Node):
                self.home[step] = id(block)
            else:
                self._settle(step.body)

    # -- what is needed -----------------------------------------------------------------------------------------------

    def _count(self, block: Sequence[Node | Loop]) -> None:
        """Count how often each array is read, from the last to the first."""
        for step in reversed(block):
            if isinstance(step, Node):
                if self.uses.get(step) and step.op not in SHAPING:
                    for operand in step.operands:
                        self._read(operand, id(block))
                    if step.op == "product":
                        self.multiplied.update(step.operands)
                    if step.op in ("collect", "full"):
                        self._read(step.operands[0], id(block))
                        self.kept.add(step.operands[0])
                continue
            outputs = [*step.carried, *step.sums, *(x for _, x in step.collected)] if step.again else step.state
            if not any(self.uses.get(x) for x in outputs):
                continue
            self.loops.add(step)
            inside = [*step.after, *(x.operands[0] for x in step.sums), *(x for x, _ in step.collected)]
            self.handed.update(inside)
            for node in inside:
                self._read(node, id(step.body))
            self._count(step.body)
            added = [x.twin for x in step.sums if x.twin is not None]
            self.kept.update(added)
            there = step.again.state if step.again is not None else []
            for node in [*step.initial, *step.moving, *added, *there]:
                self._read(node, id(block))

    def _read(self, node: Node, reader: int) -> None:
        self.uses[node] = self.uses.get(node, 0) + 1
        self.reader.setdefault(node, set()).add(reader)
        if node.op in SHAPING and node.op != "given":
            for operand in node.operands:
                self._read(operand, reader)

    # -- lines --------------------------------------------------------------------------------------------------------

    def lines(self, indent: int, block: Sequence[Node | Loop] | None = None) -> list[str]:
        """The statements of a block."""
        found: list[str] = []
        for step in self.block if block is None else block:
            if isinstance(step, Loop):
                if step in self.loops:
                    write = self._back if step.again else self._scanned if self.words.scans else self._there
                    found += write(step, indent)
            elif self.uses.get(step) and step.op not in SHAPING:
                if step.op == "collect":
                    if step not in self.handed:
                        found += self._collect(step, self.name(step), False, indent)
                    continue
                text = self._text(step)
                if step.op == "full" and step.data == "seed":
                    found.append("")  # the reverse pass begins
                if self._inside(step, text):
                    self.written[step] = text
                else:
                    found += wrapped(f"{self.name(step)} = {text[0]}", indent)
        return found

    def _inside(self, node: Node, text: Written) -> bool:
        """Whether an array is written where it is read."""
        handed_on = node.op == "full" or (node.op == "product" and node.adjoint)
        if node in self.kept or handed_on or (node.adjoint and node.twin is not None and node.twin.stem):
            return False
        if node in self.multiplied and self._layer(node):
            return False  # a layer that the next one reads
        once = self.uses[node] == 1 and self.reader[node] == {self.home[node]}
        return once and (len(text[0]) <= LONGEST_INSIDE or node.op == "slope" or node in self.handed)

    # -- loops --------------------------------------------------------------------------------------------------------

    def _there(self, loop: Loop, indent: int) -> list[str]:
        """A loop, which keeps its states if there is a way back."""
        found = self._assigned(loop.state, loop.initial, indent)
        pad = " " * indent
        kept = self._kept(loop)
        if kept:
            self.lists[loop] = self._free("states")
            found.append(f"{pad}{self.lists[loop]} = []")
        found += self._header([], loop, "", indent)
        if kept:
            names = [self.name(loop.state[n]) for n in kept]
            one = names[0] if len(names) == 1 else f"({', '.join(names)})"
            found.append(f"{pad}    {self.lists[loop]}.append({one})")
        found += self.lines(indent + 4, loop.body)
        return found + self._assigned(loop.state, loop.after, indent + 4)

    def _scanned(self, loop: Loop, indent: int) -> list[str]:
        """A loop as a function of one step, which the library repeats."""
        pad = " " * indent
        names = [self.name(x) for x in loop.state]
        rows = [(self.name(row), self._text(x)[0]) for row, x in zip(loop.rows, loop.moving) if self.uses.get(row)]
        several = len(names) > 1
        moving = "_" if not rows else rows[0][0] if len(rows) == 1 else "row"
        step = self._free("step")
        found = [f"{pad}def {step}({'state' if several else names[0]}, {moving}):"]
        if several:
            found.append(f"{pad}    {', '.join(names)} = state")
        if len(rows) > 1:
            found.append(f"{pad}    {', '.join(name for name, _ in rows)} = row")
        initial = ", ".join(self._text(x)[0] for x in loop.initial)
        found += self.lines(indent + 4, loop.body)
        after = ", ".join(self._text(x)[0] for x in loop.after)
        found += wrapped(f"return {f'({after})' if several else after}, None", indent + 4)
        sequences = ", ".join(text for _, text in rows)
        given = f"{f'({sequences})' if len(rows) > 1 else sequences}" if rows else f"length={loop.times}"
        target = f"({', '.join(names)})" if several else names[0]
        call = f"{target}, _ = {self.words.scans}({step}, {f'({initial})' if several else initial}, {given})"
        return ["", *found, "", *wrapped(call, indent)]

    def _kept(self, loop: Loop) -> list[int]:
        """Which parts of the state the way back reads."""
        back = loop.reverse
        if back is None or back not in self.loops:
            return []
        return [n for n, state in enumerate(back.state) if self.uses.get(state)]

    def _assigned(self, names: Sequence[Node], nodes: Sequence[Node], indent: int) -> list[str]:
        """One assignment of several arrays at once, of those that change."""
        pairs = [(self.name(name), self._text(node)[0]) for name, node in zip(names, nodes)]
        pairs = [(name, text) for name, text in pairs if name != text]
        if not pairs:
            return []
        return wrapped(f"{', '.join(name for name, _ in pairs)} = {', '.join(text for _, text in pairs)}", indent)

    def _header(self, first: list[tuple[str, str]], loop: Loop, turned: str, indent: int) -> list[str]:
        """The line that says what a loop walks through."""
        pairs = first + [
            (self.name(row), bracket(self._text(rows), ATOM) + turned) for row, rows in zip(loop.rows, loop.moving)
            if self.uses.get(row)
        ]  # fmt: skip
        if not pairs:
            pairs = [("_", f"range({loop.times})")]
        targets = ", ".join(f"({name})" if ", " in name and len(pairs) > 1 else name for name, _ in pairs)
        sources = ", ".join(source for _, source in pairs)
        begin = f"for {targets} in "
        lines = wrapped(f"zip({sources})" if len(pairs) > 1 else sources, indent, WIDTH - len(begin) - 1)
        lines[0] = " " * indent + begin + lines[0].strip()
        lines[-1] += ":"
        return lines

    def _back(self, loop: Loop, indent: int) -> list[str]:
        """The way back through a loop."""
        there, pad = loop.again, " " * indent
        assert there is not None
        kept = self._kept(there)
        states = [(", ".join(self.name(loop.state[n]) for n in kept), f"reversed({self.lists[there]})")] if kept else []
        found = self._assigned(loop.carried, loop.initial, indent)
        for total in loop.sums:
            if self.uses.get(total):
                assert total.twin is not None
                found.append(f"{pad}{self.name(total)} = {self.words.module}.zeros_like({self.name(total.twin)})")
        for _, rows in loop.collected:
            found.append(f"{pad}{self.name(rows)} = []")
        found += self._header(states, loop, "[::-1]", indent)
        found += self.lines(indent + 4, loop.body)
        for total in loop.sums:
            if self.uses.get(total):
                (part,) = total.operands
                if part.op == "collect":
                    found += self._collect(part, self.name(total), True, indent + 4)
                else:
                    found += wrapped(f"{self.name(total)} += {self._text(part)[0]}", indent + 4)
        for each, rows in loop.collected:
            found += wrapped(f"{self.name(rows)}.append({self._text(each)[0]})", indent + 4)
        found += self._assigned(loop.carried, loop.after, indent + 4)
        for _, rows in loop.collected:
            found.append(f"{pad}{self.name(rows)} = {self.words.module}.stack({self.name(rows)}[::-1])")
        return found

    def _collect(self, node: Node, name: str, begun: bool, indent: int) -> list[str]:
        """An adjoint that comes in parts; some are there already if it is ``begun``."""
        like, *parts = node.operands
        module = self.words.module
        found = []
        if not begun and node.data[0] is not None:
            found += wrapped(f"{name} = {module}.zeros_like({self.expression(like)})", indent)
        for n, (key, part) in enumerate(zip(node.data, parts)):
            text = self.expression(part)
            if not (n or begun) and key is None:
                if text != name:
                    other = text.isidentifier() or part.op in SHAPING  # it is not to change with this one
                    found += wrapped(f"{name} = {text}{'.copy()' if other else ''}", indent)
            elif isinstance(key, np.ndarray) and len(np.unique(key)) < key.size:
                found += wrapped(f"{module}.add.at({name}, {self._places(key)}, {text})", indent)
            else:
                at = "" if key is None else self._places(key) if isinstance(key, np.ndarray) else self._key(key)
                found += wrapped(f"{name}{f'[{at}]' if at else ''} += {text}", indent)
        return found
