"""`nn` where NumPy is missing: the arrays that stand in for NumPy's, and training on them."""

import copy
import json
import math
import operator
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from nn import choice, draws, inputs, lists, predictor
from nn.lists import ListArray

ROOT = Path(__file__).parents[2]


@pytest.fixture
def without(monkeypatch):
    """Within this process; the tests at the end start one where NumPy cannot be imported."""
    for module in (lists, inputs, draws, choice, predictor):
        monkeypatch.setattr(module, "np", None)
    monkeypatch.setattr(draws, "GENERATOR", "Python's random")
    monkeypatch.setattr("nn.run.GENERATOR", "Python's random")


# ---- ListArray against NumPy's arrays ---------------------------------------------------------------------------

numbers = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 3.0, math.inf, -math.inf, math.nan])


def tables(entries):
    return st.tuples(st.integers(1, 4), st.integers(1, 3)).flatmap(
        lambda shape: st.lists(
            st.lists(entries, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
        )
    )


def same(ours, theirs):
    """The same shape, kind and numbers."""
    if isinstance(ours, ListArray):
        assert (ours.shape, ours.dtype.kind) == (theirs.shape, theirs.dtype.kind)
        ours, theirs = ours.tolist(), theirs.tolist()
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.lt, operator.le, operator.eq, operator.ne, operator.gt,
             operator.ge, operator.truediv]  # fmt: skip


@given(tables(numbers), st.sampled_from(OPERATORS), st.data())
def test_operators_go_entry_by_entry_as_numpys_do(table, apply, data):
    width = len(table[0])
    row = data.draw(st.lists(numbers, min_size=width, max_size=width))
    for other in (table[::-1], row, data.draw(numbers), [[x] for x in range(len(table))], 2):
        with np.errstate(all="ignore"):
            same(apply(ListArray(table), ListArray(other)), apply(np.array(table), np.array(other)))
            if not isinstance(other, list):
                same(apply(other, ListArray(table)), apply(other, np.array(table)))


@given(tables(numbers))
def test_functions_of_all_entries_and_of_lines_are_numpys(table):
    ours, theirs = ListArray(table), np.array(table)
    for name in ("any", "all", "sum", "mean", "std", "argmax", "max", "min"):
        for axis in (None, 0, 1):
            with np.errstate(all="ignore"):
                same(getattr(ours, name)(axis=axis), getattr(theirs, name)(axis=axis))
    same(-ours, -theirs)
    same(abs(ours), abs(theirs))
    same(ours.round(), theirs.round())
    same(ours**2, theirs**2)
    true = ours > 0
    same(~true | (ours < 1), ~(theirs > 0) | (theirs < 1))
    same(true & (ours < 1), (theirs > 0) & (theirs < 1))
    same(true.astype("int64"), (theirs > 0).astype("int64"))


@given(tables(numbers), st.data())
def test_parts_are_numpys(table, data):
    ours, theirs = ListArray(table), np.array(table)
    n = len(table)
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=5))
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    for rows in (slice(1, None), slice(None, None, -1), 0, -1):
        same(ours[rows], theirs[rows])
    same(ours[ListArray(chosen)], theirs[np.array(chosen, int)])
    same(ours[mask], theirs[mask])
    same(ours[[0, *chosen], :1], theirs[[0, *chosen], :1])
    same(ours[:, 0], theirs[:, 0])
    same(ours[:, 0][:, None], theirs[:, 0][:, None])
    same(ours[0, -1], theirs[0, -1])
    ours, theirs = ours[:, 0], theirs[:, 0]
    ours[mask], theirs[mask] = -1.0, -1.0
    ours[0], theirs[0] = 7.0, 7.0
    same(ours, theirs)
    assert len(ours) == n and [row.tolist() for row in ListArray(table)] == ListArray(table).tolist()


@pytest.mark.parametrize(
    "data", [[1, 2], [1.0, 2], [True, False], [True, 2.0], [True, 2], [], [[]], [["a"], [1]], [None, 1], 3.0, [[[1]]]]
)
def test_kinds_and_shapes_are_numpys(data):
    ours, theirs = ListArray(data), np.asarray(data)
    assert (ours.shape, ours.ndim, ours.size) == (theirs.shape, theirs.ndim, theirs.size)
    assert ours.dtype.kind == theirs.dtype.kind
    if theirs.dtype.kind in "bif":
        assert (ours.dtype.str, ours.dtype.name) == (theirs.dtype.str, theirs.dtype.name)


def test_what_does_not_go_is_refused():
    a = ListArray([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match="2 entries do not go with 3"):
        a * [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match=r"4 entries are not one truth; use .any\(\) or .all\(\)"):
        bool(a == a)
    with pytest.raises(IndexError, match="3 bools do not choose among 2 entries"):
        a[[True, False, True]]
    with pytest.raises(ValueError, match="the rows differ in length"):
        ListArray([[1.0], [1.0, 2.0]])
    with pytest.raises(TypeError, match=r"len\(\) of a single number"):
        len(ListArray(1.0))
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    with pytest.raises(AttributeError, match=r"a ListArray has no \.reshape: where NumPy is missing it stands for"):
        a.reshape(4)
    assert copy.deepcopy(a).tolist() == pickle.loads(pickle.dumps(a)).tolist() == a.tolist()
    assert bool(ListArray([3.0])) and len(repr(ListArray([[0.0] * 99] * 99))) < 600


@given(tables(st.sampled_from([0.0, -0.0, 1.0, 2.0])), st.integers(1, 5))
def test_first_places_and_bytes_are_numpys(table, most):
    for data in (table, [row[0] for row in table]):
        assert lists.firsts(ListArray(data), most) == lists.firsts(np.array(data), most)
        assert bytes(lists.buffer(ListArray(data))) == bytes(lists.buffer(np.array(data)))


# ---- training ---------------------------------------------------------------------------------------------------

XOR = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
ROWS = [[math.sin(i), math.cos(3 * i)] for i in range(20)]
NAMES = [i % 3 for i in range(20)]


def train(X, y, loss=nn.cross_entropy, outputs=3, **settings):
    model = nn.MLP(len(X[0]), [4, outputs], "tanh", seed=1)
    settings = {"epochs": 4, "batch_size": 6, "progress": False, "engine": "eager", **settings}
    return model, nn.fit(model, loss, X, y, nn.Adam(model.parameters(), lr=0.05), **settings)


@pytest.mark.parametrize(
    ("y", "loss", "outputs", "metrics"),
    [
        (NAMES, nn.cross_entropy, 3, ["accuracy"]),
        ([label % 2 for label in NAMES], nn.binary_cross_entropy, 1, ["accuracy"]),
        ([x for x, _ in ROWS], nn.mse_loss, 1, ["mean_squared_error", "mean_absolute_error", "r_squared"]),
        (ROWS, nn.mse_loss, 2, ["mean_squared_error", "r_squared"]),
    ],
)
def test_the_losses_are_those_with_numpy(y, loss, outputs, metrics, request):
    settings = {"shuffle": False, "metrics": metrics, "validation": (ROWS[:5], y[:5]), "early_stopping": 3}
    model, expected = train(ROWS, y, loss, outputs, **settings)
    predicted = model.predict(ROWS, engine="eager").tolist()
    request.getfixturevalue("without")
    model, found = train(ROWS, y, loss, outputs, **settings)
    assert (found.loss, found.validation_loss) == (expected.loss, expected.validation_loss)
    assert found.metrics.keys() == expected.metrics.keys()
    for name, values in found.metrics.items():
        assert values == pytest.approx(expected.metrics[name], rel=1e-13)
    assert isinstance(model.predict(ROWS), ListArray) and model.predict(ROWS).tolist() == predicted


WRONG = {
    "ragged": ([[1.0], [1.0, 2.0]], [0, 1]),
    "nan": ([[1.0, math.nan], [math.inf, 2.0]], [0, 1]),
    "an object": ([[1.0, None], [1.0, 2.0]], [0, 1]),
    "three dimensions": ([[[1.0]]], [0]),
    "nothing": ([], []),
    "another length": ([[1.0, 2.0]] * 2, [0, 1, 2]),
    "one target": ([[1.0, 2.0]] * 2, 3.0),
    "a label too high": ([[1.0, 2.0]] * 2, [0, 3]),
    "half a label": ([[1.0, 2.0]] * 2, [0, 0.5]),
}


@pytest.mark.parametrize("X, y", WRONG.values(), ids=WRONG)
def test_wrong_data_are_refused_in_the_same_words(X, y, request):
    def refused():
        model = nn.MLP(2, [3], seed=1)
        with pytest.raises((ValueError, TypeError)) as error:
            nn.fit(model, nn.cross_entropy, X, y, nn.SGD(model.parameters(), lr=0.1), progress=False)
        return error.type, str(error.value)

    expected = refused()
    request.getfixturevalue("without")
    assert refused() == expected


def test_metrics_and_preparing_data(request):
    def found():
        part = nn.datasets.split(ROWS, NAMES, 0.25, stratify=True)
        scale = nn.datasets.Standardizer(ROWS)
        return [
            nn.metrics.accuracy([[0.1, 0.9], [math.nan, 0.0]], [1, 0]),
            nn.metrics.accuracy([-0.5, 0.25, math.nan], [-1, 1, 1]),
            nn.metrics.accuracy([[0.2], [0.7]], [[0.0], [1.0]]),
            nn.metrics.confusion_matrix([[0.1, 0.9], [0.8, 0.2]], [1, 1]).tolist(),
            nn.datasets.one_hot([2, 0, 1.0], 3).tolist(),
            sorted(part.y_test.tolist()), part.X_train.shape, len(part.y_train),
            *(pytest.approx(row, rel=1e-13) for row in scale(ROWS).tolist()), pytest.approx(scale(ROWS[0]).tolist()),
        ]  # fmt: skip

    def plain(results):
        return [result.expected if hasattr(result, "expected") else result for result in results]

    expected = found()
    request.getfixturevalue("without")
    assert plain(found()) == expected


@pytest.mark.parametrize("settings", [{}, {"replacement": True}, {"shuffle": False}])
def test_a_run_is_resumed_exactly(without, tmp_path, settings):
    _, whole = train(ROWS, NAMES, epochs=6, **settings)
    file = tmp_path / "run.json"
    train(ROWS, NAMES, epochs=3, checkpoint=file, **settings)
    model, rest = train(ROWS, NAMES, epochs=6, checkpoint=file, resume=True, **settings)
    assert rest.loss == whole.loss and nn.load(file).state_dict() == model.state_dict()
    assert train(ROWS, NAMES, seed=2, **settings)[1].loss != whole.loss[:4] or settings == {"shuffle": False}


@pytest.mark.parametrize("settings", [{"shuffle": False}, {"batch_size": None}])
def test_a_run_goes_on_elsewhere_if_nothing_is_drawn(tmp_path, request, settings):
    file = tmp_path / "run.json"
    train(ROWS, NAMES, checkpoint=file, **settings)
    _, whole = train(ROWS, NAMES, epochs=6, **settings)
    request.getfixturevalue("without")
    assert train(ROWS, NAMES, epochs=6, checkpoint=file, resume=True, **settings)[1].loss == whole.loss


def test_a_run_whose_order_was_drawn_does_not_go_on_elsewhere(tmp_path, request):
    file = tmp_path / "run.json"
    train(ROWS, NAMES, checkpoint=file)
    request.getfixturevalue("without")
    with pytest.raises(nn.CheckpointError, match="order was drawn by NumPy, is drawn by Python's random"):
        train(ROWS, NAMES, epochs=6, checkpoint=file, resume=True)


# ---- a process where NumPy cannot be imported -------------------------------------------------------------------

PROGRAM = """
import sys
sys.modules.update(dict.fromkeys(("numpy", "tqdm", "matplotlib", "graphviz")))
import json, autograd, nn
found = {}

def train(X, y, loss, sizes, epochs, lr, **settings):
    model = nn.MLP(len(X[0]), sizes, "tanh", seed=1)
    return model, nn.fit(model, loss, X, y, nn.Adam(model.parameters(), lr=lr), epochs, **settings)

X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
model, history = train(X, y, nn.binary_cross_entropy, [4, 1], 80, 0.1)
found["xor"] = ((model.predict(X) > 0) == y).mean()
X, y, *_ = nn.datasets.moons(100, noise=0.1)
_, history = train(X, y, nn.binary_cross_entropy, [8, 1], 40, 0.1, batch_size=10, metrics=["accuracy"])
found["moons"] = history.metrics["accuracy"][-1]
iris = nn.datasets.iris()
part = nn.datasets.split(iris.X, iris.y, 0.2, stratify=True)
scale = nn.datasets.Standardizer(part.X_train)
model, history = train(scale(part.X_train), part.y_train, nn.cross_entropy, [6, 3], 15, 0.1, batch_size=20)
found["iris"] = nn.metrics.accuracy(model.predict(scale(part.X_test)), part.y_test)
found["engine"], found["history"] = history.engine, str(history) + history.html()

def refused(use):
    try:
        use()
    except ImportError as error:
        return str(error)
found["refused"] = [*map(refused, (
    lambda: train(X, y, nn.binary_cross_entropy, [1], 1, 0.1, engine="compiled"),
    lambda: train(X, y, nn.binary_cross_entropy, [1], 1, 0.1, dtype="float32"),
    lambda: train(X, y, nn.binary_cross_entropy, [1], 1, 0.1, record=True),
    lambda: model.predict(iris.X, engine="compiled"),
    lambda: nn.datasets.mnist("folder"),
    lambda: nn.gradient_flow,
    lambda: autograd.compile,
))]
try:
    nn.datasets.one_hot(["a", "b"], 2)
except TypeError as error:
    found["advice"] = str(error)
print(json.dumps(found))
"""


@pytest.mark.slow
def test_networks_are_trained_where_numpy_cannot_be_imported():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["xor"] == 1.0 and found["moons"] >= 0.97 and found["iris"] >= 0.9
    assert found["engine"] == "eager" and "all 15 epochs done" in found["history"]
    assert "names = sorted({*y}); numbers = [names.index(name) for name in y]" in found["advice"]
    names = ("engine='compiled'", "dtype='float32'", "record=True", "engine='compiled'", "mnist()", "nn.gradient_flow",
             "autograd.compile")  # fmt: skip
    assert found["refused"] == [f"{name} needs the package numpy: pip install numpy" for name in names]
