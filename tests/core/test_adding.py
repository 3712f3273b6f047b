"""Adding an entry to the table adds the operation everywhere: a copy of the package gets one more, and uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import autograd
from autograd.ops import TABLE
from autograd.value import apply

ROOT = Path(__file__).parents[2]
ENTRY = r"""
    yield activation("swirl", "x * sigmoid(scale * x)",
        ("sigmoid(scale * x) * (1 + scale * x * sigmoid(-scale * x))",
         "x * x * sigmoid(scale * x) * sigmoid(-scale * x)"),
        r"\operatorname{swirl}_{$scale}\left($x\right)", arguments=("x", "scale"), defaults={"scale": 2.0},
        word="sw", aliases=("twirl",), text="x · sigmoid(scale · x).")
    # Choices."""
"""Nothing but this is written."""

PREPARE = """
import inspect, math
import autograd, nn
from autograd import Value, formulas, ops, stubs
from nn import activations

x, w = Value(0.7, "x"), Value(-1.3, "w")
by_hand = lambda x: x * (2.0 * x).sigmoid()
"""

USES = {
    "method and function": """
y = x.swirl()
assert y.data == autograd.swirl(0.7) == autograd.swirl(x).data == x.swirl(scale=2.0).data == x.twirl().data
assert math.isclose(y.data, by_hand(x).data, rel_tol=1e-15) and y.op == "swirl"
assert str(inspect.signature(autograd.swirl)) == "(x: 'Number', scale: 'Number' = 2.0) -> 'Number'"
assert "def swirl(" in inspect.getsource(autograd.swirl) and "x_slope" in inspect.getsource(Value.swirl)
assert "swirl" in autograd.__all__ and "x · sigmoid" in autograd.swirl.__doc__
""",
    "type checkers": """
assert "def swirl(x: Value, scale: Number = 2.0) -> Value:" in stubs.functions()
assert "def twirl(self, scale: Number = 2.0) -> Value:" in stubs.methods()
""",
    "first, second and third order": """
def orders(f):
    x, found = Value(0.7), []
    y = f(x)
    for _ in range(3):
        [y] = autograd.grad(y, [x], create_graph=True)
        found.append(y.data)
    return found
for a, b in zip(orders(lambda x: x.swirl()), orders(by_hand)):
    assert math.isclose(a, b, rel_tol=1e-14)
""",
    "another formula": """
twice = autograd.register("twice", "2 * swirl(x) + swirl(x, 3)", "2 * (swirl(x + 0) / x) + x - x")
assert math.isclose(twice(0.7), 2 * autograd.swirl(0.7) + autograd.swirl(0.7, 3.0), rel_tol=1e-15)
slope = autograd.grad(twice(x), [x], create_graph=True)[0]
assert math.isclose(autograd.grad(slope, [x])[0], 2 * autograd.grad(x.swirl() / x, [x])[0], rel_tol=1e-14)
""",
    "the command": """
from nn.cli import main
assert main(["check", "swirl(w*x)", "w=2", "x=-1"]) == 0 and main(["source", "swirl"]) == 0
""",
    "drawings": """
y = (w * x).swirl()
assert "swirl" in autograd.draw(y).source and "swirl" in str(autograd.stepper(y).frames) + autograd.stepper(y).html()
""",
    "explanations": """
y = (w * x).swirl()
y.backward()
assert math.isclose(autograd.ledger(y, w).total, w.grad, rel_tol=1e-15)
assert "sw" in str(autograd.derivation(y, w)) and "swirl" in autograd.derivation(y, w).latex()
assert str(autograd.formula(y)) == "swirl(w * x, 2)" and "swirl" in autograd.formula(y).latex()
""",
    "gradient check": """
assert autograd.gradcheck((w * x).swirl(), [w, x], order=2).ok
""",
    "certificate": """
assert autograd.certify((w * x).swirl(), [w, x]).worst.digits > 14
""",
    "networks": """
assert "swirl" in activations.names()
model = nn.MLP(2, [3, 1], activation="swirl", seed=1)
assert math.isfinite(model([0.5, -1.0]).data)
""",
    "compiled by NumPy": """
program = autograd.compile(lambda x: (w * x).swirl(), inputs=[()], parameters=[w], backend="numpy")
loss, gradient = program.value_and_grad([0.7])
assert math.isclose(loss, (w * x).swirl().data, rel_tol=1e-14) and "swirl" in str(program)
assert math.isclose(gradient[0], autograd.grad((w * x).swirl(), [w])[0], rel_tol=1e-14)
""",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages whose table has one more entry."""
    folder = tmp_path_factory.mktemp("extended")
    for package in ("autograd", "nn"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tracegrad.py", folder)
    table = folder / "autograd" / "ops.py"
    text = table.read_text(encoding="utf-8")
    assert text.count("\n    # Choices.") == 1
    table.write_text(text.replace("\n    # Choices.", ENTRY), encoding="utf-8")
    return folder


RUN = """
import json, traceback
print("OUTCOMES")
for name, text in json.loads(USES).items():
    try:
        exec(PREPARE + text, {})
        found = ""
    except BaseException:
        found = traceback.format_exc()
    print(json.dumps([name, found]))
"""


@pytest.fixture(scope="module")
def outcomes(extended: Path) -> dict[str, str]:
    """What went wrong with each use, in one process of its own."""
    uses = {name: text for name, text in USES.items() if name != "certificate" or find_spec("mpmath")}
    program = f"PREPARE = {PREPARE!r}\nUSES = {json.dumps(uses)!r}\n{RUN}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=extended, capture_output=True, text=True, check=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(extended), "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    lines = [line for line in done.stdout.partition("OUTCOMES")[2].splitlines() if line.startswith("[")]
    return dict(json.loads(line) for line in lines)


@pytest.mark.parametrize("use", USES)
def test_one_entry_is_all_it_takes(use: str, outcomes: dict[str, str]) -> None:
    if use not in outcomes:
        pytest.skip("needs mpmath")
    assert outcomes[use] == ""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_an_entry_that_comes_later_is_compiled_too(backend: str) -> None:
    pytest.importorskip({"llvm": "llvmlite"}.get(backend, backend))
    swirl = autograd.register("swirl", "x * sigmoid(2 * x)", "sigmoid(2 * x) * (1 + 2 * x * sigmoid(-2 * x))")
    w = autograd.Value(-1.3, "w")
    program = autograd.compile(lambda x: swirl(w * x), inputs=[()], parameters=[w], backend=backend)
    loss, gradient = program.value_and_grad([0.7])
    assert loss == pytest.approx(swirl(w * 0.7).data, rel=1e-14)
    assert gradient.tolist() == pytest.approx(autograd.grad(swirl(w * 0.7), [w]), rel=1e-14)


@pytest.mark.parametrize("name", list(TABLE))
def test_every_view_shows_every_operation(name: str) -> None:
    op = TABLE[name]
    count = 2 * len(op.arguments) if op.takes_list else len(op.arguments)
    xs = [autograd.Value(1.25 + 0.5 * i if name == "acosh" else 0.3 + 0.25 * i, "abcd"[i]) for i in range(count)]
    root = apply(op, tuple(xs)) * 2.0
    root.backward()
    written = autograd.formula(root)
    assert str(written) and written.latex() and written.html()
    for x in xs:
        derivation = autograd.derivation(root, x)
        assert str(derivation) and derivation.latex() and derivation.html()
        assert autograd.ledger(root, x).total == x.grad
    assert autograd.draw(root).source and autograd.stepper(root).html()
    assert autograd.gradcheck(root, xs, raise_exception=False).outcome == "passed"
