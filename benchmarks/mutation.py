"""Mutation testing: small wrong changes of the engine, each of which the tests must notice.

``python -m benchmarks.mutation ops formulas --sample 150 --out results.jsonl``; without names all modules of
`autograd` itself. Needs ``pip install cosmic-ray``, and a system that can fork.

The mutants are those of cosmic-ray: operators, comparisons, numbers, booleans, conditions, loops, exceptions and
decorators. The table of operations holds its mathematics as text, which is a part of Python; so the same changes are
made in each formula. Two kinds are added: a statement that is left out, and (in `eager`, which writes Python) a text
that is left out. Left alone is what cannot matter: annotations, blocks for type checkers, and the wording of errors.

The modules are changed in a copy. A test process is forked for each mutant from one that has imported pytest already.
Its limit is processor time, so that a busy machine kills no mutant.
"""

from __future__ import annotations

import argparse
import ast
import collections
import difflib
import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SECONDS = 20
"""Processor time for one stage of the tests of one mutant; with the unchanged engine none takes more than 8 s."""

_QUICK = "-k 'not million and not mpmath and not deep and not peak and not bytes_per'"
_MESSAGES = "tests/promises/test_messages.py"
_VALUE = f"tests/core/test_value.py tests/core/test_graph.py tests/core/test_modes.py {_MESSAGES} {_QUICK}"
_BACKWARD = f"tests/core/test_backward.py tests/core/test_functional.py {_QUICK}"
_DEEP = "tests/core/test_value.py tests/core/test_graph.py tests/core/test_functional.py -k 'mpmath or deep'"
_OPS, _FORMULAS, _CLI = "tests/core/test_ops.py", "tests/core/test_formulas.py", "tests/promises/test_cli.py"
_TABLE = f"{_OPS} -k 'not four_ulp'"
_WRITTEN = "tests/explain/test_formula.py tests/compiler/test_forms.py"
TESTS: dict[str, list[str]] = {
    "ops": [f"{_FORMULAS} {_TABLE}", f"{_OPS} -k 'four_ulp and (normal_cdf or sum or softmax)'",
            f"{_OPS} -k 'four_ulp and not erf and not normal_cdf and not sum and not softmax and not gelu'",
            f"{_WRITTEN} {_VALUE}"],
    "operation": [f"{_FORMULAS} {_TABLE}", f"{_WRITTEN} {_VALUE}", f"{_OPS} -k 'four_ulp and not erf'"],
    "floats": [f"{_FORMULAS} {_TABLE}", f"{_OPS} -k four_ulp", _VALUE],
    "formulas": [f"{_FORMULAS} tests/promises/test_fuzz_parsers.py {_CLI} -k 'not train and not demo'", _TABLE,
                 _WRITTEN],
    "functional": [f"tests/core/test_functional.py autograd/functional.py {_MESSAGES} {_QUICK}", _BACKWARD, _DEEP],
    "elementary": [f"{_FORMULAS} {_VALUE}", _BACKWARD, _TABLE, _DEEP],
    "registry": [f"{_FORMULAS} autograd/registry.py {_VALUE}", _TABLE],
    "reals": [_VALUE, _BACKWARD],
    "pickling": ["tests/core/test_value.py -k 'pickle or cop'", "tests/promises/test_limits.py -k pickle"],
    "adjoints": [_BACKWARD, f"{_FORMULAS} {_TABLE}", _DEEP, "tests/check/test_gradcheck.py"],
    "modes": ["tests/core/test_modes.py autograd/modes.py", _VALUE, _BACKWARD],
    "text": ["tests/core/test_text.py", "tests/view/test_draw.py -k 'not large_graphs and not hanging and not cycles'",
             "tests/view tests/promises/test_hostile.py tests/explain/test_ledger.py -k 'not draw'"],
    "files": ["tests/promises/test_faults.py -k 'not system and not dies'", "tests/promises/test_faults.py"],
    "cli": [f"{_CLI} -k 'not train and not demo and not readme'", f"{_CLI} tests/promises/test_fuzz_parsers.py"],
    "__init__": ["tests/promises/test_imports.py", "tests/promises/test_environment.py"],
    "graph": [_VALUE, _BACKWARD, _DEEP, "tests/check/test_gradcheck.py"],
    "value": [_VALUE, _BACKWARD, _DEEP, f"{_FORMULAS} {_TABLE}"],
    "backward": [f"tests/core/test_modes.py {_BACKWARD}", _VALUE, _DEEP],
    "eager": [_VALUE, _BACKWARD, f"{_FORMULAS} {_TABLE}"],
}  # fmt: skip
"""The tests of each module, in stages; those that fail soonest first."""


class Mutant(NamedTuple):
    """A module with one change."""

    module: str
    kind: str
    line: int
    operation: str  # whose formula was changed
    source: str


# ---- making mutants ---------------------------------------------------------------------------------------------

# Not used: shifts and bits of floats, remainders, `is` for `==`. They end in a TypeError or change nothing.
_UNUSED = re.compile(
    r"_(Invert|RShift|LShift|BitOr|BitXor|Mod|FloorDiv|Pow)$|(Add|Sub|Mul|Div)_BitAnd$|Operator_Bit(Or|And)_(Add|Mul|Div)$"
    r"|Comparison.*(Eq|Lt|LtE|Gt|GtE)_(Is|IsNot)$|Comparison.*_(Is|IsNot)_(?!Is)"
)

Place = tuple[int, int]


def _span(node: ast.AST, lines: Sequence[str]) -> tuple[Place, Place]:
    """First and last line and column; columns in characters (`ast` counts bytes)."""

    def column(line: int, offset: int) -> Place:
        return line, len(lines[line - 1].encode()[:offset].decode())

    return column(node.lineno, node.col_offset), column(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def _replaced(lines: Sequence[str], node: ast.AST, text: str) -> str:
    (first, start), (last, end) = _span(node, lines)
    return "".join([*lines[: first - 1], lines[first - 1][:start], text, lines[last - 1][end:], *lines[last:]])


def _changes(source: str) -> Iterator[tuple[str, tuple[Place, Place], str]]:
    """Every change that cosmic-ray makes in a text of Python: its kind, its place and the changed text."""
    import cosmic_ray.plugins
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code

    tree = get_ast(source)
    for name in cosmic_ray.plugins.operator_names():
        operator = cosmic_ray.plugins.get_operator(name)
        if not _UNUSED.search(name) and not operator.arguments():
            spans = [span for node in ast_nodes(tree) for span in operator().mutation_positions(node)]
            for occurrence, span in enumerate(spans):
                yield name.removeprefix("core/"), span, mutate_code(source, operator(), occurrence)


def _immaterial(tree: ast.Module) -> Iterator[ast.AST | None]:
    """Annotations, blocks for type checkers, overloads, and what makes the text of an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.returns
            if any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list):
                yield from [node, *node.decorator_list]
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            yield node.annotation
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from [node.test, *node.body]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from node.exc.args


def _formulas(tree: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """The mathematics in the table of operations: each formula with the name of its operation."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Op" and call.args:
            listed = [k.value for k in call.keywords if k.arg in ("textbook", "kinks", "domain")]
            for node in (n for part in [*call.args[1:3], *listed] for n in ast.walk(part)):
                if isinstance(node, ast.Constant) and node.value:
                    yield ast.literal_eval(call.args[0]), node


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that can be left out: calls, returns, errors, changes of what has a value already."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        inside = list(ast.walk(function))
        bound = collections.Counter(n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        bound.update(n.arg for n in inside if isinstance(n, ast.arg))
        for node in inside:
            possible = isinstance(node, (ast.AugAssign, ast.Raise, ast.Return))
            if isinstance(node, ast.Expr):
                possible = not isinstance(node.value, ast.Constant)
            elif isinstance(node, ast.Assign):
                names = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
                possible = all(bound[name] != 1 for name in names)
            if possible:
                yield node  # type: ignore[misc]


def _texts(tree: ast.Module) -> Iterator[ast.expr]:
    """The texts from which Python is written: all but docstrings and parts of other texts."""
    passed = {id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in ast.walk(n) if part is not n}
    passed |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if text and id(node) not in passed:
            yield node  # type: ignore[misc]


def mutants(module: str, source: str) -> list[Mutant]:
    """Every mutant of a module, each once, in the order of its lines."""
    tree, lines = ast.parse(source), source.splitlines(keepends=True)
    shielded = [_span(node, lines) for node in _immaterial(tree) if node is not None]

    def matters(span: tuple[Place, Place]) -> bool:
        overload = lines[span[0][0] - 1].strip() == "@overload"
        return not overload and not any(first <= span[0] and span[1] <= last for first, last in shielded)

    made = [Mutant(module, kind, span[0][0], "", text) for kind, span, text in _changes(source) if matters(span)]
    for name, formula in _formulas(tree):
        for kind, _, text in _changes(str(formula.value)):
            if not kind.endswith("_Not"):  # not in the language of formulas
                made.append(Mutant(module, kind, formula.lineno, name, _replaced(lines, formula, repr(text))))
    for node in _statements(tree):
        if matters(_span(node, lines)):
            made.append(Mutant(module, "LeaveOutStatement", node.lineno, "", _replaced(lines, node, "pass")))
    for text in _texts(tree) if module == "eager" else ():
        made.append(Mutant(module, "LeaveOutText", text.lineno, "", _replaced(lines, text, '""')))
    different = {ast.dump(tree): Mutant(module, "", 0, "", source)}
    for mutant in made:
        try:
            different.setdefault(ast.dump(ast.parse(mutant.source)), mutant)
        except SyntaxError:
            continue
    return sorted(list(different.values())[1:], key=lambda mutant: mutant.line)


def difference(original: str, mutant: Mutant) -> str:
    lines = difflib.unified_diff(original.splitlines(), mutant.source.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _keys(made: Iterable[Mutant], source: str) -> dict[Mutant, str]:
    """A name for each mutant that outlasts changes of other lines."""
    seen: collections.Counter[str] = collections.Counter()
    keys: dict[Mutant, str] = {}
    for mutant in made:
        text = f"{mutant.module} {difference(source, mutant)}"
        seen[text] += 1
        keys[mutant] = f"{text} {seen[text]}"
    return keys


# ---- running the tests ------------------------------------------------------------------------------------------


class _NoShrinking:
    """One failing example is enough: hypothesis need not look for a shorter one."""

    @staticmethod
    def pytest_configure() -> None:
        from hypothesis import Phase, settings

        settings.register_profile("mutation", settings(phases=(Phase.explicit, Phase.generate)))
        settings.load_profile("mutation")


def failure(folder: Path, arguments: str) -> str:
    """Run pytest in a process of its own: "" if all pass, else the first test that failed, or how the process ended."""
    import pytest

    log = folder / "pytest.log"
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 2))
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        sys.path[:] = [str(folder), *(p for p in sys.path if p not in ("", str(ROOT)))]
        quiet = "-x -q -rfE --tb=no -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"
        os._exit(pytest.main(shlex.split(f"{quiet} {arguments}"), plugins=[_NoShrinking]))
    ended, status, patience = 0, 0, time.monotonic() + 30 * SECONDS
    while not ended:
        if time.monotonic() > patience:  # the tests wait for each other
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.05)
        ended, status = os.waitpid(child, os.WNOHANG)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", log.read_text("utf-8", "replace"), re.MULTILINE)
    return (failed[1] if failed else f"status {os.WEXITSTATUS(status)}") if os.WEXITSTATUS(status) else ""


def killer(folder: Path, mutant: Mutant) -> str:
    """The test that noticed a mutant, "" if none did."""
    target = folder / "autograd" / f"{mutant.module}.py"
    original = target.read_text("utf-8")
    for compiled in (target.parent / "__pycache__").glob(f"{mutant.module}.*.pyc"):
        compiled.unlink()
    stages = TESTS[mutant.module]
    if mutant.operation:  # the tests of this operation, and those of the others that call it
        stages = [f"{_OPS} -k [{mutant.operation}", _TABLE]
    target.write_text(mutant.source, "utf-8")
    try:
        return next(filter(None, (failure(folder, stage) for stage in stages)), "")
    finally:
        target.write_text(original, "utf-8")


def _table(results: Iterable[dict[str, object]]) -> str:
    rows = ["| module | mutants | killed | survived | killed |", "|---|---|---|---|---|"]
    by_module: dict[object, list[bool]] = {}
    for result in results:
        by_module.setdefault(result["module"], []).append(bool(result["killer"]))
    by_module["all"] = [entry for entries in by_module.values() for entry in entries]
    for module, entries in by_module.items():
        killed, number = sum(entries), len(entries)
        rows.append(f"| {module} | {number} | {killed} | {number - killed} | {killed / max(number, 1):.1%} |")
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="module", help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, help="this many mutants of each module, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="add the results to this file; what was killed in it is not run again")
    options = parser.parse_args(arguments)
    killed: dict[str, dict[str, object]] = {}
    if options.out and options.out.exists():
        killed = {r["key"]: r for r in map(json.loads, options.out.read_text("utf-8").splitlines()) if r["killer"]}
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    import hypothesis
    import mpmath
    import numpy

    del hypothesis, mpmath, numpy  # imported once, for all processes
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "copy")
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for module in options.modules or TESTS:
            source = (folder / "autograd" / f"{module}.py").read_text("utf-8")
            chosen = mutants(module, source)
            keys = _keys(chosen, source)
            if options.sample:  # the same ones after a change elsewhere in the module, and also in a larger sample
                chosen.sort(key=lambda mutant: hashlib.sha256(f"{options.seed} {keys[mutant]}".encode()).digest())
                chosen = sorted(chosen[: options.sample], key=lambda mutant: mutant.line)
            results += [killed[keys[mutant]] for mutant in chosen if keys[mutant] in killed]
            fresh = [mutant for mutant in chosen if keys[mutant] not in killed]
            if fresh:
                broken = killer(folder, Mutant(module, "", 0, "", source))  # also compiles the tests
                if broken:
                    print(f"{module}: the tests fail without any change: {broken}")
                    return 1
            sys.dont_write_bytecode = True
            for number, mutant in enumerate(fresh, 1):
                result = {
                    "key": keys[mutant], "module": module, "kind": mutant.kind, "line": mutant.line,
                    "change": difference(source, mutant), "killer": killer(folder, mutant),
                }  # fmt: skip
                results.append(result)
                if options.out:
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(result, ensure_ascii=False) + "\n")
                if not result["killer"]:
                    print(f"{module}.py:{mutant.line} survives {mutant.kind} ({number} of {len(fresh)})")
                    print(result["change"], flush=True)
            sys.dont_write_bytecode = False
    print(_table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
