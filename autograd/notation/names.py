"""Names in mathematical notation, and the label language that they are read from.

A network labels its parameters ``layers.0.neurons.3.weights.1``; a lecture writes w¹₄₂. `name_of` reads the first
(and ``x1``, ``w_{11}``, ``x[3]``, ``y_hat``, ``alpha``, or any text) and gives a `Name`, which is then written as
LaTeX, as MathML, with Unicode superscripts for a terminal, or as an identifier for formulas that can be evaluated.
Which name a node of a graph has is decided in `autograd.notation.naming`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from ..text import MINUS, shortened, visible, xml

Index = int | str

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_COMMANDS = {sign: "\\" + word for word, sign in GREEK.items()}
RAISED = dict(zip("0123456789+-=()nijkmrstpabcde,", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲᵏᵐʳˢᵗᵖᵃᵇᶜᵈᵉ,", strict=True))
LOWERED = dict(zip("0123456789+-=()nijkmrstpaehlovx,", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢⱼₖₘᵣₛₜₚₐₑₕₗₒᵥₓ,", strict=True))
PRIME = "′"
LONGEST = 48
"""The characters of the longest name; of a longer label the middle is left out."""
_NUMERAL = re.compile(rf"(?P<mantissa>{MINUS}?(?:\d+(?:\.\d+)?|∞))(?:e(?P<exponent>{MINUS}?\d+))?")
_ACCENTS = {"\u0302": ("hat", "^"), "\u0304": ("bar", "¯"), "\u0303": ("tilde", "~")}


@dataclass(frozen=True)
class Name:
    """A symbol with its indices: w^{2}_{1,3} is ``Name("w", (2,), (1, 3))``.

    Attributes:
        base: the letter or word, perhaps with primes at its end.
        upper: superscripts; for a network, the number of the layer, from 1.
        lower: subscripts; for a weight, the neuron it enters and the input it multiplies, from 1.
        sample: which of several nodes that would have the same name, from 1; for a neuron, which evaluation.
    """

    base: str
    upper: tuple[Index, ...] = ()
    lower: tuple[Index, ...] = ()
    sample: Index | None = None

    def of_sample(self, sample: Index | None) -> Name:
        """The same name for one evaluation among several."""
        return replace(self, sample=sample)

    def primed(self, primes: int) -> Name:
        """The same name with primes at its letter: w′²₁₃."""
        return replace(self, base=self.base + PRIME * primes) if primes else self

    def identifier(self) -> str:
        """A Python identifier, such as ``w2_1_3``. Two names can have the same one."""
        word = re.sub(r"\W", "_", unicodedata.normalize("NFKC", self.base))
        indices = "_".join(str(index) for index in (*self.lower, *([f"s{self.sample}"] if self.sample else [])))
        glued = not self.upper and len(self.lower) == 1 and not self.sample and len(word) == 1
        text = word + "".join(map(str, self.upper)) + ("" if glued or not indices else "_") + indices
        return text if text.isidentifier() else "_" + text

    def plain(self) -> str:
        """Unicode for a terminal: ``w²₁₃``."""
        above = self._superscript()
        below = joined(self.lower)
        if not set(above) <= set(RAISED) or not set(below) <= set(LOWERED):
            return self.base + _ascii_script("^", above) + _ascii_script("_", below)
        return self.base + "".join(map(RAISED.__getitem__, above)) + "".join(map(LOWERED.__getitem__, below))

    def latex(self, commas: bool = False) -> str:
        """LaTeX: ``w^{2}_{13}``, or ``w^{2}_{1,3}`` with ``commas``; next to a 10 there is a comma anyway."""
        above = self._superscript()
        below = ",".join(map(str, self.lower)) if commas else joined(self.lower)
        return latex_word(self.base) + (f"^{{{above}}}" if above else "") + (f"_{{{below}}}" if below else "")

    def mathml(self) -> str:
        """Presentation MathML without the enclosing ``<math>``."""
        above = "".join(map(_mathml_index, self.upper))
        if self.sample is not None:
            above += f'<mo stretchy="false">(</mo>{_mathml_index(self.sample)}<mo stretchy="false">)</mo>'
        long = any(len(str(index)) > 1 for index in self.lower)
        below = ("<mo>,</mo>" if long else "").join(map(_mathml_index, self.lower))
        base, rows = _mathml_word(self.base), [f"<mrow>{row}</mrow>" for row in (below, above) if row]
        tag = {(True, True): "msubsup", (True, False): "msub", (False, True): "msup"}.get((bool(below), bool(above)))
        return f"<{tag}>{base}{''.join(rows)}</{tag}>" if tag else base

    def _superscript(self) -> str:
        return "".join(map(str, self.upper)) + (f"({self.sample})" if self.sample is not None else "")


def _ascii_script(sign: str, text: str) -> str:
    return "" if not text else sign + text if text.isalnum() else f"{sign}{{{text}}}"


def joined(indices: Sequence[Index]) -> str:
    """Indices as one text, with commas as soon as one of them is longer than a digit."""
    texts = [str(index) for index in indices]
    return ("," if any(len(text) > 1 for text in texts) else "").join(texts)


def latex_word(word: str) -> str:
    """A letter, a Greek letter, an accented letter, a number or any text as LaTeX."""
    numeral = _NUMERAL.fullmatch(word)
    if numeral:
        mantissa = numeral["mantissa"].replace(MINUS, "-").replace("∞", r"\infty")
        power = (numeral["exponent"] or "").replace(MINUS, "-")
        return mantissa + (rf" \cdot 10^{{{power}}}" if power else "")
    letter = word.rstrip(PRIME)
    if letter and letter != word:
        return latex_word(letter) + "'" * (len(word) - len(letter))
    decomposed = unicodedata.normalize("NFD", word)
    if len(decomposed) == 2 and decomposed[1] in _ACCENTS:
        return rf"\{_ACCENTS[decomposed[1]][0]}{{{latex_word(decomposed[0])}}}"
    if word in _COMMANDS:
        return _COMMANDS[word]
    if len(word) == 1 and word.isalpha():
        return word
    if word.isascii() and word.isalpha():
        return rf"\mathrm{{{word}}}"
    return rf"\text{{{escape_latex(word)}}}"


def escape_latex(text: str) -> str:
    """Any text so that LaTeX prints it and does not obey it."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {sign: "\\" + sign for sign in "{}$&#%_"}
    return "".join(special.get(sign, " " if sign.isspace() else sign) for sign in text)


def _mathml_index(index: Index) -> str:
    return f"<mn>{index}</mn>" if isinstance(index, int) else f"<mi>{xml(index)}</mi>"


def _mathml_word(word: str) -> str:
    if _NUMERAL.fullmatch(word):
        return f"<mn>{word}</mn>"
    letter = word.rstrip(PRIME)
    if letter and letter != word:
        return f'<mrow>{_mathml_word(letter)}<mo lspace="0" rspace="0">{word[len(letter) :]}</mo></mrow>'
    decomposed = unicodedata.normalize("NFD", word)
    if len(decomposed) == 2 and decomposed[1] in _ACCENTS:
        letter, accent = xml(decomposed[0]), _ACCENTS[decomposed[1]][1]
        return f'<mover accent="true"><mi>{letter}</mi><mo stretchy="false">{accent}</mo></mover>'
    if word.isalpha():
        return f"<mi>{xml(word)}</mi>"
    return f"<mtext>{xml(word)}</mtext>"


class Place(NamedTuple):
    """What the dotted label of a part of a network says; indices count from 1, and 0 stands for one that it lacks.

    Attributes:
        network: what comes before the layer: ``""``, or ``"critic."`` for a network that is part of a larger model.
        layer, neuron, weight: indices.
        letter: w, b, z or a.
    """

    network: str
    layer: int
    neuron: int
    weight: int
    letter: str

    def name(self) -> Name:
        """The letter with its indices: w^{2}_{13}."""
        indices = tuple(index for index in (self.neuron, self.weight) if index)
        return Name(self.letter, (self.layer,) if self.layer else (), indices)


def place_of(label: str) -> Place | None:
    """Where in a network the owner of a dotted label stands; None for other labels.

    >>> place_of("critic.layers.1.neurons.0.weights.2")
    Place(network='critic.', layer=2, neuron=1, weight=3, letter='w')
    """
    parts = label.split(".")

    def index_after(word: str) -> int:
        if len(parts) < 2 or parts[-2] != word or not parts[-1].isdecimal():
            return 0
        found = int(parts[-1]) + 1
        del parts[-2:]
        return found

    letter, weight = "w", index_after("weights")
    if not weight:
        letter = {"bias": "b", "z": "z", "a": "a"}.get(parts.pop(), "")
        if not letter or not (parts or letter == "b"):
            return None
    neuron = index_after("neurons")
    layer = index_after("layers")
    return Place("".join(f"{part}." for part in parts), layer, neuron, weight, letter)


_INDEXED = re.compile(r"(?P<base>[^\W\d_]+)(?P<indices>(?:\[\s*\w+(?:\s*,\s*\w+)*\s*\])+|(?:\.\d+)+)")
_SCRIPT = r"(?:\{([\w, ]+)\}|(\w+?))"
_SYMBOL = re.compile(
    rf"(?P<base>[^\W\d_]+)(?P<primes>[{PRIME}']*)(?P<digits>\d*)"
    rf"(?:\^{_SCRIPT})?(?:_{_SCRIPT})?(?:\^{_SCRIPT})?"
)


@lru_cache(maxsize=1 << 14)
def name_of(label: str) -> Name:
    """The name that a label stands for.

    ``layers.L.neurons.N.weights.I`` is the weight of input I+1 into neuron N+1 of layer L+1, w^{L+1}_{N+1,I+1};
    ``….bias`` is b, ``….z`` the net input and ``….a`` the activation of that neuron. ``x1``, ``x_1``, ``x[1]``
    and ``x₁`` are x with the index 1. Any other text stands as it is; of a very long one the middle is left out.
    """
    label = visible(label).strip()
    place = place_of(label)
    if place:
        return place.name()
    label = shortened(label, LONGEST)
    indexed = _INDEXED.fullmatch(label)
    if indexed:
        return Name(_letter(indexed["base"]), (), tuple(map(_index, re.findall(r"\w+", indexed["indices"]))))
    if re.fullmatch(r"[^\W\d_]_hat", label):
        return Name(unicodedata.normalize("NFC", label[0] + "\u0302"))
    symbol = _SYMBOL.fullmatch(unicodedata.normalize("NFC", _ascii_scripts(label)))
    if symbol:
        first, first_, lower, lower_, last, last_ = symbol.groups()[3:]
        above, below = first or first_ or last or last_, lower or lower_ or ""
        if not (symbol["digits"] and below) and (len(symbol["base"]) <= 2 or symbol["base"] in GREEK or not below):
            below = below or symbol["digits"]
            if above and len(below) == 2 and below.isdecimal():  # w²₁₁ is neuron 1, input 1
                below = ",".join(below)
            name = Name(_letter(symbol["base"]), _indices(above or ""), _indices(below))
            return name.primed(len(symbol["primes"]))
    return Name(label)


def _letter(word: str) -> str:
    return GREEK.get(word, word)


def _index(text: str) -> Index:
    return int(text) if text.isdecimal() and (text == "0" or text[0] != "0") else text


def _indices(text: str) -> tuple[Index, ...]:
    return tuple(_index(part.strip()) for part in text.split(",") if part.strip())


def _ascii_scripts(label: str) -> str:
    """``w²₁₁`` as ``w^{2}_{11}``."""
    for table, sign in ((RAISED, "^"), (LOWERED, "_")):
        back = {script: plain for plain, script in table.items() if script != ","}
        run = re.compile("[" + "".join(map(re.escape, back)) + "]+")
        label = run.sub(lambda found, b=back, s=sign: f"{s}{{{''.join(b[c] for c in found[0])}}}", label)  # type: ignore[misc]
    return label


def latex_name(label: str) -> str:
    """The LaTeX name of a label: ``layers.0.neurons.3.weights.1`` is ``w^{1}_{42}``."""
    return name_of(label).latex()
