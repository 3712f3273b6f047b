"""`nn.fit` with the engine of JAX: the numbers of the other engines, on one device and on several.

All tests of ``tests/nn/test_training.py`` hold for this engine too, and run there.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import processes
import pytest

import autograd
import nn
from autograd import Value
from autograd.compiler import Program
from nn import jax_engine

jax = pytest.importorskip("jax")

MOONS = nn.datasets.moons(24, noise=0.1, seed=1)
KINDS = [
    (nn.SGD, {}), (nn.SGD, {"momentum": 0.9, "weight_decay": 0.01}), (nn.AdaGrad, {"clip_norm": 0.3}),
    (nn.RMSprop, {"clip_value": 0.05}), (nn.Adam, {"weight_decay": 0.01, "clip_norm": 0.5, "clip_value": 0.2}),
]  # fmt: skip


def train(engine: str, kind: Any = nn.SGD, epochs: int = 5, size: int | None = 7, **options: Any) -> Any:
    """A trained model and its history."""
    settings = options.pop("settings", {})
    model = nn.MLP(2, [5, 1], "tanh", seed=3)
    optimizer = kind(model.parameters(), options.pop("lr", 0.05), **settings)
    history = nn.fit(
        model,
        nn.binary_cross_entropy,
        MOONS.X,
        MOONS.y,
        optimizer,
        epochs,
        size,
        engine=engine,
        progress=False,
        **options,
    )
    return model, history


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_fifty_steps_are_those_of_the_compiled_engine(kind: Any, settings: dict[str, float]) -> None:
    """Batches of 7 among 24 samples: the last of an epoch has 3."""
    options: Any = {"settings": settings, "epochs": 13, "validation": 0.25, "metrics": ["accuracy"]}
    (one, first), (two, second) = train("compiled", kind, **options), train("jax", kind, **options)
    assert (second.engine, len(second.batch_loss)) == ("jax", 39)
    for column in ("batch_loss", "loss", "validation_loss"):
        assert getattr(second, column) == pytest.approx(getattr(first, column), rel=1e-12)
    assert second.metrics == first.metrics
    assert two.state_dict() == pytest.approx(one.state_dict(), rel=1e-11, abs=1e-14)
    assert [p.grad for p in two.parameters()] == pytest.approx([p.grad for p in one.parameters()], rel=1e-10, abs=1e-14)


def test_several_outputs_and_frozen_parameters() -> None:
    iris, found = nn.datasets.iris(), []
    for engine in ("compiled", "jax"):
        model = nn.MLP(4, [4, 3], "tanh", seed=1)
        moving = model.layers[1].parameters()
        frozen = [p.data for p in model.layers[0].parameters()]
        nn.fit(
            model, nn.cross_entropy, iris.X, iris.y, nn.Adam(moving, 0.05), 17, 50, engine=engine, progress=False
        )  # fmt: skip
        assert [p.data for p in model.layers[0].parameters()] == frozen
        found.append([p.data for p in moving])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_a_setting_that_a_callback_changes_counts() -> None:
    def change(epoch: nn.Epoch) -> None:
        epoch.optimizer.settings["momentum"], epoch.optimizer.clip_norm = 0.9, 0.1

    courses = [train(engine, callbacks=[change])[1].batch_loss for engine in ("compiled", "jax")]
    assert courses[1] == pytest.approx(courses[0], rel=1e-12)


def test_single_precision() -> None:
    model, history = train("jax", nn.Adam, dtype="float32")
    _, double = train("compiled", nn.Adam)
    assert history.loss == pytest.approx(double.loss, rel=1e-4) and history.loss != double.loss
    assert all(p.data == float(np.float32(p.data)) for p in model.parameters())


def test_recording_changes_no_bit() -> None:
    _, plain = train("jax", nn.Adam)
    _, recorded = train("jax", nn.Adam, record=True)
    assert recorded.batch_loss == plain.batch_loss == [step.loss for step in recorded.recording.steps]


def test_a_product_with_an_exact_zero_carries_nothing() -> None:
    """JAX has 0 · ∞ = nan where the slope of a square root is infinite; the program makes that step."""

    class Root(nn.Module):
        def __init__(self) -> None:
            self.w = Value(0.5, "w")

        def __call__(self, x: Any) -> Any:
            return self.w + 0.0 * autograd.sqrt(self.w * x[0])

    courses, X, y = [], [[0.0], [1.0], [2.0], [0.0]], [1.0, 2.0, 1.0, 0.0]
    for engine in ("compiled", "jax"):
        model = Root()
        optimizer = nn.SGD(model.parameters(), 0.1)
        courses.append(nn.fit(model, nn.mse_loss, X, y, optimizer, 4, 1, engine=engine, progress=False).batch_loss)
    assert len(courses[1]) == 16 and courses[1] == pytest.approx(courses[0], rel=1e-12)


def test_a_clipped_norm_does_not_overflow() -> None:
    optimizer = nn.SGD([Value(0.0), Value(0.0)], 1.0, clip_norm=5.0)
    with jax.enable_x64(True):
        moved, _ = optimizer.moved(jax.numpy, np.zeros(2), np.array([3e200, -4e200]), (np.zeros(2),), 1.0, 1.0)
    assert np.asarray(moved) == pytest.approx([-3.0, 4.0], rel=1e-12)


def test_samples_are_taken_in_pieces_where_no_step_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = train("jax", validation=(MOONS.X[:9], MOONS.y[:9]), metrics=["accuracy"])
    monkeypatch.setattr(jax_engine, "PIECE", 4)
    _, pieces = train("jax", validation=(MOONS.X[:9], MOONS.y[:9]), metrics=["accuracy"])
    assert pieces.validation_loss == pytest.approx(whole.validation_loss, rel=1e-13)
    assert pieces.metrics == whole.metrics


def test_ctrl_c_waits_for_steps_that_were_begun(tmp_path: Any) -> None:
    def interrupting(step: int) -> float:
        if step == 9 and not asked:
            asked.append(step)
            os.kill(os.getpid(), signal.SIGINT)
        return 0.05

    asked: list[int] = []
    path = tmp_path / "run.json"
    _, history = train("jax", lr=interrupting, checkpoint=path)
    assert "interrupted" in history.stopped and 9 < len(history.batch_loss) < 20
    model, rest = train("jax", checkpoint=path, resume=True)
    whole_model, whole = train("jax")
    assert rest.loss == whole.loss and model.state_dict() == whole_model.state_dict()


def signed(p: Any, g: Any, state: Any, lr: float, step: float, decay: float) -> Any:
    (m,) = state
    m *= decay
    m += (1 - decay) * g
    p -= lr * m / (abs(m) + 1e-3)
    return p, (m,)


def rooted(p: Any, g: Any, state: Any, lr: float, step: float, decay: float) -> Any:
    return p - lr * g / (1 + np.sqrt(g * g)), state


class Signed(nn.optimizers.Optimizer):
    """An optimizer with a rule of its own."""

    rule = staticmethod(signed)
    variables = ("means",)

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, lr, {"decay": 0.9})


class Rooted(Signed):
    """A rule that calls NumPy."""

    rule = staticmethod(rooted)


class Own(nn.SGD):
    """A step of its own."""

    def step_arrays(self, parameters: Any, gradients: Any) -> None:
        parameters -= gradients


def test_optimizers_of_ones_own() -> None:
    assert train("jax", Signed)[1].batch_loss == pytest.approx(train("compiled", Signed)[1].batch_loss, rel=1e-9)
    with pytest.raises(ValueError, match=r"rule of Rooted does not run on arrays of JAX: .*engine='compiled'"):
        train("jax", Rooted)
    with pytest.raises(ValueError, match=r"Own has a step_arrays of its own: take engine='compiled'"):
        train("jax", Own)


@pytest.mark.parametrize("devices", [0, True, 99, [], "cpu", ["cpu"], 1.5])
def test_devices_that_are_not_there(devices: Any) -> None:
    with pytest.raises(ValueError, match=r"^devices"):
        train("jax", devices=devices)


def test_devices_by_number_and_by_name() -> None:
    assert train("jax", devices=1)[1].loss == train("jax", devices=jax.local_devices()[:1])[1].loss
    with pytest.raises(ValueError, match="devices are those of engine='jax'; engine='auto' trains on the CPU"):
        train("auto", devices=1)


def test_a_program_that_is_too_long_says_which_engine_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    to_jax = Program.to_jax
    monkeypatch.setattr(Program, "to_jax", lambda program, reduce: to_jax(program, reduce, most=3))
    with pytest.raises(ValueError, match=r"instructions, and XLA would need .*engine='compiled'"):
        train("jax")


EIGHT = """
import sys
import jax, numpy as np
import nn
moons = nn.datasets.moons(45, noise=0.1, seed=1)

def train(devices, engine="jax", seed=3, **options):
    model = nn.MLP(2, [5, 1], "tanh", seed=seed)
    optimizer = nn.Adam(model.parameters(), 0.05, clip_norm=1.0)
    history = nn.fit(model, nn.binary_cross_entropy, moons.X, moons.y, optimizer, **{"epochs": 10, **options},
                     batch_size=10, engine=engine, devices=devices, progress=False, validation=0.2)
    return model, history

(_, compiled), (_, one), (whole, eight) = train(None, "compiled"), train(1), train(None)
for history in (one, eight):  # 36 samples: batches of 10, 10, 10 and 6
    assert len(history.batch_loss) == 40
    assert np.allclose(history.batch_loss, compiled.batch_loss, rtol=1e-11, atol=0)
    assert np.allclose(history.validation_loss, compiled.validation_loss, rtol=1e-11, atol=0)

path = sys.argv[1]
train(8, epochs=4, checkpoint=path)
model, resumed = train(8, seed=9, checkpoint=path, resume=True)
assert resumed.loss == eight.loss and model.state_dict() == whole.state_dict()

from nn.jax_engine import JaxEngine
found = []
for devices in (1, 8):
    model = nn.MLP(2, [5, 1], "tanh", seed=3)
    optimizer = nn.Adam(model.parameters(), 0.05, clip_norm=1.0)
    engine = JaxEngine(model, nn.binary_cross_entropy, optimizer, moons.X, moons.y, devices=devices)
    found.append((engine.step(moons.X, moons.y, np.arange(13)), engine.gradient()))
assert abs(found[0][0] - found[1][0]) <= 1e-12 * found[0][0]
assert np.abs(found[0][1] - found[1][1]).max() <= 1e-12 * np.abs(found[0][1]).max()
with jax.enable_x64(True):
    batch = engine._samples((moons.X, moons.y), np.arange(16), 16)
    text = engine._advance.lower((), engine._at(), 16, 0.05, 1.0, *batch).compile().as_text()
print(text.count(" all-reduce(") + text.count("all-reduce-start("), "all-reduce; x64", jax.config.jax_enable_x64)
"""


def test_eight_devices_add_up_once_a_step_and_leave_the_settings_of_jax(tmp_path: Any) -> None:
    flags = "--xla_force_host_platform_device_count=8"
    path = str(tmp_path / "run.json")
    found = processes.printed(EIGHT, path, XLA_FLAGS=flags, JAX_PLATFORMS="cpu", JAX_ENABLE_X64="0")
    assert found == "1 all-reduce; x64 False"
