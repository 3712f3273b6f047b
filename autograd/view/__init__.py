"""Pictures of graphs: what is shown (`picture`), where it stands (`layout`), how it is written (`dot`, `svg`)."""

from .drawing import Drawing as Drawing
from .drawing import draw as draw
from .layout import Layout as Layout
from .layout import layered as layered
from .render import RenderError as RenderError
