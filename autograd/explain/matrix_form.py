r"""The derivation in matrices: ∂L/∂W² = (oˢ − y) hˢᵀ, found in the graph of scalars.

Nobody tells it about layers. The neurons are found in the graph, and their scalars make vectors and matrices; for each
of these the forms in which lectures write its derivative are tried at several random points, and the one that is the
engine's gradient there is written. So a network whose weights stand as inputs × outputs gets W δ where another gets
Wᵀ δ, and what no form fits is not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Union

from ..answer import Answer, Listing, Part
from ..notation.names import Name
from ..notation.naming import Names, UserNames, names_of
from ..value import Value
from .evaluating import ShapeError, evaluate
from .lines import LatexDisplay
from .quantities import POINTS, Quantities, replace_sample
from .reading import NotReadError, read
from .repairs import same


class Slope(NamedTuple):
    """∂root/∂quantity."""

    root: Name
    of: Name


class Turned(NamedTuple):
    """A transpose."""

    of: Union[Name, Slope]


Token = Union[str, Name, Slope, Turned]

_LATEX = {" ⊙ ": r" \odot ", "−": "-", "φ′(": r"\varphi'("}


@dataclass(frozen=True)
class MatrixLine:
    """One equation.

    Attributes:
        left, right: its sides, in signs and names.
        shape: that of both sides: ``"5×4"``, or ``"5"`` for a vector of 5 entries, ``"1"`` for a number.
        error: how far the right side, computed with NumPy, is from the engine's gradient at the worst of the points,
            relative to its largest entry (or to 1, if that is more).
    """

    left: Slope
    right: tuple[Token, ...]
    shape: str
    error: float

    def plain(self) -> str:
        """Unicode text."""
        return f"{_plain(self.left)} = {''.join(map(_plain, self.right))}"

    def latex(self) -> str:
        """LaTeX, without the shape."""
        return f"{_latex(self.left)} &= {' '.join(map(_latex, self.right))}"


class MatrixDerivation(Answer):
    """The derivatives of a loss by the vectors and matrices of a network. Made by `derivation(…, form="matrix")`.

    Attributes:
        lines: the equations, from the output down to the first layer.
    """

    def __init__(self, root: Value, wanted: Sequence[Value], names: UserNames | None) -> None:
        called = names_of(root, names)
        self._known = Quantities(root, names, None, 0)
        self._written: dict[Slope, MatrixLine] = {}
        self._root = called[root]
        found = list(self._search(called, _layers(called)))
        keep = {Slope(self._root, _whole(called[leaf])) for leaf in wanted}
        if wanted:  # down to what was asked for, and no further
            last = max((i for i, line in enumerate(found) if line.left in keep), default=len(found) - 1)
            parameters = {Slope(self._root, _whole(called[node])) for node in called if node in called.structure.owner
                          and not node.parents}  # fmt: skip
            found = [line for line in found[: last + 1] if line.left in keep or line.left not in parameters]
        self.lines: tuple[MatrixLine, ...] = tuple(found)

    # ---- the search

    def _search(self, called: Names, layers: list[_Layer]) -> Iterator[MatrixLine]:
        ys = self._targets(called, layers)
        for place, layer in enumerate(reversed(layers)):
            dz = Slope(self._root, layer.z)
            if not place:
                size = str(layer.size)
                out = layer.out
                differences: list[list[Token]] = []
                for y in ys:
                    differences += [[out, " − ", y], ["(", out, " − ", y, ") / ", size], ["2(", out, " − ", y, ")"]]
                simple = self._first(dz, differences)
                if simple is None and layer.z != layer.a:
                    below = self._first(Slope(self._root, layer.a), differences)
                    yield from [below] if below else []
                    simple = self._first(dz, [["φ′(", layer.z, ")", " ⊙ ", Slope(self._root, layer.a)]])
                yield from [simple] if simple else []
            else:
                above = layers[len(layers) - place]
                up = Slope(self._root, above.z)
                yield from self._one(Slope(self._root, layer.a), [[Turned(above.W), " ", up], [above.W, " ", up]])
                da = Slope(self._root, layer.a)
                if layer.z != layer.a:
                    gate: list[Token] = [da, " ⊙ ", "1[", layer.z, " > 0]"]
                    yield from self._one(dz, [gate, ["φ′(", layer.z, ")", " ⊙ ", da]])
            short = not place and dz in self._written and len(self._written[dz].right) == 3
            starts: list[list[Token]] = [["(", *self._written[dz].right, ")"]] if short else []
            yield from self._one(
                Slope(self._root, layer.W),
                [*([*start, " ", Turned(layer.below)] for start in starts), [dz, " ", Turned(layer.below)],
                 [layer.below, " ", Turned(dz)]],
            )  # fmt: skip
            if layer.b is not None:
                yield from self._one(Slope(self._root, layer.b), [[dz]])

    def _targets(self, called: Names, layers: list[_Layer]) -> list[Name]:
        """What the output can be compared with: y, or leaves that are no parameters and no inputs."""
        leaves = [node for node in called if not node.parents and node.op != "constant"]
        others = [_whole(called[node]) for node in leaves if node not in called.structure.owner]
        return list(dict.fromkeys([Name("y"), *(name for name in others if name != layers[0].below)]))

    def _one(self, left: Slope, forms: list[list[Token]]) -> Iterator[MatrixLine]:
        found = self._first(left, forms)
        if found is not None:
            yield found

    def _first(self, left: Slope, forms: list[list[Token]]) -> MatrixLine | None:
        """The first of some forms that is the gradient at every point."""
        np, known = self._known.np, self._known
        for form in forms:
            try:
                [lhs, rhs] = read(f"{_plain(left)} = {''.join(map(_plain, form))}")
                error = 0.0
                for point in range(POINTS):
                    known.go(point)
                    truth, value = evaluate(lhs, known), evaluate(rhs, known)
                    if not same(value, truth, known):
                        break
                    scale = max(1.0, float(np.max(np.abs(truth))))
                    error = max(error, float(np.max(np.abs(value - truth))) / scale)
                else:
                    shape = [size for size in np.shape(truth) if size != 1] or [1]
                    line = MatrixLine(left, tuple(form), "×".join(map(str, shape)), error)
                    self._written[left] = line
                    return line
            except (NotReadError, ShapeError):
                continue
        return None

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


class _Layer(NamedTuple):
    """The names of a layer: weights, bias, net input, activation, what it reads, and what the loss compares with y."""

    W: Name
    b: Name | None
    z: Name
    a: Name
    below: Name
    out: Name
    size: int


def _layers(called: Names) -> list[_Layer]:
    structure = called.structure
    numbers = sorted({neuron.layer for neuron in structure.neurons})
    if not numbers or structure.several:
        raise ValueError(
            'form="matrix" needs a network of one sample in the graph: neurons whose weights are labeled, as nn.MLP '
            "labels them"
        )
    found: list[_Layer] = []
    for number in numbers:
        neurons = [neuron for neuron in structure.neurons if neuron.layer == number]
        first = neurons[0]
        weights = [node for node, key in structure.owner.items() if key == first.key and not node.parents]
        matrix = next(node for node in weights if len(_counted(called[node])) == 2)
        bias = next((node for node in weights if len(_counted(called[node])) == 1), None)
        below = found[-1].a if found else Name("x")
        share = called.share(first.z)
        activation = next((neuron.a for neuron in neurons if neuron.a is not neuron.z), first.z)
        a = _whole(called[activation])
        out = _whole(share) if share is not None else a
        if share is None and number == numbers[-1] and any(node.op == "log_sum_exp" for node in called):
            out = Name("s")
        found.append(
            _Layer(
                _whole(called[matrix]), _whole(called[bias]) if bias is not None else None, _whole(called[first.z]),
                out if activation.op == "softmax" else a, below, out, len(neurons),
            )
        )  # fmt: skip
    return found


def _counted(name: Name) -> list[object]:
    return [index for index in name.lower if isinstance(index, int)]


def _whole(name: Name) -> Name:
    """The vector or matrix that a scalar belongs to."""
    bare = replace_sample(name)
    matrix = len(_counted(bare)) == 2
    marks = tuple(index for index in bare.lower if isinstance(index, str))
    return Name(bare.base.upper() if matrix else bare.base, bare.upper, marks)


def _plain(token: Token) -> str:
    if isinstance(token, Slope):
        return f"∂{token.root.plain()}/∂{token.of.plain()}"
    if isinstance(token, Turned):
        return f"{_plain(token.of)}ᵀ" if isinstance(token.of, Name) else f"({_plain(token.of)})ᵀ"
    return token.plain() if isinstance(token, Name) else token


def _latex(token: Token) -> str:
    if isinstance(token, Slope):
        return rf"\frac{{\partial {token.root.latex()}}}{{\partial {token.of.latex()}}}"
    if isinstance(token, Turned):
        inner = _latex(token.of)
        return rf"{{{inner}}}^{{\top}}" if isinstance(token.of, Name) else rf"\left({inner}\right)^{{\top}}"
    if isinstance(token, Name):
        return token.latex()
    for plain, latex in _LATEX.items():
        token = token.replace(plain, latex)
    return token
