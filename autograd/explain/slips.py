"""Slips in differentiating by hand: what a learner writes down in the place of a rule.

Paper is read from the variable upward: of each operation ∂out/∂x is written in terms of what was found for its
operands. A `Slip` says what is written wrongly there. Most are a wrong derivative of one operation (`_rules`); some
are the chain rule or the product rule done wrongly. `autograd.diagnose` tries each of them everywhere at once and at
each single place; the wrong engines of `mistakes` are for what goes wrong in a reverse pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..ops import IEEE_FUNCTIONS, TABLE
from ..value import Value

Slopes = Mapping[Value, float]
"""∂node/∂x for the nodes that depend on x; other nodes are absent."""
Rule = Callable[[Value], Sequence[float]]


@dataclass(frozen=True)
class Slip:
    """One mistake of learners.

    Attributes:
        name: a short name.
        mistake: what is done wrongly, in a sentence.
        reread: what to read again.
        written: what the learner writes for ∂node/∂x, given the slopes of the operands; None where there is no
            occasion for this slip.
    """

    name: str
    mistake: str
    reread: str
    written: Callable[[Value, Slopes], float | None]


def chain(derivatives: Sequence[float], node: Value, slopes: Slopes) -> float:
    """The chain rule at one node: Σ derivative · slope over its operands."""
    terms = [d * slopes[p] for p, d in zip(node.parents, derivatives) if p in slopes and d and slopes[p]]
    return sum(terms) if terms else 0.0


def _rules(rules: Mapping[str, Rule]) -> Callable[[Value, Slopes], float | None]:
    """Wrong local derivatives of some operations."""

    def written(node: Value, slopes: Slopes) -> float | None:
        return chain(rules[node.op](node), node, slopes) if node.op in rules else None

    return written


def _function(wrong: Callable[[float, float, float], float]) -> Rule:
    """A wrong derivative of a function of one number, from its argument z, its value a and its derivative."""

    def rule(node: Value) -> Sequence[float]:
        first, *others = node.local_derivatives
        return [wrong(node.parents[0].data, node.data, first), *others]

    return rule


def _pair(wrong: Callable[[float, float, float, float, float], tuple[float, float]]) -> Rule:
    """Wrong derivatives of an operation on x and y, from x, y, its value and its derivatives."""
    return lambda node: wrong(node.parents[0].data, node.parents[1].data, node.data, *node.local_derivatives)


_divide, _power, _exp, _sqrt, _log, _sin, _cos = (
    IEEE_FUNCTIONS[name] for name in ("divide", "pow", "exp", "sqrt", "log", "sin", "cos")
)
_negated = _function(lambda z, a, d: -d)


# ---- the chain rule ---------------------------------------------------------------------------------------------


def is_function(node: Value) -> bool:
    """Whether a node is φ(u): a function of one number, a power with a constant exponent, a constant over u."""
    op = TABLE.get(node.op)
    if op is None or op.takes_list:
        return False
    if node.op == "pow":
        return node.parents[1].op == "constant"
    if node.op == "div":
        return node.parents[0].op == "constant"
    return op.kind in ("elementary", "activation") and len(op.arguments) - len(op.defaults) == 1


def _inner(node: Value, slopes: Slopes) -> int | None:
    """The place of the u of φ(u), if it is more than the variable itself."""
    if not is_function(node):
        return None
    place = 1 if node.op == "div" else 0
    return place if node.parents[place].parents and node.parents[place] in slopes else None


def _without_inner(node: Value, slopes: Slopes) -> float | None:
    place = _inner(node, slopes)
    return None if place is None else node.local_derivatives[place]


def _at_inner_derivative(node: Value, slopes: Slopes) -> float | None:
    place = _inner(node, slopes)
    if place is None:
        return None
    operands = [parent.data for parent in node.parents]
    operands[place] = slopes[node.parents[place]]
    return TABLE[node.op].evaluate(*operands)[1][place]


# ---- products, quotients, sums ----------------------------------------------------------------------------------


def _both(node: Value, op: str, slopes: Slopes) -> tuple[float, float] | None:
    if node.op != op or not all(parent in slopes for parent in node.parents):
        return None
    return slopes[node.parents[0]], slopes[node.parents[1]]


def _product_of_slopes(node: Value, slopes: Slopes) -> float | None:
    both = _both(node, "mul", slopes)
    return both[0] * both[1] if both else None


def _quotient_of_slopes(node: Value, slopes: Slopes) -> float | None:
    both = _both(node, "div", slopes)
    return _divide(*both) if both else None


def _constant_factor(node: Value) -> int | None:
    """The place of a factor that is a constant, or of a constant denominator."""
    constants = [i for i, parent in enumerate(node.parents) if parent.op == "constant"]
    if len(constants) != 1 or not (node.op == "mul" or (node.op == "div" and constants[0] == 1)):
        return None
    return constants[0]


def _without_factor(node: Value, slopes: Slopes) -> float | None:
    place = _constant_factor(node)
    if place is None:
        return chain([1.0] * len(node.parents), node, slopes) if node.op in ("mul", "dot") else None
    return slopes.get(node.parents[1 - place])


def _factor_with_variable(node: Value, slopes: Slopes) -> float | None:
    return node.data if _constant_factor(node) is not None else None


def _constant_kept(node: Value, slopes: Slopes) -> float | None:
    if node.op not in ("add", "sub"):
        return None
    signs = (1.0, 1.0 if node.op == "add" else -1.0)
    constants = [sign * p.data for sign, p in zip(signs, node.parents) if p.op == "constant"]
    return chain(node.local_derivatives, node, slopes) + constants[0] if len(constants) == 1 else None


SLIPS: tuple[Slip, ...] = (
    Slip(
        "inner derivative forgotten",
        "the derivative of the inner function was left out: φ′(u) for φ′(u)·u′",
        "the chain rule: d φ(u)/dx = φ′(u)·u′",
        _without_inner,
    ),
    Slip(
        "derivative put inside",
        "the inner function was replaced by its derivative: φ′(u′) for φ′(u)·u′",
        "the chain rule: d φ(u)/dx = φ′(u)·u′",
        _at_inner_derivative,
    ),
    Slip(
        "product of slopes",
        "a product was differentiated factor by factor: u′·v′ for u′·v + u·v′",
        "the product rule: (u·v)′ = u′·v + u·v′",
        _product_of_slopes,
    ),
    Slip(
        "quotient of slopes",
        "a quotient was differentiated part by part: u′/v′ for (u′·v − u·v′)/v²",
        "the quotient rule: (u/v)′ = (u′·v − u·v′)/v²",
        _quotient_of_slopes,
    ),
    Slip(
        "factor left out",
        "a factor was dropped: u′ for c·u′ or for u′·v",
        "d(c·u)/dx = c·u′, and the product rule",
        _without_factor,
    ),
    Slip(
        "variable kept beside its factor",
        "c·u was left as it is: its derivative is c·u′",
        "d(c·x)/dx = c",
        _factor_with_variable,
    ),
    Slip(
        "constant kept",
        "a constant term was kept, although its derivative is 0",
        "the derivative of a constant is 0",
        _constant_kept,
    ),
    Slip(
        "denominator not squared",
        "the quotient rule was divided by v, not by v²: (u′·v − u·v′)/v",
        "the quotient rule: (u/v)′ = (u′·v − u·v′)/v², so (1/v)′ = −v′/v²",
        _rules({"div": _pair(lambda x, y, a, dx, dy: (1.0, -a)), "reciprocal": _function(lambda z, a, d: -a)}),
    ),
    Slip(
        "denominator left out",
        "the quotient rule was not divided by v²: u′·v − u·v′",
        "the quotient rule: (u/v)′ = (u′·v − u·v′)/v²",
        _rules({"div": _pair(lambda x, y, a, dx, dy: (y, -x)), "reciprocal": _function(lambda z, a, d: -1.0)}),
    ),
    Slip(
        "quotient rule the wrong way round",
        "the two terms of the quotient rule changed places: (u·v′ − u′·v)/v²",
        "the quotient rule: (u/v)′ = (u′·v − u·v′)/v²",
        _rules({"div": _pair(lambda x, y, a, dx, dy: (-dx, -dy)), "reciprocal": _negated}),
    ),
    # ---- powers, roots, exponentials, logarithms
    Slip(
        "exponent raised",
        "the exponent was raised instead of lowered: n·xⁿ⁺¹ for n·xⁿ⁻¹",
        "the power rule: d(xⁿ)/dx = n·xⁿ⁻¹",
        _rules({
            "pow": _pair(lambda x, n, a, dx, dy: (n * a * x, dy)),
            "square": _function(lambda z, a, d: 2 * a * z),
            "sqrt": _function(lambda z, a, d: 0.5 * a * z),
        }),
    ),
    Slip(
        "integral for derivative",
        "the integral was taken instead of the derivative",
        "which of the two tables is needed: derivatives, not integrals",
        _rules({
            "pow": _pair(lambda x, n, a, dx, dy: (_divide(a * x, n + 1), dy)),
            "square": _function(lambda z, a, d: a * z / 3),
            "sqrt": _function(lambda z, a, d: a * z * 2 / 3),
            "div": _pair(lambda x, y, a, dx, dy: (dx, x * _log(abs(y)))),
            "log": _function(lambda z, a, d: z * a - z),
            "sin": _negated,
            "cos": _negated,
        }),
    ),
    Slip(
        "sign of a negative exponent",
        "the minus sign of a negative exponent was lost: |n|·xⁿ⁻¹ for n·xⁿ⁻¹",
        "the power rule: d(xⁿ)/dx = n·xⁿ⁻¹, also for n < 0",
        _rules({"pow": _pair(lambda x, n, a, dx, dy: (-dx if n < 0 else dx, dy))}),
    ),
    Slip(
        "½ of a root forgotten",
        "the exponent ½ did not come down as a factor: 1/√x for 1/(2·√x)",
        "√x = x^½, and the power rule",
        _rules({
            "sqrt": _function(lambda z, a, d: 2 * d),
            "cbrt": _function(lambda z, a, d: 3 * d),
            "square": _function(lambda z, a, d: d / 2),
        }),
    ),
    Slip(
        "root not lowered",
        "the exponent of a root was not lowered: ½·√x for ½·x^(−½)",
        "√x = x^½, and the power rule",
        _rules({
            "sqrt": _function(lambda z, a, d: a / 2),
            "cbrt": _function(lambda z, a, d: a / 3),
            "square": _function(lambda z, a, d: 2 * a),
        }),
    ),
    Slip(
        "ln a forgotten",
        "the factor ln a of an exponential was forgotten: aˣ for aˣ·ln a",
        "(aˣ)′ = aˣ·ln a, and logₐ(x)′ = 1/(x·ln a)",
        _rules({
            "pow": _pair(lambda x, n, a, dx, dy: (dx, a)),
            "exp2": _function(lambda z, a, d: a),
            "log2": _function(lambda z, a, d: _divide(1.0, z)),
            "log10": _function(lambda z, a, d: _divide(1.0, z)),
        }),
    ),
    Slip(
        "power rule on an exponential",
        "the power rule was used although the variable is in the exponent: x·aˣ⁻¹ for aˣ·ln a",
        "(aˣ)′ = aˣ·ln a and (eˣ)′ = eˣ; the power rule is for xⁿ",
        _rules({
            "pow": _pair(lambda x, n, a, dx, dy: (dx, n * _power(x, n - 1))),
            "exp": _function(lambda z, a, d: z * _exp(z - 1)),
            "exp2": _function(lambda z, a, d: z * _power(2.0, z - 1)),
        }),
    ),
    Slip(
        "reciprocal forgotten",
        "ln x was given the derivative x instead of 1/x",
        "(ln x)′ = 1/x",
        _rules({"log": _function(lambda z, a, d: z)}),
    ),
    Slip(
        "logarithm of another base",
        "the natural logarithm was taken for that of base 10: 1/(x·ln 10) for 1/x",
        "log is the natural logarithm here: (ln x)′ = 1/x",
        _rules({"log": _function(lambda z, a, d: d / math.log(10.0))}),
    ),
    # ---- trigonometric functions and activations
    Slip(
        "sign of a sine or cosine",
        "the sign of a derivative is wrong: (sin u)′ = cos u and (cos u)′ = −sin u, but (cosh u)′ = sinh u",
        "the signs in the table of derivatives",
        _rules(dict.fromkeys(("sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan"), _negated)),
    ),
    Slip(
        "derivative of another activation",
        "the derivative of tanh (1 − a²) was taken for that of the sigmoid (a·(1 − a)), or the other way round",
        "tanh′(z) = 1 − a² and σ′(z) = a·(1 − a)",
        _rules({"sigmoid": _function(lambda z, a, d: 1 - a * a), "tanh": _function(lambda z, a, d: a * (1 - a))}),
    ),
    Slip(
        "sign inside σ′ or tanh′",
        "a sign is wrong: a·(1 + a) for a·(1 − a), or 1 + a² for 1 − a²",
        "tanh′(z) = 1 − a² and σ′(z) = a·(1 − a)",
        _rules({
            "sigmoid": _function(lambda z, a, d: a * (1 + a)),
            "tanh": _function(lambda z, a, d: 1 + a * a),
            "tan": _function(lambda z, a, d: 1 - a * a),
        }),
    ),
    Slip(
        "a factor of σ′ forgotten",
        "the derivative of the sigmoid lost its first factor: 1 − a for a·(1 − a)",
        "σ′(z) = a·(1 − a)",
        _rules({"sigmoid": _function(lambda z, a, d: 1 - a)}),
    ),
    Slip(
        "square forgotten",
        "a square is missing: 1 − a for 1 − a², 1 + a for 1 + a², 1/(1 + x) for 1/(1 + x²)",
        "tanh′(z) = 1 − a², tan′(z) = 1 + a², arctan′(x) = 1/(1 + x²)",
        _rules({
            "tanh": _function(lambda z, a, d: 1 - a),
            "tan": _function(lambda z, a, d: 1 + a),
            "atan": _function(lambda z, a, d: _divide(1.0, 1 + z)),
        }),
    ),
    Slip(
        "1/cos for 1/cos²",
        "a square is missing: 1/cos z for 1/cos² z, or 1/cosh z for 1/cosh² z",
        "tan′(z) = 1/cos² z and tanh′(z) = 1/cosh² z",
        _rules(dict.fromkeys(("tan", "tanh"), _function(lambda z, a, d: _sqrt(d)))),
    ),
    Slip(
        "root forgotten",
        "a root is missing: 1/(1 − x²) for 1/√(1 − x²)",
        "arcsin′(x) = 1/√(1 − x²)",
        _rules(dict.fromkeys(("asin", "acos"), _function(lambda z, a, d: d * abs(d)))),
    ),
    Slip(
        "degrees instead of radians",
        "the derivative was computed with a calculator set to degrees",
        "angles are in radians",
        _rules({
            "sin": _function(lambda z, a, d: _cos(math.radians(z))),
            "cos": _function(lambda z, a, d: -_sin(math.radians(z))),
            "tan": _function(lambda z, a, d: _divide(1.0, _cos(math.radians(z)) ** 2)),
        }),
    ),
    # ---- choices and lists
    Slip(
        "1/N forgotten",
        "the 1/N of a mean was forgotten",
        "the mean is (1/N)·Σ, and d(c·f)/dx = c·df/dx",
        _rules({"mean": lambda node: [1.0] * len(node.parents)}),
    ),
    Slip(
        "both sides of a maximum",
        "both arguments of a maximum or minimum got the gradient; only the chosen one moves it",
        "∂max(x, y)/∂x is 1 where x > y and 0 where x < y",
        _rules(dict.fromkeys(("maximum", "minimum"), _pair(lambda x, y, a, dx, dy: (1.0, 1.0)))),
    ),
    Slip(
        "the other side of a maximum",
        "the argument that was not chosen got the gradient",
        "∂max(x, y)/∂x is 1 where x > y and 0 where x < y",
        _rules(dict.fromkeys(("maximum", "minimum"), _pair(lambda x, y, a, dx, dy: (dy, dx)))),
    ),
    Slip(
        "shares not normalized",
        "exp(x) stands for exp(x)/Σ exp: the sum in the denominator was forgotten",
        "∂ log Σ exp(xₖ) / ∂xᵢ = exp(xᵢ)/Σ exp(xₖ)",
        _rules({"log_sum_exp": lambda node: [_exp(parent.data) for parent in node.parents]}),
    ),
    Slip(
        "softmax entry by entry",
        "a softmax was differentiated by its own entry alone, although every output depends on every input",
        "∂sᵢ/∂xⱼ = sᵢ·(1 − sᵢ) for j = i, and −sᵢ·sⱼ for j ≠ i",
        _rules({"softmax": lambda node: [node.local_derivatives[0], *[0.0] * (len(node.parents) - 1)]}),
    ),
)  # fmt: skip
"""Every slip that `autograd.diagnose` tries."""
