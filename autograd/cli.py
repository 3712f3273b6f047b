"""The expression commands of `tracegrad`: draw, check and step through a formula given as text; show an operation.

The text is parsed with `ast` against a whitelist and interpreted node by node (see `autograd.formulas`); it never
reaches Python's evaluator.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from inspect import getsource
from string import Template
from typing import Any

from . import formulas, ops
from .elementary import FUNCTIONS, METHODS, on_values
from .graph import leaves
from .notation.naming import names_of
from .notation.tables import Table
from .value import Value, constant

EXAMPLE = "tracegrad draw 'tanh(w*x + b)' w=2 x=-1 b=0.5 -o graph.svg"


CONSTANTS = {"pi": math.pi, "e": math.e}
"""Names that have a value unless another is given."""


def _known() -> dict[str, Any]:
    return {name: on_values(name) for name in ops.known_functions(derivative=True)}


class CommandError(Exception):
    """A mistake in what was typed; the message is shown without a traceback."""


def build(text: str, assignments: Sequence[str]) -> Value:
    """The graph of an expression, with one labelled leaf for each ``name=number``.

    Raises:
        CommandError: the expression is not in the language, a name has no value, a value is not a number or stands
            for a name that the expression does not have.
    """
    known = _known()
    given = dict(_assignment(entry) for entry in assignments)
    if len(given) < len(assignments):
        raise CommandError("a name has two values: " + " ".join(assignments))
    try:
        tree = formulas.parse(text, known)
    except formulas.FormulaError as error:
        raise CommandError(str(error)) from None
    names = formulas.names_in(tree)
    constants = {name: value for name, value in CONSTANTS.items() if name not in given}
    missing = [name for name in names if name not in given and name not in constants]
    if missing:
        raise CommandError(
            f"{', '.join(missing)} {'has' if len(missing) == 1 else 'have'} no value; "
            f"add {' '.join(f'{name}=…' for name in missing)}, as in\n    {EXAMPLE}"
        )
    unused = [name for name in given if name not in names]
    if unused:
        raise CommandError(f"{', '.join(unused)}: not in the expression {text!r}")
    values: dict[str, Any] = {name: Value(given[name], name) for name in names if name in given}
    try:
        root = formulas.interpret(tree, known, values | constants, number=constant)
    except (TypeError, OverflowError) as error:  # a function called with too many arguments, a literal beyond 1.8e308
        raise CommandError(str(error)) from None
    if not isinstance(root, Value) or not leaves(root):
        raise CommandError(f"{text!r} depends on no name; write one, as in\n    {EXAMPLE}")
    return root


def _assignment(entry: str) -> tuple[str, float]:
    match = re.fullmatch(r"\s*([^\W\d]\w*)\s*=\s*(.*\S)\s*", entry, re.DOTALL)
    if not match:
        raise CommandError(f"{entry!r} does not have the form name=number, as in w=2 or x=-0.5")
    return formulas.identifier(match[1]), _number(match[1], match[2])


def _number(name: str, text: str) -> float:
    """A number, or the value of an expression of numbers such as ``1/2`` or ``pi/3``."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        tree = formulas.parse(text, _known(), CONSTANTS)
        value = formulas.interpret(tree, _known(), CONSTANTS, constant)
    except (formulas.FormulaError, TypeError, OverflowError) as error:
        raise CommandError(
            f"{name}={text}: {text!r} is not a number, nor an expression of numbers such as 1/2 or pi/3: {error}"
        ) from None
    return value.data if isinstance(value, Value) else float(value)


def summary(root: Value) -> str:
    """The value of the root and the gradient of each named leaf, as a table."""
    names = names_of(root)
    rows = [(names.text(leaf), f"{leaf.data:.15g}", f"{leaf.grad:.15g}") for leaf in leaves(root)]
    return str(Table(("name", "value", "gradient"), [*rows, (names.text(root), f"{root.data:.15g}", "")], (1, 2)))


def _draw(options: argparse.Namespace) -> int:
    from .view.drawing import draw

    root = build(options.expression, options.values)
    root.backward()
    drawing = draw(root, rankdir=options.rankdir)
    if options.output == "-":
        print(drawing.svg())
        return 0
    drawing.save(options.output)
    print(summary(root))
    print(f"wrote {options.output}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from .check import gradcheck

    root = build(options.expression, options.values)
    report = gradcheck(root, leaves(root), order=options.order, raise_exception=False)
    print(report)
    return {"passed": 0, "failed": 1, "cannot say": 3}[report.outcome]


def _step(options: argparse.Namespace) -> int:
    from .view.stepper import stepper

    root = build(options.expression, options.values)
    if options.output == "-":
        print(stepper(root).page())
    elif options.output:
        stepper(root).save(options.output)
        print(f"wrote {options.output}: open it in a browser; arrow keys go through the steps")
    else:
        stepper(root).print()
    return 0


def source(name: str) -> str:
    """An entry of the table of operations as text: its formulas, and the Python that is written from them.

    Raises:
        CommandError: no operation has that name.
    """
    op = ops.TABLE.get(name)
    if op is None:
        raise CommandError(f"no operation is called {name!r}; {formulas.meant(name, ops.TABLE)}")
    names = [argument.lstrip("*") for argument in op.arguments]
    rows = [("kind", op.kind), ("value", op.formula)]
    for argument, derivative, book in zip(names, op.derivatives, op.textbook):
        rows.append((f"d/d{argument}", derivative))
        rows += [("as in books", book)] if book else []
    rows += [
        (heading, text) for heading, texts in (("kink at 0 of", op.kinks), ("domain", op.domain)) for text in texts
    ]
    rows.append(("LaTeX", Template(op.latex).substitute({argument: argument for argument in names})))
    width = max(len(heading) for heading, _ in rows)
    parts = [f"{name}: {op.text}", "\n".join(f"  {heading:{width}}  {text}" for heading, text in rows)]
    if op.method and not op.takes_list:
        parts += [f"The method Value.{op.method}, as Python runs it:", getsource(METHODS[op.method]).rstrip()]
    if name in FUNCTIONS:
        parts += [f"The function autograd.{name}:", getsource(FUNCTIONS[name]).rstrip()]
    return "\n\n".join(parts)


def _source(options: argparse.Namespace) -> int:
    print(source(options.operation))
    return 0


def add_commands(commands: Any) -> None:
    """Add draw, check, step and source to the subcommands of an argument parser."""
    command = commands.add_parser("source", help="show the formulas of an operation and the Python written from them")
    command.add_argument("operation", help="such as tanh, mul or softmax")
    command.set_defaults(run=_source)
    for name, run, text in (
        ("draw", _draw, "draw the graph of an expression with its values, local derivatives and gradients"),
        ("check", _check, "check the gradient of an expression against finite differences, edge by edge"),
        ("step", _step, "step through the forward and the backward pass of an expression"),
    ):
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.epilog = f"functions: {', '.join(sorted(_known()))}; constants: pi, e"
        if name == "check":
            command.epilog += "; exit status: 0 passed, 1 failed, 3 cannot say (a kink, an edge or round-off here)"
        command.add_argument("expression", help="such as 'tanh(w*x + b)' or '-log(p)'")
        command.add_argument("values", nargs="*", metavar="name=number", help="a value for each name, such as p=1/2")
        command.set_defaults(run=run)
        if name == "draw":
            command.add_argument(
                "-o",
                "--output",
                default="graph.svg",
                help="svg, png, pdf, dot, or - to print the svg (default: %(default)s)",
            )
            command.add_argument("--rankdir", choices=("LR", "TB"), default="LR", help="left to right or top to bottom")
        if name == "check":
            command.add_argument("--order", type=int, choices=(1, 2), default=1, help="also check second derivatives")
        if name == "step":
            command.add_argument(
                "-o", "--output", help="write one HTML page, - to print it; without it the steps are printed"
            )


def _protected(arguments: Sequence[str]) -> list[str]:
    """The arguments, a space before an expression that begins with a minus: so it is not taken for an option."""
    if arguments[:1] not in (["draw"], ["check"], ["step"]):
        return [*arguments]
    options = ("-o", "-h", "--")
    return [
        f" {text}" if text.startswith("-") and text != "-" and not text.startswith(options) else text
        for text in arguments
    ]


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Parse and run; a mistake of the user is one message on standard error and exit status 2, no traceback."""
    options = parser.parse_args(_protected(sys.argv[1:] if arguments is None else arguments))
    try:
        status: int = options.run(options)
        return status
    except BrokenPipeError:  # not a mistake of the user: who reads the output has seen enough
        raise
    except (CommandError, OSError, ValueError, ImportError, RuntimeError, MemoryError) as error:
        print(f"tracegrad: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tracegrad: interrupted", file=sys.stderr)
        return 130
