"""The engine in C beside its specification: the same bits, the same refusals, and nothing left behind."""

from __future__ import annotations

import copy
import gc
import math
import os
import random
import struct
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Value, c_methods, graph, native
from autograd.adjoints import adjoints
from autograd.elementary import METHODS
from autograd.ops import TABLE

ROOT = Path(__file__).parents[2]
in_c = pytest.mark.skipif(autograd.engine != "native", reason="the engine in C is not built")


def answer(program: str, **environment: str) -> str:
    """What a Python of its own prints."""
    where = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", program], env=where, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


# ---- which engine ---------------------------------------------------------------------------------------------------


@in_c
def test_the_engine_in_c_runs() -> None:
    assert native.reason == "" and type(Value.tanh).__name__ == "method_descriptor"


def test_the_environment_selects_python() -> None:
    say = "import autograd; from autograd import native; print(autograd.engine, native.reason)"
    assert answer(say, TRACEGRAD_PURE="1") == "python TRACEGRAD_PURE is set"
    if "TRACEGRAD_PURE" not in native.reason:
        assert answer(say, TRACEGRAD_PURE="0") == f"{autograd.engine} {native.reason}".strip()


@in_c
def test_a_build_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "fingerprint", lambda: "of other sources")
    built, reason = native._load()
    assert built is None and "pip install -e ." in reason


@in_c
def test_a_second_interpreter_runs_the_engine_in_python() -> None:
    interpreters = pytest.importorskip("_xxsubinterpreters")
    program = (
        "import autograd, _xxsubinterpreters as many; print(autograd.engine, flush=True); "
        "many.run_string(many.create(), 'import autograd; print(autograd.engine, autograd.native.reason)')"
    )
    assert interpreters
    first, second = answer(program).splitlines()
    assert first == "native" and second.startswith("python the engine in C serves one interpreter")


def test_every_operation_has_a_method_in_c() -> None:
    text = c_methods.header()
    for op in TABLE.values():
        if op.method and not op.takes_list:
            assert f"compute_{op.name}(Node **of)" in text
            assert all(f'{{"{name}"' in text for name in (op.method, *op.aliases) if name not in c_methods.SLOTS)


def test_methods_have_the_same_names_and_docstrings() -> None:
    for name, method in METHODS.items():
        own: Any = vars(Value)[name]
        assert name.startswith("__") or own.__doc__ == method.__doc__ or name in ("rint", "arcsin")


# ---- the same bits --------------------------------------------------------------------------------------------------

EDGE = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 0.7, -0.7, 40.0, -40.0, 41.0, 710.0, -746.0, 1e15, 9007199254740993.0, 5e-324,
    -5e-324, 1e-310, 1e-300, -1e-300, 1e300, -1e300, math.inf, -math.inf, math.nan,
]  # fmt: skip


def bits(x: float) -> bytes:
    return b"nan" if math.isnan(x) else struct.pack("d", x)


@pytest.mark.slow
@pytest.mark.parametrize("name", [op.name for op in TABLE.values() if op.method and not op.takes_list])
def test_values_and_slopes_have_the_bits_of_the_table(name: str) -> None:
    op, rng = TABLE[name], random.Random(name)
    draws = [
        (900, lambda: rng.choice(EDGE)), (1600, lambda: rng.gauss(0, 3)),
        (1600, lambda: math.ldexp(rng.uniform(-1, 1), rng.randint(-60, 60))),
    ]  # fmt: skip
    for count, draw in draws:
        for _ in range(count):
            point = [draw() for _ in op.arguments]
            first, *others = map(Value, point)
            node = getattr(first, op.method)(*others)
            out, slopes = op.evaluate(*point)
            assert bits(node.data) == bits(out), point
            assert [*map(bits, node.local_derivatives)] == [*map(bits, slopes)], point


@pytest.mark.parametrize("name", [op.name for op in TABLE.values() if op.takes_list])
def test_lists_have_the_bits_of_the_table(name: str) -> None:
    op, rng = TABLE[name], random.Random(name)
    for trial in range(400):
        length = rng.choice([1, 2, 3, 7, 40] if trial % 10 else [150])
        edge = rng.random() < 0.6
        lists = [
            [rng.choice(EDGE) if edge and rng.random() < 0.5 else rng.gauss(0, 9) for _ in range(length)]
            for _ in range(1 if op.gives_list else len(op.arguments))
        ]
        plain = [[x if rng.random() < 0.2 else Value(x) for x in xs] for xs in lists]
        plain[0][0] = Value(lists[0][0])
        given = [tuple(xs) if rng.random() < 0.3 else xs for xs in plain]
        made = getattr(autograd, name)(*given)
        for i, node in enumerate(made if op.gives_list else [made]):
            flat = [x for xs in lists for x in xs]
            order = [i, *range(i), *range(i + 1, length)] if op.gives_list else range(len(flat))
            out, slopes = op.evaluate(*[flat[k] for k in order])
            assert node.op == name and bits(node.data) == bits(out), lists
            assert [*map(bits, node.local_derivatives)] == [*map(bits, slopes)], lists
            entries = [x for xs in given for x in xs]
            for k, parent in zip(order, node.parents):
                assert parent is entries[k] or (parent.op == "constant" and bits(parent.data) == bits(flat[k]))


@in_c
def test_a_function_of_lists_leaves_to_python_what_is_no_list_of_values() -> None:
    x = Value(2.0)
    ask = autograd.native.of_lists()["dot_in_c"]
    for others in [[], [x, x], ["1"], iter([x]), x, [True], {1: x}]:
        assert ask([x], others) is None and ask(others, [x]) is None
    assert ask([x]) is ask([1.0], [2.0]) is None
    assert autograd.dot([x, 1], iter([x, 3])).data == 7.0


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_in_both_engines(seed: int) -> None:
    """The reverse pass by the specification, from what the nodes of this engine recorded."""
    rng = random.Random(seed)
    unary = [op.method for op in TABLE.values() if len(op.arguments) == 1 and op.method and not op.takes_list]
    nodes = [Value(rng.uniform(-2, 2)) for _ in range(4)]
    leaves = nodes[:]
    for _ in range(300):
        a, b = rng.choice(nodes), rng.choice(nodes[-9:])
        made = [a + b, a * b, a - b, a / b, a**2, 3 - b, a.where(a, b), a.clip(-1.0, b)]
        nodes.append(rng.choice([*made, getattr(b, rng.choice(unary))()]))
    root = sum(nodes, autograd.mean(nodes))
    by_hand: dict[Value, float] = dict.fromkeys(graph.topological(root), 0.0)
    by_hand[root] = 1.0
    for node in reversed(graph.topological(root)):
        for parent, slope in zip(node.parents, node.local_derivatives):
            if by_hand[node] and slope:
                by_hand[parent] += by_hand[node] * slope
    found = adjoints(root, 1.0, [*by_hand, leaves[0], Value(1.0)])
    assert [bits(x + 0.0) for x in found] == [bits(x) for x in [*by_hand.values(), by_hand.get(leaves[0], 0.0), 0.0]]
    root.backward()
    for node, adjoint in by_hand.items():
        assert bits(node.grad) == bits(adjoint)
    for leaf in leaves:
        leaf.grad = 0.0
    root.backward(free_graph=True)
    assert [bits(leaf.grad) for leaf in leaves] == [bits(by_hand.get(leaf, 0.0)) for leaf in leaves]
    assert root.parents == ()


@pytest.mark.parametrize("engines", [("0", "1"), ("1", "0")])
def test_pickles_pass_from_engine_to_engine(engines: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "graph.pickle"
    make = (
        "import autograd, pickle; x = autograd.Value(0.5, 'x'); y = autograd.softmax([x, x * 2, x.tanh(), 3.0])[1]; "
        f"y.backward(); pickle.dump(y, open({str(file)!r}, 'wb')); "
    )
    read = f"import autograd, pickle; y = pickle.load(open({str(file)!r}, 'rb')); "
    show = "print([(n.op, n.label, n.data, n.grad, n.local_derivatives) for n in autograd.graph.topological(y)])"
    written = answer(f"{make}{show}", TRACEGRAD_PURE=engines[0])
    assert answer(f"{read}{show}", TRACEGRAD_PURE=engines[1]) == written


# ---- what is assigned -----------------------------------------------------------------------------------------------


@in_c
def test_every_setter_refuses_what_has_no_place_there() -> None:
    x = Value(2.0, "x")
    y = x * 3.0
    state = (y.data, y.grad, y.op, y.label, y.source, y.parents, y.local_derivatives)
    everything: list[Any] = [None, "1", 1j, [1.0], object(), (1.0, 2.0), (x, 1.0), ("file", "line"), 10**400, b"", True]
    taken = {
        "data": [], "grad": [], "op": ["1"], "source": [None], "parents": [], "local_derivatives": [],
    }  # fmt: skip
    sequences = {"parents": [(x,)], "local_derivatives": [[1.0], (1.0, 2.0), b""]}
    for name, fine in taken.items():
        for wrong in everything:
            if wrong in fine or wrong in sequences.get(name, []) or (name == "parents" and wrong == b""):
                continue
            with pytest.raises((TypeError, OverflowError)):
                setattr(y, name, wrong)
        with pytest.raises(AttributeError, match=f"keeps its .{name}"):
            delattr(y, name)
    with pytest.raises(AttributeError, match=r"keeps its \.label"):
        del y.label
    for name in ("_first", "_second", "_first_slope", "_second_slope", "_others"):
        with pytest.raises(AttributeError):
            setattr(y, name, None)
    assert state == (y.data, y.grad, y.op, y.label, y.source, y.parents, y.local_derivatives)


def test_operands_and_slopes_are_exchanged_one_after_the_other() -> None:
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    y = a * b
    y.parents = (a, b, c)
    assert y.parents == (a, b, c) and y.local_derivatives == (2.0, 1.0)
    y.local_derivatives = (1.0, 2.0, 3.0, 4.0)
    y.parents = (c,)
    assert y.parents == (c,) and y.local_derivatives == (1.0, 2.0, 3.0, 4.0)
    y.parents, y.local_derivatives = (), ()
    assert y.parents == () and y._others is None and copy.copy(y).parents == ()


@pytest.mark.parametrize("call", [
    lambda x: x.leaky_relu(slop=1.0), lambda x: x.leaky_relu(1.0, 2.0), lambda x: x.leaky_relu(1.0, slope=2.0),
    lambda x: x.where(1.0), lambda x: x.tanh(1.0), lambda x: x.clip(0.0, hi=1.0, low=2.0), lambda x: pow(x, 2.0, 3.0),
    lambda x: x.maximum("1"), lambda x: x + "1", lambda x: x + object(), lambda x: object() - x, lambda x: Value(),
    lambda x: Value("1"), lambda x: Value(1.0, "x", 2), lambda x: x + 10**400,
])  # fmt: skip
def test_wrong_arguments_are_refused(call: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        call(Value(2.0))


def test_a_node_without_init_is_refused_and_not_a_crash() -> None:
    empty = object.__new__(Value)
    with pytest.raises(AttributeError):
        empty.label
    empty.label = "x"
    assert empty.label == "x"


# ---- memory ---------------------------------------------------------------------------------------------------------


class Noted(Value):
    """With a dict: what hangs there can lead back to it."""


class Bare(Value):
    """Without."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("kind", [Noted, Bare])
def test_subclasses_are_collected_and_take_part(kind: Any) -> None:
    x = kind(2.0)
    y = x * 3.0 + x
    y.backward()
    assert (x.grad, type(y)) == (4.0, Value)
    reference = weakref.ref(x)
    if kind is Noted:
        x.history = [y, x * 2.0, autograd.mean([x, y, y])]
    del x, y
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("by_hand", [
    lambda x, y: setattr(x, "parents", (y,)),
    lambda x, y: setattr(x, "parents", (x, Value(1.0), y * 2.0)),
    lambda x, y: setattr((y * 3.0).parents[0].parents[0], "parents", (autograd.mean([y, x, 1.0]),)),
])  # fmt: skip
def test_a_cycle_made_by_hand_is_collected(by_hand: Any) -> None:
    last = Noted(1.0)
    x = Value(2.0, "x")
    y = (x * last.data).tanh() + autograd.softmax([x, 1.0])[1]  # made before anything is tracked
    assert autograd.engine != "native" or not gc.is_tracked(y)
    by_hand(x, y)
    x.parents = (*x.parents, last)
    reference = weakref.ref(last)
    del last, x, y
    gc.collect()
    assert reference() is None


class Text(str):
    """Text with a dict, in which a node can hang."""


def test_a_label_is_text_and_nothing_else() -> None:
    for label in (17, None, 0, Text("x")):
        x = Value(1.0, label)  # type: ignore[arg-type]
        assert type(x.label) is str and x.label == ("" if label is None else str(label))


@in_c
def test_what_hangs_at_a_label_or_a_source_is_not_kept() -> None:
    x = Value(1.0)
    name, file = Text("x"), Text("file")
    name.node = file.node = x * 2.0  # type: ignore[attr-defined]
    x.label, x.source = name, (file, 1)
    assert type(x.label) is str and x.source == ("file", 1) and type(x.source[0]) is str
    x.label = [x]  # type: ignore[assignment]
    assert x.label == "[Value(data=1.0, grad=0.0, label='x')]"


def test_a_million_nodes_go_without_recursion_or_trace() -> None:
    def work(length: int) -> None:
        node = x = Value(0.5, "x")
        for _ in range(length):
            node = node * x
        node.backward()

    work(10_000)
    gc.collect()
    before = sys.getallocatedblocks()
    work(200_000)
    assert abs(sys.getallocatedblocks() - before) < 5_000


def test_nothing_is_left_of_any_operation() -> None:
    a, b, c = Value(0.3, "a"), Value(0.7), Value(1.1)

    def work() -> None:
        for op in TABLE.values():
            if op.method and not op.takes_list:
                given = [a, b, c][: len(op.arguments)]
                y = getattr(given[0], op.method)(*given[1:])
                y.backward()
                y.parents, y.local_derivatives, y.label = y.parents, y.local_derivatives, "".join(("q", op.name))
        with autograd.no_grad():
            a * b
        with pytest.raises(TypeError):
            a + "x"  # type: ignore[operator]
        a.grad = b.grad = c.grad = 0.0
        with autograd.detect_anomaly():
            (2 * a + autograd.softmax([a, b, c])[0]).backward(free_graph=True)

    def held() -> list[int]:
        gc.collect()
        return [sys.getrefcount(thing) for thing in (a, b, c, "constant", "mul", "", None, Value)]

    for _ in range(5):
        work()
    before, blocks = held(), sys.getallocatedblocks()
    for _ in range(200):
        work()
    assert max(abs(x - y) for x, y in zip(held(), before)) < 150
    assert abs(sys.getallocatedblocks() - blocks) < 1_000


NO_MEMORY = """
import _testcapi, autograd
from autograd import Value
x, y = Value(0.5), Value(2.0)
z = x * y
for _ in range(50):
    z = z * x + y
kept = [x * y for _ in range(5000)]  # the memory that is kept for next nodes is empty
works = [lambda: x * y, lambda: x + 1, lambda: x.tanh(), lambda: x.clip(0.0, 1.0), lambda: autograd.mean([x, y, 3.0]),
         lambda: autograd.dot([x, 2.0], [y, x]), lambda: autograd.softmax([x, y, 1.0]),
         lambda: autograd.graph.topological(z), lambda: z.backward(), lambda: autograd.grad(z, [x, y]),
         lambda: z.parents, lambda: z.local_derivatives,
         lambda: Value(3.0, "q"), lambda: x.hypot(y), lambda: setattr(z, "parents", (x, y, x, y))]
failed = 0
for work in works:
    for after in range(40):
        held = None
        try:
            _testcapi.set_nomemory(after, after + 1)
            held = work()
        except MemoryError:
            failed += 1
        finally:
            _testcapi.remove_mem_hooks()
assert failed > 30, failed
(x * y + 1).backward()
print("fine")
"""


@in_c
def test_an_allocation_that_fails_is_a_memory_error() -> None:
    pytest.importorskip("_testcapi")
    assert answer(NO_MEMORY) == "fine"


def test_threads_share_leaves() -> None:
    shared = [Value(0.1 * i) for i in range(20)]
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(5):
            node = Value(1.0)
            for i in range(1_000):
                node = node + shared[i % 20] * 0.5
            order = graph.topological(node)
            place = {n: i for i, n in enumerate(order)}
            if len(place) != len(order) or any(place[p] >= place[n] for n in order for p in n.parents):
                wrong.append("order")
            node.backward()
            if node.parents[0].grad != 1.0:
                wrong.append("gradient")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
