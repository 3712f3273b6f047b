"""The beginning of a back end through LLVM: text of vector code, its functions, and what compiles it.

`emit` writes LLVM IR, `functions` has the elementary functions in it, `target` turns the text into a function to call.
No program runs on it yet. It needs llvmlite (extra ``fast``), which only `target` imports.
"""
