"""Exact arithmetic alongside floating point: how many digits of a result are right.

- `meanings`: what every operation means in mathematics, and its derivatives, at any number of digits (mpmath);
- `intervals`: the same on intervals that are certain to hold the exact number;
- `replay`: a recorded graph, forward and in reverse, in such an arithmetic;
- `losses`: at which operations digits were lost;
- `certificate`: rows, the table;
- `certifying`: `certify`.
"""

from .certificate import Certificate as Certificate
from .certificate import Loss as Loss
from .certificate import Row as Row
from .certifying import certify as certify
