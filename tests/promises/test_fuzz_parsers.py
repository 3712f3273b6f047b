"""Any bytes give a result or the documented error, from everything that parses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import formulas, ops
from benchmarks import fuzz_parsers
from benchmarks.fuzz_parsers import TARGETS, seeds, words

FUNCTIONS = ops.known_functions(derivative=True)


@pytest.mark.parametrize("name", list(TARGETS))
def test_the_inputs_to_start_from_and_their_mutations(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)
        for i in range(0, min(len(seed), 300), 7):
            TARGETS[name](seed[:i])
            TARGETS[name](seed[:i] + bytes([seed[i] ^ 0x41]) + seed[i + 1 :])


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from([*words("expression"), "x", "y", "2", " ", "\n", ".", "lambda", "[", "]", "é"]), max_size=12
    )
)
def test_expressions(parts: list[str]) -> None:
    TARGETS["expression"]("".join(parts).encode())


@settings(max_examples=100)
@given(st.binary(max_size=80), st.sampled_from(["idx", "checkpoint"]))
def test_files(data: bytes, name: str) -> None:
    TARGETS[name](data)
    TARGETS[name](b"\0\0\x08" + data if name == "idx" else b'{"architecture": ' + data)


@pytest.mark.parametrize(
    "text",
    [
        "[" + "-" * 900 + "1]",
        "(" + "-" * 990 + "x)()",
        "x" + "[0]" * 1500,
        "lambda:" * 500 + "1",
        "not " * 950 + "x",
        "f'{" + "-" * 900 + "1}'",
        "-" * 9000 + "x",
        "x" + ".a" * 3000,
        "9" * 9000,
        "\udc80",
    ],
    ids=lambda text: text[:6].encode("ascii", "backslashreplace").decode(),
)
def test_deep_nonsense_is_refused_in_words(text: str) -> None:
    """`ast.unparse`, which wrote the message once, recurses as deep as the text nests."""
    with pytest.raises(formulas.FormulaError):
        formulas.parse(text, FUNCTIONS)


def test_what_is_refused_is_quoted_as_it_was_written() -> None:
    with pytest.raises(formulas.FormulaError, match=r"^'x if y else 1' is not allowed"):
        formulas.parse("1 + (x if  y else 1)", FUNCTIONS)
    with pytest.raises(formulas.FormulaError, match=r"unknown function 'math\.tanh'"):
        formulas.parse("math.tanh(x)", FUNCTIONS)


def test_the_targets_are_shown_wrong_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    def recursing(*arguments: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("autograd.formulas.parse", recursing)
    monkeypatch.setattr("nn.datasets.read_idx", recursing)
    monkeypatch.setattr("nn.checkpoint.read", recursing)
    for name, target in TARGETS.items():
        with pytest.raises(RecursionError):
            target(seeds(name)[0])


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert fuzz_parsers.main(["idx"]) == 2 and "pip install atheris" in capsys.readouterr().err
    (tmp_path / "input").write_bytes(b"x\nx=2")
    assert fuzz_parsers.main(["expression", "--replay", str(tmp_path / "input")]) == 0
    assert "handled as promised" in capsys.readouterr().out
