"""How large the gradient is, layer by layer: does it vanish or explode on its way to the input?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from autograd.answer import Answer, Part
from autograd.notation.tables import Table
from autograd.text import minus

from .reference import general_form
from .reference.costs import Loss


class _Sizes(NamedTuple):
    norms: list[float]
    bounds: list[float]
    product_bounds: list[float]
    cost: float


class GradientFlow(Answer, _Sizes):
    """Sizes of ∇_{Wˡ}E, layer 1 (next to the input) first.

    Attributes:
        norms: ‖∇_{Wˡ}E‖₂, the largest singular value.
        bounds: the mean over the samples of ‖Diag(φˡ')‖₂ ‖Vˡ⁺¹…Vᴸδᴸ‖₂ ‖aˡ⁻¹‖₂.
        product_bounds: the same with ‖Vˡ⁺¹‖₂ … ‖Vᴸ‖₂ ‖δᴸ‖₂ in the middle, one factor per layer above.
        cost: E.
    """

    __slots__ = ()

    def _heading(self) -> str:
        return "How large the gradient is, layer by layer"

    def _content(self) -> list[Part]:
        columns = [[minus(f"{x:.3e}") for x in sizes] for sizes in (self.norms, self.bounds, self.product_bounds)]
        rows = [(str(layer), *cells) for layer, cells in enumerate(zip(*columns), 1)]
        return [Table(("layer", "‖∇W‖₂", "bound", "product of norms"), rows, range(4))]


def gradient_flow(model: Any, X: ArrayLike, y: Sequence[Any] | ArrayLike, loss: Loss) -> GradientFlow:
    """Measure the gradient of each layer's matrix at the present weights, with the lecture's bounds next to it.

    For E = (1/N) Σ e(xⁱ, yⁱ) the triangle inequality makes the mean of the samples' bounds a bound for E.

    Args:
        model: an `nn.MLP`.
        X: N samples, (N, n).
        y: N targets.
        loss: a loss of `nn`, its name, ``"squared_error"`` for e = (ŷ − y)², or a function of Values.

    Raises:
        ValueError: there are no samples, or their number differs from that of the targets.

    Example: over training, one measurement per epoch::

        flows = [nn.gradient_flow(model, X, y, loss)]
        nn.fit(model, loss, X, y, ..., callbacks=[lambda _: flows.append(nn.gradient_flow(model, X, y, loss))])
        nn.plots.gradient_flow_over_training(flows)
    """
    rows = np.asarray(X, dtype=float)
    targets = [entry.tolist() if isinstance(entry, (np.ndarray, np.generic)) else entry for entry in y]  # type: ignore[union-attr]
    if not len(rows) or len(rows) != len(targets):
        raise ValueError(
            f"gradient_flow needs as many samples as targets, at least one; got {len(rows)}, {len(targets)}"
        )
    forms = [general_form(model, row, target, loss) for row, target in zip(rows, targets)]
    layers = sorted(forms[0].gradient_W)
    means = {layer: np.mean([form.gradient_W[layer] for form in forms], axis=0) for layer in layers}
    return GradientFlow(
        [float(np.linalg.norm(means[layer], 2)) for layer in layers],
        [float(np.mean([form.bound[layer] for form in forms])) for layer in layers],
        [float(np.mean([form.product_bound[layer] for form in forms])) for layer in layers],
        float(np.mean([form.cost for form in forms])),
    )
