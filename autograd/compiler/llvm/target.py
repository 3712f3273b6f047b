"""From text to functions to call: LLVM through llvmlite, of which little is used, as its interface changes.

No optimizer runs: the text is what is wanted. Code generation does the rest, with no leave to reorder or contract.
What was compiled is kept on disk, by the text and all else that the code depends on.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm

from . import cache

FEATURES = {
    "haswell": "+avx2,+fma",
    "skylake-avx512": "+avx2,+fma,+avx512f,+avx512dq,+avx512bw,+avx512vl,-prefer-256-bit",
    "x86-64": "+sse2",
}
"""CPUs to compile for by name, besides ``"host"``, and what they must have."""


_LOCK = threading.RLock()


@functools.cache
def _empty() -> Any:
    """A module for an engine to be made with. It is taken back, since the two would hold each other."""
    return llvm.parse_assembly("")


class Code:
    """Machine code in memory; it is gone when this object is.

    Args:
        binary: an object file.
        machine: LLVM's target machine that made it.
    """

    def __init__(self, binary: bytes, machine: Any) -> None:
        with _LOCK:
            self._engine = llvm.create_mcjit_compiler(_empty(), machine)
            self._engine.remove_module(_empty())
        self._engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(binary))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function begins.

        Raises:
            RuntimeError: there is none of that name.
        """
        found: int = self._engine.get_function_address(name)
        if not found:
            raise RuntimeError(f"the module has no function {name}")
        return found


class Target:
    """A CPU to compile for.

    Args:
        cpu: ``"host"`` or a name of `FEATURES`.

    Attributes:
        has_fma: whether it multiplies and adds in one instruction.
        registers: vectors of `emit.LANES` doubles that its registers hold.

    Raises:
        ValueError: another name.
    """

    def __init__(self, cpu: str = "host") -> None:
        if cpu not in FEATURES and cpu != "host":
            raise ValueError(f"unknown CPU {cpu!r}; known: host, {', '.join(FEATURES)}")
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._host = llvm.get_host_cpu_features()
        if cpu == "host":
            self.cpu, self.features = llvm.get_host_cpu_name(), self._host.flatten() + ",-prefer-256-bit"
        else:
            self.cpu, self.features = cpu, FEATURES[cpu]
        has = self.features.split(",")
        arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
        self.has_fma = arm or "+fma" in has
        self.registers = 32 if "+avx512f" in has else 8

    @property
    def runs_here(self) -> bool:
        """Whether this machine has what the target must have."""
        needed = [f[1:] for f in self.features.split(",") if f.startswith("+")]
        return all(self._host.get(f, False) for f in needed)

    def _machine(self) -> Any:
        target = llvm.Target.from_triple(llvm.get_process_triple())
        return target.create_target_machine(cpu=self.cpu, features=self.features, opt=2, jit=True)

    def _parsed(self, text: str) -> Any:
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_process_triple()
        module.verify()
        return module

    def assembly(self, text: str) -> str:
        """The assembly of a module; this machine need not be able to run it."""
        return str(self._machine().emit_assembly(self._parsed(text)))

    def compiled(self, text: str) -> Code:
        """The functions of a module, from the cache if they were compiled before.

        Raises:
            RuntimeError: the text is not LLVM IR, or this machine cannot run the code.
        """
        if not self.runs_here:
            raise RuntimeError(f"this machine cannot run code for {self.cpu}")
        machine = self._machine()
        version = ".".join(map(str, llvm.llvm_version_info))
        key = "\n".join([version, llvm.get_process_triple(), self.cpu, self.features, text])
        name = hashlib.sha256(key.encode()).hexdigest()
        binary = cache.read(name)
        if binary is None:
            binary = machine.emit_object(self._parsed(text))
            cache.write(name, binary)
        return Code(binary, machine)

    def function(self, text: str, name: str, arrays: int) -> Callable[..., None]:
        """Compile a module and give one function of it.

        Args:
            text: the module.
            name: the function, ``void name(pointers…, int64 n)``.
            arrays: how many pointers it takes; they are passed as addresses.

        Raises:
            RuntimeError: the text is not LLVM IR, the module has no such function, or this machine cannot run it.
        """
        code = self.compiled(text)
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arrays, ctypes.c_int64)(code.address(name))
        function.code = code  # type: ignore[attr-defined]  # it goes with the function
        return function


@functools.cache
def host() -> Target:
    """This machine's CPU."""
    return Target()


def address_of(array: Any) -> int:
    """Where the numbers of an array begin that lie in a row."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # quicker than the next
    except (TypeError, ValueError):  # it is read-only, or empty
        return int(array.ctypes.data)
