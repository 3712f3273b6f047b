"""The eager and the compiled engine do the same work; what cannot be compiled is done eagerly, with one warning."""

import gc
import weakref

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from nn import compiled, predictor

MOONS = nn.datasets.moons(24, noise=0.1, seed=1)
both = pytest.mark.parametrize("engine", ["eager", "compiled"])


def train(model, optimizer, epochs, batch_size=8, y=MOONS.y, loss=nn.mse_loss, **options):
    return nn.fit(model, loss, MOONS.X, y, optimizer, epochs, batch_size, progress=False, **options)


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (nn.mse_loss, 1), (nn.mse_loss, 3), (nn.l1_loss, 1), (nn.huber_loss, 1), (nn.logistic_loss, 1),
        (nn.hinge_loss, 1), (nn.binary_cross_entropy, 1), (nn.cross_entropy, 3),
        (lambda out, y: nn.nll_loss([p.log() for p in autograd.softmax(out)], y), 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam])
def test_engines_agree_over_fifty_steps(loss, outputs, kind):
    y = 2 * MOONS.y - 1 if loss in (nn.logistic_loss, nn.hinge_loss) else MOONS.y
    runs, models = {}, {}
    for name in ("eager", "compiled"):
        models[name] = nn.MLP(2, [5, outputs], "tanh", seed=3)
        optimizer = kind(models[name].parameters(), 0.05, weight_decay=0.001, clip_norm=1.0)
        options = {"validation": 0.25, "metrics": ["accuracy"], "loss": loss, "engine": name}
        runs[name] = train(models[name], optimizer, 17, 6, y=y, **options)
        assert runs[name].engine == name
    assert len(runs["eager"].batch_loss) == 51
    for column in ("batch_loss", "loss", "validation_loss"):
        assert getattr(runs["compiled"], column) == pytest.approx(getattr(runs["eager"], column), rel=1e-9)
    assert runs["compiled"].metrics == runs["eager"].metrics
    assert models["compiled"].state_dict() == pytest.approx(models["eager"].state_dict(), rel=1e-8, abs=1e-12)


def test_a_model_that_branches_on_data_is_trained_eagerly_with_one_warning():
    class Branching(nn.Neuron):
        def __call__(self, x):
            return super().__call__(x) if x[0] > 0 else super().__call__([0.0, 0.0])

    model = Branching(2, "linear", seed=0)
    with pytest.raises(autograd.TraceError, match="Python asked whether a traced Value is true"):
        train(model, nn.SGD(model.parameters(), 0.1), 2, engine="compiled")
    with pytest.warns(RuntimeWarning, match="cannot be compiled: .*Python asked whether") as caught:
        history = train(model, nn.SGD(model.parameters(), 0.1), 2)
    assert len(caught) == 1 and caught[0].filename == __file__ and history.engine == "eager"
    other = Branching(2, "linear", seed=0)
    assert train(other, nn.SGD(other.parameters(), 0.1), 2, engine="eager").loss == history.loss


def test_a_model_that_draws_random_numbers_is_not_frozen():
    source = np.random.default_rng(0)

    class Noisy(nn.Neuron):
        def __call__(self, x):
            return super().__call__(x) * float(source.normal())

    model = Noisy(2, "linear", seed=0)
    with pytest.warns(RuntimeWarning, match="something else each time it is called: it uses random"):
        assert train(model, nn.SGD(model.parameters(), 0.1), 1).engine == "eager"


def test_training_leaves_gradients_of_the_last_step():
    courses = []
    for engine in ("eager", "compiled"):
        model = nn.MLP(2, [4, 1], "tanh", seed=0)
        train(model, nn.SGD(model.parameters(), 0.1), 1, engine=engine)
        courses.append([p.grad for p in model.parameters()])
    assert courses[0] == pytest.approx(courses[1], rel=1e-9) and any(courses[0])


@both
def test_predictions_are_the_same_compiled(engine):
    iris = nn.datasets.iris()
    model = nn.MLP(4, [6, 3], "gelu", "softmax", seed=1)
    for X in (np.tile(iris.X, (2, 1)), iris.X[:3], iris.X[::-2]):
        expected = [model.evaluate(row) for row in X.tolist()]
        for name in (engine, "auto"):
            assert model.predict(X, engine=name) == pytest.approx(np.array(expected), rel=1e-12)
    model.parameters()[0].data += 1.0  # the kept program sees new data …
    assert model.predict(iris.X, engine) == pytest.approx(np.array([model.evaluate(x) for x in iris.X]), rel=1e-12)
    model.layers[0].neurons[2].bias = Value(3.0)  # … and new parameters
    assert model.predict(iris.X, engine) == pytest.approx(np.array([model.evaluate(x) for x in iris.X]), rel=1e-12)


@both
def test_a_kept_program_does_not_keep_its_model(engine):
    model = nn.MLP(2, [3, 1], seed=0)
    model.predict(MOONS.X, engine)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_predicting_with_a_model_that_branches():
    class Sign(nn.Module):
        def __call__(self, x):
            return Value(1.0) if x[0] > 0 else Value(-1.0)

    X = np.tile([[2.0], [-2.0]], (200, 1))
    assert Sign().predict(X).tolist() == [1.0, -1.0] * 200
    with pytest.raises(autograd.TraceError):
        Sign().predict(X, "compiled")


class Shifted(nn.Module):
    """A model that is none of this package's layers."""

    def __init__(self):
        self.inner = nn.MLP(2, [3, 1], seed=1)
        self.shift = Value(0.5)

    def __call__(self, x):
        return self.inner(x) + self.shift


def test_programs_of_other_models_are_not_kept():
    X = np.random.default_rng(5).normal(size=(4, 2))
    model = Shifted()
    expected = model.predict(X, engine="eager")
    np.testing.assert_allclose(model.predict(X, engine="compiled"), expected, rtol=1e-13)
    assert model not in predictor._PROGRAMS
    model.shift = Value(1.5)  # a new parameter, which a kept program would not know of
    np.testing.assert_allclose(model.predict(X, engine="compiled"), expected + 1.0, rtol=1e-13)
    own = nn.MLP(2, [1], seed=0)
    own.predict(X, engine="compiled")
    assert own in predictor._PROGRAMS


def test_programs_with_a_layer_of_the_readers_own_are_not_kept():
    class Scaled(nn.Layer):
        scale = 1.0

        def fire(self, x):
            return [self.scale * out for out in super().fire(x)]

    model = nn.MLP(2, [2, 1], seed=0)
    model.layers[0] = scaled = Scaled(2, 2, "tanh", seed=0)
    X = np.random.default_rng(5).normal(size=(4, 2))
    before = model.predict(X, engine="compiled")
    scaled.scale = 0.0
    assert (model.predict(X, engine="compiled") != before).any() and model not in predictor._PROGRAMS


@pytest.mark.parametrize("moving", [4, 9])
def test_a_compiled_step_on_rows_with_frozen_parameters(moving):
    draw = np.random.default_rng(5)
    X, y, rows = draw.normal(size=(6, 2)), draw.normal(size=6), np.array([4, 1, 1, 3])
    results = []
    for samples, targets, chosen in ((X, y, rows), (X[rows], y[rows], None)):
        model = nn.MLP(2, [2, 1], seed=1)
        parameters = model.parameters()
        before = [p.data for p in parameters]
        engine = compiled.CompiledEngine(model, nn.mse_loss, nn.SGD(parameters[:moving], 0.1), X, y)
        losses = [engine.step(samples, targets, chosen) for _ in range(3)]
        engine.sync()
        after = [p.data for p in parameters]
        assert after[moving:] == before[moving:] and all(a != b for a, b in zip(after[:moving], before))
        results.append((losses, after))
    assert results[0] == results[1]


# ---- float32 ----------------------------------------------------------------------------------------------------


def single(seed=3, **options):
    model = nn.MLP(2, [5, 1], "tanh", seed=seed)
    return model, train(model, nn.Adam(model.parameters(), 0.05), dtype="float32", **{"epochs": 6, **options})


def test_training_in_float32_computes_in_it_and_agrees_to_its_rounding():
    model, history = single(metrics=["accuracy"], validation=0.25)
    other = nn.MLP(2, [5, 1], "tanh", seed=3)
    options = {"metrics": ["accuracy"], "validation": 0.25}
    double = train(other, nn.Adam(other.parameters(), 0.05), 6, **options)
    assert history.loss == pytest.approx(double.loss, rel=1e-4) and history.loss != double.loss
    assert history.validation_loss == pytest.approx(double.validation_loss, rel=1e-4)
    assert all(p.data == float(np.float32(p.data)) for p in model.parameters())


def test_training_in_float32_goes_on_exactly(tmp_path):
    path = tmp_path / "run.json"
    whole, history = single(checkpoint=path)
    path.unlink()
    single(epochs=3, checkpoint=path)
    resumed, second = single(seed=8, checkpoint=path, resume=True)
    assert second.loss == history.loss and resumed.state_dict() == whole.state_dict()
    with pytest.raises(nn.CheckpointError, match="dtype was float32, is float64"):
        train(resumed, nn.Adam(resumed.parameters(), 0.05), 7, checkpoint=path, resume=True)


def test_float32_is_refused_where_it_cannot_be():
    model = nn.MLP(2, [1], seed=0)
    optimizer = nn.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="the eager engine computes in float64"):
        train(model, optimizer, 1, engine="eager", dtype="float32")
    with pytest.raises(ValueError, match="dtype is 'float64' or 'float32', not 'half'"):
        train(model, optimizer, 1, dtype="half")
    with pytest.raises(ValueError, match="X as float32 has inf in sample 1, column 0"):
        nn.fit(model, nn.mse_loss, [[0.0, 1.0], [1e39, 0.0]], [0.0, 1.0], optimizer, 1, dtype="float32")
    assert optimizer.steps == 0
