"""Pictures with matplotlib, imported when the first of them is made. Each function draws into ``ax`` and returns it.

Without ``ax`` a figure of its own is opened. Colors are Okabe and Ito's and cividis, which every kind of color
vision tells apart; lines differ in their dashes and points in their markers too, so that a gray print can be read.
"""

from .curves import accuracy_curve as accuracy_curve
from .curves import activation as activation
from .curves import curves as curves
from .curves import gradient_flow as gradient_flow
from .curves import gradient_flow_over_training as gradient_flow_over_training
from .curves import loss_curve as loss_curve
from .images import confusion_matrix as confusion_matrix
from .images import images as images
from .images import mistakes as mistakes
from .images import weight_images as weight_images
from .images import worst_mistakes as worst_mistakes
from .planes import decision_boundary as decision_boundary
from .planes import loss_surface as loss_surface
from .style import COLOURS as COLOURS
