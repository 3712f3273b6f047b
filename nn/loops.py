"""The rules of the optimizers as compiled loops: one pass through memory for a step, instead of one for each term.

Imported only where numba is installed and runs the program anyway. The rules are those of `nn.rules`, not a second
version of them: numba compiles their scalar form, and the results are the same to the bit in float64.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from autograd.compiler.kernels import vectors
from autograd.compiler.kernels.vectors import Cached, compiled, translated

from . import rules


def _root(x):  # type: ignore[no-untyped-def]
    return math.sqrt(x)


@compiled
def _finite(g):  # type: ignore[no-untyped-def]
    finite = True
    for k in range(g.size):
        finite &= g[k] - g[k] == 0  # nan if it is nan or infinite; a sum of zeros, an older LLVM takes to be 0
    return finite


def _one(p, g, state, lr, step, settings):  # type: ignore[no-untyped-def]
    if not _finite(g):
        return False
    (s,) = state
    for k in range(p.size):
        p[k], (s[k],) = rule(p[k], g[k], (s[k],), lr, step, *settings)  # type: ignore[name-defined]  # noqa: F821
    return True


def _two(p, g, state, lr, step, settings):  # type: ignore[no-untyped-def]
    if not _finite(g):
        return False
    m, s = state
    for k in range(p.size):
        p[k], (m[k], s[k]) = rule(  # type: ignore[name-defined]  # noqa: F821
            p[k], g[k], (m[k], s[k]), lr, step, *settings
        )
    return True


def _loop(template: Callable[..., bool], rule: Callable[..., Any]) -> Cached:
    """The loop for a rule, which has one or two state variables."""
    scope = {**globals(), "rule": translated(rule, _root=translated(_root))}
    loop = types.FunctionType(template.__code__, scope)
    loop.__qualname__ = f"{rule.__name__}_loop"  # by which numba's cache tells apart what has one code
    return Cached(loop, rules, vectors)


LOOPS: dict[Callable[..., Any], Cached] = {
    rules.sgd: _loop(_one, rules.sgd), rules.adagrad: _loop(_one, rules.adagrad),
    rules.rmsprop: _loop(_one, rules.rmsprop), rules.adam: _loop(_two, rules.adam),
}  # fmt: skip
"""``loop(parameters, gradients, state, lr, step, settings)`` for each rule: arrays are changed in place, and it returns
True; False if a gradient is nan or infinite, and nothing is changed."""
