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


Index = int | str
"""A whole number that is known, or the name of an i64."""


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
        if not isinstance(other, (Vector, float, int)):
            return NotImplemented
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

    def __pow__(self, exponent: float) -> Vector:
        """The square root, as NumPy writes it: no other exponent is known here."""
        if exponent != 0.5:
            raise TypeError(f"a vector has no power {exponent}")
        return self.module.call("sqrt", self)

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
        return Vector(self, kind, self.assign(instruction))

    def assign(self, instruction: str) -> str:
        """Append an instruction that gives a value, of any type; its name."""
        name = self._name()
        self._lines.append(f"  {name} = {instruction}")
        return name

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
        packed = self.assign(f"bitcast {mask.type} {mask.name} to i{lanes}")
        asked = self.assign(f"icmp ne i{lanes} {packed}, 0")
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

    # -- whole numbers, loops and memory ---------------------------------------------------------------------------

    def whole(self, *terms: tuple[Index, Index]) -> Index:
        """Σ index·factor, an i64."""
        fixed, total = 0, ""
        for index, factor in terms:
            if isinstance(index, int) and isinstance(factor, int):
                fixed += index * factor
            elif index != 0 and factor != 0:
                part = str(index) if factor == 1 else self.assign(f"mul i64 {index}, {factor}")
                total = part if not total else self.assign(f"add i64 {total}, {part}")
        if not total:
            return fixed
        return self.assign(f"add i64 {total}, {fixed}") if fixed else total

    def at(self, array: str, element: str, *terms: tuple[Index, Index]) -> str:
        """The address of the number Σ index·factor of an array."""
        place = self.whole(*terms)
        return array if place == 0 else self.assign(f"getelementptr {element}, ptr {array}, i64 {place}")

    def load(self, kind: Type, address: str) -> Vector:
        """Neighboring numbers as a vector."""
        return self.line(f"load {kind}, ptr {address}, align {_BYTES[kind.element]}", kind)

    def load_everywhere(self, kind: Type, address: str) -> Vector:
        """One number in each lane."""
        return self.everywhere(kind, self.assign(f"load {kind.element}, ptr {address}"))

    def store(self, value: Vector, address: str) -> None:
        """The lanes of a vector as neighboring numbers."""
        self._lines.append(f"  store {value.type} {value.name}, ptr {address}, align {_BYTES[value.type.element]}")

    def lanes(self, x: Vector, y: Vector, chosen: Sequence[int]) -> Vector:
        """A vector of chosen lanes of x, and (numbered from there on) of y."""
        listed = ", ".join(f"i32 {lane}" for lane in chosen)
        kind = Type(x.type.element, len(chosen))
        return self.line(f"shufflevector {x.type} {x.name}, {y.type} {y.name}, <{len(chosen)} x i32> <{listed}>", kind)

    def argument(self, name: str, number: int, kind: str = "ptr") -> None:
        """A pointer, or an i64, from the list that a function is called with."""
        place = self.assign(f"getelementptr ptr, ptr %arguments, i64 {number}")
        self._lines.append(f"  {name} = load {kind}, ptr {place}")

    def room(self, element: str, count: int) -> str:
        """Memory for some numbers while a function runs; to be asked for where it begins."""
        return self.assign(f"alloca {element}, i64 {count}, align 64")

    def whole_at(self, array: str, index: Index) -> Index:
        """An i64 of an array."""
        place = self.assign(f"getelementptr i64, ptr {array}, i64 {index}")
        return self.assign(f"load i64, ptr {place}")

    def everywhere(self, kind: Type, number: str) -> Vector:
        """A scalar in each lane."""
        one = self.assign(f"insertelement {kind} poison, {kind.element} {number}, i64 0")
        return self.line(f"shufflevector {kind} {one}, {kind} poison, <{kind.lanes} x i32> zeroinitializer", kind)

    def joined(self, numbers: Sequence[Vector]) -> Vector:
        """Vectors of one lane as one vector."""
        single = numbers[0].type
        kind, result = Type(single.element, len(numbers)), "poison"
        for lane, x in enumerate(numbers):
            number = self.assign(f"extractelement {single} {x.name}, i64 0")
            result = self.assign(f"insertelement {kind} {result}, {kind.element} {number}, i64 {lane}")
        return Vector(self, kind, result)

    def append(self, instruction: str) -> None:
        """Append an instruction that gives nothing."""
        self._lines.append(f"  {instruction}")

    def put(self, array: str, index: int, value: Index) -> None:
        """Set an i64 of an array."""
        place = self.assign(f"getelementptr i64, ptr {array}, i64 {index}")
        self._lines.append(f"  store i64 {value}, ptr {place}")

    def padded(self, x: Vector, lanes: int) -> Vector:
        """The vector with zeros behind it."""
        width = x.type.lanes
        return x if width == lanes else self.lanes(x, x.like(0.0), [min(lane, width) for lane in range(lanes)])

    def library(self, name: str, *operands: Vector) -> Vector:
        """A function of the C library, lane by lane; floats are computed in double."""
        if operands[0].type.element == "float":
            return self.library(name, *[x.wide() for x in operands]).narrow()
        kind = operands[0].type
        self._declared[f"declare double @{name}({', '.join(['double'] * len(operands))})"] = None
        result = "poison"
        for lane in range(kind.lanes):
            numbers = [self.assign(f"extractelement {kind} {x.name}, i64 {lane}") for x in operands]
            value = self.assign(f"call double @{name}({', '.join(f'double {x}' for x in numbers)})")
            result = self.assign(f"insertelement {kind} {result}, double {value}, i64 {lane}")
        return Vector(self, kind, result)

    def loop(
        self, end: Index, body: Callable[..., Sequence[Vector] | None], carried: Sequence[Vector] = (), step: Index = 1,
        start: Index = 0,
    ) -> Sequence[Vector]:  # fmt: skip
        """For i = start, start + step, … below end: ``carried = body(i, *carried)``; what is carried at last."""
        fixed = isinstance(start, int) and isinstance(end, int) and isinstance(step, int)
        if fixed and end <= start:  # type: ignore[operator]
            return carried
        if fixed and end <= start + step:  # type: ignore[operator]
            return body(start, *carried) or ()
        before, head, done = self._block, self._label(), self._label()
        entered = f"br label %{head}"
        if not fixed:
            entered = f"br i1 {self.assign(f'icmp slt i64 {start}, {end}')}, label %{head}, label %{done}"
        self._lines.append(f"  {entered}")
        self._begin(head)
        place, index, following = len(self._lines), self._name(), self._name()
        inside = [Vector(self, x.type, self._name()) for x in carried]
        results = body(index, *inside) or ()
        phis = [f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{self._block} ]"]
        for x, first, last in zip(inside, carried, results, strict=True):
            phis.append(f"  {x.name} = phi {x.type} [ {first.name}, %{before} ], [ {last.name}, %{self._block} ]")
        self._lines[place:place] = phis
        self._lines.append(f"  {following} = add i64 {index}, {step}")
        again, last_block = self.assign(f"icmp slt i64 {following}, {end}"), self._block
        self._lines.append(f"  br i1 {again}, label %{head}, label %{done}")
        self._begin(done)
        if fixed:
            return results
        return [
            self.line(f"phi {x.type} [ {x.name}, %{before} ], [ {y.name}, %{last_block} ]", x.type)
            for x, y in zip(carried, results)
        ]

    def all_zero(self, indices: Sequence[Index]) -> str:
        """Whether all of some indices are 0, an i1."""
        found = "true"
        for index in indices:
            if index != 0:
                zero = self.assign(f"icmp eq i64 {index}, 0")
                found = zero if found == "true" else self.assign(f"and i1 {found}, {zero}")
        return found

    def when(self, condition: str, body: Callable[[], None]) -> None:
        """Run a body if an i1 is true."""
        inside, done = self._label(), self._label()
        self._lines.append(f"  br i1 {condition}, label %{inside}, label %{done}")
        self._begin(inside)
        body()
        self._lines.append(f"  br label %{done}")
        self._begin(done)

    def _name(self) -> str:
        self._names += 1
        return f"%v{self._names}"

    def function(self, name: str, parameters: Sequence[str], body: Callable[[], None], internal: bool = False) -> None:
        """A function without a result; parameters are such as ``"ptr %x"``."""
        self._names, self._block = 0, "entry"
        self._lines.append(f"define {'internal ' * internal}void @{name}({', '.join(parameters)}) {{")
        self._begin("entry")
        body()
        self._lines += ["  ret void", "}"]

    def elementwise(
        self, name: str, kind: Type, inputs: int, outputs: int, body: Callable[..., Sequence[Vector]]
    ) -> None:
        """A function ``void name(inputs…, outputs…, int64 n)`` of pointers to n numbers each.

        An output may be an input; otherwise they must not overlap. What is left when whole vectors have run is done one
        by one, with the same bits.

        Args:
            name: of the function.
            kind: `DOUBLE` or `FLOAT`.
            inputs: the number of arrays read.
            outputs: the number of arrays written.
            body: takes `inputs` vectors, returns `outputs`.
        """
        arrays = [f"%a{i}" for i in range(inputs + outputs)]

        def some(kind: Type) -> Callable[[Index], None]:
            def block(index: Index) -> None:
                here = [self.at(array, kind.element, (index, 1)) for array in arrays]
                results = body(*[self.load(kind, place) for place in here[:inputs]])
                for place, result in zip(here[inputs:], results, strict=True):
                    self.store(result, place)

            return block

        def whole() -> None:
            bulk = self.assign(f"and i64 %n, {-kind.lanes}")
            self.loop(bulk, some(kind), step=kind.lanes)
            self.loop("%n", some(Type(kind.element, 1)), start=bulk)

        self.function(name, [*[f"ptr {a}" for a in arrays], "i64 %n"], whole)
