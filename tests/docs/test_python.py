"""The Python of the pages runs, on a tiny model where one is asked."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from unittest.mock import create_autospec

import pandas as pd
import pytest

import interp.models.averaging
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_run import Metrics
from interp.results.tables import RunTables
from tests.docs.pages import DOCS, all_blocks, blocks
from tests.findings import filled
from tests.report.synthetic import make_tables

OF_THE_TEMPLATE = {"plugins.md", *(path.name for path in DOCS.glob("new_*.md"))}
"""Their blocks are the files of examples/plugin, letter by letter (tests/plugins)."""
RUN = {"notebook.md", "tables.md", "sparse.md"}
LITTLE = "n_resamples=100, rerankings=0, random_sets=0, max_heads=1, screen=1, beside=(), nonsense=False, shapley=None"
QUICK = {"find_heads(share=0.8": f"find_heads({LITTLE}, share=0.8"}
"""A search that does little beside what the page is about."""


def test_every_page_with_python_is_run_by_a_test():
    assert {one.page.name for one in all_blocks("python")} <= OF_THE_TEMPLATE | RUN


def run(page: Path, **instead: str) -> dict[str, object]:
    """The blocks of a page, one after the other, as a reader would."""
    space: dict[str, object] = {}
    for block in blocks(page, "python"):
        code = block.text
        for old, new in (QUICK | instead).items():
            code = code.replace(old, new)
        exec(compile(ast.parse(code), str(block), "exec"), space)
    return space


def test_the_notebook_page_runs_line_by_line(tiny_llama):
    space = run(DOCS / "notebook.md", **{'"smollm2-135m-instruct"': repr(str(tiny_llama))})
    assert len(space["effects"]) == 3 * 4 * 3  # layers, heads, prompts
    assert len(space["edges"]) == 3 * 4 * 3
    assert list(space["study"].tokens.query("role == 'key'")["clean"].str.strip()) == ["large"]
    assert space["verdict"].heads


def test_the_page_of_the_tables_reads_a_verdict(monkeypatch):
    heads = filled(HeadFindings, {"kind": "key_query_heads"})
    little = make_tables(None)
    metrics = Metrics.model_validate({"run": little.metrics.run, "probes": {"key_query_heads": heads}})
    monkeypatch.setattr(RunTables, "load", lambda folder: dataclasses.replace(little, metrics=metrics))
    one = {"probe": "key_query_heads", "part": "single", "layer": 0, "head": 1}
    rows = [one | {"pair": pair, "effect": effect} for pair, effect in (("a", 1.0), ("a", 2.0), ("b", 6.0))]
    others = [one | {"pair": "a", "effect": 50.0} | change for change in ({"head": 2}, {"part": "joint"})]
    monkeypatch.setattr(pd, "read_parquet", lambda path: pd.DataFrame(rows + others))
    space = run(DOCS / "tables.md")
    assert space["verdict"].kind == "key_query_heads"
    assert (space["mean"], space["low"], space["high"]) == (3.0, 1.5, 6.0)  # of both clusters; of each alone


def test_the_mean_of_stages_is_asked_for_as_the_function_takes_it(monkeypatch):
    asked = create_autospec(interp.models.averaging.average)
    monkeypatch.setattr(interp.models.averaging, "average", asked)
    run(DOCS / "sparse.md")
    assert asked.call_args.args[1] == {
        Path("stages/1"): 0.15,
        Path("on/stages/1"): 0.2,
        Path("stages/3"): 0.65,
    }


@pytest.mark.parametrize("code", ["no_such_name", "import interp.nothing"])
def test_a_block_that_does_not_run_is_found(tmp_path, code):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n```python\n{code}\n```\n")
    with pytest.raises((NameError, ImportError)):
        run(page)
