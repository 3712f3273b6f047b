"""Text of LLVM IR for vectors of numbers: one operator, one line.

A `Vector` is the name of a value; its operators append lines to the `Module` that it belongs to. No line has a
fast-math flag, so LLVM neither reorders nor contracts: what is computed, and in which order, stands in the text, and
the bits are the same on every CPU that has the instructions. Multiply-add is one instruction where the text says so
(`Module.fma`), or two on CPUs without it, whose results may differ in the last bits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

LANES = 8
"""Numbers of type double in a vector: one register of AVX-512, two of AVX2, four of SSE2 or NEON."""


class Type(NamedTuple):
    """A vector type."""

    element: str
    lanes: int

    def __str__(self) -> str:
        return f"<{self.lanes} x {self.element}>"


DOUBLE, FLOAT = Type("double", LANES), Type("float", 2 * LANES)
_SHORT = {"double": "f64", "float": "f32"}
_BYTES = {"double": 8, "float": 4}


class Vector:
    """A vector value; numbers beside it stand for vectors that hold them in each lane.

    ``+ - * /`` and the comparisons are for floats. Comparisons give masks, vectors of i1. ``& | ^ + - << >>`` are for
    integers (``>>`` shifts zeros in) and, without the shifts, for masks.
    """

    __slots__ = ("module", "name", "type")

    def __init__(self, module: Module, kind: Type, name: str) -> None:
        self.module, self.type, self.name = module, kind, name

    def _with(self, float_op: str, integer_op: str, other: Vector | float) -> Vector:
        op = float_op if self.type.element in _SHORT else integer_op
        if not op:
            raise TypeError(f"no such operation on {self.type}")
        return self.module.line(f"{op} {self.type} {self.name}, {self.like(other).name}", self.type)

    def like(self, other: Vector | float) -> Vector:
        """A vector of this type from a number."""
        if isinstance(other, Vector):
            if other.type != self.type:
                raise TypeError(f"{self.type} beside {other.type}")
            return other
        return Vector(self.module, self.type, f"splat ({self.type.element} {literal(other, self.type.element)})")

    def __add__(self, other: Vector | float) -> Vector:
        return self._with("fadd", "add", other)

    def __sub__(self, other: Vector | float) -> Vector:
        return self._with("fsub", "sub", other)

    def __mul__(self, other: Vector | float) -> Vector:
        return self._with("fmul", "", other)

    def __truediv__(self, other: Vector | float) -> Vector:
        return self._with("fdiv", "", other)

    def __radd__(self, other: float) -> Vector:
        return self.like(other) + self

    def __rsub__(self, other: float) -> Vector:
        return self.like(other) - self

    def __rmul__(self, other: float) -> Vector:
        return self.like(other) * self

    def __rtruediv__(self, other: float) -> Vector:
        return self.like(other) / self

    def __neg__(self) -> Vector:
        return self.module.line(f"fneg {self.type} {self.name}", self.type)

    def __and__(self, other: Vector | int) -> Vector:
        return self._with("", "and", other)

    def __or__(self, other: Vector | int) -> Vector:
        return self._with("", "or", other)

    def __xor__(self, other: Vector | int) -> Vector:
        return self._with("", "xor", other)

    def __lshift__(self, other: int) -> Vector:
        return self._with("", "shl", other)

    def __rshift__(self, other: int) -> Vector:
        return self._with("", "lshr", other)

    def _compared(self, relation: str, other: Vector | float) -> Vector:
        kind = Type("i1", self.type.lanes)
        return self.module.line(f"fcmp {relation} {self.type} {self.name}, {self.like(other).name}", kind)

    def __lt__(self, other: Vector | float) -> Vector:
        return self._compared("olt", other)

    def __le__(self, other: Vector | float) -> Vector:
        return self._compared("ole", other)

    def __gt__(self, other: Vector | float) -> Vector:
        return self._compared("ogt", other)

    def __ge__(self, other: Vector | float) -> Vector:
        return self._compared("oge", other)

    def equals(self, other: Vector | float) -> Vector:
        """Where both are equal, floats or integers (``==`` stays Python's)."""
        if self.type.element in _SHORT:
            return self._compared("oeq", other)
        kind = Type("i1", self.type.lanes)
        return self.module.line(f"icmp eq {self.type} {self.name}, {self.like(other).name}", kind)

    def bits(self) -> Vector:
        """The same bits as integers."""
        return self._cast("bitcast", Type(f"i{8 * _BYTES[self.type.element]}", self.type.lanes))

    def real(self) -> Vector:
        """The same bits, of integers of 64 or 32, as floats."""
        return self._cast("bitcast", Type({"i64": "double", "i32": "float"}[self.type.element], self.type.lanes))

    def wide(self) -> Vector:
        """Floats as doubles."""
        return self._cast("fpext", Type("double", self.type.lanes))

    def narrow(self) -> Vector:
        """Doubles rounded to floats."""
        return self._cast("fptrunc", Type("float", self.type.lanes))

    def _cast(self, how: str, kind: Type) -> Vector:
        return self.module.line(f"{how} {self.type} {self.name} to {kind}", kind)


def literal(number: float, element: str) -> str:
    """A number as LLVM reads it, exact to the bit; for a float, the number rounded to it."""
    if element not in _SHORT:
        return str(int(number))
    if element == "float":
        number = struct.unpack("<f", struct.pack("<f", number))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Module:
    """The text of one module.

    Args:
        fma: whether the CPU multiplies and adds in one instruction. Without it, LLVM would call the C library for each.
    """

    def __init__(self, fma: bool = True) -> None:
        self.has_fma = fma
        self.brief = False
        """Whether doubles need be right to 32 bits only, since a float is made of them."""
        self._lines: list[str] = []
        self._declared: dict[str, None] = {}
        self._names = 0
        self._block = "entry"

    def text(self) -> str:
        """The module as LLVM reads it."""
        return "\n".join([*self._declared, *self._lines, ""])

    def line(self, instruction: str, kind: Type) -> Vector:
        """Append an instruction that gives a value."""
        return Vector(self, kind, self._assign(instruction))

    def _assign(self, instruction: str) -> str:
        self._names += 1
        self._lines.append(f"  %v{self._names} = {instruction}")
        return f"%v{self._names}"

    def call(self, intrinsic: str, *operands: Vector) -> Vector:
        """A function of LLVM, such as ``sqrt``, lane by lane."""
        kind = operands[0].type
        name = f"@llvm.{intrinsic}.v{kind.lanes}{_SHORT[kind.element]}"
        self._declared[f"declare {kind} {name}({', '.join([str(kind)] * len(operands))})"] = None
        return self.line(f"call {kind} {name}({', '.join(f'{kind} {x.name}' for x in operands)})", kind)

    def fma(self, x: Vector, y: Vector | float, z: Vector | float) -> Vector:
        """x·y + z, rounded once where the CPU can."""
        return self.call("fma", x, x.like(y), x.like(z)) if self.has_fma else x * y + z

    def where(self, mask: Vector, chosen: Vector, otherwise: Vector | float) -> Vector:
        """Lane by lane; both sides are computed."""
        otherwise, kind = chosen.like(otherwise), chosen.type
        return self.line(f"select {mask.type} {mask.name}, {kind} {chosen.name}, {kind} {otherwise.name}", kind)

    def unless(self, mask: Vector, usual: Vector, rare: Callable[[], Vector]) -> Vector:
        """`usual`, but `rare()` where the mask is set; it is computed if one lane needs it."""
        lanes = mask.type.lanes
        packed = self._assign(f"bitcast {mask.type} {mask.name} to i{lanes}")
        asked = self._assign(f"icmp ne i{lanes} {packed}, 0")
        before, some, met = self._block, self._label(), self._label()
        self._lines.append(f"  br i1 {asked}, label %{some}, label %{met}")
        self._begin(some)
        chosen = self.where(mask, rare(), usual)
        after = self._block
        self._lines.append(f"  br label %{met}")
        self._begin(met)
        return self.line(f"phi {usual.type} [ {usual.name}, %{before} ], [ {chosen.name}, %{after} ]", usual.type)

    def _label(self) -> str:
        self._names += 1
        return f"b{self._names}"

    def _begin(self, block: str) -> None:
        self._lines.append(f"{block}:")
        self._block = block

    def _loop(self, start: str, end: str, step: int, body: Callable[[str], None]) -> None:
        """For i = start, start + step, … below end. The end must be far from the largest integer."""
        before, head, inside, done = self._block, self._label(), self._label(), self._label()
        self._lines.append(f"  br label %{head}")
        self._begin(head)
        self._names += 1
        index, following, place = f"%v{self._names}", f"%n{self._names}", len(self._lines)
        self._lines.append(f"  br i1 {self._assign(f'icmp slt i64 {index}, {end}')}, label %{inside}, label %{done}")
        self._begin(inside)
        body(index)
        self._lines += [f"  {following} = add i64 {index}, {step}", f"  br label %{head}"]
        self._lines.insert(place, f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{self._block} ]")
        self._begin(done)

    def elementwise(
        self, name: str, kind: Type, inputs: int, outputs: int, body: Callable[..., Sequence[Vector]]
    ) -> None:
        """A function ``void name(inputs…, outputs…, int64 n)`` of pointers to n numbers each.

        An output may be an input; otherwise they must not overlap. Where fewer numbers are left than a vector has,
        they are copied into a vector of zeros and back, so that nothing outside the arrays is read or written.

        Args:
            name: of the function.
            kind: `DOUBLE` or `FLOAT`.
            inputs: the number of arrays read.
            outputs: the number of arrays written.
            body: takes `inputs` vectors, returns `outputs`.
        """
        arrays = [f"%a{i}" for i in range(inputs + outputs)]
        self._names, self._block, element = 0, "entry", kind.element
        self._lines.append(f"define void @{name}({', '.join(f'ptr {a}' for a in arrays)}, i64 %n) {{")
        self._begin("entry")
        spare = [self._assign(f"alloca {kind}, align 64") for _ in arrays]
        self._lines += [f"  store {kind} zeroinitializer, ptr {s}, align 64" for s in spare]

        def at(array: str, index: str) -> str:
            return self._assign(f"getelementptr {element}, ptr {array}, i64 {index}")

        def copy(pairs: Sequence[tuple[str, str]], count: str) -> None:
            def one(index: str) -> None:
                for target, source in pairs:
                    value = self._assign(f"load {element}, ptr {at(source, index)}")
                    self._lines.append(f"  store {element} {value}, ptr {at(target, index)}")

            self._loop("0", count, 1, one)

        def block(index: str) -> None:
            left = self._assign(f"sub i64 %n, {index}")
            short = self._assign(f"icmp slt i64 {left}, {kind.lanes}")
            count = self._assign(f"select i1 {short}, i64 {left}, i64 0")  # numbers to copy: none, but at the end
            here = [at(a, index) for a in arrays]
            copy([*zip(spare, here)][:inputs], count)
            used = [self._assign(f"select i1 {short}, ptr {s}, ptr {h}") for s, h in zip(spare, here)]
            align = f"align {_BYTES[element]}"
            values = [self.line(f"load {kind}, ptr {p}, {align}", kind) for p in used[:inputs]]
            results = body(*values)
            for p, result in zip(used[inputs:], results, strict=True):
                self._lines.append(f"  store {kind} {result.name}, ptr {p}, {align}")
            copy([*zip(here, spare)][inputs:], count)

        self._loop("0", "%n", kind.lanes, block)
        self._lines += ["  ret void", "}"]
