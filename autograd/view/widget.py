"""The stepper as a Jupyter widget (extra ``[widget]``): its leaves can be edited, and Python recomputes the graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import graph
from . import scene

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise ImportError(
        "the widget needs anywidget: pip install anywidget. Without it the stepper still shows in a "
        "notebook, only that its leaves cannot be dragged"
    ) from error

if TYPE_CHECKING:
    from .stepper import Stepper

# The kernel sends numbers, the page sends edits; a frame's number goes both ways. An edit that arrives while the last
# one is still being computed waits, and only the newest is sent: dragging never queues up.
_RENDER = """
function render({ model, el }) {
  const host = document.createElement("div");
  el.append(host);
  let waiting = false, newest = null;
  const send = () => {
    if (waiting || newest === null) return;
    waiting = true;
    model.send({ edit: newest });
    newest = null;
  };
  const view = tracegradStepper(host, model.get("content"), model.get("picture"), {
    frame: (at) => { model.set("frame", at); model.save_changes(); },
    edit: (node, value) => { newest = { node, value }; send(); },
  });
  const answered = () => { waiting = false; send(); };
  const changed = () => { view.replace(model.get("content")); view.jump(model.get("frame")); };
  const moved = () => view.jump(model.get("frame"));
  view.jump(model.get("frame"));
  model.on("change:content", changed);
  model.on("change:frame", moved);
  model.on("msg:custom", answered);
  return () => {
    view.stop();
    model.off("change:content", changed);
    model.off("change:frame", moved);
    model.off("msg:custom", answered);
  };
}
export default { render };
"""


class StepperWidget(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget ships no types
    """A `Stepper` whose leaves can be edited on the page.

    An edit sets ``.data`` of the leaf, recomputes the graph with `graph.forward`, and records new frames; the
    ``.grad`` of the graph stays as it is. Edit leaves from Python and call `refresh` for the other direction.

    Attributes:
        frame: the number of the frame that is shown; set it to show another.
        stepper: the `Stepper`, whose frames are always those on the page.
    """

    _esm = traitlets.Unicode(scene.asset("elements.js") + scene.asset("stepper.js") + _RENDER).tag(sync=True)
    _css = traitlets.Unicode(scene.asset("picture.css") + scene.asset("stepper.css")).tag(sync=True)
    content = traitlets.Dict().tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        super().__init__(content=stepper.data(), picture=stepper.svg())
        self.on_msg(self._received)
        self.observe(self._keep_in_range, "frame")

    def _keep_in_range(self, change: dict[str, Any]) -> None:
        self.frame = min(max(change["new"], 0), len(self.stepper.frames) - 1)

    def _received(self, _widget: object, message: object, _buffers: object) -> None:
        edit = message.get("edit") if isinstance(message, dict) else None
        try:
            if isinstance(edit, dict):
                self.edit(edit["node"], edit["value"])
        except (KeyError, TypeError, ValueError) as error:
            self.send({"refused": str(error)})
        else:
            self.send({"done": True})

    def edit(self, node: int, value: float) -> None:
        """Give a leaf another value and recompute everything that depends on it.

        Args:
            node: the leaf's position in ``graph.topological(root)``.
            value: a finite number.

        Raises:
            TypeError: the position or the value is not a number.
            ValueError: the node is not a leaf, or the value is not finite.
        """
        if isinstance(node, bool) or not isinstance(node, int) or not 0 <= node < len(self.stepper.order):
            raise TypeError(f"{node!r} is not the position of a node of this graph")
        leaf = self.stepper.order[node]
        if leaf.parents or leaf.op:
            raise ValueError(f"{self.stepper.names[node]} is computed, not given: only leaves can be edited")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"a leaf takes a number, not {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"a leaf that is edited takes a finite number, not {value!r}")
        leaf.data = float(value)
        self.refresh()

    def refresh(self) -> None:
        """Recompute the graph and the frames from the leaves as they are now, and show them."""
        graph.forward(self.stepper.root)
        self.stepper.refresh()
        with self.hold_trait_notifications():
            self.frame = min(self.frame, len(self.stepper.frames) - 1)
            self.content = self.stepper.data()
