"""Neural networks built from scalars: neurons, layers, losses, optimizers, data and training.

>>> import nn
>>> model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=1)
>>> model
MLP(2, [16, 16, 1], activation='tanh', output='linear'): 337 parameters
>>> X, y, *_ = nn.datasets.moons(40, noise=0.1)
>>> optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
>>> history = nn.fit(model, nn.binary_cross_entropy, X, y, optimizer, epochs=5, batch_size=10, progress=False)
>>> history.loss[-1] < history.loss[0]
True
"""

import typing as _typing

try:
    from autograd import Value as _Value  # from the package itself: HIPS autograd leaves our value.py where it was
except Exception:  # HIPS autograd has taken the package's name: `tracegrad doctor`, which lives here, must say so
    _ENGINE = False
else:
    _ENGINE = _Value.__module__ == "autograd.value"

if _ENGINE:
    from autograd import face as _face

    from . import hints as _hints
    from . import schedules as schedules
    from .clipping import clip_grad_norm as clip_grad_norm
    from .clipping import clip_grad_value as clip_grad_value
    from .layers import MLP as MLP
    from .layers import Layer as Layer
    from .layers import Neuron as Neuron
    from .layers import trace as trace
    from .losses import binary_cross_entropy as binary_cross_entropy
    from .losses import cross_entropy as cross_entropy
    from .losses import hinge_loss as hinge_loss
    from .losses import huber_loss as huber_loss
    from .losses import l1_loss as l1_loss
    from .losses import log_loss as log_loss
    from .losses import logistic_loss as logistic_loss
    from .losses import mse_loss as mse_loss
    from .losses import nll_loss as nll_loss
    from .module import Module as Module
    from .optimizers import SGD as SGD
    from .optimizers import AdaGrad as AdaGrad
    from .optimizers import Adam as Adam
    from .optimizers import Optimizer as Optimizer
    from .optimizers import RMSprop as RMSprop

if _typing.TYPE_CHECKING:  # what `_LATER` lists, for readers and type checkers
    from autograd.notation.names import latex_name as latex_name

    from . import checkpoint as checkpoint
    from . import datasets as datasets
    from . import metrics as metrics
    from . import plots as plots
    from . import reference as reference
    from .bridges import from_arrays as from_arrays
    from .bridges import from_onnx as from_onnx
    from .bridges import from_sklearn as from_sklearn
    from .bridges import from_torch as from_torch
    from .checkpoint import CheckpointError as CheckpointError
    from .checkpoint import load as load
    from .checkpoint import save as save
    from .classroom import ClassReport as ClassReport
    from .classroom import class_report as class_report
    from .descent import Descent as Descent
    from .descent import descend as descend
    from .diagram import draw_network as draw_network
    from .flow import GradientFlow as GradientFlow
    from .flow import gradient_flow as gradient_flow
    from .history import EarlyStopping as EarlyStopping
    from .history import History as History
    from .recording import Recording as Recording
    from .run import Epoch as Epoch
    from .search import LineSearch as LineSearch
    from .search import descent_range as descent_range
    from .search import directional_derivative as directional_derivative
    from .search import line_search as line_search
    from .training import fit as fit
    from .watching import watch as watch

_LATER = {
    "checkpoint": ".checkpoint", "CheckpointError": ".checkpoint", "load": ".checkpoint", "save": ".checkpoint",
    "datasets": ".datasets", "metrics": ".metrics", "EarlyStopping": ".history", "History": ".history",
    "Epoch": ".run", "fit": ".training", "Recording": ".recording",
    "ClassReport": ".classroom", "class_report": ".classroom",
    "plots": ".plots", "reference": ".reference", "draw_network": ".diagram", "gradient_flow": ".flow",
    "GradientFlow": ".flow", "line_search": ".search", "descend": ".descent", "directional_derivative": ".search",
    "descent_range": ".search",
    "Descent": ".descent", "LineSearch": ".search",
    "latex_name": "autograd.notation.names",
    "from_arrays": ".bridges", "from_onnx": ".bridges", "from_sklearn": ".bridges",
    "from_torch": ".bridges",
    "schedules": ".schedules", "watch": ".watching",
}  # fmt: skip
"""Public names whose modules are imported at their first use, and modules that are public themselves."""

if not _typing.TYPE_CHECKING:  # type checkers read the imports above, and so find names that are misspelled
    if _ENGINE:
        __all__ = _face.public(globals(), _LATER)  # noqa: PLE0605
        __getattr__ = _face.finder(__name__, globals(), _LATER, _hints.HINTS)

        def __dir__() -> list[str]:
            return __all__

    else:

        def __getattr__(name: str) -> _typing.Any:
            from .doctor import CURE

            raise ImportError(f"nn needs tracegrad's package autograd and found another one. {CURE}")
