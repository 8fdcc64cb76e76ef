"""The example notebook runs from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent.parent / "examples" / "first_look.ipynb"


def executed(source: str):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.reads(source, as_version=4)
    nbclient.NotebookClient(notebook, timeout=280, kernel_name="python3").execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.filterwarnings("ignore")  # the kernel's own
def test_the_notebook_shows_tokens_and_pictures(tiny_llama):
    source = NOTEBOOK.read_text(encoding="utf-8").replace("smollm2-135m-instruct", str(tiny_llama))
    source = source.replace(r"keep=\"correct\"", r"keep=\"all\", min_gap=0")
    cells = executed(source)
    shown = [output for cell in cells for output in cell.outputs if output.output_type == "execute_result"]
    assert "large" in shown[0]["data"]["text/html"]
    assert [one["data"].keys() >= {"image/png"} for one in shown[1:]] == [True, True, True]


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_on_the_real_model():
    executed(NOTEBOOK.read_text(encoding="utf-8"))
