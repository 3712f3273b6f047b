"""`draw`: the picture of a graph, as an object that shows itself in notebooks and saves itself to files.

What every SVG made here promises, whichever engine placed the boxes (other parts of the library build on it):

- the k-th node of ``graph.topological(root)`` is ``<g class="node …" id="node-<k>">``, with the texts ``.label``,
  ``.data`` and ``.grad``, the outline ``rect.box`` and, for an operation, ``.badge`` and ``.sign``;
- the edge from that node's operand number ``position`` is ``<g class="edge" id="edge-<k>-<position>">`` with the
  paths ``.line`` and ``.head``; its local derivative is ``<text class="slope" data-edge="edge-<k>-<position>">``;
- in a folded drawing several nodes share ``id="group-<j>"`` (``data-nodes="3-5 9"`` lists them) and several edges
  ``id="wire-<j>"``; `Drawing.element` and `Drawing.edge_element` look ids up;
- ``svg(prefix="a-")`` puts ``a-`` before each id (not before ``data-edge``). There are no other ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .. import convert
from ..answer import Answer
from ..graph import edit_note, topological
from ..notation.naming import UserNames, names_of
from ..page import document
from ..text import figure, xml
from . import dot, folding, mermaid, render, svg, tikz, unfolding
from .composing import picture
from .picture import Grouping, Picture

if TYPE_CHECKING:
    import graphviz

    from ..value import Value
    from .layout import Layout


AUTO, MOST = 60, 2000
"""The most boxes by default: where a drawing folds by itself, and else."""
SLIDE = (1280, 720)
"""Width and height of a slide in points of a picture: in one that is no larger, text has 9 points of a printer."""


def draw(
    root: Value | Iterable[Value],
    *,
    rankdir: str = "LR",
    max_nodes: int | None = None,
    fold: str | bool | None = "auto",
    highlight: Iterable[Any] = (),
    parameters: Iterable[Value] = (),
    format: str = "svg",
    engine: str = "auto",
    legend: bool = True,
    timeout: float = 10.0,
    names: UserNames | None = None,
) -> Drawing:
    """Draw the graph of ``root``: each node with its name, value and gradient, each edge with its local derivative.

    The names are those of all views (see `autograd.notation.names_of`): w¹₃₄ for ``layers.0.neurons.2.weights.3``,
    v₁, v₂, … for nodes without a label. The drawing is made now: later changes of values or gradients do not show in
    it.

    Args:
        root: the result whose graph is drawn, or several.
        rankdir: ``LR`` (left to right), ``TB`` (top to bottom), ``RL`` or ``BT``.
        max_nodes: the most boxes; of a larger graph, the part nearest to the root is drawn and the rest is put in one
            box. By default 60 where the drawing folds by itself, else 2,000.
        fold: ``"sum"`` draws each sum of products as one box, ``"neuron"`` and ``"layer"`` each neuron or layer. These
            are found by the labels of the parameters, such as ``layers.0.neurons.3.weights.1``. ``"auto"`` draws every
            node of a graph of up to ``max_nodes`` nodes, and folds a larger one: the finest of the three whose picture
            fits on a slide of 1280 × 720 points at its natural size. ``None`` or ``False`` folds nothing that
            ``max_nodes`` allows.
        highlight: nodes, or paths (sequences of nodes; the paths of a ledger), to be drawn in vermilion.
        parameters: leaves to be drawn as parameters; by default those whose label has a dot. The others are inputs.
        format: what a notebook shows, ``"svg"`` or ``"png"``.
        engine: ``"auto"`` uses the program ``dot``, else pygraphviz, else the built-in layout (always for more than
            1,000 nodes); or one of ``"dot"``, ``"pygraphviz"``, ``"builtin"``.
        legend: whether there is a legend below.
        timeout: seconds that Graphviz may take for a layout.
        names: letters of your own: a mapping from a Value, or from a label, to a name in the label language.

    Raises:
        TypeError: ``root`` is not a Value.
        ValueError: an option has none of its values.

    Example:
        >>> from autograd import Value, draw
        >>> x = Value(3.0, "x")
        >>> draw(x * x + 1.0)
        <Drawing of 4 nodes; show it in a notebook, or .save('graph.svg')>
    """
    _one_of("rankdir", rankdir, ("LR", "TB", "RL", "BT"))
    _one_of("format", format, ("svg", "png"))
    _one_of("engine", engine, render.ENGINES)
    _one_of("fold", fold, ("auto", *folding.FOLDS, None, False))
    most = (AUTO if fold == "auto" else MOST) if max_nodes is None else max_nodes
    if most < 1:
        raise ValueError(f"max_nodes is the number of boxes to draw, at least 1; got {max_nodes}")
    order = topological(root)
    if not order:
        raise ValueError("there is nothing to draw: the list of roots is empty")
    called = names_of(root, names, order)
    marked, marked_edges = _highlighted(order, highlight)
    chosen, edited = set(parameters), edit_note(root, order)

    def made(grouping: Grouping | None, notes: list[str]) -> Picture:
        return picture(order, called, chosen, grouping, marked, marked_edges, [*notes, *edited])

    if fold == "auto" and len(order) > most:
        shown = _readable((made(*each) for each in folding.choices(order, most, called)), rankdir, legend)
    else:
        shown = made(*folding.grouping(order, str(fold) if fold and fold != "auto" else None, most, called))
    folded = len(shown.boxes) < len(order) <= unfolding.MOST_NODES
    whole = picture(order, called, chosen, None, marked, marked_edges) if folded else None
    return Drawing(shown, rankdir, engine, format, legend, timeout, whole)


def _readable(pictures: Iterator[Picture], rankdir: str, legend: bool) -> Picture:
    """The first picture that fits on a slide; if there is none, the first."""
    first = None
    for made in pictures:
        wide, high = svg.size(made, render.placed(made, rankdir, "builtin", 0.0)[0], legend)
        if wide <= SLIDE[0] and high <= SLIDE[1]:
            return made
        first = first or made
    assert first is not None  # there is always a choice
    return first


def _one_of(name: str, given: object, allowed: tuple[object, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"{name} is one of {', '.join(map(repr, allowed))}; got {given!r}")


def _highlighted(order: list[Value], highlight: Iterable[Any]) -> tuple[set[Value], set[tuple[int, int]]]:
    marked: set[Value] = set()
    steps: set[tuple[Value, Value, int | None]] = set()  # operand, result, and as which operand if that is known
    for item in [highlight] if hasattr(highlight, "parents") or hasattr(highlight, "nodes") else highlight:
        path: list[Any] = [item] if hasattr(item, "parents") else list(getattr(item, "nodes", item))
        if not all(hasattr(node, "parents") for node in path):
            raise TypeError("highlight takes nodes of the graph, or paths: sequences of nodes")
        marked.update(path)
        positions = getattr(item, "positions", None) or [None] * len(path)
        for (a, b), position in zip(pairwise(path), positions):
            steps |= {(a, b, position), (b, a, position)}
    edges = {
        (k, position)
        for k, node in enumerate(order)
        if node in marked
        for position, parent in enumerate(node.parents)
        if (parent, node, position) in steps or (parent, node, None) in steps
    }
    return marked, edges


class Drawing(Answer):
    """A picture of a graph. In a notebook it shows itself; `save` writes it to a file.

    Its suffix chooses .svg, .png, .pdf, .dot, .tex (TikZ), .mmd (Mermaid) or .html; PNG and PDF need cairosvg,
    rsvg-convert, inkscape or Graphviz, and raise `RenderError` where all are missing or fail.

    Attributes:
        source: DOT text, the same for the same graph on every machine.
        picture: the boxes and wires that it shows.
    """

    def __init__(
        self,
        picture: Picture,
        rankdir: str,
        engine: str,
        format: str,
        legend: bool,
        timeout: float,
        whole: Picture | None = None,
    ) -> None:
        self.picture = picture
        self._whole = whole
        self._rankdir = rankdir
        self._engine = engine
        self._format = format
        self._legend = legend
        self._timeout = timeout
        self._placed: tuple[Layout, str] | None = None

    @property
    def source(self) -> str:
        """The drawing as DOT text."""
        return dot.source(self.picture, self._rankdir)

    def mermaid(self) -> str:
        """The drawing as Mermaid text, which GitHub, GitLab and many wikis draw where a page has it in a code block."""
        return mermaid.source(self.picture, self._rankdir)

    def tikz(self) -> str:
        """The drawing as a ``tikzpicture`` for LaTeX, to be put into a document that uses the package ``tikz``.

        ``save("graph.tex")`` writes a document of its own. The legend stays out: a figure has a caption.

        Raises:
            RenderError: as `svg`.
        """
        return tikz.source(self.picture, self._place()[0], self._rankdir)

    def graphviz(self) -> graphviz.Source:
        """The drawing as an object of the `graphviz` package, to go on with its tools (``.render``, ``.view``, …).

        What needs the `dot` program there fails without it, and may take as long as `dot` takes; `save` does neither.
        """
        import graphviz

        return graphviz.Source(self.source, format=self._format, engine="dot")

    @property
    def engine(self) -> str:
        """The engine that placed the boxes: ``dot``, ``pygraphviz`` or ``builtin``."""
        return self._place()[1]

    def _place(self) -> tuple[Layout, str]:
        if self._placed is None:
            self._placed = render.placed(self.picture, self._rankdir, self._engine, self._timeout)
        return self._placed

    def svg(self, prefix: str = "") -> str:
        """The drawing as SVG text; ``prefix`` is put before each id, so that a page can hold several drawings.

        Raises:
            RenderError: an engine was asked for by name and is missing or failed.
        """
        return svg.render(self.picture, self._place()[0], self._rankdir, prefix, self._legend)

    def png(self) -> bytes:
        """The drawing as a PNG image: through a converter of SVG if there is one (see `convert`), else Graphviz.

        Raises:
            RenderError: there is neither, they failed, or the picture is larger than a PNG can be.
        """
        return self._through("png")

    def pdf(self) -> bytes:
        """The drawing as a PDF page; as `png`."""
        return self._through("pdf")

    def _through(self, form: str) -> bytes:
        wide, high = svg.size(self.picture, self._place()[0], self._legend)
        scale = convert.scale_of(wide, high)
        if form == "png" and scale < 1:
            raise render.RenderError(
                f"the picture is {wide:,.0f} × {high:,.0f} points, larger than a .png can be. Let it fold "
                "(fold='auto'), draw less (max_nodes=), or save an .svg, which always works"
            )
        try:
            return convert.convert(self.svg(), form, scale)
        except RuntimeError as error:
            failed = error
        if self._place()[1] == "builtin" and max(len(self.picture.boxes), len(self.picture.wires)) > render.LIMIT:
            raise render.RenderError(f"{failed}. Graphviz would take minutes for so many boxes")
        return render.image(self.source, form, max(self._timeout, 20.0))

    def html(self) -> str:
        """The drawing as an HTML image: it shows in trusted and in untrusted notebooks, where inline SVG does not."""
        if self._format == "png":
            return figure(self.png(), self._heading(), "image/png")
        return figure(self.svg().encode(), self._heading())

    def page(self) -> str:
        """The drawing as a page; a folded one zooms, and a click on a box shows what is in it."""
        if self._whole is None or self._format == "png":
            return super().page()
        shown = unfolding.html(self.picture, self._whole, self.html(), self._rankdir)
        return document(self._heading(), f'<main class="whole"><h1>{xml(self._heading())}</h1>\n{shown}</main>')

    def _heading(self) -> str:
        return f"Computational graph of {self.picture.nodes} nodes"

    def element(self, node: int) -> str:
        """The id of the element that shows the node at this position of the topological order.

        Raises:
            IndexError: there is no such node.
        """
        for box in self.picture.boxes:
            if node in box.nodes:
                return box.id
        raise IndexError(f"the drawing has no node {node}; it has {self.picture.nodes}, counted from 0")

    def edge_element(self, node: int, position: int) -> str:
        """The id of the element that shows the edge from a node's operand; empty where it is folded into a box."""
        return next((wire.id for wire in self.picture.wires if (node, position) in wire.edges), "")

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {
            ".svg": self.svg, ".png": self.png, ".pdf": self.pdf, ".dot": lambda: self.source,
            ".tex": lambda: tikz.document(self.picture, self._place()[0], self._rankdir), ".mmd": self.mermaid,
            ".html": self.page,
        }  # fmt: skip

    def __str__(self) -> str:
        boxes, nodes = len(self.picture.boxes), self.picture.nodes
        shown = f"{nodes} nodes" if boxes == nodes else f"{nodes} nodes in {boxes} boxes"
        return f"<Drawing of {shown}; show it in a notebook, or .save('graph.svg')>"

    def _shown(self) -> str:
        """If an engine fails, the built-in one draws, with the reason below."""
        try:
            return self.html()
        except render.RenderError as error:
            layout, _ = render.placed(self.picture, self._rankdir, "builtin", self._timeout)
            drawn = svg.render(self.picture, layout, self._rankdir, legend=self._legend)
            return figure(drawn.encode(), self._heading()) + f"<p>{xml(str(error))}</p>"
