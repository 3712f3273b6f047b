"""The methods that `Value` has from the table of operations, as type checkers and editors see them.

`autograd.elementary` writes them at import and puts them on `Value` itself. This base class is empty when the program
runs; what it holds for type checkers is in ``methods.pyi``, which `autograd.stubs` generates.
"""


class Methods:
    """The base class of `Value`."""

    __slots__ = ()
