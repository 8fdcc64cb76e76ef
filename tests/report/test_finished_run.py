"""The report of a whole run on the tiny model: from its own tables, by the recipe."""

from __future__ import annotations

import json

import pytest

from interp.analysis.findings_of_heads import HeadFindings
from interp.configs.paths import shown_path
from interp.results.tables import RunTables
from tests.report.page import Page


@pytest.fixture(scope="module")
def page(finished):
    return Page((finished[1] / "report.html").read_text(encoding="utf-8"))


def test_a_reader_finds_answer_tokens_drops_and_the_command(page, finished):
    path, folder = finished
    text, manifest = page.text(), json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tables = RunTables.load(folder)
    share = tables.findings("key_query_heads", HeadFindings).shares.joint
    assert f"{share.n} head" in text
    for words in (
        *("5 key", "8 query", "opposite", "large", "beyond max_pairs", f"make experiment CONFIG={shown_path(path)}"),
        *(manifest["config_hash"], f"torch {manifest['versions']['torch']}", "kind: key_query_heads"),
    ):
        assert words in text
    assert all(prompt in text for prompt in tables.prompts["clean"])
    assert all(probe in text for probe in tables.labels)


def test_every_figure_is_shown_once(page, finished):
    drawn = sorted(path.stem for path in (finished[1] / "figures").glob("*.png"))
    markdown = (finished[1] / "report.md").read_text(encoding="utf-8")
    assert len(page.all("svg")) == len(drawn) > 5
    assert all(markdown.count(f"](figures/{stem}.png)") == 1 for stem in drawn)
