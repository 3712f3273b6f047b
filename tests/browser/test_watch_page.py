"""The page of `nn.watch` in a real browser: it shows the recorded numbers, and people find what they look for."""

import json
import math
import random

import numpy as np
import pytest
from hostile import MORE
from training import OPTIMIZERS

import nn
from autograd import Value, text
from autograd.compiler.trace import trace
from autograd.elementary import ON_VALUES
from autograd.export.javascript import source
from autograd.ops import TABLE
from nn import watching
from nn.watching import asset
from nn.watching.model import Model
from tests.helpers.pages import press

pytestmark = pytest.mark.slow

MOONS = nn.datasets.moons(40, noise=0.1, seed=1)


def train(network=None, optimizer=None, loss=nn.binary_cross_entropy, epochs=5, batch_size=10, data=MOONS, **options):
    network = network or nn.MLP(2, [4, 1], "tanh", seed=3)
    optimizer = (optimizer or OPTIMIZERS["sgd"])(network.parameters())
    return nn.fit(
        network, loss, data.X, data.y, optimizer, epochs, batch_size, seed=3, record=True, progress=False, **options
    ).recording


@pytest.fixture
def opened(watched, tmp_path):
    """Opens the page of one or two trainings, and gives its element, a locator."""

    def open_(*recordings, **options):
        page = watched.open(nn.watch(*recordings, **options).save(tmp_path / "watch.html"))
        host = page.locator(".tracegrad-watch")
        host.locator(".controls").wait_for()
        return host

    yield open_
    watched.check()


def go_to(host, k):
    """The k-th recorded step."""
    if host.get_by_label("Step by").count():
        host.get_by_label("Step by").select_option("batch")
    host.get_by_role("slider", name="Step").fill(str(k))


def exact(host):
    """The numbers in the table of weights: name -> before, gradient, change and after."""
    rows = """host => Object.fromEntries([...host.querySelectorAll('.weights > .table tbody tr')].map(row =>
        [row.querySelector('button').title, [...row.querySelectorAll('td')].map(cell => cell.dataset.exact)]))"""
    return host.evaluate(rows)


# ---- the numbers


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_number_is_the_recorded_one_and_the_rule_is_written_as_in_python(opened, kind):
    recording = train(optimizer=OPTIMIZERS[kind])
    host = opened(recording)
    groups = host.get_by_label("Weights of").locator("option").count()
    for k in (0, 7, len(recording.steps) - 1):
        step = recording.steps[k]
        go_to(host, k)
        assert float(host.locator(".where").get_attribute("data-loss")) == step.loss
        seen = {}
        for group in range(groups):
            host.get_by_label("Weights of").select_option(str(group))
            seen |= exact(host)
            for name in exact(host):
                host.locator(f".weights button[title='{name}']").click()
                assert host.locator("pre").inner_text() == recording.written(step, name)
        assert [*seen] == recording.names
        for i, numbers in enumerate(seen.values()):
            before, after = step.before[i], step.after[i]
            assert [*map(float, numbers)] == [before, step.gradient[i], after - before, after]
    press(host, "Last step")
    assert host.locator(".where").inner_text().startswith(f"After the last step, number {len(recording.steps)}")
    assert [float(row[0]) for row in exact(host).values()] == recording.steps[-1].after[: -len(exact(host)) - 1 : -1][
        ::-1
    ].tolist()


def in_page(watched, parts, expression):
    """The value of an expression after some of the page's scripts."""
    scripts = "\n".join(map(asset, parts))
    return watched.page.evaluate(f"() => {{ {scripts}\n return {expression}; }}")


def test_numbers_are_written_as_in_python(watched):
    draw = random.Random(1)
    numbers = [draw.gauss(0, 1) * 10 ** draw.randint(-12, 12) for _ in range(4000)]
    numbers += [k / 2**e for k in range(-40, 40) for e in range(12)] + [
        1.0625,
        123456.5,
        999999.5,
        0.99996,
        1e6,
        5e-324,
    ]
    for digits in (3, 4, 6):
        found = in_page(watched, ["numbers.js"], f"{json.dumps(numbers)}.map((x) => number(x, {digits}))")
        assert found == [text.number(x, digits) for x in numbers]
    assert in_page(watched, ["numbers.js"], "[NaN, Infinity, -Infinity, -0].map((x) => number(x))") == [
        *map(text.number, (math.nan, math.inf, -math.inf, -0.0))
    ]


def test_every_operation_of_the_table_is_the_same_to_fourteen_digits(watched):
    operations = [op for op in TABLE.values() if op.name in ON_VALUES and not op.takes_list]
    assert len(operations) > 40
    draw = random.Random(2)
    points = [[draw.gauss(0, 2) for _ in range(3)] for _ in range(40)] + [
        [0.5, 0.5, 0.7],
        [0.0, 1.0, 2.0],
        [40.0, 2.0, 3.0],
    ]
    for op in operations:
        count = len(op.arguments)
        scalars, *_ = trace(lambda x, op=op, n=count: ON_VALUES[op.name](*x[:n]), [(3,)], ["x"], [])
        call = f"{json.dumps(points)}.map((x) => {{ const out = [0]; f([], x, out); return String(out[0]); }})"
        found = watched.page.evaluate(f"() => {{ const f = {source(scalars)}; return {call}; }}")
        for point, shown in zip(points, found):
            wanted = op.evaluate(*point[:count])[0]
            got = float(shown.replace("Infinity", "inf"))
            assert got == wanted or abs(got - wanted) <= 1e-14 * abs(wanted) or (got != got and wanted != wanted), (
                op.name
            )


class Lists(nn.Module):
    """Operations on lists, a constant, and a branch by `where`."""

    def __init__(self):
        self.w = [Value(0.3), Value(-1.2)]

    def __call__(self, x):
        from autograd import dot, log_sum_exp, mean, softmax, where

        z = dot(self.w, x) + mean(x)
        return where(z < 0, softmax([z, x[0], 0.5])[0], log_sum_exp([z, x[1], 1.0]))


NETWORKS = {
    "tanh": lambda: nn.MLP(2, [8, 1], "tanh", seed=1),
    "softmax": lambda: nn.MLP(2, [5, 4, 3], ["gelu", "leaky_relu(x, 0.2)"], "softmax", seed=1),
    "own": lambda: nn.MLP(2, [3, 1], lambda z: z.sin() * 0.5 + z, "sigmoid", seed=1),
    "lists": Lists,
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_planes_are_those_of_the_network_to_a_few_ulp(watched, kind):
    recording = train(NETWORKS[kind](), loss=nn.mse_loss)
    made, step = Model(recording), recording.steps[3]
    data = {"before": step.before.tolist(), "means": [0.0, 0.0]}
    view = {"axes": [0, 1], "ranges": [[-1.5, 2.0], [-1.0, 1.0]]}
    run = f"{{ ...{json.dumps(data)}, model: {made.program()}, parameters() {{ return this.before; }} }}"
    fields = in_page(watched, ["planes.js"], f"fields({run}, 0, {json.dumps(view)}).map((field) => [...field])")
    side = math.isqrt(len(fields[0]))
    xs = [-1.5 + 3.5 * (i + 0.5) / side for i in range(side)]
    ys = [1.0 - 2.0 * (j + 0.5) / side for j in range(side)]
    with recording.at(step) as network:
        for i, j in [(0, 0), (10, 50), (side - 1, 30), (41, side - 1), (33, 33)]:
            output = nn.trace(network, [xs[i], ys[j]])
            roots = output if isinstance(output, list) else [output]
            assert len(fields) == len(made.places) + len(roots)
            got = [field[j * side + i] for field in fields[len(made.places) :]]
            assert got == pytest.approx([root.data for root in roots], rel=1e-14, abs=1e-15)
            hidden = network.layers[0]([xs[i], ys[j]]) if hasattr(network, "layers") else []
            assert [field[j * side + i] for field in fields[: len(hidden)]] == pytest.approx(
                [a.data for a in hidden], rel=1e-14, abs=1e-15
            )


def test_the_colors_of_the_plane_are_the_networks_decisions(opened):
    recording = train()
    host = opened(recording)
    go_to(host, 12)
    low, high = MOONS.X.min(axis=0), MOONS.X.max(axis=0)
    low, high = low - 0.12 * (high - low), high + 0.12 * (high - low)
    shares = [(i / 9, j / 9) for i in range(1, 9) for j in range(1, 9)]
    points = [[low[0] + (high[0] - low[0]) * i, high[1] - (high[1] - low[1]) * j] for i, j in shares]
    with recording.at(recording.steps[12]) as network:
        scores = [network.evaluate(point) for point in points]
    pixels = host.locator(".decision canvas").evaluate(
        """(canvas, shares) => {
        const side = canvas.side, { data } = canvas.getContext('2d').getImageData(0, 0, 2 * side, 2 * side);
        return shares.map(([i, j]) => [2 * (46 + (side - 54) * i), 2 * (6 + (side - 42) * j)].map(Math.round))
            .map(([x, y]) => [...data.slice(4 * (2 * side * y + x), 4 * (2 * side * y + x) + 4)]) }""",
        shares,
    )
    near = lambda point: min(np.hypot(*(MOONS.X - point).T)) < 0.15  # noqa: E731  # a sample may lie over it
    clear = [
        (s, p) for s, p, at in zip(scores, pixels, points) if abs(s) > 0.1 * max(map(abs, scores)) and not near(at)
    ]
    assert len(clear) > 20
    assert [red < blue for _, (red, _, blue, _) in clear] == [score > 0 for score, _ in clear]
    with recording.at(recording.steps[12]) as network:
        right = sum((network.evaluate(x) > 0) == y for x, y in zip(MOONS.X.tolist(), MOONS.y.tolist()))
    assert host.locator(".right").inner_text() == f"{right} of 40 right"


# ---- what people look for


def test_say_which_neuron_is_dead(opened):
    network = nn.MLP(2, [4, 1], "relu", seed=3)
    network.layers[0].neurons[2].bias.data = -50.0
    host = opened(train(network))
    assert "a¹₃: dead. Its activation has slope 0 for every sample" in host.locator(".signs").inner_text()
    marked = host.locator(".neuron.dead")
    assert marked.count() == 1 and marked.inner_text().split() == ["a¹₃", "dead"]
    marked.click()
    assert host.get_by_label("Weights of").evaluate("select => select.selectedOptions[0].text") == "a¹₃"
    assert {row[1] for row in exact(host).values()} == {"0"}  # no gradient reaches it


def test_make_the_loss_explode_by_the_learning_rate_and_read_why(opened):
    network = nn.MLP(2, [4, 1], "linear", seed=3)
    host = opened(train(network, lambda p: nn.SGD(p, 3.0), nn.mse_loss, batch_size=None))
    assert "No sign of trouble" in host.locator(".signs").inner_text()
    for _ in range(4):
        press(host, "Next step")
    said = host.locator(".signs").inner_text()
    assert said.startswith("loss: exploding.") and "the learning rate 3 is too high" in said


def test_find_the_sample_that_moved_a_weight_most(opened):
    recording = train(optimizer=lambda p: nn.SGD(p, 0.3))
    host = opened(recording)
    press_weight = "host => host.querySelectorAll('.hit')[9].dispatchEvent(new MouseEvent('click', { bubbles: true }))"
    host.evaluate(press_weight)
    name = host.locator(".weights tr.chosen button").get_attribute("title")
    assert name == "layers.1.neurons.0.weights.1"
    parameter = recording.parameters[recording.names.index(name)]
    groups = {g.name: g.total for g in recording.ledger().by("sample", parameter).entries}
    most = max(groups, key=lambda sample: abs(groups[sample]))
    first = host.locator(".ledger tbody tr").first
    assert first.locator("button").inner_text() == most
    assert float(first.locator("td").first.get_attribute("data-exact")) == pytest.approx(groups[most], abs=1e-12)
    before = host.locator(".decision canvas").evaluate("canvas => canvas.toDataURL()")
    first.locator("button").click()  # it is shown among the samples
    assert first.locator("button").get_attribute("aria-pressed") == "true"
    assert host.locator(".decision canvas").evaluate("canvas => canvas.toDataURL()") != before
    first.locator("button").click()
    assert host.locator(".decision canvas").evaluate("canvas => canvas.toDataURL()") == before


def test_compare_two_trainings(opened):
    slow, fast = train(epochs=4), train(optimizer=lambda p: nn.SGD(p, 2.0), epochs=6, batch_size=20)
    host = opened(slow, fast, names=["small steps", "large steps"])
    left, right = (
        host.get_by_role("region", name="small steps", exact=True),
        host.get_by_role("region", name="large steps", exact=True),
    )
    assert left.locator("h2").inner_text() == "small steps" and right.locator("h2").inner_text() == "large steps"
    host.get_by_role("slider", name="Step").fill("2")  # epoch 3 of the longer one
    assert [float(each.locator(".where").get_attribute("data-loss")) for each in (left, right)] == [
        next(step.loss for step in recording.steps if step.epoch == 3) for recording in (slow, fast)
    ]
    axes = [each.locator(".losses text").all_inner_texts() for each in (left, right)]
    assert axes[0] == axes[1]
    right.locator(".neuron").nth(1).click()
    chosen = [each.locator(".weights tr.chosen button").inner_text() for each in (left, right)]
    assert chosen == ["w¹₂₁", "w¹₂₁"]
    press(host, "Last step")
    assert "number 16, in epoch 4" in left.locator(".where").inner_text()  # it has ended, and waits
    assert "number 12, in epoch 6" in right.locator(".where").inner_text()


# ---- going through the steps


def test_keys_buttons_and_the_loss_go_through_the_steps(opened, watched):
    recording = train()
    host, page = opened(recording), watched.page
    at = lambda: host.locator(".where").inner_text().split(":")[0]  # noqa: E731
    host.focus()
    for key, expected in [("ArrowRight", 5), ("ArrowRight", 9), ("ArrowLeft", 5), ("Home", 1)]:
        page.keyboard.press(key)
        assert at() == f"Step {expected}, epoch {expected // 4 + 1}, batch 1 of 4"
    page.keyboard.press("End")
    assert host.locator(".count").inner_text() == "After the last step"
    page.keyboard.press("Home")
    host.get_by_label("Step by").select_option("batch")
    host.focus()
    page.keyboard.press("ArrowRight")
    assert at() == "Step 2, epoch 1, batch 2 of 4" and host.locator(".count").inner_text() == "Step 2 of 20"
    chart = host.locator(".losses").bounding_box()
    host.locator(".losses").click(position={"x": 58 + (chart["width"] - 70) * 0.5, "y": 40})
    assert at() == "Step 11, epoch 3, batch 3 of 4"
    page.evaluate("window.heard = []; document.addEventListener('keydown', e => heard.push(e.key))")
    host.focus()
    page.keyboard.press("a")
    assert page.evaluate("heard") == []  # a notebook would take the keys for its own


def test_play_runs_to_the_end(opened, watched):
    host = opened(train())
    watched.page.clock.install()
    host.focus()
    watched.page.keyboard.press(" ")
    assert host.get_by_role("button", name="Pause").is_visible()
    watched.page.clock.run_for(10_000)
    assert host.locator(".count").inner_text() == "After the last step"
    assert host.get_by_role("button", name="Play").is_visible()


def test_features_are_shown_in_pairs(opened):
    iris = nn.datasets.iris()
    network = nn.MLP(4, [3, 3], "tanh", seed=1)
    host = opened(train(network, OPTIMIZERS["adam"], nn.cross_entropy, 3, 50, iris))
    assert "other features at their means" in host.locator(".decision").inner_text()
    picture = host.locator(".decision canvas")
    before = picture.evaluate("canvas => canvas.toDataURL()")
    host.get_by_role("combobox", name="Across").select_option("2")
    host.get_by_role("combobox", name="Up").select_option("3")
    assert picture.evaluate("canvas => canvas.toDataURL()") != before
    assert "x₃ and x₄" in picture.get_attribute("aria-label")


def test_one_input_is_a_curve(opened):
    xs = np.linspace(-2, 2, 20)[:, None]
    data = nn.datasets.Dataset(xs, np.sin(xs[:, 0]), *MOONS[2:])
    host = opened(train(nn.MLP(1, [3, 1], "tanh", seed=1), OPTIMIZERS["adam"], nn.mse_loss, data=data))
    assert "over x₁." in host.locator(".decision canvas").get_attribute("aria-label")
    assert host.locator(".neuron").count() == 4 and host.locator(".right").inner_text() == ""


# ---- looks


@pytest.mark.parametrize("width", [320, 390, 760, 1280])
@pytest.mark.parametrize("two", [False, True])
def test_nothing_sticks_out_and_all_text_can_be_read(opened, watched, width, two):
    watched.page.set_viewport_size({"width": width, "height": 720})
    recording = train(optimizer=OPTIMIZERS["adam"])
    host = opened(*[recording] * (1 + two))
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    small = """host => [...host.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).fontSize) < 12 &&
        [...e.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())).map(e => e.outerHTML)"""
    assert host.evaluate(small) == []


def test_on_paper_there_are_no_controls_and_the_colors_are_light(opened, watched):
    watched.page.emulate_media(color_scheme="dark")
    host = opened(train())
    corner = """canvas => { const copy = document.createElement('canvas').getContext('2d');
        copy.drawImage(canvas, 0, 0); return [...copy.getImageData(2, 40, 1, 1).data] }"""
    tile = host.locator(".neuron canvas").first
    dark = tile.evaluate(corner)
    watched.page.emulate_media(media="print", color_scheme="dark")
    assert not host.locator(".controls").is_visible()
    assert host.evaluate("host => getComputedStyle(host).backgroundColor") == "rgb(255, 255, 255)"
    assert sum(tile.evaluate(corner)) > sum(dark)


def test_hostile_names_run_nothing(opened, watched):
    network = nn.MLP(2, [2, 1], "tanh", seed=1)
    scales = [Value(1.0, label) for label in MORE]

    def loss(out, y):
        for scale in scales:
            out = out * scale
        return nn.mse_loss(out, y)

    recording = train(network, lambda p: nn.SGD([*p, *scales], 0.01), loss, epochs=1)
    host = opened(recording, names=[MORE[0]])
    host.get_by_label("Weights of").select_option("other parameters")
    assert watched.page.evaluate("window.hacked") is None
    assert host.locator("script, iframe, img, object, a").count() == 0
    assert MORE[0] in host.locator("h2").inner_text()
    assert watching.asset("watch.js").count("innerHTML") == 0
