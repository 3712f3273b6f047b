"""Each pass of the compiler checks the form it made: broken forms are refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.compiler import FormError
from autograd.compiler.lower import Lowering
from autograd.compiler.pack import BATCHED, Operand, affine, common_loops, grids, injective, pack
from autograd.compiler.rows import Kind, Row
from autograd.compiler.simplify import simplify
from autograd.compiler.trace import trace

MODEL = nn.MLP(3, [4, 2], seed=0)
SCALARS = trace(lambda x, y: nn.cross_entropy(MODEL(x), y), [(3,), (2,)], ["x", "y"], MODEL.parameters())[0]
REDUCED = simplify(SCALARS)
PACKED = pack(simplify(SCALARS))
LOWERED = Lowering(PACKED).lower()

Breaking = Callable[[Any], Any]


def refused(form: Any, breaking: Breaking, message: str) -> None:
    form.check()
    broken = copy.deepcopy(form)
    breaking(broken)
    with pytest.raises(FormError, match=message):
        broken.check()


def first(packed: Any, op: str) -> Any:
    return next(step for step in packed.instructions if step.op == op)


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (lambda s: s.parents.__setitem__(0, len(s.op) - 1), "a parent follows its child"),
        (lambda s: s.level.fill(0), "levels do not increase"),
        (lambda s: s.batched.__setitem__(slice(s.n_inputs, None), False), "a shared node depends on an input"),
        (lambda s: s.op.__setitem__(-1, "tanh"), "tanh has the wrong number of parents"),
        (lambda s: s.op.__setitem__(0, "constant"), "inputs and parameters do not come first"),
        (lambda s: s.op.__setitem__(-1, "constant"), r"a leaf \(constant\) has parents"),
        (lambda s: s.roots.__setitem__(0, 10**6), "a root is missing"),
        (lambda s: setattr(s, "data", s.data[:-1]), "arrays differ in length"),
        (lambda s: setattr(s, "parents", s.parents[:-1]), "parents are misaligned"),
    ],
)
def test_a_broken_scalar_graph_is_refused(breaking: Breaking, message: str) -> None:
    refused(SCALARS, breaking, message)


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (lambda r: r.nodes.pop(next(iter(r.nodes))), "uses a node before it is made"),
        (lambda r: r.nodes.pop(r.scalars.roots[0]), "a root is never computed"),
        (lambda r: setattr(next(n for n in r.nodes.values() if n.op == "sum"), "signs", (1,) * 9), "terms and signs"),
        (lambda r: r.nodes.__setitem__(0, r.nodes.pop(r.scalars.roots[0])), "a leaf is computed"),
        (lambda r: setattr(next(iter(r.nodes.values())), "args", np.arange(3)), "vectors differ in length"),
    ],
)
def test_a_broken_reduced_graph_is_refused(breaking: Breaking, message: str) -> None:
    refused(REDUCED, breaking, message)


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (lambda p: p.instructions.append(copy.deepcopy(p.instructions[0])), "writes a slot twice"),
        (lambda p: p.instructions.reverse(), "before it is written"),
        (lambda p: p.instructions.pop(0), "before it is written|does not start with its own slots"),
        (lambda p: setattr(first(p, "relu"), "start", 10**6), "writes outside its region"),
        (lambda p: setattr(first(p, "relu"), "shape", (3,)), "shapes of relu disagree"),
        (lambda p: first(p, "relu").operands.clear(), "shapes of relu disagree"),
        (lambda p: setattr(first(p, "relu"), "region", 0), "a shared relu reads a batched"),
        (lambda p: setattr(first(p, "dot"), "shape", (1, 2, 2)), "disagree|twice"),
        (lambda p: first(p, "dot").operands.__setitem__(0, Operand(7, np.zeros((1, 4, 3), int))), "not there"),
        (lambda p: first(p, "dot").operands.__setitem__(1, Operand(2, np.full((1, 1, 3), 9))), "outside its region"),
        (lambda p: first(p, "sum").operands.reverse(), "does not start with its own slots"),
        (lambda p: setattr(p, "outputs", Operand(BATCHED, np.array([p.sizes[BATCHED] - 1]))), "never written"),
    ],
)
def test_a_broken_array_program_is_refused(breaking: Breaking, message: str) -> None:
    if message == "never written":
        unbroken = copy.deepcopy(PACKED)
        unbroken.sizes[BATCHED] += 1
        refused(unbroken, breaking, message)
        return
    refused(PACKED, breaking, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "guess"}, "an instruction is unknown: guess"),
        ({"lengths": (0, 1, 1, 1)}, "a loop of contract is empty"),
        ({"space": 99}, "contract uses a space that is unknown"),
        ({"starts": (10**6, 0, 0)}, "contract reaches outside its space"),
        ({"starts": (-1, 0, 0)}, "contract reaches outside its space"),
        ({"steps": (0, -(10**6), 0, 0)}, "contract reaches outside its space"),
    ],
)
def test_broken_machine_code_is_refused(changes: dict[str, Any], message: str) -> None:
    def breaking(lowered: Any) -> None:
        rows = lowered.forward[1]
        at = next(i for i, row in enumerate(rows) if row.kind.name == "contract")
        kind, starts, _ = rows[at]
        target = kind.views[0]._replace(**{key: changes[key] for key in ("space", "steps") if key in changes})
        name, lengths = changes.get("name", kind.name), changes.get("lengths", kind.lengths)
        broken = Kind(name, kind.update, kind.batched, lengths, (target, *kind.views[1:]))
        rows[at] = Row(broken, changes.get("starts", starts))

    refused(LOWERED, breaking, message)


def test_the_message_asks_for_a_report() -> None:
    broken = copy.deepcopy(PACKED)
    broken.instructions.pop()
    with pytest.raises(FormError, match="please report the function that was compiled"):
        broken.check()


# ---- what the passes rest on ----------------------------------------------------------------------------------------


def test_steps_are_found_if_there_are_any() -> None:
    grid = 5 + 10 * np.arange(3)[:, None] + 2 * np.arange(4)
    assert affine(grid) == (10, 2) and affine(np.array([4, 4, 4])) == (0,) and affine(np.array([7])) == (0,)
    assert affine(np.array([1, 2, 4])) is None
    assert injective((3, 4), (10, 2)) and injective((3, 4), (0, 1))
    assert not injective((3, 4), (1, 1))  # windows that overlap
    assert common_loops([np.array([0, 1, 2, 10, 11, 12])]) == 3 and common_loops([np.arange(6)]) == 6


def test_dots_are_split_into_complete_grids() -> None:
    left = np.array([[0, 1], [2, 3], [0, 1], [2, 3], [4, 5]])
    right = np.array([[6, 7], [6, 7], [8, 9], [8, 9], [6, 7]])
    found = sorted((grid.shape, sorted(grid.ravel().tolist())) for grid in grids(left, right))
    assert found == [((1, 2, 1), [2, 3]), ((1, 3, 1), [0, 1, 4])]
    twice = grids(np.array([[0, 1], [0, 1]]), np.array([[2, 3], [2, 3]]))
    assert [grid.shape for grid in twice] == [(2, 1, 1)]


def test_common_subexpressions_and_constants_cost_nothing() -> None:
    w = Value(0.5)
    scalars = trace(lambda x: (x * w).sin() * (w * x).sin() + 2.0 * Value(3.0) + x**2, [()], ["x"], [w])[0]
    assert scalars.op.count("sin") == 1 and 6.0 in scalars.data and scalars.op.count("mul") == 3
    assert "pow" not in scalars.op
    shared = trace(lambda x: x + w.exp() * w.exp(), [()], ["x"], [w])[0]
    assert not shared.batched[shared.op.index("exp")]


@pytest.mark.slow
def test_a_chain_of_any_depth_is_compiled() -> None:
    w = Value(0.999)
    node = w
    for _ in range(3_000):
        node = node * w
    program = autograd.compile(node, parameters=[w], backend="numpy")
    node.backward()
    value, gradient = program.value_and_grad()
    assert value == pytest.approx(node.data, rel=1e-12) and gradient[0] == pytest.approx(w.grad, rel=1e-10)
