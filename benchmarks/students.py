"""Students: right answers rounded in every way, and plain mistakes worked out by hand, without the library's help.

A mistake is a function g with a wrong derivative, both written in plain Python. It is put into a larger exercise
(3·g, g + x², tanh g, …), whose outer derivative is right, so that one thing alone goes wrong.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd
from autograd import Value


class Exercise(NamedTuple):
    """What is asked, and a student's answer."""

    root: Value
    leaf: Value
    answer: Any


class Mistake(NamedTuple):
    """A wrong derivative of g(x; p, q).

    Attributes:
        name: what a teacher calls it.
        named: the mistakes of `autograd.diagnose` that are this one.
        g: the function, of a Value and two numbers.
        wrong: the student's ∂g/∂x, of three numbers.
    """

    name: str
    named: tuple[str, ...]
    g: Callable[[Any, float, float], Any]
    wrong: Callable[[float, float, float], float]


def _sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _degrees(z: float) -> float:
    return z * math.pi / 180


MISTAKES: tuple[Mistake, ...] = (
    # the chain rule
    Mistake("inner derivative of a power", ("inner derivative forgotten",),
            lambda x, p, q: (p * x + q) ** 2, lambda x, p, q: 2 * (p * x + q)),
    Mistake("inner derivative of a sine", ("inner derivative forgotten",),
            lambda x, p, q: (p * x**2).sin(), lambda x, p, q: math.cos(p * x**2)),
    Mistake("inner derivative of an exponential", ("inner derivative forgotten",),
            lambda x, p, q: (-p * x * x).exp(), lambda x, p, q: math.exp(-p * x * x)),
    Mistake("inner derivative of a logarithm", ("inner derivative forgotten",),
            lambda x, p, q: (x**2 + q).log(), lambda x, p, q: 1 / (x**2 + q)),
    Mistake("inner derivative of a root", ("inner derivative forgotten",),
            lambda x, p, q: (x**3 + q).sqrt(), lambda x, p, q: 1 / (2 * math.sqrt(x**3 + q))),
    Mistake("inner derivative of a sigmoid", ("inner derivative forgotten",),
            lambda x, p, q: (p * x + q).sigmoid(), lambda x, p, q: _sigma(p * x + q) * (1 - _sigma(p * x + q))),
    Mistake("inner derivative of a reciprocal", ("inner derivative forgotten",),
            lambda x, p, q: 1 / (p * x + q), lambda x, p, q: -1 / (p * x + q) ** 2),
    Mistake("innermost of three derivatives", ("inner derivative forgotten",),
            lambda x, p, q: (p * x**2).sin().exp(),
            lambda x, p, q: math.exp(math.sin(p * x**2)) * math.cos(p * x**2)),
    Mistake("outer derivative", ("dropped activation derivative",),
            lambda x, p, q: (p * x + q).tanh(), lambda x, p, q: p),
    Mistake("derivative at the inner derivative", ("derivative put inside",),
            lambda x, p, q: (p * x**2).sin(), lambda x, p, q: math.cos(2 * p * x)),
    Mistake("derivative at the output", ("derivative at the output",),
            lambda x, p, q: (p * x).tanh(), lambda x, p, q: p / math.cosh(math.tanh(p * x)) ** 2),
    # signs
    Mistake("sign of a sine", ("sign of a sine or cosine",),
            lambda x, p, q: (p * x).cos(), lambda x, p, q: p * math.sin(p * x)),
    Mistake("sign of a cosine", ("sign of a sine or cosine",),
            lambda x, p, q: (p * x).sin(), lambda x, p, q: -p * math.cos(p * x)),
    Mistake("sign of a hyperbolic cosine", ("sign of a sine or cosine",),
            lambda x, p, q: (p * x).cosh(), lambda x, p, q: -p * math.sinh(p * x)),
    Mistake("sign of a reciprocal", ("sign of a denominator",), lambda x, p, q: p / x, lambda x, p, q: p / x**2),
    Mistake("sign of a negative exponent", ("sign of a negative exponent",),
            lambda x, p, q: p * x**-3, lambda x, p, q: p * 3 * x**-4),
    Mistake("sign of a subtraction", ("sign of a subtraction",), lambda x, p, q: q - p * x, lambda x, p, q: p),
    Mistake("difference the wrong way round", ("difference the wrong way round",),
            lambda x, p, q: (q - p * x) ** 2, lambda x, p, q: 2 * (q - p * x) * p),
    # products and quotients
    Mistake("product of slopes", ("product of slopes",),
            lambda x, p, q: x**2 * x.sin(), lambda x, p, q: 2 * x * math.cos(x)),
    Mistake("one term of a product", ("a use forgotten",),
            lambda x, p, q: x**2 * x.sin(), lambda x, p, q: 2 * x * math.sin(x)),
    Mistake("quotient of slopes", ("quotient of slopes",),
            lambda x, p, q: x.sin() / (x**2 + q), lambda x, p, q: math.cos(x) / (2 * x)),
    Mistake("plus in the quotient rule", ("sign of a denominator",),
            lambda x, p, q: x.exp() / (x + q),
            lambda x, p, q: (math.exp(x) * (x + q) + math.exp(x)) / (x + q) ** 2),
    Mistake("denominator not squared", ("denominator not squared",),
            lambda x, p, q: x.exp() / (x + q),
            lambda x, p, q: (math.exp(x) * (x + q) - math.exp(x)) / (x + q)),
    Mistake("quotient rule turned round", ("quotient rule the wrong way round",),
            lambda x, p, q: x.exp() / (x + q),
            lambda x, p, q: (math.exp(x) - math.exp(x) * (x + q)) / (x + q) ** 2),
    Mistake("factor as its own derivative", ("swapped factors",), lambda x, p, q: p * x, lambda x, p, q: x),
    Mistake("constant factor dropped", ("factor left out",),
            lambda x, p, q: p * x.sin(), lambda x, p, q: math.cos(x)),
    Mistake("variable kept beside its factor", ("variable kept beside its factor",),
            lambda x, p, q: p * x + x.sin(), lambda x, p, q: p * x + math.cos(x)),
    Mistake("constant kept", ("constant kept",), lambda x, p, q: p * x**2 + q, lambda x, p, q: 2 * p * x + q),
    # powers, exponentials, logarithms
    Mistake("power without the factor", ("power rule without the factor",),
            lambda x, p, q: x**3, lambda x, p, q: x**2),
    Mistake("power not lowered", ("power rule without lowering",), lambda x, p, q: x**3, lambda x, p, q: 3 * x**3),
    Mistake("power raised", ("exponent raised",), lambda x, p, q: x**3, lambda x, p, q: 3 * x**4),
    Mistake("power integrated", ("integral for derivative",), lambda x, p, q: x**3, lambda x, p, q: x**4 / 4),
    Mistake("½ of a root", ("½ of a root forgotten",), lambda x, p, q: x.sqrt(), lambda x, p, q: 1 / math.sqrt(x)),
    Mistake("root not lowered", ("root not lowered",), lambda x, p, q: x.sqrt(), lambda x, p, q: math.sqrt(x) / 2),
    Mistake("ln a forgotten", ("ln a forgotten",),
            lambda x, p, q: 3.0 ** (p * x), lambda x, p, q: p * 3.0 ** (p * x)),
    Mistake("power rule on 2^x", ("power rule on an exponential",),
            lambda x, p, q: 2.0**x, lambda x, p, q: x * 2.0 ** (x - 1)),
    Mistake("power rule on e^x", ("power rule on an exponential",),
            lambda x, p, q: x.exp(), lambda x, p, q: x * math.exp(x - 1)),
    Mistake("ln for log 10", ("logarithm of another base",),
            lambda x, p, q: x.log(), lambda x, p, q: 1 / x / math.log(10)),
    Mistake("reciprocal of a logarithm", ("reciprocal forgotten",), lambda x, p, q: x.log(), lambda x, p, q: x),
    # activations and trigonometry
    Mistake("σ(1+σ)", ("sign inside σ′ or tanh′",),
            lambda x, p, q: (p * x).sigmoid(), lambda x, p, q: p * _sigma(p * x) * (1 + _sigma(p * x))),
    Mistake("1−σ²", ("derivative of another activation",),
            lambda x, p, q: (p * x).sigmoid(), lambda x, p, q: p * (1 - _sigma(p * x) ** 2)),
    Mistake("1−σ", ("a factor of σ′ forgotten",),
            lambda x, p, q: (p * x).sigmoid(), lambda x, p, q: p * (1 - _sigma(p * x))),
    Mistake("σ for its derivative", ("value instead of derivative",),
            lambda x, p, q: (p * x).sigmoid(), lambda x, p, q: p * _sigma(p * x)),
    Mistake("z(1−z)", ("1 − z² for 1 − a²",),
            lambda x, p, q: (p * x).sigmoid(), lambda x, p, q: p * p * x * (1 - p * x)),
    Mistake("tanh as a sigmoid", ("derivative of another activation",),
            lambda x, p, q: (p * x).tanh(), lambda x, p, q: p * math.tanh(p * x) * (1 - math.tanh(p * x))),
    Mistake("1+tanh²", ("sign inside σ′ or tanh′",),
            lambda x, p, q: (p * x).tanh(), lambda x, p, q: p * (1 + math.tanh(p * x) ** 2)),
    Mistake("1−tanh", ("square forgotten",),
            lambda x, p, q: (p * x).tanh(), lambda x, p, q: p * (1 - math.tanh(p * x))),
    Mistake("1/cos", ("1/cos for 1/cos²",), lambda x, p, q: x.tan(), lambda x, p, q: 1 / math.cos(x)),
    Mistake("arctan without the square", ("square forgotten",), lambda x, p, q: x.atan(), lambda x, p, q: 1 / (1 + x)),
    Mistake("sine of degrees", ("degrees instead of radians",),
            lambda x, p, q: (p * x).sin(), lambda x, p, q: p * math.cos(_degrees(p * x))),
    Mistake("cosine of degrees", ("degrees instead of radians",),
            lambda x, p, q: x.cos(), lambda x, p, q: -math.sin(_degrees(x))),
    Mistake("relu kept", ("value instead of derivative",), lambda x, p, q: (p * x).relu(), lambda x, p, q: p * p * x),
    Mistake("both sides of a maximum", ("both sides of a maximum",),
            lambda x, p, q: autograd.maximum(p * x, x * x * 9), lambda x, p, q: p + 18 * x),
    Mistake("shares not normalized", ("shares not normalized",),
            lambda x, p, q: autograd.log_sum_exp([x, q]), lambda x, p, q: math.exp(x)),
    Mistake("1/N forgotten", ("1/N forgotten",),
            lambda x, p, q: autograd.mean([p * x, q * x]), lambda x, p, q: p + q),
)  # fmt: skip
"""Plain mistakes, one operation at a time."""

WHOLE: tuple[str, ...] = (
    "value of the function", "sign of the whole gradient", "derivative by another variable", "rounded on the way",
)  # fmt: skip
"""Mistakes about the whole answer."""

_OUTER: tuple[tuple[Callable[[Any, Any], Any], Callable[[float, float, float], float]], ...] = (
    (lambda g, x: g, lambda g, slope, x: slope),
    (lambda g, x: g * 3.0, lambda g, slope, x: slope * 3.0),
    (lambda g, x: g + x**2, lambda g, slope, x: slope + 2 * x),
    (lambda g, x: (g * 0.5).tanh(), lambda g, slope, x: slope * 0.5 / math.cosh(0.5 * g) ** 2),
    (lambda g, x: (g - 1.0) ** 2, lambda g, slope, x: 2 * (g - 1.0) * slope),
)
"""Larger exercises around g, and their right outer derivatives."""


def digits(rng: random.Random, x: float, least: int = 1) -> Any:
    """``x`` rounded as people write numbers: text with decimals or powers of ten, or a number."""
    count = rng.randint(least, 8)
    decimals = max(0, count - 1 - math.floor(math.log10(abs(x)))) if x else count
    kinds: list[Callable[[], Any]] = [
        lambda: f"{x:.{min(decimals, 12)}f}",
        lambda: f"{x:.{count - 1}e}",
        lambda: f"{x:.{count}g}",
        lambda: float(f"{x:.{count - 1}e}") if abs(x) < 10 ** (count - 1) else f"{x:.{count - 1}e}",
        lambda: x,
    ]
    if abs(x) >= 0.5 and 10 ** (least - 1) <= abs(x) < 1e15:
        kinds += [lambda: round(x), lambda: f"{x:.0f}"]
    return rng.choice(kinds)()


def wrong_answer(rng: random.Random, mistake: Mistake) -> Exercise:
    """An exercise with this mistake in the answer, which has three digits at least."""
    p, q, at = rng.uniform(0.6, 2.4), rng.uniform(0.6, 2.4), rng.uniform(0.2, 1.2)
    x = Value(at, "x")
    outer, slope = rng.choice(_OUTER)
    inside = mistake.g(x, p, q)
    return Exercise(outer(inside, x), x, digits(rng, slope(inside.data, mistake.wrong(at, p, q), at), least=3))


def wrong_whole(rng: random.Random, name: str) -> Exercise:
    """An exercise on a neuron with a mistake about the whole answer."""
    w, x, b, y = (rng.uniform(0.3, 1.7) for _ in range(4))
    weight, inputs, bias = Value(w, "w"), Value(x, "x"), Value(b, "b")
    root = ((weight * inputs + bias).tanh() - y) ** 2
    a = math.tanh(w * x + b)
    gradient = 2 * (a - y) * (1 - a * a) * x
    answer: Any
    if name == "value of the function":
        answer = digits(rng, (a - y) ** 2, 3)
    elif name == "sign of the whole gradient":
        answer = digits(rng, -gradient, 3)
    elif name == "derivative by another variable":
        answer = digits(rng, gradient / x * rng.choice([w, 1.0]), 3)
    else:  # every number that is written down has the same number of decimals
        places = rng.randint(2, 4)
        shown = round(a, places)
        answer = f"{2 * (shown - y) * (1 - shown * shown) * x:.{rng.randint(places, places + 2)}f}"
    return Exercise(root, weight, answer)


_LEAVES: tuple[Callable[[Value], Value], ...] = (
    Value.sin, Value.cos, Value.tanh, Value.sigmoid, Value.exp, Value.relu, Value.atan, Value.softplus,
    lambda v: v**2, lambda v: v**3, lambda v: v * 3.0, lambda v: v - 0.7, lambda v: 1.0 / (v * v + 1.0),
    lambda v: (v * v + 0.5).sqrt(), lambda v: (v * v + 0.5).log(), lambda v: 2.0 ** (v * 0.3), lambda v: v * 40.0,
)  # fmt: skip


def right_answer(rng: random.Random) -> Exercise | None:
    """A random expression of one to eight steps and its gradient, rounded; None where that is 0, inf or nan."""
    known = [Value(rng.uniform(-2, 2), name) for name in ("x", "y")]
    for _ in range(rng.randint(1, 8)):
        if rng.random() < 0.6:
            known.append(rng.choice(_LEAVES)(known[-1]))
        else:
            a, b = known[-1], rng.choice(known)
            known.append(rng.choice([a + b, a * b, a - b, a / (b * b + 1.0)]))
    [gradient] = autograd.grad(known[-1], [known[0]])
    if (
        gradient == 0
        or not math.isfinite(gradient)
        or not any(leaf is known[0] for leaf in autograd.graph.leaves(known[-1]))
    ):
        return None
    return Exercise(known[-1], known[0], digits(rng, gradient))
