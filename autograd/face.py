"""The face of a package: the names it shows, where they are found, and what is said about a name it does not have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def public(scope: Mapping[str, Any], later: Collection[str]) -> list[str]:
    """What ``__all__`` holds: the names in ``scope`` and ``later``, but for private ones and modules in ``scope``."""
    now = {name for name, found in scope.items() if not isinstance(found, ModuleType)}
    return sorted(name for name in {*now, *later} if not name.startswith("_"))


def finder(
    package: str, scope: dict[str, Any], later: Mapping[str, str], hints: Mapping[str, str]
) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package.

    Args:
        package: its name.
        scope: its ``globals()``, where a name that was found is kept.
        later: names that are imported when they are first used, and the module of each. ``"stepper": ".view.stepper"``
            is the name in that module; ``"check": ".check"`` is the module itself.
        hints: names of other libraries, and what takes their place here.
    """

    def find(name: str) -> Any:
        if name not in later:
            raise missing(package, name, scope["__all__"], hints)
        try:
            module = import_module(later[name], package)
        except ModuleNotFoundError as error:
            if error.name != "numpy":
                raise
            raise ImportError(f"{package}.{name} needs the package numpy: pip install numpy") from error
        found = scope[name] = module if later[name] == f".{name}" else getattr(module, name)
        return found

    return find


def missing(package: str, name: str, known: Collection[str], hints: Mapping[str, str]) -> AttributeError:
    """The error for a name that a package does not have; it says what to write instead, where that is known."""
    advice = hints.get(name, "")
    if not advice and not name.startswith("_"):
        from difflib import get_close_matches

        by_letters = {public.lower(): public for public in known}
        near = get_close_matches(name.lower(), by_letters, n=1)
        advice = f"did you mean {package}.{by_letters[near[0]]}?" if near else ""
    text = f"module {package!r} has no attribute {name!r}" + (f": {advice}" if advice else "")
    return AttributeError(text, name=None, obj=None)  # with a name, Python would add a guess of its own
