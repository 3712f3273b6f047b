"""`formula`: a graph written as the expression it computes, as text that evaluates again, as LaTeX and as MathML."""

from __future__ import annotations

import functools
import keyword
import operator
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import algebra
from ..answer import Answer, mathematics
from ..graph import consumers, describe, refuse_freed, topological
from ..notation.expression import Expression, fold, number, operation, symbol
from ..notation.names import Name
from ..notation.naming import Names, UserNames, names_of
from ..notation.render import render
from ..notation.spelling import spelled
from ..notation.styles import Latex, MathML, Plain, Style
from ..ops import TABLE, known_functions
from ..packages import needed
from ..value import Value, real
from .lines import LatexDisplay

_DOTS = Expression("dots")


@dataclass(frozen=True, repr=False)
class Formula(Answer):
    """An expression in mathematical notation.

    ``str(formula)`` and `text` are in the language of `autograd.formulas` (and of the ``tracegrad`` command); `latex`
    and `mathml` are for paper and browsers.

    Attributes:
        expression: the tree.
        definitions: with ``shared=True``, named parts in the order in which they are computed.
        variables: the leaf behind each identifier of the text.
        operations: the number of operations of the whole expression, written out as a tree.
        hidden: how many of them stand behind dots because of ``max_operations``.
        identifiers: what the text calls each name.
    """

    expression: Expression
    definitions: tuple[tuple[Name, Expression], ...]
    variables: Mapping[str, Value]
    operations: int
    hidden: int
    identifiers: Mapping[Name, str]

    @property
    def text(self) -> str:
        """The formula as text, exact to the last digit; definitions stand on lines of their own before it."""
        return self._lines(Style(identifiers=self.identifiers), " = ")

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return not self.hidden

    def _lines(self, style: Style, equals: str) -> str:
        named = [f"{style.name(name)}{equals}{render(tree, style)}" for name, tree in self.definitions]
        return "\n".join([*named, render(self.expression, style)])

    def latex(self, digits: int = 6, commas: bool = False) -> str:
        """LaTeX for mathematics mode; several lines (``shared=True``) as an ``aligned`` block.

        With ``commas`` one-digit indices are separated too: w^{1}_{1,2} for w^{1}_{12}.
        """
        text = self._lines(Latex(digits, commas), " &= ")
        lines = text.split("\n")
        if len(lines) == 1:
            return text
        return "\\begin{aligned}\n" + " \\\\\n".join([*lines[:-1], "& " + lines[-1]]) + "\n\\end{aligned}"

    def display(self) -> LatexDisplay:
        """For a notebook: an object that shows the LaTeX (a formula itself shows MathML; see `Derivation.display`)."""
        return LatexDisplay(f"$${self.latex()}$$", self.plain())

    def mathml(self, digits: int = 6) -> str:
        """One ``<math>`` element per line."""
        text = self._lines(MathML(digits), "<mo>=</mo>")
        return "".join(
            f'<math display="block" style="margin:.5em 0"><mrow>{line}</mrow></math>' for line in text.split("\n")
        )

    def plain(self, digits: int = 6) -> str:
        """Unicode for reading, numbers rounded."""
        return self._lines(Plain(digits), " = ")

    def evaluate(self, **values: float) -> float:
        """The number that the text denotes, its variables having their present data or the values given.

        Raises:
            ValueError: parts were left out, so that the text denotes nothing.
            TypeError: a name is not a variable of the formula, or a value is not a real number.
        """
        self._refuse_hidden()
        unknown = values.keys() - self.variables.keys()
        if unknown:
            raise TypeError(
                f"no variable {sorted(unknown)[0]!r}; the variables are {', '.join(self.variables) or 'none'}"
            )
        known = {name: real(values.get(name, leaf.data), name) for name, leaf in self.variables.items()}

        def number_of(part: Expression, operands: list[float]) -> float:
            if part.head == "symbol":
                return known[self.identifiers[part.datum]]
            if part.head in ("sum", "product"):  # in the order in which it is written
                return functools.reduce(operator.add if part.head == "sum" else operator.mul, operands)
            return TABLE[part.head].evaluate(*operands)[0] if operands else part.value

        for name, tree in self.definitions:
            known[self.identifiers[name]] = fold(tree, number_of)
        return fold(self.expression, number_of)

    def sympy(self, **assumptions: bool) -> Any:
        """The expression in SymPy, its symbols named as in `text`: to simplify, differentiate, solve or integrate.

        Numbers are taken as they are: whole ones as integers, others as floats. `autograd.from_sympy` goes back.

        Args:
            **assumptions: what SymPy may assume of every symbol: ``real=True`` makes shorter derivatives of |x|. A
                symbol is the same as ``sympy.Symbol(name)`` only under the same assumptions.

        Raises:
            ValueError: parts were left out, or an operation has no counterpart there.
            ImportError: SymPy is not installed.
        """
        sp = needed("sympy", "sympy()")
        self._refuse_hidden()
        known = {name: sp.Symbol(name, **assumptions) for name in self.variables}

        def part_of(part: Expression, operands: list[Any]) -> Any:
            if part.head == "symbol":
                return known[self.identifiers[part.datum]]
            if part.head in ("sum", "product"):
                return functools.reduce(operator.add if part.head == "sum" else operator.mul, operands)
            return algebra.to_sympy(part.head, operands) if operands else algebra.number(part.value, sp)

        for name, tree in self.definitions:
            known[self.identifiers[name]] = fold(tree, part_of)
        return fold(self.expression, part_of)

    def _refuse_hidden(self) -> None:
        if self.hidden:
            raise ValueError(
                f"{self.hidden:,} operations are hidden behind dots; ask for formula(root, max_operations=…)"
            )

    def __str__(self) -> str:
        return f"{self.text}\n({self._note})" if self.hidden else self.text

    @property
    def _note(self) -> str:
        return f"{self.operations:,} operations, {self.hidden:,} of them behind dots"

    def html(self) -> str:
        """A fragment of HTML: MathML, which browsers draw by themselves."""
        note = f"<p>{self._note}</p>" if self.hidden else ""
        style = "width:fit-content;max-width:100%;overflow-x:auto"
        shown = mathematics(self.mathml(), self.plain())
        return f'<div class="tracegrad-formula" style="{style}">{shown}{note}</div>'

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super()._forms(), ".tex": lambda: f"\\[\n{self.latex()}\n\\]\n"}


def formula(root: Value, shared: bool = False, max_operations: int = 150, names: UserNames | None = None) -> Formula:
    """The expression that a graph computes.

    Leaves appear by their names (``layers.0.neurons.3.weights.1`` as w^{1}_{42}, an input that it multiplies as
    x_{2}), leaves without one by their number. The text has the parentheses it needs and no others; parsed again, it
    gives the same number. Lists are written out: a mean is ``(a + b + c) / 3``, log_sum_exp is
    ``log(exp(a) + exp(b))`` (the same number to rounding, as long as no exponential overflows).

    Args:
        root: the graph.
        shared: name every intermediate result that has a label or is used more than once, and write it once.
        max_operations: a longer expression is cut: what is nearest to the root is written, dots stand for the rest.
        names: letters of your own: a mapping from a Value, or from a label, to a name in the label language.

    Raises:
        TypeError: root is not a Value.

    Example:
        >>> x, w = Value(3.0, "x"), Value(-2.0, "layers.0.neurons.0.weights.0")
        >>> f = formula((w * x + 1.0) ** 2 / x)
        >>> f.text, f.latex(), f.evaluate(x=1.0)
        ('(w1_1_1 * x + 1) ** 2 / x', '\\\\frac{\\\\left(w^{1}_{11} \\\\cdot x + 1\\\\right)^{2}}{x}', 1.0)
    """
    order = topological(root)
    refuse_freed(order)
    uses = consumers(root) if shared else {}
    called = names_of(root, names, order)
    named = [n for n in order if n.parents and n is not root and shared and (n in called.labels or len(uses[n]) > 1)]
    leaves = [n for n in order if not n.parents and called.given(n)]
    symbols = {node: symbol(called[node], node.data) for node in (*leaves, *named)}
    identifiers = _identifiers([called[node] for node in symbols])
    sizes: dict[Value, int] = {}
    for node in order:
        below = sum(0 if parent in symbols else sizes[parent] for parent in node.parents)
        sizes[node] = below + max(len(node.parents) - 1, bool(node.parents))
    expressions, shown = {}, 0
    for top in [*named, root]:
        expressions[top], used = _written(top, symbols, called, sizes, max(1, max_operations - shown))
        shown += used
    everything = sum(sizes[top] for top in expressions)
    return Formula(
        expressions.pop(root),
        tuple((called[node], tree) for node, tree in expressions.items()),
        {identifiers[name]: node for name, node in {called[leaf]: leaf for leaf in leaves}.items()},
        everything,
        everything - shown,
        identifiers,
    )


def _identifiers(names: Iterable[Name]) -> dict[Name, str]:
    """An identifier for each name, no two alike and none of them reserved."""
    found: dict[Name, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = identifier = name.identifier()
        repeat = 1
        while name not in found and (identifier in taken or _reserved(identifier)):
            repeat += 1
            identifier = f"{plain}_v{repeat}"
        taken.add(identifier)
        found.setdefault(name, identifier)
    return found


def _reserved(identifier: str) -> bool:
    return keyword.iskeyword(identifier) or identifier in ("inf", "nan") or identifier in known_functions()


def _written(
    top: Value, symbols: Mapping[Value, Expression], called: Names, sizes: Mapping[Value, int], budget: int
) -> tuple[Expression, int]:
    """The tree of one node down to leaves and named parts, and how many operations it shows."""
    if sizes[top] > budget:
        return _cut(top, symbols, called, budget)
    trees: dict[Value, Expression] = {}
    stack = [top]
    while stack:
        node = stack[-1]
        if node in trees:
            stack.pop()
            continue
        pending = [p for p in node.parents if p not in trees and p not in symbols]
        if pending:
            stack.extend(reversed(pending))
        else:
            trees[node] = _one(node, [symbols.get(p) or trees[p] for p in node.parents], symbols)
            stack.pop()
    return trees[top], sizes[top]


def _one(node: Value, parts: Sequence[Expression], symbols: Mapping[Value, Expression]) -> Expression:
    if not node.parents:
        return symbols[node] if node in symbols else number(node.data)
    if node.op not in TABLE:
        raise TypeError(f"{describe(node)} is not an operation of the table, so it has no formula")
    return spelled(node.op, parts)


def _cut(top: Value, symbols: Mapping[Value, Expression], called: Names, budget: int) -> tuple[Expression, int]:
    """The part of a large expression nearest to its root; long sums keep their first terms and the last."""
    kept: dict[int, tuple[Value, list[int]]] = {}  # occurrence: node, occurrences of its operands (−1: dots)
    queue = deque([(0, top)])
    occurrences, shown = 1, 0
    while queue:
        place, node = queue.popleft()
        terms = _summands(node)
        if node.parents and node not in symbols and (shown + len(terms) - 1 > budget or not budget):
            kept[place] = (node, [-1])
            continue
        children: list[int] = []
        if node.parents and (node not in symbols or node is top):
            shown += max(len(terms) - 1, 1)
            operands = list(terms) if len(terms) > 1 else list(node.parents)
            for operand in operands:
                if operand is None:
                    children.append(-1)
                    shown -= 1
                    continue
                queue.append((occurrences, operand))
                children.append(occurrences)
                occurrences += 1
        kept[place] = (node, children)
    built: dict[int, Expression] = {-1: _DOTS}
    for place in sorted(kept, reverse=True):  # operands come later than what they are operands of
        node, children = kept[place]
        if children == [-1]:
            built[place] = symbol(called[node], node.data) if node in called.labels else _DOTS
        elif node in symbols and not (node is top and place == 0):
            built[place] = symbols[node]
        elif len(_summands(node)) > 1:
            parts = [built[child] for child in children]
            tree = Expression("sum", tuple(parts))
            built[place] = operation("div", tree, number(len(node.parents))) if node.op == "mean" else tree
        else:
            built[place] = _one(node, [built[child] for child in children], symbols)
    return built[0], shown


def _summands(node: Value) -> list[Value | None]:
    """The terms of a chain of additions (or of a mean); of a long one the first three, None and the last."""
    if node.op == "mean":
        terms: list[Value | None] = list(node.parents)
    else:
        terms = []
        while node.op == "add":
            terms.append(node.parents[1])
            node = node.parents[0]
        if not (node.op == "constant" and node.data == 0 and terms):
            terms.append(node)
        terms.reverse()
    return terms if len(terms) <= 6 else [*terms[:3], None, terms[-1]]
