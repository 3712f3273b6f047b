"""The blocks of docs/your_model.md that need other libraries run as they stand."""

import re
import warnings
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "your_model.md"
BLOCKS = [
    code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S) if ">>>" not in code
]
OTHERS = ("torch", "sklearn", "onnx", "scipy", "sympy")


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"^(?:import|from) (\w+)", code, re.M):
        if name in OTHERS:
            pytest.importorskip(name)
    assert "assert" in code
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn: it has not converged
        exec(compile(code, PAGE.name, "exec"), {"__name__": "page"})
