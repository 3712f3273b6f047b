"""The equations that a program prints: names of slices, several results, long listings."""

from __future__ import annotations

from typing import Any

import numpy as np
from compiling import text, weights

import autograd
from autograd import compile
from autograd.compiler.equations import _subscript


def test_what_a_slice_is_called() -> None:
    assert [_subscript(np.array(slots)) for slots in ([2], [3, 1, 2], [0, 2])] == [".3", ".2:4", ".…"]


def test_several_results_slices_and_labels_in_the_equations() -> None:
    w = weights(2)

    def f(x: Any) -> Any:
        a, b = [(v * u).tanh() for v, u in zip(w, x)], [u.exp() for u in x]
        return [autograd.log_sum_exp([*a, *b]), w[0] * x[0].sin(), autograd.log_sum_exp(b[1:])]

    assert text(compile(f, [(3,)], w, backend="numpy")).splitlines() == [
        "t1[3] = exp(x[3])", "t2[2] = tanh(w[2] · x.1:2[2])", "t3 = w1 · sin(x.1)", "t4 = log_sum_exp(t1.2:3[2])",
        "t5[5] = [(t1, t2)[5]]", "t6 = log_sum_exp(t5[5])", "out[3] = [(t3, t4, t6)[3]]",
    ]  # fmt: skip
    assert text(compile(lambda x: [x * w[0], (x * w[1]).tanh()], [()], w, backend="numpy")).splitlines() == [
        "out1[2] = w[2] · x", "out2 = tanh(out1.2)",
    ]  # fmt: skip


def test_a_long_listing_leaves_out_the_middle() -> None:
    def f(x: Any) -> Any:
        results = []
        for _ in range(45):
            results += [x.sin(), x.sin().exp()]
            x = results[-1] * 0.5
        return results

    program = compile(f, [()], backend="numpy")
    lines = str(program).splitlines()
    assert program.stats.equations == 91 and len(lines) == 62 and lines[41] == "  … 31 more …"
    assert [line.split()[0] for line in (lines[1], lines[40], lines[42], lines[60])] == ["t1", "t40", "t72", "t90"]
    assert all(len(line) < 130 for line in lines) and "t21,…   0 scalars" in lines[-1]
