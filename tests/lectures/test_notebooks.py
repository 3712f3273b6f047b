"""Each notebook runs from top to bottom and still prints what is committed.

A notebook runs in a kernel of the interpreter that runs the tests; no kernel has to be installed. Cells tagged
``mnist`` need the four files of MNIST in the folder that TRACEGRAD_MNIST names, and are left out without them. A
notebook with cells tagged ``jax`` is skipped where JAX is not installed. Pictures are not compared (their bytes differ
with each version of matplotlib and of fonts), only that there is one.

``python tests/lectures/test_notebooks.py [name …]`` runs notebooks and writes what they print into their files.
"""

import asyncio
import copy
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MNIST = Path(os.environ.get("TRACEGRAD_MNIST") or ROOT.parent / "shared" / "data" / "mnist")
pytestmark = pytest.mark.slow

SECONDS_PER_CELL = 120


def read(path):
    return nbformat.read(path, as_version=4)


def needs(cell, tag):
    return tag in cell.metadata.get("tags", [])


# ---- comparing outputs ------------------------------------------------------------------------------------------

PICTURE = re.compile(r"data:image/[^\"']*")
KEY = re.compile(r"\b[0-9a-f]{12}\b")  # a hash of the picture
PACKED = re.compile(r'"[A-Za-z0-9+/]{11,}=*"')  # floats as base64, of which the last bit depends on the machine
NUMBER = re.compile(r"[-−+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def as_printed(cell):
    """The outputs of a cell as comparable lines: text as it is, other kinds by name."""
    lines, stream = [], ""
    for output in cell.outputs:
        if output.output_type == "stream":  # one text can arrive in several parts
            if output.name == stream:
                lines[-1:] = (lines[-1] + output.text).split("\n")
            else:
                lines += [output.name, *output.text.split("\n")]
            stream = output.name
            continue
        stream = ""
        if output.output_type == "error":
            lines += ["error", output.ename, *output.evalue.split("\n")]
        else:
            kinds = sorted(kind for kind in output.data if not kind.startswith("application/"))
            lines += [" ".join(kinds)]
            if "image/png" not in kinds:  # the text beside a figure gives its size in pixels
                lines += output.data.get("text/plain", "").split("\n")
            page = PACKED.sub("floats", KEY.sub("key", PICTURE.sub("picture", output.data.get("text/html", ""))))
            lines += page.replace("><", ">\n<").split("\n")
    return lines


def unit(number):
    """One unit of the last place that is printed: 0.01 for 3.14, 1e-7 for 2.50e-5."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.0 if not decimals and not exponent else 10.0 ** (int(exponent or 0) - decimals)


def alike(expected, got):
    """Whether two lines say the same: words exactly, numbers to one unit of the last printed place."""
    if NUMBER.sub("#", expected) != NUMBER.sub("#", got):
        return False
    for a, b in zip(NUMBER.findall(expected), NUMBER.findall(got)):
        difference = abs(float(a.replace("−", "-")) - float(b.replace("−", "-")))
        # a page carries its numbers in full, and the last of 17 digits is the machine's
        if difference > max(1.001 * max(unit(a), unit(b)), 1e-9 * abs(float(a.replace("−", "-")))):
            return False
    return True


def differences(expected, got):
    """What differs between two executed notebooks, in words; empty if they agree."""
    found = []
    pairs = zip((c for c in expected.cells if c.cell_type == "code"), (c for c in got.cells if c.cell_type == "code"))
    for number, (old, new) in enumerate(pairs, 1):
        before, after = as_printed(old), as_printed(new)
        where = f"code cell {number} ({old.source.splitlines()[0] if old.source else 'empty'!r})"
        if len(before) != len(after):
            found.append(f"{where}: {len(before)} lines are committed, {len(after)} were printed:\n" + "\n".join(after))
        found += [f"{where}:\n  committed: {a}\n  printed:   {b}" for a, b in zip(before, after) if not alike(a, b)]
    return found


def notebook(*outputs):
    cells = [
        nbformat.v4.new_code_cell("f()", outputs=[nbformat.v4.new_output("stream", name="stdout", text=text)])
        for text in outputs
    ]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize(
    ("committed", "printed", "same"),
    [
        ("loss 0.1234", "loss 0.1235", True),  # one unit of the last place: rounding on another machine
        ("loss 0.1234", "loss 0.1240", False),
        ("−2.5e-05", "−2.6e-05", True),
        ("2.5e-05", "3.5e-05", False),
        ("337 parameters", "338 parameters", False),
        ("loss 0.1", "cost 0.1", False),
        ("a", "a\nb", False),
        ("-1.0", "1.0", False),
    ],
)
def test_the_comparison_itself(committed, printed, same):
    assert (not differences(notebook(committed), notebook(printed))) is same


def test_text_that_arrives_in_parts():
    whole, parts = notebook("one\ntwo\n"), notebook("one\nt")
    parts.cells[0].outputs.append(nbformat.v4.new_output("stream", name="stdout", text="wo\n"))
    assert not differences(whole, parts)


# ---- what is committed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_committed_and_tidy(path):
    book = read(path)
    nbformat.validate(book)
    assert book.cells[0].cell_type == "markdown" and book.cells[0].source.startswith("# ")
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run it from top to bottom"
    for cell in code:
        assert "execution" not in cell.metadata, "timings of cells are not committed"
        text = json.dumps(cell.outputs, ensure_ascii=False)
        assert '"name": "stderr"' not in text, f"a warning was printed by {cell.source!r}"
        printed = "\n".join(as_printed(cell))
        for secret in ("0x", "/home/", "/tmp/", "/root/", "\\Users\\"):
            assert secret not in printed, f"{secret!r} differs from machine to machine, in {cell.source!r}"


# ---- running ----------------------------------------------------------------------------------------------------


@pytest.fixture
def kernel_manager(tmp_path, monkeypatch):
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return this_interpreter(tmp_path)


def this_interpreter(tmp_path):
    """A manager whose only kernel is the interpreter that runs this, with this project on its path."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager

    folder = tmp_path / "kernels" / "this-python"
    folder.mkdir(parents=True)
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "the interpreter of the tests",
        "language": "python",
        "env": {**environment, **one_thread, **({"TRACEGRAD_MNIST": str(MNIST)} if MNIST.is_dir() else {})},
    }
    (folder / "kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")], ensure_native_kernel=False)
    return AsyncKernelManager(kernel_name="this-python", kernel_spec_manager=specs)


def executed(book, manager, folder):
    """A copy of the notebook, run from top to bottom in ``folder``; ends the kernel whatever happens."""
    book = copy.deepcopy(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = nbclient.NotebookClient(
        book,
        km=manager,
        timeout=SECONDS_PER_CELL,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    with ThreadPoolExecutor(1) as other:  # the browser tests leave an event loop running in this thread
        other.submit(lambda: asyncio.run(client.async_execute(cleanup_kc=True))).result()
    return book


@pytest.mark.filterwarnings("ignore")  # of the Jupyter packages; warnings of a notebook are in its outputs
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_prints_what_is_committed(path, kernel_manager, tmp_path):
    committed = read(path)
    if any(needs(cell, "jax") for cell in committed.cells):
        pytest.importorskip("jax")
    if not MNIST.is_dir():
        committed.cells = [cell for cell in committed.cells if not needs(cell, "mnist")]
        if not any(cell.cell_type == "code" for cell in committed.cells):
            pytest.skip("every cell needs MNIST; name the folder of its four files in TRACEGRAD_MNIST")
    fresh = executed(committed, kernel_manager, tmp_path)
    found = differences(committed, fresh)
    assert not found, f"{path.name} prints something else than what is committed:\n" + "\n".join(found)


def main(names):
    """Run the notebooks of these names (all, if there is none) and write their outputs."""
    import tempfile

    for path in NOTEBOOKS:
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory() as folder:
                book = executed(read(path), this_interpreter(Path(folder)), folder)
            book.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
            nbformat.write(book, path)
            print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
