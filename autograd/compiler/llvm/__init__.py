"""The fast back end, through LLVM: machine code for the shapes of a program.

`forms` groups rows and says what a kernel does; `kernels`, `sums` and `lists` write it, with the elementary functions
of `functions`, as LLVM IR (`emit`); `target` compiles it, and `cache` keeps it on disk; `driver` walks through a batch;
`backend` is the machine that a program holds. `updates` makes machine code of the optimizers' rules. It needs llvmlite
(extra ``fast``), which only `target` imports.
"""
