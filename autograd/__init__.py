"""tracegrad's engine: scalars in, every derivative in sight.

>>> from autograd import Value
>>> x, y = Value(2.0, "x"), Value(3.0, "y")
>>> z = x * y + x.sin()
>>> z.backward()
>>> x.grad == 3.0 + __import__("math").cos(2.0)
True
"""

import importlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

from . import graph as graph
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

if TYPE_CHECKING:  # what `_LAZY` lists, for readers and type checkers
    from . import check as check
    from . import explain as explain
    from .check import GradcheckError as GradcheckError
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

__version__ = "0.1.0"

_LAZY = {
    "Certificate": (".precision", "Certificate"),
    "certify": (".precision", "certify"),
    "check": (".check", ""),
    "compile": (".compiler", "compile"),
    "Program": (".compiler", "Program"),
    "gradcheck": (".check", "gradcheck"),
    "GradcheckError": (".check", "GradcheckError"),
    "derivation": (".explain", "derivation"),
    "diagnose": (".explain", "diagnose"),
    "draw": (".view", "draw"),
    "explain": (".explain", ""),
    "formula": (".explain", "formula"),
    "Frame": (".view.narration", "Frame"),
    "ledger": (".explain", "ledger"),
    "mutants": (".explain", "mutants"),
    "steps": (".view.frames", "steps"),
    "stepper": (".view.stepper", "stepper"),
}
"""Public names whose modules are imported at their first use: name -> (module, attribute), "" for the module itself."""


def _hips_autograd() -> str:
    """The metadata folder of HIPS autograd, which owns the same package name; empty if it is not installed.

    The folders of `sys.path` are listed in 0.3 ms. Importing `importlib.metadata` takes longer than this package.
    """
    for folder in sys.path:
        try:
            for name in os.listdir(folder or os.curdir):
                if name.startswith("autograd-") and name.endswith((".dist-info", ".egg-info")):
                    return os.path.join(folder, name)
        except OSError:  # a path that is not there, an archive
            continue
    return ""


if _other := _hips_autograd():
    warnings.warn(
        f"HIPS autograd is installed beside tracegrad ({_other}). Both own the package name `autograd`, and whichever "
        "is installed last overwrites files of the other. Use a fresh virtual environment for tracegrad, or run "
        "in its folder `pip uninstall autograd` and then `pip install --force-reinstall --no-deps .`",
        RuntimeWarning,
        stacklevel=2,
    )


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    found = importlib.import_module(module, __name__)
    if attribute:
        found = getattr(found, attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
