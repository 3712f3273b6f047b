"""What the tests of models that come in share."""

import math

import numpy as np

import autograd
import nn


def agree(model, X, expected, tolerance=1e-12):
    """Outputs equal to 1e-12 of the largest, by each engine and by the graph."""
    expected = np.asarray(expected, dtype=np.float64)
    expected = expected[:, 0] if expected.ndim == 2 and expected.shape[1] == 1 else expected
    tolerance *= max(1.0, np.abs(expected).max())
    for engine in ("eager", "compiled"):
        np.testing.assert_allclose(model.predict(X, engine), expected, rtol=0, atol=tolerance)
    graph = model(X[0].tolist())
    outputs = [node.data for node in graph] if isinstance(graph, list) else graph.data
    np.testing.assert_allclose(outputs, expected[0], rtol=0, atol=tolerance)


def explained(model, x):
    """The output has a ledger that sums to the gradient, a derivation, and the network a picture."""
    root = nn.trace(model, x)
    root = root[0] if isinstance(root, list) else root
    root.backward()
    weight = model.layers[0].neurons[0].weights[0]
    ledger = autograd.ledger(root, weight)
    assert math.isclose(sum(path.product for path in ledger.paths) + ledger.remainder, weight.grad, abs_tol=1e-12)
    assert "w^{1}_{11}" in autograd.derivation(root, weight).latex()
    assert nn.draw_network(model, x).svg().startswith("<svg")
