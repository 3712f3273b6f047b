"""The drawing of a network: a node is one entry of a layer's vector, an edge one entry of its matrix."""

from .network import NetworkDiagram as NetworkDiagram
from .network import draw_network as draw_network
