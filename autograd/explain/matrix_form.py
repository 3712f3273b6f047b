r"""The derivation in matrices: ∂L/∂W² = (oˢ − y) hˢᵀ, found in the graph of scalars.

Nobody tells it about layers. The neurons are found in the graph, and their scalars make vectors and matrices; for each
of these the forms in which lectures write its derivative are tried at several random points, and the one that is the
engine's gradient there is written. So a network whose weights stand as inputs × outputs gets W δ where another gets
Wᵀ δ, and what no form fits is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from ..answer import Answer, Listing, Part
from ..notation.naming import UserNames, names_of
from ..notation.tables import beside
from ..value import Value
from .annotated import AnnotatedDerivation
from .callouts import Piece, sign
from .evaluating import evaluate
from .layer_names import whole
from .lines import LatexDisplay
from .matrix_lines import MatrixLine, Slope, Token, factors, mathml, plain
from .matrix_search import Search, term_of
from .meanings import Meanings
from .quantities import Quantities, forms
from .reading import NotReadError, read
from .terms import Term

FORMS: dict[str, Callable[[Search], Iterator[MatrixLine]]] = {
    "matrix": Search.partials,
    "deltas": Search.deltas,
    "jacobians": Search.jacobians,
}
"""The ways of writing, by the ``form`` of `derivation`."""


class MatrixDerivation(Answer):
    """The derivatives of a loss by the vectors and matrices of a network. Made by `derivation(…, form="matrix")`.

    Attributes:
        lines: the equations, from the output down to the first layer.
    """

    def __init__(self, root: Value, wanted: Sequence[Value], names: UserNames | None, form: str = "matrix") -> None:
        called = names_of(root, names)
        self._root = called[root]
        self._known = Quantities(root, names, None, 0)
        search = Search(called, self._root, self._known)
        found = list(FORMS[form](search))
        self._meanings = Meanings(search.layers, found)
        keep = {Slope(self._root, whole(called[leaf])) for leaf in wanted}
        if wanted:  # down to what was asked for, and no further
            last = max((i for i, line in enumerate(found) if line.left in keep), default=len(found) - 1)
            parameters = {Slope(self._root, whole(called[node])) for node in called if node in called.structure.owner
                          and not node.parents}  # fmt: skip
            found = [line for line in found[: last + 1] if line.left in keep or line.left not in parameters]
        self.lines: tuple[MatrixLine, ...] = tuple(found)

    def annotated(self, only: str | Iterable[str] | None = None, *, numbers: bool = True) -> AnnotatedDerivation:
        """The picture that a lecturer draws: under each factor a brace, and an arrow to what it is.

        Args:
            only: left sides of the lines to draw, such as ``"∂L/∂W²"`` or ``"dL/dW2"``; all if it is left out.
            numbers: whether to write the numbers of the present sample too. Of a matrix with more than 8 rows or
                columns the shape alone is written.

        Raises:
            ValueError: no line has such a left side.

        Example:
            >>> import autograd, nn
            >>> model = nn.MLP(2, [2, 1], "tanh", seed=1)
            >>> loss = (nn.trace(model, [0.5, -1.0]) - 1.0) ** 2
            >>> print(autograd.derivation(loss, form="matrix").annotated("∂L/∂W²", numbers=False))
            ∂L/∂W² = ∂L/∂ŷ a¹ᵀ
              ∂L/∂W²  how L changes with the weights of layer 2, 1×2
              ∂L/∂ŷ   how L changes with the output
              a¹ᵀ     the hidden activations, as a row, 1×2
        """
        wanted = [only] if isinstance(only, str) else None if only is None else [*only]
        lines = self.lines if wanted is None else [self._line(left) for left in wanted]
        return AnnotatedDerivation([self._parts(line, numbers) for line in lines], self._heading())

    def _line(self, left: str) -> MatrixLine:
        """The line with a left side, however it is typed."""
        with suppress(NotReadError, ValueError):
            [typed] = read(left)
            for line in self.lines:
                if any(_alike(typed, term_of(side)) for side in line.sides()[: 2 if line.called else 1]):
                    return line
        for line in self.lines:  # with names that no reader could type
            if left in map(plain, line.sides()[:1]):
                return line
        raise ValueError(f"no line is about {left!r}; there are {', '.join(plain([line.left]) for line in self.lines)}")

    def _parts(self, line: MatrixLine, numbers: bool) -> list[Piece]:
        """A line's signs and factors, each factor with what it is."""
        *named, right = [*line.sides(), ()] if not line.right else line.sides()
        parts: list[Piece] = []
        for i, side in enumerate(named):
            words = self._meanings.left(line) if side == (line.left,) else ""
            parts += [sign("="), self._part(side, words, numbers)] if i else [self._part(side, words, numbers)]
        for i, factor in enumerate(factors(right)) if right else ():
            parts.append(sign(factor.sign) if i else sign("="))
            parts.append(self._part(factor.tokens, self._meanings.factor(factor), numbers))
        return parts

    def _part(self, tokens: Sequence[Token], words: str, numbers: bool) -> Piece:
        if not words:
            return Piece(mathml(tokens), plain(tokens))
        self._known.go(0)
        value = evaluate(term_of(tokens), self._known)
        single = isinstance(value, (int, float))
        shape = "" if single else "×".join(map(str, value.shape))
        rows = (float(value) if single else value.tolist()) if numbers else None
        return Piece(mathml(tokens), plain(tokens), words, shape, rows)

    # ---- shown

    def _heading(self) -> str:
        return f"Derivation of {self._root.plain()} in matrices"

    def _content(self) -> list[Part]:
        rows = beside([line.plain() for line in self.lines], [line.shape for line in self.lines])
        return [Listing("\n".join(rows))]

    def latex(self) -> str:
        """An ``align*`` block, with the shapes at the right."""
        shapes = [line.shape.replace("×", r" \times ") for line in self.lines]
        rows = [f"{line.latex()} && {shape}" for line, shape in zip(self.lines, shapes)]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def display(self) -> LatexDisplay:
        """For a notebook: an object that typesets the LaTeX."""
        return LatexDisplay(self.latex(), str(self))


def _alike(typed: Term, written: Term) -> bool:
    """Whether two left sides are the same: W2 is W²."""
    if typed.head == written.head == "name":
        return written.datum in forms(typed.datum)  # type: ignore[arg-type]
    return (
        typed.head == written.head
        and len(typed.parts) == len(written.parts)
        and all(map(_alike, typed.parts, written.parts))
    )
