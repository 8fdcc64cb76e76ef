"""What a page's script is given: attention maps within a budget, tables inside the page as long as there is room."""

from __future__ import annotations

import base64
import dataclasses
from urllib.parse import unquote

import numpy as np
import pytest

from interp.figures.base import Saved
from interp.figures.marks import Spots
from interp.report import interactive
from interp.results.tables import RunTables
from interp.words.phrases import runs_text


@pytest.fixture(scope="module")
def tables(finished):
    return RunTables.load(finished[1])


def test_attention_maps_are_the_tables_weights(tables):
    found = interactive.attention(tables)
    assert found["heads"] == [f"L{layer}-H{head}" for layer in range(3) for head in range(4)]
    (prompt,) = found["prompts"]
    assert (prompt["key"], prompt["query"], prompt["positions"]) == (5, 8, list(range(1, 9)))
    weights = np.frombuffer(base64.b64decode(prompt["weights"]), dtype=np.uint8).reshape(3, 4, 36)
    for row in tables.probe("attention_pattern").to_dict("records"):
        query, key = int(row["query"]), int(row["key"])
        told = weights[int(row["layer"]), int(row["head"]), query * (query - 1) // 2 + key - 1]
        assert told / interactive.LEVELS == pytest.approx(row["value"], abs=0.5 / interactive.LEVELS + 1e-6)


def test_a_long_prompt_is_cut_to_what_there_is_room_for(tables, monkeypatch):
    monkeypatch.setattr(interactive, "WEIGHTS", 12 * 15)
    (prompt,) = interactive.attention(tables)["prompts"]
    assert len(prompt["positions"]) == len(prompt["tokens"]) == 5
    assert {5, 8} <= set(prompt["positions"])
    assert prompt["note"] == f"Of 8 positions, {runs_text(prompt['positions'])} are shown."
    monkeypatch.setattr(interactive, "WEIGHTS", 12)
    assert interactive.attention(tables) is None


def test_tokens_come_as_they_are_and_end_no_element(tables):
    prompts = tables.prompts.copy()
    for row in prompts.index:
        prompts.at[row, "clean_tokens"] = np.array(["</script>"] * 8, dtype=object)
    found = interactive.attention(dataclasses.replace(tables, prompts=prompts))
    assert found["prompts"][0]["tokens"] == ["</script>"] * 8
    assert "<" not in interactive.as_json(found)


def test_a_run_without_maps_has_none(tables):
    metrics = tables.metrics.model_copy(update={"probes": {}})
    assert interactive.attention(dataclasses.replace(tables, metrics=metrics)) is None


def test_tables_are_inside_the_page_smallest_first_until_it_would_grow_too_large(tmp_path, monkeypatch):
    folder = tmp_path / "figures"
    folder.mkdir()
    saved = [Saved(name, "", "", folder, 3.0) for name in ("large", "small")]
    (folder / "large.csv").write_text("a,b\n" + "1,2\n" * 500)
    (folder / "small.csv").write_text('a,"b #%<>"\n1,é\n', encoding="utf-8")
    monkeypatch.setattr(interactive, "TABLES", 200)
    links = interactive.csv_links(saved)
    assert links["large"] == "figures/large.csv"
    assert unquote(links["small"].split(",", 1)[1]) == 'a,"b #%<>"\n1,é\n'
    assert "#" not in links["small"]


def test_what_can_be_pointed_at_is_cut_by_whole_figures_the_largest_first(tmp_path, monkeypatch):
    large = Spots(["head"], [[f"L{row}-H0"] for row in range(500)], [[row, row] for row in range(500)])
    few = Spots(["head", "part"], [["L0-H0", "a"], ["L1-H0", "a"]], [[1, 2], [3, 4]])
    saved = [Saved("large", "", "", tmp_path, 3.0, [large]), Saved("few", "", "", tmp_path, 3.0, [few])]
    saved.append(Saved("none", "", "", tmp_path, 3.0))
    assert set(interactive.spots(saved)) == {"large", "few"}
    monkeypatch.setattr(interactive, "SPOTS", 1000)
    (group,) = interactive.spots(saved)["few"]
    assert set(interactive.spots(saved)) == {"few"}
    assert group == {"names": ["head", "part"], "columns": [["L0-H0", "L1-H0"], ["a", "a"]], "places": [[1, 2], [3, 4]]}
