"""The words of PyTorch: loops are Python's, and slopes of the table are functions of `torch.autograd`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...ops import Op
from .lines import definition, is_number, wrapped
from .mapped import PLAIN, Mapped
from .words import GOLDEN, SPREAD, sentence


class Torch(Mapped):
    """See `Words` and `Mapped`. PyTorch's slopes of hypot are nan at 0; its own softplus is x from 20 upward."""

    module, library, array_of = "torch", "PyTorch", "torch.tensor"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: f"torch.{name}" for name in (
            "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log2", "log10",
            "exp2", "hypot", "floor", "ceil", "round", "abs", "sign", "maximum", "minimum", "logaddexp", "erf", "asin",
            "acos", "atan", "asinh", "acosh", "atanh", "atan2", "pow", "relu", "sigmoid",
        )},
        "mod": "torch.remainder", "silu": "torch.nn.functional.silu", "log_sigmoid": "torch.nn.functional.logsigmoid",
        "normal_cdf": "torch.special.ndtr", "standard_normal_cdf": "torch.special.ndtr",
    }  # fmt: skip
    wrong = frozenset({"hypot"})
    formulas: ClassVar[Mapping[str, str]] = {
        "softplus": "-log_sigmoid(-x)", "cbrt": "sign(x) * abs(x) ** 0.3333333333333333",
    }  # fmt: skip
    lists: ClassVar[Mapping[str, str]] = {
        "softmax": "torch.softmax", "log_softmax": "torch.log_softmax", "log_sum_exp": "torch.logsumexp",
    }  # fmt: skip
    maps = "torch.func.vmap", "in_dims"
    axis = "dim"

    def __init__(self) -> None:
        super().__init__()
        self.imports = ["import torch"]

    def given(self, name: str, texts: Sequence[str]) -> list[str]:
        """See `Words`; a function of several arrays takes no numbers."""
        texts = super().given(name, texts)
        if len(texts) == 1 or name in ("where", "pow"):
            return texts
        return [f"torch.tensor({text})" if is_number(text) else text for text in texts]

    def helper(self, name: str) -> str:
        """See `Words`."""
        super().helper(name)
        return name if name in PLAIN else f"{_title(name)}.apply"

    def with_slopes(self, name: str, op: Op, value: str, products: Sequence[str]) -> str:
        """See `Mapped`."""
        names = ", ".join((*op.arguments, "out"))
        return "\n".join([
            f"class {_title(name)}(torch.autograd.Function):", *wrapped(f'"""{sentence(op)}"""', 4), "",
            "    generate_vmap_rule = True", "",
            "    @staticmethod", f"    def forward({', '.join(op.arguments)}):", *wrapped(f"return {value}", 8), "",
            "    @staticmethod", "    def setup_context(ctx, inputs, output):",
            "        ctx.save_for_backward(*inputs, output)", "",
            "    @staticmethod", "    def backward(ctx, d):", f"        {names} = ctx.saved_tensors",
            *wrapped(f"return {', '.join(products)}", 8),
        ])  # fmt: skip

    def before(self) -> list[str]:
        """See `Words`."""
        return ["    torch.set_default_dtype(torch.float64)"]

    def spread(self) -> str:
        """See `Words`."""
        places = "places = torch.arange(1, math.prod(shape) + 1)"
        self.imports = ["import math", "", "import torch"]
        return definition("spread", ["*shape"], SPREAD, places, f"({GOLDEN} * places % 1).reshape(shape)")

    def close(self, found: str, wanted: str, digits: str) -> str:
        """See `Words`."""
        return f"torch.testing.assert_close({found}, {wanted}, {digits}, equal_nan=True)"

    def differentiated(self, arguments: str) -> str:
        """See `Words`."""
        return f"gradient, value = torch.func.grad_and_value(loss)({arguments})"


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
