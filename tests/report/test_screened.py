"""The report of a screened search: estimates are never printed as cuts."""

from __future__ import annotations

import pytest

from interp.analysis.findings import EdgePatchingFindings
from interp.errors import UserError
from interp.figures.position_grid import PositionGrid
from interp.results.tables import RunTables
from interp.runs.circuit.config import load
from interp.runs.circuit.dry_run import describe
from interp.runs.circuit.run import run
from tests.tiny_runs import QUIET, write_yaml


@pytest.fixture(scope="module")
def screened(tiny_llama, tmp_path_factory):
    path = write_yaml(tmp_path_factory.mktemp("screened"), tiny_llama)
    probes = (
        "[{kind: key_query_heads, rerankings: 1, random_sets: 2}, {kind: edge_patching, pairs: all, screen: {top: 3}}]"
    )
    return run(load(path, [f"probes={probes}"]), QUIET).parent


def test_the_sentence_says_how_much_was_cut_and_what_may_be_missed(screened):
    found = RunTables.load(screened).findings("edge_patching", EdgePatchingFindings).screen
    text = (screened / "report.md").read_text(encoding="utf-8")
    cut = found.n_candidates + found.n_audited
    assert f"The 3 largest of {found.n_effects:,} edges" in text
    assert f"were found by cutting {cut:,}" in text
    effects = [edge.effect.mean for edge in found.top]
    assert effects == sorted(effects, key=abs, reverse=True)


def test_estimates_stand_in_no_table_or_figure_of_cuts(screened):
    tables = RunTables.load(screened)
    rows = tables.summary[tables.summary["probe"] == "edge_patching"]
    assert set(rows[rows["part"] == "screen"]["method"]) == {"attribution"}
    assert set(tables.summary_of("edge_patching")["method"]) == {"exact"}
    assert not (screened / "figures" / "position_grid.png").exists()
    page = (screened / "report.md").read_text(encoding="utf-8")
    largest = page.split("Largest effects of edge_patching")[1].split("\n\n")[1]
    assert "screen" not in largest
    with pytest.raises(UserError, match="is screened"):
        PositionGrid(kind="position_grid").render(tables)


def test_a_metric_that_grows_with_damage_is_said_to_be_raised(tiny_llama, tmp_path):
    overrides = ["metric={kind: kl_from_clean}", "probes=[{kind: key_query_heads, rerankings: 1, random_sets: 2}]"]
    text = (run(load(write_yaml(tmp_path, tiny_llama), overrides), QUIET).parent / "report.md").read_text(
        encoding="utf-8"
    )
    assert "of every head its value from the corrupted run raises the KL divergence from the clean run" in text
    assert "The metric grows with damage" in text
    assert "Orange: carries the answer; blue: works against it" in text
    # It reads no answer, so for arbitrary answers the search would find the same again.
    assert "for arbitrary answers" not in text


@pytest.mark.parametrize(
    ("metric", "rest", "says"),
    [
        ("kl_from_clean", "probes=[{kind: edge_patching, screen: {top: 3}}]", "has no slope there"),
        (
            "kl_from_clean",
            "probes=[{kind: head_ablation}, {kind: attribution_patching, of: head_ablation}]",
            "has no slope there",
        ),
        (
            "kl_from_clean",
            "prompts.task.pairing=shuffled",
            "prompts.task.pairing: the metric kl_from_clean reads no answer",
        ),
        ("logit_diff", "probes=[{kind: edge_patching, screen: {top: 3}, prompts: focus_template}]", ""),
        ("logit_diff", "prompts.task.pairing=shuffled", ""),
    ],
)
def test_what_a_divergence_cannot_answer_is_refused_before_anything_is_measured(
    tiny_llama, tmp_path, metric, rest, says
):
    def check():
        overrides = [f"metric={{kind: {metric}}}", "probes=[{kind: logit_lens}]", "experiment=null", rest]
        describe(load(write_yaml(tmp_path, tiny_llama), overrides), QUIET)

    if says:
        with pytest.raises(UserError, match=says):
            check()
    else:
        check()
