"""The widget's script in a real browser, with Python behind it but no notebook: a stand-in carries the messages."""

import pytest

import autograd
from autograd import Value

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><meta charset="utf-8"><title>widget</title><style>%s</style><div id="cell"></div>"""
MODEL = """async ([esm, state]) => {
    const handlers = {};
    window.outbox = [];
    window.model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => outbox.push({ frame: state.frame }),
        send: message => outbox.push(message),
        on: (event, handler) => { handlers[event] = handler; },
        off: event => { delete handlers[event]; },
        arrive: (name, value) => { state[name] = value; handlers[`change:${name}`]?.(); },
        answer: message => handlers['msg:custom']?.(message),
        handlers,
    };
    const module = await import(URL.createObjectURL(new Blob([esm], { type: 'text/javascript' })));
    window.leave = module.default.render({ model: window.model, el: document.getElementById('cell') });
}"""


@pytest.fixture
def joined(watched, tmp_path):
    """A widget in Python and the same in the browser, its messages carried by hand."""
    pytest.importorskip("anywidget", reason="the widget's tests need anywidget: pip install anywidget")
    w, x = Value(0.5, "w"), Value(2.0, "x")
    widget = autograd.stepper((w * x).tanh()).widget()
    file = tmp_path / "widget.html"
    file.write_text(PAGE % widget._css, encoding="utf-8")
    page = watched.open(file)
    state = {name: getattr(widget, name) for name in ("content", "picture", "frame")}
    page.evaluate(MODEL, [widget._esm, state])

    def deliver():
        """Hand everything that the page has said to Python, and Python's answers to the page."""
        while messages := page.evaluate("outbox.splice(0)"):
            for message in messages:
                if "frame" in message:
                    widget.frame = message["frame"]
                    continue
                answers = []
                widget.send = answers.append
                widget._received(widget, message, [])
                page.evaluate("content => model.arrive('content', content)", widget.content)
                page.evaluate("answer => model.answer(answer)", answers[0])

    yield widget, page, page.locator(".tracegrad-stepper"), deliver, (w, x)
    assert watched.complaints == []


def test_frames_go_both_ways(joined):
    widget, page, host, deliver, _ = joined
    host.get_by_role("button", name="Next step").click()
    deliver()
    assert widget.frame == 1
    page.evaluate("model.arrive('frame', 4)")
    assert host.locator(".count").inner_text() == "Step 5 of 8"


def test_a_typed_value_recomputes_the_graph(joined):
    widget, _, host, deliver, (w, _) = joined
    host.get_by_role("button", name="Next step").click()
    typed = host.get_by_role("spinbutton", name="Value of w")
    typed.fill("-3")
    typed.press("Enter")
    deliver()
    assert w.data == -3.0 and widget.stepper.root.data == widget.stepper.frames[2].after
    assert host.locator(".sentence").inner_text() == "v₁ = w · x = −3 · 2 = −6."
    assert host.locator(".viewport .edge .slope").all_text_contents()[:2] == ["2", "−3"]
    typed.fill("")
    typed.press("Enter")
    deliver()
    assert w.data == -3.0


def test_dragging_sends_one_edit_at_a_time_and_the_last_one_wins(joined):
    _, page, host, deliver, (_, x) = joined
    drag = host.get_by_role("slider", name="Value of x, to drag")
    for value in ("2.5", "3", "3.5", "4"):
        drag.fill(value)
    assert page.evaluate("outbox.length") == 1
    deliver()
    assert x.data == 4.0
    assert host.get_by_role("spinbutton", name="Value of x").input_value() == "4"


def test_what_is_dragged_stays_in_sight(joined):
    _, page, host, deliver, _ = joined
    page.evaluate("document.querySelector('.table').style.cssText = 'height: 60px; min-height: 0; max-height: 60px'")
    host.get_by_role("button", name="Last step").click()
    host.get_by_role("button", name="Go to the backward pass").click()
    host.locator(".table").evaluate("table => { table.scrollTop = 0 }")
    host.get_by_role("slider", name="Value of w, to drag").fill("0.25")
    deliver()
    assert host.locator(".table").evaluate("table => table.scrollTop") == 0
    assert host.locator("tbody th").all_inner_texts()[:2] == ["w", "x"]


def test_keys_in_a_field_stay_in_the_field(joined):
    _, page, host, _, _ = joined
    host.get_by_role("spinbutton", name="Value of w").focus()
    for key in ("ArrowLeft", "End", "Home", "f", "b"):
        page.keyboard.press(key)
    assert host.locator(".count").inner_text() == "Step 1 of 8"


def test_leaving_lets_go_of_the_model(joined):
    _, page, _, _, _ = joined
    assert page.evaluate("Object.keys(model.handlers).length") == 3
    page.evaluate("leave()")
    assert page.evaluate("Object.keys(model.handlers).length") == 0
