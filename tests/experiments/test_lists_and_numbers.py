"""Sentences and tables of the recipes: long lists are cut on both sides, and no number that is not there is printed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from experiments.key_query_circuit import KeyQueryCircuit
from experiments.overview import Overview, effects_tables, top_effects
from experiments.sentences import against_text, effect_sentence, some
from interp.analysis.findings_of_heads import HeadFindings, HeadFound
from interp.metrics import metrics
from interp.words.phrases import percent, tenth
from tests.findings import changed, estimate


def head(number, carried):
    return HeadFound(
        label=f"L0-H{number}",
        layer=0,
        head=number,
        carried=estimate(carried, carried - 0.1, carried + 0.1),
        discovered=True,
        named=True,
    )


@pytest.mark.parametrize(("n", "said"), [(12, "L0-H11"), (13, "and 3 more"), (700, "and 690 more")])
def test_a_long_list_of_heads_is_cut(n, said):
    text = some([f"L0-H{number}" for number in range(n)])
    assert text.endswith(said)
    assert text.count("L0-H") == min(n, 12 if n == 12 else 10)


def test_heads_against_the_answer_are_cut_as_those_for_it():
    text = against_text([head(number, -1.0) for number in range(400)], 1)
    assert "and 390 more work against" in text
    heads = [head(0, -1.0), head(1, 1.0)]
    assert against_text(heads, 1) == "; of these, L0-H0 works against the answer"
    # Of a divergence, what carries the answer lowers it.
    assert against_text(heads, -1) == "; of these, L0-H1 works against the answer"


def test_one_of_each_is_singular(finished_tables):
    def alone(metrics):
        metrics["run"] |= {"n_prompts": 1, "n_pairs": 1, "n_templates": 1}
        metrics["probes"] = {"logit_lens": {"kind": "logit_lens"}}

    one = changed(finished_tables, alone)
    assert Overview().story(one, []).answer == [
        "1 probe measured 1 prompt (1 word pair); the largest effects stand below."
    ]
    search = finished_tables.findings("key_query_heads", HeadFindings)
    assert effect_sentence(one.run, search).endswith("over 1 prompt of 1 word pair in 1 wording.")


def test_an_interval_that_is_not_there_is_a_dash(finished_tables):
    summary = finished_tables.summary.assign(ci_low=np.nan, ci_high=np.nan)
    table = top_effects(dataclasses.replace(finished_tables, summary=summary), "head_ablation")
    assert {row[-2] for row in table.rows} == {"—"}
    whole = top_effects(finished_tables, "head_ablation")
    assert all(row[-2].startswith("[") for row in whole.rows)
    for text in (percent(float("nan")), percent(None), tenth(float("nan"))):
        assert text == "—"


def test_of_a_circuit_single_parts_are_listed_and_the_answer_is_its_sentence(finished_tables):
    """Random sets and points of the curves are no effects of anything that could be named."""
    table = top_effects(finished_tables, "circuit_nodes")
    assert {row[0] for row in table.rows} == {"single"}
    (told,) = (one for one in Overview().story(finished_tables, []).answer if "when kept alone" in one)
    assert told.startswith("Of what all ")
    without = finished_tables.summary[finished_tables.summary["part"] != "single"]
    assert effects_tables(dataclasses.replace(finished_tables, summary=without), "circuit_nodes") == []


@pytest.mark.parametrize(
    ("at_80", "at_90", "told"),
    [
        (6.0, 90.0, ["The best 6 heads replaced alone explain 80 %, and 90 of 100 explain 90 %"]),
        (60.0, 90.0, []),
        (6.0, None, []),
        (0.5, 9.0, []),  # a jump, but of few parts
    ],
)
def test_where_a_curve_is_flat_every_recipe_says_so_before_it_is_quoted(finished_tables, at_80, at_90, told):
    def jumps(metrics):
        found = metrics["probes"]["circuit_nodes"]
        found |= {"n_candidates": 100, "candidates": "heads"}
        alike = {"low": None, "high": None, "mlps": 0.0}
        found["needed"] = {
            "sufficient": {share: {"n": 5.0, **alike} for share in ("0.7", "0.8", "0.9")},
            "necessary": {share: {"n": n, **alike} for share, n in (("0.7", at_80), ("0.8", at_80), ("0.9", at_90))},
        }

    tables = changed(finished_tables, jumps)
    for recipe in (Overview(), KeyQueryCircuit()):
        notes = [note for note in recipe.story(tables, []).caveats if "no size of a circuit" in note]
        assert [note.split(":")[0] for note in notes] == told


def test_every_metric_has_its_own_words():
    assert all(metrics[kind].described()["words"] for kind in metrics)
