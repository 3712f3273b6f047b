"""tracegrad's engine: scalars in, every derivative in sight.

>>> from autograd import Value
>>> x, y = Value(2.0, "x"), Value(3.0, "y")
>>> z = x * y + x.sin()
>>> z.backward()
>>> x.grad == 3.0 + __import__("math").cos(2.0)
True
"""

import typing as _typing

from . import face as _face
from . import graph as graph
from . import hints as _hints
from . import neighbor as _neighbor
from .functional import grad as grad
from .functional import hessian as hessian
from .functional import hvp as hvp
from .functional import jacobian as jacobian
from .functional import value_and_grad as value_and_grad
from .functions import acos as acos
from .functions import asin as asin
from .functions import atan as atan
from .functions import cos as cos
from .functions import cosh as cosh
from .functions import dot as dot
from .functions import elu as elu
from .functions import erf as erf
from .functions import exp as exp
from .functions import expm1 as expm1
from .functions import gaussian as gaussian
from .functions import gelu as gelu
from .functions import leaky_relu as leaky_relu
from .functions import log as log
from .functions import log1p as log1p
from .functions import log_sum_exp as log_sum_exp
from .functions import maximum as maximum
from .functions import mean as mean
from .functions import minimum as minimum
from .functions import normal_cdf as normal_cdf
from .functions import normal_pdf as normal_pdf
from .functions import register as register
from .functions import registered as registered
from .functions import relu as relu
from .functions import sigmoid as sigmoid
from .functions import silu as silu
from .functions import sin as sin
from .functions import sinh as sinh
from .functions import softmax as softmax
from .functions import softplus as softplus
from .functions import sqrt as sqrt
from .functions import tan as tan
from .functions import tanh as tanh
from .functions import unregister as unregister
from .functions import where as where
from .modes import AnomalyError as AnomalyError
from .modes import TraceError as TraceError
from .modes import detect_anomaly as detect_anomaly
from .modes import no_grad as no_grad
from .modes import record_source as record_source
from .ops import Op as Op
from .value import Value as Value

if _typing.TYPE_CHECKING:  # what `_LATER` lists, for readers and type checkers
    from tracegrad import __version__ as __version__

    from . import check as check
    from . import explain as explain
    from .check import GradcheckError as GradcheckError
    from .check import UndecidedError as UndecidedError
    from .check import gradcheck as gradcheck
    from .compiler import Program as Program
    from .compiler import compile as compile
    from .explain import derivation as derivation
    from .explain import diagnose as diagnose
    from .explain import formula as formula
    from .explain import ledger as ledger
    from .explain import mutants as mutants
    from .precision import Certificate as Certificate
    from .precision import certify as certify
    from .view import draw as draw
    from .view.frames import steps as steps
    from .view.narration import Frame as Frame
    from .view.stepper import stepper as stepper

_LATER = {
    "__version__": "tracegrad",
    "check": ".check", "gradcheck": ".check", "GradcheckError": ".check", "UndecidedError": ".check",
    "compile": ".compiler", "Program": ".compiler",
    "explain": ".explain", "derivation": ".explain", "diagnose": ".explain", "formula": ".explain",
    "ledger": ".explain", "mutants": ".explain",
    "certify": ".precision", "Certificate": ".precision",
    "draw": ".view", "steps": ".view.frames", "Frame": ".view.narration", "stepper": ".view.stepper",
    "graph": ".graph",
}  # fmt: skip
"""Public names whose modules are imported at their first use, and modules that are public themselves."""

if not _typing.TYPE_CHECKING:  # type checkers read the imports above, and so find names that are misspelled
    __all__ = _face.public(globals(), _LATER)  # noqa: PLE0605
    __getattr__ = _face.finder(__name__, globals(), _LATER, _hints.HINTS)

    def __dir__() -> list[str]:
        return __all__


_neighbor.warn()
