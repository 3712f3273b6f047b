r"""The derivation in matrices: ∂L/∂W² = (oˢ − y) hˢᵀ, found in the graph of scalars.

Nobody tells it about layers. The neurons are found in the graph, and their scalars make vectors and matrices; for each
of these the forms in which lectures write its derivative are tried at several random points, and the one that is the
engine's gradient there is written. So a network whose weights stand as inputs × outputs gets W δ where another gets
Wᵀ δ, and what no form fits is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..answer import Answer, Listing, Part
from ..notation.naming import UserNames, names_of
from ..value import Value
from .layer_names import whole
from .lines import LatexDisplay
from .matrix_lines import MatrixLine, Slope
from .matrix_search import Search
from .quantities import Quantities

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
        found = list(FORMS[form](Search(called, self._root, self._known)))
        keep = {Slope(self._root, whole(called[leaf])) for leaf in wanted}
        if wanted:  # down to what was asked for, and no further
            last = max((i for i, line in enumerate(found) if line.left in keep), default=len(found) - 1)
            parameters = {Slope(self._root, whole(called[node])) for node in called if node in called.structure.owner
                          and not node.parents}  # fmt: skip
            found = [line for line in found[: last + 1] if line.left in keep or line.left not in parameters]
        self.lines: tuple[MatrixLine, ...] = tuple(found)

    # ---- shown

    def _heading(self) -> str:
        return f"Derivation of {self._root.plain()} in matrices"

    def _content(self) -> list[Part]:
        width = max((len(line.plain()) for line in self.lines), default=0)
        return [Listing("\n".join(f"{line.plain():{width}}   {line.shape}" for line in self.lines))]

    def latex(self) -> str:
        """An ``align*`` block, with the shapes at the right."""
        shapes = [line.shape.replace("×", r" \times ") for line in self.lines]
        rows = [f"{line.latex()} && {shape}" for line, shape in zip(self.lines, shapes)]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def display(self) -> LatexDisplay:
        """For a notebook: an object that typesets the LaTeX."""
        return LatexDisplay(self.latex(), str(self))
