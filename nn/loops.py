"""The rules of the optimizers as compiled loops: one pass through memory for a step, instead of one for each term.

Imported only where numba is installed and runs the program anyway. The rules are those of `nn.rules`, not a second
version of them: numba compiles their scalar form, and the results are the same to the bit in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from autograd.compiler.kernels import vectors
from autograd.compiler.kernels.vectors import Cached, translated

from . import rules


def _cached(loop: Callable[..., None]) -> Cached:
    return Cached(loop, rules, vectors)


def _root(x):  # type: ignore[no-untyped-def]
    return math.sqrt(x)


_sgd, _adagrad, _rmsprop, _adam = (
    translated(rule, _root=translated(_root)) for rule in (rules.sgd, rules.adagrad, rules.rmsprop, rules.adam)
)


@_cached
def _sgd_loop(p, g, state, lr, step, settings):  # type: ignore[no-untyped-def]
    (v,) = state
    for k in range(p.size):
        p[k], (v[k],) = _sgd(p[k], g[k], (v[k],), lr, step, *settings)


@_cached
def _adagrad_loop(p, g, state, lr, step, settings):  # type: ignore[no-untyped-def]
    (s,) = state
    for k in range(p.size):
        p[k], (s[k],) = _adagrad(p[k], g[k], (s[k],), lr, step, *settings)


@_cached
def _rmsprop_loop(p, g, state, lr, step, settings):  # type: ignore[no-untyped-def]
    (s,) = state
    for k in range(p.size):
        p[k], (s[k],) = _rmsprop(p[k], g[k], (s[k],), lr, step, *settings)


@_cached
def _adam_loop(p, g, state, lr, step, settings):  # type: ignore[no-untyped-def]
    m, s = state
    for k in range(p.size):
        p[k], (m[k], s[k]) = _adam(p[k], g[k], (m[k], s[k]), lr, step, *settings)


LOOPS = {
    rules.sgd: _sgd_loop, rules.adagrad: _adagrad_loop, rules.rmsprop: _rmsprop_loop, rules.adam: _adam_loop,
}  # fmt: skip
"""``loop(parameters, gradients, state, lr, step, settings)`` for each rule; arrays are changed in place."""
