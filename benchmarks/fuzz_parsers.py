"""Coverage-guided fuzzing (atheris) of everything that parses: expressions, IDX files, checkpoints.

``python -m benchmarks.fuzz_parsers expression --minutes 3``, likewise ``idx`` and ``checkpoint``; needs
``pip install atheris``. The contract: any bytes give a result or the documented error, within seconds and
little memory; never another exception. libFuzzer keeps the input that breaks it as a file, which ``--replay FILE``
runs again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

SECONDS, MEGABYTES = 5, 512
"""What one input may take on a busy machine, the interpreter and NumPy included."""


def expression(data: bytes) -> None:
    """An expression and its values, as the command line takes them: a graph, or a CommandError.

    The text is split at line ends; the first part is the expression. A graph is differentiated too.
    """
    from autograd import cli, formulas, ops

    text, *values = data.decode("utf-8", "surrogateescape").split("\n")
    with contextlib.suppress(formulas.FormulaError):
        formulas.parse(text, ops.known_functions(derivative=True))
    with contextlib.suppress(cli.CommandError):
        cli.build(text, values).backward()


def idx(data: bytes) -> None:
    """An IDX file: an array of the announced shape, or a ValueError."""
    from nn.datasets import read_idx

    with _file(data) as path, contextlib.suppress(ValueError):
        array = read_idx(path)
        if array.dtype != "uint8" or (data[:2] != b"\x1f\x8b" and array.tobytes() != data[4 + 4 * array.ndim :]):
            raise AssertionError("the array is not what the file holds")


def checkpoint(data: bytes) -> None:
    """A checkpoint: its content and its model, or a CheckpointError; with a valid header too, as an attacker's has."""
    from nn.checkpoint import FORMAT, VERSION, CheckpointError, load, read

    header = {"format": FORMAT, "version": VERSION, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    for content in (data, json.dumps(header).encode() + b"\n" + data):
        with _file(content) as path, contextlib.suppress(CheckpointError):
            read(path)
            load(path)


@contextlib.contextmanager
def _file(data: bytes) -> contextlib.AbstractContextManager[str]:  # type: ignore[misc]
    handle, path = tempfile.mkstemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield path
    finally:
        os.unlink(path)


TARGETS: dict[str, Callable[[bytes], None]] = {"expression": expression, "idx": idx, "checkpoint": checkpoint}


def seeds(name: str) -> list[bytes]:
    """Inputs to start from: sound ones of every kind."""
    if name == "expression":
        return [
            b"tanh(w*x + b)\nw=2\nx=-1\nb=0.5", b"where(x < 0, -x, x ** 2) / 1e-3\nx=3", b"log(x)/x\nx=0",
            b"maximum(x, 1) - minimum(pi, e)\nx=inf", b"-x**-2**x\nx=-0.0", b"9**9**9**x\nx=nan",
            b"[" + b"-" * 900 + b"1]", b"x" + b"[0]" * 1200, b"(" * 150 + b"x" + b")" * 150 + b"\nx=1",
        ]  # fmt: skip
    if name == "idx":
        import gzip

        plain = b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03" + bytes(range(6))
        return [plain, gzip.compress(plain, mtime=0), b"\0\0\x08\x01\xff\xff\xff\xff", b"\0\0\x08\xff" + b"\0" * 1020]
    bodies = [
        {"architecture": {"kind": "MLP", "nin": 1, "nouts": [1], "activations": ["tanh"], "bias": True},
         "parameters": {"layers.0.neurons.0.weights.0": 0.5, "layers.0.neurons.0.bias": 1e-3},
         "optimizer": {"kind": "SGD", "steps": 1, "state": {}}, "training": {"epoch": 1}},
        {"architecture": {"kind": "MLP", "nin": 10**9, "nouts": [10**9], "activations": ["relu"], "bias": False},
         "parameters": {}, "optimizer": None, "training": None},
    ]  # fmt: skip
    return [json.dumps(body).encode() for body in bodies] + [b"[" * 100000, b'{"architecture": NaN}', b"\xff\xfe"]


def words(name: str) -> list[str]:
    """What inputs are made of, for libFuzzer to put together."""
    if name == "expression":
        from autograd import ops

        signs = ["**", "*", "/", "+", "-", "(", ")", ",", "<", "<=", ">", ">=", "x=", "1e308", "1e-320", "pi", "e"]
        return ["\n", *signs, *(f"{function}(" for function in sorted(ops.known_functions(derivative=True)))]
    if name == "checkpoint":
        keys = "architecture parameters optimizer training kind nin nouts activations bias MLP tanh steps state"
        signs = '{ } [ ] : , " null true NaN Infinity 1e999 -1 10000000000000000000'
        return f"{keys} {signs}".split()
    return []


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_parsers", description=__doc__.partition("\n")[0])
    parser.add_argument("target", choices=list(TARGETS))
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: %(default)s)")
    parser.add_argument("--replay", type=Path, help="run one saved input instead")
    options = parser.parse_args(arguments)
    if options.replay:
        TARGETS[options.target](options.replay.read_bytes())
        print(f"{options.replay} is handled as promised")
        return 0
    try:
        import atheris
    except ImportError:
        print("coverage-guided fuzzing needs atheris: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["autograd", "nn", "ast", "json", "gzip"]):
        for seed in seeds(options.target):
            TARGETS[options.target](seed)
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{options.target}-"))
    for i, seed in enumerate(seeds(options.target)):
        (folder / f"seed{i}").write_bytes(seed)
    dictionary = folder.with_suffix(".dict")
    entries = [json.dumps(word).replace("\\n", "\\x0a") for word in words(options.target)]
    dictionary.write_text("\n".join(entries), encoding="ascii")
    flags = [
        *([f"-dict={dictionary}"] if entries else []),
        f"-max_total_time={round(60 * options.minutes)}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}",
        "-max_len=4096", "-print_final_stats=1", f"-artifact_prefix={folder}/found-",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(folder)], TARGETS[options.target])
    atheris.Fuzz()  # ends the process
    return 0


if __name__ == "__main__":
    sys.exit(main())
