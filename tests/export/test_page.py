"""The blocks of docs/your_model.md and docs/outgrow.md that need other libraries run as they stand."""

import os
import re
import sys
import warnings
from pathlib import Path

import processes
import pytest

PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("your_model.md", "outgrow.md")]
BLOCKS = [
    code
    for page in PAGES
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    if ">>>" not in code
]
RANKED = """
import os, sys
os.environ.update(RANK=sys.argv[1], WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[2])
%s
print("done")
"""
"""What torchrun tells a process."""

OTHERS = ("torch", "sklearn", "onnx", "scipy", "sympy", "jax")


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    imported = re.findall(r"^(?:import|from) (\w+)", code, re.M)
    for name in OTHERS:
        if name in imported or f'"{name}"' in code:  # the name of an engine
            pytest.importorskip(name)
    assert "assert" in code
    if "init_process_group" in code:
        assert processes.two(RANKED % code, PYTHONPATH=os.pathsep.join(sys.path)) == ["done"] * 2
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn: it has not converged
        exec(compile(code, "page", "exec"), {"__name__": "page"})
