"""The machine in NumPy: each row becomes a few ufunc calls on views that are made once.

Matrix products go to BLAS. `careful` rows follow the rule that a product with an exact zero carries nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import ops
from ..arrays import ufunc
from .batch import Batch
from .lower import Lowered
from .machine import BACKWARD, PARTS, Loop, Machine, loops_of, merged, per_sample
from .rows import ADD, ASSIGN_FIRST, FOR_NUMPY, I_VALUE, LISTED, LISTS, Kind, value_space
from .trace import Array, Ints

PIECE = 1 << 22
"""How many products at a time are made by the rule of exact zeros, which needs room for each."""
Key = tuple[tuple[str, ...], int, bool, bool]
Call = tuple[Callable[..., Any], tuple[Any, ...]]


def _power(x: Array, y: Array, out: Array) -> None:
    """x^y. For a lone exponent 1/2 NumPy takes the square root, which is −0 at −0 and nan at −∞."""
    np.power(x, y, out)
    if y.size == 1 and y.flat[0] == 0.5:
        np.copyto(out, np.abs(x), where=(x == 0) | (x == -np.inf))


def _sigmoid(x: Array, out: Array) -> None:
    """1/(1 + e) for x ≥ 0, e/(1 + e) for x < 0, where e = exp(−|x|)."""
    power = np.exp(-np.abs(x))
    out[...] = np.where(x < 0, power, 1) / (1 + power)


def _softplus(x: Array, out: Array) -> None:
    """max(x, 0) + log(1 + exp(−|x|))."""
    out[...] = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


_UFUNCS: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "abs": np.abs,
    "pow": _power, "less": np.less, "less_equal": np.less_equal, "exp": np.exp, "expm1": np.expm1, "log": np.log,
    "log1p": np.log1p, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "sigmoid": _sigmoid, "softplus": _softplus,
}  # fmt: skip


def _elementwise(name: str) -> Callable[..., None]:
    function = np.frompyfunc(ops.IEEE_FUNCTIONS[name], 2 if name in _BINARY else 1, 1)

    def run(*operands: Array) -> None:
        operands[-1][...] = function(*operands[:-1])

    return run


_BINARY = {"add", "sub", "mul", "div", "pow", "less", "less_equal"}
_BINARY |= {name for name in FOR_NUMPY if len(ops.TABLE[name].arguments) == 2}
for _name in ("erf", "head", "standard_normal_cdf", *FOR_NUMPY):
    _UFUNCS[_name] = ufunc(_name) or _elementwise(_name)


class NumpyMachine(Machine):
    """Runs the rows of a lowered program as calls of NumPy."""

    name = "numpy"

    def __init__(self, lowered: Lowered, dtype: Any, limit: int = 1 << 27) -> None:
        super().__init__(lowered, dtype, max(1, limit // max(1, np.dtype(dtype).itemsize * per_sample(lowered))))
        self.temporary = np.zeros(0, self.dtype)
        self.rows = dict(zip(PARTS, (*lowered.forward, *lowered.reverse)))
        self.linked: dict[Key, list[Call]] = {}
        self.views: dict[tuple[str, int], Any] = {}

    def evaluate(self, batch: Batch) -> Array:
        """See `Machine.evaluate`."""
        results = np.empty((batch.samples, self.lowered.outputs.slots.size), self.dtype)
        for begin, end in self.layout.blocks(batch.samples):
            self._fill(batch, begin, end)
            self.run(("forward",) if begin else ("shared", "forward"), end - begin)
            results[begin:end] = self.outputs(end - begin)
        return results

    def differentiate(
        self, batch: Batch, careful: bool, results: Array | None = None, adjoints: Sequence[Array] = ()
    ) -> None:
        """See `Machine.differentiate`."""
        samples = batch.samples
        self.memory[self.lowered.seed] = 1.0 / samples  # the derivative of the mean by each loss
        for begin, end in self.layout.blocks(samples):
            self._fill(batch, begin, end)
            self.run(PARTS[begin != 0 : 4 if end == samples else 3], end - begin, begin == 0, careful)
            if results is not None:
                results[begin:end] = self.outputs(end - begin)
            for array, adjoint in zip(adjoints, self._arguments(end - begin, 1)):
                if array.size:
                    rows = array[begin:end].reshape(end - begin, -1)
                    rows[:] = adjoint[:, : rows.shape[1]]

    def inspected(self, batch: Batch, differentiate: bool) -> Machine:
        """See `Machine.inspected`."""
        if not differentiate:
            self.evaluate(batch)
            return self
        self.differentiate(batch, False)
        if not np.isfinite(self.memory[: self.layout.total(1)]).all():
            self.differentiate(batch, True)
        return self

    def _fill(self, batch: Batch, begin: int, end: int) -> None:
        """Copy some samples to memory."""
        whole = end - begin == batch.samples
        for target, array in zip(self._arguments(end - begin, 0), batch.arrays):
            if batch.rows is None:
                part, rows = array if whole else array[begin:end], None
            else:
                part, rows = array, batch.rows if whole else batch.rows[begin:end]
            if rows is not None and array.ndim == 2 and array.dtype == target.dtype:
                array.take(rows, 0, target, "clip")  # "raise" would copy twice
            else:
                part = part if rows is None else part[rows]
                target[...] = part.reshape(end - begin, -1)

    def run(self, parts: tuple[str, ...], samples: int, first: bool = True, careful: bool = False) -> None:
        """Run some of `machine.PARTS` for a block of samples; see there."""
        with np.errstate(all="ignore"):
            for function, arguments in self.calls(parts, samples, first, careful):
                function(*arguments)

    def calls(self, *key: Any) -> list[Call]:
        """What `run` calls, given its arguments."""
        if key not in self.linked:
            if len(self.linked) > 24:  # every batch size has views of its own
                self.linked.clear()
            self.linked[key] = self._link(*key)
        return self.linked[key]

    def _link(self, parts: tuple[str, ...], samples: int, first: bool, careful: bool) -> list[Call]:
        calls: list[Call] = []
        spaces = self.layout.spaces(samples).tolist()
        loops: dict[Kind, list[Loop]] = {}
        for part in parts:
            for kind, starts, aux in self.rows[part]:
                if kind not in loops:
                    found = loops_of(kind, spaces, samples)
                    loops[kind] = found if kind.name in (*LISTED, *LISTS) else merged(found) or found[-1:]
                at = [spaces[view.space][0] + start * spaces[view.space][1] for view, start in zip(kind.views, starts)]
                add = kind.update == ADD or (kind.update == ASSIGN_FIRST and not first)
                index = self.lowered.aux[aux : aux + kind.lengths[0]] if kind.name in LISTED else None
                self._calls(kind.name, add, loops[kind], at, index, calls, careful and part in BACKWARD)
        return calls

    def _arguments(self, samples: int, offset: int) -> list[Array]:
        """The arguments of a block of samples, or (offset 1) their adjoints: (B, n) each."""
        key = ("adjoints" if offset else "inputs", samples)
        if key not in self.views:
            if len(self.views) > 24:
                self.views.clear()
            spaces = self.layout.spaces(samples)
            found = []
            for space in range(I_VALUE + offset, max(self.layout.sizes) + 1, 2):
                n, start = self.layout.sizes[space], int(spaces[space, 0])
                found.append(self.memory[start : start + n * samples].reshape(samples, n))
            self.views[key] = found
        arguments: list[Array] = self.views[key]
        return arguments

    def outputs(self, samples: int) -> Array:
        """The results of a block of samples, (B, n)."""
        key = ("outputs", samples)
        if key not in self.views:
            outputs = self.lowered.outputs
            start, slot, sample = self.layout.spaces(samples)[value_space(outputs.region)].tolist()
            strides = outputs.strides
            assert strides is not None
            at = start + int(outputs.slots.flat[0]) * slot
            item = self.dtype.itemsize
            shape = samples, outputs.slots.size
            steps = sample * item, strides[0] * slot * item
            self.views[key] = np.ndarray(shape, self.dtype, self.memory, at * item, steps)
        found: Array = self.views[key]
        return found

    # -- views ----------------------------------------------------------------------------------------------------

    def view(self, start: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        """Numbers in memory that start at an address, with steps per axis; an axis without steps has length 1."""
        item = self.dtype.itemsize
        least = tuple(n if step else 1 for n, step in zip(shape, steps))  # a step of 0 broadcasts
        view: Array = np.ndarray(least, self.dtype, self.memory, start * item, tuple(step * item for step in steps))
        return view

    def scratch(self, shape: tuple[int, ...]) -> Array:
        """A temporary that lasts until the next one is asked for."""
        size = int(np.prod(shape))
        if self.temporary.size < size:
            self.temporary = np.zeros(size, self.dtype)
        return self.temporary[:size].reshape(shape)

    def _calls(
        self, name: str, add: bool, loops: list[Loop], at: list[int], index: Ints | None, calls: list[Call],
        careful: bool,
    ) -> None:  # fmt: skip
        """What a row calls: its loops, where its views begin, and for gather and scatter the list of slots."""
        if name == "contract":
            self._contract(loops, at, add, calls, careful)
            return
        if index is not None:
            self._listed(name, index, loops, at, calls)
            return
        shape = tuple(loop.length for loop in loops)
        views = [self.view(start, shape, tuple(loop.steps[n] for loop in loops)) for n, start in enumerate(at)]
        out, *read = views
        if name.endswith("_to"):
            self._update(name, shape, views, add, calls, careful)
        elif name == "copy":
            calls.append((np.copyto, (out, *read)))
        elif name == "relu":
            calls.append((partial(np.maximum, out=out), (*read, self.dtype.type(0))))
        elif name == "where":
            calls.append((_where, (out, *read)))
        elif name in LISTS:
            first, second, _, _, last = loops
            shape = first.length, second.length, last.length
            views = [
                self.view(start, shape, (first.steps[n], second.steps[n], last.steps[n])) for n, start in enumerate(at)
            ]
            function = partial(_OF_LISTS[name], careful) if name.endswith("slopes") else _OF_LISTS[name]
            whole = [np.broadcast_to(view, (*shape[:2], view.shape[2])) for view in views[1:]]
            calls.append((function, (*whole, views[0])))
        else:
            calls.append((_UFUNCS[name], (*read, out)))

    def _update(
        self, name: str, shape: tuple[int, ...], views: list[Array], add: bool, calls: list[Call], careful: bool
    ) -> None:
        """out (+)= ±a, a·b or a·[not b ≤ 0], summed along the axes that out does not have."""
        out, a, *factor = views
        summed = tuple(axis for axis, n in enumerate(shape) if out.shape[axis] != n)
        subtract = name == "sub_to"
        if name in ("product_to", "step_to"):
            function = _careful_product if careful and name == "product_to" else np.multiply
            if name == "step_to":
                function = _step
            if not summed and not add:
                calls.append((function, (a, *factor, out)))
                return
            product = self.scratch(shape)
            calls.append((function, (a, *factor, product)))
            a = product
        if not summed:
            if not add:
                calls.append((np.negative, (a, out)) if subtract else (np.copyto, (out, a)))
            else:
                calls.append((np.subtract if subtract else np.add, (out, a, out)))
            return
        if a.shape != shape:
            a = np.broadcast_to(a, shape)
        calls.append((partial(_reduce, summed, not add, subtract), (a, out)))

    def _listed(self, name: str, index: Ints, loops: list[Loop], at: list[int], calls: list[Call]) -> None:
        every, samples, reach = loops[0], loops[-1], int(index.max()) + 1
        listed = 1 if name == "gather" else 0  # of target and source, the one whose slots are in the list
        target, source = (
            self.view(start, (reach if n == listed else len(index), samples.length), (every.steps[n], samples.steps[n]))
            for n, start in enumerate(at)
        )
        calls.append((_gather, (source, index, target)) if listed else (_scatter, (target, index, source)))

    def _contract(self, all_loops: list[Loop], at: list[int], add: bool, calls: list[Call], careful: bool) -> None:
        """out (+)= Σ a·b along loops, as a matrix product if it can be one.

        A loop that out lacks is summed over; one that out shares with a alone gives rows, with b alone columns, and
        with both a stack of products.
        """
        out_at, a_at, b_at = at
        loops = [(n, *steps) for n, steps in all_loops]
        summed = _joined([loop for loop in loops if not loop[1]])
        rows = _joined([loop for loop in loops if loop[1] and not loop[3]])
        columns = _joined([loop for loop in loops if loop[1] and loop[3] and not loop[2]])
        stacked = _joined([loop for loop in loops if loop[1] and loop[2] and loop[3]])
        inner = not careful and (rows or columns) and summed
        k, m, n = (group[-1] if group and inner else (1, 0, 0, 0) for group in (summed, rows, columns))
        rest = [loop for group, core in ((stacked, None), (summed, k), (rows, m), (columns, n))
                for loop in group if loop is not core]  # fmt: skip
        extra = tuple(axis for axis, loop in enumerate(rest) if not loop[1])  # axes still to be summed over
        shape = tuple(loop[0] for loop in rest)

        def view(at: int, which: int, core: tuple[Any, ...]) -> Array:
            view = self.view(at, shape + tuple(loop[0] for loop in core),
                             tuple(loop[which] for loop in rest) + tuple(loop[which] for loop in core))  # fmt: skip
            if inner and view.shape[-2:] != tuple(loop[0] for loop in core):  # steps of 0 within a matrix
                view = np.broadcast_to(view, view.shape[:-2] + tuple(loop[0] for loop in core))
            return view

        if inner:
            out, a, b = view(out_at, 1, (m, n)), view(a_at, 2, (m, k)), view(b_at, 3, (k, n))
            function: Callable[..., Any] = np.matmul
            full = (*shape, m[0], n[0])
        else:
            out, a, b = view(out_at, 1, ()), view(a_at, 2, ()), view(b_at, 3, ())
            function, full = (_careful_product if careful else np.multiply), shape
        if careful and int(np.prod(full)) > PIECE:
            wide = np.broadcast_to(a, full)
            calls.append((partial(_careful_contract, extra, not add), (wide, b, out)))
            return
        if not extra and not add:
            calls.append((function, (a, b, out)))
            return
        product = self.scratch(full)
        calls.append((function, (a, b, product)))
        if extra:
            calls.append((partial(_reduce, extra, not add, False), (product, out)))
        else:
            calls.append((np.add, (out, product, out)))


Steps = tuple[int, ...]
"""A loop's length, then the steps of the target and of the operands."""


def _joined(loops: list[Steps]) -> list[Steps]:
    """Loops of one kind, with those made one that can be; the longest comes last."""
    result: list[Steps] = []
    for loop in sorted(loops, key=lambda loop: [-abs(step) for step in loop[1:]]):
        if result and all(result[-1][i] == loop[i] * loop[0] for i in (1, 2, 3)):
            result[-1] = (result[-1][0] * loop[0], *loop[1:])
        else:
            result.append(loop)
    return sorted(result, key=lambda loop: loop[0])


# ---- what no single ufunc does ----------------------------------------------------------------------------------


def _where(out: Array, condition: Array, x: Array, y: Array) -> None:
    np.copyto(out, y)
    np.copyto(out, x, where=condition != 0)


def _step(a: Array, b: Array, out: Array) -> None:
    np.copyto(out, a)
    np.copyto(out, 0, where=b <= 0)


def _careful_product(a: Array, b: Array, out: Array) -> None:
    np.multiply(a, b, out)
    np.copyto(out, 0, where=(a == 0) | (b == 0))


def _careful_contract(extra: tuple[int, ...], assign: bool, a: Array, b: Array, out: Array) -> None:
    """A contraction by careful products, in pieces along its longest axis that fit into memory."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    axis = int(np.argmax(shape))
    length = max(1, PIECE * shape[axis] // int(np.prod(shape)))
    if length < shape[axis]:
        if axis in extra and assign:
            out[...] = 0
        for i in range(0, shape[axis], length):
            cut = (slice(None),) * axis + (slice(i, i + length),)
            part = [x[cut] if x.shape[axis] > 1 else x for x in (a, b, out)]
            _careful_contract(extra, assign and axis not in extra, *part)
        return
    product = np.empty(shape, out.dtype)
    _careful_product(a, b, product)
    _reduce(extra, assign, False, product, out)


def _reduce(axes: tuple[int, ...], assign: bool, subtract: bool, a: Array, out: Array) -> None:
    total = np.add.reduce(a, axes, keepdims=True)
    if assign:
        np.negative(total, out) if subtract else np.copyto(out, total)
    else:
        (np.subtract if subtract else np.add)(out, total, out)


def _gather(source: Array, index: Ints, out: Array) -> None:
    out[...] = source[index]


def _scatter(target: Array, index: Ints, a: Array) -> None:
    if target.shape[1] != a.shape[1]:  # a shared adjoint takes the sum over the samples
        a = a.sum(axis=1, keepdims=True)
    np.add.at(target, index, a)


def _exp_difference(x: Array, y: Array) -> Array:
    """See `floats.exp_difference`."""
    difference = x - y
    part = difference - x
    error = (x - (difference - part)) - (y + part)
    power: Array = np.exp(difference) * (1 + error)
    np.copyto(power, 0, where=difference < -746)  # x may be −∞, and then the error is nan
    return power


def _largest(x: Array) -> tuple[Array, Array]:
    """Along axis 1, the largest entry and log1p of what the other ones add."""
    top = x.argmax(axis=1)[:, None]
    largest = np.take_along_axis(x, top, 1)
    weights = _exp_difference(x, largest)
    np.put_along_axis(weights, top, 0, 1)
    return largest, np.log1p(weights.sum(axis=1, keepdims=True))


def _log_sum_exp(x: Array, out: Array) -> None:
    """See `floats.log_sum_exp`: along axis 1."""
    largest, others = _largest(x)
    out[...] = np.where(np.isinf(largest), largest, largest + others)


def _log_shares(x: Array, out: Array) -> None:
    """See `floats.log_shares`: along axis 1."""
    largest, others = _largest(x)
    out[...] = (x - largest) - others
    if np.isinf(largest).any():
        alike = x == largest
        equal = np.where(alike, -np.log(alike.sum(axis=1, keepdims=True)), -np.inf)
        np.copyto(out, equal, where=np.isinf(largest), casting="same_kind")


def _shares(x: Array, out: Array) -> None:
    largest = x.max(axis=1, keepdims=True)
    out[...] = _exp_difference(x, largest)
    if np.isinf(largest).any():
        np.copyto(out, x == largest, where=np.isinf(largest))
    out /= out.sum(axis=1, keepdims=True)


def _share_slopes(careful: bool, g: Array, s: Array, out: Array) -> None:
    """Σᵢ gᵢ ∂sᵢ/∂xₖ = sₖ Σⱼ sⱼ (gₖ − gⱼ), which stays accurate where a share is nearly 1."""
    for k in range(s.shape[1]):
        others = np.arange(s.shape[1]) != k
        if careful:  # term by term, as the scalar engine
            slope = s[:, k] * s[:, others].sum(axis=1)
            terms = np.empty_like(s[:, others])
            _careful_product(g[:, others], -s[:, others] * s[:, k : k + 1], terms)
            own = np.empty_like(slope)
            _careful_product(g[:, k], slope, own)
            out[:, k] = own + terms.sum(axis=1)
        else:
            out[:, k] = s[:, k] * (s[:, others] * (g[:, k : k + 1] - g[:, others])).sum(axis=1)


def _log_share_slopes(careful: bool, g: Array, s: Array, out: Array) -> None:
    """Σᵢ gᵢ ∂log(sᵢ)/∂xₖ = gₖ Σⱼ sⱼ − sₖ Σⱼ gⱼ over j ≠ k, where 1 − sₖ would lose the digits of a small rest."""
    for k in range(s.shape[1]):
        others = np.arange(s.shape[1]) != k
        own, terms = np.empty_like(s[:, k]), np.empty_like(s[:, others])
        product = _careful_product if careful else np.multiply
        product(g[:, k], s[:, others].sum(axis=1), own)
        product(g[:, others], -s[:, k : k + 1], terms)
        out[:, k] = own + terms.sum(axis=1)


_OF_LISTS: dict[str, Callable[..., None]] = {
    "log_sum_exp": _log_sum_exp, "shares": _shares, "share_slopes": _share_slopes, "log_shares": _log_shares,
    "log_share_slopes": _log_share_slopes,
}  # fmt: skip
