"""Size, threads, processes, signals, memory: what the library bears, and what it says where it cannot."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import autograd
import nn
from autograd import Value, graph
from nn import compiled

ROOT = Path(__file__).parents[2]


def chain(length, start):
    """x ← 0.999 x + 1, again and again: ``2 * length`` operations."""
    x = start
    for _ in range(length):
        x = x * 0.999 + 1.0
    return x


def slope(length):
    result = 1.0
    for _ in range(length):
        result *= 0.999
    return result


# ---- size -------------------------------------------------------------------------------------------------------

BYTES_PER_NODE = 256
"""What `docs/reliability.md` states for a graph and its reverse pass; measured there with 10,000,000 nodes."""

MEASURE = """
import sys
from autograd import Value
def peak():  # of this process; what getrusage says can be the parent's
    with open("/proc/self/status") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
before = peak()
x = y = Value(1.0, "x")
for _ in range(int(sys.argv[1]) // 2):
    y = y * 0.999 + 1.0
built = peak()
y.backward()
print(built - before, peak() - before, x.grad)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read as Linux reports it")
def test_a_graph_fits_into_the_memory_that_is_stated():
    nodes = 200_000
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(nodes)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    built, whole, gradient = map(float, done.stdout.split())
    assert built < whole < BYTES_PER_NODE * 2 * nodes  # each operation has a constant beside it
    assert gradient == pytest.approx(slope(nodes // 2), rel=1e-9)


@pytest.mark.skipif(autograd.engine == "native", reason="C: see tests/core/test_native.py")
def test_a_graph_is_freed_by_its_last_name_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        root = chain(50_000, Value(1.0))
        before = len(gc.get_objects())
        del root
        assert before - len(gc.get_objects()) > 90_000
    finally:
        gc.enable()


# ---- threads ----------------------------------------------------------------------------------------------------


def test_a_thousand_threads_build_graphs_of_their_own():
    start, results = threading.Barrier(1001), [0.0] * 1000

    def work(number):
        start.wait()
        x = Value(float(number))
        with autograd.no_grad() if number % 3 == 0 else autograd.record_source():
            y = chain(20, x)
            if number % 3:
                y.backward()
        results[number] = (len(y.parents), x.grad)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1000)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        pytest.skip("this machine starts fewer than 1,000 threads")
    start.wait()
    for thread in threads:
        thread.join()
    expected = slope(20)
    for number, (parents, gradient) in enumerate(results):
        assert (parents, gradient) == ((0, 0.0) if number % 3 == 0 else (2, pytest.approx(expected, rel=1e-14)))


def test_one_graph_is_read_by_many_threads():
    """What only reads a graph may run in any number of threads: the answers are those of one."""
    w = [Value(0.1 * i, f"w{i}") for i in range(6)]
    root = autograd.dot(w, w[::-1]).tanh() * autograd.log_sum_exp(w)
    single = (autograd.grad(root, w), str(autograd.ledger(root, w[1])), autograd.draw(root, engine="builtin").svg())
    with ThreadPoolExecutor(16) as pool:
        jobs = [
            (
                pool.submit(autograd.grad, root, w),
                pool.submit(lambda: str(autograd.ledger(root, w[1]))),
                pool.submit(lambda: autograd.draw(root, engine="builtin").svg()),
            )
            for _ in range(20)
        ]
        assert all(tuple(job.result() for job in three) == single for three in jobs)


def test_a_graph_built_in_one_thread_is_finished_in_another():
    x = Value(2.0)
    with ThreadPoolExecutor(1) as pool:
        y = pool.submit(chain, 100, x).result()
    (y * y).backward()
    assert x.grad == pytest.approx(2 * y.data * slope(100), rel=1e-12)


def test_shared_parameters_take_gradients_from_one_thread_at_a_time():
    """Leaf gradients accumulate by read and write; under a lock no contribution is lost."""
    w, lock = Value(1.0), threading.Lock()

    def work(_):
        loss = w * 3.0
        with lock:
            loss.backward()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(400)))
    assert w.grad == 1200.0


def test_programs_are_run_by_threads_of_their_own():
    def work(seed):
        model = nn.MLP(2, [4, 1], seed=seed)
        data = nn.datasets.moons(40, noise=0.1, seed=seed)
        history = nn.fit(
            model, nn.binary_cross_entropy, data.X, data.y, nn.SGD(model.parameters(), 0.1), 5, 10, progress=False
        )
        return history.loss

    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == alone


# ---- processes --------------------------------------------------------------------------------------------------


def gradient_in_a_process(y):
    """The gradient of a graph that came through a pipe."""
    y.backward()
    return [leaf.grad for leaf in graph.leaves(y)]


def compiled_in_a_process(x):
    """The slope of a program that is compiled there."""
    w = Value(2.0, "w")
    program = autograd.compile(lambda x: (w * x).tanh(), inputs=[()], parameters=[w])
    return program.value_and_grad([x])[1].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_values_and_programs_in_other_processes(method):
    context = multiprocessing.get_context(method)
    y = (Value(2.0, "a") * Value(3.0, "b")).tanh() + chain(2_000, Value(1.0, "c"))
    expected = autograd.grad(y, graph.leaves(y))
    with context.Pool(2) as pool:
        results = pool.map(gradient_in_a_process, [y] * 4)
        compiled = pool.map(compiled_in_a_process, [0.1, 0.2, 0.3])
    assert results == [expected] * 4
    assert compiled == [compiled_in_a_process(x) for x in (0.1, 0.2, 0.3)]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
def test_a_program_goes_on_in_a_forked_process():
    w = Value(2.0, "w")
    program = autograd.compile(lambda x: (w * x).tanh(), inputs=[()], parameters=[w])
    expected = program.value_and_grad([0.5])[1].tolist()
    reader, writer = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=lambda: writer.send(program.value_and_grad([0.5])[1].tolist())
    )
    child.start()
    assert reader.poll(60) and reader.recv() == expected
    child.join(60)
    assert child.exitcode == 0


# ---- signals ----------------------------------------------------------------------------------------------------

TRAINING = """
import os, signal, sys
import nn
data = nn.datasets.moons(40, noise=0.1)
model = nn.MLP(2, [4, 1], seed=0)
before = model.state_dict()
def send(epoch):
    if epoch.number == 3:
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
history = nn.fit(model, nn.binary_cross_entropy, data.X, data.y, nn.SGD(model.parameters(), 0.1), 10_000, 10,
                 callbacks=[send], progress=False, engine=sys.argv[2], checkpoint="run.json")
print(history.epochs, history.stopped, model.state_dict() != before, sep="|")
print(nn.load("run.json").state_dict() == model.state_dict())
"""


def train_and_send(name, engine, folder):
    return subprocess.run(
        [sys.executable, "-c", TRAINING, name, engine],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX systems send them")
@pytest.mark.parametrize("engine", ["eager", "auto"])
def test_ctrl_c_during_fit_gives_the_history_and_keeps_the_parameters(tmp_path, engine):
    done = train_and_send("SIGINT", engine, tmp_path)
    assert done.returncode == 0, done.stderr
    epochs, stopped, moved = done.stdout.splitlines()[0].split("|")
    assert (epochs, stopped, moved) == ("3", "interrupted after 3 epochs", "True")
    assert done.stdout.splitlines()[1] == "True" and done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX systems send them")
def test_a_process_ended_by_sigterm_leaves_a_sound_checkpoint(tmp_path):
    done = train_and_send("SIGTERM", "eager", tmp_path)
    assert done.returncode == -signal.SIGTERM
    assert os.listdir(tmp_path) == ["run.json"] and len(nn.load(tmp_path / "run.json").parameters()) == 17


# ---- memory -----------------------------------------------------------------------------------------------------

GREEDY = """
import resource, sys
import numpy, nn, autograd
from autograd import Value
import autograd.compiler
limit = 64 * 1024 * 1024 + int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (limit, -1))
kept, reserve = Value(2.0, "kept"), bytearray(1 << 20)
try:
    y = kept
    for _ in range(10_000_000):
        y = y * 1.0001 + 1.0
except MemoryError as error:
    del reserve
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))  # CPython 3.13.0 itself crashes while it frees in full memory
    del y
    z = kept * 3.0
    z.backward()
    print("MemoryError", kept.grad)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as Linux does it")
def test_out_of_memory_is_reported_as_what_it_is():
    done = subprocess.run([sys.executable, "-c", GREEDY], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["MemoryError", "3.0"]


def test_a_compile_that_runs_out_of_memory_does_not_fall_back_in_silence(monkeypatch):
    """`fit` falls back to the eager engine where tracing is impossible; running out of memory is not such a case."""

    def greedy(*_, **__):
        raise MemoryError("no memory for the program")

    model = nn.MLP(2, [2, 1], seed=0)
    before = model.state_dict()
    monkeypatch.setattr(compiled, "compile", greedy)
    with pytest.raises(MemoryError, match="no memory for the program"):
        nn.fit(model, nn.mse_loss, [[0.0, 1.0]], [1.0], nn.SGD(model.parameters(), 0.1), 3, progress=False)
    assert model.state_dict() == before


# ---- nothing global ---------------------------------------------------------------------------------------------


def test_a_pickle_in_one_thread_leaves_another_alone():
    graphs = [chain(200, Value(float(i), "x")) for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        copies = list(pool.map(lambda y: pickle.loads(pickle.dumps(y)), graphs))
    assert [copy.data for copy in copies] == [y.data for y in graphs]
    assert [graph.counts(copy) for copy in copies] == [graph.counts(y) for y in graphs]
