"""Pictures: each returns its Axes, draws into the one it is given, and shows the numbers it was given."""

import subprocess
import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import Value

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from nn import plots  # noqa: E402
from nn.plots import planes  # noqa: E402


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()  # what cannot be drawn fails here
    plt.close("all")


def bowl(w):
    return w[0] * w[0] + 3.0 * w[1] * w[1]


def history():
    flowers = nn.datasets.iris()
    model = nn.MLP(4, [3, 3], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.01)
    return nn.fit(model, nn.cross_entropy, flowers.X[::5], flowers.y[::5], optimizer, epochs=3, batch_size=10,
                  validation=(flowers.X[1::5], flowers.y[1::5]), metrics=["accuracy"], progress=False)  # fmt: skip


FLOW = nn.gradient_flow(
    nn.MLP(2, [3, 3, 1], activation="tanh", seed=0), [[1.0, 2.0], [0.5, -1.0]], [1.0, 0.0], "mse_loss"
)
RAMP = np.linspace(-1, 1, 4 * 9).reshape(4, 9)
CALLS = {
    "curves": lambda ax: plots.curves({"a": [3.0, 2.0], "b": [1.0]}, ylabel="loss", ax=ax),
    "loss_curve": lambda ax: plots.loss_curve({"loss": [1.0, 0.5], "validation_loss": [1.1, 0.7]}, log=True, ax=ax),
    "accuracy_curve": lambda ax: plots.accuracy_curve({"accuracy": [0.5, 0.9]}, ax=ax),
    "decision_boundary": lambda ax: plots.decision_boundary(
        nn.MLP(2, [4, 1], activation="tanh", seed=0), [[0, 0], [1, 1], [0, 1]], [-1, 1, 1], steps=8, ax=ax
    ),
    "loss_surface": lambda ax: plots.loss_surface(
        bowl, (-1, 1), (-1, 1), paths={"descent": nn.descend(bowl, [0.9, 0.5])}, steps=9, ax=ax
    ),
    "activation": lambda ax: plots.activation("sigmoid", "relu", lambda z: z * z, ax=ax),
    "gradient_flow": lambda ax: plots.gradient_flow({"tanh": FLOW, "again": FLOW}, ax=ax),
    "gradient_flow_over_training": lambda ax: plots.gradient_flow_over_training([FLOW, FLOW], ax=ax),
    "images": lambda ax: plots.images(abs(RAMP), list("abcd"), per_row=3, ax=ax),
    "weight_images": lambda ax: plots.weight_images(RAMP, ax=ax),
    "confusion_matrix": lambda ax: plots.confusion_matrix([[5, 1], [0, 4]], names=["no", "yes"], ax=ax),
    "worst_mistakes": lambda ax: plots.worst_mistakes(abs(RAMP), [0, 1, 1, 0], np.eye(2)[[1, 1, 0, 0]], ax=ax),
}


@pytest.mark.parametrize("name", CALLS)
def test_returns_its_axes_and_draws_where_it_is_told(name):
    opened = CALLS[name](None)
    assert isinstance(opened, matplotlib.axes.Axes) and opened.has_data()
    _, given = plt.subplots()
    assert CALLS[name](given) is given
    assert set(CALLS) | {"COLOURS", "mistakes"} == {n for n in vars(plots) if not n.startswith("_")} - {
        "curves", "planes", "style"} | {"curves"}, "every plot is tried here"  # fmt: skip


@pytest.mark.parametrize("name", ["curves", "loss_curve", "accuracy_curve", "decision_boundary", "loss_surface",
                                  "gradient_flow", "gradient_flow_over_training", "confusion_matrix"])  # fmt: skip
def test_axes_are_labelled(name):
    ax = CALLS[name](None)
    assert ax.get_xlabel() and ax.get_ylabel()


def test_curves_of_a_training():
    recorded = history()
    losses = plots.loss_curve(recorded)
    assert [line.get_label() for line in losses.lines] == ["training", "validation"]
    np.testing.assert_array_equal(losses.lines[0].get_ydata(), recorded.loss)
    np.testing.assert_array_equal(losses.lines[0].get_xdata(), [1, 2, 3])
    shares = plots.accuracy_curve(recorded)
    np.testing.assert_allclose(shares.lines[1].get_ydata(), 100 * np.array(recorded.metrics["validation_accuracy"]))
    assert shares.get_ylabel() == "accuracy (%)"
    with pytest.raises(ValueError, match=r"metrics=\['accuracy'\]"):
        plots.accuracy_curve({"loss": [1.0]})


def test_lines_are_told_apart_without_colour():
    ax = plots.curves({str(k): [k, k + 1] for k in range(8)}, ylabel="")
    assert len({(line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 8


def test_the_boundary_lies_where_the_output_crosses_the_threshold():
    ax = plots.decision_boundary(lambda grid: grid[:, 0] - 0.25, [[-1, -1], [1, 1]], [0, 1], threshold=0.5, steps=40)
    boundary = ax.collections[1].get_paths()[0].vertices
    np.testing.assert_allclose(boundary[:, 0], 0.75, atol=1e-12)


def test_regions_of_several_classes():
    def scores(grid):
        return np.stack([grid[:, 0], -grid[:, 0], np.full(len(grid), -9.0)], axis=1)

    ax = plots.decision_boundary(scores, [[-1, 0], [1, 1]], [1, 0], classes=["right", "left", "never"], steps=30)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["right", "left"]
    with pytest.raises(ValueError, match="two inputs"):
        plots.decision_boundary(scores, [[1, 2, 3]], [0])


def test_the_surface_shows_the_function_and_the_path():
    path = [[-0.5, -0.5], [0.5, 0.25], [5.0, 5.0]]
    ax = plots.loss_surface(bowl, (-1, 1), (-1, 1), paths={"walk": path}, steps=5)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), path)
    assert ax.get_xlim() == (-1, 1)
    solid = plots.loss_surface(bowl, (-1, 1), (-1, 1), paths={"walk": path, "away": path[2:]}, steps=5, three_d=True)
    xs, ys, zs = solid.lines[0].get_data_3d()
    assert zs == pytest.approx([bowl(pair) for pair in zip(xs, ys)])  # it lies on the surface
    assert max(xs) <= 1, "and stops at the edge"


def test_gradient_flow_shows_norms_and_bounds():
    ax = plots.gradient_flow(FLOW)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), FLOW.norms)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), FLOW.bounds)
    assert ax.get_yscale() == "log" and len(plots.gradient_flow(FLOW, bound=False).lines) == 1


def test_images_stand_in_a_grid():
    ax = plots.images(abs(RAMP), ["first", "second", "third", "fourth"], per_row=3)
    shown = ax.images[0].get_array()
    assert [text.get_text() for text in ax.texts] == ["first", "second", "third", "fourth"]
    tile = shown[2:5, 1:4]  # height 3 with 2 lines for the caption, 1 column of margin
    np.testing.assert_array_equal(tile, abs(RAMP[0]).reshape(3, 3))
    with pytest.raises(ValueError, match="do not make images of 3×3"):
        plots.images(RAMP, ["one"])
    with pytest.raises(ValueError, match="without any feature of ones"):
        plots.weight_images(np.ones((2, 10)))


def test_weights_have_a_scale_around_zero():
    low, high = plots.weight_images(RAMP).images[0].get_clim()
    assert low == -high == -1.0


def test_confusion_counts_are_written_out():
    counts = nn.metrics.confusion_matrix(np.eye(3)[[0, 1, 1, 2]], [0, 1, 2, 2])
    ax = plots.confusion_matrix(counts, names=["setosa", "versicolor", "virginica"])
    assert [text.get_text() for text in ax.texts] == ["1", "1", "1", "1"]
    with pytest.raises(ValueError, match="square"):
        plots.confusion_matrix([[1, 2, 3]])


def test_worst_mistakes_come_most_confident_first():
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert plots.mistakes([1, 0, 0, 1], probabilities).tolist() == [1, 0]
    ax = plots.worst_mistakes(abs(RAMP), [1, 0, 0, 1], probabilities, names=["cat", "dog"])
    assert [text.get_text() for text in ax.texts] == ["cat as dog\n90.0 %", "dog as cat\n60.0 %"]
    with pytest.raises(ValueError, match="no mistake"):
        plots.worst_mistakes(abs(RAMP), [0, 1, 0, 1], probabilities)


def test_matplotlib_is_loaded_by_the_first_plot_only():
    code = "import sys, nn; from nn import plots; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plots.curves({"a": [1.0]}, ylabel="")


def test_a_function_of_values_is_drawn_too():
    ax = plots.loss_surface(lambda w: autograd.tanh(w[0]) * w[1], (0, 1), (0, 1), steps=4)
    assert ax.has_data()


def test_pictures_of_little():
    drawn = nn.History([3.0, 2.0, 1.0]).plot()
    assert len(drawn.lines) == 1 and not drawn.texts
    best = nn.History([3.0, 2.0, 1.0], best_epoch=2).plot()
    assert [line.get_xdata()[0] for line in best.lines] == [1, 2] and best.texts[0].get_text() == "best"
    beyond = nn.History([3.0], best_epoch=2).plot()
    assert len(beyond.lines) == 1
    empty = plots.curves({"loss": []}, ylabel="loss")
    assert empty.get_legend() is None and not empty.lines
    X, y = np.random.default_rng(5).normal(size=(6, 2)), np.arange(6) % 2
    one_sided = plots.decision_boundary(lambda grid: np.ones(len(grid)), X, y)
    crossing = plots.decision_boundary(lambda grid: grid[:, :1], X, y)
    assert len(crossing.collections) == len(one_sided.collections) + 1  # the boundary


def test_an_activation_and_its_slope_are_those_of_the_engine():
    ax = plots.activation("sigmoid", "tanh", xlim=(-8, 8))
    sigmoid, slope, *_ = (line.get_ydata() for line in ax.lines)
    z = ax.lines[0].get_xdata()
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-z)), rtol=1e-12)
    np.testing.assert_allclose(slope, sigmoid * (1 - sigmoid), rtol=1e-9)
    assert (np.diff(sigmoid) > 0).all() and sigmoid[0] < 1e-3 and sigmoid[-1] > 0.999
    assert len(plots.activation("relu", slope=False).lines) == 1
    with pytest.raises(ValueError, match="softmax depends on all entries of a layer"):
        plots.activation("softmax")


def test_the_surface_over_two_weights_of_a_network():
    model = nn.MLP(2, [2, 1], "tanh", seed=1)
    X, y = [[1.0, -0.5], [0.2, 0.3]], [1.0, 0.0]
    w1, b = model.layers[0].neurons[0].weights[0], model.layers[0].neurons[0].bias
    before = model.state_dict()
    ax = plots.loss_surface(model, [w1, b], data=(X, y), loss=nn.mse_loss, reach=1.0, steps=5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w¹₁₁", "b¹₁") and model.state_dict() == before
    loss = nn.mse_loss([model(x) for x in X], y)
    f, here, _ = planes._of_two_weights(loss, [w1, b], None, None)
    assert here == [w1.data, b.data] and f([Value(here[0]), Value(here[1])]) == loss.data
    w1.data += 0.5
    assert f([Value(w1.data), b]) == nn.mse_loss([model(x) for x in X], y).data
    assert plots.loss_surface(loss, [w1, b], steps=4, three_d=True).get_zlabel() == "L"
    with pytest.raises(TypeError, match=r"over two of its weights: loss_surface\(L, \[w1, w2\]\)"):
        plots.loss_surface(loss, (-1, 1), (-1, 1))
    with pytest.raises(TypeError, match="needs the ranges of both numbers"):
        plots.loss_surface(bowl, (-1, 1))
    with pytest.raises(TypeError, match="a model has no loss of its own"):
        plots.loss_surface(model, [w1, b])
    with pytest.raises(ValueError, match="does not depend on Value"):
        plots.loss_surface(loss, [w1, Value(1.0)])
