"""The ledger: every gradient is the sum over its chain-rule paths, counted, grouped and told in words."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator

import pytest
from explaining import evaluate, graphs, moons_loss, network
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, grad, ledger
from autograd.explain import Entry, TrainingLedger, contribution
from autograd.notation.naming import names_of


def every_path(root: Value, leaf: Value) -> Iterator[tuple[tuple[Value, ...], float]]:
    """All paths from the leaf to the root with their products, by enumeration."""
    stack: list[tuple[Value, tuple[Value, ...], float]] = [(root, (root,), 1.0)]
    while stack:
        node, nodes, product = stack.pop()
        if node is leaf:
            yield nodes[::-1], product
        for parent, slope in zip(node.parents, node.local_derivatives):
            carried = product * slope if product and slope else 0.0
            stack.append((parent, (*nodes, parent), carried))


def gradient(root: Value, leaf: Value) -> float:
    return autograd.grad(root, [leaf])[0]


@given(graphs(most=12), st.integers(0, 6))
@settings(max_examples=60)
def test_the_ledger_agrees_with_enumeration(graph: tuple[Value, list[Value]], k: int) -> None:
    root, leaves = graph
    for leaf in leaves:
        if leaf not in set(autograd.graph.leaves(root)):
            continue
        paths = list(every_path(root, leaf))
        entries = autograd.ledger(root, leaf, k)
        scale = math.fsum(abs(product) for _, product in paths)
        assert entries.total == pytest.approx(gradient(root, leaf), rel=1e-12, abs=1e-15)
        assert entries.count == len(paths)
        assert entries.live == sum(product != 0 for _, product in paths)
        assert entries.absolute == pytest.approx(scale, rel=1e-12)
        best = sorted((abs(product) for _, product in paths), reverse=True)[:k]
        assert [abs(path.product) for path in entries.paths] == pytest.approx(best, rel=1e-12)
        known = {}
        for nodes, product in paths:
            known.setdefault(nodes, []).append(product)
        for path in entries.paths:
            assert any(math.isclose(path.product, product, rel_tol=1e-12) for product in known[path.nodes])
            assert math.isclose(math.prod(path.derivatives), path.product, rel_tol=1e-12, abs_tol=1e-300)
        listed = math.fsum(path.product for path in entries.paths)
        assert listed + entries.remainder == pytest.approx(entries.total, abs=1e-12 * max(scale, 1.0))


@given(graphs())
@settings(max_examples=60)
def test_groups_sum_to_the_total(graph: tuple[Value, list[Value]]) -> None:
    root, _ = graph
    for leaf in autograd.graph.leaves(root):
        entries = autograd.ledger(root, leaf)
        for kind in ("sample", "neuron", "layer", "line", lambda node: node.op if node.op in ("mul", "tanh") else None):
            groups = entries.by(kind)
            assert sum(entry.paths for entry in groups) == entries.count
            total = math.fsum(entry.total for entry in groups)
            assert total == pytest.approx(entries.total, abs=1e-11 * max(entries.absolute, 1.0))


def test_a_group_is_the_sum_of_its_paths() -> None:
    net = network([2, 3, 2, 1])
    loss = sum((evaluate(net, x)[0] - 1.0) ** 2 for x in ([0.5, -1.0], [1.5, 0.25])) / 2
    weight = net[0][1][0][0]
    entries = autograd.ledger(loss, weight, k=1000)
    through: dict[str, float] = {}
    for path in entries.paths:
        name = next(n.number for node in path.nodes if (n := entries.structure.of.get(node)) and n.layer == 2)
        through[f"neuron a²{'₁₂'[name - 1]}"] = through.get(f"neuron a²{'₁₂'[name - 1]}", 0.0) + path.product
    assert {entry.name: entry.total for entry in entries.by("neuron")} == pytest.approx(through)
    samples = entries.by("sample")
    parts = [gradient((evaluate(net, x)[0] - 1.0) ** 2 / 2, weight) for x in ([0.5, -1.0], [1.5, 0.25])]
    assert [samples["sample 1"], samples["sample 2"]] == pytest.approx(parts)
    with pytest.raises(KeyError, match=r"sample 1, sample 2|sample 2, sample 1"):
        samples["sample 3"]


def test_entries_of_a_vector_are_one_sample() -> None:
    model = nn.MLP(2, [3, 3], activation="tanh", seed=1)
    weight = model.layers[0].neurons[0].weights[0]
    rows = [[0.5, -1.0], [1.0, 2.0], [-0.3, 0.7]]
    loss = nn.mse_loss([model(x) for x in rows], [[1.0, 0.0, 0.0]] * 3)
    groups = autograd.ledger(loss, weight).by("sample")
    assert {entry.name for entry in groups} == {"sample 1", "sample 2", "sample 3"}
    alone = [gradient(nn.mse_loss(model(x), [1.0, 0.0, 0.0]), weight) / 3 for x in rows]
    assert [groups[f"sample {i}"] for i in (1, 2, 3)] == pytest.approx(alone)
    one = autograd.ledger(nn.mse_loss(model(rows[0]), [1.0, 0.0, 0.0]), weight).by("sample")
    assert [entry.name for entry in one] == ["sample 1"]


def test_weight_decay_is_no_sample() -> None:
    _, loss = moons_loss(5)
    [weight] = [leaf for leaf in autograd.graph.leaves(loss) if leaf.label == "layers.1.neurons.2.weights.3"]
    entries = autograd.ledger(loss, weight)
    groups = entries.by("sample")
    assert {entry.name for entry in groups} == {*(f"sample {i}" for i in range(1, 6)), "term 2"}
    assert groups["term 2"] == pytest.approx(2e-4 * weight.data)
    layers = entries.by("layer")
    assert layers["outside the layers"] == pytest.approx(2e-4 * weight.data)
    assert {entry.name for entry in layers} == {"layer 2", "outside the layers"}


def test_terms_are_called_by_their_labels() -> None:
    w = Value(2.0, "w")
    first, second = (w - 1.0) ** 2, (w - 5.0) ** 2
    first.label, second.label = "the north", "the south"
    groups = autograd.ledger(autograd.mean([first, second]), w).by("sample")
    assert {entry.name: entry.total for entry in groups} == {"the north": 1.0, "the south": -3.0}


def test_a_loss_that_is_no_sum_is_split_by_evaluations() -> None:
    net = network([1, 1])
    root = (evaluate(net, [1.0])[0] * evaluate(net, [2.0])[0]).tanh()
    groups = autograd.ledger(root, net[0][0][0][0]).by("sample")
    assert {entry.name for entry in groups} == {"sample 1", "sample 2"}


def test_lines() -> None:
    w = Value(3.0, "w")
    with autograd.record_source():
        data = (w - 1.0) ** 2
        decay = w * w
        loss = data + decay * 0.5
    groups = autograd.ledger(loss, w).by("line")
    assert sorted(entry.total for entry in groups) == [3.0, 4.0]
    assert all("test_ledger.py:" in entry.name for entry in groups)
    assert any("data = (w - 1.0) ** 2" in entry.name for entry in groups)
    assert "record_source" in autograd.ledger(w * w, w).by("line")[0].name


def test_an_unlabeled_graph_is_split_by_its_functions() -> None:
    x = Value(0.5)
    groups = autograd.ledger(x.sin() * x.exp() + x, x).by("neuron")
    assert {entry.name for entry in groups} == {"v₂ (sin)", "v₃ (exp)", "directly"}
    assert autograd.ledger(x * x, x).by("neuron")["directly"] == 1.0


@pytest.mark.slow
def test_exponentially_many_paths_are_counted_not_listed() -> None:
    x = Value(1.0, "x")
    y = x
    for _ in range(2000):
        y = y + y
    entries = autograd.ledger(y * 0.0, x, 3)
    assert entries.count == 2**2000
    assert entries.total == 0.0
    deep = x
    for _ in range(200_000):
        deep = deep * 1.0
    assert autograd.ledger(deep, x, 1).paths[0].product == 1.0


def test_totals_of_a_batch() -> None:
    net, loss = moons_loss(100)
    weight = net[0][3][0][1]
    entries = autograd.ledger(loss, weight)
    groups = [entries.by(kind) for kind in ("sample", "neuron", "layer")]
    assert autograd.graph.counts(loss).nodes > 65_000
    assert entries.count == 100 * 16 + 2
    loss.backward()
    assert entries.total == pytest.approx(weight.grad, rel=1e-12)
    assert all(math.fsum(e.total for e in g) == pytest.approx(weight.grad, rel=1e-9) for g in groups)


def calls(act: Callable[[], object]) -> int:
    """How many functions are called: a measure of the work that does not depend on the machine."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def test_the_work_grows_as_the_graph_does() -> None:
    work = []
    for samples in (5, 10, 20):
        net, loss = moons_loss(samples)

        def explained(loss: Value = loss, weight: Value = net[0][3][0][1]) -> None:
            entries = autograd.ledger(loss, weight)
            for kind in ("sample", "neuron", "layer"):
                entries.by(kind)

        work.append(calls(explained))
    assert work[1] < 2.2 * work[0] and work[2] < 2.2 * work[1]


def test_zero_nan_and_infinity() -> None:
    x = Value(0.0, "x")
    blocked = autograd.where(Value(1.0), x * 2.0, x.sqrt())  # a vertical slope in the branch that was not chosen
    entries = autograd.ledger(blocked, x)
    assert (entries.total, entries.count, entries.live, entries.cancellation) == (2.0, 2, 1, 1.0)
    steep = autograd.ledger(x.sqrt() + x, x)
    assert steep.total == math.inf and steep.paths[0].product == math.inf
    assert "detect_anomaly" in str(steep)
    nan = autograd.ledger(Value(math.nan, "n") * x + x * 2.0, x)
    assert math.isnan(nan.total) and math.isnan(nan.paths[0].product) and nan.paths[1].product == 2.0
    assert "nan" in str(nan) and nan._repr_html_()
    cancelling = autograd.ledger(x * 3.0 - x * 3.0, x)
    assert cancelling.total == 0.0 and cancelling.cancellation == math.inf
    dead = autograd.ledger((x - 1.0).relu(), x)
    assert (dead.total, dead.live, dead.cancellation) == (0.0, 0, 1.0) and "exactly 0" in str(dead)


def test_one_node_and_numbers() -> None:
    x = Value(3.0, "x")
    alone = autograd.ledger(x, x)
    assert (alone.total, alone.count, alone.remainder) == (1.0, 1, 0.0)
    assert [len(path.nodes) for path in alone.paths] == [1]
    assert "∂x/∂x" in str(alone) and alone.by("sample")[0] == Entry("sample 1", 1.0, 1)
    with pytest.raises(TypeError, match="plain number"):
        autograd.ledger(3.0, x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not float"):
        autograd.ledger(x, 3.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"w .*is not in the graph of the root.*leaves are x"):
        autograd.ledger(x * 2.0, Value(1.0, "w"))
    with pytest.raises(ValueError, match="integer of at least 0"):
        autograd.ledger(x, x, k=-1)
    with pytest.raises(ValueError, match="'sample', 'neuron', 'layer', 'line'"):
        alone.by("colour")


def test_freed_graphs_are_refused() -> None:
    x = Value(2.0, "x")
    y = (x * 3.0).tanh()
    entries = autograd.ledger(y, x)
    y.backward(free_graph=True)
    assert "∂L/∂x" in str(entries)
    for ask in (
        lambda: entries.by("sample"),
        lambda: autograd.ledger(y, x),
        lambda: autograd.derivation(y, x),
        lambda: autograd.diagnose(y, x, 1.0),
        lambda: autograd.formula(y),
        lambda: contribution(y, x),
        lambda: TrainingLedger(x, lr=0.1).step(y),
    ):
        with pytest.raises(RuntimeError, match="freed"):
            ask()


def test_table() -> None:
    x = Value(3.0, "x")
    y = x * x + x.sin()
    y.label = "y"
    assert str(autograd.ledger(y, x, 2)) == (
        "∂y/∂x = 5.01001: 3 paths; cancellation Σ|path| / |Σ path| = 1.395\n"
        "   product    share  path\n"
        "───────────────────────────────────\n"
        "1  +3.0000   59.9 %  x → v₁ (×) → y\n"
        "2  +3.0000   59.9 %  x → v₁ (×) → y\n"
        "   −0.9900  −19.8 %  the other path\n"
        "───────────────────────────────────\n"
        "   +5.0100           = ∂y/∂x"
    )


def test_html_is_escaped() -> None:
    x = Value(2.0, "<script>alert(1)</script>")
    for page in (autograd.ledger(x * x, x), autograd.ledger(x * x, x).by("sample"), contribution(x * x, x)):
        html = page._repr_html_()
        assert "<script>" not in html and "&lt;script&gt;" in html


def test_paths_can_be_drawn() -> None:
    x = Value(2.0, "x")
    y = x * x + x
    assert autograd.draw(y, highlight=autograd.ledger(y, x, 1).paths).source != autograd.draw(y).source


def test_contributions() -> None:
    net = network([2, 3, 1])
    loss = sum((evaluate(net, x)[0] - 1.0) ** 2 for x in ([0.5, -1.0], [1.5, 0.25])) / 2
    weights = net[0][1][0] + [net[0][1][1]]

    class Neuron:
        def parameters(self) -> list[Value]:
            return weights

    named, found = contribution(loss, "layers.0.neurons.1"), contribution(loss, Neuron())
    assert named == found and named.evaluations == 2 and named.name == "a¹₂"
    # the adjoints of the activations, by hand
    a, slopes = [], []
    for x in ([0.5, -1.0], [1.5, 0.25]):
        hidden = [math.tanh(sum(w.data * e for w, e in zip(ws, x)) + b.data) for ws, b in net[0]]
        output = sum(w.data * h for w, h in zip(net[1][0][0], hidden)) + net[1][0][1].data
        a.append(hidden[1])
        slopes.append((output - 1.0) * net[1][0][0][1].data)
    assert named.adjoint == pytest.approx(sum(slopes))
    assert named.first_order == pytest.approx(sum(x * s for x, s in zip(a, slopes)))
    cut = net[1][0][0][1]
    before, cut.data = cut.data, 0.0
    assert named.without == pytest.approx(autograd.graph.forward(loss))
    cut.data = before
    autograd.graph.forward(loss)
    linear = contribution(2.0 * net[0][0][0][0] + 1.0, net[0][0][0][0])
    assert linear.exact == pytest.approx(linear.first_order)
    assert "would" in str(named) and "sum over 2 samples" in str(named)
    several = contribution(loss, [net[0][0][0][0], net[0][0][0][1]])
    assert several.evaluations == 2
    for wrong in ("layers.7.neurons.0", "layers"):
        with pytest.raises(ValueError, match="not one neuron of this graph"):
            contribution(loss, wrong)
    for wrong_type in (3.0, [1.0]):
        with pytest.raises(TypeError, match="node"):
            contribution(loss, wrong_type)
    with pytest.raises(TypeError, match="float"):
        contribution(2.0, weights[0])  # type: ignore[arg-type]


def test_a_neuron_of_nn() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = nn.mse_loss([model([0.5, -1.0]), model([1.5, 0.25])], [1.0, 0.0])
    weight = model.layers[0].neurons[1].weights[0]
    entries = autograd.ledger(loss, weight)
    assert {entry.name for entry in entries.by("sample")} == {"sample 1", "sample 2"}
    assert contribution(loss, model.layers[0].neurons[1]) == contribution(loss, "layers.0.neurons.1")


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.5, 0.01)])
def test_training_ledger(momentum: float, decay: float) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    optimizer = nn.SGD(model.parameters(), lr=lambda step: 0.1 / (step + 1), momentum=momentum, weight_decay=decay)
    record = TrainingLedger.of(optimizer)
    for step in range(4):
        predictions = [model(x) for x in ([0.5, -1.0], [1.5, 0.25], [-1.0, float(step)])]
        loss = nn.mse_loss(predictions, [1.0, 0.0, 0.5])
        model.zero_grad()
        loss.backward()
        record.step(loss, names=["a", "b", "c"] if step == 3 else None)
        optimizer.step()
    for weight in model.parameters():
        moves = record.moves(weight)
        assert len(moves) == 4 * (3 + bool(decay))
        assert math.fsum(move.amount for move in moves) == pytest.approx(record.change(weight), abs=1e-14)
        assert abs(record.residual(weight)) < 1e-14
        for kind in ("sample", "step"):
            assert math.fsum(entry.total for entry in record.by(kind, weight)) == pytest.approx(record.change(weight))
    assert {move.sample for move in record.moves(weight) if move.step == 3} >= {"a", "b", "c"}
    assert "4 steps" in str(record) and "4 steps" in repr(record)


@pytest.mark.parametrize("engine", ["eager", "auto"])
def test_training_ledger_as_a_callback(engine: str) -> None:
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0)
    data, targets = [[0.5, -1.0], [1.5, 0.25], [-1.0, 1.0]], [1.0, 0.0, 0.5]
    optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=0.01)
    record = TrainingLedger.of(optimizer)
    follow = record.callback(lambda: nn.mse_loss([model(x) for x in data], targets))
    nn.fit(
        model, nn.mse_loss, data, targets, optimizer, epochs=3, batch_size=3, seed=0, engine=engine, callbacks=[follow]
    )
    for weight in model.parameters():
        assert len(record.moves(weight)) == 3 * 4 and record.change(weight) != 0.0
        assert abs(record.residual(weight)) < 1e-12


def test_training_ledger_by_samples_is_that_of_their_mean() -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    one, other = (TrainingLedger.of(nn.SGD(model.parameters(), lr=0.1, weight_decay=0.01)) for _ in range(2))
    names = ["a", "b", "a"]
    losses = [nn.mse_loss(model(x), 0.5) for x in ([0.5, -1.0], [1.5, 0.25], [-1.0, 2.0])]
    one.step((losses[0] + losses[1] + losses[2]) / 3.0, names=["a", "b", "c"])
    other.step_by_samples([*zip(names, losses)])
    for weight in model.parameters():
        parts = {move.sample: move.amount for move in one.moves(weight)}
        parts["a"] += parts.pop("c")  # a sample that was drawn twice
        assert {move.sample: move.amount for move in other.moves(weight)} == pytest.approx(parts, rel=1e-14)
    with pytest.raises(ValueError, match="losses of its samples, and there are none"):
        other.step_by_samples([])
    with pytest.raises(TypeError, match="a Value with its graph, not float"):
        other.step_by_samples([("a", 1.0)])


def test_training_ledger_says_what_it_cannot_split() -> None:
    w = Value(1.0, "w")
    with pytest.raises(TypeError, match="Adam do not split"):
        TrainingLedger.of(nn.Adam([w]))
    record = TrainingLedger(w, lr=0.1)
    record.step((w - 3.0) ** 2)
    w.data += 5.0  # some other rule
    assert record.residual() == pytest.approx(5.0 - 0.4)
    with pytest.raises(ValueError, match="'sample' or 'step'"):
        record.by("layer")
    with pytest.raises(ValueError, match="name one"):
        record.moves(Value(1.0))
    with pytest.raises(TypeError, match="not float"):
        record.step(2.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not float"):
        TrainingLedger([1.0], lr=0.1)  # type: ignore[list-item]


def test_paths_without_neurons_are_grouped_by_labels_else_by_functions() -> None:
    w, x, y = Value(2.0, "w"), Value(0.5, "x"), Value(-2.0, "y")
    a, b = (w * x).tanh(), (w * y).exp()
    functions = ledger(a * b, w).by("neuron")
    assert {entry.name for entry in functions} == {"v₂ (tanh)", "v₄ (exp)"} and len(functions) == 2
    a.label, b.label = "a", "b"
    root = a * b + 0.5 * w
    labelled = ledger(root, w).by("neuron")
    slope_of_a, slope_of_b = (1 - a.data**2) * 0.5 * b.data, b.data * -2.0 * a.data
    assert {e.name: (pytest.approx(e.total), e.paths) for e in labelled} == {
        "a": (slope_of_a, 1), "b": (slope_of_b, 1), "directly": (0.5, 1),
    }  # fmt: skip
    assert len(labelled) == 3 and labelled["b"] == pytest.approx(slope_of_b)


def test_a_ledger_knows_what_its_node_contributes() -> None:
    w, x = Value(2.0, "w"), Value(0.5, "x")
    root = w * x + 3.0
    found = ledger(root, w).contribution
    assert str(found) == str(contribution(root, w)) and "from 4 to 3" in str(found)
    with pytest.raises(ValueError, match=r"other \(value 3.0\) is not in the graph of the root"):
        contribution(root, Value(3.0, "other"))


def test_labels_with_letters_for_indices_name_no_neuron() -> None:
    w, x, b = Value(2.0, "w_ij"), Value(0.5, "x"), Value(1.0, "b_i")
    assert names_of(w * x + b).structure.neurons == []
    w.label, b.label = "w_{1,2}", "b_1"
    assert len(names_of(w * x + b).structure.neurons) == 1


def test_terms_that_no_weight_enters_move_nothing() -> None:
    w, x, free = Value(2.0, "w"), Value(3.0, "x"), Value(1.5, "free")
    loss = (w * x - 1.0) ** 2 + free.exp() + w * 0.25
    record = TrainingLedger([w], lr=0.1)
    record.step(loss)
    w.data -= 0.1 * grad(loss, [w])[0]
    assert [move.sample for move in record.moves()] == ["sample 1", "sample 3"]
    assert [move.amount for move in record.moves()] == pytest.approx([-0.1 * 2 * 5 * 3, -0.025])
    assert record.residual() == pytest.approx(0, abs=1e-15)
