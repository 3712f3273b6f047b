"""``python -m benchmarks [name [arguments]]``."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent


def titles() -> dict[str, str]:
    """The benchmarks and the first lines of their docstrings; read without importing, since some import a lot."""
    files = sorted(file for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
    found = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    return {
        name: (ast.get_docstring(tree) or "").partition("\n")[0]
        for name, tree in found.items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
    }


def main(arguments: Sequence[str]) -> int:
    listed = titles()
    if arguments and arguments[0] in listed:
        return importlib.import_module(f"benchmarks.{arguments[0]}").main(arguments[1:]) or 0
    wrong = arguments and arguments[0] not in ("-h", "--help")
    if wrong:
        print(f"There is no benchmark {arguments[0]!r}.", file=sys.stderr)
    print("Run one with: python -m benchmarks NAME\n")
    for name, title in listed.items():
        print(f"  {name:12} {title}")
    return 2 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
