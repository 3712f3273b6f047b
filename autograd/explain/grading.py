"""`mutants`: the wrong engines as a way to grade tests: how many of them does a test suite notice?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..answer import Answer, Part
from ..notation.tables import Table
from .engines import Mutant
from .mistakes import ALL, UpdatedWeights


@dataclass(frozen=True, repr=False)
class Grade(Answer):
    """How a test suite did: which wrong engines it noticed.

    Attributes:
        killed: the mutants under which some test failed, with the name of the first such test.
        survived: the mutants that no test noticed.
    """

    killed: tuple[tuple[Mutant, str], ...]
    survived: tuple[Mutant, ...]

    @property
    def score(self) -> float:
        """The share of mutants killed, from 0 to 1."""
        return len(self.killed) / (len(self.killed) + len(self.survived))

    def _heading(self) -> str:
        return "Grade of a test suite"

    def _content(self) -> list[Part]:
        total = len(self.killed) + len(self.survived)
        rows = [("killed", mutant.name, f"by {test}") for mutant, test in self.killed]
        rows += [("survived", mutant.name, mutant.mistake) for mutant in self.survived]
        return [Table(("", "mutant", ""), rows, (), f"{len(self.killed)} of {total} mutants killed", limit=120)]


class Mutants(Answer, Sequence[Mutant]):
    """The wrong engines, as a sequence; ``mutants["overwrite"]`` is one of them, and a context manager:

    >>> from autograd import Value, mutants
    >>> x = Value(3.0)
    >>> y = x * x
    >>> with mutants["overwrite"]:
    ...     y.backward()
    >>> x.grad
    3.0
    """

    def __init__(self, engines: Iterable[Mutant]) -> None:
        self._engines = tuple(engines)

    def __getitem__(self, item: int | slice | str) -> Mutant | Sequence[Mutant]:  # type: ignore[override]
        if not isinstance(item, str):
            return self._engines[item]
        for engine in self._engines:
            if engine.name == item:
                return engine
        raise KeyError(f"no mutant {item!r}; there are: {', '.join(engine.name for engine in self._engines)}")

    def __iter__(self) -> Iterator[Mutant]:
        return iter(self._engines)

    def __len__(self) -> int:
        return len(self._engines)

    def _heading(self) -> str:
        return "Engines with one mistake each"

    def _content(self) -> list[Part]:
        return [f"* {engine.name}: {engine.mistake}" for engine in self._engines]

    def grade(self, tests: Callable[[], object] | Iterable[Callable[[], object]]) -> Grade:
        """Run tests under every wrong engine; a test kills an engine by raising an exception.

        While a mutant is active, `Value.backward`, `Value.zero_grad` and `autograd.grad` (first order) go wrong for
        the whole process, so do not run this while other threads differentiate.

        Args:
            tests: a function without arguments, or several.

        Raises:
            RuntimeError: a test fails with the right engine already.

        Example:
            >>> from autograd import Value, mutants
            >>> def test_square():
            ...     x = Value(3.0)
            ...     (x * x).backward()
            ...     assert x.grad == 6.0
            >>> mutants.grade(test_square).score < 1
            True
        """
        listed = [tests] if callable(tests) else list(tests)
        for test in listed:
            failure = _failure([test])
            if failure:
                raise RuntimeError(
                    f"{failure} fails with the right engine already; a test must pass before it is graded"
                )
        killed: list[tuple[Mutant, str]] = []
        survived: list[Mutant] = []
        for mutant in self._engines:
            with mutant:
                failure = _failure(listed)
            if failure:
                killed.append((mutant, failure))
            else:
                survived.append(mutant)
        return Grade(tuple(killed), tuple(survived))


def _failure(tests: Iterable[Callable[[], object]]) -> str:
    for test in tests:
        try:
            test()
        except Exception:  # whatever a failing test raises
            return getattr(test, "__name__", repr(test))
    return ""


mutants = Mutants([*ALL, UpdatedWeights(0.1)])
"""The wrong engines that `diagnose` tries, for grading tests."""
