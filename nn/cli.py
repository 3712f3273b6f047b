"""The `tracegrad` command: the expression commands of `autograd.cli`, the demonstration and training."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from autograd import __version__, cli

from . import doctor
from .counts import whole


def _demo(options: argparse.Namespace) -> int:
    from .demo import run

    return run(Path(options.output), seed=options.seed)


def _train(options: argparse.Namespace) -> int:
    from .recipes import train

    return train(
        options.dataset,
        Path(options.output or f"tracegrad-{options.dataset}"),
        data=options.data,
        epochs=options.epochs,
        seed=options.seed,
        resume=options.resume,
    )


def _grade(options: argparse.Namespace) -> int:
    from .hand_in import grade

    graded = grade(Path(options.file).read_text(encoding="utf-8"))
    if options.output:
        graded.save(options.output)
    print(json.dumps(graded.to_dict(), ensure_ascii=False, indent=1) if options.json else graded)
    return 0 if graded else 1


def _classreport(options: argparse.Namespace) -> int:
    from .classroom import class_report

    report = class_report(options.folder)
    for path in options.output:
        report.save(path)
    print(report)
    return 0


def _playground(options: argparse.Namespace) -> int:
    from .playground import build, serve

    if options.build is None:
        serve(options.port, options.runtime)
    else:
        print(f"The playground is in {build(options.build, options.runtime)}: copy it to any web server.")
    return 0


def _whole(least: int) -> Callable[[str], int]:
    """Reads whole numbers from a command line."""

    def read(text: str) -> int:
        try:
            return whole(int(text), "the number", least)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}") from None

    return read


def parser() -> argparse.ArgumentParser:
    """The argument parser of the `tracegrad` command."""
    from .recipes import RECIPES

    top = argparse.ArgumentParser(
        prog="tracegrad",
        description="Write scalars, see every derivative, run matrices.",
        epilog=f"example: {cli.EXAMPLE}",
    )
    top.add_argument("--version", action="version", version=f"tracegrad {__version__}")
    commands = top.add_subparsers(title="commands", metavar="command", required=True)

    demo = commands.add_parser("demo", help="train on the Iris flowers and take one flower's loss apart")
    demo.add_argument("-o", "--output", default="tracegrad-demo", help="folder for the pictures (default: %(default)s)")
    demo.add_argument(
        "--seed", type=_whole(0), default=0, help="of the split, the weights and the order of the flowers"
    )
    demo.set_defaults(run=_demo)

    cli.add_commands(commands)

    answers = commands.add_parser("grade", help="judge a derivation that a student typed, line by line")
    answers.add_argument("file", help="a text file: what it is about, and then the lines (see nn.hand_in)")
    answers.add_argument("--json", action="store_true", help="print the verdicts as JSON, for a script")
    answers.add_argument("-o", "--output", help="write a page, such as graded.html or graded.pdf, too")
    answers.set_defaults(run=_grade)

    classes = commands.add_parser("classreport", help="judge a folder of hand-ins: who made which mistake")
    classes.add_argument("folder", help="with a JSON file of each student (see nn.classroom)")
    classes.add_argument(
        "-o", "--output", action="append", default=[], help="write report.html, .pdf or .csv; may be repeated"
    )
    classes.set_defaults(run=_classreport)

    training = commands.add_parser("train", help="train on a data set; save the model, curves and pictures")
    training.add_argument("dataset", choices=sorted(RECIPES))
    training.add_argument("--data", help="folder with the four MNIST files (default: $TRACEGRAD_MNIST)")
    training.add_argument("--epochs", type=_whole(1), help="how often each sample is used")
    training.add_argument(
        "--seed", type=_whole(0), default=0, help="of weights, split and order (default: %(default)s)"
    )
    training.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")
    training.add_argument("-o", "--output", help="folder for what is saved (default: tracegrad-DATASET)")
    training.set_defaults(run=_train)

    playground = commands.add_parser("playground", help="tracegrad in a browser, with nothing installed there")
    playground.add_argument("--port", type=_whole(0), default=8000, help="where to listen (default: %(default)s)")
    playground.add_argument("--build", metavar="DIR", help="write the static files to a folder instead of serving them")
    playground.add_argument("--runtime", metavar="FOLDER", help="of the npm package pyodide (default: npm gets it)")
    playground.set_defaults(run=_playground)

    commands.add_parser("doctor", help=doctor.ABOUT).set_defaults(run=lambda options: doctor.report())
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 for success, 1 for a failed check, 2 for a mistake in what was typed."""
    return cli.run(parser(), arguments)
