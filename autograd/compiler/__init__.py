"""The compiler: scalars in, matrices out."""

from .api import compile as compile
from .program import Program as Program
from .trace import FormError as FormError
