"""Checking derivatives against finite differences, for the whole function and for every edge of its graph.

- `differences`: slopes of a function of floats, with a measured bound of their error;
- `edges`: every stored local derivative of a graph against the value of its own operation;
- `rounding`: how far a computed value and a computed gradient can be trusted;
- `many_points`: one graph at thousands of points at once;
- `subject`: the function under test, called at other points and put back;
- `verdict`: what the numbers of a row mean, and why a row failed;
- `second`: the same for second derivatives;
- `checking`: `gradcheck` and `error_curve`;
- `report`: rows, verdicts, the table.
"""

from .checking import error_curve as error_curve
from .checking import gradcheck as gradcheck
from .differences import Estimate as Estimate
from .edges import Edge as Edge
from .edges import EdgeReport as EdgeReport
from .edges import check_edges as check_edges
from .report import ADVICE as ADVICE
from .report import GradcheckError as GradcheckError
from .report import Report as Report
from .report import Row as Row
from .report import UndecidedError as UndecidedError
