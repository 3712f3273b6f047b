"""What a factor of a matrix equation is, in a few words: "the output minus the target"."""

from __future__ import annotations

from collections.abc import Sequence

from ..notation.names import Name
from .layer_names import LayerNames
from .matrix_lines import Factor, MatrixLine, Slope, Token, Turned, plain


class Meanings:
    """The words for the names of a network, and for what is made of them.

    Args:
        layers: its layers, from the first to the last.
        lines: the derivation, whose short names are called what they stand for.
    """

    def __init__(self, layers: Sequence[LayerNames], lines: Sequence[MatrixLine]) -> None:
        self._of: dict[Name, str] = {layers[0].below: "the input"}
        self._activation: dict[Name, str] = {}
        last = layers[-1]
        self._shares = last.out if last.activation == "softmax" or last.out != last.a else None
        for number, layer in enumerate(layers, 1):
            which = f"layer {number}" if len(layers) > 1 else "the layer"
            activations = "the hidden activations" if len(layers) == 2 else f"the activations of {which}"
            self._of |= {layer.z: f"the net input of {which}", layer.W: f"the weights of {which}"}
            if layer.b is not None:
                self._of[layer.b] = f"the biases of {which}"
            at_end = layer is last
            self._of[layer.a] = "the output" if at_end else f"what {which} gives" if layer.a == layer.z else activations
            self._of[layer.out] = "the output" if at_end else self._of[layer.out]
            self._activation[layer.z] = layer.activation
        self._number = {name: number for number, layer in enumerate(layers, 1) for name in (layer.z, layer.a)}
        for line in lines:
            if line.called is not None:
                self._of[line.called] = self.left(line)

    def left(self, line: MatrixLine) -> str:
        """What the left side of an equation is."""
        slope = line.left.of if isinstance(line.left, Turned) else line.left
        assert isinstance(slope, Slope)
        if slope.top in self._number:
            return f"the Jacobian of layer {self._number[slope.top]}, transposed"
        return self._slope(slope)

    def factor(self, factor: Factor) -> str:
        """What a factor is."""
        first, *rest = factor.tokens
        if not rest:
            return self._token(first)
        text = plain(factor.tokens)
        if text.startswith("(Diag("):
            return "the Jacobian of the softmax"
        inside = next((token for token in rest if isinstance(token, Name)), None)
        if text.startswith(("Diag(φ′(", "φ′(")) and inside is not None:
            slopes = f"the slope of {self._activation.get(inside, 'the activation')} at {self._of.get(inside, 'it')}"
            return f"{slopes}, on the diagonal of a matrix" if text.startswith("Diag") else slopes
        if text.startswith(("Diag(1[", "1[")):
            gate = "the slope of relu: 1 where the net input is positive, 0 elsewhere"
            return f"{gate}, on the diagonal of a matrix" if text.startswith("Diag") else gate
        if " − " in factor.tokens:
            return self._difference(factor.tokens, text)
        return "what the layer above passes down"

    def _difference(self, tokens: Sequence[Token], text: str) -> str:
        out, target = (token for token in tokens if isinstance(token, Name))
        words = "the output minus the target"
        if out == self._shares and target == Name("y") and text.strip("()") == plain([out, " − ", target]):
            words += f", {out.plain()} − onehot(y)"
        if text.startswith("2("):
            return f"twice {words}"
        return f"{words}, shared among {text.rpartition(' ')[2]} outputs" if " / " in tokens else words

    def _token(self, token: Token) -> str:
        if isinstance(token, Turned):
            inner = self._token(token.of)
            matrix = isinstance(token.of, Name) and token.of.base.isupper() and inner.startswith("the weights")
            return f"{inner}, {'transposed' if matrix else 'as a row'}"
        if isinstance(token, Slope):
            return self._slope(token)
        if isinstance(token, Name):
            return self._of.get(token, token.plain())
        return "from the square" if token == "2" else token

    def _slope(self, slope: Slope) -> str:
        return f"how {slope.top.plain()} changes with {self._of.get(slope.of, slope.of.plain())}"
