"""The example notebook runs from top to bottom, and shows what it measured and how far it is."""

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
def test_the_notebook_shows_tokens_pictures_and_a_verdict(tiny_llama):
    source = NOTEBOOK.read_text(encoding="utf-8").replace("smollm2-135m-instruct", str(tiny_llama))
    source = source.replace(r"keep=\"correct\"", r"keep=\"all\", min_gap=0").replace(
        r"key=\"{word}\"", r"key=\"{word}\", min_gap=0"
    )
    cells = executed(source)
    results = [output.data for cell in cells for output in cell.outputs if output.output_type == "execute_result"]
    told, *pictures, verdict, own, edges = results
    assert "large" in told["text/html"]
    assert all("image/png" in picture for picture in (*pictures, edges))
    assert len(pictures) == 3
    assert "heads carry 80 %" in verdict["text/html"]
    assert "<table" in own["text/html"]
    # One bar a measurement, and nothing else: no warning that something should be installed.
    bars = [output.data for cell in cells for output in cell.outputs if output.output_type == "display_data"]
    assert [bar["text/plain"].split(":")[0] for bar in bars] == [
        *("patch", "cut_edges", "patch", "key_query_heads", "cut_edges")
    ]
    assert all("<progress" in bar["text/html"] for bar in bars)
    assert "144 of 144 forward passes" in bars[0]["text/plain"]


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_on_the_real_model():
    executed(NOTEBOOK.read_text(encoding="utf-8"))
