"""From text to a function to call: LLVM through llvmlite, of which little is used, as its interface changes.

No optimizer runs: the text is what is wanted. Code generation does the rest, with no leave to reorder or contract.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm

FEATURES = {
    "haswell": "+avx2,+fma",
    "skylake-avx512": "+avx2,+fma,+avx512f,+avx512dq,+avx512bw,+avx512vl,-prefer-256-bit",
    "x86-64": "+sse2",
}
"""CPUs to compile for by name, besides ``"host"``, and what they must have."""


class Target:
    """A CPU to compile for.

    Args:
        cpu: ``"host"`` or a name of `FEATURES`.

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
        arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
        self.has_fma = arm or "+fma" in self.features.split(",")

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

    def function(self, text: str, name: str, arrays: int) -> Callable[..., None]:
        """Compile a module and give one function of it.

        Args:
            text: the module.
            name: the function, ``void name(pointers…, int64 n)``.
            arrays: how many pointers it takes; they are passed as addresses.

        Raises:
            RuntimeError: the text is not LLVM IR, the module has no such function, or this machine cannot run it.
        """
        if not self.runs_here:
            raise RuntimeError(f"this machine cannot run code for {self.cpu}")
        engine = llvm.create_mcjit_compiler(self._parsed(text), self._machine())
        engine.finalize_object()
        address = engine.get_function_address(name)
        if not address:
            raise RuntimeError(f"the module has no function {name}")
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arrays, ctypes.c_int64)(address)
        function.engine = engine  # type: ignore[attr-defined]  # the code goes with the engine
        return function
