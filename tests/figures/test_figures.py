"""Every figure: readable, within its page, its numbers those of the tables, the same bytes every time."""

from __future__ import annotations

import dataclasses

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from interp.analysis.findings_of_heads import HeadFindings
from interp.errors import UserError
from interp.figures import figures, save
from interp.figures.maps import attention_weights, draw_map
from interp.figures.style import PAGE, STYLE
from interp.figures.window import window
from interp.results.tables import RunTables
from interp.words.phrases import runs_text
from tests.figures.readable import drawn, faults
from tests.findings import changed


@pytest.fixture(scope="session", params=["finished", "crowded"])
def tables(request):
    return RunTables.load(request.getfixturevalue(request.param)[1])


@pytest.fixture(scope="session")
def small(finished):
    return RunTables.load(finished[1])


@pytest.mark.parametrize("kind", list(figures))
def test_texts_are_legible_inside_the_page_and_do_not_overlap(tables, kind):
    figure = figures[kind]().render(tables).figure
    with mpl.rc_context(STYLE):
        assert drawn(figure)
        assert faults(figure) == []
    assert figure.get_figwidth() <= PAGE + 1e-6


@pytest.mark.parametrize("kind", list(figures))
def test_captions_state_what_a_reader_needs(small, kind):
    made = figures[kind]().render(small)
    assert small.run.model.name in made.caption
    assert "prompt" in made.caption
    assert made.title
    assert len(made.data)


@pytest.mark.parametrize("kind", list(figures))
def test_the_same_tables_give_the_same_bytes(small, kind, tmp_path):
    for folder in ("a", "b"):
        save(figures[kind]().render(small), tmp_path / folder, kind)
    for ending in ("png", "pdf", "svg", "csv"):
        assert (tmp_path / "a" / f"{kind}.{ending}").read_bytes() == (tmp_path / "b" / f"{kind}.{ending}").read_bytes()


def test_drawn_numbers_are_the_tables_numbers(small):
    search = small.findings("key_query_heads", HeadFindings)
    assert figures["share_curve"]().render(small).data["share"].tolist() == [point.share for point in search.curve]
    bars = figures["effect_bars"]().render(small).data
    assert bars["mean"].tolist() == [head.carried.mean for head in search.ranking]
    heat = figures["head_heatmap"]().render(small).data
    assert heat["part"].iloc[0] == "single"
    for part, rows in heat.groupby("part"):
        assert len(rows) == 12, part
        for row in rows.itertuples():
            (mean,) = small.summary_of("key_query_heads", part=part, layer=row.layer, head=row.head)["mean"]
            assert row.mean == mean


def test_the_red_cell_is_at_key_five_and_query_eight_counted_from_one(small):
    heads = small.findings("key_query_heads", HeadFindings).ranking[:1]
    weights = attention_weights(small, "attention_pattern", heads)[heads[0].label]
    rows = small.probe("attention_pattern")
    cell = rows.query(f"layer == {heads[0].layer} and head == {heads[0].head} and query == 8 and key == 5")
    assert weights[7, 4] == cell["value"].iloc[0]
    assert weights.sum(axis=1) == pytest.approx(np.ones(8))
    axes = figures["share_curve"]().render(small).figure.axes[0]
    axes.clear()
    draw_map(axes, weights, window(8, [5, 8]), key=5, query=8)
    image = axes.images[0].get_array()
    redness = image[..., 0] - image[..., 2]
    assert np.unravel_index(redness.argmax(), redness.shape) == (7, 4)
    assert axes.images[0].origin == "lower"  # queries upwards, as in the figure


def test_a_crowd_of_heads_is_shown_up_to_the_limit_and_the_caption_says_so(crowded):
    tables = RunTables.load(crowded[1])
    needed = len(tables.findings("key_query_heads", HeadFindings).shares.joint.heads)
    assert needed > 10
    made = figures["attention_panel"](max_heads=10).render(tables)
    assert made.data["head"].nunique() == 10
    assert "the first 10 are shown" in made.caption
    words = [text.get_text() for text, _ in drawn(figures["circuit_panel"]().render(tables).figure)]
    assert any(f"first 10 of {needed} shown" in word for word in words)


@pytest.mark.parametrize(
    ("kind", "probe", "says"),
    [
        ("share_curve", "nobody", "there is no probe 'nobody' in this run; it has"),
        ("share_curve", "logit_lens", "probe 'logit_lens' is a logit_lens, but this figure draws key_query_heads"),
    ],
)
def test_a_probe_that_does_not_fit_is_refused(small, kind, probe, says):
    with pytest.raises(UserError, match=says):
        figures[kind](probe=probe).render(small)


def test_a_run_without_the_probe_is_refused(small):
    poorer = changed(small, lambda metrics: metrics.update(probes={"logit_lens": {"kind": "logit_lens"}}))
    with pytest.raises(UserError, match="needs a probe of kind layer_modulation; this run has logit_lens"):
        figures["modulation_curve"]().render(poorer)


def test_tokens_are_shown_literally(small):
    odd = ["$x_1$", "<b>", "{a}", "\\n", "é", "a&b", "%d", "#"]
    prompts = small.prompts.copy()
    focus = prompts.index[prompts["focus"]][0]
    prompts.at[focus, "clean_tokens"] = np.array(odd, dtype=object)
    shown = [
        text.get_text()
        for text, _ in drawn(figures["circuit_panel"]().render(dataclasses.replace(small, prompts=prompts)).figure)
    ]
    assert set(odd) <= set(shown)


def test_no_interval_from_one_word_pair_is_drawn_as_none(small):
    def without_intervals(metrics):
        found = metrics["probes"]["key_query_heads"]
        for point in found["curve"]:
            point["low"] = point["high"] = None
        for share in found["shares"].values():
            share["n_low"] = share["n_high"] = None
        for head in found["ranking"]:
            head["carried"].update(low=None, high=None)

    bare = changed(small, without_intervals)
    for kind in ("share_curve", "effect_bars", "attention_panel"):
        assert isinstance(figures[kind]().render(bare).data, pd.DataFrame)


def test_layers_as_runs():
    assert runs_text([0, 1, 2, 8, 20, 21]) == "0–2, 8, 20–21"
    assert runs_text([]) == ""
