"""Benchmarks against other packages: ``python -m benchmarks`` lists them, ``python -m benchmarks eager`` runs one.

A benchmark is a module of this package with a docstring and ``main(arguments)``; a new file is all that a new one
takes. Each compares losses and gradients of all contestants before it prints a time.
"""
