"""A bounded slice of the fuzzer, and the fuzzer shown wrong answers."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from autograd.ops import TABLE, Op

pytest.importorskip("mpmath")
from mpmath import mpf

from benchmarks import __main__ as command
from benchmarks import contestants, fuzz
from benchmarks.programs import Program, eager, exact, obstacle, random_program, sizes
from benchmarks.reference import errors_at

ROOT = Path(__file__).parents[2]
OURS_ONLY = [*contestants.PEERS]


@pytest.fixture(autouse=True)
def ours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch and JAX take part in the long runs."""
    for peer in OURS_ONLY:
        monkeypatch.delitem(contestants.PEERS, peer)
        monkeypatch.delitem(contestants.OPERATIONS, peer)


def test_random_programs_and_operations() -> None:
    record = fuzz.fuzz(seconds=60, seed=20, failures=None, rounds=4)
    assert record.saved == [] and record.programs == 16 and record.judged >= 5 and record.points == 64
    assert max(record.worst.values()) <= 1
    table = record.table()
    assert "| eager | second order |" in table and "| gelu |" in table and "0 failures of ours" in table


def test_a_seed_gives_the_same_programs() -> None:
    first, again, other = (random_program(random.Random(seed)) for seed in (5, 5, 6))
    assert first == again != other


def test_obstacles() -> None:
    def reason(x: float, *steps: tuple[str, tuple[int, ...]], constants: tuple[float, ...] = ()) -> str:
        return obstacle(Program((x,), constants, steps))

    assert reason(1.0, ("exp", (0,))) == ""
    assert reason(1e-9, ("relu", (0,))) == "kink" == reason(2.0, ("maximum", (0, 0)))
    assert reason(1e-9, ("log", (0,))) == "edge" == reason(50.0, ("sigmoid", (0,)), ("asin", (1,)))
    assert reason(0.0, ("acos", (0,)), ("tan", (1,))) == "edge"  # tan(π/2) is infinite, tan of the float is not
    assert (
        reason(25.2, ("tanh", (0,)), ("pow", (0, 1))) == "edge"
    )  # tanh rounds to 1, where a slope of the power is flat
    assert reason(800.0, ("exp", (0,))) == "range" == reason(-1.0, ("log", (0,)))
    assert reason(-2.0, ("pow", (0, 1)), constants=(3.0,)) == ""
    assert reason(-2.0, ("pow", (1, 0)), constants=(-3.0,)) == "edge"


@pytest.mark.parametrize("name", ["floor", "ceil"])
def test_a_step_is_near_on_both_sides(name: str) -> None:
    for x in (-2.0000000000000004, -2.0, -1.9999999999999998, 3.0000000000000004, 2.9999999999999996):
        assert obstacle(Program((x,), (), ((name, (0,)),))) == "kink"
    assert obstacle(Program((2.5,), (), ((name, (0,)),))) == ""


def test_exact_answers() -> None:
    program = Program((1.5, -0.5), (3.0,), (("pow", (0, 2)), ("mul", (3, 1)), ("exp", (1,))))
    true = exact(program._replace(steps=program.steps[:2]))  # x³·y along (1, −9/8)
    assert true is not None and true.value == mpf(1.5) ** 3 * -0.5
    for got, expected in zip([*true.gradient, *true.curvature], [3 * 2.25 * -0.5, 3.375, -12.09375, 6.75]):
        assert abs(got - expected) < 1e-50
    got, bounds = eager(program._replace(steps=program.steps[:2]))
    assert got.curvature == [-12.09375, 6.75] and all(0 < bound < 1e-13 for bound in bounds.curvature)
    assert exact(Program((-1.0,), (), (("log", (0,)),))) is None
    assert program.pruned(3) == Program((1.5, -0.5), (3.0,), (("exp", (1,)),))


def test_the_compiler_may_add_in_another_order_but_not_more() -> None:
    steps = (("mul", (0, 0)), ("sub", (2, 2)), ("add", (3, 1)))
    program = Program((0.9, 1e-134), (), steps)
    assert sizes(program)[0] == pytest.approx(4.86)
    wrong, _ = fuzz.judge(program)
    assert wrong == []


def test_derivatives_inside_a_program_are_judged_by_the_eager_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (("mul", (0, 1)), ("tanh", (3,)), ("mul", (0, 1)), ("add", (4, 5)), ("where", (2, 6, 0)), ("exp", (7,)))
    program = Program((0.3, 1.2), (2.0,), steps, order=3, samples=17)
    wrong, largest = fuzz.judge(program)
    assert wrong == [] and {who for who, _ in largest} == {"eager", *contestants.OWN}
    first = contestants.eager_pairs(program._replace(order=0))
    monkeypatch.setitem(contestants.OWN, "NumPy", lambda program: first)
    assert {entry.who for entry in fuzz.judge(program)[0]} == {"NumPy"}


def test_the_judge_of_single_operations_knows_poles_and_signed_zeros() -> None:
    for x in (1.0, -0.0, -3.5, 5.4e-18):
        for y in (0.0, -0.0):
            assert errors_at(TABLE["mod"], (x, y), *TABLE["mod"].evaluate(x, y)) is None
            value, slopes = TABLE["atan2"].evaluate(y, x)
            assert value == math.atan2(y, x) and errors_at(TABLE["atan2"], (y, x), value, slopes)[0] < 1  # type: ignore[index]
            wrong = errors_at(TABLE["atan2"], (y, x), value + 1, slopes)
            assert wrong is not None and wrong[0] > 1e6


def test_a_product_of_two_rounding_errors_is_rounding() -> None:
    """The slope by the third input is 0. Eagerly it is 1e-17 times 1e-16 times the smallest factor, 5e-51."""
    steps = (
        ("log_softmax", (2, 2, 2, 2)), ("add", (2, 2)), ("log_sum_exp", (0, 5)), ("log_sum_exp", (6, 4, 5, 5)),
        ("neg", (6,)), ("softmax", (7, 7, 7, 8, 8)),
    )  # fmt: skip
    program = Program((114.47938519860566, 18.603175096166396, -724.4036917633308), (2.0,), steps)
    assert fuzz.judge(program)[0] == []


def test_units() -> None:
    assert fuzz.units(1.0 + 2e-16, mpf(1), 1e-16) == pytest.approx(2.22, abs=0.01)
    assert fuzz.units(math.nan, mpf(1), 1.0) == math.inf == fuzz.units(-math.inf, mpf(10) ** 400, 1.0)
    assert fuzz.units(math.inf, mpf(10) ** 400, 1.0) == 0 == fuzz.units(2.0, mpf(1), math.inf)


# ---- the fuzzer is shown wrong engines ----------------------------------------------------------------------------

PROGRAM = Program((0.3, 1.2), (2.0,), (("mul", (0, 1)), ("tanh", (3,)), ("add", (4, 2)), ("sin", (5,)), ("exp", (6,))))


def test_a_wrong_gradient_is_found_shortened_and_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def slightly_wrong(program: Program) -> contestants.Pairs:
        value, gradient = contestants.eager_pairs(program)
        used = any(name == "tanh" for name, _ in program.steps)
        return value, [slope * (1 + 1e-13 * used) for slope in gradient]

    monkeypatch.setitem(contestants.OWN, "NumPy", slightly_wrong)
    wrong, largest = fuzz.judge(PROGRAM)
    assert {(entry.who, entry.part) for entry in wrong} == {("NumPy", "gradient")}
    assert largest["eager", "gradient"] < 1 < largest["NumPy", "gradient"]
    small = fuzz.shortened(PROGRAM, "NumPy")
    assert small.steps[-1][0] == "tanh" and len(small.steps) == 2
    monkeypatch.setattr(fuzz, "random_program", lambda rng: PROGRAM)
    record = fuzz.Record()
    fuzz.one_program(random.Random(0), record, tmp_path)
    assert "WRONG NumPy: gradient" in capsys.readouterr().out
    assert record.wrong == {("NumPy", "gradient"): 1} and record.guilty["NumPy"] == {"tanh": 1}
    [script] = record.saved
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "n4 = tanh(n3) = " in run.stdout and "rounding explains" in run.stdout and run.stderr == ""


def test_an_exception_a_nan_and_a_wrong_infinity_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(program: Program) -> contestants.Pairs:
        raise RuntimeError("no such instruction")

    monkeypatch.setitem(contestants.OWN, "NumPy", broken)
    assert "raised RuntimeError: no such instruction" in str(fuzz.judge(PROGRAM)[0][0])
    monkeypatch.setitem(contestants.OWN, "NumPy", lambda program: (math.nan, [1.0, 1.0]))
    assert fuzz.judge(PROGRAM)[0][0].units == math.inf
    beyond = Program((800.0,), (), (("exp", (0,)),))
    assert [entry.part for entry in fuzz.judge_range(beyond)] == ["value", "gradient"]
    monkeypatch.setitem(contestants.OWN, "NumPy", contestants.eager_pairs)
    assert fuzz.judge_range(beyond) == []


def test_a_wrong_rule_is_found_at_single_operations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tanh = TABLE["tanh"]
    flushed = Op("tanh", tanh.formula, ["1 - out * out"], tanh.latex)  # 0 at x = 20
    monkeypatch.setitem(TABLE, "tanh", flushed)
    errors = fuzz.operation_errors(flushed, [[20.0], [0.5]])
    assert errors["eager", "gradient"].error > 1e10 and errors["eager", "gradient"].point == (20.0,)
    monkeypatch.setattr(contestants, "OPERATIONS", {"eager": contestants.operation_eager})
    monkeypatch.setattr(fuzz, "points_for", lambda op, rng: [[20.0]])
    record, rng = fuzz.Record(), random.Random(0)
    monkeypatch.setattr(rng, "choice", lambda names: "tanh")
    fuzz.one_operation(rng, record, tmp_path)
    assert len(record.saved) == 1 and record.saved[0].name.startswith("eager_tanh")


@pytest.mark.slow
def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "Differential fuzzing" in command.titles()["fuzz"]
    assert command.main(["fuzz", "--minutes", "0.01", "--seed", "3", "--failures", str(tmp_path / "none")]) == 0
    assert "judged by mpmath" in capsys.readouterr().out and not (tmp_path / "none").exists()
