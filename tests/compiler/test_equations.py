"""The equations that a program prints: names of slices, several results, long listings."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from compiling import text, weights
from unrolled import LOOPS

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


def repeated(f: Any, shapes: Any, leaves: Any) -> list[str]:
    program = compile(f, shapes, leaves, backend="numpy")
    lines = text(program).splitlines()
    assert program.stats.equations == len(lines)
    return lines


def test_a_loop_is_written_once() -> None:
    g, length = autograd.Value(9.81, "g"), autograd.Value(1.0, "length")

    def swing(angle: Any, speed: Any) -> Any:
        for _ in range(200):
            speed = speed - 0.01 * g / length * angle.sin()
            angle = angle + 0.01 * speed
        return angle * angle

    assert repeated(swing, [(), ()], [g, length]) == [
        "t1 = g · 0.01 / length", "t2 = speed − t1 · sin(angle)", "t3 = 0.01 · t2 + angle", "t4 = t2 − t1 · sin(t3)",
        "t5 = t3 + 0.01 · t4", "repeat 198 times:", "t4 = t4 − t1 · sin(t5)", "t5 = t5 + 0.01 · t4", "loss = t5 · t5",
    ]  # fmt: skip


def test_what_moves_along_and_what_is_handed_on_under_another_name() -> None:
    functions = {function.__name__: (function, shapes, leaves) for function, shapes, leaves in LOOPS}
    assert repeated(*functions["horner"])[1:] == ["repeat 27 times:", "t1 = x · (t1 + next(c))", "loss = t1 + c29"]
    assert repeated(*functions["recurrent"])[4:7] == [
        "repeat 23 times:", "t5[3] = tanh(t4 + next(t2)[3])", "t4[3] = c[3×3] @ t5[3]",
    ]  # fmt: skip


def carry_on(lines: list[str], names: dict[str, Any]) -> Any:
    """What equations of numbers come to, computed as they stand."""
    scope = {**names, **{name: getattr(math, name) for name in ("sin", "cos", "tanh", "exp")}}
    source: list[str] = []
    pad = ""
    for line in lines:
        if line.startswith("repeat"):
            times, pad = int(line.split()[1].replace(",", "")), "    "
            source.append(f"for _ in range({times}):")
            continue
        pad = pad if line.startswith(" ") else ""
        source.append(pad + line.strip().replace("·", "*").replace("−", "-"))
    exec("\n".join(source), scope)
    return scope["loss"]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("period", [1, 2, 3])
def test_equations_of_a_loop_can_be_carried_out(period: int, swapped: bool) -> None:
    a = autograd.Value(0.3, "a")

    def f(x: Any, y: Any) -> Any:
        for n in range(30 * period):
            step = [x * 0.9 + a * y.sin(), y * x.cos(), (x + y).tanh()][n % period]
            x, y = (y.tanh(), step) if swapped else (step, (y - step * x).sin())
        return x + y.exp()

    program = compile(f, [(), ()], [a], backend="numpy")
    lines = [re.sub(r"  +\d+ scalars?.*$", "", line)[2:] for line in str(program).splitlines()[1:]]
    assert any(line.startswith("repeat") for line in lines)
    assert carry_on(lines, {"x": 0.4, "y": -0.2, "a": 0.3}) == pytest.approx(program([0.4], [-0.2])[0], rel=1e-5)
