"""Arrays as text: their names, and how they are written where they are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.trace import Ints
from ...ops import TABLE
from .lines import number, shaped
from .nodes import SHAPING, Node
from .words import ATOM, DOT, PRODUCT, SIGN, SUM, Words, Written, bracket

FEW_PLACES = 8
"""A longer list of places has a name."""


class Expressions:
    """Names of arrays, and texts.

    Args:
        words: of the library.
        taken: names that are in use.
        main: the result of the program, and its name.

    Attributes:
        written: texts of arrays that have no line of their own.
        samples: whether the number of samples is asked for.
        lists_of_places: names of long ones, by their text.
    """

    def __init__(self, words: Words, taken: set[str], main: tuple[Node, str]) -> None:
        self.words, self.taken, self.main = words, taken, main
        self.names: dict[Node, str] = {}
        self.numbers = {"z": 0, "t": 0, "h": 0}
        self.written: dict[Node, Written] = {}
        self.samples = False
        self.lists_of_places: dict[str, str] = {}

    # -- names --------------------------------------------------------------------------------------------------------

    def name(self, node: Node) -> str:
        """The name of an array."""
        if node in self.names:
            return self.names[node]
        if node.op == "given" and node.stem:
            return node.stem
        if node is self.main[0]:
            name = self.main[1]
            self.taken.add(name)
        elif node.adjoint:
            assert node.twin is not None
            if node.twin.op in SHAPING - {"given"}:  # it has no name of its own
                name = self._free(f"d_{_stem(node.twin)}_rows") if _stem(node.twin) else f"d_{self._fresh('t')}"
            else:
                name = f"d_{self.name(node.twin)}"
        elif node.op == "given" and node.twin is not None and node.twin.op == "given" and not node.twin.stem:
            name = self.name(node.twin)  # a row on the way back
        elif node.op == "given":
            stem = _stem(node.twin)  # of a row, not of a state
            name = self._free(f"{stem}_n") if stem else self._fresh("t")
        elif node.twin is not None:
            name = self.name(node.twin)
        elif node.op == "apply" and _activation(node) and self.names.get(node.operands[0], "")[:1] == "z":
            name = self._free("h" + self.names[node.operands[0]][1:])
        elif self._layer(node):
            name = self._fresh("z" if self.words.columns else "h")
        else:
            name = self._fresh("t")
        self.names[node] = name
        return name

    def _layer(self, node: Node) -> bool:
        """Whether an array is what a layer computes."""
        return any(x.op == "given" and x.stem[:1] == "W" for x in self._inner(node))

    def _inner(self, node: Node, depth: int = 3) -> list[Node]:
        """What a layer is computed from: through its sum, and its activation."""
        if node.op == "product":
            return list(node.operands) if node.shape else []
        if depth and node.op in ("sum", "apply"):
            unnamed = [operand for operand in node.operands if operand not in self.names]
            return [x for operand in unnamed for x in self._inner(operand, depth - 1)]
        return []

    def _fresh(self, letter: str) -> str:
        self.numbers[letter] += 1
        name = f"{letter}{self.numbers[letter]}"
        if name in self.taken:
            return self._fresh(letter)
        self.taken.add(name)
        return name

    def _free(self, stem: str) -> str:
        name, n = stem, 1
        while name in self.taken:
            n += 1
            name = f"{stem}_{n}"
        self.taken.add(name)
        return name

    def expression(self, node: Node) -> str:
        """How an array is written where it is read."""
        return self._text(node)[0]

    # -- expressions --------------------------------------------------------------------------------------------------

    def _text(self, node: Node) -> Written:
        """How an array is written where it is read."""
        if node in self.names or node.op == "given":
            return self.name(node), ATOM
        if node in self.written:
            return self.written[node]
        written: Written = getattr(self, f"_of_{node.op}", self._of_list)(node)
        return written

    def _of_number(self, node: Node) -> Written:
        return number(node.data), SIGN if node.data < 0 else ATOM

    def _of_constant(self, node: Node) -> Written:
        return node.stem, ATOM

    def _of_index(self, node: Node) -> Written:
        return f"{bracket(self._text(node.operands[0]), ATOM)}[{self._key(node.data)}]", ATOM

    @staticmethod
    def _key(key: tuple[Any, ...]) -> str:
        texts = []
        for entry in key:
            if isinstance(entry, slice):
                ends = ["" if x is None else str(x) for x in (entry.start, entry.stop)]
                texts.append(":".join(ends) + (f":{entry.step}" if entry.step not in (None, 1) else ""))
            else:
                texts.append(str(entry))
        while len(texts) > 1 and texts[-1] == ":":
            texts.pop()
        return ", ".join(texts)

    def _places(self, places: Ints) -> str:
        """Places as a list; a long one has a name."""
        text = self.words.places(places)
        if places.size <= FEW_PLACES:
            return text
        if text not in self.lists_of_places:
            self.lists_of_places[text] = self._free("PLACES")
        return self.lists_of_places[text]

    def _of_take(self, node: Node) -> Written:
        return f"{bracket(self._text(node.operands[0]), ATOM)}[{self._places(node.data)}]", ATOM

    def _of_swap(self, node: Node) -> Written:
        source = bracket(self._text(node.operands[0]), ATOM)
        if self.words.columns and node.batched:
            return f"{source}.swapaxes(0, 1)", ATOM
        return f"{source}.T", ATOM

    def _of_reshape(self, node: Node) -> Written:
        source = node.operands[0]
        text = bracket(self._text(source), ATOM)
        lead = self.words.columns and node.batched
        if not source.shape and node.shape == (1,):
            return f"{text}[None]", ATOM
        if node.shape == () and source.size == 1:
            return f"{text}[{', '.join('0' * len(source.shape))}]", ATOM
        shape = ", ".join(map(str, [*node.shape, *([-1] if lead else [])]))
        return f"{text}.reshape({shape})", ATOM

    def _of_column(self, node: Node) -> Written:
        return f"{bracket(self._text(node.operands[0]), ATOM)}[:, None]", ATOM

    def _of_spread(self, node: Node) -> Written:
        (source,) = node.operands
        form = shaped([*node.shape, *self._with_samples(node)])
        if source.op == "number":
            return f"{self.words.module}.full({form}, {number(source.data, whole=False)})", ATOM
        return f"{self.words.module}.broadcast_to({self._aligned(source, node)[0]}, {form})", ATOM

    def _with_samples(self, node: Node) -> list[str]:
        """The axis of samples of an array, if it has one."""
        if not (self.words.columns and node.batched):
            return []
        self.samples = True
        return ["samples"]

    def _of_join(self, node: Node) -> Written:
        scalars = all(not x.shape for x in node.operands)
        texts = []
        for x in node.operands:
            text = self._text(x)[0] if not x.shape and scalars else bracket(self._text(x), ATOM)
            text = self.words.array(np.array(x.data)) if x.op == "number" and not self.words.columns else text
            if x.batched != node.batched and self.words.columns:
                form = shaped([*([] if scalars else [x.size]), *self._with_samples(node)])
                text = f"{self.words.module}.broadcast_to({text}{'[:, None]' if x.shape else ''}, {form})"
            elif not x.shape and not scalars:
                text = f"{text}[None]"
            elif len(x.shape) > 1:
                text += ".reshape(-1)" if not (x.batched and self.words.columns) else f".reshape({x.size}, -1)"
            texts.append(text)
        return f"{self.words.module}.{'stack' if scalars else 'concatenate'}([{', '.join(texts)}])", ATOM

    def _aligned(self, node: Node, result: Node) -> Written:
        """An operand with an axis for the samples where the result has one and it has axes without it."""
        text = self._text(node)
        if self.words.columns and result.batched and not node.batched and node.size > 1:
            if node.op == "column":
                return f"{bracket(self._text(node.operands[0]), ATOM)}[:, None, None]", ATOM
            return f"{bracket(text, ATOM)}[{':, None' if len(node.shape) == 1 else '..., None'}]", ATOM
        return text

    def _of_apply(self, node: Node) -> Written:
        return self.words.call(node.data, [self._aligned(x, node) for x in node.operands])

    def _of_slope(self, node: Node) -> Written:
        name, position, arguments, known = node.data
        texts = {argument: self._aligned(x, node) for argument, x in zip(arguments, node.operands)}
        return self.words.slope(name, position, texts, known)

    def _of_sum(self, node: Node) -> Written:
        text = ""
        for sign, operand in zip(node.data, node.operands):
            written = bracket(self._aligned(operand, node), SUM if sign > 0 else DOT)
            if not text:
                text = written if sign > 0 else "-" + bracket(self._aligned(operand, node), SIGN + 1)
            else:
                text += f" {'+' if sign > 0 else '-'} {written}"
        alone = len(node.operands) == 1
        return text, (self._aligned(node.operands[0], node)[1] if node.data[0] > 0 else SIGN) if alone else SUM

    def _of_total(self, node: Node) -> Written:
        source = node.operands[0]
        axes, over = node.data
        text = bracket(self._text(source), ATOM)
        here = [*axes, *([len(source.shape)] if over and self.words.columns else [])]
        everything = len(here) == len(source.shape) + (source.batched and self.words.columns)
        if everything:
            return f"{text}.sum()", ATOM
        if not here:
            return self._text(source)
        return f"{text}.sum(axis={here[0] if len(here) == 1 else tuple(here)})", ATOM

    def _of_full(self, node: Node) -> Written:
        like = self.name(node.operands[0])
        module = self.words.module
        if node.data == 0.0:
            return f"{module}.zeros_like({like})", ATOM
        if not node.operands[0].batched:
            return f"{module}.ones_like({like})", ATOM
        return f"{module}.full_like({like}, 1 / {like}.size)", ATOM

    def _of_list(self, node: Node) -> Written:
        source = node.operands[0]
        return self.words.over_list(node.op, self._text(source), len(source.shape) - 1)

    # -- products -----------------------------------------------------------------------------------------------------

    def _of_product(self, node: Node) -> Written:
        (a, b), (of_a, of_b, of_out) = node.operands, node.data
        if self.words.columns:  # n counts samples
            of_a, of_b, of_out = (x + "n" * each.batched for x, each in ((of_a, a), (of_b, b), (of_out, node)))
        return self._contracted(self._text(a), of_a, self._text(b), of_b, of_out)

    def _contracted(self, a: Written, of_a: str, b: Written, of_b: str, out: str) -> Written:
        module = self.words.module
        summed = [x for x in of_a if x in of_b and x not in out]
        shared = [x for x in of_a if x in of_b and x in out]
        free_a, free_b = ("".join(x for x in mine if x not in other) for mine, other in ((of_a, of_b), (of_b, of_a)))
        flat = max(len(of_a), len(of_b)) <= 2 and set(free_a + free_b) <= set(out)
        if flat and len(summed) == 1 and not shared and out in (free_a + free_b, free_b + free_a):
            if out != free_a + free_b or (len(of_a) == 1 < len(of_b) and of_b[-1] == summed[0]):
                a, of_a, b, of_b = b, of_b, a, of_a
            left = bracket(a, ATOM) + ".T" if len(of_a) == 2 and of_a[0] == summed[0] else bracket(a, SIGN)
            right = bracket(b, ATOM) + ".T" if len(of_b) == 2 and of_b[-1] == summed[0] else bracket(b, SIGN)
            return f"{left} @ {right}", DOT
        if flat and not summed and not shared and len(of_a) == len(of_b) == 1:
            first, second = (a, b) if out == of_a + of_b else (b, a)
            return f"{module}.outer({first[0]}, {second[0]})", ATOM
        if of_a == of_b and set(out) <= set(of_a) and not out.strip(of_a):
            axes = [place for place, letter in enumerate(of_a) if letter not in out]
            text = f"({bracket(a, PRODUCT)} * {bracket(b, SIGN + 1)})" if a != b else f"({bracket(a, ATOM)}**2)"
            if not axes:
                return text[1:-1], PRODUCT
            axis = "" if len(axes) == len(of_a) else f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"
            return f"{text}.sum({axis})", ATOM
        if flat and not summed and out in (of_a, of_b) and (of_a.endswith(of_b) or of_b.endswith(of_a)):
            return f"{bracket(a, PRODUCT)} * {bracket(b, SIGN + 1)}", PRODUCT
        if flat and not summed and "" in (of_a, of_b):
            return f"{bracket(a, PRODUCT)} * {bracket(b, SIGN + 1)}", PRODUCT
        return f'{module}.einsum("{of_a},{of_b}->{out}", {a[0]}, {b[0]})', ATOM


def _activation(node: Node) -> bool:
    """Whether neurons apply this."""
    return TABLE[node.data].kind == "activation" and all(x.op == "number" for x in node.operands[1:])


def _stem(node: Node | None) -> str:
    """The name of the array that a part is of."""
    while node is not None and not node.stem and node.op in ("index", "swap", "reshape", "column"):
        (node,) = node.operands
    return node.stem if node is not None and node.op == "given" else ""
