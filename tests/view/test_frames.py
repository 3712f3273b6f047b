"""The frames of both passes: they are the engine's own numbers, said plainly, and looking leaves no trace."""

import doctest
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import lecture_network

import autograd
from autograd import Value, graph, ops
from autograd.notation.expression import symbol
from autograd.notation.names import Name
from autograd.notation.slopes import DerivationError, slope
from autograd.value import apply
from autograd.view import frames, narration


@st.composite
def graphs(draw):
    """A random graph with sharing, over operations with kinks, lists, constants and repeated operands."""
    random_ = random.Random(draw(st.integers(0, 10**6)))
    nodes = [Value(random_.uniform(-2, 2), f"x{i}") for i in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(1, 25))):
        a, b = random_.choice(nodes), random_.choice(nodes)
        nodes.append(
            random_.choice(
                [
                    lambda a=a, b=b: a + b,
                    lambda a=a, b=b: a * b,
                    lambda a=a: a * a,
                    lambda a=a, b=b: a - b * 0.5,
                    lambda a=a: a.tanh(),
                    lambda a=a: a.relu(),
                    lambda a=a: a.sigmoid() ** 2,
                    lambda a=a, b=b: autograd.maximum(a, b),
                    lambda a=a, b=b: autograd.dot([a, b, 1.0], [b, 2.0, a]) / 4,
                    lambda a=a, b=b: autograd.softmax([a, b, 0.5])[1],
                    lambda a=a, b=b: autograd.mean([a, b, a]),
                    lambda a=a, b=b: autograd.where(a > 0, a, b),
                ]
            )()
        )
    return sum(nodes[-3:])


def kinds(root, **options):
    return [(frame.kind, frame.subject, frame.after) for frame in autograd.steps(root, **options)]


def test_lecture_e_is_shown_step_by_step_with_updates_and_frees():
    loss, weights = lecture_network()
    shown = kinds(loss, free_graph=True, update=0.1, parameters=weights)
    assert shown == [
        ("start", "", None),
        ("value", "z₁", 1.0), ("value", "x₁", 1.0), ("value", "z₂", 1.5), ("value", "x₂", 1.5), ("value", "z₃", 3.0),
        ("value", "e", 2.0), ("value", "v₁", 4.0), ("value", "L", 2.0),
        ("seed", "∂L/∂L", 1.0), ("gain", "∂L/∂v₁", 0.5), ("free", "∂L/∂L", None),
        ("gain", "∂L/∂e", 1.0), ("gain", "∂L/∂e", 2.0), ("free", "∂L/∂v₁", None),
        ("gain", "∂L/∂z₃", 2.0), ("gain", "∂L/∂y", -2.0), ("free", "∂L/∂e", None),
        ("gain", "∂L/∂w₂", 3.0), ("gain", "∂L/∂x₂", 4.0), ("update", "w₂", 1.7), ("free", "∂L/∂z₃", None),
        ("gain", "∂L/∂z₂", 4.0), ("free", "∂L/∂x₂", None),
        ("gain", "∂L/∂w₁", 4.0), ("gain", "∂L/∂x₁", 6.0), ("update", "w₁", 1.1), ("free", "∂L/∂z₂", None),
        ("gain", "∂L/∂z₁", 6.0), ("free", "∂L/∂x₁", None),
        ("gain", "∂L/∂w₀", 12.0), ("gain", "∂L/∂x", 3.0), ("update", "w₀", 0.5 - 0.1 * 12), ("free", "∂L/∂z₁", None),
        ("end", "", None),
    ]  # fmt: skip
    sentences = [frame.sentence for frame in autograd.steps(loss, free_graph=True, update=0.1, parameters=weights)]
    assert "z₃ = w₂ · x₂ = 2 · 1.5 = 3." in sentences
    assert "∂L/∂w₂ gains ∂L/∂z₃ · x₂ = 2 · 1.5 = 3." in sentences
    assert "∂L/∂z₂ gains ∂L/∂x₂ · 1 = 4 · 1 = 4 (the slope is 1 since z₂ > 0)." in sentences
    assert "w₂ takes its step: w₂ ← w₂ − η · ∂L/∂w₂ = 2 − 0.1 · 3 = 1.7." in sentences
    assert "∂L/∂z₃ is freed from memory: it has been handed on, and nothing needs it anymore." in sentences
    second = "∂L/∂e gains ∂L/∂v₁ · e = 0.5 · 2 = 1; this is the second use of e, so it is added: 1 + 1 = 2."
    assert second in sentences


def test_a_dead_relu_carries_nothing():
    loss, _ = lecture_network(x2_alive=False)
    said = [frame.sentence for frame in autograd.steps(loss) if frame.kind == "nothing"]
    assert said[0].startswith("∂L/∂w₂ gains nothing from z₃: the local derivative is 0")
    assert any(s.startswith("∂L/∂z₂ gains nothing from x₂: the local derivative is 0 since") for s in said)
    assert "∂L/∂z₂ is 0, so z₂ carries nothing to w₁ and x₁." in said
    assert "∂L/∂x₁ is 0, so x₁ carries nothing to z₁." in said
    assert all(frame.before == frame.after for frame in autograd.steps(loss) if frame.kind == "nothing")


@settings(max_examples=60)
@given(graphs())
def test_frames_replayed_by_hand_give_every_value_and_gradient(root):
    order = graph.topological(root)
    values = {k: node.data for k, node in enumerate(order) if not node.parents}
    gradients = dict.fromkeys(range(len(order)), 0.0)
    at = {node: k for k, node in enumerate(order)}
    local = {}
    for index, frame in enumerate(autograd.steps(root, constants=True)):
        assert frame.index == index
        if frame.kind == "value":
            node = order[frame.node]
            values[frame.node], local[frame.node] = ops.TABLE[node.op].evaluate(*[values[at[p]] for p in node.parents])
            assert frame.after == values[frame.node] and frame.before is None and frame.value is node
        elif frame.kind == "seed":
            gradients[frame.node] = 1.0
        elif frame.edge is not None:
            consumer, position = frame.edge
            assert order[consumer].parents[position] is order[frame.node]
            assert frame.before == gradients[frame.node]
            if local[consumer][position]:
                gradients[frame.node] += gradients[consumer] * local[consumer][position]
            assert frame.after == gradients[frame.node]
        elif frame.kind == "nothing":
            assert gradients[frame.node] == 0
    root.backward()
    assert [values[k] for k in range(len(order))] == [node.data for node in order]
    assert [gradients[k] for k in range(len(order))] == [node.grad for node in order]


def state(root):
    return [(n.data, n.grad, n.op, n.parents, n.local_derivatives, n.label, n.source) for n in graph.topological(root)]


@settings(max_examples=20)
@given(graphs(), st.integers(0, 200))
def test_looking_leaves_no_trace(root, taken):
    root.backward()
    before = state(root)
    for _, _frame in zip(range(taken), autograd.steps(root, free_graph=True, update=0.5)):
        assert state(root) == before
    assert state(root) == before


def test_leaves_start_from_zero_whatever_an_earlier_pass_left():
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    [end] = [frame for frame in autograd.steps(y) if frame.kind == "end"]
    assert end.sentence == "Done: ∂L/∂x = 6."
    assert x.grad == 6.0


def test_an_edited_leaf_is_taken_as_it_is_now():
    x = Value(3.0, "x")
    y = x * x
    x.data = 5.0
    assert ("value", "L", 25.0) in kinds(y)
    assert ("gain", "∂L/∂x", 10.0) in kinds(y)
    assert y.data == 9.0


def test_frees_come_in_the_order_of_the_reverse_pass_and_once_each():
    loss, _ = lecture_network()
    order = graph.topological(loss)
    freed = [frame.node for frame in autograd.steps(loss, free_graph=True) if frame.kind == "free"]
    assert freed == [k for k in reversed(range(len(order))) if order[k].parents]
    gone = set()
    for frame in autograd.steps(loss, free_graph=True):
        if frame.kind == "gain":
            assert frame.edge[0] not in gone
        if frame.kind == "free":
            gone.add(frame.node)


def test_constants_are_left_out_unless_asked_for():
    y = Value(3.0, "x") ** 2
    assert [f.subject for f in autograd.steps(y) if f.kind == "gain"] == ["∂L/∂x"]
    shown = [f.subject for f in autograd.steps(y, constants=True) if f.kind == "gain"]
    assert shown == ["∂L/∂x", "∂L/∂2"]


def test_each_use_is_counted():
    x = Value(2.0, "x")
    y = x + x + x
    said = [f.sentence for f in autograd.steps(y) if f.kind == "gain" and f.subject == "∂L/∂x"]
    assert said[0] == "∂L/∂x gains ∂L/∂L · 1 = 1 · 1 = 1; this is the first of the 3 uses of x."
    assert "this is the second use of x, so it is added: 1 + 1 = 2" in said[1]
    assert "this is the third use of x, so it is added: 2 + 1 = 3" in said[2]


@pytest.mark.parametrize(
    ("n", "word"), [(1, "first"), (10, "tenth"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (22, "22nd"),
                    (103, "103rd"), (111, "111th")],
)  # fmt: skip
def test_ordinals(n, word):
    assert narration._ordinal(n) == word


def test_graphs_of_one_node_and_of_constants():
    assert [f.sentence for f in autograd.steps(Value(3))] == [
        "We are given L = 3.",
        "The backward pass starts here: ∂L/∂L = 1, since L changes exactly as much as itself.",
        "Done: ∂L/∂L = 1.",
    ]  # fmt: skip
    x = Value(1.0, "x")
    shown = kinds(x, update=0.25)
    assert ("update", "x", 0.75) in shown
    constant = (Value(1.0) * 2).parents[1]
    assert [f.kind for f in autograd.steps(constant)] == ["start", "seed", "end"]


def test_nan_and_infinity_are_said_where_they_appear():
    x = Value(-1.0, "x")
    said = [f.sentence for f in autograd.steps(x.log() * 2 + 1 / Value(0.0, "z"))]
    assert "v₁ = log(x) = log(−1) = nan: log has no real value here, and all that depends on it is nan" in said[1]
    assert said[2] == "v₂ = v₁ · 2 = nan · 2 = nan."
    assert "= ∞: the result is infinite." in said[3]


def test_a_vertical_slope_behind_a_zero_carries_nothing():
    x = Value(0.0, "x")
    y = autograd.where(Value(0.0, "c"), x.sqrt(), x + 1)
    adjoints = {f.subject: f.after for f in autograd.steps(y) if f.phase == "backward"}
    assert adjoints["∂L/∂x"] == 1.0


@pytest.mark.parametrize("root", [3.0, None, "x", [1.0]])
def test_a_root_that_is_no_value_is_refused(root):
    with pytest.raises(TypeError, match=r"a graph is given by its root, a Value|Value"):
        autograd.steps(root)


def test_several_roots_are_refused():
    with pytest.raises(TypeError, match="steps takes one root, a Value"):
        autograd.steps([Value(1.0), Value(2.0)])


def test_parameters_need_a_learning_rate_and_must_be_leaves():
    x = Value(1.0, "x")
    y = x * 2
    with pytest.raises(ValueError, match="give a learning rate"):
        autograd.steps(y, parameters=[x])
    with pytest.raises(ValueError, match="not a leaf of this graph"):
        autograd.steps(y, update=0.1, parameters=[y])
    with pytest.raises(ValueError, match="not a leaf of this graph"):
        autograd.steps(y, update=0.1, parameters=[Value(1.0)])
    with pytest.raises(TypeError):
        autograd.steps(y, update="fast")


def test_forward_mode_gives_the_tangents_of_the_engine_and_counts_what_both_modes_cost():
    root, weights = lecture_network()
    order = graph.topological(root)
    leaves = [node for node in order if not node.parents and node.op != "constant"]
    for leaf in leaves:
        shown = [frame for frame in autograd.steps(root, along=leaf) if frame.phase == "tangents"]
        found = {}
        for frame in shown[:-1]:
            assert frame.before == found.get(frame.node, 0.0)
            found[frame.node] = frame.after
        exact = autograd.jvp(order, [leaf], [1.0])
        assert [found.get(k, 0.0) for k in range(len(order))] == exact
        assert shown[0].sentence.startswith("Forward mode starts here: ∂") and shown[0].value is leaf
        assert f"forward mode takes {sum(count([leaf], order) for leaf in leaves)}, one pass" in shown[-1].sentence
        assert f"reverse mode {count(leaves, order)}, in one pass" in shown[-1].sentence
    assert root.grad == weights[0].grad == 0.0


def count(leaves, order):
    moves = set(leaves)
    found = 0
    for node in order:
        along = [parent for parent in node.parents if parent in moves]
        found += len(along)
        if along:
            moves.add(node)
    return found


@given(graphs())
@settings(max_examples=30)
def test_tangents_of_any_graph_are_those_of_jvp(root):
    order = graph.topological(root)
    for leaf in [node for node in order if not node.parents and node.op != "constant"][:2]:
        last = {
            f.node: f.after for f in autograd.steps(root, along=leaf) if f.phase == "tangents" and f.node is not None
        }
        assert last.get(len(order) - 1, 0.0) == pytest.approx(autograd.jvp(root, [leaf], [1.0]), rel=1e-12, nan_ok=True)


def test_forward_mode_starts_from_a_leaf_and_has_no_updates():
    x = Value(2.0, "x")
    y = x * x
    with pytest.raises(ValueError, match="is not a leaf of this graph; forward mode starts from one"):
        autograd.steps(y * y, along=y)
    with pytest.raises(ValueError, match="belong to the backward pass"):
        autograd.steps(y, along=x, update=0.1)
    said = [str(frame).strip() for frame in autograd.steps(x, along=x)]
    assert said[-1].endswith("Done: ∂x/∂x = 1.")


def test_a_freed_graph_is_refused_at_once():
    x = Value(1.0, "x")
    y = (x * 2).tanh() + 1
    inner = y.parents[0]
    inner.backward(free_graph=True)
    with pytest.raises(RuntimeError, match="freed by backward"):
        autograd.steps(y)


@pytest.mark.slow
def test_deep_graphs_are_walked_without_recursion():
    x = Value(1.0, "x")
    y = x
    for _ in range(5000):
        y = y * 1.0
    assert sum(1 for _ in autograd.steps(y, free_graph=True)) == 3 + 5000 * 3


# ---- names and formulas -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "written"),
    [
        (lambda x, y: x / y, "x / y"),
        (lambda x, y: x - y, "x − y"),
        (lambda x, y: -x, "−x"),
        (lambda x, y: x**2, "x²"),
        (lambda x, y: x**y, "x^y"),
        (lambda x, y: x**-2, "x⁻²"),
        (lambda x, y: x.exp(), "exp(x)"),
        (lambda x, y: x.sqrt(), "√(x)"),
        (lambda x, y: abs(x), "|x|"),
        (lambda x, y: x.relu(), "relu(x)"),
        (autograd.minimum, "min(x, y)"),
        (lambda x, y: x.sigmoid(), "σ(x)"),
        (lambda x, y: x.leaky_relu(0.1), "leaky_relu(x, 0.1)"),
        (lambda x, y: autograd.dot([x, y], [y, 2.0]), "x · y + y · 2"),
        (lambda x, y: autograd.mean([x, y]), "(x + y) / 2"),
        (lambda x, y: autograd.mean([x] * 9), "(x + x + x + ⋯ + x) / 9"),
        (lambda x, y: x * -2.0, "x · (−2)"),
    ],
)
def test_operations_are_written_as_a_reader_writes_them(make, written):
    [frame] = [f for f in autograd.steps(make(Value(2.0, "x"), Value(3.0, "y"))) if f.kind == "value"]
    assert narration.line(frame.symbols) == f"L = {written}"


def test_an_identity_is_written_as_what_it_hands_on():
    x = Value(0.5, "x")
    y = apply(ops.TABLE["identity"], (x * 2.0,))
    y.label = "y"
    sentences = [frame.sentence for frame in autograd.stepper(y.tanh()).frames]
    assert "y = v₁ = 1." in sentences and not any("identity" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("make", "written"),
    [
        (lambda x: x**2, "2 · x"),
        (lambda x: x**3, "3 · x²"),
        (lambda x: x.tanh(), "1 − L²"),
        (lambda x: x.sigmoid(), "L · (1 − L)"),
        (lambda x: x.exp(), "L"),
        (lambda x: x.log(), "1 / x"),
        (lambda x: 1 / x, "−L / x"),
        (lambda x: x.sin(), "cos(x)"),
        (lambda x: x.relu(), "1"),
    ],
)
def test_derivatives_are_written_as_books_write_them(make, written):
    [frame] = [f for f in autograd.steps(make(Value(0.5, "x"))) if f.kind == "gain"]
    assert narration.line(frame.rule).split(" = ")[1] == written


SAMPLES = [-2.5, -0.75, 0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("op", [op for op in ops.TABLE.values() if not op.takes_list], ids=lambda op: op.name)
def test_every_written_derivative_gives_the_recorded_number(op):
    """The formula that is shown, evaluated, is the local derivative that the engine multiplies by."""
    checked = 0
    for first in SAMPLES:
        for second in SAMPLES[1:]:
            data = [first, second, 1.5][: len(op.arguments)]
            out, recorded = op.evaluate(*data)
            node = Value(out)
            node.op, node.parents, node.local_derivatives = op.name, tuple(map(Value, data)), recorded
            for position, expected in enumerate(recorded):
                if math.isfinite(expected):
                    written = slope(node, position, lambda each: symbol(Name("x"), each.data), taken=[])
                    assert written.evaluate() == pytest.approx(expected, rel=1e-9, abs=1e-12)
                    checked += 1
    assert checked


def test_a_wrong_derivative_is_not_written():
    y = Value(0.5, "x").tanh()
    y.local_derivatives = (0.9,)
    with pytest.raises(DerivationError, match=r"the recorded derivative 0\.9"):
        slope(y, 0, lambda each: symbol(Name("x"), each.data))


@pytest.mark.parametrize(
    ("formula", "x", "written", "why"),
    [
        ("1 * x * 1", 2.0, "x", ""),
        ("-x", 2.0, "−x", ""),
        ("-(2 * x)", 2.0, "−2 · x", ""),
        ("-(1 + x)", 2.0, "−(1 + x)", ""),
        ("(1 + x) * (x - 1)", 2.0, "(1 + x) · (x − 1)", ""),
        ("pow(1 + x, 3)", 2.0, "(1 + x)³", ""),
        ("pow(x, 1)", 2.0, "x", ""),
        ("2 * 3 - 1", 2.0, "5", ""),
        ("1 / 0 * x", 2.0, "∞ · x", ""),
        ("inf * x", 2.0, "∞ · x", ""),
        ("where(x > 1, x, 0)", 2.0, "x", "x > 1"),
        ("where(x > 2, x, 0)", 2.0, "0", "x = 2"),
        ("where(x >= 3, x, 0)", 2.0, "0", "x < 3"),
        ("where(1 / x > 0, 1, 2)", 0.0, "1", ""),
        ("1 + where(x > 0, 1, 0)", 2.0, "2", "x > 0"),
        ("cosh(x) / log1p(x)", 2.0, "cosh(x) / log1p(x)", ""),
        ("exp(-abs(x)) + sqrt(x)", 2.0, "exp(−|x|) + √(x)", ""),
    ],
)
def test_formulas_of_any_operation_are_written_plainly(monkeypatch, formula, x, written, why):
    monkeypatch.setitem(ops.TABLE, "odd", ops.Op("odd", "x", (formula,), "$x"))
    node = Value(x)
    node.op, node.parents = "odd", (Value(x, "x"),)
    node.local_derivatives = ops.TABLE["odd"].evaluate(x)[1]
    taken = []
    assert narration.line(slope(node, 0, lambda each: symbol(Name("x"), each.data), taken=taken)) == written
    assert [f"{narration.line(left)} {sign} {narration.line(right)}" for left, sign, right in taken[-1:]] == [
        why
    ] * bool(why)


def test_a_nan_settles_no_condition():
    x = Value(math.nan, "x")
    [gain] = [frame for frame in autograd.steps(x.relu()) if frame.edge]
    assert gain.sentence == "∂L/∂x gains ∂L/∂L · 1 = 1 · 1 = 1."


def test_a_frame_can_be_printed_and_read_as_a_formula():
    root = Value(3.0, "x") * Value(2.0, "y")
    start, product, seed, *_ = autograd.steps(root)
    assert start.formula == "" and product.formula == "L = x · y = 3 · 2 = 6" and seed.formula == "∂L/∂L = 1"
    assert str(product) == "   1  L = x · y = 3 · 2 = 6."


@pytest.mark.parametrize("module", [frames, narration])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
