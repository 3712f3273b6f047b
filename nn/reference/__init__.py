"""The lectures' closed forms of backpropagation, in plain NumPy and in matrix form.

Nothing here builds a graph: each function writes a lecture's equations down line by line, and returns every quantity
in them under its own name. The tests compare the engine with them entry by entry; a reader compares them with the
slide. Only the activations (value and slope) come from the operation table, where they are stated once, and a cost
that has no closed form here is differentiated by the engine with respect to the network's outputs alone.

Vectors are columns, of shape (n, 1), so that ``a @ B.T`` reads as on paper. Weights stand as each lecture has them:
``W`` maps by ``W @ x`` (outputs × inputs); Ω and the matrices of `two_layers` are its transpose (inputs × outputs).
"""

from .closed_forms import GeneralForm as GeneralForm
from .closed_forms import IrisGradients as IrisGradients
from .closed_forms import TwoLayers as TwoLayers
from .closed_forms import general_form as general_form
from .closed_forms import iris_network as iris_network
from .closed_forms import paths_2221 as paths_2221
from .closed_forms import two_layers as two_layers
from .costs import COSTS as COSTS
from .costs import activate as activate
from .costs import column as column
from .costs import cost as cost
from .recursion import Backpropagation as Backpropagation
from .recursion import backpropagation as backpropagation
from .recursion import matrices as matrices
