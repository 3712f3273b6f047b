"""The words of JAX: a program as a pure function that `jax.jit`, `vmap`, `grad` and shardings take.

Each operation carries the derivatives of the table (``jax.custom_jvp``). Left to itself JAX differentiates formulas,
and gives −0.5 for the slope of softplus at 0 where it is ½, nan for sigmoid at −800, 0 for tanh at 25.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import basic
from ..compiler.pack import Packed
from ..compiler.rows import literal
from ..compiler.trace import Array, Ints
from ..floats import CONSTANTS, head
from ..formulas import interpret
from ..ops import TABLE, parse
from ..packages import needed
from .walk import Walk, refuse_misfits


def function(
    packed: Packed, named: Sequence[Ints], single: bool, shapes: Sequence[tuple[int, ...]], reduce: str, most: int
) -> Callable[..., Any]:
    """A function of the flat parameters and of batches of arguments.

    Args:
        packed: the program.
        named: places of the parameters that belong together, such as a layer's weights (neurons, inputs).
        single: whether it returns one Value.
        shapes: of one sample of each argument.
        reduce: ``"mean"`` gives the mean of the results of a batch, ``"none"`` those of each sample.
        most: how many instructions there may be, where those of a loop count once.

    Raises:
        ImportError: JAX is not installed.
        ValueError: the program has more instructions.
    """
    jax = needed("jax", "to_jax")
    places, parts = cut(named, packed.n_parameters)
    walk, words = Walk(packed, places), Jax()
    if walk.length > most:
        raise ValueError(
            f"the program has {walk.length:,} instructions, and XLA would need minutes for more than {most:,}. No loop "
            "was found in it that would make it shorter. If it repeats a step, compile one step and repeat that with "
            "jax.lax.scan; otherwise wait: to_jax(most=…)"
        )

    def of_sample(parameters: list[Any], *arguments: Any) -> Any:
        results = walk.run(parameters, [jax.numpy.reshape(x, -1) for x in arguments], words)
        return results[0] if single else results

    def exported(theta: Any, *batch: Any) -> Any:
        """The program; ``theta`` (p,), one array (B, *shape of one sample) per argument."""
        theta = jax.numpy.asarray(theta)
        if theta.shape != (packed.n_parameters,):
            raise ValueError(f"theta holds {packed.n_parameters} parameters; got the shape {theta.shape}")
        if len(batch) != len(shapes):
            raise ValueError(f"the function takes {len(shapes)} arrays after theta and got {len(batch)}")
        refuse_misfits([jax.numpy.shape(x) for x in batch], shapes)
        arrays = [jax.numpy.asarray(x, theta.dtype) for x in batch]
        if not arrays:
            return of_sample(parts(theta))
        results = jax.vmap(of_sample, in_axes=(None, *[0] * len(arrays)))(parts(theta), *arrays)
        return results.mean(axis=0) if reduce == "mean" else results

    return exported


def cut(named: Sequence[Ints], count: int) -> tuple[list[Ints], Callable[[Any], list[Any]]]:
    """How to cut flat parameters into arrays so that JAX concatenates their gradients.

    It would give each slice of them a gradient of full length, and add those up. Weights and biases of a layer lie in
    turn, a neuron after the other: those are columns of one block.

    Args:
        named: places of the parameters that belong together, a row per neuron.
        count: how many parameters there are.

    Returns:
        the places of each array, and what makes those arrays, flat, of the parameters (p,). Parameters that lie
        otherwise stay one array.
    """
    left = sorted((places.reshape(len(places), -1) for places in named), key=lambda places: int(places[0, 0]))
    found: list[Ints] = []
    sizes, widths, begin = list[int](), list[list[int]](), 0
    while left:
        block = [left.pop(0)]
        rows = len(block[0])
        wide = int(block[0][1, 0] - block[0][0, 0]) if rows > 1 else block[0].shape[1]
        while left and len(left[0]) == rows and sum(part.shape[1] for part in block) < wide:
            block.append(left.pop(0))
        lying = begin + np.arange(rows * max(wide, 0)).reshape(rows, -1)
        if not np.array_equal(np.concatenate(block, axis=1), lying):
            return [np.arange(count)], lambda theta: [theta]
        found += block
        sizes.append(lying.size)
        widths.append([part.shape[1] for part in block])
        begin += lying.size

    def parts(theta: Any) -> list[Any]:
        import jax

        made: list[Any] = []
        for block, columns in zip(jax.lax.split(theta, sizes), widths):
            grid = block.reshape(-1, sum(columns))
            made += [part.reshape(-1) for part in jax.lax.split(grid, columns, axis=1)]
        return made

    return (found, parts) if begin == count and found else ([np.arange(count)], lambda theta: [theta])


SAME = {"add": "add", "sub": "subtract", "mul": "multiply", "neg": "negative"}
"""Operations with the derivatives that JAX gives them anyway: it compiles them sooner without rules of ours."""


class _Operations(dict[str, Callable[..., Any]]):
    """Operations by name, each made when it is first asked for."""

    def __init__(self, make: Callable[[str], Callable[..., Any]]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, name: str) -> Callable[..., Any]:
        self[name] = self.make(name)
        return self[name]


class Jax:
    """See `walk.Vocabulary`."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        self.arrays = jnp
        self.operations = _Operations(self._operation)
        special = jax.scipy.special
        self.functions: dict[str, Callable[..., Any]] = {
            **{name: getattr(jnp, name) for name in (
                "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log2", "log10",
                "exp2", "cbrt", "hypot", "floor", "ceil", "round", "mod",
            )},
            **{name: getattr(jnp, f"arc{name[1:]}") for name in (
                "asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2",
            )},
            "pow": jnp.power, "abs": jnp.abs, "erf": special.erf, "standard_normal_cdf": special.ndtr,
            "head": head, "where": self._where,
        }  # fmt: skip

    def constants(self, numbers: Array, like: Any) -> Any:
        """See `walk.Vocabulary`."""
        return self.arrays.asarray(numbers, like.dtype)

    def over_list(self, op: str, entries: Any) -> Any:
        """See `walk.Vocabulary`."""
        import jax

        functions = {
            "log_sum_exp": jax.nn.logsumexp, "softmax": jax.nn.softmax, "log_softmax": jax.nn.log_softmax,
        }  # fmt: skip
        return functions[op](entries, axis=-1)

    def repeat(
        self, body: Callable[[list[Any], list[Any]], list[Any]], state: list[Any], moving: list[Any], times: int
    ) -> list[Any]:
        """See `walk.Vocabulary`."""
        import jax

        last, _ = jax.lax.scan(lambda state, rows: (body(state, rows), None), state, moving, length=times)
        return last  # type: ignore[no-any-return]

    def apply(self, op: str, operands: Sequence[Any]) -> Any:
        """See `walk.Vocabulary`."""
        return self.operations[op](*self.arrays.broadcast_arrays(*operands))

    def _operation(self, name: str) -> Callable[..., Any]:
        """An operation with the derivatives of the table; a function that only formulas call, as it is."""
        import jax

        if name not in TABLE:
            return self.functions[name]
        op, jnp = TABLE[name], self.arrays
        if name in SAME:
            return getattr(jnp, SAME[name])  # type: ignore[no-any-return]
        formula = parse(op, op.formula)
        slopes = [parse(op, text, derivative=True) for text in op.derivatives]
        raw = self.functions[name] if basic(name) else None

        def value(*operands: Any) -> Any:
            operands = (*operands, *[op.defaults[missing] for missing in op.arguments[len(operands) :]])
            found = (
                raw(*operands)
                if raw
                else interpret(formula, self.operations, CONSTANTS | dict(zip(op.arguments, operands)))
            )
            return jnp.asarray(found, jnp.result_type(*operands))

        wrapped: Any = jax.custom_jvp(value)

        def rule(operands: Any, tangents: Any) -> Any:
            out = wrapped(*operands)
            known = CONSTANTS | op.defaults | dict(zip(op.arguments, operands)) | {"out": out}
            terms = [
                interpret(slope, self.operations, known) * tangent
                for slope, tangent in zip(slopes, tangents)
                if literal(slope) != 0
            ]
            return out, sum(terms[1:], terms[0]) if terms else jnp.zeros_like(out)

        wrapped.defjvp(rule)
        return wrapped  # type: ignore[no-any-return]

    def _where(self, condition: Any, chosen: Any, otherwise: Any) -> Any:
        jnp = self.arrays
        condition = jnp.asarray(condition)
        return jnp.where(condition if condition.dtype == bool else condition != 0, chosen, otherwise)
