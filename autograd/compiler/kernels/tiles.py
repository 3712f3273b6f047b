"""Matrix products in registers: a tile of sums is begun, grown product by product, and written once.

A tile is ``height`` × ``width`` vectors of the processor's length (eight doubles with AVX-512). Each vector that is
loaded serves ``height`` or ``width`` products, so that the multipliers and not the memory set the pace (Goto and van de
Geijn 2008, "Anatomy of high-performance matrix multiplication"). LLVM vectorizes a loop over one vector well, but keeps
no tile of several in registers; so these few instructions are given to it as vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types as numba_types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from .vectors import write_prefetch

_FEATURES = llvmlite.binding.get_host_cpu_features()
BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
"""Of a vector. LLVM makes shorter ones of it where it must."""
WIDTH = 2 if BYTES == 32 else 4
"""Vectors of a tile in a row: with height 4 as many sums as leave registers for what is read."""
_CONTRACT = ("contract",)  # a product and a sum may become one instruction, which rounds once


class Tile(numba_types.Type):  # type: ignore[misc]
    """Numba's type of a tile, which lives in registers."""

    def __init__(self, dtype: Any, height: int, width: int) -> None:
        self.dtype, self.height, self.width = dtype, height, width
        super().__init__(f"Tile({dtype}, {height}, {width})")


@register_model(Tile)
class _TileModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, tile: Tile) -> None:
        number = manager.lookup(tile.dtype).get_value_type()
        vector = ir.VectorType(number, BYTES * 8 // tile.dtype.bitwidth)
        super().__init__(manager, tile, ir.ArrayType(vector, tile.height * tile.width))


class _Writer:
    """Writes the instructions of one intrinsic."""

    def __init__(self, context: Any, builder: Any, tile: Tile) -> None:
        self.context, self.builder, self.tile = context, builder, tile
        self.type = context.get_value_type(tile)
        self.vector = self.type.element
        self.lanes, self.align = self.vector.count, tile.dtype.bitwidth // 8

    def integer(self, n: int) -> Any:
        return ir.Constant(ir.IntType(64), n)

    def pointer(self, array: Any, at: Any, *steps: tuple[int, Any]) -> Any:
        for count, step in steps:
            at = self.builder.add(at, self.builder.mul(self.integer(count), step))
        return self.builder.gep(array, [at])

    def scalar(self, pointer: Any) -> Any:
        return self.builder.load(pointer)

    def splat(self, x: Any) -> Any:
        first = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), x, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(first, first, [0] * self.lanes)

    def mask(self, n: Any) -> Any:
        """The first n lanes."""
        kind = ir.VectorType(ir.IntType(64), self.lanes)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), n, ir.Constant(ir.IntType(32), 0))
        limit = self.shuffle(first, first, [0] * self.lanes)
        return self.builder.icmp_unsigned("<", ir.Constant(kind, list(range(self.lanes))), limit)

    def _masked(self, name: str, kinds: Sequence[Any], result: Any, arguments: Sequence[Any]) -> Any:
        kind = f"v{self.lanes}f{8 * self.align}"  # an LLVM whose pointers have no types knows the old name too
        name = f"llvm.masked.{name}.{kind}.p0{kind}"
        module = self.builder.module
        function = module.globals.get(name) or ir.Function(module, ir.FunctionType(result, kinds), name)
        return self.builder.call(function, arguments)

    def load(self, pointer: Any, mask: Any) -> Any:
        """A vector; lanes beyond the mask are 0."""
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=self.align)
        kinds = [pointer.type, ir.IntType(32), mask.type, self.vector]
        zero = ir.Constant(self.vector, None)
        return self._masked("load", kinds, self.vector, [pointer, ir.Constant(ir.IntType(32), self.align), mask, zero])

    def store(self, vector: Any, pointer: Any, mask: Any) -> None:
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        if mask is None:
            self.builder.store(vector, pointer, align=self.align)
            return
        kinds = [self.vector, pointer.type, ir.IntType(32), mask.type]
        self._masked("store", kinds, ir.VoidType(), [vector, pointer, ir.Constant(ir.IntType(32), self.align), mask])

    def vectors(self, tile: Any) -> list[Any]:
        return [self.builder.extract_value(tile, i) for i in range(self.type.count)]

    def join(self, vectors: Sequence[Any]) -> Any:
        tile = ir.Constant(self.type, ir.Undefined)
        for i, vector in enumerate(vectors):
            tile = self.builder.insert_value(tile, vector, i)
        return tile

    def places(self) -> list[tuple[int, int]]:
        return [(r, c) for r in range(self.tile.height) for c in range(self.tile.width)]

    def shuffle(self, x: Any, y: Any, lanes: Sequence[int]) -> Any:
        kind = ir.VectorType(ir.IntType(32), len(lanes))
        return self.builder.shuffle_vector(x, y, ir.Constant(kind, list(lanes)))

    def update(self, x: Any, pointer: Any, add: Any) -> None:
        """Write a number or a vector; what is there is added if ``add``."""
        pointer = self.builder.bitcast(pointer, x.type.as_pointer())
        before = self.builder.load(pointer, align=self.align)
        before = self.builder.select(add, before, ir.Constant(x.type, None))
        self.builder.store(self.builder.fadd(before, x), pointer, align=self.align)

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        return self.builder.fadd(total, self.builder.fmul(x, y, flags=_CONTRACT), flags=_CONTRACT)

    def not_positive(self, x: Any) -> Any:
        return self.builder.fcmp_ordered("<=", x, ir.Constant(self.vector, None))  # nan is not


def begin(height: int, width: int) -> Any:
    """An intrinsic ``begin(M)``: a tile of zeros, for the numbers in the memory M."""

    @intrinsic
    def begin(typing_context, M):  # type: ignore[no-untyped-def]
        tile = Tile(M.dtype, height, width)
        return tile(M), lambda context, builder, signature, arguments: ir.Constant(context.get_value_type(tile), None)

    return begin


@intrinsic
def lanes(typing_context, M):  # type: ignore[no-untyped-def]
    """How many of the numbers in the memory M a vector holds."""
    count = BYTES * 8 // M.dtype.bitwidth
    return numba_types.uint64(M), lambda context, builder, signature, arguments: ir.Constant(ir.IntType(64), count)


@intrinsic
def past_line(typing_context, M, i):  # type: ignore[no-untyped-def]
    """How many numbers before M[i] lie in the same vector, if vectors begin with the lines of the cache."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.ptrtoint(builder.gep(arguments[0], [arguments[1]]), ir.IntType(64))
        past = builder.and_(place, ir.Constant(place.type, BYTES - 1))
        return builder.udiv(past, ir.Constant(place.type, M.dtype.bitwidth // 8))

    return numba_types.uint64(M, i), generate


def _written(tile: Any, write: Any) -> Any:
    """The generator of an intrinsic: ``write`` writes its instructions, given what it is called with."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        result = write(_Writer(context, builder, tile), *arguments)
        return context.get_dummy_value() if result is None else result

    return generate


@intrinsic
def grow(typing_context, tile, M, a, ra, b, n):  # type: ignore[no-untyped-def]
    """The tile plus numbers times vectors: a[r] · b[c], with b's vectors side by side and all but n lanes left out.

    ``n`` None means that there are lanes enough.
    """

    def write(w: _Writer, t: Any, M: Any, a: Any, ra: Any, b: Any, n: Any) -> Any:
        mask = None if isinstance(signature.args[5], numba_types.NoneType) else w.mask(n)
        columns = [w.load(w.pointer(M, b, (c * w.lanes, w.integer(1))), mask) for c in range(tile.width)]
        rows = [w.splat(w.scalar(w.pointer(M, a, (r, ra)))) for r in range(tile.height)]
        totals = w.vectors(t)
        return w.join([w.multiply_add(rows[r], columns[c], x) for (r, c), x in zip(w.places(), totals)])

    signature = tile(tile, M, a, ra, b, n)
    return signature, _written(tile, write)


@intrinsic
def grow_dots(typing_context, tile, M, a, ra, b, rb, L, listed, j, n):  # type: ignore[no-untyped-def]
    """The tile plus, lane by lane, vector a[r] times vector b[c]: its lanes add up to dot products.

    Vector b[c] begins at b + c·rb + L[(j + c + 1) & listed].
    """

    def write(w: _Writer, t: Any, M: Any, a: Any, ra: Any, b: Any, rb: Any, L: Any, listed: Any, j: Any, n: Any) -> Any:
        mask = None if isinstance(signature.args[9], numba_types.NoneType) else w.mask(n)
        places = [w.builder.and_(w.builder.add(j, w.integer(c + 1)), listed) for c in range(tile.width)]
        starts = [w.builder.add(b, w.builder.load(w.builder.gep(L, [place]))) for place in places]
        rows = [w.load(w.pointer(M, a, (r, ra)), mask) for r in range(tile.height)]
        columns = [w.load(w.pointer(M, start, (c, rb)), mask) for c, start in enumerate(starts)]
        totals = w.vectors(t)
        return w.join([w.multiply_add(rows[r], columns[c], x) for (r, c), x in zip(w.places(), totals)])

    signature = tile(tile, M, a, ra, b, rb, L, listed, j, n)
    return signature, _written(tile, write)


@intrinsic
def ask(typing_context, tile, M, b, L, j):  # type: ignore[no-untyped-def]
    """Ask for the numbers at b + L[j + c + 1], for each column c, before they are needed."""

    def write(w: _Writer, t: Any, M: Any, b: Any, L: Any, j: Any) -> None:
        for c in range(tile.width):
            place = w.builder.load(w.pointer(L, j, (c + 1, w.integer(1))))
            write_prefetch(w.builder, w.pointer(M, w.builder.add(b, place)), 2)

    return numba_types.void(tile, M, b, L, j), _written(tile, write)


@intrinsic
def grow_sums(typing_context, tile, M, a, ra, n):  # type: ignore[no-untyped-def]
    """The tile plus vector a[r]: its lanes add up to sums. Its width is 1."""

    def write(w: _Writer, t: Any, M: Any, a: Any, ra: Any, n: Any) -> Any:
        mask = None if isinstance(signature.args[4], numba_types.NoneType) else w.mask(n)
        return w.join([w.builder.fadd(x, w.load(w.pointer(M, a, (r, ra)), mask)) for r, x in enumerate(w.vectors(t))])

    signature = tile(tile, M, a, ra, n)
    return signature, _written(tile, write)


def _changed(change: Any) -> Any:
    """An intrinsic ``(tile, M, c, rc, n)`` that changes each vector given the address of row r of c, and a mask."""

    @intrinsic
    def changed(typing_context, tile, M, c, rc, n):  # type: ignore[no-untyped-def]
        def write(w: _Writer, t: Any, M: Any, c: Any, rc: Any, n: Any) -> Any:
            mask = None if isinstance(signature.args[4], numba_types.NoneType) else w.mask(n)
            return w.join([change(w, x, M, c, rc, r, i * w.lanes, mask) for (r, i), x in zip(w.places(), w.vectors(t))])

        signature = tile(tile, M, c, rc, n)
        return signature, _written(tile, write)

    return changed


def _plus(w: _Writer, x: Any, M: Any, c: Any, rc: Any, r: int, lane: int, mask: Any) -> Any:
    return w.builder.fadd(w.load(w.pointer(M, c, (r, rc), (lane, w.integer(1))), mask), x)


def _plus_number(w: _Writer, x: Any, M: Any, c: Any, rc: Any, r: int, lane: int, mask: Any) -> Any:
    return w.builder.fadd(w.splat(w.scalar(w.pointer(M, c, (r, rc)))), x)


def _rectified(w: _Writer, x: Any, M: Any, c: Any, rc: Any, r: int, lane: int, mask: Any) -> Any:
    return w.builder.select(w.not_positive(x), ir.Constant(w.vector, None), x)


def _stepped(w: _Writer, x: Any, M: Any, c: Any, rc: Any, r: int, lane: int, mask: Any) -> Any:
    other = w.load(w.pointer(M, c, (r, rc), (lane, w.integer(1))), mask)
    return w.builder.select(w.not_positive(other), ir.Constant(w.vector, None), x)


plus, plus_number, rectify, stepped = map(_changed, (_plus, _plus_number, _rectified, _stepped))


@intrinsic
def put(typing_context, tile, M, o, ro, n):  # type: ignore[no-untyped-def]
    """Write the tile's rows to the addresses o + r·ro."""

    def write(w: _Writer, t: Any, M: Any, o: Any, ro: Any, n: Any) -> None:
        mask = None if isinstance(signature.args[4], numba_types.NoneType) else w.mask(n)
        for (r, i), x in zip(w.places(), w.vectors(t)):
            w.store(x, w.pointer(M, o, (r, ro), (i * w.lanes, w.integer(1))), mask)

    signature = numba_types.void(tile, M, o, ro, n)
    return signature, _written(tile, write)


@intrinsic
def put_sums(typing_context, tile, M, o, ro, co, add):  # type: ignore[no-untyped-def]
    """Write the sum of the lanes of each vector to o + r·ro + c·co; added to what is there if ``add``.

    Two vectors at a time become one that holds both sums, so that sixteen take 14 additions of vectors instead of 48.
    """

    def write(w: _Writer, t: Any, M: Any, o: Any, ro: Any, co: Any, add: Any) -> None:
        left, step = w.vectors(t), 1
        while step < w.lanes:  # what is joined first lies in neighboring lanes: at last sum i in lane i
            low = [(p & ~step) + (w.lanes if p & step else 0) for p in range(w.lanes)]
            pairs = [(left[i], left[min(i + 1, len(left) - 1)]) for i in range(0, len(left), 2)]
            left = [w.builder.fadd(w.shuffle(x, y, low), w.shuffle(x, y, [p + step for p in low])) for x, y in pairs]
            step *= 2
        width = tile.width
        rows = [[r * width + c for c in range(width)] for r in range(tile.height)]
        side_by_side = w.builder.icmp_unsigned("==", co, w.integer(1))
        with w.builder.if_else(side_by_side) as (together, apart):
            with together:
                for r, sums in enumerate(rows):
                    for c in range(0, width, w.lanes):  # a row may be longer than a vector
                        some = sums[c : c + w.lanes]
                        whole = left[some[0] // w.lanes]
                        part = w.shuffle(whole, whole, [i % w.lanes for i in some])
                        w.update(part, w.pointer(M, o, (r, ro), (c, w.integer(1))), add)
            with apart:
                for r, sums in enumerate(rows):
                    for c, i in enumerate(sums):
                        lane = ir.Constant(ir.IntType(32), i % w.lanes)
                        number = w.builder.extract_element(left[i // w.lanes], lane)
                        w.update(number, w.pointer(M, o, (r, ro), (c, co)), add)

    return numba_types.void(tile, M, o, ro, co, add), _written(tile, write)
