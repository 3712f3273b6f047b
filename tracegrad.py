"""One door to both packages: `import tracegrad` for their names, `python -m tracegrad` for the command.

>>> import tracegrad
>>> x = tracegrad.Value(3.0)
>>> tracegrad.mse_loss(x * x, 8.0).data
0.5

Nothing is imported before it is asked for. So `python -m tracegrad doctor` runs, and says what to do, where another
package has taken the name `autograd`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import autograd as autograd  # noqa: PLC0414 (handed on)
    import nn as nn  # noqa: PLC0414
    from autograd import *  # noqa: F403
    from nn import *  # noqa: F403
else:

    def __getattr__(name):
        if name.startswith("_") and name != "__all__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        packages = _packages()
        if name == "__all__":
            return sorted({*packages, *(public for package in packages.values() for public in package.__all__)})
        for package in packages.values():
            if name in package.__all__:
                return getattr(package, name)
        if name in packages:
            return packages[name]
        from autograd import face, hints
        from nn import hints as more

        raise face.missing(__name__, name, __getattr__("__all__"), hints.HINTS | more.HINTS)

    def __dir__():
        return [*__getattr__("__all__"), "__version__"]


def _packages() -> "dict[str, Any]":
    """The packages whose names this module hands on; no public name is in both."""
    from nn.doctor import CURE, autograd_is_ours

    if not autograd_is_ours():
        raise ImportError(f"tracegrad needs its own package autograd and found another one. {CURE}")
    import autograd
    import nn

    return {"autograd": autograd, "nn": nn}


def main() -> int:
    """The `tracegrad` command."""
    import os
    import sys

    if hasattr(sys.stdout, "reconfigure"):  # a terminal that cannot show σ shows ? instead of failing
        sys.stdout.reconfigure(errors="replace")
    try:
        status = _run()
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be written at the end
        return 1
    return status


def _run() -> int:
    """What was typed: `doctor` needs nothing of `autograd`; everything else is in `nn.cli`."""
    import sys

    from nn.doctor import CURE, autograd_is_ours, command

    if sys.argv[1:2] == ["doctor"]:
        return command(sys.argv[2:])
    if not autograd_is_ours():
        print(CURE, file=sys.stderr)
        return 1
    from nn.cli import main as every_command

    return every_command()


if __name__ == "__main__":
    raise SystemExit(main())
