"""Mathematics on paper: names of nodes, formulas as trees, their derivatives, and how all of it is written.

`autograd.explain`, `autograd.view`, `autograd.check` and `autograd.precision` build on this package.
"""

from .names import Name as Name
from .names import latex_name as latex_name
from .names import name_of as name_of
from .naming import Names as Names
from .naming import names_of as names_of
