"""The words of JAX: loops are scans, and slopes of the table are `jax.custom_jvp`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...ops import Op
from .lines import WIDTH, definition, with_comma, wrapped
from .mapped import Mapped
from .words import GOLDEN, SPREAD, sentence


class Jax(Mapped):
    """See `Words` and `Mapped`. At 0, JAX takes 1 for the slope of abs, ½ for those of hypot, and nan for a power."""

    module, library, array_of, scans = "jnp", "JAX", "jnp.array", "jax.lax.scan"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: f"jnp.{name}" for name in (
            "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log2", "log10",
            "exp2", "cbrt", "hypot", "floor", "ceil", "round", "mod", "abs", "sign", "maximum", "minimum", "logaddexp",
        )},
        **{name: f"jnp.arc{name[1:]}" for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2")},
        **{name: f"jax.nn.{name}" for name in ("relu", "sigmoid", "softplus", "log_sigmoid", "silu")},
        "pow": "jnp.power", "erf": "jax.scipy.special.erf", "normal_cdf": "jax.scipy.special.ndtr",
        "standard_normal_cdf": "jax.scipy.special.ndtr",
    }  # fmt: skip
    wrong = frozenset({"abs", "hypot", "pow"})
    lists: ClassVar[Mapping[str, str]] = {
        "softmax": "jax.nn.softmax", "log_softmax": "jax.nn.log_softmax", "log_sum_exp": "jax.nn.logsumexp",
    }  # fmt: skip
    maps = "jax.vmap", "in_axes"

    def __init__(self) -> None:
        super().__init__()
        self.imports = ["import jax", "import jax.numpy as jnp"]

    def with_slopes(self, name: str, op: Op, value: str, products: Sequence[str]) -> str:
        """See `Mapped`."""
        text = definition(name, op.arguments, sentence(op), value, above="@jax.custom_jvp")
        given, same = ", ".join(op.arguments), "jnp.broadcast_to(d, out.shape)" if len(products) > 1 else "d"
        rules = [x if x == "None" else f"lambda d, out, {given}: {same if x == 'd' else x}" for x in products]
        if len(rules) == 1:
            return "\n".join([text, "", "", *wrapped(f"{name}.defjvps({rules[0]})", 0)])
        entries = [line for rule in rules for line in with_comma(wrapped(rule, 4, WIDTH - 1))]
        return "\n".join([text, "", "", f"{name}.defjvps(", *entries, ")"])

    def before(self) -> list[str]:
        """See `Words`."""
        return ['    jax.config.update("jax_enable_x64", True)']

    def spread(self) -> str:
        """See `Words`."""
        places = "places = jnp.arange(1, math.prod(shape) + 1)"
        self.imports = ["import math", "", "import jax", "import jax.numpy as jnp"]
        return definition("spread", ["*shape"], SPREAD, places, f"({GOLDEN} * places % 1).reshape(shape)")

    def close(self, found: str, wanted: str, digits: str) -> str:
        """See `Words`."""
        return f"assert jnp.allclose({found}, {wanted}, {digits}, equal_nan=True)"

    def differentiated(self, arguments: str) -> str:
        """See `Words`."""
        return f"value, gradient = jax.jit(jax.value_and_grad(loss))({arguments})"
