"""The lines of a derivation in matrices, each looked for among the forms in which lectures write it.

A form is a line only if it is the engine's gradient at every point. So nothing here says which way a matrix stands, or
that a layer passes on what lectures say it passes on: the graph of scalars does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..notation.names import Name
from ..notation.naming import Names
from .evaluating import Array, ShapeError, evaluate
from .layer_names import LayerNames, layers_of, whole
from .matrix_lines import MatrixLine, Slope, Token, Turned, plain
from .quantities import POINTS, Quantities
from .reading import NotReadError, read
from .repairs import same
from .terms import Term

Form = list[Token]


class Search:
    """Finds lines in the graph of a network. Each of its ways of writing gives them from the output down."""

    def __init__(self, called: Names, root: Name, known: Quantities) -> None:
        self._root, self._known = root, known
        self.layers = layers_of(called)
        leaves = [node for node in called if not node.parents and node.op != "constant"]
        others = [whole(called[node]) for node in leaves if node not in called.structure.owner]
        self._targets = [Name("y"), *(name for name in dict.fromkeys(others) if name != self.layers[0].below)]
        self._adjoint = called.adjoint

    # ---- three ways of writing

    def partials(self) -> Iterator[MatrixLine]:
        """One partial derivative after the other: ∂L/∂a¹ = W²ᵀ ∂L/∂z², ∂L/∂z¹ = φ′(z¹) ⊙ ∂L/∂a¹."""
        above: LayerNames | None = None
        for layer in reversed(self.layers):
            da, dz = self._by(layer.a), self._by(layer.z)
            short: list[Form] = []
            if above is None:
                top, end = self._end(layer)
                yield from [end] if end else []
                if end is not None and top == layer.z:
                    short = [["(", *end.right, ")"]] if len(end.right) == 3 else []
                elif layer.z != layer.a:
                    yield from self._one(dz, _through(layer, [da]))
            else:
                yield from self._one(da, _passed_down(above.W, self._by(above.z)))
                if layer.z != layer.a:
                    yield from self._one(dz, _through(layer, [da]))
            yield from self._parameters(layer, [[dz]], short)
            above = layer

    def deltas(self) -> Iterator[MatrixLine]:
        """The derivatives by the net inputs, each from the one above: δ¹ = φ′(z¹) ⊙ (W²ᵀ δ²)."""
        forms: list[Form] = []
        for layer, delta in zip(reversed(self.layers), self._letters(self._adjoint, "δ", "D")):
            linear = layer.z == layer.a
            if not forms:
                top, end = self._end(layer)
                forms = [[*end.right]] if end else []
                if top != layer.z:
                    forms = _through(layer, [*end.right] if end else [self._by(layer.a)])
            elif not linear:
                forms = [gated for form in forms for gated in _through(layer, ["(", *form, ")"])]
            line = self._named(delta, self._by(layer.z), forms)
            if line is None:
                return
            yield line
            yield from self._parameters(layer, [[delta]])
            forms = _passed_down(layer.W, delta)

    def jacobians(self) -> Iterator[MatrixLine]:
        """The derivatives by the activations, as products of the layers' Jacobians: δ¹ = V² V³ δ³."""
        layers = list(reversed(self.layers))
        deltas, letters = self._letters("δ", "D"), self._letters("V", "J", "M", weights=True)
        product: Form = []
        for layer, below, delta, V in zip(layers, [*layers[1:], None], deltas, letters):
            top, end = (layer.a, None) if product else self._end(layer)
            line = self._named(delta, self._by(top), [product] if product else [[*end.right]] if end else [])
            if line is None:
                return
            yield line
            if not (product and line.right):
                product = [delta]
            slopes = _slopes(layer) if top != layer.z else [[]]
            yield from self._parameters(layer, [[*slope, *([" "] if slope else []), delta] for slope in slopes])
            if below is not None:
                jacobian = Slope(top, below.a)  # of one number it stands as a column, as gradients do
                left = Turned(jacobian) if self._known.is_group(top) else jacobian
                weights: tuple[Token, ...] = (Turned(layer.W), layer.W)
                forms = [[W, *([" ", *slope] if slope else [])] for slope in slopes for W in weights]
                factor = self._named(V, left, forms)
                if factor is None:
                    return
                yield factor
                product = [V, " ", *product]

    # ---- parts of them

    def _by(self, name: Name) -> Slope:
        return Slope(self._root, name)

    def _end(self, layer: LayerNames) -> tuple[Name, MatrixLine | None]:
        """By what of the last layer the loss has the output minus the target as its derivative, and the line of it.

        That is the activation, or behind a softmax or sigmoid and a logarithm the net input.
        """
        forms = self._differences(layer)
        end = self._first(self._by(layer.a), forms)
        if end is None and layer.z != layer.a:
            below = self._first(self._by(layer.z), forms)
            return (layer.z, below) if below else (layer.a, None)
        return layer.a, end

    def _differences(self, layer: LayerNames) -> list[Form]:
        """The output minus the target, as losses and their means have it."""
        out, size = layer.out, str(layer.size)
        forms: list[Form] = []
        for y in self._targets:
            forms += [[out, " − ", y], ["(", out, " − ", y, ") / ", size], ["2(", out, " − ", y, ")"]]
        return forms

    def _parameters(self, layer: LayerNames, slopes: list[Form], short: Sequence[Form] = ()) -> Iterator[MatrixLine]:
        """∂/∂W and ∂/∂b from the ways to write the derivative by the net input; ``short``: others for W alone."""
        columns: list[Form] = [[*slope, " ", Turned(layer.below)] for slope in (*short, *slopes)]
        rows: list[Form] = [[layer.below, " ", *_turned(slope)] for slope in slopes]
        yield from self._one(self._by(layer.W), [*columns, *rows])
        if layer.b is not None:
            yield from self._one(self._by(layer.b), slopes)

    def _letters(self, *letters: str, weights: bool = False) -> Iterator[Name]:
        """A letter that the graph does not use, with the index of each layer, from the last to the first."""
        used = {name.base.lower() for name in (*self._known.names, *self._known.given)}
        letter = next((letter for letter in letters if letter.lower() not in used), f"{letters[0]}′")
        ways = [[layer.W for layer in self.layers], [layer.z for layer in self.layers]]
        for names in ways if weights else reversed(ways):
            indices = [(name.upper, name.lower) for name in names]
            if len(set(indices)) == len(names) and ((), ()) not in indices:
                break
        else:
            indices = [((number,), ()) for number in range(1, len(self.layers) + 1)]
        return (Name(letter, upper, lower) for upper, lower in reversed(indices))

    # ---- what holds

    def _one(self, left: Slope, forms: list[Form]) -> Iterator[MatrixLine]:
        found = self._first(left, forms)
        if found is not None:
            yield found

    def _first(self, left: Slope | Turned, forms: list[Form]) -> MatrixLine | None:
        """The first of some forms that is the gradient at every point."""
        for form in forms:
            error = self._error([left], form)
            if error is not None:
                return MatrixLine(left, tuple(form), self._shape(left), error)
        return None

    def _named(self, name: Name, left: Slope | Turned, forms: list[Form]) -> MatrixLine | None:
        """The line that gives a derivative a name, and what it is if a form fits; None if no name can speak of it."""
        try:
            line = self._first(left, forms) or MatrixLine(left, (), self._shape(left), 0.0)
            self._known.given[name] = [self._value(left, point) for point in range(POINTS)]
        except NotReadError:
            return None
        return replace(line, called=name)

    def _value(self, left: Slope | Turned, point: int) -> Array:
        self._known.go(point)
        return evaluate(term_of([left]), self._known)

    def _shape(self, left: Slope | Turned) -> str:
        sizes = [size for size in self._known.np.shape(self._value(left, 0)) if size != 1] or [1]
        return "×".join(map(str, sizes))

    def _error(self, left: Form, right: Form) -> float | None:
        """How far two sides are apart at the worst of the points; None if they are not equal."""
        np, known = self._known.np, self._known
        error = 0.0
        try:
            lhs, rhs = term_of(left), term_of(right)
            for point in range(POINTS):
                known.go(point)
                truth, value = evaluate(lhs, known), evaluate(rhs, known)
                if not same(value, truth, known):
                    return None
                scale = max(1.0, float(np.max(np.abs(truth))))
                error = max(error, float(np.max(np.abs(value - truth))) / scale)
        except (NotReadError, ShapeError):
            return None
        return error


def term_of(tokens: Sequence[Token]) -> Term:
    """Some tokens as the tree that is evaluated; their names can be of any length, unlike those that a reader types."""
    stands: dict[Name, Name] = {}

    def stand_in(name: Name) -> Name:
        return stands.setdefault(name, Name("ξ", (), (len(stands) + 1,)))

    def replaced(token: Token) -> Token:
        if isinstance(token, Slope):
            return Slope(stand_in(token.top), stand_in(token.of))
        if isinstance(token, Turned):
            of = replaced(token.of)
            assert isinstance(of, (Name, Slope))
            return Turned(of)
        return stand_in(token) if isinstance(token, Name) else token

    [term] = read(plain([replaced(token) for token in tokens]))
    return _renamed(term, {stand: name for name, stand in stands.items()})


def _renamed(term: Term, names: Mapping[Name, Name]) -> Term:
    datum = names[term.datum] if isinstance(term.datum, Name) else term.datum
    return Term(term.head, tuple(_renamed(part, names) for part in term.parts), datum)


def _passed_down(W: Name, slope: Token) -> list[Form]:
    """The derivative by what a layer reads, whichever way its matrix stands."""
    return [[Turned(W), " ", slope], [W, " ", slope]]


def _through(layer: LayerNames, inner: Form) -> list[Form]:
    """The derivative by the net input from that by the activation: by ⊙, or by the matrix of a softmax."""
    start: Form = []
    if len(inner) == 3:
        inner = ["(", *inner, ")"]
    elif inner[0] == "2(":
        start, inner = ["2 "], ["(", *inner[1:]]
    return [
        [*inner, " ⊙ 1[", layer.z, " > 0]"] if not start else ["2", *inner, " ⊙ 1[", layer.z, " > 0]"],
        [*start, "φ′(", layer.z, ") ⊙ ", *inner],
        [*start, *_softmax_slope(layer), " ", *inner],
    ]


def _slopes(layer: LayerNames) -> list[Form]:
    """The Jacobian of a layer's function."""
    return [["Diag(1[", layer.z, " > 0])"], ["Diag(φ′(", layer.z, "))"], _softmax_slope(layer)]


def _softmax_slope(layer: LayerNames) -> Form:
    return ["(Diag(", layer.a, ") − ", layer.a, " ", Turned(layer.a), ")"]


def _turned(form: Form) -> Form:
    """The transpose of a column, or of a symmetric matrix times a column."""
    *front, column = form
    assert isinstance(column, (Name, Slope))
    return [Turned(column), *([" ", *front[:-1]] if front else [])]
