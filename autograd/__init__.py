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
from .functional import dual_numbers as dual_numbers
from .functional import grad as grad
from .functional import hessian as hessian
from .functional import hvp as hvp
from .functional import jacobian as jacobian
from .functional import jvp as jvp
from .functional import value_and_grad as value_and_grad
from .functional import vjp as vjp
from .functions import *  # noqa: F403 (what the table of operations holds; its `__all__` says so)
from .modes import AnomalyError as AnomalyError
from .modes import TraceError as TraceError
from .modes import detect_anomaly as detect_anomaly
from .modes import no_grad as no_grad
from .modes import record_source as record_source
from .native import engine as engine
from .ops import Op as Op
from .registry import register as register
from .registry import registered as registered
from .registry import unregister as unregister
from .value import Value as Value

if _typing.TYPE_CHECKING:  # what `_LATER` lists, for readers and type checkers
    from tracegrad import __version__ as __version__

    from . import check as check
    from . import explain as explain
    from .algebra import from_sympy as from_sympy
    from .check import GradcheckError as GradcheckError
    from .check import UndecidedError as UndecidedError
    from .check import gradcheck as gradcheck
    from .compiler import Program as Program
    from .compiler import compile as compile
    from .explain import check_derivation as check_derivation
    from .explain import derivation as derivation
    from .explain import diagnose as diagnose
    from .explain import formula as formula
    from .explain import ledger as ledger
    from .explain import mutants as mutants
    from .explain import practice as practice
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
    "explain": ".explain", "check_derivation": ".explain", "derivation": ".explain", "diagnose": ".explain",
    "formula": ".explain", "ledger": ".explain", "mutants": ".explain", "practice": ".explain",
    "from_sympy": ".algebra",
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
