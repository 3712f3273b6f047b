"""Firefox for the tests of pages, spoken to in WebDriver BiDi, which it understands without a driver beside it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("firefox-esr", "firefox")
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
KEYS = {"ArrowRight": "\ue014", "ArrowLeft": "\ue012", "Home": "\ue011", "End": "\ue010", "Tab": "\ue004", " ": " "}
"""The code points that stand for keys (WebDriver, section 17.4.2)."""
SECONDS = 60.0


class Tab:
    """A tab: what it shows, and everything it complained about or asked the network for."""

    def __init__(self, firefox: Firefox) -> None:
        self._firefox = firefox
        self.context = firefox.ask("browsingContext.create", type="tab")["context"]
        self.complaints: list[str] = []
        self.requests: list[str] = []
        firefox.tabs[self.context] = self

    def size(self, width: int, height: int) -> None:
        """Make what is seen of the page so large, in CSS pixels."""
        self._firefox.ask(
            "browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height}
        )

    def open(self, address: str | Path) -> None:
        """Load a page, to its end."""
        url = address.as_uri() if isinstance(address, Path) else address
        self._firefox.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """What an expression of JavaScript gives, in JSON's types; a promise is awaited."""
        found = self._firefox.ask(
            "script.callFunction", target={"context": self.context}, awaitPromise=True,
            functionDeclaration=f"async () => JSON.stringify(await ({expression}) ?? null)",
        )  # fmt: skip
        if found["type"] != "success":
            raise AssertionError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        self.evaluate(
            f"new Promise((done, failed) => {{ const end = Date.now() + {SECONDS * 1000:.0f}; const look = () => "
            f"({expression}) ? done(true) : Date.now() > end ? failed(new Error('never: ' + {json.dumps(expression)}))"
            f" : setTimeout(look, 20); look(); }})"
        )

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._firefox.ask("input.performActions", context=self.context, actions=[source])

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        box = self.evaluate(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect(); "
            f"return [b.x + b.width / 2, b.y + b.height / 2]; }})(document.querySelector({json.dumps(selector)}))"
        )
        x, y = map(round, box)
        pointer = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        source = {"type": "pointer", "id": "mouse", "actions": pointer}
        self._firefox.ask("input.performActions", context=self.context, actions=[source])

    def close(self) -> None:
        """Close it."""
        self._firefox.ask("browsingContext.close", context=self.context)
        del self._firefox.tabs[self.context]


class Firefox:
    """A session with a Firefox at the other end of a web socket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.tabs: dict[str, Tab] = {}
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def ask(self, method: str, **parameters: Any) -> Any:
        """The answer to a command; what happens before it comes is noted."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=2 * SECONDS))
            if message["type"] == "event":
                self._note(message["method"], message["params"])
            elif message["id"] == number:
                if message["type"] == "error":
                    raise AssertionError(f"{method}: {message['message']}")
                return message["result"]

    def _note(self, event: str, told: dict[str, Any]) -> None:
        tab = self.tabs.get(told["source"].get("context") if event == "log.entryAdded" else told.get("context"))
        if tab is None:
            return
        if event == "log.entryAdded":
            tab.complaints.append(f"{told['level']}: {told['text']}")
        else:
            tab.requests.append(told["request"]["url"])


@contextlib.contextmanager
def running(profile: Path) -> Iterator[Firefox]:
    """A Firefox without a window, with a profile of its own; the test is skipped where there is none."""
    client = pytest.importorskip("websockets.sync.client", reason="no websockets: pip install websockets")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no Firefox: none of {', '.join(NAMES)} is on PATH")
    (profile / "user.js").write_text(
        'user_pref("datareporting.policy.dataSubmissionEnabled", false);\nuser_pref("app.normandy.enabled", false);\n'
    )
    reader = threading.Thread()
    process = subprocess.Popen(
        [program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "MOZ_HEADLESS": "1"},
    )  # fmt: skip
    said = process.stderr
    assert said is not None
    try:
        found = next(filter(None, map(LISTENING.search, said)), None)
        assert found is not None, "Firefox ended before it listened"
        reader = threading.Thread(target=said.read, daemon=True)  # a full pipe would stop it
        reader.start()
        with client.connect(f"{found[1]}/session", max_size=None) as socket:
            firefox = Firefox(socket)
            yield firefox
            firefox.ask("browser.close")
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        if reader.ident is not None:
            reader.join()
        said.close()
