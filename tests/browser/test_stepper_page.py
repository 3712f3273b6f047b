"""The saved page in a real browser: every number, every control, keyboard, sizes, colors, hostile labels."""

import random

import pytest
from samples import HOSTILE, hostile, lecture_network

import autograd
from autograd import Value, graph
from tests.helpers.pages import press

pytestmark = pytest.mark.slow

SHOWN = """host => ({
    sentence: host.querySelector('.sentence').textContent,
    count: host.querySelector('.count').textContent,
    rows: [...host.querySelectorAll('tbody tr')].map(row => ({
        name: row.querySelector('button').title, current: row.classList.contains('current'),
        value: row.cells[2].dataset.exact, shownValue: row.cells[2].textContent,
        grad: row.cells[3].dataset.exact, shownGrad: row.cells[3].textContent })),
    boxes: [...host.querySelectorAll('.viewport .node')].map(node => ({
        data: node.querySelector('.data')?.textContent, grad: node.querySelector('.grad')?.textContent,
        classes: [...node.classList] })),
    edges: [...host.querySelectorAll('.viewport .edge.current')].map(edge => edge.id.replace(/^.*edge-/, '')),
    math: [...host.querySelectorAll('math')].map(math => math.textContent),
    backward: host.classList.contains('backward') })"""


@pytest.fixture
def opened(watched, tmp_path):
    """Opens the page of a graph and gives its stepper, a locator."""

    def open_(root, **options):
        watched.stepper = autograd.stepper(root, **options)
        page = watched.open(watched.stepper.save(tmp_path / "steps.html"))
        host = page.locator(".tracegrad-stepper")
        host.locator(".controls").wait_for()
        return host

    yield open_
    watched.check()


def network():
    """y = tanh(w1·x1 + w2·x2 + b) twice, with a shared weight, so that adjoints have several paths."""
    x1, x2 = Value(0.5, "x1"), Value(-1.0, "x2")
    w1, w2, b = Value(2.0, "w1"), Value(0.3, "w2"), Value(0.1, "b")
    h = (w1 * x1 + w2 * x2 + b).tanh()
    h.label = "h"
    return (w1 * h - 1) ** 2


def replayed(stepper):
    """(values, gradients) of every node after each frame, from the frames and the engine's own table."""
    order = stepper.order
    values = {k: node.data for k, node in enumerate(order) if not node.parents}
    gradients = {}
    for frame in stepper.frames:
        if frame.kind in ("value", "update"):
            values[frame.node] = frame.after
        elif frame.kind in ("seed", "gain", "nothing"):
            gradients[frame.node] = frame.after
        elif frame.kind == "end":
            gradients = {k: gradients.get(k, 0.0) for k in range(len(order))}
        yield frame, dict(values), dict(gradients)


@pytest.mark.parametrize("make", [network, lambda: lecture_network()[0]], ids=["shared weight", "lecture E"])
def test_every_number_of_every_frame_is_the_engines(opened, watched, make):
    root = make()
    host = opened(root)
    stepper = watched.stepper
    rows = [k for k, node in enumerate(stepper.order) if node.op != "constant"]
    for index, (frame, values, gradients) in enumerate(replayed(stepper)):
        shown = host.evaluate(SHOWN)
        assert shown["sentence"] == frame.sentence
        assert shown["count"] == f"Step {index + 1} of {len(stepper.frames)}"
        assert shown["backward"] == (frame.phase == "backward")
        assert [row["name"] for row in shown["rows"]] == [stepper.order[k].label or stepper.names[k] for k in rows]
        for k, row in zip(rows, shown["rows"]):
            assert (float(row["value"]) if row["value"] else None) == values.get(k)
            assert (float(row["grad"]) if row["grad"] else None) == gradients.get(k)
            assert row["current"] == (frame.node == k)
            assert shown["boxes"][k]["data"] == row["shownValue"]
            assert shown["boxes"][k]["grad"] == row["shownGrad"]
            assert ("current" in shown["boxes"][k]["classes"]) == (frame.node == k)
        if frame.edge:
            assert shown["edges"] == [f"{frame.edge[0]}-{frame.edge[1]}"]
        assert bool(shown["math"]) == (frame.rule is not None or frame.symbols is not None)
        if index < len(stepper.frames) - 1:
            press(host, "Next step")
    root.backward()
    final = host.evaluate(SHOWN)["rows"]
    assert [float(row["grad"]) for row in final] == [stepper.order[k].grad for k in rows]
    assert host.get_by_role("button", name="Next step").is_disabled()


def test_forward_mode_shows_the_tangents_from_each_leaf(opened, watched):
    root = network()
    host = opened(root)
    stepper = watched.stepper
    rows = [k for k, node in enumerate(stepper.order) if node.op != "constant"]
    names = dict(zip(stepper.order, stepper.names))
    offered = [f"forward: ∂node/∂{names[leaf]}" for leaf in stepper.forward]
    assert host.locator("select option").all_inner_texts() == ["reverse: ∂L/∂node", *offered]
    for leaf, frames in stepper.forward.items():
        host.get_by_label("Mode").select_option(f"forward: ∂node/∂{names[leaf]}")
        press(host, "Go to the pass of tangents")
        for index, frame in enumerate(frames):
            shown = host.evaluate(SHOWN)
            assert shown["sentence"] == frame.sentence and not shown["backward"]
            if index < len(frames) - 1:
                press(host, "Next step")
        tangents = [float(row["grad"]) for row in host.evaluate(SHOWN)["rows"]]
        assert tangents == autograd.jvp([stepper.order[k] for k in rows], [leaf], [1.0])
        assert host.locator("th").nth(3).inner_text() == f"∂node/∂{names[leaf]}"
        assert (
            "tangent" in host.locator(".viewport").inner_text() and "grad" not in host.locator(".viewport").inner_text()
        )
    host.focus()
    watched.page.keyboard.press("m")  # the last leaf's mode is followed by reverse mode
    press(host, "Last step")
    assert host.evaluate(SHOWN)["sentence"] == stepper.frames[-1].sentence
    assert host.locator("th").nth(3).inner_text() == "∂L/∂node"


def test_a_page_holds_forward_mode_for_as_many_leaves_as_there_is_room_for():
    leaves = [Value(0.1 * i, f"x{i}") for i in range(60)]
    root = autograd.tanh(sum(leaves[1:], leaves[0]))
    stepper = autograd.stepper(root)
    assert 0 < len(stepper.forward) < 60 and sum(map(len, stepper.forward.values())) <= 600
    assert list(stepper.forward) == leaves[: len(stepper.forward)] and len(stepper.data()["forward"]) > 2


def test_updates_and_frees_are_seen(opened, watched):
    root, weights = lecture_network()
    host = opened(root, free_graph=True, update=0.1, parameters=weights)
    press(host, "Last step")
    rows = {row["name"]: row for row in host.evaluate(SHOWN)["rows"]}
    assert [rows[name]["shownGrad"] for name in ("L", "z3", "x2", "z1")] == ["freed"] * 4
    assert float(rows["w2"]["value"]) == 2.0 - 0.1 * 3.0
    assert rows["w2"]["shownGrad"] == "3"


def test_buttons_slider_and_keys_move_through_the_frames(opened, watched):
    host = opened(network())
    last = len(watched.stepper.frames)
    backward = next(f.index for f in watched.stepper.frames if f.phase == "backward") + 1
    page = watched.page

    def at():
        return int(host.locator(".count").inner_text().split()[1])

    assert at() == 1 and host.get_by_role("button", name="Previous step").is_disabled()
    press(host, "Next step")
    press(host, "Next step")
    press(host, "Previous step")
    assert at() == 2
    press(host, "Last step")
    assert at() == last
    press(host, "First step")
    assert at() == 1
    press(host, "Go to the backward pass")
    assert at() == backward
    press(host, "Go to the forward pass")
    assert at() == 1
    host.focus()
    for key, expected in [("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", last), ("ArrowRight", last),
                          ("Home", 1), ("ArrowLeft", 1), ("b", backward), ("F", 1)]:  # fmt: skip
        page.keyboard.press(key)
        assert at() == expected, key
    slider = host.get_by_role("slider", name="Step")
    slider.fill("5")
    assert at() == 6 and slider.get_attribute("aria-valuetext") == f"Step 6 of {last}, forward pass"
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert at() == 7


def test_keys_do_not_reach_the_notebook(opened, watched):
    host = opened(network())
    watched.page.evaluate("window.heard = []; document.addEventListener('keydown', e => heard.push(e.key))")
    host.focus()
    for key in ("ArrowRight", "End", "a", "d", " ", "Escape"):
        watched.page.keyboard.press(key)
    assert watched.page.evaluate("heard") == []
    assert host.get_attribute("data-lm-suppress-shortcuts") == "true"


def test_play_runs_to_the_end_and_stops(opened, watched):
    host = opened(Value(2.0, "x") * Value(3.0, "y"))
    watched.page.clock.install()
    host.focus()
    watched.page.keyboard.press(" ")
    assert host.get_by_role("button", name="Pause").is_visible()
    watched.page.clock.run_for(60_000)
    assert host.locator(".count").inner_text() == "Step 6 of 6"
    assert host.get_by_role("button", name="Play").is_visible()
    host.get_by_role("button", name="Play").click()
    watched.page.clock.run_for(2_000)
    host.get_by_role("button", name="Pause").click()
    stopped = host.locator(".count").inner_text()
    watched.page.clock.run_for(60_000)
    assert host.locator(".count").inner_text() == stopped != "Step 6 of 6"


def test_a_click_on_a_node_goes_to_it(opened, watched):
    root = network()
    host = opened(root)
    stepper = watched.stepper
    k = next(k for k, node in enumerate(stepper.order) if node.label == "h")
    host.locator(f".viewport [id$='-node-{k}']").click()
    assert host.evaluate(SHOWN)["sentence"].startswith("h = tanh(")
    press(host, "Last step")
    host.locator(f".viewport [id$='-node-{k}']").click()
    assert host.evaluate(SHOWN)["sentence"].startswith("∂L/∂h gains")
    host.get_by_role("button", name="Go to w₁", exact=True).click()
    said = host.evaluate(SHOWN)["sentence"]
    assert said.startswith("∂L/∂w₁ gains") and "second use of w₁" in said


def test_all_controls_are_reached_with_the_keyboard_and_named(opened, watched):
    host = opened(Value(2.0, "x") * Value(3.0, "y"))
    names = []
    watched.page.keyboard.press("Tab")
    watched.page.keyboard.press("ArrowRight")
    for _ in range(20):
        names.append(watched.page.evaluate("document.activeElement.ariaLabel || document.activeElement.tagName"))
        ring = watched.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid" or names[-1] == "BODY", names[-1]
        watched.page.keyboard.press("Tab")
    for wanted in ("First step (Home)", "Previous step (left arrow)", "Play (space)", "Next step (right arrow)", "Step",
                   "Last step (End)",
                   "Go to the backward pass (B)", "Go to x", "Go to L", "Values and gradients"):  # fmt: skip
        assert wanted in names
    status = host.get_by_role("status")
    assert status.get_attribute("aria-live") == "polite" and status.inner_text().startswith("L = x · y")
    assert host.get_attribute("role") == "group" and "step by step" in host.get_attribute("aria-label")
    assert host.get_by_role("columnheader").count() == 4
    assert host.get_by_role("button", name="Go to the forward pass").get_attribute("aria-pressed") == "true"


def luminance(css):
    channels = [float(part) / 255 for part in css[css.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    light, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("step", [1, -2], ids=["forward", "backward"])
def test_text_has_contrast_in_light_and_dark(opened, watched, scheme, step):
    host = opened(network())
    watched.page.emulate_media(color_scheme=scheme)
    host.get_by_role("slider", name="Step").fill(str(step % len(watched.stepper.frames)))
    look = "(e, over) => [getComputedStyle(e).color, getComputedStyle(over ? e.closest(over) : e).backgroundColor]"
    for selector, over in [(".sentence", ".saying"), ("dt", ".saying"), (".count", ".tracegrad-stepper"),
                           ("tr.current td.changed", "tr"), ("thead th", None), ("button[aria-pressed=true]", None),
                           (".keys", ".tracegrad-stepper"), ("td.how", ".tracegrad-stepper")]:  # fmt: skip
        ink, paper = host.locator(selector).first.evaluate(look, over)
        assert contrast(ink, paper) >= 4.5, (selector, ink, paper)
    fill = "e => [getComputedStyle(e.querySelector('.name')).fill, getComputedStyle(e.querySelector('.box')).fill]"
    ink, paper = host.locator(".viewport .node.current").evaluate(fill)
    assert contrast(ink, paper) >= 7


def test_the_current_node_is_seen_without_colour(opened, watched):
    host = opened(network())
    press(host, "Last step")
    press(host, "Previous step")
    current, source, other = (
        host.locator(f".viewport {selector}").first
        for selector in (".node.current", ".node.source", ".node.operation:not(.current):not(.source)")
    )
    look = """e => { const style = getComputedStyle(e.querySelector('.box'));
        return [parseFloat(style.strokeWidth), style.strokeDasharray] }"""
    assert current.evaluate(look)[0] > 2 * other.evaluate(look)[0]
    assert source.evaluate(look)[1] != "none" == other.evaluate(look)[1]
    assert current.locator(".pointer").is_visible() and not other.locator(".pointer").is_visible()


@pytest.mark.parametrize("width", [320, 420, 760, 1500])
def test_nothing_sticks_out_at_any_width(opened, watched, width):
    watched.page.set_viewport_size({"width": width, "height": 800})
    host = opened(network())
    for _ in range(2):
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
        outside = host.evaluate(
            """host => { const edge = host.getBoundingClientRect().right;
            return [...host.querySelectorAll('button, .sentence, .formulas, .graph, .table, input')]
                .filter(e => e.getBoundingClientRect().right > edge + 0.5).map(e => e.outerHTML.slice(0, 80)) }"""
        )
        assert outside == []
        press(host, "Last step")
        press(host, "Previous step")


def wide_network():
    """One layer of 12 inputs and 10 tanh neurons, and a sum: more than 500 nodes."""
    draw = random.Random(7)
    inputs = [Value(draw.uniform(-1, 1), f"x{j}") for j in range(12)]
    outputs = []
    for i in range(12):
        total = Value(0.1, f"layers.0.neurons.{i}.bias")
        for j, x in enumerate(inputs):
            total = total + Value(draw.uniform(-1, 1), f"layers.0.neurons.{i}.weights.{j}") * x
        outputs.append(total.tanh())
    root = sum(outputs[1:], outputs[0])
    return root


def test_five_hundred_nodes_stay_usable(opened, watched):
    root = wide_network()
    assert 450 < graph.counts(root).nodes < 700
    host = opened(root)
    page = watched.page
    assert host.get_by_role("button", name="Only the current node").get_attribute("aria-pressed") == "true"
    slider = host.get_by_role("slider", name="Step")
    chosen = [3, 200, len(watched.stepper.frames) // 2 + 100, len(watched.stepper.frames) - 2]
    for index in chosen:
        slider.fill(str(index))
        assert 2 <= host.locator(".viewport .node").count() <= 20
        assert host.locator(".viewport .node.current").count() == 1
        box = host.locator(".viewport .node.current").bounding_box()
        view = host.locator(".viewport").bounding_box()
        assert view["x"] <= box["x"] and box["x"] + box["width"] <= view["x"] + view["width"]
        assert box["height"] >= 35
        row = host.locator("tr.current").bounding_box()
        table = host.locator(".table").bounding_box()
        assert table["y"] <= row["y"] and row["y"] + row["height"] <= table["y"] + table["height"] + 1
    assert page.evaluate("scrollY") == 0
    press(host, "Only the current node")
    assert host.locator(".viewport .node").count() == len(watched.stepper.order)
    for index in chosen:
        slider.fill(str(index))
        box = host.locator(".viewport .node.current").bounding_box()
        view = host.locator(".viewport").bounding_box()
        assert view["x"] <= box["x"] and box["x"] + box["width"] <= view["x"] + view["width"]
        assert view["y"] <= box["y"] and box["y"] + box["height"] <= view["y"] + view["height"]
    assert host.locator(".map").is_visible()
    press(host, "Show the whole graph")
    view = host.locator(".viewport").evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]")
    assert max(view) <= 2
    pauses = page.evaluate(
        """() => { const back = document.querySelector('[aria-label^=Previous]'), pauses = [];
        for (let i = 0; i < 20; i++) {
            const start = performance.now(); back.click(); pauses.push(performance.now() - start);
        }
        return pauses }"""
    )
    assert min(pauses) < 100, f"{min(pauses):.0f} ms per step"


def ten_nodes():
    w, x, b, u = Value(0.5, "w"), Value(2.0, "x"), Value(-0.3, "b"), Value(1.5, "u")
    return ((w * x + b).tanh() * u).exp() + u


def test_text_of_ten_nodes_has_twelve_pixels_on_a_projector_and_nothing_is_below_the_fold(opened, watched):
    assert graph.counts(ten_nodes()).nodes == 10
    watched.page.set_viewport_size({"width": 1280, "height": 720})
    host = opened(ten_nodes())
    press(host, "Last step")
    sizes = host.locator(".viewport text").evaluate_all(
        "all => all.map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"
    )
    assert min(sizes) >= 11.99
    assert watched.page.evaluate("document.documentElement.scrollHeight") <= 720


def test_a_high_window_shows_more_of_a_high_graph(opened, watched):
    watched.page.set_viewport_size({"width": 1280, "height": 1400})
    host = opened(wide_network())
    press(host, "Only the current node")
    assert host.locator(".viewport").bounding_box()["height"] > 900
    assert watched.page.evaluate("document.documentElement.scrollHeight") <= 1400


def test_a_node_is_found_by_its_name(opened, watched):
    host = opened(wide_network())
    search = host.get_by_role("combobox", name="Find a node by its name")
    wanted = watched.stepper.names[len(watched.stepper.names) // 2]
    search.fill(wanted)
    search.press("Enter")
    assert host.locator("tr.current button").get_attribute("title").startswith(wanted)
    assert search.get_attribute("aria-invalid") == "false"
    search.fill("no such node")
    search.press("Enter")
    assert search.get_attribute("aria-invalid") == "true"


def test_few_nodes_need_no_search(opened):
    assert opened(network()).get_by_role("combobox", name="Find a node by its name").count() == 0


def test_key_hints_are_read_in_a_notebook_that_colors_them_itself(browser):
    page = browser.new_page()
    rule = ".jp-RenderedHTMLCommon kbd { color: #000; background: #000; border: 0 }"
    shown = autograd.stepper(network()).html()
    page.set_content(f'<div class="jp-RenderedHTMLCommon">{shown}</div><style>{rule}</style>')
    text, back = page.locator("kbd").first.evaluate(
        "key => [getComputedStyle(key).color, getComputedStyle(key).backgroundColor]"
    )
    assert text != back != "rgb(0, 0, 0)"
    page.close()


def test_paper_gets_the_whole_graph_and_no_controls(opened, watched):
    host = opened(wide_network())
    press(host, "Only the current node")
    watched.page.emulate_media(media="print")
    view = host.locator(".viewport").evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]")
    assert max(view) <= 2 and not host.locator(".controls").is_visible()


def test_the_close_up_of_a_node_with_many_operands_folds_the_rest(opened):
    xs = [Value(float(i), f"x{i}") for i in range(40)]
    host = opened(autograd.mean(xs) * 1.0)
    press(host, "Only the current node")
    press(host, "Last step")
    press(host, "Previous step")
    assert host.locator(".viewport .node.current .name").inner_html() == "x₃₉"
    assert host.locator(".viewport .node").count() <= 9 and "and 33 more" in host.locator(".viewport").inner_text()


def test_hostile_labels_run_nothing(opened, watched):
    host = opened(hostile())
    page = watched.page
    for index in range(0, len(watched.stepper.frames), 3):
        host.get_by_role("slider", name="Step").fill(str(index))
    press(host, "Only the current node")
    press(host, "First step")
    assert page.evaluate("window.hacked") is None
    assert host.locator("script, iframe, object, embed, foreignObject, a").count() == 0
    assert host.locator("img").count() == 0
    handlers = (
        "h => [...h.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on')).length"
    )
    assert host.evaluate(handlers) == 0
    names = [row["name"] for row in host.evaluate(SHOWN)["rows"]]
    for payload in HOSTILE[:4]:
        assert any(payload[:15] in name for name in names)


def test_the_policy_stops_what_slips_in(watched, tmp_path):
    """The safety net itself: with an injected script and handler, the policy blocks both."""
    page_text = autograd.stepper(Value(1.0, "x") * 2).page()
    slipped = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'></body>"
    file = tmp_path / "slipped.html"
    file.write_text(page_text.replace("</body>", slipped), encoding="utf-8")
    page = watched.open(file)
    page.locator(".controls").wait_for()
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in complaint for complaint in watched.complaints)


def test_without_scripts_the_static_picture_is_there(browser, tmp_path):
    context = browser.browser.new_context(java_script_enabled=False) if browser.browser else None
    if context is None:
        pytest.skip("this browser gives no second context in which scripts could be switched off")
    page = context.new_page()
    page.goto(autograd.stepper(network()).save(tmp_path / "steps.html").as_uri())
    image = page.locator(".tracegrad-stepper img")
    assert image.bounding_box()["width"] > 300
    assert "∂L/∂w₁" in image.get_attribute("alt")
    context.close()


def test_two_steppers_on_one_page_do_not_disturb_each_other(watched, tmp_path):
    from autograd.view.stepper import document

    first, second = autograd.stepper(network()), autograd.stepper(lecture_network()[0])
    file = tmp_path / "two.html"
    file.write_text(document("Two", first.html() + second.html() + first.html()), encoding="utf-8")
    page = watched.open(file)
    hosts = page.locator(".tracegrad-stepper")
    assert hosts.count() == 3
    press(hosts.nth(1), "Last step")
    counts = [hosts.nth(i).locator(".count").inner_text() for i in range(3)]
    assert counts[0] == counts[2] == f"Step 1 of {len(first.frames)}"
    assert counts[1].split()[1] == str(len(second.frames))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) and watched.complaints == []
