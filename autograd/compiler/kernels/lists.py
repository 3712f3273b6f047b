"""Functions of lists in the machine's memory: log_sum_exp, shares (softmax), their logarithms, slopes. See `ops`."""

from __future__ import annotations

import math

import numpy as np

from ..rows import MACHINE
from .vectors import careful as without_zeros
from .vectors import compiled, exp_difference, select

_LOG_SUM_EXP, _LOG_SHARES = MACHINE["log_sum_exp"], MACHINE["log_shares"]
_SHARE_SLOPES, _LOG_SHARE_SLOPES = MACHINE["share_slopes"], MACHINE["log_share_slopes"]
_ONE = np.uint64(1)


@compiled
def over_lists(M, P, at, careful):  # type: ignore[no-untyped-def]
    """A row over n lists of r numbers each, for each sample; the innermost loops go over the samples."""
    op, n, r, samples = P[at], P[at + 2], P[at + 3], P[at + 6]
    so, sa = P[at + 13], P[at + 19]
    for i in range(n):
        o, a, b = P[at + 8] + i * P[at + 9], P[at + 14] + i * P[at + 15], P[at + 20] + i * P[at + 21]
        if op == _SHARE_SLOPES:
            for k in range(samples):
                _share_slopes(
                    M, o + k * so, P[at + 10], a + k * sa, P[at + 16], b + k * P[at + 25], P[at + 22], r, careful
                )
        elif op == _LOG_SHARE_SLOPES:
            for k in range(samples):
                _log_share_slopes(
                    M, o + k * so, P[at + 10], a + k * sa, P[at + 16], b + k * P[at + 25], P[at + 22], r, careful
                )
        elif op == _LOG_SHARES:
            _log_shares(M, o, P[at + 10], so, a, P[at + 16], sa, r, samples)
        elif op == _LOG_SUM_EXP:
            if so == 1 and sa == 1:  # said once more for the compiler, which then knows the step
                _log_sum_exp(M, o, _ONE, a, P[at + 16], _ONE, r, samples)
            else:
                _log_sum_exp(M, o, so, a, P[at + 16], sa, r, samples)
        elif so == 1 and sa == 1:
            _shares(M, o, P[at + 10], _ONE, a, P[at + 16], _ONE, r, samples)
        else:
            _shares(M, o, P[at + 10], so, a, P[at + 16], sa, r, samples)


@compiled
def _largest(M, a, ra, sa, r, n):  # type: ignore[no-untyped-def]
    """The largest of r numbers for each sample, nan if one is nan."""
    largest = np.empty(n)
    for k in range(n):
        largest[k] = M[a + k * sa]
    for j in range(r):
        for k in range(n):
            x = M[a + j * ra + k * sa]
            largest[k] = x if (x > largest[k]) | (x != x) else largest[k]
    return largest


@compiled
def _below(M, a, ra, sa, r, n, largest):  # type: ignore[no-untyped-def]
    """For each sample, what the entries below the largest add, and how often that one is there."""
    total, equals = np.zeros(n), np.zeros(n)
    for j in range(r):
        for k in range(n):
            x, most = np.float64(M[a + j * ra + k * sa]), largest[k]
            weight = exp_difference(x, most)
            total[k] += select(x == most, 0.0, weight)
            equals[k] += select(x == most, 1.0, 0.0)
    return total, equals


@compiled
def _log_sum_exp(M, o, so, a, ra, sa, r, n):  # type: ignore[no-untyped-def]
    largest = _largest(M, a, ra, sa, r, n)
    total, equals = _below(M, a, ra, sa, r, n, largest)
    for k in range(n):
        most = largest[k]
        M[o + k * so] = most + math.log1p(total[k] + (equals[k] - 1.0)) if most - most == 0 else most


@compiled
def _shares(M, o, ro, so, a, ra, sa, r, n):  # type: ignore[no-untyped-def]
    largest = _largest(M, a, ra, sa, r, n)
    total = np.zeros(n)
    for j in range(r):
        for k in range(n):
            x, most = np.float64(M[a + j * ra + k * sa]), largest[k]
            weight = exp_difference(x, most)
            alike = select(x == most, 1.0, 0.0)  # entries that equal an infinite largest share equally
            weight = select((most - most != 0) & (most == most), alike, weight)
            M[o + j * ro + k * so] = weight
            total[k] += weight
    for j in range(r):
        for k in range(n):
            M[o + j * ro + k * so] /= total[k]


@compiled
def _log_shares(M, o, ro, so, a, ra, sa, r, n):  # type: ignore[no-untyped-def]
    largest = _largest(M, a, ra, sa, r, n)
    total, equals = _below(M, a, ra, sa, r, n, largest)
    for k in range(n):
        most = largest[k]
        infinite = (most - most != 0) & (most == most)  # entries that equal an infinite largest share equally
        others = math.log(equals[k]) if infinite else math.log1p(total[k] + (equals[k] - 1.0))
        for j in range(r):
            x = np.float64(M[a + j * ra + k * sa])
            below = (0.0 if x == most else -math.inf) if infinite else x - most
            M[o + j * ro + k * so] = below - others


@compiled
def _share_slopes(M, o, so, g, sg, s, ss, r, careful):  # type: ignore[no-untyped-def]
    for k in range(r):
        total = 0.0
        others = 0.0
        for j in range(r):
            if j != k:
                if careful:
                    others += M[s + j * ss]
                    total += without_zeros(M[g + j * sg], -M[s + j * ss] * M[s + k * ss])
                else:
                    total += M[s + j * ss] * (M[g + k * sg] - M[g + j * sg])
        if careful:
            M[o + k * so] = total + without_zeros(M[g + k * sg], M[s + k * ss] * others)
        else:
            M[o + k * so] = total * M[s + k * ss]


@compiled
def _log_share_slopes(M, o, so, g, sg, s, ss, r, careful):  # type: ignore[no-untyped-def]
    for k in range(r):
        total = 0.0
        others = 0.0
        for j in range(r):
            if j != k:
                others += M[s + j * ss]
                if careful:
                    total += without_zeros(M[g + j * sg], -M[s + k * ss])
                else:
                    total -= M[g + j * sg] * M[s + k * ss]
        own = without_zeros(M[g + k * sg], others) if careful else M[g + k * sg] * others
        M[o + k * so] = own + total
