"""Tracing a function: arguments, garbage collection, what costs nothing."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from compiling import same, text

from autograd import Value, compile


def test_the_first_power_costs_nothing() -> None:
    program = same(lambda x: (x**1) * (x * x) ** 1.0, (), [], "numpy")
    assert text(program) == "loss = x · (x · x)"


def test_garbage_collection_stays_off_if_it_was_off() -> None:
    assert gc.isenabled()
    gc.disable()
    try:
        compile(lambda x: x * 2, [()], backend="numpy")
        assert not gc.isenabled()
    finally:
        gc.enable()
    compile(lambda x: x * 2, [()], backend="numpy")
    assert gc.isenabled()


class Nameless:
    """A callable that `inspect` knows no signature of."""

    __signature__ = "unknown"

    def __call__(self, x: Any, y: Any) -> Any:
        return x[0] * y - x[1]


@pytest.mark.parametrize(
    ("inputs", "kind", "said"),
    [
        ((), TypeError, "which cannot be called with 0: missing a required argument: 'x'"),
        ([(), ()], TypeError, "which cannot be called with 2: too many positional arguments"),
        (3, ValueError, "; 3 is no list"),
    ],
)
def test_inputs_are_as_many_as_the_arguments(inputs: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match="inputs lists one shape per argument") as caught:
        compile(lambda x: x * 2, inputs)
    assert said in str(caught.value)


def test_arguments_without_names_are_numbered() -> None:
    program = compile(Nameless(), [(2,), ()], backend="numpy")
    assert str(program).startswith("inputs x1[2], x2; ")
    assert program([[2.0, 3.0]], [4.0]).tolist() == [5.0]


@pytest.mark.parametrize("shape", [(0,), (2, 0), (-1,)])
def test_an_argument_without_numbers_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"positive entries; got \(.*\)$"):
        compile(lambda x: Value(1.0), [shape])
