"""Mathematics on paper: names of nodes, formulas as trees, their derivatives, and how all of it is written.

`autograd.explain`, `autograd.view`, `autograd.check` and `autograd.precision` stand on this package.
"""
