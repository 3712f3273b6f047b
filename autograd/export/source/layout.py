"""The file as a whole: its functions, and the check at its end."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from ...ops import TABLE
from .check import Check
from .forward import Forward
from .lines import WIDTH, dictionary, filled, shaped, wrapped
from .nodes import Node
from .reverse import Reverse
from .words import Words
from .write import Writer

if TYPE_CHECKING:
    from ...compiler.program import Program

RESERVED = (
    "np", "jnp", "jax", "torch", "math", "erf", "erfc", "head", "standard_normal_cdf", "samples", "spread", "loss",
    "values", "out", "parameters", "gradient", "recorded", "found", "slopes", "name", "state", "row", "losses", "d",
)  # fmt: skip
"""Names that a file may need for itself."""


class File:
    """A program as the text of a file.

    Args:
        program: the program.
        words: of the library.
    """

    def __init__(self, program: Program, words: Words) -> None:
        self.words = words
        taken = {*RESERVED, *TABLE, *(f"{op}_slope" for op in TABLE)}
        self.forward = forward = Forward(program, taken)
        self.differentiable = program._single and bool(program.parameters)
        self.gradient: dict[str, Node | None] = {}
        if self.differentiable and words.columns:
            self.gradient = Reverse(forward).gradient
        for n, constant in enumerate(forward.constants, 1):
            constant.stem = f"C{n}"
        results = [forward.result, *(x for x in self.gradient.values() if x is not None)]
        main = (forward.result, "loss" if self.differentiable else "out")
        self.writer = Writer(forward.block, results, words, taken, main)
        self.body = self.writer.lines(4)
        self.check = Check(program, forward, words)
        self.arguments = ", ".join([*(["parameters"] if forward.parameters else []), *(x.stem for x in forward.inputs)])

    def text(self) -> str:
        """All of it."""
        words = self.words
        function = self._at_once() if words.columns else self._sample_by_sample()
        gradient = " and its gradient" if words.columns else ""
        what = f"The loss of a program{gradient}" if self.differentiable else "The results of a program"
        constants = self._constants(0) if words.columns else []
        spread = [words.spread()] if self.check.spreads else []
        head = [
            f'"""{what}, written out in {words.library}.', "",
            "Run this file to compare it with the numbers of the program that it was made from.", '"""', "",
            *words.imports,
        ]  # fmt: skip
        if constants or words.constants:
            head += ["", *words.constants, *constants]
        parts = ["\n".join(head), *filter(None, words.helpers.values()), *spread, *function, "\n".join(self._main())]
        return "\n\n\n".join(parts) + "\n"

    # -- the function -------------------------------------------------------------------------------------------------

    def _at_once(self) -> list[str]:
        """The function of all samples, and its gradient."""
        inputs, result, written = self.forward.inputs, self.forward.result, self.writer.expression
        lines = self._header("loss_and_gradient" if self.differentiable else "values")
        turned = [x for x in inputs if x.shape and self.writer.uses.get(x)]
        texts = [f"{x.stem}.T" if len(x.shape) == 1 else f"np.moveaxis({x.stem}, 0, -1)" for x in turned]
        line = f"    {', '.join(x.stem for x in turned)} = {', '.join(texts)}  # samples are columns"
        if len(line) <= WIDTH:
            lines += [line] if turned else []
        else:
            lines += ["    # samples are columns", *(f"    {x.stem} = {text}" for x, text in zip(turned, texts))]
        if self.writer.samples:
            first = next(x for x in inputs if not x.shape or x in turned or not turned)
            lines.append(f"    samples = {first.stem}.shape[{-1 if first in turned or not first.shape else 0}]")
        lines += self.body
        if self.differentiable:
            entries = {
                name: f"np.zeros_like({self.forward.parameters[name].stem})" if node is None else written(node)
                for name, node in self.gradient.items()
            }
            return ["\n".join([*lines, *dictionary(f"return np.mean({written(result)}), ", entries, 4)])]
        text = written(result)
        if self.forward.single:
            text += "[0]" * (result.shape == (1,))
        elif inputs and result.batched:
            text += ".T"
        if inputs and not result.batched:
            samples = f"{inputs[0].stem}.shape[{-1 if inputs[0] in turned else 0}]"
            text = f"np.full({shaped([samples, *([] if self.forward.single else result.shape)])}, {text})"
        return ["\n".join([*lines, *wrapped(f"return {text}", 4)])]

    def _sample_by_sample(self) -> list[str]:
        """The function of one sample, and that of all."""
        inputs, result = self.forward.inputs, self.forward.result
        name = "loss" if self.differentiable else "values"
        returned = self.writer.expression(result)
        if result.op == "number":
            returned = self.words.array(result.data)
        if self.forward.single and result.shape == (1,) and not (inputs and self.differentiable):
            returned = f"({returned})[0]"
        body = [*self._unpacked(), *self._constants(4), *self.body]
        if not inputs:
            return ["\n".join([*self._header(name), *body, *wrapped(f"return {returned}", 4)])]
        what = "The loss" if self.differentiable else "The results"
        one = [f"def {name}_of_sample({self.arguments}):", f'    """{what} for one sample; see `{name}`."""']
        maps, axes = self.words.maps
        along = f"({', '.join([*(['None'] if self.forward.parameters else []), *['0'] * len(inputs)])})"
        along = "0" if not self.forward.parameters and len(inputs) == 1 else along.replace("(0)", "0")
        call = f"{maps}({name}_of_sample, {axes}={along})({self.arguments})"
        last = wrapped(f"{'losses = ' if self.differentiable else 'return '}{call}", 4)
        last += ["    return losses.mean()"] if self.differentiable else []
        return [
            "\n".join([*one, *body, *wrapped(f"return {returned}", 4)]),
            "\n".join([*self._header(name), *last]),
        ]

    def _header(self, name: str) -> list[str]:
        """The first lines of the function of all samples: its docstring, its parameters."""
        forward = self.forward
        first = "The results for some samples."
        returned = f"an array {shaped(['samples', *([] if forward.single else forward.result.shape)])}."
        if self.differentiable:
            first, returned = "Mean loss of some samples.", "a number."
            if self.words.columns:
                first = "Mean loss of some samples, and its derivatives by the parameters."
                returned = "the loss, and the derivatives by name."
        lines = [f"def {name}({self.arguments}):", f'    """{first}', ""]
        given = []
        if forward.parameters:
            arrays = [f"{name} {shaped(x.shape)}" if x.shape else name for name, x in forward.parameters.items()]
            given += filled(f"parameters: by name: {', '.join(arrays)}.", 8)
        given += [f"        {x.stem}: an array {shaped(['samples', *x.shape])}." for x in forward.inputs]
        lines += ["    Args:", *given, ""] if given else []
        unpacked = self._unpacked() if self.words.columns else []
        return [*lines, "    Returns:", f"        {returned}", '    """', *unpacked]

    def _constants(self, indent: int) -> list[str]:
        """The statements that name lists of numbers."""
        used = [x for x in self.forward.constants if self.writer.uses.get(x)]
        named = {x.stem: self.words.array(x.data) for x in used}
        named |= {name: text for text, name in self.writer.lists_of_places.items()}
        return [line for name, text in named.items() for line in wrapped(f"{name} = {text}", indent)]

    def _unpacked(self) -> list[str]:
        """The statements that name the parameters: those of a layer together."""
        used = [
            (name, x.stem) for name, x in self.forward.parameters.items()
            if self.writer.uses.get(x) or (self.differentiable and self.words.columns)
        ]  # fmt: skip
        lines = []
        for _, group in groupby(used, key=lambda pair: re.findall(r"^[Wb](\d+)$", pair[1]) or pair[1]):
            pairs = list(group)
            texts = [f'parameters["{name}"]' for name, _ in pairs]
            lines += wrapped(f"{', '.join(stem for _, stem in pairs)} = {', '.join(texts)}", 4)
        return lines

    # -- the check ----------------------------------------------------------------------------------------------------

    def _main(self) -> list[str]:
        """The end of the file."""
        words, check = self.words, self.check
        lines = ['if __name__ == "__main__":', *words.before()]
        if check.parameters:
            lines += dictionary("parameters = ", check.parameters, 4)
        for name, text in check.arrays.items():
            lines += wrapped(f"{name} = {text}", 4)
        if not self.differentiable:
            lines += wrapped(f"found = values({self.arguments})", 4)
            lines += wrapped(words.close("found", check.value, check.digits), 4)
            return [*lines, '    print("The results are those of the program.")']
        lines += wrapped(words.differentiated(self.arguments), 4)
        lines += wrapped(words.close("value", check.value, check.digits), 4)
        lines += dictionary("recorded = ", check.gradient, 4)
        lines.append("    for name, slopes in recorded.items():")
        found = "gradient[name]"
        if check.summed:
            lines.append(f"        found = {words.summed()}")
            found = "found"
        lines += wrapped(words.close(found, "slopes", check.digits), 8)
        return [*lines, '    print("Loss and gradient are those of the program.")']
