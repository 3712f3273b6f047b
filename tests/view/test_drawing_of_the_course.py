"""The drawing function that every viewer of "Neural Networks: Zero to Hero" types, word for word, on our Values."""

from __future__ import annotations

from typing import Any

from graphviz import Digraph

from autograd import Value


# fmt: off
def trace(root):  # type: ignore[no-untyped-def]
  # builds a set of all nodes and edges in a graph
  nodes, edges = set(), set()
  def build(v):  # type: ignore[no-untyped-def]
    if v not in nodes:
      nodes.add(v)
      for child in v._prev:
        edges.add((child, v))
        build(child)
  build(root)
  return nodes, edges

def draw_dot(root):  # type: ignore[no-untyped-def]
  dot = Digraph(format='svg', graph_attr={'rankdir': 'LR'}) # LR = left to right

  nodes, edges = trace(root)
  for n in nodes:
    uid = str(id(n))
    # for any value in the graph, create a rectangular ('record') node for it
    dot.node(name = uid, label = "{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad), shape='record')  # noqa: UP031
    if n._op:
      # if this value is a result of some operation, create an op node for it
      dot.node(name = uid + n._op, label = n._op)
      # and connect this node to it
      dot.edge(uid + n._op, uid)

  for n1, n2 in edges:
    # connect n1 to the op node of n2
    dot.edge(str(id(n1)), str(id(n2)) + n2._op)

  return dot
# fmt: on


def test_the_drawing_function_of_the_course_runs_unchanged() -> None:
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1 = x1 * w1
    x1w1.label = "x1*w1"
    x2w2 = x2 * w2
    x2w2.label = "x2*w2"
    x1w1x2w2 = x1w1 + x2w2
    x1w1x2w2.label = "x1*w1 + x2*w2"
    n = x1w1x2w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    o.backward()
    nodes, edges = trace(o)
    assert len(nodes) == 10 and len(edges) == 9
    source: Any = draw_dot(o).source
    assert source.count("shape=record") == 10 and source.count("->") == 9 + 5
    for label in ("{ o | data 0.7071 | grad 1.0000 }", "{ w1 | data -3.0000 | grad 1.0000 }", "label=tanh"):
        assert label in source
