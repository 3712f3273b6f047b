"""The outputs of a model for many samples: one by one on floats, or all at once by a compiled program that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, ref

from autograd import Value
from autograd.modes import TraceError
from autograd.packages import needed

from .inputs import engine_name, samples
from .lists import ArrayLike, Floats, array, np

if TYPE_CHECKING:
    from autograd.compiler import Program


class Model(Protocol):
    """What a model must be to predict; every `nn.Module` is."""

    def __call__(self, x: Any) -> Any:
        """The output for one sample, as Values."""

    def _output(self, x: Any) -> Any:
        """The output for one sample, as floats."""

    def parameters(self) -> list[Value]:
        """The Values that the output depends on."""

    def _structure(self) -> Any:
        """All else that the output depends on, or None if that is not known: see `nn.Module`."""


WORTHWHILE = 256
"""At this many samples and more, compiling takes less time than computing the samples one by one."""

_PROGRAMS: WeakKeyDictionary[Model, tuple[Any, Program]] = WeakKeyDictionary()


def predict(model: Model, X: ArrayLike, engine: str = "auto") -> Floats:
    """See `nn.Module.predict`."""
    rows = samples(X)
    program = None
    if engine_name(engine) == "compiled":
        needed("numpy", "engine='compiled'")
    if engine != "eager" and np is not None:
        program = _program(model, len(rows), rows.shape[1], asked=engine == "compiled")
    if program is not None:
        try:
            return np.asarray(program(rows), dtype=np.float64)
        except TraceError:  # it is not what the model computes
            _PROGRAMS.pop(model, None)
            if engine == "compiled":
                raise
    return one_by_one(model, rows)


def one_by_one(model: Model, rows: Floats) -> Floats:
    """The outputs, (n,) or (n, outputs), computed sample by sample as ``model(row)`` gives them."""
    return array([model._output(row) for row in rows.tolist()]).astype("float64", copy=False)  # type: ignore[no-any-return]


def _program(model: Model, samples: int, width: int, asked: bool) -> Program | None:
    """A program that computes the model's outputs with its present parameters, or None if eager work is better.

    It is kept for the next call if all that it depends on is known.

    Args:
        model: the model.
        samples: how many samples are to be computed.
        width: the number of features.
        asked: whether the caller insists; then whatever tracing raises is raised.
    """
    structure = model._structure()
    key = None if structure is None else (width, structure)
    if key is not None:
        known, program = _PROGRAMS.get(model, (None, None))
        if program is not None and known == key:
            program.pull()
            return program
    if not asked and samples < WORTHWHILE:
        return None
    from autograd.compiler import compile

    alive = ref(model)  # the program must not keep its model alive, whose entry in the dictionary it is

    def output(x: Any) -> Any:
        owner = alive()
        assert owner is not None
        return owner(x)

    try:
        program = compile(output, inputs=((width,),), parameters=model.parameters())
        program.witness.floats = True
    except Exception:
        if asked:
            raise
        return None
    if key is not None:
        _PROGRAMS[model] = key, program  # which keeps the parameters, so that their ids stay theirs
    return program
